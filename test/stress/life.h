/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef LIFE_H
#define LIFE_H

/**
 * @file
 * What the files of stress_life share.
 *
 * An endpoint with all its bonds belongs to whoever has its lock. What bonds of several endpoints
 * have in common, a fault queue or an address space, may end at any time, on another thread:
 * struct party keeps the judge right about its members.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <uiommu.h>

#include "rig.h"

#define ENDPOINTS 8
/** The first ones have bonds made by hand, those behind them SVA's and one without PASID. */
#define BOND_ENDPOINTS 5
/** Of them, the last two are virtual functions of this one, which stays. */
#define PF_INDEX 2
#define BOND_PASIDS 8
#define SVA_PASIDS 15 /* 4 bits */
#define PLACES (SVA_PASIDS + 1)
/** Place of the bond without PASID. */
#define RID_PLACE 0

#define STATIONS 2
#define SPACES 5
#define COOKIES 1024 /* power of two */
#define WORKERS_MAX 24
#define WINDOW_PAGES 1024

/** What a bond's domain does with its groups. */
enum choice {
	AT_ONCE,
	NESTED, /* the same, with another type of domain */
	RETRY_SOME,
	DEFER_ALL,
	DEFER_TIMED, /* with a deadline: RETRY */
	STATION_0,   /* fault queue with a consumer that polls */
	STATION_1,   /* with one that sleeps */
	OWN_QUEUE,   /* fault queue of this bond alone, often nobody reads it */
	PLAIN,	     /* no faults */
	BLOCKED,
	IDENTITY,
	CHOICES,
	NO_BOND = CHOICES,
};

struct life;

/** Bonds with something in common that may end. */
struct party {
	pthread_mutex_t lock;
	unsigned int nb_users; /* threads that need what it has to be there */
	bool dying;
	unsigned int nb_members;
	bool member[ENDPOINTS][PLACES];
};

struct bond {
	struct uiommu_attach *attach; /* NULL: none */
	enum choice choice;
	struct uiommu_fault_queue *own_fq;
	struct uiommu_domain *own_domain;
	bool wish;    /* atomic: the handler is to begin the detach */
	bool started; /* atomic: it has */
};

struct endpoint {
	pthread_mutex_t lock;
	struct uiommu_endpoint *uiommu;
	struct bond bonds[PLACES];
	struct uiommu_sva *sva[SPACES];
	unsigned int nb_sva[SPACES]; /* references */
	uint32_t sva_pasid[SPACES];
};

/** A shared fault queue and its consumer. */
struct station {
	struct party party;
	struct uiommu_fault_queue *fq; /* NULL: destroyed */
	struct uiommu_domain *domain;
	pthread_rwlock_t fq_lock;
};

/** The memory of an address space: freed as soon as the library may not touch it any more. */
struct memory {
	uint64_t magic;
	bool alive; /* atomic */
	bool may_sleep;
	bool ending;	 /* atomic */
	uint64_t calls;	 /* atomic */
	uint64_t random; /* atomic */
};

struct space {
	struct party party;
	struct uiommu_mm *mm;
	struct memory *memory; /* NULL: this process, or freed */
	uint32_t mode;
	bool self;
};

struct worker {
	struct life *life;
	pthread_t thread;
	unsigned int number;
	uint64_t random;
	const char *doing; /* atomic */
	uint64_t steps;	   /* atomic */
	bool ended;	   /* atomic */
};

struct life {
	struct rig *rig;
	struct endpoint endpoints[ENDPOINTS];
	struct recorder *recorders[CHOICES]; /* of choices with a handler */
	struct uiommu_domain
		*domains[CHOICES]; /* of those without queues; NULL: the unit has none */
	struct station stations[STATIONS];
	struct space spaces[SPACES];
	struct worker workers[WORKERS_MAX];
	unsigned int nb_workers;
	uint64_t cookies[COOKIES]; /* atomic */
	uint64_t nb_cookies;	   /* atomic */
	uint64_t handler_random;   /* of the owner */
	uint8_t *window;
	bool end;	    /* atomic: no more changes */
	bool end_consumers; /* atomic */
	/* atomic; what was done, of each sort */
	uint64_t detached, started, replaced, removed, bound, unbound, died, queues, own_queues;
	uint64_t answered, late, refused;
};

/* ---------------------------------------------------------- stress_life.c */

/** Note what a thread is about to do: for the watchdog. */
static inline void
doing(struct worker *self, const char *what)
{
	__atomic_store_n(&self->doing, what, __ATOMIC_RELAXED);
	__atomic_fetch_add(&self->steps, 1, __ATOMIC_RELAXED);
}

static inline void
life_count(uint64_t *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

static inline unsigned int
dice(struct worker *self, unsigned int sides)
{
	return (unsigned int)(harness_random(&self->random) % sides);
}

static inline bool
life_is_over(const struct life *life)
{
	return __atomic_load_n(&life->end, __ATOMIC_ACQUIRE) || harness_failures() != 0;
}

uint32_t endpoint_id(unsigned int index);

/** Some devices do not ask, but wait, where the unit can do that; none of the family. */
static inline bool
endpoint_stalls(const struct life *life, unsigned int index)
{
	return (index == 1 || index == BOND_ENDPOINTS) &&
	       (life->rig->info.capa & UIOMMU_CAPA_STALL) != 0;
}

/** Address spaces of processes: the unit has a first stage for their tables. */
static inline bool
has_spaces(const struct life *life)
{
	return (life->rig->info.capa & UIOMMU_CAPA_FIRST_STAGE) != 0;
}

/** PASID of a place. */
static inline uint32_t
place_pasid(unsigned int place)
{
	return place == RID_PLACE ? UIOMMU_NO_PASID : place;
}

void judge_tell(struct life *life, unsigned int index, unsigned int place,
		enum uiommu_emu_pasid_state state);

/** Every response that was handed to the unit so far has reached its device. */
void model_catch_up(struct worker *self);

/* ------------------------------------------------------------ life_party.c */

void party_init(struct party *party);

/** A bond is in force from now on; tolerant: INVALID is always a right answer. */
void party_join(struct life *life, struct party *party, unsigned int index, unsigned int place);

/** A bond is about to change. */
void party_leave(struct life *life, struct party *party, unsigned int index, unsigned int place);

/** What the party has is there until party_exit(), if only to be undone. @return false: dying */
bool party_enter(struct party *party);
void party_exit(struct party *party);

/**
 * It has ended, nobody needs it, and no bond has it: to be made anew, then party_renewed().
 * @return false: not so
 */
bool party_renew(struct party *party);
void party_renewed(struct party *party);

/** What the members have in common is about to end. @return false: it has ended before */
bool party_end(struct life *life, struct party *party);

/* ----------------------------------------------------------- life_queues.c */

void stations_open(struct life *life);

/** Destroy a station's queue, whoever uses it; or make it anew when nobody does. */
void station_change(struct worker *self);

/** Read and answer some of a fault queue, with errors on purpose. @return groups answered */
unsigned int queue_serve(struct worker *self, struct uiommu_fault_queue *fq);

/** The same of a station's, if it has one now. */
unsigned int station_serve(struct worker *self, struct station *station);

void *consumer_main(void *worker);

/* ------------------------------------------------------------ life_bonds.c */

/** Handlers, and domains without queues. */
void domains_open(struct life *life);

/** Answer whatever was deferred lately, no matter who else does. */
void cookies_answer(struct worker *self);

/** Attach what a new endpoint is to have. */
void bonds_bring(struct worker *self, unsigned int index);

/** Change one bond of an endpoint. */
void bond_change(struct worker *self, unsigned int index);

/** The endpoint's bonds are about to go with it; then: have gone. */
void bonds_leave(struct worker *self, unsigned int index);
void bonds_gone(struct worker *self, unsigned int index);

/* -------------------------------------------------------------- life_sva.c */

void spaces_open(struct life *life);
void spaces_close(struct life *life);

/** Bind or unbind one address space. */
void sva_change(struct worker *self, unsigned int index);

/** One address space dies, or is made anew. */
void space_change(struct worker *self);

void sva_leave(struct worker *self, unsigned int index);
void sva_gone(struct worker *self, unsigned int index);

/** Resolve something where an application is to do so. */
void spaces_poll(struct worker *self);

#endif /* LIFE_H */
