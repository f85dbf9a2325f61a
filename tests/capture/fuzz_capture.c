// SPDX-License-Identifier: GPL-2.0-only
/*
 * libFuzzer: whatever the captures say, nothing crashes, an error has words, and
 * what comes out is a tree that core accepts and can plan for.
 *
 * The input is up to eight texts with \x1e between them, as given by so many
 * --from; which parser takes what decides itself as in the command.
 */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "capture.h"
#include "plan.h"

static void plan_for(struct iomul_tree *tree)
{
	struct iomul_topology t = { .node = tree->node, .root = tree->root, .busy = tree->busy,
				    .nodes = tree->nodes, .roots = tree->roots,
				    .busies = tree->busies, .groups_max = tree->nodes };
	struct iomul_policy policy = { .windows = 1 };
	struct iomul_plan plan = { 0 };
	struct iomul_refusal refusal;
	u32 i;

	t.mark = calloc(t.nodes + t.roots + 1, sizeof(*t.mark));
	t.group = calloc(t.groups_max + 1, sizeof(*t.group));
	assert(t.mark && t.group && !iomul_topology_init(&t));
	for (i = 0; i < t.nodes; i++)
		if (iomul_slot_first(&t, i) && t.node[i].group == IOMUL_NONE)
			iomul_plan_select_node(&t, i, &refusal);
	plan.steps_max = iomul_plan_steps_max(&t);
	plan.step = calloc(plan.steps_max + 1, sizeof(*plan.step));
	assert(plan.step);
	iomul_plan_attach(&t, &policy, &plan);
	free(plan.step);
	free(t.mark);
	free(t.group);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct capture c = { 0 };
	const uint8_t *end;
	size_t length;
	char *text;
	int rc = 0, texts = 0;

	while (!rc && texts++ < 8) {
		end = memchr(data, 0x1e, size);
		length = end ? (size_t)(end - data) : size;
		text = malloc(length + 1);
		assert(text);
		memcpy(text, data, length);
		rc = capture_feed(&c, "input", text, length);
		free(text);
		if (!end)
			break;
		data += length + 1;
		size -= length + 1;
	}
	if (!rc)
		rc = capture_build(&c);
	assert(!rc || (rc == -EINVAL && c.error && strstr(c.error, ": ")));
	if (!rc && !c.state)
		plan_for(c.tree);
	capture_free(&c);
	return 0;
}
