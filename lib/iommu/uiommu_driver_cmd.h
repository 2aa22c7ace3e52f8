/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef UIOMMU_DRIVER_CMD_H
#define UIOMMU_DRIVER_CMD_H

/**
 * @file
 * For drivers with a queue of commands that the unit carries out in order: what a command of the
 * control path keeps between its steps, and watch over a queue that does not move or whose unit
 * refuses what is in it. On the owner's thread, as uiommu_queue_ops::cmd_step() is.
 *
 * Positions count commands since the queue was enabled and wrap at 2^32.
 */

#include <stdbool.h>
#include <stdint.h>

#include <rte_cycles.h>

#include <uiommu_driver.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------- control path, step by step */

/** Calls between two looks at the unit while a command is under way, power of two. */
#define UIOMMU_CMD_LOOK_CALLS 16

/** uiommu_cmd::scratch, all of it. */
enum uiommu_cmd_scratch {
	UIOMMU_CMD_TOKEN = 0, /**< what tells that the unit has done all that was written */
	UIOMMU_CMD_EPOCH,     /**< of the queue when it was written */
	UIOMMU_CMD_CALLS,
	UIOMMU_CMD_PLACE,     /**< INVALIDATE: how far it is, see uiommu_driver_inval_row.h */
};

/**
 * Something was written, and is waited for.
 *
 * @param step of the driver, not 0
 */
static inline void
uiommu_cmd_wait(struct uiommu_cmd *cmd, uint32_t token, uint32_t epoch, unsigned int step)
{
	cmd->scratch[UIOMMU_CMD_TOKEN] = token;
	cmd->scratch[UIOMMU_CMD_EPOCH] = epoch;
	cmd->step = step;
}

/** @return the token given to uiommu_cmd_wait() */
static inline uint32_t
uiommu_cmd_token(const struct uiommu_cmd *cmd)
{
	return (uint32_t)cmd->scratch[UIOMMU_CMD_TOKEN];
}

/**
 * Is what was written worth nothing any more, since the unit had an error? Then begin again.
 *
 * @param epoch of the queue now
 * @param step where to begin
 * @param restarts counter
 * @return whether the command begins again
 */
static inline bool
uiommu_cmd_restart(struct uiommu_cmd *cmd, uint32_t epoch, unsigned int step, uint64_t *restarts)
{
	if (cmd->step == 0 || cmd->scratch[UIOMMU_CMD_EPOCH] == epoch)
		return false;
	uiommu_count(restarts, 1);
	cmd->step = step;
	return true;
}

/** Once for each call that leaves the command under way. @return whether to look at the unit */
static inline bool
uiommu_cmd_wants_look(struct uiommu_cmd *cmd)
{
	return (++cmd->scratch[UIOMMU_CMD_CALLS] & (UIOMMU_CMD_LOOK_CALLS - 1)) == 0;
}

/** @return whether the command is to be given up */
static inline bool
uiommu_cmd_is_late(const struct uiommu_cmd *cmd)
{
	return rte_get_tsc_cycles() > cmd->deadline_tsc;
}

/* ------------------------------------------------------------- watch over the queue */

/** Watch over a queue that does not move. All zero: not watching. */
struct uiommu_stuck {
	uint32_t head;  /**< where it stands */
	uint32_t looks; /**< 0: not watching */
	uint64_t since; /**< in cycles of the time-stamp counter */
};

/**
 * Look at a queue.
 *
 * @param head position that the unit has reached
 * @param tail position written up to
 * @param looks besides the time-out, before the queue counts as dead
 * @param timeout_cycles of the time-stamp counter
 * @return whether it is dead
 */
static inline bool
uiommu_stuck_look(struct uiommu_stuck *stuck, uint32_t head, uint32_t tail, uint32_t looks,
		  uint64_t timeout_cycles)
{
	uint64_t now;

	if (head == tail) {
		stuck->looks = 0;
		return false;
	}
	now = rte_get_tsc_cycles();
	if (stuck->looks == 0 || stuck->head != head) {
		*stuck = (struct uiommu_stuck){.head = head, .looks = 1, .since = now};
		return false;
	}
	/* time alone proves nothing: this thread may have been away */
	return ++stuck->looks >= looks && now - stuck->since > timeout_cycles;
}

/** A command that the unit refuses. All zero: none. */
struct uiommu_refusal {
	uint32_t head;  /**< where the unit stands */
	uint32_t times; /**< 0: nothing was refused */
};

/**
 * The unit stands at a command that it did not take.
 *
 * @param head position of the command
 * @param retries how often it is offered again
 * @return whether that was often enough; the next one is counted from 0 then
 */
static inline bool
uiommu_refusal_is_final(struct uiommu_refusal *refusal, uint32_t head, uint32_t retries)
{
	if (refusal->head != head)
		refusal->times = 0;
	refusal->head = head;
	if (++refusal->times <= retries)
		return false;
	refusal->times = 0;
	return true;
}

#ifdef __cplusplus
}
#endif

#endif /* UIOMMU_DRIVER_CMD_H */
