/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <string.h>
#include <time.h>

#include <rte_common.h>
#include <rte_errno.h>

#include "churn.h"
#include "clock.h"
#include "devices.h"
#include "talk.h"
#include "unit.h"

/* A whole endpoint each so many turns. */
#define ENDPOINT_EACH 64
/* Time without a bond: a part of the period, bounded. */
#define GONE_PART 4
#define GONE_NS_MAX UINT64_C(1000000)

void
churn_init(struct churn *c, struct storm *s)
{
	memset(c, 0, sizeof(*c));
	c->storm = s;
	c->random = s->o.traffic.seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	if (s->o.churn != 0)
		c->period_ns = UINT64_C(1000000000) / s->o.churn;
}

void
churn_begin(struct churn *c, uint64_t now_ns)
{
	c->due_ns = now_ns + c->period_ns;
}

/* xorshift64*: small, and the same everywhere for the same seed */
static uint32_t
random_below(struct churn *c, uint32_t limit)
{
	c->random ^= c->random >> 12;
	c->random ^= c->random << 25;
	c->random ^= c->random >> 27;
	return (uint32_t)(((c->random * UINT64_C(0x2545f4914f6cdd1d)) >> 32) % limit);
}

static void
judge_told(const struct storm *s, const struct storm_endpoint *e, uint32_t first, uint32_t nb,
	   enum uiommu_emu_pasid_state state)
{
	uint32_t i;

	for (i = first; i < first + nb; i++)
		uiommu_emu_pasid_state(s->emu, e->id, devices_pasid(s, e, i), state);
}

static void
devices_quiesce(const struct storm *s, const struct storm_endpoint *e, uint32_t first, uint32_t nb,
		bool quiesce)
{
	uint32_t i;

	for (i = first; i < first + nb; i++)
		uiommu_emu_pasid_quiesce(s->emu, e->id, devices_pasid(s, e, i), quiesce);
}

static void
took(uint64_t start_ns, uint64_t *sum, uint64_t *max)
{
	uint64_t ns = clock_now_ns() - start_ns;

	*sum += ns;
	*max = RTE_MAX(*max, ns);
}

static int
endpoint_leave(struct storm *s, struct storm_endpoint *e)
{
	uint32_t i;
	int ret = uiommu_endpoint_remove(e->endpoint);

	if (ret < 0)
		return ret;
	e->endpoint = NULL;
	for (i = 0; i < e->nb_bonds; i++)
		s->attaches[e->first_bond + i] = NULL;
	/* what is left of it is the handle */
	return sva_window_unbind(e);
}

static int
bond_leave(struct storm *s, struct storm_endpoint *e, uint32_t bond)
{
	int ret;

	if (e->sva != NULL)
		return sva_window_unbind(e);
	ret = uiommu_detach(s->attaches[bond]);
	s->attaches[bond] = NULL;
	return ret;
}

static int
leave(struct churn *c, struct storm_endpoint *e, uint32_t bond, bool whole)
{
	struct storm *s = c->storm;
	uint64_t start = clock_now_ns();
	int ret;

	ret = whole ? endpoint_leave(s, e) : bond_leave(s, e, bond);
	if (ret < 0) {
		talk("cannot %s 0x%x during the storm: %s",
		     whole ? "remove endpoint" : "detach a PASID of endpoint", e->id,
		     rte_strerror(-ret));
		return ret;
	}
	took(start, &c->detach_ns_sum, &c->detach_ns_max);
	return 0;
}

/* Goes, and comes back after a while. */
static int
turn_away(struct churn *c, struct storm_endpoint *e, uint32_t first, uint32_t nb, bool whole)
{
	struct storm *s = c->storm;
	int ret = leave(c, e, first, whole);

	if (ret < 0)
		return ret;
	judge_told(s, e, first, nb, UIOMMU_EMU_DETACHED);
	clock_sleep_ns(RTE_MIN(c->period_ns / GONE_PART, GONE_NS_MAX));
	judge_told(s, e, first, nb, UIOMMU_EMU_CHANGING);
	c->endpoints += whole;
	return whole ? unit_endpoint_add(s, e) : unit_attach(s, e, first);
}

/* Gets another domain, at random: it may be the one that it has. */
static int
turn_in_place(struct churn *c, struct storm_endpoint *e, uint32_t bond)
{
	struct storm *s = c->storm;
	struct uiommu_domain *domain = unit_domain(s, e, random_below(c, s->o.domains));
	uint64_t start = clock_now_ns();
	struct uiommu_attach *attach;

	attach = uiommu_replace(s->attaches[bond], domain, &s->counts[bond]);
	if (attach == NULL) {
		talk("cannot replace the domain of a PASID of endpoint 0x%x during the storm: %s",
		     e->id, rte_strerror(rte_errno));
		return -rte_errno;
	}
	s->attaches[bond] = attach;
	took(start, &c->replace_ns_sum, &c->replace_ns_max);
	c->replaced++;
	return 0;
}

/* Of the ways that were asked for; one after the other, but whole endpoints only now and then. */
static uint32_t
mode_choose(const struct churn *c)
{
	uint32_t modes = c->storm->o.churn_modes, others = modes & ~STORM_CHURN_REMOVE;

	if (others == 0)
		return STORM_CHURN_REMOVE;
	if ((modes & STORM_CHURN_REMOVE) != 0 && c->storm->o.endpoints > 1 &&
	    c->done % ENDPOINT_EACH == ENDPOINT_EACH - 1)
		return STORM_CHURN_REMOVE;
	if (others != (STORM_CHURN_DETACH | STORM_CHURN_REPLACE))
		return others;
	/* by twos: quiesced and not, of each */
	return c->done / 2 % 2 == 0 ? STORM_CHURN_DETACH : STORM_CHURN_REPLACE;
}

int
churn_turn(struct churn *c)
{
	struct storm *s = c->storm;
	struct storm_endpoint *e = &s->endpoints[random_below(c, s->o.endpoints)];
	uint32_t mode = mode_choose(c);
	bool whole = mode == STORM_CHURN_REMOVE;
	/* in every other turn the device goes on sending: the unit must answer for it */
	bool quiesce = c->done % 2 == 0;
	uint32_t first = whole ? e->first_bond : e->first_bond + random_below(c, e->nb_bonds);
	uint32_t nb = whole ? e->nb_bonds : 1;
	int ret;

	if (quiesce)
		devices_quiesce(s, e, first, nb, true);
	judge_told(s, e, first, nb, UIOMMU_EMU_CHANGING);
	if (mode == STORM_CHURN_REPLACE)
		ret = turn_in_place(c, e, first);
	else
		ret = turn_away(c, e, first, nb, whole);
	if (ret < 0)
		return ret;
	judge_told(s, e, first, nb, UIOMMU_EMU_ATTACHED);
	if (quiesce)
		devices_quiesce(s, e, first, nb, false);
	c->done++;
	c->quiesced += quiesce;
	c->late += clock_now_ns() > c->due_ns + 2 * c->period_ns;
	c->due_ns += c->period_ns;
	return 0;
}
