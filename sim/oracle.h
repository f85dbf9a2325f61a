/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Is a plan right? Carries it out on a fabric and asks the decoder, step by
 * step; knows nothing of how core came to it.
 */
#ifndef SIM_ORACLE_H
#define SIM_ORACLE_H

#include "carry.h"
#include "world.h"

/*
 * Checks a plan that iomul_plan_attach() made for @w. On the way and at the end:
 *  - no step concerns a function that is neither selected nor a port above one;
 *    nothing else changes a byte; bystanders answer as before;
 *  - never two functions answer a port (unless they did before);
 *  - all slots of all groups are reached, each alone, in some order and back;
 *  - detach of all slots one by one, and undo, restore all bytes;
 *  - so does undo after config access n failed, for every n (@sweep), or for
 *    one n drawn from @seed.
 * True, or false with the reason in @what[@n]. @w is as before afterwards.
 */
bool oracle_plan(struct world *w, u32 seed, bool sweep, char *what, size_t n);

/* The number of steps that @mux should take to @slot from its present state. */
u32 oracle_steps(const struct iomul_mux *mux, u32 slot);

#endif
