/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef EMU_IOMMUFD_RIG_H
#define EMU_IOMMUFD_RIG_H

/*
 * What the tests of the emulation of iommufd stand on: system calls one by one, as user space makes
 * them. The model takes a step where a test says so.
 */

#include "emu_neighbours.h"

#include <poll.h>

#include <iommufd_hw.h>

#define DEVICE 0x0108
#define OTHER 0x0110
#define PAGES 8

static struct rig {
	struct uiommu_platform plat;
	struct uiommu_emu *emu;
	int context;
	int device;
	int queue;         /* descriptor */
	uint32_t dev_id;
	uint32_t queue_id;
	uint32_t ioas;
	uint32_t hwpt;     /* of the IOAS, with the fault queue */
	struct uiommu_dma memory; /* PAGES pages */
	uint64_t taken;           /* records that serve_all() has read */
} rig;

#include "emu_rig_unit.h"

static inline int
call(int fd, unsigned long request, void *arg)
{
	return rig.plat.ops->files->ioctl(&rig.plat, fd, request, arg);
}

static inline int
destroy(uint32_t id)
{
	struct iommufd_destroy cmd = {.size = sizeof(cmd), .id = id};

	return call(rig.context, IOMMUFD_DESTROY, &cmd);
}

static inline uint32_t
ioas_alloc(void)
{
	struct iommufd_ioas_alloc cmd = {.size = sizeof(cmd)};

	assert_int_equal(call(rig.context, IOMMUFD_IOAS_ALLOC, &cmd), 0);
	return cmd.out_ioas_id;
}

static inline int
map_with(uint64_t iova, uint64_t va, uint64_t length, uint32_t flags)
{
	struct iommufd_ioas_map cmd = {
		.size = sizeof(cmd), .flags = flags, .ioas_id = rig.ioas, .user_va = va,
		.length = length, .iova = iova,
	};

	return call(rig.context, IOMMUFD_IOAS_MAP, &cmd);
}

/* For reading and writing. */
static inline int
map(uint64_t iova, uint64_t va, uint64_t length)
{
	return map_with(iova, va, length, IOMMUFD_MAP_FIXED_IOVA | IOMMUFD_MAP_WRITEABLE |
						  IOMMUFD_MAP_READABLE);
}

static inline int
unmap(uint64_t iova, uint64_t length)
{
	struct iommufd_ioas_unmap cmd = {
		.size = sizeof(cmd), .ioas_id = rig.ioas, .iova = iova, .length = length,
	};

	return call(rig.context, IOMMUFD_IOAS_UNMAP, &cmd);
}

/* @return id, or a negative errno */
static inline int
hwpt_alloc(uint32_t flags, uint32_t pt_id, uint32_t fault_id, const struct iommufd_vtd_s1 *s1)
{
	struct iommufd_hwpt_alloc cmd = {
		.size = sizeof(cmd), .flags = flags, .dev_id = rig.dev_id, .pt_id = pt_id,
		.fault_id = fault_id,
	};
	int ret;

	if (s1 != NULL) {
		cmd.data_type = IOMMUFD_HWPT_DATA_VTD_S1;
		cmd.data_len = sizeof(*s1);
		cmd.data_uptr = (uintptr_t)s1;
	}
	ret = call(rig.context, IOMMUFD_HWPT_ALLOC, &cmd);
	return ret == 0 ? (int)cmd.out_hwpt_id : ret;
}

static inline int
attach(int device, uint32_t pt_id)
{
	struct iommufd_vfio_attach cmd = {.argsz = sizeof(cmd), .pt_id = pt_id};

	return call(device, IOMMUFD_VFIO_ATTACH, &cmd);
}

static inline int
attach_pasid(uint32_t pt_id, uint32_t pasid)
{
	struct iommufd_vfio_attach cmd = {
		.argsz = sizeof(cmd), .flags = IOMMUFD_VFIO_PASID, .pt_id = pt_id, .pasid = pasid,
	};

	return call(rig.device, IOMMUFD_VFIO_ATTACH, &cmd);
}

static inline int
detach(int device)
{
	struct iommufd_vfio_detach cmd = {.argsz = sizeof(cmd)};

	return call(device, IOMMUFD_VFIO_DETACH, &cmd);
}

static inline int
detach_pasid(uint32_t pasid)
{
	struct iommufd_vfio_detach cmd = {
		.argsz = sizeof(cmd), .flags = IOMMUFD_VFIO_PASID, .pasid = pasid,
	};

	return call(rig.device, IOMMUFD_VFIO_DETACH, &cmd);
}

static inline int
device_open(uint32_t endpoint_id, uint32_t *dev_id)
{
	struct iommufd_vfio_bind bind = {.argsz = sizeof(bind), .iommufd = rig.context};
	struct uiommu_file_device about;
	int fd = rig.plat.ops->files->device_open(&rig.plat, rig.context, endpoint_id, &about);

	assert_true(fd >= 0);
	assert_int_equal(call(fd, IOMMUFD_VFIO_BIND, &bind), 0);
	*dev_id = bind.out_devid;
	return fd;
}

static inline int
queue_open(uint32_t *id)
{
	struct iommufd_fault_alloc cmd = {.size = sizeof(cmd)};

	assert_int_equal(call(rig.context, IOMMUFD_FAULT_QUEUE_ALLOC, &cmd), 0);
	*id = cmd.out_fault_id;
	return (int)cmd.out_fault_fd;
}

static inline void
file_close(int fd)
{
	rig.plat.ops->files->close(&rig.plat, fd);
}

static inline ssize_t
take(struct iommufd_fault *faults, unsigned int nb)
{
	return rig.plat.ops->files->read(&rig.plat, rig.queue, faults, nb * sizeof(*faults));
}

static inline ssize_t
give(const struct iommufd_resp *resps, unsigned int nb)
{
	return rig.plat.ops->files->write(&rig.plat, rig.queue, resps, nb * sizeof(*resps));
}

static inline ssize_t
give_one(uint32_t cookie, uint32_t code)
{
	const struct iommufd_resp resp = {.cookie = cookie, .code = code};

	return give(&resp, 1);
}

static inline bool
is_ready(void)
{
	return rig.plat.ops->files->poll(&rig.plat, rig.queue, POLLIN) == POLLIN;
}

static inline void
device_plug(uint32_t endpoint_id)
{
	static const uint32_t pasids[] = {1, 2, EMU_NO_PASID};
	const struct uiommu_emu_device_conf conf = {
		.endpoint_id = endpoint_id, .nb_pasids = ARRAY_COUNT(pasids), .pasids = pasids,
	};

	assert_int_equal(uiommu_emu_device_add(rig.emu, &conf), 0);
}

/* Everything but the page table. */
static inline void
rig_begin(struct uiommu_args *args)
{
	rig_unit_open("iommufd0", "iommufd", args);
	uiommu_emu_log(rig.emu, true);
	device_plug(DEVICE);
	memory(&rig.memory, PAGES * 4096);
	rig.context = rig.plat.ops->files->context_open(&rig.plat);
	assert_true(rig.context >= 0);
	rig.device = device_open(DEVICE, &rig.dev_id);
	rig.queue = queue_open(&rig.queue_id);
	rig.ioas = ioas_alloc();
}

/* An IOAS, attached to the requester id, with a fault queue. */
static inline void
rig_start(struct uiommu_args *args)
{
	int hwpt;

	rig_begin(args);
	hwpt = hwpt_alloc(IOMMUFD_HWPT_FAULT_ID_VALID | IOMMUFD_HWPT_PASID, rig.ioas, rig.queue_id,
			  NULL);
	assert_true(hwpt > 0);
	rig.hwpt = (uint32_t)hwpt;
	assert_int_equal(attach(rig.device, rig.hwpt), 0);
}

static inline enum uiommu_emu_outcome
ask_part(uint32_t pasid, uint16_t prgi, uint64_t iova, bool last)
{
	const struct uiommu_emu_request req = {
		.endpoint_id = DEVICE, .pasid = pasid, .iova = iova, .prg_index = prgi,
		.read = true, .write = true, .last = last,
	};

	return uiommu_emu_request(rig.emu, &req);
}

static inline enum uiommu_emu_outcome
ask(uint32_t pasid, uint16_t prgi)
{
	return ask_part(pasid, prgi, UINT64_C(0x1000) * prgi, true);
}

/* The next answer that a device got. */
static inline void
assert_answer(uint32_t pasid, uint16_t prgi, uint16_t code, bool by_unit)
{
	struct uiommu_emu_response resp;

	assert_true(uiommu_emu_response_next(rig.emu, &resp));
	assert_int_equal(resp.endpoint_id, DEVICE);
	assert_int_equal(resp.pasid, pasid);
	assert_int_equal(resp.prg_index, prgi);
	assert_int_equal(resp.code, code);
	assert_int_equal(resp.by_unit, by_unit);
}

static inline void
assert_no_answer(void)
{
	struct uiommu_emu_response resp;

	assert_false(uiommu_emu_response_next(rig.emu, &resp));
}

static inline void
serve_all(void)
{
	struct iommufd_fault faults[64];
	ssize_t got = take(faults, 64), i;

	rig.taken += got > 0 ? (uint64_t)got / sizeof(faults[0]) : 0;
	for (i = 0; i < got / (ssize_t)sizeof(faults[0]); i++)
		if ((faults[i].flags & IOMMUFD_FAULT_LAST) != 0)
			give_one(faults[i].cookie, IOMMUFD_RESP_SUCCESS);
}

#endif /* EMU_IOMMUFD_RIG_H */
