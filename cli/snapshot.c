// SPDX-License-Identifier: GPL-2.0-only
/* iomul snapshot: the PCI tree as the planner sees it, for 'iomul plan --from'. */
#include <stdlib.h>
#include <sys/utsname.h>
#include "from.h"
#include "snapshot.h"

static struct json_object *hex(u32 value, int digits)
{
	char text[12];

	snprintf(text, sizeof(text), "%0*x", digits, value);
	return json_object_new_string(text);
}

static struct json_object *bars(const struct iomul_node *n)
{
	struct json_object *a = json_object_new_array(), *o;
	u32 k;

	for (k = 0; k < IOMUL_BARS; k++) {
		const struct iomul_bar *b = &n->bar[k];

		if (!b->size && !(b->flags & IOMUL_BAR_UNSIZED))
			continue;
		o = json_object_new_object();
		json_put_u64(o, "bar", k);
		json_put(o, "size", b->size ? json_object_new_int64(b->size) : NULL);
		json_put(o, "at", json_range(b->at));
		if (b->flags & IOMUL_BAR_IO16)
			json_put(o, "io16", json_object_new_boolean(true));
		json_object_array_add(a, o);
	}
	return a;
}

static struct json_object *flags(const struct iomul_node *n)
{
	struct json_object *a = json_object_new_array();
	size_t i;

	for (i = 0; i < SNAPSHOT_FLAGS; i++)
		if (n->flags & snapshot_flags[i].flag)
			json_object_array_add(a, json_object_new_string(snapshot_flags[i].word));
	return a;
}

static struct json_object *function(const struct iomul_node *n)
{
	struct json_object *o = json_object_new_object();

	json_put(o, "function", json_function(n->addr));
	json_put_u64(o, "root", n->root);
	json_put(o, "parent", n->parent == IOMUL_NONE ? NULL : json_object_new_int64(n->parent));
	json_put(o, "vendor", hex(n->vendor, 4));
	json_put(o, "device", hex(n->device, 4));
	json_put(o, "class", hex(n->class_code, 6));
	json_put(o, "flags", flags(n));
	json_put_text(o, "driver", n->driver);
	json_put(o, "bars", bars(n));
	if (n->flags & IOMUL_NODE_PORT) {
		json_put(o, "window", json_range(n->window));
		json_put_u64(o, "bus_first", n->bus_first);
		json_put_u64(o, "bus_last", n->bus_last);
	}
	json_put(o, "group", n->group == IOMUL_NONE ? NULL : json_object_new_int64(n->group));
	return o;
}

static struct json_object *roots(const struct iomul_topology *t)
{
	struct json_object *a = json_object_new_array(), *o, *apertures;
	u32 i, k;

	for (i = 0; i < t->roots; i++) {
		o = json_object_new_object();
		json_put(o, "segment", hex(t->root[i].segment, 4));
		json_put(o, "bus", hex(t->root[i].bus, 2));
		json_put_u64(o, "lowest", t->root[i].lowest);
		apertures = json_object_new_array();
		for (k = 0; k < t->root[i].napertures; k++)
			json_object_array_add(apertures, json_range(t->root[i].aperture[k]));
		json_put(o, "apertures", apertures);
		json_object_array_add(a, o);
	}
	return a;
}

static struct json_object *busy(const struct iomul_topology *t)
{
	struct json_object *a = json_object_new_array(), *o;
	u32 i;

	for (i = 0; i < t->busies; i++) {
		o = json_object_new_object();
		json_put(o, "at", json_range(t->busy[i].at));
		json_put_text(o, "name", t->busy[i].name);
		json_put(o, "held_for", t->busy[i].flags & IOMUL_BUSY_HELD ?
						json_function(t->busy[i].holder) : NULL);
		json_object_array_add(a, o);
	}
	return a;
}

static struct json_object *groups(const struct iomul_topology *t)
{
	struct json_object *a = json_object_new_array(), *o;
	struct iomul_addr root;
	u32 i;

	for (i = 0; i < t->groups; i++) {
		const struct iomul_group *g = &t->group[i];

		o = json_object_new_object();
		json_put_u64(o, "id", g->id);
		json_put(o, "window", json_range(g->window));
		if (g->anchor < t->nodes) {
			json_put(o, "below", json_function(t->node[g->anchor].addr));
		} else {
			root = (struct iomul_addr){ .segment = t->root[g->anchor - t->nodes].segment,
						    .bus = t->root[g->anchor - t->nodes].bus };
			json_put(o, "root", json_function(root));
		}
		json_object_array_add(a, o);
	}
	return a;
}

static void print(const struct view *v)
{
	struct json_object *o = json_object_new_object(), *a;
	struct utsname host;
	u32 i;

	json_put_text(o, "format", SNAPSHOT_FORMAT);
	json_put_u64(o, "schema", SNAPSHOT_SCHEMA);
	json_put_text(o, "release", IOMUL_VERSION);
	json_put_text(o, "kernel", uname(&host) ? "" : host.release);
	json_put_text(o, "source", v->sized ? "module" : "sysfs");
	json_put(o, "roots", roots(&v->t));
	a = json_object_new_array();
	for (i = 0; i < v->t.nodes; i++)
		json_object_array_add(a, function(&v->t.node[i]));
	json_put(o, "functions", a);
	json_put(o, "busy", busy(&v->t));
	json_put(o, "groups", groups(&v->t));
	json_print(o);
}

static int run(const struct command *self, int argc, char **argv)
{
	struct verb_options o;
	struct view v;
	int code = verb_parse(&o, self, "f", argc, argv);

	if (code != CHOICE_GO)
		return code;
	code = o.sources ? view_from(&v, o.from, o.sources) : view_here(&v);
	if (!code) {
		print(&v);
		view_free(&v);
	}
	verb_free(&o);
	return code;
}

extern const struct command cmd_snapshot;
const struct command cmd_snapshot = {
	"snapshot",
	"[--from FILE]...",
	"Writes the PCI tree as the planner sees it, as JSON",
	"  --from FILE    of another machine, from captures of it; see iomul plan --help\n\n"
	"Redirect it to a file, take that to another machine, and give it to\n"
	"'iomul plan --from' or 'iomul map --from' there.\n",
	run
};
