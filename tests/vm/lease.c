// SPDX-License-Identifier: GPL-2.0-only
/* lease SLOT: takes a lease and gives it back; prints "ok" or the errno's name. */
#include "vm.h"

int main(int argc, char **argv)
{
	struct iomul_lease lease = { .size = sizeof(lease) };
	int fd = open(DEVICE, O_RDWR | O_CLOEXEC), err;

	if (argc != 2)
		die("usage: lease SLOT");
	lease.addr = parse_addr(argv[1]);
	err = fd < 0 ? -errno : do_ioctl(fd, IOMUL_LEASE, &lease);
	if (!err) {
		lease.flags = IOMUL_LEASE_END;
		err = do_ioctl(fd, IOMUL_LEASE, &lease);
	}
	puts(err ? strerrorname_np(-err) : "ok");
	return !!err;
}
