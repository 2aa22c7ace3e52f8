/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Accesses that have failed for good: reported once, counted, and never answered. */

#include "paging.h"

#define KEPT 4096

/* What was reported in the running case. */
static struct {
	struct uiommu_report reports[KEPT];
	uint32_t nb;
	uint32_t calls;
	int16_t dev;
	void (*hook)(void);
} seen;

static void
take(void *priv, int16_t dev_id, const struct uiommu_report *reports, uint16_t nb)
{
	uint16_t i;

	EXPECT(priv == &seen);
	EXPECT_EQ(dev_id, seen.dev);
	EXPECT(nb > 0);
	for (i = 0; i < nb && seen.nb < KEPT; i++)
		seen.reports[seen.nb++] = reports[i];
	seen.calls++;
	if (seen.hook != NULL)
		seen.hook();
}

/* A rig that is told of them. */
static struct rig *
reports_rig(const struct rig_conf *wanted)
{
	struct rig_conf conf = {0};
	struct rig *rig;

	if (wanted != NULL)
		conf = *wanted;
	conf.dev.report = take;
	conf.dev.report_priv = &seen;
	seen.nb = 0;
	seen.calls = 0;
	seen.hook = NULL;
	rig = rig_open(&conf);
	seen.dev = rig->dev;
	return rig;
}

/* An access that is refused; its report, and no other. */
static const struct uiommu_report *
refused(struct rig *rig, uint32_t endpoint_id, uint32_t pasid, uint64_t iova, bool write)
{
	uint32_t before = seen.nb;

	CHECK(!uiommu_emu_dma(rig->emu, endpoint_id, rig_pasid_to_emu(pasid), iova, write));
	rig_wait_for(rig, "reports", before + 1);
	rig_settle(rig);
	CHECK_EQ(seen.nb, before + 1);
	CHECK_EQ(seen.reports[before].endpoint_id, endpoint_id);
	CHECK_EQ(rig_stats(rig).reports, seen.nb);
	return &seen.reports[before];
}

/* One that got as far as the tables: everything is known of it. */
static void
refused_by_tables(struct rig *rig, uint32_t pasid, uint64_t iova, bool write,
		  enum uiommu_report_reason reason)
{
	const struct uiommu_report *report = refused(rig, EP, pasid, iova, write);

	CHECK_EQ(report->reason, reason);
	CHECK_EQ(report->pasid, pasid);
	CHECK_EQ(report->iova & ~(PAGE - 1), iova & ~(PAGE - 1));
	CHECK_EQ(report->flags, (write ? UIOMMU_FAULT_WRITE : UIOMMU_FAULT_READ) |
					(pasid != UIOMMU_NO_PASID ? UIOMMU_FAULT_PASID : 0));
}

/* Every way in which an access can be refused, with and without PASID. */
static void
every_kind(void)
{
	static const uint32_t pasids[] = {7, UIOMMU_NO_PASID};
	const enum uiommu_report_reason denied = harness_unit()->merges_faults ?
		UIOMMU_REPORT_TRANSLATION : UIOMMU_REPORT_PERMISSION;
	struct rig *rig = reports_rig(NULL);
	struct uiommu_domain *domain = rig_domain(rig, UIOMMU_DOMAIN_PAGING);
	uint64_t pa = paging_pa(paging_memory(rig));
	struct uiommu_endpoint *endpoint = rig_endpoint_with(
		rig, EP, UIOMMU_ENDPOINT_NO_PAGE_REQUESTS | UIOMMU_ENDPOINT_NO_ATS, 0);
	struct uiommu_stats s;
	uint32_t i;

	CHECK_EQ(uiommu_domain_map(domain, IOVA, pa, PAGE, UIOMMU_PROT_READ), 0);
	for (i = 0; i < 2; i++)
		rig_attach(endpoint, pasids[i], domain, NULL);
	for (i = 0; i < 2; i++) {
		uint64_t emu_pasid = rig_pasid_to_emu(pasids[i]);

		CHECK(uiommu_emu_dma(rig->emu, EP, (uint32_t)emu_pasid, IOVA, false));
		refused_by_tables(rig, pasids[i], IOVA + 0x123, true, denied);
		refused_by_tables(rig, pasids[i], IOVA + PAGE, false, UIOMMU_REPORT_TRANSLATION);
		refused_by_tables(rig, pasids[i], IOVA + PAGE, true, UIOMMU_REPORT_TRANSLATION);
		refused_by_tables(rig, pasids[i], IOVA + 64 * LARGE, true,
				  UIOMMU_REPORT_TRANSLATION);
	}
	/* a PASID that nobody has attached, and an endpoint that nobody has added */
	CHECK_EQ(refused(rig, EP, 8, IOVA, false)->reason, UIOMMU_REPORT_PASID);
	CHECK_EQ(seen.reports[seen.nb - 1].pasid, 8);
	rig_device(rig, 0x0200, pasids, 2, 0);
	CHECK_EQ(refused(rig, 0x0200, UIOMMU_NO_PASID, IOVA, true)->reason,
		 UIOMMU_REPORT_ENDPOINT);
	/* what is said of the number is the unit's own */
	for (i = 0; i < seen.nb; i++)
		CHECK(seen.reports[i].detail != 0);
	s = rig_stats(rig);
	CHECK_EQ(s.requests + s.responses + s.malformed + s.groups, 0);
	CHECK_EQ(s.reports_lost, 0);
	rig_expect_none(rig);
	rig_close(rig);
}

/* A beyond-the-table address; not at a place that all units agree on. */
static void
beyond_the_table(void)
{
	struct rig *rig = reports_rig(NULL);
	struct uiommu_domain *domain = rig_domain(rig, UIOMMU_DOMAIN_PAGING);
	const struct uiommu_report *report;

	rig_attach(rig_endpoint(rig, EP, 0), 7, domain, NULL);
	report = refused(rig, EP, 7, UINT64_C(1) << 60, true);
	CHECK(report->reason == UIOMMU_REPORT_ADDRESS ||
	      report->reason == UIOMMU_REPORT_TRANSLATION);
	CHECK_EQ(report->pasid, 7);
	rig_close(rig);
}

/* Nobody wants to know: counted all the same. */
static void
nobody_is_told(void)
{
	struct rig *rig = rig_open(NULL);

	seen.nb = 0;
	rig_attach(rig_endpoint(rig, EP, 0), 7, rig_domain(rig, UIOMMU_DOMAIN_PAGING), NULL);
	CHECK(!uiommu_emu_dma(rig->emu, EP, 7, IOVA, false));
	rig_wait_for(rig, "reports", 1);
	CHECK_EQ(seen.nb, 0);
	rig_close(rig);
}

/* More than there is room for: how many is not known, that there were is; and nothing stops. */
static void
overflow(void)
{
	struct rig_conf conf = {.devargs = harness_unit()->small_events};
	struct rig *rig = reports_rig(&conf);
	struct uiommu_domain *domain = rig_domain(rig, UIOMMU_DOMAIN_PAGING);
	uint32_t round, i;

	rig_attach(rig_endpoint(rig, EP, 0), 7, domain, NULL);
	for (round = 0; round < 5; round++) {
		uint64_t lost = rig_stats(rig).reports_lost;
		uint64_t reports = rig_stats(rig).reports;

		for (i = 0; i < 1000; i++)
			CHECK(!uiommu_emu_dma(rig->emu, EP, 7, IOVA + i * PAGE, false));
		rig_wait_for(rig, "reports_lost", lost + 1);
		rig_settle(rig);
		/* the flag was acknowledged: it tells of the next time too, and of this one once */
		lost = rig_stats(rig).reports_lost;
		rig_settle(rig);
		CHECK_EQ(rig_stats(rig).reports_lost, lost);
		if (rig_verdict(rig, false).reports != 0)
			CHECK_EQ(rig_verdict(rig, false).report_overflows, round + 1);
		CHECK(rig_stats(rig).reports > reports);
		/* the first ones are those that are known */
		CHECK_EQ(seen.reports[reports].iova & ~(PAGE - 1), IOVA);
		/* room again: the next one is reported */
		reports = rig_stats(rig).reports;
		refused_by_tables(rig, 7, IOVA + 5 * PAGE, true, UIOMMU_REPORT_TRANSLATION);
		CHECK_EQ(rig_stats(rig).reports, reports + 1);
	}
	CHECK_EQ(rig_faults_recorded(rig), seen.nb);
	CHECK_EQ(rig_state(rig), UIOMMU_DEV_STARTED);
	rig_close(rig);
}

/* Page requests go on while reports come without end; nothing of it is logged. */
static void
flood(void)
{
	struct rig *rig = reports_rig(NULL);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	uint16_t round, i;

	rig_attach(rig_endpoint(rig, EP, 0), 7, rec->domain, NULL);
	harness_log_watch();
	for (round = 0; round < 100; round++) {
		for (i = 0; i < 100; i++)
			CHECK(!uiommu_emu_dma(rig->emu, EP, 7, IOVA + i * PAGE, i % 2));
		rig_ask_and_expect(rig, EP, 7, round, UIOMMU_EMU_SUCCESS);
	}
	CHECK_EQ(harness_log_lines(), 0);
	CHECK(rig_stats(rig).reports > 0);
	CHECK(seen.calls > 0);
	CHECK_EQ(rec->groups, 100);
	CHECK_EQ(rig_stats(rig).responses, 100);
	rig_close(rig);
}

/* For the one who is told, as for a handler: nothing that waits. */
static void
control_calls(void)
{
	EXPECT_EQ(uiommu_stop(seen.dev), -EDEADLK);
	EXPECT_EQ(uiommu_close(seen.dev), -EDEADLK);
	EXPECT_EQ(uiommu_queue_release(seen.dev, 0), -EDEADLK);
	EXPECT(uiommu_endpoint_add(seen.dev, 0x300, NULL) == NULL && rte_errno == EDEADLK);
	EXPECT_EQ(uiommu_poll(seen.dev, 0, 64), 0);
}

static void
inside_a_report(void)
{
	struct rig *rig = reports_rig(NULL);

	seen.hook = control_calls;
	rig_attach(rig_endpoint(rig, EP, 0), 7, rig_domain(rig, UIOMMU_DOMAIN_PAGING), NULL);
	refused(rig, EP, 7, IOVA, true);
	CHECK_EQ(seen.calls, 1);
	/* outside of it all is well */
	CHECK(uiommu_endpoint_add(rig->dev, 0x300, NULL) != NULL);
	rig_close(rig);
}

static const struct harness_case reports_cases[] = {
	{"T35 reports: each kind of refusal", every_kind,
	 UIOMMU_CAPA_PASID | UIOMMU_CAPA_PAGE_TABLES},
	{"T35 reports: addresses beyond the table", beyond_the_table, UIOMMU_CAPA_PASID},
	{"T35 reports: counted where nobody is told", nobody_is_told, UIOMMU_CAPA_PASID},
	{"R6 T35 reports: more than there is room for", overflow, UIOMMU_CAPA_PASID},
	{"T32 T35 T45 reports: a flood, and page requests", flood,
	 UIOMMU_CAPA_PASID | UIOMMU_CAPA_PAGE_REQUESTS},
	{"T15 T35 reports: control calls inside", inside_a_report, UIOMMU_CAPA_PASID},
};

HARNESS_SUITE_OF(reports, HARNESS_NEEDS_REPORTS);
