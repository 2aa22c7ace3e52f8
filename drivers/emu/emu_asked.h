/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef EMU_ASKED_H
#define EMU_ASKED_H

/**
 * @file
 * Invalidations on their way to devices: consumed by the unit, and not confirmed yet.
 *
 * By the holder of uiommu_emu::lock.
 */

#include <stdbool.h>
#include <stdint.h>

struct uiommu_emu;

#define EMU_ASKED_MAX 64

struct emu_asked {
	bool lazy;   /**< devices confirm when something waits for it, and no sooner */
	bool failed; /**< one has timed out since something waited for it */
	uint32_t nb;
	uint64_t word[EMU_ASKED_MAX][2]; /**< of the commands, in order */
};

/** A device does what a command asks for. */
typedef void (*emu_asked_end)(struct uiommu_emu *emu, const uint64_t *word);

/** All of them do what they were asked for. */
static inline void
emu_asked_finish(struct uiommu_emu *emu, struct emu_asked *asked, emu_asked_end end)
{
	uint32_t i;

	for (i = 0; i < asked->nb; i++)
		end(emu, asked->word[i]);
	asked->nb = 0;
}

/** What devices were asked is confirmed. @return false: one has not answered */
static inline bool
emu_asked_await(struct uiommu_emu *emu, struct emu_asked *asked, emu_asked_end end)
{
	bool ok;

	emu_asked_finish(emu, asked, end);
	ok = !asked->failed;
	asked->failed = false;
	return ok;
}

/**
 * One more is asked, and confirms at once if it is not lazy. Where there is no room, all of those
 * before are confirmed first.
 */
static inline void
emu_asked_add(struct uiommu_emu *emu, struct emu_asked *asked, const uint64_t *word,
	      emu_asked_end end)
{
	if (!asked->lazy) {
		end(emu, word);
		return;
	}
	if (asked->nb == EMU_ASKED_MAX)
		emu_asked_finish(emu, asked, end);
	asked->word[asked->nb][0] = word[0];
	asked->word[asked->nb][1] = word[1];
	asked->nb++;
}

#define EMU_PENDING_MAX 16

/** What the unit was told to forget, and is not known to have: as far as it is kept. */
struct emu_pending {
	uint32_t nb;
	uint32_t value[EMU_PENDING_MAX]; /**< tags, or bonds */
};

static inline void
emu_pending_add(struct emu_pending *pending, uint32_t value)
{
	if (pending->nb < EMU_PENDING_MAX)
		pending->value[pending->nb++] = value;
}

static inline bool
emu_pending_has(const struct emu_pending *pending, uint32_t value)
{
	uint32_t i;

	for (i = 0; i < pending->nb; i++)
		if (pending->value[i] == value)
			return true;
	return false;
}

#endif /* EMU_ASKED_H */
