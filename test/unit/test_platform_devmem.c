/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * The platform "devmem" as a whole, all of its sources included, on a machine of files: the DMAR
 * table, what the kernel shows, and a /dev/mem that is a file.
 */

#include "platform_rig.h"

#include "dmar_table.h"

#define UNIT0 "0xfed90000"
#define UNIT1 "0xfed92000"
#define TABLE "/sys/firmware/acpi/tables/DMAR"

/* Where in the file that stands for /dev/mem the units are: it is not as large as all memory. */
static uint64_t mem_base;
static int mmap_error;
static unsigned int nb_maps;
static uint64_t map_pa;
/* Allocations that succeed from now on. */
static unsigned int nb_mallocs;

static void *
rig_mmap(void *va, size_t size, int prot, int flags, int fd, off_t offset)
{
	assert_int_equal(prot, PROT_READ | PROT_WRITE);
	assert_int_equal(flags, MAP_SHARED);
	/* not by way of the caches */
	assert_true((fcntl(fd, F_GETFL) & O_SYNC) == O_SYNC);
	if (mmap_error != 0) {
		errno = mmap_error;
		return MAP_FAILED;
	}
	nb_maps++;
	map_pa = (uint64_t)offset;
	return mmap(va, size, prot, flags, fd, (off_t)(map_pa - mem_base));
}

static int
rig_munmap(void *va, size_t size)
{
	nb_maps--;
	return munmap(va, size);
}

static bool
may_allocate(void)
{
	return nb_mallocs != 0 && nb_mallocs-- != 0;
}

static void *
rig_malloc(size_t size)
{
	return may_allocate() ? malloc(size) : NULL;
}

static void *
rig_calloc(size_t nb, size_t size)
{
	return may_allocate() ? calloc(nb, size) : NULL;
}

/* A read that fails, of the table. */
static int read_error;

static ssize_t
rig_read(int fd, void *bytes, size_t size)
{
	errno = read_error;
	return read_error != 0 ? -1 : read(fd, bytes, size);
}

#define mmap rig_mmap
#define munmap rig_munmap
#define malloc rig_malloc
#define calloc rig_calloc
#define read rig_read

#include "platform_claim.c"
#include "platform_file.c"
#include "platform_memory.c"
#include "dmar.c"
#include "devmem_check.c"
#include "devmem_find.c"
#include "devmem.c"

#undef mmap
#undef munmap
#undef malloc
#undef calloc
#undef read

static struct dmar_table table;

static const char iomem[] =
	"00000000-00000fff : Reserved\n"
	"00001000-0009ffff : System RAM\n"
	"00100000-bfffffff : System RAM\n"
	"  01000000-0220bb07 : Kernel code\n"
	"fed90000-fed90fff : dmar0\n"
	"fed92000-fed92fff : dmar1\n"
	"100000000-63fffffff : System RAM\n";

static int
set_up(void **state)
{
	static uint8_t mem[16384];

	if (rig_set_up(state) != 0)
		return -1;
	platform_root = rig_root;
	mmap_error = read_error = 0;
	nb_maps = 0;
	nb_mallocs = UINT32_MAX;
	mem_base = UINT64_C(0xfed90000);
	mem[0x2008] = 0x5a;
	dmar_table_begin(&table);
	dmar_table_drhd(&table, UINT64_C(0xfed90000), 0, 0, 0, 8);
	dmar_table_drhd(&table, UINT64_C(0xfed92000), 1, 0, 1, 0);
	dmar_table_end(&table);
	tree_bytes(TABLE, table.bytes, table.size);
	tree_file("/proc/iomem", iomem);
	tree_file("/proc/self/status", "CapEff:\t000001ffffffffff\n");
	tree_bytes("/dev/mem", mem, sizeof(mem));
	tree_folder("/sys/class/iommu");
	return 0;
}

static int
tear_down(void **state)
{
	const bool clean = nb_maps == 0 && claims == NULL;

	return rig_tear_down(state) == 0 && clean ? 0 : -1;
}

static int
open_unit(const char *devargs)
{
	char all[256];

	snprintf(all, sizeof(all), "vtd,platform=devmem,%s", devargs);
	return plat_open(all);
}

static void
opened(void **state)
{
	static const struct {
		const char *devargs;
		uint64_t pa;
		size_t size;
	} cases[] = {
		{"address=" UNIT0, UINT64_C(0xfed90000), 4096},
		{"unit=0", UINT64_C(0xfed90000), 4096},
		/* as large as the table has it, or as is asked for */
		{"unit=1", UINT64_C(0xfed92000), 8192},
		{"address=" UNIT1, UINT64_C(0xfed92000), 8192},
		{"unit=1,size=4096", UINT64_C(0xfed92000), 4096},
		{"address=" UNIT0 ",size=16384", UINT64_C(0xfed90000), 16384},
		/* no table has it */
		{"address=0xfed91000,force=1", UINT64_C(0xfed91000), 4096},
		{"address=0xfed91000,force=1,size=8192", UINT64_C(0xfed91000), 8192},
	};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		assert_int_equal(open_unit(cases[i].devargs), 0);
		assert_int_equal(nb_maps, 1);
		assert_true(map_pa == cases[i].pa);
		assert_int_equal(rig_plat.regs_size, cases[i].size);
		(registered->close)(&rig_plat);
		assert_int_equal(nb_maps, 0);
		assert_null(rig_plat.regs);
	}
	assert_int_equal(open_unit("unit=1,coherent=0"), 0);
	assert_false(rig_plat.coherent);
	assert_int_equal(uiommu_reg_read32(&rig_plat, 8), 0x5a);
	uiommu_reg_write64(&rig_plat, 8, 1);
	assert_true(uiommu_reg_read64(&rig_plat, 8) == 1);
	(registered->close)(&rig_plat);
	assert_string_equal(log_take(), "");
}

static void
bad_devargs(void **state)
{
	static const char line[] = "devmem: unit0: devargs need one of address=, of the registers, "
				   "and unit=, in the DMAR table\n";
	static const char *const neither[] = {"size=4096", "address=" UNIT0 ",unit=0"};
	static const char *const bad[] = {
		"address=x", "unit=-1", "unit=0,size=4095", "unit=0,size=0", "unit=0,force=2",
		"unit=0,size=0x10000000", "unit=0,coherent=2",
	};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(neither); i++) {
		assert_int_equal(open_unit(neither[i]), -EINVAL);
		assert_string_equal(log_take(), line);
	}
	for (i = 0; i < ARRAY_COUNT(bad); i++) {
		assert_int_equal(open_unit(bad[i]), -EINVAL);
		assert_non_null(strstr(log_take(), "expected a number"));
	}
}

static void
no_such_unit(void **state)
{
	assert_refused(open_unit("unit=2"), -ENODEV, "devmem: unit0: no unit=2: the DMAR table has "
		       "2, counted from 0");
	assert_refused(open_unit("address=0xfed91000"), -ENODEV, "devmem: unit0: no unit at "
		       "0xfed91000 in the DMAR table, which has 2: give unit=, or force=1 if the "
		       "address is right all the same");
	/* force is about the address; a number is one of the table's */
	assert_refused(open_unit("unit=2,force=1"), -ENODEV, "devmem: unit0: no unit=2: the DMAR "
		       "table has 2, counted from 0");
}

static void
bad_table(void **state)
{
	table.bytes[60] ^= 1;
	tree_bytes(TABLE, table.bytes, table.size);
	assert_refused(open_unit("unit=0"), -ENODEV, "devmem: unit0: the DMAR table is damaged, "
		       "its checksum is wrong: give address= and force=1 if the address is known");
	tree_remove(TABLE);
	assert_refused(open_unit("address=" UNIT0), -ENODEV, "devmem: unit0: no DMAR table, so "
		       "firmware knows of no VT-d unit here: turn VT-d on in its set-up, or give "
		       "address= and force=1");
	tree_file(TABLE, "");
	denied = TABLE;
	assert_refused(open_unit("unit=0"), -EACCES, "devmem: unit0: no permission for "
		       "/sys/firmware/acpi/tables/DMAR: run as root");
	denied_errno = EMFILE;
	assert_refused(open_unit("unit=0"), -EMFILE, "devmem: unit0: "
		       "/sys/firmware/acpi/tables/DMAR cannot be read: Too many open files");
	denied = NULL;
	read_error = EIO;
	assert_refused(open_unit("unit=0"), -EIO, "devmem: unit0: /sys/firmware/acpi/tables/DMAR "
		       "cannot be read: Input/output error");
	read_error = 0;
	/* none of which is looked at */
	assert_int_equal(open_unit("force=1,address=" UNIT0), 0);
	(registered->close)(&rig_plat);
}

/* An address that firmware or the user got wrong. */
static void
bad_address(void **state)
{
	assert_refused(open_unit("force=1,address=0xfed90010"), -EINVAL, "devmem: unit0: "
		       "0xfed90010 is not the address of a page: registers begin on one of 4096 "
		       "bytes");
	assert_refused(open_unit("force=1,address=0"), -EINVAL, "devmem: unit0: 0x0 is not the "
		       "address of a page: registers begin on one of 4096 bytes");
	assert_refused(open_unit("force=1,size=4097,address=" UNIT0), -EINVAL, "devmem: unit0: "
		       "size=4097: a multiple of 4096");
	assert_refused(open_unit("force=1,address=0xfffffffffffff000"), -EINVAL, "devmem: unit0: "
		       "0xfffffffffffff000 and 4096 bytes reach beyond all memory");
	assert_refused(open_unit("force=1,size=8192,address=0xffffffffff000"), -EINVAL, "devmem: "
		       "unit0: 0xffffffffff000 and 8192 bytes reach beyond all memory");
	dmar_table_begin(&table);
	dmar_table_drhd(&table, 8, 0, 0, 0, 0);
	dmar_table_end(&table);
	tree_bytes(TABLE, table.bytes, table.size);
	assert_refused(open_unit("unit=0"), -EINVAL, "devmem: unit0: 0x8 is not the address of a "
		       "page: registers begin on one of 4096 bytes");
}

static void
owned_by_the_kernel(void **state)
{
	tree_file("/sys/class/iommu/dmar1/intel-iommu/address", "fed92000\n");
	tree_file("/sys/class/iommu/smmu3.0x0000000009050000/uevent", "");
	/* only that one */
	assert_int_equal(open_unit("unit=0"), 0);
	(registered->close)(&rig_plat);
	assert_refused(open_unit("unit=1"), -EBUSY, "devmem: unit0: the running kernel owns the "
		       "unit at 0xfed92000 (dmar1): boot it with intel_iommu=off");
	/* nor by another address, or with more than the page */
	assert_refused(open_unit("force=1,size=8192,address=0xfed91000"), -EBUSY, "devmem: unit0: "
		       "the running kernel owns the unit at 0xfed92000 (dmar1): boot it with "
		       "intel_iommu=off");
	assert_int_equal(open_unit("force=1,address=0xfed93000"), 0);
	(registered->close)(&rig_plat);
	assert_int_equal(open_unit("force=1,address=0xfed91000"), 0);
	(registered->close)(&rig_plat);
	/* a kernel without the class has no units */
	tree_remove("/sys/class");
	assert_int_equal(open_unit("unit=1"), 0);
	(registered->close)(&rig_plat);
}

static void
interrupts_are_remapped(void **state)
{
	tree_file("/proc/interrupts",
		  "            CPU0\n   8:          0  IO-APIC   8-edge      rtc0\n"
		  "  24:          7  PCI-MSI-0000:00:1f.2  0-edge      ahci-IR-\n"
		  " NMI:          0   Non-maskable interrupts\n");
	assert_int_equal(open_unit("unit=0"), 0);
	(registered->close)(&rig_plat);
	tree_file("/proc/interrupts",
		  "            CPU0\n   8:          0  IR-IO-APIC   8-edge      rtc0\n");
	assert_refused(open_unit("unit=0"), -EBUSY, "devmem: unit0: the running kernel has its "
		       "interrupts remapped, by this unit or another one: boot it with "
		       "intremap=off");
	assert_int_equal(open_unit("force=1,address=" UNIT0), -EBUSY);
}

static void
memory_is_no_unit(void **state)
{
	static const struct {
		const char *devargs, *what;
	} cases[] = {
		{"address=0x1000", "4096 bytes at 0x1000"},
		{"address=0x9f000", "4096 bytes at 0x9f000"},
		/* the end of the range, its start, and around one */
		{"address=0xbffff000", "4096 bytes at 0xbffff000"},
		{"address=0xff000,size=8192", "8192 bytes at 0xff000"},
		{"address=0xa0000,size=0x80000", "524288 bytes at 0xa0000"},
		{"address=0x63ffff000", "4096 bytes at 0x63ffff000"},
	};
	char devargs[128], line[256];
	size_t i;

	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		snprintf(devargs, sizeof(devargs), "force=1,%s", cases[i].devargs);
		snprintf(line, sizeof(line),
			 "devmem: unit0: %s are System RAM, not registers: another address=\n",
			 cases[i].what);
		assert_int_equal(open_unit(devargs), -EINVAL);
		assert_string_equal(log_take(), line);
	}
	/* between two ranges of it */
	mem_base = UINT64_C(0xa0000);
	assert_int_equal(open_unit("force=1,address=0xa0000"), 0);
	(registered->close)(&rig_plat);
	mem_base = UINT64_C(0xff000);
	assert_int_equal(open_unit("force=1,address=0xff000"), 0);
	(registered->close)(&rig_plat);
	mem_base = UINT64_C(0xc0000000);
	assert_int_equal(open_unit("force=1,address=0xc0000000"), 0);
	(registered->close)(&rig_plat);
	/* one byte of it is enough */
	tree_file("/proc/iomem", "00001000-000a0000 : System RAM\n");
	assert_int_equal(open_unit("force=1,address=0xa0000"), -EINVAL);
}

static void
no_telling_what_is_there(void **state)
{
	tree_file("/proc/iomem",
		  "00000000-00000000 : Reserved\n00000000-00000000 : System RAM\n");
	assert_refused(open_unit("unit=0"), -EACCES, "devmem: unit0: /proc/iomem has no addresses "
		       "for this user: run as root");
	tree_file("/proc/iomem", "nothing\n\n-\n");
	assert_int_equal(open_unit("unit=0"), -EACCES);
	log_take();
	tree_remove("/proc/iomem");
	assert_refused(open_unit("unit=0"), -ENOENT, "devmem: unit0: /proc/iomem cannot be read, "
		       "so there is no telling what is at 0xfed90000: No such file or directory");
}

static void
kernel_says_no(void **state)
{
	static const char *const levels[] = {
		"none [integrity] confidentiality\n", "none integrity [confidentiality]\n",
	};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(levels); i++) {
		tree_file("/sys/kernel/security/lockdown", levels[i]);
		assert_refused(open_unit("unit=0"), -EPERM, "devmem: unit0: the kernel is locked "
			       "down, so /dev/mem is closed: boot it with lockdown=none, or "
			       "without Secure Boot");
	}
	tree_file("/sys/kernel/security/lockdown", "[none] integrity confidentiality\n");
	assert_int_equal(open_unit("unit=0"), 0);
	(registered->close)(&rig_plat);
	mmap_error = EPERM;
	assert_refused(open_unit("unit=0"), -EPERM, "devmem: unit0: the kernel keeps 0xfed90000 to "
		       "itself (CONFIG_STRICT_DEVMEM, CONFIG_IO_STRICT_DEVMEM): boot it with "
		       "iomem=relaxed");
	mmap_error = EINVAL;
	assert_refused(open_unit("unit=0"), -EINVAL, "devmem: unit0: 0xfed90000 cannot be mapped: "
		       "Invalid argument");
	mmap_error = 0;
	denied = "/dev/mem";
	denied_errno = EACCES;
	assert_refused(open_unit("unit=0"), -EACCES, "devmem: unit0: /dev/mem cannot be opened: "
		       "Permission denied");
	tree_remove("/dev/mem");
	assert_refused(open_unit("unit=0"), -ENODEV, "devmem: unit0: no /dev/mem: a kernel without "
		       "it (CONFIG_DEVMEM), or a container");
	tree_file("/proc/self/status", "CapEff:\t0000000000000000\n");
	assert_refused(open_unit("unit=0"), -EACCES, "devmem: unit0: no permission for /dev/mem: "
		       "it takes CAP_SYS_RAWIO, run as root");
}

static void
wants_physical_addresses(void **state)
{
	eal_iova_mode = RTE_IOVA_VA;
	assert_refused(open_unit("unit=0"), -ENOTSUP, "devmem: unit0: the unit takes physical "
		       "addresses, but EAL goes by virtual ones: start EAL with --iova-mode=pa, as "
		       "root");
	eal_hugepages = 0;
	assert_refused(open_unit("unit=0"), -ENOTSUP, "devmem: unit0: memory has no physical "
		       "addresses: start EAL without --no-huge, and give it hugepages");
}

static void
open_twice(void **state)
{
	struct uiommu_platform second = {.ops = registered, .name = "unit1"};
	struct uiommu_args args;

	assert_int_equal(open_unit("unit=0"), 0);
	assert_int_equal(uiommu_pvt_args_parse(&args, "vtd,address=" UNIT0), 0);
	assert_refused((registered->open)(&second, &args), -EEXIST, "devmem: unit1: the unit at "
		       "0xfed90000 is open already, as unit0");
	uiommu_pvt_args_free(&args);
	assert_int_equal(nb_maps, 1);
	(registered->close)(&rig_plat);
}

/* Each allocation in turn fails: a line, and nothing is left. */
static void
no_memory(void **state)
{
	unsigned int nb;
	int ret = -ENOMEM;

	for (nb = 0; ret == -ENOMEM && nb < 100; nb++) {
		nb_mallocs = nb;
		ret = open_unit("unit=0");
		assert_string_equal(log_take(), ret == 0 ? "" : "devmem: unit0: out of memory\n");
		assert_int_equal(nb_maps, ret == 0);
	}
	assert_int_equal(ret, 0);
	/* the structure for the table, the table, the claim */
	assert_int_equal(nb, 4);
	(registered->close)(&rig_plat);
}

#define DEVMEM_CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		DEVMEM_CASE(opened),
		DEVMEM_CASE(bad_devargs),
		DEVMEM_CASE(no_such_unit),
		DEVMEM_CASE(bad_table),
		DEVMEM_CASE(bad_address),
		DEVMEM_CASE(owned_by_the_kernel),
		DEVMEM_CASE(interrupts_are_remapped),
		DEVMEM_CASE(memory_is_no_unit),
		DEVMEM_CASE(no_telling_what_is_there),
		DEVMEM_CASE(kernel_says_no),
		DEVMEM_CASE(wants_physical_addresses),
		DEVMEM_CASE(open_twice),
		DEVMEM_CASE(no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
