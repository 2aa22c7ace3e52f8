/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Slots, apart from what the data path does with them. */

#include <string.h>

#include "iommufd_slot.h"

/* Power of two, at least twice as many as there are slots */
static uint32_t
map_places(uint32_t nb_slots)
{
	uint32_t places = 2;

	while (places < 2 * nb_slots)
		places *= 2;
	return places;
}

size_t
iommufd_slots_size(uint32_t nb_slots)
{
	return nb_slots * (sizeof(struct iommufd_slot) + sizeof(uint16_t)) +
	       map_places(nb_slots) * sizeof(uint16_t);
}

void
iommufd_slots_init(struct iommufd_slots *slots, uint32_t nb_slots, void *memory)
{
	uint32_t i;

	slots->nb_slots = nb_slots;
	slots->nb_free = nb_slots;
	slots->map_mask = map_places(nb_slots) - 1;
	slots->slots = memory;
	slots->free = (uint16_t *)(slots->slots + nb_slots);
	slots->map = slots->free + nb_slots;
	for (i = 0; i < nb_slots; i++) {
		slots->slots[i] = (struct iommufd_slot){.pasid = IOMMUFD_SLOT_FREE};
		/* low ones first, which are found first by iommufd_slots_end() */
		slots->free[i] = (uint16_t)(nb_slots - 1 - i);
	}
	memset(slots->map, 0xff, ((size_t)slots->map_mask + 1) * sizeof(slots->map[0]));
}

uint32_t
iommufd_slots_end(struct iommufd_slots *slots, uint32_t dev_id, uint32_t pasid, uint32_t read)
{
	uint32_t left = slots->nb_slots - slots->nb_free, ended = 0, i;

	for (i = 0; i < slots->nb_slots && left != 0; i++) {
		struct iommufd_slot *slot = &slots->slots[i];

		if (slot->pasid == IOMMUFD_SLOT_FREE)
			continue;
		left--;
		/* numbers of reads wrap */
		if (slot->pasid == IOMMUFD_SLOT_DEAD || slot->dev_id != dev_id ||
		    (pasid != IOMMUFD_SLOT_ANY_PASID && slot->pasid != pasid) ||
		    (int32_t)(slot->read - read) > 0)
			continue;
		iommufd_slots_unmap(slots, i);
		slot->pasid = IOMMUFD_SLOT_DEAD;
		ended++;
	}
	return ended;
}
