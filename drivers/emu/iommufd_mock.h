/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef IOMMUFD_MOCK_H
#define IOMMUFD_MOCK_H

/**
 * @file
 * The machine's kernel as the kernel of an emulated unit: its /dev/iommu is what the driver talks
 * to, and its mock devices stand for the VFIO devices.
 *
 * A mock device is attached as long as it is there: one that VFIO would have detached is attached
 * to an address space with nothing in it. Kernels before 6.15 attach no PASIDs; with those, a
 * PASID that is attached is a mock device of its own, whose requests come without PASID, and the
 * messages of which are given the PASID, and the number of the device, when they are read.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "iommufd_hw.h"
#include "iommufd_kernel.h"
#include "iommufd_trace.h"

/** Mock devices, and their files; place 0 is nobody's. */
#define MOCK_DEVICES_MAX 4096
#define MOCK_FILES_MAX 1024
/** Fault queues. */
#define MOCK_QUEUES_MAX 16

/** grpid of a request that a device introduces itself with; with the unit, and its place. */
#define MOCK_INTRODUCTION (UINT32_C(1) << 31)

struct iommufd_mock_cmd;
struct mock_space;

/** What a thread does in a kernel's file. */
enum mock_call {
	MOCK_CALL_NONE = 0,  /**< or one that answers nothing */
	MOCK_CALL_OTHER,     /**< answers of such a thread are the kernel's own */
	MOCK_CALL_WRITE,     /**< software's */
	MOCK_CALL_RAISE,     /**< requests that nobody was there for */
};

/**
 * How a device is found. Answers have its address, which may have been another one's before: from
 * the introduction on, in the order of the trace, it is this one's, and up to there the other's.
 * All that the kernel has answered the other is older than that: a device is destroyed before its
 * memory is given to the next, and none sends before it is introduced.
 */
enum mock_key {
	MOCK_BY_ENDPOINT = 0, /**< and PASID */
	MOCK_BY_IDEV,
	MOCK_BY_ADDRESS,
	MOCK_KEYS,
};

/** A mock device. By the lock. */
struct mock_device {
	uint32_t endpoint_id;
	uint32_t pasid;      /**< that it stands for; EMU_NO_PASID: it is the function itself */
	uint32_t stdev_id;   /**< to be destroyed by, and replaced */
	uint32_t idev_id;    /**< what requests are raised with; 0: the place is free */
	bool silent;         /**< sends nothing, for it has no address yet, or is being closed */
	uint64_t address;    /**< in the kernel, as answers have it; 0: not introduced */
	uint16_t next[MOCK_KEYS];
};

/** What a device, or a PASID of it, is attached to. */
struct mock_bond {
	uint32_t pasid;
	uint32_t pt_id;      /**< 0: nothing */
	uint32_t next_pt_id; /**< is being attached in its place; 0: nothing is */
};

/** A device file. */
struct mock_file {
	int fd;              /**< an eventfd that stands for it; -1: none */
	uint32_t endpoint_id;
	uint32_t stdev_id;   /**< 0: not bound */
	uint32_t idev_id;
	bool nested;         /**< with a guest's tables: its PASIDs are the guest's; atomic */
	/* Their one writer, under the lock, is the thread of the request. */
	struct mock_bond function;
	struct mock_bond *pasids;
	uint32_t nb_pasids;
};

/** A page table that the driver has: what of it is not as it looks. */
struct mock_hwpt {
	struct mock_hwpt *next;
	uint32_t id;
	uint32_t ioas_id;   /**< that it is over; of a nested one: its parent */
	uint32_t parent_id; /**< it is two in the kernel; 0: it is not */
	bool nested;        /**< as the driver has asked for */
};

/** Groups that software has read, and that nobody has answered. By the lock. */
struct mock_reads {
	uint64_t *keys;      /**< 0: free */
	uint32_t size;       /**< power of two, or 0 */
	uint32_t nb;
};

/** A fault queue. By the lock. */
struct mock_queue {
	int fd;
	/** by cookie: the last group that had it; refused: what an answer is, if it is not taken */
	struct iommufd_kernel_answer *cookies;
	uint32_t size;
};

struct mock_answers {
	struct iommufd_kernel_answer *ring;
	uint32_t size;       /**< power of two */
	uint32_t head;       /**< free-running, as the tail */
	uint32_t tail;
};

struct mock {
	struct iommufd_kernel *kernel;
	bool judge;                /**< answers are listened to */
	bool pasids;               /**< the kernel attaches PASIDs; and may, see stand_ins= */
	uint32_t introduction;     /**< MOCK_INTRODUCTION and number of this unit */
	int context;               /**< -1: not open */
	uint32_t empty_ioas;       /**< where devices are that are attached to nothing */
	/** what they are attached to then: that; or a table of it that goes with PASIDs */
	uint32_t empty_pt;
	/**
	 * Requests are being sent. The kernel wakes nobody who waits for a device to be let go of
	 * (iommufd_object_dec_wait_shortterm(): a minute), so none is destroyed meanwhile.
	 */
	pthread_mutex_t sending;
	pthread_mutex_t mapping;   /**< of what is mapped; the lock may be taken with it held */
	struct mock_space *spaces;
	uint64_t random;
	pthread_mutex_t lock;      /**< of all that follows; taken after sending */
	struct mock_file files[MOCK_FILES_MAX];
	unsigned int nb_files;     /**< of the table, free ones included */
	struct mock_device devices[MOCK_DEVICES_MAX];
	uint16_t buckets[MOCK_KEYS][MOCK_DEVICES_MAX];
	uint16_t next_device;      /**< place that was taken last */
	unsigned int nb_standing;  /**< devices that stand for a PASID; atomic */
	struct mock_hwpt *hwpts;
	struct mock_reads reads;
	struct mock_queue queues[MOCK_QUEUES_MAX];
	unsigned int nb_queues;
	struct iommufd_trace trace;
	uint64_t lost_told;
	struct mock_answers answers;  /**< not asked for yet */
	struct mock_answers refusals; /**< to what is being raised */
};

static inline struct mock *
mock_of(struct iommufd_kernel *kernel)
{
	return kernel->priv;
}

/* iommufd_mock_table.c */
/** @param key of MOCK_BY_ENDPOINT: see mock_endpoint_key(). @return NULL: none */
struct mock_device *
mock_device_by(struct mock *mock, enum mock_key by, uint64_t key);
static inline uint64_t
mock_endpoint_key(uint32_t endpoint_id, uint32_t pasid)
{
	return (uint64_t)endpoint_id << 32 | pasid;
}
/** A free place of the table; the address comes later. @return NULL: there is none */
struct mock_device *
mock_device_add(struct mock *mock, const struct mock_device *like);
/** It is known by its address until another one introduces itself by that. */
void
mock_device_remove(struct mock *mock, struct mock_device *device);
void
mock_address_forget(struct mock *mock, uint64_t address);
void
mock_device_address(struct mock *mock, struct mock_device *device, uint64_t address);

/* iommufd_mock_device.c */
/** A mock device that is attached to the empty address space. @return 0 or -errno */
int
mock_device_make(struct mock *mock, uint32_t endpoint_id, uint32_t pasid, uint32_t *stdev_id,
		 uint32_t *idev_id);
/** @return 0 or -errno */
int
mock_device_replace(struct mock *mock, uint32_t stdev_id, uint32_t pt_id);
void
mock_device_destroy(struct mock *mock, uint32_t endpoint_id, uint32_t pasid);
/** One request to the mock devices. @return 0 or -errno */
int
mock_cmd(struct mock *mock, struct iommufd_mock_cmd *cmd);

/* iommufd_mock_file.c */
/** As the operations of struct iommufd_kernel_ops. */
int
mock_device_open(struct iommufd_kernel *kernel, int context, uint32_t endpoint_id,
		 struct uiommu_file_device *device);
/** @return whether fd was a device's */
bool
mock_device_close(struct mock *mock, int fd);
/** NULL: it is no device's. */
struct mock_file *
mock_file_find(struct mock *mock, int fd);
/** VFIO's requests. @return 0 or -errno */
int
mock_device_ioctl(struct mock *mock, struct mock_file *file, unsigned long request, void *arg);

/** @return false: no such device is open */
bool
mock_bond_get(struct mock *mock, uint32_t endpoint_id, uint32_t pasid, struct mock_bond *bond);

/* iommufd_mock_hwpt.c */
/** As HWPT_ALLOC and DESTROY, for what the kernel makes otherwise. @return 0 or -errno */
int
mock_hwpt_alloc(struct mock *mock, struct iommufd_hwpt_alloc *alloc);
int
mock_destroy(struct mock *mock, struct iommufd_destroy *destroy);
/** A copy. @return false: there is none */
bool
mock_hwpt_get(struct mock *mock, uint32_t id, struct mock_hwpt *copy);
void
mock_hwpts_forget(struct mock *mock);

/* iommufd_mock_cookie.c */
/** A group has been read, as it came; by the lock. */
void
mock_cookie_read(struct mock *mock, int fd, const struct mock_device *device,
		 const struct iommufd_fault *fault);
/** What write(2) has made of answers. @param done its result, or -errno */
void
mock_cookies_written(struct mock *mock, int fd, const struct iommufd_resp *resps, size_t bytes,
		     ssize_t done);
/** A file has been closed. */
void
mock_queue_forget(struct mock *mock, int fd);
void
mock_queues_forget(struct mock *mock);

/* iommufd_mock_map.c */
/** As IOAS_MAP and IOAS_UNMAP. @return 0 or -errno */
int
mock_ioas_map(struct mock *mock, struct iommufd_ioas_map *map);
int
mock_ioas_unmap(struct mock *mock, struct iommufd_ioas_unmap *unmap);
/** An object has been destroyed. */
void
mock_space_forget(struct mock *mock, uint32_t id);
void
mock_spaces_forget(struct mock *mock);
void
mock_lookup(struct iommufd_kernel *kernel, struct iommufd_kernel_lookup *lookups, unsigned int nb);

/* iommufd_mock_read.c */
/** @param pasid as the kernel has it: 0: without. @return false: no memory */
bool
mock_reads_add(struct mock_reads *reads, uint32_t place, uint32_t pasid, uint32_t grpid);
/** It has been answered. @return whether it was there */
bool
mock_reads_take(struct mock_reads *reads, uint32_t place, uint32_t pasid, uint32_t grpid);
/** All of a device. */
void
mock_reads_forget(struct mock_reads *reads, uint32_t place);

/* iommufd_mock_answer.c */
/**
 * Around each call that may have the kernel answer: nothing is read of its trace meanwhile. With no
 * lock of this file's taken inside, and not twice.
 */
void
mock_kernel_enter(void);
void
mock_kernel_leave(void);
/** What this thread does from now on; its answers so far are taken. */
void
mock_call_set(struct mock *mock, enum mock_call call);
/** @return false: no memory */
bool
mock_answer_keep(struct mock_answers *answers, const struct iommufd_kernel_answer *answer);
int
mock_answers_open(struct mock *mock);
void
mock_answers_close(struct mock *mock);
/** Take what the kernel has said so far. */
void
mock_answers_take(struct mock *mock);
unsigned int
mock_responses(struct iommufd_kernel *kernel, struct iommufd_kernel_answer *answers,
	       unsigned int max);

/* iommufd_mock_raise.c */
void
mock_raise(struct iommufd_kernel *kernel, const struct emu_message *msgs, uint8_t *outcomes,
	   unsigned int nb);
/** As read(2) of a fault queue. */
ssize_t
mock_messages_read(struct mock *mock, int fd, struct iommufd_fault *faults, size_t bytes);

#endif /* IOMMUFD_MOCK_H */
