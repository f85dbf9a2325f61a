// SPDX-License-Identifier: GPL-2.0-only
/*
 * Carries out the steps of a plan, one function a kind, and undoes them.
 *
 * Resources of held functions before (left) and while they share (right):
 *
 *	root bus                        root bus
 *	  window of port A                hold of A    (while A has nothing itself)
 *	    BAR of slot A                 group N, busy
 *	  window of port B              a private root for each port
 *	    BAR of slot B                 window of port A = group's range
 *	                                    BAR of slot A
 *
 * Nothing of the kernel's is without parent, so pci_enable_device() works as
 * ever; nobody is given ports of a hold or a group. A group's range may lie
 * inside a hold, or around several. A mixed port that is widened takes what it
 * needs of the holds beside it.
 *
 * In Xen's control domain the BARs on the right are ours: the toolstack and
 * QEMU map whatever ports sysfs shows of a device into its guest, where no gate
 * would be heeded. The kernel's own show none there, as of a starved function.
 *
 * All under pci_lock_rescan_remove() and iomul_lock.
 */
#include <linux/slab.h>
#include <xen/xen.h>
#include "iomul.h"

LIST_HEAD(iomul_journal);
/* Undone, but for the resource: it lies in that of a port that shares on. Under iomul_lock. */
static LIST_HEAD(late);

#define BAR_IS_WINDOW(step) ((step)->bar == IOMUL_STEP_IS_WINDOW)

static struct resource *deed_resource(const struct iomul_deed *deed)
{
	struct pci_dev *pdev = deed->held->pdev;

	return &pdev->resource[BAR_IS_WINDOW(&deed->step) ? PCI_BRIDGE_IO_WINDOW : deed->step.bar];
}

static void deed_save(struct iomul_deed *deed)
{
	const struct resource *res = deed_resource(deed);

	deed->parent = res->parent;
	deed->name = res->name;
	deed->start = res->start;
	deed->end = res->end;
	deed->flags = res->flags;
}

static void deed_restore(struct iomul_deed *deed)
{
	struct resource *res = deed_resource(deed);

	res->name = deed->name;
	res->start = deed->start;
	res->end = deed->end;
	res->flags = deed->flags;
}

static int deed_refuse(struct iomul_deed *deed, struct iomul_refusal *refusal, u32 reason)
{
	struct iomul_addr at = deed->held ? deed->held->addr : (struct iomul_addr){ 0 };

	return iomul_refuse(refusal, reason, deed->held && deed->held->slot ?
			    deed->held->slot->addr : at, at);
}

static int deed_conflict(struct iomul_deed *deed, struct iomul_refusal *refusal,
			 struct iomul_range range, const struct resource *with)
{
	int err = deed_refuse(deed, refusal, IOMUL_R_CONFLICT);

	refusal->range = range;
	if (with && with->name)
		strscpy(refusal->who, with->name, sizeof(refusal->who));
	return err;
}

/*
 * One pair for each kind
 */

static int release_carry_out(struct iomul_deed *deed, struct iomul_refusal *refusal)
{
	struct resource *res = deed_resource(deed);

	if (!res->parent || res->child)
		return deed_conflict(deed, refusal, iomul_res_range(res), res->child);
	deed_save(deed);
	release_resource(res);
	return 0;
}

/* The port above still shares: its own range is not back yet. */
static void undo_later(struct iomul_deed *deed, struct resource *res)
{
	deed->res = res;
	deed->pdev = pci_dev_get(deed->held->pdev);
}

/* @res waits for its place: the deed that says which. */
static const struct iomul_deed *late_find(const struct resource *res)
{
	const struct iomul_deed *deed;

	list_for_each_entry(deed, &late, list)
		if (deed->res == res && deed->parent)
			return deed;
	return NULL;
}

bool iomul_res_is_placed(const struct resource *res)
{
	const struct iomul_held *held;

	while (res->parent)
		res = res->parent;
	if (res == &ioport_resource)
		return true;
	list_for_each_entry(held, &iomul_helds, in_all)
		if (res == &held->root)
			return true;
	return false;
}

static bool is_window_of_ours(const struct resource *res)
{
	const struct iomul_held *held;

	list_for_each_entry(held, &iomul_helds, in_all)
		if (held->window_set && res == &held->pdev->resource[PCI_BRIDGE_IO_WINDOW])
			return true;
	return false;
}

/* Has the kernel given @res up, or what that is in, and has not placed it anew? What shares comes back at detach. */
static bool given_up(const struct resource *res)
{
	const struct iomul_deed *waits;

	if (iomul_res_is_placed(res) || is_window_of_ours(res))
		return false;
	waits = late_find(res);
	return !waits || given_up(waits->parent);
}

/* The next bus up whose ports @bus has as well, behind a transparent bridge. */
static struct pci_bus *bus_beyond(const struct pci_bus *bus)
{
	return bus->self && bus->self->transparent ? bus->parent : NULL;
}

static bool port_shares(const struct iomul_deed *deed)
{
	const struct iomul_held *up;
	const struct pci_bus *bus;

	if (deed->parent)
		return is_window_of_ours(deed->parent);
	for (bus = deed->pdev->bus; bus; bus = bus_beyond(bus)) {
		up = bus->self ? iomul_held_find(bus->self) : NULL;
		if (up && up->window_set)
			return true;
	}
	return false;
}

static bool res_is_ours(const struct pci_dev *pdev, unsigned int i)
{
	const struct iomul_held *held = iomul_held_find(pdev);

	return held && (i < IOMUL_BARS ? held->bars & 1U << i : held->window_set);
}

/* It shares again, maybe in a group that has lost its ports; the deed still says where it was before. */
static bool late_shares(const struct iomul_deed *deed)
{
	return res_is_ours(deed->pdev, BAR_IS_WINDOW(&deed->step) ? PCI_BRIDGE_IO_WINDOW : deed->step.bar);
}

static bool late_in_parent(const struct iomul_deed *deed)
{
	return deed->parent && deed->res->parent == deed->parent && !late_shares(deed);
}

/*
 * In a window that waits, or is in one that does, a BAR is parked, so that pci_enable_device() works. It waits as well,
 * since the kernel may give the window other ports meanwhile.
 */
static bool late_parked(const struct iomul_deed *deed)
{
	return late_in_parent(deed) && !iomul_res_is_placed(deed->parent);
}

static bool late_waits(const struct iomul_deed *deed)
{
	return (!deed->res->parent || late_parked(deed)) && !late_shares(deed);
}

/* Has somebody else what @deed, or a port above, waits for, and not a port that will have its own range again? */
static bool late_taken(const struct iomul_deed *deed)
{
	const struct iomul_deed *up;

	if (!deed->parent || !late_waits(deed) || port_shares(deed))
		return false;
	if (iomul_res_is_placed(deed->parent))
		return true;
	up = late_find(deed->parent);
	return up && late_taken(up);
}

/* The kernel may have done so already: where ports don't suffice, it starts anew with those of others. */
static void res_release(struct resource *res)
{
	if (res->parent)
		release_resource(res);
}

/* As the kernel leaves what it gives up: by its old number a driver would get ports of others. */
static void res_unplace(struct resource *res)
{
	while (res->child)
		res_unplace(res->child);
	res_release(res);
	res->end -= res->start;
	res->start = 0;
}

/* Registers say what was before; whoever has those ports now must not be answered for. */
static void late_shut(struct iomul_deed *deed)
{
	struct iomul_held *guard;
	u16 command;

	if (!late_taken(deed))
		return;
	res_unplace(deed->res);
	if (deed->shut)
		return;
	if (BAR_IS_WINDOW(&deed->step)) {
		iomul_port_window_write(deed->pdev, IOMUL_RANGE_EMPTY);
		deed->shut = true;
		return;
	}
	guard = iomul_guard_find(deed->pdev);
	if (guard)
		guard->stale = true;
	command = iomul_config_read(deed->pdev, PCI_COMMAND, 2);
	deed->shut = command != 0xffff && (command & PCI_COMMAND_IO);
	if (deed->shut)
		iomul_config_write(deed->pdev, PCI_COMMAND, 2, command & ~PCI_COMMAND_IO);
}

/* I/O Space Enable is to be on: must it stay off, for what others have? Then what waits is marked so. */
static bool late_keep_shut(const struct pci_dev *pdev)
{
	struct iomul_deed *deed;
	bool shut = false;

	list_for_each_entry(deed, &late, list) {
		if (deed->pdev != pdev || BAR_IS_WINDOW(&deed->step) || !late_taken(deed))
			continue;
		deed->shut = true;
		shut = true;
	}
	return shut;
}

static void late_write(const struct iomul_deed *deed)
{
	struct pci_bus_region at;

	if (BAR_IS_WINDOW(&deed->step)) {
		iomul_port_window_write(deed->pdev, iomul_res_range(deed->res));
		return;
	}
	pcibios_resource_to_bus(deed->pdev->bus, &at, deed->res);
	iomul_config_write(deed->pdev, PCI_BASE_ADDRESS_0 + 4 * deed->step.bar, 4,
			   at.start | PCI_BASE_ADDRESS_SPACE_IO);
}

/* It has its ports again. */
static void late_open(struct iomul_deed *deed)
{
	if (!deed->shut)
		return;
	deed->shut = false;
	late_write(deed);
	if (!BAR_IS_WINDOW(&deed->step) && !late_keep_shut(deed->pdev))
		iomul_config_write(deed->pdev, PCI_COMMAND, 2,
				   iomul_config_read(deed->pdev, PCI_COMMAND, 2) | PCI_COMMAND_IO);
}

static void release_undo(struct iomul_deed *deed)
{
	struct resource *res = deed_resource(deed);

	if (deed->held->gone)
		return;
	deed_restore(deed);
	if (!given_up(deed->parent) && !request_resource(deed->parent, res) && iomul_res_is_placed(deed->parent))
		return;
	undo_later(deed, res);
	late_shut(deed);
}

static int decode_carry_out(struct iomul_deed *deed, struct iomul_refusal *refusal)
{
	if (iomul_held_decode(deed->held, deed->step.now))
		return deed_refuse(deed, refusal, IOMUL_R_HARDWARE);
	return 0;
}

static void decode_undo(struct iomul_deed *deed)
{
	/* Of a guard it stays off for as long as a port above shares. */
	bool on = deed->step.was && !deed->held->was_guard;

	iomul_held_decode(deed->held, on && !late_keep_shut(deed->held->pdev));
}

static int hold_carry_out(struct iomul_deed *deed, struct iomul_refusal *refusal)
{
	struct iomul_hold *hold = kzalloc(sizeof(*hold), GFP_KERNEL);
	int err;

	if (!hold)
		return -ENOMEM;
	err = release_carry_out(deed, refusal);
	if (err)
		goto err_release;
	snprintf(hold->name, sizeof(hold->name), "iomul hold %s", pci_name(deed->held->pdev));
	hold->res = (struct resource){
		.name = hold->name,
		.start = deed->start,
		.end = deed->end,
		.flags = IORESOURCE_IO | IORESOURCE_BUSY,
	};
	hold->at = iomul_res_range(&hold->res);
	if (request_resource(deed->parent, &hold->res)) {
		release_undo(deed);
		err = deed_conflict(deed, refusal, iomul_res_range(&hold->res), NULL);
		goto err_release;
	}
	deed->hold = hold;
	return 0;

err_release:
	kfree(hold);
	return err;
}

static void hold_undo(struct iomul_deed *deed)
{
	if (deed->hold->res.parent)
		remove_resource(&deed->hold->res);
	kfree(deed->hold);
	deed->hold = NULL;
	release_undo(deed);
}

/* Its function is going, or what it lies in: what that had is free, as if it had not shared. */
void iomul_hold_drop(struct iomul_hold *hold)
{
	if (hold->res.parent)
		remove_resource(&hold->res);
	hold->at = IOMUL_RANGE_EMPTY;
	hold->leased = NULL;
}

bool iomul_res_is_hold(const struct resource *res)
{
	const struct iomul_deed *deed;

	list_for_each_entry(deed, &iomul_journal, list)
		if (deed->hold && &deed->hold->res == res)
			return true;
	return false;
}

/* Is @res of @bus in use, and not what the kernel has found no place for? */
static bool res_passes(struct pci_bus *bus, const struct resource *res)
{
	return iomul_res_is_placed(res) || pci_is_root_bus(bus);
}

struct resource *iomul_bus_aperture(struct pci_bus *bus, struct iomul_range at)
{
	struct resource *res;
	int i;

	pci_bus_for_each_resource(bus, res, i)
		if (res && (res->flags & IORESOURCE_IO) && res_passes(bus, res) &&
		    res->start <= at.first && at.last <= res->end)
			return res;
	return NULL;
}

int iomul_reserve(struct iomul_live *live, const struct resource **with)
{
	struct resource *aperture = iomul_bus_aperture(live->anchor, live->window), *res;

	*with = NULL;
	if (!aperture)
		return -EBUSY;
	/* insert_resource() would adopt whatever lies inside; only holds may. */
	for (res = aperture->child; res; res = res->sibling) {
		if (!iomul_range_overlaps(iomul_res_range(res), live->window) || iomul_res_is_hold(res))
			continue;
		*with = res;
		return -EBUSY;
	}
	live->res = (struct resource){
		.name = live->name,
		.start = live->window.first,
		.end = live->window.last,
		.flags = IORESOURCE_IO | IORESOURCE_BUSY,
	};
	return insert_resource(aperture, &live->res) ? -EBUSY : 0;
}

static int reserve_carry_out(struct iomul_deed *deed, struct iomul_refusal *refusal)
{
	const struct resource *with;

	if (iomul_reserve(deed->live, &with))
		return deed_conflict(deed, refusal, deed->step.to, with);
	return 0;
}

void iomul_reserve_drop(struct iomul_live *live)
{
	if (live->res.parent)
		remove_resource(&live->res);
}

static void reserve_undo(struct iomul_deed *deed)
{
	iomul_reserve_drop(deed->live);
}

/* The private resource that is the parent of everything of @held. */
static struct resource *held_root(struct iomul_held *held)
{
	if (!held->root.flags) {
		held->root.name = "iomul";
		held->root.start = held->live->window.first;
		held->root.end = held->live->window.last;
		held->root.flags = IORESOURCE_IO;
	}
	return &held->root;
}

static void res_place(struct resource *res, struct pci_dev *pdev, struct iomul_range at,
		      unsigned long flags)
{
	res->name = pci_name(pdev);
	res->start = at.first;
	res->end = at.last;
	res->flags &= ~(IORESOURCE_UNSET | IORESOURCE_DISABLED);
	res->flags |= IORESOURCE_IO | flags;
}

/*
 * Below the window of the port above, where there is one. On a shared bus
 * another slot may have the place already: then below a private root.
 */
static int bar_request(struct iomul_held *held, struct resource *res)
{
	struct iomul_held *up = held->up;

	if (up && up->window_set && up->pdev == held->bus->self &&
	    !request_resource(&up->pdev->resource[PCI_BRIDGE_IO_WINDOW], res))
		return 0;
	return request_resource(held_root(held), res);
}

static bool deed_is_window(const struct iomul_deed *deed)
{
	return deed->step.kind == IOMUL_STEP_WINDOW;
}

/* Places @res, of @deed's window or BAR, where it shares. */
static int deed_place(const struct iomul_deed *deed, struct resource *res)
{
	struct iomul_held *held = deed->held;

	if (deed_is_window(deed)) {
		res_place(res, held->pdev, deed->step.to, held->io32 ? PCI_IO_RANGE_TYPE_32 : 0);
		return request_resource(held_root(held), res);
	}
	res_place(res, held->pdev, deed->step.to, PCI_BASE_ADDRESS_SPACE_IO | IORESOURCE_SIZEALIGN);
	return bar_request(held, res);
}

/*
 * The file resourceN of sysfs reads and writes ports where the BAR is, and asks nobody whose they are
 * at the moment. Who has it open gets -ENODEV.
 */
static void bar_file(struct iomul_held *held, unsigned int bar, bool there)
{
	struct pci_dev *pdev = held->pdev;
	struct bin_attribute *attr = iomul_bar_file(pdev, bar);

	if (!attr || there != !!(held->no_file & 1U << bar))
		return;
	held->no_file ^= 1U << bar;
	if (!there)
		sysfs_remove_bin_file(&pdev->dev.kobj, attr);
	else if (sysfs_create_bin_file(&pdev->dev.kobj, attr))
		pci_warn(pdev, "iomul: %s is not back\n", attr->attr.name);
}

/* It gets ports when the port above has some of its own; if there is memory to remember it. */
static void late_remember(struct pci_dev *pdev, unsigned int bar)
{
	struct resource *res = &pdev->resource[bar];
	struct iomul_deed *deed;

	list_for_each_entry(deed, &late, list)
		if (deed->res == res)
			return;
	deed = kzalloc(sizeof(*deed), GFP_KERNEL);
	if (!deed)
		return;
	deed->step.bar = bar;
	deed->start = res->start;
	deed->end = res->end;
	deed->flags = res->flags;
	deed->res = res;
	deed->pdev = pci_dev_get(pdev);
	list_add_tail(&deed->list, &late);
}

void iomul_steps_newcomer(struct pci_dev *pdev)
{
	unsigned int bar;

	for (bar = 0; bar < IOMUL_BARS; bar++)
		if (pdev->resource[bar].flags & IORESOURCE_IO)
			late_remember(pdev, bar);
}

static void bar_evict(struct pci_dev *pdev, unsigned int bar)
{
	struct iomul_held *guard = iomul_guard_find(pdev);
	u16 command = iomul_config_read(pdev, PCI_COMMAND, 2);

	if (guard) {
		guard->stale = true;
		bar_file(guard, bar, false);
	}
	if (command & PCI_COMMAND_IO)
		iomul_config_write(pdev, PCI_COMMAND, 2, command & ~PCI_COMMAND_IO);
	late_remember(pdev, bar);
}

/*
 * Takes from @window, of the port above @bus, what the kernel has placed there since it shares: the
 * ports are the group's, and other ones than those that the port will have.
 */
static void bus_evict(struct pci_bus *bus, const struct resource *window)
{
	struct pci_dev *pdev;
	struct resource *res;
	unsigned int i;

	list_for_each_entry(pdev, &bus->devices, bus_list) {
		for (i = 0; i <= PCI_BRIDGE_IO_WINDOW; i++) {
			res = &pdev->resource[i];
			if (res->parent != window || res_is_ours(pdev, i))
				continue;
			if (!late_find(res))
				pci_info(pdev, "iomul: %pR was shared, and is no longer its own%s\n", res,
					 i == PCI_BRIDGE_IO_WINDOW ? "; remove and rescan it for another" : "");
			if (i < IOMUL_BARS)
				bar_evict(pdev, i);
			else if (pdev->subordinate)
				bus_evict(pdev->subordinate, res);
			if (i == PCI_BRIDGE_IO_WINDOW)
				iomul_port_window_write(pdev, IOMUL_RANGE_EMPTY);
			release_resource(res);
			res->start = res->end = res->flags = 0;
		}
		if (pdev->subordinate && pdev->transparent)
			bus_evict(pdev->subordinate, window);
	}
}

static int window_carry_out(struct iomul_deed *deed, struct iomul_refusal *refusal)
{
	struct iomul_held *held = deed->held;
	struct resource *res = deed_resource(deed);

	/* While it waited for its own place Linux may have put there what was plugged in. */
	bus_evict(held->pdev->subordinate, res);
	deed_save(deed);
	if (iomul_held_window(held, iomul_held_window_at(held, deed->step.to))) {
		iomul_held_window(held, held->found);
		return deed_refuse(deed, refusal, IOMUL_R_HARDWARE);
	}
	if (deed_place(deed, res)) {
		deed_restore(deed);
		iomul_held_window(held, held->found);
		return deed_conflict(deed, refusal, deed->step.to, NULL);
	}
	held->window_set = true;
	return 0;
}

static void window_undo(struct iomul_deed *deed)
{
	struct iomul_held *held = deed->held;

	if (held->gone)
		return;
	held->window_set = false;
	bus_evict(held->pdev->subordinate, deed_resource(deed));
	res_release(deed_resource(deed));
	deed_restore(deed);
	iomul_held_window(held, held->found);
}

static int bar_hide(struct iomul_held *held, struct resource *res)
{
	if (!xen_initial_domain())
		return 0;
	if (!held->hidden)
		held->hidden = kcalloc(IOMUL_BARS, sizeof(*held->hidden), GFP_KERNEL);
	if (!held->hidden)
		return -ENOMEM;
	res->start = res->end = res->flags = 0;
	return 0;
}

void iomul_held_files(struct iomul_held *held, bool there)
{
	unsigned int bar;

	for (bar = 0; bar < IOMUL_BARS; bar++)
		if (there || held->pdev->resource[bar].flags & IORESOURCE_IO)
			bar_file(held, bar, there && pci_resource_len(held->pdev, bar));
}

static int bar_carry_out(struct iomul_deed *deed, struct iomul_refusal *refusal)
{
	struct iomul_held *held = deed->held;
	unsigned int bar = deed->step.bar;
	struct resource *res;

	deed_save(deed);
	if (bar_hide(held, deed_resource(deed)))
		return -ENOMEM;
	res = iomul_held_bar_res(held, bar);
	held->at[bar] = deed->step.to;
	deed->raw = iomul_config_read(held->pdev, PCI_BASE_ADDRESS_0 + 4 * bar, 4);
	if (deed_place(deed, res)) {
		deed_restore(deed);
		return deed_conflict(deed, refusal, deed->step.to, NULL);
	}
	if (iomul_held_bar(held, bar, iomul_held_bar_value(held, bar))) {
		iomul_held_bar(held, bar, deed->raw);
		release_resource(res);
		deed_restore(deed);
		return deed_refuse(deed, refusal, IOMUL_R_HARDWARE);
	}
	held->bars |= 1U << bar;
	bar_file(held, bar, false);
	return 0;
}

static void bar_undo(struct iomul_deed *deed)
{
	struct iomul_held *held = deed->held;

	if (held->gone)
		return;
	held->bars &= ~(1U << deed->step.bar);
	iomul_held_bar(held, deed->step.bar, deed->raw);
	res_release(iomul_held_bar_res(held, deed->step.bar));
	deed_restore(deed);
	if (pci_resource_len(held->pdev, deed->step.bar))
		bar_file(held, deed->step.bar, true);
}

/*
 * Widened ports
 */

/* What is left of @range without the ports of @taken, which does not lie in its middle. */
static struct iomul_range range_cut(struct iomul_range range, struct iomul_range taken)
{
	if (!iomul_range_overlaps(range, taken))
		return range;
	if (range.first < taken.first)
		return (struct iomul_range){ range.first, taken.first - 1 };
	if (range.last > taken.last)
		return (struct iomul_range){ taken.last + 1, range.last };
	return IOMUL_RANGE_EMPTY;
}

static bool is_widen(const struct iomul_deed *deed)
{
	return deed->step.kind == IOMUL_STEP_WIDEN;
}

static int hold_place(struct iomul_deed *deed, struct iomul_range at)
{
	struct resource *res = &deed->hold->res;

	if (res->parent && iomul_range_empty(at))
		return remove_resource(res);
	if (res->parent)
		return adjust_resource(res, at.first, iomul_range_size(at));
	if (iomul_range_empty(at))
		return 0;
	res->start = at.first;
	res->end = at.last;
	res->flags |= IORESOURCE_BUSY;
	return request_resource(deed->parent, res);
}

/* Holds keep what widened ports leave of them: those in the journal, and @more, but not @less. */
static void holds_place(const struct iomul_deed *more, const struct iomul_deed *less)
{
	const struct iomul_deed *widen;
	struct iomul_deed *deed;
	struct iomul_range at;

	list_for_each_entry(deed, &iomul_journal, list) {
		if (!deed->hold || deed->hold->leased || iomul_range_empty(deed->hold->at))
			continue;
		at = deed->hold->at;
		list_for_each_entry(widen, &iomul_journal, list)
			if (is_widen(widen) && widen != less)
				at = range_cut(at, widen->step.to);
		if (more)
			at = range_cut(at, more->step.to);
		if (hold_place(deed, at))
			pr_warn("%s: ports %#06x-%#06x were taken meanwhile\n", deed->hold->name,
				at.first, at.last);
	}
}

void iomul_holds_return(void)
{
	holds_place(NULL, NULL);
}

static int widen_carry_out(struct iomul_deed *deed, struct iomul_refusal *refusal)
{
	struct iomul_range from = deed->step.from, to = deed->step.to;
	struct iomul_held *held = deed->held;
	struct resource *res = deed_resource(deed);

	if (!res->parent || !iomul_range_equal(iomul_res_range(res), from))
		return deed_conflict(deed, refusal, from, res);
	holds_place(deed, NULL);
	if (adjust_resource(res, to.first, iomul_range_size(to))) {
		holds_place(NULL, NULL);
		return deed_conflict(deed, refusal, to, NULL);
	}
	deed->raw = held->window.low;
	if (!iomul_held_widen(held, iomul_held_window_at(held, to)))
		return 0;
	iomul_held_widen(held, (struct iomul_window_regs){ deed->raw, held->window.high });
	adjust_resource(res, from.first, iomul_range_size(from));
	holds_place(NULL, NULL);
	return deed_refuse(deed, refusal, IOMUL_R_HARDWARE);
}

static void widen_undo(struct iomul_deed *deed)
{
	struct iomul_range from = deed->step.from;
	struct iomul_held *held = deed->held;
	struct resource *res = deed_resource(deed);

	if (!held->gone && !iomul_held_given_up(held)) {
		if (adjust_resource(res, from.first, iomul_range_size(from))) {
			pci_warn(held->pdev,
				 "iomul: its window stays %pR, which others use by now\n", res);
			return;
		}
		iomul_held_widen(held, (struct iomul_window_regs){ deed->raw, held->window.high });
	}
	holds_place(NULL, deed);
}

static const struct {
	int (*carry_out)(struct iomul_deed *deed, struct iomul_refusal *refusal);
	void (*undo)(struct iomul_deed *deed);
} kinds[IOMUL_STEP_KINDS] = {
	[IOMUL_STEP_DECODE] = { decode_carry_out, decode_undo },
	[IOMUL_STEP_RELEASE] = { release_carry_out, release_undo },
	[IOMUL_STEP_HOLD] = { hold_carry_out, hold_undo },
	[IOMUL_STEP_RESERVE] = { reserve_carry_out, reserve_undo },
	[IOMUL_STEP_WINDOW] = { window_carry_out, window_undo },
	[IOMUL_STEP_BAR] = { bar_carry_out, bar_undo },
	[IOMUL_STEP_WIDEN] = { widen_carry_out, widen_undo },
};

/* Unless something of it waits. */
static void deed_undone(struct iomul_deed *deed)
{
	if (deed->pdev)
		list_add_tail(&deed->list, &late);
	else
		kfree(deed);
}

int iomul_step_carry_out(const struct iomul_step *step, struct iomul_held *held,
			 struct iomul_live *live, struct iomul_refusal *refusal)
{
	struct iomul_deed *deed = kzalloc(sizeof(*deed), GFP_KERNEL);
	int err;

	if (!deed)
		return -ENOMEM;
	deed->step = *step;
	deed->held = held;
	deed->live = live;
	err = kinds[step->kind].carry_out(deed, refusal);
	if (err)
		deed_undone(deed);
	else
		list_add_tail(&deed->list, &iomul_journal);
	return err;
}

void iomul_step_undo(struct iomul_deed *deed)
{
	kinds[deed->step.kind].undo(deed);
	list_del(&deed->list);
	deed_undone(deed);
}

static void late_free(struct iomul_deed *deed)
{
	list_del(&deed->list);
	pci_dev_put(deed->pdev);
	kfree(deed);
}

static bool port_has_window(const struct pci_dev *pdev)
{
	struct resource *res;
	int i;

	pci_bus_for_each_resource(pdev->bus, res, i)
		if (res && (res->flags & IORESOURCE_IO) && res_passes(pdev->bus, res))
			return true;
	return false;
}

/* The window of the port above is to come back. */
static bool port_waits(const struct pci_dev *pdev)
{
	const struct resource *window;
	const struct pci_bus *bus;

	for (bus = pdev->bus; bus && bus->self; bus = bus_beyond(bus)) {
		window = &bus->self->resource[PCI_BRIDGE_IO_WINDOW];
		if (!iomul_res_is_placed(window) && late_find(window))
			return true;
	}
	return false;
}

/* What was plugged in meanwhile gets ports where the kernel would have given it some. */
static void bar_assign(struct iomul_deed *deed)
{
	struct resource *res = deed->res;

	if (!port_has_window(deed->pdev))
		return;
	res->flags = deed->flags;
	res->start = 0;
	res->end = deed->end - deed->start;
	if (pci_assign_resource(deed->pdev, deed->step.bar))
		res->start = res->end = res->flags = 0;
}

/*
 * While it waited the kernel may have looked for a place for it, in the window that was shared, and have
 * given it one, which was taken back, or none.
 */
static void late_restore(struct iomul_deed *deed)
{
	struct resource *res = deed->res;

	if (!deed->parent || !late_waits(deed) || (res->start == deed->start && res->end == deed->end))
		return;
	res->name = deed->name;
	res->start = deed->start;
	res->end = deed->end;
	res->flags = deed->flags;
	if (!deed->shut)
		late_write(deed);
}

/* The kernel has given up what it lay in. It is left as the kernel leaves such: the next rescan gives it a place. */
static void late_forget(struct iomul_deed *deed)
{
	struct resource *res = deed->res;

	res_unplace(res);
	res->name = deed->name;
	res->end = deed->end - deed->start;
	res->flags = deed->flags;
	if (BAR_IS_WINDOW(&deed->step))
		iomul_port_window_write(deed->pdev, IOMUL_RANGE_EMPTY);
	late_free(deed);
}

/* What had ports before. True: something was placed, which others may wait for. */
static bool late_place(void)
{
	struct iomul_deed *deed, *next;
	bool any = false;

	list_for_each_entry_safe(deed, next, &late, list) {
		if (!deed->parent || !iomul_res_is_placed(deed->parent) || port_shares(deed))
			continue;
		if (!late_in_parent(deed) && (!late_waits(deed) || request_resource(deed->parent, deed->res)))
			continue;
		late_open(deed);
		late_free(deed);
		any = true;
	}
	return any;
}

static void late_park(struct iomul_deed *deed)
{
	if (deed->parent && late_waits(deed) && !late_parked(deed) && !late_taken(deed) && !port_shares(deed))
		request_resource(deed->parent, deed->res);
}

void iomul_steps_unpark(void)
{
	struct iomul_deed *deed;

	list_for_each_entry(deed, &late, list)
		if (late_parked(deed))
			release_resource(deed->res);
}

void iomul_steps_forget(void)
{
	struct iomul_deed *deed, *next;

	list_for_each_entry_safe(deed, next, &late, list)
		if (deed->parent && late_waits(deed) && given_up(deed->parent))
			late_forget(deed);
}

void iomul_steps_late(void)
{
	struct iomul_deed *deed, *next;

	iomul_steps_forget();
	list_for_each_entry(deed, &late, list)
		late_restore(deed);
	while (late_place())
		;
	list_for_each_entry(deed, &late, list)
		late_shut(deed);
	list_for_each_entry(deed, &late, list)
		late_park(deed);
	/* And then what has come since. */
	list_for_each_entry_safe(deed, next, &late, list) {
		if (deed->parent || !late_waits(deed) || port_shares(deed) || port_waits(deed->pdev))
			continue;
		bar_assign(deed);
		late_free(deed);
	}
	if (!list_empty(&iomul_journal))
		return;
	list_for_each_entry_safe(deed, next, &late, list) {
		if (late_waits(deed) && deed->parent)
			pci_warn(deed->pdev,
				 "iomul: its ports %#06llx-%#06llx were taken meanwhile, it has none now; remove and rescan it\n",
				 (u64)deed->start, (u64)deed->end);
		if (late_waits(deed))
			res_unplace(deed->res);
		late_free(deed);
	}
}

void iomul_steps_late_drop(struct pci_dev *pdev)
{
	struct iomul_deed *deed, *next;

	list_for_each_entry_safe(deed, next, &late, list)
		if (deed->pdev == pdev || (pdev->subordinate && deed->pdev->bus == pdev->subordinate))
			late_free(deed);
}

/* The resource that @deed has placed, or NULL. */
static struct resource *deed_placed(const struct iomul_deed *deed)
{
	if (deed_is_window(deed))
		return deed_resource(deed);
	return deed->step.kind == IOMUL_STEP_BAR ? iomul_held_bar_res(deed->held, deed->step.bar) : NULL;
}

/*
 * For a device whose ports don't suffice, the kernel gives up the windows of others, with all that
 * is below, and assigns them anew. Of what we hold the hardware is where it was; so are, with this,
 * the resources. And what it has given to others out of a window that shares, it has given away for us.
 */
void iomul_steps_mend(void)
{
	struct iomul_deed *deed;
	struct iomul_held *held;
	struct resource *res;

	list_for_each_entry(held, &iomul_helds, in_all)
		if (held->window_set && !held->gone && held->pdev->subordinate)
			bus_evict(held->pdev->subordinate, &held->pdev->resource[PCI_BRIDGE_IO_WINDOW]);

	list_for_each_entry(deed, &iomul_journal, list) {
		res = deed->held && !deed->held->gone ? deed_placed(deed) : NULL;
		if (res && !deed->held->live->res.parent) {
			res_release(res);
			res->start = res->end = res->flags = 0;
			continue;
		}
		if (!res || (res->parent && iomul_range_equal(iomul_res_range(res), deed->step.to)))
			continue;
		iomul_held_touch(deed->held);
		if (deed_is_window(deed))
			bus_evict(deed->held->pdev->subordinate, res);
		res_release(res);
		if (!res->flags)
			res->flags = deed->flags;
		if (deed_place(deed, res))
			pci_warn(deed->held->pdev, "iomul: %pR can't be put back where it shares\n", res);
		else
			pci_info(deed->held->pdev, "iomul: %pR is back where it shares\n", res);
	}
}

void iomul_steps_orphan(struct iomul_held *held)
{
	struct iomul_deed *deed;
	struct resource *res;

	list_for_each_entry(deed, &iomul_journal, list) {
		if (deed->held != held)
			continue;
		if (deed->hold)
			iomul_hold_drop(deed->hold);
		res = deed_placed(deed);
		if (res)
			res_release(res);
	}
	held->window_set = false;
	held->bars = 0;
}

struct iomul_live *iomul_hold_borrower(const struct iomul_hold *hold)
{
	struct iomul_live *live;

	list_for_each_entry(live, &iomul_lives, list)
		if (live->slots > live->leaving &&
		    iomul_range_overlaps(live->window, hold->at))
			return live;
	return NULL;
}

/* Does a group that stays lie in what this very step has added? */
static bool widen_used(const struct iomul_step *step)
{
	struct iomul_live *live;

	list_for_each_entry(live, &iomul_lives, list)
		if (live->slots > live->leaving && iomul_range_contains(step->to, live->window) &&
		    !iomul_range_contains(step->from, live->window))
			return true;
	return false;
}

/* A port that was widened once more since needs the older part to reach the newer. */
bool iomul_widen_needed(const struct iomul_deed *deed)
{
	const struct iomul_deed *later = deed;

	list_for_each_entry_from(later, &iomul_journal, list)
		if (is_widen(later) && later->held == deed->held && widen_used(&later->step))
			return true;
	return false;
}

struct iomul_range iomul_hold_widened(const struct iomul_hold *hold)
{
	const struct iomul_deed *deed;

	list_for_each_entry(deed, &iomul_journal, list)
		if (is_widen(deed) && iomul_range_overlaps(deed->step.to, hold->at) &&
		    iomul_widen_needed(deed))
			return deed->step.to;
	return IOMUL_RANGE_EMPTY;
}
