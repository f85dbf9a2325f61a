// SPDX-License-Identifier: GPL-2.0-only
/*
 * Compile probes: which kernel is this? Distributions move interfaces between
 * versions, so each is tried by compiling its section alone (compat/Kbuild).
 *
 * have_x  compiles: IOMUL_HAVE_X is defined for the driver
 * need_x  must compile: else the build is refused, for the reason in its line
 *
 * A section uses what the driver uses, in the same way.
 */
#include <linux/module.h>
#include <linux/pci.h>
#if IS_ENABLED(CONFIG_VFIO_PCI_CORE)
#include <linux/vfio.h>
#include <linux/vfio_pci_core.h>
#endif

#if defined(PROBE_need_headers)		/* its headers do not compile with this compiler */
struct pci_dev *probe;

#elif defined(PROBE_need_pci)		/* it was configured without PCI or without I/O ports */
#if !defined(CONFIG_PCI) || (!defined(CONFIG_X86) && !defined(CONFIG_ARM64) && !defined(CONFIG_HAS_IOPORT))
#error
#endif

#elif defined(PROBE_need_set_ops)	/* config access of a bus cannot be taken over: no pci_bus_set_ops() */
struct pci_ops *probe(struct pci_bus *bus, struct pci_ops *ops)
{
	return pci_bus_set_ops(bus, ops);
}

#elif defined(PROBE_need_vfio)		/* older than 6.1: VFIO has no vfio_alloc_device() */
#if IS_ENABLED(CONFIG_VFIO_PCI_CORE)
struct vfio_pci_core_device *probe(struct pci_dev *pdev, const struct vfio_device_ops *ops)
{
	return vfio_alloc_device(vfio_pci_core_device, vdev, &pdev->dev, ops);
}
struct pci_driver driver = { .driver_managed_dma = true };
#endif

#elif defined(PROBE_need_memory)	/* older than 5.11: no krealloc_array() */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
void *probe(void *p, const void __user *from)
{
	p = krealloc_array(p, 2, 8, GFP_KERNEL);
	return p ? kvcalloc(2, 8, GFP_KERNEL) : vmemdup_user(from, 8);
}

#elif defined(PROBE_have_ns_identifier)	/* until 6.12 */
MODULE_IMPORT_NS(PROBE);

#elif defined(PROBE_have_res_attr)	/* files of BARs that are made one by one */
struct bin_attribute *probe(struct pci_dev *pdev)
{
	return pdev->res_attr[0];
}

#elif defined(PROBE_have_vfio_iommufd)	/* 6.2 */
const struct vfio_device_ops probe = {
	.bind_iommufd = vfio_iommufd_physical_bind,
	.unbind_iommufd = vfio_iommufd_physical_unbind,
	.attach_ioas = vfio_iommufd_physical_attach_ioas,
};

#elif defined(PROBE_have_vfio_detach_ioas)	/* 6.6 */
const struct vfio_device_ops probe = {
	.detach_ioas = vfio_iommufd_physical_detach_ioas,
};

#elif defined(PROBE_have_vfio_pasid)	/* 6.15 */
const struct vfio_device_ops probe = {
	.pasid_attach_ioas = vfio_iommufd_physical_pasid_attach_ioas,
	.pasid_detach_ioas = vfio_iommufd_physical_pasid_detach_ioas,
};

#elif defined(PROBE_have_vfio_token_uuid)	/* 6.17 */
const struct vfio_device_ops probe = {
	.match_token_uuid = vfio_pci_core_match_token_uuid,
};

#elif defined(PROBE_have_vfio_region_info)	/* 6.19; NULL means -EINVAL there */
const struct vfio_device_ops probe = {
	.get_region_info_caps = vfio_pci_ioctl_get_region_info,
};

#elif defined(PROBE_have_vfio_dmabuf)	/* 6.19 */
const struct vfio_pci_device_ops probe = {
	.get_dmabuf_phys = vfio_pci_core_get_dmabuf_phys,
};
const void *probe_member(struct vfio_pci_core_device *core)
{
	return core->pci_ops;
}

#else
#error no such probe
#endif
