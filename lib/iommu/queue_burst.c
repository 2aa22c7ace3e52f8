/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Fault queues: groups in, by the fault lcore; messages out and answers in, by consumers. */

#include <errno.h>
#include <unistd.h>

#include "fault_queue_pvt.h"

/* Groups whose entries are taken at once: this many are on the stack. */
#define CHUNK 64

#define MSG_SIZE sizeof(struct uiommu_fault_msg)

/* --------------------------------------------------------------- fault lcore */

/* What a chunk of groups has come to. */
struct delivery {
	struct uiommu_fault_queue *fq;
	uint8_t *codes;
	struct uiommu_fault_msg *msgs; /* filled, and not in the ring yet */
	uint32_t nb_msgs;
	uint32_t room;	  /* messages that the ring takes, those included */
	uint16_t first;	  /* of the groups whose messages they are */
	uint16_t waiting; /* number of them */
	uint16_t delivered;
};

_Static_assert(UIOMMU_FAULT_MSG_READ == UIOMMU_FAULT_READ &&
		       UIOMMU_FAULT_MSG_WRITE == UIOMMU_FAULT_WRITE,
	       "the lower access bits keep their places");
_Static_assert(UIOMMU_FAULT_MSG_EXEC << 1 == UIOMMU_FAULT_EXEC &&
		       UIOMMU_FAULT_MSG_PRIV << 1 == UIOMMU_FAULT_PRIV,
	       "the upper access bits move by one");
_Static_assert((unsigned int)UIOMMU_FAULT_ANSWER_SUCCESS == (unsigned int)UIOMMU_CODE_SUCCESS &&
		       (unsigned int)UIOMMU_FAULT_ANSWER_INVALID ==
			       (unsigned int)UIOMMU_CODE_INVALID,
	       "answers have the engine's codes");

static inline uint32_t
perm_of(uint32_t flags)
{
	return (flags & (UIOMMU_FAULT_READ | UIOMMU_FAULT_WRITE)) |
	       ((flags & (UIOMMU_FAULT_EXEC | UIOMMU_FAULT_PRIV)) >> 1);
}

static inline void
msg_fill(struct uiommu_fault_msg *msg, const struct uiommu_fault *fault, uint32_t cookie)
{
	bool has_pasid = (fault->flags & UIOMMU_FAULT_PASID) != 0;

	*msg = (struct uiommu_fault_msg){
		.flags = has_pasid ? UIOMMU_FAULT_MSG_PASID_VALID : 0,
		.dev_id = fault->endpoint_id,
		.pasid = has_pasid ? fault->pasid : 0,
		.grpid = fault->prg_index,
		.perm = perm_of(fault->flags),
		.addr = fault->iova,
		.length = (uint32_t)fault->nb_pages * 4096,
		.cookie = cookie,
	};
}

static void
msgs_add(struct delivery *d, const struct uiommu_group *group, uint32_t cookie)
{
	struct uiommu_fault_msg *msg = &d->msgs[d->nb_msgs];
	uint16_t i;

	for (i = 0; i < group->nb_faults; i++)
		msg_fill(&msg[i], &group->faults[i], cookie);
	msg[group->nb_faults - 1].flags |= UIOMMU_FAULT_MSG_LAST_PAGE;
	d->nb_msgs += group->nb_faults;
}

/*
 * The owner of another hardware queue was faster. The codes take the deferrals back, and that frees
 * the entries; no consumer has seen their cookies.
 */
static uiommu_cold void
msgs_give_up(struct delivery *d, uint16_t end)
{
	uint16_t i;

	for (i = d->first; i < end; i++) {
		if (d->codes[i] == UIOMMU_CODE_DEFERRED)
			d->codes[i] = UIOMMU_CODE_RETRY;
	}
	d->room = 0;
}

/* Make the messages of the groups before end visible to consumers: all of them, or none. */
static void
msgs_flush(struct delivery *d, uint16_t end)
{
	if (d->waiting == 0)
		return;
	if (rte_ring_enqueue_bulk_elem(d->fq->messages, d->msgs, MSG_SIZE, d->nb_msgs, NULL) != 0) {
		d->delivered += d->waiting;
		d->room -= d->nb_msgs;
	} else {
		msgs_give_up(d, end);
	}
	d->waiting = 0;
	d->nb_msgs = 0;
	d->first = end;
}

/* A cookie for an entry that is free. */
static uint32_t
entry_cookie(const struct uiommu_fault_queue *fq, uint32_t number)
{
	struct fault_queue_entry *entry = &fq->entries[number];
	uint32_t last = UINT32_MAX >> fq->entry_bits;

	entry->generation = entry->generation == last ? 1 : entry->generation + 1;
	return entry->generation << fq->entry_bits | number;
}

/* Put a group into an entry and its messages among those to come. False: there is no room. */
static bool
group_put(struct delivery *d, struct uiommu_group *group, uint32_t number, uint16_t at)
{
	struct uiommu_fault_queue *fq = d->fq;
	struct fault_queue_entry *entry = &fq->entries[number];
	uiommu_cookie_t engine;
	uint32_t cookie;

	if (d->nb_msgs + group->nb_faults > fq->scratch_max)
		msgs_flush(d, at);
	if (d->nb_msgs + group->nb_faults > d->room)
		return false;
	engine = uiommu_pvt_group_deliver(group, fq, number);
	if (engine == 0)
		return false;
	cookie = entry_cookie(fq, number);
	/* both pair with the loads in entry_find() */
	__atomic_store_n(&entry->engine, engine, __ATOMIC_RELEASE);
	__atomic_store_n(&entry->cookie, cookie, __ATOMIC_RELEASE);
	msgs_add(d, group, cookie);
	d->waiting++;
	return true;
}

/* Number delivered. */
static uint16_t
chunk_deliver(struct uiommu_fault_queue *fq, struct uiommu_queue *queue,
	      struct uiommu_group *groups, uint8_t *codes, uint16_t nb_groups)
{
	struct delivery d = {
		.fq = fq,
		.codes = codes,
		.msgs = fq->scratch[queue->id],
		.room = rte_ring_free_count(fq->messages),
	};
	uint32_t numbers[CHUNK];
	uint32_t nb =
		rte_ring_dequeue_burst_elem(fq->free, numbers, sizeof(numbers[0]), nb_groups, NULL);
	uint32_t used = 0;
	uint16_t i;

	for (i = 0; i < nb_groups; i++) {
		codes[i] = UIOMMU_CODE_RETRY;
		if (used == nb || !group_put(&d, &groups[i], numbers[used], i))
			continue;
		codes[i] = UIOMMU_CODE_DEFERRED;
		used++;
	}
	msgs_flush(&d, nb_groups);
	if (used != nb)
		(void)rte_ring_enqueue_bulk_elem(fq->free, &numbers[used], sizeof(numbers[0]),
						 nb - used, NULL);
	return d.delivered;
}

/*
 * No wake-up is lost: of this exchange and the one in uiommu_fault_queue_arm() the later one sees
 * the earlier. Either this one finds the wish, or the other side, which looks at the ring
 * afterwards, finds what was put there before.
 */
static void
wake(struct uiommu_fault_queue *fq)
{
	const uint64_t one = 1;

	/* pairs with the exchange in uiommu_fault_queue_arm() */
	if (fq->fd < 0 || __atomic_exchange_n(&fq->armed, 0, __ATOMIC_ACQ_REL) == 0)
		return;
	__atomic_fetch_add(&fq->wakeups, 1, __ATOMIC_RELAXED);
	/* can fail only where it is readable already, many times over */
	(void)!write(fq->fd, &one, sizeof(one));
}

void
uiommu_pvt_fault_queue_handler(void *priv, struct uiommu_group *groups, uint8_t *codes,
			       uint16_t nb_groups)
{
	struct uiommu_fault_queue *fq = priv;
	/* a group that was delivered does not tell any more */
	struct uiommu_queue *queue = uiommu_pvt_group_queue(&groups[0]);
	uint16_t delivered = 0;
	uint16_t pos, nb;

	for (pos = 0; pos < nb_groups; pos += nb) {
		nb = RTE_MIN(nb_groups - pos, CHUNK);
		delivered += chunk_deliver(fq, queue, groups + pos, codes + pos, nb);
	}
	if (delivered != nb_groups) {
		__atomic_fetch_add(&fq->full, nb_groups - delivered, __ATOMIC_RELAXED);
		uiommu_count(&queue->stats.queue_full, nb_groups - delivered);
	}
	if (delivered == 0)
		return;
	__atomic_fetch_add(&fq->delivered, delivered, __ATOMIC_RELAXED);
	uiommu_count(&queue->stats.delivered, delivered);
	wake(fq);
}

void
uiommu_pvt_fault_queue_closed(struct uiommu_fault_queue *fq, uint32_t number, bool revoked)
{
	/* before anybody can take the entry again; see struct fault_queue_entry */
	__atomic_store_n(&fq->entries[number].cookie, 0, __ATOMIC_RELAXED);
	if (revoked)
		__atomic_fetch_add(&fq->revoked, 1, __ATOMIC_RELAXED);
	/* there is room for all entries */
	(void)rte_ring_enqueue_elem(fq->free, &number, sizeof(number));
}

/* ----------------------------------------------------------------- consumers */

/* Whether a group still waits. A dead cookie stays so while its messages are in the ring. */
static bool
cookie_is_live(const struct uiommu_fault_queue *fq, uint32_t cookie)
{
	/* relaxed: a detach that has returned is seen, one that has not may win later anyway */
	return __atomic_load_n(&fq->entries[fault_queue_entry_of(fq, cookie)].cookie,
			       __ATOMIC_RELAXED) == cookie;
}

/* Messages up to the end of the last group that is there as a whole. */
static uint32_t
whole_groups(const struct uiommu_fault_msg *msgs, uint32_t nb)
{
	while (nb != 0 && (msgs[nb - 1].flags & UIOMMU_FAULT_MSG_LAST_PAGE) == 0)
		nb--;
	return nb;
}

/* Leave out groups that wait no more, or of which a part was thrown away. Messages that stay. */
static uint32_t
live_groups(const struct uiommu_fault_queue *fq, struct uiommu_fault_msg *msgs, uint32_t nb,
	    uint32_t *nb_groups)
{
	uint32_t kept = 0;
	uint32_t i = 0;

	*nb_groups = 0;
	while (i < nb) {
		bool live = cookie_is_live(fq, msgs[i].cookie);
		bool last;

		do {
			last = (msgs[i].flags & UIOMMU_FAULT_MSG_LAST_PAGE) != 0;
			if (live)
				msgs[kept++] = msgs[i];
			i++;
		} while (!last && i < nb);
		*nb_groups += live;
	}
	return kept;
}

/*
 * One look at the ring. Messages; -EAGAIN: only dead ones were there, and now they are gone;
 * -EMSGSIZE. taken: messages that went out of the ring.
 */
static int
read_once(struct uiommu_fault_queue *fq, struct uiommu_fault_msg *msgs, uint32_t nb_msgs,
	  uint32_t *taken)
{
	uint32_t nb, whole, kept, nb_groups;

	/* other readers wait from here on, until the end of the group is known */
	nb = rte_ring_dequeue_burst_elem_start(fq->messages, msgs, MSG_SIZE, nb_msgs, NULL);
	*taken = nb;
	if (nb == 0)
		return 0;
	whole = whole_groups(msgs, nb);
	if (whole == 0 && cookie_is_live(fq, msgs[0].cookie)) {
		rte_ring_dequeue_elem_finish(fq->messages, 0);
		return -EMSGSIZE;
	}
	/* of a dead group that is larger than the buffer a part goes: nobody will see the rest */
	if (whole != 0)
		*taken = whole;
	rte_ring_dequeue_elem_finish(fq->messages, *taken);
	kept = live_groups(fq, msgs, whole, &nb_groups);
	if (kept == 0)
		return -EAGAIN;
	__atomic_fetch_add(&fq->read, nb_groups, __ATOMIC_RELAXED);
	return (int)kept;
}

static int
read_live(struct uiommu_fault_queue *fq, struct uiommu_fault_msg *msgs, uint16_t nb_msgs)
{
	uint32_t sum = 0, taken;
	int ret;

	/* no more dead ones than the ring holds: a reader must come to an end under a storm */
	do {
		ret = read_once(fq, msgs, nb_msgs, &taken);
		sum += taken;
	} while (ret == -EAGAIN && sum <= fq->messages_max);
	return ret == -EAGAIN ? 0 : ret;
}

int
uiommu_fault_queue_read(struct uiommu_fault_queue *fq, struct uiommu_fault_msg *msgs,
			uint16_t nb_msgs)
{
	int ret = -EBADF;

	if (fq == NULL || msgs == NULL)
		return -EINVAL;
	if (fault_queue_enter(fq)) {
		if (nb_msgs != 0)
			ret = read_live(fq, msgs, nb_msgs);
		else
			ret = rte_ring_empty(fq->messages) != 0 ? 0 : -EMSGSIZE;
	}
	fault_queue_leave(fq);
	return ret;
}

/* The engine's cookie of a group that waits; 0: none. */
static uiommu_cookie_t
entry_find(const struct uiommu_fault_queue *fq, uint32_t cookie)
{
	const struct fault_queue_entry *entry = &fq->entries[fault_queue_entry_of(fq, cookie)];
	uiommu_cookie_t engine;

	/* acquire: pair with the stores in group_put(); see struct fault_queue_entry */
	if (cookie == 0 || __atomic_load_n(&entry->cookie, __ATOMIC_ACQUIRE) != cookie)
		return 0;
	engine = __atomic_load_n(&entry->engine, __ATOMIC_ACQUIRE);
	return __atomic_load_n(&entry->cookie, __ATOMIC_RELAXED) == cookie ? engine : 0;
}

/* Answer one group with a code that may be sent. */
static int
group_answer(struct uiommu_fault_queue *fq, uint32_t cookie, uint8_t code)
{
	uiommu_cookie_t engine = entry_find(fq, cookie);

	return engine != 0 ? uiommu_pvt_answer_one(fq->unit, engine, code) : -ENOENT;
}

static void
answers_count(struct uiommu_fault_queue *fq, uint16_t answered, uint16_t stale)
{
	if (answered != 0)
		__atomic_fetch_add(&fq->answered, answered, __ATOMIC_RELAXED);
	if (stale != 0)
		__atomic_fetch_add(&fq->stale_answers, stale, __ATOMIC_RELAXED);
}

uint16_t
uiommu_pvt_fault_queue_answer(struct uiommu_fault_queue *fq, const uint32_t *cookies,
			      const uint8_t *codes, uint16_t nb)
{
	uint16_t answered = 0;
	uint16_t i;

	if (fault_queue_enter(fq)) {
		for (i = 0; i < nb; i++)
			answered += group_answer(fq, cookies[i], codes[i]) == 0;
		answers_count(fq, answered, nb - answered);
	}
	fault_queue_leave(fq);
	return answered;
}

uint16_t
uiommu_fault_queue_write(struct uiommu_fault_queue *fq, const struct uiommu_fault_answer *answers,
			 int *status, uint16_t nb_answers)
{
	uint16_t answered = 0, stale = 0;
	uint16_t i;
	bool open;
	int ret;

	if (fq == NULL || (answers == NULL && nb_answers != 0))
		return 0;
	open = fault_queue_enter(fq);
	for (i = 0; i < nb_answers; i++) {
		if (!open)
			ret = -EBADF;
		else if (answers[i].code > UIOMMU_FAULT_ANSWER_INVALID)
			ret = -EINVAL;
		else
			ret = group_answer(fq, answers[i].cookie, (uint8_t)answers[i].code);
		if (status != NULL)
			status[i] = ret;
		answered += ret == 0;
		stale += ret == -ENOENT;
	}
	answers_count(fq, answered, stale);
	fault_queue_leave(fq);
	return answered;
}

int
uiommu_fault_queue_arm(struct uiommu_fault_queue *fq)
{
	uint64_t signals;
	int ret = -EBADF;

	if (fq == NULL)
		return -EINVAL;
	if (fault_queue_enter(fq)) {
		ret = -ENOTSUP;
		if (fq->fd >= 0) {
			/* what it was readable for is looked at below */
			(void)!read(fq->fd, &signals, sizeof(signals));
			/* pairs with the exchange in wake() */
			__atomic_exchange_n(&fq->armed, 1, __ATOMIC_ACQ_REL);
			ret = rte_ring_empty(fq->messages) == 0;
		}
	}
	fault_queue_leave(fq);
	return ret;
}
