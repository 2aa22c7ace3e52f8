/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Wish of the control path to the owner of a queue, and the queue's way from owner to owner.
 *
 *   control   uiommu_pvt_ctl_post() and _check() in ctrl.c
 *   owners    turn_end() and ctl_step() in poll.c, between uiommu_pvt_queue_claim() and _release()
 *
 * Holds: the owner sees what is wished, the control path sees what came of it, and an owner goes on
 * where the one before it stopped. Two wishes; two threads own the queue in turn, whoever comes
 * first.
 */

#include "weak.h"

byte wish, ctl, result, finished; /* uiommu_unit::ctl, uiommu_queue::ctl */
bit owned;
byte position;                    /* of the queue: what only its owner touches */

#ifdef OMIT_POST_RELEASE
#define POST_RELEASE(k) 0
#else
#define POST_RELEASE(k) FILL(k)
#endif
#ifdef OMIT_CHECK_ACQUIRE
#define CHECK_ACQUIRE(k) 0
#else
#define CHECK_ACQUIRE(k) CHECK(k)
#endif

#define FILL(k) BIT(k, 4, 0)
#define POST(k) BIT(k, 4, 1)
#define CHECK(k) BIT(k, 4, 2)
#define RESULT(k) BIT(k, 4, 3)

/* The next wish is filled in after the result of this one was looked at: the code branches on it. */
#define ASK(k, before, same) \
	:: atomic { DO(FILL(k), before); wish = k + 1 } \
	:: atomic { DO(POST(k), (before) | POST_RELEASE(k)); ctl = k + 1 } \
	:: atomic { AWAIT(CHECK(k), (same), finished == k + 1) } \
	:: atomic { DO(RESULT(k), (same) | CHECK_ACQUIRE(k)); seen[k] = result }

active proctype control()
{
	int done = 0;
	byte seen[2];

	do
	ASK(0, 0, 0)
	ASK(1, CHECK(0) | RESULT(0), CHECK(0) | RESULT(0))
	:: done == (1 << 8) - 1 -> break
	od;
	assert(seen[0] == 1 && seen[1] == 2)
}

#define CLAIM 1
#define LOOK 2
#define READ 4
#define GET 8
#define ANSWER 16
#define DONE 32
#define MOVE 64
#define LEAVE 128

#ifdef OMIT_CLAIM_ACQUIRE
#define CLAIM_ACQUIRE 0
#else
#define CLAIM_ACQUIRE CLAIM
#endif
#ifdef OMIT_LOOK_ACQUIRE
#define LOOK_ACQUIRE 0
#else
#define LOOK_ACQUIRE LOOK
#endif
#ifdef OMIT_DONE_RELEASE
#define DONE_RELEASE 0
#else
#define DONE_RELEASE ANSWER
#endif
#ifdef OMIT_LEAVE_RELEASE
#define LEAVE_RELEASE 0
#else
#define LEAVE_RELEASE (READ | GET | ANSWER | DONE | MOVE)
#endif

/* One turn that finds a wish, with the queue claimed for it. */
inline turn()
{
	done = 0;
	do
	:: atomic { AWAIT(CLAIM, 0, owned == 0); owned = 1 }
	:: atomic { AWAIT(LOOK, CLAIM, ctl != 0); found = ctl; ctl = 0 }
	:: atomic { DO(READ, CLAIM_ACQUIRE); at = position }
	:: atomic { DO(GET, CLAIM_ACQUIRE | LOOK_ACQUIRE); what = wish }
	:: atomic { DO(ANSWER, LOOK | GET); result = what }
	:: atomic { DO(DONE, LOOK | DONE_RELEASE); finished = found }
	:: atomic { DO(MOVE, LOOK | READ); position = at + 1 }
	:: atomic { DO(LEAVE, LOOK | LEAVE_RELEASE); owned = 0 }
	:: done == 255 -> break
	od
}

byte turns;

proctype owner()
{
	int done;
	byte found, what, at;

end:
	turn();
	assert(what == found);
	assert(position >= 1);
	turns++;
	turns == 2;
	assert(position == 2)
}

init {
	atomic { run owner(); run owner() }
}
