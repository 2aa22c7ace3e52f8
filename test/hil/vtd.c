/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* The driver vtd on QEMU's PC, and on the emulation. */

#include "scene.h"

#define UNIT(text, what)                                                                           \
	.unit = {                                                                                  \
		.name = text, .driver = "vtd", .devargs = "vtd", .capa = (what),                   \
		.entries_min = 128, .small_commands = ",iq=128",                                   \
	}
#define QEMU(from, to, what, ...)                                                                  \
	{                                                                                          \
		UNIT("vtd/qemu-" #from, what), .model = &hil_model_vtd, .version_min = from,       \
		.version_max = to, .lost = "_fault_overflows", .iova_lost = 0xfff, .reports = 20,  \
		.rights_are_silent = true, .keeps_rights = true, .uses_absent_entry = true,        \
		.identity_sticks = true,                                                           \
		__VA_ARGS__                                                                        \
	}

#define COMMON                                                                                     \
	(UIOMMU_CAPA_DRAIN | UIOMMU_CAPA_PAGE_TABLES | UIOMMU_CAPA_PASSTHROUGH |                   \
	 UIOMMU_CAPA_CACHES_RIGHTS)
/* With svm=on. */
#define REQUESTS                                                                                   \
	(UIOMMU_CAPA_PASID | UIOMMU_CAPA_PASSTHROUGH_PASID | UIOMMU_CAPA_PAGE_REQUESTS |           \
	 UIOMMU_CAPA_AUTO_ANSWER)

const struct hil_unit hil_units[] = {
	QEMU(7, 9, COMMON | UIOMMU_CAPA_SECOND_STAGE, .second_stage = true,
	     .names_rid_pasid = true),
	QEMU(10, 10, COMMON | UIOMMU_CAPA_FIRST_STAGE, .names_rid_pasid = true),
	QEMU(11, 99, COMMON | UIOMMU_CAPA_FIRST_STAGE | REQUESTS),
	{UNIT("vtd/emu", COMMON | REQUESTS | UIOMMU_CAPA_FIRST_STAGE | UIOMMU_CAPA_SECOND_STAGE |
				 UIOMMU_CAPA_NESTED),
	 .lost = "_fault_overflows", .iova_lost = 0xfff, .reports = 20},
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
