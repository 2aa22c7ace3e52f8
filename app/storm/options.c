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
	KIND_WORDS, /* several of choices, as bits */
	KIND_HELP,
	KIND_LIST,
	KIND_VERSION,
};

/* in the order of enum storm_source */
static const char *const source_names[] = {"pri", "stall", "both", NULL};
static const char *const handler_names[] = {"null", "count", "deliver", "sva", "map", NULL};
static const char *const stage_names[] = {"first", "second", NULL};
static const char *const backing_names[] = {"memory", "file", "anon", "callback", NULL};
static const char *const profile_names[] = {"uniform", "sequential", "zipf",
					    "hotspot", "burst",      NULL};
static const char *const judge_names[] = {"full", "light", NULL};
/* in the order of the bits STORM_CHURN_* */
static const char *const churn_names[] = {"detach", "replace", "remove", NULL};

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
#define WORDS(name, member, names) {name, KIND_WORDS, AT(member), 0, 0, names}
#define PLAIN(name, kind, member) {name, kind, AT(member), 0, 0, NULL}

static const struct spec specs[] = {
	PLAIN("unit", KIND_TEXT, unit),
	PLAIN("iommu", KIND_TEXT, iommu),
	CHOICE("source", source, source_names),
	NUMBER("storm-limit", KIND_U32, storm_limit, 1, 1e9),
	NUMBER("queue-entries", KIND_U32, queue_entries, 1, 1 << 20),
	NUMBER("burst", KIND_U32, burst, 1, STORM_BURST_MAX),
	CHOICE("handler", handler, handler_names),
	NUMBER("consumers", KIND_U32, consumers, 0, STORM_CONSUMERS_MAX),
	NUMBER("fault-queues", KIND_U32, fault_queues, 1, STORM_FAULT_QUEUES_MAX),
	NUMBER("depth", KIND_U32, depth, 1, STORM_SLOTS_MAX),
	PLAIN("sleep", KIND_FLAG, sleep),
	PLAIN("stuck", KIND_FLAG, stuck),
	CHOICE("stage", map.stage, stage_names),
	CHOICE("backing", map.backing, backing_names),
	PLAIN("large", KIND_FLAG, map.large),
	PLAIN("warm", KIND_FLAG, map.warm),
	NUMBER("fault-around", KIND_U32, map.around, 1, STORM_AROUND_MAX),
	PLAIN("access", KIND_FLAG, map.access),
	PLAIN("compare-around", KIND_FLAG, map.compare),
	NUMBER("budget-pages", KIND_U64, map.budget_pages, 1, STORM_BUDGET_MAX),
	PLAIN("data", KIND_FLAG, map.data),
	NUMBER("endpoints", KIND_U32, endpoints, 1, STORM_ENDPOINTS_MAX),
	NUMBER("pasids", KIND_U32, pasids, 1, STORM_PASIDS_MAX),
	NUMBER("domains", KIND_U32, domains, 1, STORM_DOMAINS_MAX),
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
	WORDS("churn-mode", churn_modes, churn_names),
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

/* "detach,remove": a bit for each word. */
static int
words_parse(const struct spec *spec, const char *text, uint32_t *to)
{
	uint32_t bits = 0;
	char word[16];
	const char *end;
	int bit;

	for (;; text = end + 1) {
		end = strchrnul(text, ',');
		if ((size_t)(end - text) >= sizeof(word))
			return -EINVAL;
		snprintf(word, sizeof(word), "%.*s", (int)(end - text), text);
		if (choice_parse(spec, word, &bit) < 0)
			return -EINVAL;
		bits |= UINT32_C(1) << bit;
		if (*end == '\0')
			break;
	}
	*to = bits;
	return 0;
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
	case KIND_WORDS:
		return words_parse(spec, text, to);
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
	else if (spec->choices != NULL) {
		for (i = 0; spec->choices[i] != NULL && used < sizeof(names); i++)
			used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
						 i == 0 ? "" : ", ", spec->choices[i]);
		talk("--%s %s: %s %s", spec->name, text,
		     spec->kind == KIND_CHOICE ? "not one of" : "wanted words of", names);
	} else if (spec->kind == KIND_GROUP_PAGES)
		talk("--group-pages %s: wanted A-B, such as 1-8", text);
	else if (spec->kind == KIND_CORES)
		talk("--cores %s: wanted two CPU numbers, such as 2,3", text);
	else if (spec->kind == KIND_TEXT)
		talk("--%s: empty", spec->name);
	else
		talk("--%s %s: not a number", spec->name, text);
}

/* Those that depend on other options are still 0: options_complete(). */
static void
defaults(struct storm_options *o)
{
	*o = (struct storm_options){
		.unit = "vtd",
		.burst = 64,
		.handler = STORM_HANDLER_COUNT,
		.consumers = OPTION_NOT_GIVEN,
		.map = {.stage = OPTION_NOT_GIVEN, .backing = OPTION_NOT_GIVEN},
		.traffic = {
			.profile = STORM_PROFILE_NOT_GIVEN,
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
		help_list(source_names, handler_names, profile_names);
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
	}
	if (optind < argc) {
		talk("%s: not an option; see --help", argv[optind]);
		return false;
	}
	return options_complete(o) == 0;
}

const char *
options_source_name(enum storm_source source)
{
	return source_names[source];
}

const char *
options_handler_name(enum storm_handler handler)
{
	return handler_names[handler];
}

const char *
options_stage_name(uint32_t stage)
{
	return stage_names[stage];
}

const char *
options_backing_name(uint32_t backing)
{
	return backing_names[backing];
}

const char *
options_churn_names(uint32_t modes, char *text, size_t size)
{
	size_t used = 0;
	int i;

	text[0] = '\0';
	for (i = 0; churn_names[i] != NULL && used < size; i++)
		if ((modes & UINT32_C(1) << i) != 0)
			used += (size_t)snprintf(text + used, size - used, "%s%s",
						 used == 0 ? "" : ",", churn_names[i]);
	return text;
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
