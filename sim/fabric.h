/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A PCI fabric in user space: the config space of every function as bytes that
 * behave as hardware's do, and a decoder that says which functions would answer
 * a port.
 *
 * The decoder is the witness of the tests. It knows config bytes and which
 * function is on which bus, and nothing of core: no ranges, no plan, no mux.
 */
#ifndef SIM_FABRIC_H
#define SIM_FABRIC_H

#include <linux/types.h>
#include "iomul.h"

#define FABRIC_CONFIG 256U

/* What becomes of the config access that is told to fail. */
enum fabric_fault {
	FABRIC_SOUND,
	FABRIC_LOST, /* not carried out, reported as failed */
	FABRIC_LATE, /* carried out, reported as failed */
};

struct fabric_function {
	u8 byte[FABRIC_CONFIG];
	u8 mask[FABRIC_CONFIG]; /* the bits that a write changes */
	u32 child; /* first function on the bus below, or IOMUL_NONE */
	u32 next; /* next function on the same bus */
};

struct fabric {
	struct fabric_function *fn;
	struct iomul_root *root;
	u32 *child; /* of each root bus: its first function */
	u32 fns;
	u32 roots;
	u64 reads;
	u64 writes;
	u64 fail_at; /* which access from now fails; 0: none */
	enum fabric_fault fault;
	bool dead; /* all after fail_at fail as well */
};

/*
 * A fabric as the first @nodes of @node describe it. The index of a function is
 * that of its node. 0 or -ENOMEM.
 */
int fabric_init(struct fabric *f, const struct iomul_node *node, u32 nodes,
		const struct iomul_root *root, u32 roots);
void fabric_fini(struct fabric *f);

/* Config accesses of @width 1, 2, 4 bytes, aligned. 0 or -EIO. */
int fabric_read(struct fabric *f, u32 fn, u32 reg, u32 width, u32 *value);
int fabric_write(struct fabric *f, u32 fn, u32 reg, u32 width, u32 value);

/* The same bytes without an access: not counted, never failing. */
u32 fabric_peek(const struct fabric *f, u32 fn, u32 reg, u32 width);
void fabric_poke(struct fabric *f, u32 fn, u32 reg, u32 width, u32 value);

/* From now on access number @n (from 1) fails; 0: none does. */
void fabric_fail(struct fabric *f, u64 n, enum fabric_fault fault, bool dead);

/* All config bytes, for comparison. The caller frees it. */
u8 *fabric_copy(const struct fabric *f);
bool fabric_same(const struct fabric *f, const u8 *copy, u32 fn);

/* How many functions answer @port; the first @max of them go to @who. */
u32 fabric_answers(const struct fabric *f, u32 port, u32 *who, u32 max);

/* The I/O BAR @bar of @fn as its bytes say, decoding or not. False: there is none. */
bool fabric_bar(const struct fabric *f, u32 fn, u32 bar, u32 *first, u32 *last);

/*
 * The ports at which the answer can change: both ends of every I/O BAR and
 * their neighbours, ascending, each once. How many; the caller frees @port.
 */
u32 fabric_ports(const struct fabric *f, u32 **port);

#endif
