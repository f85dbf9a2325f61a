// SPDX-License-Identifier: GPL-2.0-only
/* core/topology.c: order, sanity, slots, free ranges. */
#include "unit.h"
#include "topology.h"

/*
 *	0: p 00:00.0   1: q 00:01.0   2: r 00:01.1 | 3: below p   4: below q   5: below r
 */
static const char tree[] = "root 1000-ffff low=1000\n"
			   " p: port @0.0\n"
			   "  a: fn 20\n"
			   " q: port @1.0\n"
			   "  b: fn 20\n"
			   " r: port @1.1\n"
			   "  c: fn 20\n"
			   "root 10000-1ffff seg=1\n"
			   " d: fn 20\n";

static void topology_order_right_check(void **state)
{
	struct world w;

	(void)state;
	parse(&w, tree);
	assert_int_equal(w.t.nodes, 7);
	assert_int_equal(w.t.mark[find(&w, "p")].child, find(&w, "a"));
	assert_int_equal(w.t.mark[find(&w, "p")].children, 1);
	assert_int_equal(w.t.mark[w.t.nodes].children, 3); /* root 0 */
	assert_int_equal(w.t.mark[w.t.nodes + 1].child, find(&w, "d"));
	assert_int_equal(iomul_node_bus(&w.t, find(&w, "d")), w.t.nodes + 1);
	assert_int_equal(iomul_bus_root(&w.t, w.t.nodes + 1), 1);
	assert_int_equal(iomul_bus_root(&w.t, find(&w, "p")), 0);
	w.t.node[find(&w, "a")].flags |= IOMUL_NODE_SELECTED; /* by somebody who did not ask */
	assert_int_equal(iomul_topology_init(&w.t), 0);
	assert_false(w.t.node[find(&w, "a")].flags & IOMUL_NODE_SELECTED);
	world_fini(&w);
}

static void swap(struct world *w, const char *a, const char *b)
{
	struct iomul_node tmp = w->t.node[find(w, a)];

	w->t.node[find(w, a)] = w->t.node[find(w, b)];
	w->t.node[find(w, b)] = tmp;
}

/* One thing wrong each; the number of the row is that of the case. */
static bool spoil(struct world *w, u32 row)
{
	struct iomul_node *p = &w->t.node[find(w, "p")], *a = &w->t.node[find(w, "a")];
	struct iomul_node *d = &w->t.node[find(w, "d")];
	struct iomul_bar *bar = &a->bar[0];

	switch (row) {
	case 0:
		swap(w, "p", "q");
		return true; /* devfn descends */
	case 1:
		swap(w, "a", "b");
		return true; /* buses out of order */
	case 2:
		swap(w, "a", "d");
		return true; /* root bus after a lower bus */
	case 3:
		a->parent = find(w, "a");
		return true; /* its own parent */
	case 4:
		a->parent = find(w, "c");
		return true; /* parent comes later */
	case 5:
		d->parent = find(w, "d") - 1;
		return true; /* no port, another root */
	case 6:
		p->root = 2;
		return true;
	case 7:
		a->root = 1;
		return true;
	case 8:
		p->window = (struct iomul_range){ 0x1000, ~0U };
		return true;
	case 9:
		bar->size = 24;
		return true;
	case 10:
		bar->size = 2;
		return true;
	case 11:
		bar->at = (struct iomul_range){ 0x1000, 0x10ff };
		return true; /* not its size */
	case 12:
		bar->at = (struct iomul_range){ 0xffffffe0, ~0U };
		return true;
	case 13: /* ports, but no size */
		bar->size = 0;
		bar->at = (struct iomul_range){ 0x1000, 0x10ff };
		return true;
	case 14:
		w->root[0].napertures = IOMUL_APERTURES + 1;
		return true;
	case 15:
		w->root[1].aperture[0].last = ~0U;
		return true;
	case 16:
		a->group = 3;
		return true;
	case 17: /* anchored nowhere */
		w->t.group[w->t.groups++] = (struct iomul_group){ .anchor = 99 };
		return true;
	case 18:
		p->addr.devfn = w->t.node[find(w, "q")].addr.devfn;
		return true;
	case 19: /* below what is no port */
		w->t.node[find(w, "c")].parent = find(w, "b");
		return true;
	default:
		return false;
	}
}

static void topology_order_wrong_check(void **state)
{
	struct world w;
	bool more = true;
	u32 row;

	(void)state;
	for (row = 0; more; row++) {
		parse(&w, tree);
		more = spoil(&w, row);
		if ((iomul_topology_init(&w.t) == 0) == more)
			fail_msg("row %u", row);
		world_fini(&w);
	}
}

/* Things that are odd and right. */
static void topology_odd_check(void **state)
{
	struct world w;

	(void)state;
	parse(&w, "root\nroot 1000-ffff\n fn ?\n");
	w.t.node[0].bar[0].at = (struct iomul_range){ 0x1000, 0x10ff }; /* not sized, placed */
	assert_int_equal(iomul_topology_init(&w.t), 0);
	w.t.node[0].bar[1].size = 0x80000000;
	assert_int_equal(iomul_topology_init(&w.t), 0);
	world_fini(&w);
	parse(&w, "root\n");
	assert_int_equal(w.t.nodes, 0);
	assert_int_equal(iomul_topology_init(&w.t), 0);
	world_fini(&w);
}

static void topology_groups_check(void **state)
{
	struct world w;

	(void)state;
	parse(&w, tree);
	w.t.group[0] = (struct iomul_group){ .id = 5, .anchor = find(&w, "p") };
	w.t.group[1] = (struct iomul_group){ .id = 1, .anchor = w.t.nodes };
	w.t.groups = 2;
	assert_int_equal(iomul_group_find(&w.t, 5), 0);
	assert_int_equal(iomul_group_find(&w.t, 1), 1);
	assert_int_equal(iomul_group_find(&w.t, 0), IOMUL_NONE);
	w.t.node[find(&w, "a")].group = 5;
	assert_int_equal(iomul_topology_init(&w.t), 0);
	assert_int_equal(w.t.mark[find(&w, "p")].anchored, 1);
	assert_int_equal(w.t.mark[w.t.nodes].anchored, 1);
	world_fini(&w);
}

static void topology_find_check(void **state)
{
	struct iomul_addr addr = { .segment = 1, .bus = 0x90 };
	struct world w;

	(void)state;
	parse(&w, tree);
	assert_int_equal(iomul_topology_find(&w.t, addr), find(&w, "d"));
	addr.segment = 0;
	assert_int_equal(iomul_topology_find(&w.t, addr), IOMUL_NONE);
	addr.segment = 1;
	addr.bus = 0;
	assert_int_equal(iomul_topology_find(&w.t, addr), IOMUL_NONE);
	addr.bus = 0x90;
	addr.devfn = 1;
	assert_int_equal(iomul_topology_find(&w.t, addr), IOMUL_NONE);
	world_fini(&w);
}

/*
 *	bus:   a0 a1 | b | c7        slots: one device number
 *	ARI:   d0 d1 e0              one slot
 */
static void topology_slot_check(void **state)
{
	struct world w;
	u32 count;

	(void)state;
	parse(&w, "root 1000-ffff\n"
		  " a0: fn @1.0\n"
		  " a1: fn @1.1\n"
		  " b: fn @2.0\n"
		  " c7: fn @3.7\n"
		  " port ari\n"
		  "  d0: fn @0.0\n"
		  "  d1: fn @0.1\n"
		  "  e0: fn @1.0\n"
		  " port\n"
		  "  f: fn @1.0\n");
	assert_int_equal(iomul_slot_span(&w.t, find(&w, "a1"), &count), find(&w, "a0"));
	assert_int_equal(count, 2);
	assert_int_equal(iomul_slot_span(&w.t, find(&w, "b"), &count), find(&w, "b"));
	assert_int_equal(count, 1);
	assert_int_equal(iomul_slot_span(&w.t, find(&w, "d1"), &count), find(&w, "d0"));
	assert_int_equal(count, 3);
	assert_int_equal(iomul_slot_span(&w.t, find(&w, "f"), &count), find(&w, "f"));
	assert_int_equal(count, 1);
	w.t.node[find(&w, "d1")].addr.bus++;	/* a virtual function's may be another */
	iomul_slot_span(&w.t, find(&w, "d0"), &count);
	assert_int_equal(count, 1);
	w.t.node[find(&w, "d1")].addr.bus--;
	assert_true(iomul_slot_first(&w.t, find(&w, "a0")));
	assert_false(iomul_slot_first(&w.t, find(&w, "a1")));
	assert_true(iomul_slot_first(&w.t, find(&w, "f")));
	world_fini(&w);
}

static void topology_io_check(void **state)
{
	static const struct {
		const char *bars;
		bool has, starved;
	} table[] = {
		{ "", false, false },	    { "20", true, true },
		{ "20@1000", true, false }, { "20@1000 20", true, true },
		{ "?", true, true },	    { "- - - - - 4@1000", true, false },
	};
	char text[64];
	struct world w;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		snprintf(text, sizeof(text), "root 1000-ffff\n a: fn %s\n", table[i].bars);
		parse(&w, text);
		assert_int_equal(iomul_node_has_io(&w.t.node[0]), table[i].has);
		assert_int_equal(iomul_node_starved(&w.t.node[0]), table[i].starved);
		world_fini(&w);
	}
}

/*
 *	1000     2000     3000     4000     5000     6000
 *	 |  BAR   | window |        |  busy  |  group |
 */
static void topology_free_check(void **state)
{
	static const struct {
		struct iomul_range within;
		u32 size, align, first;
	} table[] = {
		{ { 0x1000, 0xffff }, 0x1000, 0x1000, 0x3000 },
		{ { 0x1000, 0x1fff }, 0x1000, 0x1000, 0 },
		{ { 0x1000, 0x1fff }, 0x100, 0x100, 0x1100 },
		{ { 0x1000, 0x1fff }, 4, 4, 0x1020 },
		{ { 0x1001, 0x1fff }, 4, 4, 0x1020 },
		{ { 0x3000, 0xffff }, 0x2000, 0x1000, 0x6000 },
		{ { 0x3000, 0x3ffe }, 0x1000, 0x1000, 0 },
		{ { 0x3000, 0x3fff }, 0x1000, 0x1000, 0x3000 },
		{ { 1, 0 }, 4, 4, 0 },
		{ { 0xfffff001, 0xfffffffe }, 0x1000, 0x1000, 0 },
		{ { 0xfffff000, 0xfffffffe }, 0x1000, 0x1000, 0 },
		{ { 0x8000, 0xffff }, 0xfffffff0, 4, 0 },
	};
	struct iomul_range r;
	struct world w;
	size_t i;

	(void)state;
	parse(&w, "root 1000-ffff\n fn 20@1000\n port w=2000-2fff\nbusy 4000-4fff acpi\n");
	w.t.group[0] = (struct iomul_group){ .window = { 0x5000, 0x5fff }, .anchor = w.t.nodes };
	w.t.groups = 1;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		r = iomul_topology_free(&w.t, w.t.nodes, table[i].within, table[i].size,
					table[i].align, false);
		if (table[i].first ?
			    r.first != table[i].first || iomul_range_size(r) != table[i].size :
			    !iomul_range_empty(r))
			fail_msg("row %zu: %x-%x", i, r.first, r.last);
	}
	world_fini(&w);
}

/* Behind what reaches to the last port there is nothing. */
static void topology_free_end_check(void **state)
{
	struct world w;

	(void)state;
	parse(&w, "root 1000-ffff\n fn 20\nbusy 4000-ffffffff acpi\n");
	assert_true(iomul_range_empty(iomul_topology_free(&w.t, w.t.nodes,
		(struct iomul_range){ 0x4000, 0xfffe }, 0x1000, 0x1000, false)));
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(topology_order_right_check),
		cmocka_unit_test(topology_order_wrong_check),
		cmocka_unit_test(topology_odd_check),
		cmocka_unit_test(topology_groups_check),
		cmocka_unit_test(topology_find_check),
		cmocka_unit_test(topology_slot_check),
		cmocka_unit_test(topology_io_check),
		cmocka_unit_test(topology_free_check),
		cmocka_unit_test(topology_free_end_check),
	};

	return cmocka_run_group_tests_name("topology", tests, NULL, NULL);
}
