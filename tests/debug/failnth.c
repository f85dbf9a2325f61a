// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lets the first, second, ... allocation of a call fail, until one call meets no
 * failure (/proc/thread-self/fail-nth, CONFIG_FAULT_INJECTION): open, claim,
 * attach, detach, status, topology, verify, access.
 *
 *   failnth SLOT SLOT [GROUP:FUNCTION]    the last: of the first slot, bound for VFIO
 *   failnth -m MODULE SLOT SLOT           loading and unloading it, two slots shared
 *
 * A call that failed has changed nothing: as many slots as before, and every
 * register as it should be. A call that succeeded in spite of a failure is fine.
 */
#include <linux/vfio.h>
#include <sys/syscall.h>
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
	int n = snprintf(text, sizeof(text), "%u", nth), did = pwrite(nth_fd, text, n, 0);

	/* This very copy may be the one that fails. */
	if (did < 0 && errno == EFAULT)
		did = pwrite(nth_fd, text, n, 0);
	if (did != n)
		die("fail-nth: %s", strerror(errno));
}

/* Is there some left, that is: did nothing fail? */
static int nth_left(void)
{
	char text[16] = "";

	if (pread(nth_fd, text, sizeof(text) - 1, 0) >= 0)
		return atoi(text);
	if (errno != EFAULT)
		die("fail-nth: %s", strerror(errno));
	return 1;	/* it was this copy's turn to fail */
}

static int do_attach(int fd)
{
	struct iomul_attach a = { .size = sizeof(a), .slots_ptr = (uintptr_t)slot, .slots = 2 };

	return do_ioctl(fd, IOMUL_ATTACH, &a);
}

/* One that is there and one that is not yet. */
static int do_future(int fd)
{
	struct iomul_addr addr[2] = { slot[0], slot[1] };
	struct iomul_attach a = { .size = sizeof(a), .flags = IOMUL_ATTACH_FUTURE,
				  .slots_ptr = (uintptr_t)addr, .slots = 2 };

	addr[1].devfn ^= 31 << 3;
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

static int vfio_group, vfio_device;
static const char *vfio_name;

static int do_vfio_open(int fd)
{
	(void)fd;
	vfio_device = ioctl(vfio_group, VFIO_GROUP_GET_DEVICE_FD, vfio_name);
	return vfio_device < 0 ? -errno : 0;
}

static int do_vfio_close(int fd)
{
	(void)fd;
	return close(vfio_device);
}

static int do_vfio_reset(int fd)
{
	(void)fd;
	return ioctl(vfio_device, VFIO_DEVICE_RESET) ? -errno : 0;
}

static void vfio_start(char *name)
{
	char path[64], *colon = strchr(name, ':');
	int container = open("/dev/vfio/vfio", O_RDWR);

	if (!colon || container < 0)
		die("%s: want GROUP:FUNCTION, and vfio", name);
	snprintf(path, sizeof(path), "/dev/vfio/%.*s", (int)(colon - name), name);
	vfio_name = colon + 1;
	vfio_group = open(path, O_RDWR);
	if (vfio_group < 0 || ioctl(vfio_group, VFIO_GROUP_SET_CONTAINER, &container) ||
	    ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU))
		die("%s: %s", path, strerror(errno));
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
		if (getenv("FAILNTH_VERBOSE"))
			printf("%s %u: %d, left %d\n", name, nth, err, left);
		if (left) {
			check(!err, name, nth, "nothing failed, and yet", err);
			break;
		}
		after = get_slots(fd, s);
		if (err) {
			check(err == -ENOMEM || err == -EFAULT || !strncmp(name, "VFIO", 4), name, nth,
			      "not ENOMEM but", err);
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

/*
 * The module itself. Loading fails without a trace; unloading is not to be
 * stopped, so it has to succeed without memory.
 */
static int do_load(int fd)
{
	return syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
}

static int do_unload(int fd)
{
	(void)fd;
	return syscall(SYS_delete_module, "iomul", O_NONBLOCK) ? -errno : 0;
}

static void sweep_module(const char *file)
{
	int module = open(file, O_RDONLY), fd, err, left = 0;
	unsigned int nth, ports;

	if (module < 0)
		die("%s: %s", file, strerror(errno));
	do_unload(module);
	for (nth = 1; !left && nth < 100000; nth++) {
		set_nth(nth);
		err = do_load(module);
		left = nth_left();
		set_nth(0);
		check(left ? !err : 1, "load", nth, "nothing failed, and yet", err);
		check(!access(DEVICE, F_OK) == !err, "load", nth, "the device is there and not", err);
		if (!err)
			check(!do_unload(0), "load", nth, "unloaded", 0);
	}
	printf("load: %u allocations\n", nth - 2);
	for (nth = 1, left = 0; !left && nth < 100000; nth++) {
		err = do_load(module);
		check(!err, "unload", nth, "load", err);
		fd = iomul_open(O_RDWR);
		check(!do_attach(fd), "unload", nth, "attach", 0);
		close(fd);
		set_nth(nth);
		err = do_unload(0);
		left = nth_left();
		set_nth(0);
		if (err)	/* before the module was asked */
			check(!do_unload(0), "unload", nth, "the second time", err);
		ports = system("grep -q iomul /proc/ioports");
		check(ports, "unload", nth, "ports are left behind", err);
	}
	printf("unload: %u allocations\n", nth - 2);
	check(!do_load(module), "load", 0, "at the end", 0);
}

int main(int argc, char **argv)
{
	int fd;

	nth_fd = open("/proc/thread-self/fail-nth", O_RDWR);
	if (nth_fd < 0)
		die("fail-nth: %s (wants CONFIG_FAULT_INJECTION)", strerror(errno));
	if (argc == 5 && !strcmp(argv[1], "-m")) {
		slot[0] = parse_addr(argv[3]);
		slot[1] = parse_addr(argv[4]);
		sweep_module(argv[2]);
		printf("%u passed, %u failed\n", passed, failed);
		return !!failed;
	}
	if (argc < 3)
		die("usage: failnth SLOT SLOT [GROUP:FUNCTION]");
	fd = iomul_open(O_RDWR);
	slot[0] = parse_addr(argv[1]);
	slot[1] = parse_addr(argv[2]);
	do_detach(fd);
	sweep("open", do_open, NULL, fd);
	sweep("topology", do_topology, NULL, fd);
	sweep("attach", do_attach, do_detach, fd);
	sweep("attach --future", do_future, do_detach, fd);
	do_attach(fd);
	sweep("detach", do_detach, do_attach, fd);
	do_attach(fd);
	sweep("status", do_status, NULL, fd);
	sweep("verify", do_verify, NULL, fd);
	sweep("claim", do_claim_it, do_release, fd);
	do_claim_it(fd);
	sweep("access", do_read_it, NULL, fd);
	do_release(fd);
	if (argc > 3) {
		vfio_start(argv[3]);
		sweep("VFIO open", do_vfio_open, do_vfio_close, fd);
		check(!do_vfio_open(fd), "VFIO", 0, "open", 0);
		sweep("VFIO reset", do_vfio_reset, NULL, fd);
		do_vfio_close(fd);
		close(vfio_group);
	}
	check(!do_detach(fd), "detach", 0, "at the end", 0);
	printf("%u passed, %u failed\n", passed, failed);
	return !!failed;
}
