/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <stdio.h>

#include <rte_version.h>

#include <uiommu.h>

#include "help.h"

static const char help_text[] =
	"Usage: uiommu-storm [EAL arguments --] [options]\n"
	"\n"
	"Sends a storm of page requests from emulated devices through an emulated IOMMU\n"
	"into the fault engine, judges every answer, and reports what the engine did.\n"
	"Two cores are used: one runs the engine (the fault lcore), one the model.\n"
	"\n"
	"Numbers may end in k, M or G (1000 each). EAL arguments are optional; with them the\n"
	"first two worker lcores are the fault lcore and the model's.\n"
	"\n"
	"Unit:\n"
	"  --unit NAME           unit to emulate: vtd (default), smmuv3, riscv, iommufd; --list\n"
	"  --iommu DEVARGS       full device arguments instead, \"vtd,platform=emu,...\"\n"
	"  --source S            pri: devices send page requests (default); stall: their accesses\n"
	"                        wait in the unit; both: half of the devices each. stall and\n"
	"                        both want a unit that can have them wait (smmuv3)\n"
	"  --storm-limit N       stalls of one endpoint in a second from which on the driver ends\n"
	"                        what it has waiting by itself, for a time (default: none)\n"
	"  --queue-entries N     page-request queue, power of two (default: the unit's maximum;\n"
	"                        with --overflow: small enough for the devices to overrun)\n"
	"  --burst N             requests taken and answered at once, 1 to 512 (default: 64)\n"
	"  --handler H           null: answers Success without a look;\n"
	"                        count: looks at each request, counts by PASID (default);\n"
	"                        deliver: hands groups to consumers over fault queues;\n"
	"                        sva: the devices use this process's own memory;\n"
	"                        map: demand paging, every answer is checked in the tables\n"
	"\n"
	"Hand-over (deliver, stuck):\n"
	"  --consumers N         threads that read and answer, 0 to 16 (default: 1; with --stuck\n"
	"                        0); 0: the fault lcore itself, between two polls. With sva:\n"
	"                        threads of the library that resolve, 1 to 16\n"
	"  --fault-queues N      that the domains share (default: one for each domain, up to 64)\n"
	"  --depth N             unanswered groups that each may hold, power of two (default: as\n"
	"                        many as can be outstanding, 65536 in all queues at most)\n"
	"  --sleep               consumers sleep while there is nothing (default: they poll)\n"
	"  --stuck               the last endpoint's consumer answers and gets stuck in turn:\n"
	"                        what does it do to the others?\n"
	"\n"
	"Demand paging (map):\n"
	"  --stage first|second  stage of the tables (default: first)\n"
	"  --backing B           what is behind the windows. memory, file: one for all domains\n"
	"                        (default: memory); anon, callback: each domain has its own\n"
	"  --large               memory in pages of 2 MiB, out of the machine's hugepages\n"
	"  --warm                all is mapped before it is measured: requests find their page\n"
	"  --fault-around N      pages that are mapped around a fault, power of two up to 512\n"
	"  --access              devices use addresses: they ask for a translation first, and\n"
	"                        only for what is not there. Ends when everything is\n"
	"  --compare-around      the same once with single pages, then with --fault-around N:\n"
	"                        how many requests does it save? With --access, sequential\n"
	"  --data                devices keep data in the pages, each access compares all of a\n"
	"                        page. With --access\n"
	"  --budget-pages N      pages that may be there at a time, in all domains together: to\n"
	"                        make room, others are written back. --backing callback --data\n"
	"\n"
	"Devices:\n"
	"  --endpoints N         1 to 4096 (default: 16, or the PASIDs if they are fewer)\n"
	"  --pasids N            PASIDs attached, spread over the endpoints (default: 64, or\n"
	"                        one for each endpoint). With sva there is one, this process's,\n"
	"                        on all endpoints\n"
	"  --domains N           domains that they are attached to (default: 1; with deliver one\n"
	"                        for each consumer; 2 or more where they are replaced; with map\n"
	"                        one for each PASID, with --budget-pages 4)\n"
	"\n"
	"Traffic:\n"
	"  --group-pages A-B     pages of a request group (default: 1-1)\n"
	"  --profile P           uniform, sequential, zipf, hotspot or burst (default: uniform)\n"
	"  --write-ratio R       share of requests that ask to write (default: 0.5)\n"
	"  --window-pages N      pages used of each address space (default: 65536; sva: 16384;\n"
	"                        map: 16384 of memory, 1024 otherwise, 4 times the budget)\n"
	"  --rate N              requests a second, 0: as fast as possible (default)\n"
	"  --bad-ratio R         share of malformed and unknown requests (default: 0)\n"
	"  --overflow            make the queue overflow: the devices ask for more than it\n"
	"                        holds, and the engine is held for a moment now and then\n"
	"  --churn N             N times a second a bond goes and comes back; each 64th time a\n"
	"                        whole endpoint\n"
	"  --churn-mode M,...    detach, replace (gets another domain in place), remove (whole\n"
	"                        endpoint, alone: each time); default: detach,remove\n"
	"  --seed N              same seed, same requests (default: 1)\n"
	"\n"
	"Run:\n"
	"  --duration S          seconds that are measured (default: 10)\n"
	"  --judge J             full: each answer against its request, field by field\n"
	"                        (default); light: outstanding or not\n"
	"  --preload             fill the queue, then let the engine go alone, in turns: its own\n"
	"                        rate, where the model is the slower side\n"
	"  --cores F,M           CPUs of the fault lcore and of the model\n"
	"  --no-huge             memory without hugepages\n"
	"  --exclusive           fail where others use the two cores\n"
	"  --check-fast-path     fail where the fault lcore allocated memory during the storm\n"
	"  --no-bound            leave the bound out\n"
	"\n"
	"Output:\n"
	"  --json FILE           report as JSON; -: on stdout, instead of the text\n"
	"  --quiet               no text report, no progress\n"
	"  --progress            a line each second, also where stderr is no terminal\n"
	"  --list                units, drivers, platforms, sources, handlers and profiles\n"
	"  --version             versions of uiommu and DPDK\n"
	"  --help, -h            this text\n"
	"\n"
	"Figures:\n"
	"  requests/s       requests that the engine took off the queue, by wall clock\n"
	"  ns per request   cycles of the fault lcore's poll calls that found work, divided by\n"
	"                   the requests found: fetching, routing, grouping, handler and answers,\n"
	"                   with all cache misses. Calls that found nothing are left out.\n"
	"                   Undisturbed: without calls over 200 us, in which the lcore was away\n"
	"  engine           1e9 / ns per request: the rate at 100 % busy\n"
	"  latency          from the model's write of a request to its judging of the answer; the\n"
	"                   model reads the clock once a burst\n"
	"  bound            records moved through bare rings, there and back, by the same two\n"
	"                   cores, same burst, no other work; of the sizes that the unit's\n"
	"                   entries have, which are told; best of three slices\n"
	"  reports          accesses that the unit has ended by itself: nothing is answered\n"
	"  bound ratio      engine / bound\n"
	"  missing          with sva: pages that were answered Success and are not there at the\n"
	"                   end (mincore): a failure\n"
	"  verified         with map: pages that the model looked for in the tables after Success\n"
	"  evicted          pages that left to make room, written back where they were written to\n"
	"  ratio of stuck   what the other endpoints get while one consumer is stuck, divided by\n"
	"                   what they get while it answers; medians over phases\n"
	"  round trip       of a word between the two cores, before and after the storm: tells\n"
	"                   cores that share a cache from others\n"
	"\n"
	"Exit code: 0 clean verdict, 1 verdict not clean or the storm failed, 2 usage.\n";

void
help_print(void)
{
	fputs(help_text, stdout);
}

void
help_version(void)
{
	printf("uiommu-storm %s (%s)\n", uiommu_version(), rte_version());
}

static void
print_words(const char *title, const char *const *words)
{
	printf("%s:", title);
	for (; *words != NULL; words++)
		printf(" %s", *words);
	printf("\n");
}

static void
print_registered(const char *title, const char *(*name_of)(unsigned int index))
{
	const char *name;
	unsigned int i;

	printf("%s:", title);
	for (i = 0; (name = name_of(i)) != NULL; i++)
		printf(" %s", name);
	printf("\n");
}

void
help_list(const char *const *sources, const char *const *handlers, const char *const *profiles)
{
	print_registered("units and drivers", uiommu_driver_name);
	print_registered("platforms", uiommu_platform_name);
	print_words("sources", sources);
	print_words("handlers", handlers);
	print_words("profiles", profiles);
}
