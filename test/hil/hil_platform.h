/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef HIL_PLATFORM_H
#define HIL_PLATFORM_H

/**
 * @file
 * Somebody between a driver and the registers of its unit, who sees what is written and may answer
 * what is read: for commands that go bad on their way, and for what a unit does not do by itself.
 */

#include <stdbool.h>
#include <stdint.h>

struct hil_hooks {
	/** Before a register is written. NULL: nothing. */
	void (*write)(uint32_t offset, uint64_t value);
	/** After a register was read. NULL: nothing. @param value may be changed */
	void (*read)(uint32_t offset, uint64_t *value);
};

/** @param hooks stay until the next call; NULL: none */
void
hil_platform_hooks_set(const struct hil_hooks *hooks);

#endif /* HIL_PLATFORM_H */
