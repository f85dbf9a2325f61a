// SPDX-License-Identifier: GPL-2.0-only
/* Hotplug and driver binding: what shuts a gate behind which something changed. */
#include "iomul.h"

static void device_removed(struct pci_dev *pdev)
{
	struct iomul_held *held;

	mutex_lock(&iomul_lock);
	held = iomul_held_find(pdev);
	if (held)
		iomul_held_lost(held);
	mutex_unlock(&iomul_lock);
}

/* A driver enabled, reset or shut the device down as it came or went. device_lock is held. */
static void device_rebound(struct pci_dev *pdev)
{
	struct iomul_held *held;

	rcu_read_lock();
	held = iomul_held_find(pdev);
	if (held)
		iomul_held_touch(held);
	rcu_read_unlock();
}

static int bus_notify(struct notifier_block *nb, unsigned long action, void *data)
{
	struct pci_dev *pdev = to_pci_dev(data);

	switch (action) {
	case BUS_NOTIFY_DEL_DEVICE:
		device_removed(pdev);
		break;
	case BUS_NOTIFY_BOUND_DRIVER:
	case BUS_NOTIFY_UNBOUND_DRIVER:
		device_rebound(pdev);
		break;
	}
	return NOTIFY_DONE;
}

static struct notifier_block notifier = {
	.notifier_call = bus_notify,
};

int iomul_events_init(void)
{
	return bus_register_notifier(&pci_bus_type, &notifier);
}

void iomul_events_exit(void)
{
	bus_unregister_notifier(&pci_bus_type, &notifier);
}
