/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Plugging devices in and out.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <uiommu_fault.h>

#include "emu_pvt.h"

#define CREDITS_DEFAULT 512
#define CREDITS_MAX 65535

/* A larger copy of an array; the old one stays. */
#define ARRAY_GROW(emu, array, nb, more)                                                           \
	array_grow(emu, array, (nb) * sizeof(*(array)), ((nb) + (more)) * sizeof(*(array)))

static void *
array_grow(struct uiommu_emu *emu, const void *old, size_t old_size, size_t new_size)
{
	void *mem = emu_alloc(new_size, emu->socket_id);

	if (mem != NULL && old != NULL)
		memcpy(mem, old, old_size);
	return mem;
}

/* Room for one more device and its bonds; exact, for devices are added seldom. */
static int
arrays_grow(struct uiommu_emu *emu, uint32_t bonds)
{
	struct emu_dev_hot *hot = ARRAY_GROW(emu, emu->hot, emu->nb_devices, 1);
	struct emu_device **devices = ARRAY_GROW(emu, emu->devices, emu->nb_devices, 1);
	struct emu_bond *bond = ARRAY_GROW(emu, emu->bonds, emu->nb_bonds, bonds);
	uint32_t *gen = ARRAY_GROW(emu, emu->bond_gen, emu->nb_bonds, bonds);
	uint32_t *touched = ARRAY_GROW(emu, emu->touched, emu->nb_bonds, bonds);
	const bool ok = hot != NULL && devices != NULL && bond != NULL && gen != NULL &&
			touched != NULL;

	if (ok) {
		emu_lock_take(&emu->control_lock);
		RTE_SWAP(emu->hot, hot);
		RTE_SWAP(emu->devices, devices);
		RTE_SWAP(emu->bonds, bond);
		RTE_SWAP(emu->bond_gen, gen);
		RTE_SWAP(emu->touched, touched);
		emu_lock_drop(&emu->control_lock);
	}
	emu_free(hot);
	emu_free(devices);
	emu_free(bond);
	emu_free(gen);
	emu_free(touched);
	return ok ? 0 : -ENOMEM;
}

static struct emu_slot *
slots_alloc(struct uiommu_emu *emu)
{
	return emu_alloc(EMU_SLOTS_SIZE, emu->socket_id);
}

int
emu_devices_init(struct uiommu_emu *emu)
{
	if (arrays_grow(emu, 1) < 0)
		return -ENOMEM;
	emu->nb_devices = 1;
	emu->nb_bonds = 1;
	emu->generation = 1;
	emu->hot[0].slots = slots_alloc(emu);
	return emu->hot[0].slots == NULL ? -ENOMEM : 0;
}

void
emu_devices_fini(struct uiommu_emu *emu)
{
	uint32_t i;

	for (i = 0; i < emu->nb_devices; i++) {
		emu_free(emu->hot[i].slots);
		if (emu->devices[i] != NULL)
			emu_atc_fini(emu->devices[i]);
		emu_free(emu->devices[i]);
	}
	emu_free(emu->hot);
	emu_free(emu->devices);
	emu_free(emu->bonds);
	emu_free(emu->bond_gen);
	emu_free(emu->touched);
}

static int
bond_compare(const void *a, const void *b)
{
	const uint32_t x = ((const struct emu_bond *)a)->pasid;
	const uint32_t y = ((const struct emu_bond *)b)->pasid;

	return x < y ? -1 : x > y;
}

/* Bonds of a new device, by PASID, at the end of the array. */
static int
bonds_append(struct uiommu_emu *emu, const struct uiommu_emu_device_conf *conf)
{
	struct emu_bond *bonds = &emu->bonds[emu->nb_bonds];
	uint32_t i;

	for (i = 0; i < conf->nb_pasids; i++)
		bonds[i] = (struct emu_bond){
			.pasid = conf->pasids[i],
			.device = (uint16_t)emu->nb_devices,
			.space = conf->spaces != NULL ? conf->spaces[i] : 0,
		};
	qsort(bonds, conf->nb_pasids, sizeof(*bonds), bond_compare);
	for (i = 0; i < conf->nb_pasids; i++)
		if ((bonds[i].pasid >= UIOMMU_PASID_COUNT && bonds[i].pasid != EMU_NO_PASID) ||
		    (i > 0 && bonds[i].pasid == bonds[i - 1].pasid))
			return -EINVAL;
	return 0;
}

static struct emu_device *
device_make(struct uiommu_emu *emu, const struct uiommu_emu_device_conf *conf)
{
	struct emu_device *dev = emu_alloc(sizeof(*dev), emu->socket_id);

	if (dev == NULL)
		return NULL;
	dev->endpoint_id = conf->endpoint_id;
	dev->credits = conf->credits != 0 ? conf->credits : CREDITS_DEFAULT;
	dev->first_bond = emu->nb_bonds;
	dev->nb_bonds = conf->nb_pasids;
	dev->unknown = conf->unknown;
	dev->may_fail_invalid = conf->may_fail_invalid;
	dev->stalls = conf->stalls;
	dev->class = conf->latency_class;
	dev->pf_id = conf->is_vf ? conf->pf_id : conf->endpoint_id;
	dev->silent_max = (uint16_t)RTE_MIN(dev->credits / 4, (uint32_t)EMU_SILENT_MAX);
	emu_atc_init(dev, conf->atc_entries);
	return dev;
}

int
emu_device_plug(struct uiommu_emu *emu, const struct uiommu_emu_device_conf *conf)
{
	const uint32_t index = emu->nb_devices;
	struct emu_dev_hot *hot;
	struct emu_device *dev;
	uint16_t i;
	int ret;

	if (conf->endpoint_id > emu->endpoint_max || conf->credits > CREDITS_MAX ||
	    conf->nb_pasids > UIOMMU_EMU_PASIDS_MAX ||
	    (conf->stalls && conf->credits > EMU_PRGI_COUNT) ||
	    conf->latency_class >= UIOMMU_EMU_CLASSES ||
	    conf->atc_entries > EMU_TLB_ENTRIES_MAX ||
	    (conf->atc_entries & (conf->atc_entries - 1)) != 0 ||
	    (conf->is_vf && (conf->pf_id > emu->endpoint_max ||
			     conf->pf_id == conf->endpoint_id)) ||
	    (conf->nb_pasids > 0 && conf->pasids == NULL))
		return -EINVAL;
	if (conf->stalls && !emu->model->stalls)
		return -ENOTSUP;
	if (emu_device_find(emu, conf->endpoint_id) != NULL)
		return -EEXIST;
	if (index > UINT16_MAX || emu->nb_bonds + conf->nb_pasids > EMU_BONDS_MAX)
		return -ENOMEM;
	ret = arrays_grow(emu, conf->nb_pasids);
	if (ret == 0)
		ret = bonds_append(emu, conf);
	if (ret < 0)
		return ret;
	hot = &emu->hot[index];
	hot->slots = slots_alloc(emu);
	dev = device_make(emu, conf);
	if (hot->slots == NULL || dev == NULL) {
		emu_free(hot->slots);
		emu_free(dev);
		return -ENOMEM;
	}
	for (i = 0; i < EMU_PRGI_COUNT; i++)
		emu_hot_ring(hot)[i] = i;
	hot->credits = dev->credits;
	hot->head = 0;
	hot->tail = EMU_PRGI_COUNT;
	emu->credits_free += dev->credits;
	emu->devices[index] = dev;
	emu->device_of[dev->endpoint_id] = (uint16_t)index;
	emu->nb_devices++;
	emu->nb_bonds += dev->nb_bonds;
	emu->classes |= dev->class != 0;
	return 0;
}

int
uiommu_emu_device_add(struct uiommu_emu *emu, const struct uiommu_emu_device_conf *conf)
{
	int ret;

	emu_enter(emu);
	ret = emu_device_plug(emu, conf);
	emu_leave(emu);
	return ret;
}

void
emu_groups_forget(struct uiommu_emu *emu, uint32_t device)
{
	struct emu_device *dev = emu->devices[device];
	uint16_t i;

	if (dev->stalls)
		emu_hands_end(emu, device);
	for (i = 0; i < EMU_PRGI_COUNT; i++) {
		emu_group_unfold(emu, device, i);
		if (dev->groups[i].state == EMU_GROUP_ACTIVE) {
			dev->groups[i].state = EMU_GROUP_ORPHAN;
			uiommu_count(&emu->ended, 1);
		}
	}
	for (i = 0; i < EMU_OPEN_MAX; i++)
		if (emu->traffic.open[i].pages > 0 && emu->traffic.open[i].device == device) {
			emu->traffic.open[i].pages = 0;
			emu->traffic.nb_open--;
		}
	emu_manual_forget(emu, device);
}

int
uiommu_emu_device_remove(struct uiommu_emu *emu, uint32_t endpoint_id)
{
	struct emu_device *dev;
	uint16_t index;

	emu_enter(emu);
	dev = emu_device_find(emu, endpoint_id);
	if (dev != NULL) {
		index = emu->device_of[endpoint_id];
		emu_groups_forget(emu, index);
		dev->removed = true;
		emu->credits_free -= emu->hot[index].credits;
		emu->hot[index].credits = 0;
	}
	emu_leave(emu);
	return dev == NULL ? -ENOENT : 0;
}
