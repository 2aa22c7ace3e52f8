/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Bonds whose common ground may go at any time, and what the judge is to think of them. */

#include "life.h"

void
party_init(struct party *party)
{
	CHECK_EQ(pthread_mutex_init(&party->lock, NULL), 0);
}

void
party_join(struct life *life, struct party *party, unsigned int index, unsigned int place)
{
	pthread_mutex_lock(&party->lock);
	party->member[index][place] = true;
	party->nb_members++;
	if (!party->dying)
		judge_tell(life, index, place, UIOMMU_EMU_ATTACHED);
	pthread_mutex_unlock(&party->lock);
}

void
party_leave(struct life *life, struct party *party, unsigned int index, unsigned int place)
{
	pthread_mutex_lock(&party->lock);
	EXPECT(party->member[index][place]);
	party->member[index][place] = false;
	party->nb_members--;
	judge_tell(life, index, place, UIOMMU_EMU_CHANGING);
	pthread_mutex_unlock(&party->lock);
}

bool
party_end(struct life *life, struct party *party)
{
	unsigned int index, place;
	bool first;

	pthread_mutex_lock(&party->lock);
	first = !party->dying;
	party->dying = true;
	for (index = 0; index < ENDPOINTS; index++) {
		for (place = 0; place < PLACES; place++) {
			if (party->member[index][place])
				judge_tell(life, index, place, UIOMMU_EMU_CHANGING);
		}
	}
	pthread_mutex_unlock(&party->lock);
	return first;
}

bool
party_enter(struct party *party)
{
	bool dying;

	pthread_mutex_lock(&party->lock);
	party->nb_users++;
	dying = party->dying;
	pthread_mutex_unlock(&party->lock);
	return !dying;
}

void
party_exit(struct party *party)
{
	pthread_mutex_lock(&party->lock);
	party->nb_users--;
	pthread_mutex_unlock(&party->lock);
}

/* Whoever comes meanwhile waits for the lock, and finds the new one. */
bool
party_renew(struct party *party)
{
	pthread_mutex_lock(&party->lock);
	if (party->dying && party->nb_members == 0 && party->nb_users == 0)
		return true;
	pthread_mutex_unlock(&party->lock);
	return false;
}

void
party_renewed(struct party *party)
{
	party->dying = false;
	pthread_mutex_unlock(&party->lock);
}
