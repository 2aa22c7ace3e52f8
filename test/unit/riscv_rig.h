/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef RISCV_RIG_H
#define RISCV_RIG_H

/*
 * What the tests of the RISC-V driver stand on: memory of the process, which the unit finds at
 * other addresses, and the unit's half of the registers and queues as the manual has it. Responses
 * carry a running number, so that one lost, doubled or out of order shows. The driver's sources are
 * part of the program.
 */

#define RIG_PA_OFFSET (UINT64_C(1) << 50)
#include "driver_rig.h"

#include <riscv_args.c>
#include <riscv_cmd.c>
#include <riscv_cq.c>
#include <riscv_ctrl.c>
#include <riscv_device.c>
#include <riscv_dir.c>
#include <riscv_domain.c>
#include <riscv_event.c>
#include <riscv_inval.c>
#include <riscv_probe.c>
#include <riscv_queue.c>
#include <riscv_reg.c>

#define ENTRIES 256 /* of both queues that the unit fills */
#define DID 0x050302
#define SEEN_MAX 4096
#define WRITES_MAX 256

#define OP_VMA 0x001
#define OP_GVMA 0x081
#define OP_FENCE 0x002
#define OP_DDT 0x003
#define OP_PDT 0x083
#define OP_ATS_INVAL 0x004
#define OP_PRGR 0x084

/* ------------------------------------------------------------------ the unit */

struct hw_write {
	uint32_t reg;
	uint64_t value;
};

static struct {
	uint64_t regs[RISCV_REG_SIZE / 8];
	uint64_t caps;
	uint32_t ddtp_modes;    /* bits: those that it takes */
	uint32_t log2sz_max;    /* of a queue, minus 1 */
	uint32_t fctl_fixed;    /* bits that cannot be cleared */
	/* how it misbehaves: times */
	uint32_t refuse;        /* cmd_ill, or refuse_error, at the next command */
	uint32_t refuse_op;     /* the same at each command with this opcode; 0: none */
	uint32_t refuse_error;
	uint32_t late;          /* cmd_to at a fence with invalidations of devices before it */
	bool write_faults;      /* cqmf at a fence that writes */
	bool dead;              /* takes no commands */
	bool by_tail;           /* takes commands only when cqt is written */
	bool csr_stuck;         /* queues go neither on nor off */
	bool busy;              /* csr and ddtp show busy */
	bool gone;              /* all ones */
	/* what it has seen */
	uint32_t atcs;          /* invalidations of devices since the last fence */
	uint64_t responses;
	bool out_of_order;
	struct riscv_cmd seen[SEEN_MAX]; /* the first commands that are neither */
	uint32_t nb_seen;
	uint32_t fences;        /* of the data path: they write nothing */
	struct riscv_cmd answered[SEEN_MAX]; /* the first responses */
	struct hw_write writes[WRITES_MAX]; /* the first */
	uint32_t nb_writes;
	uint32_t cqt_writes;
	uint32_t pqh_writes;
	uint32_t pqcsr_reads;
	uint32_t fqcsr_reads;
} hw;

static struct uiommu_dev dev;
static struct riscv *riscv;
static struct riscv_queue *queue;

static uint32_t *
hw_reg(uint32_t offset)
{
	assert_true(offset < RISCV_REG_SIZE && offset % 4 == 0);
	return (uint32_t *)hw.regs + offset / 4;
}

static uint64_t *
hw_reg64(uint32_t offset)
{
	assert_true(offset < RISCV_REG_SIZE && offset % 8 == 0);
	return &hw.regs[offset / 8];
}

static void *
hw_ring(uint32_t base_reg)
{
	return rig_va((*hw_reg64(base_reg) & RISCV_PPN_FIELD_MASK) << 2);
}

static uint32_t
hw_mask(uint32_t base_reg)
{
	return (UINT32_C(2) << (*hw_reg64(base_reg) & 0x1f)) - 1;
}

/* A response: its number is in the index */
static void
hw_answer(const struct riscv_cmd *cmd)
{
	if (hw.responses < SEEN_MAX)
		hw.answered[hw.responses] = *cmd;
	hw.out_of_order |= (cmd->q[1] >> 32 & 0x1ff) != (hw.responses & 0x1ff);
	hw.responses++;
}

static void
hw_fence(const struct riscv_cmd *cmd)
{
	hw.atcs = 0;
	if ((cmd->q[0] & RISCV_IOFENCE0_AV) != 0)
		*(uint32_t *)rig_va(cmd->q[1] << 2) = (uint32_t)(cmd->q[0] >> 32);
}

/* @return what the command ends with; 0: well */
static uint32_t
hw_error_of(const struct riscv_cmd *cmd)
{
	const uint32_t op = cmd->q[0] & 0x3ff;

	if (hw.refuse != 0 || (hw.refuse_op != 0 && hw.refuse_op == op)) {
		hw.refuse -= hw.refuse != 0;
		return hw.refuse_error;
	}
	if (op != OP_FENCE)
		return 0;
	if (hw.atcs != 0 && hw.late != 0) {
		hw.late--;
		hw.atcs = 0;
		return RISCV_CQCSR_CMD_TO;
	}
	return hw.write_faults && (cmd->q[0] & RISCV_IOFENCE0_AV) != 0 ? RISCV_CSR_MF : 0;
}

static void
hw_execute(const struct riscv_cmd *cmd)
{
	const uint32_t op = cmd->q[0] & 0x3ff;

	if (op == OP_PRGR) {
		hw_answer(cmd);
		return;
	}
	hw.atcs += op == OP_ATS_INVAL;
	if (op == OP_FENCE)
		hw_fence(cmd);
	/* of those that end a burst of responses only how many there were */
	if (op == OP_FENCE && (cmd->q[0] & ~UINT64_C(0x3ff)) == 0 && hw.responses != 0)
		hw.fences++;
	else if (hw.nb_seen < SEEN_MAX)
		hw.seen[hw.nb_seen++] = *cmd;
}

static void
hw_run(void)
{
	const struct riscv_cmd *ring = hw_ring(RISCV_REG_CQB);
	uint32_t *cqh = hw_reg(RISCV_REG_CQH), *csr = hw_reg(RISCV_REG_CQCSR);
	const uint32_t errors = RISCV_CSR_MF | RISCV_CQCSR_CMD_TO | RISCV_CQCSR_CMD_ILL;

	if ((*csr & RISCV_CSR_ON) == 0)
		return;
	while (*cqh != *hw_reg(RISCV_REG_CQT) && !hw.dead && (*csr & errors) == 0) {
		*csr |= hw_error_of(&ring[*cqh]);
		if ((*csr & errors) != 0)
			return;
		hw_execute(&ring[*cqh]);
		*cqh = (*cqh + 1) & hw_mask(RISCV_REG_CQB);
	}
}

/* An entry into a queue that the unit fills: words of it, unless it is full */
static void
hw_fill(uint32_t base_reg, uint32_t head_reg, uint32_t tail_reg, uint32_t csr_reg,
	const uint64_t *words, uint32_t nb)
{
	uint64_t *ring = hw_ring(base_reg);
	uint32_t *tail = hw_reg(tail_reg), *csr = hw_reg(csr_reg);
	const uint32_t mask = hw_mask(base_reg);

	if ((*csr & RISCV_CSR_ON) == 0 || (*csr & (RISCV_CSR_OF | RISCV_CSR_MF)) != 0)
		return;
	if (((*tail + 1) & mask) == *hw_reg(head_reg)) {
		*csr |= RISCV_CSR_OF;
		return;
	}
	memcpy(&ring[(size_t)*tail * nb], words, nb * sizeof(*words));
	*tail = (*tail + 1) & mask;
}

static inline void
hw_request(uint64_t w0, uint64_t w1)
{
	hw_fill(RISCV_REG_PQB, RISCV_REG_PQH, RISCV_REG_PQT, RISCV_REG_PQCSR,
		(const uint64_t[]){w0, w1}, 2);
}

/* A sound one: PASID 1, page and index the same running number */
static inline void
hw_request_number(uint32_t n)
{
	hw_request((uint64_t)DID << 40 | UINT64_C(1) << 32 | 1 << 12,
		   (uint64_t)n << 12 | (n & 0x1ff) << 3 | 5);
}

static inline void
hw_fault(uint64_t w0, uint64_t iotval)
{
	hw_fill(RISCV_REG_FQB, RISCV_REG_FQH, RISCV_REG_FQT, RISCV_REG_FQCSR,
		(const uint64_t[]){w0, UINT64_MAX, iotval, UINT64_MAX}, 4);
}

static uint32_t
read32(struct uiommu_platform *plat, uint32_t offset)
{
	uint32_t value;

	(void)plat;
	if (hw.gone)
		return UINT32_MAX;
	if (!hw.by_tail)
		hw_run();
	hw.pqcsr_reads += offset == RISCV_REG_PQCSR;
	hw.fqcsr_reads += offset == RISCV_REG_FQCSR;
	value = *hw_reg(offset);
	if (!hw.busy)
		return value;
	if (offset == RISCV_REG_CQCSR || offset == RISCV_REG_FQCSR || offset == RISCV_REG_PQCSR)
		value |= RISCV_CSR_BUSY;
	return offset == RISCV_REG_DDTP ? value | (uint32_t)RISCV_DDTP_BUSY : value;
}

static uint64_t
read64(struct uiommu_platform *plat, uint32_t offset)
{
	(void)plat;
	if (hw.gone)
		return UINT64_MAX;
	return offset == RISCV_REG_CAPABILITIES ? hw.caps : *hw_reg64(offset);
}

static void
hw_note(uint32_t offset, uint64_t value)
{
	if (hw.nb_writes < WRITES_MAX)
		hw.writes[hw.nb_writes++] = (struct hw_write){offset, value};
}

/* Enable, and bits that are cleared by 1; an index of the unit's begins at 0 */
static void
hw_csr_write(uint32_t csr_reg, uint32_t index_reg, uint32_t value)
{
	uint32_t *csr = hw_reg(csr_reg);
	const uint32_t errors = RISCV_CSR_MF | RISCV_CSR_OF | RISCV_CQCSR_CMD_ILL;

	assert_false(hw.busy);
	if ((value & RISCV_CSR_EN) != 0 && (*csr & RISCV_CSR_EN) == 0) {
		*csr = 0;
		*hw_reg(index_reg) = 0;
	}
	*csr &= ~(value & errors) & ~(RISCV_CSR_EN | RISCV_CSR_IE);
	*csr |= value & (RISCV_CSR_EN | RISCV_CSR_IE);
	if (hw.csr_stuck)
		return;
	*csr = (*csr & ~RISCV_CSR_ON) | ((value & RISCV_CSR_EN) != 0 ? RISCV_CSR_ON : 0);
}

static void
write32(struct uiommu_platform *plat, uint32_t offset, uint32_t value)
{
	(void)plat;
	hw_note(offset, value);
	hw.cqt_writes += offset == RISCV_REG_CQT;
	hw.pqh_writes += offset == RISCV_REG_PQH;
	switch (offset) {
	case RISCV_REG_CQCSR:
		hw_csr_write(offset, RISCV_REG_CQH, value);
		break;
	case RISCV_REG_FQCSR:
		hw_csr_write(offset, RISCV_REG_FQT, value);
		break;
	case RISCV_REG_PQCSR:
		hw_csr_write(offset, RISCV_REG_PQT, value);
		break;
	case RISCV_REG_IPSR:
		*hw_reg(offset) &= ~value;
		break;
	case RISCV_REG_FCTL:
		*hw_reg(offset) = value | hw.fctl_fixed;
		break;
	default:
		*hw_reg(offset) = value;
		break;
	}
	if (!hw.by_tail || offset == RISCV_REG_CQT)
		hw_run();
}

/* Only while the queue is off, and no larger than it can be */
static void
hw_base_write(uint32_t base_reg, uint32_t csr_reg, uint64_t value)
{
	const uint64_t order = RTE_MIN(value & 0x1f, (uint64_t)hw.log2sz_max);

	assert_int_equal(*hw_reg(csr_reg) & RISCV_CSR_ON, 0);
	*hw_reg64(base_reg) = (value & ~UINT64_C(0x1f)) | order;
}

static void
hw_ddtp_write(uint64_t value)
{
	const uint64_t from = *hw_reg64(RISCV_REG_DDTP) & 0xf;
	const uint64_t to = value & 0xf;

	assert_false(hw.busy);
	/* levels from Off or Bare only, Bare from Off only */
	assert_true(to == 0 || from == 0 || (from == 1 && to > 1));
	if ((hw.ddtp_modes >> to & 1) != 0)
		*hw_reg64(RISCV_REG_DDTP) = value;
}

static void
write64(struct uiommu_platform *plat, uint32_t offset, uint64_t value)
{
	(void)plat;
	hw_note(offset, value);
	switch (offset) {
	case RISCV_REG_DDTP:
		hw_ddtp_write(value);
		return;
	case RISCV_REG_CQB:
		hw_base_write(offset, RISCV_REG_CQCSR, value);
		return;
	case RISCV_REG_FQB:
		hw_base_write(offset, RISCV_REG_FQCSR, value);
		return;
	default:
		assert_int_equal(offset, RISCV_REG_PQB);
		hw_base_write(offset, RISCV_REG_PQCSR, value);
		return;
	}
}

/* ------------------------------------------------------------------------ rig */

#define RIG(name) riscv_##name
#define RIG_ENDPOINT DID
#include "driver_rig_use.h"

/* A unit that can do everything */
#define CAPS_ALL                                                                                   \
	(UINT64_C(0x10) | RISCV_CAP_SV39 | RISCV_CAP_SV48 | RISCV_CAP_SV57 | RISCV_CAP_SV48X4 |    \
	 RISCV_CAP_MSI_FLAT | RISCV_CAP_AMO_HWAD | RISCV_CAP_ATS | UINT64_C(56) << 32 |            \
	 RISCV_CAP_PD8 | RISCV_CAP_PD17 | RISCV_CAP_PD20 | RISCV_CAP_NL | RISCV_CAP_S)

static inline void
hw_reset(void)
{
	dev_reset(RISCV_REG_SIZE);
	hw.caps = CAPS_ALL;
	hw.ddtp_modes = 0x1f;
	hw.log2sz_max = 31;
	hw.refuse_error = RISCV_CQCSR_CMD_ILL;
}

static inline int
unit_probe(void)
{
	int ret = riscv_probe(&dev, &hw_args);

	riscv = ret == 0 ? dev.dev_private : NULL;
	queue = ret == 0 ? &riscv->queue : NULL;
	return ret;
}

/* A unit that runs, with queues of ENTRIES entries */
static inline int
unit_start(void)
{
	if (unit_probe() != 0)
		return -1;
	riscv->fq_entries = ENTRIES;
	if (unit_configure(UIOMMU_STOP_OFF) != 0 || riscv_start(&dev) != 0)
		return -1;
	hw.nb_seen = 0;
	hw.cqt_writes = 0;
	hw.nb_writes = 0;
	return 0;
}

static inline int
set_up(void **state)
{
	(void)state;
	hw_reset();
	return unit_start();
}

/* Without process directories */
static inline int
set_up_plain(void **state)
{
	(void)state;
	hw_reset();
	hw.caps &= ~(RISCV_CAP_PD8 | RISCV_CAP_PD17 | RISCV_CAP_PD20);
	return unit_start();
}

static inline int
tear_down(void **state)
{
	(void)state;
	if (dev.dev_private == NULL)
		return 0;
	hw.dead = false;
	hw.busy = false;
	hw.refuse_op = 0;
	riscv_close(&dev);
	return 0;
}

/* Commands, then the fence that is waited for, and nothing else */
static inline void
assert_seen(const struct riscv_cmd *cmds, uint32_t n)
{
	const struct riscv_cmd *fence = assert_seen_before_wait(cmds, n);

	/* AV, PR, PW; where it writes */
	assert_int_equal(fence->q[0] & 0xffffffff, 0x3402);
	assert_true(fence->q[1] << 2 == riscv->status_mem.pa);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define PLAIN_CASE(name) cmocka_unit_test_setup_teardown(name, set_up_plain, tear_down)

#endif /* RISCV_RIG_H */
