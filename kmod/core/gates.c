// SPDX-License-Identifier: GPL-2.0-only
/*
 * Builds the gate tree of a group. Nodes are breadth first and all functions of
 * a bus are one span, so each level below the anchor is one span of nodes. One
 * pass over them makes the gates of a bus one span as well, and meets a gate
 * before everything below it.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include "plan.h"

struct builder {
	struct iomul_topology *t;
	struct iomul_mux *mux;
	struct iomul_mux room;
	u32 *slot_node;
	u32 id;
	bool count;	/* only count: no arrays */
};

static bool in_group(const struct builder *b, u32 node)
{
	return b->t->node[node].group == b->id;
}

static bool is_port(const struct builder *b, u32 node)
{
	return b->t->node[node].flags & IOMUL_NODE_PORT;
}

/* The first function with an I/O BAR of the slot, so that a slot counts once. */
static bool slot_leader(const struct builder *b, u32 node)
{
	u32 i, count, first = iomul_slot_span(b->t, node, &count);

	for (i = first; i < node; i++)
		if (in_group(b, i) && !is_port(b, i))
			return false;
	return true;
}

/* How many gates would stand on the bus below @port: its slots and ports. */
static u32 gates_below(const struct builder *b, u32 port)
{
	const struct iomul_mark *m = &b->t->mark[port];
	u32 i, n = 0;

	for (i = m->child; i < m->child + m->children; i++)
		n += in_group(b, i) && (is_port(b, i) || slot_leader(b, i));
	return n;
}

/* Does @port lead to one slot, which is there, and nothing else: is it its last gate? */
static bool port_is_last(const struct builder *b, u32 port)
{
	return gates_below(b, port) == 1;
}

/* The gate that leads to the bus of @node, or IOMUL_NONE on the anchor bus. */
static u32 gate_above(const struct builder *b, u32 node)
{
	u32 parent = b->t->node[node].parent;

	return parent == IOMUL_NONE || !in_group(b, parent) ? IOMUL_NONE :
							      b->t->mark[parent].gate;
}

static u32 add_bus(struct builder *b, u32 up)
{
	u32 i = b->mux->buses++;

	if (b->count || i >= b->room.buses)
		return i;
	b->mux->bus[i] = (struct iomul_bus){ .up = up, .open = IOMUL_NONE };
	if (up != IOMUL_NONE && up < b->room.gates)
		b->mux->gate[up].below = i;
	return i;
}

static void add_gate(struct builder *b, u32 bus, u32 node, u32 nodes)
{
	u32 i = b->mux->gates++;

	b->t->mark[node].gate = i;
	if (b->count || i >= b->room.gates || bus >= b->room.buses)
		return;
	b->mux->gate[i] = (struct iomul_gate){ .bus = bus, .below = IOMUL_NONE, .node = node,
					       .nodes = nodes, .state = IOMUL_GATE_UNKNOWN };
	if (!b->mux->bus[bus].gates++)
		b->mux->bus[bus].gate = i;
	b->mux->bus[bus].unknown++;
}

/* The row of gates that ends with the gate of @last, found from below. */
static void add_slot(struct builder *b, u32 node, u32 last)
{
	u32 depth = 0, n, i = b->mux->slots++, gate = b->t->mark[last].gate;
	u32 first = b->mux->paths;

	for (n = last; n != IOMUL_NONE && in_group(b, n); n = b->t->node[n].parent)
		depth++;
	b->mux->paths += depth;
	if (b->count || i >= b->room.slots || b->mux->paths > b->room.paths || gate >= b->room.gates)
		return;
	b->slot_node[i] = node;
	b->mux->slot[i] = (struct iomul_path){ .first = first, .depth = depth, .last = gate, .swap = ~i,
					       .gate = &b->mux->gate[gate],
					       .bus = &b->mux->bus[b->mux->gate[gate].bus] };
	for (n = last; depth; n = b->t->node[n].parent)
		b->mux->path[first + --depth] = b->t->mark[n].gate;
}

static void build_bus(struct builder *b, u32 first, u32 end)
{
	u32 i, count, slot, bus = IOMUL_NONE, up;

	for (i = first; i < end; i++) {
		if (!in_group(b, i) || (!is_port(b, i) && !slot_leader(b, i)))
			continue;
		up = b->t->node[i].parent;
		slot = iomul_slot_span(b->t, i, &count);
		if (!is_port(b, i) && up != IOMUL_NONE && in_group(b, up) && port_is_last(b, up)) {
			add_slot(b, slot, up);
			continue;
		}
		if (bus == IOMUL_NONE)
			bus = add_bus(b, gate_above(b, i));
		if (is_port(b, i)) {
			add_gate(b, bus, i, 1);
			continue;
		}
		add_gate(b, bus, i, slot + count - i);
		add_slot(b, slot, i);
	}
}

/* All buses with functions in @first to @end - 1; the span of the level below goes there. */
static void build_level(struct builder *b, u32 *first, u32 *end)
{
	const struct iomul_mark *m;
	u32 i, below = 0, below_end = 0, bus_end = *first;

	for (i = *first; i < *end; i++) {
		if (i == bus_end) {
			bus_end += b->t->mark[iomul_node_bus(b->t, i)].children;
			build_bus(b, i, bus_end);
		}
		m = &b->t->mark[i];
		if (!m->children)
			continue;
		if (!below_end)
			below = m->child;
		below_end = m->child + m->children;
	}
	*first = below;
	*end = below_end;
}

int iomul_mux_build(struct iomul_topology *t, u32 id, struct iomul_mux *mux, u32 *slot_node)
{
	struct builder b = { .t = t, .mux = mux, .room = *mux, .slot_node = slot_node, .id = id,
			     .count = !mux->gate };
	u32 first, end, g = iomul_group_find(t, id);

	mux->buses = mux->gates = mux->slots = mux->paths = 0;
	mux->owner = IOMUL_NONE;
	mux->arriving = 0;
	if (g == IOMUL_NONE)
		return 0;
	first = t->mark[t->group[g].anchor].child;
	end = first + t->mark[t->group[g].anchor].children;
	while (first < end)
		build_level(&b, &first, &end);
	if (b.count)
		return 0;
	return mux->buses > b.room.buses || mux->gates > b.room.gates ||
		       mux->slots > b.room.slots || mux->paths > b.room.paths ? -ENOBUFS : 0;
}
