/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Detach without waiting while devices ask, and other threads detach with waiting. */

#include <sched.h>
#include <time.h>

#include "conformance.h"

#define PASIDS 8

static const struct uiommu_emu_traffic traffic = {
	.group_pages_min = 1,
	.group_pages_max = 4,
	.write_ratio = 0.5,
	.seed = 8,
};

struct party {
	struct rig *rig;
	struct uiommu_endpoint *endpoint;
	uint32_t endpoint_id;
	unsigned int rounds;
	bool done; /* atomic */
};

/* A bond to a domain of its own for each PASID. */
static struct party
party_open(struct rig *rig, uint32_t endpoint_id, unsigned int rounds)
{
	struct party p = {.rig = rig, .endpoint_id = endpoint_id, .rounds = rounds};
	uint32_t pasid;

	rig_device_range(rig, endpoint_id, 1, PASIDS, 512);
	p.endpoint = rig_endpoint_add(rig, endpoint_id, 0, 0);
	for (pasid = 1; pasid <= PASIDS; pasid++) {
		struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);

		rig_attach(p.endpoint, pasid, rec->domain, rec);
	}
	return p;
}

static void
state(struct party *p, uint32_t pasid, enum uiommu_emu_pasid_state to)
{
	EXPECT_EQ(uiommu_emu_pasid_state(p->rig->emu, p->endpoint_id, pasid, to), 0);
}

static struct uiommu_attach *
begin(struct party *p, uint32_t pasid)
{
	struct uiommu_attach *attach = uiommu_attach_find(p->endpoint, pasid, UIOMMU_DOMAIN_ANY);

	state(p, pasid, UIOMMU_EMU_CHANGING);
	CHECK_EQ(uiommu_detach_start(attach), 0);
	return attach;
}

/* It is over: nothing of it may come any more. Then a new bond in its place. */
static void
end(struct party *p, uint32_t pasid, struct recorder *old)
{
	struct recorder *next = rig_recorder(p->rig, UIOMMU_CODE_SUCCESS);

	state(p, pasid, UIOMMU_EMU_DETACHED);
	recorder_close(old);
	state(p, pasid, UIOMMU_EMU_CHANGING);
	rig_attach(p->endpoint, pasid, next->domain, next);
	state(p, pasid, UIOMMU_EMU_ATTACHED);
}

/* Three at a time, each in its own state, by whoever asks. poll: the caller owns the queue. */
static void
undo_some(struct party *p, unsigned int round, bool poll)
{
	uint64_t give_up = harness_now_ns() + RIG_PATIENCE_NS;
	struct uiommu_attach *attach[3];
	struct recorder *recs[3];
	unsigned int left = 3, i;

	for (i = 0; i < 3; i++) {
		attach[i] = begin(p, 1 + (round + i) % PASIDS);
		recs[i] = uiommu_attach_priv(attach[i]);
	}
	while (left != 0) {
		if (poll)
			rig_turn(p->rig);
		for (i = 0; i < 3; i++) {
			int ret = attach[i] != NULL ? uiommu_detach_done(attach[i]) : -EINPROGRESS;

			if (ret == -EINPROGRESS)
				continue;
			CHECK_EQ(ret, 0);
			attach[i] = NULL;
			left--;
			end(p, 1 + (round + i) % PASIDS, recs[i]);
		}
		CHECK(harness_now_ns() < give_up);
	}
}

/* Firmware with a single loop. */
static void
single_loop(void)
{
	struct rig_conf conf = {.model_thread = true, .no_log = true};
	struct rig *rig = rig_open(&conf);
	struct party p = party_open(rig, EP, TRAFFIC(60));
	unsigned int round;

	CHECK_EQ(uiommu_emu_traffic_set(rig->emu, &traffic), 0);
	uiommu_emu_traffic_run(rig->emu, true);
	/* a kernel may end a bond before the devices are awake */
	rig_wait_for(rig, "groups", 1);
	for (round = 0; round < p.rounds; round++)
		undo_some(&p, round, true);
	CHECK(rig_stats(rig).groups > 0);
	rig_close(rig);
}

/* A thread asks that does not own the queue. */
static void
by_another_thread(void)
{
	struct rig_conf conf = {.model_thread = true, .owner_thread = true, .no_log = true};
	struct rig *rig = rig_open(&conf);
	struct party p = party_open(rig, EP, TRAFFIC(60));
	unsigned int round;

	CHECK_EQ(uiommu_emu_traffic_set(rig->emu, &traffic), 0);
	uiommu_emu_traffic_run(rig->emu, true);
	for (round = 0; round < p.rounds; round++)
		undo_some(&p, round, false);
	rig_close(rig);
}

static void *
blocking_main(void *arg)
{
	struct party *p = arg;
	unsigned int round;

	for (round = 0; round < p->rounds; round++) {
		uint32_t pasid = 1 + round % PASIDS;
		struct uiommu_attach *attach =
			uiommu_attach_find(p->endpoint, pasid, UIOMMU_DOMAIN_ANY);
		struct recorder *old = uiommu_attach_priv(attach);

		state(p, pasid, UIOMMU_EMU_CHANGING);
		CHECK_EQ(uiommu_detach(attach), 0);
		end(p, pasid, old);
	}
	__atomic_store_n(&p->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static void *
undoing_main(void *arg)
{
	struct party *p = arg;
	unsigned int round;

	for (round = 0; round < p->rounds; round++)
		undo_some(p, round, false);
	__atomic_store_n(&p->done, true, __ATOMIC_RELEASE);
	return NULL;
}

/* The owner does not wait, a second thread waits, a third one does not: three endpoints. */
static void
with_blocking_calls(void)
{
	struct rig_conf conf = {.model_thread = true, .no_log = true};
	struct rig *rig = rig_open(&conf);
	struct party mine = party_open(rig, EP, TRAFFIC(30));
	struct party others[2] = {party_open(rig, 0x0200, TRAFFIC(60)),
				  party_open(rig, 0x0300, TRAFFIC(20))};
	pthread_t threads[2];
	unsigned int round;

	CHECK_EQ(uiommu_emu_traffic_set(rig->emu, &traffic), 0);
	uiommu_emu_traffic_run(rig->emu, true);
	CHECK_EQ(pthread_create(&threads[0], NULL, blocking_main, &others[0]), 0);
	CHECK_EQ(pthread_create(&threads[1], NULL, undoing_main, &others[1]), 0);
	for (round = 0; round < mine.rounds; round++)
		undo_some(&mine, round, true);
	while ((!__atomic_load_n(&others[0].done, __ATOMIC_ACQUIRE) ||
		!__atomic_load_n(&others[1].done, __ATOMIC_ACQUIRE)) &&
	       harness_failures() == 0)
		rig_turn(rig);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	rig_close(rig);
}

/* Handlers end their bonds under fire; the owner gives the PASIDs new ones. */
struct self {
	struct party *party;
	struct uiommu_attach *begun[PASIDS + 1];
};

static void
self_hook(struct recorder *rec, struct uiommu_group *groups, uint8_t *codes, uint16_t nb)
{
	struct self *self = rec->hook_arg;
	uint32_t pasid = uiommu_attach_pasid(groups[0].attach);

	if (recorder_groups(rec) < 20 || self->begun[pasid] != NULL)
		return;
	state(self->party, pasid, UIOMMU_EMU_CHANGING);
	EXPECT_EQ(uiommu_detach_start(groups[0].attach), 0);
	self->begun[pasid] = groups[0].attach;
}

static void
handlers_end_themselves(void)
{
	struct rig_conf conf = {.model_thread = true, .no_log = true};
	struct rig *rig = rig_open(&conf);
	struct party p = party_open(rig, EP, TRAFFIC(120));
	uint64_t give_up = harness_now_ns() + RIG_PATIENCE_NS;
	struct self self = {.party = &p};
	unsigned int ended = 0;
	uint32_t pasid;

	for (pasid = 1; pasid <= PASIDS; pasid++) {
		struct recorder *rec = uiommu_attach_priv(
			uiommu_attach_find(p.endpoint, pasid, UIOMMU_DOMAIN_ANY));

		rec->hook_arg = &self;
		rec->hook = self_hook;
	}
	CHECK_EQ(uiommu_emu_traffic_set(rig->emu, &traffic), 0);
	uiommu_emu_traffic_run(rig->emu, true);
	while (ended < p.rounds) {
		rig_turn(rig);
		for (pasid = 1; pasid <= PASIDS; pasid++) {
			struct uiommu_attach *attach = self.begun[pasid];
			struct recorder *old, *next;

			if (attach == NULL)
				continue;
			old = uiommu_attach_priv(attach);
			if (uiommu_detach_done(attach) != 0)
				continue;
			self.begun[pasid] = NULL;
			end(&p, pasid, old);
			next = uiommu_attach_priv(
				uiommu_attach_find(p.endpoint, pasid, UIOMMU_DOMAIN_ANY));
			next->hook_arg = &self;
			next->hook = self_hook;
			ended++;
		}
		CHECK(harness_now_ns() < give_up);
	}
	/* those that are begun are left to close */
	rig_close(rig);
}

/* ----------------------------------------- a handler, and who takes the bond away */

/* The handler is in the middle of its burst when another thread takes its bond away. */
struct late {
	bool inside; /* atomic: the handler is running */
	bool begun;  /* atomic: the other thread is about to call */
	int started; /* atomic: what the handler was told; 1: not yet */
};

static void
late_hook(struct recorder *rec, struct uiommu_group *groups, uint8_t *codes, uint16_t nb)
{
	const struct timespec pause = {.tv_nsec = 20000000};
	struct late *late = rec->hook_arg;

	__atomic_store_n(&late->inside, true, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&late->begun, __ATOMIC_ACQUIRE) && harness_failures() == 0)
		sched_yield();
	/* time for the other one to get as far as it can without us */
	nanosleep(&pause, NULL);
	__atomic_store_n(&late->started, uiommu_detach_start(groups[0].attach), __ATOMIC_RELEASE);
}

enum taking {
	TAKE_BY_DETACH,
	TAKE_BY_REMOVAL,
	TAKE_BY_REPLACE,
};

static int
take(enum taking how, struct uiommu_endpoint *endpoint, struct uiommu_attach *attach,
     struct uiommu_domain *domain)
{
	switch (how) {
	case TAKE_BY_DETACH:
		return uiommu_detach(attach);
	case TAKE_BY_REMOVAL:
		return uiommu_endpoint_remove(endpoint);
	default:
		return uiommu_replace(attach, domain, NULL) != NULL ? 0 : -rte_errno;
	}
}

/* One of the two has the bond; whoever was told that he has may go on with it. */
static void
late_start(enum taking how)
{
	struct rig_conf conf = {.model_thread = true, .owner_thread = true};
	struct rig *rig = rig_open(&conf);
	struct recorder *other = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);
	unsigned int round;
	int ret, started;

	for (round = 0; round < 5; round++) {
		struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
		struct uiommu_attach *attach = rig_attach(endpoint, 7, rec->domain, NULL);
		struct late late = {.started = 1};

		rec->hook_arg = &late;
		rec->hook = late_hook;
		rig_ask(rig, 7, (uint16_t)round, 1, true);
		while (!__atomic_load_n(&late.inside, __ATOMIC_ACQUIRE) && harness_failures() == 0)
			sched_yield();
		__atomic_store_n(&late.begun, true, __ATOMIC_RELEASE);
		ret = take(how, endpoint, attach, other->domain);
		started = __atomic_load_n(&late.started, __ATOMIC_ACQUIRE);
		CHECK(started == 0 || started == -EALREADY);
		/* a removal takes all bonds; the others only what nobody else has */
		CHECK(ret == 0 || (ret == -EBUSY && how != TAKE_BY_REMOVAL && started == 0));
		CHECK(ret != 0 || started != 0 || how == TAKE_BY_REMOVAL);
		if (started == 0) {
			while ((ret = uiommu_detach_done(attach)) == -EINPROGRESS)
				sched_yield();
			CHECK_EQ(ret, 0);
		} else if (how == TAKE_BY_REPLACE) {
			CHECK_EQ(uiommu_detach(uiommu_attach_find(endpoint, 7, UIOMMU_DOMAIN_ANY)),
				 0);
		}
		rig_settle(rig);
		rig_expect(rig, EP, 7, (uint16_t)round, UIOMMU_EMU_SUCCESS);
		recorder_close(rec);
		if (how == TAKE_BY_REMOVAL)
			endpoint = rig_endpoint_add(rig, EP, 0, 0);
	}
	rig_close(rig);
}

static void
late_start_and_detach(void)
{
	late_start(TAKE_BY_DETACH);
}

static void
late_start_and_removal(void)
{
	late_start(TAKE_BY_REMOVAL);
}

static void
late_start_and_replace(void)
{
	late_start(TAKE_BY_REPLACE);
}

static const struct harness_case undo_threads_cases[] = {
	{"R4 T15 T16 detach without waiting in a single loop, with traffic", single_loop, 0},
	{"R4 T16 detach without waiting by another thread, with traffic", by_another_thread, 0},
	{"R4 T15 detach with and without waiting at once, with traffic", with_blocking_calls, 0},
	{"R4 T15 handlers end their own bonds, with traffic", handlers_end_themselves, 0},
	{"R4 T16 a handler ends its bond while it is detached", late_start_and_detach,
	 HARNESS_NEEDS_LAST_WORD},
	{"R4 T16 a handler ends its bond while its endpoint is removed", late_start_and_removal,
	 HARNESS_NEEDS_LAST_WORD},
	{"R4 T16 a handler ends its bond while it is replaced", late_start_and_replace,
	 HARNESS_NEEDS_LAST_WORD},
};

HARNESS_SUITE(undo_threads);
