/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* What devices do, and what is reported of it. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "scene.h"

/**
 * Polls in a row without a report, after which nothing more is expected: drivers look at some
 * registers in one of 1024 idle polls.
 */
#define QUIET_POLLS 1100
/** The same for what is in a queue. */
#define SHORT_POLLS 4
/** Bound on a wait for reports. */
#define PATIENCE_NS UINT64_C(20000000000)

/* ------------------------------------------------------------------- access */

/* The emulation: an access without ATS, so that it is reported; then its bytes. */
static void
emulated(struct scene *scene, unsigned int device, uint64_t iova, bool write, uint32_t len)
{
	uint8_t *buf = scene->loaded[device];

	if (!uiommu_emu_dma(scene->emu, SCENE_ID(device), UINT32_MAX, iova, write))
		return;
	/* refused with ATS alone: what passes through untranslated */
	if (uiommu_emu_access(scene->emu, SCENE_ID(device), UINT32_MAX, iova, write, buf, len))
		return;
	CHECK(iova - (uintptr_t)scene->memory < scene->memory_used);
	memcpy(write ? (void *)(uintptr_t)iova : buf, write ? buf : (void *)(uintptr_t)iova, len);
}

void
scene_load(struct scene *scene, unsigned int device, uint64_t iova, uint32_t len)
{
	if (scene->emu != NULL)
		emulated(scene, device, iova, false, len);
	else
		CHECK(hil_edu_load(&scene->edu[device], iova, len));
}

void
scene_store(struct scene *scene, unsigned int device, uint64_t iova, uint32_t len)
{
	if (scene->emu != NULL)
		emulated(scene, device, iova, true, len);
	else
		CHECK(hil_edu_store(&scene->edu[device], iova, len));
}

/* ------------------------------------------------------------------ reports */

static void
poll_until_quiet(struct scene *scene, unsigned int polls)
{
	uint32_t seen = scene->nb_reports;
	unsigned int quiet = 0;

	while (quiet < polls) {
		uiommu_poll(scene->dev, 0, UINT16_MAX);
		quiet = scene->nb_reports == seen ? quiet + 1 : 0;
		seen = scene->nb_reports;
	}
}

void
scene_poll(struct scene *scene)
{
	poll_until_quiet(scene, QUIET_POLLS);
}

void
scene_await(struct scene *scene, uint32_t nb_reports)
{
	uint64_t end = harness_now_ns() + PATIENCE_NS;

	while (scene->nb_reports < nb_reports) {
		uiommu_poll(scene->dev, 0, UINT16_MAX);
		if (harness_now_ns() > end)
			harness_fail(__FILE__, __LINE__, "%u reports came, not %u",
				     scene->nb_reports, nb_reports);
	}
}

void
scene_quiet(struct scene *scene)
{
	scene_poll(scene);
	CHECK_EQ(scene->nb_reports, scene->nb_looked);
}

static void
access_make(struct scene *scene, unsigned int device, uint64_t iova, bool write)
{
	if (write)
		scene_store(scene, device, iova, 4);
	else
		scene_load(scene, device, iova, 4);
}

const struct uiommu_report *
scene_refused(struct scene *scene, unsigned int device, uint64_t iova, bool write)
{
	const uint32_t before = scene->nb_looked;

	access_make(scene, device, iova, write);
	scene_await(scene, before + 1);
	poll_until_quiet(scene, SHORT_POLLS);
	CHECK_EQ(scene->nb_reports, before + 1);
	CHECK(before < SCENE_REPORTS);
	scene->nb_looked = before + 1;
	CHECK_EQ(scene->reports[before].endpoint_id, SCENE_ID(device));
	if (scene->reports[before].pasid != 0 || !hil_unit()->names_rid_pasid)
		CHECK_EQ(scene->reports[before].pasid, UIOMMU_NO_PASID);
	return &scene->reports[before];
}

void
scene_refused_for(struct scene *scene, unsigned int device, uint64_t iova, bool write,
		  enum uiommu_report_reason reason)
{
	const struct uiommu_report *report = scene_refused(scene, device, iova, write);
	const uint64_t known = ~hil_unit()->iova_lost;

	if (reason == UIOMMU_REPORT_TRANSLATION && hil_unit()->second_stage)
		reason = UIOMMU_REPORT_PERMISSION;
	if (reason == UIOMMU_REPORT_PERMISSION && hil_unit()->faults_are_one)
		reason = UIOMMU_REPORT_TRANSLATION;
	CHECK_EQ(report->reason, reason);
	CHECK_EQ(report->iova & known, iova & known);
	CHECK_EQ(report->flags & (UIOMMU_FAULT_READ | UIOMMU_FAULT_WRITE),
		 write || hil_unit()->reads_are_writes ? UIOMMU_FAULT_WRITE : UIOMMU_FAULT_READ);
}

void
scene_denied(struct scene *scene, unsigned int device, uint64_t iova)
{
	if (hil_unit()->rights_are_silent)
		scene_blocked(scene, device, iova, true);
	else
		scene_refused_for(scene, device, iova, true, UIOMMU_REPORT_PERMISSION);
}

void
scene_detached(struct scene *scene, unsigned int device, uint64_t iova)
{
	if (!hil_unit()->uses_absent_entry)
		(void)scene_refused(scene, device, iova, false);
}

void
scene_blocked(struct scene *scene, unsigned int device, uint64_t iova, bool write)
{
	access_make(scene, device, iova, write);
	scene_poll(scene);
	scene->nb_looked = scene->nb_reports;
}

/* --------------------------------------------------------------------- bytes */

void
scene_copies(struct scene *scene, unsigned int device, uint64_t from, uint64_t to)
{
	scene_load(scene, device, from, 4);
	scene_store(scene, device, to, 4);
	/* what comes later than that is found at the end of the scene */
	poll_until_quiet(scene, SHORT_POLLS);
	CHECK_EQ(scene->nb_reports, scene->nb_looked);
}

/* ----------------------------------------------------------------- counters */

uint64_t
scene_xstat(const struct scene *scene, const char *name)
{
	struct uiommu_xstat xstats[128];
	int i, nb = uiommu_xstats_get(scene->dev, xstats, ARRAY_COUNT(xstats));
	char whole[64];

	snprintf(whole, sizeof(whole), "%s%s", name[0] == '_' ? hil_unit()->unit.driver : "", name);
	for (i = 0; i < nb && i < (int)ARRAY_COUNT(xstats); i++)
		if (strcmp(xstats[i].name, whole) == 0)
			return xstats[i].value;
	harness_fail(__FILE__, __LINE__, "no counter %s", whole);
}

void
scene_await_above(struct scene *scene, const char *name, uint64_t value)
{
	uint64_t end = harness_now_ns() + PATIENCE_NS;

	while (scene_xstat(scene, name) <= value) {
		uiommu_poll(scene->dev, 0, UINT16_MAX);
		if (harness_now_ns() > end)
			harness_fail(__FILE__, __LINE__, "%s stays at %" PRIu64, name, value);
	}
}

uint64_t
scene_reg(struct scene *scene, uint32_t offset, unsigned int size)
{
	return hil_read(scene->machine, scene->machine->regs_pa + offset, size);
}

void
scene_reg_set(struct scene *scene, uint32_t offset, unsigned int size, uint64_t value)
{
	hil_write(scene->machine, scene->machine->regs_pa + offset, size, value);
}
