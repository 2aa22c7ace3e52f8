/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Bonds to address spaces: handles, PASIDs, and what ends them. */

#include "sva.h"

static const uint32_t modes[] = {UIOMMU_MM_WORKER, UIOMMU_MM_POLLED, UIOMMU_MM_INLINE};

/* The same endpoint and address space give the same handle; the last unbind ends it. */
static void
one_handle(void)
{
	struct rig *rig = sva_rig(NULL);
	struct uiommu_endpoint *endpoint = sva_endpoint(rig, EP);
	struct sva_user *user = sva_user(UIOMMU_MM_INLINE, NULL);
	struct uiommu_sva *sva = sva_bind(endpoint, user->mm);
	uint32_t pasid = uiommu_sva_pasid(sva);
	unsigned int i;

	for (i = 0; i < 3; i++)
		CHECK(sva_bind(endpoint, user->mm) == sva);
	CHECK_EQ(sva_info(user->mm).nb_bound, 1);
	CHECK_EQ(sva_info(user->mm).pasid, pasid);
	for (i = 0; i < 3; i++) {
		CHECK_EQ(uiommu_sva_unbind(sva), 0);
		CHECK_EQ(uiommu_sva_pasid(sva), pasid);
		sva_ask_and_expect(rig, user->mm, sva, (void *)0x1000, false, UIOMMU_EMU_SUCCESS);
	}
	CHECK(uiommu_attach_find(endpoint, pasid, UIOMMU_DOMAIN_SVA) != NULL);
	CHECK_EQ(uiommu_sva_unbind(sva), 0);
	CHECK_ERRNO(uiommu_attach_find(endpoint, pasid, UIOMMU_DOMAIN_ANY), ENOENT);
	CHECK_EQ(sva_info(user->mm).nb_bound, 0);
	CHECK_EQ(sva_info(user->mm).pasid, UIOMMU_NO_PASID);
	rig_ask_in_vain(rig, EP, pasid, 9);
	CHECK_EQ(user->groups, 3);
	sva_mm_end(user->mm);
	rig_close(rig);
}

/* One PASID on all endpoints of all units, and one domain for all endpoints of a unit. */
static void
one_pasid(void)
{
	struct rig *rigs[2] = {sva_rig(NULL), rig_open(NULL)};
	struct sva_user *user = sva_user(UIOMMU_MM_POLLED, NULL);
	struct uiommu_sva *svas[6];
	struct uiommu_dev_info info;
	uint32_t pasid = 0;
	unsigned int i;

	for (i = 0; i < 6; i++) {
		struct uiommu_endpoint *endpoint =
			sva_endpoint_bits(rigs[i / 3], EP + i % 3, (uint8_t)(SVA_BITS + i % 3));

		svas[i] = sva_bind(endpoint, user->mm);
		pasid = i == 0 ? uiommu_sva_pasid(svas[i]) : pasid;
		CHECK_EQ(uiommu_sva_pasid(svas[i]), pasid);
		CHECK_EQ(sva_info(user->mm).nb_bound, i + 1);
		CHECK_EQ(uiommu_info_get(rigs[i / 3]->dev, &info), 0);
		CHECK_EQ(info.domains, 1);
	}
	for (i = 0; i < 6; i++) {
		CHECK_EQ(uiommu_mm_destroy(user->mm), -EBUSY);
		CHECK_EQ(uiommu_sva_unbind(svas[i]), 0);
		CHECK_EQ(uiommu_info_get(rigs[i / 3]->dev, &info), 0);
		CHECK_EQ(info.domains, i % 3 != 2);
	}
	sva_mm_end(user->mm);
	rig_close(rigs[0]);
	rig_close(rigs[1]);
}

/* Several address spaces on one endpoint: PASIDs apart, each group to its own. */
static void
several_address_spaces(void)
{
	struct rig *rig = sva_rig(NULL);
	struct uiommu_endpoint *endpoint = sva_endpoint(rig, EP);
	struct sva_user *users[9];
	struct uiommu_sva *svas[9];
	unsigned int i, j;

	for (i = 0; i < 9; i++) {
		users[i] = sva_user(modes[i % 3], NULL);
		svas[i] = sva_bind(endpoint, users[i]->mm);
		for (j = 0; j < i; j++)
			CHECK(uiommu_sva_pasid(svas[i]) != uiommu_sva_pasid(svas[j]));
	}
	for (i = 0; i < 9; i++)
		sva_ask_and_expect(rig, users[i]->mm, svas[i], (void *)(i * 0x1000UL + 0x10000),
				   true, UIOMMU_EMU_SUCCESS);
	for (i = 0; i < 9; i++) {
		CHECK_EQ(users[i]->nb_kept, 1);
		CHECK_EQ(users[i]->kept[0].iova, i * 0x1000 + 0x10000);
		CHECK_EQ(uiommu_sva_unbind(svas[i]), 0);
		sva_mm_end(users[i]->mm);
	}
	rig_close(rig);
}

static void
refusals(void)
{
	struct rig *rig = sva_rig(NULL);
	const struct uiommu_endpoint_conf no_pri = {
		.size = sizeof(no_pri),
		.flags = UIOMMU_ENDPOINT_NO_PAGE_REQUESTS,
	};
	struct uiommu_endpoint *plain = uiommu_endpoint_add(rig->dev, 0x0300, &no_pri);
	struct uiommu_endpoint *wide = sva_endpoint_bits(rig, EP, SVA_BITS);
	struct uiommu_endpoint *narrow = sva_endpoint_bits(rig, 0x0200, 1);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct sva_user *first = sva_user(UIOMMU_MM_INLINE, NULL);
	struct sva_user *second = sva_user(UIOMMU_MM_POLLED, NULL);
	struct uiommu_attach *taken;
	struct uiommu_sva *sva;
	uint32_t pasid;

	CHECK(plain != NULL);
	CHECK_ERRNO(uiommu_sva_bind(NULL, first->mm), EINVAL);
	CHECK_ERRNO(uiommu_sva_bind(wide, NULL), EINVAL);
	CHECK_ERRNO(uiommu_sva_bind(plain, first->mm), ENOTSUP);
	CHECK_EQ(uiommu_sva_unbind(NULL), -EINVAL);
	CHECK_EQ(uiommu_sva_pasid(NULL), UIOMMU_NO_PASID);
	sva = sva_bind(wide, first->mm);
	if (uiommu_sva_pasid(sva) == 1) {
		/* any but that which the narrow endpoint can have */
		struct uiommu_sva *other = sva_bind(wide, second->mm);

		CHECK_EQ(uiommu_sva_unbind(sva), 0);
		sva = other;
		first = second;
		second = sva_user(UIOMMU_MM_WORKER, NULL);
	}
	pasid = uiommu_sva_pasid(sva);
	CHECK_ERRNO(uiommu_sva_bind(narrow, first->mm), EOVERFLOW);
	/* the bond that is there is another endpoint's affair */
	CHECK_EQ(sva_info(first->mm).nb_bound, 1);
	narrow = sva_endpoint_bits(rig, 0x0208, SVA_BITS);
	taken = rig_attach(narrow, pasid, rec->domain, rec);
	CHECK_ERRNO(uiommu_sva_bind(narrow, first->mm), EBUSY);
	/* a new one is chosen around it */
	CHECK_EQ(uiommu_detach(taken), 0);
	CHECK_EQ(uiommu_sva_unbind(sva), 0);
	rig_close(rig);
	sva_mm_end(first->mm);
	sva_mm_end(second->mm);
}

/* No PASID is left within the width, one that was attached by hand included. */
static void
pasids_run_out(void)
{
	struct rig *rig = sva_rig(NULL);
	struct uiommu_endpoint *endpoint = sva_endpoint_bits(rig, EP, 3);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct sva_user *users[8];
	struct uiommu_sva *svas[8];
	unsigned int i, nb = 0;

	rig_attach(endpoint, 5, rec->domain, rec);
	for (i = 0; i < 8; i++) {
		users[i] = sva_user(UIOMMU_MM_INLINE, NULL);
		svas[i] = uiommu_sva_bind(endpoint, users[i]->mm);
		if (svas[i] == NULL) {
			CHECK_EQ(rte_errno, ENOSPC);
			continue;
		}
		CHECK(uiommu_sva_pasid(svas[i]) >= 1 && uiommu_sva_pasid(svas[i]) < 8);
		CHECK(uiommu_sva_pasid(svas[i]) != 5);
		nb++;
	}
	/* 1 to 7 without 5 */
	CHECK_EQ(nb, 6);
	for (i = 0; i < 8; i++) {
		if (svas[i] != NULL)
			CHECK_EQ(uiommu_sva_unbind(svas[i]), 0);
		sva_mm_end(users[i]->mm);
	}
	rig_close(rig);
}

/* Fault queues take their depth out of the unit's slots; a refusal leaves nothing behind. */
static void
slots_run_out(void)
{
	struct rig_conf conf = {.dev = {.deferred_max = 16}};
	struct rig *rig = sva_rig(&conf);
	struct uiommu_endpoint *endpoint = sva_endpoint(rig, EP);
	struct uiommu_mm_conf eight = {.queue_depth = 8}, odd = {.queue_depth = 32};
	struct sva_user *users[3];
	struct uiommu_sva *svas[2];
	unsigned int i;

	for (i = 0; i < 2; i++) {
		users[i] = sva_user(UIOMMU_MM_POLLED, &eight);
		svas[i] = sva_bind(endpoint, users[i]->mm);
	}
	users[2] = sva_user(UIOMMU_MM_POLLED, &eight);
	CHECK_ERRNO(uiommu_sva_bind(endpoint, users[2]->mm), ENOSPC);
	CHECK_EQ(sva_info(users[2]->mm).pasid, UIOMMU_NO_PASID);
	CHECK_EQ(uiommu_sva_unbind(svas[0]), 0);
	svas[0] = sva_bind(endpoint, users[2]->mm);
	CHECK_EQ(uiommu_sva_unbind(svas[0]), 0);
	CHECK_EQ(uiommu_sva_unbind(svas[1]), 0);
	for (i = 0; i < 3; i++)
		sva_mm_end(users[i]->mm);
	users[0] = sva_user(UIOMMU_MM_POLLED, &odd);
	CHECK_ERRNO(uiommu_sva_bind(endpoint, users[0]->mm), EINVAL);
	sva_mm_end(users[0]->mm);
	rig_close(rig);
}

/* What belongs to SVA is not taken apart behind its back. */
static void
bonds_are_svas_own(void)
{
	struct rig *rig = sva_rig(NULL);
	struct uiommu_endpoint *endpoint = sva_endpoint(rig, EP);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct sva_user *user = sva_user(UIOMMU_MM_INLINE, NULL);
	struct uiommu_sva *sva = sva_bind(endpoint, user->mm);
	struct uiommu_attach *attach =
		uiommu_attach_find(endpoint, uiommu_sva_pasid(sva), UIOMMU_DOMAIN_SVA);

	CHECK(attach != NULL);
	CHECK(uiommu_attach_priv(attach) == NULL);
	CHECK_ERRNO(uiommu_attach_find(endpoint, uiommu_sva_pasid(sva), UIOMMU_DOMAIN_PAGING),
		    EBUSY);
	CHECK_EQ(uiommu_detach(attach), -EBUSY);
	CHECK_EQ(uiommu_detach_start(attach), -EBUSY);
	CHECK_ERRNO(uiommu_replace(attach, rec->domain, NULL), EBUSY);
	CHECK_ERRNO(uiommu_attach(endpoint, uiommu_sva_pasid(sva), rec->domain, NULL), EBUSY);
	sva_ask_and_expect(rig, user->mm, sva, (void *)0x5000, false, UIOMMU_EMU_SUCCESS);
	CHECK_EQ(uiommu_sva_unbind(sva), 0);
	sva_mm_end(user->mm);
	rig_close(rig);
}

/* K24: the endpoint goes first. The handle stays an object until its unbinds. */
static void
endpoint_goes_first(void)
{
	struct rig *rig = sva_rig(NULL);
	struct uiommu_endpoint *endpoint = sva_endpoint(rig, EP);
	struct uiommu_endpoint *other = sva_endpoint_bits(rig, 0x0200, SVA_BITS);
	struct sva_user *user = sva_user(UIOMMU_MM_POLLED, NULL);
	struct uiommu_sva *sva = sva_bind(endpoint, user->mm);
	struct uiommu_sva *second = sva_bind(other, user->mm);
	uint32_t pasid = uiommu_sva_pasid(sva);
	struct uiommu_dev_info info;

	CHECK(sva_bind(endpoint, user->mm) == sva);
	sva_ask(rig, sva, 1, (void *)0x1000, false, true);
	CHECK_EQ(uiommu_endpoint_remove(endpoint), 0);
	rig_expect(rig, EP, pasid, 1, UIOMMU_EMU_INVALID);
	CHECK_EQ(uiommu_sva_pasid(sva), UIOMMU_NO_PASID);
	CHECK_EQ(sva_info(user->mm).nb_bound, 1);
	CHECK_EQ(sva_info(user->mm).pasid, pasid);
	CHECK_EQ(uiommu_mm_poll(user->mm, 16), 0);
	/* the same endpoint again is another one */
	endpoint = sva_endpoint_bits(rig, EP, SVA_BITS);
	CHECK_EQ(uiommu_sva_unbind(sva), 0);
	CHECK_EQ(uiommu_sva_pasid(sva), UIOMMU_NO_PASID);
	CHECK_EQ(uiommu_endpoint_remove(other), 0);
	CHECK_EQ(sva_info(user->mm).pasid, UIOMMU_NO_PASID);
	CHECK_EQ(uiommu_info_get(rig->dev, &info), 0);
	CHECK_EQ(info.domains, 0);
	CHECK_EQ(info.attached, 0);
	sva_mm_end(user->mm);
	CHECK_EQ(uiommu_sva_unbind(second), 0);
	CHECK_EQ(uiommu_sva_unbind(sva), 0);
	CHECK_EQ(user->groups, 0);
	rig_close(rig);
}

/* The unit goes first. Another one that the address space is on goes on. */
static void
unit_goes_first(void)
{
	struct rig *rigs[2] = {sva_rig(NULL), rig_open(NULL)};
	struct sva_user *users[3];
	struct uiommu_sva *gone[3], *left[3];
	unsigned int i;

	for (i = 0; i < 3; i++) {
		users[i] = sva_user(modes[i], NULL);
		gone[i] = sva_bind(sva_endpoint(rigs[0], EP + 8 * i), users[i]->mm);
		left[i] = sva_bind(i == 0 ? sva_endpoint(rigs[1], EP)
					  : uiommu_endpoint_find(rigs[1]->dev, EP),
				   users[i]->mm);
	}
	rig_close(rigs[0]);
	for (i = 0; i < 3; i++) {
		CHECK_EQ(uiommu_sva_pasid(gone[i]), UIOMMU_NO_PASID);
		CHECK_EQ(sva_info(users[i]->mm).nb_bound, 1);
		sva_ask_and_expect(rigs[1], users[i]->mm, left[i], (void *)0x1000, false,
				   UIOMMU_EMU_SUCCESS);
		CHECK_EQ(uiommu_sva_unbind(left[i]), 0);
	}
	for (i = 0; i < 3; i++) {
		sva_mm_end(users[i]->mm);
		CHECK_EQ(uiommu_sva_unbind(gone[i]), 0);
	}
	rig_close(rigs[1]);
}

/* T17: the next address space gets another PASID while any other is free. */
static void
pasid_comes_back_late(void)
{
	struct rig *rig = sva_rig(NULL);
	struct uiommu_endpoint *endpoint = sva_endpoint(rig, EP);
	struct sva_user *user = sva_user(UIOMMU_MM_INLINE, NULL);
	struct uiommu_sva *sva = sva_bind(endpoint, user->mm);
	uint32_t first = uiommu_sva_pasid(sva);
	unsigned int i;

	CHECK_EQ(uiommu_sva_unbind(sva), 0);
	for (i = 0; i < SVA_PASIDS / 2; i++) {
		sva = sva_bind(endpoint, user->mm);
		CHECK(uiommu_sva_pasid(sva) != first);
		sva_ask_and_expect(rig, user->mm, sva, (void *)0x1000, false, UIOMMU_EMU_SUCCESS);
		CHECK_EQ(uiommu_sva_unbind(sva), 0);
	}
	sva_mm_end(user->mm);
	rig_close(rig);
}

/* An endpoint of which PASIDs from 64 to 127 are free: those below are for other cases. */
static struct uiommu_endpoint *
upper_half(struct rig *rig)
{
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *endpoint = sva_endpoint_bits(rig, EP, 7);
	uint32_t pasid;

	for (pasid = 1; pasid < 64; pasid++)
		rig_attach(endpoint, pasid, rec->domain, rec);
	return endpoint;
}

/* T17: a PASID whose drain failed is never given out again, with whatever unit. */
static void
pasid_of_a_failed_unit(void)
{
	struct rig_conf conf = {.dev = {.timeout_ns = 100000000}};
	struct rig *rig = sva_rig(&conf);
	struct uiommu_endpoint *endpoint = upper_half(rig);
	struct sva_user *user = sva_user(UIOMMU_MM_INLINE, NULL);
	struct sva_user *second = sva_user(UIOMMU_MM_POLLED, NULL);
	struct uiommu_sva *sva = sva_bind(endpoint, user->mm);
	struct uiommu_sva *other = sva_bind(endpoint, second->mm);
	uint32_t lost[2] = {uiommu_sva_pasid(sva), uiommu_sva_pasid(other)};
	unsigned int i;
	int ret;

	CHECK(lost[0] >= 64 && lost[1] >= 64);
	uiommu_emu_fault_set(rig->emu, UIOMMU_EMU_FAULT_LOST_WAIT, 0);
	ret = uiommu_sva_unbind(sva);
	/* where this thread was away for long, the data path has noticed first */
	CHECK(ret == -ETIMEDOUT || ret == -EIO);
	CHECK_EQ(rig_state(rig), UIOMMU_DEV_FAILED);
	CHECK_EQ(uiommu_sva_unbind(other), -EIO);
	CHECK_EQ(sva_info(user->mm).pasid, UIOMMU_NO_PASID);
	CHECK_EQ(sva_info(user->mm).nb_bound, 0);
	CHECK_ERRNO(uiommu_sva_bind(endpoint, user->mm), EIO);
	/* the unit may still know the domain, but not the address space */
	sva_mm_end(user->mm);
	uiommu_emu_fault_set(rig->emu, UIOMMU_EMU_FAULT_NONE, 0);
	rig_close_failed(rig);
	sva_mm_end(second->mm);

	rig = rig_open(NULL);
	endpoint = upper_half(rig);
	user = sva_user(UIOMMU_MM_INLINE, NULL);
	for (i = 0; i < 2 * 64; i++) {
		sva = sva_bind(endpoint, user->mm);
		CHECK(uiommu_sva_pasid(sva) != lost[0] && uiommu_sva_pasid(sva) != lost[1]);
		CHECK_EQ(uiommu_sva_unbind(sva), 0);
	}
	sva_mm_end(user->mm);
	rig_close(rig);
}

static void
bad_configurations(void)
{
	static const struct uiommu_mm_ops no_fault = {NULL, NULL, NULL};
	struct sva_user *user;
	struct uiommu_mm *self;
	struct uiommu_mm_conf conf;
	unsigned int i;

	rig_close(sva_rig(NULL));
	CHECK_ERRNO(uiommu_mm_create(NULL), EINVAL);
	CHECK_EQ(uiommu_mm_destroy(NULL), -EINVAL);
	CHECK_EQ(uiommu_mm_release(NULL), -EINVAL);
	CHECK_EQ(uiommu_mm_poll(NULL, 1), 0);
	for (i = 0; i < 12; i++) {
		conf = (struct uiommu_mm_conf){.size = sizeof(conf)};
		conf.size -= i == 0;
		conf.kind = i == 1 ? 2 : UIOMMU_MM_SELF;
		conf.mode = i == 2 ? 3 : i == 3 ? UIOMMU_MM_INLINE : UIOMMU_MM_WORKER;
		conf.nb_workers = i == 4 ? 17 : 0;
		conf.lock_granule_bytes = i == 5 ? 2048 : i == 6 ? 5000 : 0;
		conf.limit_code = i == 7 ? UIOMMU_CODE_FAILURE : i == 8 ? UIOMMU_CODE_DEFERRED : 0;
		conf.queue_depth = i == 9 ? 3 : 0;
		conf.flags = i == 10 ? 4 : 0;
		conf.reserved[3] = i == 11;
		CHECK_ERRNO(uiommu_mm_create(&conf), EINVAL);
	}
	conf = (struct uiommu_mm_conf){.size = sizeof(conf), .kind = UIOMMU_MM_USER};
	CHECK_ERRNO(uiommu_mm_create(&conf), EINVAL);
	conf.ops = &no_fault;
	CHECK_ERRNO(uiommu_mm_create(&conf), EINVAL);
	self = sva_self(NULL, UIOMMU_MM_POLLED, NULL);
	conf = (struct uiommu_mm_conf){.size = sizeof(conf)};
	CHECK_ERRNO(uiommu_mm_create(&conf), EEXIST);
	CHECK_EQ(uiommu_mm_info_get(self, NULL), -EINVAL);
	sva_mm_end(self);
	self = sva_self(NULL, UIOMMU_MM_WORKER, NULL);
	user = sva_user(UIOMMU_MM_WORKER, &(struct uiommu_mm_conf){.nb_workers = 16});
	CHECK_EQ(uiommu_mm_poll(user->mm, 1), 0);
	sva_mm_end(user->mm);
	sva_mm_end(self);
}

static const struct harness_case sva_cases[] = {
	{"SVA one handle for an endpoint and an address space", one_handle, UIOMMU_CAPA_PASID},
	{"SVA one PASID across endpoints and units", one_pasid, UIOMMU_CAPA_PASID},
	{"SVA several address spaces on an endpoint", several_address_spaces, UIOMMU_CAPA_PASID},
	{"SVA binds that are refused", refusals, UIOMMU_CAPA_PASID},
	{"SVA R6 no PASID is left", pasids_run_out, UIOMMU_CAPA_PASID},
	{"SVA R6 no slots are left", slots_run_out, UIOMMU_CAPA_PASID},
	{"SVA its bonds are its own", bonds_are_svas_own, UIOMMU_CAPA_PASID},
	{"SVA R4 K24 endpoint removed while bound", endpoint_goes_first, UIOMMU_CAPA_PASID},
	{"SVA T18 unit closed while bound", unit_goes_first, UIOMMU_CAPA_PASID},
	{"SVA T17 a PASID comes back late", pasid_comes_back_late, UIOMMU_CAPA_PASID},
	{"SVA T17 R11 a PASID is lost with its unit", pasid_of_a_failed_unit, UIOMMU_CAPA_PASID},
	{"SVA address spaces that are refused", bad_configurations, UIOMMU_CAPA_PASID},
};

HARNESS_SUITE_OF(sva, UIOMMU_CAPA_PAGE_REQUESTS | UIOMMU_CAPA_FIRST_STAGE);
