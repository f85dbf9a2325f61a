// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ABI of /dev/iomul, each command rightly and wrongly. Wants some e1000e
 * behind ports of their own (nics24, tiny) and the module, with nothing shared;
 * leaves nothing shared. Built for 32 bits too: the layout must be the same.
 *
 * ok_x(...): must succeed. err_x(errno, ...): must fail with just that.
 */
#include <stddef.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include "vm.h"

#define PCI_COMMAND 0x04
#define E1000E_BAR 2
#define E1000E_BAR_SIZE 32

static unsigned int checks, failures;
static int fd;

static void check(int ok, const char *what, long got, long want, int line)
{
	checks++;
	if (ok)
		return;
	failures++;
	printf("not ok: line %d: %s: %ld, want %ld\n", line, what, got, want);
}

#define IS(got, want)								\
	do {									\
		long long got_ = (got), want_ = (want);				\
										\
		check(got_ == want_, #got, got_, want_, __LINE__);		\
	} while (0)

/* Every command by itself: sizes, pointers, flags. */
static const struct {
	unsigned long cmd;
	const char *name;
	uint32_t size;
	uint32_t reserved;	/* offset of the reserved field, 0: none */
} commands[] = {
	{ IOMUL_INFO, "info", sizeof(struct iomul_info), offsetof(struct iomul_info, reserved) },
	{ IOMUL_TOPOLOGY, "topology", sizeof(struct iomul_topology_query), 0 },
	{ IOMUL_ATTACH, "attach", sizeof(struct iomul_attach),
	  offsetof(struct iomul_attach, reserved) },
	{ IOMUL_DETACH, "detach", sizeof(struct iomul_detach),
	  offsetof(struct iomul_detach, reserved) },
	{ IOMUL_STATUS, "status", sizeof(struct iomul_status), 0 },
	{ IOMUL_VERIFY, "verify", sizeof(struct iomul_verify),
	  offsetof(struct iomul_verify, reserved) },
	{ IOMUL_CLAIM, "claim", sizeof(struct iomul_claim),
	  offsetof(struct iomul_claim, reserved) },
	{ IOMUL_RELEASE, "release", sizeof(struct iomul_release), 0 },
	{ IOMUL_ACCESS, "access", sizeof(struct iomul_access), 0 },
	{ IOMUL_LEASE, "lease", sizeof(struct iomul_lease), offsetof(struct iomul_lease, reserved) },
};

/* Writes @value at @offset of a zeroed argument of @size bytes and calls. */
static int raw(unsigned long cmd, uint32_t size, uint32_t offset, uint32_t value)
{
	static _Alignas(8) char arg[16384];

	memset(arg, 0, sizeof(arg));
	memcpy(arg, &size, sizeof(size));
	if (offset)
		memcpy(arg + offset, &value, sizeof(value));
	return do_ioctl(fd, cmd, arg);
}

static void test_envelope(void)
{
	unsigned int i;

	for (i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		unsigned long cmd = commands[i].cmd;
		uint32_t size = commands[i].size, first = size;

		if (cmd == IOMUL_STATUS)	/* as first published */
			first = offsetof(struct iomul_status, waits_ptr);
		IS(raw(cmd, 0, 0, 0), -EINVAL);
		IS(raw(cmd, 4, 0, 0), -EINVAL);
		IS(raw(cmd, first - 1, 0, 0), -EINVAL);
		IS(raw(cmd, first, 4, 0x80000000), -EOPNOTSUPP);
		IS(raw(cmd, size + 8, size, 1), -E2BIG);
		IS(raw(cmd, 8192, 0, 0), -E2BIG);
		IS(raw(cmd, 0xffffffff, 0, 0), -E2BIG);
		IS(raw(cmd, size, 4, 0x80000000), -EOPNOTSUPP);
		IS(raw(cmd, size + 64, 4, 0x80000000), -EOPNOTSUPP);	/* zeros behind are fine */
		if (commands[i].reserved)
			IS(raw(cmd, size, commands[i].reserved, 1), -EOPNOTSUPP);
		IS(do_ioctl(fd, cmd, NULL), -EFAULT);
		IS(do_ioctl(fd, cmd, (void *)8), -EFAULT);
	}
	IS(raw(_IO(IOMUL_TYPE, 0x0a), 64, 0, 0), -ENOTTY);
	IS(raw(_IO(IOMUL_TYPE, 0xff), 64, 0, 0), -ENOTTY);
	IS(raw(_IO('X', 0), 64, 0, 0), -ENOTTY);
	IS(raw(_IOR(IOMUL_TYPE, 0, int), 64, 0, 0), -ENOTTY);
}

/* A structure that ends where the caller's memory does: written and read no further. */
static void test_edge(void)
{
	long page = sysconf(_SC_PAGESIZE);
	char *map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct iomul_info *info = (void *)(map + page - sizeof(*info));

	munmap(map + page, page);
	memset(info, 0, sizeof(*info));
	info->size = sizeof(*info);
	IS(do_ioctl(fd, IOMUL_INFO, info), 0);
	IS(info->out_abi, IOMUL_ABI_VERSION);
	info->size = sizeof(*info) + 8;
	IS(do_ioctl(fd, IOMUL_INFO, info), -EFAULT);
	mprotect(map, page, PROT_READ);
	IS(do_ioctl(fd, IOMUL_INFO, info), -EFAULT);
	munmap(map, page);
}

static int attach(const struct iomul_addr *slot, uint32_t slots, struct iomul_refusal *refusal)
{
	struct iomul_attach a = { .size = sizeof(a), .slots_ptr = (uintptr_t)slot, .slots = slots,
				  .windows = 1 };
	int err = do_ioctl(fd, IOMUL_ATTACH, &a);

	if (refusal)
		*refusal = a.out_refusal;
	return err;
}

static int detach(const struct iomul_addr *slot, uint32_t slots, uint32_t flags,
		  struct iomul_refusal *refusal)
{
	struct iomul_detach d = { .size = sizeof(d), .slots_ptr = (uintptr_t)slot, .slots = slots,
				  .flags = flags };
	int err = do_ioctl(fd, IOMUL_DETACH, &d);

	if (refusal)
		*refusal = d.out_refusal;
	return err;
}

static struct iomul_node node[2048];
static struct iomul_root root[64];
static struct iomul_busy busy[1024];

static uint32_t get_topology(void)
{
	struct iomul_topology_query q = {
		.size = sizeof(q),
		.nodes_ptr = (uintptr_t)node, .nodes = 2048,
		.roots_ptr = (uintptr_t)root, .roots = 64,
		.busy_ptr = (uintptr_t)busy, .busy = 1024,
	};

	IS(do_ioctl(fd, IOMUL_TOPOLOGY, &q), 0);
	return q.out_nodes;
}

static void test_topology(uint32_t nodes)
{
	struct iomul_topology_query q = { .size = sizeof(q) };
	uint32_t roots;

	IS(do_ioctl(fd, IOMUL_TOPOLOGY, &q), -ENOSPC);
	IS(q.out_nodes, nodes);
	roots = q.out_roots;
	IS(roots >= 1, 1);
	q.nodes = nodes;
	q.roots = roots;
	q.busy = q.out_busy;
	IS(do_ioctl(fd, IOMUL_TOPOLOGY, &q), -EFAULT);
	q.nodes = nodes - 1;
	q.nodes_ptr = (uintptr_t)node;
	q.roots_ptr = (uintptr_t)root;
	q.busy_ptr = (uintptr_t)busy;
	IS(do_ioctl(fd, IOMUL_TOPOLOGY, &q), -ENOSPC);
	q.nodes = nodes;
	IS(do_ioctl(fd, IOMUL_TOPOLOGY, &q), 0);
}

/* Addresses of e1000e that nobody uses; their number. */
static uint32_t find_nics(uint32_t nodes, struct iomul_addr *nic, uint32_t max)
{
	uint32_t i, n = 0;

	for (i = 0; i < nodes && n < max; i++)
		if (node[i].vendor == 0x8086 && node[i].device == 0x10d3 &&
		    node[i].parent != IOMUL_NONE)
			nic[n++] = node[i].addr;
	return n;
}

static struct iomul_addr find_port(uint32_t nodes)
{
	uint32_t i;

	for (i = 0; i < nodes; i++)
		if (node[i].flags & IOMUL_NODE_PORT)
			return node[i].addr;
	die("no port");
	return node[0].addr;
}

static struct iomul_addr find_without_io(uint32_t nodes)
{
	uint32_t i, k;

	for (i = 0; i < nodes; i++) {
		for (k = 0; k < IOMUL_BARS && !node[i].bar[k].size; k++)
			;
		if (k == IOMUL_BARS && !(node[i].flags & IOMUL_NODE_PORT) &&
		    node[i].addr.devfn == 0)
			return node[i].addr;
	}
	die("no function without I/O BAR");
	return node[0].addr;
}

static void test_attach_refused(uint32_t nodes, const struct iomul_addr *nic)
{
	const struct iomul_addr nowhere = { .segment = 0xffff, .bus = 0xff, .devfn = 0xf8 };
	const struct iomul_addr port = find_port(nodes), none = find_without_io(nodes);
	struct iomul_addr list[3] = { nic[0], nic[1], nowhere };
	struct iomul_refusal r;

	IS(attach(NULL, 0, &r), -EINVAL);
	IS(attach(nic, 65537, &r), -EINVAL);
	IS(attach(NULL, 1, &r), -EFAULT);
	IS(attach(&nowhere, 1, &r), -ENODEV);
	IS(r.reason, IOMUL_R_NO_SLOT);
	IS(r.slot.segment, 0xffff);
	IS(attach(&port, 1, &r), -EINVAL);
	IS(r.reason, IOMUL_R_BRIDGE);
	IS(r.at.devfn, port.devfn & ~7);
	IS(attach(&none, 1, &r), -EINVAL);
	IS(r.reason, IOMUL_R_NO_IO_BAR);
	IS(attach(list, 3, &r), -ENODEV);	/* all or none */
	IS(detach(nic, 1, 0, &r), -ENOENT);
	IS(r.reason, IOMUL_R_NOT_SHARED);
	IS(detach(NULL, 0, 0, &r), -EINVAL);
	IS(detach(NULL, 1, IOMUL_DETACH_ALL, &r), -EINVAL);
	IS(detach(NULL, 0, IOMUL_DETACH_ALL, &r), 0);
}

static void test_claim(const struct iomul_addr *nic)
{
	struct iomul_addr nowhere = { .segment = 0xffff, .bus = 0xff, .devfn = 0xf8 };
	int other = iomul_open(O_RDWR), reader = iomul_open(O_RDONLY);
	struct iomul_claim claim;
	struct iomul_refusal r;

	IS(do_release(fd), -ENOENT);
	IS(do_claim(fd, nowhere, &claim), -ENODEV);
	IS(do_claim(fd, nic[2], &claim), -ENOENT);
	IS(do_claim(reader, nic[0], &claim), -EBADF);
	IS(do_claim(fd, nic[0], &claim), 0);
	IS(claim.out_bars, 1 << E1000E_BAR);
	IS(claim.out_bar[E1000E_BAR].size, E1000E_BAR_SIZE);
	IS(claim.out_bar[E1000E_BAR].at.last - claim.out_bar[E1000E_BAR].at.first,
	   E1000E_BAR_SIZE - 1);
	IS(claim.out_bar[0].size, 0);
	IS(do_claim(fd, nic[1], &claim), -EBUSY);	/* one a file */
	IS(do_claim(other, nic[0], &claim), -EBUSY);	/* one a function */
	IS(do_claim(other, nic[1], &claim), 0);
	IS(detach(nic, 1, 0, &r), -EBUSY);
	IS(r.reason, IOMUL_R_OPEN);
	IS(strncmp(r.who, "abi", 3), 0);
	IS(detach(NULL, 0, IOMUL_DETACH_ALL, &r), -EBUSY);
	close(other);					/* releases */
	IS(do_claim(reader, nic[1], &claim), -EBADF);
	other = iomul_open(O_RDWR);
	IS(do_claim(other, nic[1], &claim), 0);
	IS(do_release(other), 0);
	IS(do_release(other), -ENOENT);
	close(other);
	close(reader);
}

static int one(struct iomul_op op)
{
	return do_access(fd, &op, 1, NULL);
}

/* With a claim on an e1000e in fd. */
static void test_access(void)
{
	const struct iomul_op read = { .bar = E1000E_BAR, .width = 4, .count = 1 };
	uint32_t data[4] = { 0 }, done;
	struct iomul_op op, list[3];
	static struct iomul_op many[IOMUL_OPS_MAX + 1];

#define WITH(field, value) ({ op = read; op.field = (value); op; })
	IS(one(read), 0);
	IS(one(WITH(bar, 6)), -EINVAL);
	IS(one(WITH(bar, 255)), -EINVAL);
	IS(one(WITH(bar, 0)), -EINVAL);		/* memory */
	IS(one(WITH(bar, 5)), -EINVAL);		/* none */
	IS(one(WITH(width, 0)), -EINVAL);
	IS(one(WITH(width, 3)), -EINVAL);
	IS(one(WITH(width, 8)), -EINVAL);
	IS(one(WITH(offset, 1)), -EINVAL);
	IS(one(WITH(offset, 2)), -EINVAL);
	IS(one(WITH(offset, E1000E_BAR_SIZE - 4)), 0);
	IS(one(WITH(offset, E1000E_BAR_SIZE)), -ERANGE);
	IS(one(WITH(offset, 0xfffffffc)), -ERANGE);
	IS(one(WITH(count, 0)), -EINVAL);
	IS(one(WITH(count, 2)), -EINVAL);	/* needs a buffer */
	IS(one(WITH(flags, 4)), -EOPNOTSUPP);
	IS(one(WITH(flags, 0x8000)), -EOPNOTSUPP);
	IS(one(WITH(reserved, 1)), -EOPNOTSUPP);
	op = WITH(flags, IOMUL_OP_BUFFER);
	op.data = (uintptr_t)data;
	op.count = 4;
	IS(one(op), 0);
	op.count = IOMUL_OP_COUNT_MAX + 1;
	IS(one(op), -EINVAL);
	op.count = 1;
	op.data = 8;
	IS(one(op), -EFAULT);
	op.flags |= IOMUL_OP_WRITE;
	IS(one(op), -EFAULT);
	IS(do_access(fd, NULL, 1, NULL), -EFAULT);
	IS(do_access(fd, list, 0, NULL), -EINVAL);
	IS(do_access(fd, many, IOMUL_OPS_MAX + 1, NULL), -EINVAL);
	for (done = 0; done < IOMUL_OPS_MAX; done++)
		many[done] = read;
	IS(do_access(fd, many, IOMUL_OPS_MAX, &done), 0);
	IS(done, IOMUL_OPS_MAX);
	list[0] = list[1] = list[2] = read;	/* one wrong: none carried out */
	list[2].offset = E1000E_BAR_SIZE;
	list[0].data = 0x1234;
	IS(do_access(fd, list, 3, &done), -ERANGE);
	IS(done, 0);
	IS(list[0].data, 0x1234);
}

/* Values go the right way: IOADDR is read back, in pieces and as a string. */
static void test_values(void)
{
	uint32_t string[3] = { 0x5400, 0x5404, 0x5400 }, back[2] = { 0 };
	struct iomul_op op[4] = {
		{ .bar = E1000E_BAR, .width = 4, .count = 1, .flags = IOMUL_OP_WRITE,
		  .data = 0x5404 },
		{ .bar = E1000E_BAR, .width = 4, .count = 1, .data = ~0ULL },
		{ .bar = E1000E_BAR, .width = 4, .count = 3,
		  .flags = IOMUL_OP_WRITE | IOMUL_OP_BUFFER, .data = (uintptr_t)string },
		{ .bar = E1000E_BAR, .width = 4, .count = 2, .flags = IOMUL_OP_BUFFER,
		  .data = (uintptr_t)back },
	};
	uint32_t done;

	IS(do_access(fd, op, 4, &done), 0);
	IS(done, 4);
	IS(op[1].data, 0x5404);
	IS(back[0], 0x5400);
	IS(back[1], 0x5400);
}

/* The histogram came later: who doesn't ask for it, or doesn't know it, is served as before. */
static void test_waits(const struct iomul_slot_status *slot)
{
	static struct iomul_group_status groups[MAX];
	static struct iomul_slot_status slots[MAX];
	static struct iomul_slot_waits waits[MAX];
	struct iomul_status s = { .size = offsetof(struct iomul_status, waits_ptr),
				  .groups_ptr = (uintptr_t)groups, .slots_ptr = (uintptr_t)slots,
				  .groups = MAX, .slots = MAX };
	uint64_t all, i, k;

	IS(do_ioctl(fd, IOMUL_STATUS, &s), 0);
	IS(s.out_slots, 2);
	s.size = sizeof(s);
	s.waits_ptr = (uintptr_t)waits;
	memset(waits, 0xff, sizeof(waits));
	IS(do_ioctl(fd, IOMUL_STATUS, &s), 0);
	for (i = 0; i < 2; i++) {
		for (all = k = 0; k < IOMUL_WAIT_BUCKETS; k++)
			all += waits[i].bucket[k];
		IS(all, slot[i].waits);
		IS(waits[i].longest_ns <= slot[i].wait_ns, 1);
		IS(slot[i].waits || !slot[i].most_passed, 1);
	}
	IS(waits[2].longest_ns, ~0ULL);
	s.waits_ptr = 8;
	IS(do_ioctl(fd, IOMUL_STATUS, &s), -EFAULT);
}

static void test_status(const struct iomul_addr *nic)
{
	static struct iomul_slot_status slot[MAX];
	struct iomul_status s = { .size = sizeof(s) };
	struct iomul_info info = { .size = sizeof(info) };
	struct iomul_verify v = { .size = sizeof(v) };

	IS(do_ioctl(fd, IOMUL_STATUS, &s), -ENOSPC);
	IS(s.out_groups, 1);
	IS(s.out_slots, 2);
	IS(get_slots(fd, slot), 2);
	test_waits(slot);
	IS(slot[0].addr.bus, nic[0].bus);
	IS(slot[0].functions, 1);
	IS(slot[0].depth, 1);
	IS(do_ioctl(fd, IOMUL_INFO, &info), 0);
	IS(info.out_slots, 2);
	IS(info.out_slot_bytes > 0 && info.out_slot_bytes < 4096, 1);
	printf("%u bytes of kernel memory a slot\n", info.out_slot_bytes);
	IS(do_ioctl(fd, IOMUL_VERIFY, &v), 0);
	IS(v.out_wrong, 0);
	IS(v.out_checked >= 6, 1);
}

/* Everything but reading needs rights; opening is for root by default. */
static void test_rights(const struct iomul_addr *nic)
{
	struct iomul_verify v = { .size = sizeof(v), .flags = IOMUL_VERIFY_REPAIR };
	struct iomul_info info = { .size = sizeof(info) };

	if (seteuid(65534))
		die("seteuid: %s", strerror(errno));
	IS(open(DEVICE, O_RDONLY), -1);
	IS(errno, EACCES);
	IS(attach(nic, 1, NULL), -EPERM);
	IS(detach(nic, 1, 0, NULL), -EPERM);
	IS(detach(NULL, 0, IOMUL_DETACH_ALL, NULL), -EPERM);
	IS(do_ioctl(fd, IOMUL_VERIFY, &v), -EPERM);
	v.flags = 0;
	v.out_checked = 0;
	IS(do_ioctl(fd, IOMUL_VERIFY, &v), 0);
	IS(do_ioctl(fd, IOMUL_INFO, &info), 0);
	if (seteuid(0))
		die("seteuid: %s", strerror(errno));
}

static int lease(int on, struct iomul_addr addr, uint32_t flags, struct iomul_refusal *refusal)
{
	struct iomul_lease l = { .size = sizeof(l), .flags = flags, .addr = addr };
	int err = do_ioctl(on, IOMUL_LEASE, &l);

	if (refusal)
		*refusal = l.out_refusal;
	return err;
}

static int nowait(struct iomul_op op)
{
	struct iomul_access access = { .size = sizeof(access), .flags = IOMUL_ACCESS_NOWAIT,
				       .ops_ptr = (uintptr_t)&op, .ops = 1 };

	return do_ioctl(fd, IOMUL_ACCESS, &access);
}

/* A process that reads through the claim in fd, which it shares with us. */
static pid_t reader(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(!!one((struct iomul_op){ .bar = E1000E_BAR, .width = 4, .count = 1 }));
	usleep(300000);
	return pid;
}

/* With a claim on nic[0] in fd; nic[1] shares, nic[2] doesn't. */
static void test_lease(const struct iomul_addr *nic)
{
	const struct iomul_op read = { .bar = E1000E_BAR, .width = 4, .count = 1 };
	static struct iomul_slot_status slot[MAX];
	int other = iomul_open(O_RDWR), third = iomul_open(O_RDWR), status;
	struct iomul_claim claim;
	struct iomul_refusal r;
	pid_t pid;

	IS(lease(other, nic[2], 0, &r), -ENOENT);
	IS(r.reason, IOMUL_R_NOT_SHARED);
	IS(lease(other, nic[1], IOMUL_LEASE_END, &r), -ENOENT);
	IS(seteuid(65534), 0);
	IS(lease(other, nic[1], 0, &r), -EPERM);
	IS(seteuid(0), 0);
	IS(nowait(read), 0);
	IS(lease(other, nic[1], 0, &r), 0);
	IS(nowait(read), -EBUSY);
	IS(lease(other, nic[1], 0, &r), -EBUSY);	/* one a file */
	IS(lease(third, nic[0], 0, &r), -EBUSY);	/* one a group */
	IS(r.reason, IOMUL_R_LEASED);
	IS(r.at.bus, nic[1].bus);
	IS(strncmp(r.who, "abi", 3), 0);
	IS(lease(third, nic[1], IOMUL_LEASE_END, &r), -ENOENT);
	IS(attach(&nic[2], 1, &r), -EBUSY);
	IS(r.reason, IOMUL_R_LEASED);
	IS(detach(&nic[1], 1, 0, &r), -EBUSY);
	IS(r.reason, IOMUL_R_LEASED);
	IS(get_slots(fd, slot), 2);
	IS(slot[1].flags & IOMUL_SLOT_LEASED, IOMUL_SLOT_LEASED);
	IS(slot[1].flags & IOMUL_SLOT_OWNER, IOMUL_SLOT_OWNER);
	IS(slot[0].flags & IOMUL_SLOT_LEASED, 0);
	IS(do_claim(third, nic[1], &claim), 0);		/* no driver has its ports */
	IS(do_access(third, &(struct iomul_op){ .bar = E1000E_BAR, .width = 4, .count = 1 }, 1, NULL),
	   0);
	IS(do_release(third), 0);
	pid = reader();
	IS(waitpid(pid, &status, WNOHANG), 0);		/* it waits, */
	IS(kill(pid, SIGKILL), 0);			/* and can be killed */
	IS(waitpid(pid, &status, 0), pid);
	IS(WIFSIGNALED(status), 1);
	pid = reader();
	IS(waitpid(pid, &status, WNOHANG), 0);
	IS(lease(other, nic[1], IOMUL_LEASE_END, &r), 0);
	IS(waitpid(pid, &status, 0), pid);		/* and goes on when it is over */
	IS(status, 0);
	IS(nowait(read), 0);
	IS(lease(other, nic[0], 0, &r), 0);		/* its own: no wait */
	IS(nowait(read), 0);
	IS(close(other), 0);				/* ends it */
	IS(get_slots(fd, slot), 2);
	IS(slot[0].flags & IOMUL_SLOT_LEASED, 0);
	close(third);
}

/* Where no other ports are free, the window is a slot's own range: it leaves last. */
static void test_lender(const struct iomul_addr *nic)
{
	static struct iomul_slot_status slot[MAX];
	struct iomul_refusal r;

	IS(get_slots(fd, slot), 2);
	if (!(slot[0].flags & IOMUL_SLOT_LENDER))
		return;
	IS(detach(nic, 1, 0, &r), -EBUSY);
	IS(r.reason, IOMUL_R_LENDER);
	IS(r.slot.bus, nic[0].bus);
}

int main(void)
{
	struct iomul_addr nic[3], twice[2];
	struct iomul_refusal r;
	struct iomul_op none = { .bar = E1000E_BAR, .width = 4, .count = 1 };
	uint32_t nodes;

	IS(sizeof(struct iomul_node), 168);
	IS(sizeof(struct iomul_op), 24);
	fd = iomul_open(O_RDWR);
	test_envelope();
	test_edge();
	nodes = get_topology();
	test_topology(nodes);
	if (find_nics(nodes, nic, 3) < 3)
		die("want three e1000e");
	test_attach_refused(nodes, nic);
	test_rights(nic);
	IS(attach(nic, 2, &r), 0);
	IS(r.reason, IOMUL_R_NONE);
	twice[0] = nic[2];
	twice[1] = nic[0];
	IS(attach(twice, 2, &r), -EEXIST);
	IS(r.reason, IOMUL_R_SHARED);
	IS(do_access(fd, &none, 1, NULL), -ENOENT);
	test_status(nic);
	test_claim(nic);
	test_access();
	test_values();
	test_lease(nic);
	IS(do_release(fd), 0);
	IS(do_access(fd, &none, 1, NULL), -ENOENT);
	test_lender(nic);
	twice[0] = twice[1] = nic[1];
	IS(detach(twice, 2, 0, &r), 0);		/* named twice is once */
	IS(detach(nic, 1, 0, &r), 0);
	IS(attach(nic, 2, &r), 0);
	IS(detach(NULL, 0, IOMUL_DETACH_ALL, &r), 0);
	printf("%u checks, %u failed (%u bits)\n", checks, failures, (unsigned int)sizeof(long) * 8);
	return !!failures;
}
