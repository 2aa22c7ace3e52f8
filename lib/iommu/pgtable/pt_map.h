/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Part of each format's file, after pt_walk.h: making entries. Any number of threads at once, and
 * beside them one writer: an entry changes by compare-and-swap from what was seen.
 */

/* A table where there was nothing, mine or another's. */
static int
pt_table_make(struct uiommu_pgtable *pt, uint64_t *slot)
{
	uint64_t pa, e = 0;
	void *page = uiommu_pvt_pt_take(pt, &pa);

	if (page == NULL)
		/* who was faster may have taken the last one for the same purpose */
		return pt_load(slot) != 0 ? 0 : -ENOMEM;
	if (!pt_swap_if(slot, &e, fmt_table(pa)))
		uiommu_pvt_pt_give_back(pt, pa);
	pt_flush(pt, slot, 1);
	return 0;
}

/* Children of a leaf, with what it had. */
static void
pt_split_fill(uint64_t *table, uint64_t e, unsigned int level)
{
	uint64_t pa = pt_leaf_pa(e, level), i;

	for (i = 0; i < PT_ENTRIES; i++)
		pt_publish(&table[i], fmt_child(e, pa + (i << pt_shift(level - 1)), level));
}

/*
 * A table in the place of a large leaf, that leads to the same addresses.
 *
 * @return 0: done, or the entry is another by now: look again; -ENOMEM; -EBUSY
 */
static int
pt_split(struct uiommu_pgtable *pt, uint64_t *slot, uint64_t e, unsigned int level, uint64_t iova)
{
	bool break_first = (pt->flags & UIOMMU_PGTABLE_BREAK_FIRST) != 0;
	uint64_t *table;
	uint64_t pa;

	if (break_first && pt->invalidate == NULL)
		return -EBUSY;
	table = uiommu_pvt_pt_take(pt, &pa);
	if (table == NULL)
		return -ENOMEM;
	if (break_first) {
		/* from here on hardware sets no more bits in it */
		if (!pt_swap_if(slot, &e, PT_BUSY)) {
			uiommu_pvt_pt_give_back(pt, pa);
			return 0;
		}
		pt_flush(pt, slot, 1);
		pt->invalidate(pt->hook_priv, iova, pt_span(level));
	}
	pt_split_fill(table, e, level);
	pt_flush(pt, table, PT_ENTRIES);
	if (break_first)
		pt_publish(slot, fmt_table(pa));
	else if (!pt_swap_if(slot, &e, fmt_table(pa)))
		uiommu_pvt_pt_give_back(pt, pa);
	pt_flush(pt, slot, 1);
	return 0;
}

/*
 * A page is there already.
 *
 * @param pa where it is to lead
 * @param whole the leaf is covered; else it is split before access is added to a part
 * @return 1: it does lead there, with the access; 0: look again; negative: as uiommu_pgtable_map()
 */
static int
pt_add(struct uiommu_pgtable *pt, uint64_t *slot, uint64_t e, unsigned int level, uint64_t pos,
       uint64_t pa, bool whole, uint32_t prot)
{
	uint32_t had;

	if (e == PT_BUSY)
		return -EAGAIN;
	if (fmt_is_table(e, level))
		return 0;
	if (pt_leaf_pa(e, level) + (pos & (pt_span(level) - 1)) != pa)
		return -EEXIST;
	had = fmt_prot(e);
	/* an entry with more than that encodes the same if the format cannot tell */
	if (fmt_with_prot(pt->flags, e, had | prot) != e) {
		if (!whole) {
			if ((pt->flags & UIOMMU_PGTABLE_BREAK_FIRST) != 0)
				return -EBUSY;
			return pt_split(pt, slot, e, level, 0);
		}
		if (!pt_swap_if(slot, &e, fmt_with_prot(pt->flags, e, had | prot)))
			return 0;
		/* pairs with nothing: who asks is who did it */
		__atomic_fetch_add(&pt->grown, 1, __ATOMIC_RELAXED);
	}
	/* also where another wrote it: it may not have come to its flush yet */
	pt_flush(pt, slot, 1);
	return 1;
}

/* What a call of pt_map() works on. */
struct pt_job {
	uint64_t pos; /* done up to there */
	uint64_t end;
	uint64_t pa;	     /* of pos */
	const uint64_t *pas; /* of pos on, or NULL */
	uint64_t attr;
	uint32_t prot;
};

static inline void
pt_job_advance(struct pt_job *job, uint64_t bytes)
{
	job->pos += bytes;
	if (job->pas == NULL)
		job->pa += bytes;
	else if (job->pos < job->end)
		job->pa = *++job->pas;
}

/* Pages that one table of level 0 holds. */
static int
pt_map_pages(struct uiommu_pgtable *pt, uint64_t *table, struct pt_job *job)
{
	uint64_t first = pt_index(job->pos, 0), i;
	int rc = 0;

	for (i = first; i < PT_ENTRIES && job->pos < job->end; i++) {
		uint64_t e = 0;

		if (!pt_swap_if(&table[i], &e, fmt_leaf(job->attr, job->pa, 0))) {
			/* 0: another changed it meanwhile; absent again, too */
			while ((rc = pt_add(pt, &table[i], e, 0, job->pos, job->pa, true,
					    job->prot)) == 0) {
				e = 0;
				if (pt_swap_if(&table[i], &e, fmt_leaf(job->attr, job->pa, 0)))
					break;
			}
			if (rc < 0)
				break;
		}
		pt_job_advance(job, pt_span(0));
	}
	pt_flush(pt, &table[first], i - first);
	return rc < 0 ? rc : 0;
}

/* A leaf above level 0, whole, where there was nothing. */
static bool
pt_map_large(struct uiommu_pgtable *pt, uint64_t *slot, unsigned int level, struct pt_job *job)
{
	uint64_t e = 0;

	if (!pt_swap_if(slot, &e, fmt_leaf(job->attr, job->pa, level)))
		return false;
	pt_flush(pt, slot, 1);
	pt_job_advance(job, pt_span(level));
	return true;
}

/*
 * One entry above level 0.
 *
 * @param table set to the table to go down to, or NULL: go on from job->pos
 */
static int
pt_map_entry(struct uiommu_pgtable *pt, uint64_t *slot, unsigned int level, struct pt_job *job,
	     uint64_t **table)
{
	uint64_t e = pt_load(slot), next = pt_next(job->pos, job->end, level);
	bool whole = pt_whole(job->pos, next, level);
	int rc;

	*table = NULL;
	if (fmt_is_table(e, level)) {
		pt_flush(pt, slot, 1);
		*table = pt_table_of(pt, e);
		return 0;
	}
	if (e == 0) {
		if (level <= pt->max_leaf && whole && job->pas == NULL &&
		    (job->pa & (pt_span(level) - 1)) == 0) {
			pt_map_large(pt, slot, level, job);
			return 0;
		}
		return pt_table_make(pt, slot);
	}
	if (job->pas != NULL) {
		next = pt_next(job->pos, job->end, 0);
		whole = false;
	}
	rc = pt_add(pt, slot, e, level, job->pos, job->pa, whole, job->prot);
	if (rc > 0)
		pt_job_advance(job, next - job->pos);
	return rc < 0 ? rc : 0;
}

/*
 * Tables of the way down are kept: neighbours are found from the lowest one that holds both.
 * Where such a table is taken out by the writer meanwhile, all its entries are busy for good.
 */
static int
pt_map(struct uiommu_pgtable *pt, uint64_t pos, uint64_t pa, const uint64_t *pas, uint64_t len,
       uint32_t prot, uint64_t *done)
{
	struct pt_job job = {
		pos, pos + len, pas != NULL && len != 0 ? *pas : pa, pas, fmt_attr(pt->flags, prot),
		prot};
	uint64_t *tables[PT_LEVELS_MAX];
	unsigned int level = pt->top;
	uint64_t *table;
	int rc = 0;

	tables[level] = pt->root;
	while (job.pos < job.end && rc == 0) {
		if (level == 0) {
			rc = pt_map_pages(pt, tables[0], &job);
		} else {
			uint64_t *slot = &tables[level][pt_index(job.pos, level)];

			rc = pt_map_entry(pt, slot, level, &job, &table);
			if (rc == 0 && table != NULL) {
				tables[--level] = table;
				continue;
			}
		}
		while (level < pt->top && (job.pos & (pt_span(level + 1) - 1)) == 0)
			level++;
	}
	*done = job.pos - pos;
	return rc;
}
