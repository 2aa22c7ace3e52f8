/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

#ifndef CALL_H
#define CALL_H

/**
 * @file
 * A control call as the runner sees it, and the runner.
 */

#include "gate.h"
#include "world.h"

/** Errors that a call documents for what is made to fail here; ends with 0. */
#define CALL_ERRORS 4

/** One call, in the world. */
struct call {
	/** Make what it needs, once. May be NULL */
	void (*prepare)(struct world *world);
	/** The call. @return 0 or a negative errno */
	int (*run)(struct world *world);
	/** After success: back to what was before the call. NULL: that cannot be had */
	void (*undo)(struct world *world);
	/** Take away what prepare() made. May be NULL. The unit may be closed already */
	void (*finish)(struct world *world);
	int errors[CALL_ERRORS];
	unsigned int must; /**< kinds (gate.h) that it asks for; none: it succeeds without any */
	bool waits;	   /**< for the unit */
	bool exchanges;    /**< needs harness_unit::can_exchange */
};

/** Make the call fail at each thing it asks for, and at each write to a register. */
void call_memory(const struct call *call);
void call_unit(const struct call *call);

/** A case for each: name##_memory_case() and, where it waits for the unit, name##_unit_case(). */
#define CALL(name, ...)                                       \
	static const struct call name##_call = {__VA_ARGS__}; \
	static void name##_memory_case(void)                  \
	{                                                     \
		call_memory(&name##_call);                    \
	}                                                     \
	struct call_semicolon_##name

#define CALL_UNIT(name)                    \
	static void name##_unit_case(void) \
	{                                  \
		call_unit(&name##_call);   \
	}                                  \
	struct call_unit_semicolon_##name

/** Note what was asked for since the gate was armed; and tell those who read the results. */
void points_note(unsigned int *counts);
void points_print(const unsigned int *counts);

/** As 0 or a negative errno. */
static inline int
call_result(const void *pointer)
{
	return pointer != NULL ? 0 : -rte_errno;
}

/** A handler that finds all as it should be. */
void call_handler(void *priv, struct uiommu_group *groups, uint8_t *codes, uint16_t nb);

/** Make a domain, world::domain; size need not be set. @return 0 or a negative errno */
int call_domain_take(struct world *world, const struct uiommu_domain_conf *what);

extern const struct harness_suite unit_suite, bonds_suite, undo_suite, faults_suite,
	paging_suite, fresh_suite, serve_suite;

#endif /* CALL_H */
