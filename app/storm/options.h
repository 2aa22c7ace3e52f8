/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STORM_OPTIONS_H
#define STORM_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <uiommu_emu.h>

#define STORM_ENDPOINTS_MAX 4096
#define STORM_PASIDS_MAX (1024 * 1024)
#define STORM_BURST_MAX 512

/* Exit codes. */
#define STORM_OK 0
#define STORM_FAILED 1
#define STORM_USAGE 2

enum storm_handler {
	STORM_HANDLER_NULL = 0,
	STORM_HANDLER_COUNT,
};

struct storm_options {
	/* unit */
	const char *unit;  /* name of a driver; its emulation is probed */
	const char *iommu; /* devargs; NULL: made from unit */
	uint32_t queue_entries; /* 0: the unit's maximum */
	uint32_t burst;
	enum storm_handler handler;
	/* devices */
	uint32_t endpoints;
	uint32_t pasids; /* all endpoints together */
	uint32_t domains;
	/* traffic */
	struct uiommu_emu_traffic traffic;
	uint32_t churn; /* detach and attach, times per second */
	bool preload;
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

const char *
options_handler_name(enum storm_handler handler);

const char *
options_profile_name(enum uiommu_emu_profile profile);

const char *
options_judge_name(enum uiommu_emu_judge judge);

#endif /* STORM_OPTIONS_H */
