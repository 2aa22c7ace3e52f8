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
		uiommu_emu_pasid_state(s->emu, e->id, unit_pasid(e, i), state);
}

static void
devices_quiesce(const struct storm *s, const struct storm_endpoint *e, uint32_t first, uint32_t nb,
		bool quiesce)
{
	uint32_t i;

	for (i = first; i < first + nb; i++)
		uiommu_emu_pasid_quiesce(s->emu, e->id, unit_pasid(e, i), quiesce);
}

static int
leave(struct churn *c, struct storm_endpoint *e, uint32_t bond, bool whole)
{
	struct storm *s = c->storm;
	uint64_t start = clock_now_ns(), took;
	uint32_t i;
	int ret;

	if (whole) {
		ret = uiommu_endpoint_remove(e->endpoint);
		e->endpoint = ret == 0 ? NULL : e->endpoint;
		for (i = 0; i < e->nb_bonds && ret == 0; i++)
			s->attaches[e->first_bond + i] = NULL;
	} else {
		ret = uiommu_detach(s->attaches[bond]);
		s->attaches[bond] = NULL;
	}
	if (ret < 0) {
		talk("cannot %s 0x%x during the storm: %s",
		     whole ? "remove endpoint" : "detach a PASID of endpoint", e->id,
		     rte_strerror(-ret));
		return ret;
	}
	took = clock_now_ns() - start;
	c->detach_ns_sum += took;
	c->detach_ns_max = RTE_MAX(c->detach_ns_max, took);
	return 0;
}

int
churn_turn(struct churn *c)
{
	struct storm *s = c->storm;
	struct storm_endpoint *e = &s->endpoints[random_below(c, s->o.endpoints)];
	bool whole = s->o.endpoints > 1 && c->done % ENDPOINT_EACH == ENDPOINT_EACH - 1;
	/* in every other turn the device goes on sending: the unit must answer for it */
	bool quiesce = c->done % 2 == 0;
	uint32_t first = whole ? e->first_bond : e->first_bond + random_below(c, e->nb_bonds);
	uint32_t nb = whole ? e->nb_bonds : 1;
	int ret;

	if (quiesce)
		devices_quiesce(s, e, first, nb, true);
	judge_told(s, e, first, nb, UIOMMU_EMU_CHANGING);
	ret = leave(c, e, first, whole);
	if (ret < 0)
		return ret;
	judge_told(s, e, first, nb, UIOMMU_EMU_DETACHED);
	clock_sleep_ns(RTE_MIN(c->period_ns / GONE_PART, GONE_NS_MAX));
	judge_told(s, e, first, nb, UIOMMU_EMU_CHANGING);
	ret = whole ? unit_endpoint_add(s, e) : unit_attach(s, e, first);
	if (ret < 0)
		return ret;
	judge_told(s, e, first, nb, UIOMMU_EMU_ATTACHED);
	if (quiesce)
		devices_quiesce(s, e, first, nb, false);
	c->done++;
	c->endpoints += whole;
	c->quiesced += quiesce;
	c->late += clock_now_ns() > c->due_ns + 2 * c->period_ns;
	c->due_ns += c->period_ns;
	return 0;
}
