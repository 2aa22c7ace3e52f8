/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * PASID table: a handle is published, found by the data path, taken away, and freed after a grace
 * period.
 *
 *   control   uiommu_pvt_pasid_table_reserve(), _set() in pasid_table.c; uiommu_pvt_attach_create(),
 *             uiommu_pvt_detach_begin() in attach.c; rte_rcu_qsbr_start() and _check()
 *   owner     burst_route() and turn_end() in poll.c; rte_rcu_qsbr_quiescent()
 *
 * Holds: whoever finds the handle sees it filled in, and not freed; a leaf is seen zeroed.
 * Three turns of the owner. endpoint_publish() in endpoint.c is of the same shape.
 */

#include "weak.h"

#ifdef OMIT_LEAF_RELEASE
#define LEAF_RELEASE 0
#else
#define LEAF_RELEASE ZERO
#endif
#ifdef OMIT_HANDLE_RELEASE
#define HANDLE_RELEASE 0
#else
#define HANDLE_RELEASE (LEAF | FILL)
#endif
#ifdef OMIT_START_RELEASE
#define START_RELEASE 0
#else
#define START_RELEASE (LEAF | FILL | SET | CLEAR)
#endif
#ifdef OMIT_LEAF_ACQUIRE
#define LEAF_ACQUIRE(k) 0
#else
#define LEAF_ACQUIRE(k) GET_LEAF(k)
#endif
#ifdef OMIT_HANDLE_ACQUIRE
#define HANDLE_ACQUIRE(k) 0
#else
#define HANDLE_ACQUIRE(k) GET_SLOT(k)
#endif
#ifdef OMIT_QUIESCENT_ACQUIRE
#define QUIESCENT_ACQUIRE(k) 0
#else
#define QUIESCENT_ACQUIRE(k) GET_TOKEN(k)
#endif
#ifdef OMIT_QUIESCENT_RELEASE
#define QUIESCENT_RELEASE(k) 0
#else
#define QUIESCENT_RELEASE(k) (GET_LEAF(k) | GET_SLOT(k) | GET_HANDLE(k))
#endif

#define NONE 0
#define HANDLE 1
#define GARBAGE 2

#define RAW 0
#define FILLED 1
#define FREED 2

bit dir;               /* 0: the leaf that all share, and that is empty */
byte slot = GARBAGE;   /* in the new leaf */
byte handle = RAW;
byte token, reported;

#define ZERO 1
#define LEAF 2
#define FILL 4
#define SET 8
#define CLEAR 16
#define START 32
#define CHECK 64
#define FREE 128

active proctype control()
{
	int done = 0;

	do
	:: atomic { DO(ZERO, 0); slot = NONE }
	:: atomic { DO(LEAF, LEAF_RELEASE); dir = 1 }
	:: atomic { DO(FILL, 0); handle = FILLED }
	:: atomic { DO(SET, ZERO | HANDLE_RELEASE); slot = HANDLE }
	:: atomic { DO(CLEAR, SET | LEAF | FILL); slot = NONE }
	:: atomic { DO(START, START_RELEASE); token = 1 }
	:: atomic { AWAIT(CHECK, START, reported == 1) }
	:: atomic { DO(FREE, FILL | CHECK); handle = FREED }
	:: done == 255 -> break
	od
}

#define GET_LEAF(k) BIT(k, 6, 0)
#define GET_SLOT(k) BIT(k, 6, 1)
#define GET_HANDLE(k) BIT(k, 6, 2)
#define USE(k) BIT(k, 6, 3)
#define GET_TOKEN(k) BIT(k, 6, 4)
#define REPORT(k) BIT(k, 6, 5)

/* what all of turn k is after, by the acquires of turn j before it */
#define TURN(j) (LEAF_ACQUIRE(j) | HANDLE_ACQUIRE(j) | QUIESCENT_ACQUIRE(j))
#define OWN(k) (LEAF_ACQUIRE(k) | HANDLE_ACQUIRE(k))

/* same: operations on the same location in turns before. A handle may be guessed, and read early */
#define ROUND(k, before, same) \
	:: atomic { DO(GET_LEAF(k), (before) | (same(GET_LEAF))); leaf[k] = dir } \
	:: atomic { DO(GET_SLOT(k), (before) | LEAF_ACQUIRE(k) | (same(GET_SLOT))); \
		entry[k] = slot } \
	:: atomic { DO(GET_HANDLE(k), (before) | OWN(k) | (same(GET_HANDLE))); \
		seen[k] = handle } \
	:: atomic { DO(USE(k), GET_LEAF(k) | GET_SLOT(k) | GET_HANDLE(k)); \
		assert(leaf[k] == 0 || entry[k] != GARBAGE); \
		assert(leaf[k] == 0 || entry[k] != HANDLE || seen[k] == FILLED) } \
	:: atomic { DO(GET_TOKEN(k), (before) | OWN(k) | (same(GET_TOKEN))); now[k] = token } \
	:: atomic { DO(REPORT(k), GET_TOKEN(k) | (before) | OWN(k) | QUIESCENT_RELEASE(k) | \
		(same(REPORT))); reported = now[k] }

#define SAME_0(op) 0
#define SAME_1(op) op(0)
#define SAME_2(op) op(0) | op(1)

active proctype owner()
{
	int done = 0;
	bit leaf[3];
	byte entry[3];
	byte seen[3];
	byte now[3];

	do
	ROUND(0, 0, SAME_0)
	ROUND(1, TURN(0), SAME_1)
	ROUND(2, TURN(0) | TURN(1), SAME_2)
	:: done == (1 << 18) - 1 -> break
	od;
	reported = 1 /* the turns that follow */
}
