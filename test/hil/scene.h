/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef SCENE_H
#define SCENE_H

/**
 * @file
 * A unit with two devices behind it, and an application that is told what fails. The same
 * on QEMU's units and on emulated ones, so that one test sees both. Everything happens on the
 * thread of the case. The scene is alone in its case, and is taken down with it.
 */

#include <stdbool.h>
#include <stdint.h>

#include <rte_errno.h>

#include <uiommu.h>
#include <uiommu_emu.h>

#include "harness.h"
#include "hil_edu.h"
#include "hil_machine.h"
#include "hil_platform.h"
#include "hil_testdev.h"
#include "hil_units.h"

/** Devices, and the endpoints that they are. */
#define SCENE_DEVICES 2
#define SCENE_ID(device) ((uint32_t)(3 + (device)) << 3)
/** Slot of the device that says itself what was refused, where there is one. */
#define SCENE_TESTDEV_DEVFN (5 << 3)

/** Reports that are kept. */
#define SCENE_REPORTS 8192

/** Address that most scenes use. */
#define SCENE_IOVA UINT64_C(0x4000200000)

#define PAGE UINT64_C(0x1000)
#define LARGE UINT64_C(0x200000)

#define READ UIOMMU_PROT_READ
#define WRITE UIOMMU_PROT_WRITE

struct scene_conf {
	const char *devargs;         /**< further devargs, beginning with a comma; may be NULL */
	uint64_t more_capa;          /**< what the unit has besides, since hooks say so */
	bool no_start;               /**< configured only */
	struct uiommu_dev_conf dev;  /**< size and report are filled in */
};

struct scene {
	int16_t dev;
	bool open, started;
	struct uiommu_dev_info info;
	struct hil_machine *machine; /**< NULL: emulated */
	struct uiommu_emu *emu;      /**< NULL: QEMU's */
	struct hil_edu edu[SCENE_DEVICES];
	/** what a device of the emulation has loaded */
	uint8_t loaded[SCENE_DEVICES][PAGE];
	/** memory of the emulation's devices */
	uint8_t *memory;
	size_t memory_used;
	struct uiommu_report reports[SCENE_REPORTS];
	uint32_t nb_reports;         /**< that came, kept or not */
	uint32_t nb_looked;          /**< that a check has looked at */
	uint64_t hw_errors;          /**< errors of the unit that the case has made */
};

/** Start the machine, probe, configure, start, claim. @param conf NULL: defaults */
struct scene *
scene_open(const struct scene_conf *conf);

/** Nothing is left to report, the unit does what it is told: stop and close. */
void
scene_close(struct scene *scene);

/** Stop, with what is in force; the devices and their bonds stay. */
void
scene_stop(struct scene *scene);

void
scene_start(struct scene *scene);

/** Memory for devices, zeroed and aligned to its size. @return its address for us */
uint8_t *
scene_memory(struct scene *scene, size_t size, uint64_t *pa);

/** A device as an endpoint. */
struct uiommu_endpoint *
scene_endpoint(struct scene *scene, unsigned int device);

/** An empty address space of the unit's usual kind of table. */
struct uiommu_domain *
scene_domain(struct scene *scene);

/** Bond of the requests without PASID. */
struct uiommu_attach *
scene_attach(struct uiommu_endpoint *endpoint, struct uiommu_domain *domain);

/** Map, or end the case. */
void
scene_map(struct uiommu_domain *domain, uint64_t iova, uint64_t pa, uint64_t len, uint32_t prot);

/** Unmap, or end the case. */
void
scene_unmap(struct uiommu_domain *domain, uint64_t iova, uint64_t len);

/* ---------------------------------------------------------------------- DMA */

/** The device reads; it does not cross a page. What is refused is reported. */
void
scene_load(struct scene *scene, unsigned int device, uint64_t iova, uint32_t len);

/** The device writes what it has read last. */
void
scene_store(struct scene *scene, unsigned int device, uint64_t iova, uint32_t len);

/** Take what was reported: poll until nothing comes any more. */
void
scene_poll(struct scene *scene);

/** Poll until so many reports have come since the start; ends the case where they do not. */
void
scene_await(struct scene *scene, uint32_t nb_reports);

/** Nothing is reported that no check has looked at. */
void
scene_quiet(struct scene *scene);

/** The device writes the number that it reads at from, which must be readable. */
void
scene_copies(struct scene *scene, unsigned int device, uint64_t from, uint64_t to);

/** An access of 4 bytes is refused and reported, once. @return the report */
const struct uiommu_report *
scene_refused(struct scene *scene, unsigned int device, uint64_t iova, bool write);

/** The same, for this reason, and with the whole address. */
void
scene_refused_for(struct scene *scene, unsigned int device, uint64_t iova, bool write,
		  enum uiommu_report_reason reason);

/** A write is refused by the rights of a page that was read. */
void
scene_denied(struct scene *scene, unsigned int device, uint64_t iova);

/** A read of an endpoint that is there, and attached to nothing any more, is refused. */
void
scene_detached(struct scene *scene, unsigned int device, uint64_t iova);

/** An access is blocked; whether that is reported is left open. */
void
scene_blocked(struct scene *scene, unsigned int device, uint64_t iova, bool write);

/* ----------------------------------------------------------------- counters */

/** A counter by name, with the driver's own as "_name". Ends the case where there is none. */
uint64_t
scene_xstat(const struct scene *scene, const char *name);

/** Poll until a counter is above a number. */
void
scene_await_above(struct scene *scene, const char *name, uint64_t value);

/** A register of the unit's, past the driver. */
uint64_t
scene_reg(struct scene *scene, uint32_t offset, unsigned int size);

void
scene_reg_set(struct scene *scene, uint32_t offset, unsigned int size, uint64_t value);

/** Close a unit that has failed. */
void
scene_close_failed(struct scene *scene);

/** The scenes that every unit can play. */
extern const struct harness_suite dma_suite;
extern const struct harness_suite bonds_suite;
extern const struct harness_suite queues_suite;
extern const struct harness_suite refusals_suite;
extern const struct harness_suite requests_suite;
extern const struct harness_suite tables_suite;
extern const struct harness_suite transport_suite;

#endif /* SCENE_H */
