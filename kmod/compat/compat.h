/* SPDX-License-Identifier: GPL-2.0-only */
/* What differs between kernels; compat/probes.c finds out. */
#ifndef IOMUL_COMPAT_H
#define IOMUL_COMPAT_H

#include <linux/export.h>
#include "have.h"

/* The namespace is a string, and was an identifier. */
#ifdef IOMUL_HAVE_NS_IDENTIFIER
#define IOMUL_EXPORT(symbol) EXPORT_SYMBOL_NS_GPL(symbol, IOMUL)
#define IOMUL_IMPORT() MODULE_IMPORT_NS(IOMUL)
#else
#define IOMUL_EXPORT(symbol) EXPORT_SYMBOL_NS_GPL(symbol, "IOMUL")
#define IOMUL_IMPORT() MODULE_IMPORT_NS("IOMUL")
#endif

#include <linux/pci.h>

/* The file of sysfs that accesses BAR @bar, or NULL. */
static inline struct bin_attribute *iomul_bar_file(struct pci_dev *pdev, unsigned int bar)
{
#ifdef IOMUL_HAVE_RES_ATTR
	return pdev->res_attr[bar];
#else
	return NULL;
#endif
}

#endif
