/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* R8: a group reaches an application whole or not at all, once. Both interfaces. */

#include <string.h>

#include "conformance.h"

static struct rig *
burst_rig(const struct rig_conf *conf, struct recorder **rec)
{
	struct rig *rig = rig_open(conf);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 2048);

	*rec = rig_recorder(rig, UIOMMU_CODE_FAILURE);
	rig_attach(endpoint, 7, (*rec)->domain, *rec);
	rig_attach(endpoint, 8, (*rec)->domain, *rec);
	return rig;
}

/* Pages of a group must be those of one run: none missing, none twice. */
static void
check_run(struct recorder *rec, struct uiommu_group *groups, uint8_t *codes, uint16_t nb)
{
	uint64_t window = UINT64_C(65536) << 12;
	uint16_t i, j, k;

	for (i = 0; i < nb; i++) {
		const struct uiommu_group *group = &groups[i];

		for (j = 0; j < group->nb_faults; j++) {
			for (k = 0; k < j; k++) {
				uint64_t gap = group->faults[j].iova - group->faults[k].iova;

				gap = RTE_MIN(gap, -gap);
				gap = RTE_MIN(gap, window - gap);
				EXPECT(gap != 0);
				EXPECT(gap >> 12 < group->nb_faults);
			}
		}
	}
}

/* Groups of any size, members mixed: what the handler gets is what the device sent. */
static void
whole_in_traffic(void)
{
	struct rig_conf conf = {
		.model_thread = true,
		.owner_thread = true,
		.no_log = true,
		.dev = {.parked_max = 4096},
	};
	struct uiommu_emu_traffic traffic = {
		.group_pages_min = 1,
		.group_pages_max = 20,
		.seed = 8,
		.window_pages = 65536,
	};
	struct rig *rig = rig_open(&conf);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);

	rec->hook = check_run;
	endpoint_with(rig, EP, 16, 2000, rec);
	endpoint_with(rig, 0x0200, 16, 2000, rec);
	rig_traffic(rig, &traffic, TRAFFIC(30000));
	CHECK_EQ(recorder_groups(rec), rig_verdict(rig, false).groups);
	CHECK_EQ(recorder_faults(rec), rig_verdict(rig, false).requests);
	rig_close(rig);
}

static uint16_t
take(struct rig *rig, struct uiommu_group *groups, uint16_t nb)
{
	unsigned int i;
	uint16_t got = 0;

	for (i = 0; i < 100 && got == 0; i++)
		got = uiommu_fault_burst(rig->dev, 0, groups, nb);
	return got;
}

static void
burst_answered(void)
{
	struct recorder *rec;
	struct rig *rig = burst_rig(NULL, &rec);
	struct uiommu_group groups[64];
	uint8_t codes[64];
	uint16_t i;

	for (i = 0; i < 20; i++) {
		rig_ask(rig, 7, i, i, false);
		rig_ask(rig, 8, i, i, true);
		rig_ask(rig, 7, i, 100 + i, true);
	}
	CHECK_EQ(take(rig, groups, 64), 40);
	rig_expect_none(rig);
	for (i = 0; i < 40; i++) {
		CHECK(uiommu_attach_priv(groups[i].attach) == rec);
		CHECK_EQ(uiommu_attach_endpoint_id(groups[i].attach), EP);
		CHECK_EQ(uiommu_attach_pasid(groups[i].attach), i % 2 == 0 ? 8 : 7);
		CHECK_EQ(groups[i].nb_faults, i % 2 == 0 ? 1 : 2);
		CHECK_EQ(groups[i].faults[groups[i].nb_faults - 1].prg_index, i / 2);
		codes[i] = i % 3 == 0 ? UIOMMU_CODE_INVALID : UIOMMU_CODE_SUCCESS;
	}
	/* any subset, in any order */
	CHECK_EQ(uiommu_respond_burst(rig->dev, 0, groups + 20, codes + 20, 20), 20);
	CHECK_EQ(uiommu_respond_burst(rig->dev, 0, groups, codes, 20), 20);
	rig_settle(rig);
	for (i = 0; i < 40; i++) {
		uint16_t at = (i + 20) % 40;

		rig_expect(rig, EP, at % 2 == 0 ? 8 : 7, at / 2,
			   at % 3 == 0 ? UIOMMU_EMU_INVALID : UIOMMU_EMU_SUCCESS);
	}
	rig_expect_none(rig);
	CHECK_EQ(rec->calls, 0);
	rig_close(rig);
}

/* What the caller leaves is answered INVALID by the next call; his late answer is stale. */
static void
burst_left(bool by_poll)
{
	struct recorder *rec;
	struct rig *rig = burst_rig(NULL, &rec);
	struct uiommu_group groups[8], old[8];
	uint8_t codes[8] = {0};
	uint16_t i;

	rec->code = UIOMMU_CODE_SUCCESS;
	for (i = 0; i < 4; i++)
		rig_ask(rig, 7, i, i, true);
	CHECK_EQ(take(rig, groups, 8), 4);
	CHECK_EQ(uiommu_respond_burst(rig->dev, 0, &groups[1], codes, 1), 1);
	/* the same one again */
	CHECK_EQ(uiommu_respond_burst(rig->dev, 0, &groups[1], codes, 1), 0);
	memcpy(old, groups, sizeof(old));
	for (i = 10; i < 14; i++)
		rig_ask(rig, 7, i, i, true);
	if (by_poll)
		rig_settle(rig);
	else
		CHECK_EQ(take(rig, groups, 8), 4);
	CHECK_EQ(rig_stats(rig).unanswered, 3);
	CHECK_EQ(rig_stats(rig).stale_answers, 1);
	/* groups of the burst before: none of them may be taken for one of this burst */
	CHECK_EQ(uiommu_respond_burst(rig->dev, 0, old, codes, 4), 0);
	CHECK_EQ(rig_stats(rig).stale_answers, 5);
	memset(codes, UIOMMU_CODE_RETRY, sizeof(codes));
	if (!by_poll)
		CHECK_EQ(uiommu_respond_burst(rig->dev, 0, groups, codes, 4), 4);
	rig_settle(rig);
	rig_expect(rig, EP, 7, 1, UIOMMU_EMU_SUCCESS);
	rig_expect(rig, EP, 7, 0, UIOMMU_EMU_INVALID);
	rig_expect(rig, EP, 7, 2, UIOMMU_EMU_INVALID);
	rig_expect(rig, EP, 7, 3, UIOMMU_EMU_INVALID);
	for (i = 10; i < 14; i++)
		rig_expect(rig, EP, 7, i, UIOMMU_EMU_SUCCESS);
	rig_expect_none(rig);
	CHECK_EQ(rig_stats(rig).codes[UIOMMU_CODE_RETRY], by_poll ? 0 : 4);
	rig_close(rig);
}

static void
burst_left_to_burst(void)
{
	burst_left(false);
}

static void
burst_left_to_poll(void)
{
	burst_left(true);
}

/* Deferred, said so or not: the group waits for its cookie, and is answered once. */
static void
burst_deferred(void)
{
	struct recorder *rec;
	struct rig *rig = burst_rig(NULL, &rec);
	struct uiommu_group groups[8], none[8];
	uint8_t codes[8] = {UIOMMU_CODE_DEFERRED, UIOMMU_CODE_DEFERRED, UIOMMU_CODE_INVALID,
			    UIOMMU_CODE_DEFERRED};
	uiommu_cookie_t cookies[3];
	uint16_t i;

	for (i = 0; i < 4; i++)
		rig_ask(rig, 7, i, i, true);
	CHECK_EQ(take(rig, groups, 8), 4);
	for (i = 0; i < 3; i++) {
		cookies[i] = uiommu_group_defer(&groups[i]);
		CHECK(cookies[i] != 0);
	}
	/* of group 0 nothing is said; 2 is taken back; 3 was not deferred at all */
	CHECK_EQ(uiommu_respond_burst(rig->dev, 0, groups + 1, codes + 1, 3), 3);
	CHECK_EQ(uiommu_fault_burst(rig->dev, 0, none, 8), 0);
	rig_expect(rig, EP, 7, 2, UIOMMU_EMU_INVALID);
	rig_expect(rig, EP, 7, 3, UIOMMU_EMU_INVALID);
	rig_expect_none(rig);
	CHECK_EQ(rig_stats(rig).unanswered, 0);
	CHECK_EQ(rig_stats(rig).handler_errors, 1);
	CHECK_EQ(rig_stats(rig).deferred_now, 2);
	memset(codes, UIOMMU_CODE_SUCCESS, sizeof(codes));
	CHECK_EQ(uiommu_answer(rig->dev, cookies, codes, NULL, 3), 2);
	rig_settle(rig);
	rig_expect(rig, EP, 7, 0, UIOMMU_EMU_SUCCESS);
	rig_expect(rig, EP, 7, 1, UIOMMU_EMU_SUCCESS);
	rig_expect_none(rig);
	rig_close(rig);
}

/* Also what the caller leaves when he gives the queue back, or stops the unit. */
static void
burst_left_to_release(void)
{
	struct recorder *rec;
	struct rig *rig = burst_rig(NULL, &rec);
	struct uiommu_group groups[8];

	rig_ask(rig, 7, 1, 1, true);
	CHECK_EQ(take(rig, groups, 8), 1);
	rig_release(rig);
	rig_expect(rig, EP, 7, 1, UIOMMU_EMU_INVALID);
	rig_claim(rig);
	rig_ask(rig, 7, 2, 1, true);
	CHECK_EQ(take(rig, groups, 8), 1);
	CHECK_EQ(uiommu_stop(rig->dev), 0);
	rig_expect(rig, EP, 7, 2, UIOMMU_EMU_INVALID);
	CHECK_EQ(rig_stats(rig).unanswered, 2);
	CHECK_EQ(uiommu_start(rig->dev), 0);
	rig_close(rig);
}

/* An array of one: a group of many requests fits, since it holds groups and not requests. */
static void
small_array(void)
{
	struct rig_conf conf = {.dev = {.burst = 16, .parked_max = 64, .group_max = 40}};
	struct recorder *rec;
	struct rig *rig = burst_rig(&conf, &rec);
	struct uiommu_group group;
	uint8_t code = UIOMMU_CODE_SUCCESS;
	unsigned int nb = 0, calls;
	uint16_t i, index;

	for (index = 0; index < 10; index++) {
		for (i = 0; i < 30; i++)
			rig_ask(rig, 7, index, i, i + 1 == 30);
		rig_ask(rig, 8, index, 1, true);
	}
	/* a request a call, for that is how many groups could come of it at most */
	for (calls = 0; calls < 1000 && nb < 20; calls++) {
		if (uiommu_fault_burst(rig->dev, 0, &group, 1) == 0)
			continue;
		CHECK_EQ(group.nb_faults, nb % 2 == 0 ? 30 : 1);
		for (i = 0; i < group.nb_faults; i++)
			CHECK_EQ(group.faults[i].iova, nb % 2 == 0 ? (uint64_t)i << 12 : 0x1000);
		CHECK_EQ(uiommu_respond_burst(rig->dev, 0, &group, &code, 1), 1);
		nb++;
	}
	CHECK_EQ(nb, 20);
	CHECK_EQ(uiommu_fault_burst(rig->dev, 0, &group, 0), 0);
	CHECK_EQ(uiommu_fault_burst(rig->dev, 0, &group, 1), 0);
	rig_close(rig);
}

/* More requests of large groups in one burst than there is room to gather them at once. */
static void
large_groups(void)
{
	struct rig_conf conf = {
		.dev = {.queue_entries = 2048, .parked_max = 1024, .group_max = 64, .burst = 64},
	};
	struct recorder *rec;
	struct rig *rig = burst_rig(&conf, &rec);
	uint16_t i, index;

	rec->code = UIOMMU_CODE_SUCCESS;
	for (index = 0; index < 15; index++)
		for (i = 0; i + 1 < 64; i++)
			rig_ask(rig, 7, index, i, false);
	rig_settle(rig);
	for (index = 0; index < 15; index++)
		rig_ask(rig, 7, index, 63, true);
	rig_settle(rig);
	CHECK_EQ(rec->nb_kept, 15);
	for (index = 0; index < 15; index++) {
		CHECK_EQ(rec->kept[index].prg_index, index);
		CHECK_EQ(rec->kept[index].nb_faults, 64);
		for (i = 0; i < RECORDER_FAULTS; i++)
			CHECK_EQ(rec->kept[index].faults[i].iova, (uint64_t)i << 12);
		rig_expect(rig, EP, 7, index, UIOMMU_EMU_SUCCESS);
	}
	rig_expect_none(rig);
	rig_close(rig);
}

/* The same by the burst interface, where what does not fit waits for the next call. */
static void
large_groups_burst(void)
{
	struct rig_conf conf = {
		.dev = {.queue_entries = 2048, .parked_max = 1024, .group_max = 64, .burst = 64},
	};
	struct recorder *rec;
	struct rig *rig = burst_rig(&conf, &rec);
	struct uiommu_group groups[64];
	uint8_t codes[64] = {0};
	uint16_t i, index, nb, seen = 0;

	for (index = 0; index < 15; index++)
		for (i = 0; i < 63; i++)
			rig_ask(rig, 7, index, i, false);
	while (rig_stats(rig).requests < 15 * 63)
		CHECK_EQ(uiommu_fault_burst(rig->dev, 0, groups, 64), 0);
	for (index = 0; index < 15; index++)
		rig_ask(rig, 7, index, 63, true);
	while (seen < 15) {
		nb = take(rig, groups, 64);
		CHECK(nb != 0);
		for (i = 0; i < nb; i++) {
			CHECK_EQ(groups[i].nb_faults, 64);
			CHECK_EQ(groups[i].faults[0].prg_index, seen + i);
			CHECK_EQ(groups[i].faults[62].iova, UINT64_C(62) << 12);
		}
		CHECK_EQ(uiommu_respond_burst(rig->dev, 0, groups, codes, nb), nb);
		seen += nb;
	}
	CHECK_EQ(rig_stats(rig).unanswered, 0);
	rig_close(rig);
}

/* The owner detaches between taking and answering. */
static void
burst_and_detach(void)
{
	struct recorder *rec;
	struct rig *rig = burst_rig(NULL, &rec);
	struct uiommu_endpoint *endpoint = uiommu_endpoint_find(rig->dev, EP);
	struct uiommu_group groups[8];
	uint8_t codes[8] = {0};

	rig_ask(rig, 7, 1, 1, true);
	rig_ask(rig, 8, 2, 1, true);
	CHECK_EQ(take(rig, groups, 8), 2);
	CHECK_EQ(uiommu_detach(uiommu_attach_find(endpoint, 7, UIOMMU_DOMAIN_ANY)), 0);
	rig_expect(rig, EP, 7, 1, UIOMMU_EMU_INVALID);
	/* the burst has ended with the detach */
	CHECK_EQ(uiommu_respond_burst(rig->dev, 0, groups, codes, 2), 0);
	rig_settle(rig);
	rig_expect(rig, EP, 8, 2, UIOMMU_EMU_INVALID);
	rig_expect_none(rig);
	CHECK_EQ(rig_stats(rig).unanswered, 2);
	rig_close(rig);
}

static const struct harness_case r8_cases[] = {
	{"R8 K8 handler gets whole groups only, in traffic", whole_in_traffic, 0},
	{"R8 burst interface, groups answered in any order", burst_answered,
	 HARNESS_NEEDS_GROUPS_BY_PASID},
	{"R8 R9 burst interface, groups left and stale answers", burst_left_to_burst, 0},
	{"R8 R9 burst interface, groups left to poll", burst_left_to_poll, 0},
	{"R8 R1 burst interface, groups deferred", burst_deferred, 0},
	{"R8 burst interface, groups left to release and stop", burst_left_to_release, 0},
	{"R8 T24 T25 burst interface, array of one", small_array, 0},
	{"R8 more large groups than fit at once", large_groups, 0},
	{"R8 T23 T24 burst interface, more large groups than fit at once", large_groups_burst,
	 HARNESS_NEEDS_PARKING},
	{"R8 R4 burst interface, detach by the owner with groups in hand", burst_and_detach, 0},
};

HARNESS_SUITE(r8);
