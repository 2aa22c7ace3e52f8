/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef HIL_PROCESS_H
#define HIL_PROCESS_H

/**
 * @file
 * A QEMU of our own: a child process whose memory is shared with this one, and which ends with it.
 * One thread.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/types.h>

/** Words of a command line at most. */
#define HIL_ARGS_MAX 64

/** Longest text about what went wrong, one line. */
#define HIL_WHY_SIZE 160

/** A command line. Words are copied. */
struct hil_args {
	char *words[HIL_ARGS_MAX + 1];
	int nb;
};

/** Add words that are separated by single blanks. */
void
hil_args_add(struct hil_args *args, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** Give the words back. */
void
hil_args_free(struct hil_args *args);

/** Memory that a child can open by name. */
struct hil_memory_file {
	int fd;
	uint8_t *va;
	size_t size;   /**< in bytes */
	char path[32]; /**< for the child */
};

/** @return 0 or a negative errno */
int
hil_memory_file_open(struct hil_memory_file *file, const char *name, size_t size);

void
hil_memory_file_close(struct hil_memory_file *file);

/** A child. */
struct hil_process {
	pid_t pid;                 /**< 0: none */
	int socket;                /**< our end of the qtest protocol; -1: none */
	struct hil_memory_file log; /**< what it has written to stderr */
};

/** File descriptor of the qtest socket in the child. */
#define HIL_SOCKET_FD 3

/**
 * Start a program, with the other end of the socket as file HIL_SOCKET_FD.
 *
 * @param args args->words[0] is the program
 * @return 0 or a negative errno
 */
int
hil_process_start(struct hil_process *process, const struct hil_args *args);

/**
 * Whether the child has ended, and why: "status 1: last line that it wrote".
 *
 * @param why HIL_WHY_SIZE bytes; untouched while it runs
 */
bool
hil_process_has_ended(struct hil_process *process, char *why);

/** End the child, wait for it, and give everything back. */
void
hil_process_stop(struct hil_process *process);

#endif /* HIL_PROCESS_H */
