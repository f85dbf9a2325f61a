// SPDX-License-Identifier: GPL-2.0-only
/* Who has the ports of a root bus: the answer to "why did mine get none?" */
#include <stdlib.h>
#include "cli.h"
#include "from.h"

/* First function with an I/O BAR at or below @node. */
static u32 leaf_below(const struct iomul_topology *t, u32 node)
{
	u32 i, up;

	for (i = node; i < t->nodes; i++) {
		if ((t->node[i].flags & IOMUL_NODE_PORT) || !iomul_node_has_io(&t->node[i]))
			continue;
		for (up = i; up != IOMUL_NONE; up = t->node[up].parent)
			if (up == node)
				return i;
	}
	return IOMUL_NONE;
}

static bool in_root(const struct iomul_root *root, struct iomul_range at)
{
	u32 i;

	for (i = 0; i < root->napertures; i++)
		if (iomul_range_overlaps(root->aperture[i], at) && at.last >= root->lowest)
			return true;
	return !root->napertures;
}

static int by_first(const void *a, const void *b)
{
	const struct holder *x = a, *y = b;

	return (x->at.first > y->at.first) - (x->at.first < y->at.first);
}

static void add(struct holder *h, u32 *n, struct iomul_range at, u32 node, u32 leaf,
		const char *name)
{
	if (!iomul_range_empty(at))
		h[(*n)++] = (struct holder){ at, node, leaf, name };
}

static void add_node(const struct iomul_topology *t, struct holder *h, u32 *n, u32 i)
{
	const struct iomul_node *node = &t->node[i];
	u32 k;

	if (node->flags & IOMUL_NODE_SHARED)
		return; /* the group's window is listed */
	if (node->flags & IOMUL_NODE_PORT)
		add(h, n, node->window, i, leaf_below(t, i), NULL);
	for (k = 0; k < IOMUL_BARS; k++)
		add(h, n, node->bar[k].at, i, i, NULL);
}

struct holder *holders(const struct view *v, u32 root, u32 *count)
{
	const struct iomul_topology *t = &v->t;
	const struct iomul_mark *m = &t->mark[t->nodes + root];
	struct holder *h;
	u32 i;

	*count = 0;
	h = calloc((size_t)m->children * (IOMUL_BARS + 1) + t->busies + t->groups + 1, sizeof(*h));
	if (!h)
		return NULL;
	for (i = m->child; i < m->child + m->children; i++)
		add_node(t, h, count, i);
	for (i = 0; i < t->busies; i++)
		if (in_root(&t->root[root], t->busy[i].at))
			add(h, count, t->busy[i].at,
			    t->busy[i].flags & IOMUL_BUSY_HELD ?
				    iomul_topology_find(t, t->busy[i].holder) :
				    IOMUL_NONE,
			    IOMUL_NONE, t->busy[i].name);
	if (*count)
		qsort(h, *count, sizeof(*h), by_first);
	return h;
}

static void holder_print(FILE *to, const struct view *v, const struct holder *h)
{
	char range[24], addr[ADDR_TEXT], name[96];
	const struct iomul_node *leaf;

	fprintf(to, "  %s  ", range_text(h->at, range));
	if (h->name) {
		fprintf(to, "%s", h->name);
		if (h->node != IOMUL_NONE)
			fprintf(to, ", kept for %s", addr_slot(v->t.node[h->node].addr, addr));
	} else if (h->leaf == IOMUL_NONE) {
		fprintf(to, "port %s, with nothing that has ports",
			addr_function(v->t.node[h->node].addr, addr));
	} else {
		leaf = &v->t.node[h->leaf];
		fprintf(to, "%s %s", addr_function(leaf->addr, addr),
			function_name(v, leaf, name, sizeof(name)));
	}
	fputc('\n', to);
}

void holders_print(FILE *to, const struct view *v, u32 root, u32 most)
{
	u32 i, count, shown;
	struct holder *h = holders(v, root, &count);

	if (!h)
		return;
	shown = most && count > most ? most : count;
	fprintf(to, "Ports of root bus %04x:%02x are held by:\n", v->t.root[root].segment,
		v->t.root[root].bus);
	for (i = 0; i < shown; i++)
		holder_print(to, v, &h[i]);
	if (shown < count)
		fprintf(to, "  and %u more; 'iomul plan' lists them\n", count - shown);
	free(h);
}

struct json_object *holders_json(const struct view *v, u32 root)
{
	struct json_object *a = json_object_new_array(), *o;
	u32 i, count;
	struct holder *h = holders(v, root, &count);

	for (i = 0; h && i < count; i++) {
		o = json_object_new_object();
		json_put(o, "range", json_range(h[i].at));
		json_put(o, "holder", h[i].node == IOMUL_NONE ?
					      NULL :
					      json_function(v->t.node[h[i].node].addr));
		json_put(o, "function", h[i].leaf == IOMUL_NONE ?
						NULL :
						json_function(v->t.node[h[i].leaf].addr));
		json_put_text(o, "name", h[i].name);
		json_object_array_add(a, o);
	}
	free(h);
	return a;
}
