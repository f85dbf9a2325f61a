// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions that do not share, below a port that does: plugged in since, or without ports so far.
 *
 * When Linux has something to give ports to there, it takes them out of the port's window, which
 * are the group's, and would let it decode beside whoever owns it. So each is held, a new one from
 * before its driver on, with I/O Space Enable off, until it shares, too, is removed, or the port
 * has a window of its own again. Its driver is told that it is on, and finds its ports busy;
 * when hotplug is over they are taken from it (iomul_steps_mend()).
 */
#include <linux/delay.h>
#include "iomul.h"

/* The next port above that shares, or NULL. */
static struct iomul_held *port_above(const struct pci_dev *pdev)
{
	struct iomul_held *held;
	struct pci_bus *bus;

	for (bus = pdev->bus; bus->self; bus = bus->parent) {
		held = iomul_held_find(bus->self);
		if (held && held->window_set && !held->gone)
			return held;
	}
	return NULL;
}

static void guard_shut(struct iomul_held *held)
{
	if (iomul_held_decode(held, false))
		pci_warn(held->pdev, "iomul: its I/O Space Enable can't be kept off now\n");
}

/* May Linux give it ports? */
static bool wants_ports(const struct pci_dev *pdev)
{
	unsigned int i;

	for (i = 0; i < IOMUL_BARS; i++)
		if (pdev->resource[i].flags & IORESOURCE_IO)
			return true;
	return pdev->hdr_type == PCI_HEADER_TYPE_BRIDGE;
}

void iomul_guard_new(struct pci_dev *pdev)
{
	struct iomul_held *up = wants_ports(pdev) ? port_above(pdev) : NULL, *held;

	if (!up || iomul_held_find(pdev))
		return;
	/* Going on without would be worse than to wait for the memory. */
	while (IS_ERR(held = iomul_held_new(pdev, NULL)) && PTR_ERR(held) == -ENOMEM)
		msleep(20);
	if (IS_ERR(held)) {
		pci_warn(pdev, "iomul: below %s, which shares: its config access is taken over by somebody else\n",
			 pci_name(up->pdev));
		return;
	}
	held->window_only = false;
	held->guard = true;
	held->up = up;
	synchronize_rcu();	/* as for an attach: it may be in use, for its memory */
	iomul_held_start(held);
	guard_shut(held);
	iomul_held_files(held, false);
	if (pdev->hdr_type != PCI_HEADER_TYPE_BRIDGE)
		pci_info(pdev, "iomul: below %s, which shares: no I/O ports but by sharing, too: iomul attach %s\n",
			 pci_name(up->pdev), pci_name(pdev));
}

void iomul_guard_lost(struct iomul_held *held)
{
	held->gone = true;
	iomul_held_unbound(held);
	iomul_held_stop(held);
	synchronize_rcu();
	iomul_held_free(held);
}

struct iomul_held *iomul_guard_find(const struct pci_dev *pdev)
{
	struct iomul_held *held = iomul_held_find(pdev);

	return held && held->guard ? held : NULL;
}

void iomul_guard_join(struct iomul_held *held, struct iomul_live *live)
{
	iomul_held_set_live(held, live);
	held->was_guard = true;
	held->up = NULL;
}

bool iomul_guard_again(struct iomul_held *held)
{
	struct iomul_held *up = NULL;

	if (!held->gone && (held->was_guard || wants_ports(held->pdev)))
		up = port_above(held->pdev);
	if (!up)
		return false;
	held->guard = true;		/* or still, below another port */
	held->was_guard = held->window_only = held->window_set = false;
	held->slot = NULL;
	list_del_init(&held->in_slot);
	iomul_held_set_live(held, NULL);
	held->gate = IOMUL_NONE;
	held->bars = 0;
	held->slots = held->leaving = 0;
	held->up = up;
	guard_shut(held);
	iomul_held_files(held, false);
	return true;
}

static bool has_ports(const struct pci_dev *pdev)
{
	unsigned int i;

	for (i = 0; i <= PCI_BRIDGE_IO_WINDOW; i++)
		if ((pdev->resource[i].flags & IORESOURCE_IO) && pdev->resource[i].parent)
			return true;
	return false;
}

void iomul_guard_end(struct iomul_held *held)
{
	if (held->gone)
		return;
	iomul_held_files(held, true);
	if (held->visible_io && (!held->stale || has_ports(held->pdev)))
		iomul_held_decode(held, true);
}

void iomul_guards_mend(void)
{
	struct iomul_held *held;

	list_for_each_entry(held, &iomul_helds, in_all) {
		if (!held->guard)
			continue;
		iomul_held_files(held, false);
		iomul_guard_mend(held);
	}
}

void iomul_guard_mend(struct iomul_held *held)
{
	u16 command = iomul_held_command(held);

	if (command != 0xffff && (command & PCI_COMMAND_IO))
		guard_shut(held);
}
