/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef EMU_RIG_UNIT_H
#define EMU_RIG_UNIT_H

/*
 * What rigs of all units have in common: registers, steps, traffic, the judge. A rig includes this
 * behind its "static struct rig rig", which has a platform "plat" and a unit "emu".
 */

#include "emu_neighbours.h"

#define CASE(function) cmocka_unit_test_teardown(function, rig_close)

/* Answer all that is in the unit's queues, as a driver does that is beyond reproach. */
static inline void
serve_all(void);

static inline uint32_t
get32(uint32_t offset)
{
	return uiommu_reg_read32(&rig.plat, offset);
}

static inline uint64_t
get64(uint32_t offset)
{
	return uiommu_reg_read64(&rig.plat, offset);
}

static inline void
put32(uint32_t offset, uint32_t value)
{
	uiommu_reg_write32(&rig.plat, offset, value);
}

static inline void
put64(uint32_t offset, uint64_t value)
{
	uiommu_reg_write64(&rig.plat, offset, value);
}

static inline void
step(void)
{
	uiommu_emu_step(rig.emu);
}

static inline struct uiommu_emu_verdict
verdict(bool final)
{
	struct uiommu_emu_verdict v;

	uiommu_emu_verdict(rig.emu, final, &v);
	return v;
}

#define assert_clean() assert_string_equal(verdict(true).first, "")

static inline void
memory(struct uiommu_dma *mem, size_t size)
{
	assert_int_equal(uiommu_dma_alloc(&rig.plat, size, size < 4096 ? 4096 : size, mem), 0);
}

/* A unit with these devargs, or none. */
static inline void
rig_unit_open(const char *name, const char *driver, struct uiommu_args *args)
{
	static struct uiommu_args none[1];

	memset(&rig, 0, sizeof(rig));
	rig.plat = (struct uiommu_platform){
		.ops = platform_ops, .name = name, .driver = driver, .socket_id = SOCKET_ID_ANY,
	};
	assert_int_equal(platform_ops->open(&rig.plat, args != NULL ? args : none), 0);
	rig.emu = uiommu_emu_find(name);
	assert_non_null(rig.emu);
}

static inline int
rig_close(void **state)
{
	(void)state;
	if (rig.plat.priv != NULL)
		platform_ops->close(&rig.plat);
	return 0;
}

static inline void
rig_traffic(const struct uiommu_emu_traffic *conf)
{
	struct uiommu_emu_traffic traffic = *conf;

	if (traffic.group_pages_min == 0)
		traffic.group_pages_min = 1;
	if (traffic.group_pages_max == 0)
		traffic.group_pages_max = traffic.group_pages_min;
	if (traffic.seed == 0)
		traffic.seed = 1;
	assert_int_equal(uiommu_emu_traffic_set(rig.emu, &traffic), 0);
	uiommu_emu_traffic_run(rig.emu, true);
}

/* Traffic comes to rest, everything answered. */
static inline void
rig_rest(void)
{
	unsigned int i;

	uiommu_emu_traffic_run(rig.emu, false);
	for (i = 0; i < 100; i++) {
		step();
		serve_all();
	}
}

#endif /* EMU_RIG_UNIT_H */
