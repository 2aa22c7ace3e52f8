/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * R4 T15: what takes a bond away is called from every context there is, and nobody waits for
 * ever: not for the thread that it is on, not for one that waits for it, and not for answers
 * that the caller itself holds.
 */

#include <pthread.h>
#include <sched.h>
#include <string.h>

#include <rte_alarm.h>

#include "r4_scene.h"

static void *
plain_main(void *arg)
{
	scene_everything(arg);
	scene_done(arg);
	return NULL;
}

static void
thread_does(struct scene *scene, void *(*function)(void *))
{
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, function, scene), 0);
	scene_wait(scene, scene->rig->claimed ? scene->rig : NULL);
	pthread_join(thread, NULL);
}

static void
plain_thread(void)
{
	static const struct rig_conf conf = {.owner_thread = true};
	struct scene scene = {0};

	scene_open(&scene, &conf, UIOMMU_MM_POLLED);
	thread_does(&scene, plain_main);
	scene_close(&scene);
}

static void
owner_between_polls(void)
{
	static const struct rig_conf conf = {0};
	struct scene scene = {0};

	scene_open(&scene, &conf, UIOMMU_MM_POLLED);
	scene_everything(&scene);
	scene_close(&scene);
}

/* Two threads that want the control lock, of which one owns the queue. */
static void
plain_thread_while_owner_waits(void)
{
	static const struct rig_conf conf = {0};
	struct scene scene = {0};
	unsigned int turn;
	pthread_t thread;

	scene_open(&scene, &conf, UIOMMU_MM_POLLED);
	CHECK_EQ(pthread_create(&thread, NULL, plain_main, &scene), 0);
	while (!__atomic_load_n(&scene.done, __ATOMIC_ACQUIRE) && harness_failures() == 0) {
		struct uiommu_attach *attach =
			rig_attach(scene.endpoint, 60, scene.answering->domain, NULL);

		CHECK_EQ(uiommu_detach(attach), 0);
		/* the lock is not handed over in order: let the other one have it now and then */
		for (turn = 0; turn < 64; turn++) {
			rig_turn(scene.rig);
			sched_yield();
		}
	}
	pthread_join(thread, NULL);
	scene_close(&scene);
}

static void
nobody_owns(void)
{
	static const struct rig_conf conf = {.no_claim = true};
	struct scene scene = {0};

	scene_open(&scene, &conf, UIOMMU_MM_POLLED);
	scene_everything(&scene);
	scene_close(&scene);
}

static void
inside_handler(void)
{
	static const struct rig_conf conf = {.owner_thread = true};
	struct scene scene = {0};

	scene_open(&scene, &conf, UIOMMU_MM_POLLED);
	CHECK_EQ(rig_send(scene.rig, EP, PASID_HANDLER, 1, 1, true), UIOMMU_EMU_QUEUED);
	scene_wait(&scene, NULL);
	scene_rest(&scene);
	scene_close(&scene);
}

static void
inside_inline_operation(void)
{
	static const struct rig_conf conf = {.owner_thread = true};
	struct scene scene = {.in_operation = scene_refuses};

	scene_open(&scene, &conf, UIOMMU_MM_INLINE);
	CHECK_EQ(rig_send(scene.rig, EP, uiommu_sva_pasid(scene.sva), 1, 1, true),
		 UIOMMU_EMU_QUEUED);
	scene_wait(&scene, NULL);
	scene_rest(&scene);
	scene_close(&scene);
}

/*
 * The operation of an address space undoes the very bond that it works for: its group is
 * answered INVALID meanwhile, and the operation's own answer comes too late.
 */
static void
operation(const struct rig_conf *conf)
{
	struct scene scene = {.in_operation = scene_everything};

	scene_open(&scene, conf, UIOMMU_MM_WORKER);
	scene_ask(&scene, EP, uiommu_sva_pasid(scene.sva), 1);
	scene_settle(&scene, conf->no_claim);
	__atomic_store_n(&scene.go, true, __ATOMIC_RELEASE);
	scene_wait(&scene, scene.rig->claimed ? scene.rig : NULL);
	scene_close(&scene);
}

static void
inside_worker_operation(void)
{
	static const struct rig_conf conf = {.owner_thread = true};

	operation(&conf);
}

static void
inside_worker_operation_nobody_owns(void)
{
	static const struct rig_conf conf = {.no_claim = true};

	operation(&conf);
}

/* It holds what the detach waits for, if anybody would wait for that. */
static void *
consumer_main(void *arg)
{
	struct scene *scene = arg;
	struct uiommu_fault_msg msgs[4];
	struct uiommu_fault_answer answers[4];
	int status[4], i, nb = uiommu_fault_queue_read(scene->queue, msgs, 4);

	EXPECT_EQ(nb, 4);
	scene_everything(scene);
	for (i = 0; i < nb; i++)
		answers[i] = (struct uiommu_fault_answer){.cookie = msgs[i].cookie};
	EXPECT_EQ(uiommu_fault_queue_write(scene->queue, answers, status, 4), 0);
	for (i = 0; i < nb; i++)
		EXPECT_EQ(status[i], -ENOENT);
	/* and what it had not read is not there any more */
	EXPECT_EQ(uiommu_fault_queue_read(scene->queue, msgs, 4), 0);
	scene_done(scene);
	return NULL;
}

static void
consumer_with_groups(void)
{
	static const struct rig_conf conf = {.owner_thread = true};
	struct scene scene = {0};

	scene_open(&scene, &conf, UIOMMU_MM_POLLED);
	thread_does(&scene, consumer_main);
	scene_close(&scene);
}

/* Single-loop firmware: the owner is the consumer too. */
static void
owner_with_groups(void)
{
	static const struct rig_conf conf = {0};
	struct scene scene = {0};

	scene_open(&scene, &conf, UIOMMU_MM_POLLED);
	consumer_main(&scene);
	scene_close(&scene);
}

static void
alarm_main(void *arg)
{
	struct scene *scene = arg;

	/* pairs with the release store in interrupt_thread(): EAL's own order is not seen by all */
	while (!__atomic_load_n(&scene->go, __ATOMIC_ACQUIRE))
		sched_yield();
	plain_main(arg);
}

/* The thread that EAL runs alarms and device interrupts on. */
static void
interrupt_thread(void)
{
	static const struct rig_conf conf = {.owner_thread = true};
	/* an alarm that comes late must find it */
	static struct scene scene;

	memset(&scene, 0, sizeof(scene));
	scene_open(&scene, &conf, UIOMMU_MM_POLLED);
	CHECK_EQ(rte_eal_alarm_set(1000, alarm_main, &scene), 0);
	__atomic_store_n(&scene.go, true, __ATOMIC_RELEASE);
	scene_wait(&scene, NULL);
	scene_close(&scene);
}

/* -------------------------------------------------------- several units */

struct owner {
	struct rig *own;
	struct scene *other;
	unsigned int *nb_ready, *nb_done; /* atomic */
	unsigned int nb;		  /* owners */
};

static void
meet(const struct owner *owner, unsigned int *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(counter, __ATOMIC_ACQUIRE) < owner->nb)
		rig_turn_of(owner->own, 64);
}

static void *
owner_main(void *arg)
{
	struct owner *owner = arg;

	EXPECT_EQ(rig_queues_claim(owner->own), 0);
	meet(owner, owner->nb_ready);
	scene_everything(owner->other);
	scene_done(owner->other);
	/* somebody else may still need our queue */
	meet(owner, owner->nb_done);
	EXPECT_EQ(rig_queues_release(owner->own), 0);
	return NULL;
}

/* Each of them owns one unit, and takes the bonds of the next one's away, all at once. */
static void
owners_in_a_circle(unsigned int nb)
{
	static const struct rig_conf conf = {.no_claim = true};
	struct scene scenes[3] = {0};
	struct owner owners[3];
	pthread_t threads[3];
	unsigned int ready = 0, done = 0, i;

	for (i = 0; i < nb; i++)
		scene_open(&scenes[i], &conf, UIOMMU_MM_POLLED);
	for (i = 0; i < nb; i++) {
		owners[i] = (struct owner){
			.own = scenes[i].rig,
			.other = &scenes[(i + 1) % nb],
			.nb_ready = &ready,
			.nb_done = &done,
			.nb = nb,
		};
		CHECK_EQ(pthread_create(&threads[i], NULL, owner_main, &owners[i]), 0);
	}
	for (i = 0; i < nb; i++)
		scene_wait(&scenes[i], NULL);
	for (i = 0; i < nb; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < nb; i++)
		scene_close(&scenes[i]);
}

static void
two_owners_crosswise(void)
{
	owners_in_a_circle(2);
}

static void
three_owners(void)
{
	owners_in_a_circle(3);
}

/* The caller owns a queue, but not this one; whose owner is another thread. */
static void
owner_of_another_unit(void)
{
	static const struct rig_conf own_conf = {.model_thread = true, .no_log = true};
	static const struct rig_conf conf = {.owner_thread = true};
	struct rig *own = rig_open(&own_conf);
	struct scene scene = {0};

	scene_open(&scene, &conf, UIOMMU_MM_POLLED);
	scene_everything(&scene);
	scene_close(&scene);
	rig_close(own);
}

static const struct harness_case r4_contexts_cases[] = {
	{"R4 T15 every call from a plain thread", plain_thread, 0},
	{"R4 T15 every call from the owner between polls", owner_between_polls, 0},
	{"R4 T15 every call from a thread, and some from the owner", plain_thread_while_owner_waits,
	 0},
	{"R4 T15 every call while nobody owns the queue", nobody_owns, 0},
	{"R4 T15 every call inside a handler is refused", inside_handler, 0},
	{"R4 T15 every call inside an operation on the fault lcore is refused",
	 inside_inline_operation, UIOMMU_CAPA_FIRST_STAGE},
	{"R4 T15 every call inside an operation on a worker", inside_worker_operation,
	 UIOMMU_CAPA_FIRST_STAGE},
	{"R4 T15 every call inside an operation on a worker, nobody owns the queue",
	 inside_worker_operation_nobody_owns, UIOMMU_CAPA_FIRST_STAGE},
	{"R4 T15 every call from a consumer that holds groups", consumer_with_groups, 0},
	{"R4 T15 every call from an owner that holds groups", owner_with_groups, 0},
	{"R4 T15 every call from EAL's interrupt thread", interrupt_thread, 0},
	{"R4 T15 every call from the owner of another unit", owner_of_another_unit, 0},
	{"R4 T15 every call from two owners crosswise", two_owners_crosswise, 0},
	{"R4 T15 every call from three owners in a circle", three_owners, 0},
};

HARNESS_SUITE(r4_contexts);
