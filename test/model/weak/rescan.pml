/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Answers that found their ring full: they wait in their slots, and a flag says so.
 *
 *   answerer   uiommu_pvt_answer_one() in answers.c: the word, then the flag
 *   owner      answers_rescan(): the flag is taken back, then all words are looked at
 *
 * Holds: when all is quiet, and the owner has gone on as long as the flag was set, every answer was
 * found. The owner takes the flag back with an exchange: a store, even a sequentially consistent
 * one, is the same as that exchange without its acquire, and an answer can be lost: Arm's LDAPR and
 * RISC-V's loads may pass such a store. The others set it with an exchange because C11 wants it: a
 * plain store over that of another would end that one's release sequence. Memory that is one
 * does not show this.
 */

#include "weak.h"

bit flag;
bit answered[2];
bit sent[2];
byte over; /* answerers that are done */

#define WORD 1
#define FLAG 2

#ifdef OMIT_SET_RELEASE
#define SET_RELEASE 0
#else
#define SET_RELEASE WORD
#endif

proctype answerer(byte me)
{
	int done = 0;

	do
	:: atomic { DO(WORD, 0); answered[me] = 1 }
	:: atomic { DO(FLAG, SET_RELEASE); flag = 1 }
	:: done == (WORD | FLAG) -> break
	od;
	over++
}

#define TAKE 1
#define LOOK_0 2
#define LOOK_1 4
#define ALL 7

#ifdef OMIT_TAKE_ACQUIRE
#define TAKE_ACQUIRE 0
#else
#define TAKE_ACQUIRE TAKE
#endif

active proctype owner()
{
	int done = 0;

end:
	do
	:: flag == 1 ->
		done = 0;
		do
		:: atomic { DO(TAKE, 0); flag = 0 }
		:: atomic { DO(LOOK_0, TAKE_ACQUIRE); sent[0] = sent[0] | answered[0] }
		:: atomic { DO(LOOK_1, TAKE_ACQUIRE); sent[1] = sent[1] | answered[1] }
		:: done == ALL -> break
		od
	:: over == 2 && flag == 0 -> break
	od;
	assert(sent[0] == 1 && sent[1] == 1)
}

init {
	atomic { run answerer(0); run answerer(1) }
}
