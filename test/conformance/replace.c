/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Another domain in the place of a bond's. One thread, step by step. */

#include "conformance.h"

/* An endpoint with PASID 7, which is replaced, and PASID 8, which must not notice. */
struct swap {
	struct rig *rig;
	struct recorder *rec;
	struct recorder *other;
	struct uiommu_endpoint *endpoint;
	struct uiommu_attach *attach;
};

static struct swap
swap_open(uint32_t pasid)
{
	struct swap s;

	s.rig = rig_open(NULL);
	s.rec = rig_recorder(s.rig, UIOMMU_CODE_SUCCESS);
	s.other = rig_recorder(s.rig, UIOMMU_CODE_SUCCESS);
	s.endpoint = rig_endpoint(s.rig, EP, 0);
	s.attach = rig_attach(s.endpoint, pasid, s.rec->domain, s.rec);
	rig_attach(s.endpoint, 8, s.other->domain, s.other);
	return s;
}

static void
swap_to(struct swap *s, struct uiommu_domain *domain, void *priv)
{
	struct uiommu_attach *attach = uiommu_replace(s->attach, domain, priv);

	if (attach == NULL)
		harness_fail(__FILE__, __LINE__, "replace: %s", rte_strerror(rte_errno));
	CHECK(uiommu_attach_priv(attach) == priv);
	CHECK_EQ(uiommu_attach_endpoint_id(attach), EP);
	CHECK(uiommu_attach_find(s->endpoint, uiommu_attach_pasid(attach), UIOMMU_DOMAIN_ANY) ==
	      attach);
	s->attach = attach;
}

/* Three groups that the handler keeps, and two requests that wait for the rest of theirs. */
static void
leave_open(struct swap *s, uint32_t pasid)
{
	uint16_t i;

	s->rec->defer = true;
	for (i = 0; i < 3; i++)
		rig_ask(s->rig, pasid, i, i, true);
	rig_ask(s->rig, pasid, 50, 1, false);
	rig_ask(s->rig, pasid, 50, 2, false);
	rig_settle(s->rig);
	CHECK_EQ(s->rec->deferred, 3);
	CHECK_EQ(rig_stats(s->rig).parked_now, rig_parked(2));
	rig_expect_none(s->rig);
}

/* The three were answered Invalid, once; late answers find nothing. */
static void
check_revoked(struct swap *s, uint32_t pasid)
{
	uint8_t code = UIOMMU_CODE_SUCCESS;
	int status;
	uint16_t i;

	for (i = 0; i < 3; i++) {
		rig_expect(s->rig, EP, pasid, i, UIOMMU_EMU_INVALID);
		CHECK_EQ(uiommu_answer(s->rig->dev, &s->rec->kept[i].cookie, &code, &status, 1),
			 0);
		CHECK_EQ(status, -ENOENT);
	}
	rig_settle(s->rig);
	rig_expect_none(s->rig);
	CHECK_EQ(rig_stats(s->rig).drained, 3);
	CHECK_EQ(rig_stats(s->rig).deferred_now, 0);
}

/*
 * The group of which two members were parked is asked for again when its last one comes: the unit
 * could have answered that in between, and the members would join another group. Then it is as new.
 */
static void
ask_again(struct swap *s, struct recorder *rec, uint32_t pasid)
{
	uint32_t before = rec->nb_kept;

	rig_ask_and_expect(s->rig, EP, pasid, 50, UIOMMU_EMU_SUCCESS);
	if (harness_lacks(HARNESS_NEEDS_PARKING)) {
		/* what the unit has kept is the new bond's, whole */
		CHECK_EQ(rec->nb_kept, before + 1);
		CHECK_EQ(rec->kept[before].nb_faults, 3);
		return;
	}
	CHECK_EQ(rec->nb_kept, before);
	CHECK_EQ(rig_stats(s->rig).incomplete, 1);
	CHECK_EQ(rig_stats(s->rig).codes[UIOMMU_CODE_RETRY], 1);
	rig_ask_and_expect(s->rig, EP, pasid, 50, UIOMMU_EMU_SUCCESS);
	CHECK_EQ(rec->nb_kept, before + 1);
	CHECK_EQ(rec->kept[before].nb_faults, 1);
}

static void
capable_to_capable(uint32_t pasid)
{
	struct swap s = swap_open(pasid);
	struct recorder *next = rig_recorder(s.rig, UIOMMU_CODE_SUCCESS);

	leave_open(&s, pasid);
	rig_ask(s.rig, 8, 99, 1, false);
	swap_to(&s, next->domain, next);
	check_revoked(&s, pasid);
	recorder_close(s.rec);
	CHECK_EQ(rig_stats(s.rig).parked_now, rig_parked(1));
	ask_again(&s, next, pasid);
	CHECK(next->kept[0].priv == next);
	/* and the neighbour has not noticed */
	rig_ask_and_expect(s.rig, EP, 8, 99, UIOMMU_EMU_SUCCESS);
	CHECK_EQ(s.other->kept[0].nb_faults, 2);
	CHECK_EQ(uiommu_info_get(s.rig->dev, &s.rig->info), 0);
	CHECK_EQ(s.rig->info.attached, 2);
	CHECK_EQ(uiommu_detach(s.attach), 0);
	recorder_close(next);
	rig_close(s.rig);
}

static void
capable_to_capable_pasid(void)
{
	capable_to_capable(7);
}

static void
capable_to_capable_rid(void)
{
	capable_to_capable(UIOMMU_NO_PASID);
}

static void
same_domain(void)
{
	struct swap s = swap_open(7);
	int priv;

	leave_open(&s, 7);
	swap_to(&s, s.rec->domain, &priv);
	check_revoked(&s, 7);
	s.rec->defer = false;
	ask_again(&s, s.rec, 7);
	CHECK(s.rec->kept[3].priv == &priv);
	/* it is attached once, not twice */
	CHECK_EQ(uiommu_detach(s.attach), 0);
	recorder_close(s.rec);
	rig_close(s.rig);
}

/* To each kind that has no handler, and back; a neighbour keeps page requests on. */
static void
capable_to_not(enum uiommu_domain_type type, uint16_t dma_allowed)
{
	struct swap s = swap_open(7);
	struct recorder *next = rig_recorder(s.rig, UIOMMU_CODE_SUCCESS);

	leave_open(&s, 7);
	CHECK(!uiommu_emu_dma(s.rig->emu, EP, 7, 0x1000, true));
	swap_to(&s, rig_domain(s.rig, type), NULL);
	check_revoked(&s, 7);
	recorder_close(s.rec);
	CHECK_EQ(uiommu_emu_dma(s.rig->emu, EP, 7, 0x1000, true), dma_allowed);
	if (type == UIOMMU_DOMAIN_BLOCKED) {
		rig_ask_in_vain(s.rig, EP, 7, 60);
	} else {
		rig_ask_and_expect(s.rig, EP, 7, 60, UIOMMU_EMU_INVALID);
		/* once more: a part of it was parked */
		if (!harness_lacks(HARNESS_NEEDS_PARKING))
			rig_ask_and_expect(s.rig, EP, 7, 50, UIOMMU_EMU_SUCCESS);
		rig_ask_and_expect(s.rig, EP, 7, 50, UIOMMU_EMU_INVALID);
		CHECK_EQ(rig_stats(s.rig).parked_now, 0);
	}
	rig_ask_and_expect(s.rig, EP, 8, 1, UIOMMU_EMU_SUCCESS);
	/* and back */
	swap_to(&s, next->domain, next);
	CHECK(!uiommu_emu_dma(s.rig->emu, EP, 7, 0x1000, true));
	rig_ask_and_expect(s.rig, EP, 7, 61, UIOMMU_EMU_SUCCESS);
	CHECK_EQ(next->kept[0].nb_faults, 1);
	CHECK_EQ(rig_stats(s.rig).drained, 3);
	rig_close(s.rig);
}

static void
to_paging(void)
{
	capable_to_not(UIOMMU_DOMAIN_PAGING, false);
}

static void
to_blocked(void)
{
	capable_to_not(UIOMMU_DOMAIN_BLOCKED, false);
}

static void
to_identity(void)
{
	capable_to_not(UIOMMU_DOMAIN_IDENTITY, true);
}

/* The only bond of an endpoint: page requests go off with it, and come back. */
static void
page_requests_follow(void)
{
	struct rig *rig = rig_open(NULL);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_domain *not = rig_domain(rig, UIOMMU_DOMAIN_PAGING);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);
	struct uiommu_attach *attach = rig_attach(endpoint, 7, not, NULL);
	uint64_t software = 0;
	uint16_t round;

	for (round = 0; round < 5; round++) {
		rig_ask_in_vain(rig, EP, 7, 1);
		attach = uiommu_replace(attach, rec->domain, rec);
		CHECK(attach != NULL);
		rig_ask_and_expect(rig, EP, 7, 2, UIOMMU_EMU_SUCCESS);
		/* capable to capable in between: on they stay */
		attach = uiommu_replace(attach, rec->domain, rec);
		CHECK(attach != NULL);
		rig_ask_and_expect(rig, EP, 7, 3, UIOMMU_EMU_SUCCESS);
		/* the last request of this one comes too late */
		rig_ask(rig, 7, 4, 1, false);
		rig_settle(rig);
		attach = uiommu_replace(attach, not, NULL);
		CHECK(attach != NULL);
		CHECK_EQ(rig_stats(rig).parked_now, 0);
		software += 2;
		CHECK_EQ(rig_served(rig), software);
		rig_ask_in_vain(rig, EP, 7, 4);
	}
	CHECK_EQ(rec->groups, software);
	rig_close(rig);
}

/* After each refusal the bond is as it was: open groups, parked requests, pointer, handle. */
static void
refused(void)
{
	struct swap s = swap_open(7);
	struct rig *rig2 = rig_open(NULL);
	struct recorder *foreign = rig_recorder(rig2, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *mute = rig_endpoint_with(s.rig, 0x0200,
							 UIOMMU_ENDPOINT_NO_PAGE_REQUESTS, 0);
	struct uiommu_endpoint *vf = rig_endpoint_with(s.rig, 0x0201, UIOMMU_ENDPOINT_VF, 0x0200);
	struct uiommu_domain *not = rig_domain(s.rig, UIOMMU_DOMAIN_PAGING);
	struct uiommu_attach *mutes[2] = {rig_attach(mute, 7, not, &s), rig_attach(vf, 7, not, &s)};
	uint8_t code = UIOMMU_CODE_SUCCESS;
	uint16_t i;

	leave_open(&s, 7);
	CHECK_ERRNO(uiommu_replace(NULL, s.rec->domain, NULL), EINVAL);
	CHECK_ERRNO(uiommu_replace(s.attach, NULL, NULL), EINVAL);
	CHECK_ERRNO(uiommu_replace(s.attach, foreign->domain, NULL), EINVAL);
	for (i = 0; i < 2; i++) {
		CHECK_ERRNO(uiommu_replace(mutes[i], s.rec->domain, NULL), ENOTSUP);
		CHECK(uiommu_attach_priv(mutes[i]) == &s);
		CHECK(uiommu_attach_find(i == 0 ? mute : vf, 7, UIOMMU_DOMAIN_PAGING) ==
		      mutes[i]);
		rig_ask_in_vain(s.rig, 0x0200 + i, 7, 1);
	}
	CHECK(uiommu_attach_find(s.endpoint, 7, UIOMMU_DOMAIN_PAGING) == s.attach);
	CHECK(uiommu_attach_priv(s.attach) == s.rec);
	CHECK_EQ(rig_stats(s.rig).drained, 0);
	for (i = 0; i < 3; i++) {
		CHECK_EQ(uiommu_answer(s.rig->dev, &s.rec->kept[i].cookie, &code, NULL, 1), 1);
		rig_settle(s.rig);
		rig_expect(s.rig, EP, 7, i, UIOMMU_EMU_SUCCESS);
	}
	s.rec->defer = false;
	rig_ask_and_expect(s.rig, EP, 7, 50, UIOMMU_EMU_SUCCESS);
	CHECK_EQ(s.rec->kept[3].nb_faults, 3);
	CHECK_EQ(uiommu_info_get(s.rig->dev, &s.rig->info), 0);
	CHECK_EQ(s.rig->info.attached, 4);
	rig_close(rig2);
	rig_close(s.rig);
}

/* Requests in the queue at the call: each is one's or the other's, all are answered once. */
static void
requests_in_the_queue(void)
{
	struct swap s = swap_open(7);
	struct recorder *next = rig_recorder(s.rig, UIOMMU_CODE_SUCCESS);
	uint32_t before, i;

	for (i = 0; i < 200; i++)
		rig_ask(s.rig, i % 4 == 3 ? 8 : 7, (uint16_t)i, i, true);
	swap_to(&s, next->domain, next);
	before = s.rec->nb_kept;
	recorder_close(s.rec);
	rig_settle(s.rig);
	CHECK_EQ(before + next->nb_kept, 150);
	CHECK_EQ(s.other->nb_kept, 50);
	for (i = 0; i < 200; i++)
		rig_expect_any(s.rig, EP, i % 4 == 3 ? 8 : 7, (uint16_t)i, UIOMMU_EMU_SUCCESS);
	rig_expect_none(s.rig);
	rig_close(s.rig);
}

/* The kernel has no memory, however often it is asked: the old bond goes on, and what is open. */
static void
without_memory(void)
{
	static const enum uiommu_emu_fault faults[] = {
		UIOMMU_EMU_FAULT_ATTACH,
		UIOMMU_EMU_FAULT_TABLE,
	};
	struct swap s = swap_open(7);
	struct recorder *next = rig_recorder(s.rig, UIOMMU_CODE_SUCCESS);
	uint8_t code = UIOMMU_CODE_SUCCESS;
	int status;
	uint16_t i;

	if (!harness_lacks(HARNESS_NEEDS_COMMANDS))
		harness_skip("the unit is told by commands, which need no memory");
	for (i = 0; i < ARRAY_COUNT(faults); i++) {
		s.rec->defer = true;
		rig_ask(s.rig, 7, i, 1, true);
		rig_settle(s.rig);
		uiommu_emu_fault_set(s.rig->emu, faults[i], 0);
		CHECK_ERRNO(uiommu_replace(s.attach, next->domain, next), ENOMEM);
		uiommu_emu_fault_set(s.rig->emu, UIOMMU_EMU_FAULT_NONE, 0);
		rig_settle(s.rig);
		rig_expect_none(s.rig);
		CHECK(uiommu_attach_find(s.endpoint, 7, UIOMMU_DOMAIN_ANY) == s.attach);
		CHECK_EQ(uiommu_answer(s.rig->dev, &s.rec->kept[2 * i].cookie, &code, &status, 1),
			 1);
		rig_settle(s.rig);
		rig_expect(s.rig, EP, 7, i, UIOMMU_EMU_SUCCESS);
		s.rec->defer = false;
		rig_ask_and_expect(s.rig, EP, 7, 20, UIOMMU_EMU_SUCCESS);
	}
	CHECK_EQ(s.rec->nb_kept, 4);
	CHECK_EQ(next->nb_kept, 0);
	swap_to(&s, next->domain, next);
	rig_ask_and_expect(s.rig, EP, 7, 20, UIOMMU_EMU_SUCCESS);
	CHECK_EQ(next->nb_kept, 1);
	rig_close(s.rig);
}

static void
no_owner(void)
{
	struct swap s = swap_open(7);
	struct recorder *next = rig_recorder(s.rig, UIOMMU_CODE_SUCCESS);

	leave_open(&s, 7);
	rig_release(s.rig);
	swap_to(&s, next->domain, next);
	recorder_close(s.rec);
	rig_claim(s.rig);
	check_revoked(&s, 7);
	ask_again(&s, next, 7);
	rig_close(s.rig);
}

/* A unit that is not started: in force from the next start on. */
static void
not_started(void)
{
	struct swap s = swap_open(7);
	struct recorder *next = rig_recorder(s.rig, UIOMMU_CODE_SUCCESS);

	CHECK_EQ(uiommu_stop(s.rig->dev), 0);
	swap_to(&s, rig_domain(s.rig, UIOMMU_DOMAIN_BLOCKED), NULL);
	recorder_close(s.rec);
	CHECK_EQ(uiommu_start(s.rig->dev), 0);
	rig_ask_in_vain(s.rig, EP, 7, 1);
	CHECK_EQ(uiommu_stop(s.rig->dev), 0);
	swap_to(&s, next->domain, next);
	CHECK_EQ(uiommu_start(s.rig->dev), 0);
	rig_ask_and_expect(s.rig, EP, 7, 2, UIOMMU_EMU_SUCCESS);
	CHECK(next->kept[0].priv == next);
	rig_close(s.rig);
}

static void
replace_hook(struct recorder *rec, struct uiommu_group *groups, uint8_t *codes, uint16_t nb)
{
	EXPECT(uiommu_replace(groups[0].attach, rec->domain, NULL) == NULL &&
	       rte_errno == EDEADLK);
}

static void
inside_handler(void)
{
	struct swap s = swap_open(7);

	s.rec->hook = replace_hook;
	rig_ask_and_expect(s.rig, EP, 7, 1, UIOMMU_EMU_SUCCESS);
	CHECK_EQ(s.rec->calls, 1);
	CHECK(uiommu_attach_find(s.endpoint, 7, UIOMMU_DOMAIN_ANY) == s.attach);
	rig_close(s.rig);
}

static const struct harness_case replace_cases[] = {
	{"R4 R9 T29 replace, fault-capable to fault-capable", capable_to_capable_pasid, 0},
	{"R4 T12 T29 replace on the RID with PASIDs attached", capable_to_capable_rid, 0},
	{"R4 replace by the domain that it has", same_domain, 0},
	{"R4 K4 replace, to a domain without handler and back", to_paging, 0},
	{"R4 K4 replace, to BLOCKED and back", to_blocked, 0},
	{"R4 K4 replace, to IDENTITY and back", to_identity, UIOMMU_CAPA_PASSTHROUGH_PASID},
	{"T19 replace switches page requests on and off", page_requests_follow, 0},
	{"T26 replace that is refused leaves the bond as it was", refused,
	 HARNESS_NEEDS_VF_REQUESTS},
	{"R1 T26 replace for which the unit has no memory", without_memory, 0},
	{"R1 R4 replace with requests in the queue", requests_in_the_queue,
	 HARNESS_NEEDS_LAST_WORD},
	{"R4 T13 replace while nobody owns the queue", no_owner, 0},
	{"replace on a unit that is stopped", not_started, 0},
	{"T15 replace inside a handler", inside_handler, 0},
};

HARNESS_SUITE(replace);
