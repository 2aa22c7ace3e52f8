/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef EMU_REG_H
#define EMU_REG_H

/**
 * @file
 * Accesses to registers, as the models have them in common. On the driver's thread.
 */

#include "emu_pvt.h"

/** Bits of an index that no queue has. */
#define EMU_INDEX_WILD UINT32_C(0x7ff00000)

/** The half of a register of 64 bits that lies at an offset. */
static inline uint32_t
emu_reg_half(uint64_t wide, uint32_t offset)
{
	return (uint32_t)(wide >> ((offset & 4) * 8));
}

/** A register of 64 bits with this half changed. */
static inline uint64_t
emu_reg_with_half(uint64_t wide, uint32_t offset, uint32_t value)
{
	const unsigned int shift = (offset & 4) * 8;

	return (wide & ~((uint64_t)UINT32_MAX << shift)) | (uint64_t)value << shift;
}

/** 32 bits of either kind of register; NULL: there is none, which reads 0. */
static inline uint32_t
emu_reg_read(const uint64_t *wide, const uint32_t *narrow, uint32_t offset)
{
	/* pairs with the models' release stores: what an index speaks of is there */
	if (wide != NULL)
		return emu_reg_half(__atomic_load_n(wide, __ATOMIC_ACQUIRE), offset);
	return narrow != NULL ? __atomic_load_n(narrow, __ATOMIC_ACQUIRE) : 0;
}

/**
 * An index that is read, or a wild one where hardware is to misbehave so.
 *
 * @param requests, reports offsets of the indices of the two queues that the unit writes
 */
static inline uint32_t
emu_reg_index(struct uiommu_emu *emu, uint32_t offset, uint32_t requests, uint32_t reports,
	      uint32_t value)
{
	if ((offset == requests && unlikely(emu_fault_take(emu, UIOMMU_EMU_FAULT_WILD_INDEX))) ||
	    (offset == reports &&
	     unlikely(emu_fault_take(emu, UIOMMU_EMU_FAULT_WILD_EVENT_INDEX))))
		value |= EMU_INDEX_WILD;
	return value;
}

#endif /* EMU_REG_H */
