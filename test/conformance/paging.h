/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef PAGING_H
#define PAGING_H

/**
 * @file
 * A domain whose table the library keeps, a device that uses it, and memory for both. What a
 * device reaches is what the model says, out of its caches or by a walk of its own.
 */

#include "conformance.h"

#define PAGE UINT64_C(4096)
#define LARGE (UINT64_C(1) << 21)

/** Where most cases have what they map: nothing else shares its tables. */
#define IOVA UINT64_C(0x40000000)

/** Access of most mappings. */
#define ALL (UIOMMU_PROT_READ | UIOMMU_PROT_WRITE)

/** Memory of all cases, in bytes. */
#define PAGING_MEMORY (8 * LARGE)

/** PASID of most cases. */
#define PASID 7

struct paging_conf {
	bool second;                /**< second stage, where the unit has one */
	bool plain;                 /**< no demand paging: what is mapped by hand alone */
	bool no_bond;               /**< nothing is attached */
	bool rid;                   /**< the bond is that of requests without PASID */
	uint32_t around;            /**< pages; see uiommu_domain_conf */
	uint64_t budget;            /**< the same */
	uint32_t table_pages_max;   /**< the same */
	struct rig_conf rig;        /**< of the unit */
};

struct paging {
	struct rig *rig;
	struct uiommu_domain *domain;
	struct uiommu_endpoint *endpoint;
	struct uiommu_attach *attach;
	struct paging_conf conf;
	uint32_t pasid;  /**< of the bond */
	uint8_t *memory; /**< PAGING_MEMORY bytes from a multiple of 2 MiB on, cleared */
	uint16_t index;  /**< of the next group */
};

/** Addresses from 0 on of whole entries of the root: unmapped, they leave no table but the root. */
static inline uint64_t
paging_whole_entries(const struct paging *p)
{
	return RTE_MIN(UINT64_C(1) << 39, rig_iova_end(p->rig));
}

/** A request. */
struct want {
	uint64_t iova;
	bool write; /**< as well as to read */
};

void paging_open(struct paging *p, const struct paging_conf *conf);

/** Skip a case that is about COW regions where there are none. */
void paging_needs_exchange(void);

/** The caches hold nothing that is not so, and all that rig_close() looks at. */
void paging_close(struct paging *p);

/** A domain like that of the conf. */
struct uiommu_domain *paging_domain(struct rig *rig, const struct paging_conf *conf);

/** Memory as in struct paging, cleared and known to the model of a rig. */
uint8_t *paging_memory(struct rig *rig);

/** Where the unit finds it. */
static inline uint64_t
paging_pa(const void *va)
{
	return (uintptr_t)va;
}

/** A region over memory, taken as pages of 4 KiB. @param flags UIOMMU_REGION_* */
struct uiommu_region *
paging_region(struct paging *p, uint64_t iova, const void *va, uint64_t len, uint32_t prot,
	      uint64_t flags);

/** A region of pages of zeroes. */
struct uiommu_region *
paging_anon(struct paging *p, uint64_t iova, uint64_t len, uint32_t prot);

/**
 * A group of EP: sent, and polled until it is answered.
 *
 * @return enum uiommu_code
 */
unsigned int
paging_ask_group(struct paging *p, uint32_t pasid, const struct want *wants, unsigned int nb);

/** Of one page, for the bond. */
unsigned int paging_ask(struct paging *p, uint64_t iova, bool write);

/** Send one, for the bond, and do not poll. */
void paging_send(struct paging *p, uint64_t iova, bool write);

/** The responses that are there are nb, all of this code on the wire; taken out. */
void paging_answers(struct paging *p, unsigned int nb, uint16_t code);

/** Where an address leads for a device that asks for its translation; UIOMMU_PA_NONE: nowhere. */
uint64_t
paging_reach_of(struct paging *p, uint32_t endpoint_id, uint32_t pasid, uint64_t iova,
		bool write);

/** The same of EP and the bond. */
uint64_t paging_reach(struct paging *p, uint64_t iova, bool write);

/** Pages are reached by EP, and everything that can hold a translation has theirs. */
void
paging_prime(struct paging *p, uint32_t pasid, uint64_t iova, unsigned int nb, uint64_t pa);

/** A domain like that of the conf, with four pages at IOVA mapped by hand. */
struct uiommu_domain *paging_domain_at(struct paging *p, uint64_t pa);

/** paging_prime() for those four pages. */
static inline void
paging_prime_at(struct paging *p, uint32_t pasid, uint64_t pa)
{
	paging_prime(p, pasid, IOVA, 4, pa);
}

/** None of them is, by whatever way. */
void paging_gone(struct paging *p, uint32_t pasid, uint64_t iova, unsigned int nb);

/** Devices keep nothing that is not so. */
void paging_audit(struct paging *p);

struct uiommu_paging_stats paging_stats(const struct paging *p);

/** How many pages from an address on are reached, each with its part of the memory at va. */
unsigned int
paging_count(struct paging *p, uint64_t iova, const void *va, unsigned int nb, bool write);

/** A case for each stage. */
#define BOTH_STAGES(name)                                                                          \
	static void name##_first(void)                                                             \
	{                                                                                          \
		name(false);                                                                       \
	}                                                                                          \
	static void name##_second(void)                                                            \
	{                                                                                          \
		name(true);                                                                        \
	}                                                                                          \
	struct both_stages_semicolon_##name

#define FIRST_CASE(text, name) {text ", first stage", name##_first, UIOMMU_CAPA_PAGE_TABLES}
#define SECOND_CASE(text, name)                                                                    \
	{                                                                                          \
		text ", second stage", name##_second,                                              \
			UIOMMU_CAPA_PAGE_TABLES | UIOMMU_CAPA_SECOND_STAGE                         \
	}

#endif /* PAGING_H */
