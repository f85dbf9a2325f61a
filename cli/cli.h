/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the verbs of the command share.
 *
 * Functions that can fail return an exit code (enum exit_code) after having
 * said why on stderr, unless their comment says -errno.
 */
#ifndef IOMUL_CLI_H
#define IOMUL_CLI_H

#include <getopt.h>
#include <json-c/json.h>
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include "libiomul.h"
#include "names.h"
#include "plan.h"

enum exit_code {
	EXIT_DONE,
	EXIT_REFUSED,	/* or failed */
	EXIT_USAGE,
	EXIT_ABSENT,	/* the module is not loaded */
	EXIT_DENIED,	/* not permitted */
};

#define SCHEMA 1 /* of all JSON output */

/* A verb: one file each. */
struct command {
	const char *name;
	const char *arguments;
	const char *purpose;	/* one line */
	const char *options;	/* lines for --help, or "" */
	int (*run)(const struct command *self, int argc, char **argv);
};

extern const struct command cmd_plan, cmd_attach, cmd_detach, cmd_status, cmd_bind, cmd_unbind,
	cmd_boot, cmd_monitor, cmd_map, cmd_tree, cmd_top, cmd_metrics, cmd_doctor, cmd_snapshot, cmd_help,
	cmd_version, cmd_lease;
extern const struct command *const commands[]; /* NULL-terminated */
const struct command *command_find(const char *name);

/* main.c: what all verbs say alike. */
void command_help(const struct command *c);
int usage_error(const struct command *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
int out_of_memory(void);

/* addr.c */
#define ADDR_TEXT 16
/* -EINVAL, unless @text is a slot as an administrator writes it; function 0 in @addr. */
int addr_parse(const char *text, struct iomul_addr *addr);
/* -EINVAL, unless @text is "ssss:bb:dd.f" as sysfs writes it. */
int addr_parse_function(const char *text, struct iomul_addr *addr);
const char *addr_function(struct iomul_addr addr, char text[ADDR_TEXT]);
const char *addr_slot(struct iomul_addr addr, char text[ADDR_TEXT]);
/* The same without the segment, for tables of a machine that has just segment 0. */
const char *addr_short(struct iomul_addr addr, char text[ADDR_TEXT]);
bool addr_equal(struct iomul_addr a, struct iomul_addr b);
bool addr_same_slot(struct iomul_addr a, struct iomul_addr b);

/* options.c: options that several verbs have. */
struct choice {
	struct iomul_addr *slot;
	u32 slots;
	bool all;
	bool starved;
	char **from;	/* argv's */
	u32 sources;
	bool json;
	bool verify;
	bool steps;
	bool save;
	bool future;
	bool wait;
	u32 windows;	/* 0: as many as useful */
	u32 reserve;
};

enum choice_option {
	CHOOSE_ALL = 1 << 0,
	CHOOSE_STARVED = 1 << 1,
	CHOOSE_POLICY = 1 << 2,	/* --windows, --reserve */
	CHOOSE_JSON = 1 << 3,
	CHOOSE_VERIFY = 1 << 4,
	CHOOSE_STEPS = 1 << 5,
	CHOOSE_SLOTS = 1 << 6,
	CHOOSE_NEEDED = 1 << 7,	/* something must be chosen */
	CHOOSE_FROM = 1 << 9,	/* --from FILE, may be repeated */
	CHOOSE_SAVE = 1 << 8,
	CHOOSE_FUTURE = 1 << 10,
	CHOOSE_WAIT = 1 << 11,
};

#define CHOICE_GO (-1)
/* CHOICE_GO, or the code to exit with. */
int choice_parse(struct choice *ch, const struct command *c, unsigned int allowed, int argc,
		 char **argv);
void choice_free(struct choice *ch);

struct capture;

/* view.c: the PCI tree with core's scratch around it. */
struct view {
	struct iomul_topology t;
	struct iomul_tree *tree;
	struct capture *capture; /* --from: of another machine; NULL: of this one */
	bool sized;	/* from the module, which knows the sizes of starved BARs */
};

/* Through @ctx, or (NULL) from sysfs. */
int view_load(struct view *v, struct iomul_ctx *ctx);
void view_free(struct view *v);
/* /dev/iomul, or what IOMUL_DEVICE names. @quiet: say nothing when it is not there. */
int device_open(struct iomul_ctx **ctx, bool writable, bool quiet);
/* The exit code of what a library call returned, after a message about @what. */
int device_failed(int rc, const char *what);

/* sysfs.c */
/* The mount point of sysfs, or what IOMUL_SYSFS names. */
const char *sysfs_root(void);
/* The tree as far as @root/bus/pci/devices and /proc/ioports tell. 0 or -errno. */
int sysfs_tree(const char *root, struct iomul_tree **out);

/* choose.c */
struct skipped {
	u32 *node;	/* first functions of the slots that were passed over */
	struct iomul_refusal *why;
	u32 count;
};

/*
 * Selects in @v what @ch asks for; --all and --starved pass over what can't
 * share and note it in @skipped. EXIT_REFUSED: an explicit slot was refused
 * (*@refusal), or nothing was left (its reason is IOMUL_R_NONE).
 */
int choose(struct view *v, const struct choice *ch, struct skipped *skipped,
	   struct iomul_refusal *refusal);
/* Addresses of the selected slots; to be freed. NULL: out of memory. */
struct iomul_addr *chosen_slots(const struct view *v, u32 *count);
void skipped_print(const struct view *v, const struct skipped *skipped);
struct json_object *skipped_json(const struct view *v, const struct skipped *skipped);
void skipped_free(struct skipped *skipped);

/* refusal.c */
/* The sentence that belongs to @r, to be freed. @v may be NULL: no names then. */
char *refusal_text(const struct iomul_refusal *r, const struct view *v);
/* Says it on stderr, with who holds what where that matters. */
void refusal_print(const struct iomul_refusal *r, const struct view *v);
/* The same, reading the tree for names; doing without is no failure. */
void refusal_say(struct iomul_ctx *ctx, const struct iomul_refusal *r);
struct json_object *refusal_json(const struct iomul_refusal *r, const struct view *v);
const char *reason_name(u32 reason);

/* holders.c: who has the ports of a root. */
struct holder {
	struct iomul_range at;
	u32 node;	/* the port or function, or IOMUL_NONE */
	u32 leaf;	/* first function with an I/O BAR behind it, or IOMUL_NONE */
	const char *name; /* when it is no function */
};
/* Ascending; to be freed. NULL: none, or out of memory. */
struct holder *holders(const struct view *v, u32 root, u32 *count);
/* At most @most lines of "  first-last  who" (0: all). */
void holders_print(FILE *to, const struct view *v, u32 root, u32 most);
struct json_object *holders_json(const struct view *v, u32 root);

/* out.c: tables and JSON. */
struct column {
	const char *name;
	double width;
	int flags;	/* SCOLS_FL_* */
};
struct libscols_table *table_new(const struct column *column, size_t columns);
void table_set(struct libscols_line *line, size_t column, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Sets it in @colour where colours are wanted. */
void table_paint(struct libscols_line *line, size_t column, const char *colour);
/* Prints and frees. */
void table_print(struct libscols_table *table);
const char *range_text(struct iomul_range r, char text[24]);
struct json_object *json_range(struct iomul_range r); /* null when empty */
struct json_object *json_function(struct iomul_addr addr);
struct json_object *json_slot(struct iomul_addr addr);
void json_put(struct json_object *to, const char *key, struct json_object *value);
void json_put_u64(struct json_object *to, const char *key, u64 value);
void json_put_text(struct json_object *to, const char *key, const char *value);
/* Prints and frees. */
void json_print(struct json_object *object);
bool text_is_utf8(void);
bool colours_wanted(void);

/*
 * progress.c: from begin to end, and not before 200 ms have passed, a line with the work, how many of
 * @total are done (0: not known) and the time, on stderr; nothing where that is no terminal. One work
 * at a time; complain() ends it, nothing else is printed meanwhile.
 */
void progress_begin(u32 total, const char *format, ...) __attribute__((format(printf, 2, 3)));
void progress_step(void);
void progress_end(void);

#endif
