// SPDX-License-Identifier: GPL-2.0-only
/*
 * The variant driver as a VFIO user sees it, on functions that are bound to it and
 * attached, two e1000e and others: vfio FUNCTION FUNCTION [-a AC97] [-q QXL]
 */
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <sys/eventfd.h>
#include <sys/io.h>
#include "vm.h"

#define BAR 2
#define BAR_SIZE 32
#define RAL 0x5400

static unsigned int checks, failures;

#define IS(got, want)								\
	do {									\
		long long got_ = (got), want_ = (want);				\
										\
		checks++;							\
		if (got_ != want_) {						\
			failures++;						\
			printf("not ok: line %d: %s: %lld, want %lld\n",	\
			       __LINE__, #got, got_, want_);			\
		}								\
	} while (0)

struct function {
	const char *name;
	struct iomul_addr addr;
	int group, fd;
	struct vfio_region_info bar, config;
};

static int container;

/* The compiler must not know these. */
static void *volatile nothing;
static void *volatile nowhere = (void *)8;

static int group_of(const char *name)
{
	char path[128], link[256];
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", name);
	n = readlink(path, link, sizeof(link) - 1);
	if (n < 0)
		die("%s: %s", path, strerror(errno));
	link[n] = 0;
	return atoi(strrchr(link, '/') + 1);
}

static void open_function(struct function *f, const char *name)
{
	char path[64];

	f->name = name;
	f->addr = parse_addr(name);
	snprintf(path, sizeof(path), "/dev/vfio/%d", group_of(name));
	f->group = open(path, O_RDWR);
	if (f->group < 0 || ioctl(f->group, VFIO_GROUP_SET_CONTAINER, &container))
		die("%s: %s", path, strerror(errno));
	ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU);
	f->fd = -1;
}

static int open_device(struct function *f)
{
	f->fd = ioctl(f->group, VFIO_GROUP_GET_DEVICE_FD, f->name);
	if (f->fd < 0)
		return -errno;
	f->bar = (struct vfio_region_info){ .argsz = sizeof(f->bar), .index = BAR };
	f->config = (struct vfio_region_info){ .argsz = sizeof(f->config),
					       .index = VFIO_PCI_CONFIG_REGION_INDEX };
	if (ioctl(f->fd, VFIO_DEVICE_GET_REGION_INFO, &f->bar) ||
	    ioctl(f->fd, VFIO_DEVICE_GET_REGION_INFO, &f->config))
		die("%s: region info: %s", f->name, strerror(errno));
	return 0;
}

static long bar_read(struct function *f, void *buf, size_t n, uint64_t offset)
{
	ssize_t ret = pread(f->fd, buf, n, f->bar.offset + offset);

	return ret < 0 ? -errno : ret;
}

static long bar_write(struct function *f, const void *buf, size_t n, uint64_t offset)
{
	ssize_t ret = pwrite(f->fd, buf, n, f->bar.offset + offset);

	return ret < 0 ? -errno : ret;
}

static uint32_t reg_read(struct function *f, uint32_t reg)
{
	uint32_t value = 0;

	IS(bar_write(f, &reg, 4, 0), 4);
	IS(bar_read(f, &value, 4, 4), 4);
	return value;
}

static uint16_t command_read(struct function *f)
{
	uint16_t command = 0;

	IS(pread(f->fd, &command, 2, f->config.offset + PCI_COMMAND), 2);
	return command;
}

static void command_write(struct function *f, uint16_t command)
{
	IS(pwrite(f->fd, &command, 2, f->config.offset + PCI_COMMAND), 2);
}

static void test_region(struct function *f)
{
	uint32_t config, all[BAR_SIZE / 4 + 1], value = RAL;
	uint8_t byte = 0;
	uint16_t word = 0;

	IS(f->bar.size, BAR_SIZE);
	IS(f->bar.flags, VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE);
	IS(pread(f->fd, &config, 4, f->config.offset + PCI_BASE_ADDRESS_2), 4);
	IS(config & 3, PCI_BASE_ADDRESS_SPACE_IO);
	IS(bar_write(f, &value, 4, 0), 4);
	IS(bar_read(f, &value, 4, 0), 4);
	IS(value, RAL);
	IS(bar_read(f, &word, 2, 0), 2);
	IS(bar_read(f, &byte, 1, 1), 1);
	IS(bar_read(f, all, 8, 0), 8);
	IS(all[0], RAL);
	IS(bar_read(f, all, 3, 1), 3);			/* a byte and a word */
	IS(bar_read(f, all, BAR_SIZE, 0), BAR_SIZE);
	IS(bar_read(f, all, BAR_SIZE + 4, 0), BAR_SIZE);	/* to the end */
	IS(bar_read(f, all, 4, BAR_SIZE - 2), 2);
	IS(bar_read(f, all, 4, BAR_SIZE), -EINVAL);
	IS(bar_read(f, all, 4, 1ULL << 32), -EINVAL);
	IS(bar_read(f, all, 0, 0), 0);
	IS(bar_read(f, nothing, 4, 0), -EFAULT);
	IS(bar_write(f, nothing, 4, 0), -EFAULT);
	IS(bar_read(f, nowhere, 8, 0), -EFAULT);
}

/*
 * It would write to the port from the kernel, past the mux; nor is it one for memory, as the core
 * reads the request again after the driver has looked at it.
 */
static void test_ioeventfd(struct function *f)
{
	struct vfio_device_ioeventfd io = {
		.argsz = sizeof(io), .flags = VFIO_DEVICE_IOEVENTFD_32, .fd = eventfd(0, 0),
	};
	const uint64_t regions[] = { VFIO_PCI_BAR0_REGION_INDEX, BAR };
	unsigned int i;

	for (i = 0; i < 2; i++) {
		io.offset = regions[i] << 40;
		IS(ioctl(f->fd, VFIO_DEVICE_IOEVENTFD, &io), -1);
		IS(errno, EINVAL);
	}
	close(io.fd);
}

/*
 * Without bus numbers of a port above a gate nobody gets anywhere, however many bytes he wants;
 * without those of the port that is the gate everything goes on.
 */
static void test_out_of_reach(struct function *f, struct function *other)
{
	uint32_t numbers, none, theirs = reg_read(other, RAL), value[2];
	char path[128];
	int port, size, above = 1;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/../../config", f->name);
	port = open(path, O_RDWR);
	if (port < 0) {
		above = 0;
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/../config", f->name);
		port = open(path, O_RDWR);
	}
	IS(pread(port, &numbers, 4, PCI_PRIMARY_BUS), 4);
	none = numbers & 0xff000000;
	IS(pwrite(port, &none, 4, PCI_PRIMARY_BUS), 4);
	for (size = 1; size <= 8; size++)
		IS(bar_read(f, value, size, 0), above ? -EIO : size);
	IS(bar_write(f, value, 3, 0), above ? -EIO : 3);
	IS(pwrite(port, &numbers, 4, PCI_PRIMARY_BUS), 4);
	close(port);
	IS(reg_read(other, RAL), theirs);
	reg_read(f, RAL);
}

/* A guest's I/O enable is its own affair: it is read back and moves no gate. */
static void test_command(struct function *f)
{
	uint16_t command = command_read(f);
	uint32_t mac = reg_read(f, RAL);

	command_write(f, command | PCI_COMMAND_IO);
	IS(command_read(f) & PCI_COMMAND_IO, PCI_COMMAND_IO);
	IS(reg_read(f, RAL), mac);
	command_write(f, command & ~PCI_COMMAND_IO);
	IS(command_read(f) & PCI_COMMAND_IO, 0);
	IS(reg_read(f, RAL), mac);
	command_write(f, command | PCI_COMMAND_IO | PCI_COMMAND_MASTER);
	IS(command_read(f) & (PCI_COMMAND_IO | PCI_COMMAND_MASTER),
	   PCI_COMMAND_IO | PCI_COMMAND_MASTER);
	command_write(f, command);
}

/* A guest that sizes its BAR sees the size, and the hardware keeps its place. */
static void test_sizing(struct function *f)
{
	uint32_t ones = ~0U, raw, sized;
	uint64_t where = f->config.offset + PCI_BASE_ADDRESS_2;

	IS(pread(f->fd, &raw, 4, where), 4);
	IS(pwrite(f->fd, &ones, 4, where), 4);
	IS(pread(f->fd, &sized, 4, where), 4);
	IS(~(sized & ~3U) + 1, BAR_SIZE);
	IS(pwrite(f->fd, &raw, 4, where), 4);
	reg_read(f, RAL);
}

/* Past the kernel and its filter (PCI 3.0, 3.2.2.3.2). */
static void shut_behind_all(struct iomul_addr a)
{
	outl(1U << 31 | a.bus << 16 | a.devfn << 8 | PCI_COMMAND, 0xcf8);
	outw(inw(0xcfc) & ~PCI_COMMAND_IO, 0xcfc);
}

/* A device that decodes no ports reads as ones; nobody else has the turn, who would open the way anew. */
static void test_shut(struct function *f)
{
	uint32_t mac = reg_read(f, RAL), value[2];

	if (iopl(3))
		die("iopl: %s", strerror(errno));
	shut_behind_all(f->addr);
	IS(reg_read(f, RAL), mac);
	shut_behind_all(f->addr);
	IS(bar_read(f, value, 8, 0), 8);
	IS(value[0], RAL);
	IS(value[1], mac);
	iopl(0);
}

/* After a function level reset the device answers through its ports again. */
static void test_reset(struct function *f, struct function *other)
{
	uint32_t mac = reg_read(f, RAL + 4), theirs = reg_read(other, RAL + 4);
	unsigned int i;

	for (i = 0; i < 5; i++) {
		if (ioctl(f->fd, VFIO_DEVICE_RESET)) {
			printf("# no reset: %s\n", strerror(errno));
			return;
		}
		IS(reg_read(other, RAL + 4), theirs);
		IS(reg_read(f, RAL + 4), mac);
	}
	IS(mac != theirs, 1);
}

static void test_exclusive(struct function *f)
{
	int fd = iomul_open(O_RDWR);
	struct iomul_claim claim;
	struct iomul_detach d = { .size = sizeof(d), .slots_ptr = (uintptr_t)&f->addr, .slots = 1 };

	IS(do_claim(fd, f->addr, &claim), -EBUSY);
	IS(do_ioctl(fd, IOMUL_DETACH, &d), -EBUSY);
	IS(d.out_refusal.reason, IOMUL_R_OPEN);
	IS(strncmp(d.out_refusal.who, "vfio", 4), 0);
	close(f->fd);
	IS(do_claim(fd, f->addr, &claim), 0);
	IS(open_device(f), -EBUSY);
	IS(do_release(fd), 0);
	IS(open_device(f), 0);
	close(fd);
}

/*
 * The AC97 has 1024 bytes at BAR 0 and 256 at BAR 1: whatever is asked for, no more is done, to the
 * other least of all.
 */
static void test_two_bars(const char *name)
{
	static uint8_t all[1 << 16];
	static const long size[] = { 1024, 256 };
	long at, count;
	struct function f;
	unsigned int bar;

	open_function(&f, name);
	IS(open_device(&f), 0);
	for (bar = 0; bar < 2; bar++) {
		f.bar = (struct vfio_region_info){ .argsz = sizeof(f.bar), .index = bar };
		IS(ioctl(f.fd, VFIO_DEVICE_GET_REGION_INFO, &f.bar), 0);
		IS(f.bar.size, size[bar]);
		for (at = 0; at <= size[bar]; at = at * 2 ?: 1)
			for (count = 1; count <= (long)sizeof(all); count *= 2)
				IS(bar_read(&f, all, count, at), at == size[bar] ? -EINVAL :
				   count < size[bar] - at ? count : size[bar] - at);
		IS(bar_write(&f, all, 8, size[bar] - 4), 4);
		IS(bar_write(&f, all, sizeof(all), size[bar]), -EINVAL);
	}
	close(f.fd);
	close(f.group);
}

/* Somebody, such as a driver that restores what it saved before, writes a BAR: the next access must find it. */
static void test_foreign_bar(const char *name, unsigned int bar)
{
	const off_t where = PCI_BASE_ADDRESS_0 + 4 * bar;
	uint32_t ours = 0, other, now = 0, zero = 0;
	struct function f;
	char path[64];
	int config;

	open_function(&f, name);
	IS(open_device(&f), 0);
	f.bar = (struct vfio_region_info){ .argsz = sizeof(f.bar), .index = bar };
	IS(ioctl(f.fd, VFIO_DEVICE_GET_REGION_INFO, &f.bar), 0);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", name);
	config = open(path, O_RDWR);
	IS(bar_write(&f, &zero, 1, 8), 1);	/* after which nothing else makes it look */
	IS(pread(config, &ours, 4, where), 4);
	IS(ours & 3, PCI_BASE_ADDRESS_SPACE_IO);
	other = ours ^ 0x4000;
	IS(pwrite(config, &other, 4, where), 4);
	IS(bar_write(&f, &zero, 1, 8), 1);
	IS(pread(config, &now, 4, where), 4);
	IS(now, ours);
	close(config);
	close(f.fd);
	close(f.group);
}

int main(int argc, char **argv)
{
	struct function f[2];
	unsigned int i;
	int opt;

	if (argc < 3)
		die("usage: vfio FUNCTION FUNCTION [-a AC97] [-q QXL]");
	container = open("/dev/vfio/vfio", O_RDWR);
	for (i = 0; i < 2; i++) {
		open_function(&f[i], argv[1 + i]);
		IS(open_device(&f[i]), 0);
	}
	test_out_of_reach(&f[0], &f[1]);
	for (i = 0; i < 2; i++) {
		test_region(&f[i]);
		test_ioeventfd(&f[i]);
		test_command(&f[i]);
		test_sizing(&f[i]);
		test_shut(&f[i]);
		test_reset(&f[i], &f[!i]);
		test_exclusive(&f[i]);
	}
	for (optind = 3; (opt = getopt(argc, argv, "a:q:")) != -1;) {
		if (opt == 'a') {
			test_two_bars(optarg);
			test_foreign_bar(optarg, 0);
			test_foreign_bar(optarg, 1);
		} else if (opt == 'q') {
			test_foreign_bar(optarg, 3);
		}
	}
	printf("%u checks, %u failed\n", checks, failures);
	return !!failures;
}
