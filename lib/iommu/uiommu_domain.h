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

/** Kinds of address spaces. */
enum uiommu_domain_type {
	UIOMMU_DOMAIN_BLOCKED = 0, /**< no access; faults are answered INVALID */
	UIOMMU_DOMAIN_IDENTITY,    /**< untranslated; needs UIOMMU_CAPA_PASSTHROUGH */
	UIOMMU_DOMAIN_PAGING,      /**< an I/O page table */
	/* SVA and NESTED follow */
};

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
	uint32_t type;                  /**< enum uiommu_domain_type */
	/** PAGING with table_pa: levels of the table; 0: the unit's default */
	uint32_t levels;
	/** NULL: not fault-capable, requests are answered INVALID */
	uiommu_fault_handler_t handler;
	void *handler_priv;             /**< first argument of the handler */
	/**
	 * PAGING: physical address of a root table that the caller keeps; 0: the driver supplies an
	 * empty one
	 */
	uint64_t table_pa;
	uint64_t flags;                 /**< 0 */
	uint64_t reserved[4];           /**< 0 */
};

/** Configuration of an endpoint. Zero is the default for each member. */
struct uiommu_endpoint_conf {
	size_t size;          /**< sizeof(struct uiommu_endpoint_conf) */
	uint8_t pasid_bits;   /**< PASID width in bits, 1 to the unit's; 0: the unit's */
	uint8_t reserved0[7]; /**< 0 */
	uint64_t flags;       /**< 0 */
	uint64_t reserved[4]; /**< 0 */
};

/**
 * Make an endpoint known to a unit. Its page requests are answered INVALID until it
 * is attached to something.
 *
 * @param dev_id unit, configured
 * @param endpoint_id requester id (bus 15:8, devfn 7:0) or StreamID
 * @param conf NULL for the defaults
 * @return endpoint; NULL with rte_errno: ENODEV: no such unit; EINVAL: not
 *   configured, a member out of range or a reserved one not 0; EEXIST: it is there already;
 *   ENOSPC: endpoints_max reached; ENOMEM; EDEADLK: inside a handler; ETIMEDOUT, EIO: the unit
 *   failed
 */
struct uiommu_endpoint *
uiommu_endpoint_add(int16_t dev_id, uint32_t endpoint_id, const struct uiommu_endpoint_conf *conf);

/**
 * Remove an endpoint with all its bonds: translation is blocked first, then requests
 * are drained, what is unanswered is answered INVALID, then memory is freed.
 *
 * @param endpoint not used after this call returned 0
 * @return 0; -EINVAL: endpoint is NULL; -EDEADLK: inside a handler; -ETIMEDOUT: the unit or
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
 * @return domain; NULL with rte_errno: ENODEV; EINVAL; ENOTSUP: the unit cannot do this type;
 *   ENOMEM; EDEADLK
 */
struct uiommu_domain *
uiommu_domain_alloc(int16_t dev_id, const struct uiommu_domain_conf *conf);

/**
 * @return 0; -EINVAL: domain is NULL; -EBUSY: something is attached to it; -EDEADLK
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
 *   reserved, domain of another unit; EBUSY: there is a bond already; ENOMEM; EDEADLK: inside
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
 * @return 0; -EINVAL: attach is NULL; -EDEADLK: inside a handler; -ETIMEDOUT: the unit or
 *   the owner of the queue did not react: the unit is marked failed, the bond is out of force,
 *   its memory stays until uiommu_close(); -EIO: the unit has failed
 */
int
uiommu_detach(struct uiommu_attach *attach);

/**
 * @return bond of this endpoint and PASID; NULL with rte_errno: ENOENT: none; EINVAL; EDEADLK:
 *   inside a handler
 */
struct uiommu_attach *
uiommu_attach_find(struct uiommu_endpoint *endpoint, uint32_t pasid);

#ifdef __cplusplus
}
#endif

#endif /* UIOMMU_DOMAIN_H */
