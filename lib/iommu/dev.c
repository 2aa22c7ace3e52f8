/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Units: table, life cycle. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_malloc.h>
#include <rte_memory.h>

#include "paging_pvt.h"
#include "uiommu_pvt.h"

static struct uiommu_unit *units[UIOMMU_MAX_DEVS];
/* serialises changes of the table */
static pthread_mutex_t units_lock = PTHREAD_MUTEX_INITIALIZER;

struct uiommu_unit *
uiommu_pvt_unit_get(int16_t dev_id)
{
	if (dev_id < 0 || dev_id >= UIOMMU_MAX_DEVS)
		return NULL;
	/* pairs with the store in probe_parsed() */
	return __atomic_load_n(&units[dev_id], __ATOMIC_ACQUIRE);
}

bool
uiommu_pvt_unit_is_started(const struct uiommu_unit *unit)
{
	return uiommu_pvt_state(unit) == UIOMMU_DEV_STARTED;
}

static void
state_set(struct uiommu_unit *unit, enum uiommu_dev_state state)
{
	__atomic_store_n(&unit->state, state, __ATOMIC_RELAXED);
}

void
uiommu_pvt_unit_fail(struct uiommu_unit *unit, const char *why)
{
	enum uiommu_dev_state started = UIOMMU_DEV_STARTED;

	if (__atomic_compare_exchange_n(&unit->state, &started, UIOMMU_DEV_FAILED, false,
					__ATOMIC_RELAXED, __ATOMIC_RELAXED))
		UIOMMU_LOG(ERR, "%s: failed: %s; it must be stopped and closed", unit->dev.name,
			   why);
}

int16_t
uiommu_dev_next(int16_t dev_id)
{
	for (dev_id = RTE_MAX(dev_id, 0); dev_id < UIOMMU_MAX_DEVS; dev_id++) {
		if (uiommu_pvt_unit_get(dev_id) != NULL)
			return dev_id;
	}
	return -1;
}

int16_t
uiommu_dev_by_name(const char *name)
{
	int16_t dev_id;

	if (name == NULL)
		return -EINVAL;
	for (dev_id = uiommu_dev_next(0); dev_id >= 0; dev_id = uiommu_dev_next(dev_id + 1)) {
		if (strcmp(units[dev_id]->dev.name, name) == 0)
			return dev_id;
	}
	return -ENODEV;
}

/* The name that was asked for, or the driver's with the first free number. */
static int
name_choose(struct uiommu_unit *unit, const char *wanted)
{
	char *name = unit->dev.name;
	unsigned int i;

	if (wanted != NULL) {
		if (strlen(wanted) >= UIOMMU_NAME_SIZE) {
			UIOMMU_LOG(ERR, "name '%s' is longer than %d", wanted,
				   UIOMMU_NAME_SIZE - 1);
			return -EINVAL;
		}
		snprintf(name, UIOMMU_NAME_SIZE, "%s", wanted);
		if (uiommu_dev_by_name(name) >= 0) {
			UIOMMU_LOG(ERR, "name '%s' is taken", name);
			return -EEXIST;
		}
		return 0;
	}
	for (i = 0; i <= UIOMMU_MAX_DEVS; i++) {
		snprintf(name, UIOMMU_NAME_SIZE, "%.24s%u", unit->driver->name, i);
		if (uiommu_dev_by_name(name) < 0)
			return 0;
	}
	return -ENOSPC;
}

static int
platform_open(struct uiommu_unit *unit, struct uiommu_args *args)
{
	const char *wanted = uiommu_args_get_str(args, "platform");
	struct uiommu_platform *platform = &unit->dev.platform;
	uint64_t socket = UINT64_MAX;
	int ret;

	if (wanted == NULL) {
		UIOMMU_LOG(ERR, "%s: devargs need platform=", unit->driver->name);
		return -EINVAL;
	}
	platform->ops = uiommu_pvt_platform_find(wanted);
	if (platform->ops == NULL) {
		UIOMMU_LOG(ERR, "no platform '%s'", wanted);
		return -ENODEV;
	}
	ret = uiommu_args_get_u64(args, "socket", 0, RTE_MAX_NUMA_NODES - 1, &socket);
	if (ret != 0)
		return ret;
	platform->name = unit->dev.name;
	platform->driver = unit->driver->name;
	platform->socket_id = socket == UINT64_MAX ? SOCKET_ID_ANY : (int)socket;
	return platform->ops->open(platform, args);
}

static int
unit_open(struct uiommu_unit *unit, struct uiommu_args *args)
{
	struct uiommu_dev_info info = {0};
	const char *unused;
	int ret;

	ret = name_choose(unit, uiommu_args_get_str(args, "name"));
	if (ret != 0)
		return ret;
	ret = platform_open(unit, args);
	if (ret != 0)
		return ret;
	ret = unit->driver->probe(&unit->dev, args);
	if (ret != 0) {
		unit->dev.platform.ops->close(&unit->dev.platform);
		return ret;
	}
	unused = uiommu_pvt_args_unused(args);
	if (unused != NULL) {
		UIOMMU_LOG(ERR, "devargs: neither %s nor platform %s knows the key '%s'",
			   unit->driver->name, unit->dev.platform.ops->name, unused);
		unit->dev.ops->close(&unit->dev);
		unit->dev.platform.ops->close(&unit->dev.platform);
		return -EINVAL;
	}
	unit->dev.ops->info_get(&unit->dev, &info);
	unit->nb_queues = info.nb_queues;
	unit->pasid_bits = info.pasid_bits;
	return 0;
}

static struct uiommu_unit *
unit_create(const struct uiommu_driver *driver)
{
	struct uiommu_unit *unit;

	unit = rte_zmalloc("uiommu_unit", sizeof(*unit), RTE_CACHE_LINE_SIZE);
	if (unit == NULL)
		return NULL;
	unit->driver = driver;
	unit->state = UIOMMU_DEV_PROBED;
	pthread_mutex_init(&unit->lock, NULL);
	TAILQ_INIT(&unit->endpoints);
	TAILQ_INIT(&unit->domains);
	TAILQ_INIT(&unit->fault_queues);
	TAILQ_INIT(&unit->undo_waiting);
	TAILQ_INIT(&unit->undo_over);
	return unit;
}

static int
probe_parsed(struct uiommu_args *args, int16_t *dev_id)
{
	const struct uiommu_driver *driver = uiommu_pvt_driver_find(args->driver);
	struct uiommu_unit *unit;
	int16_t id = 0;
	int ret;

	if (driver == NULL) {
		UIOMMU_LOG(ERR, "no driver '%s'", args->driver);
		return -ENODEV;
	}
	while (id < UIOMMU_MAX_DEVS && units[id] != NULL)
		id++;
	if (id == UIOMMU_MAX_DEVS)
		return -ENOSPC;
	unit = unit_create(driver);
	if (unit == NULL)
		return -ENOMEM;
	unit->dev.dev_id = id;
	ret = unit_open(unit, args);
	if (ret != 0) {
		pthread_mutex_destroy(&unit->lock);
		rte_free(unit);
		return ret;
	}
	/* pairs with the load in uiommu_pvt_unit_get(): a unit is seen filled in */
	__atomic_store_n(&units[id], unit, __ATOMIC_RELEASE);
	*dev_id = id;
	return 0;
}

int
uiommu_probe(const char *devargs, int16_t *dev_id)
{
	struct uiommu_args args;
	int ret;

	if (dev_id == NULL)
		return -EINVAL;
	if (rte_eal_process_type() != RTE_PROC_PRIMARY) {
		UIOMMU_LOG(ERR, "units can be probed by the primary process only");
		return -ENOTSUP;
	}
	ret = uiommu_pvt_args_parse(&args, devargs);
	if (ret != 0)
		return ret;
	pthread_mutex_lock(&units_lock);
	ret = probe_parsed(&args, dev_id);
	pthread_mutex_unlock(&units_lock);
	uiommu_pvt_args_free(&args);
	return ret;
}

/* Pages of a unit's pools. */
static void
info_fill_pools(const struct uiommu_unit *unit, struct uiommu_dev_info *info)
{
	struct uiommu_pgpool_info pool;

	if (unit->table_pool != NULL) {
		uiommu_pgpool_info_get(unit->table_pool, &pool);
		info->table_pages = pool.nb_pages;
		info->table_pages_used = pool.nb_used;
	}
	if (unit->frame_pool != NULL) {
		uiommu_pgpool_info_get(unit->frame_pool, &pool);
		info->frame_pages = pool.nb_pages;
		info->frame_pages_used = pool.nb_used;
	}
}

static void
info_fill(struct uiommu_unit *unit, struct uiommu_dev_info *info)
{
	enum uiommu_dev_state state = uiommu_pvt_state(unit);

	*info = (struct uiommu_dev_info){0};
	unit->dev.ops->info_get(&unit->dev, info);
	snprintf(info->name, sizeof(info->name), "%s", unit->dev.name);
	info->driver = unit->driver->name;
	info->platform = unit->dev.platform.ops->name;
	info->socket_id = unit->dev.platform.socket_id;
	info->state = state;
	if (state == UIOMMU_DEV_PROBED)
		return;
	info->queue_entries = unit->conf.queue_entries;
	info->endpoints_max = unit->conf.endpoints_max;
	info->parked_max = unit->conf.parked_max;
	info->group_max = unit->conf.group_max;
	info->deferred_max = unit->conf.deferred_max;
	info->fault_queue_slots = unit->fault_queue_slots;
	info->burst = unit->conf.burst;
	info->endpoints = unit->nb_endpoints;
	info->attached = unit->nb_attached;
	info->domains = unit->nb_domains;
	info_fill_pools(unit, info);
}

int
uiommu_info_get(int16_t dev_id, struct uiommu_dev_info *info)
{
	struct uiommu_unit *unit = uiommu_pvt_unit_get(dev_id);
	int ret;

	if (unit == NULL)
		return -ENODEV;
	if (info == NULL)
		return -EINVAL;
	ret = uiommu_pvt_lock_to_look(unit);
	if (ret != 0)
		return ret;
	info_fill(unit, info);
	uiommu_pvt_unlock(unit);
	return 0;
}

int
uiommu_queue_claim(int16_t dev_id, uint16_t queue)
{
	struct uiommu_unit *unit = uiommu_pvt_unit_get(dev_id);
	int ret;

	if (unit == NULL)
		return -ENODEV;
	ret = uiommu_pvt_lock(unit);
	if (ret != 0)
		return ret;
	if (queue >= unit->nb_queues || unit->queues[queue] == NULL)
		ret = -EINVAL;
	else
		ret = uiommu_pvt_queue_claim(unit->queues[queue]);
	if (ret == 0 && uiommu_pvt_owned_too_many()) {
		uiommu_pvt_queue_release(unit->queues[queue]);
		ret = -ENOSPC;
	}
	uiommu_pvt_unlock(unit);
	return ret;
}

int
uiommu_queue_release(int16_t dev_id, uint16_t queue)
{
	struct uiommu_unit *unit = uiommu_pvt_unit_get(dev_id);
	struct uiommu_queue *q;

	if (unit == NULL)
		return -ENODEV;
	if (queue >= unit->nb_queues || unit->queues[queue] == NULL)
		return -EINVAL;
	q = unit->queues[queue];
	if (__atomic_load_n(&q->owner, __ATOMIC_RELAXED) != uiommu_pvt_self())
		return -EPERM;
	if (q->in_handler)
		return -EDEADLK;
	if (uiommu_pvt_unit_is_started(unit))
		uiommu_pvt_burst_finish(q);
	/* a wish of the control path that was being carried out goes on with whoever polls next */
	uiommu_pvt_queue_release(q);
	return 0;
}

int
uiommu_close(int16_t dev_id)
{
	struct uiommu_unit *unit = uiommu_pvt_unit_get(dev_id);
	int ret;

	if (unit == NULL)
		return -ENODEV;
	ret = uiommu_pvt_sva_lock();
	if (ret != 0)
		return ret;
	(void)uiommu_pvt_lock(unit); /* not inside a handler */
	if (uiommu_pvt_state(unit) >= UIOMMU_DEV_STARTED || uiommu_pvt_unit_is_owned(unit) ||
	    uiommu_pvt_domains_in_use(unit)) {
		uiommu_pvt_unlock(unit);
		uiommu_pvt_sva_unlock();
		return -EBUSY;
	}
	uiommu_pvt_sva_unit_gone(unit);
	pthread_mutex_lock(&units_lock);
	/* pairs with nothing: callers see to it that no other call for the unit is under way */
	__atomic_store_n(&units[dev_id], NULL, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&units_lock);
	uiommu_pvt_unit_unconfigure(unit);
	unit->dev.ops->close(&unit->dev);
	unit->dev.platform.ops->close(&unit->dev.platform);
	uiommu_pvt_unlock(unit);
	uiommu_pvt_sva_unlock();
	pthread_mutex_destroy(&unit->lock);
	state_set(unit, UIOMMU_DEV_UNUSED);
	rte_free(unit);
	return 0;
}

const char *
uiommu_version(void)
{
	return UIOMMU_VERSION;
}
