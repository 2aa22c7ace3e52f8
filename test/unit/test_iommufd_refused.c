/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* What is refused, and the line that says why; queues, numbers and counters. */

#include "iommufd_rig_use.h"

static int
probe_arg(const char *key, const char *text)
{
	rig_reset();
	hw_args = (struct uiommu_args){.key = key, .text = text};
	return unit_probe();
}

/* What the driver was told goes, and nothing is left open. */
static void
assert_refused(int ret, int want, const char *line)
{
	assert_int_equal(ret, want);
	assert_non_null(strstr(log_text, line));
	assert_ptr_equal(strchr(log_text, '\n'), strrchr(log_text, '\n'));
	assert_int_equal(fake.objects, 0);
	assert_int_equal(fake.nb_open, 0);
}

static void
arguments(void **state)
{
	assert_int_equal(probe_arg("queues", "5"), -EINVAL);
	assert_int_equal(probe_arg("queues", "0"), -EINVAL);
	assert_int_equal(probe_arg("pasids", "21"), -EINVAL);
	assert_refused(probe_arg("ready", "soon"), -EINVAL,
		       "ready=soon: neither auto nor uring nor read");
	assert_refused(probe_arg("ready", "uring"), -EINVAL,
		       "ready=uring: files of platform fake are not the kernel's");
	assert_int_equal(probe_arg("ready", "read"), 0);
	iommufd_close(&dev);
	assert_int_equal(probe_arg("ready", "auto"), 0);
	iommufd_close(&dev);
}

static void
platforms(void **state)
{
	static const struct uiommu_platform_ops registers = {.name = "devmem"};

	rig_reset();
	dev.platform.ops = &registers;
	assert_refused(unit_probe(), -ENOTSUP,
		       "not supported: platform devmem, which has registers");
	rig_reset();
	fake.open_error = -ENODEV;
	assert_int_equal(unit_probe(), -ENODEV);
	assert_int_equal(fake.nb_open, 0);
}

static void
kernels(void **state)
{
	rig_reset();
	fake.fail_request = IOMMUFD_FAULT_QUEUE_ALLOC;
	fake.fail_error = -ENOTTY;
	fake.fail_times = 1;
	assert_refused(unit_probe(), -ENOTSUP,
		       "not supported: fault queues, by this kernel (Linux 6.11 and later)");
	rig_reset();
	fake.fail_request = IOMMUFD_FAULT_QUEUE_ALLOC;
	fake.fail_error = -ENOMEM;
	fake.fail_times = 1;
	fake.fail_after = 2;
	hw_args = (struct uiommu_args){.key = "queues", .text = "4"};
	/* two were made, and are given back */
	assert_refused(unit_probe(), -ENOMEM, "no fault queue: Cannot allocate memory");
}

static void
configurations(void **state)
{
	const struct uiommu_dev_conf conf = {
		.size = sizeof(conf), .queue_entries = ENTRIES, .burst = 8, .group_max = 8,
		.deferred_max = 65536,
	};

	rig_reset();
	assert_int_equal(unit_probe(), 0);
	assert_int_equal(iommufd_configure(&dev, &conf), -EINVAL);
	assert_non_null(strstr(log_text, "deferred_max over 32768"));
	/* again, with other sizes */
	assert_int_equal(unit_configure(ENTRIES, 8, 8), 0);
	assert_int_equal(unit_configure(1024, 64, 512), 0);
	queue = queue_get(&dev, 0);
	assert_int_equal(queue->want, 64);
	assert_int_equal(queue->entries, 1024);
	assert_true(queue->slots.nb_slots > 1024 + 64);
	iommufd_close(&dev);
	assert_int_equal(fake.objects, 0);
}

/* --------------------------------------------------------------------- endpoints */

static int
endpoint_try(uint64_t flags)
{
	const struct uiommu_endpoint_conf conf = {.size = sizeof(conf), .flags = flags};
	void *endpoint;
	int ret;

	log_text[0] = '\0';
	ret = iommufd_endpoint_set(&dev, ENDPOINT, &conf, &endpoint);
	if (ret == 0)
		iommufd_endpoint_free(&dev, endpoint);
	/* context and queue are what stays open */
	assert_int_equal(fake.nb_open, 2);
	return ret;
}

static void
devices(void **state)
{
	static const struct {
		int error, ret;
		const char *line;
	} bind[] = {
		{-ENOTTY, -ENOTSUP, "CONFIG_VFIO_DEVICE_CDEV"},
		{-EBUSY, -EBUSY, "it is in use"},
		{-EINVAL, -EINVAL, "in use already, or DMA that is not coherent"},
		{-EPERM, -EPERM, "interrupt remapping is off"},
		{-ENODEV, -ENODEV, "no IOMMU stands before it"},
		{-ENOMEM, -ENOMEM, "Cannot allocate memory"},
	};
	unsigned int i;

	unit_up(ENTRIES, 8, 8);
	for (i = 0; i < RTE_DIM(bind); i++) {
		fake.fail_request = IOMMUFD_VFIO_BIND;
		fake.fail_error = bind[i].error;
		fake.fail_times = 1;
		assert_int_equal(endpoint_try(0), bind[i].ret);
		assert_non_null(strstr(log_text, "endpoint 0x100: cannot be bound: "));
		assert_non_null(strstr(log_text, bind[i].line));
	}
	fake.device = (struct uiommu_file_device){.is_vf = true};
	assert_int_equal(endpoint_try(0), -ENOTSUP);
	assert_non_null(strstr(log_text, "page requests of a virtual function"));
	assert_int_equal(endpoint_try(UIOMMU_ENDPOINT_NO_PAGE_REQUESTS), 0);
	fake.device = (struct uiommu_file_device){.lacks_page_requests = true};
	assert_int_equal(endpoint_try(0), -ENOTSUP);
	assert_non_null(strstr(log_text, "the device has no page requests: add it without"));
	assert_int_equal(endpoint_try(UIOMMU_ENDPOINT_NO_PAGE_REQUESTS), 0);
	fake.device = (struct uiommu_file_device){.has_page_requests = true};
	assert_int_equal(endpoint_try(0), 0);
	/* a kernel that says nothing of the device: no PASIDs, no guests' tables */
	fake.fail_request = IOMMUFD_GET_HW_INFO;
	fake.fail_error = -EOPNOTSUPP;
	fake.fail_times = 1;
	assert_int_equal(endpoint_try(0), 0);
	/* one that has no memory to say it: it would be without for good */
	fake.fail_error = -ENOMEM;
	fake.fail_times = 1;
	assert_int_equal(endpoint_try(0), -ENOMEM);
	unit_down();
}

/* Why the kernel did not attach, in words. */
static void
attachments(void **state)
{
	static const struct {
		int error;
		uint64_t flags;
		int ret;
		const char *line;
	} attach[] = {
		{-ENODEV, 0, -ENOTSUP, "page requests cannot be enabled"},
		{-ENODEV, UIOMMU_ENDPOINT_NO_PAGE_REQUESTS, -ENOTSUP, "the device has gone"},
		{-EINVAL, UIOMMU_ENDPOINT_NO_PAGE_REQUESTS, -EINVAL,
		 "the device does not go with this kind of table"},
		{-ENOMEM, 0, -ENOMEM, "more than this process may lock (ulimit -l)"},
		{-EFAULT, 0, -EIO, "not memory of this process any more"},
		{-EADDRINUSE, 0, -EIO, "where the device has reserved addresses"},
		{-EBUSY, 0, -EIO, "something else is attached"},
		{-EIO, 0, -EIO, "Input/output error"},
	};
	void *endpoint, *domain;
	unsigned int i;

	unit_up(ENTRIES, 8, 8);
	domain = domain_new(UIOMMU_DOMAIN_PAGING, 0, NULL);
	for (i = 0; i < RTE_DIM(attach); i++) {
		endpoint = endpoint_new(ENDPOINT, attach[i].flags);
		log_text[0] = '\0';
		fake.fail_request = IOMMUFD_VFIO_ATTACH;
		fake.fail_error = attach[i].error;
		fake.fail_times = 2;
		assert_int_equal(iommufd_bond_set(&dev, endpoint, UIOMMU_NO_PASID, domain),
				 attach[i].ret);
		assert_non_null(strstr(log_text, attach[i].line));
		fake.fail_times = 0;
		iommufd_endpoint_free(&dev, endpoint);
	}
	endpoint = endpoint_new(ENDPOINT, 0);
	fake.fail_request = IOMMUFD_HWPT_ALLOC;
	fake.fail_error = -EOPNOTSUPP;
	fake.fail_times = 2;
	assert_int_equal(iommufd_bond_set(&dev, endpoint, UIOMMU_NO_PASID, domain), -ENOTSUP);
	assert_non_null(strstr(log_text, "no page table can be made: the device's IOMMU cannot"));
	iommufd_endpoint_free(&dev, endpoint);
	iommufd_domain_fini(&dev, domain);
	unit_down();
}

/* ----------------------------------------------------------------------- domains */

static void
domain_refused(const struct uiommu_domain_conf *conf, int want, const char *line)
{
	void *domain;

	log_text[0] = '\0';
	assert_int_equal(iommufd_domain_init(&dev, conf, NULL, &domain), want);
	assert_int_equal(fake.objects, 1);
	if (line == NULL)
		assert_string_equal(log_text, "");
	else
		assert_non_null(strstr(log_text, line));
}

static void
domains(void **state)
{
	struct uiommu_table_format format;
	struct uiommu_domain_conf conf = {.type = UIOMMU_DOMAIN_IDENTITY};

	unit_up(ENTRIES, 8, 8);
	domain_refused(&conf, -ENOTSUP, "not supported: IDENTITY domains");
	conf.type = UIOMMU_DOMAIN_SVA;
	domain_refused(&conf, -ENOTSUP, "not supported: address spaces of processes (SVA)");
	conf = (struct uiommu_domain_conf){.type = UIOMMU_DOMAIN_PAGING, .table_pa = 0x1000};
	domain_refused(&conf, -ENOTSUP, "not supported: a table of the caller's");
	conf = (struct uiommu_domain_conf){.type = UIOMMU_DOMAIN_PAGING,
					   .flags = UIOMMU_DOMAIN_SECOND_STAGE};
	domain_refused(&conf, -ENOTSUP, "not supported: a choice of the stage");
	assert_int_equal(iommufd_table_format(&dev, &conf, &format), -ENOTSUP);
	conf = (struct uiommu_domain_conf){.type = UIOMMU_DOMAIN_NESTED};
	domain_refused(&conf, -EINVAL, NULL);
	conf = (struct uiommu_domain_conf){.type = UIOMMU_DOMAIN_PAGING, .levels = 5};
	assert_int_equal(iommufd_table_format(&dev, &conf, &format), -EINVAL);
	conf.levels = 0;
	assert_int_equal(iommufd_table_format(&dev, &conf, &format), 0);
	assert_int_equal(format.levels, 4);
	fake.alignment = 65536;
	domain_refused(&conf, -ENOTSUP, "not supported: a kernel with pages of more than 4 KiB");
	fake.alignment = 4096;
	fake.fail_request = IOMMUFD_IOAS_IOVA_RANGES;
	fake.fail_error = -EIO;
	fake.fail_times = 1;
	domain_refused(&conf, -EIO, "the kernel does not say what addresses there are");
	fake.fail_request = IOMMUFD_IOAS_ALLOC;
	fake.fail_error = -ENOMEM;
	fake.fail_times = 1;
	domain_refused(&conf, -ENOMEM, "no address space: Cannot allocate memory");
	unit_down();
}

static void
nested_tables(void **state)
{
	struct uiommu_domain_conf conf = {.type = UIOMMU_DOMAIN_NESTED, .table_pa = 0x1000};
	struct iommufd_domain *parent;
	void *child = NULL;

	unit_up(ENTRIES, 8, 8);
	parent = domain_new(UIOMMU_DOMAIN_PAGING, UIOMMU_DOMAIN_NEST_PARENT, NULL);
	conf.levels = 5;
	assert_int_equal(iommufd_domain_init(&dev, &conf, parent, &child), 0);
	assert_int_equal(((struct iommufd_domain *)child)->first.addr_width, 57);
	iommufd_domain_fini(&dev, child);
	conf.levels = 3;
	assert_int_equal(iommufd_domain_init(&dev, &conf, parent, &child), -EINVAL);
	conf.levels = 4;
	conf.table_pa = 0x1001;
	assert_int_equal(iommufd_domain_init(&dev, &conf, parent, &child), -EINVAL);
	conf.table_pa = UINT64_C(1) << 48;
	assert_int_equal(iommufd_domain_init(&dev, &conf, parent, &child), -EINVAL);
	iommufd_domain_fini(&dev, parent);
	unit_down();
}

/* -------------------------------------------------------------------- the unit itself */

static void
several_queues(void **state)
{
	struct iommufd_endpoint *endpoints[5];
	struct uiommu_dev_info info = {0};
	void *domain;
	unsigned int i;

	rig_reset();
	hw_args = (struct uiommu_args){.key = "queues", .text = "4"};
	assert_int_equal(unit_probe(), 0);
	assert_int_equal(unit_configure(ENTRIES, 8, 8), 0);
	assert_int_equal(iommufd_start(&dev), 0);
	info_get(&dev, &info);
	assert_int_equal(info.nb_queues, 4);
	assert_int_equal(info.pasid_bits, 20);
	assert_true((info.capa & UIOMMU_CAPA_PASID) != 0);
	domain = domain_new(UIOMMU_DOMAIN_PAGING, 0, NULL);
	fake.nb_calls = 0;
	for (i = 0; i < 5; i++) {
		endpoints[i] = endpoint_new(ENDPOINT + i, 0);
		assert_int_equal(iommufd_endpoint_queue(&dev, endpoints[i]), i % 4);
		assert_int_equal(iommufd_bond_set(&dev, endpoints[i], UIOMMU_NO_PASID, domain), 0);
	}
	/* a table for each queue, and the fifth device shares the first one's */
	assert_int_equal(stat_get("hwpts"), 4);
	assert_int_equal(fake.calls[fake.nb_calls - 1].id, fake.calls[1].id);
	assert_int_equal(fake.calls[2].len, unit->fault_ids[1]);
	/* whoever comes goes where the fewest are; those without requests count nowhere */
	iommufd_endpoint_free(&dev, endpoints[2]);
	endpoints[2] = endpoint_new(ENDPOINT + 5, UIOMMU_ENDPOINT_NO_PAGE_REQUESTS);
	iommufd_endpoint_free(&dev, endpoints[2]);
	endpoints[2] = endpoint_new(ENDPOINT + 2, 0);
	assert_int_equal(iommufd_endpoint_queue(&dev, endpoints[2]), 2);
	for (i = 0; i < 5; i++)
		iommufd_endpoint_free(&dev, endpoints[i]);
	queue = queue_get(&dev, 3);
	(void)fetch(8);
	assert_int_equal(stat_get("q3_empty_reads"), 1);
	assert_int_equal(stat_get("empty_reads") + stat_get("q1_empty_reads"), 0);
	iommufd_domain_fini(&dev, domain);
	unit_down();
}

static void
no_pasids(void **state)
{
	struct uiommu_endpoint_conf conf = {.size = sizeof(conf), .pasid_bits = 1};
	struct uiommu_dev_info info = {0};
	void *endpoint;

	assert_int_equal(probe_arg("pasids", "0"), 0);
	info_get(&dev, &info);
	assert_int_equal(info.pasid_bits, 0);
	assert_true((info.capa & UIOMMU_CAPA_PASID) == 0);
	assert_int_equal(iommufd_endpoint_set(&dev, ENDPOINT, &conf, &endpoint), -EINVAL);
	endpoint = endpoint_new(ENDPOINT, 0);
	assert_false(((struct iommufd_endpoint *)endpoint)->pasids);
	iommufd_endpoint_free(&dev, endpoint);
	iommufd_close(&dev);
	assert_int_equal(fake.nb_open, 0);
}

static void
descriptors(void **state)
{
	void *endpoint;

	unit_up(ENTRIES, 8, 8);
	dev.dev_id = 3;
	assert_int_equal(uiommu_iommufd_device_fd(3, ENDPOINT + 2), -ENOENT);
	endpoint = endpoint_new(ENDPOINT + 2, 0);
	assert_int_equal(uiommu_iommufd_device_fd(3, ENDPOINT + 2), DEVICE_FD + 2);
	assert_int_equal(uiommu_iommufd_device_fd(2, ENDPOINT + 2), -ENODEV);
	iommufd_endpoint_free(&dev, endpoint);
	assert_int_equal(uiommu_iommufd_device_fd(3, ENDPOINT + 2), -ENOENT);
	unit_down();
	assert_int_equal(uiommu_iommufd_device_fd(3, ENDPOINT + 2), -ENODEV);
}

/* Of fault queues, where they are the kernel's: one that was made up is none to wait for. */
static void
queue_descriptors(void **state)
{
	const struct uiommu_file_ops *made_up;
	struct uiommu_file_ops real;

	unit_up(ENTRIES, 8, 8);
	dev.dev_id = 3;
	assert_int_equal(uiommu_iommufd_queue_fd(3, 0), -ENOTSUP);
	made_up = unit->files;
	real = *made_up;
	real.real = true;
	unit->files = &real;
	assert_int_equal(uiommu_iommufd_queue_fd(3, 0), unit->queues[0]->fd);
	assert_true(unit->queues[0]->fd >= FAULT_FD);
	assert_int_equal(uiommu_iommufd_queue_fd(3, 1), -ENOENT);
	assert_int_equal(uiommu_iommufd_queue_fd(2, 0), -ENODEV);
	unit->files = made_up;
	unit_down();
	assert_int_equal(uiommu_iommufd_queue_fd(3, 0), -ENODEV);
}

/* Numbers of devices: near each other, far apart, and those that have gone. */
static void
numbers(void **state)
{
	struct iommufd_devmap *map = calloc(1, sizeof(*map));
	uint32_t i;

	assert_non_null(map);
	assert_int_equal(iommufd_devmap_get(map, 0), IOMMUFD_DEVMAP_UNKNOWN);
	for (i = 0; i < IOMMUFD_DEVMAP_LOOKS; i++)
		assert_int_equal(iommufd_devmap_add(map, 5 + i * IOMMUFD_DEVMAP_PLACES, i), 0);
	assert_int_equal(iommufd_devmap_add(map, 5 + i * IOMMUFD_DEVMAP_PLACES, i), -1);
	assert_int_equal(iommufd_devmap_get(map, 5 + i * IOMMUFD_DEVMAP_PLACES),
			 IOMMUFD_DEVMAP_UNKNOWN);
	iommufd_devmap_remove(map, 5);
	assert_int_equal(iommufd_devmap_get(map, 5), IOMMUFD_DEVMAP_UNKNOWN);
	for (i = 1; i < IOMMUFD_DEVMAP_LOOKS; i++)
		assert_int_equal(iommufd_devmap_get(map, 5 + i * IOMMUFD_DEVMAP_PLACES), i);
	assert_int_equal(iommufd_devmap_add(map, 5, 0), 0);
	assert_int_equal(iommufd_devmap_get(map, 5), 0);
	free(map);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arguments),
		cmocka_unit_test(platforms),
		cmocka_unit_test(kernels),
		cmocka_unit_test(configurations),
		cmocka_unit_test(devices),
		cmocka_unit_test(attachments),
		cmocka_unit_test(domains),
		cmocka_unit_test(nested_tables),
		cmocka_unit_test(several_queues),
		cmocka_unit_test(no_pasids),
		cmocka_unit_test(descriptors),
		cmocka_unit_test(queue_descriptors),
		cmocka_unit_test(numbers),
	};

	return cmocka_run_group_tests_name("iommufd_refused", tests, NULL, NULL);
}
