/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef BENCH_UNIT_H
#define BENCH_UNIT_H

/*
 * A unit with one endpoint and one domain, owned by the thread that opens it. An emulated one has
 * a thread that runs its model.
 */

#include <pthread.h>

#include <uiommu_emu.h>

#include "bench.h"

struct unit_conf {
	const char *devargs;
	bool emulated;
	uint32_t pasid; /* or UIOMMU_NO_PASID */
	uint32_t credits; /* emulated: requests of the device at a time; 0: some */
	uint32_t table_pages;
	uiommu_fault_handler_t handler; /* NULL: the domain takes no faults */
	void *handler_priv;
};

struct bench_unit {
	const struct bench *b;
	int16_t dev_id;
	bool started, claimed, model_runs;
	struct uiommu_emu *emu; /* NULL: not emulated */
	struct uiommu_endpoint *endpoint;
	struct uiommu_domain *domain;
	pthread_t model;
	int cpu; /* of the thread that measures */
	bool stop;
};

#define UNIT_ENDPOINT 0x0108

/* One request of the device, a group by itself. 0; else tells, and returns -errno. */
int
unit_raise(const struct bench_unit *u, uint64_t iova, bool writes, uint16_t group);

/*
 * Starts the EAL where it does not run.
 *
 * @param u zeroed
 * @return 0; or -errno, and nothing is open. -ENODEV and -ENOTSUP: the machine or the program has
 *   no such unit
 */
int
unit_open(struct bench *b, const struct unit_conf *conf, struct bench_unit *u);

/* The calling thread is the one that opened it. */
void
unit_close(struct bench_unit *u);

/* Emulated: the caller runs the model himself from now on, until unit_close(). 0 or -errno */
int
unit_model_take(struct bench_unit *u);

#endif /* BENCH_UNIT_H */
