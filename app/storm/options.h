/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STORM_OPTIONS_H
#define STORM_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uiommu_emu.h>

#include "source.h"

#define STORM_ENDPOINTS_MAX 4096
#define STORM_PASIDS_MAX (1024 * 1024)
#define STORM_BURST_MAX 512
#define STORM_DOMAINS_MAX 4096
#define STORM_CONSUMERS_MAX 16
#define STORM_FAULT_QUEUES_MAX 1024
/* Groups that may wait for an answer by cookie, all fault queues together. */
#define STORM_SLOTS_MAX 65536

/* Pages that are mapped around a fault, and that may be resident in all domains together. */
#define STORM_AROUND_MAX 512
#define STORM_BUDGET_MAX (16 * 1024 * 1024)

/* Exit codes. */
#define STORM_OK 0
#define STORM_FAILED 1
#define STORM_USAGE 2

enum storm_handler {
	STORM_HANDLER_NULL = 0,
	STORM_HANDLER_COUNT,
	STORM_HANDLER_DELIVER,
	STORM_HANDLER_SVA,
	STORM_HANDLER_MAP,
};

/* Ways in which bonds come and go, bits. */
#define STORM_CHURN_DETACH (1U << 0)
#define STORM_CHURN_REPLACE (1U << 1)
#define STORM_CHURN_REMOVE (1U << 2)

/* What is behind the windows of --handler map; in the order of enum uiommu_backing_type. */
enum storm_backing {
	STORM_BACKING_MEMORY = 0,
	STORM_BACKING_FILE,
	STORM_BACKING_ANON,
	STORM_BACKING_CALLBACK,
};

/* Of --handler map. */
struct map_options {
	uint32_t stage;          /* 0: first, 1: second; OPTION_NOT_GIVEN */
	uint32_t backing;        /* enum storm_backing; OPTION_NOT_GIVEN */
	uint32_t around;         /* pages that are mapped around a fault; 0: none */
	uint64_t budget_pages;   /* of all domains; 0: none */
	bool large;              /* backing of 2 MiB pages */
	bool warm;               /* everything is mapped before it is measured */
	bool access;             /* devices use addresses */
	bool data;               /* and keep something there */
	bool compare;            /* the same before with single pages */
};

struct storm_options {
	/* unit */
	const char *unit;  /* name of a driver; its emulation is probed */
	const char *iommu; /* devargs; NULL: made from unit */
	enum storm_source source;
	uint32_t storm_limit;   /* stalls a second of an endpoint, for the driver; 0: none */
	uint32_t queue_entries; /* 0: the unit's maximum */
	uint32_t burst;
	enum storm_handler handler;
	/* who answers what the fault lcore hands over */
	uint32_t consumers;    /* threads; of the storm, or with sva of the library */
	uint32_t fault_queues; /* that the domains share, the stuck one apart */
	uint32_t depth;        /* of each; 0: as many groups as can be outstanding */
	bool sleep;
	bool stuck;
	/* devices */
	uint32_t endpoints;
	uint32_t pasids; /* bonds: all endpoints together; with sva, one for each endpoint */
	uint32_t domains; /* the stuck one apart */
	/* traffic */
	struct uiommu_emu_traffic traffic;
	uint32_t churn;       /* bonds that change, times per second */
	uint32_t churn_modes; /* STORM_CHURN_* */
	bool preload;
	struct map_options map;
	/* run */
	double duration_s;
	int cpu_fault, cpu_model; /* -1: chosen by the program */
	bool no_huge;
	bool exclusive;
	bool check_fast_path;
	bool no_bound;
	/* output */
	const char *json; /* file, "-" for stdout, NULL for none */
	bool quiet;
	bool progress; /* lines even where stderr is no terminal */
};

/*
 * Reads the program's own arguments (argv[0] is its name). Returns true where the storm is to
 * run; else *exit_code says how to end: after --help, --list, --version, or with
 * STORM_USAGE after one line on stderr.
 */
bool
options_parse(int argc, char **argv, struct storm_options *o, int *exit_code);

/*
 * Fills in the defaults that depend on other options and checks what fits together. 0, or
 * -EINVAL after one line on stderr.
 */
int
options_complete(struct storm_options *o);

/* PASID numbers in use: with sva one, on all endpoints. */
uint32_t
options_pasids(const struct storm_options *o);

/* Text of STORM_CHURN_* bits, "detach,remove". */
const char *
options_churn_names(uint32_t modes, char *text, size_t size);

/* Not given on the command line, where 0 is a value. */
#define OPTION_NOT_GIVEN UINT32_MAX
#define STORM_PROFILE_NOT_GIVEN ((enum uiommu_emu_profile)(UIOMMU_EMU_BURST + 1))

/* As options_complete(), of --handler map; devices are known. In options_map.c. */
int
options_map_complete(struct storm_options *o);

/* Whether the storm is over when all pages are there: devices ask no more. */
bool
options_map_ends(const struct storm_options *o);

const char *
options_stage_name(uint32_t stage);

const char *
options_backing_name(uint32_t backing);

const char *
options_source_name(enum storm_source source);

const char *
options_handler_name(enum storm_handler handler);

const char *
options_profile_name(enum uiommu_emu_profile profile);

const char *
options_judge_name(enum uiommu_emu_judge judge);

#endif /* STORM_OPTIONS_H */
