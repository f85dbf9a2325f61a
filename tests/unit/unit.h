/* SPDX-License-Identifier: GPL-2.0-only */
/* What the unit tests have in common. */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "world.h"

static inline void parse(struct world *w, const char *text)
{
	if (world_parse(w, text))
		fail_msg("%s", w->error);
}

static inline u32 find(const struct world *w, const char *name)
{
	u32 i = world_find(w, name, strlen(name));

	assert_int_not_equal(i, IOMUL_NONE);
	return i;
}

#endif
