// SPDX-License-Identifier: GPL-2.0-only
/* Addresses as people and sysfs write them: [ssss:]bb:dd[.f], hexadecimal. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include "cli.h"

/* 1 to @digits hexadecimal digits at *@text, moved past. -1: none there, or more. */
static int hex(const char **text, int digits)
{
	int value = 0, n = 0;

	for (; isxdigit((unsigned char)**text); (*text)++, n++) {
		if (n == digits)
			return -1;
		value = value << 4 | (isdigit((unsigned char)**text) ?
					      **text - '0' :
					      tolower((unsigned char)**text) - 'a' + 10);
	}
	return n ? value : -1;
}

/* How many colons: one without, two with a segment. */
static int colons(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += *text == ':';
	return n;
}

/* *@function is -1 when none is written. */
static int parse(const char *text, struct iomul_addr *addr, int *function)
{
	int segment = 0, bus, device;

	*function = -1;
	if (colons(text) == 2) {
		segment = hex(&text, 4);
		if (segment < 0 || *text++ != ':')
			return -EINVAL;
	}
	bus = hex(&text, 2);
	if (bus < 0 || *text++ != ':')
		return -EINVAL;
	device = hex(&text, 2);
	if (device < 0 || device > 31)
		return -EINVAL;
	if (*text == '.') {
		text++;
		*function = hex(&text, 1);
		if (*function < 0 || *function > 7)
			return -EINVAL;
	}
	if (*text)
		return -EINVAL;
	*addr = (struct iomul_addr){ .segment = segment, .bus = bus, .devfn = device << 3 };
	return 0;
}

int addr_parse(const char *text, struct iomul_addr *addr)
{
	int function;

	return parse(text, addr, &function);
}

int addr_parse_function(const char *text, struct iomul_addr *addr)
{
	int function;

	if (colons(text) != 2 || parse(text, addr, &function) || function < 0)
		return -EINVAL;
	addr->devfn |= function;
	return 0;
}

const char *addr_function(struct iomul_addr a, char text[ADDR_TEXT])
{
	snprintf(text, ADDR_TEXT, "%04x:%02x:%02x.%x", a.segment, a.bus, a.devfn >> 3, a.devfn & 7);
	return text;
}

const char *addr_slot(struct iomul_addr a, char text[ADDR_TEXT])
{
	snprintf(text, ADDR_TEXT, "%04x:%02x:%02x", a.segment, a.bus, a.devfn >> 3);
	return text;
}

const char *addr_short(struct iomul_addr a, char text[ADDR_TEXT])
{
	if (a.segment)
		return addr_function(a, text);
	snprintf(text, ADDR_TEXT, "%02x:%02x.%x", a.bus, a.devfn >> 3, a.devfn & 7);
	return text;
}

bool addr_equal(struct iomul_addr a, struct iomul_addr b)
{
	return a.segment == b.segment && a.bus == b.bus && a.devfn == b.devfn;
}

bool addr_same_slot(struct iomul_addr a, struct iomul_addr b)
{
	a.devfn &= ~7;
	b.devfn &= ~7;
	return addr_equal(a, b);
}
