/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * The end of each format's file: all that is compiled with its layout, and the table of it.
 * See pt_walk.h for what comes before; besides
 *
 *   FMT_OPS, FMT_NAME, FMT_MAX_LEAF, FMT_LEVELS_MIN, FMT_LEVELS_MAX, FMT_LEVELS_DEFAULT,
 *   FMT_VA_BITS_MAX, FMT_PA_BITS_MAX, FMT_SIGNED, FMT_PROT_NEEDS
 */

#include "pt_walk.h"
#include "pt_map.h"
#include "pt_reserve.h"
#include "pt_unmap.h"
#include "pt_change.h"

const struct pt_ops FMT_OPS = {
	.name = FMT_NAME,
	.page_shift = FMT_PAGE_SHIFT,
	.index_bits = FMT_INDEX_BITS,
	.max_leaf = FMT_MAX_LEAF,
	.levels_min = FMT_LEVELS_MIN,
	.levels_max = FMT_LEVELS_MAX,
	.levels_default = FMT_LEVELS_DEFAULT,
	.va_bits_max = FMT_VA_BITS_MAX,
	.pa_bits_max = FMT_PA_BITS_MAX,
	.is_signed = FMT_SIGNED,
	.prot_needs = FMT_PROT_NEEDS,
	.map = pt_map,
	.reserve = pt_reserve,
	.commit = pt_commit,
	.exchange = pt_exchange,
	.unmap = pt_unmap,
	.protect = pt_protect,
	.sample = pt_sample,
	.trim = pt_trim,
	.walk = pt_walk,
	.iterate = pt_iterate,
	.check = pt_check,
	.free_all = pt_free_all,
};
