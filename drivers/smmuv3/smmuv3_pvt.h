/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef SMMUV3_PVT_H
#define SMMUV3_PVT_H

/** @file Declarations across the files of the driver. */

#include <stdbool.h>
#include <stdint.h>

#include <rte_common.h>
#include <rte_log.h>

#include <uiommu_barrier.h>
#include <uiommu_driver.h>
#include <uiommu_driver_mem.h>
#include <uiommu_driver_report.h>

#include "smmuv3_cmdq.h"
#include "smmuv3_desc.h"
#include "smmuv3_hw.h"
#include "smmuv3_storm.h"

extern int smmuv3_logtype;

/** One line in the log. Never on the data path. */
#define SMMUV3_LOG(level, fmt, ...)                                                                \
	rte_log(RTE_LOG_##level, (uint32_t)smmuv3_logtype, "smmuv3: " fmt "\n", ##__VA_ARGS__)

/** Context descriptor that serves requests without SubstreamID, S 5.2 (S1DSS). */
#define SMMUV3_RID_SSID 0

/* ------------------------------------------------------------- data path */

/** A queue that the unit fills: PRI queue or event queue. */
struct smmuv3_source {
	const void *ring;
	uint32_t mask;      /**< entries - 1 */
	uint32_t head;      /**< position of the next entry; runs free */
	uint32_t tail;      /**< position that the unit had reached at the last look */
	uint32_t overflow;  /**< OVFLG as it was then */
	uint32_t ack;       /**< OVACKFLG as it was written last */
	uint32_t prod_reg;
	uint32_t cons_reg;
	uint32_t empty;     /**< looks in a row that found nothing */
	uint64_t taken;     /**< entries so far */
};

/** Positions in uiommu_queue_ops::mark(). */
enum {
	SMMUV3_MARK_PRI,
	SMMUV3_MARK_EVENT,
};

/** Counters of the data path; written by the owner. */
struct smmuv3_queue_stats {
	uint64_t malformed;           /**< left out; the delivered are the engine's */
	uint64_t stop_markers;
	uint64_t overflows;           /**< of the PRI queue */
	uint64_t malformed_stream;
	uint64_t malformed_reserved;
	uint64_t malformed_access;
	uint64_t malformed_address;
	uint64_t wild_index;          /**< *_PROD values that no queue could have */
	uint64_t event_overflows;     /**< times that reports were lost in the unit */
	uint64_t events_other;        /**< events that say nothing of an access */
	uint64_t stalls;              /**< stalled transactions handed on */
	uint64_t stalls_refused;      /**< aborted at once: not allowed to the endpoint */
	uint64_t stalls_calmed;       /**< ended at once: the endpoint is in its cool-down */
	uint64_t requests_ended;      /**< requests answered by the stop of the unit */
	uint64_t storms;              /**< times that a cool-down began */
	uint64_t tlb_invalidations;
	uint64_t atc_invalidations;
	uint64_t wide_invalidations;  /**< times that more was forgotten than was asked for */
};

/** Both queues of the unit with its command queue: all that the owner needs. */
struct smmuv3_queue {
	/* read on every call */
	struct uiommu_platform *plat;
	struct smmuv3_source pri;
	struct smmuv3_source event;
	bool has_pri;
	bool has_ril;              /**< ranges can be invalidated (IDR3.RIL) */
	bool abort_only;           /**< transactions can end in no other way (IDR0.TERM_MODEL) */
	uint32_t turns;            /**< fetches; an odd one takes page requests first */
	uint32_t idle;             /**< fetches in a row that found nothing */
	uint32_t nb_ended;         /**< commands written by the fetch that is under way */
	struct smmuv3_storm storm;

	struct smmuv3_cmdq cmdq __rte_cache_aligned;

	struct smmuv3_queue_stats stats __rte_cache_aligned;

	struct uiommu_report_ring reports __rte_cache_aligned;
};

extern const struct uiommu_queue_ops smmuv3_queue_ops;

/** Begin with empty queues. */
void
smmuv3_queue_reset(struct smmuv3_queue *queue);

/**
 * Look how far the unit is with a queue, S 3.5.1.
 *
 * @return entries to be taken; they may be read after this
 */
uint32_t
smmuv3_source_look(struct smmuv3_queue *queue, struct smmuv3_source *source);

/**
 * The unit puts no more page requests into the queue: answer those that are in it, Invalid Request.
 * Commands before have been carried out, and when it is over these have.
 *
 * @return 0; -ETIMEDOUT; -EIO
 */
int
smmuv3_requests_end(struct smmuv3_queue *queue);

/** Give all places before smmuv3_source::head back to the unit, and acknowledge its overflow. */
static inline void
smmuv3_source_release(const struct smmuv3_queue *queue, const struct smmuv3_source *source)
{
	/* pairs with the unit, which reads *_CONS before it writes an entry (S 3.5.1) */
	uiommu_mb_before_release();
	uiommu_reg_write32(queue->plat, source->cons_reg,
			   uiommu_ring_hw_wrap_index(source->head, source->mask) | source->ack);
}

/**
 * Take up to @p nb events: stalls are decoded, reports kept, others counted.
 *
 * @param consumed set to the entries that were taken
 * @return faults written
 */
uint16_t
smmuv3_events_take(struct smmuv3_queue *queue, struct uiommu_fault *faults, uint16_t nb,
		   uint16_t *consumed);

int
smmuv3_cmd_step(void *queue_private, struct uiommu_cmd *cmd);

/** UIOMMU_CMD_INVALIDATE, unless its last CMD_SYNC is waited for. */
int
smmuv3_inval_step(void *queue_private, struct uiommu_cmd *cmd);

/** uiommu_queue_ops::invalidate */
bool
smmuv3_invalidate(void *queue_private, const struct uiommu_inval *inval);

/* ---------------------------------------------------------------- tables */

struct smmuv3_domain {
	uint32_t type;           /**< enum uiommu_domain_type */
	uint16_t asid;           /**< 0: none (BLOCKED, IDENTITY) */
	uint8_t va_bits;         /**< that the table translates */
	bool marks;              /**< accessed and dirty bits are kept by the unit */
	uint64_t table_pa;
	struct uiommu_page root; /**< own root table; va NULL: the caller's */
};

struct smmuv3_endpoint {
	struct smmuv3_ste *ste;
	uint32_t sid;
	uint8_t ssid_bits;         /**< STE.S1CDMax; 0: no SubstreamIDs */
	bool ats;                  /**< the device may cache translations */
	bool stall;                /**< accesses of the device may wait */
	bool passes;               /**< requests without SubstreamID are not translated */
	uint32_t pasid_limit;      /**< PASIDs below may be attached */
	struct uiommu_dma cds;     /**< context descriptors, or with leaves what points to them */
	uint32_t nb_leaves;        /**< 0: one table */
	struct smmuv3_cd *leaves[]; /**< NULL: none */
};

/** Stream table: linear, or with leaves of 2^SMMUV3_SPLIT_16K entries. */
struct smmuv3_stream_table {
	struct uiommu_dma top;
	bool two_level;
	uint8_t bits;              /**< of a StreamID that are in use */
	uint32_t nb_leaves;
	struct uiommu_dma *leaves; /**< va NULL: none */
};

/** Registers as start() found them. */
struct smmuv3_saved {
	uint32_t cr0, cr1, cr2;
	uint32_t gbpa;
	uint32_t irq_ctrl;
	uint32_t strtab_cfg;
	uint32_t cmdq_prod, cmdq_cons;
	uint32_t eventq_prod, eventq_cons;
	uint32_t priq_prod, priq_cons;
	uint64_t strtab_base;
	uint64_t cmdq_base;
	uint64_t eventq_base;
	uint64_t priq_base;
};

/** How the completion of a CMD_SYNC is noticed: sync=. */
enum smmuv3_sync_mode {
	SMMUV3_SYNC_AUTO, /**< written to memory where the unit can do that */
	SMMUV3_SYNC_POLL, /**< CMDQ_CONS is read */
	SMMUV3_SYNC_MSI,
};

/** A unit. */
struct smmuv3 {
	struct uiommu_dev *dev;
	uint32_t idr0, idr1, idr3, idr5;
	uint8_t sid_bits;          /**< that the stream table covers */
	uint8_t ssid_bits;
	uint8_t pa_bits;
	uint8_t oas;               /**< the same as SMMUV3_OAS_* */
	uint8_t stall_model;
	bool has_pri;
	bool two_level;            /**< strtab=, or what suits the number of StreamIDs */
	bool takeover;             /**< takeover= */
	bool gbpa_abort;           /**< gbpa=abort */
	uint8_t sync_mode;         /**< sync= */
	uint32_t priq_entries_max; /**< priq= */
	uint32_t evtq_entries;     /**< evtq= */
	uint32_t cmdq_entries;     /**< cmdq=, 0: to be chosen */
	uint64_t storm_rate;       /**< storm=, stalls per second */
	uint64_t cooldown_ms;      /**< cooldown= */
	bool running;              /**< started, not stopped */
	bool wedged;               /**< could not be turned off: may be using our memory */
	bool blocking;             /**< stop() left the unit off, with all transactions aborted */
	uint32_t gbpa_before;      /**< what close() puts back then */
	struct uiommu_dev_conf conf;
	struct uiommu_dma priq_mem;
	struct uiommu_dma evtq_mem;
	struct uiommu_dma cmdq_mem;
	struct uiommu_dma status_mem; /**< word that CMD_SYNCs write */
	struct uiommu_page_pool pool;
	struct smmuv3_stream_table streams;
	struct uiommu_id_map asids;
	struct smmuv3_saved saved;
	struct smmuv3_queue queue;
	struct uiommu_driver_stat stats[48]; /**< ends with a NULL name */
};

static inline struct smmuv3 *
smmuv3_of(struct uiommu_dev *dev)
{
	return dev->dev_private;
}

/** A stream table without entries. @return 0; -ENOMEM */
int
smmuv3_streams_init(struct smmuv3 *smmu);

void
smmuv3_streams_free(struct smmuv3 *smmu);

/** What STRTAB_BASE_CFG is to say, S 6.3.25. */
uint32_t
smmuv3_streams_cfg(const struct smmuv3_stream_table *streams);

int
smmuv3_endpoint_set(struct uiommu_dev *dev, uint32_t endpoint_id,
		    const struct uiommu_endpoint_conf *conf, void **endpoint_private);
void
smmuv3_endpoint_clear(struct uiommu_dev *dev, void *endpoint_private);
void
smmuv3_endpoint_enable(struct uiommu_dev *dev, void *endpoint_private);
void
smmuv3_endpoint_free(struct uiommu_dev *dev, void *endpoint_private);
void
smmuv3_endpoint_page_requests(struct uiommu_dev *dev, void *endpoint_private, bool on);
int
smmuv3_bond_set(struct uiommu_dev *dev, void *endpoint_private, uint32_t pasid,
		void *domain_private);
void
smmuv3_bond_clear(struct uiommu_dev *dev, void *endpoint_private, uint32_t pasid);
void
smmuv3_bond_block(struct uiommu_dev *dev, void *endpoint_private, uint32_t pasid);

/** Second half of endpoint_set() while the unit runs, S 3.21.3.1: the entry becomes valid. */
void
smmuv3_endpoint_validate(struct smmuv3_endpoint *endpoint);

/** Likewise of bond_set(). */
void
smmuv3_bond_validate(struct smmuv3_endpoint *endpoint, uint32_t pasid);

int
smmuv3_table_format(struct uiommu_dev *dev, const struct uiommu_domain_conf *conf,
		    struct uiommu_table_format *format);
int
smmuv3_domain_init(struct uiommu_dev *dev, const struct uiommu_domain_conf *conf,
		   void *parent_private, void **domain_private);
void
smmuv3_domain_fini(struct uiommu_dev *dev, void *domain_private);

/** Context descriptor of a domain that has an ASID, not valid yet, S 5.4. */
void
smmuv3_domain_cd(const struct smmuv3 *smmu, const struct smmuv3_domain *domain, bool stall,
		 struct smmuv3_cd *cd);

/* ------------------------------------------------- registers and control */

/**
 * Change bits of CR0 and wait until CR0ACK shows them, S 6.3.9.
 *
 * @return 0; -ETIMEDOUT, with a line in the log
 */
int
smmuv3_reg_cr0(struct smmuv3 *smmu, uint32_t bits, bool set, const char *what);

/** Write GBPA in its own way, S 6.3.14. @return 0; -ETIMEDOUT, with a line in the log */
int
smmuv3_reg_gbpa(struct smmuv3 *smmu, uint32_t gbpa);

/** No interrupts: the unit is polled, S 6.3.16. @return 0; -ETIMEDOUT, with a line in the log */
int
smmuv3_reg_irq(struct smmuv3 *smmu, uint32_t irq_ctrl);

/** Remember registers for UIOMMU_STOP_RESTORE. */
void
smmuv3_reg_save(struct smmuv3 *smmu);

/** Put them back; the unit is off. @return 0; -ETIMEDOUT */
int
smmuv3_reg_restore(struct smmuv3 *smmu);

/** Acknowledge the errors that an earlier owner left. */
void
smmuv3_reg_clear_errors(struct smmuv3 *smmu);

/** Forget all configuration and translations, and wait for it, S 3.11. @return 0; -ETIMEDOUT */
int
smmuv3_invalidate_all(struct smmuv3 *smmu);

int
smmuv3_configure(struct uiommu_dev *dev, const struct uiommu_dev_conf *conf);
int
smmuv3_start(struct uiommu_dev *dev);
int
smmuv3_stop(struct uiommu_dev *dev);
void
smmuv3_close(struct uiommu_dev *dev);

#endif /* SMMUV3_PVT_H */
