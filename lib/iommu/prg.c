/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <string.h>

#include <uiommu_fault.h>
#include <uiommu_prg.h>

#define PARKED_LIMIT 65535
#define ALIGNMENT 64
#define BUCKETS_MIN 16 /* one line */
#define NIL UINT32_MAX

/* A parked request. */
struct entry {
	struct uiommu_fault fault;
	uint32_t next;
};

/* A group that waits for its last request; or, without entries, the memory that one lost some. */
struct open_group {
	uint32_t pasid;
	uint16_t prg_index;
	bool lost;
	uint32_t first, last; /* entries, in order of arrival */
	uint32_t count, next;
};

/*
 * Each parked request may be alone in its group, and as many groups again may be remembered as
 * lost: hence twice parked_max open groups, of which one is free whenever one is needed.
 */
struct assembly {
	_Alignas(ALIGNMENT) struct uiommu_prg prg;
	uint32_t nb_lost; /* open groups that are marked lost */
	uint32_t *buckets;
	struct entry *entries;
	struct open_group *opens;
};

/* Multiply-shift with a secret odd factor: two keys collide with a chance of 2 in all buckets. */
static inline uint32_t *
bucket_of(struct assembly *a, uint32_t pasid, uint16_t prg_index)
{
	uint64_t product = ((uint64_t)pasid << 16 | prg_index) * a->prg.seed;

	return &a->buckets[(product >> 32) * (a->prg.bucket_mask + UINT64_C(1)) >> 32];
}

/* Where the number of an open group stands, so that it can be unlinked; NULL: no such group. */
static uint32_t *
find_open(struct assembly *a, uint32_t pasid, uint16_t prg_index)
{
	uint32_t *link = bucket_of(a, pasid, prg_index);

	while (*link != NIL) {
		struct open_group *open = &a->opens[*link];

		if (open->pasid == pasid && open->prg_index == prg_index)
			return link;
		link = &open->next;
	}
	return NULL;
}

static struct open_group *
add_open_at(struct assembly *a, uint32_t *link, const struct uiommu_fault *fault, bool lost)
{
	uint32_t number = a->prg.free_open;
	struct open_group *open = &a->opens[number];

	a->prg.free_open = open->next;
	*open = (struct open_group){
		.pasid = fault->pasid,
		.prg_index = fault->prg_index,
		.lost = lost,
		.next = *link,
	};
	*link = number;
	a->nb_lost += lost;
	a->prg.nb_incomplete += lost;
	return open;
}

static struct open_group *
add_open(struct assembly *a, const struct uiommu_fault *fault, bool lost)
{
	return add_open_at(a, bucket_of(a, fault->pasid, fault->prg_index), fault, lost);
}

/* Give an open group and its entries back. Returns the number of entries. */
static uint32_t
remove_open(struct assembly *a, uint32_t *link)
{
	uint32_t number = *link;
	struct open_group *open = &a->opens[number];

	*link = open->next;
	open->next = a->prg.free_open;
	a->prg.free_open = number;
	a->nb_lost -= open->lost;
	a->prg.nb_incomplete -= open->lost;
	if (open->count != 0) {
		a->entries[open->last].next = a->prg.free_entry;
		a->prg.free_entry = open->first;
		a->prg.nb_parked -= open->count;
	}
	return open->count;
}

static inline bool
is_marked(const struct assembly *a, uint16_t prg_index)
{
	return (a->prg.incomplete[prg_index % UIOMMU_PRG_INDEX_COUNT / 64] >> prg_index % 64) & 1;
}

static inline void
flip_mark(struct assembly *a, uint16_t prg_index)
{
	a->prg.incomplete[prg_index % UIOMMU_PRG_INDEX_COUNT / 64] ^= UINT64_C(1) << prg_index % 64;
}

/*
 * Remember that the group of a request has lost a member: by PASID and index while there is
 * room, so that it is told from others with its index; by index alone after that.
 */
static void
remember_lost(struct assembly *a, const struct uiommu_fault *fault)
{
	if (a->nb_lost < a->prg.parked_max) {
		add_open(a, fault, true);
	} else if (!is_marked(a, fault->prg_index)) {
		flip_mark(a, fault->prg_index);
		a->prg.nb_incomplete++;
	}
}

static void
append(struct assembly *a, struct open_group *open, const struct uiommu_fault *fault)
{
	uint32_t number = a->prg.free_entry;

	a->prg.free_entry = a->entries[number].next;
	a->entries[number].fault = *fault;
	if (open->count == 0)
		open->first = number;
	else
		a->entries[open->last].next = number;
	open->last = number;
	open->count++;
	a->prg.nb_parked++;
}

static enum uiommu_prg_result
park(struct assembly *a, uint32_t *link, const struct uiommu_fault *fault, uint32_t *nb_out)
{
	struct open_group *open = link == NULL ? NULL : &a->opens[*link];
	uint32_t count = open == NULL ? 0 : open->count;

	if (open != NULL && open->lost)
		return UIOMMU_PRG_DROPPED; /* of a group that is lost already */
	/* one place of a group is for the last request, which is never parked */
	if (a->prg.free_entry == NIL || count + 1 >= a->prg.group_max ||
	    (open == NULL && is_marked(a, fault->prg_index))) {
		/* its places are for others: when groups compete for room, some must get through */
		if (open != NULL)
			*nb_out = remove_open(a, link);
		remember_lost(a, fault);
		return UIOMMU_PRG_DROPPED;
	}
	if (open == NULL)
		open = add_open(a, fault, false);
	append(a, open, fault);
	return UIOMMU_PRG_PARKED;
}

static void
copy_out(const struct assembly *a, const struct open_group *open, struct uiommu_fault *out)
{
	uint32_t number = open->first, i;

	for (i = 0; i < open->count; i++, number = a->entries[number].next)
		out[i] = a->entries[number].fault;
}

static enum uiommu_prg_result
close_group(struct assembly *a, uint32_t *link, const struct uiommu_fault *fault,
	    struct uiommu_fault *out, uint32_t *nb_out)
{
	bool lost = link != NULL && a->opens[*link].lost;
	uint32_t count = 0;

	if (link != NULL) {
		copy_out(a, &a->opens[*link], out);
		count = remove_open(a, link);
	} else if (is_marked(a, fault->prg_index)) {
		flip_mark(a, fault->prg_index);
		a->prg.nb_incomplete--;
		lost = true;
	}
	if (lost)
		return UIOMMU_PRG_INCOMPLETE;
	out[count] = *fault;
	*nb_out = count + 1;
	return UIOMMU_PRG_GROUP;
}

enum uiommu_prg_result
uiommu_prg_add(struct uiommu_prg *prg, const struct uiommu_fault *fault, struct uiommu_fault *out,
	       uint32_t *nb_out)
{
	struct assembly *a = (struct assembly *)(void *)prg;
	uint32_t *link = find_open(a, fault->pasid, fault->prg_index);

	*nb_out = 0;
	if ((fault->flags & UIOMMU_FAULT_LAST) != 0)
		return close_group(a, link, fault, out, nb_out);
	return park(a, link, fault, nb_out);
}

/* Remove the open groups of some PASIDs. Returns the requests thrown away. */
static uint32_t
sweep(struct assembly *a, bool (*match)(uint32_t pasid, const void *arg), const void *arg)
{
	uint32_t thrown = 0, i;

	if (uiommu_prg_is_idle(&a->prg))
		return 0;
	for (i = 0; i <= a->prg.bucket_mask; i++) {
		uint32_t *link = &a->buckets[i];

		while (*link != NIL) {
			if (match(a->opens[*link].pasid, arg))
				thrown += remove_open(a, link);
			else
				link = &a->opens[*link].next;
		}
	}
	return thrown;
}

/*
 * An open group loses what is parked of it, and that is remembered, as remember_lost() does.
 * Returns the requests thrown away; *link is the next one to look at.
 */
static uint32_t
lose_open(struct assembly *a, uint32_t **link)
{
	struct open_group *open = &a->opens[**link];
	const struct uiommu_fault who = {.pasid = open->pasid, .prg_index = open->prg_index};
	uint32_t thrown;

	if (open->lost) {
		*link = &open->next;
		return 0;
	}
	thrown = remove_open(a, *link);
	/* at the same place, where the loop stands: one further, if it took one */
	if (a->nb_lost < a->prg.parked_max) {
		*link = &add_open_at(a, *link, &who, true)->next;
	} else if (!is_marked(a, who.prg_index)) {
		flip_mark(a, who.prg_index);
		a->prg.nb_incomplete++;
	}
	return thrown;
}

uint32_t
uiommu_prg_lose_if(struct uiommu_prg *prg, bool (*match)(uint32_t pasid, const void *arg),
		   const void *arg)
{
	struct assembly *a = (struct assembly *)(void *)prg;
	uint32_t thrown = 0, i;

	if (prg->nb_parked == 0)
		return 0;
	for (i = 0; i <= prg->bucket_mask; i++) {
		uint32_t *link = &a->buckets[i];

		while (*link != NIL) {
			if (match(a->opens[*link].pasid, arg))
				thrown += lose_open(a, &link);
			else
				link = &a->opens[*link].next;
		}
	}
	return thrown;
}

static bool
is_any(uint32_t pasid, const void *arg)
{
	return true;
}

static bool
is_same(uint32_t pasid, const void *arg)
{
	return pasid == *(const uint32_t *)arg;
}

uint32_t
uiommu_prg_discard(struct uiommu_prg *prg)
{
	uint32_t thrown = sweep((struct assembly *)(void *)prg, is_any, NULL);

	memset(prg->incomplete, 0, sizeof(prg->incomplete));
	prg->nb_incomplete = 0;
	return thrown;
}

uint32_t
uiommu_prg_purge(struct uiommu_prg *prg, uint32_t pasid)
{
	return sweep((struct assembly *)(void *)prg, is_same, &pasid);
}

uint32_t
uiommu_prg_purge_if(struct uiommu_prg *prg, bool (*match)(uint32_t pasid, const void *arg),
		    const void *arg)
{
	return sweep((struct assembly *)(void *)prg, match, arg);
}

/* At least one for each open group; a power of two. */
static uint32_t
bucket_count(uint32_t parked_max)
{
	return UINT32_C(1) << (32 - __builtin_clz(2 * parked_max | (BUCKETS_MIN - 1)));
}

size_t
uiommu_prg_size(uint32_t parked_max)
{
	size_t size;

	if (parked_max == 0 || parked_max > PARKED_LIMIT)
		return 0;
	size = sizeof(struct assembly) + bucket_count(parked_max) * sizeof(uint32_t) +
	       parked_max * (sizeof(struct entry) + 2 * sizeof(struct open_group));
	return (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

struct uiommu_prg *
uiommu_prg_init(void *mem, uint32_t parked_max, uint32_t group_max, uint64_t seed)
{
	size_t size = uiommu_prg_size(parked_max);
	struct assembly *a = mem;
	uint32_t i;

	if (mem == NULL || (uintptr_t)mem % ALIGNMENT != 0 || size == 0 || group_max == 0 ||
	    group_max > parked_max + 1)
		return NULL;
	memset(mem, 0, size);
	a->prg.parked_max = parked_max;
	a->prg.group_max = group_max;
	/* any seed, 0 too, becomes an odd factor of 64 bits */
	seed = (seed ^ seed >> 31) * UINT64_C(0xd6e8feb86659fd93) + UINT64_C(0x9e3779b97f4a7c15);
	a->prg.seed = (seed ^ seed >> 29) | 1;
	a->prg.bucket_mask = bucket_count(parked_max) - 1;
	a->buckets = (uint32_t *)(void *)(a + 1);
	a->entries = (struct entry *)(void *)(a->buckets + a->prg.bucket_mask + 1);
	a->opens = (struct open_group *)(void *)(a->entries + parked_max);
	memset(a->buckets, 0xff, (a->prg.bucket_mask + 1) * sizeof(*a->buckets));
	for (i = 0; i < parked_max; i++)
		a->entries[i].next = i + 1 < parked_max ? i + 1 : NIL;
	for (i = 0; i < 2 * parked_max; i++)
		a->opens[i].next = i + 1 < 2 * parked_max ? i + 1 : NIL;
	return &a->prg;
}
