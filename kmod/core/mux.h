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

/*
 * The path of one slot: gates path[first] to path[first + depth - 1], from above. What a change
 * of owner needs is in one place, of a size by which an index is quickly multiplied.
 */
struct iomul_path {
	u32 first;
	u32 depth;
	u32 last;		/* the last of them */
	u32 swap;		/* its bus, or ~slot: see iomul_mux_swappable() */
	struct iomul_gate *gate;	/* @last, and where it stands */
	struct iomul_bus *bus;
	void *own;		/* the caller's; NULL at first */
	u64 reserved[3];
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

/* May @slot become owner, or cease to be it, in one piece? Not until this said so. */
static inline void iomul_mux_swappable(struct iomul_mux *mux, u32 slot, bool yes)
{
	struct iomul_path *p = &mux->slot[slot];

	p->swap = yes ? p->gate->bus : ~slot;
}

/*
 * The usual change of owner, in one piece: from the owner to a neighbour on the bus
 * of its last gate, where both are swappable. All gates above are open, since the
 * owner's path is, and none on its buses is in doubt. True: @slot is the owner, *@to its path,
 * and *@from that of the owner before. Carry out shutting the last gate of
 * *@from, then opening that of *@to, the same two steps as iomul_mux_next()'s; if either fails,
 * say so of both with iomul_mux_forget_gate(). False: nothing was done, go by iomul_mux_next().
 */
static inline bool iomul_mux_swap(struct iomul_mux *mux, u32 slot, const struct iomul_path **from,
				  const struct iomul_path **to)
{
	struct iomul_path *was, *is = &mux->slot[slot];

	if (unlikely(mux->owner == IOMUL_NONE))
		return false;
	was = &mux->slot[mux->owner];
	if (unlikely(was->swap != is->swap || was == is))
		return false;
	was->gate->state = IOMUL_GATE_SHUT;
	is->gate->state = IOMUL_GATE_OPEN;
	is->bus->open = is->last;
	mux->owner = slot;
	*from = was;
	*to = is;
	return true;
}

/* Do the rules hold in @mux, as far as it knows itself? */
bool iomul_mux_valid(const struct iomul_mux *mux);

#endif
