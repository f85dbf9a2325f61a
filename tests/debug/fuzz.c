// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random calls on /dev/iomul and, with -v, on VFIO devices: mostly well-formed
 * with one thing wrong, sometimes anything at all. The same seed and process
 * makes the same calls.
 *
 *   fuzz [-s SEED] [-n CALLS] [-p PROCESSES] [-v GROUP:FUNCTION]... SLOT...
 *
 * The kernel is the judge (KASAN, lockdep, leaks). Two things are checked here:
 * no call returns an errno that the ABI does not name, and at the end nothing
 * differs from what it should be (IOMUL_VERIFY) and everything can be detached.
 */
#include <getopt.h>
#include <linux/vfio.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include "vm.h"

#define SLOTS_MAX 64
#define VFIO_MAX 8

static struct iomul_addr slot[SLOTS_MAX];
static unsigned int slots;
static const char *vfio[VFIO_MAX];
static unsigned int vfios;
static uint64_t state;
static unsigned long done_by[64], refused, bad;

static uint32_t rnd(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state >> 16;
}

static uint32_t below(uint32_t n)
{
	return rnd() % n;
}

static uint32_t odd_number(void)
{
	static const uint32_t odd[] = { 0, 1, 2, 3, 4, 31, 32, 33, 64, 255, 256, 4095, 4096, 65535,
					65536, 65537, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff };

	return below(4) ? odd[below(sizeof(odd) / sizeof(*odd))] : rnd();
}

static struct iomul_addr any_addr(void)
{
	struct iomul_addr a = slot[below(slots)];

	switch (below(16)) {
	case 0:
		a.devfn = rnd();
		break;
	case 1:
		a.bus = rnd();
		break;
	case 2:
		a.segment = rnd();
	}
	return a;
}

static const int known[] = { EINVAL, EFAULT, E2BIG, EOPNOTSUPP, ENOMEM, EINTR, ENOTTY, EPERM, EBUSY,
			     ENODEV, ENOENT, EEXIST, ENOSPC, EIO, ERANGE, EBADF };

static void judge(unsigned int what, int err)
{
	unsigned int i;

	done_by[what]++;
	if (!err)
		return;
	refused++;
	for (i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (known[i] == -err)
			return;
	bad++;
	printf("command %u returned %s\n", what, strerrorname_np(-err));
}

/* Where the kernel may write what it was asked to: far from everything of ours. */
#define PAGE_SIZE_ (1U << 16)
static uint8_t *page;
static struct iomul_op *op;

static void make_room(void)
{
	const size_t around = 64 << 20;
	uint8_t *room = mmap((void *)0x200000000000, 2 * around, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	page = room + around;
	if (room == MAP_FAILED || mprotect(page, 2 * PAGE_SIZE_, PROT_READ | PROT_WRITE))
		die("mmap: %s", strerror(errno));
	op = (void *)(page + PAGE_SIZE_);
}

static uint64_t any_pointer(void)
{
	switch (below(24)) {
	case 0:
		return 0;
	case 1:
		return ~0ULL;
	case 2:
		return 0xffff888000000000ULL;
	case 3:
		return (uintptr_t)page + 2 * PAGE_SIZE_ - below(64);
	default:
		return (uintptr_t)page + below(64) * 8;
	}
}

/* Now and then some bytes of a well-formed structure are others. */
static void spoil(void *at, size_t size)
{
	uint8_t *p = at;
	uint32_t n = below(12) ? 0 : 1 + below(3);

	while (n--)
		p[below(size)] = rnd();
}

static int call(int fd, unsigned long cmd, void *arg, size_t size)
{
	spoil(arg, size);
	return do_ioctl(fd, cmd, arg);
}

static int fuzz_access(int fd)
{
	uint32_t i, n = below(8) ? 1 + below(4) : below(40);
	struct iomul_access a = { .size = sizeof(a), .ops = n };

	for (i = 0; i < n; i++) {
		op[i] = (struct iomul_op){ .bar = below(8) ? 2 : below(256), .width = 1 << below(3),
					   .flags = below(4), .count = 1 };
		op[i].offset = below(8) ? below(32 / op[i].width) * op[i].width : odd_number();
		op[i].data = op[i].flags & IOMUL_OP_BUFFER ? any_pointer() : rnd();
		if (op[i].flags & IOMUL_OP_BUFFER)
			op[i].count = below(8) ? below(512) : odd_number();
		spoil(&op[i], sizeof(op[i]));
	}
	a.ops_ptr = below(16) ? (uintptr_t)op : any_pointer();
	return call(fd, IOMUL_ACCESS, &a, sizeof(a));
}

static int fuzz_slots(int fd, bool attach)
{
	struct iomul_addr list[8];
	uint32_t i, n = below(16) ? 1 + below(4) : odd_number();
	struct iomul_attach a = { .size = sizeof(a), .slots = n, .windows = below(4) };
	struct iomul_detach d = { .size = sizeof(d), .slots = n };

	for (i = 0; i < 8; i++)
		list[i] = any_addr();
	a.slots_ptr = d.slots_ptr = n <= 8 ? (uintptr_t)list : any_pointer();
	if (!below(32)) {
		d.flags = IOMUL_DETACH_ALL;
		d.slots = d.slots_ptr = 0;
	}
	return attach ? call(fd, IOMUL_ATTACH, &a, sizeof(a)) : call(fd, IOMUL_DETACH, &d, sizeof(d));
}

static int fuzz_tables(int fd, bool status)
{
	struct iomul_topology_query t = { .size = sizeof(t), .nodes = below(64), .roots = below(4),
					  .busy = below(64), .nodes_ptr = (uintptr_t)page,
					  .roots_ptr = (uintptr_t)page, .busy_ptr = (uintptr_t)page };
	struct iomul_status s = { .size = sizeof(s), .groups = below(16), .slots = below(64),
				  .groups_ptr = (uintptr_t)page, .slots_ptr = (uintptr_t)page };

	return status ? call(fd, IOMUL_STATUS, &s, sizeof(s)) : call(fd, IOMUL_TOPOLOGY, &t, sizeof(t));
}

static int fuzz_once(int *fd, unsigned int *what)
{
	struct iomul_claim c = { .size = sizeof(c), .addr = any_addr() };
	struct iomul_verify v = { .size = sizeof(v), .flags = below(2) };
	struct iomul_info i = { .size = sizeof(i) };
	uint32_t anything[64], n;

	*what = below(64);
	switch (*what) {
	case 0:
		close(*fd);
		*fd = iomul_open(below(8) ? O_RDWR : O_RDONLY);
		return 0;
	case 1 ... 5:
		return call(*fd, IOMUL_CLAIM, &c, sizeof(c));
	case 6 ... 7:
		return do_release(*fd);
	case 8:
		return fuzz_slots(*fd, true);
	case 9:
		return fuzz_slots(*fd, false);
	case 10:
		return call(*fd, IOMUL_VERIFY, &v, sizeof(v));
	case 11 ... 12:
		return fuzz_tables(*fd, *what & 1);
	case 13:
		return call(*fd, IOMUL_INFO, &i, sizeof(i));
	case 14 ... 15:
		for (n = 0; n < 64; n++)
			anything[n] = odd_number();
		return do_ioctl(*fd, below(2) ? IOMUL_INFO + below(12) : rnd(),
				below(8) ? (void *)anything : (void *)(uintptr_t)any_pointer());
	default:
		return fuzz_access(*fd);
	}
}

/* A VFIO device: reads and writes all over its regions, resets. */
static int vfio_open(const char *name)
{
	char path[64], *colon = strchr(name, ':');
	int container = open("/dev/vfio/vfio", O_RDWR), group, fd;

	if (!colon || container < 0)
		die("%s: want GROUP:FUNCTION, and vfio", name);
	snprintf(path, sizeof(path), "/dev/vfio/%.*s", (int)(colon - name), name);
	group = open(path, O_RDWR);
	if (group < 0 || ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) ||
	    ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU))
		die("%s: %s", path, strerror(errno));
	fd = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, colon + 1);
	if (fd < 0)
		die("%s: %s", name, strerror(errno));
	return fd;
}

static void vfio_once(int fd)
{
	uint32_t region = below(4) ? 2 : below(12);
	uint64_t offset = (uint64_t)region << 40 | (below(4) ? below(40) : odd_number());
	size_t count = below(8) ? 1U << below(3) : below(600);

	if (region == VFIO_PCI_CONFIG_REGION_INDEX && below(4))
		offset = (uint64_t)region << 40 | (4 + below(2));	/* PCI_COMMAND */
	if (!below(2000))
		ioctl(fd, VFIO_DEVICE_RESET);
	else if (below(2))
		(void)!pread(fd, page, count, offset);
	else
		(void)!pwrite(fd, page, count, offset);
	done_by[63]++;
}

static int work(uint64_t seed, unsigned int number, unsigned long calls, int device)
{
	int fd = -1, err;
	unsigned int what, i;
	unsigned long n;

	state = (seed + 1) * 0x9e3779b97f4a7c15ULL + number * 0xbf58476d1ce4e5b9ULL + 1;
	for (i = 0; i < 8; i++)
		rnd();
	make_room();
	if (device < 0)
		fd = iomul_open(O_RDWR);
	for (n = 0; n < calls; n++) {
		if (device >= 0) {
			vfio_once(device);
			continue;
		}
		err = fuzz_once(&fd, &what);
		/* Numbers that are no command go where other ioctls of all files are served. */
		if (what != 14 && what != 15)
			judge(what, err);
	}
	return bad != 0;
}

static int finish(void)
{
	int fd = iomul_open(O_RDWR), err;
	struct iomul_verify v = { .size = sizeof(v) };
	struct iomul_detach d = { .size = sizeof(d), .flags = IOMUL_DETACH_ALL };

	err = do_ioctl(fd, IOMUL_VERIFY, &v);
	if (err || v.out_wrong) {
		printf("not ok: verify: %d, %u of %u wrong\n", err, v.out_wrong, v.out_checked);
		return 1;
	}
	err = do_ioctl(fd, IOMUL_DETACH, &d);
	if (err)
		printf("not ok: detach all: %s\n", strerror(-err));
	return !!err;
}

int main(int argc, char **argv)
{
	unsigned long calls = 100000;
	unsigned int processes = 2, i;
	uint64_t seed = 1;
	int opt, status, failed = 0, device[VFIO_MAX];
	struct timespec begin, end;
	double took;

	while ((opt = getopt(argc, argv, "s:n:p:v:")) != -1) {
		if (opt == 's')
			seed = strtoull(optarg, NULL, 0);
		else if (opt == 'n')
			calls = strtoul(optarg, NULL, 0);
		else if (opt == 'p')
			processes = atoi(optarg);
		else if (opt == 'v' && vfios < VFIO_MAX)
			vfio[vfios++] = optarg;
		else
			die("usage: fuzz [-s SEED] [-n CALLS] [-p PROCESSES] [-v GROUP:FUNCTION] SLOT...");
	}
	for (; optind < argc && slots < SLOTS_MAX; optind++)
		slot[slots++] = parse_addr(argv[optind]);
	if (!slots)
		die("want slots");
	printf("seed %#llx, %u processes, %lu calls each\n", (unsigned long long)seed, processes, calls);
	fflush(stdout);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	/* Opened before anybody can claim the function. */
	for (i = 0; i < vfios; i++)
		device[i] = vfio_open(vfio[i]);
	for (i = 0; i < processes; i++)
		if (!fork())
			exit(work(seed, i, calls, i < vfios ? device[i] : -1));
	for (i = 3; i < 3 + 3 * vfios; i++)
		close(i);
	for (i = 0; i < processes; i++) {
		wait(&status);
		if (status)
			printf("not ok: a process ended with %s %d\n", WIFSIGNALED(status) ? "signal" : "status",
			       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
		failed += status != 0;
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	took = end.tv_sec - begin.tv_sec + (end.tv_nsec - begin.tv_nsec) / 1e9;
	printf("%lu calls in %.0f s, %.0f a second\n", processes * calls, took, processes * calls / took);
	failed += finish();
	printf("%u passed, %d failed\n", processes + 1 - failed, failed);
	return !!failed;
}
