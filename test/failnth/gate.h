/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef GATE_H
#define GATE_H

/**
 * @file
 * Makes the nth thing fail that a call of the library needs from outside.
 *
 * Functions of the same names as those of EAL, libc and the registry of drivers stand in this
 * program and are found first. They ask the gate, which counts on the thread that has armed it, and
 * nowhere else.
 *
 * On a unit that is the machine's own kernel it is the kernel that is made to fail, in system calls
 * of iommufd: each of its allocations in turn (Linux's Documentation/fault-injection, failslab).
 */

#include <stdbool.h>
#include <stdint.h>

#include <uiommu_emu.h>

/** What can fail. */
enum gate_kind {
	GATE_HEAP = 0, /**< memory of DPDK's heap, rings included */
	GATE_DMA,      /**< memory for the unit: memzones, and the platform's pieces of them */
	GATE_ARGS,     /**< devargs cannot be parsed for want of memory */
	GATE_LIBC,     /**< memory of libc's heap */
	GATE_FILE,     /**< a file descriptor, or a place in an epoll instance */
	GATE_THREAD,   /**< a thread cannot be started */
	GATE_MAPPING,  /**< pages are not mapped, or not made present */
	GATE_KERNEL,   /**< memory of the kernel's, for a system call of the driver's */
	GATE_REQUEST,  /**< the same, for a request that a device sends */
	GATE_REGISTER, /**< writes to registers: from this one on the unit is dead */
	GATE_KINDS,
};

/** Name of a kind. */
const char *gate_kind_name(enum gate_kind kind);

/** Bit of a kind in a set. */
#define GATE(kind) (1U << GATE_##kind)

/** Kinds whose things are refused one at a time, while a call of the library is under way. */
unsigned int gate_memory(void);

/** Kinds that can be made to fail: on this unit, by this build. */
unsigned int gate_kinds(void);

/** All of these can. */
static inline bool
gate_has(unsigned int kinds)
{
	return (gate_kinds() & kinds) == kinds;
}

/** Of them, those of libc. */
unsigned int gate_libc_kinds(void);

/** Of them, those of the machine's kernel. */
unsigned int gate_kernel_kinds(void);

/** The nth thing of the kinds fails; GATE_EACH: all of them. */
void gate_arm(unsigned int kinds, unsigned int nth);

#define GATE_EACH 0U

/** From the nth write to a register on the unit misbehaves. */
void gate_arm_unit(enum uiommu_emu_fault fault, unsigned int nth);

/**
 * Waits for the unit are so many times shorter than configured, from the next one on; 1: as
 * configured. A unit that is well has all the time it wants, on a busy machine too, and one
 * that is dead does not hold up the test.
 */
void gate_hurry(unsigned int times);

/** @return how often a thing was refused, or the unit made to misbehave, since it was armed */
unsigned int gate_disarm(void);

/** Things asked for since the last gate_arm(), refused or not. */
unsigned int gate_count(enum gate_kind kind);

/** For the stand-ins. @return false: let it fail */
bool gate_pass(enum gate_kind kind);

/** Whether the calling thread has armed the gate for this kind. */
bool gate_is_armed(enum gate_kind kind);

/** Things that pass before the one to be refused; 0: the next; UINT_MAX: it was already. */
unsigned int gate_ahead(void);

/** So many things of a kind have passed, and so many were refused. */
void gate_told(enum gate_kind kind, unsigned int passed, unsigned int refused);

/** Whether each of them is refused. */
bool gate_is_each(void);

/** What is asked for in between is libc's own affair. */
void gate_pause(bool pause);

/** For the stand-in of the platform: a register of this unit is about to be written. */
void gate_register_write(const char *unit);

/** Number of the ioctl that the driver is in, on this thread; 0: none. */
unsigned long gate_driver_request(void);

/** Pieces of memory for units that were taken and not given back. */
int64_t gate_dma_live(void);

/** The same of libc's heap, of those that were taken while the gate was armed. */
int64_t gate_libc_live(void);

/** The same of the kernel's objects: address spaces, page tables, fault queues, devices. */
int64_t gate_kernel_live(void);

#endif /* GATE_H */
