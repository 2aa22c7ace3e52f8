/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Asynchronous detach.
 *
 *   start   from anywhere: the bond goes on a stack of wishes
 *   done    whoever calls it, for whichever bond, takes all of them a step further
 *
 * One is worked on at a time, with the unit's only wish to its owners (uiommu_unit::ctl); each
 * control call that wants it for itself first brings all of them to their end. A bond that is
 * over is out of all tables and lists but one, where it waits to be asked for.
 */

#include <errno.h>

#include <rte_malloc.h>

#include "uiommu_pvt.h"

static void
wish_push(struct uiommu_unit *unit, struct uiommu_attach *attach)
{
	struct uiommu_attach *head = __atomic_load_n(&unit->undo_wishes, __ATOMIC_RELAXED);

	do {
		attach->undo_next = head;
		/* pairs with the exchange in wishes_take() */
	} while (!__atomic_compare_exchange_n(&unit->undo_wishes, &head, attach, true,
					      __ATOMIC_RELEASE, __ATOMIC_RELAXED));
}

/* What came first is at the end of the stack. */
static void
wishes_take(struct uiommu_unit *unit)
{
	struct uiommu_undo_list taken = TAILQ_HEAD_INITIALIZER(taken);
	struct uiommu_attach *attach;

	if (__atomic_load_n(&unit->undo_wishes, __ATOMIC_RELAXED) == NULL)
		return;
	/* pairs with the compare-and-swap in wish_push() */
	attach = __atomic_exchange_n(&unit->undo_wishes, NULL, __ATOMIC_ACQUIRE);
	for (; attach != NULL; attach = attach->undo_next)
		TAILQ_INSERT_HEAD(&taken, attach, undo);
	TAILQ_CONCAT(&unit->undo_waiting, &taken, undo);
}

static void
running_end(struct uiommu_unit *unit, int result)
{
	struct uiommu_attach *attach = unit->undo_running;

	unit->undo_running = NULL;
	attach->undo_result = result;
	/* after an error it stays in force as far as it was, until close */
	if (result == 0) {
		uiommu_pvt_attach_unlink(attach);
		TAILQ_INSERT_TAIL(&unit->undo_over, attach, undo);
	}
	/* pairs with the acquire load in uiommu_detach_done() */
	__atomic_store_n(&attach->undoing, UIOMMU_UNDOING_OVER, __ATOMIC_RELEASE);
}

static int
running_begin(struct uiommu_unit *unit)
{
	struct uiommu_attach *attach = TAILQ_FIRST(&unit->undo_waiting);

	TAILQ_REMOVE(&unit->undo_waiting, attach, undo);
	__atomic_store_n(&attach->undoing, UIOMMU_UNDOING_RUNS, __ATOMIC_RELAXED);
	unit->undo_running = attach;
	return uiommu_pvt_detach_begin(attach, &unit->undo_teardown);
}

/* One step. Whether there is more to do. */
static bool
advance(struct uiommu_unit *unit)
{
	int ret;

	wishes_take(unit);
	if (unit->undo_running != NULL)
		ret = uiommu_pvt_drain_step(unit, &unit->undo_teardown);
	else if (!TAILQ_EMPTY(&unit->undo_waiting))
		ret = running_begin(unit);
	else
		return false;
	if (ret != -EINPROGRESS)
		running_end(unit, ret);
	return unit->undo_running != NULL || !TAILQ_EMPTY(&unit->undo_waiting);
}

void
uiommu_pvt_undo_finish(struct uiommu_unit *unit)
{
	while (advance(unit)) {
		if (unit->undo_running != NULL &&
		    !uiommu_pvt_drain_turn(unit, &unit->undo_teardown))
			uiommu_pvt_wait_turn();
	}
}

void
uiommu_pvt_undo_forget(struct uiommu_unit *unit)
{
	struct uiommu_attach *attach;

	while ((attach = TAILQ_FIRST(&unit->undo_over)) != NULL) {
		TAILQ_REMOVE(&unit->undo_over, attach, undo);
		rte_free(attach);
	}
}

bool
uiommu_pvt_undo_claim(struct uiommu_attach *attach)
{
	uint32_t expected = UIOMMU_UNDOING_NOT;

	return __atomic_compare_exchange_n(&attach->undoing, &expected, UIOMMU_UNDOING_RUNS, false,
					   __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

void
uiommu_pvt_undo_unclaim(struct uiommu_attach *attach)
{
	__atomic_store_n(&attach->undoing, UIOMMU_UNDOING_NOT, __ATOMIC_RELAXED);
}

int
uiommu_detach_start(struct uiommu_attach *attach)
{
	uint32_t expected = UIOMMU_UNDOING_NOT;

	if (attach == NULL)
		return -EINVAL;
	if (attach->is_sva)
		return -EBUSY;
	if (!__atomic_compare_exchange_n(&attach->undoing, &expected, UIOMMU_UNDOING_WAITS, false,
					 __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		return -EALREADY;
	wish_push(attach->unit, attach);
	return 0;
}

/* Take back the memory of a bond that is over. */
static int
collect(struct uiommu_unit *unit, struct uiommu_attach *attach)
{
	int result = attach->undo_result;

	if (result == 0) {
		TAILQ_REMOVE(&unit->undo_over, attach, undo);
		rte_free(attach);
	}
	return result;
}

int
uiommu_detach_done(struct uiommu_attach *attach)
{
	struct uiommu_unit *unit;
	int ret = -EINPROGRESS;

	if (attach == NULL ||
	    __atomic_load_n(&attach->undoing, __ATOMIC_RELAXED) == UIOMMU_UNDOING_NOT)
		return -EINVAL;
	if (uiommu_pvt_in_handler())
		return -EINPROGRESS;
	unit = attach->unit;
	/* whoever holds the lock does the work, or is soon gone */
	if (pthread_mutex_trylock(&unit->lock) != 0) {
		uiommu_pvt_owned_turn();
		return -EINPROGRESS;
	}
	if (advance(unit) && unit->undo_running != NULL)
		uiommu_pvt_drain_turn(unit, &unit->undo_teardown);
	/* pairs with the release store in running_end() */
	if (__atomic_load_n(&attach->undoing, __ATOMIC_ACQUIRE) == UIOMMU_UNDOING_OVER)
		ret = collect(unit, attach);
	pthread_mutex_unlock(&unit->lock);
	return ret;
}
