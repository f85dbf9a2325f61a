// SPDX-License-Identifier: GPL-2.0-only
/*
 * core/plan.c: topologies and what becomes of them. Each plan that succeeds is
 * carried out on a fabric, with every config access failing once; see oracle.h.
 */
#include "unit.h"
#include "oracle.h"

struct plan_case {
	const char *name;
	const char *text;
	const char *first; /* attached before, in a plan of its own; or NULL */
	const char *select;
	struct iomul_policy policy;
	const char *want;
};

static const struct plan_case cases[] = {
#include "plan_cases.h"
};

static void run_case(void **state)
{
	const struct plan_case *c = *state;
	char got[512], what[256];
	struct world w;
	int err;

	parse(&w, c->text);
	w.policy = c->policy;
	if (c->first) {
		err = world_plan(&w, c->first);
		world_print(&w, err, got, sizeof(got));
		if (err)
			fail_msg("first: %s", got);
		world_settle(&w);
	}
	err = world_plan(&w, c->select);
	if (w.error[0])
		fail_msg("%s", w.error);
	world_print(&w, err, got, sizeof(got));
	assert_int_equal(-err, iomul_reason_errno(w.plan.refusal.reason));
	if (strcmp(got, c->want))
		fail_msg("\n  want: %s\n  got:  %s", c->want, got);
	if (!err && !oracle_plan(&w, 1, true, what, sizeof(what)))
		fail_msg("%s: %s", got, what);
	world_fini(&w);
}

/* A hint is worth something: with it selected as well, the plan succeeds. */
static void plan_hint_helps_check(void **state)
{
	static const char text[] = "root 1000-2fff low=1000\n"
				   " port w=1000-1fff\n"
				   "  a: fn 100@1000\n"
				   " port w=2000-2fff\n"
				   "  b: fn 100@2000\n"
				   " port\n"
				   "  c: fn 100\n";
	struct world w;
	int err;

	(void)state;
	parse(&w, text);
	assert_int_equal(world_plan(&w, "c"), -ENOSPC);
	err = iomul_plan_select(&w.t, w.plan.refusal.hint, &w.plan.refusal);
	assert_int_equal(err, 0);
	assert_int_equal(world_plan(&w, ""), 0);
	world_fini(&w);
}

static void plan_select_none_there_check(void **state)
{
	struct iomul_addr addr = { .bus = 9 };
	struct iomul_refusal r;
	struct world w;

	(void)state;
	parse(&w, "root 1000-ffff\n port\n  a: fn 100\n");
	assert_int_equal(iomul_plan_select(&w.t, addr, &r), -ENODEV);
	assert_int_equal(r.reason, IOMUL_R_NO_SLOT);
	assert_int_equal(r.slot.bus, 9);
	addr.bus = 1;
	addr.segment = 1;
	assert_int_equal(iomul_plan_select(&w.t, addr, &r), -ENODEV);
	addr.segment = 0;
	addr.devfn = 1 << 3;
	assert_int_equal(iomul_plan_select(&w.t, addr, &r), -ENODEV);
	addr.devfn = 7; /* the function part is ignored */
	assert_int_equal(iomul_plan_select(&w.t, addr, &r), 0);
	assert_true(w.t.node[find(&w, "a")].flags & IOMUL_NODE_SELECTED);
	world_fini(&w);
}

/* No room for steps or groups is said, never written past. */
static void plan_no_room_check(void **state)
{
	static const char text[] = "root 1000-ffff\n"
				   " port w=1000-1fff\n"
				   "  a: fn 100@1000 20@1100\n"
				   " port\n"
				   "  b: fn 100\n"
				   " port w=2000-3fff\n"
				   "  fn 100@2000\n"
				   "  port\n"
				   "   c: fn 20\n"
				   " port w=4000-4fff\n"
				   "  fn 1000@4000\n"
				   "  d: fn 20\n";
	struct world w;
	u32 n, need;

	(void)state;
	parse(&w, text);
	assert_int_equal(world_plan(&w, "a b c d"), 0);
	need = w.plan.steps;
	world_fini(&w);
	for (n = 0; n <= need; n++) {
		parse(&w, text);
		iomul_plan_select_node(&w.t, find(&w, "a"), &w.plan.refusal);
		iomul_plan_select_node(&w.t, find(&w, "b"), &w.plan.refusal);
		iomul_plan_select_node(&w.t, find(&w, "c"), &w.plan.refusal);
		iomul_plan_select_node(&w.t, find(&w, "d"), &w.plan.refusal);
		assert_true(iomul_plan_steps_max(&w.t) >= need);
		w.plan.step = calloc(n + 1, sizeof(*w.plan.step));
		w.plan.steps_max = n;
		assert_int_equal(iomul_plan_attach(&w.t, &w.policy, &w.plan),
				 n < need ? -ENOBUFS : 0);
		world_fini(&w);
	}
	parse(&w, text);
	w.t.groups_max = 0;
	assert_int_equal(world_plan(&w, "a b"), -ENOBUFS);
	world_fini(&w);
}

/* A group that is named but not there. */
static void plan_unknown_group_check(void **state)
{
	struct world w;

	(void)state;
	parse(&w, "root 1000-ffff\n port shared\n  a: fn 100\n");
	w.t.node[0].group = 7;
	assert_int_equal(world_plan(&w, "a"), -EINVAL);
	world_fini(&w);
}

/* A group whose slot was unplugged: it is taken first, and no window stays unused. */
static void plan_window_unused_check(void **state)
{
	char got[256], what[256];
	struct world w;

	(void)state;
	parse(&w, "root 1000-ffff low=1000\n port\n  a: fn 100\n port\n  b: fn 100\n");
	assert_int_equal(world_plan(&w, "b"), 0);
	world_settle(&w);
	w.t.node[find(&w, "b")].group = w.t.node[1].group = IOMUL_NONE;
	w.t.node[find(&w, "b")].flags = 0;
	w.t.node[1].flags &= ~IOMUL_NODE_SHARED;
	w.t.node[1].window = w.t.node[find(&w, "b")].bar[0].at = IOMUL_RANGE_EMPTY;
	assert_int_equal(iomul_topology_init(&w.t), 0);
	assert_int_equal(world_plan(&w, "a"), 0);
	world_print(&w, 0, got, sizeof(got));
	assert_string_equal(got, "1000-1fff a@1000");
	if (!oracle_plan(&w, 1, true, what, sizeof(what)))
		fail_msg("%s", what);
	world_fini(&w);
}

/* Ids stay and are not given twice, in whatever order they are. */
static void plan_group_ids_check(void **state)
{
	struct world w;

	(void)state;
	parse(&w, "root 1000-ffff low=1000\n port\n  a: fn 100\nroot\n");
	w.t.group[0] = (struct iomul_group){ .id = 5,
					     .window = { 0x1000, 0x1fff },
					     .anchor = w.t.nodes + 1 };
	w.t.group[1] = (struct iomul_group){ .id = 1,
					     .window = { 0x2000, 0x2fff },
					     .anchor = w.t.nodes + 1 };
	w.t.groups = 2;
	assert_int_equal(iomul_topology_init(&w.t), 0);
	assert_int_equal(world_plan(&w, "a"), 0);
	assert_int_equal(w.t.groups, 3);
	assert_int_equal(w.t.group[2].id, 6);
	assert_int_equal(w.t.group[2].window.first, 0x3000);
	world_fini(&w);
}

/* A function is hot-added to a slot that is attached: the slot counts once, and stays. */
static void plan_hot_function_check(void **state)
{
	struct world w;

	(void)state;
	parse(&w, "root 1000-ffff low=1000\n"
		  " port\n"
		  "  n: fn 20 @0.0\n"
		  "  a: fn 20 @0.1\n"
		  " port\n"
		  "  c: fn 20\n");
	assert_int_equal(world_plan(&w, "a"), 0);
	world_settle(&w);
	w.t.node[find(&w, "n")].flags = 0;
	w.t.node[find(&w, "n")].group = IOMUL_NONE;
	w.t.node[find(&w, "n")].bar[0].at = IOMUL_RANGE_EMPTY;
	assert_int_equal(world_plan(&w, "n"), -EEXIST);
	assert_int_equal(w.plan.refusal.reason, IOMUL_R_SHARED);
	w.policy.windows = 1;
	assert_int_equal(world_plan(&w, "c"), 0);
	assert_int_equal(w.t.groups, 1);
	world_fini(&w);
}

static void plan_errno_check(void **state)
{
	u32 r;

	(void)state;
	assert_int_equal(iomul_reason_errno(IOMUL_R_NONE), 0);
	for (r = 1; r < IOMUL_R_COUNT; r++)
		assert_int_not_equal(iomul_reason_errno(r), 0);
	assert_int_equal(iomul_reason_errno(IOMUL_R_COUNT), EINVAL);
	assert_int_equal(iomul_reason_errno(~0U), EINVAL);
}

static void plan_inverse_check(void **state)
{
	struct iomul_step s = { .kind = IOMUL_STEP_BAR,
				.bar = 3,
				.was = 1,
				.now = 0,
				.node = 9,
				.from = { 1, 0 },
				.to = { 0x1000, 0x10ff } };
	struct iomul_step i = iomul_step_inverse(s), ii = iomul_step_inverse(i);

	(void)state;
	assert_int_equal(i.kind, s.kind);
	assert_int_equal(i.bar, s.bar);
	assert_int_equal(i.node, s.node);
	assert_int_equal(i.was, 0);
	assert_int_equal(i.now, 1);
	assert_true(iomul_range_equal(i.from, s.to));
	assert_true(iomul_range_equal(i.to, s.from));
	assert_memory_equal(&s, &ii, sizeof(s));
}

/* What iomul_plan_valid() must notice. */
static void spoil_bar_outside(struct world *w, struct iomul_step *s)
{
	(void)w;
	s->to.first += 0x100000;
	s->to.last += 0x100000;
}

static void spoil_bar_moved(struct world *w, struct iomul_step *s)
{
	(void)w;
	s->to.first += 4;
	s->to.last += 4;
}

static void spoil_bar_size(struct world *w, struct iomul_step *s)
{
	(void)w;
	s->to.last--;
}

static void spoil_bar_missing(struct world *w, struct iomul_step *s)
{
	(void)w;
	s->bar = 5;
}

static void spoil_bar_overlap(struct world *w, struct iomul_step *s)
{
	struct iomul_step *second = s + 1;

	(void)w;
	second->to.first = s->to.first;
	second->to.last = s->to.first + 0x1f;
}

static void spoil_kind(struct world *w, struct iomul_step *s)
{
	(void)w;
	s->kind = IOMUL_STEP_KINDS;
}

static void spoil_node(struct world *w, struct iomul_step *s)
{
	s->node = w->t.nodes;
}

static void spoil_stranger(struct world *w, struct iomul_step *s)
{
	s->node = find(w, "o");
}

static void spoil_reserve(struct world *w, struct iomul_step *s)
{
	s->kind = IOMUL_STEP_RESERVE;
	s->node = w->t.groups;
}

static void spoil_group(struct world *w, struct iomul_step *s)
{
	(void)s;
	w->t.node[find(w, "b")].group = 99;
}

static void spoil_window(struct world *w, struct iomul_step *s)
{
	(void)s;
	w->t.node[find(w, "o")].bar[0].at = w->t.group[0].window;
}

static void spoil_groups(struct world *w, struct iomul_step *s)
{
	(void)s;
	w->t.group[w->t.groups] = w->t.group[0];	/* of nobody */
	w->t.group[w->t.groups++].id = 77;
}

static void plan_valid_notices_check(void **state)
{
	static void (*const spoil[])(struct world *, struct iomul_step *) = {
		spoil_bar_outside, spoil_bar_moved, spoil_bar_size, spoil_bar_missing,
		spoil_bar_overlap, spoil_kind,	    spoil_node,	    spoil_stranger,
		spoil_reserve,	   spoil_group,	    spoil_window,   spoil_groups,
	};
	struct world w;
	size_t i;
	u32 k;

	(void)state;
	for (i = 0; i < sizeof(spoil) / sizeof(spoil[0]); i++) {
		parse(&w, "root 1000-ffff\n"
			  " port\n"
			  "  a: fn 100 20\n"
			  " port\n"
			  "  b: fn 100\n"
			  " o: fn 20@f000\n");
		assert_int_equal(world_plan(&w, "a b"), 0);
		assert_true(iomul_plan_valid(&w.t, &w.plan));
		for (k = 0; w.plan.step[k].kind != IOMUL_STEP_BAR; k++)
			;
		spoil[i](&w, &w.plan.step[k]);
		if (iomul_plan_valid(&w.t, &w.plan))
			fail_msg("spoilt plan %zu is valid", i);
		world_fini(&w);
	}
}

/* What is wrong with a port that is widened from 1000-1fff to 1000-2fff. */
static void spoil_widen(struct world *w, struct iomul_step *s, u32 row)
{
	u32 p = find(w, "p");

	switch (row) {
	case 0:
		w->t.node[p].group = w->t.group[0].id;
		break;
	case 1:
		s->from = IOMUL_RANGE_EMPTY;
		break;
	case 2:
		s->to.first = 0x2000;	/* loses what it had */
		break;
	case 3:				/* beyond the port above */
		s->node = find(w, "q");
		s->to.last = 0xffff;
		break;
	case 4:				/* into the neighbour's window, above */
		s->to.last = 0x4fff;
		break;
	case 5:				/* and below */
		s->from = s->to = (struct iomul_range){ 0x5000, 0x5fff };
		s->to.first = 0x4000;
		break;
	}
}

static void plan_valid_widen_check(void **state)
{
	struct world w;
	u32 row, k;

	(void)state;
	for (row = 0; row < 6; row++) {
		parse(&w, "root 1000-ffff low=1000\n"
			  " p: port w=1000-1fff\n"
			  "  fn 800@1000\n"
			  "  q: port w=1800-1fff\n"
			  "   fn 800@1800\n"
			  "  port\n"
			  "   a: fn 100\n"
			  "  port\n"
			  "   b: fn 100\n"
			  " n: port w=4000-4fff\n"
			  "  fn 100@4000\n");
		w.policy.windows = 1;
		assert_int_equal(world_plan(&w, "a b"), 0);
		for (k = 0; k < w.plan.steps && w.plan.step[k].kind != IOMUL_STEP_WIDEN; k++)
			;
		assert_true(k < w.plan.steps && w.plan.step[k].node == find(&w, "p"));
		assert_true(iomul_plan_valid(&w.t, &w.plan));
		spoil_widen(&w, &w.plan.step[k], row);
		if (iomul_plan_valid(&w.t, &w.plan))
			fail_msg("row %u is valid", row);
		world_fini(&w);
	}
}

static void plan_valid_groups_check(void **state)
{
	struct world w;

	(void)state;
	parse(&w, "root 1000-ffff\n port\n  a: fn 100\n port\n  b: fn 100\n");
	w.policy.windows = 2;
	assert_int_equal(world_plan(&w, "a b"), 0);
	assert_int_equal(w.t.groups, 2);
	assert_true(iomul_plan_valid(&w.t, &w.plan));
	world_fini(&w);
}

/* Whose port's window somebody else needs, too, is no hint; nor one that is too small. */
static void plan_hint_others_check(void **state)
{
	struct world w;

	(void)state;
	parse(&w, "root 1000-2fff low=1000\n"
		  " port w=1000-1fff\n"
		  "  h: fn 20@1000\n"
		  " port\n"
		  "  a: fn 1000 1000\n");
	assert_int_equal(world_plan(&w, "a"), -ENOSPC);
	assert_memory_equal(&w.plan.refusal.hint, &w.plan.refusal.slot, sizeof(struct iomul_addr));
	world_fini(&w);
	parse(&w, "root 1000-1fff low=1000\n"
		  " port w=1000-1fff\n"
		  "  h: fn 20@1000 @0.0\n"
		  "  z: fn 20@1020 @1.0\n"
		  " port\n"
		  "  a: fn 20\n");
	assert_int_equal(world_plan(&w, "a"), -ENOSPC);
	assert_int_equal(w.plan.refusal.reason, IOMUL_R_NO_SPACE);
	assert_memory_equal(&w.plan.refusal.hint, &w.plan.refusal.slot, sizeof(struct iomul_addr));
	world_fini(&w);
}

/* In which order: nothing decodes while it is moved. */
static void plan_order_check(void **state)
{
	static const u8 want[] = {
		IOMUL_STEP_DECODE,  IOMUL_STEP_DECODE, IOMUL_STEP_RELEASE, IOMUL_STEP_HOLD,
		IOMUL_STEP_RESERVE, IOMUL_STEP_WINDOW, IOMUL_STEP_BAR,	   IOMUL_STEP_DECODE,
	};
	struct world w;
	u32 i;

	(void)state;
	parse(&w, "root 1000-ffff\n port w=1000-1fff\n  a: fn 100@1000\n");
	assert_int_equal(world_plan(&w, "a"), 0);
	assert_int_equal(w.plan.steps, sizeof(want));
	for (i = 0; i < sizeof(want); i++)
		assert_int_equal(w.plan.step[i].kind, want[i]);
	assert_int_equal(w.plan.step[0].node, 0); /* the port first */
	assert_int_equal(w.plan.step[0].now, 0);
	assert_int_equal(w.plan.step[0].was, 1);
	assert_int_equal(w.plan.step[7].node, 1);
	assert_int_equal(w.plan.step[7].now, 1);
	world_fini(&w);
}

int main(void)
{
	const struct CMUnitTest fixed[] = {
		cmocka_unit_test(plan_hint_helps_check),
		cmocka_unit_test(plan_select_none_there_check),
		cmocka_unit_test(plan_no_room_check),
		cmocka_unit_test(plan_unknown_group_check),
		cmocka_unit_test(plan_window_unused_check),
		cmocka_unit_test(plan_group_ids_check),
		cmocka_unit_test(plan_hot_function_check),
		cmocka_unit_test(plan_errno_check),
		cmocka_unit_test(plan_inverse_check),
		cmocka_unit_test(plan_valid_notices_check),
		cmocka_unit_test(plan_valid_widen_check),
		cmocka_unit_test(plan_valid_groups_check),
		cmocka_unit_test(plan_hint_others_check),
		cmocka_unit_test(plan_order_check),
	};
	enum { FIXED = sizeof(fixed) / sizeof(fixed[0]), CASES = sizeof(cases) / sizeof(cases[0]) };
	struct CMUnitTest tests[FIXED + CASES];
	size_t i;

	memcpy(tests, fixed, sizeof(fixed));
	for (i = 0; i < CASES; i++)
		tests[FIXED + i] = (struct CMUnitTest){ .name = cases[i].name,
							.test_func = run_case,
							.initial_state = (void *)&cases[i] };
	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
