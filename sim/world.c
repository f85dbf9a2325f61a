// SPDX-License-Identifier: GPL-2.0-only
/* Topologies from text; see world.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "world.h"

#define WORDS 24
#define DEPTH 16

int world_init(struct world *w, u32 nodes, u32 roots, u32 busies, u32 groups)
{
	u32 i, k;

	memset(w, 0, sizeof(*w));
	w->t.node = calloc(nodes + 1, sizeof(*w->t.node));
	w->t.mark = calloc(nodes + roots + 1, sizeof(*w->t.mark));
	w->t.group = calloc(groups + 1, sizeof(*w->t.group));
	w->root = calloc(roots + 1, sizeof(*w->root));
	w->busy = calloc(busies + 1, sizeof(*w->busy));
	w->name = calloc(nodes + 1, sizeof(*w->name));
	if (!w->t.node || !w->t.mark || !w->t.group || !w->root || !w->busy || !w->name) {
		world_fini(w);
		return -ENOMEM;
	}
	for (i = 0; i < nodes; i++) {
		w->t.node[i] = (struct iomul_node){ .parent = IOMUL_NONE,
						    .group = IOMUL_NONE,
						    .window = IOMUL_RANGE_EMPTY };
		for (k = 0; k < IOMUL_BARS; k++)
			w->t.node[i].bar[k].at = IOMUL_RANGE_EMPTY;
	}
	w->t.root = w->root;
	w->t.busy = w->busy;
	w->t.groups_max = groups;
	return 0;
}

void world_fini(struct world *w)
{
	free(w->t.node);
	free(w->t.mark);
	free(w->t.group);
	free(w->root);
	free(w->busy);
	free(w->name);
	free(w->plan.step);
	memset(w, 0, sizeof(*w));
}

static int fail(struct world *w, const char *form, ...)
{
	va_list ap;

	va_start(ap, form);
	vsnprintf(w->error, sizeof(w->error), form, ap);
	va_end(ap);
	return -EINVAL;
}

/*
 * Parsing: lines in the order of the text, then nodes breadth first.
 */

struct line {
	struct iomul_node node;
	char name[WORLD_NAME];
	u32 parent; /* line, or IOMUL_NONE: on a root bus */
	u32 index; /* of its node */
	u32 last_dev; /* on the bus below: device number given last + 1 */
};

struct parser {
	struct world *w;
	struct line *line;
	u32 lines;
	u32 column[DEPTH]; /* indentation of the lines that may be parents */
	u32 above[DEPTH];
	u32 depth;
	u32 root_dev;
	char held[WORLD_NAME];
};

static bool parse_range(const char *s, struct iomul_range *r)
{
	char *end;

	r->first = strtoul(s, &end, 16);
	if (end == s || *end != '-')
		return false;
	s = end + 1;
	r->last = strtoul(s, &end, 16);
	return end != s && !*end;
}

static int parse_root(struct parser *p, char **word, u32 words)
{
	struct iomul_root *r = &p->w->root[p->w->t.roots++];
	u32 i;

	p->depth = 0;
	p->root_dev = 0;
	r->bus = p->w->t.roots - 1 ? 0x80 + 8 * p->w->t.roots : 0;
	for (i = 1; i < words; i++) {
		if (!strncmp(word[i], "low=", 4))
			r->lowest = strtoul(word[i] + 4, NULL, 16);
		else if (!strncmp(word[i], "seg=", 4))
			r->segment = strtoul(word[i] + 4, NULL, 16);
		else if (!strncmp(word[i], "bus=", 4))
			r->bus = strtoul(word[i] + 4, NULL, 16);
		else if (!parse_range(word[i], &r->aperture[r->napertures++]))
			return fail(p->w, "root: %s?", word[i]);
	}
	return 0;
}

static int parse_busy(struct parser *p, char **word, u32 words)
{
	struct iomul_busy *b = &p->w->busy[p->w->t.busies++];

	if (words < 2 || !parse_range(word[1], &b->at))
		return fail(p->w, "busy: range?");
	if (words > 2 && !strcmp(word[2], "held"))
		b->flags |= IOMUL_BUSY_HELD;
	else if (words > 2)
		snprintf(b->name, sizeof(b->name), "%s", word[2]);
	return 0;
}

static bool parse_bar(const char *s, struct iomul_bar *b)
{
	char *end;

	if (!strcmp(s, "-"))
		return true;
	if (!strcmp(s, "?")) {
		b->flags = IOMUL_BAR_UNSIZED;
		return true;
	}
	b->size = strtoul(s, &end, 16);
	if (end == s || !b->size)
		return false;
	if (*end == '@') {
		b->at.first = strtoul(end + 1, &end, 16);
		b->at.last = b->at.first + b->size - 1;
	}
	if (!strcmp(end, "/16")) {
		b->flags |= IOMUL_BAR_IO16;
		end += 3;
	}
	return !*end;
}

static const struct {
	const char *word;
	u32 set;
	u32 clear;
} words_of[] = {
	{ "io32", IOMUL_NODE_IO32, 0 },	 { "isa", IOMUL_NODE_ISA, 0 },
	{ "ari", IOMUL_NODE_ARI, 0 },	 { "nofwd", 0, IOMUL_NODE_FORWARDS },
	{ "vf", IOMUL_NODE_VF, 0 },	 { "shared", IOMUL_NODE_SHARED, 0 },
	{ "on", IOMUL_NODE_DECODES, 0 }, { "off", 0, IOMUL_NODE_DECODES },
};

static bool parse_flag(const char *s, u32 *flags)
{
	u32 i;

	for (i = 0; i < sizeof(words_of) / sizeof(words_of[0]); i++) {
		if (strcmp(s, words_of[i].word))
			continue;
		*flags = (*flags | words_of[i].set) & ~words_of[i].clear;
		return true;
	}
	return false;
}

static int parse_words(struct parser *p, struct line *l, char **word, u32 words)
{
	struct iomul_node *n = &l->node;
	u32 i, bar = 0, flags = 0, off = IOMUL_NODE_DECODES;
	unsigned int dev, fn;
	bool has_ports = false;

	for (i = 1; i < words; i++) {
		flags = n->flags;
		if (parse_flag(word[i], &flags)) {
			n->flags = flags;
			if (!strcmp(word[i], "off"))
				off = 0;
		} else if (sscanf(word[i], "@%x.%x", &dev, &fn) == 2) {
			n->addr.devfn = dev << 3 | fn;
		} else if (!strncmp(word[i], "use=", 4)) {
			n->flags |= IOMUL_NODE_IN_USE;
			snprintf(n->driver, sizeof(n->driver), "%s", word[i] + 4);
		} else if (!strncmp(word[i], "w=", 2)) {
			if (!parse_range(word[i] + 2, &n->window))
				return fail(p->w, "%s?", word[i]);
			has_ports = true;
		} else if (bar < IOMUL_BARS && parse_bar(word[i], &n->bar[bar])) {
			has_ports |= n->bar[bar].at.first <= n->bar[bar].at.last;
			bar++;
		} else {
			return fail(p->w, "%s?", word[i]);
		}
	}
	if (has_ports)
		n->flags |= off;
	return 0;
}

/* The parent is the last line above that is less indented. */
static void line_place(struct parser *p, u32 column)
{
	struct line *l = &p->line[p->lines];
	u32 *dev = &p->root_dev;

	while (p->depth && p->column[p->depth - 1] >= column)
		p->depth--;
	l->parent = p->depth ? p->above[p->depth - 1] : IOMUL_NONE;
	if (l->parent != IOMUL_NONE)
		dev = &p->line[l->parent].last_dev;
	l->node.addr.devfn = *dev << 3;
	l->node.root = p->w->t.roots - 1;
}

static void line_done(struct parser *p, u32 column)
{
	struct line *l = &p->line[p->lines];
	u32 *dev = l->parent == IOMUL_NONE ? &p->root_dev : &p->line[l->parent].last_dev;

	*dev = (l->node.addr.devfn >> 3) + 1;
	if (p->depth < DEPTH) {
		p->column[p->depth] = column;
		p->above[p->depth++] = p->lines;
	}
	p->lines++;
}

static int parse_node(struct parser *p, u32 column, char **word, u32 words)
{
	struct line *l = &p->line[p->lines];
	u32 k;
	int err;

	l->node = (struct iomul_node){ .group = IOMUL_NONE,
				       .window = { 1, 0 },
				       .vendor = 0x1af4,
				       .device = (u16)(0x1000 + p->lines),
				       .parent = IOMUL_NONE };
	for (k = 0; k < IOMUL_BARS; k++)
		l->node.bar[k].at = IOMUL_RANGE_EMPTY;
	if (!strcmp(word[0], "port"))
		l->node.flags = IOMUL_NODE_PORT | IOMUL_NODE_FORWARDS;
	else if (strcmp(word[0], "fn"))
		return fail(p->w, "%s?", word[0]);
	if (!p->w->t.roots)
		return fail(p->w, "no root");
	line_place(p, column);
	err = parse_words(p, l, word, words);
	if (!err)
		line_done(p, column);
	return err;
}

static int parse_line(struct parser *p, char *s)
{
	char *word[WORDS], *save;
	u32 words = 0, column = strspn(s, " \t");
	struct line *l = &p->line[p->lines];

	for (s = strtok_r(s, " \t", &save); s && words < WORDS; s = strtok_r(NULL, " \t", &save))
		word[words++] = s;
	if (!words)
		return 0;
	s = word[0];
	if (s[strlen(s) - 1] == ':') {
		s[strlen(s) - 1] = 0;
		snprintf(l->name, sizeof(l->name), "%s", s);
		memmove(word, word + 1, --words * sizeof(*word));
		if (!words)
			return fail(p->w, "%s: what?", s);
	}
	if (!strcmp(word[0], "root"))
		return parse_root(p, word, words);
	if (!strcmp(word[0], "busy"))
		return parse_busy(p, word, words);
	return parse_node(p, column, word, words);
}

static void emit(struct parser *p, u32 line, u32 parent)
{
	struct line *l = &p->line[line];
	struct world *w = p->w;

	l->index = w->t.nodes;
	l->node.parent = parent;
	w->t.node[w->t.nodes] = l->node;
	memcpy(w->name[w->t.nodes], l->name, WORLD_NAME);
	w->t.nodes++;
}

/* Breadth first: root buses, then the bus below each node in turn. */
static void emit_all(struct parser *p)
{
	u32 i, k, done = 0;
	struct world *w = p->w;

	for (k = 0; k < w->t.roots; k++)
		for (i = 0; i < p->lines; i++)
			if (p->line[i].parent == IOMUL_NONE && p->line[i].node.root == k)
				emit(p, i, IOMUL_NONE);
	for (; done < w->t.nodes; done++)
		for (i = 0; i < p->lines; i++)
			if (p->line[i].parent != IOMUL_NONE &&
			    p->line[p->line[i].parent].index == done)
				emit(p, i, done);
}

/* Bus numbers, depth first as firmware gives them. */
static u32 number_buses(struct world *w, u32 parent, u32 root, u32 bus)
{
	u32 i, next = bus + 1;

	for (i = 0; i < w->t.nodes; i++) {
		struct iomul_node *n = &w->t.node[i];

		if (n->parent != parent || n->root != root)
			continue;
		n->addr.bus = (u8)bus;
		n->addr.segment = w->root[root].segment;
		if (!(n->flags & IOMUL_NODE_PORT))
			continue;
		n->bus_first = (u8)next;
		next = number_buses(w, i, root, next);
		n->bus_last = (u8)(next - 1);
	}
	return next;
}

static u32 count_lines(const char *s)
{
	u32 n = 1;

	for (; *s; s++)
		n += *s == '\n';
	return n;
}

int world_parse(struct world *w, const char *text)
{
	u32 i, n = count_lines(text);
	struct parser p = { .w = w };
	char *copy = strdup(text), *s, *save;
	int err = world_init(w, n, n, n, 2 * n);

	p.line = calloc(n + 1, sizeof(*p.line));
	if (!copy || !p.line)
		err = -ENOMEM;
	for (i = 0; p.line && i < n; i++)
		p.line[i].index = IOMUL_NONE;
	for (s = err ? NULL : strtok_r(copy, "\n", &save); !err && s;
	     s = strtok_r(NULL, "\n", &save))
		err = parse_line(&p, s);
	if (!err) {
		emit_all(&p);
		for (i = 0; i < w->t.roots; i++)
			number_buses(w, IOMUL_NONE, i, w->root[i].bus);
		err = iomul_topology_init(&w->t);
		if (err)
			fail(w, "topology refused");
	}
	free(p.line);
	free(copy);
	return err;
}

/*
 * Planning.
 */

u32 world_find(const struct world *w, const char *name, size_t len)
{
	u32 i;

	for (i = 0; i < w->t.nodes; i++)
		if (strlen(w->name[i]) == len && !memcmp(w->name[i], name, len))
			return i;
	return IOMUL_NONE;
}

int world_plan(struct world *w, const char *names)
{
	u32 node, max;
	size_t len;
	int err;

	for (; *names; names += len) {
		names += strspn(names, " ");
		len = strcspn(names, " ");
		node = world_find(w, names, len);
		if (!len)
			break;
		if (node == IOMUL_NONE)
			return fail(w, "no %s", names);
		err = iomul_plan_select(&w->t, w->t.node[node].addr, &w->plan.refusal);
		if (err)
			return err;
	}
	max = iomul_plan_steps_max(&w->t);
	free(w->plan.step);
	w->plan.step = calloc(max + 1, sizeof(*w->plan.step));
	w->plan.steps_max = max;
	return w->plan.step ? iomul_plan_attach(&w->t, &w->policy, &w->plan) : -ENOMEM;
}

static void settle_step(struct world *w, const struct iomul_step *s)
{
	struct iomul_node *n = &w->t.node[s->node];

	switch (s->kind) {
	case IOMUL_STEP_DECODE:
		n->flags = s->now ? n->flags | IOMUL_NODE_DECODES : n->flags & ~IOMUL_NODE_DECODES;
		break;
	case IOMUL_STEP_HOLD:
		w->busy = realloc(w->busy, (w->t.busies + 1) * sizeof(*w->busy));
		w->t.busy = w->busy;
		w->busy[w->t.busies++] = (struct iomul_busy){ .at = s->from,
							      .flags = IOMUL_BUSY_HELD,
							      .holder = n->addr };
		break;
	case IOMUL_STEP_WIDEN:
	case IOMUL_STEP_WINDOW:
		n->window = s->to;
		break;
	case IOMUL_STEP_BAR:
		n->bar[s->bar].at = s->to;
		break;
	}
}

void world_settle(struct world *w)
{
	u32 i;

	for (i = 0; i < w->plan.steps; i++)
		settle_step(w, &w->plan.step[i]);
	for (i = 0; i < w->t.nodes; i++) {
		w->t.node[i].flags &= ~IOMUL_NODE_SELECTED;
		if (w->t.node[i].group != IOMUL_NONE)
			w->t.node[i].flags |= IOMUL_NODE_SHARED;
	}
	w->plan.steps = 0;
	iomul_topology_init(&w->t);
}

/*
 * Printing.
 */

static void append(char *text, size_t n, const char *form, ...)
{
	size_t used = strlen(text);
	va_list ap;

	va_start(ap, form);
	vsnprintf(text + used, n - used, form, ap);
	va_end(ap);
}

static const char *const reason_name[IOMUL_R_COUNT] = {
	"NONE",	      "NO_SLOT",  "BRIDGE",  "NO_IO_BAR", "IN_USE", "SHARED",  "NOT_SHARED",
	"NO_FORWARD", "ISA",	  "TOO_BIG", "NO_SPACE",  "IO16",   "UNSIZED", "OPEN",
	"LENDER",     "HARDWARE", "GONE",    "CONFLICT",  "HOOKED", "MIXED",  "SEIZED",
};

static const char *addr_name(const struct world *w, struct iomul_addr a)
{
	u32 i = iomul_topology_find(&w->t, a);

	return i == IOMUL_NONE ? "?" : w->name[i][0] ? w->name[i] : "-";
}

static void print_refusal(const struct world *w, char *text, size_t n)
{
	const struct iomul_refusal *r = &w->plan.refusal;

	append(text, n, "%s %s", r->reason < IOMUL_R_COUNT ? reason_name[r->reason] : "?",
	       addr_name(w, r->slot));
	if (memcmp(&r->at, &r->slot, sizeof(r->at)))
		append(text, n, " at=%s", addr_name(w, r->at));
	if (memcmp(&r->hint, &r->slot, sizeof(r->hint)))
		append(text, n, " hint=%s", addr_name(w, r->hint));
	if (r->need)
		append(text, n, " need=%x", r->need);
	if (r->range.first <= r->range.last)
		append(text, n, " range=%x-%x", r->range.first, r->range.last);
	if (r->who[0])
		append(text, n, " who=%.32s", r->who);
}

static void print_member(const struct world *w, u32 i, char *text, size_t n)
{
	const struct iomul_step *s;
	u32 k;

	append(text, n, " %s", w->name[i][0] ? w->name[i] : "-");
	for (k = 0; k < w->plan.steps; k++) {
		s = &w->plan.step[k];
		if (s->kind == IOMUL_STEP_BAR && s->node == i)
			append(text, n, "@%x", s->to.first);
	}
}

void world_print(const struct world *w, int err, char *text, size_t n)
{
	u32 g, i;

	text[0] = 0;
	if (err) {
		print_refusal(w, text, n);
		return;
	}
	for (g = 0; g < w->t.groups; g++) {
		append(text, n, "%s%x-%x", g ? "; " : "", w->t.group[g].window.first,
		       w->t.group[g].window.last);
		for (i = 0; i < w->t.nodes; i++)
			if (w->t.node[i].group == w->t.group[g].id &&
			    !(w->t.node[i].flags & IOMUL_NODE_PORT))
				print_member(w, i, text, n);
	}
	for (i = 0; i < w->plan.steps; i++) {
		const struct iomul_step *s = &w->plan.step[i];

		if (s->kind == IOMUL_STEP_WIDEN)
			append(text, n, "; %s=%x-%x", w->name[s->node], s->to.first, s->to.last);
	}
}
