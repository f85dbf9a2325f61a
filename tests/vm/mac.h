/* SPDX-License-Identifier: GPL-2.0-only */
/* The MAC address of an e1000e or igb, by a way that nobody multiplexes (82574 data sheet, 10.2.2). */
#ifndef IOMUL_TEST_MAC_H
#define IOMUL_TEST_MAC_H

#include <sys/mman.h>
#include "vm.h"

#define PCI "/sys/bus/pci/devices/"
#define RAH 0x5404	/* MAC bytes 4 and 5: they differ */
#define RAH_VALID (1U << 31)

static inline FILE *sysfs_open(struct iomul_addr a, const char *name, const char *mode)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), PCI ADDR_FMT "/%s", ADDR_ARG(a), name);
	f = fopen(path, mode);
	if (!f)
		die("%s: %s", path, strerror(errno));
	return f;
}

/* With a driver it is enabled, and stays so. */
static inline void sysfs_enable(struct iomul_addr a, const char *value)
{
	FILE *f = sysfs_open(a, "enable", "w");
	char path[128];

	snprintf(path, sizeof(path), PCI ADDR_FMT "/driver", ADDR_ARG(a));
	if (!access(path, F_OK)) {
		fclose(f);
		return;
	}
	if (fputs(value, f) < 0 || fclose(f))
		die(ADDR_FMT ": enable: %s", ADDR_ARG(a), strerror(errno));
}

static inline uint32_t mmio_read_once(struct iomul_addr a, uint32_t reg)
{
	char path[128];
	uint32_t value;
	void *map;
	int fd;

	snprintf(path, sizeof(path), PCI ADDR_FMT "/resource0", ADDR_ARG(a));
	sysfs_enable(a, "1");
	fd = open(path, O_RDWR | O_SYNC);
	map = fd < 0 ? MAP_FAILED : mmap(NULL, 0x20000, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		die("%s: %s", path, strerror(errno));
	value = *(volatile uint32_t *)((char *)map + reg);
	munmap(map, 0x20000);
	close(fd);
	sysfs_enable(a, "0");
	return value;
}

/*
 * RAH through the memory BAR, which nobody multiplexes. The kernel's write that enables it
 * is lost while a rescan has the bus numbers; it reads as 0 or ones then.
 */
static inline uint32_t mmio_rah(struct iomul_addr a)
{
	unsigned int tries;
	uint32_t value;

	for (tries = 0; tries < 200; tries++) {
		value = mmio_read_once(a, RAH);
		if (value & RAH_VALID && value != ~0U)
			return value;
		usleep(10000);
	}
	die(ADDR_FMT ": its memory BAR reads %08x, no MAC address", ADDR_ARG(a), value);
}

#endif
