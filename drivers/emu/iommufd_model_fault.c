/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Fault queues (drivers/iommu/iommufd/fault.c, later eventq.c): read, write, and what the kernel
 * answers by itself.
 */

#include <errno.h>
#include <string.h>

#include "iommufd_model.h"

/* IOMMU_FAULT_PAGE_REQUEST's own "needs PASID", which kernels forget to take out. */
#define FLAG_LEAK (UINT32_C(1) << 2)

int
iommufd_model_fault_alloc(struct iommufd_model_context *context, void *arg)
{
	struct iommufd_fault_alloc *cmd = arg;
	struct iommufd_model *model = context->model;
	struct iommufd_model_fault *fault;
	int fd;

	if (cmd->flags != 0)
		return -EOPNOTSUPP;
	fault = emu_alloc(sizeof(*fault), model->emu->socket_id);
	if (fault == NULL)
		return -ENOMEM;
	STAILQ_INIT(&fault->deliver);
	if (iommufd_model_object_add(context, &fault->obj, IOMMUFD_MODEL_FAULT) < 0) {
		emu_free(fault);
		return -ENOMEM;
	}
	fd = iommufd_model_file_add(model, IOMMUFD_MODEL_FILE_FAULT, fault);
	if (fd < 0) {
		iommufd_model_object_destroy(context, fault->obj.id);
		return fd;
	}
	fault->obj.users = 1; /* its file */
	context->files++;
	cmd->out_fault_id = fault->obj.id;
	cmd->out_fault_fd = (uint32_t)fd;
	return 0;
}

/* ------------------------------------------------------------------------ read */

static void
record_write(const struct iommufd_model *model, const struct iommufd_model_group *group,
	     const struct iommufd_model_message *msg, struct iommufd_fault *out)
{
	*out = (struct iommufd_fault){
		.dev_id = group->dev_id,
		.grpid = msg->prgi,
		.perm = ((msg->flags & EMU_REQ_READ) != 0 ? IOMMUFD_PERM_READ : 0) |
			((msg->flags & EMU_REQ_WRITE) != 0 ? IOMMUFD_PERM_WRITE : 0) |
			((msg->flags & EMU_REQ_EXEC) != 0 ? IOMMUFD_PERM_EXEC : 0) |
			((msg->flags & EMU_REQ_PRIV) != 0 ? IOMMUFD_PERM_PRIV : 0) |
			msg->perm,
		.addr = msg->iova,
		.cookie = group->cookie,
	};
	if ((msg->flags & EMU_REQ_LAST) != 0)
		out->flags |= IOMMUFD_FAULT_LAST;
	if (msg->pasid == EMU_NO_PASID)
		return;
	out->flags |= IOMMUFD_FAULT_PASID_VALID | (model->options.leak_flags ? FLAG_LEAK : 0);
	out->pasid = msg->pasid;
}

/* Nobody says that user space's buffer is aligned. */
static uint8_t *
record_put(const struct iommufd_model *model, const struct iommufd_model_group *group,
	   const struct iommufd_model_message *msg, uint8_t *at)
{
	struct iommufd_fault record;

	record_write(model, group, msg, &record);
	memcpy(at, &record, sizeof(record));
	return at + sizeof(record);
}

ssize_t
iommufd_model_fault_read(struct iommufd_model *model, struct iommufd_model_fault *fault, void *buf,
			 size_t len)
{
	struct iommufd_model_group *group;
	uint8_t *at = buf, *end = at + len;
	int ret = 0;
	uint32_t i;

	if (len % sizeof(struct iommufd_fault) != 0)
		return -ESPIPE;
	while ((group = STAILQ_FIRST(&fault->deliver)) != NULL) {
		if ((size_t)(end - at) / sizeof(struct iommufd_fault) < group->nb_parts + 1) {
			ret = model->options.old_read ? 0 : -EINVAL;
			break;
		}
		ret = iommufd_model_cookie_take(&fault->cookies, group);
		if (ret < 0)
			break;
		STAILQ_REMOVE_HEAD(&fault->deliver, next);
		for (i = 0; i < group->nb_parts; i++)
			at = record_put(model, group, &group->parts[i], at);
		at = record_put(model, group, &group->last, at);
	}
	return at == (uint8_t *)buf ? ret : at - (uint8_t *)buf;
}

/* --------------------------------------------------------------------- answers */

static void
group_answer(struct iommufd_model *model, struct iommufd_model_group *group, uint32_t code,
	     bool by_kernel, bool unread)
{
	if (group->handle != NULL)
		group->handle->nb_groups--;
	iommufd_model_answer(model, &(struct iommufd_kernel_answer){
		.endpoint_id = group->endpoint_id,
		.pasid = group->last.pasid,
		.prgi = group->last.prgi,
		.code = code == IOMMUFD_RESP_SUCCESS ? UIOMMU_EMU_SUCCESS : UIOMMU_EMU_INVALID,
		.by_kernel = by_kernel,
		.unread = unread ? (uint16_t)(group->nb_parts + 1) : 0,
	});
	iommufd_model_group_free(model, group);
}

/* An answer that the kernel does not take: what did user space mean? */
static void
stray_tell(struct iommufd_model *model, const struct iommufd_model_fault *fault,
	   const struct iommufd_resp *resp)
{
	const struct iommufd_model_cookie *entry = NULL;
	struct iommufd_kernel_answer answer = {
		.code = (uint8_t)resp->code, .refused = IOMMUFD_KERNEL_STRANGE,
	};

	if (resp->cookie < fault->cookies.size)
		entry = &fault->cookies.entries[resp->cookie];
	if (entry != NULL && entry->ended != IOMMUFD_KERNEL_TAKEN) {
		answer.endpoint_id = entry->endpoint_id;
		answer.pasid = entry->pasid;
		answer.prgi = entry->prgi;
		answer.refused = entry->ended;
	}
	iommufd_model_answer(model, &answer);
}

ssize_t
iommufd_model_fault_write(struct iommufd_model *model, struct iommufd_model_fault *fault,
			  const void *buf, size_t len)
{
	struct iommufd_model_cookies *cookies = &fault->cookies;
	struct iommufd_model_group *group;
	struct iommufd_resp resp;
	size_t done;

	if (len % sizeof(resp) != 0)
		return -ESPIPE;
	for (done = 0; done < len; done += sizeof(resp)) {
		memcpy(&resp, (const uint8_t *)buf + done, sizeof(resp));
		if (resp.code != IOMMUFD_RESP_SUCCESS && resp.code != IOMMUFD_RESP_INVALID) {
			emu_violation(model->emu, &model->emu->live.protocol,
				      "cookie %u answered with code %u", resp.cookie, resp.code);
			break;
		}
		group = resp.cookie < cookies->size ? cookies->entries[resp.cookie].group : NULL;
		if (group == NULL) {
			stray_tell(model, fault, &resp);
			break;
		}
		iommufd_model_cookie_give(cookies, resp.cookie, IOMMUFD_KERNEL_AGAIN);
		group_answer(model, group, resp.code, false, false);
	}
	return done == 0 && len > 0 ? -EINVAL : (ssize_t)done;
}

/* ------------------------------------------------------- answers of the kernel itself */

static bool
is_by(const struct iommufd_model_group *group, const struct iommufd_model_handle *handle)
{
	return handle == NULL || group->handle == handle;
}

void
iommufd_model_fault_flush(struct iommufd_model *model, struct iommufd_model_fault *fault,
			  const struct iommufd_model_handle *handle)
{
	struct iommufd_model_groups keep = STAILQ_HEAD_INITIALIZER(keep);
	struct iommufd_model_cookies *cookies = &fault->cookies;
	struct iommufd_model_group *group;
	uint32_t i;

	if (handle != NULL && handle->nb_groups == 0)
		return;
	while ((group = STAILQ_FIRST(&fault->deliver)) != NULL) {
		STAILQ_REMOVE_HEAD(&fault->deliver, next);
		if (is_by(group, handle))
			group_answer(model, group, IOMMUFD_RESP_INVALID, true, true);
		else
			STAILQ_INSERT_TAIL(&keep, group, next);
	}
	STAILQ_CONCAT(&fault->deliver, &keep);
	for (i = 1; i < cookies->size && cookies->nb > 0; i++) {
		group = cookies->entries[i].group;
		if (group == NULL || !is_by(group, handle))
			continue;
		iommufd_model_cookie_give(cookies, i, IOMMUFD_KERNEL_TOO_LATE);
		group_answer(model, group, IOMMUFD_RESP_INVALID, true, false);
	}
}

void
iommufd_model_fault_disown(struct iommufd_model_fault *fault,
			   const struct iommufd_model_handle *handle)
{
	struct iommufd_model_group *group;
	uint32_t i;

	STAILQ_FOREACH(group, &fault->deliver, next)
		if (group->handle == handle)
			group->handle = NULL;
	for (i = 1; i < fault->cookies.size; i++) {
		group = fault->cookies.entries[i].group;
		if (group != NULL && group->handle == handle)
			group->handle = NULL;
	}
}

void
iommufd_model_fault_free(struct iommufd_model *model, struct iommufd_model_fault *fault)
{
	iommufd_model_fault_flush(model, fault, NULL);
	iommufd_model_cookie_fini(&fault->cookies);
	emu_free(fault);
}
