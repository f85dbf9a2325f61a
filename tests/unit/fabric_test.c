// SPDX-License-Identifier: GPL-2.0-only
/* sim/: the witness itself. Values by hand from the PCI and PCI-PCI Bridge specifications. */
#include "unit.h"
#include <linux/pci_regs.h>
#include "carry.h"

struct bench {
	struct world w;
	struct fabric f;
};

static void bench_init(struct bench *b, const char *text)
{
	parse(&b->w, text);
	assert_int_equal(fabric_init(&b->f, b->w.t.node, b->w.t.nodes, b->w.t.root, b->w.t.roots),
			 0);
}

static void bench_fini(struct bench *b)
{
	fabric_fini(&b->f);
	world_fini(&b->w);
}

static u32 sole(const struct bench *b, u32 port)
{
	u32 who = IOMUL_NONE, n = fabric_answers(&b->f, port, &who, 1);

	assert_true(n <= 1);
	return who;
}

/* Write ones, read the size; read-only bits stay (PCI 3.0, 6.2.5.1). */
static void fabric_bar_sizing_check(void **state)
{
	struct bench b;
	u32 v;

	(void)state;
	bench_init(&b, "root 1000-ffff\n fn 100@1000 20/16\n");
	fabric_write(&b.f, 0, PCI_BASE_ADDRESS_0, 4, ~0U);
	fabric_read(&b.f, 0, PCI_BASE_ADDRESS_0, 4, &v);
	assert_int_equal(v, 0xffffff01);
	fabric_write(&b.f, 0, PCI_BASE_ADDRESS_1, 4, ~0U);
	fabric_read(&b.f, 0, PCI_BASE_ADDRESS_1, 4, &v);
	assert_int_equal(v, 0x0000ffe1);
	fabric_write(&b.f, 0, PCI_BASE_ADDRESS_2, 4, ~0U);
	fabric_read(&b.f, 0, PCI_BASE_ADDRESS_2, 4, &v);
	assert_int_equal(v, 0);
	fabric_write(&b.f, 0, PCI_VENDOR_ID, 4, ~0U);
	assert_int_equal(fabric_peek(&b.f, 0, PCI_VENDOR_ID, 2), 0x1af4);
	bench_fini(&b);
}

static void fabric_window_registers_check(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, "root 1000-1ffff\n port w=3000-5fff\n port w=12000-12fff io32\n port io32\n"
		       " port nofwd\n port\n");
	assert_int_equal(fabric_peek(&b.f, 0, PCI_IO_BASE, 2), 0x5030);
	assert_int_equal(fabric_peek(&b.f, 1, PCI_IO_BASE, 2), 0x2121);
	assert_int_equal(fabric_peek(&b.f, 1, PCI_IO_BASE_UPPER16, 4), 0x00010001);
	assert_int_equal(fabric_peek(&b.f, 2, PCI_IO_BASE, 2), 0x01f1);
	assert_int_equal(fabric_peek(&b.f, 4, PCI_IO_BASE, 2), 0x00f0);
	fabric_write(&b.f, 0, PCI_IO_BASE, 2, 0xffff);
	assert_int_equal(fabric_peek(&b.f, 0, PCI_IO_BASE, 2), 0xf0f0);
	fabric_write(&b.f, 0, PCI_IO_BASE_UPPER16, 4, ~0U);
	assert_int_equal(fabric_peek(&b.f, 0, PCI_IO_BASE_UPPER16, 4), 0);
	fabric_write(&b.f, 3, PCI_IO_BASE, 2, 0xffff);
	assert_int_equal(fabric_peek(&b.f, 3, PCI_IO_BASE, 2), 0);
	bench_fini(&b);
}

/* Every condition on the way, one after another. */
static void fabric_decode_check(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, "root 1000-ffff\n p: port w=1000-1fff\n  q: port w=1000-1fff\n"
		       "   a: fn 20@1040\n");
	assert_int_equal(sole(&b, 0x103f), IOMUL_NONE);
	assert_int_equal(sole(&b, 0x1040), find(&b.w, "a"));
	assert_int_equal(sole(&b, 0x105f), find(&b.w, "a"));
	assert_int_equal(sole(&b, 0x1060), IOMUL_NONE);
	fabric_poke(&b.f, find(&b.w, "p"), PCI_COMMAND, 2, 0);
	assert_int_equal(sole(&b, 0x1040), IOMUL_NONE);
	fabric_poke(&b.f, find(&b.w, "p"), PCI_COMMAND, 2, PCI_COMMAND_IO);
	fabric_poke(&b.f, find(&b.w, "q"), PCI_IO_BASE, 2, 0x2020);
	assert_int_equal(sole(&b, 0x1040), IOMUL_NONE);
	fabric_poke(&b.f, find(&b.w, "q"), PCI_IO_BASE, 2, 0x1010);
	assert_int_equal(sole(&b, 0x1040), find(&b.w, "a"));
	fabric_poke(&b.f, find(&b.w, "a"), PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	assert_int_equal(sole(&b, 0x1040), IOMUL_NONE);
	bench_fini(&b);
}

static void fabric_decode_isa_check(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, "root 1000-1ffff\n p: port w=1000-1fff isa\n  a: fn 800@1000\n"
		       " port w=10000-10fff isa io32\n  b: fn 800@10000\n");
	assert_int_equal(sole(&b, 0x1000), find(&b.w, "a"));
	assert_int_equal(sole(&b, 0x10ff), find(&b.w, "a"));
	assert_int_equal(sole(&b, 0x1100), IOMUL_NONE);
	assert_int_equal(sole(&b, 0x13ff), IOMUL_NONE);
	assert_int_equal(sole(&b, 0x1400), find(&b.w, "a"));
	assert_int_equal(sole(&b, 0x10100), find(&b.w, "b")); /* above 64 Ki: no effect */
	bench_fini(&b);
}

/* A 16-bit window knows nothing of bits 16 and up; apertures bound a root. */
static void fabric_decode_width_check(void **state)
{
	struct bench b;
	u32 i;

	(void)state;
	bench_init(&b, "root 1000-2fff\n port w=2000-2fff\n  fn 20@2000\nroot 12000-12fff\n"
		       " port w=2000-2fff\n  a: fn 20@12000\n");
	assert_int_equal(sole(&b, 0x2000), 2);
	assert_int_equal(sole(&b, 0x12000), IOMUL_NONE);
	i = find(&b.w, "a");
	fabric_poke(&b.f, i, PCI_BASE_ADDRESS_0, 4, 0x2000);
	assert_int_equal(sole(&b, 0x2000), 2); /* not in its root's aperture */
	bench_fini(&b);
}

static void fabric_decode_two_check(void **state)
{
	struct bench b;
	u32 who[4];

	(void)state;
	bench_init(&b, "root 1000-ffff\n port w=1000-1fff\n  a: fn 20@1000\n port w=1000-1fff\n"
		       "  b: fn 20@1000\n c: fn 8@1018\n d: port 8@1018\n");
	assert_int_equal(fabric_answers(&b.f, 0x1000, who, 4), 2);
	assert_int_equal(who[0], find(&b.w, "a"));
	assert_int_equal(who[1], find(&b.w, "b"));
	assert_int_equal(fabric_answers(&b.f, 0x1018, who, 1), 4);
	bench_fini(&b);
}

static void fabric_faults_check(void **state)
{
	struct bench b;
	u8 *copy;
	u32 v;

	(void)state;
	bench_init(&b, "root 1000-ffff\n fn 20@1000\n");
	copy = fabric_copy(&b.f);
	fabric_fail(&b.f, 2, FABRIC_LOST, false);
	assert_int_equal(fabric_read(&b.f, 0, PCI_COMMAND, 2, &v), 0);
	assert_int_equal(fabric_write(&b.f, 0, PCI_COMMAND, 2, 0), -EIO);
	assert_true(fabric_same(&b.f, copy, 0));
	assert_int_equal(fabric_write(&b.f, 0, PCI_COMMAND, 2, PCI_COMMAND_IO), 0);
	fabric_fail(&b.f, 1, FABRIC_LATE, true);
	assert_int_equal(fabric_write(&b.f, 0, PCI_COMMAND, 2, 0), -EIO);
	assert_false(fabric_same(&b.f, copy, 0));
	assert_int_equal(fabric_read(&b.f, 0, PCI_COMMAND, 2, &v), -EIO);
	assert_int_equal(v, ~0U);
	assert_int_equal(b.f.reads, 2);
	assert_int_equal(b.f.writes, 3);
	free(copy);
	bench_fini(&b);
}

static void fabric_ports_check(void **state)
{
	struct bench b;
	u32 *port, n;

	(void)state;
	bench_init(&b, "root 1000-ffff\n fn 20@1000\n fn 20@1020\n fn 20\n");
	n = fabric_ports(&b.f, &port);
	assert_int_equal(n, 9); /* 0 1f 20, fff 1000 101f 1020 103f 1040 */
	free(port);
	bench_fini(&b);
}

/* The language of worlds says what is wrong with a line. */
static void world_errors_check(void **state)
{
	static const char *const wrong[] = {
		"fn 20\n",
		"root x\n",
		"root 1000-\n",
		"root 1000-ffff\n dog\n",
		"root 1000-ffff\n a:\n",
		"root 1000-ffff\n fn xyz\n",
		"root 1000-ffff\n port w=1\n",
		"busy\n",
		"busy 1-x\n",
		"root 1000-ffff\n fn 30\n",
		"root 1000-ffff\n fn 4 4 4 4 4 4 4\n",
	};
	struct world w;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (world_parse(&w, wrong[i]) != -EINVAL || !w.error[0])
			fail_msg("row %zu", i);
		world_fini(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fabric_bar_sizing_check),
		cmocka_unit_test(fabric_window_registers_check),
		cmocka_unit_test(fabric_decode_check),
		cmocka_unit_test(fabric_decode_isa_check),
		cmocka_unit_test(fabric_decode_width_check),
		cmocka_unit_test(fabric_decode_two_check),
		cmocka_unit_test(fabric_faults_check),
		cmocka_unit_test(fabric_ports_check),
		cmocka_unit_test(world_errors_check),
	};

	return cmocka_run_group_tests_name("fabric", tests, NULL, NULL);
}
