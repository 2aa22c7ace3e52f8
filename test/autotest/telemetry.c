/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* /uiommu/... on DPDK's telemetry socket. */

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "autotest.h"

#define ANSWER_SIZE 65536

struct client {
	int fd;
	char answer[ANSWER_SIZE];
};

static void
client_read(struct client *client)
{
	ssize_t nb = read(client->fd, client->answer, sizeof(client->answer) - 1);

	CHECK(nb > 0);
	client->answer[nb] = '\0';
}

static struct client *
client_open(void)
{
	static struct client client;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int length = snprintf(address.sun_path, sizeof(address.sun_path), "%s/dpdk_telemetry.v2",
			      harness_runtime_dir());

	CHECK(length < (int)sizeof(address.sun_path));
	client.fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	if (client.fd < 0)
		harness_skip("no socket: %s", strerror(errno));
	if (connect(client.fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		int error = errno;

		close(client.fd);
		harness_skip("telemetry socket %s: %s", address.sun_path, strerror(error));
	}
	/* what DPDK says of itself */
	client_read(&client);
	CHECK(strstr(client.answer, "version") != NULL);
	return &client;
}

static const char *
ask(struct client *client, const char *command)
{
	CHECK_EQ(write(client->fd, command, strlen(command)), strlen(command));
	client_read(client);
	return client->answer;
}

/* "name": value, in one of the ways that versions of DPDK write it. */
static void
check_pair(const char *answer, const char *name, const char *value)
{
	char tight[128], wide[128];

	snprintf(tight, sizeof(tight), "\"%s\":%s", name, value);
	snprintf(wide, sizeof(wide), "\"%s\": %s", name, value);
	if (strstr(answer, tight) == NULL && strstr(answer, wide) == NULL)
		harness_note(__FILE__, __LINE__, "no %s in %s", tight, answer);
}

static void
commands(void)
{
	struct client *client = client_open();
	struct rig *rig = rig_open(NULL);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);
	const char *answer;
	uint16_t i;

	rig_attach(endpoint, 7, rec->domain, NULL);
	rig_attach(endpoint, 8, rec->domain, NULL);
	rig_endpoint(rig, 0xffff, 0);
	for (i = 0; i < 5; i++)
		rig_ask(rig, 7, i, i, true);
	rig_settle(rig);
	answer = ask(client, "/");
	CHECK(strstr(answer, "/uiommu/list") != NULL && strstr(answer, "/uiommu/info") != NULL);
	CHECK(strstr(answer, "/uiommu/stats") != NULL);
	CHECK(strstr(answer, "/uiommu/endpoints") != NULL);
	check_pair(ask(client, "/uiommu/list"), "/uiommu/list", "[0]");
	answer = ask(client, "/uiommu/info,0");
	check_pair(answer, "name", "\"vtd0\"");
	check_pair(answer, "driver", "\"vtd\"");
	check_pair(answer, "platform", "\"emu\"");
	check_pair(answer, "state", "\"started\"");
	check_pair(answer, "pasid_bits", "20");
	check_pair(answer, "queue_entries", "16384");
	check_pair(answer, "endpoints", "2");
	check_pair(answer, "attached", "2");
	check_pair(answer, "domains", "1");
	/* of the only unit there is */
	check_pair(ask(client, "/uiommu/info"), "name", "\"vtd0\"");
	answer = ask(client, "/uiommu/stats,0");
	check_pair(answer, "requests", "5");
	check_pair(answer, "responses_success", "5");
	check_pair(answer, "parked_now", "0");
	check_pair(answer, "vtd_malformed_type", "0");
	answer = ask(client, "/uiommu/endpoints,0");
	check_pair(answer, "0108", "2");
	check_pair(answer, "ffff", "0");
	rig_close(rig);
	close(client->fd);
}

static void
fault_queues(void)
{
	const struct uiommu_fault_queue_conf fq_conf = {.size = sizeof(fq_conf), .depth = 16};
	struct uiommu_domain_conf conf = {.size = sizeof(conf), .type = UIOMMU_DOMAIN_PAGING};
	struct client *client = client_open();
	struct rig *rig = rig_open(NULL);
	struct uiommu_endpoint *endpoint = rig_endpoint(rig, EP, 0);
	struct uiommu_fault_msg msgs[8];
	const char *answer;
	uint16_t i;

	check_pair(ask(client, "/uiommu/fault_queues,0"), "/uiommu/fault_queues", "{}");
	conf.fault_queue = uiommu_fault_queue_create(rig->dev, &fq_conf);
	CHECK(conf.fault_queue != NULL);
	rig_attach(endpoint, 7, uiommu_domain_alloc(rig->dev, &conf), NULL);
	for (i = 0; i < 20; i++)
		rig_ask(rig, 7, i, i, true);
	rig_settle(rig);
	CHECK_EQ(uiommu_fault_queue_read(conf.fault_queue, msgs, ARRAY_COUNT(msgs)), 8);
	answer = ask(client, "/uiommu/fault_queues,0");
	check_pair(answer, "depth", "16");
	check_pair(answer, "open", "16");
	check_pair(answer, "delivered", "16");
	check_pair(answer, "read", "8");
	check_pair(answer, "full", "4");
	check_pair(answer, "answered", "0");
	check_pair(ask(client, "/uiommu/info,0"), "fault_queue_slots", "16");
	check_pair(ask(client, "/uiommu/stats,0"), "queue_full", "4");
	CHECK_EQ(uiommu_fault_queue_destroy(conf.fault_queue), 0);
	check_pair(ask(client, "/uiommu/fault_queues"), "/uiommu/fault_queues", "{}");
	rig_close(rig);
	close(client->fd);
}

static void
paging(void)
{
	const struct uiommu_domain_conf conf = {
		.size = sizeof(conf), .type = UIOMMU_DOMAIN_PAGING, .flags = UIOMMU_DOMAIN_DEMAND,
		.budget_pages = 77,
	};
	struct client *client = client_open();
	struct rig *rig = rig_open(NULL);
	struct uiommu_domain *domain;
	const char *answer;
	uint16_t i;

	check_pair(ask(client, "/uiommu/paging,0"), "/uiommu/paging", "{}");
	rig_domain(rig, UIOMMU_DOMAIN_BLOCKED);
	domain = uiommu_domain_alloc(rig->dev, &conf);
	CHECK(domain != NULL);
	rig_attach(rig_endpoint(rig, EP, 0), 7, domain, NULL);
	for (i = 0; i < 3; i++)
		rig_ask(rig, 7, i, i, true);
	rig_settle(rig);
	answer = ask(client, "/uiommu/paging,0");
	check_pair(answer, "requests", "3");
	check_pair(answer, "no_region", "3");
	check_pair(answer, "budget_pages", "77");
	check_pair(answer, "table_pages", "1");
	CHECK(strstr(answer, "\"0\"") != NULL && strstr(answer, "\"1\"") == NULL);
	check_pair(ask(client, "/uiommu/info,0"), "table_pages_used", "1");
	check_pair(ask(client, "/uiommu/info,0"), "table_pages", "512");
	check_pair(ask(client, "/uiommu/info,0"), "frame_pages", "0");
	rig_close(rig);
	close(client->fd);
}

/* Ids that are none: an answer of null, and nothing worse. */
static void
bad_parameters(void)
{
	static const char *const bad[] = {
		"1", "-1", "99999999999999999999", "x", "0x0", "0,0", "0 ",
	};
	static const char *const names[] = {"info", "stats", "endpoints", "fault_queues",
					     "paging"};
	struct client *client = client_open();
	struct rig *rig = rig_open(NULL);
	size_t i, j;

	for (i = 0; i < ARRAY_COUNT(bad); i++) {
		for (j = 0; j < ARRAY_COUNT(names); j++) {
			char command[64], name[32];

			snprintf(command, sizeof(command), "/uiommu/%s,%s", names[j], bad[i]);
			snprintf(name, sizeof(name), "/uiommu/%s", names[j]);
			check_pair(ask(client, command), name, "null");
		}
	}
	rig_close(rig);
	check_pair(ask(client, "/uiommu/info,0"), "/uiommu/info", "null");
	check_pair(ask(client, "/uiommu/list"), "/uiommu/list", "[]");
	close(client->fd);
}

/* While the owner polls and bonds come and go. */
static void
in_traffic(void)
{
	struct rig_conf conf = {.model_thread = true, .owner_thread = true, .no_log = true};
	struct uiommu_emu_traffic traffic = {.group_pages_min = 1, .group_pages_max = 2};
	struct client *client = client_open();
	struct rig *rig = rig_open(&conf);
	struct recorder *rec = rig_recorder(rig, UIOMMU_CODE_SUCCESS);
	struct uiommu_endpoint *endpoint;
	unsigned int i;

	rig_device_range(rig, EP, 1, 1, 0);
	endpoint = uiommu_endpoint_add(rig->dev, EP, NULL);
	rig_attach(endpoint, 1, rec->domain, NULL);
	CHECK_EQ(uiommu_emu_traffic_set(rig->emu, &traffic), 0);
	uiommu_emu_traffic_run(rig->emu, true);
	for (i = 0; i < 50; i++) {
		struct uiommu_attach *attach = rig_attach(endpoint, 2, rec->domain, NULL);

		check_pair(ask(client, "/uiommu/endpoints"), "0108", "2");
		check_pair(ask(client, "/uiommu/info"), "attached", "2");
		CHECK(strstr(ask(client, "/uiommu/stats"), "requests") != NULL);
		CHECK_EQ(uiommu_detach(attach), 0);
	}
	rig_close(rig);
	close(client->fd);
}

static const struct harness_case telemetry_cases[] = {
	{"telemetry, list, info, stats and endpoints", commands, 0},
	{"telemetry, fault queues", fault_queues, 0},
	{"telemetry, paging", paging, UIOMMU_CAPA_PAGE_TABLES},
	{"telemetry, bad parameters", bad_parameters, 0},
	{"telemetry, in traffic", in_traffic, 0},
};

HARNESS_SUITE(telemetry);
