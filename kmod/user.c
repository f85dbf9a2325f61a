// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who holds a function: claims on /dev/iomul and VFIO devices, never two.
 *
 * A user holds a reference on its slot, which keeps the group, and keeps the
 * device awake, which keeps the ports above awake. Slots with users are not
 * detached. When the device is unplugged its user stays, but gets -ENODEV.
 */
#include <linux/delay.h>
#include <linux/pm_runtime.h>
#include <linux/slab.h>
#include "iomul.h"

static void user_bars(struct iomul_user *user)
{
	struct iomul_held *held = user->held;
	unsigned int bar;

	user->bars = held->bars;
	for (bar = 0; bar < IOMUL_BARS; bar++) {
		if (!(held->bars & 1U << bar))
			continue;
		user->port[bar] = held->at[bar].first;
		user->size[bar] = iomul_range_size(held->at[bar]);
		if (user->size[bar] > user->size[user->main] || !user->size[user->main])
			user->main = bar;
	}
	user->main_port = user->port[user->main];
}

/* Has it a driver that may use the device, and not only keep others from it? */
static bool driver_uses(const struct pci_dev *pdev)
{
	const struct device_driver *driver = READ_ONCE(pdev->dev.driver);

	return driver && strcmp(driver->name, "pciback") && strcmp(driver->name, "pci-stub");
}

/*
 * With ports one makes a device write to memory. The device of pciback is confined by Xen; of one
 * without a driver, which firmware may have left able to, or which is in the IOMMU group of
 * somebody's guest, nobody would confine it. It stays so: what its user told it to do, it would do then.
 */
static void user_confine(struct iomul_user *user)
{
	const struct device_driver *driver = READ_ONCE(user->pdev->dev.driver);

	if (!driver || strcmp(driver->name, "pciback"))
		pci_clear_master(user->pdev);
}

static int user_bind(struct iomul_user *user, bool driver)
{
	struct iomul_held *held = iomul_held_find(user->pdev);

	if (!held || !held->slot)
		return -ENOENT;
	if (held->gone)
		return -ENODEV;
	if (held->user || iomul_lease_driver_has(held))
		return -EBUSY;
	if (user->alone && (held->binding || driver_uses(user->pdev)))
		return -EBUSY;
	if (!held->bars)
		return -EINVAL;
	if (driver && iomul_lease_open_elsewhere(held))
		return -EAGAIN;
	if (driver)
		iomul_lease_binding(held, true);
	if (user->alone)
		user_confine(user);
	user->held = held;
	user->slot = held->slot;
	user->live = held->slot->live;
	user->index = held->slot->index;
	user_bars(user);
	iomul_slot_get(user->slot);
	held->slot->users++;
	held->user = user;
	return 0;
}

/* What runtime resume put back is what was saved, whenever that was. */
static void user_settle(struct iomul_user *user)
{
	struct iomul_live *live = user->slot->live;
	u32 checked = 0, wrong = 0;

	iomul_turn_take(live, NULL, false);
	iomul_held_verify(user->held, &checked, &wrong);
	if (wrong)
		iomul_live_settle(live);
	iomul_turn_give(live);
}

static struct iomul_user *user_get(struct pci_dev *pdev, bool driver, bool alone)
{
	struct iomul_user *user = kzalloc(sizeof(*user), GFP_KERNEL);
	int err;

	if (!user)
		return ERR_PTR(-ENOMEM);
	user->pdev = pdev;
	user->alone = alone;
	get_task_comm(user->who, current);
	/* -EACCES: it is being removed; other errors: it does not wake up. */
	err = pm_runtime_resume_and_get(&pdev->dev) < 0 ? -ENODEV : 0;
	if (err)
		goto err_resume;
	mutex_lock(&iomul_lock);
	err = user_bind(user, driver);
	if (!err)
		user_settle(user);
	mutex_unlock(&iomul_lock);
	if (err)
		goto err_bind;
	pci_dev_get(pdev);
	return user;

err_bind:
	pm_runtime_put(&pdev->dev);
err_resume:
	kfree(user);
	return ERR_PTR(err);
}

/* For the driver that the device is bound to. */
struct iomul_user *iomul_user_get(struct pci_dev *pdev)
{
	struct iomul_user *user;

	/* A host driver is just being bound to its neighbour. */
	while (IS_ERR(user = user_get(pdev, true, false)) && PTR_ERR(user) == -EAGAIN)
		if (msleep_interruptible(10))
			return ERR_PTR(-EINTR);
	return user;
}
IOMUL_EXPORT(iomul_user_get);

void iomul_user_opened(struct iomul_user *user)
{
	mutex_lock(&iomul_lock);
	iomul_lease_binding(user->held, false);
	mutex_unlock(&iomul_lock);
}
IOMUL_EXPORT(iomul_user_opened);

struct iomul_user *iomul_user_claim(struct pci_dev *pdev)
{
	return user_get(pdev, false, !capable(CAP_SYS_ADMIN));
}

void iomul_user_lose(struct iomul_user *user)
{
	user->gone = true;
	user->index = IOMUL_UNREACHABLE;
}

/* Under iomul_lock: the slot is its no more. */
static void user_unbind(struct iomul_user *user)
{
	struct iomul_slot *slot = user->slot;

	slot->count.accesses += user->count.accesses;
	slot->count.switches += user->count.switches;
	slot->users--;
	user->held->user = NULL;
	user->held = NULL;
}

void iomul_user_binding(struct iomul_held *held)
{
	struct iomul_live *live = held->live;
	struct iomul_user *user = held->user;

	if (!user || !user->alone || user->gone || !driver_uses(held->pdev))
		return;
	iomul_turn_take(live, NULL, false);
	iomul_user_lose(user);
	user_unbind(user);	/* or he would keep it from its driver, by staying */
	iomul_turn_give(live);
	wake_up_all(&live->lease_over);
	pci_info(held->pdev, "iomul: gets a driver; who had claimed it, %s, gets ENODEV from now on\n",
		 user->who);
}

void iomul_user_put(struct iomul_user *user)
{
	mutex_lock(&iomul_lock);
	if (user->held)
		user_unbind(user);
	if (user->slot->gone)
		iomul_adopt_later();	/* it may have been replaced */
	iomul_slot_put(user->slot);
	mutex_unlock(&iomul_lock);
	pm_runtime_put(&user->pdev->dev);
	pci_dev_put(user->pdev);
	kfree(user);
}
IOMUL_EXPORT(iomul_user_put);

u8 iomul_user_bars(const struct iomul_user *user)
{
	return user->bars;
}
IOMUL_EXPORT(iomul_user_bars);

/* BARs are powers of two, from 4 on. */
unsigned int iomul_user_main(const struct iomul_user *user, struct iomul_main *main)
{
	u64 outside = ~((u64)user->size[user->main] - 1);

	*main = (struct iomul_main){ .outside = { outside, outside | 1, outside | 3 } };
	return user->main;
}
IOMUL_EXPORT(iomul_user_main);
