// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proof: the search for a free range, on one bus with NODES functions, BUSIES
 * ranges of others and GROUPS windows, wherever they lie up to port TOP.
 */
#include <linux/errno.h>
#include "topology.h"
#include "proof.h"

static struct iomul_node node[NODES];
static struct iomul_mark mark[NODES + 1];
static struct iomul_busy busy[BUSIES];
static struct iomul_group group[GROUPS];
static struct iomul_root root[1];
static struct iomul_topology t;

static void any_range(struct iomul_range *r)
{
	r->first = any_u32();
	r->last = any_u32();
	ASSUME(r->first <= TOP && r->last <= TOP);
}

/* Numbers and ranges are anything at all; what iomul_topology_init() refuses is not used further. */
static int any_topology(void)
{
	for (u32 i = 0; i < NODES; i++) {
		node[i].addr.devfn = i << 3;
		node[i].parent = IOMUL_NONE;
		node[i].flags = any_u32();
		any_range(&node[i].window);
		node[i].group = IOMUL_NONE;
		for (u32 k = 1; k < IOMUL_BARS; k++)
			node[i].bar[k].at = IOMUL_RANGE_EMPTY;
		any_range(&node[i].bar[0].at);
		node[i].bar[0].size = any_u32();
		node[i].bar[0].flags = any_u32();
	}
	for (u32 i = 0; i < BUSIES; i++) {
		any_range(&busy[i].at);
		busy[i].flags = any_u32();
	}
	for (u32 i = 0; i < GROUPS; i++) {
		any_range(&group[i].window);
		group[i].anchor = any_u32();
	}
	root[0].napertures = any_u32();
	any_range(&root[0].aperture[0]);
	t = (struct iomul_topology){ .node = node, .root = root, .busy = busy, .mark = mark,
				     .group = group, .nodes = NODES, .roots = 1,
				     .busies = BUSIES, .groups = GROUPS, .groups_max = GROUPS };
	return iomul_topology_init(&t);
}

static bool taken(struct iomul_range r)
{
	for (u32 i = 0; i < NODES; i++) {
		if ((node[i].flags & IOMUL_NODE_PORT) && iomul_range_overlaps(node[i].window, r))
			return true;
		for (u32 k = 0; k < IOMUL_BARS; k++)
			if (iomul_range_overlaps(node[i].bar[k].at, r))
				return true;
	}
	for (u32 i = 0; i < BUSIES; i++)
		if (iomul_range_overlaps(busy[i].at, r))
			return true;
	for (u32 i = 0; i < GROUPS; i++)
		if (iomul_range_overlaps(group[i].window, r))
			return true;
	return false;
}

/* What is found is free and where it should be; it ends, and nothing lower would have done. */
void prove_free(void)
{
	u32 size = any_u32(), shift = any_u32(), at = any_u32();
	struct iomul_range within, r, other;

	if (any_topology())
		return;
	any_range(&within);
	ASSUME(shift < 32 && within.last != ~0U);
	r = iomul_topology_free(&t, t.nodes, within, size, 1U << shift, false);
	if (!iomul_range_empty(r)) {
		PROVE(iomul_range_contains(within, r), "inside");
		PROVE(iomul_range_size(r) == size && !(r.first & ((1U << shift) - 1)), "size, alignment");
		PROVE(!taken(r), "nobody's");
	}
	other = iomul_range_at(at, size);
	if (!iomul_range_empty(other) && iomul_range_contains(within, other) &&
	    !(at & ((1U << shift) - 1)) && !taken(other))
		PROVE(!iomul_range_empty(r) && r.first <= at, "the lowest");
	END;
}

/* The search ends, overflows nowhere and stays inside, whatever is asked for. */
void prove_free_ends(void)
{
	u32 size = any_u32(), shift = any_u32();
	struct iomul_range within, r;

	if (any_topology())
		return;
	any_range(&within);
	ASSUME(shift < 32 && within.last != ~0U);
	r = iomul_topology_free(&t, t.nodes, within, size, 1U << shift, any_bool());
	PROVE(iomul_range_contains(within, r), "inside");
	END;
}

/* Whatever is handed in, checking it is safe. */
void prove_init(void)
{
	any_topology();
	for (u32 i = 0; i < NODES; i++) {
		node[i].parent = any_u32();
		node[i].root = any_u32();
		node[i].addr.devfn = any_u8();
	}
	if (!iomul_topology_init(&t))
		for (u32 i = 0; i < NODES; i++) {
			PROVE(node[i].root < t.roots, "its root is there");
			PROVE(node[i].parent == IOMUL_NONE || node[i].parent < i, "parents come first");
		}
	END;
}
