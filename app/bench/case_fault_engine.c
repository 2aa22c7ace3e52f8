/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * The same requests as of the plain loop, served by uiommu_poll() with a handler: on the kernel's
 * fault queue, and on an emulated unit.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "case_fault.h"
#include "handle.h"
#include "mock.h"

#define TABLE_PAGES 64
/* Turns without a request before those that are missing are given up. */
#define IDLE_TURNS_MAX 1000

static void
serve_groups(void *priv, struct uiommu_group *groups, uint8_t *codes, uint16_t nb_groups)
{
	struct fault_sums *sums = priv;
	uint64_t start = sums->parts ? bench_now() : 0;
	uint32_t refused = 0;
	uint16_t i;

	for (i = 0; i < nb_groups; i++) {
		const struct uiommu_fault *fault = &groups[i].faults[0];

		codes[i] = (uint8_t)handle_request(fault->iova,
						   (fault->flags & UIOMMU_FAULT_WRITE) != 0);
		refused += codes[i];
	}
	sums->served += nb_groups;
	sums->refused += refused;
	if (sums->parts)
		sums->cost[FAULT_HANDLE] += bench_now() - start;
}

static struct unit_conf
conf_of(const char *devargs, struct fault_sums *sums)
{
	return (struct unit_conf){.devargs = devargs, .emulated = true, .pasid = UIOMMU_NO_PASID,
				  .table_pages = TABLE_PAGES, .handler = serve_groups,
				  .handler_priv = sums};
}

static int
iommufd_open(struct bench *b, struct fault_sums *sums, struct bench_unit *u, int *fd)
{
	const struct unit_conf conf = conf_of(MOCK_DEVARGS, sums);
	int ret = mock_open(b, &conf, u);

	(void)fd;
	return ret != 0 ? ret : unit_model_take(u);
}

static int
emulated_open(struct bench *b, struct fault_sums *sums, struct bench_unit *u, int *fd)
{
	struct unit_conf conf;
	char devargs[128];
	int ret;

	(void)fd;
	snprintf(devargs, sizeof(devargs), "%s,platform=emu", b->o.unit);
	conf = conf_of(devargs, sums);
	ret = unit_open(b, &conf, u);
	if (ret == 0)
		return unit_model_take(u);
	talk("cannot open an emulated unit \"%s\": %s", b->o.unit, strerror(-ret));
	return ret == -ENOTSUP ? -EIO : ret;
}

static int
engine_serve(const struct bench_unit *u, int fd, uint32_t nb, uint32_t burst,
	     struct fault_sums *sums)
{
	uint32_t idle = 0;

	(void)fd;
	while (sums->served < nb && idle < IDLE_TURNS_MAX)
		idle = uiommu_poll(u->dev_id, 0, (uint16_t)burst) != 0 ? 0 : idle + 1;
	return 0;
}

/* Every answer was given: by what the engine counts, and the queue has none left to ask for. */
static int
engine_check(const struct bench_point *p, const struct bench_unit *u, int fd)
{
	struct uiommu_stats stats;
	int ret = uiommu_stats_get(u->dev_id, &stats);

	(void)fd;
	if (ret == 0 && stats.responses == p->nb && uiommu_poll(u->dev_id, 0, FAULT_BURST) == 0)
		return 0;
	talk("%s: not all requests were answered", p->name);
	return ret != 0 ? ret : -EIO;
}

const struct fault_server fault_iommufd = {
	.open = iommufd_open,
	.serve = engine_serve,
	.check = engine_check,
};

const struct fault_server fault_emulated = {
	.open = emulated_open,
	.serve = engine_serve,
	.check = engine_check,
};
