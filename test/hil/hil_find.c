/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hil_find.h"

/* "QEMU emulator version 10.0.2 (...)" */
static bool
version_ask(struct hil_found *found)
{
	char command[PATH_MAX + 32];
	bool known;
	FILE *out;

	snprintf(command, sizeof(command), "'%s' --version 2>/dev/null", found->path);
	out = popen(command, "re");
	if (out == NULL)
		return false;
	known = fscanf(out, "QEMU emulator version %u.%u", &found->major, &found->minor) == 2;
	return pclose(out) == 0 && known;
}

static bool
is_wanted(struct hil_found *found, unsigned int min, unsigned int max)
{
	return access(found->path, X_OK) == 0 && version_ask(found) && found->major >= min &&
	       found->major <= max;
}

/* Each folder of a list; sub: name of a folder within, or "" */
static bool
look_in(const char *list, const char *sub, const char *program, unsigned int min,
	unsigned int max, struct hil_found *found)
{
	while (list != NULL && *list != '\0') {
		size_t len = strcspn(list, ":");

		snprintf(found->path, sizeof(found->path), "%.*s%s/%s", (int)len, list, sub,
			 program);
		if (len > 0 && is_wanted(found, min, max))
			return true;
		list += len + (list[len] == ':');
	}
	return false;
}

static bool
search(const char *program, unsigned int min, unsigned int max, struct hil_found *found)
{
	const char *folders = getenv("UIOMMU_QEMU_DIR");

	return look_in(folders, "/bin", program, min, max, found) ||
	       look_in(folders, "", program, min, max, found) ||
	       look_in(getenv("PATH"), "", program, min, max, found);
}

bool
hil_find(const char *program, unsigned int min, unsigned int max, struct hil_found *found)
{
	static struct hil_found last;
	const char *name = strrchr(last.path, '/');

	/* programs are asked once, not for each case */
	if (name == NULL || strcmp(name + 1, program) != 0 || last.major < min ||
	    last.major > max) {
		if (!search(program, min, max, &last)) {
			last.path[0] = '\0';
			return false;
		}
	}
	*found = last;
	return true;
}
