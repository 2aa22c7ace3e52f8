/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Hints: a walker remembers a table over many turns, and the number of tables taken out so far.
 *
 *   writer   pt_unmap_entry() clears the slot, uiommu_pvt_pt_take_out() counts; then a grace
 *            period, and uiommu_pgtable_gather_free()
 *   walker   pt_hints_begin() and a walk from the root in one turn, pt_batch_near() in the next
 *
 * Holds: a table that is remembered is used only while it is not freed. Grace periods are those of
 * pasid_table.pml; their own barriers are not left out here.
 */

#include "weak.h"

#ifdef OMIT_COUNT_RELEASE
#define COUNT_RELEASE 0
#else
#define COUNT_RELEASE CLEAR
#endif
#ifdef OMIT_BEGIN_ACQUIRE
#define BEGIN_ACQUIRE 0
#else
#define BEGIN_ACQUIRE BEGIN
#endif
#ifdef OMIT_COUNT
#define MORE 0
#else
#define MORE 1
#endif

bit slot = 1;    /* leads to the table */
byte generation = 1;
bit freed;
bit token, reported;

#define CLEAR 1
#define COUNT 2
#define START 4
#define CHECK 8
#define FREE 16

active proctype writer()
{
	int done = 0;

	do
	:: atomic { DO(CLEAR, 0); slot = 0 }
	:: atomic { DO(COUNT, COUNT_RELEASE); generation = generation + MORE }
	:: atomic { DO(START, CLEAR | COUNT); token = 1 }
	:: atomic { AWAIT(CHECK, START, reported == 1) }
	:: atomic { DO(FREE, CHECK); freed = 1 }
	:: done == 31 -> break
	od
}

#define BEGIN 1
#define WALK 2
#define USE 4
#define TOKEN_1 8
#define REPORT_1 16
#define NEAR 32
#define FOLLOW 64

/* Two turns, and the quiescent state between them. */
active proctype walker()
{
	int done = 0;
	bit now = 0, found = 0;
	byte begun = 0, near = 0;

	do
	:: atomic { DO(BEGIN, 0); begun = generation }
	:: atomic { DO(WALK, BEGIN_ACQUIRE); found = slot }
	:: atomic { DO(USE, BEGIN | WALK); assert(!found || !freed) }
	:: atomic { DO(TOKEN_1, BEGIN | WALK | USE); now = token }
	:: atomic { DO(REPORT_1, TOKEN_1); reported = reported | now }
	:: atomic { DO(NEAR, TOKEN_1); near = generation }
	:: atomic { DO(FOLLOW, NEAR); assert(!found || near != begun || !freed) }
	:: done == 127 -> break
	od;
	reported = 1 /* the turns that follow */
}
