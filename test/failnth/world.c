/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* A unit with something of everything, and a look at it that notices changes. */

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <rte_common.h>
#include <rte_errno.h>

#include "gate.h"
#include "heap.h"
#include "world.h"

/* ------------------------------------------------------------- holdings */

static unsigned int
entries(const char *folder)
{
	unsigned int count = 0;
	DIR *dir = opendir(folder);

	CHECK(dir != NULL);
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}

struct holdings
holdings_now(void)
{
	/* what it opens is there from now on */
	gate_kinds();
	return (struct holdings){
		.heap = heap_live(),
		.libc = gate_libc_live(),
		.dma = gate_dma_live(),
		.objects = gate_kernel_live(),
		.files = entries("/proc/self/fd"),
		.threads = entries("/proc/self/task"),
	};
}

/* A thread that was joined may be in the list a little longer. */
static void
threads_wait(unsigned int wanted)
{
	uint64_t end = harness_now_ns() + RIG_PATIENCE_NS;

	while (entries("/proc/self/task") > wanted && harness_now_ns() < end)
		;
}

void
holdings_check(const struct holdings *before, const char *when)
{
	struct holdings now;

	threads_wait(before->threads);
	now = holdings_now();
	if (memcmp(&now, before, sizeof(now)) != 0)
		harness_note(__FILE__, __LINE__,
			     "%s: pieces of heap %" PRId64 ", were %" PRId64 "; of libc's %" PRId64
			     ", were %" PRId64 "; of DMA memory %" PRId64 ", were %" PRId64
			     "; of the kernel %" PRId64 ", were %" PRId64
			     "; files %u, were %u; threads %u, were %u",
			     when, now.heap, before->heap, now.libc, before->libc, now.dma,
			     before->dma, now.objects, before->objects, now.files, before->files,
			     now.threads, before->threads);
}

/* -------------------------------------------------------------- requests */

uint16_t
world_index(struct world *world)
{
	world->index = (world->index + 1) % 512;
	/* taken by the groups that wait */
	while (world->index == world->kept_index || world->index == world->queued_index)
		world->index = (world->index + 1) % 512;
	return world->index;
}

void
world_ask(struct world *world, uint32_t endpoint_id, uint32_t pasid, uint16_t code)
{
	world_touch(world, endpoint_id, pasid, 1, code);
}

void
world_touch(struct world *world, uint32_t endpoint_id, uint32_t pasid, uint64_t page,
	    uint16_t code)
{
	uint16_t index = world_index(world);

	CHECK_EQ(rig_send(world->rig, endpoint_id, pasid, index, page, true), UIOMMU_EMU_QUEUED);
	rig_settle(world->rig);
	rig_expect(world->rig, endpoint_id, pasid, index, code);
	rig_expect_none(world->rig);
}

void
world_defer(struct world *world)
{
	world->kept_index = world_index(world);
	world->deferring->nb_kept = 0;
	CHECK_EQ(rig_send(world->rig, EP, PASID_DEFERRED, world->kept_index, 1, true),
		 UIOMMU_EMU_QUEUED);
	rig_settle(world->rig);
	CHECK_EQ(world->deferring->nb_kept, 1);
	world->cookie = world->deferring->kept[0].cookie;
	CHECK(world->cookie != 0);
	rig_expect_none(world->rig);
}

/* Deliver a group, and read it. */
static uint32_t
queue_one(struct world *world, uint16_t index)
{
	struct uiommu_fault_msg msg;

	CHECK_EQ(rig_send(world->rig, EP, PASID_QUEUED, index, 1, true), UIOMMU_EMU_QUEUED);
	rig_settle(world->rig);
	CHECK_EQ(uiommu_fault_queue_read(world->fq, &msg, 1), 1);
	CHECK_EQ(msg.grpid, index);
	CHECK(msg.cookie != 0);
	return msg.cookie;
}

void
world_queue(struct world *world)
{
	world->queued_index = world_index(world);
	world->queue_cookie = queue_one(world, world->queued_index);
	rig_expect_none(world->rig);
}

void
world_started(struct world *world)
{
	rig_claim(world->rig);
	rig_settle(world->rig);
	rig_expect_any(world->rig, EP, PASID_DEFERRED, world->kept_index, UIOMMU_EMU_INVALID);
	rig_expect_any(world->rig, EP, PASID_QUEUED, world->queued_index, UIOMMU_EMU_INVALID);
	world_defer(world);
	world_queue(world);
}

static void
queue_answer(struct world *world, uint32_t cookie, uint16_t index)
{
	const struct uiommu_fault_answer answer = {cookie, UIOMMU_FAULT_ANSWER_SUCCESS};
	int status = -1;

	CHECK_EQ(uiommu_fault_queue_write(world->fq, &answer, &status, 1), 1);
	CHECK_EQ(status, 0);
	rig_settle(world->rig);
	rig_expect(world->rig, EP, PASID_QUEUED, index, UIOMMU_EMU_SUCCESS);
	rig_expect_none(world->rig);
}

void
world_answer(struct world *world)
{
	uint8_t code = UIOMMU_CODE_SUCCESS;
	int status = -1;

	CHECK_EQ(uiommu_answer(world->rig->dev, &world->cookie, &code, &status, 1), 1);
	CHECK_EQ(status, 0);
	rig_settle(world->rig);
	rig_expect(world->rig, EP, PASID_DEFERRED, world->kept_index, UIOMMU_EMU_SUCCESS);
	queue_answer(world, world->queue_cookie, world->queued_index);
}

/* -------------------------------------------------------------- the world */

static struct uiommu_domain *
domain_take(struct world *world, const struct uiommu_domain_conf *what)
{
	struct uiommu_domain_conf conf = *what;
	struct uiommu_domain *domain;

	conf.size = sizeof(conf);
	conf.type = UIOMMU_DOMAIN_PAGING;
	domain = uiommu_domain_alloc(world->rig->dev, &conf);
	CHECK(domain != NULL);
	return domain;
}

static void
endpoints_take(struct world *world)
{
	const uint32_t pasids[] = {
		PASID_ANSWERED, PASID_DEFERRED,   PASID_QUEUED,    PASID_PLAIN,
		PASID_FREE,     world_far(world), UIOMMU_NO_PASID,
	};
	static const uint32_t ids[] = {EP, EP_OTHER, EP_NEW};
	const struct uiommu_emu_device_conf vf = {
		.endpoint_id = EP_VF,
		.is_vf = true,
		.pf_id = EP_OTHER,
		.pasids = pasids, /* the first ones: that without PASID has another number */
		.nb_pasids = ARRAY_COUNT(pasids) - 1,
	};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(ids); i++)
		rig_device(world->rig, ids[i], pasids, ARRAY_COUNT(pasids), 0);
	CHECK_EQ(uiommu_emu_device_add(world->rig->emu, &vf), 0);
	world->ep = uiommu_endpoint_add(world->rig->dev, EP, NULL);
	world->other = uiommu_endpoint_add(world->rig->dev, EP_OTHER, NULL);
	CHECK(world->ep != NULL && world->other != NULL);
}

static void
bonds_take(struct world *world)
{
	struct uiommu_domain *const domains[] = {
		[PASID_ANSWERED] = world->answering->domain,
		[PASID_DEFERRED] = world->deferring->domain,
		[PASID_QUEUED] = world->queued,
		[PASID_PLAIN] = world->plain,
	};
	uint32_t pasid;

	for (pasid = 0; pasid < ARRAY_COUNT(domains); pasid++) {
		if (domains[pasid] != NULL)
			world->bonds[pasid] = rig_attach(world->ep, pasid, domains[pasid], NULL);
	}
	rig_attach(world->ep, UIOMMU_NO_PASID, world->answering->domain, NULL);
}

void
world_open(struct world *world)
{
	struct rig_conf conf = {
		.dev =
			{
				.timeout_ns = WORLD_TIMEOUT_NS,
				.queue_entries = 512,
				.deferred_max = 128,
				.parked_max = 32,
				.table_pages = 64,
				.frame_pages =
					(harness_unit()->capa & UIOMMU_CAPA_PAGE_TABLES) != 0 ? 16
											      : 0,
			},
	};
	struct uiommu_fault_queue_conf fq_conf = {.size = sizeof(fq_conf), .depth = 8};

	memset(world, 0, sizeof(*world));
	world->kept_index = world->queued_index = UINT16_MAX;
	/* what the unit keeps of it at its start is for its stop, when it may be dead */
	gate_hurry(WORLD_HURRY);
	world->rig = rig_open(&conf);
	gate_hurry(1);
	world->answering = rig_recorder(world->rig, UIOMMU_CODE_SUCCESS);
	world->deferring = rig_recorder(world->rig, UIOMMU_CODE_INVALID);
	world->deferring->defer = true;
	world->fq = uiommu_fault_queue_create(world->rig->dev, &fq_conf);
	CHECK(world->fq != NULL);
	world->queued =
		domain_take(world, &(const struct uiommu_domain_conf){.fault_queue = world->fq});
	world->plain = domain_take(world, &(const struct uiommu_domain_conf){.levels = 0});
	if ((world->rig->info.capa & UIOMMU_CAPA_NESTED) != 0)
		world->parent = domain_take(world, &(const struct uiommu_domain_conf){
							   .flags = UIOMMU_DOMAIN_NEST_PARENT});
	endpoints_take(world);
	bonds_take(world);
	world_defer(world);
	world_queue(world);
}

void
world_close(struct world *world)
{
	world_answer(world);
	rig_close(world->rig);
}

void
world_close_failed(struct world *world)
{
	struct uiommu_dev_info info;
	int ret;

	rig_release(world->rig);
	ret = uiommu_stop(world->rig->dev);
	EXPECT(ret == 0 || ret == -ETIMEDOUT || ret == -EIO);
	EXPECT_EQ(uiommu_info_get(world->rig->dev, &info), 0);
	EXPECT_EQ(info.state, UIOMMU_DEV_CONFIGURED);
	rig_close_failed(world->rig);
}

/* -------------------------------------------------------------- snapshot */

void
snapshot_take(const struct world *world, struct snapshot *snapshot)
{
	uint32_t pasid;

	memset(snapshot, 0, sizeof(*snapshot));
	CHECK_EQ(uiommu_info_get(world->rig->dev, &snapshot->info), 0);
	for (pasid = 1; pasid <= PASID_PLAIN; pasid++)
		snapshot->bonds[pasid] = uiommu_attach_find(world->ep, pasid, UIOMMU_DOMAIN_ANY);
	snapshot->free = uiommu_attach_find(world->ep, PASID_FREE, UIOMMU_DOMAIN_ANY);
	snapshot->far = uiommu_attach_find(world->ep, world_far(world), UIOMMU_DOMAIN_ANY);
	snapshot->rid = uiommu_attach_find(world->ep, UIOMMU_NO_PASID, UIOMMU_DOMAIN_ANY);
	snapshot->deferred_now = rig_stats(world->rig).deferred_now;
}

static void
requests_check(struct world *world)
{
	uint64_t groups = recorder_groups(world->answering);
	uint16_t index;

	world_ask(world, EP, PASID_ANSWERED, UIOMMU_EMU_SUCCESS);
	world_ask(world, EP, UIOMMU_NO_PASID, UIOMMU_EMU_SUCCESS);
	EXPECT_EQ(recorder_groups(world->answering), groups + 2);
	world_ask(world, EP, PASID_PLAIN, UIOMMU_EMU_INVALID);
	index = world_index(world);
	queue_answer(world, queue_one(world, index), index);
}

void
snapshot_check(struct world *world, const struct snapshot *before)
{
	struct snapshot now;

	snapshot_take(world, &now);
	EXPECT_EQ(now.info.state, before->info.state);
	EXPECT_EQ(now.info.endpoints, before->info.endpoints);
	EXPECT_EQ(now.info.domains, before->info.domains);
	EXPECT_EQ(now.info.attached, before->info.attached);
	EXPECT(memcmp(now.bonds, before->bonds, sizeof(now.bonds)) == 0);
	EXPECT(now.free == before->free && now.far == before->far && now.rid == before->rid);
	EXPECT_EQ(now.deferred_now, before->deferred_now);
	requests_check(world);
	/* those that waited before still do: they can be answered, and are, once */
	world_answer(world);
	rig_check_counters(world->rig);
	rig_check_verdict(world->rig, false);
	world_defer(world);
	world_queue(world);
}
