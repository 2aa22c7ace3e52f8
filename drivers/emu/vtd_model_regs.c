/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Register file, S 11.4. These functions run on the driver's thread: they store, and leave
 * carrying out to the model's next step. What is not there reads 0 and ignores writes.
 */

#include "emu_reg.h"
#include "vtd_model.h"

/* A 64-bit register at this offset. @return false: there is none */
static bool
wide_read(struct uiommu_emu *emu, uint32_t offset, uint64_t *value)
{
	struct vtd_model *vtd = emu->unit;
	const uint64_t *from;
	uint32_t index;

	switch (offset) {
	case VTD_REG_CAP:
		from = &vtd->cap;
		break;
	case VTD_REG_ECAP:
		from = &vtd->ecap;
		break;
	case VTD_REG_RTADDR:
		from = &vtd->rtaddr;
		break;
	case VTD_REG_IQH:
		from = &vtd->iqh;
		break;
	case VTD_REG_IQT:
		from = &vtd->iqt;
		break;
	case VTD_REG_IQA:
		from = &vtd->iqa;
		break;
	case VTD_REG_IQERCD:
		from = &vtd->iqercd;
		break;
	case VTD_REG_IRTA:
		from = &vtd->irta;
		break;
	case VTD_REG_PQH:
		from = &vtd->pqh;
		break;
	case VTD_REG_PQT:
		from = &vtd->pqt;
		break;
	case VTD_REG_PQA:
		from = &vtd->pqa;
		break;
	default:
		index = (offset - vtd->frcd_offset) / VTD_FRCD_SIZE;
		if (offset < vtd->frcd_offset || index >= vtd->nb_frcd || offset % 8 != 0)
			return false;
		from = &vtd->frcd[index][(offset / 8) % 2];
	}
	/* pairs with the model's release stores: what an index or a record speaks of is there */
	*value = __atomic_load_n(from, __ATOMIC_ACQUIRE);
	if (offset == VTD_REG_PQT && unlikely(emu_fault_take(emu, UIOMMU_EMU_FAULT_WILD_INDEX)))
		*value |= ~VTD_PQ_INDEX_MASK;
	return true;
}

/* PPF: a record is pending; FRI: the first of them, S 11.4.7.1 */
static uint32_t
fsts_read(const struct vtd_model *vtd)
{
	uint32_t fsts = __atomic_load_n(&vtd->fsts, __ATOMIC_ACQUIRE);
	uint32_t first = __atomic_load_n(&vtd->fri, __ATOMIC_ACQUIRE);
	uint32_t i, index;

	for (i = 0; i < vtd->nb_frcd; i++) {
		index = (first + i) % vtd->nb_frcd;
		if ((__atomic_load_n(&vtd->frcd[index][1], __ATOMIC_ACQUIRE) & VTD_FRCD_HI_F) != 0)
			return fsts | VTD_FSTS_PPF | index << VTD_FSTS_FRI_SHIFT;
	}
	return fsts;
}

/* The pending bit stands for an interrupt that is masked, S 7.3, 7.5 */
static uint32_t
event_read(const uint32_t *control, uint32_t status)
{
	const uint32_t im = __atomic_load_n(control, __ATOMIC_RELAXED) & VTD_EVENT_IM;

	return im | (im != 0 && status != 0 ? VTD_EVENT_IP : 0);
}

static uint32_t *
msi_at(struct vtd_model *vtd, uint32_t offset)
{
	switch (offset) {
	case VTD_REG_FEDATA:
	case VTD_REG_FEADDR:
	case VTD_REG_FEUADDR:
		return &vtd->msi[(offset - VTD_REG_FEDATA) / 4];
	case VTD_REG_IEDATA:
	case VTD_REG_IEADDR:
	case VTD_REG_IEUADDR:
		return &vtd->msi[3 + (offset - VTD_REG_IEDATA) / 4];
	case VTD_REG_PEDATA:
	case VTD_REG_PEADDR:
	case VTD_REG_PEUADDR:
		return &vtd->msi[6 + (offset - VTD_REG_PEDATA) / 4];
	default:
		return NULL;
	}
}

uint32_t
vtd_model_read32(struct uiommu_emu *emu, uint32_t offset)
{
	struct vtd_model *vtd = emu->unit;
	const uint32_t *msi;
	uint64_t wide;

	switch (offset) {
	case VTD_REG_VER:
		return vtd->ver;
	case VTD_REG_GSTS:
		return __atomic_load_n(&vtd->gsts, __ATOMIC_ACQUIRE);
	case VTD_REG_FSTS:
		return fsts_read(vtd);
	case VTD_REG_PRS:
		return __atomic_load_n(&vtd->prs, __ATOMIC_ACQUIRE);
	case VTD_REG_ICS:
		return __atomic_load_n(&vtd->ics, __ATOMIC_ACQUIRE);
	case VTD_REG_FECTL:
		return event_read(&vtd->fectl, fsts_read(vtd));
	case VTD_REG_IECTL:
		return event_read(&vtd->iectl, __atomic_load_n(&vtd->ics, __ATOMIC_RELAXED));
	case VTD_REG_PECTL:
		return event_read(&vtd->pectl, __atomic_load_n(&vtd->prs, __ATOMIC_RELAXED));
	default:
		break;
	}
	msi = msi_at(vtd, offset);
	if (msi != NULL)
		return __atomic_load_n(msi, __ATOMIC_RELAXED);
	if (wide_read(emu, offset & ~7U, &wide))
		return emu_reg_half(wide, offset);
	return 0;
}

uint64_t
vtd_model_read64(struct uiommu_emu *emu, uint32_t offset)
{
	uint64_t value;

	if (wide_read(emu, offset, &value))
		return value;
	return vtd_model_read32(emu, offset) |
	       (uint64_t)vtd_model_read32(emu, offset + 4) << 32;
}

/* -------------------------------------------------------------------- writing */

/* One command at a time, each acknowledged before the next, S 11.4.4 */
static void
gcmd_write(struct uiommu_emu *emu, uint32_t value)
{
	struct vtd_model *vtd = emu->unit;
	uint32_t clear = 0;
	uint64_t old;

	if ((value & VTD_GCMD_SRTP) != 0)
		clear |= VTD_GCMD_SRTP;
	if ((value & VTD_GCMD_SIRTP) != 0)
		clear |= VTD_GCMD_SIRTP;
	__atomic_fetch_and(&vtd->gsts, ~clear, __ATOMIC_RELAXED);
	if ((value & VTD_GCMD_WBF) != 0 && (vtd->cap & VTD_CAP_RWBF) != 0)
		__atomic_fetch_or(&vtd->gsts, VTD_GCMD_WBF, __ATOMIC_RELAXED);
	old = __atomic_exchange_n(&vtd->gcmd, value | VTD_GCMD_FRESH, __ATOMIC_ACQ_REL);
	if ((old & VTD_GCMD_FRESH) != 0)
		emu_violation(emu, &emu->live.protocol,
			      "GCMD 0x%x written before 0x%x was acknowledged", value,
			      (uint32_t)old);
	/* pairs with the acquire exchange in vtd_model_commands() */
	__atomic_fetch_or(&vtd->events, VTD_EVENT_GCMD, __ATOMIC_RELEASE);
}

/* The overflow may be acknowledged only when the queue is empty, S 7.4.1 */
static void
prs_write(struct uiommu_emu *emu, uint32_t value)
{
	struct vtd_model *vtd = emu->unit;
	uint64_t head, tail;

	if ((value & VTD_PRS_PRO) != 0 &&
	    (__atomic_load_n(&vtd->prs, __ATOMIC_ACQUIRE) & VTD_PRS_PRO) != 0) {
		head = __atomic_load_n(&vtd->pqh, __ATOMIC_RELAXED);
		tail = __atomic_load_n(&vtd->pqt, __ATOMIC_RELAXED);
		if (head != tail)
			emu_violation(emu, &emu->live.protocol,
				      "PRO cleared with PQH 0x%" PRIx64 ", PQT 0x%" PRIx64, head,
				      tail);
	}
	__atomic_fetch_and(&vtd->prs, ~(value & (VTD_PRS_PPR | VTD_PRS_PRO)), __ATOMIC_SEQ_CST);
}

static void
iqa_write(struct uiommu_emu *emu, uint64_t value)
{
	struct vtd_model *vtd = emu->unit;

	if ((__atomic_load_n(&vtd->gsts, __ATOMIC_RELAXED) & VTD_GCMD_QIE) != 0)
		emu_violation(emu, &emu->live.protocol, "IQA written while the queue is on");
	__atomic_store_n(&vtd->iqa, value & (VTD_IQA_ADDR_MASK | VTD_IQA_DW | VTD_IQA_QS_MASK),
			 __ATOMIC_RELAXED);
}

static bool
frcd_write(struct vtd_model *vtd, uint32_t offset, uint64_t value)
{
	const uint32_t index = (offset - vtd->frcd_offset) / VTD_FRCD_SIZE;

	if (offset < vtd->frcd_offset || index >= vtd->nb_frcd)
		return false;
	if (offset % VTD_FRCD_SIZE == 8 && (value & VTD_FRCD_HI_F) != 0)
		__atomic_fetch_and(&vtd->frcd[index][1], ~VTD_FRCD_HI_F, __ATOMIC_RELEASE);
	return true;
}

void
vtd_model_write64(struct uiommu_emu *emu, uint32_t offset, uint64_t value)
{
	struct vtd_model *vtd = emu->unit;

	switch (offset) {
	case VTD_REG_IQT:
		/* pairs with the acquire load in vtd_model_execute() */
		__atomic_store_n(&vtd->iqt, value, __ATOMIC_RELEASE);
		break;
	case VTD_REG_PQH:
		/* pairs with the acquire load in vtd_model_room() */
		__atomic_store_n(&vtd->pqh, value, __ATOMIC_RELEASE);
		break;
	case VTD_REG_PQT:
		if (value != 0)
			emu_violation(emu, &emu->live.protocol, "PQT written with 0x%" PRIx64,
				      value);
		__atomic_store_n(&vtd->pqt, value & VTD_PQ_INDEX_MASK, __ATOMIC_RELAXED);
		__atomic_fetch_or(&vtd->events, VTD_EVENT_PRQ, __ATOMIC_RELEASE);
		break;
	case VTD_REG_PQA:
		__atomic_store_n(&vtd->pqa, value & (VTD_PQA_ADDR_MASK | VTD_PQA_PQS_MASK),
				 __ATOMIC_RELAXED);
		__atomic_fetch_or(&vtd->events, VTD_EVENT_PRQ, __ATOMIC_RELEASE);
		break;
	case VTD_REG_RTADDR:
		__atomic_store_n(&vtd->rtaddr, value, __ATOMIC_RELAXED);
		break;
	case VTD_REG_IQA:
		iqa_write(emu, value);
		break;
	case VTD_REG_IRTA:
		__atomic_store_n(&vtd->irta, value, __ATOMIC_RELAXED);
		break;
	default:
		if (frcd_write(vtd, offset, value))
			break;
		vtd_model_write32(emu, offset, (uint32_t)value);
		vtd_model_write32(emu, offset + 4, (uint32_t)(value >> 32));
	}
}

/* One half of a 64-bit register. */
static void
half_write(struct uiommu_emu *emu, uint32_t offset, uint32_t value)
{
	const uint32_t base = offset & ~7U;
	struct vtd_model *vtd = emu->unit;
	uint64_t wide;

	switch (base) {
	case VTD_REG_RTADDR:
	case VTD_REG_IQT:
	case VTD_REG_IQA:
	case VTD_REG_IRTA:
	case VTD_REG_PQH:
	case VTD_REG_PQT:
	case VTD_REG_PQA:
		wide_read(emu, base, &wide);
		vtd_model_write64(emu, base, emu_reg_with_half(wide, offset, value));
		break;
	default:
		frcd_write(vtd, base, emu_reg_with_half(0, offset, value));
	}
}

void
vtd_model_write32(struct uiommu_emu *emu, uint32_t offset, uint32_t value)
{
	struct vtd_model *vtd = emu->unit;
	uint32_t *msi;

	switch (offset) {
	case VTD_REG_GCMD:
		gcmd_write(emu, value);
		return;
	case VTD_REG_FSTS:
		__atomic_fetch_and(&vtd->fsts,
				   ~(value & (VTD_FSTS_PFO | VTD_FSTS_IQE | VTD_FSTS_ICE |
					      VTD_FSTS_ITE)),
				   __ATOMIC_ACQ_REL);
		return;
	case VTD_REG_PRS:
		prs_write(emu, value);
		return;
	case VTD_REG_ICS:
		__atomic_fetch_and(&vtd->ics, ~(value & 1), __ATOMIC_ACQ_REL);
		return;
	case VTD_REG_FECTL:
		__atomic_store_n(&vtd->fectl, value & VTD_EVENT_IM, __ATOMIC_RELAXED);
		return;
	case VTD_REG_IECTL:
		__atomic_store_n(&vtd->iectl, value & VTD_EVENT_IM, __ATOMIC_RELAXED);
		return;
	case VTD_REG_PECTL:
		__atomic_store_n(&vtd->pectl, value & VTD_EVENT_IM, __ATOMIC_RELAXED);
		return;
	case VTD_REG_CCMD + 4:
		/* S 11.4.6: in scalable mode only the queue invalidates */
		if (value >> 31 != 0)
			emu_violation(emu, &emu->live.protocol, "CCMD written");
		return;
	default:
		break;
	}
	msi = msi_at(vtd, offset);
	if (msi != NULL)
		__atomic_store_n(msi, value, __ATOMIC_RELAXED);
	else
		half_write(emu, offset, value);
}
