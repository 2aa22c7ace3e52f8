/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef EMU_TABLES_H
#define EMU_TABLES_H

/*
 * Page tables of both stages, written by hand, S 9.7, 9.8, for one PASID of each kind.
 */

#include "emu_rig.h"
#include "vtd_model_pt.h"

#define FIRST_RW (VTD_FS_P | VTD_FS_RW | VTD_FS_US)
#define FIRST_RO (VTD_FS_P | VTD_FS_US)
#define SECOND_RW (VTD_SS_R | VTD_SS_W)
#define SECOND_RO VTD_SS_R

#define IOVA UINT64_C(0x123456789000)
/* Guest addresses: the first-stage tables of the nested PASID, and its page */
#define GUEST_TABLES UINT64_C(0x10000)
#define GUEST_PAGE UINT64_C(0x7654321000)

/* PASIDs by kind; TWIN shares domain and tables of FIRST. */
enum { FIRST = 1, SECOND, NESTED, PASS, TWIN, KINDS };
#define KIND_DOMAIN(pasid) (UINT64_C(10) + ((pasid) == TWIN ? FIRST : (pasid)))

static struct tables {
	uint64_t *first;  /* roots */
	uint64_t *second;
	uint64_t *host;   /* of the nested PASID */
	uint64_t *guest[4];
	uint64_t *leaf[KINDS]; /* entries of IOVA; of the nested PASID, in the guest's table */
	uint64_t *host_leaf;
	struct uiommu_dma page[8];
} tables;

static inline uint64_t *
table_new(void)
{
	struct uiommu_dma mem;

	memory(&mem, 4096);
	return mem.va;
}

/* Entry of an address at a level, with the tables on the way. @param table of the top level */
static inline uint64_t *
table_entry(uint64_t *table, unsigned int levels, uint64_t address, unsigned int level,
	    uint64_t rights)
{
	uint64_t *entry;

	for (; levels > level; levels--) {
		entry = &table[(address >> VTD_PT_SHIFT(levels)) % VTD_PT_ENTRIES];
		if (*entry == 0)
			*entry = (uintptr_t)table_new() | rights;
		table = (uint64_t *)(uintptr_t)(*entry & VTD_ADDR_MASK);
	}
	return &table[(address >> VTD_PT_SHIFT(level)) % VTD_PT_ENTRIES];
}

static inline uint64_t *
first_entry(uint64_t address, unsigned int level)
{
	return table_entry(tables.first, 4, address, level, FIRST_RW);
}

static inline uint64_t *
second_entry(uint64_t address, unsigned int level)
{
	return table_entry(tables.second, 4, address, level, SECOND_RW);
}

static inline void
bond_kind(uint32_t pasid, uint64_t kind, const uint64_t *first, const uint64_t *second)
{
	uint64_t *entry = pasid_entry(pasid);

	entry[0] = 0;
	entry[2] = kind == VTD_PGTT_NESTED ? GUEST_TABLES : (uintptr_t)first;
	entry[1] = KIND_DOMAIN(pasid);
	entry[0] = (uintptr_t)second | (uint64_t)VTD_AW_48 << VTD_PE0_AW_SHIFT |
		   kind << VTD_PE0_PGTT_SHIFT | VTD_PE0_P;
}

/* The guest's tables, which its host has at other places. */
static inline void
nested_open(void)
{
	unsigned int i, shift;

	for (i = 0; i < 4; i++) {
		tables.guest[i] = table_new();
		*table_entry(tables.host, 4, GUEST_TABLES + i * 4096, 1, SECOND_RW) =
			(uintptr_t)tables.guest[i] | SECOND_RW;
	}
	for (i = 0; i < 4; i++) {
		shift = 39 - 9 * i;
		tables.leaf[NESTED] = &tables.guest[i][IOVA >> shift & 0x1ff];
		*tables.leaf[NESTED] =
			(i < 3 ? GUEST_TABLES + (i + 1) * 4096 : GUEST_PAGE) | FIRST_RW;
	}
	tables.host_leaf = table_entry(tables.host, 4, GUEST_PAGE, 1, SECOND_RW);
	*tables.host_leaf = tables.page[NESTED].pa | SECOND_RW;
}

/* A page at IOVA for each PASID; PASS has it where it is. Tables can take more. */
static inline void
tables_open(struct uiommu_args *args)
{
	unsigned int i;

	memset(&tables, 0, sizeof(tables));
	rig_open(args);
	rig_up();
	rig_device(KINDS - 1, 0);
	for (i = 0; i < ARRAY_COUNT(tables.page); i++)
		memory(&tables.page[i], 4096);
	tables.first = table_new();
	tables.second = table_new();
	tables.host = table_new();
	bond_kind(FIRST, VTD_PGTT_FIRST, tables.first, NULL);
	bond_kind(TWIN, VTD_PGTT_FIRST, tables.first, NULL);
	bond_kind(SECOND, VTD_PGTT_SECOND, NULL, tables.second);
	bond_kind(NESTED, VTD_PGTT_NESTED, NULL, tables.host);
	bond_kind(PASS, VTD_PGTT_PASSTHROUGH, NULL, NULL);
	tables.leaf[FIRST] = first_entry(IOVA, 1);
	*tables.leaf[FIRST] = tables.page[FIRST].pa | FIRST_RW;
	tables.leaf[TWIN] = tables.leaf[FIRST];
	tables.leaf[SECOND] = second_entry(IOVA, 1);
	*tables.leaf[SECOND] = tables.page[SECOND].pa | SECOND_RW;
	nested_open();
}

static inline bool
dma(uint32_t pasid, uint64_t iova, bool write)
{
	return uiommu_emu_dma(rig.emu, DEVICE, pasid, iova, write);
}

/* Where the device finds an address; 0: nowhere. */
static inline uint64_t
lead(uint32_t pasid, uint64_t iova, bool write)
{
	uint64_t pa = 0;

	return uiommu_emu_translate(rig.emu, DEVICE, pasid, iova, write, &pa) ? pa : 0;
}

/* ------------------------------------------------------------------ descriptors */

static inline void
run(uint64_t word0, uint64_t word1)
{
	queue_put(word0, word1);
	assert_true(queue_wait());
	assert_int_equal(get32(VTD_REG_FSTS) & VTD_FSTS_IQE, 0);
}

static inline void
iotlb(uint64_t granularity, uint64_t domain, uint64_t word1)
{
	run(VTD_QI_IOTLB | granularity << VTD_QI_GRAN_SHIFT | domain << VTD_QI_DID_SHIFT, word1);
}

static inline void
pasid_iotlb(uint64_t granularity, uint64_t domain, uint64_t pasid, uint64_t word1)
{
	run(VTD_QI_PASID_IOTLB | granularity << VTD_QI_GRAN_SHIFT | domain << VTD_QI_DID_SHIFT |
		    pasid << VTD_QI_PASID_SHIFT, word1);
}

static inline void
pasid_cache(uint64_t granularity, uint64_t domain, uint64_t pasid)
{
	run(VTD_QI_PASID_CACHE | granularity << VTD_QI_GRAN_SHIFT | domain << VTD_QI_DID_SHIFT |
		    pasid << VTD_QI_PASID_SHIFT, 0);
}

static inline void
context_cache(uint64_t granularity)
{
	run(VTD_QI_CONTEXT | granularity << VTD_QI_GRAN_SHIFT |
		    (uint64_t)DEVICE << VTD_QI_CONTEXT_SID_SHIFT, 0);
}

static inline void
device_tlb(uint64_t word1)
{
	run(VTD_QI_DEV_TLB | (uint64_t)DEVICE << VTD_QI_DEV_TLB_SID_SHIFT, word1);
}

static inline void
pasid_device_tlb(uint64_t pasid, uint64_t word1)
{
	run(VTD_QI_PASID_DEV_TLB | (uint64_t)DEVICE << VTD_QI_PASID_DEV_TLB_SID_SHIFT |
		    pasid << VTD_QI_PASID_SHIFT, word1);
}

/* All that a device has learnt with a PASID. */
static inline void
device_forgets(uint64_t pasid)
{
	pasid_device_tlb(pasid, VTD_QI_DEV_TLB_ALL | VTD_QI_PASID_DEV_TLB_S);
}

#endif /* EMU_TABLES_H */
