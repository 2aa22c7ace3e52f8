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

/* "Translation control (tc)" of an endpoint that may do nothing: every page request is refused. */
static uint64_t
tc_refuse(const struct riscv *riscv, const struct riscv_endpoint *endpoint)
{
	uint64_t tc = RISCV_TC_V;

	/* requests without PASID are those of process 0 */
	if (endpoint->pdtp_mode != RISCV_PDTP_BARE)
		tc |= RISCV_TC_PDTV | RISCV_TC_DPE;
	if ((riscv->caps & RISCV_CAP_AMO_HWAD) != 0)
		tc |= RISCV_TC_SADE;
	return tc;
}

static uint64_t
tc_of(const struct riscv *riscv, const struct riscv_endpoint *endpoint)
{
	uint64_t tc = tc_refuse(riscv, endpoint);

	if (endpoint->ats)
		tc |= RISCV_TC_EN_ATS;
	if (endpoint->page_requests)
		tc |= RISCV_TC_EN_PRI;
	/* as our own responses, automatic ones have the PASID of the request */
	if (endpoint->page_requests && endpoint->pdtp_mode != RISCV_PDTP_BARE)
		tc |= RISCV_TC_PRPR;
	if (endpoint->nb_blocked != 0)
		tc |= RISCV_TC_DTF;
	return tc;
}

/*
 * Context of an endpoint: none was there, or that of one that has gone (see endpoint_clear()), or
 * the unit is off. Each store leaves words that agree with each other ("Updating in-memory data
 * structure entries").
 */
static void
dc_fill(const struct riscv *riscv, struct riscv_endpoint *endpoint)
{
	struct riscv_dc_base *dc = endpoint->dc;
	uint64_t *more = (uint64_t *)(dc + 1);
	unsigned int i;

	uiommu_store_shared64(&dc->iohgatp, 0);
	uiommu_store_shared64(&dc->ta, (uint64_t)endpoint->pscid << RISCV_DC_TA_PSCID_SHIFT);
	if ((riscv->caps & RISCV_CAP_MSI_FLAT) != 0)
		for (i = 0; i < (RISCV_DC_SIZE - RISCV_DC_BASE_SIZE) / sizeof(*more); i++)
			uiommu_store_shared64(&more[i], 0);
	uiommu_store_shared64(&dc->fsc, endpoint->fsc);
	uiommu_wmb_before_present();
	uiommu_store_shared64(&dc->tc, tc_of(riscv, endpoint));
	endpoint->cleared = false;
	endpoint->quiet_told = true;
}

/* First-stage context with nothing in it, of the kind that the endpoint has */
static uint64_t
fsc_of_nothing(const struct riscv *riscv, const struct riscv_endpoint *endpoint)
{
	/* without a process directory Bare would let everything pass */
	const uint64_t mode = endpoint->pdtp_mode != RISCV_PDTP_BARE ? endpoint->pdtp_mode :
								       RISCV_IOSATP_SV39;

	return riscv_fsc(mode, riscv->nothing.pa);
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

/* @return 0; -ENOMEM */
static int
endpoint_memory(struct riscv *riscv, struct riscv_endpoint *endpoint)
{
	void *entry;
	int ret = riscv_dir_get(&riscv->pool, &riscv->ddt, endpoint->did, &entry);

	if (ret != 0)
		return ret;
	endpoint->dc = entry;
	endpoint->known = (endpoint->dc->tc & RISCV_TC_V) != 0;
	if (endpoint->pdtp_mode != RISCV_PDTP_BARE)
		return pdt_init(riscv, endpoint);
	endpoint->fsc = fsc_of_nothing(riscv, endpoint);
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

/*
 * With an entry that is not valid the unit would answer page requests Response Failure, which shuts
 * the device's interface down, and that of all functions that share it ("PCIe ATS Page Request
 * handling"). So it stays valid, with nothing in it and nothing allowed.
 */
void
riscv_endpoint_clear(struct uiommu_dev *dev, void *endpoint_private)
{
	struct riscv *riscv = riscv_of(dev);
	struct riscv_endpoint *endpoint = endpoint_private;

	endpoint->cleared = true;
	uiommu_store_shared64(&endpoint->dc->tc, tc_refuse(riscv, endpoint));
	uiommu_store_shared64(&endpoint->dc->fsc, fsc_of_nothing(riscv, endpoint));
	if (!riscv->running)
		riscv_endpoint_settle(endpoint);
}

void
riscv_endpoint_settle(struct riscv_endpoint *endpoint)
{
	uiommu_wmb_before_present();
	uiommu_store_shared64(&endpoint->dc->ta, 0);
}

/* The unit is off */
void
riscv_endpoint_enable(struct uiommu_dev *dev, void *endpoint_private)
{
	dc_fill(riscv_of(dev), endpoint_private);
}

/* One doubleword changes, with one store, and agrees with all others before and after. */
static void
tc_refresh(const struct riscv *riscv, struct riscv_endpoint *endpoint)
{
	if (!endpoint->cleared)
		uiommu_store_shared64(&endpoint->dc->tc, tc_of(riscv, endpoint));
}

void
riscv_endpoint_page_requests(struct uiommu_dev *dev, void *endpoint_private, bool on)
{
	struct riscv *riscv = riscv_of(dev);
	struct riscv_endpoint *endpoint = endpoint_private;

	endpoint->page_requests = on && endpoint->ats && riscv->has_pq;
	tc_refresh(riscv, endpoint);
}

void
riscv_endpoint_free(struct uiommu_dev *dev, void *endpoint_private)
{
	struct riscv *riscv = riscv_of(dev);
	struct riscv_endpoint *endpoint = endpoint_private;

	riscv_dir_free(riscv->wedged ? NULL : &riscv->pool, &endpoint->pdt);
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

/*
 * Without a process directory the device context says it, of the RID. Whatever the unit reads of
 * both words while they change: with the new identifier there is the table without entries, of
 * which nothing is cached, or the new one. So no other device finds what was cached for this one.
 */
static int
bond_set_dc(struct riscv *riscv, struct riscv_endpoint *endpoint,
	    const struct riscv_domain *domain)
{
	if (endpoint->fsc != fsc_of_nothing(riscv, endpoint))
		return -EBUSY;
	if (domain->type == UIOMMU_DOMAIN_BLOCKED)
		return 0;
	endpoint->pscid = domain->pscid;
	endpoint->fsc = domain->fsc;
	if (!endpoint->cleared)
		uiommu_store_shared64(&endpoint->dc->ta,
				      (uint64_t)domain->pscid << RISCV_DC_TA_PSCID_SHIFT);
	if (!riscv->running)
		riscv_bond_settle(endpoint);
	return 0;
}

static void
bond_clear_dc(struct riscv *riscv, struct riscv_endpoint *endpoint)
{
	endpoint->pscid = 0;
	endpoint->fsc = fsc_of_nothing(riscv, endpoint);
	uiommu_store_shared64(&endpoint->dc->fsc, endpoint->fsc);
	if (!riscv->running)
		riscv_bond_settle(endpoint);
}

void
riscv_bond_settle(struct riscv_endpoint *endpoint)
{
	if (endpoint->cleared)
		return;
	uiommu_wmb_before_present();
	uiommu_store_shared64(&endpoint->dc->ta,
			      (uint64_t)endpoint->pscid << RISCV_DC_TA_PSCID_SHIFT);
	uiommu_store_shared64(&endpoint->dc->fsc, endpoint->fsc);
}

static void
pc_fill(struct riscv_pc *pc, const struct riscv_domain *domain)
{
	uiommu_store_shared64(&pc->fsc, domain->fsc);
	uiommu_wmb_before_present();
	uiommu_store_shared64(&pc->ta, (uint64_t)domain->pscid << RISCV_PC_TA_PSCID_SHIFT |
					       RISCV_PC_TA_V);
}

/** Bit of an entry that is not valid, which is free for software then: the bond was blocked. */
#define PC_TA_BLOCKED (UINT64_C(1) << 63)

/*
 * DTF keeps faults of the device as a whole, as long as one of its bonds is blocked: there is no
 * such bit for a process.
 */
static void
blocked_count(const struct riscv *riscv, struct riscv_endpoint *endpoint, bool more)
{
	endpoint->nb_blocked += more ? 1 : UINT32_MAX;
	endpoint->quiet_told = false;
	tc_refresh(riscv, endpoint);
}

/* Make an entry not valid, with a mark or without */
static void
pc_clear(const struct riscv *riscv, struct riscv_endpoint *endpoint, struct riscv_pc *pc,
	 bool blocked)
{
	const bool before = (pc->ta & RISCV_PC_TA_V) == 0 && (pc->ta & PC_TA_BLOCKED) != 0;

	uiommu_store_shared64(&pc->ta, (pc->ta & ~(RISCV_PC_TA_V | PC_TA_BLOCKED)) |
					       (blocked ? PC_TA_BLOCKED : 0));
	if (before != blocked)
		blocked_count(riscv, endpoint, blocked);
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
	if (pc != NULL)
		pc_clear(riscv, endpoint, pc, false);
	/* no entry at all */
	if (domain->type == UIOMMU_DOMAIN_BLOCKED)
		return 0;
	ret = riscv_dir_get(&riscv->pool, &endpoint->pdt, pid_of(pasid), &entry);
	if (ret != 0)
		return ret;
	pc_fill(entry, domain);
	return 0;
}

static void
bond_end(struct uiommu_dev *dev, struct riscv_endpoint *endpoint, uint32_t pasid, bool blocked)
{
	struct riscv *riscv = riscv_of(dev);
	struct riscv_pc *pc;

	if (endpoint->pdtp_mode == RISCV_PDTP_BARE) {
		bond_clear_dc(riscv, endpoint);
		return;
	}
	pc = riscv_dir_find(&endpoint->pdt, pid_of(pasid));
	if (pc != NULL)
		pc_clear(riscv, endpoint, pc, blocked);
}

void
riscv_bond_clear(struct uiommu_dev *dev, void *endpoint_private, uint32_t pasid)
{
	bond_end(dev, endpoint_private, pasid, false);
}

void
riscv_bond_block(struct uiommu_dev *dev, void *endpoint_private, uint32_t pasid)
{
	bond_end(dev, endpoint_private, pasid, true);
}
