// SPDX-License-Identifier: GPL-2.0-only
/* iomul lease: one slot has its group's window to itself, as long as this command runs. */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "cli.h"

extern char **environ;

static int do_lease(struct iomul_ctx *ctx, const struct choice *ch, struct iomul_refusal *refusal)
{
	int rc = iomul_ctx_lease(ctx, ch->slot[0], refusal);

	while (ch->wait && rc == -EBUSY && refusal->reason == IOMUL_R_LEASED) {
		usleep(200000);
		rc = iomul_ctx_lease(ctx, ch->slot[0], refusal);
	}
	if (!rc)
		return EXIT_DONE;
	return refusal->reason ? EXIT_REFUSED : device_failed(rc, "lease");
}

/* Runs @argv; its exit code, as a shell would have it. */
static int run_command(char **argv)
{
	posix_spawnattr_t attr;
	sigset_t none;
	int status, rc;
	pid_t pid;

	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigmask(&attr, &none);
	rc = posix_spawnp(&pid, argv[0], NULL, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	if (rc) {
		complain("%s can't be run: %s", argv[0], strerror(rc));
		return 127;
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 127;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void wait_for_signal(struct iomul_addr slot, const sigset_t *set)
{
	char text[ADDR_TEXT];
	int sig;

	printf("%s has the window of its group to itself; Ctrl-C ends that.\n",
	       addr_slot(slot, text));
	fflush(stdout);
	sigwait(set, &sig);
}

/* A driver that still has ports keeps the lease: worth a word. */
static void say_rest(struct iomul_ctx *ctx, struct iomul_addr slot)
{
	const struct iomul_slot_status *s;
	struct iomul_state *state;
	char text[ADDR_TEXT];
	u32 i;

	if (iomul_state_get(ctx, &state))
		return;
	for (i = 0; i < state->slots; i++) {
		s = &state->slot[i];
		if (addr_same_slot(s->addr, slot) && (s->flags & IOMUL_SLOT_LEASED))
			complain("%s: the host driver %.*s still uses its ports, so the lease lasts "
				 "until that driver is unbound",
				 addr_slot(slot, text), IOMUL_NAME_MAX, s->who);
	}
	iomul_state_put(state);
}

static int lease(struct iomul_ctx *ctx, const struct choice *ch, char **argv)
{
	struct iomul_refusal refusal = { 0 };
	sigset_t set;
	int code;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	code = do_lease(ctx, ch, &refusal);
	if (code) {
		if (refusal.reason)
			refusal_say(ctx, &refusal);
		return code;
	}
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (*argv)
		code = run_command(argv);
	else
		wait_for_signal(ch->slot[0], &set);
	iomul_ctx_lease_end(ctx);
	say_rest(ctx, ch->slot[0]);
	return code;
}

static int run(const struct command *self, int argc, char **argv)
{
	char **command = argv + argc;
	struct iomul_ctx *ctx;
	struct choice ch;
	int i, code;

	for (i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--"))
			break;
	if (i < argc) {
		command = argv + i + 1;
		if (!*command)
			return usage_error(self, "no command behind '--'");
	}
	code = choice_parse(&ch, self, CHOOSE_SLOTS | CHOOSE_NEEDED | CHOOSE_WAIT, i, argv);
	if (code != CHOICE_GO)
		return code;
	if (ch.slots > 1) {
		code = usage_error(self, "one slot at most, please");
		goto out_free;
	}
	code = device_open(&ctx, false, false);
	if (code)
		goto out_free;
	code = lease(ctx, &ch, command);
	iomul_ctx_close(ctx);
out_free:
	choice_free(&ch);
	return code;
}

const struct command cmd_lease = {
	"lease", "SLOT [--wait] [-- COMMAND [ARGUMENT]...]",
	"Gives a slot its group's window to itself, for a host driver",
	"As long as COMMAND runs, or until Ctrl-C. A host driver that is bound to the slot\n"
	"meanwhile can use its ports; accesses to the group's other slots wait. Example:\n"
	"  iomul lease 05:00 -- modprobe 8139too\n"
	"A driver that still uses the ports at the end keeps the lease until it is unbound.\n\n"
	"  --wait         until nobody else has a lease of the window any more\n",
	run
};
