/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <sched.h>
#include <string.h>

#include <rte_errno.h>

#include "eal.h"
#include "unit.h"

/* The unit is a thread: on a crowded machine it may be away for seconds. */
#define TIMEOUT_NS UINT64_C(20000000000)

static void *
model_main(void *arg)
{
	struct bench_unit *u = arg;
	unsigned int idle = 0;

	bench_pin_beside(u->b, u->cpu);
	while (!__atomic_load_n(&u->stop, __ATOMIC_RELAXED)) {
		idle = uiommu_emu_step(u->emu) != 0 ? 0 : idle + 1;
		/* where both share a CPU */
		if (idle % 1024 == 1023)
			sched_yield();
	}
	return NULL;
}

int
unit_model_take(struct bench_unit *u)
{
	if (!u->model_runs)
		return 0;
	__atomic_store_n(&u->stop, true, __ATOMIC_RELAXED);
	u->model_runs = false;
	return -pthread_join(u->model, NULL);
}

static int
model_start(struct bench_unit *u)
{
	int ret;

	__atomic_store_n(&u->stop, false, __ATOMIC_RELAXED);
	ret = -pthread_create(&u->model, NULL, model_main, u);
	u->model_runs = ret == 0;
	return ret;
}

int
unit_raise(const struct bench_unit *u, uint64_t iova, bool writes, uint16_t group)
{
	const struct uiommu_emu_request request = {
		.endpoint_id = UNIT_ENDPOINT, .pasid = UINT32_MAX, .iova = iova,
		.prg_index = group, .read = !writes, .write = writes, .last = true};

	if (uiommu_emu_request(u->emu, &request) == UIOMMU_EMU_QUEUED)
		return 0;
	talk("the unit does not take a request");
	return -EIO;
}

static int
model_open(struct bench_unit *u, const struct unit_conf *conf)
{
	struct uiommu_emu_device_conf device = {.endpoint_id = UNIT_ENDPOINT, .nb_pasids = 1,
						.credits = conf->credits};
	uint32_t pasid = conf->pasid == UIOMMU_NO_PASID ? UINT32_MAX : conf->pasid;
	struct uiommu_dev_info info;
	int ret;

	device.pasids = &pasid;
	uiommu_info_get(u->dev_id, &info);
	u->emu = uiommu_emu_find(info.name);
	ret = u->emu == NULL ? -ENODEV : uiommu_emu_device_add(u->emu, &device);
	return ret != 0 ? ret : model_start(u);
}

static int
dev_open(struct bench_unit *u, const struct unit_conf *conf)
{
	struct uiommu_dev_conf dev = {.size = sizeof(dev), .timeout_ns = TIMEOUT_NS,
				      .table_pages = conf->table_pages};
	int ret;

	ret = uiommu_probe(conf->devargs, &u->dev_id);
	if (ret == 0)
		ret = uiommu_configure(u->dev_id, &dev);
	if (ret == 0 && conf->emulated)
		ret = model_open(u, conf);
	if (ret == 0)
		ret = uiommu_start(u->dev_id);
	u->started = ret == 0;
	return ret;
}

static int
bond_open(struct bench_unit *u, const struct unit_conf *conf)
{
	struct uiommu_domain_conf domain = {.size = sizeof(domain), .type = UIOMMU_DOMAIN_PAGING,
					    .handler = conf->handler,
					    .handler_priv = conf->handler_priv};
	struct uiommu_endpoint_conf endpoint = {.size = sizeof(endpoint)};
	int ret;

	ret = uiommu_queue_claim(u->dev_id, 0);
	if (ret != 0)
		return ret;
	u->claimed = true;
	u->endpoint = uiommu_endpoint_add(u->dev_id, UNIT_ENDPOINT, &endpoint);
	if (u->endpoint == NULL)
		return -rte_errno;
	u->domain = uiommu_domain_alloc(u->dev_id, &domain);
	if (u->domain == NULL || uiommu_attach(u->endpoint, conf->pasid, u->domain, NULL) == NULL)
		return -rte_errno;
	return 0;
}

int
unit_open(struct bench *b, const struct unit_conf *conf, struct bench_unit *u)
{
	int ret = b->eal ? 0 : eal_start(b);

	if (ret != 0)
		return ret;
	u->b = b;
	u->dev_id = -1;
	u->cpu = sched_getcpu();
	ret = dev_open(u, conf);
	if (ret == 0)
		ret = bond_open(u, conf);
	if (ret == 0)
		return 0;
	unit_close(u);
	return ret;
}

void
unit_close(struct bench_unit *u)
{
	/* the unit is asked to forget what it knows */
	if (u->emu != NULL && !u->model_runs)
		(void)model_start(u);
	if (u->endpoint != NULL)
		uiommu_endpoint_remove(u->endpoint);
	if (u->domain != NULL)
		uiommu_domain_free(u->domain);
	if (u->claimed)
		uiommu_queue_release(u->dev_id, 0);
	if (u->started)
		uiommu_stop(u->dev_id);
	unit_model_take(u);
	if (u->dev_id >= 0)
		uiommu_close(u->dev_id);
	memset(u, 0, sizeof(*u));
	u->dev_id = -1;
}
