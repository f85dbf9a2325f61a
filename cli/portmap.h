/* SPDX-License-Identifier: GPL-2.0-only */
/* The 64 Ki ports of a host, port by port: who has them. For text, SVG and JSON. */
#ifndef IOMUL_CLI_PORTMAP_H
#define IOMUL_CLI_PORTMAP_H

#include "cli.h"

#define PORTS 65536u
#define ROWS 16u		/* of 4 KiB, the piece that a bridge passes on */

enum port_kind {
	PORT_OUTSIDE,	/* no root bus passes it on */
	PORT_LOW,	/* below the lowest port that may be given away */
	PORT_FREE,
	PORT_BUSY,	/* fixed: the board's, legacy devices' */
	PORT_KEPT,	/* kept for a slot that shares, for its return */
	PORT_WINDOW,	/* passed on by a bridge, and no BAR there */
	PORT_BAR,
	PORT_SHARED,	/* a window that slots share */
	PORT_KINDS
};

struct port_look {
	char letter;
	const char *colour;	/* of the terminal */
	const char *pattern;	/* of the SVG */
	const char *word;
	const char *legend;
};

extern const struct port_look port_looks[PORT_KINDS];

#define NOBODY 0xffffffffu

/* @who: index of a node, of busy[] (PORT_BUSY, PORT_KEPT of the kernel's) or group[]. */
struct portmap {
	const struct view *view;
	u8 kind[PORTS];
	u32 who[PORTS];
	bool after;
};

/* One run of ports that are alike. */
struct port_run {
	struct iomul_range at;
	enum port_kind kind;
	u32 who;
};

struct port_sums {
	u32 free;	/* ports */
	u32 pieces;	/* free, whole 4 KiB */
	u32 windows;	/* 4 KiB pieces that bridges pass on alone */
	u32 shared;	/* shared windows */
	u32 slots;	/* that share */
	u32 functions;	/* with an I/O BAR */
	u32 served;	/* that have ports */
};

/* As things are; @plan (may be NULL): as they are after it. NULL: out of memory. */
struct portmap *portmap_new(const struct view *v, const struct iomul_plan *plan);
/* The run from @at on, up to @end. */
struct port_run portmap_run(const struct portmap *m, u32 at, u32 end);
/* What a run is, in a few words. */
const char *port_label(const struct portmap *m, const struct port_run *run, char *text, size_t size);
/* What is in the 4 KiB from @row * 4096 on. */
const char *row_label(const struct portmap *m, u32 row, char *text, size_t size);
/* The slots that share in group @index, "01:00 02:00 ...". */
const char *group_slots(const struct view *v, u32 index, char *text, size_t size);
struct port_sums portmap_sums(const struct portmap *m);

/* svg.c: @after may be NULL. 0 or -errno. */
int svg_write(const char *path, const char *title, const struct portmap *before,
	      const struct portmap *after);

#endif
