/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef EMU_FAST_H
#define EMU_FAST_H

/**
 * @file
 * The two inner loops of the emulation, to be made part of a vendor's model with the layout of
 * its entries as constants: requests from templates into the queue, responses against
 * their requests. Whatever is not a group of a bond in force, answered as it must be, is led off
 * to a function, and so are requests of groups of several pages.
 */

#include <rte_cycles.h>
#include <rte_prefetch.h>

#include "emu_pvt.h"

/** What words 2 and 3 of an entry hold: reserved, and not to be relied on. */
#define EMU_NOISE UINT64_C(0xa5c35a3c96695aa5)

/** Templates that are looked at for one that can be sent now, for each that was asked for. */
#define EMU_LOOK_FACTOR 2

/** Bring a line in for writing; the other side has read it last. */
static inline void
emu_prefetch_write(void *p)
{
#if defined(__x86_64__)
	asm volatile("prefetchw %0" : : "m"(*(char *)p));
#else
	__builtin_prefetch(p, 1, 3);
#endif
}

/** Constants of a vendor's entries. */
struct emu_layout {
	unsigned int entry_shift;         /**< log2 of the size of a request entry */
	unsigned int request_prgi_shift;  /**< in word 1 of a request */
	unsigned int endpoint_shift;      /**< in word 0 of a response */
	uint32_t endpoint_mask;           /**< of an endpoint id, one less than a power of two */
	unsigned int response_prgi_shift; /**< in word 1 of a response; 9 bits */
	uint64_t response_mask1;          /**< bits of word 1 that are compared */
	uint64_t response_good1;          /**< what they are for Success; index 0 */
	uint64_t kind_mask;               /**< see struct emu_model_ops */
	bool wide;                        /**< a response has words 2 and 3, which are 0 */
	bool stall;                       /**< it is an answer to a stall */
	/* events of stalls: 32 bytes; the tag in word 1 from bit 0, the address in word 2 */
	uint64_t event_word1;             /**< word 1 for index 0, of a write */
	uint64_t event_read;              /**< besides, of a read */
};

#define EMU_EVENT_SHIFT 5

/** Entries made so far are in the rings, for functions that may add to them. */
static __rte_always_inline void
emu_rings_store(struct uiommu_emu *emu, const unsigned int sources, uint32_t tail,
		unsigned int made, uint32_t event_tail, unsigned int stalled)
{
	if ((sources & EMU_SOURCE_REQUESTS) != 0) {
		emu->ring.tail = tail;
		emu->ring.room -= made;
	}
	if ((sources & EMU_SOURCE_EVENTS) != 0) {
		emu->events.tail = event_tail;
		emu->events.room -= stalled;
	}
}

/**
 * Requests and stalls from templates, in order; a template whose device has no credit is passed
 * over.
 *
 * @param max at most emu_room()
 * @param sources constant: EMU_SOURCE_* that there can be templates of
 * @param keep constant: what emu->traffic.keep is
 */
static __rte_always_inline unsigned int
emu_fast_make(struct uiommu_emu *emu, unsigned int max, const unsigned int sources,
	      const bool keep, const struct emu_layout layout)
{
	struct emu_traffic *traffic = &emu->traffic;
	struct emu_template *const templates = traffic->templates;
	const uint32_t nb_templates = traffic->nb_templates;
	const uint32_t *const bond_gen = emu->bond_gen;
	const uint32_t generation = emu->generation;
	const uint64_t stamp = emu->now << EMU_META_STAMP_SHIFT;
	const uint64_t step = traffic->step_bytes;
	const uint64_t limit = traffic->limit;
	const uint64_t span = traffic->span;
	const uint32_t mask = emu->ring.mask;
	const uint32_t event_mask = emu->events.mask;
	const bool classes = emu->classes;
	uint8_t *const base = emu->ring.base;
	uint8_t *const event_base = emu->events.base;
	struct emu_dev_hot *const hots = emu->hot;
	unsigned int look = max * EMU_LOOK_FACTOR;
	uint32_t tail = emu->ring.tail;
	uint32_t event_tail = emu->events.tail;
	uint32_t next = traffic->next;
	unsigned int made = 0, stalled = 0, slow = 0;
	uint64_t by_class = 0;

	while (made + stalled + slow < max && look-- > 0) {
		struct emu_template *tmpl = &templates[next];
		struct emu_dev_hot *hot = &hots[tmpl->device];
		struct emu_slot *slot;
		uint64_t *entry;
		uint64_t word1;
		uint16_t prgi;

		next = next + 1 == nb_templates ? 0 : next + 1;
		if (unlikely(bond_gen[tmpl->bond] != generation)) {
			emu_rings_store(emu, sources, tail, made, event_tail, stalled);
			slow += emu_traffic_one(emu, tmpl);
			emu->ring.room += made;
			emu->events.room += stalled;
			tail = emu->ring.tail;
			event_tail = emu->events.tail;
			continue;
		}
		if (unlikely(hot->credits == 0 || hot->head == hot->tail))
			continue;
		hot->credits--;
		prgi = emu_hot_ring(hot)[hot->head++ % EMU_PRGI_COUNT];
		slot = &hot->slots[prgi];
		slot->expect = tmpl->expect;
		slot->meta = stamp | tmpl->bond;
		if (classes) {
			slot->meta |= (uint64_t)tmpl->class << EMU_META_CLASS_SHIFT;
			by_class += emu_pack_one(tmpl->class);
		}
		word1 = tmpl->entry[1];
		if (keep)
			emu_hot_pages(hot)[prgi] =
				(word1 & ~(uint64_t)(EMU_PAGE_SIZE - 1)) | tmpl->access;
		if (sources == EMU_SOURCE_EVENTS ||
		    (sources != EMU_SOURCE_REQUESTS && tmpl->stall != 0)) {
			entry = (uint64_t *)(event_base + ((size_t)(event_tail & event_mask)
							   << EMU_EVENT_SHIFT));
			emu_prefetch_write(event_base + ((size_t)((event_tail + 16) & event_mask)
							 << EMU_EVENT_SHIFT));
			entry[0] = tmpl->entry[0];
			entry[1] = layout.event_word1 | prgi |
				   ((tmpl->access & EMU_REQ_WRITE) != 0 ? 0 : layout.event_read);
			entry[2] = word1;
			entry[3] = 0;
			event_tail++;
			stalled++;
		} else {
			entry = (uint64_t *)(base + ((size_t)(tail & mask) << layout.entry_shift));
			emu_prefetch_write(base + ((size_t)((tail + 16) & mask)
						   << layout.entry_shift));
			entry[0] = tmpl->entry[0];
			entry[1] = word1 | (uint64_t)prgi << layout.request_prgi_shift;
			if (layout.entry_shift > 4) {
				entry[2] = EMU_NOISE;
				entry[3] = EMU_NOISE;
			}
			tail++;
			made++;
		}
		word1 += step;
		tmpl->entry[1] = word1 >= limit ? word1 - span : word1;
	}
	traffic->next = next;
	emu_rings_store(emu, sources, tail, made, event_tail, stalled);
	emu->credits_free -= made + stalled;
	uiommu_count(&emu->live.requests, made + stalled);
	uiommu_count(&emu->live.groups, made + stalled);
	if ((sources & EMU_SOURCE_EVENTS) != 0)
		uiommu_count(&emu->live.stalls, stalled);
	emu_class_requests(emu, classes ? by_class : made + stalled);
	return made + stalled + slow;
}

/** Likewise, with what emu->traffic.keep is: two loops, each with a branch less for a request. */
static __rte_always_inline unsigned int
emu_fast_send(struct uiommu_emu *emu, unsigned int max, const unsigned int sources,
	      const struct emu_layout layout)
{
	return emu->traffic.keep ? emu_fast_make(emu, max, sources, true, layout) :
				   emu_fast_make(emu, max, sources, false, layout);
}

/** One request, by hand or checked by itself; there is room. @param dev NULL: nobody's */
static inline void
emu_request_put(struct uiommu_emu *emu, const struct emu_device *dev, const uint64_t *word,
		unsigned int shift)
{
	emu_ring_put(&emu->ring, word, shift);
	uiommu_count(&emu->live.requests, 1);
	if (dev != NULL)
		emu_class_requests(emu, emu_pack_one(dev->class));
}

/** Commands looked ahead for the slots of their answers. */
#define EMU_LOOK_AHEAD 16

/** The slot that an answer further on in the command queue is about; it may be something else. */
static __rte_always_inline void
emu_slot_prefetch(const struct uiommu_emu *emu, const uint64_t *word,
		  const struct emu_layout layout)
{
	const uint32_t device =
		emu->device_of[(word[0] >> layout.endpoint_shift) & layout.endpoint_mask];

	rte_prefetch0(&emu->hot[device].slots[(word[1] >> layout.response_prgi_shift) %
					      EMU_PRGI_COUNT]);
}

/** Whether commands can be fetched. */
enum emu_fetch {
	EMU_FETCH_GOES = 0,
	EMU_FETCH_DEAD,    /**< nothing happens */
	EMU_FETCH_ABORT,   /**< the queue cannot be read */
	EMU_FETCH_ILLEGAL, /**< what is read is no command */
};

/** @param there whether the queue lies in the unit's memory */
static inline enum emu_fetch
emu_fetch_look(struct uiommu_emu *emu, bool there)
{
	if (emu_fault_take(emu, UIOMMU_EMU_FAULT_DEAD_QUEUE))
		return EMU_FETCH_DEAD;
	if (!there || emu_fault_take(emu, UIOMMU_EMU_FAULT_COMMAND_ABORT))
		return EMU_FETCH_ABORT;
	return emu_fault_take(emu, UIOMMU_EMU_FAULT_BAD_DESCRIPTOR) ? EMU_FETCH_ILLEGAL :
								      EMU_FETCH_GOES;
}

/** A run of responses, summed up before it goes to the counters. */
struct emu_run {
	uint64_t meta; /**< of the last one; its time stamp and its class count */
	uint64_t same; /**< responses with this stamp and class */
	unsigned int good;
	unsigned int more; /**< pages of their groups beyond the first */
	unsigned int stalls; /**< of good, answers to stalls */
};

/**
 * @param several uiommu_emu::several, as a constant
 * @return false: look closer
 */
static __rte_always_inline bool
emu_fast_judge(struct uiommu_emu *emu, const uint64_t *word, struct emu_run *run,
	       const struct emu_layout layout, const bool several)
{
	const uint16_t prgi = (word[1] >> layout.response_prgi_shift) % EMU_PRGI_COUNT;
	struct emu_dev_hot *hot =
		&emu->hot[emu->device_of[(word[0] >> layout.endpoint_shift) &
					 layout.endpoint_mask]];
	struct emu_slot *slot = &hot->slots[prgi];
	const uint64_t good1 = layout.response_good1 |
			       (uint64_t)prgi << layout.response_prgi_shift;
	uint64_t wrong;

	wrong = ((slot->expect ^ word[0]) & emu->judge_mask) | emu->force_slow;
	wrong |= ~word[0] & layout.kind_mask;
	wrong |= (word[1] ^ good1) & layout.response_mask1;
	if (layout.wide)
		wrong |= word[2] | word[3];
	if (unlikely(wrong != 0)) {
		/* a wait, say: what software said before holds until it is carried out */
		if (several && (~word[0] & layout.kind_mask) != 0)
			emu_verify_flush(emu);
		return false;
	}
	slot->expect = word[0] & ~layout.kind_mask;
	if (slot->meta >> EMU_META_CLASS_SHIFT != run->meta >> EMU_META_CLASS_SHIFT) {
		emu_latency_add(emu, run->meta, run->same);
		run->meta = slot->meta;
		run->same = 0;
	}
	run->same++;
	hot->credits++;
	if (several) {
		if (emu->verifying)
			emu_verify_add(emu, slot->meta & EMU_META_BOND_MASK,
				       emu_hot_pages(hot)[prgi], emu_hot_more(hot)[prgi] + 1U);
		hot->credits += emu_hot_more(hot)[prgi];
		run->more += emu_hot_more(hot)[prgi];
		emu_hot_more(hot)[prgi] = 0;
	}
	emu_hot_ring(hot)[hot->tail++ % EMU_PRGI_COUNT] = prgi;
	run->good++;
	if (layout.stall)
		run->stalls++;
	return true;
}

/** To the counters with what a run has seen. @return responses */
static inline unsigned int
emu_run_end(struct uiommu_emu *emu, struct emu_run *run)
{
	const unsigned int good = run->good;

	if (good == 0)
		return 0;
	emu_latency_add(emu, run->meta, run->same);
	emu->credits_free += run->good + run->more;
	uiommu_count(&emu->live.responses, run->good);
	uiommu_count(&emu->live.code_success, run->good);
	uiommu_count(&emu->ended, run->good);
	if (run->stalls != 0)
		uiommu_count(&emu->live.stalls_retried, run->stalls);
	*run = (struct emu_run){0};
	return good;
}

#endif /* EMU_FAST_H */
