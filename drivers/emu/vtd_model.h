/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef VTD_MODEL_H
#define VTD_MODEL_H

/**
 * @file
 * Model of an Intel VT-d unit in scalable mode; "S x.y" as in vtd_hw.h.
 */

#include <vtd_hw.h>

#include "emu_pvt.h"

/** Host address width of the model, in bits. */
#define VTD_MODEL_HAW 52
#define VTD_MODEL_ADDR_RESERVED (~((UINT64_C(1) << VTD_MODEL_HAW) - 1))

/** Most fault recording registers that CAP.NFR can announce. */
#define VTD_MODEL_FRCD_MAX 256

/** Most levels of a page table. */
#define VTD_PT_LEVELS_MAX 5

/** Bits of struct vtd_model::events. */
#define VTD_EVENT_GCMD (1U << 0)
#define VTD_EVENT_PRQ (1U << 1)

struct vtd_model {
	/* Never change. */
	uint64_t cap;
	uint64_t ecap;
	uint32_t ver;
	uint32_t frcd_offset;
	uint32_t nb_frcd;

	/* Registers; all accesses are atomic. */
	_Alignas(EMU_LINE) uint32_t events; /**< VTD_EVENT_*: written, to be looked at */
	uint32_t gsts;
	uint32_t fsts;   /**< PPF and FRI are worked out at the read */
	uint32_t fri;
	uint32_t prs;
	uint32_t ics;
	uint32_t fectl, iectl, pectl;
	uint64_t gcmd;   /**< last value written, with VTD_GCMD_FRESH until it is carried out */
	uint64_t rtaddr;
	uint64_t iqa;
	uint64_t pqa;
	uint64_t irta;
	uint64_t iqercd;
	uint32_t msi[9]; /**< data, address, upper address of FE, IE, PE */
	_Alignas(EMU_LINE) uint64_t iqt;
	_Alignas(EMU_LINE) uint64_t pqh;
	_Alignas(EMU_LINE) uint64_t iqh;
	_Alignas(EMU_LINE) uint64_t pqt;
	uint64_t frcd[VTD_MODEL_FRCD_MAX][2];

	/* The model's own. */
	_Alignas(EMU_LINE) uint64_t root; /**< RTADDR as taken over by SRTP */
	bool root_set;
	bool translating;
	bool fetching;         /**< invalidation queue is on */
	bool aborting;         /**< a device-TLB invalidation timed out: no waits */
	uint64_t *iq;          /**< NULL: memory is not ours */
	uint64_t iq_pa;
	uint32_t iq_entries;   /**< power of two */
	uint32_t iq_shift;     /**< log2 of a descriptor's size */
	uint32_t iq_head;      /**< in entries */
	uint32_t iq_seen;      /**< tail that was seen last */
	uint32_t pq_head;      /**< of the request queue, as seen last, in entries */
	uint64_t pq_pa;
	uint32_t frcd_next;
	uint32_t freed;        /**< of struct emu_memory, as seen last */
	/** bits that must be zero: by stage, level, and whether it is a page */
	uint64_t pt_reserved[2][VTD_PT_LEVELS_MAX + 1][2];
	bool passed;           /**< there were pass-through translations */
};
#define VTD_GCMD_FRESH (UINT64_C(1) << 32)

/** Who asks for what, for a fault record. */
enum vtd_access {
	VTD_ACCESS_WRITE,
	VTD_ACCESS_READ,
	VTD_ACCESS_PAGE_REQUEST,
	VTD_ACCESS_TRANSLATION, /**< ATS, for reading; or for writing: */
	VTD_ACCESS_TRANSLATION_WRITE,
};

/* vtd_model_regs.c */
uint32_t
vtd_model_read32(struct uiommu_emu *emu, uint32_t offset);
uint64_t
vtd_model_read64(struct uiommu_emu *emu, uint32_t offset);
void
vtd_model_write32(struct uiommu_emu *emu, uint32_t offset, uint32_t value);
void
vtd_model_write64(struct uiommu_emu *emu, uint32_t offset, uint64_t value);

/* vtd_model_fault.c */
/** Record a fault that is not recoverable, S 7.2. */
void
vtd_model_fault(struct uiommu_emu *emu, unsigned int reason, const struct emu_message *msg,
		enum vtd_access access);

/* vtd_model_cmd.c */
void
vtd_model_commands(struct uiommu_emu *emu);

/* vtd_model_iq.c */
unsigned int
vtd_model_execute(struct uiommu_emu *emu, unsigned int max);

/* vtd_model_desc.c */
/** What becomes of a descriptor. */
enum vtd_done {
	VTD_DONE = 0,
	VTD_DONE_ANSWER,  /**< it was a response */
	VTD_STUCK,        /**< malformed: the queue stops here */
};
enum vtd_done
vtd_model_descriptor(struct uiommu_emu *emu, const uint64_t *word);
/** The queue stops at the descriptor at its head. */
void
vtd_model_queue_error(struct vtd_model *vtd, unsigned int reason);

/* vtd_model_prq.c */
void
vtd_model_prq_reload(struct uiommu_emu *emu);
void
vtd_model_room(struct uiommu_emu *emu);
void
vtd_model_publish(struct uiommu_emu *emu);
bool
vtd_model_latched(struct uiommu_emu *emu);
unsigned int
vtd_model_make(struct uiommu_emu *emu, unsigned int max);
enum uiommu_emu_outcome
vtd_model_request(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
		  const struct emu_message *msg);
bool
vtd_model_raw(struct uiommu_emu *emu, const uint64_t *entry, uint32_t size);

/* vtd_model_walk.c */
/** A fault on the way through the tables. */
struct vtd_fault {
	uint8_t reason; /**< 0: none */
	bool hide;      /**< is not to be recorded, S 7.2.3 (FPD) */
};
/** Root and context entry of a device, out of the cache or into it. */
struct vtd_fault
vtd_model_context(struct uiommu_emu *emu, uint32_t endpoint_id, struct emu_cache *cache);
/** PASID that a request uses, S 7.4.1, 9.4. @return fault reason */
unsigned int
vtd_model_pasid(const struct vtd_model *vtd, const struct emu_cache *context, uint32_t pasid,
		uint32_t *effective);
/** PASID directory and table entry, out of the cache or into it. */
struct vtd_fault
vtd_model_pasid_entry(struct uiommu_emu *emu, const struct emu_cache *context, uint32_t pasid,
		      struct emu_cache *cache);

/* vtd_model_cache.c */
void
vtd_model_forget_all(struct uiommu_emu *emu);
void
vtd_model_forget_context(struct uiommu_emu *emu, unsigned int granularity, uint32_t sid,
			 unsigned int function_mask);
void
vtd_model_forget_pasid(struct uiommu_emu *emu, unsigned int granularity, uint32_t domain,
		       uint32_t pasid);

/* vtd_model_pt.c */
/** Work out what depends on capabilities. */
void
vtd_model_pt_open(struct vtd_model *vtd);

/* vtd_model_translate.c */
struct vtd_walk;
/** Who may ask for an address, and by which tables; the page is not looked at. */
struct vtd_fault
vtd_model_route(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
		const struct emu_message *msg, bool ats, struct vtd_walk *walk);
bool
vtd_model_dma(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
	      const struct emu_message *msg);
bool
vtd_model_translate(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
		    const struct emu_message *msg, struct emu_leaf *leaf);
bool
vtd_model_translated(struct uiommu_emu *emu, struct emu_device *dev);

/* vtd_model_inval.c */
/** What an IOTLB or PASID-IOTLB descriptor asks for. */
void
vtd_model_forget_pages(struct uiommu_emu *emu, const uint64_t *word);
/** What a device-TLB descriptor asks for. */
void
vtd_model_forget_device(struct uiommu_emu *emu, const uint64_t *word);
/** All translations and tables. */
/** A page request was accepted: translations of the page are not used any more, S 6.5.3.1 */
void
vtd_model_accepted(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
		   const struct emu_message *msg);
/** Likewise for entries of the request queue. */
void
vtd_model_accepted_entries(struct uiommu_emu *emu, uint32_t first, uint32_t end);

/* vtd_model_bulk.c */
void
vtd_model_verify_bulk(struct uiommu_emu *emu, struct emu_lookup *lookups, unsigned int nb);

/* vtd_model_audit.c */
extern const struct emu_audit vtd_model_audit;

#endif /* VTD_MODEL_H */
