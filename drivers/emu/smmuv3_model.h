/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef SMMUV3_MODEL_H
#define SMMUV3_MODEL_H

/**
 * @file
 * Model of an Arm SMMUv3 unit, Non-secure programming interface; "S x.y" as in smmuv3_hw.h.
 */

#include <smmuv3_hw.h>

#include "emu_pvt.h"

/** Bits of struct smmuv3_model::written. */
#define SMMUV3_WRITTEN_CR0 (1U << 0)
#define SMMUV3_WRITTEN_IRQ_CTRL (1U << 1)
#define SMMUV3_WRITTEN_GBPA (1U << 2)
#define SMMUV3_WRITTEN_EVENTQ (1U << 3)
#define SMMUV3_WRITTEN_PRIQ (1U << 4)

/** Stall tags are the index of the device's slot, above bits that are not to be lost. */
#define SMMUV3_MODEL_STAG 0x5e00

/** A queue of which the unit is the producer; its ring is struct uiommu_emu's. */
struct smmuv3_output {
	const char *name;
	const uint64_t *base; /**< register */
	uint32_t prod_reg; /**< offsets of its registers */
	uint32_t cons_reg;
	uint8_t shift;     /**< log2 of the size of an entry */
	uint8_t order_max; /**< of this unit */
	uint32_t order;    /**< log2 of its entries */
	bool overflow;     /**< value of OVFLG */
	uint64_t pa;
	uint64_t size;     /**< bytes */
};

struct smmuv3_model {
	/* Never change. */
	uint32_t idr[6];
	uint32_t aidr;

	/* Registers; all accesses are atomic. */
	_Alignas(EMU_LINE) uint32_t written; /**< SMMUV3_WRITTEN_*: to be looked at */
	uint32_t cr0, cr0ack, cr1, cr2;
	uint32_t gbpa, gbpa_new;
	uint32_t irq_ctrl, irq_ctrlack;
	uint32_t gerror, gerrorn;
	uint32_t strtab_cfg;
	uint64_t strtab_base, cmdq_base, eventq_base, priq_base;
	uint64_t irq_cfg0[3];    /**< of GERROR, EVENTQ, PRIQ */
	uint32_t irq_cfg12[3][2];
	_Alignas(EMU_LINE) uint32_t cmdq_prod;
	_Alignas(EMU_LINE) uint32_t cmdq_cons;
	_Alignas(EMU_LINE) uint32_t eventq_prod;
	uint32_t priq_prod;
	_Alignas(EMU_LINE) uint32_t eventq_cons;
	_Alignas(EMU_LINE) uint32_t priq_cons;

	/* The model's own. */
	_Alignas(EMU_LINE) uint32_t on; /**< CR0 as it has taken effect */
	bool failed;             /**< service failure mode, S 12.3 */
	bool config_clean;       /**< everything was invalidated since reset */
	bool tlb_clean;
	uint64_t *cmdq;          /**< NULL: memory is not ours */
	uint64_t cmdq_pa;
	uint32_t cmdq_order;
	uint32_t cmdq_head;      /**< with wrap */
	uint32_t cmdq_seen;      /**< PROD that was seen last */
	struct smmuv3_output eventq, priq;
	uint64_t strtab_pa;      /**< as of SMMUEN */
	uint32_t strtab_log2;
	uint32_t strtab_split;   /**< 0: linear */
	uint32_t freed;          /**< of struct emu_memory, as seen last */
	struct emu_pending pending; /**< ASIDs of TLBIs since the last CMD_SYNC */
};

static inline uint32_t
smmuv3_field(uint32_t reg, unsigned int shift, uint32_t mask)
{
	return reg >> shift & mask;
}

/** Bits of an address of this unit, S 6.3.6 */
static inline unsigned int
smmuv3_address_bits(uint32_t code)
{
	static const uint8_t bits[] = {32, 36, 40, 42, 44, 48, 52, 56};

	return bits[code % RTE_DIM(bits)];
}

static inline unsigned int
smmuv3_oas(const struct smmuv3_model *smmu)
{
	return smmuv3_address_bits(smmu->idr[5] & SMMUV3_IDR5_OAS_MASK);
}

/** Whether commands, events and requests are dealt with. */
static inline bool
smmuv3_is_on(const struct smmuv3_model *smmu, uint32_t bits)
{
	return (smmu->on & bits) == bits && !smmu->failed;
}

/* smmuv3_model_regs.c */
uint32_t
smmuv3_model_read32(struct uiommu_emu *emu, uint32_t offset);
uint64_t
smmuv3_model_read64(struct uiommu_emu *emu, uint32_t offset);
void
smmuv3_model_write32(struct uiommu_emu *emu, uint32_t offset, uint32_t value);
void
smmuv3_model_write64(struct uiommu_emu *emu, uint32_t offset, uint64_t value);
/** A global error, S 7.5; nothing changes while it is active. */
void
smmuv3_model_error(struct smmuv3_model *smmu, uint32_t bit);
bool
smmuv3_model_error_is_active(const struct smmuv3_model *smmu, uint32_t bit);

/* smmuv3_model_ctrl.c */
void
smmuv3_model_commands(struct uiommu_emu *emu);

/* smmuv3_model_cmdq.c */
unsigned int
smmuv3_model_execute(struct uiommu_emu *emu, unsigned int max);

/* smmuv3_model_cmd.c */
/** What becomes of a command. */
enum smmuv3_done {
	SMMUV3_DONE = 0,
	SMMUV3_DONE_ANSWER, /**< it was a response */
	SMMUV3_STUCK,       /**< the queue stays where it is; an error may be active */
};
enum smmuv3_done
smmuv3_model_command(struct uiommu_emu *emu, const uint64_t *word);
/** The queue stops at the command at its head, S 7.1 */
void
smmuv3_model_command_error(struct smmuv3_model *smmu, uint32_t code);

/* smmuv3_model_answer.c: PRI_RESP, RESUME, STALL_TERM */
enum smmuv3_done
smmuv3_model_answer(struct uiommu_emu *emu, const uint64_t *word);
uint64_t
smmuv3_model_response_word(const struct emu_device *dev, uint32_t pasid);

/* smmuv3_model_output.c: both queues that the unit writes */
void
smmuv3_model_queue_switch(struct uiommu_emu *emu, struct emu_ring *ring,
			  struct smmuv3_output *out, bool on);
void
smmuv3_model_room(struct uiommu_emu *emu);
void
smmuv3_model_publish(struct uiommu_emu *emu);
bool
smmuv3_model_latched(struct uiommu_emu *emu);
bool
smmuv3_model_raw(struct uiommu_emu *emu, const uint64_t *entry, uint32_t size);
/** The queue is full, and something was lost: OVFLG, unless it is set already. */
void
smmuv3_model_overflow(struct uiommu_emu *emu, struct emu_ring *ring, struct smmuv3_output *out);

/* smmuv3_model_priq.c */
unsigned int
smmuv3_model_make(struct uiommu_emu *emu, unsigned int max);
enum uiommu_emu_outcome
smmuv3_model_request(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
		     const struct emu_message *msg);
void
smmuv3_model_encode(const struct emu_message *msg, uint64_t *entry);
bool
smmuv3_model_decode(const uint64_t *entry, uint32_t size, struct emu_message *msg);
void
smmuv3_model_spoil(uint64_t *entry, enum emu_kind kind, uint64_t random);

/** A fault on the way through the tables. */
struct smmuv3_fault {
	uint8_t event; /**< number of the event, S 7.3; 0: none */
	bool hide;     /**< nothing is to be recorded */
	uint8_t class; /**< SMMUV3_CLASS_* */
	uint64_t at;   /**< address of what could not be fetched */
};

static inline struct smmuv3_fault
smmuv3_fault_of(uint8_t event, uint64_t at)
{
	return (struct smmuv3_fault){.event = event, .at = at};
}

/** A word of an STE, a CD or a table that leads to them. */
static inline uint64_t
smmuv3_word(const void *at, unsigned int index)
{
	/* pairs with the release that put it there */
	return __atomic_load_n((const uint64_t *)at + index, __ATOMIC_ACQUIRE);
}

/** No event has this number: an abort that is never recorded, S 5.2 (Config 0) */
#define SMMUV3_EVT_SILENT 0xff

/** The four that CD.A, R and S have a say in, S 3.12 */
static inline bool
smmuv3_is_translation(uint8_t event)
{
	return event >= SMMUV3_EVT_F_TRANSLATION && event <= SMMUV3_EVT_F_PERMISSION;
}

/* smmuv3_model_event.c */
/** Record a fault that is not to be answered. */
void
smmuv3_model_report(struct uiommu_emu *emu, struct smmuv3_fault fault,
		    const struct emu_message *msg);
void
smmuv3_model_event(const struct emu_message *msg, uint64_t *entry);
/** Where the event queue is writable, S 7.2.1 */
bool
smmuv3_model_event_room(struct uiommu_emu *emu);
/** The event of an access that waits; msg->prgi is the index of its slot. */
void
smmuv3_model_stall(struct uiommu_emu *emu, struct smmuv3_fault fault,
		   const struct emu_message *msg);

/* smmuv3_model_ste.c */
struct smmuv3_fault
smmuv3_model_ste(struct uiommu_emu *emu, uint32_t sid, struct emu_cache *cache);

static inline unsigned int
smmuv3_ste_config(const struct emu_cache *ste)
{
	return ste->word[0] >> SMMUV3_STE0_CONFIG_SHIFT & SMMUV3_STE0_CONFIG_MASK;
}

/** EATS as it has effect, S 5.2 */
static inline unsigned int
smmuv3_ste_eats(const struct smmuv3_model *smmu, const struct emu_cache *ste)
{
	const unsigned int eats = ste->word[1] >> SMMUV3_STE1_EATS_SHIFT & SMMUV3_STE1_EATS_MASK;

	if ((smmu->idr[0] & SMMUV3_IDR0_ATS) == 0 ||
	    smmuv3_ste_config(ste) == SMMUV3_STE_CONFIG_BYPASS || eats == SMMUV3_EATS_DPT)
		return SMMUV3_EATS_ABORT;
	return eats;
}

/* smmuv3_model_cd.c */
/** Index of no CD: stage 1 is bypassed. */
#define SMMUV3_CD_BYPASS UINT32_MAX
/** Which CD a request uses. */
struct smmuv3_fault
smmuv3_model_cd_index(const struct smmuv3_model *smmu, const struct emu_cache *ste, uint32_t pasid,
		      uint32_t *index);
/** Words of cache: 0 and 1 of the CD, and its index. */
struct smmuv3_fault
smmuv3_model_cd(struct uiommu_emu *emu, const struct emu_cache *ste, uint32_t index,
		struct emu_cache *cache);

/* smmuv3_model_config.c: what is remembered of STEs and CDs, S 4.3 */
void
smmuv3_model_forget_ste(struct uiommu_emu *emu, uint32_t first, uint32_t last, bool leaf);
/** @param index UINT32_MAX: all */
void
smmuv3_model_forget_cd(struct uiommu_emu *emu, uint32_t sid, uint32_t index, bool leaf);

/* smmuv3_model_translate.c */
struct smmuv3_walk;
/** Whether an access of a bond would stall where a page is missing; else it is reported. */
bool
smmuv3_model_admits(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
		    const struct emu_message *msg);
/** Whose tables a request goes by. @return a fault on the way to them */
struct smmuv3_fault
smmuv3_model_route(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
		   const struct emu_message *msg, struct smmuv3_walk *walk);
bool
smmuv3_model_dma(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
		 const struct emu_message *msg);
enum uiommu_emu_access_state
smmuv3_model_access(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
		    const struct emu_message *msg);
bool
smmuv3_model_reach(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
		   const struct emu_message *msg, struct emu_leaf *leaf);
bool
smmuv3_model_translate(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
		       const struct emu_message *msg, struct emu_leaf *leaf);
bool
smmuv3_model_translated(struct uiommu_emu *emu, struct emu_device *dev);

/* smmuv3_model_tlbi.c */
enum smmuv3_done
smmuv3_model_tlbi(struct uiommu_emu *emu, const uint64_t *word);
void
smmuv3_model_atc_inv(struct uiommu_emu *emu, const uint64_t *word);
/** What devices were asked to forget is confirmed. @return false: one has not answered */
bool
smmuv3_model_atc_await(struct uiommu_emu *emu);

/* smmuv3_model_bulk.c */
void
smmuv3_model_verify_bulk(struct uiommu_emu *emu, struct emu_lookup *lookups, unsigned int nb);

/* smmuv3_model_audit.c */
extern const struct emu_audit smmuv3_model_audit;

#endif /* SMMUV3_MODEL_H */
