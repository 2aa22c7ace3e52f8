/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* The gate itself: which thing is the nth. */

#include <limits.h>
#include <string.h>

#include <rte_common.h>

#include "gate.h"
#include "heap.h"

struct gate {
	unsigned int kinds;
	unsigned int nth;
	unsigned int passed; /* of the kinds */
	unsigned int refused;
	bool paused;
	unsigned int counts[GATE_KINDS];
	enum uiommu_emu_fault fault; /* with GATE_REGISTER */
};

/* Of the thread that has armed it: workers and the harness go on undisturbed. */
static __thread struct gate gate;

static bool
heap_pass(const char *function)
{
	return gate_pass(strncmp(function, "rte_memzone", 11) == 0 ? GATE_DMA : GATE_HEAP);
}

const char *
gate_kind_name(enum gate_kind kind)
{
	static const char *const names[GATE_KINDS] = {
		[GATE_HEAP] = "heap",	      [GATE_DMA] = "DMA memory", [GATE_ARGS] = "devargs",
		[GATE_LIBC] = "libc's heap",  [GATE_FILE] = "file",	 [GATE_THREAD] = "thread",
		[GATE_MAPPING] = "mapping",   [GATE_KERNEL] = "kernel",
		[GATE_REQUEST] = "kernel, for requests",
		[GATE_REGISTER] = "register",
	};

	return names[kind];
}

bool
gate_is_armed(enum gate_kind kind)
{
	return (gate.kinds & 1U << kind) != 0 && !gate.paused;
}

void
gate_pause(bool pause)
{
	gate.paused = pause;
}

bool
gate_is_each(void)
{
	return gate.nth == GATE_EACH;
}

unsigned int
gate_ahead(void)
{
	return gate.passed < gate.nth ? gate.nth - gate.passed - 1 : UINT_MAX;
}

void
gate_told(enum gate_kind kind, unsigned int passed, unsigned int refused)
{
	gate.counts[kind] += passed + refused;
	gate.passed += passed + refused;
	gate.refused += refused;
}

bool
gate_pass(enum gate_kind kind)
{
	if (gate.kinds == 0 || gate.paused)
		return true;
	gate.counts[kind]++;
	if (!gate_is_armed(kind))
		return true;
	gate.passed++;
	if (gate.nth != GATE_EACH && gate.passed != gate.nth)
		return true;
	gate.refused++;
	return false;
}

void
gate_register_write(const char *unit)
{
	struct uiommu_emu *emu;

	if (gate_pass(GATE_REGISTER))
		return;
	emu = uiommu_emu_find(unit);
	if (emu != NULL)
		uiommu_emu_fault_set(emu, gate.fault, 0);
}

void
gate_arm(unsigned int kinds, unsigned int nth)
{
	__atomic_store_n(&heap_gate, heap_pass, __ATOMIC_RELAXED);
	memset(&gate, 0, sizeof(gate));
	gate.kinds = kinds;
	gate.nth = nth;
}

void
gate_arm_unit(enum uiommu_emu_fault fault, unsigned int nth)
{
	gate_arm(GATE(REGISTER), nth);
	gate.fault = fault;
}

unsigned int
gate_disarm(void)
{
	gate.kinds = 0;
	return gate.refused;
}

unsigned int
gate_count(enum gate_kind kind)
{
	return gate.counts[kind];
}
