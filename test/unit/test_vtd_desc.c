/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Descriptors of VT-d. The expected words were put together by hand from the bit
 * positions of the manual (S 6.5.2, 7.4.1.1, 7.6.1), which each case repeats; no name of
 * the layout header is used for them.
 */

#include "unit.h"

#include <vtd_desc.h>

/* Highest bit of an address with 4 and with 5 levels */
#define SIGN_BIT_48 47
#define SIGN_BIT_57 56

#define RANDOM_ROUNDS 100000

/*
 * Type 7:0 = 1; PP 8 = 1; RID 31:16 = 0x0302; PASID 51:32 = 0x12345.
 * RDR 0 = 1; WRR 1 = 0; LPIG 2 = 1; PRGI 11:3 = 0x0aa, that is 0x550; address 63:12.
 */
#define GOLDEN_W0 UINT64_C(0x0001234503020101)
#define GOLDEN_W1 UINT64_C(0x00007f1234567555)

static void
assert_desc(struct vtd_desc desc, uint64_t w0, uint64_t w1)
{
	assert_true(desc.q[0] == w0);
	assert_true(desc.q[1] == w1);
	assert_true(desc.q[2] == 0);
	assert_true(desc.q[3] == 0);
}

static void
assert_kind(uint64_t w0, uint64_t w1, enum vtd_prq_kind kind, bool answerable)
{
	assert_int_equal(vtd_prq_classify(w0, w1, SIGN_BIT_48), kind);
	assert_int_equal(vtd_prq_is_answerable(kind, w1), answerable);
}

static void
request_golden(void **state)
{
	struct uiommu_fault fault = {.nb_pages = 77};

	assert_true(vtd_prq_is_plain(GOLDEN_W0, GOLDEN_W1, SIGN_BIT_48));
	assert_kind(GOLDEN_W0, GOLDEN_W1, VTD_PRQ_REQUEST, true);
	vtd_prq_decode(GOLDEN_W0, GOLDEN_W1, &fault);
	assert_true(fault.iova == UINT64_C(0x00007f1234567000));
	assert_int_equal(fault.endpoint_id, 0x0302);
	assert_int_equal(fault.pasid, 0x12345);
	assert_int_equal(fault.prg_index, 0x0aa);
	assert_int_equal(fault.flags, UIOMMU_FAULT_READ | UIOMMU_FAULT_LAST | UIOMMU_FAULT_PASID);
	assert_int_equal(fault.nb_pages, 0);
}

/* The PASID field is undefined without PP: garbage there must not show. */
static void
request_without_pasid(void **state)
{
	struct uiommu_fault fault;
	uint64_t w0 = UINT64_C(0x000fffff03020001);
	uint64_t w1 = UINT64_C(0xffff800000000ffa); /* PRGI 0x1ff, WRR */

	assert_true(vtd_prq_is_plain(w0, w1, SIGN_BIT_48));
	vtd_prq_decode(w0, w1, &fault);
	assert_int_equal(fault.pasid, UIOMMU_NO_PASID);
	assert_int_equal(fault.prg_index, 0x1ff);
	assert_int_equal(fault.flags, UIOMMU_FAULT_WRITE);
	assert_true(fault.iova == UINT64_C(0xffff800000000000));
}

/* 15:9 and 63:54 of word 0 */
static void
every_reserved_bit_is_seen(void **state)
{
	unsigned int bit, seen = 0;

	for (bit = 0; bit < 64; bit++) {
		uint64_t w0 = GOLDEN_W0 | UINT64_C(1) << bit;
		struct uiommu_fault fault;

		if (!((bit >= 9 && bit <= 15) || bit >= 54))
			continue;
		seen++;
		assert_false(vtd_prq_is_plain(w0, GOLDEN_W1, SIGN_BIT_48));
		assert_kind(w0, GOLDEN_W1, VTD_PRQ_BAD_RESERVED, true);
		vtd_prq_decode_odd(w0, GOLDEN_W1, VTD_PRQ_BAD_RESERVED, &fault);
		assert_int_equal(fault.flags, UIOMMU_FAULT_READ | UIOMMU_FAULT_LAST |
						      UIOMMU_FAULT_PASID | UIOMMU_FAULT_REJECT);
		assert_int_equal(fault.prg_index, 0x0aa);
		/* no access: no index, whatever else is wrong */
		assert_kind(w0, GOLDEN_W1 & ~UINT64_C(3), VTD_PRQ_BAD_RESERVED, false);
	}
	assert_int_equal(seen, 17);
}

/* The other bits of word 0 and all of word 1 may be as they like, one by one. */
static void
no_other_bit_is_reserved(void **state)
{
	unsigned int bit;

	/* 8 PP, 31:16 RID, 51:32 PASID */
	for (bit = 8; bit < 52; bit++) {
		if (bit >= 9 && bit <= 15)
			continue;
		assert_true(vtd_prq_is_plain(GOLDEN_W0 ^ UINT64_C(1) << bit, GOLDEN_W1,
					     SIGN_BIT_48));
	}
	/* 1 WRR, 2 LPIG, 11:3 PRGI, address up to bit 46 */
	for (bit = 1; bit < 47; bit++)
		assert_true(vtd_prq_is_plain(GOLDEN_W0, GOLDEN_W1 ^ UINT64_C(1) << bit,
					     SIGN_BIT_48));
}

static void
every_other_type_is_refused(void **state)
{
	unsigned int type;

	for (type = 0; type < 256; type++) {
		uint64_t w0 = (GOLDEN_W0 & ~UINT64_C(0xff)) | type;

		if (type == 1)
			continue;
		assert_false(vtd_prq_is_plain(w0, GOLDEN_W1, SIGN_BIT_48));
		assert_kind(w0, GOLDEN_W1, VTD_PRQ_BAD_TYPE, false);
	}
}

/* LPIG = 1 with RDR = WRR = 0 and a PASID; without a PASID it is none (pri.md, section 2) */
static void
stop_markers(void **state)
{
	uint64_t none = GOLDEN_W1 & ~UINT64_C(7);
	uint64_t without_pasid = GOLDEN_W0 & ~UINT64_C(0x100);

	assert_kind(GOLDEN_W0, none | 4, VTD_PRQ_STOP_MARKER, false);
	assert_kind(GOLDEN_W0, 4, VTD_PRQ_STOP_MARKER, false);
	assert_kind(GOLDEN_W0, none, VTD_PRQ_BAD_ACCESS, false);
	assert_kind(without_pasid, none | 4, VTD_PRQ_BAD_ACCESS, false);
	assert_kind(without_pasid, none, VTD_PRQ_BAD_ACCESS, false);
	assert_false(vtd_prq_is_plain(GOLDEN_W0, none | 4, SIGN_BIT_48));
	assert_false(vtd_prq_is_plain(GOLDEN_W0, none, SIGN_BIT_48));
	/* with access it is a request */
	assert_kind(GOLDEN_W0, none | 4 | 1, VTD_PRQ_REQUEST, true);
	assert_kind(GOLDEN_W0, none | 4 | 2, VTD_PRQ_REQUEST, true);
}

/* EXR 52, PMR 53 */
static void
execute_and_privileged(void **state)
{
	uint64_t exr = GOLDEN_W0 | UINT64_C(0x0010000000000000);
	uint64_t pmr = GOLDEN_W0 | UINT64_C(0x0020000000000000);
	uint64_t write = (GOLDEN_W1 & ~UINT64_C(3)) | 2;
	struct uiommu_fault fault;

	assert_kind(exr, GOLDEN_W1, VTD_PRQ_BAD_ACCESS, true);
	assert_kind(pmr, GOLDEN_W1, VTD_PRQ_BAD_ACCESS, true);
	assert_kind(pmr, write, VTD_PRQ_BAD_ACCESS, true);
	/* EXR means nothing without RDR, nor without PP */
	assert_kind(exr, write, VTD_PRQ_REQUEST, true);
	assert_kind(exr & ~UINT64_C(0x100), GOLDEN_W1, VTD_PRQ_REQUEST, true);
	vtd_prq_decode_odd(exr, write, VTD_PRQ_REQUEST, &fault);
	assert_int_equal(fault.flags, UIOMMU_FAULT_WRITE | UIOMMU_FAULT_LAST | UIOMMU_FAULT_PASID);
	vtd_prq_decode_odd(exr | pmr, GOLDEN_W1, VTD_PRQ_BAD_ACCESS, &fault);
	assert_int_equal(fault.flags, UIOMMU_FAULT_READ | UIOMMU_FAULT_LAST | UIOMMU_FAULT_PASID |
					      UIOMMU_FAULT_EXEC | UIOMMU_FAULT_PRIV |
					      UIOMMU_FAULT_REJECT);
	assert_false(vtd_prq_is_plain(exr, GOLDEN_W1, SIGN_BIT_48));
	assert_false(vtd_prq_is_plain(pmr, GOLDEN_W1, SIGN_BIT_48));
}

static void
canonical_addresses(void **state)
{
	static const struct {
		uint64_t iova;
		unsigned int sign_bit;
		bool good;
	} cases[] = {
		{UINT64_C(0x0000000000000000), SIGN_BIT_48, true},
		{UINT64_C(0x00007ffffffff000), SIGN_BIT_48, true},
		{UINT64_C(0x0000800000000000), SIGN_BIT_48, false},
		{UINT64_C(0x0001000000000000), SIGN_BIT_48, false},
		{UINT64_C(0x7ffffffffffff000), SIGN_BIT_48, false},
		{UINT64_C(0x8000000000000000), SIGN_BIT_48, false},
		{UINT64_C(0xffff7ffffffff000), SIGN_BIT_48, false},
		{UINT64_C(0xffff800000000000), SIGN_BIT_48, true},
		{UINT64_C(0xfffffffffffff000), SIGN_BIT_48, true},
		{UINT64_C(0x00fffffffffff000), SIGN_BIT_57, true},
		{UINT64_C(0x0100000000000000), SIGN_BIT_57, false},
		{UINT64_C(0xfefffffffffff000), SIGN_BIT_57, false},
		{UINT64_C(0xff00000000000000), SIGN_BIT_57, true},
	};
	unsigned int i;

	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		uint64_t w1 = cases[i].iova | 0x555;

		assert_int_equal(vtd_prq_is_plain(GOLDEN_W0, w1, cases[i].sign_bit),
				 cases[i].good);
		assert_int_equal(vtd_prq_classify(GOLDEN_W0, w1, cases[i].sign_bit),
				 cases[i].good ? VTD_PRQ_REQUEST : VTD_PRQ_BAD_ADDRESS);
	}
}

/* The one test of the data path and the classifier agree on any two words. */
static void
plain_agrees_with_kinds(void **state)
{
	uint64_t seed = 1;
	unsigned int i, nb_plain = 0;

	for (i = 0; i < RANDOM_ROUNDS; i++) {
		/* a sound request with one to three bits turned over */
		uint64_t w[2] = {GOLDEN_W0, GOLDEN_W1};
		uint64_t flips = unit_random(&seed);
		enum vtd_prq_kind kind;
		unsigned int j;
		bool plain, exr;

		for (j = 0; j <= flips >> 62; j++) {
			w[flips & 1] ^= UINT64_C(1) << (flips >> 1 & 63);
			flips >>= 7;
		}
		kind = vtd_prq_classify(w[0], w[1], SIGN_BIT_48);
		plain = vtd_prq_is_plain(w[0], w[1], SIGN_BIT_48);
		exr = (w[0] >> 52 & 1) != 0;
		if (plain)
			assert_int_equal(kind, VTD_PRQ_REQUEST);
		else if (kind == VTD_PRQ_REQUEST)
			assert_true(exr);
		nb_plain += plain;
	}
	assert_true(nb_plain > RANDOM_ROUNDS / 10 && nb_plain < RANDOM_ROUNDS);
}

/* What comes in a request goes back in its response, for random fields. */
static void
request_to_response(void **state)
{
	static const uint64_t wire_code[UIOMMU_CODE_SENT_COUNT] = {0x0, 0x1, 0xf, 0x0};
	uint64_t seed = 2;
	unsigned int i;

	for (i = 0; i < RANDOM_ROUNDS; i++) {
		uint64_t r = unit_random(&seed);
		uint64_t rid = r & 0xffff, pasid = r >> 16 & 0xfffff, prgi = r >> 36 & 0x1ff;
		uint64_t access = 1 + (r >> 45) % 3, last = r >> 47 & 1, pp = r >> 48 & 1;
		uint64_t page = unit_random(&seed) & 0x7ffffffff;
		uint32_t code = r >> 49 & 3;
		uint64_t w0 = 1 | pp << 8 | rid << 16 | pasid << 32;
		uint64_t w1 = access | last << 2 | prgi << 3 | page << 12;
		struct uiommu_fault fault;
		struct uiommu_resp resp;

		assert_true(vtd_prq_is_plain(w0, w1, SIGN_BIT_48));
		vtd_prq_decode(w0, w1, &fault);
		assert_true(fault.iova == page << 12);
		assert_true(fault.endpoint_id == rid);
		assert_true(fault.pasid == (pp != 0 ? pasid : UIOMMU_NO_PASID));
		assert_true(fault.prg_index == prgi);
		assert_true(fault.flags == (access | last << 2 | pp << 5));

		resp = (struct uiommu_resp){
			.endpoint_id = fault.endpoint_id,
			.pasid = fault.pasid,
			.prg_index = fault.prg_index,
			.flags = fault.flags,
			.code = code,
		};
		vtd_resp_encode(&resp, &w0, &w1);
		/* S 7.6.1: type 3:0 and 11:9, PP 4, RC 15:12, RID 31:16, PASID 51:32; PRGI 11:3 */
		assert_true(w0 == (9 | pp << 4 | wire_code[code] << 12 | rid << 16 |
				   (pp != 0 ? pasid << 32 : 0)));
		assert_true(w1 == prgi << 3);
	}
}

static void
response_golden(void **state)
{
	static const struct {
		struct uiommu_resp resp;
		uint64_t w0;
		uint64_t w1;
	} cases[] = {
		/* type 9, PP 0x10, RID 0x0302 << 16, PASID 0x12345 << 32; PRGI 0xaa << 3 */
		{{.endpoint_id = 0x0302, .pasid = 0x12345, .prg_index = 0xaa,
		  .code = UIOMMU_CODE_SUCCESS}, UINT64_C(0x0001234503020019), 0x550},
		/* RC 15:12 = 1 */
		{{.endpoint_id = 0x0302, .pasid = 0x12345, .prg_index = 0xaa,
		  .code = UIOMMU_CODE_INVALID}, UINT64_C(0x0001234503021019), 0x550},
		/* RC 15:12 = 0xf; the engine's number 2 would be a reserved code */
		{{.endpoint_id = 0x0302, .pasid = 0x12345, .prg_index = 0xaa,
		  .code = UIOMMU_CODE_FAILURE}, UINT64_C(0x000123450302f019), 0x550},
		/* asked again: Success */
		{{.endpoint_id = 0x0302, .pasid = 0x12345, .prg_index = 0xaa,
		  .code = UIOMMU_CODE_RETRY}, UINT64_C(0x0001234503020019), 0x550},
		/* without PASID: PP and PASID are 0 */
		{{.endpoint_id = 0xffff, .pasid = UIOMMU_NO_PASID, .prg_index = 0x1ff,
		  .code = UIOMMU_CODE_INVALID}, UINT64_C(0x00000000ffff1009), 0xff8},
		/* the largest PASID, and PASID 0, which is one */
		{{.endpoint_id = 0, .pasid = 0xfffff, .prg_index = 0, .code = UIOMMU_CODE_SUCCESS},
		 UINT64_C(0x000fffff00000019), 0},
		{{.endpoint_id = 0, .pasid = 0, .prg_index = 1, .code = UIOMMU_CODE_SUCCESS},
		 UINT64_C(0x0000000000000019), 0x8},
	};
	unsigned int i;
	uint64_t w0, w1;

	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		vtd_resp_encode(&cases[i].resp, &w0, &w1);
		assert_true(w0 == cases[i].w0);
		assert_true(w1 == cases[i].w1);
	}
}

static void
cache_invalidations_golden(void **state)
{
	/* context: type 1; G 5:4 = 1 global */
	assert_desc(vtd_qi_context(VTD_CONTEXT_GRAN_GLOBAL, 0), 0x11, 0);
	/* G = 3 device; SID 47:32 */
	assert_desc(vtd_qi_context(VTD_CONTEXT_GRAN_DEVICE, 0x0302), UINT64_C(0x0000030200000031),
		    0);
	/* PASID cache: type 7; G 5:4 = 3 global */
	assert_desc(vtd_qi_pasid_cache(VTD_PASID_CACHE_GRAN_GLOBAL, 0, 0), 0x37, 0);
	/* G = 0 all of a domain; DID 31:16 */
	assert_desc(vtd_qi_pasid_cache(VTD_PASID_CACHE_GRAN_DOMAIN, 0x0042, 0),
		    UINT64_C(0x0000000000420007), 0);
	/* G = 1 one PASID of a domain; PASID 51:32 */
	assert_desc(vtd_qi_pasid_cache(VTD_PASID_CACHE_GRAN_PASID, 0x0042, 0x12345),
		    UINT64_C(0x0001234500420017), 0);
	/* IOTLB: type 2; G 5:4 = 1 global; DW 6, DR 7 */
	assert_desc(vtd_qi_iotlb(VTD_IOTLB_GRAN_GLOBAL, 0, 0), 0x12, 0);
	assert_desc(vtd_qi_iotlb(VTD_IOTLB_GRAN_GLOBAL, 0, VTD_QI_IOTLB_DW), 0x52, 0);
	assert_desc(vtd_qi_iotlb(VTD_IOTLB_GRAN_GLOBAL, 0, VTD_QI_IOTLB_DR), 0x92, 0);
	/* G = 2 domain; DID 31:16 */
	assert_desc(vtd_qi_iotlb(VTD_IOTLB_GRAN_DOMAIN, 0xfedc, 0), UINT64_C(0x00000000fedc0022),
		    0);
	/* PASID-based IOTLB: type 6; G 5:4 = 2 all of the PASID; DID 31:16, PASID 51:32 */
	assert_desc(vtd_qi_pasid_iotlb(0x0042, 0x12345), UINT64_C(0x0001234500420026), 0);
}

static void
device_invalidations_golden(void **state)
{
	/* type 3; MIP 20:16 = 1; SID 47:32. S is bit 0 of word 1; ADDR 63:12, only bit 63 clear */
	assert_desc(vtd_qi_dev_tlb_all(0x0302, 0, 1), UINT64_C(0x0000030200010003),
		    UINT64_C(0x7ffffffffffff001));
	/* PFSID 0xabcd: 3:0 at 15:12, 15:4 at 63:52; MIP 31 */
	assert_desc(vtd_qi_dev_tlb_all(0x0302, 0xabcd, 31), UINT64_C(0xabc00302001fd003),
		    UINT64_C(0x7ffffffffffff001));
	/* type 8; MIP 8:4 = 1; SID 31:16; PASID 51:32. S is bit 11 of word 1, G bit 0 */
	assert_desc(vtd_qi_pasid_dev_tlb_all(0x0302, 0x12345, false, 0, 1),
		    UINT64_C(0x0001234503020018), UINT64_C(0x7ffffffffffff800));
	assert_desc(vtd_qi_pasid_dev_tlb_all(0x0302, 0, true, 0, 1), UINT64_C(0x0000000003020018),
		    UINT64_C(0x7ffffffffffff801));
	assert_desc(vtd_qi_pasid_dev_tlb_all(0x0302, 0x12345, false, 0xabcd, 31),
		    UINT64_C(0xabc123450302d1f8), UINT64_C(0x7ffffffffffff800));
}

/* AM 5:0, IH 6, ADDR 63:12 of word 1 */
static void
page_invalidations_golden(void **state)
{
	/* type 2, G 5:4 = 3, DW 6, DID 31:16 */
	assert_desc(vtd_qi_iotlb_pages(0xfedc, UINT64_C(0x0000123456789000), 0, false, 0),
		    UINT64_C(0x00000000fedc0032), UINT64_C(0x0000123456789000));
	assert_desc(vtd_qi_iotlb_pages(0xfedc, UINT64_C(0x0000123456600000), 9, true,
				       VTD_QI_IOTLB_DW),
		    UINT64_C(0x00000000fedc0072), UINT64_C(0x0000123456600049));
	/* type 6, G 5:4 = 3, PASID 51:32; a high half's address */
	assert_desc(vtd_qi_pasid_iotlb_pages(0x0042, 0x12345, UINT64_C(0xffff800000000000), 35,
					     true),
		    UINT64_C(0x0001234500420036), UINT64_C(0xffff800000000063));
	assert_desc(vtd_qi_pasid_iotlb_pages(0x0042, 0, UINT64_C(0x7000), 0, false),
		    UINT64_C(0x0000000000420036), UINT64_C(0x7000));
}

/* The lowest clear bit from 12 up ends the size, where S is set */
static void
device_page_invalidations_golden(void **state)
{
	const struct {
		unsigned int order;
		uint64_t addr;
		bool s;
	} sizes[] = {
		{0, UINT64_C(0xffff800000000000), false},
		{1, UINT64_C(0xffff800000000000), true},
		{2, UINT64_C(0xffff800000001000), true},
		{3, UINT64_C(0xffff800000003000), true},
		{9, UINT64_C(0xffff8000000ff000), true},
		{35, UINT64_C(0xffffbffffffff000), true},
		{51, UINT64_C(0xbffffffffffff000), true},
		{52, UINT64_C(0x7ffffffffffff000), true},
	};
	unsigned int i;

	for (i = 0; i < ARRAY_COUNT(sizes); i++) {
		const uint64_t iova = UINT64_C(0xffff800000000000);

		/* S is bit 0 of type 3, and bit 11 of type 8 */
		assert_desc(vtd_qi_dev_tlb_pages(0x0302, iova, sizes[i].order, 0, 1),
			    UINT64_C(0x0000030200010003), sizes[i].addr | (sizes[i].s ? 1 : 0));
		assert_desc(vtd_qi_pasid_dev_tlb_pages(0x0302, 0x12345, iova, sizes[i].order, 0,
						       1),
			    UINT64_C(0x0001234503020018),
			    sizes[i].addr | (sizes[i].s ? 0x800 : 0));
	}
	/* PFSID 0xabcd */
	assert_desc(vtd_qi_dev_tlb_pages(0x0302, 0x5000, 0, 0xabcd, 31),
		    UINT64_C(0xabc00302001fd003), 0x5000);
	assert_desc(vtd_qi_pasid_dev_tlb_pages(0x0302, 0x12345, 0x6000, 1, 0xabcd, 31),
		    UINT64_C(0xabc123450302d1f8), 0x6800);
}

static void
waits_golden(void **state)
{
	/* type 5; FN 6 */
	assert_desc(vtd_qi_fence(), 0x45, 0);
	/* SW 5; data 63:32; address from bit 2 up in word 1 */
	assert_desc(vtd_qi_wait(UINT64_C(0x0000123456789004), 0xcafe0001, false),
		    UINT64_C(0xcafe000100000025), UINT64_C(0x0000123456789004));
	assert_desc(vtd_qi_wait(UINT64_C(0x0000123456789007), 1, false),
		    UINT64_C(0x0000000100000025), UINT64_C(0x0000123456789004));
	/* PD 7 */
	assert_desc(vtd_qi_wait(UINT64_C(0x1000), 0xffffffff, true), UINT64_C(0xffffffff000000a5),
		    UINT64_C(0x1000));
}

/* The type is 3:0 with 11:9 above, and no field between is taken for it. */
static void
types_are_told_apart(void **state)
{
	struct uiommu_resp resp = {.endpoint_id = 0xffff, .pasid = 0xfffff, .prg_index = 0x1ff,
				   .code = UIOMMU_CODE_FAILURE};
	struct vtd_desc desc = {{0}};

	vtd_resp_encode(&resp, &desc.q[0], &desc.q[1]);
	assert_int_equal(vtd_qi_type(&desc), 9);
	desc = vtd_qi_context(VTD_CONTEXT_GRAN_DEVICE, 0xffff);
	assert_int_equal(vtd_qi_type(&desc), 1);
	desc = vtd_qi_iotlb(VTD_IOTLB_GRAN_PAGE, 0xffff, VTD_QI_IOTLB_DR | VTD_QI_IOTLB_DW);
	assert_int_equal(vtd_qi_type(&desc), 2);
	desc = vtd_qi_dev_tlb_all(0xffff, 0xffff, 31);
	assert_int_equal(vtd_qi_type(&desc), 3);
	desc = vtd_qi_wait(0, 0xffffffff, true);
	assert_int_equal(vtd_qi_type(&desc), 5);
	desc = vtd_qi_pasid_iotlb(0xffff, 0xfffff);
	assert_int_equal(vtd_qi_type(&desc), 6);
	desc = vtd_qi_pasid_cache(VTD_PASID_CACHE_GRAN_GLOBAL, 0xffff, 0xfffff);
	assert_int_equal(vtd_qi_type(&desc), 7);
	desc = vtd_qi_pasid_dev_tlb_all(0xffff, 0xfffff, true, 0xffff, 31);
	assert_int_equal(vtd_qi_type(&desc), 8);
	/* bits 11:9 of word 0 are bits 6:4 of the type */
	desc.q[0] = UINT64_C(0x0e09);
	assert_int_equal(vtd_qi_type(&desc), 0x79);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(request_golden),
		cmocka_unit_test(request_without_pasid),
		cmocka_unit_test(every_reserved_bit_is_seen),
		cmocka_unit_test(no_other_bit_is_reserved),
		cmocka_unit_test(every_other_type_is_refused),
		cmocka_unit_test(stop_markers),
		cmocka_unit_test(execute_and_privileged),
		cmocka_unit_test(canonical_addresses),
		cmocka_unit_test(plain_agrees_with_kinds),
		cmocka_unit_test(request_to_response),
		cmocka_unit_test(response_golden),
		cmocka_unit_test(cache_invalidations_golden),
		cmocka_unit_test(device_invalidations_golden),
		cmocka_unit_test(page_invalidations_golden),
		cmocka_unit_test(device_page_invalidations_golden),
		cmocka_unit_test(waits_golden),
		cmocka_unit_test(types_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
