/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * A domain on an emulated unit: map and unmap with all that makes the unit and a device behind it
 * forget. The model of the unit has a thread of its own, so a wait for it is the way of a word to
 * another core and back.
 */

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>

#include <uiommu_emu.h>

#include "eal.h"
#include "table.h"

#define ENDPOINT 0x0108
#define PASID 1
#define PAGES_MAX 4096
/* Where the unit has no CPU of its own, a wait is as long as a turn of the scheduler. */
#define QUICK_PAGES_MAX 256
#define TABLE_PAGES 256
/* The unit is a thread: on a crowded machine it may be away for seconds. */
#define TIMEOUT_NS UINT64_C(20000000000)
#define PROT (UIOMMU_PROT_READ | UIOMMU_PROT_WRITE)

struct bench_domain {
	const struct bench *b;
	int16_t dev_id;
	bool configured, started, claimed, model_runs;
	struct uiommu_emu *emu;
	struct uiommu_endpoint *endpoint;
	struct uiommu_domain *domain;
	pthread_t model;
	int cpu; /* of the thread that measures */
	bool stop;
};

static void *
model_main(void *arg)
{
	struct bench_domain *d = arg;
	unsigned int idle = 0;

	bench_pin_beside(d->b, d->cpu);
	while (!__atomic_load_n(&d->stop, __ATOMIC_RELAXED)) {
		idle = uiommu_emu_step(d->emu) != 0 ? 0 : idle + 1;
		/* where both share a CPU */
		if (idle % 1024 == 1023)
			sched_yield();
	}
	return NULL;
}

static int
unit_open(struct bench_domain *d)
{
	struct uiommu_dev_conf conf = {.size = sizeof(conf), .timeout_ns = TIMEOUT_NS,
				       .table_pages = TABLE_PAGES};
	const uint32_t pasid = PASID;
	struct uiommu_emu_device_conf device = {.endpoint_id = ENDPOINT, .nb_pasids = 1,
						.pasids = &pasid};
	struct uiommu_dev_info info;
	char devargs[128];
	int ret;

	d->dev_id = -1;
	snprintf(devargs, sizeof(devargs), "%s,platform=emu", d->b->o.unit);
	ret = uiommu_probe(devargs, &d->dev_id);
	if (ret != 0)
		return ret;
	ret = uiommu_configure(d->dev_id, &conf);
	if (ret != 0)
		return ret;
	d->configured = true;
	uiommu_info_get(d->dev_id, &info);
	d->emu = uiommu_emu_find(info.name);
	ret = d->emu == NULL ? -ENODEV : uiommu_emu_device_add(d->emu, &device);
	if (ret != 0)
		return ret;
	ret = -pthread_create(&d->model, NULL, model_main, d);
	d->model_runs = ret == 0;
	return ret;
}

static int
bond_open(struct bench_domain *d)
{
	struct uiommu_domain_conf conf = {.size = sizeof(conf), .type = UIOMMU_DOMAIN_PAGING};
	struct uiommu_endpoint_conf endpoint = {.size = sizeof(endpoint)};
	int ret;

	ret = uiommu_start(d->dev_id);
	if (ret != 0)
		return ret;
	d->started = true;
	ret = uiommu_queue_claim(d->dev_id, 0);
	if (ret != 0)
		return ret;
	d->claimed = true;
	d->endpoint = uiommu_endpoint_add(d->dev_id, ENDPOINT, &endpoint);
	if (d->endpoint == NULL)
		return -rte_errno;
	d->domain = uiommu_domain_alloc(d->dev_id, &conf);
	if (d->domain == NULL || uiommu_attach(d->endpoint, PASID, d->domain, NULL) == NULL)
		return -rte_errno;
	return 0;
}

void
domain_free(struct bench *b)
{
	struct bench_domain *d = b->domain;

	if (d == NULL)
		return;
	if (d->endpoint != NULL)
		uiommu_endpoint_remove(d->endpoint);
	if (d->domain != NULL)
		uiommu_domain_free(d->domain);
	if (d->claimed)
		uiommu_queue_release(d->dev_id, 0);
	if (d->started)
		uiommu_stop(d->dev_id);
	__atomic_store_n(&d->stop, true, __ATOMIC_RELAXED);
	if (d->model_runs)
		pthread_join(d->model, NULL);
	if (d->dev_id >= 0)
		uiommu_close(d->dev_id);
	free(d);
	b->domain = NULL;
}

static struct bench_domain *
domain_of(struct bench *b)
{
	int ret;

	if (b->domain != NULL)
		return b->domain;
	if (!b->eal && eal_start(b) != 0)
		return NULL;
	b->domain = calloc(1, sizeof(*b->domain));
	if (b->domain == NULL)
		return NULL;
	b->domain->b = b;
	b->domain->cpu = sched_getcpu();
	ret = unit_open(b->domain);
	if (ret == 0)
		ret = bond_open(b->domain);
	if (ret == 0)
		return b->domain;
	talk("cannot open an emulated unit \"%s\": %s", b->o.unit, strerror(-ret));
	domain_free(b);
	return NULL;
}

static int
map(struct bench_domain *d, const struct bench_point *p)
{
	int ret = 0;
	uint32_t i;

	for (i = 0; i < p->nb && ret == 0; i += p->call)
		ret = uiommu_domain_map(d->domain, TABLE_IOVA + i * PAGE_SIZE,
					TABLE_PA + i * PAGE_SIZE, p->call * PAGE_SIZE, PROT);
	if (ret != 0)
		talk("domain map: %s", strerror(-ret));
	return ret;
}

static int
unmap(struct bench_domain *d, const struct bench_point *p)
{
	uint64_t unmapped, sum = 0;
	uint32_t i;
	int ret = 0;

	for (i = 0; i < p->nb && ret == 0; i += p->call) {
		ret = uiommu_domain_unmap(d->domain, TABLE_IOVA + i * PAGE_SIZE,
					  p->call * PAGE_SIZE, &unmapped);
		sum += unmapped;
	}
	if (ret == 0 && sum != p->nb * PAGE_SIZE)
		ret = -EIO;
	if (ret != 0)
		talk("domain unmap: %s", strerror(-ret));
	return ret;
}

/* Both are done; one is measured. */
static double
run(struct bench *b, const struct bench_point *p, bool measure_map)
{
	struct bench_domain *d = domain_of(b);
	uint64_t start, mapped, end;
	int ret;

	if (d == NULL)
		return -ENODEV;
	start = bench_now_ns();
	ret = map(d, p);
	mapped = bench_now_ns();
	if (ret == 0)
		ret = unmap(d, p);
	end = bench_now_ns();
	if (ret != 0)
		return ret;
	return (double)(measure_map ? mapped - start : end - mapped) / p->nb;
}

static double
run_map(struct bench *b, const struct bench_point *p)
{
	return run(b, p, true);
}

static double
run_unmap(struct bench *b, const struct bench_point *p)
{
	return run(b, p, false);
}

void
domain_points(struct bench *b)
{
	static const uint32_t calls[] = {1, 16, 256, PAGES_MAX};
	uint32_t most = b->o.quick ? QUICK_PAGES_MAX : PAGES_MAX;
	uint32_t nb = b->o.pages < most ? b->o.pages : most;
	struct bench_point *p;
	size_t i, j;

	for (j = 0; j < 2; j++) {
		for (i = 0; i < sizeof(calls) / sizeof(calls[0]) && calls[i] <= nb; i++) {
			p = points_add(b, CASE_DOMAIN, "page", j == 0 ? run_map : run_unmap);
			if (p == NULL)
				return;
			p->leaf = PAGE_SIZE;
			p->nb = nb / calls[i] * calls[i];
			p->call = calls[i];
			p->threads = 1;
			snprintf(p->name, sizeof(p->name), "domain %s by %u",
				 j == 0 ? "map" : "unmap", calls[i]);
			if (i != 0)
				snprintf(p->against[0], sizeof(p->against[0]), "domain %s by 1",
					 j == 0 ? "map" : "unmap");
		}
	}
}
