/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * A domain on an emulated unit: map and unmap with all that makes the unit and a device behind it
 * forget. The model of the unit has a thread of its own, so a wait for it is the way of a word to
 * another core and back.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"
#include "unit.h"

#define PASID 1
#define PAGES_MAX 4096
/* Where the unit has no CPU of its own, a wait is as long as a turn of the scheduler. */
#define QUICK_PAGES_MAX 256
#define TABLE_PAGES 256
#define PROT (UIOMMU_PROT_READ | UIOMMU_PROT_WRITE)

struct bench_domain {
	struct bench_unit unit;
};

void
domain_free(struct bench *b)
{
	if (b->domain == NULL)
		return;
	unit_close(&b->domain->unit);
	free(b->domain);
	b->domain = NULL;
}

static struct bench_unit *
unit_of(struct bench *b)
{
	struct unit_conf conf = {.emulated = true, .pasid = PASID, .table_pages = TABLE_PAGES};
	char devargs[128];
	int ret;

	if (b->domain != NULL)
		return &b->domain->unit;
	b->domain = calloc(1, sizeof(*b->domain));
	if (b->domain == NULL)
		return NULL;
	snprintf(devargs, sizeof(devargs), "%s,platform=emu", b->o.unit);
	conf.devargs = devargs;
	ret = unit_open(b, &conf, &b->domain->unit);
	if (ret == 0)
		return &b->domain->unit;
	talk("cannot open an emulated unit \"%s\": %s", b->o.unit, strerror(-ret));
	free(b->domain);
	b->domain = NULL;
	return NULL;
}

static int
map(struct bench_unit *u, const struct bench_point *p)
{
	int ret = 0;
	uint32_t i;

	for (i = 0; i < p->nb && ret == 0; i += p->call)
		ret = uiommu_domain_map(u->domain, TABLE_IOVA + i * PAGE_SIZE,
					TABLE_PA + i * PAGE_SIZE, p->call * PAGE_SIZE, PROT);
	if (ret != 0)
		talk("domain map: %s", strerror(-ret));
	return ret;
}

static int
unmap(struct bench_unit *u, const struct bench_point *p)
{
	uint64_t unmapped, sum = 0;
	uint32_t i;
	int ret = 0;

	for (i = 0; i < p->nb && ret == 0; i += p->call) {
		ret = uiommu_domain_unmap(u->domain, TABLE_IOVA + i * PAGE_SIZE,
					  p->call * PAGE_SIZE, &unmapped);
		sum += unmapped;
	}
	if (ret == 0 && sum != p->nb * PAGE_SIZE)
		ret = -EIO;
	if (ret != 0)
		talk("domain unmap: %s", strerror(-ret));
	return ret;
}

/* Both are done; one is measured. */
static double
run(struct bench *b, const struct bench_point *p, bool measure_map)
{
	struct bench_unit *u = unit_of(b);
	uint64_t start, mapped, end;
	int ret;

	if (u == NULL)
		return -ENODEV;
	start = bench_now();
	ret = map(u, p);
	mapped = bench_now();
	if (ret == 0)
		ret = unmap(u, p);
	end = bench_now();
	if (ret != 0)
		return ret;
	return (double)(measure_map ? mapped - start : end - mapped) / p->nb;
}

static double
run_map(struct bench *b, const struct bench_point *p)
{
	return run(b, p, true);
}

static double
run_unmap(struct bench *b, const struct bench_point *p)
{
	return run(b, p, false);
}

void
domain_points(struct bench *b)
{
	static const uint32_t calls[] = {1, 16, 256, PAGES_MAX};
	uint32_t most = b->o.quick ? QUICK_PAGES_MAX : PAGES_MAX;
	uint32_t nb = b->o.pages < most ? b->o.pages : most;
	struct bench_point *p;
	size_t i, j;

	for (j = 0; j < 2; j++) {
		for (i = 0; i < sizeof(calls) / sizeof(calls[0]) && calls[i] <= nb; i++) {
			p = points_add(b, CASE_DOMAIN, "page", j == 0 ? run_map : run_unmap);
			if (p == NULL)
				return;
			p->leaf = PAGE_SIZE;
			p->nb = nb / calls[i] * calls[i];
			p->call = calls[i];
			p->threads = 1;
			snprintf(p->name, sizeof(p->name), "domain %s by %u",
				 j == 0 ? "map" : "unmap", calls[i]);
			if (i != 0)
				snprintf(p->against[0], sizeof(p->against[0]), "domain %s by 1",
					 j == 0 ? "map" : "unmap");
		}
	}
}
