/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STORM_TALK_H
#define STORM_TALK_H

/* One line on stderr, "uiommu-storm: ...". */
__attribute__((format(printf, 1, 2))) void
talk(const char *format, ...);

/*
 * Log lines of DPDK and of the library go to stderr. Between hold and release they are kept
 * instead, so that a failure can be told in one line; see talk_reason(). Open before the EAL
 * starts: what it logs is caught too. 0 or -errno.
 */
int
talk_log_open(void);

void
talk_hold(void);

/* Ends talk_hold(). */
void
talk_release(void);

/* The first error logged since talk_hold(), without its prefix; fallback where there is none. */
const char *
talk_reason(const char *fallback);

/* Between these two nothing gets to stdout and stderr: an EAL that fails prints to both. */
void
talk_mute(void);

void
talk_unmute(void);

#endif /* STORM_TALK_H */
