// SPDX-License-Identifier: GPL-2.0-only
/* core/access.h: rule 5 */
#include "unit.h"
#include "access.h"

static const struct {
	u32 size, offset, width;
	int want;
} table[] = {
	{ 0, 0, 1, -EINVAL },
	{ 0, 0, 0, -EINVAL },
	{ 0x100, 0, 0, -EINVAL },
	{ 0x100, 0, 3, -EINVAL },
	{ 0x100, 0, 8, -EINVAL },
	{ 0x100, 0, 0x80000000, -EINVAL },
	{ 0x100, 0, 1, 0 },
	{ 0x100, 0, 2, 0 },
	{ 0x100, 0, 4, 0 },
	{ 0x100, 1, 1, 0 },
	{ 0x100, 1, 2, -EINVAL },
	{ 0x100, 1, 4, -EINVAL },
	{ 0x100, 2, 4, -EINVAL },
	{ 0x100, 2, 2, 0 },
	{ 0x100, 0xff, 1, 0 },
	{ 0x100, 0xfe, 2, 0 },
	{ 0x100, 0xfc, 4, 0 },
	{ 0x100, 0x100, 1, -ERANGE },
	{ 0x100, 0x100, 2, -ERANGE },
	{ 0x100, 0x100, 4, -ERANGE },
	{ 0x100, 0xffffffff, 1, -ERANGE },
	{ 0x100, 0xfffffffc, 4, -ERANGE },
	{ 4, 0, 4, 0 },
	{ 4, 4, 1, -ERANGE },
	{ 0x40000000, 0x3ffffffc, 4, 0 },
	{ 0x40000000, 0x40000000, 4, -ERANGE },
	{ 2, 0, 4, -ERANGE },
	{ 6, 4, 4, -ERANGE },
};

static void access_table_check(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (iomul_access_check(table[i].size, table[i].offset, table[i].width) !=
		    table[i].want)
			fail_msg("row %zu: size %x, offset %x, width %u", i, table[i].size,
				 table[i].offset, table[i].width);
}

/* Every access that is let through lies inside, byte by byte. */
static void access_inside_check(void **state)
{
	u32 size, offset, width;
	bool good;

	(void)state;
	for (size = 4; size <= 64; size *= 2) {
		for (offset = 0; offset <= size + 8; offset++) {
			for (width = 0; width <= 9; width++) {
				good = (width == 1 || width == 2 || width == 4) &&
				       offset % width == 0 && offset + width <= size;
				assert_int_equal(!iomul_access_check(size, offset, width), good);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(access_table_check),
		cmocka_unit_test(access_inside_check),
	};

	return cmocka_run_group_tests_name("access", tests, NULL, NULL);
}
