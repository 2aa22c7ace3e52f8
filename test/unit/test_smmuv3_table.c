/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Stream table entries and context descriptors, bit by bit: S 5.1 to 5.5. */

#include "smmuv3_rig.h"

#define V UINT64_C(1)

/* Entry of a StreamID as the unit would find it */
static const uint64_t *
ste_of(uint32_t sid)
{
	const struct smmuv3_stream_table *streams = &smmu->streams;
	const uint64_t *top = streams->top.va;

	if (!streams->two_level)
		return top + sid * 8;
	/* Span 9: 256 entries */
	assert_int_equal(top[sid >> 8] & 0x1f, 9);
	return (const uint64_t *)(uintptr_t)(top[sid >> 8] & UINT64_C(0x00ffffffffffffc0)) +
	       (sid & 0xff) * 8;
}

/* Likewise of a context descriptor */
static const uint64_t *
cd_of(uint32_t sid, uint32_t ssid)
{
	const uint64_t *ste = ste_of(sid);
	const uint64_t *table = (const void *)(uintptr_t)(ste[0] & UINT64_C(0x00ffffffffffffc0));

	if ((ste[0] >> 4 & 3) == 0)
		return table + ssid * 8;
	assert_int_equal(ste[0] >> 4 & 3, 1);
	assert_true((table[ssid >> 6] & 1) != 0);
	return (const uint64_t *)(uintptr_t)(table[ssid >> 6] & UINT64_C(0x00fffffffffff000)) +
	       (ssid & 0x3f) * 8;
}

static void
endpoint_entry(void **state)
{
	struct smmuv3_endpoint *endpoint = endpoint_new(SID, 0), *stall;
	const uint64_t *ste = ste_of(SID);
	unsigned int i;

	/* not valid before UIOMMU_CMD_ENDPOINT_SET; stage 1; two levels; 20 bits */
	assert_int_equal(ste[0] & 0x3f, 5 << 1 | 1 << 4);
	assert_int_equal(ste[0] >> 59, 20);
	/* SSID 0, WBRA twice, inner; PPAR 18, S1STALLD 27, EATS 29:28, SHCFG 45:44 */
	assert_true(ste[1] == (UINT64_C(0x2) | 1 << 2 | 1 << 4 | 3 << 6 | 1 << 18 | 1 << 27 |
			       1 << 28 | UINT64_C(1) << 44));
	for (i = 2; i < 8; i++)
		assert_true(ste[i] == 0);
	smmuv3_endpoint_validate(endpoint);
	assert_true((ste[0] & V) != 0);
	smmuv3_endpoint_clear(&dev, endpoint);
	assert_true((ste[0] & V) == 0);
	smmuv3_endpoint_enable(&dev, endpoint);
	assert_true((ste[0] & V) != 0);
	/* one that may stall, without ATS */
	stall = endpoint_new(SID + 1, UIOMMU_ENDPOINT_STALL | UIOMMU_ENDPOINT_NO_ATS);
	ste = ste_of(SID + 1);
	assert_int_equal(ste[1] >> 27 & 7, 0);
	assert_int_equal(ste[1] >> 18 & 1, 0);
	smmuv3_endpoint_free(&dev, endpoint);
	smmuv3_endpoint_free(&dev, stall);
}

/* S 5.2: S1STALLD is illegal where the unit cannot do both; PPAR is of no use with PPS. */
static void
endpoint_entry_by_capability(void **state)
{
	struct smmuv3_endpoint *endpoint;

	smmu->stall_model = SMMUV3_STALL_MODEL_NONE;
	smmu->idr3 |= SMMUV3_IDR3_PPS;
	endpoint = endpoint_new(SID, 0);
	assert_int_equal(ste_of(SID)[1] >> 27 & 1, 0);
	assert_int_equal(ste_of(SID)[1] >> 18 & 1, 0);
	smmuv3_endpoint_free(&dev, endpoint);
	/* ATS that the unit does not have */
	smmu->idr0 &= ~SMMUV3_IDR0_ATS;
	endpoint = endpoint_new(SID, 0);
	assert_int_equal(ste_of(SID)[1] >> 28 & 3, 0);
	assert_false(endpoint->ats);
	smmuv3_endpoint_free(&dev, endpoint);
}

static void
endpoint_refused(void **state)
{
	struct uiommu_endpoint_conf conf = {.size = sizeof(conf), .pasid_bits = 21};
	struct smmuv3_endpoint *endpoint;
	void *other;

	assert_int_equal(smmuv3_endpoint_set(&dev, SID, &conf, &other), -EINVAL);
	conf.pasid_bits = 0;
	assert_int_equal(smmuv3_endpoint_set(&dev, 1 << 16, &conf, &other), -EINVAL);
	endpoint = endpoint_new(SID, 0);
	smmuv3_endpoint_validate(endpoint);
	assert_int_equal(smmuv3_endpoint_set(&dev, SID, &conf, &other), -EEXIST);
	smmuv3_endpoint_clear(&dev, endpoint);
	smmuv3_endpoint_free(&dev, endpoint);
	smmu->stall_model = SMMUV3_STALL_MODEL_NONE;
	conf.flags = UIOMMU_ENDPOINT_STALL;
	assert_int_equal(smmuv3_endpoint_set(&dev, SID, &conf, &other), -ENOTSUP);
}

/* Every StreamID that a leaf, or a linear table, has its own entry for */
static void
entries_have_places(void **state)
{
	static const uint32_t sids[] = {0, 1, 0xff, 0x100, 0x3ff, 0x8000, 0xffff};
	struct smmuv3_endpoint *endpoints[RTE_DIM(sids)];
	unsigned int two, i;

	for (two = 0; two < 2; two++) {
		smmuv3_close(&dev);
		hw_args.key = "strtab";
		hw_args.text = two != 0 ? "two" : "linear";
		assert_int_equal(unit_start(), 0);
		assert_int_equal(smmu->streams.two_level, two);
		assert_int_equal(*hw_reg(SMMUV3_REG_STRTAB_BASE_CFG),
				 two != 0 ? 1 << 16 | 8 << 6 | 16 : 16);
		for (i = 0; i < RTE_DIM(sids); i++) {
			endpoints[i] = endpoint_new(sids[i], 0);
			smmuv3_endpoint_validate(endpoints[i]);
		}
		for (i = 0; i < RTE_DIM(sids); i++) {
			assert_ptr_equal(ste_of(sids[i]), endpoints[i]->ste);
			assert_true((ste_of(sids[i])[0] & V) != 0);
			smmuv3_endpoint_clear(&dev, endpoints[i]);
			smmuv3_endpoint_free(&dev, endpoints[i]);
		}
	}
}

static void
context_descriptor(void **state)
{
	struct smmuv3_domain *domain = domain_new(UIOMMU_DOMAIN_PAGING);
	struct smmuv3_endpoint *endpoint = endpoint_new(SID, 0);
	const uint64_t *cd;
	unsigned int i;

	assert_int_equal(smmuv3_bond_set(&dev, endpoint, 0xabcde, domain), 0);
	cd = cd_of(SID, 0xabcde);
	/* T0SZ 16, WBWA, inner, EPD1 30, IPS 48 bits, AA64 41, HD HA 43:42, R A ASET 47:45 */
	assert_true(cd[0] == (UINT64_C(16) | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 30 |
			      UINT64_C(5) << 32 | UINT64_C(7) << 41 | UINT64_C(7) << 45 |
			      (uint64_t)domain->asid << 48));
	assert_true(cd[1] == 0x123456000);
	assert_true(cd[2] == 0);
	/* index 1 is what the tables of the library name: write-back */
	assert_true(cd[3] == 0x04ff44);
	for (i = 4; i < 8; i++)
		assert_true(cd[i] == 0);
	smmuv3_bond_validate(endpoint, 0xabcde);
	assert_true(cd[0] >> 31 & 1);
	assert_int_equal(smmuv3_bond_set(&dev, endpoint, 0xabcde, domain), -EBUSY);
	/* quiet: no walks 14, no events 45; one word, so the rest stays */
	smmuv3_bond_block(&dev, endpoint, 0xabcde);
	assert_int_equal(cd[0] >> 14 & 1, 1);
	assert_int_equal(cd[0] >> 31 & 1, 1);
	assert_int_equal(cd[0] >> 44 & 7, 4);
	smmuv3_bond_clear(&dev, endpoint, 0xabcde);
	assert_int_equal(cd[0] >> 31 & 1, 0);
	/* and as before the next time */
	assert_int_equal(smmuv3_bond_set(&dev, endpoint, 0xabcde, domain), 0);
	assert_int_equal(cd[0] >> 14 & 1, 0);
	assert_int_equal(cd[0] >> 44 & 7, 6);
	smmuv3_domain_fini(&dev, domain);
	smmuv3_endpoint_free(&dev, endpoint);
}

/* S 5.5: S for those who may, and for all where nothing else is legal. */
static void
stalls_by_endpoint(void **state)
{
	struct smmuv3_domain *domain = domain_new(UIOMMU_DOMAIN_PAGING);
	struct smmuv3_endpoint *may = endpoint_new(SID, UIOMMU_ENDPOINT_STALL);
	struct smmuv3_endpoint *may_not = endpoint_new(SID + 1, 0);

	assert_int_equal(smmuv3_bond_set(&dev, may, 1, domain), 0);
	assert_int_equal(smmuv3_bond_set(&dev, may_not, 1, domain), 0);
	assert_int_equal(cd_of(SID, 1)[0] >> 44 & 1, 1);
	assert_int_equal(cd_of(SID + 1, 1)[0] >> 44 & 1, 0);
	smmuv3_bond_block(&dev, may, 1);
	assert_int_equal(cd_of(SID, 1)[0] >> 44 & 1, 0);
	smmu->stall_model = SMMUV3_STALL_MODEL_FORCED;
	assert_int_equal(smmuv3_bond_set(&dev, may_not, 2, domain), 0);
	assert_int_equal(cd_of(SID + 1, 2)[0] >> 44 & 1, 1);
	smmuv3_bond_block(&dev, may_not, 2);
	assert_int_equal(cd_of(SID + 1, 2)[0] >> 44 & 1, 1);
	smmuv3_domain_fini(&dev, domain);
	smmuv3_endpoint_free(&dev, may);
	smmuv3_endpoint_free(&dev, may_not);
}

static void
rid_passes(void **state)
{
	struct smmuv3_domain *identity = domain_new(UIOMMU_DOMAIN_IDENTITY);
	struct smmuv3_domain *paging = domain_new(UIOMMU_DOMAIN_PAGING);
	struct smmuv3_endpoint *endpoint = endpoint_new(SID, 0), *plain;
	const struct uiommu_endpoint_conf conf = {.size = sizeof(conf)};
	void *out;

	smmuv3_endpoint_validate(endpoint);
	assert_int_equal(smmuv3_bond_set(&dev, endpoint, 1, identity), -ENOTSUP);
	assert_int_equal(smmuv3_bond_set(&dev, endpoint, UIOMMU_NO_PASID, identity), 0);
	assert_int_equal(ste_of(SID)[1] & 3, 1);
	assert_int_equal(ste_of(SID)[0] & 0xf, 5 << 1 | 1);
	assert_int_equal(smmuv3_bond_set(&dev, endpoint, UIOMMU_NO_PASID, paging), -EBUSY);
	smmuv3_bond_clear(&dev, endpoint, UIOMMU_NO_PASID);
	assert_int_equal(ste_of(SID)[1] & 3, 2);
	assert_int_equal(smmuv3_bond_set(&dev, endpoint, UIOMMU_NO_PASID, paging), 0);
	assert_true(cd_of(SID, 0)[1] == 0x123456000);
	/* without SubstreamIDs the stream as a whole */
	smmu->ssid_bits = 0;
	assert_int_equal(smmuv3_endpoint_set(&dev, SID + 1, &conf, &out), 0);
	plain = out;
	smmuv3_endpoint_validate(plain);
	assert_int_equal(ste_of(SID + 1)[0] >> 59, 0);
	assert_int_equal(ste_of(SID + 1)[0] & 0x3f, 5 << 1 | 1);
	assert_int_equal(ste_of(SID + 1)[1] & 3, 0);
	assert_int_equal(smmuv3_bond_set(&dev, plain, UIOMMU_NO_PASID, identity), 0);
	assert_int_equal(ste_of(SID + 1)[0] & 0x3f, 4 << 1 | 1);
	smmuv3_bond_clear(&dev, plain, UIOMMU_NO_PASID);
	assert_int_equal(ste_of(SID + 1)[0] & 0x3f, 5 << 1 | 1);
	assert_int_equal(smmuv3_bond_set(&dev, plain, UIOMMU_NO_PASID, paging), 0);
	assert_true(cd_of(SID + 1, 0)[1] == 0x123456000);
	assert_int_equal(smmuv3_bond_set(&dev, plain, 1, paging), -EINVAL);
	smmuv3_domain_fini(&dev, identity);
	smmuv3_domain_fini(&dev, paging);
	smmuv3_endpoint_free(&dev, endpoint);
	smmuv3_endpoint_free(&dev, plain);
}

/* A descriptor is emptied by the bond to a domain without access; 0 is the RID's. */
static void
other_bonds(void **state)
{
	struct smmuv3_domain *blocked = domain_new(UIOMMU_DOMAIN_BLOCKED);
	struct smmuv3_domain *paging = domain_new(UIOMMU_DOMAIN_PAGING);
	struct smmuv3_endpoint *endpoint = endpoint_new(SID, 0);

	assert_int_equal(smmuv3_bond_set(&dev, endpoint, 0, paging), -EINVAL);
	assert_int_equal(smmuv3_bond_set(&dev, endpoint, 1 << 20 | 1, paging), -EINVAL);
	assert_int_equal(smmuv3_bond_set(&dev, endpoint, 9, blocked), 0);
	smmuv3_bond_validate(endpoint, 9);
	smmuv3_bond_clear(&dev, endpoint, 9);
	assert_int_equal(smmuv3_bond_set(&dev, endpoint, 9, paging), 0);
	smmuv3_bond_validate(endpoint, 9);
	smmuv3_bond_clear(&dev, endpoint, 9);
	assert_int_equal(smmuv3_bond_set(&dev, endpoint, 9, blocked), 0);
	smmuv3_bond_validate(endpoint, 9);
	assert_true(cd_of(SID, 9)[0] == 0);
	smmuv3_domain_fini(&dev, blocked);
	smmuv3_domain_fini(&dev, paging);
	smmuv3_endpoint_free(&dev, endpoint);
}

/* One table, where the unit has no two levels or there are few. */
static void
linear_descriptors(void **state)
{
	struct uiommu_endpoint_conf conf = {.size = sizeof(conf), .pasid_bits = 6};
	struct smmuv3_domain *paging = domain_new(UIOMMU_DOMAIN_PAGING);
	void *few, *many;

	assert_int_equal(smmuv3_endpoint_set(&dev, SID, &conf, &few), 0);
	assert_int_equal(smmuv3_bond_set(&dev, few, 63, paging), 0);
	assert_int_equal(smmuv3_bond_set(&dev, few, 64, paging), -EINVAL);
	assert_int_equal(ste_of(SID)[0] >> 4 & 3, 0);
	assert_true(cd_of(SID, 63)[1] == 0x123456000);
	smmu->idr0 &= ~SMMUV3_IDR0_CD2L;
	conf.pasid_bits = 10;
	assert_int_equal(smmuv3_endpoint_set(&dev, SID + 1, &conf, &many), 0);
	assert_int_equal(smmuv3_bond_set(&dev, many, 1023, paging), 0);
	assert_int_equal(ste_of(SID + 1)[0] >> 4 & 3, 0);
	assert_int_equal(ste_of(SID + 1)[0] >> 59, 10);
	assert_true(cd_of(SID + 1, 1023)[1] == 0x123456000);
	smmuv3_domain_fini(&dev, paging);
	smmuv3_endpoint_free(&dev, few);
	smmuv3_endpoint_free(&dev, many);
}

/* Before the start nobody reads the tables: entries are valid at once. */
static void
valid_at_once_when_off(void **state)
{
	struct smmuv3_domain *domain;
	struct smmuv3_endpoint *endpoint;

	assert_int_equal(smmuv3_stop(&dev), 0);
	domain = domain_new(UIOMMU_DOMAIN_PAGING);
	endpoint = endpoint_new(SID, 0);
	assert_int_equal(smmuv3_bond_set(&dev, endpoint, 3, domain), 0);
	assert_true((ste_of(SID)[0] & V) != 0);
	assert_true((cd_of(SID, 3)[0] >> 31 & 1) != 0);
	smmuv3_domain_fini(&dev, domain);
	smmuv3_endpoint_free(&dev, endpoint);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(endpoint_entry),
		CASE(endpoint_entry_by_capability),
		CASE(endpoint_refused),
		CASE(entries_have_places),
		CASE(context_descriptor),
		CASE(stalls_by_endpoint),
		CASE(rid_passes),
		CASE(other_bonds),
		CASE(linear_descriptors),
		CASE(valid_at_once_when_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
