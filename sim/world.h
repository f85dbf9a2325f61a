/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A topology from a few lines of text. Indentation says what is below what;
 * numbers are hexadecimal.
 *
 *	root 1000-ffff low=1000
 *	  port w=1000-1fff
 *	    a: fn 100@1000 20
 *	  port @1c.1
 *	    b: fn 100
 *	busy 0-ff pic
 *
 * root  apertures; low=PORT seg=N bus=N
 * port  w=A-B window; io32 isa ari nofwd shared; BARs as fn has
 * fn    BARs in turn: SIZE (starved), SIZE@PORT, either with /16 for IO16; ? (not
 *       sized), - (none); use=DRIVER vf
 * both  @DEV.FN (else the next device); on off (else: on if it has ports);
 *       a name before it
 * busy  A-B NAME, or A-B held: kept for a slot that is attached
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include "plan.h"

#define WORLD_NAME 8

struct world {
	struct iomul_topology t;
	struct iomul_root *root;
	struct iomul_busy *busy;
	char (*name)[WORLD_NAME];
	struct iomul_plan plan;
	struct iomul_policy policy;
	char error[96];
};

/* Room for so many; all zero. 0 or -ENOMEM. */
int world_init(struct world *w, u32 nodes, u32 roots, u32 busies, u32 groups);
void world_fini(struct world *w);

/* Parses @text. 0, or -EINVAL or -ENOMEM with @error filled in. */
int world_parse(struct world *w, const char *text);

/* The node called @name, or IOMUL_NONE. @len: of the name. */
u32 world_find(const struct world *w, const char *name, size_t len);

/* Selects what @names (separated by blanks) are, then plans. 0 or -errno. */
int world_plan(struct world *w, const char *names);

/* The topology as the shell's snapshot would show it when the plan is carried out. */
void world_settle(struct world *w);

/*
 * What became of the plan in @n bytes of @text: for each group its window and
 * members, then the ports that are widened, or the refusal.
 */
void world_print(const struct world *w, int err, char *text, size_t n);

#endif
