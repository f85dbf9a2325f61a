// SPDX-License-Identifier: GPL-2.0-only
/*
 * iomul boot: does what the kernel command line and /etc/iomul.conf ask for.
 *
 * Called from the initramfs before udev lets host drivers loose (--early), and
 * once more by iomul.service, which completes what the initramfs could not. In
 * this order:
 *
 *  1. seized functions get a driver_override, and lose a host driver they have
 *  2. the module is loaded, and the slots are shared
 *  3. seized functions are bound to the driver for guests
 *
 * Whatever can't be done is said, on stderr and (--early) in the kernel's log,
 * and the rest is done: nothing here may keep a machine from starting.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "boot.h"
#include "busy.h"

#define CMDLINE_MAX 65536
#define CMDLINE_PATH "/proc/cmdline"

/* A function to seize, or the slot that it is of to share, or both. */
struct wish {
	struct iomul_addr addr;
	bool share;
	bool seize;
	char driver[DRIVER_MAX];	/* to bind it to, when it is seized; "": as fits */
};

struct boot {
	struct iomul_tree *tree;
	struct conf conf;
	struct wish *wish;
	u32 wishes;
	bool all;		/* guestiomuldev=all */
	bool xen;
	bool early;
	bool dry;
	u32 failures;
};

static int kmsg = -1;

static void tell_list(const char *format, va_list args)
{
	static const char level[] = "<4>";	/* KERN_WARNING */
	char text[900] = "iomul: ";
	size_t n = strlen(text);

	fflush(stdout);
	vsnprintf(text + n, sizeof(text) - n, format, args);
	fprintf(stderr, "%s\n", text);
	if (kmsg < 0)
		return;
	/* One write, one message; and no dprintf(), which wants to seek. */
	n = strlen(text);
	memmove(text + 3, text, n < sizeof(text) - 3 ? n : sizeof(text) - 3);
	memcpy(text, level, 3);
	if (write(kmsg, text, n + 3 < sizeof(text) ? n + 3 : sizeof(text)) < 0)
		kmsg = -1;	/* there is nobody left to tell */
}

static void __attribute__((format(printf, 1, 2))) tell(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tell_list(format, args);
	va_end(args);
}

/* What did not happen. */
static void __attribute__((format(printf, 2, 3))) failed(struct boot *b, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tell_list(format, args);
	va_end(args);
	b->failures++;
}

static bool file_has(const char *path, const char *word)
{
	char text[256] = "";
	FILE *f = fopen(path, "re");
	bool has = false;

	if (!f)
		return false;
	while (!has && fgets(text, sizeof(text), f))
		has = strstr(text, word);
	fclose(f);
	return has;
}

/* Are we Xen's control domain? */
static bool is_xen(void)
{
	return file_has("/proc/xen/capabilities", "control_d") ||
	       (file_has("/sys/hypervisor/type", "xen") && !access("/proc/xen", F_OK));
}

/*
 * What is asked for
 */

static const char *driver_for(const struct boot *b, bool share)
{
	if (b->xen)
		return "pciback";
	return share ? "iomul-vfio-pci" : "vfio-pci";
}

/* One wish for each function, whoever asks how often. */
static int wish_add(struct boot *b, struct iomul_addr addr, bool share, bool seize,
		    const char *driver)
{
	struct wish *w = NULL;
	u32 i;

	for (i = 0; i < b->wishes && !w; i++)
		if (addr_equal(b->wish[i].addr, addr))
			w = &b->wish[i];
	if (!w) {
		w = reallocarray(b->wish, b->wishes + 1, sizeof(*w));
		if (!w)
			return -ENOMEM;
		b->wish = w;
		w += b->wishes++;
		*w = (struct wish){ .addr = addr };
	}
	w->share |= share;
	w->seize |= seize;
	if (driver)
		snprintf(w->driver, sizeof(w->driver), "%s", driver);
	return 0;
}

static bool slot_has_io(const struct boot *b, struct iomul_addr slot)
{
	u32 i;

	for (i = 0; i < b->tree->nodes; i++)
		if (addr_same_slot(b->tree->node[i].addr, slot) &&
		    iomul_node_has_io(&b->tree->node[i]))
			return true;
	return false;
}

/* One function that shares makes its slot share, whichever of them is seized. */
static void decide_drivers(struct boot *b)
{
	u32 i, k;

	for (i = 0; i < b->wishes; i++) {
		struct wish *w = &b->wish[i];

		for (k = 0; k < b->wishes; k++)
			w->share |= b->wish[k].share && addr_same_slot(b->wish[k].addr, w->addr);
		w->share |= b->all && slot_has_io(b, w->addr);
		if (!w->seize)
			*w->driver = '\0';
		else if (!*w->driver || !strcmp(w->driver, "auto"))
			strcpy(w->driver, driver_for(b, w->share));
	}
}

/* All functions of a slot of the configuration file; a port is nobody's to seize. */
static int wish_add_slot(struct boot *b, struct iomul_addr slot, const char *text)
{
	bool seize = strcmp(b->conf.driver, "none");
	u32 i, found = 0;
	int rc = 0;

	for (i = 0; i < b->tree->nodes && !rc; i++) {
		struct iomul_node *n = &b->tree->node[i];

		if (!addr_same_slot(n->addr, slot) || n->flags & IOMUL_NODE_PORT)
			continue;
		found++;
		rc = wish_add(b, n->addr, true, seize, seize ? b->conf.driver : NULL);
	}
	if (!found)
		failed(b, "%s: %s: no such device; nothing is shared for it", b->conf.path, text);
	return rc;
}

static bool node_there(const struct boot *b, struct iomul_addr addr, bool whole_slot)
{
	u32 i;

	for (i = 0; i < b->tree->nodes; i++)
		if (whole_slot ? addr_same_slot(b->tree->node[i].addr, addr) :
				 addr_equal(b->tree->node[i].addr, addr))
			return true;
	return false;
}

/* The functions that @item names; a message about those that are not there. */
static int item_functions(struct boot *b, const char *from, const struct iomul_item *item,
			  struct path_result *r)
{
	char text[512];
	int rc;

	iomul_item_format(item, text, sizeof(text));
	rc = path_resolve(b->tree, item, r);
	if (*r->missing)
		failed(b, "%s: %s: %s", from, text, r->missing);
	return rc ? 0 : (int)r->count;
}

/* An item of guestdev= or guestiomuldev= (@seize: of the former). */
static int take_item(struct boot *b, const char *from, const struct iomul_item *item, bool seize)
{
	static struct path_result r;
	bool share = item->share || !seize;
	char text[ADDR_TEXT];
	int i, n, rc = 0;

	if (item->kind == IOMUL_ITEM_ALL) {
		b->all = true;
		return 0;
	}
	if (item->kind == IOMUL_ITEM_PATH) {
		n = item_functions(b, from, item, &r);
		for (i = 0; i < n && !rc; i++)
			rc = wish_add(b, b->tree->node[r.node[i]].addr, share, seize, NULL);
		return rc;
	}
	if (!node_there(b, item->addr, !seize)) {
		failed(b, "%s: %s: no such device", from,
		       seize ? addr_function(item->addr, text) : addr_slot(item->addr, text));
		return 0;
	}
	return wish_add(b, item->addr, share, seize, NULL);
}

static int take_items(struct boot *b, const char *name, const char *value, u32 len, bool guestdev)
{
	struct iomul_param p;
	struct iomul_item item;
	int more, rc = 0;

	iomul_param_init(&p, value, len,
			 guestdev ? IOMUL_TAKE_GUESTDEV : IOMUL_TAKE_GUESTIOMULDEV);
	while (!rc && (more = iomul_param_next(&p, &item))) {
		if (more < 0)
			failed(b, "%s=%.*s: character %u: %s", name, (int)len, value, item.pos + 1,
			       iomul_item_reason(item.error));
		else
			rc = take_item(b, name, &item, guestdev);
	}
	return rc;
}

enum word_use { WORD_GUESTDEV, WORD_GUESTIOMULDEV, WORD_NOTE };

static const struct word {
	const char *name;
	enum word_use use;
	const char *note;
} words[] = {
	{ "guestdev", WORD_GUESTDEV, NULL },
	{ "guestiomuldev", WORD_GUESTIOMULDEV, NULL },
	{ "iomul.guestdev", WORD_GUESTDEV, NULL },
	{ "iomul.guestiomuldev", WORD_GUESTIOMULDEV, NULL },
	{ "reassign_resources", WORD_NOTE,
	  "not needed: ports of shared slots are placed by iomul, and memory windows by the kernel "
	  "(pci=realloc makes it start anew)" },
	{ "pciback.hide", WORD_NOTE,
	  "nobody reads this any more: name the functions in guestdev=, which hides them, or in "
	  "xen-pciback.hide= where that driver is built in" },
};

static int take_word(struct boot *b, const char *text, const struct iomul_word *w)
{
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!iomul_word_is(text, w, words[i].name))
			continue;
		if (words[i].use == WORD_NOTE) {
			tell("%s: %s", words[i].name, words[i].note);
			return 0;
		}
		return take_items(b, words[i].name, text + w->value, w->value_len,
				  words[i].use == WORD_GUESTDEV);
	}
	return 0;
}

static int read_cmdline(struct boot *b)
{
	const char *path = getenv("IOMUL_CMDLINE");
	struct iomul_word word;
	char *text = malloc(CMDLINE_MAX);
	u32 at = 0, len;
	int rc = 0;
	FILE *f;

	if (!text)
		return -ENOMEM;
	path = path && *path ? path : CMDLINE_PATH;
	f = fopen(path, "re");
	if (!f) {
		failed(b, "%s: %s; guestdev= and guestiomuldev= are not known", path,
		       strerror(errno));
		free(text);
		return 0;
	}
	len = (u32)fread(text, 1, CMDLINE_MAX, f);
	fclose(f);
	while (!rc && iomul_cmdline_next(text, len, &at, &word))
		rc = take_word(b, text, &word);
	free(text);
	return rc;
}

static int read_conf(struct boot *b)
{
	static struct path_result r;
	char from[64];
	u32 i;
	int k, n, rc;

	rc = conf_read(&b->conf, conf_path(), tell);
	if (rc) {
		failed(b, "%s: %s", conf_path(), strerror(-rc));
		return 0;
	}
	b->failures += b->conf.wrong;
	for (i = 0; i < b->conf.slots && !rc; i++) {
		struct conf_slot *s = &b->conf.slot[i];

		snprintf(from, sizeof(from), "%s:%u", b->conf.path, s->line);
		if (s->item.kind != IOMUL_ITEM_PATH) {
			rc = wish_add_slot(b, s->item.addr, s->text);
			continue;
		}
		n = item_functions(b, from, &s->item, &r);
		for (k = 0; k < n && !rc; k++)
			rc = wish_add_slot(b, b->tree->node[r.node[k]].addr, s->text);
	}
	return rc;
}

/*
 * 1. Away from host drivers
 */

static void seize(struct boot *b, const struct wish *w)
{
	char name[ADDR_TEXT], bound[DRIVER_MAX], why[128];
	int rc;

	addr_function(w->addr, name);
	driver_get(name, bound);
	if (!strcmp(bound, w->driver))
		return;
	if (*bound && function_busy(name, why, sizeof(why))) {
		failed(b, "%s: not seized: %s uses it for %s", name, bound, why);
		return;
	}
	if (b->dry)
		return;
	rc = driver_set_override(name, w->driver);
	if (!rc)
		rc = driver_release(name);
	if (rc)
		failed(b, "%s: not seized%s%s: %s", name, *bound ? " from " : "", bound, strerror(-rc));
}

/*
 * 2. Sharing
 */

static int add_slot(struct iomul_addr **slot, u32 *slots, struct iomul_addr addr)
{
	struct iomul_addr *bigger;
	u32 i;

	for (i = 0; i < *slots; i++)
		if (addr_same_slot((*slot)[i], addr))
			return 0;
	bigger = reallocarray(*slot, *slots + 1, sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	addr.devfn &= ~7;
	bigger[(*slots)++] = addr;
	*slot = bigger;
	return 0;
}

/* guestiomuldev=all: whatever can share. */
static int add_all(struct boot *b, const struct view *v, struct iomul_addr **slot, u32 *slots)
{
	struct iomul_refusal why;
	char *text;
	u32 i;
	int rc = 0;

	for (i = 0; i < v->t.nodes && !rc; i++) {
		if (!iomul_slot_first(&v->t, i) || v->t.node[i].flags & IOMUL_NODE_SHARED)
			continue;
		switch (iomul_plan_check(&v->t, i, &why)) {
		case IOMUL_R_NONE:
			rc = add_slot(slot, slots, v->t.node[i].addr);
			break;
		case IOMUL_R_IN_USE:
		case IOMUL_R_UNSIZED:
		case IOMUL_R_ISA:
		case IOMUL_R_NO_FORWARD:
			text = refusal_text(&why, v);
			failed(b, "not shared: %s", text ? text : "");
			free(text);
			break;
		}
	}
	return rc;
}

static void drop_slot(struct iomul_addr *slot, u32 *slots, struct iomul_addr addr)
{
	u32 i;

	for (i = 0; i < *slots; i++)
		if (addr_same_slot(slot[i], addr))
			slot[i--] = slot[--*slots];
}

/* Attach is all or none, so what is refused is left out, one after another. */
static void attach(struct boot *b, struct iomul_ctx *ctx, const struct view *v,
		   struct iomul_addr *slot, u32 slots)
{
	struct iomul_refusal why;
	u32 before;
	char *text;
	int rc;

	while (slots) {
		memset(&why, 0, sizeof(why));
		rc = iomul_ctx_attach(ctx, slot, slots, b->conf.windows, b->conf.reserve, &why);
		if (!rc) {
			printf("%u %s shared\n", slots, slots == 1 ? "slot" : "slots");
			return;
		}
		before = slots;
		if (why.reason)
			drop_slot(slot, &slots, why.slot);
		if (why.reason == IOMUL_R_SHARED) {
			; /* by the initramfs, or the module's parameters */
		} else if (why.reason) {
			text = refusal_text(&why, v);
			failed(b, "not shared: %s", text ? text : "");
			free(text);
		} else {
			failed(b, "nothing is shared: %s", strerror(-rc));
		}
		if (slots == before)
			return;
	}
}

static void share(struct boot *b)
{
	struct iomul_addr *slot = NULL;
	struct iomul_ctx *ctx;
	struct view v;
	u32 slots = 0, i;
	int rc = 0;

	if (device_open(&ctx, false, true)) {
		rc = module_load("iomul");
		if (device_open(&ctx, false, true)) {
			failed(b, "nothing is shared: the module iomul is not %s",
			       rc ? "there, or can't be loaded" : "answering");
			return;
		}
	}
	rc = view_load(&v, ctx);
	if (rc) {
		failed(b, "nothing is shared: the module can't be asked");
		goto close;
	}
	for (i = 0; i < b->wishes && !rc; i++)
		if (b->wish[i].share)
			rc = add_slot(&slot, &slots, b->wish[i].addr);
	if (!rc && b->all)
		rc = add_all(b, &v, &slot, &slots);
	if (rc)
		failed(b, "nothing is shared: %s", strerror(-rc));
	else
		attach(b, ctx, &v, slot, slots);
	free(slot);
	view_free(&v);
close:
	iomul_ctx_close(ctx);
}

/*
 * 3. To the driver for guests
 */

/* The module that has a driver. */
static const char *module_of(const char *driver)
{
	return !strcmp(driver, "pciback") ? "xen-pciback" : driver;
}

static void bind(struct boot *b, const struct wish *w)
{
	char name[ADDR_TEXT], bound[DRIVER_MAX];
	int rc;

	addr_function(w->addr, name);
	driver_get(name, bound);
	if (!strcmp(bound, w->driver))
		return;
	if (*bound)
		return; /* could not be seized: said already */
	if (!driver_there(w->driver))
		module_load(module_of(w->driver));
	if (!driver_there(w->driver)) {
		/* The initramfs need not have every driver: iomul.service comes after it. */
		if (b->early)
			tell("%s: the driver %s is not in the initramfs; later", name, w->driver);
		else
			failed(b, "%s: not bound: there is no driver %s", name, w->driver);
		return;
	}
	if (!strcmp(w->driver, "pciback"))
		driver_write(w->driver, "new_slot", name); /* says EEXIST when it knows it */
	rc = driver_probe(name, w->driver);
	if (rc)
		failed(b, "%s: not bound to %s: %s", name, w->driver, strerror(-rc));
	else
		printf("%s: %s\n", name, w->driver);
}

static void print_wishes(const struct boot *b)
{
	char name[ADDR_TEXT];
	u32 i;

	for (i = 0; i < b->wishes; i++) {
		const struct wish *w = &b->wish[i];

		printf("%s:%s%s%s%s\n", addr_function(w->addr, name), w->share ? " share" : "",
		       w->share && w->seize ? "," : "", w->seize ? " bind to " : "", w->driver);
	}
	if (b->all)
		puts("all: share whatever can");
}

static int do_boot(struct boot *b)
{
	bool shares;
	u32 i;
	int rc = sysfs_tree(sysfs_root(), &b->tree);

	if (rc) {
		failed(b, "the PCI tree can't be read from sysfs: %s; nothing is done", strerror(-rc));
		return EXIT_REFUSED;
	}
	rc = read_cmdline(b);
	if (!rc)
		rc = read_conf(b);
	if (rc)
		return out_of_memory();
	decide_drivers(b);
	shares = b->all;
	for (i = 0; i < b->wishes; i++) {
		shares |= b->wish[i].share;
		if (b->wish[i].seize)
			seize(b, &b->wish[i]);
	}
	if (b->dry) {
		print_wishes(b);
		return b->failures ? EXIT_REFUSED : EXIT_DONE;
	}
	if (shares)
		share(b);
	for (i = 0; i < b->wishes; i++)
		if (b->wish[i].seize)
			bind(b, &b->wish[i]);
	return b->failures ? EXIT_REFUSED : EXIT_DONE;
}

static int run(const struct command *self, int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "early", no_argument, NULL, 'e' },
		{ "dry-run", no_argument, NULL, 'n' },
		{ 0 },
	};
	struct boot b = { .xen = is_xen() };
	int option, code;

	opterr = 0;
	while ((option = getopt_long(argc, argv, "hn", options, NULL)) != -1) {
		switch (option) {
		case 'h':
			command_help(self);
			return EXIT_DONE;
		case 'e':
			b.early = true;
			break;
		case 'n':
			b.dry = true;
			break;
		default:
			return usage_error(self, "'%s' is not an option of %s", argv[optind - 1],
					   self->name);
		}
	}
	if (optind < argc)
		return usage_error(self, "%s takes no argument '%s'", self->name, argv[optind]);
	if (b.early)
		kmsg = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	code = do_boot(&b);
	if (kmsg >= 0)
		close(kmsg);
	kmsg = -1;
	free(b.wish);
	conf_free(&b.conf);
	iomul_tree_put(b.tree);
	return code;
}

const struct command cmd_boot = {
	"boot",
	"[--early] [--dry-run]",
	"Does what the kernel command line and /etc/iomul.conf ask for",
	"guestdev= and guestiomuldev= of the command line, and the slots of the file, are\n"
	"shared and bound; iomul.service calls this. What can't be done is said, and the\n"
	"rest is done.\n\n"
	"  --early        in the initramfs: messages go to the kernel's log, too\n"
	"  --dry-run      only say what is asked for\n",
	run
};
