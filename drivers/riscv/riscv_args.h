/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef RISCV_ARGS_H
#define RISCV_ARGS_H

/** @file Arguments of the driver. */

#include "riscv_pvt.h"

/** Entries of a queue that the unit fills, at least, at most, and where no argument says. */
#define RISCV_QUEUE_ENTRIES_MIN 128
#define RISCV_QUEUE_ENTRIES_MAX 65536
#define RISCV_QUEUE_ENTRIES_DEFAULT 16384

/** Read the arguments, with the capabilities read before. @return 0; -EINVAL, with a log line */
int
riscv_args_read(struct riscv *riscv, struct uiommu_args *args);

#endif /* RISCV_ARGS_H */
