/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef PLATFORM_RIG_H
#define PLATFORM_RIG_H

/*
 * A machine for drivers/platform, whose sources are included after this: files in a folder of its
 * own in place of what the kernel shows, an EAL that says what a test wants, and the log, line by
 * line. Devargs are parsed by lib/iommu/args.c.
 */

#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_memory.h>

#include "args.c"

#include "heap_rig.h"

int uiommu_logtype = RTE_LOGTYPE_USER1;
int platform_logtype = RTE_LOGTYPE_USER1;

/* ------------------------------------------------------------------------------- EAL */

static int eal_hugepages = 1;
static enum rte_iova_mode eal_iova_mode = RTE_IOVA_PA;

static inline int
rig_has_hugepages(void)
{
	return eal_hugepages;
}

static inline enum rte_iova_mode
rig_iova_mode(void)
{
	return eal_iova_mode;
}

#define rte_eal_has_hugepages rig_has_hugepages
#define rte_eal_iova_mode rig_iova_mode

/* The platform that the source under test registers. */
static const struct uiommu_platform_ops *registered;

void
uiommu_platform_register(const struct uiommu_platform_ops *ops)
{
	registered = ops;
}

/* ------------------------------------------------------------------------------- log */

static FILE *log_stream;
static char *log_text;
static size_t log_size;
static char log_last[4096];

/* What was logged since the last call. */
static inline const char *
log_take(void)
{
	fflush(log_stream);
	snprintf(log_last, sizeof(log_last), "%.*s", (int)ftell(log_stream), log_text);
	fseek(log_stream, 0, SEEK_SET);
	return log_last;
}

/* ------------------------------------------------------------------------------ files */

static char rig_root[PATH_MAX];
/* The one file that this user may not have; NULL: all may be had. And what open() says then. */
static const char *denied;
static int denied_errno;

static inline bool
is_denied(const char *path)
{
	return denied != NULL && strlen(path) >= strlen(denied) &&
	       strcmp(path + strlen(path) - strlen(denied), denied) == 0;
}

static inline int
rig_faccessat(int dir, const char *path, int mode, int flags)
{
	assert_int_equal(flags, AT_EACCESS);
	if (mode != F_OK && is_denied(path)) {
		errno = EACCES;
		return -1;
	}
	return faccessat(dir, path, mode, flags);
}

/* No source creates a file. */
static inline int
rig_open(const char *path, int flags)
{
	assert_true((flags & O_CLOEXEC) != 0);
	assert_int_equal(flags & (O_CREAT | O_TRUNC), 0);
	if (is_denied(path)) {
		errno = denied_errno;
		return -1;
	}
	return open(path, flags);
}

#define faccessat rig_faccessat
#define open(path, flags) rig_open(path, flags)

static inline void
tree_folders(const char *full)
{
	char *path = strdup(full), *slash;

	assert_non_null(path);
	for (slash = path + strlen(rig_root) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
		*slash = '\0';
		assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
		*slash = '/';
	}
	free(path);
}

static inline const char *
tree_full(const char *path)
{
	static char *full;

	free(full);
	assert_true(asprintf(&full, "%s%s", rig_root, path) > 0);
	return full;
}

/* Make a folder, with those that it is in. */
static inline void
tree_folder(const char *path)
{
	char *full;

	assert_true(asprintf(&full, "%s%s/", rig_root, path) > 0);
	tree_folders(full);
	free(full);
}

static inline void
tree_bytes(const char *path, const void *bytes, size_t size)
{
	FILE *file;

	tree_folders(tree_full(path));
	file = fopen(tree_full(path), "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	fclose(file);
}

static inline void
tree_file(const char *path, const char *text)
{
	tree_bytes(path, text, strlen(text));
}

static inline int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static inline void
tree_remove(const char *path)
{
	nftw(tree_full(path), remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void
tree_link(const char *path, const char *target)
{
	tree_remove(path);
	tree_folders(tree_full(path));
	assert_int_equal(symlink(target, tree_full(path)), 0);
}

/* --------------------------------------------------------------------------- platform */

static struct uiommu_platform rig_plat;
static struct uiommu_args rig_args;

/* As uiommu_probe() does it, with the platform that was registered. */
static inline int
plat_open(const char *devargs)
{
	int ret;

	rig_plat = (struct uiommu_platform){
		.ops = registered, .name = "unit0", .driver = "vtd", .socket_id = SOCKET_ID_ANY,
	};
	assert_int_equal(uiommu_pvt_args_parse(&rig_args, devargs), 0);
	assert_non_null(uiommu_args_get_str(&rig_args, "platform"));
	ret = (registered->open)(&rig_plat, &rig_args);
	/* no key is left over, where all was well */
	if (ret == 0)
		assert_null(uiommu_pvt_args_unused(&rig_args));
	uiommu_pvt_args_free(&rig_args);
	return ret;
}

/* The next one that will be opened: the same at the end, where none was left open. */
static int rig_next_fd;

static inline int
next_fd(void)
{
	const int fd = dup(STDERR_FILENO);

	close(fd);
	return fd;
}

static inline int
rig_set_up(void **state)
{
	snprintf(rig_root, sizeof(rig_root), "%s/uiommu-platform-XXXXXX",
		 getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	if (mkdtemp(rig_root) == NULL)
		return -1;
	log_stream = open_memstream(&log_text, &log_size);
	if (log_stream == NULL || rte_openlog_stream(log_stream) != 0)
		return -1;
	denied = NULL;
	denied_errno = EACCES;
	eal_hugepages = 1;
	eal_iova_mode = RTE_IOVA_PA;
	nb_allowed = UINT32_MAX;
	rig_next_fd = next_fd();
	return 0;
}

static inline int
rig_tear_down(void **state)
{
	const bool clean = nb_blocks == 0 && next_fd() == rig_next_fd;

	rte_openlog_stream(NULL);
	fclose(log_stream);
	free(log_text);
	tree_remove("");
	return clean ? 0 : -1;
}

#define PLATFORM_CASE(name) cmocka_unit_test_setup_teardown(name, rig_set_up, rig_tear_down)

/* A call failed with this code, and one line that says why, whole. */
#define assert_refused(call, code, line)                                                           \
	do {                                                                                       \
		assert_int_equal(call, code);                                                      \
		assert_string_equal(log_take(), line "\n");                                        \
	} while (0)

#endif /* PLATFORM_RIG_H */
