/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include "bench.h"

/*
 * @param nb_cpus that may be used
 * @return whether to go on; else *exit_code, and why not was told
 */
bool
options_parse(int argc, char **argv, uint32_t nb_cpus, struct bench_options *o, int *exit_code);

void
help_print(void);
void
help_list(void);

#endif /* BENCH_OPTIONS_H */
