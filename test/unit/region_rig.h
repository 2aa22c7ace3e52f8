/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef REGION_RIG_H
#define REGION_RIG_H

/*
 * Regions and eviction over the real page tables. Around them: a lock that knows whether it is
 * held, a unit that caches translations until it is told to forget them, and an application that
 * supplies pages and looks closely at what it gets back.
 */

#include "region_hooks.h"

int uiommu_logtype;

#define PAGE UINT64_C(4096)
#define LARGE (UINT64_C(1) << 21)
#define R UIOMMU_PROT_READ
#define RW (UIOMMU_PROT_READ | UIOMMU_PROT_WRITE)
#define POOL_BYTES ((size_t)8 << 21)
/* Addresses of the unit are not those of the processor, where a test wants it so. */
static uint64_t pa_delta;

static struct uiommu_unit unit;
static struct uiommu_domain domain;
static struct uiommu_paging *paging;
static struct uiommu_platform_ops plat_ops;
static struct uiommu_queue_ops queue_ops;
static void *pool_memory, *frame_memory, *table_mem, *frame_mem;

/* ----------------------------------------------------------------------- the engine */

static bool lock_is_held, in_handler;
static unsigned int nb_flushes, nb_graces, nb_turns, nb_unlocks;
static int flush_result, grace_result;
static void (*grace_hook)(void);
static void (*flush_hook)(void); /* at the end of each flush */
static void (*turn_hook)(void);
static uint64_t flushed_bytes;

bool
uiommu_pvt_in_handler(void)
{
	return in_handler;
}

int
uiommu_pvt_lock(struct uiommu_unit *of)
{
	assert_ptr_equal(of, &unit);
	if (in_handler)
		return -EDEADLK;
	assert_false(lock_is_held);
	lock_is_held = true;
	return 0;
}

void
uiommu_pvt_unlock(struct uiommu_unit *of)
{
	assert_true(lock_is_held);
	lock_is_held = false;
	nb_unlocks++;
}

void
uiommu_pvt_wait_turn(void)
{
	assert_false(lock_is_held);
	assert_non_null(turn_hook);
	assert_true(++nb_turns < 1000);
	turn_hook();
}

int
uiommu_pvt_paging_grace(struct uiommu_paging *of)
{
	assert_true(lock_is_held);
	nb_graces++;
	if (grace_hook != NULL)
		grace_hook();
	return grace_result;
}

#include "mirror_rig.h"

bool
uiommu_pvt_trylock(struct uiommu_unit *of)
{
	assert_ptr_equal(of, &unit);
	if (lock_is_held || lock_is_taken)
		return false;
	lock_is_held = true;
	return true;
}

/* What the unit has cached, by page. */
#define CACHE_MAX 4096
struct cached {
	uint64_t iova;
	uint64_t pa;
	bool dirty;
};
static struct cached cache[CACHE_MAX];
static unsigned int nb_cached;

int
uiommu_pvt_paging_flush(struct uiommu_domain *of, struct uiommu_pgtable_gather *gather)
{
	unsigned int i, j;

	assert_true(lock_is_held);
	assert_ptr_equal(of, &domain);
	if (gather->nb_ranges == 0 && !gather->tables)
		return 0;
	/* out of force already, before it was gathered */
	if (paging->mirror) {
		uiommu_pgtable_gather_free(paging->pt, gather);
		uiommu_pgtable_gather_init(gather);
		return 0;
	}
	nb_flushes++;
	if (flush_result == 0) {
		for (i = 0; i < gather->nb_ranges; i++) {
			flushed_bytes += gather->ranges[i].len;
			for (j = 0; j < nb_cached; j++)
				if (cache[j].iova - gather->ranges[i].iova < gather->ranges[i].len)
					cache[j--] = cache[--nb_cached];
		}
		if (gather->nb_freed != 0)
			uiommu_pgtable_gather_free(paging->pt, gather);
	}
	uiommu_pgtable_gather_init(gather);
	if (flush_hook != NULL)
		flush_hook();
	return flush_result;
}

/* ------------------------------------------------------------------------ the device */

/* Entry of an x86 table that translates an address; NULL: none. *shift: of what it covers. */
static uint64_t *
entry_of(uint64_t iova, unsigned int *shift)
{
	uint64_t pa = uiommu_pgtable_root(paging->pt);

	for (*shift = 39;; *shift -= 9) {
		uint64_t *table = uiommu_pgpool_va(unit.table_pool, pa);
		uint64_t *entry = &table[iova >> *shift & 511];

		if ((*entry & 1) == 0)
			return NULL;
		if (*shift == 12 || (*entry & UINT64_C(1) << 7) != 0)
			return entry;
		pa = *entry & UINT64_C(0xffffffffff000);
	}
}

/* An access of the device. Where it ends; UIOMMU_PA_NONE: nowhere. */
static uint64_t
access_page(uint64_t iova, bool write)
{
	unsigned int shift, i;
	uint64_t *entry;

	for (i = 0; i < nb_cached && cache[i].iova != iova; i++)
		;
	if (i < nb_cached && (!write || cache[i].dirty))
		return cache[i].pa;
	entry = entry_of(iova, &shift);
	if (entry == NULL || (write && (*entry & 2) == 0))
		return UIOMMU_PA_NONE;
	*entry |= UINT64_C(1) << 5 | (write ? UINT64_C(1) << 6 : 0);
	if (i == nb_cached) {
		assert_true(nb_cached < CACHE_MAX);
		nb_cached++;
	}
	cache[i] = (struct cached){
		.iova = iova,
		.pa = (*entry & UINT64_C(0xffffffffff000) & ~((UINT64_C(1) << shift) - 1)) +
		      (iova & ((UINT64_C(1) << shift) - 1)),
		.dirty = write,
	};
	return cache[i].pa;
}

static bool
is_cached(uint64_t pa, uint64_t size)
{
	unsigned int i;

	for (i = 0; i < nb_cached; i++)
		if (cache[i].pa - pa < size)
			return true;
	return false;
}

/* ------------------------------------------------------------------- the application */

/* Where its pages lie: no memory is there. */
#define FRAMES_PA UINT64_C(0x300000000000)
#define STORE_PAGES 8192

struct store {
	struct uiommu_region *region;
	unsigned int shift;
	uint64_t frames_pa;
	uint32_t kept[STORE_PAGES];  /* version that the store has */
	uint32_t held[STORE_PAGES];  /* version that the frame has */
	bool supplied[STORE_PAGES];
	unsigned int nb_supplied;
	unsigned int nb_puts, nb_dirty;
	unsigned int nb_put_calls, longest_put;
	void (*hook)(struct store *store); /* at each put(): what another thread does */
	bool put_under_lock;               /* the domain goes */
};

static struct store stores[4];

static uint64_t
frame_of(const struct store *store, uint64_t page)
{
	return store->frames_pa + (page << store->shift);
}

static int
store_get(void *priv, struct uiommu_backing_page *pages, uint32_t nb)
{
	struct store *store = priv;
	uint32_t i;

	for (i = 0; i < nb; i++) {
		const uint64_t page = pages[i].offset >> store->shift;

		assert_true(page < STORE_PAGES);
		assert_false(store->supplied[page]);
		store->supplied[page] = true;
		store->held[page] = store->kept[page];
		store->nb_supplied++;
		pages[i].pa = frame_of(store, page);
	}
	return (int)nb;
}

static void
store_put(void *priv, const struct uiommu_backing_page *pages, uint32_t nb)
{
	struct store *store = priv;
	uint32_t i;

	assert_int_equal(lock_is_held, store->put_under_lock);
	assert_true(nb > 0);
	store->nb_put_calls++;
	store->longest_put = RTE_MAX(store->longest_put, nb);
	for (i = 0; i < nb; i++) {
		const uint64_t page = pages[i].offset >> store->shift;
		struct uiommu_pgtable_leaf leaf;

		assert_true(page < STORE_PAGES);
		assert_true(i == 0 || pages[i].offset > pages[i - 1].offset);
		assert_int_equal(pages[i].access, 0);
		/* once, and what was supplied */
		assert_true(store->supplied[page]);
		assert_true(pages[i].pa == frame_of(store, page));
		/* nobody reaches it any more, and no fault brings it back meanwhile */
		if (!store->put_under_lock) {
			assert_false(is_cached(pages[i].pa, UINT64_C(1) << store->shift));
			assert_int_equal(uiommu_pgtable_walk(paging->pt,
							     store->region->iova + pages[i].offset,
							     &leaf), -EAGAIN);
		}
		/* what is not said to be dirty is as it was */
		if (pages[i].dirty != 0)
			store->kept[page] = store->held[page];
		assert_int_equal(store->kept[page], store->held[page]);
		store->nb_dirty += pages[i].dirty;
		store->supplied[page] = false;
		store->nb_supplied--;
		store->nb_puts++;
	}
	if (store->hook != NULL) {
		void (*hook)(struct store *) = store->hook;

		store->hook = NULL;
		hook(store);
	}
}

static const struct uiommu_backing_ops store_ops = {.get = store_get, .put = store_put};

/* A region of the application's pages. */
static inline struct store *
store_add(unsigned int i, uint64_t iova, uint64_t pages, unsigned int shift)
{
	struct store *store = &stores[i];
	const struct uiommu_backing backing = {
		.size = sizeof(backing),
		.type = UIOMMU_BACKING_CALLBACK,
		.page_shift = shift == 12 ? 0 : shift,
		.ops = &store_ops,
		.priv = store,
	};

	memset(store, 0, sizeof(*store));
	store->shift = shift;
	store->frames_pa = FRAMES_PA + ((uint64_t)i << 36);
	store->region = uiommu_region_add(&domain, iova, pages << shift, &backing, RW);
	assert_non_null(store->region);
	return store;
}

/* What the resolver does at a fault. */
static inline void
store_bring(struct store *store, uint64_t first, uint32_t nb)
{
	struct uiommu_backing_page page = {0};
	uint32_t i;

	for (i = 0; i < nb; i++) {
		const uint64_t iova = store->region->iova + ((first + i) << store->shift);
		int ret = uiommu_pgtable_reserve(paging->pt, iova, store->shift, 1);

		if (ret == -EEXIST)
			continue;
		assert_int_equal(ret, 1);
		page.offset = iova - store->region->iova;
		assert_int_equal(store_get(store, &page, 1), 1);
		assert_true(uiommu_pvt_resident_take(paging, UINT64_C(1) << (store->shift - 12)));
		uiommu_pgtable_commit(paging->pt, iova, store->shift, 1, &page.pa,
				      store->region->prot);
	}
}

/* The device reads or writes a page, which is there. */
static inline void
store_use(struct store *store, uint64_t page, bool write)
{
	const uint64_t iova = store->region->iova + (page << store->shift);

	assert_true(access_page(iova, write) == frame_of(store, page));
	assert_true(store->supplied[page]);
	store->held[page] += write;
}

static inline bool
is_there(const struct store *store, uint64_t page)
{
	struct uiommu_pgtable_leaf leaf;

	return uiommu_pgtable_walk(paging->pt, store->region->iova + (page << store->shift),
				   &leaf) == 0;
}

/* ------------------------------------------------------------------------------- life */

static int
pa_identity(struct uiommu_platform *plat, const void *va, size_t len, uint64_t *pa)
{
	*pa = (uintptr_t)va + pa_delta;
	return 0;
}

/* There is one; nobody calls it here. */
static bool
invalidate_now(void *queue, const struct uiommu_inval *inval)
{
	return false;
}

static struct uiommu_pgpool *
pool_make(size_t bytes, void **memory, void **mem)
{
	const uint32_t frames = (uint32_t)(bytes >> 21) + 1;
	struct uiommu_pgpool *pool;

	*memory = aligned_alloc(LARGE, bytes);
	*mem = aligned_alloc(64, (uiommu_pgpool_size(frames, 12) + 63) / 64 * 64);
	assert_non_null(*memory);
	pool = uiommu_pgpool_init(*mem, frames, 12);
	assert_non_null(pool);
	assert_int_equal(uiommu_pgpool_add(pool, *memory, (uintptr_t)*memory, bytes), 0);
	return pool;
}

static int
rig_open(uint32_t format, uint64_t flags)
{
	const struct uiommu_pgtable_conf conf = {
		.size = sizeof(conf),
		.format = format,
		.flags = flags,
		.pool = unit.table_pool = pool_make(POOL_BYTES, &pool_memory, &table_mem),
	};

	unit.frame_pool = pool_make(LARGE, &frame_memory, &frame_mem);
	unit.state = UIOMMU_DEV_STARTED;
	plat_ops = (struct uiommu_platform_ops){.name = "test", .pa_of = pa_identity};
	unit.dev.platform.ops = &plat_ops;
	queue_ops = (struct uiommu_queue_ops){.invalidate = invalidate_now};
	unit.dev.queue_ops = &queue_ops;
	paging = heap_zmalloc("", sizeof(*paging), 64, 0);
	paging->pt = heap_zmalloc("", uiommu_pgtable_size(), 64, 0);
	assert_int_equal(uiommu_pgtable_init(paging->pt, &conf), 0);
	paging->unit = &unit;
	paging->domain = &domain;
	paging->regions = &uiommu_pvt_no_regions;
	paging->budget = UINT64_MAX;
	paging->demand = true;
	paging->can_exchange = true;
	paging->tracks = (flags & UIOMMU_PGTABLE_NO_AD) == 0;
	domain.unit = &unit;
	domain.paging = paging;
	return 0;
}

static int
rig_setup(void **state)
{
	nb_cached = nb_flushes = nb_graces = nb_turns = nb_unlocks = 0;
	nb_madvise = nb_mlock = madvise_fails = 0;
	flush_result = grace_result = madvise_errno = mlock_errno = mmap_errno = 0;
	flushed_bytes = pa_delta = huge_bytes = 0;
	grace_hook = flush_hook = NULL;
	turn_hook = NULL;
	in_handler = lock_is_held = hide_pages = false;
	dpdk_va = NULL;
	memset(dpdk_seg, 0, sizeof(dpdk_seg));
	memset(stores, 0, sizeof(stores));
	return rig_open(UIOMMU_PGTABLE_X86_FIRST, 0);
}

static uint32_t
pool_used(const struct uiommu_pgpool *pool)
{
	struct uiommu_pgpool_info info;

	uiommu_pgpool_info_get(pool, &info);
	return info.nb_used;
}

/* The domain goes. Everything was given back, and nothing is left over. */
static int
rig_teardown(void **state)
{
	unsigned int i;

	for (i = 0; i < ARRAY_COUNT(stores); i++)
		stores[i].put_under_lock = true;
	nb_allowed = UINT32_MAX;
	lock_is_held = true;
	assert_int_equal(paging->evicting, 0);
	uiommu_pvt_regions_fini(&domain);
	uiommu_pgtable_fini(paging->pt);
	assert_int_equal(pool_used(unit.table_pool), 0);
	assert_int_equal(pool_used(unit.frame_pool), 0);
	for (i = 0; i < ARRAY_COUNT(stores); i++)
		assert_int_equal(stores[i].nb_supplied, 0);
	heap_free(paging->pt);
	heap_free(paging);
	assert_int_equal(nb_blocks, 0);
	free(pool_memory);
	free(frame_memory);
	free(table_mem);
	free(frame_mem);
	return 0;
}

/* ------------------------------------------------------------------------ calls */

/* What the call says: 0, or errno. */
static inline int
add(uint64_t iova, uint64_t len, const struct uiommu_backing *backing, uint32_t prot)
{
	struct uiommu_region *region;

	rte_errno = 0;
	region = uiommu_region_add(&domain, iova, len, backing, prot);
	assert_false(lock_is_held);
	assert_int_equal(region == NULL, rte_errno != 0);
	return rte_errno;
}

/* As uiommu_domain_unmap() does. Bytes that went. */
static inline uint64_t
unmap(uint64_t iova, uint64_t len)
{
	uint64_t bytes = 0;

	assert_int_equal(uiommu_pvt_lock(&unit), 0);
	assert_int_equal(uiommu_pvt_regions_unmap(&domain, iova, len, &bytes), 0);
	uiommu_pvt_unlock(&unit);
	assert_int_equal(paging->evicting, 0);
	return bytes;
}

static inline void
map(uint64_t iova, uint64_t pa, uint64_t len, uint32_t prot)
{
	assert_int_equal(uiommu_pgtable_map(paging->pt, iova, pa, len, prot, NULL), 0);
}

static inline bool
leads(uint64_t iova)
{
	struct uiommu_pgtable_leaf leaf;

	return uiommu_pgtable_walk(paging->pt, iova, &leaf) == 0;
}

#endif /* REGION_RIG_H */
