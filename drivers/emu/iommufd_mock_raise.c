/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Requests of mock devices, and the messages that the kernel makes of them. */

#include <errno.h>
#include <unistd.h>

#include "emu_pvt.h"
#include "iommufd_mock.h"
#include "iommufd_mock_hw.h"

#define CANONICAL_SHIFT (64 - 57)

static uint32_t
perm_of(uint16_t flags)
{
	return ((flags & EMU_REQ_READ) != 0 ? IOMMUFD_PERM_READ : 0) |
	       ((flags & EMU_REQ_WRITE) != 0 ? IOMMUFD_PERM_WRITE : 0) |
	       ((flags & EMU_REQ_EXEC) != 0 ? IOMMUFD_PERM_EXEC : 0) |
	       ((flags & EMU_REQ_PRIV) != 0 ? IOMMUFD_PERM_PRIV : 0);
}

/* Whether the function itself has a guest's tables, and so all of the guest's PASIDs. */
static bool
is_nested(const struct mock *mock, uint32_t endpoint_id)
{
	unsigned int i;

	for (i = 0; i < mock->nb_files; i++)
		if (mock->files[i].fd >= 0 && mock->files[i].endpoint_id == endpoint_id)
			return __atomic_load_n(&mock->files[i].nested, __ATOMIC_RELAXED);
	return false;
}

/* Who sends it, and with which PASID. @return false: nobody could be asked */
static bool
sender_find(struct mock *mock, const struct emu_message *msg, struct iommufd_mock_cmd *cmd)
{
	const struct mock_device *device = NULL;

	pthread_mutex_lock(&mock->lock);
	if (msg->pasid != EMU_NO_PASID && !mock->pasids)
		device = mock_device_by(mock, MOCK_BY_ENDPOINT,
					mock_endpoint_key(msg->endpoint_id, msg->pasid));
	if (device == NULL &&
	    (msg->pasid == EMU_NO_PASID || mock->pasids || is_nested(mock, msg->endpoint_id))) {
		device = mock_device_by(mock, MOCK_BY_ENDPOINT,
					mock_endpoint_key(msg->endpoint_id, EMU_NO_PASID));
		if (msg->pasid != EMU_NO_PASID)
			cmd->trigger.pasid = msg->pasid;
	}
	if (device != NULL && device->silent)
		device = NULL;
	if (device != NULL)
		cmd->trigger.dev_id = device->idev_id;
	pthread_mutex_unlock(&mock->lock);
	return device != NULL;
}

/*
 * Drivers of units answer what the processes of a system never ask for, before iommufd sees it:
 * addresses that are none, privileged accesses, execution. A mock has no such driver.
 */
static bool
is_strange(const struct emu_message *msg)
{
	const uint64_t extended =
		(uint64_t)((int64_t)(msg->iova << CANONICAL_SHIFT) >> CANONICAL_SHIFT);

	return extended != msg->iova || (msg->flags & (EMU_REQ_EXEC | EMU_REQ_PRIV)) != 0;
}

static enum iommufd_kernel_raised
raise_one(struct mock *mock, const struct emu_message *msg)
{
	struct iommufd_mock_cmd cmd = {
		.op = IOMMUFD_MOCK_OP_TRIGGER_IOPF,
		.trigger = {.grpid = msg->prgi, .perm = perm_of(msg->flags), .addr = msg->iova},
	};

	if ((msg->flags & EMU_REQ_LAST) == 0)
		return IOMMUFD_KERNEL_CANNOT;
	/* PASID 0 is none to a mock device; and software cannot attach it. */
	if (is_strange(msg) || msg->pasid == 0)
		return IOMMUFD_KERNEL_REFUSED;
	/* Not bound, or closed this very moment. */
	if (!sender_find(mock, msg, &cmd) || mock_cmd(mock, &cmd) != 0)
		return IOMMUFD_KERNEL_REFUSED;
	return IOMMUFD_KERNEL_QUEUED;
}

/*
 * One of the requests that are being raised was refused: the first that looks so.
 *
 * @return false: none does
 */
static bool
refuse(const struct iommufd_kernel_answer *answer, const struct emu_message *msgs,
       uint8_t *outcomes, unsigned int nb)
{
	unsigned int i;

	for (i = 0; i < nb; i++)
		if (outcomes[i] == IOMMUFD_KERNEL_QUEUED && msgs[i].prgi == answer->prgi &&
		    msgs[i].endpoint_id == answer->endpoint_id && msgs[i].pasid == answer->pasid) {
			outcomes[i] = IOMMUFD_KERNEL_REFUSED;
			return true;
		}
	return false;
}

void
mock_raise(struct iommufd_kernel *kernel, const struct emu_message *msgs, uint8_t *outcomes,
	   unsigned int nb)
{
	struct mock *mock = mock_of(kernel);
	struct mock_answers *refusals = &mock->refusals;
	const struct iommufd_kernel_answer *refusal;
	unsigned int i;

	mock_call_set(mock, MOCK_CALL_RAISE);
	pthread_mutex_lock(&mock->sending);
	for (i = 0; i < nb; i++)
		outcomes[i] = raise_one(mock, &msgs[i]);
	pthread_mutex_unlock(&mock->sending);
	if (mock->judge) {
		mock_answers_take(mock);
		pthread_mutex_lock(&mock->lock);
		for (; refusals->head != refusals->tail; refusals->head++) {
			refusal = &refusals->ring[refusals->head & (refusals->size - 1)];
			if (!refuse(refusal, msgs, outcomes, nb) &&
			    !mock_answer_keep(&mock->answers, refusal))
				mock->trace.lost++;
		}
		pthread_mutex_unlock(&mock->lock);
	}
	mock_call_set(mock, MOCK_CALL_NONE);
}

/* Those of devices that stand for a PASID are given it. */
static void
message_name(struct mock *mock, const struct mock_device *device, struct iommufd_fault *fault)
{
	const struct mock_device *function;

	if (device->pasid == EMU_NO_PASID)
		return;
	function = mock_device_by(mock, MOCK_BY_ENDPOINT,
				  mock_endpoint_key(device->endpoint_id, EMU_NO_PASID));
	fault->flags |= IOMMUFD_FAULT_PASID_VALID;
	fault->pasid = device->pasid;
	if (function != NULL)
		fault->dev_id = function->idev_id;
}

/*
 * Under the lock: an answer of the kernel to a group that is being read is seen when the group has
 * been noted.
 */
ssize_t
mock_messages_read(struct mock *mock, int fd, struct iommufd_fault *faults, size_t bytes)
{
	struct mock_device *device;
	ssize_t done, i;

	if (!mock->judge && __atomic_load_n(&mock->nb_standing, __ATOMIC_RELAXED) == 0) {
		done = read(fd, faults, bytes);
		return done < 0 ? -errno : done;
	}
	pthread_mutex_lock(&mock->lock);
	done = read(fd, faults, bytes);
	if (done < 0)
		done = -errno;
	for (i = 0; i < done / (ssize_t)sizeof(*faults); i++) {
		device = mock_device_by(mock, MOCK_BY_IDEV, faults[i].dev_id);
		if (device == NULL)
			continue;
		if (mock->judge &&
		    !mock_reads_add(&mock->reads, (uint32_t)(device - mock->devices),
				    faults[i].pasid, faults[i].grpid))
			mock->trace.lost++;
		if (mock->judge)
			mock_cookie_read(mock, fd, device, &faults[i]);
		message_name(mock, device, &faults[i]);
	}
	pthread_mutex_unlock(&mock->lock);
	return done;
}
