/* SPDX-License-Identifier: GPL-2.0-only */
/* Inclusive ranges of I/O ports. Empty is {1, 0}. */
#ifndef IOMUL_CORE_RANGE_H
#define IOMUL_CORE_RANGE_H

#include <linux/types.h>
#include "../uapi/iomul.h"

#define IOMUL_RANGE_EMPTY ((struct iomul_range){ 1, 0 })

static inline bool iomul_range_empty(struct iomul_range r)
{
	return r.first > r.last;
}

/* Ports in @r; the whole 32-bit space does not occur and would give 0. */
static inline u32 iomul_range_size(struct iomul_range r)
{
	return iomul_range_empty(r) ? 0 : r.last - r.first + 1;
}

static inline bool iomul_range_overlaps(struct iomul_range a, struct iomul_range b)
{
	return !iomul_range_empty(a) && !iomul_range_empty(b) && a.first <= b.last &&
	       b.first <= a.last;
}

/* Is all of @in inside @out? An empty @in is inside of everything. */
static inline bool iomul_range_contains(struct iomul_range out, struct iomul_range in)
{
	return iomul_range_empty(in) || (out.first <= in.first && in.last <= out.last);
}

static inline bool iomul_range_equal(struct iomul_range a, struct iomul_range b)
{
	return (iomul_range_empty(a) && iomul_range_empty(b)) ||
	       (a.first == b.first && a.last == b.last);
}

/* @size ports from @first on; empty if that runs past the 32-bit space. */
static inline struct iomul_range iomul_range_at(u32 first, u32 size)
{
	if (!size || size - 1 > ~first)
		return IOMUL_RANGE_EMPTY;
	return (struct iomul_range){ first, first + (size - 1) };
}

/* @value up to the next multiple of @align (a power of two); ~0 if there is none. */
static inline u32 iomul_align_up(u32 value, u32 align)
{
	return value > ~(align - 1) ? ~0U : (value + (align - 1)) & ~(align - 1);
}

static inline bool iomul_power_of_two(u32 value)
{
	return value && !(value & (value - 1));
}

#endif
