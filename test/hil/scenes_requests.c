/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Page requests. No device of QEMU's makes one, so they are put into the queue by hand, and the
 * queue is moved on by its register, or in the driver's eyes only where that cannot be written.
 * What comes of them is real: responses are commands that the unit must take.
 */

#include <string.h>

#include "scene.h"

/** Bits of a page request group's index. */
#define GROUP_MASK 0x1ff
#define NB_ENTRIES 128

static struct {
	struct scene *scene;
	uint64_t base;
	uint32_t produced;
	uint64_t groups, pages;
	uint64_t last_iova;
} hand;

static void
before_write(uint32_t offset, uint64_t value)
{
	if (offset == hil_unit()->requests->base)
		hand.base = value;
}

static uint64_t
producer(void)
{
	const struct hil_requests *requests = hil_unit()->requests;

	return (uint64_t)(hand.produced & requests->index_mask) << requests->shift;
}

static void
after_read(uint32_t offset, uint64_t *value)
{
	const struct hil_requests *requests = hil_unit()->requests;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(requests->shown); i++)
		if (requests->shown[i].bits != 0 && offset == requests->shown[i].offset)
			*value |= requests->shown[i].bits;
	if (offset == requests->producer && !requests->is_writable)
		*value = producer();
}

static void
put(uint64_t iova, uint16_t group, bool last)
{
	const struct hil_requests *requests = hil_unit()->requests;
	const uint64_t pa = hil_queue_pa(hand.base) +
			    hand.produced % NB_ENTRIES * requests->size;
	uint64_t *entry = hil_memory_va(&hand.scene->machine->memory, pa, requests->size);

	CHECK(entry != NULL);
	memset(entry, 0, requests->size);
	requests->encode(entry, SCENE_ID(0), requests->pasid, iova, group, last);
	hand.produced++;
	if (requests->is_writable)
		scene_reg_set(hand.scene, requests->producer, 8, producer());
}

/* Handler: everything is fine, but for what is in the upper half of the window. */
static void
answer(void *priv, struct uiommu_group *groups, uint8_t *codes, uint16_t nb)
{
	uint16_t i;

	EXPECT(priv == &hand);
	for (i = 0; i < nb; i++) {
		hand.groups++;
		hand.pages += groups[i].nb_faults;
		hand.last_iova = groups[i].faults[groups[i].nb_faults - 1].iova;
		EXPECT_EQ(groups[i].faults[0].endpoint_id, SCENE_ID(0));
		EXPECT_EQ(groups[i].faults[0].pasid, hil_unit()->requests->pasid);
		codes[i] = hand.last_iova < 2 * SCENE_IOVA ? UIOMMU_CODE_SUCCESS :
							     UIOMMU_CODE_INVALID;
	}
}

static struct uiommu_stats
stats(void)
{
	struct uiommu_stats s;

	CHECK_EQ(uiommu_stats_get(hand.scene->dev, &s), 0);
	return s;
}

static void
await_responses(uint64_t nb)
{
	uint64_t end = harness_now_ns() + UINT64_C(20000000000);

	while (stats().responses < nb) {
		uiommu_poll(hand.scene->dev, 0, UINT16_MAX);
		if (harness_now_ns() > end)
			harness_fail(__FILE__, __LINE__, "%llu responses, not %llu",
				     (unsigned long long)stats().responses,
				     (unsigned long long)nb);
	}
}

/* A device with page requests, bonded to a domain that answers. */
static struct uiommu_attach *
hand_open(void)
{
	static const struct hil_hooks hooks = {.write = before_write, .read = after_read};
	const struct hil_requests *requests = hil_unit()->requests;
	struct uiommu_domain_conf conf = {.size = sizeof(conf), .type = UIOMMU_DOMAIN_PAGING,
					  .handler = answer, .handler_priv = &hand};
	struct scene_conf scene_conf = {.dev.queue_entries = NB_ENTRIES};
	struct uiommu_endpoint *endpoint;
	struct uiommu_attach *attach;

	if (requests == NULL)
		harness_skip("this unit has no page requests, or its own devices make them");
	memset(&hand, 0, sizeof(hand));
	scene_conf.more_capa = requests->capa;
	hil_platform_hooks_set(&hooks);
	hand.scene = scene_open(&scene_conf);
	endpoint = uiommu_endpoint_add(hand.scene->dev, SCENE_ID(0), NULL);
	CHECK(endpoint != NULL);
	attach = uiommu_attach(endpoint, requests->pasid,
			       uiommu_domain_alloc(hand.scene->dev, &conf), NULL);
	CHECK(attach != NULL);
	return attach;
}

/* Groups of one and of many; both answers; several laps of the queue. */
static void
answered(void)
{
	uint32_t i, j, pages = 0, nb = 0;

	hand_open();
	for (i = 0; pages < 3 * NB_ENTRIES; i++) {
		uint32_t size = i % 5 + 1;

		for (j = 0; j < size; j++)
			put(SCENE_IOVA * (1 + i % 2) + (i * 8 + j) * PAGE,
			    (uint16_t)(i & GROUP_MASK), j == size - 1);
		pages += size;
		nb++;
		await_responses(nb);
	}
	CHECK_EQ(hand.groups, nb);
	CHECK_EQ(hand.pages, pages);
	CHECK_EQ(stats().codes[UIOMMU_CODE_SUCCESS], (nb + 1) / 2);
	CHECK_EQ(stats().codes[UIOMMU_CODE_INVALID], nb / 2);
	scene_close(hand.scene);
}

/* After a detach the engine answers: for nobody, and Invalid. */
static void
unknown(void)
{
	struct uiommu_attach *attach = hand_open();

	put(SCENE_IOVA, 1, true);
	await_responses(1);
	CHECK_EQ(uiommu_detach(attach), 0);
	put(SCENE_IOVA, 2, true);
	await_responses(2);
	CHECK_EQ(hand.groups, 1);
	CHECK_EQ(stats().codes[UIOMMU_CODE_INVALID], 1);
	scene_close(hand.scene);
}

/* What was asked before the detach, and not taken yet, is answered before it returns. */
static void
drained(void)
{
	struct uiommu_attach *attach = hand_open();
	uint16_t i;

	for (i = 0; i < 20; i++)
		put(SCENE_IOVA + i * PAGE, i, true);
	CHECK_EQ(uiommu_detach(attach), 0);
	CHECK_EQ(stats().responses, 20);
	scene_close(hand.scene);
}

static const struct harness_case requests_cases[] = {
	{"R1 requests are answered", answered, 0},
	{"R10 nobody's requests", unknown, 0},
	{"R4 drained", drained, 0},
};
HARNESS_SUITE_OF(requests, UIOMMU_CAPA_PAGE_TABLES);
