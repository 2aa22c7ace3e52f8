/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Devices with their endpoints, bonds, and domains that write down what they get. */

#include <stdlib.h>
#include <string.h>

#include <rte_common.h>
#include <rte_errno.h>

#include "rig.h"

/* ------------------------------------------------------------- recorders */

static void
group_keep(struct recorder *rec, const struct uiommu_group *group, uiommu_cookie_t cookie)
{
	const struct uiommu_fault *last = &group->faults[group->nb_faults - 1];
	struct kept_group *kept;

	if (rec->nb_kept == RECORDER_KEPT)
		return;
	kept = &rec->kept[rec->nb_kept++];
	kept->endpoint_id = last->endpoint_id;
	kept->pasid = last->pasid;
	kept->prg_index = last->prg_index;
	kept->nb_faults = group->nb_faults;
	kept->priv = uiommu_attach_priv(group->attach);
	kept->cookie = cookie;
	memcpy(kept->faults, group->faults,
	       RTE_MIN(group->nb_faults, RECORDER_FAULTS) * sizeof(kept->faults[0]));
}

/* What holds for each group that reaches a handler. */
static void
group_check(const struct uiommu_group *group)
{
	const struct uiommu_fault *last = &group->faults[group->nb_faults - 1];
	uint16_t i;

	EXPECT(group->nb_faults > 0);
	EXPECT_EQ(uiommu_attach_endpoint_id(group->attach), last->endpoint_id);
	EXPECT_EQ(uiommu_attach_pasid(group->attach), last->pasid);
	for (i = 0; i < group->nb_faults; i++) {
		const struct uiommu_fault *fault = &group->faults[i];

		EXPECT_EQ(fault->endpoint_id, last->endpoint_id);
		EXPECT_EQ(fault->pasid, last->pasid);
		EXPECT_EQ(fault->prg_index, last->prg_index);
		EXPECT_EQ(fault->iova & 0xfff, 0);
		EXPECT((fault->flags & (UIOMMU_FAULT_READ | UIOMMU_FAULT_WRITE)) != 0);
		EXPECT((fault->flags & UIOMMU_FAULT_REJECT) == 0);
		EXPECT_EQ((fault->flags & UIOMMU_FAULT_PASID) != 0,
			  fault->pasid != UIOMMU_NO_PASID);
		EXPECT_EQ((fault->flags & UIOMMU_FAULT_LAST) != 0, fault == last);
	}
}

static void
recorder_handler(void *priv, struct uiommu_group *groups, uint8_t *codes, uint16_t nb)
{
	struct recorder *rec = priv;
	uint64_t faults = 0;
	uint16_t i;

	EXPECT(!__atomic_load_n(&rec->closed, __ATOMIC_ACQUIRE));
	EXPECT(nb > 0);
	for (i = 0; i < nb; i++) {
		uiommu_cookie_t cookie = rec->defer ? uiommu_group_defer(&groups[i]) : 0;

		EXPECT_EQ(codes[i], UIOMMU_CODE_INVALID); /* as the header says */
		group_check(&groups[i]);
		group_keep(rec, &groups[i], cookie);
		codes[i] = cookie != 0 ? UIOMMU_CODE_DEFERRED : rec->code;
		faults += groups[i].nb_faults;
		if (cookie != 0)
			__atomic_fetch_add(&rec->deferred, 1, __ATOMIC_RELAXED);
	}
	__atomic_fetch_add(&rec->calls, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&rec->groups, nb, __ATOMIC_RELAXED);
	__atomic_fetch_add(&rec->faults, faults, __ATOMIC_RELAXED);
	if (rec->hook != NULL)
		rec->hook(rec, groups, codes, nb);
}

struct recorder *
rig_recorder(struct rig *rig, unsigned int code)
{
	struct recorder *rec = calloc(1, sizeof(*rec));
	struct uiommu_domain_conf conf = {
		.size = sizeof(conf),
		.type = UIOMMU_DOMAIN_PAGING,
		.handler = recorder_handler,
		.handler_priv = rec,
	};

	CHECK(rec != NULL);
	rec->rig = rig;
	rec->code = (uint8_t)code;
	/* from any thread; they are taken off when all threads have ended */
	rec->next = __atomic_load_n(&rig->recorders, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&rig->recorders, &rec->next, rec, false,
					    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		;
	rec->domain = uiommu_domain_alloc(rig->dev, &conf);
	CHECK(rec->domain != NULL);
	return rec;
}

void
recorder_close(struct recorder *rec)
{
	__atomic_store_n(&rec->closed, true, __ATOMIC_RELEASE);
	CHECK_EQ(uiommu_domain_free(rec->domain), 0);
	rec->domain = NULL;
}

/* ------------------------------------------------------------- endpoints */

void
rig_device(struct rig *rig, uint32_t endpoint_id, const uint32_t *pasids, uint32_t nb,
	   uint32_t credits)
{
	struct uiommu_emu_device_conf conf = {
		.endpoint_id = endpoint_id,
		.credits = credits,
		.nb_pasids = nb,
	};
	uint32_t *list = calloc(nb + 1, sizeof(*list));
	uint32_t i;

	CHECK(list != NULL);
	for (i = 0; i < nb; i++)
		list[i] = rig_pasid_to_emu(pasids[i]);
	conf.pasids = list;
	EXPECT_EQ(uiommu_emu_device_add(rig->emu, &conf), 0);
	free(list);
}

void
rig_device_range(struct rig *rig, uint32_t endpoint_id, uint32_t first, uint32_t nb,
		 uint32_t credits)
{
	uint32_t *list = calloc(nb + 1, sizeof(*list));
	uint32_t i;

	CHECK(list != NULL);
	for (i = 0; i < nb; i++)
		list[i] = first + i;
	rig_device(rig, endpoint_id, list, nb, credits);
	free(list);
}

struct uiommu_endpoint *
rig_endpoint(struct rig *rig, uint32_t endpoint_id, uint32_t credits)
{
	/* the model remembers what it finds in tables only for PASIDs that it was told of */
	uint32_t pasids[] = {1, 2, 3, 7, 8, 9, UIOMMU_NO_PASID};
	struct uiommu_endpoint *endpoint;

	rig_device(rig, endpoint_id, pasids, ARRAY_COUNT(pasids), credits);
	endpoint = uiommu_endpoint_add(rig->dev, endpoint_id, NULL);
	CHECK(endpoint != NULL);
	return endpoint;
}

struct uiommu_attach *
rig_attach(struct uiommu_endpoint *endpoint, uint32_t pasid, struct uiommu_domain *domain,
	   void *priv)
{
	struct uiommu_attach *attach = uiommu_attach(endpoint, pasid, domain, priv);

	if (attach == NULL)
		harness_fail(__FILE__, __LINE__, "attach of PASID 0x%x: %s", pasid,
			     rte_strerror(rte_errno));
	return attach;
}
