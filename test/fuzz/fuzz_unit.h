/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef FUZZ_UNIT_H
#define FUZZ_UNIT_H

#include <stdbool.h>
#include <stdint.h>

#include <uiommu_fault.h>

#include "fuzz.h"

/* What fuzz_request.c wants to know of the entries of one kind of unit. */

static inline uint64_t
word(const uint8_t *bytes)
{
	uint64_t w = 0;
	int i;

	for (i = 7; i >= 0; i--)
		w = w << 8 | bytes[i];
	return w;
}

/* Kinds of entries, up to FUZZ_KINDS. */
extern const unsigned int fuzz_unit_kinds;

/* Bytes of an entry. */
extern const unsigned int fuzz_unit_entry_size;

/* An input begins. @return whether it is of another kind, and over: then it was looked at */
bool
fuzz_unit_begin(const uint8_t *data, size_t size);

/* Decode an entry, and check it. False: not to be answered, and nothing to assemble. */
bool
fuzz_unit_decode(const uint8_t *entry, struct uiommu_fault *fault);

/* Whom an order to the harness is about; endpoint taken into range by the caller. */
void
fuzz_unit_who(const uint8_t *entry, uint32_t *endpoint, uint32_t *pasid);

/* A group is answered: check what is sent, with each code. */
void
fuzz_unit_answer(const struct uiommu_fault *last);

#endif /* FUZZ_UNIT_H */
