// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processes that hammer: one for each function, each reads a port of its own as
 * often as it can until the time is over.
 *
 * usage: contend SECONDS BAR OFFSET FUNCTION...	through claims
 *	  contend SECONDS raw PORT COUNT		COUNT processes, by in alone
 *
 * Prints one JSON object: accesses in all and per second, the share of who had
 * least over that of who had most, how long an access took (it waits for its turn
 * meanwhile): median, 99th percentile, longest, in nanoseconds. How many turns of
 * others came between the module counts: most_passed of struct iomul_slot_status.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "iomul.h"

#define PROCESSES 256
#define SAMPLES (1U << 20)	/* of each process; those beyond are counted, not kept */

struct worker {
	uint64_t accesses;
	uint64_t longest;
	uint32_t kept;
	uint32_t ns[SAMPLES];
};

static struct shared {
	volatile int go;
	struct worker worker[];
} *shared;

static void die(const char *what)
{
	fprintf(stderr, "contend: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static int claim(const char *bdf)
{
	struct iomul_claim c = { .size = sizeof(c) };
	unsigned int segment, bus, dev, fn;
	int fd = open("/dev/iomul", O_RDWR);

	if (fd < 0 || sscanf(bdf, "%x:%x:%x.%x", &segment, &bus, &dev, &fn) != 4)
		die(bdf);
	c.addr = (struct iomul_addr){ .segment = segment, .bus = bus, .devfn = dev << 3 | fn };
	if (ioctl(fd, IOMUL_CLAIM, &c))
		die("IOMUL_CLAIM");
	return fd;
}

static void pin(int n)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(n % (int)sysconf(_SC_NPROCESSORS_ONLN), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void one_access(int fd, unsigned int bar, unsigned int where)
{
	struct iomul_op op = { .bar = bar, .width = 4, .count = 1, .offset = where };
	struct iomul_access a = { .size = sizeof(a), .ops_ptr = (uintptr_t)&op, .ops = 1 };

	if (fd < 0)
		inl(where);
	else if (ioctl(fd, IOMUL_ACCESS, &a))
		die("IOMUL_ACCESS");
}

static void work(struct worker *w, int fd, unsigned int bar, unsigned int where, double seconds)
{
	uint64_t start, end, before, after;

	while (!shared->go)
		sched_yield();
	start = before = now();
	end = start + (uint64_t)(seconds * 1e9);
	while (before < end) {
		one_access(fd, bar, where);
		after = now();
		if (after - before > w->longest)
			w->longest = after - before;
		if (w->kept < SAMPLES)
			w->ns[w->kept++] = after - before > UINT32_MAX ? UINT32_MAX : after - before;
		w->accesses++;
		before = after;
	}
	exit(0);
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void report(int n, double seconds)
{
	uint64_t all = 0, least = UINT64_MAX, most = 0, longest = 0, kept = 0;
	uint32_t *ns;
	int i;

	for (i = 0; i < n; i++)
		kept += shared->worker[i].kept;
	ns = malloc((kept + 1) * sizeof(*ns));
	if (!ns)
		die("samples");
	for (i = 0, kept = 0; i < n; i++) {
		struct worker *w = &shared->worker[i];

		all += w->accesses;
		least = w->accesses < least ? w->accesses : least;
		most = w->accesses > most ? w->accesses : most;
		longest = w->longest > longest ? w->longest : longest;
		memcpy(ns + kept, w->ns, w->kept * sizeof(*ns));
		kept += w->kept;
	}
	qsort(ns, kept, sizeof(*ns), by_value);
	printf("{\"processes\": %d, \"accesses\": %llu, \"per_second\": %.1f, \"fairness\": %.3f, "
	       "\"median_ns\": %u, \"p99_ns\": %u, \"longest_ns\": %llu}\n",
	       n, (unsigned long long)all, (double)all / seconds, most ? (double)least / (double)most : 0,
	       kept ? ns[kept / 2] : 0, kept ? ns[kept * 99 / 100] : 0, (unsigned long long)longest);
	free(ns);
}

int main(int argc, char **argv)
{
	bool raw = argc == 5 && !strcmp(argv[2], "raw");
	unsigned int bar, where;
	double seconds;
	int i, n, status, fd[PROCESSES], failed = 0;

	if (argc < 5)
		return 2;
	seconds = atof(argv[1]);
	bar = raw ? 0 : strtoul(argv[2], NULL, 0);
	where = strtoul(argv[3], NULL, 0);
	n = raw ? atoi(argv[4]) : argc - 4;
	if (n < 1 || n > PROCESSES)
		return 2;
	if (raw && iopl(3))
		die("iopl");
	shared = mmap(NULL, sizeof(*shared) + n * sizeof(struct worker), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		die("mmap");
	for (i = 0; i < n; i++)
		fd[i] = raw ? -1 : claim(argv[4 + i]);
	for (i = 0; i < n; i++) {
		if (fork())
			continue;
		pin(i);
		work(&shared->worker[i], fd[i], bar, where, seconds);
	}
	shared->go = 1;
	for (i = 0; i < n; i++) {
		wait(&status);
		failed |= status;
	}
	if (failed)
		return 1;
	report(n, seconds);
	return 0;
}
