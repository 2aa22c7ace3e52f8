/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* What the probes of all units have in common. */

#include <stdio.h>

#include "autotest.h"

int
probe_result(const char *devargs)
{
	int16_t dev = -77;
	int ret = uiommu_probe(devargs, &dev);

	if (ret == 0)
		CHECK_EQ(uiommu_close(dev), 0);
	else
		CHECK_EQ(dev, -77);
	return ret;
}

void
probe_good(const char *const *devargs, size_t nb)
{
	size_t i;

	for (i = 0; i < nb; i++) {
		if (probe_result(devargs[i]) != 0)
			harness_note(__FILE__, __LINE__, "refused: %s", devargs[i]);
	}
}

void
probe_expect(const char *devargs, const char *what, int ret, unsigned int lines)
{
	unsigned int logged;
	int got;

	harness_log_watch();
	got = probe_result(devargs);
	logged = harness_log_lines();
	if (got != ret || logged != lines)
		harness_note(__FILE__, __LINE__, "'%s' (%s): %d, %u lines; not %d, %u lines",
			     devargs == NULL ? "NULL" : devargs, what, got, logged, ret, lines);
}

void
probe_each(const char *driver, const struct probe_unit *units, size_t nb)
{
	char devargs[128];
	size_t i;

	for (i = 0; i < nb; i++) {
		snprintf(devargs, sizeof(devargs), "%s,platform=emu,%s", driver, units[i].args);
		probe_expect(devargs, units[i].what, units[i].ret, units[i].ret != 0);
	}
}

void
probe_bad(const char *driver, const char *const *bad, size_t nb)
{
	char devargs[128];
	size_t i;

	for (i = 0; i < nb; i++) {
		snprintf(devargs, sizeof(devargs), "%s,platform=emu,%s", driver, bad[i]);
		probe_expect(devargs, "bad devargs", -EINVAL, 1);
	}
	CHECK_EQ(uiommu_dev_next(0), -1);
}

struct rig *
probe_rig(const char *unit, const char *devargs)
{
	const struct rig_conf conf = {.devargs = devargs};
	size_t index;

	CHECK(harness_unit_find(unit, &index));
	harness_unit_choose(index);
	return rig_open(&conf);
}

void
probe_lacks(const char *unit, uint64_t all, const struct probe_lack *lacks, size_t nb)
{
	size_t i;

	for (i = 0; i < nb; i++) {
		struct rig *rig = probe_rig(unit, lacks[i].args);

		CHECK_EQ(rig->info.capa, all & ~lacks[i].capa);
		rig_close(rig);
	}
}

void
probe_dma(struct rig *rig, uint32_t endpoint_id)
{
	static _Alignas(4096) uint8_t page[4096];
	const uint64_t iova = 0x40000000, reports = rig_stats(rig).reports;
	struct uiommu_domain *domain = rig_domain(rig, UIOMMU_DOMAIN_PAGING);
	struct uiommu_endpoint *endpoint = rig_endpoint_add(rig, endpoint_id, 0, 0);
	struct uiommu_attach *attach;

	CHECK_EQ(uiommu_emu_memory_add(rig->emu, page, sizeof(page)), 0);
	rig_device(rig, endpoint_id, (const uint32_t[]){UIOMMU_NO_PASID}, 1, 0);
	attach = rig_attach(endpoint, UIOMMU_NO_PASID, domain, NULL);
	CHECK(!uiommu_emu_dma(rig->emu, endpoint_id, UINT32_MAX, iova, true));
	CHECK_EQ(uiommu_domain_map(domain, iova, (uintptr_t)page, 4096,
				   UIOMMU_PROT_READ | UIOMMU_PROT_WRITE), 0);
	CHECK(uiommu_emu_dma(rig->emu, endpoint_id, UINT32_MAX, iova, true));
	CHECK_EQ(uiommu_domain_unmap(domain, iova, 4096, NULL), 0);
	CHECK(!uiommu_emu_dma(rig->emu, endpoint_id, UINT32_MAX, iova, false));
	rig_wait_for(rig, "reports", reports + 2);
	CHECK_EQ(uiommu_detach(attach), 0);
	CHECK_EQ(uiommu_endpoint_remove(endpoint), 0);
	CHECK_EQ(rig_stats(rig).requests, 0);
}

void
probe_ways(const char *unit, uint32_t endpoint_id, const char *const *args, size_t nb)
{
	size_t i;

	for (i = 0; i < nb; i++) {
		struct rig *rig = probe_rig(unit, args[i]);
		struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
		struct uiommu_attach *attach;

		attach = rig_attach(rig_endpoint(rig, endpoint_id, 0), 7, rec->domain, NULL);
		rig_ask_and_expect(rig, endpoint_id, 7, 1, UIOMMU_EMU_SUCCESS);
		CHECK_EQ(uiommu_detach(attach), 0);
		rig_ask_in_vain(rig, endpoint_id, 7, 2);
		rig_close(rig);
	}
}

void
probe_ids(const char *unit, const char *devargs, unsigned int bits)
{
	struct rig *rig = probe_rig(unit, devargs);

	CHECK_EQ(rig->info.endpoint_bits, bits);
	CHECK_ERRNO(uiommu_endpoint_add(rig->dev, UINT32_C(1) << bits, NULL), EINVAL);
	CHECK(uiommu_endpoint_add(rig->dev, (UINT32_C(1) << bits) - 1, NULL) != NULL);
	rig_close(rig);
}
