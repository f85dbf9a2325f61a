// SPDX-License-Identifier: GPL-2.0-only
/*
 * /etc/iomul.conf: lines "key = value"; what follows a # is for people.
 *
 *	slot = PNP0A08:0-4.0-0.0	# or 0000:05:00; any number of such lines
 *	windows = 1			# or auto
 *	reserve = 0
 *	driver = auto			# or none, or a name
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "boot.h"

#define TAKE_SLOT (IOMUL_TAKE_SLOT | IOMUL_TAKE_FUNCTION | IOMUL_TAKE_PATH)

const char *conf_path(void)
{
	const char *path = getenv("IOMUL_CONF");

	return path && *path ? path : CONF_PATH;
}

/* Cuts blanks at both ends. */
static char *trim(char *text)
{
	char *end;

	while (isspace((unsigned char)*text))
		text++;
	end = text + strlen(text);
	while (end > text && isspace((unsigned char)end[-1]))
		*--end = '\0';
	return text;
}

/* key and value of a line, cut out of it. False: empty, or no "=" (then *@value is NULL). */
static bool split(char *line, char **key, char **value)
{
	char *equals;

	line[strcspn(line, "#")] = '\0';
	*key = trim(line);
	*value = NULL;
	equals = strchr(*key, '=');
	if (!equals)
		return **key != '\0';
	*equals = '\0';
	*value = trim(equals + 1);
	*key = trim(*key);
	return true;
}

static int number(const char *text, u32 least, u32 *value)
{
	unsigned long v;
	char *end;

	if (!isdigit((unsigned char)*text))
		return -EINVAL;
	v = strtoul(text, &end, 10);
	if (*end || v < least || v > 65535)
		return -EINVAL;
	*value = (u32)v;
	return 0;
}

static int add_slot(struct conf *c, const char *text, const struct iomul_item *item, u32 line)
{
	struct conf_slot *bigger = reallocarray(c->slot, c->slots + 1, sizeof(*bigger));

	if (!bigger)
		return -ENOMEM;
	c->slot = bigger;
	bigger += c->slots;
	bigger->text = strndup(text + item->pos, item->len);
	if (!bigger->text)
		return -ENOMEM;
	bigger->item = *item;
	bigger->line = line;
	c->slots++;
	return 0;
}

static int take_slots(struct conf *c, const char *text, u32 line, void (*tell)(const char *, ...))
{
	struct iomul_param p;
	struct iomul_item item;
	int more, rc = 0;

	iomul_param_init(&p, text, (u32)strlen(text), TAKE_SLOT);
	while (!rc && (more = iomul_param_next(&p, &item))) {
		if (more > 0) {
			rc = add_slot(c, text, &item, line);
			continue;
		}
		c->wrong++;
		tell("%s:%u: slot = %s, character %u: %s", c->path, line, text, item.pos + 1,
		     iomul_item_reason(item.error));
	}
	return rc;
}

static bool driver_name(const char *text)
{
	const char *c;

	for (c = text; isalnum((unsigned char)*c) || *c == '-' || *c == '_'; c++)
		;
	return *text && !*c && c - text < DRIVER_MAX;
}

static int take_line(struct conf *c, char *text, u32 line, void (*tell)(const char *, ...))
{
	char *key, *value;

	if (!split(text, &key, &value))
		return 0;
	if (value && !strcmp(key, "slot"))
		return take_slots(c, value, line, tell);
	if (value && !strcmp(key, "windows") && !strcmp(value, "auto")) {
		c->windows = 0;
		return 0;
	}
	if (value && !strcmp(key, "windows") && !number(value, 1, &c->windows))
		return 0;
	if (value && !strcmp(key, "reserve") && !number(value, 0, &c->reserve))
		return 0;
	if (value && !strcmp(key, "driver") && driver_name(value)) {
		strcpy(c->driver, value);
		return 0;
	}
	c->wrong++;
	if (!value)
		tell("%s:%u: '%s' is not of the form KEY = VALUE", c->path, line, key);
	else if (!strcmp(key, "windows"))
		tell("%s:%u: windows = %s: want a number from 1 to 65535, or auto", c->path, line, value);
	else if (!strcmp(key, "reserve"))
		tell("%s:%u: reserve = %s: want a number from 0 to 65535", c->path, line, value);
	else if (!strcmp(key, "driver"))
		tell("%s:%u: driver = %s: want auto, none, or a driver's name", c->path, line, value);
	else
		tell("%s:%u: '%s' is not known here; slot, windows, reserve, driver are", c->path, line,
		     key);
	return 0;
}

int conf_read(struct conf *c, const char *path, void (*tell)(const char *, ...))
{
	char *text = NULL;
	size_t room = 0;
	u32 line = 0;
	int rc = 0;
	FILE *f;

	*c = (struct conf){ .path = path, .windows = 1, .driver = "auto" };
	f = fopen(path, "re");
	if (!f)
		return errno == ENOENT ? 0 : -errno;
	while (!rc && getline(&text, &room, f) >= 0)
		rc = take_line(c, text, ++line, tell);
	free(text);
	fclose(f);
	if (rc)
		conf_free(c);
	return rc;
}

void conf_free(struct conf *c)
{
	while (c->slots)
		free(c->slot[--c->slots].text);
	free(c->slot);
	c->slot = NULL;
}

/*
 * Saving
 */

static bool item_is(const struct iomul_tree *t, const struct iomul_item *item,
		    struct iomul_addr slot)
{
	static struct path_result r;
	u32 i;

	if (item->kind != IOMUL_ITEM_PATH)
		return addr_same_slot(item->addr, slot);
	if (path_resolve(t, item, &r))
		return false;
	for (i = 0; i < r.count; i++)
		if (addr_same_slot(t->node[r.node[i]].addr, slot))
			return true;
	return false;
}

static bool conf_has(const struct conf *c, const struct iomul_tree *t, struct iomul_addr slot)
{
	u32 i;

	for (i = 0; i < c->slots; i++)
		if (item_is(t, &c->slot[i].item, slot))
			return true;
	return false;
}

static void save_slot(FILE *out, const struct iomul_tree *t, struct iomul_addr slot)
{
	char text[ADDR_TEXT], path[256];
	u32 i;

	addr_slot(slot, text);
	for (i = 0; i < t->nodes; i++)
		if (addr_same_slot(t->node[i].addr, slot))
			break;
	if (i < t->nodes && !path_of_node(t, i, path, sizeof(path)))
		fprintf(out, "slot = %s\t# was %s when saved\n", path, text);
	else
		fprintf(out, "slot = %s\n", text);
}

static void save_number(FILE *out, const char *key, u32 value, bool zero_is_auto)
{
	if (!value && zero_is_auto)
		fprintf(out, "%s = auto\n", key);
	else
		fprintf(out, "%s = %u\n", key, value);
}

/* Is @line the setting @key? */
static bool line_sets(const char *line, const char *key)
{
	char *copy = strdup(line), *k, *v;
	bool is = copy && split(copy, &k, &v) && v && !strcmp(k, key);

	free(copy);
	return is;
}

/* The lines of the old file; settings that change are replaced where they stand. */
static void copy_lines(FILE *out, FILE *in, u32 windows, u32 reserve, bool *has_windows,
		       bool *has_reserve)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t n;

	while ((n = getline(&line, &room, in)) >= 0) {
		if (line_sets(line, "windows")) {
			save_number(out, "windows", windows, true);
			*has_windows = true;
		} else if (line_sets(line, "reserve")) {
			save_number(out, "reserve", reserve, false);
			*has_reserve = true;
		} else {
			fwrite(line, 1, (size_t)n, out);
			if (n && line[n - 1] != '\n')
				fputc('\n', out);
		}
	}
	free(line);
}

static int save_failed(const char *path, int error)
{
	complain("%s: cannot be saved: %s", path, strerror(error));
	return error == EACCES || error == EPERM ? EXIT_DENIED : EXIT_REFUSED;
}

static void write_conf(FILE *out, const struct conf *c, const struct iomul_tree *t,
		       const struct iomul_addr *slot, u32 slots, u32 windows, u32 reserve)
{
	bool has_windows = false, has_reserve = false;
	FILE *in = fopen(c->path, "re");
	u32 i;

	if (in) {
		copy_lines(out, in, windows, reserve, &has_windows, &has_reserve);
		fclose(in);
	} else {
		fputs("# What iomul shares at start-up; see iomul.conf(5).\n", out);
	}
	if (!has_windows && windows != 1)
		save_number(out, "windows", windows, true);
	if (!has_reserve && reserve)
		save_number(out, "reserve", reserve, false);
	for (i = 0; i < slots; i++)
		if (!conf_has(c, t, slot[i]))
			save_slot(out, t, slot[i]);
}

int conf_save(const struct iomul_addr *slot, u32 slots, u32 windows, u32 reserve)
{
	struct iomul_tree *t;
	struct conf c;
	char *temporary;
	FILE *out;
	int rc = conf_read(&c, conf_path(), complain), fd;

	if (rc)
		return save_failed(conf_path(), -rc);
	rc = sysfs_tree(sysfs_root(), &t);
	if (rc) {
		conf_free(&c);
		return device_failed(rc, "reading the PCI tree from sysfs");
	}
	if (asprintf(&temporary, "%s.XXXXXX", c.path) < 0) {
		rc = out_of_memory();
		goto out_free;
	}
	fd = mkstemp(temporary);
	out = fd < 0 ? NULL : fdopen(fd, "w");
	if (!out) {
		rc = save_failed(c.path, errno);
		goto out_name;
	}
	write_conf(out, &c, t, slot, slots, windows, reserve);
	rc = fflush(out) || ferror(out) || fchmod(fd, 0644) || fsync(fd) ? errno : 0;
	if (fclose(out) && !rc)
		rc = errno;
	if (!rc && rename(temporary, c.path))
		rc = errno;
	if (rc) {
		unlink(temporary);
		rc = save_failed(c.path, rc);
	}
out_name:
	free(temporary);
out_free:
	iomul_tree_put(t);
	conf_free(&c);
	return rc;
}
