/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Part of each format's file: going down, reading. The including file has before it
 *
 *   FMT_PAGE_SHIFT, FMT_INDEX_BITS   of tables
 *   fmt_present(e)                   e leads somewhere; not so 0 and PT_BUSY
 *   fmt_is_table(e, level)           present, to a table; never at level 0
 *   fmt_table(pa), fmt_table_pa(e)   fmt_table_pa() of a leaf: its address, with what is below it
 *   fmt_attr(flags, prot)            a leaf without its address and size
 *   fmt_leaf(attr, pa, level)
 *   fmt_child(e, pa, level)          of leaf e at level: one that leads to pa, a level below
 *   fmt_prot(e), fmt_accessed(e), fmt_dirty(e)
 *   fmt_with_prot(flags, e, prot)    a leaf with other access; what was used and written stays
 *   fmt_cleared(e, sample)           a leaf without accessed, dirty, by UIOMMU_SAMPLE_*
 *
 * so that each walk is compiled with the layout of its entries as constants.
 */

#define PT_ENTRIES (UINT64_C(1) << FMT_INDEX_BITS)

static inline unsigned int
pt_shift(unsigned int level)
{
	return FMT_PAGE_SHIFT + level * FMT_INDEX_BITS;
}

/* What an entry covers. */
static inline uint64_t
pt_span(unsigned int level)
{
	return UINT64_C(1) << pt_shift(level);
}

/* Where a leaf leads. The lowest bits of a large one's address may hold attributes. */
static inline uint64_t
pt_leaf_pa(uint64_t e, unsigned int level)
{
	return fmt_table_pa(e) & ~(pt_span(level) - 1);
}

static inline uint64_t
pt_index(uint64_t pos, unsigned int level)
{
	return pos >> pt_shift(level) & (PT_ENTRIES - 1);
}

/* Where the entry after that of pos begins, at most end. */
static inline uint64_t
pt_next(uint64_t pos, uint64_t end, unsigned int level)
{
	uint64_t next = (pos | (pt_span(level) - 1)) + 1;

	return next < end ? next : end;
}

static inline bool
pt_whole(uint64_t pos, uint64_t next, unsigned int level)
{
	return next - pos == pt_span(level);
}

static inline uint64_t *
pt_table_of(const struct uiommu_pgtable *pt, uint64_t e)
{
	return pgpool_va(pt->pool, fmt_table_pa(e));
}

/* The entry that decides about pos: a leaf, or none. */
static inline uint64_t *
pt_find(const struct uiommu_pgtable *pt, uint64_t pos, uint64_t *entry, unsigned int *level)
{
	unsigned int at = pt->top;
	uint64_t *slot = &pt->root[pt_index(pos, at)];
	uint64_t e = pt_load(slot);

	while (fmt_is_table(e, at)) {
		at--;
		slot = &pt_table_of(pt, e)[pt_index(pos, at)];
		e = pt_load(slot);
	}
	*entry = e;
	*level = at;
	return slot;
}

static inline void
pt_leaf_fill(struct uiommu_pgtable_leaf *leaf, uint64_t base, uint64_t pos, uint64_t e,
	     unsigned int level)
{
	leaf->iova = base + (pos & ~(pt_span(level) - 1));
	leaf->size = pt_span(level);
	leaf->busy = e == PT_BUSY;
	leaf->pa = leaf->busy ? UIOMMU_PA_NONE : pt_leaf_pa(e, level);
	leaf->prot = leaf->busy ? 0 : fmt_prot(e);
	leaf->accessed = !leaf->busy && fmt_accessed(e);
	leaf->dirty = !leaf->busy && fmt_dirty(e);
}

static int
pt_walk(const struct uiommu_pgtable *pt, uint64_t pos, struct uiommu_pgtable_leaf *leaf)
{
	unsigned int level;
	uint64_t e;

	pt_find(pt, pos, &e, &level);
	if (e == 0)
		return -ENOENT;
	pt_leaf_fill(leaf, 0, pos, e, level);
	return leaf->busy ? -EAGAIN : 0;
}

struct pt_visit {
	const struct uiommu_pgtable *pt;
	uint64_t base;
	uiommu_pgtable_leaf_t leaf_fn;
	void *leaf_priv;
};

static void
pt_iterate_table(const struct pt_visit *visit, const uint64_t *table, unsigned int level,
		 uint64_t pos, uint64_t end)
{
	uint64_t next;

	for (; pos < end; pos = next) {
		uint64_t e = pt_load(&table[pt_index(pos, level)]);
		struct uiommu_pgtable_leaf leaf;

		next = pt_next(pos, end, level);
		if (e == 0)
			continue;
		if (fmt_is_table(e, level)) {
			pt_iterate_table(visit, pt_table_of(visit->pt, e), level - 1, pos, next);
			continue;
		}
		pt_leaf_fill(&leaf, visit->base, pos, e, level);
		visit->leaf_fn(visit->leaf_priv, &leaf);
	}
}

static void
pt_iterate(const struct uiommu_pgtable *pt, uint64_t base, uint64_t pos, uint64_t len,
	   uiommu_pgtable_leaf_t leaf_fn, void *leaf_priv)
{
	const struct pt_visit visit = {pt, base, leaf_fn, leaf_priv};

	pt_iterate_table(&visit, pt->root, pt->top, pos, pos + len);
}

/* Others may have written the entries to pos, and not yet flushed them. */
static void
pt_flush_path(const struct uiommu_pgtable *pt, uint64_t pos)
{
	const uint64_t *table = pt->root;
	unsigned int level;

	for (level = pt->top;; level--) {
		const uint64_t *slot = &table[pt_index(pos, level)];
		uint64_t e = pt_load(slot);

		pt_flush(pt, slot, 1);
		if (!fmt_is_table(e, level))
			return;
		table = pt_table_of(pt, e);
	}
}

static inline bool
pt_allows(uint64_t e, uint32_t prot)
{
	return fmt_present(e) && (~fmt_prot(e) & prot & UIOMMU_PROT_ALL) == 0;
}

/* ------------------------------------------------------------------ many at once */

/* What absent walks end in. */
static const uint64_t pt_nothing;

/* A batch of walks, all in tables of one height. */
struct pt_batch {
	const uint64_t *slots[PT_CHECK_MAX];
	const struct uiommu_pgpool *pool; /* of all tables; NULL: they have several */
	uint64_t delta;  /* of the pool, where all its memory has one */
	uint64_t ended;  /* a bit for each walk that came to its leaf above level 0 */
};

/*
 * e: loaded with acquire, and before this looks whether all memory is alike: memory that is not may
 * have been added since the batch began, and the table may be of it.
 */
static inline const uint64_t *
pt_batch_table(const struct pt_batch *batch, const struct uiommu_pgtable *pt, uint64_t e)
{
	if (batch->pool != NULL && __atomic_load_n(&batch->pool->linear, __ATOMIC_RELAXED) != 0)
		return (const uint64_t *)(uintptr_t)(fmt_table_pa(e) + batch->delta);
	return pt_table_of(pt, e);
}

/* A walk that ends above level 0: a large leaf, or nothing. */
static inline void
pt_batch_end(struct pt_batch *batch, unsigned int i, uint64_t e, uint32_t prot, uint8_t *present)
{
	if ((batch->ended >> i & 1) != 0)
		return;
	*present = pt_allows(e, prot);
	batch->ended |= UINT64_C(1) << i;
	batch->slots[i] = &pt_nothing;
}

/* From entries of a level to those of the level below. */
static inline void
pt_batch_down(struct pt_batch *batch, struct uiommu_pgtable *const *pts, const uint64_t *iovas,
	      const uint8_t *prot, uint8_t *present, unsigned int nb, unsigned int level)
{
	unsigned int i;

	for (i = 0; i < nb; i++) {
		uint64_t e = pt_load(batch->slots[i]);

		if (__builtin_expect(!fmt_is_table(e, level), 0)) {
			pt_batch_end(batch, i, e, prot[i], &present[i]);
			continue;
		}
		batch->slots[i] = pt_batch_table(batch, pts[i], e) + pt_index(iovas[i], level - 1);
		__builtin_prefetch(batch->slots[i]);
	}
}

/* From entries of level 1 to the pages. */
static inline void
pt_batch_walk(struct pt_batch *batch, struct uiommu_pgtable *const *pts, const uint64_t *iovas,
	      const uint8_t *prot, uint8_t *present, unsigned int nb)
{
	unsigned int i;

	pt_batch_down(batch, pts, iovas, prot, present, nb, 1);
	for (i = 0; i < nb; i++) {
		uint8_t there = pt_allows(pt_load(batch->slots[i]), prot[i]);

		if (__builtin_expect((batch->ended >> i & 1) == 0, 1))
			present[i] = there;
	}
}

/* Roots. Addresses beyond the table end here. */
static inline void
pt_batch_begin(struct pt_batch *batch, struct uiommu_pgtable *const *pts, const uint64_t *iovas,
	       uint8_t *present, unsigned int nb)
{
	const struct uiommu_pgpool *pool = pts[0]->pool;
	const unsigned int top = pts[0]->top;
	unsigned int i;

	batch->ended = 0;
	batch->pool = pool;
	batch->delta = pool->delta;
	for (i = 0; i < nb; i++) {
		const struct uiommu_pgtable *pt = pts[i];

		if (__builtin_expect((iovas[i] + pt->bias) >> pt->va_bits != 0, 0)) {
			batch->slots[i] = &pt_nothing;
			batch->ended |= UINT64_C(1) << i;
			present[i] = 0;
			continue;
		}
		batch->pool = pt->pool == pool ? batch->pool : NULL;
		batch->slots[i] = &pt->root[pt_index(iovas[i], top)];
		__builtin_prefetch(batch->slots[i]);
	}
}

/*
 * Entries of level 1, where all walks go by a table that was found before. What a table covers is
 * all of the address above it, so an address that matches is one of the table.
 */
static inline bool
pt_batch_near(struct pt_batch *batch, struct uiommu_pgtable *const *pts,
	      struct uiommu_pgtable_hint *const *hints, const uint64_t *iovas, unsigned int nb)
{
	const struct uiommu_pgpool *pool = pts[0]->pool;
	uint64_t differs = 0;
	unsigned int i;

	batch->ended = 0;
	batch->pool = pool;
	batch->delta = pool->delta;
	for (i = 0; i < nb; i++) {
		const struct uiommu_pgtable_hint *hint = hints[i];

		differs |= hint->area ^ iovas[i] >> pt_shift(2);
		/* pairs with the store in take_out(): what was found before that is not used */
		differs |= hint->generation ^
			   __atomic_load_n(&pts[i]->generation, __ATOMIC_ACQUIRE);
		batch->pool = pts[i]->pool == pool ? batch->pool : NULL;
		/* may be no table at all: then it is not used */
		batch->slots[i] = (const uint64_t *)((uintptr_t)hint->table +
						     pt_index(iovas[i], 1) * sizeof(uint64_t));
		__builtin_prefetch(batch->slots[i]);
	}
	return differs == 0;
}

/* Before a walk from the root: whatever is taken out from now on makes the hint worthless. */
static inline void
pt_hints_begin(struct uiommu_pgtable *const *pts, struct uiommu_pgtable_hint *const *hints,
	       unsigned int nb)
{
	unsigned int i;

	for (i = 0; i < nb; i++) {
		hints[i]->area = UINT64_MAX;
		hints[i]->table = NULL;
		/* pairs with the store in take_out() */
		hints[i]->generation = __atomic_load_n(&pts[i]->generation, __ATOMIC_ACQUIRE);
	}
}

/* Walks stand at level 1. */
static inline void
pt_hints_set(const struct pt_batch *batch, struct uiommu_pgtable_hint *const *hints,
	     const uint64_t *iovas, unsigned int nb)
{
	unsigned int i;

	for (i = 0; i < nb; i++) {
		if ((batch->ended >> i & 1) != 0)
			continue;
		hints[i]->area = iovas[i] >> pt_shift(2);
		hints[i]->table = batch->slots[i] - pt_index(iovas[i], 1);
	}
}

/* From the roots. */
static inline void
pt_check_far(struct pt_batch *batch, struct uiommu_pgtable *const *pts,
	     struct uiommu_pgtable_hint *const *hints, const uint64_t *iovas, const uint8_t *prot,
	     uint8_t *present, unsigned int nb)
{
	const unsigned int top = pts[0]->top;
	unsigned int level;

	if (hints != NULL)
		pt_hints_begin(pts, hints, nb);
	pt_batch_begin(batch, pts, iovas, present, nb);
	for (level = top; level > 1; level--)
		pt_batch_down(batch, pts, iovas, prot, present, nb, level);
	if (hints != NULL)
		pt_hints_set(batch, hints, iovas, nb);
	pt_batch_walk(batch, pts, iovas, prot, present, nb);
}

/* nb up to PT_CHECK_MAX tables of this format, of one height. */
static void
pt_check(struct uiommu_pgtable *const *pts, struct uiommu_pgtable_hint *const *hints,
	 const uint64_t *iovas, const uint8_t *prot, uint8_t *present, unsigned int nb)
{
	struct pt_batch batch;
	unsigned int i;

	if (hints != NULL && pt_batch_near(&batch, pts, hints, iovas, nb))
		pt_batch_walk(&batch, pts, iovas, prot, present, nb);
	else
		pt_check_far(&batch, pts, hints, iovas, prot, present, nb);
	if (__builtin_expect(pts[0]->flush == NULL, 1))
		return;
	for (i = 0; i < nb; i++)
		if (present[i] != 0)
			pt_flush_path(pts[i], pt_pos(pts[i], iovas[i]));
}
