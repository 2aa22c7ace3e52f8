/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>
#include <rte_errno.h>

#include "devices.h"
#include "stuck.h"
#include "talk.h"

/* Requester id of the first endpoint: bus 1, device 0, function 0. */
#define ENDPOINT_ID_FIRST 0x0100
/* PRG index has 9 bits: a device can have no more groups outstanding. */
#define GROUPS_OUTSTANDING_MAX 512U
#define CREDITS_MAX 65535U
/* Accesses that devices have waiting in the unit, where nothing else bounds them: one, and all. */
#define STALLS_OUTSTANDING_MAX 512U
#define STALLS_ALL_MAX 16384U

uint32_t
devices_of_kind(const struct storm_options *o, bool stalls)
{
	uint32_t half = o->endpoints / 2;

	if (o->source == STORM_SOURCE_BOTH)
		return stalls ? half : o->endpoints - half;
	return stalls == (o->source == STORM_SOURCE_STALL) ? o->endpoints : 0;
}

uint32_t
devices_queue_entries(const struct storm *s)
{
	const uint32_t requesters = devices_of_kind(&s->o, false);
	uint32_t entries = s->info.queue_entries_max;

	if (s->o.queue_entries != 0)
		return s->o.queue_entries;
	/* an overflow wants devices that can ask for more than the queue holds */
	if (s->o.traffic.overflow)
		while (entries > s->info.queue_entries_min &&
		       entries > requesters * GROUPS_OUTSTANDING_MAX / 2)
			entries /= 2;
	return entries;
}

/*
 * PCIe's rule for the sum of all allocations: no more than the queue holds, so that it never
 * overflows. A device needs credits for one group at least, though.
 */
static uint32_t
request_credits(const struct storm *s, uint32_t entries, uint32_t nb)
{
	uint32_t group = s->o.traffic.group_pages_max;
	uint32_t most = RTE_MIN(GROUPS_OUTSTANDING_MAX * group, CREDITS_MAX);
	uint32_t share = (entries - 1) / nb;

	if (s->o.traffic.overflow || share > most)
		return most;
	return RTE_MAX(share, group);
}

/* What has no room in the queue waits in the unit, so this is no rule of anybody's. */
static uint32_t
stall_credits(uint32_t nb)
{
	return RTE_MIN(RTE_MAX(STALLS_ALL_MAX / nb, 1U), STALLS_OUTSTANDING_MAX);
}

uint32_t
devices_credits(const struct storm *s, uint32_t endpoint)
{
	return s->credits[source_stalls(s->o.source, endpoint)];
}

int
devices_plan(struct storm *s)
{
	const uint32_t requesters = devices_of_kind(&s->o, false);
	const uint32_t stallers = devices_of_kind(&s->o, true);
	struct delivery_load load = {0};
	uint32_t groups = 0;

	memset(s->credits, 0, sizeof(s->credits));
	if (requesters != 0) {
		s->credits[0] = request_credits(s, devices_queue_entries(s), requesters);
		groups = s->credits[0] / s->o.traffic.group_pages_min;
		groups = RTE_MIN(GROUPS_OUTSTANDING_MAX, groups);
	}
	if (stallers != 0)
		s->credits[1] = stall_credits(stallers);
	load.requests = (uint64_t)requesters * s->credits[0] + (uint64_t)stallers * s->credits[1];
	load.groups = (uint64_t)requesters * groups + (uint64_t)stallers * s->credits[1];
	load.last_groups = source_stalls(s->o.source, s->o.endpoints - 1) ? s->credits[1] : groups;
	return delivery_plan(s, &load);
}

void
devices_lay_out(struct storm *s)
{
	uint32_t i, bond = 0;

	for (i = 0; i < s->o.endpoints; i++) {
		struct storm_endpoint *e = &s->endpoints[i];

		e->id = ENDPOINT_ID_FIRST + i;
		e->stalls = source_stalls(s->o.source, i);
		e->first_bond = bond;
		e->nb_bonds = s->o.pasids / s->o.endpoints + (i < s->o.pasids % s->o.endpoints);
		bond += e->nb_bonds;
	}
}

uint32_t
devices_pasid(const struct storm *s, const struct storm_endpoint *e, uint32_t bond)
{
	if (s->o.handler == STORM_HANDLER_SVA)
		return s->sva.pasid;
	return PASID_FIRST + bond - e->first_bond;
}

static int
plug_devices(struct storm *s)
{
	struct uiommu_emu_device_conf conf = {0};
	uint32_t most = s->endpoints[0].nb_bonds;
	uint32_t *pasids = malloc(most * sizeof(*pasids));
	uint32_t *spaces = malloc(most * sizeof(*spaces));
	uint32_t i, j;
	int ret = pasids == NULL || spaces == NULL ? -ENOMEM : 0;

	for (i = 0; i < most && ret == 0; i++)
		pasids[i] = devices_pasid(s, &s->endpoints[0], i);
	conf.pasids = pasids;
	conf.spaces = spaces;
	for (i = 0; i < s->o.endpoints && ret == 0; i++) {
		conf.endpoint_id = s->endpoints[i].id;
		conf.credits = devices_credits(s, i);
		conf.stalls = s->endpoints[i].stalls;
		/* the driver ends what is too much of it */
		conf.may_fail_invalid = conf.stalls && s->o.storm_limit != 0;
		conf.nb_pasids = s->endpoints[i].nb_bonds;
		for (j = 0; j < conf.nb_pasids; j++)
			spaces[j] = map_space(s, s->endpoints[i].first_bond + j);
		conf.latency_class = s->o.stuck && i == s->o.endpoints - 1 ? STORM_CLASS_STUCK
									   : STORM_CLASS_OTHERS;
		ret = uiommu_emu_device_add(s->emu, &conf);
	}
	free(pasids);
	free(spaces);
	if (ret < 0)
		talk("cannot plug in device %u of %u: %s", i, s->o.endpoints, rte_strerror(-ret));
	return ret;
}

static int
set_traffic(struct storm *s)
{
	int ret;

	s->o.traffic.burst = s->o.burst;
	ret = uiommu_emu_traffic_set(s->emu, &s->o.traffic);
	if (ret < 0)
		talk("cannot prepare the traffic: %s", rte_strerror(-ret));
	return ret;
}

int
devices_plug(struct storm *s)
{
	int ret = plug_devices(s);

	return ret < 0 ? ret : set_traffic(s);
}
