/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Fault queues, configure, start, stop, close. */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_malloc.h>

#include "iommufd_pvt.h"

/** Groups that the engine holds at a time besides those that are deferred: in bursts. */
#define SLOTS_BURSTS 4096
/** A request to the kernel that signals keep from being carried out is given up after so many. */
#define SIGNALS_MAX 1000
/** Of a millisecond each, for what is in use a little longer. */
#define DESTROY_TRIES 500

int
iommufd_ioctl(const struct iommufd *unit, int fd, unsigned long request, void *arg)
{
	unsigned int i;
	int ret;

	for (i = 0; i < SIGNALS_MAX; i++) {
		ret = unit->files->ioctl(unit->plat, fd, request, arg);
		if (ret != -EINTR)
			break;
	}
	return ret < 0 ? ret : 0;
}

/*
 * The kernel lets go of a file some time after the io_uring with a poll of it was closed; until
 * then the file's fault queue is busy.
 */
int
iommufd_destroy(const struct iommufd *unit, uint32_t id, const char *what)
{
	static const struct timespec pause = {.tv_nsec = 1000000};
	struct iommufd_destroy destroy = {.size = sizeof(destroy), .id = id};
	unsigned int i;
	int ret;

	for (i = 0; i < DESTROY_TRIES; i++) {
		ret = iommufd_ioctl(unit, unit->fd, IOMMUFD_DESTROY, &destroy);
		if (ret != -EBUSY)
			break;
		nanosleep(&pause, NULL);
	}
	if (ret != 0)
		IOMMUFD_LOG(ERR, "%s: %s %u cannot be given back: %s", unit->dev->name, what, id,
			    strerror(-ret));
	return ret;
}

/* ------------------------------------------------------------------- fault queues */

static int
ready_open(struct iommufd *unit, struct iommufd_queue *queue)
{
	const char *name = unit->dev->name;
	int ret;

	if (unit->ready_mode == IOMMUFD_READY_READ ||
	    (unit->ready_mode == IOMMUFD_READY_AUTO && !unit->files->real))
		return 0;
	if (!unit->files->real) {
		IOMMUFD_LOG(ERR, "%s: ready=uring: files of platform %s are not the kernel's",
			    name, unit->plat->ops->name);
		return -EINVAL;
	}
	ret = iommufd_ready_open(queue->fd, &queue->ready);
	if (ret == 0)
		return 0;
	if (unit->ready_mode == IOMMUFD_READY_AUTO) {
		IOMMUFD_LOG(INFO, "%s: no io_uring (%s): an idle queue is read on each turn", name,
			    iommufd_ready_is_built() ? strerror(-ret) : "built without liburing");
		return 0;
	}
	IOMMUFD_LOG(ERR, "%s: ready=uring: %s", name,
		    iommufd_ready_is_built() ?
			    "the kernel gives no io_uring (CONFIG_IO_URING, "
			    "kernel.io_uring_disabled)" :
			    "built without liburing");
	return -ENOTSUP;
}

static int
fault_alloc(struct iommufd *unit, uint16_t index)
{
	struct iommufd_fault_alloc alloc = {.size = sizeof(alloc)};
	int ret = iommufd_ioctl(unit, unit->fd, IOMMUFD_FAULT_QUEUE_ALLOC, &alloc);

	if (ret == -ENOTTY) {
		IOMMUFD_LOG(ERR, "%s: not supported: fault queues, by this kernel (Linux 6.11 and "
			    "later)", unit->dev->name);
		return -ENOTSUP;
	}
	if (ret != 0) {
		IOMMUFD_LOG(ERR, "%s: no fault queue: %s", unit->dev->name, strerror(-ret));
		return ret;
	}
	unit->fault_ids[index] = alloc.out_fault_id;
	unit->queues[index]->fd = (int)alloc.out_fault_fd;
	return 0;
}

static int
queue_open(struct iommufd *unit, uint16_t index)
{
	struct iommufd_queue *queue;
	int ret;

	queue = rte_zmalloc_socket("iommufd_queue", sizeof(*queue), RTE_CACHE_LINE_SIZE,
				   unit->plat->socket_id);
	if (queue == NULL)
		return -ENOMEM;
	queue->plat = unit->plat;
	queue->files = unit->files;
	queue->devmap = unit->devmap;
	queue->name = unit->dev->name;
	queue->index = index;
	queue->fd = -1;
	unit->queues[index] = queue;
	ret = fault_alloc(unit, index);
	return ret != 0 ? ret : ready_open(unit, queue);
}

int
iommufd_queues_open(struct iommufd *unit)
{
	uint16_t i;
	int ret;

	unit->devmap = rte_zmalloc_socket("iommufd_devmap", sizeof(*unit->devmap),
					  RTE_CACHE_LINE_SIZE, unit->plat->socket_id);
	if (unit->devmap == NULL)
		return -ENOMEM;
	for (i = 0; i < unit->nb_queues; i++) {
		ret = queue_open(unit, i);
		if (ret != 0)
			return ret;
	}
	return 0;
}

static void
memory_free(struct iommufd *unit)
{
	uint16_t i;

	for (i = 0; i < unit->nb_queues && unit->queues[i] != NULL; i++) {
		rte_free(unit->slot_memory[i]);
		unit->slot_memory[i] = NULL;
		rte_free(unit->queues[i]->msgs);
		unit->queues[i]->msgs = NULL;
	}
}

/* A queue's descriptor holds it, too: it goes first. */
void
iommufd_queues_close(struct iommufd *unit)
{
	uint16_t i;

	memory_free(unit);
	for (i = 0; i < unit->nb_queues && unit->queues[i] != NULL; i++) {
		struct iommufd_queue *queue = unit->queues[i];

		iommufd_ready_close(queue->ready);
		if (queue->fd >= 0) {
			unit->files->close(unit->plat, queue->fd);
			(void)iommufd_destroy(unit, unit->fault_ids[i], "fault queue");
		}
		rte_free(queue);
		unit->queues[i] = NULL;
	}
	rte_free(unit->devmap);
	unit->devmap = NULL;
}

/* ---------------------------------------------------------------------- life cycle */

static int
queue_memory(struct iommufd *unit, uint16_t index, const struct uiommu_dev_conf *conf)
{
	struct iommufd_queue *queue = unit->queues[index];
	const uint32_t entries = conf->queue_entries;
	const uint32_t nb_slots = RTE_MIN(entries + conf->deferred_max + SLOTS_BURSTS,
					  (uint32_t)IOMMUFD_SLOTS_MAX);
	const int socket_id = unit->plat->socket_id;

	queue->msgs = rte_zmalloc_socket("iommufd_msgs", (entries + 1) * sizeof(*queue->msgs),
					 RTE_CACHE_LINE_SIZE, socket_id);
	unit->slot_memory[index] = rte_zmalloc_socket("iommufd_slots",
						      sizeof(struct iommufd_slots_table),
						      RTE_CACHE_LINE_SIZE, socket_id);
	if (queue->msgs == NULL || unit->slot_memory[index] == NULL)
		return -ENOMEM;
	queue->entries = entries;
	/* what is handed on at once; a larger group makes the next read a larger one */
	queue->want = RTE_MIN((uint32_t)conf->burst, entries);
	iommufd_slots_init(&queue->slots, nb_slots, unit->slot_memory[index]);
	return 0;
}

int
iommufd_configure(struct uiommu_dev *dev, const struct uiommu_dev_conf *conf)
{
	struct iommufd *unit = iommufd_of(dev);
	uint16_t i;

	if (conf->deferred_max > IOMMUFD_DEFERRED_MAX) {
		IOMMUFD_LOG(ERR, "%s: deferred_max over %u: there are numbers for so many groups",
			    dev->name, IOMMUFD_DEFERRED_MAX);
		return -EINVAL;
	}
	memory_free(unit);
	for (i = 0; i < unit->nb_queues; i++) {
		if (queue_memory(unit, i, conf) == 0)
			continue;
		memory_free(unit);
		IOMMUFD_LOG(ERR, "%s: no memory for %u queues of %u messages", dev->name,
			    unit->nb_queues, conf->queue_entries);
		return -ENOMEM;
	}
	unit->conf = *conf;
	return 0;
}

static void
detach_all(struct iommufd *unit)
{
	struct iommufd_endpoint *endpoint;

	SLIST_FOREACH(endpoint, &unit->endpoints, next)
		iommufd_bonds_detach(endpoint);
}

/* The kernel's numbers, in the words of uiommu_start() */
static int
start_error(int error)
{
	return error == -ENOMEM || error == -EBUSY ? error : -EIO;
}

int
iommufd_start(struct uiommu_dev *dev)
{
	struct iommufd *unit = iommufd_of(dev);
	struct iommufd_endpoint *endpoint;
	uint16_t i;
	int ret;

	for (i = 0; i < unit->nb_queues; i++)
		iommufd_queue_reset(unit->queues[i]);
	SLIST_FOREACH(endpoint, &unit->endpoints, next) {
		ret = endpoint->enabled ? iommufd_bonds_attach(endpoint) : 0;
		if (ret != 0) {
			detach_all(unit);
			return start_error(ret);
		}
	}
	unit->running = true;
	return 0;
}

/*
 * Devices that belong to a process and are attached to nothing are blocked: whatever stop_mode
 * says, the kernel leaves nothing else until they are given back.
 */
int
iommufd_stop(struct uiommu_dev *dev)
{
	struct iommufd *unit = iommufd_of(dev);

	detach_all(unit);
	unit->running = false;
	return 0;
}

void
iommufd_close(struct uiommu_dev *dev)
{
	struct iommufd *unit = iommufd_of(dev);

	if (unit->running)
		(void)iommufd_stop(dev);
	iommufd_list_remove(unit);
	iommufd_queues_close(unit);
	unit->files->close(unit->plat, unit->fd);
	free(unit->stat_list);
	free(unit);
	dev->dev_private = NULL;
}
