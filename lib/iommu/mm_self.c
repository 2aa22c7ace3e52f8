/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Requests of a batch are brought in order, neighbours become one run, and a run is populated with
 * one call. A run that fails is done again request by request, to find out whose fault it
 * was. The kernel holds each access to the mapping's own permissions; execution alone it does
 * not know here, so that is looked up.
 */

#include <errno.h>
#include <numaif.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mm_self.h"

/* Addresses of processes are below this, on all processors; above are tags and the kernel. */
#define VA_END (UINT64_C(1) << 56)
/* Pages of 4 KiB that a hint can bring at most: one huge page. */
#define HINT_PAGES_MAX 512
/* Times that an interrupted call is made again. */
#define TRIES 8
/* Nodes that a policy can name: what the kernel can be built for at most. */
#define NODES_MAX 1024
#define NODE_WORD_BITS (8 * sizeof(unsigned long))

/* In place of a code: over the bound of locked memory. */
#define RESULT_LIMIT UIOMMU_CODE_COUNT
/* It depends on whether the mapping may be executed. */
#define RESULT_EXEC (UIOMMU_CODE_COUNT + 1)

struct uiommu_mm_self {
	struct uiommu_mm_resident *resident; /* NULL: pages are not locked */
	uint64_t page;			     /* bytes, of the kernel */
	pid_t pid;
	bool place; /* on the endpoint's node */
	uint8_t limit_code;
	uint64_t populate_calls; /* atomic */
	uint64_t over_limit;	 /* atomic */
	uint64_t numa_misses;	 /* atomic */
};

/* Memory policy of the calling thread, for the time of a batch. */
struct placement {
	int node; /* in force; -1: the thread's own policy */
	bool saved;
	int mode; /* the thread's own */
	unsigned long mask[NODES_MAX / NODE_WORD_BITS];
};

static void
count(uint64_t *counter, uint64_t n)
{
	__atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

/* Whether the kernel brings pages when asked: there are emulations that say yes, and do nothing. */
static int
populate_check(const struct uiommu_mm_self *self)
{
	unsigned char in_core = 0;
	void *page =
		mmap(NULL, self->page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int ret = 0;

	if (page == MAP_FAILED)
		return -ENOMEM;
	if (madvise(page, self->page, MADV_POPULATE_WRITE) != 0)
		ret = errno == EINVAL ? -ENOTSUP : -ENOMEM;
	else if (mincore(page, self->page, &in_core) == 0 && (in_core & 1) == 0)
		ret = -ENOTSUP;
	munmap(page, self->page);
	return ret;
}

int
uiommu_pvt_mm_self_create(const struct uiommu_mm_conf *conf, struct uiommu_mm_self **out)
{
	uint64_t max = conf->locked_max_bytes != 0 ? conf->locked_max_bytes : UINT64_MAX;
	struct uiommu_mm_self *self = calloc(1, sizeof(*self));
	int ret;

	if (self == NULL)
		return -ENOMEM;
	self->page = (uint64_t)sysconf(_SC_PAGESIZE);
	self->pid = getpid();
	self->place = (conf->flags & UIOMMU_MM_NO_NUMA) == 0;
	self->limit_code =
		conf->limit_code == UIOMMU_CODE_RETRY ? UIOMMU_CODE_RETRY : UIOMMU_CODE_INVALID;
	ret = populate_check(self);
	if (ret == 0 && (conf->flags & UIOMMU_MM_NO_LOCK) == 0)
		ret = uiommu_pvt_mm_resident_create(conf->lock_granule_bytes, max, &self->resident);
	if (ret != 0) {
		free(self);
		return ret;
	}
	*out = self;
	return 0;
}

void
uiommu_pvt_mm_self_destroy(struct uiommu_mm_self *self)
{
	if (self == NULL)
		return;
	uiommu_pvt_mm_resident_destroy(self->resident);
	free(self);
}

void
uiommu_pvt_mm_self_info(struct uiommu_mm_self *self, struct uiommu_mm_info *info)
{
	info->populate_calls = __atomic_load_n(&self->populate_calls, __ATOMIC_RELAXED);
	info->over_limit = __atomic_load_n(&self->over_limit, __ATOMIC_RELAXED);
	info->numa_misses = __atomic_load_n(&self->numa_misses, __ATOMIC_RELAXED);
	info->locked_max_bytes = UINT64_MAX;
	if (self->resident == NULL)
		return;
	info->locked_bytes = uiommu_pvt_mm_resident_bytes(self->resident);
	info->locked_max_bytes = uiommu_pvt_mm_resident_max(self->resident);
}

/* ---------------------------------------------------------------- placement */

/* A policy of the mapping itself goes before the thread's, as it should. */
static void
placement_set(struct uiommu_mm_self *self, struct placement *placement, int node)
{
	unsigned long mask[NODES_MAX / NODE_WORD_BITS] = {0};

	if (!self->place || node == placement->node)
		return;
	if (!placement->saved &&
	    get_mempolicy(&placement->mode, placement->mask, NODES_MAX, NULL, 0) != 0) {
		count(&self->numa_misses, 1);
		return;
	}
	placement->saved = true;
	placement->node = node;
	if (node < 0) {
		(void)set_mempolicy(placement->mode, placement->mask, NODES_MAX);
		return;
	}
	if (node < NODES_MAX) {
		mask[(unsigned int)node / NODE_WORD_BITS] |=
			1UL << ((unsigned int)node % NODE_WORD_BITS);
		if (set_mempolicy(MPOL_PREFERRED, mask, NODES_MAX) == 0)
			return;
	}
	count(&self->numa_misses, 1);
}

static void
placement_end(struct placement *placement)
{
	/* the application's own threads come here too: they get back what they had */
	if (placement->saved)
		(void)set_mempolicy(placement->mode, placement->mask, NODES_MAX);
}

/* ----------------------------------------------------------------- populate */

static uint8_t
range_populate(struct uiommu_mm_self *self, uint64_t begin, uint64_t end, bool write)
{
	int advice = write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ;
	unsigned int i;

	if (self->resident != NULL && uiommu_pvt_mm_resident_lock(self->resident, begin, end) != 0)
		return RESULT_LIMIT;
	for (i = 0; i < TRIES; i++) {
		count(&self->populate_calls, 1);
		if (madvise((void *)(uintptr_t)begin, end - begin, advice) == 0)
			return UIOMMU_CODE_SUCCESS;
		/* no mapping, no permission, or nothing behind it */
		if (errno != EINTR && errno != EAGAIN)
			return UIOMMU_CODE_INVALID;
	}
	return UIOMMU_CODE_RETRY;
}

/* A request for itself. Its page decides; what it only hints at need not be there. */
static uint8_t
req_populate(struct uiommu_mm_self *self, const struct uiommu_mm_req *req)
{
	uint64_t hint = req->begin + self->page;
	uint8_t result = range_populate(self, req->begin, hint, req->write != 0);

	if (result == UIOMMU_CODE_SUCCESS && hint < req->end)
		(void)range_populate(self, hint, req->end, req->write != 0);
	return result;
}

static void
run_populate(struct uiommu_mm_self *self, struct uiommu_mm_work *work, uint32_t first,
	     uint32_t nb_reqs, uint64_t end)
{
	const struct uiommu_mm_req *reqs = &work->reqs[first];
	uint8_t result = range_populate(self, reqs[0].begin, end, reqs[0].write != 0);
	bool alone = nb_reqs == 1 && end == reqs[0].begin + self->page;
	uint32_t i;

	for (i = 0; i < nb_reqs; i++)
		work->result[reqs[i].fault] = result == UIOMMU_CODE_SUCCESS || alone
						      ? result
						      : req_populate(self, &reqs[i]);
}

static int
req_compare(const void *left, const void *right)
{
	const struct uiommu_mm_req *a = left;
	const struct uiommu_mm_req *b = right;

	if (a->numa_node != b->numa_node)
		return a->numa_node < b->numa_node ? -1 : 1;
	if (a->write != b->write)
		return a->write < b->write ? -1 : 1;
	return a->begin < b->begin ? -1 : a->begin > b->begin;
}

static void
reqs_populate(struct uiommu_mm_self *self, struct uiommu_mm_work *work, uint32_t nb)
{
	struct placement placement = {.node = -1};
	uint32_t first, next;

	qsort(work->reqs, nb, sizeof(work->reqs[0]), req_compare);
	for (first = 0; first < nb; first = next) {
		const struct uiommu_mm_req *req = &work->reqs[first];
		uint64_t end = req->end;

		for (next = first + 1; next < nb; next++) {
			const struct uiommu_mm_req *other = &work->reqs[next];

			if (other->numa_node != req->numa_node || other->write != req->write ||
			    other->begin > end)
				break;
			end = other->end > end ? other->end : end;
		}
		placement_set(self, &placement, req->numa_node);
		run_populate(self, work, first, next - first, end);
	}
	placement_end(&placement);
}

/* --------------------------------------------------------------------- exec */

struct exec_check {
	const struct uiommu_mm_req *reqs; /* in order of addresses */
	uint32_t nb;
	uint32_t at;
	uint8_t *result;
};

/* What execution was asked of and lies here may have it. */
static void
exec_visit(void *arg, uint64_t begin, uint64_t end, unsigned int prot)
{
	struct exec_check *check = arg;

	while (check->at < check->nb && check->reqs[check->at].begin < begin)
		check->at++;
	for (; check->at < check->nb && check->reqs[check->at].begin < end; check->at++) {
		if ((prot & PROT_EXEC) != 0)
			check->result[check->reqs[check->at].fault] = UIOMMU_CODE_SUCCESS;
	}
}

/* Requests to execute are INVALID until a mapping is found that allows it. */
static void
exec_settle(struct uiommu_mm_work *work, const struct uiommu_mm_fault *faults, uint32_t nb_faults)
{
	struct exec_check check = {.reqs = work->reqs, .result = work->result};
	uint32_t i;

	for (i = 0; i < nb_faults; i++) {
		if (work->result[i] != RESULT_EXEC)
			continue;
		work->result[i] = UIOMMU_CODE_INVALID;
		work->reqs[check.nb++] = (struct uiommu_mm_req){
			.begin = faults[i].iova,
			.fault = i,
		};
	}
	if (check.nb == 0)
		return;
	qsort(work->reqs, check.nb, sizeof(work->reqs[0]), req_compare);
	(void)uiommu_pvt_mm_maps_read(exec_visit, &check);
}

/* ------------------------------------------------------------------ resolve */

/* SUCCESS so far, RESULT_EXEC, or INVALID at once. */
static uint8_t
fault_check(const struct uiommu_mm_self *self, const struct uiommu_mm_fault *fault)
{
	if ((fault->access & UIOMMU_FAULT_PRIV) != 0 || fault->iova >= VA_END - self->page)
		return UIOMMU_CODE_INVALID;
	return (fault->access & UIOMMU_FAULT_EXEC) != 0 ? RESULT_EXEC : UIOMMU_CODE_SUCCESS;
}

static void
req_fill(const struct uiommu_mm_self *self, struct uiommu_mm_req *req,
	 const struct uiommu_mm_fault *fault, uint32_t index)
{
	uint64_t nb_pages = fault->nb_pages < HINT_PAGES_MAX ? fault->nb_pages : HINT_PAGES_MAX;
	uint64_t end = fault->iova + (nb_pages != 0 ? nb_pages : 1) * 4096;

	if (end > VA_END - self->page)
		end = VA_END - self->page;
	req->begin = fault->iova & ~(self->page - 1);
	req->end = (end + self->page - 1) & ~(self->page - 1);
	req->fault = index;
	req->write = (fault->access & UIOMMU_FAULT_WRITE) != 0;
	req->numa_node = self->place && fault->numa_node >= 0 ? fault->numa_node : -1;
}

/* Requests that are worth an attempt. */
static uint32_t
reqs_collect(const struct uiommu_mm_self *self, struct uiommu_mm_work *work,
	     const struct uiommu_mm_fault *faults, uint32_t nb_faults)
{
	uint32_t i, nb = 0;

	for (i = 0; i < nb_faults; i++)
		work->result[i] = fault_check(self, &faults[i]);
	exec_settle(work, faults, nb_faults);
	for (i = 0; i < nb_faults; i++) {
		if (work->result[i] == UIOMMU_CODE_SUCCESS)
			req_fill(self, &work->reqs[nb++], &faults[i], i);
	}
	return nb;
}

/* The first request of a group that failed decides for it. */
static uint32_t
codes_fill(const struct uiommu_mm_self *self, const struct uiommu_mm_work *work,
	   const struct uiommu_mm_fault *faults, uint32_t nb_faults, uint8_t *codes)
{
	uint32_t i, nb_limit = 0;

	for (i = 0; i < nb_faults; i++)
		codes[faults[i].group] = UIOMMU_CODE_SUCCESS;
	for (i = 0; i < nb_faults; i++) {
		uint8_t *code = &codes[faults[i].group];

		if (*code != UIOMMU_CODE_SUCCESS || work->result[i] == UIOMMU_CODE_SUCCESS)
			continue;
		nb_limit += work->result[i] == RESULT_LIMIT;
		*code = work->result[i] == RESULT_LIMIT ? self->limit_code : work->result[i];
	}
	return nb_limit;
}

uint32_t
uiommu_pvt_mm_self_resolve(struct uiommu_mm_self *self, struct uiommu_mm_work *work,
			   const struct uiommu_mm_fault *faults, uint32_t nb_faults, uint8_t *codes,
			   uint32_t nb_groups)
{
	uint32_t nb_limit;

	memset(codes, UIOMMU_CODE_INVALID, nb_groups);
	/* a child of this process has other memory, and no devices that fault on it */
	if (getpid() != self->pid)
		return 0;
	reqs_populate(self, work, reqs_collect(self, work, faults, nb_faults));
	nb_limit = codes_fill(self, work, faults, nb_faults, codes);
	count(&self->over_limit, nb_limit);
	return nb_limit;
}
