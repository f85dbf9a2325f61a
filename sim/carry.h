/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Carries the steps of core out on a fabric, and back. What attach found is
 * kept as bytes and put back as bytes.
 */
#ifndef SIM_CARRY_H
#define SIM_CARRY_H

#include "fabric.h"
#include "plan.h"

struct carry {
	struct fabric *f;
	struct iomul_topology *t;
	u8 *found; /* all config bytes before the first step */
	bool *groups; /* which of the topology's groups have their range */
	bool *widened; /* which ports are widened */
	u32 reserved; /* RESERVE, HOLD and RELEASE steps that are in force */
};

/* Takes note of what @f holds now. 0 or -ENOMEM. */
int carry_init(struct carry *c, struct fabric *f, struct iomul_topology *t);
void carry_fini(struct carry *c);

/* One step of a plan, or with @back its inverse. 0 or -EIO: half done perhaps. */
int carry_step(struct carry *c, struct iomul_step s, bool back);

/* All steps. 0, or -EIO and in @done the number that succeeded before. */
int carry_plan(struct carry *c, const struct iomul_plan *plan, u32 *done);

/* Inverses of the first @n steps, backwards, whatever fails. 0, or -EIO: some did. */
int carry_undo(struct carry *c, const struct iomul_plan *plan, u32 n);

/*
 * Takes slots out: inverses, backwards, of the steps that no other slot needs.
 * On entry @leaves[node] is true for their functions, on return for the ports
 * that go with them too; these have left their groups. All gates must be shut.
 * @plan: the one that attached them.
 */
int carry_detach(struct carry *c, const struct iomul_plan *plan, bool *leaves);

/*
 * Must the slot of @node stay for now? It lends a range that a group lies in
 * which keeps others; or what it had lies behind a port whose window is still
 * the shared one, so that its BARs can't go back.
 */
bool carry_lends(const struct carry *c, const struct iomul_plan *plan, u32 node);

/*
 * For carry_detach(): one slot of @plan's that can go, the first from node @from
 * on; if each lends to another: all. False: there are no more.
 */
bool carry_pick(const struct carry *c, const struct iomul_plan *plan, u32 from, bool *leaves);

/* One step of a mux: the I/O enables of the functions behind a gate, from a cached word. */
int carry_gate(struct carry *c, const struct iomul_mux *mux, struct iomul_mux_step s);

/* The mux to @slot, or to nobody, with all the steps that it takes. 0 or -EIO. */
int carry_switch(struct carry *c, struct iomul_mux *mux, u32 slot, u32 *steps);

/* After a gate tree was built: functions that are no gates of their own decode. */
int carry_behind(struct carry *c, const struct iomul_mux *mux, u32 id);

/* A mux for group @id with arrays of its own. 0, -ENOMEM or that of core. */
int mux_alloc(struct iomul_topology *t, u32 id, struct iomul_mux *mux, u32 **slot_node);
void mux_free(struct iomul_mux *mux, u32 *slot_node);

#endif
