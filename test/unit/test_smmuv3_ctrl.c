/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Start, stop, close: the order of the manual, bounded waits, what is left behind. S 3.11, 6.3 */

#include "smmuv3_rig.h"

static int
ctrl_set_up(void **state)
{
	hw_reset();
	if (unit_probe() != 0)
		return -1;
	smmu->evtq_entries = ENTRIES;
	smmu->cmdq_entries = ENTRIES;
	return 0;
}

#define CTRL_CASE(name) cmocka_unit_test_setup_teardown(name, ctrl_set_up, tear_down)

/* Place of a write among those that were made; -1: none */
static int
write_at(uint32_t reg, uint64_t value)
{
	uint32_t i;

	for (i = 0; i < hw.nb_writes; i++)
		if (hw.writes[i].reg == reg && hw.writes[i].value == value)
			return (int)i;
	return -1;
}

static int
cr0_at(uint32_t value)
{
	return write_at(SMMUV3_REG_CR0, value);
}

static void
start_in_order(void **state)
{
	static const uint32_t seen_ops[] = {0x04, 0x30, 0x46};
	int cmdq_on, evtq_on, priq_on, smmu_on;
	unsigned int i;

	*hw_reg(SMMUV3_REG_GERROR) = SMMUV3_GERROR_PRIQ_ABT;
	assert_int_equal(unit_configure(UIOMMU_STOP_OFF), 0);
	assert_int_equal(hw.nb_writes, 0);
	assert_int_equal(smmuv3_start(&dev), 0);
	cmdq_on = cr0_at(SMMUV3_CR0_CMDQEN);
	evtq_on = cr0_at(SMMUV3_CR0_CMDQEN | SMMUV3_CR0_EVENTQEN | SMMUV3_CR0_ATSCHK);
	priq_on = cr0_at(SMMUV3_CR0_CMDQEN | SMMUV3_CR0_EVENTQEN | SMMUV3_CR0_ATSCHK |
			 SMMUV3_CR0_PRIQEN);
	smmu_on = cr0_at(0x1f);
	assert_true(cmdq_on >= 0 && cmdq_on < evtq_on && evtq_on < priq_on && priq_on < smmu_on);
	assert_int_equal(smmu_on, hw.nb_writes - 1);
	/* what an earlier owner left is acknowledged, and no interrupts come */
	assert_true(write_at(SMMUV3_REG_GERRORN, SMMUV3_GERROR_PRIQ_ABT) < cmdq_on);
	assert_true(write_at(SMMUV3_REG_IRQ_CTRL, 0) >= 0);
	assert_true(write_at(SMMUV3_REG_CR1, 0xd75) >= 0);
	assert_true(write_at(SMMUV3_REG_CR2, SMMUV3_CR2_RECINVSID) >= 0);
	assert_true(write_at(SMMUV3_REG_STRTAB_BASE, hw.strtab_base) < cmdq_on);
	assert_int_equal(hw.cmdq_base & 0x1f, 9);
	assert_int_equal(hw.eventq_base & 0x1f, 9);
	assert_int_equal(hw.priq_base & 0x1f, 9);
	assert_true((hw.strtab_base & SMMUV3_STRTAB_BASE_ADDR_MASK) == smmu->streams.top.pa);
	/* nothing that was cached is left, before anything is translated */
	assert_int_equal(hw.nb_seen, 3);
	for (i = 0; i < 3; i++)
		assert_int_equal(hw.seen[i].q[0] & 0xff, seen_ops[i]);
}

static void
without_page_requests(void **state)
{
	hw.idr0 &= ~(SMMUV3_IDR0_PRI | SMMUV3_IDR0_ATS);
	smmuv3_close(&dev);
	assert_int_equal(unit_probe(), 0);
	assert_int_equal(unit_configure(UIOMMU_STOP_OFF), 0);
	assert_int_equal(smmuv3_start(&dev), 0);
	assert_int_equal(*hw_reg(SMMUV3_REG_CR0),
			 SMMUV3_CR0_SMMUEN | SMMUV3_CR0_EVENTQEN | SMMUV3_CR0_CMDQEN);
	assert_int_equal(hw.priq_base, 0);
	assert_int_equal(queue->event.mask, ENTRIES - 1);
	assert_int_equal(smmuv3_stop(&dev), 0);
	assert_int_equal(*hw_reg(SMMUV3_REG_CR0), 0);
}

static void
stop_off(void **state)
{
	int priq_off, smmu_off;

	assert_int_equal(unit_configure(UIOMMU_STOP_OFF), 0);
	assert_int_equal(smmuv3_start(&dev), 0);
	hw.nb_writes = 0;
	hw.nb_seen = 0;
	assert_int_equal(smmuv3_stop(&dev), 0);
	priq_off = cr0_at(0x1d);
	smmu_off = cr0_at(0x1c);
	assert_true(priq_off >= 0 && priq_off < smmu_off);
	assert_true(cr0_at(0) > smmu_off);
	assert_int_equal(write_at(SMMUV3_REG_GBPA, SMMUV3_GBPA_UPDATE | SMMUV3_GBPA_ABORT), -1);
	assert_false(dev.walks_on);
}

/* Requests that came after the last fetch are answered while the unit still passes answers on. */
static void
stop_answers_what_is_left(void **state)
{
	uint32_t i;

	assert_int_equal(unit_configure(UIOMMU_STOP_OFF), 0);
	assert_int_equal(smmuv3_start(&dev), 0);
	queues_swap();
	for (i = 0; i < 300; i++)
		hw_request_number(i);
	hw_request(SMMUV3_PRI0_SSV | SMMUV3_PRI0_LAST | SID, 0);
	hw_request(SMMUV3_PRI0_R | SID, 0);
	assert_int_equal(smmuv3_stop(&dev), 0);
	assert_int_equal(hw.responses, 300);
	assert_false(hw.out_of_order);
	assert_int_equal(hw.answered[299].q[1] >> 12 & 3, SMMUV3_RESP_INVALID);
	assert_int_equal(queue->stats.requests_ended, 302);
}

/* With the unit off all is aborted, until it is started again or closed. */
static void
stop_blocking(void **state)
{
	const uint32_t before = 0x1000;

	*hw_reg(SMMUV3_REG_GBPA) = before;
	assert_int_equal(unit_configure(UIOMMU_STOP_BLOCK), 0);
	assert_int_equal(smmuv3_start(&dev), 0);
	assert_int_equal(*hw_reg(SMMUV3_REG_GBPA), before);
	hw.nb_writes = 0;
	assert_int_equal(smmuv3_stop(&dev), 0);
	assert_int_equal(*hw_reg(SMMUV3_REG_GBPA), before | SMMUV3_GBPA_ABORT);
	assert_true(write_at(SMMUV3_REG_GBPA, before | SMMUV3_GBPA_ABORT | SMMUV3_GBPA_UPDATE) <
		    cr0_at(0x1c));
	assert_int_equal(*hw_reg(SMMUV3_REG_CR0ACK), 0);
	assert_int_equal(smmuv3_start(&dev), 0);
	assert_int_equal(*hw_reg(SMMUV3_REG_GBPA), before);
	assert_int_equal(smmuv3_stop(&dev), 0);
	smmuv3_close(&dev);
	assert_int_equal(*hw_reg(SMMUV3_REG_GBPA), before);
}

static void
abort_by_argument(void **state)
{
	smmuv3_close(&dev);
	hw_args = (struct uiommu_args){"gbpa", "abort"};
	assert_int_equal(unit_probe(), 0);
	assert_int_equal(unit_configure(UIOMMU_STOP_OFF), 0);
	assert_int_equal(smmuv3_start(&dev), 0);
	assert_int_equal(*hw_reg(SMMUV3_REG_GBPA), SMMUV3_GBPA_ABORT);
	assert_true(write_at(SMMUV3_REG_GBPA, SMMUV3_GBPA_ABORT | SMMUV3_GBPA_UPDATE) <
		    cr0_at(0x1f));
	assert_int_equal(smmuv3_stop(&dev), 0);
	assert_int_equal(*hw_reg(SMMUV3_REG_GBPA), SMMUV3_GBPA_ABORT);
}

static void
stop_restores(void **state)
{
	static uint64_t ring[64];

	smmu->takeover = true;
	hw.strtab_base = 0x1000;
	*hw_reg(SMMUV3_REG_STRTAB_BASE_CFG) = 3;
	hw.cmdq_base = (uintptr_t)ring & SMMUV3_QUEUE_BASE_ADDR_MASK;
	hw.eventq_base = 0x3000;
	hw.priq_base = 0x4000;
	hw.eventq_cons = hw.eventq_prod = 7;
	hw.priq_cons = hw.priq_prod = 9;
	*hw_reg(SMMUV3_REG_CR1) = 0x11;
	*hw_reg(SMMUV3_REG_CR2) = 0x4;
	*hw_reg(SMMUV3_REG_GBPA) = 0x1000;
	*hw_reg(SMMUV3_REG_IRQ_CTRL) = 5;
	*hw_reg(SMMUV3_REG_CR0) = *hw_reg(SMMUV3_REG_CR0ACK) = 0xd;
	assert_int_equal(unit_configure(UIOMMU_STOP_RESTORE), 0);
	assert_int_equal(smmuv3_start(&dev), 0);
	assert_int_equal(*hw_reg(SMMUV3_REG_CR0), 0x1f);
	assert_int_equal(smmuv3_stop(&dev), 0);
	assert_int_equal(*hw_reg(SMMUV3_REG_CR0), 0xd);
	assert_int_equal(*hw_reg(SMMUV3_REG_CR1), 0x11);
	assert_int_equal(*hw_reg(SMMUV3_REG_CR2), 0x4);
	assert_int_equal(*hw_reg(SMMUV3_REG_GBPA), 0x1000);
	assert_int_equal(*hw_reg(SMMUV3_REG_IRQ_CTRL), 5);
	assert_int_equal(*hw_reg(SMMUV3_REG_STRTAB_BASE_CFG), 3);
	assert_true(hw.strtab_base == 0x1000 && hw.eventq_base == 0x3000 && hw.priq_base == 0x4000);
	assert_int_equal(hw.eventq_prod, 7);
	assert_int_equal(hw.priq_cons, 9);
	*hw_reg(SMMUV3_REG_CR0) = *hw_reg(SMMUV3_REG_CR0ACK) = 0;
}

static void
somebody_else_has_it(void **state)
{
	assert_int_equal(unit_configure(UIOMMU_STOP_OFF), 0);
	*hw_reg(SMMUV3_REG_CR0) = *hw_reg(SMMUV3_REG_CR0ACK) = SMMUV3_CR0_SMMUEN;
	assert_int_equal(smmuv3_start(&dev), -EBUSY);
	assert_int_equal(hw.nb_writes, 0);
	smmu->takeover = true;
	assert_int_equal(smmuv3_start(&dev), 0);
}

/* No wait is without a bound, and what the unit may still be reading is not given back. */
static void
unit_does_not_react(void **state)
{
	assert_int_equal(unit_configure(UIOMMU_STOP_OFF), 0);
	hw.ack_stuck = true;
	assert_int_equal(smmuv3_start(&dev), -ETIMEDOUT);
	assert_false(dev.walks_on);
	hw.ack_stuck = false;
	hw.dead = true;
	assert_int_equal(smmuv3_start(&dev), -ETIMEDOUT);
	assert_int_equal(*hw_reg(SMMUV3_REG_CR0ACK), 0);
	hw.dead = false;
	hw.gbpa_stuck = true;
	smmu->gbpa_abort = true;
	assert_int_equal(smmuv3_start(&dev), -ETIMEDOUT);
	hw.gbpa_stuck = false;
	*hw_reg(SMMUV3_REG_GBPA) = 0;
	assert_int_equal(smmuv3_start(&dev), 0);
	hw.ack_stuck = true;
	assert_int_equal(smmuv3_stop(&dev), -ETIMEDOUT);
	assert_true(dev.walks_on);
	assert_int_equal(smmuv3_start(&dev), -EBUSY);
	assert_int_equal(unit_configure(UIOMMU_STOP_OFF), -EBUSY);
	hw.ack_stuck = false;
	smmu->wedged = false;
}

static void
sizes_are_checked(void **state)
{
	struct uiommu_dev_conf conf = {.size = sizeof(conf), .queue_entries = 100};

	assert_int_equal(smmuv3_configure(&dev, &conf), -EINVAL);
	conf.queue_entries = smmu->priq_entries_max * 2;
	assert_int_equal(smmuv3_configure(&dev, &conf), -EINVAL);
	conf.queue_entries = 128;
	assert_int_equal(smmuv3_configure(&dev, &conf), 0);
	assert_int_equal(smmuv3_configure(&dev, &conf), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CTRL_CASE(start_in_order),
		CTRL_CASE(without_page_requests),
		CTRL_CASE(stop_off),
		CTRL_CASE(stop_answers_what_is_left),
		CTRL_CASE(stop_blocking),
		CTRL_CASE(abort_by_argument),
		CTRL_CASE(stop_restores),
		CTRL_CASE(somebody_else_has_it),
		CTRL_CASE(unit_does_not_react),
		CTRL_CASE(sizes_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
