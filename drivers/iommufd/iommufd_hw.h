/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef IOMMUFD_HW_H
#define IOMMUFD_HW_H

/**
 * @file
 * Layout of the kernel's ABI for IOMMUs (iommufd) and for devices bound to it (VFIO cdev).
 *
 * From Linux's include/uapi/linux/iommufd.h and vfio.h, the names of whose structures and
 * members stand in the comments. Layout only: it depends neither on how a driver nor on how a
 * model goes about things. Numbers are in the processor's byte order; structures are the same for
 * 32 and 64 bits. Where a structure has grown, IOMMUFD_*_SIZE_MIN is what the first kernel had.
 *
 * The first member of each iommufd structure is the caller's size of it. A kernel that knows
 * less takes it if what it does not know is zero (-E2BIG otherwise); one that knows more
 * takes zeros for what is missing. VFIO's structures have argsz instead: what is behind the
 * part that the flags ask for does not count.
 */

#include <stddef.h>
#include <stdint.h>

/* ------------------------------------------------------- numbers of the requests */

/** _IO(';', nr): no direction, no size. */
#define IOMMUFD_IO(nr) ((unsigned long)';' << 8 | (nr))

#define IOMMUFD_DESTROY IOMMUFD_IO(0x80)
#define IOMMUFD_IOAS_ALLOC IOMMUFD_IO(0x81)
#define IOMMUFD_IOAS_ALLOW_IOVAS IOMMUFD_IO(0x82)
#define IOMMUFD_IOAS_COPY IOMMUFD_IO(0x83)
#define IOMMUFD_IOAS_IOVA_RANGES IOMMUFD_IO(0x84)
#define IOMMUFD_IOAS_MAP IOMMUFD_IO(0x85)
#define IOMMUFD_IOAS_UNMAP IOMMUFD_IO(0x86)
#define IOMMUFD_OPTION IOMMUFD_IO(0x87)
#define IOMMUFD_HWPT_ALLOC IOMMUFD_IO(0x89)
#define IOMMUFD_GET_HW_INFO IOMMUFD_IO(0x8a)
#define IOMMUFD_HWPT_INVALIDATE IOMMUFD_IO(0x8d)
#define IOMMUFD_FAULT_QUEUE_ALLOC IOMMUFD_IO(0x8e) /* Linux 6.11 */

/* On a device's descriptor; Linux 6.6. */
#define IOMMUFD_VFIO_BIND IOMMUFD_IO(118)   /* VFIO_DEVICE_BIND_IOMMUFD */
#define IOMMUFD_VFIO_ATTACH IOMMUFD_IO(119) /* VFIO_DEVICE_ATTACH_IOMMUFD_PT */
#define IOMMUFD_VFIO_DETACH IOMMUFD_IO(120) /* VFIO_DEVICE_DETACH_IOMMUFD_PT */

/* -------------------------------------------------------------- objects, address spaces */

/** struct iommu_destroy. -EBUSY: something holds the object; -ENOENT: there is none. */
struct iommufd_destroy {
	uint32_t size;
	uint32_t id;
};

/** struct iommu_ioas_alloc */
struct iommufd_ioas_alloc {
	uint32_t size;
	uint32_t flags; /* 0 */
	uint32_t out_ioas_id;
};

/** struct iommu_iova_range: both ends are in it. */
struct iommufd_iova_range {
	uint64_t start;
	uint64_t last;
};

/**
 * struct iommu_ioas_iova_ranges: what addresses the IOAS can have. -EMSGSIZE: num_iovas was too
 * small, and says now how many there are.
 */
struct iommufd_iova_ranges {
	uint32_t size;
	uint32_t ioas_id;
	uint32_t num_iovas; /* in: room; out: ranges that there are */
	uint32_t reserved;
	uint64_t allowed_iovas; /* pointer to struct iommufd_iova_range */
	uint64_t out_iova_alignment;
};

/* struct iommu_ioas_map::flags */
#define IOMMUFD_MAP_FIXED_IOVA (UINT32_C(1) << 0)
#define IOMMUFD_MAP_WRITEABLE (UINT32_C(1) << 1)
#define IOMMUFD_MAP_READABLE (UINT32_C(1) << 2)

/** struct iommu_ioas_map */
struct iommufd_ioas_map {
	uint32_t size;
	uint32_t flags;
	uint32_t ioas_id;
	uint32_t reserved;
	uint64_t user_va;
	uint64_t length;
	uint64_t iova; /* in with FIXED_IOVA, out always */
};

/** struct iommu_ioas_unmap: whole areas only, -ENOENT for a part or for nothing. */
struct iommufd_ioas_unmap {
	uint32_t size;
	uint32_t ioas_id;
	uint64_t iova;
	uint64_t length; /* in: UINT64_MAX with iova 0 for all; out: bytes that were unmapped */
};

/* struct iommu_option::option_id and op */
#define IOMMUFD_OPTION_RLIMIT_MODE 0
#define IOMMUFD_OPTION_HUGE_PAGES 1
#define IOMMUFD_OPTION_SET 0
#define IOMMUFD_OPTION_GET 1

/** struct iommu_option */
struct iommufd_option {
	uint32_t size;
	uint32_t option_id;
	uint16_t op;
	uint16_t reserved;
	uint32_t object_id;
	uint64_t val64;
};

/* ------------------------------------------------------------- hardware page tables */

/* struct iommu_hwpt_alloc::flags */
#define IOMMUFD_HWPT_NEST_PARENT (UINT32_C(1) << 0)
#define IOMMUFD_HWPT_DIRTY_TRACKING (UINT32_C(1) << 1)
#define IOMMUFD_HWPT_FAULT_ID_VALID (UINT32_C(1) << 2)
#define IOMMUFD_HWPT_PASID (UINT32_C(1) << 3) /* Linux 6.15: works beside PASID attachments */

/* enum iommu_hwpt_data_type */
#define IOMMUFD_HWPT_DATA_NONE 0
#define IOMMUFD_HWPT_DATA_VTD_S1 1
#define IOMMUFD_HWPT_DATA_ARM_SMMUV3 2

/** struct iommu_hwpt_alloc */
struct iommufd_hwpt_alloc {
	uint32_t size;
	uint32_t flags;
	uint32_t dev_id;
	uint32_t pt_id; /* an IOAS; or a HWPT with NEST_PARENT, for a nested one */
	uint32_t out_hwpt_id;
	uint32_t reserved;
	uint32_t data_type;
	uint32_t data_len; /* bytes; not 0 for a nested one */
	uint64_t data_uptr;
	uint32_t fault_id; /* with FAULT_ID_VALID */
	uint32_t reserved2;
};

#define IOMMUFD_HWPT_ALLOC_SIZE_MIN 24

/* struct iommu_hwpt_vtd_s1::flags */
#define IOMMUFD_VTD_S1_SRE (UINT64_C(1) << 0)  /* supervisor requests */
#define IOMMUFD_VTD_S1_EAFE (UINT64_C(1) << 1) /* extended accessed flag */
#define IOMMUFD_VTD_S1_WPE (UINT64_C(1) << 2)  /* write protection for supervisors */

/** struct iommu_hwpt_vtd_s1: a first-stage table inside the parent's address space. */
struct iommufd_vtd_s1 {
	uint64_t flags;
	uint64_t pgtbl_addr; /* root, an address of the parent */
	uint32_t addr_width; /* bits of address that it translates: 48 or 57 */
	uint32_t reserved;
};

/* enum iommu_hwpt_invalidate_data_type; struct iommu_hwpt_vtd_s1_invalidate::flags */
#define IOMMUFD_INVALIDATE_VTD_S1 0
#define IOMMUFD_VTD_INV_LEAF (UINT32_C(1) << 0)

/** struct iommu_hwpt_vtd_s1_invalidate; addr 0 with npages UINT64_MAX: everything. */
struct iommufd_vtd_s1_inval {
	uint64_t addr;   /* 4 KiB aligned */
	uint64_t npages; /* of 4 KiB */
	uint32_t flags;
	uint32_t reserved;
};

/** struct iommu_hwpt_invalidate */
struct iommufd_hwpt_inval {
	uint32_t size;
	uint32_t hwpt_id;
	uint64_t data_uptr; /* array of entries */
	uint32_t data_type;
	uint32_t entry_len; /* bytes of an entry */
	uint32_t entry_num; /* in: entries; out: entries that were carried out */
	uint32_t reserved;
};

/* ---------------------------------------------------------------- what a device's IOMMU is */

/* enum iommu_hw_info_type */
#define IOMMUFD_HW_INFO_NONE 0
#define IOMMUFD_HW_INFO_VTD 1
#define IOMMUFD_HW_INFO_ARM_SMMUV3 2

/* enum iommufd_hw_capabilities */
#define IOMMUFD_HW_CAP_DIRTY_TRACKING (UINT64_C(1) << 0)
#define IOMMUFD_HW_CAP_PASID_EXEC (UINT64_C(1) << 1) /* Linux 6.15, as the next */
#define IOMMUFD_HW_CAP_PASID_PRIV (UINT64_C(1) << 2)

/** struct iommu_hw_info */
struct iommufd_hw_info {
	uint32_t size;
	uint32_t flags;
	uint32_t dev_id;
	uint32_t data_len; /* in: room; out: bytes that the kernel has */
	uint64_t data_uptr;
	uint32_t out_data_type;
	uint8_t out_max_pasid_log2; /* Linux 6.15; 0: no PASIDs, or an older kernel */
	uint8_t reserved[3];
	uint64_t out_capabilities;
};

#define IOMMUFD_HW_INFO_SIZE_MIN 32

/** struct iommu_hw_info_vtd */
struct iommufd_hw_info_vtd {
	uint32_t flags;
	uint32_t reserved;
	uint64_t cap_reg;  /* as VTD_REG_CAP */
	uint64_t ecap_reg; /* as VTD_REG_ECAP */
};

/* ------------------------------------------------------------------------ fault queues */

/** struct iommu_fault_alloc */
struct iommufd_fault_alloc {
	uint32_t size;
	uint32_t flags; /* 0 */
	uint32_t out_fault_id;
	uint32_t out_fault_fd;
};

/* struct iommu_hwpt_pgfault::flags; kernels let others through, which mean nothing here */
#define IOMMUFD_FAULT_PASID_VALID (UINT32_C(1) << 0)
#define IOMMUFD_FAULT_LAST (UINT32_C(1) << 1)
#define IOMMUFD_FAULT_FLAGS (IOMMUFD_FAULT_PASID_VALID | IOMMUFD_FAULT_LAST)

/* struct iommu_hwpt_pgfault::perm */
#define IOMMUFD_PERM_READ (UINT32_C(1) << 0)
#define IOMMUFD_PERM_WRITE (UINT32_C(1) << 1)
#define IOMMUFD_PERM_EXEC (UINT32_C(1) << 2)
#define IOMMUFD_PERM_PRIV (UINT32_C(1) << 3)

/** struct iommu_hwpt_pgfault: what read() of a fault queue gives, whole groups of them. */
struct iommufd_fault {
	uint32_t flags;
	uint32_t dev_id; /* out_devid of BIND */
	uint32_t pasid;  /* with PASID_VALID */
	uint32_t grpid;  /* page request group index */
	uint32_t perm;
	uint32_t reserved;
	uint64_t addr;
	uint32_t length;
	uint32_t cookie; /* of the group */
};

/* enum iommufd_page_response_code; there is no failure */
#define IOMMUFD_RESP_SUCCESS 0
#define IOMMUFD_RESP_INVALID 1

/** struct iommu_hwpt_page_response: what write() of a fault queue takes. */
struct iommufd_resp {
	uint32_t cookie;
	uint32_t code;
};

/* ------------------------------------------------------------------------------- devices */

/** struct vfio_device_bind_iommufd, without the token of newer kernels. */
struct iommufd_vfio_bind {
	uint32_t argsz;
	uint32_t flags;
	int32_t iommufd;
	uint32_t out_devid;
};

/* struct vfio_device_attach_iommufd_pt::flags, and of detach; Linux 6.15 */
#define IOMMUFD_VFIO_PASID (UINT32_C(1) << 0)

/** struct vfio_device_attach_iommufd_pt; where something is attached, it is replaced. */
struct iommufd_vfio_attach {
	uint32_t argsz;
	uint32_t flags;
	uint32_t pt_id; /* in: HWPT or IOAS; out: HWPT */
	uint32_t pasid; /* with PASID */
};

#define IOMMUFD_VFIO_ATTACH_SIZE_MIN 12

/** struct vfio_device_detach_iommufd_pt */
struct iommufd_vfio_detach {
	uint32_t argsz;
	uint32_t flags;
	uint32_t pasid; /* with PASID */
};

#define IOMMUFD_VFIO_DETACH_SIZE_MIN 8

/* ------------------------------------------------------------------------------- asserts */

#define IOMMUFD_ASSERT_SIZE(type, bytes)                                                           \
	_Static_assert(sizeof(struct type) == (bytes), "size of struct " #type)
#define IOMMUFD_ASSERT_AT(type, member, at)                                                        \
	_Static_assert(offsetof(struct type, member) == (at), #type "." #member)

IOMMUFD_ASSERT_SIZE(iommufd_destroy, 8);
IOMMUFD_ASSERT_SIZE(iommufd_ioas_alloc, 12);
IOMMUFD_ASSERT_SIZE(iommufd_iova_range, 16);
IOMMUFD_ASSERT_SIZE(iommufd_iova_ranges, 32);
IOMMUFD_ASSERT_AT(iommufd_iova_ranges, num_iovas, 8);
IOMMUFD_ASSERT_AT(iommufd_iova_ranges, allowed_iovas, 16);
IOMMUFD_ASSERT_AT(iommufd_iova_ranges, out_iova_alignment, 24);
IOMMUFD_ASSERT_SIZE(iommufd_ioas_map, 40);
IOMMUFD_ASSERT_AT(iommufd_ioas_map, ioas_id, 8);
IOMMUFD_ASSERT_AT(iommufd_ioas_map, user_va, 16);
IOMMUFD_ASSERT_AT(iommufd_ioas_map, length, 24);
IOMMUFD_ASSERT_AT(iommufd_ioas_map, iova, 32);
IOMMUFD_ASSERT_SIZE(iommufd_ioas_unmap, 24);
IOMMUFD_ASSERT_AT(iommufd_ioas_unmap, iova, 8);
IOMMUFD_ASSERT_AT(iommufd_ioas_unmap, length, 16);
IOMMUFD_ASSERT_SIZE(iommufd_option, 24);
IOMMUFD_ASSERT_AT(iommufd_option, op, 8);
IOMMUFD_ASSERT_AT(iommufd_option, object_id, 12);
IOMMUFD_ASSERT_AT(iommufd_option, val64, 16);
IOMMUFD_ASSERT_SIZE(iommufd_hwpt_alloc, 48);
IOMMUFD_ASSERT_AT(iommufd_hwpt_alloc, dev_id, 8);
IOMMUFD_ASSERT_AT(iommufd_hwpt_alloc, pt_id, 12);
IOMMUFD_ASSERT_AT(iommufd_hwpt_alloc, out_hwpt_id, 16);
IOMMUFD_ASSERT_AT(iommufd_hwpt_alloc, data_type, 24);
IOMMUFD_ASSERT_AT(iommufd_hwpt_alloc, data_len, 28);
IOMMUFD_ASSERT_AT(iommufd_hwpt_alloc, data_uptr, 32);
IOMMUFD_ASSERT_AT(iommufd_hwpt_alloc, fault_id, 40);
IOMMUFD_ASSERT_SIZE(iommufd_vtd_s1, 24);
IOMMUFD_ASSERT_AT(iommufd_vtd_s1, pgtbl_addr, 8);
IOMMUFD_ASSERT_AT(iommufd_vtd_s1, addr_width, 16);
IOMMUFD_ASSERT_SIZE(iommufd_vtd_s1_inval, 24);
IOMMUFD_ASSERT_AT(iommufd_vtd_s1_inval, npages, 8);
IOMMUFD_ASSERT_AT(iommufd_vtd_s1_inval, flags, 16);
IOMMUFD_ASSERT_SIZE(iommufd_hwpt_inval, 32);
IOMMUFD_ASSERT_AT(iommufd_hwpt_inval, data_uptr, 8);
IOMMUFD_ASSERT_AT(iommufd_hwpt_inval, data_type, 16);
IOMMUFD_ASSERT_AT(iommufd_hwpt_inval, entry_len, 20);
IOMMUFD_ASSERT_AT(iommufd_hwpt_inval, entry_num, 24);
IOMMUFD_ASSERT_SIZE(iommufd_hw_info, 40);
IOMMUFD_ASSERT_AT(iommufd_hw_info, dev_id, 8);
IOMMUFD_ASSERT_AT(iommufd_hw_info, data_len, 12);
IOMMUFD_ASSERT_AT(iommufd_hw_info, data_uptr, 16);
IOMMUFD_ASSERT_AT(iommufd_hw_info, out_data_type, 24);
IOMMUFD_ASSERT_AT(iommufd_hw_info, out_max_pasid_log2, 28);
IOMMUFD_ASSERT_AT(iommufd_hw_info, out_capabilities, 32);
IOMMUFD_ASSERT_SIZE(iommufd_hw_info_vtd, 24);
IOMMUFD_ASSERT_AT(iommufd_hw_info_vtd, cap_reg, 8);
IOMMUFD_ASSERT_AT(iommufd_hw_info_vtd, ecap_reg, 16);
IOMMUFD_ASSERT_SIZE(iommufd_fault_alloc, 16);
IOMMUFD_ASSERT_AT(iommufd_fault_alloc, out_fault_id, 8);
IOMMUFD_ASSERT_AT(iommufd_fault_alloc, out_fault_fd, 12);
IOMMUFD_ASSERT_SIZE(iommufd_fault, 40);
IOMMUFD_ASSERT_AT(iommufd_fault, dev_id, 4);
IOMMUFD_ASSERT_AT(iommufd_fault, pasid, 8);
IOMMUFD_ASSERT_AT(iommufd_fault, grpid, 12);
IOMMUFD_ASSERT_AT(iommufd_fault, perm, 16);
IOMMUFD_ASSERT_AT(iommufd_fault, addr, 24);
IOMMUFD_ASSERT_AT(iommufd_fault, length, 32);
IOMMUFD_ASSERT_AT(iommufd_fault, cookie, 36);
IOMMUFD_ASSERT_SIZE(iommufd_resp, 8);
IOMMUFD_ASSERT_AT(iommufd_resp, code, 4);
IOMMUFD_ASSERT_SIZE(iommufd_vfio_bind, 16);
IOMMUFD_ASSERT_AT(iommufd_vfio_bind, iommufd, 8);
IOMMUFD_ASSERT_AT(iommufd_vfio_bind, out_devid, 12);
IOMMUFD_ASSERT_SIZE(iommufd_vfio_attach, 16);
IOMMUFD_ASSERT_AT(iommufd_vfio_attach, pt_id, 8);
IOMMUFD_ASSERT_AT(iommufd_vfio_attach, pasid, 12);
IOMMUFD_ASSERT_SIZE(iommufd_vfio_detach, 12);
IOMMUFD_ASSERT_AT(iommufd_vfio_detach, pasid, 8);

#endif /* IOMMUFD_HW_H */
