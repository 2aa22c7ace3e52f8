/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Threads with weak memory order, for spin. See README.md.
 *
 * A thread is a set of operations, each a bit of `done`. An operation may be performed as soon as
 * those are that it is ordered after, and at no other time than all at once: memory is one,
 * as Arm's is (multi-copy atomic). What a barrier orders is a macro of its own, which is empty
 * where that barrier is left out with -DOMIT_...
 */

/* Not performed yet, and all of `after` are. To be followed by what it does, in an atomic. */
#define DO(op, after) \
	((done & (op)) == 0 && (done & (after)) == (after)) -> done = done | (op)

/* The same, for one that is made again and again until it finds what it waits for. */
#define AWAIT(op, after, found) \
	((done & (op)) == 0 && (done & (after)) == (after) && (found)) -> done = done | (op)

/* Operation n of round k, where each round has per of them. */
#define BIT(k, per, n) (1 << ((k) * (per) + (n)))
