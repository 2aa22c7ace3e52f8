/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STORM_HELP_H
#define STORM_HELP_H

/* All print on stdout. */
void
help_print(void);

void
help_version(void);

void
help_list(const char *const *sources, const char *const *handlers, const char *const *profiles);

#endif /* STORM_HELP_H */
