/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* What a device may do that nobody holds any more; and devices that are reset. */

#include "conformance.h"

static bool
reads(struct rig *rig, uint32_t pasid)
{
	return uiommu_emu_dma(rig->emu, EP, rig_pasid_to_emu(pasid), 0x1000, false);
}

static bool
writes(struct rig *rig, uint32_t pasid)
{
	return uiommu_emu_dma(rig->emu, EP, rig_pasid_to_emu(pasid), 0x1000, true);
}

static void
check_blocked(struct rig *rig)
{
	CHECK(!reads(rig, 7) && !writes(rig, 7));
	CHECK(!reads(rig, UIOMMU_NO_PASID) && !writes(rig, UIOMMU_NO_PASID));
}

/* Blocked unless a bond says otherwise: from the first day, and whichever way the bond went. */
static void
blocked_without_bond(uint32_t pasid)
{
	struct rig *rig = rig_open(NULL);
	struct uiommu_domain *identity = rig_domain(rig, UIOMMU_DOMAIN_IDENTITY);
	struct uiommu_domain *blocked = rig_domain(rig, UIOMMU_DOMAIN_BLOCKED);
	static const uint32_t pasids[] = {7, UIOMMU_NO_PASID};
	struct uiommu_endpoint *endpoint;
	struct uiommu_attach *attach;
	unsigned int round;

	rig_device(rig, EP, pasids, 2, 0);
	check_blocked(rig);
	for (round = 0; round < 3; round++) {
		endpoint = rig_endpoint_add(rig, EP, 0, 0);
		check_blocked(rig);
		attach = rig_attach(endpoint, pasid, identity, NULL);
		CHECK(reads(rig, pasid) && writes(rig, pasid));
		CHECK(!reads(rig, pasid == 7 ? UIOMMU_NO_PASID : 7));
		CHECK_EQ(uiommu_detach(attach), 0);
		check_blocked(rig);
		attach = rig_attach(endpoint, pasid, identity, NULL);
		CHECK(writes(rig, pasid));
		attach = uiommu_replace(attach, blocked, NULL);
		CHECK(attach != NULL);
		check_blocked(rig);
		attach = uiommu_replace(attach, identity, NULL);
		CHECK(attach != NULL && writes(rig, pasid));
		if (round == 1) {
			/* not by waiting for it */
			CHECK_EQ(uiommu_detach_start(attach), 0);
			while (uiommu_detach_done(attach) == -EINPROGRESS)
				rig_turn(rig);
			check_blocked(rig);
		}
		CHECK_EQ(uiommu_endpoint_remove(endpoint), 0);
		check_blocked(rig);
	}
	rig_close(rig);
}

static void
blocked_pasid(void)
{
	blocked_without_bond(7);
}

static void
blocked_rid(void)
{
	blocked_without_bond(UIOMMU_NO_PASID);
}

/* Stopped so that all stays blocked; bonds are in force again after the next start. */
static void
blocked_by_stop(void)
{
	struct rig_conf conf = {.dev = {.stop_mode = UIOMMU_STOP_BLOCK}};
	struct rig *rig = rig_open(&conf);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);
	bool has_pasid = (rig->info.capa & UIOMMU_CAPA_PASSTHROUGH_PASID) != 0;
	uint32_t pasid = has_pasid ? 7 : UIOMMU_NO_PASID;

	rig_attach(endpoint, pasid, rig_domain(rig, UIOMMU_DOMAIN_IDENTITY), NULL);
	CHECK(writes(rig, pasid));
	CHECK_EQ(uiommu_stop(rig->dev), 0);
	check_blocked(rig);
	CHECK_EQ(uiommu_start(rig->dev), 0);
	CHECK(writes(rig, pasid));
	CHECK_EQ(uiommu_stop(rig->dev), 0);
	CHECK_EQ(uiommu_endpoint_remove(endpoint), 0);
	check_blocked(rig);
	CHECK_EQ(uiommu_start(rig->dev), 0);
	check_blocked(rig);
	rig_close(rig);
}

/* After a removal requests are answered Invalid: no handler sees them. */
static void
requests_after_removal(void)
{
	struct rig *rig = rig_open(NULL);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);
	uint16_t i;

	rig_attach(endpoint, 7, rec->domain, NULL);
	rig_attach(endpoint, UIOMMU_NO_PASID, rec->domain, NULL);
	rig_ask_and_expect(rig, EP, 7, 1, UIOMMU_EMU_SUCCESS);
	CHECK_EQ(uiommu_endpoint_remove(endpoint), 0);
	recorder_close(rec);
	for (i = 0; i < 10; i++) {
		rig_ask_in_vain(rig, EP, 7, i);
		rig_ask_in_vain(rig, EP, UIOMMU_NO_PASID, i);
	}
	rig_settle(rig);
	CHECK_EQ(rig_taken(rig), 1);
	rig_close(rig);
}

/* -------------------------------------------------------------- reset */

static void
device_reset(struct rig *rig)
{
	static const uint32_t pasids[] = {7, 8};

	CHECK_EQ(uiommu_emu_device_remove(rig->emu, EP), 0);
	rig_device(rig, EP, pasids, 2, 0);
}

/*
 * A function is reset and begins anew with all of its credits. The way that loses nothing: remove
 * the endpoint, reset, add it again.
 */
static void
reset_in_order(void)
{
	struct rig *rig = rig_open(NULL);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);
	uint8_t code = UIOMMU_CODE_SUCCESS;
	uint16_t round;
	int status;

	rig_attach(endpoint, 7, rec->domain, NULL);
	for (round = 0; round < 3; round++) {
		uint32_t first = rec->nb_kept;

		rec->defer = true;
		rig_ask(rig, 7, 1, 1, true);
		rig_ask(rig, 7, 2, 1, false);
		rig_settle(rig);
		rig_ask(rig, 7, 3, 1, true);
		CHECK_EQ(uiommu_endpoint_remove(endpoint), 0);
		rig_expect_any(rig, EP, 7, 1, UIOMMU_EMU_INVALID);
		rig_expect_any(rig, EP, 7, 3, UIOMMU_EMU_INVALID);
		rig_expect_none(rig);
		device_reset(rig);
		endpoint = rig_endpoint_add(rig, EP, 0, 0);
		rig_attach(endpoint, 7, rec->domain, NULL);
		CHECK_EQ(uiommu_answer(rig->dev, &rec->kept[first].cookie, &code, &status, 1), 0);
		CHECK_EQ(status, -ENOENT);
		rec->defer = false;
		/* the indices begin again, and nothing of before is in the groups */
		rig_ask_and_expect(rig, EP, 7, 1, UIOMMU_EMU_SUCCESS);
		rig_ask_and_expect(rig, EP, 7, 2, UIOMMU_EMU_SUCCESS);
		CHECK_EQ(rec->kept[rec->nb_kept - 1].nb_faults, 1);
	}
	rig_close(rig);
}

/* A function is reset behind software's back: answers to what it asked before do no harm. */
static void
reset_by_surprise(void)
{
	struct rig *rig = rig_open(NULL);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);
	uint8_t code = UIOMMU_CODE_SUCCESS;
	uint16_t i;

	rig_attach(endpoint, 7, rec->domain, NULL);
	rig_attach(endpoint, 8, rec->domain, NULL);
	rec->defer = true;
	rig_ask(rig, 7, 1, 1, true);
	rig_settle(rig);
	rec->defer = false;
	for (i = 10; i < 20; i++)
		rig_ask(rig, 7, i, 1, true);
	device_reset(rig);
	for (i = 30; i < 40; i++)
		rig_ask(rig, 8, i, 1, true);
	rig_settle(rig);
	for (i = 10; i < 20; i++)
		rig_expect(rig, EP, 7, i, UIOMMU_EMU_SUCCESS);
	for (i = 30; i < 40; i++)
		rig_expect(rig, EP, 8, i, UIOMMU_EMU_SUCCESS);
	CHECK_EQ(uiommu_answer(rig->dev, &rec->kept[0].cookie, &code, NULL, 1), 1);
	rig_settle(rig);
	rig_expect(rig, EP, 7, 1, UIOMMU_EMU_SUCCESS);
	rig_ask_and_expect(rig, EP, 7, 1, UIOMMU_EMU_SUCCESS);
	CHECK_EQ(rec->groups, 22);
	rig_close(rig);
}

static const struct harness_case release_cases[] = {
	{"R4 K25 DMA without a bond is blocked", blocked_pasid,
	 UIOMMU_CAPA_PASSTHROUGH_PASID},
	{"R4 T12 DMA of a RID without a bond is blocked", blocked_rid, UIOMMU_CAPA_PASSTHROUGH},
	{"R4 DMA is blocked by stop", blocked_by_stop, UIOMMU_CAPA_PASSTHROUGH},
	{"R4 K24 T16 requests after a removal", requests_after_removal, 0},
	{"C7 K24 reset of a function, in order", reset_in_order, 0},
	{"C7 R9 reset of a function, by surprise", reset_by_surprise, 0},
};

HARNESS_SUITE(release);
