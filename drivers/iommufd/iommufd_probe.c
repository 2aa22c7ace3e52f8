/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* What the unit can do, counters, units by number. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_spinlock.h>

#include "iommufd_pvt.h"
#include "uiommu_iommufd.h"

int iommufd_logtype;

RTE_INIT(iommufd_log_init)
{
	iommufd_logtype = rte_log_register_type_and_pick_level("drv.uiommu.iommufd",
							       RTE_LOG_NOTICE);
}

/* ---------------------------------------------------------------------------- list */

/* units of this driver, and their endpoints, for those who ask by number */
static SLIST_HEAD(, iommufd) units = SLIST_HEAD_INITIALIZER(units);
static rte_spinlock_t units_lock = RTE_SPINLOCK_INITIALIZER;

void
iommufd_list_lock(void)
{
	rte_spinlock_lock(&units_lock);
}

void
iommufd_list_unlock(void)
{
	rte_spinlock_unlock(&units_lock);
}

void
iommufd_list_remove(struct iommufd *unit)
{
	iommufd_list_lock();
	SLIST_REMOVE(&units, unit, iommufd, next);
	iommufd_list_unlock();
}

/* NULL: there is none. */
static const struct iommufd *
unit_find(int16_t dev_id)
{
	const struct iommufd *unit;

	SLIST_FOREACH(unit, &units, next)
		if (unit->dev->dev_id == dev_id)
			break;
	return unit;
}

static int
device_fd(int16_t dev_id, uint32_t endpoint_id)
{
	const struct iommufd *unit = unit_find(dev_id);
	const struct iommufd_endpoint *endpoint;

	if (unit == NULL)
		return -ENODEV;
	SLIST_FOREACH(endpoint, &unit->endpoints, next)
		if (endpoint->id == endpoint_id)
			return endpoint->fd;
	return -ENOENT;
}

int
uiommu_iommufd_device_fd(int16_t dev_id, uint32_t endpoint_id)
{
	int fd;

	iommufd_list_lock();
	fd = device_fd(dev_id, endpoint_id);
	iommufd_list_unlock();
	return fd;
}

static int
queue_fd(int16_t dev_id, uint16_t queue)
{
	const struct iommufd *unit = unit_find(dev_id);

	if (unit == NULL)
		return -ENODEV;
	if (queue >= unit->nb_queues)
		return -ENOENT;
	return unit->files->real ? unit->queues[queue]->fd : -ENOTSUP;
}

int
uiommu_iommufd_queue_fd(int16_t dev_id, uint16_t queue)
{
	int fd;

	iommufd_list_lock();
	fd = queue_fd(dev_id, queue);
	iommufd_list_unlock();
	return fd;
}

/* ------------------------------------------------------------------------- counters */

/** Counters of a queue, by where they are in it. */
#define QUEUE_STAT(member)                                                                         \
	{                                                                                          \
		#member, offsetof(struct iommufd_queue_stats, member)                              \
	}
/** Counters of the unit. */
#define UNIT_STAT(member)                                                                          \
	{                                                                                          \
		#member, offsetof(struct iommufd_unit_stats, member)                               \
	}

struct stat_place {
	const char *name;
	size_t offset;
};

static const struct stat_place queue_stats[] = {
	QUEUE_STAT(reads),
	QUEUE_STAT(empty_reads),
	QUEUE_STAT(messages),
	QUEUE_STAT(refused_messages),
	QUEUE_STAT(not_ended),
	QUEUE_STAT(mixed_pasids),
	QUEUE_STAT(grown_reads),
	QUEUE_STAT(read_retries),
	QUEUE_STAT(slots_full),
	QUEUE_STAT(writes),
	QUEUE_STAT(short_writes),
	QUEUE_STAT(refused_answers),
	QUEUE_STAT(write_retries),
	QUEUE_STAT(dead_answers),
	QUEUE_STAT(wrong_answers),
	QUEUE_STAT(lost_answers),
	QUEUE_STAT(recycled_cookies),
	QUEUE_STAT(ended_groups),
	QUEUE_STAT(armed),
	QUEUE_STAT(wakeups),
};

static const struct stat_place unit_stats[] = {
	UNIT_STAT(maps),
	UNIT_STAT(unmaps),
	UNIT_STAT(split_areas),
	UNIT_STAT(lost_pages),
	UNIT_STAT(busy),
	UNIT_STAT(hwpts),
};

_Static_assert(sizeof(struct iommufd_queue_stats) == RTE_DIM(queue_stats) * sizeof(uint64_t),
	       "all counters are told");
_Static_assert(sizeof(struct iommufd_unit_stats) == RTE_DIM(unit_stats) * sizeof(uint64_t),
	       "all counters are told");

_Static_assert(IOMMUFD_QUEUES_MAX * RTE_DIM(queue_stats) + RTE_DIM(unit_stats) <=
		       UIOMMU_DRIVER_STATS_MAX,
	       "all counters can begin anew");

/** Longest name of a counter of a further queue, with its end. */
#define STAT_NAME_SIZE 32

struct stat_list {
	struct uiommu_driver_stat stats[IOMMUFD_QUEUES_MAX * RTE_DIM(queue_stats) +
					RTE_DIM(unit_stats) + 1];
	char names[IOMMUFD_QUEUES_MAX][RTE_DIM(queue_stats)][STAT_NAME_SIZE];
};

/* Those of the first queue have plain names, further ones begin with "q1_" and so on */
static int
stats_init(struct iommufd *unit)
{
	struct stat_list *list = calloc(1, sizeof(*list));
	struct uiommu_driver_stat *stat;
	unsigned int q, i;

	if (list == NULL)
		return -ENOMEM;
	stat = list->stats;
	for (q = 0; q < unit->nb_queues; q++) {
		for (i = 0; i < RTE_DIM(queue_stats); i++, stat++) {
			stat->name = queue_stats[i].name;
			stat->value = RTE_PTR_ADD(&unit->queues[q]->stats, queue_stats[i].offset);
			if (q == 0)
				continue;
			snprintf(list->names[q][i], STAT_NAME_SIZE, "q%u_%s", q,
				 queue_stats[i].name);
			stat->name = list->names[q][i];
		}
	}
	for (i = 0; i < RTE_DIM(unit_stats); i++, stat++) {
		stat->name = unit_stats[i].name;
		stat->value = RTE_PTR_ADD(&unit->stats, unit_stats[i].offset);
	}
	unit->stat_list = list->stats;
	return 0;
}

static const struct uiommu_driver_stat *
stats_get(struct uiommu_dev *dev)
{
	return iommufd_of(dev)->stat_list;
}

/* ---------------------------------------------------------------------------- probe */

static void
info_get(struct uiommu_dev *dev, struct uiommu_dev_info *info)
{
	const struct iommufd *unit = iommufd_of(dev);

	info->capa = UIOMMU_CAPA_DRAIN | UIOMMU_CAPA_PAGE_REQUESTS | UIOMMU_CAPA_PAGE_TABLES |
		     UIOMMU_CAPA_AUTO_ANSWER | UIOMMU_CAPA_NESTED | UIOMMU_CAPA_USER_MEMORY;
	if (unit->pasid_bits != 0)
		info->capa |= UIOMMU_CAPA_PASID;
	info->nb_queues = unit->nb_queues;
	info->pasid_bits = unit->pasid_bits;
	info->address_bits = IOMMUFD_ADDRESS_BITS;
	info->endpoint_bits = UIOMMU_ENDPOINT_BITS_MAX;
	info->queue_entries_min = IOMMUFD_ENTRIES_MIN;
	info->queue_entries_max = IOMMUFD_ENTRIES_MAX;
}

static void *
queue_get(struct uiommu_dev *dev, uint16_t queue)
{
	return iommufd_of(dev)->queues[queue];
}

static const struct uiommu_dev_ops iommufd_dev_ops = {
	.info_get = info_get,
	.configure = iommufd_configure,
	.start = iommufd_start,
	.stop = iommufd_stop,
	.close = iommufd_close,
	.queue_get = queue_get,
	.endpoint_set = iommufd_endpoint_set,
	.endpoint_clear = iommufd_endpoint_clear,
	.endpoint_enable = iommufd_endpoint_enable,
	.endpoint_free = iommufd_endpoint_free,
	.endpoint_page_requests = iommufd_endpoint_page_requests,
	.endpoint_queue = iommufd_endpoint_queue,
	.domain_init = iommufd_domain_init,
	.domain_fini = iommufd_domain_fini,
	.bond_set = iommufd_bond_set,
	.bond_clear = iommufd_bond_clear,
	.bond_block = iommufd_bond_clear,
	.stats_get = stats_get,
	.table_format = iommufd_table_format,
	.table_map = iommufd_table_map,
	.table_unmap = iommufd_table_unmap,
	.table_extent = iommufd_table_extent,
	.nested_invalidate = iommufd_nested_invalidate,
};

static int
ready_get(struct iommufd *unit, struct uiommu_args *args)
{
	static const char *const names[] = {
		[IOMMUFD_READY_AUTO] = "auto",
		[IOMMUFD_READY_URING] = "uring",
		[IOMMUFD_READY_READ] = "read",
	};
	const char *wanted = uiommu_args_get_str(args, "ready");
	unsigned int i;

	for (i = 0; wanted != NULL && i < RTE_DIM(names); i++) {
		if (strcmp(wanted, names[i]) != 0)
			continue;
		unit->ready_mode = i;
		return 0;
	}
	if (wanted == NULL)
		return 0;
	IOMMUFD_LOG(ERR, "%s: ready=%s: neither auto nor uring nor read", unit->dev->name, wanted);
	return -EINVAL;
}

static int
args_get(struct iommufd *unit, struct uiommu_args *args)
{
	uint64_t queues = 1, pasids = UIOMMU_PASID_BITS;
	int ret = uiommu_args_get_u64(args, "queues", 1, IOMMUFD_QUEUES_MAX, &queues);

	if (ret == 0)
		ret = uiommu_args_get_u64(args, "pasids", 0, UIOMMU_PASID_BITS, &pasids);
	if (ret == 0)
		ret = ready_get(unit, args);
	unit->nb_queues = (uint16_t)queues;
	unit->pasid_bits = (uint8_t)pasids;
	return ret;
}

static int
unit_open(struct iommufd *unit)
{
	int ret = unit->files->context_open(unit->plat);

	if (ret < 0)
		return ret;
	unit->fd = ret;
	ret = iommufd_queues_open(unit);
	if (ret == 0)
		ret = stats_init(unit);
	if (ret == 0)
		return 0;
	iommufd_queues_close(unit);
	unit->files->close(unit->plat, unit->fd);
	return ret;
}

static int
iommufd_probe(struct uiommu_dev *dev, struct uiommu_args *args)
{
	struct iommufd *unit;
	int ret;

	if (dev->platform.ops->files == NULL) {
		IOMMUFD_LOG(ERR, "%s: not supported: platform %s, which has registers: "
			    "platform=cdev", dev->name, dev->platform.ops->name);
		return -ENOTSUP;
	}
	unit = calloc(1, sizeof(*unit));
	if (unit == NULL)
		return -ENOMEM;
	unit->dev = dev;
	unit->plat = &dev->platform;
	unit->files = dev->platform.ops->files;
	ret = args_get(unit, args);
	if (ret == 0)
		ret = unit_open(unit);
	if (ret != 0) {
		free(unit);
		return ret;
	}
	dev->dev_private = unit;
	dev->ops = &iommufd_dev_ops;
	dev->queue_ops = &iommufd_queue_ops;
	/* nothing is to be told by the queue: the kernel has done it when a call returns */
	dev->cmd_mask = 0;
	dev->swaps_bonds = true;
	iommufd_list_lock();
	SLIST_INSERT_HEAD(&units, unit, next);
	iommufd_list_unlock();
	return 0;
}

static const struct uiommu_driver iommufd_driver = {
	.name = "iommufd",
	.description = "Linux iommufd: the kernel's fault queues",
	.probe = iommufd_probe,
};
UIOMMU_DRIVER_REGISTER(iommufd_driver);
