/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Address spaces: their life from creation to the end. */

#include <errno.h>
#include <string.h>

#include <rte_common.h>
#include <rte_errno.h>
#include <rte_malloc.h>

#include "mm_pvt.h"

#define GRANULE_DEFAULT (64 * 1024)
#define GRANULE_MIN 4096
#define GRANULE_MAX (1 << 30)

/* The one of this process; SVA's lock. */
static struct uiommu_mm *self_mm;

static int
self_check(const struct uiommu_mm_conf *conf)
{
	uint32_t granule = conf->lock_granule_bytes;

	if (conf->mode == UIOMMU_MM_INLINE || conf->ops != NULL || conf->ops_priv != NULL)
		return -EINVAL;
	if (granule != 0 &&
	    (!rte_is_power_of_2(granule) || granule < GRANULE_MIN || granule > GRANULE_MAX))
		return -EINVAL;
	if (conf->limit_code > UIOMMU_CODE_INVALID && conf->limit_code != UIOMMU_CODE_RETRY)
		return -EINVAL;
	return 0;
}

static int
user_check(const struct uiommu_mm_conf *conf)
{
	const struct uiommu_mm_ops *ops = conf->ops;

	if (ops == NULL || ops->fault == NULL || (ops->get == NULL) != (ops->put == NULL))
		return -EINVAL;
	if (conf->locked_max_bytes != 0 || conf->lock_granule_bytes != 0 || conf->limit_code != 0)
		return -EINVAL;
	return 0;
}

static int
conf_check(const struct uiommu_mm_conf *conf)
{
	static const struct uiommu_mm_conf zero;

	if (conf == NULL || conf->size != sizeof(*conf) ||
	    (conf->flags & ~(UIOMMU_MM_NO_LOCK | UIOMMU_MM_NO_NUMA)) != 0 ||
	    memcmp(conf->reserved, zero.reserved, sizeof(zero.reserved)) != 0)
		return -EINVAL;
	if (conf->nb_workers > (conf->mode == UIOMMU_MM_WORKER ? UIOMMU_MM_WORKERS_MAX : 0))
		return -EINVAL;
	if (conf->queue_depth != 0 &&
	    (conf->mode == UIOMMU_MM_INLINE || !rte_is_power_of_2(conf->queue_depth)))
		return -EINVAL;
	if (conf->mode > UIOMMU_MM_INLINE)
		return -EINVAL;
	switch (conf->kind) {
	case UIOMMU_MM_SELF:
		return self_check(conf);
	case UIOMMU_MM_USER:
		return user_check(conf);
	default:
		return -EINVAL;
	}
}

/* Threads that resolve at a time and must not lack scratch memory; one more is for the end. */
static uint32_t
batches_wanted(const struct uiommu_mm *mm)
{
	switch (mm->conf.mode) {
	case UIOMMU_MM_WORKER:
		return mm->conf.nb_workers + 1;
	case UIOMMU_MM_POLLED:
		return 2;
	default:
		return 0;
	}
}

static void
mm_free(struct uiommu_mm *mm)
{
	uiommu_pvt_mm_self_destroy(mm->self);
	mm->self = NULL;
	uiommu_pvt_mm_batches_free(mm);
	uiommu_pvt_mm_put(mm);
}

static int
mm_create(const struct uiommu_mm_conf *conf, struct uiommu_mm **out)
{
	struct uiommu_mm *mm;
	int ret = 0;

	mm = rte_zmalloc("uiommu_mm", sizeof(*mm), RTE_CACHE_LINE_SIZE);
	if (mm == NULL)
		return -ENOMEM;
	mm->conf = *conf;
	mm->refs = 1;
	mm->pasid = UIOMMU_NO_PASID;
	mm->epoll_fd = -1;
	mm->stop_fd = -1;
	TAILQ_INIT(&mm->units);
	pthread_mutex_init(&mm->lock, NULL);
	if (mm->conf.lock_granule_bytes == 0)
		mm->conf.lock_granule_bytes = GRANULE_DEFAULT;
	if (mm->conf.mode == UIOMMU_MM_WORKER && mm->conf.nb_workers == 0)
		mm->conf.nb_workers = 1;
	if (conf->kind == UIOMMU_MM_SELF)
		ret = uiommu_pvt_mm_self_create(&mm->conf, &mm->self);
	if (ret == 0)
		ret = uiommu_pvt_mm_batches_create(mm, batches_wanted(mm));
	if (ret == 0)
		ret = uiommu_pvt_mm_workers_start(mm);
	if (ret != 0) {
		mm_free(mm);
		return ret;
	}
	*out = mm;
	return 0;
}

struct uiommu_mm *
uiommu_mm_create(const struct uiommu_mm_conf *conf)
{
	struct uiommu_mm *mm = NULL;
	int ret = conf_check(conf);

	if (ret == 0)
		ret = uiommu_pvt_sva_lock();
	if (ret != 0) {
		rte_errno = -ret;
		return NULL;
	}
	if (conf->kind == UIOMMU_MM_SELF && self_mm != NULL)
		ret = -EEXIST;
	else
		ret = mm_create(conf, &mm);
	if (ret == 0 && conf->kind == UIOMMU_MM_SELF)
		self_mm = mm;
	uiommu_pvt_sva_unlock();
	if (ret != 0)
		rte_errno = -ret;
	return mm;
}

void
uiommu_pvt_mm_put(struct uiommu_mm *mm)
{
	/* pairs with itself: the last one sees what the others have done */
	if (__atomic_sub_fetch(&mm->refs, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	pthread_mutex_destroy(&mm->lock);
	rte_free(mm);
}

/* ---------------------------------------------------------------------- end */

bool
uiommu_pvt_mm_enter(struct uiommu_mm *mm, struct uiommu_mm_lane *lane)
{
	/* as mm_end() and mm_quiesce(), sequentially consistent: one of the two sees the other */
	__atomic_fetch_add(&lane->running, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&mm->dying, __ATOMIC_SEQ_CST) == 0)
		return true;
	uiommu_pvt_mm_leave(lane);
	return false;
}

void
uiommu_pvt_mm_leave(struct uiommu_mm_lane *lane)
{
	/* pairs with the load in mm_quiesce(): what was done in the lane has been done */
	__atomic_fetch_sub(&lane->running, 1, __ATOMIC_RELEASE);
}

void
uiommu_pvt_mm_count_dying(struct uiommu_mm_lane *lane, uint32_t nb_groups)
{
	__atomic_fetch_add(&lane->groups, nb_groups, __ATOMIC_RELAXED);
	__atomic_fetch_add(&lane->dying, nb_groups, __ATOMIC_RELAXED);
}

/* Nobody enters from here on. Whether that is new. */
static bool
mm_end(struct uiommu_mm *mm)
{
	/* pairs with the load in uiommu_pvt_mm_enter() */
	return __atomic_exchange_n(&mm->dying, 1, __ATOMIC_SEQ_CST) == 0;
}

/* Wait for those who entered before the end. No lock is held: they may be in control calls. */
static void
mm_quiesce(struct uiommu_mm *mm)
{
	unsigned int i;

	for (i = 0; i < RTE_DIM(mm->lanes); i++) {
		/* pairs with the addition and the subtraction in _enter() and _leave() */
		while (__atomic_load_n(&mm->lanes[i].running, __ATOMIC_SEQ_CST) != 0)
			uiommu_pvt_wait_turn();
	}
}

/* Take SVA's lock to end an address space, which waits for operations: not from inside of one. */
static int
end_lock(const struct uiommu_mm *mm)
{
	if (mm == NULL)
		return -EINVAL;
	return uiommu_pvt_mm_in_operation() ? -EDEADLK : uiommu_pvt_sva_lock();
}

int
uiommu_mm_release(struct uiommu_mm *mm)
{
	int ret = end_lock(mm);

	if (ret != 0)
		return ret;
	if (mm_end(mm))
		ret = uiommu_pvt_sva_block(mm);
	uiommu_pvt_sva_unlock();
	mm_quiesce(mm);
	uiommu_pvt_mm_flush(mm);
	return ret;
}

int
uiommu_mm_destroy(struct uiommu_mm *mm)
{
	int ret = end_lock(mm);

	if (ret != 0)
		return ret;
	if (mm->nb_bound != 0) {
		uiommu_pvt_sva_unlock();
		return -EBUSY;
	}
	mm_end(mm);
	uiommu_pvt_sva_unlock();
	uiommu_pvt_mm_workers_stop(mm);
	mm_quiesce(mm);
	(void)uiommu_pvt_sva_lock(); /* not inside a handler */
	if (self_mm == mm)
		self_mm = NULL;
	mm_free(mm);
	uiommu_pvt_sva_unlock();
	return 0;
}

/* ----------------------------------------------------------------- counters */

int
uiommu_mm_info_get(struct uiommu_mm *mm, struct uiommu_mm_info *info)
{
	unsigned int i;

	if (mm == NULL || info == NULL)
		return -EINVAL;
	memset(info, 0, sizeof(*info));
	info->pasid = __atomic_load_n(&mm->pasid, __ATOMIC_RELAXED);
	info->nb_bound = __atomic_load_n(&mm->nb_bound, __ATOMIC_RELAXED);
	info->locked_max_bytes = UINT64_MAX;
	for (i = 0; i < RTE_DIM(mm->lanes); i++) {
		const struct uiommu_mm_lane *lane = &mm->lanes[i];

		info->groups += __atomic_load_n(&lane->groups, __ATOMIC_RELAXED);
		info->pages += __atomic_load_n(&lane->pages, __ATOMIC_RELAXED);
		info->invalid += __atomic_load_n(&lane->invalid, __ATOMIC_RELAXED);
		info->dying += __atomic_load_n(&lane->dying, __ATOMIC_RELAXED);
	}
	if (mm->self != NULL)
		uiommu_pvt_mm_self_info(mm->self, info);
	return 0;
}
