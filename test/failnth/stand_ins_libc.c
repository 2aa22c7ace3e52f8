/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * What stands in for libc. Sanitizers do the same, and theirs must be the ones that are called:
 * those for memory always, the others where their runtime is not a library of its own that
 * comes after this program.
 */

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>

#include <rte_common.h>

#include "gate.h"
#include "harness.h"

#ifdef __clang__
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define NOTHING_HERE 1
#endif
#endif
#ifdef __SANITIZE_THREAD__
#define NOTHING_HERE 1
#endif
#ifdef __SANITIZE_ADDRESS__
#define NO_MEMORY_HERE 1
#endif

/* The next library's function of the same name. */
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#ifdef NOTHING_HERE
#define NO_MEMORY_HERE 1
#define NOT_MEMORY 0
#else
#define NOT_MEMORY (GATE(FILE) | GATE(THREAD) | GATE(MAPPING))

int
eventfd(unsigned int value, int flags)
{
	if (gate_pass(GATE_FILE))
		return NEXT(eventfd)(value, flags);
	errno = EMFILE;
	return -1;
}

int
epoll_create1(int flags)
{
	if (gate_pass(GATE_FILE))
		return NEXT(epoll_create1)(flags);
	errno = EMFILE;
	return -1;
}

int
epoll_ctl(int instance, int operation, int file, struct epoll_event *event)
{
	if (operation != EPOLL_CTL_ADD || gate_pass(GATE_FILE))
		return NEXT(epoll_ctl)(instance, operation, file, event);
	errno = ENOMEM;
	return -1;
}

void *
mmap(void *va, size_t size, int access, int flags, int file, off_t offset)
{
	if (gate_pass(GATE_MAPPING))
		return NEXT(mmap)(va, size, access, flags, file, offset);
	errno = ENOMEM;
	return MAP_FAILED;
}

int
madvise(void *va, size_t size, int advice)
{
	if (gate_pass(GATE_MAPPING))
		return NEXT(madvise)(va, size, advice);
	errno = ENOMEM;
	return -1;
}

int
pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*function)(void *),
	       void *arg)
{
	int ret;

	if (!gate_pass(GATE_THREAD))
		return EAGAIN;
	gate_pause(true);
	ret = NEXT(pthread_create)(thread, attributes, function, arg);
	gate_pause(false);
	return ret;
}
#endif

#ifdef NO_MEMORY_HERE
unsigned int
gate_libc_kinds(void)
{
	return NOT_MEMORY;
}

int64_t
gate_libc_live(void)
{
	return 0;
}
#else

/* Asking the dynamic linker takes memory; libc has these names for the purpose. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void __libc_free(void *mem);

/* Pieces taken while the gate was armed; atomic. */
static void *pieces[256];
static int64_t nb_pieces;

unsigned int
gate_libc_kinds(void)
{
	return NOT_MEMORY | GATE(LIBC);
}

int64_t
gate_libc_live(void)
{
	return __atomic_load_n(&nb_pieces, __ATOMIC_RELAXED);
}

/* What libc wants for itself, such as for the first line of a log, is its own affair. */
static bool
is_of_libc(const void *caller)
{
	Dl_info info;

	return dladdr(caller, &info) != 0 && strstr(info.dli_fname, "libc.so") != NULL;
}

static bool
granted(const void *caller)
{
	return !gate_is_armed(GATE_LIBC) || is_of_libc(caller) || gate_pass(GATE_LIBC);
}

static void *
piece_note(void *mem, const void *caller)
{
	unsigned int i;

	if (mem == NULL || !gate_is_armed(GATE_LIBC) || is_of_libc(caller))
		return mem;
	for (i = 0; i < RTE_DIM(pieces); i++) {
		void *none = NULL;

		if (__atomic_compare_exchange_n(&pieces[i], &none, mem, false, __ATOMIC_RELAXED,
						__ATOMIC_RELAXED)) {
			__atomic_fetch_add(&nb_pieces, 1, __ATOMIC_RELAXED);
			break;
		}
	}
	return mem;
}

void *
malloc(size_t size)
{
	if (granted(__builtin_return_address(0)))
		return piece_note(__libc_malloc(size), __builtin_return_address(0));
	errno = ENOMEM;
	return NULL;
}

void *
calloc(size_t count, size_t size)
{
	if (granted(__builtin_return_address(0)))
		return piece_note(__libc_calloc(count, size), __builtin_return_address(0));
	errno = ENOMEM;
	return NULL;
}

void
free(void *mem)
{
	unsigned int i;

	for (i = 0; mem != NULL && gate_libc_live() != 0 && i < RTE_DIM(pieces); i++) {
		void *piece = mem;

		if (__atomic_compare_exchange_n(&pieces[i], &piece, NULL, false, __ATOMIC_RELAXED,
						__ATOMIC_RELAXED))
			__atomic_fetch_sub(&nb_pieces, 1, __ATOMIC_RELAXED);
	}
	__libc_free(mem);
}
#endif
