/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef EMU_PAGES_H
#define EMU_PAGES_H

/*
 * A window of pages in a first-stage table that is written by hand, S 9.7, and a software that maps
 * what devices ask for.
 */

#include "emu_rig.h"

/* One table of the last level has them all. */
#define WINDOW_PAGES 512
/* Index of the window's address in a table of the third level */
#define WINDOW_INDEX3 (UIOMMU_EMU_WINDOW_IOVA >> 30)

#define PAGE_READ (VTD_FS_P | VTD_FS_US)
#define PAGE_WRITE (PAGE_READ | VTD_FS_RW)

static struct pages {
	uint64_t *leaf;        /* entries of the window */
	struct uiommu_dma mem; /* a page of memory for each */
	uint32_t asked;        /* requests that serve_pages() has seen */
	uint32_t around;       /* pages that it maps for each, a power of two */
} pages;

/* The tables above the leaves, of rig.page_table[0]; no page is there. */
static inline void
pages_open(uint32_t nb_pasids)
{
	unsigned int i;

	memset(&pages, 0, sizeof(pages));
	pages.around = 1;
	rig_start(nb_pasids);
	for (i = 1; i < 4; i++)
		memory(&rig.page_table[i], 4096);
	((uint64_t *)rig.page_table[0].va)[0] = rig.page_table[1].pa | PAGE_WRITE;
	((uint64_t *)rig.page_table[1].va)[WINDOW_INDEX3] = rig.page_table[2].pa | PAGE_WRITE;
	((uint64_t *)rig.page_table[2].va)[0] = rig.page_table[3].pa | PAGE_WRITE;
	pages.leaf = rig.page_table[3].va;
	memory(&pages.mem, WINDOW_PAGES * 4096);
}

static inline void
page_map(uint32_t page, uint64_t access)
{
	pages.leaf[page] = (pages.mem.pa + page * UINT64_C(4096)) | access;
}

static inline void
pages_map(uint32_t nb, uint64_t access)
{
	uint32_t i;

	for (i = 0; i < nb; i++)
		page_map(i, access);
}

static inline uint32_t
page_of(const struct vtd_desc *request)
{
	return (uint32_t)(((request->q[1] & VTD_ADDR_MASK) - UIOMMU_EMU_WINDOW_IOVA) >> 12);
}

/* What is in the queue is mapped, then answered. */
static inline void
serve_pages(void)
{
	uint32_t nb = pending(), first, i;
	struct vtd_desc request;

	while (nb-- > 0) {
		request = fetch();
		pages.asked++;
		first = page_of(&request) & ~(pages.around - 1);
		for (i = first; i < first + pages.around; i++)
			if (pages.leaf[i] == 0)
				page_map(i, PAGE_WRITE);
		answer(&request, VTD_RC_SUCCESS);
	}
}

/* All translations of one PASID: the unit's, and those of the device. */
static inline void
forget_pages(uint32_t pasid)
{
	queue_put(VTD_QI_PASID_IOTLB | VTD_PASID_IOTLB_GRAN_PASID << VTD_QI_GRAN_SHIFT |
			  (uint64_t)DOMAIN_ID << VTD_QI_DID_SHIFT |
			  (uint64_t)pasid << VTD_QI_PASID_SHIFT,
		  0);
	assert_true(queue_wait());
	queue_put(VTD_QI_PASID_DEV_TLB | (uint64_t)DEVICE << VTD_QI_PASID_DEV_TLB_SID_SHIFT |
			  (uint64_t)pasid << VTD_QI_PASID_SHIFT,
		  VTD_QI_DEV_TLB_ALL | VTD_QI_PASID_DEV_TLB_S);
	assert_true(queue_wait());
}

#endif /* EMU_PAGES_H */
