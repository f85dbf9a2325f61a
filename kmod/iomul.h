/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the shell share; docs/design.md says which file does what.
 *
 * Locks, outermost first:
 *  1. pci_lock_rescan_remove()
 *  2. iomul_lock: the lists of groups, slots, held functions, the journal
 *  3. a group's turn: its tree (mux), its window, the I/O enables of its gates
 *  4. a filter's raw spinlock: command words and window registers of the
 *     functions held on that bus
 * An access takes 3 and 4 only. device_lock may be held when 2 is taken, never
 * the other way round.
 */
#ifndef IOMUL_H
#define IOMUL_H

#include <linux/atomic.h>
#include <linux/ioport.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/rculist.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include "compat/compat.h"
#include "core/access.h"
#include "core/plan.h"
#include "iomul_user.h"

#undef pr_fmt
#define pr_fmt(fmt) "iomul: " fmt

extern struct mutex iomul_lock;
extern unsigned int iomul_burst;
extern unsigned int iomul_string;

struct iomul_file;
struct iomul_live;
struct iomul_slot;
struct iomul_filter;

/*
 * Held functions (hold.c)
 */

/* I/O Base and Limit as one word, I/O Base and Limit Upper 16 Bits as one. */
struct iomul_window_regs {
	u16 low;
	u32 high;
};

/*
 * A gate port, a function of a shared slot, or a mixed port that was widened. Or one that does
 * not share, and came to be below a port that does (guard.c): its I/O Space Enable stays off.
 * @command, @window and what readers see of them change under @lock only.
 */
struct iomul_held {
	struct hlist_node in_filter;	/* RCU */
	struct list_head in_all;	/* iomul_helds */
	struct list_head in_slot;	/* functions: iomul_slot.functions */
	struct pci_dev *pdev;		/* a reference */
	struct pci_bus *bus;
	unsigned int devfn;
	/* The bus's own, or one that fails: no way to it now. */
	int (*write)(struct pci_bus *bus, unsigned int devfn, int where, int size, u32 val);
	struct iomul_filter *filter;	/* of no use once out of it */
	struct iomul_live *live;	/* NULL: @window_only, or @guard */
	struct iomul_slot *slot;	/* NULL: a port */
	struct iomul_held *up;		/* the port above, if held */
	struct iomul_user *user;	/* who holds it open */

	raw_spinlock_t *lock;		/* the filter's, one for all on a bus */
	u32 command;			/* as the hardware has it, 16 bits */
	bool special;			/* gone, or config writes are posted: to be read back */
	bool ready;			/* @command is valid, the filter in force */
	bool visible_io;		/* I/O Space Enable as others see it */
	bool touched;			/* somebody tried, or it was reset */
	bool io32;
	bool gone;			/* the device was removed */
	struct iomul_window_regs window;	/* as the hardware has it */
	struct iomul_window_regs found;		/* as attach found it */

	u32 gate;			/* in the group's mux; IOMUL_NONE: always decodes */
	u32 slots;			/* ports: slots that need it */
	u32 leaving;			/* and how many of them are being detached */
	bool placed;			/* in the tree that is being filled */
	bool binding;			/* a driver is being bound to it */
	u8 no_file;			/* BARs whose resourceN of sysfs was taken away */
	u8 bars;			/* I/O BARs that were placed, */
	struct iomul_range at[IOMUL_BARS];	/* and where: the kernel may forget it, not we */
	bool seized_before;		/* by pciback, before it shared */
	bool pinned;			/* a reference on the module: seized since */
	bool window_set;		/* the window was placed */
	bool window_only;		/* a mixed port: no gate, its command register is others' */
	bool guard;			/* does not share */
	bool was_guard;			/* and is to be one again when it does no more */
	bool stale;			/* a BAR has ports of a group's that are none of its own any more */
	bool woken;			/* iomul_verify() has it awake that would sleep */
	struct iomul_addr addr;
	struct resource root;		/* private parent of its window or BARs */
	struct resource *hidden;	/* where its BARs are, or NULL: pdev->resource says so */
	struct rcu_head rcu;
};

extern struct list_head iomul_helds;

/* Of @live, or window_only, or to be made a guard. -ENOMEM, -EBUSY (somebody else has taken over config access). */
struct iomul_held *iomul_held_new(struct pci_dev *pdev, struct iomul_live *live);
/* After a grace period since iomul_held_new(): from now on the filter holds. */
void iomul_held_start(struct iomul_held *held);
/* To another group, or none. */
void iomul_held_set_live(struct iomul_held *held, struct iomul_live *live);
/* Out of the filter; free it a grace period later. */
void iomul_held_stop(struct iomul_held *held);
void iomul_held_free(struct iomul_held *held);
/* Of a port that was widened: has Linux given its window up since, or placed it elsewhere? */
bool iomul_held_given_up(const struct iomul_held *held);
/* Do bus numbers lead config cycles to it now? */
bool iomul_held_in_reach(const struct iomul_held *held);
struct iomul_held *iomul_held_find(const struct pci_dev *pdev);

/* I/O Space Enable. 0 or -EIO. */
int iomul_held_decode(struct iomul_held *held, bool on);

/*
 * Under @held->lock, @held not special. The command word is cached, so it is one write. Of one
 * that fails nobody knows what became; what is cached is what it should be.
 */
static __always_inline int iomul_held_decode_locked(struct iomul_held *held, bool on)
{
	u32 command = on ? held->command | PCI_COMMAND_IO : held->command & ~(u32)PCI_COMMAND_IO;

	held->command = command;
	return held->write(held->bus, held->devfn, PCI_COMMAND, 2, command);
}

/* Off for @shut, then on for @open: neither special, on one bus. Every change of owner is one. */
static __always_inline int iomul_held_swap(struct iomul_held *shut, struct iomul_held *open)
{
	unsigned long flags;

	raw_spin_lock_irqsave(shut->lock, flags);
	if (unlikely(iomul_held_decode_locked(shut, false) || iomul_held_decode_locked(open, true))) {
		raw_spin_unlock_irqrestore(shut->lock, flags);
		return -EIO;
	}
	raw_spin_unlock_irqrestore(shut->lock, flags);
	return 0;
}

/* The window registers. 0 or -EIO: they read back otherwise. */
int iomul_held_window(struct iomul_held *held, struct iomul_window_regs regs);
int iomul_held_bar(struct iomul_held *held, unsigned int bar, u32 value);
/* The same for a window in use: with one write. -EIO also if one can't do. */
int iomul_held_widen(struct iomul_held *held, struct iomul_window_regs regs);
struct iomul_window_regs iomul_held_window_at(const struct iomul_held *held, struct iomul_range at);
/* The resource of a BAR that was placed, which is at held->at[] unless the kernel moved it. */
struct resource *iomul_held_bar_res(struct iomul_held *held, unsigned int bar);
/*
 * pciback keeps config space as it is when it seizes a function, writes it back
 * whenever a guest has had it and when it lets go: here with shared ports in it.
 */
bool iomul_held_seized(const struct iomul_held *held);
/* A driver was bound; it was unbound, or its device is going. Under iomul_lock. */
void iomul_held_bound(struct iomul_held *held);
void iomul_held_unbound(struct iomul_held *held);
/* What the BAR register must contain. */
u32 iomul_held_bar_value(struct iomul_held *held, unsigned int bar);
/* Writes window, BARs and, of what is no gate, the command word once more. */
void iomul_held_refresh(struct iomul_held *held);
/* The same, but only what is not as it should be: somebody may be using it. */
void iomul_held_mend(struct iomul_held *held);
/* Somebody may have changed it: its gate is forgotten before the next access. */
void iomul_held_touch(struct iomul_held *held);
/* Compares with the hardware; @checked and @wrong are added to. */
void iomul_held_verify(struct iomul_held *held, u32 *checked, u32 *wrong);
/* The command register as the hardware has it; 0xffff: nobody answers. */
u16 iomul_held_command(struct iomul_held *held);

/* Config space as the hardware has it, held or not. */
u32 iomul_config_read(struct pci_dev *pdev, int where, int size);
void iomul_config_write(struct pci_dev *pdev, int where, int size, u32 value);

/* The window that the registers of the port @pdev have, empty if none. */
struct iomul_range iomul_port_window(struct pci_dev *pdev);
/* Writes @at, or none if it is empty, past the filter. */
void iomul_port_window_write(struct pci_dev *pdev, struct iomul_range at);

/* How often somebody wrote the window of a port above; both wrap. Not the same: he is at it. */
struct iomul_windows_written {
	unsigned int begun;
	unsigned int done;
};

/* Of ports above what is held on @bus. */
struct iomul_windows_written iomul_windows_written(const struct pci_bus *bus);

size_t iomul_filters_bytes(void);
bool iomul_filters_empty(void);

static inline struct iomul_addr iomul_pdev_addr(const struct pci_dev *pdev)
{
	return (struct iomul_addr){ .segment = pci_domain_nr(pdev->bus),
				    .bus = pdev->bus->number, .devfn = pdev->devfn };
}

static inline struct iomul_range iomul_res_range(const struct resource *res)
{
	return (struct iomul_range){ .first = res->start, .last = res->end };
}

/*
 * Guards (guard.c). Under iomul_lock.
 */

/* @pdev does not share: a guard, if a port above it does and Linux may give it ports. */
void iomul_guard_new(struct pci_dev *pdev);
/* Its device is gone. */
void iomul_guard_lost(struct iomul_held *held);
/* The guard of @pdev, or NULL. */
struct iomul_held *iomul_guard_find(const struct pci_dev *pdev);
/* It is to share in @live (NULL: as window_only); iomul_held_start() makes it no guard. */
void iomul_guard_join(struct iomul_held *held, struct iomul_live *live);
/* It shares no more, while a port above shares on: a guard from now on. False: not so. */
bool iomul_guard_again(struct iomul_held *held);
/* No port above shares any more. */
void iomul_guard_end(struct iomul_held *held);
/* Hotplug has come to its end, or the server was asleep: files of newcomers lead to ports of the group, too. */
void iomul_guards_mend(void);
/* Somebody past the filter may have turned its I/O Space Enable on. */
void iomul_guard_mend(struct iomul_held *held);

/*
 * Ports above a group (above.c). Under pci_lock_rescan_remove() and iomul_lock, unless it says so.
 */

/* For @live's anchor. False: no memory. */
bool iomul_above_alloc(struct iomul_live *live);
/* Remembers what windows they have, unless the group is adrift. */
void iomul_above_note(struct iomul_live *live);
/* Somebody is about to write a window register of one above @held. In any context. */
void iomul_above_written(struct iomul_held *held);
/* A driver, maybe one to whom the kernel gave what it had given up, is about to be bound. Under iomul_lock alone. */
void iomul_above_binding(void);
/* The uppermost whose registers don't pass the group's ports on, or NULL. */
struct pci_dev *iomul_above_closed(const struct iomul_live *live);
/* Puts back what the kernel moved or gave up; strands the groups with which that can't be done. */
void iomul_above_mend(void);
/* The bus below @pdev is going: takes what was requested of it out of the tree. */
void iomul_above_lost(struct pci_dev *pdev);

/*
 * Snapshots (snapshot.c)
 */

struct iomul_snapshot {
	struct iomul_topology t;
	struct iomul_node *node;	/* the arrays of @t */
	struct iomul_root *root;
	struct iomul_busy *busy;
	struct pci_dev **pdev;		/* for each node, with a reference */
	struct pci_bus **bus;		/* for each node and root: the bus below, or NULL */
	struct iomul_held **held;	/* for each node: NULL, not held */
};

/* Under pci_lock_rescan_remove() and iomul_lock. ERR_PTR. */
struct iomul_snapshot *iomul_snapshot_take(void);
void iomul_snapshot_free(struct iomul_snapshot *snap);

/*
 * Steps (step.c)
 */

/* A range kept for its return: in the resource tree where the function had it. */
struct iomul_hold {
	struct resource res;		/* without what a widened port has of it; no parent: nothing left */
	struct iomul_range at;
	struct iomul_live *leased;	/* out of the tree, while this group's window is leased */
	char name[IOMUL_NAME_MAX];
};

/* A step that was carried out, with what its inverse needs. */
struct iomul_deed {
	struct list_head list;		/* iomul_journal, oldest first */
	struct iomul_step step;
	struct iomul_held *held;	/* NULL: the group's */
	struct iomul_live *live;
	struct iomul_hold *hold;
	struct resource *parent;	/* the function's resource as it was */
	const char *name;
	resource_size_t start, end;
	unsigned long flags;
	u32 raw;			/* BAR, or I/O Base and Limit, as it was */
	struct resource *res;		/* with @pdev: put back when the port above has its range again */
	struct pci_dev *pdev;		/* a reference */
	bool shut;			/* it waits, others have its ports: its window, or I/O Space Enable */
};

extern struct list_head iomul_journal;

/* Carries @step out and appends it to the journal. -errno with @refusal filled in. */
int iomul_step_carry_out(const struct iomul_step *step, struct iomul_held *held,
			 struct iomul_live *live, struct iomul_refusal *refusal);
/* Undoes @deed, takes it off its list and frees it. */
void iomul_step_undo(struct iomul_deed *deed);
/* The device of @held is going: takes its resources out of private trees. */
void iomul_steps_orphan(struct iomul_held *held);
/* Is what the port of @deed, an IOMUL_STEP_WIDEN, was given of use to a group that stays? */
bool iomul_widen_needed(const struct iomul_deed *deed);
/* The ports, which @hold is to get back, of a port that stays widened; or empty. */
struct iomul_range iomul_hold_widened(const struct iomul_hold *hold);
/* The files resourceN of @held's I/O BARs, those that have ports: are they there? Of a guard; an attach cares for its own. */
void iomul_held_files(struct iomul_held *held, bool there);
/* The same of what shares, but for the BARs of groups that are not in the tree: those have no ports. */
void iomul_steps_mend(void);
/* Puts back what had to wait for the port above. */
void iomul_steps_late(void);
/* What lies in windows that wait is nowhere, until iomul_steps_late(): something of it may share now. */
void iomul_steps_unpark(void);
/* @pdev, new below a port that shares, gets ports when that port has some of its own. */
void iomul_steps_newcomer(struct pci_dev *pdev);
/* Is @res in the kernel's tree or in one of ours, and not in a window that is nowhere? */
bool iomul_res_is_placed(const struct resource *res);
/* What waits for something that the kernel has given up waits no more. */
void iomul_steps_forget(void);
/* @pdev is going: nothing of it waits any more. */
void iomul_steps_late_drop(struct pci_dev *pdev);
/* Puts @live's range into the tree. 0; or -EBUSY: @with, or nobody (NULL), has some of it. */
int iomul_reserve(struct iomul_live *live, const struct resource **with);
/* Takes @live's range out of the tree, if it is there. */
void iomul_reserve_drop(struct iomul_live *live);
/* What Linux has thrown out of the tree with a window that is open again. */
void iomul_holds_return(void);
/* The resource of @bus that contains the ports @at, or NULL. */
struct resource *iomul_bus_aperture(struct pci_bus *bus, struct iomul_range at);
bool iomul_res_is_hold(const struct resource *res);
void iomul_hold_drop(struct iomul_hold *hold);
/* The group, other than those being dissolved, whose window overlaps @hold; or NULL. */
struct iomul_live *iomul_hold_borrower(const struct iomul_hold *hold);

/*
 * Groups and slots (group.c)
 */

/*
 * First come first served. Without waiters, taking and giving back are one
 * atomic operation each; see turn.c.
 */
struct iomul_turn {
	atomic_t state;
	unsigned int passed;		/* times the owner went past the waiters */
	u32 taken;			/* how often, while somebody waited; under @lock */
	spinlock_t lock;
	struct list_head waiters;
};

/* The gate tree of a group and whom its indexes mean. */
struct iomul_tree {
	struct iomul_mux mux;		/* gate.node: index in @held; swappable slot.own: one of them */
	struct iomul_held **held;	/* the gates' functions, then those that always decode */
	struct iomul_slot **slot;
	u32 helds;
	size_t bytes;
};

struct iomul_count {
	u64 accesses;
	u64 switches;			/* times the slot became owner */
};

/* The window of a port above a group, as it was when slots of that were attached last. */
struct iomul_above {
	struct iomul_range at;
	unsigned long flags;
};

/* A group at work. @tree and counters: under the turn. */
struct iomul_live {
	struct iomul_turn turn;
	union {
		struct {
			bool touched;	/* some held function is */
			bool leased;	/* @lessee is set; written with the turn */
		};
		u16 unusual;		/* both: a change of owner looks once */
	};
	struct iomul_tree tree;
	struct iomul_slot *lessee;	/* has the window to itself, or NULL; written with the turn */
	struct iomul_count count;	/* of slots that were detached */
	u64 config_writes;		/* but for two for each change of owner in one piece: */
	u64 routed;			/* changes of owner that were not */
	u64 repairs;
	u64 events;
	atomic64_t foreign_writes;
	atomic_t astray;		/* held functions that config cycles don't reach now */
	wait_queue_head_t lease_over;

	struct list_head list;		/* iomul_lives */
	struct kref ref;
	u32 id;
	u32 slots;
	u32 leaving;
	bool concerned;			/* by the attach or detach under way */
	bool anchor_gone;
	bool adrift;			/* a window above was given up: @touched for as long */
	bool stranded;			/* for good; under the turn */
	unsigned int windows_seen;	/* iomul_windows_written.done, when all was settled last; under the turn */
	struct iomul_above *above;	/* windows of the ports above, from @anchor's on */
	u32 levels_above;
	struct lease *lease;
	struct pci_bus *anchor;		/* a reference */
	struct iomul_tree next;		/* being built */
	struct iomul_range window;
	struct resource res;
	char name[IOMUL_NAME_MAX];
};

#define IOMUL_WHERE_MAX 16

/* The way to a slot: device and function numbers from the root bus down. */
struct iomul_where {
	u16 segment;
	u8 bus;
	u8 depth;			/* 0: too deep to be found again */
	u8 devfn[IOMUL_WHERE_MAX];
};

/* Not IOMUL_NONE, which is what the mux says when nobody is its owner. */
#define IOMUL_UNREACHABLE (IOMUL_NONE - 1)

/* An attached slot. Counters: under the group's turn. */
struct iomul_slot {
	struct iomul_live *live;
	u32 index;			/* in the mux, or IOMUL_UNREACHABLE */
	u32 users;
	struct iomul_count count;	/* of users that are gone; see iomul_slot_count() */
	u64 waits;
	u64 wait_ns;
	u64 errors;
	u32 most_passed;		/* turns of others while it waited for one */
	struct iomul_slot_waits waited;

	struct list_head list;		/* iomul_slots */
	struct list_head functions;	/* iomul_held.in_slot */
	struct kref ref;
	struct iomul_addr addr;		/* first function */
	struct iomul_addr port;		/* port above, or @addr */
	struct iomul_where where;
	bool leaving;
	bool gone;
	bool tried;			/* adopt.c: to be adopted */
	bool replaced;			/* gone, and back as another slot */
};

extern struct list_head iomul_lives;
extern struct list_head iomul_slots;

/* -errno with @refusal filled in when there is a reason in the ABI. */
int iomul_attach(const struct iomul_addr *addr, u32 count, const struct iomul_policy *policy,
		 struct iomul_refusal *refusal);
int iomul_detach(const struct iomul_addr *addr, u32 count, struct iomul_refusal *refusal);
/* Needs no memory: the module is unloaded by it. @force: also what config cycles do not reach now. */
int iomul_detach_all(bool force, struct iomul_refusal *refusal);
int iomul_verify(bool repair, struct iomul_verify *result);
void iomul_group_status(const struct iomul_live *live, struct iomul_group_status *status);
void iomul_slot_status(const struct iomul_slot *slot, struct iomul_slot_status *status);
size_t iomul_slot_bytes(void);
/* The attached slot at @addr, or NULL. */
struct iomul_slot *iomul_slot_find(struct iomul_addr addr);
void iomul_slot_get(struct iomul_slot *slot);
/* What was counted since it was attached. */
struct iomul_count iomul_slot_count(const struct iomul_slot *slot);
void iomul_slot_put(struct iomul_slot *slot);
/* The device of @held is going. Under iomul_lock. */
void iomul_held_lost(struct iomul_held *held);
/* Drops slots that were replaced and are not held open any more. */
void iomul_detach_replaced(void);
/* With an event outside of the filter's sight, such as a resume: everything is touched. */
void iomul_touch_all(void);
/* The machine goes down: no access any more but of host drivers that have a lease. */
void iomul_stop_all(void);
int iomul_refuse(struct iomul_refusal *refusal, u32 reason, struct iomul_addr slot,
		 struct iomul_addr at);

/*
 * The turn and port access (turn.c)
 */

void iomul_turn_init(struct iomul_turn *turn);
/* 0, or -EINTR when @killable and killed. */
int iomul_turn_take(struct iomul_live *live, struct iomul_slot *slot, bool killable);
void iomul_turn_give(struct iomul_live *live);
/*
 * With the turn, when a config write to a gate failed: were bus numbers away? They may be back;
 * then all was touched.
 */
bool iomul_live_was_astray(const struct iomul_live *live);
/*
 * Bus numbers are away. Without the turn, may sleep: waits for a bit. -EIO when that went on for
 * 2 s, -EINTR when killed. @since: when it began, 0 at first.
 */
int iomul_astray_pause(ktime_t *since);
/* With the turn: every gate shut, nobody owns it. Of a leased window: but the lessee's. */
int iomul_live_shut(struct iomul_live *live);
/* With the turn: what was touched is shut and written again. */
void iomul_live_settle(struct iomul_live *live);

/* One element in kernel memory: @count accesses of @width bytes to one port. */
struct iomul_run {
	u32 port;
	u32 width;
	u32 count;
	bool write;
	void *data;
};

/*
 * Carries out what it can, in order; @done of them in full. While another slot
 * has the window to itself: waits, or with @nowait -EBUSY.
 */
int iomul_user_run(struct iomul_user *user, const struct iomul_run *run, u32 runs, bool nowait,
		   u32 *done);

/*
 * Who holds a function (user.c); see also iomul_user.h
 */

/*
 * iomul_user_get() for a process: without CAP_SYS_ADMIN also -EBUSY where a driver may be using the device,
 * and -ENODEV from accesses once one is bound to it. With ports one can make a device write to any
 * memory that its driver lets it.
 */
struct iomul_user *iomul_user_claim(struct pci_dev *pdev);
/* A driver is about to be bound to @held's device. Under iomul_lock. */
void iomul_user_binding(struct iomul_held *held);
/* With the turn: no access any more. */
void iomul_user_lose(struct iomul_user *user);

struct iomul_user {
	struct iomul_live *live;
	struct iomul_count count;	/* under the turn */
	struct iomul_slot *slot;
	u32 index;			/* the slot's; IOMUL_UNREACHABLE once @gone */
	bool gone;			/* changes under the turn, as @index does */
	bool alone;			/* not beside a driver */
	struct iomul_held *held;
	u8 bars;
	u8 main;			/* the largest BAR */
	u32 main_port;
	u32 port[IOMUL_BARS];
	u32 size[IOMUL_BARS];		/* 0: not an I/O BAR */
	char who[TASK_COMM_LEN];
	struct pci_dev *pdev;		/* a reference, and one for runtime PM */
	struct {			/* under the turn: the last access whose way opened late */
		u64 access;		/* @count.accesses before it */
		ktime_t since;		/* it waited for bus numbers, or 0 */
	} late;
};

/*
 * main.c, ioctl.c, events.c
 */

struct iomul_file {
	struct rw_semaphore lock;	/* read: uses @user; write: changes it */
	struct iomul_user *user;
	struct lease *lease;		/* under iomul_lock */
};

long iomul_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
int iomul_events_init(void);
void iomul_events_exit(void);
/* Tells user space: a change event of /dev/iomul. May sleep. */
void iomul_event(const char *what, struct iomul_addr slot, u32 group, u32 reason);
extern struct device *iomul_device;

/*
 * Slots that come back (adopt.c)
 */

bool iomul_where_of(struct pci_dev *pdev, struct iomul_where *where);
/* Attaches those that are there; the others when they come. Sorts @addr. */
int iomul_attach_future(struct iomul_addr *addr, u32 count, const struct iomul_policy *policy,
			struct iomul_refusal *refusal);
/* Under iomul_lock. */
bool iomul_wish_drop(struct iomul_addr addr);
void iomul_wishes_drop(void);
void iomul_adopt_later(void);
void iomul_adopt_stop(void);

/*
 * Leases (lease.c). Under iomul_lock, but for the last one.
 */

/* For the slot of @addr until @file gives it back. -errno with @refusal; -EINTR, -ENOMEM. */
int iomul_lease_take(struct iomul_file *file, struct iomul_addr addr, u32 *group,
		     struct iomul_refusal *refusal);
/* -ENOENT: @file has none. */
int iomul_lease_give(struct iomul_file *file);
/* The device is gone. */
void iomul_lease_lost(struct iomul_slot *slot);
/* A driver is about to be bound to @held's device, or was, or was not. */
void iomul_lease_binding(struct iomul_held *held, bool binding);
/* Has another function's driver a moment in which it may request ports, which are @held's by number? */
bool iomul_lease_open_elsewhere(const struct iomul_held *held);
/* Has a host driver requested ports of @held, or may it at this moment? */
bool iomul_lease_driver_has(struct iomul_held *held);
/* For whom @slot is leased, or NULL. */
const char *iomul_lease_who(const struct iomul_slot *slot);
/* -EBUSY: @slot can't, since @live is leased. */
int iomul_lease_refuse(const struct iomul_live *live, struct iomul_addr slot,
		       struct iomul_refusal *refusal);
void iomul_leases_stop(void);
/* Until no other slot than @user's has the window to itself. 0, or -EINTR when killed. */
int iomul_lease_wait(struct iomul_user *user);

static inline bool iomul_addr_same_slot(struct iomul_addr a, struct iomul_addr b)
{
	return a.segment == b.segment && a.bus == b.bus && a.devfn >> 3 == b.devfn >> 3;
}

/* boot.c: shares what the module's parameters ask for; at the end of init. */
void iomul_boot(void);

#endif
