/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Calls of the driver that has the table which another mirrors; see mirror_pvt.h. */

#include <errno.h>

#include <rte_common.h>
#include <rte_cycles.h>
#include <rte_pause.h>

#include "mirror_pvt.h"
#include "uiommu_pvt.h"

/* Entries that are filled at a time. */
#define FILL_MAX 64
/* Between and beside as many ranges, and some more where sizes of leaves change. */
#define HIDDEN_MAX (2 * UIOMMU_MIRROR_RANGES + 64)

/*
 * What a call takes out along with something else, and puts back: nobody is to count on it
 * meanwhile.
 */
struct hidden {
	struct uiommu_paging *paging;
	uint32_t nb;
	struct uiommu_mirror_part part[HIDDEN_MAX];
};

void
uiommu_pvt_mirror_commit(struct uiommu_paging *paging, uint64_t iova, uint64_t pa, uint32_t nb,
			 uint32_t shift, uint32_t prot)
{
	uint64_t leaf_pa[FILL_MAX];
	uint32_t at, n, i;

	for (at = 0; at < nb; at += n) {
		n = RTE_MIN(nb - at, (uint32_t)FILL_MAX);
		for (i = 0; i < n; i++)
			leaf_pa[i] = pa + ((uint64_t)(at + i) << shift);
		uiommu_pgtable_commit(paging->pt, iova + ((uint64_t)at << shift), shift, n, leaf_pa,
				      prot);
	}
}

/* ------------------------------------------------------------------------------- map */

bool
uiommu_pvt_mirror_wait(struct uiommu_unit *unit, uint64_t *give_up)
{
	if (*give_up == 0)
		*give_up = uiommu_pvt_give_up_tsc(unit);
	else if (rte_get_tsc_cycles() > *give_up)
		return false;
	if (uiommu_pvt_in_handler())
		rte_pause();
	else
		uiommu_pvt_wait_turn();
	return true;
}

int
uiommu_pvt_mirror_call_map(struct uiommu_paging *paging, uint64_t iova, uint64_t pa, uint64_t len,
			   uint32_t prot, bool patient)
{
	struct uiommu_unit *unit = paging->unit;
	uint64_t give_up = 0;
	int ret;

	/* what entries of the mirror cannot hold */
	if (pa > paging->pa_last || len - 1 > paging->pa_last - pa)
		return -EINVAL;
	do {
		ret = unit->dev.ops->table_map(&unit->dev, paging->domain->drv, iova, pa, len,
					       prot);
	} while (ret == -EAGAIN && patient && uiommu_pvt_mirror_wait(unit, &give_up));
	return ret;
}

/* ----------------------------------------------------------------------------- unmap */

/* Called for each leaf that a call takes out for a moment. */
static void
leaf_hide(void *priv, const struct uiommu_pgtable_leaf *leaf)
{
	struct hidden *hidden = priv;
	const struct uiommu_mirror_part part = uiommu_pvt_mirror_part_of(leaf);

	if (hidden->nb != 0 &&
	    uiommu_pvt_mirror_goes_on(&hidden->part[hidden->nb - 1], leaf, true))
		hidden->part[hidden->nb - 1].len += leaf->size;
	else if (hidden->nb < HIDDEN_MAX)
		hidden->part[hidden->nb++] = part;
	else
		/* it is there but for a moment, as a device that asks again will find */
		uiommu_pvt_mirror_part_fill(hidden->paging, &part, part.prot);
}

static void
range_hide(struct hidden *hidden, uint64_t iova, uint64_t len)
{
	struct uiommu_pgtable_gather gather;

	uiommu_pgtable_gather_init(&gather);
	if (len != 0)
		(void)uiommu_pgtable_unmap(hidden->paging->pt, iova, len, UIOMMU_UNMAP_BUSY,
					   &gather, leaf_hide, hidden, NULL);
}

static void
hidden_show(const struct hidden *hidden)
{
	uint32_t i;

	for (i = 0; i < hidden->nb; i++)
		uiommu_pvt_mirror_part_fill(hidden->paging, &hidden->part[i],
					    hidden->part[i].prot);
}

/* Hide what goes and comes with some ranges. */
static int
extents_hide(struct hidden *hidden, const struct uiommu_pgtable_range *ranges, uint32_t nb)
{
	const struct uiommu_paging *paging = hidden->paging;
	struct uiommu_unit *unit = paging->unit;
	uint32_t i;
	int ret;

	for (i = 0; i < nb && unit->dev.ops->table_extent != NULL; i++) {
		const uint64_t end = ranges[i].iova + ranges[i].len;
		struct uiommu_pgtable_range wide = ranges[i];

		ret = unit->dev.ops->table_extent(&unit->dev, paging->domain->drv, &wide);
		if (ret != 0)
			return ret;
		range_hide(hidden, wide.iova, ranges[i].iova - wide.iova);
		range_hide(hidden, end, wide.iova + wide.len - end);
	}
	return 0;
}

static int
ranges_unmap(struct uiommu_paging *paging, const struct uiommu_pgtable_range *ranges, uint32_t nb)
{
	struct hidden hidden = {.paging = paging};
	struct uiommu_unit *unit = paging->unit;
	int ret = extents_hide(&hidden, ranges, nb);

	/* who has seen it there answers before it goes; a handler cannot wait for itself */
	if (ret == 0 && hidden.nb != 0 && !uiommu_pvt_in_handler())
		ret = uiommu_pvt_paging_grace(paging);
	if (ret == 0)
		ret = unit->dev.ops->table_unmap(&unit->dev, paging->domain->drv, ranges, nb);
	hidden_show(&hidden);
	return ret;
}

static int
call_unmap(struct uiommu_paging *paging, const struct uiommu_pgtable_range *ranges, uint32_t nb)
{
	struct uiommu_unit *unit = paging->unit;
	uint64_t give_up = 0;
	int ret;

	if (uiommu_pvt_state(unit) == UIOMMU_DEV_FAILED)
		return -EIO;
	do {
		ret = ranges_unmap(paging, ranges, nb);
	} while (ret == -EAGAIN && uiommu_pvt_mirror_wait(unit, &give_up));
	uiommu_count(&paging->ctl.invalidations, 1);
	uiommu_count(&paging->ctl.ranges, nb);
	if (ret != 0)
		uiommu_pvt_unit_fail(unit, "what was unmapped may be reached still");
	return ret == -EAGAIN ? -ETIMEDOUT : ret;
}

static void
ranges_flush(struct uiommu_mirror_ranges *ranges)
{
	int ret;

	if (ranges->nb == 0)
		return;
	ret = call_unmap(ranges->paging, ranges->range, ranges->nb);
	if (ranges->error == 0)
		ranges->error = ret;
	ranges->nb = 0;
}

void
uiommu_pvt_mirror_ranges_add(struct uiommu_mirror_ranges *ranges, uint64_t iova, uint64_t len)
{
	struct uiommu_pgtable_range *last = NULL;

	if (ranges->nb != 0)
		last = &ranges->range[ranges->nb - 1];
	if (last != NULL && last->iova + last->len == iova) {
		last->len += len;
		return;
	}
	/* by address */
	if (ranges->nb == UIOMMU_MIRROR_RANGES || (last != NULL && iova < last->iova))
		ranges_flush(ranges);
	ranges->range[ranges->nb++] = (struct uiommu_pgtable_range){.iova = iova, .len = len};
}

int
uiommu_pvt_mirror_ranges_end(struct uiommu_mirror_ranges *ranges)
{
	ranges_flush(ranges);
	return ranges->error;
}
