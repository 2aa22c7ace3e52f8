/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Page request queue, S 7.4.
 */

#include "vtd_model_layout.h"

void
vtd_model_prq_reload(struct uiommu_emu *emu)
{
	struct vtd_model *vtd = emu->unit;
	const uint64_t pqa = __atomic_load_n(&vtd->pqa, __ATOMIC_RELAXED);
	const uint64_t tail = __atomic_load_n(&vtd->pqt, __ATOMIC_RELAXED);
	const uint64_t head = __atomic_load_n(&vtd->pqh, __ATOMIC_RELAXED);
	const size_t size = VTD_PAGE_SIZE << (pqa & VTD_PQA_PQS_MASK);
	struct emu_ring *ring = &emu->ring;

	vtd->pq_pa = pqa & VTD_PQA_ADDR_MASK;
	ring->mask = (uint32_t)(size >> VTD_DESC_SHIFT) - 1;
	ring->tail = (uint32_t)(tail >> VTD_DESC_SHIFT) & ring->mask;
	ring->published = ring->tail;
	ring->room = 0;
	ring->base = vtd->pq_pa == 0 ? NULL : emu_memory_at(emu, vtd->pq_pa, size);
	vtd->pq_head = (uint32_t)(head >> VTD_DESC_SHIFT) & ring->mask;
	if (vtd->pq_pa != 0 && ring->base == NULL)
		emu_violation(emu, &emu->live.protocol,
			      "PQA 0x%" PRIx64 " is not the unit's memory", pqa);
}

/* One entry is left free to tell full from empty, S 11.4.11.1 */
void
vtd_model_room(struct uiommu_emu *emu)
{
	struct vtd_model *vtd = emu->unit;
	struct emu_ring *ring = &emu->ring;
	/* pairs with the release store of PQH: what was freed was read */
	const uint64_t reg = __atomic_load_n(&vtd->pqh, __ATOMIC_ACQUIRE);
	const uint32_t head = (uint32_t)(reg >> VTD_DESC_SHIFT) & ring->mask;

	if (unlikely(reg != (uint64_t)head << VTD_DESC_SHIFT))
		emu_violation(emu, &emu->live.protocol, "PQH written with 0x%" PRIx64, reg);
	if (unlikely(((ring->published - head) & ring->mask) >
		     ((ring->published - vtd->pq_head) & ring->mask)))
		emu_violation(emu, &emu->live.protocol, "PQH 0x%" PRIx64 " moved past PQT", reg);
	vtd->pq_head = head;
	ring->room = (head - ring->tail - 1) & ring->mask;
}

/* An event, S 7.5; the interrupt itself is not modelled */
static void
status_set(struct vtd_model *vtd, uint32_t bit)
{
	if ((__atomic_load_n(&vtd->prs, __ATOMIC_ACQUIRE) & bit) == 0)
		__atomic_fetch_or(&vtd->prs, bit, __ATOMIC_ACQ_REL);
}

void
vtd_model_publish(struct uiommu_emu *emu)
{
	struct vtd_model *vtd = emu->unit;
	struct emu_ring *ring = &emu->ring;

	if (ring->tail == ring->published)
		return;
	ring->published = ring->tail;
	/*
	 * Release for the entries (pairs with the acquire load of the register), and in order
	 * before the look at PPR: who clears PPR and then reads PQT misses nothing.
	 */
	__atomic_store_n(&vtd->pqt, (uint64_t)(ring->tail & ring->mask) << VTD_DESC_SHIFT,
			 __ATOMIC_SEQ_CST);
	status_set(vtd, VTD_PRS_PPR);
}

bool
vtd_model_latched(struct uiommu_emu *emu)
{
	const struct vtd_model *vtd = emu->unit;

	/* pairs with the clearing write: the queue was emptied before it */
	return (__atomic_load_n(&vtd->prs, __ATOMIC_SEQ_CST) & VTD_PRS_PRO) != 0;
}

unsigned int
vtd_model_make(struct uiommu_emu *emu, unsigned int max)
{
	const uint32_t first = emu->ring.tail;
	unsigned int made;

	made = emu_fast_send(emu, max, EMU_SOURCE_REQUESTS, VTD_MODEL_LAYOUT);
	if (unlikely(emu->tlb_used))
		vtd_model_accepted_entries(emu, first, emu->ring.tail);
	return made;
}

static void
entry_write(struct uiommu_emu *emu, const uint64_t *word)
{
	const uint32_t rid = (word[0] >> VTD_PRQ0_RID_SHIFT) & UINT16_MAX;
	const uint64_t entry[] = {word[0], word[1], EMU_NOISE, EMU_NOISE};

	emu_request_put(emu, emu->devices[emu->device_of[rid]], entry, VTD_DESC_SHIFT);
}

static bool
has_room(struct uiommu_emu *emu)
{
	if (emu->ring.base == NULL)
		return false;
	if (emu->ring.room == 0)
		vtd_model_room(emu);
	return emu->ring.room > 0;
}

bool
vtd_model_raw(struct uiommu_emu *emu, const uint64_t *entry, uint32_t size)
{
	(void)size;
	if (vtd_model_latched(emu) || !has_room(emu))
		return false;
	entry_write(emu, entry);
	return true;
}

/* Way through the tables, S 7.1.3: page tables are not looked at. */
static struct vtd_fault
admit(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond, const struct emu_message *msg)
{
	const struct vtd_model *vtd = emu->unit;
	struct emu_cache stranger = {0};
	struct vtd_fault fault;
	uint32_t pasid;

	fault = vtd_model_context(emu, dev->endpoint_id, &dev->cache);
	if (fault.reason != 0)
		return fault;
	fault.hide = dev->cache.hide;
	fault.reason = (uint8_t)vtd_model_pasid(vtd, &dev->cache, msg->pasid, &pasid);
	if (fault.reason == 0 && (dev->cache.word[0] & VTD_CTX0_PRE) == 0)
		fault.reason = VTD_FR_PRE_CLEAR;
	if (fault.reason != 0)
		return fault;
	return vtd_model_pasid_entry(emu, &dev->cache, pasid,
				     bond != 0 ? &emu->bonds[bond].cache : &stranger);
}

/* S 7.4.1, tables 30 and 31 */
enum uiommu_emu_outcome
vtd_model_request(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
		  const struct emu_message *msg)
{
	struct vtd_model *vtd = emu->unit;
	struct vtd_fault fault;
	uint64_t word[2];

	if (!vtd->translating)
		return emu_unit_answer(emu, msg, UIOMMU_EMU_INVALID);
	if (emu->bond_gen[bond] != emu->generation) {
		fault = admit(emu, dev, bond, msg);
		if (fault.reason != 0) {
			if (!fault.hide)
				vtd_model_fault(emu, fault.reason, msg, VTD_ACCESS_PAGE_REQUEST);
			return emu_unit_answer(emu, msg, UIOMMU_EMU_INVALID);
		}
		emu_bond_arm(emu, bond);
	}
	if (vtd_model_latched(emu))
		return emu_unit_answer(emu, msg, UIOMMU_EMU_SUCCESS);
	if (!has_room(emu)) {
		if (emu->ring.base == NULL)
			emu_violation(emu, &emu->live.protocol,
				      "page requests enabled without a queue");
		vtd_model_publish(emu);
		status_set(vtd, VTD_PRS_PRO);
		uiommu_count(&emu->live.overflows, 1);
		return emu_unit_answer(emu, msg, UIOMMU_EMU_SUCCESS);
	}
	emu->model->encode(msg, word);
	entry_write(emu, word);
	if (unlikely(emu->tlb_used))
		vtd_model_accepted(emu, dev, bond, msg);
	return UIOMMU_EMU_QUEUED;
}
