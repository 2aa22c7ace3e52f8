/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Requests and latencies, by class of device.
 */

#include <string.h>

#include "emu_pvt.h"

void
emu_latency_add(struct uiommu_emu *emu, uint64_t meta, uint64_t n)
{
	const unsigned int class = (meta >> EMU_META_CLASS_SHIFT) % UIOMMU_EMU_CLASSES;
	uint64_t cycles;

	if (n == 0)
		return;
	/* modulo what a stamp holds */
	cycles = (emu->now - (meta >> EMU_META_STAMP_SHIFT)) << EMU_META_STAMP_SHIFT >>
		 EMU_META_STAMP_SHIFT;
	uiommu_count(&emu->latency[class][uiommu_latency_bucket(cycles)], n);
}

void
emu_class_requests(struct uiommu_emu *emu, uint64_t packed)
{
	unsigned int i;

	for (i = 0; packed != 0; i++, packed >>= EMU_PACK_BITS)
		uiommu_count(&emu->class_requests[i], packed & EMU_PACK_MASK);
}

void
uiommu_emu_latency_get(struct uiommu_emu *emu, uint64_t *counts)
{
	struct uiommu_emu_class one;
	unsigned int i, class;

	memset(counts, 0, UIOMMU_LATENCY_BUCKETS * sizeof(counts[0]));
	for (class = 0; class < UIOMMU_EMU_CLASSES; class++) {
		uiommu_emu_class_get(emu, class, &one);
		for (i = 0; i < UIOMMU_LATENCY_BUCKETS; i++)
			counts[i] += one.counts[i];
	}
}

void
uiommu_emu_class_get(struct uiommu_emu *emu, unsigned int index, struct uiommu_emu_class *out)
{
	unsigned int i;

	memset(out, 0, sizeof(*out));
	if (index >= UIOMMU_EMU_CLASSES)
		return;
	emu_lock_take(&emu->judge_lock);
	out->requests = __atomic_load_n(&emu->class_requests[index], __ATOMIC_RELAXED) -
			emu->class_requests_base[index];
	for (i = 0; i < UIOMMU_LATENCY_BUCKETS; i++) {
		out->counts[i] = __atomic_load_n(&emu->latency[index][i], __ATOMIC_RELAXED) -
				 emu->latency_base[index][i];
		out->responses += out->counts[i];
	}
	emu_lock_drop(&emu->judge_lock);
}

void
emu_classes_reset(struct uiommu_emu *emu)
{
	unsigned int i, class;

	for (class = 0; class < UIOMMU_EMU_CLASSES; class++) {
		emu->class_requests_base[class] =
			__atomic_load_n(&emu->class_requests[class], __ATOMIC_RELAXED);
		for (i = 0; i < UIOMMU_LATENCY_BUCKETS; i++)
			emu->latency_base[class][i] =
				__atomic_load_n(&emu->latency[class][i], __ATOMIC_RELAXED);
	}
}
