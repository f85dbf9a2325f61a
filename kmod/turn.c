// SPDX-License-Identifier: GPL-2.0-only
/*
 * The turn of a group, and what is done with it: gates moved, ports accessed.
 *
 * Nobody touches user memory, sleeps or allocates while he has the turn, so
 * that it comes back in bounded time whatever user space does.
 */
#include <linux/io.h>
#include <linux/ktime.h>
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
 */
#define TURN_TAKEN	1
#define TURN_WAITED	2

struct waiter {
	struct list_head list;
	struct task_struct *task;
	bool granted;
};

void iomul_turn_init(struct iomul_turn *turn)
{
	atomic_set(&turn->state, 0);
	turn->passed = 0;
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

static int waiter_sleep(struct iomul_turn *turn, struct waiter *w, bool killable)
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
	spin_unlock(&turn->lock);
	__set_current_state(TASK_RUNNING);
	return err;
}

static noinline int turn_wait(struct iomul_live *live, struct iomul_slot *slot, bool killable)
{
	struct iomul_turn *turn = &live->turn;
	struct waiter w = { .task = current };
	ktime_t start = ktime_get();
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
	list_add_tail(&w.list, &turn->waiters);
	spin_unlock(&turn->lock);
	err = waiter_sleep(turn, &w, killable);
	if (!err && slot) {
		slot->waits++;
		slot->wait_ns += ktime_to_ns(ktime_sub(ktime_get(), start));
	}
	return err;
}

static noinline void turn_hand_on(struct iomul_turn *turn)
{
	struct waiter *w;

	spin_lock(&turn->lock);
	if (list_empty(&turn->waiters)) {
		atomic_set_release(&turn->state, 0);
	} else if (turn->passed < iomul_burst) {
		atomic_fetch_andnot_release(TURN_TAKEN, &turn->state);
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

static __always_inline int turn_take(struct iomul_live *live, struct iomul_slot *slot, bool killable)
{
	int free = 0;

	if (likely(atomic_try_cmpxchg_acquire(&live->turn.state, &free, TURN_TAKEN)))
		return 0;
	return turn_wait(live, slot, killable);
}

static __always_inline void turn_give(struct iomul_live *live)
{
	int taken = TURN_TAKEN;

	if (unlikely(!atomic_try_cmpxchg_release(&live->turn.state, &taken, 0)))
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

static __always_inline bool gates_swap(struct iomul_live *live, u32 shut, u32 open)
{
	const struct iomul_gate *s = &live->tree.mux.gate[shut], *o = &live->tree.mux.gate[open];

	if (unlikely(s->nodes != 1 || o->nodes != 1))
		return gate_move(live, (struct iomul_mux_step){ .gate = shut, .open = false }) &&
		       gate_move(live, (struct iomul_mux_step){ .gate = open, .open = true });
	live->config_writes += 2;
	return !iomul_held_swap(live->tree.held[s->node], live->tree.held[o->node]);
}

/* The usual change of owner. False: it is not that, or failed; live_route() goes on. */
static __always_inline bool live_swap(struct iomul_live *live, u32 index)
{
	struct iomul_mux *mux = &live->tree.mux;
	u32 shut, open;

	if (!iomul_mux_swap(mux, index, &shut, &open))
		return false;
	if (likely(gates_swap(live, shut, open))) {
		iomul_mux_swapped(mux, index, shut, open);
		return true;
	}
	iomul_mux_forget_gate(mux, shut);
	iomul_mux_forget_gate(mux, open);
	return false;
}

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

int iomul_live_shut(struct iomul_live *live)
{
	return live_route(live, IOMUL_NONE);
}

/* Forgets what was touched and writes it again, the gates shut first (rule 2). */
void iomul_live_settle(struct iomul_live *live)
{
	struct iomul_tree *tree = &live->tree;
	struct iomul_held *held;
	u32 i;

	WRITE_ONCE(live->touched, false);
	smp_mb();
	for (i = 0; i < tree->helds; i++) {
		held = tree->held[i];
		if (!READ_ONCE(held->touched))
			continue;
		if (held->gate != IOMUL_NONE) {
			iomul_mux_forget_gate(&tree->mux, held->gate);
			iomul_held_decode(held, false);
		}
		iomul_held_refresh(held);
	}
}

static noinline int path_route(struct iomul_user *user)
{
	struct iomul_slot *slot = user->slot;
	struct iomul_live *live = slot->live;
	u64 before = live->config_writes;
	int err;

	if (READ_ONCE(user->gone) || slot->index == IOMUL_UNREACHABLE)
		return -ENODEV;
	if (READ_ONCE(live->touched))
		iomul_live_settle(live);
	err = live_route(live, slot->index);
	if (err)
		return err;
	if (live->config_writes == before)
		return 0;
	slot->switches++;
	live->switches++;
	trace_iomul_switch(live->id, slot->addr, live->config_writes);
	return 0;
}

/* With the turn: makes @user's slot the owner. */
static noinline int path_open(struct iomul_user *user)
{
	struct iomul_slot *slot = user->slot;
	struct iomul_live *live = slot->live;

	if (unlikely(READ_ONCE(user->gone) || READ_ONCE(live->touched) ||
		     slot->index == IOMUL_UNREACHABLE || !live_swap(live, slot->index)))
		return path_route(user);
	slot->switches++;
	live->switches++;
	trace_iomul_switch(live->id, slot->addr, live->config_writes);
	return 0;
}

static __always_inline int path_enter(struct iomul_user *user)
{
	struct iomul_slot *slot = user->slot;
	struct iomul_live *live = slot->live;

	if (likely(live->tree.mux.owner == slot->index && !READ_ONCE(live->touched) &&
		   !READ_ONCE(user->gone)))
		return 0;
	return path_open(user);
}

/* Is the way of @held's gate open, and is somebody there at all? */
static int held_answers(struct iomul_held *held)
{
	u16 command = iomul_held_command(held);

	if (command == 0xffff)
		return -ENODEV;
	return command & PCI_COMMAND_IO ? 0 : -EIO;
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

/*
 * A read returned all ones: so does a device that nobody has led the access to.
 * Reads back the command registers on the path. 0: they are right, the ones are
 * the device's. -EIO: they were not; the path is put right and open again.
 * -ENODEV: nobody answers.
 */
static noinline int path_check(struct iomul_user *user)
{
	struct iomul_slot *slot = user->slot;
	struct iomul_live *live = slot->live;
	const struct iomul_path *path = &live->tree.mux.slot[slot->index];
	int err = 0;
	u32 i;

	for (i = 0; !err && i < path->depth; i++)
		err = gate_answers(live, live->tree.mux.path[path->first + i]);
	if (!err)
		err = held_answers(user->held);
	if (user->pdev->error_state == pci_channel_io_perm_failure)
		err = -ENODEV;
	if (err != -EIO)
		return err;
	live->repairs++;
	for (i = 0; i < live->tree.helds; i++)
		iomul_held_touch(live->tree.held[i]);
	err = path_open(user);
	return err ?: -EIO;
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

/* One read, with the path open. */
static __always_inline int path_in(struct iomul_user *user, u32 port, u32 width, u32 *val)
{
	int err;

	*val = port_in(port, width);
	if (likely(*val != all_ones(width)))
		return 0;
	err = path_check(user);
	if (err != -EIO)
		return err;
	*val = port_in(port, width);
	return *val == all_ones(width) ? path_check(user) : 0;
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
static int string_in(struct iomul_user *user, const struct iomul_run *run)
{
	u8 *last = (u8 *)run->data + (run->count - 1) * run->width;

	if (run->width == 1)
		insb(run->port, run->data, run->count);
	else if (run->width == 2)
		insw(run->port, run->data, run->count);
	else
		insl(run->port, run->data, run->count);
	return memchr_inv(last, 0xff, run->width) ? 0 : path_check(user);
}

static int path_run(struct iomul_user *user, const struct iomul_run *run)
{
	u32 val = 0;
	int err;

	user->slot->accesses += run->count;
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

int iomul_user_run(struct iomul_user *user, const struct iomul_run *run, u32 runs, u32 *done)
{
	struct iomul_live *live = user->slot->live;
	u32 i;
	int err;

	*done = 0;
	err = turn_take(live, user->slot, true);
	if (err)
		return err;
	for (i = 0; !err && i < runs; i++) {
		err = path_enter(user);
		if (!err)
			err = path_run(user, &run[i]);
		trace_iomul_access(user->slot->addr, run[i].port, run[i].width, run[i].count,
				   run[i].write, err);
		if (!err)
			++*done;
		else
			user->slot->errors++;
	}
	turn_give(live);
	return err;
}

/*
 * The fast path: one access of a VFIO user. What is counted in the slot is
 * summed up for the group when somebody asks.
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

static __always_inline int value_to_user(u32 val, char __user *buf, u32 width)
{
	switch (width) {
	case 4:
		return put_user(val, (u32 __user *)buf);
	case 2:
		return put_user((u16)val, (u16 __user *)buf);
	default:
		return put_user((u8)val, (u8 __user *)buf);
	}
}

static __always_inline int user_access(struct iomul_user *user, u32 port, u32 width, u32 *val,
				       bool write)
{
	struct iomul_slot *slot = user->slot;
	struct iomul_live *live = slot->live;
	int err;

	err = turn_take(live, slot, true);
	if (unlikely(err))
		return err;
	err = path_enter(user);
	if (likely(!err)) {
		slot->accesses++;
		if (write)
			port_out(port, width, *val);
		else
			err = path_in(user, port, width, val);
		trace_iomul_access(slot->addr, port, width, 1, write, err);
	}
	if (unlikely(err))
		slot->errors++;
	turn_give(live);
	return err;
}

static __always_inline ssize_t user_read(struct iomul_user *user, u32 port, u32 width,
					 char __user *buf)
{
	u32 val;
	int err = user_access(user, port, width, &val, false);

	if (unlikely(err))
		return err;
	return unlikely(value_to_user(val, buf, width)) ? -EFAULT : (ssize_t)width;
}

static __always_inline ssize_t user_write(struct iomul_user *user, u32 port, u32 width,
					  char __user *buf)
{
	u32 val;
	int err;

	if (unlikely(value_from_user(&val, buf, width)))
		return -EFAULT;
	err = user_access(user, port, width, &val, true);
	return unlikely(err) ? err : (ssize_t)width;
}

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
	err = iomul_user_run(user, run, n, &done);
	for (n = bytes = 0; n < done; n++, bytes += run[n - 1].width)
		if (!write && copy_to_user(buf + bytes, &data[n], run[n].width))
			return -EFAULT;
	return bytes ?: err;
}

static ssize_t user_rw_long(struct iomul_user *user, u32 port, u32 count, char __user *buf,
			    bool write)
{
	ssize_t ret, done = 0;

	while (done < count) {
		ret = user_pieces(user, port + done, count - done, buf + done, write);
		if (ret < 0)
			return done ?: ret;
		done += ret;
	}
	return done;
}

/* BARs are powers of two from 4 on: what begins inside and is aligned ends inside. */
static bool is_single(u64 offset, size_t count)
{
	return count <= 4 && (1U << count & (1U << 1 | 1U << 2 | 1U << 4)) &&
	       !(offset & (count - 1));
}

ssize_t iomul_user_rw(struct iomul_user *user, unsigned int bar, u64 offset, char __user *buf,
		      size_t count, bool write)
{
	u32 port, size;

	if (unlikely(bar >= IOMUL_BARS || offset >= user->size[bar]))
		return -EINVAL;
	size = user->size[bar];
	port = user->port[bar] + (u32)offset;
	if (unlikely(!is_single(offset, count)))
		return user_rw_long(user, port, min_t(u64, count, size - offset), buf, write);
	if (write)
		return user_write(user, port, count, buf);
	return user_read(user, port, count, buf);
}
IOMUL_EXPORT(iomul_user_rw);
