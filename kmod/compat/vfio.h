/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Members of VFIO's operations that not every kernel has, each as vfio-pci sets
 * it: IOMUL_VFIO_OPS_X is the initialiser, or nothing.
 */
#ifndef IOMUL_COMPAT_VFIO_H
#define IOMUL_COMPAT_VFIO_H

#include <linux/vfio_pci_core.h>
#include "have.h"

#ifdef IOMUL_HAVE_VFIO_DETACH_IOAS
#define IOMUL_VFIO_OPS_DETACH .detach_ioas = vfio_iommufd_physical_detach_ioas,
#else
#define IOMUL_VFIO_OPS_DETACH
#endif

/* Without them, where a kernel has iommufd, a device is not registered. */
#ifdef IOMUL_HAVE_VFIO_IOMMUFD
#define IOMUL_VFIO_OPS_IOMMUFD					\
	.bind_iommufd = vfio_iommufd_physical_bind,		\
	.unbind_iommufd = vfio_iommufd_physical_unbind,		\
	.attach_ioas = vfio_iommufd_physical_attach_ioas,	\
	IOMUL_VFIO_OPS_DETACH
#else
#define IOMUL_VFIO_OPS_IOMMUFD
#endif

#ifdef IOMUL_HAVE_VFIO_PASID
#define IOMUL_VFIO_OPS_PASID						\
	.pasid_attach_ioas = vfio_iommufd_physical_pasid_attach_ioas,	\
	.pasid_detach_ioas = vfio_iommufd_physical_pasid_detach_ioas,
#else
#define IOMUL_VFIO_OPS_PASID
#endif

#ifdef IOMUL_HAVE_VFIO_TOKEN_UUID
#define IOMUL_VFIO_OPS_TOKEN .match_token_uuid = vfio_pci_core_match_token_uuid,
#else
#define IOMUL_VFIO_OPS_TOKEN
#endif

#ifdef IOMUL_HAVE_VFIO_REGION_INFO
#define IOMUL_VFIO_OPS_REGION_INFO .get_region_info_caps = vfio_pci_ioctl_get_region_info,
#else
#define IOMUL_VFIO_OPS_REGION_INFO
#endif

/* Memory BARs as DMA buffers; an I/O BAR never is one. */
static inline void iomul_vfio_set_pci_ops(struct vfio_pci_core_device *core)
{
#ifdef IOMUL_HAVE_VFIO_DMABUF
	static const struct vfio_pci_device_ops ops = {
		.get_dmabuf_phys = vfio_pci_core_get_dmabuf_phys,
	};

	core->pci_ops = &ops;
#endif
}

#endif
