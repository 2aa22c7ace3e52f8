/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef VTD_TABLE_RIG_H
#define VTD_TABLE_RIG_H

/*
 * What the tests of VT-d's tables stand on: memory of the process, and a unit that can do all that
 * there is but 57 bits of second stage. The driver's sources are part of the program.
 */

#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include <uiommu_barrier.h>

static void
lines_brought_out(const void *va, size_t len);

/* what leaves the caches is written down */
#define uiommu_flush_lines lines_brought_out
#include <vtd_table.c>
#include <vtd_domain.c>

#define ENDPOINT 0x0302
#define NB_DID 16
#define GUEST_TABLE UINT64_C(0x0000123456789000)
#define HOST_TABLE UINT64_C(0x000001f234567000)
#define PASID 9

int vtd_logtype;

/* --------------------------------------------------------------------- caches */

#define LINES_MAX 4096
#define LINE_SIZE 64

/* Memory as a unit finds it that reads past the caches. */
static struct {
	uintptr_t at;
	uint8_t bytes[LINE_SIZE];
} lines[LINES_MAX];
static unsigned int nb_lines;

static void
lines_brought_out(const void *va, size_t len)
{
	uintptr_t at = (uintptr_t)va & ~(uintptr_t)(LINE_SIZE - 1);
	unsigned int i;

	for (; at < (uintptr_t)va + len; at += LINE_SIZE) {
		for (i = 0; i < nb_lines && lines[i].at != at; i++)
			;
		assert_true(i < LINES_MAX);
		nb_lines = RTE_MAX(nb_lines, i + 1);
		lines[i].at = at;
		memcpy(lines[i].bytes, (const void *)at, LINE_SIZE);
	}
}

/* Whether the unit sees memory as it is. */
static inline bool
is_brought_out(const void *va, size_t len)
{
	uintptr_t at = (uintptr_t)va & ~(uintptr_t)(LINE_SIZE - 1);
	unsigned int i;

	for (; at < (uintptr_t)va + len; at += LINE_SIZE) {
		for (i = 0; i < nb_lines && lines[i].at != at; i++)
			;
		if (i == nb_lines || memcmp(lines[i].bytes, (const void *)at, LINE_SIZE) != 0)
			return false;
	}
	return true;
}

/* ------------------------------------------------------------------ stand-ins */

void *
rte_zmalloc_socket(const char *type, size_t size, unsigned int align, int socket)
{
	(void)type;
	(void)align;
	(void)socket;
	return calloc(1, size);
}

void *
rte_realloc_socket(void *mem, size_t size, unsigned int align, int socket)
{
	(void)align;
	(void)socket;
	return realloc(mem, size);
}

void
rte_free(void *mem)
{
	free(mem);
}

static int
dma_alloc(struct uiommu_platform *plat, size_t size, size_t align, struct uiommu_dma *mem)
{
	(void)plat;
	mem->va = aligned_alloc(align, size);
	mem->pa = (uintptr_t)mem->va;
	mem->size = size;
	if (mem->va == NULL)
		return -ENOMEM;
	memset(mem->va, 0, size);
	return 0;
}

static void
dma_free(struct uiommu_platform *plat, struct uiommu_dma *mem)
{
	(void)plat;
	free(mem->va);
}

static const struct uiommu_platform_ops platform_ops = {
	.dma_alloc = dma_alloc, .dma_free = dma_free,
};

/* ------------------------------------------------------------------------ rig */

static struct uiommu_dev dev;
static struct vtd vtd;
static uint64_t did_used[1];

static inline int
set_up(void **state)
{
	(void)state;
	memset(&vtd, 0, sizeof(vtd));
	memset(did_used, 0, sizeof(did_used));
	dev.platform.ops = &platform_ops;
	dev.dev_private = &vtd;
	vtd.dev = &dev;
	vtd.pool.plat = &dev.platform;
	vtd.dids.used = did_used;
	vtd.nb_did = NB_DID;
	vtd.dids.next = 1;
	vtd.dids.nb = NB_DID;
	vtd.pasid_bits = 20;
	/* none that a domain here has: it stands where the width does not matter */
	vtd.aw = VTD_AW_39;
	vtd.haw = 52;
	/* SAGAW 12:8: 39 and 48 bits; FS5LP 60 */
	vtd.cap = UINT64_C(0x600) | UINT64_C(1) << 60;
	/* DT 2, PT 6, NEST 26, PASID 40, SSTS 46, FSTS 47, SMPWCS 48 */
	vtd.ecap = UINT64_C(0x44) | UINT64_C(1) << 26 | UINT64_C(1) << 40 | UINT64_C(7) << 46;
	nb_lines = 0;
	return uiommu_dma_alloc(&dev.platform, VTD_BASE_SIZE, VTD_PAGE_SIZE, &vtd.base_mem);
}

static inline int
tear_down(void **state)
{
	(void)state;
	uiommu_page_pool_free(&vtd.pool);
	uiommu_dma_free(&dev.platform, &vtd.base_mem);
	return 0;
}

static inline struct vtd_endpoint *
endpoint_new(const struct uiommu_endpoint_conf *conf)
{
	static const struct uiommu_endpoint_conf defaults = {.pasid_bits = 0};
	void *endpoint = NULL;

	assert_int_equal(vtd_endpoint_set(&dev, ENDPOINT, conf != NULL ? conf : &defaults,
					  &endpoint), 0);
	assert_non_null(endpoint);
	return endpoint;
}

static inline struct vtd_domain *
domain_new(const struct uiommu_domain_conf *conf, struct vtd_domain *parent)
{
	void *domain = NULL;

	assert_int_equal(vtd_domain_init(&dev, conf, parent, &domain), 0);
	return domain;
}

static inline int
domain_try(const struct uiommu_domain_conf *conf, struct vtd_domain *parent)
{
	void *domain = NULL;
	int ret = vtd_domain_init(&dev, conf, parent, &domain);

	if (ret == 0)
		vtd_domain_fini(&dev, domain);
	return ret;
}

static const struct uiommu_domain_conf blocked = {.type = UIOMMU_DOMAIN_BLOCKED};
static const struct uiommu_domain_conf identity = {.type = UIOMMU_DOMAIN_IDENTITY};
static const struct uiommu_domain_conf paging = {
	.type = UIOMMU_DOMAIN_PAGING, .table_pa = HOST_TABLE, .levels = 5,
};
static const struct uiommu_domain_conf sva = {
	.type = UIOMMU_DOMAIN_SVA, .table_pa = HOST_TABLE, .levels = 4,
};
static const struct uiommu_domain_conf second = {
	.type = UIOMMU_DOMAIN_PAGING, .flags = UIOMMU_DOMAIN_SECOND_STAGE,
	.table_pa = HOST_TABLE, .levels = 4,
};
static const struct uiommu_domain_conf parent_conf = {
	.type = UIOMMU_DOMAIN_PAGING, .flags = UIOMMU_DOMAIN_NEST_PARENT,
	.table_pa = HOST_TABLE, .levels = 4,
};
static const struct uiommu_domain_conf nested_conf = {
	.type = UIOMMU_DOMAIN_NESTED, .table_pa = GUEST_TABLE, .levels = 4,
};

static inline void
assert_entry(const struct vtd_endpoint *endpoint, uint32_t pasid, uint64_t w0, uint64_t w1,
	     uint64_t w2)
{
	const struct vtd_pasid_entry *entry = find_entry(endpoint, pasid);
	unsigned int i;

	assert_non_null(entry);
	assert_true(entry->q[0] == w0);
	assert_true(entry->q[1] == w1);
	assert_true(entry->q[2] == w2);
	for (i = 3; i < RTE_DIM(entry->q); i++)
		assert_true(entry->q[i] == 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif /* VTD_TABLE_RIG_H */
