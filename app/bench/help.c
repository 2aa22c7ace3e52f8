/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <stdio.h>

#include "options.h"

static const char help_text[] =
	"Usage: uiommu-bench [EAL arguments --] [options]\n"
	"\n"
	"Measures I/O page tables, and domains on an emulated unit, beside what a process\n"
	"pays the kernel for as many pages of its own; and the engine on the kernel's fault\n"
	"queues, beside a plain loop. All points are measured in each round, one after the\n"
	"other; what is compared is compared round by round.\n"
	"\n"
	"Numbers may end in k, M or G (1000 each). The EAL is started only for the cases\n"
	"\"domain\", \"fault\" and \"idle\"; EAL arguments are optional.\n"
	"\n"
	"What:\n"
	"  --case C,...          cases, see --list (default: all)\n"
	"  --format F,...        formats of tables, see --list, or all (default: x86-first)\n"
	"  --pages N             pages of 4 KiB of each measurement, 512 to 1048576, a multiple\n"
	"                        of 512 (default: 65536)\n"
	"  --tables-mib N        walk: size of the tables, 1 to 1024 (default: 64)\n"
	"  --unit NAME           domain, fault, idle: unit to emulate, see --list (default: vtd)\n"
	"  --threads N           most threads at once, 1 to 64 (default: as many as CPUs)\n"
	"\n"
	"Run:\n"
	"  --rounds N            1 to 1000 (default: 11)\n"
	"  --quick               little of everything, for a look whether it works: 4096 pages,\n"
	"                        4 MiB of tables, 2 rounds\n"
	"  --icount              the clock counts instructions, as in QEMU with one CPU and\n"
	"                        -icount shift=0; fails where it does not\n"
	"\n"
	"Output:\n"
	"  --csv FILE            as CSV; \"-\": stdout, in place of the text\n"
	"  --json FILE           as JSON, with each sample; \"-\": likewise\n"
	"  --quiet               no progress on stderr, and no text\n"
	"  --list                cases, formats and units, and exit\n"
	"  --version             and exit\n"
	"  -h, --help            this text, and exit\n"
	"\n"
	"Exit code: 0 measured; 1 something failed; 2 wrong arguments. How fast it was is no\n"
	"reason to fail.\n";

void
help_print(void)
{
	fputs(help_text, stdout);
}

void
help_list(void)
{
	uint32_t i;

	printf("cases:");
	for (i = 0; i < NB_CASES; i++)
		printf(" %s", points_case_name((enum bench_case)i));
	printf("\nformats:");
	for (i = 0; i < UIOMMU_PGTABLE_FORMATS; i++)
		printf(" %s", uiommu_pgtable_format_name(i));
	printf("\nunits:");
	for (i = 0; uiommu_driver_name(i) != NULL; i++)
		printf(" %s", uiommu_driver_name(i));
	printf("\n");
}
