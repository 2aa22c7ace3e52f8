/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Page request descriptors of VT-d, S 7.4.1.1, and page group responses, S 7.6.1. */

#include <stddef.h>
#include <string.h>

#include "fuzz_request.h"
#include "fuzz_unit.h"
#include "vtd_desc.h"

const unsigned int fuzz_unit_kinds = VTD_PRQ_KINDS;
const unsigned int fuzz_unit_entry_size = VTD_DESC_SIZE;

static unsigned int sign_bit;

bool
fuzz_unit_begin(const uint8_t *data, size_t size)
{
	static const unsigned int sign_bits[] = {38, 47, 56};

	(void)size;
	sign_bit = sign_bits[data[2] % 3];
	return false;
}

/* The fields of a request at the places that S 7.4.1.1 gives them. */
static void
decode_check(uint64_t w0, uint64_t w1, enum vtd_prq_kind kind, const struct uiommu_fault *fault)
{
	uint32_t pasid = (uint32_t)(w0 >> 32) & 0xfffff;

	rule(fault->endpoint_id == ((w0 >> 16) & 0xffff), "requester id is at 31:16");
	rule(fault->pasid == ((w0 >> 8 & 1) != 0 ? pasid : UIOMMU_NO_PASID), "PASID is at 51:32");
	rule(((fault->flags & UIOMMU_FAULT_PASID) != 0) == (w0 >> 8 & 1), "PASID present is bit 8");
	rule(fault->prg_index == ((w1 >> 3) & 0x1ff), "index is at 11:3");
	rule(fault->prg_index < 512, "index has a bound");
	rule(fault->iova == w1 - (w1 & 0xfff), "address is at 63:12");
	rule((fault->flags & 7U) == (w1 & 7), "read, write and last are at 2:0");
	rule(((fault->flags & UIOMMU_FAULT_REJECT) != 0) == (kind != VTD_PRQ_REQUEST),
	     "what is malformed is marked");
}

bool
fuzz_unit_decode(const uint8_t *entry, struct uiommu_fault *fault)
{
	uint64_t w0 = word(entry), w1 = word(entry + 8);
	enum vtd_prq_kind kind = vtd_prq_classify(w0, w1, sign_bit);
	struct uiommu_fault plain;

	rule(kind < VTD_PRQ_KINDS, "kinds have a bound");
	fuzz_request_counts.kinds[kind]++;
	if (vtd_prq_is_plain(w0, w1, sign_bit)) {
		rule(kind == VTD_PRQ_REQUEST, "what is plain is sound");
		memset(&plain, 0xff, sizeof(plain));
		vtd_prq_decode(w0, w1, &plain);
		vtd_prq_decode_odd(w0, w1, kind, fault);
		rule(memcmp(&plain, fault, sizeof(plain)) == 0, "both ways of decoding agree");
	}
	if (!vtd_prq_is_answerable(kind, w1)) {
		rule(kind != VTD_PRQ_REQUEST, "a sound request is answerable");
		return false;
	}
	vtd_prq_decode_odd(w0, w1, kind, fault);
	decode_check(w0, w1, kind, fault);
	return true;
}

void
fuzz_unit_who(const uint8_t *entry, uint32_t *endpoint, uint32_t *pasid)
{
	uint64_t w0 = word(entry);

	*endpoint = (uint32_t)(w0 >> 16) & 0xffff;
	*pasid = (w0 >> 8 & 1) != 0 ? (uint32_t)(w0 >> 32) & 0xfffff : UIOMMU_NO_PASID;
}

void
fuzz_unit_answer(const struct uiommu_fault *last)
{
	static const uint64_t rcs[] = {0, 1, 15, 0};
	struct uiommu_resp resp = {
		.endpoint_id = last->endpoint_id, .pasid = last->pasid,
		.prg_index = last->prg_index, .flags = last->flags,
	};
	bool with = last->pasid != UIOMMU_NO_PASID;
	uint64_t w0, w1;

	for (; resp.code < UIOMMU_CODE_SENT_COUNT; resp.code++) {
		vtd_resp_encode(&resp, &w0, &w1);
		rule((w0 & 0xf) == 9, "a response has type 9");
		rule((w0 >> 4 & 1) == with, "PASID present is bit 4");
		rule((w0 >> 32 & 0xfffff) == (with ? last->pasid : 0), "PASID is at 51:32");
		rule((w0 >> 12 & 0xf) == rcs[resp.code], "code is at 15:12");
		rule((w0 >> 16 & 0xffff) == last->endpoint_id, "requester id is at 31:16");
		rule(w1 == (uint64_t)last->prg_index << 3, "index is at 11:3");
		fuzz_request_counts.answers++;
	}
}
