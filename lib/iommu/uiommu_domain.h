/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef UIOMMU_DOMAIN_H
#define UIOMMU_DOMAIN_H

/**
 * @file
 * Endpoints, domains, and the bonds between them. The control path: any
 * thread, serialised for each unit; see uiommu.h for the rules. From inside a handler
 * each function that changes something fails with EDEADLK.
 */

#include <stddef.h>
#include <stdint.h>

#include <uiommu_fault.h>

#ifdef __cplusplus
extern "C" {
#endif

struct uiommu_endpoint;
struct uiommu_domain;
struct uiommu_fault_queue;

/** Kinds of address spaces. */
enum uiommu_domain_type {
	UIOMMU_DOMAIN_BLOCKED = 0, /**< no access; faults are answered INVALID */
	UIOMMU_DOMAIN_IDENTITY,    /**< untranslated; needs UIOMMU_CAPA_PASSTHROUGH */
	UIOMMU_DOMAIN_PAGING,      /**< an I/O page table */
	UIOMMU_DOMAIN_SVA,         /**< a process's address space: made by uiommu_sva_bind() */
	/** first stage of a guest, over the second stage of a parent domain */
	UIOMMU_DOMAIN_NESTED,
};

/** In place of an enum uiommu_domain_type: any of them. */
#define UIOMMU_DOMAIN_ANY UINT32_MAX

/** PAGING: second-stage table, that NESTED domains may have as parent; needs no handler. */
#define UIOMMU_DOMAIN_NEST_PARENT (UINT64_C(1) << 0)
/** PAGING: faults are resolved here, out of regions: uiommu_region.h. No handler, no queue. */
#define UIOMMU_DOMAIN_DEMAND (UINT64_C(1) << 1)
/** PAGING: second-stage table rather than the unit's usual one. */
#define UIOMMU_DOMAIN_SECOND_STAGE (UINT64_C(1) << 2)

/**
 * Resolves the page faults of a domain, in bulk.
 *
 * Called on the thread that owns the queue, with every group of a burst that
 * belongs to the domain, in order of arrival. It must not block, and must not
 * call the control path (-EDEADLK).
 *
 * @param handler_priv pointer given with the handler
 * @param groups groups; valid until the handler returns. Not const: see
 *   uiommu_group_defer()
 * @param codes to be filled: enum uiommu_code for each group. Holds INVALID at the call
 * @param nb_groups size of both arrays, 1 or more
 */
typedef void (*uiommu_fault_handler_t)(void *handler_priv, struct uiommu_group *groups,
				       uint8_t *codes, uint16_t nb_groups);

/** Configuration of a domain. Zero is the default for each member. */
struct uiommu_domain_conf {
	size_t size;                    /**< sizeof(struct uiommu_domain_conf) */
	uint32_t type;                  /**< enum uiommu_domain_type; not SVA */
	/** PAGING, NESTED: levels of the table; 0: the unit's default */
	uint32_t levels;
	/**
	 * PAGING, NESTED. With neither a handler nor a fault queue the domain is not fault-capable:
	 * requests are answered INVALID
	 */
	uiommu_fault_handler_t handler;
	void *handler_priv;             /**< first argument of the handler */
	/** PAGING, NESTED: in place of a handler, groups go to this queue of the same unit */
	struct uiommu_fault_queue *fault_queue;
	/**
	 * PAGING: physical address of a root table that the caller keeps; 0: the library keeps
	 * one, see uiommu_domain_map(). NESTED: address of the guest's root table, in the parent's
	 * address space
	 */
	uint64_t table_pa;
	struct uiommu_domain *parent;   /**< NESTED: domain with UIOMMU_DOMAIN_NEST_PARENT */
	/**
	 * bound on the time that a deferred group of this domain, or one in its fault queue, may
	 * wait for its answer; 0: none. Kept by the queue's owner as it polls, to some milliseconds
	 */
	uint64_t deadline_ns;
	/** what is answered then: UIOMMU_CODE_INVALID (given as 0 or 1) or UIOMMU_CODE_RETRY */
	uint32_t deadline_code;
	/**
	 * groups that its handler may keep at a time with uiommu_group_defer(), for each hardware
	 * queue; 0: as many as there are slots
	 */
	uint32_t deferred_max;
	uint64_t flags;                 /**< UIOMMU_DOMAIN_* flags */
	/** PAGING without table_pa: pages that its tables may take; 0: as many as the unit has */
	uint32_t table_pages_max;
	/**
	 * DEMAND: pages of 4 KiB, power of two up to 512, that are mapped together: the aligned
	 * block around a fault, as far as its region goes; 0 or 1: only what is asked for
	 */
	uint32_t fault_around_pages;
	/**
	 * DEMAND: pages of CALLBACK regions, and of the unit, that may be in the domain at a time,
	 * in 4 KiB; 0: no bound
	 */
	uint64_t budget_pages;
	uint64_t reserved[2];           /**< 0 */
};

/** The device cannot send page requests: it takes no fault-capable domain. */
#define UIOMMU_ENDPOINT_NO_PAGE_REQUESTS (UINT64_C(1) << 0)
/**
 * Virtual function of the physical function uiommu_endpoint_conf::pf_id, whose page request
 * interface it shares.
 */
#define UIOMMU_ENDPOINT_VF (UINT64_C(1) << 1)
/**
 * The PASIDs of the endpoint are managed by its user, who owns the NESTED domain that
 * is attached to the RID: requests for a PASID without bond go to that domain.
 */
#define UIOMMU_ENDPOINT_USER_PASIDS (UINT64_C(1) << 2)
/**
 * Everything behind the function's page request interface has one owner: FAILURE may be sent.
 * Without it the code is sent as INVALID (counter "demoted"). Not for a VF.
 */
#define UIOMMU_ENDPOINT_FAILURE (UINT64_C(1) << 3)
/** uiommu_endpoint_conf::numa_node is given. */
#define UIOMMU_ENDPOINT_NUMA (UINT64_C(1) << 4)
/**
 * The device caches no translations (no ATS): nothing of it is to be invalidated. With
 * NO_PAGE_REQUESTS, which need ATS.
 */
#define UIOMMU_ENDPOINT_NO_ATS (UINT64_C(1) << 5)

/**
 * Accesses of the device may wait in the unit until their faults are answered (stall): its way to
 * fault-capable domains. Only for devices that are known to bear it: behind PCIe it can stop all
 * that shares the link. With NO_ATS and NO_PAGE_REQUESTS; needs UIOMMU_CAPA_STALL.
 */
#define UIOMMU_ENDPOINT_STALL (UINT64_C(1) << 6)

/** Configuration of an endpoint. Zero is the default for each member. */
struct uiommu_endpoint_conf {
	size_t size;          /**< sizeof(struct uiommu_endpoint_conf) */
	uint8_t pasid_bits;   /**< PASID width in bits, 1 to the unit's; 0: the unit's */
	uint8_t reserved0[3]; /**< 0 */
	int16_t numa_node;    /**< of the device, with UIOMMU_ENDPOINT_NUMA; else the unit's */
	/** requester id of the physical function, for a VF: lower 16 bits of its endpoint id */
	uint16_t pf_id;
	uint64_t flags;       /**< UIOMMU_ENDPOINT_* */
	uint64_t reserved[4]; /**< 0 */
};

/**
 * Make an endpoint known to a unit. It has no access until it is attached to something: all
 * DMA is blocked, page requests are answered INVALID. The unit lets page requests through
 * from the first fault-capable bond of the endpoint to the last.
 *
 * A VF has no page request interface of its own (PCIe: one enable, one allocation of credits, one
 * failure for the physical function and all of its VFs). Its PF must be an endpoint of the same
 * unit, so that somebody here answers for the interface, and stays as long as the VF does;
 * where the PF cannot send page requests, the VF cannot.
 *
 * @param dev_id unit, configured
 * @param endpoint_id requester id (bus 15:8, devfn 7:0) or StreamID
 * @param conf NULL for the defaults
 * @return endpoint; NULL with rte_errno: ENODEV: no such unit; EINVAL: not
 *   configured, a member out of range or a reserved one not 0; EEXIST: it is there already;
 *   ENOENT: the PF of a VF is no endpoint of the unit; ENOSPC: endpoints_max reached; ENOMEM;
 *   EDEADLK: inside a handler; ETIMEDOUT, EIO: the unit
 *   failed. On a unit of a kernel also what that says of the device (EBUSY, EPERM, EINVAL, ...) or
 *   of its file (EMFILE, ...), with one line in the log
 */
struct uiommu_endpoint *
uiommu_endpoint_add(int16_t dev_id, uint32_t endpoint_id, const struct uiommu_endpoint_conf *conf);

/**
 * Remove an endpoint with all its bonds, SVA's too: translation is blocked first, then
 * requests are drained, what is unanswered is answered INVALID, then memory is freed. The
 * device stays blocked: from here on the release domain (BLOCKED) is in force.
 *
 * @param endpoint not used after this call returned 0
 * @return 0; -EINVAL: endpoint is NULL; -EBUSY: VFs of it are there; -EDEADLK: inside a handler;
 *   -ETIMEDOUT: the unit or
 *   the owner of the queue did not react: the unit is marked failed and the
 *   endpoint stays until uiommu_close(); -EIO: the unit has failed
 */
int
uiommu_endpoint_remove(struct uiommu_endpoint *endpoint);

/**
 * @return endpoint with this id; NULL with rte_errno: ENOENT: none; ENODEV: no such unit;
 *   EDEADLK: inside a handler
 */
struct uiommu_endpoint *
uiommu_endpoint_find(int16_t dev_id, uint32_t endpoint_id);

/**
 * Create an address space on a unit.
 *
 * @param dev_id unit, configured
 * @param conf configuration
 * @return domain; NULL with rte_errno: ENODEV: no such unit; EINVAL: not configured, a member out
 *   of range or not for this type; ENOTSUP: the unit cannot do this type; ENOMEM; EDEADLK: inside
 *   a handler
 */
struct uiommu_domain *
uiommu_domain_alloc(int16_t dev_id, const struct uiommu_domain_conf *conf);

/**
 * Pages of its regions are given back.
 *
 * @return 0; -EINVAL: domain is NULL; -EBUSY: something is attached to it, or it is the parent of
 *   a domain, or SVA's, or a thread is in uiommu_domain_evict() for it; -EDEADLK
 */
int
uiommu_domain_free(struct uiommu_domain *domain);

/**
 * Bond an endpoint and a PASID to a domain. In force when the call returns.
 *
 * @param endpoint endpoint
 * @param pasid PASID within the endpoint's width, or UIOMMU_NO_PASID for requests
 *   without one. Some units take one PASID for their requests without PASID
 *   (VT-d: 0, "RID_PASID"): it cannot be attached itself
 * @param domain domain of the same unit
 * @param priv the caller's pointer, see uiommu_attach_priv()
 * @return attach handle; NULL with rte_errno: EINVAL: NULL argument, PASID out of range or
 *   reserved, domain of another unit or of SVA; EBUSY: there is a bond already; ENOTSUP: the
 *   domain is fault-capable and the endpoint can neither send page requests nor wait, or the
 *   unit cannot do it for this PASID (IDENTITY); ENOMEM; EDEADLK: inside
 *   a handler; ETIMEDOUT, EIO: the unit failed
 */
struct uiommu_attach *
uiommu_attach(struct uiommu_endpoint *endpoint, uint32_t pasid, struct uiommu_domain *domain,
	      void *priv);

/**
 * Undo a bond. In this order: no new group finds it; the unit stops translating; requests
 * already sent are drained and what is unanswered is answered INVALID;
 * memory is freed. When the call has returned 0, no handler call, response or
 * memory access is made for the bond, and the PASID may be attached again.
 *
 * @param attach handle, not used after this call returned 0
 * @return 0; -EINVAL: attach is NULL; -EBUSY: it is SVA's (uiommu_sva_unbind()), or
 *   uiommu_detach_start() was called for it; -EDEADLK: inside a handler; -ETIMEDOUT: the unit or
 *   the owner of the queue did not react: the unit is marked failed, the bond is out of force,
 *   its memory stays until uiommu_close(); -EIO: the unit has failed
 */
int
uiommu_detach(struct uiommu_attach *attach);

/**
 * Begin to undo a bond, and return at once. For firmware with a single loop, and from inside
 * handlers. The bond goes on until uiommu_detach_done(), or a control call of anybody on this
 * unit, which first brings to an end what was begun, has taken it apart; the handle is the
 * caller's until uiommu_detach_done() says that it is over.
 *
 * @param attach handle, used only for uiommu_detach_done() from now on
 * @return 0; -EINVAL: attach is NULL; -EBUSY: it is SVA's; -EALREADY: begun before, or another
 *   thread is in a call that makes, replaces or ends the bond (the handle is not the caller's then)
 */
int
uiommu_detach_start(struct uiommu_attach *attach);

/**
 * Go on with what uiommu_detach_start() began, without waiting. To be called again and
 * again, with polls of the caller's own in between. Any thread, one at a time for each bond.
 *
 * @param attach handle, not used after this call returned 0
 * @return 0: over, as after uiommu_detach(); -EINPROGRESS: not yet (always so inside a handler);
 *   -EINVAL: NULL, or not begun; -ETIMEDOUT, -EIO: as uiommu_detach(); memory stays until
 *   uiommu_close()
 */
int
uiommu_detach_done(struct uiommu_attach *attach);

/**
 * Put another domain in the place of a bond's. First the new bond comes into force; then the
 * open groups of the old one are answered INVALID, read or not, and only then the call
 * returns. No request is lost: groups of which a part was parked are answered RETRY when
 * they are complete. While the unit changes its entry it may
 * answer a request INVALID by itself.
 *
 * @param attach handle, not used after success; after a failure the bond is as it was
 * @param domain domain of the same unit, fault-capable or not; may be the one it has
 * @param priv the caller's pointer of the new bond
 * @return new handle; NULL with rte_errno: EINVAL: NULL argument, domain of another unit
 *   or of SVA; EBUSY: the bond is SVA's or being undone; ENOTSUP: the domain is fault-capable
 *   and the endpoint cannot send page requests; ENOMEM; EDEADLK: inside a handler; ETIMEDOUT, EIO:
 *   the unit failed: it is marked failed, one of the two bonds stays until uiommu_close()
 */
struct uiommu_attach *
uiommu_replace(struct uiommu_attach *attach, struct uiommu_domain *domain, void *priv);

/**
 * @param type enum uiommu_domain_type that the bond's domain must have, or UIOMMU_DOMAIN_ANY
 * @return bond of this endpoint and PASID; NULL with rte_errno: ENOENT: none; EBUSY: its domain
 *   has another type; EINVAL: NULL, PASID or type out of range; EDEADLK: inside a handler
 */
struct uiommu_attach *
uiommu_attach_find(struct uiommu_endpoint *endpoint, uint32_t pasid, uint32_t type);

/**
 * Map a range of a domain whose table the library keeps (PAGING without table_pa). What is there
 * and leads to the same address stays; access is added to it. Any thread, inside handlers too, any
 * number at a time: it takes no lock and never waits. On a unit that remembers what was
 * absent (UIOMMU_CAPA_CACHES_ABSENT) only outside of handlers: there it has to be told. On one that
 * remembers rights that were missing (UIOMMU_CAPA_CACHES_RIGHTS) it waits, outside of handlers,
 * where access was added to what was there.
 *
 * On a unit of UIOMMU_CAPA_USER_MEMORY the kernel maps: a system call, which pins the memory. There
 * pages that get more access are absent for a moment, and of two threads that map the same page at
 * once one waits for the other; inside a handler it is told -EAGAIN.
 *
 * @param domain domain
 * @param iova start in bytes, aligned to 4 KiB
 * @param pa where the unit finds it, aligned likewise; runs on for len. UIOMMU_CAPA_USER_MEMORY: a
 *   pointer to it, as a number; the memory stays mapped in this process until it is unmapped here
 * @param len in bytes, a multiple of 4 KiB
 * @param prot UIOMMU_PROT_*: READ, with others or without
 * @return 0; -EINVAL: NULL, another kind of domain, not aligned, no access, or beyond the table;
 *   -EEXIST: something in the range leads elsewhere, or is a region's; -EAGAIN: something in it is
 *   on its way out; or, inside a handler, the unit could not be told yet that there is more access:
 *   call again, and answer RETRY until then; -ENOMEM: no page for a table
 *   (uiommu_dev_conf::table_pages, table_pages_max), or the kernel has no memory for it, or may
 *   not pin more (RLIMIT_MEMLOCK); -EFAULT: UIOMMU_CAPA_USER_MEMORY: no memory there, or not with
 *   this access; -EDEADLK: see above; -ETIMEDOUT, -EIO: the unit failed. After an error the range
 *   may be mapped in part
 */
int
uiommu_domain_map(struct uiommu_domain *domain, uint64_t iova, uint64_t pa, uint64_t len,
		  uint32_t prot);

/**
 * Unmap a range: its translations are taken away, then the unit and the devices forget them. When
 * the call has returned 0, no device reaches what was mapped. Pages of regions are given
 * back, and come again when a device asks for them.
 *
 * @param unmapped set to the bytes that were mapped; NULL: not wanted
 * @return 0; -EINVAL: NULL, another kind of domain, not aligned, or beyond the table; -ENOMEM: no
 *   page to split a large leaf, or no memory for the list of what is given back; -EDEADLK: inside a
 *   handler; -ETIMEDOUT, -EIO: the unit failed
 */
int
uiommu_domain_unmap(struct uiommu_domain *domain, uint64_t iova, uint64_t len, uint64_t *unmapped);

/**
 * Change the access of what is mapped in a range. What is taken away is out of force when the
 * call returns. Pages of regions may get it back when a device asks for it. On a unit of
 * UIOMMU_CAPA_USER_MEMORY pages are absent for a moment.
 *
 * @param prot UIOMMU_PROT_*: READ, with others or without
 * @return as uiommu_domain_unmap(); UIOMMU_CAPA_USER_MEMORY: also as uiommu_domain_map(): what
 *   cannot have the new access keeps the old, or is unmapped
 */
int
uiommu_domain_protect(struct uiommu_domain *domain, uint64_t iova, uint64_t len, uint32_t prot);

/**
 * Any thread, inside handlers too.
 *
 * @param iova any address
 * @param pa set to where it leads, as uiommu_domain_map() was told
 * @return 0; -ENOENT: nowhere; -EINVAL: NULL, another kind of domain, or beyond the table
 */
int
uiommu_domain_iova_to_phys(struct uiommu_domain *domain, uint64_t iova, uint64_t *pa);

/**
 * The user of a NESTED domain has changed its table, the guest's, which nobody else knows of: have
 * the unit and the devices forget what they hold of a range. When the call has returned 0, nothing
 * reaches what the table led to before.
 *
 * @param domain NESTED
 * @param iova start in bytes, as devices use it, aligned to 4 KiB
 * @param len in bytes, a multiple of 4 KiB; UINT64_MAX: everything
 * @return 0; -EINVAL: NULL, another kind of domain, or not aligned; -ENOTSUP: the unit cannot;
 *   -EDEADLK: inside a handler; -ETIMEDOUT, -EIO: the unit failed
 */
int
uiommu_domain_invalidate(struct uiommu_domain *domain, uint64_t iova, uint64_t len);

/** A range with pages that were written. */
typedef void (*uiommu_dirty_t)(void *priv, uint64_t iova, uint64_t len);

/** uiommu_domain_dirty(): leave the bits as they are */
#define UIOMMU_DIRTY_KEEP (UINT32_C(1) << 0)

/**
 * Read which pages were written since the last call, and begin anew (for migration, say). The
 * unit forgets what it holds of them, so that it reports the next write.
 *
 * @param dirty_fn called for each leaf that was written
 * @return 0; -EINVAL: as uiommu_domain_unmap(), or DEMAND without UIOMMU_DIRTY_KEEP: eviction has
 *   to know too; -ENOTSUP: the unit does not keep track; -EDEADLK; -ETIMEDOUT, -EIO
 */
int
uiommu_domain_dirty(struct uiommu_domain *domain, uint64_t iova, uint64_t len, uint32_t flags,
		    uiommu_dirty_t dirty_fn, void *priv);

#ifdef __cplusplus
}
#endif

#endif /* UIOMMU_DOMAIN_H */
