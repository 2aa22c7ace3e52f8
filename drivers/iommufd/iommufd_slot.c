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
	slots->nb_used = 0;
	for (i = 0; i <= UINT16_MAX; i++) {
		table->slots[i] = (struct iommufd_slot){.pasid = IOMMUFD_SLOT_FREE};
		table->next[i] = IOMMUFD_SLOT_NONE;
		table->heads[i] = IOMMUFD_SLOT_NONE;
	}
	table->next[IOMMUFD_SLOT_NONE] = 0;
	/* low ones first: see iommufd_slots_note() */
	for (i = 0; i < nb_slots; i++)
		table->free[i] = (uint16_t)(nb_slots - 1 - i);
}

uint32_t
iommufd_slots_end(struct iommufd_slots *slots, const struct iommufd_slots_ended *ended,
		  uint32_t *at)
{
	const uint32_t left = slots->nb_used - *at;
	const uint32_t end = *at + (left < IOMMUFD_SLOTS_STEP ? left : IOMMUFD_SLOTS_STEP);
	uint32_t nb = 0, i;

	for (i = *at; i < end; i++) {
		struct iommufd_slot *slot = &slots->table->slots[i];

		/* numbers of reads wrap */
		if (slot->pasid == IOMMUFD_SLOT_FREE || slot->pasid == IOMMUFD_SLOT_DEAD ||
		    slot->dev_id != ended->dev_id ||
		    (ended->pasid != IOMMUFD_SLOT_ANY_PASID && slot->pasid != ended->pasid) ||
		    (int32_t)(slot->read - ended->read) > 0)
			continue;
		iommufd_slots_unmap(slots->table, i);
		slot->pasid = IOMMUFD_SLOT_DEAD;
		nb++;
	}
	*at = end == slots->nb_used ? 0 : end;
	return nb;
}
