/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Turns of the engine on a unit that has nothing for it. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "case_idle.h"
#include "mock.h"
#include "unit.h"

#define TABLE_PAGES 64
#define BURST 64

static double
turns(struct bench *b, const struct bench_point *p, const struct unit_conf *conf)
{
	struct bench_unit u = {.dev_id = -1};
	uint64_t start, end;
	uint32_t busy = 0, i;
	int ret = unit_open(b, conf, &u);

	if (ret != 0)
		return ret;
	ret = unit_model_take(&u);
	/* what is left of the start */
	for (i = 0; i < BURST; i++)
		(void)uiommu_poll(u.dev_id, 0, BURST);
	start = bench_now();
	for (i = 0; i < p->nb; i++)
		busy += uiommu_poll(u.dev_id, 0, BURST);
	end = bench_now();
	if (ret == 0 && conf->emulated)
		ret = unit_model_give(&u);
	unit_close(&u);
	if (ret == 0 && busy != 0) {
		talk("%s: %u requests came that nobody made", p->name, busy);
		ret = -EIO;
	}
	return ret != 0 ? ret : (double)(end - start) / p->nb;
}

static double
turns_iommufd(struct bench *b, const struct bench_point *p, const char *devargs)
{
	struct unit_conf conf = {.devargs = devargs, .pasid = UIOMMU_NO_PASID,
				 .table_pages = TABLE_PAGES};
	int ret = mock_possible(b);

	return ret != 0 ? ret : turns(b, p, &conf);
}

static double
run_read(struct bench *b, const struct bench_point *p)
{
	return turns_iommufd(b, p, MOCK_DEVARGS ",ready=read");
}

static double
run_uring(struct bench *b, const struct bench_point *p)
{
	return turns_iommufd(b, p, MOCK_DEVARGS ",ready=uring");
}

static double
run_emulated(struct bench *b, const struct bench_point *p)
{
	struct unit_conf conf = {.emulated = true, .pasid = UIOMMU_NO_PASID,
				 .table_pages = TABLE_PAGES};
	char devargs[128];

	snprintf(devargs, sizeof(devargs), "%s,platform=emu", b->o.unit);
	conf.devargs = devargs;
	return turns(b, p, &conf);
}

static void
add(struct bench *b, const char *on, bench_run_t run, uint32_t nb)
{
	struct bench_point *p = points_add(b, CASE_IDLE, "turn", run);

	if (p == NULL)
		return;
	p->nb = nb;
	p->call = BURST;
	p->threads = 1;
	snprintf(p->name, sizeof(p->name), "idle engine, %s", on);
}

void
idle_engine_points(struct bench *b, uint32_t nb)
{
	add(b, "iommufd, ready=read", run_read, nb);
	add(b, "iommufd, ready=uring", run_uring, nb);
	add(b, b->o.unit, run_emulated, nb);
}
