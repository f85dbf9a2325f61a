// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ports above a group. They are others', and pass the group's ports on to its gates.
 *
 * For a device whose ports don't suffice, the kernel gives up the windows of other ports, with all
 * that lies in them, and tells nobody. A group below one of these is adrift from then on, which
 * the filter notices as the window is closed: accesses wait. When hotplug is over the windows are
 * opened again where they were. If somebody else has got their ports by then, the group is
 * stranded until its slots are detached: whoever uses one gets -ENODEV.
 *
 * A host driver that had a lease keeps using ports of which the kernel knows no more, so
 * a leased group is stranded in any case.
 */
#include <linux/slab.h>
#include "iomul.h"

static u32 above_count(const struct pci_bus *bus)
{
	u32 n = 0;

	for (; bus->self; bus = bus->parent)
		n++;
	return n;
}

bool iomul_above_alloc(struct iomul_live *live)
{
	live->levels_above = above_count(live->anchor);
	live->above = kcalloc(live->levels_above + 1, sizeof(*live->above), GFP_KERNEL);
	return live->above;
}

/* The window of the port @level ports above the uppermost gates. */
static struct resource *above_window(const struct iomul_live *live, u32 level, struct pci_dev **pdev)
{
	struct pci_bus *bus = live->anchor;

	while (level--)
		bus = bus->parent;
	*pdev = bus->self;
	return &bus->self->resource[PCI_BRIDGE_IO_WINDOW];
}

void iomul_above_note(struct iomul_live *live)
{
	const struct resource *res;
	struct pci_dev *pdev;
	u32 i;

	if (!live->res.parent)
		return;
	for (i = 0; i < live->levels_above; i++) {
		res = above_window(live, i, &pdev);
		live->above[i] = (struct iomul_above){ .at = iomul_res_range(res),
						       .flags = res->parent ? res->flags : 0 };
	}
}

/*
 * The group's range is not in the tree any more, and a driver, such as vfio-pci for its guest, could request
 * ports that are somebody else's now. So BARs have none until it is back; iomul_steps_mend().
 */
static void bars_forget(struct iomul_held *held)
{
	struct resource *res;
	unsigned int bar;

	for (bar = 0; !held->hidden && bar < IOMUL_BARS; bar++) {
		if (!(held->bars & 1U << bar))
			continue;
		res = &held->pdev->resource[bar];
		res->start = res->end = res->flags = 0;
	}
}

/*
 * What is read or written while a window is closed is lost. Each access from here on settles the group first,
 * and whoever has read ones sees by the counts that a window was being written since he did so.
 */
void iomul_above_written(struct iomul_held *held)
{
	struct iomul_live *live = held->live;

	if (!READ_ONCE(live->res.parent)) {
		WRITE_ONCE(live->adrift, true);
		bars_forget(held);
		iomul_adopt_later();
	}
	smp_store_release(&live->touched, true);	/* iomul_live_settle() */
}

void iomul_above_binding(void)
{
	struct iomul_live *live;

	list_for_each_entry(live, &iomul_lives, list) {
		if (!READ_ONCE(live->adrift) || live->stranded)
			continue;
		iomul_turn_take(live, NULL, false);
		iomul_live_settle(live);
		iomul_live_shut(live);
		iomul_turn_give(live);
	}
}

struct pci_dev *iomul_above_closed(const struct iomul_live *live)
{
	struct pci_dev *closed = NULL;
	const struct pci_bus *bus;

	for (bus = live->anchor; bus->self; bus = bus->parent)
		if (!bus->self->transparent &&
		    !iomul_range_contains(iomul_port_window(bus->self), live->window))
			closed = bus->self;
	return closed;
}

/* A window that is closed is opened as @above has it. False: it is another one by now, or can't be. */
static bool window_open(struct iomul_live *live, struct pci_dev *pdev, struct resource *res,
			const struct iomul_above *above)
{
	const struct resource closed = *res;
	struct resource *aperture;

	if (res->parent) {
		if (!iomul_range_contains(iomul_res_range(res), live->window))
			return false;
		/* Placed anew, but Linux does not open the window of a port in use. */
		if (!iomul_range_equal(iomul_port_window(pdev), iomul_res_range(res)))
			iomul_port_window_write(pdev, iomul_res_range(res));
		return true;
	}
	aperture = iomul_bus_aperture(pdev->bus, above->at);
	if (!aperture)
		return false;
	res->start = above->at.first;
	res->end = above->at.last;
	res->flags = above->flags;
	if (request_resource(aperture, res)) {
		res->start = closed.start;	/* what it asks for */
		res->end = closed.end;
		res->flags = closed.flags;
		return false;
	}
	iomul_port_window_write(pdev, above->at);
	pci_info(pdev, "iomul: %pR is open again for who shares below\n", res);
	return true;
}

static bool windows_open(struct iomul_live *live)
{
	struct resource *res;
	struct pci_dev *pdev;
	u32 i;

	for (i = live->levels_above; i--;) {
		res = above_window(live, i, &pdev);
		/* A transparent bridge passes what its parent does. */
		if (!live->above[i].flags && pdev->transparent)
			continue;
		if (!window_open(live, pdev, res, &live->above[i]))
			return false;
	}
	return true;
}

static void strand(struct iomul_live *live)
{
	struct iomul_slot *slot;

	pr_warn("group %u: its ports %#06x-%#06x are not passed on any more, Linux gave up windows of ports above: detach its slots\n",
		live->id, live->window.first, live->window.last);
	list_for_each_entry(slot, &iomul_slots, list)
		if (slot->live == live && !slot->gone)
			iomul_event("stranded", slot->addr, live->id, 0);
}

/* True: it is back, and its functions' BARs are not yet. */
static bool live_mend(struct iomul_live *live)
{
	const struct resource *with;
	bool back = live->res.parent;
	u32 i;

	if (live->stranded || live->anchor_gone || (back && !READ_ONCE(live->adrift)))
		return false;
	if (!back && !live->lease && windows_open(live)) {
		iomul_holds_return();
		back = !iomul_reserve(live, &with);
	}
	iomul_turn_take(live, NULL, false);
	live->stranded = !back;
	WRITE_ONCE(live->adrift, !back);
	for (i = 0; i < live->tree.helds; i++)
		iomul_held_touch(live->tree.held[i]);
	iomul_live_settle(live);
	iomul_live_shut(live);
	iomul_turn_give(live);
	wake_up_all(&live->lease_over);
	if (!back)
		strand(live);
	return back;
}

void iomul_above_mend(void)
{
	struct iomul_live *live;
	bool back = false;

	iomul_steps_mend();
	list_for_each_entry(live, &iomul_lives, list)
		back |= live_mend(live);
	if (back)
		iomul_steps_mend();
	iomul_steps_forget();
}

void iomul_above_lost(struct pci_dev *pdev)
{
	struct iomul_live *live;

	list_for_each_entry(live, &iomul_lives, list) {
		if (live->anchor->self != pdev)
			continue;
		live->anchor_gone = true;
		iomul_reserve_drop(live);
	}
}
