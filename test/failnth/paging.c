/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Page tables and regions. What is mapped by hand needs no memory but pages that are there since
 * the unit was configured; what a region has given is not taken back by a call that fails.
 */

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_errno.h>

#include "call.h"

#define PAGE UINT64_C(4096)
#define PAGES 8
/* Of the bond, PASID_FREE: pages from here on are a region's, the others are mapped by hand. */
#define FIRST 0x10000
#define HAND 0x20000
#define IOVA(page) ((uint64_t)(page) * PAGE)
#define ALL (UIOMMU_PROT_READ | UIOMMU_PROT_WRITE)

static uint8_t memory[PAGES * 4096] __attribute__((aligned(4096)));

/* Pages that are with the library, and how often some were given back. */
static bool out[PAGES];
static unsigned int nb_out;
static const struct world *the_world;

static int
page_get(void *priv, struct uiommu_backing_page *pages, uint32_t nb)
{
	uint32_t i;

	for (i = 0; i < nb; i++) {
		EXPECT(!out[pages[i].offset / PAGE]);
		out[pages[i].offset / PAGE] = true;
		pages[i].pa = (uintptr_t)memory + pages[i].offset;
		nb_out++;
	}
	return (int)nb;
}

static void
page_put(void *priv, const struct uiommu_backing_page *pages, uint32_t nb)
{
	uint32_t i;

	for (i = 0; i < nb; i++) {
		EXPECT(out[pages[i].offset / PAGE]);
		out[pages[i].offset / PAGE] = false;
		nb_out--;
		/* nobody reaches it any more; when a dead unit is closed it is as it is */
		if (!the_world->unit_failed)
			EXPECT_EQ(uiommu_emu_retire(the_world->rig->emu, pages[i].pa, PAGE), 0);
	}
}

static const struct uiommu_backing_ops ops = {.get = page_get, .put = page_put};

/* ---------------------------------------------------------------- domains */

static int
domain_take(struct world *world, uint64_t flags)
{
	const struct uiommu_domain_conf conf = {
		.size = sizeof(conf), .type = UIOMMU_DOMAIN_PAGING, .flags = flags,
		.fault_around_pages = 4,
	};

	world->domain = uiommu_domain_alloc(world->rig->dev, &conf);
	return call_result(world->domain);
}

static int
domain_demand(struct world *world)
{
	return domain_take(world, UIOMMU_DOMAIN_DEMAND);
}

static int
domain_demand_second(struct world *world)
{
	return domain_take(world, UIOMMU_DOMAIN_DEMAND | UIOMMU_DOMAIN_SECOND_STAGE);
}

static void
domain_undo(struct world *world)
{
	CHECK_EQ(uiommu_domain_free(world->domain), 0);
}

#define DOMAIN(name)                                                      \
	CALL(name, .run = name, .undo = domain_undo, .errors = {-ENOMEM}, \
	     .must = GATE(HEAP) | GATE(KERNEL))

DOMAIN(domain_demand);
DOMAIN(domain_demand_second);

/* A bond with a domain, and pages that are mapped by hand. */
static void
bond_bring(struct world *world)
{
	CHECK_EQ(domain_demand(world), 0);
	world->attach = rig_attach(world->ep, PASID_FREE, world->domain, NULL);
	CHECK_EQ(uiommu_domain_map(world->domain, IOVA(HAND), (uintptr_t)memory, PAGES * PAGE, ALL),
		 0);
	the_world = world;
	nb_out = 0;
	memset(out, 0, sizeof(out));
}

static void
bond_finish(struct world *world)
{
	/* what is there is given back when the unit is closed */
	if (world->unit_failed)
		return;
	CHECK_EQ(uiommu_detach(world->attach), 0);
	CHECK_EQ(uiommu_domain_free(world->domain), 0);
	CHECK_EQ(nb_out, 0);
}

static int
attach_demand(struct world *world)
{
	struct uiommu_attach *attach = uiommu_attach(world->other, PASID_FREE, world->domain, NULL);

	if (attach == NULL)
		return -rte_errno;
	world->new_attach = attach;
	return 0;
}

static void
attach_undo(struct world *world)
{
	CHECK_EQ(uiommu_detach(world->new_attach), 0);
}

CALL(attach_demand, .run = attach_demand, .undo = attach_undo, .prepare = bond_bring,
     .finish = bond_finish, .errors = {-ENOMEM}, .must = GATE(HEAP) | GATE(KERNEL));
CALL_UNIT(attach_demand);

/* --------------------------------------------------------------- by hand */

static bool
is_mapped(struct world *world, uint64_t page)
{
	uint64_t pa;

	return uiommu_domain_iova_to_phys(world->domain, IOVA(page), &pa) == 0;
}

static int
map(struct world *world)
{
	return uiommu_domain_map(world->domain, IOVA(2 * HAND), (uintptr_t)memory, PAGES * PAGE,
				 ALL);
}

static void
map_undo(struct world *world)
{
	CHECK(is_mapped(world, 2 * HAND));
	CHECK_EQ(uiommu_domain_unmap(world->domain, IOVA(2 * HAND), 1 << 21, NULL), 0);
}

static int
unmap(struct world *world)
{
	return uiommu_domain_unmap(world->domain, IOVA(HAND), 1 << 21, NULL);
}

static void
unmap_undo(struct world *world)
{
	CHECK(!is_mapped(world, HAND));
	CHECK_EQ(uiommu_domain_map(world->domain, IOVA(HAND), (uintptr_t)memory, PAGES * PAGE, ALL),
		 0);
}

static int
protect(struct world *world)
{
	return uiommu_domain_protect(world->domain, IOVA(HAND), PAGES * PAGE, UIOMMU_PROT_READ);
}

static void
protect_undo(struct world *world)
{
	CHECK_EQ(uiommu_domain_protect(world->domain, IOVA(HAND), PAGES * PAGE, ALL), 0);
}

#define BY_HAND(name, ...)                                                              \
	CALL(name, .run = name, .undo = name##_undo, .prepare = bond_bring,             \
	     .finish = bond_finish, __VA_ARGS__);                                       \
	CALL_UNIT(name)

/* A kernel maps, and pins; what is to have other access is unmapped there and mapped again. */
BY_HAND(map, .waits = false, .errors = {-ENOMEM}, .must = GATE(KERNEL));
BY_HAND(unmap, .waits = true);
BY_HAND(protect, .waits = true, .errors = {-ENOMEM}, .must = GATE(KERNEL));

/* ---------------------------------------------------------------- regions */

static int
region_take(struct world *world, const struct uiommu_backing *what)
{
	struct uiommu_backing backing = *what;

	backing.size = sizeof(backing);
	world->region = uiommu_region_add(world->domain, IOVA(FIRST), PAGES * PAGE, &backing, ALL);
	return call_result(world->region);
}

static void
region_undo(struct world *world)
{
	world_touch(world, EP, PASID_FREE, FIRST + 2, UIOMMU_EMU_SUCCESS);
	CHECK(is_mapped(world, FIRST + 2));
	CHECK_EQ(uiommu_region_remove(world->region), 0);
	CHECK(!is_mapped(world, FIRST + 2));
	world_touch(world, EP, PASID_FREE, FIRST + 2, UIOMMU_EMU_INVALID);
}

static int
region_memory(struct world *world)
{
	return region_take(world, &(const struct uiommu_backing){.type = UIOMMU_BACKING_MEMORY,
								 .va = memory});
}

static int
region_cow(struct world *world)
{
	return region_take(world, &(const struct uiommu_backing){.type = UIOMMU_BACKING_MEMORY,
								 .va = memory,
								 .flags = UIOMMU_REGION_COW});
}

static int
region_anon(struct world *world)
{
	return region_take(world, &(const struct uiommu_backing){.type = UIOMMU_BACKING_ANON});
}

static int
region_callback(struct world *world)
{
	return region_take(world, &(const struct uiommu_backing){.type = UIOMMU_BACKING_CALLBACK,
								 .ops = &ops});
}

static int the_file = -1;

static void
file_bring(struct world *world)
{
	bond_bring(world);
	the_file = memfd_create("failnth", MFD_CLOEXEC);
	CHECK(the_file >= 0 && ftruncate(the_file, PAGES * PAGE) == 0);
}

static void
file_finish(struct world *world)
{
	close(the_file);
	bond_finish(world);
}

static int
region_file(struct world *world)
{
	return region_take(world, &(const struct uiommu_backing){.type = UIOMMU_BACKING_FILE,
								 .fd = the_file});
}

#define REGION(name, ...)                                                             \
	CALL(name, .run = name, .undo = region_undo, .prepare = bond_bring,           \
	     .finish = bond_finish, .errors = {-ENOMEM}, .must = GATE(HEAP), __VA_ARGS__)

REGION(region_memory, .exchanges = false);
REGION(region_cow, .exchanges = true);
REGION(region_anon, .exchanges = false);
REGION(region_callback, .exchanges = false);
CALL(region_file, .run = region_file, .undo = region_undo, .prepare = file_bring,
     .finish = file_finish, .errors = {-ENOMEM, -EFAULT}, .must = GATE(HEAP) | GATE(MAPPING));

/* ------------------------------------------------------- requests for a region */

static void
touch_bring(struct world *world)
{
	bond_bring(world);
	CHECK_EQ(region_memory(world), 0);
}

/* Where there is no memory to map it the device is to ask again. */
static int
touch(struct world *world)
{
	world_touch(world, EP, PASID_FREE, FIRST + 2, UIOMMU_EMU_SUCCESS);
	return 0;
}

static void
touch_undo(struct world *world)
{
	touch(world);
	CHECK(is_mapped(world, FIRST + 2));
	CHECK_EQ(uiommu_domain_unmap(world->domain, IOVA(FIRST), PAGES * PAGE, NULL), 0);
	CHECK(!is_mapped(world, FIRST + 2));
}

static void
touch_finish(struct world *world)
{
	CHECK_EQ(uiommu_region_remove(world->region), 0);
	bond_finish(world);
}

CALL(touch, .run = touch, .undo = touch_undo, .prepare = touch_bring, .finish = touch_finish,
     .must = GATE(KERNEL));

/* ------------------------------------------------- what has pages of a region */

static void
pages_ask(struct world *world)
{
	unsigned int i;

	for (i = 0; i < PAGES; i += 4)
		world_touch(world, EP, PASID_FREE, FIRST + i, UIOMMU_EMU_SUCCESS);
	CHECK_EQ(nb_out, PAGES);
	/* and devices keep their translations */
	for (i = 0; i < PAGES; i++)
		CHECK(uiommu_emu_translate(world->rig->emu, EP, PASID_FREE, IOVA(FIRST + i), true,
					   NULL));
}

static void
pages_bring(struct world *world)
{
	bond_bring(world);
	CHECK_EQ(region_callback(world), 0);
	pages_ask(world);
}

/* Want of memory is no reason to do half of it. */
static int
given_back(int ret)
{
	if (ret == 0)
		EXPECT_EQ(nb_out, 0);
	if (ret == -ENOMEM)
		EXPECT_EQ(nb_out, PAGES);
	return ret;
}

static int
unmap_pages(struct world *world)
{
	return given_back(uiommu_domain_unmap(world->domain, IOVA(FIRST), PAGES * PAGE, NULL));
}

static int
evict(struct world *world)
{
	/* the first round finds what was used */
	return given_back(uiommu_domain_evict(world->domain, 2 * PAGES, NULL));
}

static int
region_remove(struct world *world)
{
	return given_back(uiommu_region_remove(world->region));
}

static void
region_again(struct world *world)
{
	CHECK_EQ(region_callback(world), 0);
	pages_ask(world);
}

static void
pages_finish(struct world *world)
{
	if (!world->unit_failed)
		CHECK_EQ(uiommu_region_remove(world->region), 0);
	bond_finish(world);
	EXPECT_EQ(nb_out, 0);
}

#define PAGES_OF_REGION(name, undo_name)                                               \
	CALL(name, .run = name, .undo = undo_name, .prepare = pages_bring,             \
	     .finish = pages_finish, .errors = {-ENOMEM}, .must = GATE(HEAP),          \
	     .waits = true);                                                           \
	CALL_UNIT(name)

PAGES_OF_REGION(unmap_pages, pages_ask);
PAGES_OF_REGION(evict, pages_ask);
PAGES_OF_REGION(region_remove, region_again);

/* The domain goes with all that it has: nothing of that may depend on memory. */
static void
domain_bring(struct world *world)
{
	pages_bring(world);
	CHECK_EQ(uiommu_detach(world->attach), 0);
}

static int
domain_free(struct world *world)
{
	return given_back(uiommu_domain_free(world->domain));
}

static void
domain_finish(struct world *world)
{
	CHECK_EQ(uiommu_domain_free(world->domain), 0);
	CHECK_EQ(nb_out, 0);
}

CALL(domain_free, .run = domain_free, .undo = domain_bring, .prepare = domain_bring,
     .finish = domain_finish);

#define MEMORY(name) "fail-nth paging " #name, name##_memory_case, UIOMMU_CAPA_PAGE_TABLES
#define UNIT(name)                                                                     \
	"fail-nth R11 paging " #name ", the unit goes dead", name##_unit_case,         \
		UIOMMU_CAPA_PAGE_TABLES | HARNESS_NEEDS_COMMANDS

static const struct harness_case paging_cases[] = {
	{MEMORY(domain_demand)},
	{MEMORY(domain_demand_second) | UIOMMU_CAPA_SECOND_STAGE},
	{MEMORY(attach_demand)},
	{MEMORY(map)},
	{MEMORY(unmap)},
	{MEMORY(protect)},
	{MEMORY(region_memory)},
	{MEMORY(region_cow)},
	{MEMORY(region_anon)},
	{MEMORY(region_callback)},
	{MEMORY(region_file)},
	{MEMORY(touch)},
	{MEMORY(unmap_pages)},
	{MEMORY(evict)},
	{MEMORY(region_remove)},
	{MEMORY(domain_free)},
	{UNIT(attach_demand)},
	{UNIT(map)},
	{UNIT(unmap)},
	{UNIT(protect)},
	{UNIT(unmap_pages)},
	{UNIT(evict)},
	{UNIT(region_remove)},
};

HARNESS_SUITE(paging);
