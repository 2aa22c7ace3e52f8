/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Devices with a page request interface: credits, PRG indices, groups, and the bonds (PASIDs)
 * that they use. A device takes a credit for each request message; the answer to a
 * group gives back those of all its messages.
 */

#include <errno.h>
#include <string.h>

#include "emu_pvt.h"

struct emu_device *
emu_device_find(struct uiommu_emu *emu, uint32_t endpoint_id)
{
	uint16_t index;

	if (endpoint_id > emu->endpoint_max)
		return NULL;
	index = emu->device_of[endpoint_id];
	return index == 0 || emu->devices[index]->removed ? NULL : emu->devices[index];
}

uint32_t
emu_bond_find(struct uiommu_emu *emu, const struct emu_device *dev, uint32_t pasid)
{
	uint32_t low = dev->first_bond, high = dev->first_bond + dev->nb_bonds, middle;

	/* mostly they follow each other without a gap */
	if (low < high) {
		middle = pasid - emu->bonds[low].pasid;
		if (middle < dev->nb_bonds && emu->bonds[low + middle].pasid == pasid)
			return low + middle;
	}
	while (low < high) {
		middle = low + (high - low) / 2;
		if (emu->bonds[middle].pasid == pasid)
			return middle;
		if (emu->bonds[middle].pasid < pasid)
			low = middle + 1;
		else
			high = middle;
	}
	return 0;
}

uint8_t
emu_bond_want(const struct uiommu_emu *emu, uint32_t bond)
{
	/* pairs with the release store in want_set() */
	return __atomic_load_n(&emu->bonds[bond].want, __ATOMIC_ACQUIRE);
}

uint8_t
emu_bond_allow(const struct uiommu_emu *emu, uint32_t bond)
{
	const uint8_t want = emu_bond_want(emu, bond);

	if (want == UIOMMU_EMU_ATTACHED)
		return EMU_ALLOW_SUCCESS;
	if ((want & EMU_WANT_STATE) == UIOMMU_EMU_DETACHED && !emu->model->checks_pasids)
		return EMU_ALLOW_INVALID;
	return EMU_ALLOW_SUCCESS | EMU_ALLOW_INVALID;
}

void
emu_bond_arm(struct uiommu_emu *emu, uint32_t bond)
{
	if (bond != 0 && emu_bond_want(emu, bond) == UIOMMU_EMU_ATTACHED)
		emu->bond_gen[bond] = emu->generation;
}

void
emu_bonds_disarm(struct uiommu_emu *emu)
{
	/* 0 is what disarmed bonds hold */
	if (++emu->generation == 0) {
		memset(emu->bond_gen, 0, emu->nb_bonds * sizeof(emu->bond_gen[0]));
		emu->generation = 1;
	}
}

/* ---------------------------------------------------------------------- groups */

int
emu_group_begin(struct uiommu_emu *emu, uint32_t device, uint32_t bond, uint32_t pasid,
		uint32_t pages)
{
	struct emu_dev_hot *hot = &emu->hot[device];
	struct emu_group *group;
	uint16_t prgi;

	if (hot->credits < pages || hot->head == hot->tail || emu->devices[device]->stopped)
		return -1;
	hot->credits -= pages;
	emu->credits_free -= pages;
	prgi = emu_hot_ring(hot)[hot->head++ % EMU_PRGI_COUNT];
	hot->slots[prgi].expect = 0;
	hot->slots[prgi].meta = emu_meta(emu, emu->devices[device]->class) | bond;
	group = &emu->devices[device]->groups[prgi];
	group->bond = bond;
	group->pasid = pasid;
	group->pages = (uint16_t)pages;
	group->state = EMU_GROUP_SENDING;
	group->hand = 0;
	group->ended = false;
	emu_hot_pages(hot)[prgi] = 0;
	return prgi;
}

void
emu_group_await(struct uiommu_emu *emu, uint32_t device, uint16_t prgi, uint8_t allow)
{
	struct emu_group *group = &emu->devices[device]->groups[prgi];

	group->state = EMU_GROUP_ACTIVE;
	group->allow = allow;
	uiommu_count(&emu->live.groups, 1);
}

void
emu_group_await_good(struct uiommu_emu *emu, uint32_t device, uint16_t prgi, uint64_t expect)
{
	struct emu_dev_hot *hot = &emu->hot[device];
	struct emu_group *group = &emu->devices[device]->groups[prgi];

	hot->slots[prgi].meta = emu_meta(emu, emu->devices[device]->class) | group->bond;
	if (emu->bond_gen[group->bond] != emu->generation) {
		emu_stale_check(emu, group->bond);
		emu_group_await(emu, device, prgi, emu_bond_allow(emu, group->bond));
		return;
	}
	group->state = EMU_GROUP_FREE;
	hot->slots[prgi].expect = expect;
	emu_hot_more(hot)[prgi] = (uint8_t)(group->pages - 1);
	uiommu_count(&emu->live.groups, 1);
}

void
emu_group_end(struct uiommu_emu *emu, uint32_t device, uint16_t prgi)
{
	struct emu_device *dev = emu->devices[device];
	struct emu_dev_hot *hot = &emu->hot[device];
	struct emu_group *group = &dev->groups[prgi];

	/* what remains tells a second answer from one that was never asked for */
	hot->slots[prgi].expect = emu->model->response_word(dev, group->pasid) &
				  ~emu->model->kind_mask;
	group->state = EMU_GROUP_FREE;
	if (dev->removed || dev->stopped)
		return;
	emu_hot_ring(hot)[hot->tail++ % EMU_PRGI_COUNT] = prgi;
	hot->credits += group->pages;
	emu->credits_free += group->pages;
	if (hot->credits > dev->credits)
		emu_violation(emu, &emu->live.overdrawn,
			      "device 0x%x got back more credits than it had", dev->endpoint_id);
}

void
emu_group_silence(struct uiommu_emu *emu, uint32_t device, uint16_t prgi)
{
	struct emu_device *dev = emu->devices[device];

	if (dev->silent_max == 0) {
		emu_group_end(emu, device, prgi);
		return;
	}
	if (dev->silent_count == dev->silent_max) {
		emu_group_end(emu, device, dev->silent[dev->silent_head]);
		dev->silent_head = (uint16_t)((dev->silent_head + 1) % EMU_SILENT_MAX);
		dev->silent_count--;
	}
	dev->groups[prgi].state = EMU_GROUP_SILENT;
	dev->silent[(dev->silent_head + dev->silent_count++) % EMU_SILENT_MAX] = prgi;
}

void
emu_group_unfold(struct uiommu_emu *emu, uint32_t device, uint16_t prgi)
{
	struct emu_slot *slot = &emu->hot[device].slots[prgi];
	struct emu_group *group = &emu->devices[device]->groups[prgi];
	const uint32_t bond = slot->meta & EMU_META_BOND_MASK;

	if ((slot->expect & emu->model->kind_mask) == 0)
		return;
	*group = (struct emu_group){
		.bond = bond,
		.pasid = emu->bonds[bond].pasid,
		.pages = (uint16_t)(emu_hot_more(&emu->hot[device])[prgi] + 1),
		.state = EMU_GROUP_ACTIVE,
		.allow = EMU_ALLOW_SUCCESS,
	};
	slot->expect = 0;
	emu_hot_more(&emu->hot[device])[prgi] = 0;
}

/* --------------------------------------------------------------------- control */

static int
want_set(struct uiommu_emu *emu, uint32_t endpoint_id, uint32_t pasid, uint8_t clear, uint8_t set)
{
	const struct emu_device *dev = emu_device_find(emu, endpoint_id);
	const uint32_t bond = dev != NULL ? emu_bond_find(emu, dev, pasid) : 0;

	if (bond == 0)
		return -ENOENT;
	emu_lock_take(&emu->control_lock);
	/* before the state: pairs with the acquire load in emu_bond_want() */
	if ((set & EMU_WANT_STATE) == UIOMMU_EMU_DETACHED && (clear & EMU_WANT_STATE) != 0)
		__atomic_fetch_add(&emu->bonds[bond].ended, 1, __ATOMIC_RELAXED);
	/* pairs with the acquire load in emu_bond_want(): whoever sees a table entry that was
	 * written after this call sees this too
	 */
	__atomic_store_n(&emu->bonds[bond].want,
			 (uint8_t)((emu->bonds[bond].want & ~clear) | set), __ATOMIC_RELEASE);
	if (!emu->bonds[bond].touched) {
		emu->bonds[bond].touched = true;
		emu->touched[emu->nb_touched] = bond;
		__atomic_store_n(&emu->nb_touched, emu->nb_touched + 1, __ATOMIC_RELEASE);
	}
	emu_lock_drop(&emu->control_lock);
	return 0;
}

int
uiommu_emu_pasid_quiesce(struct uiommu_emu *emu, uint32_t endpoint_id, uint32_t pasid, bool quiesce)
{
	return want_set(emu, endpoint_id, pasid, EMU_WANT_QUIET, quiesce ? EMU_WANT_QUIET : 0);
}

int
uiommu_emu_pasid_state(struct uiommu_emu *emu, uint32_t endpoint_id, uint32_t pasid,
		       enum uiommu_emu_pasid_state state)
{
	if (state > UIOMMU_EMU_DETACHED)
		return -EINVAL;
	return want_set(emu, endpoint_id, pasid, EMU_WANT_STATE, (uint8_t)state);
}

/*
 * A unit that does not look at PASIDs has let in what was sent at any time of the detach: some of
 * it came after the drain, and is for software to refuse. Not so what was sent before.
 */
uint8_t
emu_allow_detached(const struct uiommu_emu *emu, uint32_t device, uint8_t allow)
{
	if (emu->model->checks_pasids || emu->devices[device]->stalls)
		return 0;
	return allow & EMU_ALLOW_INVALID;
}

/* Groups of a bond that is gone: an answer that comes now comes too late. */
static void
bond_orphan(struct uiommu_emu *emu, uint32_t bond)
{
	const uint16_t device = emu->bonds[bond].device;
	struct emu_group *groups = emu->devices[device]->groups;
	const struct emu_slot *slots = emu->hot[device].slots;
	uint16_t i;

	for (i = 0; i < EMU_PRGI_COUNT; i++) {
		if ((slots[i].meta & EMU_META_BOND_MASK) == bond)
			emu_group_unfold(emu, device, i);
		if (groups[i].state == EMU_GROUP_ACTIVE && groups[i].bond == bond)
			groups[i].allow = emu_allow_detached(emu, device, groups[i].allow);
	}
}

void
emu_control_apply(struct uiommu_emu *emu)
{
	uint32_t bond;
	uint8_t want;

	/* a caller that was interrupted in there must not stop the model */
	if (__atomic_exchange_n(&emu->control_lock, 1, __ATOMIC_ACQUIRE) != 0)
		return;
	while (emu->nb_touched > 0) {
		__atomic_store_n(&emu->nb_touched, emu->nb_touched - 1, __ATOMIC_RELAXED);
		bond = emu->touched[emu->nb_touched];
		emu->bonds[bond].touched = false;
		emu->bond_gen[bond] = 0;
		emu->bonds[bond].refused = false;
		want = emu_bond_want(emu, bond);
		if ((want & EMU_WANT_STATE) == UIOMMU_EMU_DETACHED)
			bond_orphan(emu, bond);
		if ((want & EMU_WANT_QUIET) != 0)
			emu_stop_marker_send(emu, bond);
	}
	emu_lock_drop(&emu->control_lock);
}
