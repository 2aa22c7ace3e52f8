/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Cookies: a deferred group is answered by two threads and by the owner's deadline, and its slot is
 * taken again for a second group while the slower ones still come.
 *
 *   owner      slot_take() and uiommu_pvt_slot_put() in respond.c; uiommu_pvt_answers_send(),
 *              _expire() and _sweep() in answers.c; uiommu_wmb_before_doorbell()
 *   answerer   application: maps the page (pt_swap_if()), then uiommu_pvt_answer_one()
 *   device     fetches the response at the doorbell, and goes to the page
 *
 * Holds: R1, one answer of each group is sent; R3, the page of whoever won is seen by the device;
 * R9, an answer to the first group never ends the second. The owner finds an answer by a look at
 * the slot, as a sweep or a rescan does: the ring, which has an order of its own, is left out.
 * That the word is loaded with acquire, and stored with release when the slot is taken, cannot be
 * shown to matter: what the owner does next are stores that depend on it, and of a slot only
 * its owner reads more than the word.
 */

#include "weak.h"

#ifdef OMIT_ANSWER_RELEASE
#define ANSWER_RELEASE 0
#else
#define ANSWER_RELEASE PAGE
#endif
#ifdef OMIT_DOORBELL
#define DOORBELL(k) 0
#else
#define DOORBELL(k) DESC(k)
#endif
#ifdef OMIT_GENERATION
#define MORE 0
#else
#define MORE 1
#endif

/* state of the slot's word */
#define FREE 0
#define DEFERRED 1
#define ANSWERED 2

#define NOBODY 3
#define DEADLINE 2

byte generation, state = FREE, code = NOBODY;
bit told[2];           /* cookie of a group is known to the answerers */
bit page[2];           /* of answerer 0 and 1 */
byte desc[2] = NOBODY; /* response to group 0 and 1 */
byte bell;             /* responses handed over */
byte wins;             /* answers to group 0 that counted */

#define TAKE(k) BIT(k, 6, 0)
#define TELL(k) BIT(k, 6, 1)
#define LOOK(k) BIT(k, 6, 2)
#define DESC(k) BIT(k, 6, 3)
#define BELL(k) BIT(k, 6, 4)
#define PUT(k) BIT(k, 6, 5)

/* A look: at the word, with a deadline that may have passed. One answer is found, or made. */
#define ROUND(k, before) \
	:: atomic { DO(TAKE(k), before); state = DEFERRED; code = NOBODY } \
	:: atomic { DO(TELL(k), TAKE(k)); told[k] = 1 } \
	:: atomic { AWAIT(LOOK(k), TAKE(k) | (before), state == ANSWERED); winner[k] = code } \
	:: atomic { AWAIT(LOOK(k), TAKE(k) | (before), state == DEFERRED); \
		state = ANSWERED; code = DEADLINE; winner[k] = DEADLINE; \
		if :: k == 0 -> wins++ :: else fi } \
	:: atomic { DO(DESC(k), LOOK(k)); desc[k] = winner[k] } \
	:: atomic { DO(BELL(k), LOOK(k) | DOORBELL(k) | (before)); bell = k + 1 } \
	:: atomic { DO(PUT(k), LOOK(k)); generation = generation + MORE; state = FREE }

active proctype owner()
{
	int done = 0;
	byte winner[2] = NOBODY;

	do
	ROUND(0, 0)
	ROUND(1, LOOK(0) | DESC(0) | BELL(0) | PUT(0))
	:: done == (1 << 12) - 1 -> break
	od
}

#define PAGE 1
#define ANSWER 2

/* Answers group 0. Its page is mapped for whatever group; the cookie names the generation. */
proctype answerer(byte me)
{
	int done = 0;

	told[0] == 1;
	do
	:: atomic { DO(PAGE, 0); page[me] = 1 }
	:: atomic { DO(ANSWER, ANSWER_RELEASE);
		if
		:: state == DEFERRED && generation == 0 ->
			/* of the second group: it was answered with what is the first's */
			assert(told[1] == 0 || MORE == 1);
			state = ANSWERED; code = me; wins++
		:: else
		fi }
	:: done == (PAGE | ANSWER) -> break
	od;
	assert(wins <= 1)
}

active proctype device()
{
	byte at = 0;

	do
	:: at < bell ->
		atomic {
			/* there is a response, and only whoever wrote it has to have a page */
			assert(desc[at] != NOBODY);
			assert(desc[at] == DEADLINE || page[desc[at]] == 1);
			at++
		}
	:: at == 2 -> break
	od;
	assert(wins == 1)
}

init {
	atomic { run answerer(0); run answerer(1) }
}
