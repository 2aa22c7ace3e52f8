/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Memory that is added to a pool while tables are walked: how an address becomes a pointer.
 *
 *   adder    uiommu_pgpool_add(): frame_add() clears `linear` where the memory has another
 *            difference between its addresses, then push()
 *   mapper   takes a page of it, and publishes an entry that leads there: pt_table_make()
 *   walker   loads the entry, and then `linear`: pgpool_va() in pgpool_pvt.h, pt_batch_table() in
 *            pt_walk.h
 *
 * Holds: whoever follows the entry knows that one difference does not do for all memory. A walker
 * that has looked at `linear` before it loaded the entry does not (LINEAR_AFTER_ENTRY).
 */

#include "weak.h"

#ifdef OMIT_PUSH_RELEASE
#define PUSH_RELEASE 0
#else
#define PUSH_RELEASE LINEAR
#endif
#ifdef OMIT_ENTRY_RELEASE
#define ENTRY_RELEASE 0
#else
#define ENTRY_RELEASE TAKE
#endif
#ifdef OMIT_LINEAR_AFTER_ENTRY
#define LINEAR_AFTER_ENTRY 0
#else
#define LINEAR_AFTER_ENTRY ENTRY
#endif

bit linear = 1;
bit pooled, entry;

#define LINEAR 1
#define PUSH 2

active proctype adder()
{
	int done = 0;

	do
	:: atomic { DO(LINEAR, 0); linear = 0 }
	:: atomic { DO(PUSH, PUSH_RELEASE); pooled = 1 }
	:: done == 3 -> break
	od
}

#define TAKE 1
#define PUBLISH 2

active proctype mapper()
{
	int done = 0;
	bit page = 0;

	do
	:: atomic { AWAIT(TAKE, 0, pooled == 1); page = 1 }
	:: atomic { DO(PUBLISH, ENTRY_RELEASE); entry = 1 }
	:: done == 3 -> break
	od
}

#define ENTRY 1
#define LOOK 2

active proctype walker()
{
	int done = 0;
	bit found = 0, simple = 0;

	do
	:: atomic { DO(ENTRY, 0); found = entry }
	:: atomic { DO(LOOK, LINEAR_AFTER_ENTRY); simple = linear }
	:: done == 3 -> break
	od;
	assert(found == 0 || simple == 0)
}
