/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Random histories of page tables, done to the library and to a plain model.
 *
 *   test_pgtable_model [--seed N] [--steps N] [--format NAME]
 *
 * Each history has a seed of its own, which is printed if it fails; with that seed and its
 * format it is the first one that is run. Output is TAP, one line for each format and number of
 * levels, and one that says whether enough of everything has happened.
 */

#include <getopt.h>

#include "pgtable_history.h"

#define STEPS_DEFAULT 1050000
#define HISTORY_STEPS 3000
/* Fewer steps than that need not have seen everything. */
#define STEPS_FOR_EVENTS 50000
#define SEED_STRIDE UINT64_C(0x9e3779b97f4a7c15)

static const struct variant variants[] = {
	{"x86-first-4", UIOMMU_PGTABLE_X86_FIRST, 4, 12},
	{"x86-first-5", UIOMMU_PGTABLE_X86_FIRST, 5, 12},
	{"vtd-second-3", UIOMMU_PGTABLE_VTD_SECOND, 3, 12},
	{"vtd-second-4", UIOMMU_PGTABLE_VTD_SECOND, 4, 12},
	{"vtd-second-5", UIOMMU_PGTABLE_VTD_SECOND, 5, 12},
	{"arm-lpae-3", UIOMMU_PGTABLE_ARM_LPAE, 3, 12},
	{"arm-lpae-4", UIOMMU_PGTABLE_ARM_LPAE, 4, 12},
	{"arm-lpae-16k", UIOMMU_PGTABLE_ARM_LPAE, 4, 14},
	{"arm-lpae-64k", UIOMMU_PGTABLE_ARM_LPAE, 3, 16},
	{"riscv-sv39", UIOMMU_PGTABLE_RISCV, 3, 12},
	{"riscv-sv48", UIOMMU_PGTABLE_RISCV, 4, 12},
	{"riscv-sv57", UIOMMU_PGTABLE_RISCV, 5, 12},
};

#define NB_VARIANTS (sizeof(variants) / sizeof(variants[0]))

static const char *const event_names[NB_EVENTS] = {
	"no memory", "exists", "again", "split", "large", "upgrade", "tables freed",
	"translations reused", "dirty",
};

static uint64_t events[NB_EVENTS];

/* Histories of one variant. Returns whether all went well. */
static bool
run_variant(const struct variant *v, uint64_t seed, uint64_t steps, uint64_t *nb_histories)
{
	static struct history h;
	bool failed = false;
	uint64_t done = 0;
	uint32_t i;

	for (; done < steps && !failed; seed = seed * UINT64_C(6364136223846793005) + 1) {
		memset(&h, 0, sizeof(h));
		if (history_begin(&h, v, seed) < 0 || h.failed) {
			printf("# %s: history 0x%" PRIx64 " does not begin\n", v->name, seed);
			return false;
		}
		while (!h.failed && h.step < HISTORY_STEPS && done + h.step < steps)
			history_step(&h);
		history_end(&h);
		done += h.step;
		failed = h.failed;
		(*nb_histories)++;
		for (i = 0; i < NB_EVENTS; i++)
			events[i] += h.events[i];
	}
	return !failed;
}

static int
number_parse(const char *text, uint64_t *value)
{
	char *end;

	*value = strtoull(text, &end, 0);
	return *text < '0' || *text > '9' || *end != '\0' ? -1 : 0;
}

static int
usage(const char *program)
{
	fprintf(stderr, "usage: %s [--seed N] [--steps N] [--format NAME]\n", program);
	return 2;
}

static bool
report_events(uint64_t steps)
{
	bool enough = true;
	uint32_t i;

	printf("#");
	for (i = 0; i < NB_EVENTS; i++) {
		printf(" %s %" PRIu64 "%s", event_names[i], events[i],
		       i + 1 == NB_EVENTS ? "\n" : ",");
		enough = enough && (events[i] != 0 || steps < STEPS_FOR_EVENTS);
	}
	return enough;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{"seed", required_argument, NULL, 's'},
		{"steps", required_argument, NULL, 'n'},
		{"format", required_argument, NULL, 'f'},
		{NULL, 0, NULL, 0},
	};
	uint64_t seed = 1, steps = STEPS_DEFAULT, nb_histories = 0;
	uint32_t nb = 0, number = 0, i;
	const char *only = NULL;
	bool ok = true, all = true;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'f')
			only = optarg;
		else if (c == '?' || number_parse(optarg, c == 's' ? &seed : &steps) < 0)
			return usage(argv[0]);
	}
	for (i = 0; i < NB_VARIANTS; i++)
		nb += only == NULL || strcmp(only, variants[i].name) == 0;
	if (optind != argc || nb == 0)
		return usage(argv[0]);
	printf("1..%u\n# seed 0x%" PRIx64 ", %" PRIu64 " steps\n", nb + 1, seed, steps);
	for (i = 0; i < NB_VARIANTS; i++) {
		if (only != NULL && strcmp(only, variants[i].name) != 0)
			continue;
		/* a history of its own for each, unless one is asked for */
		ok = run_variant(&variants[i], only != NULL ? seed : seed + i * SEED_STRIDE,
				 steps / nb + 1, &nb_histories);
		all = all && ok;
		printf("%s %u - %s\n", ok ? "ok" : "not ok", ++number, variants[i].name);
		fflush(stdout);
	}
	printf("# %" PRIu64 " histories\n", nb_histories);
	ok = report_events(all ? steps : 0);
	printf("%s %u - enough has happened\n", ok ? "ok" : "not ok", ++number);
	return all && ok ? 0 : 1;
}
