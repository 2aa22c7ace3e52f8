/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* The scene of r4_contexts.c: see r4_scene.h. */

#include <sched.h>

#include "r4_scene.h"

void
scene_done(struct scene *scene)
{
	__atomic_store_n(&scene->done, true, __ATOMIC_RELEASE);
}

void
scene_wait(struct scene *scene, struct rig *own)
{
	uint64_t end = harness_now_ns() + RIG_PATIENCE_NS;

	while (!__atomic_load_n(&scene->done, __ATOMIC_ACQUIRE)) {
		if (own != NULL)
			rig_turn_of(own, 64);
		else
			sched_yield();
		CHECK(harness_now_ns() < end);
	}
}

/* ---------------------------------------------------------------- the calls */

static void
steps_finish(struct scene *scene)
{
	uint64_t end = harness_now_ns() + RIG_PATIENCE_NS;
	int ret;

	do {
		ret = uiommu_detach_done(scene->steps);
		if (ret == -EINPROGRESS)
			sched_yield();
	} while (ret == -EINPROGRESS && harness_now_ns() < end);
	EXPECT_EQ(ret, 0);
}

void
scene_everything(struct scene *scene)
{
	struct uiommu_attach *attach =
		uiommu_replace(scene->replaced, scene->answering->domain, NULL);

	EXPECT(attach != NULL);
	EXPECT_EQ(uiommu_detach(attach), 0);
	EXPECT_EQ(uiommu_detach(scene->detach), 0);
	EXPECT_EQ(uiommu_detach(scene->queued), 0);
	EXPECT_EQ(uiommu_fault_queue_destroy(scene->destroyed), 0);
	if (scene->sva != NULL)
		EXPECT_EQ(uiommu_sva_unbind(scene->sva), 0);
	EXPECT_EQ(uiommu_endpoint_remove(scene->gone), 0);
	EXPECT_EQ(uiommu_detach_start(scene->steps), 0);
	steps_finish(scene);
}

void
scene_refuses(struct scene *scene)
{
	EXPECT(uiommu_replace(scene->replaced, scene->answering->domain, NULL) == NULL &&
	       rte_errno == EDEADLK);
	EXPECT(uiommu_attach(scene->endpoint, 1, scene->answering->domain, NULL) == NULL &&
	       rte_errno == EDEADLK);
	EXPECT_EQ(uiommu_detach(scene->detach), -EDEADLK);
	EXPECT_EQ(uiommu_detach(scene->queued), -EDEADLK);
	EXPECT_EQ(uiommu_fault_queue_destroy(scene->destroyed), -EDEADLK);
	if (scene->sva != NULL) {
		EXPECT_EQ(uiommu_sva_unbind(scene->sva), -EDEADLK);
		EXPECT_EQ(uiommu_mm_release(scene->mm), -EDEADLK);
		EXPECT_EQ(uiommu_mm_destroy(scene->mm), -EDEADLK);
	}
	EXPECT_EQ(uiommu_endpoint_remove(scene->gone), -EDEADLK);
	EXPECT_EQ(uiommu_domain_free(scene->answering->domain), -EDEADLK);
	EXPECT_EQ(uiommu_stop(scene->rig->dev), -EDEADLK);
	EXPECT_EQ(uiommu_close(scene->rig->dev), -EDEADLK);
	EXPECT_EQ(uiommu_queue_release(scene->rig->dev, 0), -EDEADLK);
	EXPECT_EQ(uiommu_detach_start(scene->steps), 0);
	EXPECT_EQ(uiommu_detach_done(scene->steps), -EINPROGRESS);
}

void
scene_rest(struct scene *scene)
{
	steps_finish(scene);
	if (scene->sva != NULL)
		CHECK_EQ(uiommu_sva_unbind(scene->sva), 0);
	CHECK_EQ(uiommu_endpoint_remove(scene->gone), 0);
	CHECK_EQ(uiommu_detach(scene->detach), 0);
	CHECK_EQ(uiommu_detach(scene->queued), 0);
	CHECK_EQ(uiommu_detach(scene->replaced), 0);
	CHECK_EQ(uiommu_fault_queue_destroy(scene->destroyed), 0);
}

/* ---------------------------------------------------------------- the scene */

static void
fault(void *priv, const struct uiommu_mm_fault *faults, uint32_t nb_faults, uint8_t *codes,
      uint32_t nb_groups)
{
	struct scene *scene = priv;
	uint32_t i;

	for (i = 0; i < nb_groups; i++)
		codes[i] = UIOMMU_CODE_SUCCESS;
	if (__atomic_fetch_add(&scene->operations, 1, __ATOMIC_RELAXED) != 0 ||
	    scene->in_operation == NULL)
		return;
	/* the scene is being made still; not on the thread that makes it */
	while (scene->in_operation == scene_everything &&
	       !__atomic_load_n(&scene->go, __ATOMIC_ACQUIRE))
		sched_yield();
	EXPECT_EQ(uiommu_mm_release(scene->mm), -EDEADLK);
	EXPECT_EQ(uiommu_mm_destroy(scene->mm), -EDEADLK);
	scene->in_operation(scene);
	scene_done(scene);
}

static void
handler_hook(struct recorder *rec, struct uiommu_group *groups, uint8_t *codes, uint16_t nb)
{
	struct scene *scene = rec->hook_arg;

	scene_refuses(scene);
	scene_done(scene);
}

static struct uiommu_fault_queue *
queue_attach(struct scene *scene, uint32_t pasid, struct uiommu_attach **attach)
{
	static const struct uiommu_fault_queue_conf fq_conf = {.size = sizeof(fq_conf),
							       .depth = 16};
	struct uiommu_domain_conf conf = {.size = sizeof(conf), .type = UIOMMU_DOMAIN_PAGING};
	struct uiommu_attach *bond;
	struct uiommu_domain *domain;

	conf.fault_queue = uiommu_fault_queue_create(scene->rig->dev, &fq_conf);
	CHECK(conf.fault_queue != NULL);
	domain = uiommu_domain_alloc(scene->rig->dev, &conf);
	CHECK(domain != NULL);
	bond = rig_attach(scene->endpoint, pasid, domain, NULL);
	if (attach != NULL)
		*attach = bond;
	return conf.fault_queue;
}

/* Devices ask where they are told to; only the busy one by itself. */
static struct uiommu_endpoint *
quiet_endpoint(struct scene *scene, uint32_t endpoint_id)
{
	struct uiommu_endpoint *endpoint;
	uint32_t pasid;

	rig_device_range(scene->rig, endpoint_id, 1, 63, 512);
	for (pasid = 1; pasid <= 63; pasid++)
		CHECK_EQ(uiommu_emu_pasid_quiesce(scene->rig->emu, endpoint_id, pasid, true), 0);
	endpoint = uiommu_endpoint_add(scene->rig->dev, endpoint_id, NULL);
	CHECK(endpoint != NULL);
	return endpoint;
}

void
scene_ask(struct scene *scene, uint32_t endpoint_id, uint32_t pasid, uint32_t nb)
{
	uint32_t i;

	for (i = 0; i < nb; i++) {
		CHECK_EQ(rig_send(scene->rig, endpoint_id, pasid, (uint16_t)i, i, true),
			 UIOMMU_EMU_QUEUED);
		scene->open_groups++;
	}
}

static void
mm_bind(struct scene *scene, uint32_t mode)
{
	static const struct uiommu_mm_ops mm_ops = {.fault = fault};
	const struct uiommu_mm_conf conf = {
		.size = sizeof(conf),
		.kind = UIOMMU_MM_USER,
		.mode = mode,
		.ops = &mm_ops,
		.ops_priv = scene,
	};

	if ((scene->rig->info.capa & UIOMMU_CAPA_FIRST_STAGE) == 0)
		return;
	scene->mm = uiommu_mm_create(&conf);
	CHECK(scene->mm != NULL);
	scene->sva = uiommu_sva_bind(scene->endpoint, scene->mm);
	CHECK(scene->sva != NULL);
}

/* Let every group get to where it waits; somebody else may own the queue, or nobody. */
void
scene_settle(struct scene *scene, bool nobody)
{
	uint64_t end = harness_now_ns() + RIG_PATIENCE_NS;

	if (nobody)
		rig_claim(scene->rig);
	while (rig_stats(scene->rig).deferred_now < scene->open_groups) {
		if (scene->rig->has_owner)
			sched_yield();
		else
			rig_turn(scene->rig);
		CHECK(harness_now_ns() < end);
	}
	if (nobody)
		rig_release(scene->rig);
}

void
scene_open(struct scene *scene, const struct rig_conf *wanted, uint32_t mode)
{
	static const struct uiommu_emu_traffic traffic = {.group_pages_min = 1,
							  .group_pages_max = 4};
	struct rig_conf conf = *wanted;
	struct uiommu_endpoint *busy;

	conf.model_thread = true;
	conf.no_log = true;
	scene->rig = rig_open(&conf);
	scene->deferring = rig_recorder(scene->rig, UIOMMU_CODE_INVALID);
	scene->deferring->defer = true;
	scene->answering = rig_recorder(scene->rig, UIOMMU_CODE_SUCCESS);
	scene->calling = rig_recorder(scene->rig, UIOMMU_CODE_SUCCESS);
	scene->calling->hook = handler_hook;
	scene->calling->hook_arg = scene;
	scene->endpoint = quiet_endpoint(scene, EP);
	scene->gone = quiet_endpoint(scene, EP_GONE);
	rig_device_range(scene->rig, EP_BUSY, PASID_TRAFFIC, 4, 128);
	busy = uiommu_endpoint_add(scene->rig->dev, EP_BUSY, NULL);
	CHECK(busy != NULL);
	attach_range(busy, PASID_TRAFFIC, 4, scene->answering);
	scene->detach = rig_attach(scene->endpoint, PASID_DETACH, scene->deferring->domain, NULL);
	scene->replaced =
		rig_attach(scene->endpoint, PASID_REPLACED, scene->deferring->domain, NULL);
	scene->steps = rig_attach(scene->endpoint, PASID_STEPS, scene->deferring->domain, NULL);
	rig_attach(scene->endpoint, PASID_HANDLER, scene->calling->domain, NULL);
	rig_attach(scene->gone, PASID_DETACH, scene->deferring->domain, NULL);
	scene->queue = queue_attach(scene, PASID_QUEUED, &scene->queued);
	scene->destroyed = queue_attach(scene, PASID_DESTROYED, NULL);
	mm_bind(scene, mode);
	CHECK_EQ(uiommu_emu_traffic_set(scene->rig->emu, &traffic), 0);
	uiommu_emu_traffic_run(scene->rig->emu, true);
	scene_ask(scene, EP, PASID_DETACH, 4);
	scene_ask(scene, EP, PASID_REPLACED, 4);
	scene_ask(scene, EP, PASID_STEPS, 4);
	scene_ask(scene, EP, PASID_QUEUED, 8);
	scene_ask(scene, EP, PASID_DESTROYED, 4);
	scene_ask(scene, EP_GONE, PASID_DETACH, 4);
	if (mode == UIOMMU_MM_POLLED && scene->sva != NULL)
		scene_ask(scene, EP, uiommu_sva_pasid(scene->sva), 4);
	scene_settle(scene, conf.no_claim);
}

void
scene_close(struct scene *scene)
{
	if (!scene->rig->has_owner && !scene->rig->claimed)
		rig_claim(scene->rig);
	uiommu_emu_traffic_run(scene->rig->emu, false);
	rig_settle(scene->rig);
	CHECK_EQ(rig_stats(scene->rig).deferred_now, 0);
	CHECK_EQ(rig_stats(scene->rig).drained, scene->open_groups);
	if (scene->mm != NULL)
		CHECK_EQ(uiommu_mm_destroy(scene->mm), 0);
	rig_close(scene->rig);
}
