// SPDX-License-Identifier: GPL-2.0-only
/*
 * A snapshot's JSON back into a tree. snapshot.c writes it; docs/reference/
 * snapshot.md describes it. What is missing or of the wrong kind is an error
 * that names the place, as functions[3].bars[0].size.
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include "capture.h"
#include "scan.h"
#include "snapshot.h"

/* Where in the document we are, for messages. */
struct place {
	struct capture *c;
	char path[96];
};

static int wrong(struct place *at, const char *key, const char *what)
{
	return capture_fail(at->c, 0, "%s%s%s: %s", at->path, *at->path ? "." : "", key, what);
}

static int get(struct place *at, struct json_object *o, const char *key, enum json_type type,
	       struct json_object **out)
{
	if (!json_object_object_get_ex(o, key, out))
		return wrong(at, key, "is missing");
	if (json_object_get_type(*out) != type)
		return wrong(at, key, "is of the wrong kind");
	return 0;
}

static int get_number(struct place *at, struct json_object *o, const char *key, u32 most, u32 *out)
{
	struct json_object *value;
	int64_t v;
	int rc = get(at, o, key, json_type_int, &value);

	if (rc)
		return rc;
	v = json_object_get_int64(value);
	if (v < 0 || v > most)
		return wrong(at, key, "is out of range");
	*out = (u32)v;
	return 0;
}

/* null: empty. */
static int get_range(struct place *at, struct json_object *o, const char *key,
		     struct iomul_range *out)
{
	struct json_object *value;
	int rc;

	*out = IOMUL_RANGE_EMPTY;
	if (!json_object_object_get_ex(o, key, &value))
		return wrong(at, key, "is missing");
	if (!value)
		return 0;
	if (json_object_get_type(value) != json_type_object)
		return wrong(at, key, "is of the wrong kind");
	rc = get_number(at, value, "first", ~0U - 1, &out->first);
	if (!rc)
		rc = get_number(at, value, "last", ~0U - 1, &out->last);
	if (!rc && out->first > out->last)
		rc = wrong(at, key, "ends before it begins");
	return rc;
}

static int get_addr(struct place *at, struct json_object *o, const char *key,
		    struct iomul_addr *out)
{
	struct json_object *value;
	const char *text;
	bool far;
	int rc = get(at, o, key, json_type_string, &value);

	if (rc)
		return rc;
	text = json_object_get_string(value);
	if (!scan_addr(&text, out, &far) || far || *text)
		return wrong(at, key, "is not an address (ssss:bb:dd.f)");
	return 0;
}

static int get_text(struct place *at, struct json_object *o, const char *key,
		    char out[IOMUL_NAME_MAX])
{
	struct json_object *value;
	int rc = get(at, o, key, json_type_string, &value);

	if (!rc)
		snprintf(out, IOMUL_NAME_MAX, "%.*s", IOMUL_NAME_MAX - 1,
			 json_object_get_string(value));
	return rc;
}

static int get_hex(struct place *at, struct json_object *o, const char *key, u32 digits, u32 *out)
{
	struct json_object *value;
	const char *text;
	int rc = get(at, o, key, json_type_string, &value);

	if (rc)
		return rc;
	text = json_object_get_string(value);
	if (!scan_hex(&text, digits, out) || *text)
		return wrong(at, key, "is not a hexadecimal number");
	return 0;
}

static int get_flags(struct place *at, struct json_object *o, u32 *flags)
{
	struct json_object *list, *value;
	size_t i, k;
	int rc = get(at, o, "flags", json_type_array, &list);

	for (i = 0; !rc && i < json_object_array_length(list); i++) {
		value = json_object_array_get_idx(list, i);
		for (k = 0; k < SNAPSHOT_FLAGS; k++)
			if (json_object_get_type(value) == json_type_string &&
			    !strcmp(json_object_get_string(value), snapshot_flags[k].word))
				break;
		if (k == SNAPSHOT_FLAGS)
			return wrong(at, "flags", "has an unknown one; of a newer release?");
		*flags |= snapshot_flags[k].flag;
	}
	return rc;
}

static int get_bars(struct place *at, struct json_object *o, struct iomul_node *n)
{
	struct json_object *list, *bar, *size, *io16;
	struct iomul_bar *b;
	size_t i;
	u32 k = 0;
	int rc = get(at, o, "bars", json_type_array, &list);

	for (i = 0; !rc && i < json_object_array_length(list); i++) {
		bar = json_object_array_get_idx(list, i);
		if (json_object_get_type(bar) != json_type_object)
			return wrong(at, "bars", "has something else than objects in it");
		rc = get_number(at, bar, "bar", IOMUL_BARS - 1, &k);
		if (rc)
			return rc;
		b = &n->bar[k];
		rc = get_range(at, bar, "at", &b->at);
		if (!rc && !json_object_object_get_ex(bar, "size", &size))
			rc = wrong(at, "bars", "has one without a size");
		if (!rc && !size)
			b->flags |= IOMUL_BAR_UNSIZED;
		else if (!rc)
			rc = get_number(at, bar, "size", 1u << 30, &b->size);
		if (!rc && size && !b->size)
			rc = wrong(at, "bars", "has one of size 0");
		if (json_object_object_get_ex(bar, "io16", &io16) && json_object_get_boolean(io16))
			b->flags |= IOMUL_BAR_IO16;
	}
	return rc;
}

static int get_port(struct place *at, struct json_object *o, struct iomul_node *n)
{
	u32 first = 0, last = 0;
	int rc = get_range(at, o, "window", &n->window);

	if (!rc)
		rc = get_number(at, o, "bus_first", 255, &first);
	if (!rc)
		rc = get_number(at, o, "bus_last", 255, &last);
	if (rc)
		return rc;
	n->bus_first = (u8)first;
	n->bus_last = (u8)last;
	return 0;
}

static int get_node(struct place *at, struct json_object *o, struct iomul_tree *t, u32 index)
{
	struct iomul_node *n = &t->node[index];
	struct json_object *value;
	u32 k, v[3] = { 0 };
	int rc;

	n->window = IOMUL_RANGE_EMPTY;
	n->parent = n->group = IOMUL_NONE;
	for (k = 0; k < IOMUL_BARS; k++)
		n->bar[k].at = IOMUL_RANGE_EMPTY;
	rc = get_addr(at, o, "function", &n->addr);
	if (!rc)
		rc = get_number(at, o, "root", t->roots ? t->roots - 1 : 0, &n->root);
	if (!rc)
		rc = get_flags(at, o, &n->flags);
	if (!rc)
		rc = get_hex(at, o, "vendor", 4, &v[0]);
	if (!rc)
		rc = get_hex(at, o, "device", 4, &v[1]);
	if (!rc)
		rc = get_hex(at, o, "class", 6, &v[2]);
	if (!rc)
		rc = get_text(at, o, "driver", n->driver);
	if (!rc)
		rc = get_bars(at, o, n);
	if (!rc && (n->flags & IOMUL_NODE_PORT))
		rc = get_port(at, o, n);
	if (!rc && json_object_object_get_ex(o, "parent", &value) && value)
		rc = get_number(at, o, "parent", index ? index - 1 : 0, &n->parent);
	if (!rc && json_object_object_get_ex(o, "group", &value) && value)
		rc = get_number(at, o, "group", ~0U - 1, &n->group);
	if (rc)
		return rc;
	n->vendor = (u16)v[0];
	n->device = (u16)v[1];
	n->class_code = v[2];
	return 0;
}

static int get_root(struct place *at, struct json_object *o, struct iomul_tree *t, u32 index)
{
	struct iomul_root *r = &t->root[index];
	struct json_object *list, *range;
	size_t i, n;
	u32 segment = 0, bus = 0;
	int rc = get_hex(at, o, "segment", 4, &segment);

	if (!rc)
		rc = get_hex(at, o, "bus", 2, &bus);
	if (!rc)
		rc = get_number(at, o, "lowest", ~0U - 1, &r->lowest);
	if (!rc)
		rc = get(at, o, "apertures", json_type_array, &list);
	if (rc)
		return rc;
	r->segment = (u16)segment;
	r->bus = (u8)bus;
	n = json_object_array_length(list);
	if (n > IOMUL_APERTURES)
		return wrong(at, "apertures", "are too many");
	for (i = 0; !rc && i < n; i++) {
		range = json_object_new_object();
		if (!range)
			return -ENOMEM;
		json_object_object_add(range, "apertures",
				       json_object_get(json_object_array_get_idx(list, i)));
		rc = get_range(at, range, "apertures", &r->aperture[i]);
		json_object_put(range);
	}
	r->napertures = (u32)n;
	return rc;
}

static int get_busy(struct place *at, struct json_object *o, struct iomul_tree *t, u32 index)
{
	struct iomul_busy *b = &t->busy[index];
	struct json_object *held;
	int rc = get_range(at, o, "at", &b->at);

	if (!rc)
		rc = get_text(at, o, "name", b->name);
	if (!rc && json_object_object_get_ex(o, "held_for", &held) && held) {
		b->flags |= IOMUL_BUSY_HELD;
		rc = get_addr(at, o, "held_for", &b->holder);
	}
	return rc;
}

static int get_group(struct place *at, struct json_object *o, struct iomul_state *s, u32 index)
{
	struct iomul_group_status *g = &s->group[index];
	struct json_object *below;
	int rc = get_number(at, o, "id", ~0U - 1, &g->id);

	if (!rc)
		rc = get_range(at, o, "window", &g->window);
	if (rc)
		return rc;
	if (json_object_object_get_ex(o, "below", &below) && below)
		return get_addr(at, o, "below", &g->anchor);
	g->anchor_root = 1;
	rc = get_addr(at, o, "root", &g->anchor);
	return rc;
}

/* Calls @each for what is in array @key. */
#define GET_ALL(at, o, key, item, count, each, to)                                             \
	({                                                                                     \
		struct json_object *list_, *item_;                                             \
		u32 i_ = 0;                                                                    \
		int rc_ = get(at, o, key, json_type_array, &list_);                            \
		if (!rc_) {                                                                    \
			(to)->item = calloc(json_object_array_length(list_) + 1,               \
					    sizeof(*(to)->item));                              \
			rc_ = (to)->item ? 0 : -ENOMEM;                                        \
		}                                                                              \
		for (; !rc_ && i_ < json_object_array_length(list_); i_++) {                   \
			item_ = json_object_array_get_idx(list_, i_);                          \
			snprintf((at)->path, sizeof((at)->path), "%s[%u]", key, i_);           \
			if (json_object_get_type(item_) != json_type_object)                   \
				rc_ = wrong(at, "", "is not an object");                       \
			else                                                                   \
				rc_ = each(at, item_, to, i_);                                 \
			(to)->count = i_ + 1;                                                  \
		}                                                                              \
		*(at)->path = '\0';                                                            \
		rc_;                                                                           \
	})

static int get_document(struct place *at, struct json_object *o)
{
	struct capture *c = at->c;
	struct json_object *value;
	u32 version = 0;
	int rc = get(at, o, "format", json_type_string, &value);

	if (!rc && strcmp(json_object_get_string(value), SNAPSHOT_FORMAT))
		rc = wrong(at, "format", "is not " SNAPSHOT_FORMAT ": not a snapshot of iomul's");
	if (!rc)
		rc = get_number(at, o, "schema", 65535, &version);
	if (!rc && version != SNAPSHOT_SCHEMA)
		rc = wrong(at, "schema", "is of another release; take the snapshot and read it with "
					 "the same");
	if (rc)
		return rc;
	c->tree = calloc(1, sizeof(*c->tree));
	c->state = calloc(1, sizeof(*c->state));
	if (!c->tree || !c->state)
		return -ENOMEM;
	rc = GET_ALL(at, o, "roots", root, roots, get_root, c->tree);
	if (!rc)
		rc = GET_ALL(at, o, "functions", node, nodes, get_node, c->tree);
	if (!rc)
		rc = GET_ALL(at, o, "busy", busy, busies, get_busy, c->tree);
	if (!rc)
		rc = GET_ALL(at, o, "groups", group, groups, get_group, c->state);
	return rc;
}

static u32 line_at(const char *text, size_t offset)
{
	u32 line = 1;

	while (offset--)
		line += *text++ == '\n';
	return line;
}

int capture_json(struct capture *c, const char *text, size_t length)
{
	struct place at = { .c = c };
	struct json_tokener *tok;
	struct json_object *o;
	size_t end;
	int rc;

	if (c->json || c->functions)
		return capture_fail(c, 0, "a snapshot needs no other file beside it");
	tok = json_tokener_new_ex(16);
	if (!tok)
		return -ENOMEM;
	o = json_tokener_parse_ex(tok, text, (int)length);
	end = json_tokener_get_parse_end(tok);
	if (!o) {
		rc = capture_fail(c, line_at(text, end < length ? end : length),
				  json_tokener_get_error(tok) == json_tokener_continue ?
					  "the snapshot is cut off here" :
					  "this is no JSON");
	} else {
		rc = json_object_get_type(o) == json_type_object ?
			     get_document(&at, o) : capture_fail(c, 0, "is no snapshot");
	}
	json_object_put(o);
	json_tokener_free(tok);
	c->json = !rc;
	return rc;
}
