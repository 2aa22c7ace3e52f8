/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Command queue: fetching, "Command-Queue (CQ)", answers that are simply right, and the order in
 * which commands are executed.
 */

#include "riscv_model_layout.h"

static const uint64_t *
command_at(const struct riscv_model *riscv, uint32_t at)
{
	return riscv->cq + (size_t)(at & riscv->cq_mask) * 2;
}

/* The tail that software wrote. */
static uint32_t
tail_check(struct uiommu_emu *emu)
{
	struct riscv_model *riscv = emu->unit;
	/* pairs with the release store of it: commands before it are there */
	const uint32_t tail = __atomic_load_n(&riscv->queues[RISCV_CQ].tail, __ATOMIC_ACQUIRE);

	/* what was seen to be in the queue is still there, and what came is not more than fits */
	if (((tail - riscv->cq_head) & riscv->cq_mask) <
	    ((riscv->cq_seen - riscv->cq_head) & riscv->cq_mask))
		emu_violation(emu, &emu->live.protocol,
			      "cqt 0x%x moved backwards, or past cqh 0x%x", tail, riscv->cq_head);
	riscv->cq_seen = tail;
	return tail;
}

/* ------------------------------------------------------------------------ out of order */

/* One of those that wait, at random. @return whether it was an answer */
static bool
held_execute(struct uiommu_emu *emu)
{
	struct riscv_model *riscv = emu->unit;
	const uint32_t i = (uint32_t)emu_random_below(&riscv->random, riscv->nb_held);
	const uint64_t word[2] = {riscv->held[i][0], riscv->held[i][1]};

	riscv->nb_held--;
	riscv->held[i][0] = riscv->held[riscv->nb_held][0];
	riscv->held[i][1] = riscv->held[riscv->nb_held][1];
	return riscv_model_command(emu, word) == RISCV_DONE_ANSWER;
}

/* @return answers */
static unsigned int
held_finish(struct uiommu_emu *emu, uint32_t left)
{
	const struct riscv_model *riscv = emu->unit;
	unsigned int answers = 0;

	while (riscv->nb_held > left)
		answers += held_execute(emu);
	return answers;
}

/* A command that was fetched, and is executed some time before the next fence is. */
static unsigned int
held_add(struct uiommu_emu *emu, const uint64_t *word)
{
	struct riscv_model *riscv = emu->unit;
	unsigned int answers = 0;

	if (riscv->nb_held == RISCV_MODEL_HELD_MAX)
		answers = held_finish(emu, RISCV_MODEL_HELD_MAX - 1);
	riscv->held[riscv->nb_held][0] = word[0];
	riscv->held[riscv->nb_held][1] = word[1];
	riscv->nb_held++;
	return answers;
}

/* ---------------------------------------------------------------------------- fetching */

/* Anything that is not simply right. @param responses to be added to */
static __rte_noinline enum riscv_done
command_one(struct uiommu_emu *emu, const uint64_t *word, unsigned int *responses)
{
	struct riscv_model *riscv = emu->unit;
	enum riscv_done done;

	if (riscv_model_is_illegal(riscv, word)) {
		riscv_model_refuse(emu, word);
		return RISCV_STUCK;
	}
	if ((word[0] & RISCV_CMD0_OPCODE_MASK) == RISCV_OP_IOFENCE) {
		*responses += held_finish(emu, 0);
		return riscv_model_fence(emu, word);
	}
	if (riscv->reorder) {
		*responses += held_add(emu, word);
		return RISCV_DONE;
	}
	done = riscv_model_command(emu, word);
	*responses += done == RISCV_DONE_ANSWER;
	return done;
}

/* @return responses */
static __rte_always_inline unsigned int
entries_execute(struct uiommu_emu *emu, uint32_t tail, unsigned int max, const bool several)
{
	struct riscv_model *riscv = emu->unit;
	const struct emu_layout layout = RISCV_MODEL_LAYOUT(emu);
	const uint32_t mask = riscv->cq_mask;
	unsigned int done = 0, responses = 0;
	uint32_t head = riscv->cq_head;
	struct emu_run run = {0};
	uint64_t word[2], answer[2];

	while (head != tail && done < max) {
		word[0] = command_at(riscv, head)[0];
		word[1] = command_at(riscv, head)[1];
		answer[0] = riscv_with_segment(word[0]);
		answer[1] = word[1];
		if (((tail - head) & mask) > EMU_LOOK_AHEAD)
			emu_slot_prefetch(emu, command_at(riscv, head + EMU_LOOK_AHEAD), layout);
		if (unlikely(riscv->reorder ||
			     !emu_fast_judge(emu, answer, &run, layout, several))) {
			responses += emu_run_end(emu, &run);
			riscv->cq_head = head;
			if (command_one(emu, word, &responses) == RISCV_STUCK)
				break;
		}
		head = (head + 1) & mask;
		done++;
	}
	responses += emu_run_end(emu, &run);
	riscv->cq_head = head;
	/* the places are free again: pairs with the acquire load of the register */
	__atomic_store_n(&riscv->queues[RISCV_CQ].head, head, __ATOMIC_RELEASE);
	return responses;
}

/* Ways in which fetching goes wrong. @return true: it does */
static bool
fetch_fails(struct uiommu_emu *emu)
{
	const struct riscv_model *riscv = emu->unit;
	const enum emu_fetch fetch = emu_fetch_look(emu, riscv->cq != NULL);

	if (fetch == EMU_FETCH_ABORT)
		riscv_model_command_error(emu, RISCV_CSR_MF);
	else if (fetch == EMU_FETCH_ILLEGAL)
		riscv_model_command_error(emu, RISCV_CQCSR_CMD_ILL);
	return fetch != EMU_FETCH_GOES;
}

unsigned int
riscv_model_execute(struct uiommu_emu *emu, unsigned int max)
{
	struct riscv_model *riscv = emu->unit;
	unsigned int responses = 0;
	uint32_t tail;

	if (!riscv_is_on(riscv, RISCV_CQ))
		return 0;
	/* some of what waits, and in the end all of it, fence or not */
	if (unlikely(riscv->nb_held > 0))
		responses = held_finish(emu, riscv->nb_held / 2);
	if (unlikely((riscv_csr(riscv, RISCV_CQ) & riscv_errors(RISCV_CQ)) != 0))
		return responses;
	if (__atomic_load_n(&riscv->queues[RISCV_CQ].tail, __ATOMIC_RELAXED) == riscv->cq_head)
		return responses;
	if (fetch_fails(emu))
		return responses;
	tail = tail_check(emu);
	/* groups of one page that nobody verifies: a loop that knows */
	return responses + (emu->several ? entries_execute(emu, tail, max, true) :
					   entries_execute(emu, tail, max, false));
}
