/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>

#include "pgtable_history.h"

#define NEAR (UINT64_C(1) << 21)
#define BURST 70 /* more than fit in one round of any sensible size */
#define OTHER_IOVA UINT64_C(0x40000000)

static uint32_t
comparable(const struct history *h, uint32_t prot)
{
	return h->v->format == UIOMMU_PGTABLE_VTD_SECOND ? prot & ~UIOMMU_PROT_EXEC : prot;
}

/* All of a leaf lies in one line of the model, and is as it says. */
bool
compare_leaf(struct history *h, const struct uiommu_pgtable_leaf *leaf, const char *by)
{
	const struct model_run *run = model_at(&h->model, leaf->iova);

	if (h->failed)
		return false;
	if (run == NULL || run->last < leaf->iova + (leaf->size - 1) || run->busy != leaf->busy) {
		history_fail(h, "%s: leaf 0x%" PRIx64 "+0x%" PRIx64 " busy %d, %s", by, leaf->iova,
			     leaf->size, leaf->busy, run == NULL ? "absent" : "otherwise");
		return false;
	}
	if (leaf->busy) {
		if (leaf->size != UINT64_C(1) << run->shift)
			history_fail(h, "%s: size of a busy leaf", by);
		return !h->failed;
	}
	if (model_pa(run, leaf->iova) != leaf->pa || comparable(h, leaf->prot) != run->prot ||
	    leaf->accessed != run->accessed || leaf->dirty != run->dirty)
		history_fail(h, "%s: leaf 0x%" PRIx64 "+0x%" PRIx64 " pa 0x%" PRIx64
			     " prot %u a %d d %d, wanted 0x%" PRIx64 " prot %u a %d d %d", by,
			     leaf->iova, leaf->size, leaf->pa, leaf->prot, leaf->accessed,
			     leaf->dirty, model_pa(run, leaf->iova), run->prot, run->accessed,
			     run->dirty);
	return !h->failed;
}

/* What hardware finds. */
static void
compare_hw(struct history *h, const struct hw_table *t, uint64_t iova)
{
	const struct model_run *run = model_at(&h->model, iova);
	const char *who = t == &h->unit ? "unit" : "memory";
	struct hw_leaf leaf;

	switch (hw_walk(t, iova, &leaf)) {
	case HW_BROKEN:
		history_fail(h, "%s at 0x%" PRIx64 ": level %u entry 0x%" PRIx64 ": %s", who, iova,
			     leaf.level, leaf.value, leaf.why);
		return;
	case HW_BEYOND:
		if (history_valid(h, iova, 1))
			history_fail(h, "%s at 0x%" PRIx64 ": beyond", who, iova);
		return;
	case HW_ABSENT:
		if (run != NULL && !run->busy)
			history_fail(h, "%s at 0x%" PRIx64 ": absent, level %u", who, iova,
				     leaf.level);
		return;
	case HW_LEAF:
		break;
	}
	if (leaf.level > 1)
		h->events[EVENT_LARGE]++;
	if (run == NULL || run->busy || run->iova > leaf.iova ||
	    run->last < leaf.iova + (leaf.size - 1) || model_pa(run, leaf.iova) != leaf.pa ||
	    leaf.prot != run->prot || leaf.accessed != run->accessed)
		history_fail(h, "%s at 0x%" PRIx64 ": level %u pa 0x%" PRIx64 " prot %u a %d, "
			     "wanted pa 0x%" PRIx64 " prot %u a %d", who, iova, leaf.level, leaf.pa,
			     leaf.prot, leaf.accessed,
			     run == NULL ? UIOMMU_PA_NONE : model_pa(run, leaf.iova),
			     run == NULL ? 0 : run->prot, run != NULL && run->accessed);
}

void
compare_at(struct history *h, uint64_t iova)
{
	const struct model_run *run = model_at(&h->model, iova);
	struct uiommu_pgtable_leaf leaf = {0};
	int ret, wanted;

	if (h->failed)
		return;
	wanted = !history_valid(h, iova, 1) ? -EINVAL : run == NULL ? -ENOENT :
		 run->busy ? -EAGAIN : 0;
	ret = uiommu_pgtable_walk(h->pt, iova, &leaf);
	if (ret != wanted)
		history_fail(h, "walk of 0x%" PRIx64 ": %d, wanted %d", iova, ret, wanted);
	else if (ret == 0 && (iova < leaf.iova || iova - leaf.iova >= leaf.size))
		history_fail(h, "walk of 0x%" PRIx64 ": leaf 0x%" PRIx64, iova, leaf.iova);
	else if (ret == 0)
		compare_leaf(h, &leaf, "walk");
	compare_hw(h, &h->cpu, iova);
	if (h->seen.areas[0].va != h->memory.areas[0].va)
		compare_hw(h, &h->unit, iova);
}

void
compare_around(struct history *h, uint64_t iova, uint64_t len)
{
	uint64_t last = iova + (len - 1);

	compare_at(h, iova);
	compare_at(h, last);
	compare_at(h, iova + history_below(h, len));
	if (history_percent(h, 25)) {
		compare_at(h, iova - 1);
		compare_at(h, last + 1);
		compare_at(h, history_iova(h));
	}
}

/* The same by hints that were made at any time before: no walk has another answer. */
static void
burst_again(struct history *h, struct uiommu_pgtable *const *pts, const uint64_t *iovas,
	    const uint8_t *prot, const uint8_t *present, uint32_t nb)
{
	struct uiommu_pgtable_hint *hints[BURST];
	uint8_t again[BURST];
	uint32_t i;

	for (i = 0; i < nb; i++) {
		hints[i] = pts[i] == h->pt ? &h->hint : &h->other_hint;
		again[i] = 0xaa;
	}
	uiommu_pgtable_check_near(pts, hints, iovas, prot, again, nb);
	for (i = 0; i < nb; i++)
		if (again[i] != present[i])
			history_fail(h, "check_near %u of %u, 0x%" PRIx64 ": %u, check: %u", i, nb,
				     iovas[i], again[i], present[i]);
}

void
compare_burst(struct history *h)
{
	struct uiommu_pgtable *pts[BURST] = {NULL};
	uint8_t prot[BURST] = {0}, present[BURST], wanted[BURST];
	uint64_t iovas[BURST] = {0};
	uint32_t nb = (uint32_t)history_below(h, BURST + 1), i;
	const bool near = history_below(h, 2) == 0;

	for (i = 0; i < nb; i++) {
		const struct model_run *run;
		uint32_t kind = (uint32_t)history_below(h, 16);

		prot[i] = (uint8_t)(history_prot(h) & (UIOMMU_PROT_READ | UIOMMU_PROT_WRITE));
		iovas[i] = history_iova(h) + history_below(h, 4096);
		/* so near that one table of the last level but one has them all */
		if (near && i > 0)
			iovas[i] = (iovas[0] & ~(NEAR - 1)) + history_below(h, NEAR);
		pts[i] = h->pt;
		run = model_at(&h->model, iovas[i]);
		wanted[i] = run != NULL && !run->busy && (prot[i] & ~run->prot) == 0;
		if (near)
			kind = 15;
		if (kind == 0) {
			pts[i] = NULL;
			wanted[i] = 0;
		} else if (kind < 4) {
			pts[i] = h->other;
			iovas[i] = OTHER_IOVA + history_below(h, 32) * history_page(h);
			wanted[i] = iovas[i] < OTHER_IOVA + h->other_pages * history_page(h) &&
				    (prot[i] & UIOMMU_PROT_WRITE) == 0;
		}
		/* what is not 0 or 1 must be written */
		present[i] = 0xaa;
	}
	uiommu_pgtable_check(pts, iovas, prot, present, nb);
	burst_again(h, pts, iovas, prot, present, nb);
	for (i = 0; i < nb; i++)
		if (present[i] != wanted[i])
			history_fail(h, "check %u of %u, 0x%" PRIx64 " prot %u of %s: %u, wanted "
				     "%u", i, nb, iovas[i], prot[i],
				     pts[i] == h->pt ? "the table" : "another", present[i],
				     wanted[i]);
}

/* The library's leaves and the unit's, in one list each: all of the model, and in order. */
struct listing {
	struct history *h;
	const char *by;
	uint64_t next, first, last;
	uint64_t mapped;
	bool any;
};

static void
in_order(struct listing *l, uint64_t iova, uint64_t size)
{
	if (l->any && iova < l->next)
		history_fail(l->h, "%s: 0x%" PRIx64 " out of order", l->by, iova);
	l->any = true;
	l->next = iova + size;
	if (l->next == 0)
		l->next = UINT64_MAX;
}

static void
on_leaf(void *priv, const struct uiommu_pgtable_leaf *leaf)
{
	struct listing *l = priv;

	in_order(l, leaf->iova, leaf->size);
	if (leaf->iova > l->last || leaf->iova + (leaf->size - 1) < l->first)
		history_fail(l->h, "%s: 0x%" PRIx64 " was not asked for", l->by, leaf->iova);
	else if (compare_leaf(l->h, leaf, l->by))
		l->mapped += leaf->busy ? 0 : leaf->size;
}

static void
on_hw_leaf(void *priv, const struct hw_leaf *leaf)
{
	struct listing *l = priv;

	in_order(l, leaf->iova, leaf->size);
	compare_hw(l->h, &l->h->cpu, leaf->iova);
	l->mapped += leaf->size;
}

static void
compare_iterate(struct history *h, uint64_t iova, uint64_t len)
{
	struct listing l = {.h = h, .by = "iterate", .first = iova, .last = iova + (len - 1)};
	uint64_t all = model_mapped(&h->model, 0, UINT64_MAX);

	if (uiommu_pgtable_iterate(h->pt, iova, len, on_leaf, &l) != 0)
		history_fail(h, "iterate fails");
	if (l.mapped < model_mapped(&h->model, l.first, l.last) || l.mapped > all)
		history_fail(h, "iterate 0x%" PRIx64 "+0x%" PRIx64 ": 0x%" PRIx64 " bytes", iova,
			     len, l.mapped);
}

void
compare_all(struct history *h)
{
	uint64_t all = model_mapped(&h->model, 0, UINT64_MAX), iova, len;
	struct listing l = {.h = h, .by = "scan"};
	struct uiommu_pgpool_info info;
	uint32_t nb_tables;
	const char *why;

	if (h->failed)
		return;
	if (hw_scan(&h->cpu, on_hw_leaf, &l, &nb_tables, &why) < 0) {
		history_fail(h, "scan: %s", why);
		return;
	}
	if (l.mapped != all)
		history_fail(h, "scan: 0x%" PRIx64 " bytes are mapped, wanted 0x%" PRIx64, l.mapped,
			     all);
	uiommu_pgpool_info_get(h->pool, &info);
	if (info.nb_used != nb_tables + h->gather.nb_freed + uiommu_pgtable_pages(h->other))
		history_fail(h, "pool: %u pages are used, %u tables of %u can be reached, "
			     "%u wait", info.nb_used, nb_tables,
			     uiommu_pgtable_pages(h->pt), h->gather.nb_freed);
	if (h->gather.nb_freed == 0 && uiommu_pgtable_pages(h->pt) != nb_tables)
		history_fail(h, "%u pages, %u tables can be reached", uiommu_pgtable_pages(h->pt),
			     nb_tables);
	history_range(h, &iova, &len);
	if (history_valid(h, iova, len))
		compare_iterate(h, iova, len);
	len = UINT64_C(1) << (hw_width(&h->unit) - 1);
	compare_iterate(h, 0, len);
	compare_iterate(h, hw_is_signed(&h->unit) ? -len : len, len);
}
