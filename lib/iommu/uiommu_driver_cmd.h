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

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_common.h>
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

/** uiommu_cmd::step */
enum {
	UIOMMU_STEP_WRITE = 0, /**< commands are to be written */
	UIOMMU_STEP_WAIT,      /**< they were, and the unit has not done them all yet */
	UIOMMU_STEP_WRITE_2,   /**< a second round, of what the first one has made way for */
	UIOMMU_STEP_WAIT_2,
	UIOMMU_STEP_PIECE,     /**< INVALIDATE: some were written */
};

/** @return whether all was written that belongs to the round */
static inline bool
uiommu_cmd_is_waiting(const struct uiommu_cmd *cmd)
{
	return cmd->step == UIOMMU_STEP_WAIT || cmd->step == UIOMMU_STEP_WAIT_2;
}

/** @return whether this is the second round, written or not */
static inline bool
uiommu_cmd_is_round_2(const struct uiommu_cmd *cmd)
{
	return cmd->step == UIOMMU_STEP_WRITE_2 || cmd->step == UIOMMU_STEP_WAIT_2;
}

/** All that belongs to the round was written, and is waited for. */
static inline void
uiommu_cmd_wait(struct uiommu_cmd *cmd, uint32_t token, uint32_t epoch)
{
	cmd->scratch[UIOMMU_CMD_TOKEN] = token;
	cmd->scratch[UIOMMU_CMD_EPOCH] = epoch;
	cmd->step = uiommu_cmd_is_round_2(cmd) ? UIOMMU_STEP_WAIT_2 : UIOMMU_STEP_WAIT;
}

/** @return the token given to uiommu_cmd_wait() */
static inline uint32_t
uiommu_cmd_token(const struct uiommu_cmd *cmd)
{
	return (uint32_t)cmd->scratch[UIOMMU_CMD_TOKEN];
}

/*
 * Is what was written worth nothing any more, since the unit had an error? Then the round begins
 * again.
 */
static inline bool
uiommu_cmd_restart(struct uiommu_cmd *cmd, uint32_t epoch, uint64_t *restarts)
{
	if (cmd->step == UIOMMU_STEP_WRITE || cmd->scratch[UIOMMU_CMD_EPOCH] == epoch)
		return false;
	uiommu_count(restarts, 1);
	cmd->step = uiommu_cmd_is_round_2(cmd) ? UIOMMU_STEP_WRITE_2 : UIOMMU_STEP_WRITE;
	return true;
}

/** What a driver does in a step, each with its queue. A constant, so that calls are direct. */
struct uiommu_cmd_ops {
	/** Write commands. @return as uiommu_queue_ops::cmd_step() */
	int (*write)(void *queue, struct uiommu_cmd *cmd);
	/** UIOMMU_CMD_INVALIDATE: write some, or all. @return the same */
	int (*invalidate)(void *queue, struct uiommu_cmd *cmd);
	/** Is what is waited for done? @return the same */
	int (*await)(void *queue, struct uiommu_cmd *cmd);
	/** Look whether the unit moves, and for errors. May mark it as failed. */
	void (*watch)(void *queue);
	/** The command is late: mark the unit as failed, -ETIMEDOUT. */
	void (*give_up)(void *queue);
};

/* The part of a step that is the driver's */
static __rte_always_inline int
uiommu_cmd_go_on(const struct uiommu_cmd_ops *ops, void *queue, struct uiommu_cmd *cmd,
		 uint32_t epoch, uint64_t *restarts)
{
	const bool waits = uiommu_cmd_is_waiting(cmd);
	const bool inval = cmd->op == UIOMMU_CMD_INVALIDATE;

	/* what a second round is to write is not void: nothing of it was written yet */
	if ((waits || inval) && uiommu_cmd_restart(cmd, epoch, restarts))
		return -EINPROGRESS;
	if (waits)
		return ops->await(queue, cmd);
	return inval ? ops->invalidate(queue, cmd) : ops->write(queue, cmd);
}

/**
 * uiommu_queue_ops::cmd_step() of a driver: once for each call.
 *
 * @param failed of the queue: negative errno when the unit is dead
 * @param epoch of the queue: times that what was written became void
 * @param restarts counter
 */
static __rte_always_inline int
uiommu_cmd_step(const struct uiommu_cmd_ops *ops, void *queue, struct uiommu_cmd *cmd,
		const int *failed, uint32_t epoch, uint64_t *restarts)
{
	int ret;

	if (*failed != 0)
		return *failed;
	ret = uiommu_cmd_go_on(ops, queue, cmd, epoch, restarts);
	if (ret != -EINPROGRESS)
		return ret;
	if ((++cmd->scratch[UIOMMU_CMD_CALLS] & (UIOMMU_CMD_LOOK_CALLS - 1)) == 0)
		ops->watch(queue);
	if (*failed != 0)
		return *failed;
	if (rte_get_tsc_cycles() <= cmd->deadline_tsc)
		return -EINPROGRESS;
	ops->give_up(queue);
	return -ETIMEDOUT;
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

/** A command for which a device does not confirm an invalidation. All zero: none. */
struct uiommu_late {
	uint32_t head;  /**< where the unit stands */
	uint32_t times; /**< that it said so, there; 0: never */
	uint64_t since; /**< in cycles of the time-stamp counter */
};

/**
 * The unit stands at a command since a device is late, for the first time or again. Where the
 * command moves, uiommu_late::head is to move with it.
 *
 * @param head position of the command
 * @param tries that a device has at least, besides the time-out
 * @param timeout_cycles of the time-stamp counter
 * @return whether it was late for too long
 */
static inline bool
uiommu_late_is_final(struct uiommu_late *late, uint32_t head, uint32_t tries,
		     uint64_t timeout_cycles)
{
	const uint64_t now = rte_get_tsc_cycles();

	if (late->times == 0 || late->head != head)
		*late = (struct uiommu_late){.head = head, .times = 0, .since = now};
	/* time alone proves nothing: this thread may have been away */
	return ++late->times > tries && now - late->since > timeout_cycles;
}

#ifdef __cplusplus
}
#endif

#endif /* UIOMMU_DRIVER_CMD_H */
