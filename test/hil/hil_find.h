/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef HIL_FIND_H
#define HIL_FIND_H

/** @file Which QEMU there is, by what it says of its version. */

#include <stdbool.h>
#include <stddef.h>

#include <limits.h>

/** A program that was found. */
struct hil_found {
	char path[PATH_MAX];
	unsigned int major, minor; /**< version */
};

/**
 * Find a QEMU. Looked at, in this order: the folders of $UIOMMU_QEMU_DIR (separated by colons;
 * those that tools/get-qemu.sh makes, or folders of programs), and $PATH.
 *
 * @param program name without folder
 * @param min, max major version, both included
 * @return whether there is one
 */
bool
hil_find(const char *program, unsigned int min, unsigned int max, struct hil_found *found);

#endif /* HIL_FIND_H */
