/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * What devices of the emulation keep in their pages, and what is noticed when it is not there.
 */

#include "emu_pages.h"

#define SPACE_PAGES 16
#define PAGE_WORDS 512

static uint32_t versions[2 * WINDOW_PAGES];
static const struct uiommu_emu_data data = {.nb_spaces = 2, .versions = versions};

static const struct uiommu_emu_traffic traffic = {
	.window_pages = SPACE_PAGES,
	.burst = 16,
	.write_ratio = 0.5,
	.translate = true,
	.data = &data,
};

static void
run_steps(unsigned int steps)
{
	while (steps-- > 0) {
		step();
		serve_pages();
	}
}

static void
data_open(void)
{
	memset(versions, 0, sizeof(versions));
	pages_open(1);
}

/* Word of a page as the processor sees it. */
static uint64_t *
word_of(uint32_t page, uint32_t index)
{
	return (uint64_t *)pages.mem.va + (size_t)page * PAGE_WORDS + index;
}

static void
contents_are_kept(void **state)
{
	struct uiommu_emu_verdict v;
	uint32_t page, i;

	(void)state;
	data_open();
	rig_traffic(&traffic);
	run_steps(500);
	v = verdict(false);
	assert_clean();
	assert_in_range(v.accesses, 1000, UINT32_MAX);
	/* all but those that wait for a page; none waits longer than for its answer */
	assert_int_equal(v.bytes_checked, v.accesses * 4096);
	for (page = 0; page < SPACE_PAGES; page++) {
		assert_in_range(versions[page], 10, UINT32_MAX);
		for (i = 0; i < PAGE_WORDS; i++)
			assert_true(*word_of(page, i) ==
				    uiommu_emu_data_word(0, page, versions[page], i));
	}
}

static void
reads_change_nothing(void **state)
{
	struct uiommu_emu_traffic conf = traffic;
	uint32_t page, i;

	(void)state;
	data_open();
	conf.write_ratio = 0;
	rig_traffic(&conf);
	run_steps(100);
	assert_clean();
	for (page = 0; page < SPACE_PAGES; page++) {
		assert_int_equal(versions[page], 0);
		for (i = 0; i < PAGE_WORDS; i++)
			assert_true(*word_of(page, i) == 0);
	}
}

/* Any word of a page, of whatever version. */
static void
other_contents_are_corrupt(void **state)
{
	static const uint32_t at[] = {0, 1, 255, PAGE_WORDS - 1};
	struct uiommu_emu_traffic conf = traffic;
	char text[32];
	unsigned int i, written;

	(void)state;
	for (written = 0; written < 2; written++)
		for (i = 0; i < ARRAY_COUNT(at); i++) {
			data_open();
			conf.write_ratio = written;
			rig_traffic(&conf);
			run_steps(100);
			assert_clean();
			*word_of(3, at[i]) ^= UINT64_C(1) << 63;
			run_steps(100);
			snprintf(text, sizeof(text), "at offset 0x%x", at[i] * 8);
			assert_non_null(strstr(verdict(false).first, "space 0 page 0x3 "));
			assert_non_null(strstr(verdict(false).first, text));
			/* a write mends it */
			if (written)
				assert_int_equal(verdict(false).corrupt, 1);
			else
				assert_in_range(verdict(false).corrupt, 2, UINT32_MAX);
			rig_close(NULL);
		}
}

/* Each page has contents of its own, and so has each version. */
static void
exchanged_pages_are_corrupt(void **state)
{
	struct uiommu_emu_traffic conf = traffic;
	uint64_t old[PAGE_WORDS];

	(void)state;
	data_open();
	/* what is found is mended at once */
	conf.write_ratio = 1;
	rig_traffic(&conf);
	run_steps(100);
	memcpy(old, word_of(2, 0), sizeof(old));
	run_steps(100);
	assert_clean();
	memcpy(word_of(2, 0), old, sizeof(old));
	run_steps(50);
	assert_int_equal(verdict(false).corrupt, 1);
	memcpy(word_of(5, 0), word_of(6, 0), sizeof(old));
	run_steps(50);
	assert_int_equal(verdict(false).corrupt, 2);
}

/* Two PASIDs with one memory, and one with another. */
static void
spaces_are_apart(void **state)
{
	const uint32_t pasids[] = {1, 2, 3}, spaces[] = {0, 1, 0};
	const struct uiommu_emu_device_conf conf = {
		.endpoint_id = DEVICE + 8, .nb_pasids = 3, .pasids = pasids, .spaces = spaces,
	};
	struct uiommu_dma tables[4], mem;
	uint32_t i;

	(void)state;
	data_open();
	assert_int_equal(uiommu_emu_device_remove(rig.emu, DEVICE), 0);
	endpoint(DEVICE + 8);
	bond(3);
	pages_map(SPACE_PAGES, PAGE_WRITE);
	for (i = 0; i < 4; i++)
		memory(&tables[i], 4096);
	((uint64_t *)tables[0].va)[0] = tables[1].pa | PAGE_WRITE;
	((uint64_t *)tables[1].va)[WINDOW_INDEX3] = tables[2].pa | PAGE_WRITE;
	((uint64_t *)tables[2].va)[0] = tables[3].pa | PAGE_WRITE;
	memory(&mem, SPACE_PAGES * 4096);
	for (i = 0; i < SPACE_PAGES; i++)
		((uint64_t *)tables[3].va)[i] = (mem.pa + i * UINT64_C(4096)) | PAGE_WRITE;
	pasid_entry(2)[2] = tables[0].pa;
	pasid_entry(2)[1] = DOMAIN_ID + 1;
	pasid_entry(2)[0] = (uint64_t)VTD_PGTT_FIRST << VTD_PE0_PGTT_SHIFT | VTD_PE0_P;
	assert_int_equal(uiommu_emu_device_add(rig.emu, &conf), 0);
	rig_traffic(&traffic);
	for (i = 0; i < 300; i++)
		step();
	assert_clean();
	for (i = 0; i < SPACE_PAGES; i++) {
		assert_in_range(versions[i], 10, UINT32_MAX);
		assert_in_range(versions[SPACE_PAGES + i], 5, UINT32_MAX);
		assert_true(*word_of(i, 7) == uiommu_emu_data_word(0, i, versions[i], 7));
		assert_true(((uint64_t *)mem.va)[i * PAGE_WORDS + 7] ==
			    uiommu_emu_data_word(1, i, versions[SPACE_PAGES + i], 7));
	}
}

/*
 * A page moves: its contents are copied, the entry leads to the copy, and what it had is used for
 * something else. Without an invalidation the device goes on where the page was.
 */
static void
page_moves(bool invalidate)
{
	const uint32_t page = 4, spare = SPACE_PAGES;

	data_open();
	rig_traffic(&traffic);
	run_steps(100);
	assert_clean();
	pages.leaf[page] = 0;
	if (invalidate)
		forget_pages(1);
	memcpy(word_of(spare, 0), word_of(page, 0), 4096);
	memset(word_of(page, 0), 0x5a, 4096);
	pages.leaf[page] = (pages.mem.pa + spare * UINT64_C(4096)) | PAGE_WRITE;
	run_steps(100);
}

static void
use_of_a_page_that_moved_is_corrupt(void **state)
{
	(void)state;
	page_moves(false);
	assert_in_range(verdict(false).corrupt, 1, UINT32_MAX);
}

static void
pages_can_move(void **state)
{
	(void)state;
	page_moves(true);
	assert_clean();
}

/* What the device has in its cache is used every now and then, wherever the walk is. */
static void
cached_translations_are_tried(void **state)
{
	struct uiommu_emu_traffic conf = traffic;
	uint64_t asked;
	unsigned int i;

	(void)state;
	data_open();
	conf.profile = UIOMMU_EMU_SEQUENTIAL;
	conf.window_pages = WINDOW_PAGES;
	rig_traffic(&conf);
	while (pages.asked < 200)
		run_steps(1);
	assert_clean();
	/* the walk stands still here: its page does not come */
	for (i = 0; i < 200; i++)
		pages.leaf[i] = 0;
	step();
	step();
	asked = verdict(false).requests;
	assert_int_equal(pending(), 1);
	memset(word_of(0, 0), 0x5a, 200 * 4096);
	for (i = 0; i < 20; i++)
		step();
	assert_int_equal(verdict(false).requests, asked);
	assert_in_range(verdict(false).corrupt, 5, UINT32_MAX);
}

/* Memory that the unit was not told of, and such as was given back. */
static void
memory_must_be_known(void **state)
{
	static _Alignas(4096) uint8_t strange[4096];

	(void)state;
	data_open();
	pages_map(SPACE_PAGES, PAGE_WRITE);
	pages.leaf[2] = (uint64_t)(uintptr_t)strange | PAGE_WRITE;
	rig_traffic(&traffic);
	run_steps(20);
	assert_in_range(verdict(false).protocol, 1, UINT32_MAX);
	assert_int_equal(verdict(false).corrupt, 0);
	assert_int_equal(strange[0], 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(contents_are_kept),
		CASE(reads_change_nothing),
		CASE(other_contents_are_corrupt),
		CASE(exchanged_pages_are_corrupt),
		CASE(spaces_are_apart),
		CASE(use_of_a_page_that_moved_is_corrupt),
		CASE(pages_can_move),
		CASE(cached_translations_are_tried),
		CASE(memory_must_be_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
