/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Files by which the kernel tells what is there, and who may use it. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "platform_pvt.h"

const char *platform_root = "";

void
platform_path(char path[PLATFORM_PATH_SIZE], const char *fmt, ...)
{
	const size_t root = RTE_MIN(strlen(platform_root), (size_t)PLATFORM_PATH_SIZE - 1);
	va_list args;

	memcpy(path, platform_root, root);
	va_start(args, fmt);
	vsnprintf(path + root, PLATFORM_PATH_SIZE - root, fmt, args);
	va_end(args);
}

int
platform_link_name(const char *path, char name[PLATFORM_NAME_SIZE])
{
	char target[PATH_MAX];
	const char *last;
	ssize_t length = readlink(path, target, sizeof(target) - 1);

	if (length < 0)
		return -errno;
	target[length] = '\0';
	last = strrchr(target, '/');
	last = last == NULL ? target : last + 1;
	if (strlen(last) >= PLATFORM_NAME_SIZE)
		return -ENAMETOOLONG;
	memcpy(name, last, strlen(last) + 1);
	return 0;
}

int
platform_read_text(const char *path, char *text, size_t size)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t length = 0;
	ssize_t got = 1;
	int ret = 0;

	text[0] = '\0';
	if (fd < 0)
		return -errno;
	while (got > 0 && length < size - 1) {
		got = read(fd, text + length, size - 1 - length);
		if (got > 0)
			length += (size_t)got;
	}
	if (got < 0)
		ret = -errno;
	text[length] = '\0';
	close(fd);
	return ret;
}

bool
platform_is_there(const char *path)
{
	return faccessat(AT_FDCWD, path, F_OK, AT_EACCESS) == 0;
}

bool
platform_is_open_to_us(const char *path)
{
	return faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS) == 0;
}

bool
platform_has_capability(unsigned int number)
{
	static const char key[] = "CapEff:";
	char path[PLATFORM_PATH_SIZE], text[4096];
	const char *line;

	platform_path(path, "/proc/self/status");
	if (platform_read_text(path, text, sizeof(text)) != 0)
		return false;
	line = strstr(text, key);
	if (line == NULL)
		return false;
	return (strtoull(line + strlen(key), NULL, 16) >> number & 1) != 0;
}
