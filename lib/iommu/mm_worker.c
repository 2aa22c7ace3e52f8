/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Threads that resolve. While there is nothing to do they sleep, all of them on one epoll instance
 * with the eventfds of the fault queues in it; and one eventfd more, which ends them.
 */

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "mm_pvt.h"

/* Groups resolved at once: enough that neighbours meet, not so many that the first wait long. */
#define WORKER_BUDGET 64

/* Ask for a wake-up by each fault queue. Whether there is something to read after all. */
static bool
units_arm(struct uiommu_mm *mm)
{
	struct uiommu_mm_unit *on;
	bool ready = false;

	pthread_mutex_lock(&mm->lock);
	TAILQ_FOREACH (on, &mm->units, next)
		ready |= uiommu_fault_queue_arm(on->fq) > 0;
	pthread_mutex_unlock(&mm->lock);
	return ready;
}

static uiommu_thread_ret_t
worker_main(void *arg)
{
	struct uiommu_mm_worker *worker = arg;
	struct uiommu_mm *mm = worker->mm;
	struct epoll_event event;

	/* pairs with the store in uiommu_pvt_mm_workers_stop() */
	while (!__atomic_load_n(&mm->stop, __ATOMIC_ACQUIRE)) {
		if (uiommu_pvt_mm_turn(mm, WORKER_BUDGET) != 0 || units_arm(mm))
			continue;
		(void)epoll_wait(mm->epoll_fd, &event, 1, -1);
	}
	/* pairs with the load in worker_join() */
	__atomic_store_n(&worker->ended, true, __ATOMIC_RELEASE);
	return (uiommu_thread_ret_t)0;
}

static int
worker_start(struct uiommu_mm *mm, struct uiommu_mm_worker *worker)
{
	sigset_t all, old;
	int ret;

	worker->mm = mm;
	sigfillset(&all);
	/* signals are for the application's threads; a new one has the mask of its maker */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = uiommu_thread_create(&worker->thread, "uiommu-mm", worker_main, worker);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return ret == 0 ? 0 : -EAGAIN;
}

int
uiommu_pvt_mm_workers_watch(struct uiommu_mm *mm, struct uiommu_fault_queue *fq)
{
	struct epoll_event event = {.events = EPOLLIN};
	int fd = uiommu_fault_queue_fd(fq);

	if (mm->epoll_fd < 0)
		return 0;
	if (fd < 0)
		return fd;
	if (epoll_ctl(mm->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
		return -errno;
	/* those who sleep already cannot do it */
	uiommu_fault_queue_arm(fq);
	return 0;
}

void
uiommu_pvt_mm_workers_forget(struct uiommu_mm *mm, struct uiommu_fault_queue *fq)
{
	if (mm->epoll_fd >= 0)
		(void)epoll_ctl(mm->epoll_fd, EPOLL_CTL_DEL, uiommu_fault_queue_fd(fq), NULL);
}

static int
fds_open(struct uiommu_mm *mm)
{
	struct epoll_event event = {.events = EPOLLIN};

	mm->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	mm->stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (mm->epoll_fd < 0 || mm->stop_fd < 0)
		return -errno;
	if (epoll_ctl(mm->epoll_fd, EPOLL_CTL_ADD, mm->stop_fd, &event) != 0)
		return -errno;
	return 0;
}

static void
fds_close(struct uiommu_mm *mm)
{
	if (mm->epoll_fd >= 0)
		close(mm->epoll_fd);
	if (mm->stop_fd >= 0)
		close(mm->stop_fd);
	mm->epoll_fd = -1;
	mm->stop_fd = -1;
}

int
uiommu_pvt_mm_workers_start(struct uiommu_mm *mm)
{
	int ret;

	if (mm->conf.mode != UIOMMU_MM_WORKER)
		return 0;
	ret = fds_open(mm);
	while (ret == 0 && mm->nb_workers < mm->conf.nb_workers) {
		ret = worker_start(mm, &mm->workers[mm->nb_workers]);
		if (ret == 0)
			mm->nb_workers++;
	}
	if (ret != 0)
		uiommu_pvt_mm_workers_stop(mm);
	return ret;
}

/* What the thread does before it ends may need the caller's queues polled. */
static void
worker_join(struct uiommu_mm_worker *worker)
{
	/* pairs with the store in worker_main() */
	while (!__atomic_load_n(&worker->ended, __ATOMIC_ACQUIRE))
		uiommu_pvt_wait_turn();
	(void)uiommu_thread_join(worker->thread);
}

void
uiommu_pvt_mm_workers_stop(struct uiommu_mm *mm)
{
	static const uint64_t one = 1;
	ssize_t done;

	/* pairs with the load in worker_main() */
	__atomic_store_n(&mm->stop, true, __ATOMIC_RELEASE);
	if (mm->stop_fd >= 0) {
		/* nobody reads it: it stays readable until all have seen it */
		done = write(mm->stop_fd, &one, sizeof(one));
		(void)done;
	}
	while (mm->nb_workers > 0)
		worker_join(&mm->workers[--mm->nb_workers]);
	fds_close(mm);
}
