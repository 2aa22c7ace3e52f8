/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * The unit: its kernel, and the format of its entries.
 */

#include <errno.h>
#include <string.h>

#include <iommufd_hw.h>

#include "iommufd_unit.h"

/* Segment 0; endpoint_bits= says otherwise. */
#define ENDPOINT_BITS 16
#define ENDPOINT_BITS_MAX 24

static const struct iommufd_kernel_ops *const kernels[] = {
	&iommufd_model_kernel,
	&iommufd_mock_kernel,
};

static int
kernel_choose(struct uiommu_emu *emu, struct uiommu_args *args)
{
	const char *name = uiommu_args_get_str(args, "kernel");
	struct iommufd_unit *unit = emu->unit;
	unsigned int i;

	if (name == NULL)
		name = iommufd_model_kernel.name;
	for (i = 0; i < RTE_DIM(kernels); i++)
		if (strcmp(name, kernels[i]->name) == 0)
			unit->ops = kernels[i];
	if (unit->ops != NULL)
		return 0;
	EMU_LOG(ERR, "%s: no kernel=%s", emu->name, name);
	return -EINVAL;
}

static int
iommufd_unit_open(struct uiommu_emu *emu, struct uiommu_args *args)
{
	struct iommufd_unit *unit = emu->unit;
	uint64_t bits = ENDPOINT_BITS;
	int ret;

	if (kernel_choose(emu, args) < 0 ||
	    uiommu_args_get_u64(args, "endpoint_bits", 1, ENDPOINT_BITS_MAX, &bits) < 0)
		return -EINVAL;
	emu->endpoint_max = (UINT32_C(1) << bits) - 1;
	emu->ring.base = (uint8_t *)unit->ring;
	emu->ring.mask = IOMMUFD_UNIT_RING - 1;
	emu->ring.room = IOMMUFD_UNIT_RING;
	unit->kernel.emu = emu;
	unit->kernel.priv = emu_alloc(unit->ops->priv_size, emu->socket_id);
	if (unit->kernel.priv == NULL) {
		EMU_LOG(ERR, "%s: no memory", emu->name);
		return -ENOMEM;
	}
	ret = unit->ops->open(&unit->kernel, args);
	if (ret == 0) {
		emu->real_files = (unit->kernel.flags & IOMMUFD_KERNEL_REAL) != 0;
		emu->lone_requests = (unit->kernel.flags & IOMMUFD_KERNEL_GROUPS) == 0;
		emu->unheard = (unit->kernel.flags & IOMMUFD_KERNEL_ANSWERS) == 0;
		return 0;
	}
	/* so that it is not closed */
	emu_free(unit->kernel.priv);
	unit->kernel.priv = NULL;
	return ret;
}

static void
iommufd_unit_close(struct uiommu_emu *emu)
{
	struct iommufd_unit *unit = emu->unit;

	if (unit->kernel.priv == NULL)
		return;
	unit->ops->close(&unit->kernel);
	emu_free(unit->kernel.priv);
	emu_free(unit->devices);
}

/* -------------------------------------------------------------------- registers */

/* There are none; nobody was told of any. */
static uint64_t
no_register(struct uiommu_emu *emu, uint32_t offset)
{
	emu_violation(emu, &emu->live.protocol, "register 0x%x of a unit that has none", offset);
	return 0;
}

static uint32_t
iommufd_unit_read32(struct uiommu_emu *emu, uint32_t offset)
{
	return (uint32_t)no_register(emu, offset);
}

static void
iommufd_unit_write32(struct uiommu_emu *emu, uint32_t offset, uint32_t value)
{
	(void)value;
	no_register(emu, offset);
}

static void
iommufd_unit_write64(struct uiommu_emu *emu, uint32_t offset, uint64_t value)
{
	(void)value;
	no_register(emu, offset);
}

static void
iommufd_unit_commands(struct uiommu_emu *emu)
{
	(void)emu; /* system calls are carried out when they come */
}

/* A kernel that hears of answers later than they are given has them taken here. */
static unsigned int
iommufd_unit_execute(struct uiommu_emu *emu, unsigned int max)
{
	struct iommufd_unit *unit = emu->unit;
	unsigned int judged;

	(void)max;
	iommufd_unit_collect(emu);
	judged = unit->judged;
	unit->judged = 0;
	return judged;
}

/* What stands before a fault queue grows as it must. */
static bool
iommufd_unit_latched(struct uiommu_emu *emu)
{
	(void)emu;
	return false;
}

/* ---------------------------------------------------------------- entry formats */

/* A record of a fault queue, past the kernel's own checks. */
static bool
iommufd_unit_raw(struct uiommu_emu *emu, const uint64_t *entry, uint32_t size)
{
	struct iommufd_unit *unit = emu->unit;
	struct iommufd_fault record;

	(void)size;
	memcpy(&record, entry, sizeof(record));
	if (unit->ops->raw == NULL || !unit->ops->raw(&unit->kernel, &record))
		return false;
	uiommu_count(&emu->live.requests, 1);
	return true;
}

static void
iommufd_unit_record(const struct emu_message *msg, uint64_t *entry)
{
	const struct iommufd_fault record = {
		.flags = (msg->pasid != EMU_NO_PASID ? IOMMUFD_FAULT_PASID_VALID : 0) |
			 ((msg->flags & EMU_REQ_LAST) != 0 ? IOMMUFD_FAULT_LAST : 0),
		.dev_id = msg->endpoint_id,
		.pasid = msg->pasid != EMU_NO_PASID ? msg->pasid : 0,
		.grpid = msg->prgi,
		.perm = ((msg->flags & EMU_REQ_READ) != 0 ? IOMMUFD_PERM_READ : 0) |
			((msg->flags & EMU_REQ_WRITE) != 0 ? IOMMUFD_PERM_WRITE : 0) |
			((msg->flags & EMU_REQ_EXEC) != 0 ? IOMMUFD_PERM_EXEC : 0) |
			((msg->flags & EMU_REQ_PRIV) != 0 ? IOMMUFD_PERM_PRIV : 0),
		.addr = msg->iova,
	};

	memcpy(entry, &record, sizeof(record));
}

static void
iommufd_unit_encode(const struct emu_message *msg, uint64_t *entry)
{
	entry[0] = msg->endpoint_id;
	if (msg->pasid != EMU_NO_PASID)
		entry[0] |= IOMMUFD_UNIT_PP | (uint64_t)msg->pasid << IOMMUFD_UNIT_PASID_SHIFT;
	if ((msg->flags & EMU_REQ_EXEC) != 0)
		entry[0] |= IOMMUFD_UNIT_EXEC;
	if ((msg->flags & EMU_REQ_PRIV) != 0)
		entry[0] |= IOMMUFD_UNIT_PRIV;
	entry[1] = (msg->iova & ~(uint64_t)(EMU_PAGE_SIZE - 1)) |
		   (uint64_t)msg->prgi << IOMMUFD_UNIT_PRGI_SHIFT |
		   ((msg->flags & EMU_REQ_READ) != 0 ? IOMMUFD_UNIT_READ : 0) |
		   ((msg->flags & EMU_REQ_WRITE) != 0 ? IOMMUFD_UNIT_WRITE : 0) |
		   ((msg->flags & EMU_REQ_LAST) != 0 ? IOMMUFD_UNIT_LAST : 0);
}

/* Either a record, or an entry of the model's own ring. */
static bool
iommufd_unit_decode(const uint64_t *entry, uint32_t size, struct emu_message *msg)
{
	struct iommufd_fault record;

	if (size == sizeof(record)) {
		memcpy(&record, entry, sizeof(record));
		*msg = (struct emu_message){
			.endpoint_id = record.dev_id,
			.pasid = (record.flags & IOMMUFD_FAULT_PASID_VALID) != 0 ? record.pasid :
										   EMU_NO_PASID,
			.iova = record.addr,
			.prgi = record.grpid % EMU_PRGI_COUNT,
			.flags = ((record.perm & IOMMUFD_PERM_READ) != 0 ? EMU_REQ_READ : 0) |
				 ((record.perm & IOMMUFD_PERM_WRITE) != 0 ? EMU_REQ_WRITE : 0) |
				 ((record.perm & IOMMUFD_PERM_EXEC) != 0 ? EMU_REQ_EXEC : 0) |
				 ((record.flags & IOMMUFD_FAULT_LAST) != 0 ? EMU_REQ_LAST : 0),
		};
		return true;
	}
	*msg = (struct emu_message){
		.endpoint_id = entry[0] & IOMMUFD_UNIT_ENDPOINT_MASK,
		.pasid = (entry[0] & IOMMUFD_UNIT_PP) == 0 ?
				 EMU_NO_PASID :
				 (entry[0] >> IOMMUFD_UNIT_PASID_SHIFT) & (UIOMMU_PASID_COUNT - 1),
		.iova = entry[1] & ~(uint64_t)(EMU_PAGE_SIZE - 1),
		.prgi = (entry[1] >> IOMMUFD_UNIT_PRGI_SHIFT) % EMU_PRGI_COUNT,
		.flags = (uint16_t)(((entry[1] & IOMMUFD_UNIT_READ) != 0 ? EMU_REQ_READ : 0) |
				    ((entry[1] & IOMMUFD_UNIT_WRITE) != 0 ? EMU_REQ_WRITE : 0) |
				    ((entry[1] & IOMMUFD_UNIT_LAST) != 0 ? EMU_REQ_LAST : 0) |
				    ((entry[0] & IOMMUFD_UNIT_EXEC) != 0 ? EMU_REQ_EXEC : 0) |
				    ((entry[0] & IOMMUFD_UNIT_PRIV) != 0 ? EMU_REQ_PRIV : 0)),
	};
	return true;
}

/* A permission that there is not. */
static void
iommufd_unit_spoil(uint64_t *entry, enum emu_kind kind, uint64_t random)
{
	struct iommufd_fault record;

	(void)kind;
	memcpy(&record, entry, sizeof(record));
	record.perm |= UINT32_C(1) << (4 + random % 28);
	memcpy(entry, &record, sizeof(record));
}

static uint64_t
iommufd_unit_response_word(const struct emu_device *dev, uint32_t pasid)
{
	return iommufd_unit_answer_word(dev->endpoint_id, pasid, UIOMMU_EMU_SUCCESS);
}

static const struct emu_model_ops iommufd_unit_ops = {
	.driver = "iommufd",
	.unit_size = sizeof(struct iommufd_unit),
	.endpoint_max = UINT16_MAX,
	.entry_size = sizeof(struct iommufd_fault),
	.kind_mask = IOMMUFD_UNIT_KIND,
	.reserved_allow = EMU_ALLOW_INVALID,
	.light_mask = IOMMUFD_UNIT_KIND | IOMMUFD_UNIT_CODE_MASK << IOMMUFD_UNIT_CODE_SHIFT,
	.checks_pasids = true,
	.open = iommufd_unit_open,
	.close = iommufd_unit_close,
	.files = &iommufd_unit_files,
	.read32 = iommufd_unit_read32,
	.read64 = no_register,
	.write32 = iommufd_unit_write32,
	.write64 = iommufd_unit_write64,
	.commands = iommufd_unit_commands,
	.execute = iommufd_unit_execute,
	.make = iommufd_unit_make,
	.room = iommufd_unit_room,
	.publish = iommufd_unit_publish,
	.latched = iommufd_unit_latched,
	.request = iommufd_unit_request,
	.raw = iommufd_unit_raw,
	.encode = iommufd_unit_encode,
	.record = iommufd_unit_record,
	.decode = iommufd_unit_decode,
	.spoil = iommufd_unit_spoil,
	.response_word = iommufd_unit_response_word,
	.dma = iommufd_unit_dma,
	.translate = iommufd_unit_translate,
	.translated = iommufd_unit_translated,
	.verify_bulk = iommufd_unit_verify_bulk,
	.audit = &iommufd_unit_audit,
};

EMU_MODEL_REGISTER(iommufd_unit_ops);
