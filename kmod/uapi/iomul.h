/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The ABI of /dev/iomul: the one header that user space includes.
 *
 * Every command is an ioctl on an open /dev/iomul whose argument points to a
 * structure that begins with its own size:
 *
 *  - @size is sizeof() as the caller was compiled. A smaller structure than the
 *    kernel's is extended with zeros; a larger one is accepted as long as what
 *    the kernel does not know is zero (-E2BIG otherwise); one below the first
 *    published size of the command is refused with -EINVAL.
 *  - reserved fields and unknown flag bits must be zero: -EOPNOTSUPP otherwise.
 *  - fields named out_* are written by the kernel, also when the command fails
 *    with a refusal (see struct iomul_refusal); all others are only read.
 *  - pointers travel as __aligned_u64, so 32-bit callers have the same layout.
 *
 * Errors that any command may return:
 *   ENOTTY      no such command
 *   EFAULT      a pointer does not lead to the caller's memory
 *   EINVAL      @size too small, an argument out of range
 *   E2BIG       @size beyond the kernel's with something in the surplus
 *   EOPNOTSUPP  a reserved field or an unknown flag is set
 *   ENOMEM      out of memory; nothing was changed
 *   EINTR       a fatal signal came while waiting; nothing was changed
 * Each command lists its own below.
 *
 * Rights: opening needs the permissions of the device node. The commands that
 * change what is shared (ATTACH, DETACH, LEASE, VERIFY with REPAIR) need
 * CAP_SYS_ADMIN; CLAIM and ACCESS need the node opened for writing, by whom the
 * administrator gave it to.
 */
#ifndef _UAPI_IOMUL_H
#define _UAPI_IOMUL_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define IOMUL_ABI_VERSION	1
#define IOMUL_TYPE		0xB9

#define IOMUL_NONE		0xffffffffU	/* no such index */
#define IOMUL_NAME_MAX		32		/* names, with the final NUL */
#define IOMUL_BARS		6		/* PCI 3.0, 6.2.5.1 */
#define IOMUL_APERTURES		8

/* A function: segment (PCI domain), bus number, device << 3 | function. */
struct iomul_addr {
	__u16 segment;
	__u8 bus;
	__u8 devfn;
};

/* Ports @first to @last inclusive, as the CPU numbers them. Empty: {1, 0}. */
struct iomul_range {
	__u32 first;
	__u32 last;
};

#define IOMUL_BAR_IO16		(1U << 0)	/* upper 16 address bits are hardwired to 0 */
#define IOMUL_BAR_UNSIZED	(1U << 1)	/* an I/O BAR whose size is not known */

/* An I/O BAR. @size: bytes, a power of two from 4; 0 with flags 0: not an I/O BAR. */
struct iomul_bar {
	struct iomul_range at;	/* where it decodes; empty: it was given no ports */
	__u32 size;
	__u32 flags;
};

#define IOMUL_NODE_PORT		(1U << 0)	/* a bridge (type 1 header) */
#define IOMUL_NODE_FORWARDS	(1U << 1)	/* port: has an I/O window at all */
#define IOMUL_NODE_IO32		(1U << 2)	/* port: the window decodes 32 bits */
#define IOMUL_NODE_ISA		(1U << 3)	/* port: ISA Enable (PCI-PCI Bridge 1.2, 3.2.5.18) */
#define IOMUL_NODE_ARI		(1U << 4)	/* port: ARI Forwarding on: one device below */
#define IOMUL_NODE_DECODES	(1U << 5)	/* I/O Space Enable is set */
#define IOMUL_NODE_IN_USE	(1U << 6)	/* a host driver uses its ports: @driver */
#define IOMUL_NODE_SHARED	(1U << 7)	/* its slot is attached; a port: shared window */
#define IOMUL_NODE_SELECTED	(1U << 8)	/* its slot is asked for; never set by the kernel */
#define IOMUL_NODE_VF		(1U << 9)	/* SR-IOV virtual function: no I/O BARs */
#define IOMUL_NODE_PCIE		(1U << 10)	/* has a PCI Express capability */

/*
 * One function of a PCI tree. Nodes are ordered by bus, breadth first: roots in
 * the order of the root array, parents before children, all functions of a bus
 * next to each other by ascending devfn.
 */
struct iomul_node {
	struct iomul_addr addr;
	__u32 root;			/* index of its root */
	__u32 parent;			/* index of the port above; IOMUL_NONE on a root bus */
	__u32 flags;			/* IOMUL_NODE_* */
	__u32 class_code;		/* 24 bits, as in config space */
	__u16 vendor;
	__u16 device;
	struct iomul_range window;	/* port: ports passed on; empty: none */
	__u32 group;			/* id of the group it shares in, or IOMUL_NONE */
	__u8 bus_first;			/* port: secondary and subordinate bus numbers */
	__u8 bus_last;
	__u16 reserved;
	struct iomul_bar bar[IOMUL_BARS];
	char driver[IOMUL_NAME_MAX];	/* bound host driver, or "" */
};

/* A root bus and the ports its host bridge passes on. */
struct iomul_root {
	__u16 segment;
	__u8 bus;
	__u8 reserved;
	__u32 lowest;			/* below this port nothing may be placed */
	__u32 napertures;
	__u32 reserved2;
	struct iomul_range aperture[IOMUL_APERTURES];
};

#define IOMUL_BUSY_HELD		(1U << 0)	/* kept for an attached slot, which had it before */

/* Ports of a root's apertures taken by something that is not a function now. */
struct iomul_busy {
	struct iomul_range at;
	__u32 flags;			/* IOMUL_BUSY_* */
	struct iomul_addr holder;	/* IOMUL_BUSY_HELD: the function that had it */
	char name[IOMUL_NAME_MAX];	/* as in /proc/ioports */
};

/* Why something was refused; each belongs to the errno beside it. */
enum iomul_reason {
	IOMUL_R_NONE,
	IOMUL_R_NO_SLOT,	/* ENODEV: no function there */
	IOMUL_R_BRIDGE,		/* EINVAL: a port, not a device */
	IOMUL_R_NO_IO_BAR,	/* EINVAL: no function of the slot has an I/O BAR */
	IOMUL_R_IN_USE,		/* EBUSY: @who (host driver) uses its ports */
	IOMUL_R_SHARED,		/* EEXIST: attached already */
	IOMUL_R_NOT_SHARED,	/* ENOENT: not attached */
	IOMUL_R_NO_FORWARD,	/* EINVAL: port @at cannot forward I/O */
	IOMUL_R_ISA,		/* EINVAL: port @at has ISA Enable set; @need bytes don't fit */
	IOMUL_R_TOO_BIG,	/* ENOSPC: @need bytes are more than window @range holds */
	IOMUL_R_NO_SPACE,	/* ENOSPC: nothing free of @need bytes; @hint: select it too */
	IOMUL_R_IO16,		/* ENOSPC: @at decodes 16 bits only, ports are above 64 Ki */
	IOMUL_R_UNSIZED,	/* EINVAL: size of an I/O BAR of @at not known */
	IOMUL_R_OPEN,		/* EBUSY: @who holds a function of the slot open */
	IOMUL_R_LENDER,		/* EBUSY: its own range @range carries the group; detach the rest first */
	IOMUL_R_HARDWARE,	/* EIO: config space of @at did not take a write */
	IOMUL_R_GONE,		/* ENODEV: removed meanwhile */
	IOMUL_R_CONFLICT,	/* EBUSY: ports @range were taken meanwhile by @who */
	IOMUL_R_HOOKED,		/* EBUSY: config access of the bus of @at is taken over by somebody else */
	IOMUL_R_MIXED,		/* ENOSPC: port @at also leads to ports of @hint; no room in or beside its window */
	IOMUL_R_SEIZED,		/* EBUSY: @who seized @at while it shared, and would write its shared ports back */
	IOMUL_R_LEASED,		/* EBUSY: @who has leased the window for the slot of @at */
	IOMUL_R_RIVAL,		/* EBUSY: driver @who of @at, below the same window, requests ports whenever its user wants */
	IOMUL_R_STRANDED,	/* EBUSY: ports @range of the group are not passed on by @at any more: detach it first */
	IOMUL_R_CLOSED,		/* EIO: the registers of port @at above do not pass on ports @range */
	IOMUL_R_COUNT
};

/* What stood in the way. All zero when nothing did. */
struct iomul_refusal {
	__u32 reason;			/* enum iomul_reason */
	struct iomul_addr slot;		/* the slot that was refused */
	struct iomul_addr at;		/* the function at fault */
	struct iomul_addr hint;		/* see the reason; equal to @slot: none */
	struct iomul_range range;
	__u32 need;			/* bytes */
	__u32 reserved;
	char who[IOMUL_NAME_MAX];
};

/*
 * IOMUL_INFO: what is this?
 */
struct iomul_info {
	__u32 size;
	__u32 flags;			/* 0 */
	__u32 out_abi;			/* IOMUL_ABI_VERSION */
	__u32 out_groups;		/* number of groups */
	__u32 out_slots;		/* number of attached slots */
	__u32 out_burst;		/* accesses an owner may batch past waiters */
	__u32 out_slot_bytes;		/* kernel memory, mean per attached slot */
	__u32 reserved;
	char out_release[IOMUL_NAME_MAX];
};
#define IOMUL_INFO _IO(IOMUL_TYPE, 0x00)

/*
 * IOMUL_TOPOLOGY: the PCI tree as the planner sees it; changes nothing (the
 * I/O BARs of starved functions are sized with their decode off, and restored).
 * @nodes, @roots, @busy hold the capacities of the arrays on entry; out_* the
 * numbers there are. Errors: ENOSPC (an array was too small, none was filled), EPERM (CAP_SYS_ADMIN is needed).
 */
struct iomul_topology_query {
	__u32 size;
	__u32 flags;			/* 0 */
	__aligned_u64 nodes_ptr;	/* struct iomul_node[] */
	__aligned_u64 roots_ptr;	/* struct iomul_root[] */
	__aligned_u64 busy_ptr;		/* struct iomul_busy[] */
	__u32 nodes;
	__u32 roots;
	__u32 busy;
	__u32 out_nodes;
	__u32 out_roots;
	__u32 out_busy;
};
#define IOMUL_TOPOLOGY _IO(IOMUL_TYPE, 0x01)

/*
 * IOMUL_ATTACH: share. All slots or none. The function part of an address is
 * ignored: all functions of a slot share. A slot that is unplugged afterwards
 * shares again when a device comes back to its place.
 *
 * What happens is told by change events (uevents) of the device, with
 * IOMUL_EVENT=attached|detached|gone|adopted|refused|leased|returned, IOMUL_SLOT=ssss:bb:dd,
 * IOMUL_GROUP=id where there is one and IOMUL_REASON=enum iomul_reason.
 * Errors: EPERM, and those of the refusal.
 */
struct iomul_attach {
	__u32 size;
	__u32 flags;			/* IOMUL_ATTACH_FUTURE */
	__aligned_u64 slots_ptr;	/* struct iomul_addr[] */
	__u32 slots;			/* 1 to 65536 */
	__u32 windows;			/* at most so many windows for each root; 0: as many as useful */
	__u32 reserve;			/* windows of 4 KiB to leave free on each root */
	__u32 reserved;
	struct iomul_refusal out_refusal;
};
/* Slots where no device is now share as soon as one is there; DETACH forgets them. */
#define IOMUL_ATTACH_FUTURE	(1U << 0)
#define IOMUL_ATTACH _IO(IOMUL_TYPE, 0x02)

/*
 * IOMUL_DETACH: put back what attach found. All slots or none.
 * Errors: EPERM, and those of the refusal.
 */
struct iomul_detach {
	__u32 size;
	__u32 flags;			/* IOMUL_DETACH_ALL */
	__aligned_u64 slots_ptr;	/* struct iomul_addr[]; 0 with IOMUL_DETACH_ALL */
	__u32 slots;
	__u32 reserved;
	struct iomul_refusal out_refusal;
};
#define IOMUL_DETACH_ALL	(1U << 0)
#define IOMUL_DETACH _IO(IOMUL_TYPE, 0x03)

#define IOMUL_SLOT_OWNER	(1U << 0)	/* its path is open */
#define IOMUL_SLOT_LENDER	(1U << 1)	/* the group's window is its own range */
#define IOMUL_SLOT_GONE		(1U << 2)	/* unplugged; comes back when plugged in again */
#define IOMUL_SLOT_FUNCTION_GATE (1U << 3)	/* gated at the function, not at the port above */
#define IOMUL_SLOT_LEASED	(1U << 4)	/* has the window to itself */
#define IOMUL_SLOT_STRANDED	(1U << 5)	/* the kernel took the group's ports: accesses get ENODEV until it is detached */

struct iomul_slot_status {
	struct iomul_addr addr;		/* function 0 of the slot */
	__u32 group;			/* id */
	__u32 flags;			/* IOMUL_SLOT_* */
	struct iomul_addr port;		/* the port above; equal to addr on a root bus */
	__u32 users;			/* functions held open now */
	__u32 functions;		/* functions with I/O BARs */
	__u32 depth;			/* gates on its path */
	__u32 most_passed;		/* turns of others while it waited for one: the most */
	__aligned_u64 accesses;		/* port accesses carried out, elements of batches included */
	__aligned_u64 switches;		/* times it became owner */
	__aligned_u64 waits;		/* times it had to wait for its turn */
	__aligned_u64 wait_ns;		/* and for how long in all */
	__aligned_u64 errors;		/* accesses that could not be routed */
	char who[IOMUL_NAME_MAX];	/* a holder's or lessee's process or driver, or "" */
};

struct iomul_group_status {
	__u32 id;
	__u32 slots;
	struct iomul_range window;
	struct iomul_addr anchor;	/* port below which the group lives; see anchor_root */
	__u32 anchor_root;		/* 1: a root bus, anchor.bus is its number */
	struct iomul_addr owner;	/* valid if has_owner */
	__u32 has_owner;
	__u32 gates;
	__u32 levels;			/* depth of the gate tree */
	__aligned_u64 accesses;
	__aligned_u64 switches;
	__aligned_u64 config_writes;	/* written to gates by changes of owner */
	__aligned_u64 events;		/* times the group was shut because of an event */
	__aligned_u64 foreign_writes;	/* writes of others to gates or windows, kept out */
	__aligned_u64 repairs;		/* differences found and put right */
};

/*
 * How long a slot waited for its turn: @bucket[n] waits took less than 1024 << n
 * ns and not less than half of that; [0] also all shorter, the last all longer.
 */
#define IOMUL_WAIT_BUCKETS	24
struct iomul_slot_waits {
	__aligned_u64 longest_ns;
	__aligned_u64 bucket[IOMUL_WAIT_BUCKETS];
};

/*
 * IOMUL_STATUS: groups and slots as they are now. Capacities in, numbers out;
 * ENOSPC: an array was too small, none was filled.
 */
struct iomul_status {
	__u32 size;
	__u32 flags;			/* 0 */
	__aligned_u64 groups_ptr;	/* struct iomul_group_status[] */
	__aligned_u64 slots_ptr;	/* struct iomul_slot_status[] */
	__u32 groups;
	__u32 slots;
	__u32 out_groups;
	__u32 out_slots;
	__aligned_u64 waits_ptr;	/* 0, or struct iomul_slot_waits[]: one for each slot */
};
#define IOMUL_STATUS _IO(IOMUL_TYPE, 0x04)

/*
 * IOMUL_VERIFY: read every gate, window and BAR of all groups from the
 * hardware and compare. With IOMUL_VERIFY_REPAIR what differs is put right;
 * without only if it is a sleeping function's, woken for this, which would
 * keep it in its sleep.
 * Errors: EPERM (repair).
 */
struct iomul_verify {
	__u32 size;
	__u32 flags;			/* IOMUL_VERIFY_REPAIR */
	__u32 out_checked;		/* registers */
	__u32 out_wrong;		/* that differed */
	struct iomul_addr out_first;	/* function of the first that differed */
	__u32 reserved;
};
#define IOMUL_VERIFY_REPAIR	(1U << 0)
#define IOMUL_VERIFY _IO(IOMUL_TYPE, 0x05)

/*
 * IOMUL_CLAIM: hold one function; an open /dev/iomul holds one at most, and
 * two callers never hold the same. Closing releases it.
 * Errors: EBADF (not opened for writing), ENODEV (no such function, or it is
 * going or does not wake up), ENOENT (not shared), EINVAL (no I/O BAR), EBUSY (held already: by this file, by
 * another, or by a VFIO user). Without CAP_SYS_ADMIN also EBUSY while a driver other than pciback and
 * pci-stub is bound to it, and accesses get ENODEV once one is; and unless that is pciback its Bus Master
 * Enable is cleared, and stays so when it is released.
 */
struct iomul_claim {
	__u32 size;
	__u32 flags;			/* 0 */
	struct iomul_addr addr;
	__u32 reserved;
	__u32 out_group;
	__u32 out_bars;			/* bit n: BAR n is an I/O BAR that can be accessed */
	struct iomul_bar out_bar[IOMUL_BARS];
};
#define IOMUL_CLAIM _IO(IOMUL_TYPE, 0x06)

/* IOMUL_RELEASE: give the claimed function back. Errors: ENOENT (none held). */
struct iomul_release {
	__u32 size;
	__u32 flags;			/* 0 */
};
#define IOMUL_RELEASE _IO(IOMUL_TYPE, 0x07)

#define IOMUL_OP_WRITE		(1U << 0)	/* otherwise a read */
#define IOMUL_OP_BUFFER		(1U << 1)	/* @data points to count * width bytes */

/*
 * One element of a batch: @count accesses of @width bytes, all to the port at
 * @offset of @bar (string I/O). Without IOMUL_OP_BUFFER @count is 1 and @data
 * is the value itself, little endian in its low bytes.
 */
struct iomul_op {
	__u8 bar;			/* 0 to 5 */
	__u8 width;			/* 1, 2 or 4 */
	__u16 flags;			/* IOMUL_OP_* */
	__u32 offset;			/* bytes from the start of the BAR, a multiple of @width */
	__u32 count;			/* 1 to IOMUL_OP_COUNT_MAX */
	__u32 reserved;
	__aligned_u64 data;
};
#define IOMUL_OP_COUNT_MAX	65536

/*
 * IOMUL_ACCESS: port accesses to the claimed function, in order. All elements
 * are checked before any gate moves; out_done counts the elements carried out
 * in full. A batch may be interleaved with other slots' accesses at the bound
 * of rule 6, never inside one access. While another slot has the window to
 * itself (LEASE) accesses wait, or fail with IOMUL_ACCESS_NOWAIT.
 * Errors: ENOENT (nothing claimed), EINVAL (BAR, width, alignment, count),
 * ERANGE (beyond the end of the BAR), ENODEV (the device is gone), EIO (could
 * not be routed), EBUSY (IOMUL_ACCESS_NOWAIT: the window is leased to another).
 */
struct iomul_access {
	__u32 size;
	__u32 flags;			/* IOMUL_ACCESS_NOWAIT */
	__aligned_u64 ops_ptr;		/* struct iomul_op[]; values of reads are written back */
	__u32 ops;			/* 1 to IOMUL_OPS_MAX */
	__u32 out_done;
};
#define IOMUL_OPS_MAX		1024
#define IOMUL_ACCESS_NOWAIT	(1U << 0)
#define IOMUL_ACCESS _IO(IOMUL_TYPE, 0x08)

/*
 * IOMUL_LEASE: the slot of @addr has its group's window to itself until
 * IOMUL_LEASE_END or close; an open /dev/iomul has one lease at most. A host
 * driver that is bound to a function of the slot meanwhile is given the
 * function's ports when it asks for them as it is bound (elsewhere, and
 * otherwise, it gets EBUSY). Accesses to other slots of the group wait, and
 * nothing is attached to the group or detached from it.
 *
 * A lease that is given back lasts until drivers have given back their ports,
 * too; it ends when the device is removed.
 * Errors: EPERM, ENOENT (END without a lease), and those of the refusal.
 */
struct iomul_lease {
	__u32 size;
	__u32 flags;			/* IOMUL_LEASE_END */
	struct iomul_addr addr;		/* its function part is ignored */
	__u32 reserved;
	__u32 out_group;
	struct iomul_refusal out_refusal;
};
#define IOMUL_LEASE_END		(1U << 0)
#define IOMUL_LEASE _IO(IOMUL_TYPE, 0x09)

#endif
