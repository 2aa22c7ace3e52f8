/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * What mock devices reach. The kernel says whether a page of this process is mapped at an address
 * of a page table (MD_CHECK_MAP), but not which one; so the requests of the driver are noted, and
 * what they say is asked for. A mock keeps no rights: those are as noted.
 */

#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "emu_pvt.h"
#include "iommufd_mock.h"
#include "iommufd_mock_hw.h"
#include "iommufd_model.h"

/** Areas of an address space. */
struct mock_space {
	struct mock_space *next;
	uint32_t ioas_id;
	struct iommufd_model_area *areas;
};

static struct mock_space *
space_find(struct mock *mock, uint32_t ioas_id)
{
	struct mock_space *space = mock->spaces;

	while (space != NULL && space->ioas_id != ioas_id)
		space = space->next;
	return space;
}

/* Those that are in a range; a whole area goes, or none of it. */
static void
areas_forget(struct mock_space *space, uint64_t first, uint64_t last)
{
	struct iommufd_model_area *area;

	while ((area = iommufd_model_area_first(space->areas, first, last)) != NULL) {
		iommufd_model_area_remove(&space->areas, area);
		free(area);
	}
}

static int
map_note(struct mock *mock, const struct iommufd_ioas_map *map)
{
	struct iommufd_model_area *area = calloc(1, sizeof(*area));
	struct mock_space *space = space_find(mock, map->ioas_id);

	if (space == NULL) {
		space = calloc(1, sizeof(*space));
		if (space != NULL) {
			space->ioas_id = map->ioas_id;
			space->next = mock->spaces;
			mock->spaces = space;
		}
	}
	if (area == NULL || space == NULL) {
		free(area);
		return -ENOMEM;
	}
	*area = (struct iommufd_model_area){
		.first = map->iova,
		.last = map->iova + (map->length - 1),
		.va = map->user_va,
		.priority = (uint32_t)emu_random(&mock->random),
		.access = ((map->flags & IOMMUFD_MAP_READABLE) != 0 ? EMU_REQ_READ : 0) |
			  ((map->flags & IOMMUFD_MAP_WRITEABLE) != 0 ? EMU_REQ_WRITE : 0),
	};
	/* left there by an unmapping that has stopped half way */
	areas_forget(space, area->first, area->last);
	iommufd_model_area_insert(&space->areas, area);
	return 0;
}

int
mock_ioas_map(struct mock *mock, struct iommufd_ioas_map *map)
{
	int ret = ioctl(mock->context, IOMMUFD_IOAS_MAP, map) == 0 ? 0 : -errno;

	if (ret < 0 || !mock->judge)
		return ret;
	pthread_mutex_lock(&mock->mapping);
	if (map_note(mock, map) < 0)
		EMU_LOG(ERR, "kernel=mock: no memory: a mapping will not be seen");
	pthread_mutex_unlock(&mock->mapping);
	return 0;
}

/* Nothing is looked at meanwhile: some kernels would walk tables that are being freed. */
int
mock_ioas_unmap(struct mock *mock, struct iommufd_ioas_unmap *unmap)
{
	const uint64_t first = unmap->iova;
	const uint64_t last = unmap->length == UINT64_MAX ? UINT64_MAX :
							    unmap->iova + (unmap->length - 1);
	struct mock_space *space;
	int ret;

	pthread_mutex_lock(&mock->mapping);
	ret = ioctl(mock->context, IOMMUFD_IOAS_UNMAP, unmap) == 0 ? 0 : -errno;
	space = space_find(mock, unmap->ioas_id);
	if (ret == 0 && space != NULL)
		areas_forget(space, first, last);
	pthread_mutex_unlock(&mock->mapping);
	return ret;
}

/* The object may have been an address space. */
void
mock_space_forget(struct mock *mock, uint32_t id)
{
	struct mock_space **at, *space;

	pthread_mutex_lock(&mock->mapping);
	for (at = &mock->spaces; *at != NULL && (*at)->ioas_id != id; at = &(*at)->next)
		;
	space = *at;
	if (space != NULL) {
		*at = space->next;
		areas_forget(space, 0, UINT64_MAX);
		free(space);
	}
	pthread_mutex_unlock(&mock->mapping);
}

void
mock_spaces_forget(struct mock *mock)
{
	while (mock->spaces != NULL)
		mock_space_forget(mock, mock->spaces->ioas_id);
}

/* Whether the kernel has this page of ours there. */
static bool
is_mapped(struct mock *mock, uint32_t hwpt_id, uint64_t iova, uint64_t va)
{
	struct iommufd_mock_cmd cmd = {
		.op = IOMMUFD_MOCK_OP_CHECK_MAP,
		.id = hwpt_id,
		.check_map = {.iova = iova, .length = EMU_PAGE_SIZE, .uptr = va},
	};

	return mock_cmd(mock, &cmd) == 0;
}

/* By one page table; mapping is held. */
static bool
table_look(struct mock *mock, uint32_t pt_id, struct iommufd_kernel_lookup *lookup)
{
	const uint64_t iova = lookup->iova & ~(uint64_t)(EMU_PAGE_SIZE - 1);
	const struct iommufd_model_area *area;
	struct mock_space *space;
	struct mock_hwpt hwpt;

	if (pt_id == 0 || !mock_hwpt_get(mock, pt_id, &hwpt) || hwpt.nested)
		return false;
	space = space_find(mock, hwpt.ioas_id);
	if (space == NULL)
		return false;
	area = iommufd_model_area_first(space->areas, lookup->iova, lookup->iova);
	if (area == NULL || (lookup->access & ~area->access) != 0 ||
	    !is_mapped(mock, hwpt.parent_id != 0 ? hwpt.parent_id : hwpt.id, iova,
		       area->va + (iova - area->first)))
		return false;
	lookup->granted = (uint16_t)area->access;
	lookup->pa = area->va + (lookup->iova - area->first);
	return true;
}

/* While another table is attached in the place of one, either counts. */
void
mock_lookup(struct iommufd_kernel *kernel, struct iommufd_kernel_lookup *lookups, unsigned int nb)
{
	struct mock *mock = mock_of(kernel);
	struct mock_bond bond;
	unsigned int i;

	pthread_mutex_lock(&mock->mapping);
	for (i = 0; i < nb; i++)
		lookups[i].ok = mock_bond_get(mock, lookups[i].endpoint_id, lookups[i].pasid,
					      &bond) &&
				(table_look(mock, bond.pt_id, &lookups[i]) ||
				 table_look(mock, bond.next_pt_id, &lookups[i]));
	pthread_mutex_unlock(&mock->mapping);
}
