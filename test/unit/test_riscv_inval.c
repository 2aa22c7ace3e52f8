/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Translations that are to be forgotten: what is written, in which order, and how wide. */

#include "riscv_rig.h"

#define VMA(flags) (UINT64_C(0x0000000100001001) | (flags))
#define AV 0x400
#define NL (UINT64_C(1) << 34)
#define ATS_PASID UINT64_C(0x0503020300005004)
#define PAGES_SHIFTED(page) ((uint64_t)(page) << 10)

static struct riscv_endpoint *endpoint;
static struct riscv_domain *domain;
static struct uiommu_inval_target target;

static int
with_domain(void **state, uint64_t without)
{
	(void)state;
	hw_reset();
	hw.caps &= ~without;
	if (unit_start() != 0)
		return -1;
	endpoint = endpoint_new(DID, 0);
	domain = domain_new(UIOMMU_DOMAIN_PAGING);
	target = (struct uiommu_inval_target){endpoint, 5};
	return 0;
}

static int
with_all(void **state)
{
	return with_domain(state, 0);
}

static int
with_pages(void **state)
{
	return with_domain(state, RISCV_CAP_S | RISCV_CAP_NL);
}

static int
end(void **state)
{
	riscv_domain_fini(&dev, domain);
	riscv_endpoint_free(&dev, endpoint);
	return tear_down(state);
}

static struct uiommu_inval
inval_of(const struct uiommu_pgtable_range *ranges, uint32_t nb)
{
	return (struct uiommu_inval){
		.domain_private = domain, .ranges = ranges, .nb_ranges = nb, .targets = &target,
		.nb_targets = 1,
	};
}

static void
forget(const struct uiommu_inval *inval)
{
	struct uiommu_cmd cmd = {.op = UIOMMU_CMD_INVALIDATE, .inval = inval};

	hw.nb_seen = 0;
	assert_int_equal(command(&cmd), 0);
}

/* The unit, a fence, the device, a fence. */
static void
a_page(void **state)
{
	const struct uiommu_pgtable_range range = {0x7000, 0x1000};
	struct uiommu_inval inval = inval_of(&range, 1);
	const struct riscv_cmd want[] = {
		cmd_of(VMA(AV), PAGES_SHIFTED(7)), cmd_of(2, 0), cmd_of(ATS_PASID, 0x7000),
	};

	forget(&inval);
	assert_seen(want, 3);
	/* what was absent is in no device */
	inval.only_absent = true;
	forget(&inval);
	assert_seen(want, 1);
	inval.only_absent = false;
	endpoint->ats = false;
	forget(&inval);
	assert_seen(want, 1);
	inval.nb_targets = 0;
	forget(&inval);
	assert_int_equal(hw.nb_seen, 0);
}

static void
ranges(void **state)
{
	const struct uiommu_pgtable_range some[] = {{0x200000, 0x200000}, {0x8000, 0x4000}};
	struct uiommu_inval inval = inval_of(some, 2);
	const struct riscv_cmd want[] = {
		cmd_of(VMA(AV), PAGES_SHIFTED(0x2ff) | 0x200),
		cmd_of(VMA(AV), PAGES_SHIFTED(9) | 0x200),
		cmd_of(2, 0),
		cmd_of(ATS_PASID, 0x2ff800), cmd_of(ATS_PASID, 0x9800),
	};
	const uint64_t wide = queue->stats.wide_invalidations;

	forget(&inval);
	assert_seen(want, 5);
	assert_true(queue->stats.wide_invalidations == wide);
	/* pointers to tables with them */
	inval.tables = true;
	forget(&inval);
	assert_int_equal(hw.nb_seen, 6);
	assert_seen_at(0, VMA(AV | NL), want[0].q[1]);
	assert_seen_at(1, VMA(AV | NL), want[1].q[1]);
	assert_true(queue->stats.wide_invalidations == wide);
}

static void
everything(void **state)
{
	struct uiommu_inval inval = inval_of(NULL, 0);
	const struct riscv_cmd want[] = {
		cmd_of(VMA(0), 0), cmd_of(2, 0), cmd_of(ATS_PASID, 0x7ffffffffffff800),
	};

	inval.all = true;
	forget(&inval);
	assert_seen(want, 3);
	assert_true(queue->stats.wide_invalidations == 0);
	target.pasid = UIOMMU_NO_PASID;
	forget(&inval);
	assert_seen_at(2, 0x0503020200000004, 0x7ffffffffffff800);
	/* tables without a range */
	inval.all = false;
	inval.tables = true;
	forget(&inval);
	assert_seen_at(0, VMA(0), 0);
}

/* Page by page without ranges; or all, where that is too many, or tables go. */
static void
page_by_page(void **state)
{
	const struct uiommu_pgtable_range few = {0x8000, 0x4000}, many = {0, 0x41000};
	struct uiommu_inval inval = inval_of(&few, 1);
	unsigned int i;

	endpoint->ats = false;
	forget(&inval);
	assert_int_equal(hw.nb_seen, 5);
	for (i = 0; i < 4; i++)
		assert_seen_at(i, VMA(AV), PAGES_SHIFTED(8 + i));
	inval.tables = true;
	forget(&inval);
	assert_seen((struct riscv_cmd[]){cmd_of(VMA(0), 0)}, 1);
	inval = inval_of(&many, 1);
	forget(&inval);
	assert_seen((struct riscv_cmd[]){cmd_of(VMA(0), 0)}, 1);
	assert_int_equal(queue->stats.wide_invalidations, 2);
}

/* Pieces, each behind a fence, with all that is to be written, once. */
static void
long_rows(void **state)
{
	struct uiommu_inval_target targets[300];
	const struct uiommu_pgtable_range range = {0x7000, 0x1000};
	struct uiommu_inval inval = inval_of(&range, 1);
	uint32_t i, nb = 0, run = 0, longest = 0;

	for (i = 0; i < 300; i++)
		targets[i] = (struct uiommu_inval_target){endpoint, i + 1};
	inval.targets = targets;
	inval.nb_targets = 300;
	forget(&inval);
	for (i = 0; i < hw.nb_seen; i++) {
		if ((hw.seen[i].q[0] & 0x3ff) == OP_ATS_INVAL)
			assert_int_equal(hw.seen[i].q[0] >> 12 & 0xfffff, ++nb);
		run = (hw.seen[i].q[0] & 0x3ff) == OP_ATS_INVAL ? run + 1 : 0;
		longest = RTE_MAX(longest, run);
	}
	assert_int_equal(nb, 300);
	assert_int_equal(longest, RISCV_ATS_RUN_MAX);
	assert_int_equal(queue->stats.atc_invalidations, 300);
	assert_int_equal(queue->stats.tlb_invalidations, 1);
}

/* From the data path: behind it a fence, and then what is answered. */
static void
by_the_way(void **state)
{
	const struct uiommu_pgtable_range range = {0x7000, 0x1000};
	struct uiommu_inval inval = inval_of(&range, 1);
	uint32_t sent = 0;

	hw.nb_seen = 0;
	hw.dead = true;
	assert_true(riscv_invalidate(queue, &inval));
	assert_int_equal(queue->cq.tail, queue->cq.fenced);
	respond(&sent, 1);
	hw.dead = false;
	riscv_cq_refresh(&queue->cq);
	assert_int_equal(hw.responses, 1);
	assert_int_equal(hw.nb_seen, 4);
	assert_seen_at(0, VMA(AV), PAGES_SHIFTED(7));
	assert_seen_at(1, 2, 0);
	assert_seen_at(2, ATS_PASID, 0x7000);
	/* what was written there by devices is complete, too */
	assert_seen_at(3, 0x3002, 0);
}

/* With little room more is forgotten; with none nothing is written. */
static void
little_room(void **state)
{
	struct uiommu_pgtable_range few[16] = {{0}};
	struct uiommu_inval inval = inval_of(few, 16);
	uint32_t sent = 0, i, tail, fenced;

	for (i = 0; i < 16; i++)
		few[i] = (struct uiommu_pgtable_range){0x10000 * i, 0x1000};
	hw.dead = true;
	while (riscv_cq_room(&queue->cq) > 16)
		respond(&sent, 1);
	hw.nb_seen = 0;
	assert_true(riscv_invalidate(queue, &inval));
	assert_int_equal(queue->stats.wide_invalidations, 1);
	/* too little even for all at once: a fence that was begun is none */
	while (riscv_cq_room(&queue->cq) > 6)
		respond(&sent, 1);
	tail = queue->cq.tail;
	fenced = queue->cq.fenced;
	assert_false(riscv_invalidate(queue, &inval));
	assert_int_equal(queue->cq.tail, tail);
	assert_int_equal(queue->cq.fenced, fenced);
	while (riscv_cq_room(&queue->cq) != 0)
		respond(&sent, 1);
	tail = queue->cq.tail;
	assert_false(riscv_invalidate(queue, &inval));
	assert_int_equal(queue->cq.tail, tail);
	hw.dead = false;
	riscv_cq_refresh(&queue->cq);
	assert_seen_at(0, VMA(0), 0);
	/* a unit that has failed answers nothing any more */
	queue->cq.failed = -EIO;
	assert_true(riscv_invalidate(queue, &inval));
	queue->cq.failed = 0;
}

#define WITH(name, set_up) cmocka_unit_test_setup_teardown(name, set_up, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(a_page, with_all),           WITH(ranges, with_all),
		WITH(everything, with_all),       WITH(page_by_page, with_pages),
		WITH(long_rows, with_all),        WITH(by_the_way, with_all),
		WITH(little_room, with_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
