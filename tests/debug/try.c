// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tries one thing on /dev/iomul and prints how it went: "ok" or the errno's name.
 *
 *   try open|openrw
 *   try attach|detach|claim|read SLOT    (claim and read: the device opened for writing)
 *   try hold SLOT                        claims until it is killed
 *   try reads SLOT                       claims, and reads until an error
 *   try stays SLOT                       the same, says which, and keeps the device open until it is killed
 *   try flood SLOT                       claims, and reads 67 million times by one call; and is killed in the middle of
 *                                        a second one: "ok" if it ended long before it would have
 *   try ones SLOT                        an e1000e: writes ones to its IOADDR, which keeps them, and reads them
 *   try claimro SLOT                     (opened for reading only)
 *   try verify|repair|status|info|topology
 *   try beyond FUNCTION                  accesses all around its I/O BARs: "ok" if each was refused
 */
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include "vm.h"

static int do_slot(int fd, unsigned long cmd, struct iomul_addr addr)
{
	struct iomul_attach a = { .size = sizeof(a), .slots_ptr = (uintptr_t)&addr, .slots = 1 };
	struct iomul_detach d = { .size = sizeof(d), .slots_ptr = (uintptr_t)&addr, .slots = 1 };

	return cmd == IOMUL_ATTACH ? do_ioctl(fd, cmd, &a) : do_ioctl(fd, cmd, &d);
}

static int do_verify(int fd, uint32_t flags)
{
	struct iomul_verify v = { .size = sizeof(v), .flags = flags };
	int err = do_ioctl(fd, IOMUL_VERIFY, &v);

	return err ?: v.out_wrong ? -EUCLEAN : 0;
}

static int one_op(int fd, uint32_t bar, uint32_t offset, uint32_t width, uint32_t flags)
{
	struct iomul_op op = { .flags = flags, .bar = bar, .width = width, .offset = offset, .count = 1 };

	return do_access(fd, &op, 1, NULL);
}

static int do_read(int fd, const struct iomul_claim *claim)
{
	for (uint32_t bar = 0; bar < IOMUL_BARS; bar++)
		if (claim->out_bars & 1U << bar)
			return one_op(fd, bar, 0, 1, 0);
	return -ENOENT;
}

static uint32_t bar_of(const struct iomul_claim *claim)
{
	return __builtin_ctz(claim->out_bars);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int flood(int fd, const struct iomul_claim *claim)
{
	static uint8_t data[IOMUL_OP_COUNT_MAX];
	static struct iomul_op op[IOMUL_OPS_MAX];

	for (uint32_t i = 0; i < IOMUL_OPS_MAX; i++)
		op[i] = (struct iomul_op){ .flags = IOMUL_OP_BUFFER, .bar = bar_of(claim), .width = 1,
					   .count = IOMUL_OP_COUNT_MAX, .data = (uintptr_t)data };
	return do_access(fd, op, IOMUL_OPS_MAX, NULL);
}

/* Its exit status, and for how long it went on: to its end, or after it was killed @after ms from now. */
static int flood_child(int fd, const struct iomul_claim *claim, int64_t after, int64_t *ms)
{
	pid_t child = fork();
	int64_t since = now_ms();
	int status;

	if (!child)
		_exit(!!flood(fd, claim));
	if (after) {
		usleep(after * 1000);
		since = now_ms();
		kill(child, SIGKILL);
	}
	waitpid(child, &status, 0);
	*ms = now_ms() - since;
	return status;
}

static int do_flood(int fd, const struct iomul_claim *claim)
{
	int64_t whole, rest;

	if (flood_child(fd, claim, 0, &whole))
		return -EIO;
	flood_child(fd, claim, whole / 8 + 1, &rest);
	if (rest < whole / 4)
		return 0;
	printf("of %lld ms, killed after an eighth, it went on for %lld; ", (long long)whole, (long long)rest);
	return -ETIME;
}

static int do_ones(int fd, const struct iomul_claim *claim)
{
	struct iomul_op op = { .flags = IOMUL_OP_WRITE, .bar = bar_of(claim), .width = 4, .count = 1, .data = ~0U };
	int err = do_access(fd, &op, 1, NULL);

	op.flags = 0;
	op.data = 0;
	err = err ?: do_access(fd, &op, 1, NULL);
	return err ?: op.data == ~0U ? 0 : -EBADE;
}

/* Every width at every place near both ends, in and out: only what rule 5 allows is let through. */
static int do_beyond(int fd, const struct iomul_claim *claim)
{
	static const int64_t near[] = { -4, -3, -2, -1, 0, 1, 2, 3, 4, 0x1000, 0xfffff000, 0xffffffff };

	for (uint32_t bar = 0; bar < 9; bar++) {
		uint32_t size = bar < IOMUL_BARS && (claim->out_bars & 1U << bar) ? claim->out_bar[bar].size : 0;

		for (uint32_t i = 0; i < sizeof(near) / sizeof(*near); i++) {
			for (uint32_t width = 0; width < 10; width++) {
				uint32_t offset = size + near[i];
				int fits = size && (width == 1 || width == 2 || width == 4) &&
					   !(offset % width) && (uint64_t)offset + width <= size;
				int err = one_op(fd, bar, offset, width, 0);

				if (!err != !!fits && !(fits && err == -EIO)) {
					printf("bar %u size %u offset %#x width %u: %d; ", bar, size,
					       offset, width, err);
					return -EBADE;
				}
			}
		}
	}
	return 0;
}

static int try(int argc, char **argv)
{
	const char *what = argv[1];
	int ro = !strcmp(what, "open") || !strcmp(what, "claimro") || !strcmp(what, "status") ||
		 !strcmp(what, "info") || !strcmp(what, "verify") || !strcmp(what, "topology");
	int fd = open(DEVICE, (ro ? O_RDONLY : O_RDWR) | O_CLOEXEC), err;
	struct iomul_slot_status slot[1];
	struct iomul_status status = { .size = sizeof(status), .slots_ptr = (uintptr_t)slot };
	struct iomul_info info = { .size = sizeof(info) };
	struct iomul_topology_query topology = { .size = sizeof(topology) };
	struct iomul_claim claim;

	if (fd < 0)
		return -errno;
	if (!strncmp(what, "open", 4))
		return 0;
	if (!strcmp(what, "info"))
		return do_ioctl(fd, IOMUL_INFO, &info);
	if (!strcmp(what, "status"))
		return do_ioctl(fd, IOMUL_STATUS, &status);
	if (!strcmp(what, "topology")) {
		err = do_ioctl(fd, IOMUL_TOPOLOGY, &topology);
		return err == -ENOSPC && topology.out_nodes ? 0 : err;
	}
	if (!strcmp(what, "verify") || !strcmp(what, "repair"))
		return do_verify(fd, *what == 'r' ? IOMUL_VERIFY_REPAIR : 0);
	if (argc < 3)
		die("try %s SLOT", what);
	if (!strcmp(what, "attach"))
		return do_slot(fd, IOMUL_ATTACH, parse_addr(argv[2]));
	if (!strcmp(what, "detach"))
		return do_slot(fd, IOMUL_DETACH, parse_addr(argv[2]));
	err = do_claim(fd, parse_addr(argv[2]), &claim);
	while (!err && !strcmp(what, "hold"))
		pause();
	while (!err && (!strcmp(what, "reads") || !strcmp(what, "stays")))
		err = do_read(fd, &claim);
	if (!strcmp(what, "stays")) {
		puts(strerrorname_np(-err));
		fflush(stdout);
		for (;;)
			pause();
	}
	if (err || !strncmp(what, "claim", 5))
		return err;
	if (!strcmp(what, "flood"))
		return do_flood(fd, &claim);
	if (!strcmp(what, "ones"))
		return do_ones(fd, &claim);
	return !strcmp(what, "beyond") ? do_beyond(fd, &claim) : do_read(fd, &claim);
}

int main(int argc, char **argv)
{
	int err;

	if (argc < 2)
		die("usage: try WHAT [SLOT]");
	err = try(argc, argv);
	puts(err ? strerrorname_np(-err) : "ok");
	return !!err;
}
