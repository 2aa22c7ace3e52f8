/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Units: found, refused, named, listed. */

#include "autotest.h"

static void
devargs_good(void)
{
	static const char *const good[] = {
		"vtd,platform=emu",
		"vtd,platform=emu,prq=128",
		"vtd,platform=emu,prq=16384,iq=128",
		"vtd,platform=emu,prq=0x1000",
		"vtd,platform=emu,inline=0,takeover=1,socket=0",
		"vtd,name=a_name_with_exactly_31_characte,platform=emu",
	};

	probe_good(good, ARRAY_COUNT(good));
}

static void
devargs_bad(void)
{
	static const struct {
		const char *devargs;
		int ret;
	} bad[] = {
		{NULL, -EINVAL},
		{"", -EINVAL},
		{",platform=emu", -EINVAL},
		{"platform=emu", -EINVAL},
		{"vtd", -EINVAL},
		{"vtd,", -EINVAL},
		{"vtd,platform", -EINVAL},
		{"vtd,platform=", -EINVAL},
		{"vtd,platform=emu,prq=", -EINVAL},
		{"vtd,platform=emu,prq=4096x", -EINVAL},
		{"vtd,platform=emu,prq= 4096", -EINVAL},
		{"vtd,platform=emu,prq=-128", -EINVAL},
		{"vtd,platform=emu,prq=0x", -EINVAL},
		{"vtd,platform=emu,prq=64", -EINVAL},
		{"vtd,platform=emu,prq=32768", -EINVAL},
		{"vtd,platform=emu,prq=1000", -EINVAL},
		{"vtd,platform=emu,prq=99999999999999999999", -EINVAL},
		{"vtd,platform=emu,iq=100", -EINVAL},
		{"vtd,platform=emu,takeover=2", -EINVAL},
		{"vtd,platform=emu,inline=yes", -EINVAL},
		{"vtd,platform=emu,unheard=1", -EINVAL},
		{"vtd,platform=emu,prq=128,prq=256", -EINVAL},
		{"vtd,platform=emu,platform=emu", -EINVAL},
		{"vtd,platform=emu,socket=100000", -EINVAL},
		{"vtd,platform=emu,name=a_name_with_more_than_31_characters", -EINVAL},
		{"nothing,platform=emu", -ENODEV},
		{"vtd,platform=nothing", -ENODEV},
		{"vtdvtdvtdvtdvtdvtdvtdvtdvtdvtdvtdvtd,platform=emu", -EINVAL},
	};
	int16_t dev;
	size_t i;

	/* one line says why, where there is something that could be wrong */
	for (i = 0; i < ARRAY_COUNT(bad); i++)
		probe_expect(bad[i].devargs, "bad devargs", bad[i].ret, bad[i].devargs != NULL);
	CHECK_EQ(uiommu_probe("vtd,platform=emu", NULL), -EINVAL);
	/* nothing is left of all that */
	CHECK_EQ(uiommu_dev_next(0), -1);
	CHECK_EQ(uiommu_probe("vtd,platform=emu", &dev), 0);
	CHECK_EQ(dev, 0);
	CHECK_EQ(uiommu_close(dev), 0);
}

/* A unit without each of the capabilities: ECAP bits by S 11.4.3, CAP bits by S 11.4.2. */
static void
capabilities(void)
{
	static const struct probe_unit units[] = {
		{"queued invalidation", "ecap_clear=0x2", -ENOTSUP},
		{"scalable mode", "ecap_clear=0x80000000000", -ENOTSUP},
		{"first and second stage", "ecap_clear=0xc00000000000", -ENOTSUP},
		{"coherent memory", "coherent=0", -ENOTSUP},
		{"no write buffers", "cap_set=0x10", -ENOTSUP},
		{"domain ids of a sane width", "cap_set=0x7", -ENOTSUP},
		{"PASIDs of a sane width", "ecap_set=0xf800000000", -ENOTSUP},
		{"device-TLBs", "ecap_clear=0x4", 0},
		{"page requests", "ecap_clear=0x20000000", 0},
		{"PASID", "ecap_clear=0x10000000000", 0},
		{"drain of page requests", "ecap_clear=0x40000000000", 0},
		{"coherent walks of page tables", "ecap_clear=0x1000000000000", 0},
		{"coherent walks", "ecap_clear=0x1", 0},
		{"first stage", "ecap_clear=0x800000000000", 0},
		{"second stage", "ecap_clear=0x400000000000", 0},
		{"nesting", "ecap_clear=0x4000000", 0},
		{"pass-through", "ecap_clear=0x40", 0},
		{"RID_PASID", "ecap_clear=0x2000000000000", 0},
		{"five levels", "cap_clear=0x1000000000000000", 0},
	};

	probe_each("vtd", units, ARRAY_COUNT(units));
	/* a line for each thing that is missing */
	harness_log_watch();
	CHECK_EQ(probe_result("vtd,platform=emu,ecap_clear=0x80000000002,cap_set=0x10"), -ENOTSUP);
	CHECK_EQ(harness_log_lines(), 3);
	/* registers that read as all ones: nothing there */
	CHECK_EQ(probe_result("vtd,platform=emu,cap=0xffffffffffffffff,ecap=0xffffffffffffffff"),
		 -ENODEV);
}

/* What a unit lacks is not in its capabilities, and is refused later. */
static void
capabilities_shown(void)
{
	struct rig_conf conf = {.no_start = true};
	struct uiommu_domain_conf identity = {.size = sizeof(identity),
					      .type = UIOMMU_DOMAIN_IDENTITY};
	struct uiommu_domain_conf parent = {.size = sizeof(parent),
					    .type = UIOMMU_DOMAIN_PAGING,
					    .flags = UIOMMU_DOMAIN_NEST_PARENT};
	struct uiommu_domain_conf five = {.size = sizeof(five),
					  .type = UIOMMU_DOMAIN_PAGING,
					  .table_pa = 0x1000,
					  .levels = 5};
	static const char *const without_requests[] = {
		",ecap_clear=0x4", ",ecap_clear=0x40000000000", ",ecap_clear=0x20000000"};
	struct rig *rig;
	size_t i;

	rig = rig_open(NULL);
	CHECK_EQ(rig->info.capa & UIOMMU_CAPA_PASSTHROUGH, UIOMMU_CAPA_PASSTHROUGH);
	CHECK_EQ(rig->info.address_bits, 57);
	CHECK_EQ(rig->info.pasid_bits, 20);
	CHECK_EQ(rig->info.endpoint_bits, 16);
	CHECK_EQ(rig->info.nb_queues, 1);
	CHECK_EQ(rig->info.queue_entries_min, 128);
	CHECK_EQ(rig->info.queue_entries_max, 16384);
	CHECK_EQ(strcmp(rig->info.driver, "vtd"), 0);
	CHECK_EQ(strcmp(rig->info.platform, "emu"), 0);
	CHECK(uiommu_domain_alloc(rig->dev, &identity) != NULL);
	rig_close(rig);
	conf.devargs = ",ecap_clear=0x40,cap_clear=0x1000000000000000,prq=256";
	rig = rig_open(&conf);
	CHECK_EQ(rig->info.capa & UIOMMU_CAPA_PASSTHROUGH, 0);
	CHECK_EQ(rig->info.address_bits, 48);
	CHECK_EQ(rig->info.queue_entries_max, 256);
	CHECK_ERRNO(uiommu_domain_alloc(rig->dev, &identity), ENOTSUP);
	CHECK_ERRNO(uiommu_domain_alloc(rig->dev, &five), ENOTSUP);
	rig_close_failed(rig);
	/* without second stage; with it, but not under a first one */
	conf.devargs = ",ecap_clear=0x400000000000";
	rig = rig_open(&conf);
	CHECK_EQ(rig->info.capa & (UIOMMU_CAPA_SECOND_STAGE | UIOMMU_CAPA_NESTED), 0);
	CHECK_ERRNO(uiommu_domain_alloc(rig->dev, &parent), ENOTSUP);
	rig_close_failed(rig);
	conf.devargs = ",ecap_clear=0x4000000";
	rig = rig_open(&conf);
	CHECK_EQ(rig->info.capa & (UIOMMU_CAPA_SECOND_STAGE | UIOMMU_CAPA_NESTED),
		 UIOMMU_CAPA_SECOND_STAGE);
	CHECK_ERRNO(uiommu_domain_alloc(rig->dev, &parent), ENOTSUP);
	rig_close_failed(rig);
	/* no page requests without device-TLBs, their drain, or themselves: DT, PDS, PRS */
	for (i = 0; i < ARRAY_COUNT(without_requests); i++) {
		conf.devargs = without_requests[i];
		rig = rig_open(&conf);
		CHECK_EQ(rig->info.capa & (UIOMMU_CAPA_PAGE_REQUESTS | UIOMMU_CAPA_AUTO_ANSWER),
			 0);
		CHECK(rig->info.capa & UIOMMU_CAPA_PASID);
		rig_close_failed(rig);
	}
	/* FSTS, PASID */
	conf.devargs = ",ecap_clear=0x810000000000";
	rig = rig_open(&conf);
	CHECK_EQ(rig->info.capa & (UIOMMU_CAPA_FIRST_STAGE | UIOMMU_CAPA_PASID |
				   UIOMMU_CAPA_NESTED | UIOMMU_CAPA_PASSTHROUGH_PASID), 0);
	CHECK(rig->info.capa & UIOMMU_CAPA_SECOND_STAGE);
	CHECK_EQ(rig->info.pasid_bits, 0);
	rig_close_failed(rig);
	/* PASIDs of 15 bits: PSS is 14 */
	conf.devargs = ",ecap_clear=0x8800000000,ecap_set=0x6000000000";
	rig = rig_open(&conf);
	CHECK_EQ(rig->info.pasid_bits, 15);
	rig_close_failed(rig);
}

static void
names(void)
{
	struct uiommu_dev_info info;
	int16_t a, b, c;
	unsigned int i;
	bool found = false;

	CHECK_EQ(uiommu_probe("vtd,platform=emu", &a), 0);
	CHECK_EQ(uiommu_probe("vtd,platform=emu,name=mine", &b), 0);
	CHECK_EQ(probe_result("vtd,platform=emu,name=mine"), -EEXIST);
	CHECK_EQ(uiommu_probe("vtd,platform=emu", &c), 0);
	CHECK_EQ(uiommu_dev_by_name("vtd0"), a);
	CHECK_EQ(uiommu_dev_by_name("mine"), b);
	CHECK_EQ(uiommu_dev_by_name("vtd1"), c);
	CHECK_EQ(uiommu_dev_by_name("vtd2"), -ENODEV);
	CHECK_EQ(uiommu_dev_by_name(""), -ENODEV);
	CHECK_EQ(uiommu_dev_by_name(NULL), -EINVAL);
	CHECK_EQ(uiommu_info_get(b, &info), 0);
	CHECK_EQ(strcmp(info.name, "mine"), 0);
	CHECK_EQ(info.state, UIOMMU_DEV_PROBED);
	CHECK_EQ(info.queue_entries, 0);
	CHECK(uiommu_emu_find("mine") != NULL);
	CHECK(uiommu_emu_find("yours") == NULL);
	CHECK_EQ(uiommu_dev_next(0), a);
	CHECK_EQ(uiommu_dev_next(a + 1), b);
	CHECK_EQ(uiommu_dev_next(c + 1), -1);
	CHECK_EQ(uiommu_dev_next(-5), a);
	CHECK_EQ(uiommu_close(b), 0);
	CHECK_EQ(uiommu_dev_by_name("mine"), -ENODEV);
	CHECK_EQ(uiommu_dev_next(a + 1), c);
	CHECK_EQ(uiommu_close(a), 0);
	CHECK_EQ(uiommu_close(c), 0);
	for (i = 0; uiommu_driver_name(i) != NULL; i++)
		found |= strcmp(uiommu_driver_name(i), "vtd") == 0;
	CHECK(found);
	CHECK(uiommu_driver_name(i + 100) == NULL);
	for (found = false, i = 0; uiommu_platform_name(i) != NULL; i++)
		found |= strcmp(uiommu_platform_name(i), "emu") == 0;
	CHECK(found);
	CHECK(uiommu_version() != NULL && uiommu_version()[0] != '\0');
}

static void
as_many_as_there_can_be(void)
{
	int16_t devs[UIOMMU_MAX_DEVS], dev;
	unsigned int i;

	for (i = 0; i < UIOMMU_MAX_DEVS; i++) {
		CHECK_EQ(uiommu_probe("vtd,platform=emu,prq=128", &devs[i]), 0);
		CHECK_EQ(devs[i], i);
	}
	CHECK_EQ(uiommu_probe("vtd,platform=emu", &dev), -ENOSPC);
	CHECK_EQ(uiommu_close(devs[17]), 0);
	CHECK_EQ(uiommu_probe("vtd,platform=emu", &dev), 0);
	CHECK_EQ(dev, 17);
	for (i = 0; i < UIOMMU_MAX_DEVS; i++)
		CHECK_EQ(uiommu_close(devs[i]), 0);
}

static const struct harness_case probe_cases[] = {
	{"probe, devargs that are good", devargs_good, 0},
	{"probe, devargs that are not", devargs_bad, 0},
	{"T11 probe, unit without each of the capabilities", capabilities, 0},
	{"probe, what a unit lacks it does not show", capabilities_shown, 0},
	{"probe, names and lists", names, 0},
	{"probe, as many units as there can be", as_many_as_there_can_be, 0},
};

HARNESS_SUITE(probe);
