// SPDX-License-Identifier: GPL-2.0-only
/* iomul status: groups, slots, owners, counters; and whether the hardware agrees. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"
#include "monitor.h"

struct report {
	struct iomul_state *state;
	struct iomul_tree *tree; /* for the ports of BARs */
	struct iomul_verify verify;
	bool verified;
};

enum { G_ID, G_WINDOW, G_ANCHOR, G_SLOTS, G_OWNER, G_ACCESSES, G_SWITCHES, G_EVENTS };

static const struct column group_columns[] = {
	[G_ID] = { "GROUP", 1, SCOLS_FL_RIGHT },
	[G_WINDOW] = { "WINDOW", 9, 0 },
	[G_ANCHOR] = { "BELOW", 7, 0 },
	[G_SLOTS] = { "SLOTS", 1, SCOLS_FL_RIGHT },
	[G_OWNER] = { "OWNER", 7, 0 },
	[G_ACCESSES] = { "ACCESSES", 1, SCOLS_FL_RIGHT },
	[G_SWITCHES] = { "SWITCHES", 1, SCOLS_FL_RIGHT },
	[G_EVENTS] = { "EVENTS", 1, SCOLS_FL_RIGHT },
};

enum { S_GROUP, S_SLOT, S_GATE, S_PORTS, S_USERS, S_WHO, S_ACCESSES, S_SWITCHES, S_NOTE };

static const struct column slot_columns[] = {
	[S_GROUP] = { "GROUP", 1, SCOLS_FL_RIGHT },
	[S_SLOT] = { "SLOT", 7, 0 },
	[S_GATE] = { "GATE", 7, 0 },
	[S_PORTS] = { "PORTS", 9, 0 },
	[S_USERS] = { "USERS", 1, SCOLS_FL_RIGHT },
	[S_WHO] = { "HELD BY", 0.15, SCOLS_FL_TRUNC },
	[S_ACCESSES] = { "ACCESSES", 1, SCOLS_FL_RIGHT },
	[S_SWITCHES] = { "SWITCHES", 1, SCOLS_FL_RIGHT },
	[S_NOTE] = { "STATE", 5, 0 },
};

static const struct {
	u32 flag;
	const char *word;
} slot_notes[] = {
	{ IOMUL_SLOT_OWNER, "owner" },
	{ IOMUL_SLOT_LENDER, "lender" },
	{ IOMUL_SLOT_GONE, "unplugged" },
	{ IOMUL_SLOT_LEASED, "leased" },
	{ IOMUL_SLOT_STRANDED, "stranded" },
};

#define NOTES (sizeof(slot_notes) / sizeof(slot_notes[0]))

static void slot_note(const struct iomul_slot_status *s, char text[40])
{
	size_t i;

	*text = '\0';
	for (i = 0; i < NOTES; i++) {
		if (!(s->flags & slot_notes[i].flag))
			continue;
		if (*text)
			strcat(text, ",");
		strcat(text, slot_notes[i].word);
	}
}

static const char *slot_short(struct iomul_addr a, char text[ADDR_TEXT])
{
	char *dot;

	addr_short(a, text);
	dot = strchr(text, '.');
	if (dot)
		*dot = '\0';
	return text;
}

/* Bus "bb" or port "bb:dd.f" below which the first gates are. */
static void anchor_text(const struct iomul_group_status *g, char text[ADDR_TEXT])
{
	if (g->anchor_root)
		snprintf(text, ADDR_TEXT, "%04x:%02x", g->anchor.segment, g->anchor.bus);
	else
		addr_short(g->anchor, text);
}

static void print_groups(const struct iomul_state *s)
{
	struct libscols_table *table = table_new(group_columns, G_EVENTS + 1);
	char text[24];
	u32 i;

	for (i = 0; table && i < s->groups; i++) {
		const struct iomul_group_status *g = &s->group[i];
		struct libscols_line *line = scols_table_new_line(table, NULL);

		if (!line)
			break;
		table_set(line, G_ID, "%u", g->id);
		table_set(line, G_WINDOW, "%s", range_text(g->window, text));
		anchor_text(g, text);
		table_set(line, G_ANCHOR, "%s", text);
		table_set(line, G_SLOTS, "%u", g->slots);
		table_set(line, G_OWNER, "%s", g->has_owner ? slot_short(g->owner, text) : "-");
		table_set(line, G_ACCESSES, "%llu", (unsigned long long)g->accesses);
		table_set(line, G_SWITCHES, "%llu", (unsigned long long)g->switches);
		table_set(line, G_EVENTS, "%llu", (unsigned long long)g->events);
	}
	if (table)
		table_print(table);
}

/* All I/O BARs of the slot, ranges separated by commas. */
static void slot_ports(const struct iomul_tree *t, struct iomul_addr slot, char *text, size_t size)
{
	char range[24];
	size_t at = 0;
	u32 i, k;

	*text = '\0';
	for (i = 0; i < t->nodes; i++) {
		if (!addr_same_slot(t->node[i].addr, slot))
			continue;
		for (k = 0; k < IOMUL_BARS && at < size; k++)
			if (!iomul_range_empty(t->node[i].bar[k].at))
				at += snprintf(text + at, size - at, "%s%s", at ? "," : "",
					       range_text(t->node[i].bar[k].at, range));
	}
}

static void print_slots(const struct report *r)
{
	struct libscols_table *table = table_new(slot_columns, S_NOTE + 1);
	char text[128], note[40];
	u32 i;

	for (i = 0; table && i < r->state->slots; i++) {
		const struct iomul_slot_status *s = &r->state->slot[i];
		struct libscols_line *line = scols_table_new_line(table, NULL);

		if (!line)
			break;
		table_set(line, S_GROUP, "%u", s->group);
		table_set(line, S_SLOT, "%s", slot_short(s->addr, text));
		table_set(line, S_GATE, "%s",
			  addr_short(s->flags & IOMUL_SLOT_FUNCTION_GATE ? s->addr : s->port, text));
		slot_ports(r->tree, s->addr, text, sizeof(text));
		table_set(line, S_PORTS, "%s", *text ? text : "-");
		table_set(line, S_USERS, "%u", s->users);
		table_set(line, S_WHO, "%.*s", IOMUL_NAME_MAX, *s->who ? s->who : "-");
		table_set(line, S_ACCESSES, "%llu", (unsigned long long)s->accesses);
		table_set(line, S_SWITCHES, "%llu", (unsigned long long)s->switches);
		slot_note(s, note);
		table_set(line, S_NOTE, "%s", note);
		if (s->flags & IOMUL_SLOT_OWNER)
			table_paint(line, S_NOTE, "green");
		if (s->flags & (IOMUL_SLOT_GONE | IOMUL_SLOT_STRANDED))
			table_paint(line, S_NOTE, "red");
	}
	if (table)
		table_print(table);
}

static struct json_object *json_group(const struct iomul_group_status *g)
{
	struct json_object *o = json_object_new_object();
	char text[ADDR_TEXT];

	json_put_u64(o, "group", g->id);
	json_put(o, "window", json_range(g->window));
	snprintf(text, sizeof(text), "%04x:%02x", g->anchor.segment, g->anchor.bus);
	json_put(o, "below",
		 g->anchor_root ? json_object_new_string(text) : json_function(g->anchor));
	json_put_u64(o, "slots", g->slots);
	json_put(o, "owner", g->has_owner ? json_slot(g->owner) : NULL);
	json_put_u64(o, "gates", g->gates);
	json_put_u64(o, "levels", g->levels);
	json_put_u64(o, "accesses", g->accesses);
	json_put_u64(o, "switches", g->switches);
	json_put_u64(o, "config_writes", g->config_writes);
	json_put_u64(o, "events", g->events);
	json_put_u64(o, "foreign_writes", g->foreign_writes);
	json_put_u64(o, "repairs", g->repairs);
	return o;
}

static struct json_object *json_ports(const struct iomul_tree *t, struct iomul_addr slot)
{
	struct json_object *a = json_object_new_array(), *o;
	u32 i, k;

	for (i = 0; i < t->nodes; i++) {
		if (!addr_same_slot(t->node[i].addr, slot))
			continue;
		for (k = 0; k < IOMUL_BARS; k++) {
			if (!t->node[i].bar[k].size)
				continue;
			o = json_object_new_object();
			json_put(o, "function", json_function(t->node[i].addr));
			json_put_u64(o, "bar", k);
			json_put(o, "at", json_range(t->node[i].bar[k].at));
			json_object_array_add(a, o);
		}
	}
	return a;
}

static void json_waits(struct json_object *o, const struct iomul_slot_waits *w)
{
	struct json_object *a = w ? json_object_new_array() : NULL;
	u32 i;

	for (i = 0; w && i < IOMUL_WAIT_BUCKETS; i++)
		json_object_array_add(a, json_object_new_uint64(w->bucket[i]));
	json_put_u64(o, "wait_median_ns", w ? waits_below(w, 0.5) : 0);
	json_put_u64(o, "wait_p99_ns", w ? waits_below(w, 0.99) : 0);
	json_put_u64(o, "wait_longest_ns", w ? w->longest_ns : 0);
	json_put(o, "wait_buckets", a);
}

static struct json_object *json_slot_of(const struct report *r, u32 slot)
{
	const struct iomul_slot_status *s = &r->state->slot[slot];
	bool own_gate = s->flags & IOMUL_SLOT_FUNCTION_GATE;
	struct json_object *o = json_object_new_object();
	size_t i;

	json_put(o, "slot", json_slot(s->addr));
	json_put_u64(o, "group", s->group);
	json_put(o, "gate", json_function(own_gate ? s->addr : s->port));
	for (i = 0; i < NOTES; i++)
		json_put(o, slot_notes[i].word,
			 json_object_new_boolean(!!(s->flags & slot_notes[i].flag)));
	json_put(o, "function_gate", json_object_new_boolean(own_gate));
	json_put(o, "bars", json_ports(r->tree, s->addr));
	json_put_u64(o, "users", s->users);
	json_put_text(o, "held_by", *s->who ? s->who : NULL);
	json_put_u64(o, "functions", s->functions);
	json_put_u64(o, "depth", s->depth);
	json_put_u64(o, "accesses", s->accesses);
	json_put_u64(o, "switches", s->switches);
	json_put_u64(o, "waits", s->waits);
	json_put_u64(o, "wait_ns", s->wait_ns);
	json_put_u64(o, "wait_most_passed", s->most_passed);
	json_waits(o, r->state->waits ? &r->state->waits[slot] : NULL);
	json_put_u64(o, "errors", s->errors);
	return o;
}

static void print_json(const struct report *r)
{
	struct json_object *o = json_object_new_object(), *a = json_object_new_array(), *v = NULL;
	u32 i;

	json_put_u64(o, "schema", SCHEMA);
	for (i = 0; i < r->state->groups; i++)
		json_object_array_add(a, json_group(&r->state->group[i]));
	json_put(o, "groups", a);
	a = json_object_new_array();
	for (i = 0; i < r->state->slots; i++)
		json_object_array_add(a, json_slot_of(r, i));
	json_put(o, "slots", a);
	if (r->verified) {
		v = json_object_new_object();
		json_put_u64(v, "checked", r->verify.out_checked);
		json_put_u64(v, "wrong", r->verify.out_wrong);
		json_put(v, "first", r->verify.out_wrong ? json_function(r->verify.out_first) : NULL);
	}
	json_put(o, "verify", v);
	json_print(o);
}

static void print_text(const struct report *r)
{
	if (!r->state->slots) {
		puts("Nothing is shared. 'iomul plan' says what could be.");
	} else {
		print_groups(r->state);
		putchar('\n');
		print_slots(r);
	}
	if (r->verified && !r->verify.out_wrong)
		printf("\n%u registers checked, all as they should be.\n", r->verify.out_checked);
}

static int verdict(const struct report *r)
{
	char text[ADDR_TEXT];

	if (!r->verified || !r->verify.out_wrong)
		return EXIT_DONE;
	complain("%s: %u of %u registers are not as they should be, this function's the first; "
		 "the module puts them right before the next access; if it comes back, look into "
		 "the kernel's log (dmesg)",
		 addr_function(r->verify.out_first, text), r->verify.out_wrong,
		 r->verify.out_checked);
	return EXIT_REFUSED;
}

static int report(struct iomul_ctx *ctx, const struct choice *ch)
{
	struct report r = { .verified = ch->verify };
	int rc = iomul_state_get(ctx, &r.state), code;

	if (!rc)
		rc = iomul_tree_get(ctx, &r.tree);
	if (!rc && ch->verify)
		rc = iomul_ctx_verify(ctx, 0, &r.verify);
	if (rc) {
		code = device_failed(rc, "status");
	} else {
		if (ch->json)
			print_json(&r);
		else
			print_text(&r);
		code = verdict(&r);
	}
	iomul_state_put(r.state);
	iomul_tree_put(r.tree);
	return code;
}

static int run(const struct command *self, int argc, char **argv)
{
	struct iomul_ctx *ctx;
	struct choice ch;
	int code = choice_parse(&ch, self, CHOOSE_JSON | CHOOSE_VERIFY, argc, argv);

	if (code != CHOICE_GO)
		return code;
	code = device_open(&ctx, false, false);
	if (!code) {
		code = report(ctx, &ch);
		iomul_ctx_close(ctx);
	}
	choice_free(&ch);
	return code;
}

const struct command cmd_status = {
	"status", "[--verify] [--json]", "Shows groups, slots, owners and counters",
	"  --verify       compare every gate, window and BAR with the hardware; exit 1 if\n"
	"                 one differs\n"
	"  --json         for programs\n",
	run
};
