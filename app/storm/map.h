/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STORM_MAP_H
#define STORM_MAP_H

/*
 * --handler map: the library resolves faults out of regions. Each domain has one region, its whole
 * window; what is behind it is shared by all (memory, file) or its own (anon, callback).
 */

#include <stdbool.h>
#include <stdint.h>

#include <uiommu.h>
#include <uiommu_emu.h>

#include "evictor.h"
#include "store.h"

struct storm;
struct storm_options;
struct storm_run;

/* What a storm has shown, all domains together. */
struct map_figures {
	struct uiommu_paging_stats paging; /* since figures began; resident, table_pages: at rest */
	bool over;          /* devices had all they wanted, and asked no more */
	struct store_counts store;
	uint64_t evictor_calls;
	double evict_mean_us, evict_max_us;
	uint32_t table_pages_left; /* when all was unmapped */
	bool settled;       /* it was */
	uint32_t remembered; /* by unit and devices after that, and not so any more */
	uint64_t data_checked_bytes; /* at the end */
	uint64_t data_wrong; /* pages */
};

/* Of --compare-around: how it went with single pages. */
struct map_single {
	uint64_t requests, accesses;
	double seconds;
	bool clean;
	struct map_figures figures;
};

struct storm_map {
	/* memory, file */
	uint8_t *base;
	uint64_t bytes;
	void *mapping; /* what base lies in */
	uint64_t mapping_bytes;
	int fd;
	/* callback */
	struct store store;
	struct evictor evictor;
	/* what devices keep */
	struct uiommu_emu_data data;
	/* when figures began */
	struct uiommu_paging_stats before;
	/* whether devices still ask */
	uint64_t last_requests, last_accesses;
	bool over;
};

/* Pages for tables and for what devices write, as in struct uiommu_dev_conf; 0: as it is. */
uint32_t
map_table_pages(const struct storm_options *o);

uint32_t
map_frame_pages(const struct storm_options *o);

/* Bytes that they take, and frames of the storm's own. */
uint64_t
map_memory_bytes(const struct storm_options *o);

/* In each of the following: without --handler map nothing happens. */

/* What is behind the regions. The unit is configured. 0, or -errno after one line. */
int
map_open(struct storm *s);

/* The unit and the model are gone. */
void
map_free(struct storm *s);

void
map_domain_conf(const struct storm *s, struct uiommu_domain_conf *conf);

/* 0, or -errno after one line. */
int
map_region_add(struct storm *s, struct uiommu_domain *domain, uint32_t index);

/* Whose memory a bond of an endpoint sees, as the model tells them apart. */
uint32_t
map_space(const struct storm *s, uint32_t bond);

/*
 * Have the devices go through all windows, so that everything is mapped. The model runs, nobody
 * owns the queue. 0, or -errno after one line.
 */
int
map_warm(struct storm *s);

/* What the warm-up has mapped is unmapped. The devices are at rest. 0, or -errno after one line. */
int
map_cool(struct storm *s);

void
map_figures_begin(struct storm *s);

/* Some microseconds of work: whether devices ask for anything yet, where that ends the storm. */
bool
map_is_over(struct storm *s);

/*
 * The devices are at rest, the model runs: all is unmapped, nobody may remember anything of it, and
 * what devices kept is compared. 0, or -errno after one line.
 */
int
map_settle(struct storm *s, struct storm_run *run);

/* At rest: counts. Before map_settle(). */
void
map_figures_end(struct storm *s, struct map_figures *figures);

/* map_data.c: compare what is behind the windows with what the devices have written. */
void
map_data_check(const struct storm *s, struct map_figures *figures);

#endif /* STORM_MAP_H */
