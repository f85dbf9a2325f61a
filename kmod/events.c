// SPDX-License-Identifier: GPL-2.0-only
/*
 * What happens to the server: hotplug, driver binding, suspend, reboot. Behind
 * each of them a gate may have changed, so each shuts what it concerns.
 */
#include <linux/kobject.h>
#include <linux/reboot.h>
#include <linux/suspend.h>
#include "iomul.h"

void iomul_event(const char *what, struct iomul_addr slot, u32 group, u32 reason)
{
	char text[4][40];
	char *env[] = { text[0], text[1], text[2], group == IOMUL_NONE ? NULL : text[3], NULL };

	if (!iomul_device)
		return;
	snprintf(text[0], sizeof(text[0]), "IOMUL_EVENT=%s", what);
	snprintf(text[1], sizeof(text[1]), "IOMUL_SLOT=%04x:%02x:%02x", slot.segment, slot.bus,
		 slot.devfn >> 3);
	snprintf(text[2], sizeof(text[2]), "IOMUL_REASON=%u", reason);
	snprintf(text[3], sizeof(text[3]), "IOMUL_GROUP=%u", group);
	kobject_uevent_env(&iomul_device->kobj, KOBJ_CHANGE, env);
}

static void device_removed(struct pci_dev *pdev)
{
	struct iomul_held *held;

	mutex_lock(&iomul_lock);
	held = iomul_held_find(pdev);
	if (held)
		iomul_held_lost(held);
	iomul_above_lost(pdev);
	iomul_steps_late_drop(pdev);
	mutex_unlock(&iomul_lock);
}

/* A driver enabled, reset or shut the device down as it came or went. device_lock is held. */
static void device_rebound(struct pci_dev *pdev, unsigned long action)
{
	struct iomul_held *held;

	mutex_lock(&iomul_lock);
	if (action == BUS_NOTIFY_BIND_DRIVER)
		iomul_above_binding();
	held = iomul_held_find(pdev);
	if (held && action != BUS_NOTIFY_BIND_DRIVER) {
		iomul_held_touch(held);
		if (action == BUS_NOTIFY_BOUND_DRIVER)
			iomul_held_bound(held);
		else
			iomul_held_unbound(held);
	}
	if (held && action == BUS_NOTIFY_BIND_DRIVER)
		iomul_user_binding(held);
	if (held && (held->slot || held->guard))
		iomul_lease_binding(held, action == BUS_NOTIFY_BIND_DRIVER);
	mutex_unlock(&iomul_lock);
}

static int bus_notify(struct notifier_block *nb, unsigned long action, void *data)
{
	struct pci_dev *pdev = to_pci_dev(data);

	switch (action) {
	case BUS_NOTIFY_ADD_DEVICE:
		mutex_lock(&iomul_lock);
		iomul_guard_new(pdev);
		if (iomul_guard_find(pdev))
			iomul_steps_newcomer(pdev);
		mutex_unlock(&iomul_lock);
		iomul_adopt_later();
		break;
	case BUS_NOTIFY_DEL_DEVICE:
		device_removed(pdev);
		break;
	case BUS_NOTIFY_BIND_DRIVER:
	case BUS_NOTIFY_BOUND_DRIVER:
	case BUS_NOTIFY_DRIVER_NOT_BOUND:
	case BUS_NOTIFY_UNBOUND_DRIVER:
		device_rebound(pdev, action);
		break;
	}
	return NOTIFY_DONE;
}

static struct notifier_block bus_notifier = {
	.notifier_call = bus_notify,
};

/* Firmware may have written anything while the system slept. */
static int pm_notify(struct notifier_block *nb, unsigned long action, void *data)
{
	if (action == PM_POST_SUSPEND || action == PM_POST_HIBERNATION || action == PM_POST_RESTORE)
		iomul_touch_all();
	return NOTIFY_DONE;
}

static struct notifier_block pm_notifier = {
	.notifier_call = pm_notify,
};

/*
 * A kernel that is started by kexec finds the ports as we leave them: with all
 * windows as they were, if nobody is left who uses one. Else they stay where they
 * are, all shut: whoever is left gets -ENODEV, and the new kernel places them anew.
 */
static int reboot_notify(struct notifier_block *nb, unsigned long action, void *data)
{
	struct iomul_refusal refusal;

	if (iomul_detach_all(true, &refusal))
		iomul_stop_all();
	return NOTIFY_DONE;
}

static struct notifier_block reboot_notifier = {
	.notifier_call = reboot_notify,
};

int iomul_events_init(void)
{
	int err = bus_register_notifier(&pci_bus_type, &bus_notifier);

	if (err)
		return err;
	register_pm_notifier(&pm_notifier);
	register_reboot_notifier(&reboot_notifier);
	return 0;
}

void iomul_events_exit(void)
{
	unregister_reboot_notifier(&reboot_notifier);
	unregister_pm_notifier(&pm_notifier);
	bus_unregister_notifier(&pci_bus_type, &bus_notifier);
}
