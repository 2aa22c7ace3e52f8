/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>

#include "pgtable_history.h"

/* No more than that is pending before another unmap leaves entries busy. */
#define PENDING_ENOUGH 1000
#define BUSY_PAGES 600

/* Leaves that an unmap reports. */
struct went {
	struct history *h;
	uint64_t iova, last;
	uint64_t bytes;
	bool busy;
};

static void
pend(struct history *h, const struct uiommu_pgtable_leaf *leaf)
{
	uint32_t shift = (uint32_t)__builtin_ctzll(leaf->size);
	struct pending *p = h->nb_pending == 0 ? NULL : &h->pending[h->nb_pending - 1];

	model_set(&h->model, &(struct model_run){.iova = leaf->iova,
						 .last = leaf->iova + (leaf->size - 1),
						 .busy = true, .shift = shift});
	/* the last page of all addresses and the first one are no neighbours */
	if (p != NULL && p->shift == shift && leaf->iova != 0 &&
	    p->iova + ((uint64_t)p->nb << shift) == leaf->iova)
		p->nb++;
	else if (h->nb_pending == PENDING_MAX)
		history_fail(h, "too many entries are pending for the test");
	else
		h->pending[h->nb_pending++] = (struct pending){leaf->iova, shift, 1};
}

static void
on_leaf(void *priv, const struct uiommu_pgtable_leaf *leaf)
{
	struct went *w = priv;
	struct history *h = w->h;

	if (leaf->iova < w->iova || leaf->iova + (leaf->size - 1) > w->last || leaf->busy)
		history_fail(h, "unmap: leaf 0x%" PRIx64 "+0x%" PRIx64 " of others", leaf->iova,
			     leaf->size);
	/* a part of a large one may be reported in one piece of any size */
	if (!compare_leaf(h, leaf, "unmap"))
		return;
	w->bytes += leaf->size;
	h->events[EVENT_DIRTY] += leaf->dirty;
	if (w->busy)
		pend(h, leaf);
	else
		model_clear(&h->model, leaf->iova, leaf->iova + (leaf->size - 1));
}

static void
judge_unmap(struct history *h, int ret, bool had_busy)
{
	bool mute = (h->conf.flags & UIOMMU_PGTABLE_BREAK_FIRST) != 0 && h->conf.invalidate == NULL;

	switch (ret) {
	case 0:
		if (had_busy)
			history_fail(h, "entries of others, and no word of it");
		break;
	case -EAGAIN:
		h->events[EVENT_AGAIN]++;
		if (!had_busy)
			history_fail(h, "again, but nothing was busy");
		break;
	case -ENOMEM:
		history_check_no_memory(h);
		break;
	case -EBUSY:
		if (!mute)
			history_fail(h, "cannot be split, but can");
		break;
	default:
		history_fail(h, "returned %d", ret);
	}
}

static void
unmap(struct history *h, uint64_t iova, uint64_t len, uint32_t flags)
{
	struct went w = {.h = h, .iova = iova, .last = iova + (len - 1),
			 .busy = (flags & UIOMMU_UNMAP_BUSY) != 0};
	bool had_busy = model_has_busy(&h->model, iova, w.last);
	uint64_t unmapped = UINT64_MAX;
	uint32_t freed = h->gather.nb_freed;
	int ret;

	ret = uiommu_pgtable_unmap(h->pt, iova, len, flags, &h->gather, on_leaf, &w, &unmapped);
	if (unmapped != w.bytes)
		history_fail(h, "unmap: 0x%" PRIx64 " bytes, and 0x%" PRIx64 " were reported",
			     unmapped, w.bytes);
	judge_unmap(h, ret, had_busy);
	if ((ret == 0 || ret == -EAGAIN) && model_mapped(&h->model, iova, w.last) != 0)
		history_fail(h, "unmap 0x%" PRIx64 "+0x%" PRIx64 " left something", iova, len);
	if (w.busy && h->gather.nb_freed != freed)
		history_fail(h, "unmap to busy entries took out tables");
	model_join(&h->model);
	compare_around(h, iova, len);
}

void
step_unmap(struct history *h)
{
	uint64_t iova, len;

	history_range(h, &iova, &len);
	if (history_valid(h, iova, len))
		unmap(h, iova, len, 0);
	else if (uiommu_pgtable_unmap(h->pt, iova, len, 0, &h->gather, NULL, NULL, NULL) !=
		 -EINVAL)
		history_fail(h, "unmap 0x%" PRIx64 "+0x%" PRIx64 " beyond", iova, len);
}

void
step_unmap_busy(struct history *h)
{
	uint64_t iova, len, most = BUSY_PAGES * history_page(h);

	history_range(h, &iova, &len);
	if (len > most)
		len = most;
	if (h->nb_pending < PENDING_ENOUGH && history_valid(h, iova, len))
		unmap(h, iova, len, UIOMMU_UNMAP_BUSY);
}

/* It ended in the middle: each page has the access of before or the new one; see which. */
static void
protected_in_part(struct history *h, uint64_t iova, uint64_t last, uint32_t gets)
{
	uint64_t at, page = history_page(h);
	struct uiommu_pgtable_leaf leaf;
	uint32_t from, to;

	for (at = iova; at - iova < last - iova; at += page) {
		const struct model_run *run = model_at(&h->model, at);

		if (run == NULL || run->busy || run->prot == gets ||
		    uiommu_pgtable_walk(h->pt, at, &leaf) != 0)
			continue;
		if (h->v->format == UIOMMU_PGTABLE_VTD_SECOND)
			leaf.prot &= ~UIOMMU_PROT_EXEC;
		if (leaf.prot != gets)
			continue;
		model_cut(&h->model, at, at + (page - 1), &from, &to);
		h->model.runs[from].prot = gets;
		h->model.runs[from].dirty = leaf.dirty;
	}
}

void
step_protect(struct history *h)
{
	uint32_t prot = history_prot(h), gets = history_gets(h, prot), from, to, i;
	uint64_t iova, len, last;
	bool had_busy;
	int ret;

	history_range(h, &iova, &len);
	if (!history_valid(h, iova, len))
		return;
	last = iova + (len - 1);
	had_busy = model_has_busy(&h->model, iova, last);
	ret = uiommu_pgtable_protect(h->pt, iova, len, prot, &h->gather);
	judge_unmap(h, ret, had_busy);
	if (ret == 0 || ret == -EAGAIN) {
		model_cut(&h->model, iova, last, &from, &to);
		for (i = from; i < to; i++) {
			if (h->model.runs[i].busy)
				continue;
			h->model.runs[i].prot = gets;
			h->model.runs[i].dirty |= h->unit.presets &&
						  (gets & UIOMMU_PROT_WRITE) != 0;
		}
	} else if (!h->failed) {
		protected_in_part(h, iova, last, gets);
	}
	model_join(&h->model);
	compare_around(h, iova, len);
}

struct sampled {
	struct history *h;
	uint64_t bytes;
	uint32_t flags;
};

static void
on_sampled(void *priv, const struct uiommu_pgtable_leaf *leaf)
{
	struct sampled *s = priv;
	uint32_t from, to;

	if (leaf->busy || !compare_leaf(s->h, leaf, "sample"))
		return;
	s->bytes += leaf->size;
	s->h->events[EVENT_DIRTY] += leaf->dirty;
	model_cut(&s->h->model, leaf->iova, leaf->iova + (leaf->size - 1), &from, &to);
	if ((s->flags & UIOMMU_SAMPLE_CLEAR_ACCESSED) != 0)
		s->h->model.runs[from].accessed = false;
	if ((s->flags & UIOMMU_SAMPLE_CLEAR_DIRTY) != 0)
		s->h->model.runs[from].dirty = false;
}

void
step_sample(struct history *h)
{
	struct sampled s = {.h = h, .flags = (uint32_t)history_below(h, 4)};
	uint64_t iova, len, mapped;
	uint32_t flags;
	int ret;

	history_range(h, &iova, &len);
	if (!history_valid(h, iova, len))
		return;
	flags = s.flags;
	/* bits that nobody would set again stay */
	if (h->unit.presets)
		s.flags = 0;
	mapped = model_mapped(&h->model, iova, iova + (len - 1));
	ret = uiommu_pgtable_sample(h->pt, iova, len, flags, &h->gather, on_sampled, &s);
	if (ret != 0 || s.bytes < mapped)
		history_fail(h, "sample 0x%" PRIx64 "+0x%" PRIx64 ": %d, 0x%" PRIx64 " bytes of "
			     "0x%" PRIx64, iova, len, ret, s.bytes, mapped);
	model_join(&h->model);
	compare_around(h, iova, len);
}

void
step_trim(struct history *h)
{
	uint32_t freed = h->gather.nb_freed, nb;
	uint64_t iova, len;

	history_range(h, &iova, &len);
	if (!history_valid(h, iova, len))
		return;
	nb = uiommu_pgtable_trim(h->pt, iova, len, &h->gather);
	if (h->gather.nb_freed - freed != nb)
		history_fail(h, "trim: %u tables, %u gathered", nb, h->gather.nb_freed - freed);
	compare_around(h, iova, len);
}

void
step_flush(struct history *h)
{
	struct uiommu_pgpool_info before, after;
	uint32_t freed = h->gather.nb_freed, i;
	uint64_t iova = 0, end = 0;
	const char *why;

	for (i = 0; i < h->gather.nb_ranges; i++) {
		const struct uiommu_pgtable_range *range = &h->gather.ranges[i];

		/* by address, and neighbours are one */
		if (range->len == 0 || (i != 0 && range->iova <= end) ||
		    !history_valid(h, range->iova, range->len))
			history_fail(h, "gather: range %u, 0x%" PRIx64 "+0x%" PRIx64, i,
				     range->iova, range->len);
		end = range->iova + range->len;
	}
	if (freed != 0 && !h->gather.tables)
		history_fail(h, "gather: tables were taken out, and it does not say so");
	tlb_flush(&h->tlb, &h->gather);
	why = tlb_wrong(&h->tlb, &h->unit, &h->model, &iova);
	if (why != NULL)
		history_fail(h, "unit, 0x%" PRIx64 ": %s", iova, why);
	uiommu_pgpool_info_get(h->pool, &before);
	uiommu_pgtable_gather_free(h->pt, &h->gather);
	uiommu_pgpool_info_get(h->pool, &after);
	if (before.nb_used - after.nb_used != freed)
		history_fail(h, "gather_free: %u of %u tables", before.nb_used - after.nb_used,
			     freed);
	h->events[EVENT_TABLE_FREED] += freed;
	uiommu_pgtable_gather_init(&h->gather);
}
