/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Kinds of domains, what they share, and how bonds are looked up. */

#include <sched.h>

#include "conformance.h"

static bool
has_passthrough(void)
{
	return (harness_unit()->capa & UIOMMU_CAPA_PASSTHROUGH_PASID) != 0;
}

static bool
has_nested(void)
{
	return (harness_unit()->capa & UIOMMU_CAPA_NESTED) != 0;
}

/* One endpoint with a bond to each kind: who is asked, who is not, and what DMA may do. */
static void
every_type(void)
{
	struct rig *rig = rig_open(NULL);
	struct recorder *paging = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct recorder *nested = has_nested() ? rig_recorder_nested(rig, UIOMMU_CODE_SUCCESS)
					       : rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);

	rig_attach(endpoint, 1, rig_domain(rig, UIOMMU_DOMAIN_BLOCKED), NULL);
	rig_attach(endpoint, 2, rig_domain(rig, UIOMMU_DOMAIN_PAGING), NULL);
	rig_attach(endpoint, 7, paging->domain, NULL);
	rig_attach(endpoint, 8, nested->domain, NULL);
	if (has_passthrough()) {
		rig_attach(endpoint, 3, rig_domain(rig, UIOMMU_DOMAIN_IDENTITY), NULL);
		rig_ask_and_expect(rig, EP, 3, 3, UIOMMU_EMU_INVALID);
		CHECK(uiommu_emu_dma(rig->emu, EP, 3, 0x1000, true));
	}
	rig_ask_in_vain(rig, EP, 1, 1);
	rig_ask_and_expect(rig, EP, 2, 2, UIOMMU_EMU_INVALID);
	rig_ask_and_expect(rig, EP, 7, 7, UIOMMU_EMU_SUCCESS);
	rig_ask_and_expect(rig, EP, 8, 8, UIOMMU_EMU_SUCCESS);
	CHECK_EQ(paging->groups, 1);
	CHECK_EQ(nested->groups, 1);
	/* tables that are empty */
	CHECK(!uiommu_emu_dma(rig->emu, EP, 1, 0x1000, false));
	CHECK(!uiommu_emu_dma(rig->emu, EP, 2, 0x1000, false));
	CHECK(!uiommu_emu_dma(rig->emu, EP, 7, 0x1000, false));
	CHECK(!uiommu_emu_dma(rig->emu, EP, 8, 0x1000, false));
	rig_close(rig);
}

/* Each kind on the RID in turn, for requests that carry no PASID. */
static void
every_type_on_the_rid(void)
{
	struct rig *rig = rig_open(NULL);
	struct recorder *recs[2] = {rig_recorder(rig, UIOMMU_CODE_SUCCESS),
				    has_nested() ? rig_recorder_nested(rig, UIOMMU_CODE_SUCCESS)
						 : rig_recorder(rig, UIOMMU_CODE_SUCCESS)};
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);
	struct uiommu_attach *attach;
	uint16_t round, i;

	for (round = 0; round < 3; round++) {
		for (i = 0; i < 2; i++) {
			attach = rig_attach(endpoint, UIOMMU_NO_PASID, recs[i]->domain, recs[i]);
			rig_ask_and_expect(rig, EP, UIOMMU_NO_PASID, i, UIOMMU_EMU_SUCCESS);
			CHECK_EQ(recs[i]->groups, round + 1);
			CHECK_EQ(uiommu_detach(attach), 0);
			rig_ask_in_vain(rig, EP, UIOMMU_NO_PASID, i);
		}
		attach = rig_attach(endpoint, UIOMMU_NO_PASID,
				    rig_domain(rig, UIOMMU_DOMAIN_BLOCKED), NULL);
		rig_ask_in_vain(rig, EP, UIOMMU_NO_PASID, 9);
		CHECK_EQ(uiommu_detach(attach), 0);
	}
	rig_close(rig);
}

/* A parent lives as long as what is nested over it, and has no faults of its own. */
static void
nest_parent(void)
{
	struct uiommu_domain_conf conf = {
		.size = sizeof(conf),
		.type = UIOMMU_DOMAIN_PAGING,
		.flags = UIOMMU_DOMAIN_NEST_PARENT,
	};
	struct rig *rig = rig_open(NULL);
	struct uiommu_domain *parent = uiommu_domain_alloc(rig->dev, &conf);
	struct uiommu_domain_conf nested = {.type = UIOMMU_DOMAIN_NESTED, .parent = parent};
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);
	struct recorder *recs[2];
	struct uiommu_attach *attach[3];
	uint32_t i;

	CHECK(parent != NULL);
	for (i = 0; i < 2; i++) {
		nested.table_pa = 0x1000 * (i + 1);
		recs[i] = rig_recorder_with(rig, UIOMMU_CODE_SUCCESS, &nested);
		attach[i] = rig_attach(endpoint, 7 + i, recs[i]->domain, NULL);
	}
	attach[2] = rig_attach(endpoint, 9, parent, NULL);
	rig_ask_and_expect(rig, EP, 7, 1, UIOMMU_EMU_SUCCESS);
	rig_ask_and_expect(rig, EP, 8, 1, UIOMMU_EMU_SUCCESS);
	rig_ask_and_expect(rig, EP, 9, 1, UIOMMU_EMU_INVALID);
	CHECK_EQ(recs[0]->groups, 1);
	CHECK_EQ(recs[1]->groups, 1);
	CHECK_EQ(uiommu_domain_free(parent), -EBUSY);
	CHECK_EQ(uiommu_detach(attach[2]), 0);
	for (i = 0; i < 2; i++) {
		CHECK_EQ(uiommu_domain_free(parent), -EBUSY);
		CHECK_EQ(uiommu_domain_free(recs[i]->domain), -EBUSY);
		CHECK_EQ(uiommu_detach(attach[i]), 0);
		CHECK_EQ(uiommu_domain_free(parent), -EBUSY);
		recorder_close(recs[i]);
	}
	CHECK_EQ(uiommu_domain_free(parent), 0);
	rig_close(rig);
}

#define SHARERS 3

/* Six bonds of three endpoints to one domain: a call for each queue's burst, each bond is known. */
static void
shared(void)
{
	struct rig *rig = rig_open(NULL);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *endpoints[SHARERS];
	int marks[SHARERS][2];
	uint16_t i, j;

	for (i = 0; i < SHARERS; i++) {
		endpoints[i] = rig_endpoint(rig, EP + i, 0);
		for (j = 0; j < 2; j++)
			rig_attach(endpoints[i], 7 + j, rec->domain, &marks[i][j]);
	}
	for (i = 0; i < SHARERS; i++) {
		for (j = 0; j < 2; j++)
			CHECK_EQ(rig_send(rig, EP + i, 7 + j, i, 1, true), UIOMMU_EMU_QUEUED);
	}
	rig_settle(rig);
	CHECK_EQ(rec->calls, rig->info.nb_queues < SHARERS ? rig->info.nb_queues : SHARERS);
	CHECK_EQ(rec->nb_kept, SHARERS * 2);
	for (i = 0; i < SHARERS * 2; i++)
		CHECK(rec->kept[i].priv == &marks[i / 2][i % 2]);
	/* it is busy until the last bond has gone, in whichever way */
	for (i = 0; i < SHARERS; i++) {
		CHECK_EQ(uiommu_domain_free(rec->domain), -EBUSY);
		CHECK_EQ(uiommu_detach(uiommu_attach_find(endpoints[i], 7, UIOMMU_DOMAIN_PAGING)),
			 0);
		CHECK_EQ(uiommu_domain_free(rec->domain), -EBUSY);
		if (i == 1)
			CHECK_EQ(uiommu_endpoint_remove(endpoints[i]), 0);
		else
			CHECK_EQ(uiommu_detach(uiommu_attach_find(endpoints[i], 8,
								  UIOMMU_DOMAIN_ANY)),
				 0);
	}
	recorder_close(rec);
	rig_close(rig);
}

static void
priv_hook(struct recorder *rec, struct uiommu_group *groups, uint8_t *codes, uint16_t nb)
{
	uint16_t i;

	for (i = 0; i < nb; i++)
		EXPECT(uiommu_attach_priv(groups[i].attach) == rec);
}

/* The device asks without a pause: the first group that comes finds all pointers in place. */
static void
pointers_in_place(void)
{
	struct rig_conf conf = {.model_thread = true, .owner_thread = true, .no_log = true};
	struct uiommu_emu_traffic traffic = {.group_pages_min = 1, .group_pages_max = 2};
	struct rig *rig = rig_open(&conf);
	struct uiommu_endpoint *endpoint;
	uint64_t end = harness_now_ns() + RIG_PATIENCE_NS;
	unsigned int round;
	uint64_t groups = 0;

	rig_device_range(rig, EP, 1, 1, 256);
	endpoint = rig_endpoint_add(rig, EP, 0, 0);
	uiommu_emu_pasid_state(rig->emu, EP, 1, UIOMMU_EMU_CHANGING);
	CHECK_EQ(uiommu_emu_traffic_set(rig->emu, &traffic), 0);
	uiommu_emu_traffic_run(rig->emu, true);
	for (round = 0; round < TRAFFIC(80); round++) {
		struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
		struct uiommu_attach *attach;

		rec->hook = priv_hook;
		attach = rig_attach(endpoint, 1, rec->domain, rec);
		/* by turns at once, and when requests came */
		while (round % 8 == 0 && recorder_groups(rec) == 0 && harness_now_ns() < end)
			sched_yield();
		CHECK_EQ(uiommu_detach(attach), 0);
		groups += recorder_groups(rec);
		recorder_close(rec);
	}
	CHECK(groups > 0);
	rig_close(rig);
}

static void
find_hook(struct recorder *rec, struct uiommu_group *groups, uint8_t *codes, uint16_t nb)
{
	struct uiommu_endpoint *endpoint = rec->hook_arg;

	EXPECT(uiommu_attach_find(endpoint, 7, UIOMMU_DOMAIN_ANY) == NULL && rte_errno == EDEADLK);
}

/* A bond is found by endpoint, PASID, and the type that the caller expects. */
static void
look_up(void)
{
	struct rig *rig = rig_open(NULL);
	struct recorder *paging = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct recorder *nested = rig_recorder_nested(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);
	struct {
		uint32_t pasid, type;
		struct uiommu_attach *attach;
	} bonds[3] = {
		{7, UIOMMU_DOMAIN_PAGING, NULL},
		{8, UIOMMU_DOMAIN_NESTED, NULL},
		{UIOMMU_NO_PASID, UIOMMU_DOMAIN_BLOCKED, NULL},
	};
	uint32_t i, type;

	for (i = 0; i < 3; i++) {
		for (type = 0; type <= UIOMMU_DOMAIN_NESTED; type++)
			CHECK_ERRNO(uiommu_attach_find(endpoint, bonds[i].pasid, type), ENOENT);
		CHECK_ERRNO(uiommu_attach_find(endpoint, bonds[i].pasid, UIOMMU_DOMAIN_ANY),
			    ENOENT);
	}
	bonds[0].attach = rig_attach(endpoint, 7, paging->domain, NULL);
	bonds[1].attach = rig_attach(endpoint, 8, nested->domain, NULL);
	bonds[2].attach = rig_attach(endpoint, UIOMMU_NO_PASID,
				     rig_domain(rig, UIOMMU_DOMAIN_BLOCKED), NULL);
	for (i = 0; i < 3; i++) {
		uint32_t pasid = bonds[i].pasid;

		CHECK(uiommu_attach_find(endpoint, pasid, UIOMMU_DOMAIN_ANY) == bonds[i].attach);
		for (type = 0; type <= UIOMMU_DOMAIN_NESTED; type++) {
			if (type == bonds[i].type)
				CHECK(uiommu_attach_find(endpoint, pasid, type) ==
				      bonds[i].attach);
			else
				CHECK_ERRNO(uiommu_attach_find(endpoint, pasid, type), EBUSY);
		}
	}
	CHECK_ERRNO(uiommu_attach_find(endpoint, 9, UIOMMU_DOMAIN_PAGING), ENOENT);
	/* a PASID never falls back to the RID's bond */
	CHECK_ERRNO(uiommu_attach_find(endpoint, 9, UIOMMU_DOMAIN_BLOCKED), ENOENT);
	CHECK_ERRNO(uiommu_attach_find(endpoint, 7, UIOMMU_DOMAIN_NESTED + 1), EINVAL);
	paging->hook = find_hook;
	paging->hook_arg = endpoint;
	rig_ask_and_expect(rig, EP, 7, 1, UIOMMU_EMU_SUCCESS);
	/* another type after a replace */
	bonds[0].attach = uiommu_replace(bonds[0].attach, nested->domain, NULL);
	CHECK(bonds[0].attach != NULL);
	CHECK(uiommu_attach_find(endpoint, 7, UIOMMU_DOMAIN_NESTED) == bonds[0].attach);
	CHECK_ERRNO(uiommu_attach_find(endpoint, 7, UIOMMU_DOMAIN_PAGING), EBUSY);
	rig_close(rig);
}

/* What one domain's handler may keep is not more than its share; others have theirs. */
static void
share_of_slots(void)
{
	const struct uiommu_domain_conf few = {.type = UIOMMU_DOMAIN_PAGING, .deferred_max = 3};
	struct rig_conf conf = {.dev = {.deferred_max = 8}};
	struct rig *rig = rig_open(&conf);
	struct recorder *greedy = rig_recorder_with(rig, UIOMMU_CODE_RETRY, &few);
	struct recorder *other = rig_recorder(rig, UIOMMU_CODE_RETRY);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);
	uint8_t code = UIOMMU_CODE_SUCCESS;
	uint16_t i;

	greedy->defer = true;
	other->defer = true;
	rig_attach(endpoint, 7, greedy->domain, NULL);
	rig_attach(endpoint, 8, greedy->domain, NULL);
	rig_attach(endpoint, 9, other->domain, NULL);
	for (i = 0; i < 20; i++)
		rig_ask(rig, 7 + i % 2, i, 1, true);
	rig_settle(rig);
	CHECK_EQ(greedy->deferred, 3);
	CHECK_EQ(rig_stats(rig).no_slot, 17);
	for (i = 0; i < 17; i++) {
		struct uiommu_emu_response resp;

		CHECK(rig_response(rig, &resp));
		CHECK_EQ(resp.code, UIOMMU_EMU_SUCCESS);
	}
	rig_expect_none(rig);
	for (i = 0; i < 5; i++)
		rig_ask(rig, 9, i, 1, true);
	rig_settle(rig);
	CHECK_EQ(other->deferred, 5);
	rig_expect_none(rig);
	/* one comes back to the one who had it */
	CHECK_EQ(uiommu_answer(rig->dev, &greedy->kept[0].cookie, &code, NULL, 1), 1);
	rig_settle(rig);
	rig_ask(rig, 7, 100, 1, true);
	rig_ask(rig, 7, 101, 1, true);
	rig_settle(rig);
	CHECK_EQ(greedy->deferred, 4);
	CHECK_EQ(rig_stats(rig).deferred_now, 8);
	rig_close_now(rig);
}

static const struct harness_case domains_cases[] = {
	{"K2 K4 each type of domain on one endpoint", every_type, 0},
	{"K2 each type of domain on the RID", every_type_on_the_rid, 0},
	{"K2 NESTED domains over a parent", nest_parent, UIOMMU_CAPA_NESTED},
	{"K2 one domain shared by six bonds", shared, 0},
	{"T20 pointers of handler and bond are there from the first group on", pointers_in_place,
	 0},
	{"K2 bonds are looked up by type", look_up, UIOMMU_CAPA_NESTED},
	{"R12 R6 a domain's share of slots", share_of_slots, 0},
};

HARNESS_SUITE(domains);
