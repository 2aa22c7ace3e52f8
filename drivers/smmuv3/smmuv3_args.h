/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef SMMUV3_ARGS_H
#define SMMUV3_ARGS_H

/** @file Arguments of the driver. */

#include "smmuv3_pvt.h"

/** Entries of a queue that the unit fills, at least; fewer where it has not as many. */
#define SMMUV3_QUEUE_ENTRIES_MIN 128
/** Entries of such a queue where no argument says. */
#define SMMUV3_QUEUE_ENTRIES_DEFAULT 16384

/**
 * Read the arguments, with the identification registers read before.
 *
 * @return 0; -EINVAL with a line in the log
 */
int
smmuv3_args_read(struct smmuv3 *smmu, struct uiommu_args *args);

#endif /* SMMUV3_ARGS_H */
