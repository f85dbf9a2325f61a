// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does the right device answer? Processes access functions of their own at the
 * same time, all through shared windows, and know what each must read:
 *
 *   e1000e, igb    its MAC address, through the pair IOADDR and IODATA (82574
 *                  data sheet, 10.2.2); known from the memory BAR. A misrouted
 *                  write to IOADDR or a misrouted read shows as a wrong MAC.
 *   others         a register that keeps what was written: first the value of
 *                  the time before is read, so that a write that went astray
 *                  shows where it arrived, then a new one is written and read.
 *   pci-testdev    how often it was written to since it was reset.
 *
 * identity [-H] [-n ACCESSES | -t SECONDS] [-p PROCESSES] [-b TIMES] [SLOT|FUNCTION...]
 *
 * Default: all functions of all attached slots. What is named, or shared and not
 * unplugged, must be found, or nothing is accessed at all.
 * Of four rounds two are a batch of TIMES (32) repetitions, one is a batch of
 * one, one is a system call for each access, between which others come.
 * At the end it says how long the longest system call of an access took.
 * -t: for so long, or until SIGTERM.
 * -H: ports of functions that don't share, by the processor's own instructions.
 */
#include <getopt.h>
#include <glob.h>
#include <signal.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include "mac.h"

#define FUNCTIONS_MAX 2048

/* e1000e */
#define IOADDR 0x0
#define IODATA 0x4

/* pci-testdev */
#define TEST_SELECT 0
#define TEST_OFFSET 4
#define TEST_DATA 8	/* only writes of this one count */
#define TEST_COUNT 12

struct function;

/* Accesses and what they must read. */
struct script {
	struct iomul_op op[IOMUL_OPS_MAX];
	uint32_t want[IOMUL_OPS_MAX];
	unsigned int ops;
};

struct kind {
	uint16_t vendor, first, last;	/* device IDs */
	const char *name;
	uint8_t bar;
	uint8_t width;
	uint16_t reg;			/* keeps what is written, of its bits in @mask */
	uint32_t mask;
	void (*once)(const struct function *f, struct script *s);
};

struct function {
	struct iomul_addr addr;
	const struct kind *kind;
	uint32_t index;
	uint32_t mac;			/* e1000e: RAH */
	uint32_t last;			/* what the register keeps now; pci-testdev: where it counts */
	uint32_t round;
	uint16_t port;			/* -H: first port of its BAR */
	int fd;
};

/* Shared with the children. */
struct result {
	uint64_t accesses;
	uint64_t wrong;
	uint64_t errors;
	double longest;			/* seconds */
};

static double longest;
static volatile sig_atomic_t *ended;	/* shared with the children */
static unsigned int times = 32;
static int host;

static void add(struct script *s, const struct function *f, uint32_t offset, uint8_t width,
		int write, uint32_t value)
{
	s->want[s->ops] = value;
	s->op[s->ops++] = (struct iomul_op){ .bar = f->kind->bar, .width = width, .offset = offset,
					     .flags = write ? IOMUL_OP_WRITE : 0, .count = 1,
					     .data = write ? value : 0 };
}

static void mac_once(const struct function *f, struct script *s)
{
	add(s, f, IOADDR, 4, 1, RAH);
	add(s, f, IODATA, 4, 0, f->mac);
}

static void testdev_once(const struct function *f, struct script *s)
{
	unsigned int i, writes = 1 + f->index % 5;

	add(s, f, TEST_SELECT, 1, 1, 0);
	for (i = 0; i < writes; i++)
		add(s, f, f->last & 0xff, 1, 1, f->last >> 8);
	add(s, f, TEST_COUNT, 1, 0, writes);
}

static const struct kind kinds[] = {
	{ 0x8086, 0x10d3, 0x10d3, "e1000e", 2, 0, 0, 0, mac_once },
	{ 0x8086, 0x10c9, 0x10c9, "igb", 2, 0, 0, 0, mac_once },
	{ 0x1b36, 0x0002, 0x0004, "pci-serial", 0, 1, 0x07, 0xff, NULL },
	{ 0x1b36, 0x0005, 0x0005, "pci-testdev", 1, 0, 0, 0, testdev_once },
	{ 0x1000, 0x0012, 0x0012, "lsi53c895a", 0, 4, 0x5c, 0xffffffff, NULL },	/* SCRATCHB */
	{ 0x1000, 0x0079, 0x0079, "megasas-gen2", 0, 4, 0x34, 0x7fffffff, NULL }, /* OMSK */
	{ 0x1000, 0x0060, 0x0060, "megasas", 0, 4, 0x34, 0x7fffffff, NULL },
	{ 0x8086, 0x2415, 0x2415, "AC97", 1, 4, 0x00, 0xfffffffc, NULL },	/* PI_BDBAR */
	{ 0x1af4, 0x1000, 0x103f, "virtio", 0, 2, 0x0e, 0x3ff, NULL },	/* queue select */
};

/* Another one for every function and round, as far as the register's bits go. */
static uint32_t next_value(const struct function *f)
{
	const struct kind *k = f->kind;
	uint32_t step = k->mask & -k->mask;

	if (k->width == 1)
		return ((f->index << 4) | (f->round & 15)) & k->mask;
	return ((f->index * 0x9e3779b1 + f->round * 0x01000193) | step) & k->mask;
}

static void once(struct function *f, struct script *s)
{
	if (f->kind->once) {
		f->kind->once(f, s);
		return;
	}
	add(s, f, f->kind->reg, f->kind->width, 0, f->last);
	f->round++;
	f->last = next_value(f);
	add(s, f, f->kind->reg, f->kind->width, 1, f->last);
	add(s, f, f->kind->reg, f->kind->width, 0, f->last);
}

/*
 * Carrying out
 */

static void host_access(const struct function *f, struct iomul_op *op)
{
	uint16_t port = f->port + op->offset;
	int write = op->flags & IOMUL_OP_WRITE;

	switch (op->width) {
	case 1:
		if (write)
			outb(op->data, port);
		else
			op->data = inb(port);
		break;
	case 2:
		if (write)
			outw(op->data, port);
		else
			op->data = inw(port);
		break;
	default:
		if (write)
			outl(op->data, port);
		else
			op->data = inl(port);
	}
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int carry_out(const struct function *f, struct iomul_op *op, unsigned int ops)
{
	double begin, took;
	int err;

	if (!host) {
		begin = now();
		err = do_access(f->fd, op, ops, NULL);
		took = now() - begin;
		if (took > longest)
			longest = took;
		return err;
	}
	for (; ops; ops--, op++)
		host_access(f, op);
	return 0;
}

static uint32_t complain(const struct function *f, const struct script *s, unsigned int i)
{
	fprintf(stderr, ADDR_FMT ": %s: read %08llx at %x, must be %08x\n", ADDR_ARG(f->addr),
		f->kind->name, (unsigned long long)s->op[i].data, s->op[i].offset, s->want[i]);
	return 1;
}

/* One round: accesses done, and in @wrong how many of its reads were. -errno. */
static int do_round(struct function *f, uint64_t round, uint32_t *wrong)
{
	static struct script s;
	unsigned int i, n = round & 1 ? times : 1;
	int err = 0;

	s.ops = 0;
	for (i = 0; i < n && s.ops + 8 <= IOMUL_OPS_MAX; i++)
		once(f, &s);
	if (round & 3)
		err = carry_out(f, s.op, s.ops);
	for (i = 0; !(round & 3) && !err && i < s.ops; i++)
		err = carry_out(f, &s.op[i], 1);
	*wrong = 0;
	for (i = 0; !err && i < s.ops; i++)
		if (!(s.op[i].flags & IOMUL_OP_WRITE) && s.op[i].data != s.want[i])
			*wrong += *wrong || complain(f, &s, i);
	return err ? err : (int)s.ops;
}

/* Claims @f, and gives its register a first value. */
static void start(struct function *f)
{
	struct iomul_claim claim;
	struct script s = { 0 };
	int err;

	if (!host) {
		f->fd = iomul_open(O_RDWR);
		err = do_claim(f->fd, f->addr, &claim);
		if (err)
			die(ADDR_FMT ": claim: %s", ADDR_ARG(f->addr), strerror(-err));
	}
	if (f->kind->once == testdev_once) {
		add(&s, f, TEST_SELECT, 1, 1, 0);
		add(&s, f, TEST_OFFSET, 1, 0, 0);
		add(&s, f, TEST_DATA, 1, 0, 0);
	} else if (!f->kind->once) {
		f->last = next_value(f);
		add(&s, f, f->kind->reg, f->kind->width, 1, f->last);
	}
	err = s.ops ? carry_out(f, s.op, s.ops) : 0;
	if (err)
		die(ADDR_FMT ": %s", ADDR_ARG(f->addr), strerror(-err));
	if (f->kind->once == testdev_once)
		f->last = s.op[1].data | s.op[2].data << 8;
}

static void end_early(int sig)
{
	(void)sig;
	*ended = 1;
}

static void child(struct function *f, unsigned int n, unsigned int me, unsigned int processes,
		  uint64_t accesses, time_t end, struct result *result)
{
	uint32_t wrong, i;
	uint64_t round;
	int did;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (i = me; i < n; i += processes)
		start(&f[i]);
	i = me;
	for (round = 0; end ? time(NULL) < end && !*ended : result->accesses < accesses; round++) {
		did = do_round(&f[i], round, &wrong);
		result->accesses += did < 0 ? 0 : did;
		result->wrong += wrong;
		result->longest = longest;
		if (did < 0 && result->errors++ == 0)
			fprintf(stderr, ADDR_FMT ": %s\n", ADDR_ARG(f[i].addr), strerror(-did));
		if (result->errors > 1000)
			break;
		i = i + processes < n ? i + processes : me;
	}
	exit(result->wrong || result->errors);
}

/*
 * Whom to ask
 */

/* RAH by the address of the NIC's network device: a bound driver keeps its memory to itself. */
static uint32_t net_rah(struct iomul_addr a)
{
	unsigned int b[6];
	char path[128];
	glob_t found;
	FILE *file;

	snprintf(path, sizeof(path), PCI ADDR_FMT "/net/*/address", ADDR_ARG(a));
	if (glob(path, 0, NULL, &found))
		return 0;
	file = fopen(found.gl_pathv[0], "r");
	globfree(&found);
	if (!file || fscanf(file, "%x:%x:%x:%x:%x:%x", b, b + 1, b + 2, b + 3, b + 4, b + 5) != 6)
		die(ADDR_FMT ": no MAC address", ADDR_ARG(a));
	fclose(file);
	return b[4] | b[5] << 8 | RAH_VALID;
}

static uint16_t host_port(struct iomul_addr a, unsigned int bar)
{
	FILE *file = sysfs_open(a, "resource", "r");
	unsigned long long first = 0;
	char line[128];

	do {
		if (!fgets(line, sizeof(line), file))
			break;
		first = strtoull(line, NULL, 16);
	} while (bar--);
	fclose(file);
	if (!first || first > 0xffff)
		die(ADDR_FMT ": has no ports", ADDR_ARG(a));
	return first;
}

/* A file of one number, as the kernel found it when the device came. */
static uint16_t sysfs_number(struct iomul_addr a, const char *name)
{
	FILE *file = sysfs_open(a, name, "r");
	unsigned int value;

	if (fscanf(file, "%x", &value) != 1)
		die(ADDR_FMT ": %s: %s", ADDR_ARG(a), name, strerror(errno));
	fclose(file);
	return value;
}

/*
 * The header. With pci=assign-busses a rescan takes the bus numbers from all
 * ports for a moment, and the config space of what is below reads all ones.
 */
static void read_header(struct iomul_addr a, uint32_t word[16])
{
	unsigned int tries;
	FILE *file;

	for (tries = 0; tries < 200; tries++) {
		file = sysfs_open(a, "config", "r");
		if (fread(word, 4, 16, file) != 16)
			die(ADDR_FMT ": config: %s", ADDR_ARG(a), strerror(errno));
		fclose(file);
		if (word[0] != ~0U && word[15] != ~0U)
			return;
		usleep(10000);
	}
	die(ADDR_FMT ": config space reads all ones", ADDR_ARG(a));
}

/* NULL: it has no I/O BAR. */
static const struct kind *find_kind(struct iomul_addr a)
{
	uint16_t vendor = sysfs_number(a, "vendor"), device = sysfs_number(a, "device");
	uint32_t word[16];
	unsigned int i;

	for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (vendor == kinds[i].vendor && device >= kinds[i].first && device <= kinds[i].last)
			return &kinds[i];
	read_header(a, word);
	for (i = 4; i < 10; i++) {
		if ((word[3] >> 16 & 0x7f) == 0 && (word[i] & 1))
			die(ADDR_FMT ": don't know how to tell %04x:%04x from others", ADDR_ARG(a),
			    vendor, device);
		i += (word[i] & 7) == 4;
	}
	return NULL;
}

static unsigned int add_function(struct function *f, unsigned int n, struct iomul_addr a)
{
	const struct kind *kind = find_kind(a);

	if (!kind)
		return n;
	if (n == FUNCTIONS_MAX)
		die("more than %u functions", n);
	f[n] = (struct function){ .addr = a, .kind = kind, .index = n, .fd = -1 };
	if (kind->once == mac_once)
		f[n].mac = net_rah(a) ?: mmio_rah(a);
	if (host)
		f[n].port = host_port(a, kind->bar);
	return n + 1;
}

/* All functions of the slot of @a, or (@one) just that one. */
static unsigned int add_slot(struct function *f, unsigned int n, struct iomul_addr a, int one)
{
	char path[128];
	unsigned int i;

	if (one)
		return add_function(f, n, a);
	for (i = 0; i < 8; i++) {
		a.devfn = (a.devfn & ~7) | i;
		snprintf(path, sizeof(path), PCI ADDR_FMT, ADDR_ARG(a));
		if (!access(path, F_OK))
			n = add_function(f, n, a);
	}
	return n;
}

/* Slots that are there now. */
static unsigned int shared_slots(struct iomul_slot_status slot[MAX])
{
	int fd = iomul_open(O_RDONLY);
	unsigned int i, n = 0, slots = get_slots(fd, slot);

	close(fd);
	for (i = 0; i < slots; i++)
		if (!(slot[i].flags & IOMUL_SLOT_GONE))
			slot[n++] = slot[i];
	return n;
}

static int is_shared(struct iomul_addr a)
{
	static struct iomul_slot_status slot[MAX];
	unsigned int i, slots = shared_slots(slot);

	for (i = 0; i < slots; i++)
		if (!memcmp(&slot[i].addr, &a, sizeof(a)))
			return 1;
	return 0;
}

static unsigned int choose(struct function *f, int argc, char **argv)
{
	static struct iomul_slot_status slot[MAX];
	unsigned int i, k, before, n = 0, slots = argc ? 0 : shared_slots(slot);

	for (i = 0; i < (unsigned int)argc; i++) {
		before = n;
		n = add_slot(f, n, parse_addr(argv[i]), !!strchr(argv[i], '.'));
		if (n == before)
			die("%s: no function with an I/O BAR", argv[i]);
	}
	for (i = 0; i < slots; i++) {
		before = n;
		n = add_slot(f, n, slot[i].addr, 0);
		/* It may have been unplugged since. */
		if (n == before && is_shared(slot[i].addr))
			die(ADDR_FMT ": shared, but no function with an I/O BAR", ADDR_ARG(slot[i].addr));
	}
	for (i = 0; i < n; i++)
		for (k = 0; k < i; k++)
			if (f[i].kind->once == mac_once && f[k].kind == f[i].kind &&
			    f[k].mac == f[i].mac)
				die(ADDR_FMT " and " ADDR_FMT " have the same MAC: nothing to tell them by",
				    ADDR_ARG(f[k].addr), ADDR_ARG(f[i].addr));
	return n;
}

static void usage(void)
{
	die("usage: identity [-H] [-n ACCESSES | -t SECONDS] [-p PROCESSES] [-b TIMES] [SLOT|FUNCTION...]");
}

int main(int argc, char **argv)
{
	static struct function f[FUNCTIONS_MAX];
	uint64_t accesses = 1000000, total = 0, wrong = 0, errors = 0;
	unsigned int processes = 8, seconds = 0, n, i;
	double begin, worst = 0;
	struct result *result;
	int option, status, failed = 0;

	while ((option = getopt(argc, argv, "Hn:t:p:b:")) != -1) {
		if (option == 'H')
			host = 1;
		else if (option == 'n')
			accesses = strtoull(optarg, NULL, 0);
		else if (option == 't')
			seconds = strtoul(optarg, NULL, 0);
		else if (option == 'p')
			processes = strtoul(optarg, NULL, 0);
		else if (option == 'b')
			times = strtoul(optarg, NULL, 0);
		else
			usage();
	}
	if (host && iopl(3))
		die("iopl: %s", strerror(errno));
	n = choose(f, argc - optind, argv + optind);
	if (!n || !processes)
		die("nothing is shared");
	if (!times || times > IOMUL_OPS_MAX / 2)
		die("-b: 1 to %d", IOMUL_OPS_MAX / 2);
	if (processes > n)
		processes = n;
	result = mmap(NULL, processes * sizeof(*result) + sizeof(*ended), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (result == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	ended = (void *)(result + processes);
	if (seconds)
		signal(SIGTERM, end_early);
	begin = now();
	for (i = 0; i < processes; i++)
		if (!fork())
			child(f, n, i, processes, accesses / processes,
			      seconds ? time(NULL) + seconds : 0, &result[i]);
	while (wait(&status) > 0)
		failed |= status;
	begin = now() - begin;
	for (i = 0; i < processes; i++) {
		total += result[i].accesses;
		wrong += result[i].wrong;
		errors += result[i].errors;
		worst = result[i].longest > worst ? result[i].longest : worst;
	}
	printf("%llu accesses by %u processes to %u devices in %.3f s: %llu misrouted, %llu errors, longest call %.1f ms\n",
	       (unsigned long long)total, processes, n,
	       begin,
	       (unsigned long long)wrong, (unsigned long long)errors, worst * 1e3);
	return failed || wrong || errors || (!seconds && total < accesses / processes * processes) || !total;
}
