/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef DEVMEM_PVT_H
#define DEVMEM_PVT_H

/**
 * @file
 * The platform "devmem".
 */

#include "dmar.h"
#include "platform_pvt.h"

/** Registers come in pages of this size. */
#define DEVMEM_PAGE_SIZE 4096

/** A unit's registers. */
struct devmem_place {
	uint64_t pa;
	uint64_t size; /**< in bytes; 0: as the table has it */
	bool force;    /**< whatever the table says */
};

/**
 * Find a unit by its number in the DMAR table, or check its address by it.
 *
 * @param number index in the table; NULL: place->pa is the address
 * @param place pa and size are set
 * @return 0; a negative errno, with one line in the log
 */
int
devmem_find(struct uiommu_platform *plat, const uint64_t *number, struct devmem_place *place);

/**
 * Refuse what belongs to somebody else: to the running kernel's VT-d driver, or memory.
 *
 * @return 0; a negative errno, with one line in the log
 */
int
devmem_check_owner(struct uiommu_platform *plat, const struct devmem_place *place);

/**
 * Whether the kernel lets anybody, and us, have physical memory.
 *
 * @return 0; a negative errno, with one line in the log
 */
int
devmem_check_kernel(struct uiommu_platform *plat);

#endif /* DEVMEM_PVT_H */
