// SPDX-License-Identifier: GPL-2.0-only
/* Captures of a machine: which parser takes what, and what they told. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include "capture.h"
#include "scan.h"

static char *located(const char *file, u32 line, const char *text)
{
	char *out;

	if (line ? asprintf(&out, "%s:%u: %s", file, line, text) < 0 :
		   asprintf(&out, "%s: %s", file, text) < 0)
		return NULL;
	return out;
}

int capture_fail(struct capture *c, u32 line, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	if (!text)
		return -ENOMEM;
	free(c->error);
	c->error = located(c->file ? c->file : "capture", line, text);
	free(text);
	return c->error ? -EINVAL : -ENOMEM;
}

int capture_note(struct capture *c, enum capture_note_kind kind, u32 line, const char *format, ...)
{
	struct capture_note *more;
	va_list args;
	char *text;

	if (c->notes == CAPTURE_NOTES_MAX) {
		c->notes_dropped++;
		return 0;
	}
	more = reallocarray(c->note, c->notes + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	c->note = more;
	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	if (!text)
		return -ENOMEM;
	more[c->notes++] = (struct capture_note){ .kind = kind, .file = c->file, .line = line,
						  .text = text };
	return 0;
}

static u32 addr_key(struct iomul_addr a)
{
	return (u32)a.segment << 16 | (u32)a.bus << 8 | a.devfn;
}

/* Index of the first function not below @addr. */
static u32 position(const struct capture *c, struct iomul_addr addr)
{
	u32 low = 0, high = c->functions, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (addr_key(c->function[mid].node.addr) < addr_key(addr))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct capture_function *capture_find(const struct capture *c, struct iomul_addr addr)
{
	u32 at = position(c, addr);

	if (at == c->functions || addr_key(c->function[at].node.addr) != addr_key(addr))
		return NULL;
	return &c->function[at];
}

static bool make_room(struct capture *c)
{
	u32 room = c->functions_room ? c->functions_room * 2 : 64;
	struct capture_function *more;

	if (c->functions < c->functions_room)
		return true;
	more = reallocarray(c->function, room, sizeof(*more));
	if (!more)
		return false;
	c->function = more;
	c->functions_room = room;
	return true;
}

struct capture_function *capture_function(struct capture *c, struct iomul_addr addr)
{
	struct capture_function *f = capture_find(c, addr);
	u32 i, at;

	if (f)
		return f;
	if (!make_room(c))
		return NULL;
	at = position(c, addr);
	f = &c->function[at];
	memmove(f + 1, f, (c->functions++ - at) * sizeof(*f));
	memset(f, 0, sizeof(*f));
	f->file = c->file;
	f->line = c->line;
	f->index = IOMUL_NONE;
	f->node.addr = addr;
	f->node.parent = f->node.group = IOMUL_NONE;
	f->node.window = f->kernel_window = IOMUL_RANGE_EMPTY;
	for (i = 0; i < IOMUL_BARS; i++)
		f->node.bar[i].at = f->lspci[i].at = f->kernel[i].at = IOMUL_RANGE_EMPTY;
	return f;
}

struct capture_root *capture_root(struct capture *c, u16 segment, u8 bus)
{
	struct capture_root *more;
	u32 i;

	for (i = 0; i < c->roots; i++)
		if (c->root[i].root.segment == segment && c->root[i].root.bus == bus)
			return &c->root[i];
	more = reallocarray(c->root, c->roots + 1, sizeof(*more));
	if (!more)
		return NULL;
	c->root = more;
	more[c->roots] = (struct capture_root){ .root = { .segment = segment, .bus = bus } };
	return &more[c->roots++];
}

/* What mail programs, terminals and editors put around a line. */
static char *trim(char *line)
{
	size_t n = strlen(line);

	while (n && (line[n - 1] == '\r' || line[n - 1] == ' ' || line[n - 1] == '\t'))
		line[--n] = '\0';
	while (*line == '>')
		line += line[1] == ' ' ? 2 : 1;
	return line;
}

static int feed_line(struct capture *c, char *text)
{
	const char *line = trim(text);
	int rc = capture_ioports_line(c, line);

	if (!rc)
		rc = capture_lspci_line(c, line);
	if (!rc)
		rc = capture_kernel_line(c, line);
	if (!rc && c->in_function)
		c->strange++;
	return rc < 0 ? rc : 0;
}

static const char *keep_name(struct capture *c, const char *file)
{
	char **more = reallocarray(c->name, c->names + 1, sizeof(*more));

	if (!more)
		return NULL;
	c->name = more;
	more[c->names] = strdup(file);
	return more[c->names] ? more[c->names++] : NULL;
}

static int check_bytes(struct capture *c, char *text, size_t length)
{
	static const char gzip[] = "\x1f\x8b", xz[] = "\xfd" "7zXZ", zstd[] = "\x28\xb5\x2f\xfd";
	size_t i, zeros = 0;

	if (length >= 2 && !memcmp(text, gzip, 2))
		return capture_fail(c, 0, "is compressed: unpack it with gunzip first");
	if (length >= 5 && !memcmp(text, xz, 5))
		return capture_fail(c, 0, "is compressed: unpack it with unxz first");
	if (length >= 4 && !memcmp(text, zstd, 4))
		return capture_fail(c, 0, "is compressed: unpack it with unzstd first");
	if (length >= 2 && (!memcmp(text, "\xff\xfe", 2) || !memcmp(text, "\xfe\xff", 2)))
		return capture_fail(c, 0, "is UTF-16: convert it with iconv -f UTF-16 -t UTF-8 first");
	for (i = 0; i < length; i++) {
		if (text[i])
			continue;
		text[i] = ' ';
		zeros++;
	}
	if (!zeros)
		return 0;
	return capture_note(c, CAPTURE_UNUSED, 0, "has %zu NUL bytes, taken as blanks", zeros);
}

static int feed_lines(struct capture *c, char *text, size_t length)
{
	char *end, *stop = text + length, *last = NULL;
	int rc = 0;

	for (c->line = 1; !rc && text < stop; text = end + 1, c->line++) {
		end = memchr(text, '\n', (size_t)(stop - text));
		last = end ? NULL : text;
		if (!end)
			end = stop;
		*end = '\0';
		rc = feed_line(c, text);
	}
	c->line--;
	if (!rc)
		rc = capture_lspci_end(c, last);
	if (!rc)
		rc = capture_ioports_end(c);
	return rc;
}

int capture_feed(struct capture *c, const char *file, char *text, size_t length)
{
	u32 functions = c->functions, ports = c->ports_n, roots = c->roots, reserved = c->reserved_n;
	const char *p = text;
	int rc;

	c->file = keep_name(c, file);
	if (!c->file)
		return -ENOMEM;
	c->line = c->strange = 0;
	c->in_function = c->details = false;
	rc = check_bytes(c, text, length);
	if (rc)
		return rc;
	if (length >= 3 && !memcmp(p, "\xef\xbb\xbf", 3))
		p += 3;
	while (p < text + length && isspace((unsigned char)*p))
		p++;
	if (p == text + length)
		return capture_fail(c, 0, "is empty");
	if (*p == '{')
		return capture_json(c, p, (size_t)(text + length - p));
	p = text + (memcmp(text, "\xef\xbb\xbf", length < 3 ? length : 3) ? 0 : 3);
	rc = feed_lines(c, (char *)p, (size_t)(text + length - p));
	if (rc)
		return rc;
	if (c->strange)
		rc = capture_note(c, CAPTURE_UNUSED, 0,
				  "%u lines inside functions were not understood; wrapped by a mail "
				  "program?",
				  c->strange);
	if (!rc && functions == c->functions && ports == c->ports_n && roots == c->roots &&
	    reserved == c->reserved_n && !c->lspci && !c->kernel)
		return capture_fail(c, 0,
				    "has nothing of lspci -vvv, a kernel log, /proc/ioports or a "
				    "snapshot in it");
	return rc;
}

void capture_free(struct capture *c)
{
	u32 i;

	for (i = 0; i < c->notes; i++)
		free(c->note[i].text);
	for (i = 0; i < c->names; i++)
		free(c->name[i]);
	free(c->note);
	free(c->name);
	free(c->function);
	free(c->root);
	free(c->ports);
	free(c->reserved);
	free(c->error);
	iomul_tree_put(c->tree);
	iomul_state_put(c->state);
	memset(c, 0, sizeof(*c));
}
