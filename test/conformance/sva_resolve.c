/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* From groups to answers: operations in each mode. */

#include <sched.h>

#include "sva.h"

static const uint32_t modes[] = {UIOMMU_MM_WORKER, UIOMMU_MM_POLLED, UIOMMU_MM_INLINE};

/* Run a case in each mode. */
static void
in_each_mode(void (*run)(uint32_t mode))
{
	unsigned int i;

	for (i = 0; i < ARRAY_COUNT(modes); i++)
		run(modes[i]);
}

/* --------------------------------------------------------------- operations */

static void
codes_in(uint32_t mode)
{
	static const struct {
		uint8_t code;
		uint16_t wire;
		uint8_t counted;
	} codes[] = {
		{UIOMMU_CODE_SUCCESS, UIOMMU_EMU_SUCCESS, UIOMMU_CODE_SUCCESS},
		{UIOMMU_CODE_INVALID, UIOMMU_EMU_INVALID, UIOMMU_CODE_INVALID},
		{UIOMMU_CODE_RETRY, UIOMMU_EMU_SUCCESS, UIOMMU_CODE_RETRY},
		/* nothing of these may be said of one tenant's fault */
		{UIOMMU_CODE_FAILURE, UIOMMU_EMU_INVALID, UIOMMU_CODE_INVALID},
		{UIOMMU_CODE_DEFERRED, UIOMMU_EMU_INVALID, UIOMMU_CODE_INVALID},
		{77, UIOMMU_EMU_INVALID, UIOMMU_CODE_INVALID},
	};
	struct rig *rig = sva_rig(NULL);
	struct sva_user *user = sva_user(mode, NULL);
	struct uiommu_sva *sva = sva_bind(sva_endpoint(rig, EP), user->mm);
	struct uiommu_mm_info info;
	unsigned int i;

	for (i = 0; i < ARRAY_COUNT(codes); i++) {
		uint64_t before = rig_stats(rig).codes[codes[i].counted];

		sva_code_set(user, codes[i].code);
		sva_ask_and_expect(rig, user->mm, sva, (void *)0x7000, i % 2 == 0, codes[i].wire);
		CHECK_EQ(rig_stats(rig).codes[codes[i].counted], before + 1);
		CHECK_EQ(user->kept[i].access,
			 UIOMMU_FAULT_READ | (i % 2 == 0 ? UIOMMU_FAULT_WRITE : 0));
		CHECK_EQ(user->kept[i].iova, 0x7000);
		CHECK_EQ(user->kept[i].numa_node, 0);
		CHECK_EQ(user->kept[i].nb_pages, 1);
	}
	info = sva_info(user->mm);
	CHECK_EQ(info.groups, ARRAY_COUNT(codes));
	CHECK_EQ(info.invalid, 4);
	CHECK_EQ(info.pages, 1);
	CHECK_EQ(info.dying, 0);
	CHECK_EQ(user->gets, user->calls);
	CHECK_EQ(user->puts, user->calls);
	CHECK_EQ(uiommu_sva_unbind(sva), 0);
	sva_mm_end(user->mm);
	rig_close(rig);
}

static void
codes(void)
{
	in_each_mode(codes_in);
}

/* INVALID for the middle one of three groups. */
static void
middle_hook(struct sva_user *user, const struct uiommu_mm_fault *faults, uint32_t nb_faults,
	    uint8_t *group_codes, uint32_t nb_groups)
{
	uint32_t i;

	for (i = 0; i < nb_faults && user->nb_kept < SVA_KEPT; i++) {
		if (faults[i].iova == 0x20000)
			group_codes[faults[i].group] = UIOMMU_CODE_INVALID;
		user->kept[user->nb_kept++] = faults[i];
	}
}

/* K8 K19: requests of a group in order of arrival, next to each other; a code for each group. */
static void
groups_in(uint32_t mode)
{
	static const uint32_t sizes[] = {3, 1, 2};
	struct rig *rig = sva_rig(NULL);
	struct sva_user *user = sva_user(mode, NULL);
	struct uiommu_sva *sva = sva_bind(sva_endpoint(rig, EP), user->mm);
	uint16_t group;
	uint32_t i, at = 0;

	sva_hook_set(user, middle_hook, NULL);
	for (group = 0; group < 3; group++) {
		for (i = 0; i < sizes[group]; i++)
			sva_ask(rig, sva, group, (void *)(0x10000UL * (group + 1U) + 0x1000UL * i),
				false, i == sizes[group] - 1);
	}
	sva_answers_wait(rig, user->mm, 3);
	for (group = 0; group < 3; group++) {
		rig_expect_any(rig, EP, uiommu_sva_pasid(sva), group,
			       group == 1 ? UIOMMU_EMU_INVALID : UIOMMU_EMU_SUCCESS);
		for (i = 0; i < sizes[group]; i++, at++)
			CHECK_EQ(user->kept[at].iova, 0x10000 * (group + 1) + 0x1000 * i);
	}
	CHECK_EQ(user->groups, 3);
	CHECK_EQ(user->faults, 6);
	CHECK_EQ(sva_info(user->mm).pages, 5);
	CHECK_EQ(uiommu_sva_unbind(sva), 0);
	sva_mm_end(user->mm);
	rig_close(rig);
}

static void
groups(void)
{
	in_each_mode(groups_in);
}

/* Groups as large as there can be, and bursts of many; on the fault lcore in pieces. */
static void
large_groups_in(uint32_t mode)
{
	struct rig_conf conf = {.dev = {.group_max = 64, .parked_max = 512, .burst = 32}};
	struct rig *rig = sva_rig(&conf);
	struct sva_user *user = sva_user(mode, NULL);
	struct uiommu_sva *sva = sva_bind(sva_endpoint(rig, EP), user->mm);
	uint16_t group, i;

	sva_code_set(user, UIOMMU_CODE_SUCCESS);
	for (group = 0; group < 6; group++) {
		for (i = 0; i < 64; i++)
			sva_ask(rig, sva, group, (void *)((group * 64UL + i + 1) * 0x1000), false,
				i == 63);
	}
	sva_answers_wait(rig, user->mm, 6);
	for (group = 0; group < 6; group++)
		rig_expect_any(rig, EP, uiommu_sva_pasid(sva), group, UIOMMU_EMU_SUCCESS);
	CHECK_EQ(user->groups, 6);
	CHECK_EQ(user->faults, 6 * 64);
	for (i = 0; i < SVA_KEPT; i++)
		CHECK_EQ(user->kept[i].iova, (i + 1) * 0x1000);
	CHECK_EQ(uiommu_sva_unbind(sva), 0);
	sva_mm_end(user->mm);
	rig_close(rig);
}

static void
large_groups(void)
{
	in_each_mode(large_groups_in);
}

/* The budget is one of groups, however large they are. */
static void
budget(void)
{
	struct rig *rig = sva_rig(NULL);
	struct sva_user *user = sva_user(UIOMMU_MM_POLLED, NULL);
	struct uiommu_sva *sva = sva_bind(sva_endpoint(rig, EP), user->mm);
	uint16_t group, i;

	for (group = 0; group < 7; group++) {
		for (i = 0; i <= group; i++)
			sva_ask(rig, sva, group, (void *)0x1000, false, i == group);
	}
	rig_settle(rig);
	CHECK_EQ(uiommu_mm_poll(user->mm, 0), 0);
	CHECK_EQ(uiommu_mm_poll(user->mm, 1), 1);
	CHECK_EQ(user->faults, 1);
	CHECK_EQ(uiommu_mm_poll(user->mm, 1), 1);
	CHECK_EQ(user->faults, 1 + 2);
	for (i = 2; i < 7;) {
		uint16_t done = uiommu_mm_poll(user->mm, 3);

		CHECK(done >= 1 && done <= 3);
		i += done;
	}
	CHECK_EQ(user->groups, 7);
	CHECK_EQ(user->faults, 28);
	CHECK_EQ(uiommu_mm_poll(user->mm, 3), 0);
	rig_settle(rig);
	CHECK_EQ(rig_verdict(rig, false).responses, 7);
	CHECK_EQ(uiommu_sva_unbind(sva), 0);
	sva_mm_end(user->mm);
	rig_close(rig);
}

/* K22 differs: what cannot be queued is asked for again; no FAILURE for one tenant's storm. */
static void
queue_is_full(void)
{
	const struct uiommu_mm_conf small = {.queue_depth = 2};
	struct rig *rig = sva_rig(NULL);
	struct sva_user *user = sva_user(UIOMMU_MM_POLLED, &small);
	struct uiommu_sva *sva = sva_bind(sva_endpoint(rig, EP), user->mm);
	uint16_t i;

	sva_code_set(user, UIOMMU_CODE_INVALID);
	for (i = 0; i < 5; i++)
		sva_ask(rig, sva, i, (void *)0x1000, false, true);
	rig_settle(rig);
	CHECK_EQ(rig_stats(rig).queue_full, 3);
	for (i = 2; i < 5; i++)
		rig_expect_any(rig, EP, uiommu_sva_pasid(sva), i, UIOMMU_EMU_SUCCESS);
	rig_expect_none(rig);
	CHECK_EQ(user->calls, 0);
	CHECK_EQ(uiommu_mm_poll(user->mm, 16), 2);
	rig_settle(rig);
	for (i = 0; i < 2; i++)
		rig_expect_any(rig, EP, uiommu_sva_pasid(sva), i, UIOMMU_EMU_INVALID);
	CHECK_EQ(rig_stats(rig).codes[UIOMMU_CODE_FAILURE], 0);
	CHECK_EQ(uiommu_sva_unbind(sva), 0);
	sva_mm_end(user->mm);
	rig_close(rig);
}

/* ------------------------------------------------- an operation that is stuck */

struct gate {
	bool inside; /* atomic */
	bool open;   /* atomic */
};

static void
gate_hook(struct sva_user *user, const struct uiommu_mm_fault *faults, uint32_t nb_faults,
	  uint8_t *group_codes, uint32_t nb_groups)
{
	struct gate *gate = user->hook_arg;
	uint64_t end = harness_now_ns() + RIG_PATIENCE_NS;

	__atomic_store_n(&gate->inside, true, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&gate->open, __ATOMIC_ACQUIRE)) {
		sched_yield();
		if (harness_now_ns() > end) {
			EXPECT(!"the gate was opened");
			return;
		}
	}
}

static void
gate_wait(struct rig *rig, struct gate *gate)
{
	uint64_t end = harness_now_ns() + RIG_PATIENCE_NS;

	while (!__atomic_load_n(&gate->inside, __ATOMIC_ACQUIRE)) {
		rig_turn(rig);
		sched_yield();
		CHECK(harness_now_ns() < end);
	}
}

/* R5: who waits for a stuck one is nobody but its own groups. */
static void
stuck_operation(void)
{
	struct rig *rig = sva_rig(NULL);
	struct uiommu_endpoint *endpoint = sva_endpoint(rig, EP);
	struct sva_user *stuck = sva_user(UIOMMU_MM_WORKER, NULL);
	struct sva_user *other = sva_user(UIOMMU_MM_WORKER, NULL);
	struct uiommu_sva *sva = sva_bind(endpoint, stuck->mm);
	struct uiommu_sva *second = sva_bind(endpoint, other->mm);
	struct gate gate = {false, false};
	unsigned int i;

	sva_hook_set(stuck, gate_hook, &gate);
	sva_ask(rig, sva, 1, (void *)0x1000, false, true);
	gate_wait(rig, &gate);
	for (i = 0; i < 50; i++)
		sva_ask_and_expect(rig, other->mm, second, (void *)0x2000, false,
				   UIOMMU_EMU_SUCCESS);
	__atomic_store_n(&gate.open, true, __ATOMIC_RELEASE);
	sva_answers_wait(rig, stuck->mm, 51);
	rig_expect(rig, EP, uiommu_sva_pasid(sva), 1, UIOMMU_EMU_SUCCESS);
	CHECK_EQ(uiommu_sva_unbind(sva), 0);
	CHECK_EQ(uiommu_sva_unbind(second), 0);
	sva_mm_end(stuck->mm);
	sva_mm_end(other->mm);
	rig_close(rig);
}

/* Of several workers one can be stuck. */
static void
second_worker(void)
{
	struct rig *rig = sva_rig(NULL);
	const struct uiommu_mm_conf two = {.nb_workers = 2};
	struct sva_user *user = sva_user(UIOMMU_MM_WORKER, &two);
	struct uiommu_sva *sva = sva_bind(sva_endpoint(rig, EP), user->mm);
	struct gate gate = {false, false};
	unsigned int i;

	sva_hook_set(user, gate_hook, &gate);
	sva_ask(rig, sva, 1, (void *)0x1000, false, true);
	gate_wait(rig, &gate);
	__atomic_store_n(&user->hook, NULL, __ATOMIC_RELAXED);
	for (i = 0; i < 20; i++)
		sva_ask_and_expect(rig, user->mm, sva, (void *)0x2000, false, UIOMMU_EMU_SUCCESS);
	__atomic_store_n(&gate.open, true, __ATOMIC_RELEASE);
	sva_answers_wait(rig, user->mm, 21);
	rig_expect(rig, EP, uiommu_sva_pasid(sva), 1, UIOMMU_EMU_SUCCESS);
	CHECK_EQ(uiommu_sva_unbind(sva), 0);
	sva_mm_end(user->mm);
	rig_close(rig);
}

/* T15: unbind waits for no operation. Its groups are answered; the late answer has no effect. */
static void
unbind_while_stuck(void)
{
	struct rig *rig = sva_rig(NULL);
	struct sva_user *user = sva_user(UIOMMU_MM_WORKER, NULL);
	struct uiommu_sva *sva = sva_bind(sva_endpoint(rig, EP), user->mm);
	uint32_t pasid = uiommu_sva_pasid(sva);
	struct gate gate = {false, false};

	sva_hook_set(user, gate_hook, &gate);
	sva_ask(rig, sva, 1, (void *)0x1000, false, true);
	gate_wait(rig, &gate);
	sva_ask(rig, sva, 2, (void *)0x2000, false, true);
	rig_turn(rig);
	CHECK_EQ(uiommu_sva_unbind(sva), 0);
	rig_expect_any(rig, EP, pasid, 1, UIOMMU_EMU_INVALID);
	rig_expect_any(rig, EP, pasid, 2, UIOMMU_EMU_INVALID);
	__atomic_store_n(&gate.open, true, __ATOMIC_RELEASE);
	sva_mm_end(user->mm);
	CHECK_EQ(user->calls, 1);
	rig_settle(rig);
	rig_expect_none(rig);
	rig_close(rig);
}

static const struct harness_case sva_resolve_cases[] = {
	{"SVA K20 K21 codes of operations, in each mode", codes, UIOMMU_CAPA_PASID},
	{"SVA R8 K8 K19 groups in order, in each mode", groups, UIOMMU_CAPA_PASID},
	{"SVA R8 large groups, in each mode", large_groups, UIOMMU_CAPA_PASID},
	{"SVA budget of a poll", budget, UIOMMU_CAPA_PASID},
	{"SVA R6 K22 a full queue asks again", queue_is_full, UIOMMU_CAPA_PASID},
	{"SVA R5 T21 a stuck operation delays no other", stuck_operation, UIOMMU_CAPA_PASID},
	{"SVA a second worker goes on", second_worker, UIOMMU_CAPA_PASID},
	{"SVA T15 R9 unbind while an operation is stuck", unbind_while_stuck, UIOMMU_CAPA_PASID},
};

HARNESS_SUITE_OF(sva_resolve, UIOMMU_CAPA_PAGE_REQUESTS | UIOMMU_CAPA_FIRST_STAGE);
