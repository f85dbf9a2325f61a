// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proof: the planner. Parts of it; and the whole for a tree that is given
 * (PARENTS), whatever is in it, where nothing is attached yet.
 */
#include "plan.c"
#include "proof.h"

static struct iomul_node node[NODES];
static struct iomul_mark mark[NODES + 1];
static struct iomul_root root[1];
static struct iomul_busy busy[1];
static struct iomul_group group[NODES];
static struct iomul_step step[STEPS];
static struct iomul_topology t;
static struct iomul_plan plan;

static const u32 parent[NODES] = { PARENTS };

static void any_range(struct iomul_range *r)
{
	r->first = any_u32();
	r->last = any_u32();
	ASSUME(r->first <= TOP && r->last <= TOP);
}

/* The kernel claims a BAR or window only inside the one above. */
static bool inside(u32 i, struct iomul_range r)
{
	u32 up = parent[i];

	return iomul_range_empty(r) ||
	       (up == IOMUL_NONE ? iomul_range_contains(root[0].aperture[0], r) :
		!iomul_range_empty(node[up].window) && iomul_range_contains(node[up].window, r));
}

/* Any contents of a tree that is given; the first BARIO BARs may be I/O BARs. */
static void any_topology(void)
{
	root[0].napertures = 1;
	any_range(&root[0].aperture[0]);
	root[0].lowest = any_u32();
	for (u32 i = 0; i < NODES; i++) {
		node[i].addr.bus = any_u8();
		node[i].addr.devfn = any_u8();
		node[i].parent = parent[i];
		node[i].flags = any_u32() & ~IOMUL_NODE_SHARED;
		node[i].group = IOMUL_NONE;
		any_range(&node[i].window);
		ASSUME(inside(i, node[i].window));
		for (u32 k = 0; k < IOMUL_BARS; k++) {
			node[i].bar[k] = (struct iomul_bar){ .at = IOMUL_RANGE_EMPTY };
			if (k >= BARIO)
				continue;
			any_range(&node[i].bar[k].at);
			node[i].bar[k].size = any_u32();
			node[i].bar[k].flags = any_u32();
			ASSUME(inside(i, node[i].bar[k].at));
		}
	}
	any_range(&busy[0].at);
	busy[0].flags = any_u32();
	t = (struct iomul_topology){ .node = node, .root = root, .busy = busy, .mark = mark,
				     .group = group, .nodes = NODES, .roots = 1, .busies = 1,
				     .groups_max = NODES, .group_base = any_u8() };
	ASSUME(!iomul_topology_init(&t));
	/* As it has left them (prove_spans), but as constants. */
	for (u32 i = 0; i <= NODES; i++)
		mark[i].child = mark[i].children = 0;
	for (u32 i = 0; i < NODES; i++) {
		u32 bus = parent[i] == IOMUL_NONE ? NODES : parent[i];

		if (!mark[bus].children++)
			mark[bus].child = i;
	}
}

/* Is @i a function that was asked for, or a port above one? */
static bool concerned(u32 i)
{
	bool is = node[i].flags & IOMUL_NODE_SELECTED;

	for (u32 k = i + 1; k < NODES; k++)
		for (u32 up = parent[k]; up != IOMUL_NONE; up = parent[up])
			is = is || (up == i && (node[k].flags & IOMUL_NODE_SELECTED));
	return is;
}

/*
 * What comes out keeps the rules; no step, and no group, concerns what was not
 * asked for (rule 3); members stand on the anchor bus or below a member (gates.c).
 */
void prove_attach(void)
{
	struct iomul_policy policy = { .windows = any_u32(), .reserve = RESERVE };
	struct iomul_refusal refusal;
	u32 i = any_u32(), k = any_u32(), g;
	int err;

	any_topology();
	plan = (struct iomul_plan){ .step = step, .steps_max = STEPS };
	for (u32 n = 0; n < NODES; n++)
		if (any_bool())
			iomul_plan_select_node(&t, n, &refusal);
	err = iomul_plan_attach(&t, &policy, &plan);
	PROVE(err <= 0 && err != -ENOBUFS, "there is room");
	if (err) {
		PROVE(plan.refusal.reason && err == -iomul_reason_errno(plan.refusal.reason), "it says why");
		return;
	}
	PROVE(iomul_plan_valid(&t, &plan), "valid");
	PROVE(plan.steps <= iomul_plan_steps_max(&t), "no more steps than said");
	ASSUME(i < NODES);
	PROVE(node[i].group == IOMUL_NONE || concerned(i), "rule 3: who joins was asked for, or leads there");
	PROVE(!(node[i].flags & IOMUL_NODE_SELECTED) || node[i].group != IOMUL_NONE, "who was asked for joins");
	g = iomul_group_find(&t, node[i].group);
	PROVE(node[i].group == IOMUL_NONE || (g != IOMUL_NONE && (group[g].anchor == iomul_node_bus(&t, i) ||
	      (parent[i] != IOMUL_NONE && node[parent[i]].group == node[i].group))), "members are connected");
	ASSUME(k < plan.steps);
	PROVE(step[k].kind == IOMUL_STEP_RESERVE || step[k].kind == IOMUL_STEP_WIDEN ||
	      node[step[k].node].group != IOMUL_NONE, "rule 3: steps");
	END;
}

/* The places of BARs in a slot: aligned, apart, within what the slot says it needs; each BAR has one. */
void prove_places(void)
{
	u32 offset[BARIO], at[BARIO], need, align, used = 0, size = ANY_SIZE, n = 0;
	u32 i = any_u32(), k = any_u32();
	struct bar_ref ref = FIRST_BAR;
	bool isa = any_bool();

	any_topology();
	ASSUME(node_counts(&node[0]) && slot_need(&t, 0, 1, isa, &need, &align) && need != ~0U);
	while (next_bar(&t, 0, 1, &ref, &size)) {
		PROVE(n < BARIO && ref.node == 0 && ref.bar < BARIO, "one of its BARs");
		PROVE(size == node[0].bar[ref.bar].size && size, "its size");
		at[n] = ref.bar;
		offset[n++] = place_offset(&used, size, isa);
	}
	ASSUME(i < n && k < n);
	PROVE(i == k || at[i] != at[k], "each once");
	PROVE(!(offset[i] & (node[0].bar[at[i]].size - 1)) && align >= node[0].bar[at[i]].size &&
	      iomul_power_of_two(align), "aligned");
	PROVE((u64)offset[i] + node[0].bar[at[i]].size <= need, "within its need");
	PROVE(i == k || (u64)offset[i] + node[0].bar[at[i]].size <= offset[k] ||
	      (u64)offset[k] + node[0].bar[at[k]].size <= offset[i], "apart");
	PROVE(!isa || align >= ISA_PERIOD, "ISA Enable: places are counted from a period");
	PROVE(!isa || (offset[i] & 0x300) == 0, "ISA Enable: where it passes");
	PROVE(!isa || ((offset[i] + node[0].bar[at[i]].size - 1) & 0x300) == 0, "to its end");
	for (u32 b = 0; b < BARIO; b++)
		n -= !!node[0].bar[b].size;
	PROVE(!n, "all of them");
	END;
}

/* What a window lacks of a range: nothing it has, nothing outside. */
void prove_beyond(void)
{
	struct iomul_range r = { any_u32(), any_u32() }, window = { any_u32(), any_u32() }, b, a;
	u32 port = any_u32();

	ASSUME(!iomul_range_empty(r) && !iomul_range_empty(window));
	b = range_beyond(r, window);
	a = range_around(r, window);
	PROVE(iomul_range_empty(b) == iomul_range_contains(window, r), "none if it has all");
	PROVE(iomul_range_contains(r, b) && !iomul_range_overlaps(b, window), "of the range, not of the window");
	PROVE(iomul_range_empty(b) || (r.first < window.first && r.last > window.last) || port < r.first ||
	      port > r.last || (port >= window.first && port <= window.last) ||
	      (port >= b.first && port <= b.last), "all of it, if it is on one side");
	PROVE(iomul_range_contains(a, r) && iomul_range_contains(a, window) &&
	      (a.first == r.first || a.first == window.first) && (a.last == r.last || a.last == window.last),
	      "around both");
	END;
}

/* Undone twice is done; every reason has an errno. */
void prove_inverse(void)
{
	struct iomul_step s, i, twice;
	u32 reason = any_u32();

	__CPROVER_havoc_object(&s);
	i = iomul_step_inverse(s);
	twice = iomul_step_inverse(i);
	PROVE(i.kind == s.kind && i.bar == s.bar && i.node == s.node, "about the same");
	PROVE(i.from.first == s.to.first && i.from.last == s.to.last && i.to.first == s.from.first &&
	      i.to.last == s.from.last && i.was == s.now && i.now == s.was, "the other way");
	PROVE(twice.from.first == s.from.first && twice.to.last == s.to.last && twice.was == s.was &&
	      twice.now == s.now, "twice is none");
	PROVE(!reason == !iomul_reason_errno(reason) && iomul_reason_errno(reason) >= 0, "errno");
	END;
}
