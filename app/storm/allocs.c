/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <malloc.h>
#include <stddef.h>
#include <stdlib.h>

#include "allocs.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
	__has_feature(memory_sanitizer)
#define OTHERS_HAVE_THE_HEAP
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)
#define OTHERS_HAVE_THE_HEAP
#endif

/* initial-exec: reaching it allocates nothing itself */
static __thread bool counting __attribute__((tls_model("initial-exec")));
static __thread uint64_t allocations __attribute__((tls_model("initial-exec")));

void
allocs_count_begin(void)
{
	allocations = 0;
	counting = true;
}

uint64_t
allocs_count_end(void)
{
	counting = false;
	return allocations;
}

void
allocs_count_one(void)
{
	if (counting)
		allocations++;
}

#ifdef OTHERS_HAVE_THE_HEAP

bool
allocs_can_count(void)
{
	return false;
}

#else

bool
allocs_can_count(void)
{
	return true;
}

/* The C library's own names for its functions: they stay reachable behind ours. */
extern void *
__libc_malloc(size_t size);
extern void *
__libc_calloc(size_t nb, size_t size);
extern void *
__libc_realloc(void *mem, size_t size);
extern void *
__libc_memalign(size_t align, size_t size);
extern void
__libc_free(void *mem);

void *
malloc(size_t size)
{
	allocs_count_one();
	return __libc_malloc(size);
}

void *
calloc(size_t nb, size_t size)
{
	allocs_count_one();
	return __libc_calloc(nb, size);
}

void *
realloc(void *mem, size_t size)
{
	allocs_count_one();
	return __libc_realloc(mem, size);
}

void *
memalign(size_t align, size_t size)
{
	allocs_count_one();
	return __libc_memalign(align, size);
}

void *
aligned_alloc(size_t align, size_t size)
{
	allocs_count_one();
	return __libc_memalign(align, size);
}

int
posix_memalign(void **mem, size_t align, size_t size)
{
	void *taken;

	allocs_count_one();
	if (align % sizeof(void *) != 0 || (align & (align - 1)) != 0 || align == 0)
		return EINVAL;
	taken = __libc_memalign(align, size);
	if (taken == NULL)
		return ENOMEM;
	*mem = taken;
	return 0;
}

void
free(void *mem)
{
	allocs_count_one();
	__libc_free(mem);
}
#endif
