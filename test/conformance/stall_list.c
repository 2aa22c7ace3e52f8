/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* T31: who may have its accesses wait, and who not. */

#include "stall.h"

/* T31: who is not on the list does not wait, whatever the device would do. */
static void
not_on_the_list(void)
{
	struct rig *rig = rig_open(NULL);
	const uint8_t *memory = paging_memory(rig);
	struct uiommu_domain *plain = rig_domain(rig, UIOMMU_DOMAIN_PAGING);
	struct uiommu_endpoint *endpoint;
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	bool has_requests = (rig->info.capa & UIOMMU_CAPA_PAGE_REQUESTS) != 0;
	uint64_t flags = UIOMMU_ENDPOINT_NO_ATS | UIOMMU_ENDPOINT_NO_PAGE_REQUESTS;
	uint32_t i;

	rig_stalling_device(rig, EP_STALL, 0);
	rig_stalling_device(rig, EP_STALL + 1, 0);
	endpoint = rig_endpoint_add(rig, EP_STALL, flags, 0);
	CHECK_ERRNO(uiommu_attach(endpoint, 7, rec->domain, NULL), ENOTSUP);
	CHECK_EQ(uiommu_domain_map(plain, IOVA, paging_pa(memory), PAGE, ALL), 0);
	rig_attach(endpoint, 7, plain, NULL);
	/* one that has page requests instead: its other accesses do not wait either */
	endpoint = rig_endpoint_add(rig, EP_STALL + 1, has_requests ? 0 : flags, 0);
	rig_attach(endpoint, 7, has_requests ? rec->domain : plain, NULL);
	rig_access(rig, EP_STALL, 7, IOVA, true, UIOMMU_EMU_ACCESS_DONE);
	for (i = 0; i < 2; i++)
		rig_access(rig, EP_STALL + i, 7, IOVA + 4 * PAGE, false,
			   UIOMMU_EMU_ACCESS_ABORTED);
	rig_wait_for(rig, "reports", 2);
	CHECK_EQ(rig_verdict(rig, false).stalls, 0);
	CHECK_EQ(rig_stats(rig).requests, 0);
	CHECK_EQ(rec->groups, 0);
	rig_close(rig);
}

/* It goes without ATS and page requests, and needs a unit that can do it. */
static void
flags(void)
{
	static const uint64_t wrong[] = {
		UIOMMU_ENDPOINT_STALL,
		UIOMMU_ENDPOINT_STALL | UIOMMU_ENDPOINT_NO_PAGE_REQUESTS,
		UIOMMU_ENDPOINT_STALL | UIOMMU_ENDPOINT_NO_ATS,
	};
	struct uiommu_endpoint_conf conf = {.size = sizeof(conf)};
	struct rig *rig = rig_open(NULL);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *endpoint;
	unsigned int i;

	for (i = 0; i < ARRAY_COUNT(wrong); i++) {
		conf.flags = wrong[i];
		CHECK_ERRNO(uiommu_endpoint_add(rig->dev, EP_STALL, &conf), EINVAL);
	}
	conf.flags = RIG_STALLS;
	endpoint = uiommu_endpoint_add(rig->dev, EP_STALL, &conf);
	if ((rig->info.capa & UIOMMU_CAPA_STALL) != 0) {
		CHECK(endpoint != NULL);
		rig_attach(endpoint, UIOMMU_NO_PASID, rec->domain, NULL);
	} else {
		CHECK(endpoint == NULL && rte_errno == EINVAL);
	}
	/* where there are no page requests, nothing else lets an endpoint fault */
	if ((rig->info.capa & UIOMMU_CAPA_PAGE_REQUESTS) == 0) {
		endpoint = rig_endpoint_add(rig, EP, 0, 0);
		CHECK_ERRNO(uiommu_attach(endpoint, UIOMMU_NO_PASID, rec->domain, NULL), ENOTSUP);
	}
	rig_close(rig);
}

static const struct harness_case stall_list_cases[] = {
	{"T31 flags of endpoints that may wait", flags, 0},
	{"T31 only endpoints that may wait do", not_on_the_list,
	 UIOMMU_CAPA_STALL | UIOMMU_CAPA_PASID | UIOMMU_CAPA_PAGE_TABLES},
};

HARNESS_SUITE_OF(stall_list, 0);
