/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef SMMUV3_RIG_H
#define SMMUV3_RIG_H

/*
 * What the tests of the SMMUv3 driver stand on: memory of the process, and the unit's half of the
 * registers and queues as the manual has it (S 3.5, 6.3, 7.1). Responses carry a running number, so
 * that one lost, doubled or out of order shows. The driver's sources are part of the program.
 */

#include "driver_rig.h"

#include <uiommu_driver_wait.h>

#include <smmuv3_args.c>
#include <smmuv3_cmd.c>
#include <smmuv3_cmdq.c>
#include <smmuv3_ctrl.c>
#include <smmuv3_domain.c>
#include <smmuv3_event.c>
#include <smmuv3_inval.c>
#include <smmuv3_probe.c>
#include <smmuv3_queue.c>
#include <smmuv3_reg.c>
#include <smmuv3_storm.c>
#include <smmuv3_stream.c>
#include <smmuv3_table.c>

#define ENTRIES 512  /* of each queue */
#define SID 0x0302
#define SEEN_MAX 2048
#define WRITES_MAX 256

/* ------------------------------------------------------------------ the unit */

struct hw_write {
	uint32_t reg;
	uint64_t value;
};

static struct {
	uint32_t regs32[SMMUV3_REG_PRIQ_IRQ_CFG2 / 4 + 1]; /* page 0 */
	uint64_t strtab_base, cmdq_base, eventq_base, priq_base;
	uint32_t priq_prod, priq_cons, eventq_prod, eventq_cons;
	uint32_t idr0, idr1, idr3, idr5;
	struct smmuv3_pri pri[ENTRIES];
	struct smmuv3_event event[ENTRIES];
	struct smmuv3_cmd cmds[ENTRIES];
	uint32_t status;
	/* how it misbehaves: times */
	uint32_t refuse;        /* CERROR at the next command */
	uint32_t refuse_op;     /* CERROR at each command with this opcode; 0: none */
	uint32_t refuse_error;  /* SMMUV3_CERROR_* */
	uint32_t atc_late;      /* CERROR_ATC_INV_SYNC at a CMD_SYNC with invalidations before it */
	bool msi_abort;
	bool dead;              /* takes no commands */
	bool ack_stuck;         /* CR0ACK does not follow */
	bool gbpa_stuck;
	bool gone;              /* all ones */
	/* what it has seen */
	uint32_t atcs;          /* invalidations of devices since the last CMD_SYNC */
	uint64_t responses;
	bool out_of_order;
	struct smmuv3_cmd seen[SEEN_MAX]; /* the first commands that are no responses */
	uint32_t nb_seen;
	struct smmuv3_cmd answered[SEEN_MAX]; /* the first responses */
	struct hw_write writes[WRITES_MAX]; /* the first */
	uint32_t nb_writes;
	uint32_t prod_writes;
	uint32_t priq_cons_writes;
	uint32_t priq_looks;   /* reads of PRIQ_PROD */
	uint32_t eventq_looks; /* and of EVENTQ_PROD */
} hw;

static struct uiommu_dev dev;
static struct smmuv3 *smmu;
static struct smmuv3_queue *queue;

static uint32_t *
hw_reg(uint32_t offset)
{
	assert_true(offset / 4 < RTE_DIM(hw.regs32));
	return &hw.regs32[offset / 4];
}

static bool
hw_cmdq_stopped(void)
{
	return ((*hw_reg(SMMUV3_REG_GERROR) ^ *hw_reg(SMMUV3_REG_GERRORN)) &
		SMMUV3_GERROR_CMDQ) != 0;
}

static void
hw_error(uint32_t error)
{
	uint32_t *cons = hw_reg(SMMUV3_REG_CMDQ_CONS);

	*cons = (*cons & SMMUV3_QUEUE_INDEX_MASK) | error << SMMUV3_CMDQ_CONS_ERR_SHIFT;
	*hw_reg(SMMUV3_REG_GERROR) ^= SMMUV3_GERROR_CMDQ;
}

/* A response: its number is in the index */
static void
hw_answer(const struct smmuv3_cmd *cmd)
{
	if (hw.responses < SEEN_MAX)
		hw.answered[hw.responses] = *cmd;
	hw.out_of_order |= (cmd->q[1] & 0x1ff) != (hw.responses & 0x1ff);
	hw.responses++;
}

/* @return whether the command is over */
static bool
hw_execute(const struct smmuv3_cmd *cmd)
{
	const uint32_t op = cmd->q[0] & 0xff;

	if (op == SMMUV3_CMD_SYNC && hw.atcs != 0 && hw.atc_late != 0) {
		hw.atc_late--;
		hw.atcs = 0;
		hw_error(SMMUV3_CERROR_ATC_INV_SYNC);
		return false;
	}
	if (op == SMMUV3_CMD_PRI_RESP || op == SMMUV3_CMD_RESUME) {
		hw_answer(cmd);
		return true;
	}
	if (hw.nb_seen < SEEN_MAX)
		hw.seen[hw.nb_seen++] = *cmd;
	hw.atcs = op == SMMUV3_CMD_SYNC ? 0 : hw.atcs + (op == SMMUV3_CMD_ATC_INV);
	if (op != SMMUV3_CMD_SYNC || (cmd->q[0] >> 12 & 3) != SMMUV3_CS_IRQ)
		return true;
	if (hw.msi_abort)
		*hw_reg(SMMUV3_REG_GERROR) ^=
			~(*hw_reg(SMMUV3_REG_GERROR) ^ *hw_reg(SMMUV3_REG_GERRORN)) &
			SMMUV3_GERROR_MSI_CMDQ_ABT;
	else
		*(uint32_t *)(uintptr_t)cmd->q[1] = (uint32_t)(cmd->q[0] >> 32);
	return true;
}

static void
hw_run(void)
{
	const uint32_t order = hw.cmdq_base & 0x1f;
	const uint32_t wrap = (UINT32_C(2) << order) - 1;
	const struct smmuv3_cmd *ring =
		(const void *)(uintptr_t)(hw.cmdq_base & SMMUV3_QUEUE_BASE_ADDR_MASK);
	uint32_t *cons = hw_reg(SMMUV3_REG_CMDQ_CONS);

	if ((*hw_reg(SMMUV3_REG_CR0ACK) & SMMUV3_CR0_CMDQEN) == 0)
		return;
	while (((*hw_reg(SMMUV3_REG_CMDQ_PROD) ^ *cons) & wrap) != 0 && !hw.dead &&
	       !hw_cmdq_stopped()) {
		const struct smmuv3_cmd *cmd = &ring[*cons & (wrap >> 1)];
		const uint32_t op = cmd->q[0] & 0xff;

		if (hw.refuse != 0 || (hw.refuse_op != 0 && hw.refuse_op == op)) {
			hw.refuse -= hw.refuse != 0;
			hw_error(hw.refuse_error);
			return;
		}
		if (!hw_execute(cmd))
			return;
		*cons = (*cons + 1) & wrap;
	}
}

static void
hw_event_raw(uint64_t w0, uint64_t w1, uint64_t w2)
{
	const uint32_t at = hw.eventq_prod & (ENTRIES - 1);

	if (((hw.eventq_prod ^ hw.eventq_cons) & (2 * ENTRIES - 1)) == ENTRIES) {
		/* S 7.4: discarded */
		if (((hw.eventq_prod ^ hw.eventq_cons) & SMMUV3_PROD_OVFLG) == 0)
			hw.eventq_prod ^= SMMUV3_PROD_OVFLG;
		return;
	}
	hw.event[at] = (struct smmuv3_event){{w0, w1, w2, UINT64_MAX}};
	hw.eventq_prod = (hw.eventq_prod & SMMUV3_PROD_OVFLG) |
			 ((hw.eventq_prod + 1) & (2 * ENTRIES - 1));
}

/* A stall of SSID 1 by number */
static inline void
hw_stall(uint32_t sid, uint32_t number)
{
	hw_event_raw(SMMUV3_EVT_F_TRANSLATION | SMMUV3_EVT0_SSV | 1 << 12 | (uint64_t)sid << 32,
		     SMMUV3_EVT1_STALL | SMMUV3_EVT1_RNW | (number & 0xffff),
		     (uint64_t)number << 12 | 0x123);
}

/* S 8.1 */
static void
hw_request(uint64_t w0, uint64_t w1)
{
	if (((hw.priq_prod ^ hw.priq_cons) & SMMUV3_PROD_OVFLG) != 0)
		return;
	if (((hw.priq_prod ^ hw.priq_cons) & (2 * ENTRIES - 1)) == ENTRIES) {
		hw.priq_prod ^= SMMUV3_PROD_OVFLG;
		return;
	}
	hw.pri[hw.priq_prod & (ENTRIES - 1)] = (struct smmuv3_pri){{w0, w1}};
	hw.priq_prod = (hw.priq_prod & SMMUV3_PROD_OVFLG) |
		       ((hw.priq_prod + 1) & (2 * ENTRIES - 1));
}

/* A sound one: PASID 1, page and index the same running number */
static inline void
hw_request_number(uint32_t n)
{
	hw_request(SMMUV3_PRI0_SSV | SMMUV3_PRI0_LAST | SMMUV3_PRI0_R | UINT64_C(1) << 32 | SID,
		   (uint64_t)n << 12 | (n & 0x1ff));
}

static uint32_t
read32(struct uiommu_platform *plat, uint32_t offset)
{
	(void)plat;
	if (hw.gone)
		return UINT32_MAX;
	hw_run();
	switch (offset) {
	case SMMUV3_REG_IDR0:
		return hw.idr0;
	case SMMUV3_REG_IDR1:
		return hw.idr1;
	case SMMUV3_REG_IDR3:
		return hw.idr3;
	case SMMUV3_REG_IDR5:
		return hw.idr5;
	case SMMUV3_REG_EVENTQ_PROD:
		hw.eventq_looks++;
		return hw.eventq_prod;
	case SMMUV3_REG_EVENTQ_CONS:
		return hw.eventq_cons;
	case SMMUV3_REG_PRIQ_PROD:
		hw.priq_looks++;
		return hw.priq_prod;
	case SMMUV3_REG_PRIQ_CONS:
		return hw.priq_cons;
	default:
		return *hw_reg(offset);
	}
}

static uint64_t *
hw_reg64(uint32_t offset)
{
	switch (offset) {
	case SMMUV3_REG_STRTAB_BASE:
		return &hw.strtab_base;
	case SMMUV3_REG_CMDQ_BASE:
		return &hw.cmdq_base;
	case SMMUV3_REG_EVENTQ_BASE:
		return &hw.eventq_base;
	default:
		assert_int_equal(offset, SMMUV3_REG_PRIQ_BASE);
		return &hw.priq_base;
	}
}

static uint64_t
read64(struct uiommu_platform *plat, uint32_t offset)
{
	(void)plat;
	return hw.gone ? UINT64_MAX : *hw_reg64(offset);
}

static void
hw_note(uint32_t offset, uint64_t value)
{
	if (hw.nb_writes < WRITES_MAX)
		hw.writes[hw.nb_writes++] = (struct hw_write){offset, value};
}

static void
write32(struct uiommu_platform *plat, uint32_t offset, uint32_t value)
{
	(void)plat;
	hw_note(offset, value);
	switch (offset) {
	case SMMUV3_REG_EVENTQ_PROD:
		hw.eventq_prod = value;
		return;
	case SMMUV3_REG_EVENTQ_CONS:
		hw.eventq_cons = value;
		return;
	case SMMUV3_REG_PRIQ_PROD:
		hw.priq_prod = value;
		return;
	case SMMUV3_REG_PRIQ_CONS:
		hw.priq_cons = value;
		hw.priq_cons_writes++;
		return;
	case SMMUV3_REG_GBPA:
		*hw_reg(offset) = hw.gbpa_stuck ? value : value & ~SMMUV3_GBPA_UPDATE;
		return;
	case SMMUV3_REG_CR0:
		*hw_reg(offset) = value;
		if (!hw.ack_stuck)
			*hw_reg(SMMUV3_REG_CR0ACK) = value;
		return;
	case SMMUV3_REG_IRQ_CTRL:
		*hw_reg(SMMUV3_REG_IRQ_CTRLACK) = value;
		break;
	case SMMUV3_REG_CMDQ_PROD:
		hw.prod_writes++;
		break;
	default:
		break;
	}
	*hw_reg(offset) = value;
	hw_run();
}

static void
write64(struct uiommu_platform *plat, uint32_t offset, uint64_t value)
{
	(void)plat;
	hw_note(offset, value);
	*hw_reg64(offset) = value;
}

/* ------------------------------------------------------------------------ rig */

#define RIG(name) smmuv3_##name
#define RIG_ENDPOINT SID
#include "driver_rig_use.h"

/* A unit that can do everything */
#define IDR0_ALL                                                                                   \
	(SMMUV3_IDR0_S1P | SMMUV3_TTF_AARCH64 << 2 | SMMUV3_IDR0_COHACC |                          \
	 SMMUV3_HTTU_ACCESS_DIRTY << 6 | SMMUV3_IDR0_ATS | SMMUV3_IDR0_ASID16 |                    \
	 SMMUV3_IDR0_MSI | SMMUV3_IDR0_PRI | SMMUV3_IDR0_CD2L | SMMUV3_TTENDIAN_LITTLE << 21 |     \
	 SMMUV3_ST_LEVEL_TWO << 27)
#define IDR1_ALL (16U | 20U << 6 | 19U << 11 | 19U << 16 | 19U << 21)
#define IDR3_ALL (SMMUV3_IDR3_RIL | 2U << 11)
#define IDR5_ALL (SMMUV3_OAS_48 | SMMUV3_IDR5_GRAN4K)

static inline void
hw_reset(void)
{
	dev_reset(SMMUV3_REG_SIZE);
	hw.idr0 = IDR0_ALL;
	hw.idr1 = IDR1_ALL;
	hw.idr3 = IDR3_ALL;
	hw.idr5 = IDR5_ALL;
	hw.refuse_error = SMMUV3_CERROR_ILL;
}

static inline int
unit_probe(void)
{
	int ret = smmuv3_probe(&dev, &hw_args);

	smmu = ret == 0 ? dev.dev_private : NULL;
	queue = ret == 0 ? &smmu->queue : NULL;
	return ret;
}

/* Queues of the rig in place of the driver's, so that both halves see them */
static inline void
queues_swap(void)
{
	queue->pri.ring = hw.pri;
	queue->event.ring = hw.event;
	queue->pri.mask = ENTRIES - 1;
	queue->event.mask = ENTRIES - 1;
}

/* A unit that runs, with queues of ENTRIES entries */
static inline int
unit_start(void)
{
	if (unit_probe() != 0)
		return -1;
	smmu->evtq_entries = ENTRIES;
	smmu->cmdq_entries = ENTRIES;
	if (unit_configure(UIOMMU_STOP_OFF) != 0)
		return -1;
	queues_swap();
	if (smmuv3_start(&dev) != 0)
		return -1;
	hw.nb_seen = 0;
	hw.prod_writes = 0;
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

static inline int
tear_down(void **state)
{
	(void)state;
	if (dev.dev_private == NULL)
		return 0;
	hw.dead = false;
	hw.refuse_op = 0;
	smmuv3_close(&dev);
	return 0;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif /* SMMUV3_RIG_H */
