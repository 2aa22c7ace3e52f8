/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef SMMUV3_CMDQ_H
#define SMMUV3_CMDQ_H

/**
 * @file
 * Command queue of a unit, S 3.5, 4: responses and commands of the control path share it.
 *
 * One thread at a time writes it: the owner of the queue, or the control path while the
 * unit starts and stops. Positions count commands since the queue was enabled and wrap at 2^32;
 * the registers hold the lower bits of them, all entries are usable.
 *
 * What the unit does on errors (S 7.1), and what is done here:
 *
 *   CERROR_ILL, CERROR_ABT
 *             the unit stops at a command that it does not take; what is before it was taken. The
 *             same command is offered again some times. If the unit goes on refusing a
 *             response, a CMD_SYNC takes its place, and it is counted; refusing anything else is
 *             fatal, since translations that should be gone might be in use.
 *   CERROR_ATC_INV_SYNC
 *             the unit stops at a CMD_SYNC, since a device did not confirm an invalidation. Which
 *             of them is not known, so all since the CMD_SYNC before are put in front of it
 *             again, and what stands behind moves up. A device that goes on like that until the
 *             time-out is fatal. Ends of commands under way are counted without what was written
 *             again, so that they stay true.
 *   MSI_CMDQ_ABT_ERR
 *             the completion of a CMD_SYNC could not be written: from then on CMDQ_CONS is
 *             polled. Commands under way begin again: smmuv3_cmdq::epoch tells them.
 */

#include <stdbool.h>
#include <stdint.h>

#include <uiommu_driver.h>
#include <uiommu_driver_cmd.h>
#include <uiommu_ring_hw.h>

#include "smmuv3_desc.h"
#include "smmuv3_hw.h"

/** Commands of the control path at most, between two looks at its progress. */
#define SMMUV3_CMD_MAX 12
/** Invalidations of devices between two CMD_SYNCs at most: they may have to be written again. */
#define SMMUV3_ATC_RUN_MAX 32
/**
 * Commands that responses leave free: for a piece of the control path, and for a run of
 * invalidations that is written again (twice its length, see smmuv3_cmdq_check()).
 */
#define SMMUV3_CMDQ_RESERVE 128
/** Entries of the queue at least. */
#define SMMUV3_CMDQ_ENTRIES_MIN 512
/** How often a device may be late at least, besides the time-out, before it counts as dead. */
#define SMMUV3_ATC_TRIES 8
/** How often a refused command is offered again. */
#define SMMUV3_CMDQ_RETRIES 32
/** Looks at a queue that does not move, besides the time-out, before it counts as dead. */
#define SMMUV3_CMDQ_STUCK_LOOKS 16

/** Counters of the command queue and of errors; written by the owner. */
struct smmuv3_cmdq_stats {
	uint64_t hw_errors;        /**< errors recovered from, all kinds */
	uint64_t cerror_ill;       /**< commands refused */
	uint64_t cerror_abt;       /**< commands that the unit could not read */
	uint64_t cerror_atc;       /**< devices that did not confirm an invalidation in time */
	uint64_t cerror_given_up;  /**< responses given up after many refusals */
	uint64_t msi_aborts;       /**< messages that the unit could not write */
	uint64_t event_aborts;     /**< times that events could not be written */
	uint64_t cmdq_full;        /**< times that there was no room for a response */
	uint64_t cmdq_wild_index;  /**< CMDQ_CONS values that no queue could have */
	uint64_t responses_lost;   /**< responses for a unit that has failed */
	uint64_t cmd_restarts;     /**< commands of the control path begun again after an error */
	uint64_t syncs;            /**< CMD_SYNCs written */
};

struct smmuv3_cmdq {
	struct smmuv3_cmd *ring;
	uint32_t mask;             /**< entries - 1 */
	uint32_t tail;             /**< position written up to */
	uint32_t head;             /**< position that the unit had reached at the last look */
	int failed;                /**< dead, nothing is written: negative errno; 0: well */
	struct uiommu_platform *plat;
	bool msi;                  /**< CMD_SYNCs write their completion to memory */
	bool stalls;               /**< accesses may wait in the unit: no event may get lost */
	uint32_t seq;              /**< data of the last such CMD_SYNC */
	uint32_t *status;          /**< word that they write */
	uint64_t status_pa;
	uint64_t timeout_cycles;
	uint32_t epoch;            /**< times that commands under way became void */
	uint32_t inserted;         /**< commands that were written once more */
	uint32_t gerrorn;          /**< GERRORN as it was written last */
	struct uiommu_stuck stuck;
	struct uiommu_refusal refusal;
	struct uiommu_late late;   /**< at a CMD_SYNC */
	uint32_t late_run;         /**< invalidations that it waits for */
	struct smmuv3_cmdq_stats stats;
	const char *name;          /**< of the unit, for the log */
};

/** Commands that can be written as far as is known without looking at the unit. */
static inline uint32_t
smmuv3_cmdq_free(const struct smmuv3_cmdq *cmdq)
{
	return cmdq->mask + 1 - (cmdq->tail - cmdq->head);
}

/** The same, less what is kept for commands of the control path: for responses. */
static inline uint32_t
smmuv3_cmdq_room(const struct smmuv3_cmdq *cmdq)
{
	const uint32_t nb_free = smmuv3_cmdq_free(cmdq);

	return nb_free > SMMUV3_CMDQ_RESERVE ? nb_free - SMMUV3_CMDQ_RESERVE : 0;
}

/** Place of the next command, @p n after the tail. */
static inline struct smmuv3_cmd *
smmuv3_cmdq_slot(const struct smmuv3_cmdq *cmdq, uint32_t n)
{
	return &cmdq->ring[(cmdq->tail + n) & cmdq->mask];
}

/** Hand @p n commands written at the tail to the unit. */
static inline void
smmuv3_cmdq_submit(struct smmuv3_cmdq *cmdq, uint32_t n)
{
	cmdq->tail += n;
	/* pairs with the unit, which reads CMDQ_PROD before the commands (S 3.5.1) */
	uiommu_wmb_before_doorbell();
	uiommu_reg_write32(cmdq->plat, SMMUV3_REG_CMDQ_PROD,
			   uiommu_ring_hw_wrap_index(cmdq->tail, cmdq->mask));
}

/** The queue is empty and enabled: begin at position 0. */
void
smmuv3_cmdq_reset(struct smmuv3_cmdq *cmdq, uint64_t timeout_cycles);

/** Look how far the unit is. @return free commands */
uint32_t
smmuv3_cmdq_refresh(struct smmuv3_cmdq *cmdq);

/** Write commands, if all find room. @return whether they did */
bool
smmuv3_cmdq_push(struct smmuv3_cmdq *cmdq, const struct smmuv3_cmd *cmds, uint32_t n);

/**
 * The next CMD_SYNC that can be waited for.
 *
 * @param ahead commands that will be between the tail and it
 * @param token for smmuv3_cmdq_reached()
 */
struct smmuv3_cmd
smmuv3_cmdq_sync(struct smmuv3_cmdq *cmdq, uint32_t ahead, uint32_t *token);

/** What smmuv3_cmdq_is_past() takes, for the place @p n behind the tail. */
static inline uint32_t
smmuv3_cmdq_end(const struct smmuv3_cmdq *cmdq, uint32_t n)
{
	return cmdq->tail + n - cmdq->inserted;
}

/** Whether the unit, at the last look, had come to a place. */
static inline bool
smmuv3_cmdq_is_past(const struct smmuv3_cmdq *cmdq, uint32_t end)
{
	return (int32_t)(cmdq->head - cmdq->inserted - end) >= 0;
}

/** Whether the CMD_SYNC with this token is done; as long as epoch is what it was. */
static inline bool
smmuv3_cmdq_reached(struct smmuv3_cmdq *cmdq, uint32_t token)
{
	/* pairs with the unit, which completes all before the CMD_SYNC first (S 4.7.3) */
	if (cmdq->msi)
		return (int32_t)(uiommu_load_shared32(cmdq->status) - token) >= 0;
	if (!smmuv3_cmdq_is_past(cmdq, token))
		smmuv3_cmdq_refresh(cmdq);
	return smmuv3_cmdq_is_past(cmdq, token);
}

/** Look for errors in GERROR and recover from them. May set failed. */
void
smmuv3_cmdq_check(struct smmuv3_cmdq *cmdq);

/** Look whether the queue moves, and for errors; after the time-out: failed. */
void
smmuv3_cmdq_watch(struct smmuv3_cmdq *cmdq);

/** Write commands and a CMD_SYNC, and wait for it: start and stop. @return 0; -ETIMEDOUT; -EIO */
int
smmuv3_cmdq_run(struct smmuv3_cmdq *cmdq, const struct smmuv3_cmd *cmds, uint32_t n);

/** Mark as failed, with a line in the log. @param error -ETIMEDOUT or -EIO */
void
smmuv3_cmdq_fail(struct smmuv3_cmdq *cmdq, int error, const char *why);

#endif /* SMMUV3_CMDQ_H */
