/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef EMU_RIG_JUDGE_H
#define EMU_RIG_JUDGE_H

/*
 * What the judge must say of any unit: after a detach, of what is looked up after Success, of
 * devices that use addresses. A rig includes this behind its driver; it has a DEVICE with PASIDs,
 * all of which go by one table of pages: page(), PAGE().
 */

/* The next request in the queue: Success, or Invalid. */
static inline void
answer_next(bool granted);

static inline struct uiommu_emu_request
request_for(uint32_t endpoint_id, uint32_t pasid, uint16_t prgi)
{
	return (struct uiommu_emu_request){
		.endpoint_id = endpoint_id, .pasid = pasid, .iova = 0x123000, .prg_index = prgi,
		.read = true, .last = true,
	};
}

static inline enum uiommu_emu_outcome
ask(uint32_t endpoint_id, uint32_t pasid)
{
	static uint16_t prgi;
	const struct uiommu_emu_request req = request_for(endpoint_id, pasid, prgi++ % 512);

	return uiommu_emu_request(rig.emu, &req);
}

static inline void
steps(unsigned int nb)
{
	while (nb-- > 0) {
		step();
		serve_all();
	}
}

/* Of PASID 1. */
static inline void
bond_is(uint32_t endpoint_id, enum uiommu_emu_pasid_state what)
{
	assert_int_equal(uiommu_emu_pasid_state(rig.emu, endpoint_id, 1, what), 0);
	step();
}

/* Devices ask in one step, and no more. */
static inline void
ask_once(void)
{
	rig_traffic(&(struct uiommu_emu_traffic){0});
	step();
	uiommu_emu_traffic_run(rig.emu, false);
}

/* -------------------------------------------------------------------- around a detach */

/* @param out DEVICE's PASID 1 out of the tables; @param in back */
static inline void
check_detach(void (*out)(void), void (*in)(void))
{
	struct uiommu_emu_verdict v;

	rig_traffic(&(struct uiommu_emu_traffic){.burst = 8});
	step();
	bond_is(DEVICE, UIOMMU_EMU_CHANGING);
	out();
	/* what was asked before is answered by now; the device asks on */
	uiommu_emu_traffic_run(rig.emu, false);
	steps(2);
	serve_all();
	bond_is(DEVICE, UIOMMU_EMU_DETACHED);
	uiommu_emu_traffic_run(rig.emu, true);
	steps(20);
	v = verdict(false);
	assert_true(v.code_invalid > 10);
	assert_string_equal(v.first, "");
	bond_is(DEVICE, UIOMMU_EMU_CHANGING);
	in();
	bond_is(DEVICE, UIOMMU_EMU_ATTACHED);
	steps(20);
	rig_rest();
	assert_true(verdict(true).code_success > v.code_success + 10);
	assert_clean();
}

static inline void
check_success_after_detach(void (*out)(void))
{
	bond_is(DEVICE, UIOMMU_EMU_CHANGING);
	out();
	bond_is(DEVICE, UIOMMU_EMU_DETACHED);
	ask_once();
	answer_next(true);
	assert_int_equal(verdict(false).wrong, 1);
	assert_int_equal(verdict(false).stale, 0);
}

static inline void
check_answer_from_before_detach(void (*out)(void))
{
	ask_once();
	bond_is(DEVICE, UIOMMU_EMU_CHANGING);
	out();
	bond_is(DEVICE, UIOMMU_EMU_DETACHED);
	/* even Invalid: the drain has missed it */
	answer_next(false);
	assert_int_equal(verdict(false).unexpected, 1);
}

static inline void
check_request_sent_while_it_changes(void (*out)(void))
{
	bond_is(DEVICE, UIOMMU_EMU_CHANGING);
	out();
	/* behind the drain, as far as the judge can know */
	ask_once();
	bond_is(DEVICE, UIOMMU_EMU_DETACHED);
	answer_next(false);
	assert_int_equal(verdict(false).unexpected | verdict(false).wrong, 0);
	answer_next(true);
	assert_int_equal(verdict(false).wrong, 1);
}

static inline void
check_request_that_outlives_its_bond(void)
{
	const struct uiommu_emu_request req = request_for(DEVICE, 1, 7);

	assert_true(uiommu_emu_request_late(rig.emu, &req));
	bond_is(DEVICE, UIOMMU_EMU_CHANGING);
	bond_is(DEVICE, UIOMMU_EMU_DETACHED);
	/* a drain would have found it */
	uiommu_emu_arrive(rig.emu);
	assert_int_equal(verdict(false).stale, 1);
}

/* ------------------------------------------------------------------ what is looked up */

/* @param read_only entry of a page that cannot be written */
static inline void
check_success_is_looked_up(uint64_t read_only)
{
	unsigned int i;

	rig_traffic(&(struct uiommu_emu_traffic){
		.verify = true, .burst = 8, .window_pages = 16, .window_iova = 4096,
		.write_ratio = 0.5, .group_pages_max = 3,
	});
	for (i = 1; i <= 16; i++)
		*page(i * 4096) = PAGE(rig.message.pa);
	steps(50);
	rig_rest();
	assert_true(verdict(true).verified > 100);
	assert_clean();
	*page(3 * 4096) = read_only;
	uiommu_emu_traffic_run(rig.emu, true);
	steps(50);
	rig_rest();
	assert_true(verdict(true).unmapped > 0);
	assert_int_equal(verdict(true).wrong | verdict(true).unexpected, 0);
}

/*
 * Pages of PASID 1, many at once and one by one: both say the same.
 *
 * @return how many are there
 */
static inline unsigned int
check_many_at_once(struct emu_lookup *lookups, unsigned int nb)
{
	const struct emu_model_ops *model = rig.emu->model;
	struct emu_leaf leaf;
	unsigned int i, good = 0;

	/* in force: the way to the tables is known */
	assert_int_equal(ask(DEVICE, 1), UIOMMU_EMU_QUEUED);
	emu_bond_arm(rig.emu, 1);
	model->verify_bulk(rig.emu, lookups, nb);
	model->verify_bulk(rig.emu, lookups, nb);
	assert_false(rig.emu->tlb_used);
	for (i = 0; i < nb; i++) {
		const struct emu_message msg = {
			.endpoint_id = DEVICE, .pasid = 1, .iova = lookups[i].iova,
			.flags = lookups[i].access,
		};

		assert_int_equal(lookups[i].ok, model->translate(rig.emu, rig.emu->devices[1], 1,
								 &msg, &leaf));
		good += lookups[i].ok;
	}
	/* also with what is cached now */
	model->verify_bulk(rig.emu, lookups, nb);
	for (i = 0; i < nb; i++)
		good -= lookups[i].ok;
	assert_int_equal(good, 0);
	for (i = 0; i < nb; i++)
		good += lookups[i].ok;
	return good;
}

/* -------------------------------------------------------------- devices that use addresses */

/* @param map_all as serve_all(), and it maps */
static inline struct uiommu_emu_verdict
check_use_of_addresses(void (*map_all)(void))
{
	struct uiommu_emu_verdict v;
	unsigned int i;

	rig_traffic(&(struct uiommu_emu_traffic){
		.translate = true, .verify = true, .burst = 8, .window_pages = 64,
		.window_iova = 4096, .write_ratio = 0.5, .profile = UIOMMU_EMU_SEQUENTIAL,
	});
	for (i = 0; i < 220; i++) {
		if (i == 200)
			uiommu_emu_traffic_run(rig.emu, false);
		step();
		map_all();
	}
	v = verdict(true);
	assert_true(v.accesses > 200);
	/* each page was asked for, by one PASID or another, and then it was there */
	assert_true(v.groups >= 64 && v.groups < v.accesses);
	assert_clean();
	return v;
}

static inline void
check_success_without_a_page(void)
{
	rig_traffic(&(struct uiommu_emu_traffic){
		.translate = true, .burst = 4, .window_pages = 64, .window_iova = 4096,
	});
	step();
	uiommu_emu_traffic_run(rig.emu, false);
	serve_all();
	steps(9);
	step();
	assert_int_not_equal(verdict(true).groups, 0);
	assert_int_equal(verdict(true).unmapped, verdict(true).groups);
}

#endif /* EMU_RIG_JUDGE_H */
