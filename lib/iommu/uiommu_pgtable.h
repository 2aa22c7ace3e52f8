/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef UIOMMU_PGTABLE_H
#define UIOMMU_PGTABLE_H

/**
 * @file
 * I/O page tables, in the formats that IOMMUs walk. Usable without a unit and without an EAL.
 *
 *   pool = uiommu_pgpool_init(mem, ...)          memory of the caller's
 *   uiommu_pgpool_add(pool, va, pa, size)        pages for tables
 *   uiommu_pgtable_init(pt, &conf)
 *   uiommu_pgtable_map(pt, iova, pa, len, prot, NULL)
 *   root for the unit: uiommu_pgtable_root(pt)
 *   ...
 *   uiommu_pgtable_gather_init(&gather)
 *   uiommu_pgtable_unmap(pt, iova, len, 0, &gather)
 *   (have the unit forget gather.ranges; wait until no thread is inside a call that began before)
 *   uiommu_pgtable_gather_free(pt, &gather)
 *   uiommu_pgtable_fini(pt)
 *
 * Threads
 *
 *   Readers: check, walk, iterate, map, map_pages, reserve, commit, exchange. Any number at
 *   once, at any time, without a lock: entries change by compare-and-swap, pages of tables come
 *   from a lock-free pool. They never wait for each other. Two that map the same page to the same
 *   address both succeed.
 *   Writers: unmap, protect, sample, trim. One at a time for each table (the caller sees to it),
 *   while any number of readers run.
 *   gather_free: no reader may still be inside a call that it began before the writer returned (a
 *   grace period of RCU, say), and the unit must have forgotten what was gathered: it may
 *   have kept pointers into the tables that are freed here.
 *
 * Busy entries. An entry without translation can be reserved: it then belongs to whoever reserved
 * it, who fills it or gives it up with uiommu_pgtable_commit(). To the unit it is absent. Others
 * are told -EAGAIN; nobody waits. uiommu_pgtable_unmap() can leave entries in that state, so that a
 * page does not come back while it is being written away.
 *
 * Addresses are in bytes; lengths too, and multiples of the page size of the table. What a walker
 * that does not snoop needs is done by a hook of the caller's: uiommu_pgtable_conf::flush.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @name Access that a mapping allows
 * Bits as in uiommu_fault::flags.
 * @{
 */
#define UIOMMU_PROT_READ (1U << 0)
#define UIOMMU_PROT_WRITE (1U << 1)
#define UIOMMU_PROT_EXEC (1U << 3)
/** @} */
#define UIOMMU_PROT_ALL (UIOMMU_PROT_READ | UIOMMU_PROT_WRITE | UIOMMU_PROT_EXEC)

/** Address that no page has. */
#define UIOMMU_PA_NONE UINT64_MAX

/* ------------------------------------------------------------------------ pools */

/**
 * Pages for tables, or any other use: zeroed, of one size, taken and given back without a lock by
 * any thread. A pool makes no allocation: its memory is the caller's.
 */
struct uiommu_pgpool;

/** Memory comes in frames of this size: within one, addresses for unit and processor run alike. */
#define UIOMMU_PGPOOL_FRAME_SHIFT 21

/** State of a pool. */
struct uiommu_pgpool_info {
	uint32_t page_shift; /**< log2 of a page in bytes */
	uint32_t nb_pages;   /**< pages in all */
	uint32_t nb_used;    /**< pages that are taken */
	uint32_t frames_max; /**< frames of 2 MiB that its memory may touch */
	uint32_t nb_frames;  /**< frames that it does touch */
};

/**
 * @param frames_max frames of 2 MiB of physical addresses that memory added later touches,
 *   1 to 2^22
 * @param page_shift log2 of a page in bytes, 12, 14 or 16
 * @return bytes for uiommu_pgpool_init(); 0: out of range
 */
size_t
uiommu_pgpool_size(uint32_t frames_max, uint32_t page_shift);

/**
 * @param mem uiommu_pgpool_size() bytes, aligned to 64; in use until the last call for the pool
 * @return pool, empty; NULL: a parameter is out of range
 */
struct uiommu_pgpool *
uiommu_pgpool_init(void *mem, uint32_t frames_max, uint32_t page_shift);

/**
 * Add memory. One thread at a time; others may take and give pages meanwhile.
 *
 * @param va start for the processor, aligned to the page size. It is cleared here
 * @param pa start for the unit, aligned likewise; memory added to one frame of 2 MiB of these
 *   has one difference to va
 * @param size in bytes, a multiple of the page size
 * @return 0; -EINVAL: not aligned, pa beyond 2^52, another difference than the rest of the frame,
 *   or overlaps what is there; -ENOSPC: frames_max
 */
int
uiommu_pgpool_add(struct uiommu_pgpool *pool, void *va, uint64_t pa, size_t size);

/**
 * Take a page: zeroed. Any thread, data path.
 *
 * @param pa set to its address for the unit
 * @return it, for the processor; NULL: none is left
 */
void *
uiommu_pgpool_get(struct uiommu_pgpool *pool, uint64_t *pa);

/** Give a page back: it is cleared here. Any thread, data path; one that was taken, once. */
void
uiommu_pgpool_put(struct uiommu_pgpool *pool, uint64_t pa);

/** @return where the processor finds an address of the pool's memory; NULL: not the pool's */
void *
uiommu_pgpool_va(const struct uiommu_pgpool *pool, uint64_t pa);

/** Any thread; the numbers are not of one instant. */
void
uiommu_pgpool_info_get(const struct uiommu_pgpool *pool, struct uiommu_pgpool_info *info);

/* ----------------------------------------------------------------------- tables */

/** Formats. */
enum uiommu_pgtable_format {
	/** x86-64, as VT-d's first stage has it: 4 or 5 levels; leaves 4K, 2M, 1G */
	UIOMMU_PGTABLE_X86_FIRST = 0,
	/** VT-d second stage: 3, 4 or 5 levels; leaves 4K, 2M, 1G */
	UIOMMU_PGTABLE_VTD_SECOND,
	/** Arm LPAE, stage 1, 48 bits: 4K pages with 4 levels (leaves 4K, 2M, 1G), or
	 * 3 levels for 39 bits; 16K with 4 (16K, 32M); 64K with 3 (64K, 512M)
	 */
	UIOMMU_PGTABLE_ARM_LPAE,
	/** RISC-V Sv39, Sv48, Sv57 by levels 3, 4, 5; leaves 4K, 2M, 1G */
	UIOMMU_PGTABLE_RISCV,
};
/** Number of formats. */
#define UIOMMU_PGTABLE_FORMATS 4

/**
 * The unit does not snoop the caches when it walks: call uiommu_pgtable_conf::flush. Calls that
 * find a page mapped already, uiommu_pgtable_check() too, flush what leads to it: the thread that
 * wrote it may not have come to that.
 */
#define UIOMMU_PGTABLE_NONCOHERENT (UINT64_C(1) << 0)
/**
 * The unit does not maintain accessed and dirty bits: entries are made with accessed set, and
 * dirty where they are writable; nothing clears them. LPAE without it: hardware sets AF, and DBM
 * makes dirty ones.
 */
#define UIOMMU_PGTABLE_NO_AD (UINT64_C(1) << 1)
/**
 * An entry in use must not change its size in one step (Arm without BBML 2): a large leaf that is
 * to be split is made absent, invalidated by uiommu_pgtable_conf::invalidate, then replaced.
 */
#define UIOMMU_PGTABLE_BREAK_FIRST (UINT64_C(1) << 2)
/** VT-d second stage: leaves have the snoop bit (ECAP.SC). */
#define UIOMMU_PGTABLE_SNOOP (UINT64_C(1) << 3)

/** Configuration of a table. Zero is the default where one is named. */
struct uiommu_pgtable_conf {
	size_t size;             /**< sizeof(struct uiommu_pgtable_conf) */
	uint32_t format;         /**< enum uiommu_pgtable_format */
	uint32_t levels;         /**< levels of tables; 0: 4 (LPAE with 64K pages: 3) */
	uint32_t page_shift;     /**< log2 of the smallest page; 0: 12; 14 and 16 for LPAE only */
	uint32_t pa_bits;        /**< width of addresses in entries, up to 52; 0: 52 (LPAE: 48) */
	/**
	 * sizes of leaves that may be made, the sum of their sizes in bytes; 0: all of the format.
	 * The smallest is always there; those above one that is missing are not made, since a leaf
	 * must split into those of the next size. Sizes that the format does not have are ignored
	 */
	uint64_t leaf_sizes;
	uint32_t pages_max;      /**< pages for tables at most; 0: as many as the pool has */
	uint32_t reserved0;      /**< 0 */
	uint64_t flags;          /**< UIOMMU_PGTABLE_* */
	struct uiommu_pgpool *pool; /**< of pages of this page_shift */
	/**
	 * With UIOMMU_PGTABLE_NONCOHERENT: bring what was written out to where the walker
	 * reads it. Called before the entry that makes it reachable is written, and after entries
	 * were. By any thread that is in a call
	 */
	void (*flush)(void *priv, const void *va, size_t len);
	/**
	 * With UIOMMU_PGTABLE_BREAK_FIRST: have the unit forget a range, and wait for it. Called
	 * by writers only. NULL: large leaves cannot be split, -EBUSY
	 */
	void (*invalidate)(void *priv, uint64_t iova, uint64_t len);
	void *hook_priv;         /**< first argument of both */
	uint64_t reserved[4];    /**< 0 */
};

/** A table. */
struct uiommu_pgtable;

/** Ranges and pages of tables that a writer collects. */
#define UIOMMU_PGTABLE_GATHER_RANGES 32

/** A range of addresses. */
struct uiommu_pgtable_range {
	uint64_t iova; /**< start */
	uint64_t len;  /**< in bytes */
};

/**
 * What the unit must forget, and what may be freed after that. Neighbouring ranges
 * are joined; when there are more than fit, the nearest two become one with what lies between.
 * A table that was taken out, and a leaf that was split, are there with all that they covered.
 */
struct uiommu_pgtable_gather {
	uint32_t nb_ranges;
	bool tables;        /**< tables were taken out: what points to them must be forgotten too */
	struct uiommu_pgtable_range ranges[UIOMMU_PGTABLE_GATHER_RANGES]; /**< by address */
	uint64_t bytes;     /**< sum of what was gathered, once each, without what lies between */
	uint32_t nb_freed;  /**< pages of tables that wait for uiommu_pgtable_gather_free() */
	uint32_t freed;     /**< the first of them; belongs to the library */
};

/**
 * What a walk has found. Where a format has no bit for it, what is present can be read, and what
 * can be read can be executed: prot may be more than was mapped.
 */
struct uiommu_pgtable_leaf {
	uint64_t iova;   /**< start of the leaf */
	uint64_t pa;     /**< where the leaf leads, its start */
	uint64_t size;   /**< of the leaf in bytes */
	uint32_t prot;   /**< UIOMMU_PROT_* */
	bool accessed;   /**< used since the bit was cleared */
	bool dirty;      /**< written since the bit was cleared */
	bool busy;       /**< reserved: nothing else of this holds but iova and size */
};

/** @return bytes for a table */
size_t
uiommu_pgtable_size(void);

/**
 * Make an empty table: takes its root from the pool.
 *
 * @param pt uiommu_pgtable_size() bytes, aligned to 64
 * @return 0; -EINVAL: a member out of range, or reserved and not 0; -ENOTSUP: levels or page size
 *   that the format does not have; -ENOMEM: the pool is empty
 */
int
uiommu_pgtable_init(struct uiommu_pgtable *pt, const struct uiommu_pgtable_conf *conf);

/**
 * Give all pages back. No unit and no thread uses the table any more, and none of its pages waits
 * in a gather.
 */
void
uiommu_pgtable_fini(struct uiommu_pgtable *pt);

/** @return address of the root table, for the unit */
uint64_t
uiommu_pgtable_root(const struct uiommu_pgtable *pt);

/** @return pages that its tables take, the root among them */
uint32_t
uiommu_pgtable_pages(const struct uiommu_pgtable *pt);

/** @return sizes of leaves that are made, their sum in bytes */
uint64_t
uiommu_pgtable_leaf_sizes(const struct uiommu_pgtable *pt);

/** @return whether [iova, iova + len) are addresses of the table (canonical, not over the end) */
bool
uiommu_pgtable_reaches(const struct uiommu_pgtable *pt, uint64_t iova, uint64_t len);

/**
 * Map, with the largest leaves that alignment, length, leaf_sizes and tables that are there
 * allow. Pages that lead to the same address already stay; access is added to what they had. A
 * large leaf of which only a part gets more access is split. The unit may hold what a page allowed
 * before until it is made to forget it.
 *
 * @param iova start, aligned to the page size
 * @param pa where it leads, aligned likewise
 * @param len in bytes
 * @param prot UIOMMU_PROT_*: READ, or READ with others (VT-d second stage: any but none)
 * @param done bytes from the start that are mapped at the end; NULL: not wanted
 * @return 0; -EINVAL: not aligned, no access, beyond the table or the width of addresses; -EEXIST:
 *   a page leads elsewhere; -EAGAIN: a page is busy, or its table is being taken out; -ENOMEM: no
 *   page for a table; -EBUSY: a part of a large leaf would need a split, with BREAK_FIRST: that is
 *   for a writer to do, see uiommu_pgtable_protect(). What was mapped until then stays: *done
 */
int
uiommu_pgtable_map(struct uiommu_pgtable *pt, uint64_t iova, uint64_t pa, uint64_t len,
		   uint32_t prot, uint64_t *done);

/**
 * How often a page that was there got more access by uiommu_pgtable_map() or _map_pages(). For
 * units that remember rights that were missing: a caller whose call has made it grow has them
 * forget what it mapped.
 *
 * @return free-running count
 */
uint32_t
uiommu_pgtable_grown(const struct uiommu_pgtable *pt);

/**
 * Map pages that do not lie together: pa[i] at iova + i pages, leaves of the smallest size.
 *
 * @param done pages from the start that are mapped at the end; NULL: not wanted
 * @return as uiommu_pgtable_map()
 */
int
uiommu_pgtable_map_pages(struct uiommu_pgtable *pt, uint64_t iova, const uint64_t *pa, uint32_t nb,
			 uint32_t prot, uint32_t *done);

/**
 * Reserve absent entries, from the first one on, up to one that is not absent.
 *
 * @param shift log2 of the leaves' size: one of leaf_sizes
 * @param nb leaves
 * @return leaves reserved, 0 to nb; 0 where the first is there (-EEXIST), busy or below a table
 *   that is being taken out (-EAGAIN), or leaves of another size stand in its place (-EEXIST);
 *   -ENOMEM: no page for a table, and none reserved; -EINVAL: shift, alignment or range.
 *   So negative where none was reserved
 */
int
uiommu_pgtable_reserve(struct uiommu_pgtable *pt, uint64_t iova, uint32_t shift, uint32_t nb);

/**
 * Fill entries that the caller has reserved (or uiommu_pgtable_unmap() has left busy for it).
 * Entries that are not busy stay as they are.
 *
 * @param pa where each leads; UIOMMU_PA_NONE, and what no leaf of that size can lead to: it is
 *   absent again. NULL: all are
 * @param prot as for uiommu_pgtable_map(); no access: all are absent again
 */
void
uiommu_pgtable_commit(struct uiommu_pgtable *pt, uint64_t iova, uint32_t shift, uint32_t nb,
		      const uint64_t *pa, uint32_t prot);

/**
 * Have a leaf of the smallest size lead elsewhere, in one step (copy on write). Not with
 * UIOMMU_PGTABLE_BREAK_FIRST.
 *
 * @param old where it must lead for that
 * @param gather the page is added: units may hold the old translation
 * @return 0; -EAGAIN: it leads elsewhere, is absent or busy; -ENOTSUP: BREAK_FIRST, or it is part
 *   of a large leaf; -EINVAL: not aligned, no access, beyond the table or the width of addresses
 */
int
uiommu_pgtable_exchange(struct uiommu_pgtable *pt, uint64_t iova, uint64_t old, uint64_t pa,
			uint32_t prot, struct uiommu_pgtable_gather *gather);

/** uiommu_pgtable_unmap(): entries stay busy, until uiommu_pgtable_commit(). No table is freed. */
#define UIOMMU_UNMAP_BUSY (1U << 0)

/**
 * Called by uiommu_pgtable_unmap() and others for each leaf.
 *
 * @param leaf as it was
 */
typedef void (*uiommu_pgtable_leaf_t)(void *priv, const struct uiommu_pgtable_leaf *leaf);

/**
 * Take translations away. Large leaves of which a part goes are split. Tables that the range
 * covers wholly, or (without UIOMMU_UNMAP_BUSY) that have become empty and lie in it, are taken
 * out. Entries that others have reserved are left alone.
 *
 * @param flags UIOMMU_UNMAP_*
 * @param gather what the unit must forget is added
 * @param leaf_fn called for each leaf that went, with accessed and dirty as they were; or NULL
 * @param unmapped bytes that were mapped and are not any more; NULL: not wanted
 * @return 0; -EINVAL: not aligned or beyond the table; -ENOMEM: no page to split a leaf; -EBUSY:
 *   cannot split, see BREAK_FIRST: either ends it there, what was done before counts; -EAGAIN:
 *   entries that others have reserved are left, go on later (all the rest is done)
 */
int
uiommu_pgtable_unmap(struct uiommu_pgtable *pt, uint64_t iova, uint64_t len, uint32_t flags,
		     struct uiommu_pgtable_gather *gather, uiommu_pgtable_leaf_t leaf_fn,
		     void *leaf_priv, uint64_t *unmapped);

/**
 * Change the access of what is mapped. Where access is taken away it is gathered.
 *
 * @return as uiommu_pgtable_unmap(); absent pages stay absent
 */
int
uiommu_pgtable_protect(struct uiommu_pgtable *pt, uint64_t iova, uint64_t len, uint32_t prot,
		       struct uiommu_pgtable_gather *gather);

#define UIOMMU_SAMPLE_CLEAR_ACCESSED (1U << 0)
#define UIOMMU_SAMPLE_CLEAR_DIRTY (1U << 1)

/**
 * Read accessed and dirty bits, and clear them (dirty tracking). A unit sets them again only after
 * it has forgotten what it holds: cleared ones are gathered. Large leaves are taken as a whole.
 * With UIOMMU_PGTABLE_NO_AD nothing is cleared.
 *
 * @param flags UIOMMU_SAMPLE_*
 * @param leaf_fn called for each leaf in the range, as it was before
 * @return 0; -EINVAL: not aligned or beyond the table
 */
int
uiommu_pgtable_sample(struct uiommu_pgtable *pt, uint64_t iova, uint64_t len, uint32_t flags,
		      struct uiommu_pgtable_gather *gather, uiommu_pgtable_leaf_t leaf_fn,
		      void *leaf_priv);

/**
 * Take out tables within the range that are empty.
 *
 * @return tables taken out
 */
uint32_t
uiommu_pgtable_trim(struct uiommu_pgtable *pt, uint64_t iova, uint64_t len,
		    struct uiommu_pgtable_gather *gather);

/**
 * @param iova any address
 * @param leaf filled
 * @return 0; -ENOENT: absent; -EAGAIN: busy; -EINVAL: beyond the table
 */
int
uiommu_pgtable_walk(const struct uiommu_pgtable *pt, uint64_t iova,
		    struct uiommu_pgtable_leaf *leaf);

/**
 * Each leaf of a range, busy ones too, in order.
 *
 * @return 0; -EINVAL: beyond the table
 */
int
uiommu_pgtable_iterate(const struct uiommu_pgtable *pt, uint64_t iova, uint64_t len,
		       uiommu_pgtable_leaf_t leaf_fn, void *leaf_priv);

/**
 * Many addresses at once, each in a table of its own: is it there with the access wanted? All walks
 * go down a level together, so that the misses of one hide those of the others. Busy is not there.
 * Data path.
 *
 * @param pts table of each; NULL: answered false
 * @param iovas address of each
 * @param prot UIOMMU_PROT_* wanted of each; others are ignored
 * @param present set to 1: there with that access; 0: not
 * @param nb size of the arrays, any
 */
void
uiommu_pgtable_check(struct uiommu_pgtable *const *pts, const uint64_t *iovas, const uint8_t *prot,
		     uint8_t *present, uint32_t nb);

/**
 * Where a reader's last walk went in a table: addresses near by need not go down from the root. One
 * reader's own, for one table; all zero at the start. Its members belong to the library.
 */
struct uiommu_pgtable_hint {
	uint64_t area;         /**< upper bits of an address */
	uint64_t generation;   /**< of the table, when it was found */
	const uint64_t *table; /**< that maps the area */
};

/**
 * The same, for a reader that comes back to the same parts of its tables. A hint holds over
 * calls: what is taken out of a table meanwhile makes it worthless, never wrong.
 *
 * @param hints of each: the caller's, for that table; one may stand there many times. NULL: none
 */
void
uiommu_pgtable_check_near(struct uiommu_pgtable *const *pts,
			  struct uiommu_pgtable_hint *const *hints, const uint64_t *iovas,
			  const uint8_t *prot, uint8_t *present, uint32_t nb);

/** Begin to gather. */
static inline void
uiommu_pgtable_gather_init(struct uiommu_pgtable_gather *gather)
{
	gather->nb_ranges = 0;
	gather->tables = false;
	gather->bytes = 0;
	gather->nb_freed = 0;
	gather->freed = UINT32_MAX;
}

/** Add a range. */
void
uiommu_pgtable_gather_add(struct uiommu_pgtable_gather *gather, uint64_t iova, uint64_t len);

/**
 * Give the pages of tables that were taken out back to the pool: see "Threads" for when. The
 * ranges stay.
 *
 * @param pt the table that they were gathered from
 */
void
uiommu_pgtable_gather_free(struct uiommu_pgtable *pt, struct uiommu_pgtable_gather *gather);

/** @return name of a format, "x86-first" say; NULL: none */
const char *
uiommu_pgtable_format_name(uint32_t format);

#ifdef __cplusplus
}
#endif

#endif /* UIOMMU_PGTABLE_H */
