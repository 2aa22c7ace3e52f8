/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * DMA memory out of EAL, and who has which hardware: drivers/platform/platform_memory.c and
 * platform_claim.c, included as sources.
 */

#include "platform_rig.h"

#include <rte_memzone.h>

#define IOVA UINT64_C(0x240000000)
#define SEGMENT ((size_t)2 << 20)

/* EAL's memory: memzones that a test can refuse, misplace or dirty. */
static struct {
	struct rte_memzone mz;
	unsigned int taken;
	unsigned int refuse_socket; /* 1 << socket: none there */
	bool refuse_any;
	rte_iova_t iova;
	int socket;                 /* of the last one that was asked for */
	char names[2][RTE_MEMZONE_NAMESIZE];
	struct rte_memseg seg;
} eal;

static const struct rte_memzone *
rig_memzone(const char *name, size_t len, int socket, unsigned int flags, unsigned int align)
{
	/* one piece for the unit, or it is of no use */
	assert_int_equal(flags, RTE_MEMZONE_IOVA_CONTIG);
	eal.socket = socket;
	if (socket == SOCKET_ID_ANY ? eal.refuse_any : (eal.refuse_socket >> socket & 1) != 0)
		return NULL;
	snprintf(eal.names[eal.taken % 2], RTE_MEMZONE_NAMESIZE, "%s", name);
	eal.taken++;
	eal.mz.addr = aligned_alloc(align, len);
	assert_non_null(eal.mz.addr);
	memset(eal.mz.addr, 0xa5, len);
	eal.mz.len = len;
	eal.mz.iova = eal.iova;
	return &eal.mz;
}

static int
rig_memzone_free(const struct rte_memzone *mz)
{
	assert_ptr_equal(mz, &eal.mz);
	assert_true(eal.taken > 0);
	eal.taken--;
	free(mz->addr);
	return 0;
}

static struct rte_memseg *
rig_memseg(const void *va, const struct rte_memseg_list *list)
{
	const uintptr_t at = (uintptr_t)va;

	assert_null(list);
	return at >= (uintptr_t)eal.seg.addr && at < (uintptr_t)eal.seg.addr + eal.seg.len ?
		       &eal.seg : NULL;
}

#define rte_memzone_reserve_aligned rig_memzone
#define rte_memzone_free rig_memzone_free
#define rte_mem_virt2memseg rig_memseg

/* The node's memory of a claim. */
static bool no_calloc;

static void *
rig_calloc(size_t nb, size_t size)
{
	return no_calloc ? NULL : calloc(nb, size);
}

#define calloc rig_calloc

#include "platform_claim.c"
#include "platform_memory.c"

static const struct uiommu_platform_ops ops = {.name = "vfio"};

static int
set_up(void **state)
{
	memset(&eal, 0, sizeof(eal));
	eal.iova = IOVA;
	no_calloc = false;
	rig_plat = (struct uiommu_platform){
		.ops = &ops, .name = "unit0", .socket_id = SOCKET_ID_ANY,
	};
	return rig_set_up(state);
}

static int
tear_down(void **state)
{
	return rig_tear_down(state) == 0 && eal.taken == 0 ? 0 : -1;
}

static void
physical_addresses(void **state)
{
	assert_int_equal(platform_memory_check(&rig_plat, true), 0);
	eal_iova_mode = RTE_IOVA_VA;
	assert_refused(platform_memory_check(&rig_plat, true), -ENOTSUP, "vfio: unit0: the unit "
		       "takes physical addresses, but EAL goes by virtual ones: start EAL with "
		       "--iova-mode=pa, as root");
	eal_hugepages = 0;
	assert_refused(platform_memory_check(&rig_plat, true), -ENOTSUP, "vfio: unit0: memory has "
		       "no physical addresses: start EAL without --no-huge, and give it hugepages");
	/* with an IOMMU in between, EAL's addresses are what it has mapped */
	assert_int_equal(platform_memory_check(&rig_plat, false), 0);
	assert_string_equal(log_take(), "");
}

static void
memory(void **state)
{
	static const uint8_t zeroes[8192];
	struct uiommu_dma mem;

	assert_int_equal(platform_dma_alloc(&rig_plat, 8192, 4096, &mem), 0);
	assert_true(mem.pa == IOVA);
	assert_int_equal(mem.size, 8192);
	assert_int_equal((uintptr_t)mem.va % 4096, 0);
	/* whatever was there before */
	assert_memory_equal(mem.va, zeroes, 8192);
	assert_int_equal(eal.taken, 1);
	platform_dma_free(&rig_plat, &mem);
	assert_int_equal(eal.taken, 0);
	assert_string_equal(log_take(), "");
}

/* Two pieces have two names: EAL refuses a name that it has. */
static void
memory_has_names(void **state)
{
	struct uiommu_dma one, two;
	void *first;

	assert_int_equal(platform_dma_alloc(&rig_plat, 64, 64, &one), 0);
	first = one.va;
	assert_int_equal(platform_dma_alloc(&rig_plat, 64, 64, &two), 0);
	assert_string_not_equal(eal.names[0], eal.names[1]);
	platform_dma_free(&rig_plat, &two);
	eal.taken--;
	free(first);
}

/* The unit's node first, then any. */
static void
memory_of_a_node(void **state)
{
	struct uiommu_dma mem;

	rig_plat.socket_id = 1;
	assert_int_equal(platform_dma_alloc(&rig_plat, 64, 64, &mem), 0);
	assert_int_equal(eal.socket, 1);
	platform_dma_free(&rig_plat, &mem);
	eal.refuse_socket = 1U << 1;
	assert_int_equal(platform_dma_alloc(&rig_plat, 64, 64, &mem), 0);
	assert_int_equal(eal.socket, SOCKET_ID_ANY);
	platform_dma_free(&rig_plat, &mem);
	assert_string_equal(log_take(), "");
	eal.refuse_any = true;
	assert_refused(platform_dma_alloc(&rig_plat, 64, 64, &mem), -ENOMEM, "vfio: unit0: no 64 "
		       "bytes in one piece for the unit in EAL's memory: more or larger hugepages, "
		       "or EAL with --legacy-mem");
	rig_plat.socket_id = SOCKET_ID_ANY;
	assert_int_equal(platform_dma_alloc(&rig_plat, 64, 64, &mem), -ENOMEM);
}

static void
memory_without_an_address(void **state)
{
	struct uiommu_dma mem = {.va = NULL};

	eal.iova = RTE_BAD_IOVA;
	assert_refused(platform_dma_alloc(&rig_plat, 4096, 4096, &mem), -ENOMEM, "vfio: unit0: EAL "
		       "has no address for the unit of 4096 bytes of its memory");
	/* aligned for the processor alone */
	eal.iova = IOVA + 64;
	assert_refused(platform_dma_alloc(&rig_plat, 8192, 4096, &mem), -ENOMEM, "vfio: unit0: no "
		       "8192 bytes aligned to 4096 for the unit in EAL's memory: larger hugepages");
	assert_null(mem.va);
	assert_int_equal(eal.taken, 0);
	assert_int_equal(platform_dma_alloc(&rig_plat, 0, 4096, &mem), -ENOMEM);
	assert_int_equal(platform_dma_alloc(&rig_plat, 64, (size_t)1 << 32, &mem), -ENOMEM);
}

static void
addresses(void **state)
{
	static uint8_t segment[4096];
	uint64_t pa = 0;

	eal.seg.addr = segment;
	eal.seg.len = sizeof(segment);
	eal.seg.iova = IOVA;
	assert_int_equal(platform_pa_of(&rig_plat, segment, 4096, &pa), 0);
	assert_true(pa == IOVA);
	assert_int_equal(platform_pa_of(&rig_plat, segment + 4000, 96, &pa), 0);
	assert_true(pa == IOVA + 4000);
	/* beyond the segment, what follows lies elsewhere */
	pa = 7;
	assert_int_equal(platform_pa_of(&rig_plat, segment + 4000, 97, &pa), -EFAULT);
	assert_int_equal(platform_pa_of(&rig_plat, segment + 1, SIZE_MAX, &pa), -EFAULT);
	/* memory that is not EAL's may move */
	assert_int_equal(platform_pa_of(&rig_plat, &pa, 8, &pa), -EFAULT);
	eal.seg.iova = RTE_BAD_IOVA;
	assert_int_equal(platform_pa_of(&rig_plat, segment, 1, &pa), -EFAULT);
	assert_int_equal(pa, 7);
}

static void
coherent(void **state)
{
	static const struct {
		const char *devargs;
		int ret;
		bool coherent;
	} cases[] = {
#if defined(RTE_ARCH_X86) || defined(RTE_ARCH_RISCV)
		{"vtd", 0, true},
#else
		{"vtd", 0, false},
#endif
		{"vtd,coherent=1", 0, true},
		{"vtd,coherent=0", 0, false},
		{"vtd,coherent=2", -EINVAL, false},
	};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(cases); i++) {
		rig_plat.coherent = false;
		assert_int_equal(uiommu_pvt_args_parse(&rig_args, cases[i].devargs), 0);
		assert_int_equal(platform_coherent_get(&rig_plat, &rig_args), cases[i].ret);
		assert_int_equal(rig_plat.coherent, cases[i].coherent);
		uiommu_pvt_args_free(&rig_args);
	}
}

static void
claimed_once(void **state)
{
	struct uiommu_platform other = {.ops = &ops, .name = "unit1"};
	struct uiommu_platform third = {.ops = &ops, .name = "unit2"};

	assert_int_equal(platform_claim(&rig_plat, "this"), 0);
	assert_int_equal(platform_claim(&other, "that"), 0);
	assert_refused(platform_claim(&third, "this"), -EEXIST, "vfio: unit2: this is open "
		       "already, as unit0");
	/* who has nothing gives nothing back */
	platform_unclaim(&third);
	assert_refused(platform_claim(&third, "that"), -EEXIST, "vfio: unit2: that is open "
		       "already, as unit1");
	platform_unclaim(&rig_plat);
	assert_int_equal(platform_claim(&third, "this"), 0);
	assert_refused(platform_claim(&rig_plat, "that"), -EEXIST, "vfio: unit0: that is open "
		       "already, as unit1");
	platform_unclaim(&other);
	platform_unclaim(&third);
	assert_null(claims);
	no_calloc = true;
	assert_refused(platform_claim(&rig_plat, "this"), -ENOMEM, "vfio: unit0: out of memory");
	assert_null(claims);
}

#define MEMORY_CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		MEMORY_CASE(physical_addresses),
		MEMORY_CASE(memory),
		MEMORY_CASE(memory_has_names),
		MEMORY_CASE(memory_of_a_node),
		MEMORY_CASE(memory_without_an_address),
		MEMORY_CASE(addresses),
		MEMORY_CASE(coherent),
		MEMORY_CASE(claimed_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
