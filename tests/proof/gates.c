// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proof: the gate tree of a group, for every tree of NODES functions and ports
 * below a root that iomul_topology_init() takes, with every choice of members. What is assumed of the members is what the planner makes: each
 * stands on the anchor bus or below a port that is a member.
 *
 * What comes out is what the mux is proved for (mux.c): iomul_mux_valid(), and
 * slots that do not share their last gate.
 */
#include <linux/errno.h>
#include "plan.h"
#include "proof.h"

#define PATHS (NODES * NODES)
#define ID 7

static struct iomul_node node[NODES];
static struct iomul_mark mark[NODES + 1];
static struct iomul_root root[1];
static struct iomul_group group[1];
static struct iomul_topology t;

static struct iomul_bus bus[NODES];
static struct iomul_gate gate[NODES];
static struct iomul_path slot[NODES];
static u32 path[PATHS];
static u32 slot_node[NODES];
static struct iomul_mux mux;

static bool member(u32 i)
{
	return node[i].group == ID;
}

/*
 * The trees, one after another: parent[] never goes down and starts with no
 * parent, which is how breadth first looks. False: that was the last.
 */
static u32 parent[NODES];

static bool next_tree(void)
{
	for (u32 n = NODES; n; n--) {
		u32 next = parent[n - 1] == IOMUL_NONE ? 0 : parent[n - 1] + 1;

		if (next >= n - 1)
			continue;
		for (u32 k = n - 1; k < NODES; k++)
			parent[k] = next;
		return true;
	}
	return false;
}

static void first_tree(void)
{
	for (u32 i = 0; i < NODES; i++)
		parent[i] = IOMUL_NONE;
}

/* As iomul_topology_init() leaves it; prove_init() shows that. BARs and windows say nothing here. */
static void any_members(u32 anchor)
{
	for (u32 i = 0; i < NODES + 1; i++)
		mark[i] = (struct iomul_mark){ .gate = IOMUL_NONE };
	group[0] = (struct iomul_group){ .id = ID, .anchor = anchor };
	t = (struct iomul_topology){ .node = node, .root = root, .mark = mark, .group = group,
				     .nodes = NODES, .roots = 1, .groups = 1, .groups_max = 1 };
	for (u32 i = 0; i < NODES; i++) {
		u32 up = parent[i], above = up == IOMUL_NONE ? NODES : up;

		node[i].root = 0;
		node[i].parent = up;
		node[i].addr.bus = any_u8();
		node[i].addr.devfn = any_u8();
		node[i].flags = any_u32();
		node[i].group = any_bool() ? ID : IOMUL_NONE;
		if (!mark[above].children++)
			mark[above].child = i;
		else
			ASSUME(node[i - 1].addr.devfn < node[i].addr.devfn);
		ASSUME(!member(i) || above == anchor || (up != IOMUL_NONE && member(up)));
		ASSUME(up == IOMUL_NONE || (node[up].flags & IOMUL_NODE_PORT));
	}
}

static int build(u32 buses, u32 gates, u32 slots, u32 paths)
{
	mux = (struct iomul_mux){ .bus = bus, .gate = gate, .slot = slot, .path = path,
				  .buses = buses, .gates = gates, .slots = slots, .paths = paths };
	return iomul_mux_build(&t, ID, &mux, slot_node);
}

static u32 last_gate(u32 s)
{
	return mux.path[mux.slot[s].first + mux.slot[s].depth - 1];
}

/* Does the last gate of @s gate function @i: as one of its own, or as the port above? */
static bool gates_function(u32 s, u32 i)
{
	const struct iomul_gate *g = &gate[last_gate(s)];

	return (i >= g->node && i - g->node < g->nodes) ||
	       (node[g->node].flags & IOMUL_NODE_PORT && node[i].parent == g->node);
}

/* Each function that is a member belongs to one slot, whose last gate is its. */
static void prove_complete(u32 i)
{
	u32 n = 0, count, first = iomul_slot_span(&t, i, &count);

	if (!member(i) || (node[i].flags & IOMUL_NODE_PORT))
		return;
	for (u32 s = 0; s < NODES; s++) {
		if (s >= mux.slots || slot_node[s] != first)
			continue;
		n++;
		PROVE(gates_function(s, i), "its slot's last gate is its gate");
	}
	PROVE(n == 1, "a function that shares is in one slot");
}

/* Built into the room that counting asks for. */
static void prove_tree(u32 anchor)
{
	struct iomul_mux want = { 0 };
	u32 a = any_u32(), b = any_u32(), i = any_u32();

	any_members(anchor);
	PROVE(!iomul_mux_build(&t, ID, &want, NULL), "counts");
	PROVE(want.buses <= NODES && want.gates <= NODES && want.slots <= NODES && want.paths <= PATHS,
	      "no more than there are functions");
	PROVE(!build(want.buses, want.gates, want.slots, want.paths), "fits in what was counted");
	PROVE(mux.buses == want.buses && mux.gates == want.gates && mux.slots == want.slots &&
	      mux.paths == want.paths, "the same numbers");
	PROVE(iomul_mux_valid(&mux), "valid");
	ASSUME(i < NODES);
	prove_complete(i);
	if (a >= mux.slots)
		return;
	PROVE(a == b || b >= mux.slots || last_gate(a) != last_gate(b), "slots do not share their last gate");
	PROVE(gate[last_gate(a)].state == IOMUL_GATE_UNKNOWN, "nothing is known");
}

/* Whatever room there is: nothing is written beyond it, and it says so. */
static void prove_tree_room(u32 anchor)
{
	u32 buses = any_u32(), gates = any_u32(), slots = any_u32(), paths = any_u32();
	u32 i = any_u32();
	int err;

	any_members(anchor);
	ASSUME(buses <= NODES && gates <= NODES && slots <= NODES && paths <= PATHS && i < PATHS);
	for (u32 k = 0; k < NODES; k++)
		bus[k].up = gate[k].node = slot[k].first = slot_node[k] = 0xbad;
	for (u32 k = 0; k < PATHS; k++)
		path[k] = 0xbad;
	err = build(buses, gates, slots, paths);
	PROVE(err == (mux.buses > buses || mux.gates > gates || mux.slots > slots || mux.paths > paths ?
		      -ENOBUFS : 0), "no room is said");
	PROVE(i < paths || path[i] == 0xbad, "paths");
	ASSUME(i < NODES);
	PROVE(i < buses || bus[i].up == 0xbad, "buses");
	PROVE(i < gates || gate[i].node == 0xbad, "gates");
	PROVE(i < slots || (slot[i].first == 0xbad && slot_node[i] == 0xbad), "slots");
}

static bool bus_has(u32 bus_at)
{
	for (u32 i = 0; i < NODES; i++)
		if ((parent[i] == IOMUL_NONE ? NODES : parent[i]) == bus_at)
			return true;
	return false;
}

/* The TREE-th of all pairs of a tree and a bus of it that may be the anchor. */
static u32 choose(void)
{
	u32 n = 0;

	first_tree();
	do
		for (u32 anchor = 0; anchor <= NODES; anchor++)
			if (bus_has(anchor) && ++n == TREE)
				return anchor;
	while (next_tree());
	return IOMUL_NONE;
}

void prove_build(void)
{
	u32 anchor = choose();

	ASSUME(anchor != IOMUL_NONE);
	prove_tree(anchor);
	END;
}

void prove_build_room(void)
{
	u32 anchor = choose();

	ASSUME(anchor != IOMUL_NONE);
	prove_tree_room(anchor);
	END;
}
