/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * RISC-V IOMMU: what its driver takes, refuses and shows. Bits by "IOMMU capabilities
 * (capabilities)" of the specification.
 */

#include "autotest.h"

#define UNIT "riscv/emu"

static void
devargs_good(void)
{
	static const char *const good[] = {
		"riscv,platform=emu",
		"riscv,platform=emu,pq=128",
		"riscv,platform=emu,pq=65536,fq=128,cq=2048",
		"riscv,platform=emu,pq=0x400,fq=65536,cq=65536",
		"riscv,platform=emu,ddt=auto,pid=auto",
		"riscv,platform=emu,ddt=1,pid=8,takeover=0",
		"riscv,platform=emu,ddt=2,pid=17,takeover=1",
		"riscv,platform=emu,ddt=3,pid=20",
		"riscv,platform=emu,bare=1,takeover=1",
	};

	probe_good(good, ARRAY_COUNT(good));
}

static void
devargs_bad(void)
{
	static const char *const bad[] = {
		"pq=64", "pq=0x20000", "pq=1000", "pq=", "pq=-128",
		"fq=64", "fq=0x20000", "fq=200",
		"cq=1024", "cq=0x20000", "cq=3000",
		"prq=128", "priq=128", "cmdq=2048",
		"ddt=0", "ddt=4", "ddt=", "pid=9", "pid=", "takeover=2",
		"pid=8,caps_clear=0x4000000000", "pid=17,caps_clear=0x8000000000",
		"pid=20,caps_clear=0x10000000000",
	};

	probe_bad("riscv", bad, ARRAY_COUNT(bad));
}

static void
capabilities(void)
{
	static const struct probe_unit units[] = {
		{"a first stage", "caps_clear=0xe00", -ENOTSUP},
		{"a version that is known", "caps_clear=0x10,caps_set=0x20", -ENOTSUP},
		{"coherent memory", "coherent=0", -ENOTSUP},
		{"a later minor version", "caps_set=0x1", 0},
		{"Sv57", "caps_clear=0x800", 0},
		{"Sv48 and Sv57", "caps_clear=0xc00", 0},
		{"MSI page tables", "caps_clear=0x400000", 0},
		{"access and dirty marks", "caps_clear=0x1000000", 0},
		{"ATS and page requests", "caps_clear=0x2000000", 0},
		{"page-based memory types", "caps_clear=0x8000", 0},
		{"debugging", "caps_clear=0x80000000", 0},
		{"interrupts by wire", "caps_clear=0x20000000", 0},
		{"interrupts by message", "caps_clear=0x20000000,caps_set=0x10000000", 0},
		{"PD20", "caps_clear=0x10000000000", 0},
		{"PD17 and PD20", "caps_clear=0x18000000000", 0},
		{"process directories", "caps_clear=0x1c000000000", 0},
		{"invalidation of tables", "caps_clear=0x40000000000", 0},
		{"invalidation of ranges", "caps_clear=0x80000000000", 0},
	};

	probe_each("riscv", units, ARRAY_COUNT(units));
	/* a line for each thing that is missing */
	harness_log_watch();
	CHECK_EQ(probe_result("riscv,platform=emu,caps_clear=0xe10,caps_set=0x20"), -ENOTSUP);
	CHECK_EQ(harness_log_lines(), 2);
}

/* What a unit lacks is not in its capabilities, and is refused later. */
static void
capabilities_shown(void)
{
	static const struct probe_lack lacks[] = {
		{",caps_clear=0x2000000", UIOMMU_CAPA_PAGE_REQUESTS},
		{",caps_clear=0x1c000000000", UIOMMU_CAPA_PASID | UIOMMU_CAPA_PASSTHROUGH_PASID},
	};
	struct uiommu_domain_conf second = {
		.size = sizeof(second), .type = UIOMMU_DOMAIN_PAGING,
		.flags = UIOMMU_DOMAIN_SECOND_STAGE,
	};
	struct uiommu_domain_conf parent = {
		.size = sizeof(parent), .type = UIOMMU_DOMAIN_PAGING,
		.flags = UIOMMU_DOMAIN_NEST_PARENT,
	};
	struct uiommu_endpoint *endpoint;
	struct uiommu_domain *identity;
	uint64_t all;
	struct rig *rig = probe_rig(UNIT, NULL);

	all = rig->info.capa;
	CHECK_EQ(rig->info.address_bits, 57);
	CHECK_EQ(rig->info.pasid_bits, 20);
	CHECK_EQ(rig->info.endpoint_bits, 24);
	CHECK_EQ(rig->info.nb_queues, 1);
	CHECK_EQ(strcmp(rig->info.driver, "riscv"), 0);
	CHECK_EQ(strcmp(rig->info.name, "riscv0"), 0);
	CHECK_ERRNO(uiommu_domain_alloc(rig->dev, &second), ENOTSUP);
	CHECK_ERRNO(uiommu_domain_alloc(rig->dev, &parent), ENOTSUP);
	/* IDENTITY for the RID, and for PASIDs; PASID 0 serves the RID */
	identity = rig_domain(rig, UIOMMU_DOMAIN_IDENTITY);
	endpoint = rig_endpoint(rig, EP, 0);
	rig_attach(endpoint, 7, identity, NULL);
	rig_attach(endpoint, UIOMMU_NO_PASID, identity, NULL);
	CHECK(uiommu_attach(endpoint, 0, identity, NULL) == NULL);
	rig_close(rig);
	probe_lacks(UNIT, all, lacks, ARRAY_COUNT(lacks));
}

/* The widths of a unit, and those that devargs allow of it. */
static void
widths(void)
{
	static const struct {
		const char *args;
		uint8_t address, pasid, endpoint;
	} units[] = {
		{",caps_clear=0x800", 48, 20, 24},
		{",caps_clear=0xc00", 39, 20, 24},
		{",caps_clear=0x10000000000", 57, 17, 24},
		{",caps_clear=0x18000000000", 57, 8, 24},
		{",pid=17", 57, 17, 24},
		{",pid=8", 57, 8, 24},
		{",ddt=2", 57, 20, 15},
		{",ddt=1", 57, 20, 6},
		{",ddt_levels=3", 57, 20, 15},
		{",ddt_levels=1", 57, 20, 6},
		{",caps_clear=0x400000", 57, 20, 24},
		{",caps_clear=0x400000,ddt=2", 57, 20, 16},
		{",caps_clear=0x400000,ddt=1", 57, 20, 7},
	};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(units); i++) {
		struct rig *rig = probe_rig(UNIT, units[i].args);

		if (rig->info.address_bits != units[i].address ||
		    rig->info.pasid_bits != units[i].pasid ||
		    rig->info.endpoint_bits != units[i].endpoint)
			harness_note(__FILE__, __LINE__, "%s: %u %u %u", units[i].args,
				     rig->info.address_bits, rig->info.pasid_bits,
				     rig->info.endpoint_bits);
		rig_close(rig);
	}
}

/*
 * A unit with next to nothing: neither ATS nor process directories, contexts of 32 bytes, Sv39, no
 * marks. DMA is translated, and what is refused is reported.
 */
static void
next_to_nothing(void)
{
	struct rig *rig = probe_rig(UNIT, ",caps=0x2f00000210,ddt_levels=1");

	CHECK_EQ(rig->info.capa & (UIOMMU_CAPA_PAGE_REQUESTS | UIOMMU_CAPA_PASID), 0);
	CHECK_EQ(rig->info.pasid_bits, 0);
	CHECK_EQ(rig->info.endpoint_bits, 7);
	probe_dma(rig, 0x08);
	probe_dma(rig, 0x7f);
	CHECK_ERRNO(uiommu_endpoint_add(rig->dev, 0x80, NULL), EINVAL);
	rig_close(rig);
}

/* Where a device without PASID gets to, by a translation and by DMA. */
static bool
reaches(struct rig *rig, uint64_t iova, const void *va)
{
	uint64_t pa = 0;
	bool there = uiommu_emu_translate(rig->emu, EP, UINT32_MAX, iova, true, &pa);

	CHECK_EQ(uiommu_emu_dma(rig->emu, EP, UINT32_MAX, iova, true), there);
	if (va != NULL && there)
		CHECK_EQ(pa, (uintptr_t)va);
	return there;
}

/*
 * A unit without process directories: the device context itself leads to the table, and each change
 * of the one bond is one of that. What was cached of the table before is gone each time.
 */
static void
without_pasids(void)
{
	static _Alignas(4096) uint8_t page[4096], other[4096];
	const struct uiommu_domain_conf empty = {
		.size = sizeof(empty), .type = UIOMMU_DOMAIN_PAGING,
	};
	const uint64_t iova = 0x40000000;
	struct rig *rig = probe_rig(UNIT, ",caps_clear=0x1c000000000");
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_domain *second = uiommu_domain_alloc(rig->dev, &empty);
	struct uiommu_domain *identity = rig_domain(rig, UIOMMU_DOMAIN_IDENTITY);
	struct uiommu_domain *blocked = rig_domain(rig, UIOMMU_DOMAIN_BLOCKED);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);
	struct uiommu_attach *attach;
	uint16_t i;

	CHECK_EQ(uiommu_emu_memory_add(rig->emu, page, sizeof(page)), 0);
	CHECK_EQ(uiommu_emu_memory_add(rig->emu, other, sizeof(other)), 0);
	CHECK(second != NULL);
	CHECK_EQ(uiommu_domain_map(rec->domain, iova, (uintptr_t)page, 4096,
				   UIOMMU_PROT_READ | UIOMMU_PROT_WRITE), 0);
	CHECK_EQ(uiommu_domain_map(second, iova, (uintptr_t)other, 4096,
				   UIOMMU_PROT_READ | UIOMMU_PROT_WRITE), 0);
	CHECK(!reaches(rig, iova, NULL));
	for (i = 0; i < 4; i++) {
		attach = rig_attach(endpoint, UIOMMU_NO_PASID, rec->domain, NULL);
		rig_ask_and_expect(rig, EP, UIOMMU_NO_PASID, i, UIOMMU_EMU_SUCCESS);
		CHECK(reaches(rig, iova, page));
		attach = uiommu_replace(attach, second, NULL);
		CHECK(attach != NULL && reaches(rig, iova, other));
		attach = uiommu_replace(attach, blocked, NULL);
		CHECK(attach != NULL && !reaches(rig, iova, NULL));
		attach = uiommu_replace(attach, identity, NULL);
		CHECK(attach != NULL && reaches(rig, (uintptr_t)other, other));
		attach = uiommu_replace(attach, rec->domain, NULL);
		CHECK(attach != NULL && reaches(rig, iova, page));
		CHECK_EQ(uiommu_detach(attach), 0);
		CHECK(!reaches(rig, iova, NULL));
		rig_ask_in_vain(rig, EP, UIOMMU_NO_PASID, 100 + i);
	}
	CHECK(uiommu_attach(endpoint, 7, rec->domain, NULL) == NULL);
	CHECK_EQ(uiommu_endpoint_remove(endpoint), 0);
	CHECK(!reaches(rig, iova, NULL));
	rig_close(rig);
}

static void
ways(void)
{
	static const char *const args[] = {
		",ddt=1", ",ddt=2", ",ddt=3", ",pid=8", ",pid=17", ",pid=20", ",reorder=1",
		",cq=2048,fq=128,pq=128", ",bare=1,takeover=1", ",ddt_levels=1", ",ddt_levels=3",
		",caps_clear=0x400000,ddt=1", ",caps_clear=0x400000,ddt=2",
		",caps_clear=0x400000,ddt=3",
		/* as QEMU has it: PD8 alone, no AMO_HWAD, no Svpbmt, DBG */
		",caps_clear=0x18001008000,caps_set=0x80000000",
	};

	/* an id of six bits */
	probe_ways(UNIT, 0x38, args, ARRAY_COUNT(args));
}

static void
fewer_ids(void)
{
	probe_ids(UNIT, ",ddt=1", 6);
}

static const struct harness_case probe_riscv_cases[] = {
	{"RISC-V probe, devargs that are good", devargs_good, 0},
	{"RISC-V probe, devargs that are not", devargs_bad, 0},
	{"RISC-V T11 probe, unit without each of the capabilities", capabilities, 0},
	{"RISC-V probe, what a unit lacks it does not show", capabilities_shown, 0},
	{"RISC-V probe, widths", widths, 0},
	{"RISC-V a unit with next to nothing", next_to_nothing, 0},
	{"RISC-V a unit without PASIDs", without_pasids, 0},
	{"RISC-V each way that devargs can choose", ways, 0},
	{"RISC-V fewer device ids than there are", fewer_ids, 0},
};

HARNESS_SUITE_OF(probe_riscv, 0);
