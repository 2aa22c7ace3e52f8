/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Part of each format's file, after pt_unmap.h: access, and accessed and dirty bits. One writer. */

static bool pt_protect_entry(struct pt_writer *writer, uint64_t *slot, unsigned int level,
			     uint64_t pos, uint64_t next);

static void
pt_protect_table(struct pt_writer *writer, uint64_t *table, unsigned int level, uint64_t pos,
		 uint64_t end)
{
	uint64_t first = PT_ENTRIES, last = 0, next, i;

	for (; pos < end && writer->error == 0; pos = next) {
		i = pt_index(pos, level);
		next = pt_next(pos, end, level);
		if (pt_protect_entry(writer, &table[i], level, pos, next)) {
			first = first == PT_ENTRIES ? i : first;
			last = i;
		}
	}
	if (first != PT_ENTRIES)
		pt_flush(writer->pt, &table[first], last - first + 1);
}

/* @return it was changed */
static bool
pt_protect_entry(struct pt_writer *writer, uint64_t *slot, unsigned int level, uint64_t pos,
		 uint64_t next)
{
	uint64_t e = pt_load(slot), changed;

	while (e != 0 && writer->error == 0) {
		if (e == PT_BUSY) {
			writer->again = true;
			break;
		}
		if (fmt_is_table(e, level)) {
			pt_protect_table(writer, pt_table_of(writer->pt, e), level - 1, pos, next);
			break;
		}
		changed = fmt_with_prot(writer->pt->flags, e, writer->prot);
		if (changed == e)
			break;
		if (!pt_whole(pos, next, level)) {
			pt_writer_split(writer, slot, e, level, pos);
			e = pt_load(slot);
		} else if (pt_swap_if(slot, &e, changed)) {
			if ((fmt_prot(e) & ~fmt_prot(changed)) != 0)
				uiommu_pvt_pt_gather_run(writer, pos, pt_span(level));
			return true;
		}
	}
	return false;
}

static void
pt_protect(struct pt_writer *writer, uint64_t pos, uint64_t len)
{
	pt_protect_table(writer, writer->pt->root, writer->pt->top, pos, pos + len);
}

/* A leaf, large ones as a whole. @return it is one; *changed: it was changed */
static bool
pt_sample_leaf(struct pt_writer *writer, uint64_t *slot, uint64_t e, unsigned int level,
	       uint64_t pos, bool *changed)
{
	uint64_t start = pos & ~(pt_span(level) - 1), cleared;

	*changed = false;
	/* hardware may set bits meanwhile: what is reported is what was cleared */
	while (fmt_present(e) && !fmt_is_table(e, level)) {
		cleared = fmt_cleared(e, writer->flags);
		*changed = cleared != e;
		if (!*changed || pt_swap_if(slot, &e, cleared)) {
			if (*changed)
				uiommu_pvt_pt_gather_run(writer, start, pt_span(level));
			pt_leaf_report(writer, e, level, start);
			return true;
		}
	}
	return false;
}

static void
pt_sample_table(struct pt_writer *writer, uint64_t *table, unsigned int level, uint64_t pos,
		uint64_t end)
{
	uint64_t first = PT_ENTRIES, last = 0, next, i;

	for (; pos < end; pos = next) {
		bool changed;
		uint64_t e;

		i = pt_index(pos, level);
		e = pt_load(&table[i]);
		next = pt_next(pos, end, level);
		if (pt_sample_leaf(writer, &table[i], e, level, pos, &changed)) {
			if (changed) {
				first = first == PT_ENTRIES ? i : first;
				last = i;
			}
			continue;
		}
		/* a thread that maps may have split it just now */
		e = pt_load(&table[i]);
		if (fmt_is_table(e, level))
			pt_sample_table(writer, pt_table_of(writer->pt, e), level - 1, pos, next);
	}
	if (first != PT_ENTRIES)
		pt_flush(writer->pt, &table[first], last - first + 1);
}

static void
pt_sample(struct pt_writer *writer, uint64_t pos, uint64_t len)
{
	pt_sample_table(writer, writer->pt->root, writer->pt->top, pos, pos + len);
}
