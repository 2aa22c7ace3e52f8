/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <sched.h>
#include <string.h>
#include <sys/mman.h>

#include "sva.h"

#define USERS_MAX 96

/* Not on the stack of a case, which may end in the middle. */
static struct sva_user users[USERS_MAX];
/* All address spaces that are there. */
static struct uiommu_mm *mms[USERS_MAX + 1];
/* Where the memory of cases is to be, for units of few address bits; 0: anywhere. */
static uintptr_t next_va;

static void
count(uint64_t *counter, uint64_t n)
{
	__atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

/* --------------------------------------------------------------- operations */

static bool
user_get(void *priv)
{
	struct sva_user *user = priv;

	count(&user->gets, 1);
	return !__atomic_load_n(&user->dead, __ATOMIC_ACQUIRE);
}

static void
user_put(void *priv)
{
	struct sva_user *user = priv;

	count(&user->puts, 1);
}

/* What holds for each call. */
static void
faults_check(const struct uiommu_mm_fault *faults, uint32_t nb_faults, const uint8_t *codes,
	     uint32_t nb_groups)
{
	uint32_t i;

	EXPECT(nb_faults > 0 && nb_groups > 0 && nb_groups <= nb_faults);
	EXPECT_EQ(faults[0].group, 0);
	EXPECT_EQ(faults[nb_faults - 1].group, nb_groups - 1);
	for (i = 0; i < nb_faults; i++) {
		EXPECT(i == 0 || faults[i].group - faults[i - 1].group <= 1);
		EXPECT(faults[i].nb_pages >= 1);
		EXPECT((faults[i].access & (UIOMMU_FAULT_READ | UIOMMU_FAULT_WRITE)) != 0);
		EXPECT_EQ(faults[i].iova & 0xfff, 0);
	}
	for (i = 0; i < nb_groups; i++)
		EXPECT_EQ(codes[i], UIOMMU_CODE_INVALID);
}

static void
user_fault(void *priv, const struct uiommu_mm_fault *faults, uint32_t nb_faults, uint8_t *codes,
	   uint32_t nb_groups)
{
	struct sva_user *user = priv;
	/* pairs with the store in sva_hook_set() */
	sva_hook_t hook = __atomic_load_n(&user->hook, __ATOMIC_ACQUIRE);
	uint32_t i;

	faults_check(faults, nb_faults, codes, nb_groups);
	memset(codes, __atomic_load_n(&user->code, __ATOMIC_RELAXED), nb_groups);
	count(&user->calls, 1);
	count(&user->faults, nb_faults);
	count(&user->groups, nb_groups);
	if (hook != NULL) {
		hook(user, faults, nb_faults, codes, nb_groups);
		return;
	}
	for (i = 0; i < nb_faults && user->nb_kept < SVA_KEPT; i++)
		user->kept[user->nb_kept++] = faults[i];
}

void
sva_code_set(struct sva_user *user, unsigned int code)
{
	__atomic_store_n(&user->code, (uint8_t)code, __ATOMIC_RELAXED);
}

void
sva_hook_set(struct sva_user *user, sva_hook_t hook, void *arg)
{
	user->hook_arg = arg;
	/* pairs with the load in user_fault() */
	__atomic_store_n(&user->hook, hook, __ATOMIC_RELEASE);
}

static const struct uiommu_mm_ops user_ops = {user_get, user_put, user_fault};

/* ------------------------------------------------------------ address spaces */

static struct uiommu_mm *
mm_make(struct rig *rig, const struct uiommu_mm_conf *conf)
{
	struct uiommu_mm *mm = uiommu_mm_create(conf);
	size_t i = 0;

	if (mm == NULL && rte_errno == ENOTSUP && conf->kind == UIOMMU_MM_SELF) {
		if (rig != NULL)
			rig_close(rig);
		harness_skip("the kernel brings no pages when asked: no MADV_POPULATE");
	}
	if (mm == NULL)
		harness_fail(__FILE__, __LINE__, "mm_create: %s", rte_strerror(rte_errno));
	while (mms[i] != NULL)
		i++;
	mms[i] = mm;
	return mm;
}

void
sva_mm_end(struct uiommu_mm *mm)
{
	size_t i;

	CHECK_EQ(uiommu_mm_destroy(mm), 0);
	for (i = 0; i < ARRAY_COUNT(mms); i++) {
		if (mms[i] == mm)
			mms[i] = NULL;
	}
}

struct sva_user *
sva_user(uint32_t mode, const struct uiommu_mm_conf *wanted)
{
	struct uiommu_mm_conf conf = {0};
	struct sva_user *user = users;
	struct uiommu_mm *mm;

	while (user->mm != NULL && user < &users[USERS_MAX])
		user++;
	CHECK(user < &users[USERS_MAX]);
	memset(user, 0, sizeof(*user));
	if (wanted != NULL)
		conf = *wanted;
	conf.size = sizeof(conf);
	conf.kind = UIOMMU_MM_USER;
	conf.mode = mode;
	conf.ops = &user_ops;
	conf.ops_priv = user;
	user->mode = mode;
	mm = mm_make(NULL, &conf);
	user->mm = mm;
	return user;
}

/* A unit that has no address as a process usually has them: whether memory can be below. */
static void
low_memory_find(struct rig *rig)
{
	const uint64_t end = rig_iova_end(rig);
	uint8_t *va;

	if (end >= UINT64_C(1) << 47)
		return;
	next_va = end / 4;
	va = sva_map(1, PROT_NONE);
	sva_unmap(va, 1);
	if ((uintptr_t)va < end)
		return;
	rig_close(rig);
	harness_skip("no memory at addresses of %u bits here", rig->info.address_bits);
}

struct uiommu_mm *
sva_self(struct rig *rig, uint32_t mode, const struct uiommu_mm_conf *wanted)
{
	struct uiommu_mm_conf conf = {0};

	if (rig != NULL)
		low_memory_find(rig);

	if (wanted != NULL)
		conf = *wanted;
	conf.size = sizeof(conf);
	conf.kind = UIOMMU_MM_SELF;
	conf.mode = mode;
	return mm_make(rig, &conf);
}

struct rig *
sva_rig(const struct rig_conf *conf)
{
	size_t i;

	for (i = 0; i < ARRAY_COUNT(mms); i++) {
		if (mms[i] != NULL)
			(void)uiommu_mm_destroy(mms[i]);
		mms[i] = NULL;
	}
	for (i = 0; i < USERS_MAX; i++)
		users[i].mm = NULL;
	next_va = 0;
	return rig_open(conf);
}

struct uiommu_mm_info
sva_info(struct uiommu_mm *mm)
{
	struct uiommu_mm_info info;

	CHECK_EQ(uiommu_mm_info_get(mm, &info), 0);
	return info;
}

/* ---------------------------------------------------------------- endpoints */

struct uiommu_endpoint *
sva_endpoint_bits(struct rig *rig, uint32_t endpoint_id, uint8_t bits)
{
	const struct uiommu_endpoint_conf conf = {
		.size = sizeof(conf),
		.pasid_bits = bits,
		.flags = UIOMMU_ENDPOINT_NUMA,
		.numa_node = 0,
	};
	struct uiommu_endpoint *endpoint = uiommu_endpoint_add(rig->dev, endpoint_id, &conf);

	if (endpoint == NULL)
		harness_fail(__FILE__, __LINE__, "endpoint_add: %s", rte_strerror(rte_errno));
	return endpoint;
}

struct uiommu_endpoint *
sva_endpoint(struct rig *rig, uint32_t endpoint_id)
{
	rig_device_range(rig, endpoint_id, 1, SVA_PASIDS, 0);
	return sva_endpoint_bits(rig, endpoint_id, SVA_BITS);
}

struct uiommu_sva *
sva_bind(struct uiommu_endpoint *endpoint, struct uiommu_mm *mm)
{
	struct uiommu_sva *sva = uiommu_sva_bind(endpoint, mm);

	if (sva == NULL)
		harness_fail(__FILE__, __LINE__, "bind: %s", rte_strerror(rte_errno));
	CHECK(uiommu_sva_pasid(sva) >= 1);
	return sva;
}

/* ----------------------------------------------------------------- requests */

void
sva_ask(struct rig *rig, struct uiommu_sva *sva, uint16_t index, const void *va, bool write,
	bool last)
{
	const struct uiommu_emu_request req = {
		.endpoint_id = EP,
		.pasid = uiommu_sva_pasid(sva),
		.iova = (uintptr_t)va,
		.prg_index = index,
		.read = true,
		.write = write,
		.last = last,
	};

	CHECK_EQ(uiommu_emu_request(rig->emu, &req), UIOMMU_EMU_QUEUED);
}

void
sva_answers_wait(struct rig *rig, struct uiommu_mm *mm, uint64_t responses)
{
	uint64_t end = harness_now_ns() + RIG_PATIENCE_NS;

	while (rig_verdict(rig, false).responses < responses) {
		if (rig->has_owner)
			sched_yield();
		else if (rig_turn(rig) == 0)
			sched_yield();
		uiommu_mm_poll(mm, 16);
		CHECK(harness_now_ns() < end);
	}
	/* a model with a thread of its own counts first and writes down then */
	if (rig->has_model)
		rig_settle(rig);
}

void
sva_ask_and_expect(struct rig *rig, struct uiommu_mm *mm, struct uiommu_sva *sva, const void *va,
		   bool write, uint16_t code)
{
	uint64_t before = rig_verdict(rig, false).responses;

	sva_ask(rig, sva, 5, va, write, true);
	sva_answers_wait(rig, mm, before + 1);
	rig_expect(rig, EP, uiommu_sva_pasid(sva), 5, code);
}

/* ------------------------------------------------------------------- memory */

uint8_t *
sva_map(size_t nb_pages, int prot)
{
	uint8_t *va = mmap((void *)next_va, (nb_pages + 2) * SVA_PAGE, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	CHECK(va != MAP_FAILED);
	if (next_va != 0)
		next_va += (nb_pages + 2) * SVA_PAGE;
	/* huge pages would bring more than was asked for */
	madvise(va, (nb_pages + 2) * SVA_PAGE, MADV_NOHUGEPAGE);
	CHECK_EQ(mprotect(va + SVA_PAGE, nb_pages * SVA_PAGE, prot), 0);
	CHECK_EQ(munmap(va, SVA_PAGE), 0);
	CHECK_EQ(munmap(va + (nb_pages + 1) * SVA_PAGE, SVA_PAGE), 0);
	return va + SVA_PAGE;
}

void
sva_unmap(uint8_t *va, size_t nb_pages)
{
	CHECK_EQ(munmap(va, nb_pages * SVA_PAGE), 0);
}

bool
sva_is_present(const uint8_t *va)
{
	unsigned char seen = 0;

	CHECK_EQ(mincore((void *)(uintptr_t)va, SVA_PAGE, &seen), 0);
	return (seen & 1) != 0;
}
