// SPDX-License-Identifier: GPL-2.0-only
/*
 * core/mux.c and core/gates.c: trees and switches. Trees are built by core from
 * topologies; each gate is named after the function whose I/O enable it is.
 */
#include "unit.h"
#include "oracle.h"

struct bench {
	struct world w;
	struct iomul_mux mux;
	u32 *slot_node;
};

static void bench_init(struct bench *b, const char *text, const char *select)
{
	parse(&b->w, text);
	b->w.policy.windows = 1;
	if (world_plan(&b->w, select))
		fail_msg("no plan: %u %s", b->w.plan.refusal.reason, b->w.error);
	assert_int_equal(mux_alloc(&b->w.t, 0, &b->mux, &b->slot_node), 0);
	assert_true(iomul_mux_valid(&b->mux));
}

static void bench_fini(struct bench *b)
{
	mux_free(&b->mux, b->slot_node);
	world_fini(&b->w);
}

static const char *gate_name(const struct bench *b, u32 gate)
{
	return b->w.name[b->mux.gate[gate].node];
}

static u32 slot_of(const struct bench *b, const char *name)
{
	u32 i;

	for (i = 0; i < b->mux.slots; i++)
		if (!strcmp(b->w.name[b->slot_node[i]], name))
			return i;
	fail_msg("no slot %s", name);
	return 0;
}

/* The whole tree: each bus with its gates, each slot with its path. */
static void print_tree(const struct bench *b, char *text, size_t n)
{
	u32 i, k;
	size_t used = 0;

	text[0] = 0;
	for (i = 0; i < b->mux.buses; i++) {
		const struct iomul_bus *bus = &b->mux.bus[i];

		used += snprintf(text + used, n - used, "%s[",
				 bus->up == IOMUL_NONE ? "" : gate_name(b, bus->up));
		for (k = bus->gate; k < bus->gate + bus->gates; k++)
			used += snprintf(text + used, n - used, "%s%s", k == bus->gate ? "" : " ",
					 gate_name(b, k));
		used += snprintf(text + used, n - used, "] ");
	}
	for (i = 0; i < b->mux.slots; i++) {
		used += snprintf(text + used, n - used, "%s=", b->w.name[b->slot_node[i]]);
		for (k = 0; k < b->mux.slot[i].depth; k++)
			used += snprintf(text + used, n - used, "%s%s", k ? "/" : "",
					 gate_name(b, b->mux.path[b->mux.slot[i].first + k]));
		used += snprintf(text + used, n - used, " ");
	}
	text[used ? used - 1 : 0] = 0;
}

/*
 * Shapes.
 */

static const struct {
	const char *text;
	const char *select;
	const char *want;
} trees[] = {
	/* one level: [p q] */
	{ "root 1000-ffff\n p: port\n  a: fn 100\n q: port\n  b: fn 100\n", "a b",
	  "[p q] a=p b=q" },
	/* a port that was not selected is no gate */
	{ "root 1000-ffff\n p: port\n  a: fn 100\n o: port w=1000-1fff\n  fn 100@1000\n"
	  " q: port\n  b: fn 100\n",
	  "a b", "[p q] a=p b=q" },
	/* functions on a root bus, a slot of two is one gate */
	{ "root 1000-ffff\n a: fn 20\n b: fn 20 @4.0\n fn 20 @4.1\n", "a b", "[a b] a=a b=b" },
	/* conventional: port, then functions */
	{ "root 1000-ffff\n p: port\n  q: port\n   a: fn 20\n   b: fn 20\n", "a b",
	  "[p] p[q] q[a b] a=p/q/a b=p/q/b" },
	/* one function left there: the port is the last gate */
	{ "root 1000-ffff\n p: port\n  q: port\n   a: fn 20\n   fn\n", "a", "[p] p[q] a=p/q" },
	/* one slot of several functions: the port gates them all */
	{ "root 1000-ffff\n p: port\n  a: fn 20 @0.0\n  fn 20 @0.3\n  fn @0.4\n", "a", "[p] a=p" },
	/* ARI: device numbers do not count */
	{ "root 1000-ffff\n p: port ari\n  a: fn 20 @0.0\n  fn 20 @3.0\n", "a", "[p] a=p" },
	{ "root 1000-ffff\n p: port\n  a: fn 20 @0.0\n  b: fn 20 @3.0\n", "a b",
	  "[p] p[a b] a=p/a b=p/b" },
	/* a switch and a function beside it */
	{ "root 1000-ffff\n c: fn 20\n p: port\n  q: port\n   r: port\n    a: fn 20\n   s: port\n"
	  "    b: fn 20\n",
	  "a b c", "[c p] p[q] q[r s] c=c a=p/q/r b=p/q/s" },
	/* a port and a function on the bus below a gate: the function is a gate too */
	{ "root 1000-ffff\n p: port\n  a: fn 20\n  q: port\n   b: fn 20\n", "a b",
	  "[p] p[a q] a=p/a b=p/q" },
	/* a port among the functions of a slot */
	{ "root 1000-ffff\n a: fn 20 @1.0\n p: port @1.1\n  b: fn 20\n fn 20 @1.2\n", "a b",
	  "[a p] a=a b=p" },
	/* and as its first function */
	{ "root 1000-ffff\n p: port @1.0\n  b: fn 20\n a: fn 20 @1.1\n", "a b", "[p a] p=a b=p" },
	/* the first function has no BAR */
	{ "root 1000-ffff\n a: fn @1.0\n b: fn 20 @1.1\n", "b", "[b] a=b" },
	/* below a mixed port */
	{ "root 1000-ffff\n m: port w=1000-2fff\n  fn 20@1000\n  a: fn 20\n  p: port\n   b: fn 20\n",
	  "a b", "[a p] a=a b=p" },
	/* two roots: group 0 is that of the first */
	{ "root 1000-7fff\n p: port\n  a: fn 20\nroot 8000-ffff\n q: port\n  b: fn 20\n", "a b",
	  "[p] a=p" },
};

static void gates_shape_check(void **state)
{
	char got[256];
	struct bench b;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(trees) / sizeof(trees[0]); i++) {
		bench_init(&b, trees[i].text, trees[i].select);
		print_tree(&b, got, sizeof(got));
		if (strcmp(got, trees[i].want))
			fail_msg("tree %zu\n  want: %s\n  got:  %s", i, trees[i].want, got);
		bench_fini(&b);
	}
}

/* A function gate covers the slot from its first function with an I/O BAR on. */
static void gates_functions_check(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, "root 1000-ffff\n fn @1.0\n a: fn 20 @1.1\n fn 20 @1.4\n c: fn 20\n", "a c");
	assert_int_equal(b.mux.gates, 2);
	assert_int_equal(b.mux.gate[0].node, 1);
	assert_int_equal(b.mux.gate[0].nodes, 2);
	assert_int_equal(b.mux.gate[1].nodes, 1);
	assert_int_equal(b.slot_node[0], 0);
	bench_fini(&b);
}

/* Each array too small by one: said, and nothing written behind it (ASan). */
static void gates_no_room_check(void **state)
{
	static const char text[] = "root 1000-ffff\n p: port\n  q: port\n   a: fn 20\n   b: fn 20\n"
				   " r: port\n  c: fn 20\n";
	struct iomul_mux m;
	struct bench b;
	u32 i;

	(void)state;
	bench_init(&b, text, "a b c");
	for (i = 0; i < 8; i++) {
		m = b.mux;
		m.buses = i & 1 ? 0 : b.mux.buses - (i == 0);
		m.gates = i & 2 ? 0 : b.mux.gates - (i == 4);
		m.slots = b.mux.slots - (i == 5);
		m.paths = b.mux.paths - (i == 6);
		assert_int_equal(iomul_mux_build(&b.w.t, 0, &m, b.slot_node), -ENOBUFS);
		m = b.mux;
		m.buses = b.mux.buses - (i == 0);
		m.gates = b.mux.gates - (i == 1);
		m.slots = b.mux.slots - (i == 2);
		m.paths = b.mux.paths - (i == 3);
		assert_int_equal(iomul_mux_build(&b.w.t, 0, &m, b.slot_node), i < 4 ? -ENOBUFS : 0);
	}
	m = b.mux;
	assert_int_equal(iomul_mux_build(&b.w.t, 7, &m, b.slot_node), 0);
	assert_int_equal(m.slots, 0);
	b.mux.slots = 3;
	bench_fini(&b);
}

/*
 * Switching. @fail: the step that fails, from 1; 0: none. What was done:
 * "-gate" shut, "+gate" opened, "!" failed.
 */

static int drive(struct bench *b, const char *to, u32 fail, char *text, size_t n)
{
	u32 slot = to ? slot_of(b, to) : IOMUL_NONE, steps = 0;
	struct iomul_mux_step s;
	size_t used = 0;

	text[0] = 0;
	while (iomul_mux_next(&b->mux, slot, &s) > 0) {
		assert_int_equal(b->mux.owner, IOMUL_NONE);
		used += snprintf(text + used, n - used, "%s%c%s%s", used ? " " : "",
				 s.open ? '+' : '-', gate_name(b, s.gate),
				 ++steps == fail ? "!" : "");
		iomul_mux_done(&b->mux, s, steps != fail);
		assert_true(iomul_mux_valid(&b->mux));
		if (steps == fail)
			return -EIO;
		assert_true(steps < 100);
	}
	assert_int_equal(b->mux.owner, slot);
	return 0;
}

static void expect(struct bench *b, const char *to, const char *want)
{
	char got[256];

	drive(b, to, 0, got, sizeof(got));
	if (strcmp(got, want))
		fail_msg("to %s\n  want: %s\n  got:  %s", to ? to : "nobody", want, got);
}

static const char two_ports[] = "root 1000-ffff\n p: port\n  a: fn 20\n q: port\n  b: fn 20\n";

/*
 *	[p q]
 *	 a b
 */
static void mux_two_writes_check(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, two_ports, "a b");
	expect(&b, NULL, "-p -q");
	expect(&b, "a", "+p");
	expect(&b, "a", "");
	expect(&b, "b", "-p +q");
	expect(&b, "a", "-q +p");
	expect(&b, NULL, "-p");
	expect(&b, NULL, "");
	bench_fini(&b);
}

/* In one piece where both slots say so; the same two gates, or both in doubt. */
static void mux_swappable_check(void **state)
{
	const struct iomul_path *from, *to;
	struct iomul_mux *m;
	struct bench b;
	u32 one, two;

	(void)state;
	bench_init(&b, two_ports, "a b");
	m = &b.mux;
	expect(&b, "a", "-p -q +p");
	one = slot_of(&b, "a");
	two = slot_of(&b, "b");
	iomul_mux_swappable(m, two, false);
	assert_true(iomul_mux_valid(m));
	assert_false(iomul_mux_swap(m, two, &from, &to));
	iomul_mux_swappable(m, two, true);
	iomul_mux_swappable(m, one, false);
	assert_false(iomul_mux_swap(m, two, &from, &to));
	assert_int_equal(m->owner, one);
	iomul_mux_swappable(m, one, true);
	assert_false(iomul_mux_swap(m, one, &from, &to));
	assert_true(iomul_mux_swap(m, two, &from, &to));
	assert_true(from == &m->slot[one] && to == &m->slot[two]);
	assert_true(iomul_mux_valid(m));
	assert_int_equal(m->owner, two);
	assert_int_equal(from->gate->state, IOMUL_GATE_SHUT);
	assert_int_equal(to->gate->state, IOMUL_GATE_OPEN);
	iomul_mux_forget_gate(m, from->last);
	iomul_mux_forget_gate(m, to->last);
	assert_true(iomul_mux_valid(m));
	assert_int_equal(m->owner, IOMUL_NONE);
	bench_fini(&b);
}

static const char three_levels[] = "root 1000-ffff\n"
				   " p: port\n"
				   "  q: port\n"
				   "   r: port\n"
				   "    a: fn 20\n"
				   "   s: port\n"
				   "    b: fn 20\n"
				   "  t: port\n"
				   "   u: port\n"
				   "    c: fn 20\n"
				   "   v: port\n"
				   "    d: fn 20\n"
				   " w: port\n"
				   "  e: fn 20\n";

/*
 *	      [p        w]       two writes for each level at which the way
 *	   [q     t]    e        differs; below a shut gate the lower state
 *	 [r s]  [u v]            stays as it was
 *	  a b    c d
 */
static void mux_three_levels_check(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, three_levels, "a b c d e");
	expect(&b, NULL, "-p -w -q -t -r -s -u -v");
	expect(&b, "a", "+q +r +p");
	expect(&b, "b", "-r +s");
	expect(&b, "c", "-q +u +t");
	expect(&b, "b", "-t +q"); /* s is still open */
	expect(&b, "c", "-q +t"); /* and u */
	expect(&b, "e", "-p +w");
	expect(&b, "c", "-w +p");
	expect(&b, "d", "-u +v");
	expect(&b, "a", "-t -s +r +q");
	expect(&b, NULL, "-p -q -r -v");
	bench_fini(&b);
}

/* A step that failed: the gate is in doubt, and is shut before anything else is opened. */
static void mux_failure_check(void **state)
{
	struct bench b;
	char got[256];

	(void)state;
	bench_init(&b, two_ports, "a b");
	expect(&b, "a", "-p -q +p");
	assert_int_equal(drive(&b, "b", 1, got, sizeof(got)), -EIO);
	assert_string_equal(got, "-p!");
	expect(&b, "b", "-p +q");
	assert_int_equal(drive(&b, "a", 2, got, sizeof(got)), -EIO);
	assert_string_equal(got, "-q +p!");
	expect(&b, "b", "-p +q");
	assert_int_equal(drive(&b, "a", 2, got, sizeof(got)), -EIO);
	expect(&b, "a", "-p +p");
	bench_fini(&b);
}

static void mux_forget_check(void **state)
{
	struct bench b;

	(void)state;
	bench_init(&b, two_ports, "a b");
	expect(&b, "a", "-p -q +p");
	iomul_mux_forget_gate(&b.mux, b.mux.path[b.mux.slot[slot_of(&b, "b")].first]);
	assert_int_equal(b.mux.owner, IOMUL_NONE);
	assert_true(iomul_mux_valid(&b.mux));
	expect(&b, "a", "-q");
	iomul_mux_forget_gate(&b.mux, b.mux.path[b.mux.slot[slot_of(&b, "a")].first]);
	iomul_mux_forget_gate(&b.mux, b.mux.path[b.mux.slot[slot_of(&b, "a")].first]);
	assert_true(iomul_mux_valid(&b.mux));
	expect(&b, "a", "-p +p");
	iomul_mux_forget(&b.mux);
	assert_int_equal(b.mux.owner, IOMUL_NONE);
	assert_true(iomul_mux_valid(&b.mux));
	expect(&b, "b", "-p -q +q");
	bench_fini(&b);
}

/* Somebody else's way was begun and left: the next one goes on from there. */
static void mux_abandoned_check(void **state)
{
	struct iomul_mux_step s;
	struct bench b;

	(void)state;
	bench_init(&b, two_ports, "a b");
	expect(&b, "a", "-p -q +p");
	assert_int_equal(iomul_mux_next(&b.mux, slot_of(&b, "b"), &s), 1);
	assert_int_equal(b.mux.owner, IOMUL_NONE);
	assert_true(iomul_mux_valid(&b.mux));
	expect(&b, "a", "");
	assert_int_equal(iomul_mux_next(&b.mux, slot_of(&b, "b"), &s), 1);
	iomul_mux_done(&b.mux, s, true);
	expect(&b, "a", "+p");
	bench_fini(&b);
}

/* For each number of the step that fails, whatever is wanted next is reached. */
static void mux_fail_step_n_check(void **state)
{
	static const char *const slots[] = { "a", "b", "c", "d", "e" };
	char got[512];
	struct bench b;
	u32 from, to, n, then;
	int err;

	(void)state;
	bench_init(&b, three_levels, "a b c d e");
	for (from = 0; from < 5; from++) {
		for (to = 0; to < 5; to++) {
			for (n = 1, err = -EIO; err; n++) {
				drive(&b, slots[from], 0, got, sizeof(got));
				err = drive(&b, slots[to], n, got, sizeof(got));
				for (then = 0; then < 5; then++)
					drive(&b, slots[then], 0, got, sizeof(got));
			}
		}
	}
	bench_fini(&b);
}

/* What iomul_mux_valid() must notice. */
static void mux_valid_notices_check(void **state)
{
	struct bench b;
	u32 i;

	(void)state;

	for (i = 0; i < 32; i++) {
		struct iomul_mux *m = &b.mux;
		struct iomul_bus *more; /* behind the last one there is room */
		struct iomul_mux room;

		bench_init(&b, three_levels, "a b c d e");
		expect(&b, "a", "-p -w -q -t +q -r -s +r +p");
		room = *m;
		more = &m->bus[m->buses];
		m->buses += i >= 22 && i < 26;
		switch (i) {
		case 0:
			m->gate[0].bus = m->buses;
			break;
		case 1:
			m->gate[0].below = m->buses;
			break;
		case 2:
			m->gate[0].state = 3;
			break;
		case 3:
			m->gate[1].state = IOMUL_GATE_OPEN;
			break;
		case 4:
			m->bus[0].open = 1;
			break;
		case 5:
			m->bus[0].unknown = 1;
			break;
		case 6:
			m->bus[0].gates = m->gates + 1;
			break;
		case 7:
			m->bus[1].gate = m->gates;
			break;
		case 8:
			m->bus[1].up = m->gates;
			break;
		case 9:
			m->bus[1].up = 1;
			break;
		case 10:
			m->bus[1].up = IOMUL_NONE;
			break;
		case 11:
			m->bus[0].up = 0;
			break;
		case 12:
			m->slot[0].depth = 0;
			break;
		case 13:
			m->slot[0].depth = m->paths + 1;
			break;
		case 14:
			m->slot[0].first = m->paths;
			break;
		case 15:
			m->path[0] = m->gates;
			break;
		case 16:
			m->path[m->slot[slot_of(&b, "a")].first + 1] = 1;
			break;
		case 17:
			m->slot[slot_of(&b, "a")].depth--;
			break;
		case 18:
			m->owner = m->slots;
			break;
		case 19:
			m->owner = slot_of(&b, "e");
			break;
		case 20:
			m->gate[1].state = IOMUL_GATE_UNKNOWN;
			m->bus[0].unknown++;
			break;
		case 21:
			m->gate[0].bus = 1;
			break;
		case 22:
			*more = (struct iomul_bus){ .gate = m->gates + 1, .open = IOMUL_NONE };
			break;
		case 23:
			*more = (struct iomul_bus){ .up = m->gates, .open = IOMUL_NONE };
			break;
		case 24:
			*more = (struct iomul_bus){ .up = 0, .open = IOMUL_NONE };
			break;
		case 25:
			*more = (struct iomul_bus){ .gates = 1, .up = 1, .open = IOMUL_NONE };
			m->gate[1].below = m->buses - 1;
			break;
		case 26:
			m->bus[0].gates--;
			break;
		case 27:
			m->slot[0].last++;
			break;
		case 28:
			m->slot[0].bus++;
			break;
		case 29:
			m->slot[0].gate++;
			break;
		case 30:
			m->slot[0].swap = m->buses;
			break;
		case 31:
			m->arriving = 1;
			break;
		}
		if (iomul_mux_valid(m))
			fail_msg("spoilt mux %u is valid", i);
		m->buses = room.buses;
		bench_fini(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gates_shape_check),	  cmocka_unit_test(gates_functions_check),
		cmocka_unit_test(gates_no_room_check),	  cmocka_unit_test(mux_two_writes_check),
		cmocka_unit_test(mux_three_levels_check), cmocka_unit_test(mux_swappable_check),
		cmocka_unit_test(mux_failure_check),
		cmocka_unit_test(mux_forget_check),	  cmocka_unit_test(mux_abandoned_check),
		cmocka_unit_test(mux_fail_step_n_check),  cmocka_unit_test(mux_valid_notices_check),
	};

	return cmocka_run_group_tests_name("mux", tests, NULL, NULL);
}
