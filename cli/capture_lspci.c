// SPDX-License-Identifier: GPL-2.0-only
/*
 * lspci's output, as pciutils 2 and 3 print it: -v, -vv, -vvv, with -n, -nn, -D,
 * -k, -b, and the dumps of -x, -xxx, -xxxx.
 *
 * A BAR that was given no ports is often left out of the text; its register in
 * a dump still tells that it is there (bit 0 is hardwired; PCI 3.0, 6.2.5.1).
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include "capture.h"
#include "scan.h"

#define CLASS_BRIDGE 0x060400
#define CLASS_CARDBUS 0x060700

static struct capture_function *current(struct capture *c)
{
	return capture_find(c, c->current);
}

static int mangled(struct capture *c, const char *what, const char *line)
{
	return capture_fail(c, c->line, "%s can't be read: \"%.60s\"", what, line);
}

/* "[1000:005b]" or "1000:005b" at the end of @text; the last one counts. */
static void head_ids(const char *text, struct iomul_node *n)
{
	const char *p;
	u32 vendor, device;

	for (; *text; text++) {
		p = text;
		if (*p == '[')
			p++;
		if (scan_hex(&p, 4, &vendor) && *p++ == ':' && scan_hex(&p, 4, &device) &&
		    (text[0] != '[' || *p == ']') && p - text >= 9) {
			n->vendor = (u16)vendor;
			n->device = (u16)device;
			text = p - 1;
			if (!*p)
				return;
		}
	}
}

/* "RAID bus controller [0104]" or "0104" before the colon. */
static void head_class(const char *text, size_t length, struct iomul_node *n)
{
	const char *p = text;
	size_t i;
	u32 class;

	if (scan_hex(&p, 4, &class) && p == text + 4 && length == 4) {
		n->class_code = class << 8;
		return;
	}
	for (i = 0; i + 5 < length; i++) {
		p = text + i + 1;
		if (text[i] == '[' && scan_hex(&p, 4, &class) && *p == ']')
			n->class_code = class << 8;
	}
	if (n->class_code)
		return;
	if (length >= 10 && !strncmp(text, "PCI bridge", 10))
		n->class_code = CLASS_BRIDGE;
	if (length >= 14 && !strncmp(text, "CardBus bridge", 14))
		n->class_code = CLASS_CARDBUS;
}

static void set_name(struct capture_function *f, const char *text)
{
	const char *end = strstr(text, " (rev ");
	size_t n;

	if (!end)
		end = strstr(text, " (prog-if ");
	n = end ? (size_t)(end - text) : strlen(text);
	if (n >= sizeof(f->name))
		n = sizeof(f->name) - 1;
	memcpy(f->name, text, n);
	f->name[n] = '\0';
	if (n > 12 && f->name[n - 1] == ']' && f->name[n - 11] == '[' && f->name[n - 6] == ':')
		f->name[n - 12] = '\0'; /* "[1000:005b]" */
}

static void take_header(struct capture_function *f)
{
	if (f->node.class_code >> 8 == CLASS_BRIDGE >> 8)
		f->node.flags |= IOMUL_NODE_PORT;
	if (f->node.class_code >> 8 == CLASS_CARDBUS >> 8)
		f->said |= SAID_CARDBUS;
}

/* "01:00.0 RAID bus controller [0104]: LSI Logic MegaRAID [1000:005b] (rev 05)" */
static int take_head(struct capture *c, struct iomul_addr addr, const char *text)
{
	struct capture_function *f = capture_function(c, addr);
	const char *colon;

	if (!f)
		return -ENOMEM;
	f->said |= SAID_LSPCI;
	f->config_bytes = 0;
	f->next_bar = 0;
	c->lspci = c->in_function = true;
	c->in_capabilities = false;
	c->current = addr;
	if (*text == '"')
		return capture_fail(c, c->line,
				    "this is lspci -m's form, which leaves ports out; take lspci -vvv");
	if (scan_word(&text, "Class "))
		scan_blanks(&text);
	colon = strstr(text, ": ");
	if (!colon)
		return capture_fail(c, c->line, "the line ends before the device's name: \"%.60s\"",
				    text);
	head_class(text, (size_t)(colon - text), &f->node);
	head_ids(colon + 2, &f->node);
	set_name(f, colon + 2);
	if (strstr(text, "[Subtractive decode]"))
		f->said |= SAID_SUBTRACTIVE;
	take_header(f);
	return 1;
}

/* " [size=4K]" anywhere in @text. 0: not told. */
static u32 size_of(const char *text)
{
	const char *p = strstr(text, "[size=");
	u32 size;

	if (!p)
		return 0;
	p += 6;
	if (!scan_decimal(&p, &size))
		return 0;
	if (*p == 'K' && size < 1u << 20)
		size <<= 10;
	else if (*p == 'M' && size < 1u << 10)
		size <<= 20;
	return size;
}

static int take_io_region(struct capture *c, struct capture_function *f, u32 bar, const char *text)
{
	struct capture_bar b = { .io = true, .at = IOMUL_RANGE_EMPTY, .size = size_of(text) };
	struct capture_bar *old = &f->lspci[bar];
	const char *p = text;
	u32 at = 0;

	if (!scan_word(&p, "<unassigned>") && !scan_word(&p, "<ignored>") && !scan_hex(&p, 8, &at))
		return mangled(c, "the place of an I/O region", text);
	if (*p && *p != ' ')
		return mangled(c, "the place of an I/O region", text);
	if (b.size == 1 || b.size == 2)
		return capture_note(c, CAPTURE_UNUSED, c->line,
				    "a region of %u ports is no BAR, but of the old disk controllers' "
				    "fixed ports: left out",
				    b.size) ? -ENOMEM : 1;
	if (strstr(text, "[size=") && (b.size < 4 || (b.size & (b.size - 1))))
		return mangled(c, "the size of an I/O region", text);
	if (at & 3 || (b.size && (at & (b.size - 1))))
		return capture_fail(c, c->line, "an I/O region at %04x can't have %u ports", at,
				    b.size);
	if (at)
		b.at = iomul_range_at(at, b.size ? b.size : 4);
	if (at && iomul_range_empty(b.at))
		return mangled(c, "the place of an I/O region", text);
	if (old->io && (!iomul_range_equal(old->at, b.at) || old->size != b.size))
		return capture_fail(c, c->line,
				    "region %u of the function named in line %u is told twice, and "
				    "differently",
				    bar, f->line);
	*old = b;
	return 1;
}

/* "Region 0: I/O ports at d000 [size=256]"; -v leaves "Region 0: " out. */
static int take_region(struct capture *c, struct capture_function *f, const char *text)
{
	const char *p = text;
	u32 bar = f->next_bar;

	if (!scan_word(&p, "Region "))
		f->said |= SAID_UNNUMBERED;
	else if (!scan_decimal(&p, &bar) || !scan_word(&p, ":"))
		return mangled(c, "a region", text);
	if (bar >= IOMUL_BARS)
		return mangled(c, "the number of a region", text);
	scan_blanks(&p);
	if (scan_word(&p, "[virtual]"))
		scan_blanks(&p);
	if (!strncmp(p, "Expansion ROM at ", 17))	/* of lspci before 3.7 */
		return 1;
	f->said |= SAID_REGIONS;
	c->details = true;
	if (scan_word(&p, "I/O ports at ")) {
		f->next_bar = bar + 1;
		return take_io_region(c, f, bar, p);
	}
	if (!scan_word(&p, "Memory at "))
		return mangled(c, "a region", text);
	if (f->said & SAID_UNNUMBERED)
		return 1;
	f->lspci[bar].memory = true;
	if (strstr(p, "64-bit") && bar + 1 < IOMUL_BARS)
		f->lspci[bar + 1].memory = true;
	return 1;
}

/* "Bus: primary=00, secondary=01, subordinate=01, sec-latency=0" */
static int take_buses(struct capture *c, struct capture_function *f, const char *text)
{
	const char *p = strstr(text, "secondary="), *q = strstr(text, "subordinate=");
	u32 first, last;

	if (!p || !q)
		return mangled(c, "the bus numbers", text);
	p += 10;
	q += 12;
	if (!scan_hex(&p, 2, &first) || !scan_hex(&q, 2, &last))
		return mangled(c, "the bus numbers", text);
	f->node.bus_first = (u8)first;
	f->node.bus_last = (u8)last;
	if (!(f->said & SAID_CARDBUS))
		f->node.flags |= IOMUL_NODE_PORT;
	f->said |= SAID_BUSES;
	return 1;
}

static bool window_sane(struct iomul_range r)
{
	return !(r.first & (IOMUL_GRANULE / 4 - 1)) &&
	       (r.last & (IOMUL_GRANULE / 4 - 1)) == IOMUL_GRANULE / 4 - 1 && r.last != ~0U;
}

/*
 * "I/O behind bridge: 0000d000-0000dfff", "None", "[disabled]", or a base above
 * the limit. 0000-0fff is what a bridge without an I/O window reads as.
 */
static int take_window(struct capture *c, struct capture_function *f, const char *text)
{
	struct iomul_range r = IOMUL_RANGE_EMPTY;
	const char *p = text;

	f->said |= SAID_WINDOW;
	f->node.window = IOMUL_RANGE_EMPTY;
	if (strstr(text, "[32-bit]"))
		f->node.flags |= IOMUL_NODE_IO32;
	if (!strncmp(p, "None", 4) || *p == '[')
		return 1;
	if (!scan_range(&p, &r.first, &r.last) || (*p && *p != ' ') ||
	    (r.first <= r.last && !window_sane(r)))
		return mangled(c, "the I/O window", text);
	f->said |= SAID_FORWARDS;
	if (!r.first && r.last == IOMUL_GRANULE - 1) {
		f->node.flags &= ~IOMUL_NODE_FORWARDS;
		return 1;
	}
	f->node.flags |= IOMUL_NODE_FORWARDS;
	if (r.first <= r.last && !strstr(text, "[disabled]"))
		f->node.window = r;
	if (r.first <= r.last && r.last > 0xffff)
		f->node.flags |= IOMUL_NODE_IO32;
	return 1;
}

static int take_control(struct capture *c, struct capture_function *f, const char *text)
{
	if (!strncmp(text, "I/O+", 4))
		f->node.flags |= IOMUL_NODE_DECODES;
	else if (strncmp(text, "I/O-", 4))
		return mangled(c, "the command register", text);
	f->said |= SAID_DECODES | SAID_REGIONS;
	return 1;
}

static int take_flags(struct capture *c, struct capture_function *f, const char *text)
{
	(void)c;
	(void)text;
	f->said |= SAID_REGIONS;
	return 1;
}

/* "BridgeCtl: Parity- SERR+ NoISA- VGA-": NoISA+ is ISA Enable. */
static int take_bridge_control(struct capture *c, struct capture_function *f, const char *text)
{
	(void)c;
	if (strstr(text, "NoISA+"))
		f->node.flags |= IOMUL_NODE_ISA;
	return 1;
}

static int take_driver(struct capture *c, struct capture_function *f, const char *text)
{
	size_t n = strcspn(text, " ,\t");

	(void)c;
	if (n >= sizeof(f->node.driver))
		n = sizeof(f->node.driver) - 1;
	memcpy(f->node.driver, text, n);
	f->node.driver[n] = '\0';
	return 1;
}

static int take_capability(struct capture *c, struct capture_function *f, const char *text)
{
	c->in_capabilities = true;
	if (strstr(text, "Express"))
		f->node.flags |= IOMUL_NODE_PCIE;
	if (strstr(text, "<access denied>"))
		f->said |= SAID_DENIED;
	return 1;
}

static int take_ari(struct capture *c, struct capture_function *f, const char *text)
{
	(void)c;
	if (strstr(text, "ARIFwd+"))
		f->node.flags |= IOMUL_NODE_ARI;
	return 1;
}

static int take_dead(struct capture *c, struct capture_function *f, const char *text)
{
	(void)text;
	f->said |= SAID_REGIONS | SAID_DEAD;
	return capture_note(c, CAPTURE_UNKNOWN, c->line,
			    "the function's config space could not be read when the capture was taken");
}

/* A CardBus bridge's windows: ports that are taken, and no window to share. */
static int take_cardbus_window(struct capture *c, struct capture_function *f, const char *text)
{
	struct iomul_range r;
	struct capture_ports *more;
	const char *p = strchr(text, ':');

	(void)f;
	if (!p)
		return mangled(c, "a CardBus I/O window", text);
	p++;
	scan_blanks(&p);
	if (!scan_range(&p, &r.first, &r.last))
		return mangled(c, "a CardBus I/O window", text);
	if (r.first > r.last || !r.last || r.last == ~0U)
		return 1;
	more = reallocarray(c->reserved, c->reserved_n + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	c->reserved = more;
	more[c->reserved_n++] = (struct capture_ports){ .at = r, .line = c->line,
							.name = "CardBus window" };
	return 1;
}

#define WHOLE (1u << 0)		/* hand over the word as well */
#define BODY (1u << 1)		/* not in the list of capabilities, which has the same words */

static const struct detail {
	const char *word;
	int (*take)(struct capture *c, struct capture_function *f, const char *text);
	u32 how;
} details[] = {
	{ "Control: ", take_control, BODY },
	{ "Flags: ", take_flags, BODY },
	{ "Region ", take_region, WHOLE | BODY },
	{ "I/O ports at ", take_region, WHOLE | BODY },
	{ "Memory at ", take_region, WHOLE | BODY },
	{ "[virtual] ", take_region, WHOLE | BODY },
	{ "Bus: ", take_buses, BODY },
	{ "I/O behind bridge: ", take_window, BODY },
	{ "I/O window ", take_cardbus_window, WHOLE | BODY },
	{ "BridgeCtl: ", take_bridge_control, BODY },
	{ "Kernel driver in use: ", take_driver, 0 },
	{ "Capabilities: ", take_capability, 0 },
	{ "DevCtl2: ", take_ari, 0 },
	{ "!!! Unknown header type", take_dead, WHOLE },
};

/* "10: 01 d0 00 00 ...", 16 bytes. -1: not such a line. */
static int dump_line(const char *line, u32 *offset, u8 byte[16])
{
	u32 n, value;

	if (!scan_hex(&line, 3, offset) || *line++ != ':' || *offset & 15)
		return -1;
	for (n = 0; n < 16; n++) {
		if (*line != ' ' || !isxdigit((unsigned char)line[1]) ||
		    !isxdigit((unsigned char)line[2]))
			break;
		line++;
		if (!scan_hex(&line, 2, &value))
			return -1;
		byte[n] = (u8)value;
	}
	scan_blanks(&line);
	return *line || !n ? -1 : (int)n;
}

static u16 config16(const struct capture_function *f, u32 at)
{
	return (u16)(f->config[at] | f->config[at + 1] << 8);
}

void capture_renumber(struct capture_function *f, const struct capture_bar *as)
{
	struct capture_bar old[IOMUL_BARS];
	u32 i, k, pass;

	memcpy(old, f->lspci, sizeof(old));
	for (k = 0; k < IOMUL_BARS; k++)
		f->lspci[k] = (struct capture_bar){ .at = IOMUL_RANGE_EMPTY };
	/* First those at the same place, then the others in order. */
	for (pass = 0; pass < 2; pass++) {
		for (k = 0; k < IOMUL_BARS; k++) {
			for (i = 0; i < IOMUL_BARS && as[k].io && !f->lspci[k].io; i++) {
				if (!old[i].io || (!pass && (iomul_range_empty(as[k].at) ||
							     old[i].at.first != as[k].at.first)))
					continue;
				f->lspci[k] = old[i];
				old[i].io = false;
			}
		}
	}
	f->said &= ~SAID_UNNUMBERED;
}

static void config_window(struct capture_function *f)
{
	u32 base = f->config[PCI_IO_BASE], limit = f->config[PCI_IO_LIMIT];
	struct iomul_range r;

	if (config16(f, PCI_BRIDGE_CONTROL) & PCI_BRIDGE_CTL_ISA)
		f->node.flags |= IOMUL_NODE_ISA;
	f->node.bus_first = f->config[PCI_SECONDARY_BUS];
	f->node.bus_last = f->config[PCI_SUBORDINATE_BUS];
	f->said |= SAID_BUSES | SAID_WINDOW | SAID_FORWARDS;
	if (!base && !limit) {
		f->node.flags &= ~IOMUL_NODE_FORWARDS;
		return;
	}
	f->node.flags |= IOMUL_NODE_FORWARDS;
	r.first = (base & 0xf0) << 8;
	r.last = (limit & 0xf0) << 8 | 0xfff;
	if ((base & PCI_IO_RANGE_TYPE_MASK) == PCI_IO_RANGE_TYPE_32) {
		f->node.flags |= IOMUL_NODE_IO32;
		r.first |= (u32)config16(f, PCI_IO_BASE_UPPER16) << 16;
		r.last |= (u32)config16(f, PCI_IO_LIMIT_UPPER16) << 16;
	}
	f->node.window = r.first <= r.last && r.last != ~0U ? r : IOMUL_RANGE_EMPTY;
}

/* What the text left out: BARs that are there and have no ports. */
static void config_bars(struct capture_function *f)
{
	u32 i, value, bars = f->node.flags & IOMUL_NODE_PORT ? 2 : IOMUL_BARS;
	struct capture_bar as[IOMUL_BARS] = { 0 };

	for (i = 0; i < bars; i++) {
		struct capture_bar *b = &as[i];

		value = (u32)config16(f, PCI_BASE_ADDRESS_0 + 4 * i) |
			(u32)config16(f, PCI_BASE_ADDRESS_0 + 4 * i + 2) << 16;
		b->at = IOMUL_RANGE_EMPTY;
		if ((value & 7) == PCI_BASE_ADDRESS_MEM_TYPE_64) {
			b->memory = true;
			if (++i < bars)
				as[i].memory = true;
			continue;
		}
		if ((value & 3) != PCI_BASE_ADDRESS_SPACE_IO)
			continue;
		b->io = true;
		if (value & ~3U && value < ~3U)
			b->at = iomul_range_at(value & ~3U, 4);
	}
	if (f->said & SAID_UNNUMBERED)
		capture_renumber(f, as);
	for (i = 0; i < bars; i++) {
		if (f->lspci[i].io || f->lspci[i].memory || !(as[i].io || as[i].memory))
			continue;
		f->lspci[i] = as[i];
		if (f->said & SAID_REGIONS) /* then the text would have said where */
			f->lspci[i].at = IOMUL_RANGE_EMPTY;
	}
}

/* The first 64 bytes are there. */
static void take_config(struct capture_function *f)
{
	u8 type = f->config[PCI_HEADER_TYPE] & 0x7f;

	if (config16(f, PCI_VENDOR_ID) == 0xffff) {
		f->said |= SAID_DEAD;
		return;
	}
	f->said |= SAID_CONFIG | SAID_DECODES;
	f->node.vendor = config16(f, PCI_VENDOR_ID);
	f->node.device = config16(f, PCI_DEVICE_ID);
	f->node.class_code = (u32)config16(f, PCI_CLASS_DEVICE) << 8 | f->config[PCI_CLASS_PROG];
	f->node.flags &= ~(IOMUL_NODE_DECODES | IOMUL_NODE_PORT);
	if (config16(f, PCI_COMMAND) & PCI_COMMAND_IO)
		f->node.flags |= IOMUL_NODE_DECODES;
	if (type == PCI_HEADER_TYPE_CARDBUS) {
		f->said |= SAID_CARDBUS;
		return;
	}
	if (type == PCI_HEADER_TYPE_BRIDGE) {
		f->node.flags |= IOMUL_NODE_PORT;
		config_window(f);
	}
	config_bars(f);
}

static int take_dump(struct capture *c, struct capture_function *f, u32 offset, const u8 *byte,
		     int bytes)
{
	if (bytes != 16)
		return capture_fail(c, c->line, "the dump is cut: %d bytes instead of 16", bytes);
	if (offset != f->config_bytes)
		return capture_fail(c, c->line, "the dump goes on at %02x where %02x should come",
				    offset, f->config_bytes);
	if (offset < CAPTURE_CONFIG)
		memcpy(f->config + offset, byte, 16);
	f->config_bytes += 16;
	if (f->config_bytes == CAPTURE_CONFIG)
		take_config(f);
	return 1;
}

static int take_detail(struct capture *c, const char *line)
{
	size_t i;

	for (i = 0; i < sizeof(details) / sizeof(details[0]); i++) {
		const char *p = line;

		if (!scan_word(&p, details[i].word))
			continue;
		if ((details[i].how & BODY) && c->in_capabilities)
			return 1;
		return details[i].take(c, current(c), details[i].how & WHOLE ? line : p);
	}
	return 0;
}

/* Did the dump of the function that is over stop too early? */
static int leave_function(struct capture *c)
{
	struct capture_function *f = c->in_function ? current(c) : NULL;

	c->in_function = false;
	if (!f || !f->config_bytes || f->config_bytes == 64 || f->config_bytes == 128 ||
	    f->config_bytes == 256 || f->config_bytes == 4096)
		return 0;
	return capture_fail(c, c->line,
			    "the dump of the function in line %u is cut after %u bytes", f->line,
			    f->config_bytes);
}

int capture_lspci_line(struct capture *c, const char *line)
{
	struct iomul_addr addr;
	const char *p = line;
	bool far, indented;
	u8 byte[16];
	u32 offset;
	int n;

	scan_blanks(&p);
	indented = p != line;
	if (!*p)
		return leave_function(c);
	line = p;
	if (!indented && scan_addr(&p, &addr, &far) && *p == ' ') {
		n = leave_function(c);
		if (n)
			return n;
		if (far) {
			n = capture_note(c, CAPTURE_UNUSED, c->line,
					 "the function's segment has more than 16 bits: such (VMD) "
					 "have no ports; left out");
			return n ? n : 1;
		}
		return take_head(c, addr, p + 1);
	}
	if (!c->in_function)
		return 0;
	n = dump_line(line, &offset, byte);
	if (n > 0)
		return take_dump(c, current(c), offset, byte, n);
	n = take_detail(c, line);
	return n || !indented ? n : 1;
}

/* Does @line, the last one and without an end, lack something that matters? */
static bool line_cut(const char *line)
{
	size_t i, n;

	scan_blanks(&line);
	n = strlen(line);
	if (!n || line[n - 1] == ']')
		return false;
	if (!strncmp(line, "Bus: ", 5))
		return !strstr(line, "sec-latency=");
	if (!strncmp(line, "I/O behind bridge: ", 19) && !strchr(line, '['))
		return n != 36 && strcmp(line + 19, "None");
	for (i = 0; i < sizeof(details) / sizeof(details[0]); i++)
		if (details[i].take == take_region || details[i].take == take_window)
			if (!strncmp(line, details[i].word, strlen(details[i].word)))
				return true;
	return false;
}

int capture_lspci_end(struct capture *c, const char *last)
{
	struct capture_function *f = c->in_function ? current(c) : NULL;
	u32 said = f ? f->said : 0;
	int rc = leave_function(c);

	if (rc || !f || (said & SAID_CONFIG))
		return rc;
	if ((last && line_cut(last)) || (c->details && !(said & SAID_REGIONS)))
		return capture_fail(c, c->line, "the capture ends in the middle of a function");
	return 0;
}
