/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef UIOMMU_STATS_H
#define UIOMMU_STATS_H

/**
 * @file
 * Counters of a unit. All count from the last uiommu_stats_reset().
 *
 * Each request that was taken off a hardware queue is in exactly one of:
 * grouped, malformed, unknown_endpoint, unknown_pasid, stop_markers,
 * park_full, incomplete, discarded, or it is parked right now:
 *
 *   requests = grouped + malformed + unknown_endpoint + unknown_pasid + stop_markers
 *            + park_full + incomplete + discarded + parked_now
 *
 * and each group, and each last request that was refused, is answered exactly once:
 *
 *   responses = groups - deferred_now + refused
 */

#include <stdint.h>

#include <uiommu_fault.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Longest name of a counter with its final zero. */
#define UIOMMU_XSTAT_NAME_SIZE 48

/** Counters of a unit, all of its queues added up. */
struct uiommu_stats {
	/** entries taken off the hardware queues, all kinds but reports */
	uint64_t requests;
	uint64_t grouped;          /**< requests that became part of a group with an owner */
	uint64_t groups;           /**< groups given to a handler or to the application */
	uint64_t responses;        /**< responses handed to the unit */
	uint64_t codes[UIOMMU_CODE_SENT_COUNT]; /**< the same by enum uiommu_code */
	/** requests refused by the driver (reserved bits, type, address, access) */
	uint64_t malformed;
	uint64_t unknown_endpoint; /**< requests of an endpoint that was not added */
	uint64_t unknown_pasid;    /**< requests for a PASID (or RID) without a bond */
	uint64_t stop_markers;     /**< stop markers, never answered */
	uint64_t parked;           /**< requests that had to wait for the rest of their group */
	/** requests dropped because their endpoint's parking was full */
	uint64_t park_full;
	uint64_t discarded;        /**< parked requests thrown away (overflow, detach, stop) */
	uint64_t incomplete;       /**< groups answered RETRY because a member had been dropped */
	/** last requests that the engine answered itself: no group came of them */
	uint64_t refused;
	uint64_t overflows;        /**< times a hardware queue overflowed and was recovered */
	uint64_t deferred;         /**< groups kept for an answer by cookie */
	uint64_t late_answers;     /**< answers by cookie that took effect */
	uint64_t stale_answers;    /**< answers without effect: -ENOENT */
	uint64_t no_slot;          /**< deferrals refused because all slots were in use */
	uint64_t drained;          /**< groups answered INVALID by detach, removal or stop */
	uint64_t delivered;        /**< groups put into fault queues; also counted as deferred */
	uint64_t queue_full;       /**< groups answered RETRY because their fault queue was full */
	uint64_t expired;          /**< deferred groups answered by policy after their deadline */
	uint64_t demoted;          /**< codes FAILURE that were sent as INVALID */
	/** groups of a burst answered INVALID because the caller did not */
	uint64_t unanswered;
	/** codes out of range, or DEFERRED without a slot: answered INVALID */
	uint64_t handler_errors;
	uint64_t reports;          /**< accesses that failed for good, see struct uiommu_report */
	uint64_t reports_lost;     /**< the same, for which the unit or the driver had no room */
	uint64_t hw_errors;        /**< errors of the unit that were recovered from */
	uint64_t polls;            /**< turns of the owner */
	uint64_t busy_polls;       /**< turns that found work */
	/** calls by a thread that does not own the queue, or before start */
	uint64_t not_owner;
	uint64_t parked_now;       /**< requests parked at the moment */
	uint64_t deferred_now;     /**< groups waiting for an answer by cookie at the moment */
};

/** One counter by name. */
struct uiommu_xstat {
	char name[UIOMMU_XSTAT_NAME_SIZE]; /**< lower case, words joined with '_' */
	uint64_t value;
};

/**
 * Read the counters of a unit. Any thread, any time; each counter is exact, the
 * set is not one instant unless the owner is at rest.
 *
 * @param dev_id unit
 * @param stats filled
 * @return 0; -ENODEV: no such unit; -EINVAL: stats is NULL
 */
int
uiommu_stats_get(int16_t dev_id, struct uiommu_stats *stats);

/**
 * Start all counters of a unit from zero. Any thread.
 *
 * @param dev_id unit
 * @return 0; -ENODEV: no such unit
 */
int
uiommu_stats_reset(int16_t dev_id);

/**
 * All counters by name: those of struct uiommu_stats and those of the driver
 * (prefixed with its name).
 *
 * @param dev_id unit
 * @param xstats filled up to nb entries; may be NULL when nb is 0
 * @param nb entries that fit
 * @return number of counters that there are, which may be more than nb;
 *   -ENODEV: no such unit; -EINVAL: xstats is NULL and nb is not 0
 */
int
uiommu_xstats_get(int16_t dev_id, struct uiommu_xstat *xstats, unsigned int nb);

/** Buckets of a latency histogram: values 0 to 63 exactly, then 32 for each power of two. */
#define UIOMMU_LATENCY_BUCKETS (64 + 58 * 32)

/**
 * Bucket of a value in a latency histogram. Relative error below 1/32.
 *
 * @param value in any unit
 * @return 0 to UIOMMU_LATENCY_BUCKETS - 1
 */
static inline unsigned int
uiommu_latency_bucket(uint64_t value)
{
	unsigned int shift;

	if (value < 64)
		return (unsigned int)value;
	/* 64 to 127 is the first power of two with 32 buckets of width 2 */
	shift = 63 - (unsigned int)__builtin_clzll(value) - 5;
	return 64 + (shift - 1) * 32 + (unsigned int)((value >> shift) - 32);
}

/**
 * Largest value that falls into a bucket.
 *
 * @param bucket 0 to UIOMMU_LATENCY_BUCKETS - 1
 */
static inline uint64_t
uiommu_latency_bucket_max(unsigned int bucket)
{
	unsigned int shift;

	if (bucket < 64)
		return bucket;
	shift = (bucket - 64) / 32 + 1;
	return ((((uint64_t)(bucket - 64) % 32 + 32) << shift) | ((UINT64_C(1) << shift) - 1));
}

/** Text for a code of enum uiommu_code: "success", "invalid", ...; "unknown" for others. */
const char *
uiommu_code_name(unsigned int code);

#ifdef __cplusplus
}
#endif

#endif /* UIOMMU_STATS_H */
