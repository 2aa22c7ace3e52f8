/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * The platform "qtest": registers and memory of the machine that runs. Addresses of the machine
 * are not those of this process, so that whoever takes one for the other is found out.
 */

#include <errno.h>

#include <rte_log.h>

#include <uiommu_driver.h>

#include "hil_machine.h"
#include "hil_platform.h"

static const struct hil_hooks no_hooks;
static const struct hil_hooks *hooks = &no_hooks;

void
hil_platform_hooks_set(const struct hil_hooks *wanted)
{
	hooks = wanted != NULL ? wanted : &no_hooks;
}

static uint64_t
reg_read(struct uiommu_platform *plat, uint32_t offset, unsigned int size)
{
	struct hil_machine *machine = plat->priv;
	uint64_t value = hil_read(machine, machine->regs_pa + offset, size);

	if (hooks->read != NULL)
		hooks->read(offset, &value);
	return value;
}

static void
reg_write(struct uiommu_platform *plat, uint32_t offset, unsigned int size, uint64_t value)
{
	struct hil_machine *machine = plat->priv;

	if (hooks->write != NULL)
		hooks->write(offset, value);
	hil_write(machine, machine->regs_pa + offset, size, value);
}

static int
qtest_open(struct uiommu_platform *plat, struct uiommu_args *args)
{
	struct hil_machine *machine = hil_machine_get();
	uint64_t address;

	if (machine == NULL) {
		RTE_LOG(ERR, USER1, "%s: no machine runs\n", plat->name);
		return -ENODEV;
	}
	address = machine->regs_pa;
	if (uiommu_args_get_u64(args, "address", 0, UINT64_MAX, &address) != 0)
		return -EINVAL;
	if (address == 0) {
		RTE_LOG(ERR, USER1, "%s: the machine has no such unit\n", plat->name);
		return -ENODEV;
	}
	machine->regs_pa = address;
	plat->priv = machine;
	plat->regs = NULL;
	plat->regs_size = machine->model->regs_size;
	plat->coherent = true;
	return 0;
}

static void
qtest_close(struct uiommu_platform *plat)
{
	plat->priv = NULL;
}

static uint32_t
qtest_read32(struct uiommu_platform *plat, uint32_t offset)
{
	return (uint32_t)reg_read(plat, offset, 4);
}

static uint64_t
qtest_read64(struct uiommu_platform *plat, uint32_t offset)
{
	return reg_read(plat, offset, 8);
}

static void
qtest_write32(struct uiommu_platform *plat, uint32_t offset, uint32_t value)
{
	reg_write(plat, offset, 4, value);
}

static void
qtest_write64(struct uiommu_platform *plat, uint32_t offset, uint64_t value)
{
	reg_write(plat, offset, 8, value);
}

static int
qtest_dma_alloc(struct uiommu_platform *plat, size_t size, size_t align, struct uiommu_dma *mem)
{
	struct hil_machine *machine = plat->priv;
	void *va = hil_memory_take(&machine->memory, size, align);

	if (va == NULL)
		return -ENOMEM;
	*mem = (struct uiommu_dma){
		.va = va, .pa = hil_memory_pa(&machine->memory, va, size), .size = size};
	return 0;
}

static void
qtest_dma_free(struct uiommu_platform *plat, struct uiommu_dma *mem)
{
	struct hil_machine *machine = plat->priv;

	hil_memory_give(&machine->memory, mem->va, mem->size);
}

static int
qtest_pa_of(struct uiommu_platform *plat, const void *va, size_t len, uint64_t *pa)
{
	struct hil_machine *machine = plat->priv;

	*pa = hil_memory_pa(&machine->memory, va, len);
	return *pa != UINT64_MAX ? 0 : -EFAULT;
}

static const struct uiommu_platform_ops qtest_platform_ops = {
	.name = "qtest",
	.open = qtest_open,
	.close = qtest_close,
	.read32 = qtest_read32,
	.read64 = qtest_read64,
	.write32 = qtest_write32,
	.write64 = qtest_write64,
	.dma_alloc = qtest_dma_alloc,
	.dma_free = qtest_dma_free,
	.pa_of = qtest_pa_of,
};

UIOMMU_PLATFORM_REGISTER(qtest_platform_ops);
