// SPDX-License-Identifier: GPL-2.0-only
/* Options and slots as several verbs take them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"

static const struct option_rule {
	struct option option;
	unsigned int needs; /* enum choice_option */
} rules[] = {
	{ { "help", no_argument, NULL, 'h' }, 0 },
	{ { "all", no_argument, NULL, 'a' }, CHOOSE_ALL },
	{ { "starved", no_argument, NULL, 's' }, CHOOSE_STARVED },
	{ { "windows", required_argument, NULL, 'w' }, CHOOSE_POLICY },
	{ { "reserve", required_argument, NULL, 'r' }, CHOOSE_POLICY },
	{ { "json", no_argument, NULL, 'j' }, CHOOSE_JSON },
	{ { "verify", no_argument, NULL, 'v' }, CHOOSE_VERIFY },
	{ { "steps", no_argument, NULL, 'p' }, CHOOSE_STEPS },
	{ { "from", required_argument, NULL, 'f' }, CHOOSE_FROM },
	{ { "save", no_argument, NULL, 'S' }, CHOOSE_SAVE },
	{ { "future", no_argument, NULL, 'F' }, CHOOSE_FUTURE },
	{ { "wait", no_argument, NULL, 'W' }, CHOOSE_WAIT },
};

#define RULES (sizeof(rules) / sizeof(rules[0]))

static void options_allowed(struct option out[RULES + 1], unsigned int allowed)
{
	size_t i, n = 0;

	for (i = 0; i < RULES; i++)
		if ((rules[i].needs & allowed) == rules[i].needs)
			out[n++] = rules[i].option;
	out[n] = (struct option){ 0 };
}

/* A number from @least to 65535. -EINVAL. */
static int number(const char *text, u32 least, u32 *value)
{
	unsigned long v;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	v = strtoul(text, &end, 10);
	if (errno || *end || v < least || v > 65535)
		return -EINVAL;
	*value = v;
	return 0;
}

static int take_option(struct choice *ch, const struct command *c, int option)
{
	switch (option) {
	case 'a':
		ch->all = true;
		return CHOICE_GO;
	case 's':
		ch->starved = true;
		return CHOICE_GO;
	case 'j':
		ch->json = true;
		return CHOICE_GO;
	case 'v':
		ch->verify = true;
		return CHOICE_GO;
	case 'p':
		ch->steps = true;
		return CHOICE_GO;
	case 'F':
		ch->future = true;
		return CHOICE_GO;
	case 'W':
		ch->wait = true;
		return CHOICE_GO;
	case 'S':
		ch->save = true;
		return CHOICE_GO;
	case 'f':
		ch->from[ch->sources++] = optarg;
		return CHOICE_GO;
	case 'w':
		if (!strcmp(optarg, "auto"))
			ch->windows = 0;
		else if (number(optarg, 1, &ch->windows))
			return usage_error(c, "--windows %s: neither a number from 1 to 65535 nor 'auto'",
					   optarg);
		return CHOICE_GO;
	case 'r':
		if (number(optarg, 0, &ch->reserve))
			return usage_error(c, "--reserve %s: not a number from 0 to 65535", optarg);
		return CHOICE_GO;
	case 'h':
		command_help(c);
		return EXIT_DONE;
	default:
		return EXIT_USAGE;
	}
}

/* getopt_long() has no words for it in our manner, so it is kept quiet. */
static int bad_option(const struct command *c, const struct option *options, char **argv)
{
	const char *given = argv[optind - 1];
	const struct option *o;

	for (o = options; o->name; o++)
		if (o->has_arg && optopt == o->val)
			return usage_error(c, "--%s needs a %s", o->name,
					   o->val == 'f' ? "file" : "number");
	if (optopt && strncmp(given, "--", 2))
		return usage_error(c, "'-%c' is not an option of %s", optopt, c->name);
	return usage_error(c, "'%s' is not an option of %s", given, c->name);
}

static int take_slot(struct choice *ch, const struct command *c, const char *text)
{
	struct iomul_addr addr;
	u32 i;

	if (addr_parse(text, &addr))
		return usage_error(c,
				   "'%s' is not a slot: write bus:device or segment:bus:device in "
				   "hexadecimal, as 05:00 or 0000:05:00; a function 0-7 may follow, "
				   "as in 05:00.0",
				   text);
	for (i = 0; i < ch->slots; i++)
		if (addr_equal(ch->slot[i], addr))
			return CHOICE_GO;
	ch->slot[ch->slots++] = addr;
	return CHOICE_GO;
}

static int take_slots(struct choice *ch, const struct command *c, unsigned int allowed, int argc,
		      char **argv)
{
	int code = CHOICE_GO;

	if (optind < argc && !(allowed & CHOOSE_SLOTS))
		return usage_error(c, "%s takes no argument '%s'", c->name, argv[optind]);
	ch->slot = calloc(argc, sizeof(*ch->slot));
	if (!ch->slot)
		return out_of_memory();
	for (; code == CHOICE_GO && optind < argc; optind++)
		code = take_slot(ch, c, argv[optind]);
	return code;
}

static int choice_check(const struct choice *ch, const struct command *c, unsigned int allowed)
{
	if (ch->all && ch->starved)
		return usage_error(c, "either --all or --starved");
	if (ch->slots && (ch->all || ch->starved))
		return usage_error(c, "either slots or %s", ch->all ? "--all" : "--starved");
	if ((allowed & CHOOSE_NEEDED) && !ch->slots && !ch->all && !ch->starved)
		return usage_error(c, "no slot given");
	if (ch->steps && ch->json)
		return usage_error(c, "either --steps or --json, which contains them");
	return CHOICE_GO;
}

int choice_parse(struct choice *ch, const struct command *c, unsigned int allowed, int argc,
		 char **argv)
{
	struct option options[RULES + 1];
	int option, code = CHOICE_GO;

	*ch = (struct choice){ .windows = 1 };
	options_allowed(options, allowed);
	ch->from = calloc((size_t)argc + 1, sizeof(*ch->from));
	if (!ch->from)
		return out_of_memory();
	opterr = 0;
	while (code == CHOICE_GO && (option = getopt_long(argc, argv, "h", options, NULL)) != -1)
		code = option == '?' ? bad_option(c, options, argv) : take_option(ch, c, option);
	if (code == CHOICE_GO)
		code = take_slots(ch, c, allowed, argc, argv);
	if (code == CHOICE_GO)
		code = choice_check(ch, c, allowed);
	if (code != CHOICE_GO)
		choice_free(ch);
	return code;
}

void choice_free(struct choice *ch)
{
	free(ch->slot);
	free(ch->from);
	ch->slot = NULL;
	ch->from = NULL;
}
