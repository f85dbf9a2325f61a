// SPDX-License-Identifier: GPL-2.0-only
/* Random servers; see random_world.h. */
#include <stdarg.h>
#include <string.h>
#include "random_world.h"

#define NODES 28
#define LEVELS 5

struct maker {
	struct bytes *b;
	char *text;
	u32 nodes;
	u32 functions;
};

static void out(struct maker *m, const char *form, ...)
{
	size_t used = strlen(m->text);
	va_list ap;

	va_start(ap, form);
	vsnprintf(m->text + used, RANDOM_WORLD_TEXT - used, form, ap);
	va_end(ap);
}

/* @size ports from *@at on, aligned, up to @end; false: no room. */
static bool take(u32 *at, u32 end, u32 size, u32 align, u32 *first)
{
	u32 a = (*at + align - 1) / align * align;

	if (a < *at || a > end || size - 1 > end - a)
		return false;
	*first = a;
	*at = a + size;
	return true;
}

static void make_bars(struct maker *m, u32 *at, u32 end)
{
	u32 n = draw(m->b, 3), size, first;

	while (n--) {
		size = 4U << draw(m->b, 9);
		if (chance(m->b, 24))
			size = 0x1000;
		out(m, " %x", size);
		if (!chance(m->b, 3) && take(at, end, size, size, &first))
			out(m, "@%x", first);
		else if (chance(m->b, 12))
			out(m, "/16");
	}
	if (chance(m->b, 40))
		out(m, " ?");
	if (chance(m->b, 20))
		out(m, " off");
	if (chance(m->b, 24))
		out(m, " use=drv");
}

static void make_bus(struct maker *m, u32 depth, u32 at, u32 end);

static void make_port(struct maker *m, u32 depth, u32 dev, u32 fn, u32 *at, u32 end)
{
	u32 size = 0x1000 * (1 + draw(m->b, 4)), first = 1, last = 0;

	out(m, "%*sport @%x.%x", (int)depth, "", dev, fn);
	if (!chance(m->b, 3) && take(at, end, size, 0x1000, &first)) {
		last = first + size - 1;
		out(m, " w=%x-%x", first, last);
	}
	if (chance(m->b, 8))
		out(m, " isa");
	if (chance(m->b, 16))
		out(m, " nofwd");
	if (chance(m->b, 3) || last > 0xffff)
		out(m, " io32");
	if (chance(m->b, 8))
		out(m, " ari");
	if (chance(m->b, 32))
		out(m, " 20");
	out(m, "\n");
	m->nodes++;
	make_bus(m, depth + 1, first, last);
}

static void make_function(struct maker *m, u32 depth, u32 dev, u32 fn, u32 *at, u32 end)
{
	out(m, "%*sn%u: fn @%x.%x", (int)depth, "", m->functions++, dev, fn);
	make_bars(m, at, end);
	out(m, "\n");
	m->nodes++;
}

/* An empty bus range is {1, 0}: nothing on it has ports. */
static void make_bus(struct maker *m, u32 depth, u32 at, u32 end)
{
	u32 dev = 0, devs = 1 + draw(m->b, depth == 1 ? 8 : 4), fn;

	if (end < at)
		at = end + 2; /* take() finds no room */
	for (; dev < devs && m->nodes < NODES; dev++) {
		fn = 0;
		do {
			if (depth < LEVELS && draw(m->b, 2))
				make_port(m, depth, dev, fn, &at, end);
			else
				make_function(m, depth, dev, fn, &at, end);
			fn++;
		} while (fn < 8 && m->nodes < NODES && chance(m->b, 4));
	}
}

u32 random_world(struct bytes *b, char *text)
{
	struct maker m = { .b = b, .text = text };
	u32 roots = 1 + chance(b, 4), i, low = 0, high = 0;

	text[0] = 0;
	for (i = 0; i < roots; i++) {
		low = i ? 0x8000 : 0x1000;
		high = low + 0x1000 * (1 + draw(b, 7)) - 1;
		if (chance(b, 16)) {
			low += 0x10000;
			high += 0x10000;
		}
		out(&m, "root %x-%x low=1000%s\n", low, high, i ? " seg=1" : "");
		make_bus(&m, 1, low, high);
	}
	if (chance(b, 4))
		out(&m, "busy %x-%x acpi\n", high - 0xff, high);
	return m.functions;
}
