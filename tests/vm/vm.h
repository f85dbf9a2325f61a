/* SPDX-License-Identifier: GPL-2.0-only */
/* What the programs that run in a virtual server have in common. */
#ifndef IOMUL_TEST_VM_H
#define IOMUL_TEST_VM_H

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "iomul.h"

#define DEVICE "/dev/iomul"
#define MAX 256

__attribute__((noreturn, format(printf, 1, 2)))
static inline void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static inline int iomul_open(int flags)
{
	int fd = open(DEVICE, flags | O_CLOEXEC);

	if (fd < 0)
		die("%s: %s", DEVICE, strerror(errno));
	return fd;
}

/* 0 or -errno. */
static inline int do_ioctl(int fd, unsigned long cmd, void *arg)
{
	return ioctl(fd, cmd, arg) ? -errno : 0;
}

static inline int do_claim(int fd, struct iomul_addr addr, struct iomul_claim *claim)
{
	*claim = (struct iomul_claim){ .size = sizeof(*claim), .addr = addr };
	return do_ioctl(fd, IOMUL_CLAIM, claim);
}

static inline int do_release(int fd)
{
	struct iomul_release release = { .size = sizeof(release) };

	return do_ioctl(fd, IOMUL_RELEASE, &release);
}

static inline int do_access(int fd, struct iomul_op *op, uint32_t ops, uint32_t *done)
{
	struct iomul_access access = { .size = sizeof(access), .ops_ptr = (uintptr_t)op,
				       .ops = ops };
	int err = do_ioctl(fd, IOMUL_ACCESS, &access);

	if (done)
		*done = access.out_done;
	return err;
}

/* The attached slots; their number. */
static inline unsigned int get_slots(int fd, struct iomul_slot_status slot[MAX])
{
	static struct iomul_group_status group[MAX];
	struct iomul_status status = {
		.size = sizeof(status), .groups_ptr = (uintptr_t)group,
		.slots_ptr = (uintptr_t)slot, .groups = MAX, .slots = MAX,
	};
	int err = do_ioctl(fd, IOMUL_STATUS, &status);

	if (err)
		die("status: %s", strerror(-err));
	return status.out_slots;
}

static inline struct iomul_addr parse_addr(const char *text)
{
	unsigned int segment = 0, bus, dev, fn = 0;
	struct iomul_addr a = { 0 };

	if (sscanf(text, "%x:%x:%x.%x", &segment, &bus, &dev, &fn) < 3) {
		segment = fn = 0;
		if (sscanf(text, "%x:%x.%x", &bus, &dev, &fn) < 2)
			die("%s: want [segment:]bus:device[.function]", text);
	}
	a.segment = segment;
	a.bus = bus;
	a.devfn = dev << 3 | fn;
	return a;
}

#define ADDR_FMT "%04x:%02x:%02x.%x"
#define ADDR_ARG(a) (a).segment, (a).bus, (a).devfn >> 3, (a).devfn & 7

#endif
