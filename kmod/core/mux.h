/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The mux: which gates of a group are open, and what to do to reach a slot.
 *
 * A group is a tree of buses. On each bus stand gates; a gate either leads to a
 * further bus or is the last one before a slot:
 *
 *	anchor bus ----+---------------+
 *	              [g0]            [g1]          one open at most
 *	               |               |
 *	bus 1 ---+-----+       bus 2 --+-----+
 *	        [g2]  [g3]            [g4]  [g5]    one open at most, on each
 *	         |     |               |     |
 *	        slot  slot            slot  slot
 *
 * The path of a slot is the row of gates from the anchor down to it; a slot can
 * be reached when all of them are open. On no bus are two gates open, hence at
 * most one path is (rule 1). Below a shut gate the lower state may stay as it
 * was: that saves the writes when the branch is entered again.
 *
 * A step moves one gate. Which step is next depends on whether the last one
 * succeeded, so steps are not handed out as an array but one at a time:
 *
 *	while ((more = iomul_mux_next(mux, slot, &step)) > 0)
 *		iomul_mux_done(mux, step, carry_out(step));
 *
 * Carrying a step out writes the I/O Space Enable bit of all functions behind
 * the gate and waits for the completion. The inverse of a step is the step with
 * @open negated. The caller serialises all calls on one mux.
 */
#ifndef IOMUL_CORE_MUX_H
#define IOMUL_CORE_MUX_H

#include <linux/kernel.h>
#include <linux/types.h>
#include "../uapi/iomul.h"

enum iomul_gate_state {
	IOMUL_GATE_SHUT,
	IOMUL_GATE_OPEN,
	IOMUL_GATE_UNKNOWN,	/* something may have touched it: counts as open, not as a way */
};

/*
 * @node and @nodes: the functions whose I/O enable it is; the caller's indexes.
 * iomul_mux_build() makes this the span of a slot: what does not share, and a
 * port (it may be a gate of its own), stay out unless it is the first.
 */
struct iomul_gate {
	u32 bus;
	u32 below;		/* bus it leads to; IOMUL_NONE: the last before a slot */
	u32 node;
	u16 nodes;
	u8 state;		/* enum iomul_gate_state */
	u8 reserved;
};

struct iomul_bus {
	u32 gate;		/* its gates: @gate to @gate + @gates - 1 */
	u32 gates;
	u32 up;			/* gate that leads here; IOMUL_NONE: the anchor */
	u32 open;		/* the gate that is open, or IOMUL_NONE */
	u32 unknown;		/* how many are in state UNKNOWN */
};

/* The path of one slot: gates path[first] to path[first + depth - 1], from above. */
struct iomul_path {
	u32 first;
	u32 depth;
	u32 last;		/* the last of them, and the bus on which it stands */
	u32 bus;
};

struct iomul_mux {
	struct iomul_bus *bus;
	struct iomul_gate *gate;
	struct iomul_path *slot;
	u32 *path;
	u32 buses;
	u32 gates;
	u32 slots;
	u32 paths;
	u32 owner;		/* slot whose path is open, or IOMUL_NONE */
	u32 arriving;		/* 1 + the slot that owns it once the step handed out is done, or 0 */
};

struct iomul_mux_step {
	u32 gate;
	bool open;		/* otherwise shut */
};

/* Nobody owns it and the state of no gate is known: as after an event. */
void iomul_mux_forget(struct iomul_mux *mux);

/* The same for one gate only. @gate < mux->gates. */
void iomul_mux_forget_gate(struct iomul_mux *mux, u32 gate);

/*
 * The next step on the way to @slot (below mux->slots), or to having every gate
 * on every bus shut when @slot is IOMUL_NONE.
 * 1: carry out @step and report it with iomul_mux_done(). 0: arrived; the slot
 * is the owner now (IOMUL_NONE: nobody is).
 */
int iomul_mux_next(struct iomul_mux *mux, u32 slot, struct iomul_mux_step *step);

/* What became of the step handed out last. @ok false: the gate is UNKNOWN from now on. */
static inline void iomul_mux_done(struct iomul_mux *mux, struct iomul_mux_step step, bool ok)
{
	struct iomul_gate *g = &mux->gate[step.gate];
	struct iomul_bus *b = &mux->bus[g->bus];

	if (unlikely(!ok)) {
		iomul_mux_forget_gate(mux, step.gate);
		return;
	}
	b->unknown -= g->state == IOMUL_GATE_UNKNOWN;
	g->state = step.open ? IOMUL_GATE_OPEN : IOMUL_GATE_SHUT;
	if (step.open)
		b->open = step.gate;
	else if (b->open == step.gate)
		b->open = IOMUL_NONE;
	mux->owner = mux->arriving - 1;	/* 0 - 1 is IOMUL_NONE */
	mux->arriving = 0;
}

/*
 * The usual change of owner, in one piece: from the owner to a neighbour on the bus
 * of its last gate. All gates above are open, since the owner's path is, and none
 * on its buses is in doubt. True: carry out shutting *@shut, then opening *@open,
 * and report iomul_mux_swapped(), or what failed with iomul_mux_forget_gate() for
 * both. False: go by iomul_mux_next(). Both ways are the same two steps.
 */
static inline bool iomul_mux_swap(const struct iomul_mux *mux, u32 slot, u32 *shut, u32 *open)
{
	const struct iomul_path *from, *to = &mux->slot[slot];

	if (unlikely(mux->owner == IOMUL_NONE))
		return false;
	from = &mux->slot[mux->owner];
	*shut = from->last;
	*open = to->last;
	return from->bus == to->bus && from->last != to->last;
}

static inline void iomul_mux_swapped(struct iomul_mux *mux, u32 slot, u32 shut, u32 open)
{
	mux->gate[shut].state = IOMUL_GATE_SHUT;
	mux->gate[open].state = IOMUL_GATE_OPEN;
	mux->bus[mux->slot[slot].bus].open = open;
	mux->owner = slot;
	mux->arriving = 0;
}

/* Do the rules hold in @mux, as far as it knows itself? */
bool iomul_mux_valid(const struct iomul_mux *mux);

#endif
