/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A hostile device model: functions whose config space lies, changes between two
 * reads, keeps nothing of what was written or answers with ones; and a snapshot
 * that reads it register by register as kmod/snapshot.c does.
 */
#ifndef SIM_HOSTILE_H
#define SIM_HOSTILE_H

#include "world.h"

enum hostile_mood {
	HOSTILE_HONEST,
	HOSTILE_ONES, /* nobody answers */
	HOSTILE_ANYTHING, /* another value at each read */
	HOSTILE_STUCK, /* writes are lost */
	HOSTILE_GOING, /* honest for some accesses, then gone */
	HOSTILE_HOLES, /* BARs and windows with bits that make no sense */
	HOSTILE_MOODS,
};

struct hostile {
	u32 (*draw)(void *from, u32 below);
	void *from;
	u8 byte[256];
	u8 mask[256];
	enum hostile_mood mood;
	u32 left; /* GOING: accesses until then */
};

/* A function in @mood with anything in its registers; a bridge if @port. */
void hostile_init(struct hostile *h, enum hostile_mood mood, bool port);
u32 hostile_read(struct hostile *h, u32 reg, u32 width);
void hostile_write(struct hostile *h, u32 reg, u32 width, u32 value);

/* What a snapshot makes of it; place, parent and root of @n are set by the caller. */
void hostile_snapshot(struct hostile *h, bool port, struct iomul_node *n);

#endif
