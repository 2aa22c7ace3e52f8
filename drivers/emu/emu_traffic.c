/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * What the devices send, and when software gets to see it.
 */

#include <errno.h>
#include <string.h>

#include <rte_cycles.h>

#include "emu_pvt.h"

#define BURST_DEFAULT 64
#define BURST_MAX 4096
#define WINDOW_DEFAULT 65536
#define WINDOW_MAX (UINT64_C(1) << 34)
/* Addresses of all ways to translate; a bit of bad ones stands above them. */
#define WINDOW_IOVA_MAX (UINT64_C(1) << 56)
#define PAGES_MAX 256
/* With a rate: what a late model may make up for, in bursts. */
#define CATCH_UP_BURSTS 4

void
emu_template_advance(struct uiommu_emu *emu, struct emu_template *tmpl)
{
	const struct emu_traffic *traffic = &emu->traffic;

	tmpl->entry[1] += traffic->step_bytes;
	if (tmpl->entry[1] >= traffic->limit)
		tmpl->entry[1] -= traffic->span;
}

struct emu_message
emu_template_message(const struct uiommu_emu *emu, const struct emu_template *tmpl)
{
	const uint64_t bond = tmpl->bond != 0 ? tmpl->bond : tmpl->expect;

	return (struct emu_message){
		.endpoint_id = emu->devices[tmpl->device]->endpoint_id,
		.pasid = emu->bonds[bond].pasid,
		.iova = tmpl->entry[1] & ~(uint64_t)(EMU_PAGE_SIZE - 1),
		.flags = tmpl->access | EMU_REQ_LAST,
	};
}

bool
emu_traffic_ready(const struct uiommu_emu *emu)
{
	const struct emu_traffic *traffic = &emu->traffic;

	return traffic->templates != NULL &&
	       ((traffic->sources & EMU_SOURCE_REQUESTS) == 0 || emu->ring.base != NULL) &&
	       ((traffic->sources & EMU_SOURCE_EVENTS) == 0 || emu->events.base != NULL);
}

struct emu_template *
emu_template_next(struct emu_traffic *traffic)
{
	struct emu_template *tmpl = &traffic->templates[traffic->next];

	traffic->next = traffic->next + 1 == traffic->nb_templates ? 0 : traffic->next + 1;
	return tmpl;
}

/* Where a group's pages are, for the pages that software has answered for. */
static void
page_keep(struct uiommu_emu *emu, uint16_t device, const struct emu_message *msg)
{
	if (emu->traffic.keep)
		emu_hot_pages(&emu->hot[device])[msg->prgi] =
			msg->iova | (msg->flags & (EMU_REQ_READ | EMU_REQ_WRITE));
}

/* The request that closes a group. */
static void
last_send(struct uiommu_emu *emu, uint32_t bond, uint16_t device, const struct emu_message *msg,
	  uint64_t expect)
{
	if (emu->model->request(emu, emu->devices[device], bond, msg) == UIOMMU_EMU_QUEUED)
		emu_group_await_good(emu, device, msg->prgi, expect);
	else
		emu_group_end(emu, device, msg->prgi);
}

unsigned int
emu_traffic_one(struct uiommu_emu *emu, struct emu_template *tmpl)
{
	struct emu_message msg;
	int prgi;

	if (tmpl->bond == 0)
		return emu_bad_send(emu, tmpl);
	if ((emu_bond_want(emu, tmpl->bond) & EMU_WANT_QUIET) != 0 ||
	    emu->bonds[tmpl->bond].refused)
		return 0;
	msg = emu_template_message(emu, tmpl);
	prgi = emu_group_begin(emu, tmpl->device, tmpl->bond, msg.pasid, 1);
	if (prgi < 0)
		return 0;
	msg.prgi = (uint16_t)prgi;
	page_keep(emu, tmpl->device, &msg);
	last_send(emu, tmpl->bond, tmpl->device, &msg, tmpl->expect);
	emu_template_advance(emu, tmpl);
	return 1;
}

unsigned int
emu_traffic_singly(struct uiommu_emu *emu, unsigned int max)
{
	unsigned int made = 0, look = max;

	while (look-- > 0)
		made += emu_traffic_one(emu, emu_template_next(&emu->traffic));
	return made;
}

/* ------------------------------------------------------ groups of several pages */

static void
open_send(struct uiommu_emu *emu, struct emu_open *open)
{
	struct emu_traffic *traffic = &emu->traffic;
	struct emu_message msg = {
		.endpoint_id = emu->devices[open->device]->endpoint_id,
		.pasid = emu->bonds[open->bond].pasid,
		.iova = open->iova + ((uint64_t)open->next << EMU_PAGE_SHIFT),
		.prgi = open->prgi,
		.flags = open->flags,
	};

	if (msg.iova >= traffic->limit)
		msg.iova -= traffic->span;
	open->next = open->next + 1 == open->pages ? 0 : (uint16_t)(open->next + 1);
	open->sent++;
	if (open->sent == open->pages) {
		open->pages = 0;
		traffic->nb_open--;
		msg.flags |= EMU_REQ_LAST;
		last_send(emu, open->bond, open->device, &msg, open->expect);
	} else if (emu->model->request(emu, emu->devices[open->device], open->bond, &msg) ==
		   UIOMMU_EMU_QUEUED) {
		emu_stale_check(emu, open->bond);
	} else {
		/* software does not know of this page */
		emu_hot_pages(&emu->hot[open->device])[open->prgi] = 0;
	}
}

/* Start a group in a free place. @return requests made */
static unsigned int
open_begin(struct uiommu_emu *emu, struct emu_open *open)
{
	struct emu_traffic *traffic = &emu->traffic;
	const struct uiommu_emu_traffic *conf = &traffic->conf;
	struct emu_template *tmpl = emu_template_next(traffic);
	const struct emu_device *dev = emu->devices[tmpl->device];
	struct emu_message msg;
	uint32_t pages;
	int prgi;

	if (tmpl->bond == 0)
		return emu_bad_send(emu, tmpl);
	if ((emu_bond_want(emu, tmpl->bond) & EMU_WANT_QUIET) != 0 ||
	    emu->bonds[tmpl->bond].refused)
		return 0;
	msg = emu_template_message(emu, tmpl);
	pages = conf->group_pages_min +
		(uint32_t)emu_random_below(&traffic->random, conf->group_pages_max -
							     conf->group_pages_min + 1);
	/* no more than it has credits, nor so many that two of them meet in the window */
	pages = RTE_MIN(pages, dev->stalls ? 1 : dev->credits);
	pages = (uint32_t)RTE_MIN(pages, conf->window_pages);
	prgi = emu_group_begin(emu, tmpl->device, tmpl->bond, msg.pasid, pages);
	if (prgi < 0)
		return 0;
	msg.prgi = (uint16_t)prgi;
	*open = (struct emu_open){
		.iova = msg.iova,
		.expect = tmpl->expect,
		.bond = tmpl->bond,
		.device = tmpl->device,
		.prgi = msg.prgi,
		.pages = (uint16_t)pages,
		.next = (uint16_t)emu_random_below(&traffic->random, pages),
		.flags = msg.flags & (EMU_REQ_READ | EMU_REQ_WRITE),
	};
	page_keep(emu, tmpl->device, &msg);
	traffic->nb_open++;
	emu_template_advance(emu, tmpl);
	open_send(emu, open);
	return 1;
}

/* Members of many groups, mixed. */
static unsigned int
groups_send(struct uiommu_emu *emu, unsigned int max, bool begin)
{
	struct emu_traffic *traffic = &emu->traffic;
	unsigned int made = 0, look = max * 2;
	struct emu_open *open;

	while (made < max && look-- > 0 && (begin || traffic->nb_open > 0)) {
		if (!traffic->conf.overflow && emu_room(emu) == 0)
			break;
		open = &traffic->open[emu_random_below(&traffic->random, EMU_OPEN_MAX)];
		if (open->pages > 0) {
			open_send(emu, open);
			made++;
		} else if (begin) {
			made += open_begin(emu, open);
		}
	}
	return made;
}

/* Groups of one page, one by one: overflow is wanted or there. */
static unsigned int
singles_send(struct uiommu_emu *emu, unsigned int max)
{
	unsigned int made = 0, look = max * 2;

	while (made < max && look-- > 0) {
		if (!emu->traffic.conf.overflow && emu_room(emu) == 0)
			break;
		made += emu_traffic_one(emu, emu_template_next(&emu->traffic));
	}
	return made;
}

unsigned int
emu_traffic_send(struct uiommu_emu *emu, unsigned int max)
{
	struct emu_traffic *traffic = &emu->traffic;

	if (emu_room(emu) < max)
		emu->model->room(emu);
	if (traffic->simple && !emu->model->latched(emu))
		return emu->model->make(emu, RTE_MIN(max, emu_room(emu)));
	if (traffic->use.wishes != NULL)
		return emu_use_send(emu, max);
	if (traffic->conf.group_pages_max > 1)
		return groups_send(emu, max, true);
	return singles_send(emu, max);
}

/* ------------------------------------------------------------------------ pace */

/* How many requests the rate allows now. */
static unsigned int
allowance(struct emu_traffic *traffic, unsigned int max)
{
	const uint64_t now = rte_rdtsc();

	if (traffic->per_cycle == 0)
		return max;
	traffic->allowance += (double)(now - traffic->allowance_tsc) * traffic->per_cycle;
	traffic->allowance_tsc = now;
	traffic->allowance = RTE_MIN(traffic->allowance,
				     (double)traffic->conf.burst * CATCH_UP_BURSTS);
	return (unsigned int)RTE_MIN((uint64_t)traffic->allowance, (uint64_t)max);
}

/*
 * Software is to see bursts, not dribbles: while answers come, requests wait until half a burst
 * can be made. When none come, everything goes out: software may be waiting for it.
 */
unsigned int
emu_traffic_step(struct uiommu_emu *emu, unsigned int judged)
{
	struct emu_traffic *traffic = &emu->traffic;
	const unsigned int burst = traffic->conf.burst;
	unsigned int max, hidden, made = 0;

	if (emu_traffic_ready(emu)) {
		emu->now = rte_rdtsc();
		traffic->use.used = 0;
		max = allowance(traffic, burst);
		if (emu_room(emu) < burst)
			emu->model->room(emu);
		if (!__atomic_load_n(&emu->run, __ATOMIC_RELAXED))
			made = groups_send(emu, max, false);
		else if (judged == 0 || traffic->conf.overflow ||
			 (emu_room(emu) >= burst / 2 && emu->credits_free >= burst / 2))
			made = emu_traffic_send(emu, max);
		if (traffic->use.wishes != NULL)
			made = RTE_MAX(made, traffic->use.used);
		if (traffic->per_cycle != 0)
			traffic->allowance -= made;
	}
	hidden = emu->ring.tail - emu->ring.published + emu->events.tail - emu->events.published;
	if (hidden > 0 && (judged == 0 || hidden >= burst / 2))
		emu->model->publish(emu);
	return made;
}

/* --------------------------------------------------------------------- control */

static bool
is_ratio(double value)
{
	return value >= 0 && value <= 1;
}

static int
conf_check(struct uiommu_emu_traffic *conf)
{
	if (conf->burst == 0)
		conf->burst = BURST_DEFAULT;
	if (conf->window_pages == 0)
		conf->window_pages = WINDOW_DEFAULT;
	if (conf->window_iova == 0)
		conf->window_iova = UIOMMU_EMU_WINDOW_IOVA;
	if ((unsigned int)conf->profile > UIOMMU_EMU_BURST ||
	    (unsigned int)conf->judge > UIOMMU_EMU_JUDGE_LIGHT || conf->group_pages_min == 0 ||
	    conf->group_pages_max < conf->group_pages_min || conf->group_pages_max > PAGES_MAX ||
	    !is_ratio(conf->write_ratio) || !is_ratio(conf->bad_ratio) ||
	    conf->window_pages > WINDOW_MAX || conf->burst > BURST_MAX ||
	    (conf->window_iova & (EMU_PAGE_SIZE - 1)) != 0 ||
	    conf->window_iova > WINDOW_IOVA_MAX - (conf->window_pages << EMU_PAGE_SHIFT))
		return -EINVAL;
	return conf->touched != NULL && conf->judge != UIOMMU_EMU_JUDGE_FULL ? -EINVAL : 0;
}

/* Groups that were being sent are given up. */
static void
open_abort(struct uiommu_emu *emu)
{
	struct emu_open *open;
	uint32_t i;

	for (i = 0; i < EMU_OPEN_MAX; i++) {
		open = &emu->traffic.open[i];
		if (open->pages > 0)
			emu_group_end(emu, open->device, open->prgi);
		open->pages = 0;
	}
	emu->traffic.nb_open = 0;
}

/* What is outstanding was asked for in another window. */
static void
pages_forget(struct uiommu_emu *emu)
{
	uint32_t i;

	for (i = 1; i < emu->nb_devices; i++)
		memset(emu_hot_pages(&emu->hot[i]), 0, EMU_PRGI_COUNT * sizeof(uint64_t));
}

/* The new traffic is complete: nothing fails from here on. */
static void
traffic_replace(struct uiommu_emu *emu, const struct emu_traffic *traffic)
{
	const struct uiommu_emu_traffic *conf = &traffic->conf;

	emu->several |= conf->group_pages_max > 1;
	open_abort(emu);
	pages_forget(emu);
	emu_free(emu->traffic.templates);
	emu_use_fini(&emu->traffic);
	emu->traffic = *traffic;
	emu->judge_mask = conf->judge == UIOMMU_EMU_JUDGE_LIGHT ? emu->model->light_mask :
								  UINT64_MAX;
	emu_judge_route(emu);
}

static int
traffic_set(struct uiommu_emu *emu, const struct uiommu_emu_traffic *conf)
{
	struct emu_traffic *traffic;
	int ret;

	traffic = emu_alloc(sizeof(*traffic), SOCKET_ID_ANY);
	if (traffic == NULL)
		return -ENOMEM;
	traffic->conf = *conf;
	if (emu->lone_requests && conf->group_pages_min > 0 &&
	    conf->group_pages_max >= conf->group_pages_min)
		traffic->conf.group_pages_min = traffic->conf.group_pages_max = 1;
	if (emu->window_iova != 0 && conf->window_iova == 0)
		traffic->conf.window_iova = emu->window_iova;
	conf = &traffic->conf;
	ret = conf_check(&traffic->conf);
	if (ret == 0)
		ret = emu_templates_make(emu, traffic);
	if (ret == 0)
		ret = emu_use_set(emu, traffic);
	if (ret == 0)
		ret = emu_verify_set(emu, conf->verify);
	if (ret == 0) {
		if (conf->rate != 0) {
			traffic->per_cycle = (double)conf->rate / (double)rte_get_tsc_hz();
			traffic->allowance_tsc = rte_rdtsc();
		}
		traffic->simple = conf->group_pages_max == 1 && !conf->overflow &&
				  conf->touched == NULL && !conf->translate;
		traffic->keep = conf->touched != NULL || conf->verify || conf->translate;
		traffic_replace(emu, traffic);
	} else {
		emu_free(traffic->templates);
		emu_use_fini(traffic);
	}
	emu_free(traffic);
	return ret;
}

int
uiommu_emu_traffic_set(struct uiommu_emu *emu, const struct uiommu_emu_traffic *traffic)
{
	int ret;

	emu_enter(emu);
	ret = traffic_set(emu, traffic);
	emu_leave(emu);
	return ret;
}

void
uiommu_emu_traffic_run(struct uiommu_emu *emu, bool run)
{
	__atomic_store_n(&emu->run, run, __ATOMIC_RELAXED);
}
