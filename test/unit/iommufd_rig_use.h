/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef IOMMUFD_RIG_USE_H
#define IOMMUFD_RIG_USE_H

/* What tests of the iommufd driver do with a unit over the kernel of iommufd_rig.h. */

#include "iommufd_rig.h"

#define ENDPOINT 0x100 /* its device is DEVICE_FD, by number too */

static struct uiommu_fault faults[IOMMUFD_ENTRIES_MAX];

static inline void
rig_reset(void)
{
	static const struct uiommu_file_ops files = {
		.context_open = fake_context_open, .device_open = fake_device_open,
		.close = fake_close, .ioctl = fake_ioctl, .read = fake_read, .write = fake_write,
		.poll = fake_poll,
	};
	static const struct uiommu_platform_ops ops = {
		.name = "fake", .dma_alloc = dma_alloc, .dma_free = dma_free, .files = &files,
	};

	memset(&fake, 0, sizeof(fake));
	memset(&dev, 0, sizeof(dev));
	memset(&hw_args, 0, sizeof(hw_args));
	log_text[0] = '\0';
	fake.alignment = 4096;
	fake.info_type = IOMMUFD_HW_INFO_VTD;
	fake.info_pasids = 20;
	dev.platform.ops = &ops;
	dev.platform.coherent = true;
	memcpy(dev.name, "unit", 5);
}

static inline int
unit_probe(void)
{
	int ret = iommufd_probe(&dev, &hw_args);

	if (ret == 0)
		unit = dev.dev_private;
	return ret;
}

static inline int
unit_configure(uint32_t entries, uint16_t burst, uint32_t group_max)
{
	const struct uiommu_dev_conf conf = {
		.size = sizeof(conf), .queue_entries = entries, .burst = burst,
		.group_max = group_max, .deferred_max = 64,
	};

	return iommufd_configure(&dev, &conf);
}

static inline void *
endpoint_new(uint32_t endpoint_id, uint64_t flags)
{
	const struct uiommu_endpoint_conf conf = {.size = sizeof(conf), .flags = flags};
	void *endpoint = NULL;

	assert_int_equal(iommufd_endpoint_set(&dev, endpoint_id, &conf, &endpoint), 0);
	return endpoint;
}

static inline void *
domain_new(uint32_t type, uint64_t flags, void *parent)
{
	const struct uiommu_domain_conf conf = {
		.size = sizeof(conf), .type = type, .flags = flags,
		.table_pa = type == UIOMMU_DOMAIN_NESTED ? 0x5000 : 0,
	};
	void *domain = NULL;

	assert_int_equal(iommufd_domain_init(&dev, &conf, parent, &domain), 0);
	return domain;
}

/* A unit that runs, with nothing in it. */
static inline void
unit_up(uint32_t entries, uint16_t burst, uint32_t group_max)
{
	rig_reset();
	assert_int_equal(unit_probe(), 0);
	assert_int_equal(unit_configure(entries, burst, group_max), 0);
	assert_int_equal(iommufd_start(&dev), 0);
	queue = queue_get(&dev, 0);
}

static inline void
unit_down(void)
{
	assert_int_equal(iommufd_stop(&dev), 0);
	iommufd_close(&dev);
	assert_int_equal(fake.objects, 0);
	assert_int_equal(fake.nb_open, 0);
}

/* And one with an endpoint, whose device is ENDPOINT's. */
static void *rig_endpoint;

static inline void
device_up(uint32_t entries, uint16_t burst, uint32_t group_max)
{
	unit_up(entries, burst, group_max);
	rig_endpoint = endpoint_new(ENDPOINT, 0);
}

static inline void
device_down(void)
{
	iommufd_endpoint_clear(&dev, rig_endpoint);
	iommufd_endpoint_free(&dev, rig_endpoint);
	unit_down();
}

static inline uint16_t
fetch(uint16_t nb)
{
	uint32_t events = 0;
	uint16_t taken, n = iommufd_queue_ops.fetch(queue, faults, nb, &taken, &events);

	assert_true(taken >= n);
	assert_int_equal(events, 0);
	return n;
}

/* Answer those of some faults that close a group. */
static inline void
answer(const struct uiommu_fault *some, uint16_t nb, uint16_t code)
{
	struct uiommu_resp resps[IOMMUFD_BURST_MAX];
	uint16_t i, n = 0;

	for (i = 0; i < nb; i++) {
		if ((some[i].flags & UIOMMU_FAULT_LAST) == 0)
			continue;
		resps[n++] = (struct uiommu_resp){
			.endpoint_id = some[i].endpoint_id, .code = code, .tag = some[i].tag,
		};
	}
	assert_int_equal(iommufd_queue_ops.respond(queue, resps, n), n);
}

/* Each group has one answer, and ours is this code. */
static inline void
assert_answered(uint32_t first, uint32_t nb, uint32_t code)
{
	uint32_t i;

	for (i = first; i < first + nb; i++) {
		assert_int_equal(fake.groups[i].answers, 1);
		if (!fake.groups[i].by_kernel)
			assert_int_equal(fake.groups[i].code, code);
	}
}

static inline uint64_t
stat_get(const char *name)
{
	const struct uiommu_driver_stat *stat;

	for (stat = stats_get(&dev); stat->name != NULL; stat++)
		if (strcmp(stat->name, name) == 0)
			return *stat->value;
	fail_msg("no counter %s", name);
	return 0;
}

#endif /* IOMMUFD_RIG_USE_H */
