/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
/*
 * libiomul: the ABI of /dev/iomul as a C library.
 *
 * Every function that returns int returns 0 or -errno; the errors of the ABI
 * (see iomul.h) come through unchanged, each declaration lists what is added.
 * Nothing prints, nothing exits, there is no global state. A context may be
 * used by several threads; a claim belongs to the context, so a function's
 * accesses from several threads follow one another in no particular order.
 *
 * Ports are always inside a BAR of a claimed function: @bar is 0 to 5, @offset
 * is in bytes from its start and a multiple of the width of the access.
 */
#ifndef LIBIOMUL_H
#define LIBIOMUL_H

#include <stddef.h>
#include <stdint.h>
#include "iomul.h"

#ifdef __cplusplus
extern "C" {
#endif

#define IOMUL_DEVICE_PATH "/dev/iomul"

/* An open /dev/iomul. */
struct iomul_ctx;

#define IOMUL_CTX_READ	0U
#define IOMUL_CTX_WRITE (1U << 0) /* needed for claims */

/*
 * Opens the device node @path (NULL: IOMUL_DEVICE_PATH) into *@out, which the
 * caller gives to iomul_ctx_close().
 * -ENOENT, -ENXIO, -ENODEV: the module is not loaded. -EACCES, -EPERM: not
 * permitted. -EINVAL: unknown @flags. -ENOTTY: not a node of this module.
 * -EPROTO: its ABI is another one. -ENOMEM.
 */
int iomul_ctx_open(struct iomul_ctx **out, const char *path, unsigned int flags);

/* Closes, and releases the claim if there is one. NULL is fine. */
void iomul_ctx_close(struct iomul_ctx *ctx);

/* The file descriptor, which stays the context's. */
int iomul_ctx_fd(const struct iomul_ctx *ctx);

/* Release, ABI version, number of groups and slots. */
int iomul_ctx_info(struct iomul_ctx *ctx, struct iomul_info *info);

/*
 * Shares @slots (@count of them, 1 to 65536; their function numbers are
 * ignored): all or none. @windows: at most so many windows for each root, 0: as
 * many as useful. @reserve: windows of 4 KiB to leave free on each root.
 * @refusal (may be NULL) says what stood in the way; its reason is
 * IOMUL_R_NONE when the error has none. -EPERM: needs CAP_SYS_ADMIN.
 */
int iomul_ctx_attach(struct iomul_ctx *ctx, const struct iomul_addr *slots, size_t count,
		     unsigned int windows, unsigned int reserve, struct iomul_refusal *refusal);

/*
 * The same, and slots where no device is now share as soon as one is there;
 * iomul_ctx_detach() forgets them.
 */
int iomul_ctx_attach_future(struct iomul_ctx *ctx, const struct iomul_addr *slots, size_t count,
			    unsigned int windows, unsigned int reserve,
			    struct iomul_refusal *refusal);

/* Puts back what attach found, for @slots: all or none. Errors as for attach. */
int iomul_ctx_detach(struct iomul_ctx *ctx, const struct iomul_addr *slots, size_t count,
		     struct iomul_refusal *refusal);

/* The same for every slot that shares. */
int iomul_ctx_detach_all(struct iomul_ctx *ctx, struct iomul_refusal *refusal);

/*
 * The slot of @addr has its group's window to itself until
 * iomul_ctx_lease_end() or iomul_ctx_close(), for a host driver that is bound to
 * it meanwhile; a driver that still has its ports then keeps the lease. One a
 * context. @refusal as for attach; -EBUSY with IOMUL_R_LEASED: another slot's.
 */
int iomul_ctx_lease(struct iomul_ctx *ctx, struct iomul_addr addr, struct iomul_refusal *refusal);

/* -ENOENT: there is none. */
int iomul_ctx_lease_end(struct iomul_ctx *ctx);

/*
 * Compares every gate, window and BAR with the hardware. @flags: 0 or
 * IOMUL_VERIFY_REPAIR (needs CAP_SYS_ADMIN). @result (not NULL) takes the
 * numbers; that something differed is not an error.
 */
int iomul_ctx_verify(struct iomul_ctx *ctx, unsigned int flags, struct iomul_verify *result);

/* The PCI tree as the planner sees it; arrays from malloc(), in the ABI's order. */
struct iomul_tree {
	struct iomul_node *node;
	struct iomul_root *root;
	struct iomul_busy *busy;
	uint32_t nodes;
	uint32_t roots;
	uint32_t busies;
};

/*
 * Reads the tree into *@out, for iomul_tree_put(). Changes nothing.
 * -EAGAIN: it kept growing while it was read. -EPERM: CAP_SYS_ADMIN is needed. -ENOMEM.
 */
int iomul_tree_get(struct iomul_ctx *ctx, struct iomul_tree **out);
void iomul_tree_put(struct iomul_tree *tree);

/* Groups and slots as they were at one moment. */
struct iomul_state {
	struct iomul_group_status *group;
	struct iomul_slot_status *slot;
	uint32_t groups;
	uint32_t slots;
	struct iomul_slot_waits *waits;	/* for each slot; NULL: the module doesn't tell */
};

/* Reads the state into *@out, for iomul_state_put(). Errors as for the tree. */
int iomul_state_get(struct iomul_ctx *ctx, struct iomul_state **out);
void iomul_state_put(struct iomul_state *state);

/*
 * Claims the function @addr (the whole address counts) for this context, which
 * must be open with IOMUL_CTX_WRITE and holds one at most. @claim (may be NULL)
 * takes its group and BARs.
 */
int iomul_dev_claim(struct iomul_ctx *ctx, struct iomul_addr addr, struct iomul_claim *claim);

/* Gives the claimed function back. -ENOENT: there is none. */
int iomul_dev_release(struct iomul_ctx *ctx);

/*
 * Carries @ops (1 to IOMUL_OPS_MAX) out in order, in one system call; values
 * read come back in iomul_op.data. @done (may be NULL) takes the number of
 * elements carried out in full, also when the call fails. While another slot
 * has the window to itself the first waits, the second fails with -EBUSY.
 */
int iomul_dev_access(struct iomul_ctx *ctx, struct iomul_op *ops, size_t count, size_t *done);
int iomul_dev_access_nowait(struct iomul_ctx *ctx, struct iomul_op *ops, size_t count,
			    size_t *done);

/* One access of 8, 16 or 32 bits. On failure *@value is left alone. */
int iomul_in8(struct iomul_ctx *ctx, unsigned int bar, uint32_t offset, uint8_t *value);
int iomul_in16(struct iomul_ctx *ctx, unsigned int bar, uint32_t offset, uint16_t *value);
int iomul_in32(struct iomul_ctx *ctx, unsigned int bar, uint32_t offset, uint32_t *value);
int iomul_out8(struct iomul_ctx *ctx, unsigned int bar, uint32_t offset, uint8_t value);
int iomul_out16(struct iomul_ctx *ctx, unsigned int bar, uint32_t offset, uint16_t value);
int iomul_out32(struct iomul_ctx *ctx, unsigned int bar, uint32_t offset, uint32_t value);

/*
 * String I/O: @count accesses of @width bytes (1, 2, 4), all to one port, to or
 * from @count * @width bytes at @buffer. More than IOMUL_OP_COUNT_MAX go in
 * several elements, so a failure may come after a part was moved. @count 0 does
 * nothing. -EINVAL: @width.
 */
int iomul_ins(struct iomul_ctx *ctx, unsigned int bar, uint32_t offset, unsigned int width,
	      void *buffer, size_t count);
int iomul_outs(struct iomul_ctx *ctx, unsigned int bar, uint32_t offset, unsigned int width,
	       const void *buffer, size_t count);

#ifdef __cplusplus
}
#endif
#endif
