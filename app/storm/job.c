/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <stdint.h>

#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include "job.h"
#include "talk.h"

struct job {
	job_function_t function;
	void *arg;
	uint32_t ended; /* atomic */
};

static struct job jobs[RTE_MAX_LCORE];

static int
job_main(void *arg)
{
	struct job *job = arg;
	int ret = job->function(job->arg);

	/* pairs with the acquire load in job_wait() */
	__atomic_store_n(&job->ended, 1, __ATOMIC_RELEASE);
	return ret;
}

int
job_start(unsigned int lcore, job_function_t function, void *arg)
{
	struct job *job = &jobs[lcore];
	int ret = -EBUSY;

	if (rte_eal_get_lcore_state(lcore) == WAIT) {
		*job = (struct job){.function = function, .arg = arg};
		ret = rte_eal_remote_launch(job_main, job, lcore);
	}
	if (ret < 0)
		talk("lcore %u cannot be launched: %s", lcore, rte_strerror(-ret));
	return ret;
}

int
job_wait(unsigned int lcore)
{
	int ret = rte_eal_wait_lcore(lcore);

	/* says once more, where ThreadSanitizer sees it, what the EAL has made sure of */
	(void)__atomic_load_n(&jobs[lcore].ended, __ATOMIC_ACQUIRE);
	return ret;
}
