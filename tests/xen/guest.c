// SPDX-License-Identifier: GPL-2.0-only
/*
 * Init of a Linux guest: reports on the serial line when a SAS HBA is plugged in or
 * out, and reads its I/O BAR, one by one and as a string.
 *
 * The HBA's register at offset 0 (doorbell) does not change by being read.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define PCI "/sys/bus/pci/devices"
#define STRING 1024

static uint32_t page[STRING] __attribute__((aligned(4096)));

static int read_file(const char *dir, const char *name, char *text, size_t size)
{
	char path[512];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), PCI "/%s/%s", dir, name);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return -1;
	n = read(fd, text, size - 1);
	close(fd);
	text[n < 0 ? 0 : n] = '\0';
	return n < 0 ? -1 : 0;
}

/* Name of the first function of a SAS 1068, or "". */
static void find_hba(char name[64])
{
	DIR *d = opendir(PCI);
	struct dirent *e;
	char text[16];

	*name = '\0';
	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.' && !read_file(e->d_name, "device", text, sizeof(text)) &&
		    !strncmp(text, "0x0054", 6))
			snprintf(name, 64, "%.63s", e->d_name);
	if (d)
		closedir(d);
}

static void set_io(const char *name, int on)
{
	char path[512];
	uint16_t command = 0;
	int fd;

	snprintf(path, sizeof(path), PCI "/%s/config", name);
	fd = open(path, O_RDWR);
	if (pread(fd, &command, 2, 4) == 2) {
		command = on ? command | 3 : command & ~1;
		if (pwrite(fd, &command, 2, 4) == 2 && pread(fd, &command, 2, 4) == 2)
			printf("COMMAND %d reads back %d\n", on, command & 1);
	}
	close(fd);
}

static void try_ports(const char *name)
{
	unsigned int i, same = 0, port;
	uint32_t one;
	char text[1024];

	if (read_file(name, "resource", text, sizeof(text)))
		return;
	port = strtoul(text, NULL, 16);
	printf("HBA %s ports at %x\n", name, port);
	if (!port)
		return;
	set_io(name, 1);
	one = inl(port);
	memset(page, 0xee, sizeof(page));
	printf("STRING begins\n");
	insl(port, page, STRING);
	for (i = 0; i < STRING; i++)
		same += page[i] == one;
	printf("DOORBELL %08x bytes %02x%02x%02x%02x string %u of %u the same\n", one, inb(port + 3),
	       inb(port + 2), inb(port + 1), inb(port), same, STRING);
	set_io(name, 0);
	printf("DISABLED reads %08x\n", inl(port));
	set_io(name, 1);
	printf("TRIED\n");
}

int main(void)
{
	char name[64], had[64] = "";
	int fd;

	mkdir("/sys", 0755);
	mkdir("/dev", 0755);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	fd = open("/dev/ttyS0", O_RDWR);
	dup2(fd, 1);
	setvbuf(stdout, NULL, _IONBF, 0);
	printf("GUEST up\n");
	if (iopl(3))
		printf("ERROR iopl\n");
	for (;;) {
		find_hba(name);
		if (strcmp(name, had)) {
			printf(*name ? "PLUGGED\n" : "UNPLUGGED\n");
			if (*name)
				try_ports(name);
			strcpy(had, name);
		}
		usleep(300000);
	}
}
