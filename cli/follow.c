// SPDX-License-Identifier: GPL-2.0-only
/* iomul monitor: prints the module's events as they come, from the kernel's uevents. */
#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "cli.h"

#define UEVENT_GROUP_KERNEL 1
#define UEVENT_BYTES 8192

/* What one event says; the strings are in the buffer. */
struct event {
	const char *what, *slot, *group, *reason;
	bool ours;
};

static int socket_open(void)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = UEVENT_GROUP_KERNEL };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

	if (fd >= 0 && !bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return fd;
	complain("can't listen to the kernel's events: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

static void event_field(struct event *e, const char *field)
{
	static const char *const names[] = { "IOMUL_EVENT=", "IOMUL_SLOT=", "IOMUL_GROUP=",
					     "IOMUL_REASON=" };
	const char **values[] = { &e->what, &e->slot, &e->group, &e->reason };
	size_t i;

	if (!strcmp(field, "DEVNAME=iomul"))
		e->ours = true;
	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strncmp(field, names[i], strlen(names[i])))
			*values[i] = field + strlen(names[i]);
}

/* A uevent is a row of strings, the first "action@path". */
static bool event_parse(const char *text, size_t length, struct event *e)
{
	const char *end = text + length;

	*e = (struct event){ .what = NULL };
	for (; text < end; text += strlen(text) + 1)
		event_field(e, text);
	return e->ours && e->what && e->slot;
}

static void event_print(const struct event *e, bool json)
{
	struct json_object *o;
	char when[32];
	time_t now = time(NULL);

	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S%z", localtime(&now));
	if (json) {
		o = json_object_new_object();
		json_put(o, "time", json_object_new_string(when));
		json_put(o, "event", json_object_new_string(e->what));
		json_put(o, "slot", json_object_new_string(e->slot));
		json_put(o, "group", e->group ? json_object_new_string(e->group) : NULL);
		json_put(o, "reason", e->reason ? json_object_new_string(e->reason) : NULL);
		puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
		json_object_put(o);
	} else {
		printf("%s  %-9s %s%s%s\n", when, e->what, e->slot, e->group ? "  group " : "",
		       e->group ? e->group : "");
	}
	fflush(stdout);
}

static int follow(int fd, bool json)
{
	char text[UEVENT_BYTES + 1];
	struct event e;
	ssize_t n;

	for (;;) {
		n = recv(fd, text, UEVENT_BYTES, 0);
		if (n < 0 && (errno == EINTR || errno == ENOBUFS)) {
			if (errno == ENOBUFS)
				complain("events were lost: they came too fast");
			continue;
		}
		if (n < 0) {
			complain("can't read the kernel's events: %s", strerror(errno));
			return EXIT_REFUSED;
		}
		text[n] = 0;
		if (event_parse(text, (size_t)n, &e))
			event_print(&e, json);
	}
}

static int run(const struct command *self, int argc, char **argv)
{
	struct choice ch;
	int fd, code = choice_parse(&ch, self, CHOOSE_JSON, argc, argv);

	if (code != CHOICE_GO)
		return code;
	fd = socket_open();
	code = fd < 0 ? EXIT_REFUSED : follow(fd, ch.json);
	choice_free(&ch);
	return code;
}

const struct command cmd_monitor = {
	"monitor", "[--json]", "Prints what happens to slots as it happens",
	"attached, detached, gone (unplugged), adopted (came back), refused (came back and does\n"
	"not share), leased, returned (the lease is over), stranded (the kernel gave the group's\n"
	"ports away: detach it). Ends with Ctrl-C.\n\n"
	"  --json         a JSON object a line\n",
	run
};
