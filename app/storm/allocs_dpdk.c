/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Stand-ins for DPDK's allocator: they count, then call the function that the
 * libraries would have called.
 */

#include <dlfcn.h>
#include <stddef.h>

#include <rte_common.h>
#include <rte_malloc.h>

#include "allocs.h"

typedef void *(*take_t)(const char *type, size_t size, unsigned int align);
typedef void *(*take_many_t)(const char *type, size_t nb, size_t size, unsigned int align);
typedef void *(*take_at_t)(const char *type, size_t size, unsigned int align, int socket);
typedef void *(*take_many_at_t)(const char *type, size_t nb, size_t size, unsigned int align,
				int socket);
typedef void *(*resize_t)(void *mem, size_t size, unsigned int align);
typedef void *(*resize_at_t)(void *mem, size_t size, unsigned int align, int socket);
typedef void (*give_t)(void *mem);

static struct {
	take_t take, take_zero;
	take_many_t take_many;
	take_at_t take_at, take_zero_at;
	take_many_at_t take_many_at;
	resize_t resize;
	resize_at_t resize_at;
	give_t give;
} real;

RTE_INIT_PRIO(allocs_dpdk_init, LOG)
{
	real.take = (take_t)dlsym(RTLD_NEXT, "rte_malloc");
	real.take_zero = (take_t)dlsym(RTLD_NEXT, "rte_zmalloc");
	real.take_many = (take_many_t)dlsym(RTLD_NEXT, "rte_calloc");
	real.take_at = (take_at_t)dlsym(RTLD_NEXT, "rte_malloc_socket");
	real.take_zero_at = (take_at_t)dlsym(RTLD_NEXT, "rte_zmalloc_socket");
	real.take_many_at = (take_many_at_t)dlsym(RTLD_NEXT, "rte_calloc_socket");
	real.resize = (resize_t)dlsym(RTLD_NEXT, "rte_realloc");
	real.resize_at = (resize_at_t)dlsym(RTLD_NEXT, "rte_realloc_socket");
	real.give = (give_t)dlsym(RTLD_NEXT, "rte_free");
}

void *
rte_malloc(const char *type, size_t size, unsigned int align)
{
	allocs_count_one();
	return real.take(type, size, align);
}

void *
rte_zmalloc(const char *type, size_t size, unsigned int align)
{
	allocs_count_one();
	return real.take_zero(type, size, align);
}

void *
rte_calloc(const char *type, size_t num, size_t size, unsigned int align)
{
	allocs_count_one();
	return real.take_many(type, num, size, align);
}

void *
rte_malloc_socket(const char *type, size_t size, unsigned int align, int socket)
{
	allocs_count_one();
	return real.take_at(type, size, align, socket);
}

void *
rte_zmalloc_socket(const char *type, size_t size, unsigned int align, int socket)
{
	allocs_count_one();
	return real.take_zero_at(type, size, align, socket);
}

void *
rte_calloc_socket(const char *type, size_t num, size_t size, unsigned int align, int socket)
{
	allocs_count_one();
	return real.take_many_at(type, num, size, align, socket);
}

void *
rte_realloc(void *ptr, size_t size, unsigned int align)
{
	allocs_count_one();
	return real.resize(ptr, size, align);
}

void *
rte_realloc_socket(void *ptr, size_t size, unsigned int align, int socket)
{
	allocs_count_one();
	return real.resize_at(ptr, size, align, socket);
}

void
rte_free(void *ptr)
{
	allocs_count_one();
	real.give(ptr);
}
