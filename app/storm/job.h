/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STORM_JOB_H
#define STORM_JOB_H

/* Work for a worker lcore: rte_eal_remote_launch() and rte_eal_wait_lcore(), with errors told. */

typedef int (*job_function_t)(void *arg);

/* 0, or -errno after one line on stderr. */
int
job_start(unsigned int lcore, job_function_t function, void *arg);

/* Wait for the end of an lcore's job and return its result; 0 at once where there is none. */
int
job_wait(unsigned int lcore);

#endif /* STORM_JOB_H */
