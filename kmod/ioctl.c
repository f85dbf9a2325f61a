// SPDX-License-Identifier: GPL-2.0-only
/* The ABI: one table of commands; see uapi/iomul.h for what each promises. */
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "iomul.h"

#define ATTACH_MAX 65536

union iomul_arg {
	u32 size;
	struct iomul_info info;
	struct iomul_topology_query topology;
	struct iomul_attach attach;
	struct iomul_detach detach;
	struct iomul_status status;
	struct iomul_verify verify;
	struct iomul_claim claim;
	struct iomul_release release;
	struct iomul_access access;
	struct iomul_lease lease;
};

/* Copies the array @from to a user who has room for @room elements; ENOSPC is the caller's. */
static int array_to_user(u64 ptr, const void *from, u32 n, size_t size)
{
	if (!n)
		return 0;
	return copy_to_user(u64_to_user_ptr(ptr), from, n * size) ? -EFAULT : 0;
}

static int info_execute(struct file *file, union iomul_arg *arg)
{
	struct iomul_info *info = &arg->info;
	struct iomul_live *live;
	struct iomul_slot *slot;

	if (info->flags || info->reserved)
		return -EOPNOTSUPP;
	info->out_abi = IOMUL_ABI_VERSION;
	info->out_burst = iomul_burst;
	info->out_groups = info->out_slots = 0;
	memset(info->out_release, 0, sizeof(info->out_release));
	strscpy(info->out_release, IOMUL_VERSION, sizeof(info->out_release));
	mutex_lock(&iomul_lock);
	list_for_each_entry(live, &iomul_lives, list)
		info->out_groups++;
	list_for_each_entry(slot, &iomul_slots, list)
		info->out_slots++;
	info->out_slot_bytes = iomul_slot_bytes();
	mutex_unlock(&iomul_lock);
	return 0;
}

static int topology_copy(struct iomul_topology_query *q, const struct iomul_snapshot *snap)
{
	int err;

	q->out_nodes = snap->t.nodes;
	q->out_roots = snap->t.roots;
	q->out_busy = snap->t.busies;
	if (q->nodes < q->out_nodes || q->roots < q->out_roots || q->busy < q->out_busy)
		return -ENOSPC;
	err = array_to_user(q->nodes_ptr, snap->node, q->out_nodes, sizeof(*snap->node));
	if (!err)
		err = array_to_user(q->roots_ptr, snap->root, q->out_roots, sizeof(*snap->root));
	if (!err)
		err = array_to_user(q->busy_ptr, snap->busy, q->out_busy, sizeof(*snap->busy));
	return err;
}

static int topology_execute(struct file *file, union iomul_arg *arg)
{
	struct iomul_topology_query *q = &arg->topology;
	struct iomul_snapshot *snap;
	int err;

	if (q->flags)
		return -EOPNOTSUPP;
	if (!capable(CAP_SYS_ADMIN))	/* it stops all processors, and sizes BARs */
		return -EPERM;
	pci_lock_rescan_remove();
	mutex_lock(&iomul_lock);
	snap = iomul_snapshot_take();
	mutex_unlock(&iomul_lock);
	pci_unlock_rescan_remove();
	if (IS_ERR(snap))
		return PTR_ERR(snap);
	err = topology_copy(q, snap);
	iomul_snapshot_free(snap);
	return err;
}

static struct iomul_addr *slots_from_user(u64 ptr, u32 n)
{
	if (!n || n > ATTACH_MAX)
		return ERR_PTR(-EINVAL);
	return vmemdup_user(u64_to_user_ptr(ptr), n * sizeof(struct iomul_addr));
}

static int attach_execute(struct file *file, union iomul_arg *arg)
{
	struct iomul_attach *a = &arg->attach;
	struct iomul_policy policy = { .windows = a->windows, .reserve = a->reserve };
	struct iomul_addr *addr;
	int err;

	if ((a->flags & ~IOMUL_ATTACH_FUTURE) || a->reserved)
		return -EOPNOTSUPP;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	addr = slots_from_user(a->slots_ptr, a->slots);
	if (IS_ERR(addr))
		return PTR_ERR(addr);
	if (a->flags & IOMUL_ATTACH_FUTURE)
		err = iomul_attach_future(addr, a->slots, &policy, &a->out_refusal);
	else
		err = iomul_attach(addr, a->slots, &policy, &a->out_refusal);
	kvfree(addr);
	return err;
}

static int detach_execute(struct file *file, union iomul_arg *arg)
{
	struct iomul_detach *d = &arg->detach;
	struct iomul_addr *addr;
	int err;

	if ((d->flags & ~IOMUL_DETACH_ALL) || d->reserved)
		return -EOPNOTSUPP;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (d->flags & IOMUL_DETACH_ALL)
		return d->slots || d->slots_ptr ? -EINVAL : iomul_detach_all(false, &d->out_refusal);
	addr = slots_from_user(d->slots_ptr, d->slots);
	if (IS_ERR(addr))
		return PTR_ERR(addr);
	err = iomul_detach(addr, d->slots, &d->out_refusal);
	kvfree(addr);
	return err;
}

/* The arrays in kernel memory, since a user's page may not be touched under iomul_lock. */
struct status_copy {
	struct iomul_group_status *group;
	struct iomul_slot_status *slot;
	struct iomul_slot_waits *waits;
};

static int status_collect(struct iomul_status *s, struct status_copy *c)
{
	struct iomul_live *live;
	struct iomul_slot *slot;

	s->out_groups = s->out_slots = 0;
	list_for_each_entry(live, &iomul_lives, list)
		s->out_groups++;
	list_for_each_entry(slot, &iomul_slots, list)
		s->out_slots++;
	if (s->groups < s->out_groups || s->slots < s->out_slots)
		return -ENOSPC;
	c->group = kvcalloc(s->out_groups + 1, sizeof(*c->group), GFP_KERNEL);
	c->slot = kvcalloc(s->out_slots + 1, sizeof(*c->slot), GFP_KERNEL);
	if (s->waits_ptr)
		c->waits = kvcalloc(s->out_slots + 1, sizeof(*c->waits), GFP_KERNEL);
	if (!c->group || !c->slot || (s->waits_ptr && !c->waits))
		return -ENOMEM;
	s->out_groups = s->out_slots = 0;
	list_for_each_entry(live, &iomul_lives, list)
		iomul_group_status(live, &c->group[s->out_groups++]);
	list_for_each_entry(slot, &iomul_slots, list) {
		if (c->waits)
			c->waits[s->out_slots] = slot->waited;
		iomul_slot_status(slot, &c->slot[s->out_slots++]);
	}
	return 0;
}

static int status_execute(struct file *file, union iomul_arg *arg)
{
	struct iomul_status *s = &arg->status;
	struct status_copy c = { NULL };
	int err;

	if (s->flags)
		return -EOPNOTSUPP;
	mutex_lock(&iomul_lock);
	err = status_collect(s, &c);
	mutex_unlock(&iomul_lock);
	if (!err)
		err = array_to_user(s->groups_ptr, c.group, s->out_groups, sizeof(*c.group));
	if (!err)
		err = array_to_user(s->slots_ptr, c.slot, s->out_slots, sizeof(*c.slot));
	if (!err && c.waits)
		err = array_to_user(s->waits_ptr, c.waits, s->out_slots, sizeof(*c.waits));
	kvfree(c.group);
	kvfree(c.slot);
	kvfree(c.waits);
	return err;
}

static int verify_execute(struct file *file, union iomul_arg *arg)
{
	struct iomul_verify *v = &arg->verify;
	bool repair = v->flags & IOMUL_VERIFY_REPAIR;

	if ((v->flags & ~IOMUL_VERIFY_REPAIR) || v->reserved)
		return -EOPNOTSUPP;
	if (repair && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	v->out_checked = v->out_wrong = 0;
	v->out_first = (struct iomul_addr){ 0 };
	return iomul_verify(repair, v);
}

/*
 * Claims
 */

static void claim_out(struct iomul_claim *claim, const struct iomul_user *user)
{
	u32 i;

	claim->out_group = user->slot->live->id;
	claim->out_bars = user->bars;
	for (i = 0; i < IOMUL_BARS; i++) {
		claim->out_bar[i] = (struct iomul_bar){ .at = IOMUL_RANGE_EMPTY };
		if (!user->size[i])
			continue;
		claim->out_bar[i].at = iomul_range_at(user->port[i], user->size[i]);
		claim->out_bar[i].size = user->size[i];
	}
}

static int claim_execute(struct file *file, union iomul_arg *arg)
{
	struct iomul_claim *claim = &arg->claim;
	struct iomul_file *f = file->private_data;
	struct iomul_user *user;
	struct pci_dev *pdev;
	int err = -EBUSY;

	if (claim->flags || claim->reserved)
		return -EOPNOTSUPP;
	if (!(file->f_mode & FMODE_WRITE))
		return -EBADF;
	pdev = pci_get_domain_bus_and_slot(claim->addr.segment, claim->addr.bus,
					   claim->addr.devfn);
	if (!pdev)
		return -ENODEV;
	if (down_write_killable(&f->lock)) {
		pci_dev_put(pdev);
		return -EINTR;
	}
	if (f->user)
		goto out_unlock;
	user = iomul_user_claim(pdev);
	err = PTR_ERR_OR_ZERO(user);
	if (err)
		goto out_unlock;
	f->user = user;
	claim_out(claim, user);
out_unlock:
	up_write(&f->lock);
	pci_dev_put(pdev);
	return err;
}

/* Its caller can't be told what he holds. */
static void claim_undo(struct iomul_file *f)
{
	struct iomul_user *user;

	down_write(&f->lock);
	user = f->user;
	f->user = NULL;
	up_write(&f->lock);
	if (user)
		iomul_user_put(user);
}

static int release_execute(struct file *file, union iomul_arg *arg)
{
	struct iomul_file *f = file->private_data;
	struct iomul_user *user;

	if (arg->release.flags)
		return -EOPNOTSUPP;
	if (down_write_killable(&f->lock))
		return -EINTR;
	user = f->user;
	f->user = NULL;
	up_write(&f->lock);
	if (!user)
		return -ENOENT;
	iomul_user_put(user);
	return 0;
}

static int lease_execute(struct file *file, union iomul_arg *arg)
{
	struct iomul_file *f = file->private_data;
	struct iomul_lease *lease = &arg->lease;
	int err;

	memset(&lease->out_refusal, 0, sizeof(lease->out_refusal));
	if ((lease->flags & ~IOMUL_LEASE_END) || lease->reserved)
		return -EOPNOTSUPP;
	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	lease->out_group = IOMUL_NONE;
	if (mutex_lock_killable(&iomul_lock))
		return -EINTR;
	if (lease->flags & IOMUL_LEASE_END)
		err = iomul_lease_give(f);
	else
		err = iomul_lease_take(f, lease->addr, &lease->out_group, &lease->out_refusal);
	mutex_unlock(&iomul_lock);
	return err;
}

/*
 * Batches
 */

#define RUNS 64		/* elements carried out in one turn */
#define FEW 4		/* so many need no memory but the stack */

static int op_check(const struct iomul_user *user, const struct iomul_op *op)
{
	if (op->reserved || (op->flags & ~(IOMUL_OP_WRITE | IOMUL_OP_BUFFER)))
		return -EOPNOTSUPP;
	if (op->bar >= IOMUL_BARS || !op->count || op->count > IOMUL_OP_COUNT_MAX ||
	    (op->count != 1 && !(op->flags & IOMUL_OP_BUFFER)))
		return -EINVAL;
	return iomul_access_check(user->size[op->bar], op->offset, op->width);
}

static struct iomul_run op_run(const struct iomul_user *user, const struct iomul_op *op, void *data,
			       u32 count)
{
	return (struct iomul_run){
		.port = user->port[op->bar] + op->offset,
		.width = op->width,
		.count = count,
		.write = op->flags & IOMUL_OP_WRITE,
		.data = data,
	};
}

/* Between turns of a batch, which may have millions of accesses. */
static int batch_pause(void)
{
	cond_resched();
	return fatal_signal_pending(current) ? -EINTR : 0;
}

/* String I/O, through kernel memory, so much at once as one turn may last. */
static int string_execute(struct iomul_user *user, const struct iomul_op *op, bool nowait)
{
	u32 chunk = clamp(READ_ONCE(iomul_string), 4U, (u32)PAGE_SIZE) & ~3U;
	void __user *to = u64_to_user_ptr(op->data);
	u32 left = op->count, n, bytes, done;
	struct iomul_run run;
	void *data = kmalloc(chunk, GFP_KERNEL);
	int err = data ? 0 : -ENOMEM;

	for (; !err && left; left -= n, to += bytes) {
		err = batch_pause();
		if (err)
			break;
		n = min(left, chunk / op->width);
		bytes = n * op->width;
		run = op_run(user, op, data, n);
		if (run.write && copy_from_user(data, to, bytes)) {
			err = -EFAULT;
			break;
		}
		err = iomul_user_run(user, &run, 1, nowait, &done);
		if (!err && !run.write && copy_to_user(to, data, bytes))
			err = -EFAULT;
	}
	kfree(data);
	return err;
}

/* The elements from @op on that are single values, @room of @run at most, in one turn. */
static int singles_run(struct iomul_user *user, struct iomul_op *op, u32 ops, struct iomul_run *run,
		       u32 room, bool nowait, u32 *done)
{
	u32 n;

	for (n = 0; n < ops && n < room && !(op[n].flags & IOMUL_OP_BUFFER); n++) {
		if (!(op[n].flags & IOMUL_OP_WRITE))
			op[n].data = 0;
		run[n] = op_run(user, &op[n], &op[n].data, 1);
	}
	return iomul_user_run(user, run, n, nowait, done);
}

static int singles_execute(struct iomul_user *user, struct iomul_op *op, u32 ops, bool nowait,
			   u32 *done)
{
	struct iomul_run few[FEW], *run;
	int err;

	if (ops <= FEW)
		return singles_run(user, op, ops, few, FEW, nowait, done);
	*done = 0;
	run = kmalloc_array(RUNS, sizeof(*run), GFP_KERNEL);
	if (!run)
		return -ENOMEM;
	err = singles_run(user, op, ops, run, RUNS, nowait, done);
	kfree(run);
	return err;
}

static int access_run(struct iomul_user *user, struct iomul_op *op, u32 ops, bool nowait, u32 *done)
{
	u32 i, n;
	int err = 0;

	for (i = 0; i < ops; i++) {
		err = op_check(user, &op[i]);
		if (err)
			return err;
	}
	for (i = 0; !err && i < ops; i += n) {
		err = i ? batch_pause() : 0;
		if (err)
			break;
		if (op[i].flags & IOMUL_OP_BUFFER) {
			err = string_execute(user, &op[i], nowait);
			n = !err;
		} else {
			err = singles_execute(user, &op[i], ops - i, nowait, &n);
		}
		*done += n;
	}
	return err;
}

static int values_to_user(const struct iomul_op *op, u32 done, struct iomul_op __user *to)
{
	u32 i;

	for (i = 0; i < done; i++)
		if (!(op[i].flags & (IOMUL_OP_WRITE | IOMUL_OP_BUFFER)) &&
		    put_user(op[i].data, &to[i].data))
			return -EFAULT;
	return 0;
}

static int access_ops(struct iomul_file *f, struct iomul_access *a, struct iomul_op *op)
{
	int err = -ENOENT, fault;

	if (down_read_killable(&f->lock))
		return -EINTR;
	if (f->user)
		err = access_run(f->user, op, a->ops, a->flags & IOMUL_ACCESS_NOWAIT, &a->out_done);
	up_read(&f->lock);
	fault = values_to_user(op, a->out_done, u64_to_user_ptr(a->ops_ptr));
	return fault ?: err;
}

static int access_few(struct iomul_file *f, struct iomul_access *a)
{
	struct iomul_op op[FEW];

	/* The usual one by itself: a copy of constant size needs no check of where it goes. */
	if (a->ops == 1 ? copy_from_user(op, u64_to_user_ptr(a->ops_ptr), sizeof(op[0])) :
			  copy_from_user(op, u64_to_user_ptr(a->ops_ptr), a->ops * sizeof(op[0])))
		return -EFAULT;
	return access_ops(f, a, op);
}

static int access_do(struct iomul_file *f, struct iomul_access *a)
{
	struct iomul_op *op;
	int err;

	a->out_done = 0;
	if (a->flags & ~IOMUL_ACCESS_NOWAIT)
		return -EOPNOTSUPP;
	if (!a->ops || a->ops > IOMUL_OPS_MAX)
		return -EINVAL;
	if (a->ops <= FEW)
		return access_few(f, a);
	op = vmemdup_user(u64_to_user_ptr(a->ops_ptr), a->ops * sizeof(*op));
	if (IS_ERR(op))
		return PTR_ERR(op);
	err = access_ops(f, a, op);
	kvfree(op);
	return err;
}

static int access_execute(struct file *file, union iomul_arg *arg)
{
	return access_do(file->private_data, &arg->access);
}

/* The same for callers whose structure is ours, without the copies of any size. */
static long access_ioctl(struct file *file, struct iomul_access __user *user)
{
	struct iomul_access a;
	int err;

	if (copy_from_user(&a, user, sizeof(a)))
		return -EFAULT;
	err = access_do(file->private_data, &a);
	return put_user(a.out_done, &user->out_done) ? -EFAULT : err;
}

/*
 * The table
 */

static const struct {
	u32 size;
	u32 min_size;		/* first published */
	u32 quiet;		/* from here on all zeros when it succeeds; 0: it has something to say */
	int (*execute)(struct file *file, union iomul_arg *arg);
} commands[] = {
#define COMMAND(cmd, type, last, fn, ...)					\
	[_IOC_NR(cmd)] = { .size = sizeof(struct type),				\
			   .min_size = offsetofend(struct type, last), .execute = fn, ##__VA_ARGS__ }
	COMMAND(IOMUL_INFO, iomul_info, out_release, info_execute),
	COMMAND(IOMUL_TOPOLOGY, iomul_topology_query, out_busy, topology_execute),
	COMMAND(IOMUL_ATTACH, iomul_attach, out_refusal, attach_execute,
		.quiet = offsetof(struct iomul_attach, out_refusal)),
	COMMAND(IOMUL_DETACH, iomul_detach, out_refusal, detach_execute,
		.quiet = offsetof(struct iomul_detach, out_refusal)),
	COMMAND(IOMUL_STATUS, iomul_status, out_slots, status_execute),
	COMMAND(IOMUL_VERIFY, iomul_verify, reserved, verify_execute),
	COMMAND(IOMUL_CLAIM, iomul_claim, out_bar, claim_execute),
	COMMAND(IOMUL_RELEASE, iomul_release, flags, release_execute,
		.quiet = offsetofend(struct iomul_release, flags)),
	COMMAND(IOMUL_ACCESS, iomul_access, out_done, access_execute),
	COMMAND(IOMUL_LEASE, iomul_lease, out_refusal, lease_execute),
};

static noinline long ioctl_execute(struct file *file, unsigned int nr, void __user *user, u32 size)
{
	union iomul_arg arg;
	int err;

	if (size < commands[nr].min_size)
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	memset(&arg, 0, sizeof(arg));
	err = copy_struct_from_user(&arg, commands[nr].size, user, size);
	if (err)
		return err;
	arg.size = size;
	/* What is done quietly can't be undone: a caller who can't be answered is told before. */
	if (commands[nr].quiet) {
		memset((u8 *)&arg + commands[nr].quiet, 0, commands[nr].size - commands[nr].quiet);
		if (copy_to_user(user, &arg, min(size, commands[nr].size)))
			return -EFAULT;
	}
	err = commands[nr].execute(file, &arg);
	if (commands[nr].quiet && !err)
		return 0;
	if (!copy_to_user(user, &arg, min(size, commands[nr].size)))
		return err;
	if (!err && nr == _IOC_NR(IOMUL_CLAIM))
		claim_undo(file->private_data);
	return -EFAULT;
}

long iomul_ioctl(struct file *file, unsigned int cmd, unsigned long ptr)
{
	void __user *user = (void __user *)ptr;
	unsigned int nr = _IOC_NR(cmd);
	u32 size;

	if (_IOC_TYPE(cmd) != IOMUL_TYPE || nr >= ARRAY_SIZE(commands) || cmd != _IO(IOMUL_TYPE, nr))
		return -ENOTTY;
	if (get_user(size, (u32 __user *)user))
		return -EFAULT;
	if (cmd == IOMUL_ACCESS && size == sizeof(struct iomul_access))
		return access_ioctl(file, user);
	return ioctl_execute(file, nr, user, size);
}
