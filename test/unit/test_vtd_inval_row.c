/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Rows of invalidations: how many descriptors at a time, what room they find, and what comes after
 * them.
 */

#include "vtd_inval_rig.h"

/* ------------------------------------------------------------------------ pieces */

/* Many bonds with a block each: 2 * nb descriptors */
static void
bonds_are(unsigned int nb)
{
	unsigned int i;

	for (i = 0; i < nb; i++)
		targets[i] = (struct uiommu_inval_target){.endpoint_private = endpoint,
							  .pasid = i + 1};
	inval.nb_targets = nb;
}

static void
long_row_check(unsigned int nb)
{
	unsigned int i;

	assert_int_equal(hw.nb_seen, 2 * nb);
	for (i = 0; i < nb; i++) {
		const struct vtd_desc unit = PASID_PAGES(i + 1, PAGES(0x10) | IH);
		const struct vtd_desc device = DEVICE_PAGES(0x0302, i + 1, PAGES(0x10));

		assert_memory_equal(&hw.seen[i], &unit, sizeof(unit));
		assert_memory_equal(&hw.seen[nb + i], &device, sizeof(device));
	}
}

/* More than the queue has room for. No more than 64 at a time; one wait, at the end. */
static void
long_rows_go_in_pieces(void **state)
{
	struct uiommu_cmd cmd = command();
	unsigned int i;

	bonds_are(200);
	hw.dead = true;
	for (i = 0; i < 100; i++)
		assert_int_equal(vtd_cmd_step(&queue, &cmd), -EINPROGRESS);
	assert_int_equal(hw.iqt, 64 * 32);
	hw.dead = false;
	for (i = 0; i < 5; i++)
		assert_int_equal(vtd_cmd_step(&queue, &cmd), -EINPROGRESS);
	assert_int_equal(hw.status, 0);
	assert_int_equal(vtd_cmd_step(&queue, &cmd), -EINPROGRESS);
	assert_int_equal(hw.status, 1);
	assert_int_equal(vtd_cmd_step(&queue, &cmd), 0);
	long_row_check(200);
	assert_int_equal(queue.iotlb_invalidations, 200);
	assert_int_equal(queue.device_tlb_invalidations, 200);
	assert_int_equal(queue.wide_invalidations, 0);
}

/* What other descriptors leave of the queue is enough, as long as it is two. */
static void
little_room_is_enough(void **state)
{
	struct uiommu_cmd cmd = command();
	const struct vtd_desc fence = vtd_qi_fence();
	unsigned int i;

	bonds_are(20);
	hw.dead = true;
	for (i = 0; i < 126; i++)
		assert_true(vtd_iq_push(&queue.iq, &fence, 1));
	assert_int_equal(vtd_cmd_step(&queue, &cmd), -EINPROGRESS);
	assert_int_equal(hw.iqt, 126 * 32);
	/* two are taken, then no more */
	hw.iqh = 64;
	assert_int_equal(vtd_cmd_step(&queue, &cmd), -EINPROGRESS);
	assert_int_equal(hw.iqt, 0);
	hw.dead = false;
	hw_run(true);
	hw.nb_seen = 0;
	for (i = 0; i < 10 && vtd_cmd_step(&queue, &cmd) != 0; i++)
		;
	assert_int_equal(hw.nb_seen, 40 - 2);
	assert_true(hw.status == queue.iq.seq);
}

/* A device does not confirm: all of it again, from the start, whatever was written. */
static void
device_time_out_begins_again(void **state)
{
	struct uiommu_cmd cmd = command();
	unsigned int i;

	bonds_are(100);
	hw.time_out = 1;
	for (i = 0; i < 100 && queue.iq.epoch == 0; i++)
		assert_int_equal(vtd_cmd_step(&queue, &cmd), -EINPROGRESS);
	assert_int_equal(queue.iq.epoch, 1);
	/* what is still in the queue is carried out */
	hw_run(true);
	hw.nb_seen = 0;
	for (i = 0; i < 100 && vtd_cmd_step(&queue, &cmd) != 0; i++)
		;
	assert_true(i < 100);
	long_row_check(100);
	assert_int_equal(queue.iq.stats.cmd_restarts, 1);
}

/* Bonds times blocks has a bound too. */
static void
much_work_becomes_all(void **state)
{
	struct uiommu_cmd cmd = command();
	unsigned int i;

	bonds_are(200);
	range_is(0, 3, 8);
	for (i = 0; i < 100 && vtd_cmd_step(&queue, &cmd) != 0; i++)
		;
	assert_true(i < 100);
	assert_int_equal(hw.nb_seen, 400);
	for (i = 0; i < 200; i++) {
		const struct vtd_desc unit = PASID_ALL(i + 1);
		const struct vtd_desc device = DEVICE_ALL(0x0302, i + 1);

		assert_memory_equal(&hw.seen[i], &unit, sizeof(unit));
		assert_memory_equal(&hw.seen[200 + i], &device, sizeof(device));
	}
	assert_int_equal(queue.wide_invalidations, 1);
}

/* --------------------------------------------------------------------- data path */

#define EXPECT_NOW(...)                                                                            \
	do {                                                                                       \
		const struct vtd_desc expected[] = {__VA_ARGS__};                                  \
		seen_check(expected, ARRAY_COUNT(expected), __LINE__);                             \
		hw.nb_seen = 0;                                                                    \
	} while (0)

/* The fence comes last, so that answers written after it come after all of it. */
static void
answers_come_after_it(void **state)
{
	unsigned int sent = 0;

	hw.dead = true;
	respond(&sent, 3);
	assert_true(vtd_invalidate(&queue, &inval));
	respond(&sent, 2);
	assert_int_equal(hw.iqt, 8 * 32);
	/* types of what stands in the queue: 9, then 6, 8, 5, then 9 */
	assert_int_equal(hw.ring[2].q[0] & 0xf, 9);
	assert_int_equal(hw.ring[3].q[0] & 0xf, 6);
	assert_int_equal(hw.ring[4].q[0] & 0xf, 8);
	assert_true(hw.ring[5].q[0] == 0x45 && hw.ring[5].q[1] == 0);
	assert_int_equal(hw.ring[6].q[0] & 0xf, 9);
	hw.dead = false;
	hw_run(true);
	EXPECT_NOW(PASID_PAGES(1, PAGES(0x10) | IH), DEVICE_PAGES(0x0302, 1, PAGES(0x10)), FENCE);
	assert_responses(5);
	assert_int_equal(queue.iotlb_invalidations, 1);
	assert_int_equal(queue.device_tlb_invalidations, 1);
}

/* 127 entries less 16 for commands, and half of these is left for answers: 55 */
static void
no_room_writes_nothing(void **state)
{
	unsigned int sent = 0, i;

	hw.dead = true;
	respond(&sent, 111);
	assert_false(vtd_invalidate(&queue, &inval));
	assert_int_equal(hw.iqt, 111 * 32);
	assert_int_equal(queue.iotlb_invalidations, 0);
	hw.dead = false;
	hw_run(true);
	assert_responses(111);
	assert_int_equal(hw.nb_seen, 0);
	assert_true(vtd_invalidate(&queue, &inval));
	EXPECT_NOW(PASID_PAGES(1, PAGES(0x10) | IH), DEVICE_PAGES(0x0302, 1, PAGES(0x10)), FENCE);
	/* 27 bonds with a block fit, with two they are widened; 28 only as a whole */
	bonds_are(27);
	assert_true(vtd_invalidate(&queue, &inval));
	assert_int_equal(hw.nb_seen, 55);
	assert_int_equal(queue.wide_invalidations, 0);
	hw.nb_seen = 0;
	range_is(0, 3, 3);
	assert_true(vtd_invalidate(&queue, &inval));
	assert_int_equal(hw.nb_seen, 55);
	for (i = 0; i < 27; i++) {
		const struct vtd_desc unit = PASID_ALL(i + 1);

		assert_memory_equal(&hw.seen[i], &unit, sizeof(unit));
	}
	assert_int_equal(queue.wide_invalidations, 1);
	hw.nb_seen = 0;
	bonds_are(28);
	assert_true(vtd_invalidate(&queue, &inval));
	EXPECT_NOW(ALL, RID_ALL(0x0302), DEVICE_PASIDS(0x0302), FENCE);
}

/* So many devices that no width fits: nothing, ever; and nothing is written. */
static void
too_many_devices_are_refused(void **state)
{
	static struct vtd_endpoint *many[60];
	unsigned int i;

	for (i = 0; i < ARRAY_COUNT(many); i++) {
		many[i] = calloc(1, sizeof(*many[i]));
		assert_non_null(many[i]);
		many[i]->ats = true;
		targets[i] = (struct uiommu_inval_target){.endpoint_private = many[i], .pasid = 1};
	}
	inval.nb_targets = ARRAY_COUNT(many);
	assert_false(vtd_invalidate(&queue, &inval));
	assert_int_equal(hw.iqt, 0);
	for (i = 0; i < ARRAY_COUNT(many); i++)
		free(many[i]);
}

static void
failed_units_answer_nothing(void **state)
{
	queue.iq.failed = -EIO;
	assert_true(vtd_invalidate(&queue, &inval));
	assert_int_equal(hw.iqt, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(long_rows_go_in_pieces),
		CASE(little_room_is_enough),
		CASE(device_time_out_begins_again),
		CASE(much_work_becomes_all),
		CASE(answers_come_after_it),
		CASE(no_room_writes_nothing),
		CASE(too_many_devices_are_refused),
		CASE(failed_units_answer_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
