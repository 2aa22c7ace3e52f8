/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef PRG_CHECK_H
#define PRG_CHECK_H

/*
 * For the tests of group assembly, whose source is included: a request in a line, and a check
 * that every entry and every open group is where it belongs.
 */

#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "prg.c"

#define LAST UIOMMU_FAULT_LAST
#define OUT_MAX 65536

static struct uiommu_fault out[OUT_MAX];
static uint32_t nb_out;

static inline struct uiommu_prg *
make(uint32_t parked_max, uint32_t group_max, uint64_t seed)
{
	size_t size = uiommu_prg_size(parked_max);
	void *mem = aligned_alloc(ALIGNMENT, size);
	struct uiommu_prg *prg;

	assert_non_null(mem);
	memset(mem, 0xa5, size);
	prg = uiommu_prg_init(mem, parked_max, group_max, seed);
	assert_ptr_equal(prg, mem);
	return prg;
}

/* Every entry and every open group is in exactly one list, and the counters say how many. */
static inline void
check_lists(struct uiommu_prg *prg)
{
	struct assembly *a = (struct assembly *)prg;
	uint32_t entries = 0, opens = 0, parked = 0, lost = 0, marks = 0, i, n;
	uint8_t *entry_seen = calloc(prg->parked_max, 1);
	uint8_t *open_seen = calloc(2 * (size_t)prg->parked_max, 1);

	assert_non_null(entry_seen);
	assert_non_null(open_seen);
	for (n = prg->free_entry; n != NIL; n = a->entries[n].next, entries++)
		assert_int_equal(entry_seen[n]++, 0);
	for (n = prg->free_open; n != NIL; n = a->opens[n].next, opens++)
		assert_int_equal(open_seen[n]++, 0);
	for (i = 0; i <= prg->bucket_mask; i++) {
		for (n = a->buckets[i]; n != NIL; n = a->opens[n].next, opens++) {
			struct open_group *open = &a->opens[n];
			uint32_t number = open->first, k;

			assert_int_equal(open_seen[n]++, 0);
			assert_ptr_equal(bucket_of(a, open->pasid, open->prg_index),
					 &a->buckets[i]);
			assert_true(open->lost == (open->count == 0));
			lost += open->lost;
			for (k = 0; k < open->count; k++) {
				assert_int_equal(entry_seen[number]++, 0);
				if (k + 1 == open->count)
					assert_int_equal(open->last, number);
				number = a->entries[number].next;
			}
			parked += open->count;
		}
	}
	for (i = 0; i < UIOMMU_PRG_INDEX_COUNT; i++)
		marks += is_marked(a, (uint16_t)i);
	assert_int_equal(entries + parked, prg->parked_max);
	assert_int_equal(opens, 2 * prg->parked_max);
	assert_int_equal(parked, prg->nb_parked);
	assert_int_equal(lost, a->nb_lost);
	assert_int_equal(lost + marks, prg->nb_incomplete);
	free(entry_seen);
	free(open_seen);
}

/* The end of each test: nothing is left, and all lists are whole. */
static inline void
done(struct uiommu_prg *prg)
{
	check_lists(prg);
	uiommu_prg_discard(prg);
	check_lists(prg);
	assert_int_equal(prg->nb_parked, 0);
	assert_int_equal(prg->nb_incomplete, 0);
	assert_true(uiommu_prg_is_idle(prg));
	free(prg);
}

static inline struct uiommu_fault
request(uint32_t pasid, uint16_t prg_index, uint64_t iova, uint16_t flags)
{
	return (struct uiommu_fault){
		.iova = iova,
		.endpoint_id = 0x1234,
		.pasid = pasid,
		.prg_index = prg_index,
		.flags = flags | UIOMMU_FAULT_READ,
		.nb_pages = 1,
	};
}

static inline enum uiommu_prg_result
add(struct uiommu_prg *prg, uint32_t pasid, uint16_t prg_index, uint64_t iova, uint16_t flags)
{
	struct uiommu_fault fault = request(pasid, prg_index, iova, flags);

	nb_out = prg->group_max;
	return uiommu_prg_add(prg, &fault, out, &nb_out);
}

#define assert_parked(...) assert_int_equal(add(__VA_ARGS__), UIOMMU_PRG_PARKED)
#define assert_group(...) assert_int_equal(add(__VA_ARGS__), UIOMMU_PRG_GROUP)
#define assert_dropped(...) assert_int_equal(add(__VA_ARGS__), UIOMMU_PRG_DROPPED)
#define assert_incomplete(...) assert_int_equal(add(__VA_ARGS__), UIOMMU_PRG_INCOMPLETE)

#endif /* PRG_CHECK_H */
