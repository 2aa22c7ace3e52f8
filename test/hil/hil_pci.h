/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef HIL_PCI_H
#define HIL_PCI_H

/** @file Functions on bus 0 of a machine, by ECAM. No firmware has run: BARs are ours to set. */

#include <stdint.h>

#include "hil_machine.h"

/** Registers of a function's configuration space. */
enum hil_pci_reg {
	HIL_PCI_ID = 0x00,      /**< vendor 15:0, device 31:16 */
	HIL_PCI_COMMAND = 0x04, /**< memory 1, bus master 2 */
	HIL_PCI_BAR0 = 0x10,
};

/** Memory on, bus master on. */
#define HIL_PCI_COMMAND_ON 6

/** ECAM is turned on by a register of the host bridge, which ports lead to (Q35). */
void
hil_pci_ecam_on(struct hil_machine *machine);

uint32_t
hil_pci_read(struct hil_machine *machine, uint8_t devfn, uint16_t reg);

void
hil_pci_write(struct hil_machine *machine, uint8_t devfn, uint16_t reg, uint32_t value);

/**
 * Give BAR 0 a place and turn the function on.
 *
 * @param id what HIL_PCI_ID must be
 * @return where BAR 0 is; 0: there is no such function
 */
uint64_t
hil_pci_enable(struct hil_machine *machine, uint8_t devfn, uint32_t id);

#endif /* HIL_PCI_H */
