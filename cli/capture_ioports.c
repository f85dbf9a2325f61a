// SPDX-License-Identifier: GPL-2.0-only
/* /proc/ioports: "  d000-d0ff : 0000:01:00.0", two blanks for each level. */
#include <errno.h>
#include <stdlib.h>
#include "capture.h"
#include "scan.h"

int capture_ioports_line(struct capture *c, const char *line)
{
	struct capture_ports *more, ports = { .line = c->line };
	const char *p = line;

	scan_blanks(&p);
	ports.depth = (u32)(p - line) / 2;
	if (!scan_hex(&p, 8, &ports.at.first) || *p++ != '-' || !scan_hex(&p, 8, &ports.at.last) ||
	    !scan_word(&p, " : "))
		return 0;
	if (ports.at.first > ports.at.last || ports.at.last == ~0U)
		return capture_fail(c, c->line, "not a range of ports: \"%.60s\"", line);
	snprintf(ports.name, sizeof(ports.name), "%.*s", (int)sizeof(ports.name) - 1, p);
	more = reallocarray(c->ports, c->ports_n + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	c->ports = more;
	more[c->ports_n++] = ports;
	return 1;
}

int capture_ioports_end(struct capture *c)
{
	u32 i;

	for (i = 0; i < c->ports_n; i++)
		if (c->ports[i].at.last)
			return 0;
	if (!c->ports_n)
		return 0;
	return capture_fail(c, c->ports[0].line,
			    "all ranges are zero: /proc/ioports was read without root rights");
}
