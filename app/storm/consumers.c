/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_errno.h>

#include "consumers.h"
#include "cores.h"
#include "storm.h"
#include "talk.h"

/* Messages that are read at once; the largest group fits. */
#define MESSAGES 512

/* One writer: no locked instruction. */
static inline void
count(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/* Whole groups: answers for those whose last message this is. Returns how many. */
static inline uint16_t
answers_make(struct consumer *c, int nb_msgs)
{
	const struct uiommu_fault_msg *msgs = c->msgs;
	struct uiommu_fault_answer *answers = c->answers;
	uint16_t nb = 0;
	int i;

	for (i = 0; i < nb_msgs; i++) {
		/* an answer that is not the last one of its group is overwritten */
		answers[nb].cookie = msgs[i].cookie;
		answers[nb].code = UIOMMU_FAULT_ANSWER_SUCCESS;
		nb = (uint16_t)(nb + ((msgs[i].flags & UIOMMU_FAULT_MSG_LAST_PAGE) != 0));
	}
	return nb;
}

/* Returns groups that were read; their answers are made, and not written yet. */
static inline uint16_t
queue_read(struct consumer *c, struct uiommu_fault_queue *fq)
{
	int nb = uiommu_fault_queue_read(fq, c->msgs, MESSAGES);

	if (nb <= 0) {
		if (unlikely(nb < 0))
			count(&c->errors, 1);
		return 0;
	}
	count(&c->messages, (uint64_t)nb);
	return answers_make(c, nb);
}

static inline void
queue_answer(struct consumer *c, struct uiommu_fault_queue *fq,
	     const struct uiommu_fault_answer *answers, uint16_t nb)
{
	if (nb != 0)
		count(&c->groups, uiommu_fault_queue_write(fq, answers, NULL, nb));
}

/* All that was held is answered. */
static void
held_answer(struct consumer *c)
{
	uint32_t i, nb;

	for (i = 0; i < c->nb_held; i += nb) {
		nb = RTE_MIN(c->nb_held - i, (uint32_t)MESSAGES);
		queue_answer(c, c->stuck, &c->held[i], (uint16_t)nb);
	}
	__atomic_store_n(&c->nb_held, 0, __ATOMIC_RELAXED);
}

static uint32_t
stuck_turn(struct consumer *c)
{
	bool hold = __atomic_load_n(&c->hold, __ATOMIC_RELAXED);
	uint16_t nb = queue_read(c, c->stuck);

	if (!hold || c->nb_held + nb > c->held_max) {
		queue_answer(c, c->stuck, c->answers, nb);
		if (!hold && c->nb_held != 0)
			held_answer(c);
		return nb;
	}
	memcpy(&c->held[c->nb_held], c->answers, nb * sizeof(c->held[0]));
	__atomic_store_n(&c->nb_held, c->nb_held + nb, __ATOMIC_RELAXED);
	return nb;
}

uint32_t
consumer_turn(struct consumer *c)
{
	uint32_t groups = 0, i;
	uint16_t nb;

	for (i = 0; i < c->nb_queues; i++) {
		nb = queue_read(c, c->queues[i]);
		queue_answer(c, c->queues[i], c->answers, nb);
		groups += nb;
	}
	if (c->stuck != NULL)
		groups += stuck_turn(c);
	return groups;
}

/* --------------------------------------------------------------------- threads */

static uint32_t
nb_fds(const struct consumer *c)
{
	return 1 + c->nb_queues + (c->stuck != NULL);
}

static struct uiommu_fault_queue *
queue_at(const struct consumer *c, uint32_t i)
{
	return i < c->nb_queues ? c->queues[i] : c->stuck;
}

/* Until a group comes or the end. No bound on the time: a lost wake-up is to be seen. */
static void
consumer_sleep(struct consumer *c)
{
	uint32_t i, nb = nb_fds(c);
	eventfd_t value;

	for (i = 0; i + 1 < nb; i++)
		if (uiommu_fault_queue_arm(queue_at(c, i)) != 0)
			return;
	if (poll(c->fds, nb, -1) < 0)
		return;
	count(&c->sleeps, 1);
	for (i = 1; i < nb; i++)
		if ((c->fds[i].revents & POLLIN) != 0)
			eventfd_read(c->fds[i].fd, &value);
}

static void *
consumer_main(void *arg)
{
	struct consumer *c = arg;

	while (!__atomic_load_n(&c->stop, __ATOMIC_RELAXED)) {
		if (consumer_turn(c) != 0)
			continue;
		/* who holds groups looks out for being let go */
		if (c->fds != NULL && c->nb_held == 0)
			consumer_sleep(c);
		else
			sched_yield();
	}
	return NULL;
}

int
consumers_start(struct storm *s)
{
	struct consumers *all = &s->consumers;
	uint32_t i;
	int ret;

	if (s->o.consumers == 0)
		return 0;
	for (i = 0; i < all->nb; i++) {
		struct consumer *c = &all->list[i];

		ret = pthread_create(&c->thread, NULL, consumer_main, c);
		if (ret != 0) {
			talk("cannot start consumer %u of %u: %s", i + 1, all->nb, strerror(ret));
			return -ret;
		}
		c->running = true;
		pthread_setname_np(c->thread, "consumer");
		cores_leave_to(c->thread, s->eal.cpu_fault, s->eal.cpu_model);
	}
	return 0;
}

void
consumers_stop(struct storm *s)
{
	struct consumers *all = &s->consumers;
	uint32_t i;

	for (i = 0; i < all->nb; i++)
		__atomic_store_n(&all->list[i].stop, true, __ATOMIC_RELAXED);
	if (all->nb != 0)
		eventfd_write(all->end_fd, 1);
	for (i = 0; i < all->nb; i++) {
		if (!all->list[i].running)
			continue;
		pthread_join(all->list[i].thread, NULL);
		all->list[i].running = false;
	}
}

/* --------------------------------------------------------------------- making them */

/* Consumer i of n has each n-th queue; where there are more consumers, several have one queue. */
static int
queues_share(const struct storm *s, struct consumer *c, uint32_t i)
{
	uint32_t nb = s->o.fault_queues, n = s->consumers.nb, j;

	c->queues = calloc(nb + 1, sizeof(struct uiommu_fault_queue *));
	if (c->queues == NULL)
		return -ENOMEM;
	for (j = 0; j < nb; j++)
		if (nb >= n ? j % n == i : j == i % nb)
			c->queues[c->nb_queues++] = s->delivery.queues[j];
	/* one has it, and with others of its own if there are any */
	if (s->o.stuck && i == n - 1)
		c->stuck = s->delivery.queues[s->delivery.nb - 1];
	return 0;
}

static int
fds_make(const struct storm *s, struct consumer *c)
{
	uint32_t i;

	if (!s->o.sleep)
		return 0;
	c->fds = calloc(nb_fds(c), sizeof(*c->fds));
	if (c->fds == NULL)
		return -ENOMEM;
	c->fds[0] = (struct pollfd){.fd = s->consumers.end_fd, .events = POLLIN};
	for (i = 1; i < nb_fds(c); i++) {
		c->fds[i].fd = uiommu_fault_queue_fd(queue_at(c, i - 1));
		c->fds[i].events = POLLIN;
		if (c->fds[i].fd < 0)
			return c->fds[i].fd;
	}
	return 0;
}

static int
consumer_make(struct storm *s, uint32_t i)
{
	struct consumer *c = &s->consumers.list[i];
	int ret = queues_share(s, c, i);

	c->held_max = s->delivery.stuck_depth;
	c->msgs = calloc(MESSAGES, sizeof(*c->msgs));
	/* one more: the answer of a group that has not ended yet */
	c->answers = calloc(MESSAGES + 1, sizeof(*c->answers));
	c->held = calloc(c->held_max + 1, sizeof(*c->held));
	if (c->msgs == NULL || c->answers == NULL || c->held == NULL)
		return -ENOMEM;
	return ret < 0 ? ret : fds_make(s, c);
}

int
consumers_open(struct storm *s)
{
	struct consumers *all = &s->consumers;
	uint32_t nb = RTE_MAX(s->o.consumers, 1U), i;
	size_t size = nb * sizeof(*all->list);
	int ret = 0;

	if (s->delivery.nb == 0)
		return 0;
	all->end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	all->list = aligned_alloc(128, size);
	all->before = calloc(nb, sizeof(*all->before));
	all->done = calloc(nb, sizeof(*all->done));
	if (all->end_fd < 0 || all->list == NULL || all->before == NULL || all->done == NULL) {
		ret = all->end_fd < 0 ? -errno : -ENOMEM;
	} else {
		memset(all->list, 0, size);
		all->nb = nb;
	}
	for (i = 0; i < nb && ret == 0; i++)
		ret = consumer_make(s, i);
	if (ret < 0)
		talk("cannot make %u consumers: %s", nb, rte_strerror(-ret));
	return ret;
}

void
consumers_close(struct storm *s)
{
	struct consumers *all = &s->consumers;
	uint32_t i;

	for (i = 0; i < all->nb; i++) {
		free(all->list[i].queues);
		free(all->list[i].msgs);
		free(all->list[i].answers);
		free(all->list[i].held);
		free(all->list[i].fds);
	}
	if (all->list != NULL && all->end_fd >= 0)
		close(all->end_fd);
	free(all->list);
	free(all->before);
	free(all->done);
	memset(all, 0, sizeof(*all));
}

struct consumer *
consumers_single(struct storm *s)
{
	return s->consumers.nb != 0 && s->o.consumers == 0 ? s->consumers.list : NULL;
}

void
consumers_hold(struct storm *s, bool hold)
{
	struct consumers *all = &s->consumers;

	__atomic_store_n(&all->list[all->nb - 1].hold, hold, __ATOMIC_RELAXED);
}

uint32_t
consumers_held(const struct storm *s)
{
	const struct consumers *all = &s->consumers;

	return __atomic_load_n(&all->list[all->nb - 1].nb_held, __ATOMIC_RELAXED);
}

/* --------------------------------------------------------------------- figures */

static void
figures_now(const struct consumer *c, struct consumer_figures *f)
{
	f->groups = __atomic_load_n(&c->groups, __ATOMIC_RELAXED);
	f->messages = __atomic_load_n(&c->messages, __ATOMIC_RELAXED);
	f->sleeps = __atomic_load_n(&c->sleeps, __ATOMIC_RELAXED);
	f->errors = __atomic_load_n(&c->errors, __ATOMIC_RELAXED);
}

void
consumers_figures_begin(struct storm *s)
{
	uint32_t i;

	for (i = 0; i < s->consumers.nb; i++)
		figures_now(&s->consumers.list[i], &s->consumers.before[i]);
}

void
consumers_figures_end(struct storm *s)
{
	uint32_t i;

	for (i = 0; i < s->consumers.nb; i++) {
		struct consumer_figures *done = &s->consumers.done[i];
		const struct consumer_figures *before = &s->consumers.before[i];

		figures_now(&s->consumers.list[i], done);
		done->groups -= before->groups;
		done->messages -= before->messages;
		done->sleeps -= before->sleeps;
		done->errors -= before->errors;
	}
}
