/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* R4 with threads: one polls, one is the model, others detach. */

#include <sched.h>

#include "conformance.h"

#define PASIDS 8

static const struct uiommu_emu_traffic mixed_traffic = {
	.group_pages_min = 1,
	.group_pages_max = 4,
	.write_ratio = 0.5,
	.seed = 4,
};

/*
 * Take a bond away while its device goes on asking, and give it to a domain of its own. When
 * detach has returned, the handler of the old domain must not be called again: its recorder
 * notes it, and so does the judge.
 */
static struct recorder *
rebond(struct rig *rig, struct uiommu_endpoint *endpoint, uint32_t endpoint_id, uint32_t pasid)
{
	struct uiommu_attach *old = uiommu_attach_find(endpoint, pasid, UIOMMU_DOMAIN_ANY);
	struct recorder *rec = uiommu_attach_priv(old);
	struct recorder *next = rig_recorder(rig, UIOMMU_CODE_SUCCESS);

	next->defer = rec->defer;
	EXPECT_EQ(uiommu_emu_pasid_state(rig->emu, endpoint_id, pasid, UIOMMU_EMU_CHANGING), 0);
	CHECK_EQ(uiommu_detach(old), 0);
	EXPECT_EQ(uiommu_emu_pasid_state(rig->emu, endpoint_id, pasid, UIOMMU_EMU_DETACHED), 0);
	recorder_close(rec);
	EXPECT_EQ(uiommu_emu_pasid_state(rig->emu, endpoint_id, pasid, UIOMMU_EMU_CHANGING), 0);
	rig_attach(endpoint, pasid, next->domain, next);
	EXPECT_EQ(uiommu_emu_pasid_state(rig->emu, endpoint_id, pasid, UIOMMU_EMU_ATTACHED), 0);
	return next;
}

/* A bond to a domain of its own for each PASID from 1 on. */
static struct uiommu_endpoint *
own_domains(struct rig *rig, uint32_t endpoint_id)
{
	struct uiommu_endpoint *endpoint;
	uint32_t pasid;

	rig_device_range(rig, endpoint_id, 1, PASIDS, 512);
	endpoint = uiommu_endpoint_add(rig->dev, endpoint_id, NULL);
	CHECK(endpoint != NULL);
	for (pasid = 1; pasid <= PASIDS; pasid++) {
		struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);

		rig_attach(endpoint, pasid, rec->domain, rec);
	}
	return endpoint;
}

static void
control_thread(void)
{
	struct rig_conf conf = {.model_thread = true, .owner_thread = true, .no_log = true};
	struct rig *rig = rig_open(&conf);
	struct uiommu_endpoint *endpoint = own_domains(rig, EP);
	unsigned int round;

	CHECK_EQ(uiommu_emu_traffic_set(rig->emu, &mixed_traffic), 0);
	uiommu_emu_traffic_run(rig->emu, true);
	for (round = 0; round < TRAFFIC(150); round++)
		rebond(rig, endpoint, EP, 1 + round % PASIDS);
	CHECK(rig_stats(rig).groups > 0);
	rig_close(rig);
}

/* The owner itself, between two polls. */
static void
owner_between_polls(void)
{
	struct rig_conf conf = {.model_thread = true, .no_log = true};
	struct rig *rig = rig_open(&conf);
	struct uiommu_endpoint *endpoint = own_domains(rig, EP);
	unsigned int round;

	CHECK_EQ(uiommu_emu_traffic_set(rig->emu, &mixed_traffic), 0);
	uiommu_emu_traffic_run(rig->emu, true);
	for (round = 0; round < TRAFFIC(150); round++) {
		rig_turn(rig);
		rebond(rig, endpoint, EP, 1 + round % PASIDS);
	}
	rig_close(rig);
}

struct second {
	struct rig *rig;
	struct uiommu_endpoint *endpoint;
	bool done; /* atomic */
};

static void *
second_main(void *arg)
{
	struct second *second = arg;
	unsigned int round;

	for (round = 0; round < TRAFFIC(80); round++)
		rebond(second->rig, second->endpoint, 0x0200, 1 + round % PASIDS);
	__atomic_store_n(&second->done, true, __ATOMIC_RELEASE);
	return NULL;
}

/*
 * The owner wants the control lock while another thread holds it, and waits for the owner's
 * next turn.
 */
static void
owner_and_control_thread(void)
{
	struct rig_conf conf = {.model_thread = true, .no_log = true};
	struct rig *rig = rig_open(&conf);
	struct uiommu_endpoint *endpoint = own_domains(rig, EP);
	struct second second = {.rig = rig, .endpoint = own_domains(rig, 0x0200)};
	pthread_t thread;
	unsigned int round;

	CHECK_EQ(uiommu_emu_traffic_set(rig->emu, &mixed_traffic), 0);
	uiommu_emu_traffic_run(rig->emu, true);
	CHECK_EQ(pthread_create(&thread, NULL, second_main, &second), 0);
	for (round = 0; round < TRAFFIC(80); round++)
		rebond(rig, endpoint, EP, 1 + round % PASIDS);
	while (!__atomic_load_n(&second.done, __ATOMIC_ACQUIRE) && harness_failures() == 0)
		rig_turn(rig);
	pthread_join(thread, NULL);
	rig_close(rig);
}

/* Nobody polls but the control calls themselves. */
static void
no_owner(void)
{
	struct rig_conf conf = {.model_thread = true, .no_claim = true, .no_log = true};
	struct rig *rig = rig_open(&conf);
	struct uiommu_endpoint *endpoint = own_domains(rig, EP);
	unsigned int round;

	CHECK_EQ(uiommu_emu_traffic_set(rig->emu, &mixed_traffic), 0);
	uiommu_emu_traffic_run(rig->emu, true);
	for (round = 0; round < TRAFFIC(150); round++)
		rebond(rig, endpoint, EP, 1 + round % PASIDS);
	rig_claim(rig);
	rig_close(rig);
}

/* ------------------------------------------------ two owners, two units */

struct cross {
	struct rig *own;
	struct rig *other;
	struct uiommu_endpoint *endpoint; /* on the other unit */
	uint64_t calls;
	bool *ready;
	unsigned int *done; /* atomic */
};

static void *
cross_main(void *arg)
{
	struct cross *cross = arg;
	unsigned int round;

	EXPECT_EQ(rig_queues_claim(cross->own), 0);
	while (!__atomic_load_n(cross->ready, __ATOMIC_ACQUIRE))
		rig_turn_of(cross->own, 64);
	for (round = 0; round < TRAFFIC(40); round++) {
		rig_turn_of(cross->own, 64);
		rebond(cross->other, cross->endpoint, EP, 1 + round % PASIDS);
		cross->calls++;
	}
	/* the other one may still need our queue */
	__atomic_fetch_add(cross->done, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(cross->done, __ATOMIC_ACQUIRE) < 2)
		rig_turn_of(cross->own, 64);
	EXPECT_EQ(rig_queues_release(cross->own), 0);
	return NULL;
}

static void
two_owners(void)
{
	struct rig_conf conf = {.model_thread = true, .no_claim = true, .no_log = true};
	struct rig *rigs[2] = {rig_open(&conf), rig_open(&conf)};
	struct uiommu_endpoint *endpoints[2];
	struct cross cross[2];
	pthread_t threads[2];
	unsigned int done = 0;
	bool ready = false;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		endpoints[i] = own_domains(rigs[i], EP);
		CHECK_EQ(uiommu_emu_traffic_set(rigs[i]->emu, &mixed_traffic), 0);
		uiommu_emu_traffic_run(rigs[i]->emu, true);
	}
	for (i = 0; i < 2; i++) {
		cross[i] = (struct cross){
			.own = rigs[i],
			.other = rigs[1 - i],
			.endpoint = endpoints[1 - i],
			.ready = &ready,
			.done = &done,
		};
		CHECK_EQ(pthread_create(&threads[i], NULL, cross_main, &cross[i]), 0);
	}
	__atomic_store_n(&ready, true, __ATOMIC_RELEASE);
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(cross[i].calls, TRAFFIC(40));
		rig_claim(rigs[i]);
		rig_close(rigs[i]);
	}
}

/* -------------------------------------------------------- endpoints */

/* Endpoints come and go; another one's traffic must not notice. */
static void
remove_with_traffic(void)
{
	struct rig_conf conf = {.model_thread = true, .owner_thread = true, .no_log = true};
	struct rig *rig = rig_open(&conf);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *endpoint = endpoint_with(rig, EP, 64, 512, rec);
	struct recorder *other = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	unsigned int round;
	uint32_t pasid;

	endpoint_with(rig, 0x0200, 4, 512, other);
	CHECK_EQ(uiommu_emu_traffic_set(rig->emu, &mixed_traffic), 0);
	uiommu_emu_traffic_run(rig->emu, true);
	for (round = 0; round < TRAFFIC(40); round++) {
		for (pasid = 1; pasid <= 64; pasid++)
			uiommu_emu_pasid_state(rig->emu, EP, pasid, UIOMMU_EMU_CHANGING);
		CHECK_EQ(uiommu_endpoint_remove(endpoint), 0);
		for (pasid = 1; pasid <= 64; pasid++)
			uiommu_emu_pasid_state(rig->emu, EP, pasid, UIOMMU_EMU_DETACHED);
		recorder_close(rec);
		rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
		for (pasid = 1; pasid <= 64; pasid++)
			uiommu_emu_pasid_state(rig->emu, EP, pasid, UIOMMU_EMU_CHANGING);
		endpoint = uiommu_endpoint_add(rig->dev, EP, NULL);
		CHECK(endpoint != NULL);
		attach_range(endpoint, 1, 64, rec);
		for (pasid = 1; pasid <= 64; pasid++)
			uiommu_emu_pasid_state(rig->emu, EP, pasid, UIOMMU_EMU_ATTACHED);
	}
	CHECK(recorder_groups(other) > 0);
	rig_close(rig);
}

/* Stop and start under full traffic: what is in flight is answered, by the engine or the unit. */
static void
stop_with_traffic(void)
{
	struct rig_conf conf = {.model_thread = true, .no_log = true};
	struct rig *rig = rig_open(&conf);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	const bool refuses = (rig->info.capa & UIOMMU_CAPA_AUTO_ANSWER) != 0;
	unsigned int round, turn;
	uint32_t pasid;

	endpoint_with(rig, EP, PASIDS, 512, rec);
	CHECK_EQ(uiommu_emu_traffic_set(rig->emu, &mixed_traffic), 0);
	uiommu_emu_traffic_run(rig->emu, true);
	for (round = 0; round < TRAFFIC(24); round++) {
		for (turn = 0; turn < 200; turn++)
			rig_turn(rig);
		for (pasid = 1; pasid <= PASIDS; pasid++)
			uiommu_emu_pasid_state(rig->emu, EP, pasid, UIOMMU_EMU_CHANGING);
		/* a unit that looks nothing up refuses nothing: it is for the devices to stop */
		if (!refuses)
			rig_traffic_pause(rig);
		CHECK_EQ(uiommu_stop(rig->dev), 0);
		CHECK_EQ(uiommu_start(rig->dev), 0);
		uiommu_emu_traffic_run(rig->emu, true);
		for (pasid = 1; pasid <= PASIDS; pasid++)
			uiommu_emu_pasid_state(rig->emu, EP, pasid, UIOMMU_EMU_ATTACHED);
	}
	rig_close(rig);
}

static const struct harness_case r4_threads_cases[] = {
	{"R4 T16 detach by a control thread, with traffic", control_thread, 0},
	{"R4 T15 detach by the owner between polls, with traffic", owner_between_polls, 0},
	{"R4 T15 detach by the owner and by a control thread at once", owner_and_control_thread, 0},
	{"R4 T15 detach while nobody owns the queue, with traffic", no_owner, 0},
	{"R4 T15 two owners detach on each other's unit", two_owners, 0},
	{"R4 T16 T33 endpoints removed and added, with traffic", remove_with_traffic, 0},
	{"R4 stop and start, with traffic", stop_with_traffic, 0},
};

HARNESS_SUITE(r4_threads);
