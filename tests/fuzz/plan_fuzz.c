// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random servers, random selections, twice in a row: what core plans is carried
 * out and judged by the oracle; what it refuses for want of room is searched
 * for by hand.
 */
#include <errno.h>
#include <string.h>
#include "oracle.h"
#include "random_world.h"

#define STORY (RANDOM_WORLD_TEXT + 4096)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take(u8 *used, struct iomul_range r)
{
	u32 p;

	for (p = r.first; r.first <= r.last && p <= r.last && p < 0x20000; p++)
		used[p] = 1;
}

/* Is there a naturally aligned free range of @need bytes on the root of @slot? */
static bool room_on_root(const struct world *w, u32 root, u32 need)
{
	static u8 used[0x20000];
	u32 i, k, n, align = 0x1000;

	memset(used, 1, sizeof(used));
	for (i = 0; i < w->root[root].napertures; i++)
		for (k = w->root[root].aperture[i].first; k <= w->root[root].aperture[i].last; k++)
			used[k] = k < w->root[root].lowest;
	for (i = 0; i < w->t.nodes; i++) {
		take(used, w->t.node[i].window);
		for (k = 0; k < IOMUL_BARS; k++)
			take(used, w->t.node[i].bar[k].at);
	}
	for (i = 0; i < w->t.busies; i++)
		take(used, w->busy[i].at);
	for (i = 0; i < w->t.groups; i++)
		take(used, w->t.group[i].window);
	while (align < need)
		align *= 2;
	for (i = 0; i + need <= sizeof(used); i += align) {
		for (n = 0; n < need && !used[i + n]; n++)
			;
		if (n == need)
			return true;
	}
	return false;
}

static void judge_refusal(struct world *w, int err, const char *text)
{
	const struct iomul_refusal *r = &w->plan.refusal;
	struct iomul_refusal unused;
	u32 node;

	if (err != -iomul_reason_errno(r->reason) || !r->reason)
		DIE("%s: error %d, reason %u", text, err, r->reason);
	node = iomul_topology_find(&w->t, r->slot);
	if (node == IOMUL_NONE || iomul_topology_find(&w->t, r->at) == IOMUL_NONE ||
	    iomul_topology_find(&w->t, r->hint) == IOMUL_NONE)
		DIE("%s: refusal %u names nobody", text, r->reason);
	if (r->reason != IOMUL_R_NO_SPACE)
		return;
	if (!w->policy.reserve && r->need < 0x8000 &&
	    room_on_root(w, w->t.node[node].root, r->need))
		DIE("%s: %x bytes refused, and there is room", text, r->need);
	if (memcmp(&r->hint, &r->slot, sizeof(r->hint)) &&
	    iomul_plan_check(&w->t, iomul_topology_find(&w->t, r->hint), &unused))
		DIE("%s: the hint can't be selected", text);
}

/* What was selected and came of it, for the report. */
static void tell(const struct world *w, int err, char *story)
{
	size_t used = strlen(story);
	u32 i;

	used += snprintf(story + used, STORY - used, "windows %u, reserve %u:", w->policy.windows,
			 w->policy.reserve);
	for (i = 0; i < w->t.nodes; i++)
		if (w->t.node[i].flags & IOMUL_NODE_SELECTED)
			used += snprintf(story + used, STORY - used, " %s", w->name[i]);
	used += snprintf(story + used, STORY - used, "\n  ");
	world_print(w, err, story + used, STORY - used);
	strcat(story, "\n");
}

static int plan_round(struct world *w, struct bytes *b, u32 functions, char *text)
{
	struct iomul_refusal r;
	char what[256], name[16];
	u32 i, max, seed = draw(b, 256);
	int err;

	w->policy.windows = draw(b, 5);
	w->policy.reserve = chance(b, 4) ? draw(b, 4) : 0;
	for (i = 0; i < functions; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		if (!draw(b, 4))
			continue;
		err = iomul_plan_select_node(&w->t, world_find(w, name, strlen(name)), &r);
		if (err != -iomul_reason_errno(r.reason))
			DIE("%s: select: error %d, reason %u", text, err, r.reason);
	}
	max = iomul_plan_steps_max(&w->t);
	err = world_plan(w, "");
	tell(w, err, text);
	if (err == -ENOBUFS || w->plan.steps > max)
		DIE("%s: no room, %u steps of %u", text, w->plan.steps, max);
	if (err)
		judge_refusal(w, err, text);
	else if (!oracle_plan(w, seed, false, what, sizeof(what)))
		DIE("%s%s", text, what);
	return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes b = { data, size };
	char text[STORY];
	u32 functions = random_world(&b, text);
	struct world w;

	if (world_parse(&w, text))
		DIE("%s: %s", text, w.error);
	if (!plan_round(&w, &b, functions, text)) {
		world_settle(&w);
		plan_round(&w, &b, functions, text);
	}
	world_fini(&w);
	return 0;
}
