/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* The driver smmuv3 on QEMU's Arm machine, and on the emulation. */

#include "scene.h"

/* What QEMU's has: stage 1 without SubstreamIDs, no ATS, no page requests, no stalls. */
#define CAPA                                                                                       \
	(UIOMMU_CAPA_DRAIN | UIOMMU_CAPA_FIRST_STAGE | UIOMMU_CAPA_PAGE_TABLES |                   \
	 UIOMMU_CAPA_PASSTHROUGH | UIOMMU_CAPA_CACHES_RIGHTS)
#define CAPA_EMU (UIOMMU_CAPA_PASID | UIOMMU_CAPA_STALL | UIOMMU_CAPA_PAGE_REQUESTS)

#define UNIT(text, more)                                                                           \
	.unit = {                                                                                  \
		.name = text, .driver = "smmuv3", .devargs = "smmuv3", .capa = CAPA | (more),      \
		.entries_min = 128, .small_commands = ",cmdq=512",                                 \
	}
#define QEMU(from, to, ...)                                                                        \
	{                                                                                          \
		UNIT("smmuv3/qemu-" #from, 0), .model = &hil_model_smmuv3, .version_min = from,    \
		.version_max = to, .lost = "_event_aborts", .lost_is_error = true, __VA_ARGS__  \
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
		&dma_suite, &bonds_suite, &queues_suite,
	};
	static const struct harness_program program = {
		.suites = suites, .nb_suites = ARRAY_COUNT(suites), .every_unit = true};

	return harness_main(argc, argv, &program);
}
