/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>

#include "vtd_omit.h"
#include "vtd_pvt.h"

/** Descriptors of one command, in order. */
struct batch {
	struct vtd_desc descs[VTD_IQ_CMD_MAX];
	uint32_t n;
};

static void
add(struct batch *batch, enum vtd_site site, struct vtd_desc desc)
{
	if (!vtd_omits(site))
		batch->descs[batch->n++] = desc;
}

/* PASID entry that a bond lives in */
static uint32_t
entry_pasid(uint32_t pasid)
{
	return pasid == UIOMMU_NO_PASID ? VTD_RID_PASID : pasid;
}

/*
 * What the device has cached of one PASID, of its RID, or all, S 6.5.2.5 and 6.5.2.6. The site is
 * that of the RID; that of PASIDs follows it.
 */
static void
add_device_tlb(struct batch *batch, enum vtd_site site, const struct vtd_queue *queue,
	       const struct vtd_endpoint *endpoint, uint32_t pasid)
{
	uint16_t sid = endpoint->source_id;
	uint16_t pfsid = queue->dit ? endpoint->pf_id : 0;
	bool all = pasid == UIOMMU_CMD_ALL_PASIDS;

	if (!endpoint->ats)
		return;
	if (all || pasid == UIOMMU_NO_PASID)
		add(batch, site, vtd_qi_dev_tlb_all(sid, pfsid, VTD_MIP));
	if (all || pasid != UIOMMU_NO_PASID)
		add(batch, site + 1,
		    vtd_qi_pasid_dev_tlb_all(sid, all ? 0 : pasid, all, pfsid, VTD_MIP));
}

/* S 6.5.3.3: context cache, PASID cache, IOTLB, device-TLB, in this order */
static void
endpoint_clear(struct batch *batch, const struct vtd_queue *queue, const struct uiommu_cmd *cmd)
{
	const struct vtd_endpoint *endpoint = cmd->endpoint_private;

	add(batch, VTD_SITE_ENDPOINT_CLEAR_CONTEXT,
	    vtd_qi_context(VTD_CONTEXT_GRAN_DEVICE, endpoint->source_id));
	add(batch, VTD_SITE_ENDPOINT_CLEAR_PASID_CACHE,
	    vtd_qi_pasid_cache(VTD_PASID_CACHE_GRAN_GLOBAL, 0, 0));
	add(batch, VTD_SITE_ENDPOINT_CLEAR_IOTLB,
	    vtd_qi_iotlb(VTD_IOTLB_GRAN_GLOBAL, 0, queue->drain_flags));
	add_device_tlb(batch, VTD_SITE_ENDPOINT_CLEAR_DEVICE_RID, queue, endpoint,
		       UIOMMU_CMD_ALL_PASIDS);
}

/* S 6.1: with caching mode, absence was cached under domain id 0, or under that of the entry */
static void
endpoint_set(struct batch *batch, const struct vtd_queue *queue, const struct uiommu_cmd *cmd)
{
	const struct vtd_endpoint *endpoint = cmd->endpoint_private;

	add(batch, VTD_SITE_ENDPOINT_SET_CONTEXT,
	    vtd_qi_context(VTD_CONTEXT_GRAN_DEVICE, endpoint->source_id));
	add(batch, VTD_SITE_ENDPOINT_SET_PASID_CACHE,
	    vtd_qi_pasid_cache(VTD_PASID_CACHE_GRAN_GLOBAL, 0, 0));
	add(batch, VTD_SITE_ENDPOINT_SET_IOTLB,
	    vtd_qi_iotlb(VTD_IOTLB_GRAN_GLOBAL, 0, queue->drain_flags));
}

/*
 * S 6.2.2: page requests allowed or not is part of the context entry and of nothing else that is
 * cached. Neither PASID entries nor translations come from it, so they stay (S 6.5.3.3).
 */
static void
endpoint_update(struct batch *batch, const struct uiommu_cmd *cmd)
{
	const struct vtd_endpoint *endpoint = cmd->endpoint_private;

	add(batch, VTD_SITE_ENDPOINT_UPDATE_CONTEXT,
	    vtd_qi_context(VTD_CONTEXT_GRAN_DEVICE, endpoint->source_id));
}

/*
 * What the unit has cached of the translations of a PASID, S 6.5.3.1 and 6.5.3.3. First-stage ones
 * have a PASID of their own in the cache; second-stage and nested ones, the inner as well as
 * the combined, go with the domain. Pass-through entries are tagged like first-stage ones in
 * one place, and like second-stage ones in the other: both kinds go. The site is that of the
 * PASID-based IOTLB; that of the IOTLB follows it.
 */
static void
add_iotlb(struct batch *batch, enum vtd_site site, const struct vtd_queue *queue,
	  struct vtd_tag tag, uint32_t pasid)
{
	if (tag.pgtt == VTD_PGTT_FIRST || tag.pgtt == VTD_PGTT_PASSTHROUGH)
		add(batch, site, vtd_qi_pasid_iotlb(tag.did, pasid));
	if (tag.pgtt != VTD_PGTT_FIRST)
		add(batch, site + 1,
		    vtd_qi_iotlb(VTD_IOTLB_GRAN_DOMAIN, tag.did, queue->drain_flags));
}

static struct vtd_tag
domain_tag(const struct vtd_domain *domain)
{
	return (struct vtd_tag){.did = domain->did, .pgtt = domain->pgtt};
}

/* With caching mode only: absence was cached under domain id 0, S 6.1 */
static void
bond_set(struct batch *batch, const struct vtd_queue *queue, const struct uiommu_cmd *cmd)
{
	const struct vtd_domain *domain = cmd->domain_private;
	uint32_t pasid = entry_pasid(cmd->pasid);

	if (domain->did == 0)
		return;
	add(batch, VTD_SITE_BOND_SET_ABSENT_PASID_CACHE,
	    vtd_qi_pasid_cache(VTD_PASID_CACHE_GRAN_PASID, 0, pasid));
	add(batch, VTD_SITE_BOND_SET_PASID_CACHE,
	    vtd_qi_pasid_cache(VTD_PASID_CACHE_GRAN_PASID, domain->did, pasid));
	add_iotlb(batch, VTD_SITE_BOND_SET_PASID_IOTLB, queue, domain_tag(domain), pasid);
}

/*
 * S 6.5.3.3, table 28. The entry may have been absent before, and have hidden its faults, which
 * a unit with caching mode remembers.
 */
static void
bond_clear(struct batch *batch, const struct vtd_queue *queue, const struct uiommu_cmd *cmd)
{
	const struct vtd_domain *domain = cmd->domain_private;
	uint32_t pasid = entry_pasid(cmd->pasid);

	if (domain->did == 0)
		return;
	if (queue->caching)
		add(batch, VTD_SITE_BOND_CLEAR_ABSENT_PASID_CACHE,
		    vtd_qi_pasid_cache(VTD_PASID_CACHE_GRAN_PASID, 0, pasid));
	add(batch, VTD_SITE_BOND_CLEAR_PASID_CACHE,
	    vtd_qi_pasid_cache(VTD_PASID_CACHE_GRAN_PASID, domain->did, pasid));
	add_iotlb(batch, VTD_SITE_BOND_CLEAR_PASID_IOTLB, queue, domain_tag(domain), pasid);
	add_device_tlb(batch, VTD_SITE_BOND_CLEAR_DEVICE_RID, queue, cmd->endpoint_private,
		       cmd->pasid);
}

/*
 * S 7.9, 7.10. The device's confirmation of the device-TLB invalidation pushes its page requests
 * before it, and the wait with PD stays until they are in the queue. How much of the IOTLB goes
 * does not matter to a drain.
 */
static void
drain(struct batch *batch, const struct vtd_queue *queue, const struct uiommu_cmd *cmd)
{
	const struct vtd_endpoint *endpoint = cmd->endpoint_private;
	uint32_t pasid = entry_pasid(cmd->pasid);
	struct vtd_tag tag = {0};

	add(batch, VTD_SITE_DRAIN_FENCE, vtd_qi_fence());
	if (cmd->pasid != UIOMMU_CMD_ALL_PASIDS)
		tag = vtd_endpoint_tag(endpoint, pasid);
	if (tag.did != 0)
		add_iotlb(batch, VTD_SITE_DRAIN_PASID_IOTLB, queue, tag, pasid);
	else
		add(batch, VTD_SITE_DRAIN_IOTLB,
		    vtd_qi_iotlb(VTD_IOTLB_GRAN_GLOBAL, 0, queue->drain_flags));
	add_device_tlb(batch, VTD_SITE_DRAIN_DEVICE_RID, queue, endpoint, cmd->pasid);
}

/* The wait stays until page requests that came before are in the queue, S 6.5.2.9. */
static bool
waits_for_requests(const struct uiommu_cmd *cmd)
{
	return cmd->op == UIOMMU_CMD_DRAIN && !vtd_omits(VTD_SITE_DRAIN_PD);
}

static void
batch_count(struct vtd_queue *queue, const struct batch *batch)
{
	uint32_t unit = 0, devices = 0, i;

	for (i = 0; i < batch->n; i++) {
		const unsigned int type = vtd_qi_type(&batch->descs[i]);

		unit += type == VTD_QI_IOTLB || type == VTD_QI_PASID_IOTLB;
		devices += type == VTD_QI_DEV_TLB || type == VTD_QI_PASID_DEV_TLB;
	}
	uiommu_count(&queue->iotlb_invalidations, unit);
	uiommu_count(&queue->device_tlb_invalidations, devices);
}

static int
write_command(void *queue_private, struct uiommu_cmd *cmd)
{
	struct vtd_queue *queue = queue_private;
	struct vtd_iq *iq = &queue->iq;
	struct batch batch = {.n = 0};
	uint32_t seq;

	if (vtd_iq_free(iq) < VTD_IQ_CMD_MAX && vtd_iq_refresh(iq) < VTD_IQ_CMD_MAX)
		return -EINPROGRESS;
	switch (cmd->op) {
	case UIOMMU_CMD_ENDPOINT_SET:
		endpoint_set(&batch, queue, cmd);
		break;
	case UIOMMU_CMD_ENDPOINT_CLEAR:
		endpoint_clear(&batch, queue, cmd);
		break;
	case UIOMMU_CMD_ENDPOINT_UPDATE:
		endpoint_update(&batch, cmd);
		break;
	case UIOMMU_CMD_BOND_SET:
		bond_set(&batch, queue, cmd);
		break;
	case UIOMMU_CMD_BOND_CLEAR:
		bond_clear(&batch, queue, cmd);
		break;
	case UIOMMU_CMD_DRAIN:
		if (!queue->no_requests)
			drain(&batch, queue, cmd);
		break;
	case UIOMMU_CMD_SYNC:
	case UIOMMU_CMD_INVALIDATE:
		break;
	}
	if (batch.n == 0 && cmd->op != UIOMMU_CMD_SYNC)
		return 0;
	if (!vtd_omits(VTD_SITE_WAIT))
		batch.descs[batch.n++] = vtd_iq_wait_desc(iq, waits_for_requests(cmd), &seq);
	vtd_iq_push(iq, batch.descs, batch.n);
	batch_count(queue, &batch);
	if (vtd_omits(VTD_SITE_WAIT))
		return 0;
	uiommu_cmd_wait(cmd, seq, iq->epoch);
	return -EINPROGRESS;
}

/*
 * After a device time-out the waits that the unit had taken are gone, and those that it had not
 * taken say nothing of the invalidation that failed: vtd_iq::epoch has moved, and the command
 * has begun again before it comes here.
 */
static int
await_command(void *queue_private, struct uiommu_cmd *cmd)
{
	struct vtd_queue *queue = queue_private;
	struct vtd_iq *iq = &queue->iq;

	if (!vtd_iq_reached(iq, uiommu_cmd_token(cmd)))
		return -EINPROGRESS;
	/* S 7.10 d: requests that were answered by the unit meanwhile may be asked again */
	if (cmd->op == UIOMMU_CMD_DRAIN &&
	    (uiommu_reg_read32(queue->plat, VTD_REG_PRS) & VTD_PRS_PRO) != 0)
		return -EAGAIN;
	return 0;
}

static void
cmd_watch(void *queue_private)
{
	vtd_iq_watch(&((struct vtd_queue *)queue_private)->iq);
}

static void
cmd_give_up(void *queue_private)
{
	vtd_iq_fail(&((struct vtd_queue *)queue_private)->iq, -ETIMEDOUT,
		    "a command was not carried out in time");
}

static const struct uiommu_cmd_ops cmd_ops = {
	.write = write_command,
	.invalidate = vtd_inval_step,
	.await = await_command,
	.watch = cmd_watch,
	.give_up = cmd_give_up,
};

int
vtd_cmd_step(void *queue_private, struct uiommu_cmd *cmd)
{
	struct vtd_iq *iq = &((struct vtd_queue *)queue_private)->iq;

	return uiommu_cmd_step(&cmd_ops, queue_private, cmd, &iq->failed, iq->epoch,
			       &iq->stats.cmd_restarts);
}
