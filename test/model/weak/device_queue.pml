/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Queue that a device writes: page requests (VT-d), event queue and PRI queue (SMMUv3).
 *
 *   device   writes an entry where there is room, then the producer index
 *   driver   vtd_fetch() and read_tail() in vtd_queue.c; smmuv3_source_look(), requests_take(),
 *            smmuv3_events_take() and smmuv3_source_release()
 *
 * Barriers: uiommu_rmb_after_index() and uiommu_mb_before_release(). Holds: every entry is read
 * once, as it was written: not before it was there, and not after it was overwritten.
 * A ring of two entries, four entries in all; the driver takes one at a time.
 */

#include "weak.h"

#define SIZE 2
#define NB 4

byte entry[SIZE];
byte prod, cons;

active proctype device()
{
	byte at = 0;

	do
	:: at < NB && at < cons + SIZE ->
		entry[at % SIZE] = at + 1;
		prod = at + 1;
		at++
	:: at == NB -> break
	od
}

#define INDEX(k) BIT(k, 3, 0)
#define READ(k) BIT(k, 3, 1)
#define RELEASE(k) BIT(k, 3, 2)

#ifdef OMIT_RMB_AFTER_INDEX
#define RMB_AFTER_INDEX(k) 0
#else
#define RMB_AFTER_INDEX(k) INDEX(k)
#endif
#ifdef OMIT_MB_BEFORE_RELEASE
#define MB_BEFORE_RELEASE(k) 0
#else
#define MB_BEFORE_RELEASE(k) READ(k)
#endif

#define ROUND(k, before, prev) \
	:: atomic { AWAIT(INDEX(k), (before) | prev(INDEX), prod > k) } \
	:: atomic { DO(READ(k), (before) | RMB_AFTER_INDEX(k)); seen[k] = entry[k % SIZE] } \
	:: atomic { DO(RELEASE(k), INDEX(k) | MB_BEFORE_RELEASE(k) | prev(RELEASE)); cons = k + 1 }

#define FIRST(op) 0
#define AFTER_0(op) op(0)
#define AFTER_1(op) op(1)
#define AFTER_2(op) op(2)
#define BOTH(k) (RMB_AFTER_INDEX(k) | MB_BEFORE_RELEASE(k))

active proctype driver()
{
	int done = 0;
	byte seen[NB];

	do
	ROUND(0, 0, FIRST)
	ROUND(1, BOTH(0), AFTER_0)
	ROUND(2, BOTH(0) | BOTH(1), AFTER_1)
	ROUND(3, BOTH(0) | BOTH(1) | BOTH(2), AFTER_2)
	:: done == (1 << 12) - 1 -> break
	od;
	assert(seen[0] == 1 && seen[1] == 2 && seen[2] == 3 && seen[3] == 4)
}
