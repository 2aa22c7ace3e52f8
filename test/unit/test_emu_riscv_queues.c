/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Emulation of a RISC-V IOMMU: page-request queue and fault queue, "PCIe ATS Page Request
 * handling", "Fault/Event-Queue (FQ)", "Page-Request-Queue (PQ)".
 */

#include "emu_riscv_rig.h"

/* Requests by hand until the queue is full: one place is never used. */
static void
pq_fill(void)
{
	unsigned int i;

	for (i = pq_pending(); i < ENTRIES - 1; i++)
		assert_int_equal(ask(DEVICE, 1), UIOMMU_EMU_QUEUED);
	assert_int_equal(pq_pending(), ENTRIES - 1);
}

static void
pq_drain(void)
{
	uint32_t nb = pq_pending();
	struct request request;

	while (nb-- > 0) {
		request = pq_next();
		request_answer(&request, 0);
	}
}

/* The answer that the unit gave last. */
static struct uiommu_emu_response
own_answer(void)
{
	struct uiommu_emu_response resp, last = {0};

	while (uiommu_emu_response_next(rig.emu, &resp))
		last = resp;
	assert_true(last.by_unit);
	return last;
}

static void
test_one_place_is_never_used(void **state)
{
	unsigned int i;

	(void)state;
	rig_start(1);
	for (i = 0; i < 3; i++) {
		pq_fill();
		assert_int_equal(get32(PQCSR), EN | ON);
		pq_drain();
	}
	assert_int_equal(verdict(true).overflows, 0);
	assert_clean();
}

static void
test_overflow_latches(void **state)
{
	struct request request;

	(void)state;
	rig_start(1);
	uiommu_emu_log(rig.emu, true);
	pq_fill();
	assert_int_equal(ask(DEVICE, 1), UIOMMU_EMU_AUTO_SUCCESS);
	assert_int_equal(own_answer().pasid, 1);
	assert_int_equal(get32(PQCSR), EN | ON | OF);
	/* room alone does not help */
	request = pq_next();
	request_answer(&request, 0);
	assert_int_equal(ask(DEVICE, 1), UIOMMU_EMU_AUTO_SUCCESS);
	assert_int_equal(pq_pending(), ENTRIES - 2);
	pq_drain();
	/* nor does a write that leaves the bit alone */
	put32(PQCSR, EN);
	step();
	assert_int_equal(ask(DEVICE, 1), UIOMMU_EMU_AUTO_SUCCESS);
	put32(PQCSR, EN | OF);
	step();
	assert_int_equal(get32(PQCSR), EN | ON);
	assert_int_equal(ask(DEVICE, 1), UIOMMU_EMU_QUEUED);
	pq_drain();
	assert_int_equal(verdict(true).overflows, 1);
	/* "no faults are logged" */
	assert_int_equal(fq_pending(), 0);
	assert_clean();
}

static void
test_overflow_is_acknowledged_when_empty(void **state)
{
	(void)state;
	rig_start(1);
	pq_fill();
	assert_int_equal(ask(DEVICE, 1), UIOMMU_EMU_AUTO_SUCCESS);
	put32(PQCSR, EN | OF);
	step();
	assert_int_equal(verdict(false).protocol, 1);
}

static void
test_overflow_drops_what_is_not_last(void **state)
{
	struct uiommu_emu_request req;

	(void)state;
	rig_start(1);
	pq_fill();
	req = request_for(DEVICE, 1, 300);
	req.last = false;
	assert_int_equal(uiommu_emu_request(rig.emu, &req), UIOMMU_EMU_DROPPED);
	/* a stop marker */
	req = request_for(DEVICE, 1, 0);
	req.read = false;
	assert_int_equal(uiommu_emu_request(rig.emu, &req), UIOMMU_EMU_DROPPED);
	assert_int_equal(get32(PQCSR), EN | ON | OF);
	pq_drain();
	put32(PQCSR, EN | OF);
	step();
	assert_int_equal(uiommu_emu_request(rig.emu, &req), UIOMMU_EMU_QUEUED);
	assert_int_equal(pq_next().q[1], 0x123000 | 4);
}

static void
test_memory_fault_latches(void **state)
{
	(void)state;
	rig_start(1);
	uiommu_emu_log(rig.emu, true);
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_REQUEST_ABORT, 1);
	assert_int_equal(ask(DEVICE, 1), UIOMMU_EMU_AUTO_FAILURE);
	assert_int_equal(get32(PQCSR), EN | ON | MF);
	assert_int_equal(own_answer().code, 15);
	assert_int_equal(fq_pending(), 0);
	put32(PQCSR, EN | MF);
	step();
	assert_int_equal(get32(PQCSR), EN | ON);
	assert_clean();
}

static void
test_failure_only_to_what_wants_an_answer(void **state)
{
	struct uiommu_emu_request req;

	(void)state;
	rig_start(1);
	put32(PQCSR, 0);
	step();
	req = request_for(DEVICE, 1, 300);
	req.last = false;
	assert_int_equal(uiommu_emu_request(rig.emu, &req), UIOMMU_EMU_DROPPED);
	assert_int_equal(verdict(false).families_stopped, 0);
	req.last = true;
	assert_int_equal(uiommu_emu_request(rig.emu, &req), UIOMMU_EMU_AUTO_FAILURE);
	assert_int_equal(verdict(false).families_stopped, 1);
	assert_int_equal(fq_pending(), 0);
}

/* What the unit makes of a request that it cannot put into its queue. */
static void
answered(uint32_t did, enum uiommu_emu_outcome outcome, uint32_t pasid, unsigned int cause)
{
	struct record record;

	assert_int_equal(ask(did, 1), outcome);
	assert_int_equal(own_answer().pasid, pasid);
	assert_int_equal(fq_pending(), cause != 0);
	if (cause == 0)
		return;
	record = fq_next();
	/* TTYP 9, and the code of the message */
	assert_int_equal(record.q[0], cause | 1 << 12 | UINT64_C(1) << 32 | UINT64_C(9) << 34 |
					      (uint64_t)did << 40);
	assert_int_equal(record.q[2], 4);
}

/* A Failure stops a device: it is made anew. */
static void
again(uint32_t did)
{
	static const uint32_t pasid = 1;
	const struct uiommu_emu_device_conf conf = {
		.endpoint_id = did, .nb_pasids = 1, .pasids = &pasid,
	};

	uiommu_emu_device_remove(rig.emu, did);
	assert_int_equal(uiommu_emu_device_add(rig.emu, &conf), 0);
}

static void
test_no_directory(void **state)
{
	const uint64_t root = UINT64_C(1) << 10;

	(void)state;
	rig_open(NULL);
	queue_on(FQB, FQH, FQCSR, rig.fq.pa);
	queue_on(PQB, PQH, PQCSR, rig.pq.pa);
	uiommu_emu_log(rig.emu, true);
	again(DEVICE);
	answered(DEVICE, UIOMMU_EMU_AUTO_FAILURE, 1, 256);
	again(DEVICE);
	put64(DDTP, root | 1);
	step();
	answered(DEVICE, UIOMMU_EMU_AUTO_INVALID, UINT32_MAX, 260);
	/* 15 bits of 24, and then 6 */
	ddtp(0, rig.ddt[1].pa);
	ddtp(3, rig.ddt[1].pa);
	again(0x8000);
	answered(0x8000, UIOMMU_EMU_AUTO_INVALID, UINT32_MAX, 260);
	ddtp(0, rig.ddt[1].pa);
	ddtp(2, rig.ddt[1].pa);
	again(0x40);
	answered(0x40, UIOMMU_EMU_AUTO_INVALID, UINT32_MAX, 260);
	assert_clean();
}

static void
test_no_device_context(void **state)
{
	(void)state;
	rig_open(NULL);
	rig_up();
	uiommu_emu_log(rig.emu, true);
	again(DEVICE);
	answered(DEVICE, UIOMMU_EMU_AUTO_FAILURE, 1, 258);
	again(DEVICE);
	dc(DEVICE)[0] = 1 | 1 << 12;
	answered(DEVICE, UIOMMU_EMU_AUTO_FAILURE, 1, 259);
	again(DEVICE);
	((uint64_t *)rig.ddt[1].va)[4] = NON_LEAF(0x1000);
	answered(DEVICE, UIOMMU_EMU_AUTO_FAILURE, 1, 257);
	assert_clean();
}

static void
test_not_enabled(void **state)
{
	(void)state;
	rig_open(NULL);
	rig_up();
	uiommu_emu_log(rig.emu, true);
	again(DEVICE);
	rig.tc = TC_V | TC_EN_ATS | TC_PDTV;
	endpoint(DEVICE);
	answered(DEVICE, UIOMMU_EMU_AUTO_INVALID, UINT32_MAX, 260);
	/* not even that is told with DTF */
	rig.tc |= TC_DTF;
	endpoint(DEVICE);
	IODIR_DDT(DEVICE);
	answered(DEVICE, UIOMMU_EMU_AUTO_INVALID, UINT32_MAX, 0);
	assert_clean();
}

static void
test_prpr(void **state)
{
	(void)state;
	rig_open(NULL);
	rig_up();
	rig.tc &= ~(uint64_t)TC_PRPR;
	rig_device(DEVICE, 1, 0);
	uiommu_emu_log(rig.emu, true);
	pq_fill();
	answered(DEVICE, UIOMMU_EMU_AUTO_SUCCESS, UINT32_MAX, 0);
	/* Failure comes with the PASID all the same */
	put32(PQCSR, 0);
	step();
	answered(DEVICE, UIOMMU_EMU_AUTO_FAILURE, 1, 0);
}

static void
test_processes_are_not_looked_at(void **state)
{
	(void)state;
	rig_start(2);
	pc(2)[0] = 0;
	assert_int_equal(ask(DEVICE, 2), UIOMMU_EMU_QUEUED);
	assert_int_equal(ask(DEVICE, 0xfffff), UIOMMU_EMU_QUEUED);
	assert_int_equal(ask(DEVICE, UINT32_MAX), UIOMMU_EMU_QUEUED);
	pq_next();
	assert_int_equal(pq_next().q[0] >> 12 & 0x1fffff, 0x1fffff);
	assert_int_equal(pq_next().q[0] >> 32 & 0xff, 0);
	assert_clean();
}

static void
test_privilege_and_execution(void **state)
{
	struct uiommu_emu_request req;

	(void)state;
	rig_start(1);
	req = request_for(DEVICE, 1, 5);
	req.priv = true;
	assert_int_equal(uiommu_emu_request(rig.emu, &req), UIOMMU_EMU_QUEUED);
	assert_int_equal(pq_next().q[0] >> 32 & 0xff, 3);
	req.exec = true;
	req.prg_index = 0x1ff;
	assert_int_equal(uiommu_emu_request(rig.emu, &req), UIOMMU_EMU_QUEUED);
	assert_int_equal(pq_pending(), 1);
	assert_int_equal(((uint64_t *)rig.pq.va)[2] >> 32 & 0xff, 7);
	assert_int_equal(pq_next().q[1], 0x123000 | 0x1ff << 3 | 4 | 1);
	/* neither without a PASID */
	req.pasid = UINT32_MAX;
	assert_int_equal(uiommu_emu_request(rig.emu, &req), UIOMMU_EMU_QUEUED);
	assert_int_equal(pq_next().q[0] >> 32 & 0xff, 0);
}

static void
test_faults_are_lost_when_full(void **state)
{
	unsigned int i;

	(void)state;
	rig_start(1);
	for (i = 0; i < ENTRIES - 1; i++)
		assert_false(uiommu_emu_dma(rig.emu, DEVICE, 1, 0x1000, false));
	assert_int_equal(fq_pending(), ENTRIES - 1);
	assert_int_equal(get32(FQCSR), EN | ON);
	assert_false(uiommu_emu_dma(rig.emu, DEVICE, 1, 0x1000, false));
	assert_int_equal(get32(FQCSR), EN | ON | OF);
	while (fq_pending() > 0)
		fq_next();
	/* room alone does not help */
	assert_false(uiommu_emu_dma(rig.emu, DEVICE, 1, 0x1000, false));
	assert_int_equal(fq_pending(), 0);
	put32(FQCSR, EN | OF);
	step();
	assert_int_equal(dma(DEVICE, 1, 0x1000, false), 13);
	assert_int_equal(verdict(true).reports, ENTRIES);
	assert_int_equal(verdict(true).reports_lost, 2);
	assert_int_equal(verdict(true).report_overflows, 1);
	assert_clean();
}

static void
test_faults_that_cannot_be_written(void **state)
{
	(void)state;
	rig_start(1);
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_EVENT_ABORT, 1);
	assert_int_equal(dma(DEVICE, 1, 0x1000, false), UINT32_MAX);
	assert_int_equal(get32(FQCSR), EN | ON | MF);
	assert_int_equal(dma(DEVICE, 1, 0x1000, false), UINT32_MAX);
	put32(FQCSR, EN | MF);
	step();
	assert_int_equal(dma(DEVICE, 1, 0x1000, false), 13);
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_EVENT_OVERFLOW, 1);
	assert_int_equal(dma(DEVICE, 1, 0x1000, false), UINT32_MAX);
	assert_int_equal(get32(FQCSR), EN | ON | OF);
	put32(FQCSR, 0);
	step();
	assert_int_equal(dma(DEVICE, 1, 0x1000, false), UINT32_MAX);
	assert_int_equal(verdict(true).reports_lost, 4);
	assert_clean();
}

static void
test_wild_indexes(void **state)
{
	(void)state;
	rig_start(1);
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_WILD_INDEX, 1);
	assert_true(get32(PQT) >= ENTRIES);
	assert_int_equal(get32(PQT), 0);
	uiommu_emu_fault_set(rig.emu, UIOMMU_EMU_FAULT_WILD_EVENT_INDEX, 1);
	assert_true(get32(FQT) >= ENTRIES);
	assert_int_equal(get32(FQT), 0);
}

static void
test_raw_entries(void **state)
{
	const struct request request = {{UINT64_C(0x110) << 40 | 0xfff, 0x1000 | 4 | 1}};
	const struct record record = {{274, 0, 0, 0}};

	(void)state;
	rig_start(1);
	assert_int_equal(uiommu_emu_request_raw(rig.emu, &request, sizeof(request)), 0);
	assert_int_equal(pq_next().q[0], request.q[0]);
	request_answer(&request, 1);
	assert_int_equal(uiommu_emu_request_raw(rig.emu, &record, sizeof(record)), 0);
	assert_int_equal(last_cause(), 274);
	assert_int_equal(uiommu_emu_request_raw(rig.emu, &record, 24), -EINVAL);
	assert_clean();
}

static void
test_memory_that_is_given_back(void **state)
{
	(void)state;
	rig_start(1);
	uiommu_dma_free(&rig.plat, &rig.pq);
	step();
	assert_int_equal(ask(DEVICE, 1), UIOMMU_EMU_AUTO_FAILURE);
	assert_int_equal(get32(PQCSR), EN | ON | MF);
	uiommu_dma_free(&rig.plat, &rig.cq);
	ring();
	put32(CQT, 1);
	step();
	assert_int_equal(get32(CQCSR), EN | ON | MF);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_one_place_is_never_used),
		CASE(test_overflow_latches),
		CASE(test_overflow_is_acknowledged_when_empty),
		CASE(test_overflow_drops_what_is_not_last),
		CASE(test_memory_fault_latches),
		CASE(test_failure_only_to_what_wants_an_answer),
		CASE(test_no_directory),
		CASE(test_no_device_context),
		CASE(test_not_enabled),
		CASE(test_prpr),
		CASE(test_processes_are_not_looked_at),
		CASE(test_privilege_and_execution),
		CASE(test_faults_are_lost_when_full),
		CASE(test_faults_that_cannot_be_written),
		CASE(test_wild_indexes),
		CASE(test_raw_entries),
		CASE(test_memory_that_is_given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
