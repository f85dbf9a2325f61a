/* SPDX-License-Identifier: GPL-2.0-only */
/* What differs between kernels. Differences are found by compile probes. */
#ifndef IOMUL_COMPAT_H
#define IOMUL_COMPAT_H

#include <linux/export.h>

/* Since 6.13 the namespace is a string. */
#ifdef IOMUL_HAVE_NS_STRING
#define IOMUL_EXPORT(symbol) EXPORT_SYMBOL_NS_GPL(symbol, "IOMUL")
#define IOMUL_IMPORT() MODULE_IMPORT_NS("IOMUL")
#else
#define IOMUL_EXPORT(symbol) EXPORT_SYMBOL_NS_GPL(symbol, IOMUL)
#define IOMUL_IMPORT() MODULE_IMPORT_NS(IOMUL)
#endif

#endif
