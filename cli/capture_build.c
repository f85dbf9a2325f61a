// SPDX-License-Identifier: GPL-2.0-only
/*
 * From what the captures told to a tree.
 *
 * lspci knows where things are, the kernel's log how large they are and what
 * the root buses pass on, /proc/ioports who else holds ports. Where they differ
 * about a place, lspci counts.
 */
#include <errno.h>
#include <stdlib.h>
#include "capture.h"
#include "scan.h"

#define LOWEST 0x1000U		/* PCIBIOS_MIN_IO of Linux on x86 */
#define BAR_MOST 256U		/* ports that a BAR may have (PCI 3.0, 6.2.5.1) */
#define SHOWN 6			/* addresses in one note */

struct builder {
	struct capture *c;
	struct iomul_tree *t;
	u32 busy_room;
	u32 bridges_open;	/* ports of which it isn't told whether they forward I/O */
	u32 virtuals;		/* functions on buses that no bridge leads to */
	u32 unnamed;		/* functions that only an excerpt of the log names */
};

/* A list of addresses for a note, "0000:01:00.0, 0000:02:00.0 and 7 more". */
struct shown {
	char text[SHOWN * 14 + 24];
	u32 count;
};

static void show(struct shown *s, struct iomul_addr a)
{
	size_t n = strlen(s->text);

	if (s->count++ < SHOWN)
		snprintf(s->text + n, sizeof(s->text) - n, "%s%04x:%02x:%02x.%x", n ? ", " : "",
			 a.segment, a.bus, a.devfn >> 3, a.devfn & 7);
}

static const char *shown(struct shown *s)
{
	size_t n = strlen(s->text);

	if (s->count > SHOWN)
		snprintf(s->text + n, sizeof(s->text) - n, " and %u more", s->count - SHOWN);
	return s->text;
}

/*
 * What one function is.
 */

/* Where a BAR of unknown size may reach: its alignment bounds it. */
static struct iomul_range unsized_range(u32 first)
{
	u32 most = first & -first;

	return iomul_range_at(first, most < BAR_MOST ? most : BAR_MOST);
}

static void merge_place(struct iomul_bar *b, struct iomul_range at, u32 size)
{
	b->size = size;
	b->at = IOMUL_RANGE_EMPTY;
	if (!size)
		b->flags |= IOMUL_BAR_UNSIZED;
	if (iomul_range_empty(at))
		return;
	b->at = size ? iomul_range_at(at.first, size) : unsized_range(at.first);
}

static int merge_bar(struct builder *b, struct capture_function *f, u32 k)
{
	struct capture_bar *l = &f->lspci[k], *log = &f->kernel[k];
	u32 size = l->size ? l->size : log->io ? log->size : 0;

	if (l->memory && log->io)
		return capture_note(b->c, CAPTURE_UNUSED, 0,
				    "region %u of %04x:%02x:%02x.%x is memory to lspci and I/O in the "
				    "kernel's log: of the same machine?",
				    k, f->node.addr.segment, f->node.addr.bus,
				    f->node.addr.devfn >> 3, f->node.addr.devfn & 7);
	if (l->io) {
		if (size && !iomul_range_empty(l->at) && (l->at.first & (size - 1)))
			size = 0; /* the log is of another boot or machine */
		merge_place(&f->node.bar[k], l->at, size);
	} else if (log->io && !l->memory) {
		merge_place(&f->node.bar[k],
			    f->said & SAID_LSPCI ? IOMUL_RANGE_EMPTY : log->at, size);
	}
	return 0;
}

static void merge_port(struct builder *b, struct capture_function *f)
{
	struct iomul_node *n = &f->node;

	if (!(f->said & SAID_WINDOW) && f->kernel_window_told)
		n->window = f->kernel_window;
	if (!iomul_range_empty(n->window) &&
	    ((n->window.first | (n->window.last + 1)) & (IOMUL_GRANULE / 4 - 1)))
		n->window = IOMUL_RANGE_EMPTY;
	if (f->said & SAID_FORWARDS)
		return;
	if (iomul_range_empty(n->window) && !f->kernel_window_told)
		b->bridges_open++;
	n->flags |= IOMUL_NODE_FORWARDS;
}

static bool has_log(const struct capture_function *f)
{
	u32 k;

	for (k = 0; k < IOMUL_BARS; k++)
		if (f->kernel[k].io)
			return true;
	return false;
}

static int merge_function(struct builder *b, struct capture_function *f)
{
	u32 k, bars = f->node.flags & IOMUL_NODE_PORT ? 2 : IOMUL_BARS;
	int rc = 0;

	b->c->file = f->file;
	if ((f->node.flags & IOMUL_NODE_PORT) && !f->node.bus_first && !(f->said & SAID_BUSES) &&
	    (f->said & SAID_REGIONS))
		return capture_fail(b->c, f->line,
				    "this is a bridge, and the line with its bus numbers is missing");
	if ((f->said & SAID_UNNUMBERED) && has_log(f))
		capture_renumber(f, f->kernel);
	for (k = 0; !rc && k < bars; k++)
		rc = merge_bar(b, f, k);
	if (f->node.flags & IOMUL_NODE_PORT)
		merge_port(b, f);
	return rc;
}

/* Of no use: the log of another machine, or an excerpt that doesn't introduce it. */
static bool left_out(const struct capture *c, const struct capture_function *f)
{
	return !(f->said & SAID_LSPCI) && (c->lspci || !(f->said & SAID_KERNEL));
}

static int merge_all(struct builder *b)
{
	struct capture *c = b->c;
	struct shown other = { 0 };
	u32 i, kept = 0;
	int rc = 0;

	for (i = 0; !rc && i < c->functions; i++) {
		struct capture_function *f = &c->function[i];

		if (left_out(c, f)) {
			show(&other, f->node.addr);
			continue;
		}
		rc = merge_function(b, f);
		if (c->function + kept != f)
			c->function[kept] = *f;
		kept++;
	}
	if (rc)
		return rc;
	c->functions = kept;
	c->file = NULL;
	if (!kept)
		return capture_fail(c, 0,
				    "there is no device in it; give the output of lspci -vvv as well");
	if (!other.count)
		return 0;
	return capture_note(c, CAPTURE_UNUSED, 0,
			    "the kernel's log speaks of functions that lspci doesn't have: %s",
			    shown(&other));
}

/*
 * The order of the tree.
 */

/* The port that leads to the bus of @a, or NULL. */
static struct capture_function *port_to(struct capture *c, u16 segment, u8 bus)
{
	u32 i;

	for (i = 0; i < c->functions; i++) {
		struct iomul_node *n = &c->function[i].node;

		if ((n->flags & IOMUL_NODE_PORT) && n->addr.segment == segment &&
		    n->bus_first == bus && n->bus_first > n->addr.bus)
			return &c->function[i];
	}
	return NULL;
}

/* A port in whose range of buses @bus lies. */
static struct capture_function *port_around(struct capture *c, u16 segment, u8 bus)
{
	u32 i;

	for (i = 0; i < c->functions; i++) {
		struct iomul_node *n = &c->function[i].node;

		if ((n->flags & IOMUL_NODE_PORT) && n->addr.segment == segment &&
		    n->bus_first < bus && bus <= n->bus_last && n->addr.bus < bus)
			return &c->function[i];
	}
	return NULL;
}

static bool matters(const struct capture_function *f)
{
	return (f->node.flags & IOMUL_NODE_PORT) || iomul_node_has_io(&f->node);
}

static bool place_bus(struct builder *b, u16 segment, u8 bus, u32 root, u32 parent)
{
	u32 i;
	bool any = false;

	for (i = 0; i < b->c->functions; i++) {
		struct capture_function *f = &b->c->function[i];

		if (f->index != IOMUL_NONE || f->node.addr.segment != segment ||
		    f->node.addr.bus != bus)
			continue;
		any = true;
		f->index = b->t->nodes;
		f->node.root = root;
		f->node.parent = parent;
		b->t->node[b->t->nodes++] = f->node;
	}
	return any;
}

static int add_root(struct builder *b, struct capture_function *f)
{
	struct iomul_root *r = &b->t->root[b->t->roots];
	struct capture_function *around;
	u16 segment = f->node.addr.segment;
	u8 bus = f->node.addr.bus;

	around = port_around(b->c, segment, bus);
	if (around && matters(f)) {
		b->c->file = f->file;
		return capture_fail(b->c, f->line,
				    "the function is on bus %02x, and no bridge in the capture leads "
				    "there: one is missing below %04x:%02x:%02x.%x (line %u)",
				    bus, segment, around->node.addr.bus, around->node.addr.devfn >> 3,
				    around->node.addr.devfn & 7, around->line);
	}
	if (around) {
		b->virtuals++;
		f->index = IOMUL_NONE - 1;
		return 0;
	}
	*r = (struct iomul_root){ .segment = segment, .bus = bus, .lowest = LOWEST };
	place_bus(b, segment, bus, b->t->roots++, IOMUL_NONE);
	return 0;
}

static int add_roots(struct builder *b)
{
	struct capture *c = b->c;
	int rc = 0;
	u32 i;

	for (i = 0; !rc && i < c->functions; i++) {
		struct capture_function *f = &c->function[i];

		if (f->index == IOMUL_NONE &&
		    !port_to(c, f->node.addr.segment, f->node.addr.bus))
			rc = add_root(b, f);
	}
	return rc;
}

static int add_bus_below(struct builder *b, u32 node)
{
	struct iomul_node *n = &b->t->node[node];
	struct capture_function *first = port_to(b->c, n->addr.segment, n->bus_first);
	struct capture_function *self = capture_find(b->c, n->addr);

	if (!n->bus_first)
		return 0;
	b->c->file = self->file;
	if (n->bus_first <= n->addr.bus || n->bus_last < n->bus_first)
		return capture_fail(b->c, self->line,
				    "the bridge on bus %02x says that it leads to buses %02x to %02x",
				    n->addr.bus, n->bus_first, n->bus_last);
	if (first != self)
		return capture_fail(b->c, self->line,
				    "two bridges lead to bus %02x: this one and that of line %u",
				    n->bus_first, first->line);
	place_bus(b, n->addr.segment, n->bus_first, n->root, node);
	return 0;
}

static int build_order(struct builder *b)
{
	struct capture *c = b->c;
	int rc;
	u32 i;

	b->t->node = calloc((size_t)c->functions + 1, sizeof(*b->t->node));
	b->t->root = calloc((size_t)c->functions + 1, sizeof(*b->t->root));
	if (!b->t->node || !b->t->root)
		return -ENOMEM;
	rc = add_roots(b);
	for (i = 0; !rc && i < b->t->nodes; i++)
		if (b->t->node[i].flags & IOMUL_NODE_PORT)
			rc = add_bus_below(b, i);
	c->file = NULL;
	if (!rc && b->virtuals)
		rc = capture_note(c, CAPTURE_UNUSED, 0,
				  "%u functions without I/O BARs on buses that no bridge leads to "
				  "(virtual functions): left out",
				  b->virtuals);
	return rc;
}

/*
 * BARs that lspci doesn't print.
 */

static bool same_model(const struct capture_function *a, const struct capture_function *b)
{
	if (a->node.vendor || b->node.vendor)
		return a->node.vendor == b->node.vendor && a->node.device == b->node.device;
	return *a->name && !strcmp(a->name, b->name);
}

/* Can @f have an I/O BAR that was not printed because it has no ports? */
static bool may_hide(const struct capture_function *f)
{
	return !(f->node.flags & IOMUL_NODE_PORT) && (f->said & SAID_LSPCI) &&
	       !(f->said & (SAID_CONFIG | SAID_KERNEL | SAID_CARDBUS));
}

static bool below_shut_port(const struct iomul_tree *t, u32 node)
{
	for (node = t->node[node].parent; node != IOMUL_NONE; node = t->node[node].parent)
		if (iomul_range_empty(t->node[node].window))
			return true;
	return false;
}

static bool takes_after(struct builder *b, struct capture_function *f,
			const struct capture_function *twin)
{
	struct iomul_node *n = &b->t->node[f->index];
	bool found = false;
	u32 k;

	for (k = 0; k < IOMUL_BARS; k++) {
		if (!twin->lspci[k].io || f->lspci[k].io || f->lspci[k].memory)
			continue;
		n->bar[k].flags |= IOMUL_BAR_UNSIZED;
		found = true;
	}
	return found;
}

static bool has_twin(struct builder *b, struct capture_function *f, struct capture_function **twin)
{
	u32 i;

	for (i = 0; i < b->c->functions; i++) {
		*twin = &b->c->function[i];
		if (*twin != f && same_model(f, *twin) && takes_after(b, f, *twin))
			return true;
	}
	return false;
}

static int note_hidden(struct builder *b)
{
	struct shown like = { 0 }, blind = { 0 };
	struct capture *c = b->c;
	struct capture_function *twin;
	int rc = 0;
	u32 i;

	for (i = 0; i < c->functions; i++) {
		struct capture_function *f = &c->function[i];

		if (f->index >= b->t->nodes || !may_hide(f) || iomul_node_has_io(&f->node))
			continue;
		if (has_twin(b, f, &twin))
			show(&like, f->node.addr);
		else if (below_shut_port(b->t, f->index))
			show(&blind, f->node.addr);
	}
	if (like.count)
		rc = capture_note(c, CAPTURE_ASSUMED, 0,
				  "%s: taken to have an I/O BAR that lspci left out, as others of the "
				  "same model have one; its size is unknown. A dump (lspci -xxx) tells "
				  "whether it is there, the kernel's log (dmesg) its size",
				  shown(&like));
	if (!rc && blind.count)
		rc = capture_note(c, CAPTURE_UNKNOWN, 0,
				  "%s: behind ports without an I/O window; lspci leaves I/O BARs out "
				  "that were given no ports, so whether there are any is unknown. A dump "
				  "(lspci -xxx) tells, the kernel's log (dmesg) also their size",
				  shown(&blind));
	return rc;
}

/*
 * Root buses and what else holds ports.
 */

static struct iomul_root *find_root(struct iomul_tree *t, u32 segment, u32 bus)
{
	u32 i;

	for (i = 0; i < t->roots; i++)
		if (t->root[i].segment == segment && t->root[i].bus == bus)
			return &t->root[i];
	return NULL;
}

static void add_aperture(struct iomul_root *r, struct iomul_range at)
{
	if (r->napertures < IOMUL_APERTURES)
		r->aperture[r->napertures++] = at;
}

static int add_busy(struct builder *b, struct iomul_range at, const char *name)
{
	struct iomul_busy *more;

	if (b->t->busies == b->busy_room) {
		b->busy_room = b->busy_room ? b->busy_room * 2 : 32;
		more = reallocarray(b->t->busy, b->busy_room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		b->t->busy = more;
	}
	b->t->busy[b->t->busies] = (struct iomul_busy){ .at = at };
	snprintf(b->t->busy[b->t->busies++].name, IOMUL_NAME_MAX, "%.*s", IOMUL_NAME_MAX - 1, name);
	return 0;
}

static bool bus_of_ports(const char *name, u32 *segment, u32 *bus)
{
	return scan_word(&name, "PCI Bus ") && scan_hex(&name, 8, segment) && *name++ == ':' &&
	       scan_hex(&name, 2, bus);
}

/* The node whose BAR the line is, or IOMUL_NONE. */
static u32 bar_of_ports(struct builder *b, const struct capture_ports *p)
{
	const char *name = p->name;
	struct capture_function *f;
	struct iomul_addr addr;
	bool far;
	u32 k;

	if (!scan_addr(&name, &addr, &far) || far || *name)
		return IOMUL_NONE;
	f = capture_find(b->c, addr);
	if (!f || f->index >= b->t->nodes)
		return IOMUL_NONE;
	for (k = 0; k < IOMUL_BARS; k++)
		if (!iomul_range_empty(f->node.bar[k].at) &&
		    f->node.bar[k].at.first == p->at.first)
			return f->index;
	return IOMUL_NONE;
}

static void in_use(struct iomul_node *n, const char *by)
{
	n->flags |= IOMUL_NODE_IN_USE;
	if (!*n->driver)
		snprintf(n->driver, sizeof(n->driver), "%.*s", (int)sizeof(n->driver) - 1, by);
}

/* Walks /proc/ioports: a root's ranges, BARs with drivers below them, others. */
static int take_ports(struct builder *b)
{
	u32 i, segment, bus, owner = IOMUL_NONE, owner_depth = 0, busy_depth = ~0U;
	struct iomul_root *r;
	int rc = 0;

	for (i = 0; !rc && i < b->c->ports_n; i++) {
		const struct capture_ports *p = &b->c->ports[i];

		if (p->depth <= busy_depth)
			busy_depth = ~0U;
		if (owner != IOMUL_NONE && p->depth > owner_depth) {
			in_use(&b->t->node[owner], p->name);
			continue;
		}
		owner = IOMUL_NONE;
		if (busy_depth != ~0U)
			continue;
		if (bus_of_ports(p->name, &segment, &bus)) {
			r = find_root(b->t, segment, bus);
			if (r && !p->depth)
				add_aperture(r, p->at);
			continue;
		}
		owner = bar_of_ports(b, p);
		owner_depth = p->depth;
		if (owner != IOMUL_NONE)
			continue;
		busy_depth = p->depth;
		rc = add_busy(b, p->at, p->name);
	}
	return rc;
}

static void take_apertures(struct builder *b)
{
	u32 i, k;

	for (i = 0; i < b->c->roots; i++) {
		struct iomul_root *from = &b->c->root[i].root;
		struct iomul_root *r = find_root(b->t, from->segment, from->bus);

		for (k = 0; r && !b->c->ports_n && k < from->napertures; k++)
			add_aperture(r, from->aperture[k]);
	}
}

static void around(struct iomul_range *all, struct iomul_range r)
{
	if (iomul_range_empty(r))
		return;
	r.first &= ~(IOMUL_GRANULE - 1);
	r.last |= IOMUL_GRANULE - 1;
	if (iomul_range_empty(*all))
		*all = r;
	if (r.first < all->first)
		all->first = r.first;
	if (r.last > all->last)
		all->last = r.last;
}

/* What is in use on the bus of root @index. */
static struct iomul_range used_range(const struct iomul_tree *t, u32 index)
{
	struct iomul_range all = IOMUL_RANGE_EMPTY;
	u32 i, k;

	for (i = 0; i < t->nodes; i++) {
		if (t->node[i].parent != IOMUL_NONE || t->node[i].root != index)
			continue;
		around(&all, t->node[i].window);
		for (k = 0; k < IOMUL_BARS; k++)
			around(&all, t->node[i].bar[k].at);
	}
	return all;
}

static int assume_apertures(struct builder *b, u32 index)
{
	struct iomul_root *r = &b->t->root[index];
	struct iomul_range used = used_range(b->t, index);

	if (b->t->roots == 1) {
		add_aperture(r, (struct iomul_range){ 0, 0xcf7 });
		add_aperture(r, (struct iomul_range){ 0xd00, 0xffff });
		return capture_note(b->c, CAPTURE_ASSUMED, 0,
				    "which ports root bus %04x:%02x passes on is not told; taken to be "
				    "0000-0cf7 and 0d00-ffff. The kernel's log (dmesg) or /proc/ioports "
				    "beside it would tell",
				    r->segment, r->bus);
	}
	if (iomul_range_empty(used))
		return capture_note(b->c, CAPTURE_ASSUMED, 0,
				    "which ports root bus %04x:%02x passes on is not told; taken to be "
				    "none, as nothing below it has any",
				    r->segment, r->bus);
	add_aperture(r, used);
	return capture_note(b->c, CAPTURE_ASSUMED, 0,
			    "which ports root bus %04x:%02x passes on is not told; taken to be "
			    "%04x-%04x, what is used below it now: there may be more",
			    r->segment, r->bus, used.first, used.last);
}

static int note_drivers(struct builder *b)
{
	struct shown bound = { 0 };
	u32 i, k;

	for (i = 0; i < b->t->nodes; i++) {
		const struct iomul_node *n = &b->t->node[i];

		for (k = 0; k < IOMUL_BARS && iomul_range_empty(n->bar[k].at); k++)
			;
		if (k < IOMUL_BARS && *n->driver && !(n->flags & IOMUL_NODE_PORT) &&
		    !(n->flags & IOMUL_NODE_IN_USE))
			show(&bound, n->addr);
	}
	if (!bound.count || b->c->ports_n)
		return 0;
	return capture_note(b->c, CAPTURE_ASSUMED, 0,
			    "whether the drivers of %s use their ports is not told; taken to be no. "
			    "/proc/ioports beside it would tell",
			    shown(&bound));
}

static int note_board(struct builder *b)
{
	if (b->c->ports_n || b->c->kernel)
		return 0;
	return capture_note(b->c, CAPTURE_ASSUMED, 0,
			    "what else holds ports above 1000 (ACPI, the board) is not told; taken to "
			    "be nothing. /proc/ioports beside it would tell");
}

static int note_rest(struct builder *b)
{
	struct shown denied = { 0 }, subtractive = { 0 };
	int rc = 0;
	u32 i;

	for (i = 0; i < b->c->functions; i++) {
		struct capture_function *f = &b->c->function[i];

		if (f->said & SAID_DENIED)
			show(&denied, f->node.addr);
		if (f->said & SAID_SUBTRACTIVE)
			show(&subtractive, f->node.addr);
	}
	if (b->bridges_open)
		rc = capture_note(b->c, CAPTURE_ASSUMED, 0,
				  "whether %u ports without an I/O window can forward I/O at all is not "
				  "told; taken to be so. A dump (lspci -xxx) would tell",
				  b->bridges_open);
	if (!rc && denied.count)
		rc = capture_note(b->c, CAPTURE_UNKNOWN, 0,
				  "lspci was run without root rights: capabilities (PCI Express, ARI) "
				  "are missing");
	if (!rc && subtractive.count)
		rc = capture_note(b->c, CAPTURE_UNUSED, 0,
				  "%s: subtractive decode, which passes on what nobody else claims, is "
				  "treated like a window",
				  shown(&subtractive));
	return rc;
}

static int build_ports(struct builder *b)
{
	u32 i;
	int rc = take_ports(b);

	take_apertures(b);
	for (i = 0; !rc && i < b->t->roots; i++)
		if (!b->t->root[i].napertures)
			rc = assume_apertures(b, i);
	for (i = 0; !rc && !b->c->ports_n && i < b->c->reserved_n; i++)
		rc = add_busy(b, b->c->reserved[i].at, b->c->reserved[i].name);
	return rc;
}

/* Core's own check: whatever was read, the planner is not handed nonsense. */
static int check_tree(struct capture *c, struct iomul_tree *tree)
{
	struct iomul_topology t = { .node = tree->node, .root = tree->root, .busy = tree->busy,
				    .nodes = tree->nodes, .roots = tree->roots,
				    .busies = tree->busies };
	int rc;

	t.mark = calloc((size_t)t.nodes + t.roots + 1, sizeof(*t.mark));
	if (!t.mark)
		return -ENOMEM;
	rc = iomul_topology_init(&t);
	free(t.mark);
	return rc ? capture_fail(c, 0, "the tree it describes can't be: a range, a size or the order "
				       "of its functions is impossible") : 0;
}

int capture_build(struct capture *c)
{
	struct builder b = { .c = c };
	int rc;

	if (c->json && c->functions)
		return capture_fail(c, 0, "a snapshot needs no other file beside it");
	if (c->json)
		return c->state->groups ? 0 : check_tree(c, c->tree); /* else with its groups */
	b.t = c->tree = calloc(1, sizeof(*c->tree));
	if (!c->tree)
		return -ENOMEM;
	rc = merge_all(&b);
	if (!rc)
		rc = build_order(&b);
	if (!rc)
		rc = note_hidden(&b);
	if (!rc)
		rc = build_ports(&b);
	if (!rc)
		rc = note_drivers(&b);
	if (!rc)
		rc = note_board(&b);
	if (!rc)
		rc = note_rest(&b);
	return rc ? rc : check_tree(c, c->tree);
}
