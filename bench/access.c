// SPDX-License-Identifier: GPL-2.0-only
/*
 * The cost of one port access by different ways, in nanoseconds of the guest's
 * clock. With -icount a nanosecond is an instruction, so the figures are exact.
 *
 * usage: access null | pread /dev/null | raw PORT | vfio BAR OFFSET FUNCTION[...] |
 *	  claim BAR OFFSET FUNCTION[...] | string BAR OFFSET FUNCTION |
 *	  vgaarb PORT FUNCTION[...]
 *
 * Several functions are accessed in turn. Prints {"min":, "median":, "max":}
 * over the rounds, for one access (string: for one element of a batch of 256).
 * Few accesses are enough where a nanosecond is an instruction, and many changes
 * of owner make QEMU pile up memory maps, 250 kB each, that it frees too late.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "iomul.h"

#define FUNCTIONS 256
#define ELEMENTS 256

static int rounds = 7, accesses = 200;

static void die(const char *what)
{
	fprintf(stderr, "access: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* One way of access: what to open, and one access to function i. */
struct target {
	int fd[FUNCTIONS];
	int count;
	uint64_t offset;
	unsigned int bar, port;
	char line[FUNCTIONS][64];
};

static void null_access(struct target *t, int i)
{
	(void)t;
	(void)i;
	syscall(SYS_getppid);
}

/* A pread that reaches a driver, which does nothing. */
static void pread_access(struct target *t, int i)
{
	uint32_t v;

	if (pread(t->fd[i], &v, sizeof(v), 0))
		die("/dev/null");
}

static void raw_access(struct target *t, int i)
{
	(void)i;
	inl(t->port);
}

static void vfio_access(struct target *t, int i)
{
	uint32_t v;

	if (pread(t->fd[i], &v, sizeof(v), t->offset) != sizeof(v))
		die("pread");
}

static void claim_access(struct target *t, int i)
{
	struct iomul_op op = { .bar = t->bar, .width = 4, .count = 1, .offset = t->offset };
	struct iomul_access a = { .size = sizeof(a), .ops_ptr = (uintptr_t)&op, .ops = 1 };

	if (ioctl(t->fd[i], IOMUL_ACCESS, &a))
		die("IOMUL_ACCESS");
}

static void string_access(struct target *t, int i)
{
	static uint16_t data[ELEMENTS];
	struct iomul_op op = { .bar = t->bar, .width = 2, .count = ELEMENTS, .offset = t->offset,
			       .flags = IOMUL_OP_BUFFER, .data = (uintptr_t)data };
	struct iomul_access a = { .size = sizeof(a), .ops_ptr = (uintptr_t)&op, .ops = 1 };

	if (ioctl(t->fd[i], IOMUL_ACCESS, &a))
		die("IOMUL_ACCESS");
}

static void vgaarb_write(int fd, const char *line)
{
	if (write(fd, line, strlen(line)) < 0)
		die(line);
}

static void vgaarb_access(struct target *t, int i)
{
	vgaarb_write(t->fd[i], "lock io");
	inl(t->port);
	vgaarb_write(t->fd[i], "unlock io");
}

static int group_of(const char *bdf)
{
	char path[128], link[256];
	ssize_t n;
	const char *slash;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", bdf);
	n = readlink(path, link, sizeof(link) - 1);
	if (n < 0)
		die(path);
	link[n] = 0;
	slash = strrchr(link, '/');
	return atoi(slash + 1);
}

static int open_vfio(const char *bdf)
{
	static int container = -1;
	char path[64];
	int group, fd;

	if (container < 0)
		container = open("/dev/vfio/vfio", O_RDWR);
	snprintf(path, sizeof(path), "/dev/vfio/%d", group_of(bdf));
	group = open(path, O_RDWR);
	if (container < 0 || group < 0)
		die(path);
	if (ioctl(group, VFIO_GROUP_SET_CONTAINER, &container))
		die("VFIO_GROUP_SET_CONTAINER");
	ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU);
	fd = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, bdf);
	if (fd < 0)
		die(bdf);
	return fd;
}

static uint64_t region_offset(int fd, unsigned int bar)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = bar };

	if (ioctl(fd, VFIO_DEVICE_GET_REGION_INFO, &info))
		die("VFIO_DEVICE_GET_REGION_INFO");
	return info.offset;
}

static int open_claim(const char *bdf)
{
	struct iomul_claim c = { .size = sizeof(c) };
	unsigned int segment, bus, dev, fn;
	int fd = open("/dev/iomul", O_RDWR);

	if (fd < 0 || sscanf(bdf, "%x:%x:%x.%x", &segment, &bus, &dev, &fn) != 4)
		die(bdf);
	c.addr = (struct iomul_addr){ .segment = segment, .bus = bus, .devfn = dev << 3 | fn };
	if (ioctl(fd, IOMUL_CLAIM, &c))
		die("IOMUL_CLAIM");
	return fd;
}

static int open_null(const char *path)
{
	return open(path, O_RDONLY);
}

static int open_vgaarb(const char *bdf)
{
	char line[64];
	int fd = open("/dev/vga_arbiter", O_RDWR);

	if (fd < 0)
		die("/dev/vga_arbiter");
	snprintf(line, sizeof(line), "target PCI:%s", bdf);
	vgaarb_write(fd, line);
	return fd;
}

struct way {
	const char *name;
	void (*access)(struct target *t, int i);
	int (*open)(const char *bdf);
	bool bar, port;
	int elements;
};

static const struct way ways[] = {
	{ "null", null_access, NULL, false, false, 1 },
	{ "pread", pread_access, open_null, false, false, 1 },
	{ "raw", raw_access, NULL, false, true, 1 },
	{ "vfio", vfio_access, open_vfio, true, false, 1 },
	{ "claim", claim_access, open_claim, true, false, 1 },
	{ "string", string_access, open_claim, true, false, ELEMENTS },
	{ "vgaarb", vgaarb_access, open_vgaarb, false, true, 1 },
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The loop without the access, to take off. */
static double empty_loop(struct target *t)
{
	uint64_t start = now();
	int n, i = 0;

	for (n = 0; n < accesses; n++) {
		__asm__ volatile("" : : "r"(t), "r"(i) : "memory");
		if (++i >= t->count)
			i = 0;
	}
	return (double)(now() - start);
}

static double one_round(const struct way *w, struct target *t)
{
	uint64_t start;
	int n, i = 0;

	start = now();
	for (n = 0; n < accesses; n++) {
		w->access(t, i);
		if (++i >= t->count)
			i = 0;
	}
	return (now() - start - empty_loop(t)) / accesses / w->elements;
}

static const struct way *find_way(const char *name)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		if (!strcmp(ways[i].name, name))
			return &ways[i];
	fprintf(stderr, "access: no such way: %s\n", name);
	exit(2);
}

int main(int argc, char **argv)
{
	const struct way *w = find_way(argc > 1 ? argv[1] : "");
	struct target t = { .count = 1 };
	double *v;
	int i, arg = 2;

	if (getenv("ROUNDS"))
		rounds = atoi(getenv("ROUNDS"));
	if (getenv("ACCESSES"))
		accesses = atoi(getenv("ACCESSES"));
	if (argc < 2 + 2 * w->bar + w->port + !!w->open)
		return 2;
	if (w->port && (iopl(3) || (t.port = strtoul(argv[arg++], NULL, 0)) > 0xffff))
		die("iopl");
	if (w->bar) {
		t.bar = strtoul(argv[arg++], NULL, 0);
		t.offset = strtoul(argv[arg++], NULL, 0);
	}
	if (w->open) {
		for (t.count = 0; arg < argc && t.count < FUNCTIONS; arg++)
			t.fd[t.count++] = w->open(argv[arg]);
		if (w->open == open_vfio)
			t.offset += region_offset(t.fd[0], t.bar);
	}
	v = calloc(rounds, sizeof(*v));
	one_round(w, &t);
	for (i = 0; i < rounds; i++)
		v[i] = one_round(w, &t);
	qsort(v, rounds, sizeof(*v), by_value);
	printf("{\"min\": %.2f, \"median\": %.2f, \"max\": %.2f}\n", v[0], v[rounds / 2],
	       v[rounds - 1]);
	free(v);
	return 0;
}
