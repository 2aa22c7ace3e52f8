/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Groups that software has read, and that nobody has answered: a set of device, PASID and index, as
 * the kernel has them. Open addressing; what follows an entry that goes moves up.
 */

#include <stdlib.h>

#include "iommufd_mock.h"

#define SIZE_MIN 1024
#define PLACE_SHIFT 36
#define PASID_SHIFT 16

/* Never 0: no device has place 0. */
static uint64_t
key_of(uint32_t place, uint32_t pasid, uint32_t grpid)
{
	return (uint64_t)place << PLACE_SHIFT | (uint64_t)pasid << PASID_SHIFT | (uint16_t)grpid;
}

static uint32_t
home_of(const struct mock_reads *reads, uint64_t key)
{
	return (uint32_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (reads->size - 1);
}

/* Where the key is, or would go. */
static uint32_t
key_find(const struct mock_reads *reads, uint64_t key)
{
	uint32_t at = home_of(reads, key);

	while (reads->keys[at] != 0 && reads->keys[at] != key)
		at = (at + 1) & (reads->size - 1);
	return at;
}

static bool
grow(struct mock_reads *reads)
{
	struct mock_reads more = {.size = reads->size == 0 ? SIZE_MIN : 2 * reads->size,
				  .nb = reads->nb};
	uint32_t i;

	more.keys = calloc(more.size, sizeof(*more.keys));
	if (more.keys == NULL)
		return false;
	for (i = 0; i < reads->size; i++)
		if (reads->keys[i] != 0)
			more.keys[key_find(&more, reads->keys[i])] = reads->keys[i];
	free(reads->keys);
	*reads = more;
	return true;
}

bool
mock_reads_add(struct mock_reads *reads, uint32_t place, uint32_t pasid, uint32_t grpid)
{
	const uint64_t key = key_of(place, pasid, grpid);
	uint32_t at;

	if (2 * (reads->nb + 1) > reads->size && !grow(reads))
		return false;
	at = key_find(reads, key);
	if (reads->keys[at] == 0)
		reads->nb++;
	reads->keys[at] = key;
	return true;
}

static void
remove_at(struct mock_reads *reads, uint32_t hole)
{
	const uint32_t mask = reads->size - 1;
	uint32_t at = hole;

	for (;;) {
		at = (at + 1) & mask;
		if (reads->keys[at] == 0)
			break;
		/* not one that stands at its home, or between that and the hole */
		if (((at - home_of(reads, reads->keys[at])) & mask) < ((at - hole) & mask))
			continue;
		reads->keys[hole] = reads->keys[at];
		hole = at;
	}
	reads->keys[hole] = 0;
	reads->nb--;
}

bool
mock_reads_take(struct mock_reads *reads, uint32_t place, uint32_t pasid, uint32_t grpid)
{
	const uint64_t key = key_of(place, pasid, grpid);
	uint32_t at;

	if (reads->nb == 0)
		return false;
	at = key_find(reads, key);
	if (reads->keys[at] == 0)
		return false;
	remove_at(reads, at);
	return true;
}

void
mock_reads_forget(struct mock_reads *reads, uint32_t place)
{
	uint32_t i = 0;

	/* what moves up into a place that is free now is looked at, too */
	while (reads->nb > 0 && i < reads->size) {
		if (reads->keys[i] >> PLACE_SHIFT == place)
			remove_at(reads, i);
		else
			i++;
	}
}
