/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <stdarg.h>

#include "pgtable_history.h"

#define FRAMES_MAX 32
#define OTHER_IOVA UINT64_C(0x40000000)
#define TABLES_PA UINT64_C(0x40000000)
#define COMPARE_EACH 256

/* Memory for tables, and the copy that a unit without snooping sees. */
static _Alignas(2 << 20) uint8_t arena[HISTORY_AREAS * AREA_BYTES];
static _Alignas(2 << 20) uint8_t copy[HISTORY_AREAS * AREA_BYTES];

static const struct {
	void (*run)(struct history *h);
	uint32_t weight;
	const char *name;
} steps[NB_STEPS] = {
	[STEP_MAP] = {step_map, 24, "map"},
	[STEP_MAP_PAGES] = {step_map_pages, 7, "map_pages"},
	[STEP_RESERVE] = {step_reserve, 6, "reserve"},
	[STEP_COMMIT] = {step_commit, 9, "commit"},
	[STEP_EXCHANGE] = {step_exchange, 4, "exchange"},
	[STEP_UNMAP] = {step_unmap, 14, "unmap"},
	[STEP_UNMAP_BUSY] = {step_unmap_busy, 3, "unmap, busy"},
	[STEP_PROTECT] = {step_protect, 6, "protect"},
	[STEP_SAMPLE] = {step_sample, 4, "sample"},
	[STEP_TRIM] = {step_trim, 3, "trim"},
	[STEP_ACCESS] = {step_access, 10, "access"},
	[STEP_FLUSH] = {step_flush, 9, "flush"},
	[STEP_INVALID] = {step_invalid, 1, "invalid calls"},
};

void
history_fail(struct history *h, const char *format, ...)
{
	char text[256];
	va_list args;

	if (h->failed)
		return;
	h->failed = true;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	printf("# %s, seed 0x%" PRIx64 ", step %" PRIu64 " (%s): %s\n", h->v->name, h->seed,
	       h->step, steps[h->doing].name, text);
	printf("# levels %u, page 2^%u, pa %u bits, leaf sizes 0x%" PRIx64 ", flags 0x%" PRIx64
	       "%s, pages_max %u\n", h->unit.levels, h->unit.page_shift, h->unit.pa_bits,
	       h->unit.leaf_sizes, h->conf.flags,
	       h->conf.invalidate != NULL ? " with invalidate" : "", h->conf.pages_max);
}

/* Word by word: what is there meanwhile is never a half. */
static void
on_flush(void *priv, const void *va, size_t len)
{
	size_t at = (size_t)((const uint8_t *)va - arena), i;
	struct history *h = priv;

	if (at >= sizeof(arena) || at + len > sizeof(arena) || at % 8 != 0 || len % 8 != 0) {
		history_fail(h, "flush: %p is no memory of tables", va);
		return;
	}
	for (i = 0; i < len; i += 8)
		memcpy(&copy[at + i], &arena[at + i], 8);
}

/* Break before make: at this moment the unit must find nothing. */
static void
on_invalidate(void *priv, uint64_t iova, uint64_t len)
{
	struct history *h = priv;
	struct hw_leaf leaf;

	if (!history_valid(h, iova, len) || hw_walk(&h->unit, iova, &leaf) != HW_ABSENT)
		history_fail(h, "invalidate 0x%" PRIx64 "+0x%" PRIx64 ": still there", iova, len);
	h->events[EVENT_SPLIT]++;
	tlb_forget(&h->tlb, iova, iova + (len - 1), false);
}

/* Pages in areas of different distance, or of one, to what the processor sees. */
static int
pool_begin(struct history *h)
{
	uint32_t shift = h->v->page_shift, kind = (uint32_t)history_below(h, 10), i;
	uint32_t nb = kind < 3 ? 14 + (uint32_t)history_below(h, 30)
			       : kind < 8 ? 44 + (uint32_t)history_below(h, 110)
					  : 150 + (uint32_t)history_below(h, 450);
	bool linear = history_percent(h, 40);
	size_t bytes, start;
	uint64_t pa;

	h->pool_mem = aligned_alloc(64, (uiommu_pgpool_size(FRAMES_MAX, shift) + 63) & ~63UL);
	if (h->pool_mem == NULL)
		return -1;
	h->pool = uiommu_pgpool_init(h->pool_mem, FRAMES_MAX, shift);
	for (i = 0; i < HISTORY_AREAS; i++) {
		start = i * AREA_BYTES + (history_below(h, 16) << shift);
		bytes = (size_t)(nb / HISTORY_AREAS + 1) << shift;
		if (bytes > AREA_BYTES - ((size_t)16 << shift))
			bytes = AREA_BYTES - ((size_t)16 << shift);
		pa = TABLES_PA + start;
		if (!linear)
			pa = TABLES_PA + ((i * 2 + 1) % HISTORY_AREAS) * UINT64_C(0x10000000) +
			     (history_below(h, 500) << shift);
		/* what was there before must not matter */
		memset(arena + start, 0xff, bytes);
		memset(copy + start, 0xff, bytes);
		h->memory.areas[i] = (struct hw_area){pa, bytes, arena + start};
		h->seen.areas[i] = h->memory.areas[i];
		if (uiommu_pgpool_add(h->pool, arena + start, pa, bytes) != 0)
			history_fail(h, "pool_add");
	}
	h->memory.nb_areas = h->seen.nb_areas = HISTORY_AREAS;
	return 0;
}

static uint64_t
all_leaf_sizes(const struct hw_table *t)
{
	uint64_t sizes = (UINT64_C(1) << hw_shift(t, 1)) | (UINT64_C(1) << hw_shift(t, 2));

	return t->page_shift == 12 ? sizes | UINT64_C(1) << hw_shift(t, 3) : sizes;
}

static void
choose_conf(struct history *h)
{
	static const uint32_t pa_bits[] = {0, 0, 40, 46, 48};
	struct uiommu_pgtable_conf *conf = &h->conf;
	struct hw_table *t = &h->unit;
	uint32_t default_bits = h->v->format == UIOMMU_PGTABLE_ARM_LPAE ? 48 : 52;
	bool is_default = h->v->levels == (h->v->page_shift == 16 ? 3U : 4U);

	*conf = (struct uiommu_pgtable_conf){.size = sizeof(*conf), .format = h->v->format,
					     .pool = h->pool, .hook_priv = h};
	conf->levels = is_default && history_percent(h, 30) ? 0 : h->v->levels;
	conf->page_shift = h->v->page_shift == 12 && history_percent(h, 50) ? 0 : h->v->page_shift;
	conf->pa_bits = pa_bits[history_below(h, 5)];
	*t = (struct hw_table){.memory = &h->seen, .format = h->v->format,
			       .levels = h->v->levels, .page_shift = h->v->page_shift,
			       .pa_bits = conf->pa_bits == 0 ? default_bits : conf->pa_bits};
	t->leaf_sizes = all_leaf_sizes(t);
	if (history_percent(h, 40)) {
		conf->leaf_sizes = history_random(h) & t->leaf_sizes;
		if (conf->leaf_sizes != 0)
			t->leaf_sizes = conf->leaf_sizes | history_page(h);
		/* no size without the one below it */
		if ((t->leaf_sizes & UINT64_C(1) << hw_shift(t, 2)) == 0)
			t->leaf_sizes = history_page(h);
	}
	if (history_percent(h, 20))
		conf->pages_max = h->v->levels + (uint32_t)history_below(h, 20);
	if (history_percent(h, 30))
		conf->flags |= UIOMMU_PGTABLE_NO_AD;
	if (history_percent(h, 25)) {
		/* marks of the unit would be in its copy only */
		conf->flags |= UIOMMU_PGTABLE_NONCOHERENT | UIOMMU_PGTABLE_NO_AD;
		conf->flush = on_flush;
		h->seen.areas[0].va += copy - arena;
		h->seen.areas[1].va += copy - arena;
		h->seen.areas[2].va += copy - arena;
	}
	if (history_percent(h, 25)) {
		conf->flags |= UIOMMU_PGTABLE_BREAK_FIRST;
		conf->invalidate = history_percent(h, 70) ? on_invalidate : NULL;
	}
	if (h->v->format == UIOMMU_PGTABLE_VTD_SECOND && history_percent(h, 50))
		conf->flags |= UIOMMU_PGTABLE_SNOOP;
	t->presets = (conf->flags & UIOMMU_PGTABLE_NO_AD) != 0;
	t->snoop = (conf->flags & UIOMMU_PGTABLE_SNOOP) != 0;
}

static void
choose_places(struct history *h)
{
	uint64_t mid = UINT64_C(1) << hw_shift(&h->unit, 2);
	uint64_t big = UINT64_C(1) << hw_shift(&h->unit, 3);
	uint64_t half = UINT64_C(1) << (hw_width(&h->unit) - 1);
	uint64_t places[] = {mid * (1 + history_below(h, 60)), big,
			     hw_is_signed(&h->unit) ? half : half * 2,
			     hw_is_signed(&h->unit) ? -half : half, 0};
	uint32_t i;

	h->nb_spots = 1 + (uint32_t)history_below(h, SPOTS_MAX);
	for (i = 0; i < h->nb_spots; i++)
		h->spots[i] = places[history_below(h, 5)];
	h->deltas[0] = 0;
	h->deltas[1] = h->v->page_shift == 12 ? 4 * big : 8 * mid;
	h->deltas[2] = 3 * mid;
	h->deltas[3] = (1 + history_below(h, 5)) * history_page(h);
}

/* A few read-only pages in a table of another format. */
static int
other_begin(struct history *h)
{
	struct uiommu_pgtable_conf conf = {.size = sizeof(conf), .pool = h->pool,
					   .format = UIOMMU_PGTABLE_ARM_LPAE,
					   .page_shift = h->v->page_shift};
	uint64_t done = 0;

	if (h->v->page_shift == 12)
		conf.format = (h->v->format + 1 + (uint32_t)history_below(h, 3)) %
			      UIOMMU_PGTABLE_FORMATS;
	if (uiommu_pgtable_init(h->other, &conf) != 0)
		return -1;
	uiommu_pgtable_map(h->other, OTHER_IOVA, 0, 20 * history_page(h), UIOMMU_PROT_READ, &done);
	h->other_pages = (uint32_t)(done >> h->v->page_shift);
	return 0;
}

int
history_begin(struct history *h, const struct variant *v, uint64_t seed)
{
	size_t size = (uiommu_pgtable_size() + 63) & ~63UL;

	h->v = v;
	h->seed = seed;
	h->random = seed * 2 + 1;
	history_random(h);
	model_init(&h->model);
	tlb_clear(&h->tlb);
	uiommu_pgtable_gather_init(&h->gather);
	h->pt = aligned_alloc(64, size);
	h->other = aligned_alloc(64, size);
	if (h->pt == NULL || h->other == NULL || pool_begin(h) < 0)
		return -1;
	choose_conf(h);
	choose_places(h);
	if (uiommu_pgtable_init(h->pt, &h->conf) != 0) {
		history_fail(h, "init");
		return -1;
	}
	h->unit.root = uiommu_pgtable_root(h->pt);
	h->cpu = h->unit;
	h->cpu.memory = &h->memory;
	if (uiommu_pgtable_leaf_sizes(h->pt) != h->unit.leaf_sizes)
		history_fail(h, "leaf sizes 0x%" PRIx64, uiommu_pgtable_leaf_sizes(h->pt));
	return other_begin(h);
}

void
history_step(struct history *h)
{
	uint32_t sum = 0, pick, i;

	for (i = 0; i < NB_STEPS; i++)
		sum += steps[i].weight;
	pick = (uint32_t)history_below(h, sum);
	for (i = 0; pick >= steps[i].weight; i++)
		pick -= steps[i].weight;
	h->doing = (enum step)i;
	h->steps_by[i]++;
	steps[i].run(h);
	if (!h->failed && history_percent(h, 15))
		compare_burst(h);
	h->step++;
	if (h->step % COMPARE_EACH == 0)
		compare_all(h);
}

static bool
all_zero(const struct hw_memory *memory)
{
	uint32_t i;
	size_t at;

	for (i = 0; i < memory->nb_areas; i++)
		for (at = 0; at < memory->areas[i].size; at++)
			if (memory->areas[i].va[at] != 0)
				return false;
	return true;
}

/* Both halves of the addresses at once. */
static void
empty(struct history *h)
{
	uint64_t half = UINT64_C(1) << (hw_width(&h->unit) - 1), unmapped;
	uint64_t upper = hw_is_signed(&h->unit) ? -half : half;

	history_settle(h);
	if (uiommu_pgtable_unmap(h->pt, 0, half, 0, &h->gather, NULL, NULL, &unmapped) != 0 ||
	    uiommu_pgtable_unmap(h->pt, upper, half, 0, &h->gather, NULL, NULL, NULL) != 0)
		history_fail(h, "unmap of everything");
	model_clear(&h->model, 0, UINT64_MAX);
	step_flush(h);
	compare_all(h);
	if (uiommu_pgtable_pages(h->pt) != 1 && !h->failed)
		history_fail(h, "%u tables are left with nothing in them",
			     uiommu_pgtable_pages(h->pt));
}

void
history_end(struct history *h)
{
	struct uiommu_pgpool_info info = {0};

	h->doing = STEP_FLUSH;
	if (!h->failed) {
		step_flush(h);
		compare_all(h);
	}
	if (!h->failed && history_percent(h, 70))
		empty(h);
	h->events[EVENT_TLB_HIT] += h->tlb.hits;
	if (!h->failed) {
		uiommu_pgtable_fini(h->pt);
		uiommu_pgtable_fini(h->other);
		uiommu_pgpool_info_get(h->pool, &info);
		if (info.nb_used != 0)
			history_fail(h, "%u pages of tables are lost", info.nb_used);
		if (!all_zero(&h->memory))
			history_fail(h, "pages of the pool are not clear");
	}
	model_fini(&h->model);
	free(h->pool_mem);
	free(h->pt);
	free(h->other);
}
