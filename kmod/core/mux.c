// SPDX-License-Identifier: GPL-2.0-only
/* The mux: decides which gate to move next. Touches nothing; see mux.h. */
#include <linux/kernel.h>
#include "mux.h"

void iomul_mux_forget_gate(struct iomul_mux *mux, u32 gate)
{
	struct iomul_gate *g = &mux->gate[gate];
	struct iomul_bus *b = &mux->bus[g->bus];

	mux->owner = IOMUL_NONE;
	mux->arriving = 0;
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
	mux->arriving = 0;
	for (i = 0; i < mux->gates; i++)
		iomul_mux_forget_gate(mux, i);
}

static inline int step_take(struct iomul_mux *mux, struct iomul_mux_step *step, u32 gate,
			    bool open)
{
	mux->owner = IOMUL_NONE;
	mux->arriving = 0;
	step->gate = gate;
	step->open = open;
	return 1;
}

/* The first gate of @b in state UNKNOWN; there is one. */
static u32 bus_unknown(const struct iomul_mux *mux, const struct iomul_bus *b)
{
	u32 i = b->gate;

	while (mux->gate[i].state != IOMUL_GATE_UNKNOWN)
		i++;
	return i;
}

static int mux_next_shut(struct iomul_mux *mux, struct iomul_mux_step *step)
{
	const struct iomul_bus *b;

	for (b = mux->bus; b < mux->bus + mux->buses; b++) {
		if (b->unknown)
			return step_take(mux, step, bus_unknown(mux, b), false);
		if (b->open != IOMUL_NONE)
			return step_take(mux, step, b->open, false);
	}
	mux->owner = IOMUL_NONE;
	return 0;
}

/*
 * From above: the first bus where the way differs is shut there first, which
 * leaves no path open; then everything below is set right behind the shut gate;
 * the upper gate is opened last.
 */
int iomul_mux_next(struct iomul_mux *mux, u32 slot, struct iomul_mux_step *step)
{
	const struct iomul_path *p;
	const struct iomul_bus *b;
	const u32 *gate, *end;
	u32 last = IOMUL_NONE;

	if (unlikely(slot == IOMUL_NONE))
		return mux_next_shut(mux, step);
	if (mux->owner == slot)
		return 0;

	p = &mux->slot[slot];
	for (gate = &mux->path[p->first], end = gate + p->depth; gate < end; gate++) {
		b = &mux->bus[mux->gate[*gate].bus];
		if (unlikely(b->unknown))
			return step_take(mux, step, bus_unknown(mux, b), false);
		if (b->open == *gate)
			continue;
		if (b->open != IOMUL_NONE)
			return step_take(mux, step, b->open, false);
		if (last != IOMUL_NONE)
			return step_take(mux, step, *gate, true);
		last = *gate;
	}
	if (last != IOMUL_NONE) {
		step_take(mux, step, last, true);
		mux->arriving = slot + 1;
		return 1;
	}
	mux->owner = slot;
	mux->arriving = 0;
	return 0;
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
	return mux->gate[above].below == IOMUL_NONE && p->last == above &&
	       p->gate == &mux->gate[above] && p->bus == &mux->bus[p->gate->bus] &&
	       (p->swap == p->gate->bus || p->swap == ~(u32)(p - mux->slot));
}

/* The owner's path is open, and on its buses no gate is in doubt. */
static bool owner_valid(const struct iomul_mux *mux)
{
	const struct iomul_path *p;
	const struct iomul_gate *g;
	u32 i;

	if (mux->owner == IOMUL_NONE)
		return true;
	if (mux->owner >= mux->slots || mux->arriving)
		return false;
	p = &mux->slot[mux->owner];
	for (i = 0; i < p->depth; i++) {
		g = &mux->gate[mux->path[p->first + i]];
		if (g->state != IOMUL_GATE_OPEN || mux->bus[g->bus].unknown)
			return false;
	}
	return true;
}

/* Does @gate stand on its bus, and lead to one that knows it? */
static bool gate_valid(const struct iomul_mux *mux, u32 gate)
{
	const struct iomul_gate *g = &mux->gate[gate];
	const struct iomul_bus *b;

	if (g->state > IOMUL_GATE_UNKNOWN || g->bus >= mux->buses)
		return false;
	b = &mux->bus[g->bus];
	if (gate < b->gate || gate - b->gate >= b->gates)
		return false;
	return g->below == IOMUL_NONE ||
	       (g->below < mux->buses && mux->bus[g->below].up == gate);
}

/* The anchor is bus 0: with a second one, two paths could be open (rule 1). */
bool iomul_mux_valid(const struct iomul_mux *mux)
{
	u32 i;

	for (i = 0; i < mux->gates; i++)
		if (!gate_valid(mux, i))
			return false;
	for (i = 0; i < mux->buses; i++)
		if ((mux->bus[i].up == IOMUL_NONE) != (i == 0) || !bus_valid(mux, i))
			return false;
	for (i = 0; i < mux->slots; i++)
		if (!path_valid(mux, &mux->slot[i]))
			return false;
	return owner_valid(mux);
}
