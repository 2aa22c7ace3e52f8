/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef UIOMMU_DRIVER_PLATFORM_H
#define UIOMMU_DRIVER_PLATFORM_H

/**
 * @file
 * For those who write platforms, and for drivers, which stand on them.
 *
 * A platform knows where a unit is: by which registers, in which memory, through which files. It
 * knows no vendor, but for the name of the driver that it opens a unit for.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include <rte_byteorder.h>
#include <rte_common.h>
#include <rte_io.h>

#ifdef __cplusplus
extern "C" {
#endif

struct uiommu_args;
struct uiommu_platform;

/** A piece of memory that the unit can reach. */
struct uiommu_dma {
	void *va;          /**< for the processor */
	uint64_t pa;       /**< for the unit ("physical", or what the platform maps to it) */
	size_t size;       /**< in bytes */
	const void *priv;  /**< of the platform */
};

/** What a platform says of the device of an endpoint. */
struct uiommu_file_device {
	bool is_vf;              /**< virtual function: page requests are its physical function's */
	bool has_page_requests;  /**< it is known to have a page request interface */
	bool lacks_page_requests; /**< it is known to have none */
};

/** What system calls a platform carries out where a unit is reached by files, not registers. */
struct uiommu_file_ops {
	/**
	 * Open the unit (for iommufd: /dev/iommu). Control path.
	 *
	 * @return file descriptor; a negative errno, with one line in the log
	 */
	int (*context_open)(struct uiommu_platform *plat);
	/**
	 * Open the device of an endpoint (for iommufd: a VFIO character device). Control path.
	 *
	 * @param context as context_open() gave it
	 * @param device filled
	 * @return file descriptor; -ENODEV: none there; -EBUSY: in use; another negative errno.
	 *   With one line in the log
	 */
	int (*device_open)(struct uiommu_platform *plat, int context, uint32_t endpoint_id,
			   struct uiommu_file_device *device);
	/* As the system calls of these names, for a file of this platform; -errno, not -1. */
	void (*close)(struct uiommu_platform *plat, int fd);
	int (*ioctl)(struct uiommu_platform *plat, int fd, unsigned long request, void *arg);
	ssize_t (*read)(struct uiommu_platform *plat, int fd, void *buf, size_t len);
	ssize_t (*write)(struct uiommu_platform *plat, int fd, const void *buf, size_t len);
	/** POLLIN and so on of one file, now. */
	int (*poll)(struct uiommu_platform *plat, int fd, short events);
	/** descriptors are the kernel's: read(2) and io_uring work on them too */
	bool real;
};

/** What a platform does. */
struct uiommu_platform_ops {
	const char *name; /**< as in platform=; not empty */
	/**
	 * Open the registers of a unit.
	 *
	 * @param plat name, driver and socket_id are set; to be filled: priv, regs,
	 *   regs_size, coherent
	 * @param args for keys of its own
	 * @return 0 or a negative errno with one line in the log that says why
	 */
	int (*open)(struct uiommu_platform *plat, struct uiommu_args *args);
	void (*close)(struct uiommu_platform *plat);
	/** Registers, values in the processor's order. NULL where regs is set. */
	uint32_t (*read32)(struct uiommu_platform *plat, uint32_t offset);
	uint64_t (*read64)(struct uiommu_platform *plat, uint32_t offset);
	void (*write32)(struct uiommu_platform *plat, uint32_t offset, uint32_t value);
	void (*write64)(struct uiommu_platform *plat, uint32_t offset, uint64_t value);
	/**
	 * Zeroed memory, contiguous for the unit, for as long as the unit is open. Not for
	 * the data path.
	 *
	 * @param size in bytes
	 * @param align in bytes, power of two, at least 64
	 * @return 0; -ENOMEM
	 */
	int (*dma_alloc)(struct uiommu_platform *plat, size_t size, size_t align,
			 struct uiommu_dma *mem);
	void (*dma_free)(struct uiommu_platform *plat, struct uiommu_dma *mem);
	/**
	 * Where the unit finds memory of this process that stays in place. Control path. NULL: the
	 * platform cannot tell.
	 *
	 * @param va start
	 * @param len bytes that must lie together, within one page of the processor's
	 * @return 0; -EFAULT: it is not there, or it may move
	 */
	int (*pa_of)(struct uiommu_platform *plat, const void *va, size_t len, uint64_t *pa);
	/** How units are reached that have no registers, but files. NULL: they have registers. */
	const struct uiommu_file_ops *files;
};

/** An open platform of one unit. */
struct uiommu_platform {
	const struct uiommu_platform_ops *ops;
	const char *name;       /**< name of the unit */
	const char *driver;     /**< name of the unit's driver */
	int socket_id;          /**< NUMA node for memory */
	bool coherent;          /**< the unit's accesses to memory snoop the caches */
	volatile uint8_t *regs; /**< registers, where they are mapped; else NULL */
	size_t regs_size;       /**< bytes of registers */
	void *priv;             /**< of the platform */
};

static inline uint32_t
uiommu_reg_read32(struct uiommu_platform *plat, uint32_t offset)
{
	if (plat->regs != NULL)
		return rte_le_to_cpu_32(rte_read32(plat->regs + offset));
	return plat->ops->read32(plat, offset);
}

static inline uint64_t
uiommu_reg_read64(struct uiommu_platform *plat, uint32_t offset)
{
	if (plat->regs != NULL)
		return rte_le_to_cpu_64(rte_read64(plat->regs + offset));
	return plat->ops->read64(plat, offset);
}

static inline void
uiommu_reg_write32(struct uiommu_platform *plat, uint32_t offset, uint32_t value)
{
	if (plat->regs != NULL)
		rte_write32(rte_cpu_to_le_32(value), plat->regs + offset);
	else
		plat->ops->write32(plat, offset, value);
}

static inline void
uiommu_reg_write64(struct uiommu_platform *plat, uint32_t offset, uint64_t value)
{
	if (plat->regs != NULL)
		rte_write64(rte_cpu_to_le_64(value), plat->regs + offset);
	else
		plat->ops->write64(plat, offset, value);
}

static inline int
uiommu_dma_alloc(struct uiommu_platform *plat, size_t size, size_t align, struct uiommu_dma *mem)
{
	return plat->ops->dma_alloc(plat, size, align, mem);
}

/** Free and clear @p mem; nothing where it is clear. */
static inline void
uiommu_dma_free(struct uiommu_platform *plat, struct uiommu_dma *mem)
{
	if (mem->va == NULL)
		return;
	plat->ops->dma_free(plat, mem);
	memset(mem, 0, sizeof(*mem));
}

/** Add a platform to the list. For UIOMMU_PLATFORM_REGISTER(). */
void
uiommu_platform_register(const struct uiommu_platform_ops *ops);

/** Register at load time; @p pops is a struct uiommu_platform_ops with static life. */
#define UIOMMU_PLATFORM_REGISTER(pops)                                                             \
	RTE_INIT(uiommu_register_platform_##pops)                                                  \
	{                                                                                          \
		uiommu_platform_register(&pops);                                                   \
	}                                                                                          \
	struct uiommu_platform_register_semicolon_##pops

#ifdef __cplusplus
}
#endif

#endif /* UIOMMU_DRIVER_PLATFORM_H */
