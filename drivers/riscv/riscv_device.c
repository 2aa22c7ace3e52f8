/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Device directory, and device contexts: one for each endpoint, "Device-Directory-Table (DDT)". */

#include <errno.h>

#include <rte_malloc.h>

#include "riscv_pvt.h"

int
riscv_ddt_init(struct riscv *riscv)
{
	const bool extended = (riscv->caps & RISCV_CAP_MSI_FLAT) != 0;
	const unsigned int dc_size = extended ? RISCV_DC_SIZE : RISCV_DC_BASE_SIZE;
	void *entry;
	int ret;

	riscv->ddt = (struct riscv_dir){
		.levels = riscv->ddt_levels != 0 ? riscv->ddt_levels : RISCV_DIR_LEVELS_MAX,
		.entry_shift = (uint8_t)__builtin_ctz(dc_size),
		.bits = {
			extended ? RISCV_DDI0_BITS_EXT : RISCV_DDI0_BITS_BASE,
			RISCV_DDI1_BITS,
			extended ? RISCV_DDI2_BITS_EXT : RISCV_DDI2_BITS_BASE,
		},
	};
	ret = riscv_dir_init(&riscv->pool, &riscv->ddt);
	return ret == 0 ? riscv_dir_get(&riscv->pool, &riscv->ddt, 0, &entry) : ret;
}

/* "Translation control (tc)" of an endpoint, valid */
static uint64_t
tc_of(const struct riscv *riscv, const struct riscv_endpoint *endpoint)
{
	uint64_t tc = RISCV_TC_V;

	if (endpoint->ats)
		tc |= RISCV_TC_EN_ATS;
	if (endpoint->page_requests)
		tc |= RISCV_TC_EN_PRI;
	/* requests without PASID are those of process 0 */
	if (endpoint->pdtp_mode != RISCV_PDTP_BARE)
		tc |= RISCV_TC_PDTV | RISCV_TC_DPE;
	/* as our own responses, automatic ones have the PASID of the request */
	if (endpoint->page_requests && endpoint->pdtp_mode != RISCV_PDTP_BARE)
		tc |= RISCV_TC_PRPR;
	if ((riscv->caps & RISCV_CAP_AMO_HWAD) != 0)
		tc |= RISCV_TC_SADE;
	return tc;
}

/* Nothing is cached of an entry that is not valid, "Caching in-memory data structures". */
static void
dc_fill(const struct riscv *riscv, struct riscv_endpoint *endpoint)
{
	struct riscv_dc_base *dc = endpoint->dc;
	uint64_t *more = (uint64_t *)(dc + 1);
	unsigned int i;

	uiommu_store_shared64(&dc->iohgatp, 0);
	uiommu_store_shared64(&dc->ta, (uint64_t)endpoint->pscid << RISCV_DC_TA_PSCID_SHIFT);
	uiommu_store_shared64(&dc->fsc, endpoint->fsc);
	if ((riscv->caps & RISCV_CAP_MSI_FLAT) != 0)
		for (i = 0; i < (RISCV_DC_SIZE - RISCV_DC_BASE_SIZE) / sizeof(*more); i++)
			uiommu_store_shared64(&more[i], 0);
	uiommu_wmb_before_present();
	uiommu_store_shared64(&dc->tc, tc_of(riscv, endpoint));
}

/* The narrowest directory of the unit that holds so many bits */
static uint8_t
pdtp_mode_for(const struct riscv *riscv, uint32_t bits)
{
	if (bits <= 8 && (riscv->caps & RISCV_CAP_PD8) != 0)
		return RISCV_PDTP_PD8;
	if (bits <= 17 && (riscv->caps & RISCV_CAP_PD17) != 0)
		return RISCV_PDTP_PD17;
	return RISCV_PDTP_PD20;
}

static int
pdt_init(struct riscv *riscv, struct riscv_endpoint *endpoint)
{
	endpoint->pdt = (struct riscv_dir){
		.levels = endpoint->pdtp_mode,
		.entry_shift = (uint8_t)__builtin_ctz(RISCV_PC_SIZE),
		.bits = {RISCV_PDI0_BITS, RISCV_PDI1_BITS, RISCV_PDI2_BITS},
	};
	if (riscv_dir_init(&riscv->pool, &endpoint->pdt) != 0)
		return -ENOMEM;
	endpoint->fsc = riscv_fsc(endpoint->pdtp_mode,
				  riscv_dir_root_pa(&endpoint->pdt, endpoint->pdt.levels));
	return 0;
}

/* Levels are what the modes of pdtp count, so that one tells the other */
_Static_assert(RISCV_PDTP_PD8 == 1 && RISCV_PDTP_PD17 == 2 && RISCV_PDTP_PD20 == 3, "levels");

/* What the endpoint is to be, apart from memory. @return 0; -EINVAL */
static int
endpoint_fill(const struct riscv *riscv, uint32_t endpoint_id,
	      const struct uiommu_endpoint_conf *conf, struct riscv_endpoint *endpoint)
{
	const uint32_t bits = conf->pasid_bits != 0 ? conf->pasid_bits : riscv->pasid_bits;
	const uint8_t levels = riscv->running ? riscv->levels : riscv->ddt.levels;

	if (endpoint_id >> riscv_dir_bits(&riscv->ddt, levels) != 0 || bits > riscv->pasid_bits)
		return -EINVAL;
	endpoint->did = endpoint_id;
	endpoint->pasid_limit = bits != 0 ? UINT32_C(1) << bits : 0;
	endpoint->pdtp_mode = bits != 0 ? pdtp_mode_for(riscv, bits) : RISCV_PDTP_BARE;
	endpoint->ats = (conf->flags & UIOMMU_ENDPOINT_NO_ATS) == 0 &&
			(riscv->caps & RISCV_CAP_ATS) != 0;
	return 0;
}

/* @return 0; -ENOMEM; -EEXIST */
static int
endpoint_memory(struct riscv *riscv, struct riscv_endpoint *endpoint)
{
	void *entry;
	int ret = riscv_dir_get(&riscv->pool, &riscv->ddt, endpoint->did, &entry);

	if (ret != 0)
		return ret;
	endpoint->dc = entry;
	if ((endpoint->dc->tc & RISCV_TC_V) != 0)
		return -EEXIST;
	if (endpoint->pdtp_mode != RISCV_PDTP_BARE)
		return pdt_init(riscv, endpoint);
	/* nothing is to pass until it is attached: Bare would let everything */
	endpoint->fsc = riscv_fsc(RISCV_IOSATP_SV39, riscv->nothing.pa);
	return 0;
}

int
riscv_endpoint_set(struct uiommu_dev *dev, uint32_t endpoint_id,
		   const struct uiommu_endpoint_conf *conf, void **endpoint_private)
{
	struct riscv *riscv = riscv_of(dev);
	struct riscv_endpoint model = {0}, *endpoint;
	uint32_t bits;
	int ret;

	ret = endpoint_fill(riscv, endpoint_id, conf, &model);
	if (ret != 0)
		return ret;
	endpoint = rte_zmalloc_socket("riscv_endpoint", sizeof(*endpoint), 0,
				      dev->platform.socket_id);
	if (endpoint == NULL)
		return -ENOMEM;
	*endpoint = model;
	ret = endpoint_memory(riscv, endpoint);
	if (ret != 0) {
		rte_free(endpoint);
		return ret;
	}
	bits = endpoint_id != 0 ? 32 - (uint32_t)__builtin_clz(endpoint_id) : 0;
	riscv->id_bits_used = RTE_MAX(riscv->id_bits_used, bits);
	dc_fill(riscv, endpoint);
	*endpoint_private = endpoint;
	return 0;
}

void
riscv_endpoint_clear(struct uiommu_dev *dev __rte_unused, void *endpoint_private)
{
	struct riscv_endpoint *endpoint = endpoint_private;

	uiommu_store_shared64(&endpoint->dc->tc, endpoint->dc->tc & ~RISCV_TC_V);
}

/* The unit is off */
void
riscv_endpoint_enable(struct uiommu_dev *dev, void *endpoint_private)
{
	dc_fill(riscv_of(dev), endpoint_private);
}

/*
 * One doubleword of a valid entry changes, with one store, and agrees with all others before and
 * after ("Updating in-memory data structure entries").
 */
void
riscv_endpoint_page_requests(struct uiommu_dev *dev, void *endpoint_private, bool on)
{
	struct riscv *riscv = riscv_of(dev);
	struct riscv_endpoint *endpoint = endpoint_private;

	endpoint->page_requests = on && endpoint->ats && riscv->has_pq;
	if ((endpoint->dc->tc & RISCV_TC_V) != 0)
		uiommu_store_shared64(&endpoint->dc->tc, tc_of(riscv, endpoint));
}

void
riscv_endpoint_free(struct uiommu_dev *dev, void *endpoint_private)
{
	struct riscv *riscv = riscv_of(dev);
	struct riscv_endpoint *endpoint = endpoint_private;

	/* a unit that could not be turned off may be reading it for good */
	if (!riscv->wedged)
		riscv_dir_free(&riscv->pool, &endpoint->pdt);
	rte_free(endpoint);
}

/* --------------------------------------------------------------------- bonds */

static uint32_t
pid_of(uint32_t pasid)
{
	return pasid == UIOMMU_NO_PASID ? RISCV_RID_PID : pasid;
}

static int
pasid_check(const struct riscv_endpoint *endpoint, uint32_t pasid)
{
	if (pasid == UIOMMU_NO_PASID)
		return 0;
	/* the process of requests without PASID: what has it by number would be the same */
	return pasid == RISCV_RID_PID || pasid >= endpoint->pasid_limit ? -EINVAL : 0;
}

/* Without a process directory the device context says it, of the RID. */
static void
dc_translate(struct riscv_endpoint *endpoint, const struct riscv_domain *domain)
{
	endpoint->pscid = domain->pscid;
	endpoint->fsc = domain->fsc;
	/*
	 * Whatever the unit reads of both words while they change: with the new identifier there
	 * is the table without entries, of which nothing is cached, or the new one.
	 */
	uiommu_store_shared64(&endpoint->dc->ta,
			      (uint64_t)domain->pscid << RISCV_DC_TA_PSCID_SHIFT);
}

void
riscv_bond_validate(struct riscv_endpoint *endpoint)
{
	uiommu_wmb_before_present();
	uiommu_store_shared64(&endpoint->dc->fsc, endpoint->fsc);
}

static bool
dc_translates(const struct riscv *riscv, const struct riscv_endpoint *endpoint)
{
	return endpoint->fsc != riscv_fsc(RISCV_IOSATP_SV39, riscv->nothing.pa);
}

static int
bond_set_dc(struct riscv *riscv, struct riscv_endpoint *endpoint,
	    const struct riscv_domain *domain)
{
	if (dc_translates(riscv, endpoint))
		return -EBUSY;
	if (domain->type == UIOMMU_DOMAIN_BLOCKED)
		return 0;
	dc_translate(endpoint, domain);
	/* a unit that runs is told of the identifier before: UIOMMU_CMD_BOND_SET */
	if (!riscv->running)
		riscv_bond_validate(endpoint);
	return 0;
}

static void
pc_fill(struct riscv_pc *pc, const struct riscv_domain *domain)
{
	uiommu_store_shared64(&pc->fsc, domain->fsc);
	uiommu_wmb_before_present();
	uiommu_store_shared64(&pc->ta, (uint64_t)domain->pscid << RISCV_PC_TA_PSCID_SHIFT |
					       RISCV_PC_TA_V);
}

int
riscv_bond_set(struct uiommu_dev *dev, void *endpoint_private, uint32_t pasid,
	       void *domain_private)
{
	struct riscv *riscv = riscv_of(dev);
	struct riscv_endpoint *endpoint = endpoint_private;
	const struct riscv_domain *domain = domain_private;
	struct riscv_pc *pc;
	void *entry;
	int ret = pasid_check(endpoint, pasid);

	if (ret != 0)
		return ret;
	if (endpoint->pdtp_mode == RISCV_PDTP_BARE)
		return bond_set_dc(riscv, endpoint, domain);
	pc = riscv_dir_find(&endpoint->pdt, pid_of(pasid));
	if (pc != NULL && (pc->ta & RISCV_PC_TA_V) != 0)
		return -EBUSY;
	/* no entry at all */
	if (domain->type == UIOMMU_DOMAIN_BLOCKED)
		return 0;
	ret = riscv_dir_get(&riscv->pool, &endpoint->pdt, pid_of(pasid), &entry);
	if (ret != 0)
		return ret;
	pc_fill(entry, domain);
	return 0;
}

void
riscv_bond_clear(struct uiommu_dev *dev, void *endpoint_private, uint32_t pasid)
{
	struct riscv *riscv = riscv_of(dev);
	struct riscv_endpoint *endpoint = endpoint_private;
	struct riscv_pc *pc;

	if (endpoint->pdtp_mode == RISCV_PDTP_BARE) {
		/* the identifier stays: no table has the one of an empty one */
		endpoint->fsc = riscv_fsc(RISCV_IOSATP_SV39, riscv->nothing.pa);
		uiommu_store_shared64(&endpoint->dc->fsc, endpoint->fsc);
		return;
	}
	pc = riscv_dir_find(&endpoint->pdt, pid_of(pasid));
	if (pc != NULL)
		uiommu_store_shared64(&pc->ta, pc->ta & ~RISCV_PC_TA_V);
}
