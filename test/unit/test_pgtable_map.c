/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Page tables: what is mapped, with which leaves, and what is refused. Every kind of table. */

#include "pgtable_rig.h"

#define BASE (UINT64_C(1) << 32) /* a root entry or two beyond the first, in all kinds */

static uint64_t
leaf_shift(unsigned int level)
{
	return rig.kind->page_shift + level * rig.kind->index_bits;
}

static void
configurations(void **state)
{
	static const uint32_t shifts[] = {12, 14, 16};
	struct uiommu_pgtable_conf conf = rig.conf;
	struct uiommu_pgtable *pt = rig_alloc(64, uiommu_pgtable_size());
	unsigned int levels, i, k;

#define REFUSED(member, value, rc)                                   \
	do {                                                         \
		struct uiommu_pgtable_conf bad = rig.conf;           \
		bad.member = value;                                  \
		assert_int_equal(uiommu_pgtable_init(pt, &bad), rc); \
	} while (0)

	REFUSED(size, sizeof(conf) - 8, -EINVAL);
	REFUSED(format, UIOMMU_PGTABLE_FORMATS, -EINVAL);
	REFUSED(pool, NULL, -EINVAL);
	REFUSED(reserved0, 1, -EINVAL);
	REFUSED(reserved[3], 1, -EINVAL);
	REFUSED(flags, UINT64_C(1) << 40, -EINVAL);
	/* no hook */
	REFUSED(flags, UIOMMU_PGTABLE_NONCOHERENT, -EINVAL);
	REFUSED(pa_bits, 53, -EINVAL);
	REFUSED(pa_bits, rig.kind->page_shift, -EINVAL);
	if (rig.kind->format == UIOMMU_PGTABLE_ARM_LPAE)
		REFUSED(pa_bits, 49, -EINVAL);
	/* the root is beyond such addresses */
	REFUSED(pa_bits, 40, -ENOMEM);
	REFUSED(levels, 6, -ENOTSUP);
	REFUSED(levels, 1, -ENOTSUP);
	REFUSED(page_shift, 13, -ENOTSUP);
	assert_int_equal(uiommu_pgtable_init(NULL, &conf), -EINVAL);
	assert_int_equal(uiommu_pgtable_init(pt, NULL), -EINVAL);
	assert_int_equal(rig_used(), 1);
	/* levels and sizes of pages are as the list of kinds has them, and no others */
	for (levels = 1; levels <= 6; levels++) {
		for (i = 0; i < ARRAY_COUNT(shifts); i++) {
			bool known = false;
			int rc;

			for (k = 0; k < RIG_KINDS; k++)
				known |= rig_kinds[k].format == rig.kind->format &&
					 rig_kinds[k].levels == levels &&
					 rig_kinds[k].page_shift == shifts[i];
			conf.levels = levels;
			conf.page_shift = shifts[i];
			rc = uiommu_pgtable_init(pt, &conf);
			if (!known)
				assert_int_equal(rc, -ENOTSUP);
			else if (shifts[i] != rig.kind->page_shift)
				assert_int_equal(rc, -EINVAL);
			else
				assert_int_equal(rc, 0);
			if (rc == 0)
				uiommu_pgtable_fini(pt);
		}
	}
	/* defaults */
	conf.levels = 0;
	conf.page_shift = rig.kind->page_shift == 12 ? 0 : rig.kind->page_shift;
	assert_int_equal(uiommu_pgtable_init(pt, &conf), 0);
	assert_true(uiommu_pgtable_reaches(pt, 0, UINT64_C(1) << 47));
	assert_true(uiommu_pgtable_reaches(pt, UINT64_C(1) << 47, 1) != rig.kind->is_signed);
	uiommu_pgtable_fini(pt);
	free(pt);
	assert_non_null(uiommu_pgtable_format_name(rig.kind->format));
	assert_null(uiommu_pgtable_format_name(UIOMMU_PGTABLE_FORMATS));
}

static void
reach(void **state)
{
	uint64_t half = rig_half();

	assert_true(uiommu_pgtable_reaches(rig.pt, 0, half));
	assert_true(uiommu_pgtable_reaches(rig.pt, half - 1, 1));
	assert_true(uiommu_pgtable_reaches(rig.pt, half - 1, 0));
	assert_false(uiommu_pgtable_reaches(rig.pt, 0, half + 1));
	assert_false(uiommu_pgtable_reaches(rig.pt, half, 1));
	assert_false(uiommu_pgtable_reaches(rig.pt, half - 1, 2));
	assert_false(uiommu_pgtable_reaches(rig.pt, UINT64_C(1) << 63, 1));
	assert_int_equal(uiommu_pgtable_reaches(rig.pt, -half, half), rig.kind->is_signed);
	assert_int_equal(uiommu_pgtable_reaches(rig.pt, UINT64_MAX, 1), rig.kind->is_signed);
	assert_false(uiommu_pgtable_reaches(rig.pt, -half - 1, 1));
	assert_false(uiommu_pgtable_reaches(rig.pt, -half - 1, 2));
	/* over the end of all addresses */
	assert_false(uiommu_pgtable_reaches(rig.pt, UINT64_MAX, 2));
	assert_false(uiommu_pgtable_reaches(rig.pt, -rig.page, 2 * rig.page));
	assert_false(uiommu_pgtable_reaches(rig.pt, 0, UINT64_MAX));
}

static void
bad_parameters(void **state)
{
	uint64_t page = rig.page, done = 1, pa[2] = {0, page}, pa_end;
	struct uiommu_pgtable_leaf leaf;
	uint32_t pages = 1;

	pa_end = UINT64_C(1) << (rig.kind->format == UIOMMU_PGTABLE_ARM_LPAE ? 48 : 52);
	assert_int_equal(uiommu_pgtable_map(rig.pt, 1, 0, page, R, &done), -EINVAL);
	assert_int_equal(done, 0);
	assert_int_equal(uiommu_pgtable_map(rig.pt, 0, 1, page, R, NULL), -EINVAL);
	assert_int_equal(uiommu_pgtable_map(rig.pt, 0, 0, page / 2, R, NULL), -EINVAL);
	assert_int_equal(uiommu_pgtable_map(rig.pt, 0, 0, page, 0, NULL), -EINVAL);
	assert_int_equal(uiommu_pgtable_map(rig.pt, 0, 0, page, R | 4, NULL), -EINVAL);
	assert_int_equal(uiommu_pgtable_map(rig.pt, 0, pa_end, page, R, NULL), -EINVAL);
	assert_int_equal(uiommu_pgtable_map(rig.pt, 0, pa_end - page, 2 * page, R, NULL), -EINVAL);
	assert_int_equal(uiommu_pgtable_map(rig.pt, rig_half(), 0, page, R, NULL), -EINVAL);
	assert_int_equal(uiommu_pgtable_map(rig.pt, rig_half() - page, 0, 2 * page, R, NULL),
			 -EINVAL);
	/* no right to read: one format can say so */
	assert_int_equal(uiommu_pgtable_map(rig.pt, 0, 0, page, W, NULL),
			 rig.kind->format == UIOMMU_PGTABLE_VTD_SECOND ? 0 : -EINVAL);
	assert_int_equal(rig_unmap(0, page, 0, NULL), 0);
	assert_int_equal(uiommu_pgtable_map_pages(rig.pt, 1, pa, 2, R, &pages), -EINVAL);
	assert_int_equal(pages, 0);
	assert_int_equal(uiommu_pgtable_map_pages(rig.pt, rig_half() - page, pa, 2, R, NULL),
			 -EINVAL);
	pa[1] = page + 1;
	assert_int_equal(uiommu_pgtable_map_pages(rig.pt, 0, pa, 2, R, NULL), -EINVAL);
	pa[1] = pa_end;
	assert_int_equal(uiommu_pgtable_map_pages(rig.pt, 0, pa, 2, R, NULL), -EINVAL);
	rig_absent(0);
	assert_int_equal(uiommu_pgtable_walk(rig.pt, rig_half(), &leaf), -EINVAL);
	assert_int_equal(uiommu_pgtable_iterate(rig.pt, 0, rig_half() + 1, rig_see, &rig), -EINVAL);
	assert_int_equal(rig_unmap(1, page, 0, NULL), -EINVAL);
	assert_int_equal(rig_unmap(0, page, 2, NULL), -EINVAL);
	assert_int_equal(rig_unmap(rig_half(), page, 0, NULL), -EINVAL);
	assert_int_equal(uiommu_pgtable_protect(rig.pt, 0, page, 0, &rig.gather), -EINVAL);
	assert_int_equal(uiommu_pgtable_protect(rig.pt, 0, 1, R, &rig.gather), -EINVAL);
	assert_int_equal(uiommu_pgtable_sample(rig.pt, 0, page, 4, &rig.gather, NULL, NULL),
			 -EINVAL);
	assert_int_equal(uiommu_pgtable_sample(rig.pt, 1, page, 0, &rig.gather, NULL, NULL),
			 -EINVAL);
	/* nothing is a fine length */
	assert_int_equal(uiommu_pgtable_map(rig.pt, 0, 0, 0, R, &done), 0);
	assert_int_equal(done, 0);
	assert_int_equal(uiommu_pgtable_map_pages(rig.pt, 0, pa, 0, R, &pages), 0);
}

/* Every size by itself, at the ends of the addresses too. */
static void
each_size(void **state)
{
	unsigned int level;
	uint64_t sizes = 0;

	for (level = 0; level <= rig.kind->max_leaf; level++) {
		uint64_t size = rig_span(level), i;
		uint64_t at[] = {0, BASE, rig_half() - size, -rig_half(), -size};

		sizes |= size;
		for (i = 0; i < (rig.kind->is_signed ? 5 : 3); i++) {
			at[i] &= ~(size - 1);
			rig_map(at[i], 3 * size, size, R | W);
			rig_leaf(at[i], 3 * size, size, R | W);
			rig_leaf(at[i] + size - 1, 4 * size - 1, size, R | W);
			assert_int_equal(rig_unmap(at[i], size, 0, NULL), 0);
			rig_absent(at[i]);
			rig_absent(at[i] + size - 1);
			assert_int_equal(rig.nb_seen, 1);
			assert_int_equal(rig.seen[0].iova, at[i]);
			assert_int_equal(rig.seen[0].pa, 3 * size);
			assert_int_equal(rig.seen[0].size, size);
			/* tables that led to it */
			assert_int_equal(uiommu_pgtable_trim(rig.pt, i < 3 ? 0 : -rig_half(),
							     rig_half(), &rig.gather),
					 rig.kind->levels - 1 - level);
			assert_int_equal(uiommu_pgtable_pages(rig.pt), rig.kind->levels - level);
			rig_gather_again();
			assert_int_equal(uiommu_pgtable_pages(rig.pt), 1);
		}
	}
	assert_int_equal(uiommu_pgtable_leaf_sizes(rig.pt), sizes);
}

/* A long range at odd ends: small leaves up to where large ones fit, and after them. */
static void
largest_that_fits(void **state)
{
	uint64_t page = rig.page, large = rig_span(1), start = BASE - 2 * page, i;
	uint64_t len = 2 * page + 3 * large + page;

	rig_map(start, BASE - 2 * page, len, R);
	rig_leaf(start, BASE - 2 * page, page, R);
	rig_leaf(start + page, BASE - page, page, R);
	for (i = 0; i < 3; i++)
		rig_leaf(BASE + i * large + 5, BASE + i * large + 5, large, R);
	rig_leaf(BASE + 3 * large, BASE + 3 * large, page, R);
	rig_absent(BASE + 3 * large + page);
	rig_absent(start - page);
	/* in order, and all */
	rig.nb_seen = 0;
	assert_int_equal(uiommu_pgtable_iterate(rig.pt, start, len, rig_see, &rig), 0);
	assert_int_equal(rig.nb_seen, 6);
	assert_int_equal(rig.seen[0].iova, start);
	assert_int_equal(rig.seen[2].size, large);
	assert_int_equal(rig.seen[5].iova, BASE + 3 * large);
	/* from within a leaf to within another */
	rig.nb_seen = 0;
	assert_int_equal(uiommu_pgtable_iterate(rig.pt, BASE + page, large, rig_see, &rig), 0);
	assert_int_equal(rig.nb_seen, 2);
	assert_int_equal(rig.seen[0].iova, BASE);
}

/* Addresses that differ in alignment leave small leaves only, over many tables. */
static void
alignment_of_both_counts(void **state)
{
	uint64_t page = rig.page, large = rig_span(1), at;

	rig_map(BASE, BASE + page, 2 * large, R | W);
	for (at = 0; at < 2 * large; at += large / 4)
		rig_leaf(BASE + at, BASE + page + at, page, R | W);
	rig_leaf(BASE + 2 * large - 1, BASE + page + 2 * large - 1, page, R | W);
	rig_absent(BASE + 2 * large);
	assert_int_equal(rig_unmap(BASE, 2 * large, 0, NULL), 0);
	assert_int_equal(rig.nb_seen, 2U << rig.kind->index_bits);
}

static void
sizes_that_are_not_wanted(void **state)
{
	unsigned int level;

	rig_table_end();
	/* up to the first that is missing */
	rig.conf.leaf_sizes = rig_span(0) | rig_span(2);
	rig_table_make();
	assert_int_equal(uiommu_pgtable_leaf_sizes(rig.pt), rig_span(0));
	rig_map(BASE, 0, rig_span(1), R);
	rig_leaf(BASE, 0, rig.page, R);
	assert_int_equal(uiommu_pgtable_reserve(rig.pt, BASE, (uint32_t)leaf_shift(1), 1), -EINVAL);
	for (level = 0; level <= rig.kind->max_leaf; level++) {
		rig_table_end();
		/* the smallest is always there; sizes of nobody's do no harm */
		rig.conf.leaf_sizes = ((rig_span(level) << 1) - 1) & ~(rig.page | 1);
		if (level == 0)
			rig.conf.leaf_sizes = 1;
		rig_table_make();
		rig_map(0, 0, rig_span(level), R);
		rig_leaf(0, 0, rig_span(level), R);
		assert_int_equal(uiommu_pgtable_leaf_sizes(rig.pt) & rig_span(level),
				 rig_span(level));
		assert_true(uiommu_pgtable_leaf_sizes(rig.pt) < 2 * rig_span(level));
	}
}

/* Pages that are there: the same again is fine, another is not. */
static void
mapped_already(void **state)
{
	uint64_t page = rig.page, done;

	rig_map(BASE, 8 * page, 4 * page, R);
	rig_map(BASE, 8 * page, 4 * page, R);
	rig_map(BASE + page, 9 * page, 8 * page, R);
	rig_leaf(BASE + 8 * page, 16 * page, page, R);
	assert_int_equal(uiommu_pgtable_map(rig.pt, BASE - 2 * page, 0, 4 * page, R, &done),
			 -EEXIST);
	assert_int_equal(done, 2 * page);
	rig_leaf(BASE - page, page, page, R);
	rig_leaf(BASE, 8 * page, page, R);
	assert_int_equal(uiommu_pgtable_grown(rig.pt), 0);
	/* more access, page by page; never less */
	rig_map(BASE + page, 9 * page, page, R | W);
	assert_int_equal(uiommu_pgtable_grown(rig.pt), 1);
	rig_map(BASE + page, 9 * page, page, R);
	rig_map(BASE + page, 9 * page, page, R | W);
	assert_int_equal(uiommu_pgtable_grown(rig.pt), 1);
	rig_leaf(BASE + page, 9 * page, page, R | W);
	rig_leaf(BASE, 8 * page, page, R);
	rig_leaf(BASE + 2 * page, 10 * page, page, R);
	rig_map(BASE, 8 * page, 3 * page, R | X);
	rig_leaf(BASE, 8 * page, page, R | X);
	rig_leaf(BASE + page, 9 * page, page, R | W | X);
}

/* A large leaf that is there, and a part of it once more. */
static void
part_of_a_large_leaf(void **state)
{
	uint64_t page = rig.page, large = rig_span(1), done;

	rig_map(BASE, 5 * large, large, R);
	rig_map(BASE + page, 5 * large + page, 2 * page, R);
	rig_leaf(BASE, 5 * large, large, R);
	assert_int_equal(uiommu_pgtable_map(rig.pt, BASE + page, 5 * large, page, R, &done),
			 -EEXIST);
	assert_int_equal(done, 0);
	/* more access for all of it */
	rig_map(BASE, 5 * large, large, R | X);
	rig_leaf(BASE, 5 * large, large, R | X);
	/* and for a part: the rest must not get it */
	rig_map(BASE + 3 * page, 5 * large + 3 * page, 2 * page, R | W);
	rig_leaf(BASE + 2 * page, 5 * large + 2 * page, page, R | X);
	rig_leaf(BASE + 3 * page, 5 * large + 3 * page, page, R | W | X);
	rig_leaf(BASE + 4 * page, 5 * large + 4 * page, page, R | W | X);
	rig_leaf(BASE + 5 * page, 5 * large + 5 * page, page, R | X);
	rig_leaf(BASE + large - page, 6 * large - page, page, R | X);
	/* a table is in the way of a large leaf: its pages are added to */
	rig_map(BASE, 5 * large, large, R | W);
	rig_leaf(BASE + large - page, 6 * large - page, page, R | W | X);
}

/* Where an entry may not change its size in one step, only the caller of a writer can wait. */
static void
part_of_a_large_leaf_in_use(void **state)
{
	uint64_t page = rig.page, large = rig_span(1), done;

	rig_table_again(UIOMMU_PGTABLE_BREAK_FIRST);
	rig_map(BASE, 5 * large, large, R);
	rig_map(BASE + page, 5 * large + page, page, R);
	assert_int_equal(
		uiommu_pgtable_map(rig.pt, BASE + page, 5 * large + page, page, R | W, &done),
		-EBUSY);
	assert_int_equal(done, 0);
	rig_leaf(BASE, 5 * large, large, R);
	rig_map(BASE, 5 * large, large, R | W);
	rig_leaf(BASE, 5 * large, large, R | W);
}

static void
pages_anywhere(void **state)
{
	uint64_t page = rig.page, pa[8], i, at;
	uint32_t done = 0;

	for (i = 0; i < 8; i++)
		pa[i] = (i * 5 % 8 + 3) * page;
	/* over the end of a table */
	at = BASE + rig_span(1) - 3 * page;
	assert_int_equal(uiommu_pgtable_map_pages(rig.pt, at, pa, 8, R | W, &done), 0);
	assert_int_equal(done, 8);
	for (i = 0; i < 8; i++)
		rig_leaf(at + i * page, pa[i], page, R | W);
	rig_absent(at - page);
	rig_absent(at + 8 * page);
	/* one that is another: those before it are mapped */
	pa[5] += page;
	assert_int_equal(uiommu_pgtable_map_pages(rig.pt, at, pa, 8, R | W, &done), -EEXIST);
	assert_int_equal(done, 5);
	/* in a large leaf that leads there */
	rig_map(2 * BASE, 0, rig_span(1), R);
	for (i = 0; i < 8; i++)
		pa[i] = i * page;
	assert_int_equal(uiommu_pgtable_map_pages(rig.pt, 2 * BASE, pa, 8, R, &done), 0);
	rig_leaf(2 * BASE, 0, rig_span(1), R);
	assert_int_equal(uiommu_pgtable_map_pages(rig.pt, 2 * BASE, pa, 2, R | W, &done), 0);
	rig_leaf(2 * BASE + page, page, page, R | W);
	rig_leaf(2 * BASE + 2 * page, 2 * page, page, R);
}

/* Tables cost no more than they may, and what could not be mapped leaves nothing behind. */
static void
pages_run_out(void **state)
{
	uint64_t page = rig.page, large = rig_span(1), done, taken[RIG_PAGES];
	uint32_t levels = rig.kind->levels, nb = 0;

	rig_table_end();
	rig.conf.pages_max = levels + 1;
	rig_table_make();
	/* at odd addresses each large one needs a table */
	assert_int_equal(uiommu_pgtable_map(rig.pt, 0, page, 3 * large, R, &done), -ENOMEM);
	assert_int_equal(done, 2 * large);
	assert_int_equal(uiommu_pgtable_pages(rig.pt), levels + 1);
	rig_leaf(2 * large - page, 2 * large, page, R);
	rig_absent(2 * large);
	assert_int_equal(uiommu_pgtable_reserve(rig.pt, 2 * large, rig.kind->page_shift, 1),
			 -ENOMEM);
	/* with what is there it goes on */
	rig_map(0, page, 2 * large, R | W);
	assert_int_equal(rig_unmap(0, 2 * large, 0, NULL), 0);
	/* taken out is not given back: they still count */
	assert_int_equal(uiommu_pgtable_map(rig.pt, 4 * large, 0, page, R, NULL), -ENOMEM);
	rig_gather_again();
	rig_map(4 * large, 0, page, R);

	rig_table_end();
	rig.conf.pages_max = 0;
	rig_table_make();
	while (rig_used() < RIG_PAGES - levels)
		assert_non_null(uiommu_pgpool_get(rig.pool, &taken[nb++]));
	assert_int_equal(uiommu_pgtable_map(rig.pt, 0, page, 5 * large, R, &done), -ENOMEM);
	assert_int_equal(done, 2 * large);
	assert_int_equal(rig_used(), RIG_PAGES);
	/* no page to split one */
	rig_map(2 * large, 0, large, R);
	assert_int_equal(rig_unmap(2 * large, page, 0, &done), -ENOMEM);
	assert_int_equal(done, 0);
	rig_leaf(2 * large, 0, large, R);
	assert_int_equal(uiommu_pgtable_protect(rig.pt, 2 * large, page, R | W, &rig.gather),
			 -ENOMEM);
	rig_leaf(2 * large, 0, large, R);
	while (nb != 0)
		uiommu_pgpool_put(rig.pool, taken[--nb]);
}

/* Addresses of several tables at once, of other formats and depths, in one call. */
static void
check_many(void **state)
{
	enum { NB = 210 };
	static struct uiommu_pgtable *pts[NB];
	static uint64_t iovas[NB];
	static uint8_t prots[NB], present[NB];
	struct uiommu_pgtable *format = rig_alloc(64, uiommu_pgtable_size());
	struct uiommu_pgtable *depth = rig_alloc(64, uiommu_pgtable_size());
	struct uiommu_pgtable_conf conf = rig.conf;
	unsigned int i;

	/* where pages are large there is one of each only */
	if (rig.kind->page_shift == 12) {
		conf.format = (rig.kind->format + 1) % UIOMMU_PGTABLE_FORMATS;
		conf.levels = 0;
	}
	assert_int_equal(uiommu_pgtable_init(format, &conf), 0);
	conf = rig.conf;
	if (rig.kind->page_shift == 12)
		conf.levels = rig.kind->levels != 4			    ? 4
			      : rig.kind->format == UIOMMU_PGTABLE_ARM_LPAE ? 3
									    : 5;
	assert_int_equal(uiommu_pgtable_init(depth, &conf), 0);
	assert_int_equal(uiommu_pgtable_map(format, BASE, 0, 4 * rig.page, R | W, NULL), 0);
	assert_int_equal(uiommu_pgtable_map(depth, BASE, 0, 4 * rig.page, R | W, NULL), 0);
	rig_map(BASE + rig_span(1), 0, rig_span(1), R);
	rig_map(BASE, 0, 4 * rig.page, R);
	assert_int_equal(
		uiommu_pgtable_reserve(rig.pt, BASE + 4 * rig.page, rig.kind->page_shift, 1), 1);
	memset(present, 7, sizeof(present));
	for (i = 0; i < NB; i++) {
		pts[i] = i % 5 == 4 ? NULL : i % 3 == 0 ? format : i % 3 == 1 ? depth : rig.pt;
		iovas[i] = BASE + i % 8 * rig.page + i;
		if (i % 11 == 0)
			iovas[i] += rig_span(1);
		if (i % 13 == 0)
			iovas[i] = UINT64_C(1) << 60;
		prots[i] = i % 7 == 0 ? R | W : R;
		/* other bits are no access */
		prots[i] |= 0xf4;
	}
	uiommu_pgtable_check(pts, iovas, prots, present, NB);
	for (i = 0; i < NB; i++) {
		bool large = i % 11 == 0 && i % 13 != 0;
		bool there = large ? pts[i] == rig.pt : i % 13 != 0 && i % 8 < 4;
		bool want = pts[i] != NULL && there && (i % 7 != 0 || pts[i] != rig.pt);

		if (present[i] != want)
			fail_msg("address %u: %u", i, present[i]);
	}
	uiommu_pgtable_check(pts, iovas, prots, present, 0);
	uiommu_pgtable_fini(depth);
	uiommu_pgtable_fini(format);
	free(depth);
	free(format);
}

int
main(void)
{
	static const struct rig_test tests[] = {
		rig_test(configurations),
		rig_test(reach),
		rig_test(bad_parameters),
		rig_test(each_size),
		rig_test(largest_that_fits),
		rig_test(alignment_of_both_counts),
		rig_test(sizes_that_are_not_wanted),
		rig_test(mapped_already),
		rig_test(part_of_a_large_leaf),
		rig_test(part_of_a_large_leaf_in_use),
		rig_test(pages_anywhere),
		rig_test(pages_run_out),
		rig_test(check_many),
	};

	return rig_run("pgtable_map", tests, ARRAY_COUNT(tests));
}
