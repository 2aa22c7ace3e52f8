/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* R11: every wait for hardware, and for the owner of a queue, is bounded. */

#include "conformance.h"

#define TIMEOUT_NS UINT64_C(50000000)
/* Several waits may follow each other, on a machine that does other things too. */
#define BOUND_NS UINT64_C(30000000000)

struct bounded {
	struct rig *rig;
	struct recorder *rec;
	struct uiommu_endpoint *endpoint;
	struct uiommu_attach *attach;
};

static struct bounded
bounded_open(void)
{
	/* no thread for the model: it must not be late because the machine is busy */
	struct rig_conf conf = {.dev = {.timeout_ns = TIMEOUT_NS}};
	struct bounded b = {.rig = rig_open(&conf)};

	b.rec = rig_recorder(b.rig, UIOMMU_CODE_SUCCESS);
	b.endpoint = rig_endpoint(b.rig, EP, 0);
	b.attach = rig_attach(b.endpoint, 7, b.rec->domain, NULL);
	return b;
}

/* Only stop and close are left, and both come to an end. */
static void
check_failed(struct bounded *b, uint64_t begin)
{
	CHECK(harness_now_ns() - begin < BOUND_NS);
	CHECK_EQ(rig_state(b->rig), UIOMMU_DEV_FAILED);
	begin = harness_now_ns();
	CHECK_EQ(uiommu_detach(b->attach), -EIO);
	CHECK_EQ(uiommu_endpoint_remove(b->endpoint), -EIO);
	CHECK_ERRNO(uiommu_attach(b->endpoint, 9, b->rec->domain, NULL), EIO);
	CHECK_ERRNO(uiommu_endpoint_add(b->rig->dev, 0x0300, NULL), EIO);
	CHECK_EQ(rig_turn(b->rig), 0);
	rig_close_failed(b->rig);
	CHECK(harness_now_ns() - begin < BOUND_NS);
}

/* A thread that was away for long may find that the data path has noticed first. */
static bool
is_or_eio(int ret, int expected)
{
	return ret == expected || ret == -EIO;
}

static void
dead(enum uiommu_emu_fault fault, int expected)
{
	struct bounded b = bounded_open();
	uint64_t begin;

	rig_ask(b.rig, 7, 1, 1, true);
	uiommu_emu_fault_set(b.rig->emu, fault, 0);
	begin = harness_now_ns();
	CHECK(is_or_eio(uiommu_detach(b.attach), expected));
	check_failed(&b, begin);
}

static void
dead_queue(void)
{
	dead(UIOMMU_EMU_FAULT_DEAD_QUEUE, -ETIMEDOUT);
}

static void
lost_wait(void)
{
	dead(UIOMMU_EMU_FAULT_LOST_WAIT, -ETIMEDOUT);
}

static void
device_dead(void)
{
	dead(UIOMMU_EMU_FAULT_DEVICE_TIMEOUT, -ETIMEDOUT);
}

/* An invalidation that is refused for ever: what it should have removed may be in use. */
static void
refused_for_ever(void)
{
	dead(UIOMMU_EMU_FAULT_BAD_DESCRIPTOR, -EIO);
}

/* A replace that does not get through: one bond or the other stays, and nothing hangs. */
static void
replace_dead(enum uiommu_emu_fault fault)
{
	struct bounded b = bounded_open();
	struct recorder *next = rig_recorder(b.rig, UIOMMU_CODE_SUCCESS);
	uint64_t begin;

	b.rec->defer = true;
	rig_ask(b.rig, 7, 1, 1, true);
	rig_settle(b.rig);
	uiommu_emu_fault_set(b.rig->emu, fault, 0);
	begin = harness_now_ns();
	CHECK(uiommu_replace(b.attach, next->domain, NULL) == NULL);
	CHECK(is_or_eio(-rte_errno, -ETIMEDOUT));
	CHECK_ERRNO(uiommu_replace(b.attach, next->domain, NULL), EIO);
	check_failed(&b, begin);
}

static void
replace_dead_queue(void)
{
	replace_dead(UIOMMU_EMU_FAULT_DEAD_QUEUE);
}

static void
replace_device_dead(void)
{
	replace_dead(UIOMMU_EMU_FAULT_DEVICE_TIMEOUT);
}

/* Who does not wait is told all the same, as often as he asks. */
static void
undo_dead(enum uiommu_emu_fault fault)
{
	struct bounded b = bounded_open();
	struct uiommu_attach *second = rig_attach(b.endpoint, 8, b.rec->domain, NULL);
	uint64_t begin;
	int ret, first;

	uiommu_emu_fault_set(b.rig->emu, fault, 0);
	begin = harness_now_ns();
	CHECK_EQ(uiommu_detach_start(b.attach), 0);
	CHECK_EQ(uiommu_detach_start(second), 0);
	while ((ret = uiommu_detach_done(b.attach)) == -EINPROGRESS) {
		rig_turn(b.rig);
		CHECK(harness_now_ns() - begin < BOUND_NS);
	}
	CHECK(is_or_eio(ret, -ETIMEDOUT));
	first = ret;
	while ((ret = uiommu_detach_done(second)) == -EINPROGRESS)
		CHECK(harness_now_ns() - begin < BOUND_NS);
	CHECK_EQ(ret, -EIO);
	CHECK_EQ(uiommu_detach_done(b.attach), first);
	CHECK_EQ(rig_state(b.rig), UIOMMU_DEV_FAILED);
	rig_close_failed(b.rig);
	CHECK(harness_now_ns() - begin < 2 * BOUND_NS);
}

static void
undo_dead_queue(void)
{
	undo_dead(UIOMMU_EMU_FAULT_DEAD_QUEUE);
}

static void
undo_device_dead(void)
{
	undo_dead(UIOMMU_EMU_FAULT_DEVICE_TIMEOUT);
}

/* The data path notices by itself that nothing is carried out any more. */
static void
dead_queue_in_traffic(void)
{
	struct rig_conf conf = {
		.devargs = harness_unit()->small_commands,
		.no_log = true,
		.dev = {.timeout_ns = TIMEOUT_NS, .queue_entries = 128},
	};
	struct uiommu_emu_traffic traffic = {.group_pages_min = 1, .group_pages_max = 1};
	struct bounded b = {.rig = rig_open(&conf)};
	uint64_t begin;

	b.rec = rig_recorder(b.rig, UIOMMU_CODE_SUCCESS);
	b.endpoint = endpoint_with(b.rig, EP, 4, 512, b.rec);
	b.attach = uiommu_attach_find(b.endpoint, 1, UIOMMU_DOMAIN_ANY);
	rig_traffic(b.rig, &traffic, 1000);
	uiommu_emu_fault_set(b.rig->emu, UIOMMU_EMU_FAULT_DEAD_QUEUE, 0);
	uiommu_emu_traffic_run(b.rig->emu, true);
	begin = harness_now_ns();
	while (rig_state(b.rig) != UIOMMU_DEV_FAILED) {
		rig_turn(b.rig);
		CHECK(harness_now_ns() - begin < BOUND_NS);
	}
	check_failed(&b, begin);
}

static void
dead_at_start(void)
{
	struct rig_conf conf = {.no_start = true, .dev = {.timeout_ns = TIMEOUT_NS}};
	struct rig *rig = rig_open(&conf);
	uint64_t begin = harness_now_ns();
	int ret;

	uiommu_emu_fault_set(rig->emu, UIOMMU_EMU_FAULT_DEAD_COMMANDS, 0);
	CHECK_EQ(uiommu_start(rig->dev), -ETIMEDOUT);
	CHECK(harness_now_ns() - begin < BOUND_NS);
	CHECK_EQ(rig_state(rig), UIOMMU_DEV_CONFIGURED);
	uiommu_emu_fault_set(rig->emu, UIOMMU_EMU_FAULT_DEAD_QUEUE, 0);
	/* a unit that forgets its caches by itself needs no command to start */
	ret = uiommu_start(rig->dev);
	CHECK(ret == 0 || ret == -ETIMEDOUT);
	if (ret == 0)
		CHECK_EQ(uiommu_stop(rig->dev), -ETIMEDOUT);
	CHECK(harness_now_ns() - begin < 2 * BOUND_NS);
	/* alive again, it starts as if nothing had been */
	uiommu_emu_fault_set(rig->emu, UIOMMU_EMU_FAULT_NONE, 0);
	uiommu_emu_reset_counters(rig->emu);
	CHECK_EQ(uiommu_start(rig->dev), 0);
	rig_claim(rig);
	rig_close(rig);
}

/* LeakSanitizer's, where it is: what this thread takes in between is not looked for. */
void
__lsan_disable(void) __attribute__((weak));
void
__lsan_enable(void) __attribute__((weak));

/* A unit that cannot be turned off may be using its memory still: it is never given back. */
static struct bounded
bounded_open_for_ever(void)
{
	struct bounded b;

	if (__lsan_disable != NULL)
		__lsan_disable();
	b = bounded_open();
	if (__lsan_enable != NULL)
		__lsan_enable();
	return b;
}

static void
dead_at_stop(void)
{
	struct bounded b = bounded_open_for_ever();
	uint64_t begin = harness_now_ns();

	rig_ask(b.rig, 7, 1, 1, true);
	uiommu_emu_fault_set(b.rig->emu, UIOMMU_EMU_FAULT_DEAD_COMMANDS, 0);
	CHECK_EQ(uiommu_stop(b.rig->dev), -ETIMEDOUT);
	CHECK(harness_now_ns() - begin < BOUND_NS);
	rig_close_failed(b.rig);
}

/* The queue has an owner that never comes by. */
static void
owner_does_not_poll(void)
{
	struct bounded b = bounded_open();
	uint64_t begin;

	rig_release(b.rig);
	rig_owner_start(b.rig);
	rig_owner_pause(b.rig);
	begin = harness_now_ns();
	CHECK_EQ(uiommu_detach(b.attach), -ETIMEDOUT);
	CHECK(harness_now_ns() - begin < BOUND_NS);
	CHECK_EQ(rig_state(b.rig), UIOMMU_DEV_FAILED);
	CHECK_EQ(uiommu_detach(b.attach), -EIO);
	CHECK_EQ(uiommu_detach_start(b.attach), 0);
	CHECK_EQ(uiommu_detach_done(b.attach), -EIO);
	/* it comes by at last: the wish that was given up must do no harm */
	rig_owner_resume(b.rig);
	rig_owner_stop(b.rig);
	CHECK_EQ(uiommu_stop(b.rig->dev), 0);
	/* stopped in order, the unit is fit for use again */
	CHECK_EQ(uiommu_start(b.rig->dev), 0);
	CHECK_EQ(rig_state(b.rig), UIOMMU_DEV_STARTED);
	rig_close_failed(b.rig);
}

/* ------------------------------------------------- errors with a way back */

/* A fault a few times: calls succeed, nothing is lost, the counter tells. */
static void
recover(enum uiommu_emu_fault fault, const char *counter)
{
	struct uiommu_endpoint *endpoint;
	struct uiommu_emu_response resp;
	struct recorder *rec;
	struct rig *rig;
	unsigned int round, nb = 0;

	if (counter == NULL)
		harness_skip("the unit has no such error");
	rig = rig_open(NULL);
	rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	endpoint = rig_endpoint(rig, EP, 0);
	rig_attach(endpoint, 7, rec->domain, NULL);
	rig_attach(endpoint, 8, rec->domain, NULL);
	for (round = 1; round <= 4; round++) {
		rig_ask(rig, 8, (uint16_t)round, 1, true);
		rig_ask(rig, 7, (uint16_t)round, 1, true);
		rig_turn(rig);
		uiommu_emu_fault_set(rig->emu, fault, round);
		rig_ask(rig, 8, (uint16_t)(round + 10), 1, true);
		CHECK_EQ(uiommu_detach(uiommu_attach_find(endpoint, 7, UIOMMU_DOMAIN_ANY)), 0);
		rig_attach(endpoint, 7, rec->domain, NULL);
		uiommu_emu_fault_set(rig->emu, UIOMMU_EMU_FAULT_NONE, 0);
		rig_settle(rig);
	}
	while (rig_response(rig, &resp)) {
		CHECK_EQ(resp.code, UIOMMU_EMU_SUCCESS);
		nb++;
	}
	CHECK_EQ(nb, 12);
	CHECK(rig_xstat(rig, counter) >= 4);
	CHECK(rig_stats(rig).hw_errors >= 4);
	rig_close(rig);
}

static void
recover_ite(void)
{
	recover(UIOMMU_EMU_FAULT_DEVICE_TIMEOUT, harness_unit()->counters.device_timeout);
}

static void
recover_ice(void)
{
	recover(UIOMMU_EMU_FAULT_BAD_COMPLETION, harness_unit()->counters.bad_completion);
}

static void
recover_iqe(void)
{
	recover(UIOMMU_EMU_FAULT_BAD_DESCRIPTOR, harness_unit()->counters.bad_command);
}

/* Errors one after another while responses and commands are in the queue: none is lost. */
static void
errors_in_traffic(void)
{
	static const enum uiommu_emu_fault faults[] = {
		UIOMMU_EMU_FAULT_DEVICE_TIMEOUT,
		UIOMMU_EMU_FAULT_BAD_COMPLETION,
		UIOMMU_EMU_FAULT_BAD_DESCRIPTOR,
	};
	struct rig_conf conf = {.model_thread = true, .owner_thread = true, .no_log = true};
	struct uiommu_emu_traffic traffic = {.group_pages_min = 1, .group_pages_max = 3};
	struct rig *rig = rig_open(&conf);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *endpoint = endpoint_with(rig, EP, 8, 512, rec);
	unsigned int round;

	CHECK_EQ(uiommu_emu_traffic_set(rig->emu, &traffic), 0);
	uiommu_emu_traffic_run(rig->emu, true);
	for (round = 0; round < TRAFFIC(60); round++) {
		uint32_t pasid = 1 + round % 8;

		uiommu_emu_fault_set(rig->emu, faults[round % 3], 1);
		uiommu_emu_pasid_state(rig->emu, EP, pasid, UIOMMU_EMU_CHANGING);
		CHECK_EQ(uiommu_detach(uiommu_attach_find(endpoint, pasid, UIOMMU_DOMAIN_ANY)), 0);
		rig_attach(endpoint, pasid, rec->domain, rec);
		uiommu_emu_pasid_state(rig->emu, EP, pasid, UIOMMU_EMU_ATTACHED);
	}
	uiommu_emu_fault_set(rig->emu, UIOMMU_EMU_FAULT_NONE, 0);
	uiommu_emu_traffic_run(rig->emu, false);
	rig_settle(rig);
	CHECK(rig_stats(rig).hw_errors > 0);
	rig_close(rig);
}

/* A response that the unit refuses for ever is given up; the others go on. */
static void
response_refused(void)
{
	struct rig *rig = rig_open(NULL);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	uint64_t begin = harness_now_ns();

	rig_attach(rig_endpoint(rig, EP, 0), 7, rec->domain, NULL);
	uiommu_emu_fault_set(rig->emu, UIOMMU_EMU_FAULT_BAD_DESCRIPTOR, 0);
	rig_ask(rig, 7, 1, 1, true);
	while (rig_xstat(rig, harness_unit()->counters.given_up) == 0) {
		rig_turn(rig);
		CHECK(harness_now_ns() - begin < BOUND_NS);
	}
	uiommu_emu_fault_set(rig->emu, UIOMMU_EMU_FAULT_NONE, 0);
	rig_ask(rig, 7, 2, 1, true);
	rig_settle(rig);
	rig_expect(rig, EP, 7, 2, UIOMMU_EMU_SUCCESS);
	/* the one that was given up is lost indeed, and the judge must say so */
	rig_release(rig);
	CHECK_EQ(uiommu_stop(rig->dev), 0);
	CHECK_EQ(rig_verdict(rig, true).lost, 1);
	rig_close_failed(rig);
}

static const struct harness_case r11_cases[] = {
	{"R11 T34 queue of the unit is dead", dead_queue, HARNESS_NEEDS_COMMANDS},
	{"R11 T34 waits are lost", lost_wait, HARNESS_NEEDS_COMMANDS},
	{"R11 T34 device never confirms an invalidation", device_dead, HARNESS_NEEDS_COMMANDS},
	{"R11 invalidation refused for ever", refused_for_ever, HARNESS_NEEDS_COMMANDS},
	{"R11 T34 replace, queue of the unit is dead", replace_dead_queue, HARNESS_NEEDS_COMMANDS},
	{"R11 T34 replace, device never confirms an invalidation", replace_device_dead,
	 HARNESS_NEEDS_COMMANDS},
	{"R11 T34 detach without waiting, queue of the unit is dead", undo_dead_queue,
	 HARNESS_NEEDS_COMMANDS},
	{"R11 T34 detach without waiting, device never confirms", undo_device_dead,
	 HARNESS_NEEDS_COMMANDS},
	{"R11 T34 queue of the unit dies in traffic", dead_queue_in_traffic,
	 HARNESS_NEEDS_COMMANDS},
	{"R11 unit is dead at the start", dead_at_start, HARNESS_NEEDS_COMMANDS},
	{"R11 unit is dead at the stop", dead_at_stop, HARNESS_NEEDS_COMMANDS},
	{"R11 owner of the queue does not poll", owner_does_not_poll, 0},
	{"R11 T34 device confirms late", recover_ite, 0},
	{"R11 stray confirmations", recover_ice, 0},
	{"R11 descriptors refused some times", recover_iqe, 0},
	{"R11 T34 errors of all kinds in traffic with detach", errors_in_traffic,
	 HARNESS_NEEDS_COMMANDS},
	{"R11 response refused for ever", response_refused, HARNESS_NEEDS_COMMANDS},
};

HARNESS_SUITE(r11);
