// SPDX-License-Identifier: GPL-2.0-only
/*
 * The VFIO variant driver: vfio-pci, but that I/O BARs of a function that is
 * shared when the device is opened are accessed through iomul. A function that
 * is not shared behaves as with vfio-pci.
 *
 * The function's I/O Space Enable needs no care here: iomul's config filter
 * keeps it, and shows the guest the one that it wrote.
 */
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/vfio.h>
#include <linux/vfio_pci_core.h>
#include "../compat/compat.h"
#include "../compat/vfio.h"
#include "../iomul_user.h"

struct iomul_vfio {
	struct vfio_pci_core_device core;
	struct iomul_user *user;	/* NULL: not shared */
	struct iomul_main main;		/* of @bars the one that is accessed most */
	u8 bars;			/* I/O BARs that go through iomul */
};

static struct iomul_vfio *to_iomul(struct vfio_device *vdev)
{
	return container_of(vdev, struct iomul_vfio, core.vdev);
}

static bool is_shared(const struct iomul_vfio *v, u64 offset)
{
	u64 index = VFIO_PCI_OFFSET_TO_INDEX(offset);

	return index < PCI_STD_NUM_BARS && (v->bars & 1U << index);
}

/* Positions in the device's file that are the main BAR's. */
static struct iomul_main main_of(const struct iomul_user *user)
{
	struct iomul_main main = IOMUL_MAIN_NONE;

	if (user)
		main.first = VFIO_PCI_INDEX_TO_OFFSET(iomul_user_main(user, &main));
	return main;
}

/* NULL: not shared, or without I/O BAR. */
static struct iomul_user *user_get(struct pci_dev *pdev)
{
	struct iomul_user *user = iomul_user_get(pdev);

	return PTR_ERR(user) == -ENOENT || PTR_ERR(user) == -EINVAL ? NULL : user;
}

/* An attach refuses a device that is enabled, but may have come before it was. */
static int still_not_shared(struct pci_dev *pdev)
{
	struct iomul_user *user = user_get(pdev);

	if (IS_ERR_OR_NULL(user))
		return PTR_ERR_OR_ZERO(user);
	iomul_user_opened(user);
	iomul_user_put(user);
	return -EAGAIN;
}

static int iomul_vfio_open(struct vfio_device *vdev)
{
	struct iomul_vfio *v = to_iomul(vdev);
	struct iomul_user *user = user_get(v->core.pdev);
	int err;

	if (IS_ERR(user))
		return PTR_ERR(user);
	err = vfio_pci_core_enable(&v->core);
	if (user)
		iomul_user_opened(user);
	if (err)
		goto err_enable;
	err = user ? 0 : still_not_shared(v->core.pdev);
	if (err) {
		vfio_pci_core_disable(&v->core);
		return err;
	}
	v->user = user;
	v->bars = user ? iomul_user_bars(user) : 0;
	v->main = main_of(user);
	vfio_pci_core_finish_enable(&v->core);
	return 0;

err_enable:
	if (user)
		iomul_user_put(user);
	return err;
}

static void iomul_vfio_close(struct vfio_device *vdev)
{
	struct iomul_vfio *v = to_iomul(vdev);
	struct iomul_user *user = v->user;

	vfio_pci_core_close_device(vdev);
	v->bars = 0;
	v->main = IOMUL_MAIN_NONE;
	v->user = NULL;
	if (user)
		iomul_user_put(user);
}

/* One access to the main BAR is what guests do by the million. */
#define VFIO_ONE(name, width)									\
	if (count == width) {									\
		struct iomul_vfio *v = to_iomul(vdev);						\
		u64 offset = *ppos - v->main.first;						\
												\
		if (likely(iomul_main_has(&v->main, offset, width)))				\
			return iomul_main_##name##_##width(v->user, (char __user *)buf, offset,	\
							   ppos);				\
		return other_##name(vdev, buf, width, ppos);					\
	}

#define VFIO_RW(name, in)									\
static noinline ssize_t other_##name(struct vfio_device *vdev, in char __user *buf,		\
				     size_t count, loff_t *ppos)				\
{												\
	struct iomul_vfio *v = to_iomul(vdev);							\
	u64 pos = *ppos;									\
												\
	if (!is_shared(v, pos))									\
		return vfio_pci_core_##name(vdev, buf, count, ppos);				\
	return iomul_user_##name(v->user, VFIO_PCI_OFFSET_TO_INDEX(pos),			\
				 pos & VFIO_PCI_OFFSET_MASK, (char __user *)buf, count, ppos);	\
}												\
												\
static ssize_t iomul_vfio_##name(struct vfio_device *vdev, in char __user *buf, size_t count,	\
				 loff_t *ppos)							\
{												\
	VFIO_ONE(name, 4)									\
	VFIO_ONE(name, 2)									\
	VFIO_ONE(name, 1)									\
	return other_##name(vdev, buf, count, ppos);						\
}

VFIO_RW(read, )
VFIO_RW(write, const)

/*
 * An ioeventfd would write to the port from the kernel, past the mux. Not for other BARs either: the
 * core reads the request once more, when it may ask for another one.
 */
static long iomul_vfio_ioctl(struct vfio_device *vdev, unsigned int cmd, unsigned long arg)
{
	if (cmd == VFIO_DEVICE_IOEVENTFD && to_iomul(vdev)->bars)
		return -EINVAL;
	return vfio_pci_core_ioctl(vdev, cmd, arg);
}

static const struct vfio_device_ops iomul_vfio_ops = {
	.name = "iomul-vfio-pci",
	.init = vfio_pci_core_init_dev,
	.release = vfio_pci_core_release_dev,
	.open_device = iomul_vfio_open,
	.close_device = iomul_vfio_close,
	.ioctl = iomul_vfio_ioctl,
	.device_feature = vfio_pci_core_ioctl_feature,
	.read = iomul_vfio_read,
	.write = iomul_vfio_write,
	.mmap = vfio_pci_core_mmap,
	.request = vfio_pci_core_request,
	.match = vfio_pci_core_match,
	IOMUL_VFIO_OPS_TOKEN
	IOMUL_VFIO_OPS_REGION_INFO
	IOMUL_VFIO_OPS_IOMMUFD
	IOMUL_VFIO_OPS_PASID
};

static int iomul_vfio_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct iomul_vfio *v;
	int err;

	v = vfio_alloc_device(iomul_vfio, core.vdev, &pdev->dev, &iomul_vfio_ops);
	if (IS_ERR(v))
		return PTR_ERR(v);
	dev_set_drvdata(&pdev->dev, &v->core);
	iomul_vfio_set_pci_ops(&v->core);
	err = vfio_pci_core_register_device(&v->core);
	if (err)
		goto err_register;
	return 0;

err_register:
	vfio_put_device(&v->core.vdev);
	return err;
}

static void iomul_vfio_remove(struct pci_dev *pdev)
{
	struct vfio_pci_core_device *core = dev_get_drvdata(&pdev->dev);

	vfio_pci_core_unregister_device(core);
	vfio_put_device(&core->vdev);
}

static int iomul_vfio_sriov_configure(struct pci_dev *pdev, int nr_virtfn)
{
	return vfio_pci_core_sriov_configure(dev_get_drvdata(&pdev->dev), nr_virtfn);
}

static const struct pci_device_id iomul_vfio_table[] = {
	{ PCI_DRIVER_OVERRIDE_DEVICE_VFIO(PCI_ANY_ID, PCI_ANY_ID) },
	{ }
};
MODULE_DEVICE_TABLE(pci, iomul_vfio_table);

static struct pci_driver iomul_vfio_driver = {
	.name = "iomul-vfio-pci",
	.id_table = iomul_vfio_table,
	.probe = iomul_vfio_probe,
	.remove = iomul_vfio_remove,
	.sriov_configure = iomul_vfio_sriov_configure,
	.err_handler = &vfio_pci_core_err_handlers,
	.driver_managed_dma = true,
};
module_pci_driver(iomul_vfio_driver);

MODULE_DESCRIPTION("VFIO for PCI devices, those that share I/O ports included");
MODULE_LICENSE("GPL");
MODULE_VERSION(IOMUL_VERSION);
IOMUL_IMPORT();
