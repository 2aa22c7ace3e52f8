/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef VTD_IQ_H
#define VTD_IQ_H

/**
 * @file
 * Invalidation queue of a unit, S 6.5.2: responses and commands share it.
 *
 * One thread at a time writes it: the owner of the page request queue, or the control path
 * while the unit starts and stops. Positions count descriptors since the queue was
 * enabled and wrap at 2^32; the place in memory is the position modulo the size.
 *
 * What the unit does on errors (S 6.5.2.11), and what is done here:
 *
 *   IQE  the unit stops at a descriptor that it does not take; what is before it was
 *        taken. The same descriptor is offered again some times; if the unit goes on refusing
 *        a response, that response is given up and counted; refusing anything else is
 *        fatal, since translations that should be gone might be in use.
 *   ITE  a device did not confirm an invalidation. The unit stops, and forgets the waits that it
 *        has taken but not finished. Responses that it has taken were carried out; those
 *        that it has not taken are still in the queue and follow when the error is cleared. So no
 *        response is written again. The commands under way are, from their first
 *        step: vtd_iq::epoch tells them.
 *   ICE  a stray confirmation; counted.
 */

#include <stdbool.h>
#include <stdint.h>

#include <uiommu_driver.h>
#include <uiommu_driver_cmd.h>
#include <uiommu_ring_hw.h>

#include "vtd_desc.h"
#include "vtd_hw.h"
#include "vtd_report.h"

/** Descriptors that responses leave free, so that commands can be issued at any time. */
#define VTD_IQ_RESERVE 16
/** Descriptors of one command at most. */
#define VTD_IQ_CMD_MAX 8
/** How often a refused descriptor is offered again. */
#define VTD_IQ_RETRIES 32
/** Looks at a queue that does not move, besides the time-out, before it counts as dead. */
#define VTD_IQ_STUCK_LOOKS 16

/** Counters of the invalidation queue and of errors; written by the owner. */
struct vtd_iq_stats {
	uint64_t hw_errors;        /**< errors recovered from, all kinds */
	uint64_t iqe;              /**< descriptors refused */
	uint64_t iqe_given_up;     /**< responses given up after many refusals */
	uint64_t ice;              /**< stray completions */
	uint64_t ite;              /**< devices that did not confirm an invalidation in time */
	uint64_t iq_full;          /**< times that there was no room for a response */
	uint64_t iq_wild_index;    /**< head values that no queue could have */
	uint64_t fault_records;    /**< fault records read and cleared */
	uint64_t fault_overflows;  /**< times that fault records were lost */
	uint64_t responses_lost;   /**< responses for a unit that has failed */
	uint64_t cmd_restarts;     /**< commands begun again after a device time-out */
};

struct vtd_iq {
	struct vtd_desc *ring;
	uint32_t mask;             /**< entries - 1 */
	uint32_t tail;             /**< position written up to */
	uint32_t head;             /**< position that the unit had reached at the last look */
	int failed;                /**< dead, nothing is written: negative errno; 0: well */
	struct uiommu_platform *plat;
	uint32_t seq;              /**< data of the last wait */
	uint32_t *status;          /**< word that waits write */
	uint64_t status_pa;
	uint64_t timeout_cycles;
	uint32_t epoch;            /**< device time-outs so far */
	struct uiommu_stuck stuck;
	struct uiommu_refusal refusal;
	uint32_t frcd_offset;      /**< fault recording registers */
	uint32_t nb_frcd;
	struct vtd_iq_stats stats;
	const char *name;          /**< of the unit, for the log */
	struct uiommu_report_ring reports; /**< what fault records said */
};

/** Descriptors that can be written as far as is known without looking at the unit. */
static inline uint32_t
vtd_iq_free(const struct vtd_iq *iq)
{
	return iq->mask - (iq->tail - iq->head);
}

/** The same, less what is kept for commands: for responses. */
static inline uint32_t
vtd_iq_room(const struct vtd_iq *iq)
{
	uint32_t nb_free = vtd_iq_free(iq);

	return nb_free > VTD_IQ_RESERVE ? nb_free - VTD_IQ_RESERVE : 0;
}

/** Place of the next descriptor, @p n after the tail. Its words 2 and 3 are zero for good. */
static inline struct vtd_desc *
vtd_iq_slot(const struct vtd_iq *iq, uint32_t n)
{
	return &iq->ring[(iq->tail + n) & iq->mask];
}

/** Hand @p n descriptors written at the tail to the unit. */
static inline void
vtd_iq_submit(struct vtd_iq *iq, uint32_t n)
{
	iq->tail += n;
	uiommu_wmb_before_doorbell();
	uiommu_reg_write64(iq->plat, VTD_REG_IQT,
			   (uint64_t)(iq->tail & iq->mask) << VTD_DESC_SHIFT);
}

/** The queue is empty and enabled: begin at position 0. */
void
vtd_iq_reset(struct vtd_iq *iq, uint64_t timeout_cycles);

/** Look how far the unit is. @return free descriptors */
uint32_t
vtd_iq_refresh(struct vtd_iq *iq);

/** Write descriptors, if all find room. @return whether they did */
bool
vtd_iq_push(struct vtd_iq *iq, const struct vtd_desc *descs, uint32_t n);

/** The next wait. @return it, and the number that vtd_iq_reached() takes in *seq */
struct vtd_desc
vtd_iq_wait_desc(struct vtd_iq *iq, bool drain, uint32_t *seq);

/** Whether the wait with this number, or a later one, is done. */
static inline bool
vtd_iq_reached(const struct vtd_iq *iq, uint32_t seq)
{
	return (int32_t)(uiommu_load_shared32(iq->status) - seq) >= 0;
}

/** Look for errors and recover from them; read fault records. May set failed. */
void
vtd_iq_check(struct vtd_iq *iq);

/** Look whether the queue moves, and for errors if it does not; after the time-out: failed. */
void
vtd_iq_watch(struct vtd_iq *iq);

/** Write descriptors and a wait, and wait for it: start and stop. @return 0; -ETIMEDOUT; -EIO */
int
vtd_iq_run(struct vtd_iq *iq, const struct vtd_desc *descs, uint32_t n);

/** Mark as failed, with a line in the log. @param error -ETIMEDOUT or -EIO */
void
vtd_iq_fail(struct vtd_iq *iq, int error, const char *why);

#endif /* VTD_IQ_H */
