/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Invalidation queue of the emulated VT-d unit: descriptors, errors, and ways to misbehave.
 */

#include "emu_rig.h"

#define GRAN(g) ((uint64_t)(g) << VTD_QI_GRAN_SHIFT)

static void
good_descriptors_are_taken(void **state)
{
	static const uint64_t words[][2] = {
		{VTD_QI_CONTEXT | GRAN(1), 0},
		{VTD_QI_CONTEXT | GRAN(3) | UINT64_C(0x0003010800000000), 0},
		{VTD_QI_IOTLB | GRAN(1) | VTD_QI_IOTLB_DR | VTD_QI_IOTLB_DW, 0},
		{VTD_QI_IOTLB | GRAN(3) | UINT64_C(0x50000), 0x5000 | VTD_QI_IH},
		{VTD_QI_DEV_TLB | UINT64_C(0x0000010800010000),
		 VTD_QI_DEV_TLB_ALL | VTD_QI_DEV_TLB_S},
		{VTD_QI_IEC, 0},
		{VTD_QI_PASID_IOTLB | GRAN(2) | UINT64_C(0x0000000700050000), 0},
		{VTD_QI_PASID_IOTLB | GRAN(3) | UINT64_C(0x0000000700050000), 0x200000 | 9},
		{VTD_QI_PASID_CACHE | GRAN(3), 0},
		{VTD_QI_PASID_CACHE | GRAN(1) | UINT64_C(0x0000000700050000), 0},
		{VTD_QI_PASID_DEV_TLB | UINT64_C(0x0000000701080000),
		 VTD_QI_DEV_TLB_ALL | VTD_QI_PASID_DEV_TLB_S},
		{VTD_QI_WAIT | VTD_QI_WAIT_FN, 0},
	};
	size_t i;

	(void)state;
	rig_start(1);
	for (i = 0; i < ARRAY_COUNT(words); i++)
		queue_put(words[i][0], words[i][1]);
	assert_true(queue_wait());
	assert_true(get64(VTD_REG_IQH) == get64(VTD_REG_IQT));
	assert_int_equal(get32(VTD_REG_FSTS), 0);
	assert_int_equal(verdict(false).invalidations, ARRAY_COUNT(words) - 1);
	assert_int_equal(verdict(false).waits, 2);
	assert_clean();
}

/* Each stops the queue at itself, with its reason, until it is repaired and IQE cleared. */
static void
malformed_descriptors_stop_the_queue(void **state)
{
	static const struct {
		uint64_t word[2];
		unsigned int reason;
	} cases[] = {
		{{0, 0}, VTD_IQEI_TYPE},
		{{0xa, 0}, VTD_IQEI_TYPE},
		{{VTD_QI_WAIT | UINT64_C(1) << 9, 0}, VTD_IQEI_TYPE},
		{{VTD_QI_CONTEXT, 0}, VTD_IQEI_RESERVED},
		{{VTD_QI_CONTEXT | GRAN(1), 1}, VTD_IQEI_RESERVED},
		{{VTD_QI_CONTEXT | GRAN(1) | UINT64_C(1) << 50, 0}, VTD_IQEI_RESERVED},
		{{VTD_QI_IOTLB | GRAN(3), 0x1000 | 1}, VTD_IQEI_RESERVED},
		{{VTD_QI_IOTLB | GRAN(1) | UINT64_C(1) << 32, 0}, VTD_IQEI_RESERVED},
		{{VTD_QI_DEV_TLB | UINT64_C(1) << 12, 0}, VTD_IQEI_RESERVED},
		{{VTD_QI_DEV_TLB, UINT64_C(1) << 11}, VTD_IQEI_RESERVED},
		{{VTD_QI_WAIT | UINT64_C(1) << 8, 0}, VTD_IQEI_RESERVED},
		{{VTD_QI_WAIT | VTD_QI_WAIT_SW, 2}, VTD_IQEI_RESERVED},
		{{VTD_QI_PASID_IOTLB | GRAN(1), 0}, VTD_IQEI_RESERVED},
		{{VTD_QI_PASID_CACHE | GRAN(2), 0}, VTD_IQEI_RESERVED},
		{{VTD_QI_PASID_DEV_TLB | UINT64_C(1) << 52, 0}, VTD_IQEI_RESERVED},
		{{VTD_QI_PASID_DEV_TLB, UINT64_C(1) << 1}, VTD_IQEI_RESERVED},
		{{VTD_QI_PGRP_RESP | UINT64_C(1) << 5, 0}, VTD_IQEI_RESERVED},
		{{VTD_QI_PGRP_RESP | UINT64_C(1) << 52, 0}, VTD_IQEI_RESERVED},
		{{VTD_QI_PGRP_RESP | UINT64_C(1) << 32, 0}, VTD_IQEI_RESERVED},
		{{VTD_QI_PGRP_RESP, UINT64_C(1) << 12}, VTD_IQEI_RESERVED},
		{{VTD_QI_PGRP_RESP, 1}, VTD_IQEI_RESERVED},
	};
	uint32_t at;
	size_t i;

	(void)state;
	rig_start(1);
	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		at = rig.iq_tail;
		queue_put(cases[i].word[0], cases[i].word[1]);
		assert_false(queue_wait());
		assert_int_equal(get32(VTD_REG_FSTS), VTD_FSTS_IQE);
		assert_int_equal(get64(VTD_REG_IQERCD) & VTD_IQERCD_IQEI_MASK, cases[i].reason);
		assert_int_equal(get64(VTD_REG_IQH), at << VTD_DESC_SHIFT);
		assert_int_equal(verdict(false).protocol, i + 1);
		((struct vtd_desc *)rig.iq.va)[at].q[0] = VTD_QI_PASID_CACHE | GRAN(3);
		((struct vtd_desc *)rig.iq.va)[at].q[1] = 0;
		put32(VTD_REG_FSTS, VTD_FSTS_IQE);
		step();
		assert_int_equal(*(uint32_t *)rig.status.va, rig.serial);
	}
	assert_int_equal(verdict(false).responses, 0);
}

static void
words_two_and_three_are_reserved(void **state)
{
	(void)state;
	rig_start(1);
	queue_put(VTD_QI_PASID_CACHE | GRAN(3), 0);
	((struct vtd_desc *)rig.iq.va)[0].q[3] = 1;
	queue_ring();
	assert_int_equal(get32(VTD_REG_FSTS), VTD_FSTS_IQE);
	assert_int_equal(verdict(false).protocol, 1);
}

static void
drain_needs_its_capability(void **state)
{
	struct uiommu_args args[] = {{"ecap_clear", VTD_ECAP_PDS, NULL}, {NULL, 0, NULL}};

	(void)state;
	rig_open(args);
	rig_up();
	assert_false(queue_wait());
	assert_int_equal(get64(VTD_REG_IQERCD) & VTD_IQERCD_IQEI_MASK, VTD_IQEI_RESERVED);
}

static void
tails_are_checked(void **state)
{
	static const struct {
		uint64_t tail;
		unsigned int reason;
	} cases[] = {
		{UINT64_C(1) << 20, VTD_IQEI_TAIL},
		{4096, VTD_IQEI_TAIL},
		{16, VTD_IQEI_TAIL_ALIGN},
	};
	size_t i;

	(void)state;
	rig_start(1);
	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		put64(VTD_REG_IQT, cases[i].tail);
		step();
		assert_int_equal(get32(VTD_REG_FSTS), VTD_FSTS_IQE);
		assert_int_equal(get64(VTD_REG_IQERCD) & VTD_IQERCD_IQEI_MASK, cases[i].reason);
		assert_int_equal(verdict(false).protocol, i + 1);
		put64(VTD_REG_IQT, 0);
		put32(VTD_REG_FSTS, VTD_FSTS_IQE);
	}
	assert_true(queue_wait());
}

/* The queue stands still, and the tail goes round past the head. */
static void
overrun_is_noticed(void **state)
{
	unsigned int i;

	(void)state;
	rig_start(1);
	queue_put(0, 0);
	for (i = 0; i < 99; i++)
		queue_put(VTD_QI_PASID_CACHE | GRAN(3), 0);
	queue_ring();
	assert_int_equal(verdict(false).protocol, 1);
	((struct vtd_desc *)rig.iq.va)[0].q[0] = VTD_QI_PASID_CACHE | GRAN(3);
	for (i = 0; i < 40; i++)
		queue_put(VTD_QI_PASID_CACHE | GRAN(3), 0);
	put64(VTD_REG_IQT, (uint64_t)rig.iq_tail << VTD_DESC_SHIFT);
	put32(VTD_REG_FSTS, VTD_FSTS_IQE);
	step();
	assert_int_equal(verdict(false).protocol, 2);
}

static void
narrow_descriptors_are_for_legacy_mode(void **state)
{
	(void)state;
	rig_open(NULL);
	put64(VTD_REG_IQA, rig.iq.pa);
	command(VTD_GCMD_QIE, 0);
	/* 16 bytes each: a wait that only orders, then one that is wide */
	((uint64_t *)rig.iq.va)[0] = VTD_QI_WAIT | VTD_QI_WAIT_FN;
	((uint64_t *)rig.iq.va)[2] = VTD_QI_PGRP_RESP;
	put64(VTD_REG_IQT, 16);
	step();
	assert_int_equal(get64(VTD_REG_IQH), 16);
	assert_clean();
	put64(VTD_REG_IQT, 32);
	step();
	assert_int_equal(get64(VTD_REG_IQERCD) & VTD_IQERCD_IQEI_MASK, VTD_IQEI_WIDTH);
	put32(VTD_REG_FSTS, VTD_FSTS_IQE);
	put64(VTD_REG_RTADDR, rig.root.pa | (uint64_t)VTD_TTM_SCALABLE << VTD_RTADDR_TTM_SHIFT);
	put32(VTD_REG_GCMD, VTD_GCMD_QIE | VTD_GCMD_SRTP);
	step();
	assert_int_equal(get64(VTD_REG_IQERCD) & VTD_IQERCD_IQEI_MASK, VTD_IQEI_TTM);
}

static void
queue_outside_of_memory(void **state)
{
	(void)state;
	rig_open(NULL);
	put64(VTD_REG_IQA, UINT64_C(1) << 40 | VTD_IQA_DW);
	command(VTD_GCMD_QIE, 0);
	put64(VTD_REG_IQT, 32);
	step();
	assert_int_equal(get64(VTD_REG_IQERCD) & VTD_IQERCD_IQEI_MASK, VTD_IQEI_FETCH);
	assert_int_equal(verdict(false).protocol, 1);
}

static void
wait_shows_what_was_asked_before(void **state)
{
	(void)state;
	rig_start(1);
	rig_traffic(&(struct uiommu_emu_traffic){.burst = 64});
	queue_put(VTD_QI_PASID_CACHE | GRAN(3), 0);
	assert_true(queue_wait());
	assert_true(rig.emu->ring.tail == rig.emu->ring.published);
	queue_put(VTD_QI_WAIT | VTD_QI_WAIT_IF, 0);
	queue_ring();
	assert_int_equal(get32(VTD_REG_ICS), 1);
	put32(VTD_REG_ICS, 1);
	assert_int_equal(get32(VTD_REG_ICS), 0);
	queue_put(VTD_QI_WAIT | VTD_QI_WAIT_SW, 0x1000);
	queue_ring();
	assert_int_equal(verdict(false).protocol, 1);
}

/* ---------------------------------------------------------------- misbehaviour */

static void
time_out_aborts_waits(void **state)
{
	struct vtd_desc request;

	(void)state;
	rig_start(1);
	ask(1);
	request = answer_make(&(struct vtd_desc){{fetch().q[0], 0}}, VTD_RC_SUCCESS);
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_DEVICE_TIMEOUT, 1);
	queue_put(VTD_QI_DEV_TLB | (uint64_t)DEVICE << VTD_QI_DEV_TLB_SID_SHIFT, 0);
	request.q[1] = ((struct vtd_desc *)rig.prq.va)[0].q[1] & 0xff8;
	queue_put(request.q[0], request.q[1]);
	assert_false(queue_wait());
	assert_int_equal(get32(VTD_REG_FSTS), VTD_FSTS_ITE);
	assert_int_equal(get64(VTD_REG_IQERCD) >> VTD_IQERCD_ITESID_SHIFT, DEVICE);
	/* responses are no invalidations: they were carried out */
	assert_int_equal(verdict(true).responses, 1);
	assert_false(queue_wait());
	put32(VTD_REG_FSTS, VTD_FSTS_ITE);
	step();
	assert_int_equal(*(uint32_t *)rig.status.va, rig.serial);
	assert_clean();
}

static void
bad_completion_is_only_told(void **state)
{
	(void)state;
	rig_start(1);
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_BAD_COMPLETION, 1);
	queue_put(VTD_QI_PASID_DEV_TLB | (uint64_t)DEVICE << VTD_QI_PASID_DEV_TLB_SID_SHIFT, 0);
	assert_true(queue_wait());
	assert_int_equal(get32(VTD_REG_FSTS), VTD_FSTS_ICE);
	assert_int_equal(get64(VTD_REG_IQERCD) >> VTD_IQERCD_ICESID_SHIFT, DEVICE);
	assert_clean();
}

static void
hardware_can_be_dead(void **state)
{
	(void)state;
	rig_start(1);
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_LOST_WAIT, 1);
	assert_false(queue_wait());
	assert_true(queue_wait());
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_DEAD_QUEUE, 0);
	assert_false(queue_wait());
	step();
	assert_int_not_equal(*(uint32_t *)rig.status.va, rig.serial);
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_NONE, 0);
	step();
	assert_int_equal(*(uint32_t *)rig.status.va, rig.serial);
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_BAD_DESCRIPTOR, 1);
	assert_false(queue_wait());
	assert_int_equal(get32(VTD_REG_FSTS), VTD_FSTS_IQE);
	put32(VTD_REG_FSTS, VTD_FSTS_IQE);
	step();
	assert_int_equal(*(uint32_t *)rig.status.va, rig.serial);
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_DEAD_COMMANDS, 0);
	put32(VTD_REG_GCMD, VTD_GCMD_QIE);
	step();
	assert_true((get32(VTD_REG_GSTS) & VTD_GCMD_TE) != 0);
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_NONE, 0);
	step();
	assert_true((get32(VTD_REG_GSTS) & VTD_GCMD_TE) == 0);
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_WILD_INDEX, 1);
	assert_true((get64(VTD_REG_PQT) & ~VTD_PQ_INDEX_MASK) != 0);
	assert_true((get64(VTD_REG_PQT) & ~VTD_PQ_INDEX_MASK) == 0);
	assert_clean();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(good_descriptors_are_taken),
		CASE(malformed_descriptors_stop_the_queue),
		CASE(words_two_and_three_are_reserved),
		CASE(drain_needs_its_capability),
		CASE(tails_are_checked),
		CASE(overrun_is_noticed),
		CASE(narrow_descriptors_are_for_legacy_mode),
		CASE(queue_outside_of_memory),
		CASE(wait_shows_what_was_asked_before),
		CASE(time_out_aborts_waits),
		CASE(bad_completion_is_only_told),
		CASE(hardware_can_be_dead),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
