// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tries one thing on /dev/iomul and prints how it went: "ok" or the errno's name.
 *
 *   try open|openrw
 *   try attach|detach|claim|read SLOT    (claim and read: the device opened for writing)
 *   try hold SLOT                        claims until it is killed
 *   try reads SLOT                       claims, and reads until an error
 *   try claimro SLOT                     (opened for reading only)
 *   try verify|repair|status|info
 *   try beyond FUNCTION                  accesses all around its I/O BARs: "ok" if each was refused
 */
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
		 !strcmp(what, "info") || !strcmp(what, "verify");
	int fd = open(DEVICE, (ro ? O_RDONLY : O_RDWR) | O_CLOEXEC), err;
	struct iomul_slot_status slot[1];
	struct iomul_status status = { .size = sizeof(status), .slots_ptr = (uintptr_t)slot };
	struct iomul_info info = { .size = sizeof(info) };
	struct iomul_claim claim;

	if (fd < 0)
		return -errno;
	if (!strncmp(what, "open", 4))
		return 0;
	if (!strcmp(what, "info"))
		return do_ioctl(fd, IOMUL_INFO, &info);
	if (!strcmp(what, "status"))
		return do_ioctl(fd, IOMUL_STATUS, &status);
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
	while (!err && !strcmp(what, "reads"))
		err = do_read(fd, &claim);
	if (err || !strncmp(what, "claim", 5))
		return err;
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
