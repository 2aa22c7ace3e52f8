/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef UIOMMU_H
#define UIOMMU_H

/**
 * @file
 * uiommu: a poll-mode I/O page fault engine in user space.
 *
 *      device --page request--> unit's queue in memory
 *                                   |  fetch, decode        (driver)
 *                                   v
 *            endpoint table -> PASID table -> attach handle (route)
 *                                   |
 *                          request groups  (parked until the last one comes)
 *                                   v
 *              handler of the domain: groups in, codes out  (resolve)
 *                                   |
 *      device <--group response-- unit's command queue      (respond, one doorbell)
 *
 * Order of calls
 *
 *   uiommu_probe()            find and open a unit by its devargs
 *   uiommu_configure()        sizes and bounds; all memory is taken here
 *   uiommu_start()            the unit translates and queues requests
 *   uiommu_endpoint_add()     devices (before or after start)
 *   uiommu_domain_alloc()     address spaces with their handlers
 *   uiommu_attach()           the bond endpoint x PASID -> domain
 *   uiommu_queue_claim()      the calling thread becomes the queue's owner
 *   uiommu_poll()             again and again (uiommu_burst.h)
 *   uiommu_queue_release()
 *   uiommu_replace(), uiommu_sva_bind(), uiommu_fault_queue_create()   as wanted
 *   uiommu_detach(), uiommu_endpoint_remove(), uiommu_domain_free()
 *   uiommu_stop(), uiommu_close()
 *
 * Threads
 *
 *   Each hardware queue has one owner at a time; the data path is the owner's
 *   alone. Control calls come from any thread, the owner's included, and are
 *   serialised by a lock for each unit that the data path never takes. Commands to
 *   the unit travel to the owner and are carried out between two bursts; if a
 *   queue has no owner, the control call polls by itself meanwhile. From
 *   inside a handler control calls return -EDEADLK.
 *
 * Errors
 *
 *   Functions return 0 or a count, or a negative errno. Functions that return
 *   a pointer return NULL and set rte_errno. The library never exits, aborts,
 *   prints, or reads the environment; it logs to "lib.uiommu".
 *
 * Processes
 *
 *   Units belong to the process that probed them: DPDK's primary process.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uiommu_fault.h>
#include <uiommu_core.h>
#include <uiommu_stats.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Longest name of a unit, with its final zero. */
#define UIOMMU_NAME_SIZE 32

/** @name What a unit can do (uiommu_dev_info::capa)
 * @{
 */
#define UIOMMU_CAPA_PASID (UINT64_C(1) << 0)        /**< requests with PASID */
#define UIOMMU_CAPA_DRAIN (UINT64_C(1) << 1)        /**< hardware drain of page requests */
/** accesses can wait in the unit: UIOMMU_ENDPOINT_STALL */
#define UIOMMU_CAPA_STALL (UINT64_C(1) << 2)
#define UIOMMU_CAPA_FIRST_STAGE (UINT64_C(1) << 3)  /**< first-stage tables */
#define UIOMMU_CAPA_SECOND_STAGE (UINT64_C(1) << 4) /**< second-stage tables */
#define UIOMMU_CAPA_PASSTHROUGH (UINT64_C(1) << 5)  /**< IDENTITY domains for the RID */
/** unit answers for unknown endpoints and PASIDs itself */
#define UIOMMU_CAPA_AUTO_ANSWER (UINT64_C(1) << 6)
#define UIOMMU_CAPA_NESTED (UINT64_C(1) << 7)       /**< NESTED domains */
#define UIOMMU_CAPA_PAGE_TABLES (UINT64_C(1) << 8)  /**< tables of the library: DEMAND, map */
/** the unit remembers what was absent and must be told when something comes */
#define UIOMMU_CAPA_CACHES_ABSENT (UINT64_C(1) << 9)
#define UIOMMU_CAPA_PAGE_REQUESTS (UINT64_C(1) << 10) /**< page requests of devices (PRI) */
/** IDENTITY domains for PASIDs */
#define UIOMMU_CAPA_PASSTHROUGH_PASID (UINT64_C(1) << 11)
/**
 * the unit remembers rights that were missing, and must be told when a page that is there gets more
 */
#define UIOMMU_CAPA_CACHES_RIGHTS (UINT64_C(1) << 12)
/**
 * the unit finds memory as this process does: wherever an address for the unit is called pa, it is
 * a pointer, as a number
 */
#define UIOMMU_CAPA_USER_MEMORY (UINT64_C(1) << 13)
/** @} */

/** State of a unit. */
enum uiommu_dev_state {
	UIOMMU_DEV_UNUSED = 0, /**< no such unit */
	UIOMMU_DEV_PROBED,     /**< opened, hardware not touched but for reading */
	UIOMMU_DEV_CONFIGURED, /**< memory taken */
	UIOMMU_DEV_STARTED,    /**< serving */
	UIOMMU_DEV_FAILED,     /**< a hardware wait timed out; only stop and close are left */
};

/** What a unit is. */
struct uiommu_dev_info {
	char name[UIOMMU_NAME_SIZE]; /**< unique in the process: "vtd0" */
	const char *driver;          /**< name of the driver */
	const char *platform;        /**< where registers and DMA memory come from */
	int socket_id;               /**< NUMA node of the unit, or SOCKET_ID_ANY */
	enum uiommu_dev_state state;
	uint64_t capa;               /**< UIOMMU_CAPA_* */
	uint16_t nb_queues;          /**< hardware queues to poll, 1 to UIOMMU_MAX_QUEUES */
	uint8_t pasid_bits;          /**< PASID width of the unit in bits, 0 to 20 */
	uint8_t address_bits;        /**< width of an I/O virtual address in bits */
	uint8_t endpoint_bits;       /**< width of an endpoint id in bits, 1 to 24 */
	uint32_t queue_entries_min;  /**< smallest page-request queue in entries */
	uint32_t queue_entries_max;  /**< largest */
	/* Bounds in force; 0 before uiommu_configure(). */
	uint32_t queue_entries;      /**< page-request queue in entries */
	uint32_t endpoints_max;      /**< see uiommu_dev_conf */
	uint32_t endpoints;          /**< endpoints at the moment */
	uint32_t attached;           /**< bonds at the moment */
	uint32_t domains;            /**< domains at the moment */
	uint32_t parked_max;         /**< see uiommu_dev_conf */
	uint32_t group_max;          /**< see uiommu_dev_conf */
	uint32_t deferred_max;       /**< see uiommu_dev_conf */
	uint32_t fault_queue_slots;  /**< of deferred_max, promised to fault queues */
	uint16_t burst;              /**< see uiommu_dev_conf */
	uint32_t table_pages;        /**< see uiommu_dev_conf */
	uint32_t table_pages_used;   /**< pages that tables take at the moment */
	uint32_t frame_pages;        /**< see uiommu_dev_conf */
	uint32_t frame_pages_used;   /**< of them, in regions at the moment */
};

/** What uiommu_stop() leaves behind. */
enum uiommu_stop_mode {
	UIOMMU_STOP_OFF = 0, /**< translation off; DMA of known devices is no longer checked */
	/** translation stays on with empty tables: all DMA is blocked, until close */
	UIOMMU_STOP_BLOCK,
	UIOMMU_STOP_RESTORE, /**< registers as they were found by uiommu_start() */
};

/**
 * Takes reports of accesses that have failed for good, in bulk. Called on the thread that owns the
 * queue; must not block, and must not call the control path (-EDEADLK).
 *
 * @param report_priv pointer given with the function
 * @param dev_id unit
 * @param reports in the order in which the unit wrote them; valid until the function returns
 * @param nb 1 or more
 */
typedef void (*uiommu_report_t)(void *report_priv, int16_t dev_id,
				const struct uiommu_report *reports, uint16_t nb);

/**
 * Configuration of a unit. Zero means the default for each member, so
 * "= { .size = sizeof(conf) }" is complete.
 */
struct uiommu_dev_conf {
	size_t size;            /**< sizeof(struct uiommu_dev_conf) */
	/** page-request queue, power of two; default: the unit's maximum */
	uint32_t queue_entries;
	uint32_t endpoints_max; /**< endpoints at a time, 1 to 65536; default 1024 */
	/**
	 * requests of one endpoint that may wait for the rest of their groups, 1 to 4096; default
	 * 512
	 */
	uint32_t parked_max;
	/**
	 * requests in one group at most, 1 to 4096; default 512; larger groups are answered RETRY
	 */
	uint32_t group_max;
	/** groups waiting for an answer by cookie, power of two up to 65536; default 4096 */
	uint32_t deferred_max;
	uint16_t burst;         /**< requests taken at once, 1 to 512; default 64 */
	uint16_t reserved0;     /**< 0 */
	uint32_t stop_mode;     /**< enum uiommu_stop_mode */
	/** bound on each wait for the unit or for the owner of a queue; default 1 s */
	uint64_t timeout_ns;
	uint64_t flags;         /**< 0 */
	/**
	 * pages of 4 KiB for the tables of all PAGING domains that the library keeps, up to 2^24;
	 * default 512
	 */
	uint32_t table_pages;
	/** pages of 4 KiB for what devices write in ANON and COW regions, up to 2^24; default 0 */
	uint32_t frame_pages;
	/** told of accesses that failed for good; NULL: they are counted only */
	uiommu_report_t report;
	void *report_priv;      /**< first argument of report */
	uint64_t reserved[3];   /**< 0 */
};

/**
 * Open a unit.
 *
 * @param devargs driver and arguments, "vtd,platform=emu,prq=16384". Common
 *   keys: name= (default: driver and a number), platform=, socket=. Further
 *   keys are the driver's and the platform's.
 * @param dev_id set to the unit's id
 * @return 0; -EINVAL: devargs cannot be parsed, or hold an unknown key or a
 *   value out of range; -ENODEV: no such driver or platform, or no unit there;
 *   -ENOTSUP: the unit lacks a capability that the driver needs, or this is
 *   not the primary process; -EEXIST: the name is taken; -ENOSPC: too many
 *   units; -ENOMEM. One line in the log says why.
 */
int
uiommu_probe(const char *devargs, int16_t *dev_id);

/**
 * @param name name of a unit
 * @return its id; -ENODEV: no such unit; -EINVAL: name is NULL
 */
int16_t
uiommu_dev_by_name(const char *name);

/**
 * Iterate over units: the first id that is not below @p dev_id.
 *
 * @return id; -1: no more
 */
int16_t
uiommu_dev_next(int16_t dev_id);

/**
 * @param index counts from 0
 * @return name of a registered driver, NULL past the last
 */
const char *
uiommu_driver_name(unsigned int index);

/**
 * @param index counts from 0
 * @return name of a registered platform, NULL past the last
 */
const char *
uiommu_platform_name(unsigned int index);

/**
 * @return 0; -ENODEV: no such unit; -EINVAL: info is NULL
 */
int
uiommu_info_get(int16_t dev_id, struct uiommu_dev_info *info);

/**
 * Set sizes and bounds, and take all memory, on the unit's NUMA node. What an earlier call took is
 * given back first: after an error from here on (-ENOMEM) the unit is probed, not configured.
 *
 * @return 0; -ENODEV: no such unit; -EBUSY: started, endpoints, domains or fault queues exist, or
 *   a queue has an owner; -EDEADLK: inside a handler; -EINVAL: a
 *   member out of range, a reserved member or an unknown flag not 0, size
 *   wrong; -ENOMEM
 */
int
uiommu_configure(int16_t dev_id, const struct uiommu_dev_conf *conf);

/**
 * Take the unit over: tables, queues, translation on.
 *
 * @return 0; -ENODEV; -EINVAL: not configured; -EALREADY: started; -EBUSY: another thread owns
 *   a queue, or the hardware is in use by somebody else; -EDEADLK: inside a handler; -ETIMEDOUT:
 *   the unit did not react in time; -EIO: the unit reported an error; -ENOMEM: a kernel has no
 *   memory to attach what has bonds: nothing is attached then
 */
int
uiommu_start(int16_t dev_id);

/**
 * Orderly end: page requests stop, the queues are drained, what is deferred is
 * answered INVALID, then translation is left as uiommu_dev_conf::stop_mode
 * says. Endpoints and bonds stay and are in force again after the next start. The
 * queues must have no other owner than the caller.
 *
 * @return 0; -ENODEV; -EINVAL: not started; -EBUSY: another thread owns a queue;
 *   -EDEADLK: inside a handler; -ETIMEDOUT: the unit did not react in time: it is
 *   off as far as it could be reached
 */
int
uiommu_stop(int16_t dev_id);

/**
 * Forget a unit and free what it holds: bonds, endpoints and domains too.
 *
 * @return 0; -ENODEV; -EBUSY: started, or a queue has an owner, or a thread is giving pages of a
 *   domain back (uiommu_domain_evict()); -EDEADLK: inside a handler
 */
int
uiommu_close(int16_t dev_id);

/**
 * Make the calling thread the owner of a queue.
 *
 * @param dev_id unit
 * @param queue queue, below uiommu_dev_info::nb_queues
 * @return 0; -ENODEV; -EINVAL: no such queue, or the unit is not configured; -EBUSY: the
 *   queue has an owner; -EALREADY: the caller is the owner; -ENOSPC: a thread can own 16
 *   queues; -EDEADLK: inside a handler
 */
int
uiommu_queue_claim(int16_t dev_id, uint16_t queue);

/**
 * Give a queue back. Groups of an unfinished burst are answered INVALID.
 *
 * @return 0; -ENODEV; -EINVAL: no such queue; -EPERM: the caller is not the owner;
 *   -EDEADLK: inside a handler
 */
int
uiommu_queue_release(int16_t dev_id, uint16_t queue);

/** @return version of the library, "0.1.0" */
const char *
uiommu_version(void);

#ifdef __cplusplus
}
#endif

#include <uiommu_burst.h>
#include <uiommu_domain.h>
#include <uiommu_pgtable.h>
#include <uiommu_queue.h>
#include <uiommu_region.h>
#include <uiommu_sva.h>

#endif /* UIOMMU_H */
