/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Fault queues: those that many bonds share, and their consumers. */

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <time.h>

#include <rte_errno.h>

#include "life.h"

#define MESSAGES 64

static void
station_fill(struct life *life, unsigned int which)
{
	struct station *station = &life->stations[which];
	const struct uiommu_fault_queue_conf fq_conf = {
		.size = sizeof(fq_conf),
		.depth = which == 0 ? 32 : 128,
		.flags = which == 0 ? 0 : UIOMMU_FAULT_QUEUE_EVENTFD,
	};
	struct uiommu_domain_conf conf = {
		.size = sizeof(conf),
		.type = UIOMMU_DOMAIN_PAGING,
		.deadline_ns = which == 0 ? 20000000 : 0,
		.deadline_code = UIOMMU_CODE_RETRY,
	};

	station->fq = uiommu_fault_queue_create(life->rig->dev, &fq_conf);
	CHECK(station->fq != NULL);
	conf.fault_queue = station->fq;
	station->domain = uiommu_domain_alloc(life->rig->dev, &conf);
	CHECK(station->domain != NULL);
}

void
stations_open(struct life *life)
{
	unsigned int i;

	for (i = 0; i < STATIONS; i++) {
		party_init(&life->stations[i].party);
		CHECK_EQ(pthread_rwlock_init(&life->stations[i].fq_lock, NULL), 0);
		station_fill(life, i);
	}
}

/* Consumers may not begin a call any more; the bonds stay, and answer INVALID. */
static void
station_end(struct worker *self, struct station *station)
{
	struct uiommu_fault_queue *fq;

	if (!party_end(self->life, &station->party))
		return;
	pthread_rwlock_wrlock(&station->fq_lock);
	fq = station->fq;
	station->fq = NULL;
	pthread_rwlock_unlock(&station->fq_lock);
	doing(self, "destroy a fault queue that is in use");
	EXPECT_EQ(uiommu_fault_queue_destroy(fq), 0);
	life_count(&self->life->queues);
}

static void
station_renew(struct worker *self, unsigned int which)
{
	struct station *station = &self->life->stations[which];

	if (!party_renew(&station->party))
		return;
	doing(self, "make a fault queue anew");
	EXPECT_EQ(uiommu_domain_free(station->domain), 0);
	pthread_rwlock_wrlock(&station->fq_lock);
	station_fill(self->life, which);
	pthread_rwlock_unlock(&station->fq_lock);
	party_renewed(&station->party);
}

void
station_change(struct worker *self)
{
	unsigned int which = dice(self, STATIONS);
	struct station *station = &self->life->stations[which];
	bool alive = party_enter(&station->party);

	if (alive && dice(self, 8) == 0)
		station_end(self, station);
	party_exit(&station->party);
	if (!alive)
		station_renew(self, which);
}

/* Answer the groups of some messages; a few twice, a few of them with what is no code. */
static unsigned int
messages_answer(struct worker *self, struct uiommu_fault_queue *fq,
		const struct uiommu_fault_msg *msgs, unsigned int nb)
{
	struct uiommu_fault_answer answers[2 * MESSAGES];
	int status[2 * MESSAGES];
	unsigned int i, count = 0, done;

	for (i = 0; i < nb; i++) {
		EXPECT(msgs[i].cookie != 0);
		if ((msgs[i].flags & UIOMMU_FAULT_MSG_LAST_PAGE) == 0) {
			/* whole groups, and their messages next to each other */
			EXPECT(i + 1 < nb && msgs[i + 1].cookie == msgs[i].cookie);
			continue;
		}
		answers[count].cookie = msgs[i].cookie;
		answers[count++].code = UIOMMU_FAULT_ANSWER_SUCCESS;
		if (dice(self, 16) != 0)
			continue;
		answers[count].cookie = msgs[i].cookie;
		answers[count++].code = dice(self, 2) == 0 ? 2 : UIOMMU_FAULT_ANSWER_SUCCESS;
	}
	done = uiommu_fault_queue_write(fq, answers, status, (uint16_t)count);
	for (i = 0; i < count; i++) {
		EXPECT(status[i] == 0 || status[i] == -ENOENT || status[i] == -EINVAL);
		/* a wrong code is the second entry of its group */
		EXPECT(answers[i].code < 2 || status[i] == -EINVAL || status[i] == -ENOENT);
		done -= status[i] == 0;
		if (status[i] == -ENOENT)
			life_count(&self->life->late);
	}
	EXPECT_EQ(done, 0);
	return count;
}

unsigned int
queue_serve(struct worker *self, struct uiommu_fault_queue *fq)
{
	struct uiommu_fault_msg msgs[MESSAGES];
	/* now and then too small for a group */
	uint16_t room = dice(self, 8) == 0 ? 1 : MESSAGES;
	int nb = uiommu_fault_queue_read(fq, msgs, room);

	EXPECT(nb >= 0 || nb == -EMSGSIZE);
	return nb > 0 ? messages_answer(self, fq, msgs, (unsigned int)nb) : 0;
}

static void
nap(unsigned int us)
{
	const struct timespec pause = {.tv_nsec = us * 1000L};

	nanosleep(&pause, NULL);
}

/* Sleep until a group comes, but not for good: the queue may be destroyed meanwhile. */
static void
consumer_sleep(struct worker *self, struct station *station)
{
	struct pollfd file = {.fd = -1, .events = POLLIN};

	pthread_rwlock_rdlock(&station->fq_lock);
	if (station->fq != NULL && uiommu_fault_queue_fd(station->fq) >= 0 &&
	    uiommu_fault_queue_arm(station->fq) == 0)
		file.fd = uiommu_fault_queue_fd(station->fq);
	pthread_rwlock_unlock(&station->fq_lock);
	if (file.fd >= 0) {
		doing(self, "sleep on an eventfd");
		/* closed, and even another file by now: then it is only a nap */
		poll(&file, 1, 2);
	} else {
		sched_yield();
	}
}

unsigned int
station_serve(struct worker *self, struct station *station)
{
	unsigned int served = 0;

	pthread_rwlock_rdlock(&station->fq_lock);
	if (station->fq != NULL)
		served = queue_serve(self, station->fq);
	pthread_rwlock_unlock(&station->fq_lock);
	return served;
}

void *
consumer_main(void *worker)
{
	struct worker *self = worker;
	struct life *life = self->life;
	struct station *station = &life->stations[self->number % STATIONS];
	unsigned int served;

	while (!__atomic_load_n(&life->end_consumers, __ATOMIC_ACQUIRE)) {
		doing(self, "serve a fault queue");
		served = station_serve(self, station);
		/* stuck for a while: the queue fills */
		if (dice(self, 512) == 0 && !life_is_over(life))
			nap(20000);
		if (served == 0)
			consumer_sleep(self, station);
	}
	__atomic_store_n(&self->ended, true, __ATOMIC_RELEASE);
	return NULL;
}
