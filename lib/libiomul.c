// SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only
/* The ABI of /dev/iomul as a C library: system calls, growing arrays, -errno. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "libiomul.h"

#define API __attribute__((visibility("default")))
#define GROW_TRIES 16	/* an array that outgrows us more often is not worth it */
#define GROW_SLACK 8	/* elements more than the kernel said, for what appears meanwhile */

struct iomul_ctx {
	int fd;
};

static uint64_t user_ptr(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

static int ctx_call(const struct iomul_ctx *ctx, unsigned long command, void *arg)
{
	return ioctl(ctx->fd, command, arg) < 0 ? -errno : 0;
}

/* Is the node ours, and do we speak the same ABI? */
static int ctx_probe(struct iomul_ctx *ctx)
{
	struct iomul_info info;
	int rc = iomul_ctx_info(ctx, &info);

	if (rc)
		return rc;
	return info.out_abi == IOMUL_ABI_VERSION ? 0 : -EPROTO;
}

API int iomul_ctx_open(struct iomul_ctx **out, const char *path, unsigned int flags)
{
	struct iomul_ctx *ctx;
	int rc;

	if (flags & ~IOMUL_CTX_WRITE)
		return -EINVAL;
	ctx = malloc(sizeof(*ctx));
	if (!ctx)
		return -ENOMEM;
	ctx->fd = open(path ? path : IOMUL_DEVICE_PATH,
		       (flags & IOMUL_CTX_WRITE ? O_RDWR : O_RDONLY) | O_CLOEXEC);
	rc = ctx->fd < 0 ? -errno : ctx_probe(ctx);
	if (rc) {
		iomul_ctx_close(ctx);
		return rc;
	}
	*out = ctx;
	return 0;
}

API void iomul_ctx_close(struct iomul_ctx *ctx)
{
	if (!ctx)
		return;
	if (ctx->fd >= 0)
		close(ctx->fd);
	free(ctx);
}

API int iomul_ctx_fd(const struct iomul_ctx *ctx)
{
	return ctx->fd;
}

API int iomul_ctx_info(struct iomul_ctx *ctx, struct iomul_info *info)
{
	*info = (struct iomul_info){ .size = sizeof(*info) };
	return ctx_call(ctx, IOMUL_INFO, info);
}

static int ctx_attach(struct iomul_ctx *ctx, const struct iomul_addr *slots, size_t count,
		      unsigned int windows, unsigned int reserve, __u32 flags,
		      struct iomul_refusal *refusal)
{
	struct iomul_attach a = {
		.size = sizeof(a),
		.flags = flags,
		.slots_ptr = user_ptr(slots),
		.slots = count,
		.windows = windows,
		.reserve = reserve,
	};
	int rc = count == a.slots ? ctx_call(ctx, IOMUL_ATTACH, &a) : -EINVAL;

	if (refusal)
		*refusal = a.out_refusal;
	return rc;
}

API int iomul_ctx_attach(struct iomul_ctx *ctx, const struct iomul_addr *slots, size_t count,
			 unsigned int windows, unsigned int reserve, struct iomul_refusal *refusal)
{
	return ctx_attach(ctx, slots, count, windows, reserve, 0, refusal);
}

API int iomul_ctx_attach_future(struct iomul_ctx *ctx, const struct iomul_addr *slots, size_t count,
				unsigned int windows, unsigned int reserve,
				struct iomul_refusal *refusal)
{
	return ctx_attach(ctx, slots, count, windows, reserve, IOMUL_ATTACH_FUTURE, refusal);
}

static int ctx_detach(struct iomul_ctx *ctx, struct iomul_detach *d, struct iomul_refusal *refusal)
{
	int rc = ctx_call(ctx, IOMUL_DETACH, d);

	if (refusal)
		*refusal = d->out_refusal;
	return rc;
}

API int iomul_ctx_detach(struct iomul_ctx *ctx, const struct iomul_addr *slots, size_t count,
			 struct iomul_refusal *refusal)
{
	struct iomul_detach d = {
		.size = sizeof(d),
		.slots_ptr = user_ptr(slots),
		.slots = count,
	};

	if (refusal)
		*refusal = (struct iomul_refusal){ 0 };
	return count == d.slots ? ctx_detach(ctx, &d, refusal) : -EINVAL;
}

API int iomul_ctx_detach_all(struct iomul_ctx *ctx, struct iomul_refusal *refusal)
{
	struct iomul_detach d = { .size = sizeof(d), .flags = IOMUL_DETACH_ALL };

	return ctx_detach(ctx, &d, refusal);
}

API int iomul_ctx_lease(struct iomul_ctx *ctx, struct iomul_addr addr, struct iomul_refusal *refusal)
{
	struct iomul_lease l = { .size = sizeof(l), .addr = addr };
	int rc = ctx_call(ctx, IOMUL_LEASE, &l);

	if (refusal)
		*refusal = l.out_refusal;
	return rc;
}

API int iomul_ctx_lease_end(struct iomul_ctx *ctx)
{
	struct iomul_lease l = { .size = sizeof(l), .flags = IOMUL_LEASE_END };

	return ctx_call(ctx, IOMUL_LEASE, &l);
}

API int iomul_ctx_verify(struct iomul_ctx *ctx, unsigned int flags, struct iomul_verify *result)
{
	*result = (struct iomul_verify){ .size = sizeof(*result), .flags = flags };
	return ctx_call(ctx, IOMUL_VERIFY, result);
}

/* Room for @need elements more than there is at *@array; the contents do not matter. */
static int array_grow(void *array, uint32_t *room, uint32_t need, size_t size)
{
	void **p = array, *bigger;

	if (*p && need <= *room)
		return 0;
	if (need > UINT32_MAX - GROW_SLACK)
		return -ENOMEM;
	bigger = calloc((size_t)need + GROW_SLACK, size);
	if (!bigger)
		return -ENOMEM;
	free(*p);
	*p = bigger;
	*room = need + GROW_SLACK;
	return 0;
}

static int tree_try(struct iomul_ctx *ctx, struct iomul_tree *t, struct iomul_topology_query *q)
{
	int rc;

	if ((rc = array_grow(&t->node, &q->nodes, q->out_nodes, sizeof(*t->node))) ||
	    (rc = array_grow(&t->root, &q->roots, q->out_roots, sizeof(*t->root))) ||
	    (rc = array_grow(&t->busy, &q->busy, q->out_busy, sizeof(*t->busy))))
		return rc;
	q->size = sizeof(*q);
	q->nodes_ptr = user_ptr(t->node);
	q->roots_ptr = user_ptr(t->root);
	q->busy_ptr = user_ptr(t->busy);
	rc = ctx_call(ctx, IOMUL_TOPOLOGY, q);
	t->nodes = q->out_nodes;
	t->roots = q->out_roots;
	t->busies = q->out_busy;
	return rc;
}

API int iomul_tree_get(struct iomul_ctx *ctx, struct iomul_tree **out)
{
	struct iomul_topology_query q = { 0 };
	struct iomul_tree *t = calloc(1, sizeof(*t));
	int rc = t ? -ENOSPC : -ENOMEM, tries;

	for (tries = 0; rc == -ENOSPC && tries < GROW_TRIES; tries++)
		rc = tree_try(ctx, t, &q);
	if (rc) {
		iomul_tree_put(t);
		return rc == -ENOSPC ? -EAGAIN : rc;
	}
	*out = t;
	return 0;
}

API void iomul_tree_put(struct iomul_tree *tree)
{
	if (!tree)
		return;
	free(tree->node);
	free(tree->root);
	free(tree->busy);
	free(tree);
}

static int state_try(struct iomul_ctx *ctx, struct iomul_state *s, struct iomul_status *q)
{
	int rc;

	if ((rc = array_grow(&s->group, &q->groups, q->out_groups, sizeof(*s->group))) ||
	    (rc = array_grow(&s->slot, &q->slots, q->out_slots, sizeof(*s->slot))))
		return rc;
	free(s->waits);
	s->waits = calloc((size_t)q->slots + 1, sizeof(*s->waits));
	if (!s->waits)
		return -ENOMEM;
	q->size = sizeof(*q);
	q->groups_ptr = user_ptr(s->group);
	q->slots_ptr = user_ptr(s->slot);
	q->waits_ptr = user_ptr(s->waits);
	rc = ctx_call(ctx, IOMUL_STATUS, q);
	if (rc == -E2BIG) {	/* a module from before there were waits */
		free(s->waits);
		s->waits = NULL;
		q->waits_ptr = 0;
		rc = ctx_call(ctx, IOMUL_STATUS, q);
	}
	s->groups = q->out_groups;
	s->slots = q->out_slots;
	return rc;
}

API int iomul_state_get(struct iomul_ctx *ctx, struct iomul_state **out)
{
	struct iomul_status q = { 0 };
	struct iomul_state *s = calloc(1, sizeof(*s));
	int rc = s ? -ENOSPC : -ENOMEM, tries;

	for (tries = 0; rc == -ENOSPC && tries < GROW_TRIES; tries++)
		rc = state_try(ctx, s, &q);
	if (rc) {
		iomul_state_put(s);
		return rc == -ENOSPC ? -EAGAIN : rc;
	}
	*out = s;
	return 0;
}

API void iomul_state_put(struct iomul_state *state)
{
	if (!state)
		return;
	free(state->group);
	free(state->slot);
	free(state->waits);
	free(state);
}

API int iomul_dev_claim(struct iomul_ctx *ctx, struct iomul_addr addr, struct iomul_claim *claim)
{
	struct iomul_claim c = { .size = sizeof(c), .addr = addr };
	int rc = ctx_call(ctx, IOMUL_CLAIM, &c);

	if (claim)
		*claim = c;
	return rc;
}

API int iomul_dev_release(struct iomul_ctx *ctx)
{
	struct iomul_release r = { .size = sizeof(r) };

	return ctx_call(ctx, IOMUL_RELEASE, &r);
}

static int dev_access(struct iomul_ctx *ctx, struct iomul_op *ops, size_t count, __u32 flags,
		      size_t *done)
{
	struct iomul_access a = {
		.size = sizeof(a),
		.flags = flags,
		.ops_ptr = user_ptr(ops),
		.ops = count,
	};
	int rc = count == a.ops ? ctx_call(ctx, IOMUL_ACCESS, &a) : -EINVAL;

	if (done)
		*done = a.out_done;
	return rc;
}

API int iomul_dev_access(struct iomul_ctx *ctx, struct iomul_op *ops, size_t count, size_t *done)
{
	return dev_access(ctx, ops, count, 0, done);
}

API int iomul_dev_access_nowait(struct iomul_ctx *ctx, struct iomul_op *ops, size_t count,
				size_t *done)
{
	return dev_access(ctx, ops, count, IOMUL_ACCESS_NOWAIT, done);
}

static int dev_in(struct iomul_ctx *ctx, unsigned int bar, uint32_t offset, unsigned int width,
		  uint64_t *value)
{
	struct iomul_op op = { .bar = bar, .width = width, .offset = offset, .count = 1 };
	int rc = bar < IOMUL_BARS ? iomul_dev_access(ctx, &op, 1, NULL) : -EINVAL;

	*value = op.data;
	return rc;
}

static int dev_out(struct iomul_ctx *ctx, unsigned int bar, uint32_t offset, unsigned int width,
		   uint64_t value)
{
	struct iomul_op op = {
		.bar = bar,
		.width = width,
		.flags = IOMUL_OP_WRITE,
		.offset = offset,
		.count = 1,
		.data = value,
	};

	return bar < IOMUL_BARS ? iomul_dev_access(ctx, &op, 1, NULL) : -EINVAL;
}

#define DEV_ACCESSORS(bits)                                                              \
	API int iomul_in##bits(struct iomul_ctx *ctx, unsigned int bar, uint32_t offset, \
			       uint##bits##_t *value)                                    \
	{                                                                                \
		uint64_t v;                                                              \
		int rc = dev_in(ctx, bar, offset, bits / 8, &v);                         \
											 \
		if (!rc)                                                                 \
			*value = v;                                                      \
		return rc;                                                               \
	}                                                                                \
	API int iomul_out##bits(struct iomul_ctx *ctx, unsigned int bar, uint32_t offset, \
				uint##bits##_t value)                                    \
	{                                                                                \
		return dev_out(ctx, bar, offset, bits / 8, value);                       \
	}

DEV_ACCESSORS(8)
DEV_ACCESSORS(16)
DEV_ACCESSORS(32)

/* One element at a time: each may be 256 KiB, the system call no longer matters. */
static int dev_string(struct iomul_ctx *ctx, struct iomul_op op, uintptr_t buffer, size_t count)
{
	int rc;

	if (op.width != 1 && op.width != 2 && op.width != 4)
		return -EINVAL;
	while (count) {
		op.count = count < IOMUL_OP_COUNT_MAX ? count : IOMUL_OP_COUNT_MAX;
		op.data = buffer;
		rc = iomul_dev_access(ctx, &op, 1, NULL);
		if (rc)
			return rc;
		buffer += (uintptr_t)op.count * op.width;
		count -= op.count;
	}
	return 0;
}

API int iomul_ins(struct iomul_ctx *ctx, unsigned int bar, uint32_t offset, unsigned int width,
		  void *buffer, size_t count)
{
	struct iomul_op op = { .bar = bar, .width = width, .offset = offset };

	op.flags = IOMUL_OP_BUFFER;
	if (bar >= IOMUL_BARS || width > 4)
		return -EINVAL;
	return dev_string(ctx, op, (uintptr_t)buffer, count);
}

API int iomul_outs(struct iomul_ctx *ctx, unsigned int bar, uint32_t offset, unsigned int width,
		   const void *buffer, size_t count)
{
	struct iomul_op op = { .bar = bar, .width = width, .offset = offset };

	op.flags = IOMUL_OP_BUFFER | IOMUL_OP_WRITE;
	if (bar >= IOMUL_BARS || width > 4)
		return -EINVAL;
	return dev_string(ctx, op, (uintptr_t)buffer, count);
}
