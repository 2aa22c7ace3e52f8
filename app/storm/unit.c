/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>
#include <rte_errno.h>
#include <rte_malloc.h>

#include "talk.h"
#include "unit.h"

/* Requester id of the first endpoint: bus 1, device 0, function 0. */
#define ENDPOINT_ID_FIRST 0x0100
/* PRG index has 9 bits: a device can have no more groups outstanding. */
#define GROUPS_OUTSTANDING_MAX 512U
#define CREDITS_MAX 65535U
/* PASID 0 is taken for requests without PASID on some units. */
#define PASID_FIRST 1
#define WIDE_ENDPOINTS_MAX 1024
/* The unit is a thread: on a crowded machine it may be away for seconds, which is no defect. */
#define TIMEOUT_NS UINT64_C(20000000000)

static uint32_t
queue_entries(const struct storm *s)
{
	uint32_t entries = s->info.queue_entries_max;

	if (s->o.queue_entries != 0)
		return s->o.queue_entries;
	/* an overflow wants devices that can ask for more than the queue holds */
	if (s->o.traffic.overflow)
		while (entries > s->info.queue_entries_min &&
		       entries > s->o.endpoints * GROUPS_OUTSTANDING_MAX / 2)
			entries /= 2;
	return entries;
}

/*
 * PCIe's rule for the sum of all allocations: no more than the queue holds, so that it never
 * overflows. A device needs credits for one group at least, though.
 */
static uint32_t
device_credits(const struct storm *s)
{
	uint32_t group = s->o.traffic.group_pages_max;
	uint32_t most = RTE_MIN(GROUPS_OUTSTANDING_MAX * group, CREDITS_MAX);
	uint32_t share = (s->info.queue_entries - 1) / s->o.endpoints;

	if (s->o.traffic.overflow || share > most)
		return most;
	return RTE_MAX(share, group);
}

static int
check_sizes(const struct storm *s)
{
	const struct uiommu_dev_info *info = &s->info;
	uint32_t most = (s->o.pasids + s->o.endpoints - 1) / s->o.endpoints;

	if (s->o.queue_entries != 0 && (s->o.queue_entries < info->queue_entries_min ||
					s->o.queue_entries > info->queue_entries_max)) {
		talk("--queue-entries %u: %s takes %u to %u", s->o.queue_entries, info->name,
		     info->queue_entries_min, info->queue_entries_max);
		return -EINVAL;
	}
	if ((info->capa & UIOMMU_CAPA_PASID) == 0 ||
	    most > (UINT32_C(1) << info->pasid_bits) - PASID_FIRST) {
		talk("--pasids %u: more than %s has for an endpoint (%u bits)", s->o.pasids,
		     info->name, info->pasid_bits);
		return -EINVAL;
	}
	return 0;
}

static int
probe(struct storm *s)
{
	char devargs[128];
	int ret;

	snprintf(devargs, sizeof(devargs), "%s,platform=emu", s->o.unit);
	talk_hold();
	ret = uiommu_probe(s->o.iommu != NULL ? s->o.iommu : devargs, &s->dev_id);
	talk_release();
	if (ret < 0) {
		talk("cannot open unit \"%s\": %s", s->o.iommu != NULL ? s->o.iommu : devargs,
		     talk_reason(rte_strerror(-ret)));
		s->dev_id = -1;
		return ret;
	}
	uiommu_info_get(s->dev_id, &s->info);
	s->emu = uiommu_emu_find(s->info.name);
	if (s->emu == NULL) {
		talk("%s is no emulated unit (platform=emu): there is nothing to send a storm",
		     s->info.name);
		return -ENODEV;
	}
	return 0;
}

static int
configure(struct storm *s)
{
	struct uiommu_dev_conf conf = {
		.size = sizeof(conf),
		.queue_entries = queue_entries(s),
		.endpoints_max = RTE_MAX(s->o.endpoints, 64U),
		.burst = (uint16_t)s->o.burst,
		.timeout_ns = TIMEOUT_NS,
	};
	int ret;

	talk_hold();
	ret = uiommu_configure(s->dev_id, &conf);
	talk_release();
	if (ret < 0) {
		talk("cannot configure %s: %s", s->info.name, talk_reason(rte_strerror(-ret)));
		return ret;
	}
	uiommu_info_get(s->dev_id, &s->info);
	return 0;
}

static void
endpoints_lay_out(struct storm *s)
{
	uint32_t i, bond = 0;

	for (i = 0; i < s->o.endpoints; i++) {
		struct storm_endpoint *e = &s->endpoints[i];

		e->id = ENDPOINT_ID_FIRST + i;
		e->first_bond = bond;
		e->nb_bonds = s->o.pasids / s->o.endpoints + (i < s->o.pasids % s->o.endpoints);
		bond += e->nb_bonds;
	}
}

/* Each endpoint uses the same PASIDs: only together do they name a bond. */
uint32_t
unit_pasid(const struct storm_endpoint *e, uint32_t bond)
{
	return PASID_FIRST + bond - e->first_bond;
}

static int
plug_devices(struct storm *s)
{
	struct uiommu_emu_device_conf conf = {.credits = s->credits};
	uint32_t most = s->endpoints[0].nb_bonds;
	uint32_t *pasids = malloc(most * sizeof(*pasids));
	uint32_t i;
	int ret = pasids == NULL ? -ENOMEM : 0;

	for (i = 0; i < most && ret == 0; i++)
		pasids[i] = PASID_FIRST + i;
	conf.pasids = pasids;
	for (i = 0; i < s->o.endpoints && ret == 0; i++) {
		conf.endpoint_id = s->endpoints[i].id;
		conf.nb_pasids = s->endpoints[i].nb_bonds;
		ret = uiommu_emu_device_add(s->emu, &conf);
	}
	free(pasids);
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

static int
take_memory(struct storm *s)
{
	s->domains = calloc(s->o.domains, sizeof(struct uiommu_domain *));
	s->endpoints = calloc(s->o.endpoints, sizeof(*s->endpoints));
	s->attaches = calloc(s->o.pasids, sizeof(struct uiommu_attach *));
	s->counts = rte_zmalloc_socket("storm", s->o.pasids * sizeof(*s->counts), 64,
				       s->info.socket_id);
	if (s->domains != NULL && s->endpoints != NULL && s->attaches != NULL && s->counts != NULL)
		return 0;
	talk("no memory for %u PASIDs", s->o.pasids);
	return -ENOMEM;
}

int
unit_open(struct storm *s)
{
	int ret = probe(s);

	if (ret == 0)
		ret = check_sizes(s);
	if (ret == 0)
		ret = configure(s);
	if (ret == 0)
		ret = take_memory(s);
	if (ret < 0)
		return ret;
	s->credits = device_credits(s);
	endpoints_lay_out(s);
	ret = plug_devices(s);
	return ret < 0 ? ret : set_traffic(s);
}

int
unit_attach(struct storm *s, struct storm_endpoint *e, uint32_t bond)
{
	uint32_t pasid = unit_pasid(e, bond);

	s->attaches[bond] = uiommu_attach(e->endpoint, pasid, s->domains[bond % s->o.domains],
					  &s->counts[bond]);
	if (s->attaches[bond] != NULL)
		return 0;
	talk("cannot attach PASID %u of endpoint 0x%x: %s", pasid, e->id, rte_strerror(rte_errno));
	return -rte_errno;
}

int
unit_endpoint_add(struct storm *s, struct storm_endpoint *e)
{
	struct uiommu_endpoint_conf conf = {.size = sizeof(conf)};
	uint32_t i;
	int ret = 0;

	/* the full width costs a directory of 128 KiB each on VT-d */
	if (s->o.endpoints > WIDE_ENDPOINTS_MAX)
		while (e->nb_bonds + PASID_FIRST > UINT32_C(1) << conf.pasid_bits)
			conf.pasid_bits++;
	e->endpoint = uiommu_endpoint_add(s->dev_id, e->id, &conf);
	if (e->endpoint == NULL) {
		talk("cannot add endpoint 0x%x: %s", e->id, rte_strerror(rte_errno));
		return -rte_errno;
	}
	for (i = 0; i < e->nb_bonds && ret == 0; i++)
		ret = unit_attach(s, e, e->first_bond + i);
	return ret;
}

static int
alloc_domains(struct storm *s)
{
	struct uiommu_domain_conf conf = {
		.size = sizeof(conf),
		.type = UIOMMU_DOMAIN_PAGING,
		.handler = s->o.handler == STORM_HANDLER_NULL ? handler_null : handler_count,
	};
	uint32_t i;

	for (i = 0; i < s->o.domains; i++) {
		s->domains[i] = uiommu_domain_alloc(s->dev_id, &conf);
		if (s->domains[i] == NULL) {
			talk("cannot make domain %u of %u: %s", i + 1, s->o.domains,
			     rte_strerror(rte_errno));
			return -rte_errno;
		}
	}
	return 0;
}

int
unit_start(struct storm *s)
{
	uint32_t i;
	int ret;

	talk_hold();
	ret = uiommu_start(s->dev_id);
	talk_release();
	if (ret < 0) {
		talk("cannot start %s: %s", s->info.name, talk_reason(rte_strerror(-ret)));
		return ret;
	}
	ret = alloc_domains(s);
	for (i = 0; i < s->o.endpoints && ret == 0; i++)
		ret = unit_endpoint_add(s, &s->endpoints[i]);
	return ret;
}

int
unit_stop(struct storm *s)
{
	uint32_t i;
	int ret = 0, ret2;

	for (i = 0; s->endpoints != NULL && i < s->o.endpoints && ret == 0; i++) {
		if (s->endpoints[i].endpoint == NULL)
			continue;
		ret = uiommu_endpoint_remove(s->endpoints[i].endpoint);
		if (ret < 0)
			talk("cannot remove endpoint 0x%x: %s", s->endpoints[i].id,
			     rte_strerror(-ret));
		s->endpoints[i].endpoint = NULL;
	}
	for (i = 0; s->domains != NULL && i < s->o.domains && ret == 0; i++) {
		if (s->domains[i] == NULL)
			continue;
		ret = uiommu_domain_free(s->domains[i]);
		if (ret < 0)
			talk("cannot free domain %u: %s", i, rte_strerror(-ret));
		s->domains[i] = NULL;
	}
	uiommu_info_get(s->dev_id, &s->info);
	if (s->info.state != UIOMMU_DEV_STARTED && s->info.state != UIOMMU_DEV_FAILED)
		return ret;
	ret2 = uiommu_stop(s->dev_id);
	if (ret2 < 0 && ret == 0)
		talk("cannot stop %s: %s", s->info.name, rte_strerror(-ret2));
	return ret < 0 ? ret : ret2;
}

void
unit_close(struct storm *s)
{
	int ret;

	if (s->dev_id >= 0) {
		ret = uiommu_close(s->dev_id);
		if (ret < 0)
			talk("cannot close %s: %s", s->info.name, rte_strerror(-ret));
		s->dev_id = -1;
	}
	rte_free(s->counts);
	free(s->attaches);
	free(s->endpoints);
	free(s->domains);
	s->counts = NULL;
	s->attaches = NULL;
	s->endpoints = NULL;
	s->domains = NULL;
}
