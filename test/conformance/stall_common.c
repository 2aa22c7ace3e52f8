/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include "stall.h"

void
stall_open(struct stall *s, const struct rig_conf *conf, uint32_t pasid)
{
	s->rig = rig_open(conf);
	s->memory = paging_memory(s->rig);
	s->rec = rig_recorder(s->rig, UIOMMU_CODE_INVALID);
	s->endpoint = rig_stalling_endpoint(s->rig, EP_STALL, 0);
	s->attach = rig_attach(s->endpoint, pasid, s->rec->domain, s->rec);
}

void
stall_close(struct stall *s)
{
	rig_settle(s->rig);
	rig_expect_none(s->rig);
	rig_close(s->rig);
}

void
stall_map(struct stall *s, uint32_t i)
{
	CHECK_EQ(uiommu_domain_map(s->rec->domain, IOVA + i * PAGE,
				   paging_pa(s->memory) + i * PAGE, PAGE, ALL),
		 0);
}

uint32_t
stall_wait_on(struct stall *s, uint32_t pasid, uint32_t i, bool write)
{
	return rig_access(s->rig, EP_STALL, pasid, IOVA + i * PAGE, write,
			  UIOMMU_EMU_ACCESS_STALLED);
}

void
stall_wait_on_all(struct stall *s, uint32_t first, uint32_t nb, uint32_t *handles)
{
	uint32_t i;

	for (i = 0; i < nb; i++)
		handles[i] = stall_wait_on(s, uiommu_attach_pasid(s->attach), first + i,
					   i % 2 != 0);
}

void
stall_answer(struct stall *s, uint32_t kept, unsigned int code)
{
	const uint8_t wanted = (uint8_t)code;

	CHECK(kept < s->rec->nb_kept);
	CHECK_EQ(uiommu_answer(s->rig->dev, &s->rec->kept[kept].cookie, &wanted, NULL, 1), 1);
	rig_settle(s->rig);
}

void
stall_expect_all(struct stall *s, const uint32_t *handles, uint32_t nb,
		 enum uiommu_emu_access_state state)
{
	uint32_t i;

	for (i = 0; i < nb; i++)
		CHECK_EQ(rig_access_state(s->rig, handles[i]), state);
}

uint32_t
stall_count_responses(struct stall *s)
{
	struct uiommu_emu_response resp;
	uint32_t nb = 0;

	while (rig_response(s->rig, &resp))
		nb++;
	return nb;
}
