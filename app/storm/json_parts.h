/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef STORM_JSON_PARTS_H
#define STORM_JSON_PARTS_H

/* Parts of the report as JSON. */

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "result.h"

static inline void
set_count(json_t *to, const char *key, uint64_t value)
{
	json_object_set_new(to, key, json_integer((json_int_t)value));
}

static inline void
set_real(json_t *to, const char *key, double value)
{
	json_object_set_new(to, key, json_real(value));
}

static inline void
set_text(json_t *to, const char *key, const char *value)
{
	json_object_set_new(to, key, json_string(value));
}

static inline void
set_bool(json_t *to, const char *key, bool value)
{
	json_object_set_new(to, key, json_boolean(value));
}

/*
 * Members "stalls", "reports", "churn", "deliver", "sva" and "stuck"; null for what the storm had
 * not.
 */
void
json_life_add(json_t *root, const struct storm *s, const struct storm_result *r);

/* Member "paging"; null without --handler map. */
void
json_map_add(json_t *root, const struct storm *s, const struct storm_result *r);

#endif /* STORM_JSON_PARTS_H */
