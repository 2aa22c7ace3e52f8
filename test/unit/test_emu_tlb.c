/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * The emulation's cache of translations, by itself: against a list of all that was ever put in and
 * not dropped since.
 */

#include "emu_rig.h"

#undef ENTRIES
#define ENTRIES 256
#define LIST_MAX 4096
#define STEPS 100000

static struct emu_tlb_entry list[LIST_MAX];
static unsigned int nb_list;
static struct emu_tlb tlb;

static const uint8_t shifts[] = {12, 12, 12, 21, 30, 39, 48};

static uint64_t
size_of(const struct emu_tlb_entry *entry)
{
	return UINT64_C(1) << entry->shift;
}

static bool
is_same(const struct emu_tlb_entry *a, const struct emu_tlb_entry *b)
{
	return a->shift == b->shift && a->iova == b->iova && a->pasid == b->pasid &&
	       a->domain == b->domain;
}

static void
list_drop(const struct emu_tlb_drop *what)
{
	const struct emu_tlb_entry *entry;
	unsigned int i;

	for (i = 0; i < nb_list;) {
		entry = &list[i];
		if ((entry->kind & what->kinds) != 0 &&
		    (what->any_domain || entry->domain == what->domain) &&
		    (what->any_pasid || entry->pasid == what->pasid) &&
		    entry->iova <= what->last && entry->iova + (size_of(entry) - 1) >= what->first)
			list[i] = list[--nb_list];
		else
			i++;
	}
}

static void
list_add(const struct emu_tlb_entry *entry)
{
	unsigned int i;

	for (i = 0; i < nb_list && !is_same(&list[i], entry); i++)
		;
	assert_in_range(i, 0, LIST_MAX - 1);
	list[i] = *entry;
	nb_list += i == nb_list;
}

/* What is found was put in, and says what it said. */
static void
found_is_listed(const struct emu_tlb_entry *entry)
{
	unsigned int i;

	for (i = 0; i < nb_list && !is_same(&list[i], entry); i++)
		;
	assert_in_range(i + 1, 1, nb_list);
	assert_memory_equal(&list[i], entry, sizeof(*entry));
}

static struct emu_tlb_entry
random_one(uint64_t *seed)
{
	struct emu_tlb_entry entry;

	memset(&entry, 0, sizeof(entry));
	entry.shift = shifts[unit_random(seed) % ARRAY_COUNT(shifts)];
	entry.iova = (unit_random(seed) % 8) << entry.shift;
	entry.pa = (unit_random(seed) % 512) << 12;
	entry.pasid = (uint32_t)(unit_random(seed) % 3);
	entry.domain = (uint16_t)(unit_random(seed) % 3);
	entry.kind = (uint8_t)(1 << entry.pasid);
	entry.access = (uint8_t)(1 + unit_random(seed) % 3);
	return entry;
}

static void
random_drop(uint64_t *seed)
{
	struct emu_tlb_drop what = {
		.first = (unit_random(seed) % 16) << shifts[unit_random(seed) % 7],
		.kinds = (uint32_t)(1 + unit_random(seed) % 15),
		.pasid = (uint32_t)(unit_random(seed) % 3),
		.domain = (uint16_t)(unit_random(seed) % 3),
		.any_pasid = unit_random(seed) % 4 == 0,
		.any_domain = unit_random(seed) % 4 == 0,
	};
	const uint32_t before = tlb.nb;
	unsigned int dropped;

	what.last = what.first + (UINT64_C(4096) << unit_random(seed) % 40) - 1;
	dropped = emu_tlb_drop(&tlb, &what);
	assert_int_equal(before - dropped, tlb.nb);
	list_drop(&what);
}

/* All entries are listed, and counts are theirs. */
static void
all_is_in_order(uint64_t *seed)
{
	const uint64_t pa = (unit_random(seed) % 512) << 12;
	const uint64_t size = 1 + unit_random(seed) % 0x40000;
	const struct emu_tlb_entry *entry, *first = NULL;
	unsigned int i, nb = 0, leading = 0;
	uint64_t entry_size;

	for (i = 0; i < ENTRIES; i++) {
		entry = &tlb.entries[i];
		if (entry->shift == 0)
			continue;
		found_is_listed(entry);
		nb++;
		entry_size = tlb.tables ? 4096 : size_of(entry);
		leading += entry->pa < pa + size && entry->pa + entry_size > pa;
	}
	assert_int_equal(tlb.nb, nb);
	assert_int_equal(emu_tlb_leads_to(&tlb, pa, size, &first), leading);
	assert_int_equal(first != NULL, leading > 0);
}

static void
histories_agree(bool tables, uint64_t seed)
{
	struct emu_tlb_entry entry;
	const struct emu_tlb_entry *found;
	unsigned int i, hits = 0;

	nb_list = 0;
	assert_int_equal(emu_tlb_init(&tlb, ENTRIES, tables, SOCKET_ID_ANY), 0);
	for (i = 0; i < STEPS; i++) {
		entry = random_one(&seed);
		switch (unit_random(&seed) % 16) {
		case 0:
			random_drop(&seed);
			break;
		case 1:
		case 2:
		case 3:
		case 4:
		case 5:
			emu_tlb_add(&tlb, &entry);
			list_add(&entry);
			/* what was put in last is there */
			found = emu_tlb_find_size(&tlb, entry.domain, entry.pasid, entry.iova,
						  entry.shift);
			assert_non_null(found);
			found_is_listed(found);
			break;
		default:
			entry.iova += unit_random(&seed) % size_of(&entry);
			found = emu_tlb_find(&tlb, entry.domain, entry.pasid, entry.iova);
			if (found == NULL)
				break;
			hits++;
			found_is_listed(found);
			assert_true(entry.iova - found->iova < size_of(found));
			assert_int_equal(found->domain, entry.domain);
			assert_int_equal(found->pasid, entry.pasid);
		}
		if (i % 64 == 0)
			all_is_in_order(&seed);
	}
	assert_in_range(hits, STEPS / 20, STEPS);
	emu_tlb_fini(&tlb);
}

static void
nothing_dropped_is_found(void **state)
{
	(void)state;
	histories_agree(false, 1);
	histories_agree(true, 2);
}

/* The smallest that has the address. */
static void
small_ones_come_first(void **state)
{
	struct emu_tlb_entry entry = {.kind = EMU_TLB_FIRST, .access = EMU_REQ_READ};

	(void)state;
	assert_int_equal(emu_tlb_init(&tlb, ENTRIES, false, SOCKET_ID_ANY), 0);
	for (entry.shift = 39; entry.shift >= 12; entry.shift = (uint8_t)(entry.shift - 9)) {
		entry.pa = entry.shift;
		emu_tlb_add(&tlb, &entry);
		assert_int_equal(emu_tlb_find(&tlb, 0, 0, 0)->pa, entry.shift);
	}
	assert_int_equal(emu_tlb_find(&tlb, 0, 0, 0x1000)->pa, 21);
	assert_int_equal(emu_tlb_find(&tlb, 0, 0, 0x7fffffffff)->pa, 39);
	assert_null(emu_tlb_find(&tlb, 0, 0, 0x8000000000));
	assert_null(emu_tlb_find(&tlb, 0, 1, 0));
	assert_null(emu_tlb_find(&tlb, 1, 0, 0));
	emu_tlb_fini(&tlb);
}

/* The same calls, the same contents: a stale entry that was seen once is seen again. */
static void
places_depend_on_calls_alone(void **state)
{
	struct emu_tlb_entry first[ENTRIES];
	unsigned int round, i;
	struct emu_tlb_entry entry;
	uint64_t seed;

	(void)state;
	for (round = 0; round < 2; round++) {
		seed = 7;
		assert_int_equal(emu_tlb_init(&tlb, ENTRIES, false, SOCKET_ID_ANY), 0);
		for (i = 0; i < 4 * ENTRIES; i++) {
			entry = random_one(&seed);
			emu_tlb_add(&tlb, &entry);
		}
		if (round == 0)
			memcpy(first, tlb.entries, sizeof(first));
		else
			assert_memory_equal(first, tlb.entries, sizeof(first));
		emu_tlb_fini(&tlb);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_dropped_is_found),
		cmocka_unit_test(small_ones_come_first),
		cmocka_unit_test(places_depend_on_calls_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
