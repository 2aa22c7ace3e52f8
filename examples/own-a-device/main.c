/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Own a device on a host whose kernel owns the IOMMU: through iommufd. The device reads and writes
 * memory of this process that the application maps for it, and nothing else. It is QEMU's edu,
 * which has a DMA engine and cannot ask for pages; one that can is added without the flag, and its
 * domains may have handlers, fault queues, or be paged on demand, as on any other unit.
 *
 *      own-a-device [EAL arguments] -- DEVARGS EDU [--page-requests]
 *
 * DEVARGS is the unit, "iommufd,platform=cdev"; EDU the device, "0000:00:03.0", bound to vfio-pci.
 * With --page-requests it is added as one that can ask for pages, to see how that is refused.
 * doc/guides/iommufd.md prepares a machine.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <rte_debug.h>
#include <rte_eal.h>
#include <rte_errno.h>

#include <uiommu.h>
#include <uiommu_iommufd.h>

#include "device.h"

#define PAGE_SIZE 4096
#define IOVA UINT64_C(0x100000000)

static const char message[] = "these bytes went through the kernel's IOMMU";

/* What one cannot go on without. */
static void
need(const char *what, int ret)
{
	if (ret != 0)
		rte_exit(EXIT_FAILURE, "%s: %s\n", what, rte_strerror(-ret));
}

static void
check(const char *what, bool good)
{
	printf("%s: %s\n", good ? "ok" : "FAILED", what);
	if (!good)
		rte_exit(EXIT_FAILURE, "%s\n", what);
}

/* Segment, bus, device and function, as an endpoint id has them. */
static uint32_t
endpoint_id(const char *address)
{
	unsigned int segment, bus, device, function;
	int end = 0;

	if (sscanf(address, "%4x:%2x:%2x.%1x%n", &segment, &bus, &device, &function, &end) != 4 ||
	    address[end] != '\0' || segment > 255 || device > 31 || function > 7)
		rte_exit(EXIT_FAILURE, "%s is no address of a PCI function\n", address);
	return segment << 16 | bus << 8 | device << 3 | function;
}

static int16_t
open_unit(const char *devargs)
{
	const struct uiommu_dev_conf conf = {.size = sizeof(conf)};
	struct uiommu_dev_info info;
	int16_t dev_id;

	need(devargs, uiommu_probe(devargs, &dev_id));
	need("configure", uiommu_configure(dev_id, &conf));
	need("start", uiommu_start(dev_id));
	need("info", uiommu_info_get(dev_id, &info));
	printf("unit %s by %s\n", info.name, info.platform);
	return dev_id;
}

/* An address space in which one page of this process is. */
static struct uiommu_domain *
space_with(int16_t dev_id, char *page, uint32_t prot)
{
	const struct uiommu_domain_conf conf = {.size = sizeof(conf),
						.type = UIOMMU_DOMAIN_PAGING};
	struct uiommu_domain *domain = uiommu_domain_alloc(dev_id, &conf);

	if (domain == NULL)
		rte_exit(EXIT_FAILURE, "address space: %s\n", rte_strerror(rte_errno));
	need("map", uiommu_domain_map(domain, IOVA, (uintptr_t)page, PAGE_SIZE, prot));
	return domain;
}

static bool
has_message(const char *page)
{
	return memcmp(page, message, sizeof(message)) == 0;
}

static void
scenes(struct device *device, struct uiommu_endpoint *endpoint, int16_t dev_id, char *page,
       char *other)
{
	const uint32_t both = UIOMMU_PROT_READ | UIOMMU_PROT_WRITE;
	struct uiommu_domain *first = space_with(dev_id, page, both);
	struct uiommu_domain *second = space_with(dev_id, other, both);
	struct uiommu_attach *attach;

	attach = uiommu_attach(endpoint, UIOMMU_NO_PASID, first, NULL);
	need("attach", attach != NULL ? 0 : -rte_errno);
	memcpy(page, message, sizeof(message));
	check("the device reads the page",
	      device_dma(device, IOVA, sizeof(message), false));
	memset(page, 0, PAGE_SIZE);
	check("and writes it back",
	      device_dma(device, IOVA, sizeof(message), true) && has_message(page));

	attach = uiommu_replace(attach, second, NULL);
	need("replace", attach != NULL ? 0 : -rte_errno);
	memset(page, 0, PAGE_SIZE);
	check("another address space: the same address is another page",
	      device_dma(device, IOVA, sizeof(message), true) && has_message(other) &&
		      page[0] == '\0');

	need("protect", uiommu_domain_protect(second, IOVA, PAGE_SIZE, UIOMMU_PROT_READ));
	memset(other, 0, PAGE_SIZE);
	check("the page may be read only, and is not written",
	      device_dma(device, IOVA, sizeof(message), true) && other[0] == '\0');

	need("unmap", uiommu_domain_unmap(second, IOVA, PAGE_SIZE, NULL));
	check("it is unmapped, and is not written",
	      device_dma(device, IOVA, sizeof(message), true) && other[0] == '\0');

	need("detach", uiommu_detach(attach));
	check("nothing is attached, and nothing is written",
	      device_dma(device, IOVA, sizeof(message), true) && page[0] == '\0' &&
		      other[0] == '\0');
}

int
main(int argc, char **argv)
{
	struct uiommu_endpoint_conf conf = {.size = sizeof(conf)};
	struct uiommu_endpoint *endpoint;
	bool asks;
	struct device device;
	int16_t dev_id;
	uint32_t id;
	char *pages;
	int used;

	used = rte_eal_init(argc, argv);
	if (used < 0)
		rte_exit(EXIT_FAILURE, "EAL: %s\n", rte_strerror(rte_errno));
	asks = argc - used == 4 && strcmp(argv[used + 3], "--page-requests") == 0;
	if (argc - used != 3 && !asks) {
		fprintf(stderr, "Usage: %s [EAL arguments] -- DEVARGS EDU [--page-requests]\n",
			argv[0]);
		rte_eal_cleanup();
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	/* any memory of this process will do */
	pages = mmap(NULL, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		     0);
	need("pages", pages != MAP_FAILED ? 0 : -ENOMEM);
	id = endpoint_id(argv[used + 2]);
	dev_id = open_unit(argv[used + 1]);
	if (!asks)
		conf.flags = UIOMMU_ENDPOINT_NO_PAGE_REQUESTS | UIOMMU_ENDPOINT_NO_ATS;
	endpoint = uiommu_endpoint_add(dev_id, id, &conf);
	need("device", endpoint != NULL ? 0 : -rte_errno);
	need("registers", device_open(&device, uiommu_iommufd_device_fd(dev_id, id)));

	scenes(&device, endpoint, dev_id, pages, pages + PAGE_SIZE);

	device_close(&device); /* before the unit lets go of it */
	uiommu_stop(dev_id);
	check("the unit is closed", uiommu_close(dev_id) == 0);
	munmap(pages, 2 * PAGE_SIZE);
	rte_eal_cleanup();
	return EXIT_SUCCESS;
}
