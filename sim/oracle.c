// SPDX-License-Identifier: GPL-2.0-only
/* The reference for plans; see oracle.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "oracle.h"

#define WHO 16

struct oracle {
	struct world *w;
	struct fabric f;
	struct carry c;
	u32 *port; /* where answers may change: old and new places */
	u32 ports;
	u32 *before; /* how many answered each, and how many bystanders of them */
	u32 *before_others;
	u32 seed;
	char *what;
	size_t n;
};

static bool fail(struct oracle *o, const char *form, ...)
{
	va_list ap;

	if (!o->what[0]) {
		va_start(ap, form);
		vsnprintf(o->what, o->n, form, ap);
		va_end(ap);
	}
	return false;
}

static u32 draw(struct oracle *o, u32 below)
{
	o->seed = o->seed * 1103515245 + 12345;
	return below ? (o->seed >> 8) % below : 0;
}

static bool shares(const struct oracle *o, u32 node)
{
	return o->w->t.node[node].flags & (IOMUL_NODE_SELECTED | IOMUL_NODE_SHARED);
}

/* Is @node selected, or a port with something selected below? */
static bool concerned(const struct oracle *o, u32 node)
{
	const struct iomul_topology *t = &o->w->t;
	u32 i, up;

	for (i = node; i < t->nodes; i++)
		for (up = i; up != IOMUL_NONE && (t->node[i].flags & IOMUL_NODE_SELECTED);
		     up = t->node[up].parent)
			if (up == node)
				return true;
	return false;
}

/*
 * What the decoder says.
 */

static u32 others_of(const struct oracle *o, const u32 *who, u32 n)
{
	u32 i, others = 0;

	for (i = 0; i < n && i < WHO; i++)
		others += !shares(o, who[i]);
	return others;
}

/* At every port: bystanders as before, and two only where there were two. */
static bool sweep_ports(struct oracle *o, const char *when, u32 at)
{
	u32 i, n, who[WHO];

	for (i = 0; i < o->ports; i++) {
		n = fabric_answers(&o->f, o->port[i], who, WHO);
		if (others_of(o, who, n) != o->before_others[i])
			return fail(o, "%s %u: port %x: a bystander's answer changed", when, at,
				    o->port[i]);
		if (n > 1 && o->before[i] <= 1)
			return fail(o, "%s %u: port %x: %u functions answer", when, at, o->port[i],
				    n);
	}
	return true;
}

/* Exactly @fn answers all of its I/O BARs' ends, or (@fn alone or not) nobody of @slot. */
static bool bars_routed(struct oracle *o, u32 fn, bool open)
{
	u32 k, e, first, last, n, who[WHO] = { 0 }, end[2];

	for (k = 0; k < IOMUL_BARS; k++) {
		if (!fabric_bar(&o->f, fn, k, &first, &last))
			continue;
		end[0] = first;
		end[1] = last;
		for (e = 0; e < 2; e++) {
			n = fabric_answers(&o->f, end[e], who, WHO);
			if (open && (n != 1 || who[0] != fn))
				return fail(o, "port %x of %u: %u answer, first %u", end[e], fn, n,
					    who[0]);
			for (; !open && n-- > 0;)
				if (n < WHO && who[n] == fn)
					return fail(o, "port %x: %u answers", end[e], fn);
		}
	}
	return true;
}

/* Of group @id only the functions of the slot at @node (or none) are reached. */
static bool only_slot(struct oracle *o, u32 id, u32 node)
{
	const struct iomul_topology *t = &o->w->t;
	u32 i, count = 0, first = node == IOMUL_NONE ? 0 : iomul_slot_span(t, node, &count);

	for (i = 0; i < t->nodes; i++) {
		if (t->node[i].group != id || (t->node[i].flags & IOMUL_NODE_PORT))
			continue;
		if (!bars_routed(o, i, i >= first && i < first + count))
			return false;
	}
	return true;
}

/*
 * Slots of the groups.
 */

u32 oracle_steps(const struct iomul_mux *mux, u32 slot)
{
	const struct iomul_path *p = &mux->slot[slot];
	u32 i, k, n = 0, g;

	for (i = 0; i < p->depth; i++) {
		const struct iomul_bus *b;

		g = mux->path[p->first + i];
		b = &mux->bus[mux->gate[g].bus];
		for (k = b->gate; k < b->gate + b->gates; k++)
			n += mux->gate[k].state == IOMUL_GATE_UNKNOWN ||
			     (mux->gate[k].state == IOMUL_GATE_OPEN && k != g);
		n += mux->gate[g].state != IOMUL_GATE_OPEN;
	}
	return n;
}

static bool switch_to(struct oracle *o, struct iomul_mux *mux, u32 slot)
{
	u32 n = 0, want = slot == IOMUL_NONE ? 0 : oracle_steps(mux, slot);
	struct iomul_mux_step s;

	while (iomul_mux_next(mux, slot, &s) > 0) {
		if (carry_gate(&o->c, mux, s))
			return fail(o, "gate %u failed", s.gate);
		iomul_mux_done(mux, s, true);
		n++;
		if (!iomul_mux_valid(mux) || n > 2 * mux->gates + 1)
			return fail(o, "mux lost its way to %u", slot);
		if (!sweep_ports(o, "switch, step", n))
			return false;
	}
	if (slot != IOMUL_NONE && n != want)
		return fail(o, "%u steps to slot %u, %u expected", n, slot, want);
	return true;
}

static bool visit(struct oracle *o, struct iomul_mux *mux, const u32 *slot_node, u32 id, u32 slot)
{
	return switch_to(o, mux, slot) &&
	       only_slot(o, id, slot == IOMUL_NONE ? IOMUL_NONE : slot_node[slot]);
}

/* Every slot of group @id once in order, some in another order, then nobody. */
static bool visit_group(struct oracle *o, u32 id)
{
	struct iomul_mux mux;
	u32 i, *slot_node;
	bool ok;

	if (mux_alloc(&o->w->t, id, &mux, &slot_node))
		return fail(o, "no mux for group %u", id);
	ok = iomul_mux_valid(&mux) && switch_to(o, &mux, IOMUL_NONE);
	if (ok && carry_behind(&o->c, &mux, id))
		ok = fail(o, "functions behind gates failed");
	if (ok)
		ok = sweep_ports(o, "all shut", 0) && only_slot(o, id, IOMUL_NONE);
	for (i = 0; ok && i < mux.slots; i++)
		ok = visit(o, &mux, slot_node, id, i);
	for (i = 0; ok && i < mux.slots; i++)
		ok = visit(o, &mux, slot_node, id, draw(o, mux.slots));
	if (ok)
		ok = visit(o, &mux, slot_node, id, IOMUL_NONE);
	mux_free(&mux, slot_node);
	return ok || fail(o, "group %u: mux not valid", id);
}

static bool visit_groups(struct oracle *o)
{
	u32 g;

	for (g = 0; g < o->w->t.groups; g++)
		if (!visit_group(o, o->w->t.group[g].id))
			return false;
	return true;
}

/*
 * The way there and back.
 */

static bool step_allowed(struct oracle *o, const struct iomul_step *s, u32 i)
{
	if (s->kind == IOMUL_STEP_RESERVE)
		return s->node < o->w->t.groups || fail(o, "step %u: no such group", i);
	if (s->node >= o->w->t.nodes || !concerned(o, s->node))
		return fail(o, "step %u concerns %u, which was not selected", i, s->node);
	return true;
}

static bool attach(struct oracle *o)
{
	const struct iomul_plan *plan = &o->w->plan;
	u32 i;

	for (i = 0; i < plan->steps; i++) {
		if (!step_allowed(o, &plan->step[i], i))
			return false;
		if (carry_step(&o->c, plan->step[i], false))
			return fail(o, "step %u failed", i);
		if (!sweep_ports(o, "attach, step", i))
			return false;
	}
	return true;
}

static bool restored(struct oracle *o, const char *when, u32 n)
{
	u32 i;

	for (i = 0; i < o->f.fns; i++)
		if (!fabric_same(&o->f, o->c.found, i))
			return fail(o, "%s %u: function %u is not as it was", when, n, i);
	return !o->c.reserved || fail(o, "%s %u: ranges kept", when, n);
}

static bool unconcerned_same(struct oracle *o)
{
	u32 i;

	for (i = 0; i < o->f.fns; i++)
		if (!concerned(o, i) && !(o->w->t.node[i].flags & IOMUL_NODE_SHARED) &&
		    !fabric_same(&o->f, o->c.found, i))
			return fail(o, "function %u changed and was not selected", i);
	return true;
}

/* The slots that this plan attached, one after another, lenders last. */
static bool detach_all(struct oracle *o)
{
	struct iomul_topology *t = &o->w->t;
	u32 n = 0, from = draw(o, t->nodes);
	bool ok = true, *leaves = calloc(t->nodes + 1, sizeof(*leaves));

	while (ok && leaves && carry_pick(&o->c, &o->w->plan, from, leaves)) {
		if (carry_detach(&o->c, &o->w->plan, leaves))
			ok = fail(o, "detach %u failed", n);
		ok = ok && sweep_ports(o, "detach", n) && visit_groups(o);
		n++;
	}
	free(leaves);
	return ok;
}

/* Functions that were attached before may have become gates; they end up shut. */
static bool there_and_back(struct oracle *o)
{
	struct iomul_topology *t = &o->w->t;
	u32 i, *group = calloc(t->nodes + 1, sizeof(*group));
	bool ok, old = false;

	if (!group)
		return fail(o, "no memory");
	for (i = 0; i < t->nodes; i++) {
		group[i] = t->node[i].group;
		old |= (t->node[i].flags & IOMUL_NODE_SHARED) &&
		       !(t->node[i].flags & IOMUL_NODE_PORT);
	}
	ok = attach(o) && unconcerned_same(o) && visit_groups(o) && unconcerned_same(o) &&
	     detach_all(o) && (old || restored(o, "detach of all", 0));
	for (i = 0; i < t->nodes; i++)
		t->node[i].group = group[i];
	free(group);
	return ok;
}

/*
 * Config access @n of the attach fails; undo puts everything back, also what
 * the failed step did perhaps.
 */
static bool fail_and_undo(struct oracle *o, u32 n, enum fabric_fault fault)
{
	u32 done;

	fabric_fail(&o->f, n, fault, false);
	if (!carry_plan(&o->c, &o->w->plan, &done))
		return fail(o, "access %u did not fail", n);
	fabric_fail(&o->f, 0, FABRIC_SOUND, false);
	if (!sweep_ports(o, "failed access", n))
		return false;
	if (carry_undo(&o->c, &o->w->plan, done + 1))
		return fail(o, "undo after access %u failed", n);
	return restored(o, "undo after access", n);
}

static u32 attach_accesses(struct oracle *o)
{
	u64 before = o->f.reads + o->f.writes, n;
	u32 done;

	carry_plan(&o->c, &o->w->plan, &done);
	n = o->f.reads + o->f.writes - before;
	carry_undo(&o->c, &o->w->plan, done);
	return (u32)n;
}

static bool fail_sweep(struct oracle *o, bool sweep)
{
	u32 n, all = attach_accesses(o);

	if (!restored(o, "undo", 0))
		return false;
	if (!sweep)
		return !all || fail_and_undo(o, 1 + draw(o, all), FABRIC_LOST + draw(o, 2));
	for (n = 1; n <= all; n++)
		if (!fail_and_undo(o, n, FABRIC_LOST) || !fail_and_undo(o, n, FABRIC_LATE))
			return false;
	return true;
}

/*
 * What can be seen from the plan alone.
 */

static bool window_clear(struct oracle *o, u32 g)
{
	const struct iomul_topology *t = &o->w->t;
	const struct iomul_group *x = &t->group[g];
	const struct iomul_root *root = &t->root[iomul_bus_root(t, x->anchor)];
	u32 i;

	if (x->window.first < root->lowest)
		return fail(o, "group %u lies below port %x", x->id, root->lowest);
	for (i = 0; i < t->busies; i++)
		if (!(t->busy[i].flags & IOMUL_BUSY_HELD) &&
		    iomul_range_overlaps(t->busy[i].at, x->window))
			return fail(o, "group %u overlaps %s", x->id, t->busy[i].name);
	for (i = 0; i < g; i++)
		if (iomul_range_overlaps(t->group[i].window, x->window))
			return fail(o, "groups %u and %u overlap", t->group[i].id, x->id);
	return true;
}

/* Ports that stay as they are, unless the group lives below: none overlaps its window. */
static bool port_clear(struct oracle *o, u32 g, u32 port)
{
	const struct iomul_topology *t = &o->w->t;
	u32 up;

	if (!(t->node[port].flags & IOMUL_NODE_PORT) || t->node[port].group != IOMUL_NONE ||
	    t->node[port].root != iomul_bus_root(t, t->group[g].anchor) ||
	    !iomul_range_overlaps(t->node[port].window, t->group[g].window))
		return true;
	for (up = t->group[g].anchor; up < t->nodes; up = t->node[up].parent)
		if (up == port)
			return true;
	return fail(o, "group %u overlaps the window of port %u", t->group[g].id, port);
}

static bool windows_clear(struct oracle *o)
{
	u32 g, i;

	for (g = 0; g < o->w->t.groups; g++) {
		if (!window_clear(o, g))
			return false;
		for (i = 0; i < o->w->t.nodes; i++)
			if (!port_clear(o, g, i))
				return false;
	}
	return true;
}

/*
 * Setting up.
 */

static void note_port(struct oracle *o, struct iomul_range r)
{
	if (iomul_range_empty(r))
		return;
	o->port[o->ports++] = r.first ? r.first - 1 : 0;
	o->port[o->ports++] = r.first;
	o->port[o->ports++] = r.last;
	o->port[o->ports++] = r.last + 1;
}

static int compare(const void *a, const void *b)
{
	u32 x = *(const u32 *)a, y = *(const u32 *)b;

	return (x > y) - (x < y);
}

static bool note_ports(struct oracle *o)
{
	const struct iomul_plan *plan = &o->w->plan;
	u32 i, k, m = 0, who[WHO], *now, n = fabric_ports(&o->f, &now);

	o->port = calloc(n + 8 * (size_t)plan->steps + 1, sizeof(*o->port));
	if (!o->port || !now) {
		free(now);
		return fail(o, "no memory");
	}
	memcpy(o->port, now, n * sizeof(*now));
	free(now);
	o->ports = n;
	for (i = 0; i < plan->steps; i++) {
		note_port(o, plan->step[i].from);
		note_port(o, plan->step[i].to);
	}
	qsort(o->port, o->ports, sizeof(*o->port), compare);
	for (i = 0; i < o->ports; i++)
		if (!m || o->port[m - 1] != o->port[i])
			o->port[m++] = o->port[i];
	o->ports = m;
	o->before = calloc(2 * (size_t)m + 1, sizeof(*o->before));
	if (!o->before)
		return fail(o, "no memory");
	o->before_others = o->before + m;
	for (k = 0; k < m; k++) {
		o->before[k] = fabric_answers(&o->f, o->port[k], who, WHO);
		o->before_others[k] = others_of(o, who, o->before[k]);
	}
	return true;
}

bool oracle_plan(struct world *w, u32 seed, bool sweep, char *what, size_t n)
{
	struct oracle o = { .w = w, .seed = seed, .what = what, .n = n };
	bool ok;

	what[0] = 0;
	if (fabric_init(&o.f, w->t.node, w->t.nodes, w->t.root, w->t.roots))
		return fail(&o, "no memory");
	ok = !carry_init(&o.c, &o.f, &w->t) && note_ports(&o);
	if (ok && !iomul_plan_valid(&w->t, &w->plan))
		ok = fail(&o, "iomul_plan_valid() says no");
	ok = ok && windows_clear(&o) && fail_sweep(&o, sweep) && there_and_back(&o);
	carry_fini(&o.c);
	fabric_fini(&o.f);
	free(o.port);
	free(o.before);
	return ok;
}
