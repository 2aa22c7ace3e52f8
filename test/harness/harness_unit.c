/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <string.h>

#include <uiommu.h>
#include <uiommu_emu.h>

#include "harness.h"
#include "harness_unit.h"

/* ------------------------------------------------------------------ VT-d */

/* Page request descriptor, S 7.4.1.1. Words 2 and 3 hold anything: they are not to be relied on. */
static void
vtd_encode(const struct uiommu_emu_request *req, uint64_t *entry)
{
	bool has_pasid = req->pasid != UINT32_MAX;

	entry[0] = 0x01 | (uint64_t)has_pasid << 8 | (uint64_t)req->endpoint_id << 16 |
		   (uint64_t)req->exec << 52 | (uint64_t)req->priv << 53;
	if (has_pasid)
		entry[0] |= (uint64_t)req->pasid << 32;
	entry[1] = (uint64_t)req->read | (uint64_t)req->write << 1 | (uint64_t)req->last << 2 |
		   (uint64_t)req->prg_index << 3 | (req->iova & ~UINT64_C(0xfff));
	entry[2] = UINT64_C(0x5555aaaa5555aaaa);
	entry[3] = UINT64_MAX;
}

/* Four levels, S 9.8 and 9.9: P, R/W, U/S and A in each, D in the leaf. */
static void
vtd_guest_table(void *va, uint64_t at, uint64_t iova, uint64_t target)
{
	uint64_t *table = va;
	unsigned int level;

	for (level = 0; level < 4; level++) {
		uint64_t index = iova >> (39 - 9 * level) & 0x1ff;
		uint64_t next = level == 3 ? target | 0x40 : at + (level + 1) * 0x1000;

		memset(table, 0, 0x1000);
		table[index] = next | 0x27;
		table += 0x1000 / sizeof(*table);
	}
}

#define BIT(n) (UINT64_C(1) << (n))
#define RESERVED(n) {"reserved bit " #n, {0}, {BIT(n)}, true}
#define TYPE(n) {"type " #n, {0xff}, {n}, false}

#define PRIVILEGED {"privileged", {0}, {BIT(53)}, true}

static const struct harness_spoil vtd_privileged = PRIVILEGED;

static const struct harness_spoil vtd_spoils[] = {
	RESERVED(9), RESERVED(10), RESERVED(11), RESERVED(12), RESERVED(13), RESERVED(14),
	RESERVED(15), RESERVED(54), RESERVED(55), RESERVED(56), RESERVED(57), RESERVED(58),
	RESERVED(59), RESERVED(60), RESERVED(61), RESERVED(62), RESERVED(63),
	TYPE(0x00), TYPE(0x02), TYPE(0x03), TYPE(0x11), TYPE(0x41), TYPE(0x81), TYPE(0xff),
	/* a type that is unknown, with its reserved bits set too */
	{"everything set", {0}, {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}, false},
	{"everything clear", {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX}, {0}, false},
	PRIVILEGED,
	{"execute and read", {0}, {BIT(52)}, true},
	/* canonical neither with 48 bits nor with 57 */
	{"address 0x0100000000000000", {0}, {0, BIT(56)}, true},
	{"address 0x8000000000000000", {0}, {0, BIT(63)}, true},
	{"address 0xfe80000000000000", {0}, {0, UINT64_C(0xfe80000000000000)}, true},
	/* the index is undefined, so there is nothing that could be answered */
	{"no access", {0, 3}, {0}, false},
	{"no access, no PASID", {BIT(8), 3}, {0}, false},
};

#define VTD(args, text, more, ...)                                                                 \
	{                                                                                          \
		.name = text, .driver = "vtd", .devargs = args, .entries_min = 128,                \
		.entries_max = 16384, .entries_default = 16384, .queue_full = 1,                   \
		.entry_size = 32, .reserved_pasid = 0,                                             \
		.small_commands = ",iq=128", .refused = &vtd_privileged, .can_exchange = true,     \
		.small_events = "",                                                                \
		.counters = {                                                                      \
			.device_timeout = "_ite", .bad_completion = "_ice", .bad_command = "_iqe", \
			.given_up = "_iqe_given_up", .wild_index = "_prq_wild_index",              \
		},                                                                                 \
		.capa = UIOMMU_CAPA_PASID | UIOMMU_CAPA_DRAIN | UIOMMU_CAPA_FIRST_STAGE |          \
			UIOMMU_CAPA_AUTO_ANSWER | UIOMMU_CAPA_SECOND_STAGE |                       \
			UIOMMU_CAPA_NESTED | UIOMMU_CAPA_PAGE_TABLES |                            \
			UIOMMU_CAPA_CACHES_RIGHTS |                                               \
			UIOMMU_CAPA_PAGE_REQUESTS | (more),                                        \
		.spoils = vtd_spoils, .nb_spoils = ARRAY_COUNT(vtd_spoils), .encode = vtd_encode,  \
		.guest_table = vtd_guest_table, __VA_ARGS__                                        \
	}

/* ---------------------------------------------------------------- SMMUv3 */

/* Page request, S 8: StreamID 31:0, SubstreamID 51:32, Priv 58, X, R, W, Last, SSV 63. */
static void
smmuv3_encode(const struct uiommu_emu_request *req, uint64_t *entry)
{
	/* without SSV the SubstreamID is unknown, and X and Priv are 0 */
	entry[0] = req->endpoint_id | UINT64_C(0xabcde) << 32;
	if (req->pasid != UINT32_MAX)
		entry[0] = req->endpoint_id | (uint64_t)req->pasid << 32 |
			   (uint64_t)req->priv << 58 | (uint64_t)req->exec << 59 |
			   UINT64_C(1) << 63;
	entry[0] |= (uint64_t)req->read << 60 | (uint64_t)req->write << 61 |
		    (uint64_t)req->last << 62;
	entry[1] = req->prg_index | (req->iova & ~UINT64_C(0xfff));
}

/*
 * F_TRANSLATION, S 7.3.13: SSV 11, SubstreamID 31:12, StreamID 63:32; STAG 15:0, Stall 31, PnU 33,
 * InD 34, RnW 35, CLASS 41:40 (2: input address); the address.
 */
static void
smmuv3_encode_stall(const struct uiommu_emu_request *req, uint64_t *entry)
{
	bool has_pasid = req->pasid != UINT32_MAX;

	entry[0] = 0x10 | (uint64_t)has_pasid << 11 | (uint64_t)req->endpoint_id << 32;
	if (has_pasid)
		entry[0] |= (uint64_t)req->pasid << 12;
	entry[1] = req->prg_index | BIT(31) | (uint64_t)req->priv << 33 |
		   (uint64_t)req->exec << 34 | (uint64_t)req->read << 35 | UINT64_C(2) << 40;
	entry[2] = req->iova;
	entry[3] = 0;
}

#define RESERVED_HI(n) {"reserved bit 1:" #n, {0}, {0, BIT(n)}, true}

static const struct harness_spoil smmuv3_reserved = RESERVED(52);

static const struct harness_spoil smmuv3_spoils[] = {
	RESERVED(52), RESERVED(53), RESERVED(54), RESERVED(55), RESERVED(56), RESERVED(57),
	RESERVED_HI(9), RESERVED_HI(10), RESERVED_HI(11),
	{"everything clear", {UINT64_MAX, UINT64_MAX}, {0}, false},
	{"privileged", {0}, {BIT(58)}, true},
	{"execute and read", {0}, {BIT(59)}, true},
	/* of neither table: 48 bits each, one from 0 on and one to the end */
	{"address 0x0001000000000000", {0}, {0, BIT(48)}, true},
	{"address 0x8000000000000000", {0}, {0, BIT(63)}, true},
	{"address 0xfffe000000000000", {0}, {0, UINT64_C(0xfffe000000000000)}, true},
	/* with the last flag a stop marker, which is not answered either */
	{"no access", {BIT(60) | BIT(61)}, {0}, false},
};

#define SMMUV3(args, text, entries, more, ...)                                                     \
	{                                                                                          \
		.name = text, .driver = "smmuv3", .devargs = args, .entries_min = 128,             \
		.entries_max = entries, .entries_default = entries,                                \
		.queue_full = 0, .entry_size = 16, .reserved_pasid = 0, .sign_bits = 1,            \
		.small_commands = ",cmdq=512", .small_events = ",evtq=128", .events_min = 128,     \
		.refused = &smmuv3_reserved, .answers_no_access = true,                            \
		.has_memory_errors = true,                                                         \
		.counters = {                                                                      \
			.device_timeout = "_cerror_atc", .bad_command = "_cerror_ill",             \
			.given_up = "_cerror_given_up", .wild_index = "_wild_index",               \
			.command_abort = "_cerror_abt", .message_abort = "_msi_aborts",            \
			.storms = "_storms", .terminated = "_stalls_calmed",                       \
			.not_allowed = "_stalls_refused",                                          \
		},                                                                                 \
		.capa = UIOMMU_CAPA_PASID | UIOMMU_CAPA_DRAIN | UIOMMU_CAPA_FIRST_STAGE |          \
			UIOMMU_CAPA_PAGE_TABLES | UIOMMU_CAPA_PASSTHROUGH | UIOMMU_CAPA_STALL |    \
			UIOMMU_CAPA_CACHES_RIGHTS |                                                \
			(more),                                                                    \
		.spoils = smmuv3_spoils, .nb_spoils = ARRAY_COUNT(smmuv3_spoils),                  \
		.encode = smmuv3_encode, .encode_stall = smmuv3_encode_stall, .stall_size = 32,    \
		__VA_ARGS__                                                                        \
	}

/* ---------------------------------------------------------------- RISC-V */

/*
 * "Page-Request-Queue": PID 31:12, PV 32, PRIV 33, EXEC 34, DID 63:40; R, W, L, index 11:3, and the
 * address.
 */
static void
riscv_encode(const struct uiommu_emu_request *req, uint64_t *entry)
{
	/* without PV all of PID, PRIV and EXEC are 0 */
	entry[0] = (uint64_t)req->endpoint_id << 40;
	if (req->pasid != UINT32_MAX)
		entry[0] |= (uint64_t)req->pasid << 12 | BIT(32) | (uint64_t)req->priv << 33 |
			    (uint64_t)req->exec << 34;
	entry[1] = (uint64_t)req->read | (uint64_t)req->write << 1 | (uint64_t)req->last << 2 |
		   (uint64_t)req->prg_index << 3 | (req->iova & ~UINT64_C(0xfff));
}

static const struct harness_spoil riscv_reserved = RESERVED(0);

static const struct harness_spoil riscv_spoils[] = {
	RESERVED(0), RESERVED(1), RESERVED(2), RESERVED(3), RESERVED(4), RESERVED(5), RESERVED(6),
	RESERVED(7), RESERVED(8), RESERVED(9), RESERVED(10), RESERVED(11), RESERVED(35),
	RESERVED(36), RESERVED(37), RESERVED(38), RESERVED(39),
	{"everything clear", {UINT64_MAX, UINT64_MAX}, {0}, false},
	{"privileged", {0}, {BIT(33)}, true},
	{"execute and read", {0}, {BIT(34)}, true},
	/* canonical with 39 bits no more than with 57 */
	{"address 0x0100000000000000", {0}, {0, BIT(56)}, true},
	{"address 0x8000000000000000", {0}, {0, BIT(63)}, true},
	{"address 0xfe80000000000000", {0}, {0, UINT64_C(0xfe80000000000000)}, true},
	/* with L a stop marker, with a PASID or without */
	{"no access", {0, BIT(0) | BIT(1)}, {0}, false},
	{"no access, no PASID", {UINT64_C(0x1fffff000), BIT(0) | BIT(1)}, {0}, false},
};

#define RISCV(args, text, ...)                                                                     \
	{                                                                                          \
		.name = text, .driver = "riscv", .devargs = args, .entries_min = 128,              \
		.entries_max = 16384, .entries_default = 16384, .queue_full = 1,                   \
		.entry_size = 16, .reserved_pasid = 0, .small_commands = ",cq=2048",               \
		.small_events = ",fq=128", .events_min = 128, .refused = &riscv_reserved,          \
		.bare_markers = true, .refuses_endpoints = true, .merges_faults = true,            \
		.small_tables = true,                                                              \
		.counters = {                                                                      \
			.device_timeout = "_cmd_to", .bad_command = "_cmd_ill",                    \
			.given_up = "_given_up", .wild_index = "_wild_index",                      \
		},                                                                                 \
		.capa = UIOMMU_CAPA_PASID | UIOMMU_CAPA_DRAIN | UIOMMU_CAPA_FIRST_STAGE |          \
			UIOMMU_CAPA_PAGE_TABLES | UIOMMU_CAPA_PAGE_REQUESTS |                      \
			UIOMMU_CAPA_PASSTHROUGH | UIOMMU_CAPA_PASSTHROUGH_PASID |                  \
			UIOMMU_CAPA_CACHES_RIGHTS,                                                 \
		.spoils = riscv_spoils, .nb_spoils = ARRAY_COUNT(riscv_spoils),                    \
		.encode = riscv_encode, __VA_ARGS__                                                \
	}

/* --------------------------------------------------------------- iommufd */

/*
 * struct iommu_hwpt_pgfault: flags (PASID_VALID 0, LAST_PAGE 1), dev_id; pasid, grpid; perm (READ
 * 0, WRITE 1, EXEC 2, PRIV 3), reserved; addr; length, cookie. The model puts the device's id where
 * an endpoint id is.
 */
static void
iommufd_encode(const struct uiommu_emu_request *req, uint64_t *entry)
{
	bool has_pasid = req->pasid != UINT32_MAX;

	entry[0] = (uint64_t)has_pasid | (uint64_t)req->last << 1 |
		   (uint64_t)req->endpoint_id << 32;
	entry[1] = (has_pasid ? req->pasid : 0) | (uint64_t)req->prg_index << 32;
	entry[2] = (uint64_t)req->read | (uint64_t)req->write << 1 | (uint64_t)req->exec << 2 |
		   (uint64_t)req->priv << 3;
	entry[3] = req->iova;
	entry[4] = 0;
}

#define PERMISSION(n) {"permission bit " #n, {0}, {0, 0, BIT(n)}, true}

static const struct harness_spoil iommufd_permission = PERMISSION(4);

static const struct harness_spoil iommufd_spoils[] = {
	PERMISSION(4), PERMISSION(5), PERMISSION(16), PERMISSION(31),
};

#define IOMMUFD(args, text, more, less, ...)                                                       \
	{                                                                                          \
		.name = text, .driver = "iommufd", .devargs = args, .entries_min = 64,             \
		.entries_max = 65536, .entries_default = 65536, .reserved_pasid = 0,               \
		.small_commands = "", .small_events = "",                                          \
		.capa = UIOMMU_CAPA_DRAIN | UIOMMU_CAPA_AUTO_ANSWER | UIOMMU_CAPA_NESTED |         \
			UIOMMU_CAPA_PAGE_TABLES | UIOMMU_CAPA_PAGE_REQUESTS |                      \
			UIOMMU_CAPA_USER_MEMORY | (more),                                          \
		.entry_size = 40, .refused = &iommufd_permission,                                  \
		.lacks = HARNESS_NEEDS_PARKING | HARNESS_NEEDS_OVERFLOW |                          \
			 HARNESS_NEEDS_GROUPS_BY_PASID | HARNESS_NEEDS_LAST_WORD |                 \
			 HARNESS_NEEDS_COMMANDS | HARNESS_NEEDS_VF_REQUESTS |                      \
			 HARNESS_NEEDS_SWITCH | HARNESS_NEEDS_REPORTS |                            \
			 HARNESS_NEEDS_STOP_MARKERS | HARNESS_NEEDS_ANY_ADDRESS | (less),          \
		.sign_bits = 1, .one_table = true,                                                 \
		.queues_blocked = true,                                                            \
		.counters = {                                                                      \
			.dead_answers = "_dead_answers", .refused_answers = "_refused_answers",    \
		},                                                                                 \
		.spoils = iommufd_spoils, .nb_spoils = ARRAY_COUNT(iommufd_spoils),                \
		.guest_table = vtd_guest_table, __VA_ARGS__                                        \
	}

static const struct harness_unit units[] = {
	VTD("vtd,platform=emu", "vtd/emu",
	    UIOMMU_CAPA_PASSTHROUGH | UIOMMU_CAPA_PASSTHROUGH_PASID, .is_variant = false),
	/*
	 * Caching mode and device-TLB throttling on; five levels, implicit invalidations at SRTP,
	 * pass-through and RID_PASID off: as unlike the first one as a unit can be. Its devices
	 * confirm invalidations when something waits for them, and no sooner.
	 */
	VTD("vtd,platform=emu,cap_set=0x80,cap_clear=0xd000000000000000,"
	    "ecap_set=0x20000000000,ecap_clear=0x2000000000040,lazy=1",
	    "vtd/emu-caching", UIOMMU_CAPA_CACHES_ABSENT, .is_variant = true),
	SMMUV3("smmuv3,platform=emu", "smmuv3/emu", 16384,
	       UIOMMU_CAPA_PAGE_REQUESTS, .wide_ids = ",idr1=0x2739d18",
	       .has_messages = true),
	/*
	 * As unlike that as a unit can be: one-level tables for 15 bits of StreamID and 10 of
	 * SubstreamID (idr1), ASIDs of 8 bits, nothing kept up to date in tables, no MSI, accesses
	 * end in an abort only (idr0); automatic answers always with their PASID, no ranges
	 * (idr3), pages of 4 KiB only (idr5). Its devices confirm invalidations late.
	 */
	SMMUV3("smmuv3,platform=emu,idr0_clear=0x180830c0,idr0_set=0x4000000,idr1=0x14a628f,"
	       "idr3_set=0x20,idr3_clear=0x400,idr5_clear=0x60,lazy=1",
	       "smmuv3/emu-small", 4096, UIOMMU_CAPA_PAGE_REQUESTS, .is_variant = true),
	/* Neither page requests nor ATS: accesses that wait are all there is. */
	SMMUV3("smmuv3,platform=emu,idr0_clear=0x10400", "smmuv3/emu-stalls", 16384, 0,
	       .is_variant = true, .has_messages = true),
	RISCV("riscv,platform=emu", "riscv/emu", .wide_ids = ",did_bits=24"),
	/*
	 * As unlike that as a unit can be: contexts of 32 bytes in a directory of two levels, Sv39,
	 * 8 bits of PASID, no access and dirty marks by the unit, no ranges and nothing but leaves
	 * in invalidations, interrupts by wire. What stands between two fences is done backwards,
	 * and devices confirm invalidations late.
	 */
	RISCV("riscv,platform=emu,caps=0x6f12000210,ddt_levels=3,reorder=1,lazy=1",
	      "riscv/emu-small", .is_variant = true, .reorders = true),
	IOMMUFD("iommufd,platform=emu", "iommufd/emu", UIOMMU_CAPA_PASID, 0,
		.encode = iommufd_encode, .wide_ids = ",endpoint_bits=24"),
	/*
	 * A kernel that reads and replaces in other ways: a group that does not fit reads as none,
	 * a replace answers what is in the new table's queue alone, records show no flag of the
	 * kernel's own. And endpoints are spread over several queues.
	 */
	IOMMUFD("iommufd,platform=emu,old_read=1,quirk=1,leak_flags=0,queues=4",
		"iommufd/emu-quirks", UIOMMU_CAPA_PASID, 0, .encode = iommufd_encode,
		.is_variant = true),
	/* The kernel that runs here, with its mock devices: in a guest, see test/kernel. */
	IOMMUFD("iommufd,platform=emu,kernel=mock", "iommufd/mock", UIOMMU_CAPA_PASID,
		HARNESS_NEEDS_WHOLE_TABLE | HARNESS_NEEDS_GUEST_TABLES, .lone_requests = true,
		.needs_kernel = true),
	/* PASIDs are devices of their own, as they must be before Linux 6.15 */
	IOMMUFD("iommufd,platform=emu,kernel=mock,stand_ins=1", "iommufd/mock-stand-ins",
		UIOMMU_CAPA_PASID, HARNESS_NEEDS_WHOLE_TABLE | HARNESS_NEEDS_GUEST_TABLES,
		.lone_requests = true, .needs_kernel = true, .is_variant = true),
};

static size_t chosen;

const struct harness_unit *
harness_unit(void)
{
	return &units[chosen];
}

size_t
harness_unit_count(void)
{
	return ARRAY_COUNT(units);
}

void
harness_unit_choose(size_t index)
{
	chosen = index;
}

bool
harness_unit_find(const char *name, size_t *index)
{
	size_t i;

	for (i = 0; i < ARRAY_COUNT(units); i++) {
		if (strcmp(units[i].name, name) == 0) {
			*index = i;
			return true;
		}
	}
	return false;
}
