// SPDX-License-Identifier: GPL-2.0-only
/* The PCI tree for core: from the module where it is loaded, else from sysfs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"
#include "from.h"

static const char *device_path(void)
{
	const char *path = getenv("IOMUL_DEVICE");

	return path && *path ? path : IOMUL_DEVICE_PATH;
}

static bool means_absent(int rc)
{
	return rc == -ENOENT || rc == -ENXIO || rc == -ENODEV;
}

int device_open(struct iomul_ctx **ctx, bool writable, bool quiet)
{
	int rc = iomul_ctx_open(ctx, device_path(), writable ? IOMUL_CTX_WRITE : IOMUL_CTX_READ);

	if (!rc)
		return EXIT_DONE;
	if (means_absent(rc)) {
		if (!quiet)
			complain("%s is not there: the module is not loaded; load it: modprobe iomul",
				 device_path());
		return EXIT_ABSENT;
	}
	if (rc == -EACCES || rc == -EPERM) {
		if (!quiet)
			complain("%s: not permitted; run this as root, or ask the administrator for "
				 "access to the device node",
				 device_path());
		return EXIT_DENIED;
	}
	if (quiet)
		return EXIT_REFUSED;
	if (rc == -EPROTO)
		complain("%s speaks another ABI than version %d; install a module and a command of "
			 "the same release",
			 device_path(), IOMUL_ABI_VERSION);
	else if (rc == -ENOTTY)
		complain("%s is not the device node of the iomul module", device_path());
	else
		complain("%s: %s", device_path(), strerror(-rc));
	return EXIT_REFUSED;
}

int device_failed(int rc, const char *what)
{
	if (rc == -EPERM || rc == -EACCES) {
		complain("%s: not permitted; run this as root", what);
		return EXIT_DENIED;
	}
	if (rc == -EINTR)
		complain("%s: interrupted; nothing was changed", what);
	else
		complain("%s: %s", what, strerror(-rc));
	return EXIT_REFUSED;
}

/* The bus below which @g lives, as core counts buses. */
static u32 group_anchor(const struct view *v, const struct iomul_group_status *g)
{
	u32 i;

	if (!g->anchor_root)
		return iomul_topology_find(&v->t, g->anchor);
	for (i = 0; i < v->t.roots; i++)
		if (v->t.root[i].segment == g->anchor.segment && v->t.root[i].bus == g->anchor.bus)
			return v->t.nodes + i;
	return IOMUL_NONE;
}

int view_add_groups(struct view *v, const struct iomul_state *s)
{
	u32 i, anchor;

	for (i = 0; i < s->groups; i++) {
		anchor = group_anchor(v, &s->group[i]);
		if (anchor == IOMUL_NONE)
			return -EAGAIN; /* changed between the two calls */
		v->t.group[v->t.groups++] = (struct iomul_group){
			.id = s->group[i].id, .anchor = anchor, .window = s->group[i].window
		};
	}
	return 0;
}

int view_init(struct view *v, u32 extra)
{
	struct iomul_tree *tree = v->tree;

	v->t = (struct iomul_topology){
		.node = tree->node,
		.root = tree->root,
		.busy = tree->busy,
		.nodes = tree->nodes,
		.roots = tree->roots,
		.busies = tree->busies,
		.groups_max = extra + tree->nodes,
	};
	v->t.mark = calloc((size_t)tree->nodes + tree->roots + 1, sizeof(*v->t.mark));
	v->t.group = calloc((size_t)v->t.groups_max + 1, sizeof(*v->t.group));
	return v->t.mark && v->t.group ? 0 : -ENOMEM;
}

static int load_kernel(struct view *v, struct iomul_ctx *ctx)
{
	struct iomul_state *state = NULL;
	int rc = iomul_tree_get(ctx, &v->tree);

	if (!rc)
		rc = iomul_state_get(ctx, &state);
	if (!rc)
		rc = view_init(v, state->groups);
	if (!rc)
		rc = view_add_groups(v, state);
	iomul_state_put(state);
	return rc;
}

static int load_sysfs(struct view *v)
{
	int rc = sysfs_tree(sysfs_root(), &v->tree);

	return rc ? rc : view_init(v, 0);
}

int view_load(struct view *v, struct iomul_ctx *ctx)
{
	int rc;

	*v = (struct view){ .sized = ctx != NULL };
	progress_begin(0, "Reading the PCI tree");
	rc = ctx ? load_kernel(v, ctx) : load_sysfs(v);
	if (!rc)
		rc = iomul_topology_init(&v->t);
	progress_end();
	if (!rc)
		return EXIT_DONE;
	view_free(v);
	return device_failed(rc, ctx ? "reading the PCI tree from the module" :
				       "reading the PCI tree from sysfs");
}

void view_free(struct view *v)
{
	free(v->t.mark);
	free(v->t.group);
	iomul_tree_put(v->tree);
	from_done(v->capture);
	*v = (struct view){ 0 };
}
