/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Firmware's table of VT-d units: drivers/platform/dmar.c, included as source. */

#include "unit.h"

#include <string.h>

#include "dmar.c"
#include "dmar_table.h"

static struct dmar_table table;
static struct dmar dmar;

static void
check(const char *wrong)
{
	const char *got = dmar_parse(table.bytes, table.size, &dmar);

	if (wrong == NULL)
		assert_null(got);
	else
		assert_string_equal(got, wrong);
}

static void
units(void **state)
{
	static const uint8_t rmrr[24] = {1, 0, 24, 0};

	dmar_table_begin(&table);
	dmar_table_drhd(&table, UINT64_C(0xfed90000), 0, 0, 0, 8);
	dmar_table_add(&table, rmrr, sizeof(rmrr));
	dmar_table_drhd(&table, UINT64_C(0x123456789000), 3, 0x1234, 1, 0);
	dmar_table_end(&table);
	check(NULL);
	assert_int_equal(dmar.nb_units, 2);
	assert_true(dmar.units[0].pa == UINT64_C(0xfed90000));
	assert_int_equal(dmar.units[0].size, 4096);
	assert_int_equal(dmar.units[0].segment, 0);
	assert_false(dmar.units[0].rest);
	assert_true(dmar.units[1].pa == UINT64_C(0x123456789000));
	assert_int_equal(dmar.units[1].size, 32768);
	assert_int_equal(dmar.units[1].segment, 0x1234);
	assert_true(dmar.units[1].rest);
	assert_ptr_equal(dmar_find(&dmar, UINT64_C(0x123456789000)), &dmar.units[1]);
	assert_null(dmar_find(&dmar, UINT64_C(0xfed91000)));
	/* what a file has beyond the table does not count */
	table.bytes[table.size++] = 0xff;
	check(NULL);
	dmar_table_begin(&table);
	dmar_table_end(&table);
	check(NULL);
	assert_int_equal(dmar.nb_units, 0);
}

static void
damaged(void **state)
{
	size_t size;

	dmar_table_begin(&table);
	dmar_table_drhd(&table, UINT64_C(0xfed90000), 0, 0, 0, 0);
	dmar_table_end(&table);
	check(NULL);
	table.bytes[50] ^= 0x10;
	check("its checksum is wrong");
	table.bytes[50] ^= 0x10;
	table.bytes[0] = 'd';
	check("no DMAR table");
	table.bytes[0] = 'D';
	size = table.size;
	table.size--;
	check("cut short");
	for (table.size = 0; table.size < 48; table.size++)
		check("too short for its head");
	table.size = size;
	table.bytes[4] = 47;
	dmar_table_sum(&table);
	check("its length is less than its head");
}

/* Structures whose lengths lead nowhere, or beyond. */
static void
structures(void **state)
{
	static const struct {
		uint8_t bytes[4];
		uint8_t nb;
		const char *wrong;
	} cases[] = {
		{{1, 0, 0, 0}, 4, "a structure has no length"},
		{{1, 0, 3, 0}, 4, "a structure has no length"},
		{{1, 0, 5, 0}, 4, "a structure reaches beyond its end"},
		{{1, 0, 0xff, 0xff}, 4, "a structure reaches beyond its end"},
		{{1, 0, 4}, 3, "a structure reaches beyond its end"},
		{{1}, 1, "a structure reaches beyond its end"},
		{{0, 0, 4, 0}, 4, "a unit's structure is too short"},
		{{1, 0, 4, 0}, 4, NULL},
		/* of a kind that nobody knows, 256 among them: not that of a unit */
		{{0, 1, 4, 0}, 4, NULL},
	};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		dmar_table_begin(&table);
		dmar_table_add(&table, cases[i].bytes, cases[i].nb);
		dmar_table_end(&table);
		check(cases[i].wrong);
		assert_int_equal(dmar.nb_units, 0);
	}
	dmar_table_begin(&table);
	dmar_table_drhd(&table, 0, 0, 0, 0, 0);
	table.bytes[DMAR_TABLE_HEAD + 2] = 15;
	dmar_table_end(&table);
	check("a unit's structure is too short");
}

static void
too_many(void **state)
{
	unsigned int i;

	dmar_table_begin(&table);
	for (i = 0; i < DMAR_UNITS_MAX; i++)
		dmar_table_drhd(&table, (uint64_t)(i + 1) << 12, 0, 0, 0, 0);
	dmar_table_end(&table);
	check(NULL);
	assert_int_equal(dmar.nb_units, DMAR_UNITS_MAX);
	dmar_table_drhd(&table, UINT64_C(1) << 40, 0, 0, 0, 0);
	dmar_table_end(&table);
	check("more units than any machine has");
	assert_int_equal(dmar.nb_units, DMAR_UNITS_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(units),
		cmocka_unit_test(damaged),
		cmocka_unit_test(structures),
		cmocka_unit_test(too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
