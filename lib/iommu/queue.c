/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Fault queues: create, destroy, counters. What moves groups is in queue_burst.c. */

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_errno.h>
#include <rte_malloc.h>

#include "fault_queue_pvt.h"

#define DEPTH_DEFAULT UINT32_C(256)
#define MESSAGES_PER_GROUP 4
#define MESSAGES_MAX (UINT32_C(1) << 20)

static void
conf_complete(const struct uiommu_unit *unit, struct uiommu_fault_queue_conf *conf)
{
	uint32_t messages;

	if (conf->depth == 0)
		conf->depth = RTE_MIN(DEPTH_DEFAULT, unit->conf.deferred_max);
	if (conf->messages == 0) {
		/* what is out of range is refused later, and must not overflow here */
		messages = RTE_MIN(conf->depth, MESSAGES_MAX) * MESSAGES_PER_GROUP;
		messages = RTE_MAX(RTE_MIN(messages, MESSAGES_MAX), unit->conf.group_max);
		conf->messages = rte_align32pow2(messages);
	}
}

static bool
conf_is_sound(const struct uiommu_unit *unit, const struct uiommu_fault_queue_conf *conf)
{
	static const struct uiommu_fault_queue_conf zero;

	return rte_is_power_of_2(conf->depth) && conf->depth <= unit->conf.deferred_max &&
	       rte_is_power_of_2(conf->messages) && conf->messages >= unit->conf.group_max &&
	       conf->messages <= MESSAGES_MAX && (conf->flags & ~UIOMMU_FAULT_QUEUE_EVENTFD) == 0 &&
	       memcmp(conf->reserved, zero.reserved, sizeof(zero.reserved)) == 0;
}

/* A ring of memory of our own: it has no name that another one could have. */
static struct rte_ring *
ring_create(const struct uiommu_unit *unit, uint32_t size, uint32_t count, unsigned int flags)
{
	ssize_t bytes = rte_ring_get_memsize_elem(size, rte_align32pow2(count + 1));
	struct rte_ring *ring;

	if (bytes < 0)
		return NULL;
	ring = rte_zmalloc_socket("uiommu_fault_queue", (size_t)bytes, RTE_CACHE_LINE_SIZE,
				  unit->dev.platform.socket_id);
	if (ring == NULL)
		return NULL;
	if (rte_ring_init(ring, "uiommu_fault_queue", count, flags | RING_F_EXACT_SZ) != 0) {
		rte_free(ring);
		return NULL;
	}
	/*
	 * Relaxed sides: the tail may stay behind as far as the ring is long, so that a thread
	 * that was interrupted in the middle holds up no other. Refused where it is not one.
	 */
	(void)rte_ring_set_prod_htd_max(ring, ring->capacity);
	(void)rte_ring_set_cons_htd_max(ring, ring->capacity);
	return ring;
}

static int
scratch_create(struct uiommu_fault_queue *fq)
{
	uint16_t i;

	fq->scratch_max = fq->unit->conf.group_max;
	for (i = 0; i < fq->unit->nb_queues; i++) {
		fq->scratch[i] = rte_zmalloc_socket(
			"uiommu_fault_queue", fq->scratch_max * sizeof(fq->scratch[0][0]),
			RTE_CACHE_LINE_SIZE, fq->unit->dev.platform.socket_id);
		if (fq->scratch[i] == NULL)
			return -ENOMEM;
	}
	return 0;
}

static int
arrays_create(struct uiommu_fault_queue *fq)
{
	const struct uiommu_unit *unit = fq->unit;
	uint32_t i;

	fq->messages = ring_create(unit, sizeof(struct uiommu_fault_msg), fq->messages_max,
				   RING_F_MP_RTS_ENQ | RING_F_MC_HTS_DEQ);
	fq->free = ring_create(unit, sizeof(uint32_t), fq->depth,
			       RING_F_MP_RTS_ENQ | RING_F_MC_RTS_DEQ);
	fq->entries = rte_zmalloc_socket("uiommu_fault_queue", fq->depth * sizeof(fq->entries[0]),
					 RTE_CACHE_LINE_SIZE, unit->dev.platform.socket_id);
	if (fq->messages == NULL || fq->free == NULL || fq->entries == NULL)
		return -ENOMEM;
	for (i = 0; i < fq->depth; i++)
		(void)rte_ring_enqueue_elem(fq->free, &i, sizeof(i));
	return scratch_create(fq);
}

static void
queue_free(struct uiommu_fault_queue *fq)
{
	uint16_t i;

	if (fq->fd >= 0)
		close(fq->fd);
	for (i = 0; i < UIOMMU_MAX_QUEUES; i++)
		rte_free(fq->scratch[i]);
	rte_free(fq->entries);
	rte_free(fq->messages);
	rte_free(fq->free);
	rte_free(fq);
}

/* Slots that handlers may keep: those that no fault queue has. */
static void
slots_share(struct uiommu_unit *unit)
{
	uint16_t i;

	for (i = 0; i < unit->nb_queues; i++)
		__atomic_store_n(&unit->queues[i]->kept_max,
				 unit->conf.deferred_max - unit->fault_queue_slots,
				 __ATOMIC_RELAXED);
}

static int
queue_build(struct uiommu_unit *unit, const struct uiommu_fault_queue_conf *conf,
	    struct uiommu_fault_queue **out)
{
	struct uiommu_fault_queue *fq;
	int ret;

	fq = rte_zmalloc_socket("uiommu_fault_queue", sizeof(*fq), RTE_CACHE_LINE_SIZE,
				unit->dev.platform.socket_id);
	if (fq == NULL)
		return -ENOMEM;
	fq->unit = unit;
	fq->depth = conf->depth;
	fq->messages_max = conf->messages;
	fq->entry_bits = rte_bsf32(conf->depth);
	fq->refs = 1;
	fq->fd = -1;
	ret = arrays_create(fq);
	if (ret == 0 && (conf->flags & UIOMMU_FAULT_QUEUE_EVENTFD) != 0) {
		fq->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (fq->fd < 0)
			ret = -errno;
	}
	if (ret != 0) {
		queue_free(fq);
		return ret;
	}
	*out = fq;
	return 0;
}

int
uiommu_pvt_fault_queue_create(struct uiommu_unit *unit, const struct uiommu_fault_queue_conf *conf,
			      struct uiommu_fault_queue **out)
{
	struct uiommu_fault_queue_conf all = *conf;
	int ret;

	if (uiommu_pvt_state(unit) == UIOMMU_DEV_FAILED)
		return -EIO;
	if (uiommu_pvt_state(unit) < UIOMMU_DEV_CONFIGURED)
		return -EINVAL;
	conf_complete(unit, &all);
	if (!conf_is_sound(unit, &all))
		return -EINVAL;
	if (all.depth > unit->conf.deferred_max - unit->fault_queue_slots)
		return -ENOSPC;
	ret = queue_build(unit, &all, out);
	if (ret != 0)
		return ret;
	TAILQ_INSERT_TAIL(&unit->fault_queues, *out, next);
	unit->fault_queue_slots += all.depth;
	slots_share(unit);
	return 0;
}

struct uiommu_fault_queue *
uiommu_fault_queue_create(int16_t dev_id, const struct uiommu_fault_queue_conf *wanted)
{
	const struct uiommu_fault_queue_conf defaults = {.size = sizeof(defaults)};
	const struct uiommu_fault_queue_conf *conf = wanted != NULL ? wanted : &defaults;
	struct uiommu_unit *unit = uiommu_pvt_unit_get(dev_id);
	struct uiommu_fault_queue *fq = NULL;
	int ret;

	if (unit == NULL || conf->size != sizeof(*conf)) {
		rte_errno = unit == NULL ? ENODEV : EINVAL;
		return NULL;
	}
	ret = uiommu_pvt_lock(unit);
	if (ret == 0) {
		ret = uiommu_pvt_fault_queue_create(unit, conf, &fq);
		uiommu_pvt_unlock(unit);
	}
	if (ret != 0)
		rte_errno = -ret;
	return fq;
}

void
uiommu_pvt_fault_queue_ref(struct uiommu_fault_queue *fq)
{
	__atomic_fetch_add(&fq->refs, 1, __ATOMIC_RELAXED);
}

void
uiommu_pvt_fault_queue_unref(struct uiommu_fault_queue *fq)
{
	/* pairs with itself: the last one sees what the others have done */
	if (__atomic_sub_fetch(&fq->refs, 1, __ATOMIC_ACQ_REL) == 0)
		queue_free(fq);
}

/* No group comes any more, and none is open: end it for its consumers, too. */
static void
queue_retire(struct uiommu_fault_queue *fq)
{
	struct uiommu_unit *unit = fq->unit;

	/* pairs with the addition and the subtraction in fault_queue_pvt.h */
	while (__atomic_load_n(&fq->users, __ATOMIC_SEQ_CST) != 0)
		uiommu_pvt_wait_turn();
	TAILQ_REMOVE(&unit->fault_queues, fq, next);
	unit->fault_queue_slots -= fq->depth;
	if (fq->fd >= 0)
		close(fq->fd);
	fq->fd = -1;
	uiommu_pvt_fault_queue_unref(fq);
}

int
uiommu_pvt_fault_queue_destroy(struct uiommu_fault_queue *fq)
{
	struct uiommu_unit *unit = fq->unit;
	const struct uiommu_whose whose = {.fq = fq};
	struct uiommu_domain *domain;
	int ret;

	/* pairs with the load in fault_queue_enter() */
	__atomic_store_n(&fq->closing, 1, __ATOMIC_SEQ_CST);
	TAILQ_FOREACH (domain, &unit->domains, next) {
		if (domain->fault_queue == fq)
			uiommu_pvt_domain_mute(domain);
	}
	ret = uiommu_pvt_revoke(unit, &whose, NULL, UIOMMU_PURGE_NONE);
	if (ret != 0)
		return ret;
	queue_retire(fq);
	slots_share(unit);
	return 0;
}

int
uiommu_fault_queue_destroy(struct uiommu_fault_queue *fq)
{
	struct uiommu_unit *unit;
	int ret;

	if (fq == NULL)
		return -EINVAL;
	unit = fq->unit;
	ret = uiommu_pvt_lock(unit);
	if (ret != 0)
		return ret;
	ret = uiommu_pvt_fault_queue_destroy(fq);
	uiommu_pvt_unlock(unit);
	return ret;
}

void
uiommu_pvt_fault_queues_fini(struct uiommu_unit *unit)
{
	while (!TAILQ_EMPTY(&unit->fault_queues)) {
		struct uiommu_fault_queue *fq = TAILQ_FIRST(&unit->fault_queues);

		/* pairs with the load in fault_queue_enter() */
		__atomic_store_n(&fq->closing, 1, __ATOMIC_SEQ_CST);
		queue_retire(fq);
	}
}

bool
uiommu_pvt_fault_queue_is_of(const struct uiommu_fault_queue *fq, const struct uiommu_unit *unit)
{
	/* under the control lock, as its stores: nothing to pair with */
	return fq->unit == unit && __atomic_load_n(&fq->closing, __ATOMIC_RELAXED) == 0;
}

int
uiommu_fault_queue_fd(const struct uiommu_fault_queue *fq)
{
	if (fq == NULL)
		return -EINVAL;
	return fq->fd >= 0 ? fq->fd : -ENOTSUP;
}

int
uiommu_fault_queue_stats_get(const struct uiommu_fault_queue *fq,
			     struct uiommu_fault_queue_stats *stats)
{
	if (fq == NULL || stats == NULL)
		return -EINVAL;
	*stats = (struct uiommu_fault_queue_stats){
		.delivered = __atomic_load_n(&fq->delivered, __ATOMIC_RELAXED),
		.full = __atomic_load_n(&fq->full, __ATOMIC_RELAXED),
		.read = __atomic_load_n(&fq->read, __ATOMIC_RELAXED),
		.answered = __atomic_load_n(&fq->answered, __ATOMIC_RELAXED),
		.revoked = __atomic_load_n(&fq->revoked, __ATOMIC_RELAXED),
		.stale_answers = __atomic_load_n(&fq->stale_answers, __ATOMIC_RELAXED),
		.wakeups = __atomic_load_n(&fq->wakeups, __ATOMIC_RELAXED),
		.depth = fq->depth,
		.messages = fq->messages_max,
		/* a burst that is being delivered has its entries out already */
		.open = fq->depth - rte_ring_count(fq->free),
	};
	return 0;
}
