/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Several threads map into one table at once: neighbours, or the very same pages. */

#include <errno.h>
#include <stdio.h>

#include "crew.h"
#include "table.h"

struct shares {
	struct uiommu_pgtable *pt;
	uint32_t nb;   /* pages of each */
	uint64_t step; /* from one to the next; 0: all the same */
};

static int
map_share(void *arg, uint32_t thread)
{
	const struct shares *s = arg;

	return table_map(s->pt, TABLE_IOVA + thread * s->step, PAGE_SIZE, s->nb, CALL_LEAVES);
}

static double
run_shares(struct bench *b, const struct bench_point *p, bool same)
{
	struct shares s = {.nb = p->nb / p->threads};
	uint64_t ns;
	int ret;

	s.step = same ? 0 : s.nb * PAGE_SIZE;
	s.pt = table_open(b, p->format, PAGE_SIZE);
	if (s.pt == NULL)
		return -ENOMEM;
	ret = crew_run(b, p->threads, map_share, &s, &ns);
	table_close(s.pt);
	return ret != 0 ? ret : (double)ns / p->nb;
}

static double
run_neighbours(struct bench *b, const struct bench_point *p)
{
	return run_shares(b, p, false);
}

static double
run_same(struct bench *b, const struct bench_point *p)
{
	return run_shares(b, p, true);
}

static void
add(struct bench *b, uint32_t format, uint32_t threads, const char *what, bench_run_t run)
{
	struct bench_point *p = points_add(b, CASE_THREADS, "page", run);

	if (p == NULL)
		return;
	p->format = format;
	p->leaf = PAGE_SIZE;
	p->nb = b->o.pages / threads * threads;
	p->call = CALL_LEAVES;
	p->threads = threads;
	snprintf(p->name, sizeof(p->name), "%s, %u threads %s", what, threads,
		 uiommu_pgtable_format_name(format));
	if (threads == 1)
		snprintf(p->against[0], sizeof(p->against[0]), "touch");
	else
		snprintf(p->against[0], sizeof(p->against[0]), "touch, %u threads", threads);
	if (threads > 1)
		snprintf(p->against[1], sizeof(p->against[1]), "map neighbours, 1 threads %s",
			 uiommu_pgtable_format_name(format));
}

void
threads_points(struct bench *b, uint32_t format)
{
	uint32_t threads;

	for (threads = 1; threads <= b->o.threads; threads *= 2)
		add(b, format, threads, "map neighbours", run_neighbours);
	for (threads = 2; threads <= b->o.threads; threads *= 2)
		add(b, format, threads, "map the same", run_same);
}
