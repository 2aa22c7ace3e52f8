/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "hil_process.h"

/** Bytes of the child's talk that are kept: what is beyond is lost. */
#define LOG_SIZE 65536

/* ------------------------------------------------------------ command lines */

void
hil_args_add(struct hil_args *args, const char *fmt, ...)
{
	char text[1024];
	char *rest = text, *word;
	va_list list;

	va_start(list, fmt);
	vsnprintf(text, sizeof(text), fmt, list);
	va_end(list);
	while ((word = strsep(&rest, " ")) != NULL && args->nb < HIL_ARGS_MAX)
		args->words[args->nb++] = strdup(word);
	args->words[args->nb] = NULL;
}

void
hil_args_free(struct hil_args *args)
{
	while (args->nb > 0)
		free(args->words[--args->nb]);
}

/* ------------------------------------------------------------------- memory */

int
hil_memory_file_open(struct hil_memory_file *file, const char *name, size_t size)
{
	*file = (struct hil_memory_file){.size = size};
	/* the child inherits it */
	file->fd = memfd_create(name, 0);
	if (file->fd < 0)
		return -errno;
	if (ftruncate(file->fd, (off_t)size) == 0)
		file->va = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file->fd, 0);
	if (file->va == NULL || file->va == MAP_FAILED) {
		file->va = NULL;
		hil_memory_file_close(file);
		return -ENOMEM;
	}
	snprintf(file->path, sizeof(file->path), "/proc/self/fd/%d", file->fd);
	return 0;
}

void
hil_memory_file_close(struct hil_memory_file *file)
{
	if (file->va != NULL)
		munmap(file->va, file->size);
	if (file->fd >= 0)
		close(file->fd);
	*file = (struct hil_memory_file){.fd = -1};
}

/* -------------------------------------------------------------------- child */

/* In the child: never returns. */
static _Noreturn void
run(const struct hil_args *args, int socket, int log, pid_t parent)
{
	int null = open("/dev/null", O_RDONLY);

	/* it ends with the thread that has started it, whatever becomes of that */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(126);
	dup2(null, STDIN_FILENO);
	dup2(log, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
	if (socket == HIL_SOCKET_FD)
		fcntl(socket, F_SETFD, 0);
	else
		dup2(socket, HIL_SOCKET_FD);
	execvp(args->words[0], args->words);
	dprintf(STDERR_FILENO, "%s: %s\n", args->words[0], strerror(errno));
	_exit(127);
}

int
hil_process_start(struct hil_process *process, const struct hil_args *args)
{
	const pid_t parent = getpid();
	int ends[2];
	int ret;

	*process = (struct hil_process){.socket = -1};
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return -errno;
	ret = hil_memory_file_open(&process->log, "hil-log", LOG_SIZE);
	if (ret == 0) {
		process->pid = fork();
		ret = process->pid < 0 ? -errno : 0;
	}
	if (ret == 0 && process->pid == 0)
		run(args, ends[1], process->log.fd, parent);
	close(ends[1]);
	process->socket = ends[0];
	if (ret != 0) {
		process->pid = 0;
		hil_process_stop(process);
	}
	return ret;
}

/* The last line that the child has written, without its end. */
static void
last_line(const struct hil_process *process, char *line, size_t size)
{
	const char *text = (const char *)process->log.va;
	size_t end = strnlen(text, LOG_SIZE - 1), begin;

	while (end > 0 && text[end - 1] == '\n')
		end--;
	begin = end;
	while (begin > 0 && text[begin - 1] != '\n')
		begin--;
	snprintf(line, size, "%.*s", (int)(end - begin), text + begin);
}

bool
hil_process_has_ended(struct hil_process *process, char *why)
{
	char line[HIL_WHY_SIZE - 32];
	int status;

	if (process->pid == 0 || waitpid(process->pid, &status, WNOHANG) != process->pid)
		return false;
	process->pid = 0;
	last_line(process, line, sizeof(line));
	if (WIFSIGNALED(status))
		snprintf(why, HIL_WHY_SIZE, "signal %d: %s", WTERMSIG(status), line);
	else
		snprintf(why, HIL_WHY_SIZE, "status %d: %s", WEXITSTATUS(status), line);
	return true;
}

void
hil_process_stop(struct hil_process *process)
{
	if (process->pid != 0) {
		kill(process->pid, SIGKILL);
		waitpid(process->pid, NULL, 0);
		process->pid = 0;
	}
	if (process->socket >= 0)
		close(process->socket);
	process->socket = -1;
	if (process->log.va != NULL)
		hil_memory_file_close(&process->log);
}
