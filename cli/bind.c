// SPDX-License-Identifier: GPL-2.0-only
/*
 * iomul bind and unbind: slots to the VFIO variant driver, and back.
 *
 * All functions of all slots, or none: what was done is noted function by
 * function and put back in reverse when a later one fails.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "cli.h"

#define DRIVER "iomul-vfio-pci"
#define DRIVER_OVERRIDE_NONE "(null)"	/* as sysfs shows it */
#define OVERRIDE_MAX 64

extern char **environ;

/* A function and how it was found. */
struct function {
	char name[ADDR_TEXT];
	char driver[IOMUL_NAME_MAX * 2];
	char override[OVERRIDE_MAX];
	bool touched;
};

struct job {
	struct function *f;
	u32 count;
	u32 room;
};

static int pci_path(char path[PATH_MAX], const char *what, const char *name, const char *file)
{
	int n = snprintf(path, PATH_MAX, "%s/bus/pci/%s/%s%s%s", sysfs_root(), what, name,
			 *file ? "/" : "", file);

	return n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* -errno when sysfs refuses @text. */
static int put(const char *what, const char *name, const char *file, const char *text)
{
	char path[PATH_MAX];
	size_t length = strlen(text);
	ssize_t n;
	int fd, rc = pci_path(path, what, name, file);

	if (rc)
		return rc;
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = write(fd, text, length);
	rc = n < 0 ? -errno : (size_t)n < length ? -EIO : 0;
	close(fd);
	return rc;
}

static void get_override(struct function *f)
{
	char path[PATH_MAX];
	FILE *file;

	*f->override = '\0';
	if (pci_path(path, "devices", f->name, "driver_override"))
		return;
	file = fopen(path, "re");
	if (!file)
		return;
	if (!fgets(f->override, sizeof(f->override), file))
		*f->override = '\0';
	fclose(file);
	f->override[strcspn(f->override, "\n")] = '\0';
	if (!strcmp(f->override, DRIVER_OVERRIDE_NONE))
		*f->override = '\0';
}

/* "" when no driver is bound. */
static void get_driver(const char *function, char *driver, size_t size)
{
	char path[PATH_MAX], target[PATH_MAX], *name;
	ssize_t n;

	*driver = '\0';
	if (pci_path(path, "devices", function, "driver"))
		return;
	n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return;
	target[n] = '\0';
	name = strrchr(target, '/');
	snprintf(driver, size, "%.*s", (int)size - 1, name ? name + 1 : target);
}

static bool is_port(const char *function)
{
	char path[PATH_MAX], text[32] = "";
	FILE *f;

	if (pci_path(path, "devices", function, "class"))
		return false;
	f = fopen(path, "re");
	if (!f)
		return false;
	if (!fgets(text, sizeof(text), f))
		*text = '\0';
	fclose(f);
	return strtoul(text, NULL, 16) >> 8 == 0x0604; /* PCI-to-PCI bridge */
}

static bool driver_there(void)
{
	char path[PATH_MAX];

	return !pci_path(path, "drivers", DRIVER, "") && !access(path, F_OK);
}

static int modprobe(void)
{
	char *argv[] = { "modprobe", DRIVER, NULL };
	int status;
	pid_t pid;

	if (posix_spawnp(&pid, "modprobe", NULL, NULL, argv, environ))
		return -ENOENT;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EIO;
}

static int need_driver(void)
{
	if (driver_there())
		return EXIT_DONE;
	if (!modprobe() && driver_there())
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
	get_driver(name, bigger->driver, sizeof(bigger->driver));
	get_override(bigger);
	return 0;
}

/* Adds the functions of one slot that are devices; *@ports counts those that are not. */
static int add_slot(struct job *j, struct iomul_addr slot, u32 *ports)
{
	struct iomul_addr addr;
	char name[ADDR_TEXT], path[PATH_MAX];
	u32 function;
	int rc = 0;

	*ports = 0;
	for (function = 0; !rc && function < 8; function++) {
		addr = slot;
		addr.devfn |= function;
		addr_function(addr, name);
		rc = pci_path(path, "devices", name, "");
		if (rc || access(path, F_OK))
			continue;
		if (is_port(name))
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

/* An empty line clears it. */
static int set_override(const struct function *f, const char *driver)
{
	char text[OVERRIDE_MAX + 1];

	snprintf(text, sizeof(text), "%s\n", driver);
	return put("devices", f->name, "driver_override", text);
}

/* What is bound now is let go; nothing bound is fine. */
static int release(const struct function *f)
{
	char driver[IOMUL_NAME_MAX * 2];

	get_driver(f->name, driver, sizeof(driver));
	return *driver ? put("devices", f->name, "driver/unbind", f->name) : 0;
}

/* The kernel looks for a driver; -ENODEV when @want is not what it comes to. */
static int probe(const struct function *f, const char *want)
{
	char driver[IOMUL_NAME_MAX * 2];
	int rc = put("drivers_probe", "", "", f->name);

	if (rc == -ENOENT || rc == -EACCES || rc == -EPERM)
		return rc;
	get_driver(f->name, driver, sizeof(driver));
	if (!want || !strcmp(driver, want))
		return 0;
	return rc ? rc : -ENODEV;
}

/* As it was found: override, and the driver that was bound. */
static void put_back(const struct function *f)
{
	int rc, bound = 0;
	char driver[IOMUL_NAME_MAX * 2];

	rc = set_override(f, f->override);
	get_driver(f->name, driver, sizeof(driver));
	if (strcmp(driver, f->driver)) {
		bound = release(f);
		if (!bound && *f->driver)
			bound = put("drivers", f->driver, "bind", f->name);
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
	rc = set_override(f, DRIVER);
	if (rc)
		return failed(f, rc, "setting driver_override");
	rc = release(f);
	if (rc)
		return failed(f, rc, "unbinding its driver");
	rc = probe(f, DRIVER);
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
	rc = set_override(f, "");
	if (rc)
		return failed(f, rc, "clearing driver_override");
	rc = release(f);
	if (rc)
		return failed(f, rc, "unbinding " DRIVER);
	rc = probe(f, NULL);
	if (rc)
		return failed(f, rc, "probing for a host driver");
	return EXIT_DONE;
}

static void say(const struct job *j)
{
	char driver[IOMUL_NAME_MAX * 2];
	u32 i;

	for (i = 0; i < j->count; i++) {
		get_driver(j->f[i].name, driver, sizeof(driver));
		printf("%s: %s -> %s\n", j->f[i].name, *j->f[i].driver ? j->f[i].driver : "none",
		       *driver ? driver : "none");
	}
}

static int work(struct job *j, int (*one)(struct function *f))
{
	int code = EXIT_DONE;
	u32 i;

	for (i = 0; !code && i < j->count; i++)
		code = one(&j->f[i]);
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
