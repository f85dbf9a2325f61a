// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processes that are killed in the middle of accesses, and one that claims and
 * stops: kill [-k KILLS] FUNCTION...		(e1000e that share; 1000 kills)
 *
 * In each round every function has a process that reads through it in batches;
 * all get SIGKILL, some while they wait for the window, some while they have
 * it. Then each function must be free, and answer as itself.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include "mac.h"

#define BAR 2
#define BATCH 64	/* read in one turn: a change of owner is dear in the emulator */

static struct iomul_addr addr[MAX];
static uint32_t mac[MAX];
static unsigned int functions, checks, failures;
static volatile uint64_t *done;	/* accesses of each process, shared with it */

static void check(int ok, const char *what, unsigned int f)
{
	checks++;
	failures += !ok;
	if (!ok)
		printf("not ok: " ADDR_FMT ": %s\n", ADDR_ARG(addr[f]), what);
}

static int rah(int fd, uint32_t *value)
{
	struct iomul_op op[2] = {
		{ .bar = BAR, .width = 4, .count = 1, .flags = IOMUL_OP_WRITE, .data = RAH },
		{ .bar = BAR, .width = 4, .count = 1, .offset = 4 },
	};
	int err = do_access(fd, op, 2, NULL);

	*value = op[1].data;
	return err;
}

static void child(unsigned int f)
{
	struct iomul_op op[BATCH];
	struct iomul_claim claim;
	unsigned int i;
	int fd = iomul_open(O_RDWR);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (do_claim(fd, addr[f], &claim))
		_exit(1);
	for (;;) {
		for (i = 0; i < BATCH; i++)
			op[i] = (struct iomul_op){ .bar = BAR, .width = 4, .count = 1 };
		if (do_access(fd, op, BATCH, NULL))
			_exit(2);
		done[f] += BATCH;
	}
}

static pid_t start(unsigned int f)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork: %s", strerror(errno));
	done[f] = 0;
	if (!pid)
		child(f);
	return pid;
}

static void wait_for(unsigned int f, pid_t pid)
{
	while (!done[f]) {
		if (waitpid(pid, NULL, WNOHANG))
			die(ADDR_FMT ": its process can't claim or read it", ADDR_ARG(addr[f]));
		usleep(200);
	}
}

/* It is free at once, and the right one answers. */
static void inspect(unsigned int f)
{
	int fd = iomul_open(O_RDWR), err;
	struct iomul_claim claim;
	uint32_t value = 0;

	err = do_claim(fd, addr[f], &claim);
	check(!err, "can't be claimed after its holder was killed", f);
	if (!err) {
		err = rah(fd, &value);
		check(!err && value == mac[f], "another one answers", f);
	}
	close(fd);
}

static void reap(pid_t pid, unsigned int f)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		die("waitpid: %s", strerror(errno));
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "was not killed but failed", f);
}

static void round_of_kills(unsigned int *seed)
{
	pid_t pid[MAX];
	unsigned int f;

	for (f = 0; f < functions; f++)
		pid[f] = start(f);
	for (f = 0; f < functions; f++)
		wait_for(f, pid[f]);
	usleep(rand_r(seed) % 2000);
	for (f = 0; f < functions; f++)
		kill(pid[f], SIGKILL);
	for (f = 0; f < functions; f++)
		reap(pid[f], f);
	for (f = 0; f < functions; f++)
		inspect(f);
}

/* One stops with its claim, and never gives it back: the others don't care. */
static void stopped(void)
{
	uint64_t before[MAX];
	pid_t pid[MAX];
	unsigned int f;

	for (f = 0; f < functions; f++)
		pid[f] = start(f);
	for (f = 0; f < functions; f++)
		wait_for(f, pid[f]);
	kill(pid[0], SIGSTOP);
	usleep(20000);
	for (f = 0; f < functions; f++)
		before[f] = done[f];
	usleep(100000);
	for (f = 1; f < functions; f++)
		check(done[f] > before[f], "got no access while another one's holder was stopped", f);
	for (f = 0; f < functions; f++)
		kill(pid[f], SIGKILL);
	for (f = 0; f < functions; f++)
		reap(pid[f], f);
}

int main(int argc, char **argv)
{
	unsigned int kills = 1000, killed = 0, f, seed = 1;
	int option, fd;
	struct iomul_claim claim;

	while ((option = getopt(argc, argv, "k:")) != -1) {
		if (option != 'k')
			die("usage: kill [-k KILLS] FUNCTION...");
		kills = strtoul(optarg, NULL, 0);
	}
	functions = argc - optind;
	if (functions < 2 || functions > MAX)
		die("want two functions or more");
	done = mmap(NULL, sizeof(*done) * MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		    -1, 0);
	for (f = 0; f < functions; f++) {
		addr[f] = parse_addr(argv[optind + f]);
		fd = iomul_open(O_RDWR);
		if (do_claim(fd, addr[f], &claim) || rah(fd, &mac[f]))
			die("%s: can't be claimed and read", argv[optind + f]);
		close(fd);
	}
	for (f = 1; f < functions; f++)
		check(mac[f] != mac[0], "has the first one's MAC", f);
	for (; killed < kills; killed += functions)
		round_of_kills(&seed);
	stopped();
	printf("%u processes killed: %u checks, %u failed\n", killed, checks, failures);
	return !!failures;
}
