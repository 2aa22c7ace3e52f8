/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef HIL_QTEST_H
#define HIL_QTEST_H

/**
 * @file
 * QEMU's qtest protocol: lines of text over a socket. One thread.
 *
 * Reads wait for their answer. Writes are sent at once and not waited for, as on a bus that posts
 * them: their answers are collected by the next read, or when HIL_QTEST_POSTED of them are
 * outstanding. QEMU carries everything out in the order in which it was sent.
 *
 * When the other side is gone or does not react, the link is broken for good: reads give all ones,
 * as of a device that was pulled out, and hil_qtest_broken() says why.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hil_process.h"

/** Writes that may be outstanding. */
#define HIL_QTEST_POSTED 64

/** Interrupts that are told apart. */
#define HIL_QTEST_IRQS 256

/** A link. */
struct hil_qtest {
	struct hil_process *process;
	unsigned int posted;           /**< answers outstanding */
	bool is_broken;
	char why[HIL_WHY_SIZE];        /**< why it is broken */
	char in[4096];                 /**< what came and was not looked at yet */
	size_t in_begin, in_end;
	uint32_t raised[HIL_QTEST_IRQS]; /**< times that an interrupt was raised */
	bool level[HIL_QTEST_IRQS];
	uint64_t reads, writes;        /**< register accesses so far */
};

/** The process must have been started, and must stay. */
void
hil_qtest_init(struct hil_qtest *link, struct hil_process *process);

/** @param size 4 or 8 bytes. @return all ones where the link is broken */
uint64_t
hil_qtest_read(struct hil_qtest *link, uint64_t pa, unsigned int size);

/** @param size 4 or 8 bytes */
void
hil_qtest_write(struct hil_qtest *link, uint64_t pa, unsigned int size, uint64_t value);

/** Ports of a PC, 4 bytes. */
uint32_t
hil_qtest_in(struct hil_qtest *link, uint16_t port);

void
hil_qtest_out(struct hil_qtest *link, uint16_t port, uint32_t value);

/** Virtual time goes on. Only with the accelerator "qtest". */
void
hil_qtest_clock_step(struct hil_qtest *link, uint64_t ns);

/** Interrupts that go into a part of the machine are told to us: hil_qtest::raised, level. */
void
hil_qtest_intercept(struct hil_qtest *link, const char *qom_path);

/** Wait until all writes were carried out. */
void
hil_qtest_flush(struct hil_qtest *link);

/** @return one line that says why the link is broken; NULL: it is not */
const char *
hil_qtest_broken(const struct hil_qtest *link);

#endif /* HIL_QTEST_H */
