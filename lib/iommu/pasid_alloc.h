/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef PASID_ALLOC_H
#define PASID_ALLOC_H

/* PASIDs of address spaces: one set of numbers for the process. No EAL, no lock of its own. */

#include <stdbool.h>
#include <stdint.h>

#include <uiommu_fault.h>

/*
 * A PASID from 1 to (1 << bits) - 1 that nobody has; UIOMMU_NO_PASID: there is none.
 *
 * The search goes on where the last one of the same width has ended, so that a PASID that was
 * given back is the last to be given out again.
 *
 * bits: 0 to UIOMMU_PASID_BITS. is_taken: whether a PASID cannot be used for another reason;
 * may be NULL.
 */
uint32_t
uiommu_pvt_pasid_alloc(unsigned int bits, bool (*is_taken)(uint32_t pasid, const void *arg),
		       const void *arg);

/* Give back what uiommu_pvt_pasid_alloc() has given. */
void
uiommu_pvt_pasid_free(uint32_t pasid);

#endif /* PASID_ALLOC_H */
