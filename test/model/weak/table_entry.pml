/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Entry of several words that a device looks up: root, context and PASID entries (VT-d), stream
 * table entries and context descriptors (SMMUv3).
 *
 *   driver   words of the body, uiommu_wmb_before_present(), the word with the valid bit; to take it
 *            away: the valid bit, a command to forget it and its completion, then the body. See
 *            context_fill() and clear_present() in vtd_table.c; smmuv3_endpoint_validate() and
 *            _clear(), cd_write(), smmuv3_bond_validate() and _clear()
 *   device   looks up whenever it likes, the valid bit first, and may keep what it has found until
 *            it is told to forget
 *
 * Holds: the device never uses a body that is not the one of the valid bit. The entry is filled in,
 * taken away, and filled in with something else.
 */

#include "weak.h"

bit valid;
byte body;
byte want;  /* forget: times that it was asked for */
byte ended; /* times that it is over */

#define BODY(k) BIT(k, 5, 0)
#define VALID(k) BIT(k, 5, 1)
#define CLEAR(k) BIT(k, 5, 2)
#define ASK(k) BIT(k, 5, 3)
#define OVER(k) BIT(k, 5, 4)

#ifdef OMIT_BEFORE_PRESENT
#define BEFORE_PRESENT(k) 0
#else
#define BEFORE_PRESENT(k) BODY(k)
#endif
#ifdef OMIT_DOORBELL
#define DOORBELL(k) 0
#else
#define DOORBELL(k) CLEAR(k)
#endif
#ifdef OMIT_COMPLETION
#define COMPLETION(k) CLEAR(k)
#else
#define COMPLETION(k) OVER(k)
#endif

#define ROUND(k, before) \
	:: atomic { DO(BODY(k), before); body = k + 1 } \
	:: atomic { DO(VALID(k), (before) | BEFORE_PRESENT(k)); valid = 1 } \
	:: atomic { DO(CLEAR(k), VALID(k)); valid = 0 } \
	:: atomic { DO(ASK(k), (before) | DOORBELL(k)); want = k + 1 } \
	:: atomic { AWAIT(OVER(k), (before) | ASK(k), ended == k + 1) }

active proctype driver()
{
	int done = 0;

	do
	ROUND(0, 0)
	ROUND(1, COMPLETION(0))
	:: done == (1 << 10) - 1 -> break
	od
}

/* What is kept is used as it was when it was found: what is meant for it is the body at that time. */
active proctype device()
{
	bit found = 0;
	byte first = 0;

end:
	do
	:: ended < want -> atomic { found = 0; first = 0; ended++ }
	:: valid == 1 && found == 0 ->
		atomic { found = 1; first = body; assert(first != 0) }
	:: found == 1 ->
		/* words are fetched one by one: another one must be of the same entry */
		atomic { assert(body == first) }
	od
}
