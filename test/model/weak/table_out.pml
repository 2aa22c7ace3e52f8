/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Tables of a page table: made and filled by mappers, taken out by the one writer.
 *
 *   mapper   pt_table_make() and pt_map_pages() in pt_map.h, with uiommu_pvt_pt_take()
 *   writer   pt_detach(), pt_freeze() and pt_unmap_entry() in pt_unmap.h
 *   walker   pt_batch_down() in pt_walk.h, or the unit
 *
 * Holds: whoever follows an entry finds a table that was cleared; a page that a mapper has put in
 * is in the end either reachable from the root, or reported as gone: it is never in a table that
 * nobody leads to. Two mappers of one page each in the same table of two, one writer that
 * unmaps all of it, once. Memory of a table that was taken out is not used again here:
 * that is after a grace period, see pasid_table.pml.
 */

#include "weak.h"

#define RAW 0
#define ABSENT 1
#define BUSY 2
#define PAGE 3

/* Entries of the root's slot: 0: nothing; 1, 2: a table of the mapper's */
byte root;
byte entry[6] = RAW; /* of tables 1 and 2, from index 2 and 4 on */
byte gone, mapped, over;

#ifdef OMIT_LINK_RELEASE
#define LINK_RELEASE 0
#else
#define LINK_RELEASE (CLEAR_0 | CLEAR_1)
#endif
#ifdef OMIT_LINK_ACQUIRE
#define LINK_ACQUIRE 0
#else
#define LINK_ACQUIRE LINK
#endif

#define CLEAR_0 1
#define CLEAR_1 2
#define LINK 4
#define MAP 8

/*
 * Its own table is number me; found: the one that is in the root in the end. The entry may be
 * guessed where nothing orders, so the swap of it may come before the root was looked at: it is
 * made on either table then.
 */
proctype mapper(byte me)
{
	int done = 0;
	byte found = 0, guess;

	if
	:: guess = 1
	:: guess = 2
	fi;
	do
	:: atomic { DO(CLEAR_0, 0); entry[2 * me] = ABSENT }
	:: atomic { DO(CLEAR_1, 0); entry[2 * me + 1] = ABSENT }
	:: atomic { DO(LINK, LINK_RELEASE);
		if
		:: root == 0 -> root = me; found = me
		:: else -> found = root
		fi }
	:: atomic { DO(MAP, LINK_ACQUIRE);
		/* what the page is put into, if the guess comes true */
		if
		:: LINK_ACQUIRE != 0 || (done & LINK) != 0 -> guess = found
		:: else
		fi;
		if
		:: entry[2 * guess + me - 1] == ABSENT ->
			entry[2 * guess + me - 1] = PAGE; mapped++
		:: entry[2 * guess + me - 1] == BUSY
		:: entry[2 * guess + me - 1] == RAW ->
			assert((done & LINK) == 0 || found != guess);
			assert(LINK_ACQUIRE == 0)
		:: else
		fi }
	:: done == 15 -> break
	od;
	over++
}

/* Freezes entry by entry, then clears the slot. */
active proctype writer()
{
	byte table, e, i;

	if
	:: root != 0 ->
		table = root;
		i = 0;
		do
		:: i < 2 ->
#ifdef OMIT_FREEZE
			atomic { e = entry[2 * table + i]; entry[2 * table + i] = ABSENT }
#else
			atomic { e = entry[2 * table + i]; entry[2 * table + i] = BUSY }
#endif
			assert(e != RAW);
			if
			:: e == PAGE -> gone++
			:: else
			fi;
			i++
		:: i == 2 -> break
		od;
		root = 0
	:: true
	fi;
	over++
}

active proctype end_of_it()
{
	byte there = 0;

	over == 3;
	if
	:: root != 0 ->
		there = there + (entry[2 * root] == PAGE -> 1 : 0);
		there = there + (entry[2 * root + 1] == PAGE -> 1 : 0)
	:: else
	fi;
	assert(mapped == gone + there)
}

init {
	atomic { run mapper(1); run mapper(2) }
}
