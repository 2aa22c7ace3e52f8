/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Detach without waiting. One thread, step by step. */

#include "conformance.h"

struct undo {
	struct rig *rig;
	struct recorder *rec;
	struct uiommu_endpoint *endpoint;
	struct uiommu_attach *attach;
};

static struct undo
undo_open(uint32_t pasid)
{
	struct undo u;

	u.rig = rig_open(NULL);
	u.rec = rig_recorder(u.rig, UIOMMU_CODE_SUCCESS);
	u.endpoint = rig_endpoint(u.rig, EP, 0);
	u.attach = rig_attach(u.endpoint, pasid, u.rec->domain, u.rec);
	return u;
}

/* As firmware with a single loop does: a poll, a look. @return what came in the end */
static int
undo_wait(struct rig *rig, struct uiommu_attach *attach)
{
	uint64_t end = harness_now_ns() + RIG_PATIENCE_NS;
	int ret;

	while ((ret = uiommu_detach_done(attach)) == -EINPROGRESS) {
		if (!rig->has_owner)
			rig_turn(rig);
		CHECK(harness_now_ns() < end);
	}
	return ret;
}

/* Deferred, answered but not sent, parked, and in the queue: all of it, and then nothing more. */
static void
as_good_as_detach(uint32_t pasid)
{
	struct undo u = undo_open(pasid);
	struct recorder *next = rig_recorder(u.rig, UIOMMU_CODE_SUCCESS);
	uint8_t code = UIOMMU_CODE_SUCCESS;
	uint64_t groups;
	int status;
	uint16_t i;

	u.rec->defer = true;
	for (i = 0; i < 4; i++)
		rig_ask(u.rig, pasid, i, i, true);
	rig_ask(u.rig, pasid, 90, 1, false);
	rig_settle(u.rig);
	CHECK_EQ(uiommu_answer(u.rig->dev, &u.rec->kept[2].cookie, &code, NULL, 1), 1);
	for (i = 10; i < 40; i++)
		rig_ask(u.rig, pasid, i, i, true);
	CHECK_EQ(uiommu_detach_start(u.attach), 0);
	CHECK_EQ(undo_wait(u.rig, u.attach), 0);
	groups = u.rec->groups;
	recorder_close(u.rec);
	CHECK_EQ(rig_stats(u.rig).deferred_now, 0);
	CHECK_EQ(rig_stats(u.rig).parked_now, 0);
	CHECK_EQ(rig_stats(u.rig).responses, 34);
	CHECK_EQ(groups + rig_stats(u.rig).unknown_pasid, 34);
	for (i = 0; i < 40; i++) {
		if (i < 4 || i >= 10)
			rig_expect_any(u.rig, EP, pasid, i,
				       i == 2 ? UIOMMU_EMU_SUCCESS : UIOMMU_EMU_INVALID);
		if (i < 4) {
			CHECK_EQ(uiommu_answer(u.rig->dev, &u.rec->kept[i].cookie, &code, &status,
					       1),
				 0);
			CHECK_EQ(status, -ENOENT);
		}
	}
	CHECK_ERRNO(uiommu_attach_find(u.endpoint, pasid, UIOMMU_DOMAIN_ANY), ENOENT);
	rig_ask_in_vain(u.rig, EP, pasid, 50);
	/* the PASID is free again, and nothing parked joins */
	rig_attach(u.endpoint, pasid, next->domain, NULL);
	rig_ask(u.rig, pasid, 90, 2, true);
	rig_settle(u.rig);
	CHECK_EQ(next->kept[0].nb_faults, 1);
	rig_close(u.rig);
}

static void
as_good_as_detach_pasid(void)
{
	as_good_as_detach(7);
}

static void
as_good_as_detach_rid(void)
{
	as_good_as_detach(UIOMMU_NO_PASID);
}

/* Misuse, and who has the bond from the start on. */
static void
refused(void)
{
	struct undo u = undo_open(7);
	struct uiommu_attach *other = rig_attach(u.endpoint, 8, u.rec->domain, NULL);

	CHECK_EQ(uiommu_detach_start(NULL), -EINVAL);
	CHECK_EQ(uiommu_detach_done(NULL), -EINVAL);
	CHECK_EQ(uiommu_detach_done(u.attach), -EINVAL);
	CHECK_EQ(uiommu_detach_start(u.attach), 0);
	CHECK_EQ(uiommu_detach_start(u.attach), -EALREADY);
	CHECK_EQ(uiommu_detach(u.attach), -EBUSY);
	CHECK_ERRNO(uiommu_replace(u.attach, u.rec->domain, NULL), EBUSY);
	CHECK_EQ(uiommu_detach_done(other), -EINVAL);
	CHECK_EQ(undo_wait(u.rig, u.attach), 0);
	rig_ask_and_expect(u.rig, EP, 8, 1, UIOMMU_EMU_SUCCESS);
	rig_close(u.rig);
}

/* The handler ends its own bond, and answers the burst that is running. */
static void
start_hook(struct recorder *rec, struct uiommu_group *groups, uint8_t *codes, uint16_t nb)
{
	uint16_t i;

	for (i = 0; i < nb; i++) {
		int ret = uiommu_detach_start(groups[i].attach);

		EXPECT_EQ(ret, i == 0 && rec->calls == 1 ? 0 : -EALREADY);
		EXPECT_EQ(uiommu_detach_done(groups[i].attach), -EINPROGRESS);
	}
}

static void
from_its_own_handler(void)
{
	struct undo u = undo_open(7);
	uint16_t i;

	u.rec->hook = start_hook;
	for (i = 0; i < 20; i++)
		rig_ask(u.rig, 7, i, i, true);
	CHECK_EQ(rig_turn(u.rig), 20);
	CHECK_EQ(u.rec->groups, 20);
	CHECK_EQ(undo_wait(u.rig, u.attach), 0);
	recorder_close(u.rec);
	rig_settle(u.rig);
	for (i = 0; i < 20; i++)
		rig_expect(u.rig, EP, 7, i, UIOMMU_EMU_SUCCESS);
	rig_expect_none(u.rig);
	rig_close(u.rig);
}

#define MANY 40

static void
start_all_hook(struct recorder *rec, struct uiommu_group *groups, uint8_t *codes, uint16_t nb)
{
	struct uiommu_attach **attach = rec->hook_arg;
	uint16_t i;

	for (i = 0; rec->calls == 1 && i < MANY; i++)
		EXPECT_EQ(uiommu_detach_start(attach[i]), 0);
}

/* Many at a time, begun inside a handler; asked for in the opposite order. */
static void
many(void)
{
	struct rig *rig = rig_open(NULL);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct recorder *keeps = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_attach *attach[MANY];
	struct uiommu_endpoint *endpoint;
	uint16_t i;

	rig_device_range(rig, EP, 1, MANY + 1, 0);
	endpoint = rig_endpoint_add(rig, EP, 0, 0);
	keeps->defer = true;
	for (i = 0; i < MANY; i++) {
		attach[i] = rig_attach(endpoint, 1 + i, keeps->domain, NULL);
		rig_ask(rig, 1 + i, i, 1, true);
		rig_ask(rig, 1 + i, 100 + i, 1, false);
	}
	rig_attach(endpoint, MANY + 1, rec->domain, NULL);
	rig_settle(rig);
	CHECK_EQ(keeps->deferred, MANY);
	rec->hook = start_all_hook;
	rec->hook_arg = attach;
	rig_ask(rig, MANY + 1, 500, 1, true);
	rig_turn(rig);
	for (i = MANY; i-- > 0;)
		CHECK_EQ(undo_wait(rig, attach[i]), 0);
	recorder_close(keeps);
	rig_expect_any(rig, EP, MANY + 1, 500, UIOMMU_EMU_SUCCESS);
	for (i = 0; i < MANY; i++)
		rig_expect_any(rig, EP, 1 + i, i, UIOMMU_EMU_INVALID);
	rig_expect_none(rig);
	CHECK_EQ(rig_stats(rig).drained, MANY);
	CHECK_EQ(rig_stats(rig).parked_now, 0);
	CHECK_EQ(uiommu_info_get(rig->dev, &rig->info), 0);
	CHECK_EQ(rig->info.attached, 1);
	rig_close(rig);
}

/* Nobody else polls: to ask is enough. */
static void
without_owner(void)
{
	struct undo u = undo_open(7);
	uint16_t i;

	u.rec->defer = true;
	for (i = 0; i < 20; i++)
		rig_ask(u.rig, 7, i, 1, true);
	rig_release(u.rig);
	CHECK_EQ(uiommu_detach_start(u.attach), 0);
	while (uiommu_detach_done(u.attach) == -EINPROGRESS)
		;
	recorder_close(u.rec);
	CHECK_EQ(rig_stats(u.rig).responses, 20);
	rig_claim(u.rig);
	rig_close(u.rig);
}

/* On a unit that does not run there is nothing to wait for; a stop ends what is under way. */
static void
stopped(void)
{
	struct undo u = undo_open(7);
	struct uiommu_attach *second = rig_attach(u.endpoint, 8, u.rec->domain, NULL);

	u.rec->defer = true;
	rig_ask(u.rig, 7, 1, 1, true);
	rig_settle(u.rig);
	CHECK_EQ(uiommu_detach_start(u.attach), 0);
	CHECK_EQ(uiommu_detach_done(u.attach), -EINPROGRESS);
	CHECK_EQ(uiommu_stop(u.rig->dev), 0);
	CHECK_EQ(undo_wait(u.rig, u.attach), 0);
	rig_expect(u.rig, EP, 7, 1, UIOMMU_EMU_INVALID);
	CHECK_EQ(uiommu_detach_start(second), 0);
	CHECK_EQ(undo_wait(u.rig, second), 0);
	recorder_close(u.rec);
	CHECK_EQ(uiommu_start(u.rig->dev), 0);
	rig_ask_in_vain(u.rig, EP, 7, 2);
	rig_close(u.rig);
}

/* Other control calls come in between: all see a state that makes sense, and the end comes. */
static void
between_other_calls(void)
{
	struct undo u = undo_open(7);
	struct uiommu_attach *others[3], *attach;
	struct recorder *next = rig_recorder(u.rig, UIOMMU_CODE_SUCCESS);
	uint32_t i;

	for (i = 0; i < 3; i++)
		others[i] = rig_attach(u.endpoint, 1 + i, u.rec->domain, NULL);
	u.rec->defer = true;
	rig_ask(u.rig, 7, 1, 1, true);
	rig_ask(u.rig, 1, 1, 1, true);
	rig_settle(u.rig);
	CHECK_EQ(uiommu_detach_start(u.attach), 0);
	CHECK_EQ(uiommu_detach_start(others[0]), 0);
	CHECK_EQ(uiommu_detach_done(others[0]), -EINPROGRESS);
	/* look-ups do not wait */
	CHECK(uiommu_endpoint_find(u.rig->dev, EP) == u.endpoint);
	CHECK(uiommu_attach_find(u.endpoint, 2, UIOMMU_DOMAIN_PAGING) == others[1]);
	/* what changes something does */
	CHECK_EQ(uiommu_detach(others[1]), 0);
	attach = rig_attach(u.endpoint, 8, next->domain, NULL);
	CHECK_EQ(uiommu_domain_free(u.rec->domain), -EBUSY);
	CHECK_EQ(uiommu_detach_start(others[2]), 0);
	CHECK_EQ(undo_wait(u.rig, u.attach), 0);
	CHECK_EQ(undo_wait(u.rig, others[2]), 0);
	CHECK_EQ(undo_wait(u.rig, others[0]), 0);
	recorder_close(u.rec);
	rig_expect_any(u.rig, EP, 7, 1, UIOMMU_EMU_INVALID);
	rig_expect_any(u.rig, EP, 1, 1, UIOMMU_EMU_INVALID);
	rig_ask_and_expect(u.rig, EP, 8, 2, UIOMMU_EMU_SUCCESS);
	CHECK_EQ(uiommu_detach(attach), 0);
	rig_close(u.rig);
}

/* The endpoint goes while its bond is being undone: the handle is still good to be asked. */
static void
endpoint_goes(unsigned int turns)
{
	struct undo u = undo_open(7);
	unsigned int i;

	u.rec->defer = true;
	rig_ask(u.rig, 7, 1, 1, true);
	rig_settle(u.rig);
	CHECK_EQ(uiommu_detach_start(u.attach), 0);
	for (i = 0; i < turns; i++) {
		if (uiommu_detach_done(u.attach) == 0)
			harness_skip("over before the endpoint could go");
		rig_turn(u.rig);
	}
	CHECK_EQ(uiommu_endpoint_remove(u.endpoint), 0);
	CHECK_EQ(undo_wait(u.rig, u.attach), 0);
	recorder_close(u.rec);
	rig_expect(u.rig, EP, 7, 1, UIOMMU_EMU_INVALID);
	rig_expect_none(u.rig);
	CHECK_EQ(rig_stats(u.rig).drained, 1);
	rig_close(u.rig);
}

static void
endpoint_goes_at_once(void)
{
	endpoint_goes(0);
}

static void
endpoint_goes_in_the_middle(void)
{
	endpoint_goes(1);
}

/* Never asked for: close takes what is left. One was not looked at, one is half, one is over. */
static void
nobody_asks(void)
{
	unsigned int stage;

	for (stage = 0; stage < 3; stage++) {
		struct undo u = undo_open(7);
		struct uiommu_attach *second = rig_attach(u.endpoint, 8, u.rec->domain, NULL);

		CHECK_EQ(uiommu_detach_start(u.attach), 0);
		CHECK_EQ(uiommu_detach_start(second), 0);
		if (stage == 1)
			CHECK_EQ(uiommu_detach_done(second), -EINPROGRESS);
		if (stage == 2)
			recorder_close(u.rec); /* brings them to their end */
		rig_close(u.rig);
	}
}

static const struct harness_case undo_cases[] = {
	{"R4 R9 detach without waiting, all that was open", as_good_as_detach_pasid,
	 HARNESS_NEEDS_LAST_WORD},
	{"R4 T12 detach of the RID without waiting", as_good_as_detach_rid,
	 HARNESS_NEEDS_LAST_WORD},
	{"R4 detach without waiting, misuse", refused, 0},
	{"R4 T15 a handler ends its own bond", from_its_own_handler, 0},
	{"R4 T15 forty bonds ended by a handler", many, 0},
	{"R4 T13 detach without waiting while nobody owns the queue", without_owner,
	 HARNESS_NEEDS_LAST_WORD},
	{"R4 detach without waiting, and stop", stopped, 0},
	{"R4 detach without waiting, other calls in between", between_other_calls, 0},
	{"R4 T16 endpoint removed right after the start of a detach", endpoint_goes_at_once, 0},
	{"R4 T16 endpoint removed in the middle of a detach", endpoint_goes_in_the_middle, 0},
	{"R4 detach without waiting that nobody asks for", nobody_asks, 0},
};

HARNESS_SUITE(undo);
