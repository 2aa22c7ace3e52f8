/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>

#include <rte_cycles.h>

#include "vtd_pvt.h"

/** Calls between two looks at the error registers while a wait is under way, power of two. */
#define CMD_CHECK 16

/** uiommu_cmd::step */
enum {
	STEP_WRITE = 0, /**< descriptors are to be written */
	STEP_WAIT,      /**< they were, and the wait's status is not there yet */
};

/** uiommu_cmd::scratch */
enum {
	SCRATCH_SEQ = 0, /**< of the wait */
	SCRATCH_EPOCH,   /**< vtd_iq::epoch when it was written */
	SCRATCH_CALLS,
};

/** Descriptors of one command, in order. */
struct batch {
	struct vtd_desc descs[VTD_IQ_CMD_MAX];
	uint32_t n;
};

static void
add(struct batch *batch, struct vtd_desc desc)
{
	batch->descs[batch->n++] = desc;
}

/* PASID entry that a bond lives in */
static uint32_t
entry_pasid(uint32_t pasid)
{
	return pasid == UIOMMU_NO_PASID ? VTD_RID_PASID : pasid;
}

/* What the device has cached of one PASID, of its RID, or all, S 6.5.2.5 and 6.5.2.6 */
static void
add_device_tlb(struct batch *batch, const struct vtd_queue *queue,
	       const struct vtd_endpoint *endpoint, uint32_t pasid)
{
	uint16_t sid = endpoint->source_id;
	uint16_t pfsid = queue->dit ? endpoint->pf_id : 0;
	bool all = pasid == UIOMMU_CMD_ALL_PASIDS;

	if (all || pasid == UIOMMU_NO_PASID)
		add(batch, vtd_qi_dev_tlb_all(sid, pfsid, VTD_MIP));
	if (all || pasid != UIOMMU_NO_PASID)
		add(batch, vtd_qi_pasid_dev_tlb_all(sid, all ? 0 : pasid, all, pfsid, VTD_MIP));
}

/* S 6.5.3.3: context cache, PASID cache, IOTLB, device-TLB, in this order */
static void
endpoint_clear(struct batch *batch, const struct vtd_queue *queue, const struct uiommu_cmd *cmd)
{
	const struct vtd_endpoint *endpoint = cmd->endpoint_private;

	add(batch, vtd_qi_context(VTD_CONTEXT_GRAN_DEVICE, endpoint->source_id));
	add(batch, vtd_qi_pasid_cache(VTD_PASID_CACHE_GRAN_GLOBAL, 0, 0));
	add(batch, vtd_qi_iotlb(VTD_IOTLB_GRAN_GLOBAL, 0, queue->drain_flags));
	add_device_tlb(batch, queue, endpoint, UIOMMU_CMD_ALL_PASIDS);
}

/* S 6.1: with caching mode, absence was cached under domain id 0, or under that of the entry */
static void
endpoint_set(struct batch *batch, const struct vtd_queue *queue, const struct uiommu_cmd *cmd)
{
	const struct vtd_endpoint *endpoint = cmd->endpoint_private;

	add(batch, vtd_qi_context(VTD_CONTEXT_GRAN_DEVICE, endpoint->source_id));
	add(batch, vtd_qi_pasid_cache(VTD_PASID_CACHE_GRAN_GLOBAL, 0, 0));
	add(batch, vtd_qi_iotlb(VTD_IOTLB_GRAN_GLOBAL, 0, queue->drain_flags));
}

/*
 * S 6.2.2: page requests allowed or not is part of the context entry and of nothing else that is
 * cached. Neither PASID entries nor translations come from it, so they stay (S 6.5.3.3).
 */
static void
endpoint_update(struct batch *batch, const struct uiommu_cmd *cmd)
{
	const struct vtd_endpoint *endpoint = cmd->endpoint_private;

	add(batch, vtd_qi_context(VTD_CONTEXT_GRAN_DEVICE, endpoint->source_id));
}

/*
 * What the unit has cached of the translations of a PASID, S 6.5.3.1 and 6.5.3.3. First-stage ones
 * have a PASID of their own in the cache; second-stage and nested ones, the inner as well as
 * the combined, go with the domain. Pass-through entries are tagged like first-stage ones in
 * one place, and like second-stage ones in the other: both kinds go.
 */
static void
add_iotlb(struct batch *batch, const struct vtd_queue *queue, struct vtd_tag tag, uint32_t pasid)
{
	if (tag.pgtt == VTD_PGTT_FIRST || tag.pgtt == VTD_PGTT_PASSTHROUGH)
		add(batch, vtd_qi_pasid_iotlb(tag.did, pasid));
	if (tag.pgtt != VTD_PGTT_FIRST)
		add(batch, vtd_qi_iotlb(VTD_IOTLB_GRAN_DOMAIN, tag.did, queue->drain_flags));
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
	add(batch, vtd_qi_pasid_cache(VTD_PASID_CACHE_GRAN_PASID, 0, pasid));
	add(batch, vtd_qi_pasid_cache(VTD_PASID_CACHE_GRAN_PASID, domain->did, pasid));
	add_iotlb(batch, queue, domain_tag(domain), pasid);
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
		add(batch, vtd_qi_pasid_cache(VTD_PASID_CACHE_GRAN_PASID, 0, pasid));
	add(batch, vtd_qi_pasid_cache(VTD_PASID_CACHE_GRAN_PASID, domain->did, pasid));
	add_iotlb(batch, queue, domain_tag(domain), pasid);
	add_device_tlb(batch, queue, cmd->endpoint_private, cmd->pasid);
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

	add(batch, vtd_qi_fence());
	if (cmd->pasid != UIOMMU_CMD_ALL_PASIDS)
		tag = vtd_endpoint_tag(endpoint, pasid);
	if (tag.did != 0)
		add_iotlb(batch, queue, tag, pasid);
	else
		add(batch, vtd_qi_iotlb(VTD_IOTLB_GRAN_GLOBAL, 0, queue->drain_flags));
	add_device_tlb(batch, queue, endpoint, cmd->pasid);
}

static int
write_command(struct vtd_queue *queue, struct uiommu_cmd *cmd)
{
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
		drain(&batch, queue, cmd);
		break;
	case UIOMMU_CMD_SYNC:
		break;
	}
	if (batch.n == 0 && cmd->op != UIOMMU_CMD_SYNC)
		return 0;
	add(&batch, vtd_iq_wait_desc(iq, cmd->op == UIOMMU_CMD_DRAIN, &seq));
	vtd_iq_push(iq, batch.descs, batch.n);
	cmd->scratch[SCRATCH_SEQ] = seq;
	cmd->scratch[SCRATCH_EPOCH] = iq->epoch;
	cmd->step = STEP_WAIT;
	return -EINPROGRESS;
}

/*
 * After a device time-out the waits that the unit had taken are gone, and those that it had not
 * taken say nothing of the invalidation that failed: begin again.
 */
static int
await_command(struct vtd_queue *queue, struct uiommu_cmd *cmd)
{
	struct vtd_iq *iq = &queue->iq;

	if (cmd->scratch[SCRATCH_EPOCH] != iq->epoch) {
		uiommu_count(&iq->stats.cmd_restarts, 1);
		cmd->step = STEP_WRITE;
		return -EINPROGRESS;
	}
	if (!vtd_iq_reached(iq, (uint32_t)cmd->scratch[SCRATCH_SEQ]))
		return -EINPROGRESS;
	/* S 7.10 d: requests that were answered by the unit meanwhile may be asked again */
	if (cmd->op == UIOMMU_CMD_DRAIN &&
	    (uiommu_reg_read32(queue->plat, VTD_REG_PRS) & VTD_PRS_PRO) != 0)
		return -EAGAIN;
	return 0;
}

int
vtd_cmd_step(void *queue_private, struct uiommu_cmd *cmd)
{
	struct vtd_queue *queue = queue_private;
	struct vtd_iq *iq = &queue->iq;
	int ret;

	if (iq->failed != 0)
		return iq->failed;
	if (cmd->step == STEP_WRITE)
		ret = write_command(queue, cmd);
	else
		ret = await_command(queue, cmd);
	if (ret != -EINPROGRESS)
		return ret;
	if ((++cmd->scratch[SCRATCH_CALLS] & (CMD_CHECK - 1)) == 0)
		vtd_iq_watch(iq);
	if (iq->failed != 0)
		return iq->failed;
	if (rte_get_tsc_cycles() > cmd->deadline_tsc) {
		vtd_iq_fail(iq, -ETIMEDOUT, "a command was not carried out in time");
		return -ETIMEDOUT;
	}
	return -EINPROGRESS;
}
