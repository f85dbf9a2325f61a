// SPDX-License-Identifier: GPL-2.0-only
/* Config space that lies; see hostile.h. */
#include <string.h>
#include <linux/pci_regs.h>
#include "config.h"
#include "hostile.h"

static u32 any(struct hostile *h)
{
	return h->draw(h->from, 256) | h->draw(h->from, 256) << 8 | h->draw(h->from, 256) << 16 |
	       h->draw(h->from, 256) << 24;
}

static void set(struct hostile *h, u32 reg, u32 width, u32 value, u32 mask)
{
	for (; width--; reg++, value >>= 8, mask >>= 8) {
		h->byte[reg] = (u8)value;
		h->mask[reg] = (u8)mask;
	}
}

static u32 all_ones(u32 width)
{
	return width == 4 ? ~0U : (1U << 8 * width) - 1;
}

static u32 bar_mask(struct hostile *h)
{
	u32 mask = ~((4U << h->draw(h->from, 10)) - 1);

	if (!h->draw(h->from, 6))
		mask &= 0xffff;
	return h->mood == HOSTILE_HOLES ? mask & any(h) : mask;
}

void hostile_init(struct hostile *h, enum hostile_mood mood, bool port)
{
	u32 k, mask, bars = port ? 2 : 6;

	memset(h->byte, 0, sizeof(h->byte));
	memset(h->mask, 0, sizeof(h->mask));
	h->mood = mood;
	h->left = h->draw(h->from, 40);
	set(h, PCI_COMMAND, 2, h->draw(h->from, 8), 7);
	for (k = 0; k < bars; k++) {
		mask = bar_mask(h);
		/* An I/O BAR, none, memory of 32 or 64 bits, or a type that does not exist. */
		set(h, PCI_BASE_ADDRESS_0 + 4 * k, 4,
		    (any(h) & mask) | (h->draw(h->from, 3) ? 1 : h->draw(h->from, 8)), mask);
	}
	if (!port)
		return;
	set(h, PCI_IO_BASE, 4, any(h), 0xf0f0);
	set(h, PCI_IO_BASE_UPPER16, 4, h->draw(h->from, 2) ? 0 : any(h), ~0U);
	set(h, PCI_BRIDGE_CONTROL, 2, any(h), 0xfff);
}

/* Nobody is there, or not any more. */
static bool is_gone(struct hostile *h)
{
	if (h->mood == HOSTILE_GOING && h->left)
		return !--h->left;
	return h->mood == HOSTILE_ONES || h->mood == HOSTILE_GOING;
}

u32 hostile_read(struct hostile *h, u32 reg, u32 width)
{
	u32 value = 0, i = width;

	if (is_gone(h))
		return all_ones(width);
	if (h->mood == HOSTILE_ANYTHING)
		return any(h) & all_ones(width);
	while (i--)
		value = value << 8 | h->byte[reg + i];
	return value;
}

void hostile_write(struct hostile *h, u32 reg, u32 width, u32 value)
{
	if (is_gone(h) || h->mood == HOSTILE_STUCK)
		return;
	for (; width--; reg++, value >>= 8)
		h->byte[reg] = (u8)((value & h->mask[reg]) | (h->byte[reg] & ~h->mask[reg]));
}

/*
 * As kmod/snapshot.c reads.
 */

static void bar_snapshot(struct hostile *h, u32 reg, struct iomul_bar *b)
{
	u32 raw = hostile_read(h, reg, 4), command, mask;

	if (!iomul_config_bar_is_io(raw))
		return;
	command = hostile_read(h, PCI_COMMAND, 2);
	hostile_write(h, PCI_COMMAND, 2, command & ~PCI_COMMAND_IO);
	hostile_write(h, reg, 4, ~0U);
	mask = hostile_read(h, reg, 4);
	hostile_write(h, reg, 4, raw);
	hostile_write(h, PCI_COMMAND, 2, command);
	b->size = iomul_config_bar_size(mask, &b->flags);
	/* Where the firmware left it, the kernel may have claimed it. */
	if (b->size && b->size <= 0x1000 && (raw & ~3U) >= 0x1000 && (raw & ~3U) < 0x10000)
		b->at = iomul_range_at(raw & ~(b->size - 1), b->size);
}

static void port_snapshot(struct hostile *h, struct iomul_node *n)
{
	u32 low = hostile_read(h, PCI_IO_BASE, 2), high = 0;

	n->flags |= IOMUL_NODE_PORT | IOMUL_NODE_FORWARDS;
	if ((low & PCI_IO_RANGE_TYPE_MASK) == PCI_IO_RANGE_TYPE_32) {
		n->flags |= IOMUL_NODE_IO32;
		high = hostile_read(h, PCI_IO_BASE_UPPER16, 4);
	}
	if (hostile_read(h, PCI_BRIDGE_CONTROL, 2) & PCI_BRIDGE_CTL_ISA)
		n->flags |= IOMUL_NODE_ISA;
	n->window = iomul_config_window((u16)low, high);
}

void hostile_snapshot(struct hostile *h, bool port, struct iomul_node *n)
{
	u32 k, bars = port ? 2 : 6;

	n->group = IOMUL_NONE;
	n->window = IOMUL_RANGE_EMPTY;
	for (k = 0; k < IOMUL_BARS; k++)
		n->bar[k] = (struct iomul_bar){ .at = IOMUL_RANGE_EMPTY };
	n->vendor = (u16)hostile_read(h, PCI_VENDOR_ID, 2);
	n->device = (u16)hostile_read(h, PCI_DEVICE_ID, 2);
	n->class_code = hostile_read(h, PCI_CLASS_REVISION, 4) >> 8;
	if (hostile_read(h, PCI_COMMAND, 2) & PCI_COMMAND_IO)
		n->flags |= IOMUL_NODE_DECODES;
	for (k = 0; k < bars; k++)
		bar_snapshot(h, PCI_BASE_ADDRESS_0 + 4 * k, &n->bar[k]);
	if (port)
		port_snapshot(h, n);
}
