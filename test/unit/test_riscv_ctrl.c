/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Configure, start, stop: registers in order, and units that do not do as they should. */

#include "riscv_rig.h"

#define ON (RISCV_CSR_EN | RISCV_CSR_ON)

/* Place of the first write of a value to a register, from a place on */
static uint32_t
wrote(uint32_t from, uint32_t reg, uint64_t value, uint64_t mask)
{
	for (; from < hw.nb_writes; from++)
		if (hw.writes[from].reg == reg && (hw.writes[from].value & mask) == value)
			return from;
	fail_msg("0x%x was not written to 0x%x", (unsigned int)value, reg);
	return 0;
}

static int
configured(void **state)
{
	(void)state;
	hw_reset();
	if (unit_probe() != 0)
		return -1;
	riscv->fq_entries = ENTRIES;
	return unit_configure(UIOMMU_STOP_OFF);
}

static uint64_t
mode(void)
{
	return *hw_reg64(RISCV_REG_DDTP) & 0xf;
}

/* Queues with their indices, everything forgotten, then translation. */
static void
starts(void **state)
{
	uint32_t at = 0;

	/* errors and interrupts that somebody left */
	*hw_reg(RISCV_REG_IPSR) = 0xf;
	assert_int_equal(riscv_start(&dev), 0);
	at = wrote(at, RISCV_REG_DDTP, 0, UINT64_MAX);
	at = wrote(at, RISCV_REG_CQB, 10 | riscv->cq_mem.pa >> 2, UINT64_MAX);
	at = wrote(at, RISCV_REG_CQT, 0, UINT64_MAX);
	at = wrote(at, RISCV_REG_CQCSR, 1, UINT64_MAX);
	at = wrote(at, RISCV_REG_FQB, 7 | riscv->fq_mem.pa >> 2, UINT64_MAX);
	at = wrote(at, RISCV_REG_FQH, 0, UINT64_MAX);
	at = wrote(at, RISCV_REG_FQCSR, 1, UINT64_MAX);
	at = wrote(at, RISCV_REG_PQB, 7 | riscv->pq_mem.pa >> 2, UINT64_MAX);
	at = wrote(at, RISCV_REG_PQH, 0, UINT64_MAX);
	at = wrote(at, RISCV_REG_PQCSR, 1, UINT64_MAX);
	at = wrote(at, RISCV_REG_IPSR, 0xb, UINT64_MAX);
	wrote(at, RISCV_REG_DDTP, 4, 0xf);
	assert_true(*hw_reg64(RISCV_REG_DDTP) == (4 | riscv->ddt.root->page.pa >> 2));
	assert_int_equal(*hw_reg(RISCV_REG_CQCSR), ON);
	assert_int_equal(*hw_reg(RISCV_REG_FQCSR), ON);
	assert_int_equal(*hw_reg(RISCV_REG_PQCSR), ON);
	assert_int_equal(riscv->levels, 3);
}

/* Directories first: nothing fills what is cached of tables from them then. */
static void
forgets_everything(void **state)
{
	assert_int_equal(riscv_start(&dev), 0);
	assert_int_equal(hw.nb_seen, 5);
	assert_seen_at(0, 0x003, 0);
	assert_int_equal(hw.seen[1].q[0] & 0x3ff, OP_FENCE);
	assert_seen_at(2, 0x001, 0);
	assert_seen_at(3, 0x081, 0);
	assert_int_equal(hw.seen[4].q[0] & 0x3ff, OP_FENCE);
	/* there is no second stage that could be forgotten */
	riscv_close(&dev);
	hw_reset();
	hw.caps &= ~RISCV_CAP_SV48X4;
	assert_int_equal(unit_start(), 0);
	hw.nb_seen = 0;
	assert_int_equal(riscv_invalidate_all(riscv), 0);
	assert_int_equal(hw.nb_seen, 4);
}

/* Each way of leaving it: Bare, Off, or as it was. */
static void
stops(void **state)
{
	static const uint64_t found[] = {RISCV_DDTP_OFF, RISCV_DDTP_BARE};
	static const uint32_t ways[] = {UIOMMU_STOP_OFF, UIOMMU_STOP_BLOCK, UIOMMU_STOP_RESTORE};
	unsigned int i, j;

	for (i = 0; i < 3; i++) {
		for (j = 0; j < 2; j++) {
			*hw_reg64(RISCV_REG_DDTP) = found[j];
			assert_int_equal(unit_configure(ways[i]), 0);
			assert_int_equal(riscv_start(&dev), 0);
			assert_int_equal(mode(), RISCV_DDTP_3LVL);
			assert_int_equal(riscv_stop(&dev), 0);
			assert_int_equal(mode(), i == 0 ? RISCV_DDTP_BARE :
						 i == 1 ? RISCV_DDTP_OFF : found[j]);
			assert_int_equal(*hw_reg(RISCV_REG_CQCSR) & ON, 0);
			assert_int_equal(*hw_reg(RISCV_REG_FQCSR) & ON, 0);
			assert_int_equal(*hw_reg(RISCV_REG_PQCSR) & ON, 0);
			assert_false(dev.walks_on);
		}
	}
}

/* Page requests end before translation does, and answers that were given come before that. */
static void
stops_in_order(void **state)
{
	uint32_t sent = 0, at;

	assert_int_equal(riscv_start(&dev), 0);
	hw_request_number(3);
	hw.dead = true;
	respond(&sent, 3);
	hw.dead = false;
	hw.nb_writes = 0;
	assert_int_equal(riscv_stop(&dev), 0);
	assert_int_equal(hw.responses, 4);
	assert_false(hw.out_of_order);
	assert_int_equal(hw.answered[3].q[1] >> 44, 1);
	at = wrote(0, RISCV_REG_PQCSR, 0, UINT64_MAX);
	at = wrote(at, RISCV_REG_PQH, 1, UINT64_MAX);
	at = wrote(at, RISCV_REG_DDTP, 0, 0xf);
	at = wrote(at, RISCV_REG_FQCSR, 0, UINT64_MAX);
	at = wrote(at, RISCV_REG_CQCSR, 0, UINT64_MAX);
	/* nobody changes the directory on the way to Off */
	assert_true(hw.writes[wrote(0, RISCV_REG_DDTP, 0, 0xf)].value ==
		    riscv->ddt.root->page.pa >> 2);
	wrote(at, RISCV_REG_DDTP, 1, UINT64_MAX);
}

/* A unit that somebody uses: by its mode, or by a queue. */
static void
is_in_use(void **state)
{
	const uint64_t theirs = RISCV_DDTP_2LVL | 0x12345 << 10;

	*hw_reg64(RISCV_REG_DDTP) = theirs;
	assert_int_equal(riscv_start(&dev), -EBUSY);
	assert_int_equal(hw.nb_writes, 0);
	*hw_reg64(RISCV_REG_DDTP) = RISCV_DDTP_BARE;
	*hw_reg(RISCV_REG_FQCSR) = ON;
	assert_int_equal(riscv_start(&dev), -EBUSY);
	assert_int_equal(hw.nb_writes, 0);
	riscv->takeover = true;
	assert_int_equal(riscv_start(&dev), 0);
	assert_int_equal(mode(), RISCV_DDTP_3LVL);
}

/* Taken over and given back: queues of theirs are empty then. */
static void
is_given_back(void **state)
{
	const uint64_t theirs = RISCV_DDTP_2LVL | 0x12345 << 10;

	assert_int_equal(unit_configure(UIOMMU_STOP_RESTORE), 0);
	*hw_reg64(RISCV_REG_DDTP) = theirs;
	*hw_reg64(RISCV_REG_CQB) = 9 | riscv->cq_mem.pa >> 2;
	*hw_reg64(RISCV_REG_FQB) = 0x1234408;
	*hw_reg(RISCV_REG_FQCSR) = ON | RISCV_CSR_IE;
	*hw_reg(RISCV_REG_FQH) = 7;
	*hw_reg(RISCV_REG_FCTL) = RISCV_FCTL_WSI;
	riscv->takeover = true;
	assert_int_equal(riscv_start(&dev), 0);
	assert_int_equal(riscv_stop(&dev), 0);
	assert_true(*hw_reg64(RISCV_REG_DDTP) == theirs);
	assert_true(*hw_reg64(RISCV_REG_FQB) == 0x1234408);
	assert_int_equal(*hw_reg(RISCV_REG_FQCSR), ON | RISCV_CSR_IE);
	assert_int_equal(*hw_reg(RISCV_REG_FQH), 0);
	assert_int_equal(*hw_reg(RISCV_REG_CQCSR) & ON, 0);
	assert_int_equal(*hw_reg(RISCV_REG_FCTL), RISCV_FCTL_WSI);
}

/* The widest that it takes; what was asked for, or nothing. */
static void
directory_levels(void **state)
{
	uint8_t levels, wanted;

	for (levels = 1; levels <= 3; levels++) {
		for (wanted = 0; wanted <= 3; wanted++) {
			int ret;

			tear_down(state);
			hw_reset();
			hw.ddtp_modes = 3 | 4U << (levels - 1);
			assert_int_equal(unit_probe(), 0);
			riscv->ddt_levels = wanted;
			assert_int_equal(unit_configure(UIOMMU_STOP_OFF), 0);
			ret = riscv_start(&dev);
			assert_int_equal(ret, wanted == 0 || wanted == levels ? 0 : -ENOTSUP);
			assert_int_equal(mode(), ret == 0 ? levels + 1U : RISCV_DDTP_OFF);
		}
	}
}

/* Endpoints that were there before decide how narrow it may be. */
static void
directory_is_too_narrow(void **state)
{
	struct riscv_endpoint *endpoint = endpoint_new(0x8000, 0);

	hw.ddtp_modes = 0xf;
	assert_int_equal(riscv_start(&dev), -ENOTSUP);
	assert_int_equal(mode(), RISCV_DDTP_OFF);
	assert_int_equal(*hw_reg(RISCV_REG_CQCSR) & ON, 0);
	riscv_endpoint_free(&dev, endpoint);
	assert_int_equal(unit_configure(UIOMMU_STOP_OFF), 0);
	assert_int_equal(riscv_start(&dev), 0);
	assert_int_equal(mode(), RISCV_DDTP_2LVL);
}

/* A start that fails leaves what was Bare Bare. */
static void
start_fails(void **state)
{
	*hw_reg64(RISCV_REG_DDTP) = RISCV_DDTP_BARE;
	hw.log2sz_max = 6;
	assert_int_equal(riscv_start(&dev), -ENOTSUP);
	assert_int_equal(mode(), RISCV_DDTP_BARE);
	assert_int_equal(*hw_reg(RISCV_REG_CQCSR) & ON, 0);
	assert_false(dev.walks_on);
}

static void
features(void **state)
{
	*hw_reg(RISCV_REG_FCTL) = RISCV_FCTL_GXL | RISCV_FCTL_WSI;
	assert_int_equal(riscv_start(&dev), 0);
	assert_int_equal(*hw_reg(RISCV_REG_FCTL), RISCV_FCTL_WSI);
	assert_int_equal(riscv_stop(&dev), 0);
	hw.fctl_fixed = RISCV_FCTL_GXL;
	*hw_reg(RISCV_REG_FCTL) = RISCV_FCTL_GXL;
	assert_int_equal(riscv_start(&dev), -ENOTSUP);
}

/* One that cannot be turned off keeps its memory, and is not turned on again. */
static void
does_not_go_off(void **state)
{
	assert_int_equal(riscv_start(&dev), 0);
	hw.csr_stuck = true;
	assert_int_equal(riscv_stop(&dev), -ETIMEDOUT);
	assert_true(dev.walks_on);
	assert_int_equal(riscv_start(&dev), -EBUSY);
	assert_int_equal(unit_configure(UIOMMU_STOP_OFF), -EBUSY);
	hw.csr_stuck = false;
	riscv->wedged = false;
}

static void
does_not_go_on(void **state)
{
	hw.csr_stuck = true;
	assert_int_equal(riscv_start(&dev), -ETIMEDOUT);
	assert_int_equal(mode(), RISCV_DDTP_OFF);
	hw.csr_stuck = false;
	*hw_reg(RISCV_REG_CQCSR) = 0;
	riscv->wedged = false;
	hw.dead = true;
	assert_int_equal(riscv_start(&dev), -ETIMEDOUT);
	hw.dead = false;
	assert_int_equal(riscv_start(&dev), 0);
}

/* No register is written while it may not be. */
static void
is_busy_for_ever(void **state)
{
	hw.busy = true;
	riscv->takeover = true;
	assert_int_equal(riscv_start(&dev), -ETIMEDOUT);
	assert_int_equal(hw.nb_writes, 0);
	hw.busy = false;
}

static void
sizes(void **state)
{
	struct uiommu_dev_conf conf = {.size = sizeof(conf), .queue_entries = 384};

	assert_int_equal(riscv_configure(&dev, &conf), -EINVAL);
	conf.queue_entries = 32768;
	assert_int_equal(riscv_configure(&dev, &conf), -EINVAL);
	conf.queue_entries = 16384;
	assert_int_equal(riscv_configure(&dev, &conf), 0);
	assert_int_equal(queue->pq.mask, 16383);
	assert_int_equal(queue->cq.mask, 16383);
	riscv->cq_entries = 4096;
	assert_int_equal(riscv_configure(&dev, &conf), 0);
	assert_int_equal(queue->cq.mask, 4095);
}

/* A unit without page requests: its fault queue is what has a size. */
static void
without_page_requests(void **state)
{
	tear_down(state);
	hw_reset();
	hw.caps &= ~RISCV_CAP_ATS;
	assert_int_equal(unit_start(), 0);
	assert_int_equal(queue->fq.mask, ENTRIES - 1);
	assert_int_equal(*hw_reg(RISCV_REG_PQCSR), 0);
	assert_null(riscv->pq_mem.va);
	assert_int_equal(riscv_stop(&dev), 0);
}

/* After a stop that blocks, nobody is left to undo it but close(). */
static void
block_ends_with_close(void **state)
{
	*hw_reg64(RISCV_REG_DDTP) = RISCV_DDTP_BARE;
	assert_int_equal(unit_configure(UIOMMU_STOP_BLOCK), 0);
	assert_int_equal(riscv_start(&dev), 0);
	assert_int_equal(riscv_stop(&dev), 0);
	/* what was found is what was found at first */
	assert_int_equal(riscv_start(&dev), 0);
	riscv_close(&dev);
	assert_int_equal(mode(), RISCV_DDTP_BARE);
}

#define CTRL(name) cmocka_unit_test_setup_teardown(name, configured, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CTRL(starts),           CTRL(forgets_everything),
		CTRL(stops),            CTRL(stops_in_order),
		CTRL(is_in_use),        CTRL(is_given_back),
		CTRL(directory_levels), CTRL(directory_is_too_narrow),
		CTRL(start_fails),      CTRL(features),
		CTRL(does_not_go_off),  CTRL(does_not_go_on),
		CTRL(is_busy_for_ever), CTRL(sizes),
		CTRL(without_page_requests), CTRL(block_ends_with_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
