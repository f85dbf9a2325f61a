// SPDX-License-Identifier: GPL-2.0-only
/*
 * Do two groups get in each other's way? The access of kmod/turn.c as it is, on real
 * processors, with something that takes a while in place of a port.
 *
 * usage: native		prints JSON: accesses a second, by ROUNDS rounds
 *
 * One process accesses a group; two at once, each on a processor of its own, access one each.
 * An emulated server can't show this: it lets one processor at a time through to a port.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include "iomul.h"

#define ROUNDS 9
#define ACCESSES 4000000

unsigned int iomul_burst = 16;
unsigned int iomul_string;
static unsigned int port_loops;

/* What turn.c calls of its neighbours: none of it is reached by an owner's access. */
void iomul_mux_forget_gate(struct iomul_mux *mux, u32 gate) { (void)mux; (void)gate; abort(); }
int iomul_mux_next(struct iomul_mux *mux, u32 slot, struct iomul_mux_step *step)
{
	(void)mux; (void)slot; (void)step;
	abort();
}
u32 iomul_config_read(struct pci_dev *pdev, int where, int size) { (void)pdev; (void)where; (void)size; abort(); }
int iomul_held_decode(struct iomul_held *held, bool on) { (void)held; (void)on; abort(); }
bool iomul_held_in_reach(const struct iomul_held *held) { (void)held; abort(); }
u16 iomul_held_command(struct iomul_held *held) { (void)held; abort(); }
void iomul_held_mend(struct iomul_held *held) { (void)held; abort(); }
void iomul_held_refresh(struct iomul_held *held) { (void)held; abort(); }
void iomul_held_touch(struct iomul_held *held) { (void)held; abort(); }
void iomul_held_verify(struct iomul_held *held, u32 *checked, u32 *wrong)
{
	(void)held; (void)checked; (void)wrong;
	abort();
}
struct pci_dev *iomul_above_closed(const struct iomul_live *live) { (void)live; abort(); }
struct iomul_windows_written iomul_windows_written(const struct pci_bus *bus)
{
	(void)bus;
	return (struct iomul_windows_written){ 0 };
}
int iomul_lease_wait(struct iomul_user *user) { (void)user; abort(); }

u32 shadow_in(u32 port)
{
	unsigned int i;

	for (i = 0; i < port_loops; i++)
		__asm__ volatile("" : : : "memory");
	return port;
}

/* As the kernel's allocator lays what is larger than a cache line: at the start of one. */
static void *line_alloc(size_t size)
{
	void *p = aligned_alloc(64, (size + 63) & ~63UL);

	if (!p)
		abort();
	return memset(p, 0, size);
}

static struct iomul_user *user_new(void)
{
	struct iomul_live *live = line_alloc(sizeof(*live));
	struct iomul_slot *slot = line_alloc(sizeof(*slot));
	struct iomul_user *user = line_alloc(sizeof(*user));

	iomul_turn_init(&live->turn);
	live->tree.mux.owner = 0;
	slot->live = live;
	user->live = live;
	user->slot = slot;
	user->main_port = 0x1000;
	return user;
}

struct work {
	struct iomul_user *user;
	int cpu;
	pthread_barrier_t *go;
};

static void *work(void *arg)
{
	struct work *w = arg;
	cpu_set_t set;
	loff_t pos = 0;
	u32 val;
	int i;

	CPU_ZERO(&set);
	CPU_SET(w->cpu, &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	pthread_barrier_wait(w->go);
	for (i = 0; i < ACCESSES; i++)
		if (iomul_main_read_4(w->user, (char *)&val, 0, &pos) != 4)
			abort();
	pthread_barrier_wait(w->go);
	return NULL;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Accesses a second by @n processors, each to a group of its own. */
static double per_second(int n)
{
	pthread_barrier_t go;
	pthread_t thread[2];
	struct work w[2];
	double start;
	int i;

	pthread_barrier_init(&go, NULL, n + 1);
	for (i = 0; i < n; i++) {
		w[i] = (struct work){ user_new(), i, &go };
		if (pthread_create(&thread[i], NULL, work, &w[i]))
			abort();
	}
	pthread_barrier_wait(&go);
	start = now();
	pthread_barrier_wait(&go);
	start = now() - start;
	for (i = 0; i < n; i++)
		pthread_join(thread[i], NULL);
	pthread_barrier_destroy(&go);
	return (double)n * ACCESSES / start;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print(const char *name, double *v, const char *end)
{
	qsort(v, ROUNDS, sizeof(*v), by_value);
	printf("  \"%s\": {\"min\": %.6g, \"median\": %.6g, \"max\": %.6g}%s\n", name, v[0], v[ROUNDS / 2],
	       v[ROUNDS - 1], end);
}

int main(void)
{
	static const struct { const char *name; unsigned int loops; } ports[] = {
		{ "no port", 0 }, { "a port of some hundred nanoseconds", 1000 },
	};
	double one[ROUNDS], two[ROUNDS], ratio[ROUNDS];
	size_t k;
	int i;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		fprintf(stderr, "native: wants two processors\n");
		return 1;
	}
	printf("{\n");
	for (k = 0; k < ARRAY_SIZE(ports); k++) {
		port_loops = ports[k].loops;
		for (i = 0; i < ROUNDS; i++) {
			one[i] = per_second(1);
			two[i] = per_second(2);
			ratio[i] = two[i] / one[i];
		}
		printf(" \"%s\": {\n", ports[k].name);
		print("one group", one, ",");
		print("two groups", two, ",");
		print("ratio", ratio, "");
		printf(" }%s\n", k + 1 < ARRAY_SIZE(ports) ? "," : "");
	}
	printf("}\n");
	return 0;
}
