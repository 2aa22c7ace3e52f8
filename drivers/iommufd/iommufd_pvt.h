/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef IOMMUFD_PVT_H
#define IOMMUFD_PVT_H

/** @file Declarations across the files of the driver. */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>
#include <rte_log.h>

#include <uiommu_driver.h>

#include "iommufd_area.h"
#include "iommufd_devmap.h"
#include "iommufd_hw.h"
#include "iommufd_notice.h"
#include "iommufd_ready.h"
#include "iommufd_slot.h"

extern int iommufd_logtype;

/** One line in the log. Never on the data path. */
#define IOMMUFD_LOG(level, fmt, ...)                                                               \
	rte_log(RTE_LOG_##level, (uint32_t)iommufd_logtype, "iommufd: " fmt "\n", ##__VA_ARGS__)

#define IOMMUFD_QUEUES_MAX 4
/** Messages that the buffer of a read has room for. */
#define IOMMUFD_ENTRIES_MIN 64
#define IOMMUFD_ENTRIES_MAX 65536
/** Groups that may wait for answers of an application: half of the slots. */
#define IOMMUFD_DEFERRED_MAX 32768
/** Largest burst, and answers of one write. */
#define IOMMUFD_BURST_MAX 512
#define IOMMUFD_PAGE_SIZE 4096
/**
 * Reads in a row that find nothing, before the queue is waited for. To arm a poll and to have it
 * complete takes about as long as so many of them (uiommu-bench, case "idle"): thus it never takes
 * much more than twice as long as the better of the two, however requests come.
 */
#define IOMMUFD_ARM_AFTER 5
/** Width of an I/O virtual address. */
#define IOMMUFD_ADDRESS_BITS 48

/* ------------------------------------------------------------------- data path */

/** Counters of the data path; written by the owner. */
struct iommufd_queue_stats {
	uint64_t reads;            /**< reads that gave something */
	uint64_t empty_reads;
	uint64_t messages;
	uint64_t refused_messages; /**< refused messages: access, PASID */
	uint64_t not_ended;        /**< groups without a flag for their last message */
	uint64_t mixed_pasids;     /**< messages left out: not of the PASID of their group */
	uint64_t grown_reads;      /**< reads for which the first group was too large */
	uint64_t read_retries;     /**< reads that could not be done then: memory, a signal */
	uint64_t slots_full;       /**< fetches that had to wait for answers */
	uint64_t writes;
	uint64_t short_writes;     /**< writes that stopped at an answer */
	uint64_t refused_answers;  /**< answers at which they stopped */
	uint64_t write_retries;    /**< writes that could not be done at the moment */
	uint64_t dead_answers;     /**< not written: the kernel had answered */
	uint64_t wrong_answers;    /**< for a slot that is not in use */
	uint64_t lost_answers;     /**< that a failed queue could not write any more */
	uint64_t recycled_cookies; /**< that came again before we had answered */
	uint64_t ended_groups;     /**< that a detach has answered, noted in time */
	uint64_t armed;            /**< times that an empty queue was waited for */
	uint64_t wakeups;          /**< times that it had something then */
};

/** A fault queue: all that the owner needs. */
struct iommufd_queue {
	/* read on every call */
	struct uiommu_platform *plat;
	const struct uiommu_file_ops *files;
	struct iommufd_fault *msgs;    /**< what the last read gave */
	uint32_t pos;                  /**< messages of it that were taken */
	uint32_t nb;
	uint32_t entries;              /**< room for messages */
	uint32_t want;                 /**< messages asked for, as a rule */
	int fd;
	int failed;                    /**< negative errno: out of use */
	bool widen;                    /**< the next read asks for all there is room for */
	bool armed;                    /**< empty, and waited for */
	uint32_t idle_reads;           /**< in a row that found nothing */
	struct iommufd_ready *ready;   /**< NULL: each turn reads */
	struct iommufd_devmap *devmap;
	const char *name;              /**< of the unit */
	uint16_t index;
	uint32_t reads;                /**< that are over; read by the control path */
	uint64_t taken;                /**< messages so far */
	uintptr_t owner;               /**< thread that was here last */

	struct iommufd_slots slots __rte_cache_aligned;
	struct iommufd_resp resps[IOMMUFD_BURST_MAX];

	struct iommufd_queue_stats stats __rte_cache_aligned;

	struct iommufd_notices notices __rte_cache_aligned;
};

extern const struct uiommu_queue_ops iommufd_queue_ops;

/** Begin with an empty queue: nothing of it is attached anywhere. */
void
iommufd_queue_reset(struct iommufd_queue *queue);

/** uiommu_queue_ops::fetch */
uint16_t
iommufd_fetch(void *queue_private, struct uiommu_fault *faults, uint16_t nb, uint16_t *taken,
	      uint32_t *events);

/** uiommu_queue_ops::respond. Takes all: what is not written has its answer, or is lost. */
uint16_t
iommufd_respond(void *queue_private, const struct uiommu_resp *resps, uint16_t nb);

/** Give up: nothing is read or written any more, and the unit fails. One line, the first time. */
void
iommufd_queue_fail(struct iommufd_queue *queue, int error, const char *what) __rte_cold;

/** What iommufd_queue_hear() does if there is something. */
void
iommufd_queue_hear_all(struct iommufd_queue *queue, uint32_t tail) __rte_cold;

/** By the owner, before slots are looked at: what has the control path detached? */
static inline void
iommufd_queue_hear(struct iommufd_queue *queue)
{
	uint32_t tail;

	if (unlikely(iommufd_notices_any(&queue->notices, &tail)))
		iommufd_queue_hear_all(queue, tail);
}

/** Whether the caller was the last that polled the queue. */
static inline bool
iommufd_queue_is_ours(const struct iommufd_queue *queue)
{
	return __atomic_load_n(&queue->owner, __ATOMIC_RELAXED) == (uintptr_t)pthread_self();
}

/* ---------------------------------------------------------------------- domains */

struct iommufd;

/** A hardware page table of the kernel. */
struct iommufd_hwpt {
	SLIST_ENTRY(iommufd_hwpt) next;
	uint32_t id;
	int queue;        /**< whose requests go to this queue; -1: it takes none */
	bool pasids;      /**< made for use beside PASIDs */
	bool nest_parent;
};

SLIST_HEAD(iommufd_hwpts, iommufd_hwpt);

struct iommufd_domain {
	struct iommufd *unit;
	uint32_t type;                 /**< enum uiommu_domain_type */
	uint32_t ioas;                 /**< not NESTED */
	struct iommufd_domain *parent; /**< NESTED */
	struct iommufd_vtd_s1 first;   /**< NESTED: the guest's table */
	struct iommufd_hwpts hwpts;
	struct iommufd_areas areas;    /**< what is in the IOAS */
	pthread_mutex_t lock;          /**< of areas */
};

/** A bond, in force or not. */
struct iommufd_bond {
	SLIST_ENTRY(iommufd_bond) next;
	uint32_t pasid;                /**< or UIOMMU_NO_PASID */
	struct iommufd_domain *domain;
	bool attached;
	uint32_t hwpt_id;              /**< what it is attached to */
};

SLIST_HEAD(iommufd_bonds, iommufd_bond);

struct iommufd_endpoint {
	SLIST_ENTRY(iommufd_endpoint) next;
	struct iommufd *unit;
	uint32_t id;
	uint32_t dev_id;     /**< the kernel's number */
	int fd;
	uint16_t queue;
	bool requests;       /**< its page requests are taken */
	bool pasids;         /**< PASIDs can be attached, as far as is known */
	bool had_pasids;     /**< they were: what came for one may be the RID's or its own */
	bool had_nested;     /**< the RID was nested: likewise */
	bool enabled;        /**< not cleared */
	uint32_t info_type;  /**< IOMMUFD_HW_INFO_* */
	struct iommufd_bonds bonds;
};

SLIST_HEAD(iommufd_endpoints, iommufd_endpoint);

/* -------------------------------------------------------------------------- unit */

/** ready= */
enum iommufd_ready_mode {
	IOMMUFD_READY_AUTO,
	IOMMUFD_READY_URING,
	IOMMUFD_READY_READ,
};

/** Counters of the control path and of mappings; any thread, atomic. */
struct iommufd_unit_stats {
	uint64_t maps;
	uint64_t unmaps;
	uint64_t split_areas;      /**< a part was unmapped: the rest was mapped anew */
	uint64_t lost_pages;       /**< 4 KiB each, that could not be mapped anew */
	uint64_t busy;             /**< maps and unmaps that a queue's owner has put off */
	uint64_t hwpts;            /**< hardware page tables made */
};

/** A unit: one context of the kernel. */
struct iommufd {
	SLIST_ENTRY(iommufd) next;
	struct uiommu_dev *dev;
	struct uiommu_platform *plat;
	const struct uiommu_file_ops *files;
	int fd;                              /**< of the context */
	uint16_t nb_queues;
	uint8_t pasid_bits;                  /**< pasids= */
	enum iommufd_ready_mode ready_mode;
	bool running;
	uint32_t nb_served[IOMMUFD_QUEUES_MAX]; /**< by queue: endpoints with page requests */
	uint32_t fault_ids[IOMMUFD_QUEUES_MAX];
	struct uiommu_dev_conf conf;
	void *slot_memory[IOMMUFD_QUEUES_MAX];
	struct iommufd_devmap *devmap;
	struct iommufd_endpoints endpoints;
	struct iommufd_unit_stats stats;
	struct iommufd_queue *queues[IOMMUFD_QUEUES_MAX];
	struct uiommu_driver_stat *stat_list; /**< ends with a NULL name */
};

static inline struct iommufd *
iommufd_of(struct uiommu_dev *dev)
{
	return dev->dev_private;
}

/** A request to the kernel, begun again as long as a signal ends it. @return 0; -errno */
int
iommufd_ioctl(const struct iommufd *unit, int fd, unsigned long request, void *arg);

/** Destroy an object of the kernel. @return 0; -errno, with one line in the log */
int
iommufd_destroy(const struct iommufd *unit, uint32_t id, const char *what);

/** Any thread. */
static inline void
iommufd_count(uint64_t *counter, uint64_t n)
{
	__atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

/* iommufd_probe.c: the list of units and their endpoints, for uiommu_iommufd_device_fd() */
void
iommufd_list_lock(void);
void
iommufd_list_unlock(void);
void
iommufd_list_remove(struct iommufd *unit);

/* iommufd_ctrl.c */
int
iommufd_configure(struct uiommu_dev *dev, const struct uiommu_dev_conf *conf);
int
iommufd_start(struct uiommu_dev *dev);
int
iommufd_stop(struct uiommu_dev *dev);
void
iommufd_close(struct uiommu_dev *dev);

/**
 * Fault queues, and what of the kernel they need. One line in the log for what lacks.
 *
 * @return 0; -ENOTSUP; -ENOMEM; another negative errno
 */
int
iommufd_queues_open(struct iommufd *unit);
void
iommufd_queues_close(struct iommufd *unit);

/* iommufd_endpoint.c */
int
iommufd_endpoint_set(struct uiommu_dev *dev, uint32_t endpoint_id,
		     const struct uiommu_endpoint_conf *conf, void **endpoint_private);
void
iommufd_endpoint_clear(struct uiommu_dev *dev, void *endpoint_private);
void
iommufd_endpoint_enable(struct uiommu_dev *dev, void *endpoint_private);
void
iommufd_endpoint_free(struct uiommu_dev *dev, void *endpoint_private);
void
iommufd_endpoint_page_requests(struct uiommu_dev *dev, void *endpoint_private, bool on);
uint16_t
iommufd_endpoint_queue(struct uiommu_dev *dev, void *endpoint_private);

/* iommufd_bond.c */
int
iommufd_bond_set(struct uiommu_dev *dev, void *endpoint_private, uint32_t pasid,
		 void *domain_private);
void
iommufd_bond_clear(struct uiommu_dev *dev, void *endpoint_private, uint32_t pasid);

/** Attach all bonds of an endpoint, as start does; after an error some of them. */
int
iommufd_bonds_attach(struct iommufd_endpoint *endpoint);
/** Detach all of them; they are kept. */
void
iommufd_bonds_detach(struct iommufd_endpoint *endpoint);

/* iommufd_domain.c */
int
iommufd_table_format(struct uiommu_dev *dev, const struct uiommu_domain_conf *conf,
		     struct uiommu_table_format *format);
int
iommufd_domain_init(struct uiommu_dev *dev, const struct uiommu_domain_conf *conf,
		    void *parent_private, void **domain_private);
void
iommufd_domain_fini(struct uiommu_dev *dev, void *domain_private);
int
iommufd_nested_invalidate(struct uiommu_dev *dev, void *domain_private, uint64_t iova,
			  uint64_t len);

/* iommufd_hwpt.c */

/**
 * Attach a device to a hardware page table of a domain, to one that it has or a new one. What
 * was attached is replaced.
 *
 * @return 0; -errno, with one line in the log
 */
int
iommufd_hwpt_attach(struct iommufd_endpoint *endpoint, struct iommufd_domain *domain,
		    uint32_t pasid, uint32_t *hwpt_id);
void
iommufd_hwpts_destroy(struct iommufd_domain *domain);

/* iommufd_map.c */
int
iommufd_table_map(struct uiommu_dev *dev, void *domain_private, uint64_t iova, uint64_t pa,
		  uint64_t len, uint32_t prot);
int
iommufd_table_unmap(struct uiommu_dev *dev, void *domain_private,
		    const struct uiommu_pgtable_range *ranges, uint32_t nb_ranges);
int
iommufd_table_extent(struct uiommu_dev *dev, void *domain_private,
		     struct uiommu_pgtable_range *range);

#endif /* IOMMUFD_PVT_H */
