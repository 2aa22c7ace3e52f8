/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* What applications call: parameters are checked here, and led to the format of the table. */

#include <errno.h>
#include <string.h>

#include "pt_pvt.h"

#define FLAGS                                                                             \
	(UIOMMU_PGTABLE_NONCOHERENT | UIOMMU_PGTABLE_NO_AD | UIOMMU_PGTABLE_BREAK_FIRST | \
	 UIOMMU_PGTABLE_SNOOP)

static const struct pt_ops *const formats[UIOMMU_PGTABLE_FORMATS][3] = {
	[UIOMMU_PGTABLE_X86_FIRST] = {&uiommu_pvt_pt_x86_first},
	[UIOMMU_PGTABLE_VTD_SECOND] = {&uiommu_pvt_pt_vtd_second},
	[UIOMMU_PGTABLE_ARM_LPAE] = {&uiommu_pvt_pt_arm_lpae_4k, &uiommu_pvt_pt_arm_lpae_16k,
				     &uiommu_pvt_pt_arm_lpae_64k},
	[UIOMMU_PGTABLE_RISCV] = {&uiommu_pvt_pt_riscv},
};

static unsigned int
level_shift(const struct uiommu_pgtable *pt, unsigned int level)
{
	return pt->ops->page_shift + level * pt->ops->index_bits;
}

size_t
uiommu_pgtable_size(void)
{
	return sizeof(struct uiommu_pgtable);
}

const char *
uiommu_pgtable_format_name(uint32_t format)
{
	return format < UIOMMU_PGTABLE_FORMATS ? formats[format][0]->name : NULL;
}

static const struct pt_ops *
ops_find(uint32_t format, uint32_t page_shift)
{
	unsigned int i;

	for (i = 0; i < 3; i++)
		if (formats[format][i] != NULL && formats[format][i]->page_shift == page_shift)
			return formats[format][i];
	return NULL;
}

static int
conf_check(const struct uiommu_pgtable_conf *conf)
{
	size_t i;

	if (conf == NULL || conf->size != sizeof(*conf) || conf->format >= UIOMMU_PGTABLE_FORMATS ||
	    conf->pool == NULL || (conf->flags & ~FLAGS) != 0 || conf->reserved0 != 0)
		return -EINVAL;
	for (i = 0; i < sizeof(conf->reserved) / sizeof(conf->reserved[0]); i++)
		if (conf->reserved[i] != 0)
			return -EINVAL;
	if ((conf->flags & UIOMMU_PGTABLE_NONCOHERENT) != 0 && conf->flush == NULL)
		return -EINVAL;
	return 0;
}

/* Leaves are made up to the first size that is not wanted: a large one must be split to the next.*/
static void
leaf_sizes_set(struct uiommu_pgtable *pt, uint64_t wanted)
{
	unsigned int level;

	pt->leaf_sizes = UINT64_C(1) << level_shift(pt, 0);
	for (level = 1; level <= pt->ops->max_leaf && level <= pt->top; level++) {
		uint64_t size = UINT64_C(1) << level_shift(pt, level);

		if (wanted != 0 && (wanted & size) == 0)
			break;
		pt->leaf_sizes |= size;
		pt->max_leaf = level;
	}
}

int
uiommu_pgtable_init(struct uiommu_pgtable *pt, const struct uiommu_pgtable_conf *conf)
{
	uint32_t page_shift, levels, pa_bits, va_bits;
	const struct pt_ops *ops;
	int rc = conf_check(conf);

	if (rc != 0 || pt == NULL)
		return -EINVAL;
	page_shift = conf->page_shift != 0 ? conf->page_shift : 12;
	ops = ops_find(conf->format, page_shift);
	if (ops == NULL)
		return -ENOTSUP;
	levels = conf->levels != 0 ? conf->levels : ops->levels_default;
	if (levels < ops->levels_min || levels > ops->levels_max)
		return -ENOTSUP;
	pa_bits = conf->pa_bits != 0 ? conf->pa_bits : ops->pa_bits_max;
	if (pa_bits > ops->pa_bits_max || pa_bits <= page_shift ||
	    conf->pool->page_shift != page_shift)
		return -EINVAL;
	memset(pt, 0, sizeof(*pt));
	va_bits = page_shift + levels * ops->index_bits;
	pt->ops = ops;
	pt->pool = conf->pool;
	pt->va_bits = va_bits < ops->va_bits_max ? va_bits : ops->va_bits_max;
	pt->bias = ops->is_signed ? UINT64_C(1) << (pt->va_bits - 1) : 0;
	pt->flags = (uint32_t)conf->flags;
	pt->top = levels - 1;
	pt->generation = 1;
	pt->pa_bits = pa_bits;
	pt->flush = (conf->flags & UIOMMU_PGTABLE_NONCOHERENT) != 0 ? conf->flush : NULL;
	pt->invalidate = conf->invalidate;
	pt->hook_priv = conf->hook_priv;
	pt->pages_max = conf->pages_max != 0 ? conf->pages_max : UINT32_MAX;
	leaf_sizes_set(pt, conf->leaf_sizes);
	pt->root = uiommu_pvt_pt_take(pt, &pt->root_pa);
	return pt->root != NULL ? 0 : -ENOMEM;
}

void
uiommu_pgtable_fini(struct uiommu_pgtable *pt)
{
	pt->ops->free_all(pt);
	pt->root = NULL;
}

uint64_t
uiommu_pgtable_root(const struct uiommu_pgtable *pt)
{
	return pt->root_pa;
}

uint32_t
uiommu_pgtable_pages(const struct uiommu_pgtable *pt)
{
	return __atomic_load_n(&pt->nb_pages, __ATOMIC_RELAXED);
}

uint64_t
uiommu_pgtable_leaf_sizes(const struct uiommu_pgtable *pt)
{
	return pt->leaf_sizes;
}

/* With the bias, addresses of a table are 0 to 2^va_bits, the hole of a signed one is above. */
bool
uiommu_pgtable_reaches(const struct uiommu_pgtable *pt, uint64_t iova, uint64_t len)
{
	uint64_t size = UINT64_C(1) << pt->va_bits, at = iova + pt->bias;

	/* the end of all addresses is in the middle */
	return at < size && len <= size - at && (len == 0 || iova + (len - 1) >= iova);
}

static int
range_check(const struct uiommu_pgtable *pt, uint64_t iova, uint64_t len)
{
	uint64_t page = UINT64_C(1) << pt->ops->page_shift;

	return ((iova | len) & (page - 1)) == 0 && uiommu_pgtable_reaches(pt, iova, len) ? 0
											 : -EINVAL;
}

static bool
pa_is_good(const struct uiommu_pgtable *pt, uint64_t pa, uint64_t len)
{
	uint64_t page = UINT64_C(1) << pt->ops->page_shift, size = UINT64_C(1) << pt->pa_bits;

	return (pa & (page - 1)) == 0 && pa < size && len <= size - pa;
}

static bool
prot_is_good(const struct uiommu_pgtable *pt, uint32_t prot)
{
	return (prot & ~UIOMMU_PROT_ALL) == 0 && (prot & pt->ops->prot_needs) != 0;
}

uint32_t
uiommu_pgtable_grown(const struct uiommu_pgtable *pt)
{
	return __atomic_load_n(&pt->grown, __ATOMIC_RELAXED);
}

int
uiommu_pgtable_map(struct uiommu_pgtable *pt, uint64_t iova, uint64_t pa, uint64_t len,
		   uint32_t prot, uint64_t *done)
{
	uint64_t bytes = 0;
	int rc = -EINVAL;

	if (range_check(pt, iova, len) == 0 && pa_is_good(pt, pa, len) && prot_is_good(pt, prot))
		rc = pt->ops->map(pt, pt_pos(pt, iova), pa, NULL, len, prot, &bytes);
	if (done != NULL)
		*done = bytes;
	return rc;
}

int
uiommu_pgtable_map_pages(struct uiommu_pgtable *pt, uint64_t iova, const uint64_t *pa, uint32_t nb,
			 uint32_t prot, uint32_t *done)
{
	uint64_t len = (uint64_t)nb << pt->ops->page_shift, bytes = 0;
	bool good = range_check(pt, iova, len) == 0 && prot_is_good(pt, prot);
	int rc = -EINVAL;
	uint32_t i;

	for (i = 0; i < nb && good; i++)
		good = pa_is_good(pt, pa[i], UINT64_C(1) << pt->ops->page_shift);
	if (good)
		rc = pt->ops->map(pt, pt_pos(pt, iova), 0, pa, len, prot, &bytes);
	if (done != NULL)
		*done = (uint32_t)(bytes >> pt->ops->page_shift);
	return rc;
}

/* Leaves of 2^shift at iova. @return their level; negative: no such leaves */
static int
level_of(const struct uiommu_pgtable *pt, uint64_t iova, uint32_t shift, uint32_t nb)
{
	unsigned int level;

	for (level = 0; level <= pt->max_leaf && level_shift(pt, level) != shift; level++)
		;
	if (level > pt->max_leaf || nb > INT32_MAX || nb > UINT64_MAX >> shift ||
	    (iova & ((UINT64_C(1) << shift) - 1)) != 0 ||
	    !uiommu_pgtable_reaches(pt, iova, (uint64_t)nb << shift))
		return -EINVAL;
	return (int)level;
}

int
uiommu_pgtable_reserve(struct uiommu_pgtable *pt, uint64_t iova, uint32_t shift, uint32_t nb)
{
	int level = level_of(pt, iova, shift, nb);

	if (level < 0)
		return level;
	return pt->ops->reserve(pt, pt_pos(pt, iova), (unsigned int)level, nb);
}

void
uiommu_pgtable_commit(struct uiommu_pgtable *pt, uint64_t iova, uint32_t shift, uint32_t nb,
		      const uint64_t *pa, uint32_t prot)
{
	int level = level_of(pt, iova, shift, nb);

	if (level >= 0)
		pt->ops->commit(pt, pt_pos(pt, iova), (unsigned int)level, nb,
				prot_is_good(pt, prot) ? pa : NULL, prot);
}

int
uiommu_pgtable_exchange(struct uiommu_pgtable *pt, uint64_t iova, uint64_t old, uint64_t pa,
			uint32_t prot, struct uiommu_pgtable_gather *gather)
{
	uint64_t page = UINT64_C(1) << pt->ops->page_shift;
	int rc;

	if (range_check(pt, iova, page) != 0 || !pa_is_good(pt, pa, page) ||
	    !prot_is_good(pt, prot))
		return -EINVAL;
	if ((pt->flags & UIOMMU_PGTABLE_BREAK_FIRST) != 0)
		return -ENOTSUP;
	rc = pt->ops->exchange(pt, pt_pos(pt, iova), old, pa, prot);
	if (rc == 0)
		uiommu_pgtable_gather_add(gather, iova, page);
	return rc;
}

static struct pt_writer
writer_make(struct uiommu_pgtable *pt, uint64_t iova, struct uiommu_pgtable_gather *gather)
{
	return (struct pt_writer){
		.pt = pt,
		.base = iova - pt_pos(pt, iova),
		.gather = gather,
	};
}

static int
writer_end(struct pt_writer *writer)
{
	uiommu_pvt_pt_gather_end(writer);
	if (writer->error != 0)
		return writer->error;
	return writer->again ? -EAGAIN : 0;
}

int
uiommu_pgtable_unmap(struct uiommu_pgtable *pt, uint64_t iova, uint64_t len, uint32_t flags,
		     struct uiommu_pgtable_gather *gather, uiommu_pgtable_leaf_t leaf_fn,
		     void *leaf_priv, uint64_t *unmapped)
{
	struct pt_writer writer = writer_make(pt, iova, gather);

	if (unmapped != NULL)
		*unmapped = 0;
	if (range_check(pt, iova, len) != 0 || (flags & ~UIOMMU_UNMAP_BUSY) != 0)
		return -EINVAL;
	writer.flags = flags;
	writer.leaf_fn = leaf_fn;
	writer.leaf_priv = leaf_priv;
	pt->ops->unmap(&writer, pt_pos(pt, iova), len);
	if (unmapped != NULL)
		*unmapped = writer.done;
	return writer_end(&writer);
}

int
uiommu_pgtable_protect(struct uiommu_pgtable *pt, uint64_t iova, uint64_t len, uint32_t prot,
		       struct uiommu_pgtable_gather *gather)
{
	struct pt_writer writer = writer_make(pt, iova, gather);

	if (range_check(pt, iova, len) != 0 || !prot_is_good(pt, prot))
		return -EINVAL;
	writer.prot = prot;
	pt->ops->protect(&writer, pt_pos(pt, iova), len);
	return writer_end(&writer);
}

int
uiommu_pgtable_sample(struct uiommu_pgtable *pt, uint64_t iova, uint64_t len, uint32_t flags,
		      struct uiommu_pgtable_gather *gather, uiommu_pgtable_leaf_t leaf_fn,
		      void *leaf_priv)
{
	struct pt_writer writer = writer_make(pt, iova, gather);

	if (range_check(pt, iova, len) != 0 ||
	    (flags & ~(UIOMMU_SAMPLE_CLEAR_ACCESSED | UIOMMU_SAMPLE_CLEAR_DIRTY)) != 0)
		return -EINVAL;
	/* nobody would set them again */
	writer.flags = (pt->flags & UIOMMU_PGTABLE_NO_AD) != 0 ? 0 : flags;
	writer.leaf_fn = leaf_fn;
	writer.leaf_priv = leaf_priv;
	pt->ops->sample(&writer, pt_pos(pt, iova), len);
	uiommu_pvt_pt_gather_end(&writer);
	return 0;
}

uint32_t
uiommu_pgtable_trim(struct uiommu_pgtable *pt, uint64_t iova, uint64_t len,
		    struct uiommu_pgtable_gather *gather)
{
	struct pt_writer writer = writer_make(pt, iova, gather);

	if (!uiommu_pgtable_reaches(pt, iova, len))
		return 0;
	pt->ops->trim(&writer, pt_pos(pt, iova), len);
	return writer.nb_tables;
}

int
uiommu_pgtable_walk(const struct uiommu_pgtable *pt, uint64_t iova,
		    struct uiommu_pgtable_leaf *leaf)
{
	uint64_t pos = pt_pos(pt, iova);
	int rc;

	if (!uiommu_pgtable_reaches(pt, iova, 1))
		return -EINVAL;
	rc = pt->ops->walk(pt, pos, leaf);
	if (rc != -ENOENT)
		leaf->iova += iova - pos;
	return rc;
}

int
uiommu_pgtable_iterate(const struct uiommu_pgtable *pt, uint64_t iova, uint64_t len,
		       uiommu_pgtable_leaf_t leaf_fn, void *leaf_priv)
{
	uint64_t pos = pt_pos(pt, iova);

	if (!uiommu_pgtable_reaches(pt, iova, len))
		return -EINVAL;
	pt->ops->iterate(pt, iova - pos, pos, len, leaf_fn, leaf_priv);
	return 0;
}

/* Walks that can go down together: of one format and height. Their number, from the first on. */
static unsigned int
check_run(struct uiommu_pgtable *const *pts, unsigned int nb)
{
	const struct uiommu_pgtable *first = pts[0];
	unsigned int i;

	for (i = 1; i < nb; i++)
		if (pts[i] == NULL || pts[i]->ops != first->ops || pts[i]->top != first->top ||
		    pts[i]->flush != first->flush)
			break;
	return i;
}

void
uiommu_pgtable_check_near(struct uiommu_pgtable *const *pts,
			  struct uiommu_pgtable_hint *const *hints, const uint64_t *iovas,
			  const uint8_t *prot, uint8_t *present, uint32_t nb)
{
	unsigned int run;

	for (; nb != 0; nb -= run) {
		if (pts[0] == NULL) {
			present[0] = 0;
			run = 1;
		} else {
			run = check_run(pts, nb < PT_CHECK_MAX ? nb : PT_CHECK_MAX);
			pts[0]->ops->check(pts, hints, iovas, prot, present, run);
		}
		pts += run;
		if (hints != NULL)
			hints += run;
		iovas += run;
		prot += run;
		present += run;
	}
}

void
uiommu_pgtable_check(struct uiommu_pgtable *const *pts, const uint64_t *iovas, const uint8_t *prot,
		     uint8_t *present, uint32_t nb)
{
	uiommu_pgtable_check_near(pts, NULL, iovas, prot, present, nb);
}
