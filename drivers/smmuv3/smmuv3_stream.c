/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Stream table, S 3.3.1, 5.1, 5.2: linear or two-level; an entry for each endpoint. */

#include <errno.h>
#include <string.h>

#include <rte_malloc.h>

#include "smmuv3_table.h"

#define STREAM_SPLIT SMMUV3_SPLIT_16K
#define STREAM_LEAF_ENTRIES (1U << STREAM_SPLIT)
#define STREAM_LEAF_SIZE ((size_t)STREAM_LEAF_ENTRIES * SMMUV3_STE_SIZE)

int
smmuv3_streams_init(struct smmuv3 *smmu)
{
	struct smmuv3_stream_table *streams = &smmu->streams;
	struct uiommu_platform *plat = &smmu->dev->platform;
	uint32_t nb_leaves;
	size_t size;

	memset(streams, 0, sizeof(*streams));
	streams->bits = smmu->sid_bits;
	streams->two_level = smmu->two_level;
	size = (size_t)SMMUV3_STE_SIZE << streams->bits;
	if (streams->two_level) {
		nb_leaves = UINT32_C(1) << (streams->bits - STREAM_SPLIT);
		size = (size_t)nb_leaves * SMMUV3_L1STD_SIZE;
		streams->leaves = rte_zmalloc_socket("smmuv3_leaves", nb_leaves *
						     sizeof(streams->leaves[0]), 0,
						     plat->socket_id);
		if (streams->leaves == NULL)
			return -ENOMEM;
		streams->nb_leaves = nb_leaves;
	}
	/* S 6.3.24: aligned to its size, or to 64 bytes */
	return uiommu_dma_alloc(plat, size, RTE_MAX(size, (size_t)UIOMMU_PAGE_SIZE), &streams->top);
}

void
smmuv3_streams_free(struct smmuv3 *smmu)
{
	struct smmuv3_stream_table *streams = &smmu->streams;
	struct uiommu_platform *plat = &smmu->dev->platform;
	uint32_t i;

	for (i = 0; i < streams->nb_leaves; i++)
		uiommu_dma_free(plat, &streams->leaves[i]);
	rte_free(streams->leaves);
	uiommu_dma_free(plat, &streams->top);
	memset(streams, 0, sizeof(*streams));
}

uint32_t
smmuv3_streams_cfg(const struct smmuv3_stream_table *streams)
{
	const uint32_t two = SMMUV3_STRTAB_FMT_TWO << SMMUV3_STRTAB_CFG_FMT_SHIFT |
			     STREAM_SPLIT << SMMUV3_STRTAB_CFG_SPLIT_SHIFT;

	return streams->bits | (streams->two_level ? two : 0);
}

int
smmuv3_stream_entry(struct smmuv3 *smmu, uint32_t sid, struct smmuv3_ste **ste)
{
	struct smmuv3_stream_table *streams = &smmu->streams;
	struct uiommu_dma *leaf;
	uint64_t *l1 = streams->top.va;
	int ret;

	if (!streams->two_level) {
		*ste = (struct smmuv3_ste *)streams->top.va + sid;
		return 0;
	}
	leaf = &streams->leaves[sid >> STREAM_SPLIT];
	if (leaf->va == NULL) {
		ret = uiommu_dma_alloc(&smmu->dev->platform, STREAM_LEAF_SIZE, STREAM_LEAF_SIZE,
				       leaf);
		if (ret != 0)
			return ret;
		/* S 5.1: 2^(Span - 1) entries */
		uiommu_wmb_before_present();
		uiommu_store_shared64(&l1[sid >> STREAM_SPLIT], leaf->pa | (STREAM_SPLIT + 1));
	}
	*ste = (struct smmuv3_ste *)leaf->va + sid % STREAM_LEAF_ENTRIES;
	return 0;
}

/* Word 0 of the entry: kind of translation, and where the context descriptors are */
static uint64_t
ste_word0(const struct smmuv3_endpoint *endpoint)
{
	/* without SubstreamIDs there is no other way to let the only requests pass */
	const uint64_t config = endpoint->passes && endpoint->ssid_bits == 0 ?
					SMMUV3_STE_CONFIG_BYPASS :
					SMMUV3_STE_CONFIG_S1;
	const uint64_t s1fmt = endpoint->nb_leaves != 0 ? SMMUV3_S1FMT_4K : SMMUV3_S1FMT_LINEAR;

	return config << SMMUV3_STE0_CONFIG_SHIFT | s1fmt << SMMUV3_STE0_S1FMT_SHIFT |
	       endpoint->cds.pa | (uint64_t)endpoint->ssid_bits << SMMUV3_STE0_S1CDMAX_SHIFT;
}

/* Word 1: what becomes of requests without SubstreamID, ATS, stalls */
static uint64_t
ste_word1(const struct smmuv3 *smmu, const struct smmuv3_endpoint *endpoint)
{
	uint64_t word = (uint64_t)SMMUV3_STE_CACHE_WBRA << SMMUV3_STE1_S1CIR_SHIFT |
			(uint64_t)SMMUV3_STE_CACHE_WBRA << SMMUV3_STE1_S1COR_SHIFT |
			(uint64_t)SMMUV3_SH_INNER << SMMUV3_STE1_S1CSH_SHIFT |
			(uint64_t)SMMUV3_SHCFG_INCOMING << SMMUV3_STE1_SHCFG_SHIFT;

	if (endpoint->ssid_bits != 0)
		word |= endpoint->passes ? SMMUV3_S1DSS_BYPASS : SMMUV3_S1DSS_SSID0;
	if (endpoint->ats)
		word |= (uint64_t)SMMUV3_EATS_FULL << SMMUV3_STE1_EATS_SHIFT;
	/* S 8.1: as our own responses, automatic ones have the PASID of the request */
	if (endpoint->ats && smmu->has_pri && endpoint->ssid_bits != 0 &&
	    (smmu->idr3 & SMMUV3_IDR3_PPS) == 0)
		word |= SMMUV3_STE1_PPAR;
	/* S 5.2: illegal where the unit could not do both */
	if (smmu->stall_model == SMMUV3_STALL_MODEL_BOTH && !endpoint->stall)
		word |= SMMUV3_STE1_S1STALLD;
	return word;
}

void
smmuv3_ste_refresh(const struct smmuv3 *smmu, struct smmuv3_endpoint *endpoint)
{
	uint64_t *q = endpoint->ste->q;

	uiommu_store_shared64(&q[1], ste_word1(smmu, endpoint));
	uiommu_store_shared64(&q[0], (q[0] & SMMUV3_STE0_V) | ste_word0(endpoint));
}

/* Only where the entry is not valid */
static void
ste_fill(const struct smmuv3 *smmu, struct smmuv3_endpoint *endpoint)
{
	uint64_t *q = endpoint->ste->q;
	unsigned int i;

	for (i = 2; i < RTE_DIM(endpoint->ste->q); i++)
		uiommu_store_shared64(&q[i], 0);
	smmuv3_ste_refresh(smmu, endpoint);
}

void
smmuv3_endpoint_validate(struct smmuv3_endpoint *endpoint)
{
	uint64_t *word0 = &endpoint->ste->q[0];

	uiommu_wmb_before_present();
	uiommu_store_shared64(word0, *word0 | SMMUV3_STE0_V);
}

/* What the endpoint is to be, apart from memory. @return 0; -EINVAL; -ENOTSUP */
static int
endpoint_fill(const struct smmuv3 *smmu, uint32_t endpoint_id,
	      const struct uiommu_endpoint_conf *conf, struct smmuv3_endpoint *endpoint)
{
	const uint32_t bits = conf->pasid_bits != 0 ? conf->pasid_bits : smmu->ssid_bits;

	if (endpoint_id >> smmu->sid_bits != 0 || bits > smmu->ssid_bits)
		return -EINVAL;
	endpoint->stall = (conf->flags & UIOMMU_ENDPOINT_STALL) != 0;
	if (endpoint->stall && smmu->stall_model == SMMUV3_STALL_MODEL_NONE)
		return -ENOTSUP;
	endpoint->sid = endpoint_id;
	endpoint->ssid_bits = (uint8_t)bits;
	endpoint->pasid_limit = UINT32_C(1) << bits;
	endpoint->ats = (conf->flags & UIOMMU_ENDPOINT_NO_ATS) == 0 &&
			(smmu->idr0 & SMMUV3_IDR0_ATS) != 0;
	return 0;
}

int
smmuv3_endpoint_set(struct uiommu_dev *dev, uint32_t endpoint_id,
		    const struct uiommu_endpoint_conf *conf, void **endpoint_private)
{
	struct smmuv3 *smmu = smmuv3_of(dev);
	const int socket_id = dev->platform.socket_id;
	struct smmuv3_endpoint model = {0}, *endpoint;
	uint32_t nb_leaves;
	int ret;

	ret = endpoint_fill(smmu, endpoint_id, conf, &model);
	if (ret != 0)
		return ret;
	nb_leaves = smmuv3_cds_leaves(smmu, model.ssid_bits);
	endpoint = rte_zmalloc_socket("smmuv3_endpoint", sizeof(*endpoint) +
				      nb_leaves * sizeof(endpoint->leaves[0]), 0, socket_id);
	if (endpoint == NULL)
		return -ENOMEM;
	*endpoint = model;
	endpoint->nb_leaves = nb_leaves;
	ret = smmuv3_stream_entry(smmu, endpoint_id, &endpoint->ste);
	if (ret == 0 && (endpoint->ste->q[0] & SMMUV3_STE0_V) != 0)
		ret = -EEXIST;
	if (ret == 0)
		ret = smmuv3_storm_know(&smmu->queue.storm, endpoint_id, endpoint->stall,
					socket_id);
	if (ret == 0)
		ret = smmuv3_cds_alloc(smmu, endpoint);
	if (ret != 0) {
		rte_free(endpoint);
		return ret;
	}
	ste_fill(smmu, endpoint);
	/* a unit that runs is told of the entry before it is valid: UIOMMU_CMD_ENDPOINT_SET */
	if (!smmu->running)
		smmuv3_endpoint_validate(endpoint);
	*endpoint_private = endpoint;
	return 0;
}

void
smmuv3_endpoint_clear(struct uiommu_dev *dev __rte_unused, void *endpoint_private)
{
	struct smmuv3_endpoint *endpoint = endpoint_private;
	uint64_t *word0 = &endpoint->ste->q[0];

	uiommu_store_shared64(word0, *word0 & ~SMMUV3_STE0_V);
}

/* The unit is off */
void
smmuv3_endpoint_enable(struct uiommu_dev *dev, void *endpoint_private)
{
	ste_fill(smmuv3_of(dev), endpoint_private);
	smmuv3_endpoint_validate(endpoint_private);
}

/* Nothing in an entry says whether page requests are let through: all are, S 8. */
void
smmuv3_endpoint_page_requests(struct uiommu_dev *dev __rte_unused,
			      void *endpoint_private __rte_unused, bool on __rte_unused)
{
}

void
smmuv3_endpoint_free(struct uiommu_dev *dev, void *endpoint_private)
{
	struct smmuv3 *smmu = smmuv3_of(dev);
	struct smmuv3_endpoint *endpoint = endpoint_private;

	smmuv3_storm_forget(&smmu->queue.storm, endpoint->sid);
	smmuv3_cds_free(smmu, endpoint);
	rte_free(endpoint);
}
