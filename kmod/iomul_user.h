/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What iomul.ko offers to other modules, in symbol namespace IOMUL: hold one
 * function of a shared slot and access its I/O BARs. Never two hold the same.
 */
#ifndef IOMUL_USER_H
#define IOMUL_USER_H

#include <linux/types.h>

struct pci_dev;
struct iomul_user;

/*
 * Holds @pdev until iomul_user_put(); it stays attached and awake meanwhile.
 * ERR_PTR: -ENOENT (not shared), -EINVAL (no I/O BAR), -EBUSY (held already),
 * -ENODEV (gone), -ENOMEM. May sleep.
 */
struct iomul_user *iomul_user_get(struct pci_dev *pdev);
void iomul_user_put(struct iomul_user *user);

/* Bit n: BAR n is an I/O BAR that can be read and written. */
u8 iomul_user_bars(const struct iomul_user *user);

/*
 * Reads or writes @count bytes from @offset on of BAR @bar, one of iomul_user_bars(), in
 * naturally aligned accesses of 4, 2 and 1 bytes. Bytes done, up to the end of the BAR, by
 * which *@pos is advanced; -EINVAL (beyond its end), -EFAULT, -EINTR (killed), -ENODEV (the
 * device is gone), -EIO (could not be routed).
 */
ssize_t iomul_user_read(struct iomul_user *user, unsigned int bar, u64 offset, char __user *buf,
			size_t count, loff_t *pos);
ssize_t iomul_user_write(struct iomul_user *user, unsigned int bar, u64 offset, char __user *buf,
			 size_t count, loff_t *pos);

#endif
