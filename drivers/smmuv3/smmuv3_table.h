/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef SMMUV3_TABLE_H
#define SMMUV3_TABLE_H

/** @file Stream table entries and context descriptors of an endpoint. Control path. */

#include "smmuv3_pvt.h"

/** Entry of a StreamID; its leaf is made if there is none yet. @return 0; -ENOMEM */
int
smmuv3_stream_entry(struct smmuv3 *smmu, uint32_t sid, struct smmuv3_ste **ste);

/**
 * Write the entry of an endpoint anew, valid or not as it is. Where it is valid one field of one
 * word may change, S 3.21.3.
 */
void
smmuv3_ste_refresh(const struct smmuv3 *smmu, struct smmuv3_endpoint *endpoint);

/** Leaves of an endpoint's context descriptors; 0: they are one table, S 5.3. */
uint32_t
smmuv3_cds_leaves(const struct smmuv3 *smmu, uint8_t ssid_bits);

/** Memory for them, without leaves. @return 0; -ENOMEM */
int
smmuv3_cds_alloc(struct smmuv3 *smmu, struct smmuv3_endpoint *endpoint);

void
smmuv3_cds_free(struct smmuv3 *smmu, struct smmuv3_endpoint *endpoint);

#endif /* SMMUV3_TABLE_H */
