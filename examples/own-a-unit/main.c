/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Own a real unit: a device behind it reads and writes memory that the application maps for it,
 * and nothing else. The device is QEMU's edu, which has a DMA engine and cannot ask for pages: what
 * it may not do is reported.
 *
 *      own-a-unit [EAL arguments] -- DEVARGS EDU
 *
 * DEVARGS is the unit, "riscv,platform=vfio,device=0000:00:01.0"; EDU the device, "0000:00:03.0".
 * doc/guides/own-a-unit.md prepares a machine that has both.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_debug.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_memory.h>

#include <uiommu.h>

#include "edu.h"

#define PAGE_SIZE 4096
#define IOVA UINT64_C(0x100000000)
#define WAIT_SECONDS 10
#define REPORT_TURNS 10000 /* of the engine, in which what is to be reported comes */

static const char message[] = "these bytes went through the IOMMU";

/* Reports since the last look, and the first of them. */
static struct {
	unsigned int nb;
	struct uiommu_report first;
} reported;

/* On the thread that polls. */
static void
take_reports(void *priv, int16_t dev_id, const struct uiommu_report *reports, uint16_t nb)
{
	if (reported.nb == 0)
		reported.first = reports[0];
	reported.nb += nb;
}

static const char *
reason_text(uint16_t reason)
{
	switch (reason) {
	case UIOMMU_REPORT_TRANSLATION:
		return "no page there";
	case UIOMMU_REPORT_PERMISSION:
		return "not allowed there";
	case UIOMMU_REPORT_ENDPOINT:
		return "the device may do nothing";
	default:
		return "another reason";
	}
}

/* What one cannot go on without. */
static void
need(const char *what, int ret)
{
	if (ret != 0)
		rte_exit(EXIT_FAILURE, "%s: %s\n", what, rte_strerror(-ret));
}

static int16_t
open_unit(const char *devargs)
{
	const struct uiommu_dev_conf conf = {.size = sizeof(conf), .report = take_reports};
	struct uiommu_dev_info info;
	int16_t dev_id;

	need(devargs, uiommu_probe(devargs, &dev_id));
	need("configure", uiommu_configure(dev_id, &conf));
	need("start", uiommu_start(dev_id));
	need("claim", uiommu_queue_claim(dev_id, 0));
	need("info", uiommu_info_get(dev_id, &info));
	printf("unit %s by %s: addresses of %u bits, PASIDs of %u bits\n", info.name, info.platform,
	       info.address_bits, info.pasid_bits);
	return dev_id;
}

/* The device gets an address space in which there is nothing yet. */
static struct uiommu_domain *
adopt(int16_t dev_id, uint32_t endpoint_id)
{
	const struct uiommu_domain_conf space = {.size = sizeof(space),
						 .type = UIOMMU_DOMAIN_PAGING};
	const struct uiommu_endpoint_conf conf = {
		.size = sizeof(conf),
		.flags = UIOMMU_ENDPOINT_NO_PAGE_REQUESTS | UIOMMU_ENDPOINT_NO_ATS};
	struct uiommu_domain *domain = uiommu_domain_alloc(dev_id, &space);
	struct uiommu_endpoint *endpoint = uiommu_endpoint_add(dev_id, endpoint_id, &conf);

	if (domain == NULL || endpoint == NULL ||
	    uiommu_attach(endpoint, UIOMMU_NO_PASID, domain, NULL) == NULL)
		rte_exit(EXIT_FAILURE, "address space: %s\n", rte_strerror(rte_errno));
	return domain;
}

/* A DMA from its start to its end, and what is reported of it. */
static void
transfer(struct edu *edu, int16_t dev_id, uint64_t iova, size_t len, bool to_memory)
{
	const uint64_t deadline = rte_get_timer_cycles() + WAIT_SECONDS * rte_get_timer_hz();

	reported.nb = 0;
	printf("  the device %s %zu bytes at 0x%" PRIx64 "\n", to_memory ? "writes" : "reads", len,
	       iova);
	edu_dma_start(edu, iova, len, to_memory);
	do {
		uiommu_poll(dev_id, 0, 64);
		if (rte_get_timer_cycles() > deadline)
			rte_exit(EXIT_FAILURE, "the DMA does not end\n");
	} while (!edu_dma_is_over(edu));
	/* reports are looked for now and then only */
	for (unsigned int turn = 0; turn < REPORT_TURNS; turn++)
		uiommu_poll(dev_id, 0, 64);
	if (reported.nb != 0)
		printf("  report: endpoint 0x%x, %s at 0x%" PRIx64 ": %s (the unit's reason %u)\n",
		       reported.first.endpoint_id,
		       (reported.first.flags & UIOMMU_FAULT_WRITE) != 0 ? "write" : "read",
		       reported.first.iova, reason_text(reported.first.reason),
		       reported.first.detail);
}

static bool
is_refused(const struct edu *edu, uint64_t iova, uint16_t reason)
{
	return reported.nb != 0 && reported.first.endpoint_id == edu->endpoint_id &&
	       reported.first.iova == iova && reported.first.reason == reason;
}

static void
check(const char *what, bool good)
{
	printf("%s: %s\n", good ? "ok" : "FAILED", what);
	if (!good)
		rte_exit(EXIT_FAILURE, "%s\n", what);
}

static void
scenes(struct edu *edu, int16_t dev_id, struct uiommu_domain *domain, char *page, uint64_t pa)
{
	memcpy(page, message, sizeof(message));
	transfer(edu, dev_id, IOVA, 4, false);
	check("a read is refused where nothing is mapped",
	      is_refused(edu, IOVA, UIOMMU_REPORT_TRANSLATION));

	need("map", uiommu_domain_map(domain, IOVA, pa, PAGE_SIZE, UIOMMU_PROT_READ));
	/* in this order: what QEMU remembers of a page that was read refuses writes unreported */
	transfer(edu, dev_id, IOVA, 4, true);
	check("the page is mapped for reading, and a write is refused",
	      reported.nb != 0 && reported.first.iova == IOVA && page[0] == message[0]);
	transfer(edu, dev_id, IOVA, sizeof(message), false);
	check("it is read", reported.nb == 0);

	/* the page gets one more right; the unit is told where it remembers that it was missing */
	need("map", uiommu_domain_map(domain, IOVA, pa, PAGE_SIZE,
				      UIOMMU_PROT_READ | UIOMMU_PROT_WRITE));
	memset(page, 0, sizeof(message));
	transfer(edu, dev_id, IOVA, sizeof(message), true);
	check("it is mapped for writing too, and the bytes come back",
	      reported.nb == 0 && memcmp(page, message, sizeof(message)) == 0);

	need("unmap", uiommu_domain_unmap(domain, IOVA, PAGE_SIZE, NULL));
	memset(page, 0, sizeof(message));
	transfer(edu, dev_id, IOVA, 4, true);
	check("the page is unmapped, a write is refused, and nothing was written",
	      is_refused(edu, IOVA, UIOMMU_REPORT_TRANSLATION) && page[0] == '\0');
}

int
main(int argc, char **argv)
{
	struct uiommu_domain *domain;
	int16_t dev_id;
	struct edu edu;
	uint64_t pa;
	char *page;
	int used;

	used = rte_eal_init(argc, argv);
	if (used < 0)
		rte_exit(EXIT_FAILURE, "EAL: %s\n", rte_strerror(rte_errno));
	if (argc - used != 3) {
		fprintf(stderr, "Usage: %s [EAL arguments] -- DEVARGS EDU\n", argv[0]);
		rte_eal_cleanup();
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	page = rte_zmalloc(NULL, PAGE_SIZE, PAGE_SIZE);
	if (page == NULL || edu_open(&edu, argv[used + 2]) != 0)
		rte_exit(EXIT_FAILURE, "no page, or no device\n");
	pa = rte_mem_virt2iova(page);
	dev_id = open_unit(argv[used + 1]);
	domain = adopt(dev_id, edu.endpoint_id);
	printf("device edu at %s\n", argv[used + 2]);

	scenes(&edu, dev_id, domain, page, pa);

	edu_close(&edu); /* before the unit lets go of it */
	uiommu_stop(dev_id);
	uiommu_queue_release(dev_id, 0);
	check("the unit is closed", uiommu_close(dev_id) == 0);
	rte_free(page);
	rte_eal_cleanup();
	return EXIT_SUCCESS;
}
