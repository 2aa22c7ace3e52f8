/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef PGTABLE_TLB_H
#define PGTABLE_TLB_H

/*
 * What a unit remembers of tables: translations, and pointers to tables. It forgets only what it is
 * told to; hence it finds what should have been gathered and was not.
 */

#include "pgtable_hw.h"
#include "pgtable_model.h"

#define TLB_ENTRIES 64
#define TLB_POINTERS 64

struct tlb_entry {
	uint64_t iova, last;
	uint64_t pa;
	uint32_t prot;
	bool dirty; /* a write went through: the next one is not marked in the table */
	bool used;
};

/* The table of a level, for the addresses that it covers. */
struct tlb_pointer {
	uint64_t iova, last;
	uint64_t pa;
	uint32_t level; /* 0: none */
};

struct tlb {
	struct tlb_entry entries[TLB_ENTRIES];
	struct tlb_pointer pointers[TLB_POINTERS];
	uint32_t next_entry, next_pointer;
	uint64_t hits;
};

void
tlb_clear(struct tlb *tlb);

/*
 * A device's access: out of what is remembered, else by hw_access(), which is remembered then.
 *
 * @param leaf filled where the tables were walked
 * @param walked set to whether they were
 */
enum hw_result
tlb_access(struct tlb *tlb, const struct hw_table *t, uint64_t iova, bool write,
	   struct hw_leaf *leaf, bool *walked);

/* Forget translations of a range and, with pointers, what leads to tables there. */
void
tlb_forget(struct tlb *tlb, uint64_t iova, uint64_t last, bool pointers);

/* All that a gather says. */
void
tlb_flush(struct tlb *tlb, const struct uiommu_pgtable_gather *gather);

/* NULL: nothing remembered is wrong; else what is, with *iova. */
const char *
tlb_wrong(const struct tlb *tlb, const struct hw_table *t, const struct model *m, uint64_t *iova);

#endif /* PGTABLE_TLB_H */
