/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "bench.h"

/* What the clock counts, as names of members have it. */
static const char *
measure(const struct bench *b)
{
	return b->o.icount ? "instructions" : "ns";
}

static void
point_print(const struct bench_point *p)
{
	const char *between = "; ";
	uint32_t i;

	if (p->missing) {
		printf("%-36s missing: %s\n", p->name, p->why);
		return;
	}
	printf("%-36s %10.2f %10.2f %10.2f %6.1f%%  a %s", p->name, p->median, p->min, p->max,
	       100 * p->spread, p->operation);
	for (i = 0; i < BENCH_AGAINST_MAX; i++) {
		if (p->ratio[i] <= 0)
			continue;
		printf("%s%.4f of %s", between, p->ratio[i], p->against[i]);
		between = ", ";
	}
	printf("\n");
}

int
report_print(const struct bench *b, uint32_t rounds)
{
	uint32_t in, i;

	printf("%u rounds, tables in %s, units: %s, %u CPUs; %s, medians; spread is between the "
	       "quartiles\n\n", rounds, b->hugepages ? "hugepages" : "small pages", b->o.unit,
	       b->nb_cpus, b->o.icount ? "instructions" : "nanoseconds");
	printf("%-36s %10s %10s %10s %7s\n", "", b->o.icount ? "instr." : "ns", "least", "most",
	       "spread");
	for (in = 0; in < NB_CASES; in++) {
		if ((b->o.cases & 1U << in) != 0)
			printf("\n");
		for (i = 0; i < b->nb_points; i++)
			if (b->points[i]->in == in)
				point_print(b->points[i]);
	}
	return fflush(stdout) == 0 && ferror(stdout) == 0 ? 0 : -EIO;
}

static int
file_open(const char *name, FILE **f)
{
	if (name == NULL)
		return 0;
	*f = strcmp(name, "-") == 0 ? stdout : fopen(name, "we");
	if (*f != NULL)
		return 0;
	talk("%s: %s", name, strerror(errno));
	return -EIO;
}

int
report_open(struct bench *b)
{
	int ret = file_open(b->o.csv, &b->csv);

	return ret != 0 ? ret : file_open(b->o.json, &b->json);
}

static int
file_close(FILE **f, const char *name)
{
	bool bad = ferror(*f) != 0 || fflush(*f) != 0;

	if (*f != stdout && fclose(*f) != 0)
		bad = true;
	*f = NULL;
	if (!bad)
		return 0;
	talk("%s: cannot be written", name);
	return -EIO;
}

void
report_close(struct bench *b)
{
	if (b->csv != NULL)
		file_close(&b->csv, b->o.csv);
	if (b->json != NULL)
		file_close(&b->json, b->o.json);
}

static const char *
format_of(const struct bench_point *p)
{
	return p->format == UINT32_MAX ? "" : uiommu_pgtable_format_name(p->format);
}

int
report_csv(struct bench *b, uint32_t rounds)
{
	uint32_t i, j;
	const char *what = measure(b);
	FILE *f = b->csv;

	fprintf(f, "case,name,format,leaf_bytes,operations,call,threads,rounds,%s,%s_min,%s_max,"
		   "spread,against_1,ratio_1,against_2,ratio_2\n", what, what, what);
	for (i = 0; i < b->nb_points; i++) {
		const struct bench_point *p = b->points[i];

		if (p->missing)
			continue;
		/* names have commas in them */
		fprintf(f, "%s,\"%s\",%s,%llu,%u,%u,%u,%u,%.3f,%.3f,%.3f,%.4f",
			points_case_name(p->in), p->name, format_of(p),
			(unsigned long long)p->leaf, p->nb, p->call, p->threads, rounds, p->median,
			p->min, p->max, p->spread);
		for (j = 0; j < BENCH_AGAINST_MAX; j++) {
			if (p->ratio[j] > 0)
				fprintf(f, ",\"%s\",%.5f", p->against[j], p->ratio[j]);
			else
				fprintf(f, ",,");
		}
		fprintf(f, "\n");
	}
	return file_close(&b->csv, b->o.csv);
}

static void
figure_json(json_t *o, const char *what, const char *suffix, double value)
{
	char name[32];

	snprintf(name, sizeof(name), "%s%s", what, suffix);
	json_object_set_new(o, name, json_real(value));
}

static json_t *
point_json(const struct bench_point *p, const char *what, uint32_t rounds)
{
	json_t *o = json_object(), *against = json_object(), *samples = json_array();
	uint32_t i;

	json_object_set_new(o, "case", json_string(points_case_name(p->in)));
	json_object_set_new(o, "name", json_string(p->name));
	json_object_set_new(o, "operation", json_string(p->operation));
	json_object_set_new(o, "format", json_string(format_of(p)));
	json_object_set_new(o, "leaf_bytes", json_integer((json_int_t)p->leaf));
	json_object_set_new(o, "operations", json_integer(p->nb));
	json_object_set_new(o, "call", json_integer(p->call));
	json_object_set_new(o, "threads", json_integer(p->threads));
	figure_json(o, what, "", p->median);
	figure_json(o, what, "_min", p->min);
	figure_json(o, what, "_max", p->max);
	json_object_set_new(o, "spread", json_real(p->spread));
	for (i = 0; i < BENCH_AGAINST_MAX; i++)
		if (p->ratio[i] > 0)
			json_object_set_new(against, p->against[i], json_real(p->ratio[i]));
	json_object_set_new(o, "ratio_to", against);
	for (i = 0; i < rounds; i++)
		json_array_append_new(samples, json_real(p->cost[i]));
	json_object_set_new(o, "samples", samples);
	return o;
}

int
report_json(struct bench *b, uint32_t rounds)
{
	json_t *root = json_object(), *points = json_array(), *missing = json_object();
	uint32_t i;
	int ret;

	json_object_set_new(root, "version", json_string(uiommu_version()));
	json_object_set_new(root, "rounds", json_integer(rounds));
	json_object_set_new(root, "cpus", json_integer(b->nb_cpus));
	json_object_set_new(root, "hugepages", json_boolean(b->hugepages));
	json_object_set_new(root, "pages", json_integer(b->o.pages));
	json_object_set_new(root, "unit", json_string(b->o.unit));
	json_object_set_new(root, "tables_mib", json_integer(b->o.tables_mib));
	json_object_set_new(root, "measured", json_string(b->o.icount ? "instructions" :
						       "nanoseconds"));
	for (i = 0; i < b->nb_points; i++) {
		const struct bench_point *p = b->points[i];

		if (p->missing)
			json_object_set_new(missing, p->name, json_string(p->why));
		else
			json_array_append_new(points, point_json(p, measure(b), rounds));
	}
	json_object_set_new(root, "missing", missing);
	json_object_set_new(root, "points", points);
	ret = json_dumpf(root, b->json, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
	fputc('\n', b->json);
	json_decref(root);
	return file_close(&b->json, b->o.json) != 0 || ret != 0 ? -EIO : 0;
}
