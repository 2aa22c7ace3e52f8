/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Slots, apart from what the data path does with them. */

#include "iommufd_slot.h"

void
iommufd_slots_init(struct iommufd_slots *slots, uint32_t nb_slots,
		   struct iommufd_slots_table *table)
{
	uint32_t i;

	slots->table = table;
	slots->nb_slots = nb_slots;
	slots->nb_free = nb_slots;
	for (i = 0; i <= UINT16_MAX; i++) {
		table->slots[i] = (struct iommufd_slot){.pasid = IOMMUFD_SLOT_FREE};
		table->next[i] = IOMMUFD_SLOT_NONE;
		table->heads[i] = IOMMUFD_SLOT_NONE;
	}
	table->next[IOMMUFD_SLOT_NONE] = 0;
	/* low ones first, which are found first by iommufd_slots_end() */
	for (i = 0; i < nb_slots; i++)
		table->free[i] = (uint16_t)(nb_slots - 1 - i);
}

uint32_t
iommufd_slots_end(struct iommufd_slots *slots, uint32_t dev_id, uint32_t pasid, uint32_t read)
{
	uint32_t left = slots->nb_slots - slots->nb_free, ended = 0, i;

	for (i = 0; i < slots->nb_slots && left != 0; i++) {
		struct iommufd_slot *slot = &slots->table->slots[i];

		if (slot->pasid == IOMMUFD_SLOT_FREE)
			continue;
		left--;
		/* numbers of reads wrap */
		if (slot->pasid == IOMMUFD_SLOT_DEAD || slot->dev_id != dev_id ||
		    (pasid != IOMMUFD_SLOT_ANY_PASID && slot->pasid != pasid) ||
		    (int32_t)(slot->read - read) > 0)
			continue;
		iommufd_slots_unmap(slots->table, i);
		slot->pasid = IOMMUFD_SLOT_DEAD;
		ended++;
	}
	return ended;
}
