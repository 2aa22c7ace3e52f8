/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include "platform_pvt.h"

int platform_logtype;

RTE_INIT(platform_log_init)
{
	platform_logtype =
		rte_log_register_type_and_pick_level("drv.uiommu.platform", RTE_LOG_NOTICE);
}
