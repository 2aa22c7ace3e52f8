/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* One thread at a table: map, unmap, protect, sample. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "table.h"

/* Leaves above the smallest: enough to be measured, few enough for the addresses. */
#define NB_2M 4096
#define NB_1G 128

/* Clock around what counts. */
struct watch {
	uint64_t start;
};

static void
watch_start(struct watch *w)
{
	w->start = bench_now();
}

static double
watch_stop(const struct watch *w, uint32_t nb)
{
	return (double)(bench_now() - w->start) / nb;
}

static double
run_map(struct bench *b, const struct bench_point *p)
{
	struct uiommu_pgtable *pt = table_open(b, p->format, p->leaf);
	struct watch watch;
	double ns;
	int ret;

	if (pt == NULL)
		return -ENOMEM;
	watch_start(&watch);
	ret = table_map(pt, TABLE_IOVA, p->leaf, p->nb, p->call);
	ns = watch_stop(&watch, p->nb);
	table_close(pt);
	return ret != 0 ? ret : ns;
}

/* Everything is absent again, and the tables stay: entries are made busy, and given up. */
static int
empty(struct bench *b, struct uiommu_pgtable *pt, const struct bench_point *p)
{
	uint32_t shift = (uint32_t)__builtin_ctzll(p->leaf), i;
	struct uiommu_pgtable_gather gather;
	int ret;

	uiommu_pgtable_gather_init(&gather);
	ret = uiommu_pgtable_unmap(pt, TABLE_IOVA, p->nb * p->leaf, UIOMMU_UNMAP_BUSY, &gather,
				   NULL, NULL, NULL);
	for (i = 0; i < p->nb && ret == 0; i += CALL_LEAVES)
		uiommu_pgtable_commit(pt, TABLE_IOVA + i * p->leaf, shift,
				      p->nb - i < CALL_LEAVES ? p->nb - i : CALL_LEAVES, b->none,
				      UIOMMU_PROT_READ);
	if (ret != 0)
		talk("unmap: %s", strerror(-ret));
	return ret;
}

static double
run_map_warm(struct bench *b, const struct bench_point *p)
{
	struct uiommu_pgtable *pt = table_open(b, p->format, p->leaf);
	struct watch watch;
	double ns = 0;
	int ret;

	if (pt == NULL)
		return -ENOMEM;
	ret = table_map(pt, TABLE_IOVA, p->leaf, p->nb, CALL_LEAVES);
	if (ret == 0)
		ret = empty(b, pt, p);
	if (ret == 0) {
		watch_start(&watch);
		ret = table_map(pt, TABLE_IOVA, p->leaf, p->nb, p->call);
		ns = watch_stop(&watch, p->nb);
	}
	table_close(pt);
	return ret != 0 ? ret : ns;
}

/* As one who supplies pages does: each is cleared, then mapped. */
static double
run_map_clear(struct bench *b, const struct bench_point *p)
{
	struct uiommu_pgtable *pt = table_open(b, p->format, p->leaf);
	size_t size = p->nb * p->leaf;
	uint8_t *memory;
	bool hugepages = false;
	struct watch watch;
	uint32_t i;
	double ns;
	int ret = 0;

	memory = pt == NULL ? NULL : memory_take(&size, &hugepages);
	if (memory == NULL) {
		table_close(pt);
		return -ENOMEM;
	}
	watch_start(&watch);
	for (i = 0; i < p->nb && ret == 0; i += p->call) {
		uint32_t part = p->nb - i < p->call ? p->nb - i : p->call;

		memset(memory + i * p->leaf, 0, part * p->leaf);
		ret = table_map(pt, TABLE_IOVA + i * p->leaf, p->leaf, part, part);
	}
	ns = watch_stop(&watch, p->nb);
	memory_give(memory, size);
	table_close(pt);
	return ret != 0 ? ret : ns;
}

/* A table with all leaves of a point; NULL: a line was said. */
static struct uiommu_pgtable *
table_full(struct bench *b, const struct bench_point *p)
{
	struct uiommu_pgtable *pt = table_open(b, p->format, p->leaf);

	if (pt != NULL && table_map(pt, TABLE_IOVA, p->leaf, p->nb, CALL_LEAVES) != 0) {
		table_close(pt);
		pt = NULL;
	}
	return pt;
}

/* With what it takes to give the tables back; what the unit must do is not in it. */
static double
run_unmap(struct bench *b, const struct bench_point *p)
{
	struct uiommu_pgtable *pt = table_full(b, p);
	struct uiommu_pgtable_gather gather;
	struct watch watch;
	uint32_t i;
	double ns;
	int ret = 0;

	if (pt == NULL)
		return -ENOMEM;
	watch_start(&watch);
	for (i = 0; i < p->nb && ret == 0; i += p->call) {
		uint32_t part = p->nb - i < p->call ? p->nb - i : p->call;

		uiommu_pgtable_gather_init(&gather);
		ret = uiommu_pgtable_unmap(pt, TABLE_IOVA + i * p->leaf, part * p->leaf, 0,
					   &gather, NULL, NULL, NULL);
		uiommu_pgtable_gather_free(pt, &gather);
	}
	ns = watch_stop(&watch, p->nb);
	if (ret != 0)
		talk("unmap: %s", strerror(-ret));
	table_close(pt);
	return ret != 0 ? ret : ns;
}

static double
run_protect(struct bench *b, const struct bench_point *p)
{
	struct uiommu_pgtable *pt = table_full(b, p);
	struct uiommu_pgtable_gather gather;
	struct watch watch;
	double ns;
	int ret;

	if (pt == NULL)
		return -ENOMEM;
	uiommu_pgtable_gather_init(&gather);
	watch_start(&watch);
	ret = uiommu_pgtable_protect(pt, TABLE_IOVA, p->nb * p->leaf, UIOMMU_PROT_READ, &gather);
	ns = watch_stop(&watch, p->nb);
	table_close(pt);
	return ret != 0 ? ret : ns;
}

static void
count_leaf(void *priv, const struct uiommu_pgtable_leaf *leaf)
{
	uint32_t *nb = priv;

	*nb += 1;
}

static double
run_sample(struct bench *b, const struct bench_point *p)
{
	struct uiommu_pgtable *pt = table_full(b, p);
	struct uiommu_pgtable_gather gather;
	struct watch watch;
	uint32_t nb = 0;
	double ns;
	int ret;

	if (pt == NULL)
		return -ENOMEM;
	uiommu_pgtable_gather_init(&gather);
	watch_start(&watch);
	ret = uiommu_pgtable_sample(pt, TABLE_IOVA, p->nb * p->leaf,
				    UIOMMU_SAMPLE_CLEAR_ACCESSED | UIOMMU_SAMPLE_CLEAR_DIRTY,
				    &gather, count_leaf, &nb);
	ns = watch_stop(&watch, p->nb);
	table_close(pt);
	if (ret == 0 && nb != p->nb) {
		talk("sample: %u leaves of %u", nb, p->nb);
		return -EIO;
	}
	return ret != 0 ? ret : ns;
}

static struct bench_point *
add(struct bench *b, enum bench_case in, const char *what, bench_run_t run, uint32_t format,
    uint64_t leaf)
{
	struct bench_point *p = points_add(b, in, leaf == PAGE_SIZE ? "page" : "leaf", run);

	if (p == NULL)
		return NULL;
	p->format = format;
	p->leaf = leaf;
	p->nb = leaf == PAGE_SIZE ? b->o.pages : leaf == LEAF_2M ? NB_2M : NB_1G;
	if (b->o.quick && p->nb > b->o.pages)
		p->nb = b->o.pages;
	p->call = CALL_LEAVES;
	p->threads = 1;
	snprintf(p->name, sizeof(p->name), "%s %s %s", what, leaf_name(leaf),
		 uiommu_pgtable_format_name(format));
	return p;
}

/* What a process pays for as many pages; nothing to compare with for large leaves. */
static void
compare(struct bench_point *p, const char *first, const char *second)
{
	if (p == NULL || p->leaf != PAGE_SIZE)
		return;
	snprintf(p->against[0], sizeof(p->against[0]), "%s", first);
	if (second != NULL)
		snprintf(p->against[1], sizeof(p->against[1]), "%s", second);
}

static void
length_points(struct bench *b, uint32_t format)
{
	static const uint32_t calls[] = {1, 8, 64, 512, 4096};
	struct bench_point *p;
	char what[32];
	size_t i;

	for (i = 0; i < sizeof(calls) / sizeof(calls[0]) && calls[i] <= b->o.pages; i++) {
		snprintf(what, sizeof(what), "map by %u", calls[i]);
		p = add(b, CASE_LENGTH, what, run_map, format, PAGE_SIZE);
		if (p != NULL)
			p->call = calls[i];
	}
	for (i = 0; i < sizeof(calls) / sizeof(calls[0]) && calls[i] <= b->o.pages; i++) {
		snprintf(what, sizeof(what), "unmap by %u", calls[i]);
		p = add(b, CASE_LENGTH, what, run_unmap, format, PAGE_SIZE);
		if (p != NULL)
			p->call = calls[i];
	}
}

void
table_points(struct bench *b, uint32_t format)
{
	static const uint64_t leaves[] = {PAGE_SIZE, LEAF_2M, LEAF_1G};
	size_t i;

	for (i = 0; i < 3; i++) {
		compare(add(b, CASE_MAP, "map", run_map, format, leaves[i]), "touch", "populate");
		compare(add(b, CASE_MAP, "map warm", run_map_warm, format, leaves[i]), "touch",
			"populate");
		if (i == 0)
			compare(add(b, CASE_MAP, "clear and map", run_map_clear, format, leaves[i]),
				"touch", "populate");
		compare(add(b, CASE_UNMAP, "unmap", run_unmap, format, leaves[i]), "munmap", NULL);
	}
	length_points(b, format);
	compare(add(b, CASE_PROTECT, "protect", run_protect, format, PAGE_SIZE), "mprotect", NULL);
	add(b, CASE_SAMPLE, "sample", run_sample, format, PAGE_SIZE);
}
