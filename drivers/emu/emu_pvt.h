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
#include <sched.h>
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

#include "emu_asked.h"
#include "emu_atc.h"
#include "emu_device.h"
#include "emu_late.h"
#include "emu_memory.h"
#include "emu_model.h"
#include "emu_tlb.h"
#include "uiommu_emu.h"

extern int emu_logtype;

#define EMU_LOG(level, fmt, ...)                                                                   \
	rte_log(RTE_LOG_##level, emu_logtype, "emu: " fmt "\n", ##__VA_ARGS__)

/** Bytes that are written by one side only, at a time. */
#define EMU_LINE 64
/** Groups of several pages that are being sent at a time. */
#define EMU_OPEN_MAX 64
/** Responses kept for uiommu_emu_response_next(). */
#define EMU_LOG_SIZE 4096
/** Turns of a lock before the core is offered to others. */
#define EMU_SPINS 1024

/** A prepared request. */
struct emu_template {
	uint64_t entry[2]; /**< words 0 and 1 of the queue entry; PRG index 0 */
	uint64_t expect;   /**< word 0 of the response */
	uint32_t bond;     /**< 0 for bad requests: never in force, which leads off the fast path */
	uint16_t device;
	uint8_t kind : 4;   /**< enum emu_kind */
	uint8_t access : 4; /**< EMU_REQ_READ, EMU_REQ_WRITE */
	uint8_t class : 4; /**< of the device */
	uint8_t stall : 4; /**< 1: the device stalls; word 1 is the address alone */
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
	uint64_t expect; /**< word 0 of the response */
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
	bool stall;        /**< a raw event; prgi is its tag */
};
#define EMU_MANUAL_MAX 4096
/** No place in the ledger: stop markers. */
#define EMU_MANUAL_NONE UINT32_MAX

/** An access made by uiommu_emu_stall(). */
struct emu_hand {
	struct emu_message msg; /**< prgi: index of its slot, while it waits */
	uint32_t bond;
	uint16_t device;        /**< index */
	uint16_t events;
	uint8_t state;          /**< enum uiommu_emu_access_state */
};
#define EMU_HANDS_MAX 4096

/** A page that a device wants to use, and has to ask for once more. */
struct emu_wish {
	uint64_t page;   /**< as in emu_hot_pages() */
	uint32_t bond;
};

/** Devices that use addresses: emu_use.c. */
struct emu_use {
	struct emu_wish *wishes; /**< ring; indices run free. NULL: devices only ask */
	uint32_t wish_mask;
	uint32_t wish_head;
	uint32_t wish_tail;
	uint64_t *walks;         /**< SEQUENTIAL: of each bond; else NULL */
	uint32_t nb_walks;
	uint64_t write_below;    /**< of a random number of 32 bits: the access writes */
	unsigned int used;       /**< accesses begun in this step */
};

struct emu_traffic {
	struct uiommu_emu_traffic conf;
	struct emu_use use;
	struct emu_template *templates;
	uint32_t nb_templates;
	uint32_t next;
	uint64_t step_bytes;   /**< by which a template's address moves on each time it is used */
	uint64_t limit;        /**< first value of entry[1] past the window */
	uint64_t span;         /**< of the window, bytes */
	uint64_t random;
	uint32_t nb_open;
	uint8_t sources;       /**< EMU_SOURCE_*: queues that the templates need */
	bool simple;           /**< groups of one page; the queue's room is looked at, no more */
	bool keep;             /**< where a group begins is kept, see emu_hot_pages() */
	double per_cycle;      /**< requests per cycle; 0: no limit */
	double allowance;
	uint64_t allowance_tsc;
	struct emu_open open[EMU_OPEN_MAX];
};

#define EMU_SOURCE_REQUESTS (1U << 0)
#define EMU_SOURCE_EVENTS (1U << 1)

/* ---------------------------------------------------------------------- unit */

struct uiommu_emu {
	/* Read by register accessors. */
	const struct emu_model_ops *model;
	void *unit;                /**< of the model */
	bool inline_steps;
	bool real_files;           /**< the unit's files are those of the machine's kernel */
	int socket_id;
	char name[UIOMMU_NAME_SIZE];
	struct emu_memory *memory;
	bool lone_requests;        /**< devices cannot send groups of several */
	/** nobody hears of answers: requests by hand are over when they are sent */
	bool unheard;
	uint64_t window_iova;      /**< of traffic that does not say; 0: UIOMMU_EMU_WINDOW_IOVA */
	uint32_t fault;            /**< enum uiommu_emu_fault, atomic */
	uint32_t fault_count;      /**< 0: until cleared; atomic */

	/* Written by other threads. */
	_Alignas(EMU_LINE) int lock;
	uint32_t waiting;          /**< threads that want the lock; the model lets them go first */
	bool run;                  /**< devices may send; atomic */
	int control_lock;
	uint32_t nb_touched;       /**< atomic; the rest by control_lock */
	uint32_t *touched;         /**< bonds whose want has changed */

	/* The model's; by lock. */
	_Alignas(EMU_LINE) uint64_t now; /**< time-stamp counter, once a burst */
	uint32_t generation;       /**< value of bond_gen[] that means "in force" */
	uint32_t nb_devices;       /**< device 0 is nobody */
	uint64_t judge_mask;       /**< bits of a response's word 0 that are compared */
	uint64_t force_slow;       /**< all ones: no response goes the fast path */
	bool logging;              /**< responses are kept */
	struct emu_dev_hot *hot;
	/** there were groups of several pages, or pages are looked up after Success */
	bool several;
	bool classes;              /**< there are devices of another class than 0 */
	uint32_t *bond_gen;
	uint16_t *device_of;       /**< index of a device by endpoint id; 0: none */
	uint32_t endpoint_max;
	uint64_t credits_free;     /**< sum over devices */
	struct emu_ring ring;      /**< page requests */
	struct emu_ring events;    /**< stalls, and reports besides */
	struct emu_device **devices;
	struct emu_bond *bonds;    /**< bond 0 is none */
	uint32_t nb_bonds;
	struct emu_traffic traffic;
	uint64_t ended;            /**< groups that were answered or forgotten; atomic */
	struct emu_manual *manual;
	uint32_t nb_manual;
	struct emu_hand *hands;    /**< EMU_HANDS_MAX; NULL: none yet */
	uint32_t nb_hands;
	uint32_t nb_unseen;        /**< of them, waiting for room for their event */
	/** translations are cached somewhere: the unit has to look at its caches */
	bool tlb_used;
	struct emu_tlb iotlb;      /**< the unit's caches: pages, by its tags */
	struct emu_tlb walks;      /**< where tables lie */
	struct emu_asked asked;    /**< what devices have not confirmed to have forgotten */
	struct emu_late late;      /**< page requests on their way */
	struct emu_verify *verify; /**< pages are looked up after Success; NULL: never were */
	bool verifying;

	/* Judge: written by the model, read by any thread, relaxed atomics. */
	_Alignas(EMU_LINE) struct uiommu_emu_verdict live;
	uint64_t latency[UIOMMU_EMU_CLASSES][UIOMMU_LATENCY_BUCKETS];
	uint64_t class_requests[UIOMMU_EMU_CLASSES];
	/* By judge_lock. */
	_Alignas(EMU_LINE) int judge_lock;
	struct uiommu_emu_verdict base;
	uint64_t latency_base[UIOMMU_EMU_CLASSES][UIOMMU_LATENCY_BUCKETS];
	uint64_t class_requests_base[UIOMMU_EMU_CLASSES];
	struct uiommu_emu_response *log;
	uint32_t log_head;
	uint32_t log_count;
	TAILQ_ENTRY(uiommu_emu) next;
};

/** Time stamp and class of a group that begins now; the bond is to be added. */
static inline uint64_t
emu_meta(const struct uiommu_emu *emu, uint64_t class)
{
	return emu->now << EMU_META_STAMP_SHIFT | class << EMU_META_CLASS_SHIFT;
}

/** An entry at the end, of 2^shift bytes; there must be room. */
static inline void
emu_ring_put(struct emu_ring *ring, const uint64_t *word, unsigned int shift)
{
	uint64_t *entry = (uint64_t *)(ring->base + ((size_t)(ring->tail & ring->mask) << shift));
	unsigned int i;

	for (i = 0; i < 1U << (shift - 3); i++)
		entry[i] = word[i];
	ring->tail++;
	if (ring->room > 0)
		ring->room--;
}

/** Entries that fit into each of the queues that the traffic needs. */
static inline uint32_t
emu_room(const struct uiommu_emu *emu)
{
	uint32_t room = UINT32_MAX;

	if ((emu->traffic.sources & EMU_SOURCE_REQUESTS) != 0)
		room = emu->ring.room;
	if ((emu->traffic.sources & EMU_SOURCE_EVENTS) != 0)
		room = RTE_MIN(room, emu->events.room);
	return room;
}

/* Small locks: control paths, and once a step. */
static inline void
emu_lock_take(int *lock)
{
	unsigned int spins = 0;

	while (__atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE) != 0)
		while (__atomic_load_n(lock, __ATOMIC_RELAXED) != 0)
			/* the holder may be waiting for this very core */
			if (++spins % EMU_SPINS == 0)
				sched_yield();
			else
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
/** Whether it is to misbehave in any way at all: else emu_fault_take() need not be called. */
static inline bool
emu_fault_is_set(const struct uiommu_emu *emu)
{
	return __atomic_load_n(&emu->fault, __ATOMIC_RELAXED) != UIOMMU_EMU_FAULT_NONE;
}

/* emu_manual.c */
/** @return true: the response was to a request made by hand */
bool
emu_manual_response(struct uiommu_emu *emu, const struct emu_response *resp);
/** The unit itself has answered a request made by hand. @return false: it was none */
bool
emu_manual_own(struct uiommu_emu *emu, uint32_t endpoint_id, uint32_t pasid, uint16_t prgi);
void
emu_manual_forget(struct uiommu_emu *emu, uint32_t device);
struct emu_message
emu_manual_message(const struct uiommu_emu_request *req);
/** emu_enter() for a request: with registers and the judge's orders as of now. */
void
emu_manual_enter(struct uiommu_emu *emu);
/** A request is sent. @param index its group in the ledger. @return false: it may not be */
bool
emu_manual_begin(struct uiommu_emu *emu, const struct emu_message *msg, uint32_t *index);
/** It comes to the unit. */
enum uiommu_emu_outcome
emu_manual_arrive(struct uiommu_emu *emu, const struct emu_message *msg, uint32_t index);

/* emu_stall.c */
/** Software's answer to an access that was made by hand; its slot is free again. */
void
emu_hand_answered(struct uiommu_emu *emu, uint32_t hand, enum uiommu_emu_answer answer);
/** Accesses of a device that wait are over. */
void
emu_hands_end(struct uiommu_emu *emu, uint32_t device);
/** Accesses whose event waits for room try again. */
void
emu_hands_retry(struct uiommu_emu *emu);

/* emu_traffic.c */
/** Let devices send, and show it to software. @param judged responses of this step */
unsigned int
emu_traffic_step(struct uiommu_emu *emu, unsigned int judged);
/** As many requests as there is room and credit for. @param max at most; no rate */
unsigned int
emu_traffic_send(struct uiommu_emu *emu, unsigned int max);
/** Templates one by one: each has to be looked at. @return requests made */
unsigned int
emu_traffic_singly(struct uiommu_emu *emu, unsigned int max);
/** One template off the fast path. @return requests made */
unsigned int
emu_traffic_one(struct uiommu_emu *emu, struct emu_template *tmpl);
/** The template that is next in turn. */
struct emu_template *
emu_template_next(struct emu_traffic *traffic);
/** What a template asks for, without an index. */
struct emu_message
emu_template_message(const struct uiommu_emu *emu, const struct emu_template *tmpl);
/** Whether there is traffic, and a queue for it. */
bool
emu_traffic_ready(const struct uiommu_emu *emu);
/** Address of a template moves on. */
void
emu_template_advance(struct uiommu_emu *emu, struct emu_template *tmpl);

/* emu_verify.c */
/** Where emu_fast.h and others leave pages that software says are there. @return 0; -ENOMEM */
int
emu_verify_set(struct uiommu_emu *emu, bool on);
/** Pages of a group that was answered Success. @param page as in emu_hot_pages() */
void
emu_verify_add(struct uiommu_emu *emu, uint32_t bond, uint64_t page, uint32_t pages);
/** Look up what was added. Before the unit confirms anything to software, and at rest. */
void
emu_verify_flush(struct uiommu_emu *emu);
/** A page is not there after Success. @return false: there is nothing wrong with that */
bool
emu_unmapped(struct uiommu_emu *emu, uint32_t bond, uint64_t iova, uint32_t access);

/* emu_use.c */
/** @return 0; -EINVAL: traffic of this kind cannot use addresses; -ENOMEM */
int
emu_use_set(struct uiommu_emu *emu, struct emu_traffic *traffic);
void
emu_use_fini(struct emu_traffic *traffic);
/** Accesses, up to max, and requests for what is not there. @return requests made */
unsigned int
emu_use_send(struct uiommu_emu *emu, unsigned int max);
/**
 * A device has its answer.
 *
 * @param page as in emu_hot_pages()
 * @param sure whether the page must be there, if it was Success
 */
void
emu_use_answered(struct uiommu_emu *emu, uint32_t bond, uint64_t page, bool success, bool sure);

/* emu_data.c */
/** A device reads its page, and writes it if it may; bytes of memory at pa. */
void
emu_data_use(struct uiommu_emu *emu, uint32_t bond, uint64_t iova, uint32_t access, uint64_t pa);
/** @return 0; -EINVAL */
int
emu_data_check(const struct uiommu_emu *emu, const struct uiommu_emu_traffic *conf);

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
	__rte_format_printf(3, 4) __rte_cold;
/** Any response that is not simply right. */
void
emu_judge_response(struct uiommu_emu *emu, const struct emu_response *resp);
/** nb cached translations or table entries are not as they must be; the first in words. */
#define emu_stale(emu, nb, ...)                                                                    \
	do {                                                                                       \
		emu_violation(emu, &(emu)->live.stale, __VA_ARGS__);                               \
		__atomic_fetch_add(&(emu)->live.stale, (nb)-1, __ATOMIC_RELAXED);                  \
	} while (0)
/**
 * A request that does not get into the queue.
 *
 * @param code of the unit's own answer, where the request has the last flag
 */
enum uiommu_emu_outcome
emu_unit_answer(struct uiommu_emu *emu, const struct emu_message *msg, enum uiommu_emu_code code);
/** Whether responses must go the long way. */
void
emu_judge_route(struct uiommu_emu *emu);

/* emu_own.c */
/** The unit has answered a group by itself that was in its queue. */
void
emu_own_answer(struct uiommu_emu *emu, const struct emu_response *resp);
/** Likewise, without a word: the group is over. @return false: there was none */
bool
emu_own_end(struct uiommu_emu *emu, uint32_t device, uint32_t pasid, uint16_t prgi);

/* emu_class.c */
/** Answers to n groups with this time stamp and this class. */
void
emu_latency_add(struct uiommu_emu *emu, uint64_t meta, uint64_t n);
/** Requests put into the queue. @param packed by class, see EMU_PACK_BITS */
void
emu_class_requests(struct uiommu_emu *emu, uint64_t packed);
/** Count from zero; with judge_lock held. */
void
emu_classes_reset(struct uiommu_emu *emu);

#endif /* EMU_PVT_H */
