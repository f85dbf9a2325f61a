// SPDX-License-Identifier: GPL-2.0-only
/* The mux: decides which gate to move next. Touches nothing; see mux.h. */
#include <linux/kernel.h>
#include "mux.h"

void iomul_mux_forget_gate(struct iomul_mux *mux, u32 gate)
{
	struct iomul_gate *g = &mux->gate[gate];
	struct iomul_bus *b = &mux->bus[g->bus];

	mux->owner = IOMUL_NONE;
	if (g->state == IOMUL_GATE_UNKNOWN)
		return;
	if (b->open == gate)
		b->open = IOMUL_NONE;
	g->state = IOMUL_GATE_UNKNOWN;
	b->unknown++;
}

void iomul_mux_forget(struct iomul_mux *mux)
{
	u32 i;

	mux->owner = IOMUL_NONE;
	for (i = 0; i < mux->gates; i++)
		iomul_mux_forget_gate(mux, i);
}

/* A gate of @b that is not known to be shut, other than @keep; or IOMUL_NONE. */
static u32 bus_stray(const struct iomul_mux *mux, const struct iomul_bus *b, u32 keep)
{
	u32 i;

	if (b->unknown) {
		for (i = b->gate; i < b->gate + b->gates; i++)
			if (mux->gate[i].state == IOMUL_GATE_UNKNOWN)
				return i;
	}
	return b->open != keep ? b->open : IOMUL_NONE;
}

static int step_shut(struct iomul_mux_step *step, u32 gate)
{
	*step = (struct iomul_mux_step){ .gate = gate, .open = false };
	return 1;
}

static int step_open(struct iomul_mux_step *step, u32 gate)
{
	*step = (struct iomul_mux_step){ .gate = gate, .open = true };
	return 1;
}

static int mux_next_shut(struct iomul_mux *mux, struct iomul_mux_step *step)
{
	u32 i, stray;

	mux->owner = IOMUL_NONE;
	for (i = 0; i < mux->buses; i++) {
		stray = bus_stray(mux, &mux->bus[i], IOMUL_NONE);
		if (stray != IOMUL_NONE)
			return step_shut(step, stray);
	}
	return 0;
}

/*
 * From above: the first bus where the way differs is shut there first, which
 * leaves no path open; then everything below is set right behind the shut gate;
 * the upper gate is opened last.
 */
int iomul_mux_next(struct iomul_mux *mux, u32 slot, struct iomul_mux_step *step)
{
	const u32 *path;
	u32 i, depth, stray, shut_at;

	if (slot == IOMUL_NONE)
		return mux_next_shut(mux, step);
	if (mux->owner == slot)
		return 0;

	path = &mux->path[mux->slot[slot].first];
	depth = mux->slot[slot].depth;
	shut_at = depth;
	mux->owner = IOMUL_NONE;
	for (i = 0; i < depth; i++) {
		const struct iomul_bus *b = &mux->bus[mux->gate[path[i]].bus];

		stray = bus_stray(mux, b, path[i]);
		if (stray != IOMUL_NONE)
			return step_shut(step, stray);
		if (b->open == path[i])
			continue;
		if (shut_at != depth)
			return step_open(step, path[i]);
		shut_at = i;
	}
	if (shut_at != depth)
		return step_open(step, path[shut_at]);
	mux->owner = slot;
	return 0;
}

void iomul_mux_done(struct iomul_mux *mux, struct iomul_mux_step step, bool ok)
{
	struct iomul_gate *g = &mux->gate[step.gate];
	struct iomul_bus *b = &mux->bus[g->bus];

	if (unlikely(!ok)) {
		iomul_mux_forget_gate(mux, step.gate);
		return;
	}
	mux->owner = IOMUL_NONE;
	b->unknown -= g->state == IOMUL_GATE_UNKNOWN;
	g->state = step.open ? IOMUL_GATE_OPEN : IOMUL_GATE_SHUT;
	if (step.open)
		b->open = step.gate;
	else if (b->open == step.gate)
		b->open = IOMUL_NONE;
}

static bool bus_valid(const struct iomul_mux *mux, u32 bus)
{
	const struct iomul_bus *b = &mux->bus[bus];
	u32 i, open = IOMUL_NONE, unknown = 0;

	if (b->gates > mux->gates || b->gate > mux->gates - b->gates)
		return false;
	if (b->up != IOMUL_NONE && (b->up >= mux->gates || mux->gate[b->up].below != bus))
		return false;
	for (i = b->gate; i < b->gate + b->gates; i++) {
		if (mux->gate[i].bus != bus)
			return false;
		if (mux->gate[i].state == IOMUL_GATE_UNKNOWN)
			unknown++;
		if (mux->gate[i].state != IOMUL_GATE_OPEN)
			continue;
		if (open != IOMUL_NONE)
			return false;	/* rule 1 */
		open = i;
	}
	return open == b->open && unknown == b->unknown;
}

/* Is @p a way from the anchor down to a last gate? */
static bool path_valid(const struct iomul_mux *mux, const struct iomul_path *p)
{
	u32 i, g, above = IOMUL_NONE;

	if (!p->depth || p->depth > mux->paths || p->first > mux->paths - p->depth)
		return false;
	for (i = 0; i < p->depth; i++) {
		g = mux->path[p->first + i];
		if (g >= mux->gates || mux->bus[mux->gate[g].bus].up != above)
			return false;
		above = g;
	}
	return mux->gate[above].below == IOMUL_NONE;
}

static bool owner_valid(const struct iomul_mux *mux)
{
	const struct iomul_path *p;
	u32 i;

	if (mux->owner == IOMUL_NONE)
		return true;
	if (mux->owner >= mux->slots)
		return false;
	p = &mux->slot[mux->owner];
	for (i = 0; i < p->depth; i++)
		if (mux->gate[mux->path[p->first + i]].state != IOMUL_GATE_OPEN)
			return false;
	return true;
}

bool iomul_mux_valid(const struct iomul_mux *mux)
{
	u32 i;

	for (i = 0; i < mux->gates; i++)
		if (mux->gate[i].bus >= mux->buses ||
		    (mux->gate[i].below != IOMUL_NONE && mux->gate[i].below >= mux->buses))
			return false;
	for (i = 0; i < mux->buses; i++)
		if (!bus_valid(mux, i))
			return false;
	for (i = 0; i < mux->slots; i++)
		if (!path_valid(mux, &mux->slot[i]))
			return false;
	return owner_valid(mux);
}
