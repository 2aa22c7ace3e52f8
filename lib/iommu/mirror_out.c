/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Ways out of a mirrored table, and changes of access; see mirror_pvt.h. Lock held. */

#include <errno.h>

#include <rte_common.h>

#include "mirror_pvt.h"
#include "region_pvt.h"
#include "uiommu_pvt.h"

#define PARTS_MAX 64
/* A moment without memory is no reason to give a unit up. */
#define RESTORE_TRIES 16

/* What a writer has taken so far. */
struct taking {
	struct uiommu_paging *paging;
	int error;     /* the first one */
	bool change;   /* they come again, with prot */
	bool add;      /* and with what they had */
	uint32_t prot;
	uint32_t nb;
	struct uiommu_mirror_part part[PARTS_MAX];
};

/* ------------------------------------------------------------ entries that are taken */

static void
part_absent(struct uiommu_paging *paging, const struct uiommu_mirror_part *part)
{
	uiommu_pgtable_commit(paging->pt, part->iova, part->shift,
			      (uint32_t)(part->len >> part->shift), NULL, 0);
}

/* Whether somebody has to get the pages at an address back. */
static bool
is_owned(const struct uiommu_paging *paging, uint64_t iova)
{
	const struct uiommu_region *region = uiommu_pvt_region_find(paging->regions, iova);

	return region != NULL ? uiommu_pvt_region_returns(region) : paging->leaving != NULL;
}

/*
 * The other access cannot be had: the old one again. What cannot come at all is absent; but pages
 * that somebody has to get back are tried for longer, and then stay known for that, on a unit that
 * has failed.
 */
static void
part_restore(struct uiommu_paging *paging, const struct uiommu_mirror_part *part)
{
	const bool owned = is_owned(paging, part->iova);
	unsigned int tries = owned ? RESTORE_TRIES : 1;
	int ret;

	do {
		ret = uiommu_pvt_mirror_call_map(paging, part->iova, part->pa, part->len,
						 part->prot, true);
	} while (ret != 0 && --tries != 0);
	if (ret == 0 || owned)
		uiommu_pvt_mirror_part_fill(paging, part, part->prot);
	else
		part_absent(paging, part);
	if (ret != 0 && owned)
		uiommu_pvt_unit_fail(paging->unit, "pages of a region cannot be mapped again");
}

static uint32_t
new_prot(const struct taking *taking, const struct uiommu_mirror_part *part)
{
	return taking->add ? part->prot | taking->prot : taking->prot;
}

/* Parts from i on that one call can map. */
static uint32_t
parts_together(const struct taking *taking, uint32_t i)
{
	const struct uiommu_mirror_part *part = &taking->part[i];
	uint32_t n = 1;

	while (i + n < taking->nb && part[n].iova == part[n - 1].iova + part[n - 1].len &&
	       part[n].pa == part[n - 1].pa + part[n - 1].len &&
	       new_prot(taking, &part[n]) == new_prot(taking, part))
		n++;
	return n;
}

/* Out of the unit's table by now: in again. */
static int
parts_map(struct taking *taking)
{
	struct uiommu_paging *paging = taking->paging;
	const struct uiommu_mirror_part *part, *last;
	int ret, error = 0;
	uint32_t i, n;

	for (i = 0; i < taking->nb; i += n) {
		n = parts_together(taking, i);
		part = &taking->part[i];
		last = part + n - 1;
		ret = uiommu_pvt_mirror_call_map(paging, part->iova, part->pa,
						 last->iova + last->len - part->iova,
						 new_prot(taking, part), true);
		for (; part <= last; part++) {
			if (ret == 0)
				uiommu_pvt_mirror_part_fill(paging, part, new_prot(taking, part));
			else
				part_restore(paging, part);
		}
		if (error == 0)
			error = ret;
	}
	return error;
}

/* What was taken so far goes out of the unit's table, and comes again where that is wanted. */
static void
taking_flush(struct taking *taking)
{
	struct uiommu_mirror_ranges ranges = {.paging = taking->paging};
	uint32_t i;
	int ret;

	for (i = 0; i < taking->nb; i++)
		uiommu_pvt_mirror_ranges_add(&ranges, taking->part[i].iova, taking->part[i].len);
	ret = uiommu_pvt_mirror_ranges_end(&ranges);
	if (ret == 0 && taking->change)
		ret = parts_map(taking);
	else
		for (i = 0; i < taking->nb; i++)
			part_absent(taking->paging, &taking->part[i]);
	if (taking->error == 0)
		taking->error = ret;
	taking->nb = 0;
}

/* Called for each leaf that was taken: busy by now. */
static void
leaf_add(void *priv, const struct uiommu_pgtable_leaf *leaf)
{
	struct taking *taking = priv;

	if (taking->nb != 0 && uiommu_pvt_mirror_goes_on(&taking->part[taking->nb - 1],
						      leaf, taking->change)) {
		taking->part[taking->nb - 1].len += leaf->size;
		return;
	}
	if (taking->nb == PARTS_MAX)
		taking_flush(taking);
	taking->part[taking->nb++] = uiommu_pvt_mirror_part_of(leaf);
}

/* Take a range, all of it with as few calls as can be. */
static int
range_take(struct taking *taking, uint64_t iova, uint64_t len, uint64_t *taken)
{
	struct uiommu_pgtable_gather gather;
	int ret;

	/* a large leaf that is split by it stays one to the unit */
	uiommu_pgtable_gather_init(&gather);
	ret = uiommu_pgtable_unmap(taking->paging->pt, iova, len, UIOMMU_UNMAP_BUSY, &gather,
				   leaf_add, taking, taken);
	taking_flush(taking);
	return taking->error != 0 ? taking->error : ret;
}

int
uiommu_pvt_mirror_unmap(struct uiommu_paging *paging, uint64_t iova, uint64_t len,
			uint64_t *unmapped)
{
	struct taking taking = {.paging = paging};
	struct uiommu_pgtable_gather gather;
	uint64_t taken = 0;
	int ret, freed;

	ret = range_take(&taking, iova, len, &taken);
	*unmapped += taken;
	uiommu_pgtable_gather_init(&gather);
	if (taking.error != 0 || uiommu_pgtable_trim(paging->pt, iova, len, &gather) == 0)
		return ret;
	freed = uiommu_pvt_paging_flush(paging->domain, &gather);
	return freed != 0 ? freed : ret;
}

int
uiommu_pvt_mirror_protect(struct uiommu_paging *paging, uint64_t iova, uint64_t len, uint32_t prot,
			  bool add)
{
	struct taking taking = {.paging = paging, .change = true, .add = add, .prot = prot};
	uint64_t taken = 0;

	if ((prot & ~UIOMMU_PROT_ALL) != 0 ||
	    (prot & (UIOMMU_PROT_READ | UIOMMU_PROT_WRITE)) == 0)
		return -EINVAL;
	return range_take(&taking, iova, len, &taken);
}
