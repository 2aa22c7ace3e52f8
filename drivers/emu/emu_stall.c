/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Accesses that wait in the unit: those made by hand, and how they end without an answer.
 */

#include <errno.h>

#include "emu_pvt.h"

static bool
is_waiting(const struct emu_hand *hand)
{
	return hand->state == UIOMMU_EMU_ACCESS_STALLED || hand->state == UIOMMU_EMU_ACCESS_UNSEEN;
}

static void
state_set(struct uiommu_emu *emu, struct emu_hand *hand, enum uiommu_emu_access_state state)
{
	emu->nb_unseen -= hand->state == UIOMMU_EMU_ACCESS_UNSEEN;
	hand->state = (uint8_t)state;
	emu->nb_unseen += hand->state == UIOMMU_EMU_ACCESS_UNSEEN;
}

static struct emu_group *
group_of(struct uiommu_emu *emu, const struct emu_hand *hand)
{
	return &emu->devices[hand->device]->groups[hand->msg.prgi];
}

/* The access as though it had just arrived; it has a slot. */
static void
hand_try(struct uiommu_emu *emu, struct emu_hand *hand)
{
	struct emu_device *dev = emu->devices[hand->device];
	const enum uiommu_emu_access_state state =
		emu->model->access(emu, dev, hand->bond, &hand->msg);

	state_set(emu, hand, state);
	if (state == UIOMMU_EMU_ACCESS_STALLED) {
		hand->events++;
		/* any answer will do */
		emu_group_await(emu, hand->device, hand->msg.prgi,
				EMU_ALLOW_SUCCESS | EMU_ALLOW_INVALID);
		uiommu_count(&emu->live.stalls, 1);
	} else if (state != UIOMMU_EMU_ACCESS_UNSEEN) {
		emu_group_end(emu, hand->device, hand->msg.prgi);
	}
}

/* An access takes a slot, and a credit, and sets out. */
static void
hand_begin(struct uiommu_emu *emu, uint32_t index)
{
	struct emu_hand *hand = &emu->hands[index];
	const int prgi = emu_group_begin(emu, hand->device, hand->bond, hand->msg.pasid, 1);

	if (prgi < 0) {
		state_set(emu, hand, UIOMMU_EMU_ACCESS_NO_CREDIT);
		return;
	}
	hand->msg.prgi = (uint16_t)prgi;
	group_of(emu, hand)->hand = (uint16_t)(index + 1);
	hand_try(emu, hand);
}

void
emu_hand_answered(struct uiommu_emu *emu, uint32_t hand, enum uiommu_emu_answer answer)
{
	struct emu_hand *one = &emu->hands[hand - 1];

	/* tried again early, and done */
	if (one->state != UIOMMU_EMU_ACCESS_STALLED)
		return;
	switch (answer) {
	case UIOMMU_EMU_ANSWER_RETRY:
		hand_begin(emu, hand - 1);
		break;
	case UIOMMU_EMU_ANSWER_TERMINATE:
		state_set(emu, one, UIOMMU_EMU_ACCESS_IGNORED);
		break;
	default:
		state_set(emu, one, UIOMMU_EMU_ACCESS_ABORTED);
	}
}

void
emu_hands_retry(struct uiommu_emu *emu)
{
	uint32_t i;

	if (emu->events.room == 0)
		emu->model->room(emu);
	for (i = 0; i < emu->nb_hands && emu->events.room > 0; i++)
		if (emu->hands[i].state == UIOMMU_EMU_ACCESS_UNSEEN)
			hand_try(emu, &emu->hands[i]);
	emu->model->publish(emu);
}

/* What is not seen by software yet ends here as well. */
void
emu_hands_end(struct uiommu_emu *emu, uint32_t device)
{
	uint32_t i;

	for (i = 0; i < emu->nb_hands; i++) {
		if (emu->hands[i].device != device || !is_waiting(&emu->hands[i]))
			continue;
		if (emu->hands[i].state == UIOMMU_EMU_ACCESS_UNSEEN)
			emu_group_end(emu, device, emu->hands[i].msg.prgi);
		state_set(emu, &emu->hands[i], UIOMMU_EMU_ACCESS_ABORTED);
	}
}

void
emu_stalls_end(struct uiommu_emu *emu, uint32_t device)
{
	struct emu_group *group;
	uint16_t i;

	emu_hands_end(emu, device);
	for (i = 0; i < EMU_PRGI_COUNT; i++) {
		emu_group_unfold(emu, device, i);
		group = &emu->devices[device]->groups[i];
		if (group->state != EMU_GROUP_ACTIVE)
			continue;
		emu_group_end(emu, device, i);
		group->ended = true;
		uiommu_count(&emu->ended, 1);
		uiommu_count(&emu->live.stalls_ended, 1);
	}
}

/* ------------------------------------------------------------------ front panel */

static void
hand_show(const struct uiommu_emu *emu, uint32_t index, struct uiommu_emu_stalled *out)
{
	const struct emu_hand *hand = &emu->hands[index];
	uint64_t word[4] = {0};
	struct emu_message msg;

	*out = (struct uiommu_emu_stalled){
		.state = hand->state,
		.events = hand->events,
		.handle = index,
	};
	if (hand->state != UIOMMU_EMU_ACCESS_STALLED)
		return;
	/* as the event has it */
	emu->model->event(&hand->msg, word);
	emu->model->decode(word, emu->model->event_size, &msg);
	out->tag = msg.prgi;
}

/* @return handle; -1: no more */
static int
hand_new(struct uiommu_emu *emu, const struct uiommu_emu_request *req)
{
	struct emu_hand *hand;

	if (emu->hands == NULL)
		emu->hands = emu_alloc(EMU_HANDS_MAX * sizeof(emu->hands[0]), SOCKET_ID_ANY);
	if (emu->hands == NULL || emu->nb_hands == EMU_HANDS_MAX)
		return -1;
	hand = &emu->hands[emu->nb_hands];
	*hand = (struct emu_hand){
		.msg = emu_manual_message(req), .state = UIOMMU_EMU_ACCESS_NO_CREDIT,
	};
	hand->msg.flags |= EMU_REQ_LAST;
	return (int)emu->nb_hands++;
}

int
uiommu_emu_stall(struct uiommu_emu *emu, const struct uiommu_emu_request *req,
		 struct uiommu_emu_stalled *out)
{
	const struct emu_device *dev;
	int handle;

	if (!emu->model->stalls)
		return -ENOTSUP;
	emu_manual_enter(emu);
	handle = hand_new(emu, req);
	if (handle >= 0) {
		dev = emu_device_find(emu, req->endpoint_id);
		if (dev != NULL && dev->stalls) {
			emu->hands[handle].device = emu->device_of[req->endpoint_id];
			emu->hands[handle].bond = emu_bond_find(emu, dev, req->pasid);
			hand_begin(emu, (uint32_t)handle);
		}
		emu->model->publish(emu);
		hand_show(emu, (uint32_t)handle, out);
	}
	emu_leave(emu);
	return handle < 0 ? -ENOMEM : 0;
}

int
uiommu_emu_stall_get(struct uiommu_emu *emu, uint32_t handle, struct uiommu_emu_stalled *out)
{
	int ret = -ENOENT;

	emu_enter(emu);
	if (handle < emu->nb_hands) {
		hand_show(emu, handle, out);
		ret = 0;
	}
	emu_leave(emu);
	return ret;
}

unsigned int
uiommu_emu_retry_early(struct uiommu_emu *emu)
{
	unsigned int through = 0;
	struct emu_hand *hand;
	struct emu_leaf leaf;
	uint32_t i;

	emu_manual_enter(emu);
	for (i = 0; i < emu->nb_hands; i++) {
		hand = &emu->hands[i];
		if (hand->state != UIOMMU_EMU_ACCESS_STALLED ||
		    !emu->model->reach(emu, emu->devices[hand->device], hand->bond, &hand->msg,
				       &leaf))
			continue;
		state_set(emu, hand, UIOMMU_EMU_ACCESS_DONE);
		uiommu_count(&emu->live.early_retries, 1);
		through++;
	}
	emu_leave(emu);
	return through;
}
