// SPDX-License-Identifier: GPL-2.0-only
/* iomul help: the verbs, or one of them. */
#include <string.h>
#include "cli.h"

static void help_all(void)
{
	const struct command *const *c;

	puts("Usage: iomul VERB [ARGUMENT]...\n\n"
	     "Lets PCI devices share one range of I/O ports.\n\nVerbs:");
	for (c = commands; *c; c++)
		printf("  %-9s %s\n", (*c)->name, (*c)->purpose);
	puts("\nA SLOT is written 05:00 or 0000:05:00, in hexadecimal; a function (05:00.0) may\n"
	     "follow and is ignored: all functions of a slot share.\n\n"
	     "Exit codes:\n"
	     "  0  done\n"
	     "  1  refused or failed; nothing was changed\n"
	     "  2  usage\n"
	     "  3  the module is not loaded\n"
	     "  4  not permitted\n\n"
	     "'iomul VERB --help' says more about a verb; so does iomul(8).");
}

static int run(const struct command *self, int argc, char **argv)
{
	const struct command *c = self;

	if (argc > 2)
		return usage_error(self, "one verb at most, please");
	if (argc < 2) {
		help_all();
		return EXIT_DONE;
	}
	if (strcmp(argv[1], "-h") && strcmp(argv[1], "--help"))
		c = command_find(argv[1]);
	if (!c)
		return usage_error(self, "'%s' is not a verb", argv[1]);
	command_help(c);
	return EXIT_DONE;
}

const struct command cmd_help = { "help", "[VERB]", "Says how the command is used", "", run };
