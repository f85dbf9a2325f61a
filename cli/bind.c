// SPDX-License-Identifier: GPL-2.0-only
/*
 * iomul bind and unbind: slots to the VFIO variant driver, and back.
 *
 * All functions of all slots, or none: what was done is noted function by
 * function and put back in reverse when a later one fails.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli.h"
#include "driver.h"

#define DRIVER "iomul-vfio-pci"

/* A function and how it was found. */
struct function {
	char name[ADDR_TEXT];
	char driver[DRIVER_MAX];
	char override[DRIVER_MAX];
	bool touched;
};

struct job {
	struct function *f;
	u32 count;
	u32 room;
};

static int need_driver(void)
{
	if (driver_there(DRIVER))
		return EXIT_DONE;
	if (!module_load(DRIVER) && driver_there(DRIVER))
		return EXIT_DONE;
	if (geteuid()) {
		complain("the driver " DRIVER " is not loaded, and you are not permitted to load "
			 "it; run this as root");
		return EXIT_DENIED;
	}
	complain("the driver " DRIVER " is not loaded and cannot be; load it: modprobe " DRIVER);
	return EXIT_ABSENT;
}

static int job_add(struct job *j, const char *name)
{
	struct function *bigger;

	if (j->count == j->room) {
		j->room = j->room ? j->room * 2 : 32;
		bigger = reallocarray(j->f, j->room, sizeof(*bigger));
		if (!bigger)
			return -ENOMEM;
		j->f = bigger;
	}
	bigger = &j->f[j->count++];
	memset(bigger, 0, sizeof(*bigger));
	snprintf(bigger->name, sizeof(bigger->name), "%s", name);
	driver_get(name, bigger->driver);
	driver_get_override(name, bigger->override);
	return 0;
}

/* Adds the functions of one slot that are devices; *@ports counts those that are not. */
static int add_slot(struct job *j, struct iomul_addr slot, u32 *ports)
{
	struct iomul_addr addr;
	char name[ADDR_TEXT];
	u32 function;
	int rc = 0;

	*ports = 0;
	for (function = 0; !rc && function < 8; function++) {
		addr = slot;
		addr.devfn |= function;
		addr_function(addr, name);
		if (!function_there(name))
			continue;
		if (function_is_port(name))
			++*ports;
		else
			rc = job_add(j, name);
	}
	return rc;
}

static int refuse(struct iomul_addr slot, u32 reason)
{
	struct iomul_refusal r = { .reason = reason, .slot = slot, .at = slot, .hint = slot };

	refusal_print(&r, NULL);
	return EXIT_REFUSED;
}

static int collect(struct job *j, const struct choice *ch)
{
	u32 i, before, ports;

	for (i = 0; i < ch->slots; i++) {
		before = j->count;
		if (add_slot(j, ch->slot[i], &ports))
			return out_of_memory();
		if (j->count == before)
			return refuse(ch->slot[i], ports ? IOMUL_R_BRIDGE : IOMUL_R_NO_SLOT);
	}
	return EXIT_DONE;
}

static int failed(const struct function *f, int rc, const char *doing)
{
	bool denied = rc == -EACCES || rc == -EPERM;

	complain("%s: %s: %s; %s", f->name, doing, strerror(-rc),
		 denied ? "run this as root" : "the kernel's log (dmesg) may say more");
	return denied ? EXIT_DENIED : EXIT_REFUSED;
}

/* As it was found: override, and the driver that was bound. */
static void put_back(const struct function *f)
{
	int rc, bound = 0;
	char driver[DRIVER_MAX];

	rc = driver_set_override(f->name, f->override);
	driver_get(f->name, driver);
	if (strcmp(driver, f->driver)) {
		bound = driver_release(f->name);
		if (!bound && *f->driver)
			bound = driver_bind(f->driver, f->name);
	}
	if (rc || bound)
		complain("%s: could not be put back as it was (driver %s, override '%s'): %s",
			 f->name, *f->driver ? f->driver : "none", f->override,
			 strerror(-(rc ? rc : bound)));
}

static void undo(const struct job *j)
{
	u32 i;

	for (i = j->count; i-- > 0;)
		if (j->f[i].touched)
			put_back(&j->f[i]);
}

static int bind_one(struct function *f)
{
	int rc;

	if (!strcmp(f->driver, DRIVER))
		return EXIT_DONE;
	f->touched = true;
	rc = driver_set_override(f->name, DRIVER);
	if (rc)
		return failed(f, rc, "setting driver_override");
	rc = driver_release(f->name);
	if (rc)
		return failed(f, rc, "unbinding its driver");
	rc = driver_probe(f->name, DRIVER);
	if (rc)
		return failed(f, rc, "binding " DRIVER);
	return EXIT_DONE;
}

static int unbind_one(struct function *f)
{
	int rc;

	if (strcmp(f->driver, DRIVER)) {
		complain("%s: it is not bound to " DRIVER " but to %s; leave it out", f->name,
			 *f->driver ? f->driver : "no driver");
		return EXIT_REFUSED;
	}
	f->touched = true;
	rc = driver_set_override(f->name, "");
	if (rc)
		return failed(f, rc, "clearing driver_override");
	rc = driver_release(f->name);
	if (rc)
		return failed(f, rc, "unbinding " DRIVER);
	rc = driver_probe(f->name, NULL);
	if (rc)
		return failed(f, rc, "probing for a host driver");
	return EXIT_DONE;
}

static void say(const struct job *j)
{
	char driver[DRIVER_MAX];
	u32 i;

	for (i = 0; i < j->count; i++) {
		driver_get(j->f[i].name, driver);
		printf("%s: %s -> %s\n", j->f[i].name, *j->f[i].driver ? j->f[i].driver : "none",
		       *driver ? driver : "none");
	}
}

static int work(struct job *j, int (*one)(struct function *f))
{
	int code = EXIT_DONE;
	u32 i;

	progress_begin(j->count, "Drivers of functions");
	for (i = 0; !code && i < j->count; i++) {
		code = one(&j->f[i]);
		progress_step();
	}
	progress_end();
	if (code)
		undo(j);
	else
		say(j);
	return code;
}

static int run(const struct command *self, int argc, char **argv)
{
	bool binds = self == &cmd_bind;
	struct job j = { 0 };
	struct choice ch;
	int code = choice_parse(&ch, self, CHOOSE_SLOTS | CHOOSE_NEEDED, argc, argv);

	if (code != CHOICE_GO)
		return code;
	code = collect(&j, &ch);
	if (!code && binds)
		code = need_driver();
	if (!code)
		code = work(&j, binds ? bind_one : unbind_one);
	free(j.f);
	choice_free(&ch);
	return code;
}

const struct command cmd_bind = {
	"bind", "SLOT...", "Gives slots to " DRIVER ", for QEMU and other users of VFIO",
	"All functions of the slots, or none. Host drivers are unbound; what a device is used\n"
	"for on the host (a disk, a network link) ends.\n",
	run
};

const struct command cmd_unbind = {
	"unbind", "SLOT...", "Takes slots back from " DRIVER " and lets host drivers have them",
	"All functions of the slots, or none.\n", run
};
