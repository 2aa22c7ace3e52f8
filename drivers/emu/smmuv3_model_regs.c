/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Register file, S 6.2, 6.3. These functions run on the driver's thread: they store, and leave
 * carrying out to the model's next step. What is not there reads 0 and ignores writes. A write
 * that a register does not take at this time is ignored, as from SMMUv3.2 on, and counted.
 */

#include "emu_reg.h"
#include "smmuv3_model.h"

static uint32_t
load(const uint32_t *reg)
{
	return __atomic_load_n(reg, __ATOMIC_ACQUIRE);
}

void
smmuv3_model_error(struct smmuv3_model *smmu, uint32_t bit)
{
	const uint32_t now = load(&smmu->gerror) ^ load(&smmu->gerrorn);

	if ((now & bit) == 0)
		/* what it stands for is seen by who sees it */
		__atomic_fetch_xor(&smmu->gerror, bit, __ATOMIC_RELEASE);
}

bool
smmuv3_model_error_is_active(const struct smmuv3_model *smmu, uint32_t bit)
{
	return ((load(&smmu->gerror) ^ load(&smmu->gerrorn)) & bit) != 0;
}

/* ------------------------------------------------------------------- where they are */

/* A register of 32 bits. @return NULL: there is none */
static uint32_t *
narrow_at(struct smmuv3_model *smmu, uint32_t offset)
{
	const bool pri = (smmu->idr[0] & SMMUV3_IDR0_PRI) != 0;

	if (offset <= SMMUV3_REG_IDR5)
		return &smmu->idr[offset / 4];
	switch (offset) {
	case SMMUV3_REG_AIDR:
		return &smmu->aidr;
	case SMMUV3_REG_CR0:
		return &smmu->cr0;
	case SMMUV3_REG_CR0ACK:
		return &smmu->cr0ack;
	case SMMUV3_REG_CR1:
		return &smmu->cr1;
	case SMMUV3_REG_CR2:
		return &smmu->cr2;
	case SMMUV3_REG_GBPA:
		return &smmu->gbpa;
	case SMMUV3_REG_IRQ_CTRL:
		return &smmu->irq_ctrl;
	case SMMUV3_REG_IRQ_CTRLACK:
		return &smmu->irq_ctrlack;
	case SMMUV3_REG_GERROR:
		return &smmu->gerror;
	case SMMUV3_REG_GERRORN:
		return &smmu->gerrorn;
	case SMMUV3_REG_STRTAB_BASE_CFG:
		return &smmu->strtab_cfg;
	case SMMUV3_REG_CMDQ_PROD:
		return &smmu->cmdq_prod;
	case SMMUV3_REG_CMDQ_CONS:
		return &smmu->cmdq_cons;
	case SMMUV3_REG_EVENTQ_PROD:
		return &smmu->eventq_prod;
	case SMMUV3_REG_EVENTQ_CONS:
		return &smmu->eventq_cons;
	case SMMUV3_REG_PRIQ_PROD:
		return pri ? &smmu->priq_prod : NULL;
	case SMMUV3_REG_PRIQ_CONS:
		return pri ? &smmu->priq_cons : NULL;
	case SMMUV3_REG_GERROR_IRQ_CFG1:
	case SMMUV3_REG_GERROR_IRQ_CFG2:
		return &smmu->irq_cfg12[0][(offset - SMMUV3_REG_GERROR_IRQ_CFG1) / 4];
	case SMMUV3_REG_EVENTQ_IRQ_CFG1:
	case SMMUV3_REG_EVENTQ_IRQ_CFG2:
		return &smmu->irq_cfg12[1][(offset - SMMUV3_REG_EVENTQ_IRQ_CFG1) / 4];
	case SMMUV3_REG_PRIQ_IRQ_CFG1:
	case SMMUV3_REG_PRIQ_IRQ_CFG2:
		return pri ? &smmu->irq_cfg12[2][(offset - SMMUV3_REG_PRIQ_IRQ_CFG1) / 4] : NULL;
	default:
		return NULL;
	}
}

/* A register of 64 bits. @return NULL: there is none */
static uint64_t *
wide_at(struct smmuv3_model *smmu, uint32_t offset)
{
	const bool pri = (smmu->idr[0] & SMMUV3_IDR0_PRI) != 0;

	switch (offset) {
	case SMMUV3_REG_STRTAB_BASE:
		return &smmu->strtab_base;
	case SMMUV3_REG_CMDQ_BASE:
		return &smmu->cmdq_base;
	case SMMUV3_REG_EVENTQ_BASE:
		return &smmu->eventq_base;
	case SMMUV3_REG_PRIQ_BASE:
		return pri ? &smmu->priq_base : NULL;
	case SMMUV3_REG_GERROR_IRQ_CFG0:
		return &smmu->irq_cfg0[0];
	case SMMUV3_REG_EVENTQ_IRQ_CFG0:
		return &smmu->irq_cfg0[1];
	case SMMUV3_REG_PRIQ_IRQ_CFG0:
		return pri ? &smmu->irq_cfg0[2] : NULL;
	default:
		return NULL;
	}
}

uint32_t
smmuv3_model_read32(struct uiommu_emu *emu, uint32_t offset)
{
	struct smmuv3_model *smmu = emu->unit;

	return emu_reg_index(emu, offset, SMMUV3_REG_PRIQ_PROD, SMMUV3_REG_EVENTQ_PROD,
			     emu_reg_read(wide_at(smmu, offset & ~7U), narrow_at(smmu, offset),
					  offset));
}

uint64_t
smmuv3_model_read64(struct uiommu_emu *emu, uint32_t offset)
{
	return smmuv3_model_read32(emu, offset) |
	       (uint64_t)smmuv3_model_read32(emu, offset + 4) << 32;
}

/* -------------------------------------------------------------------------- writing */

/* Bits of CR0 while which, or whose change, a register is not to be written. */
static uint32_t
guard_of(uint32_t offset)
{
	switch (offset) {
	case SMMUV3_REG_CMDQ_BASE:
	case SMMUV3_REG_CMDQ_CONS:
		return SMMUV3_CR0_CMDQEN;
	case SMMUV3_REG_EVENTQ_BASE:
	case SMMUV3_REG_EVENTQ_PROD:
		return SMMUV3_CR0_EVENTQEN;
	case SMMUV3_REG_PRIQ_BASE:
	case SMMUV3_REG_PRIQ_PROD:
		return SMMUV3_CR0_PRIQEN;
	case SMMUV3_REG_STRTAB_BASE:
	case SMMUV3_REG_STRTAB_BASE_CFG:
	case SMMUV3_REG_CR2:
		return SMMUV3_CR0_SMMUEN;
	case SMMUV3_REG_CR1:
		return SMMUV3_CR0_SMMUEN | SMMUV3_CR0_CMDQEN | SMMUV3_CR0_EVENTQEN |
		       SMMUV3_CR0_PRIQEN;
	default:
		return 0;
	}
}

/* Likewise for interrupts, S 6.3.16 */
static uint32_t
irq_guard_of(uint32_t offset)
{
	switch (offset) {
	case SMMUV3_REG_GERROR_IRQ_CFG0:
	case SMMUV3_REG_GERROR_IRQ_CFG1:
	case SMMUV3_REG_GERROR_IRQ_CFG2:
		return SMMUV3_IRQ_CTRL_GERROR;
	case SMMUV3_REG_EVENTQ_IRQ_CFG0:
	case SMMUV3_REG_EVENTQ_IRQ_CFG1:
	case SMMUV3_REG_EVENTQ_IRQ_CFG2:
		return SMMUV3_IRQ_CTRL_EVENTQ;
	case SMMUV3_REG_PRIQ_IRQ_CFG0:
	case SMMUV3_REG_PRIQ_IRQ_CFG1:
	case SMMUV3_REG_PRIQ_IRQ_CFG2:
		return SMMUV3_IRQ_CTRL_PRIQ;
	default:
		return 0;
	}
}

static bool
is_guarded(struct uiommu_emu *emu, uint32_t offset, uint64_t value)
{
	const struct smmuv3_model *smmu = emu->unit;

	if (((load(&smmu->cr0) | load(&smmu->cr0ack)) & guard_of(offset)) == 0 &&
	    ((load(&smmu->irq_ctrl) | load(&smmu->irq_ctrlack)) & irq_guard_of(offset)) == 0)
		return false;
	emu_violation(emu, &emu->live.protocol,
		      "register 0x%x written with 0x%" PRIx64 " while it is in use", offset, value);
	return true;
}

static void
written(struct smmuv3_model *smmu, uint32_t what)
{
	/* pairs with the acquire exchange in smmuv3_model_commands() */
	__atomic_fetch_or(&smmu->written, what, __ATOMIC_RELEASE);
}

/* A field that is being changed is not to be changed again, S 6.3.9 */
static void
control_write(struct uiommu_emu *emu, uint32_t *reg, const uint32_t *ack, uint32_t value,
	      uint32_t defined, uint32_t what)
{
	const uint32_t old = load(reg);

	if ((value & ~defined) != 0)
		emu_violation(emu, &emu->live.protocol, "reserved bits of %s written: 0x%x",
			      what == SMMUV3_WRITTEN_CR0 ? "CR0" : "IRQ_CTRL", value);
	if (((old ^ value) & (old ^ load(ack)) & defined) != 0)
		emu_violation(emu, &emu->live.protocol,
			      "%s written with 0x%x before 0x%x was acknowledged",
			      what == SMMUV3_WRITTEN_CR0 ? "CR0" : "IRQ_CTRL", value, old);
	__atomic_store_n(reg, value & defined, __ATOMIC_RELEASE);
	written(emu->unit, what);
}

/* S 6.3.14: Update must be set with new values, and none written while it is */
static void
gbpa_write(struct uiommu_emu *emu, uint32_t value)
{
	struct smmuv3_model *smmu = emu->unit;

	if ((load(&smmu->gbpa) & SMMUV3_GBPA_UPDATE) != 0 || (value & SMMUV3_GBPA_UPDATE) == 0) {
		emu_violation(emu, &emu->live.protocol, "GBPA written with 0x%x %s", value,
			      (value & SMMUV3_GBPA_UPDATE) == 0 ? "without Update" :
								  "during an update");
		return;
	}
	__atomic_store_n(&smmu->gbpa_new, value & ~SMMUV3_GBPA_UPDATE, __ATOMIC_RELAXED);
	__atomic_fetch_or(&smmu->gbpa, SMMUV3_GBPA_UPDATE, __ATOMIC_RELEASE);
	written(smmu, SMMUV3_WRITTEN_GBPA);
}

/* Only what is active may be acknowledged, S 6.3.20 */
static void
gerrorn_write(struct uiommu_emu *emu, uint32_t value)
{
	struct smmuv3_model *smmu = emu->unit;
	const uint32_t gerror = load(&smmu->gerror), old = load(&smmu->gerrorn);

	if (((value ^ old) & ~(gerror ^ old)) != 0)
		emu_violation(emu, &emu->live.protocol,
			      "GERRORN written with 0x%x while GERROR is 0x%x", value, gerror);
	/* pairs with the acquire loads of it: what was wrong was put right before */
	__atomic_store_n(&smmu->gerrorn, value & SMMUV3_GERROR_DEFINED_MASK, __ATOMIC_RELEASE);
}

/* Forwards, up to PROD, S 3.5.1. Not looked at while the queue is off. */
static void
cons_check(struct uiommu_emu *emu, const struct smmuv3_output *out, uint32_t enable, uint32_t prod,
	   uint32_t old, uint32_t value)
{
	const struct smmuv3_model *smmu = emu->unit;
	uint32_t mask;

	if ((load(&smmu->cr0ack) & enable) != enable)
		return;
	mask = (2U << out->order) - 1;
	if ((value & ~(SMMUV3_CONS_OVACKFLG | mask)) != 0)
		emu_violation(emu, &emu->live.protocol, "register 0x%x written with 0x%x",
			      out->cons_reg, value);
	if (((prod - value) & mask) > ((prod - old) & mask))
		emu_violation(emu, &emu->live.protocol,
			      "register 0x%x moved from 0x%x to 0x%x, with PROD 0x%x",
			      out->cons_reg, old, value, prod);
}

/* Processed up to PROD, and then acknowledged: S 8.1.1; and never without need */
static void
priq_cons_write(struct uiommu_emu *emu, uint32_t value)
{
	struct smmuv3_model *smmu = emu->unit;
	const uint32_t prod = load(&smmu->priq_prod), old = load(&smmu->priq_cons);

	cons_check(emu, &smmu->priq, SMMUV3_CR0_PRIQEN | SMMUV3_CR0_SMMUEN, prod, old, value);
	if (((value ^ old) & SMMUV3_CONS_OVACKFLG) != 0) {
		if (((prod ^ old) & SMMUV3_PROD_OVFLG) == 0)
			emu_violation(emu, &emu->live.protocol,
				      "PRIQ_CONS 0x%x acknowledges an overflow that is none",
				      value);
		else if (((prod ^ value) & SMMUV3_QUEUE_INDEX_MASK) != 0)
			emu_violation(emu, &emu->live.protocol,
				      "overflow acknowledged with PRIQ_CONS 0x%x, PRIQ_PROD 0x%x",
				      value, prod);
	}
	/* pairs with the acquire load in smmuv3_model_room() */
	__atomic_store_n(&smmu->priq_cons, value, __ATOMIC_SEQ_CST);
}

static void
eventq_cons_write(struct uiommu_emu *emu, uint32_t value)
{
	struct smmuv3_model *smmu = emu->unit;
	const uint32_t prod = load(&smmu->eventq_prod), old = load(&smmu->eventq_cons);

	cons_check(emu, &smmu->eventq, SMMUV3_CR0_EVENTQEN, prod, old, value);
	if (((value ^ old) & SMMUV3_CONS_OVACKFLG) != 0 && ((prod ^ old) & SMMUV3_PROD_OVFLG) == 0)
		emu_violation(emu, &emu->live.protocol,
			      "EVENTQ_CONS 0x%x acknowledges an overflow that is none", value);
	/* pairs with the acquire load in smmuv3_model_room() */
	__atomic_store_n(&smmu->eventq_cons, value, __ATOMIC_SEQ_CST);
}

void
smmuv3_model_write64(struct uiommu_emu *emu, uint32_t offset, uint64_t value)
{
	struct smmuv3_model *smmu = emu->unit;
	uint64_t *reg = wide_at(smmu, offset);

	if (reg == NULL) {
		smmuv3_model_write32(emu, offset, (uint32_t)value);
		smmuv3_model_write32(emu, offset + 4, (uint32_t)(value >> 32));
		return;
	}
	if (is_guarded(emu, offset, value))
		return;
	__atomic_store_n(reg, value, __ATOMIC_RELEASE);
}

static void
half_write(struct uiommu_emu *emu, uint32_t offset, uint32_t value)
{
	const uint32_t base = offset & ~7U;
	uint64_t *reg = wide_at(emu->unit, base);

	if (reg == NULL || is_guarded(emu, base, value))
		return;
	__atomic_store_n(reg,
			 emu_reg_with_half(__atomic_load_n(reg, __ATOMIC_RELAXED), offset, value),
			 __ATOMIC_RELEASE);
}

/* Registers that are neither more nor less than memory, where they may be written. */
static void
plain_write(struct uiommu_emu *emu, uint32_t offset, uint32_t value)
{
	struct smmuv3_model *smmu = emu->unit;
	uint32_t *reg = narrow_at(smmu, offset);

	if (reg == NULL) {
		half_write(emu, offset, value);
		return;
	}
	if (is_guarded(emu, offset, value))
		return;
	/* pairs with the acquire loads of the model: what an index speaks of is there */
	__atomic_store_n(reg, value, __ATOMIC_RELEASE);
	if (offset == SMMUV3_REG_EVENTQ_PROD)
		written(smmu, SMMUV3_WRITTEN_EVENTQ);
	if (offset == SMMUV3_REG_PRIQ_PROD)
		written(smmu, SMMUV3_WRITTEN_PRIQ);
}

void
smmuv3_model_write32(struct uiommu_emu *emu, uint32_t offset, uint32_t value)
{
	struct smmuv3_model *smmu = emu->unit;
	uint32_t defined = SMMUV3_CR0_SMMUEN | SMMUV3_CR0_EVENTQEN | SMMUV3_CR0_CMDQEN;

	switch (offset) {
	case SMMUV3_REG_CR0:
		if ((smmu->idr[0] & SMMUV3_IDR0_PRI) != 0)
			defined |= SMMUV3_CR0_PRIQEN;
		if ((smmu->idr[0] & SMMUV3_IDR0_ATS) != 0)
			defined |= SMMUV3_CR0_ATSCHK;
		control_write(emu, &smmu->cr0, &smmu->cr0ack, value, defined, SMMUV3_WRITTEN_CR0);
		break;
	case SMMUV3_REG_IRQ_CTRL:
		control_write(emu, &smmu->irq_ctrl, &smmu->irq_ctrlack, value,
			      SMMUV3_IRQ_CTRL_DEFINED_MASK, SMMUV3_WRITTEN_IRQ_CTRL);
		break;
	case SMMUV3_REG_GBPA:
		gbpa_write(emu, value);
		break;
	case SMMUV3_REG_GERRORN:
		gerrorn_write(emu, value);
		break;
	case SMMUV3_REG_PRIQ_CONS:
		if ((smmu->idr[0] & SMMUV3_IDR0_PRI) != 0)
			priq_cons_write(emu, value);
		break;
	case SMMUV3_REG_EVENTQ_CONS:
		eventq_cons_write(emu, value);
		break;
	case SMMUV3_REG_CR0ACK:
	case SMMUV3_REG_IRQ_CTRLACK:
	case SMMUV3_REG_GERROR:
		break;
	default:
		if (offset > SMMUV3_REG_AIDR)
			plain_write(emu, offset, value);
	}
}
