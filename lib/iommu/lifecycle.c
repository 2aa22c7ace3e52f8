/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Configure, start, stop. */

#include <errno.h>
#include <string.h>

#include <rte_malloc.h>

#include "paging_pvt.h"
#include "uiommu_pvt.h"

#define BURST_MAX 512
#define BURST_DEFAULT 64
#define ENDPOINTS_MAX 65536
#define ENDPOINTS_DEFAULT 1024
#define PARKED_MAX 4096
#define PARKED_DEFAULT UINT32_C(512)
#define DEFERRED_MAX 65536
#define DEFERRED_DEFAULT 4096
#define TIMEOUT_DEFAULT_NS UINT64_C(1000000000)
#define TABLE_PAGES_DEFAULT 512
#define POOL_PAGES_MAX (UINT32_C(1) << 24)

static uint64_t
or_default(uint64_t value, uint64_t otherwise)
{
	return value != 0 ? value : otherwise;
}

static void
conf_complete(const struct uiommu_dev_info *info, struct uiommu_dev_conf *conf)
{
	conf->queue_entries = or_default(conf->queue_entries, info->queue_entries_max);
	conf->endpoints_max = or_default(conf->endpoints_max, ENDPOINTS_DEFAULT);
	conf->parked_max = or_default(conf->parked_max, PARKED_DEFAULT);
	conf->group_max = or_default(conf->group_max, RTE_MIN(conf->parked_max, PARKED_DEFAULT));
	conf->deferred_max = or_default(conf->deferred_max, DEFERRED_DEFAULT);
	conf->burst = or_default(conf->burst, BURST_DEFAULT);
	conf->timeout_ns = or_default(conf->timeout_ns, TIMEOUT_DEFAULT_NS);
	conf->table_pages = or_default(conf->table_pages, TABLE_PAGES_DEFAULT);
}

static const char *
conf_fault(const struct uiommu_dev_info *info, const struct uiommu_dev_conf *conf)
{
	static const struct uiommu_dev_conf zero;

	if (!rte_is_power_of_2(conf->queue_entries) ||
	    conf->queue_entries < info->queue_entries_min ||
	    conf->queue_entries > info->queue_entries_max)
		return "queue_entries: not a power of two, or not a size of this unit";
	if (conf->endpoints_max > ENDPOINTS_MAX)
		return "endpoints_max: over 65536";
	if (conf->parked_max > PARKED_MAX)
		return "parked_max: over 4096";
	if (conf->group_max > conf->parked_max + 1)
		return "group_max: over parked_max + 1";
	if (!rte_is_power_of_2(conf->deferred_max) || conf->deferred_max > DEFERRED_MAX)
		return "deferred_max: not a power of two up to 65536";
	if (conf->burst > BURST_MAX)
		return "burst: over 512";
	if (conf->stop_mode > UIOMMU_STOP_RESTORE)
		return "stop_mode: unknown";
	if (conf->table_pages > POOL_PAGES_MAX || conf->frame_pages > POOL_PAGES_MAX)
		return "table_pages, frame_pages: over 2^24";
	if (conf->frame_pages != 0 && (info->capa & UIOMMU_CAPA_PAGE_TABLES) == 0)
		return "frame_pages: the unit has no page tables of the library";
	if (conf->report == NULL && conf->report_priv != NULL)
		return "report_priv: given without report";
	if (conf->flags != 0 || conf->reserved0 != 0 ||
	    memcmp(conf->reserved, zero.reserved, sizeof(zero.reserved)) != 0)
		return "flags or a reserved member is not 0";
	return NULL;
}

bool
uiommu_pvt_unit_is_owned(const struct uiommu_unit *unit)
{
	uint16_t i;

	for (i = 0; i < unit->nb_queues; i++) {
		/* pairs with the store in uiommu_pvt_queue_release() */
		if (unit->queues[i] != NULL &&
		    __atomic_load_n(&unit->queues[i]->owner, __ATOMIC_ACQUIRE) != NULL)
			return true;
	}
	return false;
}

static int
rcu_create(struct uiommu_unit *unit)
{
	unit->rcu = rte_zmalloc_socket("uiommu_rcu", rte_rcu_qsbr_get_memsize(unit->nb_queues),
				       RTE_CACHE_LINE_SIZE, unit->dev.platform.socket_id);
	if (unit->rcu == NULL || rte_rcu_qsbr_init(unit->rcu, unit->nb_queues) != 0)
		return -ENOMEM;
	return 0;
}

static int
queues_create(struct uiommu_unit *unit)
{
	uint16_t i;

	for (i = 0; i < unit->nb_queues; i++) {
		unit->queues[i] = uiommu_pvt_queue_create(unit, i);
		if (unit->queues[i] == NULL)
			return -ENOMEM;
		uiommu_pvt_fp_dummy(unit->queues[i], &uiommu_fp_queues[unit->dev.dev_id][i]);
	}
	return 0;
}

void
uiommu_pvt_unit_unconfigure(struct uiommu_unit *unit)
{
	uint16_t i;

	uiommu_pvt_undo_forget(unit);
	uiommu_pvt_endpoints_fini(unit);
	uiommu_pvt_domains_fini(unit);
	uiommu_pvt_fault_queues_fini(unit);
	uiommu_pvt_demand_destroy(unit);
	uiommu_pvt_pools_destroy(unit);
	for (i = 0; i < unit->nb_queues; i++) {
		uiommu_pvt_fp_dummy(NULL, &uiommu_fp_queues[unit->dev.dev_id][i]);
		uiommu_pvt_queue_destroy(unit->queues[i]);
		unit->queues[i] = NULL;
	}
	rte_free(unit->rcu);
	unit->rcu = NULL;
	memset(&unit->stats_base, 0, sizeof(unit->stats_base));
	memset(unit->driver_stats_base, 0, sizeof(unit->driver_stats_base));
	__atomic_store_n(&unit->state, UIOMMU_DEV_PROBED, __ATOMIC_RELAXED);
}

static int
configure_locked(struct uiommu_unit *unit, const struct uiommu_dev_conf *wanted)
{
	struct uiommu_dev_conf conf = *wanted;
	struct uiommu_dev_info info = {0};
	const char *fault;
	int ret;

	if (uiommu_pvt_state(unit) >= UIOMMU_DEV_STARTED || unit->nb_endpoints != 0 ||
	    unit->nb_domains != 0 || !TAILQ_EMPTY(&unit->fault_queues) ||
	    !TAILQ_EMPTY(&unit->undo_over) || uiommu_pvt_unit_is_owned(unit))
		return -EBUSY;
	unit->dev.ops->info_get(&unit->dev, &info);
	conf_complete(&info, &conf);
	fault = conf_fault(&info, &conf);
	if (fault != NULL) {
		UIOMMU_LOG(ERR, "%s: configure: %s", unit->dev.name, fault);
		return -EINVAL;
	}
	uiommu_pvt_unit_unconfigure(unit);
	unit->conf = conf;
	unit->capa = info.capa;
	unit->dev.timeout_ns = conf.timeout_ns;
	ret = unit->dev.ops->configure(&unit->dev, &conf);
	if (ret == 0)
		ret = uiommu_pvt_endpoints_init(unit, info.endpoint_bits);
	if (ret == 0)
		ret = rcu_create(unit);
	if (ret == 0)
		ret = queues_create(unit);
	if (ret == 0)
		ret = uiommu_pvt_demand_create(unit);
	if (ret == 0)
		ret = uiommu_pvt_pools_create(unit);
	if (ret != 0) {
		uiommu_pvt_unit_unconfigure(unit);
		return ret;
	}
	__atomic_store_n(&unit->state, UIOMMU_DEV_CONFIGURED, __ATOMIC_RELAXED);
	return 0;
}

int
uiommu_configure(int16_t dev_id, const struct uiommu_dev_conf *conf)
{
	struct uiommu_unit *unit = uiommu_pvt_unit_get(dev_id);
	int ret;

	if (unit == NULL)
		return -ENODEV;
	if (conf == NULL || conf->size != sizeof(*conf))
		return -EINVAL;
	ret = uiommu_pvt_lock(unit);
	if (ret != 0)
		return ret;
	ret = configure_locked(unit, conf);
	uiommu_pvt_unlock(unit);
	return ret;
}

/*
 * Own all queues for the time of a change, those that the caller owns already included.
 * taken gets a bit for each that was claimed here.
 */
static int
queues_claim(struct uiommu_unit *unit, uint32_t *taken)
{
	uint16_t i;
	int ret;

	*taken = 0;
	for (i = 0; i < unit->nb_queues; i++) {
		ret = uiommu_pvt_queue_claim(unit->queues[i]);
		if (ret == -EALREADY)
			continue;
		if (ret != 0)
			return ret;
		*taken |= 1U << i;
	}
	return 0;
}

static void
queues_release(struct uiommu_unit *unit, uint32_t taken)
{
	uint16_t i;

	for (i = 0; i < unit->nb_queues; i++) {
		if (taken & (1U << i))
			uiommu_pvt_queue_release(unit->queues[i]);
	}
}

static int
start_owned(struct uiommu_unit *unit)
{
	struct uiommu_endpoint *endpoint;
	uint16_t i;
	int ret;

	TAILQ_FOREACH(endpoint, &unit->endpoints, next)
		unit->dev.ops->endpoint_enable(&unit->dev, endpoint->drv);
	ret = unit->dev.ops->start(&unit->dev);
	if (ret != 0)
		return ret;
	for (i = 0; i < unit->nb_queues; i++) {
		struct uiommu_fp_queue *fp = &uiommu_fp_queues[unit->dev.dev_id][i];

		unit->queues[i]->failed = false;
		unit->queues[i]->drv = unit->dev.ops->queue_get(&unit->dev, i);
		fp->queue = unit->queues[i];
		fp->fault_burst = uiommu_pvt_fault_burst;
		fp->respond_burst = uiommu_pvt_respond_burst;
		fp->poll = uiommu_pvt_poll;
	}
	__atomic_store_n(&unit->state, UIOMMU_DEV_STARTED, __ATOMIC_RELAXED);
	return 0;
}

int
uiommu_start(int16_t dev_id)
{
	struct uiommu_unit *unit = uiommu_pvt_unit_get(dev_id);
	uint32_t taken;
	int ret;

	if (unit == NULL)
		return -ENODEV;
	ret = uiommu_pvt_lock(unit);
	if (ret != 0)
		return ret;
	if (uiommu_pvt_state(unit) == UIOMMU_DEV_CONFIGURED) {
		ret = queues_claim(unit, &taken);
		if (ret == 0)
			ret = start_owned(unit);
		queues_release(unit, taken);
	} else {
		ret = uiommu_pvt_state(unit) < UIOMMU_DEV_CONFIGURED ? -EINVAL : -EALREADY;
	}
	uiommu_pvt_unlock(unit);
	return ret;
}

/* Page requests end: all devices blocked, everything in flight is answered. */
static int
quiesce(struct uiommu_unit *unit)
{
	struct uiommu_endpoint *endpoint;
	int ret = uiommu_pvt_state(unit) == UIOMMU_DEV_FAILED ? -EIO : 0;

	TAILQ_FOREACH(endpoint, &unit->endpoints, next)
		unit->dev.ops->endpoint_clear(&unit->dev, endpoint->drv);
	TAILQ_FOREACH(endpoint, &unit->endpoints, next) {
		if (ret == 0)
			ret = uiommu_pvt_drain(unit, endpoint, NULL, false);
	}
	return ret;
}

static int
stop_owned(struct uiommu_unit *unit)
{
	int ret = quiesce(unit);
	int stopped;
	uint16_t i;

	for (i = 0; i < unit->nb_queues; i++) {
		struct uiommu_queue *queue = unit->queues[i];

		uiommu_pvt_burst_finish(queue);
		uiommu_pvt_fp_dummy(queue, &uiommu_fp_queues[unit->dev.dev_id][i]);
		uiommu_pvt_discard_parked(queue);
		uiommu_pvt_slots_reset(queue);
		queue->fault_pos = 0;
		queue->nb_faults = 0;
		queue->nb_resps = 0;
		queue->nb_groups = 0;
		__atomic_store_n(&queue->ctl, NULL, __ATOMIC_RELAXED);
	}
	stopped = unit->dev.ops->stop(&unit->dev);
	__atomic_store_n(&unit->state, UIOMMU_DEV_CONFIGURED, __ATOMIC_RELAXED);
	return ret == -EIO || ret == 0 ? stopped : ret;
}

int
uiommu_stop(int16_t dev_id)
{
	struct uiommu_unit *unit = uiommu_pvt_unit_get(dev_id);
	uint32_t taken;
	int ret;

	if (unit == NULL)
		return -ENODEV;
	ret = uiommu_pvt_lock(unit);
	if (ret != 0)
		return ret;
	if (uiommu_pvt_state(unit) < UIOMMU_DEV_STARTED) {
		ret = -EINVAL;
	} else {
		ret = queues_claim(unit, &taken);
		if (ret == 0)
			ret = stop_owned(unit);
		queues_release(unit, taken);
	}
	uiommu_pvt_unlock(unit);
	return ret;
}
