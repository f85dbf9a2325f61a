/* SPDX-License-Identifier: GPL-2.0-only */
/* Views of machines: this one, or another from captures (--from). */
#ifndef IOMUL_CLI_FROM_H
#define IOMUL_CLI_FROM_H

#include "cli.h"

/*
 * The tree that captures in @file tell of; "-" is standard input. What they
 * leave open is said by view_free() on stderr, on lines that begin with "note: ".
 */
int view_from(struct view *v, char *const *file, u32 files);
/* Says what @capture (may be NULL) left open, and frees it. */
void from_done(struct capture *capture);
/* This machine's tree: from the module, or sysfs without it. */
int view_here(struct view *v);

/* The device's name: as the capture has it, or as pci.ids does, or "". @v may be NULL. */
const char *function_name(const struct view *v, const struct iomul_node *n, char *text, size_t size);
/* What the capture of @v left open; [] without one. */
struct json_object *notes_json(const struct view *v);

/* view.c, for those that bring a tree. -errno. */
/* @extra: room for groups beside those that a plan may add. */
int view_init(struct view *v, u32 extra);
/* The groups that are there already. */
int view_add_groups(struct view *v, const struct iomul_state *s);

/* Options that my verbs have in common. */
struct verb_options {
	char **from;		/* --from; names are argv's */
	u32 sources;
	bool json;
	bool starved;
	bool all;
	bool once;
	bool dot;
	bool steps;
	double interval;	/* seconds; 0: not given */
	const char *svg;
	const char *output;
	u32 columns;		/* 0: as wide as the terminal */
	u32 windows;
	u32 reserve;
	struct iomul_addr *slot;
	u32 slots;
};

/*
 * @allowed: the letters of what the verb takes: f(rom) j(son) s(tarved) a(ll)
 * O(utput) o(nce) d(ot) i(nterval) g (svg) c(olumns) w(indows) r(eserve), S: slots.
 * CHOICE_GO, or the code to exit with.
 */
int verb_parse(struct verb_options *o, const struct command *c, const char *allowed, int argc,
	       char **argv);
void verb_free(struct verb_options *o);

#endif
