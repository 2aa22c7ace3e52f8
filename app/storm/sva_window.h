/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STORM_SVA_WINDOW_H
#define STORM_SVA_WINDOW_H

/*
 * A window of this process's own memory that the devices use by its addresses. Each page that was
 * answered Success must be there afterwards.
 */

#include <stdbool.h>
#include <stdint.h>

#include <uiommu.h>

struct storm;
struct storm_endpoint;

struct sva_window {
	struct uiommu_mm *mm;
	uint8_t *base;
	uint64_t bytes;
	uint64_t pages;   /* of 4 KiB */
	uint8_t *touched; /* one for each: answered Success; written by the model */
	bool locks;       /* pages that come are locked */
	uint32_t pasid;
	struct uiommu_mm_info before; /* when figures began */
	/* what has come of it */
	uint64_t resident_before; /* pages that were there before the storm */
	uint64_t nb_touched;
	uint64_t nb_resident;
	uint64_t nb_missing;      /* touched, and not there */
	struct uiommu_mm_info done; /* between begin and end of the figures */
};

/* The window and its address space, without a device. 0, or -errno after one line. */
int
sva_window_open(struct storm *s);

/* Nothing is bound to it. 0, or -errno after one line. */
int
sva_window_close(struct storm *s);

/* The model does not write to it any more. */
void
sva_window_free(struct storm *s);

/* Give an endpoint the address space; all have one PASID. 0, or -errno after one line. */
int
sva_window_bind(struct storm *s, struct storm_endpoint *e);

/* Take it away again, of an endpoint that was removed too. 0 or -errno. */
int
sva_window_unbind(struct storm_endpoint *e);

void
sva_window_figures_begin(struct storm *s);

/* At rest: counts, and a look at each page. */
void
sva_window_figures_end(struct storm *s);

#endif /* STORM_SVA_WINDOW_H */
