/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine from what people have at hand: lspci's output, the kernel's log,
 * /proc/ioports, a snapshot.
 *
 * Texts are fed one after another, in any order; each line is taken by the
 * parser whose manner it has. What is said lies in struct capture until
 * capture_build() makes a tree of it. What the captures don't tell is a note,
 * never a guess; a line that matters and can't be read is an error that names
 * file and line.
 */
#ifndef IOMUL_CLI_CAPTURE_H
#define IOMUL_CLI_CAPTURE_H

#include <stdio.h>
#include "libiomul.h"
#include "topology.h"

#define CAPTURE_NAME 96
#define CAPTURE_BYTES_MAX (64u << 20)
#define CAPTURE_NOTES_MAX 200

enum capture_note_kind {
	CAPTURE_ASSUMED,	/* not told, and taken to be so */
	CAPTURE_UNKNOWN,	/* not told, and left open */
	CAPTURE_UNUSED,		/* told, and not used */
};

/* @line 0: of no line in particular. */
struct capture_note {
	enum capture_note_kind kind;
	const char *file;
	u32 line;
	char *text;
};

enum capture_said {
	SAID_LSPCI = 1 << 0,	/* lspci names the function */
	SAID_KERNEL = 1 << 1,	/* the kernel's log does */
	SAID_REGIONS = 1 << 2,	/* lspci -v: with what it knows of the regions */
	SAID_DECODES = 1 << 3,
	SAID_BUSES = 1 << 4,	/* secondary and subordinate bus */
	SAID_WINDOW = 1 << 5,	/* the window, or that it is shut */
	SAID_FORWARDS = 1 << 6,	/* whether there is a window at all */
	SAID_CONFIG = 1 << 7,	/* the first 64 bytes of config space */
	SAID_CARDBUS = 1 << 8,
	SAID_SUBTRACTIVE = 1 << 9,
	SAID_DENIED = 1 << 10,	/* capabilities could not be read */
	SAID_DEAD = 1 << 11,	/* config space reads all ones */
	SAID_UNNUMBERED = 1 << 12, /* lspci -v: which BARs the regions are isn't told */
};

#define CAPTURE_CONFIG 64

/* A BAR as one source tells it. */
struct capture_bar {
	bool io;
	bool memory;
	struct iomul_range at;
	u32 size;		/* 0: not told */
};

struct capture_function {
	struct iomul_node node;	/* parent and root are found by capture_build() */
	u32 said;		/* enum capture_said */
	const char *file;
	u32 line;		/* where it is first named */
	u32 next_bar;		/* lspci -v doesn't number its regions */
	struct capture_bar lspci[IOMUL_BARS];
	struct capture_bar kernel[IOMUL_BARS];
	struct iomul_range kernel_window;
	bool kernel_window_told;
	u32 config_bytes;
	u8 config[CAPTURE_CONFIG];
	char name[CAPTURE_NAME];
	u32 index;		/* in the tree */
};

/* A root bus as the kernel's log tells it. */
struct capture_root {
	struct iomul_root root;
	u32 weak;		/* apertures known only from "resource" lines */
};

/* A line of /proc/ioports, or a range that the log calls reserved. */
struct capture_ports {
	struct iomul_range at;
	u32 depth;
	u32 line;
	char name[IOMUL_NAME_MAX + 32];
};

struct capture {
	struct capture_function *function;	/* ascending addresses */
	u32 functions;
	u32 functions_room;
	struct capture_root *root;
	u32 roots;
	struct capture_ports *ports;		/* of /proc/ioports */
	u32 ports_n;
	struct capture_ports *reserved;		/* of the kernel's log */
	u32 reserved_n;
	struct capture_note *note;
	u32 notes;
	u32 notes_dropped;
	char **name;				/* names of files, for notes */
	u32 names;
	char *error;				/* after -EINVAL */
	bool json;				/* a snapshot was read */
	bool lspci;
	bool kernel;

	/* While a text is read. */
	const char *file;
	u32 line;
	struct iomul_addr current;		/* the function that lspci talks of */
	bool in_function;
	bool in_capabilities;
	bool details;				/* regions were told: lspci -v */
	u32 strange;				/* lines inside functions that nobody took */
	struct iomul_addr bridge;		/* that the kernel talks of */

	/* What came out. */
	struct iomul_tree *tree;
	struct iomul_state *state;		/* groups of a snapshot, or NULL */
};

/*
 * Reads one text, which is changed, and for which text[length] must be there;
 * @file is for messages. 0, -ENOMEM, or -EINVAL with @c->error saying where and
 * what.
 */
int capture_feed(struct capture *c, const char *file, char *text, size_t length);
/* Makes @c->tree of it all. Errors as above. */
int capture_build(struct capture *c);
void capture_free(struct capture *c);

/* For the parsers. */
int capture_fail(struct capture *c, u32 line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
int capture_note(struct capture *c, enum capture_note_kind kind, u32 line, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* The function at @addr, new if need be. NULL: out of memory. Moves others. */
struct capture_function *capture_function(struct capture *c, struct iomul_addr addr);
struct capture_function *capture_find(const struct capture *c, struct iomul_addr addr);
struct capture_root *capture_root(struct capture *c, u16 segment, u8 bus);

/* Gives the regions of lspci -v their numbers, after @as (IOMUL_BARS of them). */
void capture_renumber(struct capture_function *f, const struct capture_bar *as);

/* One line each. 1: taken. 0: not of this manner. Else an error. */
int capture_lspci_line(struct capture *c, const char *line);
int capture_kernel_line(struct capture *c, const char *line);
int capture_ioports_line(struct capture *c, const char *line);
/* What holds when the text is over. @last: its last line, if that has no end; else NULL. */
int capture_lspci_end(struct capture *c, const char *last);
int capture_ioports_end(struct capture *c);
/* A snapshot: fills @c->tree and @c->state. */
int capture_json(struct capture *c, const char *text, size_t length);

#endif
