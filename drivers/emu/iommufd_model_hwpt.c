/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Page tables of address spaces (drivers/iommu/iommufd/hw_pagetable.c), first-stage tables that
 * user space keeps (drivers/iommu/intel/nested.c), and what the unit behind them is.
 */

#include <errno.h>
#include <string.h>

#include <vtd_hw.h>

#include "iommufd_model.h"

/* A server part, as far as it matters here: 4 and 5 levels, pages of 1 GiB, nesting. */
#define HW_CAP (VTD_CAP_FS1GP | VTD_CAP_FS5LP | UINT64_C(56) << VTD_CAP_MGAW_SHIFT)
#define HW_ECAP                                                                                    \
	(VTD_ECAP_C | VTD_ECAP_DT | VTD_ECAP_PRS | VTD_ECAP_PDS | VTD_ECAP_SMTS |                  \
	 VTD_ECAP_SSTS | VTD_ECAP_FSTS)

#define S1_FLAGS (IOMMUFD_VTD_S1_SRE | IOMMUFD_VTD_S1_EAFE | IOMMUFD_VTD_S1_WPE)
/* Entries of one HWPT_INVALIDATE. */
#define INVALIDATE_MAX (1U << 19)

static struct iommufd_model_hwpt *
hwpt_new(struct iommufd_model_context *context, struct iommufd_model_ioas *ioas)
{
	struct iommufd_model_hwpt *hwpt = emu_alloc(sizeof(*hwpt), context->model->emu->socket_id);

	if (hwpt == NULL)
		return NULL;
	if (iommufd_model_object_add(context, &hwpt->obj, IOMMUFD_MODEL_HWPT) < 0) {
		emu_free(hwpt);
		return NULL;
	}
	hwpt->ioas = ioas;
	return hwpt;
}

static int
paging_alloc(struct iommufd_model_context *context, const struct iommufd_hwpt_alloc *cmd,
	     struct iommufd_model_ioas *ioas, struct iommufd_model_hwpt **out)
{
	const struct iommufd_model_options *options = &context->model->options;
	uint32_t valid = 0;
	int ret;

	if (options->nested)
		valid |= IOMMUFD_HWPT_NEST_PARENT;
	if (options->paging_faults)
		valid |= IOMMUFD_HWPT_FAULT_ID_VALID;
	if (options->pasid_attach)
		valid |= IOMMUFD_HWPT_PASID;
	if ((cmd->flags & ~valid) != 0 || cmd->data_type != IOMMUFD_HWPT_DATA_NONE ||
	    ((cmd->flags & IOMMUFD_HWPT_FAULT_ID_VALID) != 0 &&
	     (cmd->flags & IOMMUFD_HWPT_NEST_PARENT) != 0))
		return -EOPNOTSUPP;
	ret = iommufd_model_ioas_limit(context->model, ioas, false);
	if (ret < 0)
		return ret;
	*out = hwpt_new(context, ioas);
	if (*out == NULL) {
		ioas->nb_hwpts--;
		return -ENOMEM;
	}
	ioas->obj.users++;
	(*out)->is_parent = (cmd->flags & IOMMUFD_HWPT_NEST_PARENT) != 0;
	(*out)->takes_pasids = (cmd->flags & IOMMUFD_HWPT_PASID) != 0;
	return 0;
}

static int
nested_alloc(struct iommufd_model_context *context, const struct iommufd_hwpt_alloc *cmd,
	     struct iommufd_model_hwpt *parent, struct iommufd_model_hwpt **out)
{
	const struct iommufd_model_options *options = &context->model->options;
	uint32_t valid = IOMMUFD_HWPT_FAULT_ID_VALID;
	struct iommufd_vtd_s1 s1;

	if (options->pasid_attach)
		valid |= IOMMUFD_HWPT_PASID;
	if ((cmd->flags & ~valid) != 0 || cmd->data_len == 0)
		return -EOPNOTSUPP;
	if (!parent->is_parent)
		return -EINVAL;
	if (cmd->data_type != IOMMUFD_HWPT_DATA_VTD_S1)
		return -EOPNOTSUPP;
	if (cmd->data_len < sizeof(s1))
		return -EINVAL;
	memcpy(&s1, (const void *)(uintptr_t)cmd->data_uptr, sizeof(s1));
	if ((s1.flags & ~(uint64_t)S1_FLAGS) != 0 || s1.reserved != 0)
		return -EOPNOTSUPP;
	/* the unit finds out when it is attached; nothing is there until then */
	if ((s1.addr_width != 48 && s1.addr_width != 57) ||
	    (s1.pgtbl_addr & (EMU_PAGE_SIZE - 1)) != 0)
		return -EINVAL;
	*out = hwpt_new(context, parent->ioas);
	if (*out == NULL)
		return -ENOMEM;
	parent->obj.users++;
	(*out)->parent = parent;
	(*out)->root = s1.pgtbl_addr;
	(*out)->levels = s1.addr_width == 57 ? 5 : 4;
	(*out)->takes_pasids = (cmd->flags & IOMMUFD_HWPT_PASID) != 0;
	return 0;
}

static int
table_alloc(struct iommufd_model_context *context, const struct iommufd_hwpt_alloc *cmd,
	    struct iommufd_model_hwpt **out)
{
	struct iommufd_model_object *pt =
		iommufd_model_object_find(context, cmd->pt_id, IOMMUFD_MODEL_ANY);

	if (pt == NULL)
		return -EINVAL;
	if (pt->type == IOMMUFD_MODEL_IOAS)
		return paging_alloc(context, cmd, (struct iommufd_model_ioas *)pt, out);
	if (pt->type == IOMMUFD_MODEL_HWPT && ((struct iommufd_model_hwpt *)pt)->parent == NULL)
		return nested_alloc(context, cmd, (struct iommufd_model_hwpt *)pt, out);
	return -EINVAL;
}

int
iommufd_model_hwpt_alloc(struct iommufd_model_context *context, void *arg)
{
	struct iommufd_hwpt_alloc *cmd = arg;
	struct iommufd_model_object *fault;
	struct iommufd_model_hwpt *hwpt;
	int ret;

	if (cmd->reserved != 0)
		return -EOPNOTSUPP;
	if ((cmd->data_type == IOMMUFD_HWPT_DATA_NONE) != (cmd->data_len == 0))
		return -EINVAL;
	if (iommufd_model_object_find(context, cmd->dev_id, IOMMUFD_MODEL_DEVICE) == NULL)
		return -ENOENT;
	ret = table_alloc(context, cmd, &hwpt);
	if (ret < 0)
		return ret;
	if ((cmd->flags & IOMMUFD_HWPT_FAULT_ID_VALID) != 0) {
		fault = iommufd_model_object_find(context, cmd->fault_id, IOMMUFD_MODEL_FAULT);
		if (fault == NULL) {
			iommufd_model_object_destroy(context, hwpt->obj.id);
			return -ENOENT;
		}
		fault->users++;
		hwpt->fault = (struct iommufd_model_fault *)fault;
	}
	cmd->out_hwpt_id = hwpt->obj.id;
	return 0;
}

int
iommufd_model_hwpt_auto(struct iommufd_model_context *context, struct iommufd_model_ioas *ioas,
			struct iommufd_model_hwpt **hwpt)
{
	const struct iommufd_hwpt_alloc cmd = {0};
	int ret;

	ret = paging_alloc(context, &cmd, ioas, hwpt);
	if (ret == 0)
		(*hwpt)->automatic = true;
	return ret;
}

void
iommufd_model_hwpt_free(struct iommufd_model *model, struct iommufd_model_hwpt *hwpt)
{
	(void)model;
	if (hwpt->fault != NULL)
		hwpt->fault->obj.users--;
	if (hwpt->parent != NULL) {
		hwpt->parent->obj.users--;
	} else {
		hwpt->ioas->obj.users--;
		hwpt->ioas->nb_hwpts--;
	}
	emu_free(hwpt);
}

void
iommufd_model_hwpt_put(struct iommufd_model *model, struct iommufd_model_hwpt *hwpt)
{
	(void)model;
	hwpt->obj.users--;
	if (hwpt->automatic && hwpt->obj.users == 0)
		iommufd_model_object_destroy(hwpt->obj.context, hwpt->obj.id);
}

int
iommufd_model_hw_info(struct iommufd_model_context *context, void *arg)
{
	const struct iommufd_model_options *options = &context->model->options;
	struct iommufd_hw_info *cmd = arg;
	struct iommufd_hw_info_vtd info = {.cap_reg = HW_CAP, .ecap_reg = HW_ECAP};
	uint8_t *out = (void *)(uintptr_t)cmd->data_uptr;

	if (cmd->flags != 0 || (cmd->reserved[0] | cmd->reserved[1] | cmd->reserved[2]) != 0)
		return -EOPNOTSUPP;
	if (iommufd_model_object_find(context, cmd->dev_id, IOMMUFD_MODEL_DEVICE) == NULL)
		return -ENOENT;
	if (options->nested)
		info.ecap_reg |= VTD_ECAP_NEST;
	if (cmd->data_len > 0) {
		memset(out, 0, cmd->data_len);
		memcpy(out, &info, RTE_MIN(sizeof(info), (size_t)cmd->data_len));
	}
	cmd->data_len = sizeof(info);
	cmd->out_data_type = IOMMUFD_HW_INFO_VTD;
	cmd->out_max_pasid_log2 = options->pasid_attach ? options->pasid_bits : 0;
	cmd->out_capabilities = 0;
	return 0;
}

/* Nothing of the first stage is remembered here; devices forget when the call returns. */
static int
entry_check(const struct iommufd_vtd_s1_inval *entry)
{
	if ((entry->flags & ~IOMMUFD_VTD_INV_LEAF) != 0 || entry->reserved != 0)
		return -EOPNOTSUPP;
	if ((entry->addr & (EMU_PAGE_SIZE - 1)) != 0 ||
	    (entry->npages == UINT64_MAX && entry->addr != 0))
		return -EINVAL;
	return 0;
}

int
iommufd_model_hwpt_invalidate(struct iommufd_model_context *context, void *arg)
{
	struct iommufd_hwpt_inval *cmd = arg;
	const uint8_t *entries = (const void *)(uintptr_t)cmd->data_uptr;
	const uint32_t nb = cmd->entry_num;
	struct iommufd_vtd_s1_inval entry;
	struct iommufd_model_object *obj;
	uint32_t i;
	int ret = 0;

	cmd->entry_num = 0;
	if (cmd->reserved != 0)
		return -EOPNOTSUPP;
	if (nb > 0 && (entries == NULL || cmd->entry_len == 0 || cmd->entry_len > EMU_PAGE_SIZE ||
		       nb > INVALIDATE_MAX))
		return -EINVAL;
	obj = iommufd_model_object_find(context, cmd->hwpt_id, IOMMUFD_MODEL_HWPT);
	if (obj == NULL || ((struct iommufd_model_hwpt *)obj)->parent == NULL)
		return -ENOENT;
	if (cmd->data_type != IOMMUFD_INVALIDATE_VTD_S1 ||
	    (nb > 0 && cmd->entry_len < sizeof(entry)))
		return -EINVAL;
	for (i = 0; i < nb && ret == 0; i++) {
		memcpy(&entry, entries + (size_t)i * cmd->entry_len, sizeof(entry));
		ret = entry_check(&entry);
		cmd->entry_num += ret == 0;
	}
	return ret;
}
