/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef BENCH_MOCK_H
#define BENCH_MOCK_H

/*
 * The kernel's mock device (CONFIG_IOMMUFD_TEST), which raises page requests when it is told to:
 * by its own for who reads its fault queue plainly, and as a platform for the driver "iommufd".
 */

#include <stdbool.h>
#include <stdint.h>

#include "bench.h"

/* Devargs of a unit on it; one at a time. */
#define MOCK_DEVARGS "iommufd,platform=bench"

struct iommufd_hwpt_alloc;

struct mock_device {
	int iommu;      /* descriptor of /dev/iommu; not owned */
	uint32_t stdev; /* of the mock; 0: no such device */
	uint32_t idev;  /* of iommufd */
	uint32_t parking; /* IOAS with nothing in it, where it is when it is nowhere else */
};

/* @return descriptor; or -errno */
int
mock_context_open(void);

/*
 * A device, parked.
 *
 * @return 0; -ENOTTY or -EOPNOTSUPP: the kernel has no mock devices; another -errno
 */
int
mock_device_make(int iommu, struct mock_device *d);

/* @param pt IOAS or page table; replaces the one before. 0 or -errno */
int
mock_device_attach(const struct mock_device *d, uint32_t pt);

/*
 * IOMMUFD_HWPT_ALLOC. Where the kernel has no fault queue for a table that it keeps itself (Linux
 * 6.12), it gets a nested one, for which the mock knows no other addresses than its parent's.
 *
 * @param parent set to the parent that was made for it, which is to be destroyed after it; 0: none
 * @return 0 or -errno
 */
int
mock_hwpt_alloc(int iommu, struct iommufd_hwpt_alloc *hwpt, uint32_t *parent);

/* One request of the device, without PASID. 0 or -errno. */
int
mock_raise(const struct mock_device *d, uint64_t iova, uint32_t perm, uint32_t group);

/* A fault queue that is read by hand. */
struct mock_queue {
	struct mock_device device;
	int iommu;
	int fd; /* of the fault queue */
};

/* 0; -ENOTSUP: not on this machine, why was told to bench_missing(); another -errno. */
int
mock_queue_open(struct bench *b, struct mock_queue *q);
void
mock_queue_close(struct mock_queue *q);

/* Whether a unit on it can be opened; returns as mock_queue_open(). */
int
mock_possible(struct bench *b);

/* The platform. */

/* The device that a unit has opened; NULL: none. */
const struct mock_device *
mock_platform_device(void);

/* What system calls on fault queues have cost, as bench_now() counts. */
struct mock_costs {
	uint64_t read, write;
	uint32_t nb_reads, nb_writes;
};

/* Count into these from now on; NULL: not at all. */
void
mock_platform_watch(struct mock_costs *costs);

#endif /* BENCH_MOCK_H */
