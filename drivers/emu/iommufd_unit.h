/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef IOMMUFD_UNIT_H
#define IOMMUFD_UNIT_H

/**
 * @file
 * Model of an iommufd context as a unit: devices and judge on this side, a kernel (see
 * iommufd_kernel.h) on the other.
 *
 * Entries of the request queue and responses are in no vendor's format: nobody sees them but the
 * inner loops of emu_fast.h. Requests wait in a ring of the model's own until a burst of them is
 * handed to the kernel.
 */

#include "emu_fast.h"
#include "iommufd_kernel.h"

/** Requests that are made before they are handed over. */
#define IOMMUFD_UNIT_RING 4096

/** A request, words 0 and 1: as for VT-d, with 24 bits of endpoint id. */
#define IOMMUFD_UNIT_ENDPOINT_MASK UINT64_C(0xffffff)
#define IOMMUFD_UNIT_PP (UINT64_C(1) << 24)
#define IOMMUFD_UNIT_PASID_SHIFT 32
#define IOMMUFD_UNIT_EXEC (UINT64_C(1) << 52)
#define IOMMUFD_UNIT_PRIV (UINT64_C(1) << 53)
#define IOMMUFD_UNIT_READ (UINT64_C(1) << 0)
#define IOMMUFD_UNIT_WRITE (UINT64_C(1) << 1)
#define IOMMUFD_UNIT_LAST (UINT64_C(1) << 2)
#define IOMMUFD_UNIT_PRGI_SHIFT 3

/** A response: word 0 has endpoint and PASID likewise, word 1 the index. */
#define IOMMUFD_UNIT_KIND (UINT64_C(1) << 63)
#define IOMMUFD_UNIT_CODE_SHIFT 56
#define IOMMUFD_UNIT_CODE_MASK UINT64_C(0xf)

#define IOMMUFD_UNIT_LAYOUT(emu)                                                                   \
	((struct emu_layout){                                                                      \
		.entry_shift = 4,                                                                  \
		.request_prgi_shift = IOMMUFD_UNIT_PRGI_SHIFT,                                     \
		.endpoint_shift = 0,                                                               \
		.endpoint_mask = (emu)->endpoint_max,                                              \
		.response_prgi_shift = 0,                                                          \
		.response_mask1 = UINT64_MAX,                                                      \
		.response_good1 = 0,                                                               \
		.kind_mask = IOMMUFD_UNIT_KIND,                                                    \
	})

/** A device that software has opened. */
struct iommufd_unit_device {
	int fd;
	uint32_t endpoint_id;
};

struct iommufd_unit {
	const struct iommufd_kernel_ops *ops;
	struct iommufd_kernel kernel;
	bool nested;         /**< there was a nested page table; atomic */
	/* By the lock of the emulation. */
	unsigned int judged; /**< answers since the model's last step */
	struct iommufd_unit_device *devices;
	uint32_t nb_devices;
	uint32_t devices_size;
	uint64_t ring[IOMMUFD_UNIT_RING][2];
};

/** Word 0 of an answer. */
static inline uint64_t
iommufd_unit_answer_word(uint32_t endpoint_id, uint32_t pasid, uint16_t code)
{
	uint64_t word = IOMMUFD_UNIT_KIND | endpoint_id |
			(uint64_t)code << IOMMUFD_UNIT_CODE_SHIFT;

	if (pasid != EMU_NO_PASID)
		word |= IOMMUFD_UNIT_PP | (uint64_t)pasid << IOMMUFD_UNIT_PASID_SHIFT;
	return word;
}

/* iommufd_unit_request.c */
void
iommufd_unit_room(struct uiommu_emu *emu);
void
iommufd_unit_publish(struct uiommu_emu *emu);
unsigned int
iommufd_unit_make(struct uiommu_emu *emu, unsigned int max);
enum uiommu_emu_outcome
iommufd_unit_request(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
		     const struct emu_message *msg);

/* iommufd_unit_answer.c */
/** Take what the kernel has heard of answers, and judge it. @return answers */
unsigned int
iommufd_unit_collect(struct uiommu_emu *emu);

/* iommufd_unit_files.c */
extern const struct uiommu_file_ops iommufd_unit_files;

/* iommufd_unit_translate.c */
bool
iommufd_unit_dma(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
		 const struct emu_message *msg);
bool
iommufd_unit_translate(struct uiommu_emu *emu, struct emu_device *dev, uint32_t bond,
		       const struct emu_message *msg, struct emu_leaf *leaf);
bool
iommufd_unit_translated(struct uiommu_emu *emu, struct emu_device *dev);
void
iommufd_unit_verify_bulk(struct uiommu_emu *emu, struct emu_lookup *lookups, unsigned int nb);
/** Devices forget what they know of some addresses of any address space. */
void
iommufd_unit_forget(struct uiommu_emu *emu, uint64_t first, uint64_t last);
extern const struct emu_audit iommufd_unit_audit;

#endif /* IOMMUFD_UNIT_H */
