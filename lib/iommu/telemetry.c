/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* /uiommu/... on DPDK's telemetry socket. Callbacks run on a control thread. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_telemetry.h>

#include <uiommu_region.h>

#include "fault_queue_pvt.h"
#include "uiommu_compat.h"
#include "uiommu_pvt.h"

/* the engine's, and UIOMMU_DRIVER_STATS_MAX of a driver */
#define XSTATS_MAX 256

/* The unit that the parameters name: "0", or nothing where there is only one. */
static int16_t
dev_id_parse(const char *params)
{
	char *end;
	long id;

	if (params == NULL || params[0] == '\0') {
		id = uiommu_dev_next(0);
		return id >= 0 && uiommu_dev_next((int16_t)id + 1) < 0 ? (int16_t)id : -1;
	}
	id = strtol(params, &end, 10);
	if (end == params || *end != '\0' || id < 0 || id >= UIOMMU_MAX_DEVS)
		return -1;
	return (int16_t)id;
}

static int
list_cb(const char *cmd, const char *params, struct rte_tel_data *d)
{
	int16_t id;

	rte_tel_data_start_array(d, RTE_TEL_INT_VAL);
	for (id = uiommu_dev_next(0); id >= 0; id = uiommu_dev_next(id + 1))
		rte_tel_data_add_array_int(d, id);
	return 0;
}

static const char *
state_name(enum uiommu_dev_state state)
{
	switch (state) {
	case UIOMMU_DEV_PROBED:
		return "probed";
	case UIOMMU_DEV_CONFIGURED:
		return "configured";
	case UIOMMU_DEV_STARTED:
		return "started";
	case UIOMMU_DEV_FAILED:
		return "failed";
	default:
		return "unused";
	}
}

static int
info_cb(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct uiommu_dev_info info;
	int ret = uiommu_info_get(dev_id_parse(params), &info);

	if (ret != 0)
		return ret;
	rte_tel_data_start_dict(d);
	rte_tel_data_add_dict_string(d, "name", info.name);
	rte_tel_data_add_dict_string(d, "driver", info.driver);
	rte_tel_data_add_dict_string(d, "platform", info.platform);
	rte_tel_data_add_dict_string(d, "state", state_name(info.state));
	rte_tel_data_add_dict_int(d, "socket", info.socket_id);
	uiommu_tel_dict_uint(d, "capa", info.capa);
	uiommu_tel_dict_uint(d, "queues", info.nb_queues);
	uiommu_tel_dict_uint(d, "pasid_bits", info.pasid_bits);
	uiommu_tel_dict_uint(d, "address_bits", info.address_bits);
	uiommu_tel_dict_uint(d, "queue_entries", info.queue_entries);
	uiommu_tel_dict_uint(d, "queue_entries_max", info.queue_entries_max);
	uiommu_tel_dict_uint(d, "endpoints", info.endpoints);
	uiommu_tel_dict_uint(d, "endpoints_max", info.endpoints_max);
	uiommu_tel_dict_uint(d, "domains", info.domains);
	uiommu_tel_dict_uint(d, "attached", info.attached);
	uiommu_tel_dict_uint(d, "parked_max", info.parked_max);
	uiommu_tel_dict_uint(d, "group_max", info.group_max);
	uiommu_tel_dict_uint(d, "deferred_max", info.deferred_max);
	uiommu_tel_dict_uint(d, "fault_queue_slots", info.fault_queue_slots);
	uiommu_tel_dict_uint(d, "burst", info.burst);
	uiommu_tel_dict_uint(d, "table_pages", info.table_pages);
	uiommu_tel_dict_uint(d, "table_pages_used", info.table_pages_used);
	uiommu_tel_dict_uint(d, "frame_pages", info.frame_pages);
	uiommu_tel_dict_uint(d, "frame_pages_used", info.frame_pages_used);
	return 0;
}

static int
stats_cb(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct uiommu_xstat xstats[XSTATS_MAX];
	int i, nb = uiommu_xstats_get(dev_id_parse(params), xstats, XSTATS_MAX);

	if (nb < 0)
		return nb;
	rte_tel_data_start_dict(d);
	for (i = 0; i < RTE_MIN(nb, XSTATS_MAX); i++)
		uiommu_tel_dict_uint(d, xstats[i].name, xstats[i].value);
	return 0;
}

/* The unit that the parameters name, its lock taken. 0 or a negative errno. */
static int
unit_look(const char *params, struct uiommu_unit **unit)
{
	*unit = uiommu_pvt_unit_get(dev_id_parse(params));
	return *unit == NULL ? -ENODEV : uiommu_pvt_lock_to_look(*unit);
}

/* Endpoints with the number of their bonds; at most what a telemetry dictionary can hold. */
static int
endpoints_cb(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct uiommu_unit *unit;
	const struct uiommu_endpoint *endpoint;
	unsigned int nb = 0;
	char name[16];
	int ret;

	ret = unit_look(params, &unit);
	if (ret != 0)
		return ret;
	rte_tel_data_start_dict(d);
	TAILQ_FOREACH(endpoint, &unit->endpoints, next) {
		if (nb++ == RTE_TEL_MAX_DICT_ENTRIES)
			break;
		snprintf(name, sizeof(name), "%04x", endpoint->id);
		uiommu_tel_dict_uint(d, name, endpoint->nb_attached);
	}
	uiommu_pvt_unlock(unit);
	return 0;
}

static struct rte_tel_data *
fault_queue_data(const struct uiommu_fault_queue *fq)
{
	struct rte_tel_data *d = rte_tel_data_alloc();
	struct uiommu_fault_queue_stats stats;

	if (d == NULL)
		return NULL;
	uiommu_fault_queue_stats_get(fq, &stats);
	rte_tel_data_start_dict(d);
	uiommu_tel_dict_uint(d, "depth", stats.depth);
	uiommu_tel_dict_uint(d, "messages", stats.messages);
	uiommu_tel_dict_uint(d, "open", stats.open);
	uiommu_tel_dict_uint(d, "delivered", stats.delivered);
	uiommu_tel_dict_uint(d, "full", stats.full);
	uiommu_tel_dict_uint(d, "read", stats.read);
	uiommu_tel_dict_uint(d, "answered", stats.answered);
	uiommu_tel_dict_uint(d, "revoked", stats.revoked);
	uiommu_tel_dict_uint(d, "stale_answers", stats.stale_answers);
	uiommu_tel_dict_uint(d, "wakeups", stats.wakeups);
	return d;
}

/* One of several, by number. False: there is none, or no room for it. */
static bool
numbered_add(struct rte_tel_data *d, unsigned int number, struct rte_tel_data *one)
{
	char name[16];

	if (one == NULL)
		return false;
	snprintf(name, sizeof(name), "%u", number);
	if (rte_tel_data_add_dict_container(d, name, one, 0) == 0)
		return true;
	rte_tel_data_free(one);
	return false;
}

/* Fault queues, numbered in the order of their creation; at most what a dictionary can hold. */
static int
fault_queues_cb(const char *cmd, const char *params, struct rte_tel_data *d)
{
	struct uiommu_unit *unit;
	const struct uiommu_fault_queue *fq;
	unsigned int number = 0;
	int ret;

	ret = unit_look(params, &unit);
	if (ret != 0)
		return ret;
	rte_tel_data_start_dict(d);
	TAILQ_FOREACH(fq, &unit->fault_queues, next)
		if (!numbered_add(d, number++, fault_queue_data(fq)))
			break;
	uiommu_pvt_unlock(unit);
	return 0;
}

static const struct {
	const char *name;
	size_t offset;
} paging_names[] = {
#define NAMED(member) {#member, offsetof(struct uiommu_paging_stats, member)}
	NAMED(requests),       NAMED(present),      NAMED(merged_same),    NAMED(merged_next),
	NAMED(mapped_pages),   NAMED(around_pages), NAMED(hinted_pages),   NAMED(large_leaves),
	NAMED(zeroed_pages),   NAMED(copied_pages), NAMED(no_region),      NAMED(denied),
	NAMED(no_page),        NAMED(busy),         NAMED(no_table),       NAMED(no_frame),
	NAMED(evicted_pages),  NAMED(written_pages), NAMED(spared_pages),  NAMED(invalidations),
	NAMED(ranges),         NAMED(wide),         NAMED(resident_pages), NAMED(budget_pages),
	NAMED(table_pages),
#undef NAMED
};

_Static_assert(sizeof(paging_names) / sizeof(paging_names[0]) ==
		       sizeof(struct uiommu_paging_stats) / sizeof(uint64_t),
	       "each counter is shown");

static struct rte_tel_data *
paging_data(const struct uiommu_domain *domain)
{
	struct rte_tel_data *d = rte_tel_data_alloc();
	struct uiommu_paging_stats stats;
	size_t i;

	if (d == NULL)
		return NULL;
	uiommu_paging_stats_get(domain, &stats);
	rte_tel_data_start_dict(d);
	for (i = 0; i < RTE_DIM(paging_names); i++)
		uiommu_tel_dict_uint(d, paging_names[i].name,
				     *(const uint64_t *)((const char *)&stats +
							 paging_names[i].offset));
	return d;
}

/* Domains with a table of the library's, numbered in the order of their creation. */
static int
paging_cb(const char *cmd, const char *params, struct rte_tel_data *d)
{
	const struct uiommu_domain *domain;
	struct uiommu_unit *unit;
	unsigned int number = 0;
	int ret;

	ret = unit_look(params, &unit);
	if (ret != 0)
		return ret;
	rte_tel_data_start_dict(d);
	TAILQ_FOREACH(domain, &unit->domains, next)
		if (domain->paging != NULL && !numbered_add(d, number++, paging_data(domain)))
			break;
	uiommu_pvt_unlock(unit);
	return 0;
}

RTE_INIT(uiommu_telemetry_init)
{
	rte_telemetry_register_cmd("/uiommu/list", list_cb, "Ids of all units. No parameters.");
	rte_telemetry_register_cmd("/uiommu/info", info_cb,
				   "What a unit is, and its bounds. Parameter: id.");
	rte_telemetry_register_cmd("/uiommu/stats", stats_cb,
				   "Counters of a unit by name. Parameter: id.");
	rte_telemetry_register_cmd("/uiommu/endpoints", endpoints_cb,
				   "Endpoints of a unit with their bonds. Parameter: id.");
	rte_telemetry_register_cmd("/uiommu/fault_queues", fault_queues_cb,
				   "Fault queues of a unit with their counters. Parameter: id.");
	rte_telemetry_register_cmd("/uiommu/paging", paging_cb,
				   "Page tables and demand paging, by domain. Parameter: id.");
}
