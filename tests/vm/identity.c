// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does the right device answer? Processes read the MAC address of their own
 * e1000e through its IOADDR/IODATA pair (82574 data sheet, 10.2.2) at the same
 * time, all through one window; what each must read is known from its memory
 * BAR. A misrouted write to IOADDR or a misrouted read shows as a wrong MAC.
 *
 * identity [-n ACCESSES] [-p PROCESSES] [-b PAIRS] [SLOT...]
 *
 * Default: all attached slots. Of four rounds two are a batch of PAIRS (32), one
 * is a batch of one pair, one is two system calls, between which others come.
 */
#include <getopt.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include "vm.h"

#define IOADDR 0x0
#define IODATA 0x4
#define RAH 0x5404	/* MAC bytes 4 and 5: they differ */
#define BAR 2

struct nic {
	struct iomul_addr addr;
	uint32_t rah;
	int fd;
};

/* Shared with the children. */
struct result {
	uint64_t accesses;
	uint64_t wrong;
	uint64_t errors;
};

static void sysfs_enable(struct iomul_addr a, const char *value)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/" ADDR_FMT "/enable", ADDR_ARG(a));
	f = fopen(path, "w");
	if (!f || fputs(value, f) < 0 || fclose(f))
		die("%s: %s", path, strerror(errno));
}

/* The register through the memory BAR, which nobody multiplexes. */
static uint32_t mmio_read(struct iomul_addr a, uint32_t reg)
{
	char path[128];
	uint32_t value;
	void *map;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/" ADDR_FMT "/resource0", ADDR_ARG(a));
	sysfs_enable(a, "1");
	fd = open(path, O_RDWR | O_SYNC);
	map = fd < 0 ? MAP_FAILED : mmap(NULL, 0x20000, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		die("%s: %s", path, strerror(errno));
	value = *(volatile uint32_t *)((char *)map + reg);
	munmap(map, 0x20000);
	close(fd);
	sysfs_enable(a, "0");
	return value;
}

#define PAIRS_MAX (IOMUL_OPS_MAX / 2)

static unsigned int pairs = 32;

/* One round: accesses done, and in @wrong how many of its reads were. -errno. */
static int read_round(const struct nic *nic, uint64_t round, uint32_t *wrong)
{
	static struct iomul_op op[IOMUL_OPS_MAX];
	unsigned int i, n = round & 1 ? pairs : 1;
	int err;

	for (i = 0; i < n; i++) {
		op[2 * i] = (struct iomul_op){ .bar = BAR, .width = 4, .flags = IOMUL_OP_WRITE,
					       .offset = IOADDR, .count = 1, .data = RAH };
		op[2 * i + 1] = (struct iomul_op){ .bar = BAR, .width = 4, .offset = IODATA,
						   .count = 1 };
	}
	if (round & 3) {
		err = do_access(nic->fd, op, 2 * n, NULL);
	} else {
		err = do_access(nic->fd, op, 1, NULL);
		if (!err)
			err = do_access(nic->fd, op + 1, 1, NULL);
	}
	*wrong = 0;
	for (i = 0; !err && i < n; i++) {
		if (op[2 * i + 1].data == nic->rah)
			continue;
		if (!*wrong)
			fprintf(stderr, ADDR_FMT ": read %08llx, must be %08x\n",
				ADDR_ARG(nic->addr), (unsigned long long)op[2 * i + 1].data,
				nic->rah);
		++*wrong;
	}
	return err ? err : (int)(2 * n);
}

static void child(struct nic *nic, unsigned int nics, unsigned int me, unsigned int processes,
		  uint64_t accesses, struct result *result)
{
	struct iomul_claim claim;
	uint32_t wrong, i;
	uint64_t round;
	int n;

	for (i = me; i < nics; i += processes) {
		nic[i].fd = iomul_open(O_RDWR);
		n = do_claim(nic[i].fd, nic[i].addr, &claim);
		if (n)
			die(ADDR_FMT ": claim: %s", ADDR_ARG(nic[i].addr), strerror(-n));
	}
	i = me;
	for (round = 0; result->accesses < accesses; round++) {
		n = read_round(&nic[i], round, &wrong);
		result->accesses += n < 0 ? 0 : n;
		result->wrong += wrong;
		if (n < 0 && result->errors++ == 0)
			fprintf(stderr, ADDR_FMT ": %s\n", ADDR_ARG(nic[i].addr), strerror(-n));
		if (result->errors > 1000)
			break;
		i = i + processes < nics ? i + processes : me;
	}
	exit(result->wrong || result->errors);
}

static unsigned int choose(struct nic *nic, int argc, char **argv)
{
	static struct iomul_slot_status slot[MAX];
	unsigned int i, k, n = 0;
	int fd = iomul_open(O_RDONLY);

	if (argc) {
		for (n = 0; n < (unsigned int)argc && n < MAX; n++)
			nic[n].addr = parse_addr(argv[n]);
	} else {
		n = get_slots(fd, slot);
		for (i = 0; i < n; i++)
			nic[i].addr = slot[i].addr;
	}
	close(fd);
	for (i = 0; i < n; i++) {
		nic[i].rah = mmio_read(nic[i].addr, RAH);
		for (k = 0; k < i; k++)
			if (nic[k].rah == nic[i].rah)
				die(ADDR_FMT " and " ADDR_FMT " have the same MAC: nothing to tell them by",
				    ADDR_ARG(nic[k].addr), ADDR_ARG(nic[i].addr));
	}
	return n;
}

int main(int argc, char **argv)
{
	static struct nic nic[MAX];
	uint64_t accesses = 1000000, total = 0, wrong = 0, errors = 0;
	unsigned int processes = 8, nics, i;
	struct timespec start, end;
	struct result *result;
	int option, status, failed = 0;
	double seconds;

	while ((option = getopt(argc, argv, "n:p:b:")) != -1) {
		if (option == 'n')
			accesses = strtoull(optarg, NULL, 0);
		else if (option == 'p')
			processes = strtoul(optarg, NULL, 0);
		else if (option == 'b')
			pairs = strtoul(optarg, NULL, 0);
		else
			die("usage: identity [-n ACCESSES] [-p PROCESSES] [-b PAIRS] [SLOT...]");
	}
	nics = choose(nic, argc - optind, argv + optind);
	if (!nics || !processes)
		die("nothing is shared");
	if (!pairs || pairs > PAIRS_MAX)
		die("-b: 1 to %d", PAIRS_MAX);
	if (processes > nics)
		processes = nics;
	result = mmap(NULL, processes * sizeof(*result), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (result == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (i = 0; i < processes; i++)
		if (!fork())
			child(nic, nics, i, processes, accesses / processes, &result[i]);
	while (wait(&status) > 0)
		failed |= status;
	clock_gettime(CLOCK_MONOTONIC, &end);
	for (i = 0; i < processes; i++) {
		total += result[i].accesses;
		wrong += result[i].wrong;
		errors += result[i].errors;
	}
	seconds = end.tv_sec - start.tv_sec + (end.tv_nsec - start.tv_nsec) / 1e9;
	printf("%llu accesses by %u processes to %u devices in %.1f s: %llu misrouted, %llu errors\n",
	       (unsigned long long)total, processes, nics, seconds, (unsigned long long)wrong,
	       (unsigned long long)errors);
	return failed || wrong || errors || total < accesses;
}
