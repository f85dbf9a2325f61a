// SPDX-License-Identifier: GPL-2.0-only
/* Which slots are meant: those named, all, or the starved ones. */
#include <errno.h>
#include <stdlib.h>
#include "cli.h"

static bool counts(const struct iomul_node *n)
{
	return !(n->flags & IOMUL_NODE_PORT) && iomul_node_has_io(n);
}

/* Has the slot an I/O BAR, and (--starved) one without ports? */
static bool slot_wanted(const struct view *v, u32 first, bool starved)
{
	u32 i, count;

	iomul_slot_span(&v->t, first, &count);
	for (i = first; i < first + count; i++)
		if (counts(&v->t.node[i]) && (!starved || iomul_node_starved(&v->t.node[i])))
			return true;
	return false;
}

static int skip(struct skipped *s, u32 node, const struct iomul_refusal *why)
{
	u32 *nodes = reallocarray(s->node, s->count + 1, sizeof(*nodes));
	struct iomul_refusal *whys;

	if (!nodes)
		return -ENOMEM;
	s->node = nodes;
	whys = reallocarray(s->why, s->count + 1, sizeof(*whys));
	if (!whys)
		return -ENOMEM;
	s->why = whys;
	s->node[s->count] = node;
	s->why[s->count++] = *why;
	return 0;
}

static int choose_each(struct view *v, bool starved, struct skipped *skipped)
{
	struct iomul_refusal why;
	u32 i, chosen = 0;

	for (i = 0; i < v->t.nodes; i++) {
		if (!iomul_slot_first(&v->t, i) || !slot_wanted(v, i, starved))
			continue;
		if (!iomul_plan_select_node(&v->t, i, &why))
			chosen++;
		else if (skip(skipped, i, &why))
			return out_of_memory();
	}
	return chosen ? EXIT_DONE : EXIT_REFUSED;
}

int choose(struct view *v, const struct choice *ch, struct skipped *skipped,
	   struct iomul_refusal *refusal)
{
	u32 i;

	*skipped = (struct skipped){ 0 };
	*refusal = (struct iomul_refusal){ 0 };
	if (!ch->slots)
		return choose_each(v, ch->starved, skipped);
	for (i = 0; i < ch->slots; i++)
		if (iomul_plan_select(&v->t, ch->slot[i], refusal))
			return EXIT_REFUSED;
	return EXIT_DONE;
}

static bool slot_selected(const struct view *v, u32 first)
{
	u32 i, count;

	iomul_slot_span(&v->t, first, &count);
	for (i = first; i < first + count; i++)
		if (v->t.node[i].flags & IOMUL_NODE_SELECTED)
			return true;
	return false;
}

struct iomul_addr *chosen_slots(const struct view *v, u32 *count)
{
	struct iomul_addr *slot = calloc((size_t)v->t.nodes + 1, sizeof(*slot));
	u32 i;

	*count = 0;
	for (i = 0; slot && i < v->t.nodes; i++) {
		if (!iomul_slot_first(&v->t, i) || !slot_selected(v, i))
			continue;
		slot[*count] = v->t.node[i].addr;
		slot[(*count)++].devfn &= ~7;
	}
	return slot;
}

void skipped_print(const struct view *v, const struct skipped *s)
{
	char *text;
	u32 i;

	for (i = 0; i < s->count; i++) {
		text = refusal_text(&s->why[i], v);
		complain("skipped %s", text ? text : "");
		free(text);
	}
}

struct json_object *skipped_json(const struct view *v, const struct skipped *s)
{
	struct json_object *a = json_object_new_array();
	u32 i;

	for (i = 0; i < s->count; i++)
		json_object_array_add(a, refusal_json(&s->why[i], v));
	return a;
}

void skipped_free(struct skipped *s)
{
	free(s->node);
	free(s->why);
	*s = (struct skipped){ 0 };
}
