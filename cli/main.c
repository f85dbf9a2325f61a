// SPDX-License-Identifier: GPL-2.0-only
/* The command iomul: finds the verb and hands over. */
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"

const struct command *const commands[] = { &cmd_plan, &cmd_attach, &cmd_detach, &cmd_status,
					   &cmd_bind, &cmd_unbind, &cmd_boot, &cmd_map,
					   &cmd_tree, &cmd_top, &cmd_metrics, &cmd_doctor,
					   &cmd_snapshot, &cmd_monitor, &cmd_lease,
					   &cmd_help, &cmd_version, NULL };

const struct command *command_find(const char *name)
{
	const struct command *const *c;

	for (c = commands; *c; c++)
		if (!strcmp((*c)->name, name))
			return *c;
	return NULL;
}

void command_help(const struct command *c)
{
	printf("Usage: iomul %s%s%s\n\n%s.\n", c->name, *c->arguments ? " " : "", c->arguments,
	       c->purpose);
	if (*c->options)
		printf("\n%s", c->options);
}

void complain(const char *format, ...)
{
	va_list args;

	progress_end();
	fflush(stdout);
	fputs("iomul: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

int usage_error(const struct command *c, const char *format, ...)
{
	va_list args;

	fputs("iomul: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\nTry 'iomul %s%s--help'.\n", c ? c->name : "", c ? " " : "");
	return EXIT_USAGE;
}

int out_of_memory(void)
{
	complain("out of memory");
	return EXIT_REFUSED;
}

/* What was printed must have got there: a full disk is a failure. */
static int finish(int code)
{
	names_free();
	if (fflush(stdout) || ferror(stdout)) {
		complain("cannot write the output");
		return code ? code : EXIT_REFUSED;
	}
	return code;
}

int main(int argc, char **argv)
{
	const struct command *c;

	setlocale(LC_ALL, "");
	if (argc < 2)
		return usage_error(NULL, "no verb given");
	if (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help"))
		return finish(cmd_help.run(&cmd_help, 1, argv + 1));
	if (!strcmp(argv[1], "-V") || !strcmp(argv[1], "--version"))
		return finish(cmd_version.run(&cmd_version, 1, argv + 1));
	c = command_find(argv[1]);
	if (!c)
		return usage_error(NULL, "'%s' is not a verb", argv[1]);
	return finish(c->run(c, argc - 1, argv + 1));
}
