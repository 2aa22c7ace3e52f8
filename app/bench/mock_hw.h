/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef BENCH_MOCK_HW_H
#define BENCH_MOCK_HW_H

/*
 * Requests to the mock device of Linux's iommufd (CONFIG_IOMMUFD_TEST), from
 * drivers/iommu/iommufd/iommufd_test.h: as much of them as is used here. Layout only.
 */

#include <stddef.h>
#include <stdint.h>

#define MOCK_TEST_CMD ((unsigned long)';' << 8 | 0xa0) /* IOMMU_TEST_CMD */

/* struct iommu_test_cmd::op */
#define MOCK_OP_DOMAIN 2          /* a device, attached to pt "id" */
#define MOCK_OP_DOMAIN_REPLACE 10 /* device "id" to another pt */
#define MOCK_OP_TRIGGER_IOPF 15   /* the device asks; one request, which is a group */

/* Data of a nested page table: struct iommu_hwpt_selftest, one word that does not matter here. */
#define MOCK_HWPT_DATA 0xdead

/* Addresses that its domains take. */
#define MOCK_APERTURE_START UINT64_C(0x1000000)
#define MOCK_APERTURE_LAST UINT64_C(0x7fffffff)

/* struct iommu_test_cmd */
struct mock_test_cmd {
	uint32_t size;
	uint32_t op;
	uint32_t id;
	uint32_t reserved;
	union {
		struct {
			uint32_t out_stdev_id; /* "id" of later requests */
			uint32_t out_hwpt_id;
			uint32_t out_idev_id;  /* as out_devid of a VFIO device */
		} domain;
		struct {
			uint32_t pt_id;
		} replace;
		struct {
			uint32_t dev_id; /* idev_id */
			uint32_t pasid;  /* 0: none */
			uint32_t grpid;
			uint32_t perm;
			uint64_t addr;
		} trigger;
		uint8_t bytes[48];
	};
	uint32_t last;
	uint32_t padding;
};

_Static_assert(sizeof(struct mock_test_cmd) == 72, "size of struct iommu_test_cmd");
_Static_assert(offsetof(struct mock_test_cmd, domain.out_idev_id) == 24, "mock_domain");
_Static_assert(offsetof(struct mock_test_cmd, replace.pt_id) == 16, "mock_domain_replace");
_Static_assert(offsetof(struct mock_test_cmd, trigger.perm) == 28, "trigger_iopf");
_Static_assert(offsetof(struct mock_test_cmd, trigger.addr) == 32, "trigger_iopf");
_Static_assert(offsetof(struct mock_test_cmd, last) == 64, "last");

#endif /* BENCH_MOCK_HW_H */
