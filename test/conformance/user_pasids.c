/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * K3: endpoints whose user manages the PASIDs. Requests for a PASID without bond belong to the
 * NESTED domain on the RID. A unit that looks PASIDs up in a table lets no such request
 * in, so they come as raw entries here.
 */

#include "conformance.h"

/* PASID 7 has a bond of its own; the RID one to a NESTED domain. */
struct guest {
	struct rig *rig;
	struct recorder *own;  /* of PASID 7 */
	struct recorder *rest; /* of the RID */
	struct uiommu_endpoint *endpoint;
	struct uiommu_attach *rid;
};

static struct guest
guest_open(void)
{
	struct guest g;

	g.rig = rig_open(NULL);
	g.own = rig_recorder(g.rig, UIOMMU_CODE_SUCCESS);
	g.rest = rig_recorder_nested(g.rig, UIOMMU_CODE_SUCCESS);
	g.endpoint = rig_endpoint_with(g.rig, EP, UIOMMU_ENDPOINT_USER_PASIDS, 0);
	rig_attach(g.endpoint, 7, g.own->domain, g.own);
	g.rid = rig_attach(g.endpoint, UIOMMU_NO_PASID, g.rest->domain, g.rest);
	return g;
}

static void
raw_and_expect(struct rig *rig, uint32_t pasid, uint16_t index, uint16_t code)
{
	rig_raw_ask(rig, EP, pasid, index, true);
	rig_settle(rig);
	rig_expect(rig, EP, pasid, index, code);
	rig_expect_none(rig);
}

static void
falls_back(void)
{
	static const uint32_t strangers[] = {1, 8, 9, 0x12345, 0xfffff};
	struct guest g = guest_open();
	uint16_t i;

	for (i = 0; i < ARRAY_COUNT(strangers); i++) {
		const struct kept_group *kept = &g.rest->kept[i];

		raw_and_expect(g.rig, strangers[i], i, UIOMMU_EMU_SUCCESS);
		CHECK_EQ(g.rest->nb_kept, i + 1);
		/* as the device sent it, by way of the RID's bond */
		CHECK_EQ(kept->pasid, strangers[i]);
		CHECK(kept->priv == g.rest);
	}
	rig_ask_and_expect(g.rig, EP, UIOMMU_NO_PASID, 20, UIOMMU_EMU_SUCCESS);
	CHECK_EQ(g.rest->nb_kept, i + 1);
	CHECK_EQ(g.own->nb_kept, 0);
	rig_ask_and_expect(g.rig, EP, 7, 21, UIOMMU_EMU_SUCCESS);
	CHECK_EQ(g.own->nb_kept, 1);
	CHECK_EQ(g.rest->nb_kept, i + 1);
	CHECK_EQ(rig_stats(g.rig).unknown_pasid, 0);
	rig_close(g.rig);
}

/* A PASID with a bond goes to its own, even where that can only say no. */
static void
own_bond_first(void)
{
	struct guest g = guest_open();
	struct uiommu_attach *attach;

	attach = rig_attach(g.endpoint, 8, rig_domain(g.rig, UIOMMU_DOMAIN_BLOCKED), NULL);
	raw_and_expect(g.rig, 8, 1, UIOMMU_EMU_INVALID);
	CHECK_EQ(uiommu_detach(attach), 0);
	raw_and_expect(g.rig, 8, 2, UIOMMU_EMU_SUCCESS);
	attach = rig_attach(g.endpoint, 8, rig_domain(g.rig, UIOMMU_DOMAIN_PAGING), NULL);
	raw_and_expect(g.rig, 8, 3, UIOMMU_EMU_INVALID);
	CHECK_EQ(uiommu_detach(attach), 0);
	CHECK_EQ(g.rest->nb_kept, 1);
	rig_close(g.rig);
}

/* Nobody else gets them: a PAGING domain, none at all, and endpoints that did not ask for it. */
static void
to_nobody_else(void)
{
	struct guest g = guest_open();
	struct recorder *paging = rig_recorder(g.rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *plain = rig_endpoint(g.rig, 0x0200, 0);

	CHECK_EQ(uiommu_detach(g.rid), 0);
	raw_and_expect(g.rig, 8, 1, UIOMMU_EMU_INVALID);
	g.rid = rig_attach(g.endpoint, UIOMMU_NO_PASID, paging->domain, NULL);
	raw_and_expect(g.rig, 8, 2, UIOMMU_EMU_INVALID);
	CHECK_EQ(uiommu_detach(g.rid), 0);
	rig_attach(g.endpoint, UIOMMU_NO_PASID, rig_domain(g.rig, UIOMMU_DOMAIN_BLOCKED), NULL);
	raw_and_expect(g.rig, 8, 3, UIOMMU_EMU_INVALID);
	rig_attach(plain, UIOMMU_NO_PASID, g.rest->domain, NULL);
	rig_raw_ask(g.rig, 0x0200, 8, 4, true);
	rig_settle(g.rig);
	rig_expect(g.rig, 0x0200, 8, 4, UIOMMU_EMU_INVALID);
	CHECK_EQ(rig_stats(g.rig).unknown_pasid, 4);
	CHECK_EQ(g.rest->groups + paging->groups + g.own->groups, 0);
	rig_close(g.rig);
}

/* A PASID beyond the endpoint's width is nobody's. */
static void
beyond_the_width(void)
{
	struct uiommu_endpoint_conf conf = {
		.size = sizeof(conf),
		.pasid_bits = 10,
		.flags = UIOMMU_ENDPOINT_USER_PASIDS,
	};
	struct rig *rig = rig_open(NULL);
	struct recorder *rest = rig_recorder_nested(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *endpoint;

	rig_device_range(rig, EP, 1, 1, 0);
	endpoint = uiommu_endpoint_add(rig->dev, EP, &conf);
	CHECK(endpoint != NULL);
	rig_attach(endpoint, UIOMMU_NO_PASID, rest->domain, NULL);
	raw_and_expect(rig, 0x3ff, 1, UIOMMU_EMU_SUCCESS);
	raw_and_expect(rig, 0x400, 2, UIOMMU_EMU_INVALID);
	raw_and_expect(rig, 0xfffff, 3, UIOMMU_EMU_INVALID);
	CHECK_EQ(rest->groups, 1);
	CHECK_EQ(rig_stats(rig).unknown_pasid, 2);
	rig_close(rig);
}

/* Members of several PASIDs in turn, one index: whole groups for the one who gets them all. */
static void
whole_groups(void)
{
	static const uint32_t pasids[] = {8, 7, 9, UIOMMU_NO_PASID, 0x5555};
	struct guest g = guest_open();
	uint32_t nb_rest = 0, round, i;

	for (round = 0; round < 4; round++) {
		for (i = 0; i < ARRAY_COUNT(pasids); i++)
			rig_raw_ask(g.rig, EP, pasids[i], 5, round == 3);
	}
	rig_settle(g.rig);
	for (i = 0; i < ARRAY_COUNT(pasids); i++) {
		const struct kept_group *kept = &g.own->kept[0];

		if (pasids[i] != 7)
			kept = &g.rest->kept[nb_rest++];
		CHECK_EQ(kept->pasid, pasids[i]);
		CHECK_EQ(kept->nb_faults, 4);
		rig_expect_any(g.rig, EP, pasids[i], 5, UIOMMU_EMU_SUCCESS);
	}
	CHECK_EQ(g.rest->nb_kept, nb_rest);
	CHECK_EQ(g.own->nb_kept, 1);
	rig_expect_none(g.rig);
	rig_close(g.rig);
}

/* Deferred groups and parked requests of PASIDs that have only the RID to go to; and one of 7. */
static void
leave_open(struct guest *g)
{
	g->rest->defer = true;
	rig_raw_ask(g->rig, EP, 8, 1, true);
	rig_raw_ask(g->rig, EP, 9, 2, true);
	rig_raw_ask(g->rig, EP, UIOMMU_NO_PASID, 3, true);
	rig_raw_ask(g->rig, EP, 8, 11, false);
	rig_raw_ask(g->rig, EP, 9, 12, false);
	rig_raw_ask(g->rig, EP, UIOMMU_NO_PASID, 13, false);
	rig_raw_ask(g->rig, EP, 7, 14, false);
	rig_settle(g->rig);
	rig_expect_none(g->rig);
	CHECK_EQ(rig_stats(g->rig).deferred_now, 3);
	CHECK_EQ(rig_stats(g->rig).parked_now, 4);
}

/* The deferred ones came back once, as Invalid, and are out of reach. */
static void
check_answered(struct guest *g)
{
	uint8_t code = UIOMMU_CODE_SUCCESS;
	int status;
	uint32_t i;

	rig_expect_any(g->rig, EP, 8, 1, UIOMMU_EMU_INVALID);
	rig_expect_any(g->rig, EP, 9, 2, UIOMMU_EMU_INVALID);
	rig_expect_any(g->rig, EP, UIOMMU_NO_PASID, 3, UIOMMU_EMU_INVALID);
	rig_expect_none(g->rig);
	CHECK_EQ(rig_stats(g->rig).drained, 3);
	for (i = 0; i < 3; i++) {
		CHECK_EQ(uiommu_answer(g->rig->dev, &g->rest->kept[i].cookie, &code, &status, 1),
			 0);
		CHECK_EQ(status, -ENOENT);
	}
}

static void
detach_the_rid(void)
{
	struct guest g = guest_open();
	struct recorder *next = rig_recorder_nested(g.rig, UIOMMU_CODE_SUCCESS);

	leave_open(&g);
	CHECK_EQ(uiommu_detach(g.rid), 0);
	check_answered(&g);
	recorder_close(g.rest);
	/* what was parked for the RID's bond is gone; what is PASID 7's is not */
	CHECK_EQ(rig_stats(g.rig).parked_now, 1);
	CHECK_EQ(rig_stats(g.rig).discarded, 3);
	raw_and_expect(g.rig, 8, 11, UIOMMU_EMU_INVALID);
	rig_ask_and_expect(g.rig, EP, 7, 14, UIOMMU_EMU_SUCCESS);
	CHECK_EQ(g.own->kept[0].nb_faults, 2);
	/* nothing of it joins the groups of the next one */
	rig_attach(g.endpoint, UIOMMU_NO_PASID, next->domain, NULL);
	raw_and_expect(g.rig, 9, 12, UIOMMU_EMU_SUCCESS);
	raw_and_expect(g.rig, UIOMMU_NO_PASID, 13, UIOMMU_EMU_SUCCESS);
	CHECK_EQ(next->kept[0].nb_faults, 1);
	CHECK_EQ(next->kept[1].nb_faults, 1);
	rig_close(g.rig);
}

/* Requests in the queue that nobody has looked at when the RID's bond goes. */
static void
detach_with_requests_in_the_queue(void)
{
	struct guest g = guest_open();
	uint16_t i;

	for (i = 0; i < 90; i++)
		rig_raw_ask(g.rig, EP, 7 + i % 3, i, true);
	CHECK_EQ(uiommu_detach(g.rid), 0);
	recorder_close(g.rest);
	rig_settle(g.rig);
	CHECK_EQ(g.own->groups, 30);
	CHECK_EQ(g.rest->groups + rig_stats(g.rig).unknown_pasid, 60);
	CHECK_EQ(rig_stats(g.rig).responses, 90);
	rig_close(g.rig);
}

static void
replace_the_rid(void)
{
	struct guest g = guest_open();
	struct recorder *next = rig_recorder_nested(g.rig, UIOMMU_CODE_SUCCESS);
	struct recorder *paging = rig_recorder(g.rig, UIOMMU_CODE_SUCCESS);

	leave_open(&g);
	g.rid = uiommu_replace(g.rid, next->domain, next);
	CHECK(g.rid != NULL);
	check_answered(&g);
	recorder_close(g.rest);
	/* parked ones are asked for again, those of a PASID with a bond of its own apart */
	CHECK_EQ(rig_stats(g.rig).parked_now, 1);
	raw_and_expect(g.rig, 8, 11, UIOMMU_EMU_SUCCESS);
	raw_and_expect(g.rig, UIOMMU_NO_PASID, 13, UIOMMU_EMU_SUCCESS);
	CHECK_EQ(next->nb_kept, 0);
	CHECK_EQ(rig_stats(g.rig).codes[UIOMMU_CODE_RETRY], 2);
	raw_and_expect(g.rig, 8, 11, UIOMMU_EMU_SUCCESS);
	raw_and_expect(g.rig, UIOMMU_NO_PASID, 13, UIOMMU_EMU_SUCCESS);
	CHECK_EQ(next->nb_kept, 2);
	CHECK_EQ(next->kept[0].nb_faults, 1);
	CHECK_EQ(next->kept[1].nb_faults, 1);
	CHECK(next->kept[0].priv == next);
	/* the next one takes none but the RID's own */
	g.rid = uiommu_replace(g.rid, paging->domain, paging);
	CHECK(g.rid != NULL);
	raw_and_expect(g.rig, 9, 12, UIOMMU_EMU_INVALID);
	raw_and_expect(g.rig, UIOMMU_NO_PASID, 15, UIOMMU_EMU_SUCCESS);
	CHECK_EQ(paging->nb_kept, 1);
	CHECK_EQ(next->nb_kept, 2);
	rig_ask_and_expect(g.rig, EP, 7, 14, UIOMMU_EMU_SUCCESS);
	CHECK_EQ(g.own->kept[0].nb_faults, 2);
	rig_close(g.rig);
}

/* A PASID gets a bond while members of it wait: its group goes there, whole. */
static void
bond_comes_later(void)
{
	struct guest g = guest_open();
	struct recorder *late = rig_recorder(g.rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_attach *attach;

	g.rest->defer = true;
	rig_raw_ask(g.rig, EP, 8, 1, true);
	rig_raw_ask(g.rig, EP, 8, 2, false);
	rig_settle(g.rig);
	attach = rig_attach(g.endpoint, 8, late->domain, NULL);
	rig_ask_and_expect(g.rig, EP, 8, 2, UIOMMU_EMU_SUCCESS);
	CHECK_EQ(late->kept[0].nb_faults, 2);
	/* what the RID's has deferred is the RID's: not the bond's that goes */
	CHECK_EQ(uiommu_detach(attach), 0);
	recorder_close(late);
	rig_expect_none(g.rig);
	CHECK_EQ(rig_stats(g.rig).deferred_now, 1);
	CHECK_EQ(uiommu_detach(g.rid), 0);
	rig_expect(g.rig, EP, 8, 1, UIOMMU_EMU_INVALID);
	rig_expect_none(g.rig);
	rig_close(g.rig);
}

static void
remove_the_endpoint(void)
{
	struct guest g = guest_open();

	leave_open(&g);
	CHECK_EQ(uiommu_endpoint_remove(g.endpoint), 0);
	check_answered(&g);
	recorder_close(g.rest);
	recorder_close(g.own);
	CHECK_EQ(rig_stats(g.rig).parked_now, 0);
	CHECK_EQ(rig_stats(g.rig).discarded, 4);
	rig_close(g.rig);
}

static const struct harness_case user_pasids_cases[] = {
	{"K3 PASIDs without bond go to the NESTED domain of the RID", falls_back,
	 UIOMMU_CAPA_NESTED},
	{"K3 a PASID with a bond goes to its own", own_bond_first, UIOMMU_CAPA_NESTED},
	{"K3 PASIDs without bond go to nobody else", to_nobody_else, UIOMMU_CAPA_NESTED},
	{"K3 R10 PASID beyond the endpoint's width", beyond_the_width, UIOMMU_CAPA_NESTED},
	{"K3 R8 members of five PASIDs interleaved", whole_groups,
	 UIOMMU_CAPA_NESTED | HARNESS_NEEDS_GROUPS_BY_PASID},
	{"K3 R4 T43 detach of the RID answers for all of them", detach_the_rid,
	 UIOMMU_CAPA_NESTED | HARNESS_NEEDS_PARKING},
	{"K3 R4 detach of the RID with requests in the queue", detach_with_requests_in_the_queue,
	 UIOMMU_CAPA_NESTED},
	{"K3 replace of the RID's domain", replace_the_rid,
	 UIOMMU_CAPA_NESTED | HARNESS_NEEDS_PARKING},
	{"K3 a bond comes for a PASID with parked requests", bond_comes_later, UIOMMU_CAPA_NESTED},
	{"K3 R4 removal of the endpoint", remove_the_endpoint,
	 UIOMMU_CAPA_NESTED | HARNESS_NEEDS_PARKING},
};

HARNESS_SUITE(user_pasids);
