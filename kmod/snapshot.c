// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reads the kernel's PCI tree into a topology. Changes nothing, but that an I/O
 * BAR without ports is sized: I/O decode off, write ones, read, restore.
 *
 * The tree stands still under pci_lock_rescan_remove(). The resource tree has a
 * lock of its own that modules can't take, and any driver that is given or gives
 * back ports changes it and frees what was there, a VFIO device that is opened
 * and closed for one. So it is walked while all processors stand still.
 */
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/stop_machine.h>
#include "iomul.h"
#include "core/config.h"
#include <xen/pci.h>	/* which needs struct pci_dev */

static u32 bus_devices(const struct pci_bus *bus)
{
	const struct pci_dev *pdev;
	u32 n = 0;

	list_for_each_entry(pdev, &bus->devices, bus_list) {
		n++;
		if (pdev->subordinate)
			n += bus_devices(pdev->subordinate);
	}
	return n;
}

static struct iomul_snapshot *snapshot_alloc(u32 nodes, u32 roots, u32 busy, u32 groups)
{
	struct iomul_snapshot *snap = kzalloc(sizeof(*snap), GFP_KERNEL);

	if (!snap)
		return NULL;
	snap->node = kvcalloc(nodes + 1, sizeof(*snap->node), GFP_KERNEL);
	snap->root = kvcalloc(roots + 1, sizeof(*snap->root), GFP_KERNEL);
	snap->busy = kvcalloc(busy + 1, sizeof(*snap->busy), GFP_KERNEL);
	snap->pdev = kvcalloc(nodes + 1, sizeof(*snap->pdev), GFP_KERNEL);
	snap->held = kvcalloc(nodes + 1, sizeof(*snap->held), GFP_KERNEL);
	snap->bus = kvcalloc(nodes + roots + 1, sizeof(*snap->bus), GFP_KERNEL);
	snap->t.mark = kvcalloc(nodes + roots + 1, sizeof(*snap->t.mark), GFP_KERNEL);
	snap->t.group = kvcalloc(groups + 1, sizeof(*snap->t.group), GFP_KERNEL);
	if (snap->node && snap->root && snap->busy && snap->pdev && snap->held && snap->bus &&
	    snap->t.mark && snap->t.group)
		return snap;
	iomul_snapshot_free(snap);
	return NULL;
}

void iomul_snapshot_free(struct iomul_snapshot *snap)
{
	u32 i;

	for (i = 0; snap->pdev && i < snap->t.nodes; i++)
		pci_dev_put(snap->pdev[i]);
	kvfree(snap->node);
	kvfree(snap->root);
	kvfree(snap->busy);
	kvfree(snap->pdev);
	kvfree(snap->held);
	kvfree(snap->bus);
	kvfree(snap->t.mark);
	kvfree(snap->t.group);
	kfree(snap);
}

/*
 * BARs
 */

/*
 * The size of an I/O BAR without ports, 0 if it makes no sense or can't be found out: nobody but who
 * decodes may be writing to the command register in this moment. A driver that is bound does not
 * use the BAR, or it would have no device to drive.
 */
static u32 bar_size_probe(struct pci_dev *pdev, unsigned int bar, u32 raw, u32 *flags)
{
	int where = PCI_BASE_ADDRESS_0 + 4 * bar;
	u16 command = iomul_config_read(pdev, PCI_COMMAND, 2);
	const struct iomul_held *held = iomul_held_find(pdev);
	u32 mask;

	if ((held && !held->guard) || (pdev->driver && (command & PCI_COMMAND_IO)))
		return 0;
	if (command & PCI_COMMAND_IO)
		iomul_config_write(pdev, PCI_COMMAND, 2, command & ~PCI_COMMAND_IO);
	iomul_config_write(pdev, where, 4, ~0U);
	mask = iomul_config_read(pdev, where, 4);
	iomul_config_write(pdev, where, 4, raw);
	if (command & PCI_COMMAND_IO)
		iomul_config_write(pdev, PCI_COMMAND, 2, command);
	return iomul_config_bar_size(mask, flags);
}

static struct resource *bar_res(struct pci_dev *pdev, struct iomul_held *held, unsigned int bar)
{
	return held && held->bars & 1U << bar ? iomul_held_bar_res(held, bar) : &pdev->resource[bar];
}

static void bar_read(struct pci_dev *pdev, unsigned int bar, u32 raw, struct iomul_node *node)
{
	struct iomul_held *held = iomul_held_find(pdev);
	bool placed = held && held->bars & 1U << bar;
	const struct resource *res = bar_res(pdev, held, bar);
	struct iomul_bar *b = &node->bar[bar];

	b->at = placed ? held->at[bar] : IOMUL_RANGE_EMPTY;
	if (placed) {
		b->size = iomul_range_size(b->at);
		return;
	}
	if ((res->flags & IORESOURCE_IO) && resource_size(res) >= 4) {
		b->size = resource_size(res);
		if (iomul_res_is_placed(res))
			b->at = iomul_res_range(res);
		return;
	}
	if ((res->flags & IORESOURCE_MEM) || !iomul_config_bar_is_io(raw))
		return;
	b->size = bar_size_probe(pdev, bar, raw, &b->flags);
}

static void bars_read(struct pci_dev *pdev, struct iomul_node *node)
{
	unsigned int i, bars = pdev->hdr_type == PCI_HEADER_TYPE_NORMAL ? 6 :
			       pdev->hdr_type == PCI_HEADER_TYPE_BRIDGE ? 2 : 0;
	u32 raw;

	for (i = 0; i < IOMUL_BARS; i++)
		node->bar[i].at = IOMUL_RANGE_EMPTY;
	if (pdev->is_virtfn)
		return;
	for (i = 0; i < bars; i++) {
		raw = iomul_config_read(pdev, PCI_BASE_ADDRESS_0 + 4 * i, 4);
		if ((raw & (PCI_BASE_ADDRESS_SPACE_IO | PCI_BASE_ADDRESS_MEM_TYPE_MASK)) ==
		    PCI_BASE_ADDRESS_MEM_TYPE_64) {
			i++;	/* the next one is its upper half */
			continue;
		}
		bar_read(pdev, i, raw, node);
	}
}

/*
 * Functions
 */

static u32 port_flags(struct pci_dev *pdev)
{
	u32 flags = IOMUL_NODE_PORT, raw;

	raw = iomul_config_read(pdev, PCI_IO_BASE, 2);
	if (pdev->io_window || (pdev->resource[PCI_BRIDGE_IO_WINDOW].flags & IORESOURCE_IO))
		flags |= IOMUL_NODE_FORWARDS;
	if ((raw & PCI_IO_RANGE_TYPE_MASK) == PCI_IO_RANGE_TYPE_32)
		flags |= IOMUL_NODE_IO32;
	if (iomul_config_read(pdev, PCI_BRIDGE_CONTROL, 2) & PCI_BRIDGE_CTL_ISA)
		flags |= IOMUL_NODE_ISA;
	if (pdev->subordinate && pci_ari_enabled(pdev->subordinate))
		flags |= IOMUL_NODE_ARI;
	return flags;
}

static void port_read(struct pci_dev *pdev, const struct iomul_held *held, struct iomul_node *node)
{
	const struct resource *res = &pdev->resource[PCI_BRIDGE_IO_WINDOW];

	node->flags |= port_flags(pdev);
	if (held && held->window_set)
		node->window = held->live->window;	/* of a group that lost its ports, too */
	else if ((res->flags & IORESOURCE_IO) && iomul_res_is_placed(res) && !(res->flags & IORESOURCE_UNSET))
		node->window = iomul_res_range(res);
	if (!pdev->subordinate)
		return;
	node->bus_first = pdev->subordinate->number;
	node->bus_last = pdev->subordinate->busn_res.end;
}

/*
 * An open VFIO device has told its user where the BARs are. A VFIO driver that
 * is bound and not open has not. In the same way pciback that has given the
 * device to a Xen guest: its ports may be mapped into the guest, where no gate
 * that moves later would be heeded.
 */
static void driver_read(struct pci_dev *pdev, struct iomul_node *node)
{
	if (!pdev->driver)
		return;
	strscpy(node->driver, pdev->driver->name, sizeof(node->driver));
	if (strstr(node->driver, "vfio") && pci_is_enabled(pdev))
		node->flags |= IOMUL_NODE_IN_USE;
	if (xen_find_device_domain_owner(pdev) >= 0)
		node->flags |= IOMUL_NODE_IN_USE;
}

/* But for a guard, which only seems to. */
static bool decodes(struct pci_dev *pdev)
{
	const struct iomul_held *guard = iomul_guard_find(pdev);

	return guard ? guard->visible_io : iomul_config_read(pdev, PCI_COMMAND, 2) & PCI_COMMAND_IO;
}

static void node_read(struct iomul_snapshot *snap, u32 i, u32 root, u32 parent)
{
	struct pci_dev *pdev = snap->pdev[i];
	struct iomul_node *node = &snap->node[i];
	struct iomul_held *held = iomul_guard_find(pdev) ? NULL : iomul_held_find(pdev);

	node->addr = iomul_pdev_addr(pdev);
	node->root = root;
	node->parent = parent;
	node->class_code = pdev->class;
	node->vendor = pdev->vendor;
	node->device = pdev->device;
	node->window = IOMUL_RANGE_EMPTY;
	node->group = IOMUL_NONE;
	if (pdev->is_virtfn)
		node->flags |= IOMUL_NODE_VF;
	if (pci_is_pcie(pdev))
		node->flags |= IOMUL_NODE_PCIE;
	if (decodes(pdev))
		node->flags |= IOMUL_NODE_DECODES;
	bars_read(pdev, node);
	if (pdev->hdr_type == PCI_HEADER_TYPE_BRIDGE)
		port_read(pdev, held, node);
	driver_read(pdev, node);
	snap->held[i] = held;
	if (held && held->live) {
		node->flags |= IOMUL_NODE_SHARED;
		node->group = held->live->id;
	}
}

static int devfn_cmp(const void *a, const void *b)
{
	return (int)(*(struct pci_dev **)a)->devfn - (int)(*(struct pci_dev **)b)->devfn;
}

/* Appends the functions of @bus, which is below @parent. */
static int bus_read(struct iomul_snapshot *snap, struct pci_bus *bus, u32 root, u32 parent, u32 room)
{
	u32 i, first = snap->t.nodes;
	struct pci_dev *pdev;

	list_for_each_entry(pdev, &bus->devices, bus_list) {
		if (snap->t.nodes == room)
			return -EAGAIN;
		snap->pdev[snap->t.nodes++] = pci_dev_get(pdev);
	}
	sort(&snap->pdev[first], snap->t.nodes - first, sizeof(*snap->pdev), devfn_cmp, NULL);
	for (i = first; i < snap->t.nodes; i++) {
		node_read(snap, i, root, parent);
		snap->bus[i] = snap->pdev[i]->subordinate;
	}
	return 0;
}

/*
 * Roots
 */

static int root_cmp(const void *pa, const void *pb)
{
	const struct pci_bus *a = *(struct pci_bus **)pa, *b = *(struct pci_bus **)pb;

	if (pci_domain_nr((struct pci_bus *)a) != pci_domain_nr((struct pci_bus *)b))
		return pci_domain_nr((struct pci_bus *)a) - pci_domain_nr((struct pci_bus *)b);
	return (int)a->number - (int)b->number;
}

static void root_read(struct iomul_root *root, struct pci_bus *bus)
{
	struct resource *res;
	int i;

	root->segment = pci_domain_nr(bus);
	root->bus = bus->number;
	root->lowest = PCIBIOS_MIN_IO;
	pci_bus_for_each_resource(bus, res, i) {
		if (!res || !(res->flags & IORESOURCE_IO) || root->napertures == IOMUL_APERTURES)
			continue;
		root->aperture[root->napertures++] = iomul_res_range(res);
	}
}

static int tree_read(struct iomul_snapshot *snap, struct pci_bus **roots, u32 nroots, u32 room)
{
	u32 i;
	int err = 0;

	for (i = 0; i < nroots; i++)
		root_read(&snap->root[i], roots[i]);
	for (i = 0; !err && i < nroots; i++)
		err = bus_read(snap, roots[i], i, IOMUL_NONE, room);
	for (i = 0; !err && i < snap->t.nodes; i++)
		if (snap->bus[i])
			err = bus_read(snap, snap->bus[i], snap->node[i].root, i, room);
	memcpy(&snap->bus[snap->t.nodes], roots, nroots * sizeof(*roots));
	snap->t.roots = nroots;
	return err;
}

/*
 * Ports that are taken by something else
 */

static bool res_is_pci(const struct iomul_snapshot *snap, const struct resource *r)
{
	struct resource *res;
	u32 i;
	int k;

	for (i = 0; i < snap->t.nodes; i++)
		if (r >= snap->pdev[i]->resource &&
		    r < snap->pdev[i]->resource + DEVICE_COUNT_RESOURCE)
			return true;
	for (i = 0; i < snap->t.roots; i++)
		pci_bus_for_each_resource(snap->bus[snap->t.nodes + i], res, k)
			if (res == r)
				return true;
	return false;
}

static struct iomul_live *res_group(const struct resource *r)
{
	struct iomul_live *live;

	list_for_each_entry(live, &iomul_lives, list)
		if (r == &live->res)
			return live;
	return NULL;
}

static const struct iomul_deed *res_hold(const struct resource *r)
{
	const struct iomul_deed *deed;

	list_for_each_entry(deed, &iomul_journal, list)
		if (deed->hold && r == &deed->hold->res)
			return deed;
	return NULL;
}

static void busy_add(struct iomul_snapshot *snap, const struct resource *r, u32 room)
{
	const struct iomul_deed *deed = res_hold(r);
	struct iomul_busy *b;

	if (snap->t.busies == room)
		return;
	b = &snap->busy[snap->t.busies++];
	b->at = iomul_res_range(r);
	if (deed) {
		b->flags = IOMUL_BUSY_HELD;
		b->holder = deed->held->addr;
	}
	strscpy(b->name, r->name ?: "?", sizeof(b->name));
}

/* What a driver has requested of a BAR is the BAR's, which is in its node. */
static bool res_is_bar(const struct iomul_snapshot *snap, const struct resource *r)
{
	u32 i;

	for (i = 0; i < snap->t.nodes; i++)
		if (r >= snap->pdev[i]->resource &&
		    r < snap->pdev[i]->resource + PCI_BRIDGE_RESOURCES)
			return true;
	return false;
}

/* Depth first; what is not ours to look into is taken as a whole. */
static void busy_read(struct iomul_snapshot *snap, const struct resource *parent, u32 room)
{
	const struct iomul_live *live;
	const struct resource *r;

	for (r = parent->child; r; r = r->sibling) {
		live = res_group(r);
		if (res_is_bar(snap, r) || (live && live->lease))
			continue;
		if (live || res_is_pci(snap, r))
			busy_read(snap, r, room);
		else
			busy_add(snap, r, room);
	}
}

/* Has a driver requested some of it? */
static bool res_claimed(const struct resource *res)
{
	const struct resource *child;

	for (child = res->parent ? res->child : NULL; child; child = child->sibling)
		if (child->flags & IORESOURCE_BUSY)
			return true;
	return false;
}

#define BUSY_MAX 1024

/* In stop_machine(). */
static int resources_read(void *data)
{
	struct iomul_snapshot *snap = data;
	u32 i, bar;

	for (i = 0; i < snap->t.nodes; i++)
		for (bar = 0; bar < IOMUL_BARS; bar++)
			if (!iomul_range_empty(snap->node[i].bar[bar].at) &&
			    res_claimed(bar_res(snap->pdev[i], snap->held[i], bar)))
				snap->node[i].flags |= IOMUL_NODE_IN_USE;
	busy_read(snap, &ioport_resource, BUSY_MAX);
	return 0;
}

/*
 * Windows that the firmware left open and BARs that it left decoding, of which
 * Linux does not know: ports that one of them has are no good for a group,
 * whose own would clash there.
 */

static struct iomul_range bar_hardware_range(struct pci_dev *pdev, unsigned int bar, u32 size)
{
	u32 base = iomul_config_read(pdev, PCI_BASE_ADDRESS_0 + 4 * bar, 4);
	struct pci_bus_region region = { .start = base & PCI_BASE_ADDRESS_IO_MASK };
	struct resource res = { .flags = IORESOURCE_IO };

	if (!region.start || base == ~0U)
		return IOMUL_RANGE_EMPTY;
	region.end = region.start + size - 1;
	pcibios_bus_to_resource(pdev->bus, &res, &region);
	return iomul_res_range(&res);
}

static void stray_add(struct iomul_snapshot *snap, const char *what, u32 node,
		      struct iomul_range at, u32 room)
{
	struct iomul_busy *b;

	if (iomul_range_empty(at) || snap->t.busies == room)
		return;
	b = &snap->busy[snap->t.busies++];
	b->at = at;
	snprintf(b->name, sizeof(b->name), "%s of %s", what, pci_name(snap->pdev[node]));
}

/* Whether the ports above pass them on does not matter: they may be moved there. */
static void stray_bars(struct iomul_snapshot *snap, u32 i, u32 room)
{
	const struct iomul_node *n = &snap->node[i];
	u32 k;

	if (iomul_guard_find(snap->pdev[i]))
		return;
	for (k = 0; (n->flags & IOMUL_NODE_DECODES) && k < IOMUL_BARS; k++)
		if (n->bar[k].size && iomul_range_empty(n->bar[k].at))
			stray_add(snap, "BAR", i,
				  bar_hardware_range(snap->pdev[i], k, n->bar[k].size), room);
}

static void strays_read(struct iomul_snapshot *snap, u32 room)
{
	struct iomul_range hw, known;
	u32 i;

	for (i = 0; i < snap->t.nodes; i++) {
		stray_bars(snap, i, room);
		if ((snap->node[i].flags & (IOMUL_NODE_PORT | IOMUL_NODE_SHARED)) != IOMUL_NODE_PORT ||
		    !(snap->node[i].flags & IOMUL_NODE_FORWARDS))
			continue;
		hw = iomul_port_window(snap->pdev[i]);
		known = snap->node[i].window;
		if (!iomul_range_overlaps(hw, known)) {
			stray_add(snap, "window", i, hw, room);
			continue;
		}
		if (hw.first < known.first)
			stray_add(snap, "window", i, (struct iomul_range){ hw.first, known.first - 1 }, room);
		if (hw.last > known.last)
			stray_add(snap, "window", i, (struct iomul_range){ known.last + 1, hw.last }, room);
	}
}

static void groups_read(struct iomul_snapshot *snap)
{
	struct iomul_live *live;
	struct iomul_group *g;
	u32 i;

	list_for_each_entry(live, &iomul_lives, list) {
		for (i = 0; i < snap->t.nodes + snap->t.roots; i++)
			if (snap->bus[i] == live->anchor)
				break;
		if (i == snap->t.nodes + snap->t.roots) {
			/* Removed, and all of its slots with it; its id is still taken. */
			snap->t.group_base = max(snap->t.group_base, live->id + 1);
			continue;
		}
		g = &snap->t.group[snap->t.groups++];
		g->id = live->id;
		g->anchor = i;
		g->window = live->window;
	}
}

struct iomul_snapshot *iomul_snapshot_take(void)
{
	u32 nodes = 0, roots = 0, groups = 0;
	struct iomul_snapshot *snap;
	struct pci_bus *bus, **sorted;
	struct iomul_live *live;
	int err = -ENOMEM;

	list_for_each_entry(bus, &pci_root_buses, node) {
		roots++;
		nodes += bus_devices(bus);
	}
	list_for_each_entry(live, &iomul_lives, list)
		groups++;
	/* A plan adds a group for each slot at most. */
	snap = snapshot_alloc(nodes, roots, BUSY_MAX, groups + nodes);
	sorted = kcalloc(roots + 1, sizeof(*sorted), GFP_KERNEL);
	if (!snap || !sorted)
		goto err_alloc;
	snap->t.node = snap->node;
	snap->t.root = snap->root;
	snap->t.busy = snap->busy;
	snap->t.groups_max = groups + nodes;
	roots = 0;
	list_for_each_entry(bus, &pci_root_buses, node)
		sorted[roots++] = bus;
	sort(sorted, roots, sizeof(*sorted), root_cmp, NULL);
	err = tree_read(snap, sorted, roots, nodes);
	if (err)
		goto err_alloc;
	stop_machine(resources_read, snap, NULL);
	strays_read(snap, BUSY_MAX);
	groups_read(snap);
	kfree(sorted);
	return snap;

err_alloc:
	kfree(sorted);
	if (snap)
		iomul_snapshot_free(snap);
	return ERR_PTR(err);
}
