/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Whose an answer of the kernel is. Mock devices come and go, and one may be where another was:
 * what tells them apart is the request that each introduces itself with, in the order of the trace.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "iommufd_mock_answer.c"
#include "iommufd_mock_table.c"

#define US (MOCK_INTRODUCTION | 0x1234000)
#define THEM (MOCK_INTRODUCTION | 0x5678000)
#define HERE UINT64_C(0xffff888003333000)
#define THERE UINT64_C(0xffff888003334000)

int emu_logtype;
static struct mock mock;
static struct iommufd_kernel kernel = {.priv = &mock};
static struct uiommu_emu emu;
static struct iommufd_trace_record records[16];
static int nb_records;
static unsigned int violations;

int
iommufd_trace_open(struct iommufd_trace *trace, unsigned int buffer_kib, bool requests)
{
	(void)trace;
	(void)buffer_kib;
	(void)requests;
	return 0;
}

void
iommufd_trace_close(struct iommufd_trace *trace)
{
	(void)trace;
}

int
iommufd_trace_take(struct iommufd_trace *trace, const struct iommufd_trace_record **out)
{
	int nb = nb_records;

	(void)trace;
	*out = records;
	nb_records = 0;
	return nb;
}

bool
mock_reads_take(struct mock_reads *reads, uint32_t place, uint32_t pasid, uint32_t grpid)
{
	(void)reads;
	(void)place;
	(void)pasid;
	(void)grpid;
	return true;
}

void
mock_reads_forget(struct mock_reads *reads, uint32_t place)
{
	(void)reads;
	(void)place;
}

void
emu_violation(struct uiommu_emu *its, uint64_t *counter, const char *format, ...)
{
	(void)its;
	(void)counter;
	(void)format;
	violations++;
}

static int
begin(void **state)
{
	(void)state;
	memset(&mock, 0, sizeof(mock));
	kernel.emu = &emu;
	mock.kernel = &kernel;
	mock.judge = true;
	mock.introduction = US;
	pthread_mutex_init(&mock.lock, NULL);
	nb_records = 0;
	violations = 0;
	return mock_answers_open(&mock);
}

static int
end(void **state)
{
	(void)state;
	mock_answers_close(&mock);
	return violations == 0 ? 0 : -1;
}

/* @return its place */
static uint32_t
device_add(uint32_t endpoint_id, uint32_t idev_id)
{
	const struct mock_device like = {
		.endpoint_id = endpoint_id, .pasid = EMU_NO_PASID, .stdev_id = 1,
		.idev_id = idev_id};
	const struct mock_device *device = mock_device_add(&mock, &like);

	assert_non_null(device);
	return (uint32_t)(device - mock.devices);
}

static void
answered(uint64_t device, uint32_t grpid)
{
	records[nb_records++] = (struct iommufd_trace_record){
		.kind = IOMMUFD_TRACE_ANSWER, .device = device, .grpid = grpid};
}

static void
expect(uint32_t endpoint_id, uint16_t index)
{
	struct iommufd_kernel_answer answer;

	assert_int_equal(mock_responses(&kernel, &answer, 1), 1);
	assert_int_equal(answer.endpoint_id, endpoint_id);
	assert_int_equal(answer.prgi, index);
}

static void
expect_none(void)
{
	struct iommufd_kernel_answer answer;

	assert_int_equal(mock_responses(&kernel, &answer, 1), 0);
}

static void
an_address_is_used_again(void **state)
{
	uint32_t first = device_add(0x100, 5), second;

	(void)state;
	answered(HERE, US | first);
	answered(HERE, 7);
	expect(0x100, 7);
	/* its last answers are seen when it is gone, and the next one is there */
	mock_device_remove(&mock, &mock.devices[first]);
	second = device_add(0x200, 5);
	assert_int_not_equal(first, second);
	answered(HERE, 8);
	answered(HERE, 9);
	answered(HERE, US | second);
	answered(HERE, 8);
	/* and then it is another process's */
	answered(HERE, THEM | 1);
	answered(HERE, 8);
	expect(0x100, 8);
	expect(0x100, 9);
	expect(0x200, 8);
	expect_none();
}

static void
a_device_is_elsewhere(void **state)
{
	uint32_t first = device_add(0x100, 5), second;

	(void)state;
	answered(HERE, US | first);
	mock_answers_take(&mock);
	mock_device_remove(&mock, &mock.devices[first]);
	/* the same endpoint again, at another address; and the old one's is another endpoint's */
	first = device_add(0x100, 6);
	second = device_add(0x200, 7);
	answered(THERE, US | first);
	answered(HERE, US | second);
	answered(HERE, 1);
	answered(THERE, 2);
	expect(0x200, 1);
	expect(0x100, 2);
	expect_none();
}

static void
others_have_devices_too(void **state)
{
	uint32_t place = device_add(0x100, 5);

	(void)state;
	/* nobody's that we know */
	answered(HERE, 3);
	answered(HERE, US | place);
	answered(HERE, 4);
	expect(0x100, 4);
	mock_device_remove(&mock, &mock.devices[place]);
	answered(HERE, 5);
	answered(HERE, THEM | place);
	answered(HERE, 6);
	expect(0x100, 5);
	expect_none();
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest cases[] = {
		CASE(an_address_is_used_again),
		CASE(a_device_is_elsewhere),
		CASE(others_have_devices_too),
	};

	return cmocka_run_group_tests(cases, NULL, NULL);
}
