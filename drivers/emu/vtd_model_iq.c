/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Invalidation queue: fetching, S 6.5.2, and page group responses, S 7.6.1.
 */

#include "vtd_model_layout.h"

/* Descriptors, twice as large as commands elsewhere, looked ahead for their slots. */
#define LOOK_AHEAD 12

void
vtd_model_queue_error(struct vtd_model *vtd, unsigned int reason)
{
	const uint64_t old = __atomic_load_n(&vtd->iqercd, __ATOMIC_RELAXED);

	__atomic_store_n(&vtd->iqercd, (old & ~VTD_IQERCD_IQEI_MASK) | reason, __ATOMIC_RELAXED);
	__atomic_fetch_or(&vtd->fsts, VTD_FSTS_IQE, __ATOMIC_RELEASE);
}

static void
error(struct uiommu_emu *emu, unsigned int reason, const char *what, uint64_t value)
{
	vtd_model_queue_error(emu->unit, reason);
	emu_violation(emu, &emu->live.protocol, "%s (0x%" PRIx64 ")", what, value);
}

/* Whether the queue can be fetched from at all, S 11.4.9 */
static bool
queue_check(struct uiommu_emu *emu)
{
	struct vtd_model *vtd = emu->unit;

	if (vtd->iq == NULL) {
		error(emu, VTD_IQEI_FETCH, "invalidation queue is not in the unit's memory",
		      vtd->iq_pa);
		return false;
	}
	if (vtd->iq_shift != VTD_DESC_SHIFT &&
	    (vtd->root & VTD_RTADDR_TTM_MASK) >> VTD_RTADDR_TTM_SHIFT == VTD_TTM_SCALABLE) {
		error(emu, VTD_IQEI_TTM, "scalable mode with 128-bit descriptors", vtd->root);
		return false;
	}
	return true;
}

/* The tail that software wrote, in entries. @return false: it is none */
static bool
tail_check(struct uiommu_emu *emu, uint64_t reg, uint32_t *tail)
{
	struct vtd_model *vtd = emu->unit;
	const uint32_t mask = vtd->iq_entries - 1;

	*tail = (uint32_t)(reg >> vtd->iq_shift);
	if ((reg & ~VTD_IQ_INDEX_MASK) != 0 || *tail > mask) {
		error(emu, VTD_IQEI_TAIL, "IQT out of range", reg);
		return false;
	}
	if ((uint64_t)*tail << vtd->iq_shift != reg) {
		error(emu, VTD_IQEI_TAIL_ALIGN, "IQT not aligned to descriptors", reg);
		return false;
	}
	/* what was seen to be in the queue is still there, if the tail has not lapped the head */
	if (((*tail - vtd->iq_head) & mask) < ((vtd->iq_seen - vtd->iq_head) & mask))
		emu_violation(emu, &emu->live.protocol,
			      "invalidation queue overrun: IQT 0x%" PRIx64, reg);
	vtd->iq_seen = *tail;
	return true;
}

/* A descriptor at the head; 128-bit ones are padded. */
static enum vtd_done
descriptor_execute(struct uiommu_emu *emu, const uint64_t *at)
{
	const struct vtd_model *vtd = emu->unit;
	uint64_t word[4] = {at[0], at[1], 0, 0};
	const unsigned int type = word[0] & VTD_QI_TYPE_MASK;

	if (vtd->iq_shift == VTD_DESC_SHIFT) {
		word[2] = at[2];
		word[3] = at[3];
	} else if (type == VTD_QI_PASID_IOTLB || type == VTD_QI_PASID_DEV_TLB ||
		   type == VTD_QI_PGRP_RESP) {
		error(emu, VTD_IQEI_WIDTH, "256-bit descriptor in a 128-bit queue", word[0]);
		return VTD_STUCK;
	}
	return vtd_model_descriptor(emu, word);
}

/* @return responses */
static __rte_always_inline unsigned int
entries_execute(struct uiommu_emu *emu, uint32_t tail, unsigned int max, const bool several)
{
	struct vtd_model *vtd = emu->unit;
	const unsigned int shift = vtd->iq_shift - 3;
	const uint32_t mask = vtd->iq_entries - 1;
	const bool wide = vtd->iq_shift == VTD_DESC_SHIFT;
	unsigned int done = 0, responses = 0;
	uint32_t head = vtd->iq_head;
	struct emu_run run = {0};
	const uint64_t *word;
	enum vtd_done what;

	while (head != tail && (done < max || vtd->aborting)) {
		word = vtd->iq + ((size_t)head << shift);
		if (((tail - head) & mask) > LOOK_AHEAD)
			emu_slot_prefetch(emu,
					  vtd->iq + ((size_t)((head + LOOK_AHEAD) & mask)
						     << shift),
					  VTD_MODEL_LAYOUT);
		if (unlikely(!wide ||
			     !emu_fast_judge(emu, word, &run, VTD_MODEL_LAYOUT, several))) {
			responses += emu_run_end(emu, &run);
			what = descriptor_execute(emu, word);
			if (what == VTD_STUCK)
				break;
			responses += what == VTD_DONE_ANSWER;
		}
		head = (head + 1) & mask;
		done++;
	}
	responses += emu_run_end(emu, &run);
	vtd->iq_head = head;
	/* the places are free again: pairs with the acquire load of the register */
	__atomic_store_n(&vtd->iqh, (uint64_t)head << vtd->iq_shift, __ATOMIC_RELEASE);
	return responses;
}

unsigned int
vtd_model_execute(struct uiommu_emu *emu, unsigned int max)
{
	struct vtd_model *vtd = emu->unit;
	unsigned int responses;
	uint64_t reg;
	uint32_t tail;

	if (!vtd->fetching)
		return 0;
	/* pairs with the release store of IQT: descriptors before it are there */
	reg = __atomic_load_n(&vtd->iqt, __ATOMIC_ACQUIRE);
	if (reg == (uint64_t)vtd->iq_head << vtd->iq_shift)
		return 0;
	if ((__atomic_load_n(&vtd->fsts, __ATOMIC_ACQUIRE) & (VTD_FSTS_IQE | VTD_FSTS_ITE)) != 0 ||
	    emu_fault_take(emu, UIOMMU_EMU_FAULT_DEAD_QUEUE))
		return 0;
	if (!queue_check(emu) || !tail_check(emu, reg, &tail))
		return 0;
	if (emu_fault_take(emu, UIOMMU_EMU_FAULT_BAD_DESCRIPTOR)) {
		vtd_model_queue_error(vtd, VTD_IQEI_RESERVED);
		return 0;
	}
	/* groups of one page that nobody verifies: a loop that knows */
	if (emu->several)
		responses = entries_execute(emu, tail, max, true);
	else
		responses = entries_execute(emu, tail, max, false);
	if (unlikely(vtd->aborting)) {
		vtd->aborting = false;
		__atomic_fetch_or(&vtd->fsts, VTD_FSTS_ITE, __ATOMIC_RELEASE);
	}
	return responses;
}
