/* SPDX-License-Identifier: GPL-2.0-only */
/* What core/ needs of the kernel's <linux/kernel.h>, for user space. */
#ifndef SHADOW_LINUX_KERNEL_H
#define SHADOW_LINUX_KERNEL_H

#include <assert.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define fallthrough __attribute__((__fallthrough__))

#endif
