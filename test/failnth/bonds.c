/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Calls that make something: endpoints, domains, bonds, and replace. */

#include <errno.h>

#include <rte_errno.h>

#include "call.h"

/* -------------------------------------------------------------- endpoints */

static int
endpoint_plain(struct world *world)
{
	world->new_ep = uiommu_endpoint_add(world->rig->dev, EP_NEW, NULL);
	return call_result(world->new_ep);
}

static int
endpoint_vf(struct world *world)
{
	const struct uiommu_endpoint_conf conf = {
		.size = sizeof(conf),
		.flags = UIOMMU_ENDPOINT_VF,
		.pf_id = EP_OTHER,
	};

	world->new_ep = uiommu_endpoint_add(world->rig->dev, EP_VF, &conf);
	return call_result(world->new_ep);
}

static int
endpoint_user_pasids(struct world *world)
{
	const struct uiommu_endpoint_conf conf = {
		.size = sizeof(conf),
		.flags = UIOMMU_ENDPOINT_USER_PASIDS,
	};

	world->new_ep = uiommu_endpoint_add(world->rig->dev, EP_NEW, &conf);
	return call_result(world->new_ep);
}

static void
endpoint_undo(struct world *world)
{
	CHECK_EQ(uiommu_endpoint_remove(world->new_ep), 0);
}

/* A mock device without an IOMMU, for which there was no memory: it cannot be bound. */
#define KERNEL_SAYS -EINVAL

#define ENDPOINT(name)                                                      \
	CALL(name, .run = name, .undo = endpoint_undo,                      \
	     .errors = {-ENOMEM, -EMFILE, KERNEL_SAYS},                     \
	     .must = GATE(HEAP) | GATE(DMA) | GATE(KERNEL), .waits = false)

ENDPOINT(endpoint_plain);
ENDPOINT(endpoint_vf);
ENDPOINT(endpoint_user_pasids);
CALL_UNIT(endpoint_plain);

/* ---------------------------------------------------------------- domains */

static void
domain_undo(struct world *world)
{
	CHECK_EQ(uiommu_domain_free(world->domain), 0);
}

static int
domain_blocked(struct world *world)
{
	const struct uiommu_domain_conf conf = {
		.type = UIOMMU_DOMAIN_BLOCKED,
	};

	return call_domain_take(world, &conf);
}

static int
domain_identity(struct world *world)
{
	const struct uiommu_domain_conf conf = {
		.type = UIOMMU_DOMAIN_IDENTITY,
	};

	return call_domain_take(world, &conf);
}

static int
domain_paging(struct world *world)
{
	const struct uiommu_domain_conf conf = {
		.type = UIOMMU_DOMAIN_PAGING,
		.handler = call_handler,
	};

	return call_domain_take(world, &conf);
}

static int
domain_queued(struct world *world)
{
	const struct uiommu_domain_conf conf = {
		.type = UIOMMU_DOMAIN_PAGING,
		.fault_queue = world->fq,
	};

	return call_domain_take(world, &conf);
}

static int
domain_parent(struct world *world)
{
	const struct uiommu_domain_conf conf = {
		.type = UIOMMU_DOMAIN_PAGING,
		.flags = UIOMMU_DOMAIN_NEST_PARENT,
	};

	return call_domain_take(world, &conf);
}

static int
domain_nested(struct world *world)
{
	const struct uiommu_domain_conf conf = {
		.type = UIOMMU_DOMAIN_NESTED,
		.handler = call_handler,
		.table_pa = 0x1000,
		.parent = world->parent,
	};

	return call_domain_take(world, &conf);
}

#define DOMAIN(name, kinds) \
	CALL(name, .run = name, .undo = domain_undo, .errors = {-ENOMEM}, .must = kinds)

DOMAIN(domain_blocked, GATE(HEAP) | GATE(KERNEL));
DOMAIN(domain_identity, GATE(HEAP));
DOMAIN(domain_paging, GATE(HEAP) | GATE(KERNEL));
DOMAIN(domain_queued, GATE(HEAP) | GATE(KERNEL));
DOMAIN(domain_parent, GATE(HEAP) | GATE(KERNEL));
DOMAIN(domain_nested, GATE(HEAP));

/* ----------------------------------------------------------------- attach */

static int
attach(struct world *world, struct uiommu_endpoint *endpoint, uint32_t pasid,
       struct uiommu_domain *domain)
{
	world->attach = uiommu_attach(endpoint, pasid, domain, NULL);
	return call_result(world->attach);
}

static void
attach_undo(struct world *world)
{
	CHECK_EQ(uiommu_detach(world->attach), 0);
}

static int
attach_capable(struct world *world)
{
	return attach(world, world->ep, PASID_FREE, world->answering->domain);
}

static int
attach_plain(struct world *world)
{
	return attach(world, world->ep, PASID_FREE, world->plain);
}

static int
attach_far(struct world *world)
{
	return attach(world, world->ep, world_far(world), world->answering->domain);
}

/* The first bond of an endpoint: page requests go on. */
static int
attach_first(struct world *world)
{
	return attach(world, world->other, PASID_FREE, world->answering->domain);
}

static int
attach_rid(struct world *world)
{
	return attach(world, world->other, UIOMMU_NO_PASID, world->answering->domain);
}

#define ATTACH(name)                                                      \
	CALL(name, .run = name, .undo = attach_undo, .errors = {-ENOMEM}, \
	     .must = GATE(HEAP) | GATE(KERNEL), .waits = false)

ATTACH(attach_capable);
ATTACH(attach_plain);
ATTACH(attach_far);
ATTACH(attach_first);
ATTACH(attach_rid);
CALL_UNIT(attach_capable);
CALL_UNIT(attach_plain);

/* An endpoint that had none asks for tables on the way: those of a new one each time. */
static int
attach_new_endpoint(struct world *world)
{
	int ret = endpoint_plain(world);

	if (ret != 0)
		return ret;
	ret = attach(world, world->new_ep, world_far(world), world->answering->domain);
	if (ret != 0)
		CHECK_EQ(uiommu_endpoint_remove(world->new_ep), 0);
	return ret;
}

CALL(attach_new_endpoint, .run = attach_new_endpoint, .undo = endpoint_undo,
     .errors = {-ENOMEM, -EMFILE, KERNEL_SAYS}, .must = GATE(HEAP) | GATE(DMA) | GATE(KERNEL));

/* ---------------------------------------------------------------- replace */

/* To another domain of the same bond; *bond is where its handle is kept. */
static int
replace(struct uiommu_attach **bond, struct uiommu_domain *domain)
{
	struct uiommu_attach *new = uiommu_replace(*bond, domain, NULL);

	if (new == NULL)
		return -rte_errno;
	*bond = new;
	return 0;
}

static void
replaced_back(struct uiommu_attach **bond, struct uiommu_domain *domain)
{
	CHECK_EQ(replace(bond, domain), 0);
}

/* The group that the handler has kept ended with its bond: nobody waits for that answer. */
static void
kept_again(struct world *world)
{
	replaced_back(&world->bonds[PASID_DEFERRED], world->deferring->domain);
	rig_settle(world->rig);
	rig_expect(world->rig, EP, PASID_DEFERRED, world->kept_index, UIOMMU_EMU_INVALID);
	world_defer(world);
}

static void
queued_again(struct world *world)
{
	replaced_back(&world->bonds[PASID_QUEUED], world->queued);
	rig_settle(world->rig);
	rig_expect(world->rig, EP, PASID_QUEUED, world->queued_index, UIOMMU_EMU_INVALID);
	world_queue(world);
}

static void
plain_again(struct world *world)
{
	replaced_back(&world->bonds[PASID_PLAIN], world->plain);
}

static int
replace_capable(struct world *world)
{
	return replace(&world->bonds[PASID_DEFERRED], world->answering->domain);
}

static int
replace_same(struct world *world)
{
	return replace(&world->bonds[PASID_DEFERRED], world->deferring->domain);
}

static int
replace_to_plain(struct world *world)
{
	return replace(&world->bonds[PASID_DEFERRED], world->plain);
}

static int
replace_from_plain(struct world *world)
{
	return replace(&world->bonds[PASID_PLAIN], world->answering->domain);
}

static int
replace_plain(struct world *world)
{
	return replace(&world->bonds[PASID_PLAIN], world->plain);
}

static int
replace_from_queue(struct world *world)
{
	return replace(&world->bonds[PASID_QUEUED], world->answering->domain);
}

static int
replace_to_queue(struct world *world)
{
	return replace(&world->bonds[PASID_DEFERRED], world->queued);
}

/* The only bond of an endpoint: page requests go on, or off. */
static void
only_plain(struct world *world)
{
	world->attach = rig_attach(world->other, PASID_FREE, world->plain, NULL);
}

static void
only_capable(struct world *world)
{
	world->attach = rig_attach(world->other, PASID_FREE, world->answering->domain, NULL);
}

static int
replace_on(struct world *world)
{
	return replace(&world->attach, world->answering->domain);
}

static int
replace_off(struct world *world)
{
	return replace(&world->attach, world->plain);
}

static void
on_undo(struct world *world)
{
	replaced_back(&world->attach, world->plain);
}

static void
off_undo(struct world *world)
{
	replaced_back(&world->attach, world->answering->domain);
}

/* To the kernel the same page table again is nothing to be done. */
#define REPLACE(name, undo_name, kinds, ...)                                              \
	CALL(name, .run = name, .undo = undo_name, .errors = {-ENOMEM}, .must = kinds,    \
	     .waits = true, __VA_ARGS__);                                                 \
	CALL_UNIT(name)
#define IN_KERNEL (GATE(HEAP) | GATE(KERNEL))

REPLACE(replace_capable, kept_again, IN_KERNEL, );
REPLACE(replace_same, kept_again, GATE(HEAP), );
REPLACE(replace_to_plain, kept_again, IN_KERNEL, );
REPLACE(replace_from_plain, plain_again, IN_KERNEL, );
REPLACE(replace_plain, plain_again, GATE(HEAP), );
REPLACE(replace_from_queue, queued_again, IN_KERNEL, );
REPLACE(replace_to_queue, kept_again, IN_KERNEL, );
REPLACE(replace_on, on_undo, IN_KERNEL, .prepare = only_plain);
REPLACE(replace_off, off_undo, IN_KERNEL, .prepare = only_capable);

#define MEMORY(name) "fail-nth " #name, name##_memory_case
#define UNIT(name) "fail-nth R11 " #name ", the unit goes dead", name##_unit_case

static const struct harness_case bonds_cases[] = {
	{MEMORY(endpoint_plain), 0},
	{MEMORY(endpoint_vf), HARNESS_NEEDS_VF_REQUESTS},
	{MEMORY(endpoint_user_pasids), 0},
	{MEMORY(domain_blocked), 0},
	{MEMORY(domain_identity), UIOMMU_CAPA_PASSTHROUGH},
	{MEMORY(domain_paging), 0},
	{MEMORY(domain_queued), 0},
	{MEMORY(domain_parent), UIOMMU_CAPA_NESTED},
	{MEMORY(domain_nested), UIOMMU_CAPA_NESTED},
	{MEMORY(attach_capable), 0},
	{MEMORY(attach_plain), 0},
	{MEMORY(attach_far), 0},
	{MEMORY(attach_first), 0},
	{MEMORY(attach_rid), 0},
	{MEMORY(attach_new_endpoint), 0},
	{MEMORY(replace_capable), 0},
	{MEMORY(replace_same), 0},
	{MEMORY(replace_to_plain), 0},
	{MEMORY(replace_from_plain), 0},
	{MEMORY(replace_plain), 0},
	{MEMORY(replace_from_queue), 0},
	{MEMORY(replace_to_queue), 0},
	{MEMORY(replace_on), 0},
	{MEMORY(replace_off), 0},
	{UNIT(endpoint_plain), HARNESS_NEEDS_COMMANDS},
	{UNIT(attach_capable), HARNESS_NEEDS_COMMANDS},
	{UNIT(attach_plain), HARNESS_NEEDS_COMMANDS},
	{UNIT(replace_capable), HARNESS_NEEDS_COMMANDS},
	{UNIT(replace_same), HARNESS_NEEDS_COMMANDS},
	{UNIT(replace_to_plain), HARNESS_NEEDS_COMMANDS},
	{UNIT(replace_from_plain), HARNESS_NEEDS_COMMANDS},
	{UNIT(replace_plain), HARNESS_NEEDS_COMMANDS},
	{UNIT(replace_from_queue), HARNESS_NEEDS_COMMANDS},
	{UNIT(replace_to_queue), HARNESS_NEEDS_COMMANDS},
	{UNIT(replace_on), HARNESS_NEEDS_COMMANDS},
	{UNIT(replace_off), HARNESS_NEEDS_COMMANDS},
};

HARNESS_SUITE(bonds);
