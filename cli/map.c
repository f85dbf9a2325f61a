// SPDX-License-Identifier: GPL-2.0-only
/* iomul map: the 64 Ki ports at a glance, now and after a plan. Changes nothing. */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "from.h"
#include "portmap.h"

#define LEFT 5			/* "1000 " */
#define LABEL_MOST 400

/* How wide things are. */
struct layout {
	u32 cells;	/* in a row */
	u32 label;
	bool colour;
};

struct maps {
	struct view view;
	struct iomul_plan plan;
	struct skipped skipped;
	struct iomul_refusal refusal;
	struct portmap *before, *after;
};

static u32 terminal_columns(void)
{
	const char *text = getenv("COLUMNS");
	struct winsize size;
	int n = text ? atoi(text) : 0;

	if (isatty(STDOUT_FILENO) && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col)
		return size.ws_col;
	return n >= 40 && n <= 1000 ? (u32)n : 100;
}

static struct layout layout_for(u32 columns, bool two)
{
	u32 room = two ? (columns - 2) / 2 : columns;
	struct layout l = { .cells = 16, .colour = colours_wanted() };

	while (l.cells < 64 && LEFT + 3 + l.cells * 2 + 24 <= room)
		l.cells *= 2;
	l.label = room > LEFT + 3 + l.cells ? room - LEFT - 3 - l.cells : 1;
	if (l.label > LABEL_MOST)
		l.label = LABEL_MOST;
	return l;
}

/* What stands for a cell: what matters most of what is in it. */
static enum port_kind cell_kind(const struct portmap *m, u32 first, u32 ports)
{
	static const u8 rank[PORT_KINDS] = { [PORT_OUTSIDE] = 0, [PORT_LOW] = 1, [PORT_FREE] = 2,
					     [PORT_WINDOW] = 3, [PORT_KEPT] = 4, [PORT_BUSY] = 5,
					     [PORT_BAR] = 6, [PORT_SHARED] = 7 };
	u32 i, best = m->kind[first];

	for (i = first; i < first + ports; i++)
		if (rank[m->kind[i]] > rank[best])
			best = m->kind[i];
	return best;
}

static const char *colour_code(const char *colour)
{
	static const char *const names[] = { "red", "green", "yellow", "blue", "magenta", "cyan" };
	static const char *const codes[] = { "\033[31m", "\033[32m", "\033[33m",
					     "\033[34m", "\033[35m", "\033[36m" };
	size_t i;

	for (i = 0; colour && i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], colour))
			return codes[i];
	return "";
}

static void put_kind(const struct layout *l, enum port_kind kind)
{
	const char *code = l->colour ? colour_code(port_looks[kind].colour) : "";

	printf("%s%c%s", code, port_looks[kind].letter, *code ? "\033[0m" : "");
}

/* @text in exactly (or, @pad false, at most) @width places. */
static void put_fitted(const char *text, u32 width, bool pad)
{
	u32 n = (u32)strlen(text);

	if (n > width && width > 3)
		printf("%.*s...", (int)width - 3, text);
	else
		printf("%.*s%*s", (int)width, text, pad && n < width ? (int)(width - n) : 0, "");
}

static void put_row(const struct portmap *m, const struct layout *l, u32 row, bool pad)
{
	u32 i, ports = IOMUL_GRANULE / l->cells;
	char text[128];

	printf("%04x |", row * IOMUL_GRANULE);
	for (i = 0; i < l->cells; i++)
		put_kind(l, cell_kind(m, row * IOMUL_GRANULE + i * ports, ports));
	printf("| ");
	put_fitted(row_label(m, row, text, sizeof(text)), l->label, pad);
}

static void put_legend(const struct maps *s, const struct layout *l)
{
	bool used[PORT_KINDS] = { 0 };
	u32 i;

	for (i = 0; i < PORTS; i++) {
		used[s->before->kind[i]] = true;
		if (s->after)
			used[s->after->kind[i]] = true;
	}
	printf("\nEach row is 4096 ports, the least that a bridge passes on; each letter %u:\n",
	       IOMUL_GRANULE / l->cells);
	for (i = 0; i < PORT_KINDS; i++) {
		if (!used[i])
			continue;
		printf("  '");
		put_kind(l, i);
		printf("' %s\n", port_looks[i].legend);
	}
}

static void put_groups(const struct portmap *m)
{
	const struct iomul_topology *t = &m->view->t;
	char text[16 * 1024], range[24];
	u32 i;

	for (i = 0; i < t->groups; i++) {
		if (m->kind[t->group[i].window.first & 0xffff] != PORT_SHARED)
			continue;
		printf("Group %u, %s: %s\n", t->group[i].id, range_text(t->group[i].window, range),
		       group_slots(m->view, i, text, sizeof(text)));
	}
}

static void put_sums(const char *word, const struct portmap *m)
{
	struct port_sums s = portmap_sums(m);

	printf("%s%u of %u functions have ports; %u pieces of 4 KiB are bridges' own, %u shared "
	       "window%s serve%s %u slot%s, %u piece%s free.\n",
	       word, s.served, s.functions, s.windows, s.shared, s.shared == 1 ? "" : "s",
	       s.shared == 1 ? "s" : "", s.slots, s.slots == 1 ? "" : "s", s.pieces,
	       s.pieces == 1 ? "" : "s");
}

static void print_text(const struct maps *s, u32 columns)
{
	struct layout l = layout_for(columns, s->after);
	u32 row;

	if (s->after) {
		printf("%*s", LEFT, "");
		put_fitted(" I/O ports now", l.cells + 3 + l.label, true);
		printf("  %*s I/O ports after the plan\n", LEFT, "");
	} else {
		printf("%*s I/O ports\n", LEFT, "");
	}
	for (row = 0; row < ROWS; row++) {
		put_row(s->before, &l, row, s->after);
		if (s->after) {
			printf("  ");
			put_row(s->after, &l, row, false);
		}
		putchar('\n');
	}
	put_legend(s, &l);
	putchar('\n');
	put_groups(s->after ? s->after : s->before);
	put_sums(s->after ? "Now: " : "", s->before);
	if (s->after)
		put_sums("After: ", s->after);
}

static struct json_object *json_map(const struct portmap *m)
{
	struct json_object *a = json_object_new_array(), *o;
	struct port_run run;
	char text[128];
	u32 at;

	for (at = 0; at < PORTS; at = run.at.last + 1) {
		run = portmap_run(m, at, PORTS);
		o = json_object_new_object();
		json_put(o, "range", json_range(run.at));
		json_put_text(o, "kind", port_looks[run.kind].word);
		json_put(o, "function",
			 (run.kind == PORT_WINDOW || run.kind == PORT_BAR ||
			  run.kind == PORT_KEPT) && run.who < m->view->t.nodes ?
				 json_function(m->view->t.node[run.who].addr) : NULL);
		json_put(o, "group", run.kind == PORT_SHARED ?
					     json_object_new_int64(m->view->t.group[run.who].id) :
					     NULL);
		json_put_text(o, "label", port_label(m, &run, text, sizeof(text)));
		json_object_array_add(a, o);
	}
	return a;
}

static void print_json(const struct maps *s)
{
	struct json_object *o = json_object_new_object();

	json_put_u64(o, "schema", SCHEMA);
	json_put(o, "notes", notes_json(&s->view));
	json_put(o, "now", json_map(s->before));
	json_put(o, "after", s->after ? json_map(s->after) : NULL);
	json_print(o);
}

static int plan_after(struct maps *s, const struct verb_options *o)
{
	struct choice ch = { .slot = o->slot, .slots = o->slots, .all = o->all,
			     .starved = o->starved };
	struct iomul_policy policy = { .windows = o->windows, .reserve = o->reserve };
	int code = choose(&s->view, &ch, &s->skipped, &s->refusal);

	if (code) {
		if (s->refusal.reason)
			refusal_print(&s->refusal, &s->view);
		else
			complain("nothing that could be shared was found");
		return code;
	}
	s->plan.steps_max = iomul_plan_steps_max(&s->view.t);
	s->plan.step = calloc((size_t)s->plan.steps_max + 1, sizeof(*s->plan.step));
	if (!s->plan.step)
		return out_of_memory();
	if (iomul_plan_attach(&s->view.t, &policy, &s->plan)) {
		refusal_print(&s->plan.refusal, &s->view);
		return EXIT_REFUSED;
	}
	s->after = portmap_new(&s->view, &s->plan);
	return s->after ? EXIT_DONE : out_of_memory();
}

static const char *map_title(const struct verb_options *o, char *text, size_t size)
{
	const char *name = o->sources ? strrchr(o->from[0], '/') : NULL;
	char host[64] = "this host";

	if (o->sources)
		snprintf(text, size, "I/O ports, from %.100s", name ? name + 1 : o->from[0]);
	else
		snprintf(text, size, "I/O ports of %s",
			 gethostname(host, sizeof(host) - 1) ? "this host" : host);
	return text;
}

static int show(struct maps *s, const struct verb_options *o)
{
	char title[160];
	int rc;

	if (o->json) {
		print_json(s);
		return EXIT_DONE;
	}
	if (!o->svg) {
		print_text(s, o->columns ? o->columns : terminal_columns());
		return EXIT_DONE;
	}
	rc = svg_write(o->svg, map_title(o, title, sizeof(title)), s->before, s->after);
	if (!rc)
		return EXIT_DONE;
	complain("%s: %s", o->svg, strerror(-rc));
	return EXIT_REFUSED;
}

static int run(const struct command *self, int argc, char **argv)
{
	struct maps s = { 0 };
	struct verb_options o;
	int shown, code = verb_parse(&o, self, "fjsagcwrS", argc, argv);

	if (code != CHOICE_GO)
		return code;
	code = o.sources ? view_from(&s.view, o.from, o.sources) : view_here(&s.view);
	if (!code) {
		s.before = portmap_new(&s.view, NULL);
		code = s.before ? EXIT_DONE : out_of_memory();
		if (!code && (o.slots || o.all || o.starved))
			code = plan_after(&s, &o);
		shown = s.before ? show(&s, &o) : code;
		code = code ? code : shown;
		view_free(&s.view);
	}
	free(s.before);
	free(s.after);
	free(s.plan.step);
	skipped_free(&s.skipped);
	verb_free(&o);
	return code;
}

const struct command cmd_map = {
	"map",
	"[SLOT...|--starved|--all] [--windows N|auto] [--reserve N]\n"
	"                 [--svg FILE|--json] [--columns N] [--from FILE]...",
	"Shows who has which of the 64 Ki ports, now and after a plan",
	"With slots, --starved or --all it shows beside it how it would be after an attach.\n\n"
	"  --starved      the slots with a function that has no ports\n"
	"  --all          every slot that can share\n"
	"  --windows N    at most N windows for each root bus (1); 'auto': as many as useful\n"
	"  --reserve N    windows of 4 KiB to leave free on each root bus (0)\n"
	"  --svg FILE     write a drawing instead\n"
	"  --json         for programs\n"
	"  --columns N    width of the text (that of the terminal)\n"
	"  --from FILE    of another machine, from captures of it; see iomul plan --help\n",
	run
};
