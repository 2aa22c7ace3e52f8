/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Part of a format's file, before pt_format.h: where accessed and dirty are bits A and D. */

static inline bool
fmt_accessed(uint64_t e)
{
	return (e & A) != 0;
}

static inline bool
fmt_dirty(uint64_t e)
{
	return (e & D) != 0;
}

static inline uint64_t
fmt_cleared(uint64_t e, uint32_t sample)
{
	return e & ~((sample & UIOMMU_SAMPLE_CLEAR_ACCESSED) != 0 ? A : 0) &
	       ~((sample & UIOMMU_SAMPLE_CLEAR_DIRTY) != 0 ? D : 0);
}
