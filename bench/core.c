// SPDX-License-Identifier: GPL-2.0-only
/*
 * Core's mux and plan alone, in user space: routed accesses a second, and the
 * time to plan 65,536 functions, each beside a plain loop of the same length; in time
 * of the processor, since others may want it too.
 * Prints one JSON object.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <linux/kernel.h>
#include "plan.h"

#define ROUNDS 7
#define ACCESSES 20000000U

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

struct spread {
	double min, median, max;
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static struct spread spread_of(double *v, int n)
{
	qsort(v, n, sizeof(*v), by_value);
	return (struct spread){ v[0], v[n / 2], v[n - 1] };
}

/* @segments root buses with @per_root root ports each, an HBA of 256 ports below each. */
static struct iomul_topology make(u32 segments, u32 per_root)
{
	struct iomul_topology t = { .nodes = segments * per_root * 2, .roots = segments,
				    .groups_max = segments };
	struct iomul_root *root = calloc(segments, sizeof(*root));
	u32 s, i, port, leaf;

	t.node = calloc(t.nodes, sizeof(*t.node));
	t.mark = calloc(t.nodes + t.roots, sizeof(*t.mark));
	t.group = calloc(segments, sizeof(*t.group));
	t.root = root;
	for (s = 0; s < segments; s++) {
		root[s] = (struct iomul_root){ .segment = s, .lowest = 0x1000, .napertures = 1,
					       .aperture = { { 0x10000 * s, 0x10000 * s + 0xffff } } };
		root[s].lowest += 0x10000 * s;
		for (i = 0; i < per_root; i++) {
			port = s * per_root + i;
			leaf = segments * per_root + port;
			t.node[port] = (struct iomul_node){
				.addr = { s, 0, i }, .root = s, .parent = IOMUL_NONE, .window = { 1, 0 },
				.flags = IOMUL_NODE_PORT | IOMUL_NODE_FORWARDS | IOMUL_NODE_IO32,
				.group = IOMUL_NONE };
			t.node[leaf] = (struct iomul_node){ .addr = { s, i + 1, 0 }, .root = s,
							    .parent = port, .window = { 1, 0 },
							    .group = IOMUL_NONE };
			t.node[leaf].bar[0] = (struct iomul_bar){ .at = { 1, 0 }, .size = 256 };
			for (u32 k = 1; k < IOMUL_BARS; k++)
				t.node[leaf].bar[k].at = IOMUL_RANGE_EMPTY;
			for (u32 k = 0; k < IOMUL_BARS; k++)
				t.node[port].bar[k].at = IOMUL_RANGE_EMPTY;
		}
	}
	return t;
}

static void drop(struct iomul_topology *t)
{
	free(t->node);
	free(t->mark);
	free(t->group);
	free((void *)t->root);
}

/* Seconds to plan @functions over 256 segments, all selected. */
static double plan_once(u32 functions, struct iomul_topology *out)
{
	struct iomul_topology t = make(256, functions / 256 / 2);
	struct iomul_refusal refusal;
	struct iomul_policy policy = { .windows = 1 };
	struct iomul_plan plan = { 0 };
	double start = now(), end;
	u32 i;

	if (iomul_topology_init(&t))
		abort();
	for (i = t.nodes / 2; i < t.nodes; i++)
		if (iomul_plan_select_node(&t, i, &refusal))
			abort();
	plan.steps_max = iomul_plan_steps_max(&t);
	plan.step = malloc(plan.steps_max * sizeof(*plan.step));
	if (iomul_plan_attach(&t, &policy, &plan))
		abort();
	end = now();
	free(plan.step);
	if (out)
		*out = t;
	else
		drop(&t);
	return end - start;
}

static struct iomul_mux build(struct iomul_topology *t, u32 **slot_node)
{
	struct iomul_mux m = { 0 };

	iomul_mux_build(t, 0, &m, NULL);
	m.bus = calloc(m.buses, sizeof(*m.bus));
	m.gate = calloc(m.gates, sizeof(*m.gate));
	m.slot = calloc(m.slots, sizeof(*m.slot));
	m.path = calloc(m.paths, sizeof(*m.path));
	*slot_node = calloc(m.slots, sizeof(**slot_node));
	if (iomul_mux_build(t, 0, &m, *slot_node))
		abort();
	return m;
}

static volatile u32 sink;

static inline void access_slot(struct iomul_mux *m, u32 slot)
{
	struct iomul_mux_step step;

	if (likely(m->owner == slot))
		return;
	while (iomul_mux_next(m, slot, &step) > 0) {
		sink = step.gate;
		iomul_mux_done(m, step, true);
	}
}

static double per_second(struct iomul_mux *m, u32 mask)
{
	double start = now();
	u32 i;

	for (i = 0; i < ACCESSES; i++) {
		access_slot(m, i & mask);
		__asm__ volatile("" ::: "memory");
	}
	return ACCESSES / (now() - start);
}

static double plain_loop(void)
{
	double start = now();
	u32 i;

	for (i = 0; i < ACCESSES; i++) {
		sink = i;
		__asm__ volatile("" ::: "memory");
	}
	return ACCESSES / (now() - start);
}

static void print(const char *name, double *v, const char *end)
{
	struct spread s = spread_of(v, ROUNDS);

	printf("  \"%s\": {\"min\": %.6g, \"median\": %.6g, \"max\": %.6g}%s\n", name, s.min,
	       s.median, s.max, end);
}

int main(void)
{
	double plain[ROUNDS], same[ROUNDS], alternating[ROUNDS], large[ROUNDS], small[ROUNDS];
	struct iomul_topology t;
	struct iomul_mux m;
	u32 *slot_node;
	int i;

	plan_once(256 * 2 * 24, &t);
	m = build(&t, &slot_node);
	for (i = 0; i < ROUNDS; i++) {
		plain[i] = plain_loop();
		same[i] = per_second(&m, 0);
		alternating[i] = per_second(&m, 1);
		large[i] = plan_once(65536, NULL) * 1e3;
		small[i] = plan_once(8192, NULL) * 1e3;
	}
	printf("{\n");
	print("plain_loop_per_s", plain, ",");
	print("same_owner_per_s", same, ",");
	print("alternating_per_s", alternating, ",");
	print("plan_65536_ms", large, ",");
	print("plan_8192_ms", small, "");
	printf("}\n");
	return 0;
}
