/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Drive a rig: requests in, responses out. */

#include <sched.h>
#include <string.h>

#include "rig.h"

/* Turns without work after which a rig is at rest. */
#define IDLE_TURNS 64

/* -------------------------------------------------------------- requests */

void
rig_groups_or_skip(void)
{
	if (harness_unit()->lone_requests)
		harness_skip("the unit's devices send groups of one request only");
}

enum uiommu_emu_outcome
rig_send(struct rig *rig, uint32_t endpoint_id, uint32_t pasid, uint16_t index, uint64_t page,
	 bool last)
{
	const struct uiommu_emu_request req = {
		.endpoint_id = endpoint_id,
		.pasid = rig_pasid_to_emu(pasid),
		.iova = page << 12,
		.prg_index = index,
		.read = true,
		.last = last,
	};

	if (!last)
		rig_groups_or_skip();
	return uiommu_emu_request(rig->emu, &req);
}

void
rig_ask(struct rig *rig, uint32_t pasid, uint16_t index, uint64_t page, bool last)
{
	CHECK_EQ(rig_send(rig, EP, pasid, index, page, last), UIOMMU_EMU_QUEUED);
}

void
rig_raw(struct rig *rig, const struct uiommu_emu_request *req, const struct harness_spoil *spoil)
{
	const struct harness_unit *unit = harness_unit();
	struct uiommu_emu_request copy = *req;
	uint64_t entry[HARNESS_ENTRY_WORDS] = {0};
	unsigned int i;

	if (unit->encode == NULL)
		harness_skip("nothing can be put into the unit's queue past its own checks");
	copy.pasid = rig_pasid_to_emu(req->pasid);
	unit->encode(&copy, entry);
	rig->raw = true;
	for (i = 0; spoil != NULL && i < HARNESS_ENTRY_WORDS; i++)
		entry[i] = (entry[i] & ~spoil->clear[i]) | spoil->set[i];
	CHECK_EQ(uiommu_emu_request_raw(rig->emu, entry, unit->entry_size), 0);
}

void
rig_raw_ask(struct rig *rig, uint32_t endpoint_id, uint32_t pasid, uint16_t index, bool last)
{
	const struct uiommu_emu_request req = {
		.endpoint_id = endpoint_id,
		.pasid = pasid,
		.iova = 0x1000,
		.prg_index = index,
		.read = true,
		.last = last,
	};

	rig_raw(rig, &req, NULL);
}

void
rig_ask_in_vain(struct rig *rig, uint32_t endpoint_id, uint32_t pasid, uint16_t index)
{
	enum uiommu_emu_outcome outcome = rig_send(rig, endpoint_id, pasid, index, 1, true);

	if ((rig->info.capa & UIOMMU_CAPA_AUTO_ANSWER) != 0 &&
	    (!harness_unit()->queues_blocked || outcome != UIOMMU_EMU_QUEUED)) {
		CHECK_EQ(outcome, UIOMMU_EMU_AUTO_INVALID);
		rig_expect_auto(rig, endpoint_id, pasid, index, UIOMMU_EMU_INVALID);
		return;
	}
	if (harness_unit()->refuses_endpoints && outcome == UIOMMU_EMU_AUTO_INVALID) {
		rig_expect_auto(rig, endpoint_id, UIOMMU_NO_PASID, index, UIOMMU_EMU_INVALID);
		return;
	}
	CHECK_EQ(outcome, UIOMMU_EMU_QUEUED);
	rig_settle(rig);
	rig_expect_any(rig, endpoint_id, pasid, index, UIOMMU_EMU_INVALID);
	rig->refused++;
}

void
rig_ask_and_expect(struct rig *rig, uint32_t endpoint_id, uint32_t pasid, uint16_t index,
		   uint16_t code)
{
	CHECK_EQ(rig_send(rig, endpoint_id, pasid, index, 1, true), UIOMMU_EMU_QUEUED);
	rig_settle(rig);
	rig_expect(rig, endpoint_id, pasid, index, code);
	rig_expect_none(rig);
}

uint32_t
rig_access(struct rig *rig, uint32_t endpoint_id, uint32_t pasid, uint64_t iova, bool write,
	   enum uiommu_emu_access_state state)
{
	const struct uiommu_emu_request req = {
		.endpoint_id = endpoint_id,
		.pasid = rig_pasid_to_emu(pasid),
		.iova = iova,
		.read = !write,
		.write = write,
	};
	struct uiommu_emu_stalled out;

	CHECK_EQ(uiommu_emu_stall(rig->emu, &req, &out), 0);
	CHECK_EQ(out.state, state);
	return out.handle;
}

struct uiommu_emu_stalled
rig_access_get(struct rig *rig, uint32_t handle)
{
	struct uiommu_emu_stalled out;

	CHECK_EQ(uiommu_emu_stall_get(rig->emu, handle, &out), 0);
	return out;
}

/*
 * Without a thread of its own a model moves when the driver calls it. One that waits for a real
 * kernel by io_uring does not call at all, and devices would have nothing to send for ever.
 */
static void
model_turn(struct rig *rig)
{
	if (!rig->has_model && harness_unit()->needs_kernel)
		uiommu_emu_step(rig->emu);
}

uint32_t
rig_turn_of(struct rig *rig, uint16_t budget)
{
	uint32_t nb = 0;
	uint16_t queue;

	model_turn(rig);
	for (queue = 0; queue < rig->info.nb_queues; queue++)
		nb += uiommu_poll(rig->dev, queue, budget);
	return nb;
}

uint32_t
rig_turn(struct rig *rig)
{
	return rig_turn_of(rig, UINT16_MAX);
}

/* A turn of whoever has none of his own. */
static void
others_wait(struct rig *rig)
{
	if (!rig->has_owner) {
		rig_turn(rig);
		return;
	}
	model_turn(rig);
	sched_yield();
}

/* Requests and responses so far, by both sides: nothing moves while this stays the same. */
static uint64_t
progress(struct rig *rig)
{
	struct uiommu_emu_verdict v = rig_verdict(rig, false);
	struct uiommu_stats s = rig_stats(rig);

	return s.requests + s.responses + s.busy_polls + s.overflows + s.reports + v.requests +
	       v.responses + v.auto_success + v.auto_invalid + v.dropped + v.invalidations +
	       v.waits + v.stalls + v.reports;
}

/* Wait for turns of a thread, which may be away from the processor for long. */
static void
thread_turns_wait(bool exists, const uint64_t *turns)
{
	uint64_t begin = __atomic_load_n(turns, __ATOMIC_RELAXED);
	uint64_t end = harness_now_ns() + RIG_PATIENCE_NS;

	while (exists && __atomic_load_n(turns, __ATOMIC_RELAXED) < begin + IDLE_TURNS) {
		sched_yield();
		CHECK(harness_now_ns() < end);
	}
}

static void
turns_wait(struct rig *rig)
{
	unsigned int i;

	for (i = 0; i < IDLE_TURNS && !rig->has_owner; i++)
		rig_turn(rig);
	thread_turns_wait(rig->has_owner, &rig->owner_turns);
	thread_turns_wait(rig->has_model, &rig->model_turns);
}

void
rig_settle(struct rig *rig)
{
	uint64_t end = harness_now_ns() + RIG_PATIENCE_NS;
	uint64_t before, now = progress(rig);
	unsigned int still = 0;

	while (still < 3) {
		before = now;
		turns_wait(rig);
		now = progress(rig);
		still = now == before ? still + 1 : 0;
		CHECK(harness_now_ns() < end);
	}
}

void
rig_wait_for(struct rig *rig, const char *counter, uint64_t value)
{
	uint64_t end = harness_now_ns() + RIG_PATIENCE_NS;

	while (rig_xstat(rig, counter) < value) {
		others_wait(rig);
		CHECK(harness_now_ns() < end);
	}
}

void
rig_traffic(struct rig *rig, const struct uiommu_emu_traffic *traffic, uint64_t requests)
{
	uint64_t end = harness_now_ns() + RIG_PATIENCE_NS;
	uint64_t target = rig_verdict(rig, false).requests + requests;

	if (traffic != NULL)
		CHECK_EQ(uiommu_emu_traffic_set(rig->emu, traffic), 0);
	uiommu_emu_traffic_run(rig->emu, true);
	while (rig_verdict(rig, false).requests < target) {
		others_wait(rig);
		CHECK(harness_now_ns() < end);
	}
	uiommu_emu_traffic_run(rig->emu, false);
	rig_settle(rig);
}

void
rig_traffic_pause(struct rig *rig)
{
	uiommu_emu_traffic_run(rig->emu, false);
	thread_turns_wait(rig->has_model, &rig->model_turns);
}

/* ------------------------------------------------------------- responses */

/* Those that were passed over come first, in order. */
static bool
pile_take(struct rig *rig, uint32_t at, struct uiommu_emu_response *resp)
{
	if (at >= rig->nb_pile)
		return false;
	*resp = rig->pile[at];
	rig->nb_pile--;
	memmove(&rig->pile[at], &rig->pile[at + 1], (rig->nb_pile - at) * sizeof(rig->pile[0]));
	return true;
}

/* What a unit has fetched and goes on holding back, as long as it may. */
static void
held_finish(struct rig *rig)
{
	if (!harness_unit()->reorders || rig->has_model || rig->has_owner)
		return;
	while (uiommu_emu_drain(rig->emu) != 0)
		;
}

bool
rig_response(struct rig *rig, struct uiommu_emu_response *resp)
{
	if (pile_take(rig, 0, resp))
		return true;
	held_finish(rig);
	if (!uiommu_emu_response_next(rig->emu, resp))
		return false;
	if (resp->pasid == UINT32_MAX)
		resp->pasid = UIOMMU_NO_PASID;
	return true;
}

/* What is left of a bond may be answered by the unit. */
static bool
is_end(const struct uiommu_emu_response *resp)
{
	return resp->code == UIOMMU_EMU_INVALID && harness_lacks(HARNESS_NEEDS_LAST_WORD);
}

static void
response_expect(struct rig *rig, const struct uiommu_emu_response *want)
{
	struct uiommu_emu_response resp;

	if (!rig_response(rig, &resp))
		harness_fail(__FILE__, __LINE__, "no response for device 0x%x PASID 0x%x index %u",
			     want->endpoint_id, want->pasid, want->prg_index);
	CHECK_EQ(resp.endpoint_id, want->endpoint_id);
	CHECK_EQ(resp.pasid, want->pasid);
	CHECK_EQ(resp.prg_index, want->prg_index);
	CHECK_EQ(resp.code, want->code);
	CHECK(resp.by_unit == want->by_unit || is_end(&resp));
	CHECK_EQ(resp.answer, want->answer);
}

void
rig_expect(struct rig *rig, uint32_t endpoint_id, uint32_t pasid, uint16_t index, uint16_t code)
{
	const struct uiommu_emu_response want = {
		.endpoint_id = endpoint_id, .pasid = pasid, .prg_index = index, .code = code,
	};

	if (harness_unit()->reorders)
		rig_expect_any(rig, endpoint_id, pasid, index, code);
	else
		response_expect(rig, &want);
}

static void
pile_fill(struct rig *rig)
{
	struct uiommu_emu_response resp;

	held_finish(rig);
	while (rig->nb_pile < RIG_PILE && uiommu_emu_response_next(rig->emu, &resp)) {
		if (resp.pasid == UINT32_MAX)
			resp.pasid = UIOMMU_NO_PASID;
		rig->pile[rig->nb_pile++] = resp;
	}
}

static bool
is_of(const struct uiommu_emu_response *resp, uint32_t endpoint_id, uint16_t index, bool stall)
{
	return resp->endpoint_id == endpoint_id && resp->prg_index == index &&
	       (resp->answer != UIOMMU_EMU_ANSWER_GROUP) == stall;
}

/* By its tag alone: whether the PASID comes along is for the unit to say. */
void
rig_expect_stall(struct rig *rig, uint32_t endpoint_id, uint16_t tag, enum uiommu_emu_answer answer)
{
	struct uiommu_emu_response resp;
	uint32_t i = 0;

	pile_fill(rig);
	while (i < rig->nb_pile && !is_of(&rig->pile[i], endpoint_id, tag, true))
		i++;
	if (!pile_take(rig, i, &resp))
		harness_fail(__FILE__, __LINE__, "no answer for device 0x%x tag 0x%x",
			     endpoint_id, tag);
	CHECK_EQ(resp.answer, answer);
	CHECK(!resp.by_unit);
}

void
rig_expect_any(struct rig *rig, uint32_t endpoint_id, uint32_t pasid, uint16_t index, uint16_t code)
{
	struct uiommu_emu_response resp;
	uint32_t i = 0;

	pile_fill(rig);
	while (i < rig->nb_pile && (!is_of(&rig->pile[i], endpoint_id, index, false) ||
				    rig->pile[i].pasid != pasid))
		i++;
	if (!pile_take(rig, i, &resp))
		harness_fail(__FILE__, __LINE__, "no response for device 0x%x PASID 0x%x index %u",
			     endpoint_id, pasid, index);
	CHECK_EQ(resp.code, code);
	CHECK(!resp.by_unit || is_end(&resp));
}

void
rig_expect_auto(struct rig *rig, uint32_t endpoint_id, uint32_t pasid, uint16_t index,
		uint16_t code)
{
	const struct uiommu_emu_response want = {
		.endpoint_id = endpoint_id, .pasid = pasid, .prg_index = index, .code = code,
		.by_unit = true,
	};

	response_expect(rig, &want);
}

void
rig_expect_none(struct rig *rig)
{
	struct uiommu_emu_response resp;

	if (rig_response(rig, &resp))
		harness_fail(__FILE__, __LINE__,
			     "a response for device 0x%x PASID 0x%x index %u, code %u",
			     resp.endpoint_id, resp.pasid, resp.prg_index, resp.code);
}

/* -------------------------------------------------------------- counters */

enum uiommu_dev_state
rig_state(const struct rig *rig)
{
	struct uiommu_dev_info info;

	CHECK_EQ(uiommu_info_get(rig->dev, &info), 0);
	return info.state;
}

struct uiommu_stats
rig_stats(const struct rig *rig)
{
	struct uiommu_stats stats;

	CHECK_EQ(uiommu_stats_get(rig->dev, &stats), 0);
	return stats;
}

uint64_t
rig_served(const struct rig *rig)
{
	return rig_stats(rig).responses - rig->refused;
}

uint64_t
rig_taken(const struct rig *rig)
{
	return rig_stats(rig).requests - rig->refused;
}

/* What a driver counts for each queue is named after the queue, but for the first. */
static const char *
without_queue(const char *counter)
{
	if (counter[0] == '_' && counter[1] == 'q' && counter[2] >= '1' && counter[2] <= '9' &&
	    counter[3] == '_')
		return counter + 3;
	return counter;
}

uint64_t
rig_xstat(const struct rig *rig, const char *name)
{
	struct uiommu_xstat xstats[256];
	int i, nb = uiommu_xstats_get(rig->dev, xstats, ARRAY_COUNT(xstats));
	const char *driver = name[0] == '_' ? harness_unit()->driver : "";
	const size_t length = strlen(driver);
	bool found = false;
	uint64_t sum = 0;

	CHECK(nb <= (int)ARRAY_COUNT(xstats));
	for (i = 0; i < nb; i++) {
		if (strncmp(xstats[i].name, driver, length) != 0 ||
		    strcmp(without_queue(xstats[i].name + length), name) != 0)
			continue;
		found = true;
		sum += xstats[i].value;
	}
	if (!found)
		harness_fail(__FILE__, __LINE__, "no counter of the name %s%s", driver, name);
	return sum;
}

uint64_t
rig_faults_recorded(const struct rig *rig)
{
	struct uiommu_emu_verdict verdict = rig_verdict(rig, false);

	/* in registers, or in a queue */
	return verdict.faults_recorded + verdict.reports;
}

struct uiommu_emu_verdict
rig_verdict(const struct rig *rig, bool final)
{
	struct uiommu_emu_verdict verdict;

	uiommu_emu_verdict(rig->emu, final, &verdict);
	return verdict;
}
