/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Bring a unit and its devices up and down. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scene.h"

/** Bytes for devices of the emulation. */
#define MEMORY_SIZE (UINT64_C(32) << 20)
/** On a busy machine no wait may end only because somebody was away. */
#define TIMEOUT_NS UINT64_C(20000000000)

/* Not on the stack of a case, which may end in the middle. */
static struct scene scene;

static void
take(void *priv, int16_t dev_id, const struct uiommu_report *reports, uint16_t nb)
{
	uint16_t i;

	EXPECT(priv == &scene);
	EXPECT_EQ(dev_id, scene.dev);
	for (i = 0; i < nb; i++) {
		if (scene.nb_reports < SCENE_REPORTS)
			scene.reports[scene.nb_reports] = reports[i];
		scene.nb_reports++;
	}
}

static void
memory_free(void)
{
	free(scene.memory);
	scene.memory = NULL;
}

static void
unit_down(void)
{
	if (scene.started) {
		(void)uiommu_queue_release(scene.dev, 0);
		EXPECT_EQ(uiommu_stop(scene.dev), 0);
	}
	scene.started = false;
	scene.open = false;
	EXPECT_EQ(uiommu_close(scene.dev), 0);
}

/* After each case: what is still there is of one that ended in the middle. */
static void
abandon(void)
{
	const char *broken = NULL;

	if (scene.machine != NULL)
		broken = hil_qtest_broken(&scene.machine->link);
	if (broken != NULL)
		harness_note(__FILE__, __LINE__, "%s", broken);
	if (scene.open)
		unit_down();
	hil_platform_hooks_set(NULL);
	hil_machine_stop();
	memory_free();
}

static void
machine_start(void)
{
	const struct hil_unit *unit = hil_unit();
	const char *testdev = unit->version_min >= 11 ? " -device iommu-testdev,addr=5" : "";
	char why[HIL_WHY_SIZE], devices[256];
	struct hil_found found;
	unsigned int i;

	if (!hil_find(unit->model->program, unit->version_min, unit->version_max, &found))
		harness_skip("no %s of version %u to %u in UIOMMU_QEMU_DIR or PATH",
			     unit->model->program, unit->version_min, unit->version_max);
	snprintf(devices, sizeof(devices),
		 "-device edu,addr=3,dma_mask=0xffffffffffffffff "
		 "-device edu,addr=4,dma_mask=0xffffffffffffffff%s", testdev);
	scene.machine = hil_machine_start(unit->model, unit->version_min, unit->version_max,
					  devices, why);
	if (scene.machine == NULL)
		harness_fail(__FILE__, __LINE__, "%s", why);
	for (i = 0; i < SCENE_DEVICES; i++)
		CHECK_EQ(hil_edu_open(&scene.edu[i], scene.machine, (uint8_t)SCENE_ID(i)), 0);
}

/* After the probe: the model is the unit's. */
static void
emulation_start(void)
{
	const uint32_t no_pasid = UINT32_MAX;
	unsigned int i;

	scene.emu = uiommu_emu_find(scene.info.name);
	CHECK(scene.emu != NULL);
	scene.memory = aligned_alloc(LARGE, MEMORY_SIZE);
	CHECK(scene.memory != NULL);
	memset(scene.memory, 0, MEMORY_SIZE);
	CHECK_EQ(uiommu_emu_memory_add(scene.emu, scene.memory, MEMORY_SIZE), 0);
	for (i = 0; i < SCENE_DEVICES; i++) {
		const struct uiommu_emu_device_conf conf = {
			.endpoint_id = SCENE_ID(i), .nb_pasids = 1, .pasids = &no_pasid};

		CHECK_EQ(uiommu_emu_device_add(scene.emu, &conf), 0);
	}
}

struct scene *
scene_open(const struct scene_conf *wanted)
{
	static const struct scene_conf defaults;
	const struct hil_unit *unit = hil_unit();
	struct scene_conf conf = wanted != NULL ? *wanted : defaults;
	char devargs[256];

	memset(&scene, 0, sizeof(scene));
	harness_cleanup_set(abandon);
	if (unit->model != NULL)
		machine_start();
	snprintf(devargs, sizeof(devargs), "%s,%s%s", unit->unit.devargs,
		 unit->model != NULL ? "platform=qtest" : "platform=emu,inline=1",
		 conf.devargs != NULL ? conf.devargs : "");
	CHECK_EQ(uiommu_probe(devargs, &scene.dev), 0);
	scene.open = true;
	conf.dev.size = sizeof(conf.dev);
	conf.dev.report = take;
	conf.dev.report_priv = &scene;
	if (conf.dev.timeout_ns == 0)
		conf.dev.timeout_ns = TIMEOUT_NS;
	CHECK_EQ(uiommu_configure(scene.dev, &conf.dev), 0);
	CHECK_EQ(uiommu_info_get(scene.dev, &scene.info), 0);
	CHECK_EQ(scene.info.capa, unit->unit.capa | conf.more_capa);
	if (unit->model == NULL)
		emulation_start();
	if (!conf.no_start)
		scene_start(&scene);
	return &scene;
}

void
scene_start(struct scene *s)
{
	CHECK_EQ(uiommu_start(s->dev), 0);
	s->started = true;
	CHECK_EQ(uiommu_queue_claim(s->dev, 0), 0);
}

void
scene_stop(struct scene *s)
{
	CHECK_EQ(uiommu_queue_release(s->dev, 0), 0);
	s->started = false;
	CHECK_EQ(uiommu_stop(s->dev), 0);
}

void
scene_close(struct scene *s)
{
	if (s->started) {
		scene_quiet(s);
		scene_stop(s);
	}
	EXPECT_EQ(scene_xstat(s, "_hw_errors"), s->hw_errors);
	if (s->emu != NULL) {
		struct uiommu_emu_verdict verdict;

		uiommu_emu_verdict(s->emu, true, &verdict);
		if (!uiommu_emu_verdict_clean(&verdict))
			harness_note(__FILE__, __LINE__, "the model: %s", verdict.first);
	}
	s->open = false;
	CHECK_EQ(uiommu_close(s->dev), 0);
	memory_free();
	if (s->machine != NULL) {
		hil_qtest_flush(&s->machine->link);
		EXPECT(hil_qtest_broken(&s->machine->link) == NULL);
	}
}

void
scene_close_failed(struct scene *s)
{
	CHECK_EQ(uiommu_queue_release(s->dev, 0), 0);
	s->started = false;
	/* it may have gone down in spite of its error */
	(void)uiommu_stop(s->dev);
	s->open = false;
	CHECK_EQ(uiommu_close(s->dev), 0);
}

uint8_t *
scene_memory(struct scene *s, size_t size, uint64_t *pa)
{
	uint8_t *va;

	if (s->machine != NULL) {
		va = hil_memory_take(&s->machine->memory, size, size);
		CHECK(va != NULL);
		*pa = hil_memory_pa(&s->machine->memory, va, size);
		return va;
	}
	s->memory_used = (s->memory_used + size - 1) / size * size;
	CHECK(s->memory_used + size <= MEMORY_SIZE);
	va = s->memory + s->memory_used;
	s->memory_used += size;
	*pa = (uintptr_t)va;
	return va;
}

struct uiommu_endpoint *
scene_endpoint(struct scene *s, unsigned int device)
{
	struct uiommu_endpoint_conf conf = {
		.size = sizeof(conf), .flags = UIOMMU_ENDPOINT_NO_PAGE_REQUESTS};
	struct uiommu_endpoint *endpoint;

	/* the emulation's devices move their bytes with ATS, once they know that they may */
	if (s->emu == NULL)
		conf.flags |= UIOMMU_ENDPOINT_NO_ATS;
	endpoint = uiommu_endpoint_add(s->dev, SCENE_ID(device), &conf);
	CHECK(endpoint != NULL);
	return endpoint;
}

struct uiommu_domain *
scene_domain(struct scene *s)
{
	struct uiommu_domain_conf conf = {.size = sizeof(conf), .type = UIOMMU_DOMAIN_PAGING};
	struct uiommu_domain *domain;

	if ((s->info.capa & UIOMMU_CAPA_FIRST_STAGE) == 0)
		conf.flags = UIOMMU_DOMAIN_SECOND_STAGE;
	domain = uiommu_domain_alloc(s->dev, &conf);
	CHECK(domain != NULL);
	return domain;
}

struct uiommu_attach *
scene_attach(struct uiommu_endpoint *endpoint, struct uiommu_domain *domain)
{
	struct uiommu_attach *attach = uiommu_attach(endpoint, UIOMMU_NO_PASID, domain, NULL);

	CHECK(attach != NULL);
	return attach;
}

void
scene_map(struct uiommu_domain *domain, uint64_t iova, uint64_t pa, uint64_t len, uint32_t prot)
{
	CHECK_EQ(uiommu_domain_map(domain, iova, pa, len, prot), 0);
}

void
scene_unmap(struct uiommu_domain *domain, uint64_t iova, uint64_t len)
{
	uint64_t unmapped;

	CHECK_EQ(uiommu_domain_unmap(domain, iova, len, &unmapped), 0);
	CHECK_EQ(unmapped, len);
}
