/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <inttypes.h>

#include <rte_cycles.h>
#include <rte_pause.h>

#include "vtd_pvt.h"

void
vtd_iq_fail(struct vtd_iq *iq, int error, const char *why)
{
	if (iq->failed != 0)
		return;
	iq->failed = error;
	VTD_LOG(ERR, "%s: unit failed: %s (FSTS 0x%x, IQH 0x%" PRIx64 ", IQT 0x%" PRIx64 ")",
		iq->name, why, uiommu_reg_read32(iq->plat, VTD_REG_FSTS),
		uiommu_reg_read64(iq->plat, VTD_REG_IQH), uiommu_reg_read64(iq->plat, VTD_REG_IQT));
}

void
vtd_iq_reset(struct vtd_iq *iq, uint64_t timeout_cycles)
{
	iq->timeout_cycles = timeout_cycles;
	iq->tail = 0;
	iq->head = 0;
	iq->failed = 0;
	iq->stuck = (struct uiommu_stuck){0};
	iq->refusal = (struct uiommu_refusal){0};
	uiommu_reports_reset(&iq->reports);
}

uint32_t
vtd_iq_refresh(struct vtd_iq *iq)
{
	uint64_t iqh = uiommu_reg_read64(iq->plat, VTD_REG_IQH);
	uint32_t index = (uint32_t)((iqh & VTD_IQ_INDEX_MASK) >> VTD_DESC_SHIFT);
	uint32_t moved = uiommu_ring_hw_used(iq->head & iq->mask, index & iq->mask, iq->mask);

	/* the unit cannot have passed the tail */
	if (index > iq->mask || moved > iq->tail - iq->head)
		uiommu_count(&iq->stats.iq_wild_index, 1);
	else
		iq->head += moved;
	return vtd_iq_free(iq);
}

bool
vtd_iq_push(struct vtd_iq *iq, const struct vtd_desc *descs, uint32_t n)
{
	uint32_t i;

	if (vtd_iq_free(iq) < n && vtd_iq_refresh(iq) < n)
		return false;
	for (i = 0; i < n; i++)
		*vtd_iq_slot(iq, i) = descs[i];
	vtd_iq_submit(iq, n);
	return true;
}

struct vtd_desc
vtd_iq_wait_desc(struct vtd_iq *iq, bool drain, uint32_t *seq)
{
	*seq = ++iq->seq;
	return vtd_qi_wait(iq->status_pa, *seq, drain);
}

/* Read and clear fault records, S 11.4.7.6: faults that are not recoverable. */
static void
read_fault_records(struct vtd_iq *iq, uint32_t fsts)
{
	uint32_t first = (fsts >> VTD_FSTS_FRI_SHIFT) & VTD_FSTS_FRI_MASK;
	uint64_t n = 0, lo, hi;
	struct uiommu_report report;
	uint32_t i, offset;

	if ((fsts & VTD_FSTS_PPF) == 0)
		return;
	for (i = 0; i < iq->nb_frcd; i++) {
		offset = iq->frcd_offset + (first + i) % iq->nb_frcd * VTD_FRCD_SIZE;
		hi = uiommu_reg_read64(iq->plat, offset + 8);
		if ((hi & VTD_FRCD_HI_F) == 0)
			continue;
		lo = uiommu_reg_read64(iq->plat, offset);
		report = vtd_report_decode(lo, hi);
		uiommu_reports_add(&iq->reports, &report);
		uiommu_reg_write64(iq->plat, offset + 8, VTD_FRCD_HI_F);
		n++;
	}
	uiommu_count(&iq->stats.fault_records, n);
}

/*
 * IQE: the unit stands at a descriptor that it did not take. Offer it again, as often as
 * VTD_IQ_RETRIES; then do without it.
 */
static void
recover_refused(struct vtd_iq *iq)
{
	uint64_t record = uiommu_reg_read64(iq->plat, VTD_REG_IQERCD) & VTD_IQERCD_IQEI_MASK;
	struct vtd_desc *desc;

	uiommu_count(&iq->stats.iqe, 1);
	vtd_iq_refresh(iq);
	if (!uiommu_refusal_is_final(&iq->refusal, iq->head, VTD_IQ_RETRIES))
		return;
	desc = &iq->ring[iq->head & iq->mask];
	if (record == VTD_IQEI_TAIL || record == VTD_IQEI_TAIL_ALIGN || record == VTD_IQEI_TTM ||
	    iq->head == iq->tail) {
		vtd_iq_fail(iq, -EIO, "the invalidation queue is refused as a whole");
	} else if (vtd_qi_type(desc) != VTD_QI_PGRP_RESP) {
		vtd_iq_fail(iq, -EIO, "an invalidation is refused for good");
	} else {
		*desc = vtd_qi_fence();
		uiommu_count(&iq->stats.iqe_given_up, 1);
	}
}

void
vtd_iq_check(struct vtd_iq *iq)
{
	uint32_t fsts = uiommu_reg_read32(iq->plat, VTD_REG_FSTS);
	uint32_t errors = fsts & (VTD_FSTS_IQE | VTD_FSTS_ICE | VTD_FSTS_ITE);

	if ((fsts & (VTD_FSTS_PPF | VTD_FSTS_PFO)) == 0 && errors == 0)
		return;
	if (fsts == UINT32_MAX) {
		vtd_iq_fail(iq, -EIO, "registers read as all ones");
		return;
	}
	read_fault_records(iq, fsts);
	if ((fsts & VTD_FSTS_PFO) != 0) {
		uiommu_count(&iq->stats.fault_overflows, 1);
		iq->reports.lost++; /* at least one */
	}
	if ((errors & VTD_FSTS_ICE) != 0)
		uiommu_count(&iq->stats.ice, 1);
	if ((errors & VTD_FSTS_ITE) != 0) {
		uiommu_count(&iq->stats.ite, 1);
		iq->epoch++;
	}
	if ((errors & VTD_FSTS_IQE) != 0)
		recover_refused(iq);
	if (errors != 0)
		uiommu_count(&iq->stats.hw_errors, 1);
	if (iq->failed != 0)
		return;
	/* the repaired descriptor before the bit that lets the unit fetch it */
	uiommu_wmb_before_doorbell();
	uiommu_reg_write32(iq->plat, VTD_REG_FSTS, errors | (fsts & VTD_FSTS_PFO));
	/* some units look at the queue again only when the tail is written */
	if (errors != 0)
		vtd_iq_submit(iq, 0);
}

void
vtd_iq_watch(struct vtd_iq *iq)
{
	vtd_iq_check(iq);
	if (iq->failed != 0)
		return;
	vtd_iq_refresh(iq);
	if (uiommu_stuck_look(&iq->stuck, iq->head, iq->tail, VTD_IQ_STUCK_LOOKS,
			      iq->timeout_cycles))
		vtd_iq_fail(iq, -ETIMEDOUT, "the invalidation queue does not move");
}

int
vtd_iq_run(struct vtd_iq *iq, const struct vtd_desc *descs, uint32_t n)
{
	uint64_t end = rte_get_tsc_cycles() + iq->timeout_cycles;
	uint32_t epoch, seq;
	struct vtd_desc wait;

	if (iq->failed != 0)
		return iq->failed;
	do {
		epoch = iq->epoch;
		wait = vtd_iq_wait_desc(iq, false, &seq);
		while (iq->failed == 0 && vtd_iq_refresh(iq) < n + 1 && rte_get_tsc_cycles() < end)
			vtd_iq_check(iq);
		if (!vtd_iq_push(iq, descs, n) || !vtd_iq_push(iq, &wait, 1))
			return -ETIMEDOUT;
		while (!vtd_iq_reached(iq, seq) && epoch == iq->epoch) {
			vtd_iq_check(iq);
			if (iq->failed != 0)
				return iq->failed;
			if (rte_get_tsc_cycles() > end)
				return -ETIMEDOUT;
			rte_pause();
		}
	} while (epoch != iq->epoch && rte_get_tsc_cycles() < end);
	return epoch == iq->epoch ? 0 : -ETIMEDOUT;
}
