/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * For ThreadSanitizer only. EAL guards its heap with a spinlock that the sanitizer does not see,
 * and rte_free() clears memory in there: whoever gets the memory next seems to race with it. Here
 * stand functions of the same names, found before EAL's by the dynamic linker, that take a lock
 * which it does see.
 */

#include <dlfcn.h>
#include <pthread.h>

#include <rte_malloc.h>
#include <rte_memzone.h>

/* EAL's functions call each other */
static pthread_mutex_t heap = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

#define EAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define IN_ORDER(type, call)                 \
	do {                                 \
		type result;                 \
		pthread_mutex_lock(&heap);   \
		result = call;               \
		pthread_mutex_unlock(&heap); \
		return result;               \
	} while (0)

void *
rte_malloc_socket(const char *type, size_t size, unsigned int align, int socket)
{
	IN_ORDER(void *, EAL(rte_malloc_socket)(type, size, align, socket));
}

void *
rte_zmalloc_socket(const char *type, size_t size, unsigned int align, int socket)
{
	IN_ORDER(void *, EAL(rte_zmalloc_socket)(type, size, align, socket));
}

void *
rte_malloc(const char *type, size_t size, unsigned int align)
{
	IN_ORDER(void *, EAL(rte_malloc)(type, size, align));
}

void *
rte_zmalloc(const char *type, size_t size, unsigned int align)
{
	IN_ORDER(void *, EAL(rte_zmalloc)(type, size, align));
}

void
rte_free(void *mem)
{
	pthread_mutex_lock(&heap);
	EAL(rte_free)(mem);
	pthread_mutex_unlock(&heap);
}

const struct rte_memzone *
rte_memzone_reserve_aligned(const char *name, size_t size, int socket, unsigned int flags,
			    unsigned int align)
{
	IN_ORDER(const struct rte_memzone *,
		 EAL(rte_memzone_reserve_aligned)(name, size, socket, flags, align));
}

int
rte_memzone_free(const struct rte_memzone *mz)
{
	IN_ORDER(int, EAL(rte_memzone_free)(mz));
}
