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

#include "devices.h"
#include "talk.h"
#include "unit.h"

#define WIDE_ENDPOINTS_MAX 1024
#define PASIDS_MIN 16U
/* The unit is a thread: on a crowded machine it may be away for seconds, which is no defect. */
#define TIMEOUT_NS UINT64_C(20000000000)

#define DEFERRED_DEFAULT 4096

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

/* Whether the unit can do what was asked for. */
static int
check_unit(struct storm *s)
{
	const struct uiommu_dev_info *info = &s->info;
	const char *source = options_source_name(s->o.source);

	if (s->o.source != STORM_SOURCE_STALL && (info->capa & UIOMMU_CAPA_PAGE_REQUESTS) == 0) {
		talk("--source %s: %s takes no page requests", source, info->name);
		return -EINVAL;
	}
	if (s->o.source != STORM_SOURCE_PRI && (info->capa & UIOMMU_CAPA_STALL) == 0) {
		talk("--source %s: accesses cannot wait in %s", source, info->name);
		return -EINVAL;
	}
	if (s->o.handler == STORM_HANDLER_MAP && s->o.map.stage != 0 &&
	    (info->capa & UIOMMU_CAPA_SECOND_STAGE) == 0) {
		talk("--stage %s: %s has none", options_stage_name(s->o.map.stage), info->name);
		return -EINVAL;
	}
	s->kind = unit_kind_find(info->driver);
	if (s->kind == NULL) {
		talk("%s: sizes of the entries of its queues are not known here", info->driver);
		return -ENODEV;
	}
	return 0;
}

static int
probe(struct storm *s)
{
	char devargs[128], limit[32] = "";
	int ret;

	if (s->o.storm_limit != 0)
		snprintf(limit, sizeof(limit), ",storm=%u", s->o.storm_limit);
	snprintf(devargs, sizeof(devargs), "%s,platform=emu%s", s->o.unit, limit);
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
		.queue_entries = devices_queue_entries(s),
		.endpoints_max = RTE_MAX(s->o.endpoints, 64U),
		.deferred_max = s->delivery.slots <= DEFERRED_DEFAULT
					? 0 : rte_align32pow2(s->delivery.slots),
		.burst = (uint16_t)s->o.burst,
		.timeout_ns = TIMEOUT_NS,
		.table_pages = map_table_pages(&s->o),
		.frame_pages = map_frame_pages(&s->o),
		.report = reports_take,
		.report_priv = &s->reports,
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

static uint32_t
nb_domains(const struct storm *s)
{
	return s->o.domains + s->o.stuck;
}

static int
take_memory(struct storm *s)
{
	s->domains = calloc(nb_domains(s), sizeof(struct uiommu_domain *));
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
		ret = check_unit(s);
	if (ret == 0)
		ret = check_sizes(s);
	if (ret == 0)
		ret = devices_plan(s);
	if (ret == 0)
		ret = configure(s);
	if (ret == 0)
		ret = take_memory(s);
	if (ret < 0)
		return ret;
	devices_lay_out(s);
	if (s->o.handler == STORM_HANDLER_SVA)
		return sva_window_open(s);
	ret = map_open(s);
	return ret < 0 ? ret : devices_plug(s);
}

struct uiommu_domain *
unit_domain(const struct storm *s, const struct storm_endpoint *e, uint32_t turn)
{
	if (s->o.stuck && e == &s->endpoints[s->o.endpoints - 1])
		return s->domains[s->o.domains];
	return s->domains[turn % s->o.domains];
}

int
unit_attach(struct storm *s, struct storm_endpoint *e, uint32_t bond)
{
	uint32_t pasid = devices_pasid(s, e, bond);

	if (s->o.handler == STORM_HANDLER_SVA)
		return sva_window_bind(s, e);
	s->attaches[bond] = uiommu_attach(e->endpoint, pasid, unit_domain(s, e, bond),
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
	uint32_t pasids = RTE_MAX(e->nb_bonds + PASID_FIRST, PASIDS_MIN), i;
	int ret = 0;

	/* the full width costs a directory of 128 KiB each on VT-d */
	if (s->o.endpoints > WIDE_ENDPOINTS_MAX)
		while (pasids > UINT32_C(1) << conf.pasid_bits)
			conf.pasid_bits++;
	if (e->stalls)
		conf.flags = UIOMMU_ENDPOINT_STALL | UIOMMU_ENDPOINT_NO_ATS |
			     UIOMMU_ENDPOINT_NO_PAGE_REQUESTS;
	e->endpoint = uiommu_endpoint_add(s->dev_id, e->id, &conf);
	if (e->endpoint == NULL) {
		talk("cannot add endpoint 0x%x: %s", e->id, rte_strerror(rte_errno));
		return -rte_errno;
	}
	for (i = 0; i < e->nb_bonds && ret == 0; i++)
		ret = unit_attach(s, e, e->first_bond + i);
	return ret;
}

static uiommu_fault_handler_t
handler_of(const struct storm *s)
{
	return s->o.handler == STORM_HANDLER_NULL ? handler_null : handler_count;
}

static int
alloc_domains(struct storm *s)
{
	struct uiommu_domain_conf conf = {.size = sizeof(conf), .type = UIOMMU_DOMAIN_PAGING};
	uint32_t i;
	int ret = 0;

	for (i = 0; i < nb_domains(s) && ret == 0; i++) {
		conf.fault_queue = delivery_queue(s, i);
		conf.handler = conf.fault_queue == NULL ? handler_of(s) : NULL;
		map_domain_conf(s, &conf);
		s->domains[i] = uiommu_domain_alloc(s->dev_id, &conf);
		if (s->domains[i] == NULL) {
			talk("cannot make domain %u of %u: %s", i + 1, nb_domains(s),
			     rte_strerror(rte_errno));
			return -rte_errno;
		}
		ret = map_region_add(s, s->domains[i], i);
	}
	return ret;
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
	ret = delivery_open(s);
	if (ret == 0)
		ret = consumers_open(s);
	if (ret == 0 && s->o.handler != STORM_HANDLER_SVA)
		ret = alloc_domains(s);
	for (i = 0; i < s->o.endpoints && ret == 0; i++)
		ret = unit_endpoint_add(s, &s->endpoints[i]);
	return ret;
}

static int
endpoints_remove(struct storm *s)
{
	uint32_t i;
	int ret = 0;

	for (i = 0; s->endpoints != NULL && i < s->o.endpoints && ret == 0; i++) {
		struct storm_endpoint *e = &s->endpoints[i];

		ret = sva_window_unbind(e);
		if (ret == 0 && e->endpoint != NULL)
			ret = uiommu_endpoint_remove(e->endpoint);
		if (ret < 0)
			talk("cannot remove endpoint 0x%x: %s", e->id, rte_strerror(-ret));
		e->endpoint = NULL;
	}
	return ret;
}

static int
domains_free(struct storm *s)
{
	uint32_t i;
	int ret = 0;

	for (i = 0; s->domains != NULL && i < nb_domains(s) && ret == 0; i++) {
		if (s->domains[i] == NULL)
			continue;
		ret = uiommu_domain_free(s->domains[i]);
		if (ret < 0)
			talk("cannot free domain %u: %s", i, rte_strerror(-ret));
		s->domains[i] = NULL;
	}
	return ret;
}

int
unit_stop(struct storm *s)
{
	int ret, ret2;

	ret = endpoints_remove(s);
	if (ret == 0)
		ret = sva_window_close(s);
	if (ret == 0)
		ret = domains_free(s);
	if (ret == 0)
		ret = delivery_close(s);
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
	delivery_free(s);
	sva_window_free(s);
	map_free(s);
	rte_free(s->counts);
	free(s->attaches);
	free(s->endpoints);
	free(s->domains);
	s->counts = NULL;
	s->attaches = NULL;
	s->endpoints = NULL;
	s->domains = NULL;
}
