/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * What devices keep in their pages: each access reads all of a page, by the translation that the
 * device has, and compares it with what was written last, by whatever way.
 */

#include <errno.h>
#include <string.h>

#include "emu_atc.h"
#include "emu_pvt.h"

#define PAGE_WORDS ((uint32_t)(EMU_PAGE_SIZE / sizeof(uint64_t)))

int
emu_data_check(const struct uiommu_emu *emu, const struct uiommu_emu_traffic *conf)
{
	const struct uiommu_emu_data *data = conf->data;
	uint32_t i;

	if (data == NULL)
		return 0;
	if (!conf->translate || data->versions == NULL)
		return -EINVAL;
	for (i = 1; i < emu->nb_bonds; i++)
		if (emu->bonds[i].space >= data->nb_spaces)
			return -EINVAL;
	return 0;
}

/* @return first word that is not as it must be; PAGE_WORDS: none */
static uint32_t
page_compare(const uint64_t *words, uint32_t space, uint64_t page, uint32_t version)
{
	uint32_t i;

	if (version == 0) {
		for (i = 0; i < PAGE_WORDS && words[i] == 0; i++)
			;
		return i;
	}
	for (i = 0; i < PAGE_WORDS; i++)
		if (words[i] != uiommu_emu_data_word(space, page, version, i))
			break;
	return i;
}

static void
page_fill(uint64_t *words, uint32_t space, uint64_t page, uint32_t version)
{
	uint32_t i;

	for (i = 0; i < PAGE_WORDS; i++)
		words[i] = uiommu_emu_data_word(space, page, version, i);
}

void
emu_data_use(struct uiommu_emu *emu, uint32_t bond, uint64_t iova, uint32_t access, uint64_t pa)
{
	const struct uiommu_emu_traffic *conf = &emu->traffic.conf;
	const struct emu_bond *who = &emu->bonds[bond];
	const uint64_t page = (iova - conf->window_iova) >> EMU_PAGE_SHIFT;
	const uint32_t space = who->space;
	uint64_t *words;
	uint32_t *at, version, wrong;

	words = emu_dma_at(emu, emu->devices[who->device], who->pasid, pa, EMU_PAGE_SIZE);
	if (words == NULL)
		return;
	at = &conf->data->versions[space * conf->window_pages + page];
	version = __atomic_load_n(at, __ATOMIC_RELAXED);
	wrong = page_compare(words, space, page, version);
	uiommu_count(&emu->live.bytes_checked, EMU_PAGE_SIZE);
	if (wrong < PAGE_WORDS)
		emu_violation(emu, &emu->live.corrupt,
			      "space %u page 0x%" PRIx64 " version %u: 0x%" PRIx64
			      " at offset 0x%zx",
			      space, page, version, words[wrong], wrong * sizeof(words[0]));
	if ((access & EMU_REQ_WRITE) == 0)
		return;
	/* 0 is that of a page that was never written */
	version = version == UINT32_MAX ? 1 : version + 1;
	page_fill(words, space, page, version);
	__atomic_store_n(at, version, __ATOMIC_RELAXED);
}
