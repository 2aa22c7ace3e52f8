/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* The driver riscv on QEMU's RISC-V machine, as a PCI function and as part of the system. */

#include "scene.h"

/* What QEMU's has: process ids of 8 bits, ATS, but nothing that raises a page request. */
#define CAPA                                                                                       \
	(UIOMMU_CAPA_PASID | UIOMMU_CAPA_DRAIN | UIOMMU_CAPA_FIRST_STAGE |                         \
	 UIOMMU_CAPA_PAGE_TABLES | UIOMMU_CAPA_PAGE_REQUESTS | UIOMMU_CAPA_PASSTHROUGH |           \
	 UIOMMU_CAPA_PASSTHROUGH_PASID | UIOMMU_CAPA_CACHES_RIGHTS)

#define UNIT(text)                                                                                 \
	.unit = {                                                                                  \
		.name = text, .driver = "riscv", .devargs = "riscv", .capa = CAPA,                 \
		.entries_min = 128, .small_commands = ",cq=2048", .small_events = ",fq=128",       \
	}
#define QEMU(kind, from, to, ...)                                                                  \
	{                                                                                          \
		UNIT("riscv/" #kind "-" #from), .model = &hil_model_riscv_##kind,                  \
		.version_min = from, .version_max = to, .lost = "reports_lost",                    \
		.faults_are_one = true, .gone_are_empty = true, .found_blocking = true,            \
		.beyond_is_silent = true, .names_rid_pasid = true, .rights_are_silent = true,      \
		__VA_ARGS__                                                                        \
	}

const struct hil_unit hil_units[] = {
	QEMU(pci, 10, 10, .reads_are_writes = true),
	QEMU(sys, 10, 10, .reads_are_writes = true),
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
		&dma_suite, &bonds_suite, &queues_suite,
	};
	static const struct harness_program program = {
		.suites = suites, .nb_suites = ARRAY_COUNT(suites), .every_unit = true};

	return harness_main(argc, argv, &program);
}
