/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* This process's own memory as an address space. */

#include <sched.h>
#include <sys/mman.h>

#include "sva.h"

static void
self_in(uint32_t mode)
{
	struct rig *rig = sva_rig(NULL);
	struct uiommu_mm *mm = sva_self(rig, mode, NULL);
	struct uiommu_sva *sva = sva_bind(sva_endpoint(rig, EP), mm);
	uint8_t *rw = sva_map(4, PROT_READ | PROT_WRITE);
	uint8_t *ro = sva_map(1, PROT_READ);
	uint8_t *none = sva_map(1, PROT_NONE);

	CHECK(!sva_is_present(rw + SVA_PAGE));
	sva_ask_and_expect(rig, mm, sva, rw + SVA_PAGE, true, UIOMMU_EMU_SUCCESS);
	CHECK(sva_is_present(rw + SVA_PAGE));
	sva_ask_and_expect(rig, mm, sva, rw + 2 * SVA_PAGE, false, UIOMMU_EMU_SUCCESS);
	CHECK(sva_is_present(rw + 2 * SVA_PAGE));
	CHECK(!sva_is_present(rw) && !sva_is_present(rw + 3 * SVA_PAGE));
	sva_ask_and_expect(rig, mm, sva, ro, true, UIOMMU_EMU_INVALID);
	sva_ask_and_expect(rig, mm, sva, ro, false, UIOMMU_EMU_SUCCESS);
	sva_ask_and_expect(rig, mm, sva, none, false, UIOMMU_EMU_INVALID);
	sva_ask_and_expect(rig, mm, sva, rw + 4 * SVA_PAGE, false, UIOMMU_EMU_INVALID);
	sva_ask_and_expect(rig, mm, sva, NULL, false, UIOMMU_EMU_INVALID);
	/* what the kernel has for itself */
	sva_ask_and_expect(rig, mm, sva, (void *)(uintptr_t)-rig_iova_end(rig), false,
			   UIOMMU_EMU_INVALID);
	CHECK_EQ(sva_info(mm).groups, 8);
	CHECK_EQ(sva_info(mm).invalid, 5);
	CHECK_EQ(sva_info(mm).pages, 3);
	CHECK(sva_info(mm).locked_bytes > 0);
	CHECK_EQ(uiommu_sva_unbind(sva), 0);
	sva_mm_end(mm);
	sva_unmap(rw, 4);
	sva_unmap(ro, 1);
	sva_unmap(none, 1);
	rig_close(rig);
}

static void
self(void)
{
	self_in(UIOMMU_MM_WORKER);
	self_in(UIOMMU_MM_POLLED);
}

/* K19 R3: a group is as good as its worst page. */
static void
self_bad_page(void)
{
	struct rig *rig = sva_rig(NULL);
	struct uiommu_mm *mm = sva_self(rig, UIOMMU_MM_POLLED, NULL);
	struct uiommu_sva *sva = sva_bind(sva_endpoint(rig, EP), mm);
	uint8_t *va = sva_map(9, PROT_READ | PROT_WRITE);
	uint16_t i;

	CHECK_EQ(mprotect(va + 4 * SVA_PAGE, SVA_PAGE, PROT_READ), 0);
	for (i = 0; i < 9; i++)
		sva_ask(rig, sva, i / 3, va + i * SVA_PAGE, true, i % 3 == 2);
	sva_answers_wait(rig, mm, 3);
	rig_expect_any(rig, EP, uiommu_sva_pasid(sva), 0, UIOMMU_EMU_SUCCESS);
	rig_expect_any(rig, EP, uiommu_sva_pasid(sva), 1, UIOMMU_EMU_INVALID);
	rig_expect_any(rig, EP, uiommu_sva_pasid(sva), 2, UIOMMU_EMU_SUCCESS);
	for (i = 0; i < 9; i++)
		CHECK(i / 3 == 1 || sva_is_present(va + i * SVA_PAGE));
	CHECK_EQ(uiommu_sva_unbind(sva), 0);
	sva_mm_end(mm);
	sva_unmap(va, 9);
	rig_close(rig);
}

/* Neighbouring pages of many groups are populated together. */
static void
self_ranges(void)
{
	struct rig *rig = sva_rig(NULL);
	struct uiommu_mm *mm = sva_self(rig, UIOMMU_MM_POLLED, NULL);
	struct uiommu_sva *sva = sva_bind(sva_endpoint(rig, EP), mm);
	uint8_t *va = sva_map(64, PROT_READ | PROT_WRITE);
	uint16_t i;

	for (i = 0; i < 64; i++)
		sva_ask(rig, sva, i, va + (i * 13 % 64) * SVA_PAGE, true, true);
	rig_settle(rig);
	CHECK_EQ(uiommu_mm_poll(mm, 64), 64);
	CHECK_EQ(sva_info(mm).groups, 64);
	CHECK_EQ(sva_info(mm).populate_calls, 1);
	for (i = 0; i < 64; i++)
		CHECK(sva_is_present(va + i * SVA_PAGE));
	CHECK_EQ(uiommu_sva_unbind(sva), 0);
	sva_mm_end(mm);
	sva_unmap(va, 64);
	rig_close(rig);
}

/* Memory that is locked is bounded, and the bound is told. */
static void
self_limit(void)
{
	static const uint32_t limit_codes[] = {0, UIOMMU_CODE_RETRY};
	static const uint16_t wires[] = {UIOMMU_EMU_INVALID, UIOMMU_EMU_SUCCESS};
	unsigned int i;

	for (i = 0; i < 2; i++) {
		const struct uiommu_mm_conf conf = {
			.locked_max_bytes = SVA_PAGE,
			.lock_granule_bytes = SVA_PAGE,
			.limit_code = limit_codes[i],
		};
		struct rig *rig = sva_rig(NULL);
		struct uiommu_mm *mm = sva_self(rig, UIOMMU_MM_POLLED, &conf);
		struct uiommu_sva *sva = sva_bind(sva_endpoint(rig, EP), mm);
		uint8_t *va = sva_map(2, PROT_READ | PROT_WRITE);

		sva_ask_and_expect(rig, mm, sva, va, true, UIOMMU_EMU_SUCCESS);
		sva_ask_and_expect(rig, mm, sva, va + SVA_PAGE, true, wires[i]);
		CHECK(!sva_is_present(va + SVA_PAGE));
		CHECK_EQ(rig_stats(rig).codes[UIOMMU_CODE_RETRY], i);
		CHECK_EQ(sva_info(mm).over_limit, 1);
		CHECK_EQ(sva_info(mm).invalid, 0);
		CHECK_EQ(sva_info(mm).locked_bytes, SVA_PAGE);
		CHECK_EQ(sva_info(mm).locked_max_bytes, SVA_PAGE);
		CHECK_EQ(uiommu_sva_unbind(sva), 0);
		sva_mm_end(mm);
		sva_unmap(va, 2);
		rig_close(rig);
	}
}

/* A rig at rest does not tell that workers are, too. */
static void
workers_wait(struct rig *rig)
{
	uint64_t end = harness_now_ns() + RIG_PATIENCE_NS;

	while (rig_stats(rig).deferred_now != 0) {
		sched_yield();
		CHECK(harness_now_ns() < end);
	}
	rig_settle(rig);
}

/* A device's traffic: each page of a group that was answered Success is there. */
static void
self_traffic(void)
{
	enum { PAGES = 1024 };
	struct rig_conf conf = {.model_thread = true, .owner_thread = true, .no_log = true};
	struct rig *rig = sva_rig(&conf);
	const struct uiommu_mm_conf two = {.nb_workers = 2};
	struct uiommu_mm *mm = sva_self(rig, UIOMMU_MM_WORKER, &two);
	struct uiommu_endpoint *endpoint = sva_endpoint_bits(rig, EP, SVA_BITS);
	struct uiommu_sva *sva = sva_bind(endpoint, mm);
	uint8_t *va = sva_map(PAGES, PROT_READ | PROT_WRITE);
	static uint8_t touched[PAGES];
	const struct uiommu_emu_traffic traffic = {
		.group_pages_min = 1,
		.group_pages_max = 4,
		.write_ratio = 0.5,
		.window_pages = PAGES,
		.window_iova = (uintptr_t)va,
		.touched = touched,
		.seed = 5,
	};
	uint32_t pasid = uiommu_sva_pasid(sva);
	unsigned int i, nb = 0;

	for (i = 0; i < PAGES; i++)
		touched[i] = 0;
	rig_device(rig, EP, &pasid, 1, 128);
	rig_traffic(rig, &traffic, TRAFFIC(4000));
	workers_wait(rig);
	for (i = 0; i < PAGES; i++) {
		if (__atomic_load_n(&touched[i], __ATOMIC_RELAXED) == 0)
			continue;
		nb++;
		CHECK(sva_is_present(va + i * SVA_PAGE));
	}
	CHECK(nb > 0);
	CHECK_EQ(sva_info(mm).invalid, 0);
	CHECK_EQ(rig_stats(rig).queue_full, 0);
	CHECK_EQ(uiommu_sva_unbind(sva), 0);
	sva_mm_end(mm);
	rig_close(rig);
	sva_unmap(va, PAGES);
}

static const struct harness_case sva_self_cases[] = {
	{"SVA K20 K21 T37 this process's memory", self, UIOMMU_CAPA_PASID},
	{"SVA R3 K19 this process: a bad page in a group", self_bad_page, UIOMMU_CAPA_PASID},
	{"SVA this process: neighbours are one range", self_ranges, UIOMMU_CAPA_PASID},
	{"SVA R6 this process: bound of locked memory", self_limit, UIOMMU_CAPA_PASID},
	{"SVA R3 this process: pages of a device's traffic", self_traffic, UIOMMU_CAPA_PASID},
};

HARNESS_SUITE_OF(sva_self, UIOMMU_CAPA_PAGE_REQUESTS | UIOMMU_CAPA_FIRST_STAGE);
