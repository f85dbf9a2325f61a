// SPDX-License-Identifier: GPL-2.0-only
/*
 * Topologies that lie: nodes, roots, groups made of the input's bytes as they
 * are. Core refuses them or plans something; it does not crash, hang, or write
 * beyond the rooms that it was told of.
 */
#include <errno.h>
#include <string.h>
#include "bytes.h"

#define NODES 12
#define ROOTS 2
#define BUSIES 2
#define GROUPS 6

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fill(struct bytes *b, void *to, size_t n)
{
	size_t k = n < b->left ? n : b->left;

	memcpy(to, b->at, k);
	b->at += k;
	b->left -= k;
}

/* Mostly sane, so that more than the first check is reached. */
static void repair(struct world *w, struct bytes *b)
{
	u32 i, k;

	for (i = 0; i < w->t.nodes; i++) {
		struct iomul_node *n = &w->t.node[i];

		if (chance(b, 16))
			continue;
		n->root = 0;
		n->parent = n->parent % 4 ? IOMUL_NONE : i ? (i - 1) / 2 : IOMUL_NONE;
		n->addr.devfn = (u8)(i * 8 + n->addr.devfn % 8);
		n->group = n->group % 4 ? IOMUL_NONE : n->group % 3;
		for (k = 0; k < IOMUL_BARS; k++) {
			struct iomul_bar *r = &n->bar[k];

			r->size = r->size % 3 ? 0 : 1U << (2 + r->size % 30);
			r->at.first &= 0xffff;
			r->at.last = r->at.first + r->size - 1;
			if (!r->size || r->flags & 4)
				r->at = IOMUL_RANGE_EMPTY;
		}
	}
	for (i = 0; i < ROOTS; i++)
		w->root[i].napertures %= IOMUL_APERTURES + 1;
}

/* For a person who looks at what was found. */
static void show(const struct world *w)
{
	u32 i, k;

	for (i = 0; i < w->t.groups; i++)
		fprintf(stderr, "group %u, anchor %u of %u+%u, %x-%x\n", w->t.group[i].id,
			w->t.group[i].anchor, w->t.nodes, w->t.roots, w->t.group[i].window.first,
			w->t.group[i].window.last);
	for (i = 0; i < w->t.nodes; i++) {
		const struct iomul_node *n = &w->t.node[i];

		fprintf(stderr, "%u: root %u parent %d devfn %x flags %x group %d window %x-%x", i,
			n->root, (int)n->parent, n->addr.devfn, n->flags, (int)n->group,
			n->window.first, n->window.last);
		for (k = 0; k < IOMUL_BARS; k++)
			if (n->bar[k].size)
				fprintf(stderr, " %x@%x", n->bar[k].size, n->bar[k].at.first);
		fputc('\n', stderr);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes b = { data, size };
	struct iomul_refusal r;
	struct iomul_mux mux = { 0 };
	struct world w;
	u32 i;

	if (world_init(&w, NODES, ROOTS, BUSIES, GROUPS))
		return 0;
	w.t.nodes = 1 + draw(&b, NODES);
	w.t.roots = 1 + draw(&b, ROOTS);
	w.t.busies = draw(&b, BUSIES + 1);
	w.t.groups = draw(&b, 3);
	w.policy.windows = draw(&b, 4);
	w.policy.reserve = draw(&b, 3);
	fill(&b, w.root, ROOTS * sizeof(*w.root));
	fill(&b, w.busy, BUSIES * sizeof(*w.busy));
	for (i = 0; i < w.t.groups; i++) {
		w.t.group[i].id = draw(&b, 4);
		w.t.group[i].anchor = draw(&b, NODES + ROOTS);
		fill(&b, &w.t.group[i].window, sizeof(struct iomul_range));
	}
	for (i = 0; i < w.t.nodes; i++)
		fill(&b, &w.t.node[i], sizeof(w.t.node[i]));
	repair(&w, &b);
	if (getenv("HOSTILE_SHOW"))
		show(&w);
	if (!iomul_topology_init(&w.t)) {
		for (i = 0; i < w.t.nodes; i++)
			iomul_plan_select_node(&w.t, i, &r);
		if (!world_plan(&w, ""))
			iomul_plan_valid(&w.t, &w.plan);
		for (i = 0; i < GROUPS; i++)
			iomul_mux_build(&w.t, i, &mux, NULL);
	}
	world_fini(&w);
	return 0;
}
