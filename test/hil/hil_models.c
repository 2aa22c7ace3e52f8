/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * The machines: where things are, and how their processors are kept from doing anything. Up to
 * QEMU 10 Debian packages no accelerator "qtest", so a processor is there, and is parked; time
 * must go on for devices that have timers, so -S would not do.
 */

#include <stdio.h>
#include <string.h>

#include "hil_machine.h"
#include "hil_pci.h"

/** Version from which on the accelerator "qtest" is packaged. */
#define HAS_QTEST_ACCEL 11

/* Time runs as fast as it can where a processor sleeps; else it stands still until we say so. */
static void
accel(struct hil_machine *machine, struct hil_args *args)
{
	machine->own_time = machine->qemu.major >= HAS_QTEST_ACCEL;
	hil_args_add(args, machine->own_time ? "-accel qtest"
					     : "-accel tcg -icount shift=0,sleep=off");
}

/* ------------------------------------------------------------------ SMMUv3 */

static void
smmuv3_args(struct hil_machine *machine, struct hil_args *args)
{
	hil_args_add(args, "-machine virt,iommu=smmuv3,memory-backend=r0");
	accel(machine, args);
	hil_args_add(args, machine->own_time ? "-cpu cortex-a57"
					     : "-cpu cortex-a57,start-powered-off=on");
}

const struct hil_model hil_model_smmuv3 = {
	.name = "smmuv3",
	.program = "qemu-system-aarch64",
	.ram_pa = UINT64_C(0x40000000),
	.ecam_pa = UINT64_C(0x4010000000),
	.bar_pa = UINT64_C(0x10000000),
	.regs_pa = UINT64_C(0x09050000),
	.regs_size = 0x20000,
	.args = smmuv3_args,
};

/* -------------------------------------------------------------------- VT-d */

#define BIOS_SIZE 0x10000
/** Where the processor begins. */
#define BIOS_RESET 0xfff0

/* Firmware that turns interrupts off and halts: cli; hlt; jmp to the hlt. */
static void
vtd_bios(struct hil_machine *machine)
{
	static const uint8_t park[] = {0xfa, 0xf4, 0xeb, 0xfd};

	if (hil_memory_file_open(&machine->bios, "hil-bios", BIOS_SIZE) == 0)
		memcpy(machine->bios.va + BIOS_RESET, park, sizeof(park));
}

static void
vtd_args(struct hil_machine *machine, struct hil_args *args)
{
	const char *unit = "x-scalable-mode=on,aw-bits=48";

	if (machine->qemu.major >= 11)
		unit = "scalable-mode=on,fsts=on,svm=on,pasid-bits=20,device-iotlb=on,aw-bits=48";
	else if (machine->qemu.major >= 10)
		unit = "x-scalable-mode=on,x-flts=on,aw-bits=48";
	vtd_bios(machine);
	hil_args_add(args, "-vga none -machine q35,memory-backend=r0");
	accel(machine, args);
	hil_args_add(args, "-bios %s -device intel-iommu,%s", machine->bios.path, unit);
}

const struct hil_model hil_model_vtd = {
	.name = "vtd",
	.program = "qemu-system-x86_64",
	.ram_pa = 0,
	.ecam_pa = UINT64_C(0xb0000000),
	.bar_pa = UINT64_C(0xe0000000),
	.regs_pa = UINT64_C(0xfed90000),
	.regs_size = 0x1000,
	.args = vtd_args,
	.prepare = hil_pci_ecam_on,
};

/* ------------------------------------------------------------------ RISC-V */

/** Function of the unit, and what it is. */
#define RISCV_DEVFN 0x08
#define RISCV_ID UINT32_C(0x00141b36)

static void
riscv_args(struct hil_machine *machine, struct hil_args *args)
{
	static const uint32_t park[] = {0x10500073, 0xffdff06f}; /* wfi; jump to it */

	memcpy(machine->ram.va, park, sizeof(park));
	hil_args_add(args, "-bios none -machine virt,memory-backend=r0%s",
		     machine->model->regs_pa != 0 ? ",iommu-sys=on" : "");
	accel(machine, args);
	if (machine->model->regs_pa == 0)
		hil_args_add(args, "-device riscv-iommu-pci,addr=1");
}

static void
riscv_prepare(struct hil_machine *machine)
{
	machine->regs_pa = hil_pci_enable(machine, machine->model->regs_devfn, RISCV_ID);
}

#define RISCV(...)                                                                                 \
	{                                                                                          \
		.program = "qemu-system-riscv64", .ram_pa = UINT64_C(0x80000000),                  \
		.ecam_pa = UINT64_C(0x30000000), .bar_pa = UINT64_C(0x40000000),                   \
		.regs_size = 0x1000, .args = riscv_args, __VA_ARGS__                               \
	}

const struct hil_model hil_model_riscv_pci =
	RISCV(.name = "riscv-pci", .regs_devfn = RISCV_DEVFN, .prepare = riscv_prepare);
const struct hil_model hil_model_riscv_sys =
	RISCV(.name = "riscv-sys", .regs_pa = UINT64_C(0x03010000));
