/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Data path: what is read, how it is cut into bursts, what is written, and what never is. */

#include "iommufd_rig_use.h"

#define DEV DEVICE_FD

/* One read and one write a burst; nothing is lost, doubled or out of order. */
static void
bursts(void **state)
{
	uint32_t round, i, got = 0;
	uint16_t n;

	device_up(1024, 64, 64);
	for (round = 0; round < 100; round++) {
		const uint32_t reads = fake.reads, writes = fake.writes, nb = 1 + round % 64;

		for (i = 0; i < nb; i++)
			fake_raise(DEV, round % 2 != 0 ? 7 : UIOMMU_NO_PASID, 1);
		n = fetch(64);
		assert_int_equal(n, nb);
		assert_int_equal(fake.reads, reads + 1);
		for (i = 0; i < n; i++, got++) {
			const uint16_t pasid = round % 2 != 0 ? UIOMMU_FAULT_PASID : 0;

			assert_true(faults[i].iova == (uint64_t)got << 24);
			assert_int_equal(faults[i].endpoint_id, ENDPOINT);
			assert_int_equal(faults[i].pasid, pasid != 0 ? 7 : UIOMMU_NO_PASID);
			assert_int_equal(faults[i].prg_index, got & 0x1ff);
			assert_int_equal(faults[i].flags,
					 UIOMMU_FAULT_READ | UIOMMU_FAULT_LAST | pasid);
		}
		answer(faults, n, UIOMMU_CODE_SUCCESS);
		assert_int_equal(fake.writes, writes + 1);
	}
	assert_answered(0, got, IOMMUFD_RESP_SUCCESS);
	assert_int_equal(stat_get("reads"), 100);
	assert_int_equal(stat_get("messages"), got);
	assert_int_equal(stat_get("writes"), 100);
	assert_int_equal(stat_get("refused_messages") + stat_get("short_writes"), 0);
	device_down();
}

/* Where less is taken at once than was read, the rest follows without a read. */
static void
what_was_read_comes_first(void **state)
{
	uint32_t i;

	device_up(1024, 8, 64);
	for (i = 0; i < 20; i++)
		fake_raise(DEV, 1, 1);
	assert_int_equal(fetch(8), 8);
	answer(faults, 8, UIOMMU_CODE_SUCCESS);
	assert_int_equal(fetch(8), 8);
	answer(faults, 8, UIOMMU_CODE_SUCCESS);
	assert_int_equal(fetch(8), 4);
	answer(faults, 4, UIOMMU_CODE_SUCCESS);
	assert_int_equal(fake.reads, 1);
	assert_int_equal(fetch(8), 0);
	assert_int_equal(fake.reads, 2);
	assert_answered(0, 20, IOMMUFD_RESP_SUCCESS);
	device_down();
}

static void
codes(void **state)
{
	static const uint8_t sent[] = {
		[UIOMMU_CODE_SUCCESS] = IOMMUFD_RESP_SUCCESS,
		[UIOMMU_CODE_INVALID] = IOMMUFD_RESP_INVALID,
		[UIOMMU_CODE_FAILURE] = IOMMUFD_RESP_INVALID,
		[UIOMMU_CODE_RETRY] = IOMMUFD_RESP_SUCCESS,
	};
	uint16_t code;

	device_up(64, 8, 8);
	for (code = 0; code < UIOMMU_CODE_SENT_COUNT; code++) {
		fake_raise(DEV, 1, 1);
		assert_int_equal(fetch(8), 1);
		answer(faults, 1, code);
		assert_answered(code, 1, sent[code]);
	}
	device_down();
}

/* Several messages of one cookie, in one fetch and over several: the last one alone closes it. */
static void
groups(void **state)
{
	uint32_t i, k = 0;
	uint16_t tag, n;

	device_up(64, 8, 16);
	fake_raise(DEV, 3, 1);
	fake_raise(DEV, 3, 13);
	fake_raise(DEV, 3, 2);
	n = fetch(8);
	assert_int_equal(n, 8);
	assert_int_equal(faults[0].flags & UIOMMU_FAULT_LAST, UIOMMU_FAULT_LAST);
	tag = faults[1].tag;
	assert_int_not_equal(faults[0].tag, tag);
	for (i = 1; i < n; i++, k++) {
		assert_int_equal(faults[i].flags & UIOMMU_FAULT_LAST, 0);
		assert_int_equal(faults[i].tag, tag);
		assert_true(faults[i].iova == (UINT64_C(1) << 24) + k * 4096);
	}
	answer(faults, n, UIOMMU_CODE_SUCCESS);
	n = fetch(8);
	assert_int_equal(n, 8);
	for (i = 0; k < 13; i++, k++) {
		assert_int_equal(faults[i].tag, tag);
		assert_int_equal((faults[i].flags & UIOMMU_FAULT_LAST) != 0, k == 12);
	}
	assert_int_equal(i, 6);
	assert_int_equal(faults[6].flags & UIOMMU_FAULT_LAST, 0);
	assert_int_equal(faults[7].flags & UIOMMU_FAULT_LAST, UIOMMU_FAULT_LAST);
	answer(faults, n, UIOMMU_CODE_SUCCESS);
	assert_int_equal(fake.reads, 1);
	assert_answered(0, 3, IOMMUFD_RESP_SUCCESS);
	device_down();
}

/* Groups that no read as usual holds; kernels tell it in two ways. */
static void
large_groups(void **state)
{
	uint16_t got, n;

	for (int old = 0; old < 2; old++) {
		device_up(1024, 8, 8);
		fake.old = old;
		/* not idle any more: the next read is as small as the group before it */
		fake_raise(DEV, 3, 1);
		assert_int_equal(fetch(8), 1);
		answer(faults, 1, UIOMMU_CODE_SUCCESS);
		fake_raise(DEV, 3, 1000);
		assert_int_equal(fetch(8), 0);
		assert_int_equal(fake.last_read, 8 * sizeof(struct iommufd_fault));
		for (got = 0; got < 1000; got += n) {
			n = fetch(8);
			assert_int_equal(n, 8);
			assert_int_equal((faults[7].flags & UIOMMU_FAULT_LAST) != 0, got == 992);
			answer(faults, n, UIOMMU_CODE_SUCCESS);
		}
		assert_int_equal(fake.last_read, 1024 * sizeof(struct iommufd_fault));
		assert_int_equal(stat_get("grown_reads"), old ? 0 : 1);
		assert_int_equal(stat_get("empty_reads"), old ? 1 : 0);
		assert_answered(0, 2, IOMMUFD_RESP_SUCCESS);
		assert_int_equal(queue->failed, 0);
		device_down();
	}
}

/* What no buffer of this size ever holds cannot be answered: the unit is out of order. */
static void
too_large_a_group(void **state)
{
	uint32_t events = 0;
	uint16_t taken;

	device_up(64, 8, 8);
	fake_raise(DEV, 3, 65);
	assert_int_equal(iommufd_queue_ops.fetch(queue, faults, 8, &taken, &events), 0);
	assert_int_equal(events, UIOMMU_EVENT_FAILED);
	assert_non_null(strstr(log_text, "a group is larger than queue_entries"));
	assert_int_equal(iommufd_queue_ops.room(queue), 0);
	device_down();
}

/* Linux puts requests of several PASIDs into one group, if their indices are the same. */
static void
mixed_pasids(void **state)
{
	uint16_t taken;
	uint32_t events = 0;

	device_up(64, 8, 8);
	fake.other_pasid = 2;
	fake_raise(DEV, 6, 3);
	assert_int_equal(iommufd_queue_ops.fetch(queue, faults, 8, &taken, &events), 2);
	assert_int_equal(taken, 3);
	assert_int_equal(faults[0].pasid, 6);
	assert_int_equal(faults[1].pasid, 6);
	assert_int_equal(faults[1].flags & UIOMMU_FAULT_LAST, UIOMMU_FAULT_LAST);
	answer(faults, 2, UIOMMU_CODE_SUCCESS);
	assert_answered(0, 1, IOMMUFD_RESP_SUCCESS);
	assert_int_equal(stat_get("mixed_pasids"), 1);
	device_down();
}

/* Flags that mean nothing here come through, as bit 2 does in Linux 6.12. */
static void
unknown_flags(void **state)
{
	device_up(64, 8, 8);
	fake.odd_flags = ~IOMMUFD_FAULT_FLAGS;
	fake_raise(DEV, UIOMMU_NO_PASID, 2);
	assert_int_equal(fetch(8), 2);
	assert_int_equal(faults[0].flags, UIOMMU_FAULT_READ);
	assert_int_equal(faults[1].flags, UIOMMU_FAULT_READ | UIOMMU_FAULT_LAST);
	answer(faults, 2, UIOMMU_CODE_SUCCESS);
	fake.odd_flags = 0;
	fake.unended = true;
	fake_raise(DEV, UIOMMU_NO_PASID, 2);
	assert_int_equal(fetch(8), 2);
	assert_int_equal(faults[1].flags, UIOMMU_FAULT_READ | UIOMMU_FAULT_LAST);
	answer(faults, 2, UIOMMU_CODE_SUCCESS);
	assert_answered(0, 2, IOMMUFD_RESP_SUCCESS);
	assert_int_equal(stat_get("not_ended"), 1);
	device_down();
}

/* A device that nobody knows: handed on, and answered like others. */
static void
unknown_device(void **state)
{
	device_up(64, 8, 8);
	fake_raise(DEV + 1, 1, 1);
	fake_raise(DEV, 1, 1);
	assert_int_equal(fetch(8), 2);
	assert_int_equal(faults[0].endpoint_id, UINT32_MAX);
	assert_int_equal(faults[1].endpoint_id, ENDPOINT);
	answer(faults, 2, UIOMMU_CODE_INVALID);
	assert_answered(0, 2, IOMMUFD_RESP_INVALID);
	device_down();
}

/* -------------------------------------------------------------------------- reading */

/* What cannot be read at the moment stays where it is; the unit goes on. */
static void
reads_put_off(void **state)
{
	static const int errors[] = {-ENOMEM, -EINTR, -EAGAIN};
	unsigned int i;

	device_up(64, 8, 8);
	for (i = 0; i < RTE_DIM(errors); i++) {
		fake_raise(DEV, 1, 1);
		fake.read_errors[0] = errors[i];
		assert_int_equal(fetch(8), 0);
		assert_int_equal(stat_get("read_retries"), i + 1);
		assert_int_equal(fetch(8), 1);
		answer(faults, 1, UIOMMU_CODE_SUCCESS);
	}
	assert_answered(0, 3, IOMMUFD_RESP_SUCCESS);
	device_down();
}

static void
reads_fail(void **state)
{
	static const int errors[] = {-EFAULT, -ESPIPE, -EBADF, -EIO};
	uint32_t events;
	uint16_t taken;
	unsigned int i;

	for (i = 0; i < RTE_DIM(errors); i++) {
		device_up(64, 8, 8);
		fake.read_errors[0] = errors[i];
		fake_raise(DEV, 1, 1);
		events = 0;
		assert_int_equal(iommufd_queue_ops.fetch(queue, faults, 8, &taken, &events), 0);
		assert_int_equal(events, UIOMMU_EVENT_FAILED);
		assert_non_null(strstr(log_text, "unit: fault queue 0: cannot be read"));
		assert_non_null(strstr(log_text, strerror(-errors[i])));
		/* said once, and nothing more is asked of it */
		log_text[0] = '\0';
		events = 0;
		assert_int_equal(iommufd_queue_ops.fetch(queue, faults, 8, &taken, &events), 0);
		assert_int_equal(events, UIOMMU_EVENT_FAILED);
		assert_int_equal(fake.reads, 1);
		assert_string_equal(log_text, "");
		device_down();
	}
}

/* Sizes that no kernel gives. */
static void
reads_of_wrong_sizes(void **state)
{
	static const int sizes[] = {1, 41, 64 * 40 + 40};
	uint32_t events;
	uint16_t taken;
	unsigned int i;

	for (i = 0; i < RTE_DIM(sizes); i++) {
		device_up(64, 8, 8);
		fake.read_errors[0] = sizes[i];
		events = 0;
		assert_int_equal(iommufd_queue_ops.fetch(queue, faults, 8, &taken, &events), 0);
		assert_int_equal(events, UIOMMU_EVENT_FAILED);
		device_down();
	}
}

/* Deferred groups take slots; when all are taken, nothing more is read until one is answered. */
static void
slots_run_out(void **state)
{
	static struct uiommu_fault kept[8192];
	uint32_t nb_kept = 0, i, max;
	uint16_t n;

	device_up(64, 64, 64);
	max = queue->slots.nb_slots;
	assert_true(max < RTE_DIM(kept));
	for (i = 0; i < max + 5; i++)
		fake_raise(DEV, 1, 1);
	while ((n = fetch(64)) != 0) {
		memcpy(&kept[nb_kept], faults, n * sizeof(faults[0]));
		nb_kept += n;
	}
	assert_int_equal(nb_kept, max);
	assert_true(stat_get("slots_full") != 0);
	answer(kept, 3, UIOMMU_CODE_SUCCESS);
	assert_int_equal(fetch(64), 3);
	answer(faults, 3, UIOMMU_CODE_SUCCESS);
	assert_int_equal(fetch(64), 2);
	answer(faults, 2, UIOMMU_CODE_SUCCESS);
	for (i = 3; i < nb_kept; i++)
		answer(&kept[i], 1, UIOMMU_CODE_SUCCESS);
	assert_answered(0, max + 5, IOMMUFD_RESP_SUCCESS);
	assert_int_equal(queue->slots.nb_free, max);
	device_down();
}

/* ------------------------------------------------------------------------ the rest */

/* Marks count what was read and not fetched. */
static void
marks(void **state)
{
	uint64_t where[UIOMMU_QUEUE_SOURCES];
	uint32_t i;

	device_up(64, 8, 32);
	iommufd_queue_ops.mark(queue, where);
	assert_true(iommufd_queue_ops.is_past(queue, where));
	for (i = 0; i < 20; i++)
		fake_raise(DEV, 1, 1);
	assert_int_equal(fetch(8), 8);
	answer(faults, 8, UIOMMU_CODE_SUCCESS);
	iommufd_queue_ops.mark(queue, where);
	assert_false(iommufd_queue_ops.is_past(queue, where));
	assert_int_equal(fetch(8), 8);
	answer(faults, 8, UIOMMU_CODE_SUCCESS);
	assert_false(iommufd_queue_ops.is_past(queue, where));
	assert_int_equal(fetch(8), 4);
	answer(faults, 4, UIOMMU_CODE_SUCCESS);
	assert_true(iommufd_queue_ops.is_past(queue, where));
	assert_true(iommufd_queue_ops.overflow_ack(queue));
	assert_int_equal(iommufd_queue_ops.room(queue), IOMMUFD_BURST_MAX);
	device_down();
}

/* Messages as no kernel writes them. */
static void
odd_messages(void **state)
{
	static const struct {
		uint32_t flags, pasid, perm;
		bool bad;
		uint16_t want;
	} odd[] = {
		{0, 0, IOMMUFD_PERM_WRITE, false, UIOMMU_FAULT_WRITE},
		{0, 0, IOMMUFD_PERM_EXEC, false, UIOMMU_FAULT_EXEC},
		{0, 0, IOMMUFD_PERM_READ | IOMMUFD_PERM_PRIV, false,
		 UIOMMU_FAULT_READ | UIOMMU_FAULT_PRIV},
		{0, UINT32_MAX, IOMMUFD_PERM_READ, false, UIOMMU_FAULT_READ},
		{0, 0, 0, true, 0},
		{0, 0, IOMMUFD_PERM_PRIV, true, UIOMMU_FAULT_PRIV},
		{0, 0, IOMMUFD_PERM_READ | 16, true, UIOMMU_FAULT_READ},
		{IOMMUFD_FAULT_PASID_VALID, 0xfffff, IOMMUFD_PERM_READ, false,
		 UIOMMU_FAULT_READ | UIOMMU_FAULT_PASID},
		{IOMMUFD_FAULT_PASID_VALID, 0x100000, IOMMUFD_PERM_READ, true,
		 UIOMMU_FAULT_READ | UIOMMU_FAULT_PASID},
	};
	struct iommufd_fault msg;
	struct uiommu_fault fault;
	unsigned int i;

	for (i = 0; i < RTE_DIM(odd); i++) {
		const uint16_t reject = odd[i].bad ? UIOMMU_FAULT_REJECT : 0;

		msg = (struct iommufd_fault){
			.flags = odd[i].flags | IOMMUFD_FAULT_LAST, .pasid = odd[i].pasid,
			.perm = odd[i].perm, .addr = UINT64_MAX, .grpid = 0x1234, .length = 9,
		};
		assert_int_equal(iommufd_msg_decode(&msg, 5, &fault), odd[i].bad);
		assert_int_equal(fault.flags, odd[i].want | UIOMMU_FAULT_LAST | reject);
		assert_true(fault.pasid <= UIOMMU_NO_PASID);
		assert_true(fault.iova == ~UINT64_C(0xfff));
		assert_int_equal(fault.prg_index, 0x1234);
		assert_int_equal(fault.tag, 9);
		assert_int_equal(fault.endpoint_id, 5);
	}
	device_up(64, 8, 8);
	fake_raise(DEV, 0x100000 - 1, 1);
	assert_int_equal(fetch(8), 1);
	assert_int_equal(stat_get("refused_messages"), 0);
	answer(faults, 1, UIOMMU_CODE_SUCCESS);
	fake_raise(DEV, 0x100001, 1);
	assert_int_equal(fetch(8), 1);
	assert_int_equal(stat_get("refused_messages"), 1);
	answer(faults, 1, UIOMMU_CODE_INVALID);
	assert_answered(1, 1, IOMMUFD_RESP_INVALID);
	device_down();
}

/* Each access, in one read: the first ones go the short way, what is behind them does not. */
static void
accesses(void **state)
{
	uint32_t i, perm, pasid, want, refused = 0;

	device_up(64, 64, 8);
	fake.all_perms = true;
	for (i = 0; i < 2 * FAKE_PERMS; i++)
		fake_raise(DEV, i % 3 == 0 ? UIOMMU_NO_PASID : i, 1);
	assert_int_equal(fetch(64), 2 * FAKE_PERMS);
	for (i = 0; i < 2 * FAKE_PERMS; i++) {
		perm = (i + 1) % FAKE_PERMS;
		pasid = i % 3 == 0 ? UIOMMU_NO_PASID : i;
		want = UIOMMU_FAULT_LAST;
		want |= (perm & IOMMUFD_PERM_READ) != 0 ? UIOMMU_FAULT_READ : 0;
		want |= (perm & IOMMUFD_PERM_WRITE) != 0 ? UIOMMU_FAULT_WRITE : 0;
		want |= (perm & IOMMUFD_PERM_EXEC) != 0 ? UIOMMU_FAULT_EXEC : 0;
		want |= (perm & IOMMUFD_PERM_PRIV) != 0 ? UIOMMU_FAULT_PRIV : 0;
		want |= pasid != UIOMMU_NO_PASID ? UIOMMU_FAULT_PASID : 0;
		if (perm == 0 || perm == IOMMUFD_PERM_PRIV || perm > IOMMUFD_MSG_PERMS) {
			want |= UIOMMU_FAULT_REJECT;
			refused++;
		}
		assert_int_equal(faults[i].flags, want);
		assert_int_equal(faults[i].pasid, pasid);
		assert_int_equal(faults[i].endpoint_id, ENDPOINT);
		assert_true(faults[i].iova == (uint64_t)i << 24);
		assert_int_equal(faults[i].prg_index, i);
		assert_int_equal(faults[i].nb_pages, 0);
	}
	assert_int_equal(stat_get("refused_messages"), refused);
	answer(faults, 2 * FAKE_PERMS, UIOMMU_CODE_SUCCESS);
	assert_answered(0, 2 * FAKE_PERMS, IOMMUFD_RESP_SUCCESS);
	device_down();
}

/* After a stop nothing is left of what was read: the kernel has answered it. */
static void
start_is_anew(void **state)
{
	uint32_t i;

	device_up(64, 8, 32);
	for (i = 0; i < 20; i++)
		fake_raise(DEV, 1, 1);
	assert_int_equal(fetch(8), 8);
	fake_end_all(DEV);
	assert_int_equal(iommufd_stop(&dev), 0);
	assert_int_equal(iommufd_start(&dev), 0);
	assert_int_equal(queue->slots.nb_free, queue->slots.nb_slots);
	assert_int_equal(fetch(8), 0);
	fake_raise(DEV, 1, 1);
	assert_int_equal(fetch(8), 1);
	answer(faults, 1, UIOMMU_CODE_SUCCESS);
	assert_answered(0, 21, IOMMUFD_RESP_SUCCESS);
	device_down();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bursts),
		cmocka_unit_test(what_was_read_comes_first),
		cmocka_unit_test(codes),
		cmocka_unit_test(groups),
		cmocka_unit_test(large_groups),
		cmocka_unit_test(too_large_a_group),
		cmocka_unit_test(mixed_pasids),
		cmocka_unit_test(unknown_flags),
		cmocka_unit_test(unknown_device),
		cmocka_unit_test(reads_put_off),
		cmocka_unit_test(reads_fail),
		cmocka_unit_test(reads_of_wrong_sizes),
		cmocka_unit_test(slots_run_out),
		cmocka_unit_test(marks),
		cmocka_unit_test(odd_messages),
		cmocka_unit_test(accesses),
		cmocka_unit_test(start_is_anew),
	};

	return cmocka_run_group_tests_name("iommufd_queue", tests, NULL, NULL);
}
