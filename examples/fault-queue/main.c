/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Faults answered by another thread. The device asks for pages in groups; the thread that
 * owns the queue only hands groups over; a consumer, asleep on an eventfd while there is
 * nothing to do, reads and answers them. What it reads and writes has the layout of Linux'
 * iommufd fault queue.
 *
 *   fault-queue [EAL] -- [--unit DEVARGS] [--pasid N | --no-pasid] [--group-pages N]
 *
 * The unit is an emulated one, or the fault queue of a Linux kernel whose iommufd has mock devices
 * (CONFIG_IOMMUFD_TEST): --unit iommufd,platform=emu,kernel=mock --no-pasid --group-pages 1. The
 * consumer knows nothing of that. With real devices, only the parts marked "device" would go.
 */

#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_common.h>
#include <rte_debug.h>
#include <rte_eal.h>
#include <rte_errno.h>

#include <uiommu.h>

#include <uiommu_emu.h>

#define ENDPOINT 0x0300 /* requester id 03:00.0 */
#define GROUPS 1000

struct options {
	const char *unit;
	uint32_t pasid; /* or UIOMMU_NO_PASID */
	unsigned int group_pages;
};

struct consumer {
	struct uiommu_fault_queue *fq;
	unsigned long groups, pages, errors;
	bool end; /* atomic */
};

/* Pages up to an address exist. */
static uint32_t
resolve(const struct uiommu_fault_msg *msg)
{
	return msg->addr < (UINT64_C(1) << 40) ? UIOMMU_FAULT_ANSWER_SUCCESS
					       : UIOMMU_FAULT_ANSWER_INVALID;
}

/* Whole groups: the messages of each are next to each other, the last one says so. */
static void
answer(struct consumer *consumer, const struct uiommu_fault_msg *msgs, int nb_msgs)
{
	struct uiommu_fault_answer answers[64];
	uint16_t nb = 0;
	uint32_t code = UIOMMU_FAULT_ANSWER_SUCCESS;

	for (int i = 0; i < nb_msgs; i++) {
		if (resolve(&msgs[i]) != UIOMMU_FAULT_ANSWER_SUCCESS)
			code = UIOMMU_FAULT_ANSWER_INVALID;
		consumer->pages++;
		if ((msgs[i].flags & UIOMMU_FAULT_MSG_LAST_PAGE) == 0)
			continue;
		answers[nb].cookie = msgs[i].cookie;
		answers[nb++].code = code;
		code = UIOMMU_FAULT_ANSWER_SUCCESS;
	}
	consumer->groups += nb;
	if (uiommu_fault_queue_write(consumer->fq, answers, NULL, nb) != nb)
		consumer->errors++;
}

static void *
consumer_main(void *arg)
{
	struct consumer *consumer = arg;
	struct pollfd fd = {.fd = uiommu_fault_queue_fd(consumer->fq), .events = POLLIN};
	struct uiommu_fault_msg msgs[64];

	while (!__atomic_load_n(&consumer->end, __ATOMIC_RELAXED)) {
		int nb = uiommu_fault_queue_read(consumer->fq, msgs, RTE_DIM(msgs));

		if (nb > 0)
			answer(consumer, msgs, nb);
		else if (nb < 0)
			consumer->errors++;
		else if (uiommu_fault_queue_arm(consumer->fq) == 0)
			poll(&fd, 1, 100); /* bounded, to see the end */
	}
	return NULL;
}

/* device: its number for "without PASID" is another */
static uint32_t
device_pasid(const struct options *o)
{
	return o->pasid == UIOMMU_NO_PASID ? UINT32_MAX : o->pasid;
}

/* device: a group of pages, the last of them asks for the answer */
static void
ask(struct uiommu_emu *emu, const struct options *o, unsigned int number)
{
	for (unsigned int page = 0; page < o->group_pages; page++) {
		const struct uiommu_emu_request request = {
			.endpoint_id = ENDPOINT,
			.pasid = device_pasid(o),
			.iova = (uint64_t)(number * o->group_pages + page) << 12,
			.prg_index = (uint16_t)(number % 512),
			.read = true,
			.last = page + 1 == o->group_pages,
		};

		if (uiommu_emu_request(emu, &request) != UIOMMU_EMU_QUEUED)
			rte_exit(EXIT_FAILURE, "page request was not queued\n");
	}
}

/* The owner of the queue: hands groups over and sends answers, in one loop. */
static void
serve(int16_t dev_id, struct uiommu_emu *emu, const struct options *o)
{
	struct uiommu_emu_verdict verdict;
	unsigned int sent = 0;

	do {
		uiommu_emu_verdict(emu, false, &verdict);
		/* device: at most as many groups open as it has indices and credits for */
		if (sent < GROUPS && verdict.outstanding < 64)
			ask(emu, o, sent++);
		uiommu_poll(dev_id, 0, 64);
	} while (sent < GROUPS || verdict.outstanding != 0);
}

static int16_t
open_unit(const struct options *o, struct uiommu_fault_queue **fq)
{
	const struct uiommu_dev_conf conf = {.size = sizeof(conf)};
	const struct uiommu_fault_queue_conf fq_conf = {.size = sizeof(fq_conf),
							.flags = UIOMMU_FAULT_QUEUE_EVENTFD};
	struct uiommu_domain_conf space = {.size = sizeof(space), .type = UIOMMU_DOMAIN_PAGING};
	struct uiommu_endpoint *endpoint;
	struct uiommu_domain *domain;
	char devargs[256];
	int16_t dev_id;

	snprintf(devargs, sizeof(devargs), "%s,name=unit,inline=1", o->unit);
	if (uiommu_probe(devargs, &dev_id) != 0 ||
	    uiommu_configure(dev_id, &conf) != 0 || uiommu_start(dev_id) != 0)
		rte_exit(EXIT_FAILURE, "no unit\n");
	*fq = uiommu_fault_queue_create(dev_id, &fq_conf);
	if (*fq == NULL)
		rte_exit(EXIT_FAILURE, "fault queue: %s\n", rte_strerror(rte_errno));
	space.fault_queue = *fq; /* in place of a handler */
	endpoint = uiommu_endpoint_add(dev_id, ENDPOINT, NULL);
	domain = uiommu_domain_alloc(dev_id, &space);
	if (domain == NULL || uiommu_attach(endpoint, o->pasid, domain, NULL) == NULL)
		rte_exit(EXIT_FAILURE, "attach: %s\n", rte_strerror(rte_errno));
	return dev_id;
}

static int
usage(const char *program)
{
	fprintf(stderr, "usage: %s [EAL] -- [--unit DEVARGS] [--pasid N | --no-pasid]"
		" [--group-pages N]\n", program);
	return -1;
}

/* A number from 1 to max, to its last character; 0: it is none. */
static uint32_t
number(const char *text, uint32_t max)
{
	char *end;
	unsigned long value = strtoul(text, &end, 0);

	return *text >= '0' && *text <= '9' && *end == '\0' && value <= max ? (uint32_t)value : 0;
}

static int
options_read(int argc, char **argv, struct options *o)
{
	static const struct option names[] = {
		{"unit", required_argument, NULL, 'u'},
		{"pasid", required_argument, NULL, 'p'},
		{"no-pasid", no_argument, NULL, 'n'},
		{"group-pages", required_argument, NULL, 'g'},
		{NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", names, NULL)) >= 0) {
		if (option == 'u')
			o->unit = optarg;
		else if (option == 'p')
			o->pasid = number(optarg, UIOMMU_PASID_COUNT - 1);
		else if (option == 'n')
			o->pasid = UIOMMU_NO_PASID;
		else if (option == 'g')
			o->group_pages = number(optarg, 64);
		else
			return usage(argv[0]);
	}
	return optind < argc || o->pasid == 0 || o->group_pages == 0 ? usage(argv[0]) : 0;
}

int
main(int argc, char **argv)
{
	struct options o = {.unit = "vtd,platform=emu", .pasid = 7, .group_pages = 4};
	uint32_t pasid;
	const struct uiommu_emu_device_conf device = {
		.endpoint_id = ENDPOINT, .nb_pasids = 1, .pasids = &pasid};
	struct consumer consumer = {0};
	struct uiommu_emu_verdict verdict;
	struct uiommu_emu *emu;
	pthread_t thread;
	int16_t dev_id;
	bool clean;
	int taken;

	taken = rte_eal_init(argc, argv);
	if (taken < 0)
		rte_exit(EXIT_FAILURE, "EAL: %s\n", rte_strerror(rte_errno));
	if (options_read(argc - taken, argv + taken, &o) != 0)
		return 2;
	pasid = device_pasid(&o);
	dev_id = open_unit(&o, &consumer.fq);
	emu = uiommu_emu_find("unit");
	if (uiommu_emu_device_add(emu, &device) != 0 || uiommu_queue_claim(dev_id, 0) != 0 ||
	    pthread_create(&thread, NULL, consumer_main, &consumer) != 0)
		rte_exit(EXIT_FAILURE, "no device, or no thread\n");

	serve(dev_id, emu, &o);

	__atomic_store_n(&consumer.end, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	uiommu_emu_verdict(emu, true, &verdict);
	clean = uiommu_emu_verdict_clean(&verdict) && consumer.errors == 0 &&
		consumer.groups == GROUPS &&
		consumer.pages == (unsigned long)GROUPS * o.group_pages;
	printf("%s: %lu groups of %lu pages answered by the consumer, the device's verdict is %s\n",
	       o.unit, consumer.groups, consumer.pages, clean ? "clean" : "not clean");

	uiommu_fault_queue_destroy(consumer.fq);
	uiommu_stop(dev_id);
	uiommu_queue_release(dev_id, 0);
	uiommu_close(dev_id);
	rte_eal_cleanup();
	return clean ? EXIT_SUCCESS : EXIT_FAILURE;
}
