/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Registers that have a way of their own to be changed, S 6.3; saved and put back. */

#include <errno.h>

#include <uiommu_driver_wait.h>

#include "smmuv3_omit.h"
#include "smmuv3_pvt.h"

int
smmuv3_reg_cr0(struct smmuv3 *smmu, uint32_t bits, bool set, const char *what)
{
	struct uiommu_platform *plat = &smmu->dev->platform;
	const uint32_t now = uiommu_reg_read32(plat, SMMUV3_REG_CR0) & SMMUV3_CR0_DEFINED_MASK;
	int ret;

	/* what the bits make the unit read is written before */
	uiommu_wmb_before_doorbell();
	uiommu_reg_write32(plat, SMMUV3_REG_CR0, set ? now | bits : now & ~bits);
	ret = uiommu_await_reg32(smmu->dev, SMMUV3_REG_CR0ACK, bits, set ? bits : 0);
	if (ret != 0)
		SMMUV3_LOG(ERR, "%s: unit does not react: %s %s", smmu->dev->name, what,
			   set ? "on" : "off");
	return ret;
}

int
smmuv3_reg_gbpa(struct smmuv3 *smmu, uint32_t gbpa)
{
	struct uiommu_dev *dev = smmu->dev;
	int ret = uiommu_await_reg32(dev, SMMUV3_REG_GBPA, SMMUV3_GBPA_UPDATE, 0);

	if (ret == 0) {
		uiommu_reg_write32(&dev->platform, SMMUV3_REG_GBPA, gbpa | SMMUV3_GBPA_UPDATE);
		ret = uiommu_await_reg32(dev, SMMUV3_REG_GBPA, SMMUV3_GBPA_UPDATE, 0);
	}
	if (ret != 0)
		SMMUV3_LOG(ERR, "%s: unit does not react: bypass attributes (GBPA)", dev->name);
	return ret;
}

int
smmuv3_reg_irq(struct smmuv3 *smmu, uint32_t irq_ctrl)
{
	struct uiommu_dev *dev = smmu->dev;
	int ret;

	uiommu_reg_write32(&dev->platform, SMMUV3_REG_IRQ_CTRL, irq_ctrl);
	ret = uiommu_await_reg32(dev, SMMUV3_REG_IRQ_CTRLACK, SMMUV3_IRQ_CTRL_DEFINED_MASK,
				 irq_ctrl & SMMUV3_IRQ_CTRL_DEFINED_MASK);
	if (ret != 0)
		SMMUV3_LOG(ERR, "%s: unit does not react: interrupts (IRQ_CTRL)", dev->name);
	return ret;
}

void
smmuv3_reg_clear_errors(struct smmuv3 *smmu)
{
	struct uiommu_platform *plat = &smmu->dev->platform;
	struct smmuv3_cmdq *cmdq = &smmu->queue.cmdq;

	cmdq->gerrorn = uiommu_reg_read32(plat, SMMUV3_REG_GERROR) & SMMUV3_GERROR_DEFINED_MASK;
	uiommu_reg_write32(plat, SMMUV3_REG_GERRORN, cmdq->gerrorn);
}

/* S 3.11: what an earlier owner's tables left, and after a stop what ours did */
int
smmuv3_invalidate_all(struct smmuv3 *smmu)
{
	struct smmuv3_cmd cmds[3];
	uint32_t n = 0;
	int ret;

	if (!smmuv3_omits(SMMUV3_SITE_ROOT_CONFIG))
		cmds[n++] = smmuv3_cfgi_all();
	if (!smmuv3_omits(SMMUV3_SITE_ROOT_TLB))
		cmds[n++] = smmuv3_tlbi_all();
	if ((smmu->idr0 & SMMUV3_IDR0_HYP) != 0)
		cmds[n++] = smmuv3_tlbi_el2_all();
	ret = smmuv3_cmdq_run(&smmu->queue.cmdq, cmds, n);
	if (ret != 0)
		SMMUV3_LOG(ERR, "%s: unit does not react: invalidation of everything",
			   smmu->dev->name);
	return ret;
}

void
smmuv3_reg_save(struct smmuv3 *smmu)
{
	struct uiommu_platform *plat = &smmu->dev->platform;
	struct smmuv3_saved *saved = &smmu->saved;

	saved->cr0 = uiommu_reg_read32(plat, SMMUV3_REG_CR0) & SMMUV3_CR0_DEFINED_MASK;
	saved->cr1 = uiommu_reg_read32(plat, SMMUV3_REG_CR1);
	saved->cr2 = uiommu_reg_read32(plat, SMMUV3_REG_CR2);
	saved->gbpa = uiommu_reg_read32(plat, SMMUV3_REG_GBPA) & ~SMMUV3_GBPA_UPDATE;
	saved->irq_ctrl = uiommu_reg_read32(plat, SMMUV3_REG_IRQ_CTRL);
	saved->strtab_base = uiommu_reg_read64(plat, SMMUV3_REG_STRTAB_BASE);
	saved->strtab_cfg = uiommu_reg_read32(plat, SMMUV3_REG_STRTAB_BASE_CFG);
	saved->cmdq_base = uiommu_reg_read64(plat, SMMUV3_REG_CMDQ_BASE);
	saved->cmdq_prod = uiommu_reg_read32(plat, SMMUV3_REG_CMDQ_PROD);
	saved->cmdq_cons = uiommu_reg_read32(plat, SMMUV3_REG_CMDQ_CONS);
	saved->eventq_base = uiommu_reg_read64(plat, SMMUV3_REG_EVENTQ_BASE);
	saved->eventq_prod = uiommu_reg_read32(plat, SMMUV3_REG_EVENTQ_PROD);
	saved->eventq_cons = uiommu_reg_read32(plat, SMMUV3_REG_EVENTQ_CONS);
	if (!smmu->has_pri)
		return;
	saved->priq_base = uiommu_reg_read64(plat, SMMUV3_REG_PRIQ_BASE);
	saved->priq_prod = uiommu_reg_read32(plat, SMMUV3_REG_PRIQ_PROD);
	saved->priq_cons = uiommu_reg_read32(plat, SMMUV3_REG_PRIQ_CONS);
}

static int
cr0_restore(struct smmuv3 *smmu)
{
	const uint32_t cr0 = smmu->saved.cr0;
	/* queues before what fills them, as at the start */
	const struct {
		uint32_t bits;
		const char *what;
	} steps[] = {
		{SMMUV3_CR0_CMDQEN, "command queue (CR0.CMDQEN)"},
		{SMMUV3_CR0_EVENTQEN | SMMUV3_CR0_PRIQEN, "event and PRI queues"},
		{SMMUV3_CR0_DEFINED_MASK, "translation (CR0.SMMUEN)"},
	};
	unsigned int i;
	int ret = 0;

	for (i = 0; i < RTE_DIM(steps) && ret == 0; i++)
		if ((cr0 & steps[i].bits) != 0)
			ret = smmuv3_reg_cr0(smmu, cr0 & steps[i].bits, true, steps[i].what);
	return ret;
}

int
smmuv3_reg_restore(struct smmuv3 *smmu)
{
	struct uiommu_platform *plat = &smmu->dev->platform;
	const struct smmuv3_saved *saved = &smmu->saved;
	int ret;

	uiommu_reg_write32(plat, SMMUV3_REG_CR1, saved->cr1);
	uiommu_reg_write32(plat, SMMUV3_REG_CR2, saved->cr2);
	uiommu_reg_write64(plat, SMMUV3_REG_STRTAB_BASE, saved->strtab_base);
	uiommu_reg_write32(plat, SMMUV3_REG_STRTAB_BASE_CFG, saved->strtab_cfg);
	uiommu_reg_write64(plat, SMMUV3_REG_CMDQ_BASE, saved->cmdq_base);
	uiommu_reg_write32(plat, SMMUV3_REG_CMDQ_PROD, saved->cmdq_prod);
	uiommu_reg_write32(plat, SMMUV3_REG_CMDQ_CONS, saved->cmdq_cons);
	uiommu_reg_write64(plat, SMMUV3_REG_EVENTQ_BASE, saved->eventq_base);
	uiommu_reg_write32(plat, SMMUV3_REG_EVENTQ_PROD, saved->eventq_prod);
	uiommu_reg_write32(plat, SMMUV3_REG_EVENTQ_CONS, saved->eventq_cons);
	if (smmu->has_pri) {
		uiommu_reg_write64(plat, SMMUV3_REG_PRIQ_BASE, saved->priq_base);
		uiommu_reg_write32(plat, SMMUV3_REG_PRIQ_PROD, saved->priq_prod);
		uiommu_reg_write32(plat, SMMUV3_REG_PRIQ_CONS, saved->priq_cons);
	}
	ret = smmuv3_reg_gbpa(smmu, saved->gbpa);
	if (ret == 0)
		ret = smmuv3_reg_irq(smmu, saved->irq_ctrl);
	return ret == 0 ? cr0_restore(smmu) : ret;
}
