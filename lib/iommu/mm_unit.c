/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * An address space on a unit: one domain for all endpoints that are bound there, and one fault
 * queue, or scratch memory for the fault lcores where they resolve themselves.
 */

#include <errno.h>

#include <rte_common.h>
#include <rte_malloc.h>

#include "mm_pvt.h"

/* All of them; SVA's lock. */
static struct uiommu_mm_unit_list all_units = TAILQ_HEAD_INITIALIZER(all_units);

/* ------------------------------------------------------------------ handler */

/* Lane 0 is for those who are no fault lcores. */
static struct uiommu_mm_lane *
lane_of(struct uiommu_mm *mm, const struct uiommu_queue *queue)
{
	uint32_t number = (uint32_t)queue->unit->dev.dev_id * UIOMMU_MAX_QUEUES + queue->id;

	return &mm->lanes[1 + number % (UIOMMU_MM_LANES - 1)];
}

static void
group_fill(struct uiommu_mm_fault *faults, const struct uiommu_group *group, uint32_t number)
{
	uint16_t i;

	for (i = 0; i < group->nb_faults; i++) {
		const struct uiommu_fault *fault = &group->faults[i];

		faults[i] = (struct uiommu_mm_fault){
			.iova = fault->iova,
			.nb_pages = RTE_MAX(fault->nb_pages, UINT32_C(1)),
			.access = fault->flags & (UIOMMU_FAULT_ACCESS | UIOMMU_FAULT_PRIV),
			.numa_node = group->attach->endpoint->numa_node,
			.group = number,
		};
	}
}

/* On the fault lcore, by as many groups at once as the scratch memory takes. */
static void
inline_resolve(struct uiommu_mm_unit *on, struct uiommu_mm_lane *lane, unsigned int queue_id,
	       const struct uiommu_group *groups, uint8_t *codes, uint16_t nb_groups)
{
	struct uiommu_mm_fault *faults = on->faults[queue_id];
	uint16_t first, next;

	for (first = 0; first < nb_groups; first = next) {
		uint32_t nb_faults = 0;

		for (next = first; next < nb_groups; next++) {
			if (nb_faults + groups[next].nb_faults > on->faults_max)
				break;
			group_fill(&faults[nb_faults], &groups[next], (uint32_t)(next - first));
			nb_faults += groups[next].nb_faults;
		}
		uiommu_pvt_mm_resolve(on->mm, lane, NULL, faults, nb_faults, &codes[first],
				      (uint32_t)(next - first));
	}
}

/* Of all domains of SVA. Codes hold INVALID already, which is right where the process has ended. */
static void
unit_handler(void *handler_priv, struct uiommu_group *groups, uint8_t *codes, uint16_t nb_groups)
{
	struct uiommu_mm_unit *on = handler_priv;
	const struct uiommu_queue *queue = uiommu_pvt_group_queue(&groups[0]);
	struct uiommu_mm_lane *lane = lane_of(on->mm, queue);

	if (!uiommu_pvt_mm_enter(on->mm, lane)) {
		uiommu_pvt_mm_count_dying(lane, nb_groups);
		return;
	}
	if (on->fq != NULL)
		uiommu_pvt_fault_queue_handler(on->fq, groups, codes, nb_groups);
	else
		inline_resolve(on, lane, queue->id, groups, codes, nb_groups);
	uiommu_pvt_mm_leave(lane);
}

/* ---------------------------------------------------------------- creation */

static void
unit_free(struct uiommu_mm_unit *on)
{
	unsigned int i;

	if (on->fq != NULL)
		uiommu_pvt_fault_queue_unref(on->fq);
	for (i = 0; i < RTE_DIM(on->faults); i++)
		rte_free(on->faults[i]);
	uiommu_pvt_mm_put(on->mm);
	rte_free(on);
}

void
uiommu_pvt_mm_unit_put(struct uiommu_mm_unit *on)
{
	/* pairs with itself: the last one sees what the others have done */
	if (__atomic_sub_fetch(&on->refs, 1, __ATOMIC_ACQ_REL) == 0)
		unit_free(on);
}

static int
scratch_create(struct uiommu_mm_unit *on)
{
	const struct uiommu_unit *unit = on->unit;
	uint16_t i;

	on->faults_max = RTE_MAX((uint32_t)unit->conf.burst, unit->conf.group_max);
	for (i = 0; i < unit->nb_queues; i++) {
		on->faults[i] = rte_zmalloc_socket(
			"uiommu_mm_faults", on->faults_max * sizeof(on->faults[i][0]),
			RTE_CACHE_LINE_SIZE, unit->dev.platform.socket_id);
		if (on->faults[i] == NULL)
			return -ENOMEM;
	}
	return 0;
}

static int
fault_queue_create(struct uiommu_mm_unit *on)
{
	struct uiommu_fault_queue_conf conf = {
		.size = sizeof(conf),
		.depth = on->mm->conf.queue_depth,
		.flags = on->mm->conf.mode == UIOMMU_MM_WORKER ? UIOMMU_FAULT_QUEUE_EVENTFD : 0,
	};
	int ret = uiommu_pvt_fault_queue_create(on->unit, &conf, &on->fq);

	if (ret != 0) {
		on->fq = NULL;
		return ret;
	}
	/* who resolves may be at it while the queue is destroyed */
	uiommu_pvt_fault_queue_ref(on->fq);
	return uiommu_pvt_mm_workers_watch(on->mm, on->fq);
}

static int
domain_create(struct uiommu_mm_unit *on)
{
	const struct uiommu_domain_conf conf = {
		.size = sizeof(conf),
		.type = UIOMMU_DOMAIN_SVA,
		.handler = unit_handler,
		.handler_priv = on,
		.table_pa = on->mm->conf.table_pa,
	};

	return uiommu_pvt_domain_create(on->unit, &conf, &on->domain);
}

/* The fault queue goes after the domain: nothing is put into it any more. */
static int
parts_destroy(struct uiommu_mm_unit *on)
{
	if (on->domain != NULL)
		uiommu_pvt_domain_destroy(on->domain);
	if (on->fq == NULL)
		return 0;
	uiommu_pvt_mm_workers_forget(on->mm, on->fq);
	/* where the unit fails it stays, until the unit is closed */
	return uiommu_pvt_fault_queue_destroy(on->fq);
}

int
uiommu_pvt_mm_unit_create(struct uiommu_mm *mm, struct uiommu_unit *unit,
			  struct uiommu_mm_unit **out)
{
	struct uiommu_mm_unit *on;
	int ret;

	on = rte_zmalloc_socket("uiommu_mm_unit", sizeof(*on), RTE_CACHE_LINE_SIZE,
				unit->dev.platform.socket_id);
	if (on == NULL)
		return -ENOMEM;
	on->mm = mm;
	on->unit = unit;
	on->refs = 1;
	TAILQ_INIT(&on->bonds);
	__atomic_fetch_add(&mm->refs, 1, __ATOMIC_RELAXED);
	ret = mm->conf.mode == UIOMMU_MM_INLINE ? scratch_create(on) : fault_queue_create(on);
	if (ret == 0)
		ret = domain_create(on);
	if (ret != 0) {
		(void)parts_destroy(on);
		uiommu_pvt_mm_unit_put(on);
		return ret;
	}
	TAILQ_INSERT_TAIL(&all_units, on, all_next);
	pthread_mutex_lock(&mm->lock);
	TAILQ_INSERT_TAIL(&mm->units, on, next);
	on->listed = true;
	__atomic_store_n(&mm->nb_units, mm->nb_units + 1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&mm->lock);
	*out = on;
	return 0;
}

/* ---------------------------------------------------------------------- end */

/* Nobody begins to resolve any more; those who are at it go on with their reference. */
static void
unit_unlist(struct uiommu_mm_unit *on)
{
	struct uiommu_mm *mm = on->mm;

	pthread_mutex_lock(&mm->lock);
	if (on->listed) {
		TAILQ_REMOVE(&mm->units, on, next);
		on->listed = false;
		__atomic_store_n(&mm->nb_units, mm->nb_units - 1, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&mm->lock);
}

int
uiommu_pvt_mm_unit_end(struct uiommu_mm_unit *on)
{
	int ret;

	unit_unlist(on);
	/* a unit that has failed may still call the handler */
	if (on->domain->nb_attached != 0)
		return 0;
	ret = parts_destroy(on);
	TAILQ_REMOVE(&all_units, on, all_next);
	uiommu_pvt_mm_unit_put(on);
	return ret;
}

void
uiommu_pvt_mm_unit_forget(struct uiommu_mm_unit *on)
{
	unit_unlist(on);
	TAILQ_REMOVE(&all_units, on, all_next);
	uiommu_pvt_mm_unit_put(on);
}

struct uiommu_mm_unit *
uiommu_pvt_mm_unit_next(const struct uiommu_mm_unit *on, const struct uiommu_mm *mm,
			const struct uiommu_unit *unit)
{
	struct uiommu_mm_unit *next =
		on == NULL ? TAILQ_FIRST(&all_units) : TAILQ_NEXT(on, all_next);

	while (next != NULL &&
	       ((mm != NULL && next->mm != mm) || (unit != NULL && next->unit != unit)))
		next = TAILQ_NEXT(next, all_next);
	return next;
}

/* -------------------------------------------------------------------- bonds */

void
uiommu_pvt_mm_unit_bond_add(struct uiommu_mm_unit *on, struct uiommu_sva *sva)
{
	pthread_mutex_lock(&on->mm->lock);
	TAILQ_INSERT_TAIL(&on->bonds, sva, next);
	pthread_mutex_unlock(&on->mm->lock);
}

void
uiommu_pvt_mm_unit_bond_remove(struct uiommu_mm_unit *on, struct uiommu_sva *sva)
{
	pthread_mutex_lock(&on->mm->lock);
	TAILQ_REMOVE(&on->bonds, sva, next);
	pthread_mutex_unlock(&on->mm->lock);
}

int
uiommu_pvt_mm_unit_node(const struct uiommu_mm_unit *on, uint32_t endpoint_id)
{
	const struct uiommu_sva *sva;

	TAILQ_FOREACH (sva, &on->bonds, next) {
		if (sva->endpoint->id == endpoint_id)
			return sva->endpoint->numa_node;
	}
	return -1;
}
