/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Virtual functions share the page request interface of their physical function. */

#include "conformance.h"

#define PF 0x0300
#define NB_VFS 4

/* A physical function with its virtual ones, each with PASID 7 in a domain of its own. */
struct family {
	struct rig *rig;
	struct uiommu_endpoint *functions[1 + NB_VFS]; /* the first one is the PF */
	struct recorder *recs[1 + NB_VFS];
};

static struct family
family_open(uint64_t pf_flags)
{
	struct family f = {.rig = rig_open(NULL)};
	uint32_t i;

	for (i = 0; i <= NB_VFS; i++) {
		f.functions[i] = rig_endpoint_with(f.rig, PF + i,
						   i == 0 ? pf_flags : UIOMMU_ENDPOINT_VF,
						   i == 0 ? 0 : PF);
		f.recs[i] = rig_recorder(f.rig, UIOMMU_CODE_SUCCESS);
		rig_attach(f.functions[i], 7, f.recs[i]->domain, f.recs[i]);
	}
	return f;
}

static void
check_all_served(struct family *f, uint16_t index)
{
	uint32_t i;

	for (i = 0; i <= NB_VFS; i++) {
		if (f->functions[i] != NULL)
			rig_ask_and_expect(f->rig, PF + i, 7, index, UIOMMU_EMU_SUCCESS);
	}
}

/* A VF comes after its PF, and goes before it. */
static void
order(void)
{
	struct uiommu_endpoint_conf vf = {
		.size = sizeof(vf), .flags = UIOMMU_ENDPOINT_VF, .pf_id = PF};
	struct rig *rig = rig_open(NULL);
	struct uiommu_endpoint *pf, *vfs[2];

	CHECK_ERRNO(uiommu_endpoint_add(rig->dev, PF + 1, &vf), ENOENT);
	CHECK_ERRNO(uiommu_endpoint_find(rig->dev, PF + 1), ENOENT);
	pf = rig_endpoint(rig, PF, 0);
	vfs[0] = rig_endpoint_with(rig, PF + 1, UIOMMU_ENDPOINT_VF, PF);
	vfs[1] = rig_endpoint_with(rig, PF + 2, UIOMMU_ENDPOINT_VF, PF);
	/* neither its own PF nor another VF's */
	vf.pf_id = PF + 3;
	CHECK_ERRNO(uiommu_endpoint_add(rig->dev, PF + 3, &vf), ENOENT);
	vf.pf_id = PF + 1;
	CHECK_ERRNO(uiommu_endpoint_add(rig->dev, PF + 3, &vf), ENOENT);
	vf.pf_id = PF;
	CHECK_ERRNO(uiommu_endpoint_add(rig->dev, PF + 1, &vf), EEXIST);
	CHECK_EQ(uiommu_info_get(rig->dev, &rig->info), 0);
	CHECK_EQ(rig->info.endpoints, 3);
	CHECK_EQ(uiommu_endpoint_remove(pf), -EBUSY);
	CHECK(uiommu_endpoint_find(rig->dev, PF) == pf);
	CHECK_EQ(uiommu_endpoint_remove(vfs[0]), 0);
	CHECK_EQ(uiommu_endpoint_remove(pf), -EBUSY);
	CHECK_EQ(uiommu_endpoint_remove(vfs[1]), 0);
	CHECK_EQ(uiommu_endpoint_remove(pf), 0);
	CHECK_ERRNO(uiommu_endpoint_add(rig->dev, PF + 1, &vf), ENOENT);
	rig_close(rig);
}

/* A PF that is refused its removal serves on, with all that was open. */
static void
busy_pf(void)
{
	struct family f = family_open(0);
	uint8_t code = UIOMMU_CODE_SUCCESS;

	f.recs[0]->defer = true;
	CHECK_EQ(rig_send(f.rig, PF, 7, 1, 1, true), UIOMMU_EMU_QUEUED);
	CHECK_EQ(rig_send(f.rig, PF, 7, 2, 1, false), UIOMMU_EMU_QUEUED);
	rig_settle(f.rig);
	CHECK_EQ(uiommu_endpoint_remove(f.functions[0]), -EBUSY);
	rig_expect_none(f.rig);
	f.recs[0]->defer = false;
	CHECK_EQ(uiommu_answer(f.rig->dev, &f.recs[0]->kept[0].cookie, &code, NULL, 1), 1);
	rig_settle(f.rig);
	rig_expect(f.rig, PF, 7, 1, UIOMMU_EMU_SUCCESS);
	rig_ask_and_expect(f.rig, PF, 7, 2, UIOMMU_EMU_SUCCESS);
	CHECK_EQ(f.recs[0]->kept[1].nb_faults, 2);
	check_all_served(&f, 3);
	rig_close(f.rig);
}

/* Where the PF has no page requests, its VFs have none. */
static void
pf_without_page_requests(void)
{
	struct rig *rig = rig_open(NULL);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *vf;

	rig_endpoint_with(rig, PF, UIOMMU_ENDPOINT_NO_PAGE_REQUESTS, 0);
	vf = rig_endpoint_with(rig, PF + 1, UIOMMU_ENDPOINT_VF, PF);
	CHECK_ERRNO(uiommu_attach(vf, 7, rec->domain, NULL), ENOTSUP);
	rig_attach(vf, 7, rig_domain(rig, UIOMMU_DOMAIN_PAGING), NULL);
	rig_ask_in_vain(rig, PF + 1, 7, 1);
	/* and a VF may have none while its PF has */
	rig_endpoint_with(rig, PF + 0x10, 0, 0);
	vf = rig_endpoint_with(rig, PF + 0x11,
			       UIOMMU_ENDPOINT_VF | UIOMMU_ENDPOINT_NO_PAGE_REQUESTS, PF + 0x10);
	CHECK_ERRNO(uiommu_attach(vf, 7, rec->domain, NULL), ENOTSUP);
	rig_close(rig);
}

/* A handler's FAILURE, now and by cookie, is Invalid for the device: the family goes on. */
static void
failure_of_one(uint64_t pf_flags, uint32_t first, uint32_t last)
{
	struct family f = family_open(pf_flags);
	uint8_t code = UIOMMU_CODE_FAILURE;
	uint64_t demoted = 0;
	uint32_t i;

	for (i = first; i <= last; i++) {
		struct recorder *rec = f.recs[i];

		rec->code = UIOMMU_CODE_FAILURE;
		rig_ask_and_expect(f.rig, PF + i, 7, 1, UIOMMU_EMU_INVALID);
		rec->defer = true;
		CHECK_EQ(rig_send(f.rig, PF + i, 7, 2, 1, true), UIOMMU_EMU_QUEUED);
		rig_settle(f.rig);
		CHECK_EQ(uiommu_answer(f.rig->dev, &rec->kept[rec->nb_kept - 1].cookie, &code,
				       NULL, 1),
			 1);
		rig_settle(f.rig);
		rig_expect(f.rig, PF + i, 7, 2, UIOMMU_EMU_INVALID);
		demoted += 2;
		CHECK_EQ(rig_stats(f.rig).demoted, demoted);
		rec->defer = false;
		rec->code = UIOMMU_CODE_SUCCESS;
		check_all_served(&f, 3);
	}
	CHECK_EQ(rig_stats(f.rig).codes[UIOMMU_CODE_FAILURE], 0);
	CHECK_EQ(rig_verdict(f.rig, false).code_failure, 0);
	CHECK_EQ(rig_verdict(f.rig, false).families_stopped, 0);
	rig_close(f.rig);
}

static void
failure_of_any(void)
{
	failure_of_one(0, 0, NB_VFS);
}

/* The PF's owner has the interface: that says nothing for VFs. */
static void
failure_of_a_vf_only(void)
{
	failure_of_one(UIOMMU_ENDPOINT_FAILURE, 1, NB_VFS);
}

/* The burst interface too: no way round it. */
static void
failure_in_a_burst(void)
{
	struct family f = family_open(0);
	struct uiommu_group groups[1 + NB_VFS];
	uint8_t codes[1 + NB_VFS];
	uint32_t i;

	for (i = 0; i <= NB_VFS; i++) {
		CHECK_EQ(rig_send(f.rig, PF + i, 7, 1, 1, true), UIOMMU_EMU_QUEUED);
		codes[i] = UIOMMU_CODE_FAILURE;
	}
	CHECK_EQ(uiommu_fault_burst(f.rig->dev, 0, groups, 1 + NB_VFS), 1 + NB_VFS);
	CHECK_EQ(uiommu_respond_burst(f.rig->dev, 0, groups, codes, 1 + NB_VFS), 1 + NB_VFS);
	rig_settle(f.rig);
	for (i = 0; i <= NB_VFS; i++)
		rig_expect(f.rig, PF + i, 7, 1, UIOMMU_EMU_INVALID);
	CHECK_EQ(rig_stats(f.rig).demoted, 1 + NB_VFS);
	check_all_served(&f, 2);
	rig_close(f.rig);
}

/* Said so by its owner, the PF's FAILURE is sent: the whole family stops, and nobody else. */
static void
failure_that_is_meant(void)
{
	struct family f = family_open(UIOMMU_ENDPOINT_FAILURE);
	struct recorder *other = rig_recorder(f.rig, UIOMMU_CODE_SUCCESS);
	uint32_t i;

	rig_attach(rig_endpoint(f.rig, EP, 0), 7, other->domain, NULL);
	check_all_served(&f, 1);
	f.recs[0]->code = UIOMMU_CODE_FAILURE;
	rig_ask_and_expect(f.rig, PF, 7, 2, UIOMMU_EMU_FAILURE);
	CHECK_EQ(rig_stats(f.rig).codes[UIOMMU_CODE_FAILURE], 1);
	CHECK_EQ(rig_stats(f.rig).demoted, 0);
	CHECK_EQ(rig_verdict(f.rig, false).families_stopped, 1);
	for (i = 0; i <= NB_VFS; i++)
		CHECK_EQ(rig_send(f.rig, PF + i, 7, 3, 1, true), UIOMMU_EMU_NO_CREDIT);
	rig_ask_and_expect(f.rig, EP, 7, 1, UIOMMU_EMU_SUCCESS);
	rig_close(f.rig);
}

/* One VF goes and comes back, with requests open: the PF and the others do not notice. */
static void
one_goes(void)
{
	struct family f = family_open(0);
	uint8_t code = UIOMMU_CODE_SUCCESS;
	uint32_t i, nb;

	for (i = 0; i <= NB_VFS; i++) {
		f.recs[i]->defer = true;
		CHECK_EQ(rig_send(f.rig, PF + i, 7, 1, 1, true), UIOMMU_EMU_QUEUED);
		CHECK_EQ(rig_send(f.rig, PF + i, 7, 2, 1, false), UIOMMU_EMU_QUEUED);
	}
	rig_settle(f.rig);
	CHECK_EQ(uiommu_endpoint_remove(f.functions[2]), 0);
	rig_expect(f.rig, PF + 2, 7, 1, UIOMMU_EMU_INVALID);
	rig_expect_none(f.rig);
	recorder_close(f.recs[2]);
	f.functions[2] = NULL;
	rig_ask_in_vain(f.rig, PF + 2, 7, 2);
	for (i = 0; i <= NB_VFS; i++) {
		if (f.functions[i] == NULL)
			continue;
		f.recs[i]->defer = false;
		CHECK_EQ(uiommu_answer(f.rig->dev, &f.recs[i]->kept[0].cookie, &code, NULL, 1), 1);
		rig_settle(f.rig);
		rig_expect(f.rig, PF + i, 7, 1, UIOMMU_EMU_SUCCESS);
		rig_ask_and_expect(f.rig, PF + i, 7, 2, UIOMMU_EMU_SUCCESS);
		nb = f.recs[i]->nb_kept;
		CHECK_EQ(f.recs[i]->kept[nb - 1].nb_faults, 2);
	}
	f.functions[2] = rig_endpoint_add(f.rig, PF + 2, UIOMMU_ENDPOINT_VF, PF);
	f.recs[2] = rig_recorder(f.rig, UIOMMU_CODE_SUCCESS);
	rig_attach(f.functions[2], 7, f.recs[2]->domain, NULL);
	check_all_served(&f, 3);
	rig_close(f.rig);
}

/* The same while the whole family asks without a pause. */
static void
one_goes_in_traffic(void)
{
	struct rig_conf conf = {.model_thread = true, .owner_thread = true, .no_log = true};
	struct uiommu_emu_traffic traffic = {.group_pages_min = 1, .group_pages_max = 4};
	struct rig *rig = rig_open(&conf);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	static const uint32_t pasid = 1;
	struct uiommu_endpoint *vf = NULL;
	unsigned int round;
	uint32_t i;

	for (i = 0; i < 3; i++) {
		struct uiommu_emu_device_conf device = {
			.endpoint_id = PF + i,
			.credits = 256,
			.nb_pasids = 1,
			.pasids = &pasid,
			.is_vf = i != 0,
			.pf_id = PF,
		};

		CHECK_EQ(uiommu_emu_device_add(rig->emu, &device), 0);
		vf = rig_endpoint_add(rig, PF + i, i == 0 ? 0 : UIOMMU_ENDPOINT_VF,
				      i == 0 ? 0 : PF);
		rig_attach(vf, 1, rec->domain, NULL);
	}
	CHECK_EQ(uiommu_emu_traffic_set(rig->emu, &traffic), 0);
	uiommu_emu_traffic_run(rig->emu, true);
	for (round = 0; round < TRAFFIC(60); round++) {
		uiommu_emu_pasid_state(rig->emu, PF + 2, 1, UIOMMU_EMU_CHANGING);
		CHECK_EQ(uiommu_endpoint_remove(vf), 0);
		uiommu_emu_pasid_state(rig->emu, PF + 2, 1, UIOMMU_EMU_DETACHED);
		uiommu_emu_pasid_state(rig->emu, PF + 2, 1, UIOMMU_EMU_CHANGING);
		vf = rig_endpoint_add(rig, PF + 2, UIOMMU_ENDPOINT_VF, PF);
		rig_attach(vf, 1, rec->domain, NULL);
		uiommu_emu_pasid_state(rig->emu, PF + 2, 1, UIOMMU_EMU_ATTACHED);
	}
	CHECK(recorder_groups(rec) > 0);
	CHECK_EQ(rig_verdict(rig, false).families_stopped, 0);
	rig_close(rig);
}

/* A whole family is left to stop and close. */
static void
close_with_family(void)
{
	struct family f = family_open(0);

	check_all_served(&f, 1);
	CHECK_EQ(uiommu_stop(f.rig->dev), 0);
	CHECK_EQ(uiommu_start(f.rig->dev), 0);
	check_all_served(&f, 2);
	rig_close(f.rig);
}

static const struct harness_case virtual_functions_cases[] = {
	{"P7 T33 a VF comes after its PF and goes before it", order, 0},
	{"P7 PF that is refused its removal serves on", busy_pf, 0},
	{"P7 P9 PF without page requests", pf_without_page_requests, 0},
	{"P8 T40 FAILURE of any function's handler", failure_of_any, 0},
	{"P8 T40 FAILURE of a VF whose PF may fail", failure_of_a_vf_only, 0},
	{"P8 T40 FAILURE by the burst interface", failure_in_a_burst, 0},
	{"P8 P5 K16 FAILURE that the PF's owner means stops the family", failure_that_is_meant, 0},
	{"P7 T33 one VF goes, the family stays", one_goes, 0},
	{"P7 T33 VF removed and added, with traffic", one_goes_in_traffic, 0},
	{"P7 stop and close with a family", close_with_family, 0},
};

HARNESS_SUITE_OF(virtual_functions, UIOMMU_CAPA_PAGE_REQUESTS | HARNESS_NEEDS_VF_REQUESTS);
