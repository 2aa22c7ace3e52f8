/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Devices that use addresses: each access is translated first, by the device's own cache or by the
 * unit, and only what is not there is asked for by a page request. With Success the device
 * tries again.
 */

#include <errno.h>

#include "emu_pvt.h"
#include "emu_atc.h"

/* struct emu_use::walks: page that comes next, above a bit that says "an access is under way" */
#define WALK_BUSY UINT64_C(1)
#define WALK_SHIFT 1

/* For each so many accesses, one to a page that a device has in its cache. */
#define PROBE_EACH 8
/* Places of the cache that are looked at for one. */
#define PICKS 8

static uint32_t
page_access(uint64_t page)
{
	return page & (EMU_REQ_READ | EMU_REQ_WRITE);
}

static uint64_t
page_iova(uint64_t page)
{
	return page & ~(uint64_t)(EMU_PAGE_SIZE - 1);
}

/* Nothing is under way for this access any more. */
static void
access_over(struct uiommu_emu *emu, uint32_t bond)
{
	const struct emu_use *use = &emu->traffic.use;

	if (use->walks != NULL && bond < use->nb_walks)
		use->walks[bond] &= ~WALK_BUSY;
}

/* A translation that outlived its bond. */
static void
detached_check(struct uiommu_emu *emu, uint32_t bond, uint64_t iova)
{
	/* looked at after the translation, as in emu_stale_check() */
	if ((emu_bond_want(emu, bond) & EMU_WANT_STATE) == UIOMMU_EMU_DETACHED)
		emu_violation(emu, &emu->live.stale,
			      "device 0x%x PASID 0x%x: 0x%" PRIx64 " translated after detach",
			      emu->devices[emu->bonds[bond].device]->endpoint_id,
			      emu->bonds[bond].pasid, iova);
}

/* @return whether the access was possible, and took place */
static bool
access_try(struct uiommu_emu *emu, uint32_t bond, uint64_t page)
{
	const uint64_t iova = page_iova(page);
	struct emu_leaf leaf;

	if (!emu_atc_translate(emu, emu->bonds[bond].device, bond, iova, page_access(page), &leaf))
		return false;
	detached_check(emu, bond, iova);
	if (emu->traffic.conf.data != NULL)
		emu_data_use(emu, bond, iova, page_access(page), leaf.pa + (iova - leaf.iova));
	return true;
}

static void
wish_put(struct uiommu_emu *emu, uint32_t bond, uint64_t page)
{
	struct emu_use *use = &emu->traffic.use;

	/* there are as many places as indices of all devices, and new ones wait for all of them */
	use->wishes[use->wish_tail++ & use->wish_mask] =
		(struct emu_wish){.page = page, .bond = bond};
}

/* Ask for a page. @return whether the device could send */
static bool
page_request(struct uiommu_emu *emu, uint32_t bond, uint64_t page)
{
	const uint16_t device = emu->bonds[bond].device;
	struct emu_device *dev = emu->devices[device];
	struct emu_message msg = {
		.endpoint_id = dev->endpoint_id,
		.pasid = emu->bonds[bond].pasid,
		.iova = page_iova(page),
		.flags = (uint16_t)(page_access(page) | EMU_REQ_LAST),
	};
	const int prgi = emu_group_begin(emu, device, bond, msg.pasid, 1);

	if (prgi < 0)
		return false;
	msg.prgi = (uint16_t)prgi;
	emu_hot_pages(&emu->hot[device])[prgi] = page;
	switch (emu->model->request(emu, dev, bond, &msg)) {
	case UIOMMU_EMU_QUEUED:
		emu_group_await_good(emu, device, msg.prgi,
				     emu->model->response_word(dev, msg.pasid));
		break;
	case UIOMMU_EMU_AUTO_SUCCESS:
		/* it did not get through; a device would find the page still absent */
		emu_group_end(emu, device, msg.prgi);
		wish_put(emu, bond, page);
		break;
	default:
		emu_group_end(emu, device, msg.prgi);
		access_over(emu, bond);
	}
	return true;
}

void
emu_use_answered(struct uiommu_emu *emu, uint32_t bond, uint64_t page, bool success, bool sure)
{
	const struct uiommu_emu_traffic *conf = &emu->traffic.conf;
	const bool there = success && access_try(emu, bond, page);

	if (success && sure && !there &&
	    emu_unmapped(emu, bond, page_iova(page), page_access(page)) && conf->may_vanish) {
		wish_put(emu, bond, page);
		return;
	}
	/* besides: what was found there may have come out of a cache */
	if (there && sure && conf->verify)
		emu_verify_add(emu, bond, page, 1);
	access_over(emu, bond);
}

/* ------------------------------------------------------------------- accesses */

static bool
can_ask(const struct uiommu_emu *emu, uint32_t device)
{
	const struct emu_dev_hot *hot = &emu->hot[device];

	return hot->credits > 0 && hot->head != hot->tail && !emu->devices[device]->stopped;
}

/* What was there and has gone is asked for once more, before anything new. */
static unsigned int
wishes_send(struct uiommu_emu *emu, unsigned int max)
{
	struct emu_use *use = &emu->traffic.use;
	unsigned int made = 0, look = use->wish_tail - use->wish_head;
	struct emu_wish wish;

	while (look-- > 0 && made < max && emu_room(emu) > 0) {
		wish = use->wishes[use->wish_head++ & use->wish_mask];
		if (emu->devices[emu->bonds[wish.bond].device]->removed ||
		    emu->devices[emu->bonds[wish.bond].device]->stopped ||
		    (emu_bond_want(emu, wish.bond) & EMU_WANT_QUIET) != 0) {
			access_over(emu, wish.bond);
			continue;
		}
		if (page_request(emu, wish.bond, wish.page))
			made++;
		else
			wish_put(emu, wish.bond, wish.page);
	}
	return made;
}

static bool
is_write(struct emu_traffic *traffic)
{
	return emu_random(&traffic->random) >> 32 < traffic->use.write_below;
}

/* Which page a template uses next, and how. */
static uint64_t
page_next(struct uiommu_emu *emu, struct emu_template *tmpl)
{
	struct emu_traffic *traffic = &emu->traffic;
	struct emu_use *use = &traffic->use;
	uint64_t page, index;

	if (use->walks != NULL) {
		index = use->walks[tmpl->bond] >> WALK_SHIFT;
		page = traffic->conf.window_iova + (index << EMU_PAGE_SHIFT);
		index = index + 1 == traffic->conf.window_pages ? 0 : index + 1;
		use->walks[tmpl->bond] = index << WALK_SHIFT | WALK_BUSY;
	} else {
		page = page_iova(tmpl->entry[1]);
		emu_template_advance(emu, tmpl);
	}
	page |= EMU_REQ_READ;
	if (is_write(traffic))
		page |= EMU_REQ_WRITE;
	return page;
}

/* @return requests made */
static unsigned int
access_begin(struct uiommu_emu *emu, struct emu_template *tmpl)
{
	struct emu_use *use = &emu->traffic.use;
	uint64_t page;

	if (tmpl->bond == 0)
		return emu_bad_send(emu, tmpl);
	if ((use->walks != NULL && (use->walks[tmpl->bond] & WALK_BUSY) != 0) ||
	    (emu_bond_want(emu, tmpl->bond) & EMU_WANT_QUIET) != 0 ||
	    emu->bonds[tmpl->bond].refused || !can_ask(emu, tmpl->device))
		return 0;
	page = page_next(emu, tmpl);
	use->used++;
	uiommu_count(&emu->live.accesses, 1);
	if (access_try(emu, tmpl->bond, page)) {
		access_over(emu, tmpl->bond);
		return 0;
	}
	return page_request(emu, tmpl->bond, page);
}

/* Some translation that a device has. @return NULL: found none */
static const struct emu_tlb_entry *
cached_pick(struct uiommu_emu *emu, uint16_t device)
{
	const struct emu_tlb *atc = &emu->devices[device]->atc;
	const uint64_t mask = (uint64_t)(atc->mask + 1) * EMU_TLB_WAYS - 1;
	const uint64_t first = emu_random(&emu->traffic.random);
	unsigned int i;

	for (i = 0; i < PICKS && atc->nb > 0; i++)
		if (atc->entries[(first + i) & mask].shift != 0)
			return &atc->entries[(first + i) & mask];
	return NULL;
}

/*
 * A page that a device has the translation of: it asks nobody. Where software has not had it
 * forgotten in time, there is something else by now.
 */
static void
probe(struct uiommu_emu *emu, uint16_t device)
{
	struct emu_traffic *traffic = &emu->traffic;
	const struct emu_tlb_entry *entry = cached_pick(emu, device);
	uint64_t page;

	if (entry == NULL || entry->bond == 0 || emu->devices[device]->removed ||
	    (emu_bond_want(emu, entry->bond) & EMU_WANT_QUIET) != 0)
		return;
	page = entry->iova + (emu_random_below(&traffic->random, UINT64_C(1) << entry->shift) &
			      ~(uint64_t)(EMU_PAGE_SIZE - 1));
	if (page < traffic->conf.window_iova || page >= traffic->limit)
		return;
	page |= EMU_REQ_READ;
	if ((entry->access & EMU_REQ_WRITE) != 0 && is_write(traffic))
		page |= EMU_REQ_WRITE;
	traffic->use.used++;
	uiommu_count(&emu->live.accesses, 1);
	access_try(emu, entry->bond, page);
}

unsigned int
emu_use_send(struct uiommu_emu *emu, unsigned int max)
{
	struct emu_traffic *traffic = &emu->traffic;
	struct emu_use *use = &traffic->use;
	unsigned int made, look;
	struct emu_template *tmpl;

	if (emu->model->latched(emu))
		return 0;
	made = wishes_send(emu, max);
	for (look = max; look > 0 && made < max; look--) {
		if (emu_room(emu) == 0 || use->wish_head != use->wish_tail)
			break;
		tmpl = emu_template_next(traffic);
		if (traffic->conf.data != NULL && look % PROBE_EACH == 0)
			probe(emu, tmpl->device);
		made += access_begin(emu, tmpl);
	}
	return made;
}

/* -------------------------------------------------------------------- control */

void
emu_use_fini(struct emu_traffic *traffic)
{
	emu_free(traffic->use.wishes);
	emu_free(traffic->use.walks);
}

int
emu_use_set(struct uiommu_emu *emu, struct emu_traffic *traffic)
{
	const struct uiommu_emu_traffic *conf = &traffic->conf;
	struct emu_use *use = &traffic->use;
	uint32_t places;

	if (emu_data_check(emu, conf) < 0)
		return -EINVAL;
	if (!conf->translate)
		return 0;
	if (conf->group_pages_max > 1 || conf->overflow)
		return -EINVAL;
	places = rte_align32pow2(emu->nb_devices * EMU_PRGI_COUNT);
	use->wishes = emu_alloc(places * sizeof(use->wishes[0]), emu->socket_id);
	if (use->wishes == NULL)
		return -ENOMEM;
	use->wish_mask = places - 1;
	use->write_below = (uint64_t)(conf->write_ratio * 0x1.0p32);
	if (conf->profile == UIOMMU_EMU_SEQUENTIAL) {
		use->walks = emu_alloc(emu->nb_bonds * sizeof(use->walks[0]), emu->socket_id);
		if (use->walks == NULL)
			return -ENOMEM;
		use->nb_walks = emu->nb_bonds;
	}
	return 0;
}
