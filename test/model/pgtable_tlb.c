/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <string.h>

#include "pgtable_tlb.h"

void
tlb_clear(struct tlb *tlb)
{
	memset(tlb, 0, sizeof(*tlb));
}

static void
remember_pointers(struct tlb *tlb, const struct hw_table *t, uint64_t iova,
		  const struct hw_leaf *leaf)
{
	struct tlb_pointer *p;
	uint64_t size;
	uint32_t level;

	/* the root is no entry of a table */
	for (level = leaf->level; level < t->levels; level++) {
		size = UINT64_C(1) << hw_shift(t, level + 1);
		p = &tlb->pointers[tlb->next_pointer++ % TLB_POINTERS];
		p->iova = iova & ~(size - 1);
		p->last = p->iova + (size - 1);
		p->pa = leaf->tables[level];
		p->level = level;
	}
}

enum hw_result
tlb_access(struct tlb *tlb, const struct hw_table *t, uint64_t iova, bool write,
	   struct hw_leaf *leaf, bool *walked)
{
	uint32_t want = write ? UIOMMU_PROT_WRITE : UIOMMU_PROT_READ, i;
	enum hw_result result;
	struct tlb_entry *e;

	*walked = false;
	for (i = 0; i < TLB_ENTRIES; i++) {
		e = &tlb->entries[i];
		if (e->used && e->iova <= iova && iova <= e->last && (e->prot & want) != 0 &&
		    (!write || e->dirty)) {
			tlb->hits++;
			return HW_LEAF;
		}
	}
	*walked = true;
	result = hw_access(t, iova, write, leaf, NULL);
	if (result != HW_LEAF)
		return result;
	e = &tlb->entries[tlb->next_entry++ % TLB_ENTRIES];
	*e = (struct tlb_entry){leaf->iova, leaf->iova + (leaf->size - 1), leaf->pa, leaf->prot,
				leaf->dirty, true};
	remember_pointers(tlb, t, iova, leaf);
	return result;
}

void
tlb_forget(struct tlb *tlb, uint64_t iova, uint64_t last, bool pointers)
{
	uint32_t i;

	for (i = 0; i < TLB_ENTRIES; i++)
		if (tlb->entries[i].iova <= last && iova <= tlb->entries[i].last)
			tlb->entries[i].used = false;
	for (i = 0; pointers && i < TLB_POINTERS; i++)
		if (tlb->pointers[i].iova <= last && iova <= tlb->pointers[i].last)
			tlb->pointers[i].level = 0;
}

void
tlb_flush(struct tlb *tlb, const struct uiommu_pgtable_gather *gather)
{
	uint32_t i;

	for (i = 0; i < gather->nb_ranges; i++)
		tlb_forget(tlb, gather->ranges[i].iova,
			   gather->ranges[i].iova + (gather->ranges[i].len - 1), gather->tables);
}

/* All pages of an entry must still be there, lead to where it says, and have marks as it had. */
static const char *
entry_wrong(const struct tlb_entry *e, const struct model *m, uint64_t *iova)
{
	const struct model_run *run;

	for (*iova = e->iova;; *iova = run->last + 1) {
		run = model_at(m, *iova);
		if (run == NULL || run->busy)
			return "a translation is used that was taken away";
		if (model_pa(run, *iova) != e->pa + (*iova - e->iova))
			return "a translation is used that leads elsewhere now";
		if ((e->prot & ~run->prot) != 0)
			return "access is used that was taken away";
		if (!run->accessed)
			return "accessed is clear, and will not be set";
		if (e->dirty && !run->dirty)
			return "dirty is clear, and will not be set";
		if (run->last >= e->last)
			return NULL;
	}
}

const char *
tlb_wrong(const struct tlb *tlb, const struct hw_table *t, const struct model *m, uint64_t *iova)
{
	struct hw_leaf leaf;
	const char *why;
	uint32_t i;

	for (i = 0; i < TLB_ENTRIES; i++) {
		if (!tlb->entries[i].used)
			continue;
		why = entry_wrong(&tlb->entries[i], m, iova);
		if (why != NULL)
			return why;
	}
	for (i = 0; i < TLB_POINTERS; i++) {
		const struct tlb_pointer *p = &tlb->pointers[i];

		if (p->level == 0)
			continue;
		*iova = p->iova;
		hw_walk(t, p->iova, &leaf);
		if (leaf.tables[p->level] != p->pa)
			return "a pointer is used to a table that was taken out";
	}
	return NULL;
}
