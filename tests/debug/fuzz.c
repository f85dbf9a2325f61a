// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random calls on /dev/iomul and, with -v, on VFIO devices: mostly well-formed
 * with one thing wrong, sometimes anything at all. The same seed and process
 * makes the same calls.
 *
 *   fuzz [-s SEED] [-n CALLS] [-t SECONDS] [-p PROCESSES] [-v GROUP:FUNCTION]... SLOT...
 *
 * ends after so many calls of each process, or with -t after so many seconds.
 *
 * The kernel is the judge (KASAN, lockdep, leaks). Two things are checked here:
 * no call returns an errno that the ABI does not name, no read or write does more
 * than its region holds, and at the end nothing differs from what it should be
 * (IOMUL_VERIFY) and everything can be detached.
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

/* Kinds of calls. */
enum kind { OPEN, CLAIM, RELEASE, ATTACH, DETACH, VERIFY, TOPOLOGY, STATUS, INFO, ANY, ACCESS,
	    VFIO_RW, VFIO_RESET, KINDS };

static const char *const kind_name[KINDS] = {
	"open", "claim", "release", "attach", "detach", "verify", "topology", "status", "info",
	"any number", "access", "VFIO read or write", "VFIO reset",
};

/*
 * How often, of 1024 calls. What is slow in an emulated server, a thousand times as
 * slow as an access that is refused, is rare, or there would be little else. Slots
 * are attached and claimed more often than the opposite, as either often fails.
 */
static const unsigned int kind_weight[] = {
	[OPEN] = 4, [CLAIM] = 32, [RELEASE] = 8, [ATTACH] = 4, [DETACH] = 2, [VERIFY] = 4,
	[TOPOLOGY] = 2, [STATUS] = 8, [INFO] = 16, [ANY] = 32, [ACCESS] = 912,
};

struct tally {
	unsigned long calls[KINDS], done[KINDS];
	uint64_t ns[KINDS];
};

#define PROCESSES_MAX 64
#define VFIO_RESETS 2000	/* one reset for so many reads and writes */

static struct tally *tally;	/* one of each process */
static unsigned long seconds;	/* 0: no limit */
static bool bad;

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

static void judge(enum kind kind, int err)
{
	unsigned int i;

	for (i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (known[i] == -err)
			return;
	bad = true;
	printf("%s returned %s\n", kind_name[kind], strerrorname_np(-err));
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
	uint32_t i, n = below(4) ? 1 : below(8) ? 1 + below(4) : odd_number();
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

static enum kind any_kind(void)
{
	unsigned int i, total = 0, at;

	for (i = 0; i < VFIO_RW; i++)
		total += kind_weight[i];
	at = below(total);
	for (i = 0; at >= kind_weight[i]; i++)
		at -= kind_weight[i];
	return i;
}

static int fuzz_any(int fd)
{
	uint32_t anything[64], n;

	for (n = 0; n < 64; n++)
		anything[n] = odd_number();
	return do_ioctl(fd, below(2) ? IOMUL_INFO + below(12) : rnd(),
			below(8) ? (void *)anything : (void *)(uintptr_t)any_pointer());
}

static int fuzz_once(int *fd, enum kind kind)
{
	struct iomul_claim c = { .size = sizeof(c), .addr = any_addr() };
	struct iomul_verify v = { .size = sizeof(v), .flags = below(2) };
	struct iomul_info i = { .size = sizeof(i) };

	switch (kind) {
	case OPEN:
		close(*fd);
		*fd = iomul_open(below(8) ? O_RDWR : O_RDONLY);
		return 0;
	case CLAIM:
		return call(*fd, IOMUL_CLAIM, &c, sizeof(c));
	case RELEASE:
		return do_release(*fd);
	case ATTACH:
	case DETACH:
		return fuzz_slots(*fd, kind == ATTACH);
	case VERIFY:
		return call(*fd, IOMUL_VERIFY, &v, sizeof(v));
	case TOPOLOGY:
	case STATUS:
		return fuzz_tables(*fd, kind == STATUS);
	case INFO:
		return call(*fd, IOMUL_INFO, &i, sizeof(i));
	case ANY:
		return fuzz_any(*fd);
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

/* No more may be done than the region holds. */
static void judge_size(int fd, uint32_t region, uint64_t offset, size_t done)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = region };

	if (ioctl(fd, VFIO_DEVICE_GET_REGION_INFO, &info))
		info.size = 0;
	if (done <= info.size && (offset & 0xffffffffff) <= info.size - done)
		return;
	bad = true;
	printf("region %u of %llu bytes: %zu at %#llx\n", region, (unsigned long long)info.size, done,
	       (unsigned long long)offset & 0xffffffffff);
}

static int vfio_once(int fd, enum kind kind)
{
	uint32_t region = below(4) ? below(3) : below(12);
	uint64_t offset = (uint64_t)region << 40 | (below(4) ? below(40) : odd_number());
	size_t count = below(8) ? 1U << below(3) : below(2) ? below(600) : 1U << below(17);
	ssize_t n;

	if (kind == VFIO_RESET)
		return ioctl(fd, VFIO_DEVICE_RESET) ? -errno : 0;
	if (region == VFIO_PCI_CONFIG_REGION_INDEX && below(4))
		offset = (uint64_t)region << 40 | (4 + below(2));	/* PCI_COMMAND */
	n = below(2) ? pread(fd, page, count, offset) : pwrite(fd, page, count, offset);
	if (n < 0)
		return -errno;
	if (n)
		judge_size(fd, offset >> 40, offset, n);
	return 0;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static int work(uint64_t seed, unsigned int number, unsigned long calls, int device)
{
	enum kind kind;
	uint64_t begin, end, first = now_ns();
	unsigned long n;
	int fd = -1, err;
	unsigned int i;

	state = (seed + 1) * 0x9e3779b97f4a7c15ULL + number * 0xbf58476d1ce4e5b9ULL + 1;
	for (i = 0; i < 8; i++)
		rnd();
	make_room();
	if (device < 0)
		fd = iomul_open(O_RDWR);
	for (n = 0, end = first; n < calls; n++) {
		if (seconds && (end - first) / 1000000000 >= seconds)
			break;
		begin = end;
		if (device >= 0) {
			kind = below(VFIO_RESETS) ? VFIO_RW : VFIO_RESET;
			err = vfio_once(device, kind);
		} else {
			kind = any_kind();
			err = fuzz_once(&fd, kind);
		}
		end = now_ns();
		tally[number].calls[kind]++;
		tally[number].done[kind] += !err;
		tally[number].ns[kind] += end - begin;
		/* Numbers that are no command go where other ioctls of all files are served. */
		if (err && kind < VFIO_RW && kind != ANY)
			judge(kind, err);
	}
	return bad;
}

static void report(unsigned int processes, double took)
{
	struct tally all = { 0 };
	unsigned long calls = 0;
	unsigned int i, k;

	for (k = 0; k < KINDS; k++) {
		for (i = 0; i < processes; i++) {
			all.calls[k] += tally[i].calls[k];
			all.done[k] += tally[i].done[k];
			all.ns[k] += tally[i].ns[k];
		}
		calls += all.calls[k];
		printf("%10lu %-18s %10lu of them done, %8.0f s by the clock\n", all.calls[k],
		       kind_name[k], all.done[k], all.ns[k] / 1e9);
	}
	printf("%lu calls in %.0f s, %.0f a second\n", calls, took, calls / took);
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
	uint64_t begin;
	double took;

	while ((opt = getopt(argc, argv, "s:n:t:p:v:")) != -1) {
		if (opt == 's')
			seed = strtoull(optarg, NULL, 0);
		else if (opt == 'n')
			calls = strtoul(optarg, NULL, 0);
		else if (opt == 't')
			seconds = strtoul(optarg, NULL, 0);
		else if (opt == 'p')
			processes = atoi(optarg);
		else if (opt == 'v' && vfios < VFIO_MAX)
			vfio[vfios++] = optarg;
		else
			die("usage: fuzz [-s SEED] [-n CALLS] [-t SECONDS] [-p PROCESSES] [-v GROUP:FUNCTION] SLOT...");
	}
	for (; optind < argc && slots < SLOTS_MAX; optind++)
		slot[slots++] = parse_addr(argv[optind]);
	if (!slots)
		die("want slots");
	printf("seed %#llx, %u processes, %lu calls each\n", (unsigned long long)seed, processes, calls);
	fflush(stdout);
	if (!processes || processes > PROCESSES_MAX)
		die("want 1 to %d processes", PROCESSES_MAX);
	tally = mmap(NULL, processes * sizeof(*tally), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (tally == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	begin = now_ns();
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
	took = (now_ns() - begin) / 1e9;
	report(processes, took);
	failed += finish();
	printf("%u passed, %d failed\n", processes + 1 - failed, failed);
	return !!failed;
}
