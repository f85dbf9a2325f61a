// SPDX-License-Identifier: GPL-2.0-only
/* --from: another machine's tree; and the options of the verbs that only look. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "capture.h"
#include "from.h"
#include "names.h"

static const char *const note_words[] = {
	[CAPTURE_ASSUMED] = "assumed",
	[CAPTURE_UNKNOWN] = "unknown",
	[CAPTURE_UNUSED] = "not used",
};

/* The whole of @path, with a NUL behind; to be freed. -errno. */
static int slurp(const char *path, char **out, size_t *length)
{
	FILE *f = strcmp(path, "-") ? fopen(path, "re") : stdin;
	size_t room = 1 << 16, n = 0;
	char *text = NULL, *more;
	int rc = f ? 0 : -errno;

	while (!rc) {
		more = realloc(text, room + 1);
		if (!more) {
			rc = -ENOMEM;
			break;
		}
		text = more;
		n += fread(text + n, 1, room - n, f);
		if (n < room) {
			rc = ferror(f) ? -EIO : 0;
			break;
		}
		room *= 2;
		if (room > CAPTURE_BYTES_MAX)
			rc = -EFBIG;
	}
	if (f && f != stdin)
		fclose(f);
	if (rc) {
		free(text);
		return rc;
	}
	text[n] = '\0';
	*out = text;
	*length = n;
	return 0;
}

static int feed_file(struct capture *c, const char *path)
{
	size_t length;
	char *text;
	int rc = slurp(path, &text, &length);

	if (rc) {
		complain("%s: %s", path, strerror(-rc));
		return -EINVAL;
	}
	rc = capture_feed(c, path, text, length);
	free(text);
	if (rc == -EINVAL)
		complain("%s", c->error);
	return rc;
}

static void say_notes(const struct capture *c)
{
	u32 i;

	fflush(stdout);
	for (i = 0; i < c->notes; i++) {
		const struct capture_note *n = &c->note[i];

		fprintf(stderr, "note: %s: ", note_words[n->kind]);
		if (n->file && n->line)
			fprintf(stderr, "%s:%u: ", n->file, n->line);
		else if (n->file)
			fprintf(stderr, "%s: ", n->file);
		fprintf(stderr, "%s\n", n->text);
	}
	if (c->notes_dropped)
		fprintf(stderr, "note: and %u more\n", c->notes_dropped);
}

static int adopt(struct view *v, struct capture *c)
{
	int rc;

	*v = (struct view){ .tree = c->tree, .sized = true, .capture = c };
	c->tree = NULL;
	rc = view_init(v, c->state ? c->state->groups : 0);
	if (!rc && c->state)
		rc = view_add_groups(v, c->state);
	if (!rc)
		rc = iomul_topology_init(&v->t);
	v->capture = rc ? NULL : c;
	if (rc)
		view_free(v);
	return rc;
}

static void drop(struct capture *c)
{
	capture_free(c);
	free(c);
}

int view_from(struct view *v, char *const *file, u32 files)
{
	struct capture *c = calloc(1, sizeof(*c));
	u32 i;
	int rc = 0;

	*v = (struct view){ 0 };
	if (!c)
		return out_of_memory();
	for (i = 0; !rc && i < files; i++)
		rc = feed_file(c, file[i]);
	if (!rc) {
		rc = capture_build(c);
		if (rc == -EINVAL)
			complain("%s", c->error);
	}
	if (!rc) {
		rc = adopt(v, c);
		if (rc && rc != -ENOMEM)
			complain("the snapshot's tree and groups can't be: a range, an index or the order is impossible");
	}
	if (!rc)
		return EXIT_DONE;
	drop(c);
	return rc == -ENOMEM ? out_of_memory() : EXIT_REFUSED;
}

void from_done(struct capture *c)
{
	if (!c)
		return;
	say_notes(c);
	drop(c);
}

int view_here(struct view *v)
{
	struct iomul_ctx *ctx;
	int code;

	if (getenv("IOMUL_SYSFS") || device_open(&ctx, false, true))
		return view_load(v, NULL);
	code = view_load(v, ctx);
	iomul_ctx_close(ctx);
	return code;
}

const char *function_name(const struct view *v, const struct iomul_node *n, char *text, size_t size)
{
	const struct capture_function *f = v && v->capture ? capture_find(v->capture, n->addr) : NULL;

	if (f && *f->name) {
		snprintf(text, size, "%s", f->name);
		return text;
	}
	return n->vendor ? device_name(n->vendor, n->device, text, size) : (*text = '\0', text);
}

struct json_object *notes_json(const struct view *v)
{
	const struct capture *c = v->capture;
	struct json_object *a = json_object_new_array(), *o;
	u32 i;

	for (i = 0; c && i < c->notes; i++) {
		o = json_object_new_object();
		json_put_text(o, "kind", note_words[c->note[i].kind]);
		json_put_text(o, "file", c->note[i].file);
		json_put(o, "line", c->note[i].line ? json_object_new_int64(c->note[i].line) : NULL);
		json_put_text(o, "text", c->note[i].text);
		json_object_array_add(a, o);
	}
	return a;
}

/*
 * Options.
 */

static const struct option all_options[] = {
	{ "help", no_argument, NULL, 'h' },	{ "from", required_argument, NULL, 'f' },
	{ "json", no_argument, NULL, 'j' },	{ "starved", no_argument, NULL, 's' },
	{ "all", no_argument, NULL, 'a' },	{ "once", no_argument, NULL, 'o' },
	{ "dot", no_argument, NULL, 'd' },	{ "interval", required_argument, NULL, 'i' },
	{ "svg", required_argument, NULL, 'g' },
	{ "output", required_argument, NULL, 'O' }, { "columns", required_argument, NULL, 'c' },
	{ "windows", required_argument, NULL, 'w' },
	{ "reserve", required_argument, NULL, 'r' },
};

#define OPTIONS (sizeof(all_options) / sizeof(all_options[0]))

static bool number(const char *text, u32 least, u32 most, u32 *out)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || v < least || v > most)
		return false;
	*out = (u32)v;
	return true;
}

static int take(struct verb_options *o, const struct command *c, int option)
{
	char *end;

	switch (option) {
	case 'h':
		command_help(c);
		return EXIT_DONE;
	case 'f':
		o->from[o->sources++] = optarg;
		return CHOICE_GO;
	case 'j':
		o->json = true;
		return CHOICE_GO;
	case 's':
		o->starved = true;
		return CHOICE_GO;
	case 'a':
		o->all = true;
		return CHOICE_GO;
	case 'o':
		o->once = true;
		return CHOICE_GO;
	case 'd':
		o->dot = true;
		return CHOICE_GO;
	case 'O':
		o->output = optarg;
		return CHOICE_GO;
	case 'g':
		o->svg = optarg;
		return CHOICE_GO;
	case 'i':
		o->interval = strtod(optarg, &end);
		if (*end || !(o->interval >= 0.1 && o->interval <= 3600))
			return usage_error(c, "--interval %s: not a number of seconds from 0.1 to 3600",
					   optarg);
		return CHOICE_GO;
	case 'c':
		if (!number(optarg, 40, 1000, &o->columns))
			return usage_error(c, "--columns %s: not a number from 40 to 1000", optarg);
		return CHOICE_GO;
	case 'w':
		if (!strcmp(optarg, "auto"))
			o->windows = 0;
		else if (!number(optarg, 1, 65535, &o->windows))
			return usage_error(c, "--windows %s: neither a number from 1 to 65535 nor 'auto'",
					   optarg);
		return CHOICE_GO;
	case 'r':
		if (!number(optarg, 0, 65535, &o->reserve))
			return usage_error(c, "--reserve %s: not a number from 0 to 65535", optarg);
		return CHOICE_GO;
	default:
		return EXIT_USAGE;
	}
}

static int bad_option(const struct command *c, const struct option *options, const char *given)
{
	const struct option *o;

	for (o = options; o->name; o++)
		if (o->has_arg && optopt == o->val)
			return usage_error(c, "--%s needs an argument", o->name);
	return usage_error(c, "'%s' is not an option of %s", given, c->name);
}

static int take_slot(struct verb_options *o, const struct command *c, const char *text)
{
	if (addr_parse(text, &o->slot[o->slots++]))
		return usage_error(c,
				   "'%s' is not a slot: write bus:device or segment:bus:device in "
				   "hexadecimal, as 05:00 or 0000:05:00; a function 0-7 may follow, "
				   "as in 05:00.0",
				   text);
	return CHOICE_GO;
}

int verb_parse(struct verb_options *o, const struct command *c, const char *allowed, int argc,
	       char **argv)
{
	struct option options[OPTIONS + 1] = { 0 };
	int option, code = CHOICE_GO;
	size_t i, n = 0;

	*o = (struct verb_options){ .windows = 1 };
	for (i = 0; i < OPTIONS; i++)
		if (all_options[i].val == 'h' || strchr(allowed, all_options[i].val))
			options[n++] = all_options[i];
	o->from = calloc((size_t)argc + 1, sizeof(*o->from));
	o->slot = calloc((size_t)argc + 1, sizeof(*o->slot));
	if (!o->from || !o->slot)
		return out_of_memory();
	opterr = 0;
	while (code == CHOICE_GO && (option = getopt_long(argc, argv, "h", options, NULL)) != -1)
		code = option == '?' ? bad_option(c, options, argv[optind - 1]) : take(o, c, option);
	if (code == CHOICE_GO && optind < argc && !strchr(allowed, 'S'))
		code = usage_error(c, "%s takes no argument '%s'", c->name, argv[optind]);
	for (; code == CHOICE_GO && optind < argc; optind++)
		code = take_slot(o, c, argv[optind]);
	if (code != CHOICE_GO)
		verb_free(o);
	return code;
}

void verb_free(struct verb_options *o)
{
	free(o->from);
	free(o->slot);
	o->from = NULL;
	o->slot = NULL;
}
