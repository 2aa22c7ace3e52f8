/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Part of each format's file, after pt_map.h: taking translations and tables away. One writer,
 * beside any number of threads that make entries.
 *
 * A table goes in two steps. Each of its entries is exchanged for a busy one, so that whoever holds
 * a pointer to it can add nothing any more; then the entry that leads to it is cleared. An entry
 * that another has reserved stops the first step: what was frozen is made absent again.
 */

static void pt_unmap_table(struct pt_writer *writer, uint64_t *table, unsigned int level,
			   uint64_t pos, uint64_t end);
static bool pt_detach(struct pt_writer *writer, uint64_t *table, unsigned int level, uint64_t pos);

static void
pt_leaf_report(struct pt_writer *writer, uint64_t e, unsigned int level, uint64_t pos)
{
	struct uiommu_pgtable_leaf leaf;

	if (writer->leaf_fn == NULL)
		return;
	pt_leaf_fill(&leaf, writer->base, pos, e, level);
	writer->leaf_fn(writer->leaf_priv, &leaf);
}

static void
pt_leaf_gone(struct pt_writer *writer, uint64_t e, unsigned int level, uint64_t pos)
{
	writer->done += pt_span(level);
	uiommu_pvt_pt_gather_run(writer, pos, pt_span(level));
	pt_leaf_report(writer, e, level, pos);
}

/* A large leaf of which only a part is meant. The unit may hold it as a whole. */
static void
pt_writer_split(struct pt_writer *writer, uint64_t *slot, uint64_t e, unsigned int level,
		uint64_t pos)
{
	uint64_t start = pos & ~(pt_span(level) - 1);

	writer->error = pt_split(writer->pt, slot, e, level, writer->base + start);
	if (writer->error == 0) {
		uiommu_pvt_pt_gather_end(writer);
		uiommu_pgtable_gather_add(writer->gather, writer->base + start, pt_span(level));
	}
}

/* One entry of a table that is to go becomes busy. @return false: it is another's */
static bool
pt_freeze(struct pt_writer *writer, uint64_t *slot, unsigned int level, uint64_t pos)
{
	uint64_t e;

	if (level == 0) {
		e = pt_swap(slot, PT_BUSY);
		if (e == PT_BUSY)
			return false;
		if (e != 0)
			pt_leaf_gone(writer, e, level, pos);
		return true;
	}
	e = pt_load(slot);
	for (;;) {
		if (e == PT_BUSY)
			return false;
		if (fmt_is_table(e, level)) {
			if (!pt_detach(writer, pt_table_of(writer->pt, e), level - 1, pos))
				return false;
			/* hardware may have set bits in it: whatever it is now */
			pt_swap(slot, PT_BUSY);
			uiommu_pvt_pt_take_out(writer, fmt_table_pa(e), pos, pt_span(level));
			return true;
		}
		if (pt_swap_if(slot, &e, PT_BUSY)) {
			if (e != 0)
				pt_leaf_gone(writer, e, level, pos);
			return true;
		}
	}
}

/* @return all entries are frozen; false: what is left is unmapped, and the table stays */
static bool
pt_detach(struct pt_writer *writer, uint64_t *table, unsigned int level, uint64_t pos)
{
	uint64_t i, j;

	for (i = 0; i < PT_ENTRIES; i++)
		if (!pt_freeze(writer, &table[i], level, pos + (i << pt_shift(level))))
			break;
	if (i == PT_ENTRIES)
		return true;
	writer->again = true;
	for (j = 0; j < i; j++)
		pt_publish(&table[j], 0);
	pt_flush(writer->pt, table, i);
	pt_unmap_table(writer, table, level, pos + (i << pt_shift(level)),
		       pos + (PT_ENTRIES << pt_shift(level)));
	return false;
}

/* One entry. @return it was changed */
static bool
pt_unmap_entry(struct pt_writer *writer, uint64_t *slot, unsigned int level, uint64_t pos,
	       uint64_t next)
{
	bool stays_busy = (writer->flags & UIOMMU_UNMAP_BUSY) != 0;
	bool whole = pt_whole(pos, next, level);
	uint64_t e = pt_load(slot), *table;

	while (e != 0 && writer->error == 0) {
		if (e == PT_BUSY) {
			writer->again = true;
			break;
		}
		if (fmt_is_table(e, level)) {
			table = pt_table_of(writer->pt, e);
			if (!whole || stays_busy) {
				pt_unmap_table(writer, table, level - 1, pos, next);
				break;
			}
			if (!pt_detach(writer, table, level - 1, pos))
				break;
			pt_swap(slot, 0);
			uiommu_pvt_pt_take_out(writer, fmt_table_pa(e), pos, pt_span(level));
			return true;
		}
		if (!whole) {
			pt_writer_split(writer, slot, e, level, pos);
			e = pt_load(slot);
		} else if (pt_swap_if(slot, &e, stays_busy ? PT_BUSY : 0)) {
			pt_leaf_gone(writer, e, level, pos);
			return true;
		}
	}
	return false;
}

static void
pt_unmap_table(struct pt_writer *writer, uint64_t *table, unsigned int level, uint64_t pos,
	       uint64_t end)
{
	uint64_t first = PT_ENTRIES, last = 0, next, i;

	for (; pos < end && writer->error == 0; pos = next) {
		i = pt_index(pos, level);
		next = pt_next(pos, end, level);
		if (pt_unmap_entry(writer, &table[i], level, pos, next)) {
			first = first == PT_ENTRIES ? i : first;
			last = i;
		}
	}
	if (first != PT_ENTRIES)
		pt_flush(writer->pt, &table[first], last - first + 1);
}

static void
pt_unmap(struct pt_writer *writer, uint64_t pos, uint64_t len)
{
	pt_unmap_table(writer, writer->pt->root, writer->pt->top, pos, pos + len);
}

/* Freeze a table if nothing is in it. Reading first is cheap, and mostly enough. */
static bool
pt_freeze_empty(uint64_t *table)
{
	uint64_t i, j, e;

	for (i = 0; i < PT_ENTRIES; i++)
		if (__atomic_load_n(&table[i], __ATOMIC_RELAXED) != 0)
			return false;
	for (i = 0; i < PT_ENTRIES; i++) {
		e = 0;
		if (!pt_swap_if(&table[i], &e, PT_BUSY))
			break;
	}
	if (i == PT_ENTRIES)
		return true;
	for (j = 0; j < i; j++)
		pt_publish(&table[j], 0);
	return false;
}

static void
pt_trim_table(struct pt_writer *writer, uint64_t *table, unsigned int level, uint64_t pos,
	      uint64_t end)
{
	uint64_t next, *child;

	for (; pos < end; pos = next) {
		uint64_t *slot = &table[pt_index(pos, level)];
		uint64_t e = pt_load(slot);

		next = pt_next(pos, end, level);
		if (!fmt_is_table(e, level))
			continue;
		child = pt_table_of(writer->pt, e);
		pt_trim_table(writer, child, level - 1, pos, next);
		if (!pt_whole(pos, next, level) || !pt_freeze_empty(child))
			continue;
		pt_swap(slot, 0);
		pt_flush(writer->pt, slot, 1);
		uiommu_pvt_pt_take_out(writer, fmt_table_pa(e), pos, pt_span(level));
	}
}

static void
pt_trim(struct pt_writer *writer, uint64_t pos, uint64_t len)
{
	pt_trim_table(writer, writer->pt->root, writer->pt->top, pos, pos + len);
}

/* Nobody uses the table any more. */
static void
pt_free_table(struct uiommu_pgtable *pt, uint64_t *table, unsigned int level, uint64_t pa)
{
	uint64_t i;

	for (i = 0; level != 0 && i < PT_ENTRIES; i++)
		if (fmt_is_table(table[i], level))
			pt_free_table(pt, pt_table_of(pt, table[i]), level - 1,
				      fmt_table_pa(table[i]));
	uiommu_pvt_pt_give_back(pt, pa);
}

static void
pt_free_all(struct uiommu_pgtable *pt)
{
	pt_free_table(pt, pt->root, pt->top, pt->root_pa);
}
