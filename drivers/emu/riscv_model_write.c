/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Register file: writing. On the driver's thread: what is written is stored, and what it does is
 * left to the model's next step. A write whose effect is unspecified is ignored, and counted.
 */

#include "emu_reg.h"
#include "riscv_model.h"

/* "designated for custom use" may be written with anything */
#define CSR_CUSTOM UINT32_C(0xf0000000)
#define CSR_READ_ONLY (RISCV_CSR_ON | RISCV_CSR_BUSY)
#define CSR_WRITABLE (RISCV_CSR_EN | RISCV_CSR_IE)
#define FCTL_CUSTOM UINT32_C(0xffff0000)
#define IPSR_BITS (RISCV_IPSR_CIP | RISCV_IPSR_FIP | RISCV_IPSR_PMIP | RISCV_IPSR_PIP)
#define ICVEC_BITS UINT64_C(0xffff)
/* What an index is before software has written it, as far as it has so many bits. */
#define STRANGE_INDEX UINT32_C(0x5a5a5)

static uint32_t
load(const uint32_t *reg)
{
	return __atomic_load_n(reg, __ATOMIC_ACQUIRE);
}

static uint64_t
load64(const uint64_t *reg)
{
	return __atomic_load_n(reg, __ATOMIC_ACQUIRE);
}

static void
written(struct riscv_model *riscv, uint32_t what)
{
	/* pairs with the acquire exchange in riscv_model_commands() */
	__atomic_fetch_or(&riscv->written, what, __ATOMIC_RELEASE);
}

static void
reserved_check(struct uiommu_emu *emu, uint32_t offset, uint64_t value, uint64_t reserved)
{
	if ((value & reserved) != 0)
		emu_violation(emu, &emu->live.protocol,
			      "reserved bits of register 0x%x written: 0x%" PRIx64, offset, value);
}

/* Whether anything is on that a feature must not be changed under. */
static bool
is_active(const struct riscv_model *riscv)
{
	unsigned int queue;

	if ((load64(&riscv->ddtp) & (RISCV_DDTP_MODE_MASK | RISCV_DDTP_BUSY)) != RISCV_DDTP_OFF)
		return true;
	for (queue = 0; queue < RISCV_QUEUES; queue++)
		if ((load(&riscv->queues[queue].csr) & (RISCV_CSR_EN | RISCV_CSR_ON)) != 0)
			return true;
	return false;
}

/* "Features-control register (fctl)": WSI where both ways of interrupts are there; no more */
static void
fctl_write(struct uiommu_emu *emu, uint32_t value)
{
	struct riscv_model *riscv = emu->unit;
	const uint32_t old = load(&riscv->fctl);
	const uint32_t igs = riscv->capabilities >> RISCV_CAP_IGS_SHIFT & RISCV_CAP_IGS_MASK;
	const uint32_t writable = igs == RISCV_IGS_BOTH ? RISCV_FCTL_WSI : 0;

	reserved_check(emu, RISCV_REG_FCTL, value,
		       ~(RISCV_FCTL_BE | RISCV_FCTL_WSI | RISCV_FCTL_GXL | FCTL_CUSTOM));
	if (((old ^ value) & writable) == 0)
		return;
	if (is_active(riscv)) {
		emu_violation(emu, &emu->live.protocol,
			      "fctl written with 0x%x while the unit is on", value);
		return;
	}
	__atomic_store_n(&riscv->fctl, (old & ~writable) | (value & writable), __ATOMIC_RELEASE);
}

/* "Device-directory-table pointer (ddtp)": what software must not do */
static void
ddtp_check(struct uiommu_emu *emu, uint64_t old, uint64_t value)
{
	const uint64_t from = old & RISCV_DDTP_MODE_MASK, to = value & RISCV_DDTP_MODE_MASK;
	const bool had_table = from >= RISCV_DDTP_1LVL;

	reserved_check(emu, RISCV_REG_DDTP, value,
		       ~(RISCV_DDTP_MODE_MASK | RISCV_DDTP_BUSY | RISCV_PPN_FIELD_MASK));
	if (had_table && to != RISCV_DDTP_OFF)
		emu_violation(emu, &emu->live.protocol,
			      "ddtp mode %u changed to %u, not by way of Off", (unsigned int)from,
			      (unsigned int)to);
	else if (from == RISCV_DDTP_BARE && to == RISCV_DDTP_BARE)
		return;
	if (had_table && ((old ^ value) & RISCV_PPN_FIELD_MASK) != 0)
		emu_violation(emu, &emu->live.protocol,
			      "page number of ddtp changed on the way to Off: 0x%" PRIx64, value);
}

static void
ddtp_write(struct uiommu_emu *emu, uint64_t value)
{
	struct riscv_model *riscv = emu->unit;
	const uint64_t old = load64(&riscv->ddtp);
	uint64_t mode = value & RISCV_DDTP_MODE_MASK;

	if ((old & RISCV_DDTP_BUSY) != 0) {
		emu_violation(emu, &emu->live.protocol,
			      "ddtp written with 0x%" PRIx64 " while it is busy", value);
		return;
	}
	ddtp_check(emu, old, value);
	/* WARL: a mode that there is not is not taken */
	if ((riscv->ddt_modes >> mode & 1) == 0)
		mode = old & RISCV_DDTP_MODE_MASK;
	__atomic_store_n(&riscv->ddtp, (value & RISCV_PPN_FIELD_MASK) | mode | RISCV_DDTP_BUSY,
			 __ATOMIC_RELEASE);
	written(riscv, RISCV_WRITTEN_DDTP);
}

/* "Command-queue base (cqb)" and so on */
static void
base_write(struct uiommu_emu *emu, enum riscv_queue_id id, uint32_t offset, uint64_t value)
{
	struct riscv_model *riscv = emu->unit;
	struct riscv_queue *queue = &riscv->queues[id];
	uint64_t log2size = value & RISCV_QB_LOG2SZ_MASK;

	if ((load(&queue->csr) & (RISCV_CSR_ON | RISCV_CSR_BUSY)) != 0) {
		emu_violation(emu, &emu->live.protocol,
			      "register 0x%x written with 0x%" PRIx64 " while the queue is on",
			      offset, value);
		return;
	}
	reserved_check(emu, offset, value, ~(RISCV_QB_LOG2SZ_MASK | RISCV_PPN_FIELD_MASK));
	log2size = RTE_MIN(log2size, (uint64_t)RISCV_MODEL_QUEUE_ORDER_MAX - 1);
	value = (value & RISCV_PPN_FIELD_MASK) | log2size;
	__atomic_store_n(&queue->base, value, __ATOMIC_RELEASE);
	/* software's index is unspecified now, and has to be written */
	__atomic_store_n(id == RISCV_CQ ? &queue->tail : &queue->head,
			 STRANGE_INDEX & riscv_queue_mask(value), __ATOMIC_RELEASE);
}

/* Bits of a csr that are cleared by writing 1. */
static uint32_t
clearable(const struct riscv_model *riscv, enum riscv_queue_id id)
{
	uint32_t bits = riscv_errors(id);

	if (id == RISCV_CQ && (load(&riscv->fctl) & RISCV_FCTL_WSI) != 0)
		bits |= RISCV_CQCSR_FENCE_W_IP;
	return bits;
}

/* Overflow is acknowledged when the queue was emptied: R7, though the manual leaves it open. */
static void
overflow_check(struct uiommu_emu *emu, enum riscv_queue_id id, uint32_t cleared)
{
	const struct riscv_model *riscv = emu->unit;
	const struct riscv_queue *queue = &riscv->queues[id];
	const uint32_t head = load(&queue->head), tail = load(&queue->tail);

	if (id == RISCV_PQ && (cleared & RISCV_CSR_OF) != 0 && head != tail)
		emu_violation(emu, &emu->live.protocol,
			      "overflow acknowledged with pqh 0x%x, pqt 0x%x", head, tail);
}

static void
csr_write(struct uiommu_emu *emu, enum riscv_queue_id id, uint32_t offset, uint32_t value)
{
	struct riscv_model *riscv = emu->unit;
	struct riscv_queue *queue = &riscv->queues[id];
	const uint32_t clear = clearable(riscv, id);
	uint32_t old = load(&queue->csr);

	if ((old & RISCV_CSR_BUSY) != 0) {
		emu_violation(emu, &emu->live.protocol,
			      "register 0x%x written with 0x%x while it is busy", offset, value);
		return;
	}
	reserved_check(emu, offset, value, ~(CSR_WRITABLE | CSR_READ_ONLY | CSR_CUSTOM | clear));
	overflow_check(emu, id, old & value);
	/* the model may set other bits meanwhile; pairs with its acquire loads */
	while (!__atomic_compare_exchange_n(&queue->csr, &old,
					    (old & ~(CSR_WRITABLE | (value & clear))) |
						    (value & CSR_WRITABLE) | RISCV_CSR_BUSY,
					    false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		;
	written(riscv, RISCV_WRITTEN_CSR(id));
}

/* Forwards, up to the tail. Not looked at while the queue is off. */
static void
head_write(struct uiommu_emu *emu, enum riscv_queue_id id, uint32_t offset, uint32_t value)
{
	struct riscv_model *riscv = emu->unit;
	struct riscv_queue *queue = &riscv->queues[id];
	const uint32_t mask = riscv_queue_mask(load64(&queue->base));
	const uint32_t tail = load(&queue->tail), old = load(&queue->head);

	reserved_check(emu, offset, value, ~mask);
	value &= mask;
	if ((load(&queue->csr) & RISCV_CSR_ON) != 0 &&
	    ((tail - value) & mask) > ((tail - old) & mask))
		emu_violation(emu, &emu->live.protocol,
			      "register 0x%x moved from 0x%x to 0x%x, with the tail at 0x%x",
			      offset, old, value, tail);
	/* pairs with the acquire load in room_look() */
	__atomic_store_n(&queue->head, value, __ATOMIC_SEQ_CST);
}

static void
tail_write(struct uiommu_emu *emu, uint32_t value)
{
	struct riscv_model *riscv = emu->unit;
	struct riscv_queue *queue = &riscv->queues[RISCV_CQ];
	const uint32_t mask = riscv_queue_mask(load64(&queue->base));

	reserved_check(emu, RISCV_REG_CQT, value, ~mask);
	/* pairs with the acquire load in tail_check(): commands before it are there */
	__atomic_store_n(&queue->tail, value & mask, __ATOMIC_RELEASE);
}

/* "Translation-request control (tr_req_ctl)": Go is set, and stays until it is done */
static void
tr_write(struct uiommu_emu *emu, uint32_t offset, uint64_t value)
{
	struct riscv_model *riscv = emu->unit;

	if ((load64(&riscv->tr_ctl) & RISCV_TR_CTL_GO) != 0) {
		emu_violation(emu, &emu->live.protocol,
			      "register 0x%x written while a translation is under way", offset);
		return;
	}
	if (offset == RISCV_REG_TR_REQ_IOVA) {
		__atomic_store_n(&riscv->tr_iova, value & ~UINT64_C(0xfff), __ATOMIC_RELAXED);
		return;
	}
	if ((value & RISCV_TR_CTL_EXE) != 0 && (value & RISCV_TR_CTL_NW) == 0)
		emu_violation(emu, &emu->live.protocol,
			      "tr_req_ctl written with 0x%" PRIx64 ": Exe without NW", value);
	__atomic_store_n(&riscv->tr_ctl, value, __ATOMIC_RELEASE);
	if ((value & RISCV_TR_CTL_GO) != 0)
		written(riscv, RISCV_WRITTEN_TR);
}

static void
wide_write(struct uiommu_emu *emu, uint32_t offset, uint64_t value)
{
	struct riscv_model *riscv = emu->unit;
	uint64_t *reg = riscv_model_wide(riscv, offset);

	switch (offset) {
	case RISCV_REG_CAPABILITIES:
	case RISCV_REG_TR_RESPONSE:
		return;
	case RISCV_REG_DDTP:
		ddtp_write(emu, value);
		return;
	case RISCV_REG_CQB:
		base_write(emu, RISCV_CQ, offset, value);
		return;
	case RISCV_REG_FQB:
		base_write(emu, RISCV_FQ, offset, value);
		return;
	case RISCV_REG_PQB:
		base_write(emu, RISCV_PQ, offset, value);
		return;
	case RISCV_REG_TR_REQ_IOVA:
	case RISCV_REG_TR_REQ_CTL:
		tr_write(emu, offset, value);
		return;
	case RISCV_REG_ICVEC:
		__atomic_store_n(reg, value & ICVEC_BITS, __ATOMIC_RELEASE);
		return;
	default:
		__atomic_store_n(reg, value & RISCV_MSI_ADDR_MASK, __ATOMIC_RELEASE);
	}
}

void
riscv_model_write64(struct uiommu_emu *emu, uint32_t offset, uint64_t value)
{
	if (riscv_model_wide(emu->unit, offset) != NULL) {
		wide_write(emu, offset, value);
		return;
	}
	/* "Reading and writing IOMMU registers" */
	if ((offset & 7) != 0 || riscv_model_narrow(emu->unit, offset) != NULL ||
	    riscv_model_narrow(emu->unit, offset + 4) != NULL)
		emu_violation(emu, &emu->live.protocol,
			      "64 bits written at 0x%x, which is no register of 64 bits", offset);
}

/* What a write of the low half starts is not started by the high half, which comes first. */
static void
half_write(struct uiommu_emu *emu, uint32_t offset, uint32_t value)
{
	const uint32_t base = offset & ~7U;
	uint64_t *reg = riscv_model_wide(emu->unit, base);
	uint64_t wide;

	if (reg == NULL)
		return;
	wide = emu_reg_with_half(load64(reg), offset, value);
	if (offset != base && base == RISCV_REG_DDTP && (wide & RISCV_DDTP_BUSY) == 0)
		__atomic_store_n(reg, wide & (RISCV_PPN_FIELD_MASK | RISCV_DDTP_MODE_MASK),
				 __ATOMIC_RELEASE);
	else
		wide_write(emu, base, wide);
}

static void
queue_write(struct uiommu_emu *emu, uint32_t offset, uint32_t value)
{
	switch (offset) {
	case RISCV_REG_CQT:
		tail_write(emu, value);
		break;
	case RISCV_REG_FQH:
		head_write(emu, RISCV_FQ, offset, value);
		break;
	case RISCV_REG_PQH:
		head_write(emu, RISCV_PQ, offset, value);
		break;
	case RISCV_REG_CQCSR:
	case RISCV_REG_FQCSR:
	case RISCV_REG_PQCSR:
		csr_write(emu, (enum riscv_queue_id)((offset - RISCV_REG_CQCSR) / 4), offset,
			  value);
		break;
	default:
		/* what is the unit's own is read only */
		break;
	}
}

void
riscv_model_write32(struct uiommu_emu *emu, uint32_t offset, uint32_t value)
{
	struct riscv_model *riscv = emu->unit;
	uint32_t *reg = riscv_model_narrow(riscv, offset);

	if ((offset & 3) != 0)
		emu_violation(emu, &emu->live.protocol, "register 0x%x written unaligned", offset);
	if (reg == NULL) {
		half_write(emu, offset, value);
	} else if (offset == RISCV_REG_FCTL) {
		fctl_write(emu, value);
	} else if (offset == RISCV_REG_IPSR) {
		reserved_check(emu, offset, value, UINT32_C(0xffff00f0));
		__atomic_fetch_and(reg, ~(value & IPSR_BITS), __ATOMIC_ACQ_REL);
		written(riscv, RISCV_WRITTEN_IRQ);
	} else if (offset < RISCV_REG_MSI_CFG_TBL) {
		queue_write(emu, offset, value);
	} else {
		if (offset % RISCV_MSI_ENTRY_SIZE == RISCV_MSI_VEC_CTL)
			value &= RISCV_MSI_VEC_CTL_M;
		__atomic_store_n(reg, value, __ATOMIC_RELEASE);
		written(riscv, RISCV_WRITTEN_IRQ);
	}
}
