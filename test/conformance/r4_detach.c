/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* R4: nothing is done for a bond when its detach has returned. One thread, step by step. */

#include "conformance.h"

/* An endpoint with one bond, PASID 7. */
struct bond {
	struct rig *rig;
	struct recorder *rec;
	struct uiommu_endpoint *endpoint;
	struct uiommu_attach *attach;
};

static struct bond
bond_open(uint32_t pasid)
{
	struct bond bond;

	bond.rig = rig_open(NULL);
	bond.rec = rig_recorder(bond.rig, UIOMMU_CODE_SUCCESS);
	bond.endpoint = rig_endpoint(bond.rig, EP, 0);
	bond.attach = rig_attach(bond.endpoint, pasid, bond.rec->domain, bond.rec);
	return bond;
}

/* Detached; from here on neither handler nor response. */
static void
bond_detach(struct bond *bond)
{
	CHECK_EQ(uiommu_detach(bond->attach), 0);
	recorder_close(bond->rec);
}

static void
bond_close(struct bond *bond)
{
	rig_settle(bond->rig);
	rig_expect_none(bond->rig);
	rig_close(bond->rig);
}

static void
parked(void)
{
	struct bond b = bond_open(7);
	struct recorder *next;

	rig_ask(b.rig, 7, 1, 1, false);
	rig_ask(b.rig, 7, 1, 2, false);
	rig_settle(b.rig);
	CHECK_EQ(rig_stats(b.rig).parked_now, 2);
	bond_detach(&b);
	CHECK_EQ(rig_stats(b.rig).parked_now, 0);
	CHECK_EQ(rig_stats(b.rig).discarded, 2);
	rig_expect_none(b.rig);
	/* the last one comes late, and once more past the checks of a unit that has some */
	rig_ask_in_vain(b.rig, EP, 7, 1);
	rig_raw_ask(b.rig, EP, 7, 1, true);
	rig_settle(b.rig);
	rig_expect(b.rig, EP, 7, 1, UIOMMU_EMU_INVALID);
	/* nothing of it in the next bond's groups */
	next = rig_recorder(b.rig, UIOMMU_CODE_SUCCESS);
	rig_attach(b.endpoint, 7, next->domain, NULL);
	rig_ask(b.rig, 7, 1, 4, true);
	rig_settle(b.rig);
	CHECK_EQ(next->kept[0].nb_faults, 1);
	rig_expect(b.rig, EP, 7, 1, UIOMMU_EMU_SUCCESS);
	bond_close(&b);
}

static void
deferred(void)
{
	struct bond b = bond_open(7);
	uint8_t code = UIOMMU_CODE_SUCCESS;
	int status = 0;
	uint16_t i;

	b.rec->defer = true;
	for (i = 0; i < 5; i++)
		rig_ask(b.rig, 7, i, i, true);
	rig_settle(b.rig);
	rig_expect_none(b.rig);
	/* one of them is answered, but not sent yet */
	CHECK_EQ(uiommu_answer(b.rig->dev, &b.rec->kept[2].cookie, &code, &status, 1), 1);
	bond_detach(&b);
	CHECK_EQ(rig_stats(b.rig).deferred_now, 0);
	CHECK_EQ(rig_stats(b.rig).drained, 4);
	rig_expect(b.rig, EP, 7, 2, UIOMMU_EMU_SUCCESS);
	for (i = 0; i < 5; i++) {
		if (i != 2)
			rig_expect(b.rig, EP, 7, i, UIOMMU_EMU_INVALID);
		CHECK_EQ(uiommu_answer(b.rig->dev, &b.rec->kept[i].cookie, &code, &status, 1), 0);
		CHECK_EQ(status, -ENOENT);
	}
	bond_close(&b);
}

/* Requests that are in the queue and were not looked at yet. */
static void
in_queue(uint32_t pasid)
{
	struct bond b = bond_open(pasid);
	uint64_t groups;
	uint16_t i;

	for (i = 0; i < 100; i++)
		rig_ask(b.rig, pasid, i, i, true);
	CHECK_EQ(uiommu_detach(b.attach), 0);
	groups = b.rec->groups;
	recorder_close(b.rec);
	CHECK_EQ(rig_stats(b.rig).requests, 100);
	CHECK_EQ(rig_stats(b.rig).responses, 100);
	CHECK_EQ(rig_stats(b.rig).unknown_pasid + groups, 100);
	for (i = 0; i < 100; i++)
		rig_expect(b.rig, EP, pasid, i, UIOMMU_EMU_INVALID);
	bond_close(&b);
}

static void
in_queue_pasid(void)
{
	in_queue(7);
}

static void
in_queue_rid(void)
{
	in_queue(UIOMMU_NO_PASID);
}

/* Of two bonds one goes: requests of the other one are served as ever. */
static void
other_bond_goes_on(void)
{
	struct bond b = bond_open(7);
	struct recorder *other = rig_recorder(b.rig, UIOMMU_CODE_SUCCESS);
	static const uint32_t pasids[] = {7, 8, UIOMMU_NO_PASID};
	uint16_t i;

	rig_attach(b.endpoint, 8, other->domain, NULL);
	rig_attach(b.endpoint, UIOMMU_NO_PASID, other->domain, NULL);
	rig_ask(b.rig, 8, 1, 1, false);
	for (i = 2; i < 40; i++)
		rig_ask(b.rig, pasids[i % 3], i, i, true);
	bond_detach(&b);
	rig_ask(b.rig, 8, 1, 2, true);
	rig_settle(b.rig);
	/* in any order: what is refused need not wait for a handler */
	for (i = 2; i < 40; i++)
		rig_expect_any(b.rig, EP, pasids[i % 3], i,
			       i % 3 == 0 ? UIOMMU_EMU_INVALID : UIOMMU_EMU_SUCCESS);
	rig_expect_any(b.rig, EP, 8, 1, UIOMMU_EMU_SUCCESS);
	CHECK_EQ(other->kept[other->nb_kept - 1].nb_faults, 2);
	bond_close(&b);
}

static void
without_owner(void)
{
	struct bond b = bond_open(7);
	uint16_t i;

	b.rec->defer = true;
	rig_ask(b.rig, 7, 99, 1, true);
	rig_settle(b.rig);
	for (i = 0; i < 50; i++)
		rig_ask(b.rig, 7, i, i, true);
	rig_release(b.rig);
	bond_detach(&b);
	CHECK_EQ(rig_stats(b.rig).responses, 51);
	CHECK_EQ(rig_verdict(b.rig, true).lost, 0);
	rig_claim(b.rig);
	rig_settle(b.rig);
	for (i = 0; i < 51; i++) {
		struct uiommu_emu_response resp;

		CHECK(rig_response(b.rig, &resp));
		CHECK_EQ(resp.code, UIOMMU_EMU_INVALID);
	}
	bond_close(&b);
}

/* What a handler tries in vain. */
static void
handler_tries(struct recorder *rec, struct uiommu_group *groups, uint8_t *codes, uint16_t nb)
{
	struct uiommu_dev_conf dev_conf = {.size = sizeof(dev_conf)};
	struct uiommu_domain_conf conf = {.size = sizeof(conf), .type = UIOMMU_DOMAIN_PAGING};
	struct bond *b = rec->hook_arg;
	int16_t dev = b->rig->dev;

	EXPECT_EQ(uiommu_detach(b->attach), -EDEADLK);
	EXPECT_EQ(uiommu_endpoint_remove(b->endpoint), -EDEADLK);
	EXPECT_EQ(uiommu_domain_free(rec->domain), -EDEADLK);
	EXPECT(uiommu_attach(b->endpoint, 9, rec->domain, NULL) == NULL && rte_errno == EDEADLK);
	EXPECT(uiommu_endpoint_add(dev, 0x300, NULL) == NULL && rte_errno == EDEADLK);
	EXPECT(uiommu_domain_alloc(dev, &conf) == NULL && rte_errno == EDEADLK);
	EXPECT_EQ(uiommu_stop(dev), -EDEADLK);
	EXPECT_EQ(uiommu_start(dev), -EDEADLK);
	EXPECT_EQ(uiommu_close(dev), -EDEADLK);
	EXPECT_EQ(uiommu_configure(dev, &dev_conf), -EDEADLK);
	EXPECT_EQ(uiommu_queue_claim(dev, 0), -EDEADLK);
	EXPECT_EQ(uiommu_queue_release(dev, 0), -EDEADLK);
	/* and the data path is not for handlers either: nothing happens */
	EXPECT_EQ(uiommu_poll(dev, 0, 64), 0);
	EXPECT_EQ(uiommu_fault_burst(dev, 0, groups, 1), 0);
	EXPECT_EQ(uiommu_respond_burst(dev, 0, groups, codes, nb), 0);
}

static void
inside_handler(void)
{
	struct bond b = bond_open(7);

	b.rec->hook = handler_tries;
	b.rec->hook_arg = &b;
	rig_ask(b.rig, 7, 1, 1, true);
	rig_settle(b.rig);
	CHECK_EQ(b.rec->calls, 1);
	CHECK_EQ(rig_stats(b.rig).not_owner, 3);
	rig_expect(b.rig, EP, 7, 1, UIOMMU_EMU_SUCCESS);
	/* outside of it all is well */
	bond_detach(&b);
	bond_close(&b);
}

/* Traffic, and detach and attach of the same PASIDs with nothing in between. */
static void
attach_again(void)
{
	struct rig_conf conf = {.no_log = true};
	struct uiommu_emu_traffic traffic = {.group_pages_min = 1, .group_pages_max = 3};
	struct rig *rig = rig_open(&conf);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *endpoint = endpoint_with(rig, EP, 4, 512, rec);
	unsigned int round;

	CHECK_EQ(uiommu_emu_traffic_set(rig->emu, &traffic), 0);
	uiommu_emu_traffic_run(rig->emu, true);
	for (round = 0; round < 200; round++) {
		uint32_t pasid = 1 + round % 4;
		struct recorder *next = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
		struct uiommu_attach *old = uiommu_attach_find(endpoint, pasid, UIOMMU_DOMAIN_ANY);
		struct recorder *before = uiommu_attach_priv(old);
		uint64_t groups;

		rig_turn(rig);
		uiommu_emu_pasid_state(rig->emu, EP, pasid, UIOMMU_EMU_CHANGING);
		CHECK_EQ(uiommu_detach(old), 0);
		groups = recorder_groups(before);
		rig_attach(endpoint, pasid, next->domain, next);
		uiommu_emu_pasid_state(rig->emu, EP, pasid, UIOMMU_EMU_ATTACHED);
		rig_turn(rig);
		if (before != rec) {
			CHECK_EQ(recorder_groups(before), groups);
			recorder_close(before);
		}
	}
	rig_close(rig);
}

/* An endpoint with many bonds, some with parked, some with deferred groups, goes at once. */
static void
remove_endpoint(void)
{
	struct rig *rig = rig_open(NULL);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct recorder *later = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);
	struct uiommu_emu_response resp;
	const uint32_t most = RTE_MIN(UINT32_C(1000), rig_pasid_max(rig));
	unsigned int nb = 0;
	uint32_t pasid;

	later->defer = true;
	for (pasid = 1; pasid <= most; pasid++)
		rig_attach(endpoint, pasid, pasid % 2 == 0 ? rec->domain : later->domain, NULL);
	rig_attach(endpoint, UIOMMU_NO_PASID, rec->domain, NULL);
	for (pasid = 1; pasid <= 80; pasid++) {
		rig_ask(rig, pasid, (uint16_t)pasid, 1, false);
		if (pasid <= 40)
			rig_ask(rig, pasid, (uint16_t)pasid, 2, true);
	}
	rig_settle(rig);
	CHECK_EQ(rig_stats(rig).deferred_now, 20);
	CHECK_EQ(rig_stats(rig).parked_now, rig_parked(40));
	rig_ask(rig, UIOMMU_NO_PASID, 500, 1, true);
	CHECK_EQ(uiommu_endpoint_remove(endpoint), 0);
	recorder_close(rec);
	recorder_close(later);
	CHECK_EQ(rig_stats(rig).deferred_now, 0);
	CHECK_EQ(rig_stats(rig).parked_now, 0);
	CHECK_EQ(rig_stats(rig).drained, 20);
	while (rig_response(rig, &resp))
		nb++;
	CHECK_EQ(nb, 41);
	CHECK_ERRNO(uiommu_endpoint_find(rig->dev, EP), ENOENT);
	rig_ask_in_vain(rig, EP, 1, 1);
	rig_raw_ask(rig, EP, 1, 1, true);
	rig_settle(rig);
	CHECK_EQ(rig_stats(rig).unknown_endpoint, 1 + rig->refused);
	/* and comes back */
	endpoint = uiommu_endpoint_add(rig->dev, EP, NULL);
	rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	rig_attach(endpoint, 1, rec->domain, NULL);
	rig_ask(rig, 1, 1, 1, true);
	rig_settle(rig);
	CHECK_EQ(rec->groups, 1);
	rig_close(rig);
}

/* Stop with everything in flight; start again: the bonds are in force as before. */
static void
stop_and_start(void)
{
	struct bond b = bond_open(7);
	struct uiommu_emu_response resp;
	uint8_t code = UIOMMU_CODE_SUCCESS;
	int status, round;

	for (round = 0; round < 3; round++) {
		uint32_t kept = b.rec->nb_kept;
		uint16_t i;

		b.rec->defer = true;
		rig_ask(b.rig, 7, 1, 1, true);
		rig_ask(b.rig, 7, 2, 1, false);
		rig_settle(b.rig);
		CHECK_EQ(b.rec->nb_kept, kept + 1);
		for (i = 10; i < 40; i++)
			rig_ask(b.rig, 7, i, i, true);
		CHECK_EQ(uiommu_stop(b.rig->dev), 0);
		CHECK_EQ(uiommu_answer(b.rig->dev, &b.rec->kept[kept].cookie, &code, &status, 1),
			 0);
		CHECK_EQ(status, -ENOENT);
		rig_check_verdict(b.rig, true);
		rig_check_counters(b.rig);
		while (rig_response(b.rig, &resp))
			CHECK_EQ(resp.code, UIOMMU_EMU_INVALID);
		CHECK_EQ(rig_turn(b.rig), 0);
		CHECK_EQ(uiommu_start(b.rig->dev), 0);
		b.rec->defer = false;
		rig_ask(b.rig, 7, 2, 5, true);
		rig_settle(b.rig);
		rig_expect(b.rig, EP, 7, 2, UIOMMU_EMU_SUCCESS);
		CHECK_EQ(b.rec->kept[b.rec->nb_kept - 1].nb_faults, 1);
	}
	bond_close(&b);
}

static const struct harness_case r4_cases[] = {
	{"R4 T43 detach with parked requests", parked, HARNESS_NEEDS_PARKING},
	{"R4 K14 K24 detach with deferred groups", deferred, HARNESS_NEEDS_LAST_WORD},
	{"R4 K28 detach with requests in the queue", in_queue_pasid, HARNESS_NEEDS_LAST_WORD},
	{"R4 T12 T13 detach of the RID with requests in the queue", in_queue_rid,
	 HARNESS_NEEDS_LAST_WORD},
	{"R4 T12 detach leaves the other bonds of the endpoint alone", other_bond_goes_on, 0},
	{"R4 T13 detach while nobody owns the queue", without_owner, HARNESS_NEEDS_LAST_WORD},
	{"R4 T15 control calls inside a handler", inside_handler, 0},
	{"R4 T17 PASID attached again at once, with traffic", attach_again, 0},
	{"R4 K24 K25 T16 endpoint with many bonds removed", remove_endpoint, 0},
	{"R4 stop with everything in flight, and start again", stop_and_start, 0},
};

HARNESS_SUITE(r4);
