/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef IOMMUFD_MOCK_HW_H
#define IOMMUFD_MOCK_HW_H

/**
 * @file
 * Layout of the requests for mock devices of iommufd, which kernels with CONFIG_IOMMUFD_TEST have.
 *
 * From Linux's drivers/iommu/iommufd/iommufd_test.h (6.12.117, and 6.15 for what has to do with
 * PASIDs), the names of whose members stand in the comments. This is no stable ABI, but has only
 * grown so far. Layout only; numbers are in the processor's byte order.
 */

#include <stddef.h>
#include <stdint.h>

/** IOMMU_TEST_CMD, on a context's descriptor. -ENOTTY: a kernel without mock devices. */
#define IOMMUFD_MOCK_CMD ((unsigned long)';' << 8 | 0xa0)

/* struct iommu_test_cmd::op. -EOPNOTSUPP: the kernel does not know it. */
#define IOMMUFD_MOCK_OP_ADD_RESERVED 1
#define IOMMUFD_MOCK_OP_DEVICE 2         /* MOCK_DOMAIN: make a device and attach it */
#define IOMMUFD_MOCK_OP_CHECK_MAP 3      /* MD_CHECK_MAP; -EINVAL: other memory is there */
#define IOMMUFD_MOCK_OP_REPLACE 10       /* MOCK_DOMAIN_REPLACE */
#define IOMMUFD_MOCK_OP_DEVICE_FLAGS 12  /* MOCK_DOMAIN_FLAGS: as DEVICE */
#define IOMMUFD_MOCK_OP_TRIGGER_IOPF 15  /* the device sends a page request */
#define IOMMUFD_MOCK_OP_PASID_ATTACH 18  /* Linux 6.15, as the next two */
#define IOMMUFD_MOCK_OP_PASID_REPLACE 19
#define IOMMUFD_MOCK_OP_PASID_DETACH 20

/* mock_domain_flags.dev_flags */
#define IOMMUFD_MOCK_DEVICE_PASID (UINT32_C(1) << 2) /* Linux 6.15 */

/** struct iommu_test_cmd */
struct iommufd_mock_cmd {
	uint32_t size;
	uint32_t op;
	/* DEVICE: what it is attached to; REPLACE, PASID_*: the device; CHECK_MAP: a HWPT */
	uint32_t id;
	uint32_t reserved;
	union {
		struct {
			uint32_t out_stdev_id; /* to DESTROY, and for REPLACE */
			uint32_t out_hwpt_id;
			uint32_t out_idev_id; /* what BIND would give */
			uint32_t flags;       /* DEVICE_FLAGS */
		} device;
		struct {
			uint32_t pt_id; /* IOAS or HWPT */
		} replace;
		struct {
			uint64_t iova;
			uint64_t length;
			uint64_t uptr;
		} check_map;
		struct {
			uint64_t start;
			uint64_t length;
		} reserved_range;
		struct {
			uint32_t dev_id; /* out_idev_id */
			uint32_t pasid;  /* 0: without */
			uint32_t grpid;
			uint32_t perm;
			uint64_t addr;
		} trigger;
		struct {
			uint32_t pasid;
			uint32_t pt_id; /* not for DETACH */
		} pasid;
		uint64_t words[6];
	};
	uint32_t last;
	uint32_t padding;
};

/** GET_HW_INFO of a mock device: struct iommu_test_hw_info. */
#define IOMMUFD_MOCK_HW_INFO 0xfeedbeef

/** Data of a nested HWPT: struct iommu_hwpt_selftest. */
#define IOMMUFD_MOCK_HWPT_DATA 0xdead

struct iommufd_mock_hwpt {
	uint32_t iotlb; /* any word: what each entry of the mock's IOTLB holds at first */
};

/** Entries of HWPT_INVALIDATE: struct iommu_hwpt_invalidate_selftest. */
#define IOMMUFD_MOCK_INVALIDATE 0xdeadbeef
#define IOMMUFD_MOCK_INVALIDATE_ALL (UINT32_C(1) << 0)

struct iommufd_mock_inval {
	uint32_t flags;
	uint32_t iotlb_id;
};

/* Addresses that mock devices have, in bytes; both ends are in it. */
#define IOMMUFD_MOCK_IOVA_FIRST UINT64_C(0x1000000)
#define IOMMUFD_MOCK_IOVA_LAST UINT64_C(0x7fffffff)

#define IOMMUFD_MOCK_AT(member, at)                                                                \
	_Static_assert(offsetof(struct iommufd_mock_cmd, member) == (at), "iommufd_mock_cmd")

_Static_assert(sizeof(struct iommufd_mock_cmd) == 72, "size of struct iommufd_mock_cmd");
IOMMUFD_MOCK_AT(id, 8);
IOMMUFD_MOCK_AT(device.out_stdev_id, 16);
IOMMUFD_MOCK_AT(device.out_hwpt_id, 20);
IOMMUFD_MOCK_AT(device.out_idev_id, 24);
IOMMUFD_MOCK_AT(device.flags, 28);
IOMMUFD_MOCK_AT(replace.pt_id, 16);
IOMMUFD_MOCK_AT(check_map.uptr, 32);
IOMMUFD_MOCK_AT(trigger.perm, 28);
IOMMUFD_MOCK_AT(trigger.addr, 32);
IOMMUFD_MOCK_AT(pasid.pt_id, 20);
IOMMUFD_MOCK_AT(last, 64);
_Static_assert(sizeof(struct iommufd_mock_hwpt) == 4, "size of struct iommufd_mock_hwpt");
_Static_assert(sizeof(struct iommufd_mock_inval) == 8, "size of struct iommufd_mock_inval");

#endif /* IOMMUFD_MOCK_HW_H */
