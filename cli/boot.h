/* SPDX-License-Identifier: GPL-2.0-only */
/* What the verbs boot and attach know of device paths and of /etc/iomul.conf. */
#ifndef IOMUL_CLI_BOOT_H
#define IOMUL_CLI_BOOT_H

#include "cli.h"
#include "driver.h"
#include "param.h"

/*
 * path.c: ACPI device paths, through @sysfs/bus/acpi/devices/.../{hid,uid,physical_node}.
 */

/* Functions that a path leads to, in @node (room for 256): indexes of @t. */
struct path_result {
	u32 node[256];
	u32 count;
	char missing[96];	/* what the path names and the machine has not, or "" */
};
/* 0; -ENOENT: the root bridge or a bridge on the way is missing; -EINVAL: ambiguous. */
int path_resolve(const struct iomul_tree *t, const struct iomul_item *item,
		 struct path_result *result);
/* The path of @node, without +iomul. -ENOENT: its root bridge has no ACPI name. */
int path_of_node(const struct iomul_tree *t, u32 node, char *text, size_t size);

/*
 * conf.c: /etc/iomul.conf
 */

#define CONF_PATH "/etc/iomul.conf"

struct conf_slot {
	struct iomul_item item;
	char *text;
	u32 line;
};

struct conf {
	const char *path;
	struct conf_slot *slot;
	u32 slots;
	u32 windows;
	u32 reserve;
	char driver[DRIVER_MAX];	/* "auto", "none", or a name */
	u32 wrong;			/* lines that were passed over, each with a message */
};

/* IOMUL_CONF, or CONF_PATH. */
const char *conf_path(void);
/* A file that is not there is an empty one. 0 or -errno; @tell gets each message. */
int conf_read(struct conf *c, const char *path, void (*tell)(const char *format, ...));
void conf_free(struct conf *c);
/*
 * Adds what is missing of @slot to the file, by path where ACPI names one, and
 * sets windows and reserve; everything else in it stays. An exit code.
 */
int conf_save(const struct iomul_addr *slot, u32 slots, u32 windows, u32 reserve);

#endif
