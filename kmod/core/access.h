/* SPDX-License-Identifier: GPL-2.0-only */
/* Rule 5: what an access may touch. */
#ifndef IOMUL_CORE_ACCESS_H
#define IOMUL_CORE_ACCESS_H

#include <linux/errno.h>
#include <linux/types.h>
#include "../uapi/iomul.h"

/*
 * May @width bytes at @offset of a BAR of @size bytes be accessed? @size 0: not
 * an I/O BAR. 0, -EINVAL (no I/O BAR, width, alignment), -ERANGE (beyond its end).
 */
static inline int iomul_access_check(u32 size, u32 offset, u32 width)
{
	if (!size || (width != 1 && width != 2 && width != 4) || (offset & (width - 1)))
		return -EINVAL;
	if (offset >= size || width > size - offset)
		return -ERANGE;
	return 0;
}

#endif
