/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Requests of devices on their way to a fault queue (drivers/iommu/io-pgfault.c), and answers on
 * theirs to the judge.
 */

#include <string.h>

#include "iommufd_model.h"

#define PARTS_FIRST 512
#define ANSWERS_FIRST 16384

/* ---------------------------------------------------------------------- groups */

void
iommufd_model_group_free(struct iommufd_model *model, struct iommufd_model_group *group)
{
	if (group->parts != NULL)
		emu_free(group->parts);
	iommufd_model_pool_give(&model->groups, group);
}

void
iommufd_model_parts_drop(struct iommufd_model_device *device)
{
	device->nb_parts = 0;
}

/* Kept until the last request of the group comes. */
static bool
part_keep(struct iommufd_model *model, struct iommufd_model_device *device,
	  const struct iommufd_model_message *part)
{
	const uint32_t more = RTE_MAX(device->parts_size, (uint32_t)PARTS_FIRST);
	void *parts = device->parts;

	if (device->nb_parts == device->parts_size) {
		if (!iommufd_model_grow(&parts, sizeof(*part), device->nb_parts, more))
			return false;
		device->parts = parts;
		device->parts_size += more;
	}
	device->parts[device->nb_parts++] = *part;
	__atomic_fetch_add(&model->kernel->kept, 1, __ATOMIC_RELAXED);
	return true;
}

/* What was kept with this index, of whatever PASID, in the order of arrival, goes over. */
static bool
parts_move(struct iommufd_model *model, struct iommufd_model_device *device,
	   struct iommufd_model_group *group)
{
	uint32_t i, left = 0;

	for (i = 0; i < device->nb_parts; i++)
		group->nb_parts += device->parts[i].prgi == group->last.prgi;
	if (group->nb_parts == 0)
		return true;
	group->parts = emu_alloc(group->nb_parts * sizeof(group->parts[0]),
				 model->emu->socket_id);
	if (group->parts == NULL)
		return false;
	group->nb_parts = 0;
	for (i = 0; i < device->nb_parts; i++)
		if (device->parts[i].prgi == group->last.prgi)
			group->parts[group->nb_parts++] = device->parts[i];
		else
			device->parts[left++] = device->parts[i];
	device->nb_parts = left;
	__atomic_fetch_sub(&model->kernel->kept, group->nb_parts, __ATOMIC_RELAXED);
	return true;
}

/* ------------------------------------------------------------------------ raise */

/* Who is asked: find_fault_handler(). */
static struct iommufd_model_handle *
handler_find(const struct iommufd_model *model, const struct iommufd_model_device *device,
	     uint32_t pasid)
{
	struct iommufd_model_handle *handle;

	if (pasid == EMU_NO_PASID)
		return device->rid;
	/* the kernel's number for none is nobody's PASID */
	handle = pasid == IOMMUFD_MODEL_RID ? NULL : iommufd_model_handle_find(device, pasid);
	if (handle == NULL && model->options.user_pasids && device->rid != NULL &&
	    device->rid->hwpt->parent != NULL)
		handle = device->rid;
	return handle;
}

/*
 * The last one of a group goes into a queue with the others, the others are kept.
 *
 * @return false: no memory
 */
static bool
group_make(struct iommufd_model *model, struct iommufd_model_device *device,
	   struct iommufd_model_handle *handle, const struct iommufd_model_message *msg,
	   uint32_t endpoint_id, struct iommufd_model_fault *queue)
{
	struct iommufd_model_group *group;

	if ((msg->flags & EMU_REQ_LAST) == 0)
		return part_keep(model, device, msg);
	group = iommufd_model_pool_take(&model->groups, model->emu->socket_id);
	if (group == NULL)
		return false;
	*group = (struct iommufd_model_group){
		.last = *msg,
		.handle = handle,
		.endpoint_id = endpoint_id,
		.dev_id = device->obj.id,
	};
	if (device->nb_parts > 0 && !parts_move(model, device, group)) {
		iommufd_model_group_free(model, group);
		return false;
	}
	handle->nb_groups++;
	STAILQ_INSERT_TAIL(&queue->deliver, group, next);
	return true;
}

/* Bits of address that the unit behind the kernel takes: 5 levels, S 3.6 of VT-d's manual. */
#define CANONICAL_SHIFT (64 - 57)

/*
 * What the kernel's driver of the unit refuses before anybody is asked (drivers/iommu/intel/prq.c):
 * addresses that are none, privileged accesses, execution.
 */
static bool
is_malformed(const struct emu_message *msg)
{
	const uint64_t extended =
		(uint64_t)((int64_t)(msg->iova << CANONICAL_SHIFT) >> CANONICAL_SHIFT);

	return extended != msg->iova || (msg->flags & (EMU_REQ_EXEC | EMU_REQ_PRIV)) != 0;
}

static enum iommufd_kernel_raised
message_raise(struct iommufd_model *model, const struct emu_message *msg)
{
	struct iommufd_model_device *device = iommufd_model_device_find(model, msg->endpoint_id);
	const struct iommufd_model_message kept = {
		.iova = msg->iova, .pasid = msg->pasid, .prgi = msg->prgi, .flags = msg->flags,
	};
	struct iommufd_model_handle *handle;

	handle = device != NULL ? handler_find(model, device, msg->pasid) : NULL;
	if (handle == NULL || handle->hwpt->fault == NULL || is_malformed(msg) ||
	    !group_make(model, device, handle, &kept, msg->endpoint_id, handle->hwpt->fault))
		return IOMMUFD_KERNEL_REFUSED;
	return IOMMUFD_KERNEL_QUEUED;
}

void
iommufd_model_raise(struct iommufd_kernel *kernel, const struct emu_message *msgs,
		    uint8_t *outcomes, unsigned int nb)
{
	struct iommufd_model *model = kernel->priv;
	unsigned int i;

	emu_lock_take(&model->lock);
	for (i = 0; i < nb; i++)
		outcomes[i] = (uint8_t)message_raise(model, &msgs[i]);
	emu_lock_drop(&model->lock);
}

/* Some queue of a context. */
static struct iommufd_model_fault *
queue_any(const struct iommufd_model *model)
{
	const struct iommufd_model_context *context;
	uint32_t id;

	LIST_FOREACH(context, &model->contexts, next)
		for (id = 1; id < context->nb_objects; id++)
			if (context->objects[id] != NULL &&
			    context->objects[id]->type == IOMMUFD_MODEL_FAULT)
				return (struct iommufd_model_fault *)context->objects[id];
	return NULL;
}

#define PERM_KNOWN (IOMMUFD_PERM_READ | IOMMUFD_PERM_WRITE | IOMMUFD_PERM_EXEC | IOMMUFD_PERM_PRIV)

static bool
record_raise(struct iommufd_model *model, const struct iommufd_fault *record)
{
	struct iommufd_model_device *known = iommufd_model_device_find(model, record->dev_id);
	struct iommufd_model_device *device = known != NULL ? known : &model->nobody;
	const struct iommufd_model_message msg = {
		.iova = record->addr,
		.pasid = (record->flags & IOMMUFD_FAULT_PASID_VALID) != 0 ? record->pasid :
									    EMU_NO_PASID,
		.prgi = (uint16_t)record->grpid,
		.flags = (uint16_t)(((record->perm & IOMMUFD_PERM_READ) != 0 ? EMU_REQ_READ : 0) |
				    ((record->perm & IOMMUFD_PERM_WRITE) != 0 ? EMU_REQ_WRITE : 0) |
				    ((record->perm & IOMMUFD_PERM_EXEC) != 0 ? EMU_REQ_EXEC : 0) |
				    ((record->perm & IOMMUFD_PERM_PRIV) != 0 ? EMU_REQ_PRIV : 0) |
				    ((record->flags & IOMMUFD_FAULT_LAST) != 0 ? EMU_REQ_LAST : 0)),
		.perm = record->perm & ~PERM_KNOWN,
	};
	struct iommufd_model_fault *queue = queue_any(model);
	struct iommufd_model_handle *handle = NULL;

	if (known != NULL && (msg.pasid < UIOMMU_PASID_COUNT || msg.pasid == EMU_NO_PASID))
		handle = handler_find(model, device, msg.pasid);
	if (handle != NULL && handle->hwpt->fault != NULL)
		queue = handle->hwpt->fault;
	else
		handle = &model->by_hand;
	/* an id that none has */
	model->nobody.obj.id = UINT32_MAX;
	return queue != NULL && group_make(model, device, handle, &msg, record->dev_id, queue);
}

bool
iommufd_model_raw(struct iommufd_kernel *kernel, const struct iommufd_fault *record)
{
	struct iommufd_model *model = kernel->priv;
	bool done;

	emu_lock_take(&model->lock);
	done = record_raise(model, record);
	emu_lock_drop(&model->lock);
	return done;
}

/* --------------------------------------------------------------------- answers */

bool
iommufd_model_answers_grow(struct iommufd_model_answers *answers)
{
	const uint32_t size = RTE_MAX(answers->size * 2, (uint32_t)ANSWERS_FIRST);
	struct iommufd_kernel_answer *ring = emu_alloc(size * sizeof(*ring), SOCKET_ID_ANY);
	uint32_t i, nb = answers->tail - answers->head;

	if (ring == NULL)
		return false;
	for (i = 0; i < nb; i++)
		ring[i] = answers->ring[(answers->head + i) & (answers->size - 1)];
	emu_free(answers->ring);
	*answers = (struct iommufd_model_answers){.ring = ring, .size = size, .tail = nb};
	return true;
}

void
iommufd_model_answer(struct iommufd_model *model, const struct iommufd_kernel_answer *answer)
{
	struct iommufd_model_answers *answers = &model->answers;

	if (answers->tail - answers->head == answers->size &&
	    !iommufd_model_answers_grow(answers)) {
		EMU_LOG(ERR, "%s: no memory for an answer: its group counts as lost",
			model->emu->name);
		return;
	}
	answers->ring[answers->tail++ & (answers->size - 1)] = *answer;
}

unsigned int
iommufd_model_responses(struct iommufd_kernel *kernel, struct iommufd_kernel_answer *out,
			unsigned int max)
{
	struct iommufd_model *model = kernel->priv;
	struct iommufd_model_answers *answers = &model->answers;
	unsigned int nb = 0;

	emu_lock_take(&model->lock);
	while (nb < max && answers->head != answers->tail)
		out[nb++] = answers->ring[answers->head++ & (answers->size - 1)];
	emu_lock_drop(&model->lock);
	return nb;
}
