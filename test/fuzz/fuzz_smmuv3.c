/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Entries of SMMUv3's PRI queue, S 8, and event queue, S 7.3; commands that answer them, S 4. */

#include <stddef.h>
#include <string.h>

#include "fuzz_request.h"
#include "fuzz_unit.h"
#include "smmuv3_desc.h"

const unsigned int fuzz_unit_kinds = SMMUV3_PRI_KINDS;
const unsigned int fuzz_unit_entry_size = SMMUV3_PRI_SIZE;

/* ------------------------------------------------------------------ page requests */

/* The fields of a request at the places that S 8 gives them. */
static void
decode_check(uint64_t w0, uint64_t w1, enum smmuv3_pri_kind kind, const struct uiommu_fault *fault)
{
	const bool ssv = w0 >> 63 != 0;

	rule(fault->endpoint_id == (uint32_t)w0, "StreamID is at 31:0");
	rule(fault->pasid == (ssv ? (w0 >> 32 & 0xfffff) : UIOMMU_NO_PASID),
	     "SubstreamID is at 51:32");
	rule(((fault->flags & UIOMMU_FAULT_PASID) != 0) == ssv, "SSV is bit 63");
	rule(fault->prg_index == (w1 & 0x1ff), "index is at 8:0");
	rule(fault->iova == w1 - (w1 & 0xfff), "address is at 63:12");
	rule((fault->flags & 7U) == (w0 >> 60 & 7), "read, write and last are at 62:60");
	rule(((fault->flags & UIOMMU_FAULT_EXEC) != 0) == (w0 >> 59 & 1), "execute is bit 59");
	rule(((fault->flags & UIOMMU_FAULT_PRIV) != 0) == (w0 >> 58 & 1), "privileged is bit 58");
	rule((fault->flags & UIOMMU_FAULT_STALL) == 0, "a page request is no stall");
	rule(((fault->flags & UIOMMU_FAULT_REJECT) != 0) == (kind != SMMUV3_PRI_REQUEST),
	     "what is malformed is marked");
}

bool
fuzz_unit_decode(const uint8_t *entry, struct uiommu_fault *fault)
{
	const uint64_t w0 = word(entry), w1 = word(entry + 8);
	const enum smmuv3_pri_kind kind = smmuv3_pri_classify(w0, w1);

	rule(kind < SMMUV3_PRI_KINDS, "kinds have a bound");
	fuzz_request_counts.kinds[kind]++;
	rule(smmuv3_pri_is_plain(w0, w1) == (kind == SMMUV3_PRI_REQUEST),
	     "one test and many say the same");
	memset(fault, 0, sizeof(*fault));
	if (kind == SMMUV3_PRI_REQUEST)
		smmuv3_pri_decode(w0, w1, fault);
	else
		smmuv3_pri_decode_odd(w0, w1, fault);
	if (kind == SMMUV3_PRI_STOP_MARKER) {
		rule((w0 >> 60) == 0xc, "a stop marker is last, has a PASID and no access");
		return false;
	}
	decode_check(w0, w1, kind, fault);
	return kind != SMMUV3_PRI_BAD_STREAM;
}

void
fuzz_unit_who(const uint8_t *entry, uint32_t *endpoint, uint32_t *pasid)
{
	const uint64_t w0 = word(entry);

	*endpoint = (uint32_t)(w0 >> 8) & 0xff;
	*pasid = w0 >> 63 != 0 ? (uint32_t)(w0 >> 32) & 0xfffff : UIOMMU_NO_PASID;
}

/* ------------------------------------------------------------------------ answers */

/* S 4.5.2 */
static void
pri_resp_check(const struct uiommu_resp *resp, uint64_t w0, uint64_t w1)
{
	static const uint64_t codes[] = {2, 1, 0, 2};
	const bool with = resp->pasid != UIOMMU_NO_PASID;

	rule((w0 & 0x7ff) == 0x41, "opcode is at 7:0, and there is nothing up to bit 10");
	rule((w0 >> 11 & 1) == with, "SSV is bit 11");
	rule((w0 >> 12 & 0xfffff) == (with ? resp->pasid : 0), "SubstreamID is at 31:12");
	rule(w0 >> 32 == resp->endpoint_id, "StreamID is at 63:32");
	rule((w1 & 0x1ff) == resp->prg_index, "index is at 8:0");
	rule(w1 >> 12 == codes[resp->code], "code is at 13:12");
	rule(w1 >> 12 != 0 || resp->code == UIOMMU_CODE_FAILURE, "Failure only where it is meant");
}

/* S 4.7.1 */
static void
resume_check(const struct uiommu_resp *resp, uint64_t w0, uint64_t w1)
{
	const bool again = resp->code == UIOMMU_CODE_SUCCESS || resp->code == UIOMMU_CODE_RETRY;

	rule((uint32_t)w0 == (0x44 | (again ? 0x1000U : 0x2000U)), "opcode, Ac and Ab");
	rule(w0 >> 32 == resp->endpoint_id, "StreamID is at 63:32");
	rule(w1 == resp->prg_index, "STAG is at 15:0");
}

void
fuzz_unit_answer(const struct uiommu_fault *last)
{
	struct uiommu_resp resp = {
		.endpoint_id = last->endpoint_id, .pasid = last->pasid,
		.prg_index = last->prg_index, .flags = last->flags,
	};
	uint64_t w0, w1;

	for (; resp.code < UIOMMU_CODE_SENT_COUNT; resp.code++) {
		smmuv3_resp_encode(&resp, &w0, &w1);
		if ((last->flags & UIOMMU_FAULT_STALL) != 0)
			resume_check(&resp, w0, w1);
		else
			pri_resp_check(&resp, w0, w1);
		fuzz_request_counts.answers++;
	}
}

/* ------------------------------------------------------------------------- events */

static void
stall_check(uint64_t w0, uint64_t w1, uint64_t w2)
{
	const bool ssv = (w0 >> 11 & 1) != 0;
	struct uiommu_fault fault;

	smmuv3_event_decode(w0, w1, w2, &fault);
	rule((w0 & 0xff) >= 0x10 && (w0 & 0xff) <= 0x13, "four kinds can stall");
	rule((w1 >> 31 & 1) != 0, "stall is bit 31");
	rule(fault.endpoint_id == w0 >> 32, "StreamID is at 63:32");
	rule(fault.pasid == (ssv ? (w0 >> 12 & 0xfffff) : UIOMMU_NO_PASID),
	     "SubstreamID is at 31:12");
	rule(fault.prg_index == (w1 & 0xffff), "STAG is at 15:0");
	rule(fault.iova == (w2 & ~UINT64_C(0xfff)), "the address is all of word 2");
	rule((fault.flags & (UIOMMU_FAULT_STALL | UIOMMU_FAULT_LAST)) ==
		     (UIOMMU_FAULT_STALL | UIOMMU_FAULT_LAST),
	     "a stall is a group by itself");
	rule(((fault.flags & UIOMMU_FAULT_READ) != 0) == (w1 >> 35 & 1) &&
		     ((fault.flags & UIOMMU_FAULT_WRITE) == 0) == (w1 >> 35 & 1),
	     "read, else write, is bit 35");
	rule(((fault.flags & UIOMMU_FAULT_REJECT) != 0) == (w1 >> 39 & 1), "there is no stage 2");
	fuzz_unit_answer(&fault);
}

static void
event_run(const uint8_t *entry)
{
	const uint64_t w0 = word(entry), w1 = word(entry + 8), w2 = word(entry + 16);
	struct uiommu_report report;

	if (smmuv3_event_is_stall(w0, w1)) {
		stall_check(w0, w1, w2);
		return;
	}
	memset(&report, 0xff, sizeof(report));
	smmuv3_event_decode_report(w0, w1, w2, &report);
	rule(report.reason < UIOMMU_REPORT_REASONS, "reasons have a bound");
	rule(report.detail == (w0 & 0xff), "the number of the event is at 7:0");
	rule(report.endpoint_id == w0 >> 32, "StreamID is at 63:32");
	rule(report.pasid <= UIOMMU_NO_PASID, "a PASID has a bound");
	rule((report.flags & ~(UIOMMU_FAULT_READ | UIOMMU_FAULT_WRITE | UIOMMU_FAULT_EXEC |
			       UIOMMU_FAULT_PRIV | UIOMMU_FAULT_PASID)) == 0,
	     "a report has no other flags");
	rule(report.iova == 0 || report.iova == w2, "the address is word 2, where there is one");
}

bool
fuzz_unit_begin(const uint8_t *data, size_t size)
{
	size_t at;

	if ((data[3] & 1) == 0)
		return false;
	for (at = FUZZ_REQUEST_HEAD; size - at >= SMMUV3_EVENT_SIZE; at += SMMUV3_EVENT_SIZE)
		event_run(data + at);
	return true;
}
