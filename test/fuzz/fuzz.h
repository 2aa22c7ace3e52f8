/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef FUZZ_H
#define FUZZ_H

/* What each fuzz target has, for libFuzzer and for replay.c; and what each uses. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* A rule that is broken ends the program with one line that says which. */
#define rule(condition, text)                                                              \
	do {                                                                               \
		if (!(condition)) {                                                        \
			fprintf(stderr, "broken: %s (%s:%d)\n", text, __FILE__, __LINE__); \
			abort();                                                           \
		}                                                                          \
	} while (0)

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Print what has happened over all inputs. @return whether that is everything of interest */
bool
fuzz_is_complete(void);

#endif /* FUZZ_H */
