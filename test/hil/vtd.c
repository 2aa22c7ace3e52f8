/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* The driver vtd on QEMU's PC, and on the emulation. */

#include "scene.h"

/* S 11.4.9: IQA, IQT with 256-bit descriptors; FSTS is written to go on (S 6.5.2.10). */
static const struct hil_commands commands = {
	.base = 0x90, .doorbell = 0x88, .ack = 0x34, .shift = 5, .size = 32, .refused = "_iqe",
	.revive = 0x10,
};

/* S 7.4.1.1: type 1, PASID present 8, requester 31:16, PASID 51:32; R, W, last, group, address. */
static void
request_encode(uint64_t *entry, uint32_t endpoint_id, uint32_t pasid, uint64_t iova,
	       uint16_t group, bool last)
{
	entry[0] = 0x01 | (uint64_t)endpoint_id << 16;
	if (pasid != UIOMMU_NO_PASID)
		entry[0] |= 0x100 | (uint64_t)pasid << 32;
	entry[1] = UINT64_C(3) | (uint64_t)last << 2 | (uint64_t)group << 3 | iova;
}

/* S 11.4.11: PQA, PQT, which QEMU lets software write. */
static const struct hil_requests requests = {
	.base = 0xd0, .producer = 0xc8, .is_writable = true, .shift = 5, .index_mask = 0x7f,
	.size = 32, .pasid = 0x54321, .encode = request_encode,
	/* S 7.6.1: 8:5, 63:52; of the second word 1:0, 63:12 (bit 2 is let pass) */
	.reserved = {UINT64_C(0xfff00000000001e0), UINT64_C(0xfffffffffffff003)},
	.given_up = "_iqe_given_up", .needs_pasid = true,
};

#define UNIT(text, what)                                                                           \
	.unit = {                                                                                  \
		.name = text, .driver = "vtd", .devargs = "vtd", .capa = (what),                   \
		.entries_min = 128, .small_commands = ",iq=128",                                   \
	}
#define QEMU(from, to, what, ...)                                                                  \
	{                                                                                          \
		UNIT("vtd/qemu-" #from, what), .model = &hil_model_vtd, .version_min = from,       \
		.version_max = to, .lost = "_fault_overflows", .iova_lost = 0xfff, .reports = 20,  \
		.rights_are_silent = true, .uses_absent_entry = true, .identity_sticks = true,     \
		.commands = &commands, __VA_ARGS__                                                 \
	}

#define COMMON                                                                                     \
	(UIOMMU_CAPA_DRAIN | UIOMMU_CAPA_PAGE_TABLES | UIOMMU_CAPA_PASSTHROUGH |                   \
	 UIOMMU_CAPA_CACHES_RIGHTS)
/* With svm=on. */
#define REQUESTS                                                                                   \
	(UIOMMU_CAPA_PASID | UIOMMU_CAPA_PASSTHROUGH_PASID | UIOMMU_CAPA_PAGE_REQUESTS |           \
	 UIOMMU_CAPA_AUTO_ANSWER)

const struct hil_unit hil_units[] = {
	QEMU(7, 9, COMMON | UIOMMU_CAPA_SECOND_STAGE, .levels = 3 << 3, .second_stage = true,
	     .names_rid_pasid = true),
	QEMU(10, 10, COMMON | UIOMMU_CAPA_FIRST_STAGE, .levels = 1 << 4, .names_rid_pasid = true),
	QEMU(11, 99, COMMON | UIOMMU_CAPA_FIRST_STAGE | REQUESTS, .levels = 1 << 4,
	     .requests = &requests),
	{UNIT("vtd/emu", COMMON | REQUESTS | UIOMMU_CAPA_FIRST_STAGE | UIOMMU_CAPA_SECOND_STAGE |
				 UIOMMU_CAPA_NESTED),
	 .levels = 3 << 4, .lost = "_fault_overflows", .iova_lost = 0xfff, .reports = 20},
};
const size_t hil_nb_units = ARRAY_COUNT(hil_units);

int
main(int argc, char **argv)
{
	static const struct harness_suite *const suites[] = {
		&transport_suite, &dma_suite, &bonds_suite, &queues_suite, &tables_suite,
		&refusals_suite, &requests_suite,
	};
	static const struct harness_program program = {
		.suites = suites, .nb_suites = ARRAY_COUNT(suites), .every_unit = true};

	return harness_main(argc, argv, &program);
}
