/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef EMU_BULK_H
#define EMU_BULK_H

/**
 * @file
 * What the models' walks of many pages at once have in common.
 */

#include "emu_pvt.h"

/** Walks side by side: enough for the misses of one to hide those of the others. */
#define EMU_LANES 64

/** The request that a lookup stands for. */
static inline struct emu_message
emu_lookup_message(const struct uiommu_emu *emu, const struct emu_lookup *lookup)
{
	return (struct emu_message){
		.endpoint_id = emu->devices[lookup->device]->endpoint_id,
		.pasid = emu->bonds[lookup->bond].pasid,
		.iova = lookup->iova,
		.flags = lookup->access,
	};
}

/** Memory that is all the unit's. */
struct emu_span {
	uint64_t base;
	uint64_t size; /**< bytes; 0: none */
};

/** @return false: the table, of one page, is not the unit's memory (see emu_memory_at()) */
static __rte_noinline bool
emu_span_look(struct uiommu_emu *emu, struct emu_span *span, uint64_t table)
{
	if (emu_memory_at(emu, table, EMU_PAGE_SIZE) == NULL)
		return false;
	emu_memory_whole(emu, table, &span->base, &span->size);
	return true;
}

/** Whether a table is there to be read. @param span to be kept from call to call */
static __rte_always_inline bool
emu_span_has(struct uiommu_emu *emu, struct emu_span *span, uint64_t table)
{
	return table - span->base < span->size || emu_span_look(emu, span, table);
}

#endif /* EMU_BULK_H */
