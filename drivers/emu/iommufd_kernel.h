/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef IOMMUFD_KERNEL_H
#define IOMMUFD_KERNEL_H

/**
 * @file
 * What plays the kernel's side of iommufd for the model "iommufd", as a table of functions.
 *
 * The model (iommufd_unit*.c) has the devices, the judge and the front panel. Its kernel (devargs
 * kernel=) has the files that the driver opens, and takes the devices' requests:
 *
 *   kernel=model  the ABI in this process: iommufd_model*.c
 *   kernel=mock   /dev/iommu of the machine, with mock devices behind it (CONFIG_IOMMUFD_TEST)
 *
 * Threads. File operations come on the threads of the driver: any, several at a time, with no lock
 * of the emulation held; they may block. raise(), responses() and lookup() come with the lock of
 * the emulation held (emu_enter()), one at a time, from any thread, also while file operations
 * are under way; the two sides need a lock of their own between them. A file operation must not
 * call into the emulation, but for emu_violation() and EMU_LOG().
 *
 * Order. After each write, ioctl and close, and before that returns to the driver, the model
 * takes what responses() has and judges it. So whatever the operation has caused must be
 * there by then, and an answer is judged by the state of its time.
 *
 * Faults by uiommu_emu_fault_set() are made by the model before a kernel sees the operation.
 */

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "emu_model.h"

struct iommufd_fault;
struct uiommu_emu;
struct uiommu_file_device;

/** What becomes of a request. */
enum iommufd_kernel_raised {
	IOMMUFD_KERNEL_QUEUED = 0, /**< in a fault queue, or kept for the last one of its group */
	/**
	 * The kernel had nobody to ask and has answered Invalid (last flag), or has dropped it (no
	 * last flag). That answer is not among responses()
	 */
	IOMMUFD_KERNEL_REFUSED,
	/** it cannot be made here: a kernel without IOMMUFD_KERNEL_GROUPS, no last flag */
	IOMMUFD_KERNEL_CANNOT,
};

/** Why the kernel takes no answer for a cookie. */
enum iommufd_kernel_refused {
	IOMMUFD_KERNEL_TAKEN = 0, /**< it was taken: the group is over */
	IOMMUFD_KERNEL_TOO_LATE,  /**< the kernel itself had answered this group, at a detach say */
	IOMMUFD_KERNEL_AGAIN,     /**< software had answered this group */
	IOMMUFD_KERNEL_STRANGE,   /**< no group ever had this cookie; the rest says nothing */
};

/** An answer to a group, or what software took for one. */
struct iommufd_kernel_answer {
	uint32_t endpoint_id;
	uint32_t pasid;  /**< or EMU_NO_PASID */
	uint16_t prgi;
	uint8_t code;    /**< enum uiommu_emu_code */
	bool by_kernel;  /**< at a detach, say: software wrote no answer */
	uint8_t refused; /**< enum iommufd_kernel_refused; for the judge */
	/** by_kernel: requests of the group, if software has not read it; 0: it has */
	uint16_t unread;
};

/** An address of a device that is looked up. */
struct iommufd_kernel_lookup {
	uint32_t endpoint_id;
	uint32_t pasid;  /**< or EMU_NO_PASID */
	uint64_t iova;
	uint16_t access; /**< EMU_REQ_READ, EMU_REQ_WRITE: all of it must be granted */
	bool ok;         /**< out: it is */
	uint16_t granted; /**< out, with ok: all rights that there are, EMU_REQ_READ and _WRITE */
	uint64_t pa;     /**< out, with ok: where iova lies, an address of this process */
};

/* Bits of struct iommufd_kernel::flags. */
/** requests without the last flag can be made: groups of several */
#define IOMMUFD_KERNEL_GROUPS (1U << 0)
/** responses() tells all answers: there is something to judge */
#define IOMMUFD_KERNEL_ANSWERS (1U << 1)
/** lookup() is there */
#define IOMMUFD_KERNEL_LOOKUP (1U << 2)
/** a bond has a PASID: attach with the PASID flag works */
#define IOMMUFD_KERNEL_PASIDS (1U << 3)
/** file descriptors are those of the machine's kernel: uiommu_file_ops::real */
#define IOMMUFD_KERNEL_REAL (1U << 4)

/** A kernel's side, for one unit. */
struct iommufd_kernel {
	struct uiommu_emu *emu; /**< whose it is; for emu_violation(), EMU_LOG() */
	uint32_t flags;         /**< IOMMUFD_KERNEL_*; set by open() */
	/**
	 * requests that were kept for the last one of their group, less those for which it came:
	 * since the model looked; any thread, atomic, modulo 2^64
	 */
	uint64_t kept;
	void *priv;             /**< of the kernel, zeroed, priv_size bytes */
};

struct iommufd_kernel_ops {
	const char *name; /**< kernel=; not empty */
	size_t priv_size;
	/**
	 * The unit is probed. Keys of its own are read from args.
	 *
	 * @return 0; -ENODEV: not on this machine; -EINVAL: bad argument; -ENOMEM; with one line
	 *   in the log
	 */
	int (*open)(struct iommufd_kernel *kernel, struct uiommu_args *args);
	/** The unit is closed: files that the driver has left open go too. */
	void (*close)(struct iommufd_kernel *kernel);

	/* As in struct uiommu_file_ops: -errno in place of -1. */
	int (*context_open)(struct iommufd_kernel *kernel);
	/** @param device is_vf and the like are set already, as plugged in; may be changed */
	int (*device_open)(struct iommufd_kernel *kernel, int context, uint32_t endpoint_id,
			   struct uiommu_file_device *device);
	void (*file_close)(struct iommufd_kernel *kernel, int fd);
	int (*ioctl)(struct iommufd_kernel *kernel, int fd, unsigned long request, void *arg);
	ssize_t (*read)(struct iommufd_kernel *kernel, int fd, void *buf, size_t len);
	ssize_t (*write)(struct iommufd_kernel *kernel, int fd, const void *buf, size_t len);
	int (*poll)(struct iommufd_kernel *kernel, int fd, short events);

	/**
	 * Devices send requests: endpoint_id, pasid, prgi, iova and flags as the device has them.
	 * One of an endpoint that software has not opened is REFUSED.
	 *
	 * @param outcomes nb of enum iommufd_kernel_raised, filled
	 */
	void (*raise)(struct iommufd_kernel *kernel, const struct emu_message *msgs,
		      uint8_t *outcomes, unsigned int nb);
	/**
	 * A record in a fault queue as a broken kernel might make it: dev_id is an endpoint id, and
	 * becomes the device's; one that nobody knows, where that is not open. Such an answer as
	 * there is has its PASID as it is in here. NULL: it cannot be done.
	 *
	 * @return false: there is no queue
	 */
	bool (*raw)(struct iommufd_kernel *kernel, const struct iommufd_fault *record);
	/**
	 * Answers since the last call, in their order.
	 *
	 * @return answers written; less than max: there are no more now
	 */
	unsigned int (*responses)(struct iommufd_kernel *kernel,
				  struct iommufd_kernel_answer *answers, unsigned int max);
	/** What devices' addresses are translated to now. NULL: it cannot tell. */
	void (*lookup)(struct iommufd_kernel *kernel, struct iommufd_kernel_lookup *lookups,
		       unsigned int nb);
};

extern const struct iommufd_kernel_ops iommufd_model_kernel;
extern const struct iommufd_kernel_ops iommufd_mock_kernel;

#endif /* IOMMUFD_KERNEL_H */
