// SPDX-License-Identifier: GPL-2.0-only
/*
 * A group under fire, in a virtual server of e1000e:
 *
 *   lab [-s SEED] [-t SECONDS] [-p PROCESSES] [-w SECONDS] [-v GROUP:FUNCTION]... SLOT...
 *
 * Processes claim functions at random, access them and let go; some are killed
 * in the midst of it. Each -v is a guest that means harm, through VFIO: it writes
 * anything to its PCI_COMMAND and BARs, resets itself, floods the group. The
 * parent removes and rescans devices, detaches and attaches slots, resets
 * functions, writes to gates. All at random, from the seed.
 *
 * Every access is checked for who answers: the MAC of the device, through its
 * index and data ports (82574 data sheet, 10.2.2). An access that fails must
 * say so, with an error that has a reason here: ENODEV removed, EIO reset.
 * Nobody may wait longer than -w (2) seconds for a call that is one turn, and
 * for more turns of others than rule 6 allows, as the module counts them. An
 * emulated server stands still while its host or QEMU has other things to do.
 * That is not counted: a process of real-time priority wakes every TICK ms, and
 * if it could not, and there were no timer interrupts either, nobody could. With
 * timer interrupts the kernel was at work, and that does count. Nor is counted
 * for how long the scheduler ran others while the process was ready to run.
 *
 * QEMU keeps some memory for each move of a gate and frees it when it comes to
 * that: after so many changes of owner all pause for a while (CHANGES, PAUSE).
 */
#include <getopt.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include "mac.h"

#define SLOTS_MAX 32
#define GUESTS_MAX 4
#define WORKERS_MAX 32
#define BAR 2
#define CHANGES 12000
#define PAUSE 2
#define TURN 64	/* elements of a batch that are carried out in one turn */
#define TICK 10	/* ms */
#define GAP 20	/* ms: what is shorter is the scheduler's */

/* Of one process; survives it. */
struct tally {
	uint64_t accesses, wrong, lost, claims, enodev, eio, busy, resets;
	uint64_t longest_ns;		/* less what the server stood still, or others ran */
	uint64_t longest_raw_ns;
	uint64_t longest_ready_ns;	/* of the longest: ready to run, but the scheduler ran others */
	uint64_t longest_ops, longest_sleeps;
};

static struct shared {
	volatile int pause, stop;
	volatile uint64_t still_sum_ns;		/* how long the server has stood still so far */
	uint64_t still_ns, held_ns;		/* at a time: that, and kept by its kernel */
	struct tally tally[WORKERS_MAX + GUESTS_MAX];
} *sh;

static struct function {
	struct iomul_addr addr;
	char name[16];
	uint32_t mac;
} slot[SLOTS_MAX];
static unsigned int slots, guests;
static const char *guest[GUESTS_MAX];
static struct function guest_function[GUESTS_MAX];
static uint64_t state;
static double bound = 2;

static uint32_t rnd(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state >> 24;
}

static uint32_t below(uint32_t n)
{
	return rnd() % n;
}

static void seed_from(uint64_t seed, uint64_t who)
{
	state = (seed + 1) * 0x9e3779b97f4a7c15ULL ^ (who + 1) * 0xbf58476d1ce4e5b9ULL;
	for (int i = 0; i < 8; i++)
		rnd();
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static void nap(unsigned int ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000L }, NULL);
}

struct since {
	uint64_t ns, still_sum_ns, ready_ns, sleeps;
};

/* How long this process was ready to run, but others ran. */
static uint64_t ready_ns(void)
{
	static pid_t opened_by;
	static int fd;
	char text[96];
	ssize_t n;

	if (opened_by != getpid()) {
		fd = open("/proc/thread-self/schedstat", O_RDONLY);
		opened_by = getpid();
	}
	n = fd < 0 ? -1 : pread(fd, text, sizeof(text) - 1, 0);
	if (n <= 0)
		die("/proc/thread-self/schedstat: not to be read");
	text[n] = 0;
	return strtoull(strchr(text, ' '), NULL, 10);
}

static uint64_t sleeps(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_nvcsw;
}

static struct since since_now(void)
{
	return (struct since){ now_ns(), sh->still_sum_ns, ready_ns(), sleeps() };
}

static void waited(struct tally *t, struct since since, unsigned int ops)
{
	uint64_t ns = now_ns() - since.ns, still = sh->still_sum_ns - since.still_sum_ns;
	uint64_t ready = ready_ns() - since.ready_ns, others;

	if (ns > t->longest_raw_ns)
		t->longest_raw_ns = ns;
	others = still > ready ? still : ready;		/* they overlap */
	if (ns > others && ns - others > t->longest_ns) {
		t->longest_ns = ns - others;
		t->longest_ready_ns = ready;
		t->longest_sleeps = sleeps() - since.sleeps;
		t->longest_ops = ops;
	}
}

static void rest(void)
{
	while (sh->pause && !sh->stop)
		nap(50);
}

/*
 * Users of /dev/iomul
 */

/* A batch of pairs; the MAC each time. */
static int mac_batch(int fd, const struct function *f, unsigned int pairs, struct tally *t)
{
	static struct iomul_op op[IOMUL_OPS_MAX];
	struct since since;
	uint32_t i, done;
	int err;

	for (i = 0; i < 2 * pairs; i += 2) {
		op[i] = (struct iomul_op){ .bar = BAR, .width = 4, .offset = 0, .count = 1,
					   .flags = IOMUL_OP_WRITE, .data = RAH };
		op[i + 1] = (struct iomul_op){ .bar = BAR, .width = 4, .offset = 4, .count = 1 };
	}
	since = since_now();
	err = do_access(fd, op, 2 * pairs, &done);
	if (2 * pairs <= TURN)
		waited(t, since, 2 * pairs);
	t->accesses += done;
	if (!err && done != 2 * pairs) {
		t->lost++;
		fprintf(stderr, "%s: %u of %u done, and no error\n", f->name, done, 2 * pairs);
	}
	for (i = 1; i < done; i += 2) {
		if (op[i].data == f->mac)
			continue;
		if (!t->wrong++)
			fprintf(stderr, "%s: read %08llx, must be %08x\n", f->name,
				(unsigned long long)op[i].data, f->mac);
	}
	return err;
}

/* Mostly short batches, between which the others come. */
static unsigned int some_pairs(void)
{
	switch (below(4)) {
	case 0:
		return 1 + below(IOMUL_OPS_MAX / 2);
	case 1:
		return 1 + below(TURN / 2);
	default:
		return 1;
	}
}

static void worker(uint64_t seed, struct tally *t)
{
	struct iomul_claim claim;
	const struct function *f;
	int fd = iomul_open(O_RDWR), err;
	unsigned int rounds;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	seed_from(seed, 0);
	while (!sh->stop) {
		f = &slot[below(slots)];
		err = do_claim(fd, f->addr, &claim);
		if (err == -EBUSY || err == -ENOENT || err == -ENODEV) {
			t->busy++;
			nap(1 + below(20));
			continue;
		}
		if (err)
			die("%s: claim: %s", f->name, strerror(-err));
		t->claims++;
		for (rounds = below(60); !err && rounds && !sh->stop; rounds--) {
			rest();
			err = mac_batch(fd, f, some_pairs(), t);
		}
		if (err == -ENODEV)
			t->enodev++;
		else if (err == -EIO)
			t->eio++;
		else if (err) {
			t->lost++;
			fprintf(stderr, "%s: %s\n", f->name, strerror(-err));
		}
		err = do_release(fd);
		if (err)
			die("%s: release: %s", f->name, strerror(-err));
	}
	exit(0);
}

/* Timer interrupts of all processors. */
static uint64_t timer_interrupts(void)
{
	FILE *f = fopen("/proc/interrupts", "r");
	uint64_t sum = 0, n;
	char line[1024], *p, *end;

	while (f && fgets(line, sizeof(line), f)) {
		p = strstr(line, "LOC:");
		if (!p)
			continue;
		for (p += 4; n = strtoull(p, &end, 10), end != p; p = end)
			sum += n;
	}
	if (f)
		fclose(f);
	return sum;
}

static void standstill_watch(void)
{
	struct sched_param high = { .sched_priority = 50 };
	uint64_t since, ns, interrupts, busy, still;
	struct timespec tick;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (sched_setscheduler(0, SCHED_FIFO, &high))
		die("sched_setscheduler: %s", strerror(errno));
	clock_getres(CLOCK_MONOTONIC_COARSE, &tick);	/* the kernel's tick */
	while (!sh->stop) {
		interrupts = timer_interrupts();
		if (!interrupts)
			die("no timer interrupts in /proc/interrupts");
		since = now_ns();
		nap(TICK);
		ns = now_ns() - since;
		if (ns < GAP * 1000000)
			continue;
		busy = (timer_interrupts() - interrupts) * tick.tv_nsec;
		busy = busy < ns ? busy : ns;
		still = ns - busy > TICK * 1000000 ? ns - busy - TICK * 1000000 : 0;
		sh->held_ns = busy > sh->held_ns ? busy : sh->held_ns;
		sh->still_ns = still > sh->still_ns ? still : sh->still_ns;
		sh->still_sum_ns += still;
	}
	exit(0);
}

/*
 * A guest that means harm
 */

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

static uint64_t region(int fd, uint32_t index)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = index };

	if (ioctl(fd, VFIO_DEVICE_GET_REGION_INFO, &info))
		die("region %u: %s", index, strerror(errno));
	return info.offset;
}

/* Who answers? The device's I/O decode is not the guest's: it answers whatever he wrote. */
static void guest_ask(int fd, uint64_t bar, const struct function *f, struct tally *t)
{
	uint32_t value = RAH;
	struct since since = since_now();

	if (pwrite(fd, &value, 4, bar) != 4 || pread(fd, &value, 4, bar + 4) != 4) {
		if (errno == EIO)
			t->eio++;
		else if (t->lost++ == 0)
			fprintf(stderr, "%s: %s\n", f->name, strerror(errno));
	} else {
		t->accesses += 2;
		if (value != f->mac && !t->wrong++)
			fprintf(stderr, "%s: VFIO read %08x, must be %08x\n", f->name, value, f->mac);
	}
	waited(t, since, 2);
}

static void guest_run(uint64_t seed, int fd, const struct function *f, struct tally *t)
{
	uint64_t bar = region(fd, BAR), config = region(fd, VFIO_PCI_CONFIG_REGION_INDEX);
	uint32_t value, where, i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	seed_from(seed, 1);
	while (!sh->stop) {
		rest();
		value = rnd();
		switch (below(16)) {
		case 0 ... 3:	/* but memory stays on: with it off, reads of the core fail */
			value = (value & 0x0441) | PCI_COMMAND_MEMORY;
			(void)!pwrite(fd, &value, 2, config + PCI_COMMAND);
			break;
		case 4 ... 6:	/* sizes a BAR, leaves anything in it */
			where = config + PCI_BASE_ADDRESS_0 + 4 * below(6);
			value = ~0U;
			(void)!pwrite(fd, &value, 4, where);
			(void)!pread(fd, &value, 4, where);
			value = rnd();
			(void)!pwrite(fd, &value, 4, where);
			break;
		case 7:		/* beyond its BAR, across its end, odd sizes */
			value = below(80);
			if (pread(fd, &where, 1 + below(4), bar + value) > 0 && value >= 32) {
				t->wrong++;
				fprintf(stderr, "%s: read at %u of 32\n", f->name, value);
			}
			break;
		case 8:
			if (below(100))
				break;
			if (!ioctl(fd, VFIO_DEVICE_RESET))
				t->resets++;
			break;
		default:	/* floods */
			for (i = below(200); i && !sh->stop && !sh->pause; i--)
				guest_ask(fd, bar, f, t);
		}
	}
	exit(0);
}

/*
 * The parent: an administrator with a shaky hand
 */

static void sysfs_write(const char *form, const char *name, const char *what)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), form, name);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		return;	/* removed */
	(void)!write(fd, what, strlen(what));
	close(fd);
}

static bool is_there(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), PCI "%s", name);
	return !access(path, F_OK);
}

/* The register through the memory BAR, which nobody multiplexes. */
static void function_set(struct function *f, const char *name)
{
	f->addr = parse_addr(name);
	snprintf(f->name, sizeof(f->name), ADDR_FMT, ADDR_ARG(f->addr));
	f->mac = mmio_rah(f->addr);
}

static int attach(int fd, struct iomul_addr *addr, unsigned int n)
{
	struct iomul_attach a = { .size = sizeof(a), .slots_ptr = (uintptr_t)addr, .slots = n,
				  .windows = 1 };

	return do_ioctl(fd, IOMUL_ATTACH, &a);
}

static struct chaos {
	uint64_t removed, detached, attached, reset, foreign, killed, verified, changes, pauses, wrong;
	uint32_t most_passed;		/* turns of others during one wait */
} chaos;

/* Nobody else holds it meanwhile, or a write of his would be lost to the reset. */
static void chaos_reset(unsigned int from)
{
	const struct function *f = &slot[from];
	struct iomul_claim claim;
	int fd = iomul_open(O_RDWR);
	unsigned int i;

	for (i = 0; i < slots; i++) {
		f = &slot[(from + i) % slots];
		if (do_claim(fd, f->addr, &claim))
			continue;
		sysfs_write(PCI "%s/reset", f->name, "1");
		/* The device has forgotten nothing that identifies it; is the way still right? */
		mac_batch(fd, f, 8, &sh->tally[WORKERS_MAX + GUESTS_MAX - 1]);
		chaos.reset++;
		break;
	}
	close(fd);
}

static void chaos_remove(const struct function *f)
{
	sysfs_write(PCI "%s/remove", f->name, "1");
	nap(below(200));
	sysfs_write("/sys/bus/pci/%s", "rescan", "1");
	chaos.removed++;
}

static void chaos_detach(int fd, unsigned int from)
{
	struct iomul_detach d = { .size = sizeof(d), .slots = 1 };
	struct function *f;
	unsigned int i;

	for (i = 0; i < slots; i++) {
		f = &slot[(from + i) % slots];
		d.slots_ptr = (uintptr_t)&f->addr;
		if (do_ioctl(fd, IOMUL_DETACH, &d))
			continue;
		chaos.detached++;
		nap(below(100));
		chaos.attached += !attach(fd, &f->addr, 1);
		return;
	}
}

static void chaos_verify(int fd)
{
	struct iomul_verify v = { .size = sizeof(v) };

	if (do_ioctl(fd, IOMUL_VERIFY, &v) || v.out_wrong) {
		chaos.wrong++;
		printf("not ok: verify: %u of %u wrong, first " ADDR_FMT "\n", v.out_wrong,
		       v.out_checked, ADDR_ARG(v.out_first));
	}
	chaos.verified++;
}

/* Changes of owner of all groups; those of groups that went are lost. Notes who was passed most, too. */
static uint64_t changes(int fd)
{
	static struct iomul_group_status g[MAX];
	static struct iomul_slot_status s[MAX];
	struct iomul_status status = { .size = sizeof(status), .groups_ptr = (uintptr_t)g,
				       .slots_ptr = (uintptr_t)s, .groups = MAX, .slots = MAX };
	uint64_t n = 0;
	unsigned int i;

	if (do_ioctl(fd, IOMUL_STATUS, &status))
		return 0;
	for (i = 0; i < status.out_groups; i++)
		n += g[i].switches;
	for (i = 0; i < status.out_slots; i++)
		if (s[i].most_passed > chaos.most_passed)
			chaos.most_passed = s[i].most_passed;
	return n;
}

static void chaos_once(int fd, pid_t *pid, unsigned int processes, uint64_t *forks, uint64_t seed)
{
	unsigned int k;
	struct function *f = &slot[below(slots)];

	switch (below(12)) {
	case 0 ... 1:
		chaos_remove(f);
		break;
	case 2 ... 3:
		chaos_detach(fd, f - slot);
		break;
	case 4 ... 5:
		chaos_reset(f - slot);
		break;
	case 6:
		/* I/O Space Enable on, by somebody who should not: the filter keeps it. */
		sysfs_write(PCI "%s/enable", f->name, "1");
		sysfs_write(PCI "%s/enable", f->name, "0");
		chaos.foreign++;
		break;
	case 7 ... 9:
		k = below(processes);
		kill(pid[k], SIGKILL);
		waitpid(pid[k], NULL, 0);
		chaos.killed++;
		pid[k] = fork();
		if (!pid[k])
			worker(seed + ++*forks * 1000003, &sh->tally[k]);
		++*forks;
		break;
	case 10:
		attach(fd, &f->addr, 1);
		break;
	default:
		chaos_verify(fd);
	}
}

static long unreclaimable_kb(void)
{
	FILE *f = fopen("/proc/meminfo", "r");
	char line[128];
	long kb = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "SUnreclaim: %ld", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb;
}

/*
 * Rule 6: each of the others once, and burst times more, before it is somebody's turn. Others
 * are the processes and guests, and whoever verifies and mends: the parent, the kernel's worker.
 */
static uint32_t turns_bound(unsigned int processes)
{
	FILE *f = fopen("/sys/module/iomul/parameters/burst", "r");
	unsigned int burst;

	if (!f || fscanf(f, "%u", &burst) != 1)
		die("burst: %s", strerror(errno));
	fclose(f);
	return (processes + guests + 2 - 1) * (burst + 1);
}

static int report(double seconds, long kb, uint32_t most_turns)
{
	struct tally all = { 0 }, *t;
	unsigned int i;
	int failed = 0;

	for (i = 0; i < WORKERS_MAX + GUESTS_MAX; i++) {
		t = &sh->tally[i];
		all.accesses += t->accesses;
		all.wrong += t->wrong;
		all.lost += t->lost;
		all.claims += t->claims;
		all.enodev += t->enodev;
		all.eio += t->eio;
		all.busy += t->busy;
		all.resets += t->resets;
		if (t->longest_ns > all.longest_ns) {
			all.longest_ns = t->longest_ns;
			all.longest_ready_ns = t->longest_ready_ns;
			all.longest_sleeps = t->longest_sleeps;
			all.longest_ops = t->longest_ops;
		}
		if (t->longest_raw_ns > all.longest_raw_ns)
			all.longest_raw_ns = t->longest_raw_ns;
	}
#define N(x) ((unsigned long long)(x))
	printf("%llu accesses in %.0f s (%.0f a second): %llu misrouted, %llu lost without a reason\n",
	       N(all.accesses), seconds, all.accesses / seconds, N(all.wrong), N(all.lost));
	printf("the longest wait: %.3f s, bound %.1f s, by the clock %.3f s; the server stood still for %.1f s of %.0f s, %.3f s at a time, its kernel kept it for %.3f s at a time\n",
	       all.longest_ns / 1e9, bound, all.longest_raw_ns / 1e9, sh->still_sum_ns / 1e9, seconds,
	       sh->still_ns / 1e9, sh->held_ns / 1e9);
	printf("that one: %lu accesses, slept %lu times, was ready to run for %.3f s while others ran\n",
	       all.longest_ops, all.longest_sleeps, all.longest_ready_ns / 1e9);
	printf("turns of others during one wait: %u at most, bound %u\n", chaos.most_passed, most_turns);
	printf("%llu changes of owner, %llu pauses\n", N(chaos.changes), N(chaos.pauses));
	printf("%llu claims, %llu ended by removal, %llu by EIO; refused %llu times\n",
	       N(all.claims), N(all.enodev), N(all.eio), N(all.busy));
	printf("%llu removed and rescanned, %llu detached, %llu attached, %llu reset, %llu resets by guests, %llu foreign enables, %llu killed, %llu verified\n",
	       N(chaos.removed), N(chaos.detached), N(chaos.attached), N(chaos.reset), N(all.resets),
	       N(chaos.foreign), N(chaos.killed), N(chaos.verified));
	printf("unreclaimable kernel memory: %+ld kB\n", kb);
	failed += all.wrong || all.lost;
	failed += all.longest_ns / 1e9 > bound;
	failed += chaos.most_passed > most_turns;
	failed += chaos.wrong != 0;
	failed += !all.accesses || !all.claims;
	failed += kb > 8192;
	return failed;
}

int main(int argc, char **argv)
{
	unsigned int processes = 4, i, seconds = 3600;
	struct iomul_addr addr[SLOTS_MAX];
	pid_t pid[WORKERS_MAX], guest_pid[GUESTS_MAX];
	uint64_t seed = time(NULL), forks = 0, seen = 0, paused_at = 0, n, begin, settled = 0;
	int fd, opt, guest_fd[GUESTS_MAX], failed, status;
	long kb = 0;

	while ((opt = getopt(argc, argv, "s:t:p:w:v:")) != -1) {
		if (opt == 's')
			seed = strtoull(optarg, NULL, 0);
		else if (opt == 't')
			seconds = strtoul(optarg, NULL, 0);
		else if (opt == 'p')
			processes = strtoul(optarg, NULL, 0);
		else if (opt == 'w')
			bound = strtod(optarg, NULL);
		else if (opt == 'v' && guests < GUESTS_MAX)
			guest[guests++] = optarg;
		else
			die("usage: lab [-s SEED] [-t SECONDS] [-p PROCESSES] [-w SECONDS] [-v GROUP:FUNCTION]... SLOT...");
	}
	for (; optind < argc && slots < SLOTS_MAX; optind++) {
		function_set(&slot[slots], argv[optind]);
		addr[slots] = slot[slots].addr;
		slots++;
	}
	if (!slots || !processes || processes > WORKERS_MAX)
		die("want slots, and 1 to %d processes", WORKERS_MAX);
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sh == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	printf("seed %#llx, %u slots, %u processes, %u guests, %u s\n", (unsigned long long)seed,
	       slots, processes, guests, seconds);
	fflush(stdout);
	fd = iomul_open(O_RDWR);
	attach(fd, addr, slots);
	for (i = 0; i < guests; i++) {
		char *name = strchr(guest[i], ':');

		if (!name)
			die("%s: want GROUP:FUNCTION", guest[i]);
		function_set(&guest_function[i], name + 1);
		guest_fd[i] = vfio_open(guest[i]);
	}
	for (i = 0; i < processes; i++) {
		pid[i] = fork();
		if (!pid[i])
			worker(seed + i, &sh->tally[i]);
	}
	for (i = 0; i < guests; i++) {
		guest_pid[i] = fork();
		if (!guest_pid[i])
			guest_run(seed + 777 + i, guest_fd[i], &guest_function[i],
				  &sh->tally[WORKERS_MAX + i]);
	}
	if (!fork())
		standstill_watch();
	seed_from(seed, 2);
	begin = now_ns();
	while (now_ns() - begin < seconds * 1000000000ULL) {
		nap(10 + below(100));
		chaos_once(fd, pid, processes, &forks, seed);
		n = changes(fd);
		chaos.changes += n > seen ? n - seen : 0;
		seen = n;
		if (!settled && now_ns() - begin > seconds * 100000000ULL) {
			settled = 1;
			kb = unreclaimable_kb();
		}
		if (chaos.changes - paused_at > CHANGES) {
			paused_at = chaos.changes;
			sh->pause = 1;
			nap(PAUSE * 1000);
			sh->pause = 0;
			chaos.pauses++;
		}
	}
	sh->stop = 1;
	for (i = 0; i < processes; i++) {
		waitpid(pid[i], &status, 0);
		chaos.wrong += status != 0;
	}
	for (i = 0; i < guests; i++) {
		waitpid(guest_pid[i], &status, 0);
		chaos.wrong += status != 0;
		close(guest_fd[i]);
	}
	/* Whatever was removed is back by now, and shares; all of it can be put back. */
	for (n = 0; n < 50; n++) {
		for (i = 0; i < slots && is_there(slot[i].name); i++)
			;
		if (i == slots)
			break;
		nap(100);
	}
	chaos_verify(fd);
	kb = unreclaimable_kb() - kb;
	failed = report((now_ns() - begin) / 1e9, kb, turns_bound(processes));
	if (n == 50) {
		printf("not ok: %s has not come back\n", slot[i].name);
		failed++;
	}
	printf("%d passed, %d failed\n", !failed, failed);
	fflush(stdout);
	return !!failed;
}
