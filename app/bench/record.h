/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef BENCH_RECORD_H
#define BENCH_RECORD_H

/*
 * What a fault queue of the kernel gives and takes, as far as who reads it plainly looks at it.
 * From Linux's include/uapi/linux/iommufd.h (6.12.117).
 */

#include <stddef.h>
#include <stdint.h>

/* struct iommu_hwpt_pgfault: read */
struct record_fault {
	uint32_t sender[4];
	uint32_t perm;     /* RECORD_WRITE among others */
	uint32_t reserved;
	uint64_t addr;     /* bytes */
	uint32_t length;
	uint32_t cookie;
};

#define RECORD_WRITE (UINT32_C(1) << 1)

/* struct iommu_hwpt_page_response: written */
struct record_resp {
	uint32_t cookie;
	uint32_t code; /* 0: success; 1: invalid */
};

_Static_assert(sizeof(struct record_fault) == 40, "size of a fault's record");
_Static_assert(offsetof(struct record_fault, perm) == 16, "its access");
_Static_assert(offsetof(struct record_fault, addr) == 24, "its address");
_Static_assert(offsetof(struct record_fault, cookie) == 36, "its cookie");
_Static_assert(sizeof(struct record_resp) == 8, "size of a response's record");

#endif /* BENCH_RECORD_H */
