// SPDX-License-Identifier: GPL-2.0-only
/* Config space that behaves, and the decoder; see fabric.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/pci_regs.h>
#include "fabric.h"

static u32 get(const u8 *b, u32 width)
{
	u32 v = 0;

	while (width--)
		v = v << 8 | b[width];
	return v;
}

static void put(u8 *b, u32 width, u32 v)
{
	for (; width--; v >>= 8)
		*b++ = (u8)v;
}

static bool is_port(const struct fabric_function *fn)
{
	return (fn->byte[PCI_HEADER_TYPE] & 0x7f) == PCI_HEADER_TYPE_BRIDGE;
}

/*
 * Building.
 */

static void set_reg(struct fabric_function *fn, u32 reg, u32 width, u32 value, u32 mask)
{
	put(fn->byte + reg, width, value);
	put(fn->mask + reg, width, mask);
}

/* An I/O BAR: bit 0 is 1, address bits below the size are hardwired to 0. */
static void build_bar(struct fabric_function *fn, u32 k, const struct iomul_bar *bar)
{
	u32 mask, at = bar->at.first > bar->at.last ? 0 : bar->at.first;

	if (!bar->size)
		return;
	mask = ~(bar->size - 1) & ~3U;
	if (bar->flags & IOMUL_BAR_IO16)
		mask &= 0xffff;
	set_reg(fn, PCI_BASE_ADDRESS_0 + 4 * k, 4, (at & mask) | PCI_BASE_ADDRESS_SPACE_IO, mask);
}

/* I/O Base and Limit: low nibble 0 or 1 says 16 or 32 bits and is read only. */
static void build_window(struct fabric_function *fn, const struct iomul_node *n)
{
	u32 kind = n->flags & IOMUL_NODE_IO32 ? PCI_IO_RANGE_TYPE_32 : PCI_IO_RANGE_TYPE_16;
	u32 first = 0xf000, last = 0x0fff;

	if (!(n->flags & IOMUL_NODE_FORWARDS))
		return;
	if (n->window.first <= n->window.last) {
		first = n->window.first;
		last = n->window.last;
	}
	set_reg(fn, PCI_IO_BASE, 1, (first >> 8 & 0xf0) | kind, 0xf0);
	set_reg(fn, PCI_IO_LIMIT, 1, (last >> 8 & 0xf0) | kind, 0xf0);
	if (kind != PCI_IO_RANGE_TYPE_32)
		return;
	set_reg(fn, PCI_IO_BASE_UPPER16, 2, first >> 16, 0xffff);
	set_reg(fn, PCI_IO_LIMIT_UPPER16, 2, last >> 16, 0xffff);
}

static void build_function(struct fabric_function *fn, const struct iomul_node *n)
{
	u32 k, bars = n->flags & IOMUL_NODE_PORT ? 2 : 6;

	fn->child = fn->next = IOMUL_NONE;
	set_reg(fn, PCI_VENDOR_ID, 2, n->vendor, 0);
	set_reg(fn, PCI_DEVICE_ID, 2, n->device, 0);
	set_reg(fn, PCI_COMMAND, 2,
		PCI_COMMAND_MEMORY | (n->flags & IOMUL_NODE_DECODES ? PCI_COMMAND_IO : 0),
		PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_PARITY |
			PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE);
	set_reg(fn, PCI_CACHE_LINE_SIZE, 1, 0x10, 0xff);
	set_reg(fn, PCI_CLASS_REVISION, 4, n->class_code << 8, 0);
	for (k = 0; k < bars; k++)
		build_bar(fn, k, &n->bar[k]);
	set_reg(fn, PCI_INTERRUPT_LINE, 1, 0xff, 0xff);
	if (!(n->flags & IOMUL_NODE_PORT))
		return;
	set_reg(fn, PCI_HEADER_TYPE, 1, PCI_HEADER_TYPE_BRIDGE, 0);
	set_reg(fn, PCI_PRIMARY_BUS, 1, n->addr.bus, 0xff);
	set_reg(fn, PCI_SECONDARY_BUS, 1, n->bus_first, 0xff);
	set_reg(fn, PCI_SUBORDINATE_BUS, 1, n->bus_last, 0xff);
	set_reg(fn, PCI_BRIDGE_CONTROL, 2, n->flags & IOMUL_NODE_ISA ? PCI_BRIDGE_CTL_ISA : 0,
		0x0fff);
	build_window(fn, n);
}

/* Backwards, so that each list is in order. */
static void build_tree(struct fabric *f, const struct iomul_node *node)
{
	u32 i, *head;

	for (i = 0; i < f->roots; i++)
		f->child[i] = IOMUL_NONE;
	for (i = f->fns; i-- > 0;) {
		head = node[i].parent == IOMUL_NONE ? &f->child[node[i].root] :
						      &f->fn[node[i].parent].child;
		f->fn[i].next = *head;
		*head = i;
	}
}

int fabric_init(struct fabric *f, const struct iomul_node *node, u32 nodes,
		const struct iomul_root *root, u32 roots)
{
	u32 i;

	memset(f, 0, sizeof(*f));
	f->fn = calloc(nodes + 1, sizeof(*f->fn));
	f->root = calloc(roots + 1, sizeof(*f->root));
	f->child = calloc(roots + 1, sizeof(*f->child));
	if (!f->fn || !f->root || !f->child) {
		fabric_fini(f);
		return -ENOMEM;
	}
	f->fns = nodes;
	f->roots = roots;
	if (roots)
		memcpy(f->root, root, roots * sizeof(*root));
	for (i = 0; i < nodes; i++)
		build_function(&f->fn[i], &node[i]);
	build_tree(f, node);
	return 0;
}

void fabric_fini(struct fabric *f)
{
	free(f->fn);
	free(f->root);
	free(f->child);
	memset(f, 0, sizeof(*f));
}

/*
 * Config access.
 */

static enum fabric_fault access_fault(struct fabric *f)
{
	if (!f->fail_at || --f->fail_at)
		return FABRIC_SOUND;
	if (f->dead)
		f->fail_at = 1;
	return f->fault;
}

void fabric_fail(struct fabric *f, u64 n, enum fabric_fault fault, bool dead)
{
	f->fail_at = n;
	f->fault = fault;
	f->dead = dead;
}

u32 fabric_peek(const struct fabric *f, u32 fn, u32 reg, u32 width)
{
	return get(f->fn[fn].byte + reg, width);
}

void fabric_poke(struct fabric *f, u32 fn, u32 reg, u32 width, u32 value)
{
	u32 mask = get(f->fn[fn].mask + reg, width);

	put(f->fn[fn].byte + reg, width, (value & mask) | (fabric_peek(f, fn, reg, width) & ~mask));
}

int fabric_read(struct fabric *f, u32 fn, u32 reg, u32 width, u32 *value)
{
	f->reads++;
	if (access_fault(f) != FABRIC_SOUND) {
		*value = ~0U;
		return -EIO;
	}
	*value = fabric_peek(f, fn, reg, width);
	return 0;
}

int fabric_write(struct fabric *f, u32 fn, u32 reg, u32 width, u32 value)
{
	enum fabric_fault fault = access_fault(f);

	f->writes++;
	if (fault != FABRIC_LOST)
		fabric_poke(f, fn, reg, width, value);
	return fault == FABRIC_SOUND ? 0 : -EIO;
}

u8 *fabric_copy(const struct fabric *f)
{
	u8 *copy = malloc((size_t)f->fns * FABRIC_CONFIG + 1);
	u32 i;

	for (i = 0; copy && i < f->fns; i++)
		memcpy(copy + (size_t)i * FABRIC_CONFIG, f->fn[i].byte, FABRIC_CONFIG);
	return copy;
}

bool fabric_same(const struct fabric *f, const u8 *copy, u32 fn)
{
	return !memcmp(f->fn[fn].byte, copy + (size_t)fn * FABRIC_CONFIG, FABRIC_CONFIG);
}

/*
 * The decoder.
 */

static bool decodes(const struct fabric_function *fn)
{
	return fn->byte[PCI_COMMAND] & PCI_COMMAND_IO;
}

/* The writable address bits of a BAR tell its size, as they tell software. */
bool fabric_bar(const struct fabric *f, u32 fn, u32 bar, u32 *first, u32 *last)
{
	const struct fabric_function *x = &f->fn[fn];
	u32 reg = PCI_BASE_ADDRESS_0 + 4 * bar, mask = get(x->mask + reg, 4);
	u32 value = get(x->byte + reg, 4);

	if (bar >= (is_port(x) ? 2U : 6U) || !mask || !(value & PCI_BASE_ADDRESS_SPACE_IO))
		return false;
	*first = value & mask;
	*last = *first + ((mask & -mask) - 1);
	return true;
}

static bool bars_answer(const struct fabric *f, u32 fn, u32 port)
{
	u32 k, first, last;

	for (k = 0; k < 6; k++)
		if (fabric_bar(f, fn, k, &first, &last) && first <= port && port <= last)
			return true;
	return false;
}

/* Does a bridge pass @port on? With ISA Enable, only 256 of each KiB below 64 Ki. */
static bool window_passes(const struct fabric_function *fn, u32 port)
{
	u32 base, limit, kind = fn->byte[PCI_IO_BASE] & PCI_IO_RANGE_TYPE_MASK;

	if (!fn->mask[PCI_IO_BASE])
		return false;
	base = (fn->byte[PCI_IO_BASE] & 0xf0U) << 8;
	limit = (fn->byte[PCI_IO_LIMIT] & 0xf0U) << 8 | 0xfff;
	if (kind == PCI_IO_RANGE_TYPE_32) {
		base |= get(fn->byte + PCI_IO_BASE_UPPER16, 2) << 16;
		limit |= get(fn->byte + PCI_IO_LIMIT_UPPER16, 2) << 16;
	}
	if (port < base || port > limit)
		return false;
	return !(get(fn->byte + PCI_BRIDGE_CONTROL, 2) & PCI_BRIDGE_CTL_ISA) || port > 0xffff ||
	       !(port & 0x300);
}

static u32 bus_answers(const struct fabric *f, u32 fn, u32 port, u32 n, u32 *who, u32 max)
{
	for (; fn != IOMUL_NONE; fn = f->fn[fn].next) {
		if (!decodes(&f->fn[fn]))
			continue;
		if (bars_answer(f, fn, port)) {
			if (n < max)
				who[n] = fn;
			n++;
		}
		if (is_port(&f->fn[fn]) && window_passes(&f->fn[fn], port))
			n = bus_answers(f, f->fn[fn].child, port, n, who, max);
	}
	return n;
}

u32 fabric_answers(const struct fabric *f, u32 port, u32 *who, u32 max)
{
	u32 i, k, n = 0;

	for (i = 0; i < f->roots; i++) {
		for (k = 0; k < f->root[i].napertures; k++) {
			if (port < f->root[i].aperture[k].first ||
			    port > f->root[i].aperture[k].last)
				continue;
			n = bus_answers(f, f->child[i], port, n, who, max);
			break;
		}
	}
	return n;
}

static int port_compare(const void *a, const void *b)
{
	u32 x = *(const u32 *)a, y = *(const u32 *)b;

	return (x > y) - (x < y);
}

u32 fabric_ports(const struct fabric *f, u32 **port)
{
	u32 i, k, first, last, n = 0, m = 0;
	u32 *p = malloc((size_t)f->fns * 24 * sizeof(*p) + sizeof(*p));

	*port = p;
	if (!p)
		return 0;
	for (i = 0; i < f->fns; i++) {
		for (k = 0; k < 6; k++) {
			if (!fabric_bar(f, i, k, &first, &last))
				continue;
			p[n++] = first ? first - 1 : 0;
			p[n++] = first;
			p[n++] = last;
			p[n++] = last + 1;
		}
	}
	qsort(p, n, sizeof(*p), port_compare);
	for (i = 0; i < n; i++)
		if (!m || p[m - 1] != p[i])
			p[m++] = p[i];
	return m;
}
