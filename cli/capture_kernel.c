// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's log, as Linux 2.6.30 to 7.x words it: roots, sizes of BARs, who
 * got no ports. Prefixes of dmesg, syslog and journalctl are passed over.
 *
 * Lines are events: the last one about a BAR or a window counts.
 */
#include <errno.h>
#include <stdlib.h>
#include "capture.h"
#include "scan.h"

#define BAR_WINDOW 0xff		/* the I/O window of a bridge */

/* What stands in brackets: "[io  0xd000-0xd0ff]", "[io  size 0x0100]". */
struct io_text {
	bool found;
	struct iomul_range at;	/* empty: only the size is told, or neither */
	u32 size;
	const char *behind;
};

static void io_sized(struct io_text *io, const char *p)
{
	u32 size;

	scan_blanks(&p);
	if (!scan_port(&p, &size))
		return;
	io->found = true;
	io->size = size;
	io->behind = *p == ']' ? p + 1 : p;
}

static void io_ranged(struct io_text *io, const char *p)
{
	u32 first, last;

	if (!scan_range(&p, &first, &last))
		return;
	io->found = true;
	if (first <= last && !(first == 0 && last == ~0U)) {
		io->size = last - first + 1;
		if (first)
			io->at = (struct iomul_range){ first, last };
	}
	while (*p && *p != ']')
		p++;
	io->behind = *p ? p + 1 : p;
}

static struct io_text io_find(const char *text)
{
	static const char *const openings[] = { "[io ", "io port: [", "I/O resource [", "[disabled io " };
	struct io_text io = { .at = IOMUL_RANGE_EMPTY };
	const char *p = NULL;
	size_t i;

	for (i = 0; !p && i < sizeof(openings) / sizeof(openings[0]); i++) {
		p = strstr(text, openings[i]);
		if (p)
			p += strlen(openings[i]);
	}
	if (!p)
		return io;
	scan_blanks(&p);
	if (scan_word(&p, "size"))
		io_sized(&io, p);
	else
		io_ranged(&io, p);
	return io;
}

/* Words after which a BAR or window has no ports. */
static bool says_without(const char *text)
{
	static const char *const words[] = { "no space", "failed to assign", "can't assign",
					     "can't allocate", "can't claim", "releasing",
					     "trying firmware assignment", "no compatible",
					     "has no parent", "address conflict", "disabled" };
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strstr(text, words[i]))
			return true;
	return false;
}

static void tell_window(struct capture_function *f, const struct io_text *io, bool without)
{
	f->kernel_window_told = true;
	f->kernel_window = without ? IOMUL_RANGE_EMPTY : io->at;
}

static void tell_bar(struct capture_function *f, u32 bar, const struct io_text *io, bool without)
{
	struct capture_bar *b = &f->kernel[bar];

	b->io = true;
	if (io->size >= 4 && !(io->size & (io->size - 1)) && io->size <= 1u << 20)
		b->size = io->size;
	b->at = without ? IOMUL_RANGE_EMPTY : io->at;
	if (b->size && !iomul_range_empty(b->at) && iomul_range_size(b->at) != b->size)
		b->at = IOMUL_RANGE_EMPTY;
	if (!iomul_range_empty(b->at) && (b->at.first & (b->size - 1)))
		b->at = IOMUL_RANGE_EMPTY;
}

/* "BAR 0", "reg 0x10", "reg 10", "bridge window": which of the function's ranges? */
static bool which_range(const char **text, u32 *bar)
{
	const char *p = *text;
	u32 n;

	scan_blanks(&p);
	if (scan_word(&p, "bridge window")) {
		*bar = BAR_WINDOW;
	} else if (scan_word(&p, "BAR ")) {
		if (!scan_decimal(&p, &n))
			return false;
		*bar = n < IOMUL_BARS ? n : n == 7 || n == 13 ? BAR_WINDOW : IOMUL_BARS;
	} else if (scan_word(&p, "reg ")) {
		if (!scan_port(&p, &n))
			return false;
		*bar = n >= 0x10 && n < 0x28 && !(n & 3) ? (n - 0x10) / 4 : IOMUL_BARS;
	} else {
		return false;
	}
	*text = p;
	return true;
}

/* "[1000:005b] type 00 class 0x010400" */
static bool take_found(struct capture_function *f, const char *text)
{
	u32 vendor, device, type, class;

	if (!scan_word(&text, "[") || !scan_hex(&text, 4, &vendor) || !scan_word(&text, ":") ||
	    !scan_hex(&text, 4, &device) || !scan_word(&text, "] type ") ||
	    !scan_port(&text, &type) || !scan_word(&text, " class ") || !scan_port(&text, &class))
		return false;
	f->said |= SAID_KERNEL;
	if (f->said & (SAID_LSPCI | SAID_CONFIG))
		return true;
	f->node.vendor = (u16)vendor;
	f->node.device = (u16)device;
	f->node.class_code = class & 0xffffff;
	if (type == 1)
		f->node.flags |= IOMUL_NODE_PORT;
	if (type == 2)
		f->said |= SAID_CARDBUS;
	if (strstr(text, "PCIe"))
		f->node.flags |= IOMUL_NODE_PCIE;
	return true;
}

/* "PCI bridge to [bus 01-03]", once "PCI bridge, secondary bus 0000:01". */
static bool take_bridge(struct capture_function *f, const char *text)
{
	u32 first, last, unused;

	if (scan_word(&text, "PCI bridge to [bus ")) {
		if (!scan_hex(&text, 2, &first))
			return false;
		last = first;
		if (*text == '-' && (++text, !scan_hex(&text, 2, &last)))
			return false;
	} else if (scan_word(&text, "PCI bridge, secondary bus ")) {
		if (!scan_hex(&text, 8, &unused) || *text++ != ':' || !scan_hex(&text, 2, &first))
			return false;
		last = first;
	} else {
		return false;
	}
	if (f->said & SAID_BUSES)
		return true;
	f->node.flags |= IOMUL_NODE_PORT;
	f->node.bus_first = (u8)first;
	f->node.bus_last = (u8)last;
	return true;
}

/* "  IO window: 0xd000-0xdfff", of 2.6.30's time. */
static bool take_old_window(struct capture_function *f, const char *text)
{
	struct io_text io = { .at = IOMUL_RANGE_EMPTY };

	scan_blanks(&text);
	if (!scan_word(&text, "IO window: "))
		return false;
	io_ranged(&io, text);
	tell_window(f, &io, !io.found);
	return true;
}

static int reserve(struct capture *c, struct iomul_range at, const char *name)
{
	struct capture_ports *more;
	u32 i;

	for (i = 0; i < c->reserved_n; i++)
		if (iomul_range_equal(c->reserved[i].at, at))
			return 0;
	more = reallocarray(c->reserved, c->reserved_n + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	c->reserved = more;
	more[c->reserved_n] = (struct capture_ports){ .at = at, .line = c->line };
	snprintf(more[c->reserved_n++].name, sizeof(more->name), "%.*s", IOMUL_NAME_MAX - 1, name);
	return 0;
}

/* "quirk: [io 0x0600-0x067f] claimed by ICH6", "quirk: region 0600-067f claimed by ICH6" */
static int take_quirk(struct capture *c, const char *text)
{
	struct io_text io = io_find(text);
	const char *by = strstr(text, " claimed by ");

	if (!by)
		return 0;
	if (scan_word(&text, "quirk: region "))
		io_ranged(&io, text);
	else if (strncmp(text, "quirk: ", 7))
		return 0;
	if (!io.found || iomul_range_empty(io.at))
		return 0;
	return reserve(c, io.at, by + 12);
}

/* "[io  0x0680-0x069f] has been reserved", "ioport range 0x4d0-0x4d1 has been reserved" */
static int take_reserved(struct capture *c, const char *who, const char *text)
{
	struct io_text io = io_find(text);

	if (!strstr(text, "has been reserved") && !strstr(text, "could not be reserved"))
		return 0;
	if (scan_word(&text, "ioport range "))
		io_ranged(&io, text);
	if (!io.found || iomul_range_empty(io.at) || io.at.last == ~0U)
		return 0;
	return reserve(c, io.at, who);
}

/* "<driver> ssss:bb:dd.f: <text>" */
static int take_function(struct capture *c, struct iomul_addr addr, const char *text)
{
	struct capture_function *f;
	const char *p = text;
	struct io_text io;
	bool without;
	u32 bar;
	int rc;

	rc = take_quirk(c, text);
	if (rc)
		return rc;
	io = io_find(text);
	without = says_without(text);
	if (!which_range(&p, &bar))
		bar = IOMUL_BARS;
	else if (!io.found && !(without && strstr(text, " io ")))
		return 0;
	if (bar == IOMUL_BARS && strncmp(text, "[", 1) && strncmp(text, "PCI bridge", 10) &&
	    !strstr(text, "IO window: "))
		return 0;
	f = capture_function(c, addr);
	if (!f)
		return -ENOMEM;
	if (bar == BAR_WINDOW)
		tell_window(f, &io, without);
	else if (bar < IOMUL_BARS)
		tell_bar(f, bar, &io, without);
	else
		return take_found(f, text) || take_bridge(f, text) || take_old_window(f, text);
	return 1;
}

static int add_aperture(struct capture *c, struct capture_root *r, struct iomul_range at)
{
	u32 i;

	if (iomul_range_empty(at) || at.last == ~0U)
		return capture_note(c, CAPTURE_UNUSED, c->line, "not a range of ports: left out");
	for (i = 0; i < r->root.napertures; i++)
		if (iomul_range_equal(r->root.aperture[i], at))
			return 0;
	if (r->root.napertures == IOMUL_APERTURES)
		return capture_note(c, CAPTURE_UNUSED, c->line,
				    "more than %u ranges of one root bus: left out", IOMUL_APERTURES);
	r->root.aperture[r->root.napertures++] = at;
	return 0;
}

/* "root bus resource [io  0x0000-0x0cf7 window]"; "resource 4 [io ...]" is of any bus. */
static int take_bus(struct capture *c, u16 segment, u8 bus, const char *text)
{
	bool weak = !strncmp(text, "resource ", 9);
	struct capture_root *r;
	struct iomul_range at;
	struct io_text io;
	int rc;

	if (!weak && strncmp(text, "root bus resource ", 18))
		return 0;
	io = io_find(text);
	if (!io.found)
		return 0;
	r = capture_root(c, segment, bus);
	if (!r)
		return -ENOMEM;
	if (weak && r->root.napertures && !r->weak)
		return 1;
	if (!weak && r->weak) {
		r->weak = 0;
		r->root.napertures = 0;
	}
	r->weak = weak;
	at = io.at;
	if (iomul_range_empty(at) && io.size)
		at = (struct iomul_range){ 0, io.size - 1 };
	rc = add_aperture(c, r, at);
	if (!rc && strstr(text, "bus address"))
		rc = capture_note(c, CAPTURE_UNUSED, c->line,
				  "ports have other numbers on this bus than for the CPU: addresses of "
				  "lspci -b would not fit");
	return rc ? rc : 1;
}

/* "ACPI: PCI Root Bridge [PCI0] (domain 0000 [bus 00-fe])", once "(0000:00)". */
static int take_root_bridge(struct capture *c, const char *text)
{
	const char *p = strstr(text, "(domain ");
	u32 segment, bus;

	if (p) {
		p += 8;
		if (!scan_hex(&p, 4, &segment) || !scan_word(&p, " [bus ") || !scan_hex(&p, 2, &bus))
			return 0;
	} else {
		p = strchr(text, '(');
		if (!p || (p++, !scan_hex(&p, 4, &segment)) || *p++ != ':' || !scan_hex(&p, 2, &bus))
			return 0;
	}
	return capture_root(c, (u16)segment, (u8)bus) ? 1 : -ENOMEM;
}

/* A word, a blank, an address, a colon: where the kernel's own text begins. */
static bool find_subject(const char *line, const char **text, struct iomul_addr *addr, bool *far)
{
	const char *p;

	for (p = strchr(line, ' '); p; p = strchr(p, ' ')) {
		p++;
		*text = p;
		if (p - line > 1 && scan_addr(text, addr, far) && scan_word(text, ": "))
			return true;
	}
	return false;
}

static int take_pnp(struct capture *c, const char *line)
{
	static const char *const words[] = { "system ", "pnp " };
	char who[24];
	const char *p, *end;
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		p = strstr(line, words[i]);
		end = p ? strstr(p, ": ") : NULL;
		if (!end || end - p >= (long)sizeof(who))
			continue;
		snprintf(who, sizeof(who), "%.*s", (int)(end - p), p);
		return take_reserved(c, who, end + 2);
	}
	return 0;
}

int capture_kernel_line(struct capture *c, const char *line)
{
	const char *p, *text;
	struct iomul_addr addr;
	u32 segment, bus;
	bool far;
	int rc;

	p = strstr(line, "PCI Root Bridge [");
	if (p) {
		rc = take_root_bridge(c, p);
	} else if ((p = strstr(line, "pci_bus "))) {
		p += 8;
		if (!scan_hex(&p, 8, &segment) || *p++ != ':' || !scan_hex(&p, 2, &bus) ||
		    !scan_word(&p, ": ") || segment > 0xffff)
			return 0;
		rc = take_bus(c, (u16)segment, (u8)bus, p);
	} else if (find_subject(line, &text, &addr, &far)) {
		if (far)
			return 1;
		rc = take_function(c, addr, text);
	} else {
		rc = take_pnp(c, line);
	}
	if (rc > 0)
		c->kernel = true;
	return rc;
}
