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
 * For the driver of @pdev: holds it until iomul_user_put(); it stays attached and awake meanwhile.
 * Ports that the driver requests from now until iomul_user_opened() are refused it, while
 * another's of the same numbers may be free. ERR_PTR: -ENOENT (not shared), -EINVAL (no I/O BAR),
 * -EBUSY (held already), -ENODEV (gone), -EINTR, -ENOMEM. May sleep.
 */
struct iomul_user *iomul_user_get(struct pci_dev *pdev);
void iomul_user_opened(struct iomul_user *user);
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

/*
 * The same for one access, where each instruction counts: @main is one I/O BAR of a user, whose
 * bytes the caller numbers from @first on. What iomul_main_has() inside may be handed to the
 * functions below, as it is the offset into the BAR of 1, 2 or 4 bytes, naturally aligned.
 */
struct iomul_main {
	u64 first;
	u64 outside[3];		/* of 1, 2, 4 bytes: bits that an offset does not have */
};

/* No number that a loff_t can be is in it. */
#define IOMUL_MAIN_NONE ((struct iomul_main){ 1ULL << 63, { ~0ULL, ~0ULL, ~0ULL } })

/* @width: 1, 2 or 4, known at compile time. */
static __always_inline bool iomul_main_has(const struct iomul_main *main, u64 offset, size_t width)
{
	return !(offset & main->outside[width / 2]);
}

/* The largest I/O BAR of @user; its number is returned, which is below 6. */
unsigned int iomul_user_main(const struct iomul_user *user, struct iomul_main *main);

ssize_t iomul_main_read_1(struct iomul_user *user, char __user *buf, u64 offset, loff_t *pos);
ssize_t iomul_main_read_2(struct iomul_user *user, char __user *buf, u64 offset, loff_t *pos);
ssize_t iomul_main_read_4(struct iomul_user *user, char __user *buf, u64 offset, loff_t *pos);
ssize_t iomul_main_write_1(struct iomul_user *user, char __user *buf, u64 offset, loff_t *pos);
ssize_t iomul_main_write_2(struct iomul_user *user, char __user *buf, u64 offset, loff_t *pos);
ssize_t iomul_main_write_4(struct iomul_user *user, char __user *buf, u64 offset, loff_t *pos);

#endif
