/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Page requests as a unit writes them, decoded and assembled into groups, whatever their bytes are.
 * What is the unit's own is in fuzz_riscv.c, fuzz_smmuv3.c and fuzz_vtd.c.
 */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <uiommu_fault.h>
#include <uiommu_prg.h>

#include "fuzz_request.h"
#include "fuzz_unit.h"

#define PARKED_MAX 256
#define REQUESTS_MAX 4096

_Static_assert(FUZZ_RESULTS == UIOMMU_PRG_INCOMPLETE + 1, "results are counted by number");

struct fuzz_request_counts fuzz_request_counts;

enum fate {
	NOT_SEEN = 0,
	PARKED,
	DELIVERED,
};

struct harness {
	uint32_t parked_max, group_max;
	uint32_t nb_requests;
	uint32_t nb_parked[FUZZ_ENDPOINTS]; /* by our own count */
	uint8_t fates[REQUESTS_MAX];	    /* by number of request */
	struct uiommu_prg *prg[FUZZ_ENDPOINTS];
	struct uiommu_fault *out; /* group_max, not one more */
};

static void
harness_make(struct harness *h, const uint8_t *head)
{
	uint32_t i;

	memset(h, 0, sizeof(*h));
	h->parked_max = head[0] == 0 ? PARKED_MAX : head[0];
	h->group_max = 1 + head[1] % (h->parked_max + 1);
	h->out = calloc(h->group_max, sizeof(*h->out));
	rule(h->out != NULL, "memory");
	for (i = 0; i < FUZZ_ENDPOINTS; i++) {
		void *mem = aligned_alloc(64, uiommu_prg_size(h->parked_max));

		rule(mem != NULL, "memory");
		h->prg[i] = uiommu_prg_init(mem, h->parked_max, h->group_max, word(head + 8));
		rule(h->prg[i] != NULL, "sound arguments are taken");
	}
}

/* Whatever has happened, everything can be thrown away, and then nothing is left. */
static void
harness_end(struct harness *h)
{
	uint32_t i;

	for (i = 0; i < FUZZ_ENDPOINTS; i++) {
		rule(uiommu_prg_discard(h->prg[i]) == h->nb_parked[i],
		     "discard counts what it takes");
		rule(uiommu_prg_is_idle(h->prg[i]), "nothing is left after a discard");
		free(h->prg[i]);
	}
	free(h->out);
}

static void
group_check(struct harness *h, const struct uiommu_fault *last, uint32_t nb)
{
	uint32_t i;

	rule(nb >= 1 && nb <= h->group_max, "a group has a bound");
	for (i = 0; i < nb; i++) {
		const struct uiommu_fault *f = &h->out[i];

		rule(f->pasid == last->pasid && f->prg_index == last->prg_index &&
			     f->endpoint_id == last->endpoint_id,
		     "a group is of one endpoint, PASID and index");
		rule(((f->flags & UIOMMU_FAULT_LAST) != 0) == (i + 1 == nb),
		     "the last one is at the end");
		/* the hint, which no request has, carries the number of a request */
		rule(f->nb_pages < h->nb_requests, "only requests come out");
		rule(h->fates[f->nb_pages] == (i + 1 == nb ? NOT_SEEN : PARKED),
		     "each request is delivered at most once");
		rule(i == 0 || f->nb_pages > h->out[i - 1].nb_pages, "order of arrival is kept");
		h->fates[f->nb_pages] = DELIVERED;
	}
	rule(memcmp(&h->out[nb - 1], last, sizeof(*last)) == 0, "the last one is as it came");
	if (nb > fuzz_request_counts.longest)
		fuzz_request_counts.longest = nb;
}

/* The parked count of an endpoint after a request, and what was said of the request, must fit. */
static void
assemble(struct harness *h, const struct uiommu_fault *fault)
{
	struct uiommu_prg *prg = h->prg[fault->endpoint_id];
	uint32_t *nb_parked = &h->nb_parked[fault->endpoint_id];
	bool last = (fault->flags & UIOMMU_FAULT_LAST) != 0;
	bool was_idle = uiommu_prg_is_idle(prg);
	uint32_t nb = h->group_max;
	enum uiommu_prg_result result = uiommu_prg_add(prg, fault, h->out, &nb);

	rule(result < FUZZ_RESULTS, "results have a bound");
	fuzz_request_counts.results[result]++;
	/* R2 */
	rule(last == (result == UIOMMU_PRG_GROUP || result == UIOMMU_PRG_INCOMPLETE),
	     "the last request is answered, and no other");
	if (last)
		fuzz_unit_answer(fault);
	rule(!was_idle || !last || (result == UIOMMU_PRG_GROUP && nb == 1),
	     "idle: a last request is a whole group");
	if (result == UIOMMU_PRG_GROUP) {
		group_check(h, fault, nb);
		*nb_parked -= nb - 1;
	} else if (result == UIOMMU_PRG_PARKED) {
		h->fates[fault->nb_pages] = PARKED;
		(*nb_parked)++;
	} else {
		*nb_parked -= nb;
		fuzz_request_counts.thrown += nb;
	}
	rule(prg->nb_parked == *nb_parked, "no parked request is lost or invented");
	/* R6 */
	rule(prg->nb_parked <= h->parked_max, "parking has a bound");
}

static void
discard_all(struct harness *h)
{
	uint32_t i, nb;

	for (i = 0; i < FUZZ_ENDPOINTS; i++) {
		nb = uiommu_prg_discard(h->prg[i]);
		rule(nb == h->nb_parked[i], "discard counts what it takes");
		rule(uiommu_prg_is_idle(h->prg[i]), "nothing is left after a discard");
		h->nb_parked[i] = 0;
		fuzz_request_counts.discards += nb != 0;
	}
}

static void
purge(struct harness *h, const uint8_t *desc)
{
	uint32_t endpoint, pasid, nb;

	fuzz_unit_who(desc, &endpoint, &pasid);
	endpoint %= FUZZ_ENDPOINTS;
	nb = uiommu_prg_purge(h->prg[endpoint], pasid);

	rule(nb <= h->nb_parked[endpoint], "no more is purged than there is");
	h->nb_parked[endpoint] -= nb;
	rule(h->prg[endpoint]->nb_parked == h->nb_parked[endpoint], "purge counts what it takes");
	rule(uiommu_prg_purge(h->prg[endpoint], pasid) == 0, "nothing is left after a purge");
	fuzz_request_counts.purges += nb != 0;
}

static bool
is_sifted(uint32_t pasid, const void *arg)
{
	return pasid % 4 == *(const uint32_t *)arg % 4;
}

static void
sift(struct harness *h, const uint8_t *desc)
{
	uint32_t endpoint, pasid, nb, i;
	struct uiommu_prg *prg;

	fuzz_unit_who(desc, &endpoint, &pasid);
	endpoint %= FUZZ_ENDPOINTS;
	prg = h->prg[endpoint];
	nb = uiommu_prg_purge_if(prg, is_sifted, &pasid);

	rule(nb <= h->nb_parked[endpoint], "no more is sifted than there is");
	h->nb_parked[endpoint] -= nb;
	rule(prg->nb_parked == h->nb_parked[endpoint], "sifting counts what it takes");
	for (i = pasid % 4; i < 64; i += 4)
		rule(uiommu_prg_purge(prg, i) == 0, "nothing that was sifted is left");
	fuzz_request_counts.sifts += nb != 0;
}

/* What the engine does with an entry: the malformed never reach a handler, but end their group. */
static void
entry_run(struct harness *h, const uint8_t *desc)
{
	struct uiommu_fault fault;

	if (!fuzz_unit_decode(desc, &fault))
		return;
	if (fault.endpoint_id >= FUZZ_ENDPOINTS) {
		fuzz_request_counts.unknown_endpoint++;
		return;
	}
	if ((fault.flags & (UIOMMU_FAULT_REJECT | UIOMMU_FAULT_LAST)) == UIOMMU_FAULT_REJECT)
		return;
	fault.nb_pages = h->nb_requests++; /* see group_check() */
	assemble(h, &fault);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct harness h;
	size_t at;

	if (size < FUZZ_REQUEST_HEAD || fuzz_unit_begin(data, size))
		return 0;
	harness_make(&h, data);
	for (at = FUZZ_REQUEST_HEAD;
	     size - at >= fuzz_unit_entry_size && h.nb_requests < REQUESTS_MAX;
	     at += fuzz_unit_entry_size) {
		const uint8_t *desc = data + at;

		if (desc[0] == FUZZ_TYPE_DISCARD)
			discard_all(&h);
		else if (desc[0] == FUZZ_TYPE_PURGE)
			purge(&h, desc);
		else if (desc[0] == FUZZ_TYPE_SIFT)
			sift(&h, desc);
		else
			entry_run(&h, desc);
	}
	harness_end(&h);
	return 0;
}

bool
fuzz_is_complete(void)
{
	const struct fuzz_request_counts *c = &fuzz_request_counts;
	bool complete = true;
	unsigned int i;

	for (i = 0; i < fuzz_unit_kinds; i++) {
		printf("# kind %u: %" PRIu64 "\n", i, c->kinds[i]);
		complete = complete && c->kinds[i] != 0;
	}
	for (i = 0; i < FUZZ_RESULTS; i++) {
		printf("# result %u: %" PRIu64 "\n", i, c->results[i]);
		complete = complete && c->results[i] != 0;
	}
	printf("# unknown endpoint %" PRIu64 ", thrown away %" PRIu64 ", discards %" PRIu64
	       ", purges %" PRIu64 ", sifts %" PRIu64 ", longest group %" PRIu64 "\n",
	       c->unknown_endpoint, c->thrown, c->discards, c->purges, c->sifts, c->longest);
	return complete && c->unknown_endpoint != 0 && c->thrown != 0 && c->discards != 0 &&
	       c->purges != 0 && c->sifts != 0 && c->longest > 2 &&
	       c->answers != 0;
}
