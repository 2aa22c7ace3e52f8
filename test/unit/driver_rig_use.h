/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef DRIVER_RIG_USE_H
#define DRIVER_RIG_USE_H

/*
 * What tests do with the unit of a driver that has a queue of commands of two words. For a rig,
 * after driver_rig.h, the sources of the driver and the unit's half. From the rig are RIG(name), a
 * name of the driver; RIG_ENDPOINT; ENTRIES; dev and queue; hw, with seen and nb_seen; read32() and
 * the like.
 */

#include "driver_rig.h"

/* A unit of which nothing was seen yet; the rest of hw is the rig's */
static inline void
dev_reset(uint64_t regs_size)
{
	static const struct uiommu_platform_ops ops = {
		.read32 = read32, .read64 = read64, .write32 = write32, .write64 = write64,
		.dma_alloc = dma_alloc, .dma_free = dma_free,
	};

	memset(&hw, 0, sizeof(hw));
	memset(&dev, 0, sizeof(dev));
	memset(&hw_args, 0, sizeof(hw_args));
	dev.platform.ops = &ops;
	dev.platform.regs_size = regs_size;
	dev.platform.coherent = true;
	dev.timeout_ns = SECOND / 100;
	memcpy(dev.name, "unit", 5);
}

static inline int
unit_configure(uint32_t stop_mode)
{
	const struct uiommu_dev_conf conf = {
		.size = sizeof(conf), .queue_entries = ENTRIES, .stop_mode = stop_mode,
	};

	return RIG(configure)(&dev, &conf);
}

static inline struct RIG(endpoint) *
endpoint_new(uint32_t endpoint_id, uint64_t flags)
{
	const struct uiommu_endpoint_conf conf = {.size = sizeof(conf), .flags = flags};
	void *endpoint = NULL;

	assert_int_equal(RIG(endpoint_set)(&dev, endpoint_id, &conf, &endpoint), 0);
	return endpoint;
}

static inline struct RIG(domain) *
domain_new(uint32_t type)
{
	const struct uiommu_domain_conf conf = {
		.size = sizeof(conf), .type = type,
		.table_pa = type == UIOMMU_DOMAIN_PAGING ? 0x123456000 : 0,
	};
	void *domain = NULL;

	assert_int_equal(RIG(domain_init)(&dev, &conf, NULL, &domain), 0);
	return domain;
}

static inline struct uiommu_cmd
cmd_new(enum uiommu_cmd_op op, struct RIG(endpoint) *endpoint, uint32_t pasid,
	struct RIG(domain) *domain)
{
	return (struct uiommu_cmd){
		.op = op, .endpoint_id = RIG_ENDPOINT, .pasid = pasid,
		.endpoint_private = endpoint, .domain_private = domain,
	};
}

/* Step a command until it ends */
static inline int
command(struct uiommu_cmd *cmd)
{
	int ret;

	cmd->deadline_tsc = rte_get_tsc_cycles() + rte_get_tsc_hz();
	do
		ret = RIG(cmd_step)(queue, cmd);
	while (ret == -EINPROGRESS);
	return ret;
}

/* Send responses with numbers that go on from those sent before. */
static inline uint16_t
respond(uint32_t *sent, uint16_t nb)
{
	struct uiommu_resp resps[ENTRIES * 2];
	uint16_t i;

	for (i = 0; i < nb; i++)
		resps[i] = (struct uiommu_resp){.endpoint_id = RIG_ENDPOINT, .pasid = 1,
						.prg_index = (*sent + i) & 0x1ff};
	nb = RIG(respond)(queue, resps, nb);
	*sent += nb;
	return nb;
}

static inline struct RIG(cmd)
cmd_of(uint64_t w0, uint64_t w1)
{
	return (struct RIG(cmd)){{w0, w1}};
}

/* A command that was seen, word by word */
static inline void
assert_seen_at(uint32_t at, uint64_t w0, uint64_t w1)
{
	assert_true(at < hw.nb_seen);
	assert_true(hw.seen[at].q[0] == w0);
	assert_true(hw.seen[at].q[1] == w1);
}

/* Commands, then one that is waited for, and nothing else. @return that one */
static inline const struct RIG(cmd) *
assert_seen_before_wait(const struct RIG(cmd) *cmds, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		assert_seen_at(i, cmds[i].q[0], cmds[i].q[1]);
	assert_int_equal(hw.nb_seen, n + 1);
	return &hw.seen[n];
}

#endif /* DRIVER_RIG_USE_H */
