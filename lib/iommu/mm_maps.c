/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Mappings of this process, from /proc/self/maps. A line has
 *
 *   begin-end rwxp ...
 *
 * in hexadecimal without prefix, a letter or '-' for each permission, then what we do not need.
 */

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mm_self.h"

enum column {
	COLUMN_BEGIN = 0,
	COLUMN_END,
	COLUMN_READ,
	COLUMN_WRITE,
	COLUMN_EXEC,
	COLUMN_REST,
};

static uint64_t
digit_add(uint64_t number, char c)
{
	if (c >= '0' && c <= '9')
		return number << 4 | (uint64_t)(c - '0');
	if (c >= 'a' && c <= 'f')
		return number << 4 | (uint64_t)(c - 'a' + 10);
	return number;
}

static void
char_take(struct uiommu_mm_maps *maps, char c)
{
	switch (maps->column) {
	case COLUMN_BEGIN:
		maps->begin = digit_add(maps->begin, c);
		maps->column += c == '-';
		break;
	case COLUMN_END:
		maps->end = digit_add(maps->end, c);
		maps->column += c == ' ';
		break;
	case COLUMN_READ:
		maps->prot |= c == 'r' ? PROT_READ : 0;
		maps->column++;
		break;
	case COLUMN_WRITE:
		maps->prot |= c == 'w' ? PROT_WRITE : 0;
		maps->column++;
		break;
	case COLUMN_EXEC:
		maps->prot |= c == 'x' ? PROT_EXEC : 0;
		maps->column++;
		break;
	default:
		break;
	}
}

void
uiommu_pvt_mm_maps_feed(struct uiommu_mm_maps *maps, const char *text, size_t length,
			uiommu_mm_maps_visit_t visit, void *arg)
{
	static const struct uiommu_mm_maps line_begin;
	size_t i;

	for (i = 0; i < length; i++) {
		if (text[i] != '\n') {
			char_take(maps, text[i]);
			continue;
		}
		if (maps->column == COLUMN_REST)
			visit(arg, maps->begin, maps->end, maps->prot);
		*maps = line_begin;
	}
}

int
uiommu_pvt_mm_maps_read(uiommu_mm_maps_visit_t visit, void *arg)
{
	struct uiommu_mm_maps maps = {0};
	char text[4096];
	ssize_t length;
	int ret = 0;
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	for (;;) {
		length = read(fd, text, sizeof(text));
		if (length < 0 && errno == EINTR)
			continue;
		if (length < 0)
			ret = -errno;
		if (length <= 0)
			break;
		uiommu_pvt_mm_maps_feed(&maps, text, (size_t)length, visit, arg);
	}
	close(fd);
	return ret;
}
