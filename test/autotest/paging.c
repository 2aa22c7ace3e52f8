/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Page tables, regions, eviction: misuse. */

#include <sys/mman.h>
#include <unistd.h>

#include "autotest.h"

#define IOVA UINT64_C(0x40000000)
#define PAGE UINT64_C(4096)
#define ALL (UIOMMU_PROT_READ | UIOMMU_PROT_WRITE)

static uint8_t memory[16 * 4096] __attribute__((aligned(4096)));

static int
page_get(void *priv, struct uiommu_backing_page *pages, uint32_t nb)
{
	return 0;
}

static void
page_put(void *priv, const struct uiommu_backing_page *pages, uint32_t nb)
{
}

static void
page_written(void *priv, uint64_t iova, uint64_t len)
{
}

static struct uiommu_domain *
domain_with(struct rig *rig, uint64_t flags)
{
	const struct uiommu_domain_conf conf = {
		.size = sizeof(conf), .type = UIOMMU_DOMAIN_PAGING, .flags = flags,
	};
	struct uiommu_domain *domain = uiommu_domain_alloc(rig->dev, &conf);

	CHECK(domain != NULL);
	return domain;
}

static void
nulls(void)
{
	struct rig *rig = rig_open(NULL);
	struct uiommu_domain *demand = domain_with(rig, UIOMMU_DOMAIN_DEMAND);
	struct uiommu_backing backing = {
		.size = sizeof(backing), .va = memory, .page_shift = 12,
	};
	struct uiommu_paging_stats stats;
	uint64_t pa;

	CHECK_EQ(uiommu_domain_map(NULL, IOVA, 0x1000, PAGE, ALL), -EINVAL);
	CHECK_EQ(uiommu_domain_unmap(NULL, IOVA, PAGE, NULL), -EINVAL);
	CHECK_EQ(uiommu_domain_protect(NULL, IOVA, PAGE, ALL), -EINVAL);
	CHECK_EQ(uiommu_domain_iova_to_phys(NULL, IOVA, &pa), -EINVAL);
	CHECK_EQ(uiommu_domain_iova_to_phys(demand, IOVA, NULL), -EINVAL);
	CHECK_EQ(uiommu_domain_dirty(NULL, IOVA, PAGE, 0, page_written, NULL), -EINVAL);
	CHECK_EQ(uiommu_domain_dirty(demand, IOVA, PAGE, 0, NULL, NULL), -EINVAL);
	CHECK_ERRNO(uiommu_region_add(NULL, IOVA, PAGE, &backing, ALL), EINVAL);
	CHECK_ERRNO(uiommu_region_add(demand, IOVA, PAGE, NULL, ALL), EINVAL);
	CHECK_EQ(uiommu_region_remove(NULL), -EINVAL);
	CHECK_EQ(uiommu_paging_stats_get(NULL, &stats), -EINVAL);
	CHECK_EQ(uiommu_paging_stats_get(demand, NULL), -EINVAL);
	CHECK_EQ(uiommu_domain_evict(NULL, 1, NULL), -EINVAL);
	rig_close(rig);
}

/* Calls on domains that have no table of the library's, or no regions. */
static void
wrong_domains(void)
{
	struct rig *rig = rig_open(NULL);
	const struct uiommu_domain_conf own_conf = {
		.size = sizeof(own_conf), .type = UIOMMU_DOMAIN_PAGING, .table_pa = 0x1000,
		.levels = 4,
	};
	const struct uiommu_domain_conf nested_conf = {
		.size = sizeof(nested_conf), .type = UIOMMU_DOMAIN_NESTED, .table_pa = 0x1000,
		.parent = domain_with(rig, UIOMMU_DOMAIN_NEST_PARENT),
	};
	struct uiommu_backing backing = {
		.size = sizeof(backing), .va = memory, .page_shift = 12,
	};
	struct uiommu_domain *plain = domain_with(rig, 0);
	struct uiommu_domain *domains[] = {
		rig_domain(rig, UIOMMU_DOMAIN_BLOCKED),
		rig_domain(rig, UIOMMU_DOMAIN_IDENTITY),
		uiommu_domain_alloc(rig->dev, &own_conf),
		uiommu_domain_alloc(rig->dev, &nested_conf),
	};
	struct uiommu_paging_stats stats;
	uint32_t evicted;
	uint64_t pa;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(domains); i++) {
		CHECK(domains[i] != NULL);
		CHECK_EQ(uiommu_domain_map(domains[i], IOVA, 0x1000, PAGE, ALL), -EINVAL);
		CHECK_EQ(uiommu_domain_unmap(domains[i], IOVA, PAGE, NULL), -EINVAL);
		CHECK_EQ(uiommu_domain_protect(domains[i], IOVA, PAGE, ALL), -EINVAL);
		CHECK_EQ(uiommu_domain_iova_to_phys(domains[i], IOVA, &pa), -EINVAL);
		CHECK_EQ(uiommu_domain_dirty(domains[i], IOVA, PAGE, 0, page_written, NULL),
			 -EINVAL);
		CHECK_ERRNO(uiommu_region_add(domains[i], IOVA, PAGE, &backing, ALL), ENOTSUP);
		CHECK_EQ(uiommu_domain_evict(domains[i], 1, &evicted), -EINVAL);
		CHECK_EQ(uiommu_paging_stats_get(domains[i], &stats), -EINVAL);
	}
	/* a table of the library's, but no regions */
	CHECK_ERRNO(uiommu_region_add(plain, IOVA, PAGE, &backing, ALL), ENOTSUP);
	CHECK_EQ(uiommu_domain_evict(plain, 1, &evicted), -EINVAL);
	CHECK_EQ(uiommu_paging_stats_get(plain, &stats), 0);
	CHECK_EQ(stats.resident_pages, 0);
	rig_close(rig);
}

/* Which members of a domain's configuration go with demand paging. */
static void
domain_members(void)
{
	struct rig *rig = rig_open(NULL);
	struct uiommu_fault_queue *fq = uiommu_fault_queue_create(rig->dev, NULL);
#define PAGING(...)                                                                                \
	{                                                                                          \
		.size = sizeof(struct uiommu_domain_conf), .type = UIOMMU_DOMAIN_PAGING,           \
		__VA_ARGS__                                                                        \
	}
#define DEMAND(...) PAGING(.flags = UIOMMU_DOMAIN_DEMAND, __VA_ARGS__)
	const struct uiommu_domain_conf bad[] = {
		PAGING(.fault_around_pages = 2),
		PAGING(.budget_pages = 1),
		PAGING(.table_pa = 0x1000, .table_pages_max = 4),
		DEMAND(.table_pa = 0x1000),
		DEMAND(.fault_queue = fq),
		DEMAND(.fault_around_pages = 3),
		DEMAND(.fault_around_pages = 1024),
		DEMAND(.fault_around_pages = UINT32_MAX),
		DEMAND(.deadline_ns = 1),
		DEMAND(.deferred_max = 1),
		DEMAND(.levels = 7),
		DEMAND(.reserved = {0, 1}),
		PAGING(.flags = UIOMMU_DOMAIN_DEMAND | UIOMMU_DOMAIN_NEST_PARENT),
		PAGING(.flags = UINT64_C(1) << 3),
		{.size = sizeof(struct uiommu_domain_conf), .type = UIOMMU_DOMAIN_BLOCKED,
		 .flags = UIOMMU_DOMAIN_DEMAND},
		{.size = sizeof(struct uiommu_domain_conf), .type = UIOMMU_DOMAIN_IDENTITY,
		 .table_pages_max = 1},
		{.size = sizeof(struct uiommu_domain_conf), .type = UIOMMU_DOMAIN_BLOCKED,
		 .budget_pages = 1},
	};
	const struct uiommu_domain_conf good[] = {
		DEMAND(.fault_around_pages = 0),
		DEMAND(.fault_around_pages = 1, .budget_pages = 1, .table_pages_max = 1),
		DEMAND(.fault_around_pages = 512, .budget_pages = UINT64_MAX,
		       .table_pages_max = UINT32_MAX),
		PAGING(.flags = UIOMMU_DOMAIN_DEMAND | UIOMMU_DOMAIN_SECOND_STAGE),
		PAGING(.flags = UIOMMU_DOMAIN_SECOND_STAGE, .levels = 4),
		PAGING(.levels = 4, .table_pages_max = 2),
	};
	struct uiommu_dev_info info;
	size_t i;

	CHECK(fq != NULL);
	for (i = 0; i < ARRAY_COUNT(bad); i++) {
		struct uiommu_domain *domain;

		rte_errno = 0;
		domain = uiommu_domain_alloc(rig->dev, &bad[i]);
		if (domain != NULL || rte_errno != EINVAL)
			harness_note(__FILE__, __LINE__, "bad[%zu]: errno %d", i, rte_errno);
	}
	CHECK_EQ(uiommu_info_get(rig->dev, &info), 0);
	CHECK_EQ(info.domains, 0);
	CHECK_EQ(info.table_pages_used, 0);
	for (i = 0; i < ARRAY_COUNT(good); i++) {
		struct uiommu_domain *domain = uiommu_domain_alloc(rig->dev, &good[i]);

		if (domain == NULL)
			harness_fail(__FILE__, __LINE__, "good[%zu]: errno %d", i, rte_errno);
		CHECK_EQ(uiommu_info_get(rig->dev, &info), 0);
		CHECK_EQ(info.table_pages_used, 1);
		CHECK_EQ(uiommu_domain_free(domain), 0);
	}
	CHECK_EQ(uiommu_info_get(rig->dev, &info), 0);
	CHECK_EQ(info.table_pages_used, 0);
	rig_close(rig);
}

/* Each member of a backing, for each type. */
static void
backings(void)
{
	static const struct uiommu_backing_ops ops = {.get = page_get, .put = page_put};
	static const struct uiommu_backing_ops no_get = {.put = page_put};
	static const struct uiommu_backing_ops no_put = {.get = page_get};
	const struct rig_conf conf = {.dev = {.frame_pages = 4}};
	struct rig *rig = rig_open(&conf);
	struct uiommu_domain *domain = domain_with(rig, UIOMMU_DOMAIN_DEMAND);
#define BACKING(kind, ...)                                                                         \
	{                                                                                          \
		.size = sizeof(struct uiommu_backing), .type = UIOMMU_BACKING_##kind, __VA_ARGS__  \
	}
	const struct uiommu_backing bad[] = {
		{.size = 0, .va = memory},
		{.size = sizeof(struct uiommu_backing) - 8, .va = memory},
		{.size = sizeof(struct uiommu_backing), .type = UIOMMU_BACKING_CALLBACK + 1},
		{.size = sizeof(struct uiommu_backing), .type = UINT32_MAX},
		BACKING(MEMORY, .va = NULL),
		BACKING(MEMORY, .va = memory + 1),
		BACKING(MEMORY, .va = memory, .page_shift = 13),
		BACKING(MEMORY, .va = memory + 4096, .page_shift = 30),
		BACKING(MEMORY, .va = memory, .ops = &ops),
		BACKING(MEMORY, .va = memory, .offset = 4096),
		BACKING(MEMORY, .va = memory, .reserved0 = 1),
		BACKING(MEMORY, .va = memory, .flags = 2),
		BACKING(MEMORY, .va = memory, .reserved = {0, 0, 0, 1}),
		BACKING(FILE, .fd = 1, .va = memory),
		BACKING(FILE, .fd = 1, .offset = 5),
		BACKING(FILE, .fd = 1, .priv = memory),
		BACKING(ANON, .va = memory),
		BACKING(ANON, .fd = 1),
		BACKING(ANON, .page_shift = 12),
		BACKING(ANON, .flags = UIOMMU_REGION_COW),
		BACKING(CALLBACK, .ops = NULL),
		BACKING(CALLBACK, .ops = &no_get),
		BACKING(CALLBACK, .ops = &no_put),
		BACKING(CALLBACK, .ops = &ops, .va = memory),
		BACKING(CALLBACK, .ops = &ops, .page_shift = 14),
		BACKING(CALLBACK, .ops = &ops, .page_shift = 21), /* len is smaller */
		BACKING(CALLBACK, .ops = &ops, .flags = UIOMMU_REGION_COW),
	};
	const struct uiommu_backing good[] = {
		BACKING(MEMORY, .va = memory),
		BACKING(MEMORY, .va = memory, .page_shift = 12, .flags = UIOMMU_REGION_COW),
		BACKING(ANON, .flags = 0),
		BACKING(CALLBACK, .ops = &ops),
		BACKING(CALLBACK, .ops = &ops, .page_shift = 12, .priv = memory),
	};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(bad); i++) {
		struct uiommu_region *region;

		rte_errno = 0;
		region = uiommu_region_add(domain, IOVA, 4 * PAGE, &bad[i], ALL);
		if (region != NULL || rte_errno != EINVAL)
			harness_note(__FILE__, __LINE__, "bad[%zu]: errno %d", i, rte_errno);
	}
	for (i = 0; i < ARRAY_COUNT(good); i++) {
		struct uiommu_region *region =
			uiommu_region_add(domain, IOVA, 4 * PAGE, &good[i], ALL);

		if (region == NULL)
			harness_fail(__FILE__, __LINE__, "good[%zu]: errno %d", i, rte_errno);
		CHECK_EQ(uiommu_region_remove(region), 0);
	}
	rig_close(rig);
}

/* Ranges and access, for each call that takes some. */
static void
ranges(void)
{
	static const struct {
		uint64_t iova, len;
	} bad[] = {
		{IOVA + 1, PAGE}, {IOVA, PAGE + 1}, {IOVA, 0}, {IOVA, 1},
		{UINT64_C(1) << 62, PAGE}, {UINT64_MAX - PAGE + 1, 2 * PAGE},
		{IOVA, UINT64_MAX - PAGE + 1}, {IOVA, UINT64_C(1) << 57},
	};
	struct rig *rig = rig_open(NULL);
	struct uiommu_domain *domain = domain_with(rig, UIOMMU_DOMAIN_DEMAND);
	const struct uiommu_backing backing = BACKING(MEMORY, .va = memory, .page_shift = 12);
	uint64_t done = 1;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(bad); i++) {
		uint64_t iova = bad[i].iova, len = bad[i].len;

		CHECK_EQ(uiommu_domain_map(domain, iova, 0x1000, len, ALL), -EINVAL);
		CHECK_EQ(uiommu_domain_unmap(domain, iova, len, &done), -EINVAL);
		CHECK_EQ(done, 0);
		CHECK_EQ(uiommu_domain_protect(domain, iova, len, ALL), -EINVAL);
		CHECK_EQ(uiommu_domain_dirty(domain, iova, len, UIOMMU_DIRTY_KEEP, page_written,
					     NULL), -EINVAL);
		CHECK_ERRNO(uiommu_region_add(domain, iova, len, &backing, ALL), EINVAL);
	}
	for (i = 0; i < 32; i++) {
		uint32_t prot = UINT32_C(1) << i;
		bool no_read = (prot & UIOMMU_PROT_READ) == 0;

		CHECK_EQ(uiommu_domain_map(domain, IOVA, 0x1000, PAGE, prot),
			 no_read ? -EINVAL : 0);
		CHECK_EQ(uiommu_domain_unmap(domain, IOVA, PAGE, NULL), 0);
		if (no_read) {
			CHECK_EQ(uiommu_domain_protect(domain, IOVA, PAGE, prot), -EINVAL);
			CHECK_ERRNO(uiommu_region_add(domain, IOVA, PAGE, &backing, prot), EINVAL);
		}
	}
	CHECK_EQ(uiommu_domain_dirty(domain, IOVA, PAGE, 2, page_written, NULL), -EINVAL);
	rig_close(rig);
}

/* Memory and files that are not there. */
static void
backings_not_there(void)
{
	const struct rig_conf conf = {.dev = {.frame_pages = 4}};
	struct rig *rig = rig_open(&conf);
	struct uiommu_domain *domain = domain_with(rig, UIOMMU_DOMAIN_DEMAND);
	struct uiommu_backing file = BACKING(FILE, .fd = -1);
	struct uiommu_backing gone = BACKING(MEMORY, .page_shift = 12);
	int fd = memfd_create("autotest", MFD_CLOEXEC), pipes[2];
	struct uiommu_dev_info before, after;

	CHECK(fd >= 0 && ftruncate(fd, 4 * PAGE) == 0);
	CHECK_EQ(pipe(pipes), 0);
	gone.va = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(gone.va != MAP_FAILED);
	CHECK_EQ(munmap((uint8_t *)gone.va + PAGE, PAGE), 0);
	CHECK_EQ(uiommu_info_get(rig->dev, &before), 0);
	CHECK_ERRNO(uiommu_region_add(domain, IOVA, 4 * PAGE, &gone, ALL), EFAULT);
	CHECK_ERRNO(uiommu_region_add(domain, IOVA, 4 * PAGE, &file, ALL), EBADF);
	file.fd = 1000;
	CHECK_ERRNO(uiommu_region_add(domain, IOVA, 4 * PAGE, &file, ALL), EBADF);
	file.fd = pipes[0];
	CHECK(uiommu_region_add(domain, IOVA, 4 * PAGE, &file, ALL) == NULL);
	/* beyond its end, and one that may only be read */
	file.fd = fd;
	CHECK(uiommu_region_add(domain, IOVA, 5 * PAGE, &file, ALL) == NULL);
	file.offset = 2 * PAGE;
	CHECK(uiommu_region_add(domain, IOVA, 3 * PAGE, &file, ALL) == NULL);
	file.offset = 0;
	CHECK_EQ(close(pipes[0]) + close(pipes[1]), 0);
	CHECK_EQ(uiommu_region_remove(uiommu_region_add(domain, IOVA, 4 * PAGE, &file, ALL)), 0);
	CHECK_EQ(uiommu_info_get(rig->dev, &after), 0);
	CHECK_EQ(after.table_pages_used, before.table_pages_used);
	munmap(gone.va, PAGE);
	munmap((uint8_t *)gone.va + 2 * PAGE, 2 * PAGE);
	close(fd);
	rig_close(rig);
}

/* A unit without pages for data, and memory that it has for tables. */
static void
pools(void)
{
	struct rig_conf conf = {.no_start = true, .dev = {.table_pages = 3}};
	const struct uiommu_backing anon = BACKING(ANON, .flags = 0);
	const struct uiommu_backing cow =
		BACKING(MEMORY, .va = memory, .page_shift = 12, .flags = UIOMMU_REGION_COW);
	const struct uiommu_domain_conf plain = {
		.size = sizeof(plain), .type = UIOMMU_DOMAIN_PAGING,
	};
	struct rig *rig = rig_open(&conf);
	struct uiommu_domain *domain = domain_with(rig, UIOMMU_DOMAIN_DEMAND);

	CHECK_EQ(rig->info.table_pages, 3);
	CHECK_EQ(rig->info.frame_pages, 0);
	CHECK_ERRNO(uiommu_region_add(domain, IOVA, PAGE, &anon, ALL), ENOTSUP);
	CHECK_ERRNO(uiommu_region_add(domain, IOVA, PAGE, &cow, ALL), ENOTSUP);
	CHECK(uiommu_domain_alloc(rig->dev, &plain) != NULL);
	CHECK(uiommu_domain_alloc(rig->dev, &plain) != NULL);
	CHECK_ERRNO(uiommu_domain_alloc(rig->dev, &plain), ENOMEM);
	CHECK_EQ(uiommu_domain_map(domain, IOVA, 0x1000, PAGE, ALL), -ENOMEM);
	rig_close_failed(rig);
	conf.dev.table_pages = 0;
	conf.dev.frame_pages = 600;
	rig = rig_open(&conf);
	CHECK_EQ(rig->info.table_pages, 512);
	CHECK_EQ(rig->info.frame_pages, 600);
	rig_close_failed(rig);
}

/* Map and unmap before the unit is started, and after it was stopped. */
static void
not_started(void)
{
	const struct rig_conf conf = {.no_start = true};
	struct rig *rig = rig_open(&conf);
	struct uiommu_domain *domain = domain_with(rig, UIOMMU_DOMAIN_DEMAND);
	const struct uiommu_backing backing = BACKING(MEMORY, .va = memory, .page_shift = 12);
	struct uiommu_region *region;
	uint64_t pa;

	rig_attach(rig_endpoint(rig, EP, 0), 7, domain, NULL);
	CHECK_EQ(uiommu_domain_map(domain, IOVA, 0x1000, 2 * PAGE, ALL), 0);
	CHECK_EQ(uiommu_domain_unmap(domain, IOVA, PAGE, NULL), 0);
	CHECK_EQ(uiommu_domain_iova_to_phys(domain, IOVA, &pa), -ENOENT);
	CHECK_EQ(uiommu_domain_iova_to_phys(domain, IOVA + PAGE + 5, &pa), 0);
	CHECK_EQ(pa, 0x2005);
	region = uiommu_region_add(domain, 2 * IOVA, 4 * PAGE, &backing, ALL);
	CHECK(region != NULL);
	CHECK_EQ(uiommu_domain_evict(domain, 4, NULL), 0);
	CHECK_EQ(uiommu_start(rig->dev), 0);
	rig_claim(rig);
	CHECK_EQ(rig_send(rig, EP, 7, 1, 2 * IOVA >> 12, true), UIOMMU_EMU_QUEUED);
	rig_settle(rig);
	rig_expect(rig, EP, 7, 1, UIOMMU_EMU_SUCCESS);
	CHECK(uiommu_emu_translate(rig->emu, EP, 7, 2 * IOVA, true, &pa));
	CHECK(uiommu_emu_translate(rig->emu, EP, 7, IOVA + PAGE, true, &pa));
	CHECK_EQ(uiommu_stop(rig->dev), 0);
	CHECK_EQ(uiommu_region_remove(region), 0);
	CHECK_EQ(uiommu_domain_unmap(domain, IOVA, 2 * PAGE, NULL), 0);
	CHECK_EQ(uiommu_start(rig->dev), 0);
	CHECK(!uiommu_emu_translate(rig->emu, EP, 7, 2 * IOVA, false, &pa));
	CHECK(!uiommu_emu_translate(rig->emu, EP, 7, IOVA + PAGE, false, &pa));
	rig_close(rig);
}

static const struct harness_case paging_cases[] = {
	{"paging, pointers that are NULL", nulls, UIOMMU_CAPA_PAGE_TABLES},
	{"paging, domains without tables or regions", wrong_domains,
	 UIOMMU_CAPA_PAGE_TABLES | UIOMMU_CAPA_NESTED | UIOMMU_CAPA_PASSTHROUGH},
	{"paging, members of a domain that go together and that do not", domain_members,
	 UIOMMU_CAPA_PAGE_TABLES | UIOMMU_CAPA_SECOND_STAGE},
	{"paging, members of a backing", backings, UIOMMU_CAPA_PAGE_TABLES},
	{"paging, ranges and access", ranges, UIOMMU_CAPA_PAGE_TABLES},
	{"paging, backings that are not there", backings_not_there, UIOMMU_CAPA_PAGE_TABLES},
	{"paging, pages of a unit", pools, UIOMMU_CAPA_PAGE_TABLES},
	{"paging, before start and after stop", not_started, UIOMMU_CAPA_PAGE_TABLES},
};

HARNESS_SUITE(paging);
