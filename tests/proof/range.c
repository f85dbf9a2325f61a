// SPDX-License-Identifier: GPL-2.0-only
/* Proof: ranges and rule 5, for all inputs. */
#include <linux/types.h>
#include "access.h"
#include "range.h"
#include "proof.h"

static struct iomul_range any_range(void)
{
	return (struct iomul_range){ any_u32(), any_u32() };
}

static bool has(struct iomul_range r, u32 port)
{
	return r.first <= port && port <= r.last;
}

/* Each helper against the ports it talks of, one arbitrary port standing for all. */
void prove_range(void)
{
	struct iomul_range a = any_range(), b = any_range();
	u32 port = any_u32(), high;

	if (iomul_range_empty(a))
		PROVE(!has(a, port), "empty holds no port");
	else
		PROVE(has(a, a.first) && has(a, a.last), "not empty holds its ends");

	if (has(a, port) && has(b, port))
		PROVE(iomul_range_overlaps(a, b), "a common port is an overlap");
	high = a.first > b.first ? a.first : b.first;
	if (iomul_range_overlaps(a, b))
		PROVE(has(a, high) && has(b, high), "an overlap has a common port");

	if (iomul_range_contains(a, b) && has(b, port))
		PROVE(has(a, port), "contained ports are inside");
	if (!iomul_range_contains(a, b))
		PROVE((has(b, b.first) && !has(a, b.first)) || (has(b, b.last) && !has(a, b.last)),
		      "not contained: an end sticks out");

	if (iomul_range_equal(a, b))
		PROVE(has(a, port) == has(b, port), "equal ranges have the same ports");
	else
		PROVE(has(a, a.first) != has(b, a.first) || has(a, a.last) != has(b, a.last) ||
		      has(a, b.first) != has(b, b.first) || has(a, b.last) != has(b, b.last),
		      "unequal ranges differ");

	END;
}

/* The whole 32-bit space has no size; topology.c lets no range end at its last port. */
void prove_range_size(void)
{
	struct iomul_range a = any_range();

	ASSUME(a.first || a.last != ~0U);
	PROVE(iomul_range_size(a) == (iomul_range_empty(a) ? 0 : (u64)a.last - a.first + 1), "size");
	END;
}

void prove_range_at(void)
{
	u32 first = any_u32(), size = any_u32(), port = any_u32();
	struct iomul_range r = iomul_range_at(first, size);
	bool fits = size && (u64)first + size - 1 <= ~0U;

	PROVE(iomul_range_empty(r) == !fits, "empty if and only if it does not fit");
	if (fits)
		PROVE(has(r, port) == (port >= first && (u64)port < (u64)first + size), "its ports");
	END;
}

void prove_align(void)
{
	u32 value = any_u32(), shift = any_u32(), other = any_u32(), align, up;

	ASSUME(shift < 32);
	align = 1U << shift;
	PROVE(iomul_power_of_two(align), "one bit is a power of two");
	PROVE(!iomul_power_of_two(0) && !iomul_power_of_two(align | (other & ~align)) ||
	      !(other & ~align), "more bits are none");
	up = iomul_align_up(value, align);
	if (up == ~0U) {
		PROVE(value > ~(align - 1) || align == 1, "none only if there is none");
	} else {
		PROVE(up >= value && !(up & (align - 1)), "a multiple, not below");
		PROVE(up - value < align, "the next one");
	}
	END;
}

/* Rule 5: what is let through lies inside the BAR, as wide as allowed, aligned. */
void prove_access(void)
{
	u32 size = any_u32(), offset = any_u32(), width = any_u32();
	int err = iomul_access_check(size, offset, width);
	bool shape = size && (width == 1 || width == 2 || width == 4) && !(offset % (width ? width : 1));
	bool inside = (u64)offset + width <= size;

	PROVE(err == (!shape ? -EINVAL : !inside ? -ERANGE : 0), "let through exactly what rule 5 says");
	END;
}
