/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef VTD_INVAL_RIG_H
#define VTD_INVAL_RIG_H

/*
 * What the tests of VT-d's invalidations stand on. Words were put together by hand from the bit
 * positions of S 6.5.2; sources 0x0302 and 0x0303, domain 7, PASIDs 1 and 2.
 */

#include "vtd_hw_model.h"

#include <inttypes.h>

#define PAGES(n) ((uint64_t)(n) << 12)

/* Type 6, granularity pages of a PASID 5:4 = 3, domain 31:16, PASID 51:32; word 1: AM 5:0, IH 6 */
#define PASID_PAGES(pasid, word1) {{(uint64_t)(pasid) << 32 | 0x00070036, (word1)}}
#define PASID_ALL(pasid) {{(uint64_t)(pasid) << 32 | 0x00070026}}
/* Type 2, granularity pages 5:4 = 3, domain 5:4 = 2, all 5:4 = 1; drain 7:6, domain 31:16 */
#define DOMAIN_PAGES(word1) {{UINT64_C(0x000700f2), (word1)}}
#define DOMAIN_ALL {{UINT64_C(0x000700e2)}}
#define ALL {{UINT64_C(0xd2)}}
/* Type 8, MIP 8:4, source 31:16, PASID 51:32; word 1: S 11, all PASIDs G 0 */
#define DEVICE_PAGES(sid, pasid, word1)                                                            \
	{{(uint64_t)(pasid) << 32 | (uint64_t)(sid) << 16 | 0x18, (word1)}}
#define DEVICE_ALL(sid, pasid) DEVICE_PAGES(sid, pasid, UINT64_C(0x7ffffffffffff800))
#define DEVICE_PASIDS(sid) DEVICE_PAGES(sid, 0, UINT64_C(0x7ffffffffffff801))
/* Type 3, MIP 20:16, source 47:32; word 1: S 0 */
#define RID_PAGES(sid, word1) {{(uint64_t)(sid) << 32 | 0x00010003, (word1)}}
#define RID_ALL(sid) RID_PAGES(sid, UINT64_C(0x7ffffffffffff001))
#define IH 0x40
#define FENCE {{UINT64_C(0x45)}}

#define EXPECT(...)                                                                                \
	do {                                                                                       \
		const struct vtd_desc expected[] = {__VA_ARGS__};                                  \
		expect(expected, ARRAY_COUNT(expected), __LINE__);                                 \
	} while (0)

static struct vtd_endpoint *other;
static struct uiommu_inval_target targets[256];
static struct uiommu_pgtable_range ranges[64];
static struct uiommu_inval inval;

static inline struct uiommu_cmd
command(void)
{
	return (struct uiommu_cmd){
		.op = UIOMMU_CMD_INVALIDATE, .inval = &inval, .deadline_tsc = UINT64_MAX,
	};
}

static inline void
range_is(unsigned int i, uint64_t first_page, uint64_t pages)
{
	ranges[i] = (struct uiommu_pgtable_range){.iova = PAGES(first_page), .len = PAGES(pages)};
	inval.nb_ranges = i + 1;
}

static inline void
seen_check(const struct vtd_desc *expected, unsigned int nb, int line)
{
	unsigned int i;

	if (hw.nb_seen != nb)
		fail_msg("line %d: %u descriptors instead of %u", line, hw.nb_seen, nb);
	for (i = 0; i < nb; i++)
		if (memcmp(&hw.seen[i], &expected[i], sizeof(expected[i])) != 0)
			fail_msg("line %d: descriptor %u is 0x%016" PRIx64 " 0x%016" PRIx64, line,
				 i, hw.seen[i].q[0], hw.seen[i].q[1]);
}

/* By a command: these descriptors, in this order, then a wait. */
static inline void
expect(const struct vtd_desc *expected, unsigned int nb, int line)
{
	struct uiommu_cmd cmd = command();

	hw.nb_seen = 0;
	memset(&hw.wait, 0, sizeof(hw.wait));
	assert_int_equal(vtd_cmd_step(&queue, &cmd), -EINPROGRESS);
	assert_int_equal(vtd_cmd_step(&queue, &cmd), 0);
	seen_check(expected, nb, line);
	assert_true((uint32_t)hw.wait.q[0] == 0x25);
}

static inline int
set_up_inval(void **state)
{
	int ret = set_up(state);

	other = calloc(1, sizeof(*other));
	assert_non_null(other);
	other->source_id = 0x0303;
	other->pf_id = 0x0303;
	other->ats = true;
	queue.drain_flags = VTD_QI_IOTLB_DR | VTD_QI_IOTLB_DW;
	queue.psi = true;
	queue.mamv = 9;
	targets[0] = (struct uiommu_inval_target){.endpoint_private = endpoint, .pasid = 1};
	inval = (struct uiommu_inval){
		.domain_private = &domain, .ranges = ranges, .targets = targets, .nb_targets = 1,
	};
	range_is(0, 0x10, 1);
	return ret;
}

static inline int
tear_down_inval(void **state)
{
	free(other);
	return tear_down(state);
}

#undef CASE
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up_inval, tear_down_inval)

#endif /* VTD_INVAL_RIG_H */
