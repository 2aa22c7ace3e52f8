/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* PASID table: lib/iommu/pasid_table.c, included as source with a heap of our own. */

#include "unit.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <rte_malloc.h>

static unsigned int nb_leaves;	/* allocated and not freed */
static unsigned int nb_allowed; /* allocations that succeed from now on */
static int last_socket;

static void *
heap_zmalloc(const char *type, size_t size, unsigned int align, int socket_id)
{
	void *p;

	assert_non_null(type);
	last_socket = socket_id;
	if (nb_allowed == 0)
		return NULL;
	nb_allowed--;
	nb_leaves++;
	p = aligned_alloc(align, (size + align - 1) / align * align);
	assert_non_null(p);
	return memset(p, 0, size);
}

static void
heap_free(void *p)
{
	if (p != NULL)
		nb_leaves--;
	free(p);
}

#define rte_zmalloc_socket heap_zmalloc
#define rte_free heap_free

#include "pasid_table.c"

static struct uiommu_pasid_table table;

/* A handle that tells its PASID; never looked into. */
static struct uiommu_attach *
handle(uint32_t pasid)
{
	return (struct uiommu_attach *)(uintptr_t)(UINT64_C(0x100000000) + pasid * UINT64_C(64));
}

static int
table_make(void **state)
{
	nb_leaves = 0;
	nb_allowed = UINT32_MAX;
	uiommu_pvt_pasid_table_init(&table);
	return 0;
}

static int
table_end(void **state)
{
	uiommu_pvt_pasid_table_fini(&table);
	/* the shared leaf is nobody's */
	return nb_leaves == 0 ? 0 : -1;
}

static void
empty_table_has_no_handle(void **state)
{
	uint32_t pasid;

	for (pasid = 0; pasid <= UIOMMU_NO_PASID; pasid++)
		if (uiommu_pvt_pasid_table_get(&table, pasid) != NULL)
			fail_msg("PASID %u has a handle", pasid);
	assert_int_equal(nb_leaves, 0);
}

/* Every PASID that there is, and the place of requests without one. */
static void
each_pasid_has_its_place(void **state)
{
	uint32_t pasid;

	for (pasid = 0; pasid <= UIOMMU_NO_PASID; pasid++) {
		assert_int_equal(uiommu_pvt_pasid_table_reserve(&table, pasid, 0), 0);
		uiommu_pvt_pasid_table_set(&table, pasid, handle(pasid));
	}
	for (pasid = 0; pasid <= UIOMMU_NO_PASID; pasid++)
		if (uiommu_pvt_pasid_table_get(&table, pasid) != handle(pasid))
			fail_msg("PASID %u has a wrong handle", pasid);
	/* taking one away takes away no other */
	for (pasid = 0; pasid <= UIOMMU_NO_PASID; pasid += 2)
		uiommu_pvt_pasid_table_set(&table, pasid, NULL);
	for (pasid = 0; pasid <= UIOMMU_NO_PASID; pasid++)
		if (uiommu_pvt_pasid_table_get(&table, pasid) !=
		    (pasid % 2 == 0 ? NULL : handle(pasid)))
			fail_msg("PASID %u has a wrong handle", pasid);
}

/* 20 bits in leaves of 1024: 1024 leaves and one for requests without PASID. */
static void
leaves_come_as_needed(void **state)
{
	static const struct {
		uint32_t pasid;
		unsigned int leaves;
	} steps[] = {
		{0, 1},	      {1, 1},	    {1023, 1},	  {1024, 2},
		{2047, 2},    {0xfffff, 3}, {0xffc00, 3}, {UIOMMU_NO_PASID, 4},
		{0xffbff, 5}, {5, 5},
	};
	unsigned int i;

	for (i = 0; i < ARRAY_COUNT(steps); i++) {
		assert_int_equal(uiommu_pvt_pasid_table_reserve(&table, steps[i].pasid, 7), 0);
		assert_int_equal(nb_leaves, steps[i].leaves);
		assert_int_equal(last_socket, 7);
		assert_null(uiommu_pvt_pasid_table_get(&table, steps[i].pasid));
	}
	assert_int_equal(UIOMMU_PASID_DIR_ENTRIES, 1025);
}

/* A reader that holds a place sees what is set later; reserving again moves nothing. */
static void
places_stay(void **state)
{
	struct uiommu_attach *const *place;

	assert_int_equal(uiommu_pvt_pasid_table_reserve(&table, 77, 0), 0);
	place = uiommu_pvt_pasid_table_slot(&table, 77);
	assert_null(uiommu_pvt_pasid_table_load(place));
	uiommu_pvt_pasid_table_set(&table, 77, handle(77));
	assert_ptr_equal(uiommu_pvt_pasid_table_load(place), handle(77));
	assert_int_equal(uiommu_pvt_pasid_table_reserve(&table, 78, 0), 0);
	assert_int_equal(uiommu_pvt_pasid_table_reserve(&table, 5000, 0), 0);
	assert_ptr_equal(uiommu_pvt_pasid_table_slot(&table, 77), place);
	assert_ptr_equal(uiommu_pvt_pasid_table_load(place), handle(77));
	uiommu_pvt_pasid_table_set(&table, 77, NULL);
	assert_null(uiommu_pvt_pasid_table_load(place));
}

static void
no_memory_changes_nothing(void **state)
{
	assert_int_equal(uiommu_pvt_pasid_table_reserve(&table, 1, 0), 0);
	uiommu_pvt_pasid_table_set(&table, 1, handle(1));
	nb_allowed = 0;
	assert_int_equal(uiommu_pvt_pasid_table_reserve(&table, 2048, 0), -ENOMEM);
	assert_int_equal(uiommu_pvt_pasid_table_reserve(&table, UIOMMU_NO_PASID, 0), -ENOMEM);
	assert_null(uiommu_pvt_pasid_table_get(&table, 2048));
	assert_null(uiommu_pvt_pasid_table_get(&table, UIOMMU_NO_PASID));
	/* the leaf is there: needs no memory */
	assert_int_equal(uiommu_pvt_pasid_table_reserve(&table, 2, 0), 0);
	assert_ptr_equal(uiommu_pvt_pasid_table_get(&table, 1), handle(1));
	nb_allowed = 1;
	assert_int_equal(uiommu_pvt_pasid_table_reserve(&table, 2048, 0), 0);
	assert_int_equal(nb_leaves, 2);
}

static void
table_can_be_used_again(void **state)
{
	assert_int_equal(uiommu_pvt_pasid_table_reserve(&table, 9, 0), 0);
	uiommu_pvt_pasid_table_set(&table, 9, handle(9));
	uiommu_pvt_pasid_table_fini(&table);
	assert_int_equal(nb_leaves, 0);
	assert_null(uiommu_pvt_pasid_table_get(&table, 9));
	assert_int_equal(uiommu_pvt_pasid_table_reserve(&table, 9, 0), 0);
	assert_null(uiommu_pvt_pasid_table_get(&table, 9));
}

static void
shared_leaf_is_never_written(void **state)
{
	uint32_t i;

	each_pasid_has_its_place(state);
	for (i = 0; i < UIOMMU_PASID_LEAF_ENTRIES; i++)
		assert_null(uiommu_pasid_leaf_empty.attach[i]);
}

/* What a reader finds while a writer works: no handle, or the whole of the right one. */
struct full_handle {
	uint32_t pasid;
	uint32_t check;
};

#define RACE_PASIDS 4096

static struct full_handle race_handles[RACE_PASIDS];
static uint32_t race_over;

static void *
race_reader(void *arg)
{
	uint64_t random = 1;
	uintptr_t wrong = 0;

	while (__atomic_load_n(&race_over, __ATOMIC_RELAXED) == 0) {
		uint32_t pasid = (uint32_t)(unit_random(&random) % RACE_PASIDS) * 251;
		const struct full_handle *found =
			(const struct full_handle *)uiommu_pvt_pasid_table_get(&table, pasid);

		if (found != NULL && (found->pasid != pasid || found->check != ~pasid))
			wrong++;
	}
	return (void *)wrong;
}

static void
reader_sees_whole_handles(void **state)
{
	pthread_t reader;
	void *wrong;
	uint32_t i;

	race_over = 0;
	assert_int_equal(pthread_create(&reader, NULL, race_reader, NULL), 0);
	for (i = 0; i < RACE_PASIDS; i++) {
		race_handles[i] = (struct full_handle){i * 251, ~(i * 251)};
		assert_int_equal(uiommu_pvt_pasid_table_reserve(&table, i * 251, 0), 0);
		uiommu_pvt_pasid_table_set(&table, i * 251,
					   (struct uiommu_attach *)(void *)&race_handles[i]);
	}
	for (i = 0; i < RACE_PASIDS; i++)
		uiommu_pvt_pasid_table_set(&table, i * 251, NULL);
	__atomic_store_n(&race_over, 1, __ATOMIC_RELAXED);
	assert_int_equal(pthread_join(reader, &wrong), 0);
	assert_null(wrong);
}

#define table_test(f) cmocka_unit_test_setup_teardown(f, table_make, table_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		table_test(empty_table_has_no_handle),	  table_test(each_pasid_has_its_place),
		table_test(leaves_come_as_needed),	  table_test(places_stay),
		table_test(no_memory_changes_nothing),	  table_test(table_can_be_used_again),
		table_test(shared_leaf_is_never_written), table_test(reader_sees_whole_handles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
