// SPDX-License-Identifier: GPL-2.0-only
/*
 * The turn of a group, and what is done with it: gates moved, ports accessed.
 *
 * Nobody touches user memory, sleeps or allocates while he has the turn, so
 * that it comes back in bounded time whatever user space does.
 */
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "iomul.h"
#define CREATE_TRACE_POINTS
#include "trace.h"

/*
 * @state is 0 when free and nobody waits, so that taking and giving back are
 * one atomic operation each then. TURN_WAITED stays set while @waiters is not
 * empty; what goes past it is decided under @lock:
 *
 *	TURN_TAKEN		somebody has it
 *	TURN_WAITED		free: the first waiter, woken, or the owner may take it
 *	both			somebody has it and hands it on
 *
 * To give it back is to clear TURN_TAKEN; who does so and finds TURN_WAITED goes on
 * to wake the first waiter, or to give it the turn if the owner has passed often enough.
 */
#define TURN_TAKEN	1
#define TURN_WAITED	2

struct waiter {
	struct list_head list;
	struct task_struct *task;
	u32 since;			/* turn->taken when it came */
	bool granted;
};

void iomul_turn_init(struct iomul_turn *turn)
{
	atomic_set(&turn->state, 0);
	turn->passed = 0;
	turn->taken = 0;
	spin_lock_init(&turn->lock);
	INIT_LIST_HEAD(&turn->waiters);
}

static bool turn_free(struct iomul_turn *turn)
{
	return !(atomic_read(&turn->state) & TURN_TAKEN);
}

/* Under @lock, with TURN_WAITED set and the turn free. */
static void turn_seize(struct iomul_turn *turn)
{
	turn->taken++;
	atomic_set(&turn->state, list_empty(&turn->waiters) ? TURN_TAKEN :
							      TURN_TAKEN | TURN_WAITED);
	smp_mb();
}

static void turn_wake_first(struct iomul_turn *turn)
{
	wake_up_process(list_first_entry(&turn->waiters, struct waiter, list)->task);
}

/* Under @lock: is it @w's turn now? */
static bool waiter_seize(struct iomul_turn *turn, struct waiter *w)
{
	if (w->granted)
		return true;
	if (!turn_free(turn) || !list_is_first(&w->list, &turn->waiters))
		return false;
	list_del(&w->list);
	turn->passed = 0;
	turn_seize(turn);
	return true;
}

/* Under @lock: @w was killed. If it was to go next, somebody else is. */
static void waiter_quit(struct iomul_turn *turn, struct waiter *w)
{
	list_del(&w->list);
	if (list_empty(&turn->waiters))
		atomic_andnot(TURN_WAITED, &turn->state);
	else if (turn_free(turn))
		turn_wake_first(turn);
}

/* How many turns others had meanwhile is written to @passed. */
static int waiter_sleep(struct iomul_turn *turn, struct waiter *w, bool killable, u32 *passed)
{
	int err = 0;

	for (;;) {
		set_current_state(killable ? TASK_KILLABLE : TASK_UNINTERRUPTIBLE);
		spin_lock(&turn->lock);
		if (waiter_seize(turn, w))
			break;
		if (killable && fatal_signal_pending(current)) {
			waiter_quit(turn, w);
			err = -EINTR;
			break;
		}
		spin_unlock(&turn->lock);
		schedule();
	}
	*passed = turn->taken - 1 - w->since;	/* without its own */
	spin_unlock(&turn->lock);
	__set_current_state(TASK_RUNNING);
	return err;
}

/* With the turn. */
static void slot_waited(struct iomul_slot *slot, u64 ns)
{
	slot->waits++;
	slot->wait_ns += ns;
	slot->waited.longest_ns = max(slot->waited.longest_ns, ns);
	slot->waited.bucket[min(fls64(ns >> 10), IOMUL_WAIT_BUCKETS - 1)]++;
}

static noinline int turn_wait(struct iomul_live *live, struct iomul_slot *slot, bool killable)
{
	struct iomul_turn *turn = &live->turn;
	struct waiter w = { .task = current };
	ktime_t start = ktime_get();
	u32 passed;
	int err;

	might_sleep();
	spin_lock(&turn->lock);
	atomic_fetch_or_acquire(TURN_WAITED, &turn->state);
	if (turn_free(turn)) {
		if (list_empty(&turn->waiters)) {
			turn_seize(turn);
			spin_unlock(&turn->lock);
			return 0;
		}
		if (slot && live->tree.mux.owner == slot->index && turn->passed < iomul_burst) {
			turn->passed++;
			turn_seize(turn);
			spin_unlock(&turn->lock);
			return 0;
		}
	}
	w.since = turn->taken - !turn_free(turn);
	list_add_tail(&w.list, &turn->waiters);
	spin_unlock(&turn->lock);
	err = waiter_sleep(turn, &w, killable, &passed);
	if (!err && slot) {
		slot_waited(slot, ktime_to_ns(ktime_sub(ktime_get(), start)));
		slot->most_passed = max(slot->most_passed, passed);
	}
	return err;
}

/* The turn was given, with TURN_WAITED set: nobody takes it but under @lock. */
static noinline void turn_hand_on(struct iomul_turn *turn)
{
	struct waiter *w;

	spin_lock(&turn->lock);
	if (!turn_free(turn) || list_empty(&turn->waiters)) {
		/* The first waiter was awake and has it, or all were killed. */
	} else if (turn->passed < iomul_burst) {
		turn_wake_first(turn);
	} else {
		w = list_first_entry(&turn->waiters, struct waiter, list);
		list_del(&w->list);
		turn->passed = 0;
		turn_seize(turn);
		w->granted = true;
		wake_up_process(w->task);
	}
	spin_unlock(&turn->lock);
}

/* Nobody has it and nobody waits. */
static __always_inline bool turn_try_take(struct iomul_live *live)
{
	int free = 0;

	return likely(atomic_try_cmpxchg_acquire(&live->turn.state, &free, TURN_TAKEN));
}

/* False: it is given all the same, and turn_hand_on() is due. */
static __always_inline bool turn_try_give(struct iomul_live *live)
{
	BUILD_BUG_ON(TURN_TAKEN != 1);
	return likely(atomic_dec_and_test(&live->turn.state));
}

static __always_inline int turn_take(struct iomul_live *live, struct iomul_slot *slot, bool killable)
{
	return turn_try_take(live) ? 0 : turn_wait(live, slot, killable);
}

static __always_inline void turn_give(struct iomul_live *live)
{
	if (!turn_try_give(live))
		turn_hand_on(&live->turn);
}

int iomul_turn_take(struct iomul_live *live, struct iomul_slot *slot, bool killable)
{
	return turn_take(live, slot, killable);
}

void iomul_turn_give(struct iomul_live *live)
{
	turn_give(live);
}

/*
 * Gates
 */

/* Carries out one step of the mux: the I/O enable of all functions of a gate. */
static bool gate_move(struct iomul_live *live, struct iomul_mux_step step)
{
	const struct iomul_gate *gate = &live->tree.mux.gate[step.gate];
	struct iomul_held **held = &live->tree.held[gate->node];
	bool ok = true;
	u32 i;

	for (i = 0; i < gate->nodes; i++)
		ok &= !iomul_held_decode(held[i], step.open);
	live->config_writes += gate->nodes;
	return ok;
}

#define ROUTE_TRIES 3

/* Towards @index, or IOMUL_NONE: all shut. */
static int live_route(struct iomul_live *live, u32 index)
{
	struct iomul_mux_step step;
	unsigned int failed = 0;
	bool ok;

	while (iomul_mux_next(&live->tree.mux, index, &step) > 0) {
		ok = gate_move(live, step);
		iomul_mux_done(&live->tree.mux, step, ok);
		if (!ok && ++failed == ROUTE_TRIES)
			return -EIO;
	}
	return 0;
}

/*
 * Whose path is open and must not be shut, since a host driver may be using it. Not for the mux
 * to say: it has no owner while a gate of another slot can't be reached to be shut.
 */
static const struct iomul_slot *live_leased(const struct iomul_live *live)
{
	const struct iomul_slot *slot = live->lessee;

	/* Or others may have its ports by now. */
	if (READ_ONCE(live->adrift) && !READ_ONCE(live->res.parent))
		return NULL;
	return slot && slot->index != IOMUL_UNREACHABLE ? slot : NULL;
}

int iomul_live_shut(struct iomul_live *live)
{
	const struct iomul_slot *leased = live_leased(live);

	return live_route(live, leased ? leased->index : IOMUL_NONE);
}

/* Is @held of @slot, or a gate on the way to it? */
static bool held_on_path(const struct iomul_live *live, const struct iomul_slot *slot,
			 const struct iomul_held *held)
{
	const struct iomul_mux *mux = &live->tree.mux;
	const struct iomul_path *path = &mux->slot[slot->index];
	u32 i;

	if (held->slot == slot)
		return true;
	for (i = 0; i < path->depth; i++)
		if (mux->path[path->first + i] == held->gate)
			return true;
	return false;
}

/*
 * Forgets what was touched and writes it again, the gates shut first (rule 2). Of
 * the leased path only what is wrong is written.
 */
void iomul_live_settle(struct iomul_live *live)
{
	const struct iomul_slot *leased = live_leased(live);
	struct iomul_tree *tree = &live->tree;
	struct iomul_held *held;
	u32 i;

	WRITE_ONCE(live->touched, false);
	smp_mb();
	live->windows_seen = iomul_windows_written(live->anchor).done;
	if (READ_ONCE(live->adrift))
		WRITE_ONCE(live->touched, true);
	for (i = 0; i < tree->helds; i++) {
		held = tree->held[i];
		if (!READ_ONCE(held->touched))
			continue;
		if (leased && held_on_path(live, leased, held)) {
			iomul_held_mend(held);
			continue;
		}
		if (held->gate != IOMUL_NONE) {
			iomul_mux_forget_gate(&tree->mux, held->gate);
			iomul_held_decode(held, false);
		}
		iomul_held_refresh(held);
	}
}

/* With the turn: is there a gate that config cycles don't reach now? Functions behind gates don't matter. */
static bool gates_astray(const struct iomul_live *live)
{
	const struct iomul_gate *gate;
	u32 i, k;

	if (likely(!atomic_read(&live->astray)))
		return false;
	for (i = 0; i < live->tree.mux.gates; i++) {
		gate = &live->tree.mux.gate[i];
		for (k = gate->node; k < gate->node + gate->nodes; k++)
			if (!iomul_held_in_reach(live->tree.held[k]))
				return true;
	}
	return false;
}

bool iomul_live_was_astray(const struct iomul_live *live)
{
	if (gates_astray(live))
		return true;
	smp_rmb();	/* held_set_reach() */
	return READ_ONCE(live->touched);
}

static noinline int path_route(struct iomul_user *user)
{
	struct iomul_live *live = user->live;
	u64 before = live->config_writes;
	int err;

	if (user->index == IOMUL_UNREACHABLE)
		return -ENODEV;
	if (READ_ONCE(live->adrift))
		return live->stranded ? -ENODEV : -EAGAIN;
	if (live->lessee && live->lessee != user->slot)
		return -EAGAIN;
	if (gates_astray(live))
		return -EAGAIN;
	if (READ_ONCE(live->touched))
		iomul_live_settle(live);
	err = live_route(live, user->index);
	if (err)
		return iomul_live_was_astray(live) ? -EAGAIN : err;
	if (live->config_writes == before)
		return 0;
	live->routed++;
	user->count.switches++;
	trace_iomul_switch(live->id, user->slot->addr, live->config_writes - before);
	return 0;
}

static noinline void swap_failed(struct iomul_live *live, const struct iomul_held *shut,
				 const struct iomul_held *open)
{
	live->config_writes += 2;
	iomul_mux_forget_gate(&live->tree.mux, shut->gate);
	iomul_mux_forget_gate(&live->tree.mux, open->gate);
}

static noinline void swap_traced(const struct iomul_user *user)
{
	trace_iomul_switch(user->live->id, user->slot->addr, 2);
}

/* With the turn: the usual change of owner, to @user's slot. False: it is not that, or failed. */
static __always_inline bool path_swap(struct iomul_user *user)
{
	struct iomul_live *live = user->live;
	const struct iomul_path *from, *to;
	struct iomul_held *shut, *open;

	if (unlikely(data_race(live->unusual) || user->index == IOMUL_UNREACHABLE ||
		     !iomul_mux_swap(&live->tree.mux, user->index, &from, &to)))
		return false;
	shut = from->own;
	open = to->own;
	if (unlikely(iomul_held_swap(shut, open))) {
		swap_failed(user->live, shut, open);
		return false;
	}
	if (trace_iomul_switch_enabled())
		swap_traced(user);
	user->count.switches++;
	return true;
}

/* With the turn: makes @user's slot the owner. -EAGAIN: not now; path_enter_later(). */
static noinline int path_open(struct iomul_user *user)
{
	return path_swap(user) ? 0 : path_route(user);	/* there already if @user is the owner */
}

static bool path_is_open(const struct iomul_user *user)
{
	return likely(user->live->tree.mux.owner == user->index && !READ_ONCE(user->live->touched));
}

static int path_enter(struct iomul_user *user)
{
	return path_is_open(user) ? 0 : path_open(user);
}

#define ASTRAY_MS 2000

/* A rescan takes bus numbers for some milliseconds. */
int iomul_astray_pause(ktime_t *since)
{
	if (!*since)
		*since = ktime_get();
	if (fatal_signal_pending(current))
		return -EINTR;
	if (ktime_ms_delta(ktime_get(), *since) > ASTRAY_MS)
		return -EIO;
	usleep_range(500, 1000);
	return 0;
}

/*
 * Another one has the window to itself, or a gate can't be reached. The turn is given meanwhile.
 * @since: when it was first waited for bus numbers, or 0.
 */
static int path_enter_after(struct iomul_user *user, bool nowait, ktime_t *since)
{
	struct iomul_slot *slot = user->slot;
	struct iomul_live *live = slot->live;
	ktime_t start = ktime_get();
	bool leased;
	int err;

	do {
		if (nowait)
			return -EBUSY;
		leased = live->lessee && live->lessee != slot && !READ_ONCE(live->adrift);
		turn_give(live);
		err = leased ? iomul_lease_wait(user) : iomul_astray_pause(since);
		turn_take(live, slot, false);
		if (err)
			return err;
		err = path_enter(user);
	} while (err == -EAGAIN);
	slot_waited(slot, ktime_to_ns(ktime_sub(ktime_get(), start)));
	return err;
}

static noinline int path_enter_later(struct iomul_user *user, bool nowait)
{
	ktime_t since = 0;
	int err = path_enter_after(user, nowait, &since);

	if (!err) {
		user->late.since = since;
		user->late.access = user->count.accesses;
	}
	return err;
}

/* When the access of @count that was counted last began to wait for bus numbers, or 0. */
static ktime_t access_since(const struct iomul_user *user, u32 count)
{
	return user->late.access == user->count.accesses - count ? user->late.since : 0;
}

/* path_open() for who can wait. */
static int path_open_wait(struct iomul_user *user, ktime_t *since)
{
	int err = path_open(user);

	return unlikely(err == -EAGAIN) ? path_enter_after(user, false, since) : err;
}

/* Users keep the path awake. Who puts it to sleep all the same did so by hand. */
static bool pdev_asleep(struct pci_dev *pdev)
{
	return pdev->pm_cap && (iomul_config_read(pdev, pdev->pm_cap + PCI_PM_CTRL, 2) &
				PCI_PM_CTRL_STATE_MASK) != (__force u16)PCI_D0;
}

static bool held_asleep(const struct iomul_held *held)
{
	return !held->gone && pdev_asleep(held->pdev);
}

/* Is somebody there at all, and does he decode what he should? Whether another's function sleeps does not matter. */
static int held_answers(struct iomul_held *held)
{
	u32 checked = 0, wrong = 0;

	if (iomul_held_command(held) == 0xffff)
		return -ENODEV;
	iomul_held_verify(held, &checked, &wrong);
	return wrong || (!held->slot && held_asleep(held)) ? -EIO : 0;
}

static int gate_answers(struct iomul_live *live, u32 gate)
{
	const struct iomul_gate *g = &live->tree.mux.gate[gate];
	int err = 0;
	u32 i;

	for (i = 0; !err && i < g->nodes; i++)
		err = held_answers(live->tree.held[g->node + i]);
	return err;
}

/* Ports above the group's gates are others', and may be shut by them. */
static int anchor_answers(const struct iomul_live *live)
{
	const struct pci_bus *bus;
	u32 command;

	for (bus = live->anchor; bus->self; bus = bus->parent) {
		command = iomul_config_read(bus->self, PCI_COMMAND, 2);
		if (command == 0xffff)
			return -ENODEV;
		if (!(command & PCI_COMMAND_IO) || pdev_asleep(bus->self))
			return -EIO;
	}
	if (READ_ONCE(live->adrift))
		return -ENODEV;
	return iomul_above_closed(live) ? -EIO : 0;
}

/* Nobody answered, but then bus numbers were away, or may have been: waits until they are back. */
static int path_reach(struct iomul_user *user, ktime_t *since)
{
	struct iomul_live *live = user->slot->live;
	int err;

	do {
		turn_give(live);
		err = iomul_astray_pause(since);
		turn_take(live, user->slot, false);
		if (err)
			return err;
		if (user->gone)
			return -ENODEV;
	} while (!iomul_held_in_reach(user->held));
	return path_open_wait(user, since);
}

/*
 * A read returned all ones: so does a device that nobody has led the access to.
 * Reads back the registers on the path. 0: they are right, the ones are the
 * device's. -EIO: they were not; the path is put right and open again. -EAGAIN: they could not
 * be read while bus numbers were away, which are back, or somebody wrote a window above; the path is open again.
 * -ENODEV: nobody answers. -EHOSTDOWN: it sleeps, by its user's own hand; nothing was wrong, and
 * what others have is not written again for it. @since: as path_enter_after() has it.
 */
static noinline int path_check(struct iomul_user *user, ktime_t *since)
{
	struct iomul_slot *slot = user->slot;
	struct iomul_live *live = slot->live;
	const struct iomul_path *path = &live->tree.mux.slot[slot->index];
	int err = anchor_answers(live);
	u32 i;

	for (i = 0; !err && i < path->depth; i++)
		err = gate_answers(live, live->tree.mux.path[path->first + i]);
	if (!err)
		err = held_answers(user->held);
	if (user->pdev->error_state == pci_channel_io_perm_failure)
		err = -ENODEV;
	if (err == -ENODEV && (READ_ONCE(live->touched) || !iomul_held_in_reach(user->held)))
		return path_reach(user, since) ?: -EAGAIN;
	if (!err && iomul_windows_written(live->anchor).begun != live->windows_seen) {
		WRITE_ONCE(live->touched, true);
		return path_open_wait(user, since) ?: -EAGAIN;
	}
	if (!err && held_asleep(user->held))
		err = -EHOSTDOWN;
	if (err != -EIO)
		return err;
	live->repairs++;
	for (i = 0; i < live->tree.helds; i++)
		iomul_held_touch(live->tree.held[i]);
	return path_open_wait(user, since) ?: -EIO;
}

/*
 * Ports
 */

static __always_inline u32 port_in(u32 port, u32 width)
{
	switch (width) {
	case 1:
		return inb(port);
	case 2:
		return inw(port);
	default:
		return inl(port);
	}
}

static __always_inline void port_out(u32 port, u32 width, u32 val)
{
	switch (width) {
	case 1:
		outb(val, port);
		break;
	case 2:
		outw(val, port);
		break;
	default:
		outl(val, port);
	}
}

static __always_inline u32 all_ones(u32 width)
{
	return width == 1 ? 0xff : width == 2 ? 0xffff : ~0U;
}

/* All ones were read, with the path open. A path that was wrong is put right once. */
static noinline int path_in_again(struct iomul_user *user, u32 port, u32 width, u32 *val)
{
	ktime_t since = access_since(user, 1);
	bool mended = false;
	int err;

	do {
		err = path_check(user, &since);
		if (err == -EHOSTDOWN)
			return -EIO;
		if (err != -EAGAIN && (err != -EIO || mended))
			return err;
		/* It was not opened again, and others had the turn: it may be theirs now. */
		if (user->live->tree.mux.owner != user->index)
			return -EIO;
		mended |= err == -EIO;
		*val = port_in(port, width);
	} while (*val == all_ones(width));
	return 0;
}

/* One read, with the path open. */
static __always_inline int path_in(struct iomul_user *user, u32 port, u32 width, u32 *val)
{
	*val = port_in(port, width);
	return likely(*val != all_ones(width)) ? 0 : path_in_again(user, port, width, val);
}

static void string_out(const struct iomul_run *run)
{
	if (run->width == 1)
		outsb(run->port, run->data, run->count);
	else if (run->width == 2)
		outsw(run->port, run->data, run->count);
	else
		outsl(run->port, run->data, run->count);
}

/* A string can't be repeated: what came before the fault is consumed. */
static noinline int string_check(struct iomul_user *user, u32 count)
{
	ktime_t since = access_since(user, count);
	int err = path_check(user, &since);

	return err == -EAGAIN || err == -EHOSTDOWN ? -EIO : err;
}

static int string_in(struct iomul_user *user, const struct iomul_run *run)
{
	u8 *last = (u8 *)run->data + (run->count - 1) * run->width;

	if (run->width == 1)
		insb(run->port, run->data, run->count);
	else if (run->width == 2)
		insw(run->port, run->data, run->count);
	else
		insl(run->port, run->data, run->count);
	return memchr_inv(last, 0xff, run->width) ? 0 : string_check(user, run->count);
}

static int path_run(struct iomul_user *user, const struct iomul_run *run)
{
	u32 val = 0;
	int err;

	user->count.accesses += run->count;
	if (run->count != 1) {
		if (!run->write)
			return string_in(user, run);
		string_out(run);
		return 0;
	}
	if (run->write) {
		memcpy(&val, run->data, run->width);
		port_out(run->port, run->width, le32_to_cpu((__force __le32)val));
		return 0;
	}
	err = path_in(user, run->port, run->width, &val);
	if (!err)
		val = (__force u32)cpu_to_le32(val);
	memcpy(run->data, &val, run->width);
	return err;
}

int iomul_user_run(struct iomul_user *user, const struct iomul_run *run, u32 runs, bool nowait,
		   u32 *done)
{
	struct iomul_live *live = user->live;
	u32 i;
	int err;

	*done = 0;
	err = turn_take(live, user->slot, true);
	if (err)
		return err;
	for (i = 0; !err && i < runs; i++) {
		err = path_enter(user);
		if (unlikely(err == -EAGAIN))
			err = path_enter_later(user, nowait);
		if (!err)
			err = path_run(user, &run[i]);
		trace_iomul_access(user->slot->addr, run[i].port, run[i].width, run[i].count,
				   run[i].write, err);
		if (!err)
			++*done;
		else if (err != -EBUSY && err != -EINTR)
			user->slot->errors++;
	}
	turn_give(live);
	return err;
}

/*
 * One access of a VFIO user. Its fast path, nobody else wants the turn and the path
 * is open, calls nothing on its way: what else happens is carried on by a function
 * of its own, so that no register needs saving; and arguments are in the order in which
 * registers have them all the way. Counted is in the user, and summed up for the slot
 * and the group when somebody asks.
 */

static __always_inline int value_from_user(u32 *val, char __user *buf, u32 width)
{
	switch (width) {
	case 4:
		return get_user(*val, (u32 __user *)buf);
	case 2:
		return get_user(*val, (u16 __user *)buf);
	default:
		return get_user(*val, (u8 __user *)buf);
	}
}

static __always_inline ssize_t value_to_user(u32 val, char __user *buf, u32 width, loff_t *pos)
{
	if (unlikely(!user_write_access_begin(buf, width)))
		return -EFAULT;
	switch (width) {
	case 4:
		unsafe_put_user(val, (u32 __user *)buf, err_fault);
		break;
	case 2:
		unsafe_put_user((u16)val, (u16 __user *)buf, err_fault);
		break;
	default:
		unsafe_put_user((u8)val, (u8 __user *)buf, err_fault);
	}
	user_write_access_end();
	*pos += width;
	return width;

err_fault:
	user_write_access_end();
	return -EFAULT;
}

/*
 * All that follow have the turn, unless they wait for it, and give it back.
 */

static ssize_t turn_fail(struct iomul_user *user, int err)
{
	user->slot->errors += err != -EINTR;
	turn_give(user->live);
	return err;
}

/* All ones were read. */
static noinline ssize_t ones_read(struct iomul_user *user, char __user *buf, u32 port, loff_t *pos,
				  u32 width)
{
	u32 val = all_ones(width);
	int err = path_in_again(user, port, width, &val);

	if (err)
		return turn_fail(user, err);
	turn_give(user->live);
	return value_to_user(val, buf, width, pos);
}

/* Somebody waits for the turn. */
static noinline ssize_t hand_on_read(struct iomul_user *user, char __user *buf, u32 val, loff_t *pos,
				     u32 width)
{
	turn_hand_on(&user->live->turn);
	return value_to_user(val, buf, width, pos);
}

/* With the path open. */
static __always_inline ssize_t open_read(struct iomul_live *live, struct iomul_user *user,
					 char __user *buf, u32 port, loff_t *pos, u32 width)
{
	u32 val;

	user->count.accesses++;
	val = port_in(port, width);
	if (unlikely(val == all_ones(width)))
		return ones_read(user, buf, port, pos, width);
	if (!turn_try_give(live))
		return hand_on_read(user, buf, val, pos, width);
	return value_to_user(val, buf, width, pos);
}

static __always_inline ssize_t open_write(struct iomul_live *live, struct iomul_user *user, u32 val,
					  u32 port, loff_t *pos, u32 width)
{
	user->count.accesses++;
	port_out(port, width, val);
	*pos += width;
	turn_give(live);
	return width;
}

/* With a tracepoint on. */
static ssize_t traced_access(struct iomul_user *user, u32 port, u32 width, u32 *val,
				      bool write)
{
	struct iomul_run run = { .port = port, .width = width, .count = 1, .write = write,
				 .data = val };
	struct iomul_addr slot = user->slot->addr;
	int err = path_enter(user);

	if (err == -EAGAIN)
		err = path_enter_later(user, false);
	if (!err)
		err = path_run(user, &run);
	trace_iomul_access(slot, port, width, 1, write, err);
	if (err)
		return turn_fail(user, err);
	turn_give(user->live);
	return 0;
}

static noinline ssize_t traced_read(struct iomul_user *user, char __user *buf, u32 port, loff_t *pos,
				    u32 width)
{
	__le32 data = 0;
	ssize_t err = traced_access(user, port, width, (u32 *)&data, false);

	return err ?: value_to_user(le32_to_cpu(data), buf, width, pos);
}

static noinline ssize_t traced_write(struct iomul_user *user, u32 val, u32 port, loff_t *pos, u32 width)
{
	__le32 data = cpu_to_le32(val);
	ssize_t err = traced_access(user, port, width, (u32 *)&data, true);

	if (err)
		return err;
	*pos += width;
	return width;
}

/* Not the usual change of owner, or it failed. */
static noinline int path_open_other(struct iomul_user *user)
{
	int err = path_route(user);	/* which is there already if @user is the owner */

	return unlikely(err == -EAGAIN) ? path_enter_later(user, false) : err;
}

/* Somebody else owns the group, or a tracepoint is on. */
static __always_inline ssize_t switch_read(struct iomul_user *user, char __user *buf, u32 port,
					   loff_t *pos, u32 width)
{
	int err = path_swap(user) ? 0 : path_open_other(user);

	if (unlikely(err))
		return turn_fail(user, err);
	return open_read(user->live, user, buf, port, pos, width);
}

static __always_inline ssize_t switch_write(struct iomul_user *user, u32 val, u32 port, loff_t *pos,
					    u32 width)
{
	int err = path_swap(user) ? 0 : path_open_other(user);

	if (unlikely(err))
		return turn_fail(user, err);
	return open_write(user->live, user, val, port, pos, width);
}

/* The turn is not to be had at once. */
static __always_inline ssize_t wait_read(struct iomul_user *user, char __user *buf, u32 port,
					 loff_t *pos, u32 width)
{
	int err = turn_wait(user->live, user->slot, true);

	if (err)
		return err;
	if (trace_iomul_access_enabled())
		return traced_read(user, buf, port, pos, width);
	return switch_read(user, buf, port, pos, width);
}

static __always_inline ssize_t wait_write(struct iomul_user *user, u32 val, u32 port, loff_t *pos,
					  u32 width)
{
	int err = turn_wait(user->live, user->slot, true);

	if (err)
		return err;
	if (trace_iomul_access_enabled())
		return traced_write(user, val, port, pos, width);
	return switch_write(user, val, port, pos, width);
}

/* Just after the turn was taken, which is a barrier to the compiler. */
static __always_inline bool path_is_open_now(const struct iomul_live *live,
					     const struct iomul_user *user)
{
	return likely(live->tree.mux.owner == user->index && !data_race(live->touched));
}

/* Each width has its own of each, so that nobody asks for it on the way. */
#define USER_ONE(width)									\
static noinline ssize_t wait_read_##width(struct iomul_user *user, char __user *buf,	\
					  u32 port, loff_t *pos)			\
{											\
	return wait_read(user, buf, port, pos, width);					\
}											\
											\
static noinline ssize_t switch_read_##width(struct iomul_user *user, char __user *buf,	\
					    u32 port, loff_t *pos)			\
{											\
	return switch_read(user, buf, port, pos, width);				\
}											\
											\
ssize_t iomul_main_read_##width(struct iomul_user *user, char __user *buf, u64 offset,	\
				loff_t *pos)						\
{											\
	u32 port = user->main_port + (u32)offset;					\
	struct iomul_live *live = user->live;						\
											\
	if (!turn_try_take(live))							\
		return wait_read_##width(user, buf, port, pos);				\
	if (trace_iomul_access_enabled())						\
		return traced_read(user, buf, port, pos, width);			\
	if (!path_is_open_now(live, user))						\
		return switch_read_##width(user, buf, port, pos);			\
	return open_read(live, user, buf, port, pos, width);				\
}											\
IOMUL_EXPORT(iomul_main_read_##width);							\
											\
static noinline ssize_t wait_write_##width(struct iomul_user *user, u32 val, u32 port,	\
					   loff_t *pos)					\
{											\
	return wait_write(user, val, port, pos, width);					\
}											\
											\
static noinline ssize_t switch_write_##width(struct iomul_user *user, u32 val, u32 port,	\
					     loff_t *pos)				\
{											\
	return switch_write(user, val, port, pos, width);				\
}											\
											\
ssize_t iomul_main_write_##width(struct iomul_user *user, char __user *buf, u64 offset,	\
				 loff_t *pos)						\
{											\
	u32 val, port = user->main_port + (u32)offset;					\
	struct iomul_live *live = user->live;						\
											\
	if (unlikely(value_from_user(&val, buf, width)))				\
		return -EFAULT;								\
	if (!turn_try_take(live))							\
		return wait_write_##width(user, val, port, pos);			\
	if (trace_iomul_access_enabled())						\
		return traced_write(user, val, port, pos, width);			\
	if (!path_is_open_now(live, user))						\
		return switch_write_##width(user, val, port, pos);			\
	return open_write(live, user, val, port, pos, width);				\
}											\
IOMUL_EXPORT(iomul_main_write_##width)

USER_ONE(1);
USER_ONE(2);
USER_ONE(4);

static u32 piece_width(u32 offset, u32 count)
{
	if (count >= 4 && !(offset & 3))
		return 4;
	return count >= 2 && !(offset & 1) ? 2 : 1;
}

#define PIECES 16

/* Up to PIECES naturally aligned accesses from @offset on; bytes done or -errno. */
static ssize_t user_pieces(struct iomul_user *user, u32 port, u32 count, char __user *buf,
			   bool write)
{
	struct iomul_run run[PIECES];
	u32 data[PIECES], n, bytes, done, width;
	int err;

	for (n = bytes = 0; n < PIECES && bytes < count; n++, bytes += width) {
		width = piece_width(port + bytes, count - bytes);
		if (write && copy_from_user(&data[n], buf + bytes, width))
			return -EFAULT;
		run[n] = (struct iomul_run){ .port = port + bytes, .width = width, .count = 1,
					     .write = write, .data = &data[n] };
	}
	err = iomul_user_run(user, run, n, false, &done);
	for (n = bytes = 0; n < done; n++, bytes += run[n - 1].width)
		if (!write && copy_to_user(buf + bytes, &data[n], run[n].width))
			return -EFAULT;
	return bytes ? (ssize_t)bytes : err;
}

/* One access of a usual width, naturally aligned: from any BAR the way is the main one's. */
static ssize_t user_one(struct iomul_user *user, u32 port, char __user *buf, size_t count,
			loff_t *pos, bool write)
{
	u32 from_main = port - user->main_port;

	switch (count) {
	case 4:
		return write ? iomul_main_write_4(user, buf, from_main, pos) :
			       iomul_main_read_4(user, buf, from_main, pos);
	case 2:
		return write ? iomul_main_write_2(user, buf, from_main, pos) :
			       iomul_main_read_2(user, buf, from_main, pos);
	default:
		return write ? iomul_main_write_1(user, buf, from_main, pos) :
			       iomul_main_read_1(user, buf, from_main, pos);
	}
}

/* Any BAR, any length. */
static ssize_t user_rw(struct iomul_user *user, unsigned int bar, u64 offset, char __user *buf,
		       size_t count, loff_t *pos, bool write)
{
	u32 size = user->size[bar], port = user->port[bar] + (u32)offset;
	ssize_t ret, done = 0;

	if (offset >= size)
		return -EINVAL;
	/* BARs are powers of two from 4 on: what begins inside and is aligned ends inside. */
	if ((count == 1 || count == 2 || count == 4) && !(offset & (count - 1)))
		return user_one(user, port, buf, count, pos, write);
	count = min_t(u64, count, size - offset);
	while (done < (ssize_t)count) {
		ret = user_pieces(user, port + done, count - done, buf + done, write);
		if (ret < 0) {
			done = done ?: ret;
			break;
		}
		done += ret;
	}
	if (done > 0)
		*pos += done;
	return done;
}

ssize_t iomul_user_read(struct iomul_user *user, unsigned int bar, u64 offset, char __user *buf,
			size_t count, loff_t *pos)
{
	return user_rw(user, bar, offset, buf, count, pos, false);
}
IOMUL_EXPORT(iomul_user_read);

ssize_t iomul_user_write(struct iomul_user *user, unsigned int bar, u64 offset, char __user *buf,
			 size_t count, loff_t *pos)
{
	return user_rw(user, bar, offset, buf, count, pos, true);
}
IOMUL_EXPORT(iomul_user_write);
