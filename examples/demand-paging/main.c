/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * A device that works on more memory than there is. Its address space is a region of 64 pages, of
 * which 16 may be in memory at a time; the rest is in a store. The device writes all of them, then
 * reads them all. A page that it needs comes with a page request; when room gets short, pages
 * that it has not used for a while go, and those that it has written go back to the store first.
 * The unit is the emulated one; with a real unit, only the devargs and the parts marked
 * "device" would differ.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_debug.h>
#include <rte_eal.h>
#include <rte_errno.h>

#include <uiommu.h>

#include <uiommu_emu.h>

#define ENDPOINT 0x0300 /* requester id 03:00.0 */
#define PASID 7
#define IOVA UINT64_C(0x100000000)
#define PAGE_SIZE 4096
#define PAGES 64  /* that the device uses */
#define FRAMES 16 /* that there are at a time */

/* What is behind the region. */
struct store {
	uint8_t data[PAGES][PAGE_SIZE];
	uint8_t *frames;           /* memory that the device reaches */
	unsigned int free[FRAMES]; /* stack of those that nobody has */
	unsigned int nb_free;
	unsigned int nb_supplied, nb_taken_back, nb_written;
};

static struct store store;

/* On the fault lcore: must not block. A real store would have to be as fast as this one. */
static int
store_get(void *priv, struct uiommu_backing_page *pages, uint32_t nb)
{
	uint32_t i;

	for (i = 0; i < nb && store.nb_free > 0; i++) {
		uint8_t *frame = store.frames + (size_t)store.free[--store.nb_free] * PAGE_SIZE;

		memcpy(frame, store.data[pages[i].offset / PAGE_SIZE], PAGE_SIZE);
		pages[i].pa = (uintptr_t)frame; /* the emulated unit uses our addresses */
		store.nb_supplied++;
	}
	return (int)i;
}

/* No device reaches the pages any more. */
static void
store_put(void *priv, const struct uiommu_backing_page *pages, uint32_t nb)
{
	for (uint32_t i = 0; i < nb; i++) {
		const uint8_t *frame = (const uint8_t *)(uintptr_t)pages[i].pa;

		if (pages[i].dirty != 0) {
			memcpy(store.data[pages[i].offset / PAGE_SIZE], frame, PAGE_SIZE);
			store.nb_written++;
		}
		store.free[store.nb_free++] = (unsigned int)((frame - store.frames) / PAGE_SIZE);
		store.nb_taken_back++;
	}
}

static const struct uiommu_backing_ops store_ops = {.get = store_get, .put = store_put};

/* Before the budget is reached, so that no request has to be asked again. */
static void
make_room(struct uiommu_domain *domain)
{
	struct uiommu_paging_stats stats;

	if (uiommu_paging_stats_get(domain, &stats) == 0 && stats.resident_pages + 2 > FRAMES &&
	    uiommu_domain_evict(domain, FRAMES / 4, NULL) != 0)
		rte_exit(EXIT_FAILURE, "eviction failed\n");
}

/* device: one access to a word of a page; where it cannot, it asks for the page */
static void
access_word(struct uiommu_emu *emu, int16_t dev_id, unsigned int page, bool write, uint32_t *word)
{
	const struct uiommu_emu_request request = {
		.endpoint_id = ENDPOINT,
		.pasid = PASID,
		.iova = IOVA + (uint64_t)page * PAGE_SIZE,
		.read = true,
		.write = write,
		.last = true,
	};
	struct uiommu_emu_verdict verdict;

	while (!uiommu_emu_access(emu, ENDPOINT, PASID, request.iova, write, word, sizeof(*word))) {
		if (uiommu_emu_request(emu, &request) != UIOMMU_EMU_QUEUED)
			rte_exit(EXIT_FAILURE, "page request was not queued\n");
		do {
			uiommu_poll(dev_id, 0, 64);
			uiommu_emu_verdict(emu, false, &verdict);
		} while (verdict.outstanding != 0);
		if (verdict.code_invalid != 0)
			rte_exit(EXIT_FAILURE, "page %u was refused\n", page);
	}
}

static struct uiommu_domain *
open_unit(int16_t *dev_id)
{
	const struct uiommu_dev_conf conf = {.size = sizeof(conf)};
	const struct uiommu_domain_conf space = {.size = sizeof(space),
						 .type = UIOMMU_DOMAIN_PAGING,
						 .flags = UIOMMU_DOMAIN_DEMAND,
						 .budget_pages = FRAMES};
	const struct uiommu_backing backing = {.size = sizeof(backing),
					       .type = UIOMMU_BACKING_CALLBACK,
					       .ops = &store_ops};
	struct uiommu_domain *domain;

	if (uiommu_probe("vtd,platform=emu,name=unit,inline=1", dev_id) != 0 ||
	    uiommu_configure(*dev_id, &conf) != 0 || uiommu_start(*dev_id) != 0 ||
	    uiommu_queue_claim(*dev_id, 0) != 0)
		rte_exit(EXIT_FAILURE, "no unit\n");
	domain = uiommu_domain_alloc(*dev_id, &space);
	if (domain == NULL ||
	    uiommu_region_add(domain, IOVA, (uint64_t)PAGES * PAGE_SIZE, &backing,
			      UIOMMU_PROT_READ | UIOMMU_PROT_WRITE) == NULL ||
	    uiommu_attach(uiommu_endpoint_add(*dev_id, ENDPOINT, NULL), PASID, domain, NULL) ==
		    NULL)
		rte_exit(EXIT_FAILURE, "address space: %s\n", rte_strerror(rte_errno));
	return domain;
}

static struct uiommu_emu *
open_device(void)
{
	const uint32_t pasid = PASID;
	const struct uiommu_emu_device_conf device = {
		.endpoint_id = ENDPOINT, .nb_pasids = 1, .pasids = &pasid};
	struct uiommu_emu *emu = uiommu_emu_find("unit");

	store.frames = aligned_alloc(PAGE_SIZE, (size_t)FRAMES * PAGE_SIZE);
	if (store.frames == NULL || uiommu_emu_device_add(emu, &device) != 0 ||
	    uiommu_emu_memory_add(emu, store.frames, (size_t)FRAMES * PAGE_SIZE) != 0)
		rte_exit(EXIT_FAILURE, "no device, or no memory\n");
	for (store.nb_free = 0; store.nb_free < FRAMES; store.nb_free++)
		store.free[store.nb_free] = store.nb_free;
	return emu;
}

static uint32_t
word_of(unsigned int page)
{
	return (page + 1) * 2654435761u;
}

/* All pages are written, then read, each time in order. Words that were not as written. */
static unsigned int
work(struct uiommu_emu *emu, int16_t dev_id, struct uiommu_domain *domain)
{
	unsigned int wrong = 0;

	for (unsigned int i = 0; i < 2 * PAGES; i++) {
		const bool write = i < PAGES;
		uint32_t word = write ? word_of(i) : 0;

		make_room(domain);
		access_word(emu, dev_id, i % PAGES, write, &word);
		wrong += word != word_of(i % PAGES);
	}
	return wrong;
}

int
main(int argc, char **argv)
{
	struct uiommu_emu_verdict verdict;
	struct uiommu_paging_stats stats;
	struct uiommu_domain *domain;
	struct uiommu_emu *emu;
	unsigned int wrong;
	int16_t dev_id;
	bool clean;

	if (rte_eal_init(argc, argv) < 0)
		rte_exit(EXIT_FAILURE, "EAL: %s\n", rte_strerror(rte_errno));
	domain = open_unit(&dev_id);
	emu = open_device();

	wrong = work(emu, dev_id, domain);

	uiommu_emu_verdict(emu, true, &verdict);
	clean = uiommu_emu_verdict_clean(&verdict) && wrong == 0;
	uiommu_paging_stats_get(domain, &stats);
	printf("%u pages through %u: %lu page requests, %u pages supplied\n", PAGES, FRAMES,
	       (unsigned long)stats.requests, store.nb_supplied);
	printf("%lu pages evicted, %lu of them written back, in %lu batches of invalidations\n",
	       (unsigned long)stats.evicted_pages, (unsigned long)stats.written_pages,
	       (unsigned long)stats.invalidations);

	uiommu_stop(dev_id);
	uiommu_queue_release(dev_id, 0);
	uiommu_close(dev_id); /* what is still there is given back */
	printf("%u pages given back in all, %u words wrong, the device's verdict is %s\n",
	       store.nb_taken_back, wrong, clean ? "clean" : "not clean");
	clean = clean && store.nb_taken_back == store.nb_supplied && store.nb_free == FRAMES;
	free(store.frames);
	rte_eal_cleanup();
	return clean ? EXIT_SUCCESS : EXIT_FAILURE;
}
