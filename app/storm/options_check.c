/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* What fits together, and defaults that depend on other options. */

#include <errno.h>

#include <rte_common.h>

#include "options.h"
#include "talk.h"

#define ENDPOINTS_DEFAULT 16U
#define PASIDS_DEFAULT 64U
#define FAULT_QUEUES_DEFAULT 64U
#define BUDGET_DOMAINS 4U
/* 64 MiB of this process's memory */
#define SVA_WINDOW_PAGES 16384

static int
check_devices(struct storm_options *o)
{
	uint32_t pasids = o->pasids == 0 ? PASIDS_DEFAULT : o->pasids;

	if (o->endpoints == 0)
		o->endpoints = RTE_MIN(ENDPOINTS_DEFAULT, pasids);
	else if (o->pasids == 0)
		pasids = RTE_MAX(o->endpoints, pasids);
	o->pasids = pasids;
	if (o->pasids < o->endpoints) {
		talk("--pasids %u: fewer than the %u endpoints, which have at least one each",
		     o->pasids, o->endpoints);
		return -EINVAL;
	}
	if ((o->pasids + o->endpoints - 1) / o->endpoints > UIOMMU_EMU_PASIDS_MAX) {
		talk("--pasids %u: more than %u for an endpoint", o->pasids,
		     UIOMMU_EMU_PASIDS_MAX);
		return -EINVAL;
	}
	return 0;
}

/* What the devices send that a kind of them cannot. */
static int
check_source(const struct storm_options *o)
{
	if (o->source == STORM_SOURCE_STALL && o->traffic.overflow) {
		talk("--overflow: not with --source stall: stalled accesses wait in the unit while "
		     "its queue is full, and nothing overflows");
		return -EINVAL;
	}
	if (o->source == STORM_SOURCE_STALL && o->traffic.group_pages_max != 1) {
		talk("--group-pages: not with --source stall: each stalled access is a group by "
		     "itself");
		return -EINVAL;
	}
	if (o->source == STORM_SOURCE_BOTH && o->endpoints < 2) {
		talk("--source both: at least two endpoints, one of each kind");
		return -EINVAL;
	}
	if (o->storm_limit != 0 && (o->source == STORM_SOURCE_PRI || o->iommu != NULL)) {
		talk("--storm-limit goes with --unit and with --source stall or both");
		return -EINVAL;
	}
	return 0;
}

/* The PASID is that of the address space: the process has one, whoever uses it. */
static int
check_sva(struct storm_options *o)
{
	if (o->pasids > 1) {
		talk("--pasids %u: with --handler sva there is one, that of this process",
		     o->pasids);
		return -EINVAL;
	}
	if (o->domains != 0 || o->fault_queues != 0 || o->depth != 0 || o->sleep) {
		talk("--handler sva: --domains, --fault-queues, --depth and --sleep are the "
		     "library's own matter");
		return -EINVAL;
	}
	if (o->consumers == 0) {
		talk("--consumers 0: with --handler sva the library's threads resolve, 1 or more");
		return -EINVAL;
	}
	if (o->traffic.judge != UIOMMU_EMU_JUDGE_FULL || o->preload || o->stuck) {
		talk("--handler sva does not go with --judge light, --preload or --stuck");
		return -EINVAL;
	}
	if (o->endpoints == 0)
		o->endpoints = ENDPOINTS_DEFAULT;
	if (o->churn != 0 && o->endpoints < 2) {
		talk("--churn with --handler sva: the last endpoint takes the PASID away, two are "
		     "needed");
		return -EINVAL;
	}
	if ((o->churn_modes & STORM_CHURN_REPLACE) != 0) {
		talk("--churn-mode replace: not with --handler sva");
		return -EINVAL;
	}
	o->pasids = o->endpoints;
	o->domains = 1;
	if (o->consumers == OPTION_NOT_GIVEN)
		o->consumers = 1;
	if (o->traffic.window_pages == 0)
		o->traffic.window_pages = SVA_WINDOW_PAGES;
	return 0;
}

/* Consumers, domains and the queues between them. */
static int
check_delivery(struct storm_options *o)
{
	bool delivers = o->handler == STORM_HANDLER_DELIVER;

	if (!delivers && o->fault_queues != 0) {
		talk("--fault-queues goes with --handler deliver");
		return -EINVAL;
	}
	if (!delivers && !o->stuck &&
	    (o->consumers != OPTION_NOT_GIVEN || o->depth != 0 || o->sleep)) {
		talk("--consumers, --depth and --sleep go with --handler deliver or --stuck");
		return -EINVAL;
	}
	if (o->consumers == OPTION_NOT_GIVEN)
		o->consumers = delivers && !o->stuck ? 1 : 0;
	if (!delivers && o->consumers > 1) {
		talk("--consumers %u: one fault queue, the stuck one, has one consumer at most",
		     o->consumers);
		return -EINVAL;
	}
	if (o->sleep && o->consumers == 0) {
		talk("--sleep: without consumers the fault lcore answers, which does not sleep");
		return -EINVAL;
	}
	if (o->domains == 0) {
		o->domains = delivers ? RTE_MAX(o->consumers, 1U) : 1;
		/* address spaces of their own; of a budget each wants a part */
		if (o->handler == STORM_HANDLER_MAP)
			o->domains = o->map.budget_pages != 0 ? BUDGET_DOMAINS : STORM_DOMAINS_MAX;
		if ((o->churn_modes & STORM_CHURN_REPLACE) != 0)
			o->domains = RTE_MAX(o->domains, 2U);
		o->domains = RTE_MIN(o->domains, o->pasids);
	}
	if (o->domains > o->pasids) {
		talk("--domains %u: more than the %u PASIDs", o->domains, o->pasids);
		return -EINVAL;
	}
	if (o->fault_queues > o->domains) {
		talk("--fault-queues %u: more than the %u domains", o->fault_queues, o->domains);
		return -EINVAL;
	}
	if (delivers && o->fault_queues == 0)
		o->fault_queues = RTE_MIN(o->domains, FAULT_QUEUES_DEFAULT);
	return 0;
}

static bool
power_of_two(uint32_t n)
{
	return (n & (n - 1)) == 0;
}

static int
check_depth(const struct storm_options *o)
{
	if (!power_of_two(o->depth)) {
		talk("--depth %u: not a power of two", o->depth);
		return -EINVAL;
	}
	if ((o->fault_queues + o->stuck) * (uint64_t)o->depth > STORM_SLOTS_MAX) {
		talk("--depth %u: %u fault queues of it are more than %u groups in all", o->depth,
		     o->fault_queues + o->stuck, STORM_SLOTS_MAX);
		return -EINVAL;
	}
	return 0;
}

static int
check_stuck(const struct storm_options *o)
{
	if (!o->stuck)
		return 0;
	if (o->churn != 0 || o->preload || o->traffic.overflow) {
		talk("--stuck does not go with --churn, --preload or --overflow");
		return -EINVAL;
	}
	if (o->endpoints < 2) {
		talk("--stuck: at least two endpoints, one of them has the stuck consumer");
		return -EINVAL;
	}
	return 0;
}

static int
check_churn(struct storm_options *o)
{
	if (o->churn_modes != 0 && o->churn == 0) {
		talk("--churn-mode: how often? It goes with --churn");
		return -EINVAL;
	}
	if (o->churn_modes == 0)
		o->churn_modes = STORM_CHURN_DETACH | STORM_CHURN_REMOVE;
	return 0;
}

uint32_t
options_pasids(const struct storm_options *o)
{
	return o->handler == STORM_HANDLER_SVA ? 1 : o->pasids;
}

int
options_complete(struct storm_options *o)
{
	int ret = check_churn(o);

	if (ret == 0)
		ret = o->handler == STORM_HANDLER_SVA ? check_sva(o) : check_devices(o);
	if (ret == 0)
		ret = check_source(o);
	if (ret == 0 && o->handler != STORM_HANDLER_SVA)
		ret = check_delivery(o);
	if (ret == 0)
		ret = options_map_complete(o);
	if (ret == 0)
		ret = check_depth(o);
	if (ret == 0)
		ret = check_stuck(o);
	if (ret < 0)
		return ret;
	if (!power_of_two(o->queue_entries)) {
		talk("--queue-entries %u: not a power of two", o->queue_entries);
		return -EINVAL;
	}
	if (o->preload && (o->churn != 0 || o->traffic.overflow || o->traffic.rate != 0 ||
			   o->handler == STORM_HANDLER_DELIVER)) {
		talk("--preload does not go with --churn, --overflow, --rate or --handler "
		     "deliver");
		return -EINVAL;
	}
	if (o->cpu_fault >= 0 && o->cpu_fault == o->cpu_model) {
		talk("--cores %d,%d: two different CPUs are needed", o->cpu_fault, o->cpu_model);
		return -EINVAL;
	}
	return 0;
}
