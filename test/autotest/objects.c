/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Endpoints, domains, attach handles: misuse. */

#include "autotest.h"

static void
nulls(void)
{
	struct rig *rig = rig_open(NULL);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);

	CHECK_EQ(uiommu_endpoint_remove(NULL), -EINVAL);
	CHECK_EQ(uiommu_domain_free(NULL), -EINVAL);
	CHECK_EQ(uiommu_detach(NULL), -EINVAL);
	CHECK_EQ(uiommu_detach_start(NULL), -EINVAL);
	CHECK_EQ(uiommu_detach_done(NULL), -EINVAL);
	CHECK_ERRNO(uiommu_replace(NULL, rec->domain, NULL), EINVAL);
	CHECK_ERRNO(uiommu_replace(rig_attach(endpoint, 8, rec->domain, NULL), NULL, NULL), EINVAL);
	CHECK_ERRNO(uiommu_attach(NULL, 7, rec->domain, NULL), EINVAL);
	CHECK_ERRNO(uiommu_attach(endpoint, 7, NULL, NULL), EINVAL);
	CHECK_ERRNO(uiommu_attach_find(NULL, 7, UIOMMU_DOMAIN_ANY), EINVAL);
	CHECK_ERRNO(uiommu_domain_alloc(rig->dev, NULL), EINVAL);
	CHECK_EQ(uiommu_stats_get(rig->dev, NULL), -EINVAL);
	CHECK_EQ(uiommu_xstats_get(rig->dev, NULL, 1), -EINVAL);
	CHECK(uiommu_xstats_get(rig->dev, NULL, 0) > 0);
	rig_close(rig);
}

static void
endpoints(void)
{
#define ENDPOINT_CONF(...)                                               \
	{                                                                \
		.size = sizeof(struct uiommu_endpoint_conf), __VA_ARGS__ \
	}
	static const struct uiommu_endpoint_conf bad[] = {
		{.size = 0},
		{.size = sizeof(struct uiommu_endpoint_conf) + 1},
		ENDPOINT_CONF(.pasid_bits = 21),
		ENDPOINT_CONF(.reserved0 = {0, 0, 1}),
		ENDPOINT_CONF(.pf_id = 1),
		ENDPOINT_CONF(.numa_node = 1),
		ENDPOINT_CONF(.numa_node = -1, .flags = UIOMMU_ENDPOINT_NUMA),
		ENDPOINT_CONF(.flags = UIOMMU_ENDPOINT_VF | UIOMMU_ENDPOINT_FAILURE),
		ENDPOINT_CONF(.flags = UINT64_C(1) << 63),
		ENDPOINT_CONF(.reserved = {1}),
	};
	struct uiommu_endpoint_conf conf = {.size = sizeof(conf)};
	struct rig *rig = rig_open(NULL);
	struct uiommu_endpoint *endpoint;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(bad); i++)
		CHECK_ERRNO(uiommu_endpoint_add(rig->dev, 1, &bad[i]), EINVAL);
	CHECK_ERRNO(uiommu_endpoint_add(rig->dev, 0x10000, NULL), EINVAL);
	CHECK_ERRNO(uiommu_endpoint_add(rig->dev, UINT32_MAX, NULL), EINVAL);
	CHECK_ERRNO(uiommu_endpoint_find(rig->dev, 0x10000), ENOENT);
	CHECK_ERRNO(uiommu_endpoint_find(rig->dev, 1), ENOENT);
	for (conf.pasid_bits = 0; conf.pasid_bits <= 20; conf.pasid_bits++) {
		endpoint = uiommu_endpoint_add(rig->dev, 1, &conf);
		CHECK(endpoint != NULL);
		CHECK(uiommu_endpoint_find(rig->dev, 1) == endpoint);
		CHECK_ERRNO(uiommu_endpoint_add(rig->dev, 1, NULL), EEXIST);
		CHECK_EQ(uiommu_endpoint_remove(endpoint), 0);
		CHECK_ERRNO(uiommu_endpoint_find(rig->dev, 1), ENOENT);
	}
	/* the first, the last, and one from each bus */
	for (i = 0; i < 0x10000; i += 0xff)
		CHECK(uiommu_endpoint_add(rig->dev, (uint32_t)i, NULL) != NULL);
	for (i = 0; i < 0x10000; i += 0xff)
		CHECK_EQ(uiommu_endpoint_remove(uiommu_endpoint_find(rig->dev, (uint32_t)i)), 0);
	rig_close(rig);
}

static void
domains(void)
{
#define DOMAIN_CONF(...)                                               \
	{                                                              \
		.size = sizeof(struct uiommu_domain_conf), __VA_ARGS__ \
	}
	static const struct uiommu_domain_conf bad[] = {
		{.size = 0},
		{.size = sizeof(struct uiommu_domain_conf) - 1, .type = UIOMMU_DOMAIN_PAGING},
		DOMAIN_CONF(.type = UIOMMU_DOMAIN_SVA),
		DOMAIN_CONF(.type = UIOMMU_DOMAIN_NESTED + 1),
		DOMAIN_CONF(.type = UIOMMU_DOMAIN_ANY),
		DOMAIN_CONF(.type = UIOMMU_DOMAIN_PAGING, .flags = 8),
		DOMAIN_CONF(.type = UIOMMU_DOMAIN_PAGING, .reserved = {0, 1}),
		DOMAIN_CONF(.type = UIOMMU_DOMAIN_PAGING, .levels = 3),
		DOMAIN_CONF(.type = UIOMMU_DOMAIN_PAGING, .table_pa = 0x1000, .levels = 3),
		DOMAIN_CONF(.type = UIOMMU_DOMAIN_PAGING, .table_pa = 0x1001),
		DOMAIN_CONF(.type = UIOMMU_DOMAIN_PAGING, .table_pa = UINT64_C(1) << 60),
		DOMAIN_CONF(.type = UIOMMU_DOMAIN_BLOCKED, .table_pa = 0x1000),
		DOMAIN_CONF(.type = UIOMMU_DOMAIN_IDENTITY, .levels = 4),
	};
	static const struct uiommu_domain_conf good[] = {
		DOMAIN_CONF(.type = UIOMMU_DOMAIN_BLOCKED),
		DOMAIN_CONF(.type = UIOMMU_DOMAIN_IDENTITY),
		DOMAIN_CONF(.type = UIOMMU_DOMAIN_PAGING),
		DOMAIN_CONF(.type = UIOMMU_DOMAIN_PAGING, .table_pa = 0x1000, .levels = 4),
		DOMAIN_CONF(.type = UIOMMU_DOMAIN_PAGING, .table_pa = 0x1000, .levels = 5),
	};
	struct rig *rig = rig_open(NULL);
	struct uiommu_domain *many[200];
	size_t i;

	for (i = 0; i < ARRAY_COUNT(bad); i++) {
		CHECK_ERRNO(uiommu_domain_alloc(rig->dev, &bad[i]), EINVAL);
	}
	for (i = 0; i < ARRAY_COUNT(many); i++) {
		many[i] = uiommu_domain_alloc(rig->dev, &good[i % ARRAY_COUNT(good)]);
		CHECK(many[i] != NULL);
	}
	for (i = 0; i < ARRAY_COUNT(many); i++)
		CHECK_EQ(uiommu_domain_free(many[i]), 0);
	rig_close(rig);
}

static void
some_handler(void *priv, struct uiommu_group *groups, uint8_t *codes, uint16_t nb)
{
}

/* Which members go with which type, and with each other. */
static void
domain_members(void)
{
	struct rig *rig = rig_open(NULL), *other = rig_open(NULL);
	struct uiommu_domain_conf parent_conf = {
		.size = sizeof(parent_conf),
		.type = UIOMMU_DOMAIN_PAGING,
		.flags = UIOMMU_DOMAIN_NEST_PARENT,
	};
	struct uiommu_domain *parent = uiommu_domain_alloc(rig->dev, &parent_conf);
	struct uiommu_domain *foreign = uiommu_domain_alloc(other->dev, &parent_conf);
	struct uiommu_domain *plain = rig_domain(rig, UIOMMU_DOMAIN_PAGING);
	struct uiommu_fault_queue *fq = uiommu_fault_queue_create(rig->dev, NULL);
	struct uiommu_fault_queue *foreign_fq = uiommu_fault_queue_create(other->dev, NULL);
#define BLOCKED(...) DOMAIN_CONF(.type = UIOMMU_DOMAIN_BLOCKED, __VA_ARGS__)
#define IDENTITY(...) DOMAIN_CONF(.type = UIOMMU_DOMAIN_IDENTITY, __VA_ARGS__)
#define PAGING(...) DOMAIN_CONF(.type = UIOMMU_DOMAIN_PAGING, __VA_ARGS__)
#define NESTED(...) DOMAIN_CONF(.type = UIOMMU_DOMAIN_NESTED, __VA_ARGS__)
	const struct uiommu_domain_conf bad[] = {
		BLOCKED(.handler = some_handler),
		BLOCKED(.fault_queue = fq),
		BLOCKED(.parent = parent),
		BLOCKED(.flags = UIOMMU_DOMAIN_NEST_PARENT),
		BLOCKED(.deadline_ns = 1),
		BLOCKED(.deferred_max = 1),
		IDENTITY(.handler = some_handler),
		IDENTITY(.fault_queue = fq),
		IDENTITY(.parent = parent),
		PAGING(.handler = some_handler, .fault_queue = fq),
		PAGING(.fault_queue = foreign_fq),
		PAGING(.parent = parent),
		PAGING(.flags = UIOMMU_DOMAIN_NEST_PARENT, .handler = some_handler),
		PAGING(.flags = UIOMMU_DOMAIN_NEST_PARENT, .fault_queue = fq),
		/* a deadline for nobody, and answers that are none */
		PAGING(.deadline_ns = 1),
		PAGING(.handler = some_handler, .deadline_ns = 1,
		       .deadline_code = UIOMMU_CODE_FAILURE),
		PAGING(.handler = some_handler, .deadline_code = UIOMMU_CODE_DEFERRED),
		PAGING(.handler = some_handler, .deadline_code = UINT32_MAX),
		PAGING(.fault_queue = fq, .deferred_max = 1),
		PAGING(.deferred_max = 1),
		NESTED(.handler = some_handler),
		NESTED(.parent = foreign),
		NESTED(.parent = plain),
		NESTED(.parent = parent, .flags = UIOMMU_DOMAIN_NEST_PARENT),
		NESTED(.parent = parent, .table_pa = 0x1001),
		NESTED(.parent = parent, .handler = some_handler, .fault_queue = fq),
	};
	const struct uiommu_domain_conf good[] = {
		PAGING(.handler = some_handler, .deadline_ns = 1, .deferred_max = 5),
		PAGING(.handler = some_handler, .deadline_ns = UINT64_MAX,
		       .deadline_code = UIOMMU_CODE_RETRY),
		PAGING(.fault_queue = fq, .deadline_ns = 1, .deadline_code = UIOMMU_CODE_INVALID),
		/* without the function itself its pointer means nothing */
		PAGING(.handler_priv = rig),
		NESTED(.parent = parent),
		NESTED(.parent = parent, .table_pa = 0x1000, .handler = some_handler),
		NESTED(.parent = parent, .table_pa = 0x1000, .levels = 4, .fault_queue = fq),
	};
	size_t i;

	CHECK(parent != NULL && foreign != NULL && fq != NULL && foreign_fq != NULL);
	for (i = 0; i < ARRAY_COUNT(bad); i++) {
		rte_errno = 0;
		if (uiommu_domain_alloc(rig->dev, &bad[i]) != NULL || rte_errno != EINVAL)
			harness_note(__FILE__, __LINE__, "bad[%zu]: errno %d", i, rte_errno);
	}
	for (i = 0; i < ARRAY_COUNT(good); i++) {
		struct uiommu_domain *domain = uiommu_domain_alloc(rig->dev, &good[i]);

		if (domain == NULL)
			harness_fail(__FILE__, __LINE__, "good[%zu]: errno %d", i, rte_errno);
		CHECK_EQ(uiommu_domain_free(domain), 0);
	}
	CHECK_EQ(uiommu_info_get(rig->dev, &rig->info), 0);
	CHECK_EQ(rig->info.domains, 2);
	CHECK_EQ(uiommu_domain_free(parent), 0);
	rig_close(other);
	rig_close(rig);
}

static void
attaching(void)
{
	struct rig *rig = rig_open(NULL), *other = rig_open(NULL);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct recorder *foreign = rig_recorder(other, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);
	struct uiommu_attach *attach;
	int here;

	attach = rig_attach(endpoint, 0xfffff, rec->domain, &here);
	CHECK(uiommu_attach_find(endpoint, 0xfffff, UIOMMU_DOMAIN_ANY) == attach);
	CHECK(uiommu_attach_priv(attach) == &here);
	CHECK_EQ(uiommu_attach_pasid(attach), 0xfffff);
	CHECK_EQ(uiommu_attach_endpoint_id(attach), EP);
	CHECK_ERRNO(uiommu_attach(endpoint, 0xfffff, rec->domain, NULL), EBUSY);
	CHECK_ERRNO(uiommu_attach(endpoint, UIOMMU_NO_PASID + 1, rec->domain, NULL), EINVAL);
	CHECK_ERRNO(uiommu_attach(endpoint, UINT32_MAX, rec->domain, NULL), EINVAL);
	CHECK_ERRNO(uiommu_attach(endpoint, 7, foreign->domain, NULL), EINVAL);
	CHECK_ERRNO(uiommu_attach_find(endpoint, 7, UIOMMU_DOMAIN_ANY), ENOENT);
	CHECK_ERRNO(uiommu_attach_find(endpoint, UIOMMU_NO_PASID, UIOMMU_DOMAIN_ANY), ENOENT);
	CHECK_ERRNO(uiommu_attach_find(endpoint, UIOMMU_NO_PASID + 1, UIOMMU_DOMAIN_ANY), EINVAL);
	CHECK_ERRNO(uiommu_attach_find(endpoint, 0xfffff, UIOMMU_DOMAIN_NESTED + 1), EINVAL);
	CHECK_ERRNO(uiommu_attach_find(endpoint, 0xfffff, UIOMMU_DOMAIN_ANY - 1), EINVAL);
	CHECK(uiommu_attach_find(endpoint, 0xfffff, UIOMMU_DOMAIN_PAGING) == attach);
	CHECK_ERRNO(uiommu_attach_find(endpoint, 0xfffff, UIOMMU_DOMAIN_BLOCKED), EBUSY);
	CHECK_ERRNO(uiommu_attach_find(endpoint, 7, UIOMMU_DOMAIN_BLOCKED), ENOENT);
	CHECK_EQ(uiommu_domain_free(rec->domain), -EBUSY);
	CHECK_EQ(uiommu_detach(attach), 0);
	CHECK_ERRNO(uiommu_attach_find(endpoint, 0xfffff, UIOMMU_DOMAIN_ANY), ENOENT);
	recorder_close(rec);
	rig_close(other);
	rig_close(rig);
}

/* A refused attach leaves nothing behind: not in the engine, not in the unit. */
static void
refused_attach(void)
{
	struct rig *rig = rig_open(NULL);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);

	rig_attach(endpoint, UIOMMU_NO_PASID, rec->domain, NULL);
	CHECK_ERRNO(uiommu_attach(endpoint, 0, rec->domain, NULL), EINVAL);
	CHECK_ERRNO(uiommu_attach_find(endpoint, 0, UIOMMU_DOMAIN_ANY), ENOENT);
	/* the RID's bond lives in the entry that PASID 0 would have */
	rig_ask(rig, UIOMMU_NO_PASID, 1, 1, true);
	rig_settle(rig);
	rig_expect(rig, EP, UIOMMU_NO_PASID, 1, UIOMMU_EMU_SUCCESS);
	CHECK_EQ(rec->groups, 1);
	CHECK_EQ(uiommu_info_get(rig->dev, &rig->info), 0);
	CHECK_EQ(rig->info.attached, 1);
	CHECK_EQ(uiommu_detach(uiommu_attach_find(endpoint, UIOMMU_NO_PASID, UIOMMU_DOMAIN_ANY)),
		 0);
	CHECK_EQ(uiommu_domain_free(rec->domain), 0);
	rec->closed = true;
	rig_close(rig);
}

/* Control calls before start and after stop: in force at the next start, or gone by then. */
static void
not_started(void)
{
	struct rig_conf conf = {.no_start = true};
	struct rig *rig = rig_open(&conf);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);
	struct uiommu_endpoint *gone = rig_endpoint(rig, 0x0200, 0);
	struct uiommu_attach *attach;

	rig_attach(endpoint, 7, rec->domain, NULL);
	rig_attach(gone, 7, rec->domain, NULL);
	attach = rig_attach(endpoint, 8, rec->domain, NULL);
	CHECK_EQ(uiommu_detach(attach), 0);
	CHECK_EQ(uiommu_start(rig->dev), 0);
	rig_claim(rig);
	rig_ask(rig, 7, 1, 1, true);
	CHECK(rig_send(rig, EP, 8, 1, 1, true) != UIOMMU_EMU_QUEUED);
	rig_settle(rig);
	CHECK_EQ(rec->groups, 1);
	CHECK_EQ(uiommu_stop(rig->dev), 0);
	CHECK_EQ(uiommu_endpoint_remove(gone), 0);
	CHECK_EQ(uiommu_detach(uiommu_attach_find(endpoint, 7, UIOMMU_DOMAIN_ANY)), 0);
	rig_attach(endpoint, 9, rec->domain, NULL);
	CHECK_EQ(uiommu_start(rig->dev), 0);
	CHECK(rig_send(rig, EP, 7, 2, 1, true) != UIOMMU_EMU_QUEUED);
	CHECK(rig_send(rig, 0x0200, 7, 2, 1, true) != UIOMMU_EMU_QUEUED);
	rig_ask(rig, 9, 3, 1, true);
	rig_settle(rig);
	CHECK_EQ(rec->groups, 2);
	rig_close(rig);
}

/* Identity and caller's tables, as the unit walks them. */
static void
what_dma_sees(void)
{
	struct uiommu_domain_conf conf = {.size = sizeof(conf), .type = UIOMMU_DOMAIN_IDENTITY};
	struct rig *rig = rig_open(NULL);
	struct uiommu_domain *identity = uiommu_domain_alloc(rig->dev, &conf);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);

	CHECK(identity != NULL);
	CHECK(!uiommu_emu_dma(rig->emu, EP, 7, 0x1000, false));
	rig_attach(endpoint, 7, identity, NULL);
	rig_attach(endpoint, 8, rec->domain, NULL);
	CHECK(uiommu_emu_dma(rig->emu, EP, 7, 0x1000, true));
	CHECK(!uiommu_emu_dma(rig->emu, EP, 8, 0x1000, false));
	CHECK(!uiommu_emu_dma(rig->emu, EP, 9, 0x1000, false));
	CHECK_EQ(uiommu_detach(uiommu_attach_find(endpoint, 7, UIOMMU_DOMAIN_ANY)), 0);
	CHECK(!uiommu_emu_dma(rig->emu, EP, 7, 0x1000, true));
	rig_close(rig);
}

static const struct harness_case objects_cases[] = {
	{"pointers that are NULL", nulls, 0},
	{"endpoints", endpoints, 0},
	{"domains", domains, 0},
	{"domains, members that go together and that do not", domain_members, UIOMMU_CAPA_NESTED},
	{"attach and detach", attaching, 0},
	{"attach that is refused leaves nothing behind", refused_attach, 0},
	{"control calls before start and after stop", not_started, 0},
	{"what DMA sees of bonds", what_dma_sees, UIOMMU_CAPA_PASSTHROUGH},
};

HARNESS_SUITE(objects);
