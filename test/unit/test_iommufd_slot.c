/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Slots: random histories against a list, with cookies as the kernel gives them and with any. */

#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include <iommufd_slot.c>

#define NB_SLOTS 61
#define STEPS 60000

/* What is known of each slot. */
static struct {
	bool used;
	bool dead;
	uint32_t cookie;
	uint32_t dev_id;
	uint32_t pasid;
	uint32_t read;
} known[NB_SLOTS];

static struct iommufd_slots slots;
static void *memory;
static uint64_t seed;
static uint32_t reads;
static uint32_t nb_plain; /* given back the short way */

static void
slots_up(uint32_t nb)
{
	memory = malloc(sizeof(struct iommufd_slots_table));
	assert_non_null(memory);
	iommufd_slots_init(&slots, nb, memory);
	memset(known, 0, sizeof(known));
}

static uint32_t
random_below(uint32_t n)
{
	return (uint32_t)(unit_random(&seed) % n);
}

static uint32_t
nb_used(void)
{
	uint32_t i, nb = 0;

	for (i = 0; i < NB_SLOTS; i++)
		nb += known[i].used;
	return nb;
}

/* Few cookies, so that they come again; many that fall on the same places; any. */
static uint32_t
random_cookie(unsigned int kind)
{
	if (kind == 0)
		return 1 + random_below(NB_SLOTS);
	if (kind == 1)
		return random_below(8) << 16 | random_below(3); /* of few chains */
	return (uint32_t)unit_random(&seed);
}

static void
step_take(unsigned int kind)
{
	const uint32_t cookie = random_cookie(kind), dev_id = random_below(3);
	const uint32_t pasid = random_below(3);
	uint32_t recycled = 0, want = 0, i;
	uint16_t slot;

	if (nb_used() == NB_SLOTS)
		return;
	reads += random_below(2);
	/* the short way, where it can be gone */
	if (iommufd_slots_is_new(slots.table, cookie) && random_below(2) != 0) {
		slot = slots.table->free[--slots.nb_free];
		iommufd_slots_fill_new(slots.table, slot, cookie,
				       iommufd_slot_whose(dev_id, pasid), reads);
	} else {
		slot = iommufd_slots_take(&slots, cookie, dev_id, pasid, reads, &recycled);
	}
	iommufd_slots_note(&slots);
	assert_true(slot < slots.nb_used && slots.nb_used <= NB_SLOTS);
	assert_false(known[slot].used);
	for (i = 0; i < NB_SLOTS; i++) {
		if (!known[i].used || known[i].dead || known[i].cookie != cookie)
			continue;
		known[i].dead = true;
		want++;
	}
	assert_true(want <= 1);
	assert_int_equal(recycled, want);
	known[slot].used = true;
	known[slot].dead = false;
	known[slot].cookie = cookie;
	known[slot].dev_id = dev_id;
	known[slot].pasid = pasid;
	known[slot].read = reads;
}

static void
step_give(void)
{
	const uint32_t number = random_below(NB_SLOTS + 2);
	const uint16_t slot = number > NB_SLOTS ? IOMMUFD_SLOT_NONE : (uint16_t)number;
	enum iommufd_slot_end end = IOMMUFD_SLOT_WRITE;
	uint32_t cookie = 0;

	/* likewise; it is refused where it cannot */
	if (random_below(2) != 0 &&
	    iommufd_slots_give_plain(slots.table, slot, &slots.table->free[slots.nb_free],
				     &cookie)) {
		slots.nb_free++;
		nb_plain++;
	} else {
		end = iommufd_slots_give(&slots, slot, &cookie);
	}
	if (slot >= NB_SLOTS || !known[slot].used) {
		assert_int_equal(end, IOMMUFD_SLOT_WRONG);
		return;
	}
	assert_int_equal(end, known[slot].dead ? IOMMUFD_SLOT_DROP : IOMMUFD_SLOT_WRITE);
	assert_int_equal(cookie, known[slot].cookie);
	known[slot].used = false;
}

static void
step_end(void)
{
	const uint32_t dev_id = random_below(3), read = reads - random_below(5);
	const uint32_t pasid = random_below(2) != 0 ? random_below(3) : IOMMUFD_SLOT_ANY_PASID;
	const struct iommufd_slots_ended ended = {dev_id, pasid, read};
	uint32_t i, want = 0, at = 0;

	for (i = 0; i < NB_SLOTS; i++) {
		if (!known[i].used || known[i].dead || known[i].dev_id != dev_id ||
		    (pasid != IOMMUFD_SLOT_ANY_PASID && known[i].pasid != pasid) ||
		    (int32_t)(known[i].read - read) > 0)
			continue;
		known[i].dead = true;
		want++;
	}
	assert_int_equal(iommufd_slots_end(&slots, &ended, &at), want);
	assert_int_equal(at, 0);
}

static void
histories(void **state)
{
	unsigned int kind, i;

	for (kind = 0; kind < 3; kind++) {
		seed = kind + 1;
		nb_plain = 0;
		/* the number of reads wraps on the way */
		reads = UINT32_MAX - STEPS / 8;
		slots_up(NB_SLOTS);
		for (i = 0; i < STEPS; i++) {
			const uint32_t what = random_below(16);

			if (what < 8)
				step_take(kind);
			else if (what < 15)
				step_give();
			else
				step_end();
			assert_int_equal(slots.nb_free, NB_SLOTS - nb_used());
		}
		assert_true(nb_plain != 0);
		free(memory);
	}
}

/* As many as there can be, and each place of the map holds its own. */
static void
all_slots(void **state)
{
	uint32_t i, cookie, recycled = 0;

	slots_up(IOMMUFD_SLOTS_MAX);
	for (i = 0; i < IOMMUFD_SLOTS_MAX; i++)
		assert_int_equal(iommufd_slots_take(&slots, 1 + i, 1, 1, 1, &recycled), i);
	iommufd_slots_note(&slots);
	assert_int_equal(slots.nb_free, 0);
	assert_int_equal(recycled, 0);
	for (i = 0; i < IOMMUFD_SLOTS_MAX; i++) {
		assert_int_equal(iommufd_slots_give(&slots, (uint16_t)i, &cookie),
				 IOMMUFD_SLOT_WRITE);
		assert_int_equal(cookie, 1 + i);
	}
	assert_int_equal(slots.nb_free, IOMMUFD_SLOTS_MAX);
	free(memory);
}

/* A step looks at so many at most, all are looked at, and what is read meanwhile is left. */
static void
steps(void **state)
{
	const struct iommufd_slots_ended ended = {1, 1, 1};
	const uint32_t nb = 2 * IOMMUFD_SLOTS_STEP + 3;
	uint32_t i, at = 0, cookie, recycled = 0;

	slots_up(IOMMUFD_SLOTS_MAX);
	assert_int_equal(iommufd_slots_end(&slots, &ended, &at), 0);
	assert_int_equal(at, 0);
	for (i = 0; i < nb; i++)
		iommufd_slots_take(&slots, 1 + i, 1, 1, 1, &recycled);
	iommufd_slots_note(&slots);
	assert_int_equal(slots.nb_used, nb);
	assert_int_equal(iommufd_slots_end(&slots, &ended, &at), IOMMUFD_SLOTS_STEP);
	assert_int_equal(at, IOMMUFD_SLOTS_STEP);
	/* one that is answered, and its slot in use again; one that was dead already */
	assert_int_equal(iommufd_slots_give(&slots, nb - 1, &cookie), IOMMUFD_SLOT_WRITE);
	assert_int_equal(iommufd_slots_take(&slots, nb + 1, 1, 1, 2, &recycled), nb - 1);
	assert_int_equal(iommufd_slots_give(&slots, 0, &cookie), IOMMUFD_SLOT_DROP);
	assert_int_equal(iommufd_slots_end(&slots, &ended, &at), IOMMUFD_SLOTS_STEP);
	assert_int_equal(iommufd_slots_end(&slots, &ended, &at), 2);
	assert_int_equal(at, 0);
	assert_int_equal(iommufd_slots_give(&slots, nb - 1, &cookie), IOMMUFD_SLOT_WRITE);
	assert_int_equal(slots.nb_used, nb);
	free(memory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(histories),
		cmocka_unit_test(all_slots),
		cmocka_unit_test(steps),
	};

	return cmocka_run_group_tests_name("iommufd_slot", tests, NULL, NULL);
}
