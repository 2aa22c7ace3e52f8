/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <stdio.h>
#include <string.h>

#include "hil_machine.h"

/** Bytes at the start of memory that no table and no buffer lies in: there may be firmware's. */
#define RESERVED (UINT64_C(16) << 20)

static struct hil_machine machine;
static bool is_running;

struct hil_machine *
hil_machine_get(void)
{
	return is_running ? &machine : NULL;
}

void
hil_machine_stop(void)
{
	if (!is_running)
		return;
	is_running = false;
	hil_process_stop(&machine.process);
	hil_memory_fini(&machine.memory);
	hil_memory_file_close(&machine.ram);
	if (machine.bios.va != NULL)
		hil_memory_file_close(&machine.bios);
}

/* What all machines have, after what the model wants. */
static int
run(const char *devices)
{
	struct hil_args args = {.nb = 0};
	int ret;

	hil_args_add(&args, "%s", machine.qemu.path);
	hil_args_add(&args, "-nodefaults -display none -m %u", (unsigned int)(HIL_RAM_SIZE >> 20));
	hil_args_add(&args, "-object memory-backend-file,id=r0,size=%uM,share=on,mem-path=%s",
		     (unsigned int)(HIL_RAM_SIZE >> 20), machine.ram.path);
	hil_args_add(&args, "-chardev socket,id=qtest,fd=%d -qtest chardev:qtest -qtest-log none",
		     HIL_SOCKET_FD);
	machine.model->args(&machine, &args);
	if (*devices != '\0')
		hil_args_add(&args, "%s", devices);
	ret = hil_process_start(&machine.process, &args);
	hil_args_free(&args);
	return ret;
}

static int
bring_up(const char *devices)
{
	int ret = hil_memory_file_open(&machine.ram, "hil-ram", HIL_RAM_SIZE);

	if (ret == 0)
		ret = hil_memory_init(&machine.memory, machine.ram.va, machine.model->ram_pa,
				      HIL_RAM_SIZE, RESERVED);
	if (ret == 0)
		ret = run(devices);
	return ret;
}

struct hil_machine *
hil_machine_start(const struct hil_model *model, unsigned int min, unsigned int max,
		  const char *devices, char *why)
{
	int ret;

	hil_machine_stop();
	machine = (struct hil_machine){.model = model, .bar_next = model->bar_pa,
				       .regs_pa = model->regs_pa};
	if (!hil_find(model->program, min, max, &machine.qemu)) {
		snprintf(why, HIL_WHY_SIZE, "no %s of version %u to %u", model->program, min, max);
		return NULL;
	}
	is_running = true;
	ret = bring_up(devices);
	if (ret != 0) {
		hil_machine_stop();
		snprintf(why, HIL_WHY_SIZE, "%s: %s", model->program, strerror(-ret));
		return NULL;
	}
	hil_qtest_init(&machine.link, &machine.process);
	if (model->prepare != NULL)
		model->prepare(&machine);
	/* whether it runs at all: any answer will do */
	(void)hil_read(&machine, model->ram_pa, 4);
	if (hil_qtest_broken(&machine.link) == NULL)
		return &machine;
	snprintf(why, HIL_WHY_SIZE, "%s", hil_qtest_broken(&machine.link));
	hil_machine_stop();
	return NULL;
}
