/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Register file: where registers are, and what they read. These functions run on the driver's
 * thread. What is not there reads 0; accesses that have no defined effect are counted.
 */

#include "emu_reg.h"
#include "riscv_model.h"

/* Distance of the registers of one queue from those of the next, but for the csrs. */
#define QUEUE_STRIDE (RISCV_REG_FQB - RISCV_REG_CQB)
#define QUEUE_HEAD (RISCV_REG_CQH - RISCV_REG_CQB)
#define QUEUE_TAIL (RISCV_REG_CQT - RISCV_REG_CQB)
#define MSI_CFG_END (RISCV_REG_MSI_CFG_TBL + RISCV_MSI_ENTRIES * RISCV_MSI_ENTRY_SIZE)

static bool
has_msi(const struct riscv_model *riscv)
{
	return (riscv->capabilities >> RISCV_CAP_IGS_SHIFT & RISCV_CAP_IGS_MASK) != RISCV_IGS_WSI;
}

/* The registers of a queue. @return NULL: there is no such queue */
static struct riscv_queue *
queue_at(struct riscv_model *riscv, uint32_t index)
{
	if (index >= RISCV_QUEUES || (index == RISCV_PQ && !riscv_has(riscv, RISCV_CAP_ATS)))
		return NULL;
	return &riscv->queues[index];
}

static uint32_t *
queue_register(struct riscv_model *riscv, uint32_t offset)
{
	struct riscv_queue *queue;

	if (offset >= RISCV_REG_CQCSR) {
		queue = queue_at(riscv, (offset - RISCV_REG_CQCSR) / 4);
		return queue != NULL ? &queue->csr : NULL;
	}
	queue = queue_at(riscv, (offset - RISCV_REG_CQB) / QUEUE_STRIDE);
	if (queue == NULL)
		return NULL;
	switch ((offset - RISCV_REG_CQB) % QUEUE_STRIDE) {
	case QUEUE_HEAD:
		return &queue->head;
	case QUEUE_TAIL:
		return &queue->tail;
	default:
		return NULL;
	}
}

uint32_t *
riscv_model_narrow(struct riscv_model *riscv, uint32_t offset)
{
	struct riscv_msi *msi;

	if (offset == RISCV_REG_FCTL)
		return &riscv->fctl;
	if (offset == RISCV_REG_IPSR)
		return &riscv->ipsr;
	if (offset >= RISCV_REG_CQB && offset <= RISCV_REG_PQCSR)
		return queue_register(riscv, offset);
	if (offset >= RISCV_REG_MSI_CFG_TBL && offset < MSI_CFG_END && has_msi(riscv)) {
		msi = &riscv->msi[(offset - RISCV_REG_MSI_CFG_TBL) / RISCV_MSI_ENTRY_SIZE];
		if (offset % RISCV_MSI_ENTRY_SIZE == RISCV_MSI_DATA)
			return &msi->data;
		if (offset % RISCV_MSI_ENTRY_SIZE == RISCV_MSI_VEC_CTL)
			return &msi->control;
	}
	return NULL;
}

uint64_t *
riscv_model_wide(struct riscv_model *riscv, uint32_t offset)
{
	struct riscv_queue *queue;

	switch (offset) {
	case RISCV_REG_CAPABILITIES:
		return &riscv->capabilities;
	case RISCV_REG_DDTP:
		return &riscv->ddtp;
	case RISCV_REG_CQB:
	case RISCV_REG_FQB:
	case RISCV_REG_PQB:
		queue = queue_at(riscv, (offset - RISCV_REG_CQB) / QUEUE_STRIDE);
		return queue != NULL ? &queue->base : NULL;
	case RISCV_REG_TR_REQ_IOVA:
		return riscv_has(riscv, RISCV_CAP_DBG) ? &riscv->tr_iova : NULL;
	case RISCV_REG_TR_REQ_CTL:
		return riscv_has(riscv, RISCV_CAP_DBG) ? &riscv->tr_ctl : NULL;
	case RISCV_REG_TR_RESPONSE:
		return riscv_has(riscv, RISCV_CAP_DBG) ? &riscv->tr_response : NULL;
	case RISCV_REG_ICVEC:
		return &riscv->icvec;
	default:
		break;
	}
	if (offset >= RISCV_REG_MSI_CFG_TBL && offset < MSI_CFG_END && has_msi(riscv) &&
	    offset % RISCV_MSI_ENTRY_SIZE == RISCV_MSI_ADDR)
		return &riscv->msi[(offset - RISCV_REG_MSI_CFG_TBL) / RISCV_MSI_ENTRY_SIZE].pa;
	return NULL;
}

uint32_t
riscv_model_read32(struct uiommu_emu *emu, uint32_t offset)
{
	struct riscv_model *riscv = emu->unit;

	if ((offset & 3) != 0)
		emu_violation(emu, &emu->live.protocol, "register 0x%x read unaligned", offset);
	return emu_reg_index(emu, offset, RISCV_REG_PQT, RISCV_REG_FQT,
			     emu_reg_read(riscv_model_wide(riscv, offset & ~7U),
					  riscv_model_narrow(riscv, offset), offset));
}

uint64_t
riscv_model_read64(struct uiommu_emu *emu, uint32_t offset)
{
	struct riscv_model *riscv = emu->unit;

	/* "Reading and writing IOMMU registers" */
	if ((offset & 7) != 0 || riscv_model_narrow(riscv, offset) != NULL ||
	    riscv_model_narrow(riscv, offset + 4) != NULL)
		emu_violation(emu, &emu->live.protocol,
			      "64 bits read at 0x%x, which is no register of 64 bits", offset);
	/* whether that is one access is nowhere said: the high half comes first */
	return (uint64_t)riscv_model_read32(emu, offset + 4) << 32 |
	       riscv_model_read32(emu, offset);
}
