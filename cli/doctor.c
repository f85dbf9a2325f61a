// SPDX-License-Identifier: GPL-2.0-only
/*
 * iomul doctor: what stands between this host and a guest that boots from a
 * shared device, and for each what to do. Only reads; runs --version of QEMU
 * and libvirt.
 *
 * IOMUL_ROOT (for tests) is put before /proc, /boot, /dev/vfio and what is read
 * of /sys besides devices, which IOMUL_SYSFS names.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "driver.h"
#include "from.h"

enum verdict { GOOD, INFO, WARN, BAD, VERDICTS };

static const struct {
	const char *word, *colour;
} verdicts[VERDICTS] = {
	[GOOD] = { "ok", "\033[32m" },
	[INFO] = { "note", "" },
	[WARN] = { "warn", "\033[33m" },
	[BAD] = { "bad", "\033[31m" },
};

struct finding {
	enum verdict verdict;
	const char *check;
	char *what;
	const char *remedy;	/* NULL: nothing to do */
};

struct doctor {
	struct finding *finding;
	u32 findings;
	struct view view;
	bool seen;		/* there is a view */
	bool loaded;
	bool xen;
};

static void __attribute__((format(printf, 5, 6)))
say(struct doctor *d, enum verdict verdict, const char *check, const char *remedy,
    const char *format, ...)
{
	struct finding *more = reallocarray(d->finding, d->findings + 1, sizeof(*more));
	va_list args;
	char *what;

	if (!more)
		return;
	d->finding = more;
	va_start(args, format);
	if (vasprintf(&what, format, args) < 0)
		what = NULL;
	va_end(args);
	more[d->findings++] = (struct finding){ verdict, check, what, remedy };
}

/*
 * Reading.
 */

static const char *path_in(const char *name, char path[PATH_MAX])
{
	const char *root = getenv("IOMUL_ROOT");

	snprintf(path, PATH_MAX, "%s%s", root ? root : "", name);
	return path;
}

/* The first bytes of a file as text. False: it is not there. */
static bool read_text(const char *name, char *text, size_t size)
{
	char path[PATH_MAX];
	FILE *f = fopen(path_in(name, path), "re");
	size_t n;

	*text = '\0';
	if (!f)
		return false;
	n = fread(text, 1, size - 1, f);
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	fclose(f);
	return true;
}

static bool there(const char *name)
{
	char path[PATH_MAX];

	return !access(path_in(name, path), F_OK);
}

/* Entries of a directory, without . and .. */
static u32 entries(const char *name)
{
	char path[PATH_MAX];
	DIR *dir = opendir(path_in(name, path));
	struct dirent *e;
	u32 n = 0;

	while (dir && (e = readdir(dir)))
		n += *e->d_name != '.';
	if (dir)
		closedir(dir);
	return n;
}

/* The first line that @command prints. */
static bool first_line(const char *command, char *text, size_t size)
{
	FILE *f = popen(command, "re");
	bool any = f && fgets(text, (int)size, f);

	if (f)
		pclose(f);
	if (any)
		text[strcspn(text, "\n")] = '\0';
	return any;
}

/*
 * Checks.
 */

static void check_module(struct doctor *d)
{
	struct iomul_ctx *ctx;
	struct iomul_info info;
	int code = device_open(&ctx, false, true);

	if (code == EXIT_DENIED) {
		say(d, WARN, "module", "run 'iomul doctor' as root", "/dev/iomul is there, but not for you");
		d->loaded = true;
		return;
	}
	if (code) {
		say(d, BAD, "module",
		    "modprobe iomul; if it isn't found, install the package pci-iomul-dkms and this kernel's "
		    "headers",
		    "the module iomul is not loaded");
		return;
	}
	d->loaded = true;
	if (iomul_ctx_info(ctx, &info))
		say(d, BAD, "module", "install a module and a command of the same release",
		    "the module does not answer");
	else
		say(d, GOOD, "module", NULL, "iomul %.*s is loaded; %u slots share in %u groups",
		    IOMUL_NAME_MAX, info.out_release, info.out_slots, info.out_groups);
	iomul_ctx_close(ctx);
}

static void check_driver(struct doctor *d)
{
	if (d->xen)
		return;
	if (driver_there("iomul-vfio-pci"))
		say(d, GOOD, "driver", NULL, "the variant driver iomul-vfio-pci is loaded");
	else
		say(d, WARN, "driver", "'iomul bind SLOT' loads it, or: modprobe iomul-vfio-pci",
		    "the variant driver iomul-vfio-pci is not loaded");
}

static bool config_has(FILE *f, const char *option)
{
	char line[256];
	size_t n = strlen(option);

	rewind(f);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, option, n) && line[n] == '=' &&
		    (line[n + 1] == 'y' || line[n + 1] == 'm'))
			return true;
	return false;
}

static void check_config(struct doctor *d)
{
	static const char *const needed[] = { "CONFIG_MODULES", "CONFIG_PCI", "CONFIG_VFIO",
					      "CONFIG_VFIO_PCI", "CONFIG_IOMMU_API" };
	char name[300], path[PATH_MAX], missing[200] = "";
	struct utsname host;
	FILE *f;
	size_t i;

	uname(&host);
	snprintf(name, sizeof(name), "/boot/config-%s", host.release);
	f = fopen(path_in(name, path), "re");
	if (!f) {
		say(d, INFO, "kernel", NULL, "%s can't be read: the kernel's options are unknown", name);
		return;
	}
	for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!config_has(f, needed[i]))
			snprintf(missing + strlen(missing), sizeof(missing) - strlen(missing), " %s",
				 needed[i]);
	fclose(f);
	if (*missing)
		say(d, BAD, "kernel", "use a kernel with these options; distributions' have them",
		    "Linux %s was built without%s", host.release, missing);
	else
		say(d, GOOD, "kernel", NULL, "Linux %s has VFIO and what else is needed", host.release);
}

static void check_lockdown(struct doctor *d)
{
	char text[128];

	if (!read_text("/sys/kernel/security/lockdown", text, sizeof(text)) || strstr(text, "[none]"))
		return;
	say(d, d->loaded ? INFO : WARN, "lockdown",
	    "sign the module with a key that the kernel trusts (mokutil --import), or switch Secure Boot "
	    "off",
	    "the kernel is locked down (%s): it takes signed modules only", text);
}

static void check_iommu(struct doctor *d)
{
	u32 n = entries("/sys/class/iommu");
	char text[16];

	if (d->xen)
		return;
	if (n)
		say(d, GOOD, "iommu", NULL, "%u IOMMU%s active", n, n == 1 ? " is" : "s are");
	else if (read_text("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", text,
			   sizeof(text)) && *text == 'Y')
		say(d, WARN, "iommu", "enable VT-d or AMD-Vi in the firmware instead",
		    "no IOMMU; VFIO runs in its unsafe mode without one");
	else
		say(d, BAD, "iommu",
		    "enable VT-d (AMD-Vi) in the firmware, and boot with intel_iommu=on on Intel",
		    "no IOMMU is active: VFIO gives no device to a guest");
}

/* Others in the IOMMU group of @addr that a guest would have to take as well. */
static u32 group_mates(struct iomul_addr addr, char first[ADDR_TEXT])
{
	char path[PATH_MAX], text[ADDR_TEXT];
	struct iomul_addr other;
	struct dirent *e;
	u32 n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/iommu_group/devices", sysfs_root(),
		 addr_function(addr, text));
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		if (addr_parse_function(e->d_name, &other) || addr_same_slot(other, addr) ||
		    function_is_port(e->d_name))
			continue;
		if (!n++)
			snprintf(first, ADDR_TEXT, "%.15s", e->d_name);
	}
	if (dir)
		closedir(dir);
	return n;
}

static bool counts(const struct iomul_node *n)
{
	return !(n->flags & IOMUL_NODE_PORT) && iomul_node_has_io(n);
}

static void check_groups(struct doctor *d)
{
	char addr[ADDR_TEXT], other[ADDR_TEXT], example[ADDR_TEXT] = "", mate[ADDR_TEXT] = "";
	u32 i, n = 0, all = 0;

	for (i = 0; i < d->view.t.nodes; i++) {
		if (!counts(&d->view.t.node[i]))
			continue;
		all++;
		if (!group_mates(d->view.t.node[i].addr, other))
			continue;
		if (!n++) {
			strcpy(example, addr_function(d->view.t.node[i].addr, addr));
			strcpy(mate, other);
		}
	}
	if (n)
		say(d, WARN, "groups",
		    "one guest takes a whole IOMMU group: give it all of them, or use slots below ports "
		    "with ACS",
		    "%u of %u functions share an IOMMU group with others (%s with %s)", n, all, example,
		    mate);
	else if (all && !d->xen)
		say(d, GOOD, "groups", NULL, "each slot with I/O ports has an IOMMU group of its own");
}

static void check_ports(struct doctor *d)
{
	const struct iomul_topology *t = &d->view.t;
	char addr[ADDR_TEXT], example[ADDR_TEXT] = "";
	u32 i, up, n = 0;

	for (i = 0; i < t->nodes; i++) {
		if (!counts(&t->node[i]))
			continue;
		for (up = t->node[i].parent; up != IOMUL_NONE; up = t->node[up].parent) {
			if (t->node[up].flags & IOMUL_NODE_FORWARDS)
				continue;
			if (!n++)
				strcpy(example, addr_function(t->node[up].addr, addr));
			break;
		}
	}
	if (n && d->view.sized)
		say(d, BAD, "ports", "move the devices to other connectors; no software can help there",
		    "%u functions are behind ports that can't forward I/O (%s)", n, example);
	else if (n)
		say(d, INFO, "ports", "load the module, which tries it out: modprobe iomul",
		    "whether %s (%u functions behind such) forwards I/O is not known", example, n);
}

static void check_starved(struct doctor *d)
{
	const struct iomul_topology *t = &d->view.t;
	u32 i, all = 0, starved = 0, shared = 0;

	for (i = 0; i < t->nodes; i++) {
		if (!counts(&t->node[i]))
			continue;
		all++;
		shared += !!(t->node[i].flags & IOMUL_NODE_SHARED);
		starved += iomul_node_starved(&t->node[i]);
	}
	if (!all)
		say(d, INFO, "devices", NULL, "no device has an I/O BAR: nothing to share");
	else if (starved)
		say(d, WARN, "devices", "'iomul plan --all' says what sharing would do; 'iomul attach' does it",
		    "%u of %u functions with I/O BARs have no ports", starved, all);
	else
		say(d, GOOD, "devices", NULL, "all %u functions with I/O BARs have ports; %u share", all,
		    shared);
}

/* Host drivers on what shares or is starved: a guest gets it after they let go. */
static void check_bound(struct doctor *d)
{
	static const char *const guests[] = { "vfio-pci", "iomul-vfio-pci", "pciback", "pci-stub" };
	char addr[ADDR_TEXT], example[ADDR_TEXT] = "", driver[IOMUL_NAME_MAX] = "";
	u32 i, n = 0, plain = 0;
	size_t k;

	for (i = 0; i < d->view.t.nodes; i++) {
		const struct iomul_node *node = &d->view.t.node[i];

		if (!counts(node) || !*node->driver ||
		    !((node->flags & IOMUL_NODE_SHARED) || iomul_node_starved(node)))
			continue;
		for (k = 0; k < 4 && strcmp(node->driver, guests[k]); k++)
			;
		if (!k && (node->flags & IOMUL_NODE_SHARED))
			plain++;
		if (k < 4 || n++)
			continue;
		strcpy(example, addr_function(node->addr, addr));
		snprintf(driver, sizeof(driver), "%.*s", IOMUL_NAME_MAX - 1, node->driver);
	}
	if (n)
		say(d, WARN, "drivers", "'iomul bind SLOT' moves a slot to the variant driver",
		    "%u functions for sharing are bound to host drivers (%s to %s)", n, example, driver);
	if (plain)
		say(d, BAD, "drivers", "'iomul bind SLOT': plain vfio-pci shows a guest no shared ports",
		    "%u functions that share are bound to plain vfio-pci", plain);
}

static void check_vfio(struct doctor *d)
{
	char path[PATH_MAX];

	if (d->xen)
		return;
	if (!there("/dev/vfio/vfio"))
		say(d, WARN, "vfio", "modprobe vfio-pci", "/dev/vfio/vfio is not there");
	else if (access(path_in("/dev/vfio/vfio", path), R_OK | W_OK))
		say(d, WARN, "vfio", "QEMU's user needs rights on /dev/vfio/vfio and its group's node",
		    "/dev/vfio/vfio is not for you");
}

static void check_qemu(struct doctor *d)
{
	char text[256], *v;

	if (!first_line("qemu-system-x86_64 --version 2>/dev/null", text, sizeof(text))) {
		say(d, d->xen ? INFO : WARN, "qemu", "apt install qemu-system-x86",
		    "no qemu-system-x86_64 was found");
		return;
	}
	v = strstr(text, "version ");
	say(d, GOOD, "qemu", NULL, "QEMU %.40s needs no patch: -device vfio-pci,host=ADDRESS",
	    v ? v + 8 : "");
}

static void check_libvirt(struct doctor *d)
{
	unsigned int major;
	char text[128];

	if (!first_line("virsh --version 2>/dev/null", text, sizeof(text)) ||
	    sscanf(text, "%u.", &major) != 1)
		return;
	if (major < 10)
		say(d, INFO, "libvirt",
		    "virsh nodedev-detach pci_SSSS_BB_DD_F first, 'iomul bind SLOT' then, and managed='no' "
		    "in the guest's XML; see docs/howto-libvirt.md",
		    "libvirt %.20s takes variant drivers only after its own nodedev-detach", text);
	else
		say(d, GOOD, "libvirt", "<driver model='iomul-vfio-pci'/> in the guest's <hostdev>",
		    "libvirt %.20s knows variant drivers", text);
}

static void check_xen(struct doctor *d)
{
	char text[64], caps[64];

	if (!d->xen)
		return;
	if (!read_text("/proc/xen/capabilities", caps, sizeof(caps)) || !strstr(caps, "control_d"))
		say(d, BAD, "xen", "run it in dom0", "this is a Xen guest, not dom0");
	if (!driver_there("pciback"))
		say(d, WARN, "xen", "modprobe xen-pciback", "xen-pciback is not loaded");
	if (!there("/dev/xen/pci_iomul"))
		say(d, WARN, "xen", "install the package's udev rules and load the module",
		    "/dev/xen/pci_iomul is not there: the device model looks for it");
	read_text("/sys/hypervisor/version/major", text, sizeof(text));
	say(d, INFO, "xen",
	    "the guest needs a device model with the patch: device_model_override; see docs/xen.md",
	    "this is dom0 of Xen %.10s", text);
}

static void check_boot(struct doctor *d)
{
	char text[4096];

	read_text("/proc/cmdline", text, sizeof(text));
	if (strstr(text, "guestiomuldev=") || strstr(text, "+iomul"))
		say(d, INFO, "boot", NULL, "the kernel command line asks for sharing at boot");
}

/* SeaBIOS places a guest's own ports in 16 KiB, or 60 KiB if that is too little. */
static void check_guest(struct doctor *d)
{
	say(d, INFO, "guests",
	    "put devices on the guest's root bus, not each behind a pcie-root-port, which costs 4 KiB",
	    "a guest has 64 Ki ports of its own, and its firmware's limit: SeaBIOS stops when they run out");
}

/*
 * Output.
 */

static void print_text(const struct doctor *d)
{
	bool colour = colours_wanted();
	u32 i;

	for (i = 0; i < d->findings; i++) {
		const struct finding *f = &d->finding[i];
		const char *code = colour ? verdicts[f->verdict].colour : "";

		printf("%s%-4s%s  %-8s  %s\n", code, verdicts[f->verdict].word, *code ? "\033[0m" : "",
		       f->check, f->what ? f->what : "");
		if (f->remedy)
			printf("                  %s\n", f->remedy);
	}
}

static void print_json(const struct doctor *d)
{
	struct json_object *o = json_object_new_object(), *a = json_object_new_array(), *item;
	u32 i;

	for (i = 0; i < d->findings; i++) {
		item = json_object_new_object();
		json_put_text(item, "check", d->finding[i].check);
		json_put_text(item, "verdict", verdicts[d->finding[i].verdict].word);
		json_put_text(item, "what", d->finding[i].what);
		json_put_text(item, "remedy", d->finding[i].remedy);
		json_object_array_add(a, item);
	}
	json_put_u64(o, "schema", SCHEMA);
	json_put(o, "checks", a);
	json_print(o);
}

static void examine(struct doctor *d)
{
	char text[32];

	d->xen = read_text("/sys/hypervisor/type", text, sizeof(text)) && !strcmp(text, "xen");
	check_module(d);
	check_driver(d);
	check_config(d);
	check_lockdown(d);
	check_iommu(d);
	d->seen = !view_here(&d->view);
	if (d->seen) {
		check_starved(d);
		check_bound(d);
		check_ports(d);
		check_groups(d);
	}
	check_vfio(d);
	check_qemu(d);
	check_libvirt(d);
	check_xen(d);
	check_boot(d);
	check_guest(d);
}

static int run(const struct command *self, int argc, char **argv)
{
	struct doctor d = { 0 };
	struct verb_options o;
	u32 i, bad = 0;
	int code = verb_parse(&o, self, "j", argc, argv);

	if (code != CHOICE_GO)
		return code;
	examine(&d);
	if (o.json)
		print_json(&d);
	else
		print_text(&d);
	for (i = 0; i < d.findings; i++) {
		bad += d.finding[i].verdict == BAD;
		free(d.finding[i].what);
	}
	free(d.finding);
	if (d.seen)
		view_free(&d.view);
	verb_free(&o);
	return bad ? EXIT_REFUSED : EXIT_DONE;
}

const struct command cmd_doctor = {
	"doctor",
	"[--json]",
	"Says what stands between this host and a guest that boots from a shared device",
	"Each line is ok, note, warn or bad; the line below says what to do. Exit code 1 when\n"
	"something is bad. Only reads.\n\n"
	"  --json         for programs\n",
	run
};
