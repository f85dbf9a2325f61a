// SPDX-License-Identifier: GPL-2.0-only
/*
 * Slots that come back, or come at last.
 *
 * A slot whose device is removed stays, as gone: with its place in the group and
 * the way to it, device and function numbers from the root bus down, so that it
 * is known again when bus numbers have moved. A wish is an address where there
 * is no device yet (IOMUL_ATTACH_FUTURE). When a device is added, a work waits
 * for the hotplug operation to be over and attaches what was waited for.
 *
 * The new device's slot is a new one. The old one is dropped after that, so that
 * ports and ranges that both need are not given back in between; while somebody
 * still holds it open it stays, as replaced.
 */
#include <linux/slab.h>
#include <linux/workqueue.h>
#include "iomul.h"

struct wish {
	struct list_head list;
	struct iomul_addr addr;
	struct iomul_policy policy;
	bool tried;
	bool fresh;			/* of a call that may fail yet */
};

static LIST_HEAD(wishes);	/* under iomul_lock */

/*
 * Where a slot is
 */

bool iomul_where_of(struct pci_dev *pdev, struct iomul_where *where)
{
	u8 up[IOMUL_WHERE_MAX];
	struct pci_bus *bus;
	u32 i, n = 0;

	up[n++] = pdev->devfn;
	for (bus = pdev->bus; bus->self; bus = bus->parent) {
		if (n == IOMUL_WHERE_MAX)
			return false;
		up[n++] = bus->self->devfn;
	}
	where->segment = pci_domain_nr(bus);
	where->bus = bus->number;
	where->depth = n;
	for (i = 0; i < n; i++)
		where->devfn[i] = up[n - 1 - i];
	return true;
}

/* A function of the slot at @devfn of @bus, with a reference. */
static struct pci_dev *bus_slot(struct pci_bus *bus, u8 devfn)
{
	struct pci_dev *pdev = NULL;
	unsigned int f;

	for (f = 0; bus && !pdev && f < 8; f++)
		pdev = pci_get_slot(bus, PCI_DEVFN(PCI_SLOT(devfn), f));
	return pdev;
}

static struct pci_dev *where_find(const struct iomul_where *where)
{
	struct pci_bus *bus = pci_find_bus(where->segment, where->bus);
	struct pci_dev *port;
	u32 i;

	for (i = 0; bus && i + 1 < where->depth; i++) {
		port = pci_get_slot(bus, where->devfn[i]);
		bus = port ? port->subordinate : NULL;
		pci_dev_put(port);
	}
	return where->depth ? bus_slot(bus, where->devfn[i]) : NULL;
}

static struct pci_dev *addr_find(struct iomul_addr addr)
{
	return bus_slot(pci_find_bus(addr.segment, addr.bus), addr.devfn);
}

/*
 * Wishes
 */

static struct wish *wish_find(struct iomul_addr addr)
{
	struct wish *wish;

	list_for_each_entry(wish, &wishes, list)
		if (iomul_addr_same_slot(wish->addr, addr))
			return wish;
	return NULL;
}

static int wish_add(struct iomul_addr addr, const struct iomul_policy *policy)
{
	struct wish *wish = wish_find(addr);

	if (!wish) {
		wish = kzalloc(sizeof(*wish), GFP_KERNEL);
		if (!wish)
			return -ENOMEM;
		wish->addr = addr;
		wish->policy = *policy;
		wish->fresh = true;
		list_add_tail(&wish->list, &wishes);
	}
	return 0;
}

/* The call that made them has come to its end. */
static void wishes_settle(int err)
{
	struct wish *wish, *next;

	list_for_each_entry_safe(wish, next, &wishes, list) {
		if (!wish->fresh)
			continue;
		wish->fresh = false;
		if (err) {
			list_del(&wish->list);
			kfree(wish);
			continue;
		}
		pr_info("%04x:%02x:%02x will share when a device is there\n", wish->addr.segment,
			wish->addr.bus, wish->addr.devfn >> 3);
	}
}

bool iomul_wish_drop(struct iomul_addr addr)
{
	struct wish *wish = wish_find(addr);

	if (!wish)
		return false;
	list_del(&wish->list);
	kfree(wish);
	return true;
}

void iomul_wishes_drop(void)
{
	struct wish *wish, *next;

	list_for_each_entry_safe(wish, next, &wishes, list)
		kfree(wish);
	INIT_LIST_HEAD(&wishes);
}

int iomul_attach_future(struct iomul_addr *addr, u32 count, const struct iomul_policy *policy,
			struct iomul_refusal *refusal)
{
	struct pci_dev *pdev;
	u32 i, here, later;
	int err = 0;

	pci_lock_rescan_remove();
	for (here = 0, later = count; here < later;) {
		pdev = addr_find(addr[here]);
		if (pdev) {
			here++;
		} else {
			later--;
			swap(addr[here], addr[later]);
		}
		pci_dev_put(pdev);
	}
	pci_unlock_rescan_remove();
	mutex_lock(&iomul_lock);
	for (i = here; !err && i < count; i++)
		err = wish_add(addr[i], policy);
	mutex_unlock(&iomul_lock);
	if (!err && here)
		err = iomul_attach(addr, here, policy, refusal);
	mutex_lock(&iomul_lock);
	wishes_settle(err);
	mutex_unlock(&iomul_lock);
	return err;
}

/*
 * Adoption
 */

/* Something to attach: what it is for, and where it is now. */
struct candidate {
	struct iomul_slot *slot;	/* with a reference; NULL: a wish */
	struct iomul_addr addr;
	struct iomul_policy policy;
};

static bool candidate_at(struct candidate *c, struct pci_dev *pdev)
{
	struct iomul_held *held = pdev ? iomul_held_find(pdev) : NULL;
	bool ok = pdev && (!held || held->gone || held->guard);

	if (ok)
		c->addr = iomul_pdev_addr(pdev);
	pci_dev_put(pdev);
	return ok;
}

static bool candidate_next(struct candidate *c)
{
	struct iomul_slot *slot;
	struct wish *wish;

	c->slot = NULL;
	c->policy = (struct iomul_policy){ .windows = 1 };
	list_for_each_entry(slot, &iomul_slots, list) {
		if (!slot->gone || slot->replaced || slot->tried)
			continue;
		slot->tried = true;
		if (!candidate_at(c, where_find(&slot->where)))
			continue;
		iomul_slot_get(slot);
		c->slot = slot;
		return true;
	}
	list_for_each_entry(wish, &wishes, list) {
		if (wish->tried)
			continue;
		wish->tried = true;
		if (!candidate_at(c, addr_find(wish->addr)))
			continue;
		c->policy = wish->policy;
		return true;
	}
	return false;
}

static void adopt(struct candidate *c)
{
	struct iomul_refusal refusal = { 0 };
	int err = iomul_attach(&c->addr, 1, &c->policy, &refusal);

	if (err) {
		pr_warn("%04x:%02x:%02x is there and does not share: error %d, reason %u; see: iomul attach %04x:%02x:%02x\n",
			c->addr.segment, c->addr.bus, c->addr.devfn >> 3, err, refusal.reason,
			c->addr.segment, c->addr.bus, c->addr.devfn >> 3);
		iomul_event("refused", c->addr, IOMUL_NONE, refusal.reason);
	} else {
		iomul_event("adopted", c->addr, IOMUL_NONE, 0);
	}
	mutex_lock(&iomul_lock);
	if (!err && c->slot)
		c->slot->replaced = true;
	if (!err && !c->slot)
		iomul_wish_drop(c->addr);
	if (c->slot)
		iomul_slot_put(c->slot);
	mutex_unlock(&iomul_lock);
}

static void adopt_begin(void)
{
	struct iomul_slot *slot;
	struct wish *wish;

	pci_lock_rescan_remove();
	mutex_lock(&iomul_lock);
	iomul_above_mend();
	iomul_guards_mend();
	list_for_each_entry(slot, &iomul_slots, list)
		slot->tried = false;
	list_for_each_entry(wish, &wishes, list)
		wish->tried = false;
	mutex_unlock(&iomul_lock);
	pci_unlock_rescan_remove();
}

static bool adopt_next(struct candidate *c)
{
	bool more;

	pci_lock_rescan_remove();
	mutex_lock(&iomul_lock);
	more = candidate_next(c);
	mutex_unlock(&iomul_lock);
	pci_unlock_rescan_remove();
	return more;
}

static void adopt_all(struct work_struct *work)
{
	struct candidate c;

	adopt_begin();
	while (adopt_next(&c))
		adopt(&c);
	iomul_detach_replaced();
}

static DECLARE_WORK(work, adopt_all);

static bool stopped;

void iomul_adopt_later(void)
{
	if (!READ_ONCE(stopped))
		schedule_work(&work);
}

void iomul_adopt_stop(void)
{
	WRITE_ONCE(stopped, true);
	cancel_work_sync(&work);
}
