// SPDX-License-Identifier: GPL-2.0-only
/* Addresses as people and sysfs write them: [ssss:]bb:dd[.f], hexadecimal. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "cli.h"
#include "param.h"

/* One item in core's grammar, and nothing behind it. */
static int parse(const char *text, struct iomul_item *item)
{
	struct iomul_param p;

	iomul_param_init(&p, text, (u32)strlen(text), IOMUL_TAKE_COMMAND);
	return iomul_param_next(&p, item) == 1 && p.end ? 0 : -EINVAL;
}

int addr_parse(const char *text, struct iomul_addr *addr)
{
	struct iomul_item item;

	if (parse(text, &item))
		return -EINVAL;
	*addr = item.addr;
	addr->devfn &= ~7;
	return 0;
}

int addr_parse_function(const char *text, struct iomul_addr *addr)
{
	const char *colon = strchr(text, ':');
	struct iomul_item item;

	if (!colon || !strchr(colon + 1, ':') || parse(text, &item) ||
	    item.kind != IOMUL_ITEM_FUNCTION)
		return -EINVAL;
	*addr = item.addr;
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
