// SPDX-License-Identifier: GPL-2.0-only
/*
 * libFuzzer on the parser: no crash, no read too far (ASan), every malformed
 * item points into its own part of the text, and a well-formed one reads back
 * as the same. First byte: what is welcome; the rest is the text.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "param.h"

#define CHECK(x) do { if (!(x)) abort(); } while (0)

static void round_trip(const struct iomul_item *item, u32 take)
{
	char text[2048], again[2048];
	u32 len = iomul_item_format(item, text, sizeof(text));
	struct iomul_param p;
	struct iomul_item second;

	CHECK(len < sizeof(text) && strlen(text) == len);
	iomul_param_init(&p, text, len, take);
	CHECK(iomul_param_next(&p, &second) == 1);
	CHECK(iomul_item_format(&second, again, sizeof(again)) == len && !strcmp(text, again));
	second.pos = item->pos;
	second.len = item->len;
	CHECK(!memcmp(item, &second, sizeof(second)));
	CHECK(iomul_param_next(&p, &second) == 0);
}

static void walk_items(const char *text, u32 len, u32 take)
{
	struct iomul_param p;
	struct iomul_item item;
	u32 commas = 0, items = 0, i;
	int rc;

	for (i = 0; i < len; i++)
		commas += text[i] == ',';
	iomul_param_init(&p, text, len, take);
	for (;;) {
		u32 start = p.at;

		rc = iomul_param_next(&p, &item);
		if (!rc)
			break;
		items++;
		if (rc == 1) {
			CHECK(!item.error && item.pos == start);
			round_trip(&item, take);
		} else {
			CHECK(item.error && item.error < IOMUL_E_COUNT);
			CHECK(item.pos >= start && item.pos <= start + item.len);
		}
	}
	CHECK(items == commas + 1);
}

static void walk_words(const char *text, u32 len)
{
	struct iomul_word w;
	u32 at = 0, before = 0;

	while (iomul_cmdline_next(text, len, &at, &w)) {
		CHECK(at > before && at <= len);
		CHECK(w.name <= len && w.name_len <= len - w.name);
		CHECK(!w.has_value || (w.value <= len && w.value_len <= len - w.value));
		if (w.has_value)
			walk_items(text + w.value, w.value_len, IOMUL_TAKE_GUESTDEV);
		before = at;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (!size || size > 4096)
		return 0;
	text = malloc(size);
	CHECK(text);
	memcpy(text, data + 1, size - 1);
	walk_items(text, (u32)size - 1, data[0] & 31);
	walk_words(text, (u32)size - 1);
	free(text);
	return 0;
}
