/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * DMAR tables of any contents (VT-d manual, chapter 8). An input is looked at as it is, and once
 * more with signature, length and sum made right, since few inputs have them so.
 */

#include <string.h>

#include "dmar.h"
#include "fuzz.h"

#define HEAD 48

/* What can be said of a table; the last one is nothing. */
static const char *const verdicts[] = {
	"too short for its head",
	"no DMAR table",
	"its length is less than its head",
	"cut short",
	"its checksum is wrong",
	"a unit's structure is too short",
	"more units than any machine has",
	"a structure reaches beyond its end",
	"a structure has no length",
	NULL,
};
#define VERDICTS (sizeof(verdicts) / sizeof(verdicts[0]))

static uint64_t counts[VERDICTS];
static uint64_t units;

static unsigned int
verdict_of(const char *wrong)
{
	unsigned int i;

	for (i = 0; i < VERDICTS - 1; i++) {
		if (wrong != NULL && strcmp(wrong, verdicts[i]) == 0)
			return i;
	}
	rule(wrong == NULL, "what is wrong has a name");
	return i;
}

static uint64_t
number(const uint8_t *bytes, unsigned int nb)
{
	uint64_t value = 0;
	unsigned int i;

	for (i = 0; i < nb; i++)
		value |= (uint64_t)bytes[i] << 8 * i;
	return value;
}

/* A table that was taken: walk it another way, backwards over what must have been found. */
static void
taken_check(const uint8_t *table, size_t size, const struct dmar *dmar)
{
	const size_t length = number(table + 4, 4);
	unsigned int found = 0;
	uint8_t sum = 0;
	size_t at, i;

	rule(memcmp(table, "DMAR", 4) == 0, "a table has its name");
	rule(length >= HEAD && length <= size, "a table is whole");
	for (i = 0; i < length; i++)
		sum = (uint8_t)(sum + table[i]);
	rule(sum == 0, "a table's bytes add up to 0");
	for (at = HEAD; at != length; at += number(table + at + 2, 2)) {
		const struct dmar_unit *unit = &dmar->units[found];

		rule(length - at >= 4, "a structure has a head");
		rule(number(table + at + 2, 2) >= 4, "a structure has a length");
		if (number(table + at, 2) != 0)
			continue;
		rule(found++ < dmar->nb_units, "each unit is found");
		rule(unit->pa == number(table + at + 8, 8), "a unit's address is at 8");
		rule(unit->size == UINT64_C(4096) << (table[at + 5] & 15), "its size is at 5");
		rule(unit->segment == number(table + at + 6, 2), "its segment is at 6");
		rule(unit->rest == (table[at + 4] & 1), "flag 0 is that it has the rest");
		rule(dmar_find(dmar, unit->pa) != NULL, "what was found is found again");
	}
	rule(found == dmar->nb_units, "no other unit is found");
	units += found;
}

static void
table_run(const uint8_t *table, size_t size)
{
	static struct dmar dmar;
	const char *wrong = dmar_parse(table, size, &dmar);

	rule(dmar.nb_units <= DMAR_UNITS_MAX, "units have a bound");
	counts[verdict_of(wrong)]++;
	if (wrong == NULL)
		taken_check(table, size, &dmar);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *table, sum = 0;
	size_t i;

	table_run(data, size);
	if (size < HEAD)
		return 0;
	table = malloc(size);
	rule(table != NULL, "memory");
	memcpy(table, data, size);
	memcpy(table, "DMAR", 4);
	for (i = 0; i < 4; i++)
		table[4 + i] = (uint8_t)(size >> 8 * i);
	table[9] = 0;
	for (i = 0; i < size; i++)
		sum = (uint8_t)(sum + table[i]);
	table[9] = (uint8_t)-sum;
	table_run(table, size);
	free(table);
	return 0;
}

bool
fuzz_is_complete(void)
{
	bool complete = units != 0;
	unsigned int i;

	for (i = 0; i < VERDICTS; i++) {
		printf("# %s: %llu\n", verdicts[i] != NULL ? verdicts[i] : "taken",
		       (unsigned long long)counts[i]);
		complete = complete && counts[i] != 0;
	}
	printf("# units: %llu\n", (unsigned long long)units);
	return complete;
}
