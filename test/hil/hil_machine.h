/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef HIL_MACHINE_H
#define HIL_MACHINE_H

/**
 * @file
 * A machine of QEMU's with an IOMMU, whose processor does nothing: memory, registers and time are
 * ours. One at a time in a process; one thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include "hil_find.h"
#include "hil_memory.h"
#include "hil_process.h"
#include "hil_qtest.h"

/** Bytes of memory of a machine. */
#define HIL_RAM_SIZE (UINT64_C(256) << 20)

struct hil_machine;

/** A kind of machine. */
struct hil_model {
	const char *name;      /**< of the IOMMU */
	const char *program;   /**< of QEMU */
	uint64_t ram_pa;       /**< where memory begins */
	uint64_t ecam_pa;      /**< where the configuration space of PCI functions begins */
	uint64_t bar_pa;       /**< from here on there is room for BARs */
	uint64_t regs_pa;      /**< registers of the unit; 0: BAR 0 of the function regs_devfn */
	uint8_t regs_devfn;
	uint32_t regs_size;    /**< in bytes */
	/** Words of the command line, but those that all machines have. */
	void (*args)(struct hil_machine *machine, struct hil_args *args);
	/** The rest, once it runs. NULL: nothing. */
	void (*prepare)(struct hil_machine *machine);
};

extern const struct hil_model hil_model_smmuv3;
extern const struct hil_model hil_model_vtd;
extern const struct hil_model hil_model_riscv_pci;
extern const struct hil_model hil_model_riscv_sys;

/** A machine that runs. */
struct hil_machine {
	const struct hil_model *model;
	struct hil_found qemu;
	struct hil_process process;
	struct hil_qtest link;
	struct hil_memory_file ram;
	struct hil_memory_file bios;  /**< where the model has one of its own */
	struct hil_memory memory;
	uint64_t regs_pa;             /**< of the unit */
	uint64_t bar_next;            /**< where the next BAR goes */
	bool own_time;                /**< virtual time stands still: hil_qtest_clock_step() */
};

/**
 * Start a machine with a QEMU of a major version from min to max.
 *
 * @param devices further words of the command line, separated by blanks
 * @param why HIL_WHY_SIZE bytes, set to one line in case of an error
 * @return NULL: see why
 */
struct hil_machine *
hil_machine_start(const struct hil_model *model, unsigned int min, unsigned int max,
		  const char *devices, char *why);

/** The machine that runs; NULL: none. */
struct hil_machine *
hil_machine_get(void);

/** End it. Nothing where none runs. */
void
hil_machine_stop(void);

static inline uint64_t
hil_read(struct hil_machine *machine, uint64_t pa, unsigned int size)
{
	return hil_qtest_read(&machine->link, pa, size);
}

static inline void
hil_write(struct hil_machine *machine, uint64_t pa, unsigned int size, uint64_t value)
{
	hil_qtest_write(&machine->link, pa, size, value);
}

#endif /* HIL_MACHINE_H */
