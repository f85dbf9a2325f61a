// SPDX-License-Identifier: GPL-2.0-only
/* Who can share what, and the steps that make it so; see plan.h. */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include "plan.h"

#define ISA_CHUNK 256U	/* with ISA Enable, only these pass of each */
#define ISA_PERIOD 1024U /* (PCI-PCI Bridge 1.2, 3.2.5.18) */
#define IO16_TOP 0xffffU

static const int reason_errno[IOMUL_R_COUNT] = {
	[IOMUL_R_NONE] = 0,
	[IOMUL_R_NO_SLOT] = ENODEV,
	[IOMUL_R_BRIDGE] = EINVAL,
	[IOMUL_R_NO_IO_BAR] = EINVAL,
	[IOMUL_R_IN_USE] = EBUSY,
	[IOMUL_R_SHARED] = EEXIST,
	[IOMUL_R_NOT_SHARED] = ENOENT,
	[IOMUL_R_NO_FORWARD] = EINVAL,
	[IOMUL_R_ISA] = EINVAL,
	[IOMUL_R_TOO_BIG] = ENOSPC,
	[IOMUL_R_NO_SPACE] = ENOSPC,
	[IOMUL_R_IO16] = ENOSPC,
	[IOMUL_R_UNSIZED] = EINVAL,
	[IOMUL_R_OPEN] = EBUSY,
	[IOMUL_R_LENDER] = EBUSY,
	[IOMUL_R_HARDWARE] = EIO,
	[IOMUL_R_GONE] = ENODEV,
	[IOMUL_R_CONFLICT] = EBUSY,
	[IOMUL_R_HOOKED] = EBUSY,
	[IOMUL_R_MIXED] = ENOSPC,
	[IOMUL_R_SEIZED] = EBUSY,
	[IOMUL_R_LEASED] = EBUSY,
	[IOMUL_R_RIVAL] = EBUSY,
	[IOMUL_R_STRANDED] = EBUSY,
	[IOMUL_R_CLOSED] = EIO,
};

int iomul_reason_errno(u32 reason)
{
	return reason < IOMUL_R_COUNT ? reason_errno[reason] : EINVAL;
}

/* Fills @r in; the caller adds what else the reason tells. */
static int refuse(struct iomul_refusal *r, u32 reason, struct iomul_addr slot,
		  struct iomul_addr at)
{
	memset(r, 0, sizeof(*r));
	r->reason = reason;
	r->slot = slot;
	r->at = at;
	r->hint = slot;
	r->range = IOMUL_RANGE_EMPTY;
	return -iomul_reason_errno(reason);
}

/* Functions of a slot that matter: with an I/O BAR, and not a port. */
static bool node_counts(const struct iomul_node *n)
{
	return !(n->flags & IOMUL_NODE_PORT) && iomul_node_has_io(n);
}

static bool node_shares(const struct iomul_node *n)
{
	return n->flags & (IOMUL_NODE_SELECTED | IOMUL_NODE_SHARED);
}

/*
 * Places.
 */

struct bar_ref {
	u32 node;
	u8 bar;
};

/* The largest BAR of the slot after @prev in the order size, then node, BAR. */
static bool next_bar(const struct iomul_topology *t, u32 first, u32 count, struct bar_ref *ref,
		     u32 *size)
{
	u32 i, k, s, best = 0;
	struct bar_ref at = { 0 };
	bool passed;

	for (i = first; i < first + count; i++) {
		if (!node_counts(&t->node[i]))
			continue;
		for (k = 0; k < IOMUL_BARS; k++) {
			s = t->node[i].bar[k].size;
			passed = s > *size ||
				 (s == *size && (i < ref->node || (i == ref->node && k <= ref->bar)));
			if (!s || passed || s <= best)
				continue;
			best = s;
			at = (struct bar_ref){ .node = i, .bar = (u8)k };
		}
	}
	*ref = at;
	*size = best;
	return best;
}

#define FIRST_BAR ((struct bar_ref){ 0, 0 })
#define ANY_SIZE (~0U)

static u32 add_up_to_max(u32 a, u32 b)
{
	return a > ~b ? ~0U : a + b;
}

/*
 * Where in the window the next @size bytes go; *used counts bytes taken so far.
 * ~0: beyond every window.
 */
static u32 place_offset(u32 *used, u32 size, bool isa)
{
	u32 at = iomul_align_up(*used, size);

	*used = add_up_to_max(at, size);
	return isa ? at / ISA_CHUNK * ISA_PERIOD + at % ISA_CHUNK : at;
}

/*
 * Bytes (~0: more than there can be) and alignment that the slot needs. With ISA
 * Enable places are counted from the start of a period. False: it can't be with
 * ISA Enable.
 */
static bool slot_need(const struct iomul_topology *t, u32 first, u32 count, bool isa, u32 *need,
		      u32 *align)
{
	struct bar_ref ref = FIRST_BAR;
	u32 size = ANY_SIZE, used = 0, end;

	*need = 0;
	*align = isa ? ISA_PERIOD : 1;
	while (next_bar(t, first, count, &ref, &size)) {
		if (isa && size > ISA_CHUNK)
			return false;
		if (*align < size)
			*align = size;
		end = add_up_to_max(place_offset(&used, size, isa), size);
		if (*need < end)
			*need = end;
	}
	return true;
}

/*
 * Selection.
 */

static bool path_has(const struct iomul_topology *t, u32 node, u32 flag, u32 *port)
{
	for (node = t->node[node].parent; node != IOMUL_NONE; node = t->node[node].parent) {
		if (t->node[node].flags & flag) {
			*port = node;
			return true;
		}
	}
	return false;
}

static u32 check_function(const struct iomul_topology *t, u32 first, u32 node,
			  struct iomul_refusal *r)
{
	const struct iomul_node *n = &t->node[node];
	u32 k;

	if (n->flags & IOMUL_NODE_IN_USE) {
		refuse(r, IOMUL_R_IN_USE, t->node[first].addr, n->addr);
		memcpy(r->who, n->driver, sizeof(r->who));
		return r->reason;
	}
	for (k = 0; k < IOMUL_BARS; k++) {
		if (n->bar[k].size || !(n->bar[k].flags & IOMUL_BAR_UNSIZED))
			continue;
		refuse(r, IOMUL_R_UNSIZED, t->node[first].addr, n->addr);
		return r->reason;
	}
	return IOMUL_R_NONE;
}

static u32 check_ports(const struct iomul_topology *t, u32 first, u32 count,
		       struct iomul_refusal *r)
{
	struct iomul_addr slot = t->node[first].addr;
	u32 port, need, align;

	for (port = t->node[first].parent; port != IOMUL_NONE; port = t->node[port].parent) {
		if (t->node[port].flags & IOMUL_NODE_FORWARDS)
			continue;
		refuse(r, IOMUL_R_NO_FORWARD, slot, t->node[port].addr);
		return r->reason;
	}
	if (path_has(t, first, IOMUL_NODE_ISA, &port) &&
	    !slot_need(t, first, count, true, &need, &align)) {
		refuse(r, IOMUL_R_ISA, slot, t->node[port].addr);
		slot_need(t, first, count, false, &r->need, &align);
		return r->reason;
	}
	return IOMUL_R_NONE;
}

u32 iomul_plan_check(const struct iomul_topology *t, u32 node, struct iomul_refusal *r)
{
	u32 i, count, ports = 0, with_io = 0, first = iomul_slot_span(t, node, &count);
	struct iomul_addr slot = t->node[first].addr;

	memset(r, 0, sizeof(*r));
	for (i = first; i < first + count; i++) {
		if (t->node[i].flags & IOMUL_NODE_PORT) {
			ports++;
			continue;
		}
		if (!node_counts(&t->node[i]))
			continue;
		with_io++;
		if (t->node[i].flags & IOMUL_NODE_SHARED) {
			refuse(r, IOMUL_R_SHARED, slot, t->node[i].addr);
			return r->reason;
		}
		if (check_function(t, first, i, r))
			return r->reason;
	}
	if (!with_io) {
		refuse(r, ports ? IOMUL_R_BRIDGE : IOMUL_R_NO_IO_BAR, slot, slot);
		return r->reason;
	}
	return check_ports(t, first, count, r);
}

/* Any function of the slot that @addr names; its function number is ignored. */
static u32 find_slot(const struct iomul_topology *t, struct iomul_addr addr)
{
	u32 i;

	for (i = 0; i < t->nodes; i++) {
		const struct iomul_node *n = &t->node[i];

		if (n->addr.segment != addr.segment || n->addr.bus != addr.bus)
			continue;
		if (n->addr.devfn >> 3 == addr.devfn >> 3)
			return i;
	}
	return IOMUL_NONE;
}

int iomul_plan_select(struct iomul_topology *t, struct iomul_addr addr, struct iomul_refusal *r)
{
	u32 node;

	addr.devfn &= ~7;
	node = find_slot(t, addr);
	if (node == IOMUL_NONE)
		return refuse(r, IOMUL_R_NO_SLOT, addr, addr);
	return iomul_plan_select_node(t, node, r);
}

int iomul_plan_select_node(struct iomul_topology *t, u32 node, struct iomul_refusal *r)
{
	u32 i, count, first;

	if (iomul_plan_check(t, node, r))
		return -iomul_reason_errno(r->reason);
	first = iomul_slot_span(t, node, &count);
	for (i = first; i < first + count; i++)
		if (node_counts(&t->node[i]))
			t->node[i].flags |= IOMUL_NODE_SELECTED;
	return 0;
}

/*
 * Marks: what each branch holds.
 */

/* Counts @node's slot in @sharers once: at its first function that shares. */
static bool slot_counted(const struct iomul_topology *t, u32 node)
{
	u32 i, count, first = iomul_slot_span(t, node, &count);

	for (i = first; i < node; i++)
		if (node_counts(&t->node[i]) && node_shares(&t->node[i]))
			return true;
	return false;
}

static void mark_function(struct iomul_topology *t, u32 i)
{
	struct iomul_mark *m = &t->mark[i];
	const struct iomul_node *n = &t->node[i];
	u32 k, port, first, count;

	m->sharers = m->others = m->need = 0;
	m->align = 1;
	m->window = n->window;
	if ((n->flags & IOMUL_NODE_PORT) || !node_shares(n)) {
		/* A port's own BAR, even if nobody claims it, decodes when the port is opened. */
		for (k = 0; k < IOMUL_BARS; k++)
			m->others |= !iomul_range_empty(n->bar[k].at) ||
				     ((n->flags & IOMUL_NODE_PORT) && n->bar[k].size);
		m->others += m->anchored; /* a port's window stays open for them */
		return;
	}
	m->sharers = !slot_counted(t, i);
	if ((n->flags & IOMUL_NODE_SELECTED) && m->sharers) {
		first = iomul_slot_span(t, i, &count);
		slot_need(t, first, count, path_has(t, i, IOMUL_NODE_ISA, &port), &m->need,
			  &m->align);
	}
}

/*
 * Is @node a port that has a window and leads to nobody (yet)? Linux gives what
 * is plugged in there ports of that window without asking, so they are taken: a
 * gate above would shut them off, and to take the window away would starve it.
 */
static bool port_empty(const struct iomul_topology *t, u32 node)
{
	const struct iomul_node *n = &t->node[node];

	return (n->flags & IOMUL_NODE_PORT) && n->group == IOMUL_NONE &&
	       !iomul_range_empty(n->window) && !t->mark[node].sharers && !t->mark[node].others;
}

/* From the leaves up: nodes are breadth first, so children come after parents. */
static void mark_all(struct iomul_topology *t)
{
	u32 i;

	for (i = 0; i < t->nodes; i++)
		mark_function(t, i);
	for (i = t->nodes; i-- > 0;) {
		struct iomul_mark *m = &t->mark[i], *up;

		if (port_empty(t, i))
			m->others = 1;
		if (t->node[i].parent == IOMUL_NONE)
			continue;
		up = &t->mark[t->node[i].parent];
		up->sharers += m->sharers;
		up->others += m->others;
		if (up->need < m->need)
			up->need = m->need;
		if (up->align < m->align)
			up->align = m->align;
	}
}

/* @port leads to sharers. To nobody else? */
static bool port_pure(const struct iomul_topology *t, u32 port)
{
	return !t->mark[port].others;
}

/* Do gates of a group, present or planned, stand on @bus as the first ones? */
static bool anchors_here(const struct iomul_topology *t, u32 bus)
{
	return bus >= t->nodes || !port_pure(t, bus);
}

/*
 * The topmost node of @node's branch: itself, or the pure port on the anchor
 * bus. A function on the anchor bus is represented by the first of its slot
 * that shares.
 */
static bool branch_top(const struct iomul_topology *t, u32 node)
{
	const struct iomul_node *n = &t->node[node];

	if (!t->mark[node].sharers || !anchors_here(t, iomul_node_bus(t, node)))
		return false;
	return n->flags & IOMUL_NODE_PORT ? port_pure(t, node) : true;
}

/*
 * Windows.
 */

struct pool {
	u32 bus;	/* the anchor */
	u32 need;	/* the greatest of its new branches */
	u32 align;
	u32 branches;	/* new ones */
	u32 present;	/* groups that are there already */
	u32 worst;	/* branch with the greatest need, to name in a refusal */
	bool ports;	/* some branch is a port: windows come in granules */
};

/* Selected slots of the branch that have no group yet. */
static bool branch_new(const struct iomul_topology *t, u32 top)
{
	return t->mark[top].need && t->node[top].group == IOMUL_NONE;
}

static void pool_scan(const struct iomul_topology *t, struct pool *p)
{
	const struct iomul_mark *m = &t->mark[p->bus];
	u32 i;

	for (i = m->child; i < m->child + m->children; i++) {
		if (!branch_top(t, i) || !branch_new(t, i))
			continue;
		p->branches++;
		if (t->node[i].flags & IOMUL_NODE_PORT)
			p->ports = true;
		if (p->align < t->mark[i].align)
			p->align = t->mark[i].align;
		if (p->need >= t->mark[i].need)
			continue;
		p->need = t->mark[i].need;
		p->worst = i;
	}
	for (i = 0; p->branches && i < t->groups; i++)
		p->present += t->group[i].anchor == p->bus;
}

/* What may be taken for a window. */
enum pool_take {
	TAKE_FREE,	/* what nobody holds */
	TAKE_LENT,	/* that, and what sharers have or had */
	TAKE_LENT_ONLY,	/* the latter, nothing that is free */
};

static struct iomul_range take_range(const struct iomul_topology *t, const struct pool *p,
				     struct iomul_range within, u32 size, u32 align,
				     enum pool_take take)
{
	struct iomul_range r;

	for (;;) {
		r = iomul_topology_free(t, p->bus, within, size, align, take != TAKE_FREE);
		if (take != TAKE_LENT_ONLY || iomul_range_empty(r) ||
		    iomul_range_empty(iomul_topology_free(t, p->bus, r, size, align, false)))
			return r;
		within.first = r.first + align;
	}
}

/* A range for @p: on a root from all its apertures, else in the port's window. */
static struct iomul_range pool_free(const struct iomul_topology *t, const struct pool *p, u32 size,
				    u32 align, enum pool_take take)
{
	const struct iomul_root *root;
	struct iomul_range within, r;
	u32 i;

	if (p->bus < t->nodes)
		return take_range(t, p, t->mark[p->bus].window, size, align, take);
	root = &t->root[p->bus - t->nodes];
	for (i = 0; i < root->napertures; i++) {
		within = root->aperture[i];
		if (within.first < root->lowest)
			within.first = root->lowest;
		r = take_range(t, p, within, size, align, take);
		if (!iomul_range_empty(r))
			return r;
	}
	return IOMUL_RANGE_EMPTY;
}

/* Granules that are free on a root now, up to @enough. */
static u32 root_spare(const struct iomul_topology *t, u32 bus, u32 enough)
{
	const struct iomul_root *root = &t->root[bus - t->nodes];
	struct iomul_range within, r;
	u32 i, n = 0;

	for (i = 0; i < root->napertures; i++) {
		within = root->aperture[i];
		if (within.first < root->lowest)
			within.first = root->lowest;
		while (n < enough) {
			r = iomul_topology_free(t, bus, within, IOMUL_GRANULE, IOMUL_GRANULE, false);
			if (iomul_range_empty(r))
				break;
			n++;
			within.first = r.last + 1;
		}
	}
	return n;
}

static u32 next_group_id(const struct iomul_topology *t)
{
	u32 i, id = t->group_base;

	for (i = 0; i < t->groups; i++)
		if (t->group[i].id >= id)
			id = t->group[i].id + 1;
	return id;
}

/* Functions of the slot of @node that keep ports of their own. */
static u32 slot_others(const struct iomul_topology *t, u32 node)
{
	u32 i, n = 0, count, first = iomul_slot_span(t, node, &count);

	for (i = first; i < first + count; i++)
		if (!(t->node[i].flags & IOMUL_NODE_PORT))
			n += t->mark[i].others;
	return n;
}

/* A slot below the root bus of @p that is not selected and whose own range would do. */
static u32 find_lender(const struct iomul_topology *t, const struct pool *p, u32 size)
{
	struct iomul_refusal unused;
	u32 i, port;

	for (i = 0; i < t->nodes; i++) {
		if (!node_counts(&t->node[i]) || node_shares(&t->node[i]) ||
		    iomul_node_starved(&t->node[i]) || iomul_plan_check(t, i, &unused))
			continue;
		for (port = i; t->node[port].parent != IOMUL_NONE;)
			port = t->node[port].parent;
		if (iomul_node_bus(t, port) == p->bus &&
		    (t->node[port].flags & IOMUL_NODE_PORT) &&
		    t->mark[port].others == slot_others(t, i) &&
		    iomul_range_size(t->node[port].window) >= size)
			return i;
	}
	return IOMUL_NONE;
}

/* Does @node keep ports of its own, and not only for somebody below? */
static bool keeps_ports(const struct iomul_topology *t, u32 node)
{
	const struct iomul_mark *m = &t->mark[node];
	u32 i, below = 0;

	for (i = m->child; i < m->child + m->children; i++)
		below += t->mark[i].others;
	return m->others > below;
}

/* Somebody below @port who keeps ports of his own. */
static u32 find_other(const struct iomul_topology *t, u32 port)
{
	u32 i, up;

	for (i = port + 1; i < t->nodes; i++) {
		if (!keeps_ports(t, i))
			continue;
		for (up = t->node[i].parent; up != IOMUL_NONE; up = t->node[up].parent)
			if (up == port)
				return i;
	}
	return port;
}

/* A function that shares below @top, to name in a refusal. */
static u32 find_sharer(const struct iomul_topology *t, u32 top)
{
	u32 i, up, found = top;

	for (i = t->nodes; i-- > top;)
		for (up = i; up != IOMUL_NONE; up = t->node[up].parent)
			if (up == top && (t->node[i].flags & IOMUL_NODE_SELECTED))
				found = i;
	return found;
}

static int refuse_space(const struct iomul_topology *t, const struct pool *p, u32 size,
			struct iomul_refusal *r)
{
	struct iomul_addr slot = t->node[find_sharer(t, p->worst)].addr;
	u32 hint, err;

	if (p->bus < t->nodes) {
		err = refuse(r, IOMUL_R_MIXED, slot, t->node[p->bus].addr);
		r->hint = t->node[find_other(t, p->bus)].addr;
		r->range = t->node[p->bus].window;
	} else {
		err = refuse(r, IOMUL_R_NO_SPACE, slot, slot);
		hint = find_lender(t, p, size);
		if (hint != IOMUL_NONE)
			r->hint = t->node[hint].addr;
	}
	r->need = size;
	return err;
}

/*
 * Mixed ports that are widened.
 */

/* The ports of @r that @window lacks; on both sides of it: the lower ones. */
static struct iomul_range range_beyond(struct iomul_range r, struct iomul_range window)
{
	if (iomul_range_contains(window, r))
		return IOMUL_RANGE_EMPTY;
	if (r.first < window.first)
		return (struct iomul_range){ r.first,
					     r.last < window.first ? r.last : window.first - 1 };
	return (struct iomul_range){ r.first > window.last ? r.first : window.last + 1, r.last };
}

static struct iomul_range range_around(struct iomul_range a, struct iomul_range b)
{
	return (struct iomul_range){ a.first < b.first ? a.first : b.first,
				     a.last > b.last ? a.last : b.last };
}

/* One aperture of the root has the window of @port and the ports @more. */
static bool root_passes(const struct iomul_topology *t, u32 port, struct iomul_range more)
{
	const struct iomul_root *root = &t->root[t->node[port].root];
	u32 i;

	for (i = 0; i < root->napertures; i++)
		if (iomul_range_contains(root->aperture[i],
					 range_around(t->mark[port].window, more)))
			return more.first >= root->lowest;
	return false;
}

/*
 * Can @port be made to pass @more on as well? Its window is in use: it is moved
 * with one write of I/O Base and Limit, so the upper halves have to stay.
 */
static bool port_widens(const struct iomul_topology *t, u32 port, struct iomul_range more,
			bool lend)
{
	const struct iomul_node *n = &t->node[port];
	struct iomul_range now = t->mark[port].window, then = range_around(now, more);
	u32 bus = iomul_node_bus(t, port);

	if ((n->flags & IOMUL_NODE_SHARED) || (then.first ^ now.first) >> 16 ||
	    (then.last ^ now.last) >> 16)
		return false;
	if (iomul_range_empty(iomul_topology_free(t, bus, more, iomul_range_size(more), 1, lend)))
		return false;
	return bus < t->nodes || root_passes(t, port, more);
}

/* Can @r be shared on the bus below the mixed port @port, with all ports above widened? */
static bool ports_widen(const struct iomul_topology *t, u32 port, struct iomul_range r, bool lend)
{
	struct iomul_range window, more;

	if (iomul_range_empty(iomul_topology_free(t, port, r, iomul_range_size(r), 1, lend)))
		return false;
	for (; port != IOMUL_NONE; port = t->node[port].parent) {
		window = t->mark[port].window;
		more = range_beyond(r, window);
		if (iomul_range_empty(more))
			continue;
		if (iomul_range_empty(window) || (r.first < window.first && r.last > window.last) ||
		    !port_widens(t, port, more, lend))
			return false;
	}
	return true;
}

/* Does the root bus lose ports, which are short, when @port is widened to @r? */
static bool widens_root(const struct iomul_topology *t, u32 port, struct iomul_range r)
{
	while (t->node[port].parent != IOMUL_NONE)
		port = t->node[port].parent;
	return !iomul_range_contains(t->mark[port].window, r);
}

/*
 * @size ports that adjoin the window of the mixed port @port, or lie partly in it;
 * no port is left over in between. From above downwards.
 */
static struct iomul_range widen_find(const struct iomul_topology *t, u32 port, u32 size, u32 align,
				     enum pool_take take)
{
	struct iomul_range window = t->mark[port].window, r;
	u32 at = window.last + 1;

	for (at &= ~(align - 1); !iomul_range_empty(window); at -= align) {
		r = iomul_range_at(at, size);
		if (!iomul_range_empty(r) && r.last < window.first && window.first - r.last > 1)
			break;
		if (!iomul_range_empty(r) && ports_widen(t, port, r, take != TAKE_FREE) &&
		    (take != TAKE_LENT_ONLY || !ports_widen(t, port, r, false)))
			return r;
		if (at < align)
			break;
	}
	return IOMUL_RANGE_EMPTY;
}

/*
 * A range next to the window of the mixed port of @p, which has no room itself. Its
 * size does not overflow: pool_windows() has rounded it up to as much or more.
 */
static struct iomul_range pool_widen(struct iomul_topology *t, const struct pool *p,
				     const struct iomul_policy *policy)
{
	u32 align = p->align > IOMUL_GRANULE ? p->align : IOMUL_GRANULE;
	u32 size = iomul_align_up(p->need, IOMUL_GRANULE), need, port, root;
	struct iomul_range r;

	root = t->nodes + t->node[p->bus].root;
	need = add_up_to_max(policy->reserve, size / IOMUL_GRANULE);
	r = widen_find(t, p->bus, size, align, TAKE_FREE);
	if (!iomul_range_empty(r) && policy->reserve && widens_root(t, p->bus, r) &&
	    root_spare(t, root, need) < need)
		r = IOMUL_RANGE_EMPTY;
	if (iomul_range_empty(r))
		r = widen_find(t, p->bus, size, align, policy->reserve ? TAKE_LENT_ONLY : TAKE_LENT);
	for (port = p->bus; !iomul_range_empty(r) && port != IOMUL_NONE; port = t->node[port].parent)
		t->mark[port].window = range_around(t->mark[port].window, r);
	return r;
}

static int add_group(struct iomul_topology *t, u32 bus, struct iomul_range window)
{
	if (t->groups == t->groups_max)
		return -ENOBUFS;
	t->group[t->groups] = (struct iomul_group){ .id = next_group_id(t),
						    .anchor = bus,
						    .window = window };
	t->groups++;
	t->mark[bus].anchored++;
	return 0;
}

/* The windows of the new groups on @p: free ones first, then lent ones. */
static int pool_windows(struct iomul_topology *t, const struct pool *p,
			const struct iomul_policy *policy, struct iomul_plan *plan)
{
	u32 granule = p->ports ? IOMUL_GRANULE : p->align;
	u32 align = p->align > granule ? p->align : granule;
	u32 size = iomul_align_up(p->need, granule);
	u32 want = policy->windows && policy->windows < p->present + p->branches ?
			   policy->windows :
			   p->present + p->branches;
	u32 reserve = p->bus < t->nodes ? 0 : policy->reserve;
	u32 i, spare = 0, granules = iomul_align_up(size, IOMUL_GRANULE) / IOMUL_GRANULE;
	struct iomul_range r;
	int err;

	if (want > p->present)
		want -= p->present;
	else
		want = !p->present;
	if (size == ~0U)
		return refuse_space(t, p, size, &plan->refusal);
	if (reserve)
		spare = root_spare(t, p->bus, add_up_to_max(want * granules, reserve));
	for (i = 0; i < want; i++) {
		r = IOMUL_RANGE_EMPTY;
		if (!reserve || spare >= add_up_to_max(reserve, granules))
			r = pool_free(t, p, size, align, TAKE_FREE);
		if (!iomul_range_empty(r))
			spare -= granules < spare ? granules : spare;
		else
			r = pool_free(t, p, size, align, reserve ? TAKE_LENT_ONLY : TAKE_LENT);
		if (iomul_range_empty(r))
			break;
		err = add_group(t, p->bus, r);
		if (err)
			return err;
	}
	if (i || p->present)
		return 0;
	r = p->bus < t->nodes ? pool_widen(t, p, policy) : IOMUL_RANGE_EMPTY;
	return iomul_range_empty(r) ? refuse_space(t, p, size, &plan->refusal) :
				      add_group(t, p->bus, r);
}

/*
 * Branches to windows.
 */

/* Slots on the anchor bus @bus whose branch is in group @id. */
static u32 group_load(const struct iomul_topology *t, u32 bus, u32 id)
{
	const struct iomul_mark *m = &t->mark[bus];
	u32 i, n = 0;

	for (i = m->child; i < m->child + m->children; i++)
		if (t->node[i].group == id)
			n += t->mark[i].sharers;
	return n;
}

/* Bytes of a window for @branch: through a port it has whole granules. */
static u32 branch_need(const struct iomul_topology *t, u32 branch)
{
	u32 need = t->mark[branch].need;

	return t->node[branch].flags & IOMUL_NODE_PORT ? iomul_align_up(need, IOMUL_GRANULE) : need;
}

/* Can @branch live in @window at all? */
static bool branch_fits(const struct iomul_topology *t, u32 branch, struct iomul_range window)
{
	u32 align = t->mark[branch].align;

	if ((t->node[branch].flags & IOMUL_NODE_PORT) && align < IOMUL_GRANULE)
		align = IOMUL_GRANULE;
	return branch_need(t, branch) <= iomul_range_size(window) && !(window.first & (align - 1));
}

static u32 lightest_group(const struct iomul_topology *t, u32 bus, u32 branch)
{
	u32 i, load, best = IOMUL_NONE, least = ~0U;

	for (i = 0; i < t->groups; i++) {
		if (t->group[i].anchor != bus || !branch_fits(t, branch, t->group[i].window))
			continue;
		load = group_load(t, bus, t->group[i].id);
		if (load >= least)
			continue;
		least = load;
		best = i;
	}
	return best;
}

/* Should @node join the group that its port is in? */
static bool node_follows(const struct iomul_topology *t, u32 node)
{
	const struct iomul_node *n = &t->node[node];

	if (n->group != IOMUL_NONE || t->node[n->parent].group == IOMUL_NONE)
		return false;
	return n->flags & IOMUL_NODE_PORT ? t->mark[node].sharers : n->flags & IOMUL_NODE_SELECTED;
}

static void slot_join(struct iomul_topology *t, u32 node, u32 id)
{
	u32 i, count, first = iomul_slot_span(t, node, &count);

	for (i = first; i < first + count; i++)
		if (t->node[i].flags & IOMUL_NODE_SELECTED)
			t->node[i].group = id;
}

/*
 * Gives @top and everything below that is selected, with its ports, to @id.
 * Breadth first, so that each level below @top is one span.
 */
static void branch_join(struct iomul_topology *t, u32 top, u32 id)
{
	u32 i, next, first = t->mark[top].child, end = first + t->mark[top].children, next_end;

	if (!(t->node[top].flags & IOMUL_NODE_PORT)) {
		slot_join(t, top, id);
		return;
	}
	t->node[top].group = id;
	for (; first < end; first = next, end = next_end) {
		next = next_end = 0;
		for (i = first; i < end; i++) {
			if (node_follows(t, i))
				t->node[i].group = id;
			if (!t->mark[i].children)
				continue;
			if (!next_end)
				next = t->mark[i].child;
			next_end = t->mark[i].child + t->mark[i].children;
		}
	}
}

static int refuse_big(const struct iomul_topology *t, u32 branch, struct iomul_range window,
		      struct iomul_refusal *r)
{
	struct iomul_addr slot = t->node[find_sharer(t, branch)].addr;
	int err = refuse(r, IOMUL_R_TOO_BIG, slot, slot);

	r->range = window;
	r->need = branch_need(t, branch);
	return err;
}

/* The heaviest branch of @bus that has no group yet. */
static u32 heaviest_branch(const struct iomul_topology *t, u32 bus)
{
	const struct iomul_mark *m = &t->mark[bus];
	u32 i, best = IOMUL_NONE;

	for (i = m->child; i < m->child + m->children; i++)
		if (branch_top(t, i) && branch_new(t, i) &&
		    (best == IOMUL_NONE || t->mark[i].sharers > t->mark[best].sharers))
			best = i;
	return best;
}

static int pool_assign(struct iomul_topology *t, const struct pool *p, struct iomul_plan *plan)
{
	u32 branch, g;

	while ((branch = heaviest_branch(t, p->bus)) != IOMUL_NONE) {
		g = lightest_group(t, p->bus, branch);
		if (g == IOMUL_NONE) {
			for (g = 0; t->group[g].anchor != p->bus; g++)
				;
			return refuse_big(t, branch, t->group[g].window, &plan->refusal);
		}
		branch_join(t, branch, t->group[g].id);
	}
	return 0;
}

/* Branches that are in a group already and are joined by new slots below. */
static int grow_branches(struct iomul_topology *t, struct iomul_plan *plan)
{
	u32 i, g;

	for (i = 0; i < t->nodes; i++) {
		if (!branch_top(t, i) || !t->mark[i].need || t->node[i].group == IOMUL_NONE)
			continue;
		g = iomul_group_find(t, t->node[i].group);
		if (g == IOMUL_NONE)
			return -EINVAL;
		if (!branch_fits(t, i, t->group[g].window))
			return refuse_big(t, i, t->group[g].window, &plan->refusal);
		branch_join(t, i, t->group[g].id);
	}
	return 0;
}

static int plan_groups(struct iomul_topology *t, const struct iomul_policy *policy,
		       struct iomul_plan *plan)
{
	u32 bus, present;
	int err = grow_branches(t, plan);

	for (bus = 0; !err && bus < t->nodes + t->roots; bus++) {
		struct pool p = { .bus = bus, .align = 1, .worst = IOMUL_NONE };

		if (!t->mark[bus].children || (bus < t->nodes && !t->mark[bus].sharers))
			continue;
		pool_scan(t, &p);
		if (!p.branches)
			continue;
		present = t->groups;
		err = pool_windows(t, &p, policy, plan);
		if (!err)
			err = pool_assign(t, &p, plan);
		/* A window that nobody joined is not requested. */
		while (!err && t->groups > present &&
		       !group_load(t, bus, t->group[t->groups - 1].id)) {
			t->groups--;
			t->mark[bus].anchored--;
		}
	}
	return err;
}

/*
 * Steps.
 */

static int add_step(struct iomul_plan *plan, struct iomul_step step)
{
	if (plan->steps == plan->steps_max)
		return -ENOBUFS;
	plan->step[plan->steps++] = step;
	return 0;
}

/* Is @node, a port or a function, new to its group? */
static bool node_joins(const struct iomul_node *n)
{
	return n->group != IOMUL_NONE && !(n->flags & IOMUL_NODE_SHARED);
}

/* Does the port above gate @node, or must the function be its own gate? */
static bool gated_above(const struct iomul_topology *t, u32 node)
{
	u32 i, count, first, parent = t->node[node].parent;
	const struct iomul_mark *m;

	if (parent == IOMUL_NONE || t->node[parent].group != t->node[node].group)
		return false;
	first = iomul_slot_span(t, node, &count);
	m = &t->mark[parent];
	for (i = m->child; i < m->child + m->children; i++) {
		if (t->node[i].group == IOMUL_NONE)
			continue;
		if (i < first || i >= first + count || (t->node[i].flags & IOMUL_NODE_PORT))
			return false;
	}
	return true;
}

static int steps_decode(struct iomul_topology *t, struct iomul_plan *plan)
{
	u32 i;
	int err = 0;

	for (i = 0; !err && i < t->nodes; i++) {
		const struct iomul_node *n = &t->node[i];

		if (node_joins(n))
			err = add_step(plan, (struct iomul_step){
				.kind = IOMUL_STEP_DECODE, .node = i, .now = 0,
				.was = !!(n->flags & IOMUL_NODE_DECODES) });
	}
	return err;
}

/* On the anchor bus a range is held; deeper down it lies inside one that is. */
static int add_release(struct iomul_topology *t, struct iomul_plan *plan, u32 node, u32 bar,
		       struct iomul_range from)
{
	u32 parent = t->node[node].parent;
	bool inner = parent != IOMUL_NONE && t->node[parent].group == t->node[node].group;

	if (iomul_range_empty(from))
		return 0;
	return add_step(plan, (struct iomul_step){
		.kind = inner ? IOMUL_STEP_RELEASE : IOMUL_STEP_HOLD, .node = node, .bar = bar,
		.from = from, .to = IOMUL_RANGE_EMPTY });
}

static int steps_release(struct iomul_topology *t, struct iomul_plan *plan)
{
	u32 i, k;
	int err = 0;

	for (i = t->nodes; !err && i-- > 0;) {
		const struct iomul_node *n = &t->node[i];

		if (!node_joins(n))
			continue;
		if (n->flags & IOMUL_NODE_PORT) {
			err = add_release(t, plan, i, IOMUL_STEP_IS_WINDOW, n->window);
			continue;
		}
		for (k = 0; !err && k < IOMUL_BARS; k++)
			err = add_release(t, plan, i, k, n->bar[k].at);
	}
	return err;
}

/* From above, so that there is room for the lower ones. */
static int steps_widen(struct iomul_topology *t, struct iomul_plan *plan)
{
	u32 i;
	int err = 0;

	for (i = 0; !err && i < t->nodes; i++) {
		const struct iomul_node *n = &t->node[i];

		if (!iomul_range_contains(n->window, t->mark[i].window))
			err = add_step(plan, (struct iomul_step){
				.kind = IOMUL_STEP_WIDEN, .bar = IOMUL_STEP_IS_WINDOW, .node = i,
				.from = n->window, .to = t->mark[i].window });
	}
	return err;
}

static int steps_windows(struct iomul_topology *t, struct iomul_plan *plan)
{
	u32 i;
	int err = 0;

	for (i = 0; !err && i < t->nodes; i++) {
		const struct iomul_node *n = &t->node[i];

		if (node_joins(n) && (n->flags & IOMUL_NODE_PORT))
			err = add_step(plan, (struct iomul_step){
				.kind = IOMUL_STEP_WINDOW, .bar = IOMUL_STEP_IS_WINDOW, .node = i,
				.from = n->window,
				.to = t->group[iomul_group_find(t, n->group)].window });
	}
	return err;
}

static int steps_slot(struct iomul_topology *t, struct iomul_plan *plan, u32 first, u32 count)
{
	u32 port, size = ANY_SIZE, used = 0, offset;
	bool isa = path_has(t, first, IOMUL_NODE_ISA, &port);
	struct bar_ref ref = FIRST_BAR;
	const struct iomul_group *g;
	int err = 0;

	while (!err && next_bar(t, first, count, &ref, &size)) {
		offset = place_offset(&used, size, isa);
		g = &t->group[iomul_group_find(t, t->node[ref.node].group)];
		err = add_step(plan, (struct iomul_step){
			.kind = IOMUL_STEP_BAR, .node = ref.node, .bar = ref.bar,
			.from = t->node[ref.node].bar[ref.bar].at,
			.to = iomul_range_at(g->window.first + offset, size) });
	}
	return err;
}

static int steps_bars(struct iomul_topology *t, struct iomul_plan *plan)
{
	u32 i, count;
	int err = 0;

	for (i = 0; !err && i < t->nodes; i++) {
		u32 first = iomul_slot_span(t, i, &count);

		if (!(t->node[i].flags & IOMUL_NODE_SELECTED) || slot_counted(t, i))
			continue;
		err = steps_slot(t, plan, first, count);
	}
	for (i = 0; !err && i < t->nodes; i++)
		if ((t->node[i].flags & IOMUL_NODE_SELECTED) && gated_above(t, i))
			err = add_step(plan, (struct iomul_step){ .kind = IOMUL_STEP_DECODE,
								  .node = i, .was = 0, .now = 1 });
	return err;
}

/* Ports above 64 Ki need 32-bit decode all the way. */
static int check_io16(const struct iomul_topology *t, struct iomul_plan *plan)
{
	const struct iomul_step *s;
	struct iomul_addr slot;
	u32 i;

	for (i = 0; i < plan->steps; i++) {
		s = &plan->step[i];
		if (iomul_range_empty(s->to) || s->to.last <= IO16_TOP)
			continue;
		if ((s->kind == IOMUL_STEP_WINDOW && !(t->node[s->node].flags & IOMUL_NODE_IO32)) ||
		    (s->kind == IOMUL_STEP_BAR &&
		     (t->node[s->node].bar[s->bar].flags & IOMUL_BAR_IO16))) {
			slot = t->node[find_sharer(t, s->node)].addr;
			refuse(&plan->refusal, IOMUL_R_IO16, slot, t->node[s->node].addr);
			plan->refusal.range = s->to;
			return -iomul_reason_errno(IOMUL_R_IO16);
		}
	}
	return 0;
}

u32 iomul_plan_steps_max(const struct iomul_topology *t)
{
	u32 i, up, n = 0;

	for (i = 0; i < t->nodes; i++) {
		if (!(t->node[i].flags & IOMUL_NODE_SELECTED))
			continue;
		n += 3 + 2 * IOMUL_BARS;
		for (up = t->node[i].parent; up != IOMUL_NONE; up = t->node[up].parent)
			n += 4;
	}
	return n;
}

int iomul_plan_attach(struct iomul_topology *t, const struct iomul_policy *policy,
		      struct iomul_plan *plan)
{
	u32 i, present = t->groups;
	int err;

	memset(&plan->refusal, 0, sizeof(plan->refusal));
	plan->steps = 0;
	mark_all(t);
	err = plan_groups(t, policy, plan);
	if (!err)
		err = steps_decode(t, plan);
	if (!err)
		err = steps_release(t, plan);
	if (!err)
		err = steps_widen(t, plan);
	for (i = present; !err && i < t->groups; i++)
		err = add_step(plan, (struct iomul_step){ .kind = IOMUL_STEP_RESERVE, .node = i,
							  .from = IOMUL_RANGE_EMPTY,
							  .to = t->group[i].window });
	if (!err)
		err = steps_windows(t, plan);
	if (!err)
		err = steps_bars(t, plan);
	if (!err)
		err = check_io16(t, plan);
	return err;
}

struct iomul_step iomul_step_inverse(struct iomul_step s)
{
	struct iomul_step inverse = s;

	inverse.from = s.to;
	inverse.to = s.from;
	inverse.was = s.now;
	inverse.now = s.was;
	return inverse;
}

/*
 * Validity.
 */

static const struct iomul_step *bar_step(const struct iomul_plan *plan, u32 node, u32 bar)
{
	u32 i;

	for (i = 0; i < plan->steps; i++)
		if (plan->step[i].kind == IOMUL_STEP_BAR && plan->step[i].node == node &&
		    plan->step[i].bar == bar)
			return &plan->step[i];
	return NULL;
}

/* Every I/O BAR of a selected function: inside its window, clear of its slot's others. */
static bool bars_valid(const struct iomul_topology *t, const struct iomul_plan *plan, u32 node)
{
	const struct iomul_group *g = &t->group[iomul_group_find(t, t->node[node].group)];
	const struct iomul_step *s, *o;
	u32 i, k, m, count, first = iomul_slot_span(t, node, &count);

	for (k = 0; k < IOMUL_BARS; k++) {
		if (!t->node[node].bar[k].size)
			continue;
		s = bar_step(plan, node, k);
		if (!s || iomul_range_size(s->to) != t->node[node].bar[k].size ||
		    (s->to.first & (t->node[node].bar[k].size - 1)) ||
		    !iomul_range_contains(g->window, s->to))
			return false;
		for (i = first; i < first + count; i++) {
			for (m = 0; m < IOMUL_BARS; m++) {
				o = bar_step(plan, i, m);
				if (o && o != s && iomul_range_overlaps(o->to, s->to))
					return false;
			}
		}
	}
	return true;
}

/* Nobody who keeps his ports has one in a new window; groups are apart. */
static bool windows_valid(const struct iomul_topology *t)
{
	u32 i, k, g;

	for (g = 0; g < t->groups; g++) {
		for (i = 0; i < g; i++)
			if (iomul_range_overlaps(t->group[i].window, t->group[g].window))
				return false;
		for (i = 0; i < t->nodes; i++) {
			if (t->node[i].group != IOMUL_NONE || (t->node[i].flags & IOMUL_NODE_PORT))
				continue;
			for (k = 0; k < IOMUL_BARS; k++)
				if (iomul_range_overlaps(t->node[i].bar[k].at, t->group[g].window))
					return false;
		}
	}
	return true;
}

/* A widened port keeps what it has, and comes into nobody's way who keeps his ports. */
static bool widen_valid(const struct iomul_topology *t, const struct iomul_step *s)
{
	u32 i, bus = iomul_node_bus(t, s->node);
	const struct iomul_mark *m = &t->mark[bus];
	struct iomul_range below = IOMUL_RANGE_EMPTY, above;

	if (t->node[s->node].group != IOMUL_NONE || iomul_range_empty(s->from) ||
	    !iomul_range_contains(s->to, s->from))
		return false;
	if (bus < t->nodes && !iomul_range_contains(t->mark[bus].window, s->to))
		return false;
	if (s->to.first < s->from.first)
		below = (struct iomul_range){ s->to.first, s->from.first - 1 };
	above = (struct iomul_range){ s->from.last + 1, s->to.last };
	for (i = m->child; i < m->child + m->children; i++)
		if (i != s->node && t->node[i].group == IOMUL_NONE &&
		    (iomul_range_overlaps(t->mark[i].window, below) ||
		     iomul_range_overlaps(t->mark[i].window, above)))
			return false;
	return true;
}

static bool step_valid(const struct iomul_topology *t, const struct iomul_step *s)
{
	if (s->kind == IOMUL_STEP_WIDEN)
		return widen_valid(t, s);
	return s->kind < IOMUL_STEP_KINDS && node_joins(&t->node[s->node]);
}

bool iomul_plan_valid(const struct iomul_topology *t, const struct iomul_plan *plan)
{
	const struct iomul_step *s;
	u32 i;

	for (i = 0; i < plan->steps; i++) {
		s = &plan->step[i];
		if (s->kind == IOMUL_STEP_RESERVE ? s->node >= t->groups :
		    s->node >= t->nodes || !step_valid(t, s))
			return false;
	}
	for (i = 0; i < t->nodes; i++) {
		if (!(t->node[i].flags & IOMUL_NODE_SELECTED))
			continue;
		if (iomul_group_find(t, t->node[i].group) == IOMUL_NONE || !bars_valid(t, plan, i))
			return false;
	}
	return windows_valid(t);
}
