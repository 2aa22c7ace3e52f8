/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "hil_memory.h"

static size_t
pages_of(size_t size)
{
	return (size + HIL_PAGE - 1) / HIL_PAGE;
}

int
hil_memory_init(struct hil_memory *memory, uint8_t *va, uint64_t pa, size_t size, size_t reserved)
{
	*memory = (struct hil_memory){.va = va, .pa = pa, .size = size};
	memory->taken = calloc(pages_of(size), 1);
	if (memory->taken == NULL)
		return -ENOMEM;
	memset(memory->taken, 1, pages_of(reserved));
	return 0;
}

void
hil_memory_fini(struct hil_memory *memory)
{
	free(memory->taken);
	memory->taken = NULL;
}

/* Whether nb pages from the given one on are free; else *next is set behind the one that is not */
static bool
is_free(const struct hil_memory *memory, size_t page, size_t nb, size_t *next)
{
	size_t i;

	for (i = nb; i-- > 0;) {
		if (memory->taken[page + i] == 0)
			continue;
		*next = page + i + 1;
		return false;
	}
	return true;
}

void *
hil_memory_take(struct hil_memory *memory, size_t size, size_t align)
{
	const size_t nb = pages_of(size), total = memory->size / HIL_PAGE;
	const size_t step = align > HIL_PAGE ? align / HIL_PAGE : 1;
	const size_t first = memory->pa / HIL_PAGE;
	size_t page = 0;

	for (;;) {
		page = (page + first + step - 1) / step * step - first;
		if (page + nb > total)
			return NULL;
		if (is_free(memory, page, nb, &page))
			break;
	}
	memset(memory->taken + page, 1, nb);
	return memset(memory->va + page * HIL_PAGE, 0, nb * HIL_PAGE);
}

void
hil_memory_give(struct hil_memory *memory, void *va, size_t size)
{
	memset(memory->taken + ((uint8_t *)va - memory->va) / HIL_PAGE, 0, pages_of(size));
}

uint64_t
hil_memory_pa(const struct hil_memory *memory, const void *va, size_t size)
{
	const uintptr_t begin = (uintptr_t)memory->va;
	const uintptr_t at = (uintptr_t)va;

	if (at < begin || at - begin >= memory->size || size > memory->size - (at - begin))
		return UINT64_MAX;
	return memory->pa + (at - begin);
}

void *
hil_memory_va(const struct hil_memory *memory, uint64_t pa, size_t size)
{
	if (pa < memory->pa || pa - memory->pa >= memory->size ||
	    size > memory->size - (pa - memory->pa))
		return NULL;
	return memory->va + (pa - memory->pa);
}

size_t
hil_memory_used(const struct hil_memory *memory)
{
	size_t i, used = 0;

	for (i = 0; i < memory->size / HIL_PAGE; i++)
		used += memory->taken[i];
	return used;
}
