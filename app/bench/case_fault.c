/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Requests, raised before the clock is started, served by a plain loop or by the engine. What
 * counts is the slice in the middle: now and then the kernel has work of its own in one of them.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "case_fault.h"
#include "handle.h"

#define NB_REQUESTS 4096
#define NB_REQUESTS_QUICK 512
/* Of them, that wait when the clock starts; it stops when they are served. */
#define SLICE 512

/* Points that others are held against. */
#define LOOP_ONE "loop by 1"
#define LOOP_BURST "loop by 64"
#define ENGINE_IOMMUFD "engine, iommufd"

/* What the slices of a measurement have cost, each request of them. */
struct slices {
	uint32_t nb;
	double cost[NB_REQUESTS / SLICE];
};

static void
slice_add(struct slices *slices, uint64_t cost)
{
	slices->cost[slices->nb++] = (double)cost / SLICE;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
slices_cost(struct slices *slices)
{
	qsort(slices->cost, slices->nb, sizeof(slices->cost[0]), by_value);
	return (slices->cost[(slices->nb - 1) / 2] + slices->cost[slices->nb / 2]) / 2;
}

/*
 * A slice of the requests.
 *
 * @param from number of the first one
 * @param refused how many must be answered INVALID is added
 */
static int
slice_raise(const struct bench_unit *u, uint32_t from, uint32_t *refused)
{
	int ret = 0;
	uint32_t i;

	for (i = from; i < from + SLICE && ret == 0; i++) {
		uint64_t iova = request_iova(i);
		bool writes = request_writes(i);

		ret = unit_raise(u, iova, writes, (uint16_t)(i % SLICE));
		*refused += handle_request(iova, writes);
	}
	return ret;
}

static int
slice_serve(const struct fault_server *server, const struct bench_point *p,
	    const struct bench_unit *u, int fd, uint32_t nb, struct fault_sums *sums)
{
	uint64_t start;
	int ret;

	memset(sums->cost, 0, sizeof(sums->cost));
	start = bench_now();
	ret = server->serve(u, fd, nb, p->call, sums);
	sums->cost[FAULT_ALL] = bench_now() - start;
	/* emulated devices hear of their answers; there is none that would hear of the kernel's */
	while (uiommu_emu_drain(u->emu) != 0)
		;
	return ret;
}

static int
check(const struct fault_server *server, const struct bench_point *p, const struct bench_unit *u,
      int fd, const struct fault_sums *sums, uint32_t refused)
{
	if (sums->served == p->nb && sums->refused == refused)
		return server->check(p, u, fd);
	talk("%s: %u requests of %u were served, %u of %u refused", p->name, sums->served, p->nb,
	     sums->refused, refused);
	return -EIO;
}

/* What a request takes to be raised, and what it takes to be served, or a part of that. */
static double
run(struct bench *b, const struct bench_point *p, const struct fault_server *server,
    enum fault_part part, bool trigger)
{
	struct fault_sums sums = {.parts = part != FAULT_ALL};
	struct slices slices = {.nb = 0};
	struct bench_unit u = {.dev_id = -1};
	uint32_t refused = 0, n;
	uint64_t start, raised;
	int fd = -1, ret;

	ret = server->open(b, &sums, &u, &fd);
	if (ret != 0)
		return ret;
	for (n = 0; n < p->nb && ret == 0; n += SLICE) {
		start = bench_now();
		ret = slice_raise(&u, n, &refused);
		raised = bench_now() - start;
		if (ret == 0)
			ret = slice_serve(server, p, &u, fd, n + SLICE, &sums);
		slice_add(&slices, trigger ? raised : sums.cost[part]);
	}
	if (ret == 0)
		ret = check(server, p, &u, fd, &sums, refused);
	unit_close(&u);
	return ret != 0 ? ret : slices_cost(&slices);
}

static double
run_trigger(struct bench *b, const struct bench_point *p)
{
	return run(b, p, &fault_loop, FAULT_ALL, true);
}

static double
loop_all(struct bench *b, const struct bench_point *p)
{
	return run(b, p, &fault_loop, FAULT_ALL, false);
}

static double
loop_read(struct bench *b, const struct bench_point *p)
{
	return run(b, p, &fault_loop, FAULT_READ, false);
}

static double
loop_handle(struct bench *b, const struct bench_point *p)
{
	return run(b, p, &fault_loop, FAULT_HANDLE, false);
}

static double
loop_write(struct bench *b, const struct bench_point *p)
{
	return run(b, p, &fault_loop, FAULT_WRITE, false);
}

static double
iommufd_all(struct bench *b, const struct bench_point *p)
{
	return run(b, p, &fault_iommufd, FAULT_ALL, false);
}

static double
iommufd_handle(struct bench *b, const struct bench_point *p)
{
	return run(b, p, &fault_iommufd, FAULT_HANDLE, false);
}

static double
emulated_all(struct bench *b, const struct bench_point *p)
{
	return run(b, p, &fault_emulated, FAULT_ALL, false);
}

static void
add(struct bench *b, const char *name, bench_run_t measure, uint32_t burst, const char *against)
{
	struct bench_point *p = points_add(b, CASE_FAULT, "request", measure);

	if (p == NULL)
		return;
	p->nb = b->o.quick ? NB_REQUESTS_QUICK : NB_REQUESTS;
	p->call = burst;
	p->threads = 1;
	snprintf(p->name, sizeof(p->name), "%s", name);
	if (against != NULL)
		snprintf(p->against[0], sizeof(p->against[0]), "%s", against);
}

void
fault_points(struct bench *b)
{
	char name[64];

	add(b, "trigger", run_trigger, FAULT_BURST, NULL);
	add(b, LOOP_ONE, loop_all, 1, NULL);
	add(b, LOOP_BURST, loop_all, FAULT_BURST, LOOP_ONE);
	add(b, LOOP_BURST ": read", loop_read, FAULT_BURST, NULL);
	add(b, LOOP_BURST ": handle", loop_handle, FAULT_BURST, NULL);
	add(b, LOOP_BURST ": write", loop_write, FAULT_BURST, NULL);
	add(b, ENGINE_IOMMUFD, iommufd_all, FAULT_BURST, LOOP_BURST);
	add(b, ENGINE_IOMMUFD ": handle", iommufd_handle, FAULT_BURST, NULL);
	snprintf(name, sizeof(name), "engine, %s", b->o.unit);
	add(b, name, emulated_all, FAULT_BURST, ENGINE_IOMMUFD);
}
