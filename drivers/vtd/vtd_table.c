/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <string.h>

#include <rte_malloc.h>

#include "vtd_pvt.h"

/** PASID bits that the smallest directory covers: 128 entries of 64 PASIDs. */
#define PASID_BITS_MIN (VTD_PASID_DIR_MIN_ORDER + VTD_PASID_DIR_SHIFT)

static struct vtd_pasid_entry *
find_entry(const struct vtd_endpoint *endpoint, uint32_t pasid)
{
	struct vtd_pasid_entry *table = endpoint->tables[pasid >> VTD_PASID_DIR_SHIFT];

	return table != NULL ? &table[pasid % VTD_PASID_TABLE_ENTRIES] : NULL;
}

/* Make a present entry that covers more than 64 bits absent: nothing else of it changes. */
static void
clear_present(uint64_t *word0)
{
	uiommu_store_shared64(word0, *word0 & ~UINT64_C(1));
}

/* Context entry of a requester id, S 9.2 and 9.4; its table is made if there is none yet */
static int
context_entry_get(struct vtd *vtd, uint16_t source_id, struct vtd_context_entry **context)
{
	struct vtd_root_entry *root = RTE_PTR_ADD(vtd->base_mem.va, VTD_BASE_ROOT);
	uint32_t half = source_id / VTD_CONTEXT_ENTRIES;
	struct vtd_page page;
	int ret;

	if (vtd->contexts[half] == NULL) {
		ret = vtd_page_alloc(&vtd->pool, &page);
		if (ret != 0)
			return ret;
		vtd->contexts[half] = page.va;
		uiommu_wmb_before_present();
		uiommu_store_shared64((half & 1) == 0 ? &root[half / 2].lo : &root[half / 2].hi,
				      page.pa | VTD_ROOT_PRESENT);
	}
	*context = &vtd->contexts[half][source_id % VTD_CONTEXT_ENTRIES];
	return 0;
}

static void
context_fill(struct vtd_endpoint *endpoint)
{
	uint64_t pdts = (uint64_t)(endpoint->pasid_bits - PASID_BITS_MIN);
	uint64_t *q = endpoint->context->q;

	uiommu_store_shared64(&q[1], VTD_RID_PASID);
	uiommu_store_shared64(&q[2], 0);
	uiommu_store_shared64(&q[3], 0);
	uiommu_wmb_before_present();
	uiommu_store_shared64(&q[0], endpoint->dir.pa | pdts << VTD_CTX0_PDTS_SHIFT | VTD_CTX0_PRE |
					     VTD_CTX0_PASIDE | VTD_CTX0_DTE | VTD_CTX0_P);
}

int
vtd_endpoint_set(struct uiommu_dev *dev, uint32_t endpoint_id,
		 const struct uiommu_endpoint_conf *conf, void **endpoint_private)
{
	struct vtd *vtd = vtd_of(dev);
	uint32_t unit_bits = vtd->pasid_bits;
	uint32_t bits = conf->pasid_bits != 0 ? conf->pasid_bits : unit_bits;
	struct vtd_endpoint *endpoint;
	uint32_t nb_dir;
	int ret;

	if (endpoint_id > UINT16_MAX || bits > unit_bits)
		return -EINVAL;
	nb_dir = UINT32_C(1) << (RTE_MAX(bits, (uint32_t)PASID_BITS_MIN) - VTD_PASID_DIR_SHIFT);
	endpoint = rte_zmalloc_socket("vtd_endpoint",
				      sizeof(*endpoint) + nb_dir * sizeof(endpoint->tables[0]), 0,
				      dev->platform.socket_id);
	if (endpoint == NULL)
		return -ENOMEM;
	endpoint->source_id = (uint16_t)endpoint_id;
	endpoint->pasid_limit = UINT32_C(1) << bits;
	endpoint->pasid_bits = (uint8_t)RTE_MAX(bits, (uint32_t)PASID_BITS_MIN);
	endpoint->nb_dir = nb_dir;
	ret = context_entry_get(vtd, endpoint->source_id, &endpoint->context);
	if (ret == 0 && (endpoint->context->q[0] & VTD_CTX0_P) != 0)
		ret = -EEXIST;
	if (ret == 0)
		ret = uiommu_dma_alloc(&dev->platform,
				       RTE_MAX(nb_dir * sizeof(uint64_t), (size_t)VTD_PAGE_SIZE),
				       VTD_PAGE_SIZE, &endpoint->dir);
	if (ret != 0) {
		rte_free(endpoint);
		return ret;
	}
	context_fill(endpoint);
	*endpoint_private = endpoint;
	return 0;
}

void
vtd_endpoint_clear(struct uiommu_dev *dev __rte_unused, void *endpoint_private)
{
	struct vtd_endpoint *endpoint = endpoint_private;

	clear_present(&endpoint->context->q[0]);
}

void
vtd_endpoint_enable(struct uiommu_dev *dev __rte_unused, void *endpoint_private)
{
	context_fill(endpoint_private);
}

void
vtd_endpoint_free(struct uiommu_dev *dev, void *endpoint_private)
{
	struct vtd_endpoint *endpoint = endpoint_private;
	const uint64_t *dir = endpoint->dir.va;
	struct vtd_page page;
	uint32_t i;

	for (i = 0; i < endpoint->nb_dir; i++) {
		if (endpoint->tables[i] == NULL)
			continue;
		page.va = endpoint->tables[i];
		page.pa = dir[i] & VTD_ADDR_MASK;
		vtd_page_free(&vtd_of(dev)->pool, &page);
	}
	if (!vtd_of(dev)->wedged)
		uiommu_dma_free(&dev->platform, &endpoint->dir);
	rte_free(endpoint);
}

static int
did_alloc(struct vtd *vtd, uint16_t *did)
{
	uint32_t i, at;

	/* 0 is never used: S 6.1 has it tag what is cached of absent entries */
	for (i = 0; i < vtd->nb_did; i++) {
		at = (vtd->did_next + i) % vtd->nb_did;
		if (at == 0 || (vtd->did_used[at / 64] >> (at % 64) & 1) != 0)
			continue;
		vtd->did_used[at / 64] |= UINT64_C(1) << (at % 64);
		vtd->did_next = at + 1;
		*did = (uint16_t)at;
		return 0;
	}
	VTD_LOG(ERR, "%s: all %u domain ids are in use", vtd->dev->name, vtd->nb_did - 1);
	return -ENOMEM;
}

/* What a domain needs of the unit, and the root table of one with translations */
static int
domain_fill(struct vtd *vtd, const struct uiommu_domain_conf *conf, struct vtd_domain *domain)
{
	int ret;

	switch (conf->type) {
	case UIOMMU_DOMAIN_BLOCKED:
		return 0;
	case UIOMMU_DOMAIN_IDENTITY:
		if ((vtd->ecap & VTD_ECAP_PT) == 0)
			return -ENOTSUP;
		return did_alloc(vtd, &domain->did);
	case UIOMMU_DOMAIN_PAGING:
		break;
	default:
		return -ENOTSUP;
	}
	domain->levels = conf->levels != 0 ? (uint8_t)conf->levels : 4;
	if (conf->levels != 0 && conf->levels != 4 && conf->levels != 5)
		return -EINVAL;
	if (domain->levels == 5 && (vtd->cap & VTD_CAP_FS5LP) == 0)
		return -ENOTSUP;
	/* S 9.6: 4 KiB aligned, and no machine address has more than 52 bits */
	if ((conf->table_pa & ~VTD_ADDR_MASK) != 0 || conf->table_pa >> 52 != 0)
		return -EINVAL;
	domain->root_pa = conf->table_pa;
	if (conf->table_pa == 0) {
		ret = vtd_page_alloc(&vtd->pool, &domain->root);
		if (ret != 0)
			return ret;
		domain->root_pa = domain->root.pa;
	}
	return did_alloc(vtd, &domain->did);
}

int
vtd_domain_init(struct uiommu_dev *dev, const struct uiommu_domain_conf *conf,
		void **domain_private)
{
	struct vtd *vtd = vtd_of(dev);
	struct vtd_domain *domain;
	int ret;

	domain = rte_zmalloc_socket("vtd_domain", sizeof(*domain), 0, dev->platform.socket_id);
	if (domain == NULL)
		return -ENOMEM;
	domain->type = conf->type;
	ret = domain_fill(vtd, conf, domain);
	if (ret != 0) {
		vtd_domain_fini(dev, domain);
		return ret;
	}
	*domain_private = domain;
	return 0;
}

void
vtd_domain_fini(struct uiommu_dev *dev, void *domain_private)
{
	struct vtd *vtd = vtd_of(dev);
	struct vtd_domain *domain = domain_private;

	if (domain->did != 0)
		vtd->did_used[domain->did / 64] &= ~(UINT64_C(1) << (domain->did % 64));
	if (domain->root.va != NULL)
		vtd_page_free(&vtd->pool, &domain->root);
	rte_free(domain);
}

/* PASID entry, S 9.5 and 9.6; its table is made if there is none yet */
static int
pasid_entry_get(struct vtd *vtd, struct vtd_endpoint *endpoint, uint32_t pasid,
		struct vtd_pasid_entry **entry)
{
	uint32_t index = pasid >> VTD_PASID_DIR_SHIFT;
	uint64_t *dir = endpoint->dir.va;
	struct vtd_page page;
	int ret;

	if (endpoint->tables[index] == NULL) {
		ret = vtd_page_alloc(&vtd->pool, &page);
		if (ret != 0)
			return ret;
		endpoint->tables[index] = page.va;
		uiommu_wmb_before_present();
		uiommu_store_shared64(&dir[index], page.pa | VTD_PASID_DIR_P);
	}
	*entry = find_entry(endpoint, pasid);
	return 0;
}

static uint64_t
entry_word0(const struct vtd *vtd, const struct vtd_domain *domain)
{
	uint64_t pgtt = domain->type == UIOMMU_DOMAIN_IDENTITY ? VTD_PGTT_PASSTHROUGH :
								  VTD_PGTT_FIRST;

	return pgtt << VTD_PE0_PGTT_SHIFT | (uint64_t)vtd->aw << VTD_PE0_AW_SHIFT | VTD_PE0_P;
}

int
vtd_bond_set(struct uiommu_dev *dev, void *endpoint_private, uint32_t pasid, void *domain_private)
{
	struct vtd_endpoint *endpoint = endpoint_private;
	const struct vtd_domain *domain = domain_private;
	struct vtd_pasid_entry *entry;
	uint64_t word2 = 0;
	unsigned int i;
	int ret;

	/* S 7.1.3, reason 0x48: the PASID of requests without one must not be used by name */
	if (pasid == VTD_RID_PASID || (pasid != UIOMMU_NO_PASID && pasid >= endpoint->pasid_limit))
		return -EINVAL;
	if (pasid == UIOMMU_NO_PASID)
		pasid = VTD_RID_PASID;
	if (domain->type == UIOMMU_DOMAIN_BLOCKED)
		return 0;
	ret = pasid_entry_get(vtd_of(dev), endpoint, pasid, &entry);
	if (ret != 0)
		return ret;
	if ((entry->q[0] & VTD_PE0_P) != 0)
		return -EBUSY;
	if (domain->type == UIOMMU_DOMAIN_PAGING)
		word2 = domain->root_pa |
			(domain->levels == 5 ? UINT64_C(1) << VTD_PE2_FSPM_SHIFT : 0);
	uiommu_store_shared64(&entry->q[1], domain->did | VTD_PE1_PWSNP);
	uiommu_store_shared64(&entry->q[2], word2);
	for (i = 3; i < RTE_DIM(entry->q); i++)
		uiommu_store_shared64(&entry->q[i], 0);
	uiommu_wmb_before_present();
	uiommu_store_shared64(&entry->q[0], entry_word0(vtd_of(dev), domain));
	return 0;
}

void
vtd_bond_clear(struct uiommu_dev *dev __rte_unused, void *endpoint_private, uint32_t pasid)
{
	struct vtd_pasid_entry *entry =
		find_entry(endpoint_private, pasid == UIOMMU_NO_PASID ? VTD_RID_PASID : pasid);

	if (entry != NULL)
		clear_present(&entry->q[0]);
}

uint16_t
vtd_endpoint_did(const struct vtd_endpoint *endpoint, uint32_t pasid)
{
	const struct vtd_pasid_entry *entry = find_entry(endpoint, pasid);

	return entry != NULL ? (uint16_t)(uiommu_load_shared64(&entry->q[1]) & VTD_PE1_DID_MASK) :
			       0;
}
