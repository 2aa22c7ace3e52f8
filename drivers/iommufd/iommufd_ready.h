/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef IOMMUFD_READY_H
#define IOMMUFD_READY_H

/**
 * @file
 * Whether a fault queue that was empty has something: by a poll that waits in an io_uring, so that
 * an idle turn is a load from memory that the kernel shares. Without io_uring each turn reads.
 */

#include <stdbool.h>

/** A ring with room for one poll. */
struct iommufd_ready;

/** Whether this build has io_uring (liburing). */
bool
iommufd_ready_is_built(void);

/**
 * @param fd the kernel's descriptor of a fault queue
 * @param ready set
 * @return 0; -ENOTSUP: not in this build; another negative errno: the kernel refuses
 */
int
iommufd_ready_open(int fd, struct iommufd_ready **ready);

/** Nothing where ready is NULL. */
void
iommufd_ready_close(struct iommufd_ready *ready);

/**
 * The queue was found empty: wait for something. One call of the system. Owner of the queue.
 *
 * @return whether it is waited for; false: read again at once
 */
bool
iommufd_ready_arm(struct iommufd_ready *ready);

/**
 * After iommufd_ready_arm() returned true: whether there may be something now. No call of the
 * system. Has it said so, it says so no more until it is armed again. Owner of the queue.
 */
bool
iommufd_ready_look(struct iommufd_ready *ready);

#endif /* IOMMUFD_READY_H */
