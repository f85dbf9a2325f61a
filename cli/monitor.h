/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters over time: two states of the module, and what happened between them. */
#ifndef IOMUL_CLI_MONITOR_H
#define IOMUL_CLI_MONITOR_H

#include "cli.h"

struct sample {
	struct iomul_state *state;
	double time;	/* seconds, monotonic */
};

/* What happened to one slot, per second. */
struct slot_rate {
	struct iomul_slot_status now;
	double accesses;
	double switches;
	double waits;
	double wait;	/* mean, seconds; of those that waited */
	double wait_median;	/* less than this, a power of two; 0: nobody waited or not known */
	double wait_p99;
	double errors;
};

struct group_rate {
	struct iomul_group_status now;
	double accesses;
	double switches;
	double config_writes;
	double events;
	double waiting;	/* callers that waited for their turn, on average */
};

struct rates {
	struct slot_rate *slot;
	struct group_rate *group;
	u32 slots;
	u32 groups;
	double seconds;
};

enum rate_order { BY_ACCESSES, BY_SWITCHES, BY_WAIT, BY_SLOT, RATE_ORDERS };

/* -errno. */
int sample_take(struct iomul_ctx *ctx, struct sample *s);
void sample_drop(struct sample *s);
/* @b came after @a. -ENOMEM. */
int rates_between(const struct sample *a, const struct sample *b, struct rates *r);
void rates_sort(struct rates *r, enum rate_order order);
void rates_free(struct rates *r);

/*
 * So many ns, a power of two, at least @part (0 to 1) of the waits were shorter than; the
 * longest wait where that is less or known alone. 0: there was no wait.
 */
u64 waits_below(const struct iomul_slot_waits *w, double part);

#endif
