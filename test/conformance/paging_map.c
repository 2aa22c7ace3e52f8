/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Tables by hand: map, unmap, protect, look up, and what was written. */

#include <pthread.h>

#include "paging.h"

static uint64_t
phys(struct uiommu_domain *domain, uint64_t iova)
{
	uint64_t pa = 0;
	int ret = uiommu_domain_iova_to_phys(domain, iova, &pa);

	CHECK(ret == 0 || ret == -ENOENT);
	return ret == 0 ? pa : UIOMMU_PA_NONE;
}

static void
map_and_unmap(bool second)
{
	const struct paging_conf conf = {.second = second, .plain = true};
	struct paging p;
	uint64_t done, pa;

	paging_open(&p, &conf);
	pa = paging_pa(p.memory);
	CHECK_EQ(phys(p.domain, IOVA), UIOMMU_PA_NONE);
	CHECK_EQ(uiommu_domain_map(p.domain, IOVA, pa, 600 * PAGE, ALL), 0);
	CHECK_EQ(uiommu_domain_map(p.domain, IOVA + 2 * LARGE, pa, 3 * PAGE, UIOMMU_PROT_READ), 0);
	CHECK_EQ(phys(p.domain, IOVA + 555 * PAGE + 0x123), pa + 555 * PAGE + 0x123);
	CHECK_EQ(phys(p.domain, IOVA + 600 * PAGE), UIOMMU_PA_NONE);
	CHECK_EQ(paging_count(&p, IOVA, p.memory, 620, true), 600);
	CHECK_EQ(paging_count(&p, IOVA + 2 * LARGE, p.memory, 8, true), 0);
	CHECK_EQ(paging_count(&p, IOVA + 2 * LARGE, p.memory, 8, false), 3);
	/* the same again changes nothing; more access is added, less is not taken away */
	CHECK_EQ(uiommu_domain_map(p.domain, IOVA + PAGE, pa + PAGE, PAGE, UIOMMU_PROT_READ), 0);
	CHECK_EQ(paging_reach(&p, IOVA + PAGE, true), pa + PAGE);
	CHECK_EQ(uiommu_domain_map(p.domain, IOVA + 2 * LARGE, pa, PAGE, ALL), 0);
	CHECK_EQ(paging_reach(&p, IOVA + 2 * LARGE, true), pa);
	CHECK_EQ(uiommu_domain_unmap(p.domain, IOVA + 100 * PAGE, 450 * PAGE, &done), 0);
	CHECK_EQ(done, 450 * PAGE);
	CHECK_EQ(paging_count(&p, IOVA, p.memory, 620, true), 150);
	CHECK_EQ(phys(p.domain, IOVA + 100 * PAGE), UIOMMU_PA_NONE);
	CHECK_EQ(phys(p.domain, IOVA + 99 * PAGE), pa + 99 * PAGE);
	/* what is not there can be unmapped, too */
	CHECK_EQ(uiommu_domain_unmap(p.domain, IOVA + 90 * PAGE, 20 * PAGE, &done), 0);
	CHECK_EQ(done, 10 * PAGE);
	CHECK_EQ(uiommu_domain_unmap(p.domain, IOVA, 8 * LARGE, &done), 0);
	CHECK_EQ(done, (150 - 10 + 3) * PAGE);
	CHECK_EQ(uiommu_domain_unmap(p.domain, 0, paging_whole_entries(&p), &done), 0);
	CHECK_EQ(done, 0);
	CHECK_EQ(paging_stats(&p).table_pages, 1);
	paging_close(&p);
}
BOTH_STAGES(map_and_unmap);

static void
bad_arguments(bool second)
{
	const struct paging_conf conf = {.second = second, .plain = true};
	struct uiommu_domain *blocked;
	struct paging p;
	uint64_t pa, got;

	paging_open(&p, &conf);
	pa = paging_pa(p.memory);
	blocked = rig_domain(p.rig, UIOMMU_DOMAIN_BLOCKED);
	CHECK_EQ(uiommu_domain_map(p.domain, IOVA + 1, pa, PAGE, ALL), -EINVAL);
	CHECK_EQ(uiommu_domain_map(p.domain, IOVA, pa + 512, PAGE, ALL), -EINVAL);
	CHECK_EQ(uiommu_domain_map(p.domain, IOVA, pa, PAGE - 1, ALL), -EINVAL);
	CHECK_EQ(uiommu_domain_map(p.domain, IOVA, pa, PAGE, 0), -EINVAL);
	CHECK_EQ(uiommu_domain_map(p.domain, UINT64_C(1) << 62, pa, PAGE, ALL), -EINVAL);
	CHECK_EQ(uiommu_domain_map(p.domain, UINT64_MAX - PAGE + 1, pa, 2 * PAGE, ALL), -EINVAL);
	CHECK_EQ(uiommu_domain_map(p.domain, IOVA, UINT64_C(1) << 60, PAGE, ALL), -EINVAL);
	CHECK_EQ(uiommu_domain_map(blocked, IOVA, pa, PAGE, ALL), -EINVAL);
	CHECK_EQ(uiommu_domain_unmap(p.domain, IOVA + 1, PAGE, NULL), -EINVAL);
	CHECK_EQ(uiommu_domain_unmap(p.domain, IOVA, PAGE + 1, NULL), -EINVAL);
	CHECK_EQ(uiommu_domain_unmap(p.domain, UINT64_C(1) << 62, PAGE, NULL), -EINVAL);
	CHECK_EQ(uiommu_domain_unmap(blocked, IOVA, PAGE, NULL), -EINVAL);
	CHECK_EQ(uiommu_domain_protect(p.domain, IOVA, PAGE + 1, ALL), -EINVAL);
	CHECK_EQ(uiommu_domain_protect(blocked, IOVA, PAGE, ALL), -EINVAL);
	CHECK_EQ(uiommu_domain_iova_to_phys(p.domain, UINT64_C(1) << 62, &got), -EINVAL);
	CHECK_EQ(uiommu_domain_iova_to_phys(blocked, IOVA, &got), -EINVAL);
	/* what leads elsewhere stays, at any place of the range */
	CHECK_EQ(uiommu_domain_map(p.domain, IOVA + 7 * PAGE, pa, PAGE, ALL), 0);
	CHECK_EQ(uiommu_domain_map(p.domain, IOVA + 7 * PAGE, pa + PAGE, PAGE, ALL), -EEXIST);
	CHECK_EQ(uiommu_domain_map(p.domain, IOVA, pa, 16 * PAGE, ALL), -EEXIST);
	CHECK_EQ(phys(p.domain, IOVA + 7 * PAGE), pa);
	CHECK_EQ(uiommu_domain_map(p.domain, IOVA, pa, LARGE, ALL), -EEXIST);
	CHECK_EQ(phys(p.domain, IOVA + 7 * PAGE), pa);
	paging_close(&p);
}
BOTH_STAGES(bad_arguments);

/* The first and the last page that a table has, and the first one beyond. */
static void
ends_of_table(bool second)
{
	const struct paging_conf conf = {.second = second, .plain = true};
	struct paging p;
	uint64_t pa, end = UINT64_C(1) << 20;

	harness_need(HARNESS_NEEDS_WHOLE_TABLE);
	paging_open(&p, &conf);
	pa = paging_pa(p.memory);
	CHECK_EQ(uiommu_domain_map(p.domain, 0, pa, PAGE, ALL), 0);
	CHECK_EQ(paging_reach(&p, 0, true), pa);
	while (end < UINT64_C(1) << 60 &&
	       uiommu_domain_map(p.domain, end, pa, PAGE, ALL) == 0) {
		CHECK_EQ(paging_reach(&p, end, true), pa);
		CHECK_EQ(uiommu_domain_unmap(p.domain, end, PAGE, NULL), 0);
		end <<= 1;
	}
	CHECK(end >= UINT64_C(1) << 38 && end <= UINT64_C(1) << 57);
	CHECK_EQ(uiommu_domain_map(p.domain, end - PAGE, pa, PAGE, ALL), 0);
	CHECK_EQ(paging_reach(&p, end - PAGE, true), pa);
	CHECK_EQ(uiommu_domain_map(p.domain, end - PAGE, pa, 2 * PAGE, ALL), -EINVAL);
	CHECK_EQ(uiommu_domain_unmap(p.domain, end - PAGE, 2 * PAGE, NULL), -EINVAL);
	CHECK_EQ(paging_reach(&p, end - PAGE, true), pa);
	CHECK_EQ(uiommu_domain_unmap(p.domain, end - PAGE, PAGE, NULL), 0);
	CHECK_EQ(paging_reach(&p, end - PAGE, false), UIOMMU_PA_NONE);
	paging_close(&p);
}
BOTH_STAGES(ends_of_table);

/* Large leaves by alignment, and a part of one taken away. */
static void
parts_of_large(bool second)
{
	const struct paging_conf conf = {.second = second, .plain = true};
	struct paging p;
	uint64_t pa, done;
	uint64_t tables;

	paging_open(&p, &conf);
	pa = paging_pa(p.memory);
	CHECK_EQ(uiommu_domain_map(p.domain, IOVA, pa, 4 * LARGE, ALL), 0);
	tables = paging_stats(&p).table_pages;
	CHECK(tables <= 4); /* none for pages of 4 KiB */
	CHECK_EQ(paging_count(&p, IOVA, p.memory, 2048, true), 2048);
	CHECK_EQ(uiommu_domain_unmap(p.domain, IOVA + 500 * PAGE, 30 * PAGE, &done), 0);
	CHECK_EQ(done, 30 * PAGE);
	CHECK_EQ(paging_count(&p, IOVA, p.memory, 2048, true), 2018);
	CHECK_EQ(paging_count(&p, IOVA + 500 * PAGE, p.memory, 30, false), 0);
	CHECK_EQ(paging_stats(&p).table_pages, tables + 2);
	/* the third becomes read-only in part */
	CHECK_EQ(uiommu_domain_protect(p.domain, IOVA + 2 * LARGE + 9 * PAGE, PAGE,
				       UIOMMU_PROT_READ), 0);
	CHECK_EQ(paging_reach(&p, IOVA + 2 * LARGE + 9 * PAGE, true), UIOMMU_PA_NONE);
	CHECK_EQ(paging_reach(&p, IOVA + 2 * LARGE + 9 * PAGE, false), pa + 2 * LARGE + 9 * PAGE);
	CHECK_EQ(paging_reach(&p, IOVA + 2 * LARGE + 8 * PAGE, true), pa + 2 * LARGE + 8 * PAGE);
	CHECK_EQ(uiommu_domain_unmap(p.domain, 0, paging_whole_entries(&p), &done), 0);
	CHECK_EQ(done, 4 * LARGE - 30 * PAGE);
	CHECK_EQ(paging_stats(&p).table_pages, 1);
	paging_close(&p);
}
BOTH_STAGES(parts_of_large);

/* No page for a table: what is there already stays, and a part of a large leaf stays whole. */
static void
no_table_to_split(bool second)
{
	const struct paging_conf conf = {.second = second, .plain = true, .table_pages_max = 5};
	struct paging p;
	uint64_t pa, i = 1;

	paging_open(&p, &conf);
	pa = paging_pa(p.memory);
	CHECK_EQ(uiommu_domain_map(p.domain, IOVA, pa, LARGE, ALL), 0);
	while (i < 100 && uiommu_domain_map(p.domain, IOVA + i * 4 * LARGE, pa, PAGE, ALL) == 0)
		i++;
	CHECK(i > 1 && i < 5);
	CHECK_EQ(uiommu_domain_map(p.domain, IOVA + i * 4 * LARGE, pa, PAGE, ALL), -ENOMEM);
	CHECK_EQ(uiommu_domain_unmap(p.domain, IOVA + PAGE, PAGE, NULL), -ENOMEM);
	CHECK_EQ(uiommu_domain_protect(p.domain, IOVA + PAGE, PAGE, UIOMMU_PROT_READ), -ENOMEM);
	CHECK_EQ(paging_count(&p, IOVA, p.memory, 512, true), 512);
	CHECK_EQ(uiommu_domain_unmap(p.domain, IOVA + 4 * LARGE, LARGE, NULL), 0);
	CHECK_EQ(uiommu_domain_unmap(p.domain, IOVA + PAGE, PAGE, NULL), 0);
	CHECK_EQ(paging_count(&p, IOVA, p.memory, 512, true), 511);
	paging_close(&p);
}
BOTH_STAGES(no_table_to_split);

/* R4: when unmap has returned, no device gets there, by whatever way. */
static void
no_access_after_unmap(bool second)
{
	const struct paging_conf conf = {.second = second, .plain = true, .no_bond = true};
	struct uiommu_endpoint *without;
	struct paging p;
	uint64_t word = 0;
	unsigned int round;

	paging_open(&p, &conf);
	without = rig_endpoint_with(p.rig, 0x0210, UIOMMU_ENDPOINT_NO_PAGE_REQUESTS |
					   UIOMMU_ENDPOINT_NO_ATS, 0);
	rig_attach(p.endpoint, PASID, p.domain, NULL);
	rig_attach(p.endpoint, UIOMMU_NO_PASID, p.domain, NULL);
	rig_attach(without, PASID, p.domain, NULL);
	for (round = 0; round < 3; round++) {
		CHECK_EQ(uiommu_domain_map(p.domain, IOVA, paging_pa(p.memory), 4 * PAGE, ALL), 0);
		CHECK(uiommu_emu_access(p.rig->emu, EP, PASID, IOVA + PAGE, true, &word, 8));
		CHECK(uiommu_emu_access(p.rig->emu, EP, UINT32_MAX, IOVA + PAGE, false, &word, 8));
		CHECK(uiommu_emu_dma(p.rig->emu, EP, UINT32_MAX, IOVA + PAGE, true));
		CHECK(uiommu_emu_dma(p.rig->emu, 0x0210, PASID, IOVA + PAGE, true));
		CHECK_EQ(uiommu_domain_unmap(p.domain, IOVA + PAGE, PAGE, NULL), 0);
		CHECK(!uiommu_emu_access(p.rig->emu, EP, PASID, IOVA + PAGE, true, &word, 8));
		CHECK(!uiommu_emu_access(p.rig->emu, EP, UINT32_MAX, IOVA + PAGE, false, &word, 8));
		CHECK(!uiommu_emu_dma(p.rig->emu, EP, UINT32_MAX, IOVA + PAGE, true));
		CHECK(!uiommu_emu_dma(p.rig->emu, 0x0210, PASID, IOVA + PAGE, false));
		CHECK_EQ(uiommu_emu_retire(p.rig->emu, paging_pa(p.memory) + PAGE, PAGE), 0);
		CHECK(uiommu_emu_access(p.rig->emu, EP, PASID, IOVA, true, &word, 8));
		CHECK(uiommu_emu_dma(p.rig->emu, 0x0210, PASID, IOVA, true));
	}
	paging_close(&p);
}
BOTH_STAGES(no_access_after_unmap);

/* R11: the unit is dead. What it may still walk is not used for anything else. */
static void
unit_fails(bool second)
{
	const struct paging_conf conf = {
		.second = second, .plain = true, .rig = {.dev = {.timeout_ns = 50000000}},
	};
	uint64_t begin = harness_now_ns(), pa;
	struct uiommu_dev_info before, after;
	struct paging p;
	int ret;

	if (harness_lacks(HARNESS_NEEDS_COMMANDS))
		harness_skip("the unit is told by system calls, not by commands");
	paging_open(&p, &conf);
	pa = paging_pa(p.memory);
	CHECK_EQ(uiommu_domain_map(p.domain, IOVA, pa, 8 * PAGE, ALL), 0);
	CHECK_EQ(uiommu_domain_map(p.domain, IOVA + LARGE, pa, 8 * PAGE, ALL), 0);
	CHECK_EQ(paging_count(&p, IOVA, p.memory, 8, true), 8);
	CHECK_EQ(uiommu_info_get(p.rig->dev, &before), 0);
	uiommu_emu_fault_set(p.rig->emu, UIOMMU_EMU_FAULT_DEAD_QUEUE, 0);
	ret = uiommu_domain_unmap(p.domain, IOVA, LARGE, NULL);
	CHECK(ret == -ETIMEDOUT || ret == -EIO);
	CHECK_EQ(uiommu_domain_unmap(p.domain, IOVA + LARGE, LARGE, NULL), -EIO);
	CHECK_EQ(uiommu_domain_protect(p.domain, IOVA + LARGE, PAGE, UIOMMU_PROT_READ), -EIO);
	CHECK_EQ(uiommu_info_get(p.rig->dev, &after), 0);
	CHECK_EQ(after.state, UIOMMU_DEV_FAILED);
	CHECK_EQ(after.table_pages_used, before.table_pages_used);
	CHECK(harness_now_ns() - begin < RIG_PATIENCE_NS);
	rig_close_failed(p.rig);
}
BOTH_STAGES(unit_fails);

/* ----------------------------------------------------------- what was written */

struct written {
	unsigned int nb;
	uint64_t iova[16];
	uint64_t bytes;
};

static void
written_add(void *priv, uint64_t iova, uint64_t len)
{
	struct written *written = priv;

	if (written->nb < ARRAY_COUNT(written->iova))
		written->iova[written->nb] = iova;
	written->nb++;
	written->bytes += len;
}

static void
dirty(bool second)
{
	const struct paging_conf conf = {.second = second, .plain = true};
	struct written w = {0};
	struct paging p;
	uint64_t word = 1;
	int ret;

	paging_open(&p, &conf);
	CHECK_EQ(uiommu_domain_map(p.domain, IOVA, paging_pa(p.memory), 16 * PAGE, ALL), 0);
	ret = uiommu_domain_dirty(p.domain, IOVA, LARGE, 0, written_add, &w);
	if (ret == -ENOTSUP) {
		rig_close(p.rig);
		harness_skip("the unit does not keep track of writes");
	}
	CHECK_EQ(ret, 0);
	w = (struct written){0};
	CHECK(uiommu_emu_access(p.rig->emu, EP, PASID, IOVA + 3 * PAGE, true, &word, 8));
	CHECK(uiommu_emu_access(p.rig->emu, EP, PASID, IOVA + 9 * PAGE, true, &word, 8));
	CHECK(uiommu_emu_access(p.rig->emu, EP, PASID, IOVA + 5 * PAGE, false, &word, 8));
	CHECK_EQ(uiommu_domain_dirty(p.domain, IOVA, LARGE, UIOMMU_DIRTY_KEEP, written_add, &w), 0);
	CHECK_EQ(w.nb, 2);
	CHECK_EQ(uiommu_domain_dirty(p.domain, IOVA + 8 * PAGE, 8 * PAGE, 0, written_add, &w), 0);
	CHECK_EQ(w.nb, 3);
	CHECK_EQ(w.iova[2], IOVA + 9 * PAGE);
	/* written again, by a device that has the translation still, if it may */
	CHECK(uiommu_emu_access(p.rig->emu, EP, PASID, IOVA + 9 * PAGE, true, &word, 8));
	w = (struct written){0};
	CHECK_EQ(uiommu_domain_dirty(p.domain, IOVA, 16 * PAGE, 0, written_add, &w), 0);
	CHECK_EQ(w.nb, 2);
	CHECK_EQ(w.bytes, 2 * PAGE);
	CHECK_EQ(w.iova[0], IOVA + 3 * PAGE);
	CHECK_EQ(w.iova[1], IOVA + 9 * PAGE);
	w = (struct written){0};
	CHECK_EQ(uiommu_domain_dirty(p.domain, IOVA, LARGE, 0, written_add, &w), 0);
	CHECK_EQ(w.nb, 0);
	CHECK_EQ(uiommu_domain_dirty(p.domain, IOVA + 1, PAGE, 0, written_add, &w), -EINVAL);
	paging_close(&p);
}
BOTH_STAGES(dirty);

/* ------------------------------------------------------------- inside handlers */

struct in_handler {
	struct paging *p;
	struct uiommu_domain *other;
	struct uiommu_region *region;
};

/* What takes away waits for the unit; what brings need not, but where it must be told. */
static void
handler_calls(struct recorder *rec, struct uiommu_group *groups, uint8_t *codes, uint16_t nb)
{
	const struct in_handler *in = rec->hook_arg;
	const struct uiommu_backing backing = {
		.size = sizeof(backing), .type = UIOMMU_BACKING_MEMORY, .page_shift = 12,
		.va = in->p->memory,
	};
	bool told = (in->p->rig->info.capa & UIOMMU_CAPA_CACHES_ABSENT) != 0;
	struct written w = {0};
	uint64_t pa = 0;
	uint16_t i;

	EXPECT_EQ(uiommu_domain_unmap(in->other, IOVA, PAGE, NULL), -EDEADLK);
	EXPECT_EQ(uiommu_domain_protect(in->other, IOVA, PAGE, UIOMMU_PROT_READ), -EDEADLK);
	EXPECT_EQ(uiommu_domain_dirty(in->other, IOVA, PAGE, 0, written_add, &w), -EDEADLK);
	EXPECT(uiommu_region_add(in->other, IOVA + LARGE, PAGE, &backing, ALL) == NULL &&
	       rte_errno == EDEADLK);
	EXPECT_EQ(uiommu_region_remove(in->region), -EDEADLK);
	EXPECT_EQ(uiommu_domain_evict(in->other, 1, NULL), -EDEADLK);
	EXPECT_EQ(uiommu_domain_iova_to_phys(in->other, IOVA, &pa), 0);
	EXPECT_EQ(pa, paging_pa(in->p->memory));
	for (i = 0; i < nb; i++) {
		int ret = uiommu_domain_map(rec->domain, groups[i].faults[0].iova,
					    paging_pa(in->p->memory) + PAGE, PAGE, ALL);

		EXPECT_EQ(ret, told ? -EDEADLK : 0);
		codes[i] = ret == 0 ? UIOMMU_CODE_SUCCESS : UIOMMU_CODE_INVALID;
	}
}

static void
inside_handler(void)
{
	struct paging_conf conf = {0};
	struct in_handler in;
	struct recorder *rec;
	struct paging p;
	bool told;

	paging_open(&p, &conf);
	told = (p.rig->info.capa & UIOMMU_CAPA_CACHES_ABSENT) != 0;
	in = (struct in_handler){.p = &p, .other = p.domain};
	in.region = paging_region(&p, IOVA, p.memory, 4 * PAGE, ALL, 0);
	CHECK_EQ(paging_ask(&p, IOVA, true), UIOMMU_CODE_SUCCESS);
	rec = rig_recorder(p.rig, UIOMMU_CODE_INVALID);
	rec->hook = handler_calls;
	rec->hook_arg = &in;
	rig_attach(p.endpoint, 8, rec->domain, NULL);
	CHECK_EQ(paging_ask_group(&p, 8, &(const struct want){IOVA + 5 * PAGE, true}, 1),
		 told ? UIOMMU_CODE_INVALID : UIOMMU_CODE_SUCCESS);
	CHECK_EQ(paging_reach_of(&p, EP, 8, IOVA + 5 * PAGE, true),
		 told ? UIOMMU_PA_NONE : paging_pa(p.memory) + PAGE);
	/* nothing of the other domain has changed */
	CHECK_EQ(paging_reach(&p, IOVA, true), paging_pa(p.memory));
	paging_close(&p);
}

/* -------------------------------------------------------------- by several threads */

struct mapper {
	struct paging *p;
	unsigned int number;
	pthread_t thread;
};

/* All of them map the same range, page by page, each in another order, and look at it. */
static void *
mapper_main(void *arg)
{
	const struct mapper *self = arg;
	uint64_t pa, base = paging_pa(self->p->memory);
	unsigned int i;

	for (i = 0; i < 1024; i++) {
		uint64_t at = (uint64_t)((i * (2 * self->number + 1)) % 1024) * PAGE;
		int ret = uiommu_domain_map(self->p->domain, IOVA + at, base + at, PAGE, ALL);

		EXPECT_EQ(ret, 0);
		EXPECT_EQ(uiommu_domain_iova_to_phys(self->p->domain, IOVA + at, &pa), 0);
		EXPECT_EQ(pa, base + at);
	}
	return NULL;
}

static void
mapped_by_threads(bool second)
{
	const struct paging_conf conf = {
		.second = second,
		.plain = true,
		.rig = {.model_thread = true, .owner_thread = true},
	};
	static struct mapper mappers[3];
	struct paging p;
	uint64_t done;
	unsigned int i, round;

	paging_open(&p, &conf);
	for (round = 0; round < 2; round++) {
		for (i = 0; i < 3; i++) {
			mappers[i] = (struct mapper){.p = &p, .number = i};
			CHECK_EQ(pthread_create(&mappers[i].thread, NULL, mapper_main, &mappers[i]),
				 0);
		}
		for (i = 0; i < 3; i++)
			pthread_join(mappers[i].thread, NULL);
		CHECK_EQ(uiommu_domain_unmap(p.domain, 0, paging_whole_entries(&p), &done), 0);
		CHECK_EQ(done, 2 * LARGE);
		CHECK_EQ(paging_stats(&p).table_pages, 1);
	}
	rig_close(p.rig);
}
BOTH_STAGES(mapped_by_threads);

/*
 * A region may end a page before all addresses do, and no further. It is not mapped over by hand,
 * whatever the range.
 */
static void
region_at_the_end(bool second)
{
	const struct paging_conf conf = {.second = second};
	struct uiommu_backing memory = {.size = sizeof(memory), .type = UIOMMU_BACKING_MEMORY};
	struct paging p;
	uint64_t iova, pa;

	harness_need(HARNESS_NEEDS_WHOLE_TABLE);
	paging_open(&p, &conf);
	/* below what devices may ask for, in a second stage with the width of a first */
	if (second)
		iova = (UINT64_C(1) << 47) - 16 * PAGE;
	else if (harness_unit()->sign_bits != 0)
		iova = rig_iova_end(p.rig) - 16 * PAGE;
	else
		iova = -16 * PAGE;
	pa = paging_pa(p.memory);
	memory.va = p.memory;
	if (iova + 16 * PAGE == 0)
		CHECK_ERRNO(uiommu_region_add(p.domain, iova, 16 * PAGE, &memory, ALL), EINVAL);
	CHECK(paging_region(&p, iova, p.memory, 15 * PAGE, ALL, 0) != NULL);
	CHECK_EQ(uiommu_domain_map(p.domain, iova, pa, 16 * PAGE, ALL), -EEXIST);
	CHECK_EQ(uiommu_domain_map(p.domain, iova - PAGE, pa, 2 * PAGE, ALL), -EEXIST);
	CHECK_EQ(uiommu_domain_map(p.domain, iova + 14 * PAGE, pa, 2 * PAGE, ALL), -EEXIST);
	CHECK_EQ(uiommu_domain_map(p.domain, iova - PAGE, pa, PAGE, ALL), 0);
	CHECK_EQ(uiommu_domain_map(p.domain, iova + 15 * PAGE, pa, PAGE, ALL), 0);
	CHECK_EQ(paging_ask(&p, iova + 14 * PAGE, true), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(paging_reach(&p, iova + 14 * PAGE, true), pa + 14 * PAGE);
	CHECK_EQ(paging_reach(&p, iova + 15 * PAGE, true), pa);
	CHECK_EQ(paging_ask(&p, iova + 13 * PAGE, false), UIOMMU_CODE_SUCCESS);
	paging_close(&p);
}
BOTH_STAGES(region_at_the_end);

static const struct harness_case paging_map_cases[] = {
	FIRST_CASE("R3 R4 map and unmap", map_and_unmap),
	SECOND_CASE("R3 R4 map and unmap", map_and_unmap),
	FIRST_CASE("map and unmap, bad arguments", bad_arguments),
	SECOND_CASE("map and unmap, bad arguments", bad_arguments),
	FIRST_CASE("T37 map at the ends of a table", ends_of_table),
	SECOND_CASE("T37 map at the ends of a table", ends_of_table),
	FIRST_CASE("T37 a region at the end of all addresses", region_at_the_end),
	SECOND_CASE("T37 a region at the end of all addresses", region_at_the_end),
	FIRST_CASE("R4 unmap of a part of a large leaf", parts_of_large),
	SECOND_CASE("R4 unmap of a part of a large leaf", parts_of_large),
	FIRST_CASE("R6 map and unmap, no page for a table", no_table_to_split),
	SECOND_CASE("R6 map and unmap, no page for a table", no_table_to_split),
	FIRST_CASE("R4 no access after unmap", no_access_after_unmap),
	SECOND_CASE("R4 no access after unmap", no_access_after_unmap),
	FIRST_CASE("R4 R11 unmap, the unit fails", unit_fails),
	SECOND_CASE("R4 R11 unmap, the unit fails", unit_fails),
	FIRST_CASE("pages that were written", dirty),
	SECOND_CASE("pages that were written", dirty),
	{"R4 T15 tables and regions inside a handler", inside_handler, UIOMMU_CAPA_PAGE_TABLES},
	FIRST_CASE("R3 map by several threads", mapped_by_threads),
	SECOND_CASE("R3 map by several threads", mapped_by_threads),
};

HARNESS_SUITE(paging_map);
