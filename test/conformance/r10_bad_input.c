/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* R10: bad input from hardware is counted and answered as the protocol asks, and no more. */

#include "conformance.h"

static struct rig *
plain_rig(struct recorder **rec, const struct rig_conf *conf)
{
	struct rig *rig = rig_open(conf);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);

	*rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	rig_attach(endpoint, 7, (*rec)->domain, NULL);
	rig_attach(endpoint, UIOMMU_NO_PASID, (*rec)->domain, NULL);
	return rig;
}

/* Each way to spoil an entry, one by one. */
static void
spoiled_entries(void)
{
	const struct harness_unit *unit = harness_unit();
	struct uiommu_emu_request req = {
		.endpoint_id = EP,
		.pasid = 7,
		.iova = 0x123000,
		.read = true,
		.last = true,
	};
	struct recorder *rec;
	struct rig *rig = plain_rig(&rec, NULL);
	struct uiommu_emu_response resp;
	size_t i;

	for (i = 0; i < unit->nb_spoils; i++) {
		const struct harness_spoil *spoil = &unit->spoils[i];
		uint64_t stops = rig_stats(rig).stop_markers;
		bool answered;

		req.prg_index = (uint16_t)i;
		rig_raw(rig, &req, spoil);
		rig_settle(rig);
		answered = rig_response(rig, &resp);
		if (answered != spoil->answered || (answered && resp.code != UIOMMU_EMU_INVALID))
			harness_note(__FILE__, __LINE__, "%s: %s, code %u", spoil->what,
				     answered ? "answered" : "not answered", resp.code);
		if (answered) {
			EXPECT_EQ(resp.endpoint_id, EP);
			EXPECT_EQ(resp.pasid, 7);
			EXPECT_EQ(resp.prg_index, i);
		}
		if (rig_stats(rig).malformed + rig_stats(rig).stop_markers != i + 1)
			harness_fail(__FILE__, __LINE__, "%s: not counted", spoil->what);
		EXPECT(rig_stats(rig).stop_markers - stops <= 1);
	}
	CHECK_EQ(rec->calls, 0);
	rig_expect_none(rig);
	/* a sound one after all that */
	rig_ask(rig, 7, 500, 1, true);
	rig_settle(rig);
	rig_expect(rig, EP, 7, 500, UIOMMU_EMU_SUCCESS);
	rig_close(rig);
}

/* The first address that the unit's width does not have, and the last. */
static void
not_canonical(void)
{
	struct uiommu_emu_request req = {
		.endpoint_id = EP,
		.pasid = 7,
		.read = true,
		.last = true,
	};
	struct recorder *rec;
	struct rig *rig = plain_rig(&rec, NULL);
	uint64_t bit = rig_iova_end(rig);

	req.iova = bit;
	rig_raw(rig, &req, NULL);
	req.iova = (UINT64_C(1) << 63) | (bit - 4096);
	req.prg_index = 1;
	rig_raw(rig, &req, NULL);
	req.iova = -bit - 4096;
	req.prg_index = 2;
	rig_raw(rig, &req, NULL);
	rig_settle(rig);
	rig_expect(rig, EP, 7, 0, UIOMMU_EMU_INVALID);
	rig_expect(rig, EP, 7, 1, UIOMMU_EMU_INVALID);
	rig_expect(rig, EP, 7, 2, UIOMMU_EMU_INVALID);
	CHECK_EQ(rig_stats(rig).malformed, 3);
	/* the neighbours */
	req.iova = bit - 4096;
	rig_raw(rig, &req, NULL);
	if (!harness_unit()->one_table) {
		req.iova = -bit;
		rig_raw(rig, &req, NULL);
	}
	rig_settle(rig);
	CHECK_EQ(rec->groups, harness_unit()->one_table ? 1 : 2);
	rig_close(rig);
}

/* Sound requests that look odd. */
static void
odd_but_sound(void)
{
	struct uiommu_emu_request req = {
		.endpoint_id = EP,
		.pasid = 7,
		.last = true,
		.read = true,
	};
	struct recorder *rec;
	struct rig *rig = plain_rig(&rec, NULL);
	const uint64_t end = rig_iova_end(rig), iovas[] = {0, end - 4096, -end, -UINT64_C(4096)};
	uint16_t i;

	for (i = 0; i < (harness_unit()->one_table ? 2 : ARRAY_COUNT(iovas)); i++) {
		req.iova = iovas[i];
		req.prg_index = (uint16_t)(511 - i);
		req.write = i % 2 != 0;
		req.read = i % 2 == 0;
		rig_raw(rig, &req, NULL);
		rig_settle(rig);
		CHECK_EQ(rec->nb_kept, i + 1);
		CHECK_EQ(rec->kept[i].faults[0].iova, iovas[i]);
		CHECK_EQ(rec->kept[i].faults[0].flags,
			 UIOMMU_FAULT_LAST | UIOMMU_FAULT_PASID |
				 (i % 2 != 0 ? UIOMMU_FAULT_WRITE : UIOMMU_FAULT_READ));
		rig_expect(rig, EP, 7, (uint16_t)(511 - i), UIOMMU_EMU_SUCCESS);
	}
	CHECK_EQ(rig_stats(rig).malformed, 0);
	rig_close(rig);
}

static void
stop_markers(void)
{
	struct uiommu_emu_request req = {.endpoint_id = EP, .pasid = 7, .last = true};
	struct recorder *rec;
	struct rig *rig = plain_rig(&rec, NULL);
	unsigned int i;

	rig_ask(rig, 7, 3, 1, false);
	for (i = 0; i < 10; i++) {
		req.prg_index = 3;
		req.iova = i << 12;
		CHECK_EQ(uiommu_emu_request(rig->emu, &req), UIOMMU_EMU_QUEUED);
	}
	rig_settle(rig);
	rig_expect_none(rig);
	CHECK_EQ(rec->calls, 0);
	CHECK_EQ(rig_stats(rig).stop_markers, 10);
	/* it ends no group: the one with its index goes on */
	rig_ask(rig, 7, 3, 2, true);
	rig_settle(rig);
	CHECK_EQ(rec->kept[0].nb_faults, 2);
	rig_expect(rig, EP, 7, 3, UIOMMU_EMU_SUCCESS);
	/* for an endpoint and a PASID that nobody knows it is one too */
	req.endpoint_id = 0x0777;
	rig_raw(rig, &req, NULL);
	req.endpoint_id = EP;
	req.pasid = 1234;
	rig_raw(rig, &req, NULL);
	/* without a PASID it is none; whether it can be answered is for the unit's manual to say */
	req.pasid = UIOMMU_NO_PASID;
	rig_raw(rig, &req, NULL);
	rig_settle(rig);
	if (harness_unit()->answers_no_access)
		rig_expect(rig, EP, UIOMMU_NO_PASID, 3, UIOMMU_EMU_INVALID);
	rig_expect_none(rig);
	CHECK_EQ(rec->calls, 1);
	CHECK_EQ(rig_stats(rig).stop_markers, harness_unit()->bare_markers ? 13 : 12);
	CHECK_EQ(rig_stats(rig).malformed, harness_unit()->bare_markers ? 0 : 1);
	rig_close_now(rig);
}

/* Every endpoint id, and PASIDs all over the range. */
static void
strangers(void)
{
	struct rig_conf conf = {.no_log = true};
	struct recorder *rec;
	struct rig *rig = plain_rig(&rec, &conf);
	const uint32_t ids = UINT32_C(1) << rig->info.endpoint_bits;
	uint32_t id, pasid, sent = 0;

	for (id = 0; id < ids; id += ids < 65536 ? 3 : ids / 65536 * 7, sent++) {
		rig_raw_ask(rig, id == EP ? id + 1 : id, 7, (uint16_t)(id % 512), true);
		if (sent % 64 == 0)
			rig_settle(rig);
	}
	rig_settle(rig);
	CHECK_EQ(rig_stats(rig).unknown_endpoint, sent);
	/* whatever the unit's width is: an entry has room for all of them */
	for (pasid = 0, sent = 0; pasid < UIOMMU_PASID_COUNT; pasid += 997, sent++) {
		rig_raw_ask(rig, EP, pasid == 7 ? 8 : pasid, (uint16_t)(pasid % 512), true);
		if (sent % 64 == 0)
			rig_settle(rig);
	}
	rig_settle(rig);
	CHECK_EQ(rig_stats(rig).unknown_pasid, sent);
	CHECK_EQ(rec->calls, 0);
	rig_close(rig);
}

/* A PASID that the endpoint's own width does not have. */
static void
narrow_endpoint(void)
{
	struct rig *rig = rig_open(NULL);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint_conf conf = {.size = sizeof(conf), .pasid_bits = 7};
	struct uiommu_endpoint *endpoint;

	rig_device(rig, EP, NULL, 0, 0);
	endpoint = uiommu_endpoint_add(rig->dev, EP, &conf);
	CHECK(endpoint != NULL);
	rig_attach(endpoint, 127, rec->domain, NULL);
	CHECK_ERRNO(uiommu_attach(endpoint, 128, rec->domain, NULL), EINVAL);
	rig_ask(rig, 127, 1, 1, true);
	rig_raw_ask(rig, EP, 128, 2, true);
	rig_raw_ask(rig, EP, rig_pasid_max(rig), 3, true);
	rig_settle(rig);
	rig_expect_any(rig, EP, 127, 1, UIOMMU_EMU_SUCCESS);
	rig_expect_any(rig, EP, 128, 2, UIOMMU_EMU_INVALID);
	rig_expect_any(rig, EP, rig_pasid_max(rig), 3, UIOMMU_EMU_INVALID);
	rig_ask_in_vain(rig, EP, rig_pasid_max(rig), 4);
	rig_expect_none(rig);
	rig_close(rig);
}

/* Half of the traffic is bad, of each kind: clean verdict, every one counted, nothing logged. */
static void
bad_storm(void)
{
	struct rig_conf conf = {.model_thread = true, .owner_thread = true, .no_log = true};
	struct uiommu_emu_traffic traffic = {
		.group_pages_min = 1,
		.group_pages_max = 4,
		.bad_ratio = 0.5,
		.seed = 10,
	};
	struct rig *rig = rig_open(&conf);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_emu_verdict v;
	struct uiommu_stats s;

	endpoint_with(rig, EP, 32, 512, rec);
	harness_log_watch();
	rig_traffic(rig, &traffic, TRAFFIC(30000));
	CHECK_EQ(harness_log_lines(), 0);
	s = rig_stats(rig);
	v = rig_verdict(rig, false);
	CHECK(v.bad_sent > 100 || harness_unit()->encode == NULL);
	/* past the unit's own checks */
	CHECK((s.malformed > 0 && s.unknown_endpoint > 0 && s.unknown_pasid > 0) ||
	      harness_unit()->encode == NULL);
	CHECK(s.refused > 0 || harness_unit()->encode == NULL);
	CHECK(s.stop_markers > 0 || harness_lacks(HARNESS_NEEDS_STOP_MARKERS));
	/* a request of each kind is one that the model has sent; good ones may be in park_full */
	CHECK(s.malformed + s.unknown_endpoint + s.unknown_pasid + s.stop_markers <= v.bad_sent);
	CHECK_EQ(s.codes[UIOMMU_CODE_INVALID], s.refused - s.incomplete);
	rig_close(rig);
}

/* Bits in the tail register that the queue cannot have. */
static void
wild_tail(void)
{
	struct recorder *rec;
	struct rig *rig = plain_rig(&rec, NULL);
	uint16_t i;

	for (i = 0; i < 40; i++) {
		uiommu_emu_fault_set(rig->emu, UIOMMU_EMU_FAULT_WILD_INDEX, 3);
		rig_ask(rig, 7, i, i, true);
		rig_settle(rig);
		rig_expect(rig, EP, 7, i, UIOMMU_EMU_SUCCESS);
	}
	uiommu_emu_fault_set(rig->emu, UIOMMU_EMU_FAULT_NONE, 0);
	if (harness_unit()->counters.wild_index != NULL)
		CHECK(rig_xstat(rig, harness_unit()->counters.wild_index) > 0);
	rig_expect_none(rig);
	rig_close(rig);
}

static const struct harness_case r10_cases[] = {
	{"R10 K31 each reserved bit, unknown types, access, address", spoiled_entries, 0},
	{"R10 K31 addresses at the edge of the canonical", not_canonical,
	 HARNESS_NEEDS_ANY_ADDRESS},
	{"R10 requests that look odd and are sound", odd_but_sound, 0},
	{"R10 K1 T10 stop markers", stop_markers, HARNESS_NEEDS_STOP_MARKERS},
	{"R10 T36 unknown endpoints and PASIDs all over the range", strangers, 0},
	{"R10 PASID beyond the width of its endpoint", narrow_endpoint, 0},
	{"R10 T32 T45 storm of bad requests, and no line in the log", bad_storm, 0},
	{"R10 tail register with bits that it cannot have", wild_tail, 0},
};

HARNESS_SUITE(r10);
