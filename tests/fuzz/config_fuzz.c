// SPDX-License-Identifier: GPL-2.0-only
/*
 * Servers of devices that lie about themselves (sim/hostile.h): read as the
 * kernel reads them, planned, and checked. Whatever a device says, sizes are
 * powers of two, windows lie in one piece, a plan that is made is right by the
 * oracle's lights, and what is refused names somebody who is there.
 */
#include <errno.h>
#include <string.h>
#include "bytes.h"
#include "hostile.h"
#include "oracle.h"

#define NODES 14

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static u32 draw_from(void *from, u32 below)
{
	return draw(from, below);
}

static void judge(const struct iomul_node *n)
{
	u32 k;

	for (k = 0; k < IOMUL_BARS; k++) {
		const struct iomul_bar *b = &n->bar[k];

		if (b->size && (b->size < 4 || !iomul_power_of_two(b->size)))
			DIE("BAR of %x", b->size);
		if (!b->size && !iomul_range_empty(b->at))
			DIE("a BAR without a size lies somewhere");
	}
	if (!iomul_range_empty(n->window) &&
	    ((n->window.first & 0xfff) || (n->window.last & 0xfff) != 0xfff))
		DIE("window %x-%x", n->window.first, n->window.last);
}

/* Functions on the root bus, some of them ports with one more below. */
static void make(struct world *w, struct bytes *b)
{
	struct hostile h = { .draw = draw_from, .from = b };
	u32 i, parent, devs = 2 + draw(b, NODES / 2 - 1);
	struct iomul_node *n;
	bool port;

	w->t.nodes = devs;
	for (i = 0; i < devs; i++) {
		n = &w->t.node[i];
		port = draw(b, 2);
		n->parent = IOMUL_NONE;
		n->addr.devfn = (u8)(i << 3);
		hostile_init(&h, draw(b, HOSTILE_MOODS), port);
		hostile_snapshot(&h, port, n);
		n->addr.bus = 0;
		judge(n);
	}
	for (parent = 0; parent < devs && w->t.nodes < NODES; parent++) {
		if (!(w->t.node[parent].flags & IOMUL_NODE_PORT))
			continue;
		i = w->t.nodes++;
		n = &w->t.node[i];
		n->parent = parent;
		hostile_init(&h, draw(b, HOSTILE_MOODS), false);
		hostile_snapshot(&h, false, n);
		n->addr.bus = (u8)(1 + parent);
		w->t.node[parent].bus_first = w->t.node[parent].bus_last = (u8)(1 + parent);
		judge(n);
	}
	w->t.roots = 1;
	w->root[0] = (struct iomul_root){ .lowest = 0x1000, .napertures = 1 };
	w->root[0].aperture[0] = (struct iomul_range){ 0x1000, 0xffff };
}

/* The kernel claims what lies where it may; nothing that was claimed overlaps. */
static void claim(struct world *w)
{
	const struct iomul_range all = w->root[0].aperture[0];
	struct iomul_range in, *at;
	u32 i, k, j, m;

	for (i = 0; i < w->t.nodes; i++) {
		struct iomul_node *n = &w->t.node[i];

		if (!iomul_range_contains(all, n->window))
			n->window = IOMUL_RANGE_EMPTY;
		for (j = 0; j < i; j++)
			if (n->parent == w->t.node[j].parent &&
			    iomul_range_overlaps(w->t.node[j].window, n->window))
				n->window = IOMUL_RANGE_EMPTY;
		in = n->parent == IOMUL_NONE ? all : w->t.node[n->parent].window;
		for (k = 0; k < IOMUL_BARS; k++) {
			at = &n->bar[k].at;
			if (iomul_range_empty(in) || !iomul_range_contains(in, *at))
				*at = IOMUL_RANGE_EMPTY;
			for (j = 0; j < w->t.nodes; j++) {
				if (w->t.node[j].parent == n->parent && j != n->parent &&
				    iomul_range_overlaps(w->t.node[j].window, *at))
					*at = IOMUL_RANGE_EMPTY;
				for (m = 0; m < IOMUL_BARS; m++)
					if ((j < i || (j == i && m < k)) &&
					    iomul_range_overlaps(w->t.node[j].bar[m].at, *at))
						*at = IOMUL_RANGE_EMPTY;
			}
		}
	}
}

/*
 * A port that is no gate is opened by whoever enables a device below it. BARs
 * that decode where nobody knows are the snapshot's to take as taken: none here.
 */
static void enable(struct iomul_node *n)
{
	bool opened = !iomul_range_empty(n->window), lost = false;
	u32 k;

	for (k = 0; k < IOMUL_BARS; k++) {
		if (!n->bar[k].size || !iomul_range_empty(n->bar[k].at))
			continue;
		lost = true;
		if (opened)
			n->bar[k].size = 0;
	}
	if (opened)
		n->flags |= IOMUL_NODE_DECODES;
	else if (lost)
		n->flags &= ~IOMUL_NODE_DECODES;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes b = { data, size };
	struct iomul_refusal r;
	char what[256];
	struct world w;
	u32 i, seed;

	if (world_init(&w, NODES, 1, 1, 2 * NODES))
		return 0;
	make(&w, &b);
	claim(&w);
	for (i = 0; i < w.t.nodes; i++)
		enable(&w.t.node[i]);
	w.policy.windows = draw(&b, 3);
	seed = draw(&b, 256);
	if (iomul_topology_init(&w.t))
		DIE("topology refused");
	for (i = 0; i < w.t.nodes; i++)
		iomul_plan_select_node(&w.t, i, &r);
	if (!world_plan(&w, "") && !oracle_plan(&w, seed, false, what, sizeof(what)))
		DIE("%s", what);
	world_fini(&w);
	return 0;
}
