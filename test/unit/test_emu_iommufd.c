/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Fault queues of the emulated kernel: what is read, what may be written, who answers. */

#include "emu_iommufd_rig.h"

#define RECORD ((ssize_t)sizeof(struct iommufd_fault))
#define ANSWER ((ssize_t)sizeof(struct iommufd_resp))

static void
request_is_read_and_answered(void **state)
{
	struct iommufd_fault fault;

	(void)state;
	rig_start(NULL);
	assert_false(is_ready());
	assert_int_equal(take(&fault, 1), 0);
	assert_int_equal(ask(EMU_NO_PASID, 5), UIOMMU_EMU_QUEUED);
	assert_true(is_ready());
	assert_int_equal(take(&fault, 1), RECORD);
	assert_false(is_ready());
	assert_int_equal(fault.flags, IOMMUFD_FAULT_LAST);
	assert_int_equal(fault.dev_id, rig.dev_id);
	assert_int_equal(fault.grpid, 5);
	assert_int_equal(fault.perm, IOMMUFD_PERM_READ | IOMMUFD_PERM_WRITE);
	assert_int_equal(fault.addr, 0x5000);
	assert_int_equal(fault.cookie, 1);
	assert_int_equal(fault.pasid | fault.length | fault.reserved, 0);
	assert_no_answer();
	assert_int_equal(give_one(1, IOMMUFD_RESP_SUCCESS), ANSWER);
	assert_answer(EMU_NO_PASID, 5, UIOMMU_EMU_SUCCESS, false);
	assert_clean();
}

static void
pasid_shows_the_flag_that_leaks(void **state)
{
	struct uiommu_args tight[] = {{"leak_flags", 0, NULL}, {NULL, 0, NULL}};
	struct iommufd_fault fault;
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		rig_start(i == 0 ? NULL : tight);
		assert_int_equal(attach_pasid(rig.hwpt, 1), 0);
		assert_int_equal(ask(1, 7), UIOMMU_EMU_QUEUED);
		assert_int_equal(take(&fault, 1), RECORD);
		assert_int_equal(fault.flags, i == 0 ? 7 : 3);
		assert_int_equal(fault.pasid, 1);
		assert_int_equal(give_one(fault.cookie, IOMMUFD_RESP_INVALID), ANSWER);
		assert_answer(1, 7, UIOMMU_EMU_INVALID, false);
		assert_clean();
		rig_close(state);
	}
	rig.plat.priv = NULL;
}

static void
groups_come_whole_or_not_at_all(void **state)
{
	struct uiommu_args old[] = {{"old_read", 1, NULL}, {NULL, 0, NULL}};
	struct iommufd_fault faults[8];
	unsigned int i, round;

	(void)state;
	for (round = 0; round < 2; round++) {
		rig_start(round == 0 ? NULL : old);
		ask_part(EMU_NO_PASID, 1, 0x1000, false);
		ask_part(EMU_NO_PASID, 2, 0x9000, false);
		ask_part(EMU_NO_PASID, 1, 0x2000, false);
		assert_false(is_ready());
		assert_int_equal(ask_part(EMU_NO_PASID, 1, 0x3000, true), UIOMMU_EMU_QUEUED);
		ask(EMU_NO_PASID, 3);
		assert_int_equal(rig.plat.ops->files->read(&rig.plat, rig.queue, faults, 41),
				 -ESPIPE);
		assert_int_equal(take(faults, 2), round == 0 ? -EINVAL : 0);
		assert_int_equal(take(faults, 0), round == 0 ? -EINVAL : 0);
		/* what fits is given, the next one has to wait */
		assert_int_equal(take(faults, 3), 3 * RECORD);
		for (i = 0; i < 3; i++) {
			assert_int_equal(faults[i].addr, 0x1000 * (i + 1));
			assert_int_equal(faults[i].cookie, 1);
			assert_int_equal(faults[i].flags, i == 2 ? IOMMUFD_FAULT_LAST : 0);
		}
		assert_int_equal(take(faults, 8), RECORD);
		assert_int_equal(faults[0].cookie, 2);
		assert_int_equal(give_one(1, IOMMUFD_RESP_SUCCESS), ANSWER);
		assert_int_equal(give_one(2, IOMMUFD_RESP_SUCCESS), ANSWER);
		assert_clean();
		rig_close(state);
	}
	rig.plat.priv = NULL;
}

/* By their index alone, as the kernel does. */
static void
members_of_two_pasids_meet(void **state)
{
	struct iommufd_fault faults[4];

	(void)state;
	rig_start(NULL);
	attach_pasid(rig.hwpt, 1);
	attach_pasid(rig.hwpt, 2);
	ask_part(1, 9, 0x1000, false);
	ask_part(2, 9, 0x2000, true);
	assert_int_equal(take(faults, 4), 2 * RECORD);
	assert_int_equal(faults[0].pasid, 1);
	assert_int_equal(faults[1].pasid, 2);
	give_one(1, IOMMUFD_RESP_SUCCESS);
	assert_answer(2, 9, UIOMMU_EMU_SUCCESS, false);
}

static void
lowest_cookie_is_used_again(void **state)
{
	struct iommufd_fault faults[4];
	uint16_t i;

	(void)state;
	rig_start(NULL);
	for (i = 1; i <= 3; i++)
		ask(EMU_NO_PASID, i);
	assert_int_equal(take(faults, 4), 3 * RECORD);
	give_one(2, IOMMUFD_RESP_SUCCESS);
	give_one(1, IOMMUFD_RESP_SUCCESS);
	ask(EMU_NO_PASID, 4);
	ask(EMU_NO_PASID, 5);
	ask(EMU_NO_PASID, 6);
	assert_int_equal(take(faults, 4), 3 * RECORD);
	assert_int_equal(faults[0].cookie, 1);
	assert_int_equal(faults[1].cookie, 2);
	assert_int_equal(faults[2].cookie, 4);
	for (i = 1; i <= 4; i++)
		give_one(i, IOMMUFD_RESP_SUCCESS);
	assert_clean();
}

static void
lowest_cookie_of_many(void **state)
{
	struct iommufd_fault faults[200];
	uint16_t i;

	(void)state;
	rig_start(NULL);
	for (i = 0; i < ARRAY_COUNT(faults); i++)
		ask(EMU_NO_PASID, i);
	assert_int_equal(take(faults, ARRAY_COUNT(faults)), ARRAY_COUNT(faults) * RECORD);
	assert_int_equal(faults[199].cookie, 200);
	give_one(150, IOMMUFD_RESP_SUCCESS);
	give_one(3, IOMMUFD_RESP_SUCCESS);
	ask(EMU_NO_PASID, 300);
	ask(EMU_NO_PASID, 301);
	ask(EMU_NO_PASID, 302);
	assert_int_equal(take(faults, 3), 3 * RECORD);
	assert_int_equal(faults[0].cookie, 3);
	assert_int_equal(faults[1].cookie, 150);
	assert_int_equal(faults[2].cookie, 201);
	for (i = 1; i <= 201; i++)
		give_one(i, IOMMUFD_RESP_SUCCESS);
	assert_clean();
}

/* Processed in order, up to the first that is wrong; behind it nothing is done. */
static void
write_stops_at_a_bad_cookie(void **state)
{
	const struct iommufd_resp resps[] = {{1, 0}, {2, 1}, {77, 0}, {3, 0}};
	struct iommufd_fault faults[4];
	uint16_t i;

	(void)state;
	rig_start(NULL);
	for (i = 1; i <= 3; i++)
		ask(EMU_NO_PASID, i);
	take(faults, 4);
	assert_int_equal(rig.plat.ops->files->write(&rig.plat, rig.queue, resps, 9), -ESPIPE);
	assert_int_equal(give(resps, 4), 2 * ANSWER);
	assert_answer(EMU_NO_PASID, 1, UIOMMU_EMU_SUCCESS, false);
	assert_answer(EMU_NO_PASID, 2, UIOMMU_EMU_INVALID, false);
	assert_no_answer();
	assert_int_equal(give(&resps[2], 1), -EINVAL);
	assert_int_equal(verdict(false).protocol, 2);
	assert_int_equal(give_one(3, 2), -EINVAL);
	assert_int_equal(verdict(false).protocol, 3);
	assert_int_equal(give_one(3, 0), ANSWER);
	assert_int_equal(verdict(true).lost, 0);
}

static void
second_answer_is_a_violation(void **state)
{
	struct iommufd_fault fault;

	(void)state;
	rig_start(NULL);
	ask(EMU_NO_PASID, 1);
	take(&fault, 1);
	assert_int_equal(give_one(1, IOMMUFD_RESP_SUCCESS), ANSWER);
	assert_int_equal(verdict(false).duplicated, 0);
	assert_int_equal(give_one(1, IOMMUFD_RESP_SUCCESS), -EINVAL);
	assert_int_equal(verdict(false).duplicated, 1);
}

/* A late answer hits the group that has the cookie now, and that one's own finds nothing. */
static void
recycled_cookie_is_noticed(void **state)
{
	struct iommufd_fault fault;

	(void)state;
	rig_start(NULL);
	ask(EMU_NO_PASID, 1);
	take(&fault, 1);
	assert_int_equal(detach(rig.device), 0);
	assert_int_equal(attach(rig.device, rig.hwpt), 0);
	ask(EMU_NO_PASID, 2);
	take(&fault, 1);
	assert_int_equal(fault.cookie, 1);
	assert_int_equal(give_one(1, IOMMUFD_RESP_INVALID), ANSWER);
	assert_int_equal(give_one(1, IOMMUFD_RESP_SUCCESS), -EINVAL);
	assert_int_equal(verdict(false).duplicated, 1);
}

/* -------------------------------------------------------------- answers of the kernel */

static void
detach_answers_all_that_is_left(void **state)
{
	struct iommufd_fault fault;

	(void)state;
	rig_start(NULL);
	ask(EMU_NO_PASID, 1);
	take(&fault, 1);
	ask(EMU_NO_PASID, 2);
	ask_part(EMU_NO_PASID, 3, 0, false);
	uiommu_emu_pasid_state(rig.emu, DEVICE, EMU_NO_PASID, UIOMMU_EMU_CHANGING);
	assert_int_equal(detach(rig.device), 0);
	assert_answer(EMU_NO_PASID, 2, UIOMMU_EMU_INVALID, true);
	assert_answer(EMU_NO_PASID, 1, UIOMMU_EMU_INVALID, true);
	assert_no_answer();
	assert_false(is_ready());
	assert_int_equal(verdict(false).unread, 2);
	/* in the middle of it nobody can know */
	assert_int_equal(give_one(1, IOMMUFD_RESP_SUCCESS), -EINVAL);
	assert_clean();
	assert_int_equal(ask(EMU_NO_PASID, 4), UIOMMU_EMU_AUTO_INVALID);
	uiommu_emu_pasid_state(rig.emu, DEVICE, EMU_NO_PASID, UIOMMU_EMU_DETACHED);
	step();
	assert_int_equal(give_one(1, IOMMUFD_RESP_SUCCESS), -EINVAL);
	assert_int_equal(verdict(false).unexpected, 1);
	/* nothing is attached: that is no error */
	assert_int_equal(detach(rig.device), 0);
}

static void
detach_of_a_pasid_leaves_the_others(void **state)
{
	struct iommufd_fault faults[4];

	(void)state;
	rig_start(NULL);
	attach_pasid(rig.hwpt, 1);
	attach_pasid(rig.hwpt, 2);
	ask(1, 1);
	ask(2, 2);
	assert_int_equal(take(faults, 4), 2 * RECORD);
	ask(1, 3);
	ask(2, 4);
	assert_int_equal(detach_pasid(1), 0);
	assert_answer(1, 3, UIOMMU_EMU_INVALID, true);
	assert_answer(1, 1, UIOMMU_EMU_INVALID, true);
	assert_no_answer();
	assert_int_equal(take(faults, 4), RECORD);
	assert_int_equal(faults[0].grpid, 4);
	assert_int_equal(faults[0].cookie, 1);
	assert_int_equal(give_one(2, IOMMUFD_RESP_SUCCESS), ANSWER);
	assert_int_equal(give_one(1, IOMMUFD_RESP_SUCCESS), ANSWER);
	assert_clean();
}

/* With the quirk of newer kernels, what is in the old table's queue stays there. */
static void
replace_answers_in_one_queue(void **state)
{
	struct uiommu_args quirk[] = {{"quirk", 1, NULL}, {NULL, 0, NULL}};
	uint32_t second;
	unsigned int i;
	int hwpt;

	(void)state;
	for (i = 0; i < 2; i++) {
		rig_start(i == 0 ? NULL : quirk);
		queue_open(&second);
		hwpt = hwpt_alloc(IOMMUFD_HWPT_FAULT_ID_VALID, rig.ioas, second, NULL);
		assert_true(hwpt > 0);
		ask(EMU_NO_PASID, 1);
		/* the same one again is no change */
		assert_int_equal(attach(rig.device, rig.hwpt), 0);
		assert_no_answer();
		assert_int_equal(attach(rig.device, (uint32_t)hwpt), 0);
		if (i == 0)
			assert_answer(EMU_NO_PASID, 1, UIOMMU_EMU_INVALID, true);
		else
			assert_no_answer();
		assert_int_equal(verdict(false).protocol, i);
		rig_close(state);
	}
	rig.plat.priv = NULL;
}

static void
end_of_a_file_is_a_detach(void **state)
{
	(void)state;
	rig_start(NULL);
	ask(EMU_NO_PASID, 1);
	file_close(rig.device);
	assert_answer(EMU_NO_PASID, 1, UIOMMU_EMU_INVALID, true);
	assert_int_equal(ask(EMU_NO_PASID, 2), UIOMMU_EMU_AUTO_INVALID);
	assert_clean();
}

static void
calls_fail_when_they_are_told_to(void **state)
{
	struct iommufd_fault fault;
	const struct iommufd_resp resps[] = {{1, 0}, {2, 0}};

	(void)state;
	rig_start(NULL);
	ask(EMU_NO_PASID, 1);
	ask(EMU_NO_PASID, 2);
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_READ_NO_MEMORY, 1);
	assert_int_equal(take(&fault, 1), -ENOMEM);
	assert_int_equal(take(&fault, 1), RECORD);
	assert_int_equal(take(&fault, 1), RECORD);
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_INTERRUPTED, 2);
	assert_int_equal(take(&fault, 1), -EINTR);
	assert_int_equal(give(resps, 2), -EINTR);
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_SHORT_WRITE, 1);
	assert_int_equal(give(resps, 2), ANSWER);
	assert_int_equal(give(&resps[1], 1), ANSWER);
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_FILE_DEAD, 1);
	assert_int_equal(give(resps, 1), -EIO);
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_MAP_NO_MEMORY, 1);
	assert_int_equal(map(0x1000, (uintptr_t)rig.memory.va, 4096), -ENOMEM);
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_MAP_BAD_ADDRESS, 1);
	assert_int_equal(map(0x1000, (uintptr_t)rig.memory.va, 4096), -EFAULT);
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_ATTACH, 1);
	assert_int_equal(attach(rig.device, rig.ioas), -ENOMEM);
	assert_clean();
}

/* The fast path of traffic, a detach in the middle of it. */
static void
traffic_is_served(void **state)
{
	unsigned int i;

	(void)state;
	rig_start(NULL);
	attach_pasid(rig.hwpt, 1);
	attach_pasid(rig.hwpt, 2);
	uiommu_emu_log(rig.emu, false);
	rig_traffic(&(struct uiommu_emu_traffic){.burst = 16});
	for (i = 0; i < 200; i++) {
		step();
		serve_all();
		/* nobody was told: those that were taken to be queued are not */
		if (i == 60)
			assert_int_equal(detach_pasid(2), 0);
		if (i == 100) {
			uiommu_emu_pasid_state(rig.emu, DEVICE, 1, UIOMMU_EMU_CHANGING);
			step();
			assert_int_equal(detach_pasid(1), 0);
			uiommu_emu_pasid_state(rig.emu, DEVICE, 1, UIOMMU_EMU_DETACHED);
		}
	}
	rig_rest();
	assert_true(verdict(true).code_success > 1000);
	assert_true(verdict(true).auto_invalid > 100);
	assert_int_equal(verdict(true).requests, rig.taken + verdict(true).unread);
	assert_clean();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(request_is_read_and_answered),
		CASE(pasid_shows_the_flag_that_leaks),
		CASE(groups_come_whole_or_not_at_all),
		CASE(members_of_two_pasids_meet),
		CASE(lowest_cookie_is_used_again),
		CASE(lowest_cookie_of_many),
		CASE(write_stops_at_a_bad_cookie),
		CASE(second_answer_is_a_violation),
		CASE(recycled_cookie_is_noticed),
		CASE(detach_answers_all_that_is_left),
		CASE(detach_of_a_pasid_leaves_the_others),
		CASE(replace_answers_in_one_queue),
		CASE(end_of_a_file_is_a_detach),
		CASE(calls_fail_when_they_are_told_to),
		CASE(traffic_is_served),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
