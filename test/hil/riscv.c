/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* The driver riscv on QEMU's RISC-V machine, as a PCI function and as part of the system. */

#include "riscv_scenes.h"

/* What QEMU's has: process ids of 8 bits, ATS, but nothing that raises a page request. */
#define CAPA                                                                                       \
	(UIOMMU_CAPA_PASID | UIOMMU_CAPA_DRAIN | UIOMMU_CAPA_FIRST_STAGE |                         \
	 UIOMMU_CAPA_PAGE_TABLES | UIOMMU_CAPA_PAGE_REQUESTS | UIOMMU_CAPA_PASSTHROUGH |           \
	 UIOMMU_CAPA_PASSTHROUGH_PASID | UIOMMU_CAPA_CACHES_RIGHTS)

/* cqb, cqt; cqcsr is written to go on. */
static const struct hil_commands commands = {
	.base = 0x18, .doorbell = 0x24, .ack = 0x48, .size = 16, .refused = "_cmd_ill",
};

/* "Page-Request-Queue": PID 31:12, PV 32, DID 63:40; R, W, L, PRGI 11:3, page address. */
static void
request_encode(uint64_t *entry, uint32_t endpoint_id, uint32_t pasid, uint64_t iova,
	       uint16_t group, bool last)
{
	entry[0] = (uint64_t)pasid << 12 | UINT64_C(1) << 32 | (uint64_t)endpoint_id << 40;
	entry[1] = UINT64_C(3) | (uint64_t)last << 2 | (uint64_t)group << 3 | iova;
}

/* pqt is the unit's alone. */
static const struct hil_requests requests = {
	.base = 0x38, .producer = 0x44, .index_mask = 0x7f, .size = 16, .pasid = 0x55,
	.encode = request_encode,
};

static const char *const directories[] = {",ddt=1", ",ddt=2", ",ddt=3", NULL};

#define UNIT(text)                                                                                 \
	.directories = directories, .levels = 7 << 3,                                              \
	.unit = {                                                                                  \
		.name = text, .driver = "riscv", .devargs = "riscv", .capa = CAPA,                 \
		.entries_min = 128, .small_commands = ",cq=2048", .small_events = ",fq=128",       \
	}
#define QEMU(kind, from, to, ...)                                                                  \
	{                                                                                          \
		UNIT("riscv/" #kind "-" #from), .model = &hil_model_riscv_##kind,                  \
		.version_min = from, .version_max = to, .lost = "reports_lost",                    \
		.faults_are_one = true, .gone_are_empty = true, .found_blocking = true,            \
		.beyond_is_silent = true,                                                          \
		.names_rid_pasid = true, .rights_are_silent = true, .debug_is_leaf = true,         \
		.base_shift = 2,                                                                   \
		.commands = &commands, .requests = &requests, __VA_ARGS__                          \
	}

const struct hil_unit hil_units[] = {
	QEMU(pci, 10, 10, .reads_are_writes = true, .debug_is_shifted = true),
	QEMU(sys, 10, 10, .reads_are_writes = true, .debug_is_shifted = true),
	QEMU(pci, 11, 99),
	QEMU(sys, 11, 99),
	{UNIT("riscv/emu"), .lost = "reports_lost", .faults_are_one = true,
	 .gone_are_empty = true},
};
const size_t hil_nb_units = ARRAY_COUNT(hil_units);

int
main(int argc, char **argv)
{
	static const struct harness_suite *const suites[] = {
		&transport_suite, &dma_suite, &bonds_suite, &queues_suite, &tables_suite,
		&refusals_suite, &requests_suite, &riscv_suite,
	};
	static const struct harness_program program = {
		.suites = suites, .nb_suites = ARRAY_COUNT(suites), .every_unit = true};

	return harness_main(argc, argv, &program);
}
