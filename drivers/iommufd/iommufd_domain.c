/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Domains. PAGING and BLOCKED ones are address spaces of the kernel (IOAS), BLOCKED with nothing in
 * it; a NESTED one is a table of a guest within that of its parent. What a PAGING one has the
 * engine mirrors in a table of its own, which no unit walks: its format is chosen for what it can
 * hold.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "iommufd_pvt.h"

#define PAGE_2M (UINT64_C(1) << 21)
#define PAGE_1G (UINT64_C(1) << 30)
/** Levels of the mirror: IOMMUFD_ADDRESS_BITS. */
#define MIRROR_LEVELS 4
/** Widest address that the mirror leads to: the process's. */
#define MIRROR_PA_BITS 52
/** Ranges of addresses that are looked at; there are as many as devices reserve, and one. */
#define IOVA_RANGES 64

int
iommufd_table_format(struct uiommu_dev *dev, const struct uiommu_domain_conf *conf,
		     struct uiommu_table_format *format)
{
	(void)dev;
	if ((conf->flags & UIOMMU_DOMAIN_SECOND_STAGE) != 0)
		return -ENOTSUP;
	if (conf->levels != 0 && conf->levels != MIRROR_LEVELS)
		return -EINVAL;
	*format = (struct uiommu_table_format){
		.format = UIOMMU_PGTABLE_VTD_SECOND,
		.levels = MIRROR_LEVELS,
		.page_shift = 12,
		.pa_bits = MIRROR_PA_BITS,
		.leaf_sizes = IOMMUFD_PAGE_SIZE | PAGE_2M | PAGE_1G,
		.flags = UIOMMU_PGTABLE_NO_AD,
	};
	return 0;
}

static int
unsupported(const struct iommufd *unit, const char *what)
{
	IOMMUFD_LOG(ERR, "%s: not supported: %s", unit->dev->name, what);
	return -ENOTSUP;
}

/* Pages of 4 KiB are what all is counted in. @return 0; -ENOTSUP; -errno */
static int
ioas_check(const struct iommufd *unit, uint32_t ioas)
{
	struct iommufd_iova_range ranges[IOVA_RANGES];
	struct iommufd_iova_ranges query = {
		.size = sizeof(query),
		.ioas_id = ioas,
		.num_iovas = IOVA_RANGES,
		.allowed_iovas = (uintptr_t)ranges,
	};
	int ret = iommufd_ioctl(unit, unit->fd, IOMMUFD_IOAS_IOVA_RANGES, &query);

	if (ret != 0 && ret != -EMSGSIZE) {
		IOMMUFD_LOG(ERR, "%s: the kernel does not say what addresses there are: %s",
			    unit->dev->name, strerror(-ret));
		return ret;
	}
	if (query.out_iova_alignment > IOMMUFD_PAGE_SIZE)
		return unsupported(unit, "a kernel with pages of more than 4 KiB");
	return 0;
}

static int
ioas_alloc(struct iommufd_domain *domain)
{
	struct iommufd *unit = domain->unit;
	struct iommufd_ioas_alloc alloc = {.size = sizeof(alloc)};
	int ret = iommufd_ioctl(unit, unit->fd, IOMMUFD_IOAS_ALLOC, &alloc);

	if (ret != 0) {
		IOMMUFD_LOG(ERR, "%s: no address space: %s", unit->dev->name, strerror(-ret));
		return ret == -ENOMEM ? ret : -EIO;
	}
	ret = ioas_check(unit, alloc.out_ioas_id);
	if (ret != 0) {
		(void)iommufd_destroy(unit, alloc.out_ioas_id, "address space");
		return ret;
	}
	domain->ioas = alloc.out_ioas_id;
	return 0;
}

static int
nested_init(struct iommufd_domain *domain, const struct uiommu_domain_conf *conf,
	    struct iommufd_domain *parent)
{
	const uint32_t levels = conf->levels != 0 ? conf->levels : 4;

	if (parent == NULL || parent->type != UIOMMU_DOMAIN_PAGING || (levels != 4 && levels != 5))
		return -EINVAL;
	/* the guest's address of its root table: in reach of the parent's table */
	if (conf->table_pa % IOMMUFD_PAGE_SIZE != 0 || conf->table_pa >> IOMMUFD_ADDRESS_BITS != 0)
		return -EINVAL;
	domain->parent = parent;
	domain->first = (struct iommufd_vtd_s1){
		.pgtbl_addr = conf->table_pa,
		.addr_width = 12 + 9 * levels,
	};
	return 0;
}

static int
paging_init(struct iommufd_domain *domain, const struct uiommu_domain_conf *conf)
{
	if (conf->type == UIOMMU_DOMAIN_PAGING && conf->table_pa != 0)
		return unsupported(domain->unit, "a table of the caller's: the kernel has its own "
				   "(table_pa)");
	if ((conf->flags & UIOMMU_DOMAIN_SECOND_STAGE) != 0)
		return unsupported(domain->unit, "a choice of the stage: it is the kernel's");
	return ioas_alloc(domain);
}

static int
kind_init(struct iommufd_domain *domain, const struct uiommu_domain_conf *conf,
	  struct iommufd_domain *parent)
{
	switch (conf->type) {
	case UIOMMU_DOMAIN_BLOCKED:
	case UIOMMU_DOMAIN_PAGING:
		return paging_init(domain, conf);
	case UIOMMU_DOMAIN_NESTED:
		return nested_init(domain, conf, parent);
	case UIOMMU_DOMAIN_IDENTITY:
		return unsupported(domain->unit, "IDENTITY domains: the kernel has none for "
				   "devices of processes");
	default:
		return unsupported(domain->unit, "address spaces of processes (SVA)");
	}
}

int
iommufd_domain_init(struct uiommu_dev *dev, const struct uiommu_domain_conf *conf,
		    void *parent_private, void **domain_private)
{
	struct iommufd_domain *domain = calloc(1, sizeof(*domain));
	int ret;

	if (domain == NULL)
		return -ENOMEM;
	domain->unit = iommufd_of(dev);
	domain->type = conf->type;
	ret = kind_init(domain, conf, parent_private);
	if (ret != 0) {
		free(domain);
		return ret;
	}
	pthread_mutex_init(&domain->lock, NULL);
	*domain_private = domain;
	return 0;
}

/* Nothing is attached; what is mapped goes with the address space. */
void
iommufd_domain_fini(struct uiommu_dev *dev, void *domain_private)
{
	struct iommufd_domain *domain = domain_private;

	(void)dev;
	iommufd_hwpts_destroy(domain);
	if (domain->parent == NULL)
		(void)iommufd_destroy(domain->unit, domain->ioas, "address space");
	iommufd_areas_fini(&domain->areas);
	pthread_mutex_destroy(&domain->lock);
	free(domain);
}

/* Each page table of the domain: one for each queue, or kind of device, that it has met. */
int
iommufd_nested_invalidate(struct uiommu_dev *dev, void *domain_private, uint64_t iova, uint64_t len)
{
	struct iommufd *unit = iommufd_of(dev);
	const struct iommufd_domain *domain = domain_private;
	const bool all = len == UINT64_MAX;
	struct iommufd_vtd_s1_inval entry = {
		.addr = all ? 0 : iova,
		.npages = all ? UINT64_MAX : len / IOMMUFD_PAGE_SIZE,
	};
	const struct iommufd_hwpt *hwpt;
	int ret;

	SLIST_FOREACH(hwpt, &domain->hwpts, next) {
		struct iommufd_hwpt_inval inval = {
			.size = sizeof(inval),
			.hwpt_id = hwpt->id,
			.data_uptr = (uintptr_t)&entry,
			.data_type = IOMMUFD_INVALIDATE_VTD_S1,
			.entry_len = sizeof(entry),
			.entry_num = 1,
		};

		ret = iommufd_ioctl(unit, unit->fd, IOMMUFD_HWPT_INVALIDATE, &inval);
		if (ret == 0)
			continue;
		IOMMUFD_LOG(ERR, "%s: a guest's translations could not be invalidated: %s",
			    dev->name, strerror(-ret));
		return ret == -ENOTTY || ret == -EOPNOTSUPP ? -ENOTSUP : -EIO;
	}
	return 0;
}
