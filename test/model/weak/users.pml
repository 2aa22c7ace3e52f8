/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Users come and go while the object is closed and freed.
 *
 *   user     fault_queue_enter() and _leave() in fault_queue_pvt.h
 *   closer   uiommu_pvt_fault_queue_destroy() and queue_retire() in queue.c
 *
 * The same shape: operations of an address space and its release (lane->running and mm->dying in
 * mm.c); what looks at translations and what takes them away (paging->guard_active and
 * paging->guard in paging.c). Holds: nobody is inside when the object is freed. Each side writes
 * first and then reads what the other writes, so all four are sequentially consistent: the
 * write comes before the read. The addition reads and writes; what it writes is what counts.
 */

#include "weak.h"

#ifdef OMIT_ENTER_SEQ_CST
#define ENTER_SEQ_CST 0
#else
#define ENTER_SEQ_CST COME
#endif
#ifdef OMIT_CLOSE_SEQ_CST
#define CLOSE_SEQ_CST 0
#else
#define CLOSE_SEQ_CST CLOSE
#endif
#ifdef OMIT_LEAVE_RELEASE
#define LEAVE_RELEASE 0
#else
#define LEAVE_RELEASE USE
#endif

byte users;
bit closing, freed;

#define COME 1
#define LOOK 2
#define USE 4
#define GO 8

proctype user()
{
	int done = 0;
	bit open = 0;

	do
	:: atomic { DO(COME, 0); users++ }
	:: atomic { DO(LOOK, ENTER_SEQ_CST); open = !closing }
	:: atomic { DO(USE, LOOK); assert(!open || !freed) }
	:: atomic { DO(GO, COME | LOOK | LEAVE_RELEASE); users-- }
	:: done == 15 -> break
	od
}

#define CLOSE 1
#define WAIT 2
#define FREE 4

active proctype closer()
{
	int done = 0;

	do
	:: atomic { DO(CLOSE, 0); closing = 1 }
	:: atomic { AWAIT(WAIT, CLOSE_SEQ_CST, users == 0) }
	:: atomic { DO(FREE, WAIT | CLOSE); freed = 1 }
	:: done == 7 -> break
	od
}

init {
	atomic { run user(); run user() }
}
