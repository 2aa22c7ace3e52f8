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
group_check(const struct recorder *rec, const struct uiommu_group *group)
{
	const struct uiommu_fault *last = &group->faults[group->nb_faults - 1];
	uint16_t i;

	EXPECT(group->nb_faults > 0);
	EXPECT_EQ(uiommu_attach_endpoint_id(group->attach), last->endpoint_id);
	EXPECT(uiommu_attach_pasid(group->attach) == last->pasid ||
	       (rec->any_pasid && uiommu_attach_pasid(group->attach) == UIOMMU_NO_PASID));
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
		group_check(rec, &groups[i]);
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
rig_recorder_with(struct rig *rig, unsigned int code, const struct uiommu_domain_conf *conf)
{
	struct recorder *rec = calloc(1, sizeof(*rec));
	struct uiommu_domain_conf full = *conf;

	CHECK(rec != NULL);
	full.size = sizeof(full);
	full.handler = recorder_handler;
	full.handler_priv = rec;
	rec->rig = rig;
	rec->code = (uint8_t)code;
	/* from any thread; they are taken off when all threads have ended */
	rec->next = __atomic_load_n(&rig->recorders, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&rig->recorders, &rec->next, rec, false,
					    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		;
	rec->domain = uiommu_domain_alloc(rig->dev, &full);
	CHECK(rec->domain != NULL);
	return rec;
}

struct recorder *
rig_recorder(struct rig *rig, unsigned int code)
{
	const struct uiommu_domain_conf conf = {.type = UIOMMU_DOMAIN_PAGING};

	return rig_recorder_with(rig, code, &conf);
}

struct recorder *
rig_recorder_nested(struct rig *rig, unsigned int code)
{
	const struct uiommu_domain_conf parent = {
		.size = sizeof(parent),
		.type = UIOMMU_DOMAIN_PAGING,
		.flags = UIOMMU_DOMAIN_NEST_PARENT,
	};
	const struct uiommu_domain_conf conf = {
		.type = UIOMMU_DOMAIN_NESTED,
		.parent = uiommu_domain_alloc(rig->dev, &parent),
		.table_pa = 0x1000,
	};
	struct recorder *rec;

	CHECK(conf.parent != NULL);
	rec = rig_recorder_with(rig, code, &conf);
	rec->any_pasid = true;
	return rec;
}

struct uiommu_domain *
rig_domain(struct rig *rig, enum uiommu_domain_type type)
{
	const struct uiommu_domain_conf conf = {.size = sizeof(conf), .type = type};
	struct uiommu_domain *domain = uiommu_domain_alloc(rig->dev, &conf);

	if (domain == NULL)
		harness_fail(__FILE__, __LINE__, "domain of type %u: %s", type,
			     rte_strerror(rte_errno));
	return domain;
}

void
recorder_close(struct recorder *rec)
{
	__atomic_store_n(&rec->closed, true, __ATOMIC_RELEASE);
	CHECK_EQ(uiommu_domain_free(rec->domain), 0);
	rec->domain = NULL;
}

/* ------------------------------------------------------------- endpoints */

static void
device_plug(struct rig *rig, struct uiommu_emu_device_conf *conf, const uint32_t *pasids)
{
	uint32_t *list = calloc(conf->nb_pasids + 1, sizeof(*list));
	uint32_t i;

	CHECK(list != NULL);
	for (i = 0; i < conf->nb_pasids; i++)
		list[i] = rig_pasid_to_emu(pasids[i]);
	conf->pasids = list;
	EXPECT_EQ(uiommu_emu_device_add(rig->emu, conf), 0);
	free(list);
}

void
rig_device(struct rig *rig, uint32_t endpoint_id, const uint32_t *pasids, uint32_t nb,
	   uint32_t credits)
{
	struct uiommu_emu_device_conf conf = {
		.endpoint_id = endpoint_id,
		.credits = credits,
		.nb_pasids = nb,
	};

	device_plug(rig, &conf, pasids);
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

/* the model remembers what it finds in tables only for PASIDs that it was told of */
static const uint32_t usual_pasids[] = {1, 2, 3, 7, 8, 9, UIOMMU_NO_PASID};

struct uiommu_endpoint *
rig_endpoint(struct rig *rig, uint32_t endpoint_id, uint32_t credits)
{
	rig_device(rig, endpoint_id, usual_pasids, ARRAY_COUNT(usual_pasids), credits);
	return rig_endpoint_add(rig, endpoint_id, 0, 0);
}

struct uiommu_endpoint *
rig_endpoint_with(struct rig *rig, uint32_t endpoint_id, uint64_t flags, uint16_t pf_id)
{
	struct uiommu_emu_device_conf conf = {
		.endpoint_id = endpoint_id,
		.nb_pasids = ARRAY_COUNT(usual_pasids),
		.is_vf = (flags & UIOMMU_ENDPOINT_VF) != 0,
		.pf_id = (endpoint_id & ~UINT32_C(0xffff)) | pf_id,
		.stalls = (flags & UIOMMU_ENDPOINT_STALL) != 0,
	};

	device_plug(rig, &conf, usual_pasids);
	return rig_endpoint_add(rig, endpoint_id, flags, pf_id);
}

void
rig_stalling_device(struct rig *rig, uint32_t endpoint_id, uint32_t credits)
{
	struct uiommu_emu_device_conf conf = {
		.endpoint_id = endpoint_id,
		.credits = credits,
		.nb_pasids = ARRAY_COUNT(usual_pasids),
		.stalls = true,
	};

	device_plug(rig, &conf, usual_pasids);
}

struct uiommu_endpoint *
rig_stalling_endpoint(struct rig *rig, uint32_t endpoint_id, uint32_t credits)
{
	rig_stalling_device(rig, endpoint_id, credits);
	return rig_endpoint_add(rig, endpoint_id, RIG_STALLS, 0);
}

struct uiommu_endpoint *
rig_endpoint_add(struct rig *rig, uint32_t endpoint_id, uint64_t flags, uint16_t pf_id)
{
	const struct uiommu_endpoint_conf conf = {
		.size = sizeof(conf),
		.flags = flags,
		.pf_id = pf_id,
	};
	struct uiommu_endpoint *endpoint = uiommu_endpoint_add(rig->dev, endpoint_id, &conf);

	if (endpoint == NULL)
		harness_fail(__FILE__, __LINE__, "endpoint 0x%x: %s", endpoint_id,
			     rte_strerror(rte_errno));
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
