/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef MIRROR_RIG_H
#define MIRROR_RIG_H

/*
 * What mirrored tables mirror: areas as they were mapped, each call noted, any of them made to
 * fail. It knows what the mirror must look like in a call: all of what comes or goes is busy there.
 *
 * Before this is included: lib/iommu/mirror*.c; unit, lock_is_held. After it: uiommu_pvt_trylock().
 */

#include <pthread.h>

#define AREAS_MAX 4096

struct area {
	uint64_t iova;
	uint64_t pa;
	uint64_t len;
	uint32_t prot;
};

static struct area areas[AREAS_MAX];
static unsigned int nb_areas;
static pthread_mutex_t areas_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct uiommu_pgtable *mirrored; /* what the busy entries are looked for in */
/* calls, those refused among them */
static unsigned int nb_maps, nb_unmaps, nb_ranges_unmapped;
static struct area last_map;
static int map_error;             /* of calls for map_error_at, or of all where that is NONE */
static uint64_t map_error_at;
static uint32_t map_error_prot;   /* and only of those with this access; 0: any */
static unsigned int map_error_nb; /* that many times */
static int unmap_error;
static unsigned int unmap_error_nb;
static bool lock_is_taken;        /* by another thread */
static unsigned int nb_failed;    /* unit failed */
static unsigned int nb_extents;
static struct uiommu_dev_ops mirror_ops;

void
uiommu_pvt_unit_fail(struct uiommu_unit *of, const char *why)
{
	assert_ptr_equal(of, &unit);
	assert_non_null(why);
	nb_failed++;
	unit.state = UIOMMU_DEV_FAILED;
}

/* A few tries. */
uint64_t
uiommu_pvt_give_up_tsc(const struct uiommu_unit *of)
{
	return rte_get_tsc_cycles() + 100000000;
}

/* All entries of a range belong to whoever calls. */
static void
assert_busy(uint64_t iova, uint64_t len)
{
	struct uiommu_pgtable_leaf leaf;
	uint64_t at;

	for (at = 0; at < len; at += leaf.iova + leaf.size - (iova + at)) {
		assert_int_equal(uiommu_pgtable_walk(mirrored, iova + at, &leaf), -EAGAIN);
		assert_true(leaf.busy);
	}
}

static bool
overlaps(const struct area *area, uint64_t iova, uint64_t len)
{
	return area->iova < iova + len && iova < area->iova + area->len;
}

static int
area_add(uint64_t iova, uint64_t pa, uint64_t len, uint32_t prot)
{
	unsigned int i;

	assert_int_equal((iova | pa | len) % 4096, 0);
	assert_true(len != 0);
	assert_busy(iova, len);
	nb_maps++;
	last_map = (struct area){.iova = iova, .pa = pa, .len = len, .prot = prot};
	if (map_error_nb != 0 && (map_error_at == UIOMMU_PA_NONE || overlaps(&last_map,
									     map_error_at, 1)) &&
	    (map_error_prot == 0 || map_error_prot == (prot & ~UIOMMU_PROT_EXEC))) {
		map_error_nb--;
		return map_error;
	}
	for (i = 0; i < nb_areas; i++)
		assert_false(overlaps(&areas[i], iova, len));
	assert_true(nb_areas < AREAS_MAX);
	areas[nb_areas++] = last_map;
	return 0;
}

static int
fake_map(struct uiommu_dev *dev, void *domain_private, uint64_t iova, uint64_t pa, uint64_t len,
	 uint32_t prot)
{
	int ret;

	assert_ptr_equal(dev, &unit.dev);
	pthread_mutex_lock(&areas_mutex);
	ret = area_add(iova, pa, len, prot);
	pthread_mutex_unlock(&areas_mutex);
	return ret;
}

static void
area_cut(unsigned int i, uint64_t iova, uint64_t len)
{
	const struct area old = areas[i];

	areas[i] = areas[--nb_areas];
	if (old.iova < iova) {
		areas[nb_areas] = old;
		areas[nb_areas++].len = iova - old.iova;
	}
	if (iova + len < old.iova + old.len) {
		areas[nb_areas] = old;
		areas[nb_areas].iova = iova + len;
		areas[nb_areas].pa += iova + len - old.iova;
		areas[nb_areas++].len = old.iova + old.len - (iova + len);
	}
}

static int
fake_unmap(struct uiommu_dev *dev, void *domain_private, const struct uiommu_pgtable_range *ranges,
	   uint32_t nb_ranges)
{
	unsigned int i, j;

	assert_true(lock_is_held);
	assert_true(nb_ranges != 0);
	nb_unmaps++;
	if (unmap_error_nb != 0) {
		unmap_error_nb--;
		return unmap_error;
	}
	pthread_mutex_lock(&areas_mutex);
	for (i = 0; i < nb_ranges; i++) {
		nb_ranges_unmapped++;
		assert_true(i == 0 || ranges[i].iova > ranges[i - 1].iova + ranges[i - 1].len);
		assert_busy(ranges[i].iova, ranges[i].len);
		for (j = 0; j < nb_areas;) {
			if (overlaps(&areas[j], ranges[i].iova, ranges[i].len)) {
				if (mirror_ops.table_extent != NULL)
					assert_busy(areas[j].iova, areas[j].len);
				area_cut(j, ranges[i].iova, ranges[i].len);
			} else {
				j++;
			}
		}
	}
	pthread_mutex_unlock(&areas_mutex);
	return 0;
}

/* Areas go as a whole, and what is to stay comes again: meanwhile nobody may see it. */
static int
fake_extent(struct uiommu_dev *dev, void *domain_private, struct uiommu_pgtable_range *range)
{
	uint64_t end = range->iova + range->len;
	unsigned int i;

	assert_true(lock_is_held);
	nb_extents++;
	pthread_mutex_lock(&areas_mutex);
	for (i = 0; i < nb_areas; i++) {
		if (!overlaps(&areas[i], range->iova, end - range->iova))
			continue;
		if (areas[i].iova + areas[i].len > end)
			end = areas[i].iova + areas[i].len;
		if (areas[i].iova < range->iova)
			range->iova = areas[i].iova;
	}
	pthread_mutex_unlock(&areas_mutex);
	range->len = end - range->iova;
	return 0;
}

/* Where the unit finds an address; UIOMMU_PA_NONE: not with this access. */
static inline uint64_t
unit_reaches(uint64_t iova, uint32_t prot)
{
	unsigned int i;

	for (i = 0; i < nb_areas; i++)
		if (iova - areas[i].iova < areas[i].len && (prot & ~areas[i].prot) == 0)
			return areas[i].pa + (iova - areas[i].iova);
	return UIOMMU_PA_NONE;
}

static void
leaf_compare(void *priv, const struct uiommu_pgtable_leaf *leaf)
{
	const uint32_t access = leaf->prot & (UIOMMU_PROT_READ | UIOMMU_PROT_WRITE);
	uint64_t *bytes = priv, at;

	assert_false(leaf->busy);
	for (at = 0; at < leaf->size; at += 4096) {
		assert_int_equal(unit_reaches(leaf->iova + at, access), leaf->pa + at);
		if ((access & UIOMMU_PROT_WRITE) == 0)
			assert_int_equal(unit_reaches(leaf->iova + at, UIOMMU_PROT_WRITE),
					 UIOMMU_PA_NONE);
	}
	*bytes += leaf->size;
}

/* What the mirror shows is what there is, no more and no less. */
static inline void
assert_mirrored(void)
{
	uint64_t shown = 0, real = 0;
	unsigned int i;

	assert_int_equal(uiommu_pgtable_iterate(mirrored, 0, UINT64_C(1) << 47, leaf_compare,
						&shown), 0);
	for (i = 0; i < nb_areas; i++)
		real += areas[i].len;
	assert_int_equal(shown, real);
}

/* The table of a domain is a mirror from now on. */
static inline void
mirror_make(struct uiommu_paging *of)
{
	mirrored = of->pt;
	nb_extents = 0;
	nb_areas = nb_maps = nb_unmaps = nb_ranges_unmapped = nb_failed = 0;
	map_error_nb = unmap_error_nb = 0;
	map_error_at = UIOMMU_PA_NONE;
	map_error_prot = 0;
	lock_is_taken = false;
	mirror_ops.table_map = fake_map;
	mirror_ops.table_unmap = fake_unmap;
	mirror_ops.table_extent = fake_extent;
	unit.dev.ops = &mirror_ops;
	unit.state = UIOMMU_DEV_STARTED;
	of->mirror = true;
	of->pa_last = (UINT64_C(1) << 52) - 1;
	of->can_exchange = false;
	of->tracks = false;
}

#endif /* MIRROR_RIG_H */
