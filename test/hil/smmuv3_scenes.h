/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef SMMUV3_SCENES_H
#define SMMUV3_SCENES_H

/** @file Scenes of SMMUv3 alone. */

#include "scene.h"

extern const struct harness_suite smmuv3_suite;

#endif /* SMMUV3_SCENES_H */
