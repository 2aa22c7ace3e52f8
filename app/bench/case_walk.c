/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Random addresses in tables that no cache holds: one by one, and in bursts. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "table.h"

#define SPACES 64
#define WALKS 65536
#define BURST_MAX 256
#define LEAVES_OF_TABLE 512

struct bench_walk {
	struct uiommu_pgtable *pts[SPACES];
	struct uiommu_pgtable *at[WALKS];
	uint64_t iovas[WALKS];
	uint8_t prot[WALKS];
	uint8_t present[WALKS];
};

/* splitmix64 */
static uint64_t
next_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* Tables of the lowest level in each space. */
static uint32_t
tables_of_space(const struct bench *b)
{
	return b->o.tables_mib * (uint32_t)((1 << 20) / PAGE_SIZE) / SPACES;
}

static struct bench_walk *
walk_of(struct bench *b, uint32_t format)
{
	uint32_t pages = tables_of_space(b) * LEAVES_OF_TABLE, i;
	uint64_t random = 1;
	struct bench_walk *w;

	if (b->walk[format] != NULL)
		return b->walk[format];
	w = b->walk[format] = calloc(1, sizeof(*w));
	if (w == NULL)
		return NULL;
	for (i = 0; i < SPACES; i++) {
		w->pts[i] = table_open(b, format, PAGE_SIZE);
		if (w->pts[i] == NULL || table_map(w->pts[i], TABLE_IOVA, PAGE_SIZE, pages,
						   CALL_LEAVES) != 0)
			return NULL;
	}
	for (i = 0; i < WALKS; i++) {
		w->at[i] = w->pts[next_random(&random) % SPACES];
		w->iovas[i] = TABLE_IOVA + next_random(&random) % pages * PAGE_SIZE;
		w->prot[i] = UIOMMU_PROT_READ;
	}
	return w;
}

void
walk_free(struct bench *b)
{
	uint32_t format, i;

	for (format = 0; format < UIOMMU_PGTABLE_FORMATS; format++) {
		for (i = 0; b->walk[format] != NULL && i < SPACES; i++)
			table_close(b->walk[format]->pts[i]);
		free(b->walk[format]);
		b->walk[format] = NULL;
	}
}

static double
run_walk(struct bench *b, const struct bench_point *p)
{
	struct bench_walk *w = walk_of(b, p->format);
	struct uiommu_pgtable_leaf leaf;
	uint32_t found = 0, i;
	uint64_t start, ns;

	if (w == NULL)
		return -ENOMEM;
	start = bench_now();
	for (i = 0; i < p->nb; i++)
		found += uiommu_pgtable_walk(w->at[i], w->iovas[i], &leaf) == 0;
	ns = bench_now() - start;
	if (found == p->nb)
		return (double)ns / p->nb;
	talk("walk: %u of %u found", found, p->nb);
	return -EIO;
}

static double
run_check(struct bench *b, const struct bench_point *p)
{
	struct bench_walk *w = walk_of(b, p->format);
	uint32_t found = 0, i;
	uint64_t start, ns;

	if (w == NULL)
		return -ENOMEM;
	start = bench_now();
	for (i = 0; i < p->nb; i += p->call)
		uiommu_pgtable_check(&w->at[i], &w->iovas[i], &w->prot[i], &w->present[i], p->call);
	ns = bench_now() - start;
	for (i = 0; i < p->nb; i++)
		found += w->present[i];
	if (found == p->nb)
		return (double)ns / p->nb;
	talk("check: %u of %u found", found, p->nb);
	return -EIO;
}

void
walk_points(struct bench *b, uint32_t format)
{
	static const uint32_t bursts[] = {1, 8, 64, BURST_MAX};
	const char *name = uiommu_pgtable_format_name(format);
	struct bench_point *p;
	size_t i;

	p = points_add(b, CASE_WALK, "walk", run_walk);
	if (p == NULL)
		return;
	p->format = format;
	p->leaf = PAGE_SIZE;
	p->nb = WALKS;
	p->call = 1;
	p->threads = 1;
	snprintf(p->name, sizeof(p->name), "walk %s", name);
	for (i = 0; i < sizeof(bursts) / sizeof(bursts[0]); i++) {
		struct bench_point *c = points_add(b, CASE_WALK, "walk", run_check);

		if (c == NULL)
			return;
		c->format = format;
		c->leaf = PAGE_SIZE;
		c->nb = WALKS;
		c->call = bursts[i];
		c->threads = 1;
		snprintf(c->name, sizeof(c->name), "check by %u %s", bursts[i], name);
		snprintf(c->against[0], sizeof(c->against[0]), "%s", p->name);
	}
}
