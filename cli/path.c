// SPDX-License-Identifier: GPL-2.0-only
/*
 * ACPI device paths: from HID:UID-dev.func-dev.func to functions, and back.
 *
 * A root bridge is an ACPI device whose physical_node is a directory
 * "pcissss:bb"; from there down the tree's own parents do.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "boot.h"

struct bridge {
	char hid[IOMUL_NAME_MAX];
	char uid[IOMUL_NAME_MAX];
	bool has_uid;
	u32 segment;
	u32 bus;
};

static bool read_line(const char *device, const char *file, char *text, size_t size)
{
	char path[PATH_MAX];
	FILE *f;

	*text = '\0';
	if (snprintf(path, sizeof(path), "%s/bus/acpi/devices/%s/%s", sysfs_root(), device, file) >=
	    (int)sizeof(path))
		return false;
	f = fopen(path, "re");
	if (!f)
		return false;
	if (!fgets(text, (int)size, f))
		*text = '\0';
	fclose(f);
	text[strcspn(text, "\n")] = '\0';
	return true;
}

/* Is the ACPI device a PCI root bridge? */
static bool read_bridge(const char *device, struct bridge *b)
{
	char path[PATH_MAX], target[PATH_MAX], *name;
	ssize_t n;

	if (snprintf(path, sizeof(path), "%s/bus/acpi/devices/%s/physical_node", sysfs_root(),
		     device) >= (int)sizeof(path))
		return false;
	n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return false;
	target[n] = '\0';
	name = strrchr(target, '/');
	if (sscanf(name ? name + 1 : target, "pci%x:%x", &b->segment, &b->bus) != 2)
		return false;
	b->has_uid = read_line(device, "uid", b->uid, sizeof(b->uid));
	return read_line(device, "hid", b->hid, sizeof(b->hid));
}

/* Calls back for each root bridge until @each says true. */
static bool bridges(bool (*each)(const struct bridge *b, void *data), void *data)
{
	char path[PATH_MAX];
	struct dirent *entry;
	struct bridge b;
	bool done = false;
	DIR *dir;

	if (snprintf(path, sizeof(path), "%s/bus/acpi/devices", sysfs_root()) >= (int)sizeof(path))
		return false;
	dir = opendir(path);
	if (!dir)
		return false;
	while (!done && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && read_bridge(entry->d_name, &b))
			done = each(&b, data);
	closedir(dir);
	return done;
}

struct root_search {
	const struct iomul_tree *t;
	const struct iomul_item *item;
	u32 root;	/* IOMUL_NONE: none yet */
	u32 found;
};

static u32 root_index(const struct iomul_tree *t, const struct bridge *b)
{
	u32 i;

	for (i = 0; i < t->roots; i++)
		if (t->root[i].segment == b->segment && t->root[i].bus == b->bus)
			return i;
	return IOMUL_NONE;
}

static bool root_matches(const struct bridge *b, void *data)
{
	struct root_search *s = data;
	u32 root;

	if (!iomul_item_root(s->item, b->hid, b->has_uid ? b->uid : NULL))
		return false;
	root = root_index(s->t, b);
	if (root != IOMUL_NONE) {
		s->root = root;
		s->found++;
	}
	return false;
}

/* The function @devfn on the bus below @parent (IOMUL_NONE: of @root). */
static u32 child(const struct iomul_tree *t, u32 root, u32 parent, u8 devfn)
{
	u32 i;

	for (i = 0; i < t->nodes; i++)
		if (t->node[i].root == root && t->node[i].parent == parent &&
		    t->node[i].addr.devfn == devfn)
			return i;
	return IOMUL_NONE;
}

int path_resolve(const struct iomul_tree *t, const struct iomul_item *item,
		 struct path_result *r)
{
	struct root_search s = { .t = t, .item = item, .root = IOMUL_NONE };
	u32 i, at = IOMUL_NONE, node;

	r->count = 0;
	*r->missing = '\0';
	bridges(root_matches, &s);
	if (s.found != 1) {
		snprintf(r->missing, sizeof(r->missing), s.found ?
			 "there are several ACPI root bridges %s: add :UID" :
			 "there is no ACPI root bridge %s%s%s",
			 item->hid, item->has_uid ? ":" : "", item->uid);
		return s.found ? -EINVAL : -ENOENT;
	}
	for (i = 0; i < item->depth; i++) {
		at = child(t, s.root, at, item->bridge[i]);
		if (at != IOMUL_NONE && (t->node[at].flags & IOMUL_NODE_PORT))
			continue;
		snprintf(r->missing, sizeof(r->missing), "there is no bridge at component %u, %x.%x",
			 i + 1, item->bridge[i] >> 3, item->bridge[i] & 7);
		return -ENOENT;
	}
	for (i = 0; i < 256; i++) {
		if (!iomul_item_ends_at(item, i))
			continue;
		node = child(t, s.root, at, i);
		if (node != IOMUL_NONE)
			r->node[r->count++] = node;
		else
			snprintf(r->missing, sizeof(r->missing), "there is no function at %x.%x",
				 i >> 3, i & 7);
	}
	return 0;
}

struct name_search {
	const struct iomul_root *root;
	struct bridge found;
};

static bool root_named(const struct bridge *b, void *data)
{
	struct name_search *s = data;

	if (s->root->segment != b->segment || s->root->bus != b->bus)
		return false;
	s->found = *b;
	return true;
}

int path_of_node(const struct iomul_tree *t, u32 node, char *text, size_t size)
{
	struct iomul_item item = { .kind = IOMUL_ITEM_PATH };
	struct name_search s = { .root = &t->root[t->node[node].root] };
	u8 up[IOMUL_DEPTH_MAX];
	u32 parent = t->node[node].parent, i;

	if (!bridges(root_named, &s) || strlen(s.found.hid) >= IOMUL_ID_MAX ||
	    strlen(s.found.uid) >= IOMUL_ID_MAX || !*s.found.hid)
		return -ENOENT;
	strcpy(item.hid, s.found.hid);
	strcpy(item.uid, s.found.uid);
	item.has_uid = s.found.has_uid && *s.found.uid;
	for (; parent != IOMUL_NONE; parent = t->node[parent].parent) {
		if (item.depth == IOMUL_DEPTH_MAX - 1)
			return -ENOENT;
		up[item.depth++] = t->node[parent].addr.devfn;
	}
	for (i = 0; i < item.depth; i++)
		item.bridge[i] = up[item.depth - 1 - i];
	item.last[t->node[node].addr.devfn >> 3] |= 1U << (t->node[node].addr.devfn & 7);
	return iomul_item_format(&item, text, (u32)size) < size ? 0 : -ENOENT;
}
