/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * A device that uses this process's own addresses. Memory is mapped and not touched; the
 * device asks for its pages, by their addresses here; afterwards they are present. The unit
 * is the emulated one; with a real unit, only the devargs and the part marked "device" would
 * differ.
 */

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <rte_debug.h>
#include <rte_eal.h>
#include <rte_errno.h>

#include <uiommu.h>

#include <uiommu_emu.h>

#define ENDPOINT 0x0300 /* requester id 03:00.0 */
#define PAGES 256
#define PAGE_SIZE 4096

static unsigned int
pages_present(void *mem)
{
	unsigned char present[PAGES];
	unsigned int count = 0;

	if (mincore(mem, (size_t)PAGES * PAGE_SIZE, present) != 0)
		return 0;
	for (unsigned int i = 0; i < PAGES; i++)
		count += present[i] & 1;
	return count;
}

/* device: asks to write to each second page, and waits for the answers */
static uint64_t
ask_all(struct uiommu_emu *emu, int16_t dev_id, uint32_t pasid, char *mem)
{
	struct uiommu_emu_verdict verdict;

	for (unsigned int page = 0; page < PAGES; page += 2) {
		const struct uiommu_emu_request request = {
			.endpoint_id = ENDPOINT,
			.pasid = pasid,
			.iova = (uint64_t)(uintptr_t)(mem + (size_t)page * PAGE_SIZE),
			.prg_index = (uint16_t)page,
			.write = true,
			.last = true,
		};

		if (uiommu_emu_request(emu, &request) != UIOMMU_EMU_QUEUED)
			rte_exit(EXIT_FAILURE, "page request was not queued\n");
	}
	do {
		uiommu_poll(dev_id, 0, 64);
		uiommu_emu_verdict(emu, false, &verdict);
	} while (verdict.outstanding != 0);
	return verdict.code_success;
}

static int16_t
open_unit(void)
{
	const struct uiommu_dev_conf conf = {.size = sizeof(conf)};
	int16_t dev_id;

	if (uiommu_probe("vtd,platform=emu,name=unit,inline=1", &dev_id) != 0 ||
	    uiommu_configure(dev_id, &conf) != 0 || uiommu_start(dev_id) != 0 ||
	    uiommu_queue_claim(dev_id, 0) != 0)
		rte_exit(EXIT_FAILURE, "no unit\n");
	return dev_id;
}

int
main(int argc, char **argv)
{
	/* NO_LOCK: the limit for locked memory may be small; see uiommu_mm_info */
	const struct uiommu_mm_conf mm_conf = {.size = sizeof(mm_conf),
					       .kind = UIOMMU_MM_SELF,
					       .flags = UIOMMU_MM_NO_LOCK};
	struct uiommu_emu_device_conf device = {.endpoint_id = ENDPOINT, .nb_pasids = 1};
	unsigned int before, after;
	struct uiommu_mm *mm;
	struct uiommu_sva *sva;
	uint64_t granted;
	uint32_t pasid;
	int16_t dev_id;
	char *mem;

	if (rte_eal_init(argc, argv) < 0)
		rte_exit(EXIT_FAILURE, "EAL: %s\n", rte_strerror(rte_errno));
	mem = mmap(NULL, (size_t)PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED || madvise(mem, (size_t)PAGES * PAGE_SIZE, MADV_NOHUGEPAGE) != 0)
		rte_exit(EXIT_FAILURE, "no memory\n");
	dev_id = open_unit();
	mm = uiommu_mm_create(&mm_conf);
	sva = mm == NULL ? NULL
			 : uiommu_sva_bind(uiommu_endpoint_add(dev_id, ENDPOINT, NULL), mm);
	if (sva == NULL)
		rte_exit(EXIT_FAILURE, "bind: %s\n", rte_strerror(rte_errno));
	pasid = uiommu_sva_pasid(sva); /* the device's driver would tell the device */
	device.pasids = &pasid;
	if (uiommu_emu_device_add(uiommu_emu_find("unit"), &device) != 0)
		rte_exit(EXIT_FAILURE, "no device\n");

	before = pages_present(mem);
	granted = ask_all(uiommu_emu_find("unit"), dev_id, pasid, mem);
	after = pages_present(mem);
	printf("%u of %u pages present before, %u after; %lu requests granted\n", before, PAGES,
	       after, (unsigned long)granted);

	uiommu_sva_unbind(sva);
	uiommu_mm_destroy(mm);
	uiommu_stop(dev_id);
	uiommu_queue_release(dev_id, 0);
	uiommu_close(dev_id);
	rte_eal_cleanup();
	return before == 0 && after == PAGES / 2 && granted == PAGES / 2 ? EXIT_SUCCESS
									 : EXIT_FAILURE;
}
