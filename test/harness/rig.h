/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef RIG_H
#define RIG_H

/**
 * @file
 * A unit under test, the model behind it, and domains whose handlers write down what they get.
 *
 * A rig is alone in its case. Without threads (the default) the model takes its steps where the
 * driver touches a register, so that everything happens on the case's own thread in an
 * order that is the same each time. With .model_thread it runs by itself.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_errno.h>

#include <uiommu.h>
#include <uiommu_emu.h>

#include "harness.h"
#include "harness_unit.h"

/** Bound on each wait of a test; generous, for sanitizers on a busy machine. */
#define RIG_PATIENCE_NS UINT64_C(60000000000)

/** Responses that rig_expect_any() can pass over. */
#define RIG_PILE 256

/** Endpoint of most cases. */
#define EP 0x0108

struct rig_conf {
	const char *devargs;         /**< further devargs, beginning with a comma; may be NULL */
	bool model_thread;           /**< the model runs in a thread of its own */
	bool owner_thread;           /**< the queue is polled by a thread of its own */
	bool no_start;               /**< configured only */
	bool no_claim;               /**< the queue has no owner */
	bool no_log;                 /**< responses are not kept: the judge's fast path */
	struct uiommu_dev_conf dev;  /**< size is filled in */
};

struct rig {
	int16_t dev;
	struct uiommu_emu *emu;
	struct uiommu_dev_info info;
	struct rig_conf conf;
	char name[UIOMMU_NAME_SIZE];
	pthread_t model;
	pthread_t owner;
	bool has_model;
	bool has_owner;
	bool end_model;              /**< atomic */
	bool end_owner;              /**< atomic */
	bool pause_owner;            /**< atomic */
	bool claimed;                /**< by the thread of the case */
	uint64_t owner_turns;        /**< atomic */
	uint64_t model_turns;        /**< atomic */
	bool raw;                    /**< entries were made past the unit's own checks */
	uint64_t refused;            /**< answers of the engine to rig_ask_in_vain() */
	struct recorder *recorders;  /**< all of them */
	struct uiommu_emu_response pile[RIG_PILE]; /**< passed over by rig_expect_any() */
	uint32_t nb_pile;
	bool open;
};

/** Groups that a recorder keeps. */
#define RECORDER_KEPT 512
/** Requests of each that it keeps. */
#define RECORDER_FAULTS 40

/** A group as a handler got it. */
struct kept_group {
	uint32_t endpoint_id, pasid;
	uint16_t prg_index;
	uint16_t nb_faults;
	void *priv;
	uiommu_cookie_t cookie;
	struct uiommu_fault faults[RECORDER_FAULTS];
};

struct recorder;

/** What a handler does besides writing down. The codes are the recorder's before. */
typedef void (*recorder_hook_t)(struct recorder *rec, struct uiommu_group *groups, uint8_t *codes,
				uint16_t nb);

/** A domain with a handler that writes down what it gets. */
struct recorder {
	struct uiommu_domain *domain;
	struct rig *rig;
	uint8_t code;          /**< answer to each group */
	bool defer;            /**< keep each group instead; code where there is no slot */
	bool any_pasid;        /**< gets groups of other PASIDs than its bonds' too: NESTED */
	recorder_hook_t hook;
	void *hook_arg;
	bool closed;           /**< atomic; a call of the handler is a failure from now on */
	uint64_t calls;        /**< atomic */
	uint64_t groups;       /**< atomic */
	uint64_t faults;       /**< atomic */
	uint64_t deferred;     /**< atomic */
	uint32_t nb_kept;
	struct kept_group kept[RECORDER_KEPT]; /**< the first ones */
	struct recorder *next;
};

/** A PAGING domain that answers with a code. Lives as long as the rig. */
struct recorder *
rig_recorder(struct rig *rig, unsigned int code);

/** A domain as in conf, whose size and handler are filled in, the same otherwise. */
struct recorder *
rig_recorder_with(struct rig *rig, unsigned int code, const struct uiommu_domain_conf *conf);

/** A NESTED domain over a parent of its own. */
struct recorder *
rig_recorder_nested(struct rig *rig, unsigned int code);

/** A domain without a handler. Lives as long as the rig. */
struct uiommu_domain *
rig_domain(struct rig *rig, enum uiommu_domain_type type);

/** Free the domain; the handler must not be called any more. */
void
recorder_close(struct recorder *rec);

static inline uint64_t
recorder_groups(const struct recorder *rec)
{
	return __atomic_load_n(&rec->groups, __ATOMIC_RELAXED);
}

static inline uint64_t
recorder_faults(const struct recorder *rec)
{
	return __atomic_load_n(&rec->faults, __ATOMIC_RELAXED);
}

/** Probe, configure, start, claim. Lives until the next case. @param conf NULL: defaults */
struct rig *
rig_open(const struct rig_conf *conf);

/**
 * Let everything come to rest, hold the verdict, the counters and what is cached to account, stop
 * and close.
 */
void
rig_close(struct rig *rig);

/** Stop with what is in flight, hold the verdict to account, close. */
void
rig_close_now(struct rig *rig);

/** The same, where the model was made to misbehave beyond repair: only stop and close. */
void
rig_close_failed(struct rig *rig);

/** What rig_close() checks before it stops the unit. */
void
rig_check(struct rig *rig);

/** The verdict is clean now; final: nothing is outstanding either. */
void
rig_check_verdict(struct rig *rig, bool final);

/** Sums that uiommu_stats.h promises. At rest only. */
void
rig_check_counters(struct rig *rig);

void
rig_owner_start(struct rig *rig);

/** The thread releases the queue and ends. */
void
rig_owner_stop(struct rig *rig);

/** The thread owns the queue and does not poll it. */
void
rig_owner_pause(struct rig *rig);

void
rig_owner_resume(struct rig *rig);

void
rig_claim(struct rig *rig);

void
rig_release(struct rig *rig);

/** Claim all queues of the unit, for a thread of the case. @return 0, or the last error */
int
rig_queues_claim(const struct rig *rig);

/** Release all queues of the unit. @return 0, or the last error */
int
rig_queues_release(const struct rig *rig);

enum uiommu_dev_state
rig_state(const struct rig *rig);

struct uiommu_stats
rig_stats(const struct rig *rig);

/** Responses so far, without those to requests that were made in vain. */
uint64_t
rig_served(const struct rig *rig);

/** Requests that reached software so far, without those that were made in vain. */
uint64_t
rig_taken(const struct rig *rig);

/** Of nb requests that wait for the last one of their group, those that the engine keeps. */
static inline uint64_t
rig_parked(uint64_t nb)
{
	return harness_lacks(HARNESS_NEEDS_PARKING) ? 0 : nb;
}

/** The largest PASID of the unit. */
static inline uint32_t
rig_pasid_max(const struct rig *rig)
{
	return (UINT32_C(1) << rig->info.pasid_bits) - 1;
}

/** The first address above 0 that the unit does not have; all from its negative on are there. */
static inline uint64_t
rig_iova_end(const struct rig *rig)
{
	return UINT64_C(1) << (rig->info.address_bits + harness_unit()->sign_bits - 1);
}

/** A counter by name, with the driver's own as "_name". Ends the case where there is none. */
uint64_t
rig_xstat(const struct rig *rig, const char *name);

struct uiommu_emu_verdict
rig_verdict(const struct rig *rig, bool final);

/** Accesses that the unit has reported as failed for good. */
uint64_t
rig_faults_recorded(const struct rig *rig);

/* ----------------------------------------------------------- endpoints */

/** The model's number for "without PASID" is another. */
static inline uint32_t
rig_pasid_to_emu(uint32_t pasid)
{
	return pasid == UIOMMU_NO_PASID ? UINT32_MAX : pasid;
}

/** A device with these PASIDs (UIOMMU_NO_PASID for requests without). @param credits 0: 512 */
void
rig_device(struct rig *rig, uint32_t endpoint_id, const uint32_t *pasids, uint32_t nb,
	   uint32_t credits);

/** The same with PASIDs first to first + nb - 1. */
void
rig_device_range(struct rig *rig, uint32_t endpoint_id, uint32_t first, uint32_t nb,
		 uint32_t credits);

/** A device with the PASIDs of most cases, and its endpoint in the engine. */
struct uiommu_endpoint *
rig_endpoint(struct rig *rig, uint32_t endpoint_id, uint32_t credits);

/** The same with flags of the endpoint (UIOMMU_ENDPOINT_*). @param pf_id for a VF; else 0 */
struct uiommu_endpoint *
rig_endpoint_with(struct rig *rig, uint32_t endpoint_id, uint64_t flags, uint16_t pf_id);

/** The endpoint alone, for a device that is plugged in. */
struct uiommu_endpoint *
rig_endpoint_add(struct rig *rig, uint32_t endpoint_id, uint64_t flags, uint16_t pf_id);

/** Attach, or end the case. */
struct uiommu_attach *
rig_attach(struct uiommu_endpoint *endpoint, uint32_t pasid, struct uiommu_domain *domain,
	   void *priv);

/* ------------------------------------------------------------- requests */

/** The case has groups of several requests: it is skipped where there are none. */
void
rig_groups_or_skip(void);

/** A read request of a page. */
enum uiommu_emu_outcome
rig_send(struct rig *rig, uint32_t endpoint_id, uint32_t pasid, uint16_t index, uint64_t page,
	 bool last);

/** Of EP; must get into the queue. */
void
rig_ask(struct rig *rig, uint32_t pasid, uint16_t index, uint64_t page, bool last);

/** An entry past the unit's own checks. @param spoil NULL: none */
void
rig_raw(struct rig *rig, const struct uiommu_emu_request *req, const struct harness_spoil *spoil);

/** A raw read request. */
void
rig_raw_ask(struct rig *rig, uint32_t endpoint_id, uint32_t pasid, uint16_t index, bool last);

/**
 * A request that nobody takes, and that is answered Invalid: by the unit itself where it looks
 * endpoints and PASIDs up, else by the engine.
 */
void
rig_ask_in_vain(struct rig *rig, uint32_t endpoint_id, uint32_t pasid, uint16_t index);

/** A group of one page that must be answered so, and nothing else. */
void
rig_ask_and_expect(struct rig *rig, uint32_t endpoint_id, uint32_t pasid, uint16_t index,
		   uint16_t code);

/** Poll each queue once. @return requests handled */
uint32_t
rig_turn(struct rig *rig);

/** The same, with a budget for each queue. */
uint32_t
rig_turn_of(struct rig *rig, uint16_t budget);

/** Poll (or wait for who polls) until nothing moves any more. */
void
rig_settle(struct rig *rig);

/** Poll, or wait for who polls, until a counter (see rig_xstat()) has reached this value. */
void
rig_wait_for(struct rig *rig, const char *counter, uint64_t value);

/** Let the devices send for a time, or until so many requests were made; then settle. */
void
rig_traffic(struct rig *rig, const struct uiommu_emu_traffic *traffic, uint64_t requests);

/**
 * The devices stop sending, and have stopped when this returns; what they have sent is where it is.
 * Before a unit is stopped that cannot refuse page requests by itself.
 */
void
rig_traffic_pause(struct rig *rig);

/* ------------------------------------------------------- accesses that wait */

/** Flags of an endpoint whose accesses may wait in the unit. */
#define RIG_STALLS                                                                                 \
	(UIOMMU_ENDPOINT_STALL | UIOMMU_ENDPOINT_NO_ATS | UIOMMU_ENDPOINT_NO_PAGE_REQUESTS)

/** A device that has its accesses wait, with the PASIDs of most cases; no endpoint. */
void
rig_stalling_device(struct rig *rig, uint32_t endpoint_id, uint32_t credits);

/** The same with its endpoint. */
struct uiommu_endpoint *
rig_stalling_endpoint(struct rig *rig, uint32_t endpoint_id, uint32_t credits);

/**
 * One access of a device whose accesses may wait.
 *
 * @param state what must become of it at first
 * @return handle, for as long as the rig lives
 */
uint32_t
rig_access(struct rig *rig, uint32_t endpoint_id, uint32_t pasid, uint64_t iova, bool write,
	   enum uiommu_emu_access_state state);

/** What became of it by now. */
struct uiommu_emu_stalled
rig_access_get(struct rig *rig, uint32_t handle);

static inline uint32_t
rig_access_state(struct rig *rig, uint32_t handle)
{
	return rig_access_get(rig, handle).state;
}

/** One of the responses that are there is this one, to an access of a device; it is taken out. */
void
rig_expect_stall(struct rig *rig, uint32_t endpoint_id, uint16_t tag,
		 enum uiommu_emu_answer answer);

/* ------------------------------------------------------------ responses */

/** The next response, of software and unit. PASID as in the engine. @return false: none */
bool
rig_response(struct rig *rig, struct uiommu_emu_response *resp);

/** The next response is this one, by software; any of those there, where the unit reorders. */
void
rig_expect(struct rig *rig, uint32_t endpoint_id, uint32_t pasid, uint16_t index, uint16_t code);

/** One of those that are there is this one, by software; it is taken out. */
void
rig_expect_any(struct rig *rig, uint32_t endpoint_id, uint32_t pasid, uint16_t index,
	       uint16_t code);

/** The next response is this one, by the unit itself. */
void
rig_expect_auto(struct rig *rig, uint32_t endpoint_id, uint32_t pasid, uint16_t index,
		uint16_t code);

/** No further response. */
void
rig_expect_none(struct rig *rig);

#endif /* RIG_H */
