// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lets the first, second, ... allocation of a call fail, until one call meets no
 * failure (/proc/thread-self/fail-nth, CONFIG_FAULT_INJECTION): open, claim,
 * attach, detach, status, topology, verify, access.
 *
 *   failnth SLOT SLOT
 *
 * A call that failed has changed nothing: as many slots as before, and every
 * register as it should be. A call that succeeded in spite of a failure is fine.
 */
#include "vm.h"

static unsigned int passed, failed;
static struct iomul_addr slot[2];
static int nth_fd;

static void check(int ok, const char *call, unsigned int nth, const char *what, long got)
{
	if (ok) {
		passed++;
		return;
	}
	failed++;
	printf("not ok: %s, allocation %u fails: %s %ld\n", call, nth, what, got);
}

static void set_nth(unsigned int nth)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%u", nth);

	if (pwrite(nth_fd, text, n, 0) != n)
		die("fail-nth: %s", strerror(errno));
}

/* Is there some left, that is: did nothing fail? */
static int nth_left(void)
{
	char text[16] = "";

	if (pread(nth_fd, text, sizeof(text) - 1, 0) < 0)
		die("fail-nth: %s", strerror(errno));
	return atoi(text);
}

static int do_attach(int fd)
{
	struct iomul_attach a = { .size = sizeof(a), .slots_ptr = (uintptr_t)slot, .slots = 2 };

	return do_ioctl(fd, IOMUL_ATTACH, &a);
}

static int do_detach(int fd)
{
	struct iomul_detach d = { .size = sizeof(d), .flags = IOMUL_DETACH_ALL };

	return do_ioctl(fd, IOMUL_DETACH, &d);
}

static int do_open(int fd)
{
	int new = open(DEVICE, O_RDWR);

	(void)fd;
	if (new < 0)
		return -errno;
	close(new);
	return 0;
}

static int do_claim_it(int fd)
{
	struct iomul_claim claim;

	return do_claim(fd, slot[0], &claim);
}

static int do_read_it(int fd)
{
	static uint8_t buffer[4096];
	struct iomul_op op = { .bar = 2, .width = 4, .count = 1024, .flags = IOMUL_OP_BUFFER,
			       .data = (uintptr_t)buffer };

	return do_access(fd, &op, 1, NULL);
}

static int do_status(int fd)
{
	static struct iomul_slot_status s[MAX];
	static struct iomul_group_status g[MAX];
	struct iomul_status status = { .size = sizeof(status), .groups_ptr = (uintptr_t)g,
				       .slots_ptr = (uintptr_t)s, .groups = MAX, .slots = MAX };

	return do_ioctl(fd, IOMUL_STATUS, &status);
}

static int do_topology(int fd)
{
	static struct iomul_node node[1024];
	static struct iomul_root root[64];
	static struct iomul_busy busy[1024];
	struct iomul_topology_query q = { .size = sizeof(q), .nodes_ptr = (uintptr_t)node,
					  .roots_ptr = (uintptr_t)root, .busy_ptr = (uintptr_t)busy,
					  .nodes = 1024, .roots = 64, .busy = 1024 };

	return do_ioctl(fd, IOMUL_TOPOLOGY, &q);
}

static int do_verify(int fd)
{
	struct iomul_verify v = { .size = sizeof(v) };
	int err = do_ioctl(fd, IOMUL_VERIFY, &v);

	return err ?: v.out_wrong ? -EUCLEAN : 0;
}

/* @undo: what follows a call that succeeded, so that it can be made again. */
static void sweep(const char *name, int (*call)(int), int (*undo)(int), int fd)
{
	static struct iomul_slot_status s[MAX];
	unsigned int nth, before, after;
	int err, left;

	for (nth = 1; nth < 100000; nth++) {
		before = get_slots(fd, s);
		set_nth(nth);
		err = call(fd);
		left = nth_left();
		set_nth(0);
		if (left) {
			check(!err, name, nth, "nothing failed, and yet", err);
			break;
		}
		after = get_slots(fd, s);
		if (err) {
			check(err == -ENOMEM || err == -EFAULT, name, nth, "not ENOMEM but", err);
			check(after == before, name, nth, "slots now", after);
		} else if (undo) {
			check(!undo(fd), name, nth, "undone", 0);
		}
		check(!do_verify(fd), name, nth, "verify", 0);
	}
	printf("%s: %u allocations\n", name, nth - 1);
	if (undo)
		undo(fd);
}

int main(int argc, char **argv)
{
	int fd = iomul_open(O_RDWR);

	if (argc != 3)
		die("usage: failnth SLOT SLOT");
	nth_fd = open("/proc/thread-self/fail-nth", O_RDWR);
	if (nth_fd < 0)
		die("fail-nth: %s (wants CONFIG_FAULT_INJECTION)", strerror(errno));
	slot[0] = parse_addr(argv[1]);
	slot[1] = parse_addr(argv[2]);
	do_detach(fd);
	sweep("open", do_open, NULL, fd);
	sweep("topology", do_topology, NULL, fd);
	sweep("attach", do_attach, do_detach, fd);
	do_attach(fd);
	sweep("detach", do_detach, do_attach, fd);
	do_attach(fd);
	sweep("status", do_status, NULL, fd);
	sweep("verify", do_verify, NULL, fd);
	sweep("claim", do_claim_it, do_release, fd);
	do_claim_it(fd);
	sweep("access", do_read_it, NULL, fd);
	do_release(fd);
	check(!do_detach(fd), "detach", 0, "at the end", 0);
	printf("%u passed, %u failed\n", passed, failed);
	return !!failed;
}
