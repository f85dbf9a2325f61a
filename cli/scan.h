/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading along a line. Each function moves *@s only when it found what it was
 * asked for, and says whether it did.
 */
#ifndef IOMUL_CLI_SCAN_H
#define IOMUL_CLI_SCAN_H

#include <ctype.h>
#include <string.h>
#include "libiomul.h"
#include "topology.h"

static inline void scan_blanks(const char **s)
{
	while (**s == ' ' || **s == '\t')
		(*s)++;
}

static inline bool scan_word(const char **s, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(*s, word, n))
		return false;
	*s += n;
	return true;
}

/* 1 to @digits hexadecimal digits, not followed by a further one. */
static inline bool scan_hex(const char **s, u32 digits, u32 *value)
{
	const char *p = *s;
	u32 v = 0, n;

	for (n = 0; isxdigit((unsigned char)*p); p++, n++) {
		if (n == digits)
			return false;
		v = v << 4 | (u32)(isdigit((unsigned char)*p) ? *p - '0' :
							       (*p | 0x20) - 'a' + 10);
	}
	if (!n)
		return false;
	*value = v;
	*s = p;
	return true;
}

static inline bool scan_decimal(const char **s, u32 *value)
{
	const char *p = *s;
	u32 v = 0;

	for (; isdigit((unsigned char)*p); p++) {
		if (v > 100000000)
			return false;
		v = v * 10 + (u32)(*p - '0');
	}
	if (p == *s)
		return false;
	*value = v;
	*s = p;
	return true;
}

/*
 * [segment:]bus:device.function. *@far: the segment has more than 16 bits, as
 * VMD's have, and @addr is of no use.
 */
static inline bool scan_addr(const char **s, struct iomul_addr *addr, bool *far)
{
	const char *p = *s;
	u32 first, bus, dev, func, segment = 0;

	if (!scan_hex(&p, 8, &first) || *p++ != ':' || !scan_hex(&p, 2, &bus))
		return false;
	if (*p == ':') {
		segment = first;
		p++;
		if (!scan_hex(&p, 2, &dev))
			return false;
	} else {
		dev = bus;
		bus = first;
	}
	if (bus > 0xff || dev > 0x1f || *p++ != '.' || !scan_hex(&p, 1, &func) || func > 7)
		return false;
	*far = segment > 0xffff;
	*addr = (struct iomul_addr){ .segment = (u16)segment, .bus = (u8)bus,
				     .devfn = (u8)(dev << 3 | func) };
	*s = p;
	return true;
}

/* first-last, with or without 0x; either may have up to 16 digits, the upper 8 of them 0. */
static inline bool scan_port(const char **s, u32 *value)
{
	const char *p = *s;

	scan_word(&p, "0x");
	while (p[0] == '0' && isxdigit((unsigned char)p[1]))
		p++;
	if (!scan_hex(&p, 8, value))
		return false;
	*s = p;
	return true;
}

static inline bool scan_range(const char **s, u32 *first, u32 *last)
{
	const char *p = *s;

	if (!scan_port(&p, first) || *p++ != '-' || !scan_port(&p, last))
		return false;
	*s = p;
	return true;
}

#endif
