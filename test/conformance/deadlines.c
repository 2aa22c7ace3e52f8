/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* T38: groups that nobody answers in time are answered by policy. */

#include "conformance.h"

#define MS UINT64_C(1000000)
/* Long enough that a test on a busy machine is done before it is over. */
#define LONG_NS (UINT64_C(3600) * 1000 * MS)

static int
answer(struct rig *rig, uiommu_cookie_t cookie, unsigned int code)
{
	uint8_t codes = (uint8_t)code;
	int status = 1;

	uiommu_answer(rig->dev, &cookie, &codes, &status, 1);
	return status;
}

/* PASID 7 in a domain with this deadline, whose handler keeps everything. */
static struct recorder *
timed_recorder(struct rig *rig, struct uiommu_endpoint *endpoint, uint64_t deadline_ns,
	       uint32_t code)
{
	const struct uiommu_domain_conf conf = {
		.type = UIOMMU_DOMAIN_PAGING,
		.deadline_ns = deadline_ns,
		.deadline_code = code,
	};
	struct recorder *rec = rig_recorder_with(rig, UIOMMU_CODE_RETRY, &conf);

	rec->defer = true;
	rig_attach(endpoint, 7, rec->domain, rec);
	return rec;
}

static void
policy(uint32_t given, unsigned int counted, uint16_t wire)
{
	struct rig *rig = rig_open(NULL);
	struct recorder *rec = timed_recorder(rig, rig_endpoint(rig, EP, 0), 20 * MS, given);
	uint16_t round;

	for (round = 0; round < 3; round++) {
		uint64_t begin = harness_now_ns(), codes = rig_stats(rig).codes[counted];
		uiommu_cookie_t cookie;

		rig_ask(rig, 7, round, 1, true);
		rig_turn(rig);
		cookie = rec->kept[round].cookie;
		CHECK(cookie != 0);
		rig_wait_for(rig, "expired", round + 1);
		/* not before its time, as far as two clocks agree */
		CHECK(harness_now_ns() - begin > 15 * MS);
		CHECK_EQ(answer(rig, cookie, UIOMMU_CODE_SUCCESS), -ENOENT);
		rig_settle(rig);
		rig_expect(rig, EP, 7, round, wire);
		rig_expect_none(rig);
		CHECK_EQ(rig_stats(rig).codes[counted], codes + 1);
		CHECK_EQ(rig_stats(rig).deferred_now, 0);
	}
	CHECK_EQ(rig_stats(rig).late_answers, 0);
	CHECK_EQ(rig_stats(rig).drained, 0);
	CHECK_EQ(rig_stats(rig).stale_answers, 3);
	rig_close(rig);
}

static void
policy_default(void)
{
	policy(0, UIOMMU_CODE_INVALID, UIOMMU_EMU_INVALID);
}

static void
policy_invalid(void)
{
	policy(UIOMMU_CODE_INVALID, UIOMMU_CODE_INVALID, UIOMMU_EMU_INVALID);
}

static void
policy_retry(void)
{
	policy(UIOMMU_CODE_RETRY, UIOMMU_CODE_RETRY, UIOMMU_EMU_SUCCESS);
}

/* Off unless asked for; far away is not now; in time is in time. */
static void
only_who_has_one(void)
{
	struct rig *rig = rig_open(NULL);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);
	struct recorder *none = rig_recorder(rig, UIOMMU_CODE_RETRY), *far;
	const struct uiommu_domain_conf conf = {.type = UIOMMU_DOMAIN_PAGING,
						.deadline_ns = LONG_NS};
	uint16_t i;

	none->defer = true;
	timed_recorder(rig, endpoint, 1, 0);
	rig_attach(endpoint, 8, none->domain, NULL);
	far = rig_recorder_with(rig, UIOMMU_CODE_RETRY, &conf);
	far->defer = true;
	rig_attach(endpoint, 9, far->domain, NULL);
	for (i = 0; i < 30; i++)
		rig_ask(rig, 7 + i % 3, i, i, true);
	rig_settle(rig);
	rig_wait_for(rig, "expired", 10);
	rig_settle(rig);
	CHECK_EQ(rig_stats(rig).expired, 10);
	CHECK_EQ(rig_stats(rig).deferred_now, 20);
	for (i = 0; i < 10; i++) {
		rig_expect_any(rig, EP, 7, 3 * i, UIOMMU_EMU_INVALID);
		CHECK_EQ(answer(rig, none->kept[i].cookie, UIOMMU_CODE_SUCCESS), 0);
		CHECK_EQ(answer(rig, far->kept[i].cookie, UIOMMU_CODE_SUCCESS), 0);
	}
	rig_settle(rig);
	for (i = 0; i < 10; i++) {
		rig_expect_any(rig, EP, 8, 3 * i + 1, UIOMMU_EMU_SUCCESS);
		rig_expect_any(rig, EP, 9, 3 * i + 2, UIOMMU_EMU_SUCCESS);
	}
	CHECK_EQ(rig_stats(rig).late_answers, 20);
	rig_close(rig);
}

/* The device uses the index again: the answer for the group before must not reach this one. */
static void
index_again(void)
{
	struct rig *rig = rig_open(NULL);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);
	struct recorder *rec = timed_recorder(rig, endpoint, MS, UIOMMU_CODE_RETRY), *next;
	const struct uiommu_domain_conf conf = {.type = UIOMMU_DOMAIN_PAGING,
						.deadline_ns = LONG_NS};
	uint16_t i;

	for (i = 0; i < 5; i++) {
		rig_ask(rig, 7, 3, 1, true);
		rig_wait_for(rig, "expired", i + 1);
		rig_settle(rig);
		rig_expect(rig, EP, 7, 3, UIOMMU_EMU_SUCCESS);
	}
	/* the same PASID and index, in a domain with more patience */
	next = rig_recorder_with(rig, UIOMMU_CODE_RETRY, &conf);
	next->defer = true;
	CHECK(uiommu_replace(uiommu_attach_find(endpoint, 7, UIOMMU_DOMAIN_ANY), next->domain,
			     NULL) != NULL);
	rig_ask(rig, 7, 3, 1, true);
	rig_settle(rig);
	for (i = 0; i < 5; i++) {
		CHECK(rec->kept[i].cookie != next->kept[0].cookie);
		CHECK_EQ(answer(rig, rec->kept[i].cookie, UIOMMU_CODE_INVALID), -ENOENT);
	}
	rig_settle(rig);
	rig_expect_none(rig);
	CHECK_EQ(answer(rig, next->kept[0].cookie, UIOMMU_CODE_SUCCESS), 0);
	rig_settle(rig);
	rig_expect(rig, EP, 7, 3, UIOMMU_EMU_SUCCESS);
	rig_expect_none(rig);
	rig_close(rig);
}

/* More rounds than there are slots, all of them in use: each one comes back. */
static void
all_slots(void)
{
	struct rig_conf conf = {.dev = {.deferred_max = 128}};
	struct rig *rig = rig_open(&conf);
	struct recorder *rec = timed_recorder(rig, rig_endpoint(rig, EP, 0), MS, 0);
	uint16_t round, i;

	for (round = 0; round < 4; round++) {
		for (i = 0; i < 128; i++)
			rig_ask(rig, 7, i, i, true);
		rig_wait_for(rig, "expired", 128 * (round + 1));
		rig_settle(rig);
		for (i = 0; i < 128; i++)
			rig_expect_any(rig, EP, 7, i, UIOMMU_EMU_INVALID);
	}
	CHECK_EQ(rec->deferred, 512);
	CHECK_EQ(rig_stats(rig).no_slot, 0);
	CHECK_EQ(rig_stats(rig).deferred_now, 0);
	rig_close(rig);
}

/* With requests coming all the time, and an owner that never rests. */
static void
in_traffic(void)
{
	struct rig_conf conf = {.model_thread = true, .owner_thread = true, .no_log = true};
	struct uiommu_emu_traffic traffic = {.group_pages_min = 1, .group_pages_max = 2};
	struct rig *rig = rig_open(&conf);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS), *timed;
	const struct uiommu_domain_conf domain = {
		.type = UIOMMU_DOMAIN_PAGING,
		.deadline_ns = MS,
		.deadline_code = UIOMMU_CODE_RETRY,
	};
	uint64_t end = harness_now_ns() + RIG_PATIENCE_NS;
	struct uiommu_endpoint *endpoint;

	rig_device_range(rig, EP, 1, 2, 512);
	endpoint = rig_endpoint_add(rig, EP, 0, 0);
	rig_attach(endpoint, 1, rec->domain, NULL);
	timed = rig_recorder_with(rig, UIOMMU_CODE_RETRY, &domain);
	timed->defer = true;
	rig_attach(endpoint, 2, timed->domain, NULL);
	CHECK_EQ(uiommu_emu_traffic_set(rig->emu, &traffic), 0);
	uiommu_emu_traffic_run(rig->emu, true);
	rig_wait_for(rig, "expired", TRAFFIC(4000));
	uiommu_emu_traffic_run(rig->emu, false);
	/* what is at rest may still wait for its deadline */
	do
		rig_settle(rig);
	while (rig_stats(rig).deferred_now != 0 && harness_now_ns() < end);
	CHECK_EQ(rig_stats(rig).deferred_now, 0);
	CHECK_EQ(rig_stats(rig).expired, recorder_groups(timed));
	rig_close(rig);
}

/* The owner of a burst has deadlines kept too, though its groups see no handler. */
static void
burst_interface(void)
{
	struct rig *rig = rig_open(NULL);
	struct uiommu_group group;
	uint8_t code = UIOMMU_CODE_DEFERRED;
	uiommu_cookie_t cookie;
	uint64_t end = harness_now_ns() + RIG_PATIENCE_NS;

	timed_recorder(rig, rig_endpoint(rig, EP, 0), MS, 0);
	rig_ask(rig, 7, 1, 1, true);
	CHECK_EQ(uiommu_fault_burst(rig->dev, 0, &group, 1), 1);
	cookie = uiommu_group_defer(&group);
	CHECK(cookie != 0);
	CHECK_EQ(uiommu_respond_burst(rig->dev, 0, &group, &code, 1), 1);
	while (rig_stats(rig).expired == 0) {
		CHECK_EQ(uiommu_fault_burst(rig->dev, 0, &group, 1), 0);
		CHECK(harness_now_ns() < end);
	}
	CHECK_EQ(answer(rig, cookie, UIOMMU_CODE_SUCCESS), -ENOENT);
	rig_settle(rig);
	rig_expect(rig, EP, 7, 1, UIOMMU_EMU_INVALID);
	rig_close(rig);
}

/* ------------------------------------------------------- fault queues */

static struct uiommu_fault_queue *
queue_with_deadline(struct rig *rig, struct uiommu_endpoint *endpoint, uint32_t pasid,
		    uint64_t deadline_ns, struct uiommu_fault_queue *fq)
{
	const struct uiommu_fault_queue_conf conf = {.size = sizeof(conf), .depth = 16};
	struct uiommu_domain_conf domain = {
		.size = sizeof(domain),
		.type = UIOMMU_DOMAIN_PAGING,
		.deadline_ns = deadline_ns,
	};
	struct uiommu_domain *made;

	if (fq == NULL)
		fq = uiommu_fault_queue_create(rig->dev, &conf);
	CHECK(fq != NULL);
	domain.fault_queue = fq;
	made = uiommu_domain_alloc(rig->dev, &domain);
	CHECK(made != NULL);
	rig_attach(endpoint, pasid, made, NULL);
	return fq;
}

/* Groups expire in a fault queue too, read or not; unread ones are not read any more. */
static void
in_fault_queue(void)
{
	struct rig *rig = rig_open(NULL);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);
	struct uiommu_fault_queue *fq = queue_with_deadline(rig, endpoint, 7, 200 * MS, NULL);
	struct uiommu_fault_queue_stats stats;
	struct uiommu_fault_msg msgs[64];
	struct uiommu_fault_answer answers = {.code = UIOMMU_FAULT_ANSWER_SUCCESS};
	int status, nb;
	uint16_t i;

	queue_with_deadline(rig, endpoint, 8, LONG_NS, fq);
	rig_ask(rig, 7, 1, 1, true);
	rig_turn(rig);
	nb = uiommu_fault_queue_read(fq, msgs, 64);
	if (nb != 1 && rig_stats(rig).expired != 0)
		harness_skip("the machine is too slow");
	CHECK_EQ(nb, 1);
	answers.cookie = msgs[0].cookie;
	for (i = 2; i < 6; i++) {
		rig_ask(rig, 7, i, 1, false);
		rig_ask(rig, 7, i, 2, true);
	}
	rig_ask(rig, 8, 9, 7, true);
	rig_wait_for(rig, "expired", 5);
	rig_settle(rig);
	for (i = 1; i < 6; i++)
		rig_expect_any(rig, EP, 7, i, UIOMMU_EMU_INVALID);
	rig_expect_none(rig);
	CHECK_EQ(uiommu_fault_queue_write(fq, &answers, &status, 1), 0);
	CHECK_EQ(status, -ENOENT);
	/* only the one that has time is there */
	CHECK_EQ(uiommu_fault_queue_read(fq, msgs, 64), 1);
	CHECK_EQ(msgs[0].pasid, 8);
	CHECK_EQ(uiommu_fault_queue_read(fq, &msgs[1], 63), 0);
	answers.cookie = msgs[0].cookie;
	CHECK_EQ(uiommu_fault_queue_write(fq, &answers, &status, 1), 1);
	rig_settle(rig);
	rig_expect(rig, EP, 8, 9, UIOMMU_EMU_SUCCESS);
	CHECK_EQ(uiommu_fault_queue_stats_get(fq, &stats), 0);
	CHECK_EQ(stats.delivered, 6);
	CHECK_EQ(stats.revoked, 5);
	CHECK_EQ(stats.answered, 1);
	CHECK_EQ(stats.open, 0);
	rig_close(rig);
}

static const struct harness_case deadlines_cases[] = {
	{"T38 deadline, no policy given", policy_default, 0},
	{"T38 deadline, policy INVALID", policy_invalid, 0},
	{"T38 deadline, policy RETRY", policy_retry, 0},
	{"T38 deadlines only for domains that have one", only_who_has_one, 0},
	{"T38 R9 late answer to an index that is in use again", index_again, 0},
	{"T38 R6 every slot expires, again and again", all_slots, 0},
	{"T38 R1 deadlines, with traffic", in_traffic, 0},
	{"T38 deadlines with the burst interface", burst_interface, 0},
	{"T38 deadlines in a fault queue, read and unread", in_fault_queue, 0},
};

HARNESS_SUITE(deadlines);
