/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All gate trees up to a size, each once.
 *
 * A tree is written as the gates of its anchor bus: P is a port with one slot,
 * F a function that is its own gate, D a slot of two such functions, (...) a
 * port and the gates on the bus below it. Order on a bus does not count. A
 * function alone below a port is P, not (F).
 */
#ifndef MODEL_SHAPES_H
#define MODEL_SHAPES_H

#include <stddef.h>

struct shapes {
	char **text;
	size_t n;
};

/* All trees of exactly @slots slots with at most @levels gates on a path. */
int shapes_make(struct shapes *s, unsigned int slots, unsigned int levels, int doubles);
void shapes_free(struct shapes *s);

#endif
