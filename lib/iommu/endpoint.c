/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Endpoints: the table that requests are routed by, adding and removing. */

#include <errno.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_random.h>

#include "uiommu_pvt.h"

/* Two steps, both release: pair with the acquire loads in burst_route(). */
static int
endpoint_publish(struct uiommu_unit *unit, uint32_t id, struct uiommu_endpoint *endpoint)
{
	struct uiommu_endpoint_leaf **place = &unit->endpoint_dir[id >> UIOMMU_ENDPOINT_LEAF_SHIFT];
	struct uiommu_endpoint_leaf *leaf = *place;

	if (leaf == unit->endpoint_leaf_empty) {
		leaf = rte_malloc_socket("uiommu_endpoint_leaf", sizeof(*leaf), RTE_CACHE_LINE_SIZE,
					 unit->dev.platform.socket_id);
		if (leaf == NULL)
			return -ENOMEM;
		memcpy(leaf, unit->endpoint_leaf_empty, sizeof(*leaf));
		/* pair with the loads in burst_route(): leaf and endpoint are seen filled in */
		__atomic_store_n(place, leaf, __ATOMIC_RELEASE);
	}
	__atomic_store_n(&leaf->endpoint[id & (UIOMMU_ENDPOINT_LEAF_ENTRIES - 1)], endpoint,
			 __ATOMIC_RELEASE);
	return 0;
}

/* Wider than what the unit has; configured. */
static bool
is_beyond(const struct uiommu_unit *unit, uint32_t id)
{
	return id >> UIOMMU_ENDPOINT_LEAF_SHIFT >= unit->endpoint_beyond;
}

static struct uiommu_endpoint *
endpoint_lookup(const struct uiommu_unit *unit, uint32_t id)
{
	const struct uiommu_endpoint_leaf *leaf;
	struct uiommu_endpoint *endpoint;

	if (uiommu_pvt_state(unit) < UIOMMU_DEV_CONFIGURED || is_beyond(unit, id))
		return NULL;
	leaf = unit->endpoint_dir[id >> UIOMMU_ENDPOINT_LEAF_SHIFT];
	endpoint = leaf->endpoint[id & (UIOMMU_ENDPOINT_LEAF_ENTRIES - 1)];
	return endpoint == unit->unknown ? NULL : endpoint;
}

int
uiommu_pvt_endpoints_init(struct uiommu_unit *unit, unsigned int bits)
{
	const unsigned int shift = UIOMMU_ENDPOINT_LEAF_SHIFT;
	int socket = unit->dev.platform.socket_id;
	unsigned int i;

	unit->endpoint_beyond = bits > shift ? 1U << (bits - shift) : 1;
	unit->endpoint_dir = rte_zmalloc_socket(
		"uiommu_endpoint_dir", (unit->endpoint_beyond + 1) * sizeof(unit->endpoint_dir[0]),
		RTE_CACHE_LINE_SIZE, socket);
	unit->unknown = rte_zmalloc_socket("uiommu_endpoint", sizeof(*unit->unknown),
					   RTE_CACHE_LINE_SIZE, socket);
	unit->endpoint_leaf_empty =
		rte_zmalloc_socket("uiommu_endpoint_leaf", sizeof(*unit->endpoint_leaf_empty),
				   RTE_CACHE_LINE_SIZE, socket);
	if (unit->endpoint_dir == NULL || unit->unknown == NULL ||
	    unit->endpoint_leaf_empty == NULL) {
		uiommu_pvt_endpoints_fini(unit);
		return -ENOMEM;
	}
	uiommu_pvt_pasid_table_init(&unit->unknown->pasids);
	for (i = 0; i < UIOMMU_ENDPOINT_LEAF_ENTRIES; i++)
		unit->endpoint_leaf_empty->endpoint[i] = unit->unknown;
	for (i = 0; i <= unit->endpoint_beyond; i++)
		unit->endpoint_dir[i] = unit->endpoint_leaf_empty;
	return 0;
}

static void
endpoint_free(struct uiommu_endpoint *endpoint)
{
	struct uiommu_unit *unit = endpoint->unit;
	struct uiommu_attach *attach;

	while ((attach = TAILQ_FIRST(&endpoint->attached)) != NULL) {
		uiommu_pvt_attach_unlink(attach);
		rte_free(attach);
	}
	if (endpoint->pf != NULL)
		endpoint->pf->nb_vfs--;
	TAILQ_REMOVE(&unit->endpoints, endpoint, next);
	unit->nb_endpoints--;
	unit->dev.ops->endpoint_free(&unit->dev, endpoint->drv);
	uiommu_pvt_pasid_table_fini(&endpoint->pasids);
	rte_free(endpoint->prg);
	rte_free(endpoint);
}

void
uiommu_pvt_endpoints_fini(struct uiommu_unit *unit)
{
	unsigned int i;

	/* from the end: VFs come after their PF */
	while (!TAILQ_EMPTY(&unit->endpoints))
		endpoint_free(TAILQ_LAST(&unit->endpoints, uiommu_endpoint_list));
	for (i = 0; unit->endpoint_dir != NULL && i < unit->endpoint_beyond; i++) {
		if (unit->endpoint_dir[i] != unit->endpoint_leaf_empty)
			rte_free(unit->endpoint_dir[i]);
	}
	rte_free(unit->endpoint_dir);
	unit->endpoint_dir = NULL;
	rte_free(unit->endpoint_leaf_empty);
	rte_free(unit->unknown);
	unit->endpoint_leaf_empty = NULL;
	unit->unknown = NULL;
}

#define ENDPOINT_FLAGS                                                                             \
	(UIOMMU_ENDPOINT_NO_PAGE_REQUESTS | UIOMMU_ENDPOINT_VF | UIOMMU_ENDPOINT_USER_PASIDS |     \
	 UIOMMU_ENDPOINT_FAILURE | UIOMMU_ENDPOINT_NUMA | UIOMMU_ENDPOINT_NO_ATS |                 \
	 UIOMMU_ENDPOINT_STALL)
/* Page requests need ATS. */
#define NO_ATS_FLAGS (UIOMMU_ENDPOINT_NO_ATS | UIOMMU_ENDPOINT_NO_PAGE_REQUESTS)

/* One way of asking for pages at most, and one that the unit knows. */
static bool
may_stall(const struct uiommu_unit *unit, uint64_t flags)
{
	return (flags & UIOMMU_ENDPOINT_STALL) == 0 ||
	       ((unit->capa & UIOMMU_CAPA_STALL) != 0 && (flags & NO_ATS_FLAGS) == NO_ATS_FLAGS);
}

static bool
can_fault(const struct uiommu_unit *unit, uint64_t flags)
{
	if ((flags & UIOMMU_ENDPOINT_STALL) != 0)
		return true;
	return (flags & UIOMMU_ENDPOINT_NO_PAGE_REQUESTS) == 0 &&
	       (unit->capa & UIOMMU_CAPA_PAGE_REQUESTS) != 0;
}

static int
endpoint_conf_check(const struct uiommu_unit *unit, const struct uiommu_endpoint_conf *conf)
{
	static const struct uiommu_endpoint_conf zero;
	bool is_vf = (conf->flags & UIOMMU_ENDPOINT_VF) != 0;

	if (conf->size != sizeof(*conf) || conf->pasid_bits > unit->pasid_bits ||
	    (conf->flags & ~ENDPOINT_FLAGS) != 0 || (!is_vf && conf->pf_id != 0) ||
	    (is_vf && (conf->flags & UIOMMU_ENDPOINT_FAILURE) != 0) ||
	    ((conf->flags & UIOMMU_ENDPOINT_NUMA) == 0 && conf->numa_node != 0) ||
	    (conf->flags & NO_ATS_FLAGS) == UIOMMU_ENDPOINT_NO_ATS ||
	    !may_stall(unit, conf->flags) ||
	    conf->numa_node < 0 ||
	    memcmp(conf->reserved0, zero.reserved0, sizeof(zero.reserved0)) != 0 ||
	    memcmp(conf->reserved, zero.reserved, sizeof(zero.reserved)) != 0)
		return -EINVAL;
	return 0;
}

static struct uiommu_endpoint *
endpoint_create(struct uiommu_unit *unit, uint32_t id, const struct uiommu_endpoint_conf *conf)
{
	int socket = unit->dev.platform.socket_id;
	struct uiommu_endpoint *endpoint;
	void *mem;

	endpoint = rte_zmalloc_socket("uiommu_endpoint", sizeof(*endpoint), RTE_CACHE_LINE_SIZE,
				      socket);
	if (endpoint == NULL)
		return NULL;
	endpoint->id = id;
	endpoint->unit = unit;
	endpoint->pasid_bits = conf->pasid_bits;
	endpoint->can_fault = can_fault(unit, conf->flags);
	endpoint->user_pasids = (conf->flags & UIOMMU_ENDPOINT_USER_PASIDS) != 0;
	endpoint->may_fail = (conf->flags & UIOMMU_ENDPOINT_FAILURE) != 0;
	endpoint->numa_node = (conf->flags & UIOMMU_ENDPOINT_NUMA) != 0 ? conf->numa_node : socket;
	TAILQ_INIT(&endpoint->attached);
	uiommu_pvt_pasid_table_init(&endpoint->pasids);
	mem = rte_malloc_socket("uiommu_prg", uiommu_prg_size(unit->conf.parked_max),
				RTE_CACHE_LINE_SIZE, socket);
	if (mem == NULL) {
		rte_free(endpoint);
		return NULL;
	}
	endpoint->prg = uiommu_prg_init(mem, unit->conf.parked_max, unit->conf.group_max,
					rte_rand());
	return endpoint;
}

/* Out of force in hardware; nobody knows of it yet, or no more. */
static void
endpoint_undo(struct uiommu_endpoint *endpoint)
{
	struct uiommu_unit *unit = endpoint->unit;

	if (endpoint->drv != NULL) {
		unit->dev.ops->endpoint_clear(&unit->dev, endpoint->drv);
		unit->dev.ops->endpoint_free(&unit->dev, endpoint->drv);
	}
	rte_free(endpoint->prg);
	rte_free(endpoint);
}

/* A VF goes by the page request interface of its PF. 0 or -ENOENT. */
static int
family_find(struct uiommu_unit *unit, uint32_t id, const struct uiommu_endpoint_conf *conf,
	    struct uiommu_endpoint **pf)
{
	uint32_t pf_id;

	*pf = NULL;
	if ((conf->flags & UIOMMU_ENDPOINT_VF) == 0)
		return 0;
	/* functions of one device are in one hierarchy */
	pf_id = id >> UIOMMU_ENDPOINT_RID_BITS << UIOMMU_ENDPOINT_RID_BITS | conf->pf_id;
	*pf = endpoint_lookup(unit, pf_id);
	/* a VF has no VFs */
	return *pf == NULL || pf_id == id || (*pf)->pf != NULL ? -ENOENT : 0;
}

static void
family_join(struct uiommu_endpoint *endpoint, struct uiommu_endpoint *pf)
{
	if (pf == NULL)
		return;
	endpoint->pf = pf;
	endpoint->can_fault &= pf->can_fault;
	pf->nb_vfs++;
}

static int
endpoint_add_locked(struct uiommu_unit *unit, uint32_t id, const struct uiommu_endpoint_conf *conf,
		    struct uiommu_endpoint **out)
{
	struct uiommu_endpoint_conf full = *conf;
	struct uiommu_endpoint *endpoint, *pf;
	int ret;

	if (uiommu_pvt_state(unit) < UIOMMU_DEV_CONFIGURED || is_beyond(unit, id))
		return -EINVAL;
	if (uiommu_pvt_state(unit) == UIOMMU_DEV_FAILED)
		return -EIO;
	ret = endpoint_conf_check(unit, conf);
	if (ret != 0)
		return ret;
	if (endpoint_lookup(unit, id) != NULL)
		return -EEXIST;
	ret = family_find(unit, id, conf, &pf);
	if (ret != 0)
		return ret;
	if (unit->nb_endpoints == unit->conf.endpoints_max)
		return -ENOSPC;
	if (full.pasid_bits == 0)
		full.pasid_bits = unit->pasid_bits;
	endpoint = endpoint_create(unit, id, &full);
	if (endpoint == NULL)
		return -ENOMEM;
	ret = unit->dev.ops->endpoint_set(&unit->dev, id, &full, &endpoint->drv);
	if (ret == 0 && unit->dev.ops->endpoint_queue != NULL)
		endpoint->queue = unit->dev.ops->endpoint_queue(&unit->dev, endpoint->drv);
	if (ret == 0)
		ret = uiommu_pvt_cmd(unit, UIOMMU_CMD_ENDPOINT_SET, endpoint, UIOMMU_NO_PASID,
				     NULL);
	if (ret == 0)
		ret = endpoint_publish(unit, id, endpoint);
	if (ret != 0) {
		endpoint_undo(endpoint);
		return ret;
	}
	family_join(endpoint, pf);
	TAILQ_INSERT_TAIL(&unit->endpoints, endpoint, next);
	unit->nb_endpoints++;
	*out = endpoint;
	return 0;
}

struct uiommu_endpoint *
uiommu_endpoint_add(int16_t dev_id, uint32_t endpoint_id, const struct uiommu_endpoint_conf *conf)
{
	static const struct uiommu_endpoint_conf defaults = {.size = sizeof(defaults)};
	struct uiommu_unit *unit = uiommu_pvt_unit_get(dev_id);
	struct uiommu_endpoint *endpoint = NULL;
	int ret;

	if (unit == NULL) {
		rte_errno = ENODEV;
		return NULL;
	}
	ret = uiommu_pvt_lock(unit);
	if (ret == 0) {
		ret = endpoint_add_locked(unit, endpoint_id, conf == NULL ? &defaults : conf,
					  &endpoint);
		uiommu_pvt_unlock(unit);
	}
	if (ret != 0)
		rte_errno = -ret;
	return endpoint;
}

/* Handlers may want to end bonds of theirs meanwhile: where they are first, that is done first. */
static void
bonds_claim(struct uiommu_endpoint *endpoint)
{
	struct uiommu_attach *attach = TAILQ_FIRST(&endpoint->attached);

	while (attach != NULL) {
		if (!uiommu_pvt_undo_claim(attach) &&
		    __atomic_load_n(&attach->undoing, __ATOMIC_RELAXED) == UIOMMU_UNDOING_WAITS) {
			uiommu_pvt_undo_finish(endpoint->unit);
			if (uiommu_pvt_state(endpoint->unit) == UIOMMU_DEV_FAILED)
				return;
			attach = TAILQ_FIRST(&endpoint->attached);
		} else {
			attach = TAILQ_NEXT(attach, next);
		}
	}
}

/* The endpoint stays, and what is left of it can be asked for again. */
static void
bonds_unclaim(struct uiommu_endpoint *endpoint)
{
	struct uiommu_attach *attach;

	TAILQ_FOREACH(attach, &endpoint->attached, next) {
		if (__atomic_load_n(&attach->undoing, __ATOMIC_RELAXED) == UIOMMU_UNDOING_RUNS)
			uiommu_pvt_undo_unclaim(attach);
	}
}

static int
endpoint_remove_locked(struct uiommu_endpoint *endpoint)
{
	struct uiommu_unit *unit = endpoint->unit;
	struct uiommu_attach *attach;
	int ret;

	if (uiommu_pvt_state(unit) == UIOMMU_DEV_FAILED)
		return -EIO;
	if (endpoint->nb_vfs != 0)
		return -EBUSY;
	bonds_claim(endpoint);
	/* from here on requests are answered INVALID: the endpoint itself stays until they are */
	TAILQ_FOREACH(attach, &endpoint->attached, next)
		uiommu_pvt_pasid_table_set(&endpoint->pasids, attach->head.pasid, NULL);
	unit->dev.ops->endpoint_clear(&unit->dev, endpoint->drv);
	ret = uiommu_pvt_drain(unit, endpoint, NULL, false);
	if (ret == 0) {
		/* its leaf exists: cannot fail */
		endpoint_publish(unit, endpoint->id, unit->unknown);
		ret = uiommu_pvt_grace(unit);
	}
	if (ret != 0) {
		bonds_unclaim(endpoint);
		return ret;
	}
	uiommu_pvt_sva_endpoint_gone(endpoint);
	endpoint_free(endpoint);
	return 0;
}

int
uiommu_endpoint_remove(struct uiommu_endpoint *endpoint)
{
	struct uiommu_unit *unit;
	int ret;

	if (endpoint == NULL)
		return -EINVAL;
	unit = endpoint->unit;
	ret = uiommu_pvt_sva_lock();
	if (ret != 0)
		return ret;
	(void)uiommu_pvt_lock(unit); /* not inside a handler */
	ret = endpoint_remove_locked(endpoint);
	uiommu_pvt_unlock(unit);
	uiommu_pvt_sva_unlock();
	return ret;
}

struct uiommu_endpoint *
uiommu_endpoint_find(int16_t dev_id, uint32_t endpoint_id)
{
	struct uiommu_unit *unit = uiommu_pvt_unit_get(dev_id);
	struct uiommu_endpoint *endpoint;

	if (unit == NULL) {
		rte_errno = ENODEV;
		return NULL;
	}
	if (uiommu_pvt_lock_to_look(unit) != 0) {
		rte_errno = EDEADLK;
		return NULL;
	}
	endpoint = endpoint_lookup(unit, endpoint_id);
	uiommu_pvt_unlock(unit);
	if (endpoint == NULL)
		rte_errno = ENOENT;
	return endpoint;
}
