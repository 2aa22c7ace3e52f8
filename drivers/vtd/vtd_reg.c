/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>

#include <uiommu_driver_wait.h>

#include "vtd_omit.h"
#include "vtd_pvt.h"

int
vtd_reg_command(struct vtd *vtd, uint32_t bit, bool set, const char *what)
{
	struct uiommu_platform *plat = &vtd->dev->platform;
	uint32_t now = uiommu_reg_read32(plat, VTD_REG_GSTS) & VTD_GSTS_KEEP_MASK;
	int ret;

	uiommu_reg_write32(plat, VTD_REG_GCMD, set ? now | bit : now & ~bit);
	ret = uiommu_await_reg32(vtd->dev, VTD_REG_GSTS, bit, set ? bit : 0);
	if (ret != 0)
		VTD_LOG(ERR, "%s: unit does not react: %s %s", vtd->dev->name, what,
			set ? "on" : "off");
	return ret;
}

int
vtd_reg_root_set(struct vtd *vtd, uint64_t rtaddr)
{
	uiommu_wmb_before_doorbell();
	uiommu_reg_write64(&vtd->dev->platform, VTD_REG_RTADDR, rtaddr);
	return vtd_reg_command(vtd, VTD_GCMD_SRTP, true, "root table pointer (GCMD.SRTP)");
}

int
vtd_reg_await_queue(struct vtd *vtd)
{
	struct uiommu_platform *plat = &vtd->dev->platform;
	uint64_t end = rte_get_tsc_cycles() + uiommu_timeout_cycles(vtd->dev);

	while (((uiommu_reg_read64(plat, VTD_REG_IQH) ^ uiommu_reg_read64(plat, VTD_REG_IQT)) &
		VTD_IQ_INDEX_MASK) != 0) {
		if (rte_get_tsc_cycles() > end) {
			VTD_LOG(ERR, "%s: unit does not react: invalidation queue never empty",
				vtd->dev->name);
			return -ETIMEDOUT;
		}
		rte_pause();
	}
	return 0;
}

/* S 6.6: in this order */
int
vtd_invalidate_all(struct vtd *vtd)
{
	const struct {
		enum vtd_site site;
		struct vtd_desc desc;
	} steps[] = {
		{VTD_SITE_ROOT_CONTEXT, vtd_qi_context(VTD_CONTEXT_GRAN_GLOBAL, 0)},
		{VTD_SITE_ROOT_PASID_CACHE,
		 vtd_qi_pasid_cache(VTD_PASID_CACHE_GRAN_GLOBAL, 0, 0)},
		{VTD_SITE_ROOT_IOTLB,
		 vtd_qi_iotlb(VTD_IOTLB_GRAN_GLOBAL, 0, vtd->queue.drain_flags)},
	};
	struct vtd_desc descs[RTE_DIM(steps)];
	uint32_t i, n = 0;
	int ret;

	for (i = 0; i < RTE_DIM(steps); i++)
		if (!vtd_omits(steps[i].site))
			descs[n++] = steps[i].desc;
	ret = vtd_iq_run(&vtd->queue.iq, descs, n);
	if (ret != 0)
		VTD_LOG(ERR, "%s: unit does not react: global invalidation", vtd->dev->name);
	return ret;
}

void
vtd_reg_save(struct vtd *vtd)
{
	struct uiommu_platform *plat = &vtd->dev->platform;
	struct vtd_saved *saved = &vtd->saved;

	saved->gsts = uiommu_reg_read32(plat, VTD_REG_GSTS);
	saved->fectl = uiommu_reg_read32(plat, VTD_REG_FECTL);
	saved->rtaddr = uiommu_reg_read64(plat, VTD_REG_RTADDR);
	saved->iqa = uiommu_reg_read64(plat, VTD_REG_IQA);
	if (vtd->queue.no_requests)
		return;
	saved->pectl = uiommu_reg_read32(plat, VTD_REG_PECTL);
	saved->pqa = uiommu_reg_read64(plat, VTD_REG_PQA);
}

int
vtd_reg_restore(struct vtd *vtd)
{
	struct uiommu_platform *plat = &vtd->dev->platform;
	const struct vtd_saved *saved = &vtd->saved;
	int ret = 0;

	if ((saved->gsts & VTD_GCMD_SRTP) != 0)
		ret = vtd_reg_root_set(vtd, saved->rtaddr);
	else
		uiommu_reg_write64(plat, VTD_REG_RTADDR, saved->rtaddr);
	uiommu_reg_write64(plat, VTD_REG_IQT, 0);
	uiommu_reg_write64(plat, VTD_REG_IQA, saved->iqa);
	uiommu_reg_write32(plat, VTD_REG_FECTL, saved->fectl & VTD_EVENT_IM);
	/* PQH and PQT stay 0, an empty queue: software writes nothing else (S 11.4.11.2) */
	if (!vtd->queue.no_requests) {
		uiommu_reg_write64(plat, VTD_REG_PQA, saved->pqa);
		uiommu_reg_write32(plat, VTD_REG_PECTL, saved->pectl & VTD_EVENT_IM);
	}
	if (ret == 0 && (saved->gsts & VTD_GCMD_QIE) != 0)
		ret = vtd_reg_command(vtd, VTD_GCMD_QIE, true, "queued invalidation (GCMD.QIE)");
	if (ret == 0 && (saved->gsts & VTD_GCMD_TE) != 0)
		ret = vtd_reg_command(vtd, VTD_GCMD_TE, true, "translation (GCMD.TE)");
	return ret;
}

void
vtd_reg_clear_sticky(struct vtd *vtd)
{
	struct uiommu_platform *plat = &vtd->dev->platform;
	struct vtd_iq *iq = &vtd->queue.iq;
	uint32_t i;

	for (i = 0; i < iq->nb_frcd; i++)
		uiommu_reg_write64(plat, iq->frcd_offset + i * VTD_FRCD_SIZE + 8, VTD_FRCD_HI_F);
	uiommu_reg_write32(plat, VTD_REG_FSTS,
			   VTD_FSTS_PFO | VTD_FSTS_IQE | VTD_FSTS_ICE | VTD_FSTS_ITE);
	if (!vtd->queue.no_requests)
		uiommu_reg_write32(plat, VTD_REG_PRS, VTD_PRS_PPR | VTD_PRS_PRO);
}
