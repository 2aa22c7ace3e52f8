/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Root, context and PASID tables, S 9.2 to 9.6, with the faults of S 7.1.3.
 */

#include "vtd_model.h"

#define BITS(high, low) ((~UINT64_C(0) >> (63 - (high))) & (~UINT64_C(0) << (low)))

/* ECAP bits that a driver has no use for. */
#define ECAP_HPTS (UINT64_C(1) << 55)
#define ECAP_PTRS (UINT64_C(1) << 56)
#define CTX0_HPTE (UINT64_C(1) << 5)
#define CTX0_EPTR (UINT64_C(1) << 6)

/* Reserved without exception, S 9.2 to 9.6 */
#define ROOT_RESERVED (BITS(11, 1) | VTD_MODEL_ADDR_RESERVED)
#define CTX0_RESERVED (BITS(8, 7) | VTD_MODEL_ADDR_RESERVED)
#define CTX1_RESERVED BITS(63, 21)
#define PASID_DIR_RESERVED (BITS(11, 2) | VTD_MODEL_ADDR_RESERVED)
#define PE0_RESERVED (BITS(5, 5) | BITS(11, 10) | VTD_MODEL_ADDR_RESERVED)
#define PE1_RESERVED (BITS(22, 16) | BITS(31, 27))
#define PE2_RESERVED (BITS(1, 1) | BITS(11, 8) | VTD_MODEL_ADDR_RESERVED)

/* PAT, EMTE and CD are about memory types. */
#define PE1_MEMORY_TYPE (BITS(63, 32) | VTD_PE1_EMTE | VTD_PE1_CD)

static uint64_t
load(const uint64_t *p)
{
	/* pairs with the driver's release store of the word that makes an entry present */
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

/* --------------------------------------------------------------- root, context */

static uint64_t
context_reserved(const struct vtd_model *vtd)
{
	return CTX0_RESERVED | ((vtd->ecap & ECAP_HPTS) == 0 ? CTX0_HPTE : 0) |
	       ((vtd->ecap & ECAP_PTRS) == 0 ? CTX0_EPTR : 0) |
	       ((vtd->ecap & VTD_ECAP_PRS) == 0 ? VTD_CTX0_PRE : 0);
}

static uint64_t
context_reserved1(const struct vtd_model *vtd)
{
	return CTX1_RESERVED | ((vtd->ecap & VTD_ECAP_RPS) == 0 ? VTD_CTX1_RID_PASID_MASK : 0) |
	       ((vtd->ecap & VTD_ECAP_RPRIVS) == 0 ? VTD_CTX1_RID_PRIV : 0);
}

/* PASIDs that the directory of a context entry has room for, S 9.4 */
static uint64_t
pasid_limit(uint64_t ctx0)
{
	return UINT64_C(1) << (((ctx0 >> VTD_CTX0_PDTS_SHIFT) & VTD_CTX0_PDTS_MASK) +
			       VTD_PASID_DIR_MIN_ORDER + VTD_PASID_DIR_SHIFT);
}

static unsigned int
root_walk(struct uiommu_emu *emu, uint32_t endpoint_id, uint64_t *context_pa)
{
	const struct vtd_model *vtd = emu->unit;
	const uint32_t bus = endpoint_id >> 8, devfn = endpoint_id & 0xff;
	const struct vtd_root_entry *root;
	uint64_t lo, hi;

	switch ((vtd->root & VTD_RTADDR_TTM_MASK) >> VTD_RTADDR_TTM_SHIFT) {
	case VTD_TTM_SCALABLE:
		break;
	case VTD_TTM_LEGACY:
		return VTD_FR_TTM_LEGACY_PRQ;
	case VTD_TTM_ABORT:
		return VTD_FR_TTM_ABORT;
	default:
		return VTD_FR_RTADDR;
	}
	if ((vtd->root & VTD_MODEL_ADDR_RESERVED) != 0)
		return VTD_FR_RTADDR;
	root = emu_memory_at(emu, (vtd->root & VTD_RTADDR_ADDR_MASK) + bus * sizeof(*root),
			     sizeof(*root));
	if (root == NULL)
		return VTD_FR_ROOT_ACCESS;
	lo = load(&root->lo);
	hi = load(&root->hi);
	if (((devfn < VTD_CONTEXT_ENTRIES ? lo : hi) & VTD_ROOT_PRESENT) == 0)
		return VTD_FR_ROOT_NOT_PRESENT;
	if (((devfn < VTD_CONTEXT_ENTRIES ? lo : hi) & ROOT_RESERVED) != 0)
		return VTD_FR_ROOT_RESERVED;
	*context_pa = ((devfn < VTD_CONTEXT_ENTRIES ? lo : hi) & VTD_ADDR_MASK) +
		      (devfn % VTD_CONTEXT_ENTRIES) * sizeof(struct vtd_context_entry);
	return 0;
}

static struct vtd_fault
context_walk(struct uiommu_emu *emu, uint32_t endpoint_id, uint64_t *word)
{
	const struct vtd_model *vtd = emu->unit;
	const struct vtd_context_entry *context;
	struct vtd_fault fault = {0};
	uint64_t pa = 0;

	fault.reason = (uint8_t)root_walk(emu, endpoint_id, &pa);
	if (fault.reason != 0)
		return fault;
	context = emu_memory_at(emu, pa, sizeof(*context));
	if (context == NULL) {
		fault.reason = VTD_FR_CONTEXT_ACCESS;
		return fault;
	}
	word[0] = load(&context->q[0]);
	word[1] = load(&context->q[1]);
	fault.hide = (word[0] & VTD_CTX0_FPD) != 0;
	if ((word[0] & VTD_CTX0_P) == 0)
		fault.reason = VTD_FR_CONTEXT_NOT_PRESENT;
	else if (((word[0] & context_reserved(vtd)) | (word[1] & context_reserved1(vtd)) |
		  load(&context->q[2]) | load(&context->q[3])) != 0)
		fault.reason = VTD_FR_CONTEXT_RESERVED;
	else if (((word[0] & VTD_CTX0_PRE) != 0 && (word[0] & VTD_CTX0_DTE) == 0) ||
		 (word[1] & VTD_CTX1_RID_PASID_MASK) >= pasid_limit(word[0]))
		fault.reason = VTD_FR_CONTEXT_INVALID;
	return fault;
}

/* With caching mode, what is not there is remembered too, S 6.1 */
static void
remember(const struct vtd_model *vtd, struct emu_cache *cache, struct vtd_fault fault)
{
	cache->reason = fault.reason;
	cache->hide = fault.hide;
	if (fault.reason == 0)
		cache->state = EMU_CACHE_GOOD;
	else if ((vtd->cap & VTD_CAP_CM) != 0 &&
		 (fault.reason == VTD_FR_ROOT_NOT_PRESENT ||
		  fault.reason == VTD_FR_CONTEXT_NOT_PRESENT ||
		  fault.reason == VTD_FR_PASID_DIR_NOT_PRESENT ||
		  fault.reason == VTD_FR_PASID_ENTRY_NOT_PRESENT))
		cache->state = EMU_CACHE_FAULT;
}

struct vtd_fault
vtd_model_context(struct uiommu_emu *emu, uint32_t endpoint_id, struct emu_cache *cache)
{
	struct vtd_fault fault = {0};

	if (cache->state != EMU_CACHE_EMPTY) {
		fault.reason = cache->reason;
		fault.hide = cache->hide;
		return fault;
	}
	fault = context_walk(emu, endpoint_id, cache->word);
	remember(emu->unit, cache, fault);
	return fault;
}

/* ----------------------------------------------------------------------- PASID */

unsigned int
vtd_model_pasid(const struct vtd_model *vtd, const struct emu_cache *context, uint32_t pasid,
		uint32_t *effective)
{
	const uint32_t rid_pasid = (vtd->ecap & VTD_ECAP_RPS) != 0 ?
					   context->word[1] & VTD_CTX1_RID_PASID_MASK :
					   0;

	*effective = pasid;
	if (pasid == EMU_NO_PASID) {
		*effective = rid_pasid;
		return 0;
	}
	if ((context->word[0] & VTD_CTX0_PASIDE) == 0)
		return VTD_FR_PASIDE_CLEAR;
	if (pasid >= pasid_limit(context->word[0]))
		return VTD_FR_PASID_TOO_LARGE;
	return pasid == rid_pasid ? VTD_FR_PASID_IS_RID_PASID : 0;
}

/* Translation type, and what it asks of the unit, S 9.6 */
static bool
entry_is_valid(const struct vtd_model *vtd, uint64_t pe0, uint64_t pe1, uint64_t pe2)
{
	const unsigned int width = (pe0 >> VTD_PE0_AW_SHIFT) & VTD_PE0_AW_MASK;
	const unsigned int mode = (pe2 >> VTD_PE2_FSPM_SHIFT) & VTD_PE2_FSPM_MASK;
	const bool first_ok = (vtd->ecap & VTD_ECAP_FSTS) != 0 &&
			      (mode == 0 || (mode == 1 && (vtd->cap & VTD_CAP_FS5LP) != 0));
	const bool second_ok = (vtd->ecap & VTD_ECAP_SSTS) != 0 && width >= VTD_AW_39 &&
			       width <= VTD_AW_57 &&
			       ((vtd->cap >> VTD_CAP_SAGAW_SHIFT) & (1U << width)) != 0;

	/* S 11.4.2: domain 0 is reserved in caching mode */
	if ((vtd->cap & VTD_CAP_CM) != 0 && (pe1 & VTD_PE1_DID_MASK) == 0)
		return false;
	switch ((pe0 >> VTD_PE0_PGTT_SHIFT) & VTD_PE0_PGTT_MASK) {
	case VTD_PGTT_FIRST:
		return first_ok;
	case VTD_PGTT_SECOND:
		return second_ok;
	case VTD_PGTT_NESTED:
		return first_ok && second_ok && (vtd->ecap & VTD_ECAP_NEST) != 0;
	case VTD_PGTT_PASSTHROUGH:
		return (vtd->ecap & VTD_ECAP_PT) != 0;
	default:
		return false;
	}
}

static bool
entry_is_reserved(const struct vtd_model *vtd, const struct vtd_pasid_entry *entry, uint64_t pe0,
		  uint64_t pe1, uint64_t pe2)
{
	uint64_t bits;
	unsigned int i;

	bits = (pe0 & PE0_RESERVED) | (pe1 & PE1_RESERVED) | (pe2 & PE2_RESERVED);
	if ((vtd->ecap & VTD_ECAP_MTS) == 0)
		bits |= pe1 & PE1_MEMORY_TYPE;
	if ((vtd->ecap & VTD_ECAP_SRS) == 0)
		bits |= pe2 & VTD_PE2_SRE;
	if ((vtd->ecap & VTD_ECAP_EAFS) == 0)
		bits |= pe2 & VTD_PE2_EAFE;
	if ((vtd->ecap & VTD_ECAP_SSADS) == 0)
		bits |= pe0 & VTD_PE0_SSADE;
	bits |= load(&entry->q[3]);
	/* the host permission table's words count only where the unit has one */
	for (i = 4; i < 8; i++)
		bits |= (vtd->ecap & ECAP_HPTS) == 0 || i > 5 ? load(&entry->q[i]) : 0;
	return bits != 0;
}

static unsigned int
directory_walk(struct uiommu_emu *emu, uint64_t ctx0, uint32_t pasid, uint64_t *pa, bool *hide)
{
	const uint64_t *dir;
	uint64_t word;

	dir = emu_memory_at(emu, (ctx0 & VTD_ADDR_MASK) +
					 (pasid >> VTD_PASID_DIR_SHIFT) * sizeof(*dir),
			    sizeof(*dir));
	if (dir == NULL)
		return VTD_FR_PASID_DIR_ACCESS;
	word = load(dir);
	*hide |= (word & VTD_PASID_DIR_FPD) != 0;
	if ((word & VTD_PASID_DIR_P) == 0)
		return VTD_FR_PASID_DIR_NOT_PRESENT;
	if ((word & PASID_DIR_RESERVED) != 0)
		return VTD_FR_PASID_DIR_RESERVED;
	*pa = (word & VTD_ADDR_MASK) +
	      (pasid % VTD_PASID_TABLE_ENTRIES) * sizeof(struct vtd_pasid_entry);
	return 0;
}

static unsigned int
entry_walk(struct uiommu_emu *emu, uint64_t pa, struct emu_cache *cache, bool *hide)
{
	const struct vtd_model *vtd = emu->unit;
	const struct vtd_pasid_entry *entry = emu_memory_at(emu, pa, sizeof(*entry));
	uint64_t pe0, pe1, pe2;

	if (entry == NULL)
		return VTD_FR_PASID_ENTRY_ACCESS;
	pe0 = load(&entry->q[0]);
	*hide |= (pe0 & VTD_PE0_FPD) != 0;
	if ((pe0 & VTD_PE0_P) == 0)
		return VTD_FR_PASID_ENTRY_NOT_PRESENT;
	pe1 = load(&entry->q[1]);
	pe2 = load(&entry->q[2]);
	if (entry_is_reserved(vtd, entry, pe0, pe1, pe2))
		return VTD_FR_PASID_ENTRY_RESERVED;
	if (!entry_is_valid(vtd, pe0, pe1, pe2))
		return VTD_FR_PASID_ENTRY_INVALID;
	cache->word[0] = pe0;
	cache->word[1] = pe2;
	cache->domain = (uint16_t)(pe1 & VTD_PE1_DID_MASK);
	return 0;
}

struct vtd_fault
vtd_model_pasid_entry(struct uiommu_emu *emu, const struct emu_cache *context, uint32_t pasid,
		      struct emu_cache *cache)
{
	struct vtd_fault fault = {0};
	uint64_t pa = 0;

	/* word 2: the PASID, by which the entry is found when it is to be forgotten */
	if (cache->state != EMU_CACHE_EMPTY && cache->word[2] == pasid) {
		fault.reason = cache->reason;
		fault.hide = cache->hide;
		return fault;
	}
	fault.hide = context->hide;
	cache->word[2] = pasid;
	fault.reason = (uint8_t)directory_walk(emu, context->word[0], pasid, &pa, &fault.hide);
	if (fault.reason == 0)
		fault.reason = (uint8_t)entry_walk(emu, pa, cache, &fault.hide);
	cache->state = EMU_CACHE_EMPTY;
	remember(emu->unit, cache, fault);
	return fault;
}
