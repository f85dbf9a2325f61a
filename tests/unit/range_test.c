// SPDX-License-Identifier: GPL-2.0-only
/* core/range.h */
#include "unit.h"
#include "range.h"

#define R(a, b) ((struct iomul_range){ a, b })

static void range_size_check(void **state)
{
	(void)state;
	assert_true(iomul_range_empty(IOMUL_RANGE_EMPTY));
	assert_false(iomul_range_empty(R(0, 0)));
	assert_int_equal(iomul_range_size(IOMUL_RANGE_EMPTY), 0);
	assert_int_equal(iomul_range_size(R(5, 3)), 0);
	assert_int_equal(iomul_range_size(R(0, 0)), 1);
	assert_int_equal(iomul_range_size(R(0x1000, 0x1fff)), 0x1000);
	assert_int_equal(iomul_range_size(R(0, 0xfffffffe)), 0xffffffff);
}

/*
 *	a      |-----|
 *	b   |--|          touches at one port
 *	c   |-|           beside
 *	d        |-|      inside
 *	e   |---------|   around
 */
static void range_overlaps_check(void **state)
{
	static const struct {
		struct iomul_range b;
		bool overlaps;
		bool a_contains;
	} table[] = {
		{ { 0x0c, 0x10 }, true, false }, { { 0x0c, 0x0f }, false, false },
		{ { 0x12, 0x13 }, true, true },	 { { 0x00, 0x40 }, true, false },
		{ { 0x1f, 0x30 }, true, false }, { { 0x20, 0x30 }, false, false },
		{ { 0x10, 0x1f }, true, true },	 { { 1, 0 }, false, true },
		{ { 0x10, 0x20 }, true, false }, { { 0x0f, 0x1f }, true, false },
	};
	struct iomul_range a = { 0x10, 0x1f };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_int_equal(iomul_range_overlaps(a, table[i].b), table[i].overlaps);
		assert_int_equal(iomul_range_overlaps(table[i].b, a), table[i].overlaps);
		assert_int_equal(iomul_range_contains(a, table[i].b), table[i].a_contains);
	}
}

static void range_equal_check(void **state)
{
	(void)state;
	assert_true(iomul_range_equal(R(1, 0), R(7, 3)));
	assert_true(iomul_range_equal(R(1, 4), R(1, 4)));
	assert_false(iomul_range_equal(R(1, 4), R(1, 5)));
	assert_false(iomul_range_equal(R(0, 4), R(1, 4)));
	assert_false(iomul_range_equal(R(1, 0), R(1, 4)));
}

static void range_at_check(void **state)
{
	(void)state;
	assert_true(iomul_range_equal(iomul_range_at(0x1000, 0x100), R(0x1000, 0x10ff)));
	assert_true(iomul_range_equal(iomul_range_at(0xffffffff, 1), R(0xffffffff, 0xffffffff)));
	assert_true(iomul_range_empty(iomul_range_at(0x1000, 0)));
	assert_true(iomul_range_empty(iomul_range_at(0xffffffff, 2)));
}

static void range_align_check(void **state)
{
	(void)state;
	assert_int_equal(iomul_align_up(0, 4096), 0);
	assert_int_equal(iomul_align_up(1, 4096), 4096);
	assert_int_equal(iomul_align_up(4096, 4096), 4096);
	assert_int_equal(iomul_align_up(0xfffff000, 4096), 0xfffff000);
	assert_int_equal(iomul_align_up(0xfffff001, 4096), 0xffffffff);
	assert_int_equal(iomul_align_up(7, 1), 7);
	assert_false(iomul_power_of_two(0));
	assert_true(iomul_power_of_two(1));
	assert_true(iomul_power_of_two(0x80000000));
	assert_false(iomul_power_of_two(12));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(range_size_check),  cmocka_unit_test(range_overlaps_check),
		cmocka_unit_test(range_equal_check), cmocka_unit_test(range_at_check),
		cmocka_unit_test(range_align_check),
	};

	return cmocka_run_group_tests_name("range", tests, NULL, NULL);
}
