/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>

#include <rte_atomic.h>

#include "hil_qtest.h"

/** Bound on each wait for an answer. */
#define PATIENCE_MS 20000
/** How long a child that has closed its end may take to end. */
#define LAST_BREATH_MS 500

void
hil_qtest_init(struct hil_qtest *link, struct hil_process *process)
{
	*link = (struct hil_qtest){.process = process};
}

const char *
hil_qtest_broken(const struct hil_qtest *link)
{
	return link->is_broken ? link->why : NULL;
}

/* The first reason counts, and the child's own words more than ours. */
static void
break_link(struct hil_qtest *link, const char *why)
{
	char end[HIL_WHY_SIZE];
	unsigned int i;

	if (link->is_broken)
		return;
	link->is_broken = true;
	for (i = 0; i < LAST_BREATH_MS / 10; i++) {
		if (hil_process_has_ended(link->process, end)) {
			snprintf(link->why, sizeof(link->why), "QEMU has ended, %.*s",
				 HIL_WHY_SIZE - 20, end);
			break;
		}
		usleep(10000);
	}
	if (link->why[0] == '\0')
		snprintf(link->why, sizeof(link->why), "QEMU: %s", why);
	fprintf(stderr, "qtest: %s\n", link->why);
}

/* More of what came. @return whether there is any */
static bool
receive(struct hil_qtest *link)
{
	struct pollfd wait = {.fd = link->process->socket, .events = POLLIN};
	ssize_t got;
	int ret;

	if (link->in_begin > 0) {
		memmove(link->in, link->in + link->in_begin, link->in_end - link->in_begin);
		link->in_end -= link->in_begin;
		link->in_begin = 0;
	}
	do {
		ret = poll(&wait, 1, PATIENCE_MS);
	} while (ret < 0 && errno == EINTR);
	if (ret <= 0) {
		break_link(link, "no answer in time");
		return false;
	}
	got = read(link->process->socket, link->in + link->in_end,
		   sizeof(link->in) - link->in_end);
	if (got <= 0) {
		break_link(link, "link closed");
		return false;
	}
	link->in_end += (size_t)got;
	return true;
}

/* The next line, without its end; valid until the next call. @return NULL: broken */
static char *
line_next(struct hil_qtest *link)
{
	for (;;) {
		char *begin = link->in + link->in_begin;
		char *end = memchr(begin, '\n', link->in_end - link->in_begin);

		if (end != NULL) {
			*end = '\0';
			link->in_begin = (size_t)(end + 1 - link->in);
			return begin;
		}
		if (link->in_begin == 0 && link->in_end == sizeof(link->in)) {
			break_link(link, "a line without end");
			return NULL;
		}
		if (!receive(link))
			return NULL;
	}
}

/* @return whether a line is news of an interrupt, which may come between answers */
static bool
irq_take(struct hil_qtest *link, const char *line)
{
	unsigned int irq;
	bool raised;

	if (strncmp(line, "IRQ ", 4) != 0)
		return false;
	raised = strncmp(line, "IRQ raise ", 10) == 0;
	irq = (unsigned int)strtoul(line + 10, NULL, 10);
	if (irq < HIL_QTEST_IRQS) {
		link->raised[irq] += raised;
		link->level[irq] = raised;
	}
	return true;
}

/* The next answer. @return its value, 0 where it has none; all ones: broken */
static uint64_t
answer_next(struct hil_qtest *link)
{
	char *line;

	do {
		line = line_next(link);
	} while (line != NULL && irq_take(link, line));
	if (line == NULL)
		return UINT64_MAX;
	if (strncmp(line, "OK", 2) != 0) {
		break_link(link, line);
		return UINT64_MAX;
	}
	return line[2] == ' ' ? strtoull(line + 3, NULL, 0) : 0;
}

void
hil_qtest_flush(struct hil_qtest *link)
{
	while (link->posted > 0 && !link->is_broken) {
		link->posted--;
		(void)answer_next(link);
	}
	/* what the other side has written to memory is looked at only now */
	rte_mb();
}

static void
post(struct hil_qtest *link, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Send a line whose answer is outstanding from then on. */
static void
post(struct hil_qtest *link, const char *fmt, ...)
{
	char line[256];
	va_list args;
	size_t len, sent = 0;
	ssize_t ret;

	if (link->posted >= HIL_QTEST_POSTED)
		hil_qtest_flush(link);
	if (link->is_broken)
		return;
	va_start(args, fmt);
	len = (size_t)vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	/* memory that we have written is there before the other side hears of it */
	rte_mb();
	while (sent < len) {
		ret = send(link->process->socket, line + sent, len - sent, MSG_NOSIGNAL);
		if (ret < 0 && errno == EINTR)
			continue;
		if (ret < 0) {
			break_link(link, strerror(errno));
			return;
		}
		sent += (size_t)ret;
	}
	link->posted++;
}

/* Answer to the line that was posted last. */
static uint64_t
answer(struct hil_qtest *link)
{
	while (link->posted > 1 && !link->is_broken) {
		link->posted--;
		(void)answer_next(link);
	}
	if (link->is_broken)
		return UINT64_MAX;
	link->posted = 0;
	return answer_next(link);
}

uint64_t
hil_qtest_read(struct hil_qtest *link, uint64_t pa, unsigned int size)
{
	uint64_t value;

	link->reads++;
	post(link, "read%c 0x%" PRIx64 "\n", size == 8 ? 'q' : 'l', pa);
	value = answer(link);
	rte_mb();
	return size == 8 ? value : (uint32_t)value;
}

void
hil_qtest_write(struct hil_qtest *link, uint64_t pa, unsigned int size, uint64_t value)
{
	link->writes++;
	post(link, "write%c 0x%" PRIx64 " 0x%" PRIx64 "\n", size == 8 ? 'q' : 'l', pa, value);
}

uint32_t
hil_qtest_in(struct hil_qtest *link, uint16_t port)
{
	post(link, "inl 0x%x\n", port);
	return (uint32_t)answer(link);
}

void
hil_qtest_out(struct hil_qtest *link, uint16_t port, uint32_t value)
{
	post(link, "outl 0x%x 0x%x\n", port, value);
}

void
hil_qtest_clock_step(struct hil_qtest *link, uint64_t ns)
{
	post(link, "clock_step %" PRIu64 "\n", ns);
	(void)answer(link);
}

void
hil_qtest_intercept(struct hil_qtest *link, const char *qom_path)
{
	post(link, "irq_intercept_in %s\n", qom_path);
	(void)answer(link);
}
