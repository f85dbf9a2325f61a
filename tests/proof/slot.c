// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proof: walks over any tree of NODES functions below two roots that
 * iomul_topology_init() takes.
 */
#include <linux/errno.h>
#include "topology.h"
#include "proof.h"

#define ROOTS 2
#define GROUPS 2

static struct iomul_node node[NODES];
static struct iomul_mark mark[NODES + ROOTS];
static struct iomul_root root[ROOTS];
static struct iomul_group group[GROUPS];
static struct iomul_topology t;

/* BARs and windows are topology.c's. */
static void any_tree(void)
{
	for (u32 i = 0; i < NODES; i++) {
		node[i].addr.segment = (u16)any_u32();
		node[i].addr.bus = any_u8();
		node[i].addr.devfn = any_u8();
		node[i].root = any_u32();
		node[i].parent = any_u32();
		node[i].flags = any_u32();
		node[i].window = IOMUL_RANGE_EMPTY;
		node[i].group = any_u32();
		for (u32 k = 0; k < IOMUL_BARS; k++)
			node[i].bar[k] = (struct iomul_bar){ .at = IOMUL_RANGE_EMPTY };
	}
	for (u32 i = 0; i < GROUPS; i++) {
		group[i].id = any_u32();
		group[i].anchor = any_u32();
	}
	t = (struct iomul_topology){ .node = node, .root = root, .mark = mark, .group = group,
				     .nodes = NODES, .roots = ROOTS, .groups = GROUPS,
				     .groups_max = GROUPS };
	ASSUME(!iomul_topology_init(&t));
}

static u32 any_node(void)
{
	u32 i = any_u32();

	ASSUME(i < NODES);
	return i;
}

/* mark[] names the functions of each bus: what gates.c and plan.c start from. */
void prove_spans(void)
{
	u32 i, bus = any_u32();

	any_tree();
	i = any_node();
	ASSUME(bus < NODES + ROOTS);
	PROVE(iomul_node_bus(&t, i) < NODES + ROOTS, "its bus is there");
	PROVE((iomul_node_bus(&t, i) == bus) == (i >= mark[bus].child && i - mark[bus].child < mark[bus].children),
	      "a bus is one span");
	PROVE(iomul_bus_root(&t, iomul_node_bus(&t, i)) == node[i].root, "below its root");
	PROVE(bus >= NODES || !mark[bus].children || (node[bus].flags & IOMUL_NODE_PORT), "below a port");
	PROVE(bus >= NODES || !mark[bus].children || mark[bus].child > bus, "behind it");
	PROVE(!i || node[i].parent == IOMUL_NONE ||
	      node[i - 1].parent == IOMUL_NONE || node[i - 1].parent <= node[i].parent, "breadth first");
	PROVE(!i || node[i].parent != IOMUL_NONE || node[i - 1].parent == IOMUL_NONE, "roots first");
	PROVE(!i || node[i - 1].parent != node[i].parent || node[i - 1].root != node[i].root ||
	      node[i - 1].addr.devfn < node[i].addr.devfn, "ascending");
	END;
}

static bool one_slot(u32 a, u32 b)
{
	u32 up = node[a].parent;

	if (iomul_node_bus(&t, a) != iomul_node_bus(&t, b))
		return false;
	return (up != IOMUL_NONE && (node[up].flags & IOMUL_NODE_ARI)) ||
	       node[a].addr.devfn / 8 == node[b].addr.devfn / 8;
}

/* The functions of a slot are those of one device number of a bus; with ARI, all of the bus. */
void prove_slot_span(void)
{
	u32 i, k, count, first;

	any_tree();
	i = any_node();
	k = any_node();
	for (u32 n = 0; n < NODES; n++)
		ASSUME(iomul_node_bus(&t, n) != iomul_node_bus(&t, i) || node[n].addr.bus == node[i].addr.bus);
	first = iomul_slot_span(&t, i, &count);
	PROVE(first <= i && count <= NODES - first && i - first < count, "around it");
	PROVE((k >= first && k - first < count) == one_slot(i, k), "just the functions of its slot");
	PROVE(iomul_slot_first(&t, i) == (i == first), "the first is first");
	END;
}

void prove_find(void)
{
	struct iomul_addr a = { .segment = (u16)any_u32(), .bus = any_u8(), .devfn = any_u8() };
	u32 i, k, id = any_u32(), g, h = any_u32();

	any_tree();
	i = iomul_topology_find(&t, a);
	k = any_node();
	PROVE(i == IOMUL_NONE || (i < NODES && node[i].addr.segment == a.segment &&
				  node[i].addr.bus == a.bus && node[i].addr.devfn == a.devfn), "of this address");
	PROVE(i != IOMUL_NONE || node[k].addr.segment != a.segment || node[k].addr.bus != a.bus ||
	      node[k].addr.devfn != a.devfn, "none only if there is none");
	g = iomul_group_find(&t, id);
	ASSUME(h < GROUPS);
	PROVE(g == IOMUL_NONE ? group[h].id != id : g < GROUPS && group[g].id == id, "the group");
	PROVE(node[k].group == IOMUL_NONE || iomul_group_find(&t, node[k].group) < GROUPS, "each group is there");
	END;
}

/* All BARs are anything at all. */
void prove_bars(void)
{
	struct iomul_node n;
	u32 k = any_u32();
	bool io, lacks;

	__CPROVER_havoc_object(&n);
	ASSUME(k < IOMUL_BARS);
	io = n.bar[k].size || (n.bar[k].flags & IOMUL_BAR_UNSIZED);
	lacks = io && n.bar[k].at.first > n.bar[k].at.last;
	PROVE(!io || iomul_node_has_io(&n), "an I/O BAR is seen");
	PROVE(!lacks || iomul_node_starved(&n), "one without ports, too");
	PROVE(!iomul_node_starved(&n) || iomul_node_has_io(&n), "who starves has one");
	io = lacks = false;
	for (k = 0; k < IOMUL_BARS; k++) {
		io = io || n.bar[k].size || (n.bar[k].flags & IOMUL_BAR_UNSIZED);
		lacks = lacks || ((n.bar[k].size || (n.bar[k].flags & IOMUL_BAR_UNSIZED)) &&
				  iomul_range_empty(n.bar[k].at));
	}
	PROVE(io == iomul_node_has_io(&n) && lacks == iomul_node_starved(&n), "and nothing else");
	END;
}
