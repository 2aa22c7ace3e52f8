/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * The judge: responses that are not simply right, and counters.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "emu_pvt.h"

/* Counters of a verdict; the text comes after them. */
#define NB_COUNTERS (offsetof(struct uiommu_emu_verdict, first) / sizeof(uint64_t))

void
emu_violation(struct uiommu_emu *emu, uint64_t *counter, const char *fmt, ...)
{
	va_list args;

	/* by the model's thread, and by those that write registers */
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
	emu_lock_take(&emu->judge_lock);
	if (emu->live.first[0] == '\0') {
		va_start(args, fmt);
		vsnprintf(emu->live.first, sizeof(emu->live.first), fmt, args);
		va_end(args);
	}
	emu_lock_drop(&emu->judge_lock);
}

static void
log_add(struct uiommu_emu *emu, const struct uiommu_emu_response *what)
{
	struct uiommu_emu_response *resp;

	if (!emu->logging)
		return;
	emu_lock_take(&emu->judge_lock);
	resp = &emu->log[(emu->log_head + emu->log_count) % EMU_LOG_SIZE];
	*resp = *what;
	if (emu->log_count < EMU_LOG_SIZE)
		emu->log_count++;
	else
		emu->log_head = (emu->log_head + 1) % EMU_LOG_SIZE;
	emu_lock_drop(&emu->judge_lock);
}

bool
uiommu_emu_response_next(struct uiommu_emu *emu, struct uiommu_emu_response *resp)
{
	bool any;

	emu_lock_take(&emu->judge_lock);
	any = emu->log_count > 0;
	if (any) {
		*resp = emu->log[emu->log_head];
		emu->log_head = (emu->log_head + 1) % EMU_LOG_SIZE;
		emu->log_count--;
	}
	emu_lock_drop(&emu->judge_lock);
	return any;
}

void
emu_judge_route(struct uiommu_emu *emu)
{
	emu->force_slow = emu->logging || emu->traffic.conf.touched != NULL ||
					  emu->traffic.conf.translate ?
				  UINT64_MAX :
				  0;
}

void
uiommu_emu_log(struct uiommu_emu *emu, bool on)
{
	emu_enter(emu);
	if (on && emu->log == NULL)
		emu->log = emu_alloc(EMU_LOG_SIZE * sizeof(emu->log[0]), SOCKET_ID_ANY);
	emu->logging = on && emu->log != NULL;
	emu_judge_route(emu);
	emu_leave(emu);
}

enum uiommu_emu_outcome
emu_unit_answer(struct uiommu_emu *emu, const struct emu_message *msg, enum uiommu_emu_code code)
{
	const struct uiommu_emu_response resp = {
		.endpoint_id = msg->endpoint_id,
		.pasid = msg->pasid,
		.prg_index = msg->prgi,
		.code = (uint16_t)code,
		.by_unit = true,
	};

	/* Failure is the answer to any request, S 8.2 of SMMUv3 */
	if (!emu_message_is_answered(msg) &&
	    (code != UIOMMU_EMU_FAILURE || !emu_message_wants(msg))) {
		uiommu_count(&emu->live.dropped, 1);
		return UIOMMU_EMU_DROPPED;
	}
	log_add(emu, &resp);
	if (code == UIOMMU_EMU_FAILURE) {
		uiommu_count(&emu->live.auto_failure, 1);
		emu_family_stop(emu, emu->device_of[msg->endpoint_id]);
		return UIOMMU_EMU_AUTO_FAILURE;
	}
	if (code == UIOMMU_EMU_SUCCESS) {
		uiommu_count(&emu->live.auto_success, 1);
		return UIOMMU_EMU_AUTO_SUCCESS;
	}
	uiommu_count(&emu->live.auto_invalid, 1);
	return UIOMMU_EMU_AUTO_INVALID;
}

/* --------------------------------------------------------------------- answers */

static uint8_t
code_bit(uint16_t code)
{
	switch (code) {
	case UIOMMU_EMU_SUCCESS:
		return EMU_ALLOW_SUCCESS;
	case UIOMMU_EMU_INVALID:
		return EMU_ALLOW_INVALID;
	case UIOMMU_EMU_FAILURE:
		return EMU_ALLOW_FAILURE;
	default:
		return 0;
	}
}

static void
code_count(struct uiommu_emu *emu, uint16_t code)
{
	switch (code) {
	case UIOMMU_EMU_SUCCESS:
		uiommu_count(&emu->live.code_success, 1);
		break;
	case UIOMMU_EMU_INVALID:
		uiommu_count(&emu->live.code_invalid, 1);
		break;
	case UIOMMU_EMU_FAILURE:
		uiommu_count(&emu->live.code_failure, 1);
		break;
	default:
		uiommu_count(&emu->live.code_other, 1);
	}
}

/* The first answer to a group that waits for one. */
static void
answer_check(struct uiommu_emu *emu, const struct emu_group *group, const struct emu_response *resp)
{
	struct uiommu_emu_verdict *live = &emu->live;
	uint8_t allow = group->allow;
	uint8_t want;

	if (emu->traffic.conf.judge == UIOMMU_EMU_JUDGE_LIGHT)
		return;
	if (resp->pasid != group->pasid) {
		emu_violation(emu, &live->wrong,
			      "device 0x%x index %u: answered with PASID 0x%x instead of 0x%x",
			      resp->endpoint_id, resp->prgi, resp->pasid, group->pasid);
		return;
	}
	/* sent to a bond that was gone, and that may have come back since */
	if (group->bond != 0 && allow == EMU_ALLOW_INVALID &&
	    (emu_bond_want(emu, group->bond) & EMU_WANT_STATE) != UIOMMU_EMU_DETACHED)
		allow |= EMU_ALLOW_SUCCESS;
	else if (group->bond != 0 && (allow & EMU_ALLOW_SUCCESS) != 0) {
		/* now, and not as of the last step: the answer is younger than the change */
		want = emu_bond_want(emu, group->bond);
		if ((want & EMU_WANT_STATE) == UIOMMU_EMU_DETACHED)
			allow = emu_allow_detached(emu, emu->bonds[group->bond].device,
						   group->allow);
		else if (want != UIOMMU_EMU_ATTACHED ||
			 emu->devices[emu->bonds[group->bond].device]->may_fail_invalid)
			allow |= EMU_ALLOW_INVALID;
	}
	if (allow == 0)
		emu_violation(emu, &live->unexpected,
			      "device 0x%x PASID 0x%x index %u: answered after detach",
			      resp->endpoint_id, resp->pasid, resp->prgi);
	else if ((allow & code_bit(resp->code)) == 0)
		emu_violation(emu, &live->wrong,
			      "device 0x%x PASID 0x%x index %u: answered with code 0x%x",
			      resp->endpoint_id, resp->pasid, resp->prgi, resp->code);
}

/* An answer to an index of which nothing is outstanding. */
static void
answer_stray(struct uiommu_emu *emu, uint32_t device, const struct emu_response *resp)
{
	const uint64_t last = emu->hot[device].slots[resp->prgi].expect;
	const struct emu_device *dev = emu->devices[device];
	const uint64_t word = emu->model->response_word(dev, resp->pasid);

	/* the unit has let it go already, which software could not know when it answered */
	if (dev->groups[resp->prgi].ended) {
		emu->devices[device]->groups[resp->prgi].ended = false;
		return;
	}
	if (last != 0 && last == (word & ~emu->model->kind_mask))
		emu_violation(emu, &emu->live.duplicated,
			      "device 0x%x PASID 0x%x index %u: answered again", resp->endpoint_id,
			      resp->pasid, resp->prgi);
	else
		emu_violation(emu, &emu->live.unexpected,
			      "device 0x%x PASID 0x%x index %u: answered, but not outstanding",
			      resp->endpoint_id, resp->pasid, resp->prgi);
}

/* Pages of a group that software says are there now. @param at as in emu_hot_pages() */
static void
pages_touch(struct uiommu_emu *emu, const struct emu_group *group, uint64_t at)
{
	const struct uiommu_emu_traffic *conf = &emu->traffic.conf;
	uint64_t page = (at - conf->window_iova) >> EMU_PAGE_SHIFT;
	uint16_t i;

	if (at == 0 || conf->touched == NULL)
		return;
	for (i = 0; i < group->pages; i++) {
		__atomic_store_n(&conf->touched[page], 1, __ATOMIC_RELAXED);
		page = page + 1 == conf->window_pages ? 0 : page + 1;
	}
}

/* A group that waited for it has its answer. */
static void
group_answered(struct uiommu_emu *emu, uint32_t device, const struct emu_response *resp)
{
	struct emu_group *group = &emu->devices[device]->groups[resp->prgi];
	const uint64_t page = emu_hot_pages(&emu->hot[device])[resp->prgi];
	/* neither while its bond changed, nor after that */
	const bool sure = group->allow == EMU_ALLOW_SUCCESS;
	const bool success = resp->code == UIOMMU_EMU_SUCCESS;
	const uint32_t hand = group->hand;

	answer_check(emu, group, resp);
	if (success)
		pages_touch(emu, group, page);
	emu_latency_add(emu, emu->hot[device].slots[resp->prgi].meta, 1);
	uiommu_count(&emu->ended, 1);
	emu_group_end(emu, device, resp->prgi);
	if (hand != 0)
		emu_hand_answered(emu, hand, resp->answer);
	if (page == 0)
		return;
	if (emu->traffic.use.wishes != NULL)
		emu_use_answered(emu, group->bond, page, success, sure);
	else if (success && sure && emu->verifying)
		emu_verify_add(emu, group->bond, page, group->pages);
}

static void
response_judge(struct uiommu_emu *emu, uint32_t device, const struct emu_response *resp)
{
	struct emu_group *group;

	if (emu->nb_manual > 0 && emu_manual_response(emu, resp))
		return;
	if (device == 0 || resp->prgi >= EMU_PRGI_COUNT ||
	    (resp->answer != UIOMMU_EMU_ANSWER_GROUP) != emu->devices[device]->stalls) {
		emu_violation(emu, &emu->live.unexpected, "answer to unknown device 0x%x index %u",
			      resp->endpoint_id, resp->prgi);
		return;
	}
	emu_group_unfold(emu, device, resp->prgi);
	group = &emu->devices[device]->groups[resp->prgi];
	switch ((enum emu_group_state)group->state) {
	case EMU_GROUP_FREE:
		answer_stray(emu, device, resp);
		break;
	case EMU_GROUP_SENDING:
	case EMU_GROUP_SILENT:
		emu_violation(emu, &emu->live.unexpected,
			      "device 0x%x PASID 0x%x index %u: %s answered", resp->endpoint_id,
			      resp->pasid, resp->prgi,
			      group->state == EMU_GROUP_SENDING ? "group without its last request" :
								  "what asks for no answer");
		break;
	case EMU_GROUP_ORPHAN:
		group->state = EMU_GROUP_FREE;
		break;
	case EMU_GROUP_ACTIVE:
		group_answered(emu, device, resp);
		break;
	}
}

/* Answers to stalls carry no PASID: it is that of the access. */
static void
stall_complete(struct uiommu_emu *emu, uint32_t device, struct emu_response *resp)
{
	if (resp->answer == UIOMMU_EMU_ANSWER_RETRY)
		uiommu_count(&emu->live.stalls_retried, 1);
	else if (resp->answer == UIOMMU_EMU_ANSWER_ABORT)
		uiommu_count(&emu->live.stalls_aborted, 1);
	else
		uiommu_count(&emu->live.stalls_terminated, 1);
	if (device == 0 || resp->prgi >= EMU_PRGI_COUNT)
		return;
	emu_group_unfold(emu, device, resp->prgi);
	resp->pasid = emu->devices[device]->groups[resp->prgi].pasid;
}

void
emu_judge_response(struct uiommu_emu *emu, const struct emu_response *given)
{
	struct emu_response *resp = &(struct emu_response){0};
	uint32_t device = 0;

	*resp = *given;
	if (resp->endpoint_id <= emu->endpoint_max)
		device = emu->device_of[resp->endpoint_id];
	if (resp->answer != UIOMMU_EMU_ANSWER_GROUP)
		stall_complete(emu, device, resp);
	uiommu_count(&emu->live.responses, 1);
	code_count(emu, resp->code);
	log_add(emu, &(struct uiommu_emu_response){
		.endpoint_id = resp->endpoint_id,
		.pasid = resp->pasid,
		.prg_index = resp->answer == UIOMMU_EMU_ANSWER_GROUP ? resp->prgi : resp->tag,
		.code = resp->code,
		.answer = resp->answer,
	});
	/* it expects none, and looks at none */
	if (device != 0 && emu->devices[device]->stopped)
		return;
	response_judge(emu, device, resp);
	/* whatever it was for: the index of a Failure need not be that of a group */
	if (device != 0 && resp->code == UIOMMU_EMU_FAILURE)
		emu_family_stop(emu, device);
}

/* --------------------------------------------------------------------- verdict */

static void
counters_read(struct uiommu_emu *emu, uint64_t *out)
{
	const uint64_t *live = (const uint64_t *)&emu->live;
	size_t i;

	for (i = 0; i < NB_COUNTERS; i++)
		out[i] = __atomic_load_n(&live[i], __ATOMIC_RELAXED);
}

/* What a device can send and what it has outstanding must always add up. */
static void
credits_audit(struct uiommu_emu *emu)
{
	const struct emu_device *dev;
	uint64_t held;
	uint32_t i, j;

	for (i = 1; i < emu->nb_devices; i++) {
		dev = emu->devices[i];
		if (dev->removed || dev->stopped)
			continue;
		held = emu->hot[i].credits;
		for (j = 0; j < EMU_PRGI_COUNT; j++)
			if ((emu->hot[i].slots[j].expect & emu->model->kind_mask) != 0)
				held += 1 + emu_hot_more(&emu->hot[i])[j];
			else if (dev->groups[j].state != EMU_GROUP_FREE)
				held += dev->groups[j].pages;
		for (j = 0; j < emu->nb_manual; j++)
			if (emu->manual[j].state != EMU_GROUP_FREE && emu->manual[j].device == i)
				held += emu->manual[j].pages;
		if (held != dev->credits)
			emu_violation(emu, &emu->live.overdrawn,
				      "device 0x%x: credits do not add up", dev->endpoint_id);
	}
}

void
uiommu_emu_verdict(struct uiommu_emu *emu, bool final, struct uiommu_emu_verdict *verdict)
{
	const uint64_t *base = (const uint64_t *)&emu->base;
	uint64_t *counters = (uint64_t *)verdict;
	uint64_t ended;
	size_t i;

	if (final) {
		emu_enter(emu);
		credits_audit(emu);
		emu_leave(emu);
	}
	/* before the groups: both only grow */
	ended = __atomic_load_n(&emu->ended, __ATOMIC_ACQUIRE);
	counters_read(emu, counters);
	verdict->outstanding = RTE_MAX(verdict->groups, ended) - ended;
	emu_lock_take(&emu->judge_lock);
	for (i = 0; i < NB_COUNTERS; i++)
		if (&counters[i] != &verdict->outstanding)
			counters[i] -= base[i];
	memcpy(verdict->first, emu->live.first, sizeof(verdict->first));
	emu_lock_drop(&emu->judge_lock);
	if (final)
		verdict->lost += verdict->outstanding;
}

bool
uiommu_emu_verdict_clean(const struct uiommu_emu_verdict *verdict)
{
	return (verdict->lost | verdict->duplicated | verdict->wrong | verdict->unexpected |
		verdict->overdrawn | verdict->stale | verdict->protocol | verdict->unmapped |
		verdict->corrupt) == 0;
}

void
uiommu_emu_reset_counters(struct uiommu_emu *emu)
{
	emu_lock_take(&emu->judge_lock);
	counters_read(emu, (uint64_t *)&emu->base);
	emu_classes_reset(emu);
	emu->live.first[0] = '\0';
	emu_lock_drop(&emu->judge_lock);
}
