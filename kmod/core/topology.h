/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A PCI tree as plain data, and walks over it.
 *
 * The arrays are the caller's: node[], root[], busy[] as in the ABI, mark[] is
 * scratch of core with one element for each node and root. Nodes are in the
 * order that struct iomul_node describes, so that the functions of a bus are
 * one span and the functions of a slot are one span within it:
 *
 *	root bus            | 00.0  01.0 01.1  02.0 |
 *	below 01.0          |                       | 00.0 |
 *	below 01.1          |                              | 00.0 00.1 |
 */
#ifndef IOMUL_CORE_TOPOLOGY_H
#define IOMUL_CORE_TOPOLOGY_H

#include <linux/types.h>
#include "range.h"

#define IOMUL_GRANULE 4096U	/* PCI-PCI Bridge 1.2, 3.2.5.6 */

/* Scratch of a node, or (after the last node) of a root: about it and the bus below. */
struct iomul_mark {
	u32 child;		/* first function on the bus below */
	u32 children;		/* and how many */
	u32 sharers;		/* slots below (or this one) that are selected or attached */
	u32 others;		/* functions below (or this one) that keep ports of their own */
	u32 need;		/* bytes of a window that the selected slots below need */
	u32 align;		/* and the alignment of its first port */
	u32 gate;		/* index in the mux being built */
	u32 anchored;		/* groups whose first gates stand on the bus below */
	struct iomul_range window;	/* port: what it passes on once the plan is carried out */
};

/* What shares one window. @id stays; it is in iomul_node.group of all members. */
struct iomul_group {
	u32 id;
	u32 anchor;		/* the bus on which its first gates stand */
	struct iomul_range window;
};

struct iomul_topology {
	struct iomul_node *node;
	const struct iomul_root *root;
	const struct iomul_busy *busy;
	struct iomul_mark *mark;	/* nodes + roots elements */
	struct iomul_group *group;
	u32 nodes;
	u32 roots;
	u32 busies;
	u32 groups;
	u32 groups_max;			/* room in @group */
	u32 group_base;			/* ids of new groups are not below */
};

/*
 * Checks @t, fills mark[].child and selects nothing. A bus is named by the index of the port
 * above it, or nodes + index of the root.
 * 0, or -EINVAL: the order is not that of struct iomul_node, an index, range,
 * group or BAR size is impossible.
 */
int iomul_topology_init(struct iomul_topology *t);

/* The node at @addr, or IOMUL_NONE. */
u32 iomul_topology_find(const struct iomul_topology *t, struct iomul_addr addr);

/* The index of the group @id in @t, or IOMUL_NONE. */
u32 iomul_group_find(const struct iomul_topology *t, u32 id);

/* The bus that @node is on. */
static inline u32 iomul_node_bus(const struct iomul_topology *t, u32 node)
{
	const struct iomul_node *n = &t->node[node];

	return n->parent == IOMUL_NONE ? t->nodes + n->root : n->parent;
}

/* The root that @bus is below. */
static inline u32 iomul_bus_root(const struct iomul_topology *t, u32 bus)
{
	return bus >= t->nodes ? bus - t->nodes : t->node[bus].root;
}

/*
 * The slot of @node: first function and, in @count, how many. All functions of
 * one device number; below a port with ARI forwarding, all of the bus
 * (PCIe 6.0, 6.13).
 */
u32 iomul_slot_span(const struct iomul_topology *t, u32 node, u32 *count);

/* Is @node the first function of its slot? */
bool iomul_slot_first(const struct iomul_topology *t, u32 node);

/* Does it have an I/O BAR, and does none / one of them lack ports? */
bool iomul_node_has_io(const struct iomul_node *n);
bool iomul_node_starved(const struct iomul_node *n);

/*
 * The lowest range of @size ports aligned to @align (a power of two) on @bus
 * inside @within that nothing holds. With @lend, what selected or attached
 * slots below @bus have or had themselves counts as free; the windows of groups
 * never do.
 * Empty: there is none.
 */
struct iomul_range iomul_topology_free(const struct iomul_topology *t, u32 bus,
				       struct iomul_range within, u32 size, u32 align, bool lend);

#endif
