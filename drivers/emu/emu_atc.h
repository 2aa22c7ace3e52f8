/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef EMU_ATC_H
#define EMU_ATC_H

/**
 * @file
 * Devices that translate: their own caches (device-TLBs), and DMA with what they know.
 *
 * By the holder of uiommu_emu::lock.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emu_tlb.h"

struct emu_device;
struct uiommu_emu;

/**
 * A device wants to use an address: its own cache, else the unit is asked; what the unit says is
 * kept in that cache. Counted: atc_hits, translations.
 *
 * @param device index
 * @param bond of the device
 * @param access EMU_REQ_READ, EMU_REQ_WRITE: what is wanted
 * @param leaf the page; access may be more than was wanted
 * @return true: all of the access is granted. false: it is not there; nothing is in leaf
 */
bool
emu_atc_translate(struct uiommu_emu *emu, uint16_t device, uint32_t bond, uint64_t iova,
		  uint32_t access, struct emu_leaf *leaf);

/** Likewise, also of a PASID that the device has no bond for: 0. */
bool
emu_atc_request(struct uiommu_emu *emu, uint16_t device, uint32_t bond, uint32_t pasid,
		uint64_t iova, uint32_t access, struct emu_leaf *leaf);

/**
 * Likewise out of the device's own cache alone, and not counted: to use what it has.
 *
 * @return false: it is not in there
 */
bool
emu_atc_look(struct uiommu_emu *emu, uint16_t device, uint32_t bond, uint64_t iova,
	     uint32_t access, struct emu_leaf *leaf);

/**
 * Memory at the end of a translation.
 *
 * @param pa where the bytes lie
 * @return NULL: the model does not know this memory, a violation
 */
void *
emu_dma_at(struct uiommu_emu *emu, const struct emu_device *dev, uint32_t pasid, uint64_t pa,
	   size_t size);

/** @param entries power of two; 0: default */
void
emu_atc_init(struct emu_device *dev, uint32_t entries);
void
emu_atc_fini(struct emu_device *dev);

/**
 * The unit asks a device to forget.
 *
 * @param pasid EMU_NO_PASID: what it learnt without PASID
 * @param all_pasids what it learnt with any PASID
 * @param first, last addresses, both inclusive
 */
void
emu_atc_invalidate(struct uiommu_emu *emu, uint32_t endpoint_id, uint32_t pasid, bool all_pasids,
		   uint64_t first, uint64_t last);

/**
 * Likewise, of a unit that learns from it no more than whether a device answers in time: see
 * emu_asked::failed. What the device sent before it confirmed has arrived.
 */
void
emu_atc_ask(struct uiommu_emu *emu, uint32_t endpoint_id, uint32_t pasid, bool all_pasids,
	    uint64_t first, uint64_t last);

#endif /* EMU_ATC_H */
