/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Entry of a fault queue, which leads from a consumer's cookie to the engine's.
 *
 *   owner      uiommu_pvt_fault_queue_closed() of one group, then group_put() of the next in
 *              queue_burst.c; the ring of free entries orders the two where they are of two threads
 *   consumer   entry_find(): of one thread with the first cookie, of another with the second
 *
 * Holds: whoever finds his own cookie has found the engine's cookie that belongs to it.
 */

#include "weak.h"

#ifdef OMIT_ENGINE_RELEASE
#define ENGINE_RELEASE 0
#else
#define ENGINE_RELEASE CLOSE
#endif
#ifdef OMIT_COOKIE_RELEASE
#define COOKIE_RELEASE 0
#else
#define COOKIE_RELEASE (CLOSE | ENGINE)
#endif
#ifdef OMIT_COOKIE_ACQUIRE
#define COOKIE_ACQUIRE 0
#else
#define COOKIE_ACQUIRE FIRST
#endif
#ifdef OMIT_ENGINE_ACQUIRE
#define ENGINE_ACQUIRE 0
#else
#define ENGINE_ACQUIRE GET
#endif

byte cookie = 1, engine = 1;

#define CLOSE 1
#define ENGINE 2
#define COOKIE 4

active proctype owner()
{
	int done = 0;

	do
	:: atomic { DO(CLOSE, 0); cookie = 0 }
	:: atomic { DO(ENGINE, ENGINE_RELEASE); engine = 2 }
	:: atomic { DO(COOKIE, CLOSE | COOKIE_RELEASE); cookie = 2 }
	:: done == 7 -> break
	od
}

#define FIRST 1
#define GET 2
#define AGAIN 4

proctype consumer(byte mine)
{
	int done = 0;
	byte first = 0, found = 0, again = 0;

	do
	:: atomic { DO(FIRST, 0); first = cookie }
	:: atomic { DO(GET, COOKIE_ACQUIRE); found = engine }
	:: atomic { DO(AGAIN, FIRST | ENGINE_ACQUIRE); again = cookie }
	:: done == 7 -> break
	od;
	assert(first != mine || again != mine || found == mine)
}

init {
	atomic { run consumer(1); run consumer(2) }
}
