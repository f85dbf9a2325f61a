// SPDX-License-Identifier: GPL-2.0-only
/*
 * Leases: one slot has the window to itself, so that a host driver can use its
 * ports by the processor's own instructions, which nobody can multiplex.
 *
 * While a lease lasts the slot's path stays open, accesses to other slots wait
 * (or fail, if their caller asked for that), and slots of the group are neither
 * attached nor detached, since that would shut the path.
 *
 * A driver asks the kernel for its ports by number, and all slots of a group
 * have the same numbers. So the group's range stays covered with busy ranges
 * (covers) and a BAR is only uncovered while a driver is being bound to its
 * function, and no other driver to another function of the group, nor one to
 * which a user could say at any moment that it should ask:
 *
 *	no lease:	group N, busy
 *	a lease:	group N
 *			  covers, busy, over all of it
 *	being bound:	group N
 *			  covers, but for the I/O BARs of the function
 *	bound:		group N
 *			  covers, and what the driver has requested
 *	another bound:	group N, busy
 *			  covers, and what the driver has requested
 *
 * What a driver has is never taken away from it, because its accesses would
 * arrive at whoever comes next. A lease that is given back, or whose holder
 * died, therefore lasts until no driver has ports of the slot any more.
 *
 * A function's ports are a user's (a claim, a VFIO device) or its driver's.
 *
 * All under iomul_lock, but for iomul_lease_wait().
 */
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/pm_runtime.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include "iomul.h"

struct lease {
	struct iomul_slot *slot;	/* a reference */
	struct iomul_file *file;	/* NULL: given back, lasts on for a driver's sake */
	struct iomul_held *open;	/* function whose BARs are not covered */
	struct list_head covers;
	u32 covered;			/* ports of the window */
	char who[TASK_COMM_LEN];
};

struct cover {
	struct list_head list;
	struct resource res;
};

static void settle_leases(struct work_struct *work);
static DECLARE_DELAYED_WORK(settle, settle_leases);

#define SETTLE_PERIOD HZ	/* until drivers have given back what they had */

/*
 * Covers
 */

/* Is @range inside a BAR that is to stay uncovered, or at least in touch with one? */
static void bars_at(struct iomul_held *open, struct iomul_range range, bool *inside,
		    bool *touch)
{
	struct iomul_range at;
	unsigned int bar;

	*inside = *touch = false;
	for (bar = 0; open && bar < IOMUL_BARS; bar++) {
		if (!(open->bars & 1U << bar))
			continue;
		at = open->at[bar];
		*touch |= iomul_range_overlaps(at, range);
		*inside |= at.first <= range.first && range.last <= at.last;
	}
}

static bool is_covered(const struct lease *lease, struct iomul_range range)
{
	const struct cover *c;

	list_for_each_entry(c, &lease->covers, list)
		if (c->res.start <= range.first && range.last <= c->res.end)
			return true;
	return false;
}

static bool cover_one(struct lease *lease, struct resource *in, struct iomul_range range)
{
	/* Going on with a hole would be worse than to wait for the memory. */
	struct cover *c = kzalloc(sizeof(*c), GFP_KERNEL | __GFP_NOFAIL);

	c->res = (struct resource){ .name = "iomul lease", .start = range.first, .end = range.last,
				    .flags = IORESOURCE_IO | IORESOURCE_BUSY };
	if (request_resource(in, &c->res)) {
		kfree(c);
		return false;
	}
	if (in == &lease->slot->live->res)
		lease->covered += resource_size(&c->res);
	list_add_tail(&c->list, &lease->covers);
	return true;
}

/*
 * Covers what of @range nobody has, by halves: what a driver has can't be looked
 * up without the kernel's resource_lock, but asking for it fails.
 */
static void cover(struct lease *lease, struct resource *in, struct iomul_range range)
{
	u32 middle = range.first + (range.last - range.first) / 2;
	bool inside, touch;

	bars_at(lease->open, range, &inside, &touch);
	if (inside || is_covered(lease, range))
		return;
	if (!touch && cover_one(lease, in, range))
		return;
	if (range.first == range.last)
		return;
	cover(lease, in, (struct iomul_range){ range.first, middle });
	cover(lease, in, (struct iomul_range){ middle + 1, range.last });
}

static void uncover(struct lease *lease, struct cover *c)
{
	if (c->res.parent == &lease->slot->live->res)
		lease->covered -= resource_size(&c->res);
	if (c->res.parent)	/* or Linux has given up what it lies in */
		release_resource(&c->res);
	list_del(&c->list);
	kfree(c);
}

/* All is covered but the BARs of @open, which may be NULL. */
static void cover_but(struct lease *lease, struct iomul_held *open)
{
	struct iomul_live *live = lease->slot->live;
	struct cover *c, *next;
	bool inside, touch;

	lease->open = open;
	list_for_each_entry_safe(c, next, &lease->covers, list) {
		bars_at(open, iomul_res_range(&c->res), &inside, &touch);
		if (touch && c->res.parent == &live->res)
			uncover(lease, c);
	}
	if (live->res.parent)
		cover(lease, &live->res, live->window);
}

/*
 * Ranges held for the slots' return that lie in the group's keep its drivers
 * out, too: they leave the tree meanwhile, and the group's range keeps them.
 */
static void holds_leave(struct iomul_live *live)
{
	struct iomul_deed *deed;

	list_for_each_entry(deed, &iomul_journal, list)
		if (deed->hold && deed->hold->res.parent == &live->res) {
			release_resource(&deed->hold->res);
			deed->hold->leased = live;
		}
}

static void holds_return(struct iomul_live *live)
{
	struct iomul_deed *deed;

	list_for_each_entry(deed, &iomul_journal, list)
		if (deed->hold && deed->hold->leased == live) {
			deed->hold->leased = NULL;
			if (live->res.parent)
				WARN_ON_ONCE(request_resource(&live->res, &deed->hold->res));
		}
}

/* The group's range, and what is held around it, let requests through to the covers. */
static void ranges_busy(struct lease *lease, bool busy)
{
	struct resource *res = &lease->slot->live->res;

	for (; res; res = res->parent) {
		if (res != &lease->slot->live->res && !iomul_res_is_hold(res))
			return;
		if (busy) {
			res->flags |= IORESOURCE_BUSY;
			continue;
		}
		cover(lease, res, iomul_res_range(res));
		res->flags &= ~IORESOURCE_BUSY;
	}
}

/*
 * Beginning and end
 */

static void functions_awake(struct iomul_slot *slot, bool awake)
{
	struct iomul_held *held;

	list_for_each_entry(held, &slot->functions, in_slot) {
		if (awake)
			pm_runtime_get_sync(&held->pdev->dev);
		else
			pm_runtime_put(&held->pdev->dev);
	}
}

static void lessee_write(struct iomul_live *live, struct iomul_slot *slot)
{
	WRITE_ONCE(live->lessee, slot);
	WRITE_ONCE(live->leased, slot != NULL);
}

/*
 * With @slot NULL: nobody has the window to himself any more. Who still waits for another
 * one's lease to end may have seen @slot here for a moment, when it failed. -EAGAIN: bus numbers
 * were away.
 */
static int lessee_set(struct iomul_live *live, struct iomul_slot *slot, bool killable)
{
	int err = iomul_turn_take(live, NULL, killable);

	if (err)
		return err;
	if (READ_ONCE(live->touched))
		iomul_live_settle(live);
	lessee_write(live, slot);
	err = iomul_live_shut(live);
	if (err && iomul_live_was_astray(live))
		err = -EAGAIN;
	if (err && slot) {
		lessee_write(live, NULL);
		iomul_live_shut(live);
	}
	iomul_turn_give(live);
	if (err || !slot)
		wake_up_all(&live->lease_over);
	return err;
}

static int lessee_try(struct iomul_live *live, struct iomul_slot *slot)
{
	ktime_t since = 0;
	int err;

	do {
		err = lessee_set(live, slot, true);
		if (err != -EAGAIN)
			return err;
		err = iomul_astray_pause(&since);
	} while (!err);
	return err;
}

static void lease_end(struct lease *lease)
{
	struct iomul_slot *slot = lease->slot;
	struct iomul_live *live = slot->live;
	struct iomul_held *held;
	struct cover *c, *next;

	ranges_busy(lease, true);
	list_for_each_entry_safe(c, next, &lease->covers, list)
		uncover(lease, c);
	holds_return(live);
	/* Whatever its driver did to it is looked at before the next access. */
	list_for_each_entry(held, &slot->functions, in_slot)
		iomul_held_touch(held);
	lessee_set(live, NULL, false);
	pr_info("%04x:%02x:%02x has the window of group %u not to itself any more\n",
		slot->addr.segment, slot->addr.bus, slot->addr.devfn >> 3, live->id);
	iomul_event("returned", slot->addr, live->id, 0);
	live->lease = NULL;
	functions_awake(slot, false);
	iomul_slot_put(slot);
	kfree(lease);
	module_put(THIS_MODULE);
	iomul_adopt_later();	/* what could not join the group meanwhile */
}

/* Ends a lease that was given back, unless a driver still has ports. */
static void lease_end_try(struct lease *lease)
{
	struct iomul_live *live = lease->slot->live;

	if (lease->file)
		return;
	cover_but(lease, NULL);
	if (!live->res.parent || lease->covered == resource_size(&live->res))
		lease_end(lease);
	else
		mod_delayed_work(system_wq, &settle, SETTLE_PERIOD);
}

/* Whose ports a driver might ask for. */
static struct iomul_live *held_live(const struct iomul_held *held)
{
	return held->guard ? held->up->live : held->live;
}

/*
 * Has @held a driver that asks for ports not as it is bound, but when its user wants? Those that let user
 * space use the device do; but ours, for a function that shares, says when: held->binding.
 */
static bool held_at_hand(const struct iomul_held *held)
{
	struct device_driver *driver = READ_ONCE(held->pdev->dev.driver);

	if (!driver || held->gone || held->pdev->hdr_type != PCI_HEADER_TYPE_NORMAL ||
	    !to_pci_driver(driver)->driver_managed_dma || !strcmp(driver->name, "pci-stub"))
		return false;
	return held->guard || strcmp(driver->name, "iomul-vfio-pci");
}

/* Such a function below @live's window, or NULL. */
static struct iomul_held *live_rival(const struct iomul_live *live)
{
	struct iomul_held *held;

	list_for_each_entry(held, &iomul_helds, in_all)
		if (held_live(held) == live && (held->slot || held->guard) && held_at_hand(held))
			return held;
	return NULL;
}

static int lease_refuse_rival(const struct iomul_slot *slot, const struct iomul_held *rival,
			      struct iomul_refusal *refusal)
{
	int err = iomul_refuse(refusal, IOMUL_R_RIVAL, slot->addr, rival->addr);

	strscpy(refusal->who, rival->pdev->dev.driver->name, sizeof(refusal->who));
	return err;
}

int iomul_lease_take(struct iomul_file *file, struct iomul_addr addr, u32 *group,
		     struct iomul_refusal *refusal)
{
	struct iomul_slot *slot = iomul_slot_find(addr);
	struct iomul_held *rival;
	struct iomul_live *live;
	struct lease *lease;
	int err;

	if (!slot)
		return iomul_refuse(refusal, IOMUL_R_NOT_SHARED, addr, addr);
	live = slot->live;
	if (slot->gone || slot->index == IOMUL_UNREACHABLE || !live->res.parent)
		return iomul_refuse(refusal, IOMUL_R_GONE, slot->addr, slot->addr);
	if (file->lease || live->lease)
		return iomul_lease_refuse(file->lease ? file->lease->slot->live : live, slot->addr,
					  refusal);
	rival = live_rival(live);
	if (rival)
		return lease_refuse_rival(slot, rival, refusal);
	lease = kzalloc(sizeof(*lease), GFP_KERNEL);
	if (!lease)
		return -ENOMEM;
	functions_awake(slot, true);
	err = lessee_try(live, slot);
	if (err)
		goto err_lessee;
	__module_get(THIS_MODULE);
	INIT_LIST_HEAD(&lease->covers);
	iomul_slot_get(slot);
	lease->slot = slot;
	lease->file = file;
	get_task_comm(lease->who, current);
	file->lease = live->lease = lease;
	holds_leave(live);
	ranges_busy(lease, false);
	*group = live->id;
	pr_info("%04x:%02x:%02x has the window of group %u to itself, for %s\n",
		slot->addr.segment, slot->addr.bus, slot->addr.devfn >> 3, live->id, lease->who);
	iomul_event("leased", slot->addr, live->id, 0);
	return 0;

err_lessee:
	functions_awake(slot, false);
	kfree(lease);
	return err == -EIO ? iomul_refuse(refusal, IOMUL_R_HARDWARE, slot->addr, slot->addr) : err;
}

int iomul_lease_give(struct iomul_file *file)
{
	struct lease *lease = file->lease;

	if (!lease)
		return -ENOENT;
	file->lease = NULL;
	lease->file = NULL;
	lease_end_try(lease);
	return 0;
}

void iomul_lease_lost(struct iomul_slot *slot)
{
	struct lease *lease = slot->live->lease;

	if (!lease || lease->slot != slot)
		return;
	if (lease->file)
		iomul_lease_give(lease->file);
	else
		lease_end_try(lease);
}

/*
 * Drivers
 */

static bool driver_bound(const struct iomul_slot *slot)
{
	struct iomul_held *held;

	list_for_each_entry(held, &slot->functions, in_slot)
		if (!held->gone && held->pdev->dev.driver)
			return true;
	return false;
}

/*
 * Uncovers the BARs of the one function that a driver is being bound to, if just
 * one is. While it is another slot's, nothing may become free either: a driver
 * that gives ports back in this moment can't, and ports_reap() does it later.
 */
static void lease_adjust(struct lease *lease)
{
	struct iomul_live *live = lease->slot->live;
	struct iomul_held *held, *open = NULL, *rival;
	u32 binding = 0;

	list_for_each_entry(held, &iomul_helds, in_all) {
		if (held_live(held) != live || !(held->slot || held->guard) || held->gone || !held->binding)
			continue;
		binding++;
		if (lease->file && held->slot == lease->slot && !held->user)
			open = held;
	}
	rival = open && binding == 1 ? live_rival(live) : NULL;
	if (rival)
		pci_warn(open->pdev, "iomul: gets no ports, for which it was leased the window: the user of %s, bound to %s, might take them\n",
			 pci_name(rival->pdev), rival->pdev->dev.driver->name);
	if (binding > 1 || rival)
		open = NULL;
	cover_but(lease, open);
	if (binding && !open)
		live->res.flags |= IORESOURCE_BUSY;
	else
		live->res.flags &= ~IORESOURCE_BUSY;
}

/* Would ports that @held's driver asks for in this moment be another's? */
bool iomul_lease_open_elsewhere(const struct iomul_held *held)
{
	const struct lease *lease = held->live->lease;

	return lease && lease->open && lease->open != held;
}

void iomul_lease_binding(struct iomul_held *held, bool binding)
{
	struct lease *lease = held_live(held) ? held_live(held)->lease : NULL;

	held->binding = binding;
	if (!lease)
		return;
	lease_adjust(lease);
	/* A driver that was not bound gives back what it had just after we are told. */
	mod_delayed_work(system_wq, &settle, binding ? SETTLE_PERIOD : 1);
}

static bool res_is_cover(const struct lease *lease, const struct resource *res)
{
	const struct cover *c;

	list_for_each_entry(c, &lease->covers, list)
		if (&c->res == res)
			return true;
	return false;
}

/* No driver is bound any more: what is left of its requests could not be given back. */
static void ports_reap(struct lease *lease)
{
	struct resource *parent = &lease->slot->live->res, *res, *next;

	for (res = parent->child; res; res = next) {
		next = res->sibling;
		if (!res_is_cover(lease, res))
			__release_region(parent, res->start, resource_size(res));
	}
}

static void settle_leases(struct work_struct *work)
{
	struct iomul_live *live, *next;

	mutex_lock(&iomul_lock);
	list_for_each_entry_safe(live, next, &iomul_lives, list) {
		if (!live->lease)
			continue;
		lease_adjust(live->lease);
		if (!driver_bound(live->lease->slot))
			ports_reap(live->lease);
		if (!live->lease->open && !driver_bound(live->lease->slot) &&
		    live->lease->covered != resource_size(&live->res))
			mod_delayed_work(system_wq, &settle, SETTLE_PERIOD);
		lease_end_try(live->lease);
	}
	mutex_unlock(&iomul_lock);
}

void iomul_leases_stop(void)
{
	cancel_delayed_work_sync(&settle);
}

bool iomul_lease_driver_has(struct iomul_held *held)
{
	struct lease *lease = held->live->lease;
	unsigned int bar;

	if (!lease || lease->slot != held->slot)
		return false;
	for (bar = 0; bar < IOMUL_BARS; bar++)
		if ((held->bars & 1U << bar) &&
		    !is_covered(lease, held->at[bar]))
			return true;
	return false;
}

/*
 * Everybody else
 */

const char *iomul_lease_who(const struct iomul_slot *slot)
{
	const struct lease *lease = slot->live->lease;
	struct iomul_held *held;

	if (!lease || lease->slot != slot)
		return NULL;
	if (lease->file || !driver_bound(slot))
		return lease->who;
	list_for_each_entry(held, &slot->functions, in_slot)
		if (!held->gone && held->pdev->driver && iomul_lease_driver_has(held))
			return held->pdev->driver->name;
	return lease->who;
}

int iomul_lease_refuse(const struct iomul_live *live, struct iomul_addr slot,
		       struct iomul_refusal *refusal)
{
	int err = iomul_refuse(refusal, IOMUL_R_LEASED, slot, live->lease->slot->addr);

	strscpy(refusal->who, iomul_lease_who(live->lease->slot), sizeof(refusal->who));
	return err;
}

static bool lease_passes(struct iomul_live *live, struct iomul_user *user)
{
	struct iomul_slot *lessee = READ_ONCE(live->lessee);

	return !lessee || lessee == user->slot || READ_ONCE(user->gone) || READ_ONCE(live->adrift);
}

int iomul_lease_wait(struct iomul_user *user)
{
	struct iomul_live *live = user->slot->live;

	/*
	 * It may take as long as the server runs, and must not keep it from going to
	 * sleep. "Unsafe": a claim is locked, which nobody needs who suspends a device.
	 */
	return wait_event_state(live->lease_over, lease_passes(live, user),
				(TASK_KILLABLE | TASK_FREEZABLE_UNSAFE)) ? -EINTR : 0;
}
