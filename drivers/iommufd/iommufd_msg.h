/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef IOMMUFD_MSG_H
#define IOMMUFD_MSG_H

/**
 * @file
 * Messages of a fault queue: groups found in what a read gave, and messages decoded. Nothing in
 * a message is trusted: any bytes give groups that are whole. No call of the system or of EAL.
 *
 * All messages with one cookie that stand next to each other are one group, whatever their flags
 * say: the kernel hands out whole groups.
 */

#include <stdbool.h>
#include <stdint.h>

#include <uiommu_fault.h>

#include "iommufd_hw.h"
#include "iommufd_slot.h"

/** Set in iommufd_fault::flags by iommufd_msgs_claim(): to be left out. */
#define IOMMUFD_MSG_DROP (UINT32_C(1) << 31)

#define IOMMUFD_MSG_PAGE_MASK (~UINT64_C(0xfff))
#define IOMMUFD_MSG_PERMS                                                                          \
	(IOMMUFD_PERM_READ | IOMMUFD_PERM_WRITE | IOMMUFD_PERM_EXEC | IOMMUFD_PERM_PRIV)
#define IOMMUFD_MSG_ACCESS (IOMMUFD_PERM_READ | IOMMUFD_PERM_WRITE | IOMMUFD_PERM_EXEC)

/** What a run of messages had in it that was not as it should be. */
struct iommufd_msgs_odd {
	uint32_t recycled;  /**< cookies that a slot still had */
	uint32_t not_ended; /**< groups whose last message does not say so */
};

/** PASID of a message, or UIOMMU_NO_PASID. Too wide a one is cut: the message is refused. */
static inline uint32_t
iommufd_msg_pasid(const struct iommufd_fault *msg)
{
	if ((msg->flags & IOMMUFD_FAULT_PASID_VALID) == 0)
		return UIOMMU_NO_PASID;
	return msg->pasid & (UIOMMU_PASID_COUNT - 1);
}

/*
 * Those before the last of a group. Linux puts requests into groups by index alone, so there may
 * be another PASID's among them: whose request that is cannot be answered apart from the group.
 */
static inline void
iommufd_msgs_join(struct iommufd_fault *msgs, uint32_t nb, const struct iommufd_fault *last)
{
	const uint32_t pasid = iommufd_msg_pasid(last);
	uint32_t i;

	for (i = 0; i < nb; i++) {
		struct iommufd_fault *msg = &msgs[i];
		const bool other = iommufd_msg_pasid(msg) != pasid || msg->dev_id != last->dev_id;

		msg->flags = (msg->flags & IOMMUFD_FAULT_PASID_VALID) |
			     (other ? IOMMUFD_MSG_DROP : 0);
		msg->grpid = last->grpid;
		msg->length = last->length;
	}
}

/**
 * Give each group of a run of messages a slot, whose number is iommufd_fault::length of its
 * messages then; have the flag for the last one on that one alone, and no other flag on any. There
 * are as many free slots as messages.
 *
 * @param read number of the read that brought them
 * @param odd counts are added to
 */
static inline void
iommufd_msgs_claim(struct iommufd_slots *slots, struct iommufd_fault *msgs, uint32_t nb,
		   uint32_t read, struct iommufd_msgs_odd *odd)
{
	uint32_t begin, end;

	for (begin = 0; begin < nb; begin = end) {
		const uint32_t cookie = msgs[begin].cookie;
		struct iommufd_fault *last;

		end = begin + 1;
		while (end < nb && msgs[end].cookie == cookie)
			end++;
		last = &msgs[end - 1];
		odd->not_ended += (last->flags & IOMMUFD_FAULT_LAST) == 0;
		last->flags = (last->flags & IOMMUFD_FAULT_PASID_VALID) | IOMMUFD_FAULT_LAST;
		last->length = iommufd_slots_take(slots, cookie, last->dev_id,
						  iommufd_msg_pasid(last), read, &odd->recycled);
		if (end - begin > 1)
			iommufd_msgs_join(&msgs[begin], end - begin - 1, last);
	}
}

/** Whether a message asks for what cannot be: an unknown access or none, too wide a PASID. */
static inline bool
iommufd_msg_is_bad(const struct iommufd_fault *msg)
{
	return (msg->perm & ~IOMMUFD_MSG_PERMS) != 0 || (msg->perm & IOMMUFD_MSG_ACCESS) == 0 ||
	       ((msg->flags & IOMMUFD_FAULT_PASID_VALID) != 0 && msg->pasid >= UIOMMU_PASID_COUNT);
}

_Static_assert(IOMMUFD_PERM_READ == UIOMMU_FAULT_READ && IOMMUFD_PERM_WRITE == UIOMMU_FAULT_WRITE &&
		       IOMMUFD_PERM_EXEC << 1 == UIOMMU_FAULT_EXEC &&
		       IOMMUFD_PERM_PRIV << 1 == UIOMMU_FAULT_PRIV,
	       "bits of an access");
_Static_assert(IOMMUFD_FAULT_LAST << 1 == UIOMMU_FAULT_LAST &&
		       IOMMUFD_FAULT_PASID_VALID << 5 == UIOMMU_FAULT_PASID,
	       "bits of a message");

/**
 * Decode a message that iommufd_msgs_claim() has seen, and that is not to be left out.
 *
 * @return whether it is refused: UIOMMU_FAULT_REJECT is set then
 */
static inline bool
iommufd_msg_decode(const struct iommufd_fault *msg, uint32_t endpoint_id,
		   struct uiommu_fault *fault)
{
	const bool bad = iommufd_msg_is_bad(msg);
	const uint32_t low = IOMMUFD_PERM_READ | IOMMUFD_PERM_WRITE;
	const uint32_t high = IOMMUFD_PERM_EXEC | IOMMUFD_PERM_PRIV;

	fault->iova = msg->addr & IOMMUFD_MSG_PAGE_MASK;
	fault->endpoint_id = endpoint_id;
	fault->pasid = iommufd_msg_pasid(msg);
	fault->prg_index = (uint16_t)msg->grpid;
	fault->flags = (uint16_t)((msg->perm & low) | (msg->perm & high) << 1 |
				  (msg->flags & IOMMUFD_FAULT_LAST) << 1 |
				  (msg->flags & IOMMUFD_FAULT_PASID_VALID) << 5 |
				  (bad ? UIOMMU_FAULT_REJECT : 0));
	fault->nb_pages = 0;
	fault->tag = (uint16_t)msg->length;
	return bad;
}

/**
 * Whether a message asks for reading, writing or both, and nothing else: then its access is flags
 * of a request as it stands.
 */
static inline bool
iommufd_msg_is_plain(uint32_t perm)
{
	return perm - 1 < (IOMMUFD_PERM_READ | IOMMUFD_PERM_WRITE);
}

/** iommufd_fault::perm of what stands behind the last message of a read. */
#define IOMMUFD_MSG_END UINT32_MAX

/** Flags of a request, but for the access, by those of a message that is the last of its group. */
static inline uint32_t
iommufd_msg_last_flags(uint32_t flags)
{
	return UIOMMU_FAULT_LAST | (flags & IOMMUFD_FAULT_PASID_VALID) << 5;
}

/** Code of an answer, by enum uiommu_code. The kernel knows of no failure of a device. */
static inline uint32_t
iommufd_resp_code(uint16_t code)
{
	const uint32_t good = UINT32_C(1) << UIOMMU_CODE_SUCCESS | UINT32_C(1) << UIOMMU_CODE_RETRY;

	return ~good >> (code & 31) & IOMMUFD_RESP_INVALID;
}

#endif /* IOMMUFD_MSG_H */
