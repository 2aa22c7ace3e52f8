/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * The same requests as in case_fault.c, served by uiommu_poll() with a handler: on the kernel's
 * fault queue, and on an emulated unit. The unit is opened for each measurement.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "case_fault.h"
#include "handle.h"
#include "unit.h"

#define TABLE_PAGES 64
/* Turns without a request before those that are missing are given up. */
#define IDLE_TURNS_MAX 1000

enum part {
	PART_ALL,
	PART_READ,
	PART_HANDLE,
	PART_WRITE,
	PART_ENGINE, /* what is left: engine and driver */
	NB_PARTS,
};

static const char *const part_names[NB_PARTS] = {"", ": read", ": handle", ": write",
						  ": engine and driver"};

struct sums {
	uint64_t total, handle; /* of a slice */
	uint32_t served, refused;
	bool parts;
};

static void
serve_groups(void *priv, struct uiommu_group *groups, uint8_t *codes, uint16_t nb_groups)
{
	struct sums *sums = priv;
	uint64_t start = sums->parts ? bench_now() : 0;
	uint32_t refused = 0;
	uint16_t i;

	for (i = 0; i < nb_groups; i++) {
		const struct uiommu_fault *fault = &groups[i].faults[0];

		codes[i] = (uint8_t)handle_request(fault->iova,
						   (fault->flags & UIOMMU_FAULT_WRITE) != 0);
		refused += codes[i];
	}
	sums->served += nb_groups;
	sums->refused += refused;
	if (sums->parts)
		sums->handle += bench_now() - start;
}

/* Poll until so many have been served in all. */
static void
poll_all(const struct bench_unit *u, uint32_t nb, struct sums *sums)
{
	uint32_t idle = 0;
	uint64_t start = bench_now();

	while (sums->served < nb && idle < IDLE_TURNS_MAX)
		idle = uiommu_poll(u->dev_id, 0, FAULT_BURST) != 0 ? 0 : idle + 1;
	sums->total = bench_now() - start;
}

static int
check_sums(const struct bench_point *p, const struct sums *sums, uint32_t refused)
{
	if (sums->served == p->nb && sums->refused == refused)
		return 0;
	talk("%s: %u requests of %u were served, %u of %u refused", p->name, sums->served, p->nb,
	     sums->refused, refused);
	return -EIO;
}

/* Every answer was given: by what the engine counts, and the kernel has none left to ask for. */
static int
check_answers(const struct bench_point *p, const struct bench_unit *u)
{
	struct uiommu_stats stats;
	int ret = uiommu_stats_get(u->dev_id, &stats);

	if (ret == 0 && stats.responses == p->nb && uiommu_poll(u->dev_id, 0, FAULT_BURST) == 0)
		return 0;
	talk("%s: not all requests were answered", p->name);
	return ret != 0 ? ret : -EIO;
}

static uint64_t
part_of(enum part part, const struct sums *sums, const struct mock_costs *costs)
{
	switch (part) {
	case PART_READ:
		return costs->read;
	case PART_HANDLE:
		return sums->handle;
	case PART_WRITE:
		return costs->write;
	case PART_ENGINE:
		return sums->total - costs->read - costs->write - sums->handle;
	default:
		return sums->total;
	}
}

static double
run_iommufd(struct bench *b, const struct bench_point *p, enum part part)
{
	struct fault_slices slices = {.nb = 0};
	struct sums sums = {.parts = part != PART_ALL};
	struct unit_conf conf = {.devargs = MOCK_DEVARGS, .pasid = UIOMMU_NO_PASID,
				 .table_pages = TABLE_PAGES, .handler = serve_groups,
				 .handler_priv = &sums};
	struct mock_costs costs;
	struct bench_unit u = {.dev_id = -1};
	uint32_t refused = 0, n;
	int ret = mock_possible(b);

	if (ret == 0)
		ret = unit_open(b, &conf, &u);
	if (ret != 0)
		return ret;
	for (n = 0; n < p->nb && ret == 0; n += FAULT_SLICE) {
		ret = fault_raise(mock_platform_device(), n, &refused);
		memset(&costs, 0, sizeof(costs));
		sums.handle = 0;
		mock_platform_watch(sums.parts ? &costs : NULL);
		poll_all(&u, n + FAULT_SLICE, &sums);
		mock_platform_watch(NULL);
		fault_slice_add(&slices, part_of(part, &sums, &costs));
	}
	if (ret == 0)
		ret = check_sums(p, &sums, refused);
	if (ret == 0)
		ret = check_answers(p, &u);
	unit_close(&u);
	return ret != 0 ? ret : fault_slices_cost(&slices);
}

static double
run_all(struct bench *b, const struct bench_point *p)
{
	return run_iommufd(b, p, PART_ALL);
}

static double
run_read(struct bench *b, const struct bench_point *p)
{
	return run_iommufd(b, p, PART_READ);
}

static double
run_handle(struct bench *b, const struct bench_point *p)
{
	return run_iommufd(b, p, PART_HANDLE);
}

static double
run_write(struct bench *b, const struct bench_point *p)
{
	return run_iommufd(b, p, PART_WRITE);
}

static double
run_engine(struct bench *b, const struct bench_point *p)
{
	return run_iommufd(b, p, PART_ENGINE);
}

/* As fault_raise(), of an emulated device, which has as many group indices. */
static int
emulated_raise(struct uiommu_emu *emu, uint32_t from, uint32_t *refused)
{
	uint32_t i;

	for (i = from; i < from + FAULT_SLICE; i++) {
		struct uiommu_emu_request request = {
			.endpoint_id = UNIT_ENDPOINT, .pasid = UINT32_MAX, .iova = request_iova(i),
			.prg_index = (uint16_t)(i % FAULT_SLICE), .read = !request_writes(i),
			.write = request_writes(i), .last = true};

		if (uiommu_emu_request(emu, &request) != UIOMMU_EMU_QUEUED) {
			talk("the emulated unit does not take a request");
			return -EIO;
		}
		*refused += handle_request(request.iova, request.write);
	}
	return 0;
}

static double
run_emulated(struct bench *b, const struct bench_point *p)
{
	struct fault_slices slices = {.nb = 0};
	struct sums sums = {.parts = false};
	struct unit_conf conf = {.emulated = true, .pasid = UIOMMU_NO_PASID,
				 .table_pages = TABLE_PAGES, .handler = serve_groups,
				 .handler_priv = &sums};
	struct bench_unit u = {.dev_id = -1};
	uint32_t refused = 0, n;
	char devargs[128];
	int ret;

	snprintf(devargs, sizeof(devargs), "%s,platform=emu", b->o.unit);
	conf.devargs = devargs;
	ret = unit_open(b, &conf, &u);
	if (ret != 0) {
		talk("cannot open an emulated unit \"%s\": %s", b->o.unit, strerror(-ret));
		return ret == -ENOTSUP ? -EIO : ret;
	}
	ret = unit_model_take(&u);
	for (n = 0; n < p->nb && ret == 0; n += FAULT_SLICE) {
		ret = emulated_raise(u.emu, n, &refused);
		if (ret == 0)
			poll_all(&u, n + FAULT_SLICE, &sums);
		fault_slice_add(&slices, sums.total);
		while (uiommu_emu_drain(u.emu) != 0)
			;
	}
	if (ret == 0)
		ret = check_sums(p, &sums, refused);
	if (ret == 0)
		ret = check_answers(p, &u);
	if (ret == 0)
		ret = unit_model_give(&u);
	unit_close(&u);
	return ret != 0 ? ret : fault_slices_cost(&slices);
}

static struct bench_point *
add(struct bench *b, const char *name, bench_run_t run, uint32_t nb)
{
	struct bench_point *p = points_add(b, CASE_FAULT, "request", run);

	if (p == NULL)
		return NULL;
	p->nb = nb;
	p->call = FAULT_BURST;
	p->threads = 1;
	snprintf(p->name, sizeof(p->name), "%s", name);
	return p;
}

void
fault_engine_points(struct bench *b, uint32_t nb)
{
	static const bench_run_t runs[NB_PARTS] = {run_all, run_read, run_handle, run_write,
						   run_engine};
	struct bench_point *p;
	char name[64];
	uint32_t part;

	for (part = 0; part < NB_PARTS; part++) {
		snprintf(name, sizeof(name), FAULT_ENGINE "%s", part_names[part]);
		p = add(b, name, runs[part], nb);
		if (p != NULL && part == PART_ALL) {
			snprintf(p->against[0], sizeof(p->against[0]), FAULT_LOOP_BURST);
			snprintf(p->against[1], sizeof(p->against[1]), FAULT_LOOP_ONE);
		}
	}
	snprintf(name, sizeof(name), "engine, %s", b->o.unit);
	p = add(b, name, run_emulated, nb);
	if (p != NULL)
		snprintf(p->against[0], sizeof(p->against[0]), FAULT_ENGINE);
}
