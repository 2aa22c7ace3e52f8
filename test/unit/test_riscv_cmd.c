/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* What the control path has the unit do: commands and fences, word by word and in order. */

#include "riscv_rig.h"

#define DDT 0x0503020200000003
#define PDT 0x0503020200000083
#define VMA_ALL 0x001
#define VMA(pscid) (UINT64_C(0x0000000100000001) | (uint64_t)(pscid) << 12)
#define FENCE 0x002
#define ATS_RID 0x0503020200000004
#define ATS_PASID(pasid) (UINT64_C(0x0503020300000004) | (uint64_t)(pasid) << 12)
#define ALL_PAGES 0x7ffffffffffff800

/* What is not valid is not cached: nothing is to be told of an endpoint that comes. */
static void
endpoint_comes(void **state)
{
	struct riscv_endpoint *endpoint = endpoint_new(DID, 0);
	struct uiommu_cmd cmd = cmd_new(UIOMMU_CMD_ENDPOINT_SET, endpoint, UIOMMU_NO_PASID, NULL);

	assert_int_equal(command(&cmd), 0);
	assert_int_equal(hw.nb_seen, 0);
	riscv_endpoint_clear(&dev, endpoint);
	riscv_endpoint_free(&dev, endpoint);
	/* once more: the entry has been valid since */
	endpoint = endpoint_new(DID, 0);
	cmd = cmd_new(UIOMMU_CMD_ENDPOINT_SET, endpoint, UIOMMU_NO_PASID, NULL);
	assert_int_equal(command(&cmd), 0);
	assert_seen((struct riscv_cmd[]){cmd_of(DDT, 0), cmd_of(VMA_ALL, 0)}, 2);
	riscv_endpoint_free(&dev, endpoint);
}

/* Directories, translations, devices: each complete before the next. */
static void
endpoint_goes(void **state)
{
	struct riscv_endpoint *endpoint = endpoint_new(DID, 0);
	struct uiommu_cmd cmd = cmd_new(UIOMMU_CMD_ENDPOINT_CLEAR, endpoint, UIOMMU_NO_PASID, NULL);
	const struct riscv_cmd want[] = {
		cmd_of(DDT, 0), cmd_of(FENCE, 0), cmd_of(VMA_ALL, 0), cmd_of(FENCE, 0),
		cmd_of(ATS_RID, ALL_PAGES), cmd_of(ATS_PASID(0), ALL_PAGES | 1),
	};

	assert_int_equal(command(&cmd), 0);
	assert_seen(want, 6);
	/* one that caches nothing */
	endpoint->ats = false;
	hw.nb_seen = 0;
	cmd = cmd_new(UIOMMU_CMD_ENDPOINT_CLEAR, endpoint, UIOMMU_NO_PASID, NULL);
	assert_int_equal(command(&cmd), 0);
	assert_seen(want, 3);
	riscv_endpoint_free(&dev, endpoint);
}

static void
endpoint_changes(void **state)
{
	struct riscv_endpoint *endpoint = endpoint_new(DID, 0);
	struct uiommu_cmd cmd = cmd_new(UIOMMU_CMD_ENDPOINT_UPDATE, endpoint, UIOMMU_NO_PASID,
					NULL);

	assert_int_equal(command(&cmd), 0);
	assert_seen((struct riscv_cmd[]){cmd_of(DDT, 0), cmd_of(VMA_ALL, 0)}, 2);
	riscv_endpoint_free(&dev, endpoint);
}

static void
bonds_go(void **state)
{
	struct riscv_endpoint *endpoint = endpoint_new(DID, 0);
	struct riscv_domain *domain = domain_new(UIOMMU_DOMAIN_PAGING);
	struct riscv_domain *identity = domain_new(UIOMMU_DOMAIN_IDENTITY);
	struct riscv_domain *blocked = domain_new(UIOMMU_DOMAIN_BLOCKED);
	const struct riscv_cmd of_pasid[] = {
		cmd_of(PDT | 0x5000, 0), cmd_of(FENCE, 0), cmd_of(VMA(1), 0), cmd_of(FENCE, 0),
		cmd_of(ATS_PASID(5), ALL_PAGES),
	};
	const struct riscv_cmd of_rid[] = {
		cmd_of(PDT, 0), cmd_of(FENCE, 0), cmd_of(VMA(0), 0), cmd_of(FENCE, 0),
		cmd_of(ATS_RID, ALL_PAGES),
	};
	struct uiommu_cmd cmd = cmd_new(UIOMMU_CMD_BOND_CLEAR, endpoint, 5, domain);

	assert_int_equal(domain->pscid, 1);
	assert_int_equal(command(&cmd), 0);
	assert_seen(of_pasid, 5);
	hw.nb_seen = 0;
	cmd = cmd_new(UIOMMU_CMD_BOND_CLEAR, endpoint, UIOMMU_NO_PASID, identity);
	assert_int_equal(command(&cmd), 0);
	assert_seen(of_rid, 5);
	/* there was no entry */
	hw.nb_seen = 0;
	cmd = cmd_new(UIOMMU_CMD_BOND_CLEAR, endpoint, 7, blocked);
	assert_int_equal(command(&cmd), 0);
	assert_int_equal(hw.nb_seen, 0);
	/* a device that caches nothing */
	endpoint->ats = false;
	cmd = cmd_new(UIOMMU_CMD_BOND_CLEAR, endpoint, 5, domain);
	assert_int_equal(command(&cmd), 0);
	assert_seen(of_pasid, 3);
	riscv_domain_fini(&dev, domain);
	riscv_domain_fini(&dev, identity);
	riscv_domain_fini(&dev, blocked);
	riscv_endpoint_free(&dev, endpoint);
}

/* Faults of the device are kept while a bond is blocked: its context is forgotten then, once. */
static void
bond_is_blocked(void **state)
{
	struct riscv_endpoint *endpoint = endpoint_new(DID, UIOMMU_ENDPOINT_NO_ATS);
	struct riscv_domain *domain = domain_new(UIOMMU_DOMAIN_PAGING);
	const struct riscv_cmd want[] = {
		cmd_of(PDT | 0x5000, 0), cmd_of(DDT, 0), cmd_of(FENCE, 0), cmd_of(VMA(1), 0),
	};
	const struct riscv_cmd quiet[] = {want[0], want[2], want[3]};
	unsigned int i;

	assert_int_equal(riscv_bond_set(&dev, endpoint, 5, domain), 0);
	for (i = 0; i < 3; i++) {
		struct uiommu_cmd cmd = cmd_new(UIOMMU_CMD_BOND_CLEAR, endpoint, 5, domain);

		if (i == 0)
			riscv_bond_block(&dev, endpoint, 5);
		else
			riscv_bond_clear(&dev, endpoint, 5);
		hw.nb_seen = 0;
		assert_int_equal(command(&cmd), 0);
		if (i != 2)
			assert_seen(want, 4);
		else
			assert_seen(quiet, 3);
	}
	riscv_domain_fini(&dev, domain);
	riscv_endpoint_free(&dev, endpoint);
}

/* One by one the identifier, and then the table; each time the context is forgotten. */
static void
plain_bonds_come_and_go(void **state)
{
	struct riscv_endpoint *endpoint = endpoint_new(DID, UIOMMU_ENDPOINT_NO_ATS);
	struct riscv_domain *domain = domain_new(UIOMMU_DOMAIN_PAGING);
	struct uiommu_cmd cmd = cmd_new(UIOMMU_CMD_BOND_SET, endpoint, UIOMMU_NO_PASID, domain);
	const uint64_t nothing = endpoint->dc->fsc;

	assert_int_equal(riscv_bond_set(&dev, endpoint, UIOMMU_NO_PASID, domain), 0);
	assert_int_equal(endpoint->dc->ta, 0x1000);
	assert_true(endpoint->dc->fsc == nothing);
	hw.dead = true;
	cmd.deadline_tsc = UINT64_MAX;
	assert_int_equal(riscv_cmd_step(queue, &cmd), -EINPROGRESS);
	assert_int_equal(riscv_cmd_step(queue, &cmd), -EINPROGRESS);
	assert_true(endpoint->dc->fsc == nothing);
	hw.dead = false;
	assert_int_equal(command(&cmd), 0);
	assert_true(endpoint->dc->fsc == (UINT64_C(9) << 60 | 0x123456));
	assert_int_equal(hw.nb_seen, 4);
	assert_seen_at(0, DDT, 0);
	assert_seen_at(2, DDT, 0);

	hw.nb_seen = 0;
	riscv_bond_clear(&dev, endpoint, UIOMMU_NO_PASID);
	assert_true(endpoint->dc->fsc == nothing);
	assert_int_equal(endpoint->dc->ta, 0x1000);
	cmd = cmd_new(UIOMMU_CMD_BOND_CLEAR, endpoint, UIOMMU_NO_PASID, domain);
	assert_int_equal(command(&cmd), 0);
	assert_int_equal(endpoint->dc->ta, 0);
	assert_int_equal(hw.nb_seen, 6);
	assert_seen_at(0, DDT, 0);
	assert_seen_at(1, FENCE, 0);
	assert_seen_at(2, VMA(1), 0);
	assert_seen_at(4, DDT, 0);
	riscv_domain_fini(&dev, domain);
	riscv_endpoint_free(&dev, endpoint);
}

/* An endpoint goes with its bond: nothing is left that has the identifier. */
static void
plain_endpoint_goes(void **state)
{
	struct riscv_endpoint *endpoint = endpoint_new(DID, UIOMMU_ENDPOINT_NO_ATS);
	struct riscv_domain *domain = domain_new(UIOMMU_DOMAIN_PAGING);
	struct uiommu_cmd cmd = cmd_new(UIOMMU_CMD_ENDPOINT_CLEAR, endpoint, UIOMMU_NO_PASID, NULL);

	assert_int_equal(riscv_bond_set(&dev, endpoint, UIOMMU_NO_PASID, domain), 0);
	riscv_bond_settle(endpoint);
	riscv_endpoint_clear(&dev, endpoint);
	assert_int_equal(endpoint->dc->ta, 0x1000);
	assert_int_equal(command(&cmd), 0);
	assert_int_equal(endpoint->dc->ta, 0);
	assert_int_equal(hw.nb_seen, 6);
	assert_seen_at(0, DDT, 0);
	assert_seen_at(2, VMA_ALL, 0);
	assert_seen_at(4, DDT, 0);
	riscv_domain_fini(&dev, domain);
	riscv_endpoint_free(&dev, endpoint);
}

/* The device's confirmation pushes its requests. */
static void
requests_are_drained(void **state)
{
	struct riscv_endpoint *endpoint = endpoint_new(DID, 0);
	const struct riscv_cmd all[] = {
		cmd_of(ATS_RID, ALL_PAGES), cmd_of(ATS_PASID(0), ALL_PAGES | 1),
	};
	struct uiommu_cmd cmd = cmd_new(UIOMMU_CMD_DRAIN, endpoint, UIOMMU_CMD_ALL_PASIDS, NULL);

	assert_int_equal(command(&cmd), 0);
	assert_seen(all, 2);
	hw.nb_seen = 0;
	cmd = cmd_new(UIOMMU_CMD_DRAIN, endpoint, 9, NULL);
	assert_int_equal(command(&cmd), 0);
	assert_seen((struct riscv_cmd[]){cmd_of(ATS_PASID(9), ALL_PAGES)}, 1);
	/* it is not to be relied on while requests are dropped */
	*hw_reg(RISCV_REG_PQCSR) |= RISCV_CSR_OF;
	cmd = cmd_new(UIOMMU_CMD_DRAIN, endpoint, UIOMMU_NO_PASID, NULL);
	assert_int_equal(command(&cmd), -EAGAIN);
	riscv_endpoint_free(&dev, endpoint);
}

/* Answers given before are carried out when it is done. */
static void
answers_are_synced(void **state)
{
	struct uiommu_cmd cmd = cmd_new(UIOMMU_CMD_SYNC, NULL, 0, NULL);
	uint32_t sent = 0;

	hw.dead = true;
	respond(&sent, 3);
	cmd.deadline_tsc = UINT64_MAX;
	assert_int_equal(riscv_cmd_step(queue, &cmd), -EINPROGRESS);
	assert_int_equal(riscv_cmd_step(queue, &cmd), -EINPROGRESS);
	hw.dead = false;
	assert_int_equal(command(&cmd), 0);
	assert_int_equal(hw.responses, 3);
	assert_seen(NULL, 0);
}

/* A unit that cannot write its completion: the command begins again, and the head is asked. */
static void
completion_is_lost(void **state)
{
	struct riscv_endpoint *endpoint = endpoint_new(DID, UIOMMU_ENDPOINT_NO_ATS);
	struct uiommu_cmd cmd = cmd_new(UIOMMU_CMD_ENDPOINT_CLEAR, endpoint, UIOMMU_NO_PASID, NULL);

	hw.write_faults = true;
	assert_int_equal(command(&cmd), 0);
	assert_int_equal(queue->cq.stats.cmd_restarts, 1);
	assert_int_equal(queue->cq.stats.write_faults, 1);
	riscv_endpoint_free(&dev, endpoint);
}

static void
time_is_up(void **state)
{
	struct riscv_endpoint *endpoint = endpoint_new(DID, 0);
	struct uiommu_cmd cmd = cmd_new(UIOMMU_CMD_ENDPOINT_CLEAR, endpoint, UIOMMU_NO_PASID, NULL);

	hw.dead = true;
	cmd.deadline_tsc = 0;
	assert_int_equal(riscv_cmd_step(queue, &cmd), -ETIMEDOUT);
	assert_int_equal(queue->cq.failed, -ETIMEDOUT);
	assert_int_equal(riscv_cmd_step(queue, &cmd), -ETIMEDOUT);
	riscv_endpoint_free(&dev, endpoint);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(endpoint_comes),
		CASE(endpoint_goes),
		CASE(endpoint_changes),
		CASE(bonds_go),
		CASE(bond_is_blocked),
		PLAIN_CASE(plain_bonds_come_and_go),
		PLAIN_CASE(plain_endpoint_goes),
		CASE(requests_are_drained),
		CASE(answers_are_synced),
		CASE(completion_is_lost),
		CASE(time_is_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
