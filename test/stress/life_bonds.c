/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Bonds made by hand: attach, replace, detach at once and step by step, of every sort of domain. */

#include <errno.h>
#include <sched.h>

#include <rte_common.h>
#include <rte_errno.h>

#include "life.h"

/* --------------------------------------------------------------- handlers */

static void
cookie_keep(struct life *life, uiommu_cookie_t cookie)
{
	__atomic_store_n(&life->cookies[life->nb_cookies % COOKIES], cookie, __ATOMIC_RELAXED);
	/* pairs with the acquire load in cookies_answer() */
	__atomic_store_n(&life->nb_cookies, life->nb_cookies + 1, __ATOMIC_RELEASE);
}

/* Begin the detach of the very bond whose group is being answered, where somebody wants that. */
static void
wish_grant(struct uiommu_attach *attach)
{
	struct bond *bond = uiommu_attach_priv(attach);

	/* pairs with the release store in detach_by_handler() */
	if (!__atomic_load_n(&bond->wish, __ATOMIC_ACQUIRE) ||
	    !__atomic_exchange_n(&bond->wish, false, __ATOMIC_ACQ_REL))
		return;
	EXPECT_EQ(uiommu_detach(attach), -EDEADLK);
	EXPECT_EQ(uiommu_detach_start(attach), 0);
	EXPECT_EQ(uiommu_detach_done(attach), -EINPROGRESS);
	/* pairs with the acquire load in detach_by_handler() */
	__atomic_store_n(&bond->started, true, __ATOMIC_RELEASE);
}

static void
handler_hook(struct recorder *rec, struct uiommu_group *groups, uint8_t *codes, uint16_t nb)
{
	struct life *life = rec->hook_arg;
	uint16_t i;

	for (i = 0; i < nb; i++) {
		uint64_t random = harness_random(&life->handler_random);
		bool defers = rec == life->recorders[DEFER_ALL] ||
			      (rec == life->recorders[DEFER_TIMED] && random % 2 == 0);
		uiommu_cookie_t cookie = 0;

		wish_grant(groups[i].attach);
		codes[i] = UIOMMU_CODE_SUCCESS;
		if (rec == life->recorders[RETRY_SOME] && random % 4 == 0)
			codes[i] = UIOMMU_CODE_RETRY;
		if (!defers)
			continue;
		cookie = uiommu_group_defer(&groups[i]);
		codes[i] = cookie != 0 ? UIOMMU_CODE_DEFERRED : UIOMMU_CODE_RETRY;
		if (cookie == 0)
			continue;
		cookie_keep(life, cookie);
		/* a deferral that is taken back at once */
		if (random % 16 == 2)
			codes[i] = UIOMMU_CODE_SUCCESS;
	}
}

void
cookies_answer(struct worker *self)
{
	struct life *life = self->life;
	/* pairs with the release store in cookie_keep() */
	uint64_t nb = __atomic_load_n(&life->nb_cookies, __ATOMIC_ACQUIRE);
	uint64_t cookies[64];
	uint8_t codes[64];
	uint16_t count = 0;
	uint64_t back, last = RTE_MIN(nb, (uint64_t)COOKIES);

	for (back = 1; back <= last; back++) {
		codes[count] = dice(self, 8) == 0 ? UIOMMU_CODE_RETRY : UIOMMU_CODE_SUCCESS;
		cookies[count++] =
			__atomic_load_n(&life->cookies[(nb - back) % COOKIES], __ATOMIC_RELAXED);
		if (count == 64 || back == last) {
			uint16_t done = uiommu_answer(life->rig->dev, cookies, codes, NULL, count);

			__atomic_fetch_add(&life->answered, done, __ATOMIC_RELAXED);
			count = 0;
		}
	}
}

/* ---------------------------------------------------------------- domains */

static struct uiommu_domain *
domain_make(struct life *life, const struct uiommu_domain_conf *what)
{
	struct uiommu_domain_conf conf = *what;
	struct uiommu_domain *domain;

	conf.size = sizeof(conf);
	domain = uiommu_domain_alloc(life->rig->dev, &conf);
	CHECK(domain != NULL);
	return domain;
}

/* A recorder whose domain is of another sort than rig_recorder() makes. */
static struct recorder *
recorder_make(struct life *life, const struct uiommu_domain_conf *what)
{
	struct recorder *rec = rig_recorder_with(life->rig, UIOMMU_CODE_SUCCESS, what);

	rec->hook = handler_hook;
	rec->hook_arg = life;
	return rec;
}

void
domains_open(struct life *life)
{
	static const struct uiommu_domain_conf paging = {.type = UIOMMU_DOMAIN_PAGING};
	struct uiommu_domain_conf timed = {
		.type = UIOMMU_DOMAIN_PAGING,
		.deadline_ns = 2000000,
		.deadline_code = UIOMMU_CODE_RETRY,
	};
	struct uiommu_domain_conf nested = {.type = UIOMMU_DOMAIN_NESTED, .table_pa = 0x1000};
	unsigned int i;

	life->recorders[AT_ONCE] = recorder_make(life, &paging);
	life->recorders[RETRY_SOME] = recorder_make(life, &paging);
	life->recorders[DEFER_ALL] = recorder_make(life, &paging);
	life->recorders[DEFER_TIMED] = recorder_make(life, &timed);
	if ((life->rig->info.capa & UIOMMU_CAPA_NESTED) != 0) {
		nested.parent = domain_make(life, &(const struct uiommu_domain_conf){
							  .type = UIOMMU_DOMAIN_PAGING,
							  .flags = UIOMMU_DOMAIN_NEST_PARENT,
						  });
		life->recorders[NESTED] = recorder_make(life, &nested);
	}
	for (i = 0; i < CHOICES; i++) {
		if (life->recorders[i] != NULL)
			life->domains[i] = life->recorders[i]->domain;
	}
	life->domains[PLAIN] = domain_make(life, &paging);
	life->domains[BLOCKED] = domain_make(
		life, &(const struct uiommu_domain_conf){.type = UIOMMU_DOMAIN_BLOCKED});
	if ((life->rig->info.capa & UIOMMU_CAPA_PASSTHROUGH) != 0)
		life->domains[IDENTITY] = domain_make(
			life, &(const struct uiommu_domain_conf){.type = UIOMMU_DOMAIN_IDENTITY});
}

/* A fault queue for one bond. Its groups expire; nobody need read them. */
static void
own_make(struct worker *self, struct bond *bond)
{
	static const struct uiommu_fault_queue_conf fq_conf = {.size = sizeof(fq_conf), .depth = 4};
	struct uiommu_domain_conf conf = {.type = UIOMMU_DOMAIN_PAGING};

	doing(self, "make a fault queue for one bond");
	bond->own_fq = uiommu_fault_queue_create(self->life->rig->dev, &fq_conf);
	CHECK(bond->own_fq != NULL);
	if (dice(self, 2) == 0) {
		conf.deadline_ns = 1000000;
		conf.deadline_code = dice(self, 2) == 0 ? UIOMMU_CODE_INVALID : UIOMMU_CODE_RETRY;
	}
	conf.fault_queue = bond->own_fq;
	bond->own_domain = domain_make(self->life, &conf);
}

static void
own_queue_drop(struct worker *self, struct bond *bond)
{
	if (bond->own_fq == NULL)
		return;
	doing(self, "destroy the fault queue of one bond");
	EXPECT_EQ(uiommu_fault_queue_destroy(bond->own_fq), 0);
	bond->own_fq = NULL;
	life_count(&self->life->own_queues);
}

/* The bond has gone, or has another domain. */
static void
own_drop(struct worker *self, struct bond *old)
{
	own_queue_drop(self, old);
	if (old->own_domain != NULL)
		EXPECT_EQ(uiommu_domain_free(old->own_domain), 0);
	old->own_domain = NULL;
}

/* ------------------------------------------------------------------ bonds */

static struct station *
choice_station(struct life *life, enum choice choice)
{
	return choice == STATION_0 || choice == STATION_1 ? &life->stations[choice - STATION_0]
							  : NULL;
}

/* A station's domain, kept there until domain_settled(); NULL: it is on its way out. */
static struct uiommu_domain *
station_enter(struct station *station)
{
	if (party_enter(&station->party))
		return station->domain;
	party_exit(&station->party);
	return NULL;
}

static bool
can_be(const struct life *life, enum choice choice, unsigned int place)
{
	return choice != IDENTITY || place == RID_PLACE ||
	       (life->rig->info.capa & UIOMMU_CAPA_PASSTHROUGH_PASID) != 0;
}

/* Choose what a bond is to be next, and have its domain at hand. */
static struct uiommu_domain *
domain_choose(struct worker *self, struct bond *bond, unsigned int place)
{
	struct life *life = self->life;
	struct uiommu_domain *domain = NULL;

	while (domain == NULL) {
		struct station *station;

		bond->choice = (enum choice)dice(self, CHOICES);
		station = choice_station(life, bond->choice);
		if (station != NULL) {
			domain = station_enter(station);
		} else if (bond->choice == OWN_QUEUE) {
			own_make(self, bond);
			domain = bond->own_domain;
		} else if (can_be(life, bond->choice, place)) {
			domain = life->domains[bond->choice];
		}
	}
	return domain;
}

/* The bond is in force. */
static void
domain_settled(struct worker *self, unsigned int index, unsigned int place)
{
	struct life *life = self->life;
	enum choice choice = life->endpoints[index].bonds[place].choice;
	struct station *station = choice_station(life, choice);

	if (station != NULL) {
		party_join(life, &station->party, index, place);
		party_exit(&station->party);
	} else if (choice < OWN_QUEUE) {
		judge_tell(life, index, place, UIOMMU_EMU_ATTACHED);
	}
	/* all others may answer INVALID at any time: the judge takes both as it is */
}

static void
bond_attach(struct worker *self, unsigned int index, unsigned int place)
{
	struct endpoint *endpoint = &self->life->endpoints[index];
	struct bond *bond = &endpoint->bonds[place];
	struct uiommu_domain *domain = domain_choose(self, bond, place);

	doing(self, "attach");
	judge_tell(self->life, index, place, UIOMMU_EMU_CHANGING);
	bond->attach = rig_attach(endpoint->uiommu, place_pasid(place), domain, bond);
	domain_settled(self, index, place);
}

/*
 * About to change: from now on both answers are right. A station's domain stays until
 * bond_left().
 */
static void
bond_leave(struct worker *self, unsigned int index, unsigned int place)
{
	struct life *life = self->life;
	struct station *station = choice_station(life, life->endpoints[index].bonds[place].choice);

	if (station == NULL) {
		judge_tell(life, index, place, UIOMMU_EMU_CHANGING);
		return;
	}
	party_enter(&station->party);
	party_leave(life, &station->party, index, place);
}

/* The bond is not what it was any more. */
static void
bond_left(struct worker *self, struct bond *old)
{
	struct station *station = choice_station(self->life, old->choice);

	if (station != NULL)
		party_exit(&station->party);
	own_drop(self, old);
}

static void
detach_finish(struct worker *self, struct bond *bond)
{
	int ret;

	doing(self, "detach step by step");
	while ((ret = uiommu_detach_done(bond->attach)) == -EINPROGRESS)
		sched_yield();
	EXPECT_EQ(ret, 0);
	life_count(&self->life->started);
}

/* Wait a little for a handler to begin it; else begin it here. */
static void
detach_by_handler(struct worker *self, struct bond *bond)
{
	unsigned int patience = 2000;

	__atomic_store_n(&bond->started, false, __ATOMIC_RELAXED);
	/* pairs with the acquire load in wish_grant() */
	__atomic_store_n(&bond->wish, true, __ATOMIC_RELEASE);
	doing(self, "wait for a handler to begin a detach");
	/* pairs with the release store in wish_grant() */
	while (!__atomic_load_n(&bond->started, __ATOMIC_ACQUIRE)) {
		if (patience != 0 && --patience == 0 &&
		    __atomic_exchange_n(&bond->wish, false, __ATOMIC_ACQ_REL)) {
			EXPECT_EQ(uiommu_detach_start(bond->attach), 0);
			break;
		}
		sched_yield();
	}
	EXPECT_EQ(uiommu_detach(bond->attach), -EBUSY);
	detach_finish(self, bond);
}

static void
bond_detach(struct worker *self, unsigned int index, unsigned int place)
{
	struct bond *bond = &self->life->endpoints[index].bonds[place];
	unsigned int way = dice(self, 4);

	bond_leave(self, index, place);
	if (bond->choice == OWN_QUEUE && dice(self, 2) == 0)
		own_queue_drop(self, bond);
	if (way == 0) {
		EXPECT_EQ(uiommu_detach_start(bond->attach), 0);
		EXPECT_EQ(uiommu_detach_start(bond->attach), -EALREADY);
		detach_finish(self, bond);
	} else if (way == 1) {
		detach_by_handler(self, bond);
	} else {
		doing(self, "detach");
		EXPECT_EQ(uiommu_detach(bond->attach), 0);
		life_count(&self->life->detached);
	}
	judge_tell(self->life, index, place, UIOMMU_EMU_DETACHED);
	bond_left(self, bond);
	bond->attach = NULL;
	bond->choice = NO_BOND;
}

static void
bond_replace(struct worker *self, unsigned int index, unsigned int place)
{
	struct life *life = self->life;
	struct bond *bond = &life->endpoints[index].bonds[place];
	struct bond old = *bond;
	struct uiommu_domain *domain;

	bond_leave(self, index, place);
	if (old.choice == OWN_QUEUE && dice(self, 2) == 0)
		own_queue_drop(self, &old);
	bond->own_fq = NULL;
	bond->own_domain = NULL;
	domain = domain_choose(self, bond, place);
	doing(self, "replace");
	bond->attach = uiommu_replace(old.attach, domain, bond);
	CHECK(bond->attach != NULL);
	/* answers to what the old bond had open were given while both were right */
	model_catch_up(self);
	domain_settled(self, index, place);
	bond_left(self, &old);
	life_count(&life->replaced);
}

void
bond_change(struct worker *self, unsigned int index)
{
	struct endpoint *endpoint = &self->life->endpoints[index];
	bool by_hand = index < BOND_ENDPOINTS;
	unsigned int place = by_hand ? 1 + dice(self, BOND_PASIDS) : RID_PLACE;
	struct bond *bond = &endpoint->bonds[place];
	bool quiesce = dice(self, 4) == 0;
	uint32_t id = endpoint_id(index), pasid = rig_pasid_to_emu(place_pasid(place));

	if (quiesce)
		uiommu_emu_pasid_quiesce(self->life->rig->emu, id, pasid, true);
	if (bond->attach == NULL) {
		bond_attach(self, index, place);
	} else {
		EXPECT(uiommu_attach_find(endpoint->uiommu, place_pasid(place),
					  UIOMMU_DOMAIN_ANY) == bond->attach);
		if (bond->own_fq != NULL && dice(self, 2) == 0)
			queue_serve(self, bond->own_fq);
		if (dice(self, 2) == 0)
			bond_replace(self, index, place);
		else
			bond_detach(self, index, place);
	}
	if (quiesce)
		uiommu_emu_pasid_quiesce(self->life->rig->emu, id, pasid, false);
}

/* -------------------------------------------------- with their endpoint */

void
bonds_bring(struct worker *self, unsigned int index)
{
	unsigned int first = index < BOND_ENDPOINTS ? 1 : RID_PLACE;
	unsigned int last = index < BOND_ENDPOINTS ? BOND_PASIDS : RID_PLACE;
	unsigned int place;

	for (place = first; place <= last; place++) {
		if (dice(self, 8) != 0)
			bond_attach(self, index, place);
	}
}

void
bonds_leave(struct worker *self, unsigned int index)
{
	unsigned int place;

	for (place = 0; place < PLACES; place++) {
		if (self->life->endpoints[index].bonds[place].attach != NULL)
			bond_leave(self, index, place);
	}
}

void
bonds_gone(struct worker *self, unsigned int index)
{
	unsigned int place;

	for (place = 0; place < PLACES; place++) {
		struct bond *bond = &self->life->endpoints[index].bonds[place];

		if (bond->attach == NULL)
			continue;
		judge_tell(self->life, index, place, UIOMMU_EMU_DETACHED);
		bond_left(self, bond);
		bond->attach = NULL;
		bond->choice = NO_BOND;
	}
}
