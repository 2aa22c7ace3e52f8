/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef UIOMMU_DRIVER_H
#define UIOMMU_DRIVER_H

/**
 * @file
 * For those who write drivers and platforms.
 *
 * A driver knows one vendor's unit: registers, tables, queues. A platform knows where
 * registers and DMA memory come from, and no vendor (uiommu_driver_platform.h). The
 * engine knows neither: it reaches both through tables of functions.
 *
 * Who calls what, where
 *
 *   uiommu_dev_ops      control lock of the unit held, any thread; never at the same
 *                       time as another of them. Table functions change memory only;
 *                       what the unit must be told of it follows as a command.
 *   uiommu_queue_ops    on the thread that owns the queue, and nowhere else. So
 *                       everything that touches a hardware queue has one thread,
 *                       and needs no lock.
 *   uiommu_queue_ops::cmd_step also on the owner: commands of the control path are
 *                       carried out step by step between bursts. Those about an endpoint
 *                       on the queue that takes its requests, others on the first; SYNC
 *                       on each.
 *   uiommu_dev_ops::table_map, table_unmap   as they say themselves.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_common.h>

#include <uiommu.h>
#include <uiommu_driver_platform.h>

#ifdef __cplusplus
extern "C" {
#endif

struct uiommu_dev;

/* ------------------------------------------------------------------ devargs */

/** Parsed devargs; remembers which keys were asked for. */
struct uiommu_args;

/**
 * Unsigned number by key: decimal or 0x hexadecimal, to the last character.
 *
 * @param value left alone when the key is absent
 * @return 0; -EINVAL: not a number or outside [min, max], with one line in the log
 */
int
uiommu_args_get_u64(struct uiommu_args *args, const char *key, uint64_t min, uint64_t max,
		    uint64_t *value);

/** Text by key. @return the text, valid as long as args; NULL: absent */
const char *
uiommu_args_get_str(struct uiommu_args *args, const char *key);

/* ------------------------------------------------------------------ drivers */

/** What the control path wants of the unit, carried out by the owner of a queue. */
enum uiommu_cmd_op {
	/** Endpoint's device entry was filled: forget cached absence, where the unit caches it. */
	UIOMMU_CMD_ENDPOINT_SET,
	/** Endpoint's device entry was cleared: forget it and all translations of the endpoint. */
	UIOMMU_CMD_ENDPOINT_CLEAR,
	/** endpoint_page_requests() changed the device entry: forget the old one. */
	UIOMMU_CMD_ENDPOINT_UPDATE,
	/** Bond's entry was filled. */
	UIOMMU_CMD_BOND_SET,
	/** Bond's entry was cleared: forget it and its translations, in unit and device. */
	UIOMMU_CMD_BOND_CLEAR,
	/**
	 * Every page request that the endpoint sent before is in the hardware queue, where
	 * fetch() will find it, when this is done. For pasid UIOMMU_CMD_ALL_PASIDS: of all
	 * its PASIDs and of its RID.
	 */
	UIOMMU_CMD_DRAIN,
	/** Every response handed to respond() before has been carried out by the unit. */
	UIOMMU_CMD_SYNC,
	/** uiommu_cmd::inval: the unit and devices forget translations of a domain. */
	UIOMMU_CMD_INVALIDATE,
};

/** A bond of a domain. */
struct uiommu_inval_target {
	void *endpoint_private;
	uint32_t pasid; /**< or UIOMMU_NO_PASID */
};

/**
 * Translations that are to be forgotten: they are out of the tables already. The unit's own
 * caches first, then those of devices that have some, then one wait for all of them. Ranges
 * may be widened.
 */
struct uiommu_inval {
	void *domain_private;
	const struct uiommu_pgtable_range *ranges; /**< nb_ranges, 4 KiB aligned */
	uint32_t nb_ranges;
	bool all;    /**< everything that is cached of the domain; ranges do not count */
	bool tables; /**< pages of tables go, too: what points to them must be forgotten */
	/** something came that was absent: for units that remember absence; devices do not count */
	bool only_absent;
	const struct uiommu_inval_target *targets; /**< bonds of the domain */
	uint32_t nb_targets;
};

/** uiommu_cmd::pasid for all PASIDs of the endpoint and its RID. */
#define UIOMMU_CMD_ALL_PASIDS UINT32_MAX

/** A command under way. */
struct uiommu_cmd {
	enum uiommu_cmd_op op;
	uint32_t endpoint_id;   /**< requester id or StreamID; not for SYNC */
	uint32_t pasid;         /**< PASID, UIOMMU_NO_PASID or UIOMMU_CMD_ALL_PASIDS */
	void *endpoint_private; /**< as set by endpoint_set(); NULL for SYNC */
	void *domain_private;   /**< domain of the bond; for BOND_SET and BOND_CLEAR */
	const struct uiommu_inval *inval; /**< for INVALIDATE; stays until it is done */
	uint64_t deadline_tsc;  /**< when to give up */
	unsigned int step;      /**< of the driver; 0 at the first call */
	uint64_t scratch[4];    /**< of the driver; 0 at the first call */
};

/** Bits that fetch() may set in *events. */
/** queue overflowed and is empty now: discard, then overflow_ack() */
#define UIOMMU_EVENT_OVERFLOW (1U << 0)
/** the unit does not react or has a fatal error; logged by the driver */
#define UIOMMU_EVENT_FAILED (1U << 1)
/** there is something for reports() */
#define UIOMMU_EVENT_REPORTS (1U << 2)

/** Sources that a queue can have: hardware queues that fetch() takes from. */
#define UIOMMU_QUEUE_SOURCES 2

/** Data path of one hardware queue. On the owner's thread only. */
struct uiommu_queue_ops {
	/**
	 * Copy out and decode up to nb entries, and give their places back to the unit.
	 *
	 * Never takes more than the responses that respond() has room for, so
	 * that an answer never waits. Entries that are no requests (stop markers,
	 * unknown types) are counted by the driver and left out; malformed requests
	 * are counted and delivered with UIOMMU_FAULT_REJECT, so that the engine answers
	 * them INVALID if they are the last of their group. A queue with several sources takes
	 * from each in turn, so that none keeps another waiting.
	 *
	 * @param queue from queue_get()
	 * @param faults filled
	 * @param nb size of the array, at most the configured burst
	 * @param taken set to the entries that were consumed, left-out ones included, and those
	 *   for reports() not
	 * @param events UIOMMU_EVENT_*, set (not cleared)
	 * @return faults written
	 */
	uint16_t (*fetch)(void *queue, struct uiommu_fault *faults, uint16_t nb, uint16_t *taken,
			  uint32_t *events);
	/**
	 * Send responses, with one doorbell.
	 *
	 * @return responses taken; less than nb only when there is no room. A unit that has
	 *   failed takes (and counts) all of them
	 */
	uint16_t (*respond)(void *queue, const struct uiommu_resp *resps, uint16_t nb);
	/** @return responses that respond() would take now, 0 when failed; may read a register */
	uint16_t (*room)(void *queue);
	/**
	 * Incomplete groups were discarded: acknowledge the overflow, if the queue is
	 * (still) empty.
	 *
	 * @return true: acknowledged; false: entries came, go on fetching
	 */
	bool (*overflow_ack)(void *queue);
	/**
	 * Where the unit is: what it has put into the queue by now. Free-running counts, one for
	 * each source; further ones 0.
	 */
	void (*mark)(void *queue, uint64_t marks[UIOMMU_QUEUE_SOURCES]);
	/** @return whether fetch() has taken everything that was there at mark() */
	bool (*is_past)(void *queue, const uint64_t marks[UIOMMU_QUEUE_SOURCES]);
	/**
	 * Carry on with a command. Never waits: called again and again, with other work in
	 * between, until it returns something else than -EINPROGRESS.
	 *
	 * @return 0: done; -EINPROGRESS; -EAGAIN: the queue overflowed meanwhile,
	 *   recover and issue it again from step 0; -ETIMEDOUT: deadline passed; -EIO: the unit
	 *   refused it
	 */
	int (*cmd_step)(void *queue, struct uiommu_cmd *cmd);
	/**
	 * Have translations forgotten without waiting: the unit and the devices have done so
	 * before the unit carries out any response that respond() is given after this call. NULL:
	 * the unit keeps no such order.
	 *
	 * @return whether there was room; false: nothing was written
	 */
	bool (*invalidate)(void *queue, const struct uiommu_inval *inval);
	/**
	 * Take reports of what has failed for good, after UIOMMU_EVENT_REPORTS. NULL: the unit has
	 * none.
	 *
	 * @param lost set to those that the unit or the driver had no room for since the last call
	 * @return reports written, at most nb
	 */
	uint16_t (*reports)(void *queue, struct uiommu_report *reports, uint16_t nb,
			    uint64_t *lost);
	void *reserved[1]; /**< NULL */
};

/** What a unit walks. */
struct uiommu_table_format {
	uint32_t format;     /**< enum uiommu_pgtable_format */
	uint32_t levels;
	uint32_t page_shift; /**< 12 */
	uint32_t pa_bits;    /**< width of a physical address */
	uint64_t leaf_sizes; /**< as uiommu_pgtable_conf::leaf_sizes */
	uint64_t flags;      /**< UIOMMU_PGTABLE_* */
};

/** Counters that a driver may have: a reset begins these anew, and no further ones. */
#define UIOMMU_DRIVER_STATS_MAX 128

/** One counter of a driver. */
struct uiommu_driver_stat {
	const char *name;
	const uint64_t *value; /**< written by the owner of the queue, relaxed atomic */
};

/** Control path of a unit. */
struct uiommu_dev_ops {
	/**
	 * Fill capa, nb_queues, pasid_bits, address_bits, endpoint_bits (up to 24),
	 * queue_entries_min and _max.
	 */
	void (*info_get)(struct uiommu_dev *dev, struct uiommu_dev_info *info);
	/** Take memory. conf has no default (0) members left. Called again: free the old first. */
	int (*configure)(struct uiommu_dev *dev, const struct uiommu_dev_conf *conf);
	/** Bring the unit up with the tables as they are. May wait, up to the time-out. */
	int (*start)(struct uiommu_dev *dev);
	/** Page requests off, queues off, registers as stop_mode says. May wait. */
	int (*stop)(struct uiommu_dev *dev);
	/** Free everything; the unit is not started. */
	void (*close)(struct uiommu_dev *dev);
	/** Data path of a queue; valid from configure() on. */
	void *(*queue_get)(struct uiommu_dev *dev, uint16_t queue);

	/**
	 * Fill the device entry: translation and PASID on, page requests off. conf is complete;
	 * for a VF, conf->pf_id is the id of an endpoint that is there.
	 */
	int (*endpoint_set)(struct uiommu_dev *dev, uint32_t endpoint_id,
			    const struct uiommu_endpoint_conf *conf, void **endpoint_private);
	/** Make the device entry not present. Memory is kept until endpoint_free(). */
	void (*endpoint_clear)(struct uiommu_dev *dev, void *endpoint_private);
	/**
	 * Make the device entry present again after endpoint_clear(), with the same PASIDs:
	 * for the start after a stop.
	 */
	void (*endpoint_enable)(struct uiommu_dev *dev, void *endpoint_private);
	void (*endpoint_free)(struct uiommu_dev *dev, void *endpoint_private);
	/**
	 * Have the unit queue the endpoint's page requests, or answer them INVALID by itself. What
	 * it is told is kept over endpoint_clear() and endpoint_enable().
	 */
	void (*endpoint_page_requests)(struct uiommu_dev *dev, void *endpoint_private, bool on);

	/**
	 * @param conf as given to uiommu_domain_alloc(), checked; type SVA: as PAGING, with
	 *   first-stage table. PAGING with UIOMMU_DOMAIN_NEST_PARENT or _SECOND_STAGE: second stage
	 * @param parent_private NESTED: domain_private of the parent; else NULL
	 * @return 0; -ENOTSUP: the unit cannot do it; -EINVAL: table_pa or levels; -ENOMEM
	 */
	int (*domain_init)(struct uiommu_dev *dev, const struct uiommu_domain_conf *conf,
			   void *parent_private, void **domain_private);
	void (*domain_fini)(struct uiommu_dev *dev, void *domain_private);

	/**
	 * Fill the PASID entry, or that of the RID; there may be another domain's in it.
	 *
	 * @return 0; -EINVAL: reserved; -ENOMEM; -ENOTSUP: not for this endpoint or domain, with
	 *   one line in the log; -EIO. After an error the entry is as it was
	 */
	int (*bond_set)(struct uiommu_dev *dev, void *endpoint_private, uint32_t pasid,
			void *domain_private);
	/** Make the PASID entry not present. May be called for one that is not. */
	void (*bond_clear)(struct uiommu_dev *dev, void *endpoint_private, uint32_t pasid);
	/**
	 * As bond_clear(), and DMA that the entry refuses is not reported: the address space has
	 * ended while the device goes on. Until bond_clear() or bond_set().
	 */
	void (*bond_block)(struct uiommu_dev *dev, void *endpoint_private, uint32_t pasid);

	/**
	 * Counters: array of up to UIOMMU_DRIVER_STATS_MAX, and one more with a NULL name; valid
	 * until close(). May be NULL.
	 */
	const struct uiommu_driver_stat *(*stats_get)(struct uiommu_dev *dev);
	/**
	 * What table a PAGING domain without table_pa is to have. The library keeps it, and gives
	 * its root as table_pa to domain_init(), with levels. NULL: the driver has an empty one of
	 * its own.
	 *
	 * @return 0; -ENOTSUP: the unit cannot do it; -EINVAL: levels
	 */
	int (*table_format)(struct uiommu_dev *dev, const struct uiommu_domain_conf *conf,
			    struct uiommu_table_format *format);
	/**
	 * The unit's own table is somebody else's, and is changed by calls: the library's is a
	 * mirror of it, which the unit does not walk (domain_init() gets no table_pa). Both of
	 * these, or NULL both.
	 *
	 * Put translations into the unit's table, where nothing is. Any thread, the owner of a
	 * queue included, the control lock held or not, several at a time for different addresses.
	 * The library sees to it that none of the range is in another call meanwhile.
	 *
	 * @param iova start in bytes, 4 KiB aligned
	 * @param pa as uiommu_platform_ops::pa_of has it; runs on for len
	 * @param len in bytes, multiple of 4 KiB
	 * @param prot UIOMMU_PROT_*, with READ or WRITE; EXEC may come with READ unasked, where the
	 *   format of the mirror cannot tell
	 * @return 0: in force; -ENOMEM: no memory, or more than this process may pin; -EFAULT: no
	 *   memory there, or not with this access; -EEXIST: something is there; -EINVAL: the unit
	 *   cannot have such addresses; -EAGAIN: not now; -EIO. After an error nothing is mapped
	 */
	int (*table_map)(struct uiommu_dev *dev, void *domain_private, uint64_t iova, uint64_t pa,
			 uint64_t len, uint32_t prot);
	/**
	 * Take translations out of the unit's table and have them forgotten by unit and devices.
	 * Whatever of the range is not there is passed over. With the control lock held, any
	 * thread, the owner of a queue included. Ranges are exactly what is to go: what lies
	 * between them stays. What came by one table_map() may go in parts, and several of
	 * those together in one range.
	 *
	 * @param ranges nb_ranges, by address, 4 KiB aligned, none next to another
	 * @return 0: out of force; -EAGAIN: not now, or not all of it: the library comes again
	 *   soon, with the same ranges, up to the time-out; -EIO, with one line in the log: some
	 *   may be left, or more has gone than was asked for: the unit is a failed one then
	 */
	int (*table_unmap)(struct uiommu_dev *dev, void *domain_private,
			   const struct uiommu_pgtable_range *ranges, uint32_t nb_ranges);
	/**
	 * Which queue takes the endpoint's requests. Asked once, after endpoint_set(). NULL: the
	 * first, always.
	 *
	 * @return queue, below nb_queues
	 */
	uint16_t (*endpoint_queue)(struct uiommu_dev *dev, void *endpoint_private);
	/**
	 * Have translations of a NESTED domain forgotten, whose first stage its user has changed:
	 * uiommu_domain_invalidate(). NULL: by UIOMMU_CMD_INVALIDATE, as others.
	 *
	 * @param len in bytes, 4 KiB aligned as iova; UINT64_MAX: everything
	 * @return 0; -ENOTSUP; -EIO, with one line in the log
	 */
	int (*nested_invalidate)(struct uiommu_dev *dev, void *domain_private, uint64_t iova,
				 uint64_t len);
	/**
	 * Where only what came together can go together: what else will be absent for a moment when
	 * table_unmap() takes a range out. The library answers nothing SUCCESS there meanwhile.
	 * Called just before it, as table_unmap(). NULL: nothing else.
	 *
	 * @param range what is to go; widened to what is touched
	 * @return 0; -EAGAIN: not now
	 */
	int (*table_extent)(struct uiommu_dev *dev, void *domain_private,
			    struct uiommu_pgtable_range *range);
	void *reserved[1]; /**< NULL */
};

/** A unit, as its driver sees it. */
struct uiommu_dev {
	int16_t dev_id;
	char name[UIOMMU_NAME_SIZE];
	struct uiommu_platform platform;
	uint64_t timeout_ns;               /**< bound on a wait; from configure on */
	/* Set by probe(). */
	const struct uiommu_dev_ops *ops;
	const struct uiommu_queue_ops *queue_ops;
	/** 1 << enum uiommu_cmd_op that the unit needs at all */
	uint32_t cmd_mask;
	void *dev_private;                 /**< of the driver */
	/**
	 * bond_set() puts one domain in another's place in a single step, with the old one in force
	 * until then; what is open of that has its answer afterwards, or is left for the library.
	 * So replace does without bond_clear().
	 */
	bool swaps_bonds;
	/** Set by stop(): could not be turned off, and may go on reading its tables for good. */
	bool walks_on;
};

/** A driver. */
struct uiommu_driver {
	const char *name; /**< first word of devargs */
	const char *description; /**< one line, for lists */
	/**
	 * Look at the unit behind dev->platform, which is open: read registers, change
	 * nothing; set the members of dev above.
	 *
	 * @return 0; -ENOTSUP: lacks a capability, with one line in the log for each; -ENOMEM;
	 *   -EINVAL: bad argument
	 */
	int (*probe)(struct uiommu_dev *dev, struct uiommu_args *args);
};

/** Add a driver to the list. For UIOMMU_DRIVER_REGISTER(). */
void
uiommu_driver_register(const struct uiommu_driver *driver);

/** Register at load time; @p drv is a struct uiommu_driver with static life. */
#define UIOMMU_DRIVER_REGISTER(drv)                                                                \
	RTE_INIT(uiommu_register_driver_##drv)                                                     \
	{                                                                                          \
		uiommu_driver_register(&drv);                                                      \
	}                                                                                          \
	struct uiommu_driver_register_semicolon_##drv

/** Add to a counter that only this thread writes and any thread reads. */
static inline void
uiommu_count(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, __atomic_load_n(counter, __ATOMIC_RELAXED) + n, __ATOMIC_RELAXED);
}

#ifdef __cplusplus
}
#endif

#endif /* UIOMMU_DRIVER_H */
