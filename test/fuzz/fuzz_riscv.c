/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Records of the RISC-V page-request and fault queues, and the command that answers requests. */

#include <stddef.h>
#include <string.h>

#include "fuzz_request.h"
#include "fuzz_unit.h"
#include "riscv_desc.h"

const unsigned int fuzz_unit_kinds = RISCV_PQ_KINDS;
const unsigned int fuzz_unit_entry_size = RISCV_PQ_SIZE;

static unsigned int sign_bit;

/* ------------------------------------------------------------------ page requests */

/* The fields of a request at the places that "Page-Request-Queue" gives them. */
static void
decode_check(uint64_t w0, uint64_t w1, enum riscv_pq_kind kind, const struct uiommu_fault *fault)
{
	const bool pv = (w0 >> 32 & 1) != 0;

	rule(fault->endpoint_id == w0 >> 40, "DID is at 63:40");
	rule(fault->pasid == (pv ? (w0 >> 12 & 0xfffff) : UIOMMU_NO_PASID), "PID is at 31:12");
	rule(((fault->flags & UIOMMU_FAULT_PASID) != 0) == pv, "PV is bit 32");
	rule(fault->prg_index == (w1 >> 3 & 0x1ff), "index is at 11:3");
	rule(fault->iova == w1 - (w1 & 0xfff), "address is at 63:12");
	rule((fault->flags & 7U) == (w1 & 7), "R, W and L are at 2:0");
	rule(((fault->flags & UIOMMU_FAULT_PRIV) != 0) == (w0 >> 33 & 1), "PRIV is bit 33");
	rule(((fault->flags & UIOMMU_FAULT_EXEC) != 0) == (w0 >> 34 & 1), "EXEC is bit 34");
	rule((fault->flags & UIOMMU_FAULT_STALL) == 0, "a page request is no stall");
	rule(((fault->flags & UIOMMU_FAULT_REJECT) != 0) == (kind != RISCV_PQ_REQUEST),
	     "what is malformed is marked");
}

bool
fuzz_unit_decode(const uint8_t *entry, struct uiommu_fault *fault)
{
	const uint64_t w0 = word(entry), w1 = word(entry + 8);
	const enum riscv_pq_kind kind = riscv_pq_classify(w0, w1, sign_bit);

	rule(kind < RISCV_PQ_KINDS, "kinds have a bound");
	fuzz_request_counts.kinds[kind]++;
	rule(riscv_pq_is_plain(w0, w1, sign_bit) == (kind == RISCV_PQ_REQUEST),
	     "few tests and many say the same");
	memset(fault, 0, sizeof(*fault));
	if (kind == RISCV_PQ_REQUEST)
		riscv_pq_decode(w0, w1, fault);
	else
		riscv_pq_decode_odd(w0, w1, fault);
	if (kind == RISCV_PQ_STOP_MARKER) {
		rule((w1 & 7) == 4, "a stop marker is last, without access");
		return false;
	}
	decode_check(w0, w1, kind, fault);
	return true;
}

void
fuzz_unit_who(const uint8_t *entry, uint32_t *endpoint, uint32_t *pasid)
{
	const uint64_t w0 = word(entry);

	*endpoint = (uint32_t)(w0 >> 40);
	*pasid = (w0 >> 32 & 1) != 0 ? (uint32_t)(w0 >> 12) & 0xfffff : UIOMMU_NO_PASID;
}

/* ------------------------------------------------------------------------ answers */

void
fuzz_unit_answer(const struct uiommu_fault *last)
{
	static const uint64_t codes[] = {0, 1, 15, 0};
	struct uiommu_resp resp = {
		.endpoint_id = last->endpoint_id, .pasid = last->pasid,
		.prg_index = last->prg_index, .flags = last->flags,
	};
	const bool with = last->pasid != UIOMMU_NO_PASID;
	uint64_t w0, w1;

	for (; resp.code < UIOMMU_CODE_SENT_COUNT; resp.code++) {
		riscv_prgr_encode(&resp, &w0, &w1);
		rule((w0 & 0xfff) == 0x84, "opcode is at 6:0, func3 at 9:7, nothing up to 11");
		rule((w0 >> 12 & 0xfffff) == (with ? last->pasid : 0), "PID is at 31:12");
		rule((w0 >> 32 & 1) == with, "PV is bit 32");
		rule((w0 >> 33 & 0x7f) == 1, "DSV is bit 33, and nothing up to 39");
		rule(w0 >> 40 == last->endpoint_id, "RID and DSEG are at 63:40");
		rule((w1 >> 32 & 0xfff) == last->prg_index, "index is at 40:32");
		rule(w1 >> 44 == codes[resp.code], "code is at 47:44, and nothing above");
		rule((uint32_t)w1 == 0, "nothing below");
		fuzz_request_counts.answers++;
	}
}

/* ------------------------------------------------------------------ fault records */

static void
fault_run(const uint8_t *entry)
{
	const uint64_t w0 = word(entry), iotval = word(entry + 16);
	const unsigned int ttyp = w0 >> 34 & 0x3f;
	struct uiommu_report report;

	rule(riscv_fault_has_device(w0) == (ttyp != 0), "TTYP is at 39:34");
	memset(&report, 0xff, sizeof(report));
	riscv_fault_decode(w0, iotval, &report);
	rule(report.reason < UIOMMU_REPORT_REASONS, "reasons have a bound");
	rule(report.detail == (w0 & 0xfff), "the cause is at 11:0");
	rule(report.endpoint_id == w0 >> 40, "DID is at 63:40");
	rule(report.pasid == ((w0 >> 32 & 1) != 0 ? (w0 >> 12 & 0xfffff) : UIOMMU_NO_PASID),
	     "PID is at 31:12");
	rule(((report.flags & UIOMMU_FAULT_PRIV) != 0) == (w0 >> 33 & 1), "PRIV is bit 33");
	rule((report.flags & ~(UIOMMU_FAULT_READ | UIOMMU_FAULT_WRITE | UIOMMU_FAULT_EXEC |
			       UIOMMU_FAULT_PRIV | UIOMMU_FAULT_PASID)) == 0,
	     "a report has no other flags");
	rule(report.iova == (ttyp == 9 ? 0 : iotval), "the address is iotval, but of messages");
}

bool
fuzz_unit_begin(const uint8_t *data, size_t size)
{
	static const unsigned int sign_bits[] = {38, 47, 56};
	size_t at;

	sign_bit = sign_bits[data[2] % 3];
	if ((data[3] & 1) == 0)
		return false;
	for (at = FUZZ_REQUEST_HEAD; size - at >= RISCV_FAULT_SIZE; at += RISCV_FAULT_SIZE)
		fault_run(data + at);
	return true;
}
