/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef KIT_H
#define KIT_H

/**
 * @file
 * The machine's iommufd without library and driver: what test/kernel checks of the kernel itself.
 * Whatever must not fail, and does, fails the case.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "iommufd_hw.h"
#include "iommufd_mock_hw.h"
#include "iommufd_trace.h"

/** A context with an empty address space. */
struct kit_context {
	int fd;
	uint32_t ioas;
};

struct kit_device {
	uint32_t stdev;
	uint32_t idev;
};

/** A fault queue. */
struct kit_queue {
	uint32_t id;
	int fd;
};

struct kit_context
kit_open(void);
/** -errno in place of -1. */
int
kit_ioctl(const struct kit_context *context, unsigned long request, void *arg);
int
kit_mock(const struct kit_context *context, struct iommufd_mock_cmd *cmd);
uint32_t
kit_ioas(const struct kit_context *context);
/** A mock device, attached to the empty address space. */
struct kit_device
kit_device(const struct kit_context *context);
struct kit_queue
kit_queue(const struct kit_context *context);
/**
 * A nested HWPT with a fault queue, whose parent has the empty address space: Linux 6.12 gives a
 * fault queue to nested ones only.
 */
uint32_t
kit_hwpt(const struct kit_context *context, const struct kit_device *device,
	 const struct kit_queue *queue);
/** @return 0 or -errno */
int
kit_replace(const struct kit_context *context, const struct kit_device *device, uint32_t pt);
void
kit_destroy(const struct kit_context *context, uint32_t id);
/** A read request without PASID. @return 0 or -errno */
int
kit_raise_try(const struct kit_context *context, const struct kit_device *device, uint32_t grpid,
	      uint64_t addr);
void
kit_raise(const struct kit_context *context, const struct kit_device *device, uint32_t grpid,
	  uint64_t addr);
/** -errno in place of -1. */
ssize_t
kit_read(const struct kit_queue *queue, struct iommufd_fault *faults, size_t nb);
ssize_t
kit_write(const struct kit_queue *queue, const struct iommufd_resp *resps, size_t nb);

/** Listen to all mock devices. */
void
kit_listen(void);
void
kit_deafen(void);
/** Answers since the last call are nb, all of this code; a device's in the order of their addr. */
void
kit_answers(unsigned int nb, uint32_t code);
/** Likewise, but wait for them: the kernel gives them on its own time. */
void
kit_answers_wait(unsigned int nb, uint32_t code);

/**
 * The nth allocation of this thread fails, counted from 1; 0: none. Places at which iommufd looks
 * up an object, and fails for tests with -ENOENT, count as well.
 */
void
kit_fail_nth(unsigned int nth);
/** @return whether it has failed already; none fails from now on */
bool
kit_failed(void);
/** Each allocation of this thread fails, or none. */
void
kit_fail_all(bool on);

#endif /* KIT_H */
