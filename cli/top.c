// SPDX-License-Identifier: GPL-2.0-only
/*
 * iomul top: what each slot does, live. On a terminal a screen of its own that
 * follows its size; otherwise, or with --once, one table over one interval.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include "from.h"
#include "monitor.h"

#define LINE 512

struct screen {
	struct termios before;
	u32 rows, columns;
	enum rate_order order;
	double interval;
	u32 line;
};

static volatile sig_atomic_t ended, resized;

static void on_signal(int signal)
{
	if (signal == SIGWINCH)
		resized = 1;
	else
		ended = 1;
}

/* 12, 1.2k, 3.4M: four places. */
static const char *count_text(double v, char text[16])
{
	static const char units[] = " kMGT";
	u32 unit = 0;

	while (v >= 9999.5 && unit < 4) {
		v /= 1000;
		unit++;
	}
	if (unit)
		snprintf(text, 16, "%.*f%c", v < 100, v, units[unit]);
	else
		snprintf(text, 16, "%.*f", v > 0 && v < 10, v);
	return text;
}

static const char *time_text(double seconds, char text[16])
{
	if (seconds <= 0)
		snprintf(text, 16, "-");
	else if (seconds < 1e-3)
		snprintf(text, 16, "%.1f us", seconds * 1e6);
	else if (seconds < 1)
		snprintf(text, 16, "%.1f ms", seconds * 1e3);
	else
		snprintf(text, 16, "%.1f s", seconds);
	return text;
}

static const char slot_head[] =
	"SLOT         GROUP  ACCESS/s  CHANGE/s    WAIT/s  50% WAIT<  99% WAIT<  USERS  STATE   HELD BY";

static void slot_line(const struct slot_rate *r, char text[LINE])
{
	char addr[ADDR_TEXT], a[16], s[16], w[16], t[16], l[16];
	const char *state = r->now.flags & IOMUL_SLOT_GONE     ? "unplugged" :
			    r->now.flags & IOMUL_SLOT_STRANDED ? "stranded" :
			    r->errors > 0		       ? "errors" :
			    r->now.flags & IOMUL_SLOT_OWNER    ? "owner" :
								 "";

	snprintf(text, LINE, "%-12s %5u %9s %9s %9s %10s %10s %6u  %-7s %.*s",
		 addr_slot(r->now.addr, addr), r->now.group, count_text(r->accesses, a),
		 count_text(r->switches, s), count_text(r->waits, w),
		 time_text(r->wait_median, t), time_text(r->wait_p99, l), r->now.users, state, IOMUL_NAME_MAX, r->now.who);
}

static void group_line(const struct group_rate *r, char text[LINE])
{
	char range[24], addr[ADDR_TEXT], a[16], s[16], w[16], n[16];

	snprintf(text, LINE,
		 "Group %u  %s  %u slots  owner %s  %s accesses/s  %s changes/s  %s config writes/s  "
		 "%s waiting",
		 r->now.id, range_text(r->now.window, range), r->now.slots,
		 r->now.has_owner ? addr_slot(r->now.owner, addr) : "nobody",
		 count_text(r->accesses, a), count_text(r->switches, s),
		 count_text(r->config_writes, w), count_text(r->waiting, n));
}

/*
 * Once.
 */

static void print_table(const struct rates *r)
{
	char text[LINE];
	u32 i;

	for (i = 0; i < r->groups; i++) {
		group_line(&r->group[i], text);
		puts(text);
	}
	if (!r->groups)
		puts("Nothing shares; attach slots with 'iomul attach'.");
	if (!r->slots)
		return;
	printf("\n%s\n", slot_head);
	for (i = 0; i < r->slots; i++) {
		slot_line(&r->slot[i], text);
		puts(text);
	}
}

static struct json_object *json_slot_rate(const struct slot_rate *r)
{
	struct json_object *o = json_object_new_object();

	json_put(o, "slot", json_slot(r->now.addr));
	json_put_u64(o, "group", r->now.group);
	json_put(o, "accesses_per_second", json_object_new_double(r->accesses));
	json_put(o, "switches_per_second", json_object_new_double(r->switches));
	json_put(o, "waits_per_second", json_object_new_double(r->waits));
	json_put(o, "mean_wait_seconds", json_object_new_double(r->wait));
	json_put(o, "median_wait_seconds", json_object_new_double(r->wait_median));
	json_put(o, "p99_wait_seconds", json_object_new_double(r->wait_p99));
	json_put(o, "errors_per_second", json_object_new_double(r->errors));
	json_put(o, "owner", json_object_new_boolean(!!(r->now.flags & IOMUL_SLOT_OWNER)));
	json_put(o, "unplugged", json_object_new_boolean(!!(r->now.flags & IOMUL_SLOT_GONE)));
	json_put_u64(o, "users", r->now.users);
	json_put_text(o, "who", *r->now.who ? r->now.who : NULL);
	return o;
}

static struct json_object *json_group_rate(const struct group_rate *r)
{
	struct json_object *o = json_object_new_object();

	json_put_u64(o, "group", r->now.id);
	json_put(o, "window", json_range(r->now.window));
	json_put(o, "owner", r->now.has_owner ? json_slot(r->now.owner) : NULL);
	json_put(o, "accesses_per_second", json_object_new_double(r->accesses));
	json_put(o, "switches_per_second", json_object_new_double(r->switches));
	json_put(o, "config_writes_per_second", json_object_new_double(r->config_writes));
	json_put(o, "events_per_second", json_object_new_double(r->events));
	json_put(o, "waiting", json_object_new_double(r->waiting));
	return o;
}

static void print_json(const struct rates *r, bool one_line)
{
	struct json_object *o = json_object_new_object(), *a = json_object_new_array();
	u32 i;

	json_put_u64(o, "schema", SCHEMA);
	json_put(o, "seconds", json_object_new_double(r->seconds));
	for (i = 0; i < r->groups; i++)
		json_object_array_add(a, json_group_rate(&r->group[i]));
	json_put(o, "groups", a);
	a = json_object_new_array();
	for (i = 0; i < r->slots; i++)
		json_object_array_add(a, json_slot_rate(&r->slot[i]));
	json_put(o, "slots", a);
	if (!one_line) {
		json_print(o);
		return;
	}
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
	fflush(stdout);
	json_object_put(o);
}

/*
 * The screen.
 */

static void screen_size(struct screen *s)
{
	struct winsize size;

	s->rows = 24;
	s->columns = 80;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_row || !size.ws_col)
		return;
	s->rows = size.ws_row;
	s->columns = size.ws_col;
}

static void screen_open(struct screen *s)
{
	struct sigaction act = { .sa_handler = on_signal };
	struct termios raw;

	sigaction(SIGWINCH, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGHUP, &act, NULL);
	tcgetattr(STDIN_FILENO, &s->before);
	raw = s->before;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	fputs("\033[?1049h\033[?25l", stdout);
	screen_size(s);
}

static void screen_close(struct screen *s)
{
	fputs("\033[?25h\033[?1049l", stdout);
	fflush(stdout);
	tcsetattr(STDIN_FILENO, TCSANOW, &s->before);
}

static void screen_line(struct screen *s, const char *style, const char *text)
{
	if (s->line >= s->rows)
		return;
	if (!colours_wanted())
		style = "";
	printf("%s%s%.*s%s\033[K", s->line ? "\r\n" : "", style, (int)s->columns, text,
	       *style ? "\033[0m" : "");
	s->line++;
}

static void screen_draw(struct screen *s, const struct rates *r)
{
	static const char *const orders[] = { "accesses", "changes", "waiting", "slot" };
	char text[LINE];
	u32 i;

	s->line = 0;
	fputs("\033[H", stdout);
	snprintf(text, sizeof(text),
		 "iomul top, every %.1f s, sorted by %s   q quit, a accesses, c changes, w waiting, s slot",
		 s->interval, orders[s->order]);
	screen_line(s, "\033[1m", text);
	for (i = 0; i < r->groups; i++) {
		group_line(&r->group[i], text);
		screen_line(s, "", text);
	}
	if (!r->groups)
		screen_line(s, "", "Nothing shares; attach slots with 'iomul attach'.");
	screen_line(s, "\033[7m", slot_head);
	for (i = 0; i < r->slots; i++) {
		if (s->line + 1 == s->rows && i + 1 < r->slots) {
			snprintf(text, sizeof(text), "and %u more", r->slots - i);
			screen_line(s, "", text);
			break;
		}
		slot_line(&r->slot[i], text);
		screen_line(s,
			    r->slot[i].errors > 0 ? "\033[31m" :
			    r->slot[i].now.flags & IOMUL_SLOT_OWNER ? "\033[32m" : "",
			    text);
	}
	fputs("\033[J", stdout);
	fflush(stdout);
}

/* One key, if there was one. False: quit. */
static bool screen_key(struct screen *s)
{
	char key;
	ssize_t n = read(STDIN_FILENO, &key, 1);

	if (n == 0)
		return false; /* the terminal is gone */
	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	switch (key) {
	case 'q':
	case 'Q':
	case 27:
		return false;
	case 'a':
		s->order = BY_ACCESSES;
		break;
	case 'c':
		s->order = BY_SWITCHES;
		break;
	case 'w':
		s->order = BY_WAIT;
		break;
	case 's':
		s->order = BY_SLOT;
		break;
	}
	return true;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Waits for the next sample; keys and a new size are answered at once. */
static bool screen_wait(struct screen *s, struct rates *r, double until)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	double left;

	while (!ended && (left = until - now()) > 0) {
		int n = poll(&in, 1, (int)(left * 1000) + 1);

		if (n > 0 && !screen_key(s))
			return false;
		if (resized || n > 0) {
			resized = 0;
			screen_size(s);
			rates_sort(r, s->order);
			screen_draw(s, r);
		}
	}
	return !ended;
}

static int live(struct iomul_ctx *ctx, double interval)
{
	struct screen s = { .interval = interval };
	struct rates r = { 0 };
	struct sample a, b;
	bool go = true;
	int rc = sample_take(ctx, &a);

	if (rc)
		return device_failed(rc, "reading the counters");
	screen_open(&s);
	while (!rc && go && !ended) {
		go = screen_wait(&s, &r, a.time + (r.slot ? interval : 0.2));
		rates_free(&r);
		rc = go ? sample_take(ctx, &b) : 0;
		if (rc || !go)
			break;
		rc = rates_between(&a, &b, &r);
		sample_drop(&a);
		a = b;
		if (rc)
			break;
		rates_sort(&r, s.order);
		screen_draw(&s, &r);
	}
	screen_close(&s);
	rates_free(&r);
	sample_drop(&a);
	return rc ? device_failed(rc, "reading the counters") : EXIT_DONE;
}

static void pause_for(double seconds)
{
	struct timespec t = { .tv_sec = (time_t)seconds,
			      .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9) };

	while (!ended && nanosleep(&t, &t) && errno == EINTR)
		;
}

/* @times 0: until interrupted. */
static int plain(struct iomul_ctx *ctx, double interval, bool json, bool once)
{
	struct sample a, b;
	struct rates r;
	int rc = sample_take(ctx, &a);

	while (!rc) {
		pause_for(interval);
		rc = sample_take(ctx, &b);
		if (rc)
			break;
		rc = rates_between(&a, &b, &r);
		sample_drop(&a);
		a = b;
		if (rc)
			break;
		rates_sort(&r, BY_ACCESSES);
		if (json)
			print_json(&r, !once);
		else
			print_table(&r);
		rates_free(&r);
		if (once || ferror(stdout))
			break;
	}
	sample_drop(&a);
	return rc ? device_failed(rc, "reading the counters") : EXIT_DONE;
}

static int run(const struct command *self, int argc, char **argv)
{
	struct verb_options o;
	struct iomul_ctx *ctx;
	double interval;
	int code = verb_parse(&o, self, "ijo", argc, argv);

	if (code != CHOICE_GO)
		return code;
	interval = o.interval > 0 ? o.interval : 1;
	code = device_open(&ctx, false, false);
	if (!code) {
		if (!o.once && !o.json && isatty(STDOUT_FILENO) && isatty(STDIN_FILENO))
			code = live(ctx, interval);
		else
			code = plain(ctx, interval, o.json, o.once || !o.json);
		iomul_ctx_close(ctx);
	}
	verb_free(&o);
	return code;
}

const struct command cmd_top = {
	"top",
	"[--interval SECONDS] [--once] [--json]",
	"Shows live what each slot does: accesses, changes of owner, waiting",
	"Keys: q quits; a, c, w, s sort by accesses, changes, waiting, slot.\n\n"
	"  --interval S   seconds between two looks, 0.1 to 3600 (1)\n"
	"  --once         one table over one interval\n"
	"  --json         for programs: an object a line every interval, or with --once one\n",
	run
};
