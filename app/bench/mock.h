/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef BENCH_MOCK_H
#define BENCH_MOCK_H

/*
 * A unit whose queue is a fault queue of the machine's kernel, with the kernel's mock device
 * (CONFIG_IOMMUFD_TEST) at it. Whoever raises requests does so by unit_raise(), whether the unit
 * serves them or somebody who reads the queue plainly.
 */

#include "unit.h"

/* One at a time. Without a judge, who would be measured too. */
#define MOCK_DEVARGS "iommufd,platform=emu,kernel=mock,judge=0"
/* For plain readers: the unit does not wait for the queue besides. */
#define MOCK_PLAIN_DEVARGS MOCK_DEVARGS ",ready=read"

/*
 * unit_open(), or what is missing.
 *
 * @return 0; -ENOTSUP: not on this machine, why was told to bench_missing(); another -errno
 */
int
mock_open(struct bench *b, const struct unit_conf *conf, struct bench_unit *u);

/* A unit with nobody to serve it, for who reads its queue. Returns as mock_open(). */
int
mock_open_plain(struct bench *b, struct bench_unit *u, int *queue_fd);

#endif /* BENCH_MOCK_H */
