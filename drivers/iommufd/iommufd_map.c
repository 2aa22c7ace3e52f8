/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Mappings: what the engine's table mirrors is the kernel's IOAS.
 *
 * The kernel unmaps whole areas: what one call has mapped. Where a part of one is to go, the
 * area is unmapped and what is left of it mapped again; in between it is absent, so a device
 * without page requests may fail there. Whoever unmaps what he has mapped by one call never does
 * that.
 *
 * The lock of a domain is held while its areas are looked at, not while the kernel works: an area
 * that something is being done to is marked. The owner of a queue waits for neither, and nor
 * does it to say that it is done: it leaves a mark, and the next who comes by removes the area.
 */

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include <rte_pause.h>

#include "iommufd_pvt.h"

/** Areas that are unmapped by one request at most: as long as the lock is held at a time. */
#define UNMAP_AREAS 256
/** Times that the owner of a queue tries the lock. */
#define LOCK_TRIES 64
/** Times that what is left of an area is mapped again, while there is no memory. */
#define REMAP_TRIES 3

/* Does the caller poll? Then nobody is to be waited for. */
static bool
is_owner(const struct iommufd *unit)
{
	uint16_t i;

	for (i = 0; i < unit->nb_queues; i++)
		if (iommufd_queue_is_ours(unit->queues[i]))
			return true;
	return false;
}

static bool
areas_try_lock(struct iommufd_domain *domain)
{
	unsigned int i;

	for (i = 0; i < LOCK_TRIES; i++) {
		if (pthread_mutex_trylock(&domain->lock) == 0)
			return true;
		rte_pause();
	}
	return false;
}

static bool
areas_lock(struct iommufd_domain *domain, bool owner)
{
	if (owner)
		return areas_try_lock(domain);
	pthread_mutex_lock(&domain->lock);
	return true;
}

static int
put_off(struct iommufd_domain *domain)
{
	iommufd_count(&domain->unit->stats.busy, 1);
	return -EAGAIN;
}

/* Somebody else's request to the kernel is under way. Lock held, and given back. @return 0 */
static int
areas_wait(struct iommufd_domain *domain, bool owner)
{
	const struct timespec moment = {.tv_nsec = 20000};

	pthread_mutex_unlock(&domain->lock);
	if (owner)
		return put_off(domain);
	nanosleep(&moment, NULL);
	return 0;
}

/* An area is settled, and as good as removed where it has gone. */
static void
area_end(struct iommufd_domain *domain, struct iommufd_area *area, enum iommufd_area_state state,
	 bool owner)
{
	if (state == IOMMUFD_AREA_GONE && areas_lock(domain, owner)) {
		iommufd_areas_remove(&domain->areas, area);
		pthread_mutex_unlock(&domain->lock);
		return;
	}
	iommufd_area_settle(area, state);
}

/* First area of a range that is there, those that have gone removed. Lock held. */
static struct iommufd_area *
area_next(struct iommufd_domain *domain, uint64_t first, uint64_t last)
{
	struct iommufd_area *area;

	while ((area = iommufd_areas_find(&domain->areas, first, last)) != NULL &&
	       iommufd_area_state(area) == IOMMUFD_AREA_GONE)
		iommufd_areas_remove(&domain->areas, area);
	return area;
}

/* -------------------------------------------------------------------------- mapping */

/* What the kernel says of a mapping, in the words of uiommu_dev_ops::table_map */
static int
map_error(int error)
{
	switch (error) {
	case 0:
	case -ENOMEM:
	case -EFAULT:
	case -EEXIST:
	case -EINVAL:
	case -EAGAIN:
		return error;
	case -EPERM:
	case -EACCES:
		return -EFAULT;
	case -EOVERFLOW:
	case -EOPNOTSUPP:
		return -EINVAL;
	case -EINTR:
	case -EBUSY:
		return -EAGAIN;
	default:
		return -EIO;
	}
}

/*
 * The ABI has no right to execute, and none to forbid it: what can be read can be executed (the
 * kernel maps without IOMMU_NOEXEC), as the mirror's format has it, too.
 */
static uint32_t
map_flags(uint32_t prot)
{
	return IOMMUFD_MAP_FIXED_IOVA |
	       ((prot & (UIOMMU_PROT_READ | UIOMMU_PROT_EXEC)) != 0 ? IOMMUFD_MAP_READABLE : 0) |
	       ((prot & UIOMMU_PROT_WRITE) != 0 ? IOMMUFD_MAP_WRITEABLE : 0);
}

static int
ioas_map(struct iommufd_domain *domain, uint64_t iova, uint64_t va, uint64_t len, uint32_t prot)
{
	struct iommufd *unit = domain->unit;
	struct iommufd_ioas_map map = {
		.size = sizeof(map),
		.flags = map_flags(prot),
		.ioas_id = domain->ioas,
		.user_va = va,
		.length = len,
		.iova = iova,
	};

	iommufd_count(&unit->stats.maps, 1);
	return map_error(iommufd_ioctl(unit, unit->fd, IOMMUFD_IOAS_MAP, &map));
}

int
iommufd_table_map(struct uiommu_dev *dev, void *domain_private, uint64_t iova, uint64_t pa,
		  uint64_t len, uint32_t prot)
{
	struct iommufd_domain *domain = domain_private;
	const bool owner = is_owner(iommufd_of(dev));
	struct iommufd_area *area;
	int ret;

	for (;;) {
		if (!areas_lock(domain, owner))
			return put_off(domain);
		area = area_next(domain, iova, iova + len - 1);
		if (area == NULL)
			break;
		if (iommufd_area_state(area) == IOMMUFD_AREA_MAPPED) {
			pthread_mutex_unlock(&domain->lock);
			return -EEXIST;
		}
		ret = areas_wait(domain, owner);
		if (ret != 0)
			return ret;
	}
	area = iommufd_areas_add(&domain->areas, iova, len, pa, prot);
	pthread_mutex_unlock(&domain->lock);
	if (area == NULL)
		return -ENOMEM;
	ret = ioas_map(domain, iova, pa, len, prot);
	area_end(domain, area, ret == 0 ? IOMMUFD_AREA_MAPPED : IOMMUFD_AREA_GONE, owner);
	return ret;
}

/* ------------------------------------------------------------------------ unmapping */

/** Areas that go by one request, and what is left of those at its ends. */
struct batch {
	struct iommufd_area *areas[UNMAP_AREAS];
	uint32_t nb;
	struct iommufd_area *below; /**< to be mapped again, or NULL */
	struct iommufd_area *above;
	uint64_t first;             /**< what the request is about */
	uint64_t last;
};

/* Those of a range that are settled, from its begin on. @return 0; -EBUSY: none is. Lock held */
static int
batch_find(struct iommufd_domain *domain, struct batch *batch, uint64_t first, uint64_t last)
{
	struct iommufd_area *area;

	batch->nb = 0;
	while (batch->nb < UNMAP_AREAS && (area = area_next(domain, first, last)) != NULL) {
		if (iommufd_area_state(area) == IOMMUFD_AREA_BUSY)
			return batch->nb != 0 ? 0 : -EBUSY;
		batch->areas[batch->nb++] = area;
		if (iommufd_area_last(area) >= last)
			break;
		first = iommufd_area_last(area) + 1;
	}
	return 0;
}

/* Nobody else touches them now; those at the ends apart from what is to stay. Lock held. */
static int
batch_take(struct iommufd_domain *domain, struct batch *batch, uint64_t first, uint64_t last)
{
	struct iommufd_area *begin = batch->areas[0], *end = batch->areas[batch->nb - 1];
	uint32_t i;

	batch->first = begin->iova;
	batch->last = iommufd_area_last(end);
	batch->below = NULL;
	batch->above = NULL;
	if (batch->last > last) {
		batch->above = iommufd_areas_split(&domain->areas, end, last + 1);
		if (batch->above == NULL)
			return -ENOMEM;
	}
	if (batch->first < first) {
		batch->areas[0] = iommufd_areas_split(&domain->areas, begin, first);
		if (batch->areas[0] == NULL) {
			/* one area again */
			if (batch->above != NULL) {
				end->len += batch->above->len;
				iommufd_areas_remove(&domain->areas, batch->above);
			}
			return -ENOMEM;
		}
		batch->below = begin;
	}
	for (i = 0; i < batch->nb; i++)
		iommufd_area_settle(batch->areas[i], IOMMUFD_AREA_BUSY);
	if (batch->below != NULL)
		iommufd_area_settle(batch->below, IOMMUFD_AREA_BUSY);
	if (batch->above != NULL)
		iommufd_area_settle(batch->above, IOMMUFD_AREA_BUSY);
	return 0;
}

static int
ioas_unmap(struct iommufd_domain *domain, const struct batch *batch)
{
	struct iommufd *unit = domain->unit;
	struct iommufd_ioas_unmap unmap = {
		.size = sizeof(unmap),
		.ioas_id = domain->ioas,
		.iova = batch->first,
		.length = batch->last - batch->first + 1,
	};
	int ret = iommufd_ioctl(unit, unit->fd, IOMMUFD_IOAS_UNMAP, &unmap);

	iommufd_count(&unit->stats.unmaps, 1);
	if (ret != 0)
		IOMMUFD_LOG(ERR, "%s: 0x%" PRIx64 " to 0x%" PRIx64 " could not be unmapped: %s",
			    unit->dev->name, batch->first, batch->last, strerror(-ret));
	return ret;
}

/* What is left of an area, again. */
static int
remap(struct iommufd_domain *domain, struct iommufd_area *area, bool owner)
{
	struct iommufd *unit = domain->unit;
	unsigned int tries = 0;
	int ret;

	if (area == NULL)
		return 0;
	do
		ret = ioas_map(domain, area->iova, area->va, area->len, area->prot);
	while ((ret == -ENOMEM || ret == -EAGAIN) && ++tries < REMAP_TRIES);
	if (ret != 0) {
		iommufd_count(&unit->stats.lost_pages, area->len / IOMMUFD_PAGE_SIZE);
		IOMMUFD_LOG(ERR, "%s: 0x%" PRIx64 " to 0x%" PRIx64 ", left of an area a part of "
			    "which was unmapped, could not be mapped again: %s", unit->dev->name,
			    area->iova, iommufd_area_last(area), strerror(-ret));
	}
	area_end(domain, area, ret == 0 ? IOMMUFD_AREA_MAPPED : IOMMUFD_AREA_GONE, owner);
	return ret;
}

/* The request was carried out, or refused: then all is as it was. */
static void
batch_end(struct iommufd_domain *domain, struct batch *batch, bool done, bool owner)
{
	bool locked = done && areas_lock(domain, owner);
	uint32_t i;

	for (i = 0; i < batch->nb; i++) {
		if (locked)
			iommufd_areas_remove(&domain->areas, batch->areas[i]);
		else
			iommufd_area_settle(batch->areas[i], done ? IOMMUFD_AREA_GONE :
								    IOMMUFD_AREA_MAPPED);
	}
	if (locked)
		pthread_mutex_unlock(&domain->lock);
}

/* Areas that were marked. */
static int
batch_unmap(struct iommufd_domain *domain, struct batch *batch, bool owner)
{
	int ret = ioas_unmap(domain, batch), below, above;

	batch_end(domain, batch, ret == 0, owner);
	if (batch->below != NULL || batch->above != NULL)
		iommufd_count(&domain->unit->stats.split_areas, 1);
	if (ret != 0) {
		if (batch->below != NULL)
			iommufd_area_settle(batch->below, IOMMUFD_AREA_MAPPED);
		if (batch->above != NULL)
			iommufd_area_settle(batch->above, IOMMUFD_AREA_MAPPED);
		return -EIO;
	}
	below = remap(domain, batch->below, owner);
	above = remap(domain, batch->above, owner);
	return below != 0 || above != 0 ? -EIO : 0;
}

/* @return 1: there may be more; 0: nothing is left; -EAGAIN; -EIO */
static int
unmap_some(struct iommufd_domain *domain, uint64_t first, uint64_t last, bool owner)
{
	struct batch batch;
	int ret;

	if (!areas_lock(domain, owner))
		return put_off(domain);
	ret = batch_find(domain, &batch, first, last);
	if (ret == -EBUSY) {
		ret = areas_wait(domain, owner);
		return ret != 0 ? ret : 1;
	}
	if (batch.nb != 0)
		ret = batch_take(domain, &batch, first, last);
	pthread_mutex_unlock(&domain->lock);
	if (batch.nb == 0)
		return 0;
	if (ret != 0) {
		IOMMUFD_LOG(ERR, "%s: no memory to unmap a part of an area",
			    domain->unit->dev->name);
		return -EIO;
	}
	ret = batch_unmap(domain, &batch, owner);
	return ret != 0 ? ret : 1;
}

int
iommufd_table_unmap(struct uiommu_dev *dev, void *domain_private,
		    const struct uiommu_pgtable_range *ranges, uint32_t nb_ranges)
{
	const bool owner = is_owner(iommufd_of(dev));
	uint32_t i;
	int ret;

	for (i = 0; i < nb_ranges; i++) {
		const uint64_t last = ranges[i].iova + ranges[i].len - 1;

		if (ranges[i].len == 0)
			continue;
		do
			ret = unmap_some(domain_private, ranges[i].iova, last, owner);
		while (ret > 0);
		if (ret != 0)
			return ret;
	}
	return 0;
}

/* Areas that a range begins and ends in go as a whole, and what is left of them comes again. */
int
iommufd_table_extent(struct uiommu_dev *dev, void *domain_private,
		     struct uiommu_pgtable_range *range)
{
	struct iommufd_domain *domain = domain_private;
	uint64_t first = range->iova, last = range->iova + range->len - 1;
	const struct iommufd_area *begin, *end;

	if (!areas_lock(domain, is_owner(iommufd_of(dev))))
		return put_off(domain);
	begin = iommufd_areas_find(&domain->areas, first, first);
	end = iommufd_areas_find(&domain->areas, last, last);
	if (begin != NULL)
		first = begin->iova;
	if (end != NULL)
		last = iommufd_area_last(end);
	pthread_mutex_unlock(&domain->lock);
	range->iova = first;
	range->len = last - first + 1;
	return 0;
}
