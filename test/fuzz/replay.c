/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/*
 * Runs the inputs of a corpus once, without libFuzzer: with any compiler, as a regression test.
 * Output is TAP: a case for each file, and one that everything of interest has happened.
 *
 *   replay_request DIRECTORY
 */

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

#define INPUT_MAX (1 << 20)

static uint8_t input[INPUT_MAX];

static int
is_input(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* Size, or -1. The input is copied to the end of a block, so that a read beyond is seen. */
static int
input_run(const char *directory, const char *name)
{
	char path[4096];
	uint8_t *copy;
	size_t size;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "rb");
	if (file == NULL)
		return -1;
	size = fread(input, 1, sizeof(input), file);
	fclose(file);
	copy = malloc(size);
	if (copy == NULL || size == 0) {
		free(copy);
		return -1;
	}
	memcpy(copy, input, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
	return 0;
}

int
main(int argc, char **argv)
{
	struct dirent **entries;
	bool failed = false;
	int nb, i;

	if (argc != 2) {
		fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
		return 2;
	}
	nb = scandir(argv[1], &entries, is_input, alphasort);
	if (nb <= 0) {
		fprintf(stderr, "%s: no inputs in %s\n", argv[0], argv[1]);
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("1..%d\n", nb + 1);
	for (i = 0; i < nb; i++) {
		bool ok = input_run(argv[1], entries[i]->d_name) == 0;

		printf("%s %d - %s\n", ok ? "ok" : "not ok", i + 1, entries[i]->d_name);
		failed = failed || !ok;
		free(entries[i]);
	}
	free(entries);
	if (fuzz_is_complete()) {
		printf("ok %d - everything of interest has happened\n", nb + 1);
	} else {
		printf("not ok %d - everything of interest has happened\n", nb + 1);
		failed = true;
	}
	return failed ? 1 : 0;
}
