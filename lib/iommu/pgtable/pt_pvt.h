/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef PT_PVT_H
#define PT_PVT_H

/*
 * What the formats share: the table itself, and the work of a writer.
 *
 * Levels count from the leaves: entries of level 0 map pages of the smallest size, the root has
 * level `top`. A position is an address without the bits above those that are translated, so that
 * sums of it do not overflow; base + position is the address.
 */

#include <stdbool.h>
#include <stdint.h>

#include <uiommu_pgtable.h>

#include "pgpool_pvt.h"

/*
 * An entry that is reserved, or of a table that is being taken out. Absent to every walker: the
 * low bits are clear.
 */
#define PT_BUSY UINT64_C(0x4255535900000000)

#define PT_LEVELS_MAX 5

struct pt_ops;

struct uiommu_pgtable {
	/* one line: all that a walk needs */
	const struct pt_ops *ops;
	uint64_t *root;
	struct uiommu_pgpool *pool;
	uint64_t bias; /* added to an address, those of the table are below 2^va_bits */
	uint32_t flags;
	uint8_t va_bits;
	uint8_t top;	  /* level of the root */
	uint8_t max_leaf; /* highest level of a leaf that is made */
	uint8_t pa_bits;
	void (*flush)(void *priv, const void *va, size_t len); /* NULL: coherent */
	uint64_t generation; /* counts tables that were taken out; 1 at the start; atomic */
	void *hook_priv;
	void (*invalidate)(void *priv, uint64_t iova, uint64_t len);
	uint64_t root_pa;
	uint64_t leaf_sizes;
	uint32_t pages_max;
	uint32_t grown; /* counts leaves that got more access while they were there; atomic */
	_Alignas(64) uint32_t nb_pages;
};

/* A writer at work on a range. */
struct pt_writer {
	struct uiommu_pgtable *pt;
	uint64_t base;
	uint32_t flags; /* UIOMMU_UNMAP_*, UIOMMU_SAMPLE_* */
	uint32_t prot;	/* for protect */
	struct uiommu_pgtable_gather *gather;
	uiommu_pgtable_leaf_t leaf_fn;
	void *leaf_priv;
	uint64_t done;	  /* bytes that went */
	uint64_t run_pos; /* what is to be gathered: neighbours, not handed on yet */
	uint64_t run_end;
	uint32_t nb_tables; /* taken out */
	bool again;	    /* met entries of others */
	int error;	    /* ends it all */
};

/* What a format can do. Positions are valid, and so are all parameters. */
struct pt_ops {
	const char *name;
	uint8_t page_shift;
	uint8_t index_bits;
	uint8_t max_leaf; /* highest level of a leaf */
	uint8_t levels_min;
	uint8_t levels_max;
	uint8_t levels_default;
	uint8_t va_bits_max;
	uint8_t pa_bits_max;
	bool is_signed;	     /* addresses are sign-extended */
	uint32_t prot_needs; /* of UIOMMU_PROT_*, at least one */
	/* pa of the first, or pas of each page; *done in bytes */
	int (*map)(struct uiommu_pgtable *pt, uint64_t pos, uint64_t pa, const uint64_t *pas,
		   uint64_t len, uint32_t prot, uint64_t *done);
	int (*reserve)(struct uiommu_pgtable *pt, uint64_t pos, unsigned int level, uint32_t nb);
	void (*commit)(struct uiommu_pgtable *pt, uint64_t pos, unsigned int level, uint32_t nb,
		       const uint64_t *pas, uint32_t prot);
	int (*exchange)(struct uiommu_pgtable *pt, uint64_t pos, uint64_t old, uint64_t pa,
			uint32_t prot);
	void (*unmap)(struct pt_writer *writer, uint64_t pos, uint64_t len);
	void (*protect)(struct pt_writer *writer, uint64_t pos, uint64_t len);
	void (*sample)(struct pt_writer *writer, uint64_t pos, uint64_t len);
	void (*trim)(struct pt_writer *writer, uint64_t pos, uint64_t len);
	int (*walk)(const struct uiommu_pgtable *pt, uint64_t pos,
		    struct uiommu_pgtable_leaf *leaf);
	void (*iterate)(const struct uiommu_pgtable *pt, uint64_t base, uint64_t pos, uint64_t len,
			uiommu_pgtable_leaf_t leaf_fn, void *leaf_priv);
	/* tables of this format and of one height; nb at most PT_CHECK_MAX */
	void (*check)(struct uiommu_pgtable *const *pts, struct uiommu_pgtable_hint *const *hints,
		      const uint64_t *iovas, const uint8_t *prot, uint8_t *present,
		      unsigned int nb);
	void (*free_all)(struct uiommu_pgtable *pt);
};

/* Walks that go down together. */
#define PT_CHECK_MAX 64

extern const struct pt_ops uiommu_pvt_pt_x86_first;
extern const struct pt_ops uiommu_pvt_pt_vtd_second;
extern const struct pt_ops uiommu_pvt_pt_arm_lpae_4k;
extern const struct pt_ops uiommu_pvt_pt_arm_lpae_16k;
extern const struct pt_ops uiommu_pvt_pt_arm_lpae_64k;
extern const struct pt_ops uiommu_pvt_pt_riscv;

/* pt_common.c */
void *
uiommu_pvt_pt_take(struct uiommu_pgtable *pt, uint64_t *pa);
void
uiommu_pvt_pt_give_back(struct uiommu_pgtable *pt, uint64_t pa);
void
uiommu_pvt_pt_gather_run(struct pt_writer *writer, uint64_t pos, uint64_t len);
void
uiommu_pvt_pt_gather_end(struct pt_writer *writer);
void
uiommu_pvt_pt_take_out(struct pt_writer *writer, uint64_t pa, uint64_t pos, uint64_t len);

static inline uint64_t
pt_pos(const struct uiommu_pgtable *pt, uint64_t iova)
{
	return iova & ((UINT64_C(1) << pt->va_bits) - 1);
}

/* Entries are followed: pairs with pt_publish() and the exchanges that release. */
static inline uint64_t
pt_load(const uint64_t *slot)
{
	return __atomic_load_n(slot, __ATOMIC_ACQUIRE);
}

/*
 * Release pairs with pt_load(), and with the walker's dependent reads: a table is seen
 * zeroed or filled. Acquire pairs with the same of others: *old may be followed.
 */
static inline bool
pt_swap_if(uint64_t *slot, uint64_t *old, uint64_t entry)
{
	return __atomic_compare_exchange_n(slot, old, entry, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_ACQUIRE);
}

/* Of an entry that is the caller's alone: pairs with pt_load(). */
static inline void
pt_publish(uint64_t *slot, uint64_t entry)
{
	__atomic_store_n(slot, entry, __ATOMIC_RELEASE);
}

/* As pt_swap_if(), whatever was there; pairs with the same. */
static inline uint64_t
pt_swap(uint64_t *slot, uint64_t entry)
{
	return __atomic_exchange_n(slot, entry, __ATOMIC_ACQ_REL);
}

static inline void
pt_flush(const struct uiommu_pgtable *pt, const uint64_t *slot, size_t nb)
{
	if (pt->flush != NULL && nb != 0)
		pt->flush(pt->hook_priv, slot, nb * sizeof(*slot));
}

#endif /* PT_PVT_H */
