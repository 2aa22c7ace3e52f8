/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* The driver smmuv3 on QEMU's Arm machine, and on the emulation. */

#include "smmuv3_scenes.h"

/* What QEMU's has: stage 1 without SubstreamIDs, no ATS, no page requests, no stalls. */
#define CAPA                                                                                       \
	(UIOMMU_CAPA_DRAIN | UIOMMU_CAPA_FIRST_STAGE | UIOMMU_CAPA_PAGE_TABLES |                   \
	 UIOMMU_CAPA_PASSTHROUGH | UIOMMU_CAPA_CACHES_RIGHTS)
#define CAPA_EMU (UIOMMU_CAPA_PASID | UIOMMU_CAPA_STALL | UIOMMU_CAPA_PAGE_REQUESTS)

/* S 3.5, 6.3.26 to 6.3.28: CMDQ_BASE, CMDQ_PROD; GERRORN has the unit go on (S 7.1). */
static const struct hil_commands commands = {
	.base = 0x90, .doorbell = 0x98, .ack = 0x64, .size = 16, .refused = "_cerror_ill",
};

/* S 8: StreamID 31:0, R 60, W 61, Last 62, SSV 63 (none here); PRG index 8:0 and address. */
static void
request_encode(uint64_t *entry, uint32_t endpoint_id, uint32_t pasid, uint64_t iova,
	       uint16_t group, bool last)
{
	(void)pasid;
	entry[0] = endpoint_id | UINT64_C(3) << 60 | (uint64_t)last << 62;
	entry[1] = iova | group;
}

/* QEMU's has none of it, but lets CR0.PRIQEN be set and takes the responses. */
static const struct hil_requests requests = {
	.base = 0xc0, .producer = 0x100c8, .index_mask = 0xff, .size = 16,
	.pasid = UIOMMU_NO_PASID,
	/* IDR0.ATS 10, PRI 16; IDR1.PRIQS 15:11 = 7 */
	.shown = {{0x0, UINT32_C(0x10400)}, {0x4, UINT32_C(0x3800)}},
	.capa = UIOMMU_CAPA_PAGE_REQUESTS,
	.encode = request_encode,
};

static const char *const directories[] = {
	",strtab=linear,sidbits=8", ",strtab=linear", ",strtab=two", NULL};

#define UNIT(text, more)                                                                           \
	.directories = directories, .levels = 3 << 3,                                              \
	.unit = {                                                                                  \
		.name = text, .driver = "smmuv3", .devargs = "smmuv3", .capa = CAPA | (more),      \
		.entries_min = 128, .small_commands = ",cmdq=512",                                 \
	}
#define QEMU(from, to, ...)                                                                        \
	{                                                                                          \
		UNIT("smmuv3/qemu-" #from, 0), .model = &hil_model_smmuv3, .version_min = from,    \
		.version_max = to, .lost = "_event_aborts", .lost_is_error = true,              \
		.commands = &commands, .requests = &requests, __VA_ARGS__                          \
	}

const struct hil_unit hil_units[] = {
	QEMU(7, 9, .cannot_block = true, .beyond_is_silent = true),
	QEMU(10, 10),
	QEMU(11, 99),
	{UNIT("smmuv3/emu", CAPA_EMU), .lost = "reports_lost"},
};
const size_t hil_nb_units = ARRAY_COUNT(hil_units);

int
main(int argc, char **argv)
{
	static const struct harness_suite *const suites[] = {
		&transport_suite, &dma_suite, &bonds_suite, &queues_suite, &tables_suite,
		&refusals_suite, &requests_suite, &smmuv3_suite,
	};
	static const struct harness_program program = {
		.suites = suites, .nb_suites = ARRAY_COUNT(suites), .every_unit = true};

	return harness_main(argc, argv, &program);
}
