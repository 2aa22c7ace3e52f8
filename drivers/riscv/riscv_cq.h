/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef RISCV_CQ_H
#define RISCV_CQ_H

/**
 * @file
 * Command queue of a unit, "Command-Queue (CQ)": responses and commands of the control path share
 * it.
 *
 * One thread at a time writes it: the owner of the queue, or the control path while the unit starts
 * and stops. Positions count commands since the queue was enabled and wrap at 2^32; the registers
 * hold the lower bits of them, and one entry stays free.
 *
 * The unit fetches commands in order, and may carry them out in any order: cqh going past a command
 * means nothing, unless it is an IOFENCE.C, which is passed when all before it is complete. Since
 * cqh is the place of the next command that is fetched, nothing behind a fence begins before it is
 * passed.
 *
 * What the unit does on errors ("Command-queue CSR"), and what is done here: the unit stops and cqh
 * stays at a command; what became of those since the last fence that was passed is not known
 * (cmd_ill, cqmf), or all but ATS.INVAL are complete (cmd_to). Invalidations among them are put in
 * front of it once more, and what stands behind moves up; so a place is free only when a fence
 * behind it was passed. Responses are not: one that is sent twice may answer another group, which
 * has the index by now. They are counted, riscv_cq_stats::in_doubt.
 *
 *   cmd_ill, cqmf
 *           the command is offered again some times, behind a fence, so that nothing is repeated
 *           with it. If the unit goes on refusing a response, a fence takes its place, and it is
 *           counted; refusing anything else is fatal, since translations that should be gone
 *           might be in use.
 *   cqmf of a fence that writes to memory
 *           from then on cqh is polled. Commands under way begin again: riscv_cq::epoch tells them.
 *   cmd_to  a device did not confirm an invalidation. One that goes on like that until the time-out
 *           is fatal.
 *
 * Ends of commands under way are counted without what was put in, so that they stay true.
 */

#include <stdbool.h>
#include <stdint.h>

#include <uiommu_barrier.h>
#include <uiommu_driver.h>
#include <uiommu_driver_cmd.h>
#include <uiommu_ring_hw.h>

#include "riscv_desc.h"
#include "riscv_hw.h"

/** Commands of the control path at most, between two looks at its progress. */
#define RISCV_CMD_MAX 12
/** Invalidations of devices between two fences at most: they may have to be written again. */
#define RISCV_ATS_RUN_MAX 32
/** A burst of responses that makes the commands without a fence as many ends with one. */
#define RISCV_FENCE_EVERY 64
/** Commands between two fences at most: those, and the largest burst. */
#define RISCV_RUN_MAX (RISCV_FENCE_EVERY + 512)
/**
 * Commands that responses leave free: for a run that is written again, with a fence, and for
 * pieces of the control path.
 */
#define RISCV_CQ_RESERVE (RISCV_RUN_MAX + 192)
/** Entries of the queue at least. */
#define RISCV_CQ_ENTRIES_MIN 2048
/** How often a device may be late at least, besides the time-out, before it counts as dead. */
#define RISCV_ATS_TRIES 8
/** How often a refused command is offered again. */
#define RISCV_CQ_RETRIES 32
/** Looks at a queue that does not move, besides the time-out, before it counts as dead. */
#define RISCV_CQ_STUCK_LOOKS 16

/** Counters of the command queue and of errors; written by the owner. */
struct riscv_cq_stats {
	uint64_t hw_errors;      /**< errors recovered from, all kinds */
	uint64_t cmd_ill;        /**< commands refused */
	uint64_t cqmf;           /**< commands that the unit could not read, or memory of theirs */
	uint64_t cmd_to;         /**< devices that did not confirm an invalidation in time */
	uint64_t given_up;       /**< responses given up after many refusals */
	uint64_t write_faults;   /**< fences whose data the unit could not write */
	uint64_t repeated;       /**< commands that were written once more after an error */
	uint64_t in_doubt;       /**< responses that an error may have had dropped */
	uint64_t cq_full;        /**< times that there was no room for a response */
	uint64_t cq_wild_index;  /**< values of cqh that no queue could have */
	uint64_t responses_lost; /**< responses for a unit that has failed */
	uint64_t cmd_restarts;   /**< commands of the control path begun again after an error */
	uint64_t fences;         /**< IOFENCE.C written */
};

struct riscv_cq {
	struct riscv_cmd *ring;
	uint32_t mask;             /**< entries - 1 */
	uint32_t tail;             /**< position written up to */
	uint32_t head;             /**< position that the unit had reached at the last look */
	uint32_t done;             /**< behind the last fence that it had passed then */
	uint32_t fenced;           /**< behind the last fence that was written */
	int failed;                /**< dead, nothing is written: negative errno; 0: well */
	struct uiommu_platform *plat;
	bool writes;               /**< fences that are waited for write to memory */
	uint32_t seq;              /**< data of the last such fence */
	uint32_t *status;          /**< word that they write */
	uint64_t status_pa;
	uint64_t timeout_cycles;
	uint32_t epoch;            /**< times that commands under way became void */
	uint32_t inserted;         /**< commands that were put in */
	struct uiommu_stuck stuck;
	struct uiommu_refusal refusal;
	struct uiommu_late late;   /**< at a fence */
	struct riscv_cq_stats stats;
	const char *name;          /**< of the unit, for the log */
};

/** Commands that can be written as far as is known without looking at the unit. */
static inline uint32_t
riscv_cq_free(const struct riscv_cq *cq)
{
	return cq->mask - (cq->tail - cq->done);
}

/** The same, less what is kept for commands of the control path and errors: for responses. */
static inline uint32_t
riscv_cq_room(const struct riscv_cq *cq)
{
	const uint32_t nb_free = riscv_cq_free(cq);

	return nb_free > RISCV_CQ_RESERVE ? nb_free - RISCV_CQ_RESERVE : 0;
}

/** Place of the next command, @p n after the tail. */
static inline struct riscv_cmd *
riscv_cq_slot(const struct riscv_cq *cq, uint32_t n)
{
	return &cq->ring[(cq->tail + n) & cq->mask];
}

/** Hand @p n commands written at the tail to the unit. */
static inline void
riscv_cq_submit(struct riscv_cq *cq, uint32_t n)
{
	cq->tail += n;
	/* pairs with the unit, which reads cqt before the commands ("In-memory queue interface") */
	uiommu_wmb_before_doorbell();
	uiommu_reg_write32(cq->plat, RISCV_REG_CQT, cq->tail & cq->mask);
}

/** A fence was written @p n after the tail; it is handed over with what is before it. */
static inline void
riscv_cq_fenced(struct riscv_cq *cq, uint32_t n)
{
	cq->fenced = cq->tail + n + 1;
	uiommu_count(&cq->stats.fences, 1);
}

/** The queue is empty and enabled: begin at position 0. */
void
riscv_cq_reset(struct riscv_cq *cq, uint64_t timeout_cycles);

/** Look how far the unit is. @return free commands */
uint32_t
riscv_cq_refresh(struct riscv_cq *cq);

/** Write commands, if all find room. @return whether they did */
bool
riscv_cq_push(struct riscv_cq *cq, const struct riscv_cmd *cmds, uint32_t n);

/**
 * The next fence that can be waited for. It is to be written @p ahead commands behind the tail.
 *
 * @param token for riscv_cq_reached()
 */
struct riscv_cmd
riscv_cq_fence(struct riscv_cq *cq, uint32_t ahead, uint32_t *token);

/** What riscv_cq_is_past() takes, for the place @p n behind the tail, where a fence ends. */
static inline uint32_t
riscv_cq_end(const struct riscv_cq *cq, uint32_t n)
{
	return cq->tail + n - cq->inserted;
}

/** Whether the unit, at the last look, had come to a place. */
static inline bool
riscv_cq_is_past(const struct riscv_cq *cq, uint32_t end)
{
	return (int32_t)(cq->head - cq->inserted - end) >= 0;
}

/** Whether the fence with this token is done; as long as epoch is what it was. */
static inline bool
riscv_cq_reached(struct riscv_cq *cq, uint32_t token)
{
	/* pairs with the unit, which writes it when all before the fence is complete */
	if (cq->writes)
		return (int32_t)(uiommu_load_shared32(cq->status) - token) >= 0;
	if (!riscv_cq_is_past(cq, token))
		riscv_cq_refresh(cq);
	return riscv_cq_is_past(cq, token);
}

/** Look for errors in cqcsr and recover from them. May set failed. */
void
riscv_cq_check(struct riscv_cq *cq);

/** Look whether the queue moves, and for errors; after the time-out: failed. */
void
riscv_cq_watch(struct riscv_cq *cq);

/** Write commands and a fence, and wait for it: start and stop. @return 0; -ETIMEDOUT; -EIO */
int
riscv_cq_run(struct riscv_cq *cq, const struct riscv_cmd *cmds, uint32_t n);

/** Mark as failed, with a line in the log. @param error -ETIMEDOUT or -EIO */
void
riscv_cq_fail(struct riscv_cq *cq, int error, const char *why);

#endif /* RISCV_CQ_H */
