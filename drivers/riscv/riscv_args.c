/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <string.h>

#include "riscv_args.h"

/* A size of a queue: power of two, between two others. */
static int
entries_read(struct riscv *riscv, struct uiommu_args *args, const char *key, uint32_t min,
	     uint32_t *entries)
{
	uint64_t value = *entries;

	if (uiommu_args_get_u64(args, key, min, RISCV_QUEUE_ENTRIES_MAX, &value) != 0)
		return -EINVAL;
	*entries = (uint32_t)value;
	if (value == 0 || rte_is_power_of_2(*entries))
		return 0;
	RISCV_LOG(ERR, "%s: %s= takes powers of two", riscv->dev->name, key);
	return -EINVAL;
}

/** A word of an argument, what it stands for, and what the unit must have for it. */
struct choice {
	const char *word;
	uint8_t value;
	uint64_t caps;
};

/* One of some words. @return 0; -EINVAL, with a line in the log. An absent key is the first word */
static int
choice_read(struct riscv *riscv, struct uiommu_args *args, const char *key,
	    const struct choice *choices, unsigned int nb, uint8_t *value)
{
	const char *text = uiommu_args_get_str(args, key);
	unsigned int i;

	for (i = 0; i < nb; i++) {
		if (text != NULL && strcmp(text, choices[i].word) != 0)
			continue;
		if ((riscv->caps & choices[i].caps) != choices[i].caps) {
			RISCV_LOG(ERR, "%s: %s=%s: not with this unit (capabilities)",
				  riscv->dev->name, key, text);
			return -EINVAL;
		}
		*value = choices[i].value;
		return 0;
	}
	RISCV_LOG(ERR, "%s: %s=%s: not known", riscv->dev->name, key, text);
	return -EINVAL;
}

/* The widest process directory that the unit has; 0: none */
static uint8_t
widest_pid(uint64_t caps)
{
	if ((caps & RISCV_CAP_PD20) != 0)
		return 20;
	if ((caps & RISCV_CAP_PD17) != 0)
		return 17;
	return (caps & RISCV_CAP_PD8) != 0 ? 8 : 0;
}

int
riscv_args_read(struct riscv *riscv, struct uiommu_args *args)
{
	const struct choice ddt[] = {{"auto", 0, 0}, {"1", 1, 0}, {"2", 2, 0}, {"3", 3, 0}};
	const struct choice pid[] = {
		{"auto", widest_pid(riscv->caps), 0}, {"8", 8, RISCV_CAP_PD8},
		{"17", 17, RISCV_CAP_PD17},           {"20", 20, RISCV_CAP_PD20},
	};
	uint64_t takeover = 0;

	riscv->pq_entries_max = RISCV_QUEUE_ENTRIES_DEFAULT;
	riscv->fq_entries = RISCV_QUEUE_ENTRIES_DEFAULT;
	riscv->cq_entries = 0;
	if (entries_read(riscv, args, "pq", RISCV_QUEUE_ENTRIES_MIN, &riscv->pq_entries_max) != 0 ||
	    entries_read(riscv, args, "fq", RISCV_QUEUE_ENTRIES_MIN, &riscv->fq_entries) != 0 ||
	    entries_read(riscv, args, "cq", RISCV_CQ_ENTRIES_MIN, &riscv->cq_entries) != 0 ||
	    uiommu_args_get_u64(args, "takeover", 0, 1, &takeover) != 0)
		return -EINVAL;
	riscv->takeover = takeover != 0;
	if (choice_read(riscv, args, "ddt", ddt, RTE_DIM(ddt), &riscv->ddt_levels) != 0)
		return -EINVAL;
	return choice_read(riscv, args, "pid", pid, RTE_DIM(pid), &riscv->pasid_bits);
}
