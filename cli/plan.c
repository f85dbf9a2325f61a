// SPDX-License-Identifier: GPL-2.0-only
/* iomul plan: who has ports, who took them, and what sharing would change. Changes nothing. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"
#include "from.h"

/* A plan, and the tree as it was before. */
struct proposal {
	struct view view;
	struct iomul_plan plan;
	struct skipped skipped;
	struct iomul_refusal refusal;
	bool made;	/* there is something to show in the right half of the table */
};

struct summary {
	u32 functions;
	u32 now, after;			/* that have ports */
	u32 windows_now, windows_after;
};

static bool counts(const struct iomul_node *n)
{
	return !(n->flags & IOMUL_NODE_PORT) && iomul_node_has_io(n);
}

static const struct iomul_group *group_of(const struct iomul_topology *t, u32 id)
{
	u32 i;

	for (i = 0; i < t->groups; i++)
		if (t->group[i].id == id)
			return &t->group[i];
	return NULL;
}

/*
 * The last gate before @node: the port above, if that is in the group and leads
 * to one slot only; otherwise the function itself.
 */
static u32 gate_of(const struct iomul_topology *t, u32 node)
{
	u32 i, count, first, parent = t->node[node].parent;
	const struct iomul_mark *m;

	if (parent == IOMUL_NONE || t->node[parent].group != t->node[node].group)
		return node;
	first = iomul_slot_span(t, node, &count);
	m = &t->mark[parent];
	for (i = m->child; i < m->child + m->children; i++)
		if ((i < first || i >= first + count) && t->node[i].group != IOMUL_NONE)
			return node;
	return parent;
}

static struct iomul_range planned_at(const struct proposal *p, u32 node, u32 bar)
{
	u32 i;

	for (i = 0; p->made && i < p->plan.steps; i++)
		if (p->plan.step[i].kind == IOMUL_STEP_BAR && p->plan.step[i].node == node &&
		    p->plan.step[i].bar == bar)
			return p->plan.step[i].to;
	return p->view.t.node[node].bar[bar].at;
}

/* Is @i the first node that shares in its group? Then the window counts here. */
static bool group_first(const struct iomul_topology *t, u32 i)
{
	u32 k;

	for (k = 0; k < i; k++)
		if (t->node[k].group == t->node[i].group)
			return false;
	return true;
}

/* A window right above devices with I/O BARs: those are what runs out. */
static bool leaf_window(const struct iomul_topology *t, u32 port)
{
	const struct iomul_mark *m = &t->mark[port];
	u32 i;

	if (iomul_range_empty(t->node[port].window))
		return false;
	for (i = m->child; i < m->child + m->children; i++)
		if (counts(&t->node[i]))
			return true;
	return false;
}

static void count_windows(const struct iomul_topology *t, struct summary *s)
{
	u32 i;

	for (i = 0; i < t->nodes; i++) {
		bool shares_now = t->node[i].flags & IOMUL_NODE_SHARED;
		bool shares_after = t->node[i].group != IOMUL_NONE;

		if (!shares_now)
			s->windows_now += leaf_window(t, i);
		if (!shares_after)
			s->windows_after += leaf_window(t, i);
		else if (group_first(t, i))
			s->windows_after++;
	}
	for (i = 0; i < t->groups; i++) {
		u32 k;

		for (k = 0; k < t->nodes; k++)
			if ((t->node[k].flags & IOMUL_NODE_SHARED) &&
			    t->node[k].group == t->group[i].id)
				break;
		s->windows_now += k < t->nodes;
	}
}

static struct summary summarise(const struct proposal *p)
{
	const struct iomul_topology *t = &p->view.t;
	struct summary s = { 0 };
	u32 i;

	for (i = 0; i < t->nodes; i++) {
		if (!counts(&t->node[i]))
			continue;
		s.functions++;
		s.now += !iomul_node_starved(&t->node[i]);
		s.after += !iomul_node_starved(&t->node[i]) ||
			   (p->made && t->node[i].group != IOMUL_NONE);
	}
	count_windows(t, &s);
	return s;
}

/*
 * Text.
 */

enum { COL_FUNCTION, COL_NAME, COL_DRIVER, COL_SIZE, COL_PORTS, COL_GROUP, COL_WINDOW, COL_GATE };

static const struct column columns[] = {
	[COL_FUNCTION] = { "FUNCTION", 7, 0 },
	[COL_NAME] = { "NAME", 0.2, SCOLS_FL_TRUNC },
	[COL_DRIVER] = { "DRIVER", 12, SCOLS_FL_TRUNC },
	[COL_SIZE] = { "SIZE", 4, SCOLS_FL_RIGHT },
	[COL_PORTS] = { "PORTS", 14, 0 },
	[COL_GROUP] = { "GROUP", 1, SCOLS_FL_RIGHT },
	[COL_WINDOW] = { "WINDOW", 9, 0 },
	[COL_GATE] = { "GATE", 7, 0 },
};

static void row_share(const struct proposal *p, struct libscols_line *line, u32 node)
{
	const struct iomul_topology *t = &p->view.t;
	const struct iomul_group *g = group_of(t, t->node[node].group);
	char text[24];

	if (!g)
		return;
	table_set(line, COL_GROUP, "%u", g->id);
	table_set(line, COL_WINDOW, "%s", range_text(g->window, text));
	table_set(line, COL_GATE, "%s", addr_short(t->node[gate_of(t, node)].addr, text));
}

static void row_bar(struct libscols_line *line, const struct iomul_bar *b)
{
	char text[24];

	if (b->size)
		table_set(line, COL_SIZE, "%u", b->size);
	else
		table_set(line, COL_SIZE, "?");
	if (iomul_range_empty(b->at)) {
		table_set(line, COL_PORTS, "none (starved)");
		table_paint(line, COL_PORTS, "red");
	} else {
		table_set(line, COL_PORTS, "%s", range_text(b->at, text));
	}
}

/* One line for each I/O BAR; the first one also says who it is. */
static void rows_function(const struct proposal *p, struct libscols_table *table, u32 node)
{
	const struct iomul_node *n = &p->view.t.node[node];
	struct libscols_line *line;
	char addr[ADDR_TEXT], name[96];
	bool first = true;
	u32 k;

	for (k = 0; k < IOMUL_BARS; k++) {
		if (!n->bar[k].size && !(n->bar[k].flags & IOMUL_BAR_UNSIZED))
			continue;
		line = scols_table_new_line(table, NULL);
		if (!line)
			return;
		row_bar(line, &n->bar[k]);
		if (!first)
			continue;
		first = false;
		table_set(line, COL_FUNCTION, "%s", addr_short(n->addr, addr));
		table_set(line, COL_NAME, "%s",
			  function_name(&p->view, n, name, sizeof(name)));
		table_set(line, COL_DRIVER, "%.*s", IOMUL_NAME_MAX, *n->driver ? n->driver : "-");
		row_share(p, line, node);
	}
}

static void print_table(const struct proposal *p)
{
	struct libscols_table *table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
	u32 i;

	if (!table)
		return;
	for (i = 0; i < p->view.t.nodes; i++)
		if (counts(&p->view.t.node[i]))
			rows_function(p, table, i);
	table_print(table);
}

static bool root_starved(const struct iomul_topology *t, u32 root)
{
	u32 i;

	for (i = 0; i < t->nodes; i++)
		if (t->node[i].root == root && counts(&t->node[i]) &&
		    iomul_node_starved(&t->node[i]))
			return true;
	return false;
}

/* Who took the ports, where somebody went without. */
static void print_holders(const struct proposal *p)
{
	u32 i;

	for (i = 0; i < p->view.t.roots; i++) {
		if (!root_starved(&p->view.t, i))
			continue;
		putchar('\n');
		holders_print(stdout, &p->view, i, 0);
	}
}

static void print_summary(const struct proposal *p)
{
	struct summary s = summarise(p);
	const char *arrow = text_is_utf8() ? "→" : "->";

	if (!s.functions) {
		puts("No device has an I/O BAR.");
		return;
	}
	printf("\n%u of %u functions have ports now", s.now, s.functions);
	if (p->made)
		printf("; %u of %u after sharing; windows used %u %s %u", s.after, s.functions,
		       s.windows_now, arrow, s.windows_after);
	puts(".");
}

/* Branches of the bus @anchor that share: what a window more would keep apart. */
static u32 branches_at(const struct iomul_topology *t, u32 anchor)
{
	const struct iomul_mark *m = &t->mark[anchor];
	u32 i, k, n = 0, count, first;

	for (i = m->child; i < m->child + m->children; i++) {
		if (t->node[i].group == IOMUL_NONE)
			continue;
		/* A slot is one branch, whatever the number of its functions. */
		first = iomul_slot_span(t, i, &count);
		for (k = first; k < i && !(t->node[i].flags & IOMUL_NODE_PORT); k++)
			if (t->node[k].group != IOMUL_NONE && !(t->node[k].flags & IOMUL_NODE_PORT))
				break;
		n += (t->node[i].flags & IOMUL_NODE_PORT) || k == i;
	}
	return n;
}

static u32 slots_in(const struct iomul_topology *t, u32 id)
{
	u32 i, n = 0, last = IOMUL_NONE, count;

	for (i = 0; i < t->nodes; i++) {
		if (t->node[i].group != id || (t->node[i].flags & IOMUL_NODE_PORT))
			continue;
		n += iomul_slot_span(t, i, &count) != last;
		last = iomul_slot_span(t, i, &count);
	}
	return n;
}

static void print_why(u32 windows, u32 branches, const struct choice *ch)
{
	if (windows >= branches)
		puts("one for each");
	else if (ch->windows && windows >= ch->windows)
		puts("--windows asks for no more");
	else if (ch->reserve)
		printf("no more free (--reserve %u)\n", ch->reserve);
	else
		puts("no more free");
}

/* Ports above @bus that others use, and whose windows the plan makes larger. */
static void print_widened(const struct proposal *p, u32 bus)
{
	const struct iomul_topology *t = &p->view.t;
	char text[32], from[32], to[32];
	const struct iomul_step *s;
	u32 i;

	for (; bus < t->nodes; bus = t->node[bus].parent) {
		for (i = 0; i < p->plan.steps; i++) {
			s = &p->plan.step[i];
			if (s->kind == IOMUL_STEP_WIDEN && s->node == bus)
				printf("  %s keeps %s for others, has no room left in it, and is widened to %s\n",
				       addr_short(t->node[bus].addr, text), range_text(s->from, from),
				       range_text(s->to, to));
		}
	}
}

/* Which windows there will be, with how many slots, and why not more. */
static void print_windows(const struct proposal *p, const struct choice *ch)
{
	const struct iomul_topology *t = &p->view.t;
	u32 i, k, windows, branches;
	char text[32];

	for (i = 0; i < t->groups; i++) {
		for (k = 0; k < i && t->group[k].anchor != t->group[i].anchor; k++)
			;
		if (k < i)
			continue;
		for (windows = 0, k = i; k < t->groups; k++)
			windows += t->group[k].anchor == t->group[i].anchor;
		branches = branches_at(t, t->group[i].anchor);
		if (t->group[i].anchor < t->nodes)
			printf("\nBelow %s", addr_short(t->node[t->group[i].anchor].addr, text));
		else
			printf("\nRoot bus %04x:%02x",
			       t->root[t->group[i].anchor - t->nodes].segment,
			       t->root[t->group[i].anchor - t->nodes].bus);
		printf(", %u window%s for %u branch%s: ", windows, windows == 1 ? "" : "s", branches,
		       branches == 1 ? "" : "es");
		print_why(windows, branches, ch);
		print_widened(p, t->group[i].anchor);
		for (k = i; k < t->groups; k++)
			if (t->group[k].anchor == t->group[i].anchor)
				printf("  group %u, %s: %u slots\n", t->group[k].id,
				       range_text(t->group[k].window, text), slots_in(t, t->group[k].id));
	}
}

static const char *const step_names[IOMUL_STEP_KINDS] = {
	[IOMUL_STEP_DECODE] = "decode",	  [IOMUL_STEP_RELEASE] = "release",
	[IOMUL_STEP_HOLD] = "hold",	  [IOMUL_STEP_RESERVE] = "reserve",
	[IOMUL_STEP_WINDOW] = "window",	  [IOMUL_STEP_BAR] = "bar",
	[IOMUL_STEP_WIDEN] = "widen",
};

static void print_step(const struct iomul_topology *t, const struct iomul_step *s)
{
	char who[32], from[24], to[24];

	if (s->kind == IOMUL_STEP_RESERVE)
		snprintf(who, sizeof(who), "group %u", t->group[s->node].id);
	else
		addr_function(t->node[s->node].addr, who);
	printf("%-8s %-12s ", step_names[s->kind], who);
	if (s->kind == IOMUL_STEP_DECODE)
		printf("%s %s %s\n", s->was ? "on" : "off", "->", s->now ? "on" : "off");
	else if (s->bar == IOMUL_STEP_IS_WINDOW || s->kind == IOMUL_STEP_RESERVE)
		printf("window %s -> %s\n", range_text(s->from, from), range_text(s->to, to));
	else
		printf("BAR %u  %s -> %s\n", s->bar, range_text(s->from, from),
		       range_text(s->to, to));
}

static void print_steps(const struct proposal *p)
{
	u32 i;

	puts("\nSteps of the attach, in order:");
	for (i = 0; i < p->plan.steps; i++)
		print_step(&p->view.t, &p->plan.step[i]);
}

static void print_unsized(const struct proposal *p)
{
	u32 i, k, n = 0;

	for (i = 0; i < p->view.t.nodes; i++)
		for (k = 0; k < IOMUL_BARS; k++)
			n += !p->view.t.node[i].bar[k].size &&
			     (p->view.t.node[i].bar[k].flags & IOMUL_BAR_UNSIZED);
	if (n && p->view.capture)
		complain("the size of %u I/O BARs is not in the capture; the kernel's log (dmesg) from "
			 "the boot on, or 'iomul snapshot' there with the module loaded, tells it",
			 n);
	else if (n)
		complain("the size of %u I/O BARs is not known without the module; load it: "
			 "modprobe iomul",
			 n);
}

/*
 * JSON.
 */

static struct json_object *json_bars(const struct proposal *p, u32 node)
{
	struct json_object *a = json_object_new_array(), *o;
	u32 k;

	for (k = 0; k < IOMUL_BARS; k++) {
		const struct iomul_bar *b = &p->view.t.node[node].bar[k];

		if (!b->size && !(b->flags & IOMUL_BAR_UNSIZED))
			continue;
		o = json_object_new_object();
		json_put_u64(o, "bar", k);
		json_put(o, "size", b->size ? json_object_new_int64(b->size) : NULL);
		json_put(o, "at", json_range(b->at));
		json_put(o, "after", json_range(planned_at(p, node, k)));
		json_object_array_add(a, o);
	}
	return a;
}

static struct json_object *json_share(const struct proposal *p, u32 node)
{
	const struct iomul_topology *t = &p->view.t;
	const struct iomul_group *g = group_of(t, t->node[node].group);
	struct json_object *o;

	if (!g)
		return NULL;
	o = json_object_new_object();
	json_put_u64(o, "group", g->id);
	json_put(o, "window", json_range(g->window));
	json_put(o, "gate", json_function(t->node[gate_of(t, node)].addr));
	return o;
}

static struct json_object *json_function_of(const struct proposal *p, u32 node)
{
	const struct iomul_node *n = &p->view.t.node[node];
	struct json_object *o = json_object_new_object();
	char name[96], id[8];

	json_put(o, "function", json_function(n->addr));
	json_put(o, "slot", json_slot(n->addr));
	snprintf(id, sizeof(id), "%04x", n->vendor);
	json_put_text(o, "vendor", id);
	snprintf(id, sizeof(id), "%04x", n->device);
	json_put_text(o, "device", id);
	function_name(&p->view, n, name, sizeof(name));
	json_put_text(o, "name", *name ? name : NULL);
	json_put_text(o, "driver", *n->driver ? n->driver : NULL);
	json_put(o, "in_use", json_object_new_boolean(!!(n->flags & IOMUL_NODE_IN_USE)));
	json_put(o, "starved", json_object_new_boolean(iomul_node_starved(n)));
	json_put(o, "shared", json_object_new_boolean(!!(n->flags & IOMUL_NODE_SHARED)));
	json_put(o, "selected", json_object_new_boolean(!!(n->flags & IOMUL_NODE_SELECTED)));
	json_put(o, "bars", json_bars(p, node));
	json_put(o, "share", json_share(p, node));
	return o;
}

static struct json_object *json_functions(const struct proposal *p)
{
	struct json_object *a = json_object_new_array();
	u32 i;

	for (i = 0; i < p->view.t.nodes; i++)
		if (counts(&p->view.t.node[i]))
			json_object_array_add(a, json_function_of(p, i));
	return a;
}

static struct json_object *json_roots(const struct view *v)
{
	struct json_object *a = json_object_new_array(), *o, *apertures;
	char text[ADDR_TEXT];
	u32 i, k;

	for (i = 0; i < v->t.roots; i++) {
		const struct iomul_root *r = &v->t.root[i];

		o = json_object_new_object();
		snprintf(text, sizeof(text), "%04x:%02x", r->segment, r->bus);
		json_put_text(o, "bus", text);
		json_put_u64(o, "lowest", r->lowest);
		apertures = json_object_new_array();
		for (k = 0; k < r->napertures && k < IOMUL_APERTURES; k++)
			json_object_array_add(apertures, json_range(r->aperture[k]));
		json_put(o, "apertures", apertures);
		json_put(o, "held", holders_json(v, i));
		json_object_array_add(a, o);
	}
	return a;
}

static struct json_object *json_steps(const struct proposal *p)
{
	struct json_object *a = json_object_new_array(), *o;
	u32 i;

	for (i = 0; p->made && i < p->plan.steps; i++) {
		const struct iomul_step *s = &p->plan.step[i];

		o = json_object_new_object();
		json_put_text(o, "step", step_names[s->kind]);
		if (s->kind == IOMUL_STEP_RESERVE)
			json_put_u64(o, "group", p->view.t.group[s->node].id);
		else
			json_put(o, "function", json_function(p->view.t.node[s->node].addr));
		if (s->kind == IOMUL_STEP_DECODE) {
			json_put(o, "was", json_object_new_boolean(s->was));
			json_put(o, "now", json_object_new_boolean(s->now));
		} else {
			if (s->kind != IOMUL_STEP_RESERVE && s->bar != IOMUL_STEP_IS_WINDOW)
				json_put_u64(o, "bar", s->bar);
			json_put(o, "from", json_range(s->from));
			json_put(o, "to", json_range(s->to));
		}
		json_object_array_add(a, o);
	}
	return a;
}

static void json_all(const struct proposal *p)
{
	struct json_object *o = json_object_new_object(), *sum = json_object_new_object();
	struct summary s = summarise(p);

	json_put_u64(o, "schema", SCHEMA);
	json_put_text(o, "source", p->view.capture ? "capture" : p->view.sized ? "module" : "sysfs");
	json_put(o, "notes", notes_json(&p->view));
	json_put(o, "functions", json_functions(p));
	json_put(o, "skipped", skipped_json(&p->view, &p->skipped));
	json_put(o, "roots", json_roots(&p->view));
	json_put(o, "steps", json_steps(p));
	json_put(o, "refusal",
		 p->refusal.reason ? refusal_json(&p->refusal, &p->view) : NULL);
	json_put_u64(sum, "functions", s.functions);
	json_put_u64(sum, "with_ports", s.now);
	json_put(sum, "with_ports_after", p->made ? json_object_new_int64(s.after) : NULL);
	json_put_u64(sum, "windows", s.windows_now);
	json_put(sum, "windows_after", p->made ? json_object_new_int64(s.windows_after) : NULL);
	json_put(o, "summary", sum);
	json_print(o);
}

/*
 * The plan itself.
 */

static int make_plan(struct proposal *p, const struct choice *ch)
{
	struct iomul_policy policy = { .windows = ch->windows, .reserve = ch->reserve };
	int rc;

	p->plan.steps_max = iomul_plan_steps_max(&p->view.t);
	p->plan.step = calloc((size_t)p->plan.steps_max + 1, sizeof(*p->plan.step));
	if (!p->plan.step)
		return out_of_memory();
	rc = iomul_plan_attach(&p->view.t, &policy, &p->plan);
	p->made = !rc;
	if (!rc)
		return EXIT_DONE;
	p->refusal = p->plan.refusal;
	if (!p->refusal.reason)
		complain("planning: %s", strerror(-rc));
	return EXIT_REFUSED;
}

static void show(const struct proposal *p, const struct choice *ch)
{
	if (ch->json) {
		json_all(p);
		return;
	}
	print_table(p);
	print_holders(p);
	if (p->made)
		print_windows(p, ch);
	print_summary(p);
	if (ch->steps && p->made)
		print_steps(p);
	if (!p->view.sized || p->view.capture)
		print_unsized(p);
}

static int propose(struct proposal *p, const struct choice *ch, bool asked)
{
	int code = choose(&p->view, ch, &p->skipped, &p->refusal);

	if (!code)
		code = make_plan(p, ch);
	if (!p->refusal.reason || !ch->slots || p->plan.step || ch->json)
		show(p, ch);
	if (asked && !ch->json)
		skipped_print(&p->view, &p->skipped);
	if (p->refusal.reason)
		refusal_print(&p->refusal, &p->view);
	else if (code && asked && !ch->slots)
		complain("nothing that could be shared was found");
	/* A look at the machine is no failure when there is nothing to share. */
	return asked || p->refusal.reason ? code : EXIT_DONE;
}

static int run(const struct command *self, int argc, char **argv)
{
	struct proposal p = { 0 };
	struct choice ch;
	int code = choice_parse(&ch, self,
				CHOOSE_SLOTS | CHOOSE_ALL | CHOOSE_STARVED | CHOOSE_POLICY |
					CHOOSE_JSON | CHOOSE_STEPS | CHOOSE_FROM,
				argc, argv);

	if (code != CHOICE_GO)
		return code;
	code = ch.sources ? view_from(&p.view, ch.from, ch.sources) : view_here(&p.view);
	if (!code) {
		code = propose(&p, &ch, ch.slots || ch.all || ch.starved);
		view_free(&p.view);
	}
	free(p.plan.step);
	skipped_free(&p.skipped);
	choice_free(&ch);
	return code;
}

const struct command cmd_plan = {
	"plan",
	"[SLOT...|--starved|--all] [--windows N|auto] [--reserve N] [--steps] [--json]\n"
	"                  [--from FILE]...",
	"Says who has ports and what sharing would change; changes nothing",
	"Without slots it plans for every slot that can share.\n\n"
	"  --starved      the slots with a function that has no ports\n"
	"  --all          every slot that can share; says which can't\n"
	"  --windows N    at most N windows for each root bus (1); 'auto': as many as useful\n"
	"  --reserve N    windows of 4 KiB to leave free on each root bus (0)\n"
	"  --steps        list the steps that attach would take\n"
	"  --json         for programs\n"
	"  --from FILE    for another machine, from captures of it: the output of lspci -vvv\n"
	"                 (with -xxx it tells more), its kernel log (dmesg), its /proc/ioports,\n"
	"                 or what 'iomul snapshot' wrote there; give it once for each file\n\n"
	"Without the module it looks into sysfs; sizes of BARs without ports are unknown then.\n",
	run
};
