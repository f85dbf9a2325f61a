// SPDX-License-Identifier: GPL-2.0-only
/*
 * iomul tree: the PCI tree down to what has I/O ports or shares, in the manner
 * of lspci -t; gates with their group, owners, windows. --dot for Graphviz.
 */
#include <stdlib.h>
#include <string.h>
#include "from.h"

#define DEPTH 64

struct trees {
	struct view view;
	struct iomul_state *state;	/* NULL: the module isn't there */
};

/* Node @i is on the way to something with an I/O BAR. */
static bool relevant(const struct iomul_topology *t, u32 i)
{
	u32 k, up;

	for (k = i; k < t->nodes; k++) {
		if ((t->node[k].flags & IOMUL_NODE_PORT) || !iomul_node_has_io(&t->node[k]))
			continue;
		for (up = k; up != IOMUL_NONE; up = t->node[up].parent)
			if (up == i)
				return true;
	}
	return t->node[i].group != IOMUL_NONE;
}

static const struct iomul_slot_status *slot_of(const struct trees *s, struct iomul_addr addr)
{
	u32 i;

	for (i = 0; s->state && i < s->state->slots; i++)
		if (addr_same_slot(s->state->slot[i].addr, addr))
			return &s->state->slot[i];
	return NULL;
}

static struct iomul_range ports_of(const struct iomul_node *n)
{
	u32 k;

	for (k = 0; k < IOMUL_BARS; k++)
		if (!iomul_range_empty(n->bar[k].at))
			return n->bar[k].at;
	return IOMUL_RANGE_EMPTY;
}

/* Is a slot of the group with its path through port @node the owner? */
static bool gate_open(const struct trees *s, u32 node)
{
	const struct iomul_topology *t = &s->view.t;
	u32 i, up;

	for (i = 0; s->state && i < s->state->slots; i++) {
		if (!(s->state->slot[i].flags & IOMUL_SLOT_OWNER))
			continue;
		up = iomul_topology_find(t, s->state->slot[i].addr);
		for (; up != IOMUL_NONE; up = t->node[up].parent)
			if (up == node)
				return true;
	}
	return false;
}

/* What is said behind the address of @i. */
static void describe(const struct trees *s, u32 i, char *text, size_t size)
{
	const struct iomul_node *n = &s->view.t.node[i];
	const struct iomul_slot_status *slot = slot_of(s, n->addr);
	char range[24], name[80];
	bool port = n->flags & IOMUL_NODE_PORT;

	if (port && n->group != IOMUL_NONE)
		snprintf(text, size, "gate%s group %u", gate_open(s, i) ? ", open," : ",", n->group);
	else if (port)
		snprintf(text, size, "window %s", range_text(n->window, range));
	else if (iomul_range_empty(ports_of(n)) && iomul_node_has_io(n))
		snprintf(text, size, "starved  %s", function_name(&s->view, n, name, sizeof(name)));
	else if (!iomul_node_has_io(n))
		snprintf(text, size, "%s", function_name(&s->view, n, name, sizeof(name)));
	else
		snprintf(text, size, "%s%s%s  %s", range_text(ports_of(n), range),
			 n->group != IOMUL_NONE ? " shared" : "",
			 slot && (slot->flags & IOMUL_SLOT_OWNER) ? ", owner" : "",
			 function_name(&s->view, n, name, sizeof(name)));
}

static const char *colour_of(const struct trees *s, u32 i)
{
	const struct iomul_node *n = &s->view.t.node[i];
	const struct iomul_slot_status *slot = slot_of(s, n->addr);

	if (!colours_wanted())
		return "";
	if (n->flags & IOMUL_NODE_PORT)
		return gate_open(s, i) ? "\033[32m" : "";
	if (iomul_node_starved(n) && n->group == IOMUL_NONE)
		return "\033[31m";
	return slot && (slot->flags & IOMUL_SLOT_OWNER) ? "\033[1;32m" : "";
}

static void print_bus(const struct trees *s, u32 bus, char prefix[DEPTH * 8], u32 depth);

static void print_node(const struct trees *s, u32 i, bool last, char prefix[DEPTH * 8], u32 depth)
{
	const struct iomul_node *n = &s->view.t.node[i];
	const char *colour = colour_of(s, i);
	size_t length = strlen(prefix);
	char text[200], bus[24] = "";

	describe(s, i, text, sizeof(text));
	if (n->flags & IOMUL_NODE_PORT) {
		snprintf(bus, sizeof(bus), n->bus_last > n->bus_first ? "-[%02x-%02x]" : "-[%02x]",
			 n->bus_first, n->bus_last);
	}
	printf("%s%s-%02x.%x%s  %s%s%s\n", prefix, last ? "\\" : "+", n->addr.devfn >> 3,
	       n->addr.devfn & 7, bus, colour, text, *colour ? "\033[0m" : "");
	if (!(n->flags & IOMUL_NODE_PORT) || depth >= DEPTH - 2)
		return;
	snprintf(prefix + length, 8, "%s", last ? "      " : "|     ");
	print_bus(s, i, prefix, depth + 1);
	prefix[length] = '\0';
}

static void print_bus(const struct trees *s, u32 bus, char prefix[DEPTH * 8], u32 depth)
{
	const struct iomul_topology *t = &s->view.t;
	u32 i, last = IOMUL_NONE;

	for (i = t->mark[bus].child; i < t->mark[bus].child + t->mark[bus].children; i++)
		if (relevant(t, i))
			last = i;
	for (i = t->mark[bus].child; i < t->mark[bus].child + t->mark[bus].children; i++)
		if (relevant(t, i))
			print_node(s, i, i == last, prefix, depth);
}

static void print_groups(const struct trees *s)
{
	char range[24], addr[ADDR_TEXT];
	u32 i;

	for (i = 0; s->state && i < s->state->groups; i++) {
		const struct iomul_group_status *g = &s->state->group[i];

		printf("%sGroup %u: window %s, %u slots, %u gates in %u level%s, owner %s\n",
		       i ? "" : "\n", g->id, range_text(g->window, range), g->slots, g->gates,
		       g->levels, g->levels == 1 ? "" : "s",
		       g->has_owner ? addr_slot(g->owner, addr) : "nobody");
	}
}

static void print_text(const struct trees *s)
{
	const struct iomul_topology *t = &s->view.t;
	char prefix[DEPTH * 8] = " ";
	u32 i, k;

	for (i = 0; i < t->roots; i++) {
		printf("-[%04x:%02x]-  ports", t->root[i].segment, t->root[i].bus);
		for (k = 0; k < t->root[i].napertures; k++)
			printf(" %04x-%04x", t->root[i].aperture[k].first, t->root[i].aperture[k].last);
		putchar('\n');
		print_bus(s, t->nodes + i, prefix, 0);
	}
	print_groups(s);
}

/*
 * Graphviz.
 */

static void dot_text(const char *text)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putchar('\\');
		putchar(*text);
	}
}

static void dot_node(const struct trees *s, u32 i)
{
	const struct iomul_node *n = &s->view.t.node[i];
	bool gate = n->group != IOMUL_NONE, open = gate_open(s, i);
	char text[200], addr[ADDR_TEXT];

	describe(s, i, text, sizeof(text));
	printf("  n%u [shape=%s%s label=\"%s\\n", i, n->flags & IOMUL_NODE_PORT ? "box" : "ellipse",
	       open ? " penwidth=3" : gate ? " style=dashed" : "", addr_function(n->addr, addr));
	dot_text(text);
	puts("\"];");
	if (n->parent == IOMUL_NONE)
		printf("  r%u -- n%u", n->root, i);
	else
		printf("  n%u -- n%u", n->parent, i);
	printf("%s;\n", open ? " [penwidth=3]" : gate ? " [style=dashed]" : "");
}

static void print_dot(const struct trees *s)
{
	const struct iomul_topology *t = &s->view.t;
	u32 i;

	puts("graph iomul {\n  rankdir=LR;\n  node [fontname=\"DejaVu Sans\" fontsize=10];\n"
	     "  label=\"I/O ports. Dashed: a gate or slot that shares, shut. Bold: open.\";");
	for (i = 0; i < t->roots; i++)
		printf("  r%u [shape=folder label=\"root bus %04x:%02x\"];\n", i, t->root[i].segment,
		       t->root[i].bus);
	for (i = 0; i < t->nodes; i++)
		if (relevant(t, i))
			dot_node(s, i);
	puts("}");
}

static int load(struct trees *s, const struct verb_options *o)
{
	struct iomul_ctx *ctx;
	int rc, code;

	if (o->sources)
		return view_from(&s->view, o->from, o->sources);
	if (getenv("IOMUL_SYSFS") || device_open(&ctx, false, true))
		return view_load(&s->view, NULL);
	code = view_load(&s->view, ctx);
	rc = code ? 0 : iomul_state_get(ctx, &s->state);
	iomul_ctx_close(ctx);
	return rc ? device_failed(rc, "reading the state") : code;
}

static int run(const struct command *self, int argc, char **argv)
{
	struct trees s = { 0 };
	struct verb_options o;
	int code = verb_parse(&o, self, "fd", argc, argv);

	if (code != CHOICE_GO)
		return code;
	code = load(&s, &o);
	if (!code) {
		if (o.dot)
			print_dot(&s);
		else
			print_text(&s);
	}
	view_free(&s.view);
	iomul_state_put(s.state);
	verb_free(&o);
	return code;
}

const struct command cmd_tree = {
	"tree",
	"[--dot] [--from FILE]...",
	"Shows the tree of gates and owners, as lspci -t does the bus",
	"Only what leads to I/O ports is shown. Windows are those of bridges of their own.\n\n"
	"  --dot          for Graphviz: iomul tree --dot | dot -Tsvg > tree.svg\n"
	"  --from FILE    of another machine, from captures of it; see iomul plan --help\n",
	run
};
