/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef UIOMMU_DRIVER_INVAL_ROW_H
#define UIOMMU_DRIVER_INVAL_ROW_H

/**
 * @file
 * For drivers: the commands of an invalidation, made one after the other from a plan of the driver
 * and from the bonds of the domain. In phases (the unit first, then devices), in each of them bond
 * by bond, and for a bond as many as the plan says. A long row is written in pieces by the control
 * path, and as a whole or not at all by the data path: shorter, with more forgotten than was asked
 * for, where there is little room.
 */

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_common.h>

#include <uiommu_driver.h>
#include <uiommu_driver_cmd.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Commands of the control path in the queue at a time: responses come behind them. */
#define UIOMMU_INVAL_PIECE 64
/** Bonds that are looked back on for one like it; doing the same twice is no more than a waste. */
#define UIOMMU_INVAL_LOOK_BACK 64

/** How far the commands were made: kept in a word of uiommu_cmd::scratch. */
struct uiommu_inval_place {
	uint32_t target; /**< bond */
	uint16_t part;   /**< of what is for the bond in this phase */
	uint8_t phase;   /**< of the driver, from 0 */
	uint8_t run;     /**< of the driver, 0 at first */
};
#ifndef __cplusplus
_Static_assert(sizeof(struct uiommu_inval_place) == sizeof(uint64_t), "one word");
#endif

/** Commands written at one time. */
struct uiommu_inval_row {
	struct uiommu_inval_place place;
	uint32_t room;    /**< behind the tail of the queue */
	uint32_t n;       /**< written there */
	uint32_t unit;    /**< of them, what the unit is to forget */
	uint32_t devices; /**< likewise, devices */
};

/**
 * What a driver knows of its commands. A plan is the same for the same invalidation each time. A
 * constant: what takes it is made part of the driver, so that none of them is called by pointer.
 */
struct uiommu_inval_row_ops {
	uint8_t nb_phases;
	/** @return parts for the bond in the phase of a place */
	uint32_t (*parts)(const void *plan, const struct uiommu_inval_place *place);
	/**
	 * Write the part at the row's place, and count it: it may be none, or more than one
	 * command.
	 *
	 * @return false: the row has no room for it, nothing is written
	 */
	bool (*write)(const void *plan, struct uiommu_inval_row *row);
	/** Fewer commands, and more is forgotten. @return false: there is nothing wider */
	bool (*widen)(void *plan);
};

/** Whether a bond before has the same endpoint, as far as is looked back. */
static inline bool
uiommu_inval_endpoint_is_repeated(const struct uiommu_inval_target *targets, uint32_t at)
{
	uint32_t i;

	for (i = at > UIOMMU_INVAL_LOOK_BACK ? at - UIOMMU_INVAL_LOOK_BACK : 0; i < at; i++)
		if (targets[i].endpoint_private == targets[at].endpoint_private)
			return true;
	return false;
}

/** Go on from the row's place, as far as there is room. @return whether all is written */
static __rte_always_inline bool
uiommu_inval_row_write(struct uiommu_inval_row *row, const struct uiommu_inval_row_ops *ops,
		       const void *plan, uint32_t nb_targets)
{
	struct uiommu_inval_place *place = &row->place;

	while (place->phase != ops->nb_phases) {
		const uint32_t parts = ops->parts(plan, place);

		for (; place->part < parts; place->part++)
			if (!ops->write(plan, row))
				return false;
		place->part = 0;
		if (++place->target >= nb_targets) {
			place->target = 0;
			place->phase++;
		}
	}
	return true;
}

/**
 * For the data path: all of it, as narrow as there is room for.
 *
 * @param plan widened as far as it must be
 * @return whether it is written; false: not even the widest has room
 */
static __rte_always_inline bool
uiommu_inval_row_fit(struct uiommu_inval_row *row, const struct uiommu_inval_row_ops *ops,
		     void *plan, uint32_t nb_targets, uint32_t room)
{
	do {
		memset(row, 0, sizeof(*row));
		row->room = room;
		if (uiommu_inval_row_write(row, ops, plan, nb_targets))
			return true;
	} while (ops->widen(plan));
	return false;
}

/** For the control path: begin a piece, at the place where a command is. */
static inline void
uiommu_inval_row_resume(struct uiommu_inval_row *row, const struct uiommu_cmd *cmd, uint32_t room)
{
	memset(row, 0, sizeof(*row));
	row->room = RTE_MIN(room, (uint32_t)UIOMMU_INVAL_PIECE);
	if (cmd->step != 0)
		memcpy(&row->place, &cmd->scratch[UIOMMU_CMD_PLACE], sizeof(row->place));
}

/**
 * A piece is written and not the last: the command goes on from here.
 *
 * @param token,epoch as for uiommu_cmd_wait(): when the next one may be written
 */
static inline void
uiommu_inval_row_pause(const struct uiommu_inval_row *row, struct uiommu_cmd *cmd, uint32_t token,
		       uint32_t epoch)
{
	memcpy(&cmd->scratch[UIOMMU_CMD_PLACE], &row->place, sizeof(row->place));
	uiommu_cmd_wait(cmd, token, epoch);
	cmd->step = UIOMMU_STEP_PIECE;
}

#ifdef __cplusplus
}
#endif

#endif /* UIOMMU_DRIVER_INVAL_ROW_H */
