/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Cookies of a fault queue: the lowest free number from 1 on, so that one is used again as soon as
 * it was answered (xa_alloc() with XA_FLAGS_ALLOC1). Who had a cookie last is kept, to tell a
 * second answer from one that is late.
 */

#include <errno.h>

#include "iommufd_model.h"

#define SIZE_FIRST 4096
#define WORD_BITS 64

static int
cookies_grow(struct iommufd_model_cookies *cookies)
{
	const uint32_t more = cookies->size != 0 ? cookies->size : SIZE_FIRST;
	const uint32_t words = cookies->size / WORD_BITS;
	void *entries = cookies->entries;
	void *used = cookies->used;

	if (!iommufd_model_grow(&used, sizeof(*cookies->used), words, more / WORD_BITS))
		return -ENOMEM;
	cookies->used = used;
	if (!iommufd_model_grow(&entries, sizeof(*cookies->entries), cookies->size, more))
		return -ENOMEM;
	cookies->entries = entries;
	cookies->size += more;
	cookies->used[0] |= 1; /* no group has 0 */
	return 0;
}

int
iommufd_model_cookie_take(struct iommufd_model_cookies *cookies,
			  struct iommufd_model_group *group)
{
	struct iommufd_model_cookie *entry;
	uint32_t word = cookies->hint;

	while (word < cookies->size / WORD_BITS && cookies->used[word] == UINT64_MAX)
		word++;
	cookies->hint = word;
	if (word == cookies->size / WORD_BITS && cookies_grow(cookies) < 0)
		return -ENOMEM;
	group->cookie = word * WORD_BITS + (uint32_t)__builtin_ctzll(~cookies->used[word]);
	cookies->used[word] |= UINT64_C(1) << group->cookie % WORD_BITS;
	cookies->nb++;
	entry = &cookies->entries[group->cookie];
	*entry = (struct iommufd_model_cookie){
		.group = group,
		.endpoint_id = group->endpoint_id,
		.pasid = group->last.pasid,
		.prgi = group->last.prgi,
	};
	return 0;
}

void
iommufd_model_cookie_give(struct iommufd_model_cookies *cookies, uint32_t cookie,
			  enum iommufd_kernel_refused ended)
{
	cookies->entries[cookie].group = NULL;
	cookies->entries[cookie].ended = (uint8_t)ended;
	cookies->used[cookie / WORD_BITS] &= ~(UINT64_C(1) << cookie % WORD_BITS);
	cookies->hint = RTE_MIN(cookies->hint, cookie / WORD_BITS);
	cookies->nb--;
}

void
iommufd_model_cookie_fini(struct iommufd_model_cookies *cookies)
{
	emu_free(cookies->entries);
	emu_free(cookies->used);
}
