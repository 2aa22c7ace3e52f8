/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Objects of the emulated kernel: address spaces, page tables, attachments; what leads where. */

#include <vtd_hw.h>

#include "emu_iommufd_rig.h"

#define MSI UINT64_C(0xfee00000)

static uint64_t
va(unsigned int page)
{
	return (uintptr_t)rig.memory.va + page * UINT64_C(4096);
}

static bool
reaches(uint32_t pasid, uint64_t iova, bool write, uint64_t where)
{
	uint64_t pa = 0;

	return uiommu_emu_translate(rig.emu, DEVICE, pasid, iova, write, &pa) && pa == where;
}

/* ------------------------------------------------------------------ ioctls as such */

static void
structures_may_grow(void **state)
{
	struct {
		struct iommufd_ioas_alloc cmd;
		uint32_t more[4];
	} larger = {.cmd = {.size = sizeof(larger)}};
	struct iommufd_hw_info_vtd about;
	struct iommufd_hw_info info = {
		.size = IOMMUFD_HW_INFO_SIZE_MIN, .data_len = 8, .data_uptr = (uintptr_t)&about,
		.out_max_pasid_log2 = 99,
	};

	(void)state;
	rig_begin(NULL);
	assert_int_equal(call(rig.context, IOMMUFD_IOAS_ALLOC, &larger), 0);
	larger.more[3] = 1;
	assert_int_equal(call(rig.context, IOMMUFD_IOAS_ALLOC, &larger), -E2BIG);
	larger.cmd.size = 8;
	assert_int_equal(call(rig.context, IOMMUFD_IOAS_ALLOC, &larger), -EINVAL);
	assert_int_equal(call(rig.context, IOMMUFD_IO(0x7f), &larger), -ENOTTY);
	assert_int_equal(call(rig.queue, IOMMUFD_IOAS_ALLOC, &larger), -ENOTTY);
	assert_int_equal(call(17, IOMMUFD_IOAS_ALLOC, &larger), -EBADF);
	/* what a caller has no room for is not written */
	info.dev_id = rig.dev_id;
	info.reserved[0] = 0;
	assert_int_equal(call(rig.context, IOMMUFD_GET_HW_INFO, &info), 0);
	assert_int_equal(info.out_data_type, IOMMUFD_HW_INFO_VTD);
	assert_int_equal(info.data_len, sizeof(about));
	info.size = sizeof(info);
	info.data_len = sizeof(about);
	assert_int_equal(call(rig.context, IOMMUFD_GET_HW_INFO, &info), 0);
	assert_int_equal(info.out_max_pasid_log2, 20);
	assert_true((about.ecap_reg & VTD_ECAP_NEST) != 0);
}

/* What something uses cannot be destroyed; ids are used again. */
static void
users_go_first(void **state)
{
	struct iommufd_hwpt_alloc none = {.size = sizeof(none), .dev_id = 99, .pt_id = 1};

	(void)state;
	rig_start(NULL);
	assert_int_equal(destroy(99), -ENOENT);
	assert_int_equal(destroy(rig.dev_id), -EBUSY);
	assert_int_equal(destroy(rig.ioas), -EBUSY);
	assert_int_equal(destroy(rig.hwpt), -EBUSY);
	assert_int_equal(destroy(rig.queue_id), -EBUSY);
	assert_int_equal(call(rig.context, IOMMUFD_HWPT_ALLOC, &none), -ENOENT);
	assert_int_equal(detach(rig.device), 0);
	assert_int_equal(destroy(rig.hwpt), 0);
	assert_int_equal(destroy(rig.queue_id), -EBUSY);
	file_close(rig.queue);
	assert_int_equal(destroy(rig.queue_id), 0);
	assert_int_equal(destroy(rig.ioas), 0);
	assert_int_equal(ioas_alloc(), rig.queue_id);
}

/* ------------------------------------------------------------------ address spaces */

static void
areas_go_whole(void **state)
{
	struct iommufd_ioas_map any = {
		.size = sizeof(any), .flags = IOMMUFD_MAP_READABLE, .length = 4096,
	};

	(void)state;
	rig_start(NULL);
	assert_int_equal(map(0x10000, va(0), 4 * 4096), 0);
	assert_int_equal(map(0x13000, va(4), 4096), -EEXIST);
	assert_int_equal(map(0xf000, va(4), 2 * 4096), -EEXIST);
	assert_int_equal(map(0x14000, va(4), 4096), 0);
	assert_int_equal(unmap(0x11000, 4096), -ENOENT);
	assert_int_equal(unmap(0x20000, 4096), -ENOENT);
	assert_int_equal(unmap(0x10000, 0), -EINVAL);
	assert_int_equal(unmap(UINT64_MAX - 4095, 8192), -EOVERFLOW);
	assert_true(reaches(EMU_NO_PASID, 0x12000, true, va(2)));
	/* those before a part are gone */
	assert_int_equal(unmap(0, 0x14800), -ENOENT);
	assert_false(reaches(EMU_NO_PASID, 0x12000, true, va(2)));
	assert_true(reaches(EMU_NO_PASID, 0x14000, true, va(4)));
	any.ioas_id = rig.ioas;
	any.user_va = va(5);
	assert_int_equal(call(rig.context, IOMMUFD_IOAS_MAP, &any), 0);
	assert_true(reaches(EMU_NO_PASID, any.iova, false, va(5)));
	assert_false(reaches(EMU_NO_PASID, any.iova, true, va(5)));
	assert_int_equal(unmap(0, UINT64_MAX), 0);
	assert_false(reaches(EMU_NO_PASID, 0x14000, false, va(4)));
	assert_int_equal(map_with(0, va(0), 4096, IOMMUFD_MAP_FIXED_IOVA), -EINVAL);
	assert_int_equal(map(0x10001, va(0), 4096), -EINVAL);
	assert_int_equal(map(0x10000, va(0) + 1, 4096), -EINVAL);
	assert_int_equal(map(0x10000, 0, 4096), -EFAULT);
	assert_clean();
}

static void
ranges_end_where_the_unit_does(void **state)
{
	struct iommufd_iova_range ranges[2];
	struct iommufd_iova_ranges cmd = {
		.size = sizeof(cmd), .num_iovas = 1, .allowed_iovas = (uintptr_t)ranges,
	};

	(void)state;
	rig_begin(NULL);
	cmd.ioas_id = rig.ioas;
	assert_int_equal(call(rig.context, IOMMUFD_IOAS_IOVA_RANGES, &cmd), 0);
	assert_true(ranges[0].last == UINT64_MAX);
	/* what was mapped before must be in the unit's range */
	assert_int_equal(map(UINT64_C(1) << 50, va(0), 4096), 0);
	assert_int_equal(hwpt_alloc(0, rig.ioas, 0, NULL), -EADDRINUSE);
	assert_int_equal(unmap(0, UINT64_MAX), 0);
	assert_int_equal(map(MSI, va(0), 4096), 0);
	assert_int_equal(attach(rig.device, rig.ioas), -EADDRINUSE);
	assert_int_equal(unmap(MSI, 4096), 0);
	assert_int_equal(attach(rig.device, rig.ioas), 0);
	assert_int_equal(call(rig.context, IOMMUFD_IOAS_IOVA_RANGES, &cmd), -EMSGSIZE);
	assert_int_equal(cmd.num_iovas, 2);
	assert_int_equal(call(rig.context, IOMMUFD_IOAS_IOVA_RANGES, &cmd), 0);
	assert_true(ranges[0].last == MSI - 1 && ranges[1].start == MSI + 0x100000);
	assert_true(ranges[1].last == (UINT64_C(1) << 48) - 1);
	assert_int_equal(cmd.out_iova_alignment, 4096);
	assert_int_equal(map(MSI - 4096, va(0), 8192), -EINVAL);
	assert_int_equal(map(UINT64_C(1) << 48, va(0), 4096), -EINVAL);
	/* an IOAS that is attached has no fault queue */
	assert_int_equal(ask(EMU_NO_PASID, 1), UIOMMU_EMU_AUTO_INVALID);
}

/* Many areas, in and out at random, against a plain array. */
static void
areas_are_as_an_array_has_them(void **state)
{
	uint8_t there[256] = {0};
	uint64_t seed = 11;
	unsigned int i, page;

	(void)state;
	rig_start(NULL);
	for (i = 0; i < 20000; i++) {
		page = (unsigned int)emu_random_below(&seed, ARRAY_COUNT(there));
		switch (emu_random_below(&seed, 3)) {
		case 0:
			assert_int_equal(map((page + 1) * 4096, va(page % PAGES), 4096),
					 there[page] ? -EEXIST : 0);
			there[page] = 1;
			break;
		case 1:
			assert_int_equal(unmap((page + 1) * 4096, 4096), there[page] ? 0 : -ENOENT);
			there[page] = 0;
			break;
		default:
			assert_int_equal(reaches(EMU_NO_PASID, (page + 1) * 4096, true,
						 va(page % PAGES)), there[page]);
		}
	}
	assert_int_equal(uiommu_emu_audit(rig.emu), 0);
	assert_clean();
}

/* ------------------------------------------------------------------ page tables */

static void
pasids_want_tables_for_them(void **state)
{
	int plain, queued;

	(void)state;
	rig_start(NULL);
	plain = hwpt_alloc(0, rig.ioas, 0, NULL);
	queued = hwpt_alloc(IOMMUFD_HWPT_FAULT_ID_VALID | IOMMUFD_HWPT_PASID, rig.ioas,
			    rig.queue_id, NULL);
	assert_true(plain > 0 && queued > 0);
	assert_int_equal(attach_pasid((uint32_t)plain, 1), -EINVAL);
	assert_int_equal(attach_pasid((uint32_t)queued, 1), 0);
	/* the requester id must go along with it */
	assert_int_equal(attach(rig.device, (uint32_t)plain), -EINVAL);
	assert_int_equal(detach_pasid(1), 0);
	assert_int_equal(attach(rig.device, (uint32_t)plain), 0);
	assert_int_equal(attach_pasid((uint32_t)queued, 1), -EINVAL);
	assert_int_equal(attach_pasid((uint32_t)queued, 1 << 20), -EINVAL);
	assert_clean();
	assert_int_equal(attach_pasid((uint32_t)queued, 0), -EINVAL);
	assert_int_equal(verdict(false).protocol, 1);
}

static void
old_kernels_know_less(void **state)
{
	struct uiommu_args old[] = {
		{"pasid_attach", 0, NULL}, {"paging_faults", 0, NULL}, {NULL, 0, NULL},
	};
	struct iommufd_vtd_s1 s1 = {.addr_width = 48};
	int parent, nested;

	(void)state;
	rig_begin(old);
	assert_int_equal(hwpt_alloc(IOMMUFD_HWPT_PASID, rig.ioas, 0, NULL), -EOPNOTSUPP);
	assert_int_equal(hwpt_alloc(IOMMUFD_HWPT_FAULT_ID_VALID, rig.ioas, rig.queue_id, NULL),
			 -EOPNOTSUPP);
	parent = hwpt_alloc(IOMMUFD_HWPT_NEST_PARENT, rig.ioas, 0, NULL);
	assert_true(parent > 0);
	assert_int_equal(attach_pasid((uint32_t)parent, 1), -EINVAL);
	nested = hwpt_alloc(IOMMUFD_HWPT_FAULT_ID_VALID, (uint32_t)parent, rig.queue_id, &s1);
	assert_true(nested > 0);
	assert_int_equal(attach(rig.device, (uint32_t)nested), 0);
	assert_int_equal(ask(EMU_NO_PASID, 1), UIOMMU_EMU_QUEUED);
	assert_int_equal(ask(1, 2), UIOMMU_EMU_AUTO_INVALID);
	serve_all();
	assert_clean();
}

/* Four levels in the parent's address space; a page of 4 KiB and one of 1 GiB. */
static void
guests_have_tables(void **state)
{
	struct iommufd_vtd_s1 s1 = {.pgtbl_addr = 0x100000, .addr_width = 48};
	const uint64_t to = VTD_FS_P | VTD_FS_RW | VTD_FS_US;
	uint64_t *table;
	int parent, nested;

	(void)state;
	rig_begin(NULL);
	assert_int_equal(map(0x100000, va(0), 4 * 4096), 0);
	assert_int_equal(map(0x200000, va(4), 4096), 0);
	table = rig.memory.va;
	table[0] = 0x101000 | to;
	table[512] = 0x102000 | to;
	table[513] = to | VTD_FS_PS;
	table[1024] = 0x103000 | to;
	table[1536 + 5] = 0x200000 | VTD_FS_P | VTD_FS_US;
	assert_int_equal(hwpt_alloc(0, rig.hwpt, 0, &s1), -EINVAL);
	parent = hwpt_alloc(IOMMUFD_HWPT_NEST_PARENT, rig.ioas, 0, NULL);
	assert_int_equal(hwpt_alloc(0, (uint32_t)parent, 0, NULL), -EOPNOTSUPP);
	s1.reserved = 1;
	assert_int_equal(hwpt_alloc(0, (uint32_t)parent, 0, &s1), -EOPNOTSUPP);
	s1.reserved = 0;
	nested = hwpt_alloc(0, (uint32_t)parent, 0, &s1);
	assert_true(nested > 0);
	assert_int_equal(destroy((uint32_t)parent), -EBUSY);
	assert_int_equal(attach(rig.device, (uint32_t)nested), 0);
	assert_true(reaches(EMU_NO_PASID, 0x5000, false, va(4)));
	assert_false(reaches(EMU_NO_PASID, 0x5000, true, va(4)));
	assert_false(reaches(EMU_NO_PASID, 0x6000, false, va(4)));
	/* of the page of 1 GiB, what the parent has */
	assert_true(reaches(EMU_NO_PASID, (UINT64_C(1) << 30) + 0x200000, true, va(4)));
	assert_false(reaches(EMU_NO_PASID, (UINT64_C(1) << 30) + 0x300000, true, va(4)));
	/* the device has forgotten it when the call returns */
	table[1536 + 5] = 0;
	assert_true(reaches(EMU_NO_PASID, 0x5000, false, va(4)));
	assert_int_equal(unmap(0x200000, 4096), 0);
	assert_false(reaches(EMU_NO_PASID, 0x5000, false, va(4)));
	assert_int_equal(uiommu_emu_audit(rig.emu), 0);
	assert_clean();
}

/* Success without a mapping is noticed, R3. */
static void
success_is_looked_up(void **state)
{
	unsigned int i;

	(void)state;
	rig_start(NULL);
	attach_pasid(rig.hwpt, 1);
	attach_pasid(rig.hwpt, 2);
	assert_int_equal(map(0x1000, va(0), PAGES * 4096), 0);
	rig_traffic(&(struct uiommu_emu_traffic){
		.verify = true, .burst = 8, .window_pages = PAGES, .window_iova = 4096,
		.write_ratio = 0.5, .group_pages_max = 3,
	});
	for (i = 0; i < 50; i++) {
		step();
		serve_all();
	}
	rig_rest();
	assert_true(verdict(true).verified > 100);
	assert_clean();
	assert_int_equal(unmap(0x1000, PAGES * 4096), 0);
	assert_int_equal(map(0x1000, va(0), (PAGES - 1) * 4096), 0);
	uiommu_emu_traffic_run(rig.emu, true);
	for (i = 0; i < 50; i++) {
		step();
		serve_all();
	}
	rig_rest();
	assert_true(verdict(true).unmapped > 0);
	assert_int_equal(verdict(true).wrong | verdict(true).unexpected, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(structures_may_grow),
		CASE(users_go_first),
		CASE(areas_go_whole),
		CASE(ranges_end_where_the_unit_does),
		CASE(areas_are_as_an_array_has_them),
		CASE(pasids_want_tables_for_them),
		CASE(old_kernels_know_less),
		CASE(guests_have_tables),
		CASE(success_is_looked_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
