/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Endpoint ids: as wide as the unit says, each bit counts, and none beyond. */

#include "conformance.h"

/* A unit with more than 16 bits, or skip. */
static struct rig *
wide_rig(void)
{
	const struct rig_conf conf = {.devargs = harness_unit()->wide_ids};
	struct rig *rig;

	if (conf.devargs == NULL)
		harness_skip("endpoint ids have 16 bits");
	rig = rig_open(&conf);
	CHECK(rig->info.endpoint_bits > 16 && rig->info.endpoint_bits <= 24);
	return rig;
}

static void
routed(void)
{
	struct rig *rig = wide_rig();
	const uint32_t top = UINT32_C(1) << (rig->info.endpoint_bits - 1);
	/* alike in their lower 16 bits, and in their upper ones */
	const uint32_t ids[] = {EP, 0x10000 | EP, top | EP, top, 0x10000 | (EP + 1), 2 * top - 1};
	struct recorder *recs[ARRAY_COUNT(ids)];
	uint16_t i;

	for (i = 0; i < ARRAY_COUNT(ids); i++) {
		recs[i] = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
		rig_attach(rig_endpoint(rig, ids[i], 0), 7, recs[i]->domain, recs[i]);
	}
	for (i = 0; i < ARRAY_COUNT(ids); i++)
		CHECK_EQ(rig_send(rig, ids[i], 7, 5, i, false), UIOMMU_EMU_QUEUED);
	for (i = 0; i < ARRAY_COUNT(ids); i++)
		CHECK_EQ(rig_send(rig, ids[i], 7, 5, 100 + i, true), UIOMMU_EMU_QUEUED);
	rig_settle(rig);
	for (i = 0; i < ARRAY_COUNT(ids); i++) {
		CHECK_EQ(recs[i]->nb_kept, 1);
		CHECK_EQ(recs[i]->kept[0].endpoint_id, ids[i]);
		CHECK_EQ(recs[i]->kept[0].nb_faults, 2);
		CHECK_EQ(recs[i]->kept[0].faults[0].iova, (uint64_t)i << 12);
		CHECK_EQ(recs[i]->kept[0].faults[1].iova, (uint64_t)(100 + i) << 12);
		rig_expect(rig, ids[i], 7, 5, UIOMMU_EMU_SUCCESS);
		CHECK(uiommu_endpoint_find(rig->dev, ids[i]) != NULL);
	}
	/* one goes: those that are like it stay */
	CHECK_EQ(uiommu_endpoint_remove(uiommu_endpoint_find(rig->dev, ids[1])), 0);
	for (i = 0; i < ARRAY_COUNT(ids); i++) {
		if (i != 1)
			rig_ask_and_expect(rig, ids[i], 7, 6, UIOMMU_EMU_SUCCESS);
	}
	rig_ask_in_vain(rig, ids[1], 7, 6);
	/* and one that was never there, but for its lower bits */
	rig_raw_ask(rig, 0x20000 | EP, 7, 7, true);
	rig_settle(rig);
	rig_expect(rig, 0x20000 | EP, 7, 7, UIOMMU_EMU_INVALID);
	CHECK_EQ(rig_stats(rig).unknown_endpoint, 1 + rig->refused);
	rig_expect_none(rig);
	rig_close(rig);
}

/* A VF finds its PF in its own hierarchy, by the lower 16 bits. */
static void
family(void)
{
	struct rig *rig = wide_rig();
	const uint32_t pf = 0x10300;
	struct uiommu_endpoint_conf vf = {
		.size = sizeof(vf), .flags = UIOMMU_ENDPOINT_VF, .pf_id = 0x0300,
	};
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *first, *second;

	/* the PF of another hierarchy is none */
	rig_endpoint(rig, 0x0300, 0);
	CHECK_ERRNO(uiommu_endpoint_add(rig->dev, pf + 1, &vf), ENOENT);
	first = rig_endpoint(rig, pf, 0);
	second = rig_endpoint_with(rig, pf + 1, UIOMMU_ENDPOINT_VF, 0x0300);
	rig_attach(second, 7, rec->domain, NULL);
	rig_ask_and_expect(rig, pf + 1, 7, 1, UIOMMU_EMU_SUCCESS);
	CHECK_EQ(uiommu_endpoint_remove(first), -EBUSY);
	CHECK_EQ(uiommu_endpoint_remove(uiommu_endpoint_find(rig->dev, 0x0300)), 0);
	CHECK_EQ(uiommu_endpoint_remove(second), 0);
	CHECK_EQ(uiommu_endpoint_remove(first), 0);
	rig_close(rig);
}

/* Whatever the width: the first id beyond it is none. */
static void
beyond(void)
{
	struct rig *rig = rig_open(NULL);
	const uint32_t beyond_ids[] = {
		UINT32_C(1) << rig->info.endpoint_bits, UINT32_C(1) << rig->info.endpoint_bits | EP,
		UINT32_C(1) << 24, UINT32_MAX,
	};
	unsigned int i;

	rig_endpoint_add(rig, (UINT32_C(1) << rig->info.endpoint_bits) - 1, 0, 0);
	rig_endpoint_add(rig, EP, 0, 0);
	for (i = 0; i < ARRAY_COUNT(beyond_ids); i++) {
		CHECK_ERRNO(uiommu_endpoint_add(rig->dev, beyond_ids[i], NULL), EINVAL);
		CHECK(uiommu_endpoint_find(rig->dev, beyond_ids[i]) == NULL);
	}
	rig_close(rig);
}

static const struct harness_case wide_ids_cases[] = {
	{"R10 T36 endpoint ids of more than 16 bits", routed, UIOMMU_CAPA_PASID},
	{"P7 T36 families with ids of more than 16 bits", family,
	 UIOMMU_CAPA_PASID | HARNESS_NEEDS_VF_REQUESTS},
	{"R10 endpoint ids beyond the unit's width", beyond, 0},
};

HARNESS_SUITE(wide_ids);
