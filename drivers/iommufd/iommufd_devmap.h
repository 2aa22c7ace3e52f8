/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef IOMMUFD_DEVMAP_H
#define IOMMUFD_DEVMAP_H

/**
 * @file
 * Endpoints by the kernel's numbers of their devices. Written on the control path, read by the
 * owners of queues meanwhile: an entry is one word. Numbers are small in practice; none is relied
 * on to be.
 */

#include <stdint.h>

/** Places, power of two. */
#define IOMMUFD_DEVMAP_PLACES 16384
/** Places that are looked at for a number. */
#define IOMMUFD_DEVMAP_LOOKS 64
/** Endpoint that nobody knows: beyond the width of an endpoint id. */
#define IOMMUFD_DEVMAP_UNKNOWN UINT32_MAX

/** Number of the device above, endpoint id below, and 0 for a place that is free. */
struct iommufd_devmap {
	uint64_t places[IOMMUFD_DEVMAP_PLACES];
};

#define IOMMUFD_DEVMAP_ENTRY(dev_id, endpoint_id) ((uint64_t)(dev_id) << 32 | (endpoint_id))

static inline uint64_t *
iommufd_devmap_place(struct iommufd_devmap *map, uint32_t dev_id, uint32_t look)
{
	return &map->places[(dev_id + look) & (IOMMUFD_DEVMAP_PLACES - 1)];
}

/** @return the endpoint's id; IOMMUFD_DEVMAP_UNKNOWN: there is none */
static inline uint32_t
iommufd_devmap_get(struct iommufd_devmap *map, uint32_t dev_id)
{
	uint32_t look;

	/* what has gone leaves a gap, so a free place ends nothing */
	for (look = 0; look < IOMMUFD_DEVMAP_LOOKS; look++) {
		const uint64_t entry = __atomic_load_n(iommufd_devmap_place(map, dev_id, look),
						       __ATOMIC_RELAXED);

		if (entry >> 32 == dev_id && entry != 0)
			return (uint32_t)entry;
	}
	return IOMMUFD_DEVMAP_UNKNOWN;
}

/**
 * Control path.
 *
 * @param dev_id not 0
 * @return 0; -1: there is no room near the place of this number
 */
static inline int
iommufd_devmap_add(struct iommufd_devmap *map, uint32_t dev_id, uint32_t endpoint_id)
{
	uint32_t look;

	for (look = 0; look < IOMMUFD_DEVMAP_LOOKS; look++) {
		uint64_t *place = iommufd_devmap_place(map, dev_id, look);

		if (__atomic_load_n(place, __ATOMIC_RELAXED) != 0)
			continue;
		__atomic_store_n(place, IOMMUFD_DEVMAP_ENTRY(dev_id, endpoint_id),
				 __ATOMIC_RELAXED);
		return 0;
	}
	return -1;
}

/** Control path. Nothing where there is none. */
static inline void
iommufd_devmap_remove(struct iommufd_devmap *map, uint32_t dev_id)
{
	uint32_t look;

	for (look = 0; look < IOMMUFD_DEVMAP_LOOKS; look++) {
		uint64_t *place = iommufd_devmap_place(map, dev_id, look);

		if (__atomic_load_n(place, __ATOMIC_RELAXED) >> 32 == dev_id)
			__atomic_store_n(place, 0, __ATOMIC_RELAXED);
	}
}

#endif /* IOMMUFD_DEVMAP_H */
