/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "number.h"

static uint64_t
suffix_factor(char c)
{
	switch (c) {
	case 'k':
	case 'K':
		return 1000;
	case 'M':
		return 1000000;
	case 'G':
		return 1000000000;
	default:
		return 0;
	}
}

int
number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	int base = text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? 16 : 10;
	uint64_t n, factor = 1;
	char *end;

	/* strtoull() takes spaces and signs, we do not */
	if (!isdigit((unsigned char)text[0]) || (base == 16 && !isxdigit((unsigned char)text[2])))
		return -EINVAL;
	errno = 0;
	n = strtoull(text, &end, base);
	if (errno == ERANGE)
		return -ERANGE;
	if (*end != '\0' && base == 10) {
		factor = suffix_factor(*end);
		if (factor == 0)
			return -EINVAL;
		end++;
	}
	if (*end != '\0')
		return -EINVAL;
	if (n > UINT64_MAX / factor || n * factor < min || n * factor > max)
		return -ERANGE;
	*value = n * factor;
	return 0;
}

int
ratio_parse(const char *text, double min, double max, double *value)
{
	const char *point = strchr(text, '.');
	size_t digits = strspn(text, "0123456789.");
	char *end;
	double n;

	/* strtod() takes signs, exponents, "nan" and "inf", we do not */
	if (digits != strlen(text) || digits == 0 || strcmp(text, ".") == 0 ||
	    (point != NULL && strchr(point + 1, '.') != NULL))
		return -EINVAL;
	n = strtod(text, &end);
	if (*end != '\0')
		return -EINVAL;
	if (n < min || n > max)
		return -ERANGE;
	*value = n;
	return 0;
}

int
range_parse(const char *text, uint32_t min, uint32_t max, uint32_t *from, uint32_t *to)
{
	const char *dash = strchr(text, '-');
	char first[32];
	uint64_t a, b;
	size_t len;
	int ret;

	if (dash == NULL) {
		ret = number_parse(text, min, max, &a);
		if (ret == 0)
			*from = *to = (uint32_t)a;
		return ret;
	}
	len = (size_t)(dash - text);
	if (len >= sizeof(first))
		return -EINVAL;
	memcpy(first, text, len);
	first[len] = '\0';
	ret = number_parse(first, min, max, &a);
	if (ret == 0)
		ret = number_parse(dash + 1, min, max, &b);
	if (ret < 0)
		return ret;
	if (a > b)
		return -ERANGE;
	*from = (uint32_t)a;
	*to = (uint32_t)b;
	return 0;
}
