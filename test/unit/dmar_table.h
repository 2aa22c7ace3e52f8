/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef DMAR_TABLE_H
#define DMAR_TABLE_H

/* DMAR tables, made for tests: VT-d manual, 8.1 and 8.3. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bytes before the first structure. */
#define DMAR_TABLE_HEAD 48

struct dmar_table {
	uint8_t bytes[8192];
	size_t size;
};

static inline void
dmar_table_begin(struct dmar_table *table)
{
	memset(table, 0, sizeof(*table));
	memcpy(table->bytes, "DMAR", 4);
	table->bytes[8] = 1;
	memcpy(table->bytes + 10, "TESTS TESTDMAR", 14);
	table->bytes[36] = 45;
	table->size = DMAR_TABLE_HEAD;
}

/* A structure, as it stands in the table. */
static inline void
dmar_table_add(struct dmar_table *table, const uint8_t *bytes, size_t size)
{
	memcpy(table->bytes + table->size, bytes, size);
	table->size += size;
}

/* A unit. @param scope bytes of device scopes behind it */
static inline void
dmar_table_drhd(struct dmar_table *table, uint64_t pa, uint8_t size, uint16_t segment,
		uint8_t flags, uint8_t scope)
{
	uint8_t drhd[16 + 255] = {
		0, 0, (uint8_t)(16 + scope), 0, flags, size, (uint8_t)segment,
		(uint8_t)(segment >> 8),
	};
	unsigned int i;

	for (i = 0; i < 8; i++)
		drhd[8 + i] = (uint8_t)(pa >> 8 * i);
	dmar_table_add(table, drhd, (size_t)16 + scope);
}

/* Make the sum of all bytes 0. */
static inline void
dmar_table_sum(struct dmar_table *table)
{
	uint8_t sum = 0;
	size_t i;

	table->bytes[9] = 0;
	for (i = 0; i < table->size; i++)
		sum = (uint8_t)(sum + table->bytes[i]);
	table->bytes[9] = (uint8_t)-sum;
}

/* The table is complete. */
static inline void
dmar_table_end(struct dmar_table *table)
{
	table->bytes[4] = (uint8_t)table->size;
	table->bytes[5] = (uint8_t)(table->size >> 8);
	dmar_table_sum(table);
}

#endif /* DMAR_TABLE_H */
