/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <string.h>

#include <rte_common.h>
#include <rte_errno.h>

#include "clock.h"
#include "cores.h"
#include "evictor.h"
#include "storm.h"
#include "talk.h"

/* Parts of the budget, of 8: where eviction begins, and where it ends. */
#define HIGH 7
#define LOW 5
/* Of one call: a few batches. */
#define EVICT_MAX UINT64_C(1024)
#define PAUSE_NS UINT64_C(50000)

/* Returns pages that went, or a negative errno. */
static int
domain_relieve(struct evictor *ev, struct uiommu_domain *domain)
{
	struct uiommu_paging_stats stats;
	uint64_t start, took, surplus;
	uint32_t evicted = 0;
	int ret;

	ret = uiommu_paging_stats_get(domain, &stats);
	if (ret < 0 || stats.resident_pages <= stats.budget_pages * HIGH / 8)
		return ret;
	surplus = stats.resident_pages - stats.budget_pages * LOW / 8;
	start = clock_now_ns();
	ret = uiommu_domain_evict(domain, (uint32_t)RTE_MIN(surplus, EVICT_MAX),
				  &evicted);
	took = clock_now_ns() - start;
	ev->calls++;
	ev->busy_ns += took;
	ev->busy_ns_max = RTE_MAX(ev->busy_ns_max, took);
	return ret < 0 ? ret : (int)evicted;
}

static void *
evictor_main(void *arg)
{
	struct evictor *ev = arg;
	struct storm *s = ev->storm;
	uint64_t evicted;
	uint32_t i;
	int ret = 0;

	while (ret >= 0 && !__atomic_load_n(&ev->stop, __ATOMIC_RELAXED)) {
		evicted = 0;
		for (i = 0; i < s->o.domains && ret >= 0; i++) {
			ret = domain_relieve(ev, s->domains[i]);
			evicted += ret > 0;
		}
		if (evicted == 0)
			clock_sleep_ns(PAUSE_NS);
	}
	ev->result = RTE_MIN(ret, 0);
	return NULL;
}

int
evictor_start(struct storm *s)
{
	struct evictor *ev = &s->map.evictor;
	int ret;

	if (s->o.map.budget_pages == 0)
		return 0;
	memset(ev, 0, sizeof(*ev));
	ev->storm = s;
	ret = pthread_create(&ev->thread, NULL, evictor_main, ev);
	if (ret != 0) {
		talk("cannot start the evictor: %s", strerror(ret));
		return -ret;
	}
	ev->running = true;
	pthread_setname_np(ev->thread, "evictor");
	cores_leave_to(ev->thread, s->eal.cpu_fault, s->eal.cpu_model);
	return 0;
}

int
evictor_stop(struct storm *s)
{
	struct evictor *ev = &s->map.evictor;

	if (!ev->running)
		return 0;
	__atomic_store_n(&ev->stop, true, __ATOMIC_RELAXED);
	pthread_join(ev->thread, NULL);
	ev->running = false;
	if (ev->result < 0)
		talk("eviction failed: %s", rte_strerror(-ev->result));
	return ev->result;
}
