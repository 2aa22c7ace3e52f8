/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef UIOMMU_QUEUE_H
#define UIOMMU_QUEUE_H

/**
 * @file
 * Fault queues: whole groups are handed to application threads, which answer by cookie.
 *
 * Messages and answers have the members, sizes and meaning of Linux' iommufd fault
 * queue (struct iommu_hwpt_pgfault, 40 bytes, and struct iommu_hwpt_page_response,
 * 8 bytes), so that what was written for the one works with the other. What differs is
 * where iommufd leaves the reader in the dark: a buffer too small for the first
 * group is told from an empty queue, and a write gives a status for every entry.
 *
 *   fault lcore                                 consumer
 *     domain's groups  --- rte_ring of messages ---> uiommu_fault_queue_read()
 *     responses       <--- cookies -------------- uiommu_fault_queue_write()
 *
 * The fault lcore never waits for a consumer. A group that finds the queue full, by groups or by
 * messages, is answered RETRY: the device asks again (counter "queue_full").
 * A queue takes its depth out of the unit's slots (uiommu_dev_conf::deferred_max) when it is
 * created, so that one whose consumer is stuck takes nothing from others.
 *
 * Detach, replace, removal and uiommu_fault_queue_destroy() answer the groups concerned INVALID,
 * read or not: they are not read any more, and their cookies give -ENOENT.
 */

#include <stddef.h>
#include <stdint.h>

#include <uiommu_fault.h>

#ifdef __cplusplus
extern "C" {
#endif

struct uiommu_fault_queue;

/** @name Flags of a message (uiommu_fault_msg::flags)
 * @{
 */
#define UIOMMU_FAULT_MSG_PASID_VALID (1U << 0) /**< pasid is valid */
#define UIOMMU_FAULT_MSG_LAST_PAGE (1U << 1)   /**< closes its group */
/** @} */

/** @name Access asked for (uiommu_fault_msg::perm)
 * @{
 */
#define UIOMMU_FAULT_MSG_READ (1U << 0)
#define UIOMMU_FAULT_MSG_WRITE (1U << 1)
#define UIOMMU_FAULT_MSG_EXEC (1U << 2)
#define UIOMMU_FAULT_MSG_PRIV (1U << 3)
/** @} */

/** One page request of a group. */
struct uiommu_fault_msg {
	uint32_t flags;    /**< UIOMMU_FAULT_MSG_PASID_VALID, UIOMMU_FAULT_MSG_LAST_PAGE */
	uint32_t dev_id;   /**< who asks: id of the endpoint */
	uint32_t pasid;    /**< where PASID_VALID is set; else 0 */
	uint32_t grpid;    /**< page request group index, or stall tag */
	uint32_t perm;     /**< UIOMMU_FAULT_MSG_READ, WRITE, EXEC, PRIV */
	uint32_t reserved; /**< 0 */
	uint64_t addr;     /**< address of the page in bytes */
	uint32_t length;   /**< bytes asked for, as a hint; 0: no hint */
	uint32_t cookie;   /**< of the group; never 0; used again after nearly 2^32 groups */
};

/** @name Answers (uiommu_fault_answer::code)
 * @{
 */
#define UIOMMU_FAULT_ANSWER_SUCCESS 0 /**< every page of the group is mapped */
#define UIOMMU_FAULT_ANSWER_INVALID 1 /**< a page does not exist or access is denied */
/** @} */

/** Answer to a group. */
struct uiommu_fault_answer {
	uint32_t cookie; /**< from the group's messages */
	uint32_t code;   /**< UIOMMU_FAULT_ANSWER_SUCCESS or _INVALID */
};

#ifndef __cplusplus
_Static_assert(sizeof(struct uiommu_fault_msg) == 40, "size of uiommu_fault_msg");
_Static_assert(offsetof(struct uiommu_fault_msg, dev_id) == 4, "layout of uiommu_fault_msg");
_Static_assert(offsetof(struct uiommu_fault_msg, pasid) == 8, "layout of uiommu_fault_msg");
_Static_assert(offsetof(struct uiommu_fault_msg, grpid) == 12, "layout of uiommu_fault_msg");
_Static_assert(offsetof(struct uiommu_fault_msg, perm) == 16, "layout of uiommu_fault_msg");
_Static_assert(offsetof(struct uiommu_fault_msg, addr) == 24, "layout of uiommu_fault_msg");
_Static_assert(offsetof(struct uiommu_fault_msg, length) == 32, "layout of uiommu_fault_msg");
_Static_assert(offsetof(struct uiommu_fault_msg, cookie) == 36, "layout of uiommu_fault_msg");
_Static_assert(sizeof(struct uiommu_fault_answer) == 8, "size of uiommu_fault_answer");
_Static_assert(offsetof(struct uiommu_fault_answer, code) == 4, "layout of uiommu_fault_answer");
#endif

/** The queue has an eventfd, see uiommu_fault_queue_arm(). */
#define UIOMMU_FAULT_QUEUE_EVENTFD (UINT64_C(1) << 0)

/** Configuration of a fault queue. Zero is the default for each member. */
struct uiommu_fault_queue_conf {
	size_t size;          /**< sizeof(struct uiommu_fault_queue_conf) */
	/**
	 * groups that may be unanswered at a time, read or not: power of two, up to the
	 * unit's deferred_max; default 256, or deferred_max where that is less
	 */
	uint32_t depth;
	/**
	 * messages that may be unread at a time: power of two, at least the unit's group_max, up
	 * to 2^20; default 4 x depth, and at least group_max
	 */
	uint32_t messages;
	uint64_t flags;       /**< UIOMMU_FAULT_QUEUE_EVENTFD */
	uint64_t reserved[4]; /**< 0 */
};

/** Counters of a fault queue, since it was created. */
struct uiommu_fault_queue_stats {
	uint64_t delivered;     /**< groups put into the queue */
	uint64_t full;          /**< groups answered RETRY because the queue was full */
	uint64_t read;          /**< groups read */
	uint64_t answered;      /**< groups answered by a write */
	/** groups answered INVALID by detach, replace or removal, or by policy (deadline) */
	uint64_t revoked;
	uint64_t stale_answers; /**< answers written to cookies that wait for none */
	uint64_t wakeups;       /**< times the eventfd was signalled */
	uint32_t depth;         /**< bound on groups */
	uint32_t messages;      /**< bound on messages */
	uint32_t open;          /**< groups unanswered now */
	uint32_t reserved;      /**< 0 */
};

/**
 * Create a fault queue. Give it to domains with uiommu_domain_conf::fault_queue; several
 * domains may share one. Any thread.
 *
 * @param dev_id unit, configured
 * @param conf NULL for the defaults
 * @return queue; NULL with rte_errno: ENODEV: no such unit; EINVAL: not configured, or a member
 *   out of range; ENOSPC: the depths of all fault queues together are over the unit's deferred_max;
 *   ENOMEM; EMFILE, ENFILE: no eventfd; EIO: the unit has failed; EDEADLK: inside a handler
 */
struct uiommu_fault_queue *
uiommu_fault_queue_create(int16_t dev_id, const struct uiommu_fault_queue_conf *conf);

/**
 * Destroy a fault queue. What is unanswered is answered INVALID, read or not. Domains
 * that have it stay, and answer INVALID from now on. Any thread; calls of other threads that
 * are under way are waited for, further ones must not begin: stop the consumers first, those that
 * sleep on the file descriptor are not woken.
 *
 * @param fq not used after this call returned 0
 * @return 0; -EINVAL: fq is NULL; -EDEADLK: inside a handler; -ETIMEDOUT: the unit or the owner
 *   of a queue did not react: the unit is marked failed, memory stays until uiommu_close();
 *   -EIO: the unit has failed
 */
int
uiommu_fault_queue_destroy(struct uiommu_fault_queue *fq);

/**
 * Read whole groups, oldest first; of one burst, those of a domain stand together. Any number of
 * threads; the fault lcore never waits for one of them. Never blocks.
 *
 * @param fq queue
 * @param msgs filled; the messages of a group are next to each other and have one cookie,
 *   the last one has UIOMMU_FAULT_MSG_LAST_PAGE
 * @param nb_msgs size of the array; uiommu_dev_info::group_max is enough for any group
 * @return messages written; 0: nothing there; -EMSGSIZE: the first group has more than
 *   nb_msgs messages, it stays where it is; -EINVAL: NULL argument; -EBADF: being destroyed
 */
int
uiommu_fault_queue_read(struct uiommu_fault_queue *fq, struct uiommu_fault_msg *msgs,
			uint16_t nb_msgs);

/**
 * Answer groups that were read. Any thread. A bad entry does not keep the others from
 * being carried out.
 *
 * @param fq queue
 * @param answers answers, in any order
 * @param status result for each, or NULL when not wanted: 0; -ENOENT: not waiting for an
 *   answer (answered before, detached, expired, or no such cookie); -EINVAL: code out of range, the
 *   group still waits; -EBADF: the queue is being destroyed
 * @param nb_answers size of the arrays
 * @return answers that took effect; 0 also where an argument is NULL
 */
uint16_t
uiommu_fault_queue_write(struct uiommu_fault_queue *fq, const struct uiommu_fault_answer *answers,
			 int *status, uint16_t nb_answers);

/**
 * The eventfd, for poll(2), epoll(7) or rte_epoll: readable when it was armed and a group came
 * after that. The queue's; it is closed by uiommu_fault_queue_destroy().
 *
 * @return file descriptor; -ENOTSUP: created without UIOMMU_FAULT_QUEUE_EVENTFD; -EINVAL
 */
int
uiommu_fault_queue_fd(const struct uiommu_fault_queue *fq);

/**
 * Ask for one wake-up. A consumer that wants to sleep: read until 0; arm; if that returned 0,
 * wait for the file descriptor; read again. No group is missed in between. Arming takes an old
 * signal back, so nobody needs to read(2) the file descriptor. Each arming
 * costs the fault lcore one write to the eventfd, when the next group comes; a queue that is
 * not armed costs it no system call.
 *
 * @return 0: armed, nothing there now; 1: armed or not, there is something to read: do not
 *   sleep; -ENOTSUP: created without UIOMMU_FAULT_QUEUE_EVENTFD; -EINVAL; -EBADF: being destroyed
 */
int
uiommu_fault_queue_arm(struct uiommu_fault_queue *fq);

/** @return 0; -EINVAL: NULL argument */
int
uiommu_fault_queue_stats_get(const struct uiommu_fault_queue *fq,
			     struct uiommu_fault_queue_stats *stats);

#ifdef __cplusplus
}
#endif

#endif /* UIOMMU_QUEUE_H */
