// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proof: the mux and rule 1.
 *
 * By induction: start from *any* mux within the bounds that iomul_mux_valid()
 * accepts, let one thing happen, and show that what was assumed holds again.
 * So it holds after any number of things.
 *
 * The hardware is a model of its own: open[i] says whether gate i really
 * passes anything. A write that failed has happened or has not. What the world
 * does by itself comes in two kinds:
 *
 *  - a reset or removal shuts gates, and the mux is told late or never;
 *  - anything at all happens to some gates, and the mux is told (forget)
 *    before it is asked the next time.
 *
 * The config filter and the events of the shell are what makes those two the
 * only ones.
 */
#include <linux/types.h>
#include "mux.h"
#include "proof.h"

/* The tree: any with BUSES buses and SLOTS slots, LEVELS deep at most. A bus and a slot cost a gate each. */
#define GATES (BUSES - 1 + SLOTS)
#define PATHS (SLOTS * LEVELS)

static struct iomul_bus bus[BUSES];
static struct iomul_gate gate[GATES];
static struct iomul_path slot[SLOTS];
static u32 path[PATHS];
static bool open[GATES];
static struct iomul_mux mux;

#define EACH_GATE(i) for (u32 i = 0; i < GATES; i++) if (i < mux.gates)
#define EACH_SLOT(i) for (u32 i = 0; i < SLOTS; i++) if (i < mux.slots)

static struct iomul_gate *gate_of(u32 i)
{
	return &mux.gate[i];
}

static u32 last_gate(u32 s)
{
	return mux.path[mux.slot[s].first + mux.slot[s].depth - 1];
}

/* What iomul_mux_build() makes and iomul_mux_valid() does not look at: a gate leads to one slot. */
static void assume_slots_differ(void)
{
	EACH_SLOT(a)
		for (u32 b = 0; b < a; b++)
			ASSUME(last_gate(a) != last_gate(b));
}

/* Where a path lies in the pool makes no difference to the mux: each has a place of its own. */
static void any_tree(void)
{
	__CPROVER_havoc_object(bus);
	__CPROVER_havoc_object(gate);
	__CPROVER_havoc_object(path);
	for (u32 i = 0; i < SLOTS; i++) {
		slot[i].first = i * LEVELS;
		slot[i].depth = any_u32();
		slot[i].last = any_u32();
		slot[i].swap = any_u32();
		ASSUME(slot[i].depth <= LEVELS && slot[i].last < GATES);
		slot[i].gate = &gate[slot[i].last];
		ASSUME(slot[i].gate->bus < BUSES);
		slot[i].bus = &bus[slot[i].gate->bus];
	}
}

static void any_mux(void)
{
	mux.bus = bus;
	mux.gate = gate;
	mux.slot = slot;
	mux.path = path;
	mux.buses = BUSES;
	mux.gates = GATES;
	mux.slots = SLOTS;
	mux.paths = PATHS;
	mux.owner = any_u32();
	any_tree();
	for (u32 i = 0; i < GATES; i++)
		open[i] = any_bool();
	ASSUME(iomul_mux_valid(&mux));
	assume_slots_differ();
}

static u32 any_slot(void)
{
	u32 s = any_u32();

	ASSUME(s < mux.slots || s == IOMUL_NONE);
	return s;
}

/* Is the way to @s really open? */
static bool slot_open(u32 s)
{
	bool all = true;

	for (u32 i = 0; i < LEVELS; i++)
		if (i < mux.slot[s].depth)
			all = all && open[mux.path[mux.slot[s].first + i]];
	return all;
}

static u32 slots_open(void)
{
	u32 n = 0;

	EACH_SLOT(s)
		n += slot_open(s);
	return n;
}

static bool one_gate_a_bus(void)
{
	EACH_GATE(a)
		for (u32 b = 0; b < a; b++)
			if (open[a] && open[b] && gate_of(a)->bus == gate_of(b)->bus)
				return false;
	return true;
}

/* A gate believed to be shut is shut; @exact: one believed to be open is open, too. */
static bool belief_true(bool exact)
{
	EACH_GATE(i) {
		if (gate_of(i)->state == IOMUL_GATE_SHUT && open[i])
			return false;
		if (exact && gate_of(i)->state == IOMUL_GATE_OPEN && !open[i])
			return false;
	}
	return true;
}

static bool carry_out(struct iomul_mux_step step)
{
	bool ok = any_bool();

	if (ok || any_bool())
		open[step.gate] = step.open;
	return ok;
}

static void world_shuts(void)
{
	EACH_GATE(i)
		open[i] = open[i] && any_bool();
}

static void world_does_anything(void)
{
	EACH_GATE(i) {
		if (any_bool())
			continue;
		open[i] = any_bool();
		iomul_mux_forget_gate(&mux, i);
	}
}

static void step_once(void)
{
	struct iomul_mux_step step;
	u32 s = any_slot();

	if (!iomul_mux_next(&mux, s, &step)) {
		PROVE(mux.owner == s, "arrived: the slot is the owner");
		return;
	}
	PROVE(step.gate < mux.gates, "a step is about a gate");
	PROVE(mux.owner == IOMUL_NONE, "nobody owns it on the way");
	PROVE(iomul_mux_valid(&mux), "valid between next and done");
	iomul_mux_done(&mux, step, carry_out(step));
}

/* Rule 1: never two paths, in no state, whatever is shut behind our back or fails. */
void prove_one_path(void)
{
	any_mux();
	ASSUME(belief_true(false) && one_gate_a_bus());
	PROVE(slots_open() <= 1, "one gate a bus is one path");

	switch (any_u8()) {
	case 0:
		step_once();
		break;
	case 1:
		iomul_mux_forget(&mux);
		break;
	case 2: {
		u32 i = any_u32();

		ASSUME(i < mux.gates);
		iomul_mux_forget_gate(&mux, i);
		break;
	}
	default:
		world_shuts();
	}
	PROVE(iomul_mux_valid(&mux), "valid again");
	PROVE(belief_true(false), "shut is shut again");
	PROVE(one_gate_a_bus(), "rule 1: one gate a bus again");
	PROVE(slots_open() <= 1, "rule 1: one path");
	END;
}

/* Rule 2: whatever was done to forgotten gates, no gate is opened beside one that may be open. */
void prove_fail_closed(void)
{
	struct iomul_mux_step step;
	u32 s;

	any_mux();
	ASSUME(belief_true(true));
	world_does_anything();
	PROVE(iomul_mux_valid(&mux), "valid after events");
	PROVE(belief_true(true), "what is still believed is true");

	s = any_slot();
	if (iomul_mux_next(&mux, s, &step)) {
		if (step.open)
			EACH_GATE(i)
				PROVE(i == step.gate || !open[i] || gate_of(i)->bus != gate_of(step.gate)->bus,
				      "opened only where all others are shut");
		iomul_mux_done(&mux, step, carry_out(step));
	} else if (s != IOMUL_NONE) {
		PROVE(slot_open(s) && slots_open() == 1, "arrived: its path is open, and no other");
	} else {
		EACH_GATE(i)
			PROVE(!open[i], "arrived nowhere: every gate is shut");
	}
	PROVE(iomul_mux_valid(&mux), "valid again");
	PROVE(belief_true(true), "beliefs are true again");
	END;
}

/* Rules 1 and 2 for the change of owner in one piece, whichever of its two writes fails. */
void prove_swap(void)
{
	const struct iomul_path *from, *to;
	u32 s = any_u32(), off, on;
	bool ok;

	any_mux();
	ASSUME(belief_true(true) && s < mux.slots);
	if (iomul_mux_swap(&mux, s, &from, &to)) {
		PROVE(mux.owner == s && to == &mux.slot[s], "to this one");
		off = from->last;
		on = to->last;
		ok = carry_out((struct iomul_mux_step){ .gate = off, .open = false });
		PROVE(slots_open() <= 1, "rule 1 between the two");
		if (ok) {
			EACH_GATE(i)
				PROVE(!open[i] || gate_of(i)->bus != gate_of(on)->bus,
				      "opened only where all others are shut");
			ok = carry_out((struct iomul_mux_step){ .gate = on, .open = true });
		}
		if (ok)
			PROVE(slot_open(s), "its path is open");
		if (!ok) {
			iomul_mux_forget_gate(&mux, off);
			iomul_mux_forget_gate(&mux, on);
		}
		PROVE(slots_open() <= 1, "rule 1 afterwards");
	}
	PROVE(iomul_mux_valid(&mux) && belief_true(true), "valid and true again");
	END;
}

/* Rule 6: when nothing fails, each gate is shut once at most and those of the path are opened. */
void prove_arrives(void)
{
	struct iomul_mux_step step;
	u32 s, steps = 0, most;

	any_mux();
	s = any_slot();
	most = mux.gates + (s == IOMUL_NONE ? 0 : mux.slot[s].depth);
	while (iomul_mux_next(&mux, s, &step)) {
		PROVE(++steps <= most, "bounded number of steps");
		ASSUME(steps <= most);
		iomul_mux_done(&mux, step, true);
	}
	PROVE(mux.owner == s && iomul_mux_valid(&mux), "arrived");
	END;
}
