/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Success must be true: pages that software has answered for are looked up in the tables, many at a
 * time.
 */

#include <errno.h>

#include "emu_pvt.h"
#include "emu_tlb.h"

/* Looked up together: enough for the misses of one to hide those of the others. */
#define LOOKUPS_MAX 64

struct emu_verify {
	uint32_t nb;
	struct emu_lookup lookups[LOOKUPS_MAX];
};

int
emu_verify_set(struct uiommu_emu *emu, bool on)
{
	if (on && emu->verify == NULL)
		emu->verify = emu_alloc(sizeof(*emu->verify), emu->socket_id);
	if (on && emu->verify == NULL)
		return -ENOMEM;
	emu->verifying = on;
	emu->several |= on;
	return 0;
}

bool
emu_unmapped(struct uiommu_emu *emu, uint32_t bond, uint64_t iova, uint32_t access)
{
	/*
	 * Looked at after the tables: what a detach has taken out of them was announced before
	 * (pairs with the release store in want_set()).
	 */
	if ((emu_bond_want(emu, bond) & EMU_WANT_STATE) != UIOMMU_EMU_ATTACHED)
		return false;
	if (emu->traffic.conf.may_vanish) {
		uiommu_count(&emu->live.vanished, 1);
		return true;
	}
	emu_violation(emu, &emu->live.unmapped,
		      "device 0x%x PASID 0x%x: Success, but 0x%" PRIx64 " cannot be %s",
		      emu->devices[emu->bonds[bond].device]->endpoint_id, emu->bonds[bond].pasid,
		      iova, (access & EMU_REQ_WRITE) != 0 ? "written" : "read");
	return true;
}

void
emu_verify_flush(struct uiommu_emu *emu)
{
	struct emu_verify *verify = emu->verify;
	const struct emu_lookup *lookup;
	uint64_t counted;
	uint32_t i;

	if (verify == NULL || verify->nb == 0)
		return;
	emu->model->verify_bulk(emu, verify->lookups, verify->nb);
	counted = verify->nb;
	for (i = 0; i < verify->nb; i++) {
		lookup = &verify->lookups[i];
		if (unlikely(!lookup->ok) &&
		    !emu_unmapped(emu, lookup->bond, lookup->iova, lookup->access))
			counted--;
	}
	uiommu_count(&emu->live.verified, counted);
	verify->nb = 0;
}

void
emu_verify_add(struct uiommu_emu *emu, uint32_t bond, uint64_t page, uint32_t pages)
{
	const struct emu_traffic *traffic = &emu->traffic;
	const uint16_t access = page & (EMU_REQ_READ | EMU_REQ_WRITE);
	uint64_t iova = page & ~(uint64_t)(EMU_PAGE_SIZE - 1);
	struct emu_verify *verify = emu->verify;
	uint32_t i;

	if (page == 0)
		return;
	for (i = 0; i < pages; i++) {
		if (verify->nb == LOOKUPS_MAX)
			emu_verify_flush(emu);
		verify->lookups[verify->nb++] = (struct emu_lookup){
			.device = emu->bonds[bond].device,
			.bond = bond,
			.iova = iova,
			.access = access,
		};
		iova += EMU_PAGE_SIZE;
		if (iova >= traffic->limit)
			iova -= traffic->span;
	}
}
