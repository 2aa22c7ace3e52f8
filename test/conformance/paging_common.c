/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <string.h>
#include <sys/mman.h>

#include "paging.h"

/* Of the program: a case that ends in the middle leaves nothing behind. */
static uint8_t *memory;

static void
memory_take(void)
{
	uint8_t *va = mmap(NULL, PAGING_MEMORY + LARGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(va != MAP_FAILED);
	memory = va + (LARGE - (uintptr_t)va % LARGE) % LARGE;
}

struct uiommu_domain *
paging_domain_at(struct paging *p, uint64_t pa)
{
	struct uiommu_domain *domain = paging_domain(p->rig, &p->conf);

	CHECK_EQ(uiommu_domain_map(domain, IOVA, pa, 4 * PAGE, ALL), 0);
	return domain;
}

uint8_t *
paging_memory(struct rig *rig)
{
	if (memory == NULL)
		memory_take();
	memset(memory, 0, PAGING_MEMORY);
	CHECK_EQ(uiommu_emu_memory_add(rig->emu, memory, PAGING_MEMORY), 0);
	return memory;
}

struct uiommu_domain *
paging_domain(struct rig *rig, const struct paging_conf *conf)
{
	const struct uiommu_domain_conf domain_conf = {
		.size = sizeof(domain_conf),
		.type = UIOMMU_DOMAIN_PAGING,
		.flags = (conf->plain ? 0 : UIOMMU_DOMAIN_DEMAND) |
			 (conf->second ? UIOMMU_DOMAIN_SECOND_STAGE : 0),
		.table_pages_max = conf->table_pages_max,
		.fault_around_pages = conf->around,
		.budget_pages = conf->budget,
	};
	struct uiommu_domain *domain = uiommu_domain_alloc(rig->dev, &domain_conf);

	if (domain == NULL)
		harness_fail(__FILE__, __LINE__, "domain: %s", rte_strerror(rte_errno));
	return domain;
}

void
paging_needs_exchange(void)
{
	if (!harness_unit()->can_exchange)
		harness_skip("no page can take another's place in one step");
}

void
paging_open(struct paging *p, const struct paging_conf *conf)
{
	static const struct paging_conf defaults;

	memset(p, 0, sizeof(*p));
	p->conf = conf != NULL ? *conf : defaults;
	p->rig = rig_open(&p->conf.rig);
	p->memory = paging_memory(p->rig);
	p->domain = paging_domain(p->rig, &p->conf);
	p->endpoint = rig_endpoint(p->rig, EP, 0);
	p->pasid = p->conf.rid ? UIOMMU_NO_PASID : PASID;
	if (!p->conf.no_bond)
		p->attach = rig_attach(p->endpoint, p->pasid, p->domain, NULL);
}

void
paging_audit(struct paging *p)
{
	unsigned int differ = uiommu_emu_audit(p->rig->emu);

	if (differ != 0)
		harness_fail(__FILE__, __LINE__, "%u cached entries differ from the tables: %s",
			     differ, rig_verdict(p->rig, false).first);
}

void
paging_close(struct paging *p)
{
	rig_settle(p->rig);
	paging_audit(p);
	rig_expect_none(p->rig);
	rig_close(p->rig);
}

struct uiommu_region *
paging_region(struct paging *p, uint64_t iova, const void *va, uint64_t len, uint32_t prot,
	      uint64_t flags)
{
	const struct uiommu_backing backing = {
		.size = sizeof(backing),
		.type = UIOMMU_BACKING_MEMORY,
		.page_shift = 12,
		.va = (void *)(uintptr_t)va,
		.flags = flags,
	};
	struct uiommu_region *region = uiommu_region_add(p->domain, iova, len, &backing, prot);

	if (region == NULL)
		harness_fail(__FILE__, __LINE__, "region of memory: %s", rte_strerror(rte_errno));
	return region;
}

struct uiommu_region *
paging_anon(struct paging *p, uint64_t iova, uint64_t len, uint32_t prot)
{
	const struct uiommu_backing backing = {
		.size = sizeof(backing),
		.type = UIOMMU_BACKING_ANON,
	};
	struct uiommu_region *region = uiommu_region_add(p->domain, iova, len, &backing, prot);

	if (region == NULL)
		harness_fail(__FILE__, __LINE__, "region of zeroes: %s", rte_strerror(rte_errno));
	return region;
}

/* -------------------------------------------------------------- requests */

static void
request(struct paging *p, uint32_t pasid, const struct want *want, bool last)
{
	const struct uiommu_emu_request req = {
		.endpoint_id = EP,
		.pasid = rig_pasid_to_emu(pasid),
		.iova = want->iova,
		.prg_index = p->index,
		.read = true,
		.write = want->write,
		.last = last,
	};

	if (!last)
		rig_groups_or_skip();
	CHECK_EQ(uiommu_emu_request(p->rig->emu, &req), UIOMMU_EMU_QUEUED);
	if (last)
		p->index = (uint16_t)((p->index + 1) % 512);
}

void
paging_send(struct paging *p, uint64_t iova, bool write)
{
	const struct want want = {iova, write};

	request(p, p->pasid, &want, true);
}

void
paging_answers(struct paging *p, unsigned int nb, uint16_t code)
{
	struct uiommu_emu_response resp;
	unsigned int i;

	for (i = 0; i < nb; i++) {
		CHECK(rig_response(p->rig, &resp));
		CHECK_EQ(resp.code, code);
		CHECK(!resp.by_unit);
	}
	rig_expect_none(p->rig);
}

/* The code that was sent once since then. */
static unsigned int
code_sent(const struct uiommu_stats *before, const struct uiommu_stats *after)
{
	unsigned int i, code = UIOMMU_CODE_SENT_COUNT;
	uint64_t sum = 0;

	for (i = 0; i < UIOMMU_CODE_SENT_COUNT; i++) {
		if (after->codes[i] != before->codes[i])
			code = i;
		sum += after->codes[i] - before->codes[i];
	}
	CHECK_EQ(sum, 1);
	return code;
}

unsigned int
paging_ask_group(struct paging *p, uint32_t pasid, const struct want *wants, unsigned int nb)
{
	struct uiommu_stats before = rig_stats(p->rig), after;
	uint16_t index = p->index;
	unsigned int i, code;

	for (i = 0; i < nb; i++)
		request(p, pasid, &wants[i], i == nb - 1);
	rig_settle(p->rig);
	after = rig_stats(p->rig);
	code = code_sent(&before, &after);
	rig_expect(p->rig, EP, pasid, index,
		   code == UIOMMU_CODE_INVALID ? UIOMMU_EMU_INVALID : UIOMMU_EMU_SUCCESS);
	rig_expect_none(p->rig);
	return code;
}

unsigned int
paging_ask(struct paging *p, uint64_t iova, bool write)
{
	const struct want want = {iova, write};

	return paging_ask_group(p, p->pasid, &want, 1);
}

/* --------------------------------------------------------- what is there */

uint64_t
paging_reach_of(struct paging *p, uint32_t endpoint_id, uint32_t pasid, uint64_t iova,
		bool write)
{
	uint64_t pa;

	if (!uiommu_emu_translate(p->rig->emu, endpoint_id, rig_pasid_to_emu(pasid), iova, write,
				  &pa))
		return UIOMMU_PA_NONE;
	return pa;
}

uint64_t
paging_reach(struct paging *p, uint64_t iova, bool write)
{
	return paging_reach_of(p, EP, p->pasid, iova, write);
}

unsigned int
paging_count(struct paging *p, uint64_t iova, const void *va, unsigned int nb, bool write)
{
	unsigned int i, count = 0;

	for (i = 0; i < nb; i++) {
		uint64_t pa = paging_reach(p, iova + i * PAGE, write);

		if (pa == UIOMMU_PA_NONE)
			continue;
		EXPECT_EQ(pa, paging_pa(va) + i * PAGE);
		count++;
	}
	return count;
}

void
paging_prime(struct paging *p, uint32_t pasid, uint64_t iova, unsigned int nb, uint64_t pa)
{
	unsigned int i;

	for (i = 0; i < nb; i++) {
		CHECK_EQ(paging_reach_of(p, EP, pasid, iova + i * PAGE, false), pa + i * PAGE);
		CHECK_EQ(paging_reach_of(p, EP, pasid, iova + i * PAGE, true), pa + i * PAGE);
		CHECK(uiommu_emu_dma(p->rig->emu, EP, rig_pasid_to_emu(pasid), iova + i * PAGE,
				     true));
	}
}

void
paging_gone(struct paging *p, uint32_t pasid, uint64_t iova, unsigned int nb)
{
	unsigned int i;

	paging_audit(p);
	for (i = 0; i < nb; i++) {
		CHECK_EQ(paging_reach_of(p, EP, pasid, iova + i * PAGE, false), UIOMMU_PA_NONE);
		CHECK(!uiommu_emu_dma(p->rig->emu, EP, rig_pasid_to_emu(pasid), iova + i * PAGE,
				      false));
	}
}

struct uiommu_paging_stats
paging_stats(const struct paging *p)
{
	struct uiommu_paging_stats stats;

	CHECK_EQ(uiommu_paging_stats_get(p->domain, &stats), 0);
	return stats;
}
