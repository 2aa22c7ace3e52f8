/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Fault queues: consumers in threads of their own, with traffic. */

#include <sched.h>

#include "fault_queue_party.h"

#define PASIDS 4

static const struct rig_conf threads_conf = {
	.model_thread = true,
	.owner_thread = true,
	.no_log = true,
};

/* ------------------------------------------------------------------ wake-ups */

/*
 * The device has credits for so few requests that it waits for answers nearly always, and so the
 * consumers for it: one wake-up that is lost, and nothing goes on.
 */
static void
sleepers(unsigned int nb, uint32_t credits, uint64_t groups)
{
	struct uiommu_emu_traffic traffic = {.group_pages_min = 1, .group_pages_max = 1};
	struct rig *rig = rig_open(&threads_conf);
	struct party party = {.rig = rig, .nb = nb, .sleeps = true};

	party.fq = fq_create(rig, 0, 0, UIOMMU_FAULT_QUEUE_EVENTFD);
	party_endpoint(&party, PASIDS, credits);
	CHECK_EQ(uiommu_emu_traffic_set(rig->emu, &traffic), 0);
	party_begin(&party);
	uiommu_emu_traffic_run(rig->emu, true);
	party_wait(&party, groups);
	uiommu_emu_traffic_run(rig->emu, false);
	party_end(&party);
	CHECK(party.slept > 0);
	CHECK(fq_stats(party.fq).wakeups > 0);
	/* no more signals than there were wishes */
	CHECK(fq_stats(party.fq).wakeups <= party.slept + fq_stats(party.fq).read);
	rig_close(rig);
}

static void
one_sleeper(void)
{
	sleepers(1, 1, TRAFFIC(4000));
}

static void
many_sleepers(void)
{
	sleepers(3, 2, TRAFFIC(4000));
}

/* ----------------------------------------------------------------- readers */

/* Several consumers: each group is read once, and whole. The judge sees each answer. */
static void
many_readers(uint32_t depth, uint32_t messages)
{
	struct uiommu_emu_traffic traffic = {.group_pages_min = 1, .group_pages_max = 7};
	struct rig_conf conf = threads_conf;
	struct rig *rig;
	struct party party = {.nb = CONSUMERS_MAX, .small = true};

	conf.dev.group_max = 16;
	rig = rig_open(&conf);
	party.rig = rig;
	party.fq = fq_create(rig, depth, messages, 0);
	party_endpoint(&party, PASIDS, 512);
	CHECK_EQ(uiommu_emu_traffic_set(rig->emu, &traffic), 0);
	party_begin(&party);
	uiommu_emu_traffic_run(rig->emu, true);
	party_wait(&party, TRAFFIC(16000));
	uiommu_emu_traffic_run(rig->emu, false);
	party_end(&party);
	CHECK_EQ(party.read, fq_stats(party.fq).delivered);
	CHECK_EQ(party.answered, party.read);
	CHECK_EQ(rig_stats(rig).delivered, fq_stats(party.fq).delivered);
	CHECK_EQ(rig_stats(rig).queue_full, fq_stats(party.fq).full);
	CHECK_EQ(rig_stats(rig).codes[UIOMMU_CODE_SUCCESS], party.answered);
	rig_close(rig);
}

static void
readers_with_room(void)
{
	many_readers(1024, 0);
}

static void
readers_of_a_full_queue(void)
{
	many_readers(8, 16);
}

/* ------------------------------------------------------------------ endings */

/*
 * Groups expire while they are read: those that are read are whole, and are answered once. Some
 * bonds have hardly any time, and one has all of it, so that both happen on every machine.
 */
static void
readers_and_deadline(void)
{
	static const uint64_t deadlines_ns[PASIDS] = {0, 1, 20000, 500000};
	struct uiommu_emu_traffic traffic = {.group_pages_min = 3, .group_pages_max = 3};
	struct rig_conf conf = threads_conf;
	struct rig *rig;
	struct party party = {
		.nb = 3,
		.group_size = 3,
		.small = true,
		.may_be_late = true,
	};
	uint64_t end = harness_now_ns() + RIG_PATIENCE_NS;
	struct uiommu_endpoint *endpoint;
	uint32_t pasid;

	rig_groups_or_skip();
	/* few slots: each is looked at often */
	conf.dev.deferred_max = 64;
	rig = rig_open(&conf);
	party.rig = rig;
	party.fq = fq_create(rig, 0, 0, 0);
	endpoint = party_endpoint(&party, PASIDS, 300);
	for (pasid = 2; pasid <= PASIDS; pasid++) {
		struct uiommu_domain *domain = fq_domain_deadline(
			rig, party.fq, deadlines_ns[pasid - 1], UIOMMU_CODE_RETRY);

		CHECK(uiommu_replace(uiommu_attach_find(endpoint, pasid, UIOMMU_DOMAIN_ANY), domain,
				     NULL) != NULL);
	}
	CHECK_EQ(uiommu_emu_traffic_set(rig->emu, &traffic), 0);
	party_begin(&party);
	uiommu_emu_traffic_run(rig->emu, true);
	party_wait(&party, TRAFFIC(8000));
	while (fq_stats(party.fq).revoked < 100 && harness_now_ns() < end)
		sched_yield();
	uiommu_emu_traffic_run(rig->emu, false);
	party_end(&party);
	CHECK_EQ(fq_stats(party.fq).delivered, party.answered + fq_stats(party.fq).revoked);
	CHECK_EQ(rig_stats(rig).expired, fq_stats(party.fq).revoked);
	CHECK(fq_stats(party.fq).revoked >= 100);
	rig_close(rig);
}

/*
 * Bonds come and go: of reader and detach one answers. The unit drops requests meanwhile, so
 * groups may be short; never longer, with members of another one.
 */
static void
readers_and_detach(void)
{
	struct uiommu_emu_traffic traffic = {.group_pages_min = 3, .group_pages_max = 3};
	struct rig *rig = rig_open(&threads_conf);
	struct party party = {
		.rig = rig,
		.nb = 3,
		.small = true,
		.may_be_late = true,
		.group_size = 3,
		.may_be_short = true,
	};
	struct uiommu_endpoint *endpoint;
	unsigned int round;

	party.fq = fq_create(rig, 0, 0, 0);
	endpoint = party_endpoint(&party, PASIDS, 300);
	CHECK_EQ(uiommu_emu_traffic_set(rig->emu, &traffic), 0);
	party_begin(&party);
	uiommu_emu_traffic_run(rig->emu, true);
	for (round = 0; round < TRAFFIC(200); round++) {
		uint32_t pasid = 1 + round % PASIDS;
		struct uiommu_attach *attach =
			uiommu_attach_find(endpoint, pasid, UIOMMU_DOMAIN_ANY);
		struct uiommu_domain *domain = fq_domain(rig, party.fq);

		/* by turns taken away and put back, and replaced */
		uiommu_emu_pasid_state(rig->emu, EP, pasid, UIOMMU_EMU_CHANGING);
		if (round / PASIDS % 2 == 0) {
			CHECK_EQ(uiommu_detach(attach), 0);
			uiommu_emu_pasid_state(rig->emu, EP, pasid, UIOMMU_EMU_DETACHED);
			uiommu_emu_pasid_state(rig->emu, EP, pasid, UIOMMU_EMU_CHANGING);
			rig_attach(endpoint, pasid, domain, NULL);
		} else {
			CHECK(uiommu_replace(attach, domain, NULL) != NULL);
		}
		uiommu_emu_pasid_state(rig->emu, EP, pasid, UIOMMU_EMU_ATTACHED);
	}
	party_wait(&party, 1000);
	uiommu_emu_traffic_run(rig->emu, false);
	party_end(&party);
	CHECK_EQ(fq_stats(party.fq).delivered, party.answered + fq_stats(party.fq).revoked);
	rig_close(rig);
}

/* Queues are destroyed while groups keep coming in; each time the bonds get another one. */
static void
destroyed_with_traffic(void)
{
	struct uiommu_emu_traffic traffic = {.group_pages_min = 1, .group_pages_max = 4};
	struct rig *rig = rig_open(&threads_conf);
	struct party party = {.rig = rig, .fq = fq_create(rig, 64, 0, 0)};
	struct uiommu_endpoint *endpoint = party_endpoint(&party, PASIDS, 512);
	struct uiommu_fault_msg msgs[64];
	uint64_t delivered = 0;
	unsigned int round;
	uint32_t pasid;

	for (pasid = 1; pasid <= PASIDS; pasid++)
		uiommu_emu_pasid_state(rig->emu, EP, pasid, UIOMMU_EMU_CHANGING);
	CHECK_EQ(uiommu_emu_traffic_set(rig->emu, &traffic), 0);
	uiommu_emu_traffic_run(rig->emu, true);
	for (round = 0; round < TRAFFIC(60); round++) {
		uint64_t end = harness_now_ns() + RIG_PATIENCE_NS;
		struct uiommu_domain *domain;

		while (fq_stats(party.fq).delivered == 0 && harness_now_ns() < end)
			sched_yield();
		delivered += fq_stats(party.fq).delivered;
		if (round % 2 == 0)
			CHECK(uiommu_fault_queue_read(party.fq, msgs, 64) > 0);
		CHECK_EQ(uiommu_fault_queue_destroy(party.fq), 0);
		party.fq = fq_create(rig, 64, 0, 0);
		domain = fq_domain(rig, party.fq);
		for (pasid = 1; pasid <= PASIDS; pasid++) {
			struct uiommu_attach *attach =
				uiommu_attach_find(endpoint, pasid, UIOMMU_DOMAIN_ANY);

			CHECK(uiommu_replace(attach, domain, NULL) != NULL);
		}
	}
	CHECK(delivered >= TRAFFIC(60));
	uiommu_emu_traffic_run(rig->emu, false);
	rig_settle(rig);
	CHECK_EQ(uiommu_fault_queue_destroy(party.fq), 0);
	CHECK_EQ(rig_stats(rig).deferred_now, 0);
	rig_close(rig);
}

/* ------------------------------------------------------------ one is stuck */

/* One queue is never read, under a storm; groups of another domain are served all the time. */
static void
stuck_under_storm(void)
{
	struct uiommu_emu_traffic traffic = {.group_pages_min = 1, .group_pages_max = 3};
	struct rig *rig = rig_open(&threads_conf);
	struct party party = {.rig = rig, .nb = 1, .sleeps = true};
	struct uiommu_fault_queue *stuck = fq_create(rig, 64, 0, UIOMMU_FAULT_QUEUE_EVENTFD);
	struct uiommu_endpoint *endpoint;

	party.fq = fq_create(rig, 64, 0, UIOMMU_FAULT_QUEUE_EVENTFD);
	party_endpoint(&party, PASIDS, 64);
	rig_device_range(rig, 0x0200, 1, PASIDS, 64 + 3 * 64);
	endpoint = uiommu_endpoint_add(rig->dev, 0x0200, NULL);
	CHECK(endpoint != NULL);
	rig_attach(endpoint, 1, fq_domain(rig, stuck), NULL);
	rig_attach(endpoint, 2, fq_domain(rig, stuck), NULL);
	CHECK_EQ(uiommu_fault_queue_arm(stuck), 0);
	uiommu_emu_pasid_state(rig->emu, 0x0200, 1, UIOMMU_EMU_CHANGING);
	uiommu_emu_pasid_state(rig->emu, 0x0200, 2, UIOMMU_EMU_CHANGING);
	uiommu_emu_pasid_state(rig->emu, 0x0200, 3, UIOMMU_EMU_DETACHED);
	uiommu_emu_pasid_state(rig->emu, 0x0200, 4, UIOMMU_EMU_DETACHED);
	CHECK_EQ(uiommu_emu_traffic_set(rig->emu, &traffic), 0);
	party_begin(&party);
	uiommu_emu_traffic_run(rig->emu, true);
	party_wait(&party, TRAFFIC(8000));
	CHECK_EQ(fq_stats(stuck).open, 64);
	CHECK_EQ(fq_stats(stuck).delivered, 64);
	CHECK_EQ(fq_stats(stuck).wakeups, 1);
	uiommu_emu_traffic_run(rig->emu, false);
	CHECK_EQ(uiommu_fault_queue_destroy(stuck), 0);
	party_end(&party);
	rig_close(rig);
}

static const struct harness_case fault_queue_threads_cases[] = {
	{"fault queue: no wake-up is lost, one consumer", one_sleeper, 0},
	{"fault queue: no wake-up is lost, several consumers", many_sleepers, 0},
	{"R8 T24 fault queue: several readers", readers_with_room, 0},
	{"R8 R6 T24 fault queue: several readers of a full queue", readers_of_a_full_queue, 0},
	{"R8 R9 T23 T24 fault queue: readers race with deadlines", readers_and_deadline, 0},
	{"R8 R9 T23 T24 fault queue: readers race with detach and replace", readers_and_detach, 0},
	{"R1 T22 fault queue: destroyed with traffic", destroyed_with_traffic, 0},
	{"R5 T21 fault queue: a stuck consumer under a storm", stuck_under_storm, 0},
};

HARNESS_SUITE(fault_queue_threads);
