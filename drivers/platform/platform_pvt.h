/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef PLATFORM_PVT_H
#define PLATFORM_PVT_H

/**
 * @file
 * What the platforms of real hardware share: files that the kernel shows, DMA memory out of EAL,
 * and one line in the log for each refusal. Control path.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_common.h>
#include <rte_log.h>

#include <uiommu_driver.h>

extern int platform_logtype;

/** One line that names platform and unit. A refusal says what is wrong and what to do. */
#define PLATFORM_LOG(level, plat, fmt, ...)                                                        \
	rte_log(RTE_LOG_##level, (uint32_t)platform_logtype, "%s: %s: " fmt "\n",                  \
		(plat)->ops->name, (plat)->name, ##__VA_ARGS__)

/* ---------------------------------------------------------------- platform_file.c */

#define PLATFORM_PATH_SIZE 512
/** Name of a device or of a driver, with its end. */
#define PLATFORM_NAME_SIZE 64
/** Capability of the kernel: raw access to devices. */
#define PLATFORM_CAP_SYS_RAWIO 17

/** Put in front of all paths: empty, but in tests. */
extern const char *platform_root;

/** Make a path of an absolute one. What does not fit is cut off, and is not there. */
void
platform_path(char path[PLATFORM_PATH_SIZE], const char *fmt, ...) __rte_format_printf(2, 3);

/** Last word of what a symbolic link points to. @return 0; -errno; -ENAMETOOLONG */
int
platform_link_name(const char *path, char name[PLATFORM_NAME_SIZE]);

/**
 * Read a small file as text.
 *
 * @param text filled, and ended with a NUL; what does not fit is cut off
 * @return 0; -errno
 */
int
platform_read_text(const char *path, char *text, size_t size);

/** Whether a file is there. */
bool
platform_is_there(const char *path);

/** Whether this process may read and write a file. */
bool
platform_is_open_to_us(const char *path);

/** Whether this process has a capability of the kernel, by its number. */
bool
platform_has_capability(unsigned int number);

/* --------------------------------------------------------------- platform_claim.c */

/**
 * Note that a unit has a piece of hardware, so that no other one of this process gets it.
 *
 * @param what its name
 * @return 0; -EEXIST: a unit has it; -ENOMEM. With one line in the log
 */
int
platform_claim(const struct uiommu_platform *plat, const char *what);

/** Forget it; nothing where there is none. */
void
platform_unclaim(const struct uiommu_platform *plat);

/** Forget one of several that a unit has, by its name; nothing where there is none. */
void
platform_unclaim_one(const char *what);

/* -------------------------------------------------------------- platform_memory.c */

/**
 * Whether EAL's memory is of use to the unit.
 *
 * @param physical the unit takes physical addresses: nothing stands between it and memory
 * @return 0; -ENOTSUP, with one line in the log
 */
int
platform_memory_check(const struct uiommu_platform *plat, bool physical);

/** As uiommu_platform_ops::dma_alloc. Memory of EAL, with an address as EAL's IOVA mode has it. */
int
platform_dma_alloc(struct uiommu_platform *plat, size_t size, size_t align,
		   struct uiommu_dma *mem);

void
platform_dma_free(struct uiommu_platform *plat, struct uiommu_dma *mem);

/** As uiommu_platform_ops::pa_of, for memory that EAL knows; -EFAULT for any other. */
int
platform_pa_of(struct uiommu_platform *plat, const void *va, size_t len, uint64_t *pa);

/**
 * Whether the unit snoops caches: coherent=, or as is the rule for the architecture.
 *
 * @return 0; -EINVAL, with one line in the log
 */
int
platform_coherent_get(struct uiommu_platform *plat, struct uiommu_args *args);

#endif /* PLATFORM_PVT_H */
