/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Which hardware is open in this process: neither VFIO nor /dev/mem minds being opened twice. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_spinlock.h>

#include "platform_pvt.h"

/** A piece of hardware that a unit has. */
struct claim {
	const struct uiommu_platform *plat;
	char what[PLATFORM_NAME_SIZE];
	struct claim *next;
};

static struct claim *claims;
static rte_spinlock_t claims_lock = RTE_SPINLOCK_INITIALIZER;

/* Where it hangs in the list, or the end. Lock held. */
static struct claim **
claim_find(const char *what, const struct uiommu_platform *plat)
{
	struct claim **link = &claims;

	while (*link != NULL && strcmp((*link)->what, what) != 0 && (*link)->plat != plat)
		link = &(*link)->next;
	return link;
}

int
platform_claim(const struct uiommu_platform *plat, const char *what)
{
	struct claim *mine = calloc(1, sizeof(*mine));
	struct claim **link;
	int ret = 0;

	if (mine == NULL) {
		PLATFORM_LOG(ERR, plat, "out of memory");
		return -ENOMEM;
	}
	mine->plat = plat;
	strncpy(mine->what, what, sizeof(mine->what) - 1);
	rte_spinlock_lock(&claims_lock);
	link = claim_find(mine->what, NULL);
	if (*link == NULL) {
		*link = mine;
	} else {
		PLATFORM_LOG(ERR, plat, "%s is open already, as %s", what, (*link)->plat->name);
		ret = -EEXIST;
	}
	rte_spinlock_unlock(&claims_lock);
	if (ret != 0)
		free(mine);
	return ret;
}

static void
claim_drop(const char *what, const struct uiommu_platform *plat)
{
	struct claim **link, *mine;

	rte_spinlock_lock(&claims_lock);
	link = claim_find(what, plat);
	mine = *link;
	if (mine != NULL)
		*link = mine->next;
	rte_spinlock_unlock(&claims_lock);
	free(mine);
}

void
platform_unclaim(const struct uiommu_platform *plat)
{
	claim_drop("", plat);
}

/* One name is one unit's at most. */
void
platform_unclaim_one(const char *what)
{
	claim_drop(what, NULL);
}
