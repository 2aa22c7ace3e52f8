/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pgtable_model.h"

static void
room_for(struct model *m, uint32_t more)
{
	if (m->nb + more <= m->max)
		return;
	m->max = (m->nb + more) * 2;
	m->runs = realloc(m->runs, m->max * sizeof(*m->runs));
	if (m->runs == NULL) {
		fprintf(stderr, "no memory for the model\n");
		exit(1);
	}
}

void
model_init(struct model *m)
{
	memset(m, 0, sizeof(*m));
	room_for(m, 64);
}

void
model_fini(struct model *m)
{
	free(m->runs);
	m->runs = NULL;
	m->nb = m->max = 0;
}

uint32_t
model_from(const struct model *m, uint64_t iova)
{
	uint32_t low = 0, high = m->nb, middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (m->runs[middle].last < iova)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct model_run *
model_at(const struct model *m, uint64_t iova)
{
	uint32_t i = model_from(m, iova);

	return i < m->nb && m->runs[i].iova <= iova ? &m->runs[i] : NULL;
}

/* Make a line begin at an address that is inside of one. */
static void
cut_at(struct model *m, uint64_t iova)
{
	uint32_t i = model_from(m, iova);

	if (i == m->nb || m->runs[i].iova >= iova)
		return;
	room_for(m, 1);
	memmove(&m->runs[i + 1], &m->runs[i], (m->nb - i) * sizeof(*m->runs));
	m->nb++;
	m->runs[i].last = iova - 1;
	m->runs[i + 1].pa = model_pa(&m->runs[i + 1], iova);
	m->runs[i + 1].iova = iova;
}

void
model_cut(struct model *m, uint64_t iova, uint64_t last, uint32_t *from, uint32_t *to)
{
	cut_at(m, iova);
	if (last != UINT64_MAX)
		cut_at(m, last + 1);
	*from = model_from(m, iova);
	*to = *from;
	while (*to < m->nb && m->runs[*to].last <= last)
		(*to)++;
}

static bool
alike(const struct model_run *a, const struct model_run *b)
{
	if (a->last + 1 != b->iova || a->busy != b->busy || a->shift != b->shift)
		return false;
	return a->busy || (model_pa(a, b->iova) == b->pa && a->prot == b->prot &&
			   a->accessed == b->accessed && a->dirty == b->dirty);
}

void
model_join(struct model *m)
{
	uint32_t i, to = 0;

	for (i = 1; i < m->nb; i++) {
		if (alike(&m->runs[to], &m->runs[i]))
			m->runs[to].last = m->runs[i].last;
		else if (++to != i)
			m->runs[to] = m->runs[i];
	}
	if (m->nb != 0)
		m->nb = to + 1;
}

static void
take_out(struct model *m, uint32_t from, uint32_t to)
{
	memmove(&m->runs[from], &m->runs[to], (m->nb - to) * sizeof(*m->runs));
	m->nb -= to - from;
}

void
model_clear(struct model *m, uint64_t iova, uint64_t last)
{
	uint32_t from, to;

	model_cut(m, iova, last, &from, &to);
	take_out(m, from, to);
}

void
model_set(struct model *m, const struct model_run *run)
{
	uint32_t from, to;

	model_cut(m, run->iova, run->last, &from, &to);
	take_out(m, from, to);
	room_for(m, 1);
	memmove(&m->runs[from + 1], &m->runs[from], (m->nb - from) * sizeof(*m->runs));
	m->nb++;
	m->runs[from] = *run;
	model_join(m);
}

uint64_t
model_mapped(const struct model *m, uint64_t iova, uint64_t last)
{
	uint64_t sum = 0, a, b;
	uint32_t i;

	for (i = model_from(m, iova); i < m->nb && m->runs[i].iova <= last; i++) {
		a = m->runs[i].iova > iova ? m->runs[i].iova : iova;
		b = m->runs[i].last < last ? m->runs[i].last : last;
		if (!m->runs[i].busy)
			sum += b - a + 1;
	}
	return sum;
}

bool
model_has_busy(const struct model *m, uint64_t iova, uint64_t last)
{
	uint32_t i;

	for (i = model_from(m, iova); i < m->nb && m->runs[i].iova <= last; i++)
		if (m->runs[i].busy)
			return true;
	return false;
}
