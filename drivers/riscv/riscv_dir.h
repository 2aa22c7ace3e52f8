/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef RISCV_DIR_H
#define RISCV_DIR_H

/**
 * @file
 * Directories of one to three levels, each table a page: the device directory and the process
 * directories ("Device-Directory-Table", "Process-Directory-Table"). Control path.
 */

#include <stdint.h>

#include <uiommu_driver_mem.h>

#define RISCV_DIR_LEVELS_MAX 3

struct riscv_dir_table;

/** A directory. */
struct riscv_dir {
	struct riscv_dir_table *root;       /**< NULL: none */
	uint8_t levels;
	uint8_t entry_shift;                /**< log2 of the bytes of a leaf's entry */
	uint8_t bits[RISCV_DIR_LEVELS_MAX]; /**< of the id that index a table, leaf first */
};

/**
 * Make the root.
 *
 * @param dir levels, entry_shift and bits are set
 * @return 0; -ENOMEM
 */
int
riscv_dir_init(struct uiommu_page_pool *pool, struct riscv_dir *dir);

/** Give all pages back. @param pool NULL: they stay, since a unit may be reading them for good */
void
riscv_dir_free(struct uiommu_page_pool *pool, struct riscv_dir *dir);

/** @return the entry of an id; NULL: there is no table for it yet, or it is too wide */
void *
riscv_dir_find(const struct riscv_dir *dir, uint32_t id);

/** The same, and its tables are made if there are none. @return 0; -ENOMEM; -EINVAL: too wide */
int
riscv_dir_get(struct uiommu_page_pool *pool, struct riscv_dir *dir, uint32_t id, void **entry);

/**
 * Where the directory begins for a unit that walks fewer levels of it: those ids only that have
 * zeros above. The tables for id 0 are there.
 */
uint64_t
riscv_dir_root_pa(const struct riscv_dir *dir, uint8_t levels);

/** Bits of an id that so many levels cover. */
uint8_t
riscv_dir_bits(const struct riscv_dir *dir, uint8_t levels);

#endif /* RISCV_DIR_H */
