/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 The uiommu authors
 */

/* Devargs: lib/iommu/args.c, included as source. Each refusal must be one line in the log. */

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "args.c"

#define UNTOUCHED UINT64_C(0xabcdef)

int uiommu_logtype = RTE_LOGTYPE_USER1;

static FILE *log_stream;
static char *log_text;
static size_t log_size;

static int
log_open(void **state)
{
	log_stream = open_memstream(&log_text, &log_size);
	return log_stream == NULL ? -1 : rte_openlog_stream(log_stream);
}

static int
log_close(void **state)
{
	rte_openlog_stream(NULL);
	fclose(log_stream);
	free(log_text);
	return 0;
}

/* Lines logged since the last call. */
static unsigned int
log_lines(void)
{
	unsigned int lines = 0;
	size_t i;

	fflush(log_stream);
	for (i = 0; i < log_size; i++)
		lines += log_text[i] == '\n';
	fseek(log_stream, 0, SEEK_SET);
	return lines;
}

static void
driver_alone(void **state)
{
	struct uiommu_args args;
	uint64_t value = UNTOUCHED;

	assert_int_equal(uiommu_pvt_args_parse(&args, "vtd"), 0);
	assert_string_equal(args.driver, "vtd");
	assert_null(uiommu_args_get_str(&args, "platform"));
	assert_int_equal(uiommu_args_get_u64(&args, "prq", 0, UINT64_MAX, &value), 0);
	assert_int_equal(value, UNTOUCHED);
	assert_null(uiommu_pvt_args_unused(&args));
	uiommu_pvt_args_free(&args);
	assert_int_equal(log_lines(), 0);
}

static void
keys_and_values(void **state)
{
	struct uiommu_args args;
	uint64_t prq = 0, other = UNTOUCHED;

	assert_int_equal(uiommu_pvt_args_parse(&args, "vtd,platform=emu,prq=16384,path=/dev/x:1"),
			 0);
	assert_string_equal(args.driver, "vtd");
	assert_string_equal(uiommu_args_get_str(&args, "platform"), "emu");
	assert_int_equal(uiommu_args_get_u64(&args, "prq", 128, 16384, &prq), 0);
	assert_int_equal(prq, 16384);
	assert_int_equal(uiommu_args_get_u64(&args, "absent", 1, 2, &other), 0);
	assert_int_equal(other, UNTOUCHED);
	assert_string_equal(uiommu_pvt_args_unused(&args), "path");
	assert_string_equal(uiommu_args_get_str(&args, "path"), "/dev/x:1");
	assert_null(uiommu_pvt_args_unused(&args));
	uiommu_pvt_args_free(&args);
	assert_int_equal(log_lines(), 0);
}

/* A key that nobody asks for is found out, wherever it stands. */
static void
unknown_keys_are_named(void **state)
{
	static const char *const texts[] = {
		"vtd,bogus=1,prq=256,platform=emu",
		"vtd,prq=256,bogus=1,platform=emu",
		"vtd,prq=256,platform=emu,bogus=1",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_COUNT(texts); i++) {
		struct uiommu_args args;
		uint64_t value;

		assert_int_equal(uiommu_pvt_args_parse(&args, texts[i]), 0);
		assert_int_equal(uiommu_args_get_u64(&args, "prq", 0, 1000, &value), 0);
		assert_non_null(uiommu_args_get_str(&args, "platform"));
		assert_string_equal(uiommu_pvt_args_unused(&args), "bogus");
		uiommu_pvt_args_free(&args);
	}
	log_lines();
}

/* A key is its whole name, in its own case. */
static void
keys_are_matched_exactly(void **state)
{
	struct uiommu_args args;

	assert_int_equal(uiommu_pvt_args_parse(&args, "vtd,prq=256"), 0);
	assert_null(uiommu_args_get_str(&args, "pr"));
	assert_null(uiommu_args_get_str(&args, "prqs"));
	assert_null(uiommu_args_get_str(&args, "PRQ"));
	assert_null(uiommu_args_get_str(&args, ""));
	assert_string_equal(uiommu_pvt_args_unused(&args), "prq");
	uiommu_pvt_args_free(&args);
	log_lines();
}

static void
bad_texts_are_refused(void **state)
{
	static const char *const texts[] = {
		"",
		",",
		",prq=1",
		"prq=1", /* no driver */
		"prq=1,vtd",
		"vtd,", /* nothing after the comma */
		"vtd,,",
		"vtd,prq", /* no value */
		"vtd,prq=",
		"vtd,=1", /* no key */
		"vtd,=",
		"vtd,platform=emu,prq",
		"vtd,platform=emu,prq=",
		"vtd,platform=emu,=1",
		"vtd,prq=1,prq=1", /* twice, the same */
		"vtd,prq=1,prq=2",
		"vtd,prq=1,platform=emu,prq=2",
		"a-name-that-is-too-long-for-any-driver,prq=1",
	};
	struct uiommu_args args;
	unsigned int i;

	for (i = 0; i < ARRAY_COUNT(texts); i++) {
		int rc = uiommu_pvt_args_parse(&args, texts[i]);

		if (rc != -EINVAL)
			print_message("accepted: '%s'\n", texts[i]);
		assert_int_equal(rc, -EINVAL);
		assert_null(args.kv);
		assert_int_equal(log_lines(), 1);
	}
	assert_int_equal(uiommu_pvt_args_parse(&args, NULL), -EINVAL);
	log_lines();
}

/* The longest name that fits, and one more. */
static void
driver_name_has_a_bound(void **state)
{
	char text[UIOMMU_NAME_SIZE + 8];
	struct uiommu_args args;

	memset(text, 'd', sizeof(text));
	text[UIOMMU_NAME_SIZE - 1] = '\0';
	assert_int_equal(uiommu_pvt_args_parse(&args, text), 0);
	assert_string_equal(args.driver, text);
	uiommu_pvt_args_free(&args);
	text[UIOMMU_NAME_SIZE - 1] = 'd';
	text[UIOMMU_NAME_SIZE] = '\0';
	assert_int_equal(uiommu_pvt_args_parse(&args, text), -EINVAL);
	assert_int_equal(log_lines(), 1);
}

/* More pairs than fit are refused, not cut off; those that fit are all seen. */
static void
number_of_pairs_has_a_bound(void **state)
{
	char text[4096];
	struct uiommu_args args;
	unsigned int n, i;

	for (n = 1; n <= 80; n++) {
		size_t length = (size_t)snprintf(text, sizeof(text), "vtd");

		for (i = 0; i < n; i++)
			length += (size_t)snprintf(text + length, sizeof(text) - length, ",k%u=%u",
						   i, i);
		if (uiommu_pvt_args_parse(&args, text) == 0) {
			for (i = 0; i < n; i++) {
				uint64_t value = UNTOUCHED;
				char key[8];

				snprintf(key, sizeof(key), "k%u", i);
				assert_string_equal(uiommu_pvt_args_unused(&args), key);
				assert_int_equal(uiommu_args_get_u64(&args, key, 0, 100, &value),
						 0);
				assert_int_equal(value, i);
			}
			assert_null(uiommu_pvt_args_unused(&args));
			uiommu_pvt_args_free(&args);
			assert_int_equal(log_lines(), 0);
		} else {
			assert_true(n > 16);
			assert_int_equal(log_lines(), 1);
		}
	}
}

static void
good_numbers(void **state)
{
	static const struct {
		const char *text;
		uint64_t value;
	} numbers[] = {
		{"0", 0},
		{"1", 1},
		{"00012", 12}, /* decimal, not octal */
		{"0x0", 0},
		{"0x10", 16},
		{"0XfF", 255},
		{"18446744073709551615", UINT64_MAX},
		{"0xffffffffffffffff", UINT64_MAX},
	};
	struct uiommu_args args;
	char text[64];
	unsigned int i;

	for (i = 0; i < ARRAY_COUNT(numbers); i++) {
		uint64_t value = UNTOUCHED;

		snprintf(text, sizeof(text), "vtd,n=%s", numbers[i].text);
		assert_int_equal(uiommu_pvt_args_parse(&args, text), 0);
		assert_int_equal(uiommu_args_get_u64(&args, "n", 0, UINT64_MAX, &value), 0);
		assert_true(value == numbers[i].value);
		assert_null(uiommu_pvt_args_unused(&args));
		uiommu_pvt_args_free(&args);
	}
	assert_int_equal(log_lines(), 0);
}

static void
bad_numbers_are_refused(void **state)
{
	static const char *const numbers[] = {
		"x",
		"-1",
		"+1",
		"-0",
		" 1",
		"1 ",
		"\t1",
		"1x",
		"1.0",
		"1e3",
		"0x",
		"0xg",
		"0x1g",
		"0x-1",
		"0x+1",
		"0x 1",
		"0x0x1",
		"0b1",
		"12abc",
		"1_000",
		"1k",
		"18446744073709551616",
		"0x10000000000000000",
		"99999999999999999999999999",
		"''",
		"\xd9\xa1",
	};
	struct uiommu_args args;
	char text[64];
	unsigned int i;

	for (i = 0; i < ARRAY_COUNT(numbers); i++) {
		uint64_t value = UNTOUCHED;
		int rc;

		snprintf(text, sizeof(text), "vtd,n=%s", numbers[i]);
		assert_int_equal(uiommu_pvt_args_parse(&args, text), 0);
		rc = uiommu_args_get_u64(&args, "n", 0, UINT64_MAX, &value);
		if (rc != -EINVAL)
			print_message("accepted: '%s'\n", numbers[i]);
		assert_int_equal(rc, -EINVAL);
		assert_int_equal(value, UNTOUCHED);
		assert_int_equal(log_lines(), 1);
		uiommu_pvt_args_free(&args);
	}
}

static void
range_includes_its_ends(void **state)
{
	static const struct {
		const char *text;
		int rc;
	} numbers[] = {
		{"127", -EINVAL}, {"128", 0},	      {"129", 0},     {"16383", 0},
		{"0x4000", 0},	  {"16385", -EINVAL}, {"0", -EINVAL},
	};
	struct uiommu_args args;
	char text[64];
	unsigned int i;

	for (i = 0; i < ARRAY_COUNT(numbers); i++) {
		uint64_t value = UNTOUCHED;

		snprintf(text, sizeof(text), "vtd,n=%s", numbers[i].text);
		assert_int_equal(uiommu_pvt_args_parse(&args, text), 0);
		assert_int_equal(uiommu_args_get_u64(&args, "n", 128, 16384, &value),
				 numbers[i].rc);
		assert_int_equal(value == UNTOUCHED, numbers[i].rc != 0);
		assert_int_equal(log_lines(), numbers[i].rc != 0);
		uiommu_pvt_args_free(&args);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(driver_alone),
		cmocka_unit_test(keys_and_values),
		cmocka_unit_test(unknown_keys_are_named),
		cmocka_unit_test(keys_are_matched_exactly),
		cmocka_unit_test(bad_texts_are_refused),
		cmocka_unit_test(driver_name_has_a_bound),
		cmocka_unit_test(number_of_pairs_has_a_bound),
		cmocka_unit_test(good_numbers),
		cmocka_unit_test(bad_numbers_are_refused),
		cmocka_unit_test(range_includes_its_ends),
	};

	return cmocka_run_group_tests(tests, log_open, log_close);
}
