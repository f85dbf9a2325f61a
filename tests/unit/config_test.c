// SPDX-License-Identifier: GPL-2.0-only
/* core/config.h: what registers say */
#include "unit.h"
#include "config.h"

static const struct {
	u32 mask, size, flags;
} bars[] = {
	{ 0xffffffe1, 0x20, 0 },
	{ 0xffffff01, 0x100, 0 },
	{ 0xfffffffd, 4, 0 },
	{ 0x0000ff01, 0x100, IOMUL_BAR_IO16 },
	{ 0x0000fffd, 4, IOMUL_BAR_IO16 },
	{ 0x00008001, 0x8000, IOMUL_BAR_IO16 },
	{ 0x80000001, 0x80000000, 0 },
	{ 0xffff0001, 0x10000, 0 },
	{ 0xffffffff, 0, IOMUL_BAR_UNSIZED },	/* nobody answers */
	{ 0x00000001, 0, IOMUL_BAR_UNSIZED },	/* no bit can be written */
	{ 0x00000000, 0, IOMUL_BAR_UNSIZED },
	{ 0xffffff00, 0, IOMUL_BAR_UNSIZED },	/* memory by now */
	{ 0xffffff03, 0, IOMUL_BAR_UNSIZED },	/* a reserved bit */
	{ 0xfffffee1, 0, IOMUL_BAR_UNSIZED },	/* holes */
	{ 0x0000fef1, 0, IOMUL_BAR_UNSIZED },
	{ 0x00010001, 0, IOMUL_BAR_UNSIZED },
};

static void config_bar_size_check(void **state)
{
	u32 i, flags;

	for (i = 0; i < sizeof(bars) / sizeof(*bars); i++) {
		flags = 0;
		assert_int_equal(iomul_config_bar_size(bars[i].mask, &flags), bars[i].size);
		assert_int_equal(flags, bars[i].flags);
	}
	(void)state;
}

static const struct {
	u16 low;
	u32 high;
	struct iomul_range want;
} windows[] = {
	{ 0x1010, 0, { 0x1000, 0x1fff } },
	{ 0x3010, 0, { 0x1000, 0x3fff } },
	{ 0xf000, 0, { 0, 0xffff } },
	{ 0x1121, 0, { 1, 0 } },
	{ 0x00f0, 0, { 1, 0 } },
	{ 0x1111, 0x00010001, { 0x11000, 0x11fff } },
	{ 0x1111, 0x0000ffff, { 1, 0 } },
	{ 0x1010, 0x00010001, { 0x1000, 0x1fff } },	/* 16 bits: the rest says nothing */
	{ 0x01f1, 0x00010000, { 0xf000, 0x10fff } },
	{ 0xf101, 0xffff0000, { 0, 0xffffffff } },
	{ 0xffff, 0xffffffff, { 1, 0 } },
};

static void config_window_check(void **state)
{
	struct iomul_range r;
	u32 i;

	for (i = 0; i < sizeof(windows) / sizeof(*windows); i++) {
		r = iomul_config_window(windows[i].low, windows[i].high);
		assert_int_equal(r.first, windows[i].want.first);
		assert_int_equal(r.last, windows[i].want.last);
	}
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(config_bar_size_check),
		cmocka_unit_test(config_window_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
