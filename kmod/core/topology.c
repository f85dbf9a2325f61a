// SPDX-License-Identifier: GPL-2.0-only
/* A PCI tree as plain data: checks and walks. */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include "topology.h"

static bool range_sane(struct iomul_range r)
{
	return iomul_range_empty(r) || r.last != ~0U;
}

static bool bar_sane(const struct iomul_bar *b)
{
	if (!b->size)
		return iomul_range_empty(b->at) || (b->flags & IOMUL_BAR_UNSIZED);
	if (!iomul_power_of_two(b->size) || b->size < 4)
		return false;
	return range_sane(b->at) &&
	       (iomul_range_empty(b->at) || iomul_range_size(b->at) == b->size);
}

static bool node_sane(const struct iomul_topology *t, u32 i)
{
	const struct iomul_node *n = &t->node[i];
	u32 k;

	if (n->root >= t->roots || !range_sane(n->window))
		return false;
	if (n->group != IOMUL_NONE && iomul_group_find(t, n->group) == IOMUL_NONE)
		return false;
	if (n->parent != IOMUL_NONE &&
	    (n->parent >= i || !(t->node[n->parent].flags & IOMUL_NODE_PORT) ||
	     t->node[n->parent].root != n->root))
		return false;
	for (k = 0; k < IOMUL_BARS; k++)
		if (!bar_sane(&n->bar[k]))
			return false;
	return true;
}

static bool root_sane(const struct iomul_root *r)
{
	u32 k;

	if (r->napertures > IOMUL_APERTURES)
		return false;
	for (k = 0; k < r->napertures; k++)
		if (!range_sane(r->aperture[k]))
			return false;
	return true;
}

/* Breadth first: root buses in order, then the buses below in the order of their ports. */
static bool bus_in_order(const struct iomul_topology *t, u32 bus, u32 before)
{
	if (before == IOMUL_NONE)
		return true;
	if ((bus >= t->nodes) != (before >= t->nodes))
		return before >= t->nodes;
	return bus > before;
}

int iomul_topology_init(struct iomul_topology *t)
{
	u32 i, bus, last = IOMUL_NONE;

	for (i = 0; i < t->nodes + t->roots; i++)
		t->mark[i] = (struct iomul_mark){ .gate = IOMUL_NONE };
	for (i = 0; i < t->roots; i++)
		if (!root_sane(&t->root[i]))
			return -EINVAL;
	for (i = 0; i < t->nodes; i++) {
		if (!node_sane(t, i))
			return -EINVAL;
		t->node[i].flags &= ~IOMUL_NODE_SELECTED;
		bus = iomul_node_bus(t, i);
		if (bus != last) {
			if (!bus_in_order(t, bus, last))
				return -EINVAL;
			t->mark[bus].child = i;
			last = bus;
		} else if (t->node[i - 1].addr.devfn >= t->node[i].addr.devfn) {
			return -EINVAL;
		}
		t->mark[bus].children++;
		t->mark[i].window = t->node[i].window;
	}
	for (i = 0; i < t->groups; i++) {
		if (t->group[i].anchor >= t->nodes + t->roots)
			return -EINVAL;
		t->mark[t->group[i].anchor].anchored++;
	}
	return 0;
}

u32 iomul_group_find(const struct iomul_topology *t, u32 id)
{
	u32 i;

	if (id < t->groups && t->group[id].id == id)
		return id;	/* the usual case */
	for (i = 0; i < t->groups; i++)
		if (t->group[i].id == id)
			return i;
	return IOMUL_NONE;
}

u32 iomul_topology_find(const struct iomul_topology *t, struct iomul_addr a)
{
	u32 i;

	for (i = 0; i < t->nodes; i++) {
		const struct iomul_addr *b = &t->node[i].addr;

		if (b->segment == a.segment && b->bus == a.bus && b->devfn == a.devfn)
			return i;
	}
	return IOMUL_NONE;
}

static bool same_slot(const struct iomul_topology *t, u32 a, u32 b)
{
	const struct iomul_node *na = &t->node[a], *nb = &t->node[b];

	if (na->parent != nb->parent || na->root != nb->root || na->addr.bus != nb->addr.bus)
		return false;
	if (na->parent != IOMUL_NONE && (t->node[na->parent].flags & IOMUL_NODE_ARI))
		return true;
	return na->addr.devfn >> 3 == nb->addr.devfn >> 3;
}

u32 iomul_slot_span(const struct iomul_topology *t, u32 node, u32 *count)
{
	u32 first = node, end = node + 1;

	while (first && same_slot(t, first - 1, node))
		first--;
	while (end < t->nodes && same_slot(t, end, node))
		end++;
	*count = end - first;
	return first;
}

bool iomul_slot_first(const struct iomul_topology *t, u32 node)
{
	return !node || !same_slot(t, node - 1, node);
}

bool iomul_node_has_io(const struct iomul_node *n)
{
	u32 k;

	for (k = 0; k < IOMUL_BARS; k++)
		if (n->bar[k].size || (n->bar[k].flags & IOMUL_BAR_UNSIZED))
			return true;
	return false;
}

bool iomul_node_starved(const struct iomul_node *n)
{
	u32 k;

	for (k = 0; k < IOMUL_BARS; k++)
		if ((n->bar[k].size || (n->bar[k].flags & IOMUL_BAR_UNSIZED)) &&
		    iomul_range_empty(n->bar[k].at))
			return true;
	return false;
}

/*
 * If something on @bus holds a port of @r: the last port of the one found. The
 * search goes on behind it.
 */
static bool node_blocks(const struct iomul_topology *t, u32 i, struct iomul_range r, bool lend,
			u32 *last)
{
	const struct iomul_node *n = &t->node[i];
	const struct iomul_mark *m = &t->mark[i];
	u32 k;

	if (lend && m->sharers && !m->others)
		return false;
	if ((n->flags & IOMUL_NODE_PORT) && iomul_range_overlaps(m->window, r)) {
		*last = m->window.last;
		return true;
	}
	for (k = 0; k < IOMUL_BARS; k++) {
		if (iomul_range_overlaps(n->bar[k].at, r)) {
			*last = n->bar[k].at.last;
			return true;
		}
	}
	return false;
}

static bool range_blocked(const struct iomul_topology *t, u32 bus, struct iomul_range r, bool lend,
			  u32 *last)
{
	const struct iomul_mark *m = &t->mark[bus];
	u32 i;

	for (i = m->child; i < m->child + m->children; i++)
		if (node_blocks(t, i, r, lend, last))
			return true;
	for (i = 0; i < t->busies; i++) {
		if (lend && (t->busy[i].flags & IOMUL_BUSY_HELD))
			continue;
		if (iomul_range_overlaps(t->busy[i].at, r)) {
			*last = t->busy[i].at.last;
			return true;
		}
	}
	for (i = t->groups; i-- > 0;) {	/* the latest are near */
		if (iomul_range_overlaps(t->group[i].window, r)) {
			*last = t->group[i].window.last;
			return true;
		}
	}
	return false;
}

struct iomul_range iomul_topology_free(const struct iomul_topology *t, u32 bus,
				       struct iomul_range within, u32 size, u32 align, bool lend)
{
	struct iomul_range r;
	u32 at = within.first, last;

	while (!iomul_range_empty(within)) {
		at = iomul_align_up(at, align);
		r = iomul_range_at(at, size);
		if (at == ~0U || iomul_range_empty(r) || !iomul_range_contains(within, r))
			break;
		if (!range_blocked(t, bus, r, lend, &last))
			return r;
		if (last == ~0U)
			break;
		at = last + 1;
	}
	return IOMUL_RANGE_EMPTY;
}
