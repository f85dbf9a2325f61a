// SPDX-License-Identifier: GPL-2.0-only
/* Progress of long work: one line on standard error, where that is a terminal. */
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <unistd.h>
#include "cli.h"

#define PATIENCE_MS 200 /* what is shorter needs no line; and how often it is redrawn */

static struct {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t over;
	bool on, ended;
	atomic_uint done;
	u32 total;
	char what[64];
} progress = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void draw(u32 tenths)
{
	if (progress.total)
		fprintf(stderr, "\r%s: %u of %u, %u.%u s", progress.what, progress.done,
			progress.total, tenths / 10, tenths % 10);
	else
		fprintf(stderr, "\r%s: %u.%u s", progress.what, tenths / 10, tenths % 10);
}

static void *follow(void *unused)
{
	struct timespec begin, next;
	u32 tenths = 0;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	next = begin;
	pthread_mutex_lock(&progress.lock);
	for (;;) {
		next.tv_nsec += PATIENCE_MS * 1000000l;
		if (next.tv_nsec >= 1000000000) {
			next.tv_nsec -= 1000000000;
			next.tv_sec++;
		}
		while (!progress.ended &&
		       !pthread_cond_timedwait(&progress.over, &progress.lock, &next))
			;
		if (progress.ended)
			break;
		tenths += PATIENCE_MS / 100;
		draw(tenths);
	}
	pthread_mutex_unlock(&progress.lock);
	if (tenths)
		fprintf(stderr, "\r%79s\r", "");
	return unused;
}

void progress_begin(u32 total, const char *format, ...)
{
	pthread_condattr_t attr;
	va_list args;

	if (!isatty(STDERR_FILENO))
		return;
	va_start(args, format);
	vsnprintf(progress.what, sizeof(progress.what), format, args);
	va_end(args);
	progress.total = total;
	progress.done = 0;
	progress.ended = false;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&progress.over, &attr);
	/* Without it the work is done all the same. */
	progress.on = !pthread_create(&progress.thread, NULL, follow, NULL);
}

void progress_step(void)
{
	progress.done++;
}

void progress_end(void)
{
	if (!progress.on)
		return;
	pthread_mutex_lock(&progress.lock);
	progress.ended = true;
	pthread_cond_signal(&progress.over);
	pthread_mutex_unlock(&progress.lock);
	pthread_join(progress.thread, NULL);
	progress.on = false;
}
