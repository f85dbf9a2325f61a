// SPDX-License-Identifier: GPL-2.0-only
/* The module, its parameters and /dev/iomul. */
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include "iomul.h"

unsigned int iomul_burst = 16;
module_param_named(burst, iomul_burst, uint, 0644);
MODULE_PARM_DESC(burst, "accesses that the owner of a group may make past those who wait for it");

unsigned int iomul_string = 512;
module_param_named(string, iomul_string, uint, 0644);
MODULE_PARM_DESC(string, "bytes of string I/O that are transferred in one turn");

static int iomul_open(struct inode *inode, struct file *file)
{
	struct iomul_file *f = kzalloc(sizeof(*f), GFP_KERNEL);

	if (!f)
		return -ENOMEM;
	init_rwsem(&f->lock);
	file->private_data = f;
	return 0;
}

static int iomul_release(struct inode *inode, struct file *file)
{
	struct iomul_file *f = file->private_data;

	if (f->user)
		iomul_user_put(f->user);
	mutex_lock(&iomul_lock);
	iomul_lease_give(f);
	mutex_unlock(&iomul_lock);
	kfree(f);
	return 0;
}

static const struct file_operations iomul_fops = {
	.owner = THIS_MODULE,
	.open = iomul_open,
	.release = iomul_release,
	.unlocked_ioctl = iomul_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice iomul_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "iomul",
	.fops = &iomul_fops,
	.mode = 0600,
};

struct device *iomul_device;

static int __init iomul_init(void)
{
	int err = iomul_events_init();

	if (err)
		return err;
	err = misc_register(&iomul_misc);
	if (err)
		goto err_misc;
	iomul_device = iomul_misc.this_device;
	iomul_boot();
	return 0;

err_misc:
	iomul_events_exit();
	iomul_adopt_stop();
	return err;
}

/* Nobody has /dev/iomul open or holds a function: both hold the module. */
static void __exit iomul_exit(void)
{
	struct iomul_refusal refusal;

	/* Until all is detached, what is unplugged must be known to be gone. */
	iomul_adopt_stop();
	iomul_leases_stop();
	WARN_ON(iomul_detach_all(true, &refusal));
	iomul_events_exit();
	iomul_adopt_stop();
	misc_deregister(&iomul_misc);
	/* Somebody may be between reading a bus's ops and entering ours. */
	synchronize_rcu();
	synchronize_rcu_tasks();
	rcu_barrier();
}

module_init(iomul_init);
module_exit(iomul_exit);

MODULE_DESCRIPTION("Devices that share one range of I/O ports");
MODULE_LICENSE("GPL");
MODULE_VERSION(IOMUL_VERSION);
