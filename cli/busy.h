/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef IOMUL_CLI_BUSY_H
#define IOMUL_CLI_BUSY_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Does the host itself live on @function: a mounted file system, swap, or a
 * network link that is up? @why says which, in words that follow "uses it for".
 */
bool function_busy(const char *function, char *why, size_t size);

#endif
