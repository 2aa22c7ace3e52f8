/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef HEAP_RIG_H
#define HEAP_RIG_H

/* In place of DPDK's heap, for sources that are included: counts, and runs out when it is told. */

#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include <rte_malloc.h>

static unsigned int nb_blocks;               /* allocated and not freed */
static unsigned int nb_allowed = UINT32_MAX; /* allocations that succeed from now on */

static inline void *
heap_zmalloc(const char *type, size_t size, unsigned int align, int socket_id)
{
	void *p;

	assert_non_null(type);
	if (nb_allowed == 0)
		return NULL;
	nb_allowed--;
	nb_blocks++;
	p = aligned_alloc(align, (size + align - 1) / align * align);
	assert_non_null(p);
	return memset(p, 0, size);
}

static inline void
heap_free(void *p)
{
	nb_blocks -= p != NULL;
	free(p);
}

#define rte_zmalloc_socket heap_zmalloc
#define rte_free heap_free

#endif /* HEAP_RIG_H */
