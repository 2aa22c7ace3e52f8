/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Part of each format's file, after pt_map.h: entries that belong to who reserved them. */

/* The table of a level that holds pos, made if need be. NULL: *rc says why not. */
static uint64_t *
pt_table_at(struct uiommu_pgtable *pt, uint64_t pos, unsigned int level, int *rc)
{
	uint64_t *table = pt->root;
	unsigned int at = pt->top;

	while (at > level) {
		uint64_t *slot = &table[pt_index(pos, at)];
		uint64_t e = pt_load(slot);

		if (fmt_is_table(e, at)) {
			pt_flush(pt, slot, 1);
			table = pt_table_of(pt, e);
			at--;
			continue;
		}
		*rc = e == 0 ? pt_table_make(pt, slot) : e == PT_BUSY ? -EAGAIN : -EEXIST;
		if (*rc != 0)
			return NULL;
	}
	return table;
}

static int
pt_reserve(struct uiommu_pgtable *pt, uint64_t pos, unsigned int level, uint32_t nb)
{
	uint32_t got = 0;
	uint64_t *table;
	int rc = 0;

	while (got < nb && rc == 0) {
		table = pt_table_at(pt, pos, level, &rc);
		if (table == NULL)
			break;
		do {
			uint64_t e = 0;

			if (!pt_swap_if(&table[pt_index(pos, level)], &e, PT_BUSY)) {
				rc = e == PT_BUSY ? -EAGAIN : -EEXIST;
				break;
			}
			got++;
			pos += pt_span(level);
		} while (got < nb && pt_index(pos, level) != 0);
	}
	return got != 0 ? (int)got : rc;
}

/* A busy entry keeps its table in place: the way down is there. */
static void
pt_commit(struct uiommu_pgtable *pt, uint64_t pos, unsigned int level, uint32_t nb,
	  const uint64_t *pas, uint32_t prot)
{
	uint64_t attr = fmt_attr(pt->flags, prot), low = pt_span(level) - 1;
	uint32_t i = 0;

	while (i < nb) {
		uint64_t *table, *first;
		uint32_t begin = i;
		int rc;

		table = pt_table_at(pt, pos, level, &rc);
		if (table == NULL)
			return;
		first = &table[pt_index(pos, level)];
		do {
			uint64_t *slot = &table[pt_index(pos, level)];
			uint64_t e = PT_BUSY, entry = 0;

			/* UIOMMU_PA_NONE is neither aligned nor narrow enough */
			if (pas != NULL && (pas[i] & low) == 0 && pas[i] >> pt->pa_bits == 0)
				entry = fmt_leaf(attr, pas[i], level);
			/* an entry that is not busy is not the caller's: it stays */
			pt_swap_if(slot, &e, entry);
			i++;
			pos += pt_span(level);
		} while (i < nb && pt_index(pos, level) != 0);
		pt_flush(pt, first, i - begin);
	}
}

static int
pt_exchange(struct uiommu_pgtable *pt, uint64_t pos, uint64_t old, uint64_t pa, uint32_t prot)
{
	unsigned int level;
	uint64_t e;
	uint64_t *slot = pt_find(pt, pos, &e, &level);

	for (;;) {
		if (!fmt_present(e))
			return -EAGAIN;
		if (level != 0)
			return -ENOTSUP;
		if (pt_leaf_pa(e, 0) != old)
			return -EAGAIN;
		if (pt_swap_if(slot, &e, fmt_leaf(fmt_attr(pt->flags, prot), pa, 0)))
			break;
	}
	pt_flush(pt, slot, 1);
	return 0;
}
