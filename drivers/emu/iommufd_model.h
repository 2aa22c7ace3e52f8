/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef IOMMUFD_MODEL_H
#define IOMMUFD_MODEL_H

/**
 * @file
 * The kernel's side of iommufd in this process (kernel=model): objects, address spaces, page
 * tables, attachments, fault queues, as Linux 6.12 and later have them (drivers/iommu/iommufd).
 *
 * One lock for everything, like a mutex of the kernel: file operations and requests of devices
 * come on different threads. All functions below but those of struct iommufd_kernel_ops want it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <iommufd_hw.h>

#include "emu_pvt.h"
#include "iommufd_kernel.h"

/** IOMMU_NO_PASID: the number that the kernel has for requests without PASID. */
#define IOMMUFD_MODEL_RID 0

/** Numbers of descriptors from here on, which none of the process's own has. */
#define IOMMUFD_MODEL_FD_FIRST (1 << 24)

/** What a file descriptor of the model is. */
enum iommufd_model_file_kind {
	IOMMUFD_MODEL_FILE_FREE = 0,
	IOMMUFD_MODEL_FILE_CONTEXT,
	IOMMUFD_MODEL_FILE_DEVICE,
	IOMMUFD_MODEL_FILE_FAULT,
};

struct iommufd_model_file {
	enum iommufd_model_file_kind kind;
	void *object; /**< of that kind */
};

/** Kinds of objects with ids. */
enum iommufd_model_type {
	IOMMUFD_MODEL_IOAS,
	IOMMUFD_MODEL_HWPT,
	IOMMUFD_MODEL_DEVICE,
	IOMMUFD_MODEL_FAULT,
	IOMMUFD_MODEL_ANY,
};

struct iommufd_model_context;

/** An object with an id; the first member of each. */
struct iommufd_model_object {
	struct iommufd_model_context *context; /**< NULL: a device that is not bound */
	enum iommufd_model_type type;
	uint32_t id;
	uint32_t users; /**< that keep it from being destroyed */
};

/** What was opened as /dev/iommu. */
struct iommufd_model_context {
	struct iommufd_model *model;
	uint32_t files;  /**< that hold it: its own, devices that are bound, fault queues */
	struct iommufd_model_object **objects; /**< by id; none has 0 */
	uint32_t nb_objects;
	LIST_ENTRY(iommufd_model_context) next;
};

/** Addresses that lead to memory of this process. Nodes of a treap, by address. */
struct iommufd_model_area {
	uint64_t first; /**< IOVA, both inclusive */
	uint64_t last;
	uint64_t va;
	struct iommufd_model_area *left, *right;
	uint32_t priority;
	uint32_t access; /**< EMU_REQ_READ, EMU_REQ_WRITE */
};

struct iommufd_model_ioas {
	struct iommufd_model_object obj;
	struct iommufd_model_area *areas; /**< root */
	uint64_t random;
	uint32_t nb_hwpts;    /**< that end its addresses at their aperture */
	uint32_t nb_attached; /**< devices that take the range of interrupts away */
};

struct iommufd_model_hwpt {
	struct iommufd_model_object obj;
	struct iommufd_model_ioas *ioas;    /**< that it translates by, or its parent does */
	struct iommufd_model_hwpt *parent;  /**< of a nested one; else NULL */
	struct iommufd_model_fault *fault;  /**< NULL: requests are refused */
	bool automatic;      /**< made for an IOAS that was attached: goes with its last user */
	bool is_parent;
	bool takes_pasids;
	uint64_t root;       /**< nested: of the first stage, an address of the parent */
	unsigned int levels; /**< of it */
};

/** An attachment of a device, or of a PASID of it, to a page table. */
struct iommufd_model_handle {
	struct iommufd_model_device *device;
	struct iommufd_model_hwpt *hwpt;
	uint32_t pasid;
	uint32_t nb_groups; /**< that came by it and are not answered */
};

/** A request, as the kernel keeps it. */
struct iommufd_model_message {
	uint64_t iova;
	uint32_t pasid;  /**< or EMU_NO_PASID */
	uint16_t prgi;
	uint16_t flags;  /**< EMU_REQ_* */
	uint32_t perm;   /**< bits of struct iommufd_fault::perm besides */
};

#define IOMMUFD_MODEL_SEGMENTS 256
#define IOMMUFD_MODEL_RIDS 65536

#define IOMMUFD_MODEL_LEAF_BITS 10
#define IOMMUFD_MODEL_LEAF (1U << IOMMUFD_MODEL_LEAF_BITS)

struct iommufd_model_device {
	struct iommufd_model_object obj;
	uint32_t endpoint_id;
	bool is_vf;
	bool lacks_requests;
	struct iommufd_model_handle *rid;
	/** by PASID, in two steps; NULL before the first one is attached */
	struct iommufd_model_handle ***pasids;
	uint32_t nb_pasids;
	uint32_t faulting;    /**< attachments with a fault queue: what parts wait for their last */
	struct iommufd_model_message *parts;
	uint32_t nb_parts;
	uint32_t parts_size;
};

/** A group that waits to be read or answered. */
struct iommufd_model_group {
	STAILQ_ENTRY(iommufd_model_group) next;
	struct iommufd_model_message last;
	struct iommufd_model_message *parts; /**< nb_parts before the last one; or NULL */
	struct iommufd_model_handle *handle; /**< that it came by; NULL: gone, this was left over */
	uint32_t nb_parts;
	uint32_t endpoint_id;
	uint32_t dev_id;
	uint32_t cookie;
};
STAILQ_HEAD(iommufd_model_groups, iommufd_model_group);

/** A cookie: whose it is, or whose it was last and how that ended. */
struct iommufd_model_cookie {
	struct iommufd_model_group *group; /**< NULL: free */
	uint32_t endpoint_id;
	uint32_t pasid;
	uint16_t prgi;
	uint8_t ended; /**< enum iommufd_kernel_refused: what an answer is now */
};

/** Cookies from 1 on, the lowest that is free first. */
struct iommufd_model_cookies {
	struct iommufd_model_cookie *entries;
	uint64_t *used; /**< bits */
	uint32_t size;  /**< multiple of 64 */
	uint32_t hint;  /**< no word of used below has a free bit */
	uint32_t nb;
};

struct iommufd_model_fault {
	struct iommufd_model_object obj;
	uint32_t nb_handles; /**< attachments that it serves */
	struct iommufd_model_groups deliver;
	struct iommufd_model_cookies cookies;
};

/** Answers that the judge has not seen. */
struct iommufd_model_answers {
	struct iommufd_kernel_answer *ring;
	uint32_t size; /**< power of two */
	uint32_t head; /**< free running */
	uint32_t tail;
};

#define IOMMUFD_MODEL_CHUNK 256

/** Groups and areas come out of these, and go back there. */
struct iommufd_model_chunk {
	struct iommufd_model_chunk *next;
};

struct iommufd_model_pool {
	void *free;      /**< the first word of a free piece is the next one */
	struct iommufd_model_chunk *chunks;
	size_t size;     /**< of a piece */
};

/** What kernel this is; devargs. */
struct iommufd_model_options {
	bool paging_faults; /**< page tables of an IOAS can have a fault queue (Linux 6.13) */
	bool pasid_attach;  /**< Linux 6.15 */
	bool user_pasids;   /**< PASIDs without attachment go to the device's nested table */
	bool nested;
	bool old_read;      /**< a group that does not fit reads as 0 */
	bool quirk;         /**< replace answers what is in the new table's queue alone */
	bool leak_flags;    /**< bit 2 of a record's flags shows, with PASIDs */
	uint8_t aperture_bits;
	uint8_t pasid_bits;
};

/** The kernel of one unit. */
struct iommufd_model {
	int lock;
	struct iommufd_kernel *kernel;
	struct uiommu_emu *emu;
	struct iommufd_model_options options;
	struct iommufd_model_file *files;
	uint32_t nb_files;
	LIST_HEAD(, iommufd_model_context) contexts;
	/** open ones by endpoint id: segment, then requester id */
	struct iommufd_model_device **segments[IOMMUFD_MODEL_SEGMENTS];
	struct iommufd_model_device nobody; /**< whose raw records are that are no device's */
	struct iommufd_model_handle by_hand; /**< that raw records came by which are nobody's */
	struct iommufd_model_answers answers;
	struct iommufd_model_pool groups;
	struct iommufd_model_pool areas;
};

/* iommufd_model_pool.c */
/** @return a piece, its bytes are anything; NULL: no memory */
void *
iommufd_model_pool_take(struct iommufd_model_pool *pool, int socket_id);
void
iommufd_model_pool_give(struct iommufd_model_pool *pool, void *piece);
void
iommufd_model_pool_fini(struct iommufd_model_pool *pool);
/** Larger copy in place of an array; the new part is zero. @return false: no memory */
bool
iommufd_model_grow(void **array, size_t item, uint32_t nb, uint32_t more);

/* iommufd_model_file.c */
/** @return descriptor; -ENOMEM */
int
iommufd_model_file_add(struct iommufd_model *model, enum iommufd_model_file_kind kind,
		       void *object);
/** @return NULL: no such descriptor */
const struct iommufd_model_file *
iommufd_model_file_at(const struct iommufd_model *model, int fd);
/** @return NULL: no such descriptor, or not of this kind */
void *
iommufd_model_file_find(const struct iommufd_model *model, int fd,
			enum iommufd_model_file_kind kind);
void
iommufd_model_file_release(struct iommufd_model *model, int fd);

/* iommufd_model_object.c */
/** Give an object an id in a context, the lowest that is free. @return 0; -ENOMEM */
int
iommufd_model_object_add(struct iommufd_model_context *context, struct iommufd_model_object *obj,
			 enum iommufd_model_type type);
/** @return NULL: no such id, or another type */
struct iommufd_model_object *
iommufd_model_object_find(struct iommufd_model_context *context, uint32_t id,
			  enum iommufd_model_type type);
void
iommufd_model_object_remove(struct iommufd_model_object *obj);
/** What DESTROY does. @return 0; -ENOENT; -EBUSY */
int
iommufd_model_object_destroy(struct iommufd_model_context *context, uint32_t id);
/** A file lets go of a context; with the last one everything in it goes. */
void
iommufd_model_context_put(struct iommufd_model_context *context);
struct iommufd_model_context *
iommufd_model_context_new(struct iommufd_model *model);

/* iommufd_model_ioctl.c */
/** ioctl of a context. */
int
iommufd_model_context_ioctl(struct iommufd_model_context *context, unsigned long request,
			    void *arg);

/* iommufd_model_ioas.c */
int
iommufd_model_ioas_alloc(struct iommufd_model_context *context, void *arg);
int
iommufd_model_ioas_ranges(struct iommufd_model_context *context, void *arg);
int
iommufd_model_ioas_map(struct iommufd_model_context *context, void *arg);
int
iommufd_model_ioas_unmap(struct iommufd_model_context *context, void *arg);
void
iommufd_model_ioas_free(struct iommufd_model *model, struct iommufd_model_ioas *ioas);
/** One more page table, or attached device: its limits hold from now on. @return -EADDRINUSE */
int
iommufd_model_ioas_limit(struct iommufd_model *model, struct iommufd_model_ioas *ioas,
			 bool attached);

/* iommufd_model_area.c */
/** @return the first area that has an address of a range; NULL: none */
struct iommufd_model_area *
iommufd_model_area_first(struct iommufd_model_area *root, uint64_t first, uint64_t last);
/** @param area overlaps no other one */
void
iommufd_model_area_insert(struct iommufd_model_area **root, struct iommufd_model_area *area);
void
iommufd_model_area_remove(struct iommufd_model_area **root, struct iommufd_model_area *area);

/* iommufd_model_hwpt.c */
int
iommufd_model_hwpt_alloc(struct iommufd_model_context *context, void *arg);
/** For an IOAS that is attached. @return 0 or a negative errno */
int
iommufd_model_hwpt_auto(struct iommufd_model_context *context, struct iommufd_model_ioas *ioas,
			struct iommufd_model_hwpt **hwpt);
void
iommufd_model_hwpt_free(struct iommufd_model *model, struct iommufd_model_hwpt *hwpt);
/** A user of it is gone; an automatic one goes with its last. */
void
iommufd_model_hwpt_put(struct iommufd_model *model, struct iommufd_model_hwpt *hwpt);
int
iommufd_model_hw_info(struct iommufd_model_context *context, void *arg);
int
iommufd_model_hwpt_invalidate(struct iommufd_model_context *context, void *arg);

/* iommufd_model_device.c */
/** @return NULL: not open */
static inline struct iommufd_model_device *
iommufd_model_device_find(const struct iommufd_model *model, uint32_t endpoint_id)
{
	struct iommufd_model_device **segment;

	if (endpoint_id >= IOMMUFD_MODEL_SEGMENTS * IOMMUFD_MODEL_RIDS)
		return NULL;
	segment = model->segments[endpoint_id / IOMMUFD_MODEL_RIDS];
	return segment != NULL ? segment[endpoint_id % IOMMUFD_MODEL_RIDS] : NULL;
}

int
iommufd_model_device_open(struct iommufd_model *model, uint32_t endpoint_id,
			  const struct uiommu_file_device *conf);
/** Its file is closed: everything is detached. */
void
iommufd_model_device_close(struct iommufd_model *model, struct iommufd_model_device *device);
int
iommufd_model_device_ioctl(struct iommufd_model *model, struct iommufd_model_device *device,
			   unsigned long request, void *arg);

/* iommufd_model_attach.c */
/** @param pasid or IOMMUFD_MODEL_RID. @return NULL: nothing is attached */
struct iommufd_model_handle *
iommufd_model_handle_find(const struct iommufd_model_device *device, uint32_t pasid);
/**
 * Attach, or replace what is attached.
 *
 * @param pt_id of a page table or an IOAS; set to that of the page table
 * @return 0 or a negative errno
 */
int
iommufd_model_attach(struct iommufd_model *model, struct iommufd_model_device *device,
		     uint32_t pasid, uint32_t *pt_id);
/** Nothing where nothing is attached. */
void
iommufd_model_detach(struct iommufd_model *model, struct iommufd_model_device *device,
		     uint32_t pasid);
void
iommufd_model_detach_all(struct iommufd_model *model, struct iommufd_model_device *device);

/* iommufd_model_fault.c */
int
iommufd_model_fault_alloc(struct iommufd_model_context *context, void *arg);
ssize_t
iommufd_model_fault_read(struct iommufd_model *model, struct iommufd_model_fault *fault, void *buf,
			 size_t len);
ssize_t
iommufd_model_fault_write(struct iommufd_model *model, struct iommufd_model_fault *fault,
			  const void *buf, size_t len);
/** What came by an attachment is answered Invalid. @param handle NULL: all there is */
void
iommufd_model_fault_flush(struct iommufd_model *model, struct iommufd_model_fault *fault,
			  const struct iommufd_model_handle *handle);
/** What came by an attachment stays, though that goes: see the option quirk. */
void
iommufd_model_fault_disown(struct iommufd_model_fault *fault,
			   const struct iommufd_model_handle *handle);
void
iommufd_model_fault_free(struct iommufd_model *model, struct iommufd_model_fault *fault);

/* iommufd_model_cookie.c */
/** @return 0; -ENOMEM */
int
iommufd_model_cookie_take(struct iommufd_model_cookies *cookies,
			  struct iommufd_model_group *group);
/** @param ended what answers to it are from now on */
void
iommufd_model_cookie_give(struct iommufd_model_cookies *cookies, uint32_t cookie,
			  enum iommufd_kernel_refused ended);
void
iommufd_model_cookie_fini(struct iommufd_model_cookies *cookies);

/* iommufd_model_raise.c */
void
iommufd_model_raise(struct iommufd_kernel *kernel, const struct emu_message *msgs,
		    uint8_t *outcomes, unsigned int nb);
bool
iommufd_model_raw(struct iommufd_kernel *kernel, const struct iommufd_fault *record);
/** Parts whose last request did not come are forgotten. */
void
iommufd_model_parts_drop(struct iommufd_model_device *device);
void
iommufd_model_group_free(struct iommufd_model *model, struct iommufd_model_group *group);
/** @return false: no memory; all is as it was */
bool
iommufd_model_answers_grow(struct iommufd_model_answers *answers);
/** The judge is to see an answer. */
void
iommufd_model_answer(struct iommufd_model *model, const struct iommufd_kernel_answer *answer);
unsigned int
iommufd_model_responses(struct iommufd_kernel *kernel, struct iommufd_kernel_answer *answers,
			unsigned int max);

/* iommufd_model_lookup.c */
void
iommufd_model_lookup(struct iommufd_kernel *kernel, struct iommufd_kernel_lookup *lookups,
		     unsigned int nb);

#endif /* IOMMUFD_MODEL_H */
