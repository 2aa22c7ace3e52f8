/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef PGTABLE_HISTORY_H
#define PGTABLE_HISTORY_H

/*
 * A random history of one table: each step is done to the library's table and to the model, and
 * both are compared, as seen by the library, by the unit's walk and by what the unit remembers.
 * What differs ends the history: failed is set, and nothing is done any more.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pgtable_hw.h"
#include "pgtable_model.h"
#include "pgtable_tlb.h"

#define HISTORY_AREAS 3
#define AREA_BYTES ((size_t)8 << 20)
#define SPOTS_MAX 3
#define PENDING_MAX 8192
#define CHUNK 512

/* A format with its levels. */
struct variant {
	const char *name;
	uint32_t format;
	uint32_t levels;
	uint32_t page_shift;
};

/* Entries that the test has reserved. */
struct pending {
	uint64_t iova;
	uint32_t shift;
	uint32_t nb;
};

enum step {
	STEP_MAP,
	STEP_MAP_PAGES,
	STEP_RESERVE,
	STEP_COMMIT,
	STEP_EXCHANGE,
	STEP_UNMAP,
	STEP_UNMAP_BUSY,
	STEP_PROTECT,
	STEP_SAMPLE,
	STEP_TRIM,
	STEP_ACCESS,
	STEP_FLUSH,
	STEP_INVALID,
	NB_STEPS,
};

/* How often things happened that a run must have seen: a test that never does proves nothing. */
enum event {
	EVENT_NO_MEMORY,  /* -ENOMEM */
	EVENT_EXIST,      /* -EEXIST */
	EVENT_AGAIN,      /* -EAGAIN */
	EVENT_SPLIT,      /* a large leaf became small ones */
	EVENT_LARGE,      /* a leaf above the smallest was walked by the unit */
	EVENT_UPGRADE,    /* access was added to what was there */
	EVENT_TABLE_FREED,
	EVENT_TLB_HIT,
	EVENT_DIRTY,      /* a dirty page was reported */
	NB_EVENTS,
};

struct history {
	const struct variant *v;
	uint64_t seed, random;
	struct hw_memory seen;   /* by the unit: a copy that only the flush hook writes, or areas */
	struct hw_memory memory; /* of the processor */
	struct hw_table unit, cpu;
	void *pool_mem;
	struct uiommu_pgpool *pool;
	struct uiommu_pgtable_conf conf;
	struct uiommu_pgtable *pt;
	struct uiommu_pgtable *other; /* one of another format, in the same bursts of check() */
	uint32_t other_pages;
	struct uiommu_pgtable_hint hint, other_hint; /* from the beginning of a table to its end */
	struct uiommu_pgtable_gather gather;
	struct model model;
	struct tlb tlb;
	struct pending pending[PENDING_MAX];
	uint32_t nb_pending;
	uint64_t spots[SPOTS_MAX];
	uint32_t nb_spots;
	uint64_t deltas[4];
	uint64_t step;
	enum step doing;
	uint64_t steps_by[NB_STEPS];
	uint64_t events[NB_EVENTS];
	bool failed;
};

/* xorshift64*: any seed but 0 */
static inline uint64_t
history_random(struct history *h)
{
	h->random ^= h->random >> 12;
	h->random ^= h->random << 25;
	h->random ^= h->random >> 27;
	return h->random * UINT64_C(0x2545f4914f6cdd1d);
}

static inline uint64_t
history_below(struct history *h, uint64_t limit)
{
	return (history_random(h) >> 16) % limit;
}

static inline bool
history_percent(struct history *h, uint32_t percent)
{
	return history_below(h, 100) < percent;
}

static inline uint64_t
history_page(const struct history *h)
{
	return UINT64_C(1) << h->v->page_shift;
}

/* Says what went wrong, once. */
__attribute__((format(printf, 2, 3))) void
history_fail(struct history *h, const char *format, ...);

/* pgtable_history.c: a table of random configuration, its end, a step. */
int
history_begin(struct history *h, const struct variant *v, uint64_t seed);

void
history_step(struct history *h);

/* Takes all away, by one way or another: no page of a table may be left. */
void
history_end(struct history *h);

/* pgtable_random.c: choices. */
bool
history_valid(const struct history *h, uint64_t iova, uint64_t len);

uint64_t
history_iova(struct history *h);

/* A range of iova and len; large: worth a leaf above the smallest. */
void
history_range(struct history *h, uint64_t *iova, uint64_t *len);

uint64_t
history_pa(struct history *h, uint64_t iova);

/* Access to ask for, valid for the format. */
uint32_t
history_prot(struct history *h);

/* What a mapping with this access allows. */
uint32_t
history_gets(const struct history *h, uint32_t prot);

/* pgtable_readers.c */
void
step_map(struct history *h);
void
step_map_pages(struct history *h);
void
step_reserve(struct history *h);
void
step_commit(struct history *h);
void
step_exchange(struct history *h);
void
step_access(struct history *h);
void
step_invalid(struct history *h);

/* Fill pending entries, or give them up, until none is left. */
void
history_settle(struct history *h);

/* Whether a failure to get a page for a table was due. */
void
history_check_no_memory(struct history *h);

/* pgtable_writers.c */
void
step_unmap(struct history *h);
void
step_unmap_busy(struct history *h);
void
step_protect(struct history *h);
void
step_sample(struct history *h);
void
step_trim(struct history *h);

/* The unit forgets what was gathered; what it remembers is judged; tables are freed. */
void
step_flush(struct history *h);

/* pgtable_compare.c */

/* One address, by all ways there are. */
void
compare_at(struct history *h, uint64_t iova);

/* A leaf that a callback was given; sample: bits as they were. */
bool
compare_leaf(struct history *h, const struct uiommu_pgtable_leaf *leaf, const char *by);

/* Some addresses in and around a range. */
void
compare_around(struct history *h, uint64_t iova, uint64_t len);

/* Everything, and tables counted. */
void
compare_all(struct history *h);

/* A burst of addresses for uiommu_pgtable_check(). */
void
compare_burst(struct history *h);

#endif /* PGTABLE_HISTORY_H */
