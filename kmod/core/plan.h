/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The plan: who can share what, and the steps that make it so.
 *
 * A slot can share when nothing of its own stands against it. Going up from it,
 * a port is *pure* when it leads to nothing but sharers' ports and *mixed* when
 * it also leads to somebody else's. Pure ports become gates; the first mixed
 * one, or the root bus, is the anchor: its window stays as it is, and the
 * shared window lies inside it.
 *
 *	root bus        root bus
 *	   |               |
 *	 [pure]          mixed          window stays open for "other"
 *	   |               |
 *	  slot        +----+----+
 *	           [pure]    [port]
 *	              |         |
 *	             slot     other
 *
 * All slots behind one gate of the anchor bus (a branch) share one window. With
 * several windows the branches are spread over them, the heaviest first, each
 * to where the fewest slots are.
 *
 * A mixed port whose window is full is widened: a bridge has one window only,
 * so the shared one must adjoin it, and all ports above that don't reach so far
 * are widened as well. What the bystander has goes on through them meanwhile.
 *
 *	|-- mixed port --|            before
 *	|-- mixed port --|- shared -| after
 */
#ifndef IOMUL_CORE_PLAN_H
#define IOMUL_CORE_PLAN_H

#include "mux.h"
#include "topology.h"

enum iomul_step_kind {
	IOMUL_STEP_DECODE,	/* I/O Space Enable of @node from @was to @now */
	IOMUL_STEP_RELEASE,	/* take @from (@bar, or the window) of @node out of the resource tree */
	IOMUL_STEP_HOLD,	/* the same, and keep the range for its return */
	IOMUL_STEP_RESERVE,	/* request @to for group @node (index in the topology's groups) */
	IOMUL_STEP_WINDOW,	/* the window of port @node from @from to @to */
	IOMUL_STEP_BAR,		/* BAR @bar of @node from @from to @to */
	IOMUL_STEP_WIDEN,	/* the window of mixed port @node from @from to @to, which contains it */
	IOMUL_STEP_KINDS
};

#define IOMUL_STEP_IS_WINDOW 0xff	/* in @bar: not a BAR but the window */

/* One thing to do. Its inverse has @from and @to, @was and @now exchanged. */
struct iomul_step {
	u8 kind;
	u8 bar;
	u8 was;
	u8 now;
	u32 node;
	struct iomul_range from;
	struct iomul_range to;
};

struct iomul_policy {
	u32 windows;	/* at most so many for each anchor; 0: as many as useful */
	u32 reserve;	/* granules of 4 KiB to leave free on each root */
};

struct iomul_plan {
	struct iomul_step *step;
	u32 steps;
	u32 steps_max;		/* room in @step */
	struct iomul_refusal refusal;
};

/*
 * Marks the slot at @addr (its function number is ignored) as selected, if it
 * can share. 0, or -errno with @refusal filled in; see enum iomul_reason.
 */
int iomul_plan_select(struct iomul_topology *t, struct iomul_addr addr,
		      struct iomul_refusal *refusal);

/* The same for the slot of @node; of use where there are very many. */
int iomul_plan_select_node(struct iomul_topology *t, u32 node, struct iomul_refusal *refusal);

/* Can the slot that @node is a function of share? IOMUL_R_NONE: yes. */
u32 iomul_plan_check(const struct iomul_topology *t, u32 node, struct iomul_refusal *refusal);

/* An upper bound of the steps for what is selected in @t. */
u32 iomul_plan_steps_max(const struct iomul_topology *t);

/*
 * Gives every selected slot its place: sets iomul_node.group of its functions
 * and of the ports that become gates, appends new groups to @t, fills
 * @plan->step. Slots that are attached stay as they are.
 * 0, or -errno with @plan->refusal filled in; @t is of no use then.
 * -ENOBUFS: no room in step[] or group[].
 */
int iomul_plan_attach(struct iomul_topology *t, const struct iomul_policy *policy,
		      struct iomul_plan *plan);

/*
 * The steps that undo @step on the way back, in the order to carry them out:
 * steps[n - 1] first.
 */
struct iomul_step iomul_step_inverse(struct iomul_step step);

/* errno (positive) that belongs to a reason. */
int iomul_reason_errno(u32 reason);

/*
 * Builds the gate tree of group @id from iomul_node.group. Called with the
 * arrays of @mux NULL it only counts; otherwise buses, gates, slots, paths are
 * the rooms there are. @slot_node takes the first function of each slot.
 * All gates are UNKNOWN then. 0, or -ENOBUFS.
 */
int iomul_mux_build(struct iomul_topology *t, u32 id, struct iomul_mux *mux, u32 *slot_node);

/*
 * Do the rules hold in a plan? No step concerns what was not selected, all BARs
 * lie inside the window of their group and do not overlap within a slot, no
 * window overlaps what somebody else holds.
 */
bool iomul_plan_valid(const struct iomul_topology *t, const struct iomul_plan *plan);

#endif
