/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Address spaces: bound, unbound, and dying while everybody uses them. */

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#include <rte_errno.h>

#include "life.h"

#define MAGIC UINT64_C(0x5ca1ab1e0ddba11)

/* ------------------------------------------------------------- operations */

static bool
memory_get(void *priv)
{
	struct memory *memory = priv;

	EXPECT_EQ(memory->magic, MAGIC);
	return __atomic_load_n(&memory->alive, __ATOMIC_ACQUIRE);
}

static void
memory_put(void *priv)
{
	struct memory *memory = priv;

	EXPECT_EQ(memory->magic, MAGIC);
}

static void
memory_fault(void *priv, const struct uiommu_mm_fault *faults, uint32_t nb_faults, uint8_t *codes,
	     uint32_t nb_groups)
{
	struct memory *memory = priv;
	const struct timespec pause = {.tv_nsec = 300000}, longer = {.tv_nsec = 3000000};
	uint64_t random = __atomic_fetch_add(&memory->random, 1, __ATOMIC_RELAXED);
	uint32_t i;

	EXPECT_EQ(memory->magic, MAGIC);
	EXPECT(nb_faults >= nb_groups && nb_groups > 0);
	EXPECT(faults[0].group == 0 && faults[nb_faults - 1].group == nb_groups - 1);
	for (i = 0; i < nb_groups; i++)
		codes[i] = random % 8 == 0 ? UIOMMU_CODE_RETRY : UIOMMU_CODE_SUCCESS;
	if (memory->may_sleep && random % 64 == 0)
		nanosleep(&pause, NULL);
	/* the end of it all is to come while operations are under way */
	if (memory->may_sleep && __atomic_load_n(&memory->ending, __ATOMIC_RELAXED))
		nanosleep(&longer, NULL);
	/* it is there to the end of the call */
	__atomic_fetch_add(&memory->calls, 1, __ATOMIC_RELAXED);
	EXPECT_EQ(memory->magic, MAGIC);
}

static const struct uiommu_mm_ops memory_ops = {
	.get = memory_get,
	.put = memory_put,
	.fault = memory_fault,
};

/* --------------------------------------------------------- address spaces */

static struct memory *
memory_make(bool may_sleep)
{
	struct memory *memory = calloc(1, sizeof(*memory));

	CHECK(memory != NULL);
	memory->magic = MAGIC;
	memory->alive = true;
	memory->may_sleep = may_sleep;
	return memory;
}

static void
memory_free(struct space *space)
{
	struct memory *memory = space->memory;

	space->memory = NULL;
	if (memory == NULL)
		return;
	/* where no sanitizer looks, the next touch is seen all the same */
	memory->magic = 0;
	free(memory);
}

static void
space_fill(struct space *space)
{
	struct uiommu_mm_conf conf = {
		.size = sizeof(conf),
		.kind = space->self ? UIOMMU_MM_SELF : UIOMMU_MM_USER,
		.mode = space->mode,
		.nb_workers = space->mode == UIOMMU_MM_WORKER ? 2 : 0,
		.queue_depth = space->mode == UIOMMU_MM_INLINE ? 0 : 32,
		.flags = space->self ? UIOMMU_MM_NO_LOCK | UIOMMU_MM_NO_NUMA : 0,
	};

	if (!space->self) {
		space->memory = memory_make(space->mode != UIOMMU_MM_INLINE);
		conf.ops = &memory_ops;
		conf.ops_priv = space->memory;
	}
	space->mm = uiommu_mm_create(&conf);
	if (space->mm == NULL)
		harness_fail(__FILE__, __LINE__, "address space: %s", rte_strerror(rte_errno));
}

void
spaces_open(struct life *life)
{
	static const uint32_t modes[SPACES] = {
		UIOMMU_MM_WORKER, UIOMMU_MM_POLLED, UIOMMU_MM_INLINE,
		UIOMMU_MM_WORKER, UIOMMU_MM_WORKER,
	};
	unsigned int i;

	for (i = 0; i < SPACES; i++) {
		party_init(&life->spaces[i].party);
		life->spaces[i].mode = modes[i];
		life->spaces[i].self = i == SPACES - 1;
		space_fill(&life->spaces[i]);
	}
}

void
spaces_close(struct life *life)
{
	unsigned int i;

	for (i = 0; i < SPACES; i++) {
		EXPECT_EQ(life->spaces[i].party.nb_members, 0);
		EXPECT_EQ(uiommu_mm_destroy(life->spaces[i].mm), 0);
		memory_free(&life->spaces[i]);
	}
}

void
spaces_poll(struct worker *self)
{
	unsigned int i;

	for (i = 0; i < SPACES; i++) {
		struct space *space = &self->life->spaces[i];

		if (space->mode != UIOMMU_MM_POLLED)
			continue;
		doing(self, "resolve faults of an address space");
		party_enter(&space->party);
		while (uiommu_mm_poll(space->mm, 16) == 16)
			;
		party_exit(&space->party);
	}
}

/* As a process does: its memory goes right when the library says that it is not used. */
static void
space_die(struct worker *self, struct space *space)
{
	const struct timespec pause = {.tv_nsec = 1000000};

	if (!party_end(self->life, &space->party))
		return;
	if (space->memory != NULL && dice(self, 2) == 0)
		__atomic_store_n(&space->memory->alive, false, __ATOMIC_RELEASE);
	if (space->memory != NULL) {
		__atomic_store_n(&space->memory->ending, true, __ATOMIC_RELAXED);
		nanosleep(&pause, NULL);
	}
	doing(self, "release an address space");
	EXPECT_EQ(uiommu_mm_release(space->mm), 0);
	memory_free(space);
	EXPECT_EQ(uiommu_mm_release(space->mm), 0);
	life_count(&self->life->died);
}

static void
space_renew(struct worker *self, struct space *space)
{
	if (!party_renew(&space->party))
		return;
	doing(self, "make an address space anew");
	EXPECT_EQ(uiommu_mm_destroy(space->mm), 0);
	space_fill(space);
	party_renewed(&space->party);
}

void
space_change(struct worker *self)
{
	struct space *space = &self->life->spaces[dice(self, SPACES)];
	bool alive = party_enter(&space->party);

	if (alive && dice(self, 4) == 0)
		space_die(self, space);
	party_exit(&space->party);
	if (!alive)
		space_renew(self, space);
}

/* -------------------------------------------------------- bind and unbind */

/* Which PASID it will be is known afterwards only. */
static void
unbound_tell(struct life *life, unsigned int index, uint32_t but, enum uiommu_emu_pasid_state state)
{
	struct endpoint *endpoint = &life->endpoints[index];
	bool taken[PLACES] = {false};
	unsigned int i;

	for (i = 0; i < SPACES; i++) {
		if (endpoint->sva[i] != NULL)
			taken[endpoint->sva_pasid[i]] = true;
	}
	for (i = 1; i <= SVA_PASIDS; i++) {
		if (!taken[i] && i != but)
			judge_tell(life, index, i, state);
	}
}

static void
bind_first(struct worker *self, unsigned int index, unsigned int which)
{
	struct life *life = self->life;
	struct endpoint *endpoint = &life->endpoints[index];
	struct uiommu_sva *sva;
	uint32_t pasid = 0;

	unbound_tell(life, index, 0, UIOMMU_EMU_CHANGING);
	doing(self, "bind");
	sva = uiommu_sva_bind(endpoint->uiommu, life->spaces[which].mm);
	if (sva == NULL) {
		EXPECT(rte_errno == ESRCH || rte_errno == EOVERFLOW || rte_errno == ENOSPC);
		life_count(&life->refused);
	} else {
		pasid = uiommu_sva_pasid(sva);
		CHECK(pasid >= 1 && pasid <= SVA_PASIDS);
		party_join(life, &life->spaces[which].party, index, pasid);
		life_count(&life->bound);
	}
	unbound_tell(life, index, pasid, UIOMMU_EMU_DETACHED);
	endpoint->sva[which] = sva;
	endpoint->sva_pasid[which] = pasid;
	endpoint->nb_sva[which] = sva != NULL ? 1 : 0;
}

static void
bind_again(struct worker *self, unsigned int index, unsigned int which)
{
	struct endpoint *endpoint = &self->life->endpoints[index];
	struct uiommu_sva *sva;

	doing(self, "bind once more");
	sva = uiommu_sva_bind(endpoint->uiommu, self->life->spaces[which].mm);
	if (sva == NULL) {
		EXPECT_EQ(rte_errno, ESRCH);
		return;
	}
	EXPECT(sva == endpoint->sva[which]);
	endpoint->nb_sva[which]++;
}

static void
unbind(struct worker *self, unsigned int index, unsigned int which)
{
	struct life *life = self->life;
	struct endpoint *endpoint = &life->endpoints[index];
	uint32_t pasid = endpoint->sva_pasid[which];

	EXPECT_EQ(uiommu_sva_pasid(endpoint->sva[which]), pasid);
	doing(self, "unbind");
	if (endpoint->nb_sva[which] > 1) {
		endpoint->nb_sva[which]--;
		EXPECT_EQ(uiommu_sva_unbind(endpoint->sva[which]), 0);
		return;
	}
	party_leave(life, &life->spaces[which].party, index, pasid);
	EXPECT_EQ(uiommu_sva_unbind(endpoint->sva[which]), 0);
	judge_tell(life, index, pasid, UIOMMU_EMU_DETACHED);
	endpoint->sva[which] = NULL;
	endpoint->nb_sva[which] = 0;
	life_count(&life->unbound);
}

void
sva_change(struct worker *self, unsigned int index)
{
	unsigned int which = dice(self, SPACES);
	struct endpoint *endpoint = &self->life->endpoints[index];
	struct space *space = &self->life->spaces[which];

	party_enter(&space->party);
	if (endpoint->sva[which] == NULL)
		bind_first(self, index, which);
	else if (dice(self, 4) == 0)
		bind_again(self, index, which);
	else
		unbind(self, index, which);
	party_exit(&space->party);
}

/* -------------------------------------------------- with their endpoint */

void
sva_leave(struct worker *self, unsigned int index)
{
	struct endpoint *endpoint = &self->life->endpoints[index];
	unsigned int i;

	for (i = 0; i < SPACES; i++) {
		struct party *party = &self->life->spaces[i].party;

		if (endpoint->sva[i] == NULL)
			continue;
		party_enter(party);
		party_leave(self->life, party, index, endpoint->sva_pasid[i]);
	}
}

/* The handles live until they are given back. */
void
sva_gone(struct worker *self, unsigned int index)
{
	struct endpoint *endpoint = &self->life->endpoints[index];
	unsigned int i;

	for (i = 0; i < SPACES; i++) {
		if (endpoint->sva[i] == NULL)
			continue;
		judge_tell(self->life, index, endpoint->sva_pasid[i], UIOMMU_EMU_DETACHED);
		EXPECT_EQ(uiommu_sva_pasid(endpoint->sva[i]), UIOMMU_NO_PASID);
		doing(self, "unbind from an endpoint that has gone");
		for (; endpoint->nb_sva[i] != 0; endpoint->nb_sva[i]--)
			EXPECT_EQ(uiommu_sva_unbind(endpoint->sva[i]), 0);
		endpoint->sva[i] = NULL;
		party_exit(&self->life->spaces[i].party);
	}
}
