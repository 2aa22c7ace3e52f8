/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Bonds between endpoints and address spaces.
 *
 * A PASID belongs to the address space, for as long as anything is bound to it, and is given back
 * when the last bond has gone. Where a unit failed to let go of it, it is never given out again:
 * a device might still use it.
 */

#include <errno.h>

#include <rte_errno.h>
#include <rte_malloc.h>

#include "mm_pvt.h"
#include "pasid_alloc.h"

/* All that is bound, in all units; the allocator of PASIDs; and the one mm of this process. */
static pthread_mutex_t sva_mutex = PTHREAD_MUTEX_INITIALIZER;

int
uiommu_pvt_sva_lock(void)
{
	return uiommu_pvt_mutex_lock(&sva_mutex);
}

void
uiommu_pvt_sva_unlock(void)
{
	pthread_mutex_unlock(&sva_mutex);
}

/* -------------------------------------------------------------------- PASID */

static bool
pasid_is_attached(uint32_t pasid, const void *arg)
{
	const struct uiommu_endpoint *endpoint = arg;

	return uiommu_pvt_pasid_table_get(&endpoint->pasids, pasid) != NULL;
}

/* The PASID that the address space has, or one for it that this endpoint can have. */
static int
pasid_get(struct uiommu_mm *mm, const struct uiommu_endpoint *endpoint, uint32_t *pasid)
{
	if (mm->nb_bound != 0) {
		*pasid = mm->pasid;
		return *pasid >> endpoint->pasid_bits == 0 ? 0 : -EOVERFLOW;
	}
	*pasid = uiommu_pvt_pasid_alloc(endpoint->pasid_bits, pasid_is_attached, endpoint);
	if (*pasid == UIOMMU_NO_PASID)
		return -ENOSPC;
	__atomic_store_n(&mm->pasid, *pasid, __ATOMIC_RELAXED);
	mm->pasid_spoiled = false;
	return 0;
}

/* After each bond that has gone, or did not come. */
static void
pasid_put(struct uiommu_mm *mm)
{
	if (mm->nb_bound != 0 || mm->pasid == UIOMMU_NO_PASID)
		return;
	if (!mm->pasid_spoiled)
		uiommu_pvt_pasid_free(mm->pasid);
	__atomic_store_n(&mm->pasid, UIOMMU_NO_PASID, __ATOMIC_RELAXED);
}

/* --------------------------------------------------------------------- bind */

/* One that is left over from a failure does not count. */
static struct uiommu_mm_unit *
unit_of(const struct uiommu_mm *mm, const struct uiommu_unit *unit)
{
	struct uiommu_mm_unit *on = uiommu_pvt_mm_unit_next(NULL, mm, unit);

	while (on != NULL && !on->listed)
		on = uiommu_pvt_mm_unit_next(on, mm, unit);
	return on;
}

static struct uiommu_sva *
bond_of(const struct uiommu_mm_unit *on, const struct uiommu_endpoint *endpoint)
{
	struct uiommu_sva *sva;

	TAILQ_FOREACH (sva, &on->bonds, next) {
		if (sva->endpoint == endpoint)
			return sva;
	}
	return NULL;
}

static int
bond_make(struct uiommu_sva *sva, struct uiommu_mm_unit *on, struct uiommu_endpoint *endpoint)
{
	struct uiommu_mm *mm = on->mm;
	uint32_t nb_before = on->domain->nb_attached;
	uint32_t pasid;
	int ret;

	ret = pasid_get(mm, endpoint, &pasid);
	if (ret != 0)
		return ret;
	ret = uiommu_pvt_attach_locked(endpoint, pasid, on->domain, NULL, &sva->attach);
	if (ret != 0) {
		/* a unit that failed in the middle of it has not let go of the PASID */
		mm->pasid_spoiled |= on->domain->nb_attached != nb_before;
		pasid_put(mm);
		return ret;
	}
	sva->attach->is_sva = true;
	sva->refs = 1;
	sva->on = on;
	sva->endpoint = endpoint;
	__atomic_store_n(&sva->pasid, pasid, __ATOMIC_RELAXED);
	__atomic_store_n(&mm->nb_bound, mm->nb_bound + 1, __ATOMIC_RELAXED);
	uiommu_pvt_mm_unit_bond_add(on, sva);
	return 0;
}

/* Both locks held. */
static int
bind_locked(struct uiommu_endpoint *endpoint, struct uiommu_mm *mm, struct uiommu_sva **out)
{
	struct uiommu_mm_unit *on = unit_of(mm, endpoint->unit);
	struct uiommu_sva *sva = on != NULL ? bond_of(on, endpoint) : NULL;
	int ret;

	if (sva != NULL) {
		sva->refs++;
		*out = sva;
		return 0;
	}
	if (uiommu_pvt_state(endpoint->unit) == UIOMMU_DEV_FAILED)
		return -EIO;
	if (endpoint->pasid_bits == 0 || !endpoint->can_fault)
		return -ENOTSUP;
	sva = rte_zmalloc("uiommu_sva", sizeof(*sva), 0);
	if (sva == NULL)
		return -ENOMEM;
	ret = on != NULL ? 0 : uiommu_pvt_mm_unit_create(mm, endpoint->unit, &on);
	if (ret != 0) {
		rte_free(sva);
		return ret;
	}
	ret = bond_make(sva, on, endpoint);
	if (ret != 0) {
		if (TAILQ_EMPTY(&on->bonds))
			(void)uiommu_pvt_mm_unit_end(on);
		rte_free(sva);
		return ret;
	}
	*out = sva;
	return 0;
}

struct uiommu_sva *
uiommu_sva_bind(struct uiommu_endpoint *endpoint, struct uiommu_mm *mm)
{
	struct uiommu_sva *sva = NULL;
	int ret;

	if (endpoint == NULL || mm == NULL) {
		rte_errno = EINVAL;
		return NULL;
	}
	ret = uiommu_pvt_sva_lock();
	if (ret != 0) {
		rte_errno = -ret;
		return NULL;
	}
	if (__atomic_load_n(&mm->dying, __ATOMIC_RELAXED) != 0) {
		ret = -ESRCH;
	} else {
		(void)uiommu_pvt_lock(endpoint->unit); /* not inside a handler */
		ret = bind_locked(endpoint, mm, &sva);
		uiommu_pvt_unlock(endpoint->unit);
	}
	uiommu_pvt_sva_unlock();
	if (ret != 0)
		rte_errno = -ret;
	return sva;
}

/* ------------------------------------------------------------------- unbind */

/* The bond is in no table any more, or in that of a failed unit; the handle stays. */
static void
bond_forget(struct uiommu_sva *sva, bool spoiled)
{
	struct uiommu_mm *mm = sva->on->mm;

	uiommu_pvt_mm_unit_bond_remove(sva->on, sva);
	sva->on = NULL;
	sva->endpoint = NULL;
	sva->attach = NULL;
	__atomic_store_n(&sva->pasid, UIOMMU_NO_PASID, __ATOMIC_RELAXED);
	mm->pasid_spoiled |= spoiled;
	__atomic_store_n(&mm->nb_bound, mm->nb_bound - 1, __ATOMIC_RELAXED);
	pasid_put(mm);
}

static int
unbind_last(struct uiommu_sva *sva)
{
	struct uiommu_mm_unit *on = sva->on;
	struct uiommu_unit *unit = on->unit;
	int ret, ended = 0;

	(void)uiommu_pvt_lock(unit); /* not inside a handler */
	ret = uiommu_pvt_detach_locked(sva->attach);
	bond_forget(sva, ret != 0);
	if (TAILQ_EMPTY(&on->bonds))
		ended = uiommu_pvt_mm_unit_end(on);
	uiommu_pvt_unlock(unit);
	return ret != 0 ? ret : ended;
}

int
uiommu_sva_unbind(struct uiommu_sva *sva)
{
	bool last;
	int ret;

	if (sva == NULL)
		return -EINVAL;
	ret = uiommu_pvt_sva_lock();
	if (ret != 0)
		return ret;
	last = --sva->refs == 0;
	if (last && sva->on != NULL)
		ret = unbind_last(sva);
	uiommu_pvt_sva_unlock();
	if (last)
		rte_free(sva);
	return ret;
}

uint32_t
uiommu_sva_pasid(const struct uiommu_sva *sva)
{
	return sva == NULL ? UIOMMU_NO_PASID : __atomic_load_n(&sva->pasid, __ATOMIC_RELAXED);
}

/* -------------------------------------------------- what takes bonds away */

void
uiommu_pvt_sva_endpoint_gone(struct uiommu_endpoint *endpoint)
{
	struct uiommu_mm_unit *on, *next;

	for (on = uiommu_pvt_mm_unit_next(NULL, NULL, endpoint->unit); on != NULL; on = next) {
		struct uiommu_sva *sva = bond_of(on, endpoint);

		next = uiommu_pvt_mm_unit_next(on, NULL, endpoint->unit);
		if (sva == NULL)
			continue;
		/* before its domain, which may go with it */
		uiommu_pvt_attach_unlink(sva->attach);
		rte_free(sva->attach);
		bond_forget(sva, false);
		/* a unit that fails now is marked so; the endpoint is gone all the same */
		if (TAILQ_EMPTY(&on->bonds))
			(void)uiommu_pvt_mm_unit_end(on);
	}
}

void
uiommu_pvt_sva_unit_gone(struct uiommu_unit *unit)
{
	struct uiommu_mm_unit *on, *next;
	struct uiommu_sva *sva;

	for (on = uiommu_pvt_mm_unit_next(NULL, NULL, unit); on != NULL; on = next) {
		next = uiommu_pvt_mm_unit_next(on, NULL, unit);
		while ((sva = TAILQ_FIRST(&on->bonds)) != NULL)
			bond_forget(sva, false);
		uiommu_pvt_mm_unit_forget(on);
	}
}

/* ------------------------------------------------------------------ release */

/*
 * The unit stops translating, and that is all: what the device goes on sending is answered
 * INVALID, by the unit or by the handler, and drained when the bond is undone.
 */
static int
unit_block(struct uiommu_mm_unit *on)
{
	struct uiommu_unit *unit = on->unit;
	struct uiommu_sva *sva;
	int ret = 0;

	(void)uiommu_pvt_lock(unit); /* not inside a handler */
	TAILQ_FOREACH (sva, &on->bonds, next) {
		unit->dev.ops->bond_block(&unit->dev, sva->endpoint->drv, sva->pasid);
		/* the others are blocked in the unit's tables even where one fails */
		if (ret == 0)
			ret = uiommu_pvt_cmd(unit, UIOMMU_CMD_BOND_CLEAR, sva->endpoint, sva->pasid,
					     on->domain);
	}
	uiommu_pvt_unlock(unit);
	return ret;
}

int
uiommu_pvt_sva_block(struct uiommu_mm *mm)
{
	struct uiommu_mm_unit *on = NULL;
	int ret = 0;

	while ((on = uiommu_pvt_mm_unit_next(on, mm, NULL)) != NULL) {
		int done = unit_block(on);

		ret = ret == 0 ? done : ret;
	}
	return ret;
}
