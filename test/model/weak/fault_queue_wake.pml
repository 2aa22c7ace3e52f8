/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Wake-up of a consumer that sleeps on the file descriptor of a fault queue.
 *
 *   owner      puts a message into the ring, then wake() in queue_burst.c
 *   consumer   uiommu_fault_queue_arm(): empties the descriptor, arms, looks at the ring; sleeps if
 *              it is empty, else reads all that is there
 *
 * Holds: no message stays in the ring while the consumer sleeps for ever. Two messages. The
 * exchange is one operation here: what comes after it by its acquire comes after all of it.
 */

#include "weak.h"

#ifdef OMIT_WAKE_RELEASE
#define WAKE_RELEASE(k) 0
#else
#define WAKE_RELEASE(k) PUT(k)
#endif
#ifdef OMIT_ARM_ACQUIRE
#define ARM_ACQUIRE 0
#else
#define ARM_ACQUIRE ARM
#endif

byte tail;       /* messages put into the ring */
bit armed;
bit readable;    /* of the descriptor */

#define PUT(k) BIT(k, 3, 0)
#define WAKE(k) BIT(k, 3, 1)
#define WRITE(k) BIT(k, 3, 2)

#define ROUND(k, before) \
	:: atomic { DO(PUT(k), before); tail = k + 1 } \
	:: atomic { DO(WAKE(k), (before) | WAKE_RELEASE(k)); was[k] = armed; armed = 0 } \
	:: atomic { DO(WRITE(k), (before) | WAKE(k)); readable = readable | was[k] }

active proctype owner()
{
	int done = 0;
	bit was[2];

	do
	ROUND(0, 0)
	ROUND(1, WAKE(0) | PUT(0))
	:: done == (1 << 6) - 1 -> break
	od
}

#define EMPTY 1
#define ARM 2
#define LOOK 4

active proctype consumer()
{
	int done;
	byte head = 0, seen;

	do
	:: head < 2 ->
		done = 0;
		do
		:: atomic { DO(EMPTY, 0); readable = 0 }
		/* a system call, and what comes before an exchange that releases */
		:: atomic { DO(ARM, EMPTY); armed = 1 }
		:: atomic { DO(LOOK, EMPTY | ARM_ACQUIRE); seen = tail }
		:: done == 7 -> break
		od;
		if
		:: seen != head -> head = seen
		:: else -> readable == 1 /* sleeps; a deadlock if that never comes */
		fi
	:: head == 2 -> break
	od
}
