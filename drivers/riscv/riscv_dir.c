/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <stdbool.h>

#include <uiommu_barrier.h>

#include "riscv_dir.h"
#include "riscv_hw.h"

/** A table of a directory, and those that its entries lead to; a leaf has none. */
struct riscv_dir_table {
	struct uiommu_page page;
	struct riscv_dir_table *children[];
};

uint8_t
riscv_dir_bits(const struct riscv_dir *dir, uint8_t levels)
{
	uint8_t i, bits = 0;

	for (i = 0; i < levels; i++)
		bits += dir->bits[i];
	return bits;
}

static uint32_t
nb_children(const struct riscv_dir *dir, uint8_t level)
{
	return level == 0 ? 0 : UINT32_C(1) << dir->bits[level];
}

/* Entry of an id in a table of a level */
static uint32_t
index_of(const struct riscv_dir *dir, uint32_t id, uint8_t level)
{
	return id >> riscv_dir_bits(dir, level) & ((UINT32_C(1) << dir->bits[level]) - 1);
}

static bool
is_too_wide(const struct riscv_dir *dir, uint32_t id)
{
	return id >> riscv_dir_bits(dir, dir->levels) != 0;
}

static struct riscv_dir_table *
table_alloc(struct uiommu_page_pool *pool, const struct riscv_dir *dir, uint8_t level)
{
	struct riscv_dir_table *table;

	table = rte_zmalloc_socket("riscv_dir", sizeof(*table) + nb_children(dir, level) *
				   sizeof(table->children[0]), 0, pool->plat->socket_id);
	if (table == NULL)
		return NULL;
	if (uiommu_page_alloc(pool, &table->page) == 0)
		return table;
	rte_free(table);
	return NULL;
}

static void
table_free(struct uiommu_page_pool *pool, const struct riscv_dir *dir,
	   struct riscv_dir_table *table, uint8_t level)
{
	uint32_t i;

	for (i = 0; i < nb_children(dir, level); i++)
		if (table->children[i] != NULL)
			table_free(pool, dir, table->children[i], level - 1);
	if (pool != NULL)
		uiommu_page_free(pool, &table->page);
	rte_free(table);
}

int
riscv_dir_init(struct uiommu_page_pool *pool, struct riscv_dir *dir)
{
	dir->root = table_alloc(pool, dir, dir->levels - 1);
	return dir->root != NULL ? 0 : -ENOMEM;
}

void
riscv_dir_free(struct uiommu_page_pool *pool, struct riscv_dir *dir)
{
	if (dir->root != NULL)
		table_free(pool, dir, dir->root, dir->levels - 1);
	dir->root = NULL;
}

static void *
leaf_entry(const struct riscv_dir *dir, const struct riscv_dir_table *leaf, uint32_t id)
{
	return RTE_PTR_ADD(leaf->page.va, (size_t)index_of(dir, id, 0) << dir->entry_shift);
}

void *
riscv_dir_find(const struct riscv_dir *dir, uint32_t id)
{
	const struct riscv_dir_table *table = dir->root;
	uint8_t level;

	if (is_too_wide(dir, id))
		return NULL;
	for (level = dir->levels - 1; level != 0 && table != NULL; level--)
		table = table->children[index_of(dir, id, level)];
	return table != NULL ? leaf_entry(dir, table, id) : NULL;
}

int
riscv_dir_get(struct uiommu_page_pool *pool, struct riscv_dir *dir, uint32_t id, void **entry)
{
	struct riscv_dir_table *table = dir->root, *child;
	uint8_t level;

	if (is_too_wide(dir, id))
		return -EINVAL;
	for (level = dir->levels - 1; level != 0; level--, table = child) {
		const uint32_t index = index_of(dir, id, level);
		uint64_t *words = table->page.va;

		child = table->children[index];
		if (child != NULL)
			continue;
		child = table_alloc(pool, dir, level - 1);
		if (child == NULL)
			return -ENOMEM;
		table->children[index] = child;
		uiommu_wmb_before_present();
		uiommu_store_shared64(&words[index],
				      child->page.pa >> RISCV_PAGE_SHIFT << RISCV_PPN_SHIFT |
					      RISCV_DIR_V);
	}
	*entry = leaf_entry(dir, table, id);
	return 0;
}

uint64_t
riscv_dir_root_pa(const struct riscv_dir *dir, uint8_t levels)
{
	const struct riscv_dir_table *table = dir->root;
	uint8_t level;

	for (level = dir->levels; level > levels; level--)
		table = table->children[0];
	return table->page.pa;
}
