/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Everything at once: one thread polls, one is the model at full rate, others detach, attach,
 * remove, add and answer by cookie, at random. No assumption on time: what must hold, holds
 * in any order. Arguments: --unit, seconds (3), seed (from the clock), control threads (2).
 */

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "rig.h"
#include "stress.h"

#define ENDPOINTS 6
#define PASIDS 12
#define DOMAINS 5
#define CONTROLLERS_MAX 16
#define COOKIES 1024 /* power of two */

/* What a domain's handler does with its groups. */
enum habit {
	AT_ONCE,
	DEFER_ALL,
	MIXED,
	RETRY_SOME,
	AT_ONCE_TOO,
};

struct stress {
	struct rig *rig;
	struct uiommu_endpoint *endpoints[ENDPOINTS]; /* each by the controller that has its lock */
	pthread_mutex_t endpoint_locks[ENDPOINTS];
	struct recorder *domains[DOMAINS];
	uint64_t cookies[COOKIES]; /* atomic */
	uint64_t nb_cookies;	   /* atomic */
	uint64_t random;	   /* of the handlers: the owner's */
	uint64_t seed;
	bool end;	   /* atomic */
	uint64_t changes;  /* atomic */
	uint64_t answered; /* atomic */
};

struct controller {
	struct stress *stress;
	uint64_t random;
	pthread_t thread;
};

static uint32_t
endpoint_id(unsigned int index)
{
	return 0x0100 * (index % 3) + 8 * index;
}

/* Two of the devices do not ask, but wait, where the unit can do that. */
static bool
stalls(const struct stress *stress, unsigned int index)
{
	return index % 3 == 1 && (stress->rig->info.capa & UIOMMU_CAPA_STALL) != 0;
}

static void
handler_hook(struct recorder *rec, struct uiommu_group *groups, uint8_t *codes, uint16_t nb)
{
	struct stress *stress = rec->hook_arg;
	enum habit habit = AT_ONCE;
	uint16_t i;

	while (stress->domains[habit] != rec)
		habit++;
	for (i = 0; i < nb; i++) {
		uint64_t dice = harness_random(&stress->random) % 4;
		uiommu_cookie_t cookie = 0;

		codes[i] = UIOMMU_CODE_SUCCESS;
		if (habit == RETRY_SOME && dice == 0)
			codes[i] = UIOMMU_CODE_RETRY;
		if (habit != DEFER_ALL && (habit != MIXED || dice < 2))
			continue;
		cookie = uiommu_group_defer(&groups[i]);
		codes[i] = cookie != 0 ? UIOMMU_CODE_DEFERRED : UIOMMU_CODE_RETRY;
		if (cookie == 0)
			continue;
		__atomic_store_n(&stress->cookies[stress->nb_cookies % COOKIES], cookie,
				 __ATOMIC_RELAXED);
		__atomic_store_n(&stress->nb_cookies, stress->nb_cookies + 1, __ATOMIC_RELEASE);
		/* a deferral that is taken back at once */
		if (habit == MIXED && dice == 2)
			codes[i] = UIOMMU_CODE_SUCCESS;
	}
}

/* Answer whatever was deferred lately, no matter who else does or whether it is there still. */
static void
cookies_answer(struct controller *self)
{
	struct stress *stress = self->stress;
	uint64_t nb = __atomic_load_n(&stress->nb_cookies, __ATOMIC_ACQUIRE);
	uint64_t cookies[64];
	uint8_t codes[64];
	uint16_t count = 0;
	uint64_t back;

	for (back = 1; back <= RTE_MIN(nb, (uint64_t)COOKIES); back++) {
		codes[count] = harness_random(&self->random) % 8 == 0 ? UIOMMU_CODE_RETRY
								      : UIOMMU_CODE_SUCCESS;
		cookies[count++] =
			__atomic_load_n(&stress->cookies[(nb - back) % COOKIES], __ATOMIC_RELAXED);
		if (count == 64 || back == RTE_MIN(nb, (uint64_t)COOKIES)) {
			uint16_t done =
				uiommu_answer(stress->rig->dev, cookies, codes, NULL, count);

			__atomic_fetch_add(&stress->answered, done, __ATOMIC_RELAXED);
			count = 0;
		}
	}
}

static void
states_set(struct stress *stress, unsigned int index, enum uiommu_emu_pasid_state state)
{
	uint32_t pasid;

	for (pasid = 1; pasid <= PASIDS; pasid++) {
		int ret =
			uiommu_emu_pasid_state(stress->rig->emu, endpoint_id(index), pasid, state);

		EXPECT_EQ(ret, 0);
	}
}

static struct recorder *
domain_choose(struct controller *self)
{
	return self->stress->domains[harness_random(&self->random) % DOMAINS];
}

static void
endpoint_bring(struct controller *self, unsigned int index)
{
	struct stress *stress = self->stress;
	uint64_t flags = stalls(stress, index) ? RIG_STALLS : 0;
	struct uiommu_endpoint *endpoint;
	uint32_t pasid;

	endpoint = rig_endpoint_add(stress->rig, endpoint_id(index), flags, 0);
	for (pasid = 1; pasid <= PASIDS; pasid++)
		rig_attach(endpoint, pasid, domain_choose(self)->domain, NULL);
	stress->endpoints[index] = endpoint;
}

static void
endpoint_replace(struct controller *self, unsigned int index)
{
	struct stress *stress = self->stress;

	states_set(stress, index, UIOMMU_EMU_CHANGING);
	CHECK_EQ(uiommu_endpoint_remove(stress->endpoints[index]), 0);
	states_set(stress, index, UIOMMU_EMU_DETACHED);
	sched_yield();
	states_set(stress, index, UIOMMU_EMU_CHANGING);
	endpoint_bring(self, index);
	states_set(stress, index, UIOMMU_EMU_ATTACHED);
}

static void
bond_replace(struct controller *self, unsigned int index)
{
	struct stress *stress = self->stress;
	uint32_t pasid = 1 + (uint32_t)(harness_random(&self->random) % PASIDS);
	uint32_t id = endpoint_id(index);
	struct uiommu_emu *emu = stress->rig->emu;
	struct uiommu_endpoint *endpoint = stress->endpoints[index];
	bool quiesce = harness_random(&self->random) % 2 == 0;

	if (quiesce)
		uiommu_emu_pasid_quiesce(emu, id, pasid, true);
	uiommu_emu_pasid_state(emu, id, pasid, UIOMMU_EMU_CHANGING);
	CHECK_EQ(uiommu_detach(uiommu_attach_find(endpoint, pasid, UIOMMU_DOMAIN_ANY)), 0);
	uiommu_emu_pasid_state(emu, id, pasid, UIOMMU_EMU_DETACHED);
	if (harness_random(&self->random) % 2 == 0)
		sched_yield();
	uiommu_emu_pasid_state(emu, id, pasid, UIOMMU_EMU_CHANGING);
	rig_attach(endpoint, pasid, domain_choose(self)->domain, NULL);
	uiommu_emu_pasid_state(emu, id, pasid, UIOMMU_EMU_ATTACHED);
	if (quiesce)
		uiommu_emu_pasid_quiesce(emu, id, pasid, false);
}

static void *
controller_main(void *arg)
{
	struct controller *self = arg;
	struct stress *stress = self->stress;

	while (!__atomic_load_n(&stress->end, __ATOMIC_ACQUIRE) && harness_failures() == 0) {
		unsigned int index = (unsigned int)(harness_random(&self->random) % ENDPOINTS);
		unsigned int dice = (unsigned int)(harness_random(&self->random) % 16);

		/* a thread that a check has ended keeps its lock */
		if (dice > 6 || pthread_mutex_trylock(&stress->endpoint_locks[index]) != 0) {
			cookies_answer(self);
			continue;
		}
		if (dice == 0)
			endpoint_replace(self, index);
		else
			bond_replace(self, index);
		pthread_mutex_unlock(&stress->endpoint_locks[index]);
		__atomic_fetch_add(&stress->changes, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void
device_plug(struct stress *stress, unsigned int index)
{
	uint32_t pasids[PASIDS], i;
	const struct uiommu_emu_device_conf conf = {
		.endpoint_id = endpoint_id(index),
		.credits = 256,
		.nb_pasids = PASIDS,
		.pasids = pasids,
		.stalls = stalls(stress, index),
	};

	for (i = 0; i < PASIDS; i++)
		pasids[i] = i + 1;
	CHECK_EQ(uiommu_emu_device_add(stress->rig->emu, &conf), 0);
}

static struct stress *
stress_open(uint64_t seed)
{
	static struct stress stress;
	struct rig_conf conf = {
		.model_thread = true,
		.owner_thread = true,
		.no_log = true,
		.dev = {.queue_entries = 1024, .deferred_max = 512, .parked_max = 256},
	};
	struct controller first = {.stress = &stress, .random = seed};
	unsigned int i;

	stress.seed = seed;
	stress.random = seed + 1;
	stress.rig = rig_open(&conf);
	for (i = 0; i < DOMAINS; i++) {
		stress.domains[i] = rig_recorder(stress.rig, UIOMMU_CODE_SUCCESS);
		stress.domains[i]->hook = handler_hook;
		stress.domains[i]->hook_arg = &stress;
	}
	for (i = 0; i < ENDPOINTS; i++) {
		pthread_mutex_init(&stress.endpoint_locks[i], NULL);
		device_plug(&stress, i);
		endpoint_bring(&first, i);
	}
	return &stress;
}

/*
 * Devices wait for what nobody has answered: let go of it before the traffic changes. A cookie
 * that was written over before anybody has seen it is answered with the end of its bond.
 */
static void
come_to_rest(struct stress *stress)
{
	struct controller self = {.stress = stress, .random = stress->seed};
	unsigned int i;

	uiommu_emu_traffic_run(stress->rig->emu, false);
	cookies_answer(&self);
	rig_settle(stress->rig);
	for (i = 0; i < ENDPOINTS && rig_stats(stress->rig).deferred_now != 0; i++)
		endpoint_replace(&self, i);
	/* groups that have come to their end only now */
	do {
		cookies_answer(&self);
		rig_settle(stress->rig);
	} while (rig_stats(stress->rig).deferred_now != 0 && harness_failures() == 0);
}

static void
churn(struct stress *stress, unsigned int nb_controllers, uint64_t ns, unsigned int which)
{
	struct uiommu_emu_traffic traffic = stress_traffics[which % STRESS_TRAFFICS];
	struct controller controllers[CONTROLLERS_MAX];
	uint64_t end = harness_now_ns() + ns;
	unsigned int i;

	traffic.seed = stress->seed + which;
	CHECK_EQ(uiommu_emu_traffic_set(stress->rig->emu, &traffic), 0);
	uiommu_emu_traffic_run(stress->rig->emu, true);
	__atomic_store_n(&stress->end, false, __ATOMIC_RELEASE);
	for (i = 0; i < nb_controllers; i++) {
		controllers[i] = (struct controller){
			.stress = stress,
			.random = stress->seed ^ ((uint64_t)which << 32 | i),
		};
		CHECK_EQ(pthread_create(&controllers[i].thread, NULL, controller_main,
					&controllers[i]),
			 0);
	}
	while (harness_now_ns() < end && harness_failures() == 0)
		sched_yield();
	__atomic_store_n(&stress->end, true, __ATOMIC_RELEASE);
	for (i = 0; i < nb_controllers; i++)
		pthread_join(controllers[i].thread, NULL);
	come_to_rest(stress);
	rig_check_verdict(stress->rig, false);
	rig_check_counters(stress->rig);
}

static struct stress_arguments arguments = {.seconds = 3, .nb_controllers = 2};

static void
stress_churn(void)
{
	struct stress *stress = stress_open(arguments.seed);
	struct uiommu_stats stats;
	unsigned int which;

	fprintf(stderr, "seed %llu\n", (unsigned long long)arguments.seed);
	for (which = 0; which < STRESS_TRAFFICS && harness_failures() == 0; which++)
		churn(stress, arguments.nb_controllers,
		      (uint64_t)(arguments.seconds * 1e9 / STRESS_TRAFFICS), which);
	stats = rig_stats(stress->rig);
	fprintf(stderr,
		"%llu requests, %llu responses, %llu control calls, %llu late answers, "
		"%llu overflows\n",
		(unsigned long long)stats.requests, (unsigned long long)stats.responses,
		(unsigned long long)stress->changes, (unsigned long long)stats.late_answers,
		(unsigned long long)stats.overflows);
	CHECK(stats.groups > 0 && stats.late_answers > 0 && stress->changes > 0);
	CHECK_EQ(stats.late_answers, stress->answered);
	rig_close(stress->rig);
}

int
main(int argc, char **argv)
{
	static const struct harness_case stress_cases[] = {
		{"R1 R2 R4 R7 R9 T16 T17 everything at once", stress_churn, 0},
	};
	static HARNESS_SUITE(stress);
	static const struct harness_suite *const suites[] = {&stress_suite};
	static const struct harness_program program = {.suites = suites, .nb_suites = 1};

	if (stress_arguments_read(argc, argv, CONTROLLERS_MAX, &arguments) != 0)
		return 2;
	return stress_run(argv[0], &arguments, &program);
}
