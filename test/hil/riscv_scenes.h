/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef RISCV_SCENES_H
#define RISCV_SCENES_H

/** @file Scenes of the RISC-V IOMMU alone. */

#include "scene.h"

extern const struct harness_suite riscv_suite;

#endif /* RISCV_SCENES_H */
