/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef IOMMUFD_MOCK_H
#define IOMMUFD_MOCK_H

/**
 * @file
 * The machine's kernel as the kernel of an emulated unit: its /dev/iommu is what the driver talks
 * to, and its mock devices stand for the VFIO devices.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "iommufd_kernel.h"
#include "iommufd_trace.h"

#define MOCK_DEVICES_MAX 256

/** grpid of a request that a device introduces itself with: the unit's number, the device's. */
#define MOCK_INTRODUCTION (UINT32_C(1) << 31)

/** What a thread does in a kernel's file. */
enum mock_call {
	MOCK_CALL_OTHER = 0, /**< answers of such a thread are the kernel's own */
	MOCK_CALL_WRITE,     /**< software's */
	MOCK_CALL_RAISE,     /**< requests that nobody was there for */
};

/** A device file. Set and freed under the lock; other members by the one who uses the file. */
struct mock_device {
	int fd;              /**< an eventfd that stands for it; -1: none */
	uint32_t endpoint_id;
	uint32_t stdev_id;   /**< the mock device; 0: not bound */
	uint32_t idev_id;    /**< what requests are raised with */
	uint64_t address;    /**< in the kernel, as answers have it; 0: not introduced */
	uint32_t *pasids;    /**< attached */
	uint32_t nb_pasids;
};

struct mock {
	struct iommufd_kernel *kernel;
	bool judge;                /**< answers are listened to */
	uint32_t introduction;     /**< MOCK_INTRODUCTION and number of this unit */
	int context;               /**< -1: not open */
	uint32_t empty_ioas;       /**< where devices are that are attached to nothing */
	pthread_mutex_t lock;      /**< table of devices */
	unsigned int nb_devices;   /**< of the table, free ones included */
	struct mock_device devices[MOCK_DEVICES_MAX];

	/* By the lock of the emulation. */
	struct iommufd_trace trace;
	uint64_t lost_told;
	struct iommufd_kernel_answer *answers; /**< not asked for yet; a ring */
	uint32_t answers_size;     /**< power of two */
	uint32_t answers_head;     /**< free-running, as the tail */
	uint32_t answers_tail;
};

static inline struct mock *
mock_of(struct iommufd_kernel *kernel)
{
	return kernel->priv;
}

/* iommufd_mock_device.c */
/** As the operations of struct iommufd_kernel_ops. */
int
mock_device_open(struct iommufd_kernel *kernel, int context, uint32_t endpoint_id,
		 struct uiommu_file_device *device);
/** @return whether fd was a device's */
bool
mock_device_close(struct mock *mock, int fd);
/** A device of this file; NULL: there is none. */
struct mock_device *
mock_device_find(struct mock *mock, int fd);
/** VFIO's requests. @return 0 or -errno */
int
mock_device_ioctl(struct mock *mock, struct mock_device *device, unsigned long request, void *arg);

/* iommufd_mock_answer.c */
/** What this thread does from now on. Before it, its answers so far must have been taken. */
void
mock_call_set(enum mock_call call);
int
mock_answers_open(struct mock *mock);
void
mock_answers_close(struct mock *mock);
void
mock_raise(struct iommufd_kernel *kernel, const struct emu_message *msgs, uint8_t *outcomes,
	   unsigned int nb);
unsigned int
mock_responses(struct iommufd_kernel *kernel, struct iommufd_kernel_answer *answers,
	       unsigned int max);

#endif /* IOMMUFD_MOCK_H */
