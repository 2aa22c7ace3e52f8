/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef EMU_MODEL_H
#define EMU_MODEL_H

/**
 * @file
 * What a vendor's model of a unit is to the rest of the emulation: a table of functions, over
 * requests and responses that are no vendor's.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <rte_common.h>

#include "uiommu_emu.h"

struct emu_audit;
struct emu_device;
struct emu_leaf;
struct emu_lookup;
struct uiommu_args;
struct uiommu_file_ops;

/** "Without PASID", as in uiommu_emu.h. */
#define EMU_NO_PASID UINT32_MAX

#define EMU_REQ_READ (1U << 0)
#define EMU_REQ_WRITE (1U << 1)
#define EMU_REQ_LAST (1U << 2)
#define EMU_REQ_EXEC (1U << 3)
#define EMU_REQ_PRIV (1U << 4)

/** Words of the largest entry of a request queue. */
#define EMU_ENTRY_WORDS 5

/** A page request message. */
struct emu_message {
	uint32_t endpoint_id;
	uint32_t pasid; /**< or EMU_NO_PASID */
	uint64_t iova;
	uint16_t prgi;
	uint16_t flags; /**< EMU_REQ_* */
};

/* No stop marker. */
static inline bool
emu_message_wants(const struct emu_message *msg)
{
	return (msg->flags & (EMU_REQ_READ | EMU_REQ_WRITE | EMU_REQ_EXEC)) != 0;
}

/* The last of its group, and no stop marker: there must be an answer. */
static inline bool
emu_message_is_answered(const struct emu_message *msg)
{
	return (msg->flags & EMU_REQ_LAST) != 0 && emu_message_wants(msg);
}

/** A response, decoded. */
struct emu_response {
	uint32_t endpoint_id;
	uint32_t pasid; /**< or EMU_NO_PASID */
	uint16_t prgi;  /**< of a stall: index of its slot; UINT16_MAX: the tag is no slot's */
	uint16_t code;  /**< as on the wire */
	uint16_t tag;   /**< of a stall */
	uint8_t answer; /**< enum uiommu_emu_answer */
};

/** Bad requests, in turn. */
enum emu_kind {
	EMU_KIND_GOOD = 0,
	EMU_KIND_RESERVED,     /**< reserved bits set */
	EMU_KIND_TYPE,         /**< unknown descriptor type */
	EMU_KIND_ENDPOINT,     /**< endpoint that software does not know */
	EMU_KIND_PASID,        /**< PASID without bond */
	EMU_KIND_PRIVILEGE,    /**< privileged or execute */
	EMU_KIND_CANONICAL,    /**< address not canonical */
	EMU_KIND_NO_ACCESS,    /**< no access bit */
	EMU_KIND_STOP,         /**< stop marker */
	EMU_KIND_NEVER_LAST,   /**< the last one of its group never comes */
	EMU_KIND_COUNT,
};


struct emu_model_ops {
	const char *driver;      /**< name of the driver whose unit this is */
	size_t unit_size;        /**< of uiommu_emu::unit, which is zero when it is opened */
	uint32_t endpoint_max;   /**< where the unit does not say: see uiommu_emu::endpoint_max */
	uint32_t entry_size;     /**< of the request queue, as software reads it */
	uint32_t event_size;     /**< of entries of the queue of reports; 0: there is none */
	bool typed;              /**< entries say what they are: more than requests can come */
	bool stalls;             /**< accesses can wait; their events go to that queue */
	uint64_t kind_mask;      /**< bits of a response's word 0 that are always 1 */
	uint64_t light_mask;     /**< bits of word 0 that the light judge compares: kind and code */
	uint8_t reserved_allow;  /**< EMU_ALLOW_*: answers to requests with reserved bits set */
	/** the unit answers page requests of PASIDs that it does not know */
	bool checks_pasids;

	/** Registers as after a reset, and what devargs say of them. @return 0; -EINVAL */
	int (*open)(struct uiommu_emu *emu, struct uiommu_args *args);
	/** The unit goes, however far open() came. NULL: nothing to be done */
	void (*close)(struct uiommu_emu *emu);
	/** the unit is reached by files; NULL: by registers */
	const struct uiommu_file_ops *files;
	/* Registers; the driver's thread, no lock held. */
	uint32_t (*read32)(struct uiommu_emu *emu, uint32_t offset);
	uint64_t (*read64)(struct uiommu_emu *emu, uint32_t offset);
	void (*write32)(struct uiommu_emu *emu, uint32_t offset, uint32_t value);
	void (*write64)(struct uiommu_emu *emu, uint32_t offset, uint64_t value);

	/** What was written to registers since the last step. */
	void (*commands)(struct uiommu_emu *emu);
	/** Fetch and execute up to about max entries of the command queue. @return responses */
	unsigned int (*execute)(struct uiommu_emu *emu, unsigned int max);
	/** Make up to max requests from templates; for simple traffic. @return requests made */
	unsigned int (*make)(struct uiommu_emu *emu, unsigned int max);
	/** Look how much room the queues have now, into emu->ring.room, emu->events.room. */
	void (*room)(struct uiommu_emu *emu);
	/** Show software what was put into the request queue. */
	void (*publish)(struct uiommu_emu *emu);
	/** Whether new requests are refused until software has acknowledged an overflow. */
	bool (*latched)(struct uiommu_emu *emu);
	/**
	 * One request through tables and queue rules; of a device that stalls, an access to a page
	 * that is taken to be missing, where UIOMMU_EMU_NO_CREDIT means that there is no room.
	 *
	 * @param bond 0: none, remember nothing
	 */
	enum uiommu_emu_outcome (*request)(struct uiommu_emu *emu, struct emu_device *dev,
					   uint32_t bond, const struct emu_message *msg);
	/** An entry of either queue past all checks. @return false: no room */
	bool (*raw)(struct uiommu_emu *emu, const uint64_t *entry, uint32_t size);
	void (*encode)(const struct emu_message *msg, uint64_t *entry);
	/** Likewise, as software reads it. NULL: as encode() makes it */
	void (*record)(const struct emu_message *msg, uint64_t *entry);
	/** Likewise for the event of a stall; prgi is the index of its slot. */
	void (*event)(const struct emu_message *msg, uint64_t *entry);
	/** @return false: this is no request with an index, or no stall; prgi is the tag here */
	bool (*decode)(const uint64_t *entry, uint32_t size, struct emu_message *msg);
	/** Spoil an entry: EMU_KIND_RESERVED, EMU_KIND_TYPE. */
	void (*spoil)(uint64_t *entry, enum emu_kind kind, uint64_t random);
	/** Word 0 of the response Success. */
	uint64_t (*response_word)(const struct emu_device *dev, uint32_t pasid);
	/** DMA without ATS. */
	bool (*dma)(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
		    const struct emu_message *msg);
	/**
	 * An access of a device that stalls, from the start. Where it has to wait, an event with
	 * the tag of slot msg->prgi is written, if there is room.
	 */
	enum uiommu_emu_access_state (*access)(struct uiommu_emu *emu, struct emu_device *dev,
					       uint32_t bond, const struct emu_message *msg);
	/** Likewise, with nothing told to software where it cannot be made. */
	bool (*reach)(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
		      const struct emu_message *msg, struct emu_leaf *leaf);
	/**
	 * A translation request (ATS).
	 *
	 * @param leaf page that grants all of msg->flags; unchanged if there is none
	 */
	bool (*translate)(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
			  const struct emu_message *msg, struct emu_leaf *leaf);
	/** Whether the unit lets a device through with addresses that it has translated. */
	bool (*translated)(struct uiommu_emu *emu, struct emu_device *dev);
	/**
	 * What translation requests would find now, with what is cached where it would be used;
	 * nothing is remembered, marked or recorded.
	 */
	void (*verify_bulk)(struct uiommu_emu *emu, struct emu_lookup *lookups, unsigned int nb);
	/** How the unit's caches and those of devices are compared with memory. */
	const struct emu_audit *audit;
};

/** Registered models; a list that is written by constructors only. */
struct emu_model {
	const struct emu_model_ops *ops;
	SLIST_ENTRY(emu_model) next;
};

void
emu_model_register(struct emu_model *model);

/**
 * A register that says what a unit has: as a whole by key, and single bits of it by <key>_set and
 * <key>_clear.
 *
 * @param value as it is without any of that; left alone where something is wrong
 * @return 0; -EINVAL: as uiommu_args_get_u64(), and the key is too long
 */
int
emu_args_bits(struct uiommu_args *args, const char *key, uint64_t max, uint64_t *value);

#define EMU_MODEL_REGISTER(mops)                                                                   \
	static struct emu_model emu_model_##mops = {.ops = &mops};                                 \
	RTE_INIT(emu_register_##mops)                                                              \
	{                                                                                          \
		emu_model_register(&emu_model_##mops);                                             \
	}                                                                                          \
	struct emu_model_semicolon_##mops

#endif /* EMU_MODEL_H */
