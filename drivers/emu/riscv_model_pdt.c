/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * "Process-Directory-Table (PDT)". Remembered as device contexts are.
 */

#include "riscv_model.h"

/* PDI[level] */
static unsigned int
pid_index(uint32_t pid, unsigned int level)
{
	if (level == 0)
		return pid & ((1U << RISCV_PDI0_BITS) - 1);
	pid >>= RISCV_PDI0_BITS;
	if (level == 1)
		return pid & ((1U << RISCV_PDI1_BITS) - 1);
	return pid >> RISCV_PDI1_BITS;
}

bool
riscv_model_pid_is_wide(const struct emu_cache *dc, uint32_t pid)
{
	switch (riscv_atp_mode(dc->word[1])) {
	case RISCV_PDTP_PD8:
		return pid >> RISCV_PDI0_BITS != 0;
	case RISCV_PDTP_PD17:
		return pid >> (RISCV_PDI0_BITS + RISCV_PDI1_BITS) != 0;
	default:
		/* Bare tells nobody from another */
		return pid >> RISCV_PID_BITS != 0;
	}
}

bool
riscv_model_iosatp_is_known(const struct riscv_model *riscv, unsigned int mode)
{
	switch (mode) {
	case RISCV_IOSATP_BARE:
		return true;
	case RISCV_IOSATP_SV39:
		return riscv_has(riscv, RISCV_CAP_SV39);
	case RISCV_IOSATP_SV48:
		return riscv_has(riscv, RISCV_CAP_SV48);
	case RISCV_IOSATP_SV57:
		return riscv_has(riscv, RISCV_CAP_SV57);
	default:
		return false;
	}
}

unsigned int
riscv_model_pc(struct uiommu_emu *emu, const struct emu_cache *dc, uint32_t pid,
	       struct emu_cache *cache)
{
	static const uint16_t causes[] = {
		RISCV_CAUSE_PDT_LOAD, RISCV_CAUSE_PDT_INVALID, RISCV_CAUSE_PDT_MISCONFIGURED,
	};
	const struct riscv_dir dir = {
		.root = riscv_atp_pa(dc->word[1]),
		.levels = riscv_atp_mode(dc->word[1]) - RISCV_PDTP_PD8 + 1,
		.index = {pid_index(pid, 0), pid_index(pid, 1), pid_index(pid, 2)},
		.causes = causes,
	};
	const struct riscv_model *riscv = emu->unit;
	uint64_t page, ta, fsc;
	unsigned int cause;
	const void *pc;

	if (cache->state == EMU_CACHE_GOOD)
		return 0;
	cause = riscv_model_dir_walk(emu, &dir, cache, &page);
	if (cause != 0)
		return cause;
	pc = emu_memory_at(emu, page + (uint64_t)dir.index[0] * RISCV_PC_SIZE, RISCV_PC_SIZE);
	if (pc == NULL)
		return RISCV_CAUSE_PDT_LOAD;
	ta = riscv_word(pc, 0);
	fsc = riscv_word(pc, 1);
	if ((ta & RISCV_PC_TA_V) == 0)
		return RISCV_CAUSE_PDT_INVALID;
	/* "Process-context configuration checks" */
	if ((ta & RISCV_PC_TA_RESERVED) != 0 || (fsc & RISCV_ATP_RESERVED) != 0 ||
	    !riscv_model_iosatp_is_known(riscv, riscv_atp_mode(fsc)))
		return RISCV_CAUSE_PDT_MISCONFIGURED;
	cache->word[0] = ta;
	cache->word[1] = fsc;
	cache->state = EMU_CACHE_GOOD;
	return 0;
}
