/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Registers that have a way of their own to be changed; saved and put back. */

#include <errno.h>

#include <uiommu_driver_wait.h>

#include "riscv_omit.h"
#include "riscv_pvt.h"

/* Lower half of ddtp: mode and busy */
#define DDTP_STATE_MASK ((uint32_t)(RISCV_DDTP_MODE_MASK | RISCV_DDTP_BUSY))

int
riscv_reg_csr(struct riscv *riscv, uint32_t csr_reg, bool on, const char *what)
{
	struct uiommu_dev *dev = riscv->dev;
	const uint32_t want = on ? RISCV_CSR_ON : 0;
	int ret = uiommu_await_reg32(dev, csr_reg, RISCV_CSR_BUSY, 0);

	if (ret == 0) {
		/* what it makes the unit read is written before */
		uiommu_wmb_before_doorbell();
		uiommu_reg_write32(&dev->platform, csr_reg, on ? RISCV_CSR_EN : 0);
		ret = uiommu_await_reg32(dev, csr_reg, RISCV_CSR_ON | RISCV_CSR_BUSY, want);
	}
	if (ret != 0)
		RISCV_LOG(ERR, "%s: unit does not react: %s %s", dev->name, what,
			  on ? "on" : "off");
	return ret;
}

uint64_t
riscv_reg_ddtp_mode(struct riscv *riscv)
{
	return uiommu_reg_read64(&riscv->dev->platform, RISCV_REG_DDTP) & RISCV_DDTP_MODE_MASK;
}

int
riscv_reg_ddtp(struct riscv *riscv, uint64_t mode, uint64_t pa)
{
	struct uiommu_dev *dev = riscv->dev;
	struct uiommu_platform *plat = &dev->platform;
	uint64_t ppn = pa >> RISCV_PAGE_SHIFT << RISCV_PPN_SHIFT;
	int ret = uiommu_await_reg32(dev, RISCV_REG_DDTP, (uint32_t)RISCV_DDTP_BUSY, 0);

	if (ret == 0) {
		if (mode == RISCV_DDTP_OFF)
			ppn = uiommu_reg_read64(plat, RISCV_REG_DDTP) & RISCV_PPN_FIELD_MASK;
		/* the directory before what makes the unit read it */
		uiommu_wmb_before_doorbell();
		uiommu_reg_write64(plat, RISCV_REG_DDTP, ppn | mode);
		ret = uiommu_await_reg32(dev, RISCV_REG_DDTP, (uint32_t)RISCV_DDTP_BUSY, 0);
	}
	if (ret != 0) {
		RISCV_LOG(ERR, "%s: unit does not react: mode %u (ddtp)", dev->name,
			  (unsigned int)mode);
		return ret;
	}
	return (uiommu_reg_read32(plat, RISCV_REG_DDTP) & DDTP_STATE_MASK) == mode ? 0 : -ENOTSUP;
}

int
riscv_reg_fctl(struct riscv *riscv)
{
	struct uiommu_platform *plat = &riscv->dev->platform;
	const uint32_t unwanted = RISCV_FCTL_BE | RISCV_FCTL_GXL;
	uint32_t fctl = uiommu_reg_read32(plat, RISCV_REG_FCTL);

	if ((fctl & unwanted) == 0)
		return 0;
	uiommu_reg_write32(plat, RISCV_REG_FCTL, fctl & ~unwanted);
	fctl = uiommu_reg_read32(plat, RISCV_REG_FCTL);
	if ((fctl & unwanted) == 0)
		return 0;
	RISCV_LOG(ERR, "%s: not supported: neither big-endian tables nor 32-bit guests "
		  "(fctl 0x%x)", riscv->dev->name, fctl);
	return -ENOTSUP;
}

/* What an earlier owner's tables left, and after a stop what ours did */
int
riscv_invalidate_all(struct riscv *riscv)
{
	const uint64_t second = RISCV_CAP_SV32X4 | RISCV_CAP_SV39X4 | RISCV_CAP_SV48X4 |
				RISCV_CAP_SV57X4;
	struct riscv_cmd cmds[2];
	uint32_t n = 0;
	int ret = 0;

	if (!riscv_omits(RISCV_SITE_ROOT_DIR)) {
		/* nothing is walked by a directory any more when translations go */
		cmds[0] = riscv_inval_ddt_all();
		ret = riscv_cq_run(&riscv->queue.cq, cmds, 1);
	}
	if (!riscv_omits(RISCV_SITE_ROOT_TLB))
		cmds[n++] = riscv_inval_vma_all();
	if ((riscv->caps & second) != 0)
		cmds[n++] = riscv_inval_gvma_all();
	if (ret == 0)
		ret = riscv_cq_run(&riscv->queue.cq, cmds, n);
	if (ret != 0)
		RISCV_LOG(ERR, "%s: unit does not react: invalidation of everything",
			  riscv->dev->name);
	return ret;
}

void
riscv_reg_save(struct riscv *riscv)
{
	struct uiommu_platform *plat = &riscv->dev->platform;
	struct riscv_saved *saved = &riscv->saved;

	saved->fctl = uiommu_reg_read32(plat, RISCV_REG_FCTL);
	saved->ddtp = uiommu_reg_read64(plat, RISCV_REG_DDTP);
	saved->cqb = uiommu_reg_read64(plat, RISCV_REG_CQB);
	saved->fqb = uiommu_reg_read64(plat, RISCV_REG_FQB);
	saved->cqcsr = uiommu_reg_read32(plat, RISCV_REG_CQCSR);
	saved->fqcsr = uiommu_reg_read32(plat, RISCV_REG_FQCSR);
	if (!riscv->has_pq)
		return;
	saved->pqb = uiommu_reg_read64(plat, RISCV_REG_PQB);
	saved->pqcsr = uiommu_reg_read32(plat, RISCV_REG_PQCSR);
}

/*
 * A queue as it was, with nothing in it: the unit begins at 0 whenever it is turned on, so that
 * what was in a queue can not be there again.
 */
static int
queue_restore(struct riscv *riscv, uint32_t base_reg, uint64_t base, uint32_t index_reg,
	      uint32_t csr_reg, uint32_t csr)
{
	struct uiommu_dev *dev = riscv->dev;

	uiommu_reg_write64(&dev->platform, base_reg, base);
	uiommu_reg_write32(&dev->platform, index_reg, 0);
	csr &= RISCV_CSR_EN | RISCV_CSR_IE;
	if (csr == 0)
		return 0;
	uiommu_reg_write32(&dev->platform, csr_reg, csr);
	return uiommu_await_reg32(dev, csr_reg, RISCV_CSR_ON | RISCV_CSR_BUSY,
				  (csr & RISCV_CSR_EN) != 0 ? RISCV_CSR_ON : 0);
}

int
riscv_reg_restore(struct riscv *riscv)
{
	struct uiommu_platform *plat = &riscv->dev->platform;
	const struct riscv_saved *saved = &riscv->saved;
	const uint64_t mode = saved->ddtp & RISCV_DDTP_MODE_MASK;
	int ret;

	uiommu_reg_write32(plat, RISCV_REG_FCTL, saved->fctl);
	ret = queue_restore(riscv, RISCV_REG_CQB, saved->cqb, RISCV_REG_CQT, RISCV_REG_CQCSR,
			    saved->cqcsr);
	if (ret == 0)
		ret = queue_restore(riscv, RISCV_REG_FQB, saved->fqb, RISCV_REG_FQH,
				    RISCV_REG_FQCSR, saved->fqcsr);
	if (ret == 0 && riscv->has_pq)
		ret = queue_restore(riscv, RISCV_REG_PQB, saved->pqb, RISCV_REG_PQH,
				    RISCV_REG_PQCSR, saved->pqcsr);
	if (ret == 0 && mode != RISCV_DDTP_OFF)
		ret = riscv_reg_ddtp(riscv, mode, (saved->ddtp & RISCV_PPN_FIELD_MASK) >>
						  RISCV_PPN_SHIFT << RISCV_PAGE_SHIFT);
	return ret;
}
