/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <stdlib.h>
#include <string.h>

#include "bench.h"

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Between two samples where the place is between them. */
static double
quantile(const double *sorted, uint32_t nb, double share)
{
	double at = share * (nb - 1);
	uint32_t below = (uint32_t)at;

	if (below + 1 >= nb)
		return sorted[nb - 1];
	return sorted[below] + (at - below) * (sorted[below + 1] - sorted[below]);
}

/* Both of one round saw the same machine; hence the ratio is taken before the median. */
static double
ratio_of(const struct bench_point *p, const struct bench_point *other, uint32_t rounds)
{
	double ratios[BENCH_ROUNDS_MAX];
	uint32_t i;

	for (i = 0; i < rounds; i++) {
		if (other->cost[i] <= 0)
			return 0;
		ratios[i] = p->cost[i] / other->cost[i];
	}
	qsort(ratios, rounds, sizeof(ratios[0]), by_value);
	return quantile(ratios, rounds, 0.5);
}

void
result_make(struct bench *b, uint32_t rounds)
{
	double sorted[BENCH_ROUNDS_MAX];
	const struct bench_point *other;
	uint32_t i, j;

	for (i = 0; i < b->nb_points; i++) {
		struct bench_point *p = b->points[i];

		if (p->missing)
			continue;
		memcpy(sorted, p->cost, rounds * sizeof(sorted[0]));
		qsort(sorted, rounds, sizeof(sorted[0]), by_value);
		p->median = quantile(sorted, rounds, 0.5);
		p->min = sorted[0];
		p->max = sorted[rounds - 1];
		p->spread = p->median <= 0 ? 0 : (quantile(sorted, rounds, 0.75) -
						  quantile(sorted, rounds, 0.25)) / p->median;
		for (j = 0; j < BENCH_AGAINST_MAX; j++) {
			other = points_find(b, p->against[j]);
			if (other != NULL && !other->missing)
				p->ratio[j] = ratio_of(p, other, rounds);
		}
	}
}
