// SPDX-License-Identifier: GPL-2.0-only
/* Steps on bytes; see carry.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/pci_regs.h>
#include "carry.h"

int carry_init(struct carry *c, struct fabric *f, struct iomul_topology *t)
{
	*c = (struct carry){ .f = f,
			     .t = t,
			     .found = fabric_copy(f),
			     .groups = calloc(t->groups + 1, sizeof(bool)),
			     .widened = calloc(t->nodes + 1, sizeof(bool)) };
	return c->found && c->groups && c->widened ? 0 : -ENOMEM;
}

void carry_fini(struct carry *c)
{
	free(c->found);
	free(c->groups);
	free(c->widened);
	c->found = NULL;
	c->groups = NULL;
	c->widened = NULL;
}

static u32 found(const struct carry *c, u32 fn, u32 reg, u32 width)
{
	u32 v = 0;

	while (width--)
		v = v << 8 | c->found[(size_t)fn * FABRIC_CONFIG + reg + width];
	return v;
}

static int step_decode(struct carry *c, const struct iomul_step *s)
{
	u32 command;

	if (fabric_read(c->f, s->node, PCI_COMMAND, 2, &command))
		return -EIO;
	command = s->now ? command | PCI_COMMAND_IO : command & ~PCI_COMMAND_IO;
	return fabric_write(c->f, s->node, PCI_COMMAND, 2, command);
}

static int step_bar(struct carry *c, const struct iomul_step *s, bool back)
{
	u32 reg = PCI_BASE_ADDRESS_0 + 4 * s->bar;

	return fabric_write(c->f, s->node, reg, 4, back ? found(c, s->node, reg, 4) : s->to.first);
}

/* The window is moved by way of an empty one: upper16 is 0x0000ffff first. */
static int step_window(struct carry *c, const struct iomul_step *s, bool back)
{
	bool wide = c->t->node[s->node].flags & IOMUL_NODE_IO32;
	u32 low = (s->to.last & 0xf000) | (s->to.first >> 8 & 0xf0);
	u32 high = (s->to.last & 0xffff0000) | s->to.first >> 16;

	if (iomul_range_empty(s->to)) {
		low = 0x00f0;
		high = 0x0000ffff;
	}
	if (back) {
		low = found(c, s->node, PCI_IO_BASE, 2);
		high = found(c, s->node, PCI_IO_BASE_UPPER16, 4);
	}
	if (wide && fabric_write(c->f, s->node, PCI_IO_BASE_UPPER16, 4, 0x0000ffff))
		return -EIO;
	if (fabric_write(c->f, s->node, PCI_IO_BASE, 2, low))
		return -EIO;
	return wide ? fabric_write(c->f, s->node, PCI_IO_BASE_UPPER16, 4, high) : 0;
}

/* A window in use: one write, and never by way of an empty one. */
static int step_widen(struct carry *c, const struct iomul_step *s, bool back)
{
	u32 low = (s->to.last & 0xf000) | (s->to.first >> 8 & 0xf0);
	int err = fabric_write(c->f, s->node, PCI_IO_BASE, 2,
			       back ? found(c, s->node, PCI_IO_BASE, 2) : low);

	if (!err)
		c->widened[s->node] = !back;
	return err;
}

int carry_step(struct carry *c, struct iomul_step s, bool back)
{
	if (back)
		s = iomul_step_inverse(s);
	switch (s.kind) {
	case IOMUL_STEP_DECODE:
		return step_decode(c, &s);
	case IOMUL_STEP_WINDOW:
		return step_window(c, &s, back);
	case IOMUL_STEP_WIDEN:
		return step_widen(c, &s, back);
	case IOMUL_STEP_BAR:
		return step_bar(c, &s, back);
	case IOMUL_STEP_RESERVE:
		c->groups[s.node] = !back;
		c->reserved += back ? -1U : 1U;
		return 0;
	default:
		c->reserved += back ? -1U : 1U;
		return 0;
	}
}

int carry_plan(struct carry *c, const struct iomul_plan *plan, u32 *done)
{
	for (*done = 0; *done < plan->steps; ++*done)
		if (carry_step(c, plan->step[*done], false))
			return -EIO;
	return 0;
}

int carry_undo(struct carry *c, const struct iomul_plan *plan, u32 n)
{
	int err = 0;

	while (n-- > 0)
		if (carry_step(c, plan->step[n], true))
			err = -EIO;
	return err;
}

/*
 * Detaching.
 */

static bool stays(const struct iomul_topology *t, const bool *leaves, u32 node)
{
	return t->node[node].group != IOMUL_NONE && !(t->node[node].flags & IOMUL_NODE_PORT) &&
	       !leaves[node];
}

/* A port leaves when nothing below it that shares stays. */
static void ports_leave(const struct iomul_topology *t, bool *leaves)
{
	u32 i, up;

	for (i = 0; i < t->nodes; i++)
		if ((t->node[i].flags & IOMUL_NODE_PORT) && t->node[i].group != IOMUL_NONE)
			leaves[i] = true;
	for (i = 0; i < t->nodes; i++)
		for (up = t->node[i].parent; stays(t, leaves, i) && up != IOMUL_NONE;
		     up = t->node[up].parent)
			leaves[up] = false;
}

static bool group_stays(const struct iomul_topology *t, const bool *leaves, u32 id)
{
	u32 i;

	for (i = 0; i < t->nodes; i++)
		if (t->node[i].group == id && stays(t, leaves, i))
			return true;
	return false;
}

/* Is a group that stays in what the port was widened by? */
static bool widen_stays(const struct carry *c, const bool *leaves, const struct iomul_step *s)
{
	const struct iomul_topology *t = c->t;
	u32 g;

	for (g = 0; g < t->groups; g++)
		if (iomul_range_contains(s->to, t->group[g].window) &&
		    !iomul_range_contains(s->from, t->group[g].window) &&
		    group_stays(t, leaves, t->group[g].id))
			return true;
	return false;
}

static bool step_goes(const struct carry *c, const bool *leaves, const struct iomul_step *s)
{
	const struct iomul_topology *t = c->t;

	switch (s->kind) {
	case IOMUL_STEP_RESERVE:
		return !group_stays(t, leaves, t->group[s->node].id) && c->groups[s->node];
	case IOMUL_STEP_WIDEN:
		return !widen_stays(c, leaves, s) && c->widened[s->node];
	default:
		return leaves[s->node];
	}
}

int carry_detach(struct carry *c, const struct iomul_plan *plan, bool *leaves)
{
	struct iomul_topology *t = c->t;
	const struct iomul_step *s;
	u32 i;
	int err = 0;

	ports_leave(t, leaves);
	for (i = plan->steps; i-- > 0;) {
		s = &plan->step[i];
		if (step_goes(c, leaves, s) && carry_step(c, *s, true))
			err = -EIO;
	}
	for (i = 0; i < t->nodes; i++)
		if (leaves[i])
			t->node[i].group = IOMUL_NONE;
	return err;
}

bool carry_lends(const struct carry *c, const struct iomul_plan *plan, u32 node)
{
	struct iomul_topology *t = c->t;
	u32 i, k, count, first = iomul_slot_span(t, node, &count);
	bool *leaves = calloc(t->nodes + 1, sizeof(*leaves)), lends = false;
	const struct iomul_step *s;

	for (i = first; leaves && i < first + count; i++)
		leaves[i] = true;
	if (leaves)
		ports_leave(t, leaves);
	for (i = 0; leaves && i < plan->steps && !lends; i++) {
		s = &plan->step[i];
		if (s->kind == IOMUL_STEP_RELEASE && leaves[s->node])
			lends |= !leaves[t->node[s->node].parent];
		if (s->kind != IOMUL_STEP_HOLD || !leaves[s->node])
			continue;
		for (k = 0; k < t->groups; k++)
			lends |= iomul_range_overlaps(t->group[k].window, s->from) &&
				 group_stays(t, leaves, t->group[k].id);
	}
	free(leaves);
	return lends;
}

static bool attached_now(const struct carry *c, u32 node)
{
	const struct iomul_node *n = &c->t->node[node];

	return (n->flags & IOMUL_NODE_SELECTED) && n->group != IOMUL_NONE;
}

bool carry_pick(const struct carry *c, const struct iomul_plan *plan, u32 from, bool *leaves)
{
	const struct iomul_topology *t = c->t;
	u32 i, k, count, first, left = 0;

	for (i = 0; i < t->nodes; i++) {
		leaves[i] = attached_now(c, i);
		left += leaves[i];
	}
	for (k = 0; k < t->nodes; k++) {
		i = (k + from) % t->nodes;
		if (!attached_now(c, i) || carry_lends(c, plan, i))
			continue;
		memset(leaves, 0, t->nodes * sizeof(*leaves));
		first = iomul_slot_span(t, i, &count);
		for (i = first; i < first + count; i++)
			leaves[i] = attached_now(c, i);
		return true;
	}
	return left;
}

/*
 * Gates.
 */

static int write_enable(struct carry *c, u32 node, bool on)
{
	u32 command = fabric_peek(c->f, node, PCI_COMMAND, 2);

	command = on ? command | PCI_COMMAND_IO : command & ~PCI_COMMAND_IO;
	return fabric_write(c->f, node, PCI_COMMAND, 2, command);
}

/* Of the functions of a slot that is a gate, those that share; a port is one alone. */
static bool gate_has(const struct iomul_topology *t, const struct iomul_gate *g, u32 node)
{
	return node == g->node || (t->node[node].group == t->node[g->node].group &&
				   !(t->node[node].flags & IOMUL_NODE_PORT));
}

int carry_gate(struct carry *c, const struct iomul_mux *mux, struct iomul_mux_step s)
{
	const struct iomul_gate *g = &mux->gate[s.gate];
	u32 i;

	for (i = g->node; i < g->node + g->nodes; i++)
		if (gate_has(c->t, g, i) && write_enable(c, i, s.open))
			return -EIO;
	return 0;
}

int carry_switch(struct carry *c, struct iomul_mux *mux, u32 slot, u32 *steps)
{
	struct iomul_mux_step s;
	bool ok;

	for (*steps = 0; iomul_mux_next(mux, slot, &s) > 0; ++*steps) {
		ok = !carry_gate(c, mux, s);
		iomul_mux_done(mux, s, ok);
		if (!ok)
			return -EIO;
	}
	return 0;
}

int carry_behind(struct carry *c, const struct iomul_mux *mux, u32 id)
{
	u32 i, g;
	bool gate;

	for (i = 0; i < c->t->nodes; i++) {
		if (c->t->node[i].group != id || (c->t->node[i].flags & IOMUL_NODE_PORT))
			continue;
		for (g = 0, gate = false; g < mux->gates && !gate; g++)
			gate = i >= mux->gate[g].node &&
			       i < mux->gate[g].node + mux->gate[g].nodes &&
			       gate_has(c->t, &mux->gate[g], i);
		if (!gate && !(fabric_peek(c->f, i, PCI_COMMAND, 2) & PCI_COMMAND_IO) &&
		    write_enable(c, i, true))
			return -EIO;
	}
	return 0;
}

int mux_alloc(struct iomul_topology *t, u32 id, struct iomul_mux *mux, u32 **slot_node)
{
	int err;
	u32 i;

	memset(mux, 0, sizeof(*mux));
	iomul_mux_build(t, id, mux, NULL);
	mux->bus = calloc(mux->buses + 1, sizeof(*mux->bus));
	mux->gate = calloc(mux->gates + 1, sizeof(*mux->gate));
	mux->slot = calloc(mux->slots + 1, sizeof(*mux->slot));
	mux->path = calloc(mux->paths + 1, sizeof(*mux->path));
	*slot_node = calloc(mux->slots + 1, sizeof(**slot_node));
	if (!mux->bus || !mux->gate || !mux->slot || !mux->path || !*slot_node) {
		mux_free(mux, *slot_node);
		return -ENOMEM;
	}
	err = iomul_mux_build(t, id, mux, *slot_node);
	for (i = 0; !err && i < mux->slots; i++)
		iomul_mux_swappable(mux, i, true);
	return err;
}

void mux_free(struct iomul_mux *mux, u32 *slot_node)
{
	free(mux->bus);
	free(mux->gate);
	free(mux->slot);
	free(mux->path);
	free(slot_node);
	memset(mux, 0, sizeof(*mux));
}
