/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Address spaces that end while devices go on: K29, K30, T14, T16, T18. */

#include <sched.h>

#include "sva.h"

static const uint32_t modes[] = {UIOMMU_MM_WORKER, UIOMMU_MM_POLLED, UIOMMU_MM_INLINE};

/*
 * What is in the hardware queue, and in the fault queue, is answered INVALID without the
 * operations; later requests by the unit itself, without a record of each; nothing is drained
 * before the unbind.
 */
static void
release_in(uint32_t mode)
{
	struct rig *rig = sva_rig(NULL);
	struct uiommu_endpoint *endpoint = sva_endpoint(rig, EP);
	struct sva_user *user = sva_user(mode, NULL);
	struct uiommu_sva *sva = sva_bind(endpoint, user->mm);
	uint32_t pasid = uiommu_sva_pasid(sva);
	struct uiommu_emu_verdict before, released, unbound;
	uint64_t faults;
	uint16_t i;

	sva_ask_and_expect(rig, user->mm, sva, (void *)0x1000, false, UIOMMU_EMU_SUCCESS);
	for (i = 0; i < 3; i++)
		sva_ask(rig, sva, i, (void *)0x2000, false, true);
	if (mode == UIOMMU_MM_POLLED)
		rig_settle(rig);
	before = rig_verdict(rig, false);
	faults = rig_faults_recorded(rig);
	CHECK_EQ(uiommu_mm_release(user->mm), 0);
	released = rig_verdict(rig, false);
	rig_settle(rig);
	for (i = 0; i < 3; i++)
		rig_expect_any(rig, EP, pasid, i, UIOMMU_EMU_INVALID);
	CHECK_EQ(sva_info(user->mm).dying, 3);
	CHECK_EQ(sva_info(user->mm).groups, 4);
	rig_ask_in_vain(rig, EP, pasid, 7);
	CHECK(!uiommu_emu_dma(rig->emu, EP, pasid, 0x1000, false));
	CHECK_EQ(rig_faults_recorded(rig), faults);
	CHECK_ERRNO(uiommu_sva_bind(endpoint, user->mm), ESRCH);
	CHECK_EQ(uiommu_mm_release(user->mm), 0);
	CHECK_EQ(uiommu_mm_destroy(user->mm), -EBUSY);
	CHECK_EQ(uiommu_sva_pasid(sva), pasid);
	unbound = rig_verdict(rig, false);
	CHECK_EQ(uiommu_sva_unbind(sva), 0);
	/* the drain costs waits of its own */
	CHECK(rig_verdict(rig, false).waits - unbound.waits > released.waits - before.waits);
	/* and refusals are recorded again */
	CHECK(!uiommu_emu_dma(rig->emu, EP, pasid, 0x1000, false));
	CHECK_EQ(rig_faults_recorded(rig), faults + 1);
	CHECK_EQ(user->gets, 1);
	CHECK_EQ(user->calls, 1);
	sva_mm_end(user->mm);
	rig_close(rig);
}

static void
release(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_COUNT(modes); i++)
		release_in(modes[i]);
}

/* The application that polled is gone: its groups are answered all the same. */
static void
release_of_what_nobody_polls(void)
{
	struct rig *rig = sva_rig(NULL);
	struct sva_user *user = sva_user(UIOMMU_MM_POLLED, NULL);
	struct uiommu_sva *sva = sva_bind(sva_endpoint(rig, EP), user->mm);
	uint16_t i, j;

	for (i = 0; i < 20; i++) {
		for (j = 0; j < 5; j++)
			sva_ask(rig, sva, i, (void *)0x1000, false, j == 4);
	}
	rig_settle(rig);
	CHECK_EQ(rig_stats(rig).deferred_now, 20);
	CHECK_EQ(uiommu_mm_release(user->mm), 0);
	rig_settle(rig);
	CHECK_EQ(rig_stats(rig).deferred_now, 0);
	for (i = 0; i < 20; i++)
		rig_expect_any(rig, EP, uiommu_sva_pasid(sva), i, UIOMMU_EMU_INVALID);
	CHECK_EQ(sva_info(user->mm).dying, 20);
	CHECK_EQ(user->gets + user->calls, 0);
	CHECK_EQ(uiommu_sva_unbind(sva), 0);
	sva_mm_end(user->mm);
	rig_close(rig);
}

/* K20: get() says that it is gone. */
static void
not_alive(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_COUNT(modes); i++) {
		struct rig *rig = sva_rig(NULL);
		struct sva_user *user = sva_user(modes[i], NULL);
		struct uiommu_sva *sva = sva_bind(sva_endpoint(rig, EP), user->mm);

		__atomic_store_n(&user->dead, true, __ATOMIC_RELEASE);
		sva_ask_and_expect(rig, user->mm, sva, (void *)0x1000, false, UIOMMU_EMU_INVALID);
		CHECK_EQ(user->gets, 1);
		CHECK_EQ(user->puts, 0);
		CHECK_EQ(user->calls, 0);
		CHECK_EQ(sva_info(user->mm).dying, 1);
		CHECK_EQ(sva_info(user->mm).invalid, 0);
		CHECK_EQ(uiommu_sva_unbind(sva), 0);
		sva_mm_end(user->mm);
		rig_close(rig);
	}
}

/* ------------------------------------------------- operations that are under way */

struct slow {
	struct uiommu_mm *mm;
	bool inside; /* atomic, as the others are */
	bool open;
	bool over;
	bool released;
};

static void
slow_hook(struct sva_user *user, const struct uiommu_mm_fault *faults, uint32_t nb_faults,
	  uint8_t *codes, uint32_t nb_groups)
{
	struct slow *slow = user->hook_arg;
	uint64_t end = harness_now_ns() + RIG_PATIENCE_NS;
	unsigned int i;

	__atomic_store_n(&slow->inside, true, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&slow->open, __ATOMIC_ACQUIRE) && harness_now_ns() < end)
		sched_yield();
	for (i = 0; i < 1000; i++)
		sched_yield();
	EXPECT(!__atomic_load_n(&slow->released, __ATOMIC_ACQUIRE));
	__atomic_store_n(&slow->over, true, __ATOMIC_RELEASE);
}

static void *
slow_release_main(void *arg)
{
	struct slow *slow = arg;

	EXPECT_EQ(uiommu_mm_release(slow->mm), 0);
	EXPECT(__atomic_load_n(&slow->over, __ATOMIC_ACQUIRE));
	__atomic_store_n(&slow->released, true, __ATOMIC_RELEASE);
	return NULL;
}

static void *
slow_poll_main(void *arg)
{
	struct slow *slow = arg;

	while (!__atomic_load_n(&slow->released, __ATOMIC_ACQUIRE)) {
		uiommu_mm_poll(slow->mm, 4);
		sched_yield();
	}
	return NULL;
}

/* There are threads about: a failure is noted and the case goes on to its end. */
static void
flag_wait(const bool *flag)
{
	uint64_t end = harness_now_ns() + RIG_PATIENCE_NS;

	while (!__atomic_load_n(flag, __ATOMIC_ACQUIRE) && harness_now_ns() < end)
		sched_yield();
	EXPECT(__atomic_load_n(flag, __ATOMIC_ACQUIRE));
}

/* T18: release returns when they have, so that what they use may be freed. */
static void
release_waits_in(uint32_t mode)
{
	struct rig_conf conf = {.model_thread = true, .owner_thread = true};
	struct rig *rig = sva_rig(&conf);
	struct sva_user *user = sva_user(mode, NULL);
	struct slow slow = {.mm = user->mm};
	struct uiommu_sva *sva;
	pthread_t releaser, poller;
	unsigned int i;

	sva_hook_set(user, slow_hook, &slow);
	sva = sva_bind(sva_endpoint(rig, EP), user->mm);
	sva_ask(rig, sva, 1, (void *)0x1000, false, true);
	CHECK_EQ(pthread_create(&poller, NULL, slow_poll_main, &slow), 0);
	flag_wait(&slow.inside);
	CHECK_EQ(pthread_create(&releaser, NULL, slow_release_main, &slow), 0);
	for (i = 0; i < 5000; i++)
		sched_yield();
	EXPECT(!__atomic_load_n(&slow.released, __ATOMIC_ACQUIRE));
	__atomic_store_n(&slow.open, true, __ATOMIC_RELEASE);
	pthread_join(releaser, NULL);
	pthread_join(poller, NULL);
	sva_answers_wait(rig, user->mm, 1);
	rig_expect(rig, EP, uiommu_sva_pasid(sva), 1, UIOMMU_EMU_SUCCESS);
	CHECK_EQ(user->gets, user->puts);
	CHECK_EQ(uiommu_sva_unbind(sva), 0);
	sva_mm_end(user->mm);
	rig_close(rig);
}

static void
release_waits(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_COUNT(modes); i++)
		release_waits_in(modes[i]);
}

/* ------------------------------------------------- calls inside an operation */

struct inside {
	struct rig *rig;
	struct uiommu_endpoint *endpoint;
	struct uiommu_sva *sva;
	int unbound;
};

/* On the fault lcore nothing of the control path; elsewhere nothing that waits for itself. */
static void
inside_hook(struct sva_user *user, const struct uiommu_mm_fault *faults, uint32_t nb_faults,
	    uint8_t *codes, uint32_t nb_groups)
{
	struct inside *inside = user->hook_arg;

	EXPECT_EQ(uiommu_mm_release(user->mm), -EDEADLK);
	EXPECT_EQ(uiommu_mm_destroy(user->mm), -EDEADLK);
	if (user->mode == UIOMMU_MM_INLINE) {
		const struct uiommu_mm_conf conf = {.size = sizeof(conf)};

		EXPECT_EQ(uiommu_sva_unbind(inside->sva), -EDEADLK);
		EXPECT(uiommu_sva_bind(inside->endpoint, user->mm) == NULL);
		EXPECT_EQ(rte_errno, EDEADLK);
		EXPECT(uiommu_mm_create(&conf) == NULL);
		EXPECT_EQ(rte_errno, EDEADLK);
		return;
	}
	/* the owner of the queue is this thread (polled), or polls meanwhile (worker) */
	inside->unbound = uiommu_sva_unbind(inside->sva);
}

static void
inside_an_operation(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_COUNT(modes); i++) {
		struct rig *rig = sva_rig(NULL);
		struct uiommu_endpoint *endpoint = sva_endpoint(rig, EP);
		struct sva_user *user = sva_user(modes[i], NULL);
		struct uiommu_sva *sva = sva_bind(endpoint, user->mm);
		struct inside inside = {rig, endpoint, sva, -1};
		bool is_inline = modes[i] == UIOMMU_MM_INLINE;
		uint32_t pasid = uiommu_sva_pasid(sva);

		sva_hook_set(user, inside_hook, &inside);
		sva_ask(rig, sva, 5, (void *)0x1000, false, true);
		sva_answers_wait(rig, user->mm, 1);
		/* the unbind answered what the operation was called for */
		rig_expect(rig, EP, pasid, 5, is_inline ? UIOMMU_EMU_SUCCESS : UIOMMU_EMU_INVALID);
		if (is_inline)
			CHECK_EQ(uiommu_sva_unbind(sva), 0);
		sva_mm_end(user->mm);
		CHECK_EQ(inside.unbound, is_inline ? -1 : 0);
		rig_close(rig);
	}
}

static const struct harness_case sva_end_cases[] = {
	{"SVA K29 K30 T14 an address space is released, in each mode", release, UIOMMU_CAPA_PASID},
	{"SVA K30 released, and nobody polls", release_of_what_nobody_polls, UIOMMU_CAPA_PASID},
	{"SVA K20 an address space that is not alive", not_alive, UIOMMU_CAPA_PASID},
	{"SVA T18 release waits for operations, in each mode", release_waits, UIOMMU_CAPA_PASID},
	{"SVA T15 calls inside an operation", inside_an_operation, UIOMMU_CAPA_PASID},
};

HARNESS_SUITE_OF(sva_end, UIOMMU_CAPA_PAGE_REQUESTS | UIOMMU_CAPA_FIRST_STAGE);
