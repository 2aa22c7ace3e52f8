/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>

#include "pgtable_history.h"

#define SAMPLES 4
#define RESERVE_MAX 40

void
history_check_no_memory(struct history *h)
{
	uint32_t most = h->conf.pages_max, spare = h->v->levels;
	struct uiommu_pgpool_info info;

	h->events[EVENT_NO_MEMORY]++;
	uiommu_pgpool_info_get(h->pool, &info);
	/* pages taken for a way down that did not lead to the end may have gone back */
	if (info.nb_used + spare >= info.nb_pages ||
	    (most != 0 && uiommu_pgtable_pages(h->pt) + spare >= most))
		return;
	history_fail(h, "no memory, with %u of %u pages used", info.nb_used, info.nb_pages);
}

/* A mapping that was made of nothing. */
static struct model_run
fresh(const struct history *h, uint64_t iova, uint64_t len, uint64_t pa, uint32_t prot)
{
	bool presets = h->unit.presets;

	return (struct model_run){
		.iova = iova,
		.last = iova + (len - 1),
		.pa = pa,
		.prot = history_gets(h, prot),
		.accessed = presets,
		.dirty = presets && (prot & UIOMMU_PROT_WRITE) != 0,
	};
}

/* Model: map up to len, stop at the first page in the way. Returns the bytes done. */
static uint64_t
model_map(struct history *h, uint64_t iova, uint64_t pa, uint64_t len, uint32_t prot)
{
	uint64_t at = iova, last = iova + (len - 1), end;
	const struct model_run *next;
	struct model_run run;

	while (at - iova < len) {
		next = model_at(&h->model, at);
		if (next != NULL && (next->busy || model_pa(next, at) != pa + (at - iova)))
			break;
		if (next != NULL) {
			end = next->last < last ? next->last : last;
			run = *next;
			run.pa = model_pa(next, at);
			run.iova = at;
			run.last = end;
			run.prot |= history_gets(h, prot);
			h->events[EVENT_UPGRADE] += run.prot != next->prot;
			run.dirty |= h->unit.presets && (run.prot & UIOMMU_PROT_WRITE) != 0;
		} else {
			uint32_t i = model_from(&h->model, at);

			end = i < h->model.nb && h->model.runs[i].iova - 1 < last
				      ? h->model.runs[i].iova - 1 : last;
			run = fresh(h, at, end - at + 1, pa + (at - iova), prot);
		}
		model_set(&h->model, &run);
		at = end + 1;
	}
	return at - iova;
}

/* What the library said about a map that ended before its end. */
static void
judge_map(struct history *h, int ret, uint64_t iova, uint64_t pa, uint64_t done, uint64_t len)
{
	const struct model_run *run = model_at(&h->model, iova + done);
	bool leads = run != NULL && !run->busy && model_pa(run, iova + done) == pa + done;
	struct hw_leaf leaf;

	if (done >= len) {
		history_fail(h, "map: %d, but all was done", ret);
		return;
	}
	switch (ret) {
	case -EEXIST:
		h->events[EVENT_EXIST]++;
		if (run == NULL || run->busy || leads)
			history_fail(h, "map: exists at 0x%" PRIx64 ", but does not", iova + done);
		break;
	case -EAGAIN:
		h->events[EVENT_AGAIN]++;
		if (run == NULL || !run->busy)
			history_fail(h, "map: busy at 0x%" PRIx64 ", but is not", iova + done);
		break;
	case -ENOMEM:
		history_check_no_memory(h);
		break;
	case -EBUSY:
		/* access to a part of a large leaf that must not be split here */
		if (hw_walk(&h->cpu, iova + done, &leaf) != HW_LEAF || leaf.level == 1 || !leads ||
		    (h->conf.flags & UIOMMU_PGTABLE_BREAK_FIRST) == 0)
			history_fail(h, "map: cannot be split, but can");
		break;
	default:
		history_fail(h, "map: %d", ret);
	}
}

/* The largest leaf that could be made at an address of the range; 0: something is there. */
static uint64_t
largest(const struct history *h, uint64_t at, uint64_t iova, uint64_t pa, uint64_t len)
{
	uint64_t size, start, best = 0;
	struct hw_leaf leaf;
	uint32_t level;

	if (hw_walk(&h->cpu, at, &leaf) != HW_ABSENT || leaf.value != 0)
		return 0;
	for (level = 1; level <= leaf.level; level++) {
		size = UINT64_C(1) << hw_shift(&h->cpu, level);
		start = at & ~(size - 1);
		if ((h->cpu.leaf_sizes & size) != 0 && start >= iova &&
		    start - iova <= len - size && size <= len &&
		    ((pa + (start - iova)) & (size - 1)) == 0)
			best = size;
	}
	return best;
}

void
step_map(struct history *h)
{
	uint64_t iova, len, pa, done = UINT64_MAX, modelled, at[SAMPLES], size[SAMPLES];
	uint32_t prot = history_prot(h), i;
	struct uiommu_pgtable_leaf leaf;
	int ret;

	history_range(h, &iova, &len);
	pa = history_pa(h, iova);
	if (!history_valid(h, iova, len)) {
		if (uiommu_pgtable_map(h->pt, iova, pa, len, prot, &done) != -EINVAL)
			history_fail(h, "map 0x%" PRIx64 "+0x%" PRIx64 " beyond", iova, len);
		return;
	}
	for (i = 0; i < SAMPLES; i++) {
		at[i] = iova + history_below(h, len);
		size[i] = largest(h, at[i], iova, pa, len);
	}
	ret = uiommu_pgtable_map(h->pt, iova, pa, len, prot, &done);
	if (done > len || done % history_page(h) != 0 || (ret == 0 && done != len)) {
		history_fail(h, "map: %d, done 0x%" PRIx64 " of 0x%" PRIx64, ret, done, len);
		return;
	}
	modelled = model_map(h, iova, pa, done, prot);
	if (modelled != done)
		history_fail(h, "map 0x%" PRIx64 "+0x%" PRIx64 ": went over 0x%" PRIx64, iova, len,
			     iova + modelled);
	if (ret != 0)
		judge_map(h, ret, iova, pa, done, len);
	for (i = 0; i < SAMPLES && ret == 0; i++)
		if (size[i] != 0 && (uiommu_pgtable_walk(h->pt, at[i], &leaf) != 0 ||
				     leaf.size != size[i]))
			history_fail(h, "map 0x%" PRIx64 "+0x%" PRIx64 " to 0x%" PRIx64
				     ": leaf at 0x%" PRIx64 " is no 0x%" PRIx64, iova, len, pa,
				     at[i], size[i]);
	compare_around(h, iova, len);
}

void
step_map_pages(struct history *h)
{
	uint32_t nb = (uint32_t)(1 + history_below(h, CHUNK)), prot = history_prot(h), done = ~0U;
	uint64_t page = history_page(h), iova, len, pa[CHUNK], first;
	uint32_t i;
	int ret;

	if (history_percent(h, 70))
		nb = 1 + nb % 40;
	history_range(h, &iova, &len);
	len = nb * page;
	if (!history_valid(h, iova, len))
		return;
	first = history_pa(h, iova);
	for (i = 0; i < nb; i++)
		pa[i] = history_percent(h, 90) ? first + i * page : history_pa(h, iova + i * page);
	ret = uiommu_pgtable_map_pages(h->pt, iova, pa, nb, prot, &done);
	if (done > nb || (ret == 0) != (done == nb)) {
		history_fail(h, "map_pages: %d, done %u of %u", ret, done, nb);
		return;
	}
	for (i = 0; i < done; i++)
		if (model_map(h, iova + i * page, pa[i], page, prot) != page)
			history_fail(h, "map_pages: went over 0x%" PRIx64, iova + i * page);
	if (ret != 0)
		judge_map(h, ret, iova + done * page, pa[done], 0, page);
	compare_around(h, iova, len);
}

/* What an entry is, for somebody who wants to reserve it. */
static int
reservable(const struct history *h, uint64_t iova, uint32_t level)
{
	struct hw_leaf leaf;

	if (hw_walk(&h->cpu, iova, &leaf) == HW_LEAF || leaf.level < level)
		return -EEXIST;
	return leaf.value == 0 ? 0 : -EAGAIN;
}

void
step_reserve(struct history *h)
{
	uint32_t level = history_percent(h, 75) ? 1 : 2, shift = hw_shift(&h->unit, level);
	uint32_t nb = (uint32_t)(1 + history_below(h, RESERVE_MAX)), able, got;
	int ret, why = 0;
	uint64_t size = UINT64_C(1) << shift, iova;

	iova = history_iova(h) & ~(size - 1);
	if ((h->unit.leaf_sizes & size) == 0 || !history_valid(h, iova, nb * size) ||
	    h->nb_pending == PENDING_MAX) {
		ret = uiommu_pgtable_reserve(h->pt, iova, shift, nb);
		if ((h->unit.leaf_sizes & size) == 0 && ret != -EINVAL)
			history_fail(h, "reserve: %d for a size that is not there", ret);
		else if (ret > 0)
			history_fail(h, "reserve beyond the end: %d", ret);
		return;
	}
	for (able = 0; able < nb && why == 0; able += why == 0)
		why = reservable(h, iova + able * size, level);
	ret = uiommu_pgtable_reserve(h->pt, iova, shift, nb);
	got = ret < 0 ? 0 : (uint32_t)ret;
	if (got > able || (ret < 0 && ret != -ENOMEM && (able != 0 || ret != why)) || ret == 0)
		history_fail(h, "reserve 0x%" PRIx64 " shift %u: %d, wanted %u or %d", iova, shift,
			     ret, able, why);
	else if (got < able)
		history_check_no_memory(h);
	if (got == 0 || h->failed)
		return;
	model_set(&h->model, &(struct model_run){.iova = iova, .last = iova + (got * size - 1),
						 .busy = true, .shift = shift});
	h->pending[h->nb_pending++] = (struct pending){iova, shift, got};
	compare_around(h, iova, got * size);
}

/* The last entries of one that is pending. */
static void
commit(struct history *h, uint32_t which, bool give_up)
{
	struct pending *p = &h->pending[which];
	uint64_t size = UINT64_C(1) << p->shift, pa[CHUNK], iova, low = size - 1;
	uint32_t nb = p->nb < CHUNK ? p->nb : CHUNK, prot = history_prot(h), i;

	if (!give_up && history_percent(h, 50))
		nb = 1 + (uint32_t)history_below(h, nb);
	p->nb -= nb;
	iova = p->iova + p->nb * size;
	for (i = 0; i < nb; i++) {
		uint64_t at = iova + i * size;
		struct model_run run;

		pa[i] = history_pa(h, at) & ~low;
		if (give_up || history_percent(h, 20)) {
			pa[i] = UIOMMU_PA_NONE;
			model_clear(&h->model, at, at + low);
			continue;
		}
		run = fresh(h, at, size, pa[i], prot);
		model_set(&h->model, &run);
	}
	uiommu_pgtable_commit(h->pt, iova, p->shift, nb, pa, prot);
	if (p->nb == 0)
		*p = h->pending[--h->nb_pending];
	compare_around(h, iova, nb * size);
}

void
step_commit(struct history *h)
{
	uint32_t i;

	for (i = 0; i < 3 && h->nb_pending != 0; i++)
		commit(h, (uint32_t)history_below(h, h->nb_pending), history_percent(h, 30));
}

void
history_settle(struct history *h)
{
	while (h->nb_pending != 0)
		commit(h, h->nb_pending - 1, history_percent(h, 70));
}

void
step_exchange(struct history *h)
{
	uint64_t page = history_page(h), iova = history_iova(h), old, pa;
	const struct model_run *run = model_at(&h->model, iova);
	uint32_t prot = history_prot(h);
	struct model_run now;
	struct hw_leaf leaf;
	int ret, wanted = 0;

	if (!history_valid(h, iova, page))
		return;
	pa = history_pa(h, iova);
	old = run != NULL && !run->busy && history_percent(h, 80) ? model_pa(run, iova)
								  : history_pa(h, iova);
	if (run == NULL || run->busy || model_pa(run, iova) != old)
		wanted = -EAGAIN;
	else if (hw_walk(&h->cpu, iova, &leaf) != HW_LEAF || leaf.level != 1)
		wanted = -ENOTSUP;
	ret = uiommu_pgtable_exchange(h->pt, iova, old, pa, prot, &h->gather);
	if ((h->conf.flags & UIOMMU_PGTABLE_BREAK_FIRST) != 0)
		wanted = -ENOTSUP;
	/* of a large leaf, either may be said first */
	if (ret != wanted && !(ret == -ENOTSUP && wanted == -EAGAIN && run != NULL && !run->busy &&
			       hw_walk(&h->cpu, iova, &leaf) == HW_LEAF && leaf.level != 1))
		history_fail(h, "exchange 0x%" PRIx64 ": %d, wanted %d", iova, ret, wanted);
	if (ret != 0 || h->failed)
		return;
	now = fresh(h, iova, page, pa, prot);
	model_set(&h->model, &now);
	compare_at(h, iova);
}

void
step_access(struct history *h)
{
	uint32_t nb = 1 + (uint32_t)history_below(h, 12), i;
	struct hw_leaf leaf;

	/* who is not told of a split keeps on marking the large leaf: sizes agree again later */
	for (i = 0; i < nb && !h->failed; i++) {
		uint64_t iova = history_iova(h) + history_below(h, history_page(h));
		const struct model_run *run = model_at(&h->model, iova);
		bool write = history_percent(h, 50), walked;
		uint32_t from, to;
		enum hw_result result;

		result = tlb_access(&h->tlb, &h->unit, iova, write, &leaf, &walked);
		h->events[EVENT_TLB_HIT] += !walked;
		if (!walked)
			continue;
		if (result == HW_BROKEN)
			history_fail(h, "access to 0x%" PRIx64 ": %s", iova, leaf.why);
		if ((result == HW_LEAF) !=
		    (run != NULL && !run->busy &&
		     (run->prot & (write ? UIOMMU_PROT_WRITE : UIOMMU_PROT_READ)) != 0))
			history_fail(h, "access to 0x%" PRIx64 ": %s", iova,
				     result == HW_LEAF ? "granted" : "refused");
		if (result != HW_LEAF || h->unit.presets || h->failed)
			continue;
		model_cut(&h->model, leaf.iova, leaf.iova + (leaf.size - 1), &from, &to);
		for (; from < to; from++) {
			h->model.runs[from].accessed = true;
			h->model.runs[from].dirty |= write;
		}
		model_join(&h->model);
		compare_at(h, iova);
	}
}

/* Calls that must be refused, and change nothing. */
void
step_invalid(struct history *h)
{
	uint64_t page = history_page(h), iova = history_iova(h), pa, done, one[1];
	uint32_t prot = UIOMMU_PROT_READ;

	if (!history_valid(h, iova, page))
		return;
	pa = one[0] = history_pa(h, iova);
	if (uiommu_pgtable_map(h->pt, iova + 1, pa, page, prot, &done) != -EINVAL ||
	    uiommu_pgtable_map(h->pt, iova, pa + 8, page, prot, &done) != -EINVAL ||
	    uiommu_pgtable_map(h->pt, iova, pa, page - 1, prot, &done) != -EINVAL ||
	    uiommu_pgtable_map(h->pt, iova, pa, page, 0, &done) != -EINVAL ||
	    uiommu_pgtable_map(h->pt, iova, UINT64_C(1) << h->unit.pa_bits, page, prot, &done) !=
		    -EINVAL ||
	    uiommu_pgtable_map_pages(h->pt, iova + 1, one, 1, prot, NULL) != -EINVAL ||
	    uiommu_pgtable_reserve(h->pt, iova, 5, 1) != -EINVAL ||
	    uiommu_pgtable_unmap(h->pt, iova, page + 1, 0, &h->gather, NULL, NULL, NULL) !=
		    -EINVAL ||
	    uiommu_pgtable_protect(h->pt, iova + 1, page, prot, &h->gather) != -EINVAL)
		history_fail(h, "a bad call at 0x%" PRIx64 " was not refused", iova);
	if (h->v->format != UIOMMU_PGTABLE_VTD_SECOND &&
	    uiommu_pgtable_map(h->pt, iova, pa, page, UIOMMU_PROT_WRITE, &done) != -EINVAL)
		history_fail(h, "write without read was not refused");
	compare_at(h, iova);
}
