// SPDX-License-Identifier: GPL-2.0-only
/* Counters over time; see monitor.h. A slot that was attached anew begins at zero. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "monitor.h"

int sample_take(struct iomul_ctx *ctx, struct sample *s)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	s->time = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
	return iomul_state_get(ctx, &s->state);
}

void sample_drop(struct sample *s)
{
	iomul_state_put(s->state);
	s->state = NULL;
}

static double since(u64 before, u64 now)
{
	return (double)(now >= before ? now - before : now);
}

u64 waits_below(const struct iomul_slot_waits *w, double part)
{
	u64 all = 0, seen = 0, below;
	u32 i;

	for (i = 0; i < IOMUL_WAIT_BUCKETS; i++)
		all += w->bucket[i];
	if (!all)
		return 0;
	for (i = 0; i < IOMUL_WAIT_BUCKETS - 1; i++) {
		seen += w->bucket[i];
		below = 1024ULL << i;
		if ((double)seen >= part * (double)all)
			return w->longest_ns < below ? w->longest_ns : below;
	}
	return w->longest_ns;
}

/* IOMUL_NONE: it was not there. */
static u32 slot_before(const struct sample *s, struct iomul_addr addr)
{
	u32 i;

	for (i = 0; i < s->state->slots; i++)
		if (addr_equal(s->state->slot[i].addr, addr))
			return i;
	return IOMUL_NONE;
}

static struct iomul_slot_waits waits_since(const struct iomul_slot_waits *then,
					   const struct iomul_slot_waits *now)
{
	struct iomul_slot_waits w = { .longest_ns = now->longest_ns };
	u32 i;

	for (i = 0; i < IOMUL_WAIT_BUCKETS; i++)
		w.bucket[i] = !then || now->bucket[i] < then->bucket[i] ?
				      now->bucket[i] :
				      now->bucket[i] - then->bucket[i];
	return w;
}

static const struct iomul_group_status *group_before(const struct sample *s, u32 id)
{
	u32 i;

	for (i = 0; i < s->state->groups; i++)
		if (s->state->group[i].id == id)
			return &s->state->group[i];
	return NULL;
}

static struct slot_rate slot_rate(const struct sample *a, const struct sample *b, u32 slot,
				  double seconds)
{
	static const struct iomul_slot_status nothing;
	const struct iomul_slot_status *then = &nothing, *now = &b->state->slot[slot];
	const struct iomul_slot_waits *waited = NULL;
	struct slot_rate r = { .now = *now };
	struct iomul_slot_waits w;
	u32 before = slot_before(a, now->addr);
	double waits;

	if (before != IOMUL_NONE) {
		then = &a->state->slot[before];
		waited = a->state->waits ? &a->state->waits[before] : NULL;
	}
	waits = since(then->waits, now->waits);
	r.accesses = since(then->accesses, now->accesses) / seconds;
	r.switches = since(then->switches, now->switches) / seconds;
	r.errors = since(then->errors, now->errors) / seconds;
	r.waits = waits / seconds;
	r.wait = waits > 0 ? since(then->wait_ns, now->wait_ns) / waits / 1e9 : 0;
	if (b->state->waits) {
		w = waits_since(waited, &b->state->waits[slot]);
		r.wait_median = (double)waits_below(&w, 0.5) / 1e9;
		r.wait_p99 = (double)waits_below(&w, 0.99) / 1e9;
	}
	return r;
}

static struct group_rate group_rate(const struct sample *a, const struct iomul_group_status *now,
				    double seconds)
{
	static const struct iomul_group_status nothing;
	const struct iomul_group_status *then = group_before(a, now->id);
	struct group_rate r = { .now = *now };

	if (!then)
		then = &nothing;
	r.accesses = since(then->accesses, now->accesses) / seconds;
	r.switches = since(then->switches, now->switches) / seconds;
	r.config_writes = since(then->config_writes, now->config_writes) / seconds;
	r.events = since(then->events, now->events) / seconds;
	return r;
}

int rates_between(const struct sample *a, const struct sample *b, struct rates *r)
{
	double seconds = b->time - a->time;
	u32 i, k;

	if (seconds <= 0)
		seconds = 1e-3;
	*r = (struct rates){ .slots = b->state->slots, .groups = b->state->groups,
			     .seconds = seconds };
	r->slot = calloc((size_t)r->slots + 1, sizeof(*r->slot));
	r->group = calloc((size_t)r->groups + 1, sizeof(*r->group));
	if (!r->slot || !r->group) {
		rates_free(r);
		return -ENOMEM;
	}
	for (i = 0; i < r->groups; i++)
		r->group[i] = group_rate(a, &b->state->group[i], seconds);
	for (i = 0; i < r->slots; i++) {
		r->slot[i] = slot_rate(a, b, i, seconds);
		for (k = 0; k < r->groups; k++)
			if (r->group[k].now.id == r->slot[i].now.group)
				r->group[k].waiting += r->slot[i].waits * r->slot[i].wait;
	}
	return 0;
}

static int by_addr(const struct slot_rate *x, const struct slot_rate *y)
{
	u32 a = (u32)x->now.addr.segment << 16 | x->now.addr.bus << 8 | x->now.addr.devfn;
	u32 b = (u32)y->now.addr.segment << 16 | y->now.addr.bus << 8 | y->now.addr.devfn;

	return (a > b) - (a < b);
}

static enum rate_order sorted_by;

static double sort_value(const struct slot_rate *r)
{
	switch (sorted_by) {
	case BY_ACCESSES:
		return r->accesses;
	case BY_SWITCHES:
		return r->switches;
	case BY_WAIT:
		return r->waits * r->wait;
	default:
		return 0;
	}
}

static int compare(const void *a, const void *b)
{
	double x = sort_value(a), y = sort_value(b);

	return x != y ? (x < y) - (x > y) : by_addr(a, b);
}

void rates_sort(struct rates *r, enum rate_order order)
{
	sorted_by = order;
	if (r->slots)
		qsort(r->slot, r->slots, sizeof(*r->slot), compare);
}

void rates_free(struct rates *r)
{
	free(r->slot);
	free(r->group);
	r->slot = NULL;
	r->group = NULL;
}
