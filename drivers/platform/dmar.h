/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef DMAR_H
#define DMAR_H

/**
 * @file
 * The table with which firmware tells where VT-d units are (VT-d manual, chapter 8). Pure
 * functions; nothing of the table is trusted.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Units that are kept of a table; more than any machine has. */
#define DMAR_UNITS_MAX 128

/** A unit of the table (DRHD). */
struct dmar_unit {
	uint64_t pa;     /**< of its registers */
	uint64_t size;   /**< bytes of them */
	uint16_t segment; /**< PCI segment of its devices */
	bool rest;       /**< has all devices of the segment that no other unit has */
};

/** What is in a table. */
struct dmar {
	struct dmar_unit units[DMAR_UNITS_MAX]; /**< in the order of the table */
	unsigned int nb_units;
};

/**
 * Read a table.
 *
 * @param table as firmware gives it, of any contents
 * @param size bytes of it
 * @param dmar filled; to be used only if all is well
 * @return NULL; else what is wrong, in words
 */
const char *
dmar_parse(const uint8_t *table, size_t size, struct dmar *dmar);

/** @return the unit at an address; NULL: none */
const struct dmar_unit *
dmar_find(const struct dmar *dmar, uint64_t pa);

#endif /* DMAR_H */
