// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does the host itself live on a function? The kernel lets a disk's driver be
 * unbound while its file system is mounted; whoever does so loses it.
 */
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include "busy.h"
#include "cli.h"

#define DEPTH 8	/* of devices below devices: partitions, RAID, LVM, encryption */

/* Is block device @name (a directory of @base), or one that it is made of, on @device? */
static bool block_on(const char *base, const char *device, int depth)
{
	char real[PATH_MAX], below[PATH_MAX];
	size_t n = strlen(device);
	struct dirent *entry;
	bool on = false;
	DIR *dir;

	if (!realpath(base, real))
		return false;
	if (!strncmp(real, device, n) && real[n] == '/')
		return true;
	if (!depth || snprintf(below, sizeof(below), "%.*s/slaves", PATH_MAX - 16, real) < 0)
		return false;
	dir = opendir(below);
	if (!dir)
		return false;
	while (!on && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' &&
		    snprintf(below, sizeof(below), "%.*s/slaves/%.255s", PATH_MAX - 300, real,
			     entry->d_name) > 0)
			on = block_on(below, device, depth - 1);
	closedir(dir);
	return on;
}

static bool number_on(unsigned int major, unsigned int minor, const char *device)
{
	char base[PATH_MAX];

	snprintf(base, sizeof(base), "%s/dev/block/%u:%u", sysfs_root(), major, minor);
	return block_on(base, device, DEPTH);
}

static bool node_on(const char *path, const char *device)
{
	struct stat st;

	return *path == '/' && !stat(path, &st) && S_ISBLK(st.st_mode) &&
	       number_on(major(st.st_rdev), minor(st.st_rdev), device);
}

/* File systems over several disks have a number of their own: look at the source, too. */
static bool mounted_on(const char *device, char *why, size_t size)
{
	unsigned int major, minor;
	char line[4096], at[256], source[256], *tail;
	FILE *f = fopen("/proc/self/mountinfo", "re");
	bool on = false;

	if (!f)
		return false;
	while (!on && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*d %*d %u:%u %*s %255s", &major, &minor, at) != 3)
			continue;
		tail = strstr(line, " - ");
		on = number_on(major, minor, device) ||
		     (tail && sscanf(tail, " - %*s %255s", source) == 1 && node_on(source, device));
	}
	fclose(f);
	if (on)
		snprintf(why, size, "the file system at %s", at);
	return on;
}

static bool swapped_on(const char *device, char *why, size_t size)
{
	char line[4096], path[256];
	FILE *f = fopen("/proc/swaps", "re");
	bool on = false;

	if (!f)
		return false;
	while (!on && fgets(line, sizeof(line), f))
		on = sscanf(line, "%255s", path) == 1 && node_on(path, device);
	fclose(f);
	if (on)
		snprintf(why, size, "swap on %s", path);
	return on;
}

static bool link_up(const char *device, char *why, size_t size)
{
	char path[PATH_MAX], state[32];
	struct dirent *entry;
	bool up = false;
	FILE *f;
	DIR *dir;

	snprintf(path, sizeof(path), "%.*s/net", PATH_MAX - 16, device);
	dir = opendir(path);
	if (!dir)
		return false;
	while (!up && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' ||
		    snprintf(path, sizeof(path), "%.*s/net/%.255s/operstate", PATH_MAX - 300, device,
			     entry->d_name) < 0)
			continue;
		f = fopen(path, "re");
		up = f && fgets(state, sizeof(state), f) && !strcmp(state, "up\n");
		if (f)
			fclose(f);
		if (up)
			snprintf(why, size, "the network link %s, which is up", entry->d_name);
	}
	closedir(dir);
	return up;
}

bool function_busy(const char *function, char *why, size_t size)
{
	char path[PATH_MAX], device[PATH_MAX];

	*why = '\0';
	if (snprintf(path, sizeof(path), "%s/bus/pci/devices/%s", sysfs_root(), function) >=
		    (int)sizeof(path) || !realpath(path, device))
		return false;
	return mounted_on(device, why, size) || swapped_on(device, why, size) ||
	       link_up(device, why, size);
}
