/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef UIOMMU_SVA_H
#define UIOMMU_SVA_H

/**
 * @file
 * Shared virtual addressing: endpoints that use the addresses of a process.
 *
 * struct uiommu_mm is an address space: this process's own, or one that the application
 * describes by operations. uiommu_sva_bind() gives an endpoint a PASID for it; from then
 * on the endpoint's page requests with that PASID are resolved by the address space.
 *
 *   uiommu_mm_create()
 *   uiommu_sva_bind(endpoint, mm)    PASID in uiommu_sva_pasid(): tell the device
 *   ...                              faults are resolved
 *   uiommu_sva_unbind()              after the device has stopped using the PASID
 *   uiommu_mm_destroy()
 *
 * Resolving makes system calls and may block, so it is not done on the fault lcore but by
 * worker threads of the library, or by threads of the application (uiommu_mm_poll()); the
 * groups travel over fault queues (uiommu_queue.h). Operations that neither block nor
 * make system calls may ask to be called on the fault lcore.
 *
 * Control path: any thread but from inside a handler (-EDEADLK).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uiommu_fault.h>

#ifdef __cplusplus
extern "C" {
#endif

struct uiommu_endpoint;
struct uiommu_mm;
struct uiommu_sva;

/** Kinds of address spaces. */
enum uiommu_mm_kind {
	/**
	 * This process. Pages are made present by madvise(MADV_POPULATE_READ or _WRITE), which
	 * holds each access to the mapping's own permissions; with NUMA placement and mlock2()
	 * as configured. There is one at a time.
	 */
	UIOMMU_MM_SELF = 0,
	UIOMMU_MM_USER, /**< described by struct uiommu_mm_ops */
};

/** Who resolves. */
enum uiommu_mm_mode {
	UIOMMU_MM_WORKER = 0, /**< threads of the library, asleep while nothing is to be done */
	UIOMMU_MM_POLLED,     /**< the application, by calling uiommu_mm_poll() */
	/** the fault lcore itself; UIOMMU_MM_USER only: fault() must not block */
	UIOMMU_MM_INLINE,
};

/** A page request, as an address space sees it. */
struct uiommu_mm_fault {
	uint64_t iova;     /**< address of the page in bytes: of the process */
	uint32_t nb_pages; /**< pages of 4 KiB asked for, 1 or more */
	uint32_t access;   /**< UIOMMU_FAULT_READ, _WRITE, _EXEC, _PRIV */
	int numa_node;     /**< of the endpoint, where memory is best placed; -1: any */
	uint32_t group;    /**< requests of a group have one number, counted from 0 */
};

/** Operations of an address space of kind UIOMMU_MM_USER. */
struct uiommu_mm_ops {
	/**
	 * Keep the address space alive until put(). Called before each call of fault().
	 *
	 * @return false: it is dying; the requests are answered INVALID
	 */
	bool (*get)(void *priv);
	/** Undo get(). NULL where get is */
	void (*put)(void *priv);
	/**
	 * Resolve requests, in order. The first request of a group that fails decides for the
	 * group; those after it may be left out.
	 *
	 * @param faults requests of one or more groups, those of a group next to each other
	 * @param nb_faults size of the array, 1 or more
	 * @param codes to be filled: enum uiommu_code for each group, by number; SUCCESS,
	 *   INVALID or RETRY. Holds INVALID at the call
	 * @param nb_groups size of codes
	 */
	void (*fault)(void *priv, const struct uiommu_mm_fault *faults, uint32_t nb_faults,
		      uint8_t *codes, uint32_t nb_groups);
};

/** Do not keep pages resident with mlock2(). */
#define UIOMMU_MM_NO_LOCK (UINT64_C(1) << 0)
/** Leave the placement of pages to the process's own policy. */
#define UIOMMU_MM_NO_NUMA (UINT64_C(1) << 1)

/** Configuration of an address space. Zero is the default for each member. */
struct uiommu_mm_conf {
	size_t size;            /**< sizeof(struct uiommu_mm_conf) */
	uint32_t kind;          /**< enum uiommu_mm_kind */
	uint32_t mode;          /**< enum uiommu_mm_mode */
	uint32_t nb_workers;    /**< UIOMMU_MM_WORKER: threads, 1 to 16; default 1 */
	/** depth of the fault queue on each unit, see uiommu_fault_queue_conf; default 256 */
	uint32_t queue_depth;
	/**
	 * UIOMMU_MM_SELF: bytes that may be locked; default: no bound but RLIMIT_MEMLOCK. A fault
	 * beyond it is answered by limit_code
	 */
	uint64_t locked_max_bytes;
	/** UIOMMU_MM_SELF: bytes locked at once around a fault, power of two, at least 4096;
	 * default 64 KiB
	 */
	uint32_t lock_granule_bytes;
	/** INVALID (the default is UIOMMU_CODE_INVALID, given as 0) or UIOMMU_CODE_RETRY */
	uint32_t limit_code;
	const struct uiommu_mm_ops *ops; /**< UIOMMU_MM_USER; valid until destroyed */
	void *ops_priv;         /**< first argument of the operations */
	/**
	 * physical address of a first-stage table that mirrors the address space, kept by the
	 * caller; 0: the driver supplies an empty one
	 */
	uint64_t table_pa;
	uint64_t flags;         /**< UIOMMU_MM_NO_LOCK, UIOMMU_MM_NO_NUMA */
	uint64_t reserved[4];   /**< 0 */
};

/** What an address space is and has done. */
struct uiommu_mm_info {
	uint32_t pasid;            /**< PASID, or UIOMMU_NO_PASID while nothing is bound */
	uint32_t nb_bound;         /**< endpoints bound */
	uint64_t groups;           /**< groups resolved, all codes */
	uint64_t pages;            /**< pages asked for in groups answered SUCCESS */
	uint64_t populate_calls;   /**< calls of madvise() */
	uint64_t invalid;          /**< groups answered INVALID: no mapping, or access denied */
	uint64_t dying;            /**< groups answered INVALID because the address space ended */
	uint64_t locked_bytes;     /**< locked by faults, in bytes, granules counted once */
	uint64_t locked_max_bytes; /**< bound in force, UINT64_MAX: none */
	uint64_t over_limit;       /**< groups answered by limit_code */
	uint64_t numa_misses;      /**< times a node's policy could not be set */
	uint64_t reserved[4];      /**< 0 */
};

/**
 * Create an address space.
 *
 * @param conf configuration
 * @return address space; NULL with rte_errno: EINVAL: NULL or a member out of range; EEXIST:
 *   there is one of kind UIOMMU_MM_SELF; ENOTSUP: the kernel has no MADV_POPULATE (Linux before
 *   5.14); ENOMEM; EAGAIN: no thread could be started; EMFILE, ENFILE: no file descriptors;
 *   EDEADLK: inside a handler
 */
struct uiommu_mm *
uiommu_mm_create(const struct uiommu_mm_conf *conf);

/**
 * @param mm not used after this call returned 0
 * @return 0; -EINVAL: mm is NULL; -EBUSY: endpoints are bound; -EDEADLK: inside a handler or
 *   inside an operation
 */
int
uiommu_mm_destroy(struct uiommu_mm *mm);

/**
 * The address space ends while endpoints are bound, as when a process dies. When the
 * call has returned, the operations are not called any more and no memory of the address
 * space is touched: translation is blocked, and requests are answered INVALID, until
 * uiommu_sva_unbind(), which drains. Waits for operations that are under way.
 *
 * @return 0, also when it was released before; -EINVAL: mm is NULL; -EDEADLK: inside a handler
 *   or inside an operation; -ETIMEDOUT, -EIO: a unit failed; the operations are not called all
 *   the same
 */
int
uiommu_mm_release(struct uiommu_mm *mm);

/**
 * Resolve what waits, with UIOMMU_MM_POLLED. Any number of threads; may block as the
 * operations do.
 *
 * @param mm address space
 * @param budget groups at most
 * @return groups resolved; 0: nothing to do
 */
uint16_t
uiommu_mm_poll(struct uiommu_mm *mm, uint16_t budget);

/** @return 0; -EINVAL: NULL argument */
int
uiommu_mm_info_get(struct uiommu_mm *mm, struct uiommu_mm_info *info);

/**
 * Give an endpoint an address space. The same endpoint and address space again give the
 * same handle, with one more reference. An address space has one PASID, on all endpoints and units.
 *
 * @param endpoint endpoint of a unit
 * @param mm address space
 * @return handle; NULL with rte_errno: EINVAL: NULL argument, or the unit cannot have a fault
 *   queue of queue_depth; EMFILE, ENFILE: no file descriptors; ENOTSUP: unit without PASIDs, or
 *   the endpoint cannot send page requests; EOVERFLOW: the PASID that the address space has is
 *   beyond the endpoint's width; ENOSPC: no PASID is free within that width, or fault queues
 *   are over the unit's deferred_max; EBUSY: the PASID is attached on this endpoint; ESRCH: the
 *   address space was released; ENOMEM; EDEADLK; ETIMEDOUT, EIO: the unit failed
 */
struct uiommu_sva *
uiommu_sva_bind(struct uiommu_endpoint *endpoint, struct uiommu_mm *mm);

/**
 * Undo one uiommu_sva_bind(). The last one tears the bond down, as uiommu_detach() does;
 * the PASID may be used again only after that. Operations that are under way are not waited for,
 * their answers have no effect; uiommu_mm_release() and uiommu_mm_destroy() do wait.
 *
 * @param sva not used after the last reference went
 * @return 0; -EINVAL: sva is NULL; -EDEADLK: inside a handler; -ETIMEDOUT, -EIO: the unit
 *   failed: the reference is gone, the PASID is not used again
 */
int
uiommu_sva_unbind(struct uiommu_sva *sva);

/** @return PASID of a handle; UIOMMU_NO_PASID: sva is NULL, or its endpoint was removed */
uint32_t
uiommu_sva_pasid(const struct uiommu_sva *sva);

#ifdef __cplusplus
}
#endif

#endif /* UIOMMU_SVA_H */
