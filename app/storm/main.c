/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "bound.h"
#include "consumers.h"
#include "devices.h"
#include "options.h"
#include "report.h"
#include "result.h"
#include "roundtrip.h"
#include "run.h"
#include "storm.h"
#include "talk.h"
#include "unit.h"

static int interrupted;

bool
storm_interrupted(void)
{
	return __atomic_load_n(&interrupted, __ATOMIC_RELAXED) != 0;
}

bool
storm_defers(const struct storm *s)
{
	return s->o.handler == STORM_HANDLER_SVA || s->delivery.nb != 0;
}

static void
on_signal(int number)
{
	__atomic_store_n(&interrupted, number, __ATOMIC_RELAXED);
}

static void
signals_set(sigset_t *both)
{
	/* once: whoever asks a second time means it */
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

	sigemptyset(both);
	sigaddset(both, SIGINT);
	sigaddset(both, SIGTERM);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

/* Devices can be told their PASID only now that it is bound; the model must not run meanwhile. */
static int
plug_late(struct storm *s)
{
	int ret, ret2;

	if (s->o.handler != STORM_HANDLER_SVA)
		return 0;
	model_lcore_halt(&s->model, s->eal.lcore_model);
	ret = devices_plug(s);
	ret2 = model_lcore_launch(&s->model, s->eal.lcore_model);
	return ret < 0 ? ret : ret2;
}

/* With the model running: the storm, between start and stop of the unit. */
static int
storm_on_unit(struct storm *s, struct storm_result *r)
{
	int ret, ret2;

	ret = unit_start(s);
	if (ret == 0)
		ret = plug_late(s);
	if (ret == 0)
		ret = map_warm(s);
	if (ret == 0)
		ret = run_storm(s, &r->run);
	if (ret == 0)
		ret = result_make(s, r);
	ret2 = unit_stop(s);
	return ret < 0 ? ret : ret2;
}

/* The unit and the model around it. */
static int
storm_with_model(struct storm *s, struct storm_result *r)
{
	int ret;

	ret = unit_open(s);
	if (ret < 0)
		goto close;
	s->model.emu = s->emu;
	ret = model_lcore_launch(&s->model, s->eal.lcore_model);
	if (ret < 0)
		goto close;
	ret = storm_on_unit(s, r);
	model_lcore_halt(&s->model, s->eal.lcore_model);
	if (!s->o.preload && !r->run.map.settled)
		r->run.model_usage = s->model.usage;
close:
	unit_close(s);
	return ret;
}

/* The same storm before, but that only what is asked for is mapped. */
static int
storm_of_single_pages(struct storm *s, struct storm_result *r)
{
	const uint32_t around = s->o.map.around;
	struct storm_result single = {0};
	int ret;

	s->o.map.around = 1;
	ret = storm_with_model(s, &single);
	if (ret == 0) {
		result_judge(s, &single);
		result_map_single(r, &single);
	}
	result_free(&single);
	s->o.map.around = around;
	return ret;
}

static void
bound_of(const struct storm *s, struct storm_result *r)
{
	struct bound_conf conf = {
		.lcore_copy = s->eal.lcore_fault,
		.lcore_model = s->eal.lcore_model,
		.ring_entries = s->info.queue_entries,
		.burst = s->o.burst,
	};
	int ret;

	if (s->o.no_bound || storm_interrupted())
		return;
	conf.nb_sources = source_entries(s->o.source, s->kind, conf.sources);
	ret = bound_measure(&conf, &r->bound);
	if (ret < 0)
		talk("the bound cannot be measured: %s", strerror(-ret));
	r->has_bound = ret == 0;
}

static int
storm(struct storm *s)
{
	unsigned int a = s->eal.lcore_fault, b = s->eal.lcore_model;
	struct storm_result r = {0};
	FILE *json = NULL;
	int ret;

	if (s->o.json != NULL) {
		json = json_open(s->o.json);
		if (json == NULL)
			return STORM_FAILED;
	}
	r.round_trip_before_ns = roundtrip_measure(a, b);
	ret = s->o.map.compare ? storm_of_single_pages(s, &r) : 0;
	if (ret == 0)
		ret = storm_with_model(s, &r);
	if (ret == 0) {
		r.round_trip_after_ns = roundtrip_measure(a, b);
		bound_of(s, &r);
		result_judge(s, &r);
		if (!s->o.quiet && json != stdout)
			report_print(s, &r);
		if (json != NULL)
			ret = json_write(s, &r, json);
	} else if (json != NULL && json != stdout) {
		fclose(json);
	}
	result_free(&r);
	/* their figures are in the report */
	consumers_close(s);
	if (ret < 0)
		return ret == -EINVAL ? STORM_USAGE : STORM_FAILED;
	return r.exit_code;
}

int
main(int argc, char **argv)
{
	int eal_argc, own_argc, exit_code;
	struct storm s = {.dev_id = -1};
	char **own_argv;
	sigset_t both;

	eal_split(argc, argv, &eal_argc, &own_argc, &own_argv);
	if (!options_parse(own_argc, own_argv, &s.o, &exit_code))
		return exit_code;
	/* threads inherit the mask: signals come to the control thread only */
	signals_set(&both);
	pthread_sigmask(SIG_BLOCK, &both, NULL);
	exit_code = eal_start(&s.o, eal_argc, argv, &s.eal);
	if (exit_code != STORM_OK)
		return exit_code;
	pthread_sigmask(SIG_UNBLOCK, &both, NULL);
	/* churn keeps its pace by short sleeps; the usual slack of 50 us is long for them */
	prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
	exit_code = storm(&s);
	if (fflush(stdout) != 0 || ferror(stdout) != 0)
		exit_code = STORM_FAILED;
	eal_stop();
	return exit_code;
}
