/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* More accesses that wait than there is room for, or than one device may have. */

#include "stall.h"

#define ROOM harness_unit()->events_min
#define ROOM_MAX 128
#define MORE 60

static void
open_small(struct stall *s)
{
	const struct rig_conf conf = {.devargs = harness_unit()->small_events};

	stall_open(s, &conf, 7);
}

/* The queue of events is full, and MORE accesses wait without software's knowing. */
static void
fill(struct stall *s, uint32_t *handles)
{
	uint32_t i;

	CHECK(ROOM <= ROOM_MAX);
	stall_wait_on_all(s, 0, ROOM, handles);
	for (i = ROOM; i < ROOM + MORE; i++)
		handles[i] = rig_access(s->rig, EP_STALL, 7, IOVA + i * PAGE, false,
					UIOMMU_EMU_ACCESS_UNSEEN);
}

/* What finds no room waits, and comes when there is some: none is lost, nothing overflows. */
static void
no_room(void)
{
	uint32_t handles[ROOM_MAX + MORE];
	struct stall s;

	open_small(&s);
	fill(&s, handles);
	rig_settle(s.rig);
	stall_expect_all(&s, handles, ROOM + MORE, UIOMMU_EMU_ACCESS_ABORTED);
	CHECK_EQ(s.rec->groups, ROOM + MORE);
	CHECK_EQ(rig_verdict(s.rig, false).stalls, ROOM + MORE);
	CHECK_EQ(rig_verdict(s.rig, false).report_overflows, 0);
	CHECK_EQ(rig_stats(s.rig).reports_lost, 0);
	CHECK_EQ(stall_count_responses(&s), ROOM + MORE);
	stall_close(&s);
}

/* It is tried as though it had just come: a page that is there by then is no fault any more. */
static void
no_room_and_no_fault(void)
{
	uint32_t handles[ROOM_MAX + MORE], i;
	struct stall s;

	open_small(&s);
	fill(&s, handles);
	for (i = ROOM; i < ROOM + MORE; i += 2)
		stall_map(&s, i);
	rig_settle(s.rig);
	stall_expect_all(&s, handles, ROOM, UIOMMU_EMU_ACCESS_ABORTED);
	for (i = ROOM; i < ROOM + MORE; i++)
		CHECK_EQ(rig_access_state(s.rig, handles[i]),
			 (i - ROOM) % 2 == 0 ? UIOMMU_EMU_ACCESS_DONE : UIOMMU_EMU_ACCESS_ABORTED);
	CHECK_EQ(s.rec->groups, ROOM + MORE / 2);
	CHECK_EQ(stall_count_responses(&s), ROOM + MORE / 2);
	stall_close(&s);
}

/* The bond goes while accesses wait that software has not heard of. */
static void
detach_without_room(bool remove)
{
	uint32_t handles[ROOM_MAX + MORE];
	struct stall s;

	open_small(&s);
	fill(&s, handles);
	if (remove)
		CHECK_EQ(uiommu_endpoint_remove(s.endpoint), 0);
	else
		CHECK_EQ(uiommu_detach(s.attach), 0);
	recorder_close(s.rec);
	rig_settle(s.rig);
	stall_expect_all(&s, handles, ROOM + MORE, UIOMMU_EMU_ACCESS_ABORTED);
	CHECK_EQ(rig_stats(s.rig).responses, rig_verdict(s.rig, false).stalls);
	stall_count_responses(&s);
	stall_close(&s);
}

static void
detach(void)
{
	detach_without_room(false);
}

static void
remove_endpoint(void)
{
	detach_without_room(true);
}

static void
stop_without_room(void)
{
	uint32_t handles[ROOM_MAX + MORE];
	struct stall s;

	open_small(&s);
	fill(&s, handles);
	CHECK_EQ(uiommu_stop(s.rig->dev), 0);
	stall_expect_all(&s, handles, ROOM + MORE, UIOMMU_EMU_ACCESS_ABORTED);
	CHECK_EQ(uiommu_start(s.rig->dev), 0);
	s.rec->defer = false;
	handles[0] = stall_wait_on(&s, 7, 0, false);
	rig_settle(s.rig);
	CHECK_EQ(rig_access_state(s.rig, handles[0]), UIOMMU_EMU_ACCESS_ABORTED);
	stall_count_responses(&s);
	stall_close(&s);
}

/* Page requests are served while the queue of events is full, and the other way round. */
static void
neither_in_the_way(void)
{
	uint32_t handles[ROOM_MAX + MORE], i;
	struct recorder *pri;
	struct stall s;

	open_small(&s);
	pri = rig_recorder(s.rig, UIOMMU_CODE_SUCCESS);
	rig_attach(rig_endpoint(s.rig, EP, 0), 7, pri->domain, NULL);
	fill(&s, handles);
	for (i = 0; i < 300; i++)
		rig_ask(s.rig, 7, (uint16_t)i, i, true);
	/* a share of both in the first few bursts */
	for (i = 0; i < 4; i++)
		uiommu_poll(s.rig->dev, 0, 64);
	CHECK(pri->groups >= 64 && s.rec->groups >= 64);
	rig_settle(s.rig);
	CHECK_EQ(pri->groups, 300);
	CHECK_EQ(s.rec->groups, ROOM + MORE);
	CHECK_EQ(stall_count_responses(&s), 300 + ROOM + MORE);
	stall_close(&s);
}

/* -------------------------------------------------------------------- T30 */

#define STORM 3000

static void
wait_ns(struct rig *rig, uint64_t ns)
{
	uint64_t end = harness_now_ns() + ns;

	while (harness_now_ns() < end)
		rig_turn(rig);
}

/* A device that faults without end. @return accesses that no handler was asked about */
static uint32_t
rage(struct stall *s, struct uiommu_emu_stalled *last)
{
	uint64_t before = s->rec->groups;
	uint32_t i;

	for (i = 0; i < STORM; i++) {
		uint32_t handle = stall_wait_on(s, 7, i, false);

		rig_settle(s->rig);
		*last = rig_access_get(s->rig, handle);
		CHECK(last->state == UIOMMU_EMU_ACCESS_ABORTED ||
		      last->state == UIOMMU_EMU_ACCESS_IGNORED);
		CHECK_EQ(stall_count_responses(s), 1);
	}
	return STORM - (uint32_t)(s->rec->groups - before);
}

static void
storm(void)
{
	const struct rig_conf conf = {.devargs = ",storm=200,cooldown=60000"};
	struct uiommu_emu_stalled last;
	struct recorder *calm;
	uint32_t terminated, i;
	struct stall s;

	stall_open(&s, &conf, 7);
	calm = rig_recorder(s.rig, UIOMMU_CODE_INVALID);
	rig_attach(rig_stalling_endpoint(s.rig, EP_STALL + 1, 0), 7, calm->domain, NULL);
	harness_log_watch();
	terminated = rage(&s, &last);
	CHECK_EQ(harness_log_lines(), 0);
	CHECK(terminated > 0 && terminated < STORM);
	CHECK_EQ(rig_xstat(s.rig, harness_unit()->counters.storms), 1);
	CHECK_EQ(rig_xstat(s.rig, harness_unit()->counters.terminated), terminated);
	/* the one beside it does not notice */
	for (i = 0; i < 20; i++) {
		rig_access(s.rig, EP_STALL + 1, 7, IOVA, false, UIOMMU_EMU_ACCESS_STALLED);
		rig_settle(s.rig);
	}
	CHECK_EQ(calm->groups, 20);
	/* the bond of the first one goes all the same */
	CHECK_EQ(uiommu_detach(s.attach), 0);
	stall_count_responses(&s);
	stall_close(&s);
}

/* When it has cooled down it is asked again. */
static void
cool_down(void)
{
	const struct rig_conf conf = {.devargs = ",storm=200,cooldown=100"};
	struct uiommu_emu_stalled last;
	struct stall s;
	uint64_t before;
	uint32_t handle, i;

	stall_open(&s, &conf, 7);
	CHECK(rage(&s, &last) > 0);
	/* what counts as a storm is forgotten in a second */
	wait_ns(s.rig, UINT64_C(1300000000));
	before = s.rec->groups;
	for (i = 0; i < 5; i++) {
		handle = stall_wait_on(&s, 7, i, true);
		rig_settle(s.rig);
		CHECK_EQ(rig_access_state(s.rig, handle), UIOMMU_EMU_ACCESS_ABORTED);
	}
	CHECK_EQ(s.rec->groups, before + 5);
	stall_count_responses(&s);
	stall_close(&s);
}

/* Not wanted: each is the handler's. */
static void
no_limit(void)
{
	const struct rig_conf conf = {.devargs = ",storm=0"};
	struct uiommu_emu_stalled last;
	struct stall s;

	stall_open(&s, &conf, 7);
	CHECK_EQ(rage(&s, &last), 0);
	CHECK_EQ(rig_xstat(s.rig, harness_unit()->counters.storms), 0);
	stall_close(&s);
}

static const struct harness_case stall_storm_cases[] = {
	{"R1 R7 stall: no room for more, and none is lost", no_room, UIOMMU_CAPA_PASID},
	{"R1 R7 stall: no room, and no fault any more", no_room_and_no_fault, UIOMMU_CAPA_PASID},
	{"R4 R7 stall: detach without room for more", detach, UIOMMU_CAPA_PASID},
	{"R4 R7 T16 stall: endpoint removed without room for more", remove_endpoint,
	 UIOMMU_CAPA_PASID},
	{"R4 R7 stall: stop without room for more", stop_without_room, UIOMMU_CAPA_PASID},
	{"R5 R12 stalls and page requests take turns", neither_in_the_way,
	 UIOMMU_CAPA_PASID | UIOMMU_CAPA_PAGE_REQUESTS},
	{"R12 T30 T32 storm of stalls", storm, UIOMMU_CAPA_PASID},
	{"R12 T30 storm of stalls, and the time after", cool_down, UIOMMU_CAPA_PASID},
	{"T30 storm of stalls without a limit", no_limit, UIOMMU_CAPA_PASID},
};

HARNESS_SUITE_OF(stall_storm, UIOMMU_CAPA_STALL);
