// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest's view of PCI_COMMAND where the function itself is the gate: it reads
 * back what it wrote, and what it writes never opens the hardware's gate.
 *
 * view OTHER FUNCTION...
 *
 * Each FUNCTION is bound to the variant driver and shares a bus with OTHER, which
 * is accessed through a claim, so that it owns the window whenever the hardware is
 * looked at, through ports 0xcf8 and 0xcfc, past the kernel. (Behind a bridge that
 * is shut, a gate may stay as it was.) Ends with "N passed, N failed".
 */
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <sys/io.h>
#include "vm.h"

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA 0xcfc

static unsigned int passed, failed;
static int container = -1;

static void check(int ok, const char *function, const char *what, unsigned int value)
{
	passed += ok;
	failed += !ok;
	if (!ok)
		printf("not ok: %s: %s: %04x\n", function, what, value);
}

struct device {
	const char *name;
	struct iomul_addr addr;
	int fd;
	struct vfio_region_info config, bar;
	unsigned int reg;
	uint32_t mask;
};

/* Another reader in between would move the address: two that agree are believed. */
static uint16_t hardware_command(struct iomul_addr a)
{
	uint32_t address = 1U << 31 | a.bus << 16 | a.devfn << 8 | PCI_COMMAND, first, second;

	do {
		outl(address, CONFIG_ADDRESS);
		first = inl(CONFIG_DATA);
		outl(address, CONFIG_ADDRESS);
		second = inl(CONFIG_DATA);
	} while (first != second);
	return first;
}

static uint32_t get(const struct device *d, const struct vfio_region_info *r, uint32_t at,
		    unsigned int width)
{
	uint32_t value = 0;

	if (pread(d->fd, &value, width, r->offset + at) != (ssize_t)width)
		die("%s: read at %x: %s", d->name, at, strerror(errno));
	return value;
}

static void set(const struct device *d, const struct vfio_region_info *r, uint32_t at,
		unsigned int width, uint32_t value)
{
	if (pwrite(d->fd, &value, width, r->offset + at) != (ssize_t)width)
		die("%s: write at %x: %s", d->name, at, strerror(errno));
}

static int open_group(const char *name)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	char path[128], link[128], *number;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", name);
	n = readlink(path, link, sizeof(link) - 1);
	if (n < 0)
		die("%s: %s", path, strerror(errno));
	link[n] = 0;
	number = strrchr(link, '/') + 1;
	snprintf(path, sizeof(path), "/dev/vfio/%s", number);
	fd = open(path, O_RDWR);
	if (fd < 0)
		return -1;	/* an earlier function of the same group has it */
	if (ioctl(fd, VFIO_GROUP_GET_STATUS, &status) || !(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		die("%s: the group of %s is not viable", path, name);
	if (ioctl(fd, VFIO_GROUP_SET_CONTAINER, &container))
		die("%s: container: %s", path, strerror(errno));
	if (ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU) && errno != EINVAL && errno != EBUSY)
		die("%s: IOMMU: %s", path, strerror(errno));
	return fd;
}

static void open_device(struct device *d, const char *name)
{
	static int group = -1;
	int next = open_group(name);
	unsigned int index;

	if (next >= 0)
		group = next;
	d->name = name;
	d->addr = parse_addr(name);
	d->fd = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, name);
	if (d->fd < 0)
		die("%s: %s", name, strerror(errno));
	d->config = (struct vfio_region_info){ .argsz = sizeof(d->config),
					       .index = VFIO_PCI_CONFIG_REGION_INDEX };
	if (ioctl(d->fd, VFIO_DEVICE_GET_REGION_INFO, &d->config))
		die("%s: config region: %s", name, strerror(errno));
	for (index = 0; index < 6; index++)
		if (get(d, &d->config, PCI_BASE_ADDRESS_0 + 4 * index, 4) & 1)
			break;
	d->bar = (struct vfio_region_info){ .argsz = sizeof(d->bar), .index = index };
	if (index == 6 || ioctl(d->fd, VFIO_DEVICE_GET_REGION_INFO, &d->bar) || !d->bar.size)
		die("%s: no I/O BAR", name);
}

/* A register that keeps what is written; none: only config space is looked at. */
static void find_register(struct device *d)
{
	uint32_t id = get(d, &d->config, 0, 4);

	if (id == 0x00021b36) {		/* pci-serial: scratch */
		d->reg = 7;
		d->mask = 0xff;
	} else if (id == 0x00121000) {	/* lsi53c895a: SCRATCHB */
		d->reg = 0x5c;
		d->mask = 0xff;
	} else if (id == 0x10d38086) {	/* e1000e: IOADDR */
		d->reg = 0;
		d->mask = 0xff;
	}
}

static void own(int fd)
{
	struct iomul_op op = { .width = 1, .count = 1 };
	unsigned int bar;
	int err = -EINVAL;

	for (bar = 0; err && bar < 6; bar++) {
		op.bar = bar;
		err = do_access(fd, &op, 1, NULL);
	}
	if (err)
		die("access by the other: %s", strerror(-err));
}

static const uint16_t words[] = {
	0, PCI_COMMAND_IO, PCI_COMMAND_MEMORY, PCI_COMMAND_IO | PCI_COMMAND_MEMORY,
	PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, PCI_COMMAND_IO | PCI_COMMAND_INTX_DISABLE,
	0, PCI_COMMAND_IO,
};

static void test_view(struct device *d, int other)
{
	const uint16_t ours = PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	unsigned int i;
	uint16_t seen;

	for (i = 0; i < sizeof(words) / sizeof(*words); i++) {
		own(other);
		check(!(hardware_command(d->addr) & PCI_COMMAND_IO), d->name, "open before the write",
		      words[i]);
		/* As a word, and as the bytes of a guest that writes bytes. */
		if (i & 1)
			set(d, &d->config, PCI_COMMAND, 1, words[i] & 0xff);
		else
			set(d, &d->config, PCI_COMMAND, 2, words[i]);
		check(!(hardware_command(d->addr) & PCI_COMMAND_IO), d->name, "open by the guest's write",
		      words[i]);
		seen = get(d, &d->config, PCI_COMMAND, 2);
		check((seen & ours) == (words[i] & ours), d->name, "reads back other than it wrote", seen);
		check((get(d, &d->config, PCI_COMMAND, 1) & ours) == (words[i] & ours), d->name,
		      "a byte reads back other than it wrote", seen);
		/* Its own access opens the gate, whatever it wrote; the other's shuts it. */
		if (d->mask && (words[i] & PCI_COMMAND_IO)) {
			set(d, &d->bar, d->reg, 1, 0x40 + i);
			check(get(d, &d->bar, d->reg, 1) == 0x40 + i, d->name, "its register", i);
			check(hardware_command(d->addr) & PCI_COMMAND_IO, d->name, "not open for itself", i);
		}
		seen = get(d, &d->config, PCI_COMMAND, 2);
		check((seen & ours) == (words[i] & ours), d->name, "an access changed its view", seen);
	}
	own(other);
	check(!(hardware_command(d->addr) & PCI_COMMAND_IO), d->name, "open after the other's access", 0);
}

int main(int argc, char **argv)
{
	static struct device device[32];
	struct iomul_claim claim;
	int i, err, other;

	if (argc < 3 || argc > 32)
		die("usage: view OTHER FUNCTION...");
	if (iopl(3))
		die("iopl: %s", strerror(errno));
	container = open("/dev/vfio/vfio", O_RDWR);
	if (container < 0)
		die("/dev/vfio/vfio: %s", strerror(errno));
	other = iomul_open(O_RDWR);
	err = do_claim(other, parse_addr(argv[1]), &claim);
	if (err)
		die("%s: claim: %s", argv[1], strerror(-err));
	for (i = 2; i < argc; i++) {
		open_device(&device[i], argv[i]);
		find_register(&device[i]);
	}
	for (i = 2; i < argc; i++)
		test_view(&device[i], other);
	printf("%u passed, %u failed\n", passed, failed);
	return !!failed;
}
