/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Count page requests by address space. The unit is an emulated one, and the device behind it
 * asks for a thousand pages of each of four address spaces; with a real unit, only the devargs
 * and the part marked "device" would differ.
 *
 *      count-faults [EAL arguments] [-- DEVARGS]
 *
 * DEVARGS is the unit: "vtd,platform=emu" where nothing else is said, "smmuv3,platform=emu" or
 * "riscv,platform=emu".
 */

#include <stdio.h>
#include <stdlib.h>

#include <rte_debug.h>
#include <rte_eal.h>
#include <rte_errno.h>

#include <uiommu.h>

#include <uiommu_emu.h>

#define ENDPOINT 0x0300 /* requester id 03:00.0 */
#define NB_PASIDS 4
#define PAGES_EACH 1000

/* [README: handler] */
static void
count(void *handler_priv, struct uiommu_group *groups, uint8_t *codes, uint16_t nb_groups)
{
	for (uint16_t i = 0; i < nb_groups; i++) {
		uint64_t *counter = uiommu_attach_priv(groups[i].attach);

		*counter += groups[i].nb_faults; /* here the pages would be mapped */
		codes[i] = UIOMMU_CODE_SUCCESS;
	}
}
/* [README: end] */

/* [README: setup] */
static int16_t
serve(const char *devargs, uint64_t *counters)
{
	const struct uiommu_dev_conf conf = {.size = sizeof(conf)};
	const struct uiommu_domain_conf space = {
		.size = sizeof(space), .type = UIOMMU_DOMAIN_PAGING, .handler = count};
	struct uiommu_endpoint *endpoint;
	struct uiommu_domain *domain;
	int16_t dev_id;

	if (uiommu_probe(devargs, &dev_id) != 0 || uiommu_configure(dev_id, &conf) != 0 ||
	    uiommu_start(dev_id) != 0)
		rte_exit(EXIT_FAILURE, "no unit: %s\n", devargs);
	endpoint = uiommu_endpoint_add(dev_id, ENDPOINT, NULL);
	domain = uiommu_domain_alloc(dev_id, &space);
	for (uint32_t pasid = 1; pasid <= NB_PASIDS; pasid++)
		if (uiommu_attach(endpoint, pasid, domain, &counters[pasid - 1]) == NULL)
			rte_exit(EXIT_FAILURE, "attach: %s\n", rte_strerror(rte_errno));
	return dev_id;
}
/* [README: end] */

/* device: one page request of each address space, then a turn of the engine */
static void
ask(struct uiommu_emu *emu, int16_t dev_id, uint32_t page)
{
	for (uint32_t pasid = 1; pasid <= NB_PASIDS; pasid++) {
		const struct uiommu_emu_request request = {
			.endpoint_id = ENDPOINT,
			.pasid = pasid,
			.iova = (uint64_t)page << 12,
			.prg_index = (uint16_t)pasid,
			.read = true,
			.last = true,
		};

		if (uiommu_emu_request(emu, &request) != UIOMMU_EMU_QUEUED)
			rte_exit(EXIT_FAILURE, "page request was not queued\n");
	}
	while (uiommu_poll(dev_id, 0, UINT16_MAX) != 0)
		;
}

int
main(int argc, char **argv)
{
	const uint32_t pasids[NB_PASIDS] = {1, 2, 3, 4};
	const struct uiommu_emu_device_conf device = {
		.endpoint_id = ENDPOINT, .nb_pasids = NB_PASIDS, .pasids = pasids};
	uint64_t counters[NB_PASIDS] = {0};
	struct uiommu_emu_verdict verdict;
	struct uiommu_emu *emu;
	char devargs[128];
	bool clean;
	int16_t dev_id;
	int own;

	own = rte_eal_init(argc, argv);
	if (own < 0)
		rte_exit(EXIT_FAILURE, "EAL: %s\n", rte_strerror(rte_errno));
	/* the model has no thread of its own here: it takes a step at each access to a register */
	snprintf(devargs, sizeof(devargs), "%s,name=unit,inline=1",
		 own + 1 < argc ? argv[own + 1] : "vtd,platform=emu");
	dev_id = serve(devargs, counters);
	emu = uiommu_emu_find("unit");
	if (uiommu_emu_device_add(emu, &device) != 0 || uiommu_queue_claim(dev_id, 0) != 0)
		rte_exit(EXIT_FAILURE, "no device\n");

	for (uint32_t page = 0; page < PAGES_EACH; page++)
		ask(emu, dev_id, page);

	uiommu_emu_verdict(emu, true, &verdict);
	clean = uiommu_emu_verdict_clean(&verdict);
	for (uint32_t i = 0; i < NB_PASIDS; i++) {
		printf("PASID %u: %lu page requests\n", pasids[i], (unsigned long)counters[i]);
		clean = clean && counters[i] == PAGES_EACH;
	}
	printf("%lu responses, the device's verdict is %s\n", (unsigned long)verdict.responses,
	       clean ? "clean" : "not clean");

	uiommu_stop(dev_id);
	uiommu_queue_release(dev_id, 0);
	uiommu_close(dev_id);
	rte_eal_cleanup();
	return clean ? EXIT_SUCCESS : EXIT_FAILURE;
}
