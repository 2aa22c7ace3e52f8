/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef EMU_PVT_H
#define EMU_PVT_H

/**
 * @file
 * What the files of the emulation share: units, devices, groups, traffic, judge.
 * No vendor's word here; a vendor's model comes in through struct emu_model_ops.
 *
 * Threads. Everything below struct uiommu_emu::lock belongs to the holder of the lock, which is
 * the model's thread for the length of one step. Register accessors run on the driver's thread
 * without the lock and touch nothing but the model's register file, by atomics.
 */

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_log.h>
#include <rte_memory.h>
#include <rte_pause.h>

#include <uiommu_driver.h>

#include "uiommu_emu.h"

extern int emu_logtype;

#define EMU_LOG(level, fmt, ...)                                                                   \
	rte_log(RTE_LOG_##level, emu_logtype, "emu: " fmt "\n", ##__VA_ARGS__)

/** PRG indices of a device (PCIe: 9 bits). */
#define EMU_PRGI_COUNT 512
/** "Without PASID", as in uiommu_emu.h. */
#define EMU_NO_PASID UINT32_MAX
/** Requests of the "no answer may come" kind that one device holds back at most. */
#define EMU_SILENT_MAX 64
/** Groups of several pages that are being sent at a time. */
#define EMU_OPEN_MAX 64
/** Responses kept for uiommu_emu_response_next(). */
#define EMU_LOG_SIZE 4096

#define EMU_CACHE_ALIGNED __attribute__((aligned(64)))

/* ------------------------------------------------------------ devices, groups */

/**
 * One PRG index of a device. A group of one page to a bond in force is wholly described here;
 * for all others expect has no kind bits, and struct emu_group has the rest.
 */
struct emu_slot {
	uint64_t expect; /**< first word of the right response; kind bits clear: the last one given */
	uint64_t meta;   /**< 63:24 time stamp, 23:0 bond */
};
#define EMU_META_STAMP_SHIFT 24
#define EMU_META_BOND_MASK UINT64_C(0xffffff)
#define EMU_BONDS_MAX (UINT32_C(1) << EMU_META_STAMP_SHIFT)

/** What the data path needs of a device; the ring of free indices lies behind the slots. */
struct emu_dev_hot {
	struct emu_slot *slots; /**< EMU_PRGI_COUNT */
	uint32_t credits;       /**< requests that may be sent now */
	uint16_t head;          /**< next free index to take, free running */
	uint16_t tail;          /**< where the next freed one goes, free running */
};

static inline uint16_t *
emu_hot_ring(const struct emu_dev_hot *hot)
{
	return (uint16_t *)(hot->slots + EMU_PRGI_COUNT);
}

enum emu_group_state {
	EMU_GROUP_FREE = 0, /**< or described by its slot alone */
	EMU_GROUP_SENDING,  /**< the last request is not in the queue yet */
	EMU_GROUP_ACTIVE,   /**< waits for its answer */
	EMU_GROUP_SILENT,   /**< no answer may come; given back after a while */
	EMU_GROUP_ORPHAN,   /**< device was unplugged; an answer is nobody's fault */
};

#define EMU_ALLOW_SUCCESS (1U << 0)
#define EMU_ALLOW_INVALID (1U << 1)
#define EMU_ALLOW_FAILURE (1U << 2)

struct emu_group {
	uint32_t bond;  /**< 0: of no bond */
	uint32_t pasid;
	uint16_t pages; /**< credits that it holds */
	uint8_t state;  /**< enum emu_group_state */
	uint8_t allow;  /**< EMU_ALLOW_* */
};

/** What a unit remembers of its tables for a device or a bond. Used by the vendor's model. */
struct emu_cache {
	uint64_t word[3];
	uint16_t domain;
	uint8_t state;  /**< enum emu_cache_state */
	uint8_t reason; /**< of a remembered fault */
	bool hide;      /**< the fault is not to be recorded */
};

enum emu_cache_state {
	EMU_CACHE_EMPTY = 0,
	EMU_CACHE_GOOD,
	EMU_CACHE_FAULT,
};

struct emu_device {
	uint32_t endpoint_id;
	uint32_t credits;    /**< allocation */
	uint32_t first_bond; /**< its bonds are contiguous, by PASID */
	uint32_t nb_bonds;
	bool unknown;        /**< software does not know it */
	bool removed;
	struct emu_cache cache;
	uint16_t silent_max;
	uint16_t silent_head;
	uint16_t silent_count;
	uint16_t silent[EMU_SILENT_MAX];
	struct emu_group groups[EMU_PRGI_COUNT];
};

/** A PASID of a device. */
struct emu_bond {
	uint32_t pasid;  /**< or EMU_NO_PASID */
	uint16_t device;
	uint8_t want;    /**< enum uiommu_emu_pasid_state and EMU_WANT_QUIET; any thread, atomic */
	bool touched;    /**< is in uiommu_emu::touched; by control_lock */
	struct emu_cache cache;
};
#define EMU_WANT_STATE 0x3
#define EMU_WANT_QUIET 0x4

/* ------------------------------------------------------------------ requests */

#define EMU_REQ_READ (1U << 0)
#define EMU_REQ_WRITE (1U << 1)
#define EMU_REQ_LAST (1U << 2)
#define EMU_REQ_EXEC (1U << 3)
#define EMU_REQ_PRIV (1U << 4)

/** A page request message. */
struct emu_message {
	uint32_t endpoint_id;
	uint32_t pasid; /**< or EMU_NO_PASID */
	uint64_t iova;
	uint16_t prgi;
	uint16_t flags; /**< EMU_REQ_* */
};

/** A response, decoded. */
struct emu_response {
	uint32_t endpoint_id;
	uint32_t pasid; /**< or EMU_NO_PASID */
	uint16_t prgi;
	uint16_t code;  /**< as on the wire */
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

/** A prepared request. */
struct emu_template {
	uint64_t entry[2]; /**< words 0 and 1 of the queue entry; PRG index 0 */
	uint64_t expect;   /**< word 0 of the response */
	uint32_t bond;     /**< 0 for bad requests: never in force, which leads off the fast path */
	uint16_t device;
	uint8_t kind;      /**< enum emu_kind */
	uint8_t reserved;
};

/** Where requests go. Indices run free; the mask comes at use. */
struct emu_ring {
	uint8_t *base;      /**< NULL: no queue */
	uint32_t mask;
	uint32_t tail;
	uint32_t published;
	uint32_t room;      /**< entries that fit, as far as was looked */
};

/** A group of several pages that is being sent. */
struct emu_open {
	uint64_t iova;   /**< of the first page */
	uint32_t bond;
	uint16_t device;
	uint16_t prgi;
	uint16_t pages;  /**< 0: not in use */
	uint16_t sent;
	uint16_t next;   /**< page to be sent next */
	uint16_t flags;  /**< EMU_REQ_* */
};

/** A group made by uiommu_emu_request() or uiommu_emu_request_raw(). */
struct emu_manual {
	uint64_t meta;     /**< time stamp, as in struct emu_slot */
	uint32_t endpoint_id;
	uint32_t pasid;
	uint32_t device;   /**< index; UINT32_MAX: none (raw) */
	uint16_t prgi;
	uint16_t pages;
	uint8_t state;     /**< enum emu_group_state; FREE: answered */
	bool counted;      /**< one of the groups that must be answered */
};
#define EMU_MANUAL_MAX 4096

struct emu_traffic {
	struct uiommu_emu_traffic conf;
	struct emu_template *templates;
	uint32_t nb_templates;
	uint32_t next;
	uint64_t step_bytes;   /**< by which a template's address moves on each time it is used */
	uint64_t limit;        /**< first value of entry[1] past the window */
	uint64_t span;         /**< of the window, bytes */
	uint64_t random;
	uint32_t nb_open;
	uint32_t bad_device;   /**< index of a device that software does not know */
	bool simple;           /**< groups of one page, and the queue's room is looked at */
	double per_cycle;      /**< requests per cycle; 0: no limit */
	double allowance;
	uint64_t allowance_tsc;
	struct emu_open open[EMU_OPEN_MAX];
};

/* ----------------------------------------------------------- memory, platform */

#define EMU_PAGE_SHIFT 12
#define EMU_PAGE_SIZE ((size_t)1 << EMU_PAGE_SHIFT)
#define EMU_CHUNKS_MAX 2048

enum emu_page_state {
	EMU_PAGE_NONE = 0,
	EMU_PAGE_USED,
	EMU_PAGE_FREED,
};

/** A piece of memory out of which DMA memory is cut. Never given back before close. */
struct emu_chunk {
	uintptr_t base;
	size_t pages;
	size_t used;             /**< pages handed out from the front */
	const void *memzone;     /**< NULL: the caller's own (uiommu_emu_memory_add) */
	uint8_t *state;          /**< enum emu_page_state of each page, atomic */
};

#define EMU_CLASSES 20
struct emu_memory {
	struct emu_chunk chunks[EMU_CHUNKS_MAX];
	uint32_t nb_chunks;      /**< release: entries below are complete */
	uint32_t freed;          /**< counts dma_free, atomic */
	uintptr_t free_list[EMU_CLASSES]; /**< by log2 of pages, linked through their first word */
	int lock;
};

/* -------------------------------------------------------------------- models */

struct emu_model_ops {
	const char *driver;      /**< name of the driver whose unit this is */
	uint32_t endpoint_max;
	uint32_t entry_size;
	uint64_t kind_mask;      /**< bits of a response's word 0 that are always 1 */
	uint64_t light_mask;     /**< bits of word 0 that the light judge compares: kind and code */

	int (*open)(struct uiommu_emu *emu, struct uiommu_args *args);
	void (*close)(struct uiommu_emu *emu);
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
	/** Look how much room the request queue has now, into emu->ring.room. */
	void (*room)(struct uiommu_emu *emu);
	/** Show software what was put into the request queue. */
	void (*publish)(struct uiommu_emu *emu);
	/** Whether new requests are refused until software has acknowledged an overflow. */
	bool (*latched)(struct uiommu_emu *emu);
	/** One request through tables and queue rules. @param bond 0: of none, nothing is remembered */
	enum uiommu_emu_outcome (*request)(struct uiommu_emu *emu, struct emu_device *dev,
					   uint32_t bond, const struct emu_message *msg);
	/** An entry past all checks. @return false: no room */
	bool (*raw)(struct uiommu_emu *emu, const uint64_t *entry);
	void (*encode)(const struct emu_message *msg, uint64_t *entry);
	/** @return false: this is no request with an index */
	bool (*decode)(const uint64_t *entry, struct emu_message *msg);
	/** Spoil an entry: EMU_KIND_RESERVED, EMU_KIND_TYPE. */
	void (*spoil)(uint64_t *entry, enum emu_kind kind, uint64_t random);
	/** Word 0 of the response Success. */
	uint64_t (*response_word)(uint32_t endpoint_id, uint32_t pasid);
	/** DMA without ATS. */
	bool (*dma)(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
		    const struct emu_message *msg);
};

/** Registered models; a list that is written by constructors only. */
struct emu_model {
	const struct emu_model_ops *ops;
	SLIST_ENTRY(emu_model) next;
};

void
emu_model_register(struct emu_model *model);

#define EMU_MODEL_REGISTER(mops)                                                                   \
	static struct emu_model emu_model_##mops = {.ops = &mops};                                 \
	RTE_INIT(emu_register_##mops)                                                              \
	{                                                                                          \
		emu_model_register(&emu_model_##mops);                                             \
	}                                                                                          \
	struct emu_model_semicolon_##mops

/* ---------------------------------------------------------------------- unit */

struct uiommu_emu {
	/* Read by register accessors. */
	const struct emu_model_ops *model;
	void *unit;                /**< of the model */
	bool inline_steps;
	int socket_id;
	char name[UIOMMU_NAME_SIZE];
	struct emu_memory *memory;
	uint32_t fault;            /**< enum uiommu_emu_fault, atomic */
	uint32_t fault_count;      /**< 0: until cleared; atomic */

	/* Written by other threads. */
	int lock EMU_CACHE_ALIGNED;
	uint32_t waiting;          /**< threads that want the lock; the model lets them go first */
	bool run;                  /**< devices may send; atomic */
	int control_lock;
	uint32_t nb_touched;       /**< atomic; the rest by control_lock */
	uint32_t *touched;         /**< bonds whose want has changed */

	/* The model's; by lock. */
	uint64_t now EMU_CACHE_ALIGNED; /**< time-stamp counter, once a burst */
	uint32_t generation;       /**< value of bond_gen[] that means "in force" */
	uint32_t nb_devices;       /**< device 0 is nobody */
	uint64_t judge_mask;       /**< bits of a response's word 0 that are compared */
	uint64_t force_slow;       /**< all ones: responses are kept, off the fast path */
	struct emu_dev_hot *hot;
	uint32_t *bond_gen;
	uint16_t *device_of;       /**< index of a device by endpoint id; 0: none */
	uint64_t credits_free;     /**< sum over devices */
	struct emu_ring ring;
	struct emu_device **devices;
	struct emu_bond *bonds;    /**< bond 0 is none */
	uint32_t nb_bonds;
	uint32_t idle_steps;
	struct emu_traffic traffic;
	uint64_t ended;            /**< groups that were answered or forgotten; atomic */
	struct emu_manual *manual;
	uint32_t nb_manual;

	/* Judge: written by the model, read by any thread, relaxed atomics. */
	struct uiommu_emu_verdict live EMU_CACHE_ALIGNED;
	uint64_t latency[UIOMMU_LATENCY_BUCKETS];
	/* By judge_lock. */
	int judge_lock EMU_CACHE_ALIGNED;
	struct uiommu_emu_verdict base;
	uint64_t latency_base[UIOMMU_LATENCY_BUCKETS];
	struct uiommu_emu_response *log;
	uint32_t log_head;
	uint32_t log_count;
	TAILQ_ENTRY(uiommu_emu) next;
};

/* Small locks: control paths, and once a step. */
static inline void
emu_lock_take(int *lock)
{
	while (__atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE) != 0)
		while (__atomic_load_n(lock, __ATOMIC_RELAXED) != 0)
			rte_pause();
}

static inline void
emu_lock_drop(int *lock)
{
	__atomic_store_n(lock, 0, __ATOMIC_RELEASE); /* pairs with the exchange above */
}

/* emu.c */
void
emu_enter(struct uiommu_emu *emu);
void
emu_leave(struct uiommu_emu *emu);
int
emu_create(struct uiommu_platform *plat, struct uiommu_args *args, struct uiommu_emu **out);
void
emu_destroy(struct uiommu_emu *emu);
/** Whether hardware is to misbehave in this way, this time. */
bool
emu_fault_take(struct uiommu_emu *emu, enum uiommu_emu_fault fault);

/* emu_memory.c */
void
emu_memory_fini(struct emu_memory *memory);
/** Memory of the model itself, zeroed. */
void *
emu_alloc(size_t size, int socket_id);
void
emu_free(void *mem);
void *
emu_memory_take(struct uiommu_emu *emu, size_t size, size_t align);
void
emu_memory_give(struct uiommu_emu *emu, void *va, size_t size);
/**
 * Follow a physical address.
 *
 * @return where the processor finds it; NULL: not the unit's memory (counted, where it was once)
 */
void *
emu_memory_at(struct uiommu_emu *emu, uint64_t pa, size_t size);

/** Whether memory is the unit's now; not counted. */
bool
emu_memory_is_used(struct uiommu_emu *emu, uint64_t pa, size_t size);

/* emu_device.c */
struct emu_device *
emu_device_find(struct uiommu_emu *emu, uint32_t endpoint_id);
/** @return bond of a device; 0: none */
uint32_t
emu_bond_find(struct uiommu_emu *emu, const struct emu_device *dev, uint32_t pasid);
uint8_t
emu_bond_want(const struct uiommu_emu *emu, uint32_t bond);
/** Nothing stands in the way of requests for this bond: from now on they skip the look-ups. */
void
emu_bond_arm(struct uiommu_emu *emu, uint32_t bond);
/** Look everything up again. */
void
emu_bonds_disarm(struct uiommu_emu *emu);
/** Take up what other threads said of bonds. */
void
emu_control_apply(struct uiommu_emu *emu);
/** @return index; -1: no index or not enough credits */
int
emu_group_begin(struct uiommu_emu *emu, uint32_t device, uint32_t bond, uint32_t pasid,
		uint32_t pages);
/** The last request is in the queue; an answer must come. */
void
emu_group_await(struct uiommu_emu *emu, uint32_t device, uint16_t prgi, uint8_t allow);
/** No answer may come. */
void
emu_group_silence(struct uiommu_emu *emu, uint32_t device, uint16_t prgi);
/** Index and credits are free again. */
void
emu_group_end(struct uiommu_emu *emu, uint32_t device, uint16_t prgi);
/** Describe a group by struct emu_group that was described by its slot alone. */
void
emu_group_unfold(struct uiommu_emu *emu, uint32_t device, uint16_t prgi);
/** Codes that are right for a request of a bond that is sent now. */
uint8_t
emu_bond_allow(const struct uiommu_emu *emu, uint32_t bond);

/* emu_plug.c */
/** Device 0, which is nobody. */
int
emu_devices_init(struct uiommu_emu *emu);
void
emu_devices_fini(struct uiommu_emu *emu);
/** uiommu_emu_device_add() with the lock held. */
int
emu_device_plug(struct uiommu_emu *emu, const struct uiommu_emu_device_conf *conf);

/* emu_manual.c */
/** @return true: the response was to a request made by hand */
bool
emu_manual_response(struct uiommu_emu *emu, const struct emu_response *resp);
void
emu_manual_forget(struct uiommu_emu *emu, uint32_t device);

/* emu_traffic.c */
/** Let devices send, and show it to software. @param judged responses of this step */
unsigned int
emu_traffic_step(struct uiommu_emu *emu, unsigned int judged);
/** As many requests as there is room and credit for. @param max at most; no rate */
unsigned int
emu_traffic_send(struct uiommu_emu *emu, unsigned int max);
/** One template off the fast path. @return requests made */
unsigned int
emu_traffic_one(struct uiommu_emu *emu, struct emu_template *tmpl);
/** Address of a template moves on. */
void
emu_template_advance(struct uiommu_emu *emu, struct emu_template *tmpl);

/* emu_bad.c */
/** A bad request. @return requests made */
unsigned int
emu_bad_send(struct uiommu_emu *emu, const struct emu_template *tmpl);
void
emu_stop_marker_send(struct uiommu_emu *emu, uint32_t bond);
/** An accepted request of a bond that is gone. */
void
emu_stale_check(struct uiommu_emu *emu, uint32_t bond);

/* emu_template.c */
uint64_t
emu_random(uint64_t *state);
/** @return 0 to n - 1 */
uint64_t
emu_random_below(uint64_t *state, uint64_t n);
/** Make out->templates from out->conf. */
int
emu_templates_make(struct uiommu_emu *emu, struct emu_traffic *out);

/* emu_judge.c */
void
emu_violation(struct uiommu_emu *emu, uint64_t *counter, const char *fmt, ...)
	__attribute__((format(printf, 3, 4), cold));
/** Any response that is not simply right. */
void
emu_judge_response(struct uiommu_emu *emu, const struct emu_response *resp)
	__attribute__((noinline, cold));
/**
 * A request that does not get into the queue.
 *
 * @param code of the unit's own answer, where the request has the last flag
 */
enum uiommu_emu_outcome
emu_unit_answer(struct uiommu_emu *emu, const struct emu_message *msg, enum uiommu_emu_code code);
void
emu_latency_add(struct uiommu_emu *emu, uint64_t meta, uint64_t n);

#endif /* EMU_PVT_H */
