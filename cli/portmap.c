// SPDX-License-Identifier: GPL-2.0-only
/* Who has which of the 64 Ki ports, now or after a plan. */
#include <stdlib.h>
#include <string.h>
#include "from.h"
#include "portmap.h"

const struct port_look port_looks[PORT_KINDS] = {
	[PORT_OUTSIDE] = { ' ', NULL, "outside", "outside", "not passed on to PCI" },
	[PORT_LOW] = { ':', NULL, "low", "low", "legacy area, nothing is placed here" },
	[PORT_FREE] = { '.', "green", "free", "free", "free" },
	[PORT_BUSY] = { 'x', "red", "busy", "fixed", "fixed: board and legacy devices" },
	[PORT_KEPT] = { 'k', "yellow", "kept", "kept", "kept for the return of a slot that shares" },
	[PORT_WINDOW] = { '-', "blue", "window", "window", "a bridge's window, unused" },
	[PORT_BAR] = { '#', "magenta", "bar", "bar", "a device's ports" },
	[PORT_SHARED] = { 'S', "cyan", "shared", "shared", "a shared window" },
};

static void paint(struct portmap *m, struct iomul_range r, enum port_kind kind, u32 who)
{
	u32 i;

	if (iomul_range_empty(r) || r.first >= PORTS)
		return;
	if (r.last >= PORTS)
		r.last = PORTS - 1;
	for (i = r.first; i <= r.last; i++) {
		m->kind[i] = (u8)kind;
		m->who[i] = who;
	}
}

static void paint_roots(struct portmap *m)
{
	const struct iomul_topology *t = &m->view->t;
	u32 i, k;

	for (i = 0; i < t->roots; i++) {
		for (k = 0; k < t->root[i].napertures; k++) {
			struct iomul_range low = t->root[i].aperture[k], high = low;

			if (low.last >= t->root[i].lowest)
				low.last = t->root[i].lowest - 1;
			if (high.first < t->root[i].lowest)
				high.first = t->root[i].lowest;
			if (t->root[i].lowest)
				paint(m, low, PORT_LOW, NOBODY);
			paint(m, high, PORT_FREE, NOBODY);
		}
	}
}

/* Does it share, now or (@m->after) after the plan? */
static bool shares(const struct portmap *m, u32 node)
{
	const struct iomul_node *n = &m->view->t.node[node];

	return m->after ? n->group != IOMUL_NONE : n->flags & IOMUL_NODE_SHARED;
}

static void paint_nodes(struct portmap *m)
{
	const struct iomul_topology *t = &m->view->t;
	u32 i, k;

	for (i = 0; i < t->nodes; i++)
		if ((t->node[i].flags & IOMUL_NODE_PORT) && !shares(m, i))
			paint(m, t->node[i].window, PORT_WINDOW, i);
	for (i = 0; i < t->nodes; i++)
		for (k = 0; k < IOMUL_BARS && !shares(m, i); k++)
			paint(m, t->node[i].bar[k].at, PORT_BAR, i);
}

static void paint_kept(struct portmap *m, const struct iomul_plan *plan)
{
	u32 i;

	for (i = 0; plan && i < plan->steps; i++)
		if (plan->step[i].kind == IOMUL_STEP_HOLD)
			paint(m, plan->step[i].from, PORT_KEPT, plan->step[i].node);
}

/* Was the group there before the plan? */
static bool group_present(const struct view *v, u32 index)
{
	u32 i;

	for (i = 0; i < v->t.nodes; i++)
		if (v->t.node[i].group == v->t.group[index].id &&
		    (v->t.node[i].flags & IOMUL_NODE_SHARED))
			return true;
	return false;
}

struct portmap *portmap_new(const struct view *v, const struct iomul_plan *plan)
{
	struct portmap *m = calloc(1, sizeof(*m));
	u32 i;

	if (!m)
		return NULL;
	m->view = v;
	m->after = plan != NULL;
	memset(m->who, 0xff, sizeof(m->who));
	paint_roots(m);
	for (i = 0; i < v->t.busies; i++)
		paint(m, v->t.busy[i].at, v->t.busy[i].flags & IOMUL_BUSY_HELD ? PORT_KEPT : PORT_BUSY,
		      v->t.busy[i].flags & IOMUL_BUSY_HELD ?
			      iomul_topology_find(&v->t, v->t.busy[i].holder) : i);
	paint_nodes(m);
	paint_kept(m, plan);
	for (i = 0; i < v->t.groups; i++)
		if (m->after || group_present(v, i))
			paint(m, v->t.group[i].window, PORT_SHARED, i);
	return m;
}

struct port_run portmap_run(const struct portmap *m, u32 at, u32 end)
{
	struct port_run run = { { at, at }, m->kind[at], m->who[at] };

	while (run.at.last + 1 < end && m->kind[run.at.last + 1] == m->kind[at] &&
	       m->who[run.at.last + 1] == m->who[at])
		run.at.last++;
	return run;
}

static bool shows_segments(const struct view *v)
{
	u32 i;

	for (i = 0; i < v->t.roots; i++)
		if (v->t.root[i].segment)
			return true;
	return false;
}

static const char *who_text(const struct view *v, u32 node, bool slot, char text[ADDR_TEXT])
{
	if (slot)
		addr_slot(v->t.node[node].addr, text);
	else
		addr_function(v->t.node[node].addr, text);
	return !shows_segments(v) && !strncmp(text, "0000:", 5) ? text + 5 : text;
}

/* The one function with an I/O BAR behind port @node, or NOBODY. */
static u32 only_leaf(const struct view *v, u32 node)
{
	u32 i, up, found = NOBODY;

	for (i = node; i < v->t.nodes; i++) {
		if ((v->t.node[i].flags & IOMUL_NODE_PORT) || !iomul_node_has_io(&v->t.node[i]))
			continue;
		for (up = i; up != IOMUL_NONE && up != node; up = v->t.node[up].parent)
			;
		if (up != node)
			continue;
		if (found != NOBODY)
			return NOBODY;
		found = i;
	}
	return found;
}

static const char *named(const struct view *v, u32 node, const char *before, char *text, size_t size)
{
	char addr[ADDR_TEXT], name[96];
	const char *device = function_name(v, &v->t.node[node], name, sizeof(name));

	snprintf(text, size, "%s%s%s%s", before, who_text(v, node, false, addr), *device ? " " : "",
		 device);
	return text;
}

const char *port_label(const struct portmap *m, const struct port_run *run, char *text, size_t size)
{
	const struct view *v = m->view;
	char addr[ADDR_TEXT];
	u32 leaf;

	switch (run->kind) {
	case PORT_BUSY:
		snprintf(text, size, "%.*s", IOMUL_NAME_MAX, v->t.busy[run->who].name);
		return text;
	case PORT_KEPT:
		leaf = run->who == IOMUL_NONE ? NOBODY : only_leaf(v, run->who);
		if (leaf != NOBODY)
			snprintf(text, size, "kept for %s", who_text(v, leaf, true, addr));
		else
			snprintf(text, size, "kept for %s%s", run->who == IOMUL_NONE ? "a slot" : "port ",
				 run->who == IOMUL_NONE ? "" : who_text(v, run->who, false, addr));
		return text;
	case PORT_WINDOW:
		return named(v, run->who, "window of ", text, size);
	case PORT_BAR:
		return named(v, run->who, "", text, size);
	case PORT_SHARED:
		snprintf(text, size, "shared, group %u", v->t.group[run->who].id);
		return text;
	default:
		snprintf(text, size, "%s", port_looks[run->kind].word);
		return text;
	}
}

static u32 slots_in(const struct view *v, u32 id)
{
	u32 i, n = 0;
	bool counted = false;

	for (i = 0; i < v->t.nodes; i++) {
		if (iomul_slot_first(&v->t, i))
			counted = false;
		if (counted || (v->t.node[i].flags & IOMUL_NODE_PORT) || v->t.node[i].group != id)
			continue;
		counted = true;
		n++;
	}
	return n;
}

const char *group_slots(const struct view *v, u32 index, char *text, size_t size)
{
	char addr[ADDR_TEXT];
	u32 i, at = 0, last = NOBODY, first, count;

	*text = '\0';
	for (i = 0; i < v->t.nodes && at + 1 < size; i++) {
		if ((v->t.node[i].flags & IOMUL_NODE_PORT) ||
		    v->t.node[i].group != v->t.group[index].id)
			continue;
		first = iomul_slot_span(&v->t, i, &count);
		if (first == last)
			continue;
		last = first;
		at += (u32)snprintf(text + at, size - at, "%s%s", at ? " " : "",
				    who_text(v, first, true, addr));
	}
	return text;
}

/* Holders in a row: the same one several times (window, BAR, window) counts once. */
static u32 row_holders(const struct portmap *m, u32 row, struct port_run *most)
{
	struct port_run run;
	u32 at, end = (row + 1) * IOMUL_GRANULE, n = 0;

	for (at = row * IOMUL_GRANULE; at < end; at = run.at.last + 1) {
		run = portmap_run(m, at, end);
		if (run.kind < PORT_BUSY || run.kind == PORT_WINDOW)
			continue;
		if (!n || run.who != most->who || run.kind != most->kind) {
			*most = run;
			n++;
		}
	}
	return n;
}

const char *row_label(const struct portmap *m, u32 row, char *text, size_t size)
{
	u32 at = row * IOMUL_GRANULE, n, leaf;
	struct port_run run = portmap_run(m, at, at + IOMUL_GRANULE), most = run;

	if (run.kind == PORT_SHARED) {
		n = slots_in(m->view, m->view->t.group[run.who].id);
		snprintf(text, size, "shared by %u slot%s (group %u)", n, n == 1 ? "" : "s",
			 m->view->t.group[run.who].id);
		return text;
	}
	if (run.kind == PORT_WINDOW && iomul_range_size(run.at) == IOMUL_GRANULE) {
		leaf = only_leaf(m->view, run.who);
		return named(m->view, leaf == NOBODY ? run.who : leaf, leaf == NOBODY ? "port " : "",
			     text, size);
	}
	n = row_holders(m, row, &most);
	if (n <= 1)
		return port_label(m, &most, text, size);
	snprintf(text, size, "%u holders", n);
	return text;
}

struct port_sums portmap_sums(const struct portmap *m)
{
	const struct iomul_topology *t = &m->view->t;
	struct port_sums s = { 0 };
	struct port_run run;
	u32 i, row;

	for (i = 0; i < PORTS; i++)
		s.free += m->kind[i] == PORT_FREE;
	for (row = 0; row < ROWS; row++) {
		bool window = false;

		run = portmap_run(m, row * IOMUL_GRANULE, (row + 1) * IOMUL_GRANULE);
		s.pieces += run.kind == PORT_FREE && iomul_range_size(run.at) == IOMUL_GRANULE;
		for (i = row * IOMUL_GRANULE; i < (row + 1) * IOMUL_GRANULE; i++)
			window |= m->kind[i] == PORT_WINDOW;
		s.windows += window;
	}
	for (i = 0; i < t->groups; i++) {
		if (!m->after && !group_present(m->view, i))
			continue;
		s.shared++;
		s.slots += slots_in(m->view, t->group[i].id);
	}
	for (i = 0; i < t->nodes; i++) {
		if ((t->node[i].flags & IOMUL_NODE_PORT) || !iomul_node_has_io(&t->node[i]))
			continue;
		s.functions++;
		s.served += !iomul_node_starved(&t->node[i]) || (m->after && shares(m, i));
	}
	return s;
}
