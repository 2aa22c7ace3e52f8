/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fault_queue_party.h"

#define PATIENCE_MS ((int)(RIG_PATIENCE_NS / 1000000))

static bool
is_over(struct party *party)
{
	return __atomic_load_n(&party->end, __ATOMIC_ACQUIRE) || harness_failures() != 0;
}

/* Answer groups that were read. */
static void
answer_all(struct party *party, const struct uiommu_fault_msg *msgs, uint32_t nb)
{
	struct uiommu_fault_answer answers[PARTY_BATCH];
	int status[PARTY_BATCH];
	uint16_t i, first = 0, groups = 0, done;

	EXPECT(fq_check_whole(msgs, nb) > 0);
	for (i = 0; i < nb; i++) {
		if ((msgs[i].flags & UIOMMU_FAULT_MSG_LAST_PAGE) == 0)
			continue;
		if (party->group_size != 0)
			EXPECT(i + 1 - first == party->group_size ||
			       (party->may_be_short && i + 1 - first < party->group_size) ||
		       /* with what the unit had kept of a group whose last one did not come */
		       (party->may_be_short && harness_lacks(HARNESS_NEEDS_PARKING)));
		first = i + 1;
		answers[groups].cookie = msgs[i].cookie;
		answers[groups++].code = UIOMMU_FAULT_ANSWER_SUCCESS;
	}
	done = uiommu_fault_queue_write(party->fq, answers, status, groups);
	for (i = 0; i < groups; i++)
		EXPECT(status[i] == 0 || (party->may_be_late && status[i] == -ENOENT));
	__atomic_fetch_add(&party->read, groups, __ATOMIC_RELAXED);
	__atomic_fetch_add(&party->answered, done, __ATOMIC_RELAXED);
	__atomic_fetch_add(&party->late, groups - done, __ATOMIC_RELAXED);
}

/* Nothing was there: wait for more. */
static void
consumer_wait(struct party *party)
{
	struct pollfd fds[2] = {
		{.fd = uiommu_fault_queue_fd(party->fq), .events = POLLIN},
		{.fd = party->end_fd, .events = POLLIN},
	};
	int armed;

	if (!party->sleeps) {
		sched_yield();
		return;
	}
	armed = uiommu_fault_queue_arm(party->fq);
	EXPECT(armed == 0 || armed == 1);
	if (armed != 0)
		return;
	__atomic_fetch_add(&party->slept, 1, __ATOMIC_RELAXED);
	EXPECT(poll(fds, 2, PATIENCE_MS) > 0);
}

static void *
consumer_main(void *arg)
{
	struct party *party = arg;
	struct uiommu_fault_msg msgs[PARTY_BATCH];
	uint16_t size = PARTY_BATCH;

	while (!is_over(party)) {
		int nb = uiommu_fault_queue_read(party->fq, msgs, size);

		EXPECT(nb >= 0 || (nb == -EMSGSIZE && party->small));
		if (nb > 0)
			answer_all(party, msgs, (uint32_t)nb);
		else if (nb == 0)
			consumer_wait(party);
		if (party->small)
			size = size == PARTY_BATCH ? 1 : size + 1;
	}
	return NULL;
}

void
party_begin(struct party *party)
{
	unsigned int i;

	party->end_fd = eventfd(0, EFD_CLOEXEC);
	CHECK(party->end_fd >= 0);
	for (i = 0; i < party->nb; i++)
		CHECK_EQ(pthread_create(&party->threads[i], NULL, consumer_main, party), 0);
}

static void
consumers_end(struct party *party)
{
	const uint64_t one = 1;
	unsigned int i;

	__atomic_store_n(&party->end, true, __ATOMIC_RELEASE);
	EXPECT_EQ(write(party->end_fd, &one, sizeof(one)), sizeof(one));
	for (i = 0; i < party->nb; i++)
		pthread_join(party->threads[i], NULL);
	close(party->end_fd);
}

void
party_end(struct party *party)
{
	uint64_t end = harness_now_ns() + RIG_PATIENCE_NS;

	do
		rig_settle(party->rig);
	while (fq_stats(party->fq).open != 0 && harness_now_ns() < end);
	consumers_end(party);
	CHECK_EQ(fq_stats(party->fq).open, 0);
	CHECK_EQ(fq_stats(party->fq).read, party->read);
	CHECK_EQ(fq_stats(party->fq).answered, party->answered);
	CHECK_EQ(fq_stats(party->fq).stale_answers, party->late);
	fq_check_sums(party->fq);
}

struct uiommu_endpoint *
party_endpoint(struct party *party, uint32_t nb, uint32_t credits)
{
	struct uiommu_domain *domain = fq_domain(party->rig, party->fq);
	struct uiommu_endpoint *endpoint;
	uint32_t pasid;

	rig_device_range(party->rig, EP, 1, nb, credits);
	endpoint = uiommu_endpoint_add(party->rig->dev, EP, NULL);
	CHECK(endpoint != NULL);
	for (pasid = 1; pasid <= nb; pasid++)
		rig_attach(endpoint, pasid, domain, NULL);
	return endpoint;
}

void
party_wait(struct party *party, uint64_t groups)
{
	uint64_t end = harness_now_ns() + RIG_PATIENCE_NS;

	while (__atomic_load_n(&party->read, __ATOMIC_RELAXED) < groups) {
		if (harness_now_ns() > end || harness_failures() != 0) {
			/* the case ends here, and its threads must not outlive it */
			consumers_end(party);
			harness_fail(__FILE__, __LINE__, "%u groups were not read",
				     (unsigned int)groups);
		}
		sched_yield();
	}
}
