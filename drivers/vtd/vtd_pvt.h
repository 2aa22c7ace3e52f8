/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef VTD_PVT_H
#define VTD_PVT_H

/** @file Declarations across the files of the driver. */

#include <stdbool.h>
#include <stdint.h>

#include <rte_common.h>
#include <rte_log.h>

#include <uiommu_barrier.h>
#include <uiommu_driver.h>
#include <uiommu_driver_mem.h>

#include "vtd_desc.h"
#include "vtd_hw.h"
#include "vtd_iq.h"

extern int vtd_logtype;

/** One line in the log. Never on the data path. */
#define VTD_LOG(level, fmt, ...)                                                                   \
	rte_log(RTE_LOG_##level, (uint32_t)vtd_logtype, "vtd: " fmt "\n", ##__VA_ARGS__)

/** PASID entry that serves requests without PASID: RID_PASID of all context entries. */
#define VTD_RID_PASID 0
/** Invalidations that a device may have pending. Any device can do one. */
#define VTD_MIP 1

/* ------------------------------------------------------------- data path */

/** Page request queue with its invalidation queue: all that the owner needs. */
struct vtd_queue {
	/* read on every call */
	struct uiommu_platform *plat;
	const struct vtd_desc *ring;
	uint32_t mask;             /**< entries - 1 */
	uint32_t head;             /**< index of the next entry */
	uint32_t tail;             /**< index the unit had reached at the last look */
	uint32_t sign_bit;         /**< highest bit of an address */
	uint32_t idle;             /**< fetches in a row that found nothing */
	uint32_t turns;            /**< fetches so far */
	uint64_t taken;            /**< entries so far */
	bool no_requests;          /**< there is no page request queue (ECAP.PRS) */
	bool dit;                  /**< PFSID fields are valid (ECAP.DIT) */
	bool caching;              /**< what is absent is cached too (CAP.CM) */
	bool psi;                  /**< the IOTLB forgets single pages (CAP.PSI) */
	uint8_t mamv;              /**< log2 of the pages that it forgets at once (CAP.MAMV) */
	uint64_t drain_flags;      /**< VTD_QI_IOTLB_DR, _DW */

	struct vtd_iq iq __rte_cache_aligned;

	/* counters */
	uint64_t malformed __rte_cache_aligned; /**< left out; the delivered are the engine's */
	uint64_t stop_markers;
	uint64_t overflows;
	uint64_t malformed_type;
	uint64_t malformed_reserved;
	uint64_t malformed_access;
	uint64_t malformed_address;
	uint64_t prq_wild_index;
	uint64_t iotlb_invalidations;      /**< descriptors, of both kinds */
	uint64_t device_tlb_invalidations; /**< likewise */
	uint64_t wide_invalidations;       /**< times that more was forgotten than was asked for */
};

extern const struct uiommu_queue_ops vtd_queue_ops;

/** Begin with empty queues. */
void
vtd_queue_reset(struct vtd_queue *queue);

int
vtd_cmd_step(void *queue_private, struct uiommu_cmd *cmd);

/** UIOMMU_CMD_INVALIDATE, unless its last wait is waited for. */
int
vtd_inval_step(void *queue_private, struct uiommu_cmd *cmd);

/** uiommu_queue_ops::invalidate */
bool
vtd_invalidate(void *queue_private, const struct uiommu_inval *inval);

/* ---------------------------------------------------------------- tables */

struct vtd_domain {
	uint32_t type;             /**< enum uiommu_domain_type */
	uint16_t did;              /**< 0: none (BLOCKED) */
	uint8_t pgtt;              /**< VTD_PGTT_*; 0: no entry (BLOCKED) */
	uint8_t first_levels;      /**< of the first-stage table */
	uint8_t aw;                /**< width of the second stage, VTD_AW_*; 0: none */
	bool marks;                /**< accessed and dirty bits of the second stage are kept */
	uint64_t first_pa;         /**< first-stage table; NESTED: the guest's address of it */
	uint64_t second_pa;        /**< second-stage table; NESTED: the parent's */
	struct uiommu_page root;   /**< own root table; va NULL: the caller's */
};

struct vtd_endpoint {
	struct vtd_context_entry *context;
	uint16_t source_id;
	uint16_t pf_id;            /**< of its physical function; not a VF: source_id */
	uint8_t pasid_bits;        /**< that the directory covers */
	bool page_requests;        /**< the unit is to queue its page requests */
	bool ats;                  /**< the device may cache translations */
	uint32_t pasid_limit;      /**< PASIDs below may be attached */
	struct uiommu_dma dir;     /**< PASID directory */
	uint32_t nb_dir;           /**< entries of it */
	struct vtd_pasid_entry *tables[]; /**< by directory index; NULL: none */
};

/** Registers as start() found them. */
struct vtd_saved {
	uint32_t gsts;
	uint32_t fectl;
	uint32_t pectl;
	uint64_t rtaddr;
	uint64_t iqa;
	uint64_t pqa;
};

/** A unit. */
struct vtd {
	struct uiommu_dev *dev;
	uint64_t cap;
	uint64_t ecap;
	uint8_t pasid_bits;
	uint8_t address_bits;
	uint8_t haw;               /**< haw=: bits of a host address */
	uint8_t aw;                /**< widest second-stage width, VTD_AW_*; 0: none */
	uint32_t prq_entries_max;  /**< prq= */
	uint32_t iq_entries;       /**< iq=, 0: to be chosen */
	bool flushes;              /**< the unit reads its tables past the caches */
	bool takeover;             /**< takeover= */
	bool running;              /**< started, not stopped */
	bool wedged;               /**< could not be turned off: may be using our memory */
	bool blocking;             /**< stop() left translation on with an empty root table */
	struct uiommu_dev_conf conf;
	struct uiommu_dma prq_mem;
	struct uiommu_dma iq_mem;
	struct uiommu_dma base_mem; /**< pages: root table, an empty one for stop(), wait status */
	struct uiommu_page_pool pool;
	struct vtd_context_entry *contexts[VTD_ROOT_ENTRIES * 2]; /**< by bus and devfn bit 7 */
	uint32_t nb_did;
	struct uiommu_id_map dids; /**< domain ids */
	struct vtd_saved saved;
	struct vtd_queue queue;
	struct uiommu_driver_stat stats[32]; /**< ends with a NULL name */
};

static inline struct vtd *
vtd_of(struct uiommu_dev *dev)
{
	return dev->dev_private;
}

/** Store one word of a table that the unit may be reading. */
static inline void
vtd_store(const struct vtd *vtd, uint64_t *p, uint64_t v)
{
	uiommu_store_shared64(p, v);
	if (vtd->flushes)
		uiommu_flush_lines(p, sizeof(*p));
}

/** Memory that was cleared becomes part of a table. */
static inline void
vtd_publish(const struct vtd *vtd, const void *va, size_t size)
{
	if (vtd->flushes)
		uiommu_flush_lines(va, size);
}

/* Pages of vtd::base_mem */
#define VTD_BASE_ROOT 0
#define VTD_BASE_EMPTY_ROOT VTD_PAGE_SIZE
#define VTD_BASE_STATUS (2 * VTD_PAGE_SIZE)
#define VTD_BASE_SIZE (3 * VTD_PAGE_SIZE)

int
vtd_endpoint_set(struct uiommu_dev *dev, uint32_t endpoint_id,
		 const struct uiommu_endpoint_conf *conf, void **endpoint_private);
void
vtd_endpoint_clear(struct uiommu_dev *dev, void *endpoint_private);
void
vtd_endpoint_enable(struct uiommu_dev *dev, void *endpoint_private);
void
vtd_endpoint_free(struct uiommu_dev *dev, void *endpoint_private);
void
vtd_endpoint_page_requests(struct uiommu_dev *dev, void *endpoint_private, bool on);
int
vtd_table_format(struct uiommu_dev *dev, const struct uiommu_domain_conf *conf,
		 struct uiommu_table_format *format);
int
vtd_domain_init(struct uiommu_dev *dev, const struct uiommu_domain_conf *conf,
		void *parent_private, void **domain_private);
void
vtd_domain_fini(struct uiommu_dev *dev, void *domain_private);
int
vtd_bond_set(struct uiommu_dev *dev, void *endpoint_private, uint32_t pasid, void *domain_private);
void
vtd_bond_clear(struct uiommu_dev *dev, void *endpoint_private, uint32_t pasid);

void
vtd_bond_block(struct uiommu_dev *dev, void *endpoint_private, uint32_t pasid);

/** What translations of a PASID are cached under. */
struct vtd_tag {
	uint16_t did; /**< 0: none */
	uint8_t pgtt; /**< VTD_PGTT_* */
};

/** Tag of the PASID entry, also after it was cleared; did 0: there is nothing in it. */
struct vtd_tag
vtd_endpoint_tag(const struct vtd_endpoint *endpoint, uint32_t pasid);

/** Whether the unit can translate by the second stage, S 11.4.3. */
static inline bool
vtd_has_second(const struct vtd *vtd)
{
	return (vtd->ecap & VTD_ECAP_SSTS) != 0;
}

/** Whether the unit can translate by the first stage, S 11.4.3. */
static inline bool
vtd_has_first(const struct vtd *vtd)
{
	return (vtd->ecap & VTD_ECAP_FSTS) != 0;
}

/** Whether the unit can translate in two stages, S 11.4.3. */
static inline bool
vtd_can_nest(const struct vtd *vtd)
{
	return vtd_has_first(vtd) && vtd_has_second(vtd) && (vtd->ecap & VTD_ECAP_NEST) != 0;
}

/* ------------------------------------------------- registers and control */

/**
 * Change one bit of GCMD and wait until GSTS shows it, S 11.4.4.
 *
 * @return 0; -ETIMEDOUT, with a line in the log
 */
int
vtd_reg_command(struct vtd *vtd, uint32_t bit, bool set, const char *what);

/** Write RTADDR and put it in force, S 6.6. @return 0; -ETIMEDOUT */
int
vtd_reg_root_set(struct vtd *vtd, uint64_t rtaddr);

/** Wait until the unit has taken all of its invalidation queue. @return 0; -ETIMEDOUT */
int
vtd_reg_await_queue(struct vtd *vtd);

/** Forget all cached tables and translations: three global invalidations, and wait for them. */
int
vtd_invalidate_all(struct vtd *vtd);

/** Remember registers for UIOMMU_STOP_RESTORE. */
void
vtd_reg_save(struct vtd *vtd);

/** Put them back; translation and queues are off. @return 0; -ETIMEDOUT */
int
vtd_reg_restore(struct vtd *vtd);

/** Clear the error bits that an earlier owner left. */
void
vtd_reg_clear_sticky(struct vtd *vtd);

int
vtd_configure(struct uiommu_dev *dev, const struct uiommu_dev_conf *conf);
int
vtd_start(struct uiommu_dev *dev);
int
vtd_stop(struct uiommu_dev *dev);
void
vtd_close(struct uiommu_dev *dev);

#endif /* VTD_PVT_H */
