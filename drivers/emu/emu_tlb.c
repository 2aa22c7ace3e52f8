/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * A cache of translations: sets of a few entries, found by a hash of tags and address. Entries
 * of one size are looked for at a time, and sizes that are not there are passed over.
 */

#include <errno.h>
#include <string.h>

#include "emu_pvt.h"

/* So many places are looked at one by one when a range is dropped; more, and all are. */
#define PROBES_MAX 64
/* For each entry, places of the count of where entries lead to; most are zero. */
#define LEADS_FACTOR 8
/* Entries of a unit's caches, where devargs do not say. */
#define PAGES_DEFAULT 4096
#define TABLES_DEFAULT 512

static struct emu_tlb_entry *
set_of(const struct emu_tlb *tlb, uint16_t domain, uint32_t pasid, uint64_t iova,
       unsigned int shift)
{
	uint64_t x = (iova >> shift) * UINT64_C(0x9e3779b97f4a7c15);

	x ^= ((uint64_t)pasid << 16 | domain) * UINT64_C(0xc2b2ae3d27d4eb4f) + shift;
	return &tlb->entries[((x ^ x >> 32) & tlb->mask) * EMU_TLB_WAYS];
}

static unsigned int
size_index(unsigned int shift)
{
	return (shift - EMU_TLB_SHIFT(0)) / 9;
}

/* Where entries are counted that lead to this page of 4 KiB. */
static uint16_t *
lead_of(const struct emu_tlb *tlb, uint64_t pa)
{
	const uint64_t x = (pa >> EMU_PAGE_SHIFT) * UINT64_C(0x9e3779b97f4a7c15);

	return &tlb->leads[x >> 40 & tlb->leads_mask];
}

static bool
is_wide(const struct emu_tlb *tlb, const struct emu_tlb_entry *entry)
{
	return !tlb->tables && entry->shift > EMU_PAGE_SHIFT;
}

int
emu_tlb_init(struct emu_tlb *tlb, uint32_t entries, bool tables, int socket_id)
{
	const uint32_t sets = entries / EMU_TLB_WAYS;

	*tlb = (struct emu_tlb){
		.entries = emu_alloc(entries * sizeof(tlb->entries[0]), socket_id),
		.victims = emu_alloc(sets, socket_id),
		.leads = emu_alloc(entries * LEADS_FACTOR * sizeof(tlb->leads[0]), socket_id),
		.leads_mask = entries * LEADS_FACTOR - 1,
		.mask = sets - 1,
		.tables = tables,
	};
	if (tlb->entries != NULL && tlb->victims != NULL && tlb->leads != NULL)
		return 0;
	emu_tlb_fini(tlb);
	return -ENOMEM;
}

int
emu_tlbs_open(struct uiommu_emu *emu, struct uiommu_args *args)
{
	uint64_t nb_pages = PAGES_DEFAULT, nb_tables = TABLES_DEFAULT;

	if (uiommu_args_get_u64(args, "iotlb", EMU_TLB_WAYS, EMU_TLB_ENTRIES_MAX, &nb_pages) < 0 ||
	    uiommu_args_get_u64(args, "psc", EMU_TLB_WAYS, EMU_TLB_ENTRIES_MAX, &nb_tables) < 0 ||
	    !rte_is_power_of_2((uint32_t)nb_pages) || !rte_is_power_of_2((uint32_t)nb_tables))
		return -EINVAL;
	if (emu_tlb_init(&emu->iotlb, (uint32_t)nb_pages, false, emu->socket_id) < 0 ||
	    emu_tlb_init(&emu->walks, (uint32_t)nb_tables, true, emu->socket_id) < 0)
		return -ENOMEM;
	return 0;
}

void
emu_tlbs_forget(struct uiommu_emu *emu)
{
	const struct emu_tlb_drop all = {
		.last = UINT64_MAX, .kinds = UINT32_MAX, .any_pasid = true, .any_domain = true,
	};

	emu_tlb_drop(&emu->iotlb, &all);
	emu_tlb_drop(&emu->walks, &all);
}

void
emu_tlb_fini(struct emu_tlb *tlb)
{
	emu_free(tlb->entries);
	emu_free(tlb->victims);
	emu_free(tlb->leads);
	*tlb = (struct emu_tlb){0};
}

struct emu_tlb_entry *
emu_tlb_find_size(const struct emu_tlb *tlb, uint16_t domain, uint32_t pasid, uint64_t iova,
		  unsigned int shift)
{
	struct emu_tlb_entry *entry;
	unsigned int i;

	if (tlb->nb_of[size_index(shift)] == 0)
		return NULL;
	entry = set_of(tlb, domain, pasid, iova, shift);
	for (i = 0; i < EMU_TLB_WAYS; i++, entry++)
		if (entry->shift == shift && entry->domain == domain && entry->pasid == pasid &&
		    (entry->iova ^ iova) >> shift == 0)
			return entry;
	return NULL;
}

struct emu_tlb_entry *
emu_tlb_find(const struct emu_tlb *tlb, uint16_t domain, uint32_t pasid, uint64_t iova)
{
	struct emu_tlb_entry *entry = NULL;
	unsigned int i;

	for (i = 0; i < EMU_TLB_SIZES && entry == NULL; i++)
		entry = emu_tlb_find_size(tlb, domain, pasid, iova, EMU_TLB_SHIFT(i));
	return entry;
}

const struct emu_tlb_entry *
emu_tlb_find_for(const struct emu_tlb *tlb, uint16_t domain, uint32_t pasid, uint64_t iova,
		 uint16_t want)
{
	const struct emu_tlb_entry *entry;

	/* rights of the privileged, and to execute, are nobody else's */
	if ((want & (EMU_REQ_PRIV | EMU_REQ_EXEC)) != 0)
		return NULL;
	entry = emu_tlb_find(tlb, domain, pasid, iova);
	if (entry == NULL && tlb->any)
		entry = emu_tlb_find(tlb, domain, EMU_TLB_ANY_PASID, iova);
	if (entry != NULL && (entry->flags & EMU_TLB_CLEAN) != 0 && (want & EMU_REQ_WRITE) != 0)
		return NULL;
	return entry;
}

static void
entry_free(struct emu_tlb *tlb, struct emu_tlb_entry *entry)
{
	tlb->nb--;
	tlb->nb_of[size_index(entry->shift)]--;
	if (is_wide(tlb, entry))
		tlb->nb_wide--;
	else
		(*lead_of(tlb, entry->pa))--;
	entry->shift = 0;
}

/* A place for an entry: its own, one that is not in use, or the next in turn. */
static struct emu_tlb_entry *
place_find(struct emu_tlb *tlb, const struct emu_tlb_entry *entry)
{
	struct emu_tlb_entry *place, *set;
	unsigned int i;

	place = emu_tlb_find_size(tlb, entry->domain, entry->pasid, entry->iova, entry->shift);
	if (place != NULL)
		return place;
	set = set_of(tlb, entry->domain, entry->pasid, entry->iova, entry->shift);
	for (i = 0; i < EMU_TLB_WAYS; i++)
		if (set[i].shift == 0)
			return &set[i];
	return &set[tlb->victims[(set - tlb->entries) / EMU_TLB_WAYS]++ % EMU_TLB_WAYS];
}

void
emu_tlb_add(struct emu_tlb *tlb, const struct emu_tlb_entry *entry)
{
	struct emu_tlb_entry *place = place_find(tlb, entry);

	if (place->shift != 0)
		entry_free(tlb, place);
	*place = *entry;
	place->iova &= ~((UINT64_C(1) << entry->shift) - 1);
	tlb->any |= entry->pasid == EMU_TLB_ANY_PASID;
	tlb->nb++;
	tlb->nb_of[size_index(entry->shift)]++;
	if (is_wide(tlb, entry))
		tlb->nb_wide++;
	else
		(*lead_of(tlb, entry->pa))++;
}

/* -------------------------------------------------------------------- dropping */

static bool
is_meant(const struct emu_tlb_entry *entry, const struct emu_tlb_drop *what)
{
	const uint64_t last = entry->iova + ((UINT64_C(1) << entry->shift) - 1);

	return entry->shift != 0 && (entry->kind & what->kinds) != 0 &&
	       (what->any_domain || entry->domain == what->domain) &&
	       (what->any_pasid || entry->pasid == what->pasid) && entry->iova <= what->last &&
	       last >= what->first;
}

static unsigned int
drop_all(struct emu_tlb *tlb, const struct emu_tlb_drop *what)
{
	const size_t nb = ((size_t)tlb->mask + 1) * EMU_TLB_WAYS;
	unsigned int dropped = 0;
	size_t i;

	for (i = 0; i < nb && tlb->nb > 0; i++)
		if (is_meant(&tlb->entries[i], what)) {
			entry_free(tlb, &tlb->entries[i]);
			dropped++;
		}
	return dropped;
}

/* Places of one size where entries of a range can be. */
static unsigned int
drop_size(struct emu_tlb *tlb, const struct emu_tlb_drop *what, unsigned int shift)
{
	uint64_t unit = what->first >> shift;
	struct emu_tlb_entry *entry;
	unsigned int dropped = 0;

	do {
		entry = emu_tlb_find_size(tlb, what->domain, what->pasid, unit << shift, shift);
		if (entry != NULL && is_meant(entry, what)) {
			entry_free(tlb, entry);
			dropped++;
		}
	} while (unit++ != what->last >> shift);
	return dropped;
}

unsigned int
emu_tlb_drop(struct emu_tlb *tlb, const struct emu_tlb_drop *what)
{
	unsigned int dropped = 0, i;

	if (tlb->nb == 0)
		return 0;
	if (what->any_domain || what->any_pasid ||
	    (what->last - what->first) >> EMU_TLB_SHIFT(0) >= PROBES_MAX)
		return drop_all(tlb, what);
	for (i = 0; i < EMU_TLB_SIZES; i++)
		if (tlb->nb_of[i] != 0)
			dropped += drop_size(tlb, what, EMU_TLB_SHIFT(i));
	return dropped;
}

/* Whether it is worth while to look at all entries. */
static bool
may_lead_to(const struct emu_tlb *tlb, uint64_t pa, uint64_t size)
{
	const uint64_t last = pa + size - 1;

	if (tlb->nb == 0 || size == 0)
		return false;
	if (tlb->nb_wide != 0 || (last - pa) >> EMU_PAGE_SHIFT >= PROBES_MAX)
		return true;
	for (pa &= ~(uint64_t)(EMU_PAGE_SIZE - 1); pa <= last; pa += EMU_PAGE_SIZE)
		if (*lead_of(tlb, pa) != 0)
			return true;
	return false;
}

unsigned int
emu_tlb_leads_to(const struct emu_tlb *tlb, uint64_t pa, uint64_t size,
		 const struct emu_tlb_entry **first)
{
	const size_t nb = ((size_t)tlb->mask + 1) * EMU_TLB_WAYS;
	const struct emu_tlb_entry *entry;
	unsigned int found = 0;
	uint64_t entry_size;
	size_t i;

	if (!may_lead_to(tlb, pa, size))
		return 0;
	for (i = 0; i < nb; i++) {
		entry = &tlb->entries[i];
		if (entry->shift == 0 || (entry->flags & EMU_TLB_ABSENT) != 0)
			continue;
		entry_size = tlb->tables ? EMU_PAGE_SIZE : UINT64_C(1) << entry->shift;
		if (entry->pa >= pa + size || pa >= entry->pa + entry_size)
			continue;
		if (found++ == 0)
			*first = entry;
	}
	return found;
}
