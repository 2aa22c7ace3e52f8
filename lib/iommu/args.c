/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Devargs of a unit: "driver,key=value,key=value". */

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_kvargs.h>
#include <rte_string_fns.h>

#include <uiommu_driver.h>

#include "uiommu_compat.h"
#include "uiommu_pvt.h"

static int
args_check_pairs(const struct uiommu_args *args)
{
	unsigned int i, j;

	for (i = 0; i < args->kv->count; i++) {
		const struct rte_kvargs_pair *pair = &args->kv->pairs[i];

		if (pair->key == NULL || pair->key[0] == '\0' || pair->value == NULL ||
		    pair->value[0] == '\0') {
			UIOMMU_LOG(ERR, "devargs: '%s' has no value",
				   pair->key == NULL ? "" : pair->key);
			return -EINVAL;
		}
		for (j = 0; j < i; j++) {
			if (strcmp(pair->key, args->kv->pairs[j].key) == 0) {
				UIOMMU_LOG(ERR, "devargs: '%s' is given twice", pair->key);
				return -EINVAL;
			}
		}
	}
	return 0;
}

int
uiommu_pvt_args_parse(struct uiommu_args *args, const char *devargs)
{
	const char *comma;
	size_t length;

	memset(args, 0, sizeof(*args));
	if (devargs == NULL)
		return -EINVAL;
	comma = strchr(devargs, ',');
	length = comma == NULL ? strlen(devargs) : (size_t)(comma - devargs);
	if (length == 0 || length >= sizeof(args->driver) || memchr(devargs, '=', length) != NULL) {
		UIOMMU_LOG(ERR, "devargs '%s': must begin with the name of a driver", devargs);
		return -EINVAL;
	}
	memcpy(args->driver, devargs, length);
	if (comma == NULL)
		return 0;
	args->kv = rte_kvargs_parse(comma + 1, NULL);
	if (args->kv == NULL || args->kv->count == 0) {
		UIOMMU_LOG(ERR, "devargs '%s': expected key=value after the comma", devargs);
		uiommu_pvt_args_free(args);
		return -EINVAL;
	}
	if (args_check_pairs(args) < 0) {
		uiommu_pvt_args_free(args);
		return -EINVAL;
	}
	return 0;
}

void
uiommu_pvt_args_free(struct uiommu_args *args)
{
	rte_kvargs_free(args->kv);
	args->kv = NULL;
}

const char *
uiommu_args_get_str(struct uiommu_args *args, const char *key)
{
	unsigned int i;

	if (args->kv == NULL)
		return NULL;
	for (i = 0; i < args->kv->count; i++) {
		if (strcmp(args->kv->pairs[i].key, key) == 0) {
			args->used |= UINT64_C(1) << i;
			return args->kv->pairs[i].value;
		}
	}
	return NULL;
}

int
uiommu_args_get_u64(struct uiommu_args *args, const char *key, uint64_t min, uint64_t max,
		    uint64_t *value)
{
	const char *text = uiommu_args_get_str(args, key);
	unsigned long long number;
	char *end;
	int base;

	if (text == NULL)
		return 0;
	base = text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? 16 : 10;
	errno = 0;
	/* strtoull() would take blanks and a sign */
	number = isdigit((unsigned char)text[0]) ? strtoull(text, &end, base) : 0;
	if (!isdigit((unsigned char)text[0]) || errno != 0 || *end != '\0' ||
	    (base == 16 && text[2] == '\0') || number < min || number > max) {
		UIOMMU_LOG(ERR, "devargs: %s=%s: expected a number from %" PRIu64 " to %" PRIu64,
			   key, text, min, max);
		return -EINVAL;
	}
	*value = number;
	return 0;
}

const char *
uiommu_pvt_args_unused(const struct uiommu_args *args)
{
	unsigned int i;

	if (args->kv == NULL)
		return NULL;
	for (i = 0; i < args->kv->count; i++) {
		if ((args->used & (UINT64_C(1) << i)) == 0)
			return args->kv->pairs[i].key;
	}
	return NULL;
}
