/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Turns of the engine on a unit that has nothing for it. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "case_idle.h"
#include "mock.h"

#define TABLE_PAGES 64
#define BURST 64

static double
turns(struct bench *b, const struct bench_point *p, const char *devargs,
      int (*open)(struct bench *b, const struct unit_conf *conf, struct bench_unit *u))
{
	const struct unit_conf conf = {.devargs = devargs, .emulated = true,
				       .pasid = UIOMMU_NO_PASID, .table_pages = TABLE_PAGES};
	struct bench_unit u = {.dev_id = -1};
	uint64_t start, end;
	uint32_t busy = 0, i;
	int ret = open(b, &conf, &u);

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
	unit_close(&u);
	if (ret == 0 && busy != 0) {
		talk("%s: %u requests came that nobody made", p->name, busy);
		ret = -EIO;
	}
	return ret != 0 ? ret : (double)(end - start) / p->nb;
}

static double
run_read(struct bench *b, const struct bench_point *p)
{
	return turns(b, p, MOCK_DEVARGS ",ready=read", mock_open);
}

static double
run_uring(struct bench *b, const struct bench_point *p)
{
	return turns(b, p, MOCK_DEVARGS ",ready=uring", mock_open);
}

static double
run_emulated(struct bench *b, const struct bench_point *p)
{
	char devargs[128];

	snprintf(devargs, sizeof(devargs), "%s,platform=emu", b->o.unit);
	return turns(b, p, devargs, unit_open);
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
