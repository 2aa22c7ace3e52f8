/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STORM_H
#define STORM_H

/* What the files of the program share: the storm itself. */

#include <stdbool.h>
#include <stdint.h>

#include <uiommu.h>
#include <uiommu_emu.h>

#include "consumers.h"
#include "delivery.h"
#include "eal.h"
#include "handlers.h"
#include "lcores.h"
#include "map.h"
#include "options.h"
#include "reports.h"
#include "source.h"
#include "sva_window.h"

struct storm_endpoint {
	struct uiommu_endpoint *endpoint;
	struct uiommu_sva *sva; /* with --handler sva, in place of bonds of our own */
	uint32_t id;
	bool stalls; /* its accesses wait in the unit; else it sends page requests */
	uint32_t first_bond; /* its bonds follow one another */
	uint32_t nb_bonds;
};

struct storm {
	struct storm_options o;
	struct storm_eal eal;

	/* unit */
	int16_t dev_id;
	struct uiommu_dev_info info;
	struct uiommu_emu *emu;
	const struct unit_kind *kind;
	uint32_t credits[SOURCE_KINDS]; /* of a device: page requests, stalled accesses; 0: none */
	struct uiommu_domain **domains; /* with --stuck, one more */
	struct storm_endpoint *endpoints;
	struct uiommu_attach **attaches; /* one for each bond; NULL: detached */
	struct bond_count *counts;       /* one for each bond */
	struct storm_reports reports;
	struct delivery delivery;
	struct consumers consumers;
	struct sva_window sva;
	struct storm_map map;

	/* lcores */
	struct fault_lcore fault;
	struct model_lcore model;
};

/* Whether groups are answered by cookie: then a turn of the fault lcore counts answers too. */
bool
storm_defers(const struct storm *s);

/* Set by SIGINT and SIGTERM: come to an orderly end. */
bool
storm_interrupted(void);

#endif /* STORM_H */
