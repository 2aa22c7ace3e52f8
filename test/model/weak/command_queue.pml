/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Command queue: entries are written, handed over with the producer index, and written anew once
 * the consumer index has passed them; a sync says that what came before it is done.
 *
 *   driver    vtd_iq_push(), _submit(), _refresh() and _reached(), vtd_respond();
 *             smmuv3_cmdq_push(), _submit(), _refresh() and _reached(), smmuv3_respond()
 *   device    fetches what is before the producer index; writes the consumer index after that;
 *             carries out what it is told (here: puts an event into another queue), and says so by
 *             moving the consumer index past the sync, and by writing the status
 *
 * Barriers: uiommu_wmb_before_doorbell() before the producer index; uiommu_load_shared32() of
 * the status (MSI of a CMD_SYNC, wait descriptor), or else uiommu_rmb_after_index() after the consumer
 * index. Holds: the device sees the entries that were meant; after the sync, told in either way,
 * the driver sees what the device wrote before. That entries are written anew only after the
 * consumer index was read needs no barrier: a store does not pass the branch that it depends on.
 * A ring of two entries, four commands, of which the last is the sync.
 */

#include "weak.h"

#define SIZE 2
#define NB 4

byte entry[SIZE];
byte prod, cons;
bit event, status;

#define WRITE(k) BIT(k, 3, 0)
#define BELL(k) BIT(k, 3, 1)
#define ROOM(k) BIT(k, 3, 2)

#ifdef OMIT_DOORBELL
#define DOORBELL(k) 0
#else
#define DOORBELL(k) WRITE(k)
#endif
#ifdef OMIT_STATUS_ACQUIRE
#define STATUS_ACQUIRE 0
#else
#define STATUS_ACQUIRE STATUS
#endif
#ifdef OMIT_RMB_AFTER_INDEX
#define RMB_AFTER_INDEX 0
#else
#define RMB_AFTER_INDEX PASSED
#endif
#define STATUS (1 << 12)
#define EVENT (1 << 13)
#define PASSED (1 << 14)
#define EVENT_2 (1 << 15)

/* prev: the command before. The producer index is a register, written in order */
#define ROUND(k, prev, old) \
	:: atomic { AWAIT(ROOM(k), prev(ROOM), k < cons + SIZE) } \
	:: atomic { DO(WRITE(k), ROOM(k) | (old)); entry[k % SIZE] = k + 1 } \
	:: atomic { DO(BELL(k), ROOM(k) | DOORBELL(k) | prev(BELL)); prod = k + 1 }

#define FIRST(op) 0
#define AFTER_0(op) op(0)
#define AFTER_1(op) op(1)
#define AFTER_2(op) op(2)

active proctype driver()
{
	int done = 0;
	bit seen = 0, seen_2 = 0;

	do
	ROUND(0, FIRST, 0)
	ROUND(1, AFTER_0, 0)
	ROUND(2, AFTER_1, WRITE(0))
	ROUND(3, AFTER_2, WRITE(1))
	:: atomic { AWAIT(STATUS, 0, status == 1) }
	:: atomic { DO(EVENT, STATUS_ACQUIRE); seen = event }
	:: atomic { AWAIT(PASSED, ROOM(3), cons == NB) }
	:: atomic { DO(EVENT_2, RMB_AFTER_INDEX); seen_2 = event }
	:: done == (1 << 16) - 1 -> break
	od;
	assert(seen == 1);
	assert(seen_2 == 1)
}

active proctype device()
{
	byte at = 0;

	do
	:: at < prod ->
		atomic { assert(entry[at % SIZE] == at + 1); at++ };
		if
		:: at == NB -> event = 1
		:: else
		fi;
		cons = at
	:: at == NB -> break
	od;
	status = 1
}
