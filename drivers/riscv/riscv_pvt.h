/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef RISCV_PVT_H
#define RISCV_PVT_H

/** @file Declarations across the files of the driver. */

#include <stdbool.h>
#include <stdint.h>

#include <rte_common.h>
#include <rte_log.h>

#include <uiommu_barrier.h>
#include <uiommu_driver.h>
#include <uiommu_driver_mem.h>
#include <uiommu_driver_report.h>

#include "riscv_cq.h"
#include "riscv_desc.h"
#include "riscv_dir.h"
#include "riscv_hw.h"

extern int riscv_logtype;

/** One line in the log. Never on the data path. */
#define RISCV_LOG(level, fmt, ...)                                                                 \
	rte_log(RTE_LOG_##level, (uint32_t)riscv_logtype, "riscv: " fmt "\n", ##__VA_ARGS__)

/** Process context that serves requests without PASID: DPE of "Translation control (tc)". */
#define RISCV_RID_PID 0

/* ------------------------------------------------------------- data path */

/** A queue that the unit fills: page requests or fault records. */
struct riscv_source {
	const void *ring;
	uint32_t mask;     /**< entries - 1 */
	uint32_t head;     /**< position of the next entry; runs free */
	uint32_t tail;     /**< position that the unit had reached at the last look */
	uint32_t checked;  /**< where it was known to be empty, and not to have overflowed */
	uint32_t head_reg;
	uint32_t tail_reg;
	uint32_t csr_reg;
	uint64_t taken;    /**< entries so far */
};

/** Counters of the data path; written by the owner. */
struct riscv_queue_stats {
	uint64_t stop_markers;
	uint64_t overflows;          /**< of the page-request queue */
	uint64_t malformed_reserved;
	uint64_t malformed_access;
	uint64_t malformed_address;
	uint64_t wild_index;         /**< values of pqt and fqt that no queue could have */
	uint64_t fault_overflows;    /**< times that reports were lost in the unit */
	uint64_t fault_aborts;       /**< times that fault records could not be written */
	uint64_t faults_other;       /**< fault records that no device has caused */
	uint64_t requests_ended;     /**< requests answered by the stop of the unit */
	uint64_t tlb_invalidations;
	uint64_t atc_invalidations;
	uint64_t wide_invalidations; /**< times that more was forgotten than was asked for */
};

/** All three queues of the unit: all that the owner needs. */
struct riscv_queue {
	/* read on every call */
	struct uiommu_platform *plat;
	struct riscv_source pq;
	struct riscv_source fq;
	bool has_pq;
	bool has_s;                /**< ranges can be invalidated (capabilities.S) */
	bool has_nl;               /**< and what leads to them (capabilities.NL) */
	bool has_pdt;              /**< process contexts; else a device context is all there is */
	uint8_t sign_bit;          /**< the highest bit of an address: all above must equal it */
	uint32_t turns;            /**< fetches */
	uint32_t idle;             /**< fetches in a row that found nothing */

	struct riscv_cq cq __rte_cache_aligned;

	struct riscv_queue_stats stats __rte_cache_aligned;

	struct uiommu_report_ring reports __rte_cache_aligned;
};

extern const struct uiommu_queue_ops riscv_queue_ops;

/** Begin with empty queues. */
void
riscv_queue_reset(struct riscv_queue *queue);

/** Look how far the unit is with a queue. @return entries to be taken; they may be read then */
uint32_t
riscv_source_look(struct riscv_queue *queue, struct riscv_source *source);

/** Give all places before riscv_source::head back to the unit. */
static inline void
riscv_source_release(const struct riscv_queue *queue, const struct riscv_source *source)
{
	/* pairs with the unit, which reads the head before it writes an entry */
	uiommu_mb_before_release();
	uiommu_reg_write32(queue->plat, source->head_reg, source->head & source->mask);
}

/**
 * Whether an empty queue may have overflowed since it was checked: for that it must have been full,
 * and so taken from as many times.
 */
static inline bool
riscv_source_is_due(const struct riscv_source *source)
{
	return source->head - source->checked >= source->mask;
}

/**
 * The unit puts no more page requests into the queue: answer those that are in it, Invalid Request.
 * Commands before have been carried out, and when it is over these have.
 *
 * @return 0; -ETIMEDOUT; -EIO
 */
int
riscv_requests_end(struct riscv_queue *queue);

/** Take fault records, and what is wrong with their queue. */
void
riscv_faults_take(struct riscv_queue *queue);

int
riscv_cmd_step(void *queue_private, struct uiommu_cmd *cmd);

/** UIOMMU_CMD_INVALIDATE, unless its last fence is waited for. */
int
riscv_inval_step(void *queue_private, struct uiommu_cmd *cmd);

/** uiommu_queue_ops::invalidate */
bool
riscv_invalidate(void *queue_private, const struct uiommu_inval *inval);

/* ---------------------------------------------------------------- tables */

struct riscv_domain {
	uint32_t type;           /**< enum uiommu_domain_type */
	uint32_t pscid;          /**< 0: none (BLOCKED, IDENTITY) */
	uint64_t fsc;            /**< mode and table: iosatp, or that of a process context */
	struct uiommu_page root; /**< own root table; va NULL: the caller's */
};

struct riscv_endpoint {
	struct riscv_dc_base *dc; /**< with more behind it in an extended one */
	uint32_t did;
	uint32_t pasid_limit;     /**< PASIDs below may be attached; 0: none */
	bool ats;                 /**< the device may cache translations */
	bool page_requests;       /**< they are let through */
	bool cleared;             /**< the context refuses everything */
	bool known;               /**< the unit may have cached the context of an earlier one */
	bool quiet_told;          /**< it knows whether faults are kept to itself */
	uint8_t pdtp_mode;        /**< RISCV_PDTP_*; without: RISCV_PDTP_BARE */
	uint32_t nb_blocked;      /**< bonds that were blocked: none of its faults is recorded */
	uint64_t fsc;             /**< of the device context */
	uint32_t pscid;           /**< likewise, where there is no process directory */
	struct riscv_dir pdt;
};

/** Registers as start() found them. */
struct riscv_saved {
	uint32_t fctl;
	uint32_t cqcsr, fqcsr, pqcsr;
	uint64_t ddtp;
	uint64_t cqb, fqb, pqb;
};

/** A unit. */
struct riscv {
	struct uiommu_dev *dev;
	uint64_t caps;
	uint8_t pas;               /**< bits of a physical address */
	uint8_t address_bits;      /**< of the widest table */
	uint8_t pasid_bits;        /**< pid=, or what the unit has */
	uint8_t ddt_levels;        /**< ddt=; 0: what the unit takes */
	uint8_t levels;            /**< in force */
	bool has_pq;
	bool takeover;             /**< takeover= */
	uint32_t pq_entries_max;   /**< pq= */
	uint32_t fq_entries;       /**< fq= */
	uint32_t cq_entries;       /**< cq=, 0: to be chosen */
	bool running;              /**< started, not stopped */
	bool wedged;               /**< could not be turned off: may be using our memory */
	bool blocking;             /**< stop() left the unit Off */
	struct uiommu_dev_conf conf;
	struct uiommu_dma pq_mem;
	struct uiommu_dma fq_mem;
	struct uiommu_dma cq_mem;
	struct uiommu_dma status_mem; /**< word that fences write */
	struct uiommu_page_pool pool;
	struct uiommu_page nothing;   /**< a table without entries */
	struct riscv_dir ddt;
	uint32_t id_bits_used;        /**< of the widest endpoint id so far */
	struct uiommu_id_map pscids;
	struct riscv_saved saved;
	struct riscv_queue queue;
	struct uiommu_driver_stat stats[32]; /**< ends with a NULL name */
};

static inline struct riscv *
riscv_of(struct uiommu_dev *dev)
{
	return dev->dev_private;
}


/** Mode and page number as iosatp, pdtp and a process context's fsc have them. */
static inline uint64_t
riscv_fsc(uint64_t mode, uint64_t pa)
{
	return mode << RISCV_ATP_MODE_SHIFT | pa >> RISCV_PAGE_SHIFT;
}

/** A device directory with the tables for device 0. @return 0; -ENOMEM */
int
riscv_ddt_init(struct riscv *riscv);

int
riscv_endpoint_set(struct uiommu_dev *dev, uint32_t endpoint_id,
		   const struct uiommu_endpoint_conf *conf, void **endpoint_private);
void
riscv_endpoint_clear(struct uiommu_dev *dev, void *endpoint_private);
void
riscv_endpoint_enable(struct uiommu_dev *dev, void *endpoint_private);
void
riscv_endpoint_free(struct uiommu_dev *dev, void *endpoint_private);
void
riscv_endpoint_page_requests(struct uiommu_dev *dev, void *endpoint_private, bool on);
int
riscv_bond_set(struct uiommu_dev *dev, void *endpoint_private, uint32_t pasid,
	       void *domain_private);
void
riscv_bond_clear(struct uiommu_dev *dev, void *endpoint_private, uint32_t pasid);
void
riscv_bond_block(struct uiommu_dev *dev, void *endpoint_private, uint32_t pasid);

/**
 * Without process directories, second half of bond_set() and bond_clear(): identifier and table are
 * in two words, and the unit has forgotten what it has read of the one that was changed first.
 */
void
riscv_bond_settle(struct riscv_endpoint *endpoint);

/** Likewise of endpoint_clear(): the identifier goes. */
void
riscv_endpoint_settle(struct riscv_endpoint *endpoint);

int
riscv_table_format(struct uiommu_dev *dev, const struct uiommu_domain_conf *conf,
		   struct uiommu_table_format *format);
int
riscv_domain_init(struct uiommu_dev *dev, const struct uiommu_domain_conf *conf,
		  void *parent_private, void **domain_private);
void
riscv_domain_fini(struct uiommu_dev *dev, void *domain_private);

/* ------------------------------------------------- registers and control */

/**
 * Turn a queue on that is off, at its begin, or off, "Command-queue CSR" and its like. What is left
 * of errors stays when it goes off, and is gone when it goes on.
 *
 * @return 0; -ETIMEDOUT, with a line in the log
 */
int
riscv_reg_csr(struct riscv *riscv, uint32_t csr_reg, bool on, const char *what);

/**
 * Have the unit use a mode, "Device-directory-table pointer".
 *
 * @param pa of the directory; not for Off, which keeps what is there, nor for Bare
 * @return 0; -ENOTSUP: it does not take the mode; -ETIMEDOUT, with a line in the log
 */
int
riscv_reg_ddtp(struct riscv *riscv, uint64_t mode, uint64_t pa);

/** The mode that ddtp has now. */
uint64_t
riscv_reg_ddtp_mode(struct riscv *riscv);

/** Little-endian, 64-bit guests; the unit is off. @return 0; -ENOTSUP, with a line in the log */
int
riscv_reg_fctl(struct riscv *riscv);

/** Remember registers for UIOMMU_STOP_RESTORE. */
void
riscv_reg_save(struct riscv *riscv);

/** Put them back; the unit is off, queues begin empty. @return 0; -ETIMEDOUT; -ENOTSUP */
int
riscv_reg_restore(struct riscv *riscv);

/** Forget all directories and translations, and wait for it. @return 0; -ETIMEDOUT; -EIO */
int
riscv_invalidate_all(struct riscv *riscv);

int
riscv_configure(struct uiommu_dev *dev, const struct uiommu_dev_conf *conf);
int
riscv_start(struct uiommu_dev *dev);
int
riscv_stop(struct uiommu_dev *dev);
void
riscv_close(struct uiommu_dev *dev);

#endif /* RISCV_PVT_H */
