/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef IOMMUFD_TRACE_H
#define IOMMUFD_TRACE_H

/**
 * @file
 * Answers as the kernel gives them to its mock devices, and requests as it takes them.
 *
 * A mock device throws its answers away. A probe at the function that it is given them by
 * (mock_domain_page_response, Linux's drivers/iommu/iommufd/selftest.c) tells them all, whoever
 * has asked and answered, in any process; another one at iommu_report_device_fault
 * (drivers/iommu/io-pgfault.c) tells all requests. It needs tracefs, root, CONFIG_KPROBE_EVENTS,
 * and a kernel that has not compiled the first one away.
 */

#include <stdbool.h>
#include <stdint.h>

#define IOMMUFD_TRACE_CPUS 64

/** What is listened to. */
enum iommufd_trace_kind {
	IOMMUFD_TRACE_ANSWER = 0,
	IOMMUFD_TRACE_REQUEST,
	IOMMUFD_TRACE_KINDS,
};

/** A request, or an answer. */
struct iommufd_trace_record {
	enum iommufd_trace_kind kind;
	int32_t tid;     /**< thread that made it, numbered as gettid() has it */
	uint64_t time_ns; /**< as CLOCK_MONOTONIC has it */
	uint64_t device; /**< the kernel's address of it: what tells devices apart */
	uint64_t addr;   /**< of the (last) request */
	uint32_t pasid;  /**< 0: without */
	uint32_t grpid;
	/** answer: 0: success; 1: invalid; others: enum iommu_page_response_code. Else 0 */
	uint32_t code;
};

/** A reader: it has a buffer of its own, and sees what comes after it was opened. */
struct iommufd_trace {
	int cpu_fd[IOMMUFD_TRACE_CPUS];
	unsigned int nb_cpus;
	unsigned int next;    /**< processor that is read next */
	uint16_t event_ids[IOMMUFD_TRACE_KINDS]; /**< 0: not listened to */
	uint64_t lost;        /**< times that the kernel overwrote records that were not read yet */
	struct iommufd_trace_record *kept; /**< the first nb_given were given already */
	uint32_t nb_given;
	uint32_t nb_kept;
	uint32_t kept_size;
	char instance[128];   /**< folder */
};

/**
 * Start to listen, to answers and also to requests.
 *
 * @param buffer_kib for each processor
 * @return 0; -ENODEV: no tracefs, or no such function; -EACCES or another negative errno
 */
int
iommufd_trace_open(struct iommufd_trace *trace, unsigned int buffer_kib, bool requests);

/**
 * Take records in the order of their time, never waiting: all that are older than the call.
 *
 * @param records set; until the next call
 * @return records; negative errno: some are lost
 */
int
iommufd_trace_take(struct iommufd_trace *trace, const struct iommufd_trace_record **records);

/** Also after a failed open. */
void
iommufd_trace_close(struct iommufd_trace *trace);

#endif /* IOMMUFD_TRACE_H */
