/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* R2: a request without the last flag is never answered by itself. */

#include "conformance.h"

static void
members_alone(void)
{
	struct rig *rig = rig_open(NULL);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);
	uint16_t i;

	rig_attach(endpoint, 7, rec->domain, NULL);
	for (i = 0; i < 100; i++)
		rig_ask(rig, 7, i, i, false);
	rig_settle(rig);
	rig_expect_none(rig);
	CHECK_EQ(rec->calls, 0);
	CHECK_EQ(rig_stats(rig).parked_now, rig_parked(100));
	CHECK_EQ(rig_stats(rig).responses, 0);
	/* nor when the unit is stopped with them */
	rig_close_now(rig);
}

/* Of unknown endpoint, PASID, without PASID: dropped and counted. */
static void
members_of_nobody(void)
{
	struct rig *rig = rig_open(NULL);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);

	rig_attach(endpoint, 7, rec->domain, NULL);
	rig_raw_ask(rig, EP, 8, 1, false);
	rig_raw_ask(rig, EP, UIOMMU_NO_PASID, 1, false);
	rig_raw_ask(rig, 0x0200, 7, 1, false);
	rig_settle(rig);
	rig_expect_none(rig);
	CHECK_EQ(rig_stats(rig).unknown_pasid, 2);
	CHECK_EQ(rig_stats(rig).unknown_endpoint, 1);
	CHECK_EQ(rig_stats(rig).parked_now, 0);
	/* the group of the bond with that index is its own */
	rig_ask(rig, 7, 1, 5, true);
	rig_settle(rig);
	rig_expect(rig, EP, 7, 1, UIOMMU_EMU_SUCCESS);
	CHECK_EQ(rec->kept[0].nb_faults, 1);
	rig_expect_none(rig);
	rig_close(rig);
}

/* Each way in which the unit can spoil an entry, for a request without the last flag. */
static void
members_spoiled(void)
{
	const struct harness_unit *unit = harness_unit();
	struct rig *rig = rig_open(NULL);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);
	struct uiommu_emu_request req = {
		.endpoint_id = EP,
		.pasid = 7,
		.iova = 0x4000,
		.prg_index = 1,
		.read = true,
	};
	size_t i;

	rig_attach(endpoint, 7, rec->domain, NULL);
	for (i = 0; i < unit->nb_spoils; i++)
		rig_raw(rig, &req, &unit->spoils[i]);
	rig_settle(rig);
	rig_expect_none(rig);
	CHECK_EQ(rec->calls, 0);
	CHECK_EQ(rig_stats(rig).malformed, unit->nb_spoils);
	CHECK_EQ(rig_stats(rig).responses, 0);
	rig_close(rig);
}

/* A request of EP, PASID 7 and index 1 that is refused for what its entry holds. */
static void
ask_refused(struct rig *rig, bool last)
{
	const struct uiommu_emu_request req = {
		.endpoint_id = EP,
		.pasid = 7,
		.iova = 0x4000,
		.prg_index = 1,
		.read = true,
		.last = last,
	};

	rig_raw(rig, &req, harness_unit()->refused);
}

/* K32: the rest of the group is served without the member that was refused. */
static void
refused_member(void)
{
	struct rig *rig = rig_open(NULL);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);

	rig_attach(endpoint, 7, rec->domain, NULL);
	rig_ask(rig, 7, 1, 1, false);
	ask_refused(rig, false);
	rig_ask(rig, 7, 1, 2, true);
	rig_settle(rig);
	CHECK_EQ(rec->nb_kept, 1);
	CHECK_EQ(rec->kept[0].nb_faults, 2);
	CHECK_EQ(rec->kept[0].faults[0].iova, 0x1000);
	CHECK_EQ(rec->kept[0].faults[1].iova, 0x2000);
	rig_expect(rig, EP, 7, 1, UIOMMU_EMU_SUCCESS);
	rig_expect_none(rig);
	CHECK_EQ(rig_stats(rig).malformed, 1);
	rig_close(rig);
}

/* A refused last request ends its group: what was parked of it joins no later group. */
static void
refused_last(void)
{
	struct rig *rig = rig_open(NULL);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);

	rig_attach(endpoint, 7, rec->domain, NULL);
	rig_ask(rig, 7, 1, 1, false);
	rig_ask(rig, 7, 2, 8, false);
	ask_refused(rig, true);
	rig_settle(rig);
	rig_expect(rig, EP, 7, 1, UIOMMU_EMU_INVALID);
	CHECK_EQ(rig_stats(rig).discarded, 1);
	rig_ask(rig, 7, 1, 3, true);
	rig_ask(rig, 7, 2, 9, true);
	rig_settle(rig);
	CHECK_EQ(rec->nb_kept, 2);
	CHECK_EQ(rec->kept[0].nb_faults, 1);
	CHECK_EQ(rec->kept[0].faults[0].iova, 0x3000);
	CHECK_EQ(rec->kept[1].nb_faults, 2);
	rig_expect(rig, EP, 7, 1, UIOMMU_EMU_SUCCESS);
	rig_expect(rig, EP, 7, 2, UIOMMU_EMU_SUCCESS);
	rig_expect_none(rig);
	rig_close(rig);
}

static const struct harness_case r2_cases[] = {
	{"R2 G3 members alone, until the unit is stopped", members_alone, 0},
	{"R2 K4 T43 members of unknown endpoint, PASID and RID", members_of_nobody,
	 HARNESS_NEEDS_PARKING},
	{"R2 K31 T44 members spoiled in each way", members_spoiled, HARNESS_NEEDS_PARKING},
	{"R2 K32 refused member does not spoil its group", refused_member, HARNESS_NEEDS_PARKING},
	{"R2 T43 refused last request ends its group", refused_last, HARNESS_NEEDS_PARKING},
};

HARNESS_SUITE(r2);
