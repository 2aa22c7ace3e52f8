/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Bring a unit up and down, and hold it to account at the end. */

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rig.h"

/* Turns without work between two offers of the processor. */
#define IDLE_YIELD 64
/* On a busy machine no wait may end only because a thread, or all of them, were away. */
#define TIMEOUT_NS UINT64_C(30000000000)

#define RIGS_MAX 4

/* Not on the stack of a case, which may end in the middle. */
static struct rig rigs[RIGS_MAX];

static bool
flag_get(const bool *flag)
{
	return __atomic_load_n(flag, __ATOMIC_ACQUIRE);
}

static void
flag_set(bool *flag, bool value)
{
	__atomic_store_n(flag, value, __ATOMIC_RELEASE);
}

static void *
model_main(void *arg)
{
	struct rig *rig = arg;
	unsigned int idle = 0;

	while (!flag_get(&rig->end_model)) {
		idle = uiommu_emu_step(rig->emu) != 0 ? 0 : idle + 1;
		__atomic_fetch_add(&rig->model_turns, 1, __ATOMIC_RELAXED);
		if (idle % IDLE_YIELD == IDLE_YIELD - 1)
			sched_yield();
	}
	return NULL;
}

/* Each queue of the unit. @return 0, or the last error */
static int
queues_call(const struct rig *rig, int (*call)(int16_t dev_id, uint16_t queue))
{
	uint16_t queue;
	int ret = 0, error;

	for (queue = 0; queue < rig->info.nb_queues; queue++) {
		error = call(rig->dev, queue);
		ret = error != 0 ? error : ret;
	}
	return ret;
}

int
rig_queues_claim(const struct rig *rig)
{
	return queues_call(rig, uiommu_queue_claim);
}

int
rig_queues_release(const struct rig *rig)
{
	return queues_call(rig, uiommu_queue_release);
}

static void *
owner_main(void *arg)
{
	struct rig *rig = arg;
	unsigned int idle = 0;

	EXPECT_EQ(rig_queues_claim(rig), 0);
	while (!flag_get(&rig->end_owner)) {
		if (flag_get(&rig->pause_owner)) {
			__atomic_fetch_add(&rig->owner_turns, 1, __ATOMIC_RELAXED);
			sched_yield();
			continue;
		}
		idle = rig_turn(rig) != 0 ? 0 : idle + 1;
		__atomic_fetch_add(&rig->owner_turns, 1, __ATOMIC_RELAXED);
		if (idle % IDLE_YIELD == IDLE_YIELD - 1)
			sched_yield();
	}
	EXPECT_EQ(rig_queues_release(rig), 0);
	return NULL;
}

void
rig_owner_start(struct rig *rig)
{
	uint64_t end = harness_now_ns() + RIG_PATIENCE_NS;

	flag_set(&rig->end_owner, false);
	flag_set(&rig->pause_owner, false);
	__atomic_store_n(&rig->owner_turns, 0, __ATOMIC_RELAXED);
	CHECK_EQ(pthread_create(&rig->owner, NULL, owner_main, rig), 0);
	rig->has_owner = true;
	while (__atomic_load_n(&rig->owner_turns, __ATOMIC_RELAXED) == 0) {
		CHECK(harness_now_ns() < end && harness_failures() == 0);
		sched_yield();
	}
}

void
rig_owner_pause(struct rig *rig)
{
	uint64_t turns;

	flag_set(&rig->pause_owner, true);
	turns = __atomic_load_n(&rig->owner_turns, __ATOMIC_RELAXED);
	/* the turn that is under way, and one that has seen the flag */
	while (__atomic_load_n(&rig->owner_turns, __ATOMIC_RELAXED) < turns + 2)
		sched_yield();
}

void
rig_owner_resume(struct rig *rig)
{
	flag_set(&rig->pause_owner, false);
}

void
rig_owner_stop(struct rig *rig)
{
	if (!rig->has_owner)
		return;
	flag_set(&rig->end_owner, true);
	pthread_join(rig->owner, NULL);
	rig->has_owner = false;
}

static void
model_stop(struct rig *rig)
{
	if (!rig->has_model)
		return;
	flag_set(&rig->end_model, true);
	pthread_join(rig->model, NULL);
	rig->has_model = false;
}

void
rig_claim(struct rig *rig)
{
	CHECK_EQ(rig_queues_claim(rig), 0);
	rig->claimed = true;
}

void
rig_release(struct rig *rig)
{
	rig->claimed = false;
	CHECK_EQ(rig_queues_release(rig), 0);
}

static void
recorders_free(struct rig *rig)
{
	while (rig->recorders != NULL) {
		struct recorder *rec = rig->recorders;

		rig->recorders = rec->next;
		free(rec);
	}
}

static int
unit_down(struct rig *rig)
{
	int stopped, ret;

	if (rig->claimed)
		rig_queues_release(rig);
	rig->claimed = false;
	stopped = uiommu_stop(rig->dev);
	/* the owner is gone; the model is needed up to here */
	model_stop(rig);
	ret = uiommu_close(rig->dev);
	recorders_free(rig);
	rig->open = false;
	if (ret != 0)
		harness_note(__FILE__, __LINE__, "close: %s", strerror(-ret));
	return stopped;
}

/* After each case: a unit that is still there is one of a case that ended in the middle. */
static void
rigs_abandon(void)
{
	size_t i;

	for (i = 0; i < RIGS_MAX; i++) {
		struct rig *rig = &rigs[i];

		if (!rig->open)
			continue;
		if (!harness_skipped())
			harness_note(__FILE__, __LINE__,
				     "the case ended without closing its unit");
		rig_owner_stop(rig);
		if (rig->emu != NULL) {
			uiommu_emu_traffic_run(rig->emu, false);
			uiommu_emu_fault_set(rig->emu, UIOMMU_EMU_FAULT_NONE, 0);
		}
		unit_down(rig);
	}
}

static struct rig *
rig_new(const struct rig_conf *conf)
{
	static const struct rig_conf defaults;
	size_t i = 0;

	while (i < RIGS_MAX && rigs[i].open)
		i++;
	CHECK(i < RIGS_MAX);
	memset(&rigs[i], 0, sizeof(rigs[i]));
	rigs[i].conf = conf != NULL ? *conf : defaults;
	rigs[i].conf.dev.size = sizeof(rigs[i].conf.dev);
	if (rigs[i].conf.dev.timeout_ns == 0)
		rigs[i].conf.dev.timeout_ns = TIMEOUT_NS;
	return &rigs[i];
}

struct rig *
rig_open(const struct rig_conf *conf)
{
	struct rig *rig = rig_new(conf);
	char devargs[256];
	int ret;

	harness_cleanup_set(rigs_abandon);
	snprintf(devargs, sizeof(devargs), "%s%s%s", harness_unit()->devargs,
		 rig->conf.model_thread ? "" : ",inline=1",
		 rig->conf.devargs != NULL ? rig->conf.devargs : "");
	ret = uiommu_probe(devargs, &rig->dev);
	if (ret == -ENODEV && harness_unit()->needs_kernel)
		harness_skip("no kernel with mock devices of iommufd runs here");
	CHECK_EQ(ret, 0);
	rig->open = true;
	CHECK_EQ(uiommu_configure(rig->dev, &rig->conf.dev), 0);
	CHECK_EQ(uiommu_info_get(rig->dev, &rig->info), 0);
	if (rig->conf.devargs == NULL)
		CHECK_EQ(rig->info.capa, harness_unit()->capa);
	rig->emu = uiommu_emu_find(rig->info.name);
	CHECK(rig->emu != NULL);
	uiommu_emu_log(rig->emu, !rig->conf.no_log);
	if (rig->conf.model_thread) {
		CHECK_EQ(pthread_create(&rig->model, NULL, model_main, rig), 0);
		rig->has_model = true;
	}
	if (rig->conf.no_start)
		return rig;
	CHECK_EQ(uiommu_start(rig->dev), 0);
	/* what a unit takes is in part seen when it is told to begin */
	CHECK_EQ(uiommu_info_get(rig->dev, &rig->info), 0);
	if (rig->conf.owner_thread)
		rig_owner_start(rig);
	else if (!rig->conf.no_claim)
		rig_claim(rig);
	return rig;
}

void
rig_check_verdict(struct rig *rig, bool final)
{
	struct uiommu_emu_verdict v = rig_verdict(rig, final);

	EXPECT_EQ(v.lost, 0);
	EXPECT_EQ(v.duplicated, 0);
	EXPECT_EQ(v.wrong, 0);
	EXPECT_EQ(v.unexpected, 0);
	EXPECT_EQ(v.overdrawn, 0);
	EXPECT_EQ(v.stale, 0);
	EXPECT_EQ(v.protocol, 0);
	EXPECT_EQ(v.unmapped, 0);
	EXPECT_EQ(v.corrupt, 0);
	EXPECT_EQ(v.code_other, 0);
	EXPECT(uiommu_emu_verdict_clean(&v));
	if (final)
		EXPECT_EQ(v.outstanding, 0);
	if (!uiommu_emu_verdict_clean(&v))
		harness_note(__FILE__, __LINE__, "first violation: %s", v.first);
}

static uint64_t
counter_or_0(const struct rig *rig, const char *name)
{
	return name != NULL ? rig_xstat(rig, name) : 0;
}

/* Stalls that the driver has ended by itself: the engine has not seen them. */
static uint64_t
ended_by_driver(const struct rig *rig)
{
	return counter_or_0(rig, harness_unit()->counters.terminated) +
	       counter_or_0(rig, harness_unit()->counters.not_allowed);
}

void
rig_check_counters(struct rig *rig)
{
	uint64_t ended = ended_by_driver(rig);
	struct uiommu_stats s = rig_stats(rig);
	struct uiommu_emu_verdict v = rig_verdict(rig, false);
	uint64_t by_code = 0;
	unsigned int i;

	const struct harness_counters *names = &harness_unit()->counters;
	uint64_t unheard = counter_or_0(rig, names->dead_answers) +
			   counter_or_0(rig, names->refused_answers);

	EXPECT_EQ(s.requests, s.grouped + s.malformed + s.unknown_endpoint + s.unknown_pasid +
				      s.stop_markers + s.park_full + s.incomplete + s.discarded +
				      s.parked_now);
	EXPECT_EQ(s.responses, s.groups - s.deferred_now + s.refused);
	for (i = 0; i < UIOMMU_CODE_SENT_COUNT; i++)
		by_code += s.codes[i];
	EXPECT_EQ(by_code, s.responses);
	EXPECT(s.deferred >= s.deferred_now + s.late_answers + s.drained + s.expired);
	EXPECT(s.busy_polls <= s.polls);
	/* and the unit has seen the same */
	EXPECT_EQ(v.responses + unheard, s.responses + ended);
	EXPECT_EQ(v.requests, s.requests + ended + v.unread);
	if (unheard == 0) {
		EXPECT_EQ(v.code_success,
			  s.codes[UIOMMU_CODE_SUCCESS] + s.codes[UIOMMU_CODE_RETRY]);
		EXPECT_EQ(v.code_invalid, s.codes[UIOMMU_CODE_INVALID] + ended);
	}
	EXPECT(unheard + v.unread == 0 || harness_lacks(HARNESS_NEEDS_LAST_WORD));
	EXPECT_EQ(v.code_failure, s.codes[UIOMMU_CODE_FAILURE]);
	/* the model does not look into what is raw */
	if (!rig->raw)
		EXPECT_EQ(v.stop_markers, s.stop_markers);
}

void
rig_check(struct rig *rig)
{
	uiommu_emu_traffic_run(rig->emu, false);
	rig_settle(rig);
	rig_check_counters(rig);
	/* a model with a thread of its own is not looked into from outside */
	if (!rig->has_model && uiommu_emu_audit(rig->emu) != 0)
		harness_note(__FILE__, __LINE__, "cached, and not so: %s",
			     rig_verdict(rig, false).first);
}

void
rig_close(struct rig *rig)
{
	rig_check(rig);
	rig_owner_stop(rig);
	rig_close_now(rig);
}

void
rig_close_now(struct rig *rig)
{
	if (rig->claimed)
		rig_release(rig);
	EXPECT_EQ(uiommu_stop(rig->dev), 0);
	rig_check_verdict(rig, true);
	rig_close_failed(rig);
}

void
rig_close_failed(struct rig *rig)
{
	rig_owner_stop(rig);
	unit_down(rig);
}
