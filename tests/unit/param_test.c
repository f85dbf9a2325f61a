// SPDX-License-Identifier: GPL-2.0-only
/* The parser of guestdev=, guestiomuldev= and slots: rightly and wrongly formed input. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "param.h"

#define G IOMUL_TAKE_GUESTDEV
#define M IOMUL_TAKE_GUESTIOMULDEV
#define C IOMUL_TAKE_COMMAND

/* The items as they read back, "!REASON@POSITION" for a malformed one, joined by blanks. */
static void walk(const char *text, size_t len, u32 take, char *out, size_t size)
{
	/* On the heap and exactly as long as it is, so that ASan sees a step too far. */
	char *copy = malloc(len ? len : 1), buf[512];
	struct iomul_param p;
	struct iomul_item item;
	size_t n = 0;
	int rc;

	assert_non_null(copy);
	memcpy(copy, text, len);
	*out = '\0';
	iomul_param_init(&p, copy, (u32)len, take);
	while ((rc = iomul_param_next(&p, &item))) {
		if (rc < 0) {
			assert_int_equal(rc, -EINVAL);
			assert_true(item.error > IOMUL_E_NONE && item.error < IOMUL_E_COUNT);
			snprintf(buf, sizeof(buf), "!%d@%u", item.error, item.pos);
		} else {
			assert_int_equal(rc, 1);
			assert_true(iomul_item_format(&item, buf, sizeof(buf)) < sizeof(buf));
		}
		n += (size_t)snprintf(out + n, size - n, "%s%s", n ? " " : "", buf);
		assert_true(n < size);
	}
	assert_int_equal(iomul_param_next(&p, &item), 0);
	free(copy);
}

static const struct good {
	u32 take;
	const char *text;
	const char *items;	/* NULL: the same as @text */
} good[] = {
	/* the forms of the grammar */
	{ G, "PNP0A08:0-4.0-(0.0|0.1)+iomul", NULL },
	{ G, "0000:07:00.0+iomul", NULL },
	{ M, "07:00,0000:08:00", "0000:07:00 0000:08:00" },
	{ M, "all", NULL },
	{ G, "PNP0A08-1.0", NULL },
	{ G, "PNP0A08:0-1.0", NULL },
	{ G, "ACPI0016:12345678-1f.7-0.0", NULL },
	{ G, "PNP0A08:PCI_1-2.0", NULL },
	{ G, "PNP0A08:0-(3.0|4.0)", NULL },
	{ G, "PNP0A08:0-1.0-2.0-3.0-4.0-5.0-6.0-7.0-8.0", NULL },
	{ G, "07:00.0", "0000:07:00.0" },
	{ G, "7:0.0", "0000:07:00.0" },
	{ G, "ffff:ff:1f.7", NULL },
	{ G, "FFFF:FF:1F.7", "ffff:ff:1f.7" },
	{ C, "05:00", "0000:05:00" },
	{ C, "0000:05:00", NULL },
	{ C, "05:00.0", "0000:05:00.0" },
	/* a function stands for its slot in guestiomuldev */
	{ M, "07:00.1", "0000:07:00.1" },
	/* hexadecimal, all of it */
	{ M, "10:1f", "0000:10:1f" },
	{ G, "PNP0A08:0-1c.0-a.1", NULL },
	{ M, "00:00", "0000:00:00" },
	{ M, "abc:d:e", "0abc:0d:0e" },
	/* one alternative, one twice, and in any order */
	{ G, "PNP0A08:0-4.0-(0.0)", "PNP0A08:0-4.0-0.0" },
	{ G, "PNP0A08:0-4.0-(0.1|0.0|0.1)", "PNP0A08:0-4.0-(0.0|0.1)" },
	/* a HID of hexadecimal digits only is one because of the dash */
	{ G, "ACED:05-4.0", NULL },
	{ G, "05-4.0", NULL },
	/* 2009 lost the last character of each token: each one counts here */
	{ M, "07:1f,08:1e,09:1d", "0000:07:1f 0000:08:1e 0000:09:1d" },
	{ G, "07:00.1,08:00.2,09:00.3", "0000:07:00.1 0000:08:00.2 0000:09:00.3" },
	{ G, "PNP0A08:10-1.1,PNP0A08:11-1.2", "PNP0A08:10-1.1 PNP0A08:11-1.2" },
	/* 2009 failed on options that are combined */
	{ G, "07:00.0+iomul,08:00.0+iomul,09:00.0", "0000:07:00.0+iomul 0000:08:00.0+iomul 0000:09:00.0" },
	{ G, "PNP0A08:0-4.0-(0.0|0.1)+iomul,0000:07:00.0+iomul",
	  "PNP0A08:0-4.0-(0.0|0.1)+iomul 0000:07:00.0+iomul" },
	{ G, "07:00.0,PNP0A08:0-4.0+iomul,1:08:00.1", "0000:07:00.0 PNP0A08:0-4.0+iomul 0001:08:00.1" },
	{ G, "07:00.0+iomul+iomul", "0000:07:00.0+iomul" },
	{ M, "all,07:00", "all 0000:07:00" },
};

static void param_good(void **state)
{
	char items[1024], again[1024];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		const struct good *g = &good[i];
		char *comma;

		walk(g->text, strlen(g->text), g->take, items, sizeof(items));
		assert_string_equal(items, g->items ? g->items : g->text);
		/* What was written reads back as the same. */
		while ((comma = strchr(items, ' ')))
			*comma = ',';
		walk(items, strlen(items), g->take, again, sizeof(again));
		while ((comma = strchr(again, ' ')))
			*comma = ',';
		assert_string_equal(again, items);
	}
}

static const struct bad {
	u32 take;
	const char *text;
	u8 error;
	u32 pos;
} bad[] = {
	{ G, "", IOMUL_E_EMPTY, 0 },
	{ M, " ", IOMUL_E_DIGIT, 0 },
	{ M, ":", IOMUL_E_DIGIT, 0 },
	{ M, "07", IOMUL_E_COLON, 2 },
	{ M, "07:", IOMUL_E_DIGIT, 3 },
	{ M, ":07:00", IOMUL_E_DIGIT, 0 },
	{ M, "0:0:7:0", IOMUL_E_COLON, 5 },
	{ M, "10000:07:00", IOMUL_E_SEGMENT, 0 },
	{ M, "100:00", IOMUL_E_BUS, 0 },
	{ M, "0:100:00", IOMUL_E_BUS, 2 },
	{ M, "07:20", IOMUL_E_DEVICE, 3 },
	{ M, "ffffffffffffffff:07:00", IOMUL_E_SEGMENT, 0 },
	{ M, "100000007:00", IOMUL_E_BUS, 0 },
	{ M, "00005:00:00", IOMUL_E_SEGMENT, 0 },
	{ M, "005:00", IOMUL_E_BUS, 0 },
	{ M, "05:000", IOMUL_E_DEVICE, 3 },
	{ M, "0x7:00", IOMUL_E_COLON, 1 },
	{ M, "07:0g", IOMUL_E_SURPLUS, 4 },
	{ M, "07:00 ", IOMUL_E_SURPLUS, 5 },
	{ M, "07;00", IOMUL_E_COLON, 2 },
	{ M, "07:00.8", IOMUL_E_FUNCTION, 6 },
	{ M, "07:00.00", IOMUL_E_FUNCTION, 6 },
	{ G, "PNP0A08:0-4.00", IOMUL_E_FUNCTION, 12 },
	{ M, "07:00.", IOMUL_E_DIGIT, 6 },
	{ M, "07:00.0.0", IOMUL_E_SURPLUS, 7 },
	{ M, "07:00+iomul", IOMUL_E_OPTION, 0 },
	{ M, "allx", IOMUL_E_COLON, 1 },
	{ M, "all+iomul", IOMUL_E_OPTION, 0 },
	{ M, "PNP0A08:0-4.0", IOMUL_E_KIND, 0 },
	{ C, "all", IOMUL_E_KIND, 0 },
	{ G, "all", IOMUL_E_KIND, 0 },
	{ G, "07:00", IOMUL_E_DOT, 5 },
	{ G, "07:00+iomul", IOMUL_E_DOT, 11 },
	{ G, "07:00.0+", IOMUL_E_OPTION, 8 },
	{ G, "07:00.0+iomu", IOMUL_E_OPTION, 8 },
	{ G, "07:00.0+iomull", IOMUL_E_OPTION, 8 },
	{ G, "07:00.0+iomul+", IOMUL_E_OPTION, 14 },
	{ G, "07:00.0iomul", IOMUL_E_SURPLUS, 7 },
	{ G, "+iomul", IOMUL_E_DIGIT, 0 },
	{ G, "PNP0A08", IOMUL_E_DASH, 7 },
	{ G, "PNP0A08:0", IOMUL_E_DASH, 9 },
	{ G, "PNP0A08:0+iomul", IOMUL_E_DASH, 9 },
	{ G, "PNP0A08:0-", IOMUL_E_DIGIT, 10 },
	{ G, "PNP0A08:0-4", IOMUL_E_DOT, 11 },
	{ G, "PNP0A08:0-4.0-", IOMUL_E_DIGIT, 14 },
	{ G, "PNP0A08:-4.0", IOMUL_E_UID, 8 },
	{ G, "-4.0", IOMUL_E_HID, 0 },
	{ G, "PNP0A0801:0-4.0", IOMUL_E_HID, 8 },
	{ G, "PNP0A08:123456789-4.0", IOMUL_E_UID, 16 },
	{ G, "PNP*:0-4.0", IOMUL_E_HID, 3 },
	{ G, "PNP0A08:*-4.0", IOMUL_E_UID, 8 },
	{ G, "PNP0A08:0-20.0", IOMUL_E_DEVICE, 10 },
	{ G, "PNP0A08:0-4.8", IOMUL_E_FUNCTION, 12 },
	{ G, "PNP0A08:0-(", IOMUL_E_DIGIT, 11 },
	{ G, "PNP0A08:0-()", IOMUL_E_DIGIT, 11 },
	{ G, "PNP0A08:0-(0.0", IOMUL_E_PAREN, 14 },
	{ G, "PNP0A08:0-(0.0|", IOMUL_E_DIGIT, 15 },
	{ G, "PNP0A08:0-(0.0|0.1)-1.0", IOMUL_E_PAREN, 19 },
	{ G, "PNP0A08:0-(0.0|0.1)x", IOMUL_E_SURPLUS, 19 },
	{ G, "PNP0A08:0-((0.0))", IOMUL_E_DIGIT, 11 },
	{ G, "PNP0A08:0-0.0)", IOMUL_E_SURPLUS, 13 },
};

static void param_bad(void **state)
{
	char items[1024], want[32];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct bad *b = &bad[i];

		walk(b->text, strlen(b->text), b->take, items, sizeof(items));
		snprintf(want, sizeof(want), "!%d@%u", b->error, b->pos);
		if (strcmp(items, want))
			print_error("'%s'\n", b->text);
		assert_string_equal(items, want);
	}
}

/* A malformed item costs nothing but itself, wherever it stands. */
static void param_bad_among_good(void **state)
{
	char text[256], items[1024], want[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct bad *b = &bad[i];
		bool dev = b->take == G;

		snprintf(text, sizeof(text), "%s,%s,%s", dev ? "01:00.0+iomul" : "01:00", b->text,
			 dev ? "02:00.0" : "02:00");
		snprintf(want, sizeof(want), "%s !%d@%u %s", dev ? "0000:01:00.0+iomul" : "0000:01:00",
			 b->error, b->pos + (dev ? 14 : 6), dev ? "0000:02:00.0" : "0000:02:00");
		walk(text, strlen(text), b->take, items, sizeof(items));
		assert_string_equal(items, want);
	}
}

static void param_empty_items(void **state)
{
	char items[256];

	(void)state;
	walk(",", 1, M, items, sizeof(items));
	assert_string_equal(items, "!1@0 !1@1");
	walk("1:2,,3:4,", 9, M, items, sizeof(items));
	assert_string_equal(items, "0000:01:02 !1@4 0000:03:04 !1@9");
}

static void param_depth_at_bound(void **state)
{
	char text[512] = "PNP0A08:0", items[1024];
	size_t i;

	(void)state;
	for (i = 0; i < IOMUL_DEPTH_MAX; i++)
		strcat(text, "-1.0");
	walk(text, strlen(text), G, items, sizeof(items));
	assert_string_equal(items, text);
	strcat(text, "-1.0");
	walk(text, strlen(text), G, items, sizeof(items));
	snprintf(text, sizeof(text), "!%d@%u", IOMUL_E_DEPTH, 9 + 4 * IOMUL_DEPTH_MAX);
	assert_string_equal(items, text);
}

static void param_no_final_nul_needed(void **state)
{
	char items[256];

	(void)state;
	walk("07:001", 5, M, items, sizeof(items));
	assert_string_equal(items, "0000:07:00");
	walk("a\0b", 3, M, items, sizeof(items));
	assert_string_equal(items, "!7@1");
}

static void item_format_cut(void **state)
{
	struct iomul_item item = { .kind = IOMUL_ITEM_SLOT, .addr = { 0, 5, 0 } };
	char text[16];
	u32 size;

	(void)state;
	for (size = 0; size < sizeof(text); size++) {
		memset(text, 'x', sizeof(text));
		assert_int_equal(iomul_item_format(&item, text, size), 10);
		if (size)
			assert_int_equal(strlen(text), size - 1 < 10 ? size - 1 : 10);
		assert_true(size == sizeof(text) || text[size] == 'x');
	}
}

static void item_root(void **state)
{
	struct iomul_item item;
	struct iomul_param p;

	(void)state;
	iomul_param_init(&p, "PNP0A08:1-1.0,PNP0A08-1.0", 25, G);
	assert_int_equal(iomul_param_next(&p, &item), 1);
	assert_true(iomul_item_root(&item, "PNP0A08", "1"));
	assert_false(iomul_item_root(&item, "PNP0A08", "10"));
	assert_false(iomul_item_root(&item, "PNP0A08", NULL));
	assert_false(iomul_item_root(&item, "PNP0A03", "1"));
	assert_false(iomul_item_root(&item, NULL, "1"));
	assert_int_equal(iomul_param_next(&p, &item), 1);
	assert_true(iomul_item_root(&item, "PNP0A08", "1"));
	assert_true(iomul_item_root(&item, "PNP0A08", NULL));
}

static void item_ends(void **state)
{
	struct iomul_item item;
	struct iomul_param p;
	int i;

	(void)state;
	iomul_param_init(&p, "PNP0A08:1-1c.2-(0.0|1f.7)", 25, G);
	assert_int_equal(iomul_param_next(&p, &item), 1);
	assert_int_equal(item.depth, 1);
	assert_int_equal(item.bridge[0], 0x1c << 3 | 2);
	for (i = 0; i < 256; i++)
		assert_int_equal(iomul_item_ends_at(&item, (u8)i), i == 0 || i == 255);
}

static void reasons(void **state)
{
	u32 i;

	(void)state;
	for (i = 0; i < IOMUL_E_COUNT + 2U; i++)
		assert_non_null(iomul_item_reason(i));
}

static void words(const char *text, char *out, size_t size)
{
	size_t len = strlen(text), n = 0;
	struct iomul_word w;
	char *copy = malloc(len ? len : 1);
	u32 at = 0;

	assert_non_null(copy);
	memcpy(copy, text, len);
	*out = '\0';
	while (iomul_cmdline_next(copy, (u32)len, &at, &w))
		n += (size_t)snprintf(out + n, size - n, "[%.*s%s%.*s]", (int)w.name_len, copy + w.name,
				      w.has_value ? "|" : "", (int)w.value_len, copy + w.value);
	assert_true(n < size);
	free(copy);
}

static void cmdline(void **state)
{
	static const struct {
		const char *text, *words;
	} t[] = {
		{ "", "" },
		{ " \n", "" },
		{ "quiet", "[quiet]" },
		{ "root=/dev/sda1 ro  guestdev=07:00.0\n", "[root|/dev/sda1][ro][guestdev|07:00.0]" },
		{ "guestdev=\"07:00.0 , x\" y", "[guestdev|07:00.0 , x][y]" },
		{ "\"guestdev=a b\" y", "[guestdev|a b][y]" },
		{ "a= b", "[a|][b]" },
		{ "a=b=c", "[a|b=c]" },
		{ "=x", "[|x]" },
		{ "a=\"", "[a|]" },
		{ "\"", "[]" },
		{ "\"\"", "[]" },
		{ "\"=\"", "[|]" },
		{ "a=\"b", "[a|b]" },
		{ "ro -- guestdev=1", "[ro]" },
		{ "ro --x", "[ro][--x]" },
	};
	char out[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		words(t[i].text, out, sizeof(out));
		assert_string_equal(out, t[i].words);
	}
}

static void cmdline_names(void **state)
{
	const char *text = "xen-pciback.hide=(07:00.0)";
	struct iomul_word w;
	u32 at = 0;

	(void)state;
	assert_int_equal(iomul_cmdline_next(text, (u32)strlen(text), &at, &w), 1);
	assert_true(iomul_word_is(text, &w, "xen-pciback.hide"));
	assert_true(iomul_word_is(text, &w, "xen_pciback.hide"));
	assert_false(iomul_word_is(text, &w, "xen_pciback.hid"));
	assert_false(iomul_word_is(text, &w, "xen_pciback.hides"));
	assert_false(iomul_word_is(text, &w, ""));
}

/*
 * Whatever comes in: an item that is taken is taken again as it is printed, one
 * that is not says where. As tests/fuzz/param_fuzz.c, but the same each time.
 */
static void items_any(void **state)
{
	static const char *const part[] = {
		"all", "+iomul", "PNP0A08", "00", "1f", "000", "7", "8", "20", "-", ":", ".", "(", ")",
		"|", ",", "+", "~", "{", "@", "Z", "`", "_", "z", "fffff", "\"", "=", "-1.0", ":00.0",
	};
	char text[128], again[256], third[256];
	u32 i, k, n, len, good = 0, bad = 0, seed = 1;
	struct iomul_item item, second;
	struct iomul_param p;
	int rc;

	(void)state;
	for (i = 0; i < 100000; i++) {
		text[0] = 0;
		seed = seed * 1103515245 + 12345;
		for (k = 0, n = (seed >> 16) % 8; k < n; k++) {
			seed = seed * 1103515245 + 12345;
			strcat(text, part[(seed >> 16) % (sizeof(part) / sizeof(*part))]);
		}
		iomul_param_init(&p, text, (u32)strlen(text), ~0U);
		while ((rc = iomul_param_next(&p, &item))) {
			if (rc < 0) {
				bad++;
				assert_true(item.error && item.pos <= strlen(text));
				continue;
			}
			good++;
			len = iomul_item_format(&item, again, sizeof(again));
			iomul_param_init(&p, again, len, ~0U);
			assert_int_equal(iomul_param_next(&p, &second), 1);
			iomul_item_format(&second, third, sizeof(third));
			assert_string_equal(again, third);
			break;
		}
	}
	assert_true(good > 100 && bad > 100);
}

static void cmdline_odd(void **state)
{
	struct iomul_word w;
	u32 at = 0;

	(void)state;
	assert_int_equal(iomul_cmdline_next("\"", 1, &at, &w), 1);
	at = 0;
	assert_int_equal(iomul_cmdline_next("\n\t a=\"", 6, &at, &w), 1);
	assert_int_equal(w.value_len, 0);
	at = 0;
	assert_int_equal(iomul_cmdline_next("\"a b", 4, &at, &w), 1);
	assert_int_equal(w.name_len, 3);
	at = 0;
	assert_int_equal(iomul_cmdline_next("a\0b", 3, &at, &w), 1);
	assert_int_equal(w.name_len, 1);
	assert_int_equal(iomul_cmdline_next("a\0b", 3, &at, &w), 1);
	assert_true(iomul_word_is("a\0b", &w, "b"));
	at = 0;
	assert_int_equal(iomul_cmdline_next("a_b", 3, &at, &w), 1);
	assert_true(iomul_word_is("a_b", &w, "a-b"));
	assert_false(iomul_word_is("a_b", &w, "a_c"));
	assert_false(iomul_item_root(&(struct iomul_item){ .kind = IOMUL_ITEM_SLOT }, "PNP0A08", NULL));
	assert_false(iomul_item_root(&(struct iomul_item){ .kind = IOMUL_ITEM_PATH }, NULL, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(param_good),
		cmocka_unit_test(param_bad),
		cmocka_unit_test(param_bad_among_good),
		cmocka_unit_test(param_empty_items),
		cmocka_unit_test(param_depth_at_bound),
		cmocka_unit_test(param_no_final_nul_needed),
		cmocka_unit_test(item_format_cut),
		cmocka_unit_test(item_root),
		cmocka_unit_test(item_ends),
		cmocka_unit_test(reasons),
		cmocka_unit_test(cmdline),
		cmocka_unit_test(cmdline_names),
		cmocka_unit_test(cmdline_odd),
		cmocka_unit_test(items_any),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
