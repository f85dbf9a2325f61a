/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What registers of config space say about ports. A device may say anything:
 * whatever comes in, what comes out is a size or range that the rest of core
 * takes, or none.
 */
#ifndef IOMUL_CORE_CONFIG_H
#define IOMUL_CORE_CONFIG_H

#include <linux/types.h>
#include "range.h"

/* The type bits of a BAR: 1 is I/O, bit 1 is reserved and 0 (PCI 3.0, 6.2.5.1). */
static inline bool iomul_config_bar_is_io(u32 raw)
{
	return (raw & 3) == 1;
}

/*
 * The size of an I/O BAR that reads @mask after ones were written to it: a power
 * of two from 4 on. 0: it makes no sense, IOMUL_BAR_UNSIZED is set in *@flags.
 */
static inline u32 iomul_config_bar_size(u32 mask, u32 *flags)
{
	u32 bits = mask & ~3U, size;

	if (bits && !(bits & 0xffff0000)) {
		*flags |= IOMUL_BAR_IO16;
		bits |= 0xffff0000;
	}
	size = ~bits + 1;
	if (iomul_config_bar_is_io(mask) && iomul_power_of_two(size))
		return size;
	*flags = (*flags & ~(u32)IOMUL_BAR_IO16) | IOMUL_BAR_UNSIZED;
	return 0;
}

/*
 * The window of a bridge, in bus addresses, from I/O Base and Limit as one word
 * and their upper halves as one (PCI-PCI Bridge 1.2, 3.2.5.6); empty when shut.
 */
static inline struct iomul_range iomul_config_window(u16 low, u32 high)
{
	struct iomul_range r = { (low & 0xf0U) << 8, (low & 0xf000U) | 0xfff };

	if (low == 0xffff)
		return IOMUL_RANGE_EMPTY;	/* nobody answers */
	if ((low & 0x0f) == 1) {
		r.first |= high << 16;
		r.last |= high & 0xffff0000;
	}
	return r.first > r.last ? IOMUL_RANGE_EMPTY : r;
}

#endif
