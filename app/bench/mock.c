/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <uiommu_iommufd.h>

#include "mock.h"

#define CONTEXT_PATH "/dev/iommu"
#define TABLE_PAGES 64

static bool
driver_is_built(void)
{
	uint32_t i;

	for (i = 0; uiommu_driver_name(i) != NULL; i++)
		if (strcmp(uiommu_driver_name(i), "iommufd") == 0)
			return true;
	return false;
}

int
mock_open(struct bench *b, const struct unit_conf *conf, struct bench_unit *u)
{
	int ret;

	if (!driver_is_built())
		return bench_missing(b, "built without the driver");
	/* what most machines lack is no error that a driver would have to tell of */
	if (access(CONTEXT_PATH, R_OK | W_OK) != 0)
		return bench_missing(b, CONTEXT_PATH ": %s", strerror(errno));
	ret = unit_open(b, conf, u);
	if (ret == -ENODEV)
		return bench_missing(b, "the kernel has no mock device (CONFIG_IOMMUFD_TEST)");
	if (ret == -ENOTSUP)
		return bench_missing(b, "no fault queue (Linux 6.11), or no io_uring");
	return ret;
}

int
mock_open_plain(struct bench *b, struct bench_unit *u, int *queue_fd)
{
	const struct unit_conf conf = {.devargs = MOCK_PLAIN_DEVARGS, .emulated = true,
				       .pasid = UIOMMU_NO_PASID, .table_pages = TABLE_PAGES};
	int ret = mock_open(b, &conf, u);

	if (ret == 0) {
		*queue_fd = uiommu_iommufd_queue_fd(u->dev_id, 0);
		ret = *queue_fd < 0 ? *queue_fd : unit_model_take(u);
		if (ret != 0)
			unit_close(u);
	}
	return ret;
}
