// SPDX-License-Identifier: GPL-2.0-only
/* The driver of a function, through sysfs. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "cli.h"
#include "driver.h"

#define OVERRIDE_NONE "(null)"	/* as sysfs shows it */

extern char **environ;

/* @name and @file may be "". */
static int pci_path(char path[PATH_MAX], const char *what, const char *name, const char *file)
{
	int n = snprintf(path, PATH_MAX, "%s/bus/pci/%s%s%s%s%s", sysfs_root(), what,
			 *name ? "/" : "", name, *file ? "/" : "", file);

	return n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* -errno when sysfs refuses @text. */
static int put(const char *what, const char *name, const char *file, const char *text)
{
	char path[PATH_MAX];
	size_t length = strlen(text);
	ssize_t n;
	int fd, rc = pci_path(path, what, name, file);

	if (rc)
		return rc;
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = write(fd, text, length);
	rc = n < 0 ? -errno : (size_t)n < length ? -EIO : 0;
	close(fd);
	return rc;
}

/* The first line, or "". */
static void get(const char *function, const char *name, char *text, size_t size)
{
	char path[PATH_MAX];
	FILE *file;

	*text = '\0';
	if (pci_path(path, "devices", function, name))
		return;
	file = fopen(path, "re");
	if (!file)
		return;
	if (!fgets(text, (int)size, file))
		*text = '\0';
	fclose(file);
	text[strcspn(text, "\n")] = '\0';
}

void driver_get_override(const char *function, char override[DRIVER_MAX])
{
	get(function, "driver_override", override, DRIVER_MAX);
	if (!strcmp(override, OVERRIDE_NONE))
		*override = '\0';
}

void driver_get(const char *function, char driver[DRIVER_MAX])
{
	char path[PATH_MAX], target[PATH_MAX], *name;
	ssize_t n;

	*driver = '\0';
	if (pci_path(path, "devices", function, "driver"))
		return;
	n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return;
	target[n] = '\0';
	name = strrchr(target, '/');
	snprintf(driver, DRIVER_MAX, "%.*s", DRIVER_MAX - 1, name ? name + 1 : target);
}

bool function_there(const char *function)
{
	char path[PATH_MAX];

	return !pci_path(path, "devices", function, "") && !access(path, F_OK);
}

bool function_is_port(const char *function)
{
	char text[32];

	get(function, "class", text, sizeof(text));
	return strtoul(text, NULL, 16) >> 8 == 0x0604; /* PCI-to-PCI bridge */
}

bool driver_there(const char *driver)
{
	char path[PATH_MAX];

	return !pci_path(path, "drivers", driver, "") && !access(path, F_OK);
}

int module_load(const char *module)
{
	char *argv[] = { "modprobe", "-q", (char *)module, NULL };
	int status;
	pid_t pid;

	if (posix_spawnp(&pid, "modprobe", NULL, NULL, argv, environ))
		return -ENOENT;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EIO;
}

int driver_set_override(const char *function, const char *driver)
{
	char text[DRIVER_MAX + 1];

	snprintf(text, sizeof(text), "%s\n", driver); /* an empty line clears it */
	return put("devices", function, "driver_override", text);
}

int driver_release(const char *function)
{
	char driver[DRIVER_MAX];

	driver_get(function, driver);
	return *driver ? put("devices", function, "driver/unbind", function) : 0;
}

int driver_probe(const char *function, const char *want)
{
	char driver[DRIVER_MAX];
	int rc = put("drivers_probe", "", "", function);

	if (rc == -ENOENT || rc == -EACCES || rc == -EPERM)
		return rc;
	driver_get(function, driver);
	if (!want || !strcmp(driver, want))
		return 0;
	return rc ? rc : -ENODEV;
}

int driver_write(const char *driver, const char *file, const char *text)
{
	return put("drivers", driver, file, text);
}

int driver_bind(const char *driver, const char *function)
{
	return driver_write(driver, "bind", function);
}
