/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Emulated units: the list of them, the vendor's models that there are, and the model's turn.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_string_fns.h>

#include "emu_pvt.h"

/* Commands executed in a step before devices may send, in bursts. */
#define EXECUTE_BURSTS 4
#define BURST_DEFAULT 64

RTE_LOG_REGISTER(emu_logtype, drv.uiommu.emu, NOTICE);

static TAILQ_HEAD(, uiommu_emu) units = TAILQ_HEAD_INITIALIZER(units);
static int units_lock;
static SLIST_HEAD(, emu_model) models = SLIST_HEAD_INITIALIZER(models);

void
emu_model_register(struct emu_model *model)
{
	SLIST_INSERT_HEAD(&models, model, next);
}

static const struct emu_model_ops *
model_find(const char *driver)
{
	struct emu_model *model;

	SLIST_FOREACH(model, &models, next)
		if (strcmp(model->ops->driver, driver) == 0)
			return model->ops;
	return NULL;
}

int
emu_args_bits(struct uiommu_args *args, const char *key, uint64_t max, uint64_t *value)
{
	uint64_t whole = *value, set = 0, clear = 0;
	char set_key[24], clear_key[24];

	if (snprintf(set_key, sizeof(set_key), "%s_set", key) >= (int)sizeof(set_key) ||
	    snprintf(clear_key, sizeof(clear_key), "%s_clear", key) >= (int)sizeof(clear_key) ||
	    uiommu_args_get_u64(args, key, 0, max, &whole) < 0 ||
	    uiommu_args_get_u64(args, set_key, 0, max, &set) < 0 ||
	    uiommu_args_get_u64(args, clear_key, 0, max, &clear) < 0)
		return -EINVAL;
	*value = (whole | set) & ~clear;
	return 0;
}

struct uiommu_emu *
uiommu_emu_find(const char *name)
{
	struct uiommu_emu *emu;

	emu_lock_take(&units_lock);
	TAILQ_FOREACH(emu, &units, next)
		if (strcmp(emu->name, name) == 0)
			break;
	emu_lock_drop(&units_lock);
	return emu;
}

static void
parts_free(struct uiommu_emu *emu)
{
	if (emu->unit != NULL && emu->model->close != NULL)
		emu->model->close(emu);
	emu_tlb_fini(&emu->iotlb);
	emu_tlb_fini(&emu->walks);
	emu_free(emu->unit);
	emu_devices_fini(emu);
	emu_free(emu->device_of);
	emu_free(emu->traffic.templates);
	emu_use_fini(&emu->traffic);
	emu_free(emu->verify);
	emu_free(emu->manual);
	emu_free(emu->hands);
	emu_free(emu->late.requests);
	emu_free(emu->log);
	if (emu->memory != NULL)
		emu_memory_fini(emu->memory);
	emu_free(emu->memory);
	emu_free(emu);
}

static int
parts_alloc(struct uiommu_emu *emu, struct uiommu_args *args)
{
	int ret;

	emu->memory = emu_alloc(sizeof(*emu->memory), SOCKET_ID_ANY);
	emu->unit = emu_alloc(emu->model->unit_size, emu->socket_id);
	if (emu->memory == NULL || emu->unit == NULL || emu_devices_init(emu) < 0) {
		EMU_LOG(ERR, "%s: no memory", emu->name);
		return -ENOMEM;
	}
	emu->traffic.conf.burst = BURST_DEFAULT;
	emu->judge_mask = UINT64_MAX;
	emu->endpoint_max = emu->model->endpoint_max;
	ret = emu->model->open(emu, args);
	if (ret == 0)
		ret = emu_tlbs_open(emu, args);
	if (ret < 0)
		return ret;
	emu->device_of = emu_alloc(((size_t)emu->endpoint_max + 1) * sizeof(emu->device_of[0]),
				   emu->socket_id);
	return emu->device_of == NULL ? -ENOMEM : 0;
}

int
emu_create(struct uiommu_platform *plat, struct uiommu_args *args, struct uiommu_emu **out)
{
	const struct emu_model_ops *model = model_find(plat->driver);
	uint64_t inline_steps = 0, lazy = 0;
	struct uiommu_emu *emu;
	int ret;

	if (model == NULL) {
		EMU_LOG(ERR, "%s: there is no model of a unit for driver %s", plat->name,
			plat->driver);
		return -ENODEV;
	}
	if (uiommu_args_get_u64(args, "inline", 0, 1, &inline_steps) < 0 ||
	    uiommu_args_get_u64(args, "lazy", 0, 1, &lazy) < 0)
		return -EINVAL;
	emu = emu_alloc(sizeof(*emu), plat->socket_id);
	if (emu == NULL)
		return -ENOMEM;
	strlcpy(emu->name, plat->name, sizeof(emu->name));
	emu->model = model;
	emu->socket_id = plat->socket_id;
	emu->inline_steps = inline_steps != 0;
	emu->asked.lazy = lazy != 0;
	ret = parts_alloc(emu, args);
	if (ret < 0) {
		parts_free(emu);
		return ret;
	}
	emu_lock_take(&units_lock);
	TAILQ_INSERT_TAIL(&units, emu, next);
	emu_lock_drop(&units_lock);
	*out = emu;
	return 0;
}

void
emu_destroy(struct uiommu_emu *emu)
{
	emu_lock_take(&units_lock);
	TAILQ_REMOVE(&units, emu, next);
	emu_lock_drop(&units_lock);
	emu_enter(emu);
	parts_free(emu);
}

void
emu_enter(struct uiommu_emu *emu)
{
	__atomic_fetch_add(&emu->waiting, 1, __ATOMIC_RELAXED);
	emu_lock_take(&emu->lock);
	__atomic_fetch_sub(&emu->waiting, 1, __ATOMIC_RELAXED);
}

void
emu_leave(struct uiommu_emu *emu)
{
	emu_lock_drop(&emu->lock);
}

/* The model's own way in: steps follow each other closely, so others go first. */
static bool
step_enter(struct uiommu_emu *emu)
{
	if (__atomic_load_n(&emu->waiting, __ATOMIC_RELAXED) != 0) {
		rte_pause();
		return false;
	}
	emu_lock_take(&emu->lock);
	emu->now = rte_rdtsc();
	emu->model->commands(emu);
	/* pairs with the release store in want_set() */
	if (__atomic_load_n(&emu->nb_touched, __ATOMIC_ACQUIRE) != 0)
		emu_control_apply(emu);
	return true;
}

unsigned int
uiommu_emu_step(struct uiommu_emu *emu)
{
	unsigned int judged, made;

	if (!step_enter(emu))
		return 0;
	judged = emu->model->execute(emu, emu->traffic.conf.burst * EXECUTE_BURSTS);
	emu_verify_flush(emu);
	if (unlikely(emu->nb_unseen > 0))
		emu_hands_retry(emu);
	made = emu_traffic_step(emu, judged);
	emu_leave(emu);
	if (judged + made == 0 && !emu->inline_steps)
		rte_pause();
	return judged + made;
}

unsigned int
uiommu_emu_drain(struct uiommu_emu *emu)
{
	unsigned int judged;

	while (!step_enter(emu))
		;
	judged = emu->model->execute(emu, UINT32_MAX);
	emu_verify_flush(emu);
	emu_leave(emu);
	return judged;
}

unsigned int
uiommu_emu_preload(struct uiommu_emu *emu)
{
	unsigned int total = 0, made;

	while (!step_enter(emu))
		;
	if (emu_traffic_ready(emu))
		do {
			emu->now = rte_rdtsc();
			made = emu_traffic_send(emu, emu->traffic.conf.burst);
			total += made;
		} while (made > 0 && !emu->model->latched(emu));
	emu->model->publish(emu);
	emu_leave(emu);
	return total;
}

/* ---------------------------------------------------------------- misbehaviour */

void
uiommu_emu_fault_set(struct uiommu_emu *emu, enum uiommu_emu_fault fault, unsigned int count)
{
	__atomic_store_n(&emu->fault, UIOMMU_EMU_FAULT_NONE, __ATOMIC_RELAXED);
	__atomic_store_n(&emu->fault_count, count, __ATOMIC_RELAXED);
	__atomic_store_n(&emu->fault, (uint32_t)fault, __ATOMIC_RELEASE);
}

bool
emu_fault_take(struct uiommu_emu *emu, enum uiommu_emu_fault fault)
{
	uint32_t count;

	/* pairs with the release store in uiommu_emu_fault_set() */
	if (likely(__atomic_load_n(&emu->fault, __ATOMIC_ACQUIRE) != (uint32_t)fault))
		return false;
	count = __atomic_load_n(&emu->fault_count, __ATOMIC_RELAXED);
	if (count == 1)
		__atomic_store_n(&emu->fault, UIOMMU_EMU_FAULT_NONE, __ATOMIC_RELAXED);
	if (count > 0)
		__atomic_store_n(&emu->fault_count, count - 1, __ATOMIC_RELAXED);
	return true;
}
