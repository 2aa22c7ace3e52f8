/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Page request queue of the emulated VT-d unit, and what the devices put into it.
 */

#include "emu_rig.h"

static void
entries_are_as_the_manual_says(void **state)
{
	struct uiommu_emu_request req = request_for(7, 0x155);
	struct vtd_desc desc;

	(void)state;
	rig_start(8);
	req.write = true;
	assert_int_equal(uiommu_emu_request(rig.emu, &req), UIOMMU_EMU_QUEUED);
	desc = fetch();
	/* type 1, PP, RID 0x108, PASID 7; address, PRGI 0x155, LPIG, WRR, RDR */
	assert_true(desc.q[0] == UINT64_C(0x0000000701080101));
	assert_true(desc.q[1] == UINT64_C(0x0000000000123aaf));
	assert_int_equal(get32(VTD_REG_PRS), VTD_PRS_PPR);
	answer(&desc, VTD_RC_SUCCESS);
	assert_clean();
}

static void
queue_holds_one_less(void **state)
{
	unsigned int i;

	(void)state;
	rig_start(1);
	for (i = 0; i < ENTRIES - 1; i++)
		assert_int_equal(ask(1), UIOMMU_EMU_QUEUED);
	assert_int_equal(get32(VTD_REG_PRS), VTD_PRS_PPR);
	assert_int_equal(ask(1), UIOMMU_EMU_AUTO_SUCCESS);
	assert_int_equal(get32(VTD_REG_PRS), VTD_PRS_PPR | VTD_PRS_PRO);
	assert_int_equal(pending(), ENTRIES - 1);
	/* nothing more until it is acknowledged, not even with room */
	serve_all();
	assert_int_equal(ask(1), UIOMMU_EMU_AUTO_SUCCESS);
	put32(VTD_REG_PRS, VTD_PRS_PRO);
	assert_int_equal(ask(1), UIOMMU_EMU_QUEUED);
	serve_all();
	assert_clean();
	assert_int_equal(verdict(false).overflows, 1);
	assert_int_equal(verdict(false).auto_success, 2);
}

static void
overflow_acknowledged_too_early(void **state)
{
	unsigned int i;

	(void)state;
	rig_start(1);
	for (i = 0; i < ENTRIES; i++)
		ask(1);
	put32(VTD_REG_PRS, VTD_PRS_PRO);
	assert_int_equal(verdict(false).protocol, 1);
	serve_all();
	assert_int_equal(verdict(true).protocol, 1);
}

/* A group whose end was lost to the overflow has had its answer; software is to give none. */
static void
overflow_ends_incomplete_groups(void **state)
{
	struct uiommu_emu_request req = request_for(1, 400);
	struct vtd_desc first;
	unsigned int i;

	(void)state;
	rig_start(1);
	req.last = false;
	assert_int_equal(uiommu_emu_request(rig.emu, &req), UIOMMU_EMU_QUEUED);
	for (i = 0; i < ENTRIES - 2; i++)
		assert_int_equal(ask(1), UIOMMU_EMU_QUEUED);
	assert_int_equal(uiommu_emu_request(rig.emu, &req), UIOMMU_EMU_DROPPED);
	req.last = true;
	assert_int_equal(uiommu_emu_request(rig.emu, &req), UIOMMU_EMU_AUTO_SUCCESS);
	first = fetch();
	serve_all();
	put32(VTD_REG_PRS, VTD_PRS_PRO);
	assert_clean();
	assert_int_equal(verdict(false).dropped, 1);
	answer(&first, VTD_RC_SUCCESS);
	assert_int_equal(verdict(false).duplicated, 1);
}

static void
traffic_survives_overflows(void **state)
{
	const struct uiommu_emu_traffic traffic = {
		.group_pages_min = 1, .group_pages_max = 4, .overflow = true, .burst = 32,
	};
	unsigned int i;

	(void)state;
	rig_start(8);
	rig_traffic(&traffic);
	for (i = 0; i < 2000; i++) {
		step();
		if (i % 8 != 0)
			continue;
		serve_all();
		if (pending() == 0)
			put32(VTD_REG_PRS, VTD_PRS_PRO);
	}
	rig_rest();
	assert_in_range(verdict(false).overflows, 50, UINT32_MAX);
	assert_in_range(verdict(false).auto_success, 50, UINT32_MAX);
	assert_clean();
}

static void
head_past_the_tail(void **state)
{
	(void)state;
	rig_start(1);
	ask(1);
	put64(VTD_REG_PQH, 2 << VTD_DESC_SHIFT);
	uiommu_emu_traffic_run(rig.emu, false);
	rig_traffic(&(struct uiommu_emu_traffic){.burst = ENTRIES});
	step();
	assert_int_equal(verdict(false).protocol, 1);
}

static void
head_that_is_no_position(void **state)
{
	(void)state;
	rig_start(1);
	put64(VTD_REG_PQH, 8);
	rig_traffic(&(struct uiommu_emu_traffic){.burst = ENTRIES});
	step();
	assert_in_range(verdict(false).protocol, 1, 2);
}

static void
preload_fills_the_queue(void **state)
{
	(void)state;
	rig_start(8);
	rig_traffic(&(struct uiommu_emu_traffic){.burst = 32});
	assert_int_equal(uiommu_emu_preload(rig.emu), ENTRIES - 1);
	assert_int_equal(pending(), ENTRIES - 1);
	uiommu_emu_traffic_run(rig.emu, false);
	serve_all();
	assert_clean();
}

static void
same_seed_same_requests(void **state)
{
	struct vtd_desc first[ENTRIES - 1];
	unsigned int round, i;

	(void)state;
	for (round = 0; round < 2; round++) {
		rig_start(8);
		rig_traffic(&(struct uiommu_emu_traffic){.write_ratio = 0.5, .seed = 9});
		uiommu_emu_preload(rig.emu);
		for (i = 0; i < ENTRIES - 1; i++) {
			const struct vtd_desc *entry = (struct vtd_desc *)rig.prq.va + i;

			if (round == 0)
				first[i] = *entry;
			assert_memory_equal(entry, &first[i], sizeof(*entry));
		}
		rig_close(NULL);
	}
	memset(&rig, 0, sizeof(rig));
}

static void
profiles_choose_as_they_say(void **state)
{
	unsigned int profile, seen[9], i, most;

	(void)state;
	for (profile = UIOMMU_EMU_UNIFORM; profile <= UIOMMU_EMU_BURST; profile++) {
		rig_start(8);
		rig_traffic(&(struct uiommu_emu_traffic){
			.profile = (enum uiommu_emu_profile)profile, .window_pages = 1000});
		uiommu_emu_traffic_run(rig.emu, false);
		memset(seen, 0, sizeof(seen));
		for (most = 0, i = 0; i < 4096; i++) {
			const struct emu_template *t = &rig.emu->traffic.templates[i];
			const uint32_t pasid = rig.emu->bonds[t->bond].pasid;

			assert_in_range(t->entry[1] >> 12, 0x100000, 0x100000 + 999);
			seen[pasid]++;
			most = RTE_MAX(most, seen[pasid]);
		}
		if (profile == UIOMMU_EMU_UNIFORM || profile == UIOMMU_EMU_SEQUENTIAL ||
		    profile == UIOMMU_EMU_BURST)
			assert_int_equal(most, 512);
		else
			assert_in_range(most, 900, 4000);
		rig_close(NULL);
	}
	memset(&rig, 0, sizeof(rig));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(entries_are_as_the_manual_says),
		CASE(queue_holds_one_less),
		CASE(overflow_acknowledged_too_early),
		CASE(overflow_ends_incomplete_groups),
		CASE(traffic_survives_overflows),
		CASE(head_past_the_tail),
		CASE(head_that_is_no_position),
		CASE(preload_fills_the_queue),
		CASE(same_seed_same_requests),
		CASE(profiles_choose_as_they_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
