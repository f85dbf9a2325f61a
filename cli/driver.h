/* SPDX-License-Identifier: GPL-2.0-only */
/* The driver of a function, through sysfs. 0 or -errno where it says nothing else. */
#ifndef IOMUL_CLI_DRIVER_H
#define IOMUL_CLI_DRIVER_H

#include <stdbool.h>
#include <stddef.h>

#define DRIVER_MAX 64

/* The driver bound to @function ("ssss:bb:dd.f"), or "". */
void driver_get(const char *function, char driver[DRIVER_MAX]);
/* The driver_override of @function, or "". */
void driver_get_override(const char *function, char override[DRIVER_MAX]);
/* "" clears it. */
int driver_set_override(const char *function, const char *driver);
/* What is bound now is let go; nothing bound is fine. */
int driver_release(const char *function);
/* The kernel looks for a driver; -ENODEV when @want (not NULL) is not what it comes to. */
int driver_probe(const char *function, const char *want);
/* Binds what the override stands against to @driver. */
int driver_bind(const char *driver, const char *function);
bool driver_there(const char *driver);
/* Writes @text to file @file of @driver. */
int driver_write(const char *driver, const char *file, const char *text);
bool function_there(const char *function);
bool function_is_port(const char *function);
/* modprobe @module. -ENOENT: no modprobe here, -EIO: it failed. */
int module_load(const char *module);

#endif
