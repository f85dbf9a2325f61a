// SPDX-License-Identifier: GPL-2.0-only
/*
 * Held functions, and the filter that keeps everybody else's config accesses
 * off the bits that are ours.
 *
 * The ops of every bus with a held function are replaced by filter_ops; the
 * originals are kept in a struct iomul_filter, found by bus. A bus that is
 * created below such a bus inherits filter_ops without a record of its own: the
 * nearest record above it has the originals. What is not held passes through.
 *
 * Config cycles find a held function by the bus numbers of the ports above it. Linux
 * takes these away for a moment when it rescans with pci=assign-busses, and root may
 * write them; a write to a gate would be lost then without anybody noticing. So all buses
 * above have the filter, too, which sees such writes: what is out of reach cannot be
 * written to (held->write), and everything was touched once it is back.
 *
 * The filter runs in any context and, where the kernel's config access is
 * lockless, on several CPUs at once. Records and held functions are freed a
 * grace period after they were taken out; all of its callers are within RCU.
 */
#include <linux/hashtable.h>
#include <linux/slab.h>
#include "core/config.h"
#include "iomul.h"

#define FILTER_BUCKETS 8

struct iomul_filter {
	struct hlist_node node;
	struct pci_bus *bus;		/* a reference */
	struct pci_ops *orig;
	struct iomul_filter *up;	/* of the bus above; NULL: a root bus */
	unsigned int held;		/* functions, and filters below */
	u16 port;			/* devfn of the port above, or NO_PORT: a bus without */
	bool astray;			/* the port's numbers lead elsewhere; under astray_lock */
	atomic_t windows_begun;		/* writes to the port's window: begun, */
	atomic_t windows_done;		/* and done */
	raw_spinlock_t lock;		/* of all of them: a change of owner takes it once */
	struct hlist_head bucket[FILTER_BUCKETS];	/* by device number */
	struct rcu_head rcu;
};

#define NO_PORT 0xffff

static DEFINE_RAW_SPINLOCK(astray_lock);	/* taken before a filter's lock */
LIST_HEAD(iomul_helds);
static DEFINE_HASHTABLE(filters, 6);	/* changed under iomul_lock */
static struct pci_ops filter_ops;

static struct iomul_filter *filter_find(const struct pci_bus *bus)
{
	struct iomul_filter *filter;

	hash_for_each_possible_rcu(filters, filter, node, (unsigned long)bus,
				   lockdep_is_held(&iomul_lock))
		if (filter->bus == bus)
			return filter;
	return NULL;
}

static struct iomul_held *filter_held(struct iomul_filter *filter, unsigned int devfn)
{
	struct iomul_held *held;

	hlist_for_each_entry_rcu(held, &filter->bucket[PCI_SLOT(devfn) % FILTER_BUCKETS], in_filter,
				 lockdep_is_held(&iomul_lock))
		if (held->devfn == devfn)
			return held;
	return NULL;
}

/*
 * The ops below ours. Without a record on the way up, the caller has fetched
 * ours just before they were replaced by the originals again.
 */
static struct pci_ops *original_ops(struct pci_bus *bus)
{
	struct pci_bus *b;
	struct iomul_filter *filter;
	struct pci_ops *ops;

	for (b = bus; b; b = b->parent) {
		filter = filter_find(b);
		if (filter)
			return filter->orig;
	}
	for (b = bus; b; b = b->parent) {
		ops = READ_ONCE(b->ops);
		if (ops != &filter_ops)
			return ops;
	}
	return NULL;
}

/*
 * Registers of which bits are ours
 */

static void touch_locked(struct iomul_held *held)
{
	held->touched = true;
	if (held->live)
		smp_store_release(&held->live->touched, true);
}

/* Whatever the lower halves are, the base is beyond the limit (PCI-PCI Bridge 1.2, 3.2.5.6). */
#define WINDOW_CLOSED_HIGH 0x0000ffff

static bool window_equal(struct iomul_window_regs a, struct iomul_window_regs b)
{
	const u16 type = PCI_IO_RANGE_TYPE_MASK << 8 | PCI_IO_RANGE_TYPE_MASK;

	return (a.low & ~type) == (b.low & ~type) && a.high == b.high;
}

/* Bits of the dword at @reg that are not for others to write, and what they are. */
static u32 held_bits(const struct iomul_held *held, int reg, u32 *value)
{
	*value = 0;
	switch (reg) {
	case PCI_COMMAND:
		*value = held->command & PCI_COMMAND_IO;
		return PCI_COMMAND_IO;
	case PCI_IO_BASE:
		*value = held->window.low;
		return 0xffff;
	case PCI_IO_BASE_UPPER16:
		*value = held->window.high;
		return 0xffffffff;
	}
	return 0;
}

bool iomul_held_given_up(const struct iomul_held *held)
{
	const struct resource *res = &held->pdev->resource[PCI_BRIDGE_IO_WINDOW];

	return held->window_only &&
	       (!READ_ONCE(res->parent) ||
		!window_equal(iomul_held_window_at(held, iomul_res_range(res)), held->window));
}

static bool held_register(const struct iomul_held *held, int where)
{
	int reg = where & ~3;

	if (!READ_ONCE(held->ready))
		return false;
	if (reg == PCI_COMMAND)
		return !held->window_only;
	/* Of a function the first is BAR 3. */
	return !held->slot && !held->guard && !iomul_held_given_up(held) &&
	       (reg == PCI_IO_BASE || reg == PCI_IO_BASE_UPPER16);
}

/* A BAR that is written back, as after a reset, may be another one than ours. */
static bool held_bar(const struct iomul_held *held, int where)
{
	unsigned int bar = ((where & ~3) - PCI_BASE_ADDRESS_0) / 4;

	return READ_ONCE(held->ready) && bar < IOMUL_BARS && held->bars & 1U << bar;
}

static u32 size_mask(int size)
{
	return size == 4 ? ~0U : (1U << 8 * size) - 1;
}

/* What others wrote to the command register: remember it, with our bit kept. */
static void held_command_written(struct iomul_held *held, int where, int size, u32 val)
{
	int shift = (where & 3) * 8;
	u32 mask = (size_mask(size) << shift) & 0xffff & ~PCI_COMMAND_IO;

	held->command = (held->command & ~mask) | (val << shift & mask);
	if (!shift)
		held->visible_io = val & PCI_COMMAND_IO;
}

static int held_write(struct iomul_held *held, struct pci_bus *bus, int where, int size, u32 val)
{
	int reg = where & ~3, shift = (where & 3) * 8, ret;
	u32 bits, value, asked = val;
	unsigned long flags;

	raw_spin_lock_irqsave(held->lock, flags);
	bits = held_bits(held, reg, &value) >> shift & size_mask(size);
	value = value >> shift & bits;
	val = (val & ~bits) | value;
	if (val != asked && (held->gate != IOMUL_NONE || reg != PCI_COMMAND)) {
		touch_locked(held);
		if (held->live)
			atomic64_inc(&held->live->foreign_writes);
	}
	if (reg == PCI_COMMAND && shift < 16)
		held_command_written(held, where, size, asked);
	ret = held->filter->orig->write(bus, held->devfn, where, size, val);
	raw_spin_unlock_irqrestore(held->lock, flags);
	return ret;
}

/* Notices that a reset or the like has changed the hardware's command word. */
static void held_command_read(struct iomul_held *held, int size, u32 val)
{
	u16 mask = size_mask(size) & 0xffff;

	if (!((held->command ^ val) & mask))
		return;
	if ((held->command ^ val) & PCI_COMMAND_IO)
		touch_locked(held);
	mask &= ~PCI_COMMAND_IO;
	held->command = (held->command & ~mask) | (val & mask);
}

static int held_read(struct iomul_held *held, struct pci_bus *bus, int where, int size, u32 *val)
{
	struct pci_ops *orig = held->filter->orig;
	unsigned long flags;
	int ret;

	if (where != PCI_COMMAND)
		return orig->read(bus, held->devfn, where, size, val);
	raw_spin_lock_irqsave(held->lock, flags);
	ret = orig->read(bus, held->devfn, where, size, val);
	if (!ret && (*val & size_mask(size)) == size_mask(size)) {
		touch_locked(held);	/* nobody answers */
	} else if (!ret) {
		held_command_read(held, size, *val);
		*val = (*val & ~PCI_COMMAND_IO) | (held->visible_io ? PCI_COMMAND_IO : 0);
	}
	raw_spin_unlock_irqrestore(held->lock, flags);
	return ret;
}

/*
 * Bus numbers
 */

static bool is_numbers(int where, int size)
{
	return where < PCI_SEC_LATENCY_TIMER && where + size > PCI_PRIMARY_BUS;
}

/* The filter below @filter whose config cycles pass the function @devfn. */
static struct iomul_filter *filter_below(const struct iomul_filter *filter, unsigned int devfn)
{
	struct iomul_filter *f;
	int i;

	hash_for_each_rcu(filters, i, f, node)
		if (f->up == filter && f->port == devfn)
			return f;
	return NULL;
}

static bool filter_is_below(const struct iomul_filter *f, const struct iomul_filter *top)
{
	while (f && f != top)
		f = f->up;
	return f;
}

static bool filter_in_reach(const struct iomul_filter *f)
{
	for (; f; f = f->up)
		if (f->astray)
			return false;
	return true;
}

/* What a gate's write is while there is no way to it. */
static int write_nowhere(struct pci_bus *bus, unsigned int devfn, int where, int size, u32 val)
{
	return PCIBIOS_DEVICE_NOT_FOUND;
}

bool iomul_held_in_reach(const struct iomul_held *held)
{
	return READ_ONCE(held->write) != write_nowhere;
}

/* Under @held->lock. */
static void held_set_reach(struct iomul_held *held, bool yes)
{
	bool was = held->write != write_nowhere;

	/* Before: whose write failed asks afterwards why. After: what was written meanwhile is lost. */
	touch_locked(held);
	smp_wmb();
	WRITE_ONCE(held->write, yes ? held->filter->orig->write : write_nowhere);
	if (held->live && was != yes)
		atomic_add(yes ? -1 : 1, &held->live->astray);
	touch_locked(held);
}

/* Under astray_lock: who is below @top is in reach or is not, and was touched. */
static void filters_set_reach(struct iomul_filter *top)
{
	struct iomul_filter *f;
	struct iomul_held *held;
	int i, k;

	hash_for_each_rcu(filters, i, f, node) {
		if (!filter_is_below(f, top))
			continue;
		raw_spin_lock(&f->lock);
		for (k = 0; k < FILTER_BUCKETS; k++)
			hlist_for_each_entry_rcu(held, &f->bucket[k], in_filter)
				held_set_reach(held, filter_in_reach(f));
		raw_spin_unlock(&f->lock);
	}
}

/* Do the numbers of the port above @below lead there, and to all that is held further below? */
static bool numbers_right(struct iomul_filter *below)
{
	struct iomul_filter *f;
	u32 val = ~0U, last = 0;
	int i;

	hash_for_each_rcu(filters, i, f, node)
		if (filter_is_below(f, below))
			last = max_t(u32, last, f->bus->number);
	if (below->up->orig->read(below->up->bus, below->port, PCI_PRIMARY_BUS, 4, &val))
		return false;
	return (val >> 8 & 0xff) == below->bus->number && (val >> 16 & 0xff) >= last;
}

/* Somebody writes bus numbers of the port above @below. */
static int numbers_write(struct iomul_filter *below, int where, int size, u32 val)
{
	struct iomul_filter *filter = below->up;
	unsigned long flags;
	int ret;

	raw_spin_lock_irqsave(&astray_lock, flags);
	below->astray = true;
	filters_set_reach(below);
	ret = filter->orig->write(filter->bus, below->port, where, size, val);
	below->astray = !numbers_right(below);
	filters_set_reach(below);
	raw_spin_unlock_irqrestore(&astray_lock, flags);
	return ret;
}

/*
 * Windows of ports above groups
 */

static bool is_window(int where, int size)
{
	return (where < PCI_SEC_STATUS && where + size > PCI_IO_BASE) ||
	       (where & ~3) == PCI_IO_BASE_UPPER16;
}

/* Writes to windows of ports above what is on @bus: begun, and done. */
struct iomul_windows_written iomul_windows_written(const struct pci_bus *bus)
{
	struct iomul_windows_written w = { 0 };
	const struct iomul_filter *f;

	rcu_read_lock();
	for (f = filter_find(bus); f; f = f->up) {
		w.done += atomic_read(&f->windows_done);
		smp_rmb();
		w.begun += atomic_read(&f->windows_begun);
	}
	rcu_read_unlock();
	return w;
}

/* Somebody writes the window of the port above @top. */
static void window_written(struct iomul_filter *top)
{
	struct iomul_filter *f;
	struct iomul_held *held;
	unsigned long flags;
	int i, k;

	hash_for_each_rcu(filters, i, f, node) {
		if (!filter_is_below(f, top))
			continue;
		raw_spin_lock_irqsave(&f->lock, flags);
		for (k = 0; k < FILTER_BUCKETS; k++)
			hlist_for_each_entry_rcu(held, &f->bucket[k], in_filter)
				if (held->live)
					iomul_above_written(held);
		raw_spin_unlock_irqrestore(&f->lock, flags);
	}
}

/*
 * The filter
 */

static int filter_read(struct pci_bus *bus, unsigned int devfn, int where, int size, u32 *val)
{
	struct iomul_filter *filter;
	struct iomul_held *held;
	struct pci_ops *ops;
	int ret = PCIBIOS_DEVICE_NOT_FOUND;

	rcu_read_lock();
	filter = filter_find(bus);
	held = filter ? filter_held(filter, devfn) : NULL;
	if (held && held_register(held, where)) {
		ret = held_read(held, bus, where, size, val);
	} else {
		ops = filter ? filter->orig : original_ops(bus);
		if (ops)
			ret = ops->read(bus, devfn, where, size, val);
	}
	rcu_read_unlock();
	return ret;
}

/* Said before it is closed: whoever accesses ports after that finds it said. */
static int window_write_seen(struct iomul_filter *below, int where, int size, u32 val)
{
	struct iomul_filter *filter = below->up;
	int ret;

	atomic_inc(&below->windows_begun);
	smp_mb__after_atomic();
	window_written(below);
	ret = filter->orig->write(filter->bus, below->port, where, size, val);
	smp_mb__before_atomic();
	atomic_inc(&below->windows_done);
	return ret;
}

static int filter_write(struct pci_bus *bus, unsigned int devfn, int where, int size, u32 val)
{
	struct iomul_filter *filter, *below;
	struct iomul_held *held;
	struct pci_ops *ops;
	int ret = PCIBIOS_DEVICE_NOT_FOUND;

	rcu_read_lock();
	filter = filter_find(bus);
	held = filter ? filter_held(filter, devfn) : NULL;
	below = filter && (is_numbers(where, size) || is_window(where, size)) ?
			filter_below(filter, devfn) : NULL;
	if (held && held_register(held, where)) {
		ret = held_write(held, bus, where, size, val);
	} else if (below && is_numbers(where, size)) {
		ret = numbers_write(below, where, size, val);
	} else if (below) {
		ret = window_write_seen(below, where, size, val);
	} else {
		ops = filter ? filter->orig : original_ops(bus);
		if (ops)
			ret = ops->write(bus, devfn, where, size, val);
		if (held && held_bar(held, where))
			iomul_held_touch(held);
	}
	rcu_read_unlock();
	return ret;
}

/* pci_generic_config_read() and the like come back to the bus's ops for this one. */
static void __iomem *filter_map_bus(struct pci_bus *bus, unsigned int devfn, int where)
{
	void __iomem *addr = NULL;
	struct pci_ops *ops;

	rcu_read_lock();
	ops = original_ops(bus);
	if (ops && ops->map_bus)
		addr = ops->map_bus(bus, devfn, where);
	rcu_read_unlock();
	return addr;
}

static struct pci_ops *original_ops_sleeping(struct pci_bus *bus)
{
	struct pci_ops *ops;

	rcu_read_lock();
	ops = original_ops(bus);
	rcu_read_unlock();
	return ops;
}

static int filter_add_bus(struct pci_bus *bus)
{
	struct pci_ops *ops = original_ops_sleeping(bus);

	return ops && ops->add_bus ? ops->add_bus(bus) : 0;
}

static void filter_remove_bus(struct pci_bus *bus)
{
	struct pci_ops *ops = original_ops_sleeping(bus);

	if (ops && ops->remove_bus)
		ops->remove_bus(bus);
}

static struct pci_ops filter_ops = {
	.add_bus = filter_add_bus,
	.remove_bus = filter_remove_bus,
	.map_bus = filter_map_bus,
	.read = filter_read,
	.write = filter_write,
};

static void filter_put(struct iomul_filter *filter);

static struct iomul_filter *filter_get(struct pci_bus *bus)
{
	struct iomul_filter *filter = filter_find(bus), *up = NULL;
	struct pci_ops *orig;
	int i;

	if (filter) {
		if (READ_ONCE(bus->ops) != &filter_ops)
			return ERR_PTR(-EBUSY);
		filter->held++;
		return filter;
	}
	if (bus->parent) {
		up = filter_get(bus->parent);
		if (IS_ERR(up))
			return up;
	}
	orig = original_ops_sleeping(bus);
	filter = ERR_PTR(-EBUSY);
	if (!orig || !orig->read || !orig->write)
		goto err_filter;
	filter = kzalloc(sizeof(*filter), GFP_KERNEL);
	if (!filter) {
		filter = ERR_PTR(-ENOMEM);
		goto err_filter;
	}
	for (i = 0; i < FILTER_BUCKETS; i++)
		INIT_HLIST_HEAD(&filter->bucket[i]);
	raw_spin_lock_init(&filter->lock);
	filter->bus = bus;
	filter->orig = orig;
	filter->up = up;
	filter->port = bus->self ? bus->self->devfn : NO_PORT;
	filter->held = 1;
	get_device(&bus->dev);
	hash_add_rcu(filters, &filter->node, (unsigned long)bus);
	pci_bus_set_ops(bus, &filter_ops);
	return filter;

err_filter:
	if (up)
		filter_put(up);
	return filter;
}

/* Puts the originals back on @bus. False: somebody has put his own over ours. */
static bool bus_restore_ops(struct pci_bus *bus, struct pci_ops *orig)
{
	struct pci_ops *old = READ_ONCE(bus->ops);

	if (old != &filter_ops)
		return old == orig;
	old = pci_bus_set_ops(bus, orig);
	if (old == &filter_ops)
		return true;
	pci_bus_set_ops(bus, old);	/* he was faster */
	return false;
}

/* The same for the buses below it that inherited ours. */
static bool buses_restore_ops(struct pci_bus *bus, struct pci_ops *orig)
{
	bool ok = bus_restore_ops(bus, orig);
	struct pci_bus *child;

	list_for_each_entry(child, &bus->children, node) {
		if (!filter_find(child) && READ_ONCE(child->ops) == &filter_ops)
			ok &= buses_restore_ops(child, orig);
	}
	return ok;
}

static void filter_put(struct iomul_filter *filter)
{
	if (--filter->held)
		return;
	if (!buses_restore_ops(filter->bus, filter->orig)) {
		/* Whoever it is will call us for as long as he is there: stay, and pass through. */
		__module_get(THIS_MODULE);
		dev_warn(&filter->bus->dev,
			 "iomul: config access was taken over by another module; iomul can't be unloaded any more\n");
		return;
	}
	hash_del_rcu(&filter->node);
	put_device(&filter->bus->dev);
	if (filter->up)
		filter_put(filter->up);
	kfree_rcu(filter, rcu);
}

size_t iomul_filters_bytes(void)
{
	struct iomul_filter *filter;
	size_t bytes = 0;
	int i;

	hash_for_each(filters, i, filter, node)
		bytes += sizeof(*filter);
	return bytes;
}

/*
 * Config space as the hardware has it
 */

u32 iomul_config_read(struct pci_dev *pdev, int where, int size)
{
	struct pci_ops *ops;
	u32 val = ~0U;

	rcu_read_lock();
	ops = original_ops(pdev->bus);
	if (!ops || ops->read(pdev->bus, pdev->devfn, where, size, &val))
		val = ~0U;
	rcu_read_unlock();
	return val & size_mask(size);
}

void iomul_config_write(struct pci_dev *pdev, int where, int size, u32 value)
{
	struct pci_ops *ops;

	rcu_read_lock();
	ops = original_ops(pdev->bus);
	if (ops)
		ops->write(pdev->bus, pdev->devfn, where, size, value);
	rcu_read_unlock();
}

struct iomul_range iomul_port_window(struct pci_dev *pdev)
{
	u32 low = iomul_config_read(pdev, PCI_IO_BASE, 2), high = 0;
	struct resource res = { .flags = IORESOURCE_IO };
	struct pci_bus_region region;
	struct iomul_range window;

	if ((low & PCI_IO_RANGE_TYPE_MASK) == PCI_IO_RANGE_TYPE_32)
		high = iomul_config_read(pdev, PCI_IO_BASE_UPPER16, 4);
	window = iomul_config_window(low, high);
	if (iomul_range_empty(window))
		return window;
	region.start = window.first;
	region.end = window.last;
	pcibios_bus_to_resource(pdev->bus, &res, &region);
	return iomul_res_range(&res);
}

void iomul_port_window_write(struct pci_dev *pdev, struct iomul_range at)
{
	struct resource res = { .start = at.first, .end = at.last, .flags = IORESOURCE_IO };
	struct pci_bus_region r = { 0 };
	u32 low = 0x00f0, high = 0;

	if (!iomul_range_empty(at)) {
		pcibios_resource_to_bus(pdev->bus, &r, &res);
		low = (r.start >> 8 & 0xf0) | (r.end & 0xf000);
		high = r.start >> 16 | (r.end & 0xffff0000);
	}
	iomul_config_write(pdev, PCI_IO_BASE_UPPER16, 4, WINDOW_CLOSED_HIGH);
	iomul_config_write(pdev, PCI_IO_BASE, 2, low);
	iomul_config_write(pdev, PCI_IO_BASE_UPPER16, 4, high);
}

static u32 hw_read(struct iomul_held *held, int where, int size)
{
	u32 val = ~0U;

	if (held->filter->orig->read(held->bus, held->devfn, where, size, &val))
		val = ~0U;
	return val & size_mask(size);
}

static int hw_write(struct iomul_held *held, int where, int size, u32 val)
{
	return held->write(held->bus, held->devfn, where, size, val);
}

/*
 * Held functions
 */

/* Only configuration through ports 0xcf8 and 0xcfc is known to wait for completion. */
static bool config_posted(const struct pci_dev *pdev)
{
	return !IS_ENABLED(CONFIG_X86) || pci_domain_nr(pdev->bus);
}

struct iomul_held *iomul_held_find(const struct pci_dev *pdev)
{
	struct iomul_filter *filter = filter_find(pdev->bus);
	struct iomul_held *held = filter ? filter_held(filter, pdev->devfn) : NULL;

	return held && held->pdev == pdev ? held : NULL;
}

static bool pciback_has(const struct pci_dev *pdev)
{
	const struct device_driver *driver = READ_ONCE(pdev->dev.driver);

	return driver && !strcmp(driver->name, "pciback");
}

struct iomul_held *iomul_held_new(struct pci_dev *pdev, struct iomul_live *live)
{
	struct iomul_held *held = kzalloc(sizeof(*held), GFP_KERNEL);
	struct iomul_filter *filter;
	unsigned long flags;

	if (!held)
		return ERR_PTR(-ENOMEM);
	filter = filter_get(pdev->bus);
	if (IS_ERR(filter)) {
		kfree(held);
		return ERR_CAST(filter);
	}
	held->filter = filter;
	held->live = live;
	held->window_only = !live;
	held->pdev = pci_dev_get(pdev);
	held->bus = pdev->bus;
	held->addr = iomul_pdev_addr(pdev);
	held->gate = IOMUL_NONE;
	held->devfn = pdev->devfn;
	held->write = filter->orig->write;
	held->special = config_posted(pdev);
	held->lock = &filter->lock;
	held->seized_before = pciback_has(pdev);
	INIT_LIST_HEAD(&held->in_slot);
	list_add_tail(&held->in_all, &iomul_helds);
	raw_spin_lock_irqsave(&astray_lock, flags);
	hlist_add_head_rcu(&held->in_filter,
			   &filter->bucket[PCI_SLOT(pdev->devfn) % FILTER_BUCKETS]);
	if (!filter_in_reach(filter)) {
		raw_spin_lock(held->lock);
		held_set_reach(held, false);
		raw_spin_unlock(held->lock);
	}
	raw_spin_unlock_irqrestore(&astray_lock, flags);
	return held;
}

void iomul_held_start(struct iomul_held *held)
{
	unsigned long flags;

	raw_spin_lock_irqsave(held->lock, flags);
	held->command = hw_read(held, PCI_COMMAND, 2);
	if (held->was_guard)
		held->guard = false;
	else
		held->visible_io = held->command & PCI_COMMAND_IO;
	if (!held->slot && !held->guard) {
		held->window.low = hw_read(held, PCI_IO_BASE, 2);
		held->io32 = (held->window.low & PCI_IO_RANGE_TYPE_MASK) == PCI_IO_RANGE_TYPE_32;
		held->window.high = held->io32 ? hw_read(held, PCI_IO_BASE_UPPER16, 4) : 0;
		held->found = held->window;
	}
	WRITE_ONCE(held->ready, true);
	raw_spin_unlock_irqrestore(held->lock, flags);
}

void iomul_held_set_live(struct iomul_held *held, struct iomul_live *live)
{
	unsigned long flags;
	int astray;

	raw_spin_lock_irqsave(&astray_lock, flags);
	raw_spin_lock(held->lock);
	astray = held->write == write_nowhere;
	if (held->live)
		atomic_sub(astray, &held->live->astray);
	held->live = live;
	if (live)
		atomic_add(astray, &live->astray);
	raw_spin_unlock(held->lock);
	raw_spin_unlock_irqrestore(&astray_lock, flags);
}

void iomul_held_stop(struct iomul_held *held)
{
	unsigned long flags;

	if (hlist_unhashed(&held->in_filter))
		return;	/* its device went before */
	raw_spin_lock_irqsave(&astray_lock, flags);
	hlist_del_init_rcu(&held->in_filter);
	if (held->live && held->write == write_nowhere)
		atomic_dec(&held->live->astray);
	raw_spin_unlock_irqrestore(&astray_lock, flags);
	filter_put(held->filter);
}

void iomul_held_free(struct iomul_held *held)
{
	list_del(&held->in_all);
	list_del(&held->in_slot);
	pci_dev_put(held->pdev);
	kfree(held->hidden);
	kfree(held);
}

bool iomul_held_seized(const struct iomul_held *held)
{
	return !held->gone && !held->seized_before && pciback_has(held->pdev);
}

void iomul_held_bound(struct iomul_held *held)
{
	if (!pciback_has(held->pdev))
		return;
	held->seized_before = false;
	if (!held->pinned)
		__module_get(THIS_MODULE);
	held->pinned = true;
}

void iomul_held_unbound(struct iomul_held *held)
{
	held->seized_before = false;
	if (held->pinned)
		module_put(THIS_MODULE);
	held->pinned = false;
}

static noinline int decode_special(struct iomul_held *held, bool on)
{
	unsigned long flags;
	u16 command;
	int ret;

	if (held->gone)
		return 0;	/* shut for good */
	raw_spin_lock_irqsave(held->lock, flags);
	command = on ? held->command | PCI_COMMAND_IO : held->command & ~PCI_COMMAND_IO;
	ret = hw_write(held, PCI_COMMAND, 2, command);
	if (!ret)
		held->command = command;
	hw_read(held, PCI_COMMAND, 2);
	raw_spin_unlock_irqrestore(held->lock, flags);
	return ret ? -EIO : 0;
}

int iomul_held_decode(struct iomul_held *held, bool on)
{
	unsigned long flags;
	int ret;

	if (unlikely(held->special))
		return decode_special(held, on);
	raw_spin_lock_irqsave(held->lock, flags);
	ret = iomul_held_decode_locked(held, on);
	raw_spin_unlock_irqrestore(held->lock, flags);
	return unlikely(ret) ? -EIO : 0;
}

u16 iomul_held_command(struct iomul_held *held)
{
	return held->gone ? 0xffff : hw_read(held, PCI_COMMAND, 2);
}

/* A window that is moved passes nothing meanwhile. */
static void window_write(struct iomul_held *held, struct iomul_window_regs regs)
{
	if (held->io32)
		hw_write(held, PCI_IO_BASE_UPPER16, 4, WINDOW_CLOSED_HIGH);
	hw_write(held, PCI_IO_BASE, 2, regs.low);
	if (held->io32)
		hw_write(held, PCI_IO_BASE_UPPER16, 4, regs.high);
}

static struct iomul_window_regs window_read(struct iomul_held *held)
{
	return (struct iomul_window_regs){
		.low = hw_read(held, PCI_IO_BASE, 2),
		.high = held->io32 ? hw_read(held, PCI_IO_BASE_UPPER16, 4) : 0,
	};
}

int iomul_held_window(struct iomul_held *held, struct iomul_window_regs regs)
{
	unsigned long flags;
	bool ok;

	raw_spin_lock_irqsave(held->lock, flags);
	window_write(held, regs);
	held->window = window_read(held);
	ok = window_equal(held->window, regs);
	raw_spin_unlock_irqrestore(held->lock, flags);
	return ok ? 0 : -EIO;
}

int iomul_held_widen(struct iomul_held *held, struct iomul_window_regs regs)
{
	struct iomul_window_regs now;
	unsigned long flags;
	bool ok = false;

	raw_spin_lock_irqsave(held->lock, flags);
	if (regs.high == held->window.high) {
		hw_write(held, PCI_IO_BASE, 2, regs.low);
		now = window_read(held);
		ok = window_equal(now, regs);
	}
	/* Of one that does not answer nobody knows what it has. */
	if (ok)
		held->window = now;
	raw_spin_unlock_irqrestore(held->lock, flags);
	return ok ? 0 : -EIO;
}

static struct pci_bus_region bus_region(const struct iomul_held *held, struct iomul_range at)
{
	struct resource res = { .start = at.first, .end = at.last, .flags = IORESOURCE_IO };
	struct pci_bus_region region;

	pcibios_resource_to_bus(held->bus, &region, &res);
	return region;
}

struct iomul_window_regs iomul_held_window_at(const struct iomul_held *held, struct iomul_range at)
{
	struct pci_bus_region r = bus_region(held, at);

	return (struct iomul_window_regs){
		.low = (r.start >> 8 & 0xf0) | (r.end & 0xf000),
		.high = held->io32 ? (u32)r.start >> 16 | (r.end & 0xffff0000) : 0,
	};
}

struct resource *iomul_held_bar_res(struct iomul_held *held, unsigned int bar)
{
	return held->hidden ? &held->hidden[bar] : &held->pdev->resource[bar];
}

u32 iomul_held_bar_value(struct iomul_held *held, unsigned int bar)
{
	return bus_region(held, held->at[bar]).start | PCI_BASE_ADDRESS_SPACE_IO;
}

int iomul_held_bar(struct iomul_held *held, unsigned int bar, u32 value)
{
	int where = PCI_BASE_ADDRESS_0 + 4 * bar;

	hw_write(held, where, 4, value);
	return hw_read(held, where, 4) == value ? 0 : -EIO;
}

void iomul_held_refresh(struct iomul_held *held)
{
	unsigned long flags;
	unsigned int bar;

	if (held->gone)
		return;
	raw_spin_lock_irqsave(held->lock, flags);
	held->touched = false;
	if (held->window_set)
		window_write(held, held->window);
	for (bar = 0; bar < IOMUL_BARS; bar++)
		if (held->bars & 1U << bar)
			hw_write(held, PCI_BASE_ADDRESS_0 + 4 * bar, 4,
				 iomul_held_bar_value(held, bar));
	if (held->gate == IOMUL_NONE)
		hw_write(held, PCI_COMMAND, 2, held->command);
	raw_spin_unlock_irqrestore(held->lock, flags);
}

void iomul_held_mend(struct iomul_held *held)
{
	unsigned long flags;
	unsigned int bar;

	if (held->gone)
		return;
	raw_spin_lock_irqsave(held->lock, flags);
	held->touched = false;
	if (held->window_set && !window_equal(window_read(held), held->window))
		window_write(held, held->window);
	for (bar = 0; bar < IOMUL_BARS; bar++)
		if ((held->bars & 1U << bar) && hw_read(held, PCI_BASE_ADDRESS_0 + 4 * bar, 4) !=
							iomul_held_bar_value(held, bar))
			hw_write(held, PCI_BASE_ADDRESS_0 + 4 * bar, 4,
				 iomul_held_bar_value(held, bar));
	if ((hw_read(held, PCI_COMMAND, 2) ^ held->command) & PCI_COMMAND_IO)
		hw_write(held, PCI_COMMAND, 2, held->command);
	raw_spin_unlock_irqrestore(held->lock, flags);
}

void iomul_held_touch(struct iomul_held *held)
{
	unsigned long flags;

	if (held->gone)
		return;
	raw_spin_lock_irqsave(held->lock, flags);
	touch_locked(held);
	raw_spin_unlock_irqrestore(held->lock, flags);
}

void iomul_held_verify(struct iomul_held *held, u32 *checked, u32 *wrong)
{
	unsigned long flags;
	unsigned int bar;
	u32 differ = 0;

	if (held->gone)
		return;
	raw_spin_lock_irqsave(held->lock, flags);
	if (!held->window_only) {
		++*checked;
		differ += !!((hw_read(held, PCI_COMMAND, 2) ^ held->command) & PCI_COMMAND_IO);
	}
	if (held->window_set || held->window_only) {
		++*checked;
		differ += !window_equal(window_read(held), held->window);
	}
	for (bar = 0; bar < IOMUL_BARS; bar++) {
		if (!(held->bars & 1U << bar))
			continue;
		++*checked;
		differ += hw_read(held, PCI_BASE_ADDRESS_0 + 4 * bar, 4) !=
			  iomul_held_bar_value(held, bar);
	}
	if (differ)
		touch_locked(held);
	raw_spin_unlock_irqrestore(held->lock, flags);
	*wrong += differ;
}
