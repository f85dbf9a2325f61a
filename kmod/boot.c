// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module's parameters guestdev= and guestiomuldev=: shares at load time.
 *
 * Only what is asked of the module itself is done here: sharing. Seizing
 * (guestdev without +iomul) means binding a driver, which "iomul boot" does.
 * Nothing here can make loading fail: what can't be done is said, the rest counts.
 */
#include <linux/acpi.h>
#include <linux/module.h>
#include <linux/slab.h>
#include "core/param.h"
#include "iomul.h"

static char *guestdev;
module_param(guestdev, charp, 0444);
MODULE_PARM_DESC(guestdev, "Devices to share at load: PATH+iomul or [seg:]bus:dev.func+iomul, by comma");

static char *guestiomuldev;
module_param(guestiomuldev, charp, 0444);
MODULE_PARM_DESC(guestiomuldev, "Slots to share at load: [seg:]bus:dev[,...] or all");

static unsigned int windows = 1;
module_param(windows, uint, 0444);
MODULE_PARM_DESC(windows, "At most so many windows for each root at load (0: as many as useful)");

static unsigned int reserve;
module_param(reserve, uint, 0444);
MODULE_PARM_DESC(reserve, "Windows of 4 KiB to leave free on each root at load");

/* Slots to share, without doubles. */
struct wish {
	struct iomul_addr *slot;
	u32 slots;
	bool all;
};

/* What is being read, for messages. */
struct source {
	const char *name;
	u32 pos;
};

static int wish_add(struct wish *w, struct iomul_addr addr)
{
	struct iomul_addr *more;
	u32 i;

	addr.devfn &= ~7;
	for (i = 0; i < w->slots; i++)
		if (!memcmp(&w->slot[i], &addr, sizeof(addr)))
			return 0;
	more = krealloc_array(w->slot, w->slots + 1, sizeof(*more), GFP_KERNEL);
	if (!more)
		return -ENOMEM;
	w->slot = more;
	w->slot[w->slots++] = addr;
	return 0;
}

static bool bus_is_root(struct pci_bus *bus, const struct iomul_item *item)
{
	struct acpi_device *adev = ACPI_COMPANION(bus->bridge);

	return adev && iomul_item_root(item, acpi_device_hid(adev), acpi_device_uid(adev));
}

/* The root bus that the path begins at, or NULL: none, or several. */
static struct pci_bus *path_root(const struct source *from, const struct iomul_item *item)
{
	struct pci_bus *bus = NULL, *found = NULL;

	while ((bus = pci_find_next_bus(bus))) {
		if (!bus_is_root(bus, item))
			continue;
		if (found) {
			pr_err("%s, character %u: several root bridges %s; add :UID\n", from->name,
			       from->pos, item->hid);
			return NULL;
		}
		found = bus;
	}
	if (!found)
		pr_err("%s, character %u: no ACPI root bridge %s%s%s\n", from->name, from->pos,
		       item->hid, item->has_uid ? ":" : "", item->uid);
	return found;
}

/* The bus below @devfn of @bus, or NULL. */
static struct pci_bus *bus_below(struct pci_bus *bus, u8 devfn)
{
	struct pci_dev *pdev = pci_get_slot(bus, devfn);

	bus = pdev ? pdev->subordinate : NULL;
	pci_dev_put(pdev);	/* the rescan lock keeps it */
	return bus;
}

static int wish_add_path(struct wish *w, const struct source *from, const struct iomul_item *item)
{
	struct pci_bus *bus = path_root(from, item);
	struct pci_dev *pdev;
	unsigned int i;
	int rc = 0;

	if (!bus)
		return 0;
	for (i = 0; i < item->depth; i++) {
		bus = bus_below(bus, item->bridge[i]);
		if (bus)
			continue;
		pr_err("%s, character %u: no bridge at -%x.%x (component %u)\n", from->name,
		       from->pos, PCI_SLOT(item->bridge[i]), PCI_FUNC(item->bridge[i]), i + 1);
		return 0;
	}
	for (i = 0; i < 256 && !rc; i++) {
		if (!iomul_item_ends_at(item, i))
			continue;
		pdev = pci_get_slot(bus, i);
		if (pdev)
			rc = wish_add(w, iomul_pdev_addr(pdev));
		else
			pr_err("%s, character %u: nothing at %x.%x below bus %04x:%02x\n", from->name,
			       from->pos, PCI_SLOT(i), PCI_FUNC(i), pci_domain_nr(bus), bus->number);
		pci_dev_put(pdev);
	}
	return rc;
}

static int wish_add_item(struct wish *w, const struct source *from, const struct iomul_item *item)
{
	int rc;

	switch (item->kind) {
	case IOMUL_ITEM_ALL:
		w->all = true;
		return 0;
	case IOMUL_ITEM_PATH:
		pci_lock_rescan_remove();
		rc = wish_add_path(w, from, item);
		pci_unlock_rescan_remove();
		return rc;
	default:
		return wish_add(w, item->addr);
	}
}

static int wish_read(struct wish *w, const char *name, const char *text, u32 take)
{
	struct iomul_param p;
	struct iomul_item *item;
	int more, rc = 0;

	if (!text || !*text)
		return 0;
	item = kmalloc(sizeof(*item), GFP_KERNEL);
	if (!item)
		return -ENOMEM;
	iomul_param_init(&p, text, strlen(text), take);
	while (!rc && (more = iomul_param_next(&p, item))) {
		/* People count from one. */
		struct source from = { .name = name, .pos = item->pos + 1 };

		if (more < 0)
			pr_err("%s, character %u: %s\n", name, from.pos, iomul_item_reason(item->error));
		else if (item->share || !(take & IOMUL_TAKE_OPTION))
			rc = wish_add_item(w, &from, item);
	}
	kfree(item);
	return rc;
}

/* Every slot that can share. */
static int wish_add_all(struct wish *w)
{
	struct iomul_refusal why;
	struct iomul_snapshot *snap;
	u32 i;
	int rc = 0;

	pci_lock_rescan_remove();
	mutex_lock(&iomul_lock);
	snap = iomul_snapshot_take();
	if (IS_ERR(snap)) {
		rc = PTR_ERR(snap);
		goto unlock;
	}
	for (i = 0; i < snap->t.nodes && !rc; i++)
		if (iomul_slot_first(&snap->t, i) &&
		    iomul_plan_check(&snap->t, i, &why) == IOMUL_R_NONE)
			rc = wish_add(w, snap->t.node[i].addr);
	iomul_snapshot_free(snap);
unlock:
	mutex_unlock(&iomul_lock);
	pci_unlock_rescan_remove();
	return rc;
}

/* The slot at fault leaves the wish. False: it is not in it. */
static bool wish_drop(struct wish *w, struct iomul_addr slot)
{
	u32 i;

	slot.devfn &= ~7;
	for (i = 0; i < w->slots; i++) {
		if (memcmp(&w->slot[i], &slot, sizeof(slot)))
			continue;
		w->slot[i] = w->slot[--w->slots];
		return true;
	}
	return false;
}

/* Short, since "iomul plan" says it with names and numbers. */
static const char *const reasons[IOMUL_R_COUNT] = {
	[IOMUL_R_NO_SLOT] = "no such device",
	[IOMUL_R_BRIDGE] = "a bridge, not a device",
	[IOMUL_R_NO_IO_BAR] = "it has no I/O BAR",
	[IOMUL_R_IN_USE] = "a host driver uses its ports",
	[IOMUL_R_SHARED] = "it shares already",
	[IOMUL_R_NO_FORWARD] = "a bridge above it cannot forward I/O",
	[IOMUL_R_ISA] = "a bridge above it has ISA Enable set",
	[IOMUL_R_TOO_BIG] = "it needs more ports than the window has",
	[IOMUL_R_NO_SPACE] = "no ports are free for a window",
	[IOMUL_R_IO16] = "a bridge above it decodes 16 bits only",
	[IOMUL_R_UNSIZED] = "the size of an I/O BAR is not known",
	[IOMUL_R_OPEN] = "it is held open",
	[IOMUL_R_HARDWARE] = "its config space did not take a write",
	[IOMUL_R_GONE] = "it was removed meanwhile",
	[IOMUL_R_CONFLICT] = "the ports were taken meanwhile",
	[IOMUL_R_HOOKED] = "somebody else has taken over its config access",
	[IOMUL_R_CLOSED] = "a port above it does not pass its ports on, whatever Linux says",
	[IOMUL_R_MIXED] = "a port that also leads to others has no room left, nor beside its window",
};

/* Attach is all or none, so the refused are left out one by one. */
static void wish_attach(struct wish *w)
{
	struct iomul_policy policy = { .windows = windows, .reserve = reserve };
	struct iomul_refusal r;
	int rc;

	while (w->slots) {
		memset(&r, 0, sizeof(r));
		rc = iomul_attach(w->slot, w->slots, &policy, &r);
		if (!rc) {
			return;
		}
		if (!r.reason || !wish_drop(w, r.slot)) {
			pr_err("nothing shared: error %d\n", rc);
			return;
		}
		pr_err("%04x:%02x:%02x not shared: %s%s%s%s\n", r.slot.segment, r.slot.bus,
		       PCI_SLOT(r.slot.devfn),
		       r.reason < IOMUL_R_COUNT && reasons[r.reason] ? reasons[r.reason] : "refused",
		       *r.who ? " (" : "", r.who, *r.who ? ")" : "");
	}
}

void iomul_boot(void)
{
	struct wish w = {};
	int rc;

	rc = wish_read(&w, "guestdev", guestdev, IOMUL_TAKE_GUESTDEV);
	if (!rc)
		rc = wish_read(&w, "guestiomuldev", guestiomuldev, IOMUL_TAKE_GUESTIOMULDEV);
	if (!rc && w.all)
		rc = wish_add_all(&w);
	if (rc)
		pr_err("guestdev, guestiomuldev: error %d\n", rc);
	else
		wish_attach(&w);
	kfree(w.slot);
}
