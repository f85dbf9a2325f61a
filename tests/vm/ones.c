// SPDX-License-Identifier: GPL-2.0-only
/*
 * A register that keeps all ones is read again and again, beside another one that keeps a
 * value of its own, while something happens to the bus numbers above the first:
 * ones ONE OTHER		(megasas-gen2 that share)
 *
 * Nobody may read what the other one keeps: ONE reads ones, or is told that it can't be read.
 * OTHER is always read. Prints "reading" once both are; ends with SIGTERM, and what it saw.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include "vm.h"

#define OMSK 0x34	/* of BAR 0: the mask of interrupts, keeps what is written */
#define OTHERS 0x2468ace0

struct seen {
	volatile uint64_t right, errors, wrong, after;	/* right ones after an error */
	volatile uint32_t what;
};

static volatile sig_atomic_t ended;

static void end(int sig)
{
	(void)sig;
	ended = 1;
}

static int omsk(int fd, uint32_t *value, int write)
{
	struct iomul_op op = { .width = 4, .offset = OMSK, .count = 1, .data = *value,
			       .flags = write ? IOMUL_OP_WRITE : 0 };
	int err = do_access(fd, &op, 1, NULL);

	*value = op.data;
	return err;
}

static void reader(const char *name, uint32_t want, struct seen *seen)
{
	uint32_t value = want;
	struct iomul_claim claim;
	int fd = iomul_open(O_RDWR);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (do_claim(fd, parse_addr(name), &claim) || omsk(fd, &value, 1))
		die("%s: can't be claimed and written", name);
	while (!ended) {
		if (omsk(fd, &value, 0)) {
			seen->errors++;
			seen->after = 0;
		} else if (value == want) {
			seen->right++;
			seen->after++;
		} else {
			seen->wrong++;
			seen->what = value;
		}
	}
	exit(0);
}

static void say(const char *name, const struct seen *seen)
{
	printf("%s: %llu right, %llu errors, %llu right since, %llu wrong", name,
	       (unsigned long long)seen->right, (unsigned long long)seen->errors,
	       (unsigned long long)seen->after, (unsigned long long)seen->wrong);
	printf(seen->wrong ? ", 0x%x\n" : "\n", seen->what);
}

int main(int argc, char **argv)
{
	static const uint32_t want[2] = { ~0U, OTHERS };
	struct seen *seen = mmap(NULL, 2 * sizeof(*seen), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int i, failed = 0, status;
	pid_t pid[2];

	if (argc != 3)
		die("usage: ones ONE OTHER");
	signal(SIGTERM, end);
	signal(SIGCHLD, end);	/* who ends by himself could not read at all */
	for (i = 0; i < 2; i++) {
		pid[i] = fork();
		if (!pid[i])
			reader(argv[1 + i], want[i], &seen[i]);
	}
	while (!ended && (!seen[0].right || !seen[1].right))
		usleep(1000);
	puts("reading");
	fflush(stdout);
	while (!ended)
		usleep(1000);
	for (i = 0; i < 2; i++) {
		kill(pid[i], SIGTERM);
		waitpid(pid[i], &status, 0);
		failed |= status || seen[i].wrong || !seen[i].after;
		say(argv[1 + i], &seen[i]);
	}
	return failed || !seen[0].errors || seen[1].errors;
}
