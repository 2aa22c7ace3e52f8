/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Configure, start, stop, close, ownership: in order and out of it. */

#include "autotest.h"

#define NO_DEV 63

static void
no_such_unit(void)
{
	static const int16_t ids[] = {NO_DEV, -1, INT16_MIN, INT16_MAX, UIOMMU_MAX_DEVS};
	struct uiommu_dev_conf dev_conf = {.size = sizeof(dev_conf)};
	struct uiommu_domain_conf domain_conf = {.size = sizeof(domain_conf)};
	struct uiommu_dev_info info;
	struct uiommu_stats stats;
	struct uiommu_xstat xstat;
	size_t i;

	for (i = 0; i < ARRAY_COUNT(ids); i++) {
		CHECK_EQ(uiommu_info_get(ids[i], &info), -ENODEV);
		CHECK_EQ(uiommu_configure(ids[i], &dev_conf), -ENODEV);
		CHECK_EQ(uiommu_start(ids[i]), -ENODEV);
		CHECK_EQ(uiommu_stop(ids[i]), -ENODEV);
		CHECK_EQ(uiommu_close(ids[i]), -ENODEV);
		CHECK_EQ(uiommu_queue_claim(ids[i], 0), -ENODEV);
		CHECK_EQ(uiommu_queue_release(ids[i], 0), -ENODEV);
		CHECK_EQ(uiommu_stats_get(ids[i], &stats), -ENODEV);
		CHECK_EQ(uiommu_stats_reset(ids[i]), -ENODEV);
		CHECK_EQ(uiommu_xstats_get(ids[i], &xstat, 1), -ENODEV);
		CHECK_ERRNO(uiommu_endpoint_add(ids[i], 1, NULL), ENODEV);
		CHECK_ERRNO(uiommu_endpoint_find(ids[i], 1), ENODEV);
		CHECK_ERRNO(uiommu_domain_alloc(ids[i], &domain_conf), ENODEV);
	}
}

static void
conf_members(void)
{
	static const struct {
		const char *what;
		struct uiommu_dev_conf conf;
		int ret;
	} confs[] = {
		{"size 0", {.size = 0}, -EINVAL},
		{"size short", {.size = sizeof(struct uiommu_dev_conf) - 8}, -EINVAL},
		{"size long", {.size = sizeof(struct uiommu_dev_conf) + 8}, -EINVAL},
#define CONF(...) {.size = sizeof(struct uiommu_dev_conf), __VA_ARGS__}
		{"queue not a power of two", CONF(.queue_entries = 1000), -EINVAL},
		{"queue too small", CONF(.queue_entries = 64), -EINVAL},
		{"queue too large", CONF(.queue_entries = 32768), -EINVAL},
		{"endpoints", CONF(.endpoints_max = 65537), -EINVAL},
		{"parked", CONF(.parked_max = 4097), -EINVAL},
		{"group", CONF(.group_max = 4097, .parked_max = 4096), 0},
		{"group over parked", CONF(.group_max = 10, .parked_max = 8), -EINVAL},
		{"deferred not a power of two", CONF(.deferred_max = 100), -EINVAL},
		{"deferred too many", CONF(.deferred_max = 131072), -EINVAL},
		{"burst", CONF(.burst = 513), -EINVAL},
		{"reserved0", CONF(.reserved0 = 1), -EINVAL},
		{"stop mode", CONF(.stop_mode = 3), -EINVAL},
		{"flags", CONF(.flags = 1), -EINVAL},
		{"reserved", CONF(.reserved = {0, 0, 1}), -EINVAL},
		{"table pages", CONF(.table_pages = (1u << 24) + 1), -EINVAL},
		{"frame pages", CONF(.frame_pages = (1u << 24) + 1), -EINVAL},
		{"few pages", CONF(.table_pages = 1, .frame_pages = 1), 0},
		{"defaults", CONF(.flags = 0), 0},
		{"smallest",
		 CONF(.queue_entries = 128, .endpoints_max = 1, .parked_max = 1, .group_max = 1,
		      .deferred_max = 1, .burst = 1),
		 0},
		{"largest",
		 CONF(.queue_entries = 16384, .endpoints_max = 65536, .parked_max = 4096,
		      .group_max = 4096, .deferred_max = 65536, .burst = 512,
		      .stop_mode = UIOMMU_STOP_RESTORE),
		 0},
	};
	struct uiommu_dev_info info;
	int16_t dev;
	size_t i;

	CHECK_EQ(uiommu_probe("vtd,platform=emu,inline=1", &dev), 0);
	CHECK_EQ(uiommu_configure(dev, NULL), -EINVAL);
	for (i = 0; i < ARRAY_COUNT(confs); i++) {
		int ret = uiommu_configure(dev, &confs[i].conf);

		if (ret != confs[i].ret)
			harness_note(__FILE__, __LINE__, "%s: %d, not %d", confs[i].what, ret,
				     confs[i].ret);
		EXPECT_EQ(uiommu_info_get(dev, &info), 0);
		if (ret == 0) {
			EXPECT_EQ(info.state, UIOMMU_DEV_CONFIGURED);
			EXPECT_EQ(uiommu_start(dev), 0);
			EXPECT_EQ(uiommu_stop(dev), 0);
		}
	}
	CHECK_EQ(info.queue_entries, 16384);
	CHECK_EQ(info.endpoints_max, 65536);
	CHECK_EQ(info.group_max, 4096);
	CHECK_EQ(uiommu_close(dev), 0);
}

static void
out_of_order(void)
{
	struct uiommu_dev_conf conf = {.size = sizeof(conf)};
	struct uiommu_domain_conf domain_conf = {.size = sizeof(domain_conf)};
	struct uiommu_endpoint *endpoint;
	struct uiommu_domain *domain;
	int16_t dev;

	CHECK_EQ(uiommu_probe("vtd,platform=emu,inline=1", &dev), 0);
	CHECK_EQ(uiommu_info_get(dev, NULL), -EINVAL);
	/* not configured */
	CHECK_EQ(uiommu_start(dev), -EINVAL);
	CHECK_EQ(uiommu_stop(dev), -EINVAL);
	CHECK_EQ(uiommu_queue_claim(dev, 0), -EINVAL);
	CHECK_EQ(uiommu_queue_release(dev, 0), -EINVAL);
	CHECK_ERRNO(uiommu_endpoint_add(dev, 1, NULL), EINVAL);
	CHECK_ERRNO(uiommu_domain_alloc(dev, &domain_conf), EINVAL);
	CHECK_ERRNO(uiommu_endpoint_find(dev, 1), ENOENT);
	CHECK_EQ(uiommu_poll(dev, 0, 64), 0);
	/* configured, twice */
	CHECK_EQ(uiommu_configure(dev, &conf), 0);
	CHECK_EQ(uiommu_configure(dev, &conf), 0);
	CHECK_EQ(uiommu_stop(dev), -EINVAL);
	endpoint = uiommu_endpoint_add(dev, 1, NULL);
	CHECK(endpoint != NULL);
	CHECK_EQ(uiommu_configure(dev, &conf), -EBUSY);
	CHECK_EQ(uiommu_endpoint_remove(endpoint), 0);
	domain = uiommu_domain_alloc(dev, &domain_conf);
	CHECK(domain != NULL);
	CHECK_EQ(uiommu_configure(dev, &conf), -EBUSY);
	CHECK_EQ(uiommu_domain_free(domain), 0);
	CHECK_EQ(uiommu_configure(dev, &conf), 0);
	/* started */
	CHECK_EQ(uiommu_start(dev), 0);
	CHECK_EQ(uiommu_start(dev), -EALREADY);
	CHECK_EQ(uiommu_configure(dev, &conf), -EBUSY);
	CHECK_EQ(uiommu_close(dev), -EBUSY);
	CHECK_EQ(uiommu_stop(dev), 0);
	CHECK_EQ(uiommu_stop(dev), -EINVAL);
	/* closed */
	CHECK_EQ(uiommu_close(dev), 0);
	CHECK_EQ(uiommu_close(dev), -ENODEV);
	CHECK_EQ(uiommu_poll(dev, 0, 64), 0);
}

struct other {
	int16_t dev;
	int claim, release, stop, start, configure, close;
	uint16_t polled, taken, answered;
};

static void *
other_main(void *arg)
{
	struct other *other = arg;
	struct uiommu_dev_conf conf = {.size = sizeof(conf)};
	struct uiommu_group group = {0};
	uint8_t code = 0;

	other->claim = uiommu_queue_claim(other->dev, 0);
	other->release = uiommu_queue_release(other->dev, 0);
	other->stop = uiommu_stop(other->dev);
	other->start = uiommu_start(other->dev);
	other->configure = uiommu_configure(other->dev, &conf);
	other->close = uiommu_close(other->dev);
	other->polled = uiommu_poll(other->dev, 0, 64);
	other->taken = uiommu_fault_burst(other->dev, 0, &group, 1);
	other->answered = uiommu_respond_burst(other->dev, 0, &group, &code, 1);
	return NULL;
}

static void
by_another_thread(struct other *other)
{
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, other_main, other), 0);
	pthread_join(thread, NULL);
}

static void
ownership(void)
{
	struct rig_conf conf = {.no_claim = true};
	struct rig *rig = rig_open(&conf);
	struct other other = {.dev = rig->dev};
	uint64_t before;

	/* nobody's */
	CHECK_EQ(uiommu_queue_release(rig->dev, 0), -EPERM);
	CHECK_EQ(rig_turn(rig), 0);
	CHECK_EQ(rig_stats(rig).not_owner, 1);
	CHECK_EQ(uiommu_queue_claim(rig->dev, 1), -EINVAL);
	CHECK_EQ(uiommu_queue_claim(rig->dev, UINT16_MAX), -EINVAL);
	CHECK_EQ(uiommu_queue_release(rig->dev, 1), -EINVAL);
	/* ours */
	rig_claim(rig);
	CHECK_EQ(uiommu_queue_claim(rig->dev, 0), -EALREADY);
	before = rig_stats(rig).not_owner;
	by_another_thread(&other);
	CHECK_EQ(other.claim, -EBUSY);
	CHECK_EQ(other.release, -EPERM);
	CHECK_EQ(other.stop, -EBUSY);
	CHECK_EQ(other.start, -EALREADY);
	CHECK_EQ(other.configure, -EBUSY);
	CHECK_EQ(other.close, -EBUSY);
	CHECK_EQ(other.polled + other.taken + other.answered, 0);
	CHECK_EQ(rig_stats(rig).not_owner, before + 3);
	/* stopped, and still ours */
	CHECK_EQ(uiommu_stop(rig->dev), 0);
	by_another_thread(&other);
	CHECK_EQ(other.start, -EBUSY);
	CHECK_EQ(other.configure, -EBUSY);
	CHECK_EQ(other.close, -EBUSY);
	CHECK_EQ(uiommu_close(rig->dev), -EBUSY);
	CHECK_EQ(uiommu_start(rig->dev), 0);
	rig_close(rig);
}

/* A thread that owns as many queues as one can. */
static void
many_queues(void)
{
	struct uiommu_dev_conf conf = {
		.size = sizeof(conf), .queue_entries = 128, .deferred_max = 16};
	struct uiommu_endpoint *endpoint;
	int16_t devs[17];
	unsigned int i;

	for (i = 0; i < 17; i++) {
		CHECK_EQ(uiommu_probe("vtd,platform=emu,inline=1", &devs[i]), 0);
		CHECK_EQ(uiommu_configure(devs[i], &conf), 0);
		CHECK_EQ(uiommu_start(devs[i]), 0);
		CHECK_EQ(uiommu_queue_claim(devs[i], 0), i < 16 ? 0 : -ENOSPC);
	}
	/* control calls on a unit that nobody polls still come to an end */
	endpoint = uiommu_endpoint_add(devs[16], 1, NULL);
	CHECK(endpoint != NULL);
	CHECK_EQ(uiommu_endpoint_remove(endpoint), 0);
	CHECK_EQ(uiommu_queue_release(devs[3], 0), 0);
	CHECK_EQ(uiommu_queue_claim(devs[16], 0), 0);
	for (i = 0; i < 17; i++) {
		CHECK_EQ(uiommu_queue_release(devs[i], 0), i == 3 ? -EPERM : 0);
		CHECK_EQ(uiommu_stop(devs[i]), 0);
		CHECK_EQ(uiommu_close(devs[i]), 0);
	}
}

/* Close frees what the caller has left: bonds, endpoints, domains. Again and again. */
static void
close_with_everything(void)
{
	unsigned int round, i;

	for (round = 0; round < 20; round++) {
		struct rig *rig = rig_open(NULL);
		struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);

		for (i = 0; i < 20; i++) {
			struct uiommu_endpoint *endpoint = rig_endpoint(rig, i * 1000, 0);

			rig_attach(endpoint, 1 + i * 50000, rec->domain, NULL);
			rig_attach(endpoint, UIOMMU_NO_PASID, rec->domain, NULL);
		}
		CHECK_EQ(uiommu_info_get(rig->dev, &rig->info), 0);
		CHECK_EQ(rig->info.endpoints, 20);
		CHECK_EQ(rig->info.attached, 40);
		CHECK_EQ(rig->info.domains, 1);
		rig_close(rig);
	}
}

/* What each mode leaves behind, as devices see it. */
static void
stop_modes(void)
{
	unsigned int mode;

	for (mode = UIOMMU_STOP_OFF; mode <= UIOMMU_STOP_RESTORE; mode++) {
		struct rig_conf conf = {.dev = {.stop_mode = mode}};
		struct rig *rig = rig_open(&conf);
		struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);

		rig_attach(rig_endpoint(rig, EP, 0), 7, rec->domain, NULL);
		CHECK(!uiommu_emu_dma(rig->emu, 0x0999, UINT32_MAX, 0x1000, false));
		CHECK_EQ(uiommu_stop(rig->dev), 0);
		/* off, as it was found: addresses go through as they are; else all is blocked */
		CHECK_EQ(uiommu_emu_dma(rig->emu, 0x0999, UINT32_MAX, 0x1000, false),
			 mode != UIOMMU_STOP_BLOCK);
		CHECK(rig_send(rig, EP, 7, 1, 1, true) != UIOMMU_EMU_QUEUED);
		CHECK_EQ(uiommu_start(rig->dev), 0);
		rig_ask(rig, 7, 2, 1, true);
		rig_settle(rig);
		CHECK_EQ(rec->groups, 1);
		rig_close(rig);
	}
}

static const struct harness_case lifecycle_cases[] = {
	{"no such unit", no_such_unit, 0},
	{"each member of the configuration", conf_members, 0},
	{"calls out of order", out_of_order, 0},
	{"ownership of a queue", ownership, 0},
	{"more queues than a thread can own", many_queues, 0},
	{"close with everything there", close_with_everything, 0},
	{"what stop leaves behind", stop_modes, 0},
};

HARNESS_SUITE(lifecycle);
