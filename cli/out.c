// SPDX-License-Identifier: GPL-2.0-only
/* Tables and JSON on standard output. */
#include <langinfo.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli.h"

bool text_is_utf8(void)
{
	return !strcmp(nl_langinfo(CODESET), "UTF-8");
}

bool colours_wanted(void)
{
	const char *no = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && !(no && *no);
}

struct libscols_table *table_new(const struct column *column, size_t columns)
{
	struct libscols_table *t = scols_new_table();
	size_t i;

	if (!t)
		return NULL;
	scols_table_enable_colors(t, colours_wanted());
	for (i = 0; i < columns; i++)
		scols_table_new_column(t, column[i].name, column[i].width, column[i].flags);
	return t;
}

void table_set(struct libscols_line *line, size_t column, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) >= 0)
		scols_line_refer_data(line, column, text);
	va_end(args);
}

void table_paint(struct libscols_line *line, size_t column, const char *colour)
{
	if (colours_wanted())
		scols_cell_set_color(scols_line_get_cell(line, column), colour);
}

void table_print(struct libscols_table *table)
{
	scols_print_table(table);
	scols_unref_table(table);
}

const char *range_text(struct iomul_range r, char text[24])
{
	if (iomul_range_empty(r))
		snprintf(text, 24, "-");
	else
		snprintf(text, 24, "%04x-%04x", r.first, r.last);
	return text;
}

struct json_object *json_range(struct iomul_range r)
{
	struct json_object *o;

	if (iomul_range_empty(r))
		return NULL;
	o = json_object_new_object();
	json_put_u64(o, "first", r.first);
	json_put_u64(o, "last", r.last);
	return o;
}

struct json_object *json_function(struct iomul_addr addr)
{
	char text[ADDR_TEXT];

	return json_object_new_string(addr_function(addr, text));
}

struct json_object *json_slot(struct iomul_addr addr)
{
	char text[ADDR_TEXT];

	return json_object_new_string(addr_slot(addr, text));
}

void json_put(struct json_object *to, const char *key, struct json_object *value)
{
	json_object_object_add(to, key, value);
}

void json_put_u64(struct json_object *to, const char *key, u64 value)
{
	json_object_object_add(to, key, json_object_new_uint64(value));
}

void json_put_text(struct json_object *to, const char *key, const char *value)
{
	json_object_object_add(to, key, value ? json_object_new_string(value) : NULL);
}

void json_print(struct json_object *object)
{
	puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
							    JSON_C_TO_STRING_SPACED |
							    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
}
