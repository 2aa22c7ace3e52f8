/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Page request group assembly: which requests make a group, and what is thrown away. */

#include "prg_check.h"

static void
last_alone_is_a_group(void **state)
{
	struct uiommu_prg *prg = make(4, 5, 1);
	struct uiommu_fault fault = request(7, 3, 0x1000, LAST);

	assert_true(uiommu_prg_is_idle(prg));
	assert_group(prg, 7, 3, 0x1000, LAST);
	assert_int_equal(nb_out, 1);
	assert_memory_equal(&out[0], &fault, sizeof(fault));
	assert_true(uiommu_prg_is_idle(prg));
	done(prg);
}

/* K8: arrival order, the last one at the end, every field as it came. */
static void
group_keeps_order_and_content(void **state)
{
	struct uiommu_prg *prg = make(8, 9, 2);
	struct uiommu_fault in[6];
	uint32_t i;

	for (i = 0; i < 6; i++) {
		memset(&in[i], 0x10 + (int)i, sizeof(in[i]));
		in[i].pasid = 0xfffff;
		in[i].prg_index = 511;
		in[i].flags = i == 5 ? 0x7f : 0x7f & ~LAST;
		nb_out = 9;
		assert_int_equal(uiommu_prg_add(prg, &in[i], out, &nb_out),
				 i == 5 ? UIOMMU_PRG_GROUP : UIOMMU_PRG_PARKED);
		assert_int_equal(prg->nb_parked, i == 5 ? 0 : i + 1);
		assert_int_equal(uiommu_prg_is_idle(prg), i == 5);
	}
	assert_int_equal(nb_out, 6);
	assert_memory_equal(out, in, sizeof(in));
	done(prg);
}

/* Nothing is written behind the group, nor when there is none. */
static void
out_is_written_only_with_a_group(void **state)
{
	struct uiommu_prg *prg = make(2, 3, 3);
	uint8_t pattern[4 * sizeof(out[0])];

	memset(pattern, 0x5a, sizeof(pattern));
	memset(out, 0x5a, sizeof(pattern));
	assert_parked(prg, 1, 1, 0x1000, 0);
	assert_int_equal(nb_out, 0);
	assert_parked(prg, 1, 2, 0x1000, 0);
	assert_dropped(prg, 1, 3, 0x1000, 0);
	assert_int_equal(nb_out, 0);
	assert_incomplete(prg, 1, 3, 0x2000, LAST);
	assert_int_equal(nb_out, 0);
	assert_memory_equal(out, pattern, sizeof(pattern));
	assert_group(prg, 1, 1, 0x2000, LAST);
	assert_int_equal(nb_out, 2);
	assert_memory_equal(&out[2], pattern, 2 * sizeof(out[0]));
	done(prg);
}

/* G4, T42: groups of two PASIDs with the same index, interleaved, stay apart. */
static void
same_index_of_two_pasids_interleaved(void **state)
{
	struct uiommu_prg *prg = make(8, 9, 4);
	uint32_t i;

	for (i = 0; i < 3; i++) {
		assert_parked(prg, 10, 5, 0xa000 + i, 0);
		assert_parked(prg, 11, 5, 0xb000 + i, 0);
	}
	assert_group(prg, 11, 5, 0xb003, LAST);
	assert_int_equal(nb_out, 4);
	for (i = 0; i < 4; i++) {
		assert_int_equal(out[i].pasid, 11);
		assert_int_equal(out[i].iova, 0xb000 + i);
	}
	assert_int_equal(prg->nb_parked, 3);
	assert_group(prg, 10, 5, 0xa003, LAST);
	assert_int_equal(nb_out, 4);
	for (i = 0; i < 4; i++) {
		assert_int_equal(out[i].pasid, 10);
		assert_int_equal(out[i].iova, 0xa000 + i);
	}
	done(prg);
}

/* A request without PASID belongs to the requester, not to PASID 0. */
static void
no_pasid_is_not_pasid_zero(void **state)
{
	struct uiommu_prg *prg = make(8, 9, 5);

	assert_parked(prg, UIOMMU_NO_PASID, 0, 0x1000, 0);
	assert_parked(prg, 0, 0, 0x2000, 0);
	assert_group(prg, 0, 0, 0x3000, LAST);
	assert_int_equal(nb_out, 2);
	assert_int_equal(out[0].iova, 0x2000);
	assert_group(prg, UIOMMU_NO_PASID, 0, 0x4000, LAST);
	assert_int_equal(nb_out, 2);
	assert_int_equal(out[0].iova, 0x1000);
	done(prg);
}

static void
indices_of_one_pasid_are_apart(void **state)
{
	struct uiommu_prg *prg = make(UIOMMU_PRG_INDEX_COUNT, 2, 6);
	uint32_t i;

	for (i = 0; i < UIOMMU_PRG_INDEX_COUNT; i++)
		assert_parked(prg, 1, (uint16_t)i, i << 12, 0);
	check_lists(prg);
	for (i = UIOMMU_PRG_INDEX_COUNT; i-- > 0;) {
		assert_group(prg, 1, (uint16_t)i, 1, LAST);
		assert_int_equal(nb_out, 2);
		assert_int_equal(out[0].iova, i << 12);
	}
	done(prg);
}

static void
duplicates_are_kept(void **state)
{
	struct uiommu_prg *prg = make(4, 5, 7);

	assert_parked(prg, 1, 1, 0x1000, 0);
	assert_parked(prg, 1, 1, 0x1000, 0);
	assert_group(prg, 1, 1, 0x1000, LAST);
	assert_int_equal(nb_out, 3);
	done(prg);
}

/* K13: a second last request of the same index is a second group. */
static void
repeated_last_is_a_second_group(void **state)
{
	struct uiommu_prg *prg = make(4, 5, 8);

	assert_parked(prg, 1, 1, 0x1000, 0);
	assert_group(prg, 1, 1, 0x2000, LAST);
	assert_int_equal(nb_out, 2);
	assert_group(prg, 1, 1, 0x2000, LAST);
	assert_int_equal(nb_out, 1);
	done(prg);
}

/* K23, T39: after an overflow of the queue nothing of before is left, whole or lost. */
static void
discard_forgets_everything(void **state)
{
	struct uiommu_prg *prg = make(3, 4, 18);

	assert_int_equal(uiommu_prg_discard(prg), 0);
	assert_parked(prg, 1, 1, 0x1000, 0);
	assert_parked(prg, 1, 1, 0x2000, 0);
	assert_parked(prg, UIOMMU_NO_PASID, 2, 0x1000, 0);
	assert_dropped(prg, 3, 3, 0x1000, 0);
	assert_dropped(prg, 4, 3, 0x1000, 0);
	assert_dropped(prg, 5, 3, 0x1000, 0);
	assert_dropped(prg, 6, 3, 0x1000, 0); /* by index */
	assert_int_equal(uiommu_prg_discard(prg), 3);
	assert_true(uiommu_prg_is_idle(prg));
	check_lists(prg);
	/* the device asks again: no page of before comes along */
	assert_parked(prg, 1, 1, 0x3000, 0);
	assert_group(prg, 1, 1, 0x4000, LAST);
	assert_int_equal(nb_out, 2);
	assert_int_equal(out[0].iova, 0x3000);
	assert_group(prg, 6, 3, 0x1000, LAST);
	assert_int_equal(uiommu_prg_discard(prg), 0);
	done(prg);
}

/* T43: what is left of a PASID does not join a later group with its index. */
static void
purge_takes_one_pasid(void **state)
{
	struct uiommu_prg *prg = make(5, 6, 19);

	assert_int_equal(uiommu_prg_purge(prg, 1), 0);
	assert_parked(prg, 1, 1, 0x1000, 0);
	assert_parked(prg, 2, 1, 0x2000, 0);
	assert_parked(prg, 1, 2, 0x3000, 0);
	assert_parked(prg, 1, 1, 0x4000, 0);
	assert_parked(prg, UIOMMU_NO_PASID, 1, 0x5000, 0);
	assert_int_equal(uiommu_prg_purge(prg, 3), 0);
	assert_int_equal(uiommu_prg_purge(prg, 1), 3);
	assert_int_equal(prg->nb_parked, 2);
	check_lists(prg);
	assert_group(prg, 1, 1, 0x6000, LAST);
	assert_int_equal(nb_out, 1);
	assert_group(prg, 2, 1, 0x6000, LAST);
	assert_int_equal(nb_out, 2);
	assert_int_equal(uiommu_prg_purge(prg, UIOMMU_NO_PASID), 1);
	assert_true(uiommu_prg_is_idle(prg));
	done(prg);
}

static void
purge_forgets_losses_of_the_pasid(void **state)
{
	struct uiommu_prg *prg = make(2, 3, 20);

	assert_parked(prg, 9, 1, 0x1000, 0);
	assert_parked(prg, 9, 2, 0x1000, 0);
	assert_dropped(prg, 1, 1, 0x1000, 0);
	assert_dropped(prg, 2, 1, 0x1000, 0);
	assert_dropped(prg, 3, 1, 0x1000, 0); /* by index: nobody knows whose */
	assert_int_equal(uiommu_prg_purge(prg, 1), 0);
	assert_int_equal(prg->nb_incomplete, 2);
	assert_int_equal(uiommu_prg_purge(prg, 3), 0);
	assert_int_equal(prg->nb_incomplete, 2);
	assert_int_equal(uiommu_prg_purge(prg, 9), 2);
	assert_incomplete(prg, 2, 1, 0x2000, LAST);
	assert_incomplete(prg, 3, 1, 0x2000, LAST);
	assert_group(prg, 1, 1, 0x2000, LAST);
	assert_true(uiommu_prg_is_idle(prg));
	done(prg);
}

static bool
is_even(uint32_t pasid, const void *arg)
{
	return pasid % 2 == 0;
}

static bool
is_below(uint32_t pasid, const void *arg)
{
	return pasid < *(const uint32_t *)arg;
}

static bool
is_never_asked(uint32_t pasid, const void *arg)
{
	fail_msg("asked for PASID 0x%x", pasid);
	return true;
}

/* K3, T43: of some PASIDs everything goes, of the others nothing, whatever their indices are. */
static void
purge_if_takes_what_matches(void **state)
{
	struct uiommu_prg *prg = make(64, 65, 22);
	uint32_t limit = 10, pasid;

	assert_int_equal(uiommu_prg_purge_if(prg, is_never_asked, NULL), 0);
	for (pasid = 0; pasid < 20; pasid++) {
		assert_parked(prg, pasid, 5, 0x1000 + pasid, 0);
		assert_parked(prg, pasid, 5, 0x2000 + pasid, 0);
	}
	assert_parked(prg, UIOMMU_NO_PASID, 5, 0x3000, 0);
	assert_int_equal(uiommu_prg_purge_if(prg, is_even, NULL), 21);
	assert_int_equal(uiommu_prg_purge_if(prg, is_even, NULL), 0);
	assert_int_equal(prg->nb_parked, 20);
	check_lists(prg);
	assert_int_equal(uiommu_prg_purge_if(prg, is_below, &limit), 10);
	check_lists(prg);
	for (pasid = 0; pasid < 20; pasid++) {
		assert_group(prg, pasid, 5, 0x4000, LAST);
		assert_int_equal(nb_out, pasid % 2 != 0 && pasid >= limit ? 3 : 1);
	}
	assert_group(prg, UIOMMU_NO_PASID, 5, 0x4000, LAST);
	assert_int_equal(nb_out, 1);
	assert_true(uiommu_prg_is_idle(prg));
	done(prg);
}

/* What is known of whose losses goes too; a mark of an index may be anybody's and stays. */
static void
purge_if_forgets_losses(void **state)
{
	struct uiommu_prg *prg = make(2, 3, 23);

	assert_parked(prg, 9, 1, 0x1000, 0);
	assert_parked(prg, 9, 2, 0x1000, 0);
	assert_dropped(prg, 1, 1, 0x1000, 0);
	assert_dropped(prg, 2, 1, 0x1000, 0);
	assert_dropped(prg, 4, 1, 0x1000, 0); /* by index */
	assert_int_equal(uiommu_prg_purge_if(prg, is_even, NULL), 0);
	assert_int_equal(prg->nb_incomplete, 2);
	check_lists(prg);
	assert_incomplete(prg, 1, 1, 0x2000, LAST);
	assert_incomplete(prg, 2, 1, 0x2000, LAST); /* in place of 4 */
	assert_group(prg, 4, 1, 0x2000, LAST);
	assert_int_equal(prg->nb_parked, 2);
	done(prg);
}

/* R8: what nobody knows the end of is asked for again when the end comes, and only once. */
static void
lose_if_is_remembered(void **state)
{
	struct uiommu_prg *prg = make(64, 65, 24);
	uint32_t pasid;

	assert_int_equal(uiommu_prg_lose_if(prg, is_never_asked, NULL), 0);
	for (pasid = 0; pasid < 20; pasid++) {
		assert_parked(prg, pasid, 5, 0x1000 + pasid, 0);
		assert_parked(prg, pasid, 5, 0x2000 + pasid, 0);
	}
	assert_int_equal(uiommu_prg_lose_if(prg, is_even, NULL), 20);
	assert_int_equal(uiommu_prg_lose_if(prg, is_even, NULL), 0);
	assert_int_equal(prg->nb_parked, 20);
	assert_int_equal(prg->nb_incomplete, 10);
	check_lists(prg);
	assert_dropped(prg, 4, 5, 0x3000, 0); /* a member that comes after it */
	for (pasid = 0; pasid < 20; pasid++) {
		if (pasid % 2 == 0)
			assert_incomplete(prg, pasid, 5, 0x4000, LAST);
		assert_group(prg, pasid, 5, 0x4000, LAST);
		assert_int_equal(nb_out, pasid % 2 == 0 ? 1 : 3);
	}
	assert_true(uiommu_prg_is_idle(prg));
	done(prg);
}

/* R6: more than can be remembered one by one are remembered by index. */
static void
lose_if_is_bounded(void **state)
{
	struct uiommu_prg *prg = make(2, 3, 25);

	assert_parked(prg, 2, 1, 0x1000, 0);
	assert_parked(prg, 4, 1, 0x1000, 0);
	assert_dropped(prg, 9, 3, 0x1000, 0); /* one of two that can be remembered */
	assert_int_equal(uiommu_prg_lose_if(prg, is_even, NULL), 2);
	assert_int_equal(prg->nb_parked, 0);
	assert_int_equal(prg->nb_incomplete, 3);
	check_lists(prg);
	assert_incomplete(prg, 2, 1, 0x2000, LAST);
	assert_incomplete(prg, 4, 1, 0x2000, LAST);
	assert_incomplete(prg, 9, 3, 0x2000, LAST);
	assert_true(uiommu_prg_is_idle(prg));
	check_lists(prg);
	done(prg);
}

#define COLLIDING 12

/* Groups whose keys fall into one bucket, closed and purged in every order of three kinds. */
static void
collisions_are_kept_apart(void **state)
{
	uint32_t pasids[COLLIDING], found, pasid, kind, i, n;
	struct uiommu_prg *prg;

	for (kind = 0; kind < 3; kind++) {
		prg = make(2 * COLLIDING, 3, kind);
		for (found = 0, pasid = 0; found < COLLIDING; pasid++)
			if (bucket_of((struct assembly *)prg, pasid, 5) ==
			    bucket_of((struct assembly *)prg, 0, 5))
				pasids[found++] = pasid;
		for (i = 0; i < COLLIDING; i++)
			assert_parked(prg, pasids[i], 5, i, 0);
		for (i = 0; i < COLLIDING; i++)
			assert_parked(prg, pasids[i], 5, i + 100, 0);
		check_lists(prg);
		for (i = 0; i < COLLIDING; i++) {
			/* first to last, last to first, from the middle */
			n = kind == 0	? i
			    : kind == 1 ? COLLIDING - 1 - i
					: (i + COLLIDING / 2) % COLLIDING;
			if (i % 4 == 3) {
				assert_int_equal(uiommu_prg_purge(prg, pasids[n]), 2);
			} else {
				assert_group(prg, pasids[n], 5, n + 200, LAST);
				assert_int_equal(nb_out, 3);
				assert_int_equal(out[0].pasid, pasids[n]);
				assert_int_equal(out[0].iova, n);
				assert_int_equal(out[1].iova, n + 100);
			}
			check_lists(prg);
		}
		assert_true(uiommu_prg_is_idle(prg));
		done(prg);
	}
}

/* Keys in regular steps, as devices have them: with any seed, chains stay short on average. */
static void
hash_spreads_regular_keys(void **state)
{
	static const uint32_t pasid_steps[] = {0, 1, 2, 64, 1024, 4096};
	uint64_t random = 21, compared, keys;
	uint32_t s, seed, i;

	for (s = 0; s < ARRAY_COUNT(pasid_steps); s++) {
		compared = 0;
		keys = 0;
		for (seed = 0; seed < 64; seed++) {
			struct uiommu_prg *prg =
				make(256, 2, seed < 4 ? seed : unit_random(&random));
			struct assembly *a = (struct assembly *)prg;

			for (i = 0; i < 256; i++)
				assert_parked(prg, i * pasid_steps[s],
					      pasid_steps[s] == 0 ? (uint16_t)i : 0, i, 0);
			for (i = 0; i < 256; i++, keys++) {
				uint32_t n = *bucket_of(a, i * pasid_steps[s],
							pasid_steps[s] == 0 ? (uint16_t)i : 0);

				for (compared++;
				     a->opens[n].pasid != i * pasid_steps[s] ||
				     (pasid_steps[s] == 0 && a->opens[n].prg_index != i);
				     compared++)
					n = a->opens[n].next;
			}
			done(prg);
		}
		/* 256 keys in 1024 buckets at 2 in 1024 for a pair: 1.25 expected at the worst */
		assert_true(compared < 2 * keys);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(last_alone_is_a_group),
		cmocka_unit_test(group_keeps_order_and_content),
		cmocka_unit_test(out_is_written_only_with_a_group),
		cmocka_unit_test(same_index_of_two_pasids_interleaved),
		cmocka_unit_test(no_pasid_is_not_pasid_zero),
		cmocka_unit_test(indices_of_one_pasid_are_apart),
		cmocka_unit_test(duplicates_are_kept),
		cmocka_unit_test(repeated_last_is_a_second_group),
		cmocka_unit_test(discard_forgets_everything),
		cmocka_unit_test(purge_takes_one_pasid),
		cmocka_unit_test(purge_forgets_losses_of_the_pasid),
		cmocka_unit_test(purge_if_takes_what_matches),
		cmocka_unit_test(purge_if_forgets_losses),
		cmocka_unit_test(lose_if_is_remembered),
		cmocka_unit_test(lose_if_is_bounded),
		cmocka_unit_test(collisions_are_kept_apart),
		cmocka_unit_test(hash_spreads_regular_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
