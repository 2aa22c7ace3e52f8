/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Counters of the engine and of the driver, of all queues of a unit. */

#include "conformance.h"

#define ENDPOINTS 8
#define XSTATS_MAX 256

/* @return how many are not 0; where none may be, the first of them is named */
static unsigned int
nb_counted(const struct rig *rig, bool may)
{
	struct uiommu_xstat xstats[XSTATS_MAX];
	int i, nb = uiommu_xstats_get(rig->dev, xstats, XSTATS_MAX);
	unsigned int counted = 0;

	CHECK(nb > 0 && nb <= XSTATS_MAX);
	for (i = 0; i < nb; i++) {
		if (xstats[i].value == 0)
			continue;
		if (!may && counted == 0)
			harness_note(__FILE__, __LINE__, "%s is not 0", xstats[i].name);
		counted++;
	}
	return counted;
}

/* Whichever queue an endpoint's requests come by: all count, and all begin anew. */
static void
anew(void)
{
	struct rig *rig = rig_open(NULL);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	uint16_t i, round;

	for (i = 0; i < ENDPOINTS; i++)
		rig_attach(rig_endpoint(rig, EP + i, 0), 7, rec->domain, NULL);
	for (round = 0; round < 2; round++) {
		for (i = 0; i < ENDPOINTS; i++)
			CHECK_EQ(rig_send(rig, EP + i, 7, round, i, true), UIOMMU_EMU_QUEUED);
		rig_settle(rig);
		CHECK_EQ(rig_stats(rig).requests, ENDPOINTS);
		CHECK_EQ(rig_stats(rig).responses, ENDPOINTS);
		CHECK(nb_counted(rig, true) > 4);
		CHECK_EQ(uiommu_stats_reset(rig->dev), 0);
		CHECK_EQ(nb_counted(rig, false), 0);
	}
	rig_close_now(rig);
}

static const struct harness_case counters_cases[] = {
	{"counters of all queues begin anew", anew, UIOMMU_CAPA_PASID | UIOMMU_CAPA_PAGE_REQUESTS},
};

HARNESS_SUITE(counters);
