/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_errno.h>

#include "storm.h"
#include "sva_window.h"
#include "talk.h"

#define PAGE_BYTES UINT64_C(4096)
/* Pages that are looked at with one call. */
#define LOOK_PAGES 4096

/* Whether so much may be locked at all: with the limit, and with the rights of this process. */
static bool
may_lock(const struct sva_window *w)
{
	if (mlock2(w->base, w->bytes, MLOCK_ONFAULT) < 0) {
		talk("%" PRIu64 " MiB may not be locked: %s; going on without locking",
		     w->bytes >> 20, strerror(errno));
		return false;
	}
	munlock(w->base, w->bytes);
	return true;
}

/*
 * Each page is to come by itself, because somebody has asked for it: a huge page brings its
 * neighbours along.
 */
static int
window_map(struct sva_window *w)
{
	void *va = mmap(NULL, w->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (va == MAP_FAILED)
		return -errno;
	w->base = va;
	madvise(va, w->bytes, MADV_NOHUGEPAGE);
	return 0;
}

static int
mm_make(struct storm *s)
{
	struct sva_window *w = &s->sva;
	struct uiommu_mm_conf conf = {
		.size = sizeof(conf),
		.kind = UIOMMU_MM_SELF,
		.mode = UIOMMU_MM_WORKER,
		.nb_workers = s->o.consumers,
		.queue_depth = s->delivery.sva_depth,
		.flags = w->locks ? 0 : UIOMMU_MM_NO_LOCK,
	};

	w->mm = uiommu_mm_create(&conf);
	if (w->mm != NULL)
		return 0;
	talk("cannot give devices this process's memory: %s", rte_strerror(rte_errno));
	return -rte_errno;
}

/*
 * Pages that are there. "touched" of them are counted as missing where they are not, NULL for
 * none.
 */
static uint64_t
window_look(struct sva_window *w, const uint8_t *touched)
{
	const uint64_t system_page = (uint64_t)sysconf(_SC_PAGESIZE);
	static unsigned char there[LOOK_PAGES];
	uint64_t at, end, page, resident = 0;
	bool is_there;

	for (at = 0; at < w->bytes; at = end) {
		end = RTE_MIN(w->bytes, at + LOOK_PAGES * system_page);
		if (mincore(w->base + at, end - at, there) < 0)
			memset(there, 0, sizeof(there));
		for (page = at / PAGE_BYTES; page < end / PAGE_BYTES; page++) {
			is_there = (there[(page * PAGE_BYTES - at) / system_page] & 1) != 0;
			resident += is_there;
			if (touched == NULL || page >= w->pages ||
			    __atomic_load_n(&touched[page], __ATOMIC_RELAXED) == 0)
				continue;
			w->nb_touched++;
			w->nb_missing += !is_there;
		}
	}
	return resident;
}

int
sva_window_open(struct storm *s)
{
	const uint64_t system_page = (uint64_t)sysconf(_SC_PAGESIZE);
	struct sva_window *w = &s->sva;
	int ret;

	w->pages = s->o.traffic.window_pages;
	w->bytes = RTE_ALIGN_MUL_CEIL(w->pages * PAGE_BYTES, system_page);
	w->touched = calloc(w->pages, 1);
	ret = w->touched == NULL ? -ENOMEM : window_map(w);
	if (ret < 0) {
		talk("no memory for a window of %" PRIu64 " pages: %s", w->pages,
		     rte_strerror(-ret));
		return ret;
	}
	w->locks = may_lock(w);
	w->resident_before = window_look(w, NULL);
	s->o.traffic.window_iova = (uint64_t)(uintptr_t)w->base;
	s->o.traffic.touched = w->touched;
	return mm_make(s);
}

int
sva_window_close(struct storm *s)
{
	struct sva_window *w = &s->sva;
	int ret = 0;

	if (w->mm != NULL)
		ret = uiommu_mm_destroy(w->mm);
	if (ret < 0)
		talk("cannot end the use of this process's memory: %s", rte_strerror(-ret));
	else
		w->mm = NULL;
	return ret;
}

void
sva_window_free(struct storm *s)
{
	struct sva_window *w = &s->sva;

	if (w->base != NULL)
		munmap(w->base, w->bytes);
	free(w->touched);
	w->base = NULL;
	w->touched = NULL;
}

int
sva_window_bind(struct storm *s, struct storm_endpoint *e)
{
	struct sva_window *w = &s->sva;
	uint32_t pasid;

	e->sva = uiommu_sva_bind(e->endpoint, w->mm);
	if (e->sva == NULL) {
		talk("cannot bind endpoint 0x%x to this process: %s", e->id,
		     rte_strerror(rte_errno));
		return -rte_errno;
	}
	pasid = uiommu_sva_pasid(e->sva);
	if (w->pasid == 0)
		w->pasid = pasid;
	if (w->pasid == pasid)
		return 0;
	talk("endpoint 0x%x got PASID %u, the others have %u", e->id, pasid, w->pasid);
	return -EIO;
}

int
sva_window_unbind(struct storm_endpoint *e)
{
	int ret;

	if (e->sva == NULL)
		return 0;
	ret = uiommu_sva_unbind(e->sva);
	e->sva = NULL;
	return ret;
}

void
sva_window_figures_begin(struct storm *s)
{
	if (s->sva.mm != NULL)
		uiommu_mm_info_get(s->sva.mm, &s->sva.before);
}

void
sva_window_figures_end(struct storm *s)
{
	struct sva_window *w = &s->sva;
	const struct uiommu_mm_info *before = &w->before;

	if (w->mm == NULL)
		return;
	uiommu_mm_info_get(w->mm, &w->done);
	w->done.groups -= before->groups;
	w->done.pages -= before->pages;
	w->done.populate_calls -= before->populate_calls;
	w->done.invalid -= before->invalid;
	w->done.dying -= before->dying;
	w->done.over_limit -= before->over_limit;
	w->done.numa_misses -= before->numa_misses;
	w->nb_touched = 0;
	w->nb_missing = 0;
	w->nb_resident = window_look(w, w->touched);
}
