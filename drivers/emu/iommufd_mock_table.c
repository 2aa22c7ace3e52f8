/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Table of mock devices, by what they are asked for. */

#include "emu_pvt.h"
#include "iommufd_mock.h"

static uint64_t
key_of(const struct mock_device *device, enum mock_key by)
{
	switch (by) {
	case MOCK_BY_ENDPOINT:
		return mock_endpoint_key(device->endpoint_id, device->pasid);
	case MOCK_BY_IDEV:
		return device->idev_id;
	default:
		return device->address;
	}
}

static uint16_t *
bucket_of(struct mock *mock, enum mock_key by, uint64_t key)
{
	return &mock->buckets[by][key * UINT64_C(0x9e3779b97f4a7c15) >> 52];
}

static void
link_in(struct mock *mock, struct mock_device *device, enum mock_key by)
{
	uint16_t *bucket = bucket_of(mock, by, key_of(device, by));

	device->next[by] = *bucket;
	*bucket = (uint16_t)(device - mock->devices);
}

/* What is not in is passed over. */
static void
link_out(struct mock *mock, struct mock_device *device, enum mock_key by)
{
	uint16_t *at = bucket_of(mock, by, key_of(device, by));

	while (*at != 0 && &mock->devices[*at] != device)
		at = &mock->devices[*at].next[by];
	if (*at != 0)
		*at = device->next[by];
}

struct mock_device *
mock_device_by(struct mock *mock, enum mock_key by, uint64_t key)
{
	uint16_t at = *bucket_of(mock, by, key);

	while (at != 0 && key_of(&mock->devices[at], by) != key)
		at = mock->devices[at].next[by];
	return at != 0 ? &mock->devices[at] : NULL;
}

void
mock_address_forget(struct mock *mock, uint64_t address)
{
	struct mock_device *device = mock_device_by(mock, MOCK_BY_ADDRESS, address);

	if (address == 0 || device == NULL)
		return;
	link_out(mock, device, MOCK_BY_ADDRESS);
	device->address = 0;
}

struct mock_device *
mock_device_add(struct mock *mock, const struct mock_device *like)
{
	struct mock_device *device;
	unsigned int i;

	/* the place that has been free for longest */
	for (i = 1; i < MOCK_DEVICES_MAX; i++) {
		mock->next_device = (uint16_t)(mock->next_device % (MOCK_DEVICES_MAX - 1) + 1);
		if (mock->devices[mock->next_device].idev_id == 0)
			break;
	}
	if (i == MOCK_DEVICES_MAX)
		return NULL;
	device = &mock->devices[mock->next_device];
	mock_reads_forget(&mock->reads, mock->next_device);
	mock_address_forget(mock, device->address);
	device->endpoint_id = like->endpoint_id;
	device->pasid = like->pasid;
	device->stdev_id = like->stdev_id;
	device->idev_id = like->idev_id;
	device->silent = true;
	link_in(mock, device, MOCK_BY_ENDPOINT);
	link_in(mock, device, MOCK_BY_IDEV);
	if (device->pasid != EMU_NO_PASID)
		__atomic_fetch_add(&mock->nb_standing, 1, __ATOMIC_RELAXED);
	return device;
}

void
mock_device_remove(struct mock *mock, struct mock_device *device)
{
	link_out(mock, device, MOCK_BY_ENDPOINT);
	link_out(mock, device, MOCK_BY_IDEV);
	if (device->pasid != EMU_NO_PASID)
		__atomic_fetch_sub(&mock->nb_standing, 1, __ATOMIC_RELAXED);
	device->idev_id = 0;
}

void
mock_device_address(struct mock *mock, struct mock_device *device, uint64_t address)
{
	/* the kernel has given it to somebody else before */
	mock_address_forget(mock, address);
	device->address = address;
	link_in(mock, device, MOCK_BY_ADDRESS);
}
