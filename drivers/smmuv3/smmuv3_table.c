/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Context descriptors, S 3.3.2, 5.3, 5.4: linear or two-level; an entry for each bond. */

#include <errno.h>

#include "smmuv3_table.h"

#define CD_SPLIT SMMUV3_CD_SPLIT_4K
#define CD_LEAF_ENTRIES (1U << CD_SPLIT)

uint32_t
smmuv3_cds_leaves(const struct smmuv3 *smmu, uint8_t ssid_bits)
{
	if (ssid_bits <= CD_SPLIT || (smmu->idr0 & SMMUV3_IDR0_CD2L) == 0)
		return 0;
	return UINT32_C(1) << (ssid_bits - CD_SPLIT);
}

int
smmuv3_cds_alloc(struct smmuv3 *smmu, struct smmuv3_endpoint *endpoint)
{
	const size_t size = endpoint->nb_leaves != 0 ?
				    (size_t)endpoint->nb_leaves * SMMUV3_L1CD_SIZE :
				    (size_t)SMMUV3_CD_SIZE << endpoint->ssid_bits;

	/* aligned to its size, or to 64 bytes */
	return uiommu_dma_alloc(&smmu->dev->platform, RTE_MAX(size, (size_t)UIOMMU_PAGE_SIZE),
				RTE_MAX(size, (size_t)UIOMMU_PAGE_SIZE), &endpoint->cds);
}

void
smmuv3_cds_free(struct smmuv3 *smmu, struct smmuv3_endpoint *endpoint)
{
	const uint64_t *l1 = endpoint->cds.va;
	struct uiommu_page page;
	uint32_t i;

	/* a unit that could not be turned off may be reading it for good */
	if (smmu->wedged)
		return;
	for (i = 0; i < endpoint->nb_leaves; i++) {
		if (endpoint->leaves[i] == NULL)
			continue;
		page.va = endpoint->leaves[i];
		page.pa = l1[i] & SMMUV3_L1CD_L2PTR_MASK;
		uiommu_page_free(&smmu->pool, &page);
	}
	uiommu_dma_free(&smmu->dev->platform, &endpoint->cds);
}

static struct smmuv3_cd *
find_cd(const struct smmuv3_endpoint *endpoint, uint32_t pasid)
{
	const uint32_t ssid = pasid == UIOMMU_NO_PASID ? SMMUV3_RID_SSID : pasid;
	struct smmuv3_cd *leaf;

	if (endpoint->nb_leaves == 0)
		return (struct smmuv3_cd *)endpoint->cds.va + ssid;
	leaf = endpoint->leaves[ssid >> CD_SPLIT];
	return leaf != NULL ? &leaf[ssid % CD_LEAF_ENTRIES] : NULL;
}

/* The same, and its leaf is made if there is none yet */
static int
get_cd(struct smmuv3 *smmu, struct smmuv3_endpoint *endpoint, uint32_t pasid, struct smmuv3_cd **cd)
{
	const uint32_t ssid = pasid == UIOMMU_NO_PASID ? SMMUV3_RID_SSID : pasid;
	uint64_t *l1 = endpoint->cds.va;
	struct uiommu_page page;
	int ret;

	*cd = find_cd(endpoint, pasid);
	if (*cd != NULL)
		return 0;
	ret = uiommu_page_alloc(&smmu->pool, &page);
	if (ret != 0)
		return ret;
	endpoint->leaves[ssid >> CD_SPLIT] = page.va;
	uiommu_wmb_before_present();
	uiommu_store_shared64(&l1[ssid >> CD_SPLIT], page.pa | SMMUV3_L1CD_V);
	*cd = find_cd(endpoint, pasid);
	return 0;
}

/* Write an entry that is not valid, and stays so. */
static void
cd_write(struct smmuv3_cd *to, const struct smmuv3_cd *from)
{
	unsigned int i;

	for (i = 0; i < RTE_DIM(to->q); i++)
		uiommu_store_shared64(&to->q[i], from->q[i]);
}

/* An entry that a domain has filled: its format is never 0 */
static bool
is_filled(const struct smmuv3_cd *cd)
{
	return (cd->q[0] & SMMUV3_CD0_AA64) != 0;
}

void
smmuv3_bond_validate(struct smmuv3_endpoint *endpoint, uint32_t pasid)
{
	struct smmuv3_cd *cd = find_cd(endpoint, pasid);

	if (cd == NULL || !is_filled(cd))
		return;
	uiommu_wmb_before_present();
	uiommu_store_shared64(&cd->q[0], cd->q[0] | SMMUV3_CD0_V);
}

static int
pasid_check(const struct smmuv3_endpoint *endpoint, uint32_t pasid)
{
	/* S 5.2, S1DSS: the descriptor of requests without SubstreamID is not used by number */
	if (pasid == SMMUV3_RID_SSID)
		return -EINVAL;
	return pasid != UIOMMU_NO_PASID && pasid >= endpoint->pasid_limit ? -EINVAL : 0;
}

static bool
is_bound(const struct smmuv3_endpoint *endpoint, uint32_t pasid, const struct smmuv3_cd *cd)
{
	return (cd != NULL && (cd->q[0] & SMMUV3_CD0_V) != 0) ||
	       (pasid == UIOMMU_NO_PASID && endpoint->passes);
}

int
smmuv3_bond_set(struct uiommu_dev *dev, void *endpoint_private, uint32_t pasid,
		void *domain_private)
{
	struct smmuv3 *smmu = smmuv3_of(dev);
	struct smmuv3_endpoint *endpoint = endpoint_private;
	const struct smmuv3_domain *domain = domain_private;
	struct smmuv3_cd filled = {{0}}, *cd;
	int ret = pasid_check(endpoint, pasid);

	if (ret != 0)
		return ret;
	cd = find_cd(endpoint, pasid);
	if (is_bound(endpoint, pasid, cd))
		return -EBUSY;
	if (domain->type == UIOMMU_DOMAIN_IDENTITY && pasid != UIOMMU_NO_PASID)
		return -ENOTSUP;
	if (domain->asid != 0) {
		ret = get_cd(smmu, endpoint, pasid, &cd);
		if (ret != 0)
			return ret;
		smmuv3_domain_cd(smmu, domain, endpoint->stall, &filled);
	}
	if (cd != NULL)
		cd_write(cd, &filled);
	if (domain->type == UIOMMU_DOMAIN_IDENTITY) {
		endpoint->passes = true;
		smmuv3_ste_refresh(smmu, endpoint);
	}
	/* a unit that runs is told of the entry before it is valid: UIOMMU_CMD_BOND_SET */
	if (!smmu->running)
		smmuv3_bond_validate(endpoint, pasid);
	return 0;
}

void
smmuv3_bond_clear(struct uiommu_dev *dev, void *endpoint_private, uint32_t pasid)
{
	struct smmuv3_endpoint *endpoint = endpoint_private;
	struct smmuv3_cd *cd = find_cd(endpoint, pasid);

	if (cd != NULL)
		uiommu_store_shared64(&cd->q[0], cd->q[0] & ~SMMUV3_CD0_V);
	if (pasid == UIOMMU_NO_PASID && endpoint->passes) {
		endpoint->passes = false;
		smmuv3_ste_refresh(smmuv3_of(dev), endpoint);
	}
}

/* No walks, and no events of them, S 5.4: one word, which is read as a whole. */
void
smmuv3_bond_block(struct uiommu_dev *dev, void *endpoint_private, uint32_t pasid)
{
	struct smmuv3_cd *cd = find_cd(endpoint_private, pasid);
	uint64_t quiet = SMMUV3_CD0_R;

	/* where stalls cannot be turned off they are answered, S 5.5 */
	if (smmuv3_of(dev)->stall_model != SMMUV3_STALL_MODEL_FORCED)
		quiet |= SMMUV3_CD0_S;
	if (cd != NULL)
		uiommu_store_shared64(&cd->q[0], (cd->q[0] & ~quiet) | SMMUV3_CD0_EPD0);
}
