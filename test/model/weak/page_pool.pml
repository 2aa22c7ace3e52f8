/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Pool of pages: a stack of indices without locks.
 *
 *   any thread   uiommu_pgpool_get(), and push() for uiommu_pgpool_put(), in pgpool.c
 *
 * Holds: no page is had by two, a page that was got is seen as it was cleared by whoever gave it,
 * and none is lost. One thread gets a page; a second one gets two, and gives the first back: to
 * the slow one, all seems as before. Three pages. The compare-and-swap is one operation, which may
 * be made over and over; between the look at the head and the swap anything may happen.
 */

#include "weak.h"

#define NB 3
#define NONE 3

#ifdef OMIT_PUSH_RELEASE
#define PUSH_RELEASE 0
#else
#define PUSH_RELEASE (CLEAR | LINK)
#endif
#ifdef OMIT_LOOK_ACQUIRE
#define LOOK_ACQUIRE 0
#else
#define LOOK_ACQUIRE LOOK
#endif
#ifdef OMIT_SWAP_ACQUIRE
#define SWAP_ACQUIRE 0
#else
#define SWAP_ACQUIRE SWAP
#endif
#ifdef OMIT_TAG
#define MORE 0
#else
#define MORE 1
#endif

byte head = 0, tag = 0;
byte next[NB + 1];    /* the one of NONE is never used */
bit dirty[NB + 1];
bit had[NB];

#define LOOK 1
#define NEXT 2
#define SWAP 4
#define READ 8

/* *page: NONE if there was none. The index may be guessed: what nothing orders is done early. */
inline get(page)
{
	do
	:: atomic {
		done = 0;
		if
		:: guess = 0
		:: guess = 1
		:: guess = 2
		:: guess = NONE
		fi };
		do
		:: atomic { DO(LOOK, 0); old = head; old_tag = tag }
		:: atomic { DO(NEXT, LOOK_ACQUIRE); link = next[guess] }
		:: atomic { DO(SWAP, LOOK | NEXT);
			if
			:: old == NONE || old != guess || head != old || tag != old_tag ->
				break
			:: else ->
				head = link; tag = tag + MORE;
				assert(had[old] == 0);
				had[old] = 1
			fi }
		:: atomic { DO(READ, LOOK_ACQUIRE | SWAP_ACQUIRE); seen = dirty[guess] }
		:: done == 15 -> break
		od;
		if
		:: done == 15 -> assert(seen == 0); page = guess; break
		:: done != 15 && old == NONE -> page = NONE; break
		:: else
		fi
	od
}

#define CLEAR 1
#define LINK 2
#define PUSH 4

/* The swap fails where the head is another by then, and the link is written anew. */
inline put(page)
{
	done = 0;
	had[page] = 0;
	dirty[page] = 1; /* it was in use */
	old = head;
	do
	:: atomic { DO(CLEAR, 0); dirty[page] = 0 }
	:: atomic { DO(LINK, 0); next[page] = old }
	:: atomic { AWAIT(PUSH, PUSH_RELEASE, head == old); head = page; tag = tag + MORE }
	:: atomic { ((done & PUSH) == 0 && head != old) -> old = head; done = done & CLEAR }
	:: done == 7 -> break
	od
}

bit ended;

proctype slow()
{
	int done;
	byte page, old, old_tag, link, guess;
	bit seen;

	get(page);
	ended = 1
}

proctype quick()
{
	int done;
	byte page, other, old, old_tag, link, guess;
	bit seen;

	get(page);
	get(other);
	if
	:: page != NONE -> put(page)
	:: else
	fi;
	ended == 1;
	/* nothing is lost: what is not had can be got */
	get(page);
	get(other);
	assert(had[0] == 1 && had[1] == 1 && had[2] == 1)
}

init {
	atomic {
		next[0] = 1; next[1] = 2; next[2] = NONE; next[NONE] = NONE;
		run slow();
		run quick()
	}
}
