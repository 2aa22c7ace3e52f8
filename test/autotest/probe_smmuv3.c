/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Arm SMMUv3: what its driver takes, refuses and shows. Bits of the ID registers by S 6.3.1 to
 * 6.3.6 of the manual.
 */

#include "autotest.h"

#define UNIT "smmuv3/emu"

static void
devargs_good(void)
{
	static const char *const good[] = {
		"smmuv3,platform=emu",
		"smmuv3,platform=emu,priq=128",
		"smmuv3,platform=emu,priq=0x80000,evtq=128,cmdq=512",
		"smmuv3,platform=emu,evtq=16384,cmdq=0x80000",
		"smmuv3,platform=emu,gbpa=keep,sync=auto,strtab=linear",
		"smmuv3,platform=emu,gbpa=abort,sync=poll,strtab=two",
		"smmuv3,platform=emu,sync=msi,sidbits=9",
		"smmuv3,platform=emu,storm=0,cooldown=1,takeover=1",
		"smmuv3,platform=emu,storm=1000000,cooldown=3600000",
	};

	probe_good(good, ARRAY_COUNT(good));
}

static void
devargs_bad(void)
{
	static const char *const bad[] = {
		"priq=64", "priq=0x100000", "priq=1000", "priq=", "priq=-128",
		"evtq=64", "evtq=0x100000", "evtq=200",
		"cmdq=128", "cmdq=0x100000", "cmdq=600",
		"prq=128", "iq=128",
		"gbpa=open", "gbpa=", "sync=wait", "strtab=three", "strtab=two,sidbits=8",
		"sidbits=17", "storm=x", "storm=0x100000000", "cooldown=0", "cooldown=3600001",
		"takeover=2", "sync=msi,idr0_clear=0x2000",
	};

	probe_bad("smmuv3", bad, ARRAY_COUNT(bad));
}

static void
capabilities(void)
{
	static const struct probe_unit units[] = {
		{"stage 1", "idr0_clear=0x2", -ENOTSUP},
		{"AArch64 tables", "idr0_clear=0xc", -ENOTSUP},
		{"AArch64 tables, with others", "idr0_clear=0xc,idr0_set=0x4", -ENOTSUP},
		{"coherent accesses", "idr0_clear=0x10", -ENOTSUP},
		{"little-endian tables", "idr0_set=0x600000", -ENOTSUP},
		{"pages of 4 KiB", "idr5_clear=0x10", -ENOTSUP},
		{"a command queue", "idr1_clear=0x3e00000,idr1_set=0x1000000", -ENOTSUP},
		{"coherent memory", "coherent=0", -ENOTSUP},
		{"SubstreamIDs of a sane width", "idr1_set=0x7c0", -ENOTSUP},
		{"queues of a sane size", "idr1_set=0xf800", -ENOTSUP},
		{"a stall model", "idr0_set=0x3000000", -ENOTSUP},
		{"a sane stream table", "idr0_set=0x18000000", -ENOTSUP},
		{"page requests", "idr0_clear=0x10000", 0},
		{"page requests and ATS", "idr0_clear=0x10400", 0},
		{"stalls", "idr0_set=0x1000000", 0},
		{"terminating, and with stalls always", "idr0_set=0x2000000", 0},
		{"terminating but by abort", "idr0_set=0x4000000", 0},
		{"messages", "idr0_clear=0x2000", 0},
		{"wide ASIDs", "idr0_clear=0x1000", 0},
		{"two-level context descriptors", "idr0_clear=0x80000", 0},
		{"two-level stream tables", "idr0_clear=0x18000000", 0},
		{"marks by the unit", "idr0_clear=0xc0", 0},
		{"ranges", "idr3_clear=0x400", 0},
		{"other granules", "idr5_clear=0x60", 0},
		{"SubstreamIDs", "idr1_clear=0x7c0", 0},
		{"many StreamIDs", "idr1_clear=0x3f,idr1_set=0x1", 0},
	};

	probe_each("smmuv3", units, ARRAY_COUNT(units));
	/* a line for each thing that is missing */
	harness_log_watch();
	CHECK_EQ(probe_result("smmuv3,platform=emu,idr0_clear=0x12,idr5_clear=0x10"), -ENOTSUP);
	CHECK_EQ(harness_log_lines(), 3);
}

/* What a unit lacks is not in its capabilities, and is refused later. */
static void
capabilities_shown(void)
{
	static const struct probe_lack lacks[] = {
		{",idr0_clear=0x10000", UIOMMU_CAPA_PAGE_REQUESTS},
		{",idr0_clear=0x400", UIOMMU_CAPA_PAGE_REQUESTS},
		{",idr0_set=0x1000000", UIOMMU_CAPA_STALL},
		{",idr1_clear=0x7c0", UIOMMU_CAPA_PASID},
	};
	struct uiommu_domain_conf second = {
		.size = sizeof(second), .type = UIOMMU_DOMAIN_PAGING,
		.flags = UIOMMU_DOMAIN_SECOND_STAGE,
	};
	struct uiommu_domain_conf identity = {
		.size = sizeof(identity), .type = UIOMMU_DOMAIN_IDENTITY,
	};
	struct uiommu_domain *domain;
	struct uiommu_endpoint *endpoint;
	uint64_t all;
	struct rig *rig = probe_rig(UNIT, NULL);

	all = rig->info.capa;
	CHECK_EQ(rig->info.address_bits, 48);
	CHECK_EQ(rig->info.pasid_bits, 20);
	CHECK_EQ(rig->info.endpoint_bits, 16);
	CHECK_EQ(rig->info.nb_queues, 1);
	CHECK_EQ(strcmp(rig->info.driver, "smmuv3"), 0);
	CHECK_EQ(strcmp(rig->info.name, "smmuv30"), 0);
	CHECK_ERRNO(uiommu_domain_alloc(rig->dev, &second), ENOTSUP);
	/* IDENTITY for the RID, and for no PASID */
	domain = uiommu_domain_alloc(rig->dev, &identity);
	CHECK(domain != NULL);
	endpoint = rig_endpoint(rig, EP, 0);
	CHECK_ERRNO(uiommu_attach(endpoint, 7, domain, NULL), ENOTSUP);
	rig_attach(endpoint, UIOMMU_NO_PASID, domain, NULL);
	rig_close(rig);
	probe_lacks(UNIT, all, lacks, ARRAY_COUNT(lacks));
}

/*
 * A unit with next to nothing, as QEMU 7.2 has it: neither page requests nor ATS, stalls,
 * SubstreamIDs, messages, marks or ranges. DMA is translated, and what is refused is reported.
 */
static void
next_to_nothing(void)
{
	struct rig *rig = probe_rig(UNIT, ",idr0=0xd40101a,idr1=0x2730010,idr3=0,idr5=0x55");

	CHECK_EQ(rig->info.capa & (UIOMMU_CAPA_PAGE_REQUESTS | UIOMMU_CAPA_STALL |
				   UIOMMU_CAPA_PASID), 0);
	CHECK_EQ(rig->info.pasid_bits, 0);
	probe_dma(rig, EP);
	rig_close(rig);
}

static void
ways(void)
{
	static const char *const args[] = {
		",sync=poll", ",sync=msi", ",strtab=linear", ",strtab=two", ",gbpa=abort",
		",sidbits=10", ",cmdq=512,evtq=128,priq=128",
	};

	probe_ways(UNIT, EP, args, ARRAY_COUNT(args));
}

static void
fewer_ids(void)
{
	probe_ids(UNIT, ",sidbits=10", 10);
}

static const struct harness_case probe_smmuv3_cases[] = {
	{"SMMUv3 probe, devargs that are good", devargs_good, 0},
	{"SMMUv3 probe, devargs that are not", devargs_bad, 0},
	{"SMMUv3 T11 probe, unit without each of the capabilities", capabilities, 0},
	{"SMMUv3 probe, what a unit lacks it does not show", capabilities_shown, 0},
	{"SMMUv3 a unit with next to nothing", next_to_nothing, 0},
	{"SMMUv3 each way that devargs can choose", ways, 0},
	{"SMMUv3 fewer StreamIDs than there are", fewer_ids, 0},
};

HARNESS_SUITE_OF(probe_smmuv3, 0);
