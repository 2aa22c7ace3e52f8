/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Emulation of SMMUv3: stream table and context descriptors, S 5.1 to 5.5, the events of 7.3.2 to
 * 7.3.11, and what is remembered of them, S 4.3.
 */

#include "emu_smmuv3_rig.h"

#define ADDRESS 0x6000

/* With a page for all PASIDs; everything as it should be. */
static void
rig_mapped(void)
{
	rig_start(2);
	*page(ADDRESS) = PAGE(rig.message.pa);
	assert_int_equal(dma(DEVICE, 1, ADDRESS, true), 0);
}

/* The same device once more with nothing remembered of it. */
static unsigned int
fresh_dma(uint32_t pasid)
{
	CFGI_STE(DEVICE, 1);
	return dma(DEVICE, pasid, ADDRESS, true);
}

static void
test_stream_out_of_range(void **state)
{
	(void)state;
	rig_mapped();
	assert_false(uiommu_emu_dma(rig.emu, 1 << STREAMS_LOG2, 1, ADDRESS, true));
	assert_int_equal(event_pending(), 1);
	assert_int_equal(event_next().q[0],
			 0x02 | 1 << 11 | 1 << 12 | (uint64_t)1 << (32 + STREAMS_LOG2));
	/* S 7.3.3: only with RECINVSID */
	enable(ALL_ON & ~SMMUEN);
	put32(CR2, 0);
	enable(ALL_ON);
	assert_false(uiommu_emu_dma(rig.emu, 1 << STREAMS_LOG2, 1, ADDRESS, true));
	assert_int_equal(event_pending(), 0);
	assert_clean();
}

static void
test_bad_ste(void **state)
{
	static const struct {
		uint64_t word0, clear0, word1;
	} bad[] = {
		{0, 1, 0},                                  /* V */
		{0, UINT64_C(1) << 1, 0},                   /* Config 4 is good: see below */
		{UINT64_C(2) << 1, 0, 0},                   /* stage 2 as well */
		{UINT64_C(31) << 59, 0, 0},                 /* S1CDMax beyond SSIDSIZE */
		{UINT64_C(1) << 55, 0, 0},                  /* S1ContextPtr beyond OAS */
		{0, 0, UINT64_C(2) << 28 | UINT64_C(1)},    /* EATS split-stage */
	};
	unsigned int i, got;

	(void)state;
	rig_mapped();
	for (i = 0; i < RTE_DIM(bad); i++) {
		stream(DEVICE, false);
		ste(DEVICE)[0] = (ste(DEVICE)[0] | bad[i].word0) & ~bad[i].clear0;
		if (bad[i].word1 != 0)
			ste(DEVICE)[1] = bad[i].word1;
		got = fresh_dma(1);
		/* bypass: a SubstreamID is too much, S 5.2 */
		assert_int_equal(got, i == 1 ? 0x08 : 0x04);
	}
	assert_clean();
}

static void
test_stall_models(void **state)
{
	struct uiommu_args args[] = {{"idr0_set", 1 << 24, NULL}, {NULL, 0, NULL}};

	(void)state;
	/* S 5.5: STALL_MODEL 1, and S1STALLD */
	rig_start_one(DEVICE, args);
	*page(ADDRESS) = PAGE(rig.message.pa);
	assert_int_equal(dma(DEVICE, 1, ADDRESS, true), 0x04);
	ste(DEVICE)[1] &= ~(UINT64_C(1) << 27);
	assert_int_equal(fresh_dma(1), 0);
	cd(DEVICE, 1)[0] = CD0(1, true);
	assert_int_equal(fresh_dma(1), 0x0a);
	assert_clean();
	rig_close(NULL);
	/* forced */
	args[0].value = 2 << 24;
	rig_start_one(DEVICE, args);
	ste(DEVICE)[1] &= ~(UINT64_C(1) << 27);
	*page(ADDRESS) = PAGE(rig.message.pa);
	assert_int_equal(dma(DEVICE, 1, ADDRESS, true), 0x0a);
	cd(DEVICE, 1)[0] = CD0(1, true);
	assert_int_equal(fresh_dma(1), 0);
}

static void
test_abort_is_silent(void **state)
{
	(void)state;
	rig_mapped();
	ste(DEVICE)[0] &= ~UINT64_C(0xe);
	CFGI_STE(DEVICE, 1);
	assert_false(uiommu_emu_dma(rig.emu, DEVICE, 1, ADDRESS, false));
	assert_int_equal(event_pending(), 0);
	assert_clean();
}

static void
test_substreams(void **state)
{
	const struct uiommu_emu_device_conf conf = {.endpoint_id = STRANGER};

	(void)state;
	rig_mapped();
	assert_int_equal(uiommu_emu_device_add(rig.emu, &conf), 0);
	/* beyond S1CDMax */
	assert_int_equal(dma(DEVICE, 1 << CDS_LOG2, ADDRESS, false), 0x08);
	/* S1DSS 2: CD 0 is taken */
	assert_int_equal(dma(DEVICE, 0, ADDRESS, false), 0x06);
	/* requests without go by it */
	assert_int_equal(dma(DEVICE, UINT32_MAX, ADDRESS, false), 0x0a);
	bond(DEVICE, 0);
	assert_int_equal(dma(DEVICE, UINT32_MAX, ADDRESS, false), 0);
	/* S1DSS 0: there are none */
	ste(DEVICE)[1] = 0;
	CFGI_STE(DEVICE, 1);
	assert_int_equal(dma(DEVICE, UINT32_MAX, ADDRESS, false), 0x06);
	assert_int_equal(dma(DEVICE, 0, ADDRESS, false), 0);
	/* S1DSS 1: they go round stage 1 */
	ste(DEVICE)[1] = 1;
	CFGI_STE(DEVICE, 1);
	assert_int_equal(dma(DEVICE, UINT32_MAX, 0x123456789000, false), 0);
	assert_int_equal(dma(DEVICE, UINT32_MAX, UINT64_C(1) << 48, false), 0x11);
	/* no substreams at all */
	ste(DEVICE)[0] &= ~(UINT64_C(31) << 59);
	CFGI_STE(DEVICE, 1);
	assert_int_equal(dma(DEVICE, 1, ADDRESS, false), 0x08);
	assert_int_equal(dma(DEVICE, UINT32_MAX, ADDRESS, false), 0);
	assert_clean();
}

static void
test_bad_cd(void **state)
{
	static const struct {
		uint64_t set, clear;
		bool good;
	} bad[] = {
		{0, 0, true},
		{0, UINT64_C(1) << 31, false},             /* V */
		{UINT64_C(1) << 44, 0, false},             /* S with S1STALLD */
		{0, UINT64_C(1) << 41, false},             /* AA64 */
		{UINT64_C(1) << 15, 0, false},             /* ENDI with TTENDIAN 2 */
		{UINT64_C(47), 0, false},                  /* T0SZ beyond 39 */
		{0, UINT64_C(16), false},                  /* T0SZ below 16 */
		{UINT64_C(3) << 6, 0, false},              /* TG0 reserved */
		{0, UINT64_C(1) << 30, false},             /* EPD1 0, T1SZ 0 */
		{UINT64_C(16) << 16 | UINT64_C(2) << 22, UINT64_C(1) << 30, true},
		{UINT64_C(16) << 16, UINT64_C(1) << 30, false}, /* TG1 reserved */
		{0, UINT64_C(1) << 46, true},              /* A 0: TERM_MODEL is 0 */
	};
	unsigned int i;

	(void)state;
	rig_mapped();
	for (i = 0; i < RTE_DIM(bad); i++) {
		cd(DEVICE, 1)[0] = (CD0(1, 0) | bad[i].set) & ~bad[i].clear;
		CFGI_CD(DEVICE, 1, 1);
		TLBI_ALL();
		assert_int_equal(dma(DEVICE, 1, ADDRESS, true), bad[i].good ? 0 : 0x0a);
	}
	/* TTB0 beyond IPS */
	cd(DEVICE, 1)[0] = CD0(1, 0);
	cd(DEVICE, 1)[1] = UINT64_C(1) << 50;
	CFGI_CD(DEVICE, 1, 1);
	assert_int_equal(dma(DEVICE, 1, ADDRESS, true), 0x0a);
	assert_clean();
}

static void
test_features_that_cds_need(void **state)
{
	/* HTTU 1, ASID16 0, TERM_MODEL 1 */
	struct uiommu_args args[] = {
		{"idr0_clear", 1 << 7 | 1 << 12, NULL}, {"idr0_set", 1 << 6 | 1 << 26, NULL},
		{NULL, 0, NULL},
	};

	(void)state;
	rig_start_one(DEVICE, args);
	*page(ADDRESS) = PAGE(rig.message.pa);
	/* HD */
	assert_int_equal(dma(DEVICE, 1, ADDRESS, true), 0x0a);
	cd(DEVICE, 1)[0] &= ~(UINT64_C(1) << 42);
	/* ASID of 9 bits */
	assert_int_equal(fresh_dma(1), 0x0a);
	cd(DEVICE, 1)[0] &= ~(UINT64_C(0xff00) << 48);
	assert_int_equal(fresh_dma(1), 0);
	cd(DEVICE, 1)[0] &= ~(UINT64_C(1) << 46);
	TLBI_ALL();
	assert_int_equal(fresh_dma(1), 0x0a);
	assert_clean();
}

static void
test_fetch_aborts(void **state)
{
	struct event event;

	(void)state;
	rig_mapped();
	ste(DEVICE)[0] = (ste(DEVICE)[0] & ~UINT64_C(0xffffffffffc0)) | 0x4000;
	CFGI_STE(DEVICE, 1);
	assert_false(uiommu_emu_dma(rig.emu, DEVICE, 1, ADDRESS, true));
	event = event_next();
	assert_int_equal(event_number(&event), 0x09);
	assert_int_equal(event.q[3], 0x4000 + 64);
	/* a fault of this kind is looked for again */
	stream(DEVICE, false);
	CFGI_STE(DEVICE, 1);
	assert_int_equal(dma(DEVICE, 1, ADDRESS, true), 0);
	assert_clean();
}

static void
test_two_levels_of_streams(void **state)
{
	struct uiommu_dma upper;
	uint64_t *l1;

	(void)state;
	rig_open(NULL);
	memory(&upper, 4096);
	l1 = upper.va;
	rig_up(CMDQEN | EVENTQEN | PRIQEN);
	/* FMT 1, SPLIT 8, LOG2SIZE 16: 256 descriptors */
	put64(STRTAB_BASE, upper.pa);
	put32(STRTAB_BASE_CFG, 1 << 16 | 8 << 6 | 16);
	enable(ALL_ON);
	rig_device(DEVICE, 1, 0);
	*page(ADDRESS) = PAGE(rig.message.pa);
	/* Span 0 */
	assert_int_equal(dma(DEVICE, 1, ADDRESS, false), 0x02);
	/* the second 256 streams of the table, Span 9 */
	l1[1] = (rig.streams.pa + 256 * 64) | 9;
	assert_int_equal(dma(DEVICE, 1, ADDRESS, false), 0x02);
	/* S 4.3.1: the descriptor is not asked for with Leaf */
	CFGI_STE(DEVICE, 1);
	assert_int_equal(dma(DEVICE, 1, ADDRESS, false), 0x02);
	CFGI_STE(DEVICE, 0);
	assert_int_equal(dma(DEVICE, 1, ADDRESS, false), 0);
	/* a span that it is not in, and one that is too large */
	l1[1] = (rig.streams.pa + 256 * 64) | 4;
	CFGI_STE(DEVICE, 0);
	assert_int_equal(dma(DEVICE, 1, ADDRESS, false), 0x02);
	l1[1] = (rig.streams.pa + 256 * 64) | 10;
	CFGI_STE(DEVICE, 0);
	assert_int_equal(dma(DEVICE, 1, ADDRESS, false), 0x02);
	assert_clean();
}

static void
test_two_levels_of_cds(void **state)
{
	struct uiommu_dma upper, leaf;
	uint64_t *l1;

	(void)state;
	rig_start(1);
	*page(ADDRESS) = PAGE(rig.message.pa);
	memory(&upper, 4096);
	memory(&leaf, 4096);
	l1 = upper.va;
	/* S1Fmt 1, S1CDMax 10; PASID 1 is in the first leaf */
	ste(DEVICE)[0] = 1 | 5 << 1 | 1 << 4 | upper.pa | UINT64_C(10) << 59;
	CFGI_STE(DEVICE, 1);
	/* S 5.3.1 */
	assert_int_equal(dma(DEVICE, 1, ADDRESS, false), 0x08);
	l1[0] = rig.cds[0].pa | 1;
	CFGI_CD(DEVICE, 1, 1);
	assert_int_equal(dma(DEVICE, 1, ADDRESS, false), 0x08);
	/* any SubstreamID of the leaf will do */
	CFGI_CD(DEVICE, 5, 0);
	assert_int_equal(dma(DEVICE, 1, ADDRESS, false), 0);
	/* PASID 65 is the second of the second leaf */
	l1[1] = leaf.pa | 1;
	assert_int_equal(dma(DEVICE, 65, ADDRESS, false), 0x0a);
	((uint64_t *)leaf.va)[8] = CD0(65, 0);
	((uint64_t *)leaf.va)[9] = rig.table[0].pa;
	assert_int_equal(dma(DEVICE, 65, ADDRESS, false), 0);
	/* 64K leaves, of 1024 */
	ste(DEVICE)[0] = 1 | 5 << 1 | 2 << 4 | upper.pa | UINT64_C(10) << 59;
	CFGI_STE(DEVICE, 1);
	assert_int_equal(dma(DEVICE, 1, ADDRESS, false), 0);
	assert_clean();
}

static void
test_without_two_levels(void **state)
{
	struct uiommu_args args[] = {{"idr0_clear", 1 << 19 | 1 << 27, NULL}, {NULL, 0, NULL}};

	(void)state;
	rig_start_one(DEVICE, args);
	ste(DEVICE)[0] |= 1 << 4;
	assert_int_equal(dma(DEVICE, 1, ADDRESS, false), 0x04);
	assert_clean();
}

static void
test_entries_are_used_until_invalidated(void **state)
{
	(void)state;
	rig_mapped();
	/* CDs */
	cd(DEVICE, 1)[0] = 0;
	assert_int_equal(dma(DEVICE, 1, ADDRESS, true), 0);
	CFGI_CD(DEVICE, 2, 1);
	assert_int_equal(dma(DEVICE, 1, ADDRESS, true), 0);
	CFGI_CD(STALLER, 1, 1);
	assert_int_equal(dma(DEVICE, 1, ADDRESS, true), 0);
	CFGI_CD(DEVICE, 1, 1);
	assert_int_equal(dma(DEVICE, 1, ADDRESS, true), 0x0a);
	/* and what is missing, S 4.3 */
	bond(DEVICE, 1);
	assert_int_equal(dma(DEVICE, 1, ADDRESS, true), 0x0a);
	run(0x06 | (uint64_t)DEVICE << 32, 0);
	assert_int_equal(dma(DEVICE, 1, ADDRESS, true), 0);
	/* STEs; CDs go with them */
	ste(DEVICE)[0] = 0;
	cd(DEVICE, 1)[0] = 0;
	assert_int_equal(dma(DEVICE, 1, ADDRESS, true), 0);
	/* a range of 2 without it, and one with it */
	run(0x04 | (uint64_t)(DEVICE + 2) << 32, 0);
	assert_int_equal(dma(DEVICE, 1, ADDRESS, true), 0);
	run(0x04 | (uint64_t)(DEVICE + 1) << 32, 0);
	assert_int_equal(dma(DEVICE, 1, ADDRESS, true), 0x04);
	stream(DEVICE, false);
	CFGI_STE(DEVICE, 1);
	assert_int_equal(dma(DEVICE, 1, ADDRESS, true), 0x0a);
	assert_clean();
}

static void
test_fault_is_told_or_not(void **state)
{
	(void)state;
	rig_mapped();
	/* S 5.5: A 1, R 1 */
	assert_int_equal(dma(DEVICE, 1, 0x9000, false), 0x10);
	/* R 0 */
	cd(DEVICE, 1)[0] &= ~(UINT64_C(1) << 45);
	CFGI_CD(DEVICE, 1, 1);
	assert_false(uiommu_emu_dma(rig.emu, DEVICE, 1, 0x9000, false));
	assert_int_equal(event_pending(), 0);
	/* other faults are always told */
	cd(DEVICE, 1)[0] = 0;
	CFGI_CD(DEVICE, 1, 1);
	assert_int_equal(dma(DEVICE, 1, 0x9000, false), 0x0a);
	assert_int_equal(verdict(true).reports, 2);
	assert_clean();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_stream_out_of_range),
		CASE(test_bad_ste),
		CASE(test_stall_models),
		CASE(test_abort_is_silent),
		CASE(test_substreams),
		CASE(test_bad_cd),
		CASE(test_features_that_cds_need),
		CASE(test_fetch_aborts),
		CASE(test_two_levels_of_streams),
		CASE(test_two_levels_of_cds),
		CASE(test_without_two_levels),
		CASE(test_entries_are_used_until_invalidated),
		CASE(test_fault_is_told_or_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
