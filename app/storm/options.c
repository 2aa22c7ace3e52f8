/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <rte_common.h>

#include <uiommu.h>

#include "help.h"
#include "number.h"
#include "options.h"
#include "talk.h"

enum kind {
	KIND_FLAG,
	KIND_TEXT,
	KIND_U32,
	KIND_U64,
	KIND_RATIO,
	KIND_CHOICE, /* min and max unused; names in choices */
	KIND_GROUP_PAGES,
	KIND_CORES,
	KIND_HELP,
	KIND_LIST,
	KIND_VERSION,
};

static const char *const handler_names[] = {"null", "count", NULL};
static const char *const profile_names[] = {"uniform", "sequential", "zipf",
					    "hotspot", "burst",      NULL};
static const char *const judge_names[] = {"full", "light", NULL};

struct spec {
	const char *name;
	enum kind kind;
	size_t offset; /* in struct storm_options */
	double min, max;
	const char *const *choices;
};

#define AT(member) offsetof(struct storm_options, member)
#define NUMBER(name, kind, member, min, max) {name, kind, AT(member), min, max, NULL}
#define CHOICE(name, member, names) {name, KIND_CHOICE, AT(member), 0, 0, names}
#define PLAIN(name, kind, member) {name, kind, AT(member), 0, 0, NULL}

static const struct spec specs[] = {
	PLAIN("unit", KIND_TEXT, unit),
	PLAIN("iommu", KIND_TEXT, iommu),
	NUMBER("queue-entries", KIND_U32, queue_entries, 1, 1 << 20),
	NUMBER("burst", KIND_U32, burst, 1, STORM_BURST_MAX),
	CHOICE("handler", handler, handler_names),
	NUMBER("endpoints", KIND_U32, endpoints, 1, STORM_ENDPOINTS_MAX),
	NUMBER("pasids", KIND_U32, pasids, 1, STORM_PASIDS_MAX),
	NUMBER("domains", KIND_U32, domains, 1, 4096),
	PLAIN("group-pages", KIND_GROUP_PAGES, traffic),
	CHOICE("profile", traffic.profile, profile_names),
	NUMBER("write-ratio", KIND_RATIO, traffic.write_ratio, 0, 1),
	NUMBER("rate", KIND_U64, traffic.rate, 0, 1e12),
	NUMBER("window-pages", KIND_U64, traffic.window_pages, 1, 1e9),
	NUMBER("bad-ratio", KIND_RATIO, traffic.bad_ratio, 0, 1),
	PLAIN("overflow", KIND_FLAG, traffic.overflow),
	NUMBER("seed", KIND_U64, traffic.seed, 0, 1e18),
	CHOICE("judge", traffic.judge, judge_names),
	NUMBER("churn", KIND_U32, churn, 0, 100000),
	PLAIN("preload", KIND_FLAG, preload),
	NUMBER("duration", KIND_RATIO, duration_s, 0.01, 1e6),
	PLAIN("cores", KIND_CORES, cpu_fault),
	PLAIN("no-huge", KIND_FLAG, no_huge),
	PLAIN("exclusive", KIND_FLAG, exclusive),
	PLAIN("check-fast-path", KIND_FLAG, check_fast_path),
	PLAIN("no-bound", KIND_FLAG, no_bound),
	PLAIN("json", KIND_TEXT, json),
	PLAIN("quiet", KIND_FLAG, quiet),
	PLAIN("progress", KIND_FLAG, progress),
	{"help", KIND_HELP, 0, 0, 0, NULL},
	{"list", KIND_LIST, 0, 0, 0, NULL},
	{"version", KIND_VERSION, 0, 0, 0, NULL},
};

#define NB_SPECS RTE_DIM(specs)

static bool
takes_argument(enum kind kind)
{
	return kind != KIND_FLAG && kind < KIND_HELP;
}

static int
choice_parse(const struct spec *spec, const char *text, void *to)
{
	int i;

	for (i = 0; spec->choices[i] != NULL; i++) {
		if (strcmp(text, spec->choices[i]) == 0) {
			*(int *)to = i;
			return 0;
		}
	}
	return -EINVAL;
}

/* "F,M": the CPU of the fault lcore and the CPU of the model. */
static int
cores_parse(const char *text, struct storm_options *o)
{
	const char *comma = strchr(text, ',');
	uint64_t fault, model;
	char first[16];
	int ret;

	if (comma == NULL || (size_t)(comma - text) >= sizeof(first))
		return -EINVAL;
	snprintf(first, sizeof(first), "%.*s", (int)(comma - text), text);
	ret = number_parse(first, 0, 65535, &fault);
	if (ret == 0)
		ret = number_parse(comma + 1, 0, 65535, &model);
	if (ret < 0)
		return ret;
	o->cpu_fault = (int)fault;
	o->cpu_model = (int)model;
	return 0;
}

static int
value_parse(const struct spec *spec, const char *text, struct storm_options *o)
{
	void *to = (char *)o + spec->offset;
	uint64_t n;
	int ret;

	switch (spec->kind) {
	case KIND_FLAG:
		*(bool *)to = true;
		return 0;
	case KIND_TEXT:
		*(const char **)to = text;
		return text[0] == '\0' ? -EINVAL : 0;
	case KIND_U32:
		ret = number_parse(text, (uint64_t)spec->min, (uint64_t)spec->max, &n);
		if (ret == 0)
			*(uint32_t *)to = (uint32_t)n;
		return ret;
	case KIND_U64:
		return number_parse(text, (uint64_t)spec->min, (uint64_t)spec->max, to);
	case KIND_RATIO:
		return ratio_parse(text, spec->min, spec->max, to);
	case KIND_CHOICE:
		return choice_parse(spec, text, to);
	case KIND_GROUP_PAGES:
		return range_parse(text, 1, 256, &o->traffic.group_pages_min,
				   &o->traffic.group_pages_max);
	case KIND_CORES:
		return cores_parse(text, o);
	default:
		return -EINVAL;
	}
}

static void
bad_value(const struct spec *spec, const char *text, int ret)
{
	char names[128] = "";
	size_t used = 0;
	int i;

	if (ret == -ERANGE && spec->kind == KIND_GROUP_PAGES)
		talk("--group-pages %s: wanted A-B with 1 <= A <= B <= 256", text);
	else if (ret == -ERANGE && spec->kind != KIND_CORES)
		talk("--%s %s: out of range, %.12g to %.12g", spec->name, text, spec->min,
		     spec->max);
	else if (spec->kind == KIND_CHOICE) {
		for (i = 0; spec->choices[i] != NULL && used < sizeof(names); i++)
			used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
						 i == 0 ? "" : ", ", spec->choices[i]);
		talk("--%s %s: not one of %s", spec->name, text, names);
	} else if (spec->kind == KIND_GROUP_PAGES)
		talk("--group-pages %s: wanted A-B, such as 1-8", text);
	else if (spec->kind == KIND_CORES)
		talk("--cores %s: wanted two CPU numbers, such as 2,3", text);
	else if (spec->kind == KIND_TEXT)
		talk("--%s: empty", spec->name);
	else
		talk("--%s %s: not a number", spec->name, text);
}

static bool
power_of_two(uint32_t n)
{
	return (n & (n - 1)) == 0;
}

/* What fits together, and defaults that depend on other options. */
static int
check(struct storm_options *o, bool endpoints_given, bool pasids_given)
{
	if (!endpoints_given)
		o->endpoints = RTE_MIN(o->endpoints, o->pasids);
	else if (!pasids_given)
		o->pasids = RTE_MAX(o->endpoints, o->pasids);
	if (o->pasids < o->endpoints) {
		talk("--pasids %u: fewer than the %u endpoints, which have at least one each",
		     o->pasids, o->endpoints);
		return -EINVAL;
	}
	if ((o->pasids + o->endpoints - 1) / o->endpoints > UIOMMU_EMU_PASIDS_MAX) {
		talk("--pasids %u: more than %u for an endpoint", o->pasids,
		     UIOMMU_EMU_PASIDS_MAX);
		return -EINVAL;
	}
	if (o->domains > o->pasids) {
		talk("--domains %u: more than the %u PASIDs", o->domains, o->pasids);
		return -EINVAL;
	}
	if (o->queue_entries != 0 && !power_of_two(o->queue_entries)) {
		talk("--queue-entries %u: not a power of two", o->queue_entries);
		return -EINVAL;
	}
	if (o->preload && (o->churn != 0 || o->traffic.overflow || o->traffic.rate != 0)) {
		talk("--preload does not go with --churn, --overflow or --rate");
		return -EINVAL;
	}
	if (o->cpu_fault >= 0 && o->cpu_fault == o->cpu_model) {
		talk("--cores %d,%d: two different CPUs are needed", o->cpu_fault, o->cpu_model);
		return -EINVAL;
	}
	return 0;
}

static void
defaults(struct storm_options *o)
{
	*o = (struct storm_options){
		.unit = "vtd",
		.burst = 64,
		.handler = STORM_HANDLER_COUNT,
		.endpoints = 16,
		.pasids = 64,
		.domains = 1,
		.traffic = {
			.group_pages_min = 1,
			.group_pages_max = 1,
			.write_ratio = 0.5,
			.seed = 1,
		},
		.duration_s = 10,
		.cpu_fault = -1,
		.cpu_model = -1,
	};
}

static bool
finish(enum kind kind)
{
	switch (kind) {
	case KIND_HELP:
		help_print();
		return true;
	case KIND_LIST:
		help_list(handler_names, profile_names);
		return true;
	case KIND_VERSION:
		help_version();
		return true;
	default:
		return false;
	}
}

bool
options_parse(int argc, char **argv, struct storm_options *o, int *exit_code)
{
	struct option longs[NB_SPECS + 1] = {{0}};
	bool endpoints_given = false, pasids_given = false;
	int c, index, ret;
	size_t i;

	for (i = 0; i < NB_SPECS; i++) {
		longs[i].name = specs[i].name;
		longs[i].has_arg = takes_argument(specs[i].kind) ? required_argument : no_argument;
		longs[i].val = 256 + (int)i;
	}
	defaults(o);
	*exit_code = STORM_USAGE;
	opterr = 0;
	optind = 1;
	while ((c = getopt_long(argc, argv, ":h", longs, NULL)) != -1) {
		if (c == ':' || c == '?') {
			talk(c == ':' ? "%s: value missing" :
					"%s: no such option, or one without a value; see --help",
			     argv[optind - 1]);
			return false;
		}
		index = c == 'h' ? -1 : c - 256;
		if (index < 0 || finish(specs[index].kind)) {
			if (index < 0)
				help_print();
			*exit_code = fflush(stdout) == 0 && ferror(stdout) == 0 ? STORM_OK
									   : STORM_FAILED;
			return false;
		}
		ret = value_parse(&specs[index], optarg, o);
		if (ret < 0) {
			bad_value(&specs[index], optarg, ret);
			return false;
		}
		endpoints_given |= strcmp(specs[index].name, "endpoints") == 0;
		pasids_given |= strcmp(specs[index].name, "pasids") == 0;
	}
	if (optind < argc) {
		talk("%s: not an option; see --help", argv[optind]);
		return false;
	}
	return check(o, endpoints_given, pasids_given) == 0;
}

const char *
options_handler_name(enum storm_handler handler)
{
	return handler_names[handler];
}

const char *
options_profile_name(enum uiommu_emu_profile profile)
{
	return profile_names[profile];
}

const char *
options_judge_name(enum uiommu_emu_judge judge)
{
	return judge_names[judge];
}
