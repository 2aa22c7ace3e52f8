/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef UIOMMU_REGION_H
#define UIOMMU_REGION_H

/**
 * @file
 * Demand paging: what is behind the addresses of a domain, and when it leaves again.
 *
 * A domain of type PAGING with UIOMMU_DOMAIN_DEMAND resolves its faults by itself, out of
 * regions: ranges of its address space that the application has declared, with what is
 * behind them. A page enters the domain's table when a device asks for it.
 *
 *   domain = uiommu_domain_alloc(dev_id, {PAGING, DEMAND, fault_around_pages, budget_pages})
 *   uiommu_region_add(domain, iova, len, &backing, prot)
 *   uiommu_attach(endpoint, pasid, domain, priv)
 *   ...                                devices fault, pages come
 *   uiommu_domain_evict(domain, n)     from time to time, where there is a budget
 *
 * Backings
 *
 *   MEMORY    memory of this process that stays where it is: a DPDK memory segment, hugepages.
 *             Pages are mapped where they are, with the largest leaves that fit
 *   FILE      a file of hugetlbfs, or a memfd (tmpfs): mapped, made resident and locked when the
 *             region is added. It must not be truncated while the region is there
 *   ANON      nothing: reads find zeroes, the first write of a page takes a page of the unit
 *             (uiommu_dev_conf::frame_pages); where entries cannot change in one step (Arm's
 *             tables), the first read does
 *   CALLBACK  the application supplies pages, and takes them back, written to or not
 *
 * MEMORY and FILE with UIOMMU_REGION_COW: reads see the backing, the first write of a page copies
 * it to a page of the unit. The backing is never written.
 *
 * A group is answered SUCCESS when each of its pages is there with the access wanted; INVALID
 * where there is no region, or it does not allow the access; RETRY where a page cannot be had at
 * the moment: no page for a table, none for data, over the budget, or it is on its way out.
 *
 * What an application gets back with put(), or may free after uiommu_region_remove(), no device
 * reaches any more: it is out of the table, the unit and the devices have forgotten it, and so has
 * every fault that was being resolved.
 *
 * Control path: any thread but from inside a handler (-EDEADLK), if nothing else is said.
 */

#include <stddef.h>
#include <stdint.h>

#include <uiommu_fault.h>
#include <uiommu_pgtable.h>

#ifdef __cplusplus
extern "C" {
#endif

struct uiommu_domain;
struct uiommu_region;

/** What is behind a region. */
enum uiommu_backing_type {
	UIOMMU_BACKING_MEMORY = 0,
	UIOMMU_BACKING_FILE,
	UIOMMU_BACKING_ANON,
	UIOMMU_BACKING_CALLBACK,
};

/** A page of a backing of type CALLBACK. */
struct uiommu_backing_page {
	uint64_t offset; /**< within the region, in bytes */
	uint64_t pa;     /**< where the unit finds it; UIOMMU_CAPA_USER_MEMORY: a pointer */
	uint32_t access; /**< get(): UIOMMU_PROT_* wanted. put(): 0 */
	uint32_t dirty;  /**< put(): 1: may have been written since get() */
};

/** Operations of a backing of type CALLBACK. A page is in one pair of hands at a time. */
struct uiommu_backing_ops {
	/**
	 * Supply pages. On the fault lcore (the owner of the queue): must not block. A page that
	 * was supplied is not asked for again before put() has returned for it.
	 *
	 * @param pages offsets are set, ascending; pa is to be filled
	 * @param nb size of the array, 1 or more. Beyond the first one they may be pages that
	 *   nobody has asked for yet (fault-around)
	 * @return pages supplied, from the first on: those after them are answered RETRY; negative:
	 *   none is supplied and the first one does not exist: answered INVALID
	 */
	int (*get)(void *priv, struct uiommu_backing_page *pages, uint32_t nb);
	/**
	 * Take pages back: no device can reach them any more. In uiommu_domain_evict(),
	 * uiommu_domain_unmap(), uiommu_region_remove() or when the domain goes; and on the
	 * fault lcore for pages that were supplied and could not be mapped (dirty 0). It must not
	 * call the control path; it may block, but not on the fault lcore. Two threads may
	 * be in it at a time, with different pages.
	 *
	 * @param pages ascending by offset; those with dirty 1 are to be kept (written back),
	 *   others are as they were
	 */
	void (*put)(void *priv, const struct uiommu_backing_page *pages, uint32_t nb);
};

/** MEMORY, FILE: the first write of a page makes a copy of it. */
#define UIOMMU_REGION_COW (UINT64_C(1) << 0)

/** What is behind a region. Members that the type does not use are 0. */
struct uiommu_backing {
	size_t size;     /**< sizeof(struct uiommu_backing) */
	uint32_t type;   /**< enum uiommu_backing_type */
	/**
	 * log2 of the pages that it is made of, in bytes: 12, 21 or 30. MEMORY, FILE: 0: found
	 * out. CALLBACK: 0: 12; the pages that get() and put() are called for. ANON: 0
	 */
	uint32_t page_shift;
	void *va;        /**< MEMORY: start, aligned to its pages */
	int fd;          /**< FILE: open for reading, and for writing where prot says so */
	uint32_t reserved0;
	uint64_t offset; /**< FILE: start within the file, aligned to its pages */
	const struct uiommu_backing_ops *ops; /**< CALLBACK */
	void *priv;      /**< CALLBACK: first argument of ops */
	uint64_t flags;  /**< UIOMMU_REGION_* */
	uint64_t reserved[4]; /**< 0 */
};

/**
 * Declare what is behind a range of addresses. In force when the call returns. A file is made
 * resident before that, which takes its time; the caller's queues are not polled meanwhile.
 *
 * @param domain PAGING with UIOMMU_DOMAIN_DEMAND
 * @param iova start in bytes, aligned to 4 KiB; for CALLBACK to its pages
 * @param len in bytes, a multiple likewise; the last page of all 64 bits cannot be in a region
 * @param backing copied; ops and memory stay until the region is removed
 * @param prot UIOMMU_PROT_* that devices may have: READ, with others or without
 * @return region; NULL with rte_errno: EINVAL: a parameter or member out of range, reserved and not
 *   0, not aligned, or beyond the table; EEXIST: overlaps another region (also one that could
 *   not be removed), or something that uiommu_domain_map() has put there; EBADF: not an open file,
 *   or not open for what prot says; ENOTSUP: the domain is not of this kind; the file is of
 *   another file system; CALLBACK: the unit has no leaves of that size; ANON, COW: the unit
 *   has no pages for them (uiommu_dev_conf::frame_pages); COW: entries cannot change in one step;
 *   MEMORY, FILE: the platform cannot tell where memory lies; EFAULT: memory or file is not
 *   there, or may move; ENOMEM: no memory, also no hugepages for a file, or the file cannot be
 *   locked (RLIMIT_MEMLOCK) where it would have to be; EDEADLK; EIO: the unit has failed
 */
struct uiommu_region *
uiommu_region_add(struct uiommu_domain *domain, uint64_t iova, uint64_t len,
		  const struct uiommu_backing *backing, uint32_t prot);

/**
 * Take a region away: faults find it no more, its pages are unmapped, the unit and the devices
 * forget them, then they are given back. Waits for an eviction that is giving some of them back.
 *
 * @param region not used after this call returned 0
 * @return 0; -EINVAL: NULL; -ENOMEM; -EDEADLK; -ETIMEDOUT, -EIO: the unit failed. After an error it
 *   is there still, but faults may find it no more: the call may be made again, or the
 *   domain takes it along when it goes
 */
int
uiommu_region_remove(struct uiommu_region *region);

/** What a domain with regions is at the moment, and what it has done. */
struct uiommu_paging_stats {
	uint64_t requests;        /**< requests of groups that were resolved here */
	uint64_t present;         /**< of them, pages that were there already */
	uint64_t merged_same;     /**< of them, again for a page that the same burst asked for */
	uint64_t merged_next;     /**< of them, resolved together with a neighbour of the burst */
	uint64_t mapped_pages;    /**< pages of 4 KiB that were mapped, those around faults too */
	uint64_t around_pages;    /**< of them, those that nobody had asked for */
	uint64_t hinted_pages;    /**< of them, those of length hints beyond the first page */
	uint64_t large_leaves;    /**< leaves larger than 4 KiB that were mapped */
	uint64_t zeroed_pages;    /**< pages of the unit, taken by a first write: ANON */
	uint64_t copied_pages;    /**< the same, copied: UIOMMU_REGION_COW */
	uint64_t no_region;       /**< requests answered INVALID: nothing there */
	uint64_t denied;          /**< requests answered INVALID: access not allowed */
	/** requests answered INVALID: get() said there is none, or the unit cannot have it */
	uint64_t no_page;
	uint64_t busy;            /**< requests answered RETRY: page on its way in or out */
	/** requests answered RETRY: no page for a table, or the kernel has no memory for it */
	uint64_t no_table;
	uint64_t no_frame;        /**< requests answered RETRY: no page for data, or the budget */
	uint64_t evicted_pages;   /**< pages of 4 KiB taken away by uiommu_domain_evict() */
	uint64_t written_pages;   /**< of them, those given back dirty */
	uint64_t spared_pages;    /**< pages that the clock passed over: used since it came by */
	uint64_t invalidations;   /**< batches of invalidations, each with one wait */
	uint64_t ranges;          /**< ranges in them */
	uint64_t wide;            /**< batches with so many ranges that some were joined */
	uint64_t resident_pages;  /**< now: pages of CALLBACK, and of the unit, that count */
	uint64_t budget_pages;    /**< see uiommu_domain_conf */
	uint64_t table_pages;     /**< now: pages that tables take */
};

/**
 * @param domain PAGING without table_pa
 * @return 0; -EINVAL: NULL, or another kind of domain
 */
int
uiommu_paging_stats_get(const struct uiommu_domain *domain, struct uiommu_paging_stats *stats);

/**
 * Make room: take up to nb_pages pages of CALLBACK regions out of a domain. A clock goes round the
 * pages: those used since it came by last are spared (their accessed bit is cleared), others
 * are unmapped, forgotten by the unit and the devices (in batches of up to 1024, each with one
 * wait), and given back by put(), dirty or not. On a unit that does not keep accessed and dirty
 * bits the oldest ones by address go first, and what may be written is dirty. To be called when
 * resident_pages nears budget_pages, by a thread that may wait; faults go on meanwhile. Several
 * threads may call it at once.
 *
 * @param nb_pages pages of 4 KiB wanted; larger ones go as a whole, so it may be more
 * @param evicted set to the pages that went, also where an error is returned; NULL: not wanted
 * @return 0, also where there are not so many; -EINVAL: NULL or another kind of domain; -ENOMEM;
 *   -EDEADLK; -ETIMEDOUT, -EIO: the unit failed: pages that were on their way are kept, and
 *   given back when it works again or the domain goes
 */
int
uiommu_domain_evict(struct uiommu_domain *domain, uint32_t nb_pages, uint32_t *evicted);

#ifdef __cplusplus
}
#endif

#endif /* UIOMMU_REGION_H */
