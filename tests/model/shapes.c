// SPDX-License-Identifier: GPL-2.0-only
/* Enumerates gate trees; see shapes.h. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "shapes.h"

static int add(struct shapes *s, const char *form, const char *a, const char *b)
{
	char **text = realloc(s->text, (s->n + 1) * sizeof(*text));

	if (!text)
		return -ENOMEM;
	s->text = text;
	if (asprintf(&s->text[s->n], form, a, b) < 0)
		return -ENOMEM;
	s->n++;
	return 0;
}

void shapes_free(struct shapes *s)
{
	while (s->n)
		free(s->text[--s->n]);
	free(s->text);
	s->text = NULL;
}

static int forests(struct shapes *out, unsigned int levels, unsigned int slots, int doubles);

/* Single gates that lead to @slots slots. */
static int gates(struct shapes *out, unsigned int levels, unsigned int slots, int doubles)
{
	struct shapes below = { 0 };
	size_t i;
	int err = 0;

	if (slots == 1) {
		err = add(out, "%s%s", "P", "");
		if (!err)
			err = add(out, "%s%s", "F", "");
		if (!err && doubles)
			err = add(out, "%s%s", "D", "");
	}
	if (!err && levels > 1)
		err = forests(&below, levels - 1, slots, doubles);
	for (i = 0; !err && i < below.n; i++)
		if (strcmp(below.text[i], "F") && strcmp(below.text[i], "D"))
			err = add(out, "(%s)%s", below.text[i], "");
	shapes_free(&below);
	return err;
}

struct lists {
	struct shapes *of; /* gates with 1, 2, ... slots */
	struct shapes *out;
};

/* Appends gates not beyond (@size, @at) in order, so that each multiset comes once. */
static int choose(struct lists *l, const char *have, unsigned int left, unsigned int size,
		  size_t at)
{
	char *more;
	unsigned int k;
	size_t i, end;
	int err = 0;

	if (!left)
		return add(l->out, "%s%s", have, "");
	for (k = size < left ? size : left; !err && k; k--) {
		end = k == size ? at + 1 : l->of[k].n;
		for (i = end; !err && i-- > 0;) {
			if (asprintf(&more, "%s%s", have, l->of[k].text[i]) < 0)
				return -ENOMEM;
			err = choose(l, more, left - k, k, i);
			free(more);
		}
	}
	return err;
}

static int forests(struct shapes *out, unsigned int levels, unsigned int slots, int doubles)
{
	struct lists l = { .of = calloc(slots + 1, sizeof(*l.of)), .out = out };
	unsigned int k;
	int err = l.of ? 0 : -ENOMEM;

	for (k = 1; !err && k <= slots; k++)
		err = gates(&l.of[k], levels, k, doubles);
	if (!err)
		err = choose(&l, "", slots, slots, l.of[slots].n - 1);
	for (k = 1; l.of && k <= slots; k++)
		shapes_free(&l.of[k]);
	free(l.of);
	return err;
}

int shapes_make(struct shapes *s, unsigned int slots, unsigned int levels, int doubles)
{
	*s = (struct shapes){ 0 };
	return forests(s, levels, slots, doubles);
}
