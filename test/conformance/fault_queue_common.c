/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include "fault_queue.h"

struct uiommu_fault_queue *
fq_create(struct rig *rig, uint32_t depth, uint32_t messages, uint64_t flags)
{
	const struct uiommu_fault_queue_conf conf = {
		.size = sizeof(conf),
		.depth = depth,
		.messages = messages,
		.flags = flags,
	};
	struct uiommu_fault_queue *fq = uiommu_fault_queue_create(rig->dev, &conf);

	if (fq == NULL)
		harness_fail(__FILE__, __LINE__, "no fault queue of %u groups, %u messages: %s",
			     depth, messages, rte_strerror(rte_errno));
	return fq;
}

struct uiommu_domain *
fq_domain_deadline(struct rig *rig, struct uiommu_fault_queue *fq, uint64_t deadline_ns,
		   uint32_t deadline_code)
{
	const struct uiommu_domain_conf conf = {
		.size = sizeof(conf),
		.type = UIOMMU_DOMAIN_PAGING,
		.fault_queue = fq,
		.deadline_ns = deadline_ns,
		.deadline_code = deadline_code,
	};
	struct uiommu_domain *domain = uiommu_domain_alloc(rig->dev, &conf);

	CHECK(domain != NULL);
	return domain;
}

struct uiommu_domain *
fq_domain(struct rig *rig, struct uiommu_fault_queue *fq)
{
	return fq_domain_deadline(rig, fq, 0, 0);
}

struct uiommu_fault_queue_stats
fq_stats(const struct uiommu_fault_queue *fq)
{
	struct uiommu_fault_queue_stats stats = {0};

	EXPECT_EQ(uiommu_fault_queue_stats_get(fq, &stats), 0);
	return stats;
}

int
fq_answer(struct uiommu_fault_queue *fq, uint32_t cookie, uint32_t code)
{
	const struct uiommu_fault_answer answer = {.cookie = cookie, .code = code};
	int status = 1;

	EXPECT_EQ(uiommu_fault_queue_write(fq, &answer, &status, 1), status == 0);
	return status;
}

void
fq_ask(struct rig *rig, uint32_t pasid, uint16_t index, uint64_t first, uint32_t nb)
{
	uint32_t i;

	for (i = 0; i < nb; i++)
		rig_ask(rig, pasid, index, first + i, i + 1 == nb);
}

uint32_t
fq_expect(struct uiommu_fault_queue *fq, uint32_t pasid, uint16_t index, uint64_t first,
	  uint32_t nb)
{
	struct uiommu_fault_msg msgs[64];
	uint32_t i;

	CHECK(nb <= ARRAY_COUNT(msgs));
	CHECK_EQ(uiommu_fault_queue_read(fq, msgs, (uint16_t)nb), nb);
	CHECK_EQ(fq_check_whole(msgs, nb), 1);
	for (i = 0; i < nb; i++) {
		CHECK_EQ(msgs[i].dev_id, EP);
		CHECK_EQ((msgs[i].flags & UIOMMU_FAULT_MSG_PASID_VALID) != 0,
			 pasid != UIOMMU_NO_PASID);
		CHECK_EQ(msgs[i].pasid, pasid == UIOMMU_NO_PASID ? 0 : pasid);
		CHECK_EQ(msgs[i].grpid, index);
		CHECK_EQ(msgs[i].addr, (first + i) << 12);
		CHECK_EQ(msgs[i].perm, UIOMMU_FAULT_MSG_READ);
	}
	return msgs[0].cookie;
}

void
fq_expect_none(struct uiommu_fault_queue *fq)
{
	struct uiommu_fault_msg msgs[64];

	CHECK_EQ(uiommu_fault_queue_read(fq, msgs, ARRAY_COUNT(msgs)), 0);
}

uint32_t
fq_check_whole(const struct uiommu_fault_msg *msgs, uint32_t nb)
{
	uint32_t i, nb_groups = 0;
	bool begins = true;

	for (i = 0; i < nb; i++) {
		const struct uiommu_fault_msg *msg = &msgs[i];
		bool last = (msg->flags & UIOMMU_FAULT_MSG_LAST_PAGE) != 0;

		EXPECT(msg->cookie != 0);
		EXPECT_EQ(msg->reserved, 0);
		EXPECT_EQ(msg->addr & 0xfff, 0);
		EXPECT((msg->flags &
			~(UIOMMU_FAULT_MSG_LAST_PAGE | UIOMMU_FAULT_MSG_PASID_VALID)) == 0);
		if (!begins) {
			EXPECT_EQ(msg->cookie, msg[-1].cookie);
			EXPECT_EQ(msg->dev_id, msg[-1].dev_id);
			EXPECT_EQ(msg->pasid, msg[-1].pasid);
			EXPECT_EQ(msg->grpid, msg[-1].grpid);
		} else if (i != 0) {
			EXPECT(msg->cookie != msg[-1].cookie);
		}
		nb_groups += last;
		begins = last;
	}
	EXPECT(begins);
	return nb_groups;
}

void
fq_check_sums(const struct uiommu_fault_queue *fq)
{
	struct uiommu_fault_queue_stats stats = fq_stats(fq);

	EXPECT_EQ(stats.delivered, stats.answered + stats.revoked + stats.open);
	EXPECT(stats.read <= stats.delivered);
	EXPECT(stats.open <= stats.depth);
}

struct uiommu_fault_queue *
fq_open(struct rig *rig, uint32_t depth, uint32_t messages, uint64_t flags)
{
	struct uiommu_fault_queue *fq = fq_create(rig, depth, messages, flags);
	struct uiommu_domain *domain = fq_domain(rig, fq);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);

	rig_attach(endpoint, 7, domain, NULL);
	rig_attach(endpoint, 8, domain, NULL);
	rig_attach(endpoint, UIOMMU_NO_PASID, domain, NULL);
	return fq;
}

void
fq_close(struct rig *rig, struct uiommu_fault_queue *fq)
{
	rig_settle(rig);
	rig_expect_none(rig);
	fq_check_sums(fq);
	rig_close(rig);
}
