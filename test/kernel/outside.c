/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <stdio.h>
#include <stdlib.h>

#include "outside.h"

#define BUCKETS 65536
#define TRACE_KIB 16384

/** What waits for an answer: a device has each index and PASID once only. */
struct outside_request {
	struct outside_request *next;
	uint64_t device;
	uint32_t pasid;
	uint32_t grpid;
};

struct outside *
outside_open(void)
{
	struct outside *outside = calloc(1, sizeof(*outside));

	if (outside == NULL)
		return NULL;
	outside->buckets = calloc(BUCKETS, sizeof(*outside->buckets));
	if (outside->buckets == NULL || iommufd_trace_open(&outside->trace, TRACE_KIB, true) < 0) {
		outside_close(outside);
		return NULL;
	}
	return outside;
}

void
outside_close(struct outside *outside)
{
	struct outside_request *request;
	unsigned int i;

	iommufd_trace_close(&outside->trace);
	for (i = 0; outside->buckets != NULL && i < BUCKETS; i++)
		while ((request = outside->buckets[i]) != NULL) {
			outside->buckets[i] = request->next;
			free(request);
		}
	free(outside->buckets);
	free(outside);
}

static void
wrong(struct outside *outside, const struct iommufd_trace_record *record, const char *what)
{
	if (outside->first[0] == '\0')
		snprintf(outside->first, sizeof(outside->first),
			 "device 0x%llx PASID %u index %u: %s",
			 (unsigned long long)record->device, record->pasid, record->grpid, what);
}

static struct outside_request **
find(struct outside *outside, const struct iommufd_trace_record *record)
{
	uint64_t key = record->device * UINT64_C(0x9e3779b97f4a7c15) +
		       ((uint64_t)record->pasid << 32 | record->grpid) *
			       UINT64_C(0xff51afd7ed558ccd);
	struct outside_request **at = &outside->buckets[key >> 48];

	while (*at != NULL && ((*at)->device != record->device || (*at)->pasid != record->pasid ||
			       (*at)->grpid != record->grpid))
		at = &(*at)->next;
	return at;
}

static void
request_take(struct outside *outside, const struct iommufd_trace_record *record)
{
	struct outside_request **at = find(outside, record), *request;

	outside->requests++;
	if (*at != NULL) {
		/* a device uses an index again when it is free: the first was not answered */
		wrong(outside, record, "asked again before the answer");
		outside->twice++;
		return;
	}
	request = calloc(1, sizeof(*request));
	if (request == NULL)
		abort();
	request->device = record->device;
	request->pasid = record->pasid;
	request->grpid = record->grpid;
	*at = request;
	outside->outstanding++;
}

static void
answer_take(struct outside *outside, const struct iommufd_trace_record *record)
{
	struct outside_request **at = find(outside, record), *request = *at;

	outside->codes[record->code < 2 ? record->code : 2]++;
	if (request == NULL) {
		wrong(outside, record, "answered, but not outstanding");
		outside->twice++;
		return;
	}
	*at = request->next;
	free(request);
	outside->outstanding--;
}

void
outside_take(struct outside *outside)
{
	const struct iommufd_trace_record *records;
	int nb, i;

	nb = iommufd_trace_take(&outside->trace, &records);
	for (i = 0; i < nb; i++)
		if (records[i].kind == IOMMUFD_TRACE_REQUEST)
			request_take(outside, &records[i]);
		else
			answer_take(outside, &records[i]);
	if (nb < 0)
		outside->trace.lost++;
}

bool
outside_is_clean(const struct outside *outside)
{
	return outside->twice == 0 && outside->codes[2] == 0 && outside->trace.lost == 0;
}
