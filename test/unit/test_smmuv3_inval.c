/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Translations forgotten: how much, in which order, and in how many commands. */

#include "smmuv3_rig.h"

#include <uiommu_pgtable.h>

static struct smmuv3_endpoint *endpoint;
static struct smmuv3_domain *domain;

static int
inval_set_up(void **state)
{
	if (set_up(state) != 0)
		return -1;
	endpoint = endpoint_new(SID, 0);
	domain = domain_new(UIOMMU_DOMAIN_PAGING);
	return 0;
}

static int
inval_tear_down(void **state)
{
	smmuv3_domain_fini(&dev, domain);
	smmuv3_endpoint_free(&dev, endpoint);
	return tear_down(state);
}

/* As a command and on the data path: what the unit sees */
static void
both_ways(const struct uiommu_inval *inval, const struct smmuv3_cmd *want, uint32_t n)
{
	struct uiommu_cmd cmd = {.op = UIOMMU_CMD_INVALIDATE, .inval = inval};
	uint32_t way, i;

	for (way = 0; way < 2; way++) {
		hw.nb_seen = 0;
		if (way == 0)
			assert_int_equal(command(&cmd), 0);
		else
			assert_true(smmuv3_invalidate(queue, inval));
		assert_int_equal(hw.nb_seen, n + 1);
		for (i = 0; i < n; i++) {
			assert_true(hw.seen[i].q[0] == want[i].q[0]);
			assert_true(hw.seen[i].q[1] == want[i].q[1]);
		}
		assert_int_equal(hw.seen[n].q[0] & 0xff, SMMUV3_CMD_SYNC);
	}
}

static uint64_t
tlbi(uint64_t op)
{
	return (uint64_t)domain->asid << 48 | op;
}

static void
by_range(void **state)
{
	const struct uiommu_pgtable_range ranges[] = {{0x200000, 0x200000}, {0x7000, 0x1000}};
	const struct uiommu_inval_target targets[] = {{endpoint, 5}, {endpoint, UIOMMU_NO_PASID}};
	struct uiommu_inval inval = {
		.domain_private = domain, .ranges = ranges, .nb_ranges = 2, .targets = targets,
		.nb_targets = 2,
	};
	/* one page has no range: that would be illegal */
	struct smmuv3_cmd want[] = {
		{{tlbi(0x12) | 9 << 20, 0x200401}}, {{tlbi(0x12), 0x7001}}, {{0x46, 0}},
		{{0x0000030200005840, 0x200009}}, {{0x0000030200005840, 0x7000}},
		{{0x0000030200000040, 0x200009}}, {{0x0000030200000040, 0x7000}},
	};

	both_ways(&inval, want, RTE_DIM(want));
	/* where tables go the entries that lead to them go too */
	inval.tables = true;
	want[0].q[1] &= ~UINT64_C(1);
	want[1].q[1] &= ~UINT64_C(1);
	both_ways(&inval, want, RTE_DIM(want));
	/* what was absent is in no device, and one CMD_SYNC is enough */
	inval.tables = false;
	inval.only_absent = true;
	want[0].q[1] |= 1;
	want[1].q[1] |= 1;
	both_ways(&inval, want, 2);
	assert_int_equal(queue->stats.wide_invalidations, 0);
}

/* Without ranges: page by page, as long as they are few. */
static void
by_page(void **state)
{
	struct uiommu_pgtable_range range = {0x3000, 0x3000};
	const struct uiommu_inval_target target = {endpoint, 5};
	const struct uiommu_inval inval = {
		.domain_private = domain, .ranges = &range, .nb_ranges = 1, .targets = &target,
		.nb_targets = 1,
	};
	const struct smmuv3_cmd few[] = {
		{{tlbi(0x12), 0x3001}}, {{tlbi(0x12), 0x4001}}, {{tlbi(0x12), 0x5001}},
		{{0x46, 0}}, {{0x0000030200005840, 0x3000}}, {{0x0000030200005840, 0x4001}},
	};
	const struct smmuv3_cmd many[] = {
		{{tlbi(0x11), 0}}, {{0x46, 0}}, {{0x0000030200005840, 0x200009}},
	};

	queue->has_ril = false;
	both_ways(&inval, few, RTE_DIM(few));
	assert_int_equal(queue->stats.wide_invalidations, 0);
	range = (struct uiommu_pgtable_range){0x200000, 0x200000};
	both_ways(&inval, many, RTE_DIM(many));
	assert_int_equal(queue->stats.wide_invalidations, 2);
}

static void
all_of_it(void **state)
{
	const struct uiommu_inval_target targets[] = {{endpoint, 5}, {endpoint, UIOMMU_NO_PASID}};
	const struct uiommu_inval inval = {
		.domain_private = domain, .all = true, .targets = targets, .nb_targets = 2,
	};
	const struct smmuv3_cmd want[] = {
		{{tlbi(0x11), 0}}, {{0x46, 0}}, {{0x0000030200005840, 52}},
		{{0x0000030200000040, 52}},
	};

	both_ways(&inval, want, RTE_DIM(want));
	assert_int_equal(queue->stats.wide_invalidations, 0);
	/* no device that caches */
	endpoint->ats = false;
	both_ways(&inval, want, 1);
	endpoint->ats = true;
}

/* Ranges that cannot be said in a few blocks are widened, never narrowed. */
static void
odd_ranges(void **state)
{
	const struct uiommu_inval_target target = {endpoint, 5};
	uint64_t seed = 11;
	uint32_t round, i;

	for (round = 0; round < 500; round++) {
		const uint64_t first = unit_random(&seed) >> (17 + unit_random(&seed) % 30);
		const uint64_t pages = 1 + (unit_random(&seed) >> (40 + unit_random(&seed) % 23));
		const struct uiommu_pgtable_range range = {first << 12, pages << 12};
		const struct uiommu_inval inval = {
			.domain_private = domain, .ranges = &range, .nb_ranges = 1,
			.targets = &target, .nb_targets = 1,
		};
		uint64_t unit = first, device = first;

		hw.nb_seen = 0;
		assert_true(smmuv3_invalidate(queue, &inval));
		for (i = 0; i < hw.nb_seen; i++) {
			const struct smmuv3_cmd *cmd = &hw.seen[i];
			const uint64_t at = cmd->q[1] >> 12;
			uint64_t *done = (cmd->q[0] & 0xff) == 0x40 ? &device : &unit;
			const uint64_t order = (cmd->q[0] & 0xff) == 0x40 ? (cmd->q[1] & 0x3f) :
					       cmd->q[0] >> 20 & 0x1f;

			if ((cmd->q[0] & 0xff) == 0x46)
				continue;
			assert_true(at <= *done);
			assert_true(at % (UINT64_C(1) << order) == 0);
			*done = RTE_MAX(*done, at + (UINT64_C(1) << order));
		}
		assert_true(unit >= first + pages);
		assert_true(device >= first + pages);
	}
}

/* More invalidations of devices than may have to be written again have a CMD_SYNC between them. */
static void
long_rows(void **state)
{
	struct uiommu_inval_target targets[200];
	const struct uiommu_inval inval = {
		.domain_private = domain, .all = true, .targets = targets, .nb_targets = 200,
	};
	struct uiommu_cmd cmd = {.op = UIOMMU_CMD_INVALIDATE, .inval = &inval};
	uint32_t i, run = 0, atcs = 0;

	for (i = 0; i < RTE_DIM(targets); i++)
		targets[i] = (struct uiommu_inval_target){endpoint, i + 1};
	assert_int_equal(command(&cmd), 0);
	for (i = 0; i < hw.nb_seen; i++) {
		run = (hw.seen[i].q[0] & 0xff) == 0x40 ? run + 1 : 0;
		atcs += run != 0;
		assert_true(run <= SMMUV3_ATC_RUN_MAX);
		if (run != 0)
			assert_true((hw.seen[i].q[0] >> 12 & 0xfffff) == atcs);
	}
	assert_int_equal(atcs, 200);
	assert_int_equal(queue->stats.atc_invalidations, 200);
}

/* On the data path a row that finds no room becomes a shorter one, or nothing is written. */
static void
no_room(void **state)
{
	struct uiommu_inval_target targets[300];
	const struct uiommu_inval inval = {
		.domain_private = domain, .all = true, .targets = targets, .nb_targets = 300,
	};
	uint32_t i, sent = 0;

	for (i = 0; i < RTE_DIM(targets); i++)
		targets[i] = (struct uiommu_inval_target){endpoint, i + 1};
	/* one endpoint: its device as a whole, again for each that is not looked back to */
	assert_true(smmuv3_invalidate(queue, &inval));
	assert_int_equal(queue->stats.wide_invalidations, 1);
	assert_true(queue->stats.atc_invalidations < 20);
	hw.nb_seen = 0;
	hw.dead = true;
	respond(&sent, ENTRIES - SMMUV3_CMDQ_RESERVE - 4);
	assert_false(smmuv3_invalidate(queue, &inval));
	assert_int_equal(queue->cmdq.tail - queue->cmdq.head, sent);
	hw.dead = false;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(by_range, inval_set_up, inval_tear_down),
		cmocka_unit_test_setup_teardown(by_page, inval_set_up, inval_tear_down),
		cmocka_unit_test_setup_teardown(all_of_it, inval_set_up, inval_tear_down),
		cmocka_unit_test_setup_teardown(odd_ranges, inval_set_up, inval_tear_down),
		cmocka_unit_test_setup_teardown(long_rows, inval_set_up, inval_tear_down),
		cmocka_unit_test_setup_teardown(no_room, inval_set_up, inval_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
