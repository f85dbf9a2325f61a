/* SPDX-License-Identifier: GPL-2.0-only */
/* Numbers out of a fuzzer's input; zeros when it is used up. */
#ifndef TESTS_FUZZ_BYTES_H
#define TESTS_FUZZ_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "world.h"

struct bytes {
	const uint8_t *at;
	size_t left;
};

static inline u32 draw(struct bytes *b, u32 below)
{
	if (!b->left || !below)
		return 0;
	b->left--;
	return *b->at++ % below;
}

static inline bool chance(struct bytes *b, u32 one_in)
{
	return draw(b, one_in) == one_in - 1;
}

#define DIE(...) (fprintf(stderr, __VA_ARGS__), fputc('\n', stderr), abort())

#endif
