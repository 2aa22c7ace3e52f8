/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Requests made by hand. Their groups have a ledger of their own, by endpoint, PASID and index,
 * for the caller chooses the indices.
 */

#include <errno.h>
#include <string.h>

#include <rte_cycles.h>

#include "emu_pvt.h"

static bool
is_group(const struct emu_manual *group, uint32_t endpoint_id, uint32_t pasid, uint16_t prgi)
{
	return group->endpoint_id == endpoint_id && group->pasid == pasid &&
	       group->prgi == prgi && !group->stall;
}

static struct emu_manual *
group_find(struct uiommu_emu *emu, uint32_t endpoint_id, uint32_t pasid, uint16_t prgi,
	   enum emu_group_state state)
{
	struct emu_manual *found = NULL;
	uint32_t i;

	for (i = 0; i < emu->nb_manual; i++)
		if (emu->manual[i].state == state &&
		    is_group(&emu->manual[i], endpoint_id, pasid, prgi) &&
		    (found == NULL || emu->manual[i].meta < found->meta))
			found = &emu->manual[i];
	return found;
}

/* A place in the ledger; those of answered groups are used again when there is no other. */
static struct emu_manual *
group_new(struct uiommu_emu *emu, uint32_t endpoint_id, uint32_t pasid, uint16_t prgi)
{
	struct emu_manual *group = NULL;
	uint32_t i;

	if (emu->manual == NULL)
		emu->manual = emu_alloc(EMU_MANUAL_MAX * sizeof(emu->manual[0]), SOCKET_ID_ANY);
	if (emu->manual == NULL)
		return NULL;
	if (emu->nb_manual < EMU_MANUAL_MAX)
		group = &emu->manual[emu->nb_manual++];
	for (i = 0; group == NULL && i < EMU_MANUAL_MAX; i++)
		if (emu->manual[i].state == EMU_GROUP_FREE)
			group = &emu->manual[i];
	if (group == NULL)
		return NULL;
	*group = (struct emu_manual){
		.meta = emu_meta(emu, 0),
		.endpoint_id = endpoint_id,
		.pasid = pasid,
		.device = UINT32_MAX,
		.prgi = prgi,
		.state = EMU_GROUP_SENDING,
	};
	return group;
}

static void
group_end(struct uiommu_emu *emu, struct emu_manual *group)
{
	if (group->device != UINT32_MAX) {
		emu->hot[group->device].credits += group->pages;
		emu->credits_free += group->pages;
	}
	group->state = EMU_GROUP_FREE;
}

static void
group_answered(struct uiommu_emu *emu, struct emu_manual *group, const struct emu_response *resp)
{
	const bool known = resp->code == UIOMMU_EMU_SUCCESS || resp->code == UIOMMU_EMU_INVALID ||
			   resp->code == UIOMMU_EMU_FAILURE;

	if (resp->pasid != group->pasid)
		emu_violation(emu, &emu->live.wrong,
			      "device 0x%x index %u: answered with PASID 0x%x instead of 0x%x",
			      resp->endpoint_id, resp->prgi, resp->pasid, group->pasid);
	else if (!known)
		emu_violation(emu, &emu->live.wrong,
			      "device 0x%x PASID 0x%x index %u: answered with code 0x%x",
			      resp->endpoint_id, resp->pasid, resp->prgi, resp->code);
	if (group->counted) {
		emu_latency_add(emu, group->meta, 1);
		uiommu_count(&emu->ended, 1);
	}
	group_end(emu, group);
}

/* Whether traffic has nothing outstanding with this index. */
static bool
slot_idle(struct uiommu_emu *emu, uint32_t endpoint_id, uint16_t prgi)
{
	uint16_t device;

	if (endpoint_id > emu->endpoint_max)
		return true;
	device = emu->device_of[endpoint_id];
	return device == 0 || (emu->devices[device]->groups[prgi].state == EMU_GROUP_FREE &&
			       (emu->hot[device].slots[prgi].expect & emu->model->kind_mask) == 0);
}

/* Another PASID with this index waits: the answer has the wrong PASID. */
static struct emu_manual *
group_by_index(struct uiommu_emu *emu, uint32_t endpoint_id, uint16_t prgi)
{
	uint32_t i;

	for (i = 0; i < emu->nb_manual; i++)
		if (emu->manual[i].state == EMU_GROUP_ACTIVE && !emu->manual[i].stall &&
		    emu->manual[i].endpoint_id == endpoint_id && emu->manual[i].prgi == prgi)
			return &emu->manual[i];
	return NULL;
}

/* An answer to an event that was put there by hand. */
static bool
stall_response(struct uiommu_emu *emu, const struct emu_response *resp)
{
	uint32_t i;

	for (i = 0; i < emu->nb_manual; i++)
		if (emu->manual[i].stall && emu->manual[i].state == EMU_GROUP_ACTIVE &&
		    emu->manual[i].endpoint_id == resp->endpoint_id &&
		    emu->manual[i].prgi == resp->tag) {
			group_end(emu, &emu->manual[i]);
			return true;
		}
	return false;
}

bool
emu_manual_response(struct uiommu_emu *emu, const struct emu_response *resp)
{
	struct emu_manual *group;

	if (resp->answer != UIOMMU_EMU_ANSWER_GROUP)
		return stall_response(emu, resp);
	group = group_find(emu, resp->endpoint_id, resp->pasid, resp->prgi, EMU_GROUP_ACTIVE);
	if (group != NULL) {
		group_answered(emu, group, resp);
		return true;
	}
	if (!slot_idle(emu, resp->endpoint_id, resp->prgi))
		return false;
	if (group_find(emu, resp->endpoint_id, resp->pasid, resp->prgi, EMU_GROUP_SENDING)) {
		emu_violation(emu, &emu->live.unexpected,
			      "device 0x%x PASID 0x%x index %u: answered before its last request",
			      resp->endpoint_id, resp->pasid, resp->prgi);
		return true;
	}
	if (group_find(emu, resp->endpoint_id, resp->pasid, resp->prgi, EMU_GROUP_FREE)) {
		emu_violation(emu, &emu->live.duplicated,
			      "device 0x%x PASID 0x%x index %u: answered again", resp->endpoint_id,
			      resp->pasid, resp->prgi);
		return true;
	}
	group = group_by_index(emu, resp->endpoint_id, resp->prgi);
	if (group != NULL)
		group_answered(emu, group, resp);
	return group != NULL;
}

bool
emu_manual_own(struct uiommu_emu *emu, uint32_t endpoint_id, uint32_t pasid, uint16_t prgi)
{
	struct emu_manual *group =
		group_find(emu, endpoint_id, pasid, prgi, EMU_GROUP_ACTIVE);

	if (group == NULL)
		return false;
	if (group->counted)
		uiommu_count(&emu->ended, 1);
	group_end(emu, group);
	return true;
}

void
emu_manual_forget(struct uiommu_emu *emu, uint32_t device)
{
	uint32_t i;

	for (i = 0; i < emu->nb_manual; i++) {
		if (emu->manual[i].device != device || emu->manual[i].state == EMU_GROUP_FREE)
			continue;
		/* an answer may still be under way */
		emu->manual[i].device = UINT32_MAX;
		/* and its last request will not come */
		if (emu->manual[i].state == EMU_GROUP_SENDING)
			emu->manual[i].state = EMU_GROUP_FREE;
		if (emu->manual[i].counted)
			uiommu_count(&emu->ended, 1);
		emu->manual[i].counted = false;
	}
}

/* The request has a credit; write down what became of it. */
static void
request_account(struct uiommu_emu *emu, struct emu_manual *group, const struct emu_message *msg,
		enum uiommu_emu_outcome outcome)
{
	if ((msg->flags & EMU_REQ_LAST) == 0)
		return;
	if (outcome != UIOMMU_EMU_QUEUED) {
		group_end(emu, group);
		return;
	}
	group->meta = emu_meta(emu, emu->devices[group->device]->class);
	group->state = EMU_GROUP_ACTIVE;
	group->counted = true;
	uiommu_count(&emu->live.groups, 1);
}

bool
emu_manual_begin(struct uiommu_emu *emu, const struct emu_message *msg, uint32_t *index)
{
	const struct emu_device *dev = emu_device_find(emu, msg->endpoint_id);
	struct emu_manual *group;
	uint16_t device;

	*index = EMU_MANUAL_NONE;
	if (dev == NULL || dev->stopped || dev->stalls || msg->prgi >= EMU_PRGI_COUNT)
		return false;
	/* no answer will tell that it is over: none is waited for, and no credit taken */
	if (!emu_message_wants(msg) || emu->unheard)
		return true;
	device = emu->device_of[msg->endpoint_id];
	if (emu->hot[device].credits == 0)
		return false;
	group = group_find(emu, msg->endpoint_id, msg->pasid, msg->prgi, EMU_GROUP_SENDING);
	if (group == NULL)
		group = group_new(emu, msg->endpoint_id, msg->pasid, msg->prgi);
	if (group == NULL)
		return false;
	group->device = device;
	emu->hot[device].credits--;
	emu->credits_free--;
	group->pages++;
	*index = (uint32_t)(group - emu->manual);
	return true;
}

/* The group of a request that was on its way; NULL: nobody waits for it any more. */
static struct emu_manual *
group_at(struct uiommu_emu *emu, const struct emu_message *msg, uint32_t index)
{
	struct emu_manual *group = &emu->manual[index];

	return group->state == EMU_GROUP_SENDING && group->device != UINT32_MAX &&
			       is_group(group, msg->endpoint_id, msg->pasid, msg->prgi) ?
		       group :
		       NULL;
}

enum uiommu_emu_outcome
emu_manual_arrive(struct uiommu_emu *emu, const struct emu_message *msg, uint32_t index)
{
	struct emu_device *dev = emu_device_find(emu, msg->endpoint_id);
	struct emu_manual *group = NULL;
	enum uiommu_emu_outcome outcome;
	uint32_t bond;

	if (index != EMU_MANUAL_NONE)
		group = group_at(emu, msg, index);
	if (dev == NULL || dev->stopped || (index != EMU_MANUAL_NONE && group == NULL))
		return UIOMMU_EMU_NO_CREDIT;
	bond = emu_bond_find(emu, dev, msg->pasid);
	outcome = emu->model->request(emu, dev, bond, msg);
	if (bond != 0 && outcome == UIOMMU_EMU_QUEUED)
		emu_stale_check(emu, bond);
	if (group != NULL)
		request_account(emu, group, msg, outcome);
	else if (outcome == UIOMMU_EMU_QUEUED && (msg->flags & EMU_REQ_LAST) != 0 &&
		 !emu_message_wants(msg))
		uiommu_count(&emu->live.stop_markers, 1);
	return outcome;
}

struct emu_message
emu_manual_message(const struct uiommu_emu_request *req)
{
	return (struct emu_message){
		.endpoint_id = req->endpoint_id,
		.pasid = req->pasid,
		.iova = req->iova,
		.prgi = req->prg_index,
		.flags = (uint16_t)((req->read ? EMU_REQ_READ : 0) |
				    (req->write ? EMU_REQ_WRITE : 0) |
				    (req->last ? EMU_REQ_LAST : 0) |
				    (req->exec ? EMU_REQ_EXEC : 0) |
				    (req->priv ? EMU_REQ_PRIV : 0)),
	};
}

void
emu_manual_enter(struct uiommu_emu *emu)
{
	emu_enter(emu);
	emu->now = rte_rdtsc();
	emu->model->commands(emu);
	/* what the caller told the judge before; pairs with the release store in want_set() */
	if (__atomic_load_n(&emu->nb_touched, __ATOMIC_ACQUIRE) != 0)
		emu_control_apply(emu);
}

enum uiommu_emu_outcome
uiommu_emu_request(struct uiommu_emu *emu, const struct uiommu_emu_request *req)
{
	const struct emu_message msg = emu_manual_message(req);
	enum uiommu_emu_outcome outcome = UIOMMU_EMU_NO_CREDIT;
	uint32_t group;

	emu_manual_enter(emu);
	if (emu_manual_begin(emu, &msg, &group))
		outcome = emu_manual_arrive(emu, &msg, group);
	emu->model->publish(emu);
	emu_leave(emu);
	return outcome;
}

/*
 * Last, and nothing else: for SMMUv3 a page request like others where it has no PASID (S 8), for
 * VT-d one whose index says nothing.
 */
static bool
is_bare_last(const struct uiommu_emu *emu, const struct emu_message *msg)
{
	return emu->model->event_size != 0 && msg->pasid == EMU_NO_PASID &&
	       (msg->flags & EMU_REQ_LAST) != 0;
}

int
uiommu_emu_request_raw(struct uiommu_emu *emu, const void *entry, size_t size)
{
	struct emu_manual *group;
	struct emu_message msg;
	uint64_t word[EMU_ENTRY_WORDS];
	bool queued;

	if ((size != emu->model->entry_size && size != emu->model->event_size) || size == 0 ||
	    size > sizeof(word))
		return -EINVAL;
	memcpy(word, entry, size);
	emu_enter(emu);
	emu->now = rte_rdtsc();
	emu->model->commands(emu);
	queued = emu->model->raw(emu, word, (uint32_t)size);
	if (queued && emu->model->decode(word, (uint32_t)size, &msg) &&
	    (emu_message_is_answered(&msg) || is_bare_last(emu, &msg))) {
		group = group_new(emu, msg.endpoint_id, msg.pasid, msg.prgi);
		if (group != NULL) {
			group->state = EMU_GROUP_ACTIVE;
			group->stall = size != emu->model->entry_size;
		}
	}
	emu->model->publish(emu);
	emu_leave(emu);
	return queued ? 0 : -ENOSPC;
}
