// SPDX-License-Identifier: GPL-2.0-only
/*
 * Core under fire: random servers, their slots attached, accessed, reset, shut,
 * forgotten and detached at random, config writes that fail; each access is
 * checked to reach the device that it was meant for, and nobody else.
 *
 *   engine [-s SEED] [-n ACCESSES] [-t SECONDS] [-p PROCESSES]
 *
 * Two witnesses that know nothing of core: the decoder says who answers a port;
 * and each device keeps the value last written to it, as its user remembers it,
 * so that a write that went astray shows later.
 *
 * Everything follows from the seed. A server (a "life") is torn down after some
 * thousand accesses, and must then be as it was, byte for byte; life N of a
 * seed is made anew by -s SEED -l N.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/pci_regs.h>
#include "access.h"
#include "oracle.h"
#include "../fuzz/random_world.h"

#define GROUPS 32
#define NODES 64
#define TRIES 3

struct totals {
	u64 lives, accesses, switches, writes, errors, resets, foreign, refused, detached, bystanders;
	u64 misrouted, lost;
	u32 longest;	/* steps of one change of owner that nothing disturbed */
	long rss;
};

struct group {
	struct iomul_mux mux;
	u32 *slot_node;
	u32 id;
};

struct life {
	struct world w;
	struct fabric f;
	struct carry c;
	struct group group[GROUPS];
	u32 groups;
	u8 *settled;		/* all bytes, with every gate shut */
	u32 slot_of[NODES];	/* in the mux of its group */
	u32 gate_of[NODES];	/* the gate that it is part of, or IOMUL_NONE */
	u32 user[NODES];	/* functions with I/O BARs that share */
	u32 users;
	u32 stander[NODES];	/* functions that answered alone before, and do not share */
	u32 standers;
	u32 device[NODES];	/* what each device keeps */
	u32 wanted[NODES];	/* what its user believes that it keeps */
	u64 accesses;
	u32 faults;		/* one config write of so many fails */
};

static u64 state;
static u64 base_seed, number;
static struct totals *sum;

static u32 rnd(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state >> 24;
}

static u32 below(u32 n)
{
	return n ? rnd() % n : 0;
}

static bool one_in(u32 n)
{
	return below(n) == 0;
}

#define DIE_AT(form, ...)                                                                         \
	DIE("seed %#llx, life %llu: " form, (unsigned long long)base_seed,                        \
	    (unsigned long long)number, ##__VA_ARGS__)

static struct group *group_of(struct life *l, u32 node)
{
	u32 i;

	for (i = 0; i < l->groups; i++)
		if (l->group[i].id == l->w.t.node[node].group)
			return &l->group[i];
	return NULL;
}

/*
 * Gates
 */

/* One step, with luck. */
static bool carry_out(struct life *l, struct group *g, struct iomul_mux_step s)
{
	bool ok;

	if (one_in(l->faults))
		fabric_fail(&l->f, 1 + below(g->mux.gate[s.gate].nodes), FABRIC_LOST + below(2),
			    false);
	ok = !carry_gate(&l->c, &g->mux, s);
	fabric_fail(&l->f, 0, FABRIC_SOUND, false);
	sum->writes += g->mux.gate[s.gate].nodes;
	return ok;
}

static bool swap(struct life *l, struct group *g, u32 slot)
{
	struct iomul_mux_step shut = { .open = false }, open = { .open = true };
	const struct iomul_path *from, *to;

	if (!iomul_mux_swap(&g->mux, slot, &from, &to))
		return false;
	shut.gate = from->last;
	open.gate = to->last;
	if (carry_out(l, g, shut) && carry_out(l, g, open))
		return true;
	iomul_mux_forget_gate(&g->mux, shut.gate);
	iomul_mux_forget_gate(&g->mux, open.gate);
	return false;
}

/* To @slot, or to nobody. -EIO: config writes failed; -EINTR: given up half way. */
static int route(struct life *l, struct group *g, u32 slot)
{
	u32 steps = 0, failed = 0, bound, want;
	struct iomul_mux_step s;
	bool ok;

	if (slot != IOMUL_NONE && g->mux.owner == slot)
		return 0;
	sum->switches++;
	if (slot != IOMUL_NONE && one_in(2) && swap(l, g, slot))
		return 0;
	want = slot == IOMUL_NONE ? 0 : oracle_steps(&g->mux, slot);
	bound = 4 * (2 * g->mux.gates + 2);
	while (iomul_mux_next(&g->mux, slot, &s) > 0) {
		if (one_in(4096))
			return -EINTR;	/* handed out, and nobody has carried it out */
		ok = carry_out(l, g, s);
		iomul_mux_done(&g->mux, s, ok);
		if (!ok && ++failed == TRIES)
			return -EIO;
		if (++steps > bound)
			DIE_AT("no end of steps to %d", (int)slot);
	}
	if (failed || slot == IOMUL_NONE)
		return 0;
	if (steps != want)
		DIE_AT("%u steps to %u, %u expected", steps, slot, want);
	if (steps > sum->longest)
		sum->longest = steps;
	return 0;
}

/*
 * What was touched is written again with its gate shut: by who reset it
 * (pci_restore_state()) and, of what is ours, by the shell.
 */
static void settle(struct life *l, u32 node)
{
	struct group *g = group_of(l, node);
	u32 reg;

	if (!g)
		return;
	if (l->gate_of[node] != IOMUL_NONE)
		iomul_mux_forget_gate(&g->mux, l->gate_of[node]);
	for (reg = PCI_COMMAND; reg < 0x40; reg++)
		fabric_poke(&l->f, node, reg, 1, l->settled[(size_t)node * FABRIC_CONFIG + reg]);
}

/*
 * Attach and detach
 */

static void muxes_free(struct life *l)
{
	while (l->groups) {
		l->groups--;
		mux_free(&l->group[l->groups].mux, l->group[l->groups].slot_node);
	}
}

static void gates_note(struct life *l, struct group *g)
{
	struct iomul_topology *t = &l->w.t;
	u32 i, k, first, count;

	for (i = 0; i < g->mux.gates; i++)
		for (k = g->mux.gate[i].node; k < g->mux.gate[i].node + g->mux.gate[i].nodes; k++)
			if (k == g->mux.gate[i].node ||
			    (t->node[k].group == g->id && !(t->node[k].flags & IOMUL_NODE_PORT)))
				l->gate_of[k] = i;
	for (i = 0; i < g->mux.slots; i++) {
		first = iomul_slot_span(t, g->slot_node[i], &count);
		for (k = first; k < first + count; k++)
			if (t->node[k].group == g->id && !(t->node[k].flags & IOMUL_NODE_PORT))
				l->slot_of[k] = i;
	}
}

static bool has_bar(const struct life *l, u32 node)
{
	u32 k, first, last;

	for (k = 0; k < IOMUL_BARS; k++)
		if (fabric_bar(&l->f, node, k, &first, &last))
			return true;
	return false;
}

/* Muxes for the groups as they are, everything shut, and who is there. */
static void muxes_make(struct life *l)
{
	struct iomul_topology *t = &l->w.t;
	struct group *g;
	u32 i, steps;

	muxes_free(l);
	l->users = 0;
	for (i = 0; i < t->nodes; i++)
		l->slot_of[i] = l->gate_of[i] = IOMUL_NONE;
	for (i = 0; i < t->groups && l->groups < GROUPS; i++) {
		g = &l->group[l->groups];
		g->id = t->group[i].id;
		if (mux_alloc(t, g->id, &g->mux, &g->slot_node))
			DIE_AT("no mux for group %u", g->id);
		l->groups++;
		if (carry_switch(&l->c, &g->mux, IOMUL_NONE, &steps) ||
		    carry_behind(&l->c, &g->mux, g->id))
			DIE_AT("group %u can't be shut", g->id);
		gates_note(l, g);
	}
	for (i = 0; i < t->nodes; i++)
		if (l->slot_of[i] != IOMUL_NONE && has_bar(l, i))
			l->user[l->users++] = i;
	free(l->settled);
	l->settled = fabric_copy(&l->f);
}

static void restored(struct life *l, const char *when)
{
	u32 i;

	for (i = 0; i < l->f.fns; i++)
		if (!fabric_same(&l->f, l->c.found, i))
			DIE_AT("%s: function %u is not as it was", when, i);
}

static void detach_one(struct life *l)
{
	bool *leaves = calloc(l->w.t.nodes + 1, sizeof(*leaves));
	u32 i, steps;

	for (i = 0; i < l->groups; i++)
		if (carry_switch(&l->c, &l->group[i].mux, IOMUL_NONE, &steps))
			DIE_AT("group %u can't be shut", l->group[i].id);
	if (carry_pick(&l->c, &l->w.plan, below(l->w.t.nodes), leaves)) {
		if (carry_detach(&l->c, &l->w.plan, leaves))
			DIE_AT("detach failed");
		sum->detached++;
	}
	free(leaves);
	muxes_make(l);
}

/* Attach fails on the way, and is undone: nothing has happened. */
static void attach_in_vain(struct life *l)
{
	u32 done, n = 1 + below(3 * l->w.plan.steps);
	int err;

	fabric_fail(&l->f, n, FABRIC_LOST + below(2), false);
	err = carry_plan(&l->c, &l->w.plan, &done);
	fabric_fail(&l->f, 0, FABRIC_SOUND, false);
	if (carry_undo(&l->c, &l->w.plan, err ? done + 1 : done))
		DIE_AT("undo failed");
	restored(l, "attach in vain");
}

/*
 * Accesses
 */

/* What answers at @port: the device's value in @value; false: not @node, or not alone. */
static bool reach(struct life *l, u32 node, u32 port, bool write, u32 *value)
{
	u32 i, n, who[8];

	n = fabric_answers(&l->f, port, who, 8);
	if (write)
		for (i = 0; i < n && i < 8; i++)
			l->device[who[i]] = *value;
	else
		*value = n ? l->device[who[0]] : ~0U;
	return n == 1 && who[0] == node;
}

static void access_at(struct life *l, u32 node, u32 port)
{
	bool write = one_in(2);
	u32 value = rnd() << 8 | node;

	l->accesses++;
	sum->accesses++;
	if (write)
		l->wanted[node] = value;
	if (!reach(l, node, port, write, &value)) {
		sum->misrouted++;
		DIE_AT("port %x of %u: others answer, or nobody", port, node);
	}
	if (!write && value != l->wanted[node]) {
		sum->misrouted++;
		DIE_AT("%u keeps %x, %x was written", node, value, l->wanted[node]);
	}
}

/* Any BAR, offset and width: what rule 5 lets through lies inside, by another reckoning. */
static bool any_port(struct life *l, u32 node, u32 *port)
{
	u32 bar, first = 1, last = 0, size, offset, width, tries = 8;
	bool inside;

	do
		bar = below(IOMUL_BARS);
	while (!fabric_bar(&l->f, node, bar, &first, &last) && --tries);
	if (!tries)
		return false;
	size = last - first + 1;
	width = one_in(16) ? below(9) : 1U << below(3);
	offset = one_in(8) ? size - below(9) + 4 : below(size / 4 + 1) * 4;
	inside = (width == 1 || width == 2 || width == 4) && offset % width == 0 &&
		 (u64)offset + width <= size;
	if (inside != !iomul_access_check(size, offset, width))
		DIE_AT("%u bytes at %x of %x: rule 5", width, offset, size);
	if (!inside)
		sum->refused++;
	*port = first + offset + (inside ? below(width) : 0);
	return inside;
}

static void access_any(struct life *l)
{
	u32 node, port, tries;
	struct group *g;
	int err = -EINTR;

	if (!l->users)
		return;
	node = l->user[below(l->users)];
	g = group_of(l, node);
	if (!any_port(l, node, &port))
		return;
	for (tries = 0; err == -EINTR && tries < 8; tries++)
		err = route(l, g, l->slot_of[node]);
	if (err) {
		sum->errors++;	/* its caller is told */
		return;
	}
	if (g->mux.owner != l->slot_of[node])
		DIE_AT("arrived at %u, and %d owns", l->slot_of[node], (int)g->mux.owner);
	/* A batch by the owner. */
	for (tries = 1 + below(6); tries--;)
		access_at(l, node, port);
}

static void access_stander(struct life *l)
{
	u32 node, port;

	if (!l->standers)
		return;
	node = l->stander[below(l->standers)];
	if (!any_port(l, node, &port))
		return;
	access_at(l, node, port);
	sum->bystanders++;
}

/*
 * Events
 */

static void reset(struct life *l, u32 node)
{
	u32 reg;

	for (reg = 0; reg < 0x40; reg++)
		if (reg < PCI_PRIMARY_BUS || reg > PCI_SUBORDINATE_BUS)
			fabric_poke(&l->f, node, reg, 1, 0);
	settle(l, node);
	sum->resets++;
}

static void event(struct life *l)
{
	u32 node = below(l->w.t.nodes), i;
	struct group *g = group_of(l, node);

	if (!g)
		return;
	switch (below(6)) {
	case 0:
	case 1:
		reset(l, node);
		break;
	case 2:	/* a foreign write: the filter has kept it out, the gate is touched */
		settle(l, node);
		sum->foreign++;
		break;
	case 3:	/* resume */
		for (i = 0; i < l->w.t.nodes; i++)
			settle(l, i);
		break;
	case 4:
		iomul_mux_forget(&g->mux);
		break;
	default:
		route(l, g, IOMUL_NONE);
	}
	if (!iomul_mux_valid(&g->mux))
		DIE_AT("mux not valid");
}

/*
 * A life
 */

static void standers_note(struct life *l)
{
	struct iomul_topology *t = &l->w.t;
	u32 i, k, n, first, last, who[2];
	bool alone;

	for (i = 0; i < t->nodes; i++) {
		if (t->node[i].flags & IOMUL_NODE_SELECTED)
			continue;
		alone = true;
		for (k = n = 0; k < IOMUL_BARS; k++) {
			if (!fabric_bar(&l->f, i, k, &first, &last))
				continue;
			n++;
			alone &= fabric_answers(&l->f, first, who, 2) == 1 && who[0] == i;
			alone &= fabric_answers(&l->f, last, who, 2) == 1 && who[0] == i;
		}
		if (n && alone)
			l->stander[l->standers++] = i;
	}
}

/* Most functions of a random server are selected, as far as they can be. */
static bool plan(struct life *l)
{
	u8 bytes[2048];
	struct bytes b = { bytes, sizeof(bytes) };
	char text[RANDOM_WORLD_TEXT], name[16];
	struct iomul_refusal r;
	u32 i, functions;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = rnd();
	functions = random_world(&b, text);
	if (world_parse(&l->w, text))
		DIE_AT("%s: %s", text, l->w.error);
	if (l->w.t.nodes > NODES)
		DIE_AT("%u functions", l->w.t.nodes);
	l->w.policy.windows = below(4);
	for (i = 0; i < functions; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		if (below(4))
			iomul_plan_select_node(&l->w.t, world_find(&l->w, name, strlen(name)), &r);
	}
	return !world_plan(&l->w, "") && l->w.t.groups;
}

static void live(void)
{
	static struct life l;
	u64 accesses;
	u32 done, i;

	l = (struct life){ 0 };
	state = (base_seed + 1) * 0x9e3779b97f4a7c15ULL ^ (number + 1) * 0xbf58476d1ce4e5b9ULL;
	for (i = 0; i < 8; i++)
		rnd();
	accesses = 1 + below(40000);
	l.faults = one_in(8) ? 4 : 512;
	if (!plan(&l)) {
		world_fini(&l.w);
		return;
	}
	if (fabric_init(&l.f, l.w.t.node, l.w.t.nodes, l.w.t.root, l.w.t.roots) ||
	    carry_init(&l.c, &l.f, &l.w.t))
		DIE_AT("no memory");
	standers_note(&l);
	if (one_in(4))
		attach_in_vain(&l);
	if (carry_plan(&l.c, &l.w.plan, &done))
		DIE_AT("attach failed");
	muxes_make(&l);
	while (l.accesses < accesses && l.users) {
		if (one_in(32))
			event(&l);
		if (one_in(16))
			access_stander(&l);
		if (one_in(4096))
			detach_one(&l);
		access_any(&l);
	}
	while (l.users)
		detach_one(&l);
	muxes_free(&l);
	restored(&l, "detach of all");
	free(l.settled);
	carry_fini(&l.c);
	fabric_fini(&l.f);
	world_fini(&l.w);
	sum->lives++;
}

static long rss_kb(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss;
}

static void work(struct totals *mine, u64 me, u64 step, u64 accesses, time_t end)
{
	sum = mine;
	for (number = me; mine->accesses < accesses && (!end || time(NULL) < end); number += step) {
		live();
		if (mine->lives == 200)
			mine->rss = rss_kb();
	}
	/* Memory is flat: the largest life has been there by then, or nearly. */
	mine->rss = mine->rss ? rss_kb() - mine->rss : 0;
}

static int report(const struct totals *t, u32 processes, int failed, double seconds)
{
	struct totals all = { 0 };
	u32 i;

	for (i = 0; i < processes; i++) {
		all.lives += t[i].lives;
		all.accesses += t[i].accesses;
		all.switches += t[i].switches;
		all.writes += t[i].writes;
		all.errors += t[i].errors;
		all.resets += t[i].resets;
		all.foreign += t[i].foreign;
		all.refused += t[i].refused;
		all.detached += t[i].detached;
		all.bystanders += t[i].bystanders;
		all.misrouted += t[i].misrouted;
		all.longest = all.longest > t[i].longest ? all.longest : t[i].longest;
		all.rss = all.rss > t[i].rss ? all.rss : t[i].rss;
	}
#define N(x) ((unsigned long long)(x))
	printf("%llu accesses in %.0f s (%.0f a second), %llu of bystanders: %llu misrouted\n",
	       N(all.accesses), seconds, all.accesses / seconds, N(all.bystanders), N(all.misrouted));
	printf("%llu servers, %llu changes of owner, %llu config writes, the longest %u steps\n",
	       N(all.lives), N(all.switches), N(all.writes), all.longest);
	printf("%llu resets, %llu foreign writes, %llu detaches, %llu refused by rule 5, %llu failed and said so\n",
	       N(all.resets), N(all.foreign), N(all.detached), N(all.refused), N(all.errors));
	printf("memory: %ld kB more than after 200 servers\n", all.rss);
	if (all.rss > 1024)
		failed++;
	if (!all.accesses || !all.resets || !all.errors || !all.detached || !all.refused)
		failed++;	/* it has not been what it says */
	printf("%d passed, %d failed\n", failed ? 0 : 1, failed);
	return failed != 0;
}

int main(int argc, char **argv)
{
	u64 accesses = 100000000, life = ~0ULL;
	u32 processes = 2, i;
	time_t seconds = 0, end;
	struct timespec a, b;
	struct totals *t;
	int opt, status, failed = 0;

	base_seed = time(NULL);
	while ((opt = getopt(argc, argv, "s:n:t:p:l:")) != -1) {
		if (opt == 's')
			base_seed = strtoull(optarg, NULL, 0);
		else if (opt == 'n')
			accesses = strtoull(optarg, NULL, 0);
		else if (opt == 't')
			seconds = strtoul(optarg, NULL, 0);
		else if (opt == 'p')
			processes = strtoul(optarg, NULL, 0);
		else if (opt == 'l')
			life = strtoull(optarg, NULL, 0);
		else
			DIE("usage: engine [-s SEED] [-n ACCESSES] [-t SECONDS] [-p PROCESSES] [-l LIFE]");
	}
	t = mmap(NULL, (processes + 1) * sizeof(*t), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (t == MAP_FAILED)
		DIE("mmap");
	printf("seed %#llx\n", (unsigned long long)base_seed);
	fflush(stdout);
	if (life != ~0ULL) {
		sum = t;
		number = life;
		live();
		return report(t, 1, 0, 1);
	}
	end = seconds ? time(NULL) + seconds : 0;
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (i = 0; i < processes; i++)
		if (!fork()) {
			work(&t[i], i, processes, accesses / processes, end);
			exit(0);
		}
	while (wait(&status) > 0)
		failed += status != 0;
	clock_gettime(CLOCK_MONOTONIC, &b);
	return report(t, processes, failed, b.tv_sec - a.tv_sec + (b.tv_nsec - a.tv_nsec) / 1e9);
}
