// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does the cost of core grow with the number of functions, and no faster? Plans
 * 8,192 to 65,536 functions over 32 to 256 segments, selects all of them, builds
 * all gate trees, and compares the times.
 *
 * A segment: 8 root ports, below each a switch of 16 ports, below each of these
 * a slot of two functions. Limits on bus numbers and ports are kept.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "carry.h"
#include "world.h"

#define PORTS 8U
#define SWITCH 16U
#define FUNCTIONS 2U
#define SLOTS (PORTS * SWITCH)
#define NODES (2 * PORTS + SLOTS + SLOTS * FUNCTIONS)
#define RATIO_MAX 20.0 /* 8 is linear; the large one does not fit into the caches */
#define WALK_MAX 2.5   /* the same, with that taken out: 1 is linear, 8 is quadratic */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static struct iomul_node *add(struct world *w, u32 segment, u32 parent, u32 bus, u32 devfn)
{
	struct iomul_node *n = &w->t.node[w->t.nodes++];

	n->addr = (struct iomul_addr){ (u16)segment, (u8)bus, (u8)devfn };
	n->root = segment;
	n->parent = parent;
	return n;
}

static void add_port(struct world *w, u32 segment, u32 parent, u32 bus, u32 devfn)
{
	add(w, segment, parent, bus, devfn)->flags = IOMUL_NODE_PORT | IOMUL_NODE_FORWARDS |
						     IOMUL_NODE_IO32;
}

static void add_function(struct world *w, u32 segment, u32 parent, u32 bus, u32 devfn)
{
	struct iomul_node *n = add(w, segment, parent, bus, devfn);

	n->bar[0].size = 0x100;
	n->bar[1].size = 0x20;
}

/* Level by level over all segments, as the order of nodes wants it. */
static void build(struct world *w, u32 segments)
{
	u32 s, i, k, root_ports, upstream, downstream;

	for (s = 0; s < segments; s++) {
		w->root[s] = (struct iomul_root){ .segment = (u16)s,
						  .napertures = 1,
						  .lowest = s << 16 | 0x1000 };
		w->root[s].aperture[0] = (struct iomul_range){ s << 16, s << 16 | 0xffff };
	}
	w->t.roots = segments;
	root_ports = w->t.nodes;
	for (s = 0; s < segments; s++)
		for (i = 0; i < PORTS; i++)
			add_port(w, s, IOMUL_NONE, 0, i << 3);
	upstream = w->t.nodes;
	for (i = 0; i < segments * PORTS; i++)
		add_port(w, i / PORTS, root_ports + i, 1 + i % PORTS, 0);
	downstream = w->t.nodes;
	for (i = 0; i < segments * PORTS; i++)
		for (k = 0; k < SWITCH; k++)
			add_port(w, i / PORTS, upstream + i, 9 + i % PORTS, k << 3);
	for (i = 0; i < segments * SLOTS; i++)
		for (k = 0; k < FUNCTIONS; k++)
			add_function(w, i / SLOTS, downstream + i, 17 + i % SLOTS, k);
}

static u32 build_muxes(struct world *w)
{
	struct iomul_mux mux;
	u32 g, *slot_node, slots = 0;

	for (g = 0; g < w->t.groups; g++) {
		if (mux_alloc(&w->t, w->t.group[g].id, &mux, &slot_node))
			return 0;
		slots += iomul_mux_valid(&mux) ? mux.slots : 0;
		mux_free(&mux, slot_node);
	}
	return slots;
}

struct times {
	double init, select, plan, mux, all;
};

static bool select_all(struct world *w)
{
	struct iomul_refusal r;
	u32 i;

	for (i = 0; i < w->t.nodes; i++)
		if (!(w->t.node[i].flags & IOMUL_NODE_PORT) && iomul_slot_first(&w->t, i) &&
		    iomul_plan_select_node(&w->t, i, &r))
			return false;
	return true;
}

/* The best of a few runs: others use the machine as well. */
static bool measure(u32 segments, u32 windows, struct times *best)
{
	struct times t;
	struct world w;
	double at[5];
	u32 run, k;
	bool ok;

	for (run = 0; run < 5; run++) {
		if (world_init(&w, segments * NODES, segments, 0, segments * 16))
			return false;
		build(&w, segments);
		w.policy.windows = windows;
		at[0] = now();
		ok = !iomul_topology_init(&w.t);
		at[1] = now();
		ok = ok && select_all(&w);
		at[2] = now();
		ok = ok && !world_plan(&w, "");
		at[3] = now();
		ok = ok && build_muxes(&w) == segments * SLOTS;
		at[4] = now();
		for (k = 0; k < 4; k++)
			((double *)&t)[k] = at[k + 1] - at[k];
		t.all = at[4] - at[0];
		if (!run || t.all < best->all)
			*best = t;
		world_fini(&w);
		if (!ok)
			return false;
	}
	return true;
}

static bool compare(u32 windows)
{
	static const u32 segments[] = { 32, 64, 128, 256 };
	struct times t[ARRAY_SIZE(segments)];
	double ratio, walk;
	u32 i, functions;

	printf("%s\n", windows ? "one window a root" : "as many windows as useful");
	for (i = 0; i < ARRAY_SIZE(segments); i++) {
		if (!measure(segments[i], windows, &t[i])) {
			printf("  %u segments: no plan\n", segments[i]);
			return false;
		}
		functions = segments[i] * SLOTS * FUNCTIONS;
		printf("  %6u functions %6.1f ms, %3.0f ns each: init %.1f, select %.1f, plan %.1f, gate trees %.1f\n",
		       functions, t[i].all * 1e3, t[i].all / functions * 1e9, t[i].init * 1e3,
		       t[i].select * 1e3, t[i].plan * 1e3, t[i].mux * 1e3);
	}
	/* init is a walk over the nodes: what memory costs, it costs as well. */
	ratio = t[3].all / t[0].all;
	walk = t[3].init / t[0].init;
	printf("  ratio of 64k to 8k: %.1f; of a mere walk: %.1f\n", ratio, walk);
	return ratio < RATIO_MAX && ratio < WALK_MAX * walk;
}

int main(void)
{
	u32 passed = 0;

	passed += compare(1);
	passed += compare(0);
	printf("%u passed, %u failed\n", passed, 2 - passed);
	return passed != 2;
}
