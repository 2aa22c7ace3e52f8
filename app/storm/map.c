/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_errno.h>

#include "storm.h"
#include "talk.h"

#define PAGE_BYTES UINT64_C(4096)
#define LARGE_BYTES UINT64_C(0x200000)
/* Entries of a table. */
#define TABLE_ENTRIES 512
/* Of each domain besides leaf tables: root, and one or two of each level between. */
#define TABLES_MORE 8
/* The library's default is enough for so many domains of other handlers. */
#define DOMAINS_FEW 256

static bool
is_on(const struct storm *s)
{
	return s->o.handler == STORM_HANDLER_MAP;
}

/* ------------------------------------------------------------------------- sizes */

uint32_t
map_table_pages(const struct storm_options *o)
{
	uint64_t leaf_tables = o->traffic.window_pages / TABLE_ENTRIES + 2;
	uint64_t tables = leaf_tables + leaf_tables / TABLE_ENTRIES + TABLES_MORE;

	if (o->handler != STORM_HANDLER_MAP)
		return o->domains <= DOMAINS_FEW ? 0 : o->domains + DOMAINS_FEW;
	/* some are on their way back to the pool, or were taken twice by mistake */
	return (uint32_t)(tables * o->domains + tables * o->domains / 8 + DOMAINS_FEW);
}

uint32_t
map_frame_pages(const struct storm_options *o)
{
	if (o->handler != STORM_HANDLER_MAP || o->map.backing != STORM_BACKING_ANON)
		return 0;
	return (uint32_t)(o->traffic.window_pages * o->domains) + DOMAINS_FEW;
}

static uint32_t
store_frames(const struct storm_options *o)
{
	if (o->handler != STORM_HANDLER_MAP || o->map.backing != STORM_BACKING_CALLBACK)
		return 0;
	return (uint32_t)(o->map.budget_pages != 0 ? o->map.budget_pages
						   : o->traffic.window_pages * o->domains);
}

uint64_t
map_memory_bytes(const struct storm_options *o)
{
	return ((uint64_t)map_table_pages(o) + map_frame_pages(o) + store_frames(o)) * PAGE_BYTES;
}

/* ------------------------------------------------------------------------ memory */

/*
 * Address space that nobody touches takes no memory. The window begins one page after a multiple of
 * 2 MiB, so that it is mapped in pages of 4 KiB whatever the library finds out; of hugepages,
 * it begins with one.
 */
static int
memory_open(struct storm *s)
{
	struct storm_map *m = &s->map;
	const int more = s->o.map.large ? MAP_HUGETLB | 21 << MAP_HUGE_SHIFT : MAP_NORESERVE;
	uintptr_t at;
	void *va;

	m->bytes = s->o.traffic.window_pages * PAGE_BYTES;
	m->mapping_bytes = RTE_ALIGN_CEIL(m->bytes, LARGE_BYTES);
	if (!s->o.map.large)
		m->mapping_bytes += 2 * LARGE_BYTES;
	va = mmap(NULL, m->mapping_bytes, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | more, -1, 0);
	if (va == MAP_FAILED)
		return -errno;
	m->mapping = va;
	at = (uintptr_t)va;
	if (!s->o.map.large)
		at = RTE_ALIGN_CEIL(at, (uintptr_t)LARGE_BYTES) + PAGE_BYTES;
	m->base = (uint8_t *)at;
	m->data.nb_spaces = 1;
	return s->o.map.data ? uiommu_emu_memory_add(s->emu, m->base, m->bytes) : 0;
}

static int
file_open(struct storm *s)
{
	struct storm_map *m = &s->map;

	m->bytes = s->o.traffic.window_pages * PAGE_BYTES;
	m->fd = memfd_create("uiommu-storm", MFD_CLOEXEC);
	if (m->fd < 0 || ftruncate(m->fd, (off_t)m->bytes) < 0)
		return -errno;
	return 0;
}

static int
callback_open(struct storm *s)
{
	struct store *st = &s->map.store;
	int ret;

	st->emu = s->emu;
	st->lcore_fault = s->eal.lcore_fault;
	ret = store_open(st, s->o.domains, s->o.traffic.window_pages, store_frames(&s->o),
			 s->info.socket_id);
	if (ret < 0)
		return ret;
	return uiommu_emu_memory_add(s->emu, st->frames.base, (size_t)st->frames.nb * FRAME_BYTES);
}

static int
data_open(struct storm *s)
{
	struct storm_map *m = &s->map;

	if (!s->o.map.data)
		return 0;
	m->data.versions = calloc(m->data.nb_spaces * s->o.traffic.window_pages,
				  sizeof(*m->data.versions));
	s->o.traffic.data = &m->data;
	return m->data.versions == NULL ? -ENOMEM : 0;
}

int
map_open(struct storm *s)
{
	struct storm_map *m = &s->map;
	int ret = 0;

	if (!is_on(s))
		return 0;
	memset(m, 0, sizeof(*m));
	m->fd = -1;
	m->data.nb_spaces = s->o.domains;
	if (s->o.map.backing == STORM_BACKING_MEMORY)
		ret = memory_open(s);
	else if (s->o.map.backing == STORM_BACKING_FILE)
		ret = file_open(s);
	else if (s->o.map.backing == STORM_BACKING_CALLBACK)
		ret = callback_open(s);
	if (ret == 0)
		ret = data_open(s);
	if (ret < 0)
		talk("no memory for windows of %llu pages: %s",
		     (unsigned long long)s->o.traffic.window_pages, rte_strerror(-ret));
	s->o.traffic.verify = true;
	s->o.traffic.translate = s->o.map.access;
	/*
	 * RETRY is Success on the wire, with nothing there: without room, and for groups that
	 * what bad devices left behind got into. result_map.c counts them.
	 */
	s->o.traffic.may_vanish = s->o.map.budget_pages != 0 || s->o.traffic.bad_ratio != 0;
	return ret;
}

void
map_free(struct storm *s)
{
	struct storm_map *m = &s->map;

	if (!is_on(s))
		return;
	if (m->mapping != NULL)
		munmap(m->mapping, m->mapping_bytes);
	/* 0 is what there was before map_open() */
	if (m->fd > 0)
		close(m->fd);
	store_close(&m->store);
	free(m->data.versions);
	s->o.traffic.data = NULL;
	memset(m, 0, sizeof(*m));
}

/* ----------------------------------------------------------------------- domains */

void
map_domain_conf(const struct storm *s, struct uiommu_domain_conf *conf)
{
	const struct map_options *m = &s->o.map;

	if (!is_on(s))
		return;
	conf->handler = NULL;
	conf->flags = UIOMMU_DOMAIN_DEMAND | (m->stage == 0 ? 0 : UIOMMU_DOMAIN_SECOND_STAGE);
	conf->fault_around_pages = m->around;
	conf->budget_pages = m->budget_pages / s->o.domains;
}

int
map_region_add(struct storm *s, struct uiommu_domain *domain, uint32_t index)
{
	struct storm_map *m = &s->map;
	struct uiommu_backing backing = {
		.size = sizeof(backing),
		.type = s->o.map.backing,
	};
	uint64_t bytes = s->o.traffic.window_pages * PAGE_BYTES;
	struct uiommu_region *region;

	if (!is_on(s))
		return 0;
	if (backing.type == STORM_BACKING_MEMORY) {
		backing.va = m->base;
		backing.page_shift = s->o.map.large ? 21 : 12;
		if (s->o.map.large)
			bytes = RTE_ALIGN_CEIL(bytes, LARGE_BYTES);
	} else if (backing.type == STORM_BACKING_FILE) {
		backing.fd = m->fd;
	} else if (backing.type == STORM_BACKING_CALLBACK) {
		backing.ops = &store_ops;
		backing.priv = &m->store.spaces[index];
	}
	region = uiommu_region_add(domain, UIOMMU_EMU_WINDOW_IOVA, bytes, &backing,
				   UIOMMU_PROT_READ | UIOMMU_PROT_WRITE);
	if (region != NULL)
		return 0;
	talk("cannot have %s behind domain %u of %u: %s", options_backing_name(backing.type),
	     index + 1, s->o.domains, rte_strerror(rte_errno));
	return -rte_errno;
}

uint32_t
map_space(const struct storm *s, uint32_t bond)
{
	return s->map.data.nb_spaces > 1 ? bond % s->o.domains : 0;
}
