/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Devices use more pages than there are frames, while threads evict and unmap. The model compares
 * each page that a device reads with what was written to it last.
 */

#include <string.h>
#include <unistd.h>

#include "store.h"

#define WINDOW 256
#define FRAMES 64
#define DEVICE 0x0210

static struct store store;

/* A thread that makes room. */
struct evictor {
	struct paging *p;
	pthread_t thread;
	bool end; /* atomic */
	unsigned int number;
	uint64_t random;
	uint64_t evicted;
};

static void
room_make(struct evictor *self)
{
	uint32_t evicted = 0;

	if (harness_random(&self->random) % 16 == 0) {
		uint64_t page = harness_random(&self->random) % WINDOW;
		uint64_t nb = 1 + harness_random(&self->random) % (WINDOW - page);

		EXPECT_EQ(uiommu_domain_unmap(self->p->domain,
					      IOVA + page * PAGE, nb * PAGE,
					      NULL), 0);
	} else {
		uint32_t wanted = 1 + (uint32_t)(harness_random(&self->random) % 24);

		EXPECT_EQ(uiommu_domain_evict(self->p->domain, wanted, &evicted), 0);
		EXPECT(evicted <= wanted);
	}
	self->evicted += evicted;
}

static void *
evictor_main(void *arg)
{
	struct evictor *self = arg;

	while (!__atomic_load_n(&self->end, __ATOMIC_ACQUIRE) && harness_failures() == 0) {
		if (paging_stats(self->p).resident_pages > FRAMES / 2)
			room_make(self);
		else
			usleep(50);
	}
	return NULL;
}

/* Some PASIDs of a device, all of one domain: one memory. */
static void
devices_open(struct paging *p, const struct paging_conf *conf)
{
	static const uint32_t pasids[] = {1, 2, 3, 4}, spaces[] = {0, 0, 0, 0};
	const struct uiommu_emu_device_conf device = {
		.endpoint_id = DEVICE, .nb_pasids = 4, .pasids = pasids, .spaces = spaces,
		.atc_entries = 64,
	};
	uint32_t i;

	paging_open(p, conf);
	CHECK_EQ(uiommu_emu_device_remove(p->rig->emu, EP), 0);
	CHECK_EQ(uiommu_emu_device_add(p->rig->emu, &device), 0);
	p->endpoint = rig_endpoint_add(p->rig, DEVICE, 0, 0);
	for (i = 0; i < 4; i++)
		rig_attach(p->endpoint, pasids[i], p->domain, NULL);
	store_open(&store, p, IOVA, WINDOW, p->memory, FRAMES, 12);
}

/* What the store has in the end is what the devices have written. */
static void
contents_check(const uint32_t *versions)
{
	uint32_t page, i;

	for (page = 0; page < WINDOW; page++) {
		const uint64_t *words = (const void *)(store.contents + page * PAGE);

		for (i = 0; i < 512; i++) {
			uint64_t word = versions[page] == 0 ? 0 :
					uiommu_emu_data_word(0, page, versions[page], i);

			if (words[i] != word)
				harness_fail(__FILE__, __LINE__, "page %u, word %u", page, i);
		}
	}
}

static void
pages_await(const struct paging *p, uint64_t nb)
{
	uint64_t end = harness_now_ns() + RIG_PATIENCE_NS;

	while (paging_stats(p).evicted_pages < nb) {
		usleep(1000);
		CHECK(harness_now_ns() < end && harness_failures() == 0);
	}
}

static void
evicted_by(bool second, unsigned int nb, bool bounded)
{
	const struct paging_conf conf = {
		.second = second, .no_bond = true, .around = 4, .budget = bounded ? FRAMES - 8 : 0,
		.rig = {.model_thread = true, .owner_thread = true, .no_log = true},
	};
	static uint32_t versions[WINDOW];
	const struct uiommu_emu_data data = {.nb_spaces = 1, .versions = versions};
	const struct uiommu_emu_traffic traffic = {
		.group_pages_min = 1, .group_pages_max = 1,
		.window_iova = IOVA, .window_pages = WINDOW,
		.write_ratio = 0.3, .verify = true, .translate = true, .may_vanish = true,
		.data = &data, .seed = nb,
	};
	/* threads may outlive a case that fails */
	static struct evictor evictors[3];
	static struct paging p;
	struct uiommu_emu_verdict v;
	uint64_t evicted = 0, dirty;
	uint32_t out_max;
	unsigned int i;

	memset(versions, 0, sizeof(versions));
	devices_open(&p, &conf);
	for (i = 0; i < nb; i++) {
		evictors[i] = (struct evictor){.p = &p, .number = i, .random = i + 1};
		CHECK_EQ(pthread_create(&evictors[i].thread, NULL, evictor_main, &evictors[i]), 0);
	}
	CHECK_EQ(uiommu_emu_traffic_set(p.rig->emu, &traffic), 0);
	uiommu_emu_traffic_run(p.rig->emu, true);
	/* less is not enough for all pages to be looked at */
	pages_await(&p, RTE_MAX(TRAFFIC(16 * WINDOW), 4 * WINDOW));
	uiommu_emu_traffic_run(p.rig->emu, false);
	for (i = 0; i < nb; i++) {
		__atomic_store_n(&evictors[i].end, true, __ATOMIC_RELEASE);
		pthread_join(evictors[i].thread, NULL);
		evicted += evictors[i].evicted;
	}
	rig_settle(p.rig);
	v = rig_verdict(p.rig, false);
	CHECK(v.bytes_checked > WINDOW * PAGE);
	/* the owner of the queue may be in get() for a last access */
	pthread_mutex_lock(&store.lock);
	dirty = store.dirty;
	out_max = store.out_max;
	pthread_mutex_unlock(&store.lock);
	CHECK(dirty > 0);
	CHECK_EQ(evicted, paging_stats(&p).evicted_pages);
	CHECK(!bounded || out_max <= FRAMES - 8);
	for (i = 1; i <= 4; i++)
		CHECK_EQ(uiommu_detach(uiommu_attach_find(p.endpoint, i, UIOMMU_DOMAIN_ANY)), 0);
	CHECK_EQ(uiommu_domain_free(p.domain), 0);
	CHECK_EQ(store.nb_out, 0);
	contents_check(versions);
	store_close(&store);
	rig_close(p.rig);
}

static void
one_thread(bool second)
{
	evicted_by(second, 1, false);
}
BOTH_STAGES(one_thread);

static void
several_threads(bool second)
{
	evicted_by(second, 3, true);
}
BOTH_STAGES(several_threads);

/* ------------------------------------------------------ while put() takes its time */

/* A thread whose first page is a long time on its way back. */
struct slow {
	struct paging *p;
	pthread_t thread;
	uint64_t offset;
	bool inside, go, ended; /* atomic */
};

static void
wait_in_put(struct store *self, const struct uiommu_backing_page *page)
{
	struct slow *slow = self->hook_arg;
	uint64_t end = harness_now_ns() + RIG_PATIENCE_NS;

	if (__atomic_load_n(&slow->inside, __ATOMIC_RELAXED))
		return;
	slow->offset = page->offset;
	/* pairs with the acquire load in slow_await() */
	__atomic_store_n(&slow->inside, true, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&slow->go, __ATOMIC_ACQUIRE) && harness_now_ns() < end)
		usleep(100);
}

static void *
slow_main(void *arg)
{
	struct slow *slow = arg;
	uint32_t evicted;

	EXPECT_EQ(uiommu_domain_evict(slow->p->domain, 1, &evicted), 0);
	EXPECT_EQ(evicted, 1);
	__atomic_store_n(&slow->ended, true, __ATOMIC_RELEASE);
	return NULL;
}

/* The queue is this thread's: nothing goes on but by its polls. */
static void
slow_await(struct paging *p, const bool *flag)
{
	uint64_t end = harness_now_ns() + RIG_PATIENCE_NS;

	while (!__atomic_load_n(flag, __ATOMIC_ACQUIRE)) {
		rig_turn(p->rig);
		CHECK(harness_now_ns() < end);
	}
}

/* R5: nobody has to wait for it but who wants that very page, or the end of the domain. */
static void
slow_put(bool second)
{
	const struct paging_conf conf = {.second = second};
	static struct paging p;
	static struct slow slow;
	uint32_t i, evicted;

	paging_open(&p, &conf);
	store_open(&store, &p, IOVA, 16, p.memory, 16, 12);
	for (i = 0; i < 8; i++)
		CHECK_EQ(paging_ask(&p, IOVA + i * PAGE, true), UIOMMU_CODE_SUCCESS);
	slow = (struct slow){.p = &p};
	store.hook_arg = &slow;
	store.in_put = wait_in_put;
	CHECK_EQ(pthread_create(&slow.thread, NULL, slow_main, &slow), 0);
	slow_await(&p, &slow.inside);
	EXPECT_EQ(paging_ask(&p, IOVA + slow.offset, true), UIOMMU_CODE_RETRY);
	EXPECT_EQ(paging_reach(&p, IOVA + slow.offset, false), UIOMMU_PA_NONE);
	EXPECT_EQ(paging_ask(&p, IOVA + 9 * PAGE, true), UIOMMU_CODE_SUCCESS);
	EXPECT_EQ(uiommu_domain_evict(p.domain, 2, &evicted), 0);
	EXPECT_EQ(evicted, 2);
	EXPECT_EQ(uiommu_domain_map(p.domain, IOVA + LARGE, paging_pa(p.memory) + LARGE, PAGE,
				    UIOMMU_PROT_READ), 0);
	EXPECT_EQ(uiommu_domain_unmap(p.domain, IOVA + LARGE, LARGE, NULL), 0);
	EXPECT_EQ(uiommu_detach(p.attach), 0);
	EXPECT_EQ(uiommu_domain_free(p.domain), -EBUSY);
	p.attach = rig_attach(p.endpoint, PASID, p.domain, NULL);
	EXPECT(store_is_out(&store, (uint32_t)(slow.offset / PAGE)));
	__atomic_store_n(&slow.go, true, __ATOMIC_RELEASE);
	slow_await(&p, &slow.ended);
	pthread_join(slow.thread, NULL);
	CHECK(!store_is_out(&store, (uint32_t)(slow.offset / PAGE)));
	CHECK_EQ(paging_ask(&p, IOVA + slow.offset, true), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(uiommu_detach(p.attach), 0);
	CHECK_EQ(uiommu_domain_free(p.domain), 0);
	store_close(&store);
	paging_close(&p);
}
BOTH_STAGES(slow_put);

#define BOTH(text, name) FIRST_CASE("evict " text, name), SECOND_CASE("evict " text, name)

static const struct harness_case evict_threads_cases[] = {
	BOTH("R3 R4 a working set larger than its frames", one_thread),
	BOTH("R4 R5 pages that are long on their way back", slow_put),
	BOTH("R3 R4 R6 several threads evict and unmap, with a budget", several_threads),
};

HARNESS_SUITE(evict_threads);
