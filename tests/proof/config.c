// SPDX-License-Identifier: GPL-2.0-only
/* Proof: what registers say about ports, for all that a device may answer. */
#include <linux/types.h>
#include "config.h"
#include "proof.h"

/* The writable bits of a BAR that decodes @size ports, as wide as @io16 says. */
static u32 bar_bits(u32 size, bool io16)
{
	return ~(size - 1) & (io16 ? 0xffffU : ~0U);
}

void prove_config_bar(void)
{
	u32 mask = any_u32(), before = any_u32(), flags = before, shift = any_u32(), size;
	const u32 known = IOMUL_BAR_IO16 | IOMUL_BAR_UNSIZED;
	bool io16 = !(mask >> 16);

	ASSUME(!(before & known));
	size = iomul_config_bar_size(mask, &flags);
	PROVE((flags & ~known) == before, "no other flag");
	PROVE(!size == !!(flags & IOMUL_BAR_UNSIZED), "a size, or unsized");
	if (size) {
		PROVE(size >= 4 && !(size & (size - 1)), "a power of two from 4 on");
		PROVE((mask & ~3U) == bar_bits(size, io16) && (mask & 3) == 1, "of such a BAR");
		PROVE(!(flags & IOMUL_BAR_IO16) == !io16, "16 bits");
	} else {
		PROVE(flags == (before | IOMUL_BAR_UNSIZED), "unsized, and nothing else");
		ASSUME(shift >= 2 && shift < 32 && (!io16 || shift < 16));
		PROVE((mask & ~3U) != bar_bits(1U << shift, io16) || (mask & 3) != 1,
		      "no BAR that there can be");
	}
	END;
}

/* One arbitrary port stands for all: it is in the window when base and limit say so. */
void prove_config_window(void)
{
	u32 low = any_u32(), high = any_u32(), port = any_u32();
	bool wide = (low & 15) == 1;
	u32 base = (low >> 4 & 15) | (wide ? (high & 0xffff) << 4 : 0);
	u32 limit = (low >> 12 & 15) | (wide ? high >> 16 << 4 : 0);
	struct iomul_range r;

	ASSUME(low <= 0xffff);
	r = iomul_config_window((u16)low, high);
	if (iomul_range_empty(r)) {
		PROVE(low == 0xffff || base > limit, "empty: shut, or nobody answers");
		PROVE(r.first == 1 && r.last == 0, "empty is {1, 0}");
	} else {
		PROVE(!(r.first & 0xfff) && (r.last & 0xfff) == 0xfff, "whole granules");
		PROVE(wide || r.last <= 0xffff, "16 bits");
	}
	PROVE((r.first <= port && port <= r.last) ==
	      (low != 0xffff && base <= port >> 12 && port >> 12 <= limit), "its ports");
	END;
}
