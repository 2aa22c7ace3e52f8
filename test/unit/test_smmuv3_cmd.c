/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* What the control path has the unit do: commands and CMD_SYNCs, word by word and in order. */

#include "smmuv3_rig.h"

/* A command that ends with a CMD_SYNC of any kind */
static void
assert_seen(const struct smmuv3_cmd *cmds, uint32_t n)
{
	const struct smmuv3_cmd *sync = assert_seen_before_wait(cmds, n);

	assert_int_equal(sync->q[0] & 0xff, SMMUV3_CMD_SYNC);
	/* the message to memory that it was to write */
	assert_int_equal(sync->q[0] >> 12 & 3, SMMUV3_CS_IRQ);
}

#define STE 0x0000030200000003
#define SYNC 0x46
#define ATC_RID 0x0000030200000040
#define ATC_PASID 0x0000030200000840
#define ALL_PAGES 52

/* S 3.21.3.1: forgotten while not valid, then valid, then forgotten once more. */
static void
endpoint_comes(void **state)
{
	struct smmuv3_endpoint *endpoint = endpoint_new(SID, 0);
	struct uiommu_cmd cmd = cmd_new(UIOMMU_CMD_ENDPOINT_SET, endpoint, UIOMMU_NO_PASID, NULL);

	assert_int_equal(endpoint->ste->q[0] & 1, 0);
	hw.dead = true;
	cmd.deadline_tsc = UINT64_MAX;
	assert_int_equal(smmuv3_cmd_step(queue, &cmd), -EINPROGRESS);
	assert_int_equal(smmuv3_cmd_step(queue, &cmd), -EINPROGRESS);
	assert_int_equal(endpoint->ste->q[0] & 1, 0);
	hw.dead = false;
	smmuv3_cmdq_refresh(&queue->cmdq);
	assert_seen((struct smmuv3_cmd[]){cmd_of(STE, 0)}, 1);
	hw.nb_seen = 0;
	hw.dead = true;
	assert_int_equal(smmuv3_cmd_step(queue, &cmd), -EINPROGRESS);
	assert_int_equal(endpoint->ste->q[0] & 1, 1);
	assert_int_equal(smmuv3_cmd_step(queue, &cmd), -EINPROGRESS);
	hw.dead = false;
	assert_int_equal(command(&cmd), 0);
	assert_seen((struct smmuv3_cmd[]){cmd_of(STE, 0)}, 1);
	smmuv3_endpoint_free(&dev, endpoint);
}

/* Configuration, translations, devices: each complete before the next. */
static void
endpoint_goes(void **state)
{
	struct smmuv3_endpoint *endpoint = endpoint_new(SID, 0);
	struct uiommu_cmd cmd = cmd_new(UIOMMU_CMD_ENDPOINT_CLEAR, endpoint, UIOMMU_NO_PASID, NULL);
	const struct smmuv3_cmd want[] = {
		cmd_of(STE, 0), cmd_of(SYNC, 0), cmd_of(0x30, 0), cmd_of(SYNC, 0),
		cmd_of(ATC_RID, ALL_PAGES), cmd_of(ATC_PASID | 0x200, ALL_PAGES),
	};

	assert_int_equal(command(&cmd), 0);
	assert_seen(want, 6);
	/* one that caches nothing */
	endpoint->ats = false;
	hw.nb_seen = 0;
	cmd = cmd_new(UIOMMU_CMD_ENDPOINT_CLEAR, endpoint, UIOMMU_NO_PASID, NULL);
	assert_int_equal(command(&cmd), 0);
	assert_seen(want, 3);
	smmuv3_endpoint_free(&dev, endpoint);
}

static void
bond_comes(void **state)
{
	static const uint32_t pasids[] = {UIOMMU_NO_PASID, 5};
	struct smmuv3_endpoint *endpoint = endpoint_new(SID, 0);
	struct smmuv3_domain *domain = domain_new(UIOMMU_DOMAIN_PAGING);
	struct uiommu_cmd cmd;
	unsigned int i;

	for (i = 0; i < RTE_DIM(pasids); i++) {
		const struct smmuv3_cmd cd =
			cmd_of(0x0000030200000005 | (i == 0 ? 0 : UINT64_C(5) << 12), 0);
		const struct smmuv3_cd *entry;

		assert_int_equal(smmuv3_bond_set(&dev, endpoint, pasids[i], domain), 0);
		entry = find_cd(endpoint, pasids[i]);
		assert_true((entry->q[0] & SMMUV3_CD0_V) == 0);
		hw.nb_seen = 0;
		cmd = cmd_new(UIOMMU_CMD_BOND_SET, endpoint, pasids[i], domain);
		assert_int_equal(command(&cmd), 0);
		assert_true((entry->q[0] & SMMUV3_CD0_V) != 0);
		assert_int_equal(hw.nb_seen, 4);
		assert_true(hw.seen[0].q[0] == cd.q[0] && hw.seen[2].q[0] == cd.q[0]);
		assert_int_equal(hw.seen[1].q[0] & 0xff, SYNC);
		assert_int_equal(hw.seen[3].q[0] & 0xff, SYNC);
	}
	smmuv3_domain_fini(&dev, domain);
	smmuv3_endpoint_free(&dev, endpoint);
}

/* Passing requests through is a matter of the stream's entry; nothing at all of none. */
static void
other_bonds_come(void **state)
{
	struct smmuv3_endpoint *endpoint = endpoint_new(SID, 0);
	struct smmuv3_domain *identity = domain_new(UIOMMU_DOMAIN_IDENTITY);
	struct smmuv3_domain *blocked = domain_new(UIOMMU_DOMAIN_BLOCKED);
	struct uiommu_cmd cmd;

	assert_int_equal(smmuv3_bond_set(&dev, endpoint, UIOMMU_NO_PASID, identity), 0);
	cmd = cmd_new(UIOMMU_CMD_BOND_SET, endpoint, UIOMMU_NO_PASID, identity);
	assert_int_equal(command(&cmd), 0);
	assert_seen((struct smmuv3_cmd[]){cmd_of(STE, 0)}, 1);
	hw.nb_seen = 0;
	smmuv3_bond_clear(&dev, endpoint, UIOMMU_NO_PASID);
	cmd = cmd_new(UIOMMU_CMD_BOND_CLEAR, endpoint, UIOMMU_NO_PASID, identity);
	assert_int_equal(command(&cmd), 0);
	assert_seen((struct smmuv3_cmd[]){cmd_of(STE, 0), cmd_of(SYNC, 0),
					  cmd_of(ATC_RID, ALL_PAGES)}, 3);
	hw.nb_seen = 0;
	assert_int_equal(smmuv3_bond_set(&dev, endpoint, 5, blocked), 0);
	cmd = cmd_new(UIOMMU_CMD_BOND_SET, endpoint, 5, blocked);
	assert_int_equal(command(&cmd), 0);
	cmd = cmd_new(UIOMMU_CMD_BOND_CLEAR, endpoint, 5, blocked);
	assert_int_equal(command(&cmd), 0);
	assert_int_equal(hw.nb_seen, 0);
	smmuv3_domain_fini(&dev, identity);
	smmuv3_domain_fini(&dev, blocked);
	smmuv3_endpoint_free(&dev, endpoint);
}

static void
bond_goes(void **state)
{
	struct smmuv3_endpoint *endpoint = endpoint_new(SID, 0);
	struct smmuv3_domain *domain = domain_new(UIOMMU_DOMAIN_PAGING);
	const uint64_t asid = (uint64_t)domain->asid << 48 | 0x11;
	const struct smmuv3_cmd of_pasid[] = {
		cmd_of(0x0000030200005005, 0), cmd_of(SYNC, 0), cmd_of(asid, 0), cmd_of(SYNC, 0),
		cmd_of(ATC_PASID | 5 << 12, ALL_PAGES),
	};
	const struct smmuv3_cmd of_rid[] = {
		cmd_of(0x0000030200000005, 0), cmd_of(SYNC, 0), cmd_of(asid, 0), cmd_of(SYNC, 0),
		cmd_of(ATC_RID, ALL_PAGES),
	};
	struct uiommu_cmd cmd = cmd_new(UIOMMU_CMD_BOND_CLEAR, endpoint, 5, domain);

	assert_int_equal(command(&cmd), 0);
	assert_seen(of_pasid, 5);
	hw.nb_seen = 0;
	cmd = cmd_new(UIOMMU_CMD_BOND_CLEAR, endpoint, UIOMMU_NO_PASID, domain);
	assert_int_equal(command(&cmd), 0);
	assert_seen(of_rid, 5);
	endpoint->ats = false;
	hw.nb_seen = 0;
	cmd = cmd_new(UIOMMU_CMD_BOND_CLEAR, endpoint, 5, domain);
	assert_int_equal(command(&cmd), 0);
	assert_seen(of_pasid, 3);
	smmuv3_domain_fini(&dev, domain);
	smmuv3_endpoint_free(&dev, endpoint);
}

/* Confirmations push page requests; forgotten configuration, the events of stalls. */
static void
drains(void **state)
{
	struct smmuv3_endpoint *ats = endpoint_new(SID, 0);
	struct smmuv3_endpoint *stall = endpoint_new(SID + 1, UIOMMU_ENDPOINT_STALL |
						     UIOMMU_ENDPOINT_NO_ATS);
	struct uiommu_cmd cmd = cmd_new(UIOMMU_CMD_DRAIN, ats, UIOMMU_CMD_ALL_PASIDS, NULL);

	assert_int_equal(command(&cmd), 0);
	assert_seen((struct smmuv3_cmd[]){cmd_of(ATC_RID, ALL_PAGES),
					  cmd_of(ATC_PASID | 0x200, ALL_PAGES)}, 2);
	hw.nb_seen = 0;
	cmd = cmd_new(UIOMMU_CMD_DRAIN, ats, 7, NULL);
	assert_int_equal(command(&cmd), 0);
	assert_seen((struct smmuv3_cmd[]){cmd_of(ATC_PASID | 7 << 12, ALL_PAGES)}, 1);
	hw.nb_seen = 0;
	cmd = cmd_new(UIOMMU_CMD_DRAIN, stall, 7, NULL);
	assert_int_equal(command(&cmd), 0);
	assert_seen((struct smmuv3_cmd[]){cmd_of(0x0000030300007005, 0)}, 1);
	hw.nb_seen = 0;
	cmd = cmd_new(UIOMMU_CMD_DRAIN, stall, UIOMMU_CMD_ALL_PASIDS, NULL);
	assert_int_equal(command(&cmd), 0);
	assert_seen((struct smmuv3_cmd[]){cmd_of(0x0000030300000006, 0)}, 1);
	smmuv3_endpoint_free(&dev, ats);
	smmuv3_endpoint_free(&dev, stall);
}

/* Requests that the unit has answered meanwhile: the drain is to be made again. */
static void
drain_with_overflow(void **state)
{
	struct smmuv3_endpoint *endpoint = endpoint_new(SID, 0);
	struct uiommu_cmd cmd = cmd_new(UIOMMU_CMD_DRAIN, endpoint, 7, NULL);

	hw.priq_prod ^= SMMUV3_PROD_OVFLG;
	assert_int_equal(command(&cmd), -EAGAIN);
	assert_true(smmuv3_overflow_ack(queue));
	cmd = cmd_new(UIOMMU_CMD_DRAIN, endpoint, 7, NULL);
	assert_int_equal(command(&cmd), 0);
	smmuv3_endpoint_free(&dev, endpoint);
}

static void
sync_alone(void **state)
{
	struct uiommu_cmd cmd = cmd_new(UIOMMU_CMD_SYNC, NULL, UIOMMU_NO_PASID, NULL);
	uint32_t sent = 0;

	respond(&sent, 20);
	assert_int_equal(command(&cmd), 0);
	assert_int_equal(hw.responses, 20);
	assert_seen(NULL, 0);
}

/* With completions that are polled for, and with messages that abort in the middle of a command. */
static void
other_ways_of_waiting(void **state)
{
	struct smmuv3_endpoint *endpoint = endpoint_new(SID, 0);
	struct uiommu_cmd cmd = cmd_new(UIOMMU_CMD_ENDPOINT_SET, endpoint, UIOMMU_NO_PASID, NULL);

	hw.msi_abort = true;
	assert_int_equal(command(&cmd), 0);
	assert_false(queue->cmdq.msi);
	assert_int_equal(queue->cmdq.stats.cmd_restarts, 1);
	assert_true((endpoint->ste->q[0] & 1) != 0);
	assert_int_equal(hw.nb_seen, 6);
	hw.nb_seen = 0;
	cmd = cmd_new(UIOMMU_CMD_ENDPOINT_CLEAR, endpoint, UIOMMU_NO_PASID, NULL);
	assert_int_equal(command(&cmd), 0);
	assert_int_equal(hw.nb_seen, 7);
	assert_int_equal(hw.seen[6].q[0], SYNC);
	smmuv3_endpoint_free(&dev, endpoint);
}

static void
deadline(void **state)
{
	struct uiommu_cmd cmd = cmd_new(UIOMMU_CMD_SYNC, NULL, UIOMMU_NO_PASID, NULL);

	hw.dead = true;
	cmd.deadline_tsc = rte_get_tsc_cycles() - 1;
	assert_int_equal(smmuv3_cmd_step(queue, &cmd), -ETIMEDOUT);
	assert_int_equal(queue->cmdq.failed, -ETIMEDOUT);
	assert_int_equal(smmuv3_cmd_step(queue, &cmd), -ETIMEDOUT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(endpoint_comes),
		CASE(endpoint_goes),
		CASE(bond_comes),
		CASE(other_bonds_come),
		CASE(bond_goes),
		CASE(drains),
		CASE(drain_with_overflow),
		CASE(sync_alone),
		CASE(other_ways_of_waiting),
		CASE(deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
