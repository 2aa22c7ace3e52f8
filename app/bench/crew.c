/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "crew.h"

struct crew {
	const struct bench *b;
	crew_work_t work;
	void *arg;
	uint32_t ready; /* how many wait */
	int start;      /* 0: wait; 1: go; -1: go home */
};

struct member {
	struct crew *crew;
	pthread_t id;
	uint32_t number;
	uint64_t begin, end;
	int ret;
};

static void *
member_main(void *arg)
{
	struct member *m = arg;
	struct crew *crew = m->crew;
	int start;

	bench_pin(crew->b, m->number);
	/* pairs with the load in crew_start() */
	__atomic_fetch_add(&crew->ready, 1, __ATOMIC_RELEASE);
	/* pairs with the store in crew_start() */
	while ((start = __atomic_load_n(&crew->start, __ATOMIC_ACQUIRE)) == 0)
		sched_yield();
	if (start < 0)
		return NULL;
	m->begin = bench_now();
	m->ret = crew->work(crew->arg, m->number);
	m->end = bench_now();
	return NULL;
}

/* When all are there, or nobody shall start. */
static void
crew_start(struct crew *crew, uint32_t nb, int start)
{
	/* pairs with the addition in member_main() */
	while (__atomic_load_n(&crew->ready, __ATOMIC_ACQUIRE) != nb)
		sched_yield();
	/* pairs with the load in member_main() */
	__atomic_store_n(&crew->start, start, __ATOMIC_RELEASE);
}

int
crew_run(const struct bench *b, uint32_t nb, crew_work_t work, void *arg, uint64_t *ns)
{
	struct crew crew = {.b = b, .work = work, .arg = arg};
	struct member members[BENCH_THREADS_MAX];
	uint64_t begin = UINT64_MAX, end = 0;
	uint32_t there, i;
	int ret = 0;

	for (there = 0; there < nb && ret == 0; there += ret == 0) {
		members[there] = (struct member){.crew = &crew, .number = there};
		ret = -pthread_create(&members[there].id, NULL, member_main, &members[there]);
	}
	if (ret != 0)
		talk("cannot make thread %u of %u: %s", there + 1, nb, strerror(-ret));
	crew_start(&crew, there, ret == 0 ? 1 : -1);
	for (i = 0; i < there; i++) {
		pthread_join(members[i].id, NULL);
		ret = ret != 0 ? ret : members[i].ret;
		begin = members[i].begin < begin ? members[i].begin : begin;
		end = members[i].end > end ? members[i].end : end;
	}
	*ns = end - begin;
	return ret;
}
