/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef RISCV_MODEL_H
#define RISCV_MODEL_H

/**
 * @file
 * Model of a RISC-V IOMMU; sections of its specification are named by their titles, as in
 * riscv_hw.h.
 */

#include <riscv_hw.h>

#include "emu_pvt.h"

/** Bits of struct riscv_model::written. */
#define RISCV_WRITTEN_CSR(queue) (1U << (queue))
#define RISCV_WRITTEN_DDTP (1U << 3)
#define RISCV_WRITTEN_IRQ (1U << 4)
#define RISCV_WRITTEN_TR (1U << 5)

/** Commands that wait to be executed, with reorder=1. */
#define RISCV_MODEL_HELD_MAX 64
/** Largest queue, log2 of its entries. */
#define RISCV_MODEL_QUEUE_ORDER_MAX 20

/** The three queues, in the order of their registers. */
enum riscv_queue_id {
	RISCV_CQ = 0,
	RISCV_FQ,
	RISCV_PQ,
	RISCV_QUEUES,
};

/** Registers of a queue; all accesses are atomic. */
struct riscv_queue {
	_Alignas(EMU_LINE) uint64_t base;
	uint32_t csr;
	_Alignas(EMU_LINE) uint32_t head;
	_Alignas(EMU_LINE) uint32_t tail;
	/* as it was when the queue was enabled */
	_Alignas(EMU_LINE) uint64_t pa;
	uint64_t size; /**< bytes */
};

/** An entry of the "MSI configuration table". */
struct riscv_msi {
	uint64_t pa;
	uint32_t data;
	uint32_t control;
};

struct riscv_model {
	/* Never change. */
	uint64_t capabilities;
	uint32_t ddt_modes;       /**< modes of ddtp that there are, by bit */

	/* Registers; all accesses are atomic. */
	_Alignas(EMU_LINE) uint32_t written; /**< RISCV_WRITTEN_*: to be looked at */
	uint32_t fctl;
	uint64_t ddtp;            /**< as software sees it */
	uint32_t ipsr;
	uint64_t icvec;
	struct riscv_msi msi[RISCV_MSI_ENTRIES];
	uint64_t tr_iova, tr_ctl, tr_response;
	struct riscv_queue queues[RISCV_QUEUES];

	/* The model's own. */
	_Alignas(EMU_LINE) uint64_t ddtp_on; /**< ddtp as it has taken effect */
	uint32_t on;              /**< queues that are, by bit */
	uint32_t freed;           /**< of struct emu_memory, as seen last */
	uint64_t *cq;             /**< NULL: memory is not ours */
	uint32_t cq_mask;
	uint32_t cq_head;
	uint32_t cq_seen;         /**< cqt that was seen last */
	bool reorder;             /**< commands between fences are executed in any order */
	uint16_t msi_waits;       /**< vectors whose message waits to be unmasked, by bit */
	/* invalidations since the last fence, as far as they are kept */
	struct emu_pending pending;       /**< PSCIDs */
	struct emu_pending pending_bonds; /**< whose process contexts they are */
	uint32_t nb_held;
	uint64_t held[RISCV_MODEL_HELD_MAX][2];
	uint64_t random;          /**< for reorder */
};

static inline bool
riscv_has(const struct riscv_model *riscv, uint64_t capability)
{
	return (riscv->capabilities & capability) != 0;
}

/** Bits of a physical address. */
static inline unsigned int
riscv_pas(const struct riscv_model *riscv)
{
	return riscv->capabilities >> RISCV_CAP_PAS_SHIFT & RISCV_CAP_PAS_MASK;
}

/** Address of a page whose number is in a register, or in a non-leaf entry of a directory. */
static inline uint64_t
riscv_entry_pa(uint64_t entry)
{
	return (entry & RISCV_PPN_FIELD_MASK) >> RISCV_PPN_SHIFT << RISCV_PAGE_SHIFT;
}

/** Likewise in fsc. */
static inline uint64_t
riscv_atp_pa(uint64_t atp)
{
	return (atp & RISCV_ATP_PPN_MASK) << RISCV_PAGE_SHIFT;
}

static inline unsigned int
riscv_atp_mode(uint64_t atp)
{
	return atp >> RISCV_ATP_MODE_SHIFT & RISCV_ATP_MODE_MASK;
}

static inline bool
riscv_is_on(const struct riscv_model *riscv, enum riscv_queue_id queue)
{
	return (riscv->on & 1U << queue) != 0;
}

/** Mode of ddtp as it has taken effect. */
static inline unsigned int
riscv_ddt_mode(const struct riscv_model *riscv)
{
	return riscv->ddtp_on & RISCV_DDTP_MODE_MASK;
}

/** Error bits of a queue's csr. */
static inline uint32_t
riscv_errors(enum riscv_queue_id queue)
{
	return queue == RISCV_CQ ? RISCV_CSR_MF | RISCV_CQCSR_CMD_TO | RISCV_CQCSR_CMD_ILL :
				   RISCV_CSR_MF | RISCV_CSR_OF;
}

static inline uint32_t
riscv_csr(const struct riscv_model *riscv, enum riscv_queue_id queue)
{
	/* pairs with the release of who wrote it */
	return __atomic_load_n(&riscv->queues[queue].csr, __ATOMIC_ACQUIRE);
}

/** Entries of a queue less one, from its base register. */
static inline uint32_t
riscv_queue_mask(uint64_t base)
{
	return (uint32_t)((UINT64_C(2) << (base & RISCV_QB_LOG2SZ_MASK)) - 1);
}

/** log2 of the size of an entry */
static inline unsigned int
riscv_queue_shift(enum riscv_queue_id queue)
{
	return queue == RISCV_FQ ? RISCV_FAULT_SHIFT : RISCV_CMD_SHIFT;
}

/* riscv_model_regs.c */
uint32_t
riscv_model_read32(struct uiommu_emu *emu, uint32_t offset);
uint64_t
riscv_model_read64(struct uiommu_emu *emu, uint32_t offset);
/** Where a register lies, of 32 and of 64 bits. @return NULL: there is none */
uint32_t *
riscv_model_narrow(struct riscv_model *riscv, uint32_t offset);
uint64_t *
riscv_model_wide(struct riscv_model *riscv, uint32_t offset);

/* riscv_model_write.c */
void
riscv_model_write32(struct uiommu_emu *emu, uint32_t offset, uint32_t value);
void
riscv_model_write64(struct uiommu_emu *emu, uint32_t offset, uint64_t value);

/* riscv_model_ctrl.c */
void
riscv_model_commands(struct uiommu_emu *emu);

/* riscv_model_irq.c */
/** An error of a queue, or something that can be told by an interrupt. @param bits of its csr */
void
riscv_model_csr_set(struct uiommu_emu *emu, enum riscv_queue_id queue, uint32_t bits);
/** New records, or bits of a csr that stand: ipsr, and a message. */
void
riscv_model_interrupt(struct uiommu_emu *emu, enum riscv_queue_id queue);
/** Software has cleared bits of ipsr, or unmasked vectors. */
void
riscv_model_interrupts_again(struct uiommu_emu *emu);

/* riscv_model_debug.c */
/** "Debug support": the translation that software asks for. */
void
riscv_model_debug(struct uiommu_emu *emu);

/* riscv_model_cq.c */
unsigned int
riscv_model_execute(struct uiommu_emu *emu, unsigned int max);

/** What becomes of a command. */
enum riscv_done {
	RISCV_DONE = 0,
	RISCV_DONE_ANSWER, /**< it was a response */
	RISCV_STUCK,       /**< the queue stays where it is, with an error or without */
};
/* riscv_model_cmd.c */
bool
riscv_model_is_illegal(const struct riscv_model *riscv, const uint64_t *word);
/** The queue stops at a command that is not one. */
void
riscv_model_refuse(struct uiommu_emu *emu, const uint64_t *word);
/** Anything but a fence. @param word legal */
enum riscv_done
riscv_model_command(struct uiommu_emu *emu, const uint64_t *word);
enum riscv_done
riscv_model_fence(struct uiommu_emu *emu, const uint64_t *word);
uint64_t
riscv_model_response_word(const struct emu_device *dev, uint32_t pasid);
/** Of an ATS command. */
uint32_t
riscv_model_ats_endpoint(const uint64_t *word);
/** The queue stops where it is. @param bit of cqcsr */
void
riscv_model_command_error(struct uiommu_emu *emu, uint32_t bit);

/* riscv_model_queue.c: both queues that the unit writes */
void
riscv_model_queue_open(struct uiommu_emu *emu, enum riscv_queue_id queue);
void
riscv_model_queue_close(struct uiommu_emu *emu, enum riscv_queue_id queue);
void
riscv_model_room(struct uiommu_emu *emu);
void
riscv_model_publish(struct uiommu_emu *emu);
bool
riscv_model_latched(struct uiommu_emu *emu);
bool
riscv_model_raw(struct uiommu_emu *emu, const uint64_t *entry, uint32_t size);

/* riscv_model_pq.c */
unsigned int
riscv_model_make(struct uiommu_emu *emu, unsigned int max);
enum uiommu_emu_outcome
riscv_model_request(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
		    const struct emu_message *msg);
void
riscv_model_encode(const struct emu_message *msg, uint64_t *entry);
bool
riscv_model_decode(const uint64_t *entry, uint32_t size, struct emu_message *msg);
void
riscv_model_spoil(uint64_t *entry, enum emu_kind kind, uint64_t random);

/* riscv_model_fq.c */
/** What kind of transaction an access is, as a fault record tells it. */
static inline unsigned int
riscv_ttyp(const struct emu_message *msg)
{
	if ((msg->flags & EMU_REQ_EXEC) != 0)
		return RISCV_TTYP_EXEC;
	return (msg->flags & EMU_REQ_WRITE) != 0 ? RISCV_TTYP_WRITE : RISCV_TTYP_READ;
}

/** A fault record, where there is to be one. @param dtf of the device; false: none was found */
void
riscv_model_report(struct uiommu_emu *emu, unsigned int cause, unsigned int ttyp,
		   const struct emu_message *msg, bool dtf);
/** One that no transaction has caused: TTYP 0. */
void
riscv_model_report_own(struct uiommu_emu *emu, unsigned int cause, uint64_t iotval);

/*
 * What is remembered of a device context, in emu_cache::word: 0 is tc, with the PSCID of its ta
 * above it; 1 is fsc; 2 is where the page with the context lies, and bit 0 that this is
 * remembered, whatever emu_cache::state says. Of a process context: ta, fsc, and likewise.
 */
#define RISCV_DC_PSCID_SHIFT 32

/** A doubleword of a directory or a page table. */
static inline uint64_t
riscv_word(const void *at, unsigned int index)
{
	/* pairs with the release that put it there */
	return __atomic_load_n((const uint64_t *)at + index, __ATOMIC_ACQUIRE);
}

/* riscv_model_ddt.c */
/** @return whether ddtp's mode is too narrow for a device_id */
bool
riscv_model_did_is_wide(const struct riscv_model *riscv, uint32_t did);
/** "Process to locate the Device-context". @return cause; 0: it is in the cache */
unsigned int
riscv_model_dc(struct uiommu_emu *emu, uint32_t did, struct emu_cache *cache);
/** The way to a context, in either directory. */
struct riscv_dir {
	uint64_t root;
	unsigned int levels;
	uint32_t index[3];        /**< of the entries, by level; 0 is that of contexts */
	const uint16_t *causes;   /**< load, not valid, misconfigured */
};
/**
 * The page that has a context.
 *
 * @param cache whose word 2 is where it is, if that is known, or will be
 * @return cause; 0: none
 */
unsigned int
riscv_model_dir_walk(struct uiommu_emu *emu, const struct riscv_dir *dir, struct emu_cache *cache,
		     uint64_t *page);

/* riscv_model_pdt.c */
/** Whether pdtp's mode is too narrow for a process_id. */
bool
riscv_model_pid_is_wide(const struct emu_cache *dc, uint32_t pid);
/** "Process to locate the Process-context". @return cause; 0: it is in the cache */
unsigned int
riscv_model_pc(struct uiommu_emu *emu, const struct emu_cache *dc, uint32_t pid,
	       struct emu_cache *cache);
/** Whether this mode of iosatp is one of the unit's. */
bool
riscv_model_iosatp_is_known(const struct riscv_model *riscv, unsigned int mode);

/* riscv_model_config.c: IODIR */
enum riscv_done
riscv_model_iodir(struct uiommu_emu *emu, const uint64_t *word);

/* riscv_model_translate.c */
struct riscv_walk;
/**
 * Whose tables a transaction goes by.
 *
 * @param walk set also where there is a cause: as far as the device context, for its DTF
 * @return cause; 0: none
 */
unsigned int
riscv_model_route(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
		  const struct emu_message *msg, unsigned int ttyp, struct riscv_walk *walk);
/** The page of a request, out of the IOTLB or into it. @return cause; 0: none */
unsigned int
riscv_model_page(const struct riscv_walk *walk, uint64_t iova, struct emu_leaf *leaf);
bool
riscv_model_dma(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
		const struct emu_message *msg);
bool
riscv_model_translate(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
		      const struct emu_message *msg, struct emu_leaf *leaf);
bool
riscv_model_translated(struct uiommu_emu *emu, struct emu_device *dev);

/* riscv_model_inval.c */
enum riscv_done
riscv_model_iotinval(struct uiommu_emu *emu, const uint64_t *word);
void
riscv_model_ats_inval(struct uiommu_emu *emu, const uint64_t *word);
/** What devices were asked to forget is confirmed. @return false: one has not answered */
bool
riscv_model_ats_await(struct uiommu_emu *emu);

/* riscv_model_bulk.c */
void
riscv_model_verify_bulk(struct uiommu_emu *emu, struct emu_lookup *lookups, unsigned int nb);

/* riscv_model_audit.c */
extern const struct emu_audit riscv_model_audit;

#endif /* RISCV_MODEL_H */
