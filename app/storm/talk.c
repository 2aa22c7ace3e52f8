/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_log.h>

#include "talk.h"

static bool holding;
static char first_line[256];
static int real_out = -1, real_err = -1;

void
talk(const char *format, ...)
{
	char line[512];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	fprintf(stderr, "uiommu-storm: %s\n", line);
}

/* The first word on a trouble is the closest to its cause. */
static void
keep(const char *text, size_t size)
{
	const char *prefixes[] = {"EAL: ", "uiommu: ", "FATAL: ", NULL};
	size_t len, i;

	if (first_line[0] != '\0' || rte_log_cur_msg_loglevel() > (int)RTE_LOG_ERR)
		return;
	for (i = 0; prefixes[i] != NULL; i++) {
		len = strlen(prefixes[i]);
		if (size > len && memcmp(text, prefixes[i], len) == 0) {
			text += len;
			size -= len;
		}
	}
	for (len = 0; len < size && text[len] != '\n'; len++)
		;
	snprintf(first_line, sizeof(first_line), "%.*s", (int)len, text);
}

static ssize_t
log_write(void *cookie, const char *text, size_t size)
{
	if (__atomic_load_n(&holding, __ATOMIC_RELAXED)) {
		keep(text, size);
		return (ssize_t)size;
	}
	return write(STDERR_FILENO, text, size);
}

int
talk_log_open(void)
{
	FILE *stream = fopencookie(NULL, "w", (cookie_io_functions_t){.write = log_write});

	if (stream == NULL)
		return -errno;
	setvbuf(stream, NULL, _IOLBF, 1024);
	return rte_openlog_stream(stream) < 0 ? -EIO : 0;
}

void
talk_hold(void)
{
	first_line[0] = '\0';
	__atomic_store_n(&holding, true, __ATOMIC_RELAXED);
}

void
talk_release(void)
{
	__atomic_store_n(&holding, false, __ATOMIC_RELAXED);
}

static int
mute(int fd)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int real = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

	if (null >= 0 && real >= 0)
		dup2(null, fd);
	if (null >= 0)
		close(null);
	return real;
}

static void
unmute(int fd, int real)
{
	if (real < 0)
		return;
	dup2(real, fd);
	close(real);
}

void
talk_mute(void)
{
	fflush(stdout);
	real_out = mute(STDOUT_FILENO);
	real_err = mute(STDERR_FILENO);
}

void
talk_unmute(void)
{
	fflush(stdout);
	unmute(STDOUT_FILENO, real_out);
	unmute(STDERR_FILENO, real_err);
}

const char *
talk_reason(const char *fallback)
{
	return first_line[0] == '\0' ? fallback : first_line;
}
