/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Regions of files: lib/iommu/backing_file.c. */

#include "region_rig.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "populate_probe.h"

#define IOVA UINT64_C(0x40000000)

static const struct uiommu_region *
find(uint64_t iova)
{
	return uiommu_pvt_region_find(paging->regions, iova);
}

static int fd;

static int
file_setup(void **state)
{
	fd = memfd_create("region", 0);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)(4 * LARGE)), 0);
	return rig_setup(state);
}

static int
file_teardown(void **state)
{
	close(fd);
	return rig_teardown(state);
}

static struct uiommu_backing
of_file(uint64_t offset)
{
	return (struct uiommu_backing){.size = sizeof(struct uiommu_backing),
				       .type = UIOMMU_BACKING_FILE,
				       .fd = fd,
				       .offset = offset};
}

static uint64_t
file_bytes(void)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

static void
file_is_resident(void **state)
{
	struct uiommu_backing backing = of_file(3 * PAGE);
	struct uiommu_region *region;
	uint8_t byte = 0x5a;

	assert_int_equal(pwrite(fd, &byte, 1, (off_t)(4 * PAGE)), 1);
	region = uiommu_region_add(&domain, IOVA, 8 * PAGE, &backing, RW);
	assert_non_null(region);
	assert_int_equal(file_bytes(), 8 * PAGE);
	assert_int_equal(last_advice, MADV_POPULATE_WRITE);
	assert_int_equal(nb_mlock, 1);
	assert_int_equal(region->va[PAGE], 0x5a);
	assert_true(uiommu_pvt_region_pa(region, PAGE) == (uintptr_t)region->va + PAGE);
	/* what is written there is in the file */
	((uint8_t *)(uintptr_t)region->va)[2] = 0x77;
	assert_int_equal(pread(fd, &byte, 1, (off_t)(3 * PAGE + 2)), 1);
	assert_int_equal(byte, 0x77);
	assert_int_equal(uiommu_region_remove(region), 0);
}

static void
file_that_is_only_read(void **state)
{
	struct uiommu_backing backing = of_file(0);
	char path[64];
	int keep = fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	fd = backing.fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(add(IOVA, PAGE, &backing, RW), EBADF);
	assert_int_equal(add(IOVA, PAGE, &backing, R), 0);
	assert_int_equal(last_advice, MADV_POPULATE_READ);
	/* the first write of a page makes a copy: of the unit, not of the file */
	backing.flags = UIOMMU_REGION_COW;
	assert_int_equal(add(2 * IOVA, PAGE, &backing, RW), 0);
	assert_true(uiommu_pvt_region_returns(find(2 * IOVA)));
	close(fd);
	fd = keep;
}

static void
file_is_refused(void **state)
{
	struct uiommu_backing bad;
	int pipes[2], other;

	bad = of_file(0), bad.fd = -1;
	assert_int_equal(add(IOVA, PAGE, &bad, RW), EBADF);
	bad.fd = 9999;
	assert_int_equal(add(IOVA, PAGE, &bad, RW), EBADF);
	bad = of_file(100);
	assert_int_equal(add(IOVA, PAGE, &bad, RW), EINVAL);
	bad = of_file(0), bad.va = &bad;
	assert_int_equal(add(IOVA, PAGE, &bad, RW), EINVAL);
	bad = of_file(0), bad.page_shift = 21;
	assert_int_equal(add(IOVA, PAGE, &bad, RW), EINVAL);
	/* over its end */
	bad = of_file(0);
	assert_int_equal(add(IOVA, 4 * LARGE + PAGE, &bad, RW), EFAULT);
	bad = of_file(4 * LARGE);
	assert_int_equal(add(IOVA, PAGE, &bad, RW), EFAULT);
	bad = of_file(-PAGE);
	assert_int_equal(add(IOVA, PAGE, &bad, RW), EFAULT);
	/* not of memory */
	assert_int_equal(pipe(pipes), 0);
	bad = of_file(0), bad.fd = pipes[0];
	assert_int_equal(add(IOVA, PAGE, &bad, R), ENOTSUP);
	close(pipes[0]);
	close(pipes[1]);
	other = open("/proc/self/exe", O_RDONLY);
	bad.fd = other;
	/* an executable may lie in memory, too: then it is one like any other */
	if (add(IOVA, PAGE, &bad, R) != 0)
		assert_int_equal(rte_errno, ENOTSUP);
	close(other);
	mmap_errno = ENOMEM;
	bad = of_file(0);
	assert_int_equal(add(2 * IOVA, PAGE, &bad, R), ENOMEM);
	mmap_errno = ENODEV;
	assert_int_equal(add(2 * IOVA, PAGE, &bad, R), EFAULT);
}

/* Interruptions, memory that runs out, kernels that cannot. */
static void
populating_fails(void **state)
{
	struct uiommu_backing backing = of_file(0);

	madvise_errno = EINTR;
	madvise_fails = 3;
	assert_int_equal(add(IOVA, PAGE, &backing, RW), 0);
	assert_int_equal(nb_madvise, 4);
	madvise_fails = UINT32_MAX;
	assert_int_equal(add(2 * IOVA, PAGE, &backing, RW), ENOMEM);
	madvise_errno = ENOMEM;
	assert_int_equal(add(2 * IOVA, PAGE, &backing, RW), ENOMEM);
	madvise_errno = EFAULT;
	assert_int_equal(add(2 * IOVA, PAGE, &backing, RW), EFAULT);
	madvise_errno = EINVAL;
	assert_int_equal(add(2 * IOVA, 8 * PAGE, &backing, RW), 0);
	assert_int_equal(file_bytes(), 8 * PAGE);
	hide_pages = true;
	assert_int_equal(add(3 * IOVA, 8 * PAGE, &backing, RW), ENOMEM);
}

static int
pa_elsewhere(struct uiommu_platform *plat, const void *va, size_t len, uint64_t *pa)
{
	*pa = (uintptr_t)va + (UINT64_C(1) << 45);
	return 0;
}

/* Not locked: well where the unit uses the processor's addresses, else pages may move away. */
static void
locking_fails(void **state)
{
	struct uiommu_backing backing = of_file(0);

	mlock_errno = ENOMEM;
	assert_int_equal(add(IOVA, PAGE, &backing, RW), 0);
	assert_true(find(IOVA)->may_move);
	plat_ops.pa_of = pa_elsewhere;
	assert_int_equal(add(2 * IOVA, PAGE, &backing, RW), ENOMEM);
	mlock_errno = 0;
	assert_int_equal(add(2 * IOVA, PAGE, &backing, RW), 0);
	/* hugepages stay where they are */
	mlock_errno = ENOMEM;
	huge_bytes = LARGE;
	assert_int_equal(add(3 * IOVA, LARGE, &backing, RW), 0);
	assert_int_equal(find(3 * IOVA)->page_shift, 21);
}

static void
file_of_hugepages(void **state)
{
	struct uiommu_backing backing = of_file(LARGE);

	huge_bytes = LARGE;
	nb_mlock = 0;
	/* whole pages are mapped, whatever the region takes of the last one */
	assert_int_equal(add(IOVA, LARGE + PAGE, &backing, RW), 0);
	assert_int_equal(find(IOVA)->page_shift, 21);
	assert_int_equal(find(IOVA)->file_len, 2 * LARGE);
	assert_int_equal(nb_mlock, 0);
	backing.page_shift = 12;
	assert_int_equal(add(2 * IOVA, LARGE, &backing, RW), 0);
	assert_int_equal(find(2 * IOVA)->page_shift, 12);
	backing.page_shift = 30;
	assert_int_equal(add(3 * IOVA, LARGE, &backing, RW), EINVAL);
	backing = of_file(PAGE);
	assert_int_equal(add(3 * IOVA, LARGE, &backing, RW), EINVAL);
	huge_bytes = UINT64_C(1) << 30;
	backing = of_file(0);
	/* more than there is: the file must have the last page whole, and memory for it */
	assert_int_equal(add(3 * IOVA, 2 * LARGE, &backing, RW), EFAULT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, file_setup, file_teardown)
		CASE(file_is_resident),
		CASE(file_that_is_only_read),
		CASE(file_is_refused),
		CASE(populating_fails),
		CASE(locking_fails),
		CASE(file_of_hugepages),
	};

	if (!populate_works()) {
		printf("1..0 # SKIP madvise(MADV_POPULATE_WRITE) brings no pages here\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
