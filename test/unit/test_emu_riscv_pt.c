/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Emulation of a RISC-V IOMMU: page tables of the first stage, as the privileged architecture has
 * them ("Virtual Address Translation Process", Svnapot, Svpbmt).
 */

#include "emu_riscv_rig.h"

#define BIT(n) (UINT64_C(1) << (n))
#define AT 0x5000

/* An access of PASID 1 as the tables are now, nothing being remembered. @return cause */
static unsigned int
access_now(uint64_t iova, bool write)
{
	VMA_ALL();
	return dma(DEVICE, 1, iova, write);
}

static unsigned int
entry_now(uint64_t entry, bool write)
{
	*page(AT) = entry;
	return access_now(AT, write);
}

/* What a translation request of a device says. */
static bool
asked_now(uint64_t entry, bool write)
{
	uint64_t pa;

	*page(AT) = entry;
	VMA_ALL();
	ATS_INVAL(DEVICE, 1, UINT64_C(0x7ffffffffffff800));
	return uiommu_emu_translate(rig.emu, DEVICE, 1, AT, write, &pa);
}

static void
test_rights(void **state)
{
	const uint64_t pa = 0x400000;

	(void)state;
	rig_start(1);
	assert_int_equal(entry_now(PTE(pa, 0), false), 13);
	assert_int_equal(entry_now(PTE(pa, 0xd6), false), 13);       /* V 0 */
	assert_int_equal(entry_now(PTE(pa, 0xd1), false), 13);       /* a table, at the end */
	assert_int_equal(entry_now(PTE(pa, 0xd5), true), 15);        /* W 0, R 0 */
	assert_int_equal(entry_now(PTE(pa, 0xd3), false), 0);        /* R */
	assert_int_equal(entry_now(PTE(pa, 0xd3), true), 15);
	assert_int_equal(entry_now(PTE(pa, 0xd7), true), 0);         /* R, W */
	assert_int_equal(entry_now(PTE(pa, 0xd9), false), 13);       /* X */
	assert_int_equal(entry_now(PTE(pa, 0xdd), false), 13);       /* W and X without R */
	assert_int_equal(entry_now(PTE(pa, 0xc7), false), 13);       /* U 0 */
	assert_clean();
}

static void
test_reserved_bits(void **state)
{
	const uint64_t good = PTE(0x400000, 0xd7);
	unsigned int i;

	(void)state;
	rig_start(1);
	for (i = 54; i < 61; i++)
		assert_int_equal(entry_now(good | BIT(i), false), 13);
	assert_int_equal(entry_now(good | BIT(61), false), 0);
	assert_int_equal(entry_now(good | BIT(62), false), 0);
	assert_int_equal(entry_now(good | BIT(61) | BIT(62), false), 13);
	/* software's own */
	assert_int_equal(entry_now(good | BIT(8) | BIT(9), false), 0);
	assert_clean();
}

static void
test_reserved_bits_by_capability(void **state)
{
	struct uiommu_args args[] = {{"caps_clear", 1 << 15, NULL}, {"caps_set", 1 << 14, NULL},
		{NULL, 0, NULL}};
	const uint64_t good = PTE(0x400000, 0xd7);

	(void)state;
	rig_start_args(1, args);
	assert_int_equal(entry_now(good | BIT(59) | BIT(60), false), 0);
	assert_int_equal(entry_now(good | BIT(58), false), 13);
	assert_int_equal(entry_now(good | BIT(61), false), 13);
	assert_int_equal(entry_now(good | BIT(62), false), 13);
	assert_clean();
}

static void
test_reserved_bits_of_tables(void **state)
{
	static const unsigned int bits[] = {4, 6, 7, 54, 58, 59, 60, 61, 62, 63};
	uint64_t *entry;
	unsigned int i;

	(void)state;
	rig_start(1);
	assert_int_equal(entry_now(PTE(0x400000, 0xd7), false), 0);
	entry = rig.table[2].va;
	for (i = 0; i < RTE_DIM(bits); i++) {
		*entry = NON_LEAF(rig.table[3].pa) | BIT(bits[i]);
		assert_int_equal(access_now(AT, false), 13);
	}
	*entry = NON_LEAF(rig.table[3].pa) | 3 << 8 | PTE_G;
	assert_int_equal(access_now(AT, false), 0);
	/* no memory there: an access fault, by what was wanted */
	*entry = NON_LEAF(0x1000);
	assert_int_equal(access_now(AT, false), 5);
	assert_int_equal(access_now(AT, true), 7);
	assert_clean();
}

static void
test_marks(void **state)
{
	const uint64_t good = PTE(0x400000, 0x17);

	(void)state;
	rig_start(1);
	assert_int_equal(entry_now(good, false), 0);
	assert_int_equal(*page(AT), good | PTE_A);
	assert_int_equal(entry_now(good, true), 0);
	assert_int_equal(*page(AT), good | PTE_A | PTE_D);
	/* not where the access is not let through */
	assert_int_equal(entry_now(PTE(0x400000, 0x13), true), 15);
	assert_int_equal(*page(AT), PTE(0x400000, 0x13));
	/* a device is told to write only where that is marked */
	assert_true(asked_now(good, false));
	assert_int_equal(*page(AT), good | PTE_A);
	assert_true(asked_now(good, true));
	assert_int_equal(*page(AT), good | PTE_A | PTE_D);
	assert_clean();
}

static void
test_marks_by_software(void **state)
{
	struct uiommu_args args[] = {{"caps_clear", 1 << 24, NULL}, {NULL, 0, NULL}};
	const uint64_t good = PTE(0x400000, 0x17);

	(void)state;
	rig_open(args);
	rig_up();
	rig.tc &= ~(uint64_t)TC_SADE;
	rig_device(DEVICE, 1, 0);
	assert_int_equal(entry_now(good, false), 13);
	assert_int_equal(entry_now(good | PTE_A, false), 0);
	assert_int_equal(entry_now(good | PTE_A, true), 15);
	assert_int_equal(entry_now(good | PTE_A | PTE_D, true), 0);
	assert_int_equal(entry_now(good | PTE_D, false), 13);
	assert_false(asked_now(good | PTE_A, true));
	assert_int_equal(*page(AT), good | PTE_A);
	assert_clean();
}

static void
test_large_pages(void **state)
{
	uint64_t pa;

	(void)state;
	rig_start(1);
	((uint64_t *)rig.table[2].va)[1] = PTE(0x40000000, 0x17);
	((uint64_t *)rig.table[1].va)[2] = PTE(0xc0000000, 0x17);
	((uint64_t *)rig.table[0].va)[3] = PTE(UINT64_C(1) << 39, 0x17);
	assert_true(uiommu_emu_translate(rig.emu, DEVICE, 1, 0x234567, true, &pa));
	assert_int_equal(pa, 0x40034567);
	assert_true(uiommu_emu_translate(rig.emu, DEVICE, 1, 0x9234567a, true, &pa));
	assert_int_equal(pa, 0xd234567a);
	assert_true(uiommu_emu_translate(rig.emu, DEVICE, 1, UINT64_C(0x19234567abc), true, &pa));
	assert_int_equal(pa, UINT64_C(0x9234567abc));
	/* not aligned */
	((uint64_t *)rig.table[2].va)[1] = PTE(0x40001000, 0x17);
	((uint64_t *)rig.table[1].va)[2] = PTE(0xc0200000, 0x17);
	assert_int_equal(access_now(0x234000, false), 13);
	assert_int_equal(access_now(0x92345000, false), 13);
	assert_clean();
}

/* 64 KiB of adjacent pages, told by N; no other size, and at no other level. */
static void
test_napot(void **state)
{
	const uint64_t entry = PTE(0x458000, 0xd7) | BIT(63);
	uint64_t pa;

	(void)state;
	rig_start(1);
	assert_true(asked_now(entry, true));
	assert_true(uiommu_emu_translate(rig.emu, DEVICE, 1, AT, true, &pa));
	assert_int_equal(pa, 0x455000);
	assert_int_equal(entry_now(PTE(0x450000, 0xd7) | BIT(63), false), 13);
	assert_int_equal(entry_now(PTE(0x454000, 0xd7) | BIT(63), false), 13);
	assert_int_equal(entry_now(PTE(0x459000, 0xd7) | BIT(63), false), 13);
	((uint64_t *)rig.table[2].va)[1] = PTE(0x40008000, 0xd7) | BIT(63);
	assert_int_equal(access_now(0x234000, false), 13);
	assert_clean();
}

/* The last page of the lower half, and the first of the upper one. */
static void
mode_try(uint64_t mode, unsigned int root, unsigned int bits)
{
	const uint64_t half = UINT64_C(1) << (bits - 1);
	struct uiommu_dma top;

	memory(&top, 4096);
	((uint64_t *)top.va)[0] = root == 0 ? NON_LEAF(rig.table[0].pa) :
					      *(uint64_t *)rig.table[root - 1].va;
	((uint64_t *)top.va)[255] = PTE(0, 0xd7);
	((uint64_t *)top.va)[256] = PTE(0, 0xd7);
	pc(1)[1] = mode << 60 | top.pa >> 12;
	IODIR_PDT(DEVICE, 1);
	assert_int_equal(entry_now(PTE(0x400000, 0xd7), true), 0);
	assert_int_equal(access_now(half - 1, false), 0);
	assert_int_equal(access_now(half, false), 13);
	assert_int_equal(access_now(~(half - 1), false), 0);
	assert_int_equal(access_now(~(half - 1) - 1, true), 15);
	assert_int_equal(access_now(AT | UINT64_C(1) << 63, false), 13);
}

static void
test_modes(void **state)
{
	(void)state;
	rig_start(1);
	mode_try(8, 2, 39);
	mode_try(9, 1, 48);
	mode_try(10, 0, 57);
	assert_clean();
}

/* By hand: privileged, or to execute. */
static unsigned int
special(uint64_t entry, bool priv, bool exec)
{
	const uint64_t ctl = (uint64_t)DEVICE << 40 | BIT(32) | 1 << 12 | 1 << 3 |
			     (uint64_t)priv << 1 | (uint64_t)exec << 2;

	*page(AT) = entry;
	VMA_ALL();
	put64(TR_REQ_IOVA, AT);
	put64(TR_REQ_CTL, ctl | 1);
	step();
	return (get64(TR_RESPONSE) & 1) == 0 ? 0 : last_cause();
}

static void
test_privilege(void **state)
{
	const uint64_t user = PTE(0x400000, 0xdb), own = PTE(0x400000, 0xcb);

	(void)state;
	rig_start(1);
	/* ENS 0 */
	assert_int_equal(special(own, true, false), 260);
	pc(1)[0] |= 2;
	IODIR_PDT(DEVICE, 1);
	assert_int_equal(special(own, true, false), 0);
	assert_int_equal(special(own, true, true), 0);
	assert_int_equal(special(user, true, false), 13);
	/* SUM lets it read, and never execute */
	pc(1)[0] |= 4;
	IODIR_PDT(DEVICE, 1);
	assert_int_equal(special(user, true, false), 0);
	assert_int_equal(special(user, true, true), 12);
	assert_int_equal(special(user, false, true), 0);
	assert_int_equal(special(PTE(0x400000, 0xd3), false, true), 12);
	assert_int_equal(special(own, false, false), 13);
	assert_clean();
}

static void
test_page_faults_of_translation_requests_are_not_told(void **state)
{
	(void)state;
	rig_start(1);
	assert_false(asked_now(0, false));
	assert_int_equal(fq_pending(), 0);
	pc(1)[0] = 0;
	IODIR_PDT(DEVICE, 1);
	assert_false(asked_now(0, false));
	assert_int_equal(fq_pending(), 0);
	/* what is wrong is told: TTYP 8 */
	pc(1)[0] = 1 | 1 << 3;
	assert_false(asked_now(0, false));
	assert_int_equal(fq_pending(), 1);
	assert_int_equal(fq_next().q[0], 267 | 1 << 12 | BIT(32) | UINT64_C(8) << 34 |
						 (uint64_t)DEVICE << 40);
	bond(1);
	((uint64_t *)rig.table[2].va)[0] = NON_LEAF(0x1000);
	assert_false(asked_now(0, true));
	assert_int_equal(last_cause(), 7);
	dc(DEVICE)[0] = TC_V | TC_PDTV;
	IODIR_DDT(DEVICE);
	assert_false(asked_now(0, false));
	assert_int_equal(last_cause(), 260);
	assert_clean();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_rights),
		CASE(test_reserved_bits),
		CASE(test_reserved_bits_by_capability),
		CASE(test_reserved_bits_of_tables),
		CASE(test_marks),
		CASE(test_marks_by_software),
		CASE(test_large_pages),
		CASE(test_napot),
		CASE(test_modes),
		CASE(test_privilege),
		CASE(test_page_faults_of_translation_requests_are_not_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
