/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* R3: pages of the unit's own, for what devices write: zeroes, and copies. */

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "paging.h"

static void
write_byte(struct paging *p, uint64_t iova, uint8_t byte)
{
	CHECK(uiommu_emu_access(p->rig->emu, EP, rig_pasid_to_emu(p->pasid), iova, true, &byte, 1));
}

static uint8_t
read_byte(struct paging *p, uint64_t iova)
{
	uint8_t byte = 0xee;

	CHECK(uiommu_emu_access(p->rig->emu, EP, rig_pasid_to_emu(p->pasid), iova, false, &byte,
				1));
	return byte;
}

/* Memory of this process, by the address that a device is given. */
static volatile uint8_t *
page_va(uint64_t pa)
{
	return (volatile uint8_t *)(uintptr_t)pa;
}

static uint32_t
frames_used(const struct paging *p)
{
	struct uiommu_dev_info info;

	CHECK_EQ(uiommu_info_get(p->rig->dev, &info), 0);
	return info.frame_pages_used;
}

static void
zeroes(bool second)
{
	const struct paging_conf conf = {.second = second, .rig = {.dev = {.frame_pages = 16}}};
	struct uiommu_region *region;
	struct paging p;
	uint64_t first;
	unsigned int i, used;

	paging_needs_exchange();
	paging_open(&p, &conf);
	used = frames_used(&p); /* for zeroes, it may be */
	region = paging_anon(&p, IOVA, 64 * PAGE, ALL);
	CHECK_EQ(paging_ask(&p, IOVA, false), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(paging_ask(&p, IOVA + PAGE, false), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(read_byte(&p, IOVA + 17), 0);
	CHECK_EQ(read_byte(&p, IOVA + 2 * PAGE - 1), 0);
	CHECK_EQ(paging_reach(&p, IOVA, true), UIOMMU_PA_NONE);
	CHECK_EQ(paging_stats(&p).zeroed_pages, 0);
	/* the first write: a page of its own, and what was read before leads there now */
	CHECK_EQ(paging_ask(&p, IOVA, true), UIOMMU_CODE_SUCCESS);
	first = paging_reach(&p, IOVA, true);
	CHECK(first != UIOMMU_PA_NONE);
	CHECK_EQ(paging_reach(&p, IOVA, false), first);
	CHECK(paging_reach(&p, IOVA + PAGE, false) != first);
	for (i = 0; i < PAGE; i += 511)
		CHECK_EQ(read_byte(&p, IOVA + i), 0);
	write_byte(&p, IOVA + 17, 0x5a);
	CHECK_EQ(read_byte(&p, IOVA + 17), 0x5a);
	CHECK_EQ(read_byte(&p, IOVA + PAGE + 17), 0);
	/* a write without a read before */
	CHECK_EQ(paging_ask(&p, IOVA + 9 * PAGE, true), UIOMMU_CODE_SUCCESS);
	CHECK(paging_reach(&p, IOVA + 9 * PAGE, true) != first);
	CHECK_EQ(read_byte(&p, IOVA + 9 * PAGE + 17), 0);
	CHECK_EQ(paging_stats(&p).zeroed_pages, 2);
	CHECK_EQ(frames_used(&p), used + 2);
	/* the region goes and comes back: it is all zeroes, in whatever pages */
	CHECK_EQ(uiommu_region_remove(region), 0);
	CHECK_EQ(frames_used(&p), used);
	paging_anon(&p, IOVA, 64 * PAGE, ALL);
	for (i = 0; i < 8; i++) {
		CHECK_EQ(paging_ask(&p, IOVA + i * PAGE, true), UIOMMU_CODE_SUCCESS);
		CHECK_EQ(read_byte(&p, IOVA + i * PAGE + 17), 0);
	}
	paging_close(&p);
}
BOTH_STAGES(zeroes);

/* Whichever page a read leads to: it is all zeroes, and what is written to it stays. */
static void
zeroes_to_write(bool second)
{
	const struct paging_conf conf = {.second = second, .rig = {.dev = {.frame_pages = 16}}};
	struct uiommu_region *region;
	struct paging p;
	unsigned int round, i, used;

	paging_open(&p, &conf);
	used = frames_used(&p);
	for (round = 0; round < 3; round++) {
		region = paging_anon(&p, IOVA, 8 * PAGE, ALL);
		for (i = 0; i < 8; i++) {
			uint64_t iova = IOVA + i * PAGE;

			CHECK_EQ(paging_ask(&p, iova, i % 2 != 0), UIOMMU_CODE_SUCCESS);
			CHECK_EQ(read_byte(&p, iova + 100 * i), 0);
			CHECK_EQ(paging_ask(&p, iova, true), UIOMMU_CODE_SUCCESS);
			CHECK_EQ(read_byte(&p, iova + 100 * i), 0);
			write_byte(&p, iova + 100 * i, (uint8_t)(0x10 + i));
		}
		for (i = 0; i < 8; i++)
			CHECK_EQ(read_byte(&p, IOVA + i * PAGE + 100 * i), 0x10 + i);
		CHECK_EQ(frames_used(&p), used + 8);
		CHECK_EQ(uiommu_region_remove(region), 0);
		CHECK_EQ(frames_used(&p), used);
	}
	paging_close(&p);
}
BOTH_STAGES(zeroes_to_write);

/* Reads see the backing, the first write of a page copies it, and the backing is never written. */
static void
copy_on_write(bool second)
{
	const struct paging_conf conf = {.second = second, .rig = {.dev = {.frame_pages = 16}}};
	struct uiommu_region *region;
	struct paging p;
	uint64_t copy;
	unsigned int used;

	paging_needs_exchange();
	paging_open(&p, &conf);
	used = frames_used(&p);
	memset(p.memory, 0x11, 4 * PAGE);
	region = paging_region(&p, IOVA, p.memory, 4 * PAGE, ALL, UIOMMU_REGION_COW);
	CHECK_EQ(paging_ask(&p, IOVA, false), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(paging_reach(&p, IOVA, false), paging_pa(p.memory));
	CHECK_EQ(paging_reach(&p, IOVA, true), UIOMMU_PA_NONE);
	p.memory[40] = 0x22;
	CHECK_EQ(read_byte(&p, IOVA + 40), 0x22);
	CHECK_EQ(paging_ask(&p, IOVA, true), UIOMMU_CODE_SUCCESS);
	copy = paging_reach(&p, IOVA, true);
	CHECK(copy != UIOMMU_PA_NONE && copy != paging_pa(p.memory));
	CHECK_EQ(paging_reach(&p, IOVA, false), copy);
	CHECK_EQ(read_byte(&p, IOVA + 40), 0x22);
	CHECK_EQ(read_byte(&p, IOVA + PAGE - 1), 0x11);
	write_byte(&p, IOVA + 40, 0x33);
	CHECK_EQ(read_byte(&p, IOVA + 40), 0x33);
	CHECK_EQ(p.memory[40], 0x22);
	/* at once, without a read */
	CHECK_EQ(paging_ask(&p, IOVA + 2 * PAGE, true), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(read_byte(&p, IOVA + 2 * PAGE + 5), 0x11);
	write_byte(&p, IOVA + 2 * PAGE + 5, 0x44);
	CHECK_EQ(p.memory[2 * PAGE + 5], 0x11);
	CHECK_EQ(paging_stats(&p).copied_pages, 2);
	CHECK_EQ(frames_used(&p), used + 2);
	/* what is unmapped is given back, and the backing is seen again */
	CHECK_EQ(uiommu_domain_unmap(p.domain, IOVA, PAGE, NULL), 0);
	CHECK_EQ(frames_used(&p), used + 1);
	CHECK_EQ(paging_ask(&p, IOVA, false), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(read_byte(&p, IOVA + 40), 0x22);
	CHECK_EQ(uiommu_region_remove(region), 0);
	CHECK_EQ(frames_used(&p), used);
	paging_close(&p);
}
BOTH_STAGES(copy_on_write);

/* Around the fault the backing is mapped for reading, and what was copied already stays. */
static void
copy_and_around(bool second)
{
	const struct paging_conf conf = {
		.second = second, .around = 8, .rig = {.dev = {.frame_pages = 16}},
	};
	struct paging p;
	uint64_t copy;
	unsigned int i;

	paging_needs_exchange();
	paging_open(&p, &conf);
	paging_region(&p, IOVA, p.memory, 16 * PAGE, ALL, UIOMMU_REGION_COW);
	CHECK_EQ(paging_ask(&p, IOVA + 3 * PAGE, true), UIOMMU_CODE_SUCCESS);
	copy = paging_reach(&p, IOVA + 3 * PAGE, true);
	CHECK(copy != UIOMMU_PA_NONE && copy != paging_pa(p.memory) + 3 * PAGE);
	CHECK_EQ(paging_stats(&p).copied_pages, 1);
	CHECK_EQ(paging_ask(&p, IOVA + 4 * PAGE, false), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(paging_reach(&p, IOVA + 3 * PAGE, true), copy);
	for (i = 0; i < 8; i++) {
		if (i == 3)
			continue;
		CHECK_EQ(paging_reach(&p, IOVA + i * PAGE, false), paging_pa(p.memory) + i * PAGE);
		CHECK_EQ(paging_reach(&p, IOVA + i * PAGE, true), UIOMMU_PA_NONE);
	}
	paging_close(&p);
}
BOTH_STAGES(copy_and_around);

/* Two domains over one backing, copied for each on its own. */
static void
two_domains(bool second)
{
	const struct paging_conf conf = {.second = second, .rig = {.dev = {.frame_pages = 16}}};
	struct paging p, other;

	paging_needs_exchange();
	paging_open(&p, &conf);
	other = p;
	other.domain = paging_domain(p.rig, &conf);
	other.pasid = 8;
	rig_attach(p.endpoint, 8, other.domain, NULL);
	memset(p.memory, 0x11, PAGE);
	paging_region(&p, IOVA, p.memory, 4 * PAGE, ALL, UIOMMU_REGION_COW);
	paging_region(&other, IOVA + LARGE, p.memory, 4 * PAGE, ALL, UIOMMU_REGION_COW);
	CHECK_EQ(paging_ask(&p, IOVA, true), UIOMMU_CODE_SUCCESS);
	other.index = p.index;
	CHECK_EQ(paging_ask(&other, IOVA + LARGE, false), UIOMMU_CODE_SUCCESS);
	write_byte(&p, IOVA, 0x22);
	CHECK_EQ(read_byte(&other, IOVA + LARGE), 0x11);
	CHECK_EQ(paging_ask(&other, IOVA + LARGE, true), UIOMMU_CODE_SUCCESS);
	write_byte(&other, IOVA + LARGE, 0x33);
	CHECK_EQ(read_byte(&p, IOVA), 0x22);
	CHECK_EQ(read_byte(&other, IOVA + LARGE), 0x33);
	CHECK_EQ(p.memory[0], 0x11);
	paging_close(&p);
}
BOTH_STAGES(two_domains);

/* The same page of the file in the other region, until it is written there. */
static void
file_copied(struct paging *p, struct uiommu_region *copied)
{
	CHECK_EQ(paging_ask(p, IOVA + LARGE, false), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(page_va(paging_reach(p, IOVA + LARGE, false))[5], 0x78);
	CHECK_EQ(paging_reach(p, IOVA + LARGE, true), UIOMMU_PA_NONE);
	CHECK_EQ(paging_ask(p, IOVA + LARGE, true), UIOMMU_CODE_SUCCESS);
	CHECK_EQ(paging_stats(p).copied_pages, 1);
	CHECK_EQ(read_byte(p, IOVA + LARGE + 5), 0x78);
	write_byte(p, IOVA + LARGE + 5, 0x79);
	CHECK_EQ(uiommu_region_remove(copied), 0);
}

/* A file of memory: read, written through, and left alone where pages are copied. */
static void
file(bool second)
{
	const struct paging_conf conf = {.second = second, .rig = {.dev = {.frame_pages = 16}}};
	struct uiommu_backing backing = {.size = sizeof(backing), .type = UIOMMU_BACKING_FILE};
	struct uiommu_region *shared, *copied;
	uint8_t byte = 0x77;
	struct paging p;
	uint64_t pa;

	paging_open(&p, &conf);
	backing.fd = memfd_create("conformance", MFD_CLOEXEC);
	CHECK(backing.fd >= 0 && ftruncate(backing.fd, 8 * PAGE) == 0);
	CHECK_EQ(pwrite(backing.fd, &byte, 1, 2 * PAGE + 5), 1);
	shared = uiommu_region_add(p.domain, IOVA, 8 * PAGE, &backing, ALL);
	CHECK(shared != NULL);
	backing.offset = 2 * PAGE;
	backing.flags = UIOMMU_REGION_COW;
	copied = uiommu_region_add(p.domain, IOVA + LARGE, 4 * PAGE, &backing, ALL);
	CHECK_EQ(copied != NULL, harness_unit()->can_exchange);
	CHECK_EQ(paging_ask(&p, IOVA + 2 * PAGE, true), UIOMMU_CODE_SUCCESS);
	pa = paging_reach(&p, IOVA + 2 * PAGE, true);
	CHECK(pa != UIOMMU_PA_NONE);
	CHECK_EQ(page_va(pa)[5], 0x77);
	page_va(pa)[5] = 0x78;
	CHECK_EQ(pread(backing.fd, &byte, 1, 2 * PAGE + 5), 1);
	CHECK_EQ(byte, 0x78);
	if (copied != NULL)
		file_copied(&p, copied);
	CHECK_EQ(uiommu_region_remove(shared), 0);
	CHECK_EQ(pread(backing.fd, &byte, 1, 2 * PAGE + 5), 1);
	CHECK_EQ(byte, 0x78);
	close(backing.fd);
	paging_close(&p);
}
BOTH_STAGES(file);

static const struct harness_case paging_frames_cases[] = {
	FIRST_CASE("R3 a region of zeroes", zeroes),
	SECOND_CASE("R3 a region of zeroes", zeroes),
	FIRST_CASE("R3 a region of zeroes, written to", zeroes_to_write),
	SECOND_CASE("R3 a region of zeroes, written to", zeroes_to_write),
	FIRST_CASE("R3 copy on write", copy_on_write),
	SECOND_CASE("R3 copy on write", copy_on_write),
	FIRST_CASE("R3 copy on write with fault-around", copy_and_around),
	SECOND_CASE("R3 copy on write with fault-around", copy_and_around),
	FIRST_CASE("R3 copy on write, two domains", two_domains),
	SECOND_CASE("R3 copy on write, two domains", two_domains),
	FIRST_CASE("R3 a file", file),
	SECOND_CASE("R3 a file", file),
};

HARNESS_SUITE(paging_frames);
