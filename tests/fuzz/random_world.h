/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Servers as firmware might leave them: BARs inside windows, windows inside
 * windows, nothing overlapping; some starved, some in use, some odd.
 */
#ifndef TESTS_FUZZ_RANDOM_WORLD_H
#define TESTS_FUZZ_RANDOM_WORLD_H

#include "bytes.h"

#define RANDOM_WORLD_TEXT 8192

/* A description for world_parse(); functions are called n0, n1, ... Returns how many. */
u32 random_world(struct bytes *b, char *text);

#endif
