/* SPDX-License-Identifier: GPL-2.0-only */
/* Device names. Apart from cli.h, as libpci has types of the same names as core. */
#ifndef IOMUL_CLI_NAMES_H
#define IOMUL_CLI_NAMES_H

#include <stddef.h>
#include <stdint.h>

/* The device's name for people, or "" where libpci knows none. */
const char *device_name(uint16_t vendor, uint16_t device, char *text, size_t size);
void names_free(void);

#endif
