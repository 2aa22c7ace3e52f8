/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* From groups to codes: on the fault lcore, by workers, or by the application's threads. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "mm_pvt.h"

/* Depth of operations that the thread is inside of. */
static __thread unsigned int operations uiommu_tls_fast;

bool
uiommu_pvt_mm_in_operation(void)
{
	return operations != 0;
}

/* ------------------------------------------------------------------ resolve */

static bool
user_get(const struct uiommu_mm *mm)
{
	return mm->conf.ops->get == NULL || mm->conf.ops->get(mm->conf.ops_priv);
}

static void
user_put(const struct uiommu_mm *mm)
{
	if (mm->conf.ops->put != NULL)
		mm->conf.ops->put(mm->conf.ops_priv);
}

/* Whether the address space is alive. codes holds INVALID. */
static bool
user_resolve(const struct uiommu_mm *mm, const struct uiommu_mm_fault *faults, uint32_t nb_faults,
	     uint8_t *codes, uint32_t nb_groups)
{
	bool alive;

	operations++;
	alive = user_get(mm);
	if (alive) {
		mm->conf.ops->fault(mm->conf.ops_priv, faults, nb_faults, codes, nb_groups);
		user_put(mm);
	}
	operations--;
	return alive;
}

/* Codes that are none, or not for one tenant's fault, are INVALID. Number of INVALID ones. */
static uint32_t
codes_check(uint8_t *codes, uint32_t nb_groups)
{
	uint32_t i, nb = 0;

	for (i = 0; i < nb_groups; i++) {
		if (codes[i] != UIOMMU_CODE_SUCCESS && codes[i] != UIOMMU_CODE_RETRY)
			codes[i] = UIOMMU_CODE_INVALID;
		nb += codes[i] == UIOMMU_CODE_INVALID;
	}
	return nb;
}

static uint64_t
pages_count(const struct uiommu_mm_fault *faults, uint32_t nb_faults, const uint8_t *codes)
{
	uint64_t nb = 0;
	uint32_t i;

	for (i = 0; i < nb_faults; i++) {
		if (codes[faults[i].group] == UIOMMU_CODE_SUCCESS)
			nb += faults[i].nb_pages;
	}
	return nb;
}

void
uiommu_pvt_mm_resolve(struct uiommu_mm *mm, struct uiommu_mm_lane *lane,
		      struct uiommu_mm_work *work, const struct uiommu_mm_fault *faults,
		      uint32_t nb_faults, uint8_t *codes, uint32_t nb_groups)
{
	uint32_t nb_invalid, nb_limit = 0;
	bool alive = true;

	memset(codes, UIOMMU_CODE_INVALID, nb_groups);
	if (mm->self != NULL)
		nb_limit = uiommu_pvt_mm_self_resolve(mm->self, work, faults, nb_faults, codes,
						      nb_groups);
	else
		alive = user_resolve(mm, faults, nb_faults, codes, nb_groups);
	if (!alive) {
		uiommu_pvt_mm_count_dying(lane, nb_groups);
		return;
	}
	nb_invalid = codes_check(codes, nb_groups);
	/* those have a counter of their own */
	if (mm->conf.limit_code != UIOMMU_CODE_RETRY)
		nb_invalid -= nb_limit;
	__atomic_fetch_add(&lane->groups, nb_groups, __ATOMIC_RELAXED);
	__atomic_fetch_add(&lane->invalid, nb_invalid, __ATOMIC_RELAXED);
	__atomic_fetch_add(&lane->pages, pages_count(faults, nb_faults, codes), __ATOMIC_RELAXED);
}

/* ------------------------------------------------------------------ batches */

int
uiommu_pvt_mm_batches_create(struct uiommu_mm *mm, uint32_t nb)
{
	while (mm->nb_batches < nb) {
		struct uiommu_mm_batch *batch = calloc(1, sizeof(*batch));

		if (batch == NULL)
			return -ENOMEM;
		batch->next = mm->batches;
		mm->batches = batch;
		mm->nb_batches++;
	}
	return 0;
}

void
uiommu_pvt_mm_batches_free(struct uiommu_mm *mm)
{
	while (mm->batches != NULL) {
		struct uiommu_mm_batch *batch = mm->batches;

		mm->batches = batch->next;
		free(batch);
	}
	mm->nb_batches = 0;
}

/* keep: leave so many. NULL: more threads than were foreseen, and no memory. */
static struct uiommu_mm_batch *
batch_get(struct uiommu_mm *mm, uint32_t keep)
{
	struct uiommu_mm_batch *batch = NULL;

	pthread_mutex_lock(&mm->lock);
	if (mm->nb_batches > keep) {
		batch = mm->batches;
		mm->batches = batch->next;
		mm->nb_batches--;
	}
	pthread_mutex_unlock(&mm->lock);
	return batch != NULL ? batch : malloc(sizeof(*batch));
}

/* They stay for the next time: as many as there were ever threads at once. */
static void
batch_put(struct uiommu_mm *mm, struct uiommu_mm_batch *batch)
{
	pthread_mutex_lock(&mm->lock);
	batch->next = mm->batches;
	mm->batches = batch;
	mm->nb_batches++;
	pthread_mutex_unlock(&mm->lock);
}

/* -------------------------------------------------------------------- turns */

/*
 * Messages of up to budget groups. A group has at least one, so as many messages as groups may
 * come do no harm; where the first group is larger, step by step as many more.
 */
static int
msgs_read(struct uiommu_fault_queue *fq, struct uiommu_mm_batch *batch, uint16_t budget)
{
	uint32_t nb = RTE_MIN(budget, UIOMMU_MM_BATCH_MAX);
	int ret;

	do {
		ret = uiommu_fault_queue_read(fq, batch->msgs, (uint16_t)nb);
		nb += budget;
	} while (ret == -EMSGSIZE && nb - budget < UIOMMU_MM_BATCH_MAX);
	return ret;
}

static uint32_t
access_of(uint32_t perm)
{
	return ((perm & UIOMMU_FAULT_MSG_READ) != 0 ? UIOMMU_FAULT_READ : 0) |
	       ((perm & UIOMMU_FAULT_MSG_WRITE) != 0 ? UIOMMU_FAULT_WRITE : 0) |
	       ((perm & UIOMMU_FAULT_MSG_EXEC) != 0 ? UIOMMU_FAULT_EXEC : 0) |
	       ((perm & UIOMMU_FAULT_MSG_PRIV) != 0 ? UIOMMU_FAULT_PRIV : 0);
}

/* Number of groups. */
static uint32_t
faults_fill(struct uiommu_mm_unit *on, struct uiommu_mm_batch *batch, uint32_t nb_msgs)
{
	const struct uiommu_fault_msg *msgs = batch->msgs;
	uint32_t i, nb_groups = 0;
	int node = -1;

	pthread_mutex_lock(&on->mm->lock);
	for (i = 0; i < nb_msgs; i++) {
		if (i == 0 || msgs[i].dev_id != msgs[i - 1].dev_id)
			node = uiommu_pvt_mm_unit_node(on, msgs[i].dev_id);
		batch->faults[i] = (struct uiommu_mm_fault){
			.iova = msgs[i].addr,
			.nb_pages = RTE_MAX(msgs[i].length / 4096, UINT32_C(1)),
			.access = access_of(msgs[i].perm),
			.numa_node = node,
			.group = nb_groups,
		};
		batch->cookies[nb_groups] = msgs[i].cookie;
		nb_groups += (msgs[i].flags & UIOMMU_FAULT_MSG_LAST_PAGE) != 0;
	}
	pthread_mutex_unlock(&on->mm->lock);
	return nb_groups;
}

/* Resolve, and answer, up to budget groups of one unit. */
static uint16_t
unit_turn(struct uiommu_mm_unit *on, struct uiommu_mm_batch *batch, uint16_t budget)
{
	struct uiommu_mm *mm = on->mm;
	struct uiommu_mm_lane *lane = &mm->lanes[0];
	int nb_msgs = msgs_read(on->fq, batch, budget);
	uint32_t nb_groups;

	if (nb_msgs <= 0)
		return 0;
	nb_groups = faults_fill(on, batch, (uint32_t)nb_msgs);
	if (uiommu_pvt_mm_enter(mm, lane)) {
		uiommu_pvt_mm_resolve(mm, lane, &batch->work, batch->faults, (uint32_t)nb_msgs,
				      batch->codes, nb_groups);
		uiommu_pvt_mm_leave(lane);
	} else {
		memset(batch->codes, UIOMMU_CODE_INVALID, nb_groups);
		uiommu_pvt_mm_count_dying(lane, nb_groups);
	}
	/* groups whose bond has gone meanwhile were answered then */
	uiommu_pvt_fault_queue_answer(on->fq, batch->cookies, batch->codes, (uint16_t)nb_groups);
	return (uint16_t)nb_groups;
}

/* The next unit in turn, with a reference; NULL: there is none. */
static struct uiommu_mm_unit *
unit_take(struct uiommu_mm *mm)
{
	struct uiommu_mm_unit *on;

	pthread_mutex_lock(&mm->lock);
	on = TAILQ_FIRST(&mm->units);
	if (on != NULL) {
		TAILQ_REMOVE(&mm->units, on, next);
		TAILQ_INSERT_TAIL(&mm->units, on, next);
		__atomic_fetch_add(&on->refs, 1, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&mm->lock);
	return on;
}

static uint16_t
units_turn(struct uiommu_mm *mm, struct uiommu_mm_batch *batch, uint16_t budget)
{
	uint32_t i, nb = __atomic_load_n(&mm->nb_units, __ATOMIC_RELAXED);
	struct uiommu_mm_unit *on;
	uint16_t done = 0;

	/* once round */
	for (i = 0; i < nb && done == 0 && (on = unit_take(mm)) != NULL; i++) {
		if (on->fq != NULL)
			done = unit_turn(on, batch, budget);
		uiommu_pvt_mm_unit_put(on);
	}
	return done;
}

uint16_t
uiommu_pvt_mm_turn(struct uiommu_mm *mm, uint16_t budget)
{
	struct uiommu_mm_batch *batch;
	uint16_t done;

	if (budget == 0)
		return 0;
	batch = batch_get(mm, 1);
	if (batch == NULL)
		return 0;
	done = units_turn(mm, batch, budget);
	batch_put(mm, batch);
	return done;
}

uint16_t
uiommu_mm_poll(struct uiommu_mm *mm, uint16_t budget)
{
	if (mm == NULL || mm->conf.mode != UIOMMU_MM_POLLED)
		return 0;
	return uiommu_pvt_mm_turn(mm, budget);
}

void
uiommu_pvt_mm_flush(struct uiommu_mm *mm)
{
	struct uiommu_mm_batch *batch = batch_get(mm, 0);

	if (batch == NULL)
		return;
	while (units_turn(mm, batch, UIOMMU_MM_BATCH_MAX) != 0)
		;
	batch_put(mm, batch);
}
