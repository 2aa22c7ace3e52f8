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
clear_present(const struct vtd *vtd, uint64_t *word0)
{
	vtd_store(vtd, word0, *word0 & ~UINT64_C(1));
}

/*
 * What the device may do, in the first word of the context entry: S 7.1.3, no PRE without DTE.
 * Bits of what the unit does not have are reserved (S 9.4).
 */
static uint64_t
device_bits(const struct vtd *vtd, const struct vtd_endpoint *endpoint)
{
	return (endpoint->page_requests ? VTD_CTX0_PRE : 0) | (endpoint->ats ? VTD_CTX0_DTE : 0) |
	       ((vtd->ecap & VTD_ECAP_PASID) != 0 ? VTD_CTX0_PASIDE : 0);
}

/* Context entry of a requester id, S 9.2 and 9.4; its table is made if there is none yet */
static int
context_entry_get(struct vtd *vtd, uint16_t source_id, struct vtd_context_entry **context)
{
	struct vtd_root_entry *root = RTE_PTR_ADD(vtd->base_mem.va, VTD_BASE_ROOT);
	uint32_t half = source_id / VTD_CONTEXT_ENTRIES;
	struct uiommu_page page;
	int ret;

	if (vtd->contexts[half] == NULL) {
		ret = uiommu_page_alloc(&vtd->pool, &page);
		if (ret != 0)
			return ret;
		vtd->contexts[half] = page.va;
		vtd_publish(vtd, page.va, VTD_PAGE_SIZE);
		uiommu_wmb_before_present();
		vtd_store(vtd, (half & 1) == 0 ? &root[half / 2].lo : &root[half / 2].hi,
			  page.pa | VTD_ROOT_PRESENT);
	}
	*context = &vtd->contexts[half][source_id % VTD_CONTEXT_ENTRIES];
	return 0;
}

static void
context_fill(const struct vtd *vtd, struct vtd_endpoint *endpoint)
{
	uint64_t pdts = (uint64_t)(endpoint->pasid_bits - PASID_BITS_MIN);
	uint64_t *q = endpoint->context->q;

	vtd_store(vtd, &q[1], VTD_RID_PASID);
	vtd_store(vtd, &q[2], 0);
	vtd_store(vtd, &q[3], 0);
	uiommu_wmb_before_present();
	vtd_store(vtd, &q[0], endpoint->dir.pa | pdts << VTD_CTX0_PDTS_SHIFT |
				      device_bits(vtd, endpoint) | VTD_CTX0_P);
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
	/* S 6.5.2.5: invalidations of a VF are throttled with those of its physical function */
	endpoint->pf_id = (conf->flags & UIOMMU_ENDPOINT_VF) != 0 ? conf->pf_id :
								    endpoint->source_id;
	endpoint->ats = (conf->flags & UIOMMU_ENDPOINT_NO_ATS) == 0 &&
			(vtd->ecap & VTD_ECAP_DT) != 0;
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
	vtd_publish(vtd, endpoint->dir.va, endpoint->dir.size);
	context_fill(vtd, endpoint);
	*endpoint_private = endpoint;
	return 0;
}

void
vtd_endpoint_clear(struct uiommu_dev *dev, void *endpoint_private)
{
	struct vtd_endpoint *endpoint = endpoint_private;

	clear_present(vtd_of(dev), &endpoint->context->q[0]);
}

void
vtd_endpoint_enable(struct uiommu_dev *dev, void *endpoint_private)
{
	context_fill(vtd_of(dev), endpoint_private);
}

/*
 * One word of a present entry changes, with one store, so that the unit reads the entry as it was
 * or as it is, whatever it reads at a time (S 9).
 */
void
vtd_endpoint_page_requests(struct uiommu_dev *dev, void *endpoint_private, bool on)
{
	const struct vtd *vtd = vtd_of(dev);
	struct vtd_endpoint *endpoint = endpoint_private;
	uint64_t *word0 = &endpoint->context->q[0];

	endpoint->page_requests = on;
	vtd_store(vtd, word0, (*word0 & ~VTD_CTX0_PRE) | device_bits(vtd, endpoint));
}

void
vtd_endpoint_free(struct uiommu_dev *dev, void *endpoint_private)
{
	struct vtd_endpoint *endpoint = endpoint_private;
	const uint64_t *dir = endpoint->dir.va;
	struct uiommu_page page;
	uint32_t i;

	for (i = 0; i < endpoint->nb_dir; i++) {
		if (endpoint->tables[i] == NULL)
			continue;
		page.va = endpoint->tables[i];
		page.pa = dir[i] & VTD_ADDR_MASK;
		uiommu_page_free(&vtd_of(dev)->pool, &page);
	}
	if (!vtd_of(dev)->wedged)
		uiommu_dma_free(&dev->platform, &endpoint->dir);
	rte_free(endpoint);
}

/* PASID entry, S 9.5 and 9.6; its table is made if there is none yet */
static int
pasid_entry_get(struct vtd *vtd, struct vtd_endpoint *endpoint, uint32_t pasid,
		struct vtd_pasid_entry **entry)
{
	uint32_t index = pasid >> VTD_PASID_DIR_SHIFT;
	uint64_t *dir = endpoint->dir.va;
	struct uiommu_page page;
	int ret;

	if (endpoint->tables[index] == NULL) {
		ret = uiommu_page_alloc(&vtd->pool, &page);
		if (ret != 0)
			return ret;
		endpoint->tables[index] = page.va;
		vtd_publish(vtd, page.va, VTD_PAGE_SIZE);
		uiommu_wmb_before_present();
		vtd_store(vtd, &dir[index], page.pa | VTD_PASID_DIR_P);
	}
	*entry = find_entry(endpoint, pasid);
	return 0;
}

/* Word 0 of the entry of a domain: what kind of translation, second-stage table and its width */
static uint64_t
entry_word0(const struct vtd *vtd, const struct vtd_domain *domain)
{
	/* the width counts for nothing where there is no second stage; some units look at it */
	uint64_t aw = domain->aw != 0 ? domain->aw : vtd->aw;

	return domain->second_pa | (domain->marks ? VTD_PE0_SSADE : 0) |
	       (uint64_t)domain->pgtt << VTD_PE0_PGTT_SHIFT | aw << VTD_PE0_AW_SHIFT | VTD_PE0_P;
}

/* Word 2: first-stage table and its levels */
static uint64_t
entry_word2(const struct vtd_domain *domain)
{
	uint64_t mode = domain->first_levels == 5 ? 1 : 0;

	return domain->first_pa | mode << VTD_PE2_FSPM_SHIFT;
}

/* An entry that is not present, with nothing left in it of what it was */
static void
entry_empty(const struct vtd *vtd, struct vtd_pasid_entry *entry)
{
	unsigned int i;

	for (i = 0; i < RTE_DIM(entry->q); i++)
		vtd_store(vtd, &entry->q[i], 0);
}

static void
entry_fill(const struct vtd *vtd, struct vtd_pasid_entry *entry, const struct vtd_domain *domain)
{
	/* S 9.6: reserved where walks never snoop */
	const uint64_t snoop = (vtd->ecap & VTD_ECAP_SMPWCS) != 0 ? VTD_PE1_PWSNP : 0;
	unsigned int i;

	vtd_store(vtd, &entry->q[1], domain->did | snoop);
	vtd_store(vtd, &entry->q[2], entry_word2(domain));
	for (i = 3; i < RTE_DIM(entry->q); i++)
		vtd_store(vtd, &entry->q[i], 0);
	uiommu_wmb_before_present();
	vtd_store(vtd, &entry->q[0], entry_word0(vtd, domain));
}

int
vtd_bond_set(struct uiommu_dev *dev, void *endpoint_private, uint32_t pasid, void *domain_private)
{
	struct vtd_endpoint *endpoint = endpoint_private;
	const struct vtd_domain *domain = domain_private;
	struct vtd_pasid_entry *entry;
	int ret;

	/* S 7.1.3, reason 0x48: the PASID of requests without one must not be used by name */
	if (pasid == VTD_RID_PASID || (pasid != UIOMMU_NO_PASID && pasid >= endpoint->pasid_limit))
		return -EINVAL;
	if (pasid == UIOMMU_NO_PASID)
		pasid = VTD_RID_PASID;
	entry = find_entry(endpoint, pasid);
	if (entry != NULL && (entry->q[0] & VTD_PE0_P) != 0)
		return -EBUSY;
	if (domain->type == UIOMMU_DOMAIN_BLOCKED) {
		/* no entry at all, and no domain id that a later command could take for its own */
		if (entry != NULL)
			entry_empty(vtd_of(dev), entry);
		return 0;
	}
	ret = pasid_entry_get(vtd_of(dev), endpoint, pasid, &entry);
	if (ret != 0)
		return ret;
	entry_fill(vtd_of(dev), entry, domain);
	return 0;
}

static struct vtd_pasid_entry *
bond_entry(const struct vtd_endpoint *endpoint, uint32_t pasid)
{
	return find_entry(endpoint, pasid == UIOMMU_NO_PASID ? VTD_RID_PASID : pasid);
}

/* Kind and domain id stay in the entry: the commands that follow go by them. */
void
vtd_bond_clear(struct uiommu_dev *dev, void *endpoint_private, uint32_t pasid)
{
	struct vtd_pasid_entry *entry = bond_entry(endpoint_private, pasid);

	if (entry != NULL)
		vtd_store(vtd_of(dev), &entry->q[0], entry->q[0] & ~(VTD_PE0_P | VTD_PE0_FPD));
}

/* S 9.6: FPD counts in an entry that is not present too */
void
vtd_bond_block(struct uiommu_dev *dev, void *endpoint_private, uint32_t pasid)
{
	struct vtd_pasid_entry *entry = bond_entry(endpoint_private, pasid);

	if (entry != NULL)
		vtd_store(vtd_of(dev), &entry->q[0], (entry->q[0] & ~VTD_PE0_P) | VTD_PE0_FPD);
}

struct vtd_tag
vtd_endpoint_tag(const struct vtd_endpoint *endpoint, uint32_t pasid)
{
	const struct vtd_pasid_entry *entry = find_entry(endpoint, pasid);
	struct vtd_tag tag = {0};

	if (entry == NULL)
		return tag;
	tag.did = (uint16_t)(uiommu_load_shared64(&entry->q[1]) & VTD_PE1_DID_MASK);
	tag.pgtt = (uint8_t)(uiommu_load_shared64(&entry->q[0]) >> VTD_PE0_PGTT_SHIFT &
			     VTD_PE0_PGTT_MASK);
	return tag;
}
