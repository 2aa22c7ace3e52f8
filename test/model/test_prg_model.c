/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Random histories of page requests, given to group assembly and to a plain model of it. After
 * each step both must have said and done the same.
 *
 *   test_prg_model [SEED [STEPS]]
 *
 * Each history has a seed of its own, which is printed if it fails; with that seed as SEED it is
 * the first one that is run. Output is TAP, one line for each band of parked_max.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prg_model.h"

#define STEPS_DEFAULT 2000000
#define HISTORY_STEPS_MAX 20000

/* What a history is made of. */
struct config {
	uint32_t parked_max;
	uint32_t group_max;
	uint32_t pasids;
	uint32_t indices;
	uint32_t last_percent;
	uint32_t purge_permille;
	uint32_t discard_permille;
	uint32_t sift_permille;
	uint32_t steps;
};

struct history {
	uint64_t seed;
	uint64_t random;
	struct config config;
	struct uiommu_prg *prg;
	struct prg_model model;
	struct uiommu_fault *out;      /* group_max, not one more */
	struct uiommu_fault *expected; /* likewise */
	uint32_t step;
	uint64_t results[4]; /* by enum uiommu_prg_result */
	uint64_t sifted;     /* requests purged by more than one PASID at once */
	uint64_t lost;       /* requests thrown away and remembered, in the same way */
};

/* Some of all PASIDs: those with these bits. */
struct sieve {
	uint32_t mask, value;
};

static const struct {
	uint32_t min, max;
} bands[] = {{1, 1}, {2, 3}, {4, 8}, {9, 31}, {32, 64}};

#define NB_BANDS (sizeof(bands) / sizeof(bands[0]))
#define NB_RESULTS 6 /* those of enum uiommu_prg_result, "sifted" and "lost" */

/* xorshift64*: any seed but 0 */
static uint64_t
next_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(0x2545f4914f6cdd1d);
}

static uint32_t
below(uint64_t *state, uint32_t limit)
{
	return (uint32_t)((next_random(state) >> 32) * limit >> 32);
}

static struct config
config_make(uint64_t *random, uint32_t band)
{
	static const uint32_t pasids[] = {1, 2, 3, 8, 40, 1000};
	static const uint32_t indices[] = {1, 2, 5, 64, 512};
	static const uint32_t last_percents[] = {2, 10, 25, 50, 90};
	static const uint32_t permilles[] = {0, 1, 20};
	struct config c;

	c.parked_max = bands[band].min + below(random, bands[band].max - bands[band].min + 1);
	c.group_max =
		below(random, 2) == 0 ? c.parked_max + 1 : 1 + below(random, c.parked_max + 1);
	c.pasids = pasids[below(random, 6)];
	c.indices = indices[below(random, 5)];
	c.last_percent = last_percents[below(random, 5)];
	c.purge_permille = permilles[below(random, 3)];
	c.discard_permille = permilles[below(random, 3)];
	c.sift_permille = permilles[below(random, 3)];
	c.steps = 100 + below(random, HISTORY_STEPS_MAX - 100);
	return c;
}

/* PASIDs from both ends of the range, the one of requests without PASID among them. */
static uint32_t
pasid_make(struct history *h)
{
	uint32_t n = below(&h->random, h->config.pasids);

	return n % 2 == 0 ? UIOMMU_NO_PASID - n / 2 : n / 2;
}

static int
differs(const struct history *h, const char *what, uint64_t got, uint64_t expected)
{
	if (got == expected)
		return 0;
	printf("# step %" PRIu32 ": %s is %" PRIu64 ", expected %" PRIu64 "\n", h->step, what, got,
	       expected);
	return 1;
}

static int
step_add(struct history *h)
{
	uint32_t nb = h->config.group_max, nb_expected = h->config.group_max, i;
	enum uiommu_prg_result result, expected;
	struct uiommu_fault fault = {
		.iova = (uint64_t)h->step << 12,
		.endpoint_id = (uint32_t)next_random(&h->random),
		.pasid = pasid_make(h),
		.prg_index = (uint16_t)((below(&h->random, h->config.indices) * 73) % 512),
		.flags = (uint16_t)next_random(&h->random) & (uint16_t)~UIOMMU_FAULT_LAST,
		.nb_pages = (uint32_t)next_random(&h->random),
	};

	if (below(&h->random, 100) < h->config.last_percent)
		fault.flags |= UIOMMU_FAULT_LAST;
	result = uiommu_prg_add(h->prg, &fault, h->out, &nb);
	expected = prg_model_add(&h->model, &fault, h->expected, &nb_expected);
	h->results[expected]++;
	if (differs(h, "result", result, expected) || differs(h, "nb_out", nb, nb_expected))
		return -1;
	if (result != UIOMMU_PRG_GROUP)
		return 0;
	for (i = 0; i < nb; i++) {
		if (memcmp(&h->out[i], &h->expected[i], sizeof(fault)) != 0) {
			printf("# step %" PRIu32 ": request %" PRIu32 " of %" PRIu32 " differs\n",
			       h->step, i, nb);
			return -1;
		}
	}
	return 0;
}

static bool
is_in_sieve(uint32_t pasid, const void *arg)
{
	const struct sieve *sieve = arg;

	return (pasid & sieve->mask) == sieve->value;
}

static int
step_purge_some(struct history *h)
{
	static const uint32_t masks[] = {0, 1, 3, UIOMMU_NO_PASID, UINT32_MAX};
	struct sieve sieve = {.mask = masks[below(&h->random, 5)]};
	uint32_t nb, expected;

	sieve.value = pasid_make(h) & sieve.mask;
	if (below(&h->random, 2) == 0) {
		if (!prg_model_lose_if(&h->model, is_in_sieve, &sieve, &expected))
			return 0;
		nb = uiommu_prg_lose_if(h->prg, is_in_sieve, &sieve);
		h->lost += nb;
		return differs(h, "lost", nb, expected);
	}
	nb = uiommu_prg_purge_if(h->prg, is_in_sieve, &sieve);
	h->sifted += nb;
	return differs(h, "sifted", nb, prg_model_purge_if(&h->model, is_in_sieve, &sieve));
}

static int
step_run(struct history *h)
{
	uint32_t dice = below(&h->random, 1000), pasid;
	int rc;

	if (dice < h->config.purge_permille) {
		pasid = pasid_make(h);
		rc = differs(h, "purged", uiommu_prg_purge(h->prg, pasid),
			     prg_model_purge(&h->model, pasid));
	} else if (dice < h->config.purge_permille + h->config.discard_permille) {
		rc = differs(h, "discarded", uiommu_prg_discard(h->prg),
			     prg_model_discard(&h->model));
	} else if (dice >= 1000 - h->config.sift_permille) {
		rc = step_purge_some(h);
	} else {
		rc = step_add(h);
	}
	if (rc != 0)
		return -1;
	if (differs(h, "nb_parked", h->prg->nb_parked, h->model.nb_parked) ||
	    differs(h, "nb_incomplete", h->prg->nb_incomplete, prg_model_incomplete(&h->model)) ||
	    differs(h, "idle", uiommu_prg_is_idle(h->prg),
		    h->model.nb_parked == 0 && prg_model_incomplete(&h->model) == 0))
		return -1;
	return 0;
}

static int
history_run(struct history *h)
{
	const struct config *c = &h->config;
	void *mem = aligned_alloc(64, uiommu_prg_size(c->parked_max));
	int rc = 0;

	h->out = calloc(c->group_max, sizeof(*h->out));
	h->expected = calloc(c->group_max, sizeof(*h->expected));
	h->prg = uiommu_prg_init(mem, c->parked_max, c->group_max, next_random(&h->random));
	if (h->out == NULL || h->expected == NULL || h->prg == NULL) {
		printf("# out of memory or refused\n");
		rc = -1;
	}
	prg_model_init(&h->model, c->parked_max, c->group_max);
	for (h->step = 0; rc == 0 && h->step < c->steps; h->step++)
		rc = step_run(h);
	if (rc != 0)
		printf("# seed 0x%" PRIx64 ": parked_max %" PRIu32 " group_max %" PRIu32
		       " pasids %" PRIu32 " indices %" PRIu32 " last %" PRIu32 "%%\n",
		       h->seed, c->parked_max, c->group_max, c->pasids, c->indices,
		       c->last_percent);
	free(h->expected);
	free(h->out);
	free(mem);
	return rc;
}

/* Histories of all bands in turn, until there were enough steps or one has failed. */
/* A run in which something never happened has not tested it. */
static bool
band_is_tested(const uint64_t results[NB_RESULTS])
{
	unsigned int i;

	for (i = 0; i < NB_RESULTS; i++) {
		if (results[i] == 0)
			return false;
	}
	return true;
}

static bool
is_all_tested(uint64_t results[NB_BANDS][NB_RESULTS])
{
	unsigned int band;

	for (band = 0; band < NB_BANDS; band++) {
		if (!band_is_tested(results[band]))
			return false;
	}
	return true;
}

/* So many steps, and some more where they did not bring everything up. */
static int
histories_run(uint64_t seed, uint64_t steps, uint64_t results[NB_BANDS][NB_RESULTS],
	      uint64_t *nb_histories)
{
	static struct history h;
	uint64_t done = 0, n;
	unsigned int band, i;

	for (n = 0; done < steps || (done < 10 * steps && !is_all_tested(results)); n++) {
		memset(&h, 0, sizeof(h));
		h.seed = seed;
		h.random = seed;
		band = (unsigned int)(seed % NB_BANDS);
		h.config = config_make(&h.random, band);
		if (history_run(&h) != 0)
			return (int)band;
		for (i = 0; i < 4; i++)
			results[band][i] += h.results[i];
		results[band][4] += h.sifted;
		results[band][5] += h.lost;
		done += h.config.steps;
		seed = next_random(&h.random); /* never 0: the state is not and the factor is odd */
	}
	*nb_histories = n;
	return -1;
}

static int
report(uint64_t results[NB_BANDS][NB_RESULTS], int failed)
{
	int rc = failed < 0 ? 0 : 1;
	unsigned int band;

	for (band = 0; band < NB_BANDS; band++) {
		uint64_t *r = results[band];
		bool ok = (int)band != failed && band_is_tested(r);

		printf("%s %u - parked_max %" PRIu32 " to %" PRIu32 "\n", ok ? "ok" : "not ok",
		       band + 1, bands[band].min, bands[band].max);
		printf("# parked %" PRIu64 " groups %" PRIu64 " dropped %" PRIu64
		       " incomplete %" PRIu64 " sifted %" PRIu64 " lost %" PRIu64 "\n",
		       r[UIOMMU_PRG_PARKED], r[UIOMMU_PRG_GROUP], r[UIOMMU_PRG_DROPPED],
		       r[UIOMMU_PRG_INCOMPLETE], r[4], r[5]);
		rc |= !ok;
	}
	return rc;
}

static int
number_parse(const char *text, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 0);
	return errno != 0 || end == text || *end != '\0' || *value == 0 ? -1 : 0;
}

int
main(int argc, char **argv)
{
	static uint64_t results[NB_BANDS][NB_RESULTS];
	uint64_t seed = 1, steps = STEPS_DEFAULT, nb_histories = 0;
	int failed;

	if (argc > 3 || (argc > 1 && number_parse(argv[1], &seed) != 0) ||
	    (argc > 2 && number_parse(argv[2], &steps) != 0)) {
		fprintf(stderr, "usage: %s [SEED [STEPS]], both above 0\n", argv[0]);
		return 2;
	}
	printf("1..%zu\n", NB_BANDS);
	failed = histories_run(seed, steps, results, &nb_histories);
	if (failed < 0)
		printf("# %" PRIu64 " histories from seed 0x%" PRIx64 "\n", nb_histories, seed);
	return report(results, failed);
}
