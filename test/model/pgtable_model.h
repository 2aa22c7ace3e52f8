/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef PGTABLE_MODEL_H
#define PGTABLE_MODEL_H

/*
 * What an address space holds, as plainly as it can be said: a sorted list of its pages, where
 * those that follow each other in both kinds of address, and are alike, share a line. No levels,
 * no sizes of leaves. Lines end with their last byte, for the last page may end at 2^64.
 */

#include <stdbool.h>
#include <stdint.h>

struct model_run {
	uint64_t iova, last;
	uint64_t pa;
	uint32_t prot;
	bool accessed, dirty;
	bool busy;     /* reserved: nothing else of this holds but the addresses and shift */
	uint32_t shift; /* busy: log2 of the leaf that is reserved; else 0 */
};

struct model {
	uint32_t nb, max;
	struct model_run *runs;
};

/* Ends the program where there is no memory. */
void
model_init(struct model *m);

void
model_fini(struct model *m);

/* The line that holds an address; NULL: absent. */
const struct model_run *
model_at(const struct model *m, uint64_t iova);

/* The first line that ends at or after an address: an index, m->nb: none. */
uint32_t
model_from(const struct model *m, uint64_t iova);

/* Where a page leads that is there and not busy. */
static inline uint64_t
model_pa(const struct model_run *run, uint64_t iova)
{
	return run->pa + (iova - run->iova);
}

/* Nothing is mapped or reserved in [iova, last] any more. */
void
model_clear(struct model *m, uint64_t iova, uint64_t last);

/* Put a line in place of what is there. */
void
model_set(struct model *m, const struct model_run *run);

/*
 * Make all lines begin and end at the borders of [iova, last]; those in it are
 * m->runs[*from] to m->runs[*to - 1] then, to be changed in place. model_join() afterwards.
 */
void
model_cut(struct model *m, uint64_t iova, uint64_t last, uint32_t *from, uint32_t *to);

/* Neighbours that are alike share a line again. */
void
model_join(struct model *m);

/* Bytes that are mapped and not busy in [iova, last]. */
uint64_t
model_mapped(const struct model *m, uint64_t iova, uint64_t last);

bool
model_has_busy(const struct model *m, uint64_t iova, uint64_t last);

#endif /* PGTABLE_MODEL_H */
