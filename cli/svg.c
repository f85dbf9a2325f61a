// SPDX-License-Identifier: GPL-2.0-only
/*
 * The port map as SVG. Every kind has a pattern of its own besides its colour,
 * so that it can be read in black and white.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "portmap.h"

#define GRID 512u	/* width of a row: 8 ports a unit */
#define ROW 22u
#define GAP 5
#define TOP 104
#define LABEL 300
#define ADDR 52u
#define PANEL (ADDR + GRID + 10 + LABEL)
#define MARGIN 24
#define LEGEND_LINE 22

static void put_text(FILE *f, const char *s)
{
	for (; *s; s++) {
		if (*s == '&')
			fputs("&amp;", f);
		else if (*s == '<')
			fputs("&lt;", f);
		else if (*s == '>')
			fputs("&gt;", f);
		else if (*s == '"')
			fputs("&quot;", f);
		else if ((unsigned char)*s >= ' ')
			fputc(*s, f);
	}
}

static void text_at(FILE *f, u32 x, u32 y, const char *class, const char *text)
{
	fprintf(f, "<text x=\"%u\" y=\"%u\" class=\"%s\">", x, y, class);
	put_text(f, text);
	fputs("</text>\n", f);
}

static void put_defs(FILE *f)
{
	fputs("<style>\n"
	      "text { font-family: DejaVu Sans, Verdana, sans-serif; fill: #111 }\n"
	      ".title { font-size: 20px; font-weight: bold }\n"
	      ".head { font-size: 15px; font-weight: bold }\n"
	      ".sum, .legend, .label { font-size: 12px }\n"
	      ".addr, .mono { font-size: 12px; font-family: DejaVu Sans Mono, monospace }\n"
	      ".frame { fill: none; stroke: #111; stroke-width: 1 }\n"
	      ".edge { stroke: #111; stroke-width: 0.6 }\n"
	      "</style>\n<defs>\n"
	      "<pattern id=\"outside\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">"
	      "<rect width=\"6\" height=\"6\" fill=\"#e4e4e4\"/></pattern>\n"
	      "<pattern id=\"low\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">"
	      "<rect width=\"6\" height=\"6\" fill=\"#fff\"/>"
	      "<circle cx=\"3\" cy=\"3\" r=\"0.8\" fill=\"#777\"/></pattern>\n"
	      "<pattern id=\"free\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">"
	      "<rect width=\"6\" height=\"6\" fill=\"#fff\"/></pattern>\n"
	      "<pattern id=\"busy\" width=\"4\" height=\"4\" patternUnits=\"userSpaceOnUse\">"
	      "<rect width=\"4\" height=\"4\" fill=\"#f2b8a6\"/>"
	      "<path d=\"M1 0v4\" stroke=\"#7a1f00\" stroke-width=\"1.4\"/></pattern>\n"
	      "<pattern id=\"kept\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\">"
	      "<rect width=\"5\" height=\"5\" fill=\"#fdf3cf\"/>"
	      "<path d=\"M0 2.5h5\" stroke=\"#a07a00\" stroke-width=\"0.8\"/></pattern>\n"
	      "<pattern id=\"window\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\">"
	      "<rect width=\"8\" height=\"8\" fill=\"#dbe7f7\"/>"
	      "<path d=\"M-2 2l4-4M0 8l8-8M6 10l4-4\" stroke=\"#4a6fa5\" stroke-width=\"0.8\"/>"
	      "</pattern>\n"
	      "<pattern id=\"bar\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">"
	      "<rect width=\"6\" height=\"6\" fill=\"#2b3f6b\"/></pattern>\n"
	      "<pattern id=\"shared\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\">"
	      "<rect width=\"8\" height=\"8\" fill=\"#bfe3c8\"/>"
	      "<path d=\"M0 0l8 8M8 0l-8 8\" stroke=\"#12612c\" stroke-width=\"1.6\"/></pattern>\n"
	      "</defs>\n", f);
}

static void put_row(FILE *f, const struct portmap *m, u32 row, u32 x, u32 y)
{
	u32 at = row * IOMUL_GRANULE, end = at + IOMUL_GRANULE, from = at;
	char text[128], label[48];
	struct port_run run;

	snprintf(text, sizeof(text), "%04x", at);
	text_at(f, x, y + ROW - 6, "addr", text);
	for (; at < end; at = run.at.last + 1) {
		run = portmap_run(m, at, end);
		fprintf(f, "<rect x=\"%.2f\" y=\"%u\" width=\"%.2f\" height=\"%u\" class=\"edge\" "
			   "fill=\"url(#%s)\"><title>%04x-%04x ",
			x + ADDR + (run.at.first - from) / 8.0, y,
			iomul_range_size(run.at) / 8.0, ROW, port_looks[run.kind].pattern,
			run.at.first, run.at.last);
		put_text(f, port_label(m, &run, text, sizeof(text)));
		fputs("</title></rect>\n", f);
	}
	fprintf(f, "<rect x=\"%u\" y=\"%u\" width=\"%u\" height=\"%u\" class=\"frame\"/>\n", x + ADDR, y,
		GRID, ROW);
	row_label(m, row, text, sizeof(text));
	snprintf(label, sizeof(label), "%.42s%s", text, strlen(text) > 42 ? "..." : "");
	text_at(f, x + ADDR + GRID + 8, y + ROW - 6, "label", label);
}

static void put_sums(FILE *f, const struct portmap *m, u32 x, u32 y)
{
	struct port_sums s = portmap_sums(m);
	char text[200];

	snprintf(text, sizeof(text),
		 "%u of %u functions have ports. 4 KiB pieces: %u bridges' own, %u free. Shared windows: "
		 "%u, serving %u slots.",
		 s.served, s.functions, s.windows, s.pieces, s.shared, s.slots);
	text_at(f, x, y, "sum", text);
}

static void put_panel(FILE *f, const struct portmap *m, const char *head, u32 x)
{
	u32 row;

	text_at(f, x, TOP - 34, "head", head);
	put_sums(f, m, x, TOP - 14);
	for (row = 0; row < ROWS; row++)
		put_row(f, m, row, x, TOP + row * (ROW + GAP));
}

static u32 put_legend(FILE *f, u32 y)
{
	u32 i, x = MARGIN;

	text_at(f, x, y, "head", "Legend");
	text_at(f, x + 90, y, "legend",
		"Each row is 4096 ports (4 KiB), the least that a PCI bridge passes on. Numbers are "
		"hexadecimal.");
	y += 12;
	for (i = 0; i < PORT_KINDS; i++) {
		if (i && !(i & 1))
			y += LEGEND_LINE;
		x = MARGIN + (i & 1) * 380;
		fprintf(f, "<rect x=\"%u\" y=\"%u\" width=\"36\" height=\"15\" class=\"edge\" "
			   "fill=\"url(#%s)\"/>\n", x, y, port_looks[i].pattern);
		text_at(f, x + 46, y + 12, "legend", port_looks[i].legend);
	}
	return y + LEGEND_LINE + 8;
}

static u32 group_lines(const struct portmap *m)
{
	char text[16 * 1024];
	u32 i, n = 0;

	for (i = 0; i < m->view->t.groups; i++)
		n += 1 + (u32)strlen(group_slots(m->view, i, text, sizeof(text))) / 130;
	return n;
}

/* Slots are of 5 or more letters: broken at blanks, some 130 letters to a line. */
static void put_groups(FILE *f, const struct portmap *m, u32 y)
{
	char text[16 * 1024], line[256], range[24];
	const char *p, *end;
	u32 i;

	for (i = 0; i < m->view->t.groups; i++) {
		snprintf(line, sizeof(line), "Group %u, %s:", m->view->t.group[i].id,
			 range_text(m->view->t.group[i].window, range));
		text_at(f, MARGIN, y, "mono", line);
		for (p = group_slots(m->view, i, text, sizeof(text)); *p; p = *end ? end + 1 : end) {
			end = strlen(p) > 100 ? strchr(p + 90, ' ') : NULL;
			if (!end)
				end = p + strlen(p);
			snprintf(line, sizeof(line), "%.*s", (int)(end - p), p);
			text_at(f, MARGIN + 180, y, "mono", line);
			y += 18;
		}
	}
}

static void put_all(FILE *f, const char *title, const struct portmap *before,
		    const struct portmap *after)
{
	u32 y = TOP + ROWS * (ROW + GAP) + 30;
	u32 width = MARGIN * 2 + PANEL + (after ? PANEL + 16 : 0);
	u32 height = y + 4 * LEGEND_LINE + 40 + 18 * (group_lines(after ? after : before) + 1);

	fprintf(f, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		   "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" "
		   "viewBox=\"0 0 %u %u\">\n<title>", width, height, width, height);
	put_text(f, title);
	fputs("</title>\n", f);
	put_defs(f);
	fprintf(f, "<rect width=\"%u\" height=\"%u\" fill=\"#fff\"/>\n", width, height);
	text_at(f, MARGIN, 32, "title", title);
	put_panel(f, before, after ? "Now" : "As it is", MARGIN);
	if (after)
		put_panel(f, after, "After the plan", MARGIN + PANEL + 16);
	y = put_legend(f, y);
	put_groups(f, after ? after : before, y + 12);
	fputs("</svg>\n", f);
}

int svg_write(const char *path, const char *title, const struct portmap *before,
	      const struct portmap *after)
{
	FILE *f = strcmp(path, "-") ? fopen(path, "we") : stdout;
	int rc;

	if (!f)
		return -errno;
	put_all(f, title, before, after);
	rc = fflush(f) || ferror(f) ? -EIO : 0;
	if (f != stdout && fclose(f) && !rc)
		rc = -errno;
	return rc;
}
