/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Requests on the kernel's fault queue, read, handled and answered by a plain loop. They were
 * raised before the clock is started.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../drivers/iommufd/iommufd_hw.h"

#include "case_fault.h"
#include "handle.h"

/* What is measured of a loop. */
enum part {
	PART_ALL,
	PART_READ,
	PART_HANDLE,
	PART_WRITE,
	NB_PARTS,
};

static const char *const part_names[NB_PARTS] = {"", ": read", ": handle", ": write"};

void
fault_free(struct bench *b)
{
	if (b->fault != NULL && b->fault->queue_open)
		mock_queue_close(&b->fault->queue);
	free(b->fault);
	b->fault = NULL;
}

/* 0 or -errno, as of mock_queue_open(). */
static int
queue_of(struct bench *b, struct mock_queue **queue)
{
	struct bench_fault *f = b->fault;
	int ret = 0;

	if (f == NULL)
		f = b->fault = calloc(1, sizeof(*f));
	if (f == NULL)
		return -ENOMEM;
	if (!f->queue_open)
		ret = mock_queue_open(b, &f->queue);
	f->queue_open = ret == 0;
	*queue = &f->queue;
	return ret;
}

void
fault_slice_add(struct fault_slices *slices, uint64_t cost)
{
	slices->cost[slices->nb++] = (double)cost / FAULT_SLICE;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double
fault_slices_cost(struct fault_slices *slices)
{
	qsort(slices->cost, slices->nb, sizeof(slices->cost[0]), by_value);
	return (slices->cost[(slices->nb - 1) / 2] + slices->cost[slices->nb / 2]) / 2;
}

int
fault_raise(const struct mock_device *d, uint32_t from, uint32_t *refused)
{
	int ret = 0;
	uint32_t i;

	for (i = from; i < from + FAULT_SLICE && ret == 0; i++) {
		uint64_t iova = request_iova(i);
		bool writes = request_writes(i);

		ret = mock_raise(d, iova, writes ? IOMMUFD_PERM_WRITE : IOMMUFD_PERM_READ,
				 i % FAULT_SLICE);
		*refused += handle_request(iova, writes);
	}
	if (ret != 0)
		talk("the mock device raises nothing: %s", strerror(-ret));
	return ret;
}

/* What a loop has done. */
struct sums {
	uint64_t cost[NB_PARTS]; /* in the last slice */
	uint32_t served, refused;
};

/* One read, the requests of it handled, one write. How many; or -errno. */
static inline int
serve(int fd, uint32_t burst, struct sums *sums, bool parts)
{
	struct iommufd_fault faults[FAULT_BURST];
	struct iommufd_resp resps[FAULT_BURST];
	uint64_t start, read_done, handled;
	ssize_t got, put;
	int i, nb;

	start = parts ? bench_now() : 0;
	got = read(fd, faults, burst * sizeof(faults[0]));
	if (got <= 0)
		return got < 0 ? -errno : 0;
	read_done = parts ? bench_now() : 0;
	nb = (int)((size_t)got / sizeof(faults[0]));
	for (i = 0; i < nb; i++) {
		resps[i].cookie = faults[i].cookie;
		resps[i].code = handle_request(faults[i].addr,
					       (faults[i].perm & IOMMUFD_PERM_WRITE) != 0);
		sums->refused += resps[i].code;
	}
	handled = parts ? bench_now() : 0;
	put = write(fd, resps, (size_t)nb * sizeof(resps[0]));
	if (parts) {
		sums->cost[PART_READ] += read_done - start;
		sums->cost[PART_HANDLE] += handled - read_done;
		sums->cost[PART_WRITE] += bench_now() - handled;
	}
	if (put != (ssize_t)((size_t)nb * sizeof(resps[0])))
		return put < 0 ? -errno : -EIO;
	return nb;
}

/* Until so many have been served in all. */
static int
serve_slice(int fd, uint32_t nb, uint32_t burst, struct sums *sums, bool parts)
{
	uint64_t start;
	int done = 1;

	memset(sums->cost, 0, sizeof(sums->cost));
	start = bench_now();
	while (sums->served < nb && done > 0) {
		done = serve(fd, burst, sums, parts);
		if (done > 0)
			sums->served += (uint32_t)done;
	}
	sums->cost[PART_ALL] = bench_now() - start;
	return done < 0 ? done : 0;
}

static double
run_loop(struct bench *b, const struct bench_point *p, enum part part)
{
	struct iommufd_fault none;
	struct mock_queue *queue = NULL;
	struct fault_slices slices = {.nb = 0};
	struct sums sums = {.served = 0};
	uint32_t refused = 0, n;
	int ret = queue_of(b, &queue);

	for (n = 0; n < p->nb && ret == 0; n += FAULT_SLICE) {
		ret = fault_raise(&queue->device, n, &refused);
		if (ret == 0)
			ret = serve_slice(queue->fd, n + FAULT_SLICE, p->call, &sums,
					  part != PART_ALL);
		fault_slice_add(&slices, sums.cost[part]);
	}
	if (ret != 0)
		return ret;
	if (sums.served != p->nb || sums.refused != refused ||
	    read(queue->fd, &none, sizeof(none)) != 0) {
		talk("%s: %u requests of %u were answered, %u of %u refused", p->name, sums.served,
		     p->nb, sums.refused, refused);
		return -EIO;
	}
	return fault_slices_cost(&slices);
}

static double
run_all(struct bench *b, const struct bench_point *p)
{
	return run_loop(b, p, PART_ALL);
}

static double
run_read(struct bench *b, const struct bench_point *p)
{
	return run_loop(b, p, PART_READ);
}

static double
run_handle(struct bench *b, const struct bench_point *p)
{
	return run_loop(b, p, PART_HANDLE);
}

static double
run_write(struct bench *b, const struct bench_point *p)
{
	return run_loop(b, p, PART_WRITE);
}

/* The mock's own work, which is in no other figure. */
static double
run_trigger(struct bench *b, const struct bench_point *p)
{
	struct fault_slices slices = {.nb = 0};
	struct sums sums = {.served = 0};
	struct mock_queue *queue = NULL;
	uint32_t refused = 0, n;
	uint64_t start;
	int ret = queue_of(b, &queue);

	for (n = 0; n < p->nb && ret == 0; n += FAULT_SLICE) {
		start = bench_now();
		ret = fault_raise(&queue->device, n, &refused);
		fault_slice_add(&slices, bench_now() - start);
		if (ret == 0)
			ret = serve_slice(queue->fd, n + FAULT_SLICE, FAULT_BURST, &sums, false);
	}
	return ret != 0 ? ret : fault_slices_cost(&slices);
}

static void
add(struct bench *b, const char *name, bench_run_t run, uint32_t nb, uint32_t burst)
{
	struct bench_point *p = points_add(b, CASE_FAULT, "request", run);

	if (p == NULL)
		return;
	p->nb = nb;
	p->call = burst;
	p->threads = 1;
	snprintf(p->name, sizeof(p->name), "%s", name);
	if (strcmp(name, FAULT_LOOP_BURST) == 0)
		snprintf(p->against[0], sizeof(p->against[0]), FAULT_LOOP_ONE);
}

void
fault_points(struct bench *b)
{
	static const bench_run_t runs[NB_PARTS] = {run_all, run_read, run_handle, run_write};
	uint32_t nb = b->o.quick ? FAULT_NB_QUICK : FAULT_NB;
	char name[64];
	uint32_t part;

	add(b, "trigger", run_trigger, nb, 1);
	add(b, FAULT_LOOP_ONE, run_all, nb, 1);
	for (part = 0; part < NB_PARTS; part++) {
		snprintf(name, sizeof(name), FAULT_LOOP_BURST "%s", part_names[part]);
		add(b, name, runs[part], nb, FAULT_BURST);
	}
	fault_engine_points(b, nb);
}
