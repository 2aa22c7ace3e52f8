/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * What each command of the control path has the unit forget (S 6.5.3.3, table 28), in words that
 * were put together by hand from the bit positions of S 6.5.2. Source 0x0302, domain 7, PASID 1,
 * one invalidation pending at a time.
 */

#include "vtd_hw_model.h"

#include <inttypes.h>

/* Type 1, granularity device 5:4 = 3, source 47:32 */
#define CONTEXT {{UINT64_C(0x0000030200000031)}}
/* Type 7, granularity one PASID 5:4 = 1, domain 31:16, PASID 51:32; of domain 0; global 5:4 = 3 */
#define PASID_CACHE {{UINT64_C(0x0000000100070017)}}
#define PASID_CACHE_ABSENT {{UINT64_C(0x0000000100000017)}}
#define PASID_CACHE_RID {{UINT64_C(0x0000000000070017)}}
#define PASID_CACHE_ALL {{UINT64_C(0x37)}}
/* Type 6, granularity all of a PASID 5:4 = 2, domain 31:16, PASID 51:32 */
#define PASID_IOTLB {{UINT64_C(0x0000000100070026)}}
#define PASID_IOTLB_RID {{UINT64_C(0x0000000000070026)}}
/* Type 2, granularity domain 5:4 = 2, drain 7:6, domain 31:16; global 5:4 = 1 */
#define IOTLB_DOMAIN {{UINT64_C(0x00000000000700e2)}}
#define IOTLB_ALL {{UINT64_C(0xd2)}}
/* Type 8, MIP 8:4, source 31:16, PASID 51:32; S 11, everything; all PASIDs: G 0 */
#define DEVICE_PASID {{UINT64_C(0x0000000103020018), UINT64_C(0x7ffffffffffff800)}}
#define DEVICE_PASIDS {{UINT64_C(0x0000000003020018), UINT64_C(0x7ffffffffffff801)}}
/* Type 3, MIP 20:16, source 47:32; S 0, everything */
#define DEVICE_RID {{UINT64_C(0x0000030200010003), UINT64_C(0x7ffffffffffff001)}}

#define EXPECT(op, pasid, ...)                                                                     \
	do {                                                                                       \
		const struct vtd_desc expected[] = {__VA_ARGS__};                                  \
		expect(op, pasid, expected, ARRAY_COUNT(expected), __LINE__);                      \
	} while (0)

/* Type 5: FN 6 alone; SW 5, address 0x1000; PD 7 */
#define FENCE {{UINT64_C(0x45)}}
#define WAIT_TYPE_BITS UINT64_C(0xffffffff)
#define WAIT_PLAIN UINT64_C(0x25)
#define WAIT_DRAIN UINT64_C(0xa5)

/* Carried out, these descriptors and no others, in this order; then a wait. */
static void
expect(enum uiommu_cmd_op op, uint32_t pasid, const struct vtd_desc *expected, unsigned int nb,
       int line)
{
	struct uiommu_cmd cmd = {
		.op = op,
		.pasid = pasid,
		.endpoint_private = endpoint,
		.domain_private = &domain,
		.deadline_tsc = UINT64_MAX,
	};
	unsigned int i;

	hw.nb_seen = 0;
	memset(&hw.wait, 0, sizeof(hw.wait));
	assert_int_equal(vtd_cmd_step(&queue, &cmd), -EINPROGRESS);
	assert_int_equal(vtd_cmd_step(&queue, &cmd), 0);
	if (hw.nb_seen != nb)
		fail_msg("line %d: %u descriptors instead of %u", line, hw.nb_seen, nb);
	assert_true((hw.wait.q[0] & WAIT_TYPE_BITS) ==
		    (op == UIOMMU_CMD_DRAIN ? WAIT_DRAIN : WAIT_PLAIN));
	assert_true(hw.wait.q[1] == 0x1000);
	for (i = 0; i < nb; i++)
		if (memcmp(&hw.seen[i], &expected[i], sizeof(expected[i])) != 0)
			fail_msg("line %d: descriptor %u is 0x%016" PRIx64 " 0x%016" PRIx64, line,
				 i, hw.seen[i].q[0], hw.seen[i].q[1]);
}

static int
set_up_drains(void **state)
{
	int ret = set_up(state);

	queue.drain_flags = VTD_QI_IOTLB_DR | VTD_QI_IOTLB_DW;
	return ret;
}

static void
kind_set(uint8_t pgtt)
{
	domain.pgtt = pgtt;
	entry_tag.pgtt = pgtt;
}

/* First stage by PASID; second stage and nested by domain; pass-through both ways. */
static void
bonds_are_forgotten_by_kind(void **state)
{
	kind_set(VTD_PGTT_FIRST);
	EXPECT(UIOMMU_CMD_BOND_CLEAR, 1, PASID_CACHE, PASID_IOTLB, DEVICE_PASID);
	kind_set(VTD_PGTT_SECOND);
	EXPECT(UIOMMU_CMD_BOND_CLEAR, 1, PASID_CACHE, IOTLB_DOMAIN, DEVICE_PASID);
	kind_set(VTD_PGTT_NESTED);
	EXPECT(UIOMMU_CMD_BOND_CLEAR, 1, PASID_CACHE, IOTLB_DOMAIN, DEVICE_PASID);
	kind_set(VTD_PGTT_PASSTHROUGH);
	EXPECT(UIOMMU_CMD_BOND_CLEAR, 1, PASID_CACHE, PASID_IOTLB, IOTLB_DOMAIN, DEVICE_PASID);
}

static void
bond_of_the_rid_is_forgotten(void **state)
{
	EXPECT(UIOMMU_CMD_BOND_CLEAR, UIOMMU_NO_PASID, PASID_CACHE_RID, PASID_IOTLB_RID,
	       DEVICE_RID);
	kind_set(VTD_PGTT_NESTED);
	EXPECT(UIOMMU_CMD_BOND_CLEAR, UIOMMU_NO_PASID, PASID_CACHE_RID, IOTLB_DOMAIN, DEVICE_RID);
}

/* S 6.1: what was absent is cached too, under domain 0 */
static void
caching_mode_forgets_absence(void **state)
{
	queue.caching = true;
	EXPECT(UIOMMU_CMD_BOND_SET, 1, PASID_CACHE_ABSENT, PASID_CACHE, PASID_IOTLB);
	EXPECT(UIOMMU_CMD_BOND_CLEAR, 1, PASID_CACHE_ABSENT, PASID_CACHE, PASID_IOTLB,
	       DEVICE_PASID);
	kind_set(VTD_PGTT_NESTED);
	EXPECT(UIOMMU_CMD_BOND_SET, 1, PASID_CACHE_ABSENT, PASID_CACHE, IOTLB_DOMAIN);
	EXPECT(UIOMMU_CMD_BOND_CLEAR, 1, PASID_CACHE_ABSENT, PASID_CACHE, IOTLB_DOMAIN,
	       DEVICE_PASID);
}

/* There is no entry, so nothing could be cached of it. */
static void
blocked_bonds_need_nothing(void **state)
{
	struct uiommu_cmd cmd = {
		.op = UIOMMU_CMD_BOND_CLEAR, .pasid = 1, .endpoint_private = endpoint,
		.domain_private = &domain, .deadline_tsc = UINT64_MAX,
	};

	domain = (struct vtd_domain){.type = UIOMMU_DOMAIN_BLOCKED};
	assert_int_equal(vtd_cmd_step(&queue, &cmd), 0);
	cmd.op = UIOMMU_CMD_BOND_SET;
	assert_int_equal(vtd_cmd_step(&queue, &cmd), 0);
	assert_int_equal(hw.nb_seen, 0);
}

static void
endpoints_are_forgotten(void **state)
{
	EXPECT(UIOMMU_CMD_ENDPOINT_SET, 0, CONTEXT, PASID_CACHE_ALL, IOTLB_ALL);
	EXPECT(UIOMMU_CMD_ENDPOINT_CLEAR, 0, CONTEXT, PASID_CACHE_ALL, IOTLB_ALL, DEVICE_RID,
	       DEVICE_PASIDS);
	/* whether page requests are let in is in the context entry, and nowhere else */
	EXPECT(UIOMMU_CMD_ENDPOINT_UPDATE, 0, CONTEXT);
}

static void
drains_go_by_the_entry(void **state)
{
	EXPECT(UIOMMU_CMD_DRAIN, 1, FENCE, PASID_IOTLB, DEVICE_PASID);
	EXPECT(UIOMMU_CMD_DRAIN, UIOMMU_NO_PASID, FENCE, PASID_IOTLB_RID, DEVICE_RID);
	EXPECT(UIOMMU_CMD_DRAIN, UIOMMU_CMD_ALL_PASIDS, FENCE, IOTLB_ALL, DEVICE_RID,
	       DEVICE_PASIDS);
	kind_set(VTD_PGTT_SECOND);
	EXPECT(UIOMMU_CMD_DRAIN, 1, FENCE, IOTLB_DOMAIN, DEVICE_PASID);
	kind_set(VTD_PGTT_NESTED);
	EXPECT(UIOMMU_CMD_DRAIN, UIOMMU_NO_PASID, FENCE, IOTLB_DOMAIN, DEVICE_RID);
	entry_tag = (struct vtd_tag){0};
	EXPECT(UIOMMU_CMD_DRAIN, 1, FENCE, IOTLB_ALL, DEVICE_PASID);
}

/* PFSID 3:0 at 15:12, 15:4 at 63:52, where the unit has the field; of a VF, the PF's id */
static void
virtual_functions_name_their_pf(void **state)
{
	endpoint->pf_id = 0x1234;
	EXPECT(UIOMMU_CMD_DRAIN, 1, FENCE, PASID_IOTLB, DEVICE_PASID);
	queue.dit = true;
	EXPECT(UIOMMU_CMD_DRAIN, 1, FENCE, PASID_IOTLB,
	       {{UINT64_C(0x1230000103024018), UINT64_C(0x7ffffffffffff800)}});
	EXPECT(UIOMMU_CMD_BOND_CLEAR, UIOMMU_NO_PASID, PASID_CACHE_RID, PASID_IOTLB_RID,
	       {{UINT64_C(0x1230030200014003), UINT64_C(0x7ffffffffffff001)}});
}

/* A device without ATS caches nothing, and would confirm nothing. */
static void
devices_without_ats_are_left_alone(void **state)
{
	endpoint->ats = false;
	EXPECT(UIOMMU_CMD_BOND_CLEAR, 1, PASID_CACHE, PASID_IOTLB);
	EXPECT(UIOMMU_CMD_BOND_CLEAR, UIOMMU_NO_PASID, PASID_CACHE_RID, PASID_IOTLB_RID);
	EXPECT(UIOMMU_CMD_ENDPOINT_CLEAR, 0, CONTEXT, PASID_CACHE_ALL, IOTLB_ALL);
	EXPECT(UIOMMU_CMD_DRAIN, 1, FENCE, PASID_IOTLB);
	EXPECT(UIOMMU_CMD_DRAIN, UIOMMU_CMD_ALL_PASIDS, FENCE, IOTLB_ALL);
	assert_int_equal(queue.device_tlb_invalidations, 0);
	endpoint->ats = true;
	EXPECT(UIOMMU_CMD_DRAIN, UIOMMU_CMD_ALL_PASIDS, FENCE, IOTLB_ALL, DEVICE_RID,
	       DEVICE_PASIDS);
	assert_int_equal(queue.device_tlb_invalidations, 2);
	assert_int_equal(queue.iotlb_invalidations, 6);
}

#undef CASE
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up_drains, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(bonds_are_forgotten_by_kind),
		CASE(bond_of_the_rid_is_forgotten),
		CASE(caching_mode_forgets_absence),
		CASE(blocked_bonds_need_nothing),
		CASE(endpoints_are_forgotten),
		CASE(drains_go_by_the_entry),
		CASE(virtual_functions_name_their_pf),
		CASE(devices_without_ats_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
