/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Bonds of domains that nothing was attached to before: a kernel makes page tables only then. */

#include <errno.h>

#include <rte_errno.h>

#include "call.h"

static int
paging_take(struct world *world)
{
	const struct uiommu_domain_conf conf = {
		.type = UIOMMU_DOMAIN_PAGING,
		.handler = call_handler,
	};

	return call_domain_take(world, &conf);
}

static int
nested_take(struct world *world)
{
	const struct uiommu_domain_conf conf = {
		.type = UIOMMU_DOMAIN_NESTED,
		.handler = call_handler,
		.table_pa = 0x1000,
		.parent = world->parent,
	};

	return call_domain_take(world, &conf);
}

/* With the domain that was made. @return 0 or a negative errno: that is freed */
static int
domain_attach(struct world *world, int ret)
{
	if (ret != 0)
		return ret;
	world->attach = uiommu_attach(world->ep, PASID_FREE, world->domain, NULL);
	ret = call_result(world->attach);
	if (ret != 0)
		CHECK_EQ(uiommu_domain_free(world->domain), 0);
	return ret;
}

static void
attach_undo(struct world *world)
{
	CHECK_EQ(uiommu_detach(world->attach), 0);
	CHECK_EQ(uiommu_domain_free(world->domain), 0);
}

static int
attach_paging(struct world *world)
{
	return domain_attach(world, paging_take(world));
}

static int
attach_nested(struct world *world)
{
	return domain_attach(world, nested_take(world));
}

/* In the place of a bond with groups that wait for an answer. */
static int
replace_paging(struct world *world)
{
	struct uiommu_attach **bond = &world->bonds[PASID_DEFERRED], *attach;
	int ret = paging_take(world);

	if (ret != 0)
		return ret;
	attach = uiommu_replace(*bond, world->domain, NULL);
	ret = call_result(attach);
	if (ret != 0)
		CHECK_EQ(uiommu_domain_free(world->domain), 0);
	else
		*bond = attach;
	return ret;
}

static void
replace_undo(struct world *world)
{
	struct uiommu_attach **bond = &world->bonds[PASID_DEFERRED];

	*bond = uiommu_replace(*bond, world->deferring->domain, NULL);
	CHECK(*bond != NULL);
	CHECK_EQ(uiommu_domain_free(world->domain), 0);
	rig_settle(world->rig);
	rig_expect(world->rig, EP, PASID_DEFERRED, world->kept_index, UIOMMU_EMU_INVALID);
	world_defer(world);
}

#define FRESH(name, undo_name)                                          \
	CALL(name, .run = name, .undo = undo_name, .errors = {-ENOMEM}, \
	     .must = GATE(HEAP) | GATE(KERNEL))

FRESH(attach_paging, attach_undo);
FRESH(attach_nested, attach_undo);
FRESH(replace_paging, replace_undo);

#define MEMORY(name) "fail-nth fresh " #name, name##_memory_case

static const struct harness_case fresh_cases[] = {
	{MEMORY(attach_paging), 0},
	{MEMORY(attach_nested), UIOMMU_CAPA_NESTED},
	{MEMORY(replace_paging), 0},
};

HARNESS_SUITE(fresh);
