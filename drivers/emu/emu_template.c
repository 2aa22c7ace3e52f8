/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Prepared requests: who asks for what, in which order, by profile and seed. Sent again and
 * again; each time round the addresses move on by one and the same step.
 */

#include <errno.h>
#include <math.h>

#include <uiommu_fault.h>

#include "emu_pvt.h"

#define TEMPLATES_MIN 4096
#define TEMPLATES_SKEWED_MIN 16384
#define TEMPLATES_MAX (UINT32_C(1) << 20)
#define BURST_RUN 64
#define ZIPF_S 0.99
#define HOT_SHARE 0.1
#define HOT_RATIO 0.9

/* What is at hand while templates are made. */
struct maker {
	struct uiommu_emu *emu;
	const struct uiommu_emu_traffic *conf;
	uint32_t *bonds;     /* those that send, shuffled */
	uint32_t *visits;    /* of each of them so far */
	uint32_t nb_bonds;
	uint64_t random;
	uint8_t kind;        /* of the next bad request */
	uint32_t unknown;    /* device that software does not know */
	uint8_t sources;
};

uint64_t
emu_random(uint64_t *state)
{
	uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

uint64_t
emu_random_below(uint64_t *state, uint64_t n)
{
	return (uint64_t)(((unsigned __int128)emu_random(state) * n) >> 64);
}

static double
random_unit(uint64_t *state)
{
	return (double)(emu_random(state) >> 11) * 0x1.0p-53;
}

/* Rank of a Zipf distribution over n, by its continuous form. */
static uint64_t
random_zipf(uint64_t *state, uint64_t n)
{
	const double e = 1.0 - ZIPF_S;
	const double x = pow(random_unit(state) * (pow((double)n + 1, e) - 1) + 1, 1 / e);

	return RTE_MIN((uint64_t)x - 1, n - 1);
}

static uint64_t
random_hotspot(uint64_t *state, uint64_t n)
{
	const uint64_t hot = RTE_MAX((uint64_t)((double)n * HOT_SHARE), (uint64_t)1);

	if (random_unit(state) < HOT_RATIO)
		return emu_random_below(state, hot);
	return hot == n ? 0 : hot + emu_random_below(state, n - hot);
}

/* Spread ranks over the window, so that hot pages are no neighbours. */
static uint64_t
page_scatter(uint64_t rank, uint64_t pages)
{
	return (rank * UINT64_C(0x9e3779b1)) % pages;
}

static uint64_t
page_choose(struct maker *maker, uint32_t which)
{
	const uint64_t pages = maker->conf->window_pages;

	switch (maker->conf->profile) {
	case UIOMMU_EMU_SEQUENTIAL:
		return maker->visits[which]++ % pages;
	case UIOMMU_EMU_ZIPF:
		return page_scatter(random_zipf(&maker->random, pages), pages);
	case UIOMMU_EMU_HOTSPOT:
		return page_scatter(random_hotspot(&maker->random, pages), pages);
	default:
		return emu_random_below(&maker->random, pages);
	}
}

/* Which of the bonds the i-th template is for. */
static uint32_t
bond_choose(struct maker *maker, uint32_t i)
{
	switch (maker->conf->profile) {
	case UIOMMU_EMU_ZIPF:
		return (uint32_t)random_zipf(&maker->random, maker->nb_bonds);
	case UIOMMU_EMU_HOTSPOT:
		return (uint32_t)random_hotspot(&maker->random, maker->nb_bonds);
	case UIOMMU_EMU_BURST:
		return i / BURST_RUN % maker->nb_bonds;
	default:
		return i % maker->nb_bonds;
	}
}

/* Kinds of bad requests in turn; events of stalls know fewer. */
static uint8_t
kind_next(uint8_t kind, bool stall)
{
	do
		kind = kind % (EMU_KIND_COUNT - 1) + 1;
	while (stall && kind != EMU_KIND_PASID && kind != EMU_KIND_PRIVILEGE &&
	       kind != EMU_KIND_CANONICAL);
	return kind;
}

static void
template_fill(struct maker *maker, struct emu_template *tmpl, uint32_t which)
{
	struct uiommu_emu *emu = maker->emu;
	const struct emu_bond *bond = &emu->bonds[maker->bonds[which]];
	struct emu_message msg = {
		.pasid = bond->pasid,
		.flags = EMU_REQ_READ | EMU_REQ_LAST,
	};
	uint64_t word[4];

	*tmpl = (struct emu_template){
		.bond = maker->bonds[which],
		.device = bond->device,
		.class = emu->devices[bond->device]->class,
	};
	msg.endpoint_id = emu->devices[bond->device]->endpoint_id;
	msg.iova = maker->conf->window_iova + (page_choose(maker, which) << EMU_PAGE_SHIFT);
	if (random_unit(&maker->random) < maker->conf->write_ratio)
		msg.flags |= EMU_REQ_WRITE;
	tmpl->access = msg.flags & (EMU_REQ_READ | EMU_REQ_WRITE);
	tmpl->expect = emu->model->response_word(emu->devices[bond->device], msg.pasid);
	tmpl->stall = emu->devices[bond->device]->stalls;
	if (random_unit(&maker->random) < maker->conf->bad_ratio) {
		maker->kind = kind_next(maker->kind, tmpl->stall != 0);
		tmpl->kind = maker->kind % EMU_KIND_COUNT;
		tmpl->expect = tmpl->bond;
		tmpl->bond = 0;
		if (tmpl->kind == EMU_KIND_ENDPOINT) {
			tmpl->device = (uint16_t)maker->unknown;
			msg.endpoint_id = emu->devices[maker->unknown]->endpoint_id;
			tmpl->stall = emu->devices[maker->unknown]->stalls;
		}
	}
	if (tmpl->stall != 0)
		emu->model->event(&msg, word);
	else
		emu->model->encode(&msg, word);
	tmpl->entry[0] = word[0];
	tmpl->entry[1] = tmpl->stall != 0 ? msg.iova : word[1];
}

/* Bonds of all devices that send, in random order. */
static int
bonds_gather(struct maker *maker)
{
	struct uiommu_emu *emu = maker->emu;
	const struct emu_device *dev;
	uint32_t i, j;

	maker->bonds = emu_alloc(emu->nb_bonds * sizeof(uint32_t), SOCKET_ID_ANY);
	maker->visits = emu_alloc(emu->nb_bonds * sizeof(uint32_t), SOCKET_ID_ANY);
	if (maker->bonds == NULL || maker->visits == NULL)
		return -ENOMEM;
	for (i = 1; i < emu->nb_bonds; i++) {
		dev = emu->devices[emu->bonds[i].device];
		if (dev->removed || dev->unknown)
			continue;
		j = (uint32_t)emu_random_below(&maker->random, maker->nb_bonds + 1);
		maker->bonds[maker->nb_bonds] = maker->bonds[j];
		maker->bonds[j] = i;
		maker->nb_bonds++;
	}
	return maker->nb_bonds == 0 ? -EINVAL : 0;
}

/* A device that software was not told of: one of the caller's, or one of our own. */
static int
unknown_device(struct maker *maker)
{
	struct uiommu_emu *emu = maker->emu;
	struct uiommu_emu_device_conf conf = {.unknown = true};
	uint32_t i;

	for (i = 1; i < emu->nb_devices; i++)
		if (emu->devices[i]->unknown && !emu->devices[i]->removed)
			break;
	maker->unknown = i;
	if (i < emu->nb_devices)
		return 0;
	conf.endpoint_id = RTE_MIN(emu->endpoint_max, (uint32_t)UINT16_MAX);
	while (emu->device_of[conf.endpoint_id] != 0 && conf.endpoint_id > 0)
		conf.endpoint_id--;
	return emu_device_plug(emu, &conf);
}

static uint32_t
templates_count(const struct maker *maker)
{
	const uint32_t nb = maker->nb_bonds;
	uint32_t count;

	switch (maker->conf->profile) {
	case UIOMMU_EMU_ZIPF:
	case UIOMMU_EMU_HOTSPOT:
		count = RTE_MAX(nb * 4, (uint32_t)TEMPLATES_SKEWED_MIN);
		return RTE_MIN(count, TEMPLATES_MAX);
	case UIOMMU_EMU_BURST:
		count = RTE_MAX(nb * BURST_RUN, (uint32_t)TEMPLATES_MIN);
		return RTE_MIN(count, TEMPLATES_MAX);
	default:
		return nb * ((TEMPLATES_MIN + nb - 1) / nb);
	}
}

/* Pages by which all addresses move on when the templates were sent once. */
static uint64_t
step_pages(const struct maker *maker, uint32_t nb)
{
	const uint64_t pages = maker->conf->window_pages;

	switch (maker->conf->profile) {
	case UIOMMU_EMU_UNIFORM:
	case UIOMMU_EMU_BURST:
		return (uint64_t)((double)pages * 0.6180339887) % pages;
	case UIOMMU_EMU_SEQUENTIAL:
		return nb / maker->nb_bonds % pages;
	default:
		return 0;
	}
}

/* Order matters to a sequential walk: choose the order of bonds first, then the pages. */
static int
templates_fill(struct maker *maker, struct emu_template *templates, uint32_t nb)
{
	uint32_t *order = emu_alloc(nb * sizeof(*order), SOCKET_ID_ANY);
	uint32_t i, j;

	if (order == NULL)
		return -ENOMEM;
	for (i = 0; i < nb; i++)
		order[i] = bond_choose(maker, i);
	/* here every bond is in it equally often; the other profiles have drawn already */
	if (maker->conf->profile == UIOMMU_EMU_UNIFORM ||
	    maker->conf->profile == UIOMMU_EMU_SEQUENTIAL)
		for (i = nb - 1; i > 0; i--) {
			j = (uint32_t)emu_random_below(&maker->random, i + 1);
			RTE_SWAP(order[i], order[j]);
		}
	for (i = 0; i < nb; i++) {
		template_fill(maker, &templates[i], order[i]);
		maker->sources |= templates[i].stall != 0 ? EMU_SOURCE_EVENTS :
							     EMU_SOURCE_REQUESTS;
	}
	emu_free(order);
	return 0;
}

int
emu_templates_make(struct uiommu_emu *emu, struct emu_traffic *out)
{
	struct maker maker = {.emu = emu, .conf = &out->conf, .random = out->conf.seed};
	int ret;

	ret = bonds_gather(&maker);
	if (ret == 0 && out->conf.bad_ratio > 0)
		ret = unknown_device(&maker);
	if (ret == 0) {
		out->nb_templates = templates_count(&maker);
		out->templates = emu_alloc(out->nb_templates * sizeof(out->templates[0]),
					   emu->socket_id);
		ret = out->templates == NULL ? -ENOMEM : 0;
	}
	if (ret == 0)
		ret = templates_fill(&maker, out->templates, out->nb_templates);
	if (ret == 0) {
		out->random = maker.random;
		out->sources = maker.sources;
		out->span = out->conf.window_pages << EMU_PAGE_SHIFT;
		out->limit = out->conf.window_iova + out->span;
		out->step_bytes = step_pages(&maker, out->nb_templates) << EMU_PAGE_SHIFT;
	}
	emu_free(maker.bonds);
	emu_free(maker.visits);
	return ret;
}
