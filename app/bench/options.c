/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

#define QUICK_PAGES 4096
#define QUICK_TABLES_MIB 4
#define QUICK_ROUNDS 2
#define ALL(nb) ((uint32_t)((UINT64_C(1) << (nb)) - 1))

enum {
	OPT_CASE = 256,
	OPT_FORMAT,
	OPT_PAGES,
	OPT_TABLES_MIB,
	OPT_THREADS,
	OPT_ROUNDS,
	OPT_UNIT,
	OPT_ICOUNT,
	OPT_QUICK,
	OPT_CSV,
	OPT_JSON,
	OPT_QUIET,
	OPT_LIST,
	OPT_VERSION,
};

static const struct option longs[] = {
	{"case", required_argument, NULL, OPT_CASE},
	{"format", required_argument, NULL, OPT_FORMAT},
	{"pages", required_argument, NULL, OPT_PAGES},
	{"tables-mib", required_argument, NULL, OPT_TABLES_MIB},
	{"threads", required_argument, NULL, OPT_THREADS},
	{"rounds", required_argument, NULL, OPT_ROUNDS},
	{"unit", required_argument, NULL, OPT_UNIT},
	{"icount", no_argument, NULL, OPT_ICOUNT},
	{"quick", no_argument, NULL, OPT_QUICK},
	{"csv", required_argument, NULL, OPT_CSV},
	{"json", required_argument, NULL, OPT_JSON},
	{"quiet", no_argument, NULL, OPT_QUIET},
	{"list", no_argument, NULL, OPT_LIST},
	{"version", no_argument, NULL, OPT_VERSION},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

/* To the last character; k, M and G multiply by 1000 each. */
static int
number_parse(const char *name, const char *text, uint64_t min, uint64_t max, uint32_t *value)
{
	static const char suffixes[] = "kMG";
	const char *suffix;
	uint64_t n;
	char *end;

	errno = 0;
	n = isdigit((unsigned char)text[0]) ? strtoull(text, &end, 10) : 0;
	if (!isdigit((unsigned char)text[0]) || errno == EINVAL)
		goto bad;
	suffix = *end == '\0' ? NULL : strchr(suffixes, *end);
	if ((*end != '\0' && suffix == NULL) || (suffix != NULL && end[1] != '\0'))
		goto bad;
	for (; suffix != NULL && suffix >= suffixes && n <= max; suffix--)
		n *= 1000;
	if (errno == ERANGE || n < min || n > max) {
		talk("--%s %s: out of range, %llu to %llu", name, text, (unsigned long long)min,
		     (unsigned long long)max);
		return -ERANGE;
	}
	*value = (uint32_t)n;
	return 0;
bad:
	talk("--%s %s: not a number", name, text);
	return -EINVAL;
}

static const char *
case_name(uint32_t i)
{
	return points_case_name((enum bench_case)i);
}

/* "map,walk": a bit for each word. */
static int
words_parse(const char *option, const char *text, const char *(*name)(uint32_t i), uint32_t nb,
	    uint32_t *bits)
{
	const char *at = text, *end;
	uint32_t i;

	*bits = strcmp(text, "all") == 0 ? ALL(nb) : 0;
	for (; *bits != ALL(nb) || strcmp(text, "all") != 0; at = end + 1) {
		end = strchrnul(at, ',');
		for (i = 0; i < nb; i++)
			if (strlen(name(i)) == (size_t)(end - at) &&
			    strncmp(name(i), at, (size_t)(end - at)) == 0)
				break;
		if (i == nb) {
			talk("--%s %s: no such word; see --list", option, text);
			return -EINVAL;
		}
		*bits |= 1U << i;
		if (*end == '\0')
			break;
	}
	return 0;
}

static int
text_take(const char *option, const char *text, const char **to)
{
	if (text[0] == '\0') {
		talk("--%s: empty", option);
		return -EINVAL;
	}
	*to = text;
	return 0;
}

static int
take(int option, const char *text, struct bench_options *o)
{
	switch (option) {
	case OPT_CASE:
		return words_parse("case", text, case_name, NB_CASES, &o->cases);
	case OPT_FORMAT:
		return words_parse("format", text, uiommu_pgtable_format_name,
				   UIOMMU_PGTABLE_FORMATS, &o->formats);
	case OPT_PAGES:
		return number_parse("pages", text, 512, 1 << 20, &o->pages);
	case OPT_TABLES_MIB:
		return number_parse("tables-mib", text, 1, 1024, &o->tables_mib);
	case OPT_THREADS:
		return number_parse("threads", text, 1, BENCH_THREADS_MAX, &o->threads);
	case OPT_ROUNDS:
		return number_parse("rounds", text, 1, BENCH_ROUNDS_MAX, &o->rounds);
	case OPT_ICOUNT:
		o->icount = true;
		return 0;
	case OPT_QUICK:
		o->quick = true;
		return 0;
	case OPT_QUIET:
		o->quiet = true;
		return 0;
	case OPT_UNIT:
		return text_take("unit", text, &o->unit);
	case OPT_CSV:
		return text_take("csv", text, &o->csv);
	default:
		return text_take("json", text, &o->json);
	}
}

/* What was not given. */
static int
complete(struct bench_options *o, uint32_t nb_cpus)
{
	if (o->pages == 0)
		o->pages = o->quick ? QUICK_PAGES : 65536;
	if (o->tables_mib == 0)
		o->tables_mib = o->quick ? QUICK_TABLES_MIB : 64;
	if (o->rounds == 0)
		o->rounds = o->quick ? QUICK_ROUNDS : 11;
	if (o->threads == 0)
		o->threads = nb_cpus < BENCH_THREADS_MAX ? nb_cpus : BENCH_THREADS_MAX;
	if (o->pages % 512 != 0) {
		talk("--pages %u: no multiple of 512", o->pages);
		return -EINVAL;
	}
	if (o->csv != NULL && o->json != NULL && strcmp(o->csv, "-") == 0 &&
	    strcmp(o->json, "-") == 0) {
		talk("--csv and --json: both to stdout");
		return -EINVAL;
	}
	return 0;
}

static int
answer(int question)
{
	if (question == 'h')
		help_print();
	else if (question == OPT_LIST)
		help_list();
	else
		printf("uiommu-bench %s\n", uiommu_version());
	return fflush(stdout) == 0 && ferror(stdout) == 0 ? BENCH_OK : BENCH_FAILED;
}

bool
options_parse(int argc, char **argv, uint32_t nb_cpus, struct bench_options *o, int *exit_code)
{
	int c;

	*o = (struct bench_options){.cases = ALL(NB_CASES),
				    .formats = 1U << UIOMMU_PGTABLE_X86_FIRST,
				    .unit = "vtd"};
	*exit_code = BENCH_USAGE;
	opterr = 0;
	optind = 1;
	while ((c = getopt_long(argc, argv, ":h", longs, NULL)) != -1) {
		if (c == ':' || c == '?') {
			talk(c == ':' ? "%s: value missing" :
					"%s: no such option, or one without a value; see --help",
			     argv[optind - 1]);
			return false;
		}
		if (c == 'h' || c == OPT_LIST || c == OPT_VERSION) {
			*exit_code = answer(c);
			return false;
		}
		if (take(c, optarg, o) != 0)
			return false;
	}
	if (optind < argc) {
		talk("%s: not an option; see --help", argv[optind]);
		return false;
	}
	return complete(o, nb_cpus) == 0;
}
