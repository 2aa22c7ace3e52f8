/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static const char *const case_names[NB_CASES] = {
	"map", "unmap", "length", "threads", "walk", "protect", "sample", "process", "domain",
	"fault", "idle",
};

const char *
points_case_name(enum bench_case in)
{
	return case_names[in];
}

struct bench_point *
points_add(struct bench *b, enum bench_case in, const char *operation, bench_run_t run)
{
	struct bench_point *p;

	if ((b->o.cases & 1U << in) == 0 || b->nb_points == BENCH_POINTS_MAX)
		return NULL;
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return NULL;
	p->cost = calloc(b->o.rounds, sizeof(*p->cost));
	if (p->cost == NULL) {
		free(p);
		return NULL;
	}
	p->in = in;
	p->operation = operation;
	p->run = run;
	p->format = UINT32_MAX;
	b->points[b->nb_points++] = p;
	return p;
}

int
points_make(struct bench *b)
{
	uint32_t format;

	process_points(b);
	for (format = 0; format < UIOMMU_PGTABLE_FORMATS; format++) {
		if ((b->o.formats & 1U << format) == 0)
			continue;
		table_points(b, format);
		threads_points(b, format);
		walk_points(b, format);
	}
	domain_points(b);
	fault_points(b);
	idle_points(b);
	return b->nb_points == 0 ? -EINVAL : 0;
}

void
points_free(struct bench *b)
{
	uint32_t i;

	for (i = 0; i < b->nb_points; i++) {
		free(b->points[i]->cost);
		free(b->points[i]);
	}
	b->nb_points = 0;
}

const struct bench_point *
points_find(const struct bench *b, const char *name)
{
	uint32_t i;

	for (i = 0; i < b->nb_points; i++)
		if (strcmp(b->points[i]->name, name) == 0)
			return b->points[i];
	return NULL;
}
