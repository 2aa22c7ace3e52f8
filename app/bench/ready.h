/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef BENCH_READY_H
#define BENCH_READY_H

/* Ways to find out whether a file has something to read. */

#include "bench.h"

enum ready_way {
	READY_READ,  /* read(2), which gives nothing */
	READY_POLL,  /* poll(2) without time-out */
	READY_URING, /* a one-shot poll in an io_uring, whose completion is looked for in memory */
	NB_READY_WAYS,
};

struct ready;

/*
 * @return 0; -ENOTSUP: the system has none of these, why was told to bench_missing(); -ENOMEM
 */
int
ready_open(struct bench *b, enum ready_way way, int fd, struct ready **ready);

/* Nothing is there to be read. Arms what is to be armed. 0 or -errno. */
int
ready_rest(struct ready *r);

/* @return whether there may be something. For READY_READ always: reading is its way */
bool
ready_look(struct ready *r);

void
ready_close(struct ready *r);

#endif /* BENCH_READY_H */
