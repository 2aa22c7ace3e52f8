/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include "hil_pci.h"

/** Ports of configuration mechanism 1. */
#define PORT_ADDRESS 0xcf8
#define PORT_DATA 0xcfc
/** Q35: PCIEXBAR of the host bridge, with its enable bit. */
#define PCIEXBAR 0x60
#define PCIEXBAR_ENABLE 1
/** Bits 2:1 of a memory BAR: it has 64 bits. */
#define BAR_TYPE_MASK 6
#define BAR_TYPE_64 4
#define BAR_FLAGS_MASK 0xf

void
hil_pci_ecam_on(struct hil_machine *machine)
{
	hil_qtest_out(&machine->link, PORT_ADDRESS, UINT32_C(0x80000000) | (PCIEXBAR + 4));
	hil_qtest_out(&machine->link, PORT_DATA, (uint32_t)(machine->model->ecam_pa >> 32));
	hil_qtest_out(&machine->link, PORT_ADDRESS, UINT32_C(0x80000000) | PCIEXBAR);
	hil_qtest_out(&machine->link, PORT_DATA,
		      (uint32_t)machine->model->ecam_pa | PCIEXBAR_ENABLE);
}

static uint64_t
place(const struct hil_machine *machine, uint8_t devfn, uint16_t reg)
{
	return machine->model->ecam_pa + ((uint64_t)devfn << 12) + reg;
}

uint32_t
hil_pci_read(struct hil_machine *machine, uint8_t devfn, uint16_t reg)
{
	return (uint32_t)hil_read(machine, place(machine, devfn, reg), 4);
}

void
hil_pci_write(struct hil_machine *machine, uint8_t devfn, uint16_t reg, uint32_t value)
{
	hil_write(machine, place(machine, devfn, reg), 4, value);
}

/* Bytes of BAR 0: what stays 0 of all ones is its size. */
static uint64_t
bar_size(struct hil_machine *machine, uint8_t devfn)
{
	uint32_t bits;

	hil_pci_write(machine, devfn, HIL_PCI_BAR0, UINT32_MAX);
	bits = hil_pci_read(machine, devfn, HIL_PCI_BAR0) & ~(uint32_t)BAR_FLAGS_MASK;
	return bits == 0 ? 0 : (uint64_t)(~bits) + 1;
}

uint64_t
hil_pci_enable(struct hil_machine *machine, uint8_t devfn, uint32_t id)
{
	uint64_t size, pa;
	uint32_t type;

	if (hil_pci_read(machine, devfn, HIL_PCI_ID) != id)
		return 0;
	size = bar_size(machine, devfn);
	if (size == 0)
		return 0;
	pa = (machine->bar_next + size - 1) / size * size;
	machine->bar_next = pa + size;
	type = hil_pci_read(machine, devfn, HIL_PCI_BAR0) & BAR_TYPE_MASK;
	hil_pci_write(machine, devfn, HIL_PCI_BAR0, (uint32_t)pa);
	if (type == BAR_TYPE_64)
		hil_pci_write(machine, devfn, HIL_PCI_BAR0 + 4, (uint32_t)(pa >> 32));
	hil_pci_write(machine, devfn, HIL_PCI_COMMAND, HIL_PCI_COMMAND_ON);
	return pa;
}
