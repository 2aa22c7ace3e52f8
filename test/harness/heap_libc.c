/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * The objects of the engine live in DPDK's heap, where sanitizers see neither a leak nor a use
 * after free, and whose own lock ThreadSanitizer does not know. Here stand functions of the same
 * names, found before EAL's by the dynamic linker, on top of libc's heap. What EAL
 * has taken by ways of its own, memzones above all, and gives back with rte_free(), goes on to EAL.
 */

#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_memory.h>
#include <rte_memzone.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "heap.h"

bool (*heap_gate)(const char *function);

static int64_t live; /* atomic */

/* In EAL's place: its functions call each other, and the sanitizer must see a lock. */
static pthread_mutex_t eal_lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

#define EAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int64_t
heap_live(void)
{
	return __atomic_load_n(&live, __ATOMIC_RELAXED);
}

static void
count(int64_t change)
{
	__atomic_fetch_add(&live, change, __ATOMIC_RELAXED);
}

static bool
granted(const char *function)
{
	bool (*gate)(const char *) = __atomic_load_n(&heap_gate, __ATOMIC_RELAXED);

	return gate == NULL || gate(function);
}

/* ---------------------------------------------------------------- memory */

static void *
take(const char *function, size_t size, unsigned int align)
{
	size_t wanted = RTE_MAX((size_t)align, (size_t)RTE_CACHE_LINE_SIZE);
	void *mem = NULL;

	if (size == 0 || !granted(function) || posix_memalign(&mem, wanted, size) != 0)
		return NULL;
	count(1);
	return mem;
}

static void *
take_zeroed(const char *function, size_t size, unsigned int align)
{
	void *mem = take(function, size, align);

	if (mem != NULL)
		memset(mem, 0, size);
	return mem;
}

static bool
is_of_eal(const void *mem)
{
	return rte_mem_virt2memseg_list(mem) != NULL;
}

void *
rte_malloc_socket(const char *type, size_t size, unsigned int align, int socket)
{
	return take(__func__, size, align);
}

void *
rte_zmalloc_socket(const char *type, size_t size, unsigned int align, int socket)
{
	return take_zeroed(__func__, size, align);
}

void *
rte_calloc_socket(const char *type, size_t num, size_t size, unsigned int align, int socket)
{
	size_t bytes;

	if (__builtin_mul_overflow(num, size, &bytes))
		return NULL;
	return take_zeroed(__func__, bytes, align);
}

void *
rte_realloc_socket(void *mem, size_t size, unsigned int align, int socket)
{
	void *new;

	if (mem != NULL && is_of_eal(mem))
		return EAL(rte_realloc_socket)(mem, size, align, socket);
	if (size == 0) {
		rte_free(mem);
		return NULL;
	}
	new = take(__func__, size, align);
	if (new != NULL && mem != NULL) {
		memcpy(new, mem, RTE_MIN(size, malloc_usable_size(mem)));
		rte_free(mem);
	}
	return new;
}

void *
rte_malloc(const char *type, size_t size, unsigned int align)
{
	return take(__func__, size, align);
}

void *
rte_zmalloc(const char *type, size_t size, unsigned int align)
{
	return take_zeroed(__func__, size, align);
}

void *
rte_calloc(const char *type, size_t num, size_t size, unsigned int align)
{
	return rte_calloc_socket(type, num, size, align, SOCKET_ID_ANY);
}

void *
rte_realloc(void *mem, size_t size, unsigned int align)
{
	return rte_realloc_socket(mem, size, align, SOCKET_ID_ANY);
}

void
rte_free(void *mem)
{
	if (mem == NULL)
		return;
	if (!is_of_eal(mem)) {
		count(-1);
		free(mem);
		return;
	}
	pthread_mutex_lock(&eal_lock);
	EAL(rte_free)(mem);
	pthread_mutex_unlock(&eal_lock);
}

/* ----------------------------------------------------------------- rings */

struct rte_ring *
rte_ring_create_elem(const char *name, unsigned int esize, unsigned int count_wanted, int socket,
		     unsigned int flags)
{
	unsigned int slots =
		(flags & RING_F_EXACT_SZ) != 0 ? rte_align32pow2(count_wanted + 1) : count_wanted;
	ssize_t size = rte_ring_get_memsize_elem(esize, slots);
	struct rte_ring *ring;
	int ret;

	if (size < 0) {
		rte_errno = (int)-size;
		return NULL;
	}
	ring = take(__func__, (size_t)size, 0);
	if (ring == NULL) {
		rte_errno = ENOMEM;
		return NULL;
	}
	ret = rte_ring_init(ring, name, count_wanted, flags);
	if (ret != 0) {
		rte_free(ring);
		rte_errno = -ret;
		return NULL;
	}
	return ring;
}

struct rte_ring *
rte_ring_create(const char *name, unsigned int count_wanted, int socket, unsigned int flags)
{
	return rte_ring_create_elem(name, sizeof(void *), count_wanted, socket, flags);
}

void
rte_ring_free(struct rte_ring *ring)
{
	/* EAL's own lie in a memzone */
	if (ring != NULL && ring->memzone != NULL)
		EAL(rte_ring_free)(ring);
	else
		rte_free(ring);
}

/* -------------------------------------------------------------- memzones */

const struct rte_memzone *
rte_memzone_reserve_aligned(const char *name, size_t size, int socket, unsigned int flags,
			    unsigned int align)
{
	const struct rte_memzone *mz;

	if (!granted(__func__)) {
		rte_errno = ENOMEM;
		return NULL;
	}
	pthread_mutex_lock(&eal_lock);
	mz = EAL(rte_memzone_reserve_aligned)(name, size, socket, flags, align);
	pthread_mutex_unlock(&eal_lock);
	if (mz != NULL)
		count(1);
	return mz;
}

int
rte_memzone_free(const struct rte_memzone *mz)
{
	int ret;

	pthread_mutex_lock(&eal_lock);
	ret = EAL(rte_memzone_free)(mz);
	pthread_mutex_unlock(&eal_lock);
	if (ret == 0)
		count(-1);
	return ret;
}
